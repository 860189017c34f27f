import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { type Method, refusal_reasons } from '@heliu/contract';
import { readSettings } from '../account-settings.ts';
import type { Account, Channel, PayInput, WireRequest } from '../define.ts';
import { isSignable } from '../define.ts';
import { type Config, keysOf } from './config.ts';
import { pay_codes, qr_open_codes, refund_codes } from './errors.ts';
import { unionpay } from './index.ts';
import { parseForm } from './message.ts';
import { pay, plainSubject } from './pay.ts';
import { clearingDay, refund, refundQuery } from './refund.ts';
import { messageToSign, stringToSign } from './sign.ts';
import {
  accountOf,
  anOrder,
  answerOf,
  aPay,
  aRefund,
  authority,
  certificateSettings,
  env,
  keySettings,
  no_trust,
  sealed,
  stranger,
  unsigned,
  wire,
} from './test-account.ts';
import { query, reverse } from './trade.ts';
import { bookedAt, verifyAnswer } from './wire.ts';

let account: Account<Config>;
let settings: Record<string, unknown>;
before(async () => {
  settings = await certificateSettings();
  account = accountOf(settings);
});

/** The fields of a request; those of a browser's form too. */
function sentBy(method: keyof typeof pay, changes: Partial<PayInput> = {}, of = account): Record<string, string> {
  const step = unsigned(pay[method].request(aPay({ method, ...changes }), of, env));
  if ('local' in step) {
    assert.ok(step.local.is === 'waiting' && step.local.action.type === 'submit_form', JSON.stringify(step));
    return step.local.action.fields;
  }
  return bodyOf(step);
}
const bodyOf = (request: unknown): Record<string, string> => Object.fromEntries(parseForm(Buffer.from((request as WireRequest).body ?? '')) ?? []);

