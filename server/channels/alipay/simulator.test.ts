import assert from 'node:assert/strict';
import { sign as signRsa } from 'node:crypto';
import { describe, test } from 'node:test';
import iconv from 'iconv-lite';
import { closedAfterEach } from '../../testing/closed-after-each.ts';
import type { Account, PayInput } from '../define.ts';
import { orderOf } from '../kit/gateway/test-stand.ts';
import type { Fault } from '../kit/simulator.ts';
import { type Config, keysOf } from './config.ts';
import { signed_without, stringToSign } from './sign.ts';
import { aPayment, aRefund, newOrderNo, openTestGateway, type TestGateway } from './test-gateway.ts';

const setUp = closedAfterEach(openTestGateway);

/** A payment by a code that pays at once, told to nobody yet. */
async function paid(gateway: TestGateway, account: Account<Config>): Promise<PayInput> {
  const input = aPayment(gateway.clock, 'alipay_barcode', { auth_code: gateway.simulator.newPaymentCode('pays') });
  await gateway.client.pay(account as Account, input);
  return input;
}

describe('simulated Alipay, faults of a call', () => {
  const cases: { fault: Fault; effect: boolean; cause: string }[] = [
    { fault: { kind: 'drop_before' }, effect: false, cause: 'connection_lost' },
    { fault: { kind: 'drop_after' }, effect: true, cause: 'connection_lost' },
    { fault: { kind: 'cut_answer' }, effect: true, cause: 'connection_lost' },
    { fault: { kind: 'html_answer' }, effect: true, cause: 'unverified' },
    { fault: { kind: 'server_error' }, effect: false, cause: 'server_error' },
    { fault: { kind: 'server_error', code: '502' }, effect: false, cause: 'server_error' },
    { fault: { kind: 'unsigned_answer' }, effect: true, cause: 'unverified' },
    { fault: { kind: 'bad_signature' }, effect: true, cause: 'unverified' },
    { fault: { kind: 'rate_limit' }, effect: false, cause: 'rate_limited' },
    { fault: { kind: 'unlisted_code' }, effect: false, cause: 'unlisted' },
    { fault: { kind: 'error_code', code: 'ACQ.SYSTEM_ERROR' }, effect: false, cause: 'server_error' },
  ];
  for (const { fault, effect, cause } of cases) {
    test(`${fault.kind} ${fault.code ?? ''} leaves a payment by code unknown (${cause}), and the truth is ${effect ? 'paid' : 'not paid'}`, async () => {
      const gateway = await setUp();
      const account = await gateway.account('direct', 'public_key');
      gateway.simulator.inject({ ...fault, on: 'pay' });
      const input = aPayment(gateway.clock, 'alipay_barcode', { auth_code: gateway.simulator.newPaymentCode('pays') });
      const { fact } = await gateway.client.pay(account as Account, input);
      assert.deepEqual([fact.is, fact.is === 'unknown' && fact.cause], ['unknown', cause]);
      assert.equal(gateway.simulator.truth().payments.length, effect ? 1 : 0);
      const asked = await gateway.client.query(account as Account, orderOf(input));
      assert.equal(asked.fact.is, effect ? 'paid' : 'not_found');
    });
  }

  test('a code of the gateway that is a final no is one', async () => {
    const gateway = await setUp();
    gateway.simulator.inject({ kind: 'error_code', code: 'ACQ.PAYMENT_REQUEST_HAS_RISK', on: 'pay' });
    const account = await gateway.account('direct', 'public_key');
    const input = aPayment(gateway.clock, 'alipay_barcode', { auth_code: gateway.simulator.newPaymentCode('pays') });
    const { fact } = await gateway.client.pay(account as Account, input);
    assert.ok(fact.is === 'refused' && fact.reason === 'risk_refused');
  });

  test('CF-02 a refund whose connection broke is repeated under its number and moves money once', async () => {
    const gateway = await setUp();
    const account = await gateway.account('direct', 'public_key');
    const input = await paid(gateway, account);
    gateway.simulator.inject({ kind: 'drop_after', on: 'refund' });
    const { fact } = await gateway.client.refund(account as Account, aRefund(gateway.clock, input));
    assert.deepEqual(fact, { is: 'pending' });
    assert.equal(gateway.simulator.truth().refunds.length, 1);
  });

  test('CF-18 a query that says "not found" too early agrees later', async () => {
    const gateway = await setUp();
    const account = await gateway.account('direct', 'public_key');
    const input = await paid(gateway, account);
    gateway.simulator.inject({ kind: 'not_found_lag', on: 'query', times: 2 });
    const states: string[] = [];
    for (let i = 0; i < 3; i++) states.push((await gateway.client.query(account as Account, orderOf(input))).fact.is);
    assert.deepEqual(states, ['not_found', 'not_found', 'paid']);
  });

  test('CF-17 a query that has not heard of the payment says so, and agrees later', async () => {
    const gateway = await setUp();
    const account = await gateway.account('direct', 'public_key');
    const input = await paid(gateway, account);
    gateway.simulator.inject({ kind: 'query_behind', on: 'query', times: 2 });
    const states: string[] = [];
    for (let i = 0; i < 3; i++) states.push((await gateway.client.query(account as Account, orderOf(input))).fact.is);
    assert.deepEqual(states, ['waiting', 'waiting', 'paid']);
  });

  test('CF-06 a slow answer comes after its time', async () => {
    const gateway = await setUp();
    const account = await gateway.account('direct', 'public_key');
    gateway.simulator.inject({ kind: 'slow', ms: 3_000, on: 'query' });
    const answered = gateway.sdk(account).exec('alipay.trade.query', { bizContent: { out_trade_no: 'T1' } }, { validateSign: true });
    while (gateway.clock.sleepers() === 0) await new Promise((resolve) => setImmediate(resolve));
    gateway.clock.advance(3_000);
    assert.equal((await answered).sub_code, 'ACQ.TRADE_NOT_EXIST');
  });
});

