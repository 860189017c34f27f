import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type RawBuilder, sql } from 'kysely';
import { newId } from '../kernel/id.ts';
import { type Fen, toFen } from '../kernel/money.ts';
import { RefusalError } from '../kernel/refusal.ts';
import { addMs } from '../kernel/time.ts';
import { violatedConstraint } from '../platform/db/db.ts';
import { type TestCtx, testCtx } from '../testing/ctx.ts';
import { refusedWith } from '../testing/refusals.ts';
import { createTestRng } from '../testing/rng.ts';
import { account_names, accounts } from './account.ts';
import { trialOf } from './balance.ts';
import { type Draft, entriesOf, posting_kinds, postingId } from './posting.ts';
import { projectBatch } from './projection/service.ts';
import { closePeriod, listPostings, post, readBalances, readBalancesAt, reversePosting } from './service.ts';
import { commitEvents, newStory, paid, refunded, type Story } from './testing/events.ts';
import { noPrices } from './testing/no-prices.ts';

let test: TestCtx;
const rng = createTestRng('ledger');
const day = (text: string) => new Date(`${text}+08:00`);
before(async () => {
  test = await testCtx({ start: day('2026-11-22T10:00:00') });
});
after(() => test.close());

const project = async () => {
  const turn = { after: '' };
  while ((await projectBatch(test.ctx, noPrices, { turn, books_max: 10, events_max: 100 })) !== 'nothing');
};
const bookOf = ({ merchant_id, livemode }: Story) => ({ merchant_id, livemode });
const balances = async (story: Story, through?: string) =>
  Object.fromEntries((await readBalances(test.ctx, { ...bookOf(story), through })).map(({ account, balance_fen }) => [account, Number(balance_fen)]));
const drawn = (story: Story, fields: Partial<Draft> = {}): Draft => ({
  kind: 'channel_fee',
  source_id: newId('event', test.clock.now(), rng),
  reverses_id: null,
  payment_id: null,
  attempt_id: null,
  refund_id: null,
  store_id: null,
  channel_account_id: story.account,
  channel: 'some_channel',
  method: 'wechat_qr',
  amount_fen: toFen(60),
  fee_fen: 0n as Fen,
  fact_at: test.clock.now(),
  detail: {},
  entries: entriesOf(['channel_fee', story.account, 60n], ['channel_receivable', story.account, -60n]),
  ...fields,
});
const posted = (story: Story, ...drafts: Draft[]) => test.ctx.db.kysely.transaction().execute((tx) => post(tx, bookOf(story), drafts));
const missing = { id: '' };

describe('the accounts', () => {
  it('I-26 are a closed list without a balance that could be drawn or that is pooled, in the code and in the database', async () => {
    assert.deepEqual(account_names, ['channel_receivable', 'merchant_due', 'channel_fee', 'service_fee', 'agent_commission', 'refund_in_transit', 'suspense']);
    assert.deepEqual([...new Set(Object.values(accounts).map(({ of }) => of))], ['channel_account', 'agent']);
    assert.deepEqual(await checkedValues('ledger_entries', 'account'), account_names);
    assert.deepEqual(await checkedValues('ledger_postings', 'kind'), Object.keys(posting_kinds));
  });
});

/** The values that a check of the database lets into a column. */
async function checkedValues(table: string, column: string): Promise<string[]> {
  const { rows } = await sql<{
    text: string;
  }>`select pg_get_constraintdef(c.oid) as text from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attname = ${column}
    where c.conrelid = ${table}::regclass and c.contype = 'c' and c.conkey = array[a.attnum]`.execute(test.ctx.db.kysely);
  return [...(rows[0]?.text ?? '').matchAll(/'(\w+)'::text/g)].map(([, value]) => value as string);
}

