import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type Delivery, scopes } from '@heliu/contract';
import { createApiKey } from '../../access/service.ts';
import { type App, createApp } from '../../app.ts';
import { createChannelClient } from '../../channels/client.ts';
import { channels } from '../../channels/registry.ts';
import { simulators } from '../../channels/simulators.ts';
import { webhook_deadline_ms } from '../../kernel/limits.ts';
import { Secret } from '../../kernel/secret.ts';
import { addMs } from '../../kernel/time.ts';
import { createChannelAccount, createMerchant } from '../../merchants/service.ts';
import { activateAccount } from '../../merchants/sessions/service.ts';
import { sealKey } from '../../merchants/sessions/session.ts';
import { keepSession } from '../../merchants/sessions/store.ts';
import { createHttpOut } from '../../platform/egress.ts';
import { type TestCtx, testCtx } from '../ctx.ts';
import { unchanged } from '../state.ts';
import { until } from '../until.ts';
import { type Answer, requestsSent, shoot } from './attacker.ts';
import { aNameServer, type Record4 } from './name-server.ts';

/**
 * Group F of reliability.md from end to end: URLs are saved over the API and called by the node that delivers. 127.0.0.1
 * stands for the world outside, every other address of this machine for what is inside; names are answered by a name
 * server of the test's own.
 */
let names: Awaited<ReturnType<typeof aNameServer>>;
let answerName: (name: string) => Record4 = () => [];
/** As in production: nothing private is open, https and port 443 alone. It saves and does not send. */
let strict: TestCtx;
/** Sends plain http to 127.0.0.1, so that a receiver of the test can be reached. */
let open: TestCtx;
const apps: App[] = [];
const servers: Server[] = [];
let url: Readonly<Record<'strict' | 'open', string>>;
let key: string;
let merchant_id: string;

before(async () => {
  names = await aNameServer((name) => answerName(name));
  strict = await testCtx({ config: { role: 'api', egress_allow: [], webhook_allow_http: false, webhook_ports: [443, 8443] } });
  open = await testCtx({ beside: strict, config: { egress_allow: ['127.0.0.1/32'] } });
  const start = async ({ ctx }: TestCtx) => {
    const app = await createApp({ ...ctx, http: createHttpOut(ctx.config, ctx.clock, names.lookup) });
    const { port } = await app.start();
    apps.push(app);
    return `http://127.0.0.1:${port}`;
  };
  url = { strict: await start(strict), open: await start(open) };
  merchant_id = (await createMerchant(strict.ctx, { name: '商户' })).id;
  key = (await createApiKey(strict.ctx, { merchant_id, livemode: false, name: 'test', scopes })).secret.expose();
});
after(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  for (const app of apps) await app.stop();
  await open.close();
  await strict.close();
  await names.close();
});

