import assert from 'node:assert/strict';
import { verify, X509Certificate } from 'node:crypto';
import { describe, it } from 'node:test';
import { type Method, methods } from '@heliu/contract';
import type { PaymentFact } from '../../kernel/outcome.ts';
import { closedAfterEach } from '../../testing/closed-after-each.ts';
import { type Account, isSignable, type PayFact, type PayInput } from '../define.ts';
import type { Config } from './config.ts';
import { identity } from './config.ts';
import { wechatpay } from './index.ts';
import { aPayment, aRefund, openTestGateway, type TestGateway } from './test-gateway.ts';

const aGateway = closedAfterEach(openTestGateway);

const modes = ['direct', 'provider'] as const;
const trusts = ['certificate', 'public_key'] as const;
const setups = modes.flatMap((mode) => trusts.map((trust) => ({ mode, trust })));
const v3_methods = ['wechat_qr', 'wechat_jsapi', 'wechat_mini', 'wechat_app', 'wechat_h5'] as const satisfies readonly Method[];

function paidOf(fact: PaymentFact | PayFact) {
  assert.equal(
    fact.is,
    'paid',
    JSON.stringify(fact, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
  );
  return (fact as Extract<PaymentFact, { is: 'paid' }>).success;
}

function isOurs(fact: PaymentFact, account: Account<Config>, payment: PayInput): string {
  const success = paidOf(fact);
  assert.equal(success.amount_fen, payment.amount_fen);
  assert.equal(success.currency, 'CNY');
  assert.deepEqual(success.identity, identity(account.config, payment));
  return success.channel_transaction_id;
}

describe('every method from order to refund', () => {
  for (const { mode, trust } of setups) {
    for (const method of v3_methods) {
      it(`${mode}, ${trust}: ${method}`, async () => {
        const gateway = await aGateway();
        const { client, simulator, clock } = gateway;
        const account = await gateway.account(mode, trust);
        const payment = aPayment({ method });
        const { fact } = await client.pay(account, payment);
        assert.equal(fact.is, 'waiting');
        assert.equal((await client.query(account, payment)).fact.is, 'waiting');
        assert.deepEqual(await simulator.act(payment.channel_order_no, { do: 'pay' }), { done: true });

        const [delivered] = await gateway.delivered(1);
        const notified = await gateway.receive(account, delivered);
        assert.equal(notified.is, 'read');
        assert(notified.is === 'read' && notified.notification.about === 'payment');
        assert.equal(notified.notification.channel_order_no, payment.channel_order_no);
        const transaction_id = isOurs(notified.notification.fact, account, payment);
        assert.equal(isOurs((await client.query(account, payment)).fact, account, payment), transaction_id);
        assert.deepEqual(
          simulator.truth().payments.map((one) => [one.order_no, one.transaction_id]),
          [[payment.channel_order_no, transaction_id]],
        );

        const refund = aRefund(payment, transaction_id);
        assert.equal((await client.refund(account, refund)).fact.is, 'pending');
        clock.advance(6_000);
        const answer = (await client.refundQuery(account, refund)).fact;
        assert(answer.is === 'succeeded');
        assert.equal(answer.amount_fen, refund.amount_fen);
        const refunded = await gateway.receive(account, (await gateway.delivered(2))[1]);
        assert(refunded.is === 'read' && refunded.notification.about === 'refund');
        assert.equal(refunded.notification.channel_refund_no, refund.channel_refund_no);
        assert.deepEqual(refunded.notification.fact, answer);
        // An order that was refunded was paid.
        isOurs((await client.query(account, payment)).fact, account, payment);
      });
    }

    it(`${mode}, ${trust}: wechat_barcode`, async () => {
      const gateway = await aGateway();
      const { client, simulator, clock } = gateway;
      const account = await gateway.account(mode, trust);
      const payment = aPayment({ method: 'wechat_barcode', auth_code: simulator.newPaymentCode('pays') });
      const transaction_id = isOurs((await client.pay(account, payment)).fact as PaymentFact, account, payment);
      assert.equal(isOurs((await client.query(account, payment)).fact, account, payment), transaction_id);
      const refund = aRefund(payment, transaction_id);
      assert.equal((await client.refund(account, refund)).fact.is, 'pending');
      clock.advance(6_000);
      assert.equal((await client.refundQuery(account, refund)).fact.is, 'succeeded');
    });
  }
});

describe('what the front end is given', () => {
  it('signs the invocation of a page, a mini-program and an app with the merchant key', async () => {
    const gateway = await aGateway();
    const account = await gateway.account('direct', 'certificate');
    const key = new X509Certificate(account.config.certificate ?? '').publicKey;
    const genuine = (message: string, signature = '') => verify('sha256', Buffer.from(message), key, Buffer.from(signature, 'base64'));
    const invoked = async (method: Method) => {
      const { fact } = await gateway.client.pay(account, aPayment({ method }));
      assert(fact.is === 'waiting' && fact.action.type === 'invoke');
      return fact.action;
    };
    const page = await invoked('wechat_jsapi');
    assert.equal(page.api, 'WeixinJSBridge.getBrandWCPayRequest');
    assert.deepEqual(Object.keys(page.params).sort(), ['appId', 'nonceStr', 'package', 'paySign', 'signType', 'timeStamp']);
    assert(genuine(`${page.params.appId}\n${page.params.timeStamp}\n${page.params.nonceStr}\n${page.params.package}\n`, page.params.paySign));
    const mini = await invoked('wechat_mini');
    assert.equal(mini.api, 'wx.requestPayment');
    assert.equal(mini.params.appId, undefined);
    assert(genuine(`${account.config.appid}\n${mini.params.timeStamp}\n${mini.params.nonceStr}\n${mini.params.package}\n`, mini.params.paySign));
    const app = await invoked('wechat_app');
    assert.equal(app.params.partnerid, account.config.mchid);
    assert(genuine(`${account.config.appid}\n${app.params.timestamp}\n${app.params.noncestr}\n${app.params.prepayid}\n`, app.params.sign));
  });

  it("invokes with the sub-merchant's application when the openid is its own, and with the provider's otherwise", async () => {
    const gateway = await aGateway();
    const account = await gateway.account('provider', 'certificate');
    for (const [app_id, invoked] of [
      [undefined, account.config.sub_appid],
      [account.config.appid, account.config.appid],
    ]) {
      const { fact } = await gateway.client.pay(account, aPayment({ method: 'wechat_jsapi', ...(app_id === undefined ? {} : { app_id }) }));
      assert(fact.is === 'waiting' && fact.action.type === 'invoke');
      assert.equal(fact.action.params.appId, invoked);
    }
  });

  it('shows a code to scan, and sends a mobile browser to the wallet and back', async () => {
    const gateway = await aGateway();
    const account = await gateway.account('direct', 'certificate');
    const qr = await gateway.client.pay(account, aPayment());
    assert(qr.fact.is === 'waiting' && qr.fact.action.type === 'show_qr');
    assert.match(qr.fact.action.qr_content, /^weixin:\/\/wxpay\/bizpayurl\?pr=\w{7,9}$/);
    const h5_payment = aPayment({ method: 'wechat_h5', return_url: 'https://shop.example/done?order=1' });
    const h5 = await gateway.client.pay(account, h5_payment);
    assert(h5.fact.is === 'waiting' && h5.fact.action.type === 'redirect');
    const { url } = h5.fact.action;
    assert.equal(new URL(url).searchParams.get('redirect_url'), 'https://shop.example/done?order=1');
    assert.match(await (await fetch(url)).text(), /¥12\.34/);
    const decided = await fetch(url, { method: 'POST', body: new URLSearchParams({ do: 'pay' }), redirect: 'manual' });
    assert.equal(decided.headers.get('location'), 'https://shop.example/done?order=1');
    assert.equal((await gateway.client.query(account, h5_payment)).fact.is, 'paid');
  });
});

describe('payment codes', () => {
  async function charge(behaviour: Parameters<TestGateway['simulator']['newPaymentCode']>[0]) {
    const gateway = await aGateway();
    const account = await gateway.account('direct', 'certificate');
    const payment = aPayment({ method: 'wechat_barcode', auth_code: gateway.simulator.newPaymentCode(behaviour) });
    return { gateway, account, payment, fact: (await gateway.client.pay(account, payment)).fact };
  }

  it('waits while the payer types the password, and finds the payment by asking', async () => {
    const { gateway, account, payment, fact } = await charge('asks_password');
    assert.deepEqual(fact, { is: 'waiting', action: { type: 'wait' } });
    assert.equal((await gateway.client.query(account, payment)).fact.is, 'waiting');
    await gateway.simulator.act(payment.channel_order_no, { do: 'pay' });
    isOurs((await gateway.client.query(account, payment)).fact, account, payment);
  });

  it('is refused when the payer declines the password', async () => {
    const { gateway, account, payment } = await charge('asks_password');
    await gateway.simulator.act(payment.channel_order_no, { do: 'decline' });
    const { fact } = await gateway.client.query(account, payment);
    assert(fact.is === 'refused');
    assert.equal(fact.channel_code, 'PAYERROR');
  });

  for (const [behaviour, reason] of [
    ['insufficient_funds', 'insufficient_funds'],
    ['expired', 'payment_code_expired'],
  ] as const) {
    it(`${behaviour} is refused as ${reason}`, async () => {
      const { fact } = await charge(behaviour);
      assert(fact.is === 'refused');
      assert.equal(fact.reason, reason);
    });
  }

  it('refuses a code that was used before', async () => {
    const { gateway, account, payment } = await charge('pays');
    const again = aPayment({ method: 'wechat_barcode', ...(payment.auth_code === undefined ? {} : { auth_code: payment.auth_code }) });
    const { fact } = await gateway.client.pay(account, again);
    assert(fact.is === 'refused');
    assert.equal(fact.reason, 'payment_code_invalid');
    assert.deepEqual((await gateway.client.query(account, again)).fact, { is: 'not_found' });
  });

  it('reverses a payment: the money goes back and the order is closed', async () => {
    const { gateway, account, payment } = await charge('pays');
    assert.deepEqual((await gateway.client.reverse(account, payment)).fact, { is: 'closed', money: 'not_said' });
    assert.deepEqual((await gateway.client.query(account, payment)).fact, { is: 'closed' });
    const [back] = gateway.simulator.truth().refunds;
    assert.deepEqual([back?.amount_fen, back?.state], [1234, 'succeeded']);
  });

  it('calls again when the gateway says recall', async () => {
    const { gateway, account, payment } = await charge('asks_password');
    gateway.simulator.inject({ kind: 'server_error', on: 'reverse' });
    assert.deepEqual((await gateway.client.reverse(account, payment)).fact, { is: 'again' });
    assert.equal((await gateway.client.reverse(account, payment)).fact.is, 'closed');
    assert.deepEqual((await gateway.client.reverse(account, aPayment({ method: 'wechat_barcode' }))).fact, { is: 'not_found' });
  });

  it('needs the APIv2 key and sends nothing without it', async () => {
    const gateway = await aGateway();
    const { apiv2_key: _key, ...config } = (await gateway.account('direct', 'certificate')).config;
    const account = { ...(await gateway.account('direct', 'certificate')), config };
    const { fact, exchange } = await gateway.client.pay(account, aPayment({ method: 'wechat_barcode', auth_code: '130000000000000000' }));
    assert(fact.is === 'refused');
    assert.equal(fact.reason, 'method_not_enabled');
    assert.equal(exchange, undefined);
  });
});

describe('closing', () => {
  it('closes an unpaid order, and again', async () => {
    const gateway = await aGateway();
    const account = await gateway.account('provider', 'public_key');
    const payment = aPayment();
    await gateway.client.pay(account, payment);
    for (const _ of [1, 2]) assert.deepEqual((await gateway.client.close(account, payment)).fact, { is: 'closed', money: 'none' });
    assert.deepEqual((await gateway.client.query(account, payment)).fact, { is: 'closed' });
    assert.equal((await gateway.simulator.act(payment.channel_order_no, { do: 'pay' })).done, false);
  });

  it('cannot close a paid order, and does not find an unknown one', async () => {
    const gateway = await aGateway();
    const account = await gateway.account('direct', 'certificate');
    const payment = aPayment();
    await gateway.client.pay(account, payment);
    await gateway.simulator.act(payment.channel_order_no, { do: 'pay' });
    assert.deepEqual((await gateway.client.close(account, payment)).fact, { is: 'not_closable' });
    assert.deepEqual((await gateway.client.close(account, aPayment())).fact, { is: 'not_found' });
    assert.deepEqual((await gateway.client.query(account, aPayment())).fact, { is: 'not_found' });
  });

  it('takes a 204 for an unknown order as closed', async () => {
    const gateway = await aGateway({ simulator: { close_unknown: 204 } });
    const account = await gateway.account('direct', 'certificate');
    assert.deepEqual((await gateway.client.close(account, aPayment())).fact, { is: 'closed', money: 'none' });
  });

  it('CF-19: sees a payment that came after the close', async () => {
    const gateway = await aGateway();
    const account = await gateway.account('direct', 'certificate');
    const payment = aPayment();
    await gateway.client.pay(account, payment);
    await gateway.client.close(account, payment);
    assert.deepEqual(await gateway.simulator.act(payment.channel_order_no, { do: 'pay', late: true }), { done: true });
    isOurs((await gateway.client.query(account, payment)).fact, account, payment);
    assert.equal((await gateway.delivered(1)).length, 1);
  });

  it('closes by itself when its time is over', async () => {
    const gateway = await aGateway();
    const account = await gateway.account('direct', 'certificate');
    const payment = aPayment();
    await gateway.client.pay(account, payment);
    gateway.clock.set(payment.expires_at);
    assert.deepEqual((await gateway.client.query(account, payment)).fact, { is: 'closed' });
  });

  it('answers without a call where the gateway has none', async () => {
    const gateway = await aGateway();
    const account = await gateway.account('direct', 'certificate');
    const reversed = (await gateway.client.reverse(account, aPayment())).fact;
    assert(reversed.is === 'refused');
    assert.equal(reversed.reason, 'refund_not_allowed');
    assert.deepEqual((await gateway.client.close(account, aPayment({ method: 'wechat_barcode' }))).fact, { is: 'not_closable' });
  });
});

describe('requests', () => {
  it('give the same order for the same number, and refuse it for other content', async () => {
    const gateway = await aGateway();
    const account = await gateway.account('direct', 'certificate');
    const payment = aPayment();
    const first = await gateway.client.pay(account, payment);
    assert.deepEqual((await gateway.client.pay(account, payment)).fact, first.fact);
    const { fact } = await gateway.client.pay(account, { ...payment, subject: '茶' });
    assert(fact.is === 'refused');
    assert.equal(fact.reason, 'order_no_used');
  });

  it('refuse an application that is not bound, and a JSAPI payment without a payer', async () => {
    const gateway = await aGateway();
    const account = await gateway.account('direct', 'certificate');
    const unbound = (await gateway.client.pay(account, aPayment({ app_id: 'wx0000000000000000' }))).fact;
    assert(unbound.is === 'refused');
    assert.deepEqual([unbound.reason, unbound.channel_code], ['configuration_error', 'APPID_MCHID_NOT_MATCH']);
    const { payer_id: _payer, ...anonymous } = aPayment({ method: 'wechat_jsapi' });
    const nobody = await gateway.client.pay(account, anonymous);
    assert(nobody.fact.is === 'refused');
    assert.equal(nobody.exchange, undefined);
  });

  it('I-46: carry no key in anything that could be logged', async () => {
    const gateway = await aGateway();
    const account = await gateway.account('provider', 'public_key');
    const code = { method: 'wechat_barcode', auth_code: gateway.simulator.newPaymentCode('pays') } as const;
    const env = { now: gateway.clock.now(), nonce: '0'.repeat(32) };
    const payment = aPayment(code);
    const steps = [
      wechatpay.pay.wechat_jsapi?.request(payment, account, env),
      wechatpay.pay.wechat_barcode?.request(payment, account, env),
      wechatpay.reverse?.request(payment, account, env),
      wechatpay.refund.request(aRefund(payment, '4200'), account, env),
    ];
    const requests = steps.map((step) => (step !== undefined && isSignable(step) ? step.then('c2lnbmF0dXJl') : step));
    await gateway.client.pay(account, payment);
    const text = [...gateway.lines, JSON.stringify([account, requests])].join('\n');
    assert.match(text, /c2lnbmF0dXJl/);
    const { private_key, apiv2_key, apiv3_key } = gateway.settingsOf(account) as Record<string, string>;
    for (const secret of [private_key?.split('\n')[5], apiv2_key, apiv3_key]) assert(secret !== undefined && secret.length >= 32 && !text.includes(secret));
  });

  it('carry numbers and texts that fit what the gateway takes', async () => {
    const gateway = await aGateway();
    const account = await gateway.account('direct', 'certificate');
    const long = `${'支付平台'.repeat(31)}末末末`;
    const subjects = [long, '🎉🎉🎉', 'a'.repeat(127), '<b>&amp;]]></b>'];
    for (const subject of subjects) {
      assert.equal((await gateway.client.pay(account, aPayment({ subject }))).fact.is, 'waiting', subject);
      const auth_code = gateway.simulator.newPaymentCode('pays');
      assert.equal((await gateway.client.pay(account, aPayment({ subject, method: 'wechat_barcode', auth_code }))).fact.is, 'paid', subject);
    }
    const payment = aPayment();
    assert.match(payment.channel_order_no, /^[0-9A-Z]{32}$/);
  });

  it('work behind a path prefix, whose part of the target is signed too', async () => {
    const gateway = await aGateway({ prefix: '/sim/wechatpay' });
    const account = await gateway.account('direct', 'certificate');
    assert.match(account.config.gateway_url ?? '', /\/sim\/wechatpay$/);
    assert.equal((await gateway.client.pay(account, aPayment())).fact.is, 'waiting');
    const payment = aPayment({ method: 'wechat_barcode', auth_code: gateway.simulator.newPaymentCode('pays') });
    assert.equal((await gateway.client.pay(account, payment)).fact.is, 'paid');
  });

  it('cover every WeChat method of the contract', () => {
    const ours = Object.keys(methods).filter((method) => methods[method as Method].wallet === 'wechat');
    assert.deepEqual(Object.keys(wechatpay.pay).sort(), ours.sort());
  });
});

describe('refunds', () => {
  async function aPaidPayment() {
    const gateway = await aGateway();
    const account = await gateway.account('direct', 'public_key');
    const payment = aPayment();
    await gateway.client.pay(account, payment);
    await gateway.simulator.act(payment.channel_order_no, { do: 'pay' });
    const transaction_id = paidOf((await gateway.client.query(account, payment)).fact).channel_transaction_id;
    return { gateway, account, payment, transaction_id };
  }

  it('give money back once for one number', async () => {
    const { gateway, account, payment, transaction_id } = await aPaidPayment();
    const refund = aRefund(payment, transaction_id, { amount_fen: 500n as typeof payment.amount_fen });
    await gateway.client.refund(account, refund);
    await gateway.client.refund(account, refund);
    assert.equal(gateway.simulator.truth().refunds.length, 1);
  });

  it('never exceed the payment', async () => {
    const { gateway, account, payment, transaction_id } = await aPaidPayment();
    await gateway.client.refund(account, aRefund(payment, transaction_id, { amount_fen: 1000n as typeof payment.amount_fen }));
    const { fact } = await gateway.client.refund(account, aRefund(payment, transaction_id, { amount_fen: 235n as typeof payment.amount_fen }));
    assert(fact.is === 'refused');
    assert.equal(fact.reason, 'refund_not_allowed');
  });

  it('are not found before they are asked for', async () => {
    const { gateway, account, payment, transaction_id } = await aPaidPayment();
    assert.deepEqual((await gateway.client.refundQuery(account, aRefund(payment, transaction_id))).fact, { is: 'not_found' });
    assert.deepEqual((await gateway.client.refund(account, aRefund(payment, '4200000000000000000000000000'))).fact, { is: 'not_found' });
  });

  it('CF-22: accepted and then closed is a refusal, by query and by notification', async () => {
    const { gateway, account, payment, transaction_id } = await aPaidPayment();
    gateway.simulator.inject({ kind: 'refund_fails' });
    const refund = aRefund(payment, transaction_id);
    assert.equal((await gateway.client.refund(account, refund)).fact.is, 'pending');
    gateway.clock.advance(6_000);
    const { fact } = await gateway.client.refundQuery(account, refund);
    assert(fact.is === 'refused');
    assert.equal(fact.reason, 'merchant_balance_insufficient');
    const notified = await gateway.receive(account, (await gateway.delivered(2))[1]);
    assert(notified.is === 'read' && notified.notification.about === 'refund');
    assert.deepEqual(notified.notification.fact, fact);
    assert.equal(gateway.simulator.truth().refunds[0]?.state, 'failed');
  });

  it('that are abnormal stay pending', async () => {
    const { gateway, account, payment, transaction_id } = await aPaidPayment();
    gateway.simulator.inject({ kind: 'refund_fails', code: 'ABNORMAL' });
    const refund = aRefund(payment, transaction_id);
    await gateway.client.refund(account, refund);
    gateway.clock.advance(6_000);
    assert.equal((await gateway.client.refundQuery(account, refund)).fact.is, 'pending');
  });
});
