import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { readSettings } from '../account-settings.ts';
import type { Account, Channel, Env, WireRequest } from '../define.ts';
import type { Fields } from '../flat-xml.ts';
import { aCharge, aPayment, essence, openStand, orderOf, type Stand, waitingOrder } from '../kit/gateway/test-stand.ts';
import { vectorName, vectorsOf } from '../kit/gateway/test-vectors.ts';
import type { Config } from './config.ts';
import { fuiou } from './index.ts';
import { paid, prepay, queryOrder, reverseOrder } from './orders.ts';
import { fromPercentGbk, isSigned, percentGbk, textToSign, toGbk } from './sign.ts';
import { fuiouSimulator } from './simulator.ts';

type Vector = {
  readonly id: string;
  readonly kind: string;
  readonly keys?: { readonly testMerchantPublicPkcs8Base64: string };
  readonly fields?: Fields;
  readonly stringToSign?: string;
  readonly gbkHexOfString?: string;
  readonly sign?: string;
  readonly xml?: string;
  readonly once?: string;
  readonly twice?: string;
};
const { cases, skip } = vectorsOf<Vector>('fuiou');
const env: Env = { now: new Date('2026-11-22T04:00:00Z'), nonce: '0'.repeat(32) };

describe('signatures of the public test merchant', { skip }, () => {
  for (const { id, kind, keys, fields, stringToSign, gbkHexOfString, sign } of cases) {
    if (fields === undefined || sign === undefined || keys === undefined) continue;
    it(vectorName({ id, kind }), () => {
      assert.equal(textToSign(fields), stringToSign);
      if (gbkHexOfString !== undefined) assert.equal(toGbk(textToSign(fields)).toString('hex'), gbkHexOfString);
      const key = createPublicKey(keys.testMerchantPublicPkcs8Base64);
      const broken = `${sign.slice(0, 20)}\n ${sign.slice(20)}`;
      assert.ok(isSigned({ ...fields, sign: broken, reserved_new: 'x' }, key), 'with white space inside and fields of tomorrow');
      assert.ok(!isSigned({ ...fields, sign, mchnt_cd: '1' }, key));
      assert.ok(!isSigned(fields.sign === undefined ? fields : { ...fields, sign: '' }, key));
    });
  }
  for (const { id, kind, xml, once, twice } of cases) {
    if (xml === undefined || once === undefined || twice === undefined) continue;
    it(vectorName({ id, kind }), () => {
      assert.equal(fromPercentGbk(once), xml);
      assert.equal(fromPercentGbk(new URLSearchParams(`req=${twice}`).get('req') ?? ''), xml);
    });
  }
  it('are there', () => assert.ok(cases.length >= 4));
});

it('text of every kind comes back through GBK and percent signs', () => {
  for (const text of ['', 'a b+c%d&=', '茶 & 水 <1>', '100%']) assert.equal(fromPercentGbk(percentGbk(text)), text);
  assert.equal(percentGbk('茶'), '%B2%E8');
});

let stand: Stand<Config>;
let account: Account<Config>;
before(async () => {
  stand = await openStand(fuiou, fuiouSimulator);
  account = await stand.account();
});
after(() => stand.close());

it('a request is encoded twice, in GBK, with empty fields in it', () => {
  const { body = '' } = prepay('wechat_qr').request(aPayment('wechat_qr'), account, env) as WireRequest;
  const once = new URLSearchParams(body).get('req') ?? '';
  assert.match(once, /^%3C%3Fxml/);
  const xml = fromPercentGbk(once);
  assert.match(xml, /^<\?xml version="1\.0" encoding="GBK" standalone="yes"\?><xml>/);
  assert.match(xml, /<goods_tag><\/goods_tag>/);
  assert.match(xml, /<goods_des>咖啡/);
});

it('numbers carry the prefix that Fuiou assigned, stay below thirty-one characters, and come back as ours', async () => {
  const own = await stand.account(undefined, { order_prefix: '1066' });
  const input = await waitingOrder(stand, own, 'alipay_qr');
  const at_gateway = stand.simulator.orders().map(({ order_no }) => order_no);
  assert.ok(at_gateway.includes(`1066${input.channel_order_no.slice(6)}`));
  assert.ok(at_gateway.every((number) => number.length <= 30));
  assert.equal(essence(await stand.client.query(own, orderOf(input))), 'waiting');
});

it('a charge is asked about whatever its answer says, and never told of', async () => {
  const charge = aCharge(stand, 'wechat_barcode', 'pays');
  assert.equal(essence(await stand.client.pay(account, charge)), 'waiting');
  assert.equal(essence(await stand.client.query(account, orderOf(charge))), 'paid');
  assert.equal(essence(await stand.client.pay(account, aCharge(stand, 'alipay_barcode', 'insufficient_funds', 'alipay'))), 'unknown unlisted');
});

