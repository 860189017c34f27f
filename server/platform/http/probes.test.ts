import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTestServer } from './test-server.ts';

test('is ready while the database answers and nothing else keeps it', async () => {
  let problem: string | undefined;
  const t = await startTestServer({ notReady: () => Promise.resolve(problem) });
  try {
    assert.deepEqual((await t.send('GET', '/readyz')).body, { status: 'ready' });
    problem = 'migrations are not done';
    const answer = await t.send('GET', '/readyz');
    assert.deepEqual([answer.status, answer.body], [503, { status: 'not_ready', problem }]);
    assert.deepEqual((await t.send('GET', '/healthz')).body, { status: 'ok' });
  } finally {
    await t.close();
  }
});

test('is alive but not ready without a database, and does not say why to strangers', async () => {
  const t = await startTestServer();
  await t.ctx.db.close();
  const answer = await t.send('GET', '/readyz');
  assert.deepEqual([answer.status, answer.body], [503, { status: 'not_ready', problem: 'the database cannot be reached' }]);
  assert.equal((await t.send('GET', '/healthz')).status, 200);
  await t.server.stop(0);
  await t.close().catch(() => {});
});

test('is not ready when the database does not answer in time', async () => {
  const t = await startTestServer({ notReady: () => new Promise(() => {}) });
  const asked = t.send('GET', '/readyz');
  for (let turn = 0; t.clock.sleepers() === 0 && turn < 100_000; turn++) await new Promise((resolve) => setImmediate(resolve));
  t.clock.advance(2_000);
  assert.deepEqual((await asked).body, { status: 'not_ready', problem: 'the database does not answer' });
  await t.close();
});

test('shows metrics to this machine, and to nobody for whom a proxy speaks', async () => {
  const t = await startTestServer();
  try {
    await t.send('GET', '/v1/payments?limit=5');
    const { status, text, headers } = await t.send('GET', '/metrics');
    assert.equal(status, 200);
    assert.match(headers.get('content-type') ?? '', /^text\/plain/);
    assert.match(text, /heliu_http_requests_total\{method="GET",route="\/v1\/payments",status="200"\} 1/);
    assert.match(text, /heliu_http_requests_in_flight 0/);
    for (const header of ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip'])
      assert.equal((await t.send('GET', '/metrics', { headers: { [header]: '127.0.0.1' } })).status, 404, header);
  } finally {
    await t.close();
  }
});

test('probes are logged below info', async () => {
  const t = await startTestServer();
  await t.send('GET', '/healthz');
  await t.send('GET', '/v1/payments');
  await t.close();
  assert.deepEqual(
    t.log_lines.filter((line) => line.message === 'request').map((line) => [line.route, line.level]),
    [
      ['/healthz', 'debug'],
      ['/v1/payments', 'info'],
    ],
  );
});
