import type { ExceptionKind, ExceptionState } from '@heliu/contract';
import { CompiledQuery, type Kysely, sql } from 'kysely';
import type { Ctx } from '../../platform/ctx.ts';
import type { Tables } from '../../platform/db/tables.gen.ts';
import { type OutboxEvent, outboxParts } from '../../platform/outbox/outbox.ts';
import type { Trx } from '../bills/store.ts';
import type { Run } from '../matching/store.ts';
import type { ReconException, Resolution, Taken } from './exception.ts';

type Executor = Kysely<Tables>;

const names = [
  'merchant_id',
  'id',
  'livemode',
  'channel',
  'channel_account_id',
  'biz_date',
  'kind',
  'fingerprint',
  'state',
  'object_id',
  'payment_id',
  'bill_id',
  'line',
  'channel_order_no',
  'channel_transaction_id',
  'our_fen',
  'bill_fen',
  'of',
  'standing',
  'at_risk_fen',
  'detail',
  'proposal',
  'owner',
  'approvals',
  'decision',
  'resolution',
  'opened_at',
  'reopened_at',
  'closed_at',
  'aged_at',
  'version',
] as const satisfies readonly (keyof ReconException)[];
const columns = sql.raw(names.map((name) => (name === 'of' ? '"of"' : name)).join(', '));

/** Writes those that are not there yet and gives their ids. A row is written with its steps so far. */
export async function insertExceptions(trx: Executor, rows: readonly ReconException[]): Promise<ReadonlySet<string>> {
  if (rows.length === 0) return new Set();
  const records = JSON.stringify(rows, (_, value) => (typeof value === 'bigint' ? String(value) : value));
  const { rows: written } = await sql<{ id: string }>`with ex as (
      insert into recon_exceptions (${columns})
      select x.merchant_id, x.id, x.livemode, x.channel, x.channel_account_id, x.biz_date, x.kind, x.fingerprint, x.state, x.object_id, x.payment_id, x.bill_id, x.line, x.channel_order_no,
        x.channel_transaction_id, x.our_fen, x.bill_fen, x."of", true, x.at_risk_fen, x.detail, x.proposal, null, '{}', null, null, x.opened_at, null, null, null, x.version
      from jsonb_to_recordset(${records}::jsonb) as x (merchant_id text, id text, livemode boolean, channel text, channel_account_id text, biz_date date, kind text, fingerprint text, state text,
        object_id text, payment_id text, bill_id text, line integer, channel_order_no text, channel_transaction_id text, our_fen bigint, bill_fen bigint, "of" text, at_risk_fen bigint,
        detail jsonb, proposal text, opened_at timestamptz, version integer)
      on conflict on constraint recon_exceptions_once do nothing returning merchant_id, id, state, opened_at
    ), st as (
      insert into recon_exception_steps (merchant_id, exception_id, version, step, from_state, to_state, by, at)
      select merchant_id, id, 1, 'open', null, 'opened', 'heliu', opened_at from ex
      union all select merchant_id, id, 2, 'propose', 'opened', 'proposed', 'heliu', opened_at from ex where state = 'proposed'
    ) select id from ex`.execute(trx);
  return new Set(written.map(({ id }) => id));
}

export async function insertEvents(trx: Executor, merchant_id: string, events: readonly OutboxEvent[]): Promise<void> {
  if (events.length === 0) return;
  const values: unknown[] = [merchant_id];
  const parts = [['p', 'select 1 as one'], ...outboxParts({ events }, (value) => `$${values.push(value)}`, 'p')].map(([name, text]) => `${name} as (${text})`);
  await trx.executeQuery(CompiledQuery.raw(`with ${parts.join(', ')} select 1 as one from p`, values));
}

