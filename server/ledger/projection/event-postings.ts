import type { Event, EventType, Payment, Refund } from '@heliu/contract';
import { assert } from '../../kernel/assert.ts';
import { type Fen, toFen, ZERO } from '../../kernel/money.ts';
import { type Price, returnedFee } from '../../kernel/price.ts';
import { type Draft, entriesOf, type Subject } from '../posting.ts';

/** What a merchant's price takes of a payment, and what a refund needs to know of it later. */
export type Charge = { readonly fee_fen: Fen; readonly price_id: string } & Pick<Price, 'rounding' | 'refund'>;

/** What is charged. */
export type Chargeable = Pick<Subject, 'channel_account_id' | 'channel' | 'method'> & { readonly amount_fen: Fen; readonly fact_at: Date };

/** What the book knows of an attempt's money. */
export type Taken = Subject & {
  readonly kind: 'payment' | 'duplicate' | 'late';
  readonly amount_fen: Fen;
  readonly fee_fen: Fen;
  /** What went back so far, and of the fee. */
  readonly refunded_fen: Fen;
  readonly returned_fen: Fen;
  readonly merchant_order_no: string | null;
  readonly charge: Pick<Price, 'rounding' | 'refund'> | undefined;
};

export type MappingEnv = {
  readonly charge: (payment: Chargeable) => Charge | undefined;
  /** By attempt. */
  readonly taken: (attempt_id: string) => Taken | undefined;
};

/** Undefined: this event of the type moved no money. */
type Mapping = (event: Event, env: MappingEnv) => Draft | undefined;

/**
 * Which event is posted, and how; null: no money moved. The whole of what the ledger makes of events stands here, as data
 * and pure functions, so that the same events give the same ledger at any time.
 */
export const event_postings: Readonly<Record<EventType, Mapping | null>> = {
  'payment.paid': (event, env) => accepted(event, env),
  'payment.duplicate_received': (event) => unexpected(event, 'duplicate'),
  'payment.late_received': (event) => unexpected(event, 'late'),
  'refund.pending': (event, env) => tookOn(event, env),
  'refund.succeeded': (event, env) => wentBack(event, env),
  'payment.closed': null,
  'payment.attempt_refused': null,
  'refund.refused': (event, env) => (isInTransit(refundOf(event)) ? cameToNothing(event, env) : undefined),
  'anomaly.opened': null,
  'recon_exception.opened': null,
  'recon_exception.closed': null,
  'recon_exception.aged': null,
  'help_request.opened': null,
  'webhook_endpoint.ping': null,
};

/** The types that may move money. */
export const money_events: readonly string[] = Object.entries(event_postings).flatMap(([type, mapping]) => (mapping ? [type] : []));

function accepted(event: Event, env: MappingEnv): Draft {
  const payment = paymentOf(event);
  const fact_at = new Date(payment.paid_at ?? event.created_at);
  const amount_fen = toFen(payment.paid_fen);
  const subject = subjectOf(payment);
  const charge = env.charge({ ...subject, amount_fen, fact_at });
  const fee_fen = charge?.fee_fen ?? ZERO;
  const { channel_account_id: party } = subject;
  return {
    ...subject,
    kind: 'payment',
    source_id: event.id,
    reverses_id: null,
    amount_fen,
    fee_fen,
    fact_at,
    detail: { ...numbersOf(payment), ...(charge ? { price_id: charge.price_id, rounding: charge.rounding, refund_fee: charge.refund } : {}) },
    entries: entriesOf(['channel_receivable', party, amount_fen], ['merchant_due', party, fee_fen - amount_fen], ['service_fee', party, -fee_fen]),
  };
}

/** It is at the channel, and nobody's until it goes back or a person decides. */
function unexpected(event: Event, kind: 'duplicate' | 'late'): Draft {
  const payment = paymentOf(event);
  const subject = subjectOf(payment);
  const amount_fen = toFen(payment.amount_fen);
  return {
    ...subject,
    kind,
    source_id: event.id,
    reverses_id: null,
    amount_fen,
    fee_fen: ZERO,
    fact_at: new Date(event.created_at),
    detail: numbersOf(payment),
    entries: entriesOf(['channel_receivable', subject.channel_account_id, amount_fen], ['suspense', subject.channel_account_id, -amount_fen]),
  };
}

/**
 * The channel has taken a refund on: from now on it owes the money to the payer. Whether the end of a refund ends a transit is
 * said by its own event, so that the order in which the events are numbered does not matter.
 */
function tookOn(event: Event, env: MappingEnv): Draft {
  const { draft, given_up, party, amount_fen } = refundDraft(event, env);
  return { ...draft, kind: 'transit', entries: entriesOf([given_up, party, amount_fen], ['refund_in_transit', party, -amount_fen]) };
}

/** It was taken on, and refused after all. */
function cameToNothing(event: Event, env: MappingEnv): Draft {
  const { draft, given_up, party, amount_fen } = refundDraft(event, env);
  return { ...draft, kind: 'transit_end', entries: entriesOf(['refund_in_transit', party, amount_fen], [given_up, party, -amount_fen]) };
}