it('that there is no such order is said only by the code of the settings', async () => {
  assert.equal(essence(await stand.client.query(account, orderOf(aPayment('wechat_qr')))), 'not_found');
  const { unknown_order_code: _code, ...config } = account.config;
  assert.equal(essence(await stand.client.query({ ...account, config }, orderOf(aPayment('wechat_qr')))), 'unknown unlisted');
});

it('a notification is read whether its text is encoded for the form alone or once more, and names its currency', async () => {
  const own = await openStand(fuiou, fuiouSimulator);
  const merchant = await own.account();
  const input = await waitingOrder(own, merchant, 'unionpay_qr');
  await own.simulator.act(input.channel_order_no.slice(6), { do: 'pay' });
  const [message] = await own.delivered(1);
  const twice = message?.body.slice('req='.length) ?? '';
  const once = percentGbk(fromPercentGbk(decodeURIComponent(twice)));
  assert.match(once, /%B3%C9%B9%A6/, 'there is Chinese in it');
  for (const text of [twice, once]) {
    const read = await own.receive(merchant, message && { ...message, body: `req=${text}` });
    assert.ok(read.is === 'read' && read.notification.about === 'payment' && read.notification.fact.is === 'paid');
    assert.equal(read.notification.fact.success.currency, 'CNY');
  }
  await own.close();
  const fields = { transaction_id: 'T', order_amt: '1', ins_cd: 'I', mchnt_cd: 'M' };
  assert.equal(paid({ ...fields, curr_type: 'USD' }, undefined, env).success.currency, 'USD');
  assert.equal(paid({ ...fields, curr_type: '' }, undefined, env).success.currency, 'CNY');
});

it('a payment that failed ends a payment code, and no order that is still shown', () => {
  const of = (method: 'wechat_qr' | 'wechat_barcode', trans_stat = 'PAYERROR') => {
    const order = orderOf(aPayment(method));
    const text = `<xml><result_code>000000</result_code><mchnt_order_no>${order.channel_order_no.slice(6)}</mchnt_order_no><trans_stat>${trans_stat}</trans_stat></xml>`;
    const answer = { status: 200, headers: {}, body: Buffer.from(percentGbk(text)) };
    return queryOrder.outcome(answer, order, { ...account, merchant_code: order.channel_order_no.slice(0, 6) }, env) as { is: string };
  };
  assert.equal(of('wechat_barcode').is, 'refused');
  assert.equal(of('wechat_qr').is, 'ask');
  for (const method of ['wechat_qr', 'wechat_barcode'] as const) assert.equal(of(method, 'FAIL').is, 'closed', 'TRADE_CLOSED');
});

it('recall Y asks for the same undoing again', () => {
  const answer = { status: 200, headers: {}, body: Buffer.from(percentGbk('<xml><result_code>030011</result_code><recall>Y</recall></xml>')) };
  assert.deepEqual(reverseOrder.outcome(answer, orderOf(aPayment('wechat_barcode')), account, env), { is: 'again' });
});

it('an unsigned answer is nobody’s word', () => {
  const answer = { status: 200, headers: {}, body: Buffer.from(percentGbk('<xml><result_code>000000</result_code></xml>')) };
  assert.equal(queryOrder.verify(answer, account, new Map(), env, orderOf(aPayment('wechat_qr'))), 'invalid');
});

it('a notification is repeated every half minute until the answer is 1, five times', async () => {
  const own = await openStand(fuiou, fuiouSimulator);
  const merchant = await own.account();
  const input = await waitingOrder(own, merchant, 'unionpay_qr');
  await own.simulator.act(input.channel_order_no.slice(6), { do: 'pay' });
  await own.delivered(1);
  for (let nth = 2; nth <= 6; nth++) {
    await own.pass(30_000);
    await own.delivered(nth);
  }
  await own.pass(3_600_000);
  const all = await own.delivered(6);
  assert.equal(all.length, 6);
  const read = await own.receive(merchant, all[5]);
  assert.ok(read.is === 'read' && read.notification.about === 'payment' && read.notification.fact.is === 'paid');
  assert.equal(read.notification.channel_order_no, input.channel_order_no);
  assert.equal(read.reply.ok.body, '1');
  await own.close();
});

it('settings name the key that does not parse', () => {
  const given = stand.settingsOf(account);
  for (const param of ['private_key', 'fuiou_public_key']) {
    const read = readSettings(fuiou as Channel, { ...given, [param]: 'bm9rZXk=' });
    assert.equal('param' in read ? read.param : undefined, param);
  }
});
