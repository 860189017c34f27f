import { createHmac, createPrivateKey, createSecretKey, type KeyObject } from 'node:crypto';
import Type from 'typebox';
import { equalConstantTime } from '../../kernel/digest.ts';
import { toFen } from '../../kernel/money.ts';
import type { PaymentFact, RefundFact, Success } from '../../kernel/outcome.ts';
import type { Secret } from '../../kernel/secret.ts';
import {
  type Account,
  type Ask,
  defineChannel,
  type InboundMessage,
  type Operation,
  type OrderInput,
  type PayFact,
  type PayInput,
  type RefundInput,
  type Reply,
  type Settled,
  type Step,
  secretField,
  type Trust,
  type TrustFact,
  type TrustInput,
  type UndoFact,
  type Verdict,
  type WireAnswer,
  type WireRequest,
} from '../define.ts';

/**
 * The smallest channel that has everything a real one has: signed requests, answers signed with a key that the gateway
 * names, a list of keys to fetch, codes that are final and codes that are not. The client is tested against it, so that
 * those tests say nothing of any gateway's peculiarities.
 */
export type ArtificialConfig = { readonly origin: string; readonly private_key: Secret; readonly root_secret: Secret };

/** HMAC-SHA256 of a body, hex. */
export const macOf = (key: KeyObject, body: Buffer | string): string => createHmac('sha256', key).update(body).digest('hex');

/** Headers of a truly signed answer. */
export const signedHeaders = (serial: string, key: KeyObject, body: Buffer | string) => ({ 'x-serial': serial, 'x-mac': macOf(key, body) });

function verify(message: { headers: Readonly<Record<string, string>>; body: Buffer }, trust: Trust): Verdict {
  const serial = message.headers['x-serial'];
  if (serial === undefined) return 'invalid';
  const key = trust.get(serial);
  if (!key) return { unknown_key: serial };
  return equalConstantTime(macOf(key, message.body), message.headers['x-mac'] ?? '') ? 'valid' : 'invalid';
}

const request = (path: string) => (input: object, account: Account<ArtificialConfig>) => {
  const body = JSON.stringify(input, (_, value) => (typeof value === 'bigint' ? Number(value) : value));
  const key = createPrivateKey(account.config.private_key.expose());
  const then = (signature: string): WireRequest => ({ method: 'POST', origin: account.config.origin, path, headers: { 'x-signature': signature }, body });
  return { sign: { message: body, key, digest: 'sha256' as const }, then };
};

/** Codes that settle nothing, each for its reason. */
const asks: Readonly<Record<string, Ask['why']>> = { BUSY: 'server_error', LIMIT: 'rate_limited' };

type Said = { readonly code: string; readonly success?: { readonly id: string; readonly amount_fen: number } };

function said(answer: { body: Buffer }): Said {
  const value: unknown = JSON.parse(answer.body.toString());
  if (typeof value !== 'object' || value === null || !('code' in value) || typeof value.code !== 'string') throw new TypeError('an answer has a code');
  return value as Said;
}

const ask = (code: string): Ask => ({ is: 'ask', why: asks[code] ?? 'unlisted', detail: `code ${code}` });

function success({ success: paid }: Said): Success {
  if (typeof paid?.id !== 'string' || !Number.isSafeInteger(paid.amount_fen)) throw new TypeError('a success has an id and an amount');
  return { channel_transaction_id: paid.id, amount_fen: toFen(paid.amount_fen), currency: 'CNY', paid_at: new Date(0), identity: {} };
}

function payOutcome(answer: WireAnswer): Settled<PayFact> {
  const answered = said(answer);
  if (answered.code === 'PAID') return { is: 'paid', success: success(answered) };
  if (answered.code === 'WAIT') return { is: 'waiting', action: { type: 'wait' } };
  if (answered.code === 'NO_FUNDS') return { is: 'refused', reason: 'insufficient_funds', channel_code: 'NO_FUNDS' };
  return ask(answered.code);
}

function queryOutcome(answer: { body: Buffer }): Settled<PaymentFact> {
  const answered = said(answer);
  if (answered.code === 'PAID') return { is: 'paid', success: success(answered) };
  if (answered.code === 'NO_FUNDS') return { is: 'refused', reason: 'insufficient_funds', channel_code: 'NO_FUNDS' };
  return answered.code === 'NONE' ? { is: 'not_found' } : ask(answered.code);
}

