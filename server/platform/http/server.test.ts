import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { examples, type Operation, operations } from '@heliu/contract';
import { Secret } from '../../kernel/secret.ts';
import { freePort } from '../../testing/installation.ts';
import { createDb } from '../db/db.ts';
import { createPool } from '../db/pool.ts';
import { createMetrics } from '../metrics.ts';
import { startTestServer, type TestServer } from './test-server.ts';

let t: TestServer;
before(async () => {
  t = await startTestServer();
});
after(() => t.close());

const pathOf = (operation: Operation) =>
  operation.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(examples[operation.id]?.params?.[name] ?? '')) +
  (examples[operation.id]?.query
    ? `?${new URLSearchParams(Object.entries(examples[operation.id]?.query ?? {}).map(([k, v]): [string, string] => [k, String(v)]))}`
    : '');

test('every operation of the contract takes its example and gives it back whole', async () => {
  for (const operation of operations as readonly Operation[]) {
    const example = examples[operation.id];
    const answer = await t.send(operation.method, pathOf(operation), example?.body === undefined ? {} : { json: example.body });
    assert.equal(answer.status, operation.status, `${operation.id}: ${answer.text}`);
    assert.deepEqual(answer.body, example?.response, operation.id);
    assert.equal(answer.headers.get('content-type'), 'application/json; charset=utf-8');
  }
});

test('every answer names its request, and a request id from outside is not taken', async () => {
  const good = await t.send('GET', '/v1/payments', { headers: { 'request-id': 'req_mine', 'x-request-id': 'req_mine' } });
  assert.match(good.headers.get('request-id') ?? '', /^req_[0-9A-Z]{26}$/);
  const bad = await t.send('GET', '/v1/payments?limit=0');
  assert.equal((bad.body as { error: { request_id: string } }).error.request_id, bad.headers.get('request-id'));
  assert.notEqual(good.headers.get('request-id'), bad.headers.get('request-id'));
});

test('every answer carries the safe headers', async () => {
  for (const path of ['/v1/payments', '/nowhere', '/healthz', '/docs']) {
    const { headers } = await t.send('GET', path);
    assert.equal(headers.get('x-content-type-options'), 'nosniff', path);
    assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'/, path);
    assert.equal(headers.get('referrer-policy'), 'no-referrer', path);
    assert.equal(headers.get('x-powered-by'), null);
  }
  assert.equal((await t.send('GET', '/v1/payments')).headers.get('cache-control'), 'no-store');
});

test('unknown paths and methods are refused in the form of every error', async () => {
  const unknown = await t.send('GET', '/v1/nothing');
  assert.equal(unknown.status, 404);
  assert.deepEqual(unknown.body, {
    error: {
      code: 'route_unknown',
      message: 'There is no such endpoint.',
      message_zh: '接口不存在。',
      request_id: unknown.headers.get('request-id'),
      doc_url: 'http://127.0.0.1/docs#error-route_unknown',
      retryable: false,
    },
  });
  for (const [method, path, allow] of [
    ['DELETE', '/v1/payments', 'GET, POST'],
    ['PUT', '/v1/payments/pay_01JD0000000000000000000000', 'GET'],
    ['GET', '/v1/payments/pay_01JD0000000000000000000000/close', 'POST'],
    ['PATCH', '/v1/refunds?x=1', 'GET, POST'],
  ] as const) {
    const answer = await t.send(method, path);
    assert.equal(answer.status, 405, path);
    assert.equal(answer.headers.get('allow'), allow);
    assert.equal((answer.body as { error: { code: string } }).error.code, 'method_not_allowed');
  }
  for (const path of ['/V1/payments', '//v1/payments', '/v1/payments/%zz', `/v1/payments/${'a'.repeat(300)}`]) {
    const answer = await t.send('GET', path);
    assert.equal(answer.status, 404, path);
    assert.equal((answer.body as { error: { code: string } }).error.code, 'route_unknown', path);
  }
});

