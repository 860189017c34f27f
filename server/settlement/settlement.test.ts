import assert from 'node:assert/strict';
import { createHash, createPublicKey, verify } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { Statement } from '@heliu/contract';
import { unzipSync } from 'fflate';
import { sql } from 'kysely';
import { toFen } from '../kernel/money.ts';
import { addMs } from '../kernel/time.ts';
import { projectBatch } from '../ledger/projection/service.ts';
import { isBehind, reversePosting } from '../ledger/service.ts';
import { commitEvents, newStory, paid, refunded, type Story } from '../ledger/testing/events.ts';
import { priceBooks, setPrice } from '../pricing/service.ts';
import { createTestRng } from '../testing/rng.ts';
import { aWorld, type World } from '../testing/world.ts';
import { arrivalOf, calendarWith, default_terms, yearOf } from './arrival/arrival.ts';
import { csvCell, csvHead } from './files/csv.ts';
import { writerOf } from './files/writer.ts';
import { columns, type Line, lineOf, type PostingRow } from './line.ts';
import { makeStatement } from './making/service.ts';
import { askStatement, retrieveStatement } from './service.ts';
import { layoutOf } from './summary.ts';

const rng = createTestRng('settlement');
const csv_head = csvHead(columns);
const at = (text: string) => new Date(`${text}+08:00`);

