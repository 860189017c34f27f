import assert from 'node:assert/strict';
import { type KeyObject, verify } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { channel_calls_per_account_max, channel_deadline_ms, channel_sends_max, trust_refreshes_per_window_max } from '../kernel/limits.ts';
import { createHttpOut } from '../platform/egress.ts';
import { createLog } from '../platform/log.ts';
import { createTestClock } from '../testing/clock.ts';
import { closedAfterEach } from '../testing/closed-after-each.ts';
import { createTestRng } from '../testing/rng.ts';
import { createChannelClient } from './client.ts';
import type { Channel } from './define.ts';
import {
  anAccount,
  anOrder,
  aPay,
  end,
  essence,
  html,
  inTurn,
  keyPair,
  listKeys,
  no,
  openArtificialBench,
  paid,
  private_pem,
  ring,
  root,
  sendsOf,
  signed,
  unknown,
  write,
} from './kit/artificial-bench.ts';
import { artificial, macOf, signedHeaders } from './kit/artificial-channel.ts';
import { httpAnswer } from './kit/test-raw-gateway.ts';

const setUp = closedAfterEach(() => openArtificialBench({ clock: createTestClock(new Date('2026-11-22T04:00:00Z')), rng: createTestRng('channel client') }));

describe('the keys of the gateway', () => {
  it('CF-15 are fetched when an answer names one that is not held, once for all that wait', async () => {
    const { gateway, client, account } = await setUp();
    gateway.answer('/pay', write(signed(paid)));
    const facts = await Promise.all(Array.from({ length: 10 }, () => client.pay(account, aPay())));
    assert.ok(facts.every(({ fact }) => fact.is === 'paid'));
    assert.equal(sendsOf(gateway, '/keys'), 1);
  });

  it('CF-15 follow a rotation in mid-flight, and the old one goes on while it is listed', async () => {
    const { gateway, client, account } = await setUp();
    gateway.answer('/pay', inTurn(write(signed(paid, 'A')), write(signed(paid, 'B')), write(signed(paid, 'A'))));
    assert.equal((await client.pay(account, aPay())).fact.is, 'paid');
    listKeys(gateway, ['A', 'B']);
    assert.equal((await client.pay(account, aPay())).fact.is, 'paid');
    assert.equal((await client.pay(account, aPay())).fact.is, 'paid');
    assert.equal(sendsOf(gateway, '/keys'), 2);
  });

  it('CF-15 are asked for a bounded number of times when a serial stays unknown', async () => {
    const { gateway, client, account } = await setUp();
    gateway.answer('/pay', write(signed(paid, 'B')));
    for (let i = 0; i < 20; i++) assert.deepEqual(essence((await client.pay(account, aPay())).fact), unknown('unverified'));
    assert.equal(sendsOf(gateway, '/keys'), trust_refreshes_per_window_max);
  });

  it('are not taken from a list that the gateway did not sign', async () => {
    const { gateway, client, account } = await setUp();
    gateway.answer('/pay', write(signed(paid)));
    const body = JSON.stringify({ A: ring.A?.export().toString('hex') });
    gateway.answer('/keys', write(httpAnswer(200, { 'x-mac': macOf(ring.A as KeyObject, body) }, body)));
    assert.deepEqual(essence((await client.pay(account, aPay())).fact), unknown('unverified'));
  });
});

describe('the bulkheads', () => {
  it('CF-06 CF-27 let one account hang with its own share, and no more', async () => {
    const { gateway, client, account, clock } = await setUp();
    const hanging = Array.from({ length: channel_calls_per_account_max }, () => client.pay(account, aPay()));
    await gateway.arrived(channel_calls_per_account_max);
    const { fact } = await client.pay(account, aPay());
    assert.deepEqual(essence(fact), unknown('not_sent'));
    assert.equal(sendsOf(gateway, '/pay'), channel_calls_per_account_max);

    gateway.answer('/query', write(signed('{"code":"NONE"}')));
    assert.equal((await client.query(anAccount(gateway.origin, 'acc_2'), anOrder)).fact.is, 'not_found', 'another account goes on');

    clock.advance(channel_deadline_ms);
    for (const call of hanging) assert.deepEqual(essence((await call).fact), unknown('timeout'));
    assert.equal((await client.query(account, anOrder)).fact.is, 'not_found', 'CF-27 and after the outage the account goes on');
  });
});

