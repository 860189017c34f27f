import { methods, type RefusalReason } from '@heliu/contract';
import { type Fen, toFen } from '../kernel/money.ts';
import type { PaymentFact, RefundFact } from '../kernel/outcome.ts';
import { bizDate } from '../kernel/time.ts';
import type { Ask, Env, Operation, OrderInput, PayFact, Settled, UndoFact } from './define.ts';
import type { Fields } from './flat-xml.ts';

/**
 * What an upstream's code means for the order or refund it was asked about.
 * `no`: final; nothing was done and nothing will be. `wait`: it is under way, or stands so. `ask`: only a query can tell.
 */
export type Meaning =
  | { readonly final: 'no'; readonly reason: RefusalReason }
  | { readonly final: 'wait'; readonly state: WaitState }
  | { readonly final: 'ask'; readonly why: Ask['why'] };
export type WaitState = 'paying' | 'not_found' | 'closed' | 'not_closable' | 'again';
export type Table = Readonly<Record<string, Meaning>>;

export const no = (reason: RefusalReason): Meaning => ({ final: 'no', reason });
export const wait = (state: WaitState): Meaning => ({ final: 'wait', state });
export const asks = (why: Ask['why']): Meaning => ({ final: 'ask', why });

/** A code that a table does not list is never final. */
export const meaningIn = (table: Table, code: string): Meaning => (Object.hasOwn(table, code) ? table[code] : undefined) ?? asks('unlisted');

/**
 * What an error without a signature may mean: nothing that is final. That an order is not there, or is under way, ends nothing by
 * itself, so it is heard.
 */
export const unsigned = (meaning: Meaning, { trust_unsigned_errors }: { readonly trust_unsigned_errors?: boolean }): Meaning => {
  const ends = meaning.final === 'no' || (meaning.final === 'wait' && meaning.state === 'closed');
  return ends && trust_unsigned_errors !== true ? asks('unlisted') : meaning;
};

/** A verified failure in our words and in the gateway's. */
export type Failure = { readonly meaning: Meaning; readonly code: string; readonly message?: string | undefined };

export function refused(reason: RefusalReason, code: string, message?: string) {
  return { is: 'refused', reason, channel_code: code, ...(message === undefined || message === '' ? {} : { channel_message: message }) } as const;
}

export const ask = (why: Ask['why'], detail?: string): Ask => ({ is: 'ask', why, ...(detail === undefined ? {} : { detail }) });

/** A no that needs no call: the request cannot be made with what the account or the order holds, so nothing was sent. */
export const refusedHere = (reason: RefusalReason, code: string, message: string) => ({ local: refused(reason, code, message) });

export function payFailure({ meaning, code, message }: Failure): Settled<PayFact> {
  if (meaning.final === 'no') return refused(meaning.reason, code, message);
  if (meaning.final === 'ask') return ask(meaning.why, code);
  return meaning.state === 'paying' ? { is: 'waiting', action: { type: 'wait' } } : ask('unlisted', code);
}

export function queryFailure({ meaning, code, message }: Failure): Settled<PaymentFact> {
  if (meaning.final === 'no') return refused(meaning.reason, code, message);
  if (meaning.final === 'ask') return ask(meaning.why, code);
  if (meaning.state === 'not_found') return { is: 'not_found' };
  if (meaning.state === 'closed') return { is: 'closed' };
  return meaning.state === 'paying' ? { is: 'waiting' } : ask('unlisted', code);
}

export function undoFailure({ meaning, code, message }: Failure): Settled<UndoFact> {
  if (meaning.final === 'no') return refused(meaning.reason, code, message);
  if (meaning.final === 'ask') return ask(meaning.why, code);
  if (meaning.state === 'closed') return { is: 'closed', money: 'not_said' };
  return meaning.state === 'paying' ? ask('unlisted', code) : { is: meaning.state };
}

export function refundFailure({ meaning, code, message }: Failure): Settled<RefundFact> {
  if (meaning.final === 'no') return refused(meaning.reason, code, message);
  if (meaning.final === 'ask') return ask(meaning.why, code);
  if (meaning.state === 'not_found') return { is: 'not_found' };
  return meaning.state === 'paying' ? { is: 'pending' } : ask('unlisted', code);
}

/** Whether the day of Shanghai on which an order was made is not over: some gateways undo none of a day before. */
export const isOfToday = ({ created_at }: Pick<OrderInput, 'created_at'>, { now }: Pick<Env, 'now'>): boolean => bizDate(created_at) === bizDate(now);

type Undo<Config> = Operation<Config, OrderInput, UndoFact>;

/** A close that the gateway has for what waits for its payer; what was done with a payment code is asked about. */
export const onlyOrders = <Config>(close: Undo<Config>): Undo<Config> => byScene(answeredHere({ is: 'not_closable' }), close);

/** A reversal that the gateway has for what was done with a payment code; what waits for its payer is closed. */
export const onlyCodes = <Config>(reverse: Undo<Config>): Undo<Config> =>
  byScene(reverse, answeredHere(refused('refund_not_allowed', 'HELIU_NOT_A_PAYMENT_CODE', 'only payment-code orders can be reversed')));

/** A call that the gateway does not have for this kind of order, answered without one. */
function answeredHere<Config>(fact: Extract<UndoFact, { is: 'refused' | 'not_closable' }>): Undo<Config> {
  return { retry: 'same_key', request: () => ({ local: fact }), verify: () => 'invalid', outcome: () => fact };
}

function byScene<Config>(code: Undo<Config>, order: Undo<Config>): Undo<Config> {
  const of = ({ method }: OrderInput) => (methods[method].scene === 'barcode' ? code : order);
  return {
    retry: code.retry === 'never' ? 'never' : order.retry,
    request: (input, account, env) => of(input).request(input, account, env),
    verify: (answer, account, trust, env, input) => of(input).verify(answer, account, trust, env, input),
    outcome: (answer, input, account, env) => of(input).outcome(answer, input, account, env),
  };
}

/** Fields by name; one that is promised and missing is a changed protocol, so it throws. */
export function requiredField(fields: Fields, name: string): string {
  const value = fields[name];
  if (value === undefined || value === '') throw new Error(`${name} is missing`);
  return value;
}

export function fenField(fields: Fields, name: string): Fen {
  const text = requiredField(fields, name);
  if (!/^\d{1,15}$/.test(text)) throw new Error(`${name} is not an amount in fen`);
  return toFen(Number(text));
}

/** The beginning of a text that fits into so many bytes, cut between characters; characters beyond the basic plane are left out, since few gateways take them. */
export function textInBytes(text: string, bytes_max: number, fallback = '商品'): string {
  let kept = '';
  let bytes = 0;
  for (const character of text.replace(/[\u{10000}-\u{10FFFF}]/gu, '').trim()) {
    bytes += Buffer.byteLength(character);
    if (bytes > bytes_max) break;
    kept += character;
  }
  return kept.trim() || fallback;
}
