import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AlipaySdk } from 'alipay-sdk';
import { systemClock } from '../../platform/clock.ts';
import { createTestClock } from '../../testing/clock.ts';
import { closedAfterEach } from '../../testing/closed-after-each.ts';
import type { Account } from '../define.ts';
import type { Config } from './config.ts';
import { newOrderNo, openTestGateway } from './test-gateway.ts';

/** Alipay's own SDK for Node, unchanged, against the simulated gateway: what it accepts was not made by us. */

/** The SDK signs with the machine's time, so the gateway stands still at it. */
const setUp = closedAfterEach(() => openTestGateway({ clock: createTestClock(systemClock.now()) }));

const notify_url = 'https://shop.example.com/notify?ch=1';
const fieldsOf = (body: string): Record<string, string> => Object.fromEntries(new URLSearchParams(body));
const order = (out_trade_no: string) => ({ out_trade_no, total_amount: '88.88', subject: '停车费 A+B 100%' });

function caller(sdk: AlipaySdk, account: Account<Config>) {
  const token = account.config.app_auth_token?.expose();
  const common = token === undefined ? {} : { app_auth_token: token };
  return {
    exec: (api: string, biz_content: Record<string, unknown>, more: Record<string, unknown> = {}) =>
      sdk.exec(api, { ...common, ...more, biz_content }, { validateSign: true }),
    curl: (path: string, body: Record<string, unknown>, more: Record<string, unknown> = {}) =>
      sdk.curl('POST', path, { body, ...(token === undefined ? {} : { appAuthToken: token }), ...more }),
    common,
  };
}

