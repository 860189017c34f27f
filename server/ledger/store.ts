import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Ctx } from '../platform/ctx.ts';
import { column } from '../platform/db/column.ts';
import type { Tables } from '../platform/db/tables.gen.ts';
import type { Account } from './account.ts';
import type { BookState, Posting } from './posting.ts';
import { turnoversOf } from './turnover.ts';

/** Tables: ledger_books, ledger_postings, ledger_entries, ledger_turnovers, ledger_closes. */

/** A merchant's book in one mode. */
export type BookName = { readonly merchant_id: string; readonly livemode: boolean };

/** The turn to write a book, until the transaction ends. */
export async function holdBook(tx: Kysely<Tables>, { merchant_id, livemode }: BookName): Promise<BookState & { readonly position: bigint }> {
  const hold = () =>
    sql<
      BookState & { position: bigint }
    >`select position, last_no, closed_through from ledger_books where merchant_id = ${merchant_id} and livemode = ${livemode} for update`.execute(tx);
  const [book] = (await hold()).rows;
  if (book) return book;
  await sql`insert into ledger_books (merchant_id, livemode) values (${merchant_id}, ${livemode}) on conflict do nothing`.execute(tx);
  const [opened] = (await hold()).rows;
  return opened as BookState & { position: bigint };
}

export async function insertPostings(tx: Kysely<Tables>, postings: readonly Posting[]): Promise<void> {
  if (postings.length > 0) await insertionOf(postings).execute(tx);
}

/**
 * Postings with their entries, what they turn over and the numbers that they take: one statement, whatever their number. What
 * the postings of a batch have in common is sent once, and columns as arrays: reading them as objects of JSON was a third of
 * the statement.
 */
export function insertionOf(postings: readonly Posting[]): RawBuilder<unknown> {
  const [subjects, subject_of] = distinct(postings, subjectKey);
  const entries = postings.flatMap((posting, at) => posting.entries.map((entry, nth) => ({ posting, entry, line: nth + 1, subject: subject_of[at] })));
  const [places, place_of] = distinct(entries, ({ subject, entry }) => `${subject} ${entry.account} ${entry.party_id}`);
  const turnovers = turnoversOf(postings);
  const numbers = [...new Map(postings.map(({ merchant_id, livemode, no }) => [`${merchant_id}/${livemode}`, { merchant_id, livemode, no }])).values()];
  return sql`with posted as (
      insert into ledger_postings (merchant_id, id, livemode, no, kind, source_id, reverses_id, currency, amount_fen, fee_fen, payment_id, attempt_id, refund_id, store_id,
        channel_account_id, channel, method, fact_at, fact_date, biz_date, detail)
      select s.merchant_id, p.id, s.livemode, p.no, s.kind, p.source_id, p.reverses_id, s.currency, p.amount_fen, p.fee_fen, p.payment_id, p.attempt_id, p.refund_id, s.store_id,
        s.channel_account_id, s.channel, s.method, p.fact_at, s.fact_date, s.biz_date, p.detail
      from unnest(${column(subject_of, (place) => place)}::bigint[], ${column(postings, (row) => row.id)}::text[], ${column(postings, (row) => row.no)}::bigint[],
        ${column(postings, (row) => row.source_id)}::text[], ${column(postings, (row) => row.reverses_id)}::text[], ${column(postings, (row) => row.amount_fen)}::bigint[],
        ${column(postings, (row) => row.fee_fen)}::bigint[], ${column(postings, (row) => row.payment_id)}::text[], ${column(postings, (row) => row.attempt_id)}::text[],
        ${column(postings, (row) => row.refund_id)}::text[], ${column(postings, (row) => row.fact_at)}::timestamptz[], ${column(postings, (row) => JSON.stringify(row.detail))}::jsonb[])
        as p (subject, id, no, source_id, reverses_id, amount_fen, fee_fen, payment_id, attempt_id, refund_id, fact_at, detail)
      join unnest(${column(subjects, (row) => row.merchant_id)}::text[], ${column(subjects, (row) => row.livemode)}::boolean[], ${column(subjects, (row) => row.currency)}::text[],
        ${column(subjects, (row) => row.kind)}::text[], ${column(subjects, (row) => row.store_id)}::text[], ${column(subjects, (row) => row.channel_account_id)}::text[],
        ${column(subjects, (row) => row.channel)}::text[], ${column(subjects, (row) => row.method)}::text[], ${column(subjects, (row) => row.fact_date)}::date[],
        ${column(subjects, (row) => row.biz_date)}::date[])
        with ordinality as s (merchant_id, livemode, currency, kind, store_id, channel_account_id, channel, method, fact_date, biz_date, subject) using (subject)
    ), entered as (
      insert into ledger_entries (merchant_id, posting_id, line, account, party_id, currency, amount_fen)
      select w.merchant_id, e.posting_id, e.line, w.account, w.party_id, w.currency, e.amount_fen
      from unnest(${column(entries, ({ posting }) => posting.id)}::text[], ${column(entries, (row) => row.line)}::smallint[], ${column(place_of, (place) => place)}::bigint[],
        ${column(entries, ({ entry }) => entry.amount_fen)}::bigint[]) as e (posting_id, line, place, amount_fen)
      join unnest(${column(places, ({ posting }) => posting.merchant_id)}::text[], ${column(places, ({ entry }) => entry.account)}::text[], ${column(places, ({ entry }) => entry.party_id)}::text[],
        ${column(places, ({ posting }) => posting.currency)}::text[]) with ordinality as w (merchant_id, account, party_id, currency, place) using (place)
    ), turned as (
      insert into ledger_turnovers as t (merchant_id, livemode, account, party_id, currency, biz_date, debit_fen, credit_fen)
      select * from json_to_recordset(${json(turnovers)}::json) as x (merchant_id text, livemode boolean, account text, party_id text, currency text, biz_date date,
        debit_fen bigint, credit_fen bigint)
      on conflict (merchant_id, livemode, account, party_id, currency, biz_date)
        do update set debit_fen = t.debit_fen + excluded.debit_fen, credit_fen = t.credit_fen + excluded.credit_fen
    )
    update ledger_books b set last_no = x.no from json_to_recordset(${json(numbers)}::json) as x (merchant_id text, livemode boolean, no bigint)
    where b.merchant_id = x.merchant_id and b.livemode = x.livemode`;
}