describe('a connection that cannot be trusted or made', () => {
  it('CF-25 fails closed when the TLS handshake fails', async () => {
    const { gateway, client } = await setUp();
    const account = anAccount(gateway.origin.replace('http:', 'https:'));
    gateway.answer('/pay', write(signed(paid)));
    assert.deepEqual(essence((await client.pay(account, aPay())).fact), unknown('not_sent'));
    assert.equal(gateway.requests.length, 0);
  });

  it('does not reach addresses that the settings keep closed', async () => {
    const { client } = await setUp();
    assert.deepEqual(essence((await client.pay(anAccount('http://169.254.169.254'), aPay())).fact), unknown('not_sent'));
  });

  it('CF-26 treats a name that does not resolve as not sent', async (t) => {
    const { clock, metrics } = await setUp();
    const lookups: string[] = [];
    const http = createHttpOut(
      { mode: 'production', public_url: 'https://heliu.example', egress_allow: [], webhook_allow_http: false, webhook_ports: [443] },
      clock,
      (hostname) => {
        lookups.push(hostname);
        return Promise.reject(Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }));
      },
    );
    t.after(() => http.close());
    const log = createLog('silent', clock);
    const client = createChannelClient({ clock, rng: createTestRng('channel client'), http, log, metrics }, new Map([['artificial', artificial as Channel]]));
    assert.deepEqual(essence((await client.pay(anAccount('https://api.gateway.example'), aPay())).fact), unknown('not_sent'));
    assert.equal(lookups.length, channel_sends_max, 'each try resolves anew: no failure is remembered');
  });
});

describe('a notification', () => {
  const message = (body: string, headers: Record<string, string> = signedHeaders('A', ring.A as KeyObject, body)) => ({
    path: '/notify',
    headers,
    body: Buffer.from(body),
  });
  const success = JSON.stringify({ no, code: 'PAID', success: { id: 'T1', amount_fen: 100 } });

  it('is read when it is truly signed, with its words as evidence', async () => {
    const { client, account } = await setUp();
    const notified = await client.readNotification(account, message(success));
    assert.equal(notified.is, 'read');
    assert.ok(notified.is === 'read' && notified.notification.about === 'payment');
    assert.equal(notified.notification.channel_order_no, no);
    assert.equal(notified.notification.fact.is, 'paid');
    assert.equal(notified.exchange.raw, success);
  });

  it('is acknowledged with a signature of ours over what it said, where the gateway wants that', async () => {
    const { client, account } = await setUp();
    const notified = await client.readNotification(account, message(success));
    assert.ok(notified.is === 'read');
    assert.ok(verify('sha256', Buffer.from(success), keyPair.publicKey, Buffer.from(notified.reply.ok.body, 'base64')));
  });

  const forged: readonly (readonly [id: string, headers: Record<string, string>])[] = [
    ['B-01 without a signature', {}],
    ['B-01 with a random signature', { 'x-serial': 'A', 'x-mac': '00' }],
    ['CF-11 signed with another key', signedHeaders('A', ring.B as KeyObject, success)],
    ['CF-15 signed with a key that the gateway does not list', signedHeaders('B', ring.B as KeyObject, success)],
  ];
  for (const [id, headers] of forged) {
    it(`${id} is refused, counted and said aloud`, async () => {
      const { client, account, lines, metrics } = await setUp();
      const notified = await client.readNotification(account, message(success, headers));
      assert.deepEqual(notified, { is: 'refused', why: 'unverified', reply: artificial.notification.reply.failed });
      assert.match(await metrics.expose(), /heliu_channel_notifications_total\{channel="artificial",result="unverified"\} 1/);
      assert.ok(lines.some((line) => line.includes('"level":"warn"')));
    });
  }

  it('CF-28 that says something new is an unknown, not a failure', async () => {
    const { client, account } = await setUp();
    const notified = await client.readNotification(account, message(JSON.stringify({ no, code: 'NEW_THING' })));
    assert.ok(notified.is === 'read' && notified.notification.about === 'payment');
    assert.deepEqual(essence(notified.notification.fact), unknown('unlisted'));
  });

  it('that cannot be read is refused', async () => {
    const { client, account } = await setUp();
    const notified = await client.readNotification(account, message('{"code":"PAID"}'));
    assert.deepEqual(notified, { is: 'refused', why: 'unreadable', reply: artificial.notification.reply.failed });
  });
});

