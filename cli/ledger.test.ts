import assert from 'node:assert/strict';
import { createHash, createPublicKey, randomBytes, verify } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { projectBatch } from '@heliu/server/ledger/projection/service.ts';
import { commitEvents, newStory, paid, refunded } from '@heliu/server/ledger/testing/events.ts';
import { createMerchant } from '@heliu/server/merchants/service.ts';
import { priceBooks } from '@heliu/server/pricing/service.ts';
import { type TestCtx, testCtx } from '@heliu/server/testing/ctx.ts';
import { createTestRng } from '@heliu/server/testing/rng.ts';
import type { Io } from './io.ts';
import { heliu } from './testing.ts';

let node: TestCtx;
let directory: string;
let io: Partial<Io>;
let merchant: string;
const rng = createTestRng('cli ledger');

before(async () => {
  node = await testCtx({ start: new Date('2026-11-01T04:00:00Z') });
  directory = mkdtempSync(join(tmpdir(), 'heliu-cli-'));
  io = {
    cwd: directory,
    env: {
      HELIU_DATABASE_URL: node.ctx.config.database_url.expose(),
      HELIU_MASTER_KEY: node.ctx.config.master_key?.expose() ?? randomBytes(32).toString('base64'),
    },
  };
  const { id, code } = await createMerchant(node.ctx, { name: '茶馆' });
  merchant = code;
  const story = { ...newStory(rng, node.clock.now()), merchant_id: id };
  const payment = paid(story, rng, { amount_fen: 10_000, at: new Date('2026-11-01T04:00:00Z') });
  refunded(story, rng, payment, { amount_fen: 2_500, at: new Date('2026-11-02T04:00:00Z') });
  await commitEvents(node.ctx, story);
  const turn = { after: '' };
  while ((await projectBatch(node.ctx, priceBooks, { turn, books_max: 1, events_max: 10 })) !== 'nothing');
});
after(async () => {
  rmSync(directory, { recursive: true });
  await node.close();
});

async function done<T>(...args: string[]): Promise<T> {
  const ran = await heliu([...args, '--json'], io);
  assert.equal(ran.code, 0, ran.err);
  return ran.json() as T;
}

describe('ledger', () => {
  test('trial-balance shows both sides and that they agree', async () => {
    const { trial } = await done<{ trial: object[] }>('ledger', 'trial-balance');
    assert.deepEqual(trial, [{ currency: 'CNY', debit_fen: 12_500, credit_fen: 12_500, balanced: true }]);
    const shown = await heliu(['ledger', 'trial-balance', '--lang', 'zh'], io);
    assert.match(shown.out, /应收渠道 +100\.00 +25\.00 +75\.00\n[\s\S]*结果 +平衡/);
    assert.deepEqual((await done<{ trial: object[] }>('ledger', 'trial-balance', '--test')).trial, []);
  });

  test('balances are those of a day or an instant, of one merchant and mode', async () => {
    const due = async (...args: string[]) => {
      const balances = await done<{ account: string; balance_fen: number }[]>('ledger', 'balances', '--merchant', merchant, ...args);
      return balances.find(({ account }) => account === 'merchant_due')?.balance_fen;
    };
    assert.deepEqual(
      [await due('--live'), await due('--live', '--through', '2026-11-01'), await due('--live', '--at', '2026-11-02T03:59:59Z'), await due()],
      [-7_500, -10_000, -10_000, undefined],
    );
  });

  test('postings are listed, one is reversed once, and the book is closed', async () => {
    const [refund, payment] = await done<{ id: string; kind: string }[]>('ledger', 'postings', '--merchant', merchant, '--live');
    assert.deepEqual([refund?.kind, payment?.kind], ['refund', 'payment']);
    const reverse = ['ledger', 'reverse', refund?.id as string, '--merchant', merchant, '--live', '--reason', '测试'];
    assert.equal((await done<{ reverses_id: string }>(...reverse)).reverses_id, refund?.id);
    assert.equal((await heliu(reverse, io)).code, 3);
    const close = ['ledger', 'close', '--merchant', merchant, '--live', '--through', '2026-11-01'];
    assert.deepEqual((await done<{ closed_through: string }>(...close)).closed_through, '2026-11-01');
    assert.equal((await heliu(close, io)).code, 3);
    assert.equal((await heliu(['ledger', 'close', '--merchant', merchant, '--through', 'yesterday'], io)).code, 2);
  });

  test('post-status says how far the books are, and replay that they say what the events say', async () => {
    assert.deepEqual(
      (await done<{ behind: number; position: number }[]>('ledger', 'post-status', '--merchant', merchant)).map(({ behind, position }) => [behind, position]),
      [[0, 2]],
    );
    assert.equal((await done<{ difference_count: number }>('ledger', 'replay', '--merchant', merchant, '--live')).difference_count, 0);
  });
});

