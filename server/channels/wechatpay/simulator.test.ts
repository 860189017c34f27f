import assert from 'node:assert/strict';
import { createSign } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { closedAfterEach } from '../../testing/closed-after-each.ts';
import type { Account } from '../define.ts';
import type { Config } from './config.ts';
import { aPayment, aRefund, openTestGateway, type TestGateway } from './test-gateway.ts';

const aGateway = closedAfterEach(openTestGateway);

type Answer = { readonly status: number; readonly headers: readonly string[]; readonly json: Record<string, unknown> | undefined; readonly text: string };

/** One request with nothing added to it. */
function exchange(origin: string, method: string, path: string, headers: Record<string, string>, body = ''): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      origin + path,
      { method, headers: { ...headers, ...(body === '' ? {} : { 'content-length': String(Buffer.byteLength(body)) }) } },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          const names = answer.rawHeaders.filter((_, index) => index % 2 === 0);
          resolve({
            status: answer.statusCode ?? 0,
            headers: names,
            json: text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : undefined,
            text,
          });
        });
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

describe('the door of APIv3', () => {
  let gateway: TestGateway;
  let account: Account<Config>;
  before(async () => {
    gateway = await openTestGateway();
    account = await gateway.account('direct', 'certificate');
  });
  after(() => gateway.close());

  type Changes = { timestamp?: string; mchid?: string; serial_no?: string; scheme?: string; message?: string; headers?: Record<string, string> };

  /** A request signed by hand, wrong where the test wants it. */
  function call(method: string, path: string, body = '', changes: Changes = {}): Promise<Answer> {
    const { config } = account;
    const timestamp = changes.timestamp ?? String(Math.floor(gateway.clock.now().getTime() / 1000));
    const message = changes.message ?? `${method}\n${path}\n${timestamp}\nabc\n${body}\n`;
    const signature = createSign('RSA-SHA256').update(message).sign(config.private_key.expose(), 'base64');
    const { scheme = 'WECHATPAY2-SHA256-RSA2048', mchid = config.mchid, serial_no = config.serial_no } = changes;
    const authorization = `${scheme} serial_no="${serial_no}",timestamp="${timestamp}",nonce_str="abc",mchid="${mchid}",signature="${signature}"`;
    return exchange(gateway.origin, method, path, { accept: '*/*', 'user-agent': 'test', authorization, ...changes.headers }, body);
  }

  const order = (changes: object = {}) => {
    const { mchid, appid } = account.config;
    const plain = {
      mchid,
      appid,
      description: '咖啡',
      out_trade_no: 'NO00000001',
      notify_url: 'https://shop.example/notify',
      amount: { total: 100, currency: 'CNY' },
    };
    return JSON.stringify({ ...plain, ...changes });
  };
  const native = '/v3/pay/transactions/native';
  const certificates = '/v3/certificates';

  it('signs an answer with the header names in the case of the real gateway', async () => {
    const { status, headers } = await call('POST', native, order());
    assert.equal(status, 200);
    for (const name of [
      'Wechatpay-Timestamp',
      'Wechatpay-Nonce',
      'Wechatpay-Signature',
      'Wechatpay-Serial',
      'Wechatpay-Signature-Type',
      'Request-ID',
      'Content-Type',
    ]) {
      assert(headers.includes(name), name);
    }
  });

  it('answers a request without credentials as the live gateway was seen to', async () => {
    const plain = { accept: '*/*', 'user-agent': 'test' };
    const trade = await exchange(gateway.origin, 'POST', native, plain, order());
    assert.deepEqual([trade.status, trade.json], [401, { code: 'SIGN_ERROR', message: '签名信息错误，验签失败' }]);
    assert(!trade.headers.includes('Request-ID') && !trade.headers.includes('Wechatpay-Signature'));
    const other = await exchange(gateway.origin, 'GET', certificates, plain);
    assert.deepEqual(other.json, { code: 'SIGN_ERROR', message: 'Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》' });
    assert(other.headers.includes('Request-ID') && !other.headers.includes('Wechatpay-Signature'));
    const anonymous = await exchange(gateway.origin, 'GET', certificates, {});
    assert.deepEqual([anonymous.status, anonymous.json], [400, { code: 'INVALID_REQUEST', message: 'Http头缺少Accept或User-Agent' }]);
  });

  it('checks syntax, then time, then merchant and serial number, then signature', async () => {
    const late = { timestamp: String(Math.floor(gateway.clock.now().getTime() / 1000) - 301) };
    const cases: [Changes, string][] = [
      [{ scheme: 'Bearer', ...late }, 'Http头Authorization认证类型不正确'],
      [{ ...late, serial_no: 'ABC' }, 'Http头Authorization中的timestamp与发起请求的时间不得超过5分钟'],
      [{ serial_no: 'ABC', message: 'x' }, '商户证书序列号有误。请使用签名私钥匹配的证书序列号'],
      [{ mchid: '1900000001' }, '商户证书序列号有误。请使用签名私钥匹配的证书序列号'],
      [{ message: 'x' }, '错误的签名，验签失败'],
    ];
    for (const [changes, message] of cases) {
      const { status, json } = await call('GET', certificates, '', changes);
      assert.deepEqual([status, json?.code, json?.message], [401, 'SIGN_ERROR', message]);
    }
    const { json } = await call('POST', native, order(), { message: 'x' });
    assert.equal(json?.message, '签名错误');
  });

  it('shows what it verified outside the trade interfaces', async () => {
    const { json } = await call('GET', certificates, '', { message: 'x' });
    const { sign_information = {} } = (json?.detail ?? {}) as { sign_information?: Record<string, unknown> };
    assert.deepEqual([sign_information.method, sign_information.url], ['GET', certificates]);
    assert.match(String(sign_information.truncated_sign_message), /^GET\n\/v3\/certificates\n\d+\nabc\n\n$/);
  });

  it('refuses a message without its last line end, as one SDK sends for a POST without a body', async () => {
    const timestamp = String(Math.floor(gateway.clock.now().getTime() / 1000));
    const { status } = await call('POST', native, '', { timestamp, message: `POST\n${native}\n${timestamp}\nabc\n` });
    assert.equal(status, 401);
  });

  it('answers unknown paths and methods with an empty body', async () => {
    for (const [method, path, status] of [
      ['GET', '/v3/nothing', 404],
      ['DELETE', native, 405],
      ['POST', '/nothing', 404],
    ] as const) {
      const answer = await call(method, path);
      assert.deepEqual([answer.status, answer.text], [status, '']);
    }
  });

  it("says what is wrong with a parameter in the gateway's words", async () => {
    const cases: [object, string][] = [
      [{ amount: { total: 0 } }, '输入源“/body/amount/total”映射到数值字段“总金额”规则校验失败，值低于最小值 1'],
      [{ amount: { total: 1.5 } }, '输入源“/body/amount/total”映射到数值字段“总金额”规则校验失败，此字段需要一个合法的 64 位有符号整数'],
      [{ amount: { total: '100' } }, '输入源“/body/amount/total”映射到数值字段“总金额”规则校验失败，此字段需要一个合法的 64 位有符号整数'],
      [{ out_trade_no: 'abc' }, '输入源“/body/out_trade_no”映射到值字段“商户订单号”字符串规则校验失败，字节数 3，小于最小值 6'],
      [{ out_trade_no: 'a'.repeat(33) }, '输入源“/body/out_trade_no”映射到值字段“商户订单号”字符串规则校验失败，字节数 33，大于最大值 32'],
      [{ description: undefined }, '输入源“/body/description”映射到字段“商品描述”必填性规则校验失败，此字段为必填项'],
      [{ description: '🎉' }, '输入源“/body/description”映射到值字段“商品描述”字符串规则校验失败，字符串模式不匹配'],
      [{ notify_url: 'https://shop.example/notify?a=1' }, '输入源“/body/notify_url”映射到值字段“通知地址”字符串规则校验失败，字符串模式不匹配'],
      [{ mchid: '1900000001' }, 'http header中的mchid与post payload中的mchid不匹配'],
    ];
    for (const [changes, message] of cases) {
      const { status, json } = await call('POST', native, order(changes));
      assert.deepEqual([status, json?.code, json?.message], [400, 'PARAM_ERROR', message]);
    }
    const short = await call('GET', `/v3/pay/transactions/out-trade-no/abcd?mchid=${account.config.mchid}`);
    assert.equal(short.json?.message, '输入源“/uri_template/out_trade_no”映射到值字段“商户订单号”字符串规则校验失败，字节数 4，小于最小值 6');
    assert.deepEqual(short.json?.detail, { location: 'uri_template', field: '/uri_template/out_trade_no', value: 4 });
  });

  it('does not know a public key id that is not the merchant’s', async () => {
    const { status, json } = await call('POST', native, order(), { headers: { 'wechatpay-serial': 'PUB_KEY_ID_0100' } });
    assert.deepEqual([status, json?.message], [400, '平台证书序列号Wechatpay-Serial错误']);
  });

  it('refuses XML with a document type at the door of APIv2', async () => {
    const { text } = await exchange(
      gateway.origin,
      'POST',
      '/pay/orderquery',
      {},
      '<!DOCTYPE xml [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml><mch_id>&a;</mch_id></xml>',
    );
    assert.match(text, /<return_code><!\[CDATA\[FAIL\]\]><\/return_code>/);
    const unsigned = await exchange(gateway.origin, 'POST', '/pay/orderquery', {}, `<xml><mch_id>${account.config.mchid}</mch_id><sign>0</sign></xml>`);
    assert.equal(unsigned.status, 200);
    assert.match(unsigned.text, /签名错误/);
  });
});

