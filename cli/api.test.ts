import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { type Event, type Payment, type Refund, webhooks } from '@heliu/sdk';
import { aWorld, type World } from '@heliu/server/testing/world.ts';
import type { Io } from './io.ts';
import { heliu, type Ran } from './testing.ts';

let world: World;
before(async () => {
  world = await aWorld();
});
after(() => world.close());

/** Runs a command against the world, in which time passes meanwhile. */
const run = (args: readonly string[], io: Partial<Io> = {}): Promise<Ran> =>
  world.flow(heliu(args, { env: { HELIU_URL: world.ctx.config.public_url, HELIU_API_KEY: world.key }, sleep: turn, ...io }));
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
async function done<T>(...args: string[]): Promise<T> {
  const ran = await run([...args, '--json']);
  assert.equal(ran.code, 0, ran.err);
  return ran.json() as T;
}
const wechat = () => {
  const simulator = [...world.simulators.values()].find(({ wallet }) => wallet === 'wechat');
  assert(simulator);
  return simulator;
};
let last = 0;
const orderNo = () => `CLI-${++last}`;
/** A payment that a payer's code has paid. */
async function aPaid(...args: string[]): Promise<Payment> {
  const code = wechat().newPaymentCode('pays');
  const payment = await done<Payment>('pay', '--yuan', '1.00', '--order-no', orderNo(), '--method', 'barcode', '--auth-code', code, '--wait', '60', ...args);
  assert.equal(payment.state, 'paid');
  return payment;
}

describe('pay', () => {
  test('draws the QR code and shows the payment by id and by order number', async () => {
    const order_no = orderNo();
    const { code, out } = await run(['pay', '--yuan', '12.34', '--order-no', order_no, '--method', 'wechat_qr', '--metadata', 'a=1', '--metadata', 'b=x=y']);
    assert.equal(code, 0);
    assert.match(out, /amount +12\.34\nstate +pending\n/);
    assert.match(out, /qr_content +weixin:\/\/[\s\S]*[█▀▄]/);
    const payment = await done<Payment>('payment', 'show', order_no);
    assert.deepEqual([payment.amount_fen, payment.metadata], [1234, { a: '1', b: 'x=y' }]);
    assert.equal((await done<Payment>('payment', 'show', payment.id)).merchant_order_no, order_no);
    assert((await done<Payment[]>('payment', 'list', '--limit', '2')).some(({ id }) => id === payment.id));
    assert.equal((await done<Payment>('payment', 'close', payment.id)).state, 'closed');
  });

  test('takes a payment code, waits, and says that it is paid', async () => {
    const payment = await aPaid();
    assert.equal(payment.amount_fen, 100);
    assert.match((await run(['payment', 'show', payment.id])).out, /state +paid\n/);
  });

  test('asks for an amount with its unit, once', async () => {
    for (const amount of [[], ['--yuan', '1', '--fen', '100'], ['--yuan', '1.005'], ['--yuan', '1e3'], ['--fen', '1.5'], ['--fen', '-1']]) {
      const { code } = await run(['pay', ...amount, '--order-no', 'X', '--method', 'wechat_qr']);
      assert.equal(code, 2, amount.join(' '));
    }
  });
});

