import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Delivery } from '@heliu/contract';
import { createApp } from '../../app.ts';
import { webhook_deadline_ms } from '../../kernel/limits.ts';
import { testCtx } from '../ctx.ts';
import { unchanged } from '../state.ts';
import { until } from '../until.ts';
import { requestsSent, shoot } from './attacker.ts';
import { type EgressNodes, openEgressNodes } from './egress-nodes.ts';
import type { Record4 } from './name-server.ts';

/** Group F of reliability.md from end to end: URLs are saved over the API and called by the node that delivers. */
let nodes: EgressNodes;
before(async () => {
  nodes = await openEgressNodes();
});
after(() => nodes.close());

/** Endpoints, and the test events that were sent to them. */
const named: string[] = [];
/** Whatever a receiver does or is: of all that is not an endpoint of the test or a delivery to it, no row is another than before. */
const nothingElse = (work: () => Promise<void>): Promise<void> => unchanged(nodes.open.ctx, work, ['event_sequences'], named);

async function anEndpoint(target: string): Promise<string> {
  const made = await nodes.call('open', '/v1/webhook_endpoints', { url: target });
  assert.equal(made.status, 201, made.text);
  named.push(made.body.id);
  return made.body.id;
}

/** Sends a test event and waits for what came of it. */
async function delivered(
  endpoint_id: string,
  known: (delivery: Delivery) => boolean = ({ tries, state, last_error }) => tries > 0 && (state === 'delivered' || last_error !== null),
): Promise<Delivery> {
  const ping = await nodes.call('open', `/v1/webhook_endpoints/${endpoint_id}/ping`, {});
  assert.equal(ping.status, 201, ping.text);
  named.push(ping.body.id, ping.body.event_id);
  let found: Delivery | undefined;
  await until('the delivery was tried', async () => {
    const { body } = await nodes.call('open', `/v1/webhook_endpoints/${endpoint_id}/deliveries`);
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
    unchanged(nodes.strict.ctx, async () => {
      for (const target of urls) {
        const answer = await nodes.call('strict', '/v1/webhook_endpoints', { url: target });
        assert.ok(['webhook_url_refused', 'parameter_invalid'].includes(answer.body.error?.code), `${target}: ${answer.text}`);
      }
    }));

  it('is refused when it is called, should it have been saved in easier times', async () => {
    const inside = await nodes.aServer((_, answer) => answer.end('inside'));
    // Saved where anything is open, called by a node that opens 127.0.0.1 alone.
    const easy = await testCtx({ beside: nodes.strict, config: { role: 'api', egress_allow: ['0.0.0.0/0', '::/0'] } });
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
          headers: { authorization: `Bearer ${nodes.key}`, 'content-type': 'application/json' },
          body: JSON.stringify({ url: `http://${host}:${inside.port}/` }),
        });
        assert.equal(made.status, 201, made.text);
        const { state, last_error, last_status } = await delivered(made.body.id);
        assert.deepEqual([state, last_error, last_status], ['pending', refused_address, null], host);
        await nodes.call('open', `/v1/webhook_endpoints/${made.body.id}/disable`, {});
        // Sixteen endpoints are what a merchant may have.
        await nodes.open.ctx.db.kysely.deleteFrom('deliveries').where('webhook_endpoint_id', '=', made.body.id).execute();
        await nodes.open.ctx.db.kysely.deleteFrom('webhook_endpoints').where('id', '=', made.body.id).execute();
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
      const server = await nodes.aServer((_, answer) => answer.writeHead(200, { connection: 'close' }).end());
      nodes.answerNames(() => ['127.0.0.1']);
      const id = await anEndpoint(`http://rebinding.example.com:${server.port}/`);
      assert.equal((await delivered(id)).state, 'delivered');
      const [asked, visits] = [nodes.asked(), server.visits()];
      for (const inside of ['127.0.0.2', '10.0.0.1', '169.254.169.254', '0.0.0.0', '192.168.0.1']) {
        nodes.answerNames(() => [inside]);
        assert.equal((await delivered(id)).last_error, refused_address, inside);
      }
      assert.equal(server.visits(), visits);
      assert.ok(nodes.asked() > asked, 'a name without a time to live is asked for again');
    }));

  it('with an outside and an inside address, or an alias of an inside name, is not called', () =>
    nothingElse(async () => {
      const server = await nodes.aServer((_, answer) => answer.end());
      const zones: Readonly<Record<string, Record4>> = {
        'two.example.com': ['127.0.0.1', '127.0.0.2'],
        'other.example.com': ['10.0.0.1', '127.0.0.1'],
        'alias.example.com': { cname: 'db.inside.example' },
        'db.inside.example': ['127.0.0.2'],
        'far.example.com': { cname: 'alias.example.com' },
      };
      nodes.answerNames((name) => zones[name] ?? []);
      for (const name of ['two.example.com', 'other.example.com', 'alias.example.com', 'far.example.com'])
        assert.equal((await delivered(await anEndpoint(`http://${name}:${server.port}/`))).last_error, refused_address, name);
      assert.equal(server.visits(), 0);
    }));

  it('that changes between the check and the connection cannot: it is asked for once for each connection', () =>
    nothingElse(async () => {
      const server = await nodes.aServer((_, answer) => answer.writeHead(200, { connection: 'close' }).end());
      let turn = 0;
      nodes.answerNames(() => [turn++ % 2 === 0 ? '127.0.0.1' : '127.0.0.2']);
      const id = await anEndpoint(`http://flapping.example.com:${server.port}/`);
      for (let at = 0; at < 6; at++) {
        const before = { visits: server.visits(), asked: nodes.asked() };
        const { state, last_error } = await delivered(id);
        const expected = at % 2 === 0 ? ['delivered', null, 1] : ['pending', refused_address, 0];
        assert.deepEqual([state, last_error, server.visits() - before.visits], expected);
        assert.equal(nodes.asked() - before.asked, 1);
      }
    }));
});