function wentBack(event: Event, env: MappingEnv): Draft {
  const { draft, taken, given_up, party, amount_fen } = refundDraft(event, env);
  const returned = taken?.kind === 'payment' && taken.charge ? returnedFee(taken.charge, taken, amount_fen) : ZERO;
  const refund = refundOf(event);
  const from = isInTransit(refund) ? 'refund_in_transit' : given_up;
  return {
    ...draft,
    kind: given_up === 'merchant_due' ? 'refund' : 'return',
    fee_fen: returned,
    fact_at: new Date(refund.refunded_at ?? event.created_at),
    entries: entriesOf(
      ...(from === given_up
        ? ([[given_up, party, amount_fen - returned]] as const)
        : ([
            [from, party, amount_fen],
            [given_up, party, -returned],
          ] as const)),
      ['service_fee', party, returned],
      ['channel_receivable', party, -amount_fen],
    ),
  };
}

/** What every posting of a refund says, and the account that gives the money up: the merchant's due, or suspense for money that was never the merchant's. */
function refundDraft(event: Event, env: MappingEnv) {
  const refund = refundOf(event);
  const taken = env.taken(refund.attempt_id);
  const amount_fen = toFen(refund.amount_fen);
  const party = taken?.channel_account_id ?? '';
  const draft = {
    source_id: event.id,
    reverses_id: null,
    payment_id: refund.payment_id,
    attempt_id: refund.attempt_id,
    refund_id: refund.id,
    store_id: taken?.store_id ?? null,
    channel_account_id: party,
    channel: taken?.channel ?? '',
    method: taken?.method ?? '',
    amount_fen,
    fee_fen: ZERO,
    fact_at: new Date(event.created_at),
    detail: {
      merchant_order_no: taken?.merchant_order_no ?? null,
      merchant_refund_no: refund.merchant_refund_no,
      channel_refund_no: refund.channel_refund_no,
      channel_refund_id: refund.channel_refund_id,
      cause: refund.cause,
    },
  };
  const given_up = taken?.kind === 'payment' ? ('merchant_due' as const) : ('suspense' as const);
  return { draft, taken, given_up, party, amount_fen };
}

/** Events of before there was a transit do not say. */
const isInTransit = ({ accepted_at }: Refund): boolean => typeof accepted_at === 'string';

/** What the book knows of an attempt once its posting is there. */
export function takenBy(draft: Draft): Taken | undefined {
  const { kind, fee_fen, amount_fen, detail } = draft;
  if (kind !== 'payment' && kind !== 'duplicate' && kind !== 'late') return undefined;
  return { ...subjectIn(draft), kind, amount_fen, fee_fen, refunded_fen: ZERO, returned_fen: ZERO, ...rememberedIn(detail) };
}

/** What the detail of a posting says to the refunds of it. */
export function rememberedIn({ merchant_order_no, rounding, refund_fee }: Draft['detail']): Pick<Taken, 'merchant_order_no' | 'charge'> {
  const charge = rounding && refund_fee ? ({ rounding, refund: refund_fee } as Taken['charge']) : undefined;
  return { merchant_order_no: merchant_order_no ?? null, charge };
}

/** Whether it takes of an attempt's money for good. */
export const isRefund = ({ kind }: Draft): boolean => kind === 'refund' || kind === 'return';

/** The same after a refund. */
export const afterRefund = (taken: Taken, { amount_fen, fee_fen }: Pick<Draft, 'amount_fen' | 'fee_fen'>): Taken => ({
  ...taken,
  refunded_fen: (taken.refunded_fen + amount_fen) as Fen,
  returned_fen: (taken.returned_fen + fee_fen) as Fen,
});

const subjectIn = ({ payment_id, attempt_id, refund_id, store_id, channel_account_id, channel, method }: Subject): Subject => ({
  payment_id,
  attempt_id,
  refund_id,
  store_id,
  channel_account_id,
  channel,
  method,
});

function subjectOf({ id, store_id, attempt }: Payment): Subject {
  assert(attempt, 'money came by an attempt');
  const { channel_account_id, channel, method } = attempt;
  // Events of before there were stores have none.
  return { payment_id: id, attempt_id: attempt.id, refund_id: null, store_id: store_id ?? null, channel_account_id, channel, method };
}

const numbersOf = ({ merchant_order_no, attempt }: Payment): Draft['detail'] => ({
  merchant_order_no,
  channel_order_no: attempt?.channel_order_no ?? null,
  channel_transaction_id: attempt?.channel_transaction_id ?? null,
});

function paymentOf({ data }: Event): Payment {
  assert('merchant_order_no' in data, 'an event of a payment carries one');
  return data;
}

function refundOf({ data }: Event): Refund {
  assert('channel_refund_no' in data, 'an event of a refund carries one');
  return data;
}