const call = (node: 'strict' | 'open', path: string, body?: unknown): Promise<Answer> =>
  shoot(`${url[node]}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${key}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

/** A server on every address of this machine, which counts whoever comes. */
async function aServer(listener: RequestListener): Promise<{ readonly port: number; readonly visits: () => number }> {
  let visits = 0;
  const server = createServer(listener);
  server.on('connection', () => {
    visits += 1;
  });
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  servers.push(server);
  return { port: (server.address() as AddressInfo).port, visits: () => visits };
}

/** Endpoints, and the test events that were sent to them. */
const named: string[] = [];
/** Whatever a receiver does or is: of all that is not an endpoint of the test or a delivery to it, no row is another than before. */
const nothingElse = (work: () => Promise<void>): Promise<void> => unchanged(open.ctx, work, ['event_sequences'], named);

async function anEndpoint(target: string): Promise<string> {
  const made = await call('open', '/v1/webhook_endpoints', { url: target });
  assert.equal(made.status, 201, made.text);
  named.push(made.body.id);
  return made.body.id;
}

/** Sends a test event and waits for what came of it. */
async function delivered(
  endpoint_id: string,
  known: (delivery: Delivery) => boolean = ({ tries, state, last_error }) => tries > 0 && (state === 'delivered' || last_error !== null),
): Promise<Delivery> {
  const ping = await call('open', `/v1/webhook_endpoints/${endpoint_id}/ping`, {});
  assert.equal(ping.status, 201, ping.text);
  named.push(ping.body.id, ping.body.event_id);
  let found: Delivery | undefined;
  await until('the delivery was tried', async () => {
    const { body } = await call('open', `/v1/webhook_endpoints/${endpoint_id}/deliveries`);
    found = body.data.find(({ id }: Delivery) => id === ping.body.id);
    return found !== undefined && known(found);
  });
  return found as Delivery;
}

const refused_address = 'The URL leads to an address that may not be called.';

describe('F-01 F-02 F-03 F-06 F-07: a webhook URL that leads where it must not', () => {
  const hosts = [
    ...[
      '127.0.0.1',
      'localhost',
      '0.0.0.0',
      '10.0.0.1',
      '172.16.0.1',
      '172.31.255.255',
      '192.168.1.1',
      '100.64.0.1',
      '169.254.1.1',
      '224.0.0.1',
      '255.255.255.255',
    ],
    ...['192.0.2.1', '198.18.0.1', '198.51.100.1', '203.0.113.1', '240.0.0.1', '192.88.99.1'],
    ...['[::1]', '[::]', '[fc00::1]', '[fd12:3456::1]', '[fe80::1]', '[ff02::1]', '[2001:db8::1]', '[100::1]'],
    ...['169.254.169.254', 'metadata.google.internal', '100.100.100.200', '[fd00:ec2::254]', '168.63.129.16', '192.0.0.192', 'metadata', 'instance-data'],
    ...[
      '127.1',
      '127.0.1',
      '0x7f000001',
      '0x7f.1',
      '2130706433',
      '017700000001',
      '0177.0.0.1',
      '0',
      '①②⑦.⓪.⓪.①',
      '127。0。0。1',
      '%31%32%37.0.0.1',
      '127.0.0.1.',
    ],
    ...[
      '[::ffff:127.0.0.1]',
      '[::ffff:7f00:1]',
      '[::127.0.0.1]',
      '[64:ff9b::7f00:1]',
      '[64:ff9b:1::7f00:1]',
      '[2002:7f00:1::]',
      '[2001:0:7f00:1::]',
      '[0:0:0:0:0:ffff:0a00:0001]',
    ],
    ...[
      'user@example.com',
      'user:password@example.com',
      'example.com@127.0.0.1',
      'localhost.',
      'a.localhost',
      'printer.local',
      'db.internal',
      'intranet',
      'router.lan',
      'x.home.arpa',
    ],
  ];
  const urls = [
    ...hosts.map((host) => `https://${host}/hook`),
    ...['http', 'ftp', 'file', 'gopher', 'ws', 'wss', 'jar', 'data', 'javascript', 'dict', 'ldap', 'unix'].map((scheme) => `${scheme}://example.com/hook`),
    ...[22, 25, 80, 3306, 5432, 6379, 7410, 9200, 65535, 0].map((port) => `https://example.com:${port}/hook`),
    ...['https://example.com:99999/', 'https://example.com:-1/', 'https://', 'https:///x', 'https:example.com', '//example.com/', 'example.com'],
    ...['\r\nX-Evil: 1', '\n', '\t', ' ', '\0', '\\', '#fragment'].map((end) => `https://example.com/hook${end}`),
    ...[
      'https://exam ple.com/',
      'https://example.com\\@127.0.0.1/',
      'https://example.com\r\n.evil.example/',
      'https://example.com%00.evil.example/',
      'https://[::1',
      'https://[::1]x/',
    ],
  ];

  it('is refused when it is saved', () =>
    unchanged(strict.ctx, async () => {
      for (const target of urls) {
        const answer = await call('strict', '/v1/webhook_endpoints', { url: target });
        assert.ok(['webhook_url_refused', 'parameter_invalid'].includes(answer.body.error?.code), `${target}: ${answer.text}`);
      }
    }));

  it('is refused when it is called, should it have been saved in easier times', async () => {
    const inside = await aServer((_, answer) => answer.end('inside'));
    // Saved where anything is open, called by a node that opens 127.0.0.1 alone.
    const easy = await testCtx({ beside: strict, config: { role: 'api', egress_allow: ['0.0.0.0/0', '::/0'] } });
    const app = await createApp(easy.ctx);
    try {
      const { port } = await app.start();
      for (const host of [
        '127.0.0.2',
        '10.0.0.1',
        '169.254.169.254',
        '0x7f000002',
        '2130706434',
        '[::ffff:127.0.0.2]',
        '[::1]',
        '[64:ff9b::7f00:2]',
        '0.0.0.0',
      ]) {
        const made = await shoot(`http://127.0.0.1:${port}/v1/webhook_endpoints`, {
          method: 'POST',
          headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
          body: JSON.stringify({ url: `http://${host}:${inside.port}/` }),
        });
        assert.equal(made.status, 201, made.text);
        const { state, last_error, last_status } = await delivered(made.body.id);
        assert.deepEqual([state, last_error, last_status], ['pending', refused_address, null], host);
        await call('open', `/v1/webhook_endpoints/${made.body.id}/disable`, {});
        // Sixteen endpoints are what a merchant may have.
        await open.ctx.db.kysely.deleteFrom('deliveries').where('webhook_endpoint_id', '=', made.body.id).execute();
        await open.ctx.db.kysely.deleteFrom('webhook_endpoints').where('id', '=', made.body.id).execute();
      }
      assert.equal(inside.visits(), 0);
    } finally {
      await app.stop();
      await easy.close();
    }
  });
});

