import assert from 'node:assert/strict';
import { createHash, createPublicKey, verify } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { unzipSync } from 'fflate';
import { sql } from 'kysely';
import { addMs } from '../../kernel/time.ts';
import { projectBatch } from '../../ledger/projection/service.ts';
import { commitEvents, newStory, paid, refunded } from '../../ledger/testing/events.ts';
import { agentMerchants, assignMerchant, createAgent, moveAgent } from '../../merchants/agents/service.ts';
import { createMerchant } from '../../merchants/service.ts';
import { priceBooks, setPrice } from '../../pricing/service.ts';
import { type TestCtx, testCtx } from '../../testing/ctx.ts';
import { refusedWith } from '../../testing/refusals.ts';
import { all_operations } from '../../testing/requests.ts';
import { createTestRng } from '../../testing/rng.ts';
import { unchanged } from '../../testing/state.ts';
import { makeStatement } from '../making/service.ts';
import { askStatement, retrieveStatement } from '../service.ts';
import { type AgentFile, type AgentStatement, makeAgentStatement } from './service.ts';

const rng = createTestRng('agent statements');
const today = { from: '2026-11-22', through: '2026-11-22' };
const long_name = '名'.repeat(100);

let node: TestCtx;
/** `region` has one merchant and `street` below it another two; `sibling` has its own. */
let region: string;
let street: string;
let sibling: string;
const merchants: Record<'tea' | 'rice' | 'quiet' | 'other', string> = { tea: '', rice: '', quiet: '', other: '' };

before(async () => {
  node = await testCtx();
  region = (await createAgent(node.ctx, { name: '=华东' })).id;
  street = (await createAgent(node.ctx, { name: long_name, parent_id: region })).id;
  sibling = (await createAgent(node.ctx, { name: '华南' })).id;
  for (const [key, name, agent_id] of [
    ['tea', '+茶馆, "老"号', region],
    ['rice', long_name, street],
    ['quiet', '未开张', street],
    ['other', '别家', sibling],
  ] as const) {
    merchants[key] = (await createMerchant(node.ctx, { name })).id;
    await assignMerchant(node.ctx, { merchant_id: merchants[key], agent_id });
  }
  for (const [key, amount_fen, rate_ppm] of [
    ['tea', 10_000, 6_000],
    ['rice', 2_525, 3_800],
    ['other', 7_777, 2_500],
  ] as const)
    await sell(merchants[key], amount_fen, rate_ppm);
});
after(() => node.close());

/** Two payments, one of which is half given back. */
async function sell(merchant_id: string, amount_fen: number, rate_ppm: number): Promise<void> {
  await setPrice(node.ctx, { merchant_id, livemode: true, terms: { tiers: [{ rate_ppm }] } });
  const story = { ...newStory(rng, node.clock.now()), merchant_id };
  const now = node.clock.now();
  const first = paid(story, rng, { amount_fen, at: addMs(now, 1) });
  paid(story, rng, { amount_fen: amount_fen + 1, at: addMs(now, 2), fields: { merchant_order_no: '@SUM(A1)' } });
  refunded(story, rng, first, { amount_fen: Math.floor(amount_fen / 2), at: addMs(now, 3) });
  await commitEvents(node.ctx, story);
  const turn = { after: '' };
  while ((await projectBatch(node.ctx, priceBooks, { turn, books_max: 10, events_max: 100 })) !== 'nothing');
}

type Made = AgentStatement & { readonly bytes: Readonly<Record<AgentFile, Buffer>> };
async function made(agent_id: string, input: object = {}): Promise<Made> {
  const pieces: Record<AgentFile, Buffer[]> = { csv: [], 'totals.csv': [], xlsx: [] };
  const statement = await makeAgentStatement(node.ctx, { agent_id, livemode: true, ...today, ...input }, (file, piece) => {
    pieces[file].push(Buffer.from(piece));
    return Promise.resolve();
  });
  return { ...statement, bytes: { csv: Buffer.concat(pieces.csv), 'totals.csv': Buffer.concat(pieces['totals.csv']), xlsx: Buffer.concat(pieces.xlsx) } };
}

