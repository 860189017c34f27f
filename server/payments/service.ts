import type { EventType, ExplainBody, PaymentRouting, SimulateBody } from '@heliu/contract';
import type { Account } from '../channels/define.ts';
import type { Exchange } from '../channels/exchange.ts';
import { channels } from '../channels/registry.ts';
import { assert, Bug } from '../kernel/assert.ts';
import { type IdKind, newId } from '../kernel/id.ts';
import { apply_turns_max } from '../kernel/limits.ts';
import type { PaymentFact, Via } from '../kernel/outcome.ts';
import { orThrow, type Refusal, RefusalError, refuse } from '../kernel/refusal.ts';
import { getAccount, getMerchant, listActiveAccounts, type Merchant } from '../merchants/service.ts';
import type { Caller } from '../platform/caller.ts';
import { violatedConstraint } from '../platform/db/db.ts';
import { type FrozenReply, freeze, type IdempotentCall, sealReply } from '../platform/idempotency/idempotency.ts';
import { buildEvent, type OutboxEvent } from '../platform/outbox/outbox.ts';
import { type QuotaEffect, settle } from '../routing/quota.ts';
import { explain, listDecisions } from '../routing/service.ts';
import { simulateRouting } from '../routing/simulation/service.ts';
import type { RouteWrite } from '../routing/writes.ts';
import { type Attempt, isLive } from './attempt.ts';
import type { Aggregate, Change, DecisionEnv, Evidence, Source } from './change.ts';
import type { PaymentsCtx } from './ctx.ts';
import { decidePaymentFact } from './decide-payment.ts';
import { park } from './park.ts';
import type { Payment } from './payment.ts';
import { recentOf } from './recent.ts';
import * as store from './store.ts';
import { isInTurn, type Turn, turnFrom } from './turn.ts';
import { payInput, type SealedRequest } from './upstream.ts';
import { type Seen, shownAttempt, viewAnomaly, viewPayment, viewRefund } from './view.ts';

/** A write of the merchant API, as the routes hand it over. */
export type WriteCall = IdempotentCall & { readonly ctx: PaymentsCtx };

/** How a reply is made from what a decision left behind; frozen in the same statement. */
export type Reply = { readonly call: WriteCall; readonly status: number; readonly body: (after: Aggregate, change: Change | undefined) => object };

export type Work = {
  readonly merchant: Merchant;
  /** What was just read or written; re-read only after a lost race. */
  readonly first?: Aggregate | undefined;
  readonly read: () => Promise<Aggregate | undefined>;
  readonly decide: (aggregate: Aggregate, env: DecisionEnv) => Change | Refusal | undefined;
  readonly source: Source;
  readonly reply?: Reply | undefined;
  readonly key?: store.KeyWrite | undefined;
  /** Of the attempt that the decision adds. */
  readonly route?: RouteWrite | undefined;
};
export type Applied = { readonly aggregate: Aggregate; readonly change: Change | undefined; readonly reply: FrozenReply | undefined };

/**
 * The only writer of a payment's state, whatever the source of the fact: answer, notification, query, bill, operator.
 * Reads, decides, writes in one guarded statement; a lost race reads and decides again. Refusals are thrown to the edge.
 */
export async function apply(ctx: PaymentsCtx, work: Work): Promise<Applied> {
  let aggregate = work.first ?? (await work.read());
  for (let turn = 0; turn < apply_turns_max; turn++) {
    assert(aggregate, 'what is decided about exists');
    const now = ctx.clock.now();
    const decided = orThrow(work.decide(aggregate, decisionEnv(ctx, now)));
    if (!decided) return { aggregate, change: undefined, reply: work.reply && (await freezeReply(work.reply, aggregate, undefined)) };
    const { change, effects } = settleQuotas(aggregate, decided);
    const after = applied(aggregate, change);
    const body = work.reply && JSON.stringify(work.reply.body(after, change));
    const lease_until = change.events.length > 0 ? ctx.courier.lease(now) : undefined;
    const written = await store.commit(ctx, {
      change,
      before: aggregate,
      source: work.source,
      events: eventsOf(ctx, work.merchant, after, change, now),
      lease_until,
      key: work.key ?? replyKey(work.reply, body),
      route: work.route,
      quota: effects,
      now,
    });
    if (written) {
      recentOf(ctx).remember(after);
      ctx.courier.hand(written.leased);
      nudge(ctx, change, lease_until);
      return { aggregate: after, change, reply: work.reply && (await repliedWith(work.reply, body, written)) };
    }
    // What was decided rests on a version that another writer has overtaken.
    ctx.metrics.count('heliu_stale_writes_refused_total');
    aggregate = await work.read();
  }
  throw new Bug(`believed: a payment is written within ${apply_turns_max} turns`);
}

