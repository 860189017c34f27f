import { type Method, methods, type NextAction } from '@heliu/contract';
import { fenToNumber } from '../../kernel/money.ts';
import type { PaymentFact } from '../../kernel/outcome.ts';
import type { Account, Operation, OrderInput, PayFact, PayInput, Settled, UndoFact, WireAnswer } from '../define.ts';
import { ask, payFailure, queryFailure, refusedHere, undoFailure } from '../meaning.ts';
import { type Config, isOtherMode } from './config.ts';
import type { TableName } from './errors.ts';
import { actionOf, factOf, type PaymentView, readPayment } from './views.ts';
import { apiRequest, readAnswer, verifyAnswer } from './wire.ts';

/** Payments there are named by our order number, so nothing hangs on an answer that was lost. */

/**
 * What no Heliu takes so far: payment codes of wallets whose form nobody publishes, and methods that none of its channels serves.
 */
const untaken = ['qq_barcode', 'jd_barcode', 'bestpay_jsapi', 'bestpay_h5', 'bestpay_page'] as const satisfies readonly Method[];
type Taken = Exclude<Method, (typeof untaken)[number]>;
const taken = (Object.keys(methods) as Method[]).filter((method): method is Taken => !(untaken as readonly Method[]).includes(method));

/** The methods are the contract's own, one to one; which of them the merchant has over there only its answer tells. */
export const pay = Object.fromEntries(taken.map((method) => [method, createPayment(method)])) as {
  readonly [M in Taken]: Operation<Config, PayInput, PayFact>;
};

/** Limits of the contract. */
const expiry_s = { min: 60, max: 604_800 } as const;
const subject_length_max = 127;
const return_url_length_max = 256;

/** The same order number with the same content is the same payment, and a payment code is charged once: a repeat is harmless. */
function createPayment(method: Taken): Operation<Config, PayInput, PayFact> {
  return {
    retry: 'same_key',
    request(input, account, env) {
      if (input.currency !== 'CNY') return refusedHere('currency_not_supported', 'HELIU_CURRENCY', 'the installation takes CNY only');
      if (isOtherMode(account)) return refusedHere('configuration_error', 'HELIU_MODE', 'the API key is of the other mode');
      const { app_id, payer_id, payer_ip, auth_code, return_url } = input;
      return apiRequest(account, env, 'POST', '/v1/payments', {
        merchant_order_no: input.channel_order_no,
        method,
        amount_fen: fenToNumber(input.amount_fen),
        currency: 'CNY',
        subject: subjectOf(input.subject),
        // Counted from the beginning of the order, so that a repeat is the same to the letter. It is closed from here when its time is over.
        expires_in_s: lifeOf(input),
        ...(app_id === undefined ? {} : { app_id }),
        ...(payer_id === undefined ? {} : { payer_id }),
        ...(payer_ip === undefined ? {} : { payer_ip }),
        ...(auth_code === undefined ? {} : { auth_code }),
        ...(return_url === undefined || return_url.length > return_url_length_max ? {} : { return_url }),
      });
    },
    verify: verifyAnswer,
    outcome(answer, input, account) {
      const { json, failure } = readAnswer(answer, 'pay');
      if (failure) return payFailure(failure);
      const view = readPayment(json, account);
      const fact = isOurs(view, input) ? factOf(view) : ask('unreadable', 'the answer is about another order');
      return fact.is === 'waiting' ? waiting(view, method, account) : fact;
    },
  };
}

/** An open payment: what its payer does. Of one that is unsettled over there, nothing can be shown to a payer who must act. */
function waiting(view: PaymentView, method: Method, { config }: Account<Config>): Settled<PayFact> {
  if (view.attempt?.merchant_code !== config.merchant_code) return ask('unreadable', 'the payment is of another merchant');
  const action = actionOf(view);
  const by_itself = isByItself(action);
  if (methods[method].scene === 'barcode') return by_itself && !view.closing ? { is: 'waiting', action: { type: 'wait' } } : ask('unlisted', action.type);
  return by_itself ? ask('server_error', 'the payment is not settled there yet') : { is: 'waiting', action };
}