describe('simulated Alipay, notifications', () => {
  test('are repeated by the schedule with the same id until the answer is exactly success', async () => {
    const gateway = await setUp();
    const account = await gateway.account('direct', 'public_key');
    gateway.answerWith({ status: 200, body: 'success\n' });
    await paid(gateway, account);
    const minutes = [4, 10, 10];
    for (const [index, wait] of minutes.entries()) {
      assert.equal((await gateway.delivered(index + 1)).length, index + 1);
      while (gateway.clock.sleepers() === 0) await new Promise((resolve) => setImmediate(resolve));
      if (index === minutes.length - 1) gateway.answerWith({ status: 200, body: 'success' });
      gateway.clock.advance(wait * 60_000);
    }
    const messages = (await gateway.delivered(4)).map(({ body }) => new URLSearchParams(body));
    assert.equal(new Set(messages.map((message) => message.get('notify_id'))).size, 1);
    assert.equal(new Set(messages.map((message) => message.get('notify_time'))).size, 4);
    await gateway.simulator.close();
    assert.equal((await gateway.delivered(4)).length, 4, 'an acknowledged one is not sent again');
  });

  test('go on after a restart, with the books as they were', async () => {
    const before = await setUp();
    const account = await before.account('provider', 'certificate');
    before.answerWith({ status: 500, body: '' });
    const input = await paid(before, account);
    await before.delivered(1);
    await before.simulator.close();

    const after = await setUp({ entries: before.journal, clock: before.clock });
    const moved: Account<Config> = { ...account, id: 'acc_moved', config: { ...account.config, gateway_url: `${after.base_url}/gateway.do` } };
    const { fact } = await after.client.query(moved as Account, orderOf(input));
    assert.ok(fact.is === 'paid');
    assert.deepEqual(after.simulator.truth(), before.simulator.truth());
    while (after.clock.sleepers() === 0) await new Promise((resolve) => setImmediate(resolve));
    after.clock.advance(4 * 60_000);
    const [message] = await after.delivered(1);
    assert.equal((await after.receive(moved, message)).is, 'read');
  });

  test('without a notify_url nobody is told', async () => {
    const gateway = await setUp();
    const account = await gateway.account('direct', 'public_key');
    const sdk = gateway.sdk(account);
    const biz = { out_trade_no: newOrderNo(), total_amount: 1, subject: 'x', auth_code: gateway.simulator.newPaymentCode('pays') };
    assert.equal((await sdk.exec('alipay.trade.pay', { bizContent: biz }, { validateSign: true })).code, '10000');
    await gateway.simulator.close();
    assert.equal((await gateway.delivered(0)).length, 0);
  });

  const wrong: [
    Fault['kind'],
    (
      read: { fact: { is: string; success?: { amount_fen: bigint; identity: Record<string, string> } }; channel_order_no: string },
      input: PayInput,
      config: Config,
    ) => void,
  ][] = [
    ['notify_wrong_amount', ({ fact }) => assert.equal(fact.success?.amount_fen, 8889n)],
    ['notify_wrong_merchant', ({ fact }, _input, { seller_id }) => assert.notEqual(fact.success?.identity?.seller_id, seller_id)],
    ['notify_unknown_order', ({ channel_order_no }, input) => assert.notEqual(channel_order_no, input.channel_order_no)],
  ];
  for (const [kind, check] of wrong) {
    test(`${kind}: is truly signed, and what it says is passed on as it is`, async () => {
      const gateway = await setUp();
      const account = await gateway.account('direct', 'public_key');
      gateway.simulator.inject({ kind });
      const input = await paid(gateway, account);
      const [message] = await gateway.delivered(1);
      const read = await gateway.receive(account, message);
      assert.ok(read.is === 'read' && read.notification.about === 'payment');
      check(read.notification as Parameters<typeof check>[0], input, account.config);
    });
  }

  test('CF-14 a probe with a wrong signature comes before the good one', async () => {
    const gateway = await setUp();
    const account = await gateway.account('direct', 'public_key');
    gateway.simulator.inject({ kind: 'notify_signature_probe' });
    await paid(gateway, account);
    const [probe, good] = await gateway.delivered(2);
    assert.equal((await gateway.receive(account, probe)).is, 'refused');
    assert.equal((await gateway.receive(account, good)).is, 'read');
  });

  test('CF-07 copies, CF-09 a delay and CF-10 a loss', async () => {
    const gateway = await setUp();
    const account = await gateway.account('direct', 'public_key');
    gateway.simulator.inject({ kind: 'notify_twice', times: 3 });
    await paid(gateway, account);
    assert.equal((await gateway.delivered(3)).length, 3);
    gateway.simulator.inject({ kind: 'notify_delayed', ms: 60_000 });
    await paid(gateway, account);
    assert.equal((await gateway.delivered(3)).length, 3);
    gateway.clock.advance(60_000);
    assert.equal((await gateway.delivered(4)).length, 4);
    gateway.simulator.inject({ kind: 'notify_lost' });
    await paid(gateway, account);
    await gateway.simulator.close();
    assert.equal((await gateway.delivered(4)).length, 4);
  });
});