describe('notifications', () => {
  async function aPaidOrder(gateway: TestGateway, fault?: Parameters<TestGateway['simulator']['inject']>[0]) {
    const account = await gateway.account('direct', 'certificate');
    const payment = aPayment();
    await gateway.client.pay(account, payment);
    if (fault) gateway.simulator.inject(fault);
    await gateway.simulator.act(payment.channel_order_no, { do: 'pay' });
    return { account, payment };
  }

  /** Lets what is ready run, as often as a chain of promises may need it. */
  async function settle(): Promise<void> {
    for (let turn = 0; turn < 50; turn++) await Promise.resolve();
  }

  it('are repeated on the real schedule until somebody says yes: 15 times over 24 hours and 4 minutes', async () => {
    const gateway = await aGateway();
    gateway.answerWith({ status: 500, body: '{"code":"FAIL"}' });
    await aPaidOrder(gateway);
    const started_ms = gateway.clock.now().getTime();
    const schedule_s = [15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10_800, 10_800, 10_800, 21_600, 21_600];
    for (const [index, wait_s] of schedule_s.entries()) {
      await settle();
      gateway.clock.advance(wait_s * 1000 - 1);
      await settle();
      assert.equal((await gateway.delivered(index + 1)).length, index + 1);
      gateway.clock.advance(1);
      await gateway.delivered(index + 2);
    }
    assert.equal(gateway.clock.now().getTime() - started_ms, (24 * 60 + 4) * 60_000);
    await settle();
    gateway.clock.advance(7 * 86_400_000);
    await settle();
    const all = await gateway.delivered(16);
    assert.equal(all.length, 16);
    const ids = new Set(all.map(({ body }) => (JSON.parse(body) as { id: string }).id));
    const nonces = new Set(all.map(({ headers }) => headers['Wechatpay-Nonce']));
    assert.deepEqual([ids.size, nonces.size], [1, 16]);
  });

  it('end with the first yes', async () => {
    const gateway = await aGateway();
    await aPaidOrder(gateway);
    await settle();
    gateway.clock.advance(86_400_000);
    await settle();
    assert.equal((await gateway.delivered(1)).length, 1);
  });

  it('CF-07, CF-09, CF-10: come twice, late, or never, when told so', async () => {
    const twice = await aGateway();
    await aPaidOrder(twice, { kind: 'notify_twice', times: 3 });
    assert.equal((await twice.delivered(3)).length, 3);
    const late = await aGateway();
    await aPaidOrder(late, { kind: 'notify_delayed', ms: 60_000 });
    await settle();
    assert.equal((await late.delivered(0)).length, 0);
    late.clock.advance(60_000);
    assert.equal((await late.delivered(1)).length, 1);
    const lost = await aGateway();
    await aPaidOrder(lost, { kind: 'notify_lost' });
    await settle();
    lost.clock.advance(86_400_000);
    await settle();
    assert.equal((await lost.delivered(0)).length, 0);
  });
});