/** Nothing that a payer could be shown. */
const isByItself = ({ type }: NextAction): boolean => type === 'wait' || type === 'none' || type === 'new_attempt';

const isOurs = (view: PaymentView, { channel_order_no, amount_fen }: OrderInput): boolean =>
  view.order_no === channel_order_no && (view.state === 'paid' || view.amount_fen === fenToNumber(amount_fen));

function lifeOf({ created_at, expires_at }: PayInput): number {
  const life_s = Math.ceil((expires_at.getTime() - created_at.getTime()) / 1000);
  return Math.min(expiry_s.max, Math.max(expiry_s.min, life_s));
}

/** Whole characters up to the limit. What the contract takes from us it takes over there; anything else is left out. */
function subjectOf(subject: string): string {
  let kept = '';
  for (const character of subject) {
    if (kept.length + character.length > subject_length_max) break;
    kept += character;
  }
  return kept;
}

const pathOf = ({ channel_order_no }: Pick<OrderInput, 'channel_order_no'>, what = ''): string => `/v1/payments/by-order-no/${channel_order_no}${what}`;

export const query: Operation<Config, OrderInput, PaymentFact> = {
  retry: 'same_key',
  request: (input, account, env) => apiRequest(account, env, 'GET', pathOf(input)),
  verify: verifyAnswer,
  outcome(answer, input, account) {
    const { json, failure } = readAnswer(answer, 'query');
    if (failure) return queryFailure(failure);
    const view = readPayment(json, account);
    if (!isOurs(view, input)) return ask('unreadable', 'the answer is about another order');
    const fact = factOf(view);
    return fact.is === 'waiting' ? { ...fact, ...shownAgain(view, input, account) } : fact;
  },
};

/** What its payer does is told as often as it is asked, also where the answer to the first request was lost. */
function shownAgain(view: PaymentView, { method }: OrderInput, { config }: Account<Config>): { readonly action?: NextAction } {
  if (methods[method].scene === 'barcode' || view.closing || view.attempt?.merchant_code !== config.merchant_code) return {};
  const action = actionOf(view);
  return isByItself(action) ? {} : { action };
}

/** The other installation closes at its own channel first; until that is certain the payment is open, and the close is asked for again. */
export const close: Operation<Config, OrderInput, UndoFact> = {
  retry: 'same_key',
  request: (input, account, env) => apiRequest(account, env, 'POST', pathOf(input, '/close')),
  verify: verifyAnswer,
  outcome: (answer, input, account) => undone(answer, input, account, 'close'),
};

/** Cancel (撤销): what was paid goes back whole. It is over only when the money is back. */
export const reverse: Operation<Config, OrderInput, UndoFact> = {
  retry: 'same_key',
  request: (input, account, env) => apiRequest(account, env, 'POST', pathOf(input, '/cancel')),
  verify: verifyAnswer,
  outcome: (answer, input, account) => undone(answer, input, account, 'reverse'),
};

function undone(answer: WireAnswer, input: OrderInput, account: Account<Config>, table: TableName & ('close' | 'reverse')): Settled<UndoFact> {
  const { json, failure } = readAnswer(answer, table);
  if (failure) return undoFailure(failure);
  const view = readPayment(json, account);
  if (!isOurs(view, input)) return ask('unreadable', 'the answer is about another order');
  if (view.state === 'closed') return { is: 'closed', money: table === 'close' ? 'none' : 'not_said' };
  if (view.state === 'pending') return { is: 'again' };
  return view.state === 'paid' && table === 'reverse' ? moneyBack(view) : { is: 'not_closable' };
}

function moneyBack({ fields: { paid_fen, refunding_fen, refunded_fen } }: PaymentView): Settled<UndoFact> {
  if (refunded_fen === paid_fen) return { is: 'closed', money: 'returned' };
  return typeof refunding_fen === 'number' && refunding_fen > 0 ? { is: 'again' } : { is: 'not_closable' };
}