describe('a cell of CSV', () => {
  for (const [text, cell] of [
    ['order-1', 'order-1'],
    ['=1+1', "'=1+1"],
    ['+86', "'+86"],
    ['-2+3', "'-2+3"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\t=1', "'\t=1"],
    [' =1', "' =1"],
    ['＝1', "'＝1"],
    ['=HYPERLINK("http://x","y")', `"'=HYPERLINK(""http://x"",""y"")"`],
    ['a,b', '"a,b"'],
    ['a"b', '"a""b"'],
    ['4200002000202611220000000001', '4200002000202611220000000001\t'],
    ['', ''],
  ] as const)
    it(`${JSON.stringify(text)} is written as ${JSON.stringify(cell)}`, () => assert.equal(csvCell({ text }), cell));

  it('amounts are yuan with two decimals, below zero too', () =>
    assert.deepEqual(
      [1234, -5, 0].map((fen) => csvCell({ fen: toFen(fen) })),
      ['12.34', '-0.05', '0.00'],
    ));
});

describe('the expected arrival', () => {
  const calendar = calendarWith([]);
  for (const [day, date, terms] of [
    ['2026-11-19', '2026-11-20', default_terms],
    ['2026-11-20', '2026-11-23', default_terms],
    ['2026-09-30', '2026-10-08', default_terms],
    ['2026-10-09', '2026-10-10', default_terms],
    ['2026-11-20', '2026-11-21', { days: 1, counts: 'calendar', confirmed: true }],
    ['2026-11-20', '2026-11-20', { days: 0, counts: 'business', confirmed: true }],
  ] as const)
    it(`of ${day} at T+${terms.days} ${terms.counts} is ${date}`, () => assert.equal(arrivalOf(day, terms, calendar).date, date));

  it('is confirmed only where terms and calendar are', () => {
    const sure = { ...default_terms, confirmed: true };
    assert.deepEqual(
      [
        arrivalOf('2026-11-19', default_terms, calendar).confirmed,
        arrivalOf('2026-11-19', sure, calendar).confirmed,
        arrivalOf('2026-11-19', sure, calendarWith(yearOf('2026', calendar).map((day) => ({ ...day, confirmed: true })))).confirmed,
      ],
      [false, false, true],
      'what is built in was compared with nothing',
    );
    const known = calendarWith([
      { date: '2027-02-05', working: false, confirmed: true },
      { date: '2027-02-06', working: true, confirmed: true },
    ]);
    assert.deepEqual(arrivalOf('2027-02-04', sure, known), { date: '2027-02-06', confirmed: true });
  });
});

const posting = (fields: Partial<PostingRow> = {}): PostingRow => ({
  id: 'pst_1',
  no: 1n,
  kind: 'payment',
  biz_date: '2026-11-20',
  fact_at: at('2026-11-20T09:00:00'),
  amount_fen: toFen(1_000),
  fee_fen: toFen(6),
  payment_id: 'pay_1',
  refund_id: null,
  store_id: null,
  channel_account_id: 'acc_1',
  channel: 'some_channel',
  method: 'wechat_qr',
  detail: { merchant_order_no: 'order-1' },
  ...fields,
});

describe('a line', () => {
  it('adds what came and takes what went, fees and reversals too', () => {
    const of = (fields: Partial<PostingRow>) => {
      const { amount_fen, fee_fen, net_fen } = lineOf(posting(fields));
      return [amount_fen, fee_fen, net_fen].map(Number);
    };
    assert.deepEqual(of({}), [1_000, 6, 994]);
    assert.deepEqual(of({ kind: 'refund' }), [-1_000, -6, -994]);
    assert.deepEqual(of({ kind: 'reversal', detail: { reversed_kind: 'payment' } }), [-1_000, -6, -994]);
    assert.deepEqual(of({ kind: 'reversal', detail: { reversed_kind: 'refund' } }), [1_000, 6, 994]);
  });
});

describe('a workbook', () => {
  const totals = { payments: 1, gross_fen: 1, refunds: 0, refunded_fen: 0, fee_fen: 0, net_fen: 1, by_method: [], arrivals: [] };
  const written = (lines: readonly Line[]) => {
    const chunks: Uint8Array[] = [];
    const writer = writerOf('xlsx', layoutOf(false), (chunk) => chunks.push(chunk));
    for (const line of lines) writer.line(line);
    writer.end({ from: '2026-11-01', through: '2026-11-30', totals, provisional: false, open_days: 0 });
    const bytes = Buffer.concat(chunks);
    return { bytes, parts: Object.fromEntries(Object.entries(unzipSync(bytes)).map(([path, part]) => [path, Buffer.from(part).toString('utf8')])) };
  };

  it('holds text as text, whatever it looks like, and amounts as numbers', () => {
    const { parts } = written([lineOf(posting({ detail: { merchant_order_no: '=1+1<&>"\u0001\ud800' } }))]);
    const sheet = parts['xl/worksheets/sheet1.xml'] ?? '';
    assert.ok(sheet.includes('<t xml:space="preserve">=1+1&lt;&amp;&gt;&quot;</t>'), sheet);
    assert.ok(sheet.includes('<v>10.00</v>') && !sheet.includes('<f>'));
  });

  it('is the same twice, to the byte', () => {
    const lines = [lineOf(posting()), lineOf(posting({ kind: 'refund' }))];
    assert.ok(written(lines).bytes.equals(written(lines).bytes));
  });
});

let world: World;
let owner: { merchant_id: string; livemode: boolean };
let story: Story;
before(async () => {
  world = await aWorld();
  owner = { merchant_id: world.merchant.id, livemode: false };
  story = { ...newStory(rng, world.clock.now(), false), merchant_id: owner.merchant_id };
  await setPrice(world.ctx, { ...owner, terms: { tiers: [{ rate_ppm: 6_000 }] } });
  const now = world.clock.now();
  const first = paid(story, rng, { amount_fen: 10_000, at: addMs(now, 1), fields: { merchant_order_no: '=cmd' } });
  paid(story, rng, { amount_fen: 700, at: addMs(now, 2), type: 'payment.duplicate_received' });
  const second = paid(story, rng, { amount_fen: 2_500, at: addMs(now, 3), fields: { store_id: 'sto_01JD0000000000000000000000' } });
  refunded(story, rng, first, { amount_fen: 5_000, at: addMs(now, 4) });
  refunded(story, rng, second, { amount_fen: 2_500, at: addMs(now, 5) });
  await post();
});
after(() => world.close());

async function post(): Promise<void> {
  await commitEvents(world.ctx, story);
  const turn = { after: '' };
  while ((await projectBatch(world.ctx, priceBooks, { turn, books_max: 10, events_max: 100 })) !== 'nothing');
}
const today = { from: '2026-11-22', through: '2026-11-22' };
const ask = (body: object, key = world.key) => world.flow(world.api('POST', '/v1/statements', { body, key }));
async function made(body: object = today): Promise<Statement> {
  const { status, text, body: statement } = await ask(body);
  assert.equal(status, 201, text);
  let ready: Statement = statement;
  await world.until(async () => {
    ready = (await world.api('GET', `/v1/statements/${statement.id}`)).body;
    return ready.state === 'ready';
  });
  return ready;
}
const fetched = async (statement: Statement, format: string) => {
  const link = await world.flow(world.api('POST', `/v1/statements/${statement.id}/link`, { body: { format } }));
  assert.equal(link.status, 200, link.text);
  return Buffer.from(await (await world.flow(fetch(link.body.url))).arrayBuffer());
};

describe('a statement', () => {
  it('has payments, refunds, fees and net, by method, and when it is expected to arrive', async () => {
    const { totals, lines } = await made();
    const { by_method, arrivals, later, ...sums } = totals ?? assert.fail('no totals');
    assert.deepEqual(sums, { payments: 2, gross_fen: 12_500, refunds: 2, refunded_fen: 7_500, fee_fen: 30, net_fen: 4_970 });
    assert.equal(lines, 4);
    assert.deepEqual(
      by_method.map(({ method, net_fen }) => [method, net_fen]),
      [['wechat_qr', 4_970]],
    );
    assert.deepEqual(arrivals, [
      {
        biz_date: '2026-11-22',
        channel_account_id: story.account,
        net_fen: 4_970,
        expected_fen: null,
        channel_fee: null,
        expected_on: '2026-11-23',
        confirmed: false,
      },
    ]);
  });

  it('is of one store where it is asked so', async () => {
    const store = await world.flow(world.api('POST', '/v1/stores', { body: { name: '一店' } }));
    assert.deepEqual((await made({ ...today, store_id: store.body.id })).totals?.payments, 0);
    assert.equal((await ask({ ...today, store_id: 'sto_01JD0000000000000000000000' })).status, 404);
  });

  it('is signed, and its files are those that were signed', async () => {
    const statement = await made();
    const { manifest, signature, public_key } = statement;
    const key = createPublicKey({ key: Buffer.from(public_key ?? '', 'base64'), format: 'der', type: 'spki' });
    const isSigned = (text: string) => verify(null, Buffer.from(text), key, Buffer.from(signature ?? '', 'base64'));
    assert.ok(isSigned(manifest ?? ''));
    assert.ok(!isSigned((manifest ?? '').replace('4970', '4971')));
    assert.deepEqual(JSON.parse(manifest ?? '').files, statement.files);
    for (const { format, bytes, sha256 } of statement.files) {
      const file = await fetched(statement, format);
      assert.deepEqual([file.length, createHash('sha256').update(file).digest('hex')], [bytes, sha256]);
    }
  });

  it('opens as CSV with a mark, CR LF and no formula, each line adding up to the totals', async () => {
    const statement = await made();
    const text = (await fetched(statement, 'csv')).toString('utf8');
    // Its day is not over.
    const head = csvHead(layoutOf(true).columns);
    assert.ok(head.startsWith(csv_head.trimEnd()) && /provisional\r\n$/.test(head));
    assert.ok(text.startsWith(head) && text.charCodeAt(0) === 0xfeff);
    const rows = text.slice(head.length).split('\r\n');
    assert.deepEqual([rows.length, rows.at(-1)], [5, '']);
    const cells = rows.slice(0, -1).map((row) => row.split(','));
    assert.equal(
      cells.reduce((sum, row) => sum + Math.round(Number(row[5]) * 100), 0),
      statement.totals?.net_fen,
    );
    assert.ok(cells.some((row) => row[8] === "'=cmd"));
  });

  it('stays what it was when more is posted, and the next one has it, reversals too', async () => {
    const before_more = await made();
    const file = await fetched(before_more, 'csv');
    paid(story, rng, { amount_fen: 1_000, at: addMs(world.clock.now(), 1) });
    await post();
    const [{ id: posting_id }] = (await world.ctx.db.kysely
      .selectFrom('ledger_postings')
      .select('id')
      .where('merchant_id', '=', owner.merchant_id)
      .where('kind', '=', 'payment')
      .where('amount_fen', '=', 1_000n)
      .execute()) as [{ id: string }];
    const grown = await made();
    assert.deepEqual([grown.lines, grown.totals?.gross_fen], [5, 13_500]);
    await reversePosting(world.ctx, { ...owner, posting_id, reason: '测试', by: 'finance' });
    const undone = await made();
    assert.deepEqual([undone.lines, undone.totals?.gross_fen, undone.totals?.net_fen], [6, 12_500, before_more.totals?.net_fen]);
    assert.ok((await fetched(before_more, 'csv')).equals(file));
  });

  it('waits until the book has seen what happened before it was asked for', async () => {
    const held = await world.ctx.db.kysely.transaction().execute(async (tx) => {
      // Nobody writes the book meanwhile.
      await sql`select 1 from ledger_books where merchant_id = ${owner.merchant_id} for update`.execute(tx);
      paid(story, rng, { amount_fen: 3_000, at: addMs(world.clock.now(), 1) });
      await commitEvents(world.ctx, story);
      world.clock.advance(1_000);
      const { id } = await askStatement(world.ctx, owner, today);
      const behind = await isBehind(world.ctx, owner, world.clock.now());
      return { id, behind, made: await makeStatement(world.ctx, { merchant_id: owner.merchant_id, id }) };
    });
    const { id } = held;
    assert.deepEqual(held, { id, behind: true, made: false });
    await post();
    assert.equal(await makeStatement(world.ctx, { merchant_id: owner.merchant_id, id }), true);
    assert.ok((await retrieveStatement(world.ctx, owner, id)).lines);
  });

  it('is provisional until its period is over and its days are closed, and the next one has what came later', async () => {
    const shop = { merchant_id: owner.merchant_id, channel_account_id: world.accounts.get('wechatpay') as string };
    const own: Story = { ...story, account: shop.channel_account_id };
    paid(own, rng, { amount_fen: 4_000, at: at('2026-11-18T12:00:00') });
    const postOwn = async () => {
      await commitEvents(world.ctx, own);
      await post();
    };
    await postOwn();
    const of = async (day: string) => made({ from: day, through: day });
    assert.deepEqual([(await made()).provisional, (await of('2026-11-17')).provisional], [true, false]);
    const open = await of('2026-11-18');
    assert.deepEqual([open.provisional, open.open_days, JSON.parse(open.manifest ?? '').provisional], [true, 1, true]);
    const { sha256 } = open.files[0] ?? assert.fail('no file');
    assert.ok(sha256 && /provisional\r\n/.test((await fetched(open, 'csv')).toString('utf8')));
    // Recon closes the day.
    await sql`insert into bill_days (merchant_id, channel_account_id, kind, biz_date, livemode, channel, state, closed_at, statement, signature, created_at)
      values (${shop.merchant_id}, ${shop.channel_account_id}, 'trade', '2026-11-18', false, 'wechatpay', 'empty', now(), '{}', '\\x00', now())`.execute(
      world.ctx.db.kysely,
    );
    let closed = await of('2026-11-18');
    assert.deepEqual([closed.provisional, closed.open_days], [false, 0]);
    assert.doesNotMatch((await fetched(closed, 'csv')).toString('utf8'), /provisional/);
    // What the channel pays is less its own fee, whatever the price is: by the rate, and by the bill where there is one.
    const expected = async () =>
      (await of('2026-11-18')).totals?.arrivals.map(({ net_fen, expected_fen, channel_fee }) => [net_fen, expected_fen, channel_fee]);
    assert.deepEqual(await expected(), [[4_000, null, null]]);
    await sql`insert into recon_settings (merchant_id, channel_account_id, fee_rate_ppm, updated_at) values (${shop.merchant_id}, ${shop.channel_account_id}, 3800, now())`.execute(
      world.ctx.db.kysely,
    );
    assert.deepEqual(await expected(), [[4_000, 4_000 - 15, 'rate']]);
    await sql`with bill as (insert into bills (merchant_id, id, livemode, channel, channel_account_id, kind, biz_date, version, source, state, sha256, bytes, lines, fee_millifen, imported_by, created_at)
        values (${shop.merchant_id}, 'bil_00000000000000000000000000', false, 'wechatpay', ${shop.channel_account_id}, 'trade', '2026-11-18', 1, 'upload', 'current', '\\x00', 1, 1, 12000, 'ann', now())
        returning id)
      update bill_days set state = 'imported', bill_id = (select id from bill) where merchant_id = ${shop.merchant_id} and biz_date = '2026-11-18' and kind = 'trade'`.execute(
      world.ctx.db.kysely,
    );
    assert.deepEqual(await expected(), [[4_000, 4_000 - 12, 'bill']]);
    closed = await of('2026-11-18');
    // A bill completes a payment of the day before.
    assert.equal((await of('2026-11-19')).totals?.later?.lines, 0);
    paid(own, rng, { amount_fen: 600, at: at('2026-11-18T13:00:00') });
    await postOwn();
    const next = await of('2026-11-19');
    assert.deepEqual(
      [next.totals?.payments, next.totals?.later?.statement_id, next.totals?.later?.lines, next.totals?.later?.gross_fen],
      [0, closed.id, 1, 600],
      'it is in no sum of its own days',
    );
    assert.equal((await of('2026-11-20')).totals?.later?.lines, 0, 'and in one statement only');
  });

  it('is made once by two workers that are at it at the same time', async () => {
    const { body } = await ask(today);
    const key = { merchant_id: owner.merchant_id, id: body.id };
    await world.flow(Promise.all([makeStatement(world.ctx, key), makeStatement(world.ctx, key)]));
    const runs = await world.ctx.db.kysely.selectFrom('statement_chunks').select('run').distinct().where('statement_id', '=', body.id).execute();
    assert.equal(runs.length, 1);
    const statement = (await world.flow(world.api('GET', `/v1/statements/${body.id}`))).body as Statement;
    assert.equal(
      createHash('sha256')
        .update(await fetched(statement, 'csv'))
        .digest('hex'),
      statement.files[0]?.sha256,
    );
  });

  it('is made by another worker when the first died over it', async (t) => {
    const { body } = await ask(today);
    const key = { merchant_id: owner.merchant_id, id: body.id };
    let pieces = 0;
    const dying = {
      ...world.ctx,
      rng: world.ctx.rng,
      vault: {
        ...world.ctx.vault,
        open: () => {
          pieces += 1;
          throw new Error('died');
        },
      },
    };
    await assert.rejects(makeStatement(dying, key), /died/);
    assert.equal(pieces, 1);
    await makeStatement(world.ctx, key);
    const left = await world.ctx.db.kysely.selectFrom('statement_chunks').select('run').distinct().where('statement_id', '=', body.id).execute();
    assert.equal(left.length, 1);
    t.diagnostic('pieces of the dead try are gone');
  });

  it('names what is wrong with a period, and makes nothing of it', async () => {
    const count = async () => (await world.ctx.db.kysely.selectFrom('statements').select('id').execute()).length;
    const before_bad = await count();
    for (const [body, param] of [
      [{ from: '2026-11-22' }, 'through'],
      [{ from: '2026-11-23', through: '2026-11-22' }, 'through'],
      [{ from: '2026-11-22', through: '2026-11-23' }, 'through'],
      [{ from: '2024-11-22', through: '2026-11-22' }, 'through'],
      [{ from: '2026-02-30', through: '2026-11-22' }, 'from'],
      [{ from: '20261122', through: '2026-11-22' }, 'from'],
      [{ ...today, format: 'pdf' }, 'format'],
      [{ ...today, store_id: 'store' }, 'store_id'],
    ] as const) {
      const answer = await ask(body);
      assert.ok(answer.status >= 400 && answer.status < 500, answer.text);
      assert.equal(answer.body.error.param, param, answer.text);
    }
    assert.equal(await count(), before_bad);
  });

  it('is nobody else’s: not another merchant’s, not in the other mode, not without its scope, not by a link that was changed or is over', async () => {
    const statement = await made();
    const other = await world.newMerchant('别家');
    const live = await world.newKey(owner.merchant_id, true, ['statements:read']);
    const bare = await world.newKey(owner.merchant_id, false, ['payments:read']);
    for (const [key, status] of [
      [other.key, 404],
      [live, 404],
      [bare, 403],
    ] as const) {
      assert.equal((await world.flow(world.api('GET', `/v1/statements/${statement.id}`, { key }))).status, status);
      assert.equal((await world.flow(world.api('POST', `/v1/statements/${statement.id}/link`, { key, body: { format: 'csv' } }))).status, status);
    }
    assert.deepEqual((await world.flow(world.api('GET', '/v1/statements', { key: other.key }))).body.data, []);
    const { url } = (await world.flow(world.api('POST', `/v1/statements/${statement.id}/link`, { body: { format: 'csv' } }))).body;
    for (const bad of [`${url}A`, url.replace(/.$/, (last: string) => (last === 'A' ? 'B' : 'A')), url.split('?')[0]])
      assert.equal((await world.flow(fetch(bad))).status, 404, bad);
    world.clock.advance(15 * 60_000);
    assert.equal((await world.flow(fetch(url))).status, 404);
  });

  it('has links for an e-mail that is read days later, and none for ever', async () => {
    const statement = await made();
    const link = (body: object) => world.flow(world.api('POST', `/v1/statements/${statement.id}/link`, { body: { format: 'csv', ...body } }));
    const week_s = 7 * 86_400;
    const asked_ms = world.clock.now().getTime();
    const { url, expires_at } = (await link({ expires_in_s: week_s })).body;
    assert.ok(Date.parse(expires_at) >= asked_ms + week_s * 1_000 && Date.parse(expires_at) <= world.clock.now().getTime() + week_s * 1_000);
    world.clock.advance(week_s * 1_000 - 60_000);
    assert.equal((await world.flow(fetch(url))).status, 200);
    world.clock.advance(60_000);
    assert.equal((await world.flow(fetch(url))).status, 404);
    for (const expires_in_s of [week_s + 1, 59, 60.5, '60']) {
      const refused = await link({ expires_in_s });
      assert.deepEqual([refused.status, refused.body.error.param], [400, 'expires_in_s']);
    }
  });

  it('cannot be asked for without end while none is made', async () => {
    const { merchant, key } = await world.newMerchant('急商');
    const rows = Array.from({ length: 10 }, (_, nth) => ({
      merchant_id: merchant.id,
      id: `stm_${String(nth).padStart(26, '0')}`,
      livemode: false,
      period_from: today.from,
      period_through: today.through,
      created_at: world.clock.now(),
      next_make_at: addMs(world.clock.now(), 86_400_000),
    }));
    await world.ctx.db.kysely.insertInto('statements').values(rows).execute();
    assert.equal((await ask(today, key)).body.error.code, 'too_many_statements');
  });
});