/** What a matching finds, so that what it does not find any more can be told, and what it finds otherwise. */
export async function noteFound(trx: Executor, rows: readonly ReconException[]): Promise<void> {
  if (rows.length === 0) return;
  const records = rows.map(({ fingerprint, bill_id, line, our_fen, bill_fen, at_risk_fen, detail }) => ({
    fingerprint,
    bill_id,
    line,
    our_fen: String(our_fen),
    bill_fen: String(bill_fen),
    at_risk_fen: String(at_risk_fen),
    detail,
  }));
  await sql`insert into recon_found (fingerprint, bill_id, line, our_fen, bill_fen, at_risk_fen, detail)
    select fingerprint, bill_id, line, our_fen, bill_fen, at_risk_fen, detail from jsonb_to_recordset(${JSON.stringify(records)}::jsonb)
      as x (fingerprint text, bill_id text, line integer, our_fen bigint, bill_fen bigint, at_risk_fen bigint, detail jsonb)
    on conflict do nothing`.execute(trx);
}

export async function beginFound(trx: Executor): Promise<void> {
  await sql`create temp table recon_found (fingerprint text collate "C" primary key, bill_id text collate "C", line integer, our_fen bigint, bill_fen bigint, at_risk_fen bigint, detail jsonb)
    on commit drop`.execute(trx);
}

/** Kinds that are made anew by every matching of their day, so that one that is not made again is gone. */
const of_lines: readonly ExceptionKind[] = [
  'bill_only',
  'orphan',
  'unknown_paid',
  'late_paid',
  'amount_mismatch',
  'currency_mismatch',
  'transaction_mismatch',
  'wrong_receiver',
  'state_mismatch',
  'fee_mismatch',
  'rounding',
  'duplicate_line',
  'refund_bill_only',
  'refund_unknown',
  'refund_hold',
  'reversal',
  'fund_mismatch',
  'split_mismatch',
  'adjustment',
];
/** Kinds that end with the match of their object. */
const of_objects: readonly ExceptionKind[] = [
  'ours_only',
  'refund_ours_only',
  'cut_off',
  'stale',
  'unknown_paid',
  'late_paid',
  'refund_unknown',
  'refund_hold',
  'state_mismatch',
  'bill_only',
];

const open_states = sql`('opened', 'proposed', 'approved')`;
/** Open, or closed as a difference that stays in the day's equation: it has to go from there when it goes. */
const unsettled = sql`(e.state in ${open_states} or (e.state = 'closed' and e.standing))`;
/** The same again, as the index says it that has no others: those that were settled add up over the years. */
const of_index = sql`(e.closed_at is null or e.standing)`;

/** Exceptions whose difference is not there any more, and how it ended. */
export async function readSettled(
  trx: Executor,
  run: Run,
  matched: readonly { readonly bill_id: string; readonly line: number }[],
): Promise<readonly { readonly id: string; readonly resolution: Resolution }[]> {
  const open = sql`e.merchant_id = ${run.merchant_id} and e.channel_account_id = ${run.channel_account_id} and ${of_index} and ${unsettled}`;
  const { rows } = await sql<{ id: string; resolution: Resolution }>`select distinct on (id) id, resolution from (
      select e.id, 'matched' as resolution, 1 as rank from recon_exceptions e where ${open} and e.kind = any (${of_objects}::text[])
        -- By the key of each: as a semi-join it could become a join with all matches there ever were.
        and (select m.line from recon_matches m where m.merchant_id = e.merchant_id and m.object_id = e.object_id) is not null
      union all
      select e.id, 'matched', 1 from recon_exceptions e
        join unnest(${matched.map(({ bill_id }) => bill_id)}::text[], ${matched.map(({ line }) => line)}::integer[]) as m (bill_id, line) on m.bill_id = e.bill_id and m.line = e.line
        where ${open} and e.of <> 'other'
      union all
      select e.id, 'superseded', 2 from recon_exceptions e join bills b on b.merchant_id = e.merchant_id and b.id = e.bill_id and b.state = 'superseded'
        where ${open} and e.kind = any (${of_lines}::text[]) and e.fingerprint not in (select fingerprint from recon_found)
      union all
      select e.id, 'gone', 3 from recon_exceptions e where ${open} and e.biz_date = ${run.biz_date} and e.kind = any (${of_lines}::text[])
        and e.fingerprint not in (select fingerprint from recon_found)
      union all
      select e.id, 'gone', 4 from recon_exceptions e join attempts a on a.merchant_id = e.merchant_id and a.id = e.object_id
        where ${open} and e.kind = 'stale' and a.state in ('refused', 'closed')
      union all
      select e.id, 'gone', 5 from recon_exceptions e where ${open} and e.kind = 'cut_off'
        and exists (select 1 from recon_exceptions o where o.merchant_id = e.merchant_id and o.object_id = e.object_id and o.kind in ('ours_only', 'refund_ours_only'))
      union all
      select e.id, 'gone', 6 from recon_exceptions e join bill_days d on d.merchant_id = e.merchant_id and d.channel_account_id = e.channel_account_id and d.kind = coalesce(e.detail ->> 'bill', 'trade')
          and d.biz_date = e.biz_date
        where ${open} and e.kind in ('missing_bill', 'bill_refused') and d.state <> 'wanted'
    ) x order by id, rank`.execute(trx);
  return rows;
}