describe('the exchange log', () => {
  it('J-03 I-46 has one line per call with numbers and names of ours, and nothing that was sent or received', async () => {
    const { gateway, client, account, lines, metrics } = await setUp();
    const canaries = ['134650000000000077', 'openid-canary', '203.0.113.77', 'T-canary'];
    gateway.answer('/pay', inTurn(write(signed('{"code":"PAID","success":{"id":"T-canary","amount_fen":100}}')), write(signed('"T-canary'))));
    const input = aPay({ auth_code: '134650000000000077', payer_id: 'openid-canary', payer_ip: '203.0.113.77' });
    await client.pay(account, input);
    await client.pay(account, input);
    const text = lines.join('');
    for (const canary of [...canaries, private_pem.slice(40, 80), root.export().toString('hex')]) assert.ok(!text.includes(canary), `${canary} is in the log`);

    const calls = lines.map((line) => JSON.parse(line)).filter((line) => line.message === 'channel call' && line.operation === 'pay');
    assert.equal(calls.length, 2);
    const { time, ...call } = calls[0];
    assert.equal(typeof time, 'string');
    assert.deepEqual(call, {
      level: 'debug',
      channel: 'artificial',
      operation: 'pay',
      channel_account_id: 'acc_1',
      account_version: 3,
      no,
      status: 200,
      sends: 1,
      duration_ms: 0,
      outcome: 'paid',
      message: 'channel call',
    });
    const exposed = await metrics.expose();
    assert.match(exposed, /heliu_channel_calls_total\{channel="artificial",operation="pay",outcome="paid"\} 1/);
    assert.match(exposed, /heliu_channel_calls_total\{channel="artificial",operation="pay",outcome="unknown_unreadable"\} 1/);
    for (const canary of canaries) assert.ok(!exposed.includes(canary));
  });
});

describe('whatever bytes a gateway answers', () => {
  const body = fc.oneof(
    fc.constantFrom(paid, '{"code":"NO_FUNDS"}', '{"code":"WAIT"}', html, ''),
    fc.string({ maxLength: 300 }),
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  );
  const headers = fc.dictionary(
    fc.constantFrom('x-serial', 'x-mac', 'content-type', 'transfer-encoding', 'content-encoding', 'content-length', 'connection'),
    fc.constantFrom('A', 'B', '00', 'chunked', 'gzip', '0', '7', '-1', 'close', 'application/json'),
  );
  const genuine = signed(paid);
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 2000 }).map((random) => Buffer.from(random)),
    fc.tuple(fc.integer({ min: 100, max: 999 }), headers, body).map(([status, head, text]) => httpAnswer(status, head, text)),
    fc.integer({ min: 0, max: genuine.length - 1 }).map((length) => genuine.subarray(0, length)),
    // One byte of the body or of the signature changed: behind the names of the headers, so that HTTP still reads it.
    fc.tuple(fc.integer({ min: genuine.length - paid.length, max: genuine.length - 1 }), fc.integer({ min: 1, max: 255 })).map(([at, flip]) => {
      const copy = Buffer.from(genuine);
      copy[at] = (copy[at] ?? 0) ^ flip;
      return copy;
    }),
  );

  it('the outcome is unknown unless the answer was verified', async () => {
    const { gateway, client, account } = await setUp();
    await fc.assert(
      fc.asyncProperty(bytes, fc.constantFrom('wechat_qr' as const, 'wechat_barcode' as const), async (answer, method) => {
        gateway.answer('/pay', end(answer));
        const { fact } = await client.pay(account, aPay({ method }));
        assert.equal(fact.is, 'unknown');
      }),
      { numRuns: 300 },
    );
  });
});
