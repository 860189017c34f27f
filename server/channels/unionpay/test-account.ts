import { toFen } from '../../kernel/money.ts';
import { createTestClock } from '../../testing/clock.ts';
import { createTestRng } from '../../testing/rng.ts';
import { readSettings } from '../account-settings.ts';
import type { Account, Channel, Env, OrderInput, PayInput, RefundInput, Step, WireAnswer } from '../define.ts';
import { isSignable } from '../define.ts';
import { newPrivateKey } from '../kit/gateway/issuer.ts';
import type { Config } from './config.ts';
import { unionpay } from './index.ts';
import { createAuthority } from './simulator/authority.ts';
import type { Merchant } from './simulator/ledger.ts';
import { createSeal } from './simulator/seal.ts';

export const clock = createTestClock(new Date('2026-11-22T04:00:00Z'));
export const env: Env = { now: clock.now(), nonce: '0' };
export const no_trust = new Map();

/** A gateway's own keys, and a second authority that nobody trusts. */
const makeAuthority = (name: string) => createAuthority(clock, createTestRng(name), undefined, () => {});
export const authority = makeAuthority('unionpay');
export const stranger = makeAuthority('stranger');

const aMerchant = (mer_id: string, sign_method: '01' | '11'): Merchant => ({
  mer_id,
  sign_method,
  secure_key: sign_method === '11' ? 'secure-key-of-a-test' : undefined,
  public_key: undefined,
  cert_id: undefined,
  sub_mer_id: undefined,
});

/** Settings of an account with a certificate of the first authority. */
export async function certificateSettings(): Promise<Record<string, unknown>> {
  const private_key = await newPrivateKey();
  const { certificate } = await authority.certify('777290000000001', private_key);
  return { mer_id: '777290000000001', private_key, certificate, trusted_certificates: await authority.trusted() };
}
export const keySettings = { mer_id: '777290000000002', sign_method: '11', secure_key: 'secure-key-of-a-test' };

export function accountOf(settings: Record<string, unknown>): Account<Config> {
  const read = readSettings(unionpay as Channel, settings);
  if ('problem' in read) throw new Error(`${read.param} ${read.problem}`);
  return { id: 'acc_1', version: 1, merchant_id: 'mer_1', merchant_code: 'ABCDEF', livemode: false, channel: 'unionpay', config: read.config as Config };
}

/** Fields as that gateway signs them. */
export function sealed(fields: Readonly<Record<string, string>>, sign_method: '01' | '11' = '01', of = authority) {
  const merchant = aMerchant(fields.merId ?? '', sign_method);
  return createSeal(of).complete(new Map(Object.entries(fields)), merchant, 'good');
}

export const wire = (fields: ReadonlyMap<string, string>, status = 200): WireAnswer => ({
  status,
  headers: {},
  body: Buffer.from([...fields].map(([name, value]) => `${name}=${value}`).join('&')),
});

/** An answer that was verified before: only what it says counts. */
export const answerOf = (fields: Readonly<Record<string, string>>): WireAnswer => wire(new Map(Object.entries(fields)));

const no = 'ABCDEF01JD00000000000000000000AA';
export const aPay = (changes: Partial<PayInput> = {}): PayInput => ({
  channel_order_no: no,
  method: 'unionpay_page',
  amount_fen: toFen(8888),
  currency: 'CNY',
  subject: '一杯茶',
  created_at: new Date('2026-11-22T03:59:58Z'),
  expires_at: new Date('2026-11-22T05:00:00Z'),
  notify_url: 'https://heliu.example/notify/unionpay/acc_1',
  return_url: 'https://shop.example/back?a=1',
  payer_ip: '203.0.113.9',
  ...changes,
});
export const anOrder = (changes: Partial<OrderInput> = {}): OrderInput => {
  const { channel_order_no, method, amount_fen, created_at, expires_at } = aPay();
  return { channel_order_no, method, amount_fen, created_at, expires_at, ...changes };
};
export const aRefund = (changes: Partial<RefundInput> = {}): RefundInput => ({
  channel_order_no: no,
  channel_transaction_id: '782611221159580674028',
  channel_refund_no: 'ABCDEF01JD00000000000000000000BB',
  method: 'unionpay_page',
  amount_fen: toFen(8888),
  total_fen: toFen(8888),
  currency: 'CNY',
  created_at: new Date('2026-11-22T04:00:00Z'),
  order_created_at: new Date('2026-11-22T03:59:58Z'),
  notify_url: 'https://heliu.example/notify/unionpay/acc_1',
  ...changes,
});

/** What a step gives when the signature is this text. */
export const unsigned = <T>(step: Step<T>): T => (isSignable(step) ? step.then('c2lnbmF0dXJl') : step);