/** Exceptions of a kind that stand and were not found this time, of days after one where one is given. */
export async function readUnfound(
  trx: Executor,
  { merchant_id, channel_account_id }: Pick<Run, 'merchant_id' | 'channel_account_id'>,
  kind: ExceptionKind,
  after: string | undefined,
): Promise<readonly { readonly id: string; readonly resolution: Resolution }[]> {
  const { rows } = await sql<{ id: string; resolution: Resolution }>`select e.id, 'matched' as resolution from recon_exceptions e
    where e.merchant_id = ${merchant_id} and e.channel_account_id = ${channel_account_id} and ${of_index} and ${unsettled} and e.kind = ${kind}
      and (${after ?? null}::date is null or e.biz_date > ${after ?? null}::date)
      and e.fingerprint not in (select fingerprint from recon_found)`.execute(trx);
  return rows;
}

export type Settled = ReconException & { readonly from_state: ExceptionState };

/** Closes what is settled, all in one statement; what was closed and stood in the equation is opened again for it. */
export async function settle(
  trx: Executor,
  merchant_id: string,
  settled: readonly { id: string; resolution: Resolution }[],
  { by, note, now }: { by: string; note: string | null; now: Date },
): Promise<readonly Settled[]> {
  if (settled.length === 0) return [];
  const { rows } = await sql<Settled>`with o as (
      select e.id, e.state, x.resolution from recon_exceptions e join jsonb_to_recordset(${JSON.stringify(settled)}::jsonb) as x (id text, resolution text) on x.id = e.id
      where e.merchant_id = ${merchant_id} and ${unsettled} for update of e
    ), ex as (
      update recon_exceptions e set state = 'closed', resolution = o.resolution, standing = false, closed_at = ${now}, version = e.version + case o.state when 'closed' then 2 else 1 end
      from o where e.merchant_id = ${merchant_id} and e.id = o.id returning e.*, o.state as from_state
    ), st as (
      insert into recon_exception_steps (merchant_id, exception_id, version, step, from_state, to_state, by, note, at)
      select merchant_id, id, version - 1, 'reopen', 'closed', 'opened', ${by}, null, ${now}::timestamptz from ex where from_state = 'closed'
      union all select merchant_id, id, version, 'settle', case from_state when 'closed' then 'opened' else from_state end, 'closed', ${by}, coalesce(${note}::text, resolution), ${now}::timestamptz from ex
    ) select * from ex`.execute(trx);
  return rows;
}

/**
 * Of what was found and is known: where it now stands is taken over; what had gone and is there again is opened again; and
 * what says another amount begins anew, since nobody has decided on that. What is as it was stays as it is. Gives what was
 * opened again.
 */
