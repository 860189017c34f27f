import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { sm2 } from 'sm-crypto-v2';
import { toFen } from '../../kernel/money.ts';
import { readSettings } from '../account-settings.ts';
import type { Account, Channel, OrderInput, PayInput, RefundInput, WireAnswer, WireRequest } from '../define.ts';
import type { Config } from './config.ts';
import { cmb } from './index.ts';
import { notification } from './notifications.ts';
import { closeOrder, pay, query } from './orders.ts';
import { refund, refundQuery } from './refunds.ts';
import { apiSign, type Fields, isSignedBy, pointOf, publicKeyOf, signFields, stringToSign } from './sign.ts';
import { verifyAnswer } from './wire.ts';

const private_key = '11'.repeat(32);
const bank_key = '22'.repeat(32);
const settings = {
  mer_id: '308999100000001',
  user_id: 'N003',
  appid: 'app1',
  app_secret: 'secret1',
  private_key,
  cmb_public_key: publicKeyOf(bank_key),
  order_unknown_code: 'NO_SUCH_ORDER',
};
function accountOf(given: Readonly<Record<string, unknown>> = settings): Account<Config> {
  const read = readSettings(cmb as Channel, given);
  if ('problem' in read) throw new Error(`${read.param} ${read.problem}`);
  return { id: 'acc_1', version: 1, merchant_id: 'mer_1', merchant_code: 'ABCDEF', livemode: false, channel: 'cmb', config: read.config as Config };
}
const account = accountOf();
const env = { now: new Date('2026-11-22T04:00:00Z'), nonce: '0' };
const order: OrderInput = {
  channel_order_no: 'ABCDEF01JD00000000000000000000AA',
  method: 'aggregate_qr',
  amount_fen: toFen(8888),
  created_at: env.now,
  expires_at: new Date('2026-11-22T05:00:00Z'),
};
const payment: PayInput = { ...order, currency: 'CNY', subject: '一杯茶', notify_url: 'https://heliu.example/notify/cmb/acc_1' };
const refunded: RefundInput = {
  ...order,
  channel_transaction_id: 'T1',
  channel_refund_no: 'ABCDEF01JD00000000000000000000BB',
  total_fen: order.amount_fen,
  currency: 'CNY',
  order_created_at: env.now,
  notify_url: payment.notify_url,
};

const signed = (fields: Fields): WireAnswer => ({
  status: 200,
  headers: {},
  body: Buffer.from(JSON.stringify({ ...fields, sign: signFields(fields, bank_key) })),
});
const answer = (biz: object): WireAnswer => signed({ returnCode: 'SUCCESS', respCode: 'SUCCESS', version: '0.0.1', biz_content: JSON.stringify(biz) });
const failure = (errCode: string): WireAnswer => signed({ returnCode: 'SUCCESS', respCode: 'FAIL', errCode, respMsg: '失败' });
const bodyOf = (request: unknown): Fields => JSON.parse((request as WireRequest).body ?? '') as Fields;