describe('price', () => {
  test('is set by options or from a file, and listed', async () => {
    await done('price', 'set', '--merchant', merchant, '--live', '--rate-ppm', '6000', '--min', '1');
    writeFileSync(join(directory, 'terms.json'), JSON.stringify({ tiers: [{ rate_ppm: 3_800 }, { from_fen: 100_000_000, rate_ppm: 2_000 }] }));
    await done('price', 'set', '--merchant', merchant, '--live', '--method', 'alipay_qr', '--terms', 'terms.json', '--from', '2099-01-01T00:00:00+08:00');
    const listed = await done<{ method: string | null; terms: { tiers: { rate_ppm: number }[] } }[]>('price', 'list', '--merchant', merchant);
    assert.deepEqual(
      listed.map(({ method, terms }) => [method, terms.tiers.map(({ rate_ppm }) => rate_ppm)]),
      [
        ['alipay_qr', [3_800, 2_000]],
        [null, [6_000]],
      ],
    );
    const shown = await heliu(['price', 'list', '--merchant', merchant], io);
    assert.match(shown.out, /alipay_qr/);
  });

  test('is refused by the part that is wrong', async () => {
    const wrong = await heliu(['price', 'set', '--merchant', merchant, '--rate-ppm', '1000001'], io);
    assert.equal(wrong.code, 3);
    assert.match(wrong.err, /terms\.tiers\[0\]\.rate_ppm/);
    writeFileSync(join(directory, 'bad.json'), '{');
    assert.equal((await heliu(['price', 'set', '--merchant', merchant, '--terms', 'bad.json'], io)).code, 2);
  });
});

test('statement margin lists what is left of the price', async () => {
  const period = ['--from', '2026-11-01', '--through', '2026-11-02'];
  assert.deepEqual(await done('statement', 'margin', '--merchant', merchant, '--live', ...period), []);
  assert.equal((await heliu(['statement', 'margin', '--merchant', merchant, '--from', '2026-11-02', '--through', '2026-11-01'], io)).code, 3);
});

test('statement save writes the table that the name of the file says, and none under the name of the other', async () => {
  const of = ['--merchant', merchant, '--live'];
  const { id } = await done<{ id: string }>('statement', 'make', ...of, '--from', '2026-11-01', '--through', '2026-11-02');
  const start = async (file: string, ...more: string[]) => {
    await done('statement', 'save', id, file, ...of, ...more);
    return readFileSync(join(directory, file)).subarray(0, 3);
  };
  assert.deepEqual(await start('s.csv'), Buffer.from('\uFEFF'));
  assert.equal((await start('s.XLSX')).toString('latin1', 0, 2), 'PK');
  assert.deepEqual(await start('plain', '--format', 'csv'), Buffer.from('\uFEFF'));
  const crossed = await heliu(['statement', 'save', id, 'other.csv', ...of, '--format', 'xlsx', '--lang', 'zh'], io);
  assert.deepEqual([crossed.code, crossed.err.trim()], [2, '--format xlsx 与文件名 other.csv 不符']);
  assert.ok(!readdirSync(directory).includes('other.csv'));
});

