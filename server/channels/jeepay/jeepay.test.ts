import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Secret } from '../../kernel/secret.ts';
import type { Account, Env, WireRequest } from '../define.ts';
import { aPayment, aRefund, essence, md5sum, openStand, orderOf, type Stand, waitingOrder } from '../kit/gateway/test-stand.ts';
import type { Config } from './config.ts';
import { jeepay } from './index.ts';
import { notification } from './notifications.ts';
import { closeOrder, prepay, queryOrder } from './orders.ts';
import { isSigned, signValues, textToSign } from './sign.ts';
import { jeepaySimulator } from './simulator.ts';

const env: Env = { now: new Date('2026-11-22T04:00:00Z'), nonce: '0'.repeat(32) };
const answer = (value: unknown) => ({ status: 200, headers: {}, body: Buffer.from(JSON.stringify(value)) });

let stand: Stand<Config>;
let account: Account<Config>;
before(async () => {
  stand = await openStand(jeepay, jeepaySimulator);
  account = await stand.account();
});
after(() => stand.close());

describe('a signature', () => {
  it('sorts whole pieces without regard to case, and keeps zero, false and blanks', () => {
    assert.equal(textToSign({ b: 1, A: 0, c: false, B2: ' ', d: '', e: null, sign: 'x' }), 'A=0&B2= &b=1&c=false&');
  });

  it('is what md5sum makes of the text', (t) => {
    const secret = new Secret('topsecret');
    const values = { mchNo: 'M1', appId: 'a1', amount: 100, subject: '茶&水=1' };
    const made = md5sum(t, 'amount=100&appId=a1&mchNo=M1&subject=茶&水=1&key=topsecret');
    if (made === undefined) return;
    const sign = made.toUpperCase();
    assert.equal(signValues(values, secret), sign);
    assert.ok(isSigned(values, sign.toLowerCase(), secret));
    assert.ok(!isSigned(values, '', secret) && !isSigned(values, undefined, secret) && !isSigned({ ...values, amount: 101 }, sign, secret));
  });
});

it('B-02: a message cut out of the texts of another order is refused, though its signature is right', () => {
  const { config } = account;
  const own = { appId: config.app_id, currency: 'cny', mchNo: config.mch_no };
  const forged = { ...own, amount: '1', body: 'tea', mchOrderNo: 'B', payOrderId: 'P1', state: '2', successTime: '1795320000000' };
  const rest = '&clientIp=1.1.1.1&mchOrderNo=A&payOrderId=P0&state=2';
  const { amount: _amount, appId: _app, body: _body, ...hidden } = forged;
  const text = `tea&${textToSign(hidden)}z=`;
  const genuine = { ...own, amount: '1', body: text, clientIp: '1.1.1.1', mchOrderNo: 'A', payOrderId: 'P0', state: '2' };
  const message = { ...forged, z: `${rest.slice(0, 17)}&currency=cny&mchNo=${config.mch_no}${rest.slice(17)}` };
  const sign = signValues(genuine, config.app_secret);
  assert.ok(isSigned(message, sign, config.app_secret));
  const inbound = { path: '/notify', headers: {}, body: Buffer.from(new URLSearchParams({ ...message, sign }).toString()) };
  assert.throws(() => notification.verify(inbound, account, new Map(), env), /several fields/);
});

describe('errors', () => {
  const order = aPayment('wechat_qr');
  const pay = (code: number, msg = 'x') => prepay('wechat_qr').outcome(answer({ code, msg, data: null }), order, account, env) as { is: string };
  it('carry no signature, so none is final', () => {
    for (const code of [11, 10, 12, 9999, 5000, 4711]) assert.equal(pay(code).is, 'ask');
  });
  it('are final where the account believes them and the check of parameters threw them', () => {
    const believing = { ...account, config: { ...account.config, trust_unsigned_errors: true } };
    const said = (code: number) => (prepay('wechat_qr').outcome(answer({ code, msg: 'x', data: null }), order, believing, env) as { is: string }).is;
    assert.equal(said(11), 'refused');
    for (const code of [10, 12, 9999, 5000, 4711]) assert.equal(said(code), 'ask');
  });
  it('of a query say at most that there is no such order', () => {
    const asked = (code: number, msg: string) => queryOrder.outcome(answer({ code, msg, data: null }), orderOf(order), account, env) as { is: string };
    assert.equal(asked(9999, '订单不存在').is, 'not_found');
    assert.equal(asked(9999, '商户应用不存在').is, 'ask');
    assert.equal(asked(11, 'x').is, 'ask');
  });
  it('a close that was refused says that a query has to tell', () => {
    assert.deepEqual(closeOrder.outcome(answer({ code: 9999, msg: '当前订单不可关闭', data: null }), orderOf(order), account, env), { is: 'not_closable' });
  });
});

it('a success without a signature is nobody’s word, also when it is empty', async () => {
  const trust = new Map();
  for (const data of [{}, null, { state: 6 }]) {
    assert.equal(closeOrder.verify(answer({ code: 0, msg: 'SUCCESS', data }), account, trust, env, orderOf(aPayment('wechat_qr'))), 'invalid');
  }
  await Promise.resolve();
});

it('a notification address that the installation cannot store is refused before anything is sent', async () => {
  const input = aPayment('wechat_qr', { notify_url: `https://merchant.example/${'x'.repeat(128)}` });
  assert.equal(essence(await stand.client.pay(account, input)), 'refused configuration_error');
});

it('numbers stay below thirty-one characters', () => {
  const { body = '' } = prepay('alipay_qr').request(aPayment('alipay_qr'), account, env) as WireRequest;
  assert.ok((JSON.parse(body) as { mchOrderNo: string }).mchOrderNo.length <= 30);
});

describe('the simulator', () => {
  it('sends six times in all, each half a minute later than the one before', async () => {
    const own = await openStand(jeepay, jeepaySimulator);
    const merchant = await own.account();
    own.answerWith({ status: 200, body: 'no' });
    const input = await waitingOrder(own, merchant, 'aggregate_qr');
    await own.simulator.act(input.channel_order_no.slice(6), { do: 'pay' });
    await own.delivered(1);
    for (const [index, wait_s] of [30, 60, 90, 120, 150].entries()) {
      await own.pass(wait_s * 1000);
      assert.equal((await own.delivered(index + 2)).length, index + 2);
    }
    await own.pass(3_600_000);
    assert.equal((await own.delivered(6)).length, 6);
    await own.close();
  });

  it('refuses a number that was used, and the query tells', async () => {
    const input = await waitingOrder(stand, account, 'wechat_qr');
    assert.equal(essence(await stand.client.pay(account, input)), 'unknown unlisted');
    assert.equal(essence(await stand.client.query(account, orderOf(input))), 'waiting');
    await stand.simulator.act(input.channel_order_no.slice(6), { do: 'pay' });
    const refund = aRefund(input);
    assert.equal(essence(await stand.client.refund(account, refund)), 'pending');
    assert.equal(essence(await stand.client.refund(account, refund)), 'unknown unlisted');
    assert.equal(stand.simulator.truth().refunds.length, 1);
  });
});
