import { methods, type NextAction, type RefusalReason, refusal_reasons, type Wallet } from '@heliu/contract';
import { toFen } from '../../kernel/money.ts';
import type { PaymentFact, RefundFact } from '../../kernel/outcome.ts';
import type { Account, Settled } from '../define.ts';
import { ask, refused } from '../meaning.ts';
import type { Config } from './config.ts';
import { type Fields, instantIn, integerIn, isFields, textIn } from './wire.ts';

/** Payments and refunds as the other installation shows them: in answers, in lists and in webhooks alike. */

const code_length = 6;

export type PaymentView = {
  readonly id: string;
  readonly order_no: string;
  readonly state: string;
  readonly amount_fen: number;
  /** Asked to be closed, and not closed yet. */
  readonly closing: boolean;
  readonly attempt: AttemptView | undefined;
  readonly fields: Fields;
};
type AttemptView = {
  readonly state: string;
  /** Whose payment it is there. */
  readonly merchant_code: string;
  readonly refusal: ReturnType<typeof refused> | undefined;
  readonly payer_amount_fen: number | undefined;
};

/** Reads a payment. One of the other mode is none of ours, whatever its number: no test money is ever taken for real money. */
export function readPayment(fields: Fields, { livemode }: Account<Config>): PaymentView {
  if (fields.object !== 'payment') throw new Error('the answer is not a payment');
  if (fields.livemode !== livemode) throw new Error('the payment is of the other mode');
  return {
    id: textIn(fields, 'id'),
    order_no: textIn(fields, 'merchant_order_no'),
    state: textIn(fields, 'state'),
    amount_fen: integerIn(fields, 'amount_fen'),
    closing: fields.closing === true,
    attempt: isFields(fields.attempt) ? readAttempt(fields.attempt) : undefined,
    fields,
  };
}

function readAttempt(fields: Fields): AttemptView {
  return {
    state: textIn(fields, 'state'),
    merchant_code: textIn(fields, 'channel_order_no').slice(0, code_length),
    refusal: isFields(fields.refusal) ? refusalOf(fields.refusal) : undefined,
    payer_amount_fen: typeof fields.payer_amount_fen === 'number' ? integerIn(fields, 'payer_amount_fen') : undefined,
  };
}

/** The reason is in our words already; code and text are those of the gateway behind the other installation. */
function refusalOf(fields: Fields): ReturnType<typeof refused> {
  const reason = textIn(fields, 'reason');
  const message = typeof fields.channel_message === 'string' ? fields.channel_message : undefined;
  return refused(Object.hasOwn(refusal_reasons, reason) ? (reason as RefusalReason) : 'other', textIn(fields, 'channel_code'), message);
}

/**
 * What a payment says. Over there it stays open after an attempt was refused, so that another one can be made; we make none,
 * so that refusal is the end of ours. An attempt that was closed is not: the installation may be about to try another account.
 */
export function factOf(view: PaymentView): Settled<PaymentFact> {
  const { state, attempt, fields } = view;
  if (state === 'paid') return paid(view);
  if (state === 'closed') return fields.closed_reason === 'refused' && attempt?.refusal ? attempt.refusal : { is: 'closed' };
  if (state !== 'pending') return ask('unlisted', `state ${state}`);
  return attempt?.state === 'refused' && attempt.refusal ? attempt.refusal : { is: 'waiting' };
}

function paid({ id, fields, attempt }: PaymentView): PaymentFact & { is: 'paid' } {
  if (!attempt) throw new Error('the paid payment has no attempt');
  return {
    is: 'paid',
    success: {
      channel_transaction_id: id,
      amount_fen: toFen(integerIn(fields, 'paid_fen')),
      currency: textIn(fields, 'currency'),
      ...(attempt.payer_amount_fen === undefined ? {} : { payer_amount_fen: toFen(attempt.payer_amount_fen) }),
      paid_at: instantIn(fields, 'paid_at'),
      identity: { merchant_code: attempt.merchant_code },
    },
  };
}

/** What the front end does next, as the other installation would have told its own merchant. */
export function actionOf({ fields }: PaymentView): NextAction {
  const action = fields.next_action;
  if (!isFields(action)) throw new Error('next_action is missing');
  switch (action.type) {
    case 'show_qr':
      return { type: 'show_qr', qr_content: textIn(action, 'qr_content') };
    case 'redirect':
      return { type: 'redirect', url: textIn(action, 'url') };
    case 'submit_form':
      return { type: 'submit_form', url: textIn(action, 'url'), fields: textsIn(action, 'fields') };
    case 'invoke':
      return { type: 'invoke', wallet: walletIn(action), api: textIn(action, 'api'), params: textsIn(action, 'params') };
    case 'none':
      return { type: 'none' };
    case 'wait':
      return { type: 'wait' };
    case 'new_attempt':
      return { type: 'new_attempt' };
    default:
      throw new Error('next_action is of an unknown type');
  }
}

function walletIn(action: Fields): Wallet {
  const wallet = textIn(action, 'wallet');
  if (!Object.values(methods).some((method) => method.wallet === wallet)) throw new Error('wallet is an unknown one');
  return wallet as Wallet;
}

function textsIn(fields: Fields, name: string): Record<string, string> {
  const value = fields[name];
  if (!isFields(value) || !Object.values(value).every((each) => typeof each === 'string')) throw new Error(`${name} is missing`);
  return value as Record<string, string>;
}

/** Reads a refund that was asked for by its number; undefined for one that the other installation made by itself. */
export function readRefund(
  fields: Fields,
  { config, livemode }: Account<Config>,
): { readonly refund_no: string; readonly fact: Settled<RefundFact> } | undefined {
  if (fields.object !== 'refund') throw new Error('the answer is not a refund');
  if (fields.livemode !== livemode) throw new Error('the refund is of the other mode');
  if (textIn(fields, 'channel_refund_no').slice(0, code_length) !== config.merchant_code) throw new Error('the refund is of another merchant');
  if (fields.merchant_refund_no === null) return undefined;
  return { refund_no: textIn(fields, 'merchant_refund_no'), fact: refundFactOf(fields) };
}

function refundFactOf(fields: Fields): Settled<RefundFact> {
  const channel_refund_id = textIn(fields, 'id');
  const state = textIn(fields, 'state');
  if (state === 'sending' || state === 'pending') return { is: 'pending', channel_refund_id };
  if (state === 'succeeded')
    return { is: 'succeeded', channel_refund_id, amount_fen: toFen(integerIn(fields, 'amount_fen')), refunded_at: instantIn(fields, 'refunded_at') };
  if (state === 'refused' && isFields(fields.refusal)) return refusalOf(fields.refusal);
  return ask('unlisted', `state ${state}`);
}
