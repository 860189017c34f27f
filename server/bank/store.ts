import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import { bank_open_max } from '../kernel/limits.ts';
import { addMs } from '../kernel/time.ts';
import type { Ctx } from '../platform/ctx.ts';
import type { Tables } from '../platform/db/tables.gen.ts';
import type { BankCredit } from './credit.ts';
import type { Match, OpenCredit as Unmatched } from './explain.ts';

/** Tables: bank_accounts, bank_imports, bank_credits, bank_days. */

type Db = Kysely<Tables>;
export type Account = { readonly merchant_id: string; readonly channel_account_id: string };
/** What credits are held against: what each day of bills comes to, or what was withdrawn on it by the fund bill. */
export const against = ['nets', 'withdrawals'] as const;
export type Against = (typeof against)[number];
export type Followed = Account & {
  readonly livemode: boolean;
  readonly channel: string;
  readonly since: string;
  readonly covered_through: string | null;
  readonly against: Against;
  readonly bank_account: string;
  readonly followed_by: string | null;
};

const account_columns = sql.raw('merchant_id, channel_account_id, livemode, channel, since, covered_through, against, bank_account, followed_by');

export async function findFollowed(db: Db, { merchant_id, channel_account_id }: Account): Promise<Followed | undefined> {
  const { rows } =
    await sql<Followed>`select ${account_columns} from bank_accounts where merchant_id = ${merchant_id} and channel_account_id = ${channel_account_id}`.execute(
      db,
    );
  return rows[0];
}

/** Follows an account from a day on; an earlier day than before is taken over, a later one would forget what is open. What it is held against stays, and the name of the bank account where none is given. */
export async function follow(
  db: Db,
  { merchant_id, channel_account_id, livemode, channel, since, against: of, bank_account, followed_by }: Following,
  now: Date,
): Promise<void> {
  await sql`insert into bank_accounts (merchant_id, channel_account_id, livemode, channel, since, against, bank_account, followed_by, next_look_at)
    values (${merchant_id}, ${channel_account_id}, ${livemode}, ${channel}, ${since}, ${of}, ${bank_account ?? ''}, ${followed_by}, ${now})
    on conflict (merchant_id, channel_account_id) do update set since = least(bank_accounts.since, excluded.since),
      bank_account = coalesce(${bank_account ?? null}, bank_accounts.bank_account), followed_by = excluded.followed_by`.execute(db);
}

export type Following = Omit<Followed, 'covered_through' | 'bank_account'> & { readonly bank_account: string | undefined };

/** How far the statements reach that were taken in and not taken back. */
export async function coverThrough(db: Db, { merchant_id, channel_account_id }: Account): Promise<void> {
  await sql`update bank_accounts set covered_through = (
      select max(covered_through) from bank_imports where merchant_id = ${merchant_id} and channel_account_id = ${channel_account_id} and undone_at is null
    ) where merchant_id = ${merchant_id} and channel_account_id = ${channel_account_id}`.execute(db);
}

/** Takes accounts that are due; the time of the next look is the lease. */
export const claimAccounts = (ctx: Ctx, limit: number, now: Date, lease_ms: number): Promise<Account[]> =>
  ctx.db.run<Account>(
    {
      name: 'bank_accounts_claim',
      text: `update bank_accounts a set next_look_at = $2
        from (select merchant_id, channel_account_id from bank_accounts where next_look_at <= $1 order by next_look_at limit $3 for update skip locked) d
        where a.merchant_id = d.merchant_id and a.channel_account_id = d.channel_account_id returning a.merchant_id, a.channel_account_id`,
    },
    [now, addMs(now, lease_ms), limit],
  );

const credit_columns = sql.raw(
  'merchant_id, id, livemode, channel, channel_account_id, reference, received_on, amount_fen, payer, imported_by, created_at, match_id, bank_account, import_id, posting_id',
);