describe('simulated Alipay, the gateway', () => {
  /** A call as an SDK would make it, with what the case changes after signing. */
  async function call(
    gateway: TestGateway,
    { config }: Account<Config>,
    params: Record<string, string>,
    change: (signed: Record<string, string>) => Record<string, string> = (signed) => signed,
  ) {
    const all = { app_id: config.app_id, charset: 'utf-8', sign_type: 'RSA2', timestamp: '2026-11-22 12:00:00', version: '1.0', ...params };
    const charset = all.charset.toLowerCase() === 'gbk' ? 'gbk' : 'utf-8';
    const text = iconv.encode(stringToSign(Object.entries(all), signed_without.request), charset);
    const sign = signRsa('sha256', text, keysOf(config).app).toString('base64');
    const body = Object.entries(change({ ...all, sign })).map(
      ([name, value]) => `${name}=${[...iconv.encode(value, charset)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')}`,
    );
    const answer = await fetch(`${gateway.base_url}/gateway.do?charset=${all.charset}`, { method: 'POST', body: body.join('&') });
    assert.equal(answer.status, 200);
    const raw = new TextDecoder(charset).decode(await answer.arrayBuffer());
    return { raw, type: answer.headers.get('content-type'), json: JSON.parse(raw) as Record<string, Record<string, string>> };
  }
  const query = { method: 'alipay.trade.query', biz_content: '{"out_trade_no":"T1"}' };

  const refusals: [string, Record<string, string>, (signed: Record<string, string>) => Record<string, string>, string, string][] = [
    ['no method', {}, (signed) => signed, 'error_response', 'isv.missing-method'],
    ['a method that is not known', { method: 'alipay.no.such' }, (signed) => signed, 'error_response', 'isv.invalid-method'],
    ['no application', query, ({ app_id, ...signed }) => (app_id ? signed : {}), 'alipay_trade_query_response', 'isv.missing-app-id'],
    ['an application that is not known', query, (signed) => ({ ...signed, app_id: '2021999999999999' }), 'alipay_trade_query_response', 'isv.invalid-app-id'],
    ['no signature', query, ({ sign, ...signed }) => (sign ? signed : {}), 'alipay_trade_query_response', 'isv.missing-signature'],
    ['a changed content', query, (signed) => ({ ...signed, biz_content: '{"out_trade_no":"T2"}' }), 'alipay_trade_query_response', 'isv.invalid-signature'],
    ['another sign type', { ...query, sign_type: 'RSA' }, (signed) => signed, 'alipay_trade_query_response', 'isv.invalid-signature-type'],
    ['another time format', { ...query, timestamp: '2026-11-22T12:00:00Z' }, (signed) => signed, 'alipay_trade_query_response', 'isv.invalid-timestamp'],
    ['a content that is no JSON', { ...query, biz_content: '{' }, (signed) => signed, 'alipay_trade_query_response', 'isv.illegal-json'],
    ['a token that is not known', { ...query, app_auth_token: 'x' }, (signed) => signed, 'alipay_trade_query_response', 'aop.invalid-app-auth-token'],
  ];
  for (const [what, params, change, node, sub_code] of refusals) {
    test(`refuses ${what} with ${sub_code}`, async () => {
      const gateway = await setUp();
      const { json } = await call(gateway, await gateway.account('direct', 'public_key'), params, change);
      assert.equal(json[node]?.sub_code, sub_code);
      assert.equal(json.sign === undefined, sub_code.endsWith('app-id'), 'only an unknown application is left unsigned');
    });
  }

  test('shows the text that it verified, with &amp;', async () => {
    const gateway = await setUp();
    const account = await gateway.account('direct', 'public_key');
    const { json } = await call(gateway, account, query, (signed) => ({ ...signed, version: '1.1' }));
    assert.match(json.alipay_trade_query_response?.sub_msg ?? '', /网关生成的验签字符串为：app_id=\d+&amp;biz_content=.*&amp;charset=utf-8/);
  });

  test('asks for both certificate numbers of an application that has certificates', async () => {
    const gateway = await setUp();
    const account = await gateway.account('direct', 'certificate');
    const { app_sn, root_sn } = keysOf(account.config).certificates ?? assert.fail();
    const codeOf = async (params: Record<string, string>) => (await call(gateway, account, { ...query, ...params })).json.alipay_trade_query_response?.sub_code;
    assert.equal(await codeOf({}), 'isv.missing-app-cert-sn');
    assert.equal(await codeOf({ app_cert_sn: app_sn }), 'isv.missing-alipay-root-cert-sn');
    assert.equal(await codeOf({ app_cert_sn: '0'.repeat(32), alipay_root_cert_sn: root_sn }), 'isv.app-cert-not-exist');
    assert.equal(await codeOf({ app_cert_sn: app_sn, alipay_root_cert_sn: root_sn }), 'ACQ.TRADE_NOT_EXIST');
    const { raw } = await call(gateway, account, { ...query, app_cert_sn: app_sn, alipay_root_cert_sn: root_sn });
    assert.match(raw, /\},"alipay_cert_sn":"[0-9a-f]{32}","sign":"[^"]+"\}$/);
  });

  test('writes compact JSON with escaped slashes and fields in order, as text/html', async () => {
    const gateway = await setUp();
    const account = await gateway.account('direct', 'public_key');
    const biz_content = JSON.stringify({ out_trade_no: 'T1', total_amount: '1', subject: '茶' });
    const { raw, type } = await call(gateway, account, { method: 'alipay.trade.precreate', biz_content });
    assert.match(
      raw,
      /^\{"alipay_trade_precreate_response":\{"code":"10000","msg":"Success","out_trade_no":"T1","qr_code":"http:\\\/\\\/127[^"]+"\},"sign":"[^"]{344}"\}$/,
    );
    assert.equal(type, 'text/html;charset=utf-8');
  });

  test('speaks GBK to whom asks in GBK, in its notifications too', async () => {
    const gateway = await setUp();
    const account = await gateway.account('direct', 'public_key');
    const biz_content = JSON.stringify({ out_trade_no: 'G1', total_amount: '1.00', subject: '停车费', auth_code: gateway.simulator.newPaymentCode('pays') });
    const { json, type } = await call(gateway, account, { method: 'alipay.trade.pay', charset: 'GBK', notify_url: 'https://pay.example.com/n', biz_content });
    assert.equal(json.alipay_trade_pay_response?.code, '10000');
    assert.equal(type, 'text/html;charset=gbk');
    const [message] = await gateway.delivered(1);
    assert.match(message?.body ?? '', /subject=%CD%A3%B3%B5%B7%D1/);
    const read = await gateway.receive(account, message);
    assert.ok(read.is === 'read' && read.notification.about === 'payment' && read.notification.fact.is === 'paid');
  });

  const contents: [string, Record<string, unknown>][] = [
    ['three decimals', { total_amount: '1.001' }],
    ['nothing to pay', { total_amount: '0.00' }],
    ['more than a hundred million', { total_amount: '100000000.01' }],
    ['an exponent', { total_amount: '1e3' }],
    ['no subject', { subject: '' }],
    ['a slash in the subject', { subject: 'a/b' }],
    ['a long order number', { out_trade_no: 'A'.repeat(65) }],
    ['a space in the order number', { out_trade_no: 'A 1' }],
    ['another duration', { timeout_express: '1.5h' }],
  ];
  for (const [what, changes] of contents) {
    test(`refuses ${what} as ACQ.INVALID_PARAMETER`, async () => {
      const gateway = await setUp();
      const biz_content = JSON.stringify({ out_trade_no: 'T1', total_amount: '1.00', subject: 'x', ...changes });
      const { json } = await call(gateway, await gateway.account('direct', 'public_key'), { method: 'alipay.trade.precreate', biz_content });
      assert.equal(json.alipay_trade_precreate_response?.sub_code, 'ACQ.INVALID_PARAMETER');
    });
  }

  test('an order number belongs to one content', async () => {
    const gateway = await setUp();
    const account = await gateway.account('direct', 'public_key');
    const create = async (changes: Record<string, unknown>) => {
      const content = { out_trade_no: 'T1', total_amount: '1.00', subject: 'x', buyer_id: '2088102146225135', ...changes };
      const { json } = await call(gateway, account, { method: 'alipay.trade.create', biz_content: JSON.stringify(content) });
      const node = json.alipay_trade_create_response;
      return node?.sub_code ?? node?.trade_no;
    };
    const trade_no = await create({});
    assert.match(trade_no ?? '', /^20261122220\d{17}$/);
    assert.equal(await create({}), trade_no);
    assert.equal(await create({ total_amount: '2.00' }), 'ACQ.CONTEXT_INCONSISTENT');
    assert.equal(await create({ buyer_id: '2088102146225136' }), 'ACQ.TRADE_BUYER_NOT_MATCH');
    assert.equal(await create({ seller_id: '2088102146225137' }), 'ACQ.SELLER_NOT_EXIST');
    await gateway.simulator.act('T1', { do: 'pay' });
    assert.equal(await create({}), 'ACQ.TRADE_HAS_SUCCESS');
  });

  test('a payment code is used once', async () => {
    const gateway = await setUp();
    const account = await gateway.account('direct', 'public_key');
    const auth_code = gateway.simulator.newPaymentCode('pays');
    const pay = async (out_trade_no: string) => {
      const biz_content = JSON.stringify({ out_trade_no, total_amount: '1.00', subject: 'x', auth_code });
      return (await call(gateway, account, { method: 'alipay.trade.pay', biz_content })).json.alipay_trade_pay_response;
    };
    assert.equal((await pay('T1'))?.code, '10000');
    assert.equal((await pay('T2'))?.sub_code, 'ACQ.PAYMENT_AUTH_CODE_INVALID');
    assert.equal(gateway.simulator.truth().payments.length, 1);
  });

  test('merchants do not see each other, even with the same order number', async () => {
    const gateway = await setUp();
    const [one, other] = [await gateway.account('direct', 'public_key'), await gateway.account('provider', 'public_key')];
    const content = { out_trade_no: 'T1', total_amount: '1.00', subject: 'x', buyer_id: '2088102146225135' };
    const create = { method: 'alipay.trade.create', biz_content: JSON.stringify(content) };
    const token = { app_auth_token: other.config.app_auth_token?.expose() ?? '' };
    const first = (await call(gateway, one, create)).json.alipay_trade_create_response?.trade_no ?? '';
    assert.equal((await call(gateway, other, { ...query, ...token })).json.alipay_trade_query_response?.sub_code, 'ACQ.TRADE_NOT_EXIST');
    const by_number = { ...query, ...token, biz_content: JSON.stringify({ trade_no: first }) };
    assert.equal((await call(gateway, other, by_number)).json.alipay_trade_query_response?.sub_code, 'ACQ.TRADE_NOT_EXIST');
    assert.notEqual((await call(gateway, other, { ...create, ...token })).json.alipay_trade_create_response?.trade_no, first);
    assert.equal((await call(gateway, other, query)).json.alipay_trade_query_response?.sub_code, 'isv.self-invoke-forbidden');
  });
});