describe('memory', () => {
  it('comes back from the journal: merchants, orders, refunds, codes and undelivered notifications', async () => {
    const first = await aGateway();
    first.answerWith({ status: 500, body: '' });
    const account = await first.account('provider', 'certificate');
    const payment = aPayment();
    await first.client.pay(account, payment);
    await first.simulator.act(payment.channel_order_no, { do: 'pay' });
    const transaction_id = first.simulator.truth().payments[0]?.transaction_id ?? '';
    const refund = aRefund(payment, transaction_id);
    await first.client.refund(account, refund);
    const auth_code = first.simulator.newPaymentCode('pays');
    const truth = first.simulator.truth();
    const orders = first.simulator.orders();
    await first.delivered(1);
    await first.simulator.close();

    const second = await aGateway({ entries: JSON.parse(JSON.stringify(first.journal)) as unknown[] });
    assert.deepEqual(second.simulator.truth(), truth);
    assert.deepEqual(second.simulator.orders(), orders);
    const moved = { ...account, config: { ...account.config, gateway_url: second.origin } };
    assert.equal((await second.client.query(moved, payment)).fact.is, 'paid');
    const [again] = await second.delivered(1);
    assert.equal((await second.receive(moved, again)).is, 'read');
    second.clock.advance(6_000);
    assert.equal((await second.client.refundQuery(moved, refund)).fact.is, 'succeeded');
    assert.equal((await second.client.pay(moved, aPayment({ method: 'wechat_barcode', auth_code }))).fact.is, 'paid');
  });
});

