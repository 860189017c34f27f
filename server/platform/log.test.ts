import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from '../kernel/secret.ts';
import { createTestClock } from '../testing/clock.ts';
import { createLog, type LogFields, type LogLevel } from './log.ts';

function aLog(level: LogLevel = 'debug') {
  const lines: string[] = [];
  const log = createLog(level, createTestClock(new Date('2026-11-22T01:02:03.004Z')), { write: (line) => lines.push(line) });
  return { log, lines, last: () => JSON.parse(lines.at(-1) as string) as Record<string, unknown> };
}

test('writes one line of JSON with the time of the clock, the level and the fields', () => {
  const { log, lines, last } = aLog();
  log.child({ request_id: 'req_1' }).info({ status: 200, cached: false, missing: undefined, none: null }, 'request');
  assert.deepEqual(last(), {
    level: 'info',
    time: '2026-11-22T01:02:03.004Z',
    request_id: 'req_1',
    status: 200,
    cached: false,
    none: null,
    message: 'request',
  });
  assert.equal(lines[0]?.split('\n').length, 2);
});

test('A-25 stays on one line whatever a text holds', () => {
  const { log, lines, last } = aLog();
  log.warn({ name: 'a\r\n{"level":"error"}\u001b[31m' }, 'b\nc');
  assert.equal(lines.join('').trimEnd().split(/\r|\n/).length, 1);
  assert.equal(last().name, 'a\r\n{"level":"error"}\u001b[31m');
});

test('J-03 has no way in for an object, a secret or a body, whatever its type says', () => {
  const { log, lines, last } = aLog();
  const smuggled = { secret: new Secret('canary-4711'), headers: { authorization: 'canary-4711' }, body: Buffer.from('canary-4711'), list: ['canary-4711'] };
  log.info(smuggled as unknown as LogFields, 'smuggled');
  assert.ok(!lines.join().includes('canary'));
  assert.equal(last().headers, '[not a plain value: not logged]');
});

test('of an error only its own words: not the rows, requests and headers that libraries hang on it', () => {
  const { log, lines, last } = aLog();
  const cause = Object.assign(new Error('duplicate key value'), { code: '23505', constraint: 'merchants_pkey', detail: 'Key (id)=(canary) already exists.' });
  log.error({ error: Object.assign(new TypeError('failed', { cause }), { request: { headers: 'canary' } }) }, 'request failed');
  assert.ok(!lines.join().includes('canary'));
  const error = last().error as Record<string, Record<string, unknown>>;
  assert.deepEqual([error.name, error.message, error.cause?.code, error.cause?.constraint], ['TypeError', 'failed', '23505', 'merchants_pkey']);
  assert.match(String(error.stack), /log\.test\.ts/);
});

test('cuts a text that is too long and says so', () => {
  const { log, last } = aLog();
  log.info({ excerpt: 'x'.repeat(5000) }, 'long');
  assert.match(String(last().excerpt), /^x{2000}… \(5000 characters\)$/);
});

test('leaves out what is below its level', () => {
  const { log, lines } = aLog('warn');
  log.debug({}, 'a');
  log.info({}, 'b');
  log.warn({}, 'c');
  assert.equal(lines.length, 1);
});