describe('statement agent', () => {
  const period = ['--live', '--from', '2026-11-01', '--through', '2026-11-02'];
  const written = (name: string) => readdirSync(directory).filter((file) => file.startsWith(name));

  test('writes files that are signed, and writes none of them where one is there', async () => {
    const { id } = await done<{ id: string }>('agent', 'create', '--name', '华东');
    await done('agent', 'assign', id, '--merchant', merchant);
    const { totals, public_key, lines } = await done<{ totals: Record<string, number>; public_key: string; lines: number }>(
      'statement',
      'agent',
      id,
      'nov',
      ...period,
    );
    assert.deepEqual([totals.gross_fen, totals.refunded_fen, totals.net_fen, lines], [10_000, 2_500, 7_500, 2]);
    assert.deepEqual(written('nov'), ['nov-totals.csv', 'nov.csv', 'nov.manifest', 'nov.sig', 'nov.xlsx']);
    const manifest = readFileSync(join(directory, 'nov.manifest'));
    const key = createPublicKey({ key: Buffer.from(public_key, 'base64'), format: 'der', type: 'spki' });
    assert.ok(verify(null, manifest, key, readFileSync(join(directory, 'nov.sig'))));
    const names = { csv: 'nov.csv', 'totals.csv': 'nov-totals.csv', xlsx: 'nov.xlsx' };
    for (const { file, sha256 } of JSON.parse(manifest.toString('utf8')).files as { file: keyof typeof names; sha256: string }[])
      assert.equal(
        createHash('sha256')
          .update(readFileSync(join(directory, names[file])))
          .digest('hex'),
        sha256,
        file,
      );
    const shown = await heliu(['statement', 'agent', id, 'shown', ...period, '--lang', 'zh'], io);
    assert.match(shown.out, /gross +100\.00\n[\s\S]*shown-totals\.csv/);
    writeFileSync(join(directory, 'dec.xlsx'), 'mine');
    const there = await heliu(['statement', 'agent', id, 'dec', ...period, '--lang', 'zh'], io);
    assert.deepEqual([there.code, there.err.includes('无法新建 dec.xlsx（EEXIST）')], [2, true]);
    assert.deepEqual(written('dec'), ['dec.xlsx']);
    assert.equal(readFileSync(join(directory, 'dec.xlsx'), 'utf8'), 'mine');
  });

  test('leaves nothing behind of one that is refused', async () => {
    const nobody = await heliu(['statement', 'agent', 'agt_01JD0000000000000000000000', 'none', ...period], io);
    assert.deepEqual([nobody.code, nobody.err], [3, 'agent_id: There is no such agent. (agent_not_found)\n']);
    assert.deepEqual(written('none'), []);
  });
});

describe('calendar', () => {
  const days = (year: string, ...more: string[]) => done<{ date: string; working: boolean; confirmed: boolean }[]>('calendar', 'show', year, ...more);

  test('is supposed until somebody has compared and confirmed it', async () => {
    const built_in = await days('2026');
    assert.ok(built_in.length > 20 && built_in.every(({ confirmed }) => !confirmed));
    writeFileSync(join(directory, 'days.txt'), '\ufeff# 春节\r\n2027-02-06, holiday\r\n2027-02-08 holiday\r\n2027-02-14\tworkday # 补班\r\n');
    await done('calendar', 'import', 'days.txt', '--unconfirmed');
    assert.deepEqual(
      (await days('2027')).map(({ date, working, confirmed }) => [date, working, confirmed]),
      [
        ['2027-02-08', false, false],
        ['2027-02-14', true, false],
      ],
    );
    assert.equal((await done<{ days: number }>('calendar', 'confirm', '2027')).days, 365);
    assert.ok((await days('2027', '--all')).every(({ confirmed }) => confirmed));
    assert.ok((await days('2026')).every(({ confirmed }) => !confirmed));
  });

  test('a file with one wrong line is refused whole, with its line', async () => {
    writeFileSync(join(directory, 'wrong.txt'), '2028-01-03 holiday\n2028-01-04 closed\n');
    const wrong = await heliu(['calendar', 'import', 'wrong.txt'], io);
    assert.equal(wrong.code, 2);
    assert.match(wrong.err, /line 2/);
    writeFileSync(join(directory, 'wrong.txt'), '2028-01-03 holiday\n2028-02-30 holiday\n');
    assert.equal((await heliu(['calendar', 'import', 'wrong.txt'], io)).code, 3);
    assert.deepEqual(
      (await days('2028')).filter(({ date }) => date === '2028-01-03'),
      [],
    );
    assert.equal((await heliu(['calendar', 'show', 'soon'], io)).code, 3);
  });
});
