import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { after, before, test } from 'node:test';
import { getCACertificates, setDefaultCACertificates, type TLSSocket, type TlsOptions } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { Secret } from '../kernel/secret.ts';
import type { Clock } from '../kernel/time.ts';
import { createTestClock } from '../testing/clock.ts';
import { systemClock } from './clock.ts';
import type { Lookup } from './egress/lookup.ts';
import { type Authority, createAuthority } from './egress/test-certificates.ts';
import { createHttpOut, type EgressConfig, EgressError, type HttpOut, type HttpOutAnswer, type HttpOutRequest } from './egress.ts';

let authority: Authority;
const trusted_before = getCACertificates('default');
before(async () => {
  authority = await createAuthority();
  // The test's authority joins the trusted ones of this process: the code under test has no switch that weakens checks.
  setDefaultCACertificates([...trusted_before, authority.certificate_pem]);
});
after(() => setDefaultCACertificates(trusted_before));

test('sends a request and gives the answer with its headers in lower case', async (t) => {
  const server = await serve(t, async (request, response) => {
    const body = await readAll(request);
    response.writeHead(201, { 'X-Echo': request.headers['x-in'] as string, 'set-cookie': ['a=1', 'b=2'] }).end(`${request.method} ${request.url} ${body}`);
  });
  const answer = await httpOut(t).send({ ...request_to(server, '/a?b=%20c'), headers: { 'x-in': 'yes' }, body: '正文' });
  assert.equal(answer.status, 201);
  assert.equal(answer.body.toString(), 'POST /a?b=%20c 正文');
  assert.equal(answer.headers['x-echo'], 'yes');
  assert.equal(answer.headers['set-cookie'], 'a=1, b=2');
});

test('keeps connections for the next requests', async (t) => {
  const server = await serve(t, (_, response) => response.end('ok'));
  let connections = 0;
  server.on('connection', () => {
    connections += 1;
  });
  const http = httpOut(t);
  for (let i = 0; i < 10; i++) await http.send(request_to(server));
  // The pool looks at an idle connection for one turn before it uses it again, so a second one may be opened meanwhile.
  assert.ok(connections <= 2, `${connections} connections`);
});

test('F-04: connects to the checked address and keeps the name in SNI and Host', async (t) => {
  const server = await serveTls(t, await authority.issue({ name: 'receiver.example.com' }), {}, (request, response) =>
    response.end(JSON.stringify({ host: request.headers.host, sni: (request.socket as TLSSocket).servername })),
  );
  const asked: string[] = [];
  const http = httpOut(t, {}, (hostname) => {
    asked.push(hostname);
    return Promise.resolve(['127.0.0.1']);
  });
  const answer = await http.send({ ...request_to(server), url: `https://receiver.example.com:${portOf(server)}/` });
  assert.deepEqual(JSON.parse(answer.body.toString()), { host: `receiver.example.com:${portOf(server)}`, sni: 'receiver.example.com' });
  assert.deepEqual(asked, ['receiver.example.com']);
});

test('F-04: a name that has moved inside since it was saved is refused, and nothing is connected', async (t) => {
  const server = await serve(t, (_, response) => response.writeHead(200, { connection: 'close' }).end('ok'), '0.0.0.0');
  let connections = 0;
  server.on('connection', () => {
    connections += 1;
  });
  const answers = [['127.0.0.1'], ['127.0.0.2']];
  const http = httpOut(t, {}, () => Promise.resolve(answers.shift() ?? []));
  const request = { ...request_to(server), url: `http://rebinding.example.com:${portOf(server)}/` };
  assert.equal(http.check(request.url, 'webhook'), undefined);
  assert.equal((await http.send(request)).status, 200);
  await refusedWith(http.send(request), 'refused_address', false);
  assert.equal(connections, 1);
});

test('F-04: one inside address among good ones refuses the whole name', async (t) => {
  const server = await serve(t, (_, response) => response.end('ok'));
  let connections = 0;
  server.on('connection', () => {
    connections += 1;
  });
  for (const addresses of [
    ['127.0.0.1', '10.0.0.1'],
    ['127.0.0.1', '::ffff:169.254.169.254'],
    ['::1', '127.0.0.1'],
  ]) {
    const http = httpOut(t, {}, () => Promise.resolve(addresses));
    await refusedWith(http.send({ ...request_to(server), url: `http://two.example.com:${portOf(server)}/` }), 'refused_address', false);
  }
  assert.equal(connections, 0);
});