/** A merchant's own statement of the same days. */
async function ownTotals(merchant_id: string) {
  const owner = { merchant_id, livemode: true };
  const { id } = await askStatement(node.ctx, owner, today);
  await makeStatement(node.ctx, { merchant_id, id });
  const { totals, lines } = await retrieveStatement(node.ctx, owner, id);
  assert.ok(totals);
  return { totals, lines: lines ?? 0 };
}

/** Cells of a CSV file, its head apart. */
function cellsOf(file: Buffer): { head: string[]; rows: string[][] } {
  const [head = '', ...rows] = file
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .split('\r\n');
  assert.equal(rows.pop(), '', 'ends with CR LF');
  const cells = (row: string) => [...row.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)].map(([, cell = '']) => cell).slice(0, -1);
  return { head: head.split(','), rows: rows.map(cells) };
}
const sum = (rows: readonly string[][], column: number): number => rows.reduce((total, row) => total + Math.round(Number(row[column]) * 100), 0);
const columnOf = (head: readonly string[], name: string): number => head.findIndex((each) => each.endsWith(` ${name}`));

describe('the statement of an agent', () => {
  it('is the sum of the statements of its merchants and of those below it, and of nobody else’s', async () => {
    const { totals, lines, merchants: count, bytes } = await made(region);
    const own = await Promise.all([merchants.tea, merchants.rice, merchants.quiet].map(ownTotals));
    for (const name of ['payments', 'gross_fen', 'refunds', 'refunded_fen', 'fee_fen', 'net_fen'] as const)
      assert.equal(
        totals[name],
        own.reduce((total, each) => total + each.totals[name], 0),
        name,
      );
    assert.deepEqual([count, lines], [3, own.reduce((total, each) => total + each.lines, 0)]);
    assert.ok(totals.gross_fen > 0 && totals.fee_fen > 0 && totals.refunded_fen > 0);
    const csv = cellsOf(bytes.csv);
    assert.equal(sum(csv.rows, columnOf(csv.head, 'net')), totals.net_fen);
    assert.deepEqual(new Set(csv.rows.map(([id]) => id)), new Set([merchants.tea, merchants.rice]));
    const table = cellsOf(bytes['totals.csv']);
    assert.equal(sum(table.rows, columnOf(table.head, 'net')), totals.net_fen);
    for (const [at, merchant_id] of [merchants.tea, merchants.rice, merchants.quiet].entries()) {
      const rows = table.rows.filter(([id]) => id === merchant_id);
      assert.ok(rows.length > 0, 'each has a row, with lines or without');
      assert.equal(sum(rows, columnOf(table.head, 'gross')), own[at]?.totals.gross_fen);
      assert.deepEqual(
        rows.map((row) => row[columnOf(table.head, 'method')]).filter(Boolean),
        own[at]?.totals.by_method.map(({ method }) => method),
      );
    }
    for (const file of Object.values(unpacked(bytes))) assert.ok(!file.includes(merchants.other) && !file.includes('别家'));
  });

  it('of an agent below has only what is below it, in its own name', async () => {
    const [whole, part, rice] = [await made(region), await made(street), await ownTotals(merchants.rice)];
    assert.equal(part.totals.net_fen, rice.totals.net_fen);
    assert.notDeepEqual(whole.public_key, part.public_key);
    assert.deepEqual((await made(street, { livemode: false })).totals.payments, 0, 'nor of the other mode');
  });

  it('E-02: says nothing of the agent above, of agents beside and of what their merchants pay, and changes nothing', async () => {
    const { totals: own } = await ownTotals(merchants.rice);
    // An agent's key is made with its first statement.
    await made(street);
    await unchanged(node.ctx, async () => {
      const { bytes, manifest, totals } = await made(street);
      assert.deepEqual([totals.gross_fen, totals.fee_fen, totals.net_fen], [own.gross_fen, own.fee_fen, own.net_fen]);
      for (const text of [...Object.values(unpacked(bytes)), manifest])
        for (const foreign of [region, '华东', sibling, '华南', merchants.tea, '茶馆', merchants.other, '别家'])
          assert.ok(!text.includes(foreign), `${foreign} in ${text.slice(0, 200)}`);
      assert.deepEqual(
        (JSON.parse(manifest).merchants as { merchant_id: string }[]).map(({ merchant_id }) => merchant_id).toSorted(),
        [merchants.rice, merchants.quiet].toSorted(),
      );
    });
    // That is all an agent gets: keys belong to merchants, and no operation knows of agents.
    for (const { id, path, params, query, body, response } of all_operations)
      assert.ok(!/agent_id/.test(JSON.stringify([path, params, query, body, response])), `${id} names an agent`);
  });

  it('of an agent without merchants has none, and of one that is not there there is none', async () => {
    const { id } = await createAgent(node.ctx, { name: '空' });
    const empty = await made(id);
    assert.deepEqual([empty.merchants, empty.lines, empty.totals], [0, 0, { payments: 0, gross_fen: 0, refunds: 0, refunded_fen: 0, fee_fen: 0, net_fen: 0 }]);
    assert.deepEqual([cellsOf(empty.bytes.csv).rows, cellsOf(empty.bytes['totals.csv']).rows], [[], []]);
    assert.ok(unpacked(empty.bytes)['xl/worksheets/summary.xml']?.includes('商户数 merchants'));
    await assert.rejects(made('agt_01JD0000000000000000000000'), refusedWith({ refused: 'agent_not_found', param: 'agent_id' }));
  });

  it('is signed, its files are those that were signed, and made again they are the same to the byte', async () => {
    const [first, again] = [await made(region), await made(region)];
    assert.deepEqual(again.bytes, first.bytes);
    assert.equal(again.manifest, first.manifest);
    const key = createPublicKey({ key: first.public_key, format: 'der', type: 'spki' });
    assert.ok(verify(null, Buffer.from(first.manifest), key, again.signature), 'by the same key');
    assert.ok(!verify(null, Buffer.from(first.manifest.replace('"livemode":true', '"livemode":false')), key, first.signature));
    const told = JSON.parse(first.manifest);
    assert.deepEqual(told.files, first.files);
    assert.deepEqual(
      told.merchants.map(({ merchant_id, agent_id, up_to_no }: Record<string, unknown>) => [merchant_id, agent_id, up_to_no]),
      [
        [merchants.tea, region, 3],
        [merchants.rice, street, 3],
        [merchants.quiet, street, 0],
      ].toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
    );
    for (const { file, bytes, sha256 } of first.files)
      assert.deepEqual([first.bytes[file].length, createHash('sha256').update(first.bytes[file]).digest('hex')], [bytes, sha256], file);
  });

  it('counts a merchant that moved whole for whom it belongs to when it is made, and its head says so', async () => {
    const [before_move, of_sibling, of_other] = [await made(street), await made(sibling), await ownTotals(merchants.other)];
    await assignMerchant(node.ctx, { merchant_id: merchants.other, agent_id: street });
    const [after_move, left] = [await made(street), await made(sibling)];
    assert.equal(after_move.totals.net_fen, before_move.totals.net_fen + of_other.totals.net_fen);
    assert.deepEqual([of_sibling.merchants, left.merchants, left.totals.net_fen], [1, 0, 0]);
    for (const file of ['csv', 'totals.csv'] as const) assert.ok(cellsOf(after_move.bytes[file]).head.includes('生成时所属代理商 agent_id_when_made'));
    const summary = unpacked(after_move.bytes)['xl/worksheets/summary.xml'] ?? '';
    assert.ok(summary.includes('期内改划的商户整期计入') && summary.includes('counts whole for whom it belonged to then'));
    await assignMerchant(node.ctx, { merchant_id: merchants.other, agent_id: sibling });
    await moveAgent(node.ctx, { id: street, parent_id: sibling });
    assert.equal((await made(sibling)).merchants, 3, 'a whole branch too');
    await moveAgent(node.ctx, { id: street, parent_id: region });
  });

  it('holds names as text, however long and whatever they look like', async () => {
    const { bytes } = await made(region);
    const { rows } = cellsOf(bytes.csv);
    const tea = rows.find(([id]) => id === merchants.tea) ?? assert.fail('no line');
    assert.deepEqual([tea[1], tea[3]], [`"'+茶馆, ""老""号"`, "'=华东"]);
    assert.ok(rows.some((row) => row[1] === long_name && row[3] === long_name));
    assert.ok(rows.every((row) => row.length === 22) && rows.some((row) => row.includes("'@SUM(A1)")));
    const sheet = unpacked(bytes)['xl/worksheets/sheet1.xml'] ?? '';
    assert.ok(sheet.includes('>=华东<') && sheet.includes(long_name) && !sheet.includes('<f>'));
  });

  it('names what is wrong with a period or too large, and gives nothing away of it', async () => {
    for (const [input, param] of [
      [{ from: '2026-02-30' }, 'from'],
      [{ from: '2026-11-23' }, 'through'],
      [{ through: '2026-11-23' }, 'through'],
      [{ from: '2024-11-22' }, 'through'],
    ] as const)
      await assert.rejects(made(region, input), refusedWith({ param }));
    await assert.rejects(agentMerchants(node.ctx, region, 2), refusedWith({ refused: 'agent_has_too_many_merchants', param: 'agent_id' }));
    assert.equal((await agentMerchants(node.ctx, region, 3)).merchants.length, 3);
  });

  it('is provisional until the period is over and its days are closed, says so in each line, and counts the days that are open', async () => {
    const { ctx, clock } = node;
    const open = await made(region);
    assert.deepEqual([open.provisional, open.open_days], [true, 0], 'today is not over');
    const { provisional, open_days } = JSON.parse(open.manifest);
    assert.deepEqual([provisional, open_days], [true, 0]);
    for (const file of ['csv', 'totals.csv'] as const) {
      const { head, rows } = cellsOf(open.bytes[file]);
      assert.ok(rows.length > 0 && rows.every((row) => row[columnOf(head, 'provisional')] === '是 yes'));
    }
    clock.advance(2 * 86_400_000);
    const final = await made(region);
    assert.deepEqual([final.provisional, final.open_days], [false, 0]);
    for (const text of Object.values(unpacked(final.bytes))) assert.ok(!text.includes('暂定') && !text.includes('provisional'));
    // Recon has a day of one merchant below, and one of a merchant of another agent.
    for (const [merchant_id, account] of [
      [merchants.quiet, 'acc_quiet'],
      [merchants.other, 'acc_other'],
    ]) {
      await sql`insert into channel_accounts (merchant_id, id, livemode, channel, name, version, created_at) values (${merchant_id}, ${account}, true, 'wechatpay', 'w', 1, now())`.execute(
        ctx.db.kysely,
      );
      await sql`insert into bill_days (merchant_id, channel_account_id, kind, biz_date, livemode, channel, state, created_at)
        values (${merchant_id}, ${account}, 'trade', '2026-11-22', true, 'wechatpay', 'empty', now())`.execute(ctx.db.kysely);
    }
    const waits = await made(region);
    assert.deepEqual([waits.provisional, waits.open_days], [true, 1]);
    assert.deepEqual(
      (JSON.parse(waits.manifest).merchants as { merchant_id: string; open_days: number }[])
        .filter(({ open_days: days }) => days > 0)
        .map(({ merchant_id }) => merchant_id),
      [merchants.quiet],
    );
    assert.match(unpacked(waits.bytes)['xl/worksheets/summary.xml'] ?? '', /未日结账单日 open days/);
    await sql`update bill_days set closed_at = now(), statement = '{}', signature = '\\x00' where merchant_id = ${merchants.quiet}`.execute(ctx.db.kysely);
    assert.deepEqual([(await made(region)).provisional, (await made(sibling)).provisional], [false, true]);
  });
});

/** Every file as text, those inside the workbook by themselves. */
const unpacked = (bytes: Made['bytes']): Record<string, string> =>
  Object.fromEntries([
    ['csv', bytes.csv.toString('utf8')],
    ['totals.csv', bytes['totals.csv'].toString('utf8')],
    ...Object.entries(unzipSync(bytes.xlsx)).map(([path, part]) => [path, Buffer.from(part).toString('utf8')]),
  ]);