export async function refreshFound(trx: Executor, run: Pick<Run, 'merchant_id' | 'channel_account_id'>, now: Date): Promise<readonly ReconException[]> {
  const pointer = sql`bill_id = f.bill_id, line = f.line, our_fen = f.our_fen, bill_fen = f.bill_fen, at_risk_fen = f.at_risk_fen, detail = f.detail`;
  const known = sql`e.merchant_id = ${run.merchant_id} and e.channel_account_id = ${run.channel_account_id} and e.fingerprint = f.fingerprint`;
  const same = sql`(e.our_fen = f.our_fen and e.bill_fen = f.bill_fen and e.at_risk_fen = f.at_risk_fen)`;
  const proposes = sql`case e.proposal when 'none' then 1 else 2 end`;
  const { rows } = await sql<ReconException>`with o as (
      select e.id, e.state from recon_exceptions e join recon_found f on ${known}
      where (e.state = 'closed' and not (e.standing and ${same})) or (e.state in ('proposed', 'approved') and not ${same}) for update of e
    ), ex as (
      update recon_exceptions e set ${pointer}, state = case e.proposal when 'none' then 'opened' else 'proposed' end, approvals = '{}', decision = null, resolution = null, standing = true,
        closed_at = null, version = e.version + ${proposes}, reopened_at = case o.state when 'closed' then ${now}::timestamptz else e.reopened_at end,
        aged_at = case o.state when 'closed' then null else e.aged_at end
      from o, recon_found f where ${known} and e.id = o.id returning e.*, o.state as from_state, e.version - ${proposes} + 1 as first
    ), st as (
      insert into recon_exception_steps (merchant_id, exception_id, version, step, from_state, to_state, by, note, at)
      select merchant_id, id, first, case from_state when 'closed' then 'reopen' else 'withdraw' end, from_state, 'opened', 'heliu', detail::text, ${now}::timestamptz from ex
      union all select merchant_id, id, version, 'propose', 'opened', 'proposed', 'heliu', null, ${now}::timestamptz from ex where version > first
    ) select ${columns} from ex where from_state = 'closed' order by id`.execute(trx);
  await sql`update recon_exceptions e set ${pointer} from recon_found f
    where ${known} and (e.state = 'opened' or ${same}) and (e.bill_id, e.line, e.detail, e.our_fen, e.bill_fen) is distinct from (f.bill_id, f.line, f.detail, f.our_fen, f.bill_fen)`.execute(
    trx,
  );
  return rows;
}

export type ExceptionFilter = {
  readonly merchant_id: string;
  readonly livemode?: boolean | undefined;
  readonly id?: string | undefined;
  readonly kind?: string | undefined;
  /** `open`: every state but closed. */
  readonly state?: ExceptionState | 'open' | undefined;
  readonly channel_account_id?: string | undefined;
  readonly channel?: string | undefined;
  readonly biz_date?: string | undefined;
  /** Days, both of them and all between. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** Open since before then. */
  readonly opened_before?: Date | undefined;
  readonly at_risk_from_fen?: bigint | undefined;
  /** Null: nobody's. */
  readonly owner?: string | null | undefined;
  readonly before_id?: string | undefined;
  readonly limit: number;
};

/** Newest first. */
export async function listExceptions(ctx: Ctx, filter: ExceptionFilter): Promise<readonly ReconException[]> {
  const where = [sql`merchant_id = ${filter.merchant_id}`];
  if (filter.livemode !== undefined) where.push(sql`livemode = ${filter.livemode}`);
  if (filter.id !== undefined) where.push(sql`id = ${filter.id}`);
  if (filter.kind !== undefined) where.push(sql`kind = ${filter.kind}`);
  if (filter.state === 'open') where.push(sql`closed_at is null`);
  else if (filter.state !== undefined) where.push(sql`state = ${filter.state}`);
  if (filter.channel_account_id !== undefined) where.push(sql`channel_account_id = ${filter.channel_account_id}`);
  if (filter.channel !== undefined) where.push(sql`channel = ${filter.channel}`);
  if (filter.biz_date !== undefined) where.push(sql`biz_date = ${filter.biz_date}`);
  if (filter.from !== undefined) where.push(sql`biz_date >= ${filter.from}`);
  if (filter.to !== undefined) where.push(sql`biz_date <= ${filter.to}`);
  if (filter.opened_before !== undefined) where.push(sql`coalesce(reopened_at, opened_at) < ${filter.opened_before}`);
  if (filter.at_risk_from_fen !== undefined) where.push(sql`at_risk_fen >= ${filter.at_risk_from_fen}`);
  if (filter.owner !== undefined) where.push(sql`owner is not distinct from ${filter.owner}`);
  if (filter.before_id !== undefined) where.push(sql`id < ${filter.before_id}`);
  const { rows } =
    await sql<ReconException>`select ${columns} from recon_exceptions where ${sql.join(where, sql` and `)} order by id desc limit ${filter.limit}`.execute(
      ctx.db.kysely,
    );
  return rows;
}