for (const mode of ['direct', 'provider'] as const) {
  for (const trust of ['public_key', 'certificate'] as const) {
    describe(`npm alipay-sdk, ${mode}, ${trust}`, () => {
      test('precreates, is notified, queries, refunds and queries the refund, with every signature checked', async () => {
        const gateway = await setUp();
        const account = await gateway.account(mode, trust);
        const sdk = gateway.sdk(account);
        const { exec } = caller(sdk, account);
        const out_trade_no = newOrderNo();
        const made = await exec('alipay.trade.precreate', order(out_trade_no), { notify_url });
        assert.equal(made.code, '10000');
        assert.match(made.qr_code, /^http:\/\/127\.0\.0\.1:\d+\/sim\/alipay\/qr\//);
        const unscanned = await exec('alipay.trade.query', { out_trade_no });
        assert.deepEqual([unscanned.code, unscanned.sub_code, unscanned.receipt_amount], ['40004', 'ACQ.TRADE_NOT_EXIST', '0.00']);

        await gateway.simulator.act(out_trade_no, { do: 'pay' });
        const [message] = await gateway.delivered(1);
        assert.equal(message?.url, notify_url);
        const fields = fieldsOf(message?.body ?? '');
        assert.ok(sdk.checkNotifySignV2(fields), 'the SDK verifies the notification');
        assert.ok(!sdk.checkNotifySignV2({ ...fields, total_amount: '0.01' }), 'and refuses it with another amount');
        assert.deepEqual([fields.trade_status, fields.total_amount, fields.seller_id], ['TRADE_SUCCESS', '88.88', account.config.seller_id]);

        const paid = await exec('alipay.trade.query', { out_trade_no, query_options: ['fund_bill_list'] });
        assert.deepEqual([paid.trade_status, paid.trade_no], ['TRADE_SUCCESS', fields.trade_no]);
        const refund = { out_trade_no, refund_amount: '8.88', out_request_no: 'R_1', refund_reason: '不想要了/退款' };
        const refunded = await exec('alipay.trade.refund', refund);
        assert.deepEqual([refunded.fund_change, refunded.refund_fee], ['Y', '8.88']);
        const repeated = await exec('alipay.trade.refund', refund);
        assert.deepEqual([repeated.fund_change, repeated.refund_fee], ['N', '8.88']);
        const asked = await exec('alipay.trade.fastpay.refund.query', { out_trade_no, out_request_no: 'R_1' });
        assert.deepEqual([asked.refund_status, asked.refund_amount, asked.refund_reason], ['REFUND_SUCCESS', '8.88', refund.refund_reason]);
        const told = fieldsOf((await gateway.delivered(2))[1]?.body ?? '');
        assert.ok(sdk.checkNotifySignV2(told));
        assert.deepEqual([told.out_biz_no, told.refund_fee], ['R_1', '8.88']);
      });

      test('closes an unpaid order', async () => {
        const gateway = await setUp();
        const account = await gateway.account(mode, trust);
        const { exec } = caller(gateway.sdk(account), account);
        const out_trade_no = newOrderNo();
        const made = await exec('alipay.trade.create', { ...order(out_trade_no), buyer_id: '2088102146225135' });
        const closed = await exec('alipay.trade.close', { trade_no: made.trade_no });
        assert.deepEqual([closed.code, closed.out_trade_no], ['10000', out_trade_no]);
        assert.equal((await exec('alipay.trade.query', { out_trade_no })).trade_status, 'TRADE_CLOSED');
      });

      test('does the same over OpenAPI v3', async () => {
        const gateway = await setUp();
        const account = await gateway.account(mode, trust);
        const sdk = gateway.sdk(account, { encrypted: true });
        const { curl } = caller(sdk, account);
        const out_trade_no = newOrderNo();
        const made = await curl('/v3/alipay/trade/create', { ...order(out_trade_no), buyer_id: '2088102146225135', notify_url });
        assert.equal(made.responseHttpStatus, 200);
        await gateway.simulator.act(out_trade_no, { do: 'pay' });
        assert.ok(sdk.checkNotifySignV2(fieldsOf((await gateway.delivered(1))[0]?.body ?? '')));
        const paid = await curl('/v3/alipay/trade/query', { out_trade_no }, { needEncrypt: true });
        assert.deepEqual([paid.data.trade_status, paid.data.trade_no, paid.data.code], ['TRADE_SUCCESS', made.data.trade_no, undefined]);
        const refunded = await curl('/v3/alipay/trade/refund', { out_trade_no, refund_amount: '88.88', out_request_no: 'R_3' });
        assert.equal(refunded.data.fund_change, 'Y');
        const asked = await curl('/v3/alipay/trade/fastpay/refund/query', { out_trade_no, out_request_no: 'R_3' });
        assert.equal(asked.data.refund_status, 'REFUND_SUCCESS');
        assert.equal((await curl('/v3/alipay/trade/query', { out_trade_no })).data.trade_status, 'TRADE_CLOSED');
        await assert.rejects(curl('/v3/alipay/trade/query', { out_trade_no: 'NOT_THERE' }), { code: 'ACQ.TRADE_NOT_EXIST' });
        await assert.rejects(curl('/v3/alipay/no/such/thing', {}), { code: 'invalid-method' });
      });
    });
  }
}

describe('npm alipay-sdk, pages and apps', () => {
  for (const [api, method] of [
    ['alipay.trade.wap.pay', 'GET'],
    ['alipay.trade.page.pay', 'POST'],
  ] as const) {
    test(`${api} by ${method} reaches the cashier, and the return address is signed`, async () => {
      const gateway = await setUp();
      const account = await gateway.account('direct', 'certificate');
      const sdk = gateway.sdk(account);
      const out_trade_no = newOrderNo();
      const built = sdk.pageExecute(api, method, {
        notify_url,
        return_url: 'https://shop.example.com/back?page=1',
        bizContent: { ...order(out_trade_no), product_code: api === 'alipay.trade.wap.pay' ? 'QUICK_WAP_WAY' : 'FAST_INSTANT_TRADE_PAY' },
      });
      const sent = method === 'GET' ? await fetch(built, { redirect: 'manual' }) : await submit(built);
      assert.equal(sent.status, 302, await sent.text());
      const cashier = sent.headers.get('location') as string;
      assert.match(await (await fetch(cashier)).text(), /88\.88/);
      const done = await fetch(cashier, { method: 'POST', redirect: 'manual', body: new URLSearchParams({ act: 'pay' }) });
      assert.equal(done.status, 303, await done.text());
      const { page, ...returned } = fieldsOf(new URL(done.headers.get('location') as string).search.slice(1));
      assert.equal(page, '1');
      assert.ok(sdk.checkNotifySignV2(returned), 'the SDK verifies the return address');
      assert.deepEqual([returned.method, returned.out_trade_no, returned.trade_status], [`${api}.return`, out_trade_no, undefined]);
      assert.ok(sdk.checkNotifySignV2(fieldsOf((await gateway.delivered(1))[0]?.body ?? '')));
    });
  }

  test('an order string is opened by the wallet, and its result is signed', async () => {
    const gateway = await setUp();
    const account = await gateway.account('direct', 'public_key');
    const sdk = gateway.sdk(account);
    const out_trade_no = newOrderNo();
    const order_string = sdk.sdkExecute('alipay.trade.app.pay', { notify_url, bizContent: { ...order(out_trade_no), product_code: 'QUICK_MSECURITY_PAY' } });
    const changed = order_string.replace('88.88', '00.01');
    assert.notEqual(changed, order_string);
    assert.equal(gateway.simulator.open(changed).opened, false);
    const opened = gateway.simulator.open(order_string);
    assert.ok(opened.opened && opened.order_no === out_trade_no);
    const result = async () => (await (await fetch(`${gateway.base_url}/wallet/result/${out_trade_no}`)).json()) as { resultStatus: string; result: string };
    assert.equal((await result()).resultStatus, '6001');
    await gateway.simulator.act(out_trade_no, { do: 'pay' });
    const paid = await result();
    assert.equal(paid.resultStatus, '9000');
    const { sign } = JSON.parse(paid.result);
    sdk.checkResponseSign(paid.result, 'alipay_trade_app_pay_response', sign, '');
  });

  test('a page with a wrong signature is told why, in GBK', async () => {
    const gateway = await setUp();
    const sdk = gateway.sdk(await gateway.account('direct', 'public_key'));
    const built = sdk.pageExecute('alipay.trade.wap.pay', 'GET', { bizContent: order(newOrderNo()) });
    const answer = await fetch(built.replace('88.88', '88.89'), { redirect: 'manual' });
    assert.equal(answer.status, 200);
    const text = new TextDecoder('gbk').decode(await answer.arrayBuffer());
    assert.match(text, /调试错误，请回到请求来源地，重新发起请求。/);
    assert.match(text, /错误代码 invalid-signature/);
  });

  test('an encrypted call is answered in the same key', async () => {
    const gateway = await setUp();
    const account = await gateway.account('direct', 'public_key');
    const sdk = gateway.sdk(account, { encrypted: true });
    const made = await sdk.exec('alipay.trade.precreate', { bizContent: order(newOrderNo()), needEncrypt: true });
    assert.equal(made.code, '10000');
  });
});

/** Sends the form of pageExecute as a browser would. */
function submit(html: string): Promise<Response> {
  const plain = (text: string) => text.replaceAll('&quot;', '"');
  const action = /<form action="([^"]+)"/.exec(html)?.[1] ?? '';
  const inputs = [...html.matchAll(/name="([^"]+)" value="([^"]*)"/g)].map(([, name, value]): [string, string] => [name as string, plain(value as string)]);
  return fetch(action, { method: 'POST', redirect: 'manual', body: new URLSearchParams(inputs) });
}