test('F-01 F-03: a literal inside address is refused at sending too', async (t) => {
  const http = httpOut(t, { egress_allow: [] });
  for (const url of ['http://127.0.0.1/', 'http://2130706433/', 'http://[::ffff:7f00:1]/', 'http://169.254.169.254/', 'http://[fd00::1]/']) {
    await refusedWith(http.send({ ...webhook, url }), 'refused_address', false);
  }
});

test('CF-26: a name that cannot be resolved, or has no address, was not connected', async (t) => {
  await refusedWith(httpOut(t, {}, () => Promise.reject(new Error('SERVFAIL'))).send({ ...webhook, url: 'http://gone.example.com/' }), 'not_connected', false);
  await refusedWith(httpOut(t, {}, () => Promise.resolve([])).send({ ...webhook, url: 'http://gone.example.com/' }), 'not_connected', false);
});

test('F-05: a redirect is an answer like any other and nobody follows it', async (t) => {
  for (const status of [301, 302, 303, 307, 308]) {
    const paths: (string | undefined)[] = [];
    const server = await serve(t, (request, response) => {
      paths.push(request.url);
      response.writeHead(status, { location: '/elsewhere' }).end();
    });
    const answer = await httpOut(t).send(request_to(server, '/first'));
    assert.equal(answer.status, status);
    assert.deepEqual(paths, ['/first']);
  }
});

test('F-07: a header that would begin another line is a bug of ours and nothing is sent', async (t) => {
  let requests = 0;
  const server = await serve(t, (_, response) => {
    requests += 1;
    response.end();
  });
  const http = httpOut(t);
  for (const headers of [{ 'x-a': 'b\r\nx-evil: 1' }, { 'x-a\r\nx-evil': '1' }, { 'x a': '1' }, { 'x-a': '钩' }, { 'x-a': 'b\0' }] as Record<
    string,
    string
  >[]) {
    await assert.rejects(http.send({ ...request_to(server), headers }), { name: 'Bug' });
  }
  assert.equal(requests, 0);
});

test('F-08: an answer without end is read up to the limit, then the connection is closed', async (t) => {
  const closed = Promise.withResolvers<void>();
  const server = await serve(t, (_, response) => {
    response.on('close', () => closed.resolve());
    const more = () => {
      while (response.write('x'.repeat(16_384))) {
        // Until the socket is full.
      }
    };
    response.on('drain', more);
    more();
  });
  await refusedWith(httpOut(t).send({ ...request_to(server), answer_bytes_max: 1_000_000 }), 'answer_too_large', true);
  await closed.promise;
});

test('F-08: where only the status matters, a long answer is given as far as it was read', async (t) => {
  const server = await serve(t, (_, response) => response.end('x'.repeat(10_000_000)));
  const answer = await httpOut(t).send({ ...request_to(server), answer_bytes_max: 1_000, partial_answer_ok: true });
  assert.equal(answer.status, 200);
  assert.equal(answer.body.toString(), 'x'.repeat(1_000));
});

test('F-08: nothing is decompressed', async (t) => {
  const bomb = gzipSync(Buffer.alloc(1_000_000));
  const server = await serve(t, (request, response) => {
    assert.equal(request.headers['accept-encoding'], 'identity');
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
  });
  assert.deepEqual((await httpOut(t).send(request_to(server))).body, bomb);
});

test('F-08: headers without end are refused', async (t) => {
  const server = await serveTcp(t, (socket) => socket.once('data', () => socket.write(`HTTP/1.1 200 OK\r\n${`x-pad: ${'y'.repeat(1_000)}\r\n`.repeat(100)}`)));
  await refusedWith(httpOut(t).send(request_to(server)), 'answer_too_large', true);
});