describe('a book', () => {
  it('follows payments, refunds, second and late money', async () => {
    const story = newStory(rng, test.clock.now());
    const at = test.clock.now();
    const first = paid(story, rng, { amount_fen: 10_000, at: addMs(at, -5) });
    const second = paid(story, rng, { amount_fen: 500, at: addMs(at, -4), type: 'payment.duplicate_received' });
    paid(story, rng, { amount_fen: 300, at: addMs(at, -3), type: 'payment.late_received' });
    refunded(story, rng, first, { amount_fen: 2_500, at: addMs(at, -2) });
    refunded(story, rng, second, { amount_fen: 500, at, cause: 'duplicate' });
    await commitEvents(test.ctx, story);
    await project();
    assert.deepEqual(await balances(story), { channel_receivable: 10_000 - 2_500 + 300, merchant_due: -7_500, suspense: -300 });
    const rows = await listPostings(test.ctx, { ...bookOf(story), limit: 10 });
    assert.deepEqual(
      rows.map(({ no, kind, channel_account_id }) => [Number(no), kind, channel_account_id]),
      [
        [5, 'return'],
        [4, 'refund'],
        [3, 'late'],
        [2, 'duplicate'],
        [1, 'payment'],
      ].map((row) => [...row, story.account]),
    );
  });

  it('I-24 has one posting of a source, however often it is posted', async () => {
    const story = newStory(rng, test.clock.now());
    const draft = drawn(story);
    assert.equal((await posted(story, draft)).length, 1);
    assert.equal((await posted(story, draft, drawn(story))).length, 1);
    const both = await Promise.all([posted(story, draft), posted(story, draft)]);
    assert.deepEqual(both, [[], []]);
    assert.deepEqual(await balances(story), { channel_receivable: -120, channel_fee: 120 });
  });

  it('I-24 has one posting of a source that ten post at the same time', async () => {
    const story = newStory(rng, test.clock.now());
    const draft = drawn(story);
    const done = await Promise.all(Array.from({ length: 10 }, () => posted(story, draft)));
    assert.equal(done.flat().length, 1);
    assert.deepEqual(await balances(story), { channel_receivable: -60, channel_fee: 60 });
  });

  it('I-22 takes nothing that does not sum to zero, from code or from SQL', async () => {
    const story = newStory(rng, test.clock.now());
    const lame = entriesOf(['channel_fee', story.account, 60n], ['channel_receivable', story.account, -59n]);
    await assert.rejects(posted(story, drawn(story, { entries: lame })), /sum to zero/);
    const [{ id } = missing] = await posted(story, drawn(story));
    const entry = (line: number, amount: number, posting_id = id) => sql`(${story.merchant_id}, ${posting_id}, ${line}, 'suspense', 'x', 'CNY', ${amount})`;
    const add = (...rows: readonly RawBuilder<unknown>[]) =>
      sql`insert into ledger_entries (merchant_id, posting_id, line, account, party_id, currency, amount_fen) values ${sql.join(rows)}`.execute(
        test.ctx.db.kysely,
      );
    const isUneven = (error: unknown) => violatedConstraint(error) === 'ledger_entries_sum_to_zero';
    await assert.rejects(add(entry(3, 5)), isUneven);
    await assert.rejects(add(entry(3, 5), entry(4, -4)), isUneven);
    await add(entry(3, 5), entry(4, -5));
    // What sums to zero needs a posting all the same.
    for (const nobodys of [`pst_${'0'.repeat(26)}`, `pst_${'Z'.repeat(26)}`])
      await assert.rejects(add(entry(1, 5, nobodys), entry(2, -5, nobodys)), { code: '23503' });
  });

  it('I-24 takes no id but `pst_` and a ULID, from SQL either', async () => {
    const story = newStory(rng, test.clock.now());
    const [{ id } = missing] = await posted(story, drawn(story));
    const copy = (as: string, no: number) =>
      sql`insert into ledger_postings select (p).* from (select jsonb_populate_record(p, jsonb_build_object('id', ${as}::text, 'no', ${no}::integer)) as p
        from ledger_postings p where merchant_id = ${story.merchant_id} and id = ${id}) x`.execute(test.ctx.db.kysely);
    const ulid = id.slice(4);
    for (const bad of [
      '',
      'pst_',
      ulid,
      `pst_${ulid}0`,
      id.slice(0, -1),
      `pst_I${ulid.slice(1)}`,
      `pst_${ulid.toLowerCase()}`,
      `pst_${ulid.slice(1)}\n`,
      `pay_${ulid}`,
    ])
      await assert.rejects(copy(bad, 9), (error) => violatedConstraint(error) === 'ledger_postings_id_check', bad);
    await copy(`pst_${'Z'.repeat(26)}`, 9);
  });

  it('I-25 is only added to', async () => {
    const story = newStory(rng, test.clock.now());
    await posted(story, drawn(story));
    for (const statement of [
      sql`update ledger_postings set amount_fen = 1`,
      sql`delete from ledger_entries`,
      sql`truncate ledger_entries`,
      sql`update ledger_entries set amount_fen = 1 where merchant_id = ${story.merchant_id}`,
    ]) {
      await assert.rejects(statement.execute(test.ctx.db.kysely), (error) => violatedConstraint(error) === 'ledger_only_added');
    }
  });

  it('adds up, all books together', async () => {
    const [trial, ...others] = trialOf(await readBalances(test.ctx, {}));
    assert.deepEqual(others, []);
    assert.ok(trial?.balanced && trial.debit_fen > 0n);
  });

  it('is seen by nobody who asks for another merchant or mode', async () => {
    const story = newStory(rng, test.clock.now(), true);
    const [{ id } = missing] = await posted(story, drawn(story));
    const elsewhere = [{ ...bookOf(story), livemode: false }, bookOf(newStory(rng, test.clock.now()))];
    for (const book of elsewhere) {
      assert.deepEqual(await readBalances(test.ctx, book), []);
      assert.deepEqual(await listPostings(test.ctx, { ...book, limit: 10 }), []);
      await assert.rejects(reversePosting(test.ctx, { ...book, posting_id: id, reason: 'x', by: 'finance' }), refusedWith({ refused: 'posting_not_found' }));
    }
  });
});

