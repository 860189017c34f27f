import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Method } from '@heliu/contract';
import { toFen } from '../../kernel/money.ts';
import { closedAfterEach } from '../../testing/closed-after-each.ts';
import type { Account, PayInput } from '../define.ts';
import { orderOf } from '../kit/gateway/test-stand.ts';
import type { Config } from './config.ts';
import { alipay } from './index.ts';
import { aPayment, aRefund, openTestGateway, type TestGateway } from './test-gateway.ts';

const setUp = closedAfterEach(openTestGateway);

const methods = Object.keys(alipay.pay) as Method[];
const kinds = [
  { mode: 'direct', trust: 'public_key', encrypted: false },
  { mode: 'direct', trust: 'certificate', encrypted: true },
  { mode: 'provider', trust: 'public_key', encrypted: true },
  { mode: 'provider', trust: 'certificate', encrypted: false },
] as const;

/** The payer's browser or app takes what the payment answered to the gateway, as the action says. */
async function takeToGateway(gateway: TestGateway, action: { type: string } & Record<string, unknown>): Promise<void> {
  const opened = async (response: Response) => {
    assert.equal(response.status, 302, await response.text());
    assert.equal((await fetch(response.headers.get('location') as string)).status, 200);
  };
  if (action.type === 'redirect') await opened(await fetch(action.url as string, { redirect: 'manual' }));
  if (action.type === 'submit_form') {
    const body = new URLSearchParams(action.fields as Record<string, string>);
    await opened(await fetch(action.url as string, { method: 'POST', redirect: 'manual', body }));
  }
  const order_string = (action.params as Record<string, string> | undefined)?.orderStr;
  if (order_string !== undefined) assert.equal((await fetch(`${gateway.base_url}/wallet/open`, { method: 'POST', body: order_string })).status, 200);
}

async function begin(gateway: TestGateway, account: Account<Config>, method: Method, changes: Partial<PayInput> = {}) {
  const code = method === 'alipay_barcode' ? { auth_code: gateway.simulator.newPaymentCode('asks_password') } : {};
  const input = aPayment(gateway.clock, method, { ...code, ...changes });
  const { fact } = await gateway.client.pay(account as Account, input);
  if (fact.is === 'waiting') await takeToGateway(gateway, fact.action);
  return { input, order: orderOf(input), fact };
}

for (const { mode, trust, encrypted } of kinds) {
  describe(`alipay, ${mode}, verified with ${trust}, content ${encrypted ? 'encrypted' : 'in clear'}`, () => {
    for (const method of methods) {
      test(`${method} is paid, notified, queried, refunded in two parts and asked about`, async () => {
        const gateway = await setUp();
        const { client, simulator, clock } = gateway;
        const account = await gateway.account(mode, trust, { encrypted });
        const { input, order, fact } = await begin(gateway, account, method);
        assert.equal(fact.is, 'waiting', JSON.stringify(fact));
        assert.deepEqual(await factOf(client.query(account as Account, order)), method === 'alipay_qr' ? { is: 'not_found' } : { is: 'waiting' });

        assert.deepEqual(await simulator.act(input.channel_order_no, { do: 'pay' }), { done: true });
        const [payment] = simulator.truth().payments;
        assert.ok(payment);
        const paid = {
          channel_transaction_id: payment.transaction_id,
          amount_fen: input.amount_fen,
          currency: 'CNY',
          payer_amount_fen: input.amount_fen,
          paid_at: payment.paid_at,
          payer_id: input.payer_id ?? '2088000000000001',
        };
        const [message] = await gateway.delivered(1);
        const notified = await gateway.receive(account, message);
        assert.equal(notified.is, 'read');
        const identity = alipay.identity(account.config, {});
        assert.deepEqual(Object.keys(identity), ['app_id', 'auth_app_id', 'seller_id']);
        assert.deepEqual(notified.is === 'read' && notified.notification, {
          about: 'payment',
          channel_order_no: input.channel_order_no,
          fact: { is: 'paid', success: { ...paid, identity } },
        });
        assert.deepEqual(await factOf(client.query(account as Account, order)), { is: 'paid', success: { ...paid, identity: {} } });
        assert.deepEqual(await factOf(client.close(account as Account, order)), { is: 'not_closable' });

        const part = aRefund(clock, input, { amount_fen: toFen(888) });
        const rest = aRefund(clock, input, { amount_fen: toFen(8000) });
        const refunded = (amount_fen: bigint) => ({ is: 'succeeded', amount_fen, refunded_at: clock.now() });
        assert.deepEqual(await factOf(client.refundQuery(account as Account, part)), { is: 'not_found' });
        assert.deepEqual(await factOf(client.refund(account as Account, part)), refunded(888n));
        assert.deepEqual(await factOf(client.refund(account as Account, part)), { is: 'pending' });
        assert.deepEqual(await factOf(client.refund(account as Account, rest)), refunded(8000n));
        assert.deepEqual(await factOf(client.refundQuery(account as Account, part)), refunded(888n));
        assert.deepEqual(await factOf(client.refundQuery(account as Account, rest)), refunded(8000n));
        assert.equal(
          simulator.truth().refunds.reduce((sum, refund) => sum + refund.amount_fen, 0),
          8888,
        );
        const messages = await gateway.delivered(3);
        const told = await gateway.receive(account, messages[1]);
        assert.deepEqual(told.is === 'read' && told.notification, {
          about: 'refund',
          channel_order_no: input.channel_order_no,
          channel_refund_no: part.channel_refund_no,
          fact: { is: 'unknown', cause: 'unlisted', detail: 'a refund message gives the sum of all refunds' },
        });
        // Refunded in full the trade is TRADE_CLOSED, and was paid all the same.
        assert.deepEqual(await factOf(client.query(account as Account, order)), { is: 'paid', success: { ...paid, identity: {} } });
      });
    }
  });
}