describe('simulated Alipay, the cashier', () => {
  test('a scanned code opens the trade, and declining leaves it open', async () => {
    const gateway = await setUp();
    const account = await gateway.account('direct', 'public_key');
    const input = aPayment(gateway.clock, 'alipay_qr', { subject: '<script>alert(1)</script>' });
    const { fact } = await gateway.client.pay(account as Account, input);
    assert.ok(fact.is === 'waiting' && fact.action.type === 'show_qr');
    const [order] = gateway.simulator.orders();
    assert.deepEqual([order?.opens, order?.state, order?.payable], [fact.action.qr_content, 'ACQ.TRADE_NOT_EXIST', true]);
    const page = await fetch(fact.action.qr_content);
    assert.ok(!(await page.text()).includes('<script>'));
    assert.deepEqual((await gateway.client.query(account as Account, orderOf(input))).fact, { is: 'waiting' });
    const declined = await fetch(page.url, { method: 'POST', body: new URLSearchParams({ act: 'decline' }) });
    assert.equal(declined.status, 200);
    assert.equal(gateway.simulator.orders()[0]?.state, 'WAIT_BUYER_PAY');
    await fetch(page.url, { method: 'POST', body: new URLSearchParams({ act: 'pay' }) });
    assert.equal(gateway.simulator.orders()[0]?.state, 'TRADE_SUCCESS');
    assert.equal((await fetch(page.url, { method: 'POST', body: new URLSearchParams({ act: 'pay' }) })).status, 409);
    assert.equal(gateway.simulator.truth().payments.length, 1);
    assert.equal((await fetch(`${gateway.base_url}/cashier/none`)).status, 404);
  });

  test('nothing but an order string is opened', async () => {
    const gateway = await setUp();
    for (const text of ['', 'https://example.com', 'method=alipay.trade.app.pay', 'a=%ZZ']) assert.equal(gateway.simulator.open(text).opened, false);
    assert.deepEqual(await gateway.simulator.act('NOT_THERE', { do: 'pay' }), { done: false, problem: 'there is no such order' });
  });
});