/** The reply that was frozen with the change, or the one that somebody had completed in the meantime. */
async function repliedWith({ call, status }: Reply, body: string | undefined, { replied }: store.Committed): Promise<FrozenReply> {
  assert(body !== undefined, 'a reply has a body');
  return replied || call.idempotency_key === undefined ? { frozen: { status, body } } : await freeze(call, status, body);
}

function replyKey(reply: Reply | undefined, body: string | undefined): store.KeyWrite | undefined {
  if (!reply || body === undefined || reply.call.idempotency_key === undefined) return undefined;
  const { ctx, caller, idempotency_key: key } = reply.call;
  return { does: 'reply', livemode: caller.livemode, key, status: reply.status, body_sealed: sealReply(ctx, caller, key, body) };
}

const freezeReply = (reply: Reply, aggregate: Aggregate, change: Change | undefined): Promise<FrozenReply> =>
  freeze(reply.call, reply.status, JSON.stringify(reply.body(aggregate, change)));

function nudge(ctx: PaymentsCtx, change: Change, lease_until: Date | undefined): void {
  if (change.events.length > 0 && lease_until === undefined) ctx.nudge('deliveries');
  if (change.new_refund && change.new_refund.cause !== 'merchant') ctx.nudge('refunds');
  if (change.attempts.length > 1) ctx.nudge('attempts');
}

/** Attempts that end give back what they reserved, and money that comes after all counts again. */
function settleQuotas({ attempts }: Aggregate, change: Change): { readonly change: Change; readonly effects: readonly QuotaEffect[] } {
  if (change.attempts.every(({ quota }) => quota === null)) return { change, effects: [] };
  const settled = change.attempts.map((after) => {
    const before = attempts.find(({ id }) => id === after.id);
    assert(before, 'a change is of attempts that were read');
    return { after, ...settle(before, after) };
  });
  return { change: { ...change, attempts: settled.map(({ after, quota }) => ({ ...after, quota })) }, effects: settled.flatMap(({ effects }) => effects) };
}

const decisionEnv = (ctx: PaymentsCtx, now: Date): DecisionEnv => ({ now, id: (kind: IdKind) => newId(kind, now, ctx.rng) });

function applied({ attempts }: Aggregate, change: Change): Aggregate {
  const after = attempts.map((attempt) => change.attempts.find(({ id }) => id === attempt.id) ?? attempt);
  return { payment: change.payment, attempts: change.new_attempt ? [...after, change.new_attempt] : after };
}

/** What views show of the installation and the merchant. */
export const seenBy = (ctx: PaymentsCtx, merchant: Merchant): Seen => ({ merchant_code: merchant.code, public_url: ctx.config.public_url });

function eventsOf(ctx: PaymentsCtx, merchant: Merchant, after: Aggregate, change: Change, now: Date): OutboxEvent[] {
  return change.events.map(({ type, of }) => {
    const data =
      of === 'payment' ? viewPayment(after.payment, eventAttempt(type, after, change), seenBy(ctx, merchant)) : otherObject(of, change, merchant, now);
    return buildEvent({ id: newId('event', now, ctx.rng), type, livemode: after.payment.livemode, created_at: now, data });
  });
}

/** Duplicate and late money is told with the attempt that brought it. */
const eventAttempt = (type: EventType, after: Aggregate, change: Change): Attempt | undefined =>
  type === 'payment.duplicate_received' || type === 'payment.late_received' ? change.attempts[0] : shownAttempt(after.payment, after.attempts);

function otherObject(of: 'refund' | 'anomaly', change: Change, merchant: Merchant, now: Date) {
  if (of === 'anomaly') {
    assert(change.anomaly, 'an anomaly event comes with its anomaly');
    return viewAnomaly(change.anomaly, now);
  }
  const [refund] = change.refunds;
  assert(refund, 'a refund event comes with its refund');
  return viewRefund(refund, merchant.code);
}

/** The evidence of a channel's message, sealed; undefined when there was none. */
export function evidenceOf(ctx: PaymentsCtx, merchant_id: string, channel_account_id: string, exchange: Exchange | undefined): Evidence | undefined {
  if (!exchange) return undefined;
  const id = newId('evidence', exchange.received_at, ctx.rng);
  const sealed = ctx.vault.seal(exchange.raw, { table: 'evidence', column: 'sealed', merchant_id, row: id });
  return { id, channel_account_id, digest: exchange.digest, sealed, received_at: exchange.received_at };
}

