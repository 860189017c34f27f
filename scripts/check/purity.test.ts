import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { findImpurities, type Role, roleOf } from './purity.ts';

const found = (source: string, role: Role = 'pure') => findImpurities(source, role).map(({ line, what }) => `${line} ${what}`);

describe('a pure file is reported when it', () => {
  const samples: readonly (readonly [string, string])[] = [
    ['async function f() {}', '1 is async'],
    ['const f = async () => 1;', '1 is async'],
    ['const f = async function () {};', '1 is async'],
    ['const o = { async f() {} };', '1 is async'],
    ['class A { async f() {} }', '1 is async'],
    ['// é\n\nexport const at = new Date();', '3 asks for the time (new Date())'],
    ['const at = Date.now();', '1 asks for the time (Date.now)'],
    ['const at = performance.now();', '1 asks for the time (performance)'],
    ['const r = Math.random();', '1 asks for randomness (Math.random)'],
    ['const r = crypto.randomUUID();', '1 asks for randomness (randomUUID)'],
    ["import { randomBytes as b } from 'node:crypto';", '1 imports randomness (randomBytes)'],
    ['setTimeout(f, 1);', '1 sets a timer (setTimeout)'],
    ["import { setTimeout } from 'node:timers/promises';", '1 imports a clock (node:timers/promises)'],
    ["import { readFile } from 'node:fs/promises';", '1 imports node:fs/promises'],
    ["import http from 'node:http';", '1 imports the network (node:http)'],
    ["import { request } from 'https';", '1 imports the network (https)'],
    ["import { isIP, connect } from 'node:net';", '1 imports the network (node:net)'],
    ["import * as tls from 'node:tls';", '1 imports the network (node:tls)'],
    ["import { createSocket } from 'node:dgram';", '1 imports the network (node:dgram)'],
    ["export { request } from 'node:http';", '1 imports the network (node:http)'],
    ["export * from 'node:timers';", '1 imports a clock (node:timers)'],
    ["import { setTimeout as wait } from 'timers/promises';", '1 imports a clock (timers/promises)'],
    ["import { setImmediate } from 'timers';", '1 imports a clock (timers)'],
    ["const load = () => import('node:http');", '1 imports the network (node:http)'],
    ["import { env } from 'node:process';", '1 looks at the process (node:process)'],
    ["import { randomUUID } from 'crypto';", '1 imports randomness (randomUUID)'],
    ["import { generateKeyPairSync } from 'node:crypto';", '1 imports randomness (generateKeyPairSync)'],
    ["import { generateKey as k } from 'node:crypto';", '1 imports randomness (generateKey)'],
    ["const k = crypto.subtle.generateKey({ name: 'Ed25519' }, true, []);", '1 asks for randomness (generateKey)'],
    ['const k = crypto.generateKeyPair;', '1 asks for randomness (generateKeyPair)'],
    ['const { randomUUID } = crypto;', '1 asks for randomness (randomUUID)'],
    ['const { randomBytes: r } = crypto;', '1 asks for randomness (randomBytes)'],
    ['const f = Date.now;', '1 asks for the time (Date.now)'],
    ["const f = Date['now'];", '1 asks for the time (Date.now)'],
    ['const at = Date?.now();', '1 asks for the time (Date.now)'],
    ['const at = Date();', '1 asks for the time (Date())'],
    ['const at = Date(0);', '1 asks for the time (Date())'],
    ['const D = Date;', '1 asks for the time (Date)'],
    ['const { now } = Date;', '1 asks for the time (Date)'],
    ['const f = (at = Date.now) => at;', '1 asks for the time (Date.now)'],
    ['const r = Math.random;', '1 asks for randomness (Math.random)'],
    ['const { random } = Math;', '1 asks for randomness (Math)'],
    ['const { now } = performance;', '1 asks for the time (performance)'],
    ['const t = process.hrtime();', '1 looks at the process'],
    ['const { hrtime } = process;', '1 looks at the process'],
    ['const p = new Pause(setImmediate);', '1 sets a timer (setImmediate)'],
    ['const later = { setTimeout };', '1 sets a timer (setTimeout)'],
    ['const s = AbortSignal.timeout(5);', '1 sets a timer (AbortSignal.timeout)'],
    ['const f = globalThis.fetch;', '1 goes past the ports (globalThis)'],
    ["const f = globalThis['fet' + 'ch'];", '1 goes past the ports (globalThis)'],
    ['const send = fetch;', '1 calls the network (fetch)'],
    ["new WebSocket('wss://example.com');", '1 calls the network (WebSocket)'],
    ['const v = process.env.X;', '1 looks at the process'],
    ["fetch('https://example.com');", '1 calls the network (fetch)'],
    ['new Promise(() => {});', '1 makes a promise'],
  ];
  for (const [source, expected] of samples) test(source.split('\n').at(-1) as string, () => assert.deepEqual(found(source), [expected]));
});

test('says nothing of words in comments and texts, of types, of given instants and of names that are declared', () => {
  const source = `
    import type { Readable } from 'node:stream';
    import { createHash } from 'node:crypto';
    // async process.env Date.now()
    const text = 'new Date() await setTimeout(1)';
    const at = new Date(0);
    const f = (fetch: () => number, process: { env: string }) => fetch() + process.env.length;
    const o = { fetch: 1, process: 2, Date: 3 };
    const is = (x: Date | typeof fetch) => x instanceof Date && o.fetch + Math.round(Date.UTC(2026, 0)) > Date.parse('2026');
    const both = (a: AbortSignal, b: AbortSignal) => AbortSignal.any([a, b]);
    import { isIP } from 'node:net';
    type P = Promise<number>;`;
  assert.deepEqual(found(source), []);
});

test('a service may wait, and may not ask the machine for time or randomness', () => {
  const source = 'async function f() { await g(); return Date.now(); }';
  assert.deepEqual(found(source, 'passed_in'), ['1 asks for the time (Date.now)']);
  assert.deepEqual(found(source, 'free'), []);
});

test('a port of one kind may do that alone', () => {
  const source = "import { createServer } from 'node:net';\nimport { generateKeyPair } from 'node:crypto';\nconst at = Date.now();";
  const whats = (path: string) => findImpurities(source, 'passed_in', path).map(({ line }) => line);
  assert.deepEqual(whats('server/platform/http/listeners.ts'), [2, 3]);
  assert.deepEqual(whats('server/channels/kit/gateway/keys.ts'), [1, 3]);
  assert.deepEqual(whats('server/payments/service.ts'), [1, 2, 3]);
});

test('gives every file its role by its path', () => {
  const roles: Readonly<Record<string, Role | undefined>> = {
    'contract/payments.ts': 'pure',
    'server/kernel/money.ts': 'pure',
    'server/payments/attempt.ts': 'pure',
    'server/payments/refunds/refund.ts': 'pure',
    'server/payments/service.ts': 'passed_in',
    'server/payments/refunds/store.ts': 'passed_in',
    'server/channels/newpay/wire.ts': 'pure',
    'server/channels/newpay/simulator/ledger.ts': 'passed_in',
    'server/channels/client.ts': 'passed_in',
    'server/platform/http/server.ts': 'passed_in',
    'server/platform/clock.ts': 'free',
    'server/payments/attempt.test.ts': 'free',
    'server/testing/ctx.ts': 'free',
    'docs/a.md': undefined,
  };
  for (const [path, role] of Object.entries(roles)) assert.equal(roleOf(path), role, path);
});