describe('a reversal', () => {
  it('names what it undoes, undoes all of it, and comes once', async () => {
    const story = newStory(rng, test.clock.now());
    const [{ id } = missing] = await posted(story, drawn(story));
    const tries = await Promise.allSettled(
      Array.from({ length: 5 }, () => reversePosting(test.ctx, { ...bookOf(story), posting_id: id, reason: '多收手续费', by: 'finance' })),
    );
    const done = tries.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    assert.equal(done.length, 1);
    assert.equal(done[0]?.reverses_id, id);
    assert.deepEqual(await balances(story), { channel_receivable: 0, channel_fee: 0 });
    await assert.rejects(
      reversePosting(test.ctx, { ...bookOf(story), posting_id: id, reason: 'x', by: 'finance' }),
      refusedWith({ refused: 'posting_reversed' }),
    );
    await assert.rejects(
      reversePosting(test.ctx, { ...bookOf(story), posting_id: done[0]?.id as string, reason: 'x', by: 'finance' }),
      refusedWith({ refused: 'posting_reversed' }),
    );
  });

  it('needs a posting and a reason that can be read', async () => {
    const story = newStory(rng, test.clock.now());
    for (const posting_id of ['', 'pst_x', postingId(newId('event', test.clock.now(), rng)), "' or 1=1"])
      await assert.rejects(
        reversePosting(test.ctx, { ...bookOf(story), posting_id, reason: 'x', by: 'finance' }),
        refusedWith({ refused: 'posting_not_found' }),
      );
    await assert.rejects(
      reversePosting(test.ctx, { ...bookOf(story), posting_id: 'pst_x', reason: '\u202e', by: 'finance' }),
      refusedWith({ refused: 'parameter_invalid' }),
    );
  });
});