function refundOutcome(answer: WireAnswer): Settled<RefundFact> {
  const answered = said(answer);
  if (answered.code === 'NOTHING_LEFT') return { is: 'refused', reason: 'refund_amount_refused', channel_code: 'NOTHING_LEFT' };
  return answered.code === 'ACCEPTED' ? { is: 'pending' } : ask(answered.code);
}

function undoOutcome(answer: WireAnswer): Settled<UndoFact> {
  const answered = said(answer);
  return answered.code === 'CLOSED' ? { is: 'closed', money: 'none' } : ask(answered.code);
}

type AnyOperation<Input, Fact> = Operation<ArtificialConfig, Input, Fact>;
const operation = <Input extends object, Fact>(
  path: string,
  retry: 'never' | 'same_key',
  outcome: AnyOperation<Input, Fact>['outcome'],
): AnyOperation<Input, Fact> => ({ retry, request: request(path), verify: (answer, _, trust) => verify(answer, trust), outcome });

/** Some gateways want their message acknowledged with a signature of ours. */
function signedReply(message: InboundMessage, { config }: Account<ArtificialConfig>): Step<Reply> {
  const key = createPrivateKey(config.private_key.expose());
  // biome-ignore lint/suspicious/noThenProperty: the name is the interface's; a Signable goes to the client, which never awaits it.
  return { sign: { message: message.body.toString(), key, digest: 'sha256' }, then: (body) => ({ status: 200, content_type: 'text/plain', body }) };
}

function readNotification(message: InboundMessage) {
  const value = JSON.parse(message.body.toString()) as { no?: unknown };
  if (typeof value.no !== 'string') throw new TypeError('a notification has a number');
  return { about: 'payment' as const, channel_order_no: value.no, fact: queryOutcome(message) };
}

export const artificial = defineChannel({
  code: 'artificial',
  name: { en: 'Artificial', zh: '人造' },
  config: Type.Object({ origin: Type.String(), private_key: secretField('PKCS#8 PEM'), root_secret: secretField('hex') }, { additionalProperties: false }),
  identity: () => ({}),
  receiver: () => '',
  pay: {
    // Repeating it is harmless upstream.
    wechat_qr: operation<PayInput, PayFact>('/pay', 'same_key', payOutcome),
    // Repeating it might charge twice.
    wechat_barcode: operation<PayInput, PayFact>('/pay', 'never', payOutcome),
    // Needs no call.
    wechat_h5: {
      ...operation<PayInput, PayFact>('/pay', 'never', payOutcome),
      request: () => ({ local: { is: 'waiting', action: { type: 'redirect', url: 'https://pay.example/' } } as const }),
    },
    // Cannot be built.
    wechat_app: {
      ...operation<PayInput, PayFact>('/pay', 'never', payOutcome),
      request: (input) => {
        throw new TypeError(`no such app: ${input.auth_code}`);
      },
    },
  },
  query: operation<OrderInput, PaymentFact>('/query', 'same_key', queryOutcome),
  close: operation<OrderInput, UndoFact>('/close', 'same_key', undoOutcome),
  reverse: operation<OrderInput, UndoFact>('/reverse', 'same_key', undoOutcome),
  refund: operation<RefundInput, RefundFact>('/refund', 'same_key', refundOutcome),
  refundQuery: operation<RefundInput, RefundFact>('/refund-query', 'same_key', refundOutcome),
  notification: {
    verify: (message, _, trust) => verify(message, trust),
    read: readNotification,
    reply: { ok: signedReply, failed: { status: 500, content_type: 'text/plain', body: 'failed' } },
  },
  trust: {
    refresh_ms: 12 * 3_600_000,
    fetch: {
      ...operation<TrustInput, TrustFact>('/keys', 'same_key', () => ({ is: 'ask', why: 'unlisted' })),
      verify: (answer, { config }) => {
        const root = createSecretKey(Buffer.from(config.root_secret.expose(), 'hex'));
        return equalConstantTime(macOf(root, answer.body), answer.headers['x-mac'] ?? '') ? 'valid' : 'invalid';
      },
      outcome: (answer) => {
        const listed = JSON.parse(answer.body.toString()) as Record<string, string>;
        return { is: 'keys', keys: new Map(Object.entries(listed).map(([serial, hex]) => [serial, createSecretKey(Buffer.from(hex, 'hex'))])) };
      },
    },
  },
});
