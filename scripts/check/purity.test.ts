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
    ['const at = Date.now();', '1 asks for the time (Date.now())'],
    ['const at = performance.now();', '1 asks for the time (performance.now())'],
    ['const r = Math.random();', '1 asks for randomness (Math.random())'],
    ['const r = crypto.randomUUID();', '1 asks for randomness (randomUUID)'],
    ["import { randomBytes as b } from 'node:crypto';", '1 imports randomness (randomBytes)'],
    ['setTimeout(f, 1);', '1 sets a timer (setTimeout)'],
    ["import { setTimeout } from 'node:timers/promises';", '1 imports a clock (node:timers/promises)'],
    ["import { readFile } from 'node:fs/promises';", '1 imports node:fs/promises'],
    ["import http from 'node:http';", '1 imports node:http'],
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
    type P = Promise<number>;`;
  assert.deepEqual(found(source), []);
});

test('a service may wait, and may not ask the machine for time or randomness', () => {
  const source = 'async function f() { await g(); return Date.now(); }';
  assert.deepEqual(found(source, 'passed_in'), ['1 asks for the time (Date.now())']);
  assert.deepEqual(found(source, 'free'), []);
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
