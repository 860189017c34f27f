import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOwnPage } from './guard.ts';

const public_url = 'https://pay.example.cn';
const cases: [promise: string, from: { host?: string; origin?: string; fetch_site?: string }, allowed: boolean][] = [
  ['answers a page of the public URL', { host: 'pay.example.cn', origin: 'https://pay.example.cn', fetch_site: 'same-origin' }, true],
  ['answers a page on loopback', { host: '127.0.0.1:7410', origin: 'http://127.0.0.1:7410', fetch_site: 'same-origin' }, true],
  ['answers a page on localhost', { host: 'LOCALHOST:7410', origin: 'http://localhost:7410' }, true],
  ['answers a page on IPv6 loopback', { host: '[::1]:7410', origin: 'http://[::1]:7410' }, true],
  ['answers the address bar', { host: 'localhost:7410', fetch_site: 'none' }, true],
  ['answers a caller that is no browser', { host: 'localhost:7410' }, true],
  [
    'refuses a name that was pointed at this machine (DNS rebinding)',
    { host: 'evil.example:7410', origin: 'http://evil.example:7410', fetch_site: 'same-origin' },
    false,
  ],
  ['refuses a name that begins like loopback', { host: '127.0.0.1.evil.example', origin: 'http://127.0.0.1.evil.example' }, false],
  ['refuses another website', { host: 'localhost:7410', origin: 'https://evil.example', fetch_site: 'cross-site' }, false],
  ['refuses another port of the same machine', { host: 'localhost:7410', origin: 'http://localhost:3000', fetch_site: 'same-site' }, false],
  ['refuses a GET that another website embeds', { host: 'localhost:7410', fetch_site: 'cross-site' }, false],
  ['refuses an opaque origin', { host: 'localhost:7410', origin: 'null' }, false],
  ['refuses a request without Host', { origin: 'http://localhost:7410' }, false],
  ['refuses a Host that is none', { host: 'local host' }, false],
];
for (const [promise, from, allowed] of cases) {
  test(promise, () => assert.equal(isOwnPage({ host: from.host, origin: from.origin, fetch_site: from.fetch_site }, public_url), allowed));
}