const subjectKey = ({ merchant_id, livemode, currency, kind, store_id, channel_account_id, channel, method, fact_date, biz_date }: Posting): string =>
  `${merchant_id} ${livemode} ${currency} ${kind} ${store_id} ${channel_account_id} ${channel} ${method} ${fact_date} ${biz_date}`;

/** Of the rows with the same key the first, and for each row which of these has its key, counted from one. */
function distinct<Row>(rows: readonly Row[], keyOf: (row: Row) => string): [firsts: Row[], of: number[]] {
  const firsts: Row[] = [];
  const places = new Map<string, number>();
  const of = rows.map((row) => {
    const key = keyOf(row);
    const known = places.get(key);
    if (known !== undefined) return known;
    const place = firsts.push(row);
    places.set(key, place);
    return place;
  });
  return [firsts, of];
}

const json = (rows: readonly object[]): string => JSON.stringify(rows, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));

type PostingRow = Omit<Posting, 'entries'>;

/** Postings of a book by their ids, with entries. */
export async function readPostings(db: Kysely<Tables>, { merchant_id, livemode }: BookName, ids: readonly string[]): Promise<Posting[]> {
  const { rows } = await sql<PostingRow & { entries: readonly { account: Account; party_id: string; amount_fen: string }[] }>`
    select p.*, e.entries from ledger_postings p
    cross join lateral (select json_agg(json_build_object('account', account, 'party_id', party_id, 'amount_fen', amount_fen::text) order by line) as entries
      from ledger_entries where merchant_id = p.merchant_id and posting_id = p.id) e
    where p.merchant_id = ${merchant_id} and p.livemode = ${livemode} and p.id = any (${ids}::text[])`.execute(db);
  return rows.map((row) => ({ ...row, entries: row.entries.map((entry) => ({ ...entry, amount_fen: BigInt(entry.amount_fen) as Posting['amount_fen'] })) }));
}

/** Which of these postings are undone. */
export async function readReversed(db: Kysely<Tables>, merchant_id: string, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{
    reverses_id: string;
  }>`select reverses_id from ledger_postings where merchant_id = ${merchant_id} and reverses_id = any (${ids}::text[])`.execute(db);
  return new Set(rows.map(({ reverses_id }) => reverses_id));
}

export type BalanceRow = {
  readonly account: Account;
  readonly party_id: string;
  readonly currency: string;
  readonly debit_fen: bigint;
  readonly credit_fen: bigint;
};

/** What moved on each account up to the end of that day, or ever. */
export async function readBalances(db: Kysely<Tables>, { merchant_id, livemode }: Partial<BookName>, through: string | undefined): Promise<BalanceRow[]> {
  const { rows } =
    await sql<BalanceRow>`select account, party_id, currency, sum(debit_fen)::bigint as debit_fen, sum(credit_fen)::bigint as credit_fen from ledger_turnovers
    where (${merchant_id ?? null}::text is null or merchant_id = ${merchant_id ?? null}) and (${livemode ?? null}::boolean is null or livemode = ${livemode ?? null})
      and (${through ?? null}::date is null or biz_date <= ${through ?? null}::date)
    group by account, party_id, currency order by account, party_id, currency`.execute(db);
  return rows;
}