test('F-08 CF-06: an answer that drips is cut by the overall deadline', async (t) => {
  const clock = createTestClock(new Date(0));
  const dripping = Promise.withResolvers<void>();
  const server = await serve(t, (_, response) => {
    response.writeHead(200).write('a');
    dripping.resolve();
  });
  const answer = httpOut(t, {}, undefined, clock).send(request_to(server));
  await dripping.promise;
  clock.advance(webhook.deadline_ms);
  await refusedWith(answer, 'timeout', true);
});

test('a deadline that passes before a connection stands says that nothing was sent', async (t) => {
  const clock = createTestClock(new Date(0));
  const shaking = Promise.withResolvers<void>();
  const server = await serveTcp(t, (socket) => socket.once('data', () => shaking.resolve()));
  const answer = httpOut(t, {}, undefined, clock).send({ ...request_to(server), url: `https://127.0.0.1:${portOf(server)}/` });
  await shaking.promise;
  clock.advance(webhook.deadline_ms);
  await refusedWith(answer, 'timeout', false);
});

test('a request given up while it waited for a connection never leaves', async (t) => {
  const clock = createTestClock(new Date(0));
  const resolved = Promise.withResolvers<readonly string[]>();
  const paths: (string | undefined)[] = [];
  const server = await serve(t, (request, response) => {
    paths.push(request.url);
    response.end();
  });
  const http = httpOut(t, {}, () => resolved.promise, clock);
  const late = http.send({ ...request_to(server), url: `http://slow-dns.example.com:${portOf(server)}/late` });
  clock.advance(webhook.deadline_ms);
  await refusedWith(late, 'timeout', false);
  resolved.resolve(['127.0.0.1']);
  await http.send({ ...request_to(server), url: `http://slow-dns.example.com:${portOf(server)}/next` });
  assert.deepEqual(paths, ['/next']);
});