test('A-23: nothing is built from Host or forwarding headers of a caller who is not a trusted proxy', async () => {
  t.log_lines.length = 0;
  const answer = await t.send('GET', '/v1/nothing', {
    headers: { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https', 'x-real-ip': '203.0.113.9' },
  });
  assert.ok(!answer.text.includes('evil'));
  await lineOf(answer.headers.get('request-id'));
  assert.equal(t.log_lines.find((line) => line.request_id === answer.headers.get('request-id'))?.ip, '127.0.0.1');
});

test('A-25: one line of log for each request, whatever it holds, and no field of its own', async () => {
  t.log_lines.length = 0;
  const evil = 'x\r\n{"level":"info","message":"forged"}\u001b[31m';
  const answer = await t.send('POST', '/v1/payments', { json: { [evil]: evil, merchant_order_no: evil } });
  await lineOf(answer.headers.get('request-id'));
  assert.equal(t.log_lines.length, 1);
  const { time: _time, duration_ms: _duration, ...line } = t.log_lines[0] as Record<string, unknown>;
  assert.deepEqual(line, {
    level: 'info',
    message: 'request',
    request_id: answer.headers.get('request-id'),
    method: 'POST',
    route: '/v1/payments',
    status: 400,
    merchant_id: 'mer_01KAK000000000000000000000',
    api_key_id: 'key_01KAK000000000000000000000',
    error: 'parameter_missing',
    ip: '127.0.0.1',
  });
});

/** The line is written when the connection has taken the answer, a moment after the client has it. */
async function lineOf(request_id: string | null): Promise<void> {
  for (let turn = 0; turn < 1000 && !t.log_lines.some((line) => line.request_id === request_id); turn++) await new Promise((resolve) => setImmediate(resolve));
}

test('a bug becomes internal_error: the caller gets the request id, the log has the story, and nothing of it leaks', async () => {
  const other = await startTestServer({
    handle: () => Promise.reject(new Error('password of the database is hunter2')),
  });
  try {
    const answer = await other.send('GET', '/v1/payments');
    assert.equal(answer.status, 500);
    assert.ok(!answer.text.includes('hunter2'));
    const { error } = answer.body as { error: Record<string, unknown> };
    assert.deepEqual([error.code, error.retryable], ['internal_error', true]);
    const story = other.log_lines.find((line) => line.level === 'error');
    assert.equal(story?.request_id, error.request_id);
    assert.match(JSON.stringify(story), /hunter2/);
  } finally {
    await other.close();
  }
});

test('a database that cannot be reached is unavailable: no bug, and worth another try', async () => {
  const nowhere = new Secret(`postgresql://nobody@127.0.0.1:${await freePort()}/none`);
  const away = createDb(
    createPool({ database_url: nowhere, pool_max: 1, log: t.ctx.log, application_name: 'heliu-away' }),
    createMetrics({ process_metrics: false }),
  );
  const other = await startTestServer({ handle: () => away.run({ name: 'test_one', text: 'select 1' }, []) });
  try {
    const answer = await other.send('GET', '/v1/payments');
    const { error } = answer.body as { error: Record<string, unknown> };
    assert.deepEqual([answer.status, error.code, error.retryable], [503, 'unavailable', true]);
    assert.equal(answer.headers.get('retry-after'), '1');
    assert.ok(other.log_lines.some((line) => line.level === 'error' && line.request_id === error.request_id));
  } finally {
    await other.close();
    await away.close();
  }
});

test('an answer that does not have the fields of its schema is a bug, and fields beyond it never leave', async () => {
  const payment = examples.retrieve_payment?.response as Record<string, unknown>;
  const { id: _id, ...without_id } = payment;
  const answers = [{ ...payment, secret_sealed: 'leak' }, without_id];
  const other = await startTestServer({ handle: () => Promise.resolve(answers.shift()) });
  try {
    const path = pathOf(operations.find(({ id }) => id === 'retrieve_payment') as Operation);
    assert.deepEqual((await other.send('GET', path)).body, payment);
    assert.equal((await other.send('GET', path)).status, 500);
  } finally {
    await other.close();
  }
});

test('a frozen reply is sent byte for byte', async () => {
  const body = '{ "frozen":  true,\n"order": ["kept"] }';
  const other = await startTestServer({ handle: () => Promise.resolve({ frozen: { status: 409, body } }) });
  try {
    const answer = await other.send('POST', pathOf(operations.find(({ id }) => id === 'sync_payment') as Operation));
    assert.deepEqual([answer.status, answer.text, answer.headers.get('content-type')], [409, body, 'application/json; charset=utf-8']);
  } finally {
    await other.close();
  }
});

test('a key without the scope of an operation is refused before its input is read', async () => {
  const other = await startTestServer({ scopes_allowed: ['payments:read'] });
  try {
    const answer = await other.send('POST', '/v1/payments', { json: { nonsense: 1 } });
    assert.deepEqual([answer.status, (answer.body as { error: { code: string } }).error.code], [403, 'scope_missing']);
    assert.equal((await other.send('GET', '/v1/payments')).status, 200);
    assert.equal(other.calls.length, 1);
  } finally {
    await other.close();
  }
});