/** What moved on each account on one day, of facts up to an instant of it. */
export async function readMovesOfDay(db: Kysely<Tables>, { merchant_id, livemode }: BookName, biz_date: string, until: Date): Promise<BalanceRow[]> {
  const { rows } = await sql<BalanceRow>`select e.account, e.party_id, e.currency,
      sum(greatest(e.amount_fen, 0))::bigint as debit_fen, sum(greatest(-e.amount_fen, 0))::bigint as credit_fen
    from ledger_postings p join ledger_entries e on e.merchant_id = p.merchant_id and e.posting_id = p.id
    where p.merchant_id = ${merchant_id} and p.livemode = ${livemode} and p.biz_date = ${biz_date}::date and p.fact_at <= ${until}
    group by e.account, e.party_id, e.currency order by e.account, e.party_id, e.currency`.execute(db);
  return rows;
}

/** True where an event of until then is not posted yet, numbered or not. */
export async function isBehind(db: Kysely<Tables>, { merchant_id, livemode }: BookName, until: Date): Promise<boolean> {
  const of_book = sql`merchant_id = ${merchant_id} and livemode = ${livemode}`;
  const { rows } = await sql<{ behind: boolean }>`select exists (select 1 from events where sequence is null and ${of_book} and created_at <= ${until})
    or exists (select 1 from (select created_at from events where ${of_book}
      and sequence > coalesce((select position from ledger_books where ${of_book}), 0) order by sequence limit 1) next where created_at <= ${until}) as behind`.execute(
    db,
  );
  return rows[0]?.behind ?? false;
}

export type OpenDays = { readonly open_days: number; readonly first_open: string | null };

/** Days of trade bills up to one that are not closed. Reconciliation stands above the ledger, so its rows are read and its code is not. */
export async function readOpenDays(db: Kysely<Tables>, { merchant_id, livemode }: BookName, through: string): Promise<OpenDays> {
  const { rows } = await sql<OpenDays>`select count(*)::integer as open_days, min(biz_date)::text as first_open from bill_days
    where merchant_id = ${merchant_id} and livemode = ${livemode} and kind = 'trade' and biz_date <= ${through}::date and closed_at is null`.execute(db);
  return rows[0] ?? { open_days: 0, first_open: null };
}

export type Close = { readonly through: string; readonly open_days: number; readonly by: string; readonly at: Date };

/** Writes down that nothing is posted up to that day any more. */
export async function closeBook(
  tx: Kysely<Tables>,
  { merchant_id, livemode }: BookName,
  { through: closed_through, open_days, by, at: closed_at }: Close,
): Promise<void> {
  await sql`with closed as (
      update ledger_books set closed_through = ${closed_through}::date where merchant_id = ${merchant_id} and livemode = ${livemode} returning position, last_no
    )
    insert into ledger_closes (merchant_id, livemode, closed_through, position, last_no, closed_at, closed_by, open_days)
    select ${merchant_id}, ${livemode}, ${closed_through}::date, position, last_no, ${closed_at}, ${by}, ${open_days} from closed`.execute(tx);
}

export type CloseRow = { readonly closed_through: string; readonly position: bigint };

/** In the order in which they were made. */
export async function readCloses(db: Kysely<Tables>, { merchant_id, livemode }: BookName): Promise<CloseRow[]> {
  const { rows } =
    await sql<CloseRow>`select closed_through, position from ledger_closes where merchant_id = ${merchant_id} and livemode = ${livemode} order by closed_through`.execute(
      db,
    );
  return rows;
}

export type PostingFilter = BookName & {
  readonly from?: string | undefined;
  readonly through?: string | undefined;
  readonly channel_account_id?: string | undefined;
  readonly payment_id?: string | undefined;
  readonly after_no?: bigint | undefined;
  readonly limit: number;
};

/** Postings without their entries, in the order of their numbers within a day. */
export async function listPostings(ctx: Ctx, { merchant_id, livemode, from, through, channel_account_id, limit }: PostingFilter): Promise<PostingRow[]> {
  const { rows } = await sql<PostingRow>`select * from ledger_postings where merchant_id = ${merchant_id} and livemode = ${livemode}
      and (${from ?? null}::date is null or biz_date >= ${from ?? null}::date) and (${through ?? null}::date is null or biz_date <= ${through ?? null}::date)
      and (${channel_account_id ?? null}::text is null or channel_account_id = ${channel_account_id ?? null})
    order by biz_date desc, no desc limit ${limit}`.execute(ctx.db.kysely);
  return rows;
}
