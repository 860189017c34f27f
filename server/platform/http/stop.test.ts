import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { examples } from '@heliu/contract';
import { startTestServer } from './test-server.ts';

const list = examples.list_payments?.response;

/** A handler that waits until it is told, and says how many wait. */
function gate() {
  const waiting: (() => void)[] = [];
  return { handle: () => new Promise((resolve) => waiting.push(() => resolve(list))), waiting, open: () => waiting.splice(0).forEach((go) => void go()) };
}
/** Turns of the event loop until something is so; fails when it never is. */
async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 100_000; turn++) {
    if (condition()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.fail('it never came to be');
}

test('beyond the limit of requests under way the newcomer is refused at once, and let in when there is room', async () => {
  const { handle, waiting, open } = gate();
  const t = await startTestServer({ handle, in_flight_max: 2 });
  try {
    const inside = [t.send('GET', '/v1/payments'), t.send('GET', '/v1/payments')];
    await until(() => waiting.length === 2);
    const refused = await t.send('GET', '/v1/payments');
    assert.equal(refused.status, 503);
    assert.equal(refused.headers.get('retry-after'), '1');
    assert.deepEqual((refused.body as { error: { code: string; retryable: boolean } }).error.code, 'overloaded');
    assert.equal((await t.send('GET', '/healthz')).status, 200);
    open();
    assert.deepEqual(
      (await Promise.all(inside)).map(({ status }) => status),
      [200, 200],
    );
    const again = t.send('GET', '/v1/payments');
    await until(() => waiting.length === 1);
    open();
    assert.equal((await again).status, 200);
  } finally {
    await t.close();
  }
});

test('a caller who hangs up makes no room while the work for it goes on', async () => {
  const { handle, waiting, open } = gate();
  const t = await startTestServer({ handle, in_flight_max: 1 });
  try {
    const hanging_up = new AbortController();
    const aborted = assert.rejects(fetch(`${t.url}/v1/payments`, { signal: hanging_up.signal }));
    await until(() => waiting.length === 1);
    hanging_up.abort();
    await aborted;
    await until(() => t.log_lines.some((line) => line.status === 499));
    assert.equal((await t.send('GET', '/v1/payments')).status, 503);
    open();
    const after = t.send('GET', '/v1/payments');
    await until(() => waiting.length === 1);
    open();
    assert.equal((await after).status, 200);
  } finally {
    await t.close();
  }
});

test('L-17 a stop takes no connection, serves what comes over one that was there, and then closes', async () => {
  const { handle, waiting, open } = gate();
  const t = await startTestServer({ handle });
  const inside = t.send('GET', '/v1/payments');
  await until(() => waiting.length === 1);
  const { hostname, port } = new URL(t.url);
  const kept = connect({ host: hostname, port: Number(port) });
  await once(kept, 'connect');
  kept.write('GET /v1/payments HTTP/1.1\r\nhost: heliu\r\n');
  // A turn later the server has read that.
  await t.send('GET', '/healthz');
  const stopped = t.server.stop();
  await assert.rejects(fetch(`${t.url}/healthz`));
  kept.write('\r\n');
  await until(() => waiting.length === 2);
  open();
  const answer = await inside;
  assert.deepEqual([answer.status, answer.body], [200, list]);
  const said = Buffer.concat(await kept.toArray()).toString('utf8');
  assert.match(said, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(said, /\r\nconnection: close\r\n/i);
  await stopped;
  assert.equal(t.clock.sleepers(), 0);
  await t.close();
});

test('a stop does not wait beyond its deadline', async () => {
  const { handle, waiting, open } = gate();
  const t = await startTestServer({ handle });
  const cut_off = assert.rejects(t.send('GET', '/v1/payments'));
  await until(() => waiting.length === 1);
  const stopped = t.server.stop(5_000);
  t.clock.advance(5_000);
  await cut_off;
  open();
  await stopped;
  assert.ok(t.log_lines.some((line) => line.level === 'warn' && line.in_flight === 1));
  await t.close();
});
