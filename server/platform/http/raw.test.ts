import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { startTestServer, type TestServer } from './test-server.ts';

let t: TestServer;
before(async () => {
  t = await startTestServer();
});
after(() => t.close());

/** Says something on a connection and hears until it is closed. */
const talk = (text: string) =>
  new Promise<string>((resolve, reject) => {
    let heard = '';
    const socket = connect(Number(new URL(t.url).port), '127.0.0.1', () => socket.write(text));
    socket.setEncoding('utf8').on('data', (data) => {
      heard += data;
    });
    socket.on('close', () => resolve(heard)).on('error', reject);
  });

test('A-17: what is not HTTP, or is HTTP that two readers would take apart differently, is answered with 400 and the connection is closed', async () => {
  for (const text of [
    'nonsense\r\n\r\n',
    'POST /v1/payments HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /v1/payments HTTP/1.1\r\nHost: a\r\n\r\n',
    'POST /v1/payments HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n',
    'GET /v1/payments HTTP/1.1\r\nHost: a\r\nX: a\u0000b\r\n\r\n',
    'GET /v1/payments HTTP/1.1\r\n\r\n',
    'GET /v1/payments HTTP/1.1\r\n\r\nGET /v1/payments HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET /v1/payments HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\nGET /v1/payments HTTP/1.1\r\nHost: a\r\n\r\n',
  ]) {
    const heard = await talk(text);
    assert.match(heard, /^HTTP\/1\.1 400 /, JSON.stringify(text));
    assert.equal(heard.split('HTTP/1.1 ').length - 1, 1, 'one answer, and nothing smuggled behind it');
  }
  assert.equal(t.calls.length, 0);
});

test('A-17: a request target that is not a path of ours is no endpoint', async () => {
  for (const target of ['http://evil.example/v1/payments', '*', '/v1/payments#x', '/v1/payments#x?limit=1', '/v1/payments;limit=1']) {
    const heard = await talk(`GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    assert.match(heard, /^HTTP\/1\.1 404 [\s\S]*"route_unknown"/, target);
  }
  assert.equal(t.calls.length, 0);
});

test('a probe of HTTP/1.0 needs no Host', async () => {
  assert.match(await talk('GET /healthz HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 200 /);
});

test('A-16: headers beyond what Node takes are refused with 431', async () => {
  const heard = await talk(`GET /v1/payments HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`);
  assert.match(heard, /^HTTP\/1\.1 431 /);
});