describe('a request', () => {
  const common = {
    version: '5.1.0',
    encoding: 'UTF-8',
    signMethod: '01',
    accessType: '0',
    merId: '777290000000001',
    txnType: '01',
    orderId: aPay().channel_order_no,
    txnTime: '20261122115958',
    txnAmt: '8888',
    currencyCode: '156',
    backUrl: 'https://heliu.example/notify/unionpay/acc_1',
  };
  const front = { payTimeout: '20261122130000', orderDesc: '一杯茶', riskRateInfo: '{commodityName=一杯茶}', customerIp: '203.0.113.9' };
  const back = { frontUrl: 'https://shop.example/back?a=1' };
  const products: readonly (readonly [method: keyof typeof pay, fields: Record<string, string>])[] = [
    ['unionpay_page', { txnSubType: '01', bizType: '000201', channelType: '07', ...front, ...back }],
    ['unionpay_bank', { txnSubType: '01', bizType: '000201', channelType: '07', defaultPayType: '0001', ...front, ...back }],
    ['unionpay_b2b', { txnSubType: '01', bizType: '000202', channelType: '07', ...front, ...back }],
    ['unionpay_h5', { txnSubType: '01', bizType: '000201', channelType: '08', ...front, ...back }],
    ['unionpay_app', { txnSubType: '01', bizType: '000201', channelType: '08', ...front }],
    ['unionpay_jsapi', { txnSubType: '01', bizType: '000201', channelType: '08', ...front }],
    ['unionpay_qr', { txnSubType: '07', bizType: '000000', channelType: '08', payTimeout: '20261122130000' }],
  ];
  for (const [method, fields] of products) {
    test(`${method} sends these fields and no others`, () => {
      const { signature: _signature, certId, ...sent } = sentBy(method);
      assert.deepEqual(sent, { ...common, ...fields });
      assert.match(certId ?? '', /^\d{10,20}$/);
    });
  }

  test('a payment code is sent with its terminal', () => {
    const { qrNo, termId, txnSubType } = sentBy('unionpay_barcode', { auth_code: '6220000000000000001', terminal_id: 'T0000009' });
    assert.deepEqual([qrNo, termId, txnSubType], ['6220000000000000001', 'T0000009', '06']);
  });

  test('of a platform names the merchant it is for', () => {
    const sub = { sub_mer_id: 'S0001', sub_mer_name: '合流门店', sub_mer_abbr: '合流' };
    const sent = sentBy('unionpay_page', {}, accountOf({ ...settings, ...sub }));
    assert.deepEqual([sent.accessType, sent.subMerId, sent.subMerName, sent.subMerAbbr], ['2', 'S0001', '合流门店', '合流']);
  });

  test('without what the product needs is refused here, before anything is sent', () => {
    const { return_url: _return_url, ...no_return } = aPay();
    for (const step of [pay.unionpay_page.request(no_return, account, env), pay.unionpay_barcode.request(aPay({ method: 'unionpay_barcode' }), account, env)]) {
      const here = unsigned(step);
      assert.ok('local' in here && here.local.is === 'refused' && here.local.reason === 'configuration_error');
    }
  });

  test('a subject keeps nothing that the gateway gives a meaning', () => {
    assert.equal(plainSubject('a=1&b={2}[3] "x"'), 'a＝1＆b＝｛2｝［3］ ＂x＂');
    assert.equal(plainSubject('🍵'), '-');
    assert.equal(plainSubject('长'.repeat(127)).length, 32);
  });

  test('OpenSSL verifies the signature with the certificate that the request names', (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'heliu-unionpay-'));
    try {
      const step = pay.unionpay_qr.request(aPay({ method: 'unionpay_qr' }), account, env);
      assert.ok(isSignable(step));
      // Once over the text, by OpenSSL; once more inside the signature, by OpenSSL again.
      const [text, digest, signature, certificate] = ['text', 'digest', 'signature', 'certificate'].map((name) => join(directory, name)) as [
        string,
        string,
        string,
        string,
      ];
      const openssl = (...args: string[]) => spawnSync('openssl', args, { encoding: 'utf8' });
      if (openssl('version').error) return t.skip('openssl is not installed here, and our own code would only prove itself');
      const fields = new Map(Object.entries(bodyOf(step.then('c2lnbmF0dXJl'))));
      writeFileSync(text, stringToSign(fields));
      const hex = openssl('dgst', '-sha256', '-r', text).stdout.slice(0, 64);
      assert.equal(step.sign.message, hex);
      writeFileSync(digest, hex);
      writeFileSync(certificate, String(settings.certificate));
      writeFileSync(`${directory}/key`, String(settings.private_key));
      assert.equal(openssl('dgst', '-sha256', '-sign', `${directory}/key`, '-out', signature, digest).status, 0);
      const public_key = openssl('x509', '-in', certificate, '-noout', '-pubkey').stdout;
      writeFileSync(`${directory}/public`, public_key);
      assert.match(openssl('dgst', '-sha256', '-verify', `${directory}/public`, '-signature', signature, digest).stdout, /Verified OK/);
      const serial = openssl('x509', '-in', certificate, '-noout', '-serial').stdout.trim().split('=')[1];
      assert.equal(fields.get('certId'), BigInt(`0x${serial}`).toString());
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe('a message of the gateway is believed', () => {
  const said = { merId: '777290000000001', orderId: 'X', respCode: '00', version: '5.1.0' };
  const verdict = (fields: ReadonlyMap<string, string>, of = account, now = env.now) => {
    try {
      return verifyAnswer(wire(fields), of, no_trust, { ...env, now });
    } catch {
      return 'invalid';
    }
  };

  test('when its certificate is UnionPay’s by name and leads to the configured root', async () => assert.equal(verdict(await sealed(said)), 'valid'));

  test('CF-15 also with a certificate that was never seen before', async () => {
    const before_change = (await sealed(said)).get('signPubKeyCert');
    authority.rotate();
    const renewed = await sealed(said);
    assert.notEqual(renewed.get('signPubKeyCert'), before_change);
    assert.equal(verdict(renewed), 'valid');
  });

  test('B-12 not when another authority issued its certificate', async () => assert.equal(verdict(await sealed(said, '01', stranger)), 'invalid'));

  test('B-12 not when the merchant’s own key signed it, although the same authority vouches for that', async () => {
    const fields = new Map([...(await sealed(said)), ['signPubKeyCert', String(settings.certificate).replace(/\n/g, '\r\n')] as const]);
    fields.set('signature', sign('sha256', Buffer.from(messageToSign(fields)), keysOf(account.config).own).toString('base64'));
    assert.equal(verdict(fields), 'invalid');
  });

  test('not before or after the certificate’s time', async () => {
    const fields = await sealed(said);
    assert.equal(verdict(fields, account, new Date('2020-01-01T00:00:00Z')), 'invalid');
    assert.equal(verdict(fields, account, new Date('2040-01-01T00:00:00Z')), 'invalid');
  });

  test('not when the line ends of its certificate were changed', async () => {
    const fields = new Map(await sealed(said));
    fields.set('signPubKeyCert', fields.get('signPubKeyCert')?.replaceAll('\r\n', '\n') ?? '');
    assert.equal(verdict(fields), 'invalid');
  });

  test('with a secure key only from who holds it, and never in the other way of signing', async () => {
    const by_key = accountOf(keySettings);
    const fields = await sealed({ ...said, merId: keySettings.mer_id }, '11');
    assert.equal(verdict(fields, by_key), 'valid');
    assert.equal(verdict(fields, accountOf({ ...keySettings, secure_key: 'another' })), 'invalid');
    assert.equal(verdict(fields, account), 'invalid');
    assert.equal(verdict(await sealed(said), by_key), 'invalid');
  });

  test('CF-11 not with another status than 200', async () => assert.equal(verifyAnswer(wire(await sealed(said), 502), account, no_trust, env), 'invalid'));
});

describe('what a code settles', () => {
  const order = anOrder();
  const queried = (fields: Record<string, string>, method: Method = 'unionpay_page', now = env.now) =>
    query.outcome(answerOf({ orderId: order.channel_order_no, txnType: '01', txnTime: '20261122115958', ...fields }), anOrder({ method }), account, {
      ...env,
      now,
    }) as { is: string; reason?: string; why?: string };
  const over = order.expires_at;

  for (const [code, entry] of [...Object.entries(pay_codes), ...Object.entries(refund_codes)]) {
    test(`${code} is ${entry.final}, with a reason that merchants know`, () => {
      assert.match(code, /^[0-9A-Z]{2}$/);
      if (entry.final === 'no') assert.ok(Object.hasOwn(refusal_reasons, entry.reason));
    });
  }

  test('CF-28 no answer of the query itself ends a payment', () => {
    for (const code of ['01', '10', '11', '12', '31', '37', '60', '99', 'ZZ', 'constructor']) assert.equal(queried({ respCode: code }).is, 'ask', code);
    assert.equal(queried({ respCode: '37' }).why, 'rate_limited');
    assert.equal(queried({ respCode: '06' }).why, 'server_error');
    assert.equal(queried({ respCode: '34' }).is, 'not_found');
  });

  test('a failed try on a page leaves the order open until its time, since the payer may try again', () => {
    assert.equal(queried({ respCode: '00', origRespCode: '64' }).is, 'waiting');
    const ended = queried({ respCode: '00', origRespCode: '64' }, 'unionpay_page', over);
    assert.deepEqual([ended.is, ended.reason], ['refused', 'insufficient_funds']);
  });

  test('a failed payment code is refused at once, but not by codes after which the gateway’s demo goes on asking', () => {
    assert.equal(queried({ respCode: '00', origRespCode: '64' }, 'unionpay_barcode').is, 'refused');
    for (const code of qr_open_codes) assert.equal(queried({ respCode: '00', origRespCode: code }, 'unionpay_barcode').is, 'ask', code);
    for (const code of qr_open_codes) assert.equal(queried({ respCode: '00', origRespCode: code }, 'unionpay_page', over).is, 'refused', code);
  });

  test('what is under way waits, unlisted states are asked about, and given-back money closes', () => {
    for (const code of ['03', '04', '05', '83']) assert.equal(queried({ respCode: '00', origRespCode: code }, 'unionpay_page', over).is, 'waiting', code);
    for (const code of ['ZZ', '74', '99', '']) {
      const asked = () => queried({ respCode: '00', origRespCode: code }, 'unionpay_page', over).is;
      if (code === '') assert.throws(asked);
      else assert.equal(asked(), 'ask', code);
    }
    for (const code of ['42', '46']) assert.equal(queried({ respCode: '00', origRespCode: code }).is, 'closed', code);
  });

  test('a success with a flaw is a success', () => {
    const success = {
      respCode: '00',
      origRespCode: 'A6',
      queryId: 'Q1',
      txnAmt: '8888',
      currencyCode: '156',
      merId: '777290000000001',
      traceTime: '1122120003',
    };
    assert.equal(queried(success).is, 'paid');
    assert.equal(queried({ ...success, currencyCode: '344' }).is, 'paid');
    for (const txnAmt of ['', '08888', '88.88', '-1', '1e3']) assert.throws(() => queried({ ...success, txnAmt }), txnAmt);
    assert.throws(() => queried({ ...success, orderId: 'ANOTHER0' }), /another order/);
    assert.throws(() => queried({ ...success, txnType: '04' }), /another kind/);
  });

  test('a refund that the gateway holds already is under way, and its refusals are its own', () => {
    const input = aRefund();
    const refunded = (respCode: string) => refund.outcome(answerOf({ orderId: input.channel_refund_no, respCode }), input, account, env) as { is: string };
    for (const code of ['00', '12', '03', '04', '05']) assert.equal(refunded(code).is, 'pending', code);
    for (const code of ['35', '36', '60']) assert.equal(refunded(code).is, 'refused', code);
    for (const code of ['01', '45', '06', '34', '99', 'ZZ']) assert.equal(refunded(code).is, 'ask', code);
    const state = (fields: Record<string, string>) =>
      refundQuery.outcome(answerOf({ orderId: input.channel_refund_no, respCode: '00', txnType: '04', ...fields }), input, account, env) as { is: string };
    assert.deepEqual(state({ origRespCode: '00', txnAmt: '8888', queryId: 'Q2' }), { is: 'succeeded', amount_fen: 8888n, channel_refund_id: 'Q2' });
    assert.equal(state({ origRespCode: '05' }).is, 'pending');
    assert.equal(state({ origRespCode: '45' }).is, 'refused');
    assert.equal(state({ respCode: '34' }).is, 'not_found');
    assert.equal(state({ respCode: '35' }).is, 'ask', 'a no to the question is no no to the refund');
  });

  test('a reversed payment code does not say whether money went back', () => {
    const undone = (respCode: string) => reverse.outcome(answerOf({ orderId: order.channel_order_no, respCode }), order, account, env) as { is: string };
    for (const code of ['00', '46']) assert.deepEqual(undone(code), { is: 'closed', money: 'not_said' });
    for (const code of ['35', '45']) assert.equal(undone(code).is, 'not_closable', code);
    assert.equal(undone('34').is, 'not_found');
    for (const code of ['03', '04', '05', '06', '99', 'ZZ', '64']) assert.equal(undone(code).is, 'ask', code);
  });
});

describe('a refund', () => {
  const typeOf = (changes: Parameters<typeof aRefund>[0], more: Record<string, unknown> = { undo_same_day: true }) =>
    bodyOf(unsigned(refund.request(aRefund(changes), accountOf({ ...settings, ...more }), env))).txnType;

  test('is 退货 unless the account wants a whole one of the same clearing day undone', () => {
    assert.equal(typeOf({}), '31');
    assert.equal(typeOf({}, {}), '04');
    assert.equal(typeOf({ amount_fen: 1n as never }), '04');
    assert.equal(typeOf({ created_at: new Date('2026-11-22T15:00:00Z') }), '04', 'from 23:00 it is the next clearing day');
    assert.equal(typeOf({ created_at: new Date('2026-11-22T14:59:59Z') }), '31');
  });

  test('clearing days change at 23:00 of Beijing', () => {
    assert.deepEqual(
      ['2026-11-22T14:59:59Z', '2026-11-22T15:00:00Z'].map((at) => clearingDay(new Date(at))),
      ['2026-11-22', '2026-11-23'],
    );
  });
});

test('the time of a transaction is in the year nearest to its order, around New Year too', () => {
  const at = (txnTime: string, traceTime: string) => bookedAt(new Map(Object.entries({ txnTime, traceTime }))).toISOString();
  assert.equal(at('20261122115958', '1122120003'), '2026-11-22T04:00:03.000Z');
  assert.equal(at('20261231235959', '0101000001'), '2026-12-31T16:00:01.000Z');
  assert.equal(at('20270101000001', '1231235959'), '2026-12-31T15:59:59.000Z');
});

describe('settings', () => {
  const cases: readonly (readonly [name: string, changes: Record<string, unknown>, param: string])[] = [
    ['no key', { private_key: undefined }, 'private_key'],
    ['another key', { private_key: 'x' }, 'private_key'],
    ['no certificate', { certificate: undefined }, 'certificate'],
    ['nothing to trust', { trusted_certificates: undefined }, 'trusted_certificates'],
    ['no certificate in what is trusted', { trusted_certificates: 'x' }, 'trusted_certificates'],
    ['a secure key beside certificates', { secure_key: 'x' }, 'secure_key'],
    ['half a sub-merchant', { sub_mer_id: 'S0001' }, 'sub_mer_name'],
    ['a number that is none', { mer_id: '7772-0000000001' }, 'mer_id'],
  ];
  for (const [name, changes, param] of cases) {
    test(`${name} is said by name`, () => {
      const given = Object.fromEntries(Object.entries({ ...settings, ...changes }).filter(([, value]) => value !== undefined));
      const read = readSettings(unionpay as Channel, given);
      assert.ok('problem' in read && read.param === param, JSON.stringify(read));
    });
  }
  test('a certificate of another key is found before it is used', async () => {
    const read = readSettings(unionpay as Channel, { ...settings, certificate: (await certificateSettings()).certificate });
    assert.deepEqual(read, { param: 'certificate', problem: 'does not belong to private_key' });
  });
});
