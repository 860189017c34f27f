import assert from 'node:assert/strict';
import { createHash, type KeyObject, verify } from 'node:crypto';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { channel_answer_bytes_max, channel_deadline_ms, channel_sends_max } from '../kernel/limits.ts';
import { createTestClock } from '../testing/clock.ts';
import { closedAfterEach } from '../testing/closed-after-each.ts';
import { createTestRng } from '../testing/rng.ts';
import type { Env } from './define.ts';
import {
  anAccount,
  anOrder,
  aPay,
  aRefund,
  end,
  essence,
  html,
  inTurn,
  keyPair,
  listKeys,
  openArtificialBench,
  paid,
  reset,
  ring,
  sendsOf,
  signed,
  unknown,
  write,
} from './kit/artificial-bench.ts';
import { artificial, signedHeaders } from './kit/artificial-channel.ts';
import { httpAnswer, openRawGateway, type RawAnswer } from './kit/test-raw-gateway.ts';

const setUp = closedAfterEach(() => openArtificialBench({ clock: createTestClock(new Date('2026-11-22T04:00:00Z')), rng: createTestRng('channel client') }));
const aRawGateway = closedAfterEach(openRawGateway);

describe('a call', () => {
  it('gives the verified fact, and the words of the channel as evidence', async () => {
    const { gateway, client, account, clock } = await setUp();
    gateway.answer('/pay', write(signed(paid)));
    const { fact, exchange } = await client.pay(account, aPay());
    assert.equal(fact.is, 'paid');
    assert.deepEqual(exchange, { digest: createHash('sha256').update(paid).digest(), raw: paid, received_at: clock.now() });
  });

  it('sends what was signed', async () => {
    const { gateway, client, account } = await setUp();
    gateway.answer('/pay', write(signed(paid)));
    await client.pay(account, aPay());
    const [request] = gateway.requests;
    assert.ok(request);
    assert.ok(verify('sha256', Buffer.from(request.body), keyPair.publicKey, Buffer.from(request.headers['x-signature'] ?? '', 'base64')));
  });

  it('believes a verified, listed no', async () => {
    const { gateway, client, account } = await setUp();
    gateway.answer('/pay', write(signed('{"code":"NO_FUNDS"}')));
    assert.equal((await client.pay(account, aPay())).fact.is, 'refused');
  });

  it('makes no call for a local outcome', async () => {
    const { gateway, client, account } = await setUp();
    const { fact, exchange } = await client.pay(account, aPay({ method: 'wechat_h5' }));
    assert.equal(fact.is, 'waiting');
    assert.equal(exchange, undefined);
    assert.equal(gateway.requests.length, 0);
  });

  it('sends nothing when the request cannot be built, and tells nobody its inputs', async () => {
    const { gateway, client, account, lines } = await setUp();
    const { fact } = await client.pay(account, aPay({ method: 'wechat_app', auth_code: '134650000000000001' }));
    assert.deepEqual(essence(fact), unknown('not_sent'));
    assert.equal(gateway.requests.length, 0);
    const line = lines.find((text) => text.includes('a channel adapter threw'));
    assert.match(line ?? '', /"thrown":"TypeError".*"at":".*artificial-channel\.ts:\d+/);
    assert.ok(!lines.join('').includes('134650000000000001'));
  });

  it('refuses a method that the channel does not take as a bug of ours', async () => {
    const { client, account } = await setUp();
    await assert.rejects(() => client.pay(account, aPay({ method: 'alipay_qr' })), /believed/);
  });

  it('keeps evidence whose bytes are not UTF-8', async () => {
    const { gateway, client, account } = await setUp();
    gateway.answer('/pay', end(httpAnswer(200, {}, Buffer.from([0xd6, 0xa7, 0xb8, 0xb6]))));
    assert.equal((await client.pay(account, aPay())).exchange?.raw, 'base64:1qe4tg==');
  });
});

describe('an answer that settles nothing', () => {
  const cases: readonly (readonly [id: string, answer: Buffer, cause: string])[] = [
    ['CF-04 200 with an HTML page', httpAnswer(200, { 'content-type': 'text/html' }, html), 'unverified'],
    ['CF-04 4xx with the body of a success, unsigned', httpAnswer(400, {}, paid), 'unverified'],
    ['CF-04 200 with an error body, unsigned', httpAnswer(200, {}, '{"code":"NO_FUNDS"}'), 'unverified'],
    ['CF-04 a redirect', httpAnswer(302, { location: 'https://elsewhere.example/' }, ''), 'unverified'],
    ['CF-05 500', httpAnswer(500, {}, html), 'server_error'],
    ['CF-05 502', httpAnswer(502, {}, html), 'server_error'],
    ['CF-05 503', httpAnswer(503, {}, html), 'server_error'],
    ['CF-05 504', httpAnswer(504, {}, html), 'server_error'],
    ['CF-05 a signed "system busy"', signed('{"code":"BUSY"}'), 'server_error'],
    ['CF-16 429 of a proxy', httpAnswer(429, {}, 'slow down'), 'rate_limited'],
    ['CF-16 a signed "too often"', signed('{"code":"LIMIT"}'), 'rate_limited'],
    ['CF-28 a code that is not listed', signed('{"code":"NEW_THING"}'), 'unlisted'],
    ['CF-28 a number that became a string', signed('{"code":"PAID","success":{"id":"T1","amount_fen":"100"}}'), 'unreadable'],
    ['CF-28 a field that went away', signed('{"code":"PAID"}'), 'unreadable'],
    ['signed nonsense', signed('%%%'), 'unreadable'],
    ['CF-11 signed with another key', httpAnswer(200, signedHeaders('A', ring.B as KeyObject, paid), paid), 'unverified'],
    ['CF-11 changed after signing', httpAnswer(200, signedHeaders('A', ring.A as KeyObject, paid), paid.replace('100', '900')), 'unverified'],
    ['a refusal without a signature', httpAnswer(403, {}, '{"code":"NO_FUNDS"}'), 'unverified'],
    ['an answer longer than the limit', httpAnswer(200, {}, Buffer.alloc(channel_answer_bytes_max + 1, 'x')), 'unreadable'],
    ['headers without end', Buffer.from(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(4 << 20)}`), 'unreadable'],
  ];
  for (const [id, answer, cause] of cases) {
    it(`${id} is unknown: ${cause}`, async () => {
      const { gateway, client, account } = await setUp();
      gateway.answer('/pay', write(answer));
      const { fact } = await client.pay(account, aPay());
      assert.deepEqual(essence(fact), unknown(cause));
      assert.equal(sendsOf(gateway, '/pay'), 1, 'an answer is never answered with a repeat');
    });
  }

  const broken: readonly (readonly [id: string, answer: RawAnswer])[] = [
    ['CF-03 a reset in mid-answer', (socket) => socket.write(signed(paid).subarray(0, 150), () => socket.resetAndDestroy())],
    ['CF-03 half of a JSON body and a closed connection', end(signed(paid).subarray(0, -10))],
    ['CF-03 a length that is too long', end(httpAnswer(200, { 'content-length': '5000' }, paid))],
    ['CF-03 a chunk that is none', end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n')],
    ['CF-03 two lengths that disagree', end('HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabcdef')],
    ['CF-03 no HTTP at all', end('SSH-2.0-OpenSSH_9.9\r\n')],
    ['CF-03 an empty answer', end('')],
    ['CF-01 a reset without a byte', reset],
  ];
  for (const [id, answer] of broken) {
    it(`${id} is unknown: connection_lost, and repeated once only where that is harmless`, async () => {
      const { gateway, client, account } = await setUp();
      gateway.answer('/pay', answer);
      assert.deepEqual(essence((await client.pay(account, aPay({ method: 'wechat_barcode' }))).fact), unknown('connection_lost'));
      assert.equal(sendsOf(gateway, '/pay'), 1);
      assert.deepEqual(essence((await client.pay(account, aPay({ method: 'wechat_qr' }))).fact), unknown('connection_lost'));
      assert.equal(sendsOf(gateway, '/pay'), 1 + channel_sends_max);
    });
  }

  it('CF-03 compressed although nobody asked, and broken, is unknown', async () => {
    const { gateway, client, account } = await setUp();
    gateway.answer('/pay', write(httpAnswer(200, { 'content-encoding': 'gzip' }, gzipSync(paid).subarray(0, 12))));
    assert.deepEqual(essence((await client.pay(account, aPay())).fact), unknown('unverified'));
  });
});

describe('a repeat', () => {
  it('CF-03 of the same order number settles what a lost connection left open', async () => {
    const { gateway, client, account } = await setUp();
    gateway.answer('/pay', inTurn(reset, write(signed(paid))));
    assert.equal((await client.pay(account, aPay())).fact.is, 'paid');
    const [first, second] = gateway.requests.filter((request) => request.path === '/pay');
    assert.equal(JSON.parse(first?.body ?? '').channel_order_no, JSON.parse(second?.body ?? '').channel_order_no);
  });

  it('CF-01 that is refused says nothing of the first send, which may have worked', async () => {
    const { gateway, client, account } = await setUp();
    gateway.answer('/pay', inTurn(reset, write(signed('{"code":"NO_FUNDS"}'))));
    assert.deepEqual(essence((await client.pay(account, aPay())).fact), unknown('connection_lost'));
    gateway.answer('/refund', inTurn(reset, write(signed('{"code":"NOTHING_LEFT"}'))));
    assert.deepEqual(essence((await client.refund(account, aRefund)).fact), unknown('connection_lost'));
  });

  it('of a question is as good as the first', async () => {
    const { gateway, client, account } = await setUp();
    gateway.answer('/query', inTurn(reset, write(signed('{"code":"NO_FUNDS"}'))));
    assert.equal((await client.query(account, anOrder)).fact.is, 'refused');
  });

  it('CF-02 is made of anything that certainly was not sent, and ends as not_sent', async () => {
    const { gateway, client, account, lines } = await setUp();
    await gateway.close();
    for (const method of ['wechat_qr', 'wechat_barcode'] as const) {
      assert.deepEqual(essence((await client.pay(account, aPay({ method }))).fact), unknown('not_sent'));
    }
    assert.equal(lines.filter((line) => line.includes(`"sends":${channel_sends_max}`)).length, 2);
  });

  it('CF-01 that cannot connect does not make a send that may have arrived a certain failure', async () => {
    const { gateway, client, account } = await setUp();
    gateway.answer('/pay', (socket) => void gateway.close().then(() => socket.destroy()));
    assert.deepEqual(essence((await client.pay(account, aPay())).fact), unknown('connection_lost'));
  });
});

describe('the time of an answer', () => {
  it('is when it was asked for, however long it was on its way', async () => {
    const clock = createTestClock(new Date('2026-11-22T04:00:00Z'));
    const envs: Env[] = [];
    const { query } = artificial;
    const outcome: typeof query.outcome = (...given) => {
      envs.push(given[3]);
      return query.outcome(...given);
    };
    const bench = await openArtificialBench({ clock, rng: createTestRng('time of an answer'), channel: { ...artificial, query: { ...query, outcome } } });
    try {
      const asked_at = clock.now();
      let answer = () => {};
      bench.gateway.answer('/query', (socket) => {
        answer = () => socket.write(signed(paid));
      });
      const call = bench.client.query(bench.account, anOrder);
      await bench.gateway.arrived(1);
      clock.advance(4_000);
      answer();
      assert.equal((await call).fact.is, 'paid');
      assert.deepEqual(
        envs.map((env) => [env.asked_at, env.now]),
        [[asked_at, clock.now()]],
      );
    } finally {
      await bench.close();
    }
  });
});

describe('the deadline', () => {
  it('CF-01 ends a call whose answer never comes', async () => {
    const { gateway, client, account, clock } = await setUp();
    const call = client.pay(account, aPay());
    await gateway.arrived(1);
    clock.advance(channel_deadline_ms);
    assert.deepEqual(essence((await call).fact), unknown('timeout'));
    assert.equal(sendsOf(gateway, '/pay'), 1, 'what timed out is asked about, not repeated');
  });

  it('CF-06 is overall: an answer that drips does not extend it, and other gateways are not held up', async () => {
    const slow = await setUp();
    const quick = await aRawGateway();
    const answer = signed(paid);
    let sent = 0;
    let drip = () => {};
    slow.gateway.answer('/pay', (socket) => {
      drip = () => socket.write(answer.subarray(sent, ++sent));
      drip();
    });
    quick.answer('/pay', write(signed(paid)));
    const call = slow.client.pay(slow.account, aPay());
    await slow.gateway.arrived(1);
    for (let second = 0; second < channel_deadline_ms / 1000 - 1; second++) {
      slow.clock.advance(1000);
      drip();
    }
    listKeys(quick, ['A']);
    assert.equal((await slow.client.pay(anAccount(quick.origin, 'acc_2'), aPay())).fact.is, 'paid');
    slow.clock.advance(1000);
    assert.deepEqual(essence((await call).fact), unknown('timeout'));
  });

  it('counts what fetching keys took', async () => {
    const { gateway, client, account, clock } = await setUp();
    gateway.answer('/pay', write(signed(paid)));
    gateway.answer('/keys', () => {});
    const call = client.pay(account, aPay());
    await gateway.arrived(2);
    clock.advance(channel_deadline_ms);
    assert.deepEqual(essence((await call).fact), unknown('unverified'));
  });
});