describe('F-04: a name', () => {
  it('that was outside when its URL was saved and is inside when it is called is not called', () =>
    nothingElse(async () => {
      const server = await aServer((_, answer) => answer.writeHead(200, { connection: 'close' }).end());
      answerName = () => ['127.0.0.1'];
      const id = await anEndpoint(`http://rebinding.example.com:${server.port}/`);
      assert.equal((await delivered(id)).state, 'delivered');
      const [asked, visits] = [names.asked(), server.visits()];
      for (const inside of ['127.0.0.2', '10.0.0.1', '169.254.169.254', '0.0.0.0', '192.168.0.1']) {
        answerName = () => [inside];
        assert.equal((await delivered(id)).last_error, refused_address, inside);
      }
      assert.equal(server.visits(), visits);
      assert.ok(names.asked() > asked, 'a name without a time to live is asked for again');
    }));

  it('with an outside and an inside address, or an alias of an inside name, is not called', () =>
    nothingElse(async () => {
      const server = await aServer((_, answer) => answer.end());
      const zones: Readonly<Record<string, Record4>> = {
        'two.example.com': ['127.0.0.1', '127.0.0.2'],
        'other.example.com': ['10.0.0.1', '127.0.0.1'],
        'alias.example.com': { cname: 'db.inside.example' },
        'db.inside.example': ['127.0.0.2'],
        'far.example.com': { cname: 'alias.example.com' },
      };
      answerName = (name) => zones[name] ?? [];
      for (const name of ['two.example.com', 'other.example.com', 'alias.example.com', 'far.example.com'])
        assert.equal((await delivered(await anEndpoint(`http://${name}:${server.port}/`))).last_error, refused_address, name);
      assert.equal(server.visits(), 0);
    }));

  it('that changes between the check and the connection cannot: it is asked for once for each connection', () =>
    nothingElse(async () => {
      const server = await aServer((_, answer) => answer.writeHead(200, { connection: 'close' }).end());
      let turn = 0;
      answerName = () => [turn++ % 2 === 0 ? '127.0.0.1' : '127.0.0.2'];
      const id = await anEndpoint(`http://flapping.example.com:${server.port}/`);
      for (let at = 0; at < 6; at++) {
        const before = { visits: server.visits(), asked: names.asked() };
        const { state, last_error } = await delivered(id);
        const expected = at % 2 === 0 ? ['delivered', null, 1] : ['pending', refused_address, 0];
        assert.deepEqual([state, last_error, server.visits() - before.visits], expected);
        assert.equal(names.asked() - before.asked, 1);
      }
    }));
});