describe('orders and refunds', () => {
  it('are shown with what a phone would scan or open', async () => {
    const gateway = await aGateway();
    const account = await gateway.account('provider', 'certificate');
    const [qr, h5, app] = [aPayment(), aPayment({ method: 'wechat_h5' }), aPayment({ method: 'wechat_app' })];
    for (const payment of [qr, h5, app]) {
      await gateway.client.pay(account, payment);
      gateway.clock.advance(1);
    }
    const shown = gateway.simulator.orders();
    assert.deepEqual(
      shown.map(({ order_no, method, payable }) => [order_no, method, payable]),
      [app, h5, qr].map(({ channel_order_no, method }) => [channel_order_no, method, true]),
    );
    assert.equal(shown[0]?.merchant, account.config.sub_mchid);
    assert.equal(shown[0]?.opens, undefined);
    assert.match(shown[1]?.opens ?? '', /^http:\/\/127\.0\.0\.1:\d+\/cgi-bin\/mmpayweb-bin\/checkmweb\?prepay_id=wx/);
    assert.match(shown[2]?.opens ?? '', /^weixin:/);
  });

  it('a code_url lives two hours, and asking again gives a fresh one', async () => {
    const gateway = await aGateway();
    const account = await gateway.account('direct', 'certificate');
    const payment = aPayment({ expires_at: new Date('2026-11-23T04:00:00Z') });
    const first = (await gateway.client.pay(account, payment)).fact;
    gateway.clock.advance(2 * 3_600_000);
    assert.equal((await gateway.simulator.act(payment.channel_order_no, { do: 'pay' })).done, false);
    assert.notDeepEqual((await gateway.client.pay(account, payment)).fact, first);
    assert.deepEqual(await gateway.simulator.act(payment.channel_order_no, { do: 'pay' }), { done: true });
  });

  it('are paid once, and a declined one can still be paid', async () => {
    const gateway = await aGateway();
    const account = await gateway.account('direct', 'certificate');
    const payment = aPayment();
    await gateway.client.pay(account, payment);
    assert.deepEqual(await gateway.simulator.act(payment.channel_order_no, { do: 'decline' }), { done: true });
    assert.deepEqual(await gateway.simulator.act(payment.channel_order_no, { do: 'pay' }), { done: true });
    assert.equal((await gateway.simulator.act(payment.channel_order_no, { do: 'pay' })).done, false);
    assert.equal((await gateway.simulator.act('NOSUCHORDER', { do: 'pay' })).done, false);
  });

  it('two refunds of one order within a minute are too many, where that is switched on', async () => {
    const gateway = await aGateway({ simulator: { refund_spacing: true } });
    const account = await gateway.account('direct', 'certificate');
    const payment = aPayment();
    await gateway.client.pay(account, payment);
    await gateway.simulator.act(payment.channel_order_no, { do: 'pay' });
    const transaction_id = gateway.simulator.truth().payments[0]?.transaction_id ?? '';
    const part = () => aRefund(payment, transaction_id, { amount_fen: 100n as typeof payment.amount_fen });
    assert.equal((await gateway.client.refund(account, part())).fact.is, 'pending');
    const second = part();
    const { fact } = await gateway.client.refund(account, second);
    assert(fact.is === 'unknown' && fact.cause === 'rate_limited');
    gateway.clock.advance(60_000);
    assert.equal((await gateway.client.refund(account, second)).fact.is, 'pending');
  });

  it('a payment code is shown for a minute', async () => {
    const gateway = await aGateway();
    const account = await gateway.account('direct', 'certificate');
    const auth_code = gateway.simulator.newPaymentCode('pays');
    assert.match(auth_code, /^1[0-5]\d{16}$/);
    gateway.clock.advance(60_001);
    const { fact } = await gateway.client.pay(account, aPayment({ method: 'wechat_barcode', auth_code }));
    assert(fact.is === 'refused' && fact.reason === 'payment_code_expired');
  });

  it('a provider reaches its own sub-merchants only', async () => {
    const gateway = await aGateway();
    const [account, other] = [await gateway.account('provider', 'certificate'), await gateway.account('provider', 'certificate')];
    const payment = aPayment();
    const crossed = { ...account, config: { ...account.config, sub_mchid: other.config.sub_mchid ?? '' } };
    const { fact } = await gateway.client.pay(crossed, payment);
    assert(fact.is === 'refused' && fact.channel_code === 'NO_AUTH');
  });
});