describe('time', () => {
  it('balances are those of the end of any day, and of any instant', async () => {
    const story = newStory(rng, test.clock.now());
    for (const [at, amount_fen] of [
      ['2026-11-20T09:00:00', 100],
      ['2026-11-20T23:59:59.999', 20],
      ['2026-11-21T00:00:00', 3],
      ['2026-11-21T18:00:00', 4_000],
    ] as const)
      paid(story, rng, { amount_fen, at: day(at) });
    await commitEvents(test.ctx, story);
    await project();
    const due = async (through: string) => (await balances(story, through)).merchant_due ?? 0;
    assert.deepEqual([await due('2026-11-19'), await due('2026-11-20'), await due('2026-11-21')], [0, -120, -4_123]);
    const dueAt = async (at: string) =>
      Number((await readBalancesAt(test.ctx, { ...bookOf(story), at: day(at) })).find(({ account }) => account === 'merchant_due')?.balance_fen ?? 0);
    assert.deepEqual(
      [
        await dueAt('2026-11-20T08:59:59'),
        await dueAt('2026-11-20T09:00:00'),
        await dueAt('2026-11-21T00:00:00'),
        await dueAt('2026-11-21T17:59:59'),
        await dueAt('2026-11-22T00:00:00'),
      ],
      [0, -100, -123, -123, -4_123],
    );
  });

  it('a closed day takes no posting; what comes late counts on the first open day and names its own', async () => {
    const story = newStory(rng, test.clock.now());
    paid(story, rng, { amount_fen: 100, at: day('2026-11-20T12:00:00') });
    await commitEvents(test.ctx, story);
    await project();
    await closePeriod(test.ctx, { ...bookOf(story), through: '2026-11-20', by: 'finance' });
    paid(story, rng, { amount_fen: 7, at: day('2026-11-19T12:00:00') });
    await commitEvents(test.ctx, story);
    await project();
    assert.deepEqual([(await balances(story, '2026-11-20')).merchant_due, (await balances(story, '2026-11-21')).merchant_due], [-100, -107]);
    const [late] = await listPostings(test.ctx, { ...bookOf(story), limit: 1 });
    assert.deepEqual([late?.fact_date, late?.biz_date], ['2026-11-19', '2026-11-21']);
    const [, { id }] = (await listPostings(test.ctx, { ...bookOf(story), limit: 2 })) as [unknown, { id: string }];
    const again = sql`insert into ledger_postings select merchant_id, 'pst_00000000000000000000000000', livemode, no + 100, kind, source_id, reverses_id, currency, amount_fen, fee_fen, payment_id,
      attempt_id, refund_id, store_id, channel_account_id, channel, method, fact_at, fact_date, biz_date, detail from ledger_postings where merchant_id = ${story.merchant_id} and id = ${id}`;
    await assert.rejects(again.execute(test.ctx.db.kysely), (error) => violatedConstraint(error) === 'ledger_day_closed');
  });

  it('is closed only when it has seen what happened, and over days that are not closed only where that is said', async () => {
    const story = newStory(rng, test.clock.now());
    const close = (anyway = false) => closePeriod(test.ctx, { ...bookOf(story), through: '2026-11-20', by: 'ann', anyway });
    paid(story, rng, { amount_fen: 100, at: day('2026-11-20T12:00:00') });
    await commitEvents(test.ctx, story);
    await assert.rejects(close(), refusedWith({ refused: 'ledger_behind' }));
    await assert.rejects(close(true), refusedWith({ refused: 'ledger_behind' }));
    await project();
    await test.ctx.db.kysely.transaction().execute(async (tx) => {
      // The story's account is in no table.
      await sql`set local session_replication_role = replica`.execute(tx);
      await sql`insert into bill_days (merchant_id, channel_account_id, kind, biz_date, livemode, channel, state, created_at)
        select ${story.merchant_id}, ${story.account}, 'trade', d, ${bookOf(story).livemode}, 'wechatpay', 'empty', now()
        from unnest(array['2026-11-19', '2026-11-20', '2026-11-21']::date[]) d`.execute(tx);
    });
    await assert.rejects(close(), (error) => error instanceof RefusalError && /"open_days":"2".*2026-11-19/.test(JSON.stringify(error.refusal)));
    assert.deepEqual(await close(true), { open_days: 2, first_open: '2026-11-19' });
    const { rows } = await sql`select closed_by, open_days from ledger_closes where merchant_id = ${story.merchant_id}`.execute(test.ctx.db.kysely);
    assert.deepEqual(rows, [{ closed_by: 'ann', open_days: 2 }]);
  });

  it('a day is closed once, after it is over, and is a day', async () => {
    const book = bookOf(newStory(rng, test.clock.now()));
    await assert.rejects(closePeriod(test.ctx, { ...book, through: '2026-11-22', by: 'finance' }), refusedWith({ refused: 'ledger_day_not_over' }));
    for (const through of ['', '2026-02-30', '2026-1-1', 'yesterday', "2026-11-21'"])
      await assert.rejects(closePeriod(test.ctx, { ...book, through, by: 'finance' }), refusedWith({ refused: 'parameter_invalid' }));
    await closePeriod(test.ctx, { ...book, through: '2026-11-21', by: 'finance' });
    await assert.rejects(closePeriod(test.ctx, { ...book, through: '2026-11-21', by: 'finance' }), refusedWith({ refused: 'ledger_day_closed' }));
    await assert.rejects(closePeriod(test.ctx, { ...book, through: '2026-11-20', by: 'finance' }), refusedWith({ refused: 'ledger_day_closed' }));
  });
});