it('F-05 a redirect is followed nowhere: not inside, not to another host with the signed body', () =>
  nothingElse(async () => {
    const elsewhere = await aServer((_, answer) => answer.end());
    answerName = () => ['127.0.0.1'];
    const locations = [
      `http://127.0.0.2:${elsewhere.port}/`,
      `http://other.example.com:${elsewhere.port}/`,
      '//127.0.0.2/',
      'http://169.254.169.254/',
      '/again',
    ];
    for (const status of [301, 302, 303, 307, 308]) {
      let paths = 0;
      const receiver = await aServer((_, answer) => {
        const location = locations[paths++ % locations.length] as string;
        answer.writeHead(status, { location, refresh: `0;url=${location}` }).end();
      });
      const id = await anEndpoint(`http://receiver.example.com:${receiver.port}/${status}`);
      const { state, last_status, last_error } = await delivered(id);
      assert.deepEqual([state, last_status, last_error], ['pending', status, `HTTP ${status}: redirects are not followed.`]);
      assert.equal(paths, 1);
      await call('open', `/v1/webhook_endpoints/${id}/disable`, {});
    }
    assert.equal(elsewhere.visits(), 0);
  }));

describe('F-08 F-09 F-10: a receiver that answers too much, too slowly or with something else', () => {
  before(async () => {
    // Those of the tests before are done with.
    await open.ctx.db.kysely.deleteFrom('deliveries').execute();
    await open.ctx.db.kysely.deleteFrom('webhook_endpoints').execute();
  });
  const endless: RequestListener = (_, answer) => {
    const more = () => {
      while (answer.write('x'.repeat(16_384))) {
        // Until the socket is full.
      }
    };
    answer.on('drain', more);
    more();
  };

  it('is read as far as the limit, kept as a line of text, and delays nobody', () =>
    nothingElse(async () => {
      const rows: readonly (readonly [what: string, listener: RequestListener, state: string, error: RegExp | null])[] = [
        ['a body without end', endless, 'delivered', null],
        ['a bomb', (_, answer) => void answer.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(32 * 2 ** 20))), 'delivered', null],
        [
          'a page of 10 MB that is an error',
          (_, answer) => void answer.writeHead(500).end('<script>alert(1)</script>'.repeat(400_000)),
          'pending',
          /^HTTP 500: <script>.{0,200}$/,
        ],
        [
          'an error with control characters',
          (_, answer) => void answer.writeHead(400).end('a\r\nb\u001b[31m\u202ec\u0000'),
          'pending',
          /^HTTP 400: a b \[31m c$/,
        ],
      ];
      for (const [what, listener, state, error] of rows) {
        const receiver = await aServer(listener);
        const delivery = await delivered(await anEndpoint(`http://127.0.0.1:${receiver.port}/`));
        assert.equal(delivery.state, state, what);
        if (error) assert.match(delivery.last_error ?? '', error, what);
      }
    }));

  it('or with headers without end, is a failure in fixed words', () =>
    nothingElse(async () => {
      const receiver = await aServer((request) => {
        request.socket.write(`HTTP/1.1 200 OK\r\n${`x-pad: ${'y'.repeat(1_000)}\r\n`.repeat(1_000)}`);
      });
      assert.equal((await delivered(await anEndpoint(`http://127.0.0.1:${receiver.port}/`))).last_error, "The answer's headers are too long.");
    }));

  it('or never, is given up at the deadline, and meanwhile others are served', () =>
    nothingElse(async () => {
      let hanging = 0;
      const hang = await aServer(() => {
        hanging += 1;
      });
      const drip = await aServer((_, answer) => {
        answer.writeHead(200).write('a');
        hanging += 1;
      });
      const quick = await aServer((_, answer) => answer.end());
      const [slow, slower, good] = await Promise.all([hang, drip, quick].map(({ port }) => anEndpoint(`http://127.0.0.1:${port}/`)));
      for (const id of [slow, slower]) {
        const ping = await call('open', `/v1/webhook_endpoints/${id}/ping`, {});
        assert.equal(ping.status, 201);
        named.push(ping.body.id, ping.body.event_id);
      }
      await until('both hang', () => hanging === 2);
      for (let at = 0; at < 5; at++) assert.equal((await delivered(good as string)).state, 'delivered');
      open.clock.advance(webhook_deadline_ms);
      const of = async (id: string | undefined) => (await call('open', `/v1/webhook_endpoints/${id}/deliveries`)).body.data[0] as Delivery;
      await until('both were given up', async () => (await of(slow)).last_error !== null && (await of(slower)).state === 'delivered');
      assert.equal((await of(slow)).last_error, 'There was no answer in time.');
    }));
});