test('CF-03: a refused connection says that nothing was sent, a lost one that something may have been', async (t) => {
  const closed = await serveTcp(t, () => undefined);
  const url = `http://127.0.0.1:${portOf(closed)}/`;
  closed.close();
  await once(closed, 'close');
  await refusedWith(httpOut(t).send({ ...webhook, url }), 'not_connected', false);

  const cut = await serveTcp(t, (socket) => socket.once('data', () => socket.destroy()));
  await refusedWith(httpOut(t).send(request_to(cut)), 'connection_lost', true);

  const short = await serveTcp(t, (socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort')));
  await refusedWith(httpOut(t).send(request_to(short)), 'connection_lost', true);

  const garbage = await serveTcp(t, (socket) => socket.once('data', () => socket.end('not http at all\r\n\r\n')));
  await refusedWith(httpOut(t).send(request_to(garbage)), 'connection_lost', true);
});

test('F-15 CF-25: a certificate that is self-signed, expired or of another name is refused before a byte leaves', async (t) => {
  const stranger = await createAuthority();
  const names = { lookup: () => Promise.resolve(['127.0.0.1']) };
  let requests = 0;
  for (const pair of [
    await stranger.issue({ name: 'receiver.example.com' }),
    await authority.issue({ name: 'other.example.com' }),
    await authority.issue({ name: 'receiver.example.com', expired: true }),
    await authority.issue({ name: 'receiver.example.com', client: true }),
  ]) {
    const server = await serveTls(t, pair, {}, (_, response) => {
      requests += 1;
      response.end();
    });
    for (const policy of ['webhook', 'channel'] as const) {
      await refusedWith(
        httpOut(t, {}, names.lookup).send({ ...webhook, policy, url: `https://receiver.example.com:${portOf(server)}/` }),
        'not_connected',
        false,
      );
    }
  }
  assert.equal(requests, 0);
});

test('F-15: TLS older than 1.2 is refused', async (t) => {
  const pair = await authority.issue({ name: 'receiver.example.com' });
  const server = await serveTls(t, pair, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }, (_, response) => response.end());
  const http = httpOut(t, {}, () => Promise.resolve(['127.0.0.1']));
  await refusedWith(http.send({ ...webhook, url: `https://receiver.example.com:${portOf(server)}/` }), 'not_connected', false);
});

test('each client certificate has connections of its own', async (t) => {
  const server = await serveTls(
    t,
    await authority.issue({ name: 'gateway.example.com' }),
    { requestCert: true, rejectUnauthorized: true, ca: authority.certificate_pem },
    (request, response) => response.end((request.socket as TLSSocket).getPeerCertificate().subject.CN),
  );
  const http = httpOut(t, {}, () => Promise.resolve(['127.0.0.1']));
  const url = `https://gateway.example.com:${portOf(server)}/`;
  const certificates = await Promise.all(['one', 'two'].map((name) => authority.issue({ name, client: true })));
  for (const name of ['one', 'two', 'one']) {
    const { certificate_pem, key_pem } = certificates[name === 'one' ? 0 : 1] as (typeof certificates)[number];
    const answer = await http.send({ ...webhook, policy: 'channel', url, client_certificate: { certificate_pem, key_pem: new Secret(key_pem) } });
    assert.equal(answer.body.toString(), name);
  }
  await assert.rejects(http.send({ ...webhook, policy: 'channel', url }), EgressError);
});

test('F-13: plain http of a channel reaches an opened address and no other', async (t) => {
  const server = await serve(t, (_, response) => response.end('ok'));
  const url = `http://gateway.example.com:${portOf(server)}/`;
  const opened = httpOut(t, {}, () => Promise.resolve(['127.0.0.1']));
  assert.equal((await opened.send({ ...webhook, policy: 'channel', url })).status, 200);
  const outside = httpOut(t, {}, () => Promise.resolve(['1.1.1.1']));
  await refusedWith(outside.send({ ...webhook, policy: 'channel', url }), 'refused_address', false);
});

test('a closed way out sends nothing', async (t) => {
  const server = await serve(t, (_, response) => response.end('ok'));
  const http = httpOut(t);
  await http.send(request_to(server));
  await http.close();
  await refusedWith(http.send(request_to(server)), 'not_connected', false);
  await http.close();
});

const webhook = { policy: 'webhook', method: 'POST', headers: {}, body: '{}', deadline_ms: 15_000, answer_bytes_max: 65_536 } as const satisfies Omit<
  HttpOutRequest,
  'url'
>;

const request_to = (server: Server | TcpServer, path = '/'): HttpOutRequest => ({ ...webhook, url: `http://127.0.0.1:${portOf(server)}${path}` });

type Cleaner = { after(clean: () => Promise<void>): void };

function httpOut(t: Cleaner, config: Partial<EgressConfig> = {}, lookup?: Lookup, clock: Clock = systemClock): HttpOut {
  const every_port = { includes: () => true } as unknown as readonly number[];
  const http = createHttpOut(
    { mode: 'sandbox', public_url: 'http://localhost', egress_allow: ['127.0.0.1/32'], webhook_allow_http: true, webhook_ports: every_port, ...config },
    clock,
    lookup,
  );
  t.after(() => http.close());
  return http;
}

function serve(t: Cleaner, listener: RequestListener, host = '127.0.0.1'): Promise<Server> {
  return listen(t, createServer(listener), host);
}

function serveTls(t: Cleaner, pair: { certificate_pem: string; key_pem: string }, options: TlsOptions, listener: RequestListener): Promise<Server> {
  return listen(t, createTlsServer({ cert: pair.certificate_pem, key: pair.key_pem, ...options }, listener) as unknown as Server, '127.0.0.1');
}

async function serveTcp(t: Cleaner, onConnection: Parameters<typeof createTcpServer>[1]): Promise<TcpServer> {
  const server = createTcpServer(onConnection);
  const sockets = new Set<import('node:net').Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    if (server.listening) {
      server.close();
      await once(server, 'close');
    }
  });
  return server;
}

async function listen(t: Cleaner, server: Server, host: string): Promise<Server> {
  server.listen(0, host);
  await once(server, 'listening');
  t.after(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return server;
}

const portOf = (server: Server | TcpServer): number => (server.address() as AddressInfo).port;

async function readAll(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

async function refusedWith(answer: Promise<HttpOutAnswer>, kind: EgressError['cause_kind'], sent: boolean): Promise<void> {
  await assert.rejects(answer, (error) => {
    assert.ok(error instanceof EgressError, String(error));
    assert.deepEqual({ kind: error.cause_kind, sent: error.sent }, { kind, sent }, error.message);
    return true;
  });
}