/** The turn to take in credits of a merchant, until the transaction ends: two of its channel accounts may be about one bank account. */
export async function holdCredits(db: Db, { merchant_id, livemode }: Pick<Followed, 'merchant_id' | 'livemode'>): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`${merchant_id}/${livemode}`}, 7262004))`.execute(db);
}

/** Credits of a merchant with these numbers of banks, whichever channel account they were taken in for. */
export async function readCredits(
  db: Db,
  { merchant_id, livemode }: Pick<Followed, 'merchant_id' | 'livemode'>,
  references: readonly string[],
): Promise<readonly BankCredit[]> {
  const { rows } = await sql<BankCredit>`select ${credit_columns} from bank_credits where merchant_id = ${merchant_id} and livemode = ${livemode}
    and reference = any (${references}::text[]) and undone_at is null`.execute(db);
  return rows;
}

export async function insertCredits(db: Db, credits: readonly BankCredit[]): Promise<void> {
  if (credits.length === 0) return;
  const records = JSON.stringify(credits, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
  await sql`insert into bank_credits (${credit_columns})
    select x.merchant_id, x.id, x.livemode, x.channel, x.channel_account_id, x.reference, x.received_on, x.amount_fen, x.payer, x.imported_by, x.created_at, null, x.bank_account, x.import_id, null
    from jsonb_to_recordset(${records}::jsonb) as x (merchant_id text, id text, livemode boolean, channel text, channel_account_id text, reference text, received_on date, amount_fen bigint,
      payer text, imported_by text, created_at timestamptz, bank_account text, import_id text)`.execute(db);
}

/** Credits of a merchant by their ids, with all that is known of each. */
export async function readCreditsById(db: Db, merchant_id: string, ids: readonly string[]): Promise<readonly BankCredit[]> {
  if (ids.length === 0) return [];
  const { rows } = await sql<BankCredit>`select ${credit_columns} from bank_credits where merchant_id = ${merchant_id} and id = any (${ids}::text[])
    order by received_on, id`.execute(db);
  return rows;
}

/** Says by which posting each credit is in the book, or that it is not. */
export async function namePostings(db: Db, merchant_id: string, named: readonly Pick<BankCredit, 'id' | 'posting_id'>[]): Promise<void> {
  if (named.length === 0) return;
  await sql`update bank_credits c set posting_id = x.posting_id from jsonb_to_recordset(${JSON.stringify(named)}::jsonb) as x (id text, posting_id text)
    where c.merchant_id = ${merchant_id} and c.id = x.id`.execute(db);
}

/** Forgets credits that were written in this transaction and are about no day that is followed. */
export async function dropCredits(db: Db, merchant_id: string, ids: readonly string[]): Promise<void> {
  await sql`delete from bank_credits where merchant_id = ${merchant_id} and id = any (${ids}::text[])`.execute(db);
}

export type Import = Account & {
  readonly id: string;
  readonly livemode: boolean;
  readonly covered_through: string | null;
  readonly imported_by: string;
  readonly created_at: Date;
};
export type ListedImport = Import & {
  readonly credits: bigint;
  readonly amount_fen: bigint;
  readonly undone_at: Date | null;
  readonly undone_by: string | null;
  readonly undone_reason: string | null;
};

export async function insertImport(db: Db, row: Import): Promise<void> {
  await db.insertInto('bank_imports').values(row).execute();
}

/** Newest first. */
export async function listImports(db: Db, { merchant_id, channel_account_id }: Account, limit: number): Promise<readonly ListedImport[]> {
  const { rows } = await sql<ListedImport>`select i.*, c.credits, c.amount_fen from bank_imports i
    cross join lateral (select count(*) as credits, coalesce(sum(amount_fen), 0)::bigint as amount_fen from bank_credits
      where merchant_id = i.merchant_id and import_id = i.id) c
    where i.merchant_id = ${merchant_id} and i.channel_account_id = ${channel_account_id} order by i.id desc limit ${limit}`.execute(db);
  return rows;
}

export type UndoneImport = Account & { readonly import_id: string; readonly by: string; readonly reason: string; readonly now: Date };

/**
 * Takes an import back: its credits are about nothing any more, and what they were matched with is open again. Gives their ids,
 * each with its posting; undefined where there is no such import, or it was taken back before.
 */
export async function undoImport(db: Db, of: UndoneImport): Promise<readonly Pick<BankCredit, 'id' | 'posting_id'>[] | undefined> {
  const { merchant_id, channel_account_id, import_id, by, reason, now } = of;
  const found = await sql`update bank_imports set undone_at = ${now}, undone_by = ${by}, undone_reason = ${reason}
    where merchant_id = ${merchant_id} and channel_account_id = ${channel_account_id} and id = ${import_id} and undone_at is null returning id`.execute(db);
  if (found.rows.length === 0) return undefined;
  const matched = sql`select match_id from bank_credits where merchant_id = ${merchant_id} and import_id = ${import_id} and match_id is not null`;
  await sql`with matched as (${matched}), days as (update bank_days set match_id = null where merchant_id = ${merchant_id} and match_id in (select match_id from matched))
    update bank_credits set match_id = null where merchant_id = ${merchant_id} and match_id in (select match_id from matched)`.execute(db);
  const { rows } = await sql<Pick<BankCredit, 'id' | 'posting_id'>>`with o as (
      select id, posting_id from bank_credits where merchant_id = ${merchant_id} and import_id = ${import_id} for update
    ) update bank_credits c set undone_at = ${now}, posting_id = null from o where c.merchant_id = ${merchant_id} and c.id = o.id returning c.id, o.posting_id`.execute(
    db,
  );
  return rows;
}

/** Days whose bill is there and was read: a trade bill is believed once it was matched. */
const billed: Readonly<Record<Against, ReturnType<typeof sql>>> = {
  nets: sql`kind = 'trade' and matched_at is not null`,
  withdrawals: sql`kind = 'fund' and state <> 'wanted'`,
};
const unbilled_days: typeof billed = { nets: sql`kind = 'trade' and matched_at is null`, withdrawals: sql`kind = 'fund' and state = 'wanted'` };

/**
 * Brings the days up to their bills: new ones, and those that have another bill now. What another bill gives another sum for is
 * open again, with all that was matched together with it.
 */
export async function refreshDays(db: Db, { merchant_id, channel_account_id, since, against: of }: Followed): Promise<void> {
  // A withdrawal that the bank sends back comes in again as one.
  const sum =
    of === 'nets'
      ? sql`coalesce(sum(case direction when 'in' then settled_fen else -settled_fen end) - round(sum(fee_millifen) / 1000.0), 0)::bigint`
      : sql`coalesce(sum(case direction when 'out' then amount_fen else -amount_fen end), 0)::bigint`;
  const counted = of === 'nets' ? sql`l.state <> 'failed'` : sql`l.kind = 'withdrawal'`;
  await sql`with stale as materialized (
      select d.biz_date, d.bill_id, b.match_id, b.net_fen as before_fen,
        (select ${sum} from bill_lines l
          where l.merchant_id = ${merchant_id} and l.bill_id = d.bill_id and ${counted}) as net_fen
      from bill_days d left join bank_days b on b.merchant_id = d.merchant_id and b.channel_account_id = d.channel_account_id and b.biz_date = d.biz_date
      where d.merchant_id = ${merchant_id} and d.channel_account_id = ${channel_account_id} and d.biz_date >= ${since}::date and ${billed[of]}
        and (b.biz_date is null or b.bill_id is distinct from d.bill_id)
    ), undone as (select match_id from stale where match_id is not null and net_fen <> before_fen),
    credits as (update bank_credits set match_id = null where merchant_id = ${merchant_id} and match_id in (select match_id from undone)),
    others as (
      update bank_days set match_id = null where merchant_id = ${merchant_id} and match_id in (select match_id from undone) and biz_date not in (select biz_date from stale)
    )
    insert into bank_days (merchant_id, channel_account_id, biz_date, bill_id, net_fen, match_id)
    select ${merchant_id}, ${channel_account_id}, biz_date, bill_id, net_fen, case when match_id in (select match_id from undone) then null else match_id end from stale
    on conflict (merchant_id, channel_account_id, biz_date) do update set bill_id = excluded.bill_id, net_fen = excluded.net_fen, match_id = excluded.match_id`.execute(
    db,
  );
}

export type Net = {
  readonly biz_date: string;
  readonly net_fen: bigint;
  readonly explained_before: number;
  /** Of the day's fund bill, below zero for what came back; none where nets are followed. */
  readonly withdrawals: readonly bigint[];
};

export type OpenCredit = Unmatched & Pick<BankCredit, 'posting_id'>;
export type Open = {
  readonly days: readonly Net[];
  readonly credits: readonly OpenCredit[];
  readonly unbilled: readonly string[];
  /** What is open of this day and before it was not read, or not all of it: nothing can be said of it. */
  readonly unread_through: string | undefined;
};

/** Days and credits that nothing explains, the newest, and days whose bill is not there. */
export async function readOpen(db: Db, { merchant_id, channel_account_id, since, against: of }: Followed): Promise<Open> {
  const of_account = sql`merchant_id = ${merchant_id} and channel_account_id = ${channel_account_id}`;
  // One row a day: of years a thousand.
  const withdrawals =
    of === 'nets'
      ? sql`array[]::bigint[]`
      : sql`array(select case direction when 'out' then amount_fen else -amount_fen end from bill_lines l
        where l.merchant_id = d.merchant_id and l.bill_id = d.bill_id and l.kind = 'withdrawal' order by l.line)`;
  const days = await sql<Net>`select biz_date, net_fen, explained_before, ${withdrawals} as withdrawals from (
      select *, (count(*) filter (where match_id is not null) over (order by biz_date))::integer as explained_before from bank_days where ${of_account} and net_fen <> 0
    ) d where match_id is null order by biz_date desc limit ${bank_open_max}`.execute(db);
  const credits =
    await sql<OpenCredit>`select id, reference, received_on, amount_fen, posting_id from bank_credits where ${of_account} and match_id is null and undone_at is null
    order by received_on desc, id desc limit ${bank_open_max}`.execute(db);
  const unbilled = await sql<{
    biz_date: string;
  }>`select biz_date from bill_days where ${of_account} and ${unbilled_days[of]} and biz_date >= ${since}::date
    order by biz_date desc limit ${bank_open_max}`.execute(db);
  const oldest = [days.rows.map(({ biz_date }) => biz_date), credits.rows.map(({ received_on }) => received_on), unbilled.rows.map(({ biz_date }) => biz_date)]
    .filter((read) => read.length === bank_open_max)
    .flatMap((read) => read.at(-1) ?? []);
  return { days: days.rows, credits: credits.rows, unbilled: unbilled.rows.map(({ biz_date }) => biz_date), unread_through: oldest.toSorted().at(-1) };
}

export async function writeMatches(db: Db, { merchant_id, channel_account_id }: Account, matches: readonly Match[]): Promise<void> {
  if (matches.length === 0) return;
  const rows = matches.map(({ credits, days }) => ({
    match_id: credits[0]?.id,
    credits: credits.map(({ id }) => id),
    days: days.map(({ biz_date }) => biz_date),
  }));
  const records = JSON.stringify(rows);
  await sql`with x as (select * from jsonb_to_recordset(${records}::jsonb) as x (match_id text, credits jsonb, days jsonb)),
    credited as (
      update bank_credits c set match_id = x.match_id from x, jsonb_array_elements_text(x.credits) as of_x (id) where c.merchant_id = ${merchant_id} and c.id = of_x.id
    )
    update bank_days d set match_id = x.match_id from x, jsonb_array_elements_text(x.days) as of_x (day)
    where d.merchant_id = ${merchant_id} and d.channel_account_id = ${channel_account_id} and d.biz_date = of_x.day::date`.execute(db);
}

export type CreditPage = {
  readonly merchant_id: string;
  readonly livemode?: boolean | undefined;
  readonly channel_account_id?: string | undefined;
  readonly before_id?: string | undefined;
  readonly limit: number;
};
export type ListedCredit = BankCredit & { readonly days: readonly string[] };

/** Newest first, each with the days that it was found to be about. */
export async function listCredits(db: Db, { merchant_id, livemode, channel_account_id, before_id, limit }: CreditPage): Promise<readonly ListedCredit[]> {
  const where = [sql`c.merchant_id = ${merchant_id}`, sql`c.undone_at is null`];
  if (livemode !== undefined) where.push(sql`c.livemode = ${livemode}`);
  if (channel_account_id !== undefined) where.push(sql`c.channel_account_id = ${channel_account_id}`);
  if (before_id !== undefined) where.push(sql`c.id < ${before_id}`);
  const { rows } =
    await sql<ListedCredit>`select c.*, array(select d.biz_date::text from bank_days d where d.merchant_id = c.merchant_id and d.match_id = c.match_id order by d.biz_date) as days
    from bank_credits c where ${sql.join(where, sql` and `)} order by c.id desc limit ${limit}`.execute(db);
  return rows;
}
