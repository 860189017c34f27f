import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Secret } from '../../kernel/secret.ts';
import type { Account, Env, WireRequest } from '../define.ts';
import { aPayment, aRefund, essence, md5sum, openStand, orderOf, type Stand, waitingOrder } from '../kit/gateway/test-stand.ts';
import type { Config } from './config.ts';
import { epay } from './index.ts';
import { notification } from './notifications.ts';
import { prepay, queryOrder } from './orders.ts';
import { queryRefund } from './refunds.ts';
import { isSigned, signFields, textToSign } from './sign.ts';
import { epaySimulator } from './simulator.ts';

const env: Env = { now: new Date('2026-11-22T04:00:00Z'), nonce: '0'.repeat(32) };
const answer = (value: unknown, status = 200) => ({ status, headers: {}, body: Buffer.from(JSON.stringify(value)) });

let stand: Stand<Config>;
let account: Account<Config>;
before(async () => {
  stand = await openStand(epay, epaySimulator);
  account = await stand.account();
});
after(() => stand.close());

describe('a signature', () => {
  it('is that of the published example (third-party: go-epay epay/util_test.go)', () => {
    assert.equal(signFields({ money: 'moneyv', device: 'devicev' }, new Secret('1234567')), '3854cc9f022e0fb821bd2e002260245d');
  });
  it('leaves out what is empty, keeps zero, sorts by bytes and puts the key right behind', (t) => {
    const fields = { b: '0', B: '1', a: '', name: '茶 & 水', sign: 'x', sign_type: 'MD5' };
    assert.equal(textToSign(fields), 'B=1&b=0&name=茶 & 水');
    const sign = md5sum(t, 'B=1&b=0&name=茶 & 水topsecret');
    if (!sign) return;
    assert.equal(signFields(fields, new Secret('topsecret')), sign);
    assert.ok(isSigned({ ...fields, sign: sign.toUpperCase() }, new Secret('topsecret')));
    assert.ok(!isSigned({ ...fields, sign: '' }, new Secret('topsecret')) && !isSigned({ ...fields, sign, b: '2' }, new Secret('topsecret')));
  });
});

it('B-02: a message cut out of the name of another order is refused, though its signature is right', () => {
  const { pid, key } = account.config;
  const hidden = '&out_trade_no=A&pid=1&trade_no=T1&trade_status=TRADE_SUCCESS&type=alipay';
  const forged = { money: '1.00', name: 'tea', out_trade_no: 'B', pid, trade_no: 'T2', trade_status: 'TRADE_SUCCESS', type: 'alipay', z: hidden };
  const name = `tea&out_trade_no=B&pid=${pid}&trade_no=T2&trade_status=TRADE_SUCCESS&type=alipay&z=`;
  const genuine = { money: '1.00', name, out_trade_no: 'A', pid: '1', trade_no: 'T1', trade_status: 'TRADE_SUCCESS', type: 'alipay' };
  const sign = signFields(genuine, key);
  assert.ok(isSigned({ ...forged, sign }, key));
  const inbound = { path: '/notify', headers: {}, body: Buffer.from(new URLSearchParams({ ...forged, sign, sign_type: 'MD5' }).toString()) };
  assert.throws(() => notification.verify(inbound, account, new Map(), env), /several fields/);
});

describe('an order', () => {
  it('is asked for in yuan, by the number as it is, with a signed form', () => {
    const input = aPayment('wechat_h5');
    const { body = '', path } = prepay('wechat_h5').request(input, account, env) as WireRequest;
    const fields = Object.fromEntries(new URLSearchParams(body));
    assert.deepEqual([path, fields.money, fields.type, fields.device, fields.out_trade_no], ['/mapi.php', '12.34', 'wxpay', 'mobile', input.channel_order_no]);
    assert.ok(isSigned(fields, account.config.key));
  });
  it('is opened by whatever way the installation gives', () => {
    const action = (way: object) =>
      (prepay('alipay_qr').outcome(answer({ code: 1, ...way }), aPayment('alipay_qr'), account, env) as { action: unknown }).action;
    assert.deepEqual(action({ qrcode: 'https://qr.example/1', payurl: 'https://p.example' }), { type: 'show_qr', qr_content: 'https://qr.example/1' });
    assert.deepEqual(action({ payurl: 'https://p.example' }), { type: 'show_qr', qr_content: 'https://p.example' });
    assert.throws(() => action({}), /no way/);
  });
  it('is refused for good by two codes of the parameters, and by nothing else', () => {
    const pay = (code: number | string) => (prepay('alipay_qr').outcome(answer({ code, msg: 'x' }), aPayment('alipay_qr'), account, env) as { is: string }).is;
    for (const code of [-3, '-4']) assert.equal(pay(code), 'refused');
    for (const code of [-1, -2, -5, 0, 2, 500]) assert.equal(pay(code), 'ask');
  });
});

