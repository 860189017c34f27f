import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { readSettings } from '../account-settings.ts';
import type { Account, Channel, Env, WireRequest } from '../define.ts';
import { parseShallowXml } from '../flat-xml.ts';
import { aCharge, aPayment, aRefund, essence, openStand, orderOf, type Stand } from '../kit/gateway/test-stand.ts';
import { vectorName, vectorsOf } from '../kit/gateway/test-vectors.ts';
import type { Config } from './config.ts';
import { appSign, decryptHex, decryptMessage, encryptHex, encryptMessage, isSigned } from './crypt.ts';
import { jdpay } from './index.ts';
import { queryOrder } from './orders.ts';
import { jdpaySimulator } from './simulator.ts';

type Vector = {
  readonly id: string;
  readonly kind: string;
  readonly keys: { readonly rsaPublicPkcs8Base64: string; readonly tripleDesKeyBase64: string };
  readonly xmlToSign?: string;
  readonly xmlWithSign?: string;
  readonly stringToSign?: string;
  readonly sign?: string;
  readonly plaintext?: string;
  readonly tripleDesHex?: string;
  readonly encrypt?: string;
  readonly signMd5Lower?: string;
};
const { cases, skip } = vectorsOf<Vector>('jdpay');
const env: Env = { now: new Date('2026-11-22T04:00:00Z'), nonce: '0'.repeat(32) };

describe('signatures and encryption as others make them', { skip }, () => {
  for (const { id, kind, keys, xmlToSign, xmlWithSign, stringToSign, sign, plaintext, tripleDesHex, encrypt, signMd5Lower } of cases) {
    it(vectorName({ id, kind }), () => {
      assert.ok(sign !== undefined || tripleDesHex !== undefined || signMd5Lower !== undefined, 'there is something to check');
      if (signMd5Lower !== undefined) {
        const { merchant = '', orderId = '', key = '' } = Object.fromEntries(new URLSearchParams(stringToSign));
        assert.equal(appSign({ merchant, orderId }, key), signMd5Lower);
      }
      const text = xmlToSign ?? stringToSign;
      if (text !== undefined && sign !== undefined) {
        const key = createPublicKey(keys.rsaPublicPkcs8Base64);
        assert.ok(isSigned(text, sign, key));
        assert.ok(!isSigned(`${text} `, sign, key));
      }
      const plain = xmlWithSign ?? plaintext;
      if (plain === undefined || tripleDesHex === undefined) return;
      const des_key = Buffer.from(keys.tripleDesKeyBase64, 'base64');
      assert.equal(encryptHex(plain, des_key), tripleDesHex);
      assert.equal(decryptHex(tripleDesHex, des_key), plain);
      if (encrypt !== undefined) assert.equal(encryptMessage(plain, des_key), encrypt);
    });
  }
  it('are there', () => assert.ok(cases.length >= 5));
});

describe('a message of 3DES', () => {
  const key = Buffer.alloc(24, 7);
  it('comes back whole, whatever its length', () => {
    for (const text of ['', 'a', '1234', '茶 & <水>', 'x'.repeat(1000)]) assert.equal(decryptMessage(encryptMessage(text, key), key), text);
  });
  it('with another length, other zeros or half a block is refused', () => {
    const hex = encryptHex('1234567', key);
    assert.throws(() => decryptHex(hex.slice(0, -2), key));
    assert.throws(() => decryptHex(hex.slice(0, 16), key));
    assert.throws(() => decryptHex(hex + hex.slice(-16), key));
  });
});

let stand: Stand<Config>;
let account: Account<Config>;
before(async () => {
  stand = await openStand(jdpay, jdpaySimulator);
  account = await stand.account();
});
after(() => stand.close());

it('a request shows nothing but version, merchant and what is encrypted', () => {
  const input = orderOf(aPayment('jd_h5'));
  const { body = '' } = queryOrder.request(input, account, env) as WireRequest;
  assert.deepEqual(Object.keys(parseShallowXml(body, 'jdpay')).sort(), ['encrypt', 'merchant', 'version']);
  assert.ok(!body.includes(input.channel_order_no));
});

it('a page is a form whose fields are encrypted and whose sign covers them in plain', async () => {
  const { fact } = await stand.client.pay(account, aPayment('jd_page', { return_url: 'https://shop.example/back?a=1&b=茶' }));
  assert.ok(fact.is === 'waiting' && fact.action.type === 'submit_form');
  const { fields, url } = fact.action;
  assert.match(url, /\/pc\/jdpay\/saveOrder$/);
  for (const [name, value] of Object.entries(fields)) if (!['version', 'merchant', 'sign'].includes(name)) assert.match(value, /^(?:[0-9a-f]{16})+$/, name);
  const send = (changed: Record<string, string>) => fetch(url, { method: 'POST', body: new URLSearchParams({ ...fields, ...changed }) });
  assert.equal((await send({ amount: fields.tradeNum ?? '' })).status, 400);
  assert.equal((await send({})).status, 200);
});

it('no answer but a success is final', async () => {
  for (const behaviour of ['insufficient_funds', 'expired'] as const) {
    assert.equal(essence(await stand.client.pay(account, aCharge(stand, 'jd_barcode', behaviour))), 'unknown unlisted');
  }
  const charge = aCharge(stand, 'jd_barcode', 'pays');
  assert.equal(essence(await stand.client.pay(account, charge)), 'paid');
  const { unknown_order_code: _code, ...config } = account.config;
  assert.equal(
    essence(await stand.client.query({ ...account, config }, orderOf(aPayment('jd_h5')))),
    'unknown unlisted',
    'without the code there is no "not found"',
  );
});

it('a notification is read in both of its forms, and answered with the word of the settings', async () => {
  const own = await openStand(jdpay, jdpaySimulator);
  const merchant = await own.account(undefined, { notify_reply: 'ok' });
  const charge = aCharge(own, 'jd_barcode', 'pays');
  await own.client.pay(merchant, charge);
  const [message] = await own.delivered(1);
  const read = await own.receive(merchant, message);
  assert.ok(read.is === 'read' && read.notification.about === 'payment' && read.notification.fact.is === 'paid');
  assert.equal(read.reply.ok.body, 'ok');
  await own.close();
});

it('a refund is told of by a notification of its own', async () => {
  const own = await openStand(jdpay, jdpaySimulator);
  const merchant = await own.account();
  const charge = aCharge(own, 'jd_barcode', 'pays');
  await own.client.pay(merchant, charge);
  await own.delivered(1);
  const refund = aRefund(charge);
  assert.equal(essence(await own.client.refund(merchant, refund)), 'pending');
  await own.pass(5_000);
  const [, message] = await own.delivered(2);
  const read = await own.receive(merchant, message);
  assert.ok(read.is === 'read' && read.notification.about === 'refund' && read.notification.fact.is === 'succeeded');
  assert.equal(read.notification.channel_refund_no, refund.channel_refund_no);
  await own.close();
});

it('settings name the key that does not fit', () => {
  const given = stand.settingsOf(account);
  for (const param of ['des_key', 'private_key', 'jd_public_key']) {
    const read = readSettings(jdpay as Channel, { ...given, [param]: 'bm9rZXk=' });
    assert.equal('param' in read ? read.param : undefined, param);
  }
});