export async function findException(ctx: Ctx, merchant_id: string, id: string): Promise<ReconException | undefined> {
  const [row] = await listExceptions(ctx, { merchant_id, id, limit: 1 });
  return row;
}

export type StepsWrite = {
  /** At least one, of one exception. */
  readonly taken: readonly [Taken, ...Taken[]];
  readonly by: string;
  readonly note: string | null;
  readonly now: Date;
  readonly events: readonly OutboxEvent[];
  /** What stands or falls with the steps, before and after the row is held: matchings write their matches first. */
  readonly first: (trx: Trx) => Promise<void>;
  readonly within: (trx: Trx) => Promise<void>;
};

/** Writes steps together, guarded by the version that was read. False: somebody else was faster, and nothing is written. */
export function writeSteps(ctx: Ctx, { taken, by, note, now, events, first, within }: StepsWrite): Promise<boolean> {
  const { after } = taken.at(-1) ?? taken[0];
  // Otherwise the word that it is open for long may have been given since it was read.
  const is_reopened = taken.some(({ step }) => step === 'reopen');
  const records = taken.map(({ step, from_state, after: { version, state } }) => ({ version, step, from_state, to_state: state }));
  const write = async (trx: Trx): Promise<boolean> => {
    await first(trx);
    const { rows } = await sql`with ex as (
        update recon_exceptions set state = ${after.state}, approvals = ${after.approvals}, decision = ${after.decision}, resolution = ${after.resolution}, standing = ${after.standing}, closed_at = ${after.closed_at},
          reopened_at = ${after.reopened_at}, aged_at = case when ${is_reopened} then null else aged_at end, owner = ${after.owner}, detail = ${JSON.stringify(after.detail)}::jsonb, version = ${after.version}
        where merchant_id = ${after.merchant_id} and id = ${after.id} and version = ${taken[0].after.version - 1}
          -- A matching takes new amounts over without a version while nobody has decided: what is decided on is what was read.
          and our_fen = ${after.our_fen} and bill_fen = ${after.bill_fen} and at_risk_fen = ${after.at_risk_fen} returning merchant_id, id
      ) insert into recon_exception_steps (merchant_id, exception_id, version, step, from_state, to_state, by, note, at)
        select ex.merchant_id, ex.id, x.version, x.step, x.from_state, x.to_state, ${by}, ${note}, ${now} from ex,
          jsonb_to_recordset(${JSON.stringify(records)}::jsonb) as x (version integer, step text, from_state text, to_state text) returning exception_id`.execute(
      trx,
    );
    if (rows.length === 0) throw new Outrun();
    await within(trx);
    await insertEvents(trx, after.merchant_id, events);
    return true;
  };
  return ctx.db.kysely
    .transaction()
    .execute(write)
    .catch((error: unknown) => {
      if (error instanceof Outrun) return false;
      throw error;
    });
}

/** Somebody else was faster: what was written before it was seen goes back. */
class Outrun extends Error {}

export type StepRow = {
  readonly version: number;
  readonly step: string;
  readonly from_state: string | null;
  readonly to_state: string;
  readonly by: string;
  readonly note: string | null;
  readonly at: Date;
};

export async function listSteps(ctx: Ctx, merchant_id: string, exception_id: string): Promise<readonly StepRow[]> {
  const { rows } = await sql<StepRow>`select version, step, from_state, to_state, by, note, at from recon_exception_steps
    where merchant_id = ${merchant_id} and exception_id = ${exception_id} order by version`.execute(ctx.db.kysely);
  return rows;
}

/** Exceptions that have been open for long and were not told again yet; marked with the claim. */
export async function claimAged(trx: Trx, { before, now, limit }: { before: Date; now: Date; limit: number }): Promise<readonly ReconException[]> {
  const { rows } = await sql<ReconException>`update recon_exceptions e set aged_at = ${now} from (
      select merchant_id, id from recon_exceptions where closed_at is null and aged_at is null and coalesce(reopened_at, opened_at) < ${before}
        order by coalesce(reopened_at, opened_at) limit ${limit} for update skip locked
    ) c where e.merchant_id = c.merchant_id and e.id = c.id returning e.*`.execute(trx);
  return rows;
}