const factOf = async <T>(answered: Promise<{ readonly fact: T }>): Promise<T> => (await answered).fact;

describe('alipay, what the payer does next', () => {
  const expected: Partial<Record<Method, string>> = {
    alipay_qr: 'show_qr',
    alipay_jsapi: 'AlipayJSBridge.tradePay',
    alipay_mini: 'my.tradePay',
    alipay_wap: 'redirect',
    alipay_page: 'submit_form',
    alipay_app: 'AlipaySDK.payOrder',
    alipay_barcode: 'wait',
  };
  for (const method of methods) {
    test(`${method} answers ${expected[method]}`, async () => {
      const gateway = await setUp();
      const { fact } = await begin(gateway, await gateway.account('direct', 'public_key'), method);
      assert.ok(fact.is === 'waiting');
      assert.equal(fact.action.type === 'invoke' ? fact.action.api : fact.action.type, expected[method]);
    });
  }

  test('a mini-program of its own pays with its own openid', async () => {
    const gateway = await setUp();
    const account = await gateway.account('direct', 'public_key');
    const { fact } = await begin(gateway, account, 'alipay_mini', { app_id: '2021000000000009', payer_id: '074a1CcTG1LelxKe4xQC0zgNdId0nxi95b5lsNpazWYoCo5' });
    assert.equal(fact.is, 'waiting');
  });

  test('secrets and contents stay out of every URL', async () => {
    const gateway = await setUp();
    const account = await gateway.account('provider', 'public_key');
    const { fact } = await begin(gateway, account, 'alipay_page');
    assert.ok(fact.is === 'waiting' && fact.action.type === 'submit_form');
    assert.ok(!fact.action.url.includes(account.config.app_auth_token?.expose() ?? 'none'));
    assert.deepEqual(Object.keys(fact.action.fields).sort(), ['app_auth_token', 'biz_content']);
  });
});

describe('alipay, payment codes', () => {
  test('a code that pays at once is a payment at once', async () => {
    const gateway = await setUp();
    const { fact } = await begin(gateway, await gateway.account('direct', 'public_key'), 'alipay_barcode', {
      auth_code: gateway.simulator.newPaymentCode('pays'),
    });
    assert.ok(fact.is === 'paid');
    assert.equal(fact.success.amount_fen, 8888n);
    assert.equal(fact.success.channel_transaction_id, gateway.simulator.truth().payments[0]?.transaction_id);
  });

  for (const [behaviour, reason, channel_code] of [
    ['insufficient_funds', 'insufficient_funds', 'ACQ.BUYER_BALANCE_NOT_ENOUGH'],
    ['expired', 'payment_code_invalid', 'ACQ.PAYMENT_AUTH_CODE_INVALID'],
  ] as const) {
    test(`a code with ${behaviour} is refused as ${reason}`, async () => {
      const gateway = await setUp();
      const auth_code = gateway.simulator.newPaymentCode(behaviour);
      const { fact } = await begin(gateway, await gateway.account('direct', 'public_key'), 'alipay_barcode', { auth_code });
      assert.ok(fact.is === 'refused');
      assert.deepEqual([fact.reason, fact.channel_code], [reason, channel_code]);
    });
  }

  test('a declined code ends its order', async () => {
    const gateway = await setUp();
    const account = await gateway.account('direct', 'public_key');
    const { input, order } = await begin(gateway, account, 'alipay_barcode');
    await gateway.simulator.act(input.channel_order_no, { do: 'decline' });
    assert.deepEqual(await factOf(gateway.client.query(account as Account, order)), { is: 'closed' });
  });

  test('cancel closes what is unpaid, returns what is paid, and says neither of an order that it does not know', async () => {
    const gateway = await setUp();
    const { client } = gateway;
    const account = (await gateway.account('direct', 'public_key')) as Account<Config>;
    const unpaid = await begin(gateway, account, 'alipay_barcode');
    assert.deepEqual(await factOf(client.reverse(account as Account, unpaid.order)), { is: 'closed', money: 'none' });
    const paid = await begin(gateway, account, 'alipay_barcode', { auth_code: gateway.simulator.newPaymentCode('pays') });
    assert.deepEqual(await factOf(client.reverse(account as Account, paid.order)), { is: 'closed', money: 'returned' });
    assert.equal(gateway.simulator.truth().refunds[0]?.amount_fen, 8888);
    const never = orderOf(aPayment(gateway.clock, 'alipay_barcode'));
    assert.deepEqual(await factOf(client.reverse(account as Account, never)), { is: 'closed', money: 'not_said' });
    const late = await begin(gateway, account, 'alipay_barcode', { channel_order_no: never.channel_order_no });
    assert.equal(late.fact.is, 'unknown', 'a number that was cancelled first takes no payment');
  });
});