describe('a request', () => {
  test('holds its content as text, signed, and its signature signed again in a header', () => {
    const request = pay.aggregate_qr.request(payment, account, env) as WireRequest;
    const body = bodyOf(request);
    assert.equal(request.path, '/polypay/v1.0/mchorders/qrcodeapply');
    assert.deepEqual(Object.keys(body), ['biz_content', 'encoding', 'signMethod', 'version', 'sign']);
    assert.deepEqual(JSON.parse(body.biz_content ?? ''), {
      merId: '308999100000001',
      orderId: order.channel_order_no,
      userId: 'N003',
      notifyUrl: payment.notify_url,
      txnAmt: '8888',
      currencyCode: '156',
      body: '一杯茶',
      payValidTime: '3600',
    });
    const { appid = '', timestamp = '', apisign } = request.headers;
    assert.equal(apisign, apiSign({ appid, secret: 'secret1', sign: body.sign ?? '', timestamp }));
    assert.equal(timestamp, '1795320000');
  });

  test('J-17: OpenSSL verifies its SM2 signature with the public key, and with no other text or user id', (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'heliu-cmb-'));
    try {
      const body = bodyOf(query.request(order, account, env));
      const public_pem = createPublicKey({ key: Buffer.from(publicKeyOf(private_key), 'base64'), format: 'der', type: 'spki' }).export({
        type: 'spki',
        format: 'pem',
      });
      writeFileSync(join(directory, 'key'), public_pem);
      writeFileSync(join(directory, 'text'), stringToSign(body));
      writeFileSync(join(directory, 'signature'), Buffer.from(body.sign ?? '', 'base64'));
      const verify = (text: string, user_id = '1234567812345678') =>
        spawnSync(
          'openssl',
          ['pkeyutl', '-verify', '-pubin', '-inkey', 'key', '-in', text, '-rawin', '-digest', 'sm3', '-sigfile', 'signature', '-pkeyopt', `distid:${user_id}`],
          { cwd: directory, encoding: 'utf8' },
        );
      const found = verify('text');
      if (found.error || /unknown|not supported|Usage/i.test(found.stderr)) return t.skip('this OpenSSL has no SM2');
      assert.match(found.stdout, /Verified Successfully/);
      writeFileSync(join(directory, 'other'), `${stringToSign(body)}.`);
      assert.doesNotMatch(verify('other').stdout, /Verified Successfully/);
      assert.doesNotMatch(verify('text', '8765432187654321').stdout, /Verified Successfully/);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe('an answer', () => {
  test('is believed with the bank’s signature over its texts, and never without', () => {
    assert.equal(verifyAnswer(answer({}), account), 'valid');
    const fields = JSON.parse(answer({}).body.toString()) as Fields;
    for (const [name, changed] of [
      ['another key', { ...fields, sign: signFields(fields, private_key) }],
      ['a changed field', { ...fields, respCode: 'FAIL' }],
      ['a field more', { ...fields, extra: '' }],
      ['no signature', { ...fields, sign: '' }],
      ['content that is no text', { ...fields, biz_content: {} }],
    ] as const) {
      assert.equal(verifyAnswer({ status: 200, headers: {}, body: Buffer.from(JSON.stringify(changed)) }, account), 'invalid', name);
    }
    assert.equal(verifyAnswer({ ...answer({}), status: 500 }, account), 'invalid');
  });

  test('CF-28 refuses nothing by a code: none is public', () => {
    for (const [code, why] of [
      ['SYSTERM_ERROR', 'server_error'],
      ['ANYTHING', 'unlisted'],
      ['constructor', 'unlisted'],
    ] as const) {
      for (const outcome of [
        pay.aggregate_qr.outcome(failure(code), payment, account, env),
        query.outcome(failure(code), order, account, env),
        closeOrder.outcome(failure(code), order, account, env),
        refund.outcome(failure(code), refunded, account, env),
        refundQuery.outcome(failure(code), refunded, account, env),
      ]) {
        assert.ok('is' in outcome && outcome.is === 'ask' && outcome.why === why, `${code} ${JSON.stringify(outcome)}`);
      }
    }
  });

  test('says that an order does not exist only by the code of the settings', () => {
    assert.deepEqual(query.outcome(failure('NO_SUCH_ORDER'), order, account, env), { is: 'not_found' });
    const { order_unknown_code: _code, ...without } = settings;
    assert.equal((query.outcome(failure('NO_SUCH_ORDER'), order, accountOf(without), env) as { is: string }).is, 'ask');
  });

  test('tells the state by its letter', () => {
    const paid = {
      merId: '308999100000001',
      orderId: order.channel_order_no,
      cmbOrderId: 'T1',
      txnAmt: '8888',
      dscAmt: '88',
      endDate: '20261122',
      endTime: '120001',
    };
    const is = (tradeState: string) => (query.outcome(answer({ ...paid, tradeState }), order, account, env) as { is: string }).is;
    assert.deepEqual(['C', 'D', 'P', 'F', 'S', 'R', 'X'].map(is), ['closed', 'closed', 'waiting', 'refused', 'paid', 'paid', 'ask']);
    const fact = query.outcome(answer({ ...paid, tradeState: 'S' }), order, account, env);
    assert.ok('is' in fact && fact.is === 'paid');
    assert.deepEqual([fact.success.amount_fen, fact.success.payer_amount_fen, fact.success.identity], [8888n, 8800n, { mer_id: '308999100000001' }]);
    assert.throws(() => query.outcome(answer({ ...paid, orderId: 'ANOTHER', tradeState: 'S' }), order, account, env), /another order/);
  });

  test('tells a refund’s state by its letter', () => {
    const state = (tradeState: string) =>
      refundQuery.outcome(answer({ orderId: refunded.channel_refund_no, refundAmt: '8888', tradeState }), refunded, account, env) as { is: string };
    assert.deepEqual(
      ['S', 'P', 'F', 'X'].map((each) => state(each).is),
      ['succeeded', 'pending', 'refused', 'ask'],
    );
  });
});

test('a notification is acknowledged with a signature of the merchant’s', () => {
  const { ok } = notification.reply;
  assert.ok(typeof ok === 'function');
  const reply = ok({ path: '/notify', headers: {}, body: Buffer.alloc(0) }, account, env) as { body: string };
  assert.ok(isSignedBy(JSON.parse(reply.body) as Fields, pointOf(publicKeyOf(private_key)) ?? ''));
});

test('a public key that is none is said by name', () => {
  for (const cmb_public_key of ['x', publicKeyOf(bank_key).slice(4), Buffer.alloc(91).toString('base64')]) {
    assert.deepEqual(readSettings(cmb as Channel, { ...settings, cmb_public_key }), { param: 'cmb_public_key', problem: 'is not an SM2 public key in Base64' });
  }
});

describe('J-17: an SM2 signature', () => {
  const fields = { version: '0.0.1', biz_content: '{"merId":"1"}' };
  const point = pointOf(publicKeyOf(bank_key)) as string;
  const by = (userId: string, key = bank_key) => sm2.doSignature(stringToSign(fields), key, { hash: true, userId });
  const base64 = (hex: string) => Buffer.from(hex, 'hex').toString('base64');
  const item = (tag: string, content: string) => `${tag}${(content.length / 2).toString(16).padStart(2, '0')}${content}`;
  /** The shortest form of a positive integer of 32 bytes. */
  const integer = (hex: string) => item('02', hex.replace(/^(00)+(?=..)/, '').replace(/^(?=[89a-f])/, '00'));
  // One whose first number has its highest bit set, so that it needs a byte for its sign.
  let raw = by('1234567812345678');
  while (!/^[89a-f]/.test(raw)) raw = by('1234567812345678');
  const [r, s] = [raw.slice(0, 64), raw.slice(64)];
  const der = item('30', integer(r) + integer(s));
  const order_of_the_group = 'fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123';

  test('is one in its own form, under the identity and the key that were agreed on', () => assert.ok(isSignedBy({ ...fields, sign: base64(der) }, point)));

  const derOf = (raw: string) => item('30', integer(raw.slice(0, 64)) + integer(raw.slice(64)));
  for (const [what, hex] of [
    ['under no user identity', derOf(by(''))],
    ['under another user identity', derOf(by('1234567812345679'))],
    ['by another key', derOf(by('1234567812345678', private_key))],
    ['as its two numbers side by side', r + s],
    ['with its numbers changed about', item('30', integer(s) + integer(r))],
    ['with a byte behind it', `${der}00`],
    ['with a byte behind its numbers', item('30', `${integer(r)}${integer(s)}00`)],
    ['with a third number', item('30', integer(r) + integer(s) + integer(s))],
    ['with one number', item('30', integer(r))],
    ['with zeros before a number', item('30', item('02', `0000${r}`) + integer(s))],
    ['with a number without its sign', item('30', item('02', r) + integer(s))],
    ['as a set', `31${der.slice(2)}`],
    ['with its length in two bytes', `3081${der.slice(2)}`],
    ['with no length', `3080${der.slice(4)}0000`],
    ['cut by a byte', der.slice(0, -2)],
    ['of zeros', item('30', integer('00') + integer('00'))],
    ['of the order of the group', item('30', integer(order_of_the_group) + integer(s))],
    ['of a second number that is the order of the group', item('30', integer(r) + integer(order_of_the_group))],
  ] as const)
    test(`is none ${what}`, () => assert.equal(isSignedBy({ ...fields, sign: base64(hex) }, point), false));

  test('is the same to a second implementation, in both directions', () => {
    const spki = Buffer.from(publicKeyOf(bank_key), 'base64');
    const public_key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
    const sec1 = item('30', `${item('02', '01')}${item('04', bank_key)}${item('a0', '06082a811ccf5501822d')}${item('a1', item('03', `00${point}`))}`);
    const key = createPrivateKey({ key: Buffer.from(sec1, 'hex'), format: 'der', type: 'sec1' });
    // OpenSSL inside Node names no user, which is an identity of no bytes.
    for (const text of ['', 'abc', stringToSign(fields), '支付'.repeat(100)]) {
      const options = { der: true, hash: true, userId: '' };
      const ours = Buffer.from(sm2.doSignature(text, bank_key, options), 'hex');
      assert.ok(verify('sm3', Buffer.from(text), public_key, ours), text);
      assert.ok(!verify('sm3', Buffer.from(`${text}.`), public_key, ours), text);
      const theirs = sign('sm3', Buffer.from(text), key).toString('hex');
      assert.ok(sm2.doVerifySignature(text, theirs, point, options), text);
    }
    assert.ok(!verify('sm3', Buffer.from(stringToSign(fields)), public_key, Buffer.from(der, 'hex')), 'under another identity it is none');
  });
});