it('F-05 a redirect is followed nowhere: not inside, not to another host with the signed body', () =>
  nothingElse(async () => {
    const elsewhere = await nodes.aServer((_, answer) => answer.end());
    nodes.answerNames(() => ['127.0.0.1']);
    const locations = [
      `http://127.0.0.2:${elsewhere.port}/`,
      `http://other.example.com:${elsewhere.port}/`,
      '//127.0.0.2/',
      'http://169.254.169.254/',
      '/again',
    ];
    for (const status of [301, 302, 303, 307, 308]) {
      let paths = 0;
      const receiver = await nodes.aServer((_, answer) => {
        const location = locations[paths++ % locations.length] as string;
        answer.writeHead(status, { location, refresh: `0;url=${location}` }).end();
      });
      const id = await anEndpoint(`http://receiver.example.com:${receiver.port}/${status}`);
      const { state, last_status, last_error } = await delivered(id);
      assert.deepEqual([state, last_status, last_error], ['pending', status, `HTTP ${status}: redirects are not followed.`]);
      assert.equal(paths, 1);
      await nodes.call('open', `/v1/webhook_endpoints/${id}/disable`, {});
    }
    assert.equal(elsewhere.visits(), 0);
  }));

describe('F-08 F-09 F-10: a receiver that answers too much, too slowly or with something else', () => {
  before(async () => {
    // Those of the tests before are done with.
    await nodes.open.ctx.db.kysely.deleteFrom('deliveries').execute();
    await nodes.open.ctx.db.kysely.deleteFrom('webhook_endpoints').execute();
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
        const receiver = await nodes.aServer(listener);
        const delivery = await delivered(await anEndpoint(`http://127.0.0.1:${receiver.port}/`));
        assert.equal(delivery.state, state, what);
        if (error) assert.match(delivery.last_error ?? '', error, what);
      }
    }));

  it('or with headers without end, is a failure in fixed words', () =>
    nothingElse(async () => {
      const receiver = await nodes.aServer((request) => {
        request.socket.write(`HTTP/1.1 200 OK\r\n${`x-pad: ${'y'.repeat(1_000)}\r\n`.repeat(1_000)}`);
      });
      assert.equal((await delivered(await anEndpoint(`http://127.0.0.1:${receiver.port}/`))).last_error, "The answer's headers are too long.");
    }));

  it('or never, is given up at the deadline, and meanwhile others are served', () =>
    nothingElse(async () => {
      let hanging = 0;
      const hang = await nodes.aServer(() => {
        hanging += 1;
      });
      const drip = await nodes.aServer((_, answer) => {
        answer.writeHead(200).write('a');
        hanging += 1;
      });
      const quick = await nodes.aServer((_, answer) => answer.end());
      const [slow, slower, good] = await Promise.all([hang, drip, quick].map(({ port }) => anEndpoint(`http://127.0.0.1:${port}/`)));
      for (const id of [slow, slower]) {
        const ping = await nodes.call('open', `/v1/webhook_endpoints/${id}/ping`, {});
        assert.equal(ping.status, 201);
        named.push(ping.body.id, ping.body.event_id);
      }
      await until('both hang', () => hanging === 2);
      for (let at = 0; at < 5; at++) assert.equal((await delivered(good as string)).state, 'delivered');
      nodes.open.clock.advance(webhook_deadline_ms);
      const of = async (id: string | undefined) => (await nodes.call('open', `/v1/webhook_endpoints/${id}/deliveries`)).body.data[0] as Delivery;
      await until('both were given up', async () => (await of(slow)).last_error !== null && (await of(slower)).state === 'delivered');
      assert.equal((await of(slow)).last_error, 'There was no answer in time.');
    }));
});

it('group F: requests sent', (t) => t.diagnostic(`${requestsSent()} requests`));