describe('a query', () => {
  const input = orderOf(aPayment('wechat_qr'));
  const asked = (fields: object, now = env.now) =>
    queryOrder.outcome(answer({ code: 1, out_trade_no: input.channel_order_no, trade_no: 'T1', pid: '1001', money: '12.34', ...fields }), input, account, {
      ...env,
      now,
    });
  it('gives an order up after its time, for the gateway ends none', () => {
    assert.deepEqual(asked({ status: 0 }), { is: 'waiting' });
    assert.deepEqual(asked({ status: '0' }, new Date(input.expires_at.getTime() + 1)), { is: 'closed' });
    assert.equal((asked({ status: 1, endtime: '2026-11-22 12:00:05' }, new Date(input.expires_at.getTime() + 1)) as { is: string }).is, 'paid');
  });
  it('speaks of when it was asked: what was unpaid before its time may have been paid within it', () => {
    const at = { ...env, asked_at: new Date(input.expires_at.getTime() - 1), now: new Date(input.expires_at.getTime() + 60_000) };
    const unpaid = answer({ code: 1, out_trade_no: input.channel_order_no, trade_no: 'T1', pid: '1001', money: '12.34', status: 0 });
    assert.deepEqual(queryOrder.outcome(unpaid, input, account, at), { is: 'waiting' });
  });
  it('says when it was paid', () => {
    const fact = asked({ status: 1, endtime: '2026-11-22 12:00:05' }) as { success: { paid_at: Date; amount_fen: bigint; identity: object } };
    assert.deepEqual(
      [fact.success.paid_at.toISOString(), fact.success.amount_fen, fact.success.identity],
      ['2026-11-22T04:00:05.000Z', 1234n, { pid: '1001' }],
    );
  });
  it('takes a status that versions read differently for a payment only where it has a time', () => {
    assert.equal((asked({ status: 2, endtime: '2026-11-22 12:00:05' }) as { is: string }).is, 'paid');
    assert.equal((asked({ status: 2, endtime: '' }) as { is: string }).is, 'ask');
  });
  it('says by words alone that there is no such order, and that ends nothing', () => {
    const absent = queryOrder.outcome(answer({ code: -1, msg: '订单号不存在' }), input, account, env);
    assert.deepEqual(absent, { is: 'not_found' });
    assert.equal((queryOrder.outcome(answer({ code: -1, msg: '系统繁忙' }), input, account, env) as { is: string }).is, 'ask');
  });
  it('about another order, or from a page of somebody else, is no answer', () => {
    assert.equal((asked({ status: 1, out_trade_no: 'OTHER' }) as { is: string }).is, 'ask');
    assert.equal(queryOrder.verify(answer({ code: 1 }, 502), account, new Map(), env, input), 'invalid');
  });
});

describe('a refund', () => {
  it('is done when the installation says so in its own word, which is a setting', async () => {
    const order = await waitingOrder(stand, account, 'alipay_qr');
    await stand.simulator.act(order.channel_order_no, { do: 'pay' });
    const refund = aRefund(order);
    assert.equal(essence(await stand.client.refund(account, refund)), 'pending');
    assert.equal(essence(await stand.client.refundQuery(account, refund)), 'succeeded');
    assert.equal(essence(await stand.client.refund(account, refund)), 'unknown unlisted', 'a number that was used says nothing');
    const other = { ...account, config: { ...account.config, refund_done_status: 'SUCCESS' } };
    const told = answer({ code: 1, out_refund_no: refund.channel_refund_no, money: '12.34', status: 'SUCCESS' });
    assert.equal((queryRefund.outcome(told, refund, other, env) as { is: string }).is, 'succeeded');
    assert.equal((queryRefund.outcome(told, refund, account, env) as { is: string }).is, 'ask');
  });
});

it('a notification is a GET, repeated after 1, 3 and 20 minutes, 1 and 2 hours until the word comes', async () => {
  const own = await openStand(epay, epaySimulator);
  const merchant = await own.account();
  own.answerWith({ status: 200, body: 'no' });
  const order = await waitingOrder(own, merchant, 'wechat_qr');
  await own.simulator.act(order.channel_order_no, { do: 'pay' });
  const [first] = await own.delivered(1);
  assert.equal(first?.method, 'GET');
  const read = await own.receive(merchant, first);
  assert.ok(read.is === 'read' && read.notification.about === 'payment' && read.notification.fact.is === 'paid');
  for (const [index, wait_s] of [60, 180, 1_200, 3_600, 7_200].entries()) {
    await own.pass(wait_s * 1000);
    assert.equal((await own.delivered(index + 2)).length, index + 2);
  }
  await own.close();
});
