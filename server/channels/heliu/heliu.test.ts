import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import {
  cancelPaymentByOrderNo,
  closePaymentByOrderNo,
  common_errors,
  createPayment,
  createRefundByOrderNo,
  type ErrorCode,
  errors,
  listRefunds,
  type Payment,
  retrievePaymentByOrderNo,
} from '@heliu/contract';
import { Webhook } from 'standardwebhooks';
import { Secret } from '../../kernel/secret.ts';
import { readSettings } from '../account-settings.ts';
import type { Account, Channel, Env, WireRequest } from '../define.ts';
import { aCharge, aPayment, aRefund, essence, openStand, orderOf, type Stand, waitingOrder } from '../kit/gateway/test-stand.ts';
import type { Config } from './config.ts';
import { meaningOf, type TableName, tables } from './errors.ts';
import { heliu } from './index.ts';
import { notification } from './notifications.ts';
import { close, pay, query, reverse } from './payments.ts';
import { isWebhook } from './sign.ts';
import { heliuSimulator } from './simulator.ts';

const env: Env = { now: new Date('2026-11-22T04:00:00Z'), nonce: '0'.repeat(32) };
const answer = (value: unknown, status = 200) => ({ status, headers: {}, body: Buffer.from(JSON.stringify(value)) });

let stand: Stand<Config>;
let account: Account<Config>;
before(async () => {
  stand = await openStand(heliu, heliuSimulator);
  account = await stand.account();
});
after(() => stand.close());

describe('the closed table of errors', () => {
  const operations = [
    ['pay', createPayment],
    ['query', retrievePaymentByOrderNo],
    ['close', closePaymentByOrderNo],
    ['reverse', cancelPaymentByOrderNo],
    ['refund', createRefundByOrderNo],
  ] as const satisfies readonly (readonly [TableName, { readonly errors: readonly ErrorCode[] }])[];

  it('is mapped whole, for each call that is made', () => {
    for (const [table, { errors: own }] of operations)
      for (const code of [...own, ...common_errors]) assert.ok(Object.hasOwn(tables[table], code), `${table} ${code}`);
    for (const code of common_errors) assert.ok(Object.hasOwn(tables.refund_query, code), code);
    // We never send a cursor.
    assert.deepEqual([...listRefunds.errors], ['cursor_invalid']);
  });
  it('has no final no where nothing was to be made, nor where the same request may be tried again', () => {
    for (const table of ['query', 'close', 'reverse', 'refund_query'] as const)
      for (const [code, { final }] of Object.entries(tables[table])) assert.notEqual(final, 'no', `${table} ${code}`);
    for (const table of ['pay', 'refund'] as const)
      for (const [code, { final }] of Object.entries(tables[table]))
        if (errors[code as ErrorCode].retryable && code !== 'no_account_available') assert.equal(final, 'ask', `${table} ${code}`);
  });
  it('leaves open what was said by something else, or of something that was made', () => {
    assert.equal(meaningOf('pay', 'unauthenticated', 401).final, 'no');
    assert.equal(meaningOf('pay', 'unauthenticated', 404).final, 'ask');
    assert.equal(meaningOf('pay', 'some_code_of_tomorrow', 409).final, 'ask');
    for (const code of ['merchant_order_no_taken', 'signature_replayed', 'request_in_progress'] as const)
      assert.equal(meaningOf('pay', code, errors[code].status).final, 'ask', code);
  });
});