export type ChannelWord = { readonly fact: PaymentFact; readonly exchange: Exchange | undefined; readonly via: Via };

/** Applies what a channel said of an attempt. */
export function applyWord(
  ctx: PaymentsCtx,
  merchant: Merchant,
  account: Account,
  attempt_id: string,
  word: ChannelWord,
  options: { first?: Aggregate | undefined; reply?: Reply | undefined } = {},
): Promise<Applied> {
  const channel = channels.get(account.channel);
  assert(channel, 'an account belongs to a registered channel');
  const { fact } = word;
  const payer_sealed =
    fact.is === 'paid' && fact.success.payer_id !== undefined
      ? ctx.vault.seal(fact.success.payer_id, { table: 'attempts', column: 'payer_sealed', merchant_id: merchant.id, row: attempt_id })
      : null;
  return apply(ctx, {
    merchant,
    ...options,
    read: () => store.findByAttempt(ctx, merchant.id, attempt_id),
    source: { via: word.via, evidence: evidenceOf(ctx, merchant.id, account.id, word.exchange) },
    decide: (aggregate, env) => {
      const attempt = aggregate.attempts.find(({ id }) => id === attempt_id);
      assert(attempt, 'an attempt never leaves its payment');
      const identity = channel.identity(account.config, attempt.request);
      const input = { attempt_id, fact, via: word.via, identity, policy: merchant, payer_sealed, has_bills: channel.bills !== undefined };
      return decidePaymentFact(aggregate, input, env);
    },
  }).catch((error: unknown) => {
    // Two orders with one transaction number: the second is not believed, a person looks.
    if (violatedConstraint(error) !== 'attempts_transaction' || fact.is !== 'paid') throw error;
    return applyReused(ctx, merchant, account, attempt_id, word, fact.success.channel_transaction_id, options.reply);
  });
}

function applyReused(
  ctx: PaymentsCtx,
  merchant: Merchant,
  account: Account,
  attempt_id: string,
  word: ChannelWord,
  channel_transaction_id: string,
  reply: Reply | undefined,
): Promise<Applied> {
  return apply(ctx, {
    merchant,
    reply,
    read: () => store.findByAttempt(ctx, merchant.id, attempt_id),
    source: { via: word.via, evidence: evidenceOf(ctx, merchant.id, account.id, word.exchange) },
    decide: ({ payment, attempts }, env) => {
      const attempt = attempts.find(({ id }) => id === attempt_id);
      assert(attempt, 'an attempt never leaves its payment');
      return park({ kind: 'transaction_reused', payment, attempt, detail: { channel_transaction_id } }, env);
    },
  });
}

/** The key that a creating statement takes together with its row. */
export function takeKey(call: WriteCall, operation: string, object_id: string): store.KeyWrite | undefined {
  if (call.idempotency_key === undefined) return undefined;
  return { does: 'take', livemode: call.caller.livemode, key: call.idempotency_key, operation, request_hash: call.request_hash, object_id };
}

/** Begins before the row is written or claimed that gives the turn. */
export const beginTurn = (ctx: PaymentsCtx, lasts_ms: number): Turn => turnFrom(ctx.clock.monotonic_ms(), lasts_ms);

/** Asked right before a request for money leaves. When it is too late, whoever has the next turn finds out and sends. */
export function mayStillSend(ctx: PaymentsCtx, turn: Turn, sent: { readonly merchant_id: string; readonly attempt_id?: string; readonly refund_id?: string }) {
  const in_turn = isInTurn(turn, ctx.clock.monotonic_ms());
  if (!in_turn) ctx.log.warn(sent, 'this node stood still for too long to send a request: another may have sent it meanwhile');
  return in_turn;
}

/** One call to the channel; also used to send the same order again. */
export function sendAttempt(ctx: PaymentsCtx, merchant: Merchant, payment: Payment, attempt: Attempt, account: Account) {
  return ctx.channels.pay(account, payInput(payment, attempt, openRequest(ctx, attempt), merchant.code, notifyUrl(ctx, account)));
}

/** What of a try was sealed: payer, payment code, address. Empty once the attempt rests. */
export const openRequest = (ctx: PaymentsCtx, attempt: Attempt): SealedRequest =>
  attempt.request_sealed ? (JSON.parse(ctx.vault.open(attempt.request_sealed, sealedPlace(attempt))) as SealedRequest) : {};