describe('alipay, orders that are not paid', () => {
  test('an order of the wallet is closed, and closing again is not possible', async () => {
    const gateway = await setUp();
    const account = await gateway.account('direct', 'certificate');
    const { order } = await begin(gateway, account, 'alipay_jsapi');
    assert.deepEqual(await factOf(gateway.client.close(account as Account, order)), { is: 'closed', money: 'none' });
    assert.deepEqual(await factOf(gateway.client.query(account as Account, order)), { is: 'closed' });
    assert.deepEqual(await factOf(gateway.client.close(account as Account, order)), { is: 'not_closable' });
  });

  test('a code that nobody scanned is not found, and that is no failure', async () => {
    const gateway = await setUp();
    const account = await gateway.account('direct', 'public_key');
    const { order } = await begin(gateway, account, 'alipay_qr');
    assert.deepEqual(await factOf(gateway.client.query(account as Account, order)), { is: 'not_found' });
    assert.deepEqual(await factOf(gateway.client.close(account as Account, order)), { is: 'not_found' });
  });

  test('an order expires at the gateway when ours does', async () => {
    const gateway = await setUp();
    const account = await gateway.account('direct', 'public_key');
    const { order } = await begin(gateway, account, 'alipay_jsapi');
    gateway.clock.advance(3_600_000);
    assert.deepEqual(await factOf(gateway.client.query(account as Account, order)), { is: 'closed' });
  });

  test('a repeated creation is the same order', async () => {
    const gateway = await setUp();
    const account = await gateway.account('direct', 'public_key');
    const first = await begin(gateway, account, 'alipay_jsapi');
    const again = await begin(gateway, account, 'alipay_jsapi', first.input);
    assert.deepEqual(again.fact, first.fact);
  });

  test('CF-19 money that comes after the close is told as paid', async () => {
    const gateway = await setUp();
    const account = await gateway.account('direct', 'public_key');
    const { input, order } = await begin(gateway, account, 'alipay_jsapi');
    await gateway.client.close(account as Account, order);
    assert.equal((await gateway.simulator.act(input.channel_order_no, { do: 'pay' })).done, false);
    assert.deepEqual(await gateway.simulator.act(input.channel_order_no, { do: 'pay', late: true }), { done: true });
    assert.equal((await factOf(gateway.client.query(account as Account, order))).is, 'paid');
  });
});

describe('alipay, refunds that are refused', () => {
  test('more than is left is a final no', async () => {
    const gateway = await setUp();
    const account = await gateway.account('direct', 'public_key');
    const { input } = await begin(gateway, account, 'alipay_barcode', { auth_code: gateway.simulator.newPaymentCode('pays') });
    const fact = await factOf(gateway.client.refund(account as Account, aRefund(gateway.clock, input, { amount_fen: toFen(8889) })));
    assert.ok(fact.is === 'refused');
    assert.equal(fact.reason, 'refund_amount_refused');
  });

  test('the same number with another amount settles nothing', async () => {
    const gateway = await setUp();
    const account = await gateway.account('direct', 'public_key');
    const { input } = await begin(gateway, account, 'alipay_barcode', { auth_code: gateway.simulator.newPaymentCode('pays') });
    const refund = aRefund(gateway.clock, input, { amount_fen: toFen(1) });
    await gateway.client.refund(account as Account, refund);
    assert.equal((await factOf(gateway.client.refund(account as Account, { ...refund, amount_fen: toFen(2) }))).is, 'unknown');
  });

  test('CF-22 a refund that is accepted and not carried out stays open', async () => {
    const gateway = await setUp();
    const account = await gateway.account('direct', 'public_key');
    const { input } = await begin(gateway, account, 'alipay_barcode', { auth_code: gateway.simulator.newPaymentCode('pays') });
    gateway.simulator.inject({ kind: 'refund_fails' });
    const refund = aRefund(gateway.clock, input);
    assert.deepEqual(await factOf(gateway.client.refund(account as Account, refund)), { is: 'pending' });
    assert.deepEqual(await factOf(gateway.client.refundQuery(account as Account, refund)), { is: 'not_found' });
  });
});