describe('refund', () => {
  test('gives money back; the same number again is the same refund', async () => {
    const payment = await aPaid();
    const refund = await done<Refund>('refund', payment.id, '--fen', '60', '--refund-no', `R-${payment.merchant_order_no}`);
    assert.equal(refund.amount_fen, 60);
    assert.equal((await done<Refund>('refund', payment.id, '--fen', '60', '--refund-no', `R-${payment.merchant_order_no}`)).id, refund.id);
    const more = await run(['refund', payment.id, '--fen', '60', '--refund-no', 'R-more', '--lang', 'zh']);
    assert.equal(more.code, 3);
    assert.match(more.err, /^.*累计退款金额超过已支付金额。 \(refund_exceeds_paid, 请求 req_/);
  });
});

describe('routing', () => {
  test('explains a payment that was made, and one that would be', async () => {
    const payment = await done<Payment>('pay', '--fen', '100', '--order-no', orderNo(), '--method', 'wechat_qr');
    const [made] = await done<{ channel_account_id: string }[]>('routing', 'explain', payment.id);
    const would = await done<{ channel_account_id: string; strategy: string }>('routing', 'explain', '--amount-fen', '100', '--method', 'wechat_qr');
    assert.equal(made?.channel_account_id, payment.attempt?.channel_account_id);
    assert.deepEqual([would.channel_account_id, would.strategy], [made?.channel_account_id, 'priority']);
    assert.match((await run(['routing', 'explain', payment.id])).out, /strategy +priority/);
    assert.equal((await run(['routing', 'explain', '--method', 'wechat_qr'])).code, 2);
  });

  test('tries rules on past payments: the active ones, and those of a file', async () => {
    const period = ['--from', '2026-11-01', '--to', '2026-11-30', '--payments', '5'];
    const replayed = await done<{ payments: number; moved: number }>('routing', 'replay', ...period);
    assert.ok(replayed.payments > 0 && replayed.moved === 0, JSON.stringify(replayed));
    const rules = JSON.stringify({ name: 'x', rules: [{ name: 'none', when: 'amount_fen > 5', use: { type: 'least_cost' } }], default: { type: 'priority' } });
    const readStdin = () => Promise.resolve(rules);
    assert.match((await run(['routing', 'simulate', '-', ...period], { readStdin })).out, /would be/);
    const wrong = await run(['routing', 'simulate', '-', ...period], { readStdin: () => Promise.resolve(rules.replace('amount_fen', 'amount')) });
    assert.deepEqual([wrong.code, /rules\.rules\[0\]\.when|routing_rule_invalid/.test(wrong.err)], [3, true]);
  });
});

describe('listen', () => {
  /** Stops listening when so many receipts were seen. */
  async function listen(args: readonly string[], secret: string, enough: () => boolean): Promise<Ran> {
    const stop = new AbortController();
    const sleep = async () => {
      await turn();
      if (enough()) stop.abort();
    };
    return await run(['listen', ...args], { sleep, interruption: () => stop.signal, readStdin: () => Promise.resolve(secret) });
  }

  test('hands new events to a receiver, signed so that the SDK verifies them', async () => {
    const received: Event[] = [];
    const secret = webhooks.newTestSecret();
    const receiver = createServer(async (request, response) => {
      received.push(await webhooks.verify(await text(request), request.headers, secret));
      response.writeHead(204).end();
    }).listen(0, '127.0.0.1');
    try {
      await new Promise((resolve) => receiver.once('listening', resolve));
      const forward = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
      const { next_cursor } = await feed();
      const payment = await aPaid();
      const listened = await listen(['--after', next_cursor, '--forward', forward, '--secret-file', '-', '--json'], secret, () => received.some(isOf(payment)));
      assert.equal(listened.code, 0, listened.err);
      assert.deepEqual(
        listened.out
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line)),
        received,
      );
      assert(!listened.err.includes(secret) && listened.err.includes(`${forward} 204`));
    } finally {
      receiver.close();
    }

    async function feed(): Promise<{ next_cursor: string }> {
      return await done('events', 'list', '--limit', '100');
    }
  });
});

const isOf =
  (payment: Payment) =>
  ({ data }: Event): boolean =>
    data.object === 'payment' && data.id === payment.id;

describe('every call', () => {
  test('without a key, with a wrong one, to nobody or with a key in clear is told apart', async () => {
    const url = world.ctx.config.public_url;
    const at = (args: string[], env: Io['env']) => run(['payment', 'list', ...args], { env });
    const cases: [Promise<Ran>, number, RegExp][] = [
      [at([], { HELIU_URL: url }), 2, /^no API key: set HELIU_API_KEY/],
      [at([], { HELIU_URL: url, HELIU_API_KEY: '', LANG: 'zh_CN' }), 2, /^缺少 API 密钥/],
      [at(['--key', `sk_test_${'x'.repeat(43)}`], { HELIU_URL: url }), 3, /unauthenticated, request req_/],
      [at([], { HELIU_URL: 'http://127.0.0.1:1', HELIU_API_KEY: 'sk_test_CANARY' }), 4, /could not reach http:\/\/127\.0\.0\.1:1/],
      [at([], { HELIU_URL: 'http://pay.example.com', HELIU_API_KEY: 'sk_test_CANARY' }), 2, /https/],
      [at(['--sign-with', 'x.pem'], { HELIU_URL: url }), 2, /--key-id/],
    ];
    for (const [ran, code, words] of cases) {
      const { code: got, err } = await ran;
      assert.equal(got, code, err);
      assert.match(err, words);
      assert(!err.includes('CANARY'));
    }
  });
});
