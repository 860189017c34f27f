import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type TestCtx, testCtx } from '@heliu/server/testing/ctx.ts';
import { writeBooks } from '@heliu/server/verify/testing/books.ts';
import type { Io } from './io.ts';
import { heliu } from './testing.ts';

let node: TestCtx;
let io: Partial<Io>;
let directory: string;
const payments = 100;

before(async () => {
  // The command judges by the clock of its machine.
  node = await testCtx({ start: new Date() });
  await node.ctx.db.kysely.transaction().execute((tx) => writeBooks(tx, { payments, merchants: 1, now: node.clock.now(), step_ms: 1_000 }));
  directory = mkdtempSync(join(tmpdir(), 'heliu-cli-verify-'));
  io = { cwd: directory, env: { HELIU_DATABASE_URL: node.ctx.config.database_url.expose(), HELIU_MASTER_KEY: randomBytes(32).toString('base64') } };
});
after(async () => {
  rmSync(directory, { recursive: true });
  await node.close();
});

const run = (text: string) => node.ctx.db.run({ name: text.slice(0, 60), text }, []);

/** Breaks the books for the time of a test. */
async function broken(work: () => Promise<void>): Promise<void> {
  await run("update payments set refund_count = refund_count + 7 where state = 'closed'");
  try {
    await work();
  } finally {
    await run("update payments set refund_count = refund_count - 7 where state = 'closed'");
  }
}

test('verify ends with 0 where every rule holds, and says how many there were', async () => {
  const ran = await heliu(['verify'], io);
  assert.equal(ran.code, 0, ran.out + ran.err);
  assert.match(ran.out, /^(\d+) rules: \1 hold, 0 violated by 0 rows, 0 unknown; [\d.]+ s\n$/);
});

test('verify ends with 1 and tells each row with its ids, and what to do, in the language asked for', () =>
  broken(async () => {
    const english = await heliu(['verify', '--rule', 'I-11'], io);
    assert.equal(english.code, 1);
    assert.match(english.out, /^I-11\.2 {2}severity 1 {2}the refund amounts/);
    assert.match(english.out, /What to do: Look the refund up/);
    assert.equal(english.out.match(/merchant_id=mer_\w{26} {2}payment_id=pay_\w{26}/g)?.length, 11);
    assert.match(english.out, /4 rules: 3 hold, 1 violated by 11 rows, 0 unknown/);
    const chinese = await heliu(['verify', '--rule', 'I-11.2', '--lang', 'zh'], io);
    assert.match(chinese.out, /1 级 [\s\S]*怎么办：在渠道平台[\s\S]*1 条被 11 行违反/);
  }));

test('verify --json writes a line for each row and one for the whole', () =>
  broken(async () => {
    const ran = await heliu(['verify', '--json'], io);
    const lines = ran.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, never>);
    assert.equal(lines.length, 12);
    assert.deepEqual(Object.keys(lines[0] ?? {}), ['rule', 'severity', 'title', 'remedy', 'row']);
    const { summary } = lines.at(-1) as {
      summary: { violations: number; unknown: number; violated: number; results: { rule: string; state: string }[] };
    } & object;
    assert.deepEqual([ran.code, summary.violations, summary.violated, summary.unknown], [1, 11, 1, 0]);
    assert.deepEqual(
      summary.results.filter(({ state }) => state === 'violated').map(({ rule }) => rule),
      ['I-11.2'],
    );
  }));

test('verify --since looks at what was touched since', () =>
  broken(async () => {
    assert.equal((await heliu(['verify', '--since', '1d', '--rule', 'I-11.2'], io)).code, 1);
    const later = new Date(Date.now() + 86_400_000).toISOString();
    const ran = await heliu(['verify', '--since', later, '--rule', 'I-11.2'], io);
    assert.equal(ran.code, 0, ran.out);
    assert.match(ran.out, new RegExp(`touched since ${later}, 1 rules: 1 hold`));
  }));

test('verify ends with 2 where a rule could not finish, and where there is nothing to look at', async () => {
  await run('alter table payments rename column refund_count to refunds_counted');
  try {
    const ran = await heliu(['verify', '--rule', 'I-11'], io);
    assert.equal(ran.code, 2);
    assert.match(ran.out, /I-11\.2 {2}could not be finished[\s\S]*refund_count[\s\S]*3 hold, 0 violated by 0 rows, 1 unknown/);
  } finally {
    await run('alter table payments rename column refunds_counted to refund_count');
  }
  const nowhere = { ...io, env: { ...io.env, HELIU_DATABASE_URL: 'postgresql://heliu:none@127.0.0.1:1/none' } };
  const ran = await heliu(['verify'], nowhere);
  assert.equal(ran.code, 2);
  assert.match(ran.err, /^The books could not be verified: .*ECONNREFUSED/);
  const empty = await heliu(['verify', '--json'], { ...io, env: { HELIU_MASTER_KEY: io.env?.HELIU_MASTER_KEY } });
  assert.equal(empty.code, 2);
  assert.match(empty.err, /there is no database/);
});

test('verify refuses a rule and a time that are none', async () => {
  for (const wrong of [
    ['--rule', 'I-1'],
    ['--since', 'yesterday'],
  ]) {
    const ran = await heliu(['verify', ...wrong], io);
    assert.equal(ran.code, 2);
    assert.notEqual(ran.err, '');
  }
});