export const sealedPlace = ({ merchant_id, id }: { merchant_id: string; id: string }) => ({
  table: 'attempts',
  column: 'request_sealed',
  merchant_id,
  row: id,
});

/** Where the channel notifies: it names the account, so its keys are found before anything is believed. */
export const notifyUrl = (ctx: PaymentsCtx, account: Account): string => `${ctx.config.public_url}/notify/${account.channel}/${account.id}`;

/** A payment of the caller, in the caller's mode; anything else does not exist for it. */
export async function ownPayment(ctx: PaymentsCtx, caller: Caller, payment_id: string): Promise<Aggregate> {
  const aggregate = await store.findById(ctx, caller.merchant_id, payment_id);
  if (!aggregate || aggregate.payment.livemode !== caller.livemode) throw new RefusalError(refuse('payment_not_found', 'payment_id'));
  return aggregate;
}

export async function retrievePayment(ctx: PaymentsCtx, caller: Caller, payment_id: string) {
  return shown(ctx, await ownPayment(ctx, caller, payment_id));
}

export async function retrievePaymentByOrderNo(ctx: PaymentsCtx, caller: Caller, merchant_order_no: string) {
  return shown(ctx, await ownPaymentByOrderNo(ctx, caller, merchant_order_no));
}

/** The id of the payment behind a merchant's order number, for callers that never learnt it. */
export async function paymentIdOf(ctx: PaymentsCtx, caller: Caller, merchant_order_no: string): Promise<string> {
  return (await ownPaymentByOrderNo(ctx, caller, merchant_order_no)).payment.id;
}

async function ownPaymentByOrderNo(ctx: PaymentsCtx, caller: Caller, merchant_order_no: string): Promise<Aggregate> {
  const aggregate = await store.findByOrderNo(ctx, caller.merchant_id, caller.livemode, merchant_order_no);
  if (!aggregate) throw new RefusalError(refuse('payment_not_found', 'merchant_order_no'));
  return aggregate;
}

/** Why its attempts went where they went, the first one first. */
export async function retrieveRouting(ctx: PaymentsCtx, caller: Caller, payment_id: string): Promise<PaymentRouting> {
  const { attempts } = await ownPayment(ctx, caller, payment_id);
  const ids = attempts.map(({ id }) => id);
  return { object: 'payment_routing', payment_id, decisions: await listDecisions(ctx, caller, ids) };
}

/** Where a payment would go now. */
export const explainRouting = async (ctx: PaymentsCtx, caller: Caller, body: ExplainBody) =>
  explain(ctx, caller, await listActiveAccounts(ctx, caller.merchant_id, caller.livemode), body);

/** What rules would have done with past payments. */
export const simulate = async (ctx: PaymentsCtx, caller: Caller, body: SimulateBody) =>
  simulateRouting(ctx, caller, await listActiveAccounts(ctx, caller.merchant_id, caller.livemode), body);

export type PaymentFilter = {
  state?: string | undefined;
  store_id?: string | undefined;
  terminal_id?: string | undefined;
  created_from?: Date | undefined;
  created_before?: Date | undefined;
  before_id?: string | undefined;
  limit: number;
};

export async function listPayments(ctx: PaymentsCtx, caller: Caller, filter: PaymentFilter) {
  const merchant = await getMerchant(ctx, caller.merchant_id);
  const page = await store.listPayments(ctx, { merchant_id: caller.merchant_id, livemode: caller.livemode, ...given(filter), limit: filter.limit });
  return page.map(({ payment, attempts }) => viewPayment(payment, attempts[0], seenBy(ctx, merchant)));
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };
/** Only the fields that are given. */
export const given = <T extends object>(fields: T): Given<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Given<T>;

/** The payment as its merchant sees it. */
export async function shown(ctx: PaymentsCtx, { payment, attempts }: Aggregate) {
  const merchant = await getMerchant(ctx, payment.merchant_id);
  return viewPayment(payment, shownAttempt(payment, attempts), seenBy(ctx, merchant));
}

/** The account as it was when the attempt was sent: the same order again, and who must have received the money. */
export const accountOf = (ctx: PaymentsCtx, attempt: Attempt): Promise<Account> =>
  getAccount(ctx, attempt.merchant_id, attempt.channel_account_id, attempt.account_version);

export const liveAttempts = ({ attempts }: Aggregate): Attempt[] => attempts.filter(isLive);
