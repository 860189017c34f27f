import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge, type SendResult } from './verdict.ts';

const now = new Date('2026-11-22T02:00:00Z');
const answer = (status: number, body: string | Buffer = '', headers: Record<string, string> = {}): SendResult => ({
  is: 'answer',
  status,
  headers,
  body: Buffer.from(body),
});

test('2xx is delivered, 410 is gone, everything else failed', () => {
  for (const status of [200, 201, 202, 204, 299]) assert.equal(judge(answer(status), now).is, 'delivered');
  assert.equal(judge(answer(410), now).is, 'gone');
  for (const status of [101, 301, 302, 307, 308, 400, 401, 404, 409, 429, 500, 502, 503]) assert.equal(judge(answer(status), now).is, 'failed');
});

test('only a receiver in trouble counts against its health', () => {
  const unhealthy = (result: SendResult) => {
    const verdict = judge(result, now);
    return verdict.is === 'failed' && verdict.unhealthy;
  };
  for (const status of [408, 429, 500, 502, 503]) assert.equal(unhealthy(answer(status)), true, `${status}`);
  for (const status of [301, 400, 401, 404, 409, 422]) assert.equal(unhealthy(answer(status)), false, `${status}`);
  for (const cause of ['refused_address', 'not_connected', 'timeout', 'connection_lost', 'answer_too_large'] as const)
    assert.equal(unhealthy({ is: 'no_answer', cause }), true);
});

test('Retry-After of a failure is read', () => {
  const verdict = judge(answer(503, '', { 'retry-after': '90' }), now);
  assert.equal(verdict.is === 'failed' && verdict.retry_after_ms, 90_000);
});

const excerpts: readonly (readonly [body: string | Buffer, error: string])[] = [
  ['', 'HTTP 500'],
  ['  \r\n ', 'HTTP 500'],
  ['Internal Server Error\n', 'HTTP 500: Internal Server Error'],
  ['系统错误', 'HTTP 500: 系统错误'],
  ['a\u0000b\u001b[31mc\u202Ed\u200Be\u2028f', 'HTTP 500: a b [31mc d e f'],
  [Buffer.from([0xff, 0xfe, 0x41]), 'HTTP 500: A'],
  ['x'.repeat(10_000), `HTTP 500: ${'x'.repeat(200)}`],
  ['😀'.repeat(300), `HTTP 500: ${'😀'.repeat(200)}`],
];
for (const [body, error] of excerpts) {
  test(`F-09: shows ${JSON.stringify(body.toString().slice(0, 30))} as plain text of limited length`, () => {
    const verdict = judge(answer(500, body), now);
    assert.equal(verdict.is === 'failed' && verdict.error, error);
  });
}

test('F-05 F-14: a redirect and a missing answer are told in fixed words', () => {
  const redirect = judge(answer(302, 'inside secret'), now);
  assert.equal(redirect.is === 'failed' && redirect.error, 'HTTP 302: redirects are not followed.');
  const refused = judge({ is: 'no_answer', cause: 'refused_address' }, now);
  assert.equal(refused.is === 'failed' && refused.error, 'The URL leads to an address that may not be called.');
});