describe('settings', () => {
  const problem = async (changes: Readonly<Record<string, unknown>>, without: readonly string[] = []) => {
    const given = { ...stand.settingsOf(await stand.account()), ...changes };
    const read = readSettings(heliu as Channel, Object.fromEntries(Object.entries(given).filter(([name]) => !without.includes(name))));
    return 'param' in read ? read.param : 'none';
  };
  // Another curve: a key that agrees on secrets and signs nothing.
  const x25519 = generateKeyPairSync('x25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
  const signing_key_id = `key_${'0'.repeat(26)}`;
  it('take one way to be known, and name what is wrong with it', async () => {
    assert.equal(await problem({}), 'none');
    assert.equal(await problem({}, ['webhook_secret']), 'none');
    assert.equal(await problem({}, ['api_key']), 'api_key');
    assert.equal(await problem({ api_key: 'sk_test_short' }), 'api_key');
    assert.equal(await problem({ signing_key_id, signing_private_key: x25519 }), 'api_key');
    assert.equal(await problem({ signing_key_id, signing_private_key: x25519 }, ['api_key']), 'signing_private_key');
    assert.equal(await problem({ signing_private_key: x25519 }, ['api_key']), 'signing_key_id');
    assert.equal(await problem({ webhook_secret: 'whsec_x' }), 'webhook_secret');
    assert.equal(await problem({ merchant_code: 'ABCDEI' }), 'merchant_code');
  });
  it('of the other mode send nothing: no test money is taken for real money', async () => {
    const result = await stand.client.pay({ ...account, livemode: true }, aPayment('wechat_qr'));
    assert.deepEqual([essence(result), result.exchange], ['refused configuration_error', undefined]);
  });
});

describe('a request', () => {
  const bodyOf = (changes = {}) =>
    JSON.parse((pay.wechat_qr.request(aPayment('wechat_qr', changes), account, env) as WireRequest).body ?? '') as Record<string, unknown>;
  it('is the same to the letter when it is sent later', () => {
    const input = aPayment('wechat_qr');
    const sent = (now: string) => (pay.wechat_qr.request(input, account, { ...env, now: new Date(now) }) as WireRequest).body;
    assert.equal(sent('2026-11-22T05:30:00Z'), sent('2026-11-22T04:00:00Z'));
    assert.equal(bodyOf().expires_in_s, 7200);
    assert.equal(bodyOf({ expires_at: new Date('2026-11-22T04:00:01Z') }).expires_in_s, 60, 'the least that the contract takes');
  });
  it('keeps a subject within its limit, in whole characters', () => {
    assert.equal(bodyOf({ subject: `${'茶'.repeat(126)}🍵` }).subject, '茶'.repeat(126));
    assert.equal(bodyOf({ subject: '咖啡 ☕' }).subject, '咖啡 ☕');
  });
  it('that is sent twice makes one payment and charges a code once; with other content it is nobody’s word', async () => {
    const charge = aCharge(stand, 'wechat_barcode', 'pays');
    assert.equal(essence(await stand.client.pay(account, charge)), 'paid');
    assert.equal(essence(await stand.client.pay(account, charge)), 'paid');
    assert.equal(stand.simulator.truth().payments.filter(({ order_no }) => order_no === charge.channel_order_no).length, 1);
    assert.equal(essence(await stand.client.pay(account, { ...charge, subject: 'other' })), 'unknown unlisted');
  });
});

describe('a payment', () => {
  const input = aPayment('wechat_qr');
  const view: Payment = {
    object: 'payment',
    id: `pay_${'1'.repeat(26)}`,
    livemode: false,
    merchant_order_no: input.channel_order_no,
    amount_fen: 1234,
    currency: 'CNY',
    subject: 'x',
    state: 'pending',
    closed_reason: null,
    closing: false,
    paid_fen: 0,
    refunding_fen: 0,
    refunded_fen: 0,
    next_action: { type: 'show_qr', qr_content: 'weixin://x' },
    attempt: {
      id: `att_${'1'.repeat(26)}`,
      method: 'wechat_qr',
      channel: 'wechatpay',
      channel_account_id: `acc_${'1'.repeat(26)}`,
      state: 'waiting',
      disposition: null,
      channel_order_no: '',
      channel_transaction_id: null,
      payer_amount_fen: null,
      refusal: null,
      created_at: '2026-11-22T04:00:00Z',
    },
    store_id: null,
    terminal_id: null,
    metadata: {},
    expires_at: '2026-11-22T06:00:00Z',
    paid_at: null,
    closed_at: null,
    created_at: '2026-11-22T04:00:00Z',
    version: 1,
  };
  const refusal = { reason: 'insufficient_funds', message: '', message_zh: '', channel_code: 'NOTENOUGH', channel_message: '余额不足' };
  const shown = (changes: Partial<Payment>, attempt: Partial<NonNullable<Payment['attempt']>> = {}) => {
    const own = { ...(view.attempt as NonNullable<Payment['attempt']>), channel_order_no: `${account.config.merchant_code}${'1'.repeat(26)}`, ...attempt };
    return answer({ ...view, ...changes, attempt: own });
  };
  const asked = (changes: Partial<Payment>, attempt = {}) =>
    query.outcome(shown(changes, attempt), orderOf(input), account, env) as { is: string; reason?: string };
  const made = (changes: Partial<Payment>, attempt = {}) =>
    pay.wechat_qr.outcome(shown(changes, attempt), input, account, env) as { is: string; action?: unknown };

  it('hands on what its payer does', () => {
    for (const action of [
      { type: 'show_qr', qr_content: 'weixin://x' },
      { type: 'redirect', url: 'https://x' },
      { type: 'submit_form', url: 'https://x', fields: { a: '1' } },
      { type: 'invoke', wallet: 'wechat', api: 'wx.requestPayment', params: { a: '1' } },
    ] as const)
      assert.deepEqual(made({ next_action: action }), { is: 'waiting', action });
    assert.deepEqual(asked({}), { is: 'waiting', action: view.next_action }, 'a query tells it too, for an answer that was lost');
    for (const { changes, attempt } of [
      { changes: { next_action: { type: 'new_attempt' } }, attempt: { state: 'sending' } },
      { changes: { closing: true } },
      { changes: {}, attempt: { channel_order_no: `ZZZZZZ${'1'.repeat(26)}` } },
    ] as const)
      assert.deepEqual(asked(changes, attempt), { is: 'waiting' });
    assert.throws(() => made({ next_action: { type: 'invoke', wallet: 'a_wallet_of_tomorrow' as 'wechat', api: 'x', params: {} } }), /unknown/);
  });
  it('that is unsettled over there, of another merchant or of another amount shows no code', () => {
    for (const type of ['wait', 'new_attempt'] as const) assert.equal(made({ next_action: { type } }, { state: 'sending' }).is, 'ask', type);
    assert.equal(made({}, { channel_order_no: `ZZZZZZ${'1'.repeat(26)}` }).is, 'ask');
    assert.equal(made({ amount_fen: 1235 }).is, 'ask');
    assert.equal(made({ merchant_order_no: 'another' }).is, 'ask');
    assert.throws(() => made({ livemode: true }), /other mode/);
  });
  it('is refused by its refused attempt, and by nothing less', () => {
    assert.deepEqual([asked({}, { state: 'refused', refusal }).is, asked({}, { state: 'refused', refusal }).reason], ['refused', 'insufficient_funds']);
    assert.equal(asked({}, { state: 'closed' }).is, 'waiting', 'another account may be about to be tried');
    assert.equal(asked({}, { state: 'refused', refusal: { ...refusal, reason: 'a_reason_of_tomorrow' } }).reason, 'other');
    assert.equal(asked({ state: 'closed', closed_reason: 'expired' }, { state: 'closed' }).is, 'closed');
    assert.equal(asked({ state: 'a_state_of_tomorrow' as 'paid' }).is, 'ask');
  });
  it('is undone only when it is closed or its money is back', () => {
    const undone = (operation: typeof reverse, changes: Partial<Payment>) => operation.outcome(shown(changes), orderOf(input), account, env);
    const paid = { state: 'paid', paid_fen: 1234, paid_at: '2026-11-22T04:01:00Z' } as const;
    assert.deepEqual(undone(reverse, { ...paid, refunded_fen: 1234 }), { is: 'closed', money: 'returned' });
    assert.deepEqual(undone(reverse, { ...paid, refunding_fen: 1234 }), { is: 'again' });
    assert.deepEqual(undone(reverse, paid), { is: 'not_closable' });
    assert.deepEqual(undone(close, { ...paid, refunded_fen: 1234 }), { is: 'not_closable' });
    assert.deepEqual(undone(close, { closing: true, next_action: { type: 'none' } }), { is: 'again' });
    assert.deepEqual(undone(close, { state: 'closed', closed_reason: 'cancelled' }), { is: 'closed', money: 'none' });
  });
  it('an answer that does not have the form of the API is nobody’s word', () => {
    const verdict = (value: unknown, status: number) => query.verify(answer(value, status), account, new Map(), env, orderOf(input));
    assert.equal(verdict(view, 200), 'valid');
    assert.equal(verdict({ error: { code: 'payment_not_found' } }, 404), 'valid');
    for (const [value, status] of [
      [{ message: 'Not Found' }, 404],
      [{}, 200],
      [{ error: { code: 'internal_error' } }, 500],
      [{ error: { code: 'rate_limited' } }, 429],
      [view, 302],
    ] as const)
      assert.equal(verdict(value, status), 'invalid', `${status}`);
  });
});

describe('a webhook', () => {
  const secret = new Secret(`whsec_${Buffer.alloc(32, 5).toString('base64')}`);
  const body = '{"object":"event"}';
  const sent = (signature: string, at = env.now) => ({
    path: '/notify',
    headers: { 'webhook-id': 'evt_1', 'webhook-timestamp': String(Math.floor(at.getTime() / 1000)), 'webhook-signature': signature },
    body: Buffer.from(body),
  });
  const signature = (of: Secret, at = env.now) => new Webhook(of.expose()).sign('evt_1', at, body);

  it('is believed with the signature that the published library makes, one of several while a secret is rotated', () => {
    const other = new Secret(`whsec_${Buffer.alloc(32, 6).toString('base64')}`);
    assert.ok(isWebhook(sent(signature(secret)), secret, env.now));
    assert.ok(isWebhook(sent(`${signature(other)} ${signature(secret)}`), secret, env.now));
    assert.ok(!isWebhook(sent(signature(other)), secret, env.now));
    assert.ok(!isWebhook({ ...sent(signature(secret)), body: Buffer.from(`${body} `) }, secret, env.now));
  });
  it('is not believed five minutes and more from now', () => {
    const at = new Date(env.now.getTime() - 301_000);
    assert.ok(!isWebhook(sent(signature(secret, at), at), secret, env.now));
    const soon = new Date(env.now.getTime() + 301_000);
    assert.ok(!isWebhook(sent(signature(secret, soon), soon), secret, env.now));
  });
  it('is not believed by an account that has no secret', () => {
    const { webhook_secret: _, ...config } = account.config;
    assert.equal(notification.verify(sent(signature(secret)), { ...account, config }, new Map(), env), 'invalid');
  });
  it('about a refund that the other installation made by itself, or about anything else, is nothing for us', async () => {
    const order = await waitingOrder(stand, account, 'wechat_qr');
    await stand.simulator.act(order.channel_order_no, { do: 'pay' });
    const refund = aRefund(order);
    assert.equal(essence(await stand.client.refund(account, refund)), 'pending');
    const event = (type: string, data: object) => ({ path: '/notify', headers: {}, body: Buffer.from(JSON.stringify({ object: 'event', type, data })) });
    const own = {
      object: 'refund',
      livemode: false,
      id: 'ref_1',
      channel_refund_no: `${account.config.merchant_code}1`,
      merchant_refund_no: null,
      state: 'succeeded',
    };
    assert.deepEqual(notification.read(event('refund.succeeded', own), account, env), { about: 'nothing', kind: 'refund.succeeded' });
    assert.deepEqual(notification.read(event('webhook_endpoint.ping', {}), account, env), { about: 'nothing', kind: 'webhook_endpoint.ping' });
    assert.throws(() => notification.read(event('refund.succeeded', { ...own, channel_refund_no: 'ZZZZZZ1' }), account, env), /another merchant/);
  });
});