describe('F-13: the gateway of a channel account', () => {
  it('that is inside is refused when it is saved, and not called when its name has moved there', async () => {
    const gateway = await aServer((_, answer) => answer.end('{}'));
    for (const { channel, create } of simulators) {
      const ports = { clock: open.clock, rng: open.ctx.rng, base_url: 'http://127.0.0.1:1/', time_scale: 1 };
      const simulator = create({ ...ports, journal: { load: () => [], append: () => {} }, send: () => Promise.reject(new Error('nobody is told')) });
      const declared = channels.get(channel);
      assert.ok(declared);
      const settings = await simulator.enroll({ mode: 'direct', trust: 'public_key' });
      const addresses = Object.keys(declared.config.properties).filter((name) => name.endsWith('_url'));
      const account = (ctx: TestCtx['ctx'], address: string, moved = addresses) =>
        createChannelAccount(ctx, {
          merchant_id,
          livemode: false,
          channel,
          name: channel,
          settings: { ...settings, ...Object.fromEntries(moved.map((name) => [name, address])) },
        });
      const strict_ctx = { ...strict.ctx, http: createHttpOut(strict.ctx.config) };
      const saveInside = async () => {
        for (const inside of [
          'https://127.0.0.1/x',
          'http://example.com/x',
          'https://169.254.169.254/x',
          'https://localhost/x',
          'https://10.0.0.1/x',
          'https://[::1]/x',
          'https://2130706433/x',
          'https://user@example.com/x',
        ])
          for (const name of addresses) await assert.rejects(account(strict_ctx, inside, [name]), { name: 'RefusalError' }, `${channel} ${name} ${inside}`);
      };
      await unchanged(strict.ctx, saveInside);
      answerName = () => ['127.0.0.2'];
      const { id } = await account(open.ctx, `http://gateway.example.com:${gateway.port}/x`);
      if (simulator.newSessionCode) {
        const name = { merchant_id, channel_account_id: id };
        const code = new Secret(simulator.newSessionCode(settings));
        const outcome = await activateAccount({ ...open.ctx, channels: createChannelClient(open.ctx) }, { ...name, code });
        assert.equal(outcome.is === 'unknown' && outcome.cause, 'not_sent', 'no code goes there');
        // A key that it got before the name moved.
        const key_sealed = sealKey(open.ctx.vault, { ...name, version: 1 }, new Secret('a key of before'));
        const got_at = open.clock.now();
        assert.ok(await keepSession(open.ctx, { ...name, version: 1, name: 'terminal', key_sealed, got_at, renew_at: addMs(got_at, 86_400_000) }));
      }
      // One whose order is a call to the gateway; some gateways have no QR codes, some nothing but payment codes.
      const offered = Object.keys(declared.pay);
      const method = ['_qr', '_app', '_barcode'].flatMap((scene) => offered.find((name) => name.endsWith(scene)) ?? [])[0];
      const { body, text } = await call('open', '/v1/payments', {
        merchant_order_no: `gateway-${channel}`,
        amount_fen: 100,
        subject: 'x',
        method,
        channel_account_id: id,
        ...(method?.endsWith('_barcode') ? { auth_code: simulator.newPaymentCode('pays') } : {}),
      });
      assert.equal(body.attempt?.state, 'sending', text);
      await simulator.close();
    }
    assert.equal(gateway.visits(), 0);
  });
});

it('group F: requests sent', (t) => t.diagnostic(`${requestsSent()} requests`));