/** Decided on, with the effect of it, and not closed. */
export async function listDecided(ctx: Ctx, limit: number): Promise<readonly ReconException[]> {
  const { rows } = await sql<ReconException>`select ${columns} from recon_exceptions where closed_at is null and state in ('repaired', 'accepted', 'suspense')
    order by opened_at limit ${limit}`.execute(ctx.db.kysely);
  return rows;
}

type RepairedDay = Pick<ReconException, 'merchant_id' | 'channel_account_id' | 'biz_date'>;

/** Days with an open exception that waits for its payment or refund to be completed, which it is: a matching settles them. */
export async function listCompleted(ctx: Ctx, limit: number): Promise<readonly RepairedDay[]> {
  const { rows } = await sql<RepairedDay>`select distinct e.merchant_id, e.channel_account_id, e.biz_date from recon_exceptions e
    where e.closed_at is null and e.proposal in ('complete_payment', 'complete_refund')
      and (exists (select 1 from attempts a where a.merchant_id = e.merchant_id and a.id = e.object_id and a.state = 'succeeded')
        or exists (select 1 from refunds r where r.merchant_id = e.merchant_id and r.id = e.object_id and r.state = 'succeeded'))
    limit ${limit}`.execute(ctx.db.kysely);
  return rows;
}

/** The line that an exception is about, with how its file came. */
export type BilledLine = {
  readonly kind: string;
  readonly state: string;
  readonly channel_transaction_id: string | null;
  readonly channel_refund_id: string | null;
  readonly amount_fen: bigint;
  readonly currency: string;
  readonly receiver: string;
  readonly at: Date;
  readonly source: 'download' | 'upload';
  readonly sha256: Buffer;
  readonly bill_state: string;
  readonly imported_at: Date;
};

export async function findLine(
  ctx: Ctx,
  { merchant_id, bill_id, line }: Pick<ReconException, 'merchant_id' | 'bill_id' | 'line'>,
): Promise<BilledLine | undefined> {
  const { rows } =
    await sql<BilledLine>`select l.kind, l.state, l.channel_transaction_id, l.channel_refund_id, l.amount_fen, l.currency, l.receiver, l.at, b.source, b.sha256, b.state as bill_state,
      b.created_at as imported_at
    from bill_lines l join bills b on b.merchant_id = l.merchant_id and b.id = l.bill_id
    where l.merchant_id = ${merchant_id} and l.bill_id = ${bill_id} and l.line = ${line}`.execute(ctx.db.kysely);
  return rows[0];
}

/** Open exceptions of an account that need nobody, from bills that we fetched ourselves. */
export async function listAutomatic(
  ctx: Ctx,
  account: { merchant_id: string; channel_account_id: string },
  automatic: readonly string[],
  limit: number,
): Promise<readonly ReconException[]> {
  const { rows } = await sql<ReconException>`select ${sql.raw(names.map((name) => (name === 'of' ? 'e."of"' : `e.${name}`)).join(', '))} from recon_exceptions e
    join bills b on b.merchant_id = e.merchant_id and b.id = e.bill_id and b.state = 'current' and b.source = 'download'
    where e.merchant_id = ${account.merchant_id} and e.channel_account_id = ${account.channel_account_id} and e.closed_at is null and e.state = 'proposed' and e.kind = any (${automatic}::text[])
    order by e.id limit ${limit}`.execute(ctx.db.kysely);
  return rows;
}

export async function insertMatch(trx: Trx, { merchant_id, object_id, channel_account_id, bill_id, line }: ReconException, key: string): Promise<void> {
  await sql`insert into recon_matches (merchant_id, object_id, channel_account_id, bill_id, line, key) values (${merchant_id}, ${object_id}, ${channel_account_id}, ${bill_id}, ${line}, ${key})
    on conflict do nothing`.execute(trx);
}
