import type { AccountTerms, CostRow, Method, Switch } from '@heliu/contract';
import { type Kysely, sql } from 'kysely';
import { roundMillifen } from '../channels/bill.ts';
import type { Ctx } from '../platform/ctx.ts';
import type { Statement } from '../platform/db/db.ts';
import type { Tables } from '../platform/db/tables.gen.ts';
import type { DecisionRow } from './decision.ts';
import type { Seen } from './health/health.ts';
import type { Counter } from './quota.ts';
import type { Definition } from './rules/rule-set.ts';
import type { Past } from './simulation/simulation.ts';

/** Rules as they were saved. `active` is derived: the one that was activated last. */
export type RuleSetRow = {
  readonly merchant_id: string;
  readonly id: string;
  readonly livemode: boolean;
  readonly version: number;
  readonly definition: Definition;
  readonly activated_at: Date | null;
  readonly created_at: Date;
  readonly active: boolean;
};

type Mode = { readonly merchant_id: string; readonly livemode: boolean };

const last_activated = (eb: { readonly merchant_id: string; readonly livemode: boolean }) =>
  sql<string | null>`(select id from rule_sets where merchant_id = ${eb.merchant_id} and livemode = ${eb.livemode} and activated_at is not null
    order by activated_at desc, version desc limit 1)`;

/** Newest first. */
export async function findRuleSets(
  ctx: Ctx,
  { id, before_id, limit, ...mode }: Mode & { id?: string; before_id?: string | undefined; limit: number },
): Promise<RuleSetRow[]> {
  const rows = await ctx.db.kysely
    .selectFrom('rule_sets')
    .selectAll()
    .select(sql<boolean>`coalesce(id = ${last_activated(mode)}, false)`.as('active'))
    .where('merchant_id', '=', mode.merchant_id)
    .where('livemode', '=', mode.livemode)
    .$if(id !== undefined, (query) => query.where('id', '=', id as string))
    .$if(before_id !== undefined, (query) => query.where('id', '<', before_id as string))
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();
  return rows as unknown as RuleSetRow[];
}

/** The rules that decide now; undefined while none were set. */
export async function findActiveRules(ctx: Ctx, mode: Mode): Promise<Pick<RuleSetRow, 'version' | 'definition'> | undefined> {
  const row = await ctx.db.kysely
    .selectFrom('rule_sets')
    .select(['version', 'definition'])
    .where('merchant_id', '=', mode.merchant_id)
    .where('id', '=', last_activated(mode))
    .executeTakeFirst();
  return row as unknown as Pick<RuleSetRow, 'version' | 'definition'> | undefined;
}

/** Gives the set its version; undefined when the merchant has as many as it may. Part of the caller's transaction. */
export async function insertRuleSet(
  ctx: Ctx,
  tx: Kysely<Tables>,
  row: Omit<RuleSetRow, 'version' | 'active'>,
  rule_sets_max: number,
): Promise<number | undefined> {
  // The merchant's row stands for the count, so that two sets do not get one version.
  await tx.selectFrom('merchants').select('id').where('id', '=', row.merchant_id).forUpdate().executeTakeFirst();
  const { last } = await tx
    .selectFrom('rule_sets')
    .select(({ fn }) => fn.max('version').as('last'))
    .where('merchant_id', '=', row.merchant_id)
    .where('livemode', '=', row.livemode)
    .executeTakeFirstOrThrow();
  const version = (last ?? 0) + 1;
  if (version > rule_sets_max) return undefined;
  await tx
    .insertInto('rule_sets')
    .values({ ...row, version, definition: JSON.stringify(row.definition) })
    .execute();
  if (row.activated_at) await ctx.changes.announce('rule_sets', row.merchant_id, tx);
  return version;
}

export const activateRuleSet = (ctx: Ctx, { merchant_id, livemode, id, now }: Mode & { readonly id: string; readonly now: Date }): Promise<void> =>
  ctx.db.kysely.transaction().execute(async (tx) => {
    await tx
      .updateTable('rule_sets')
      .set({ activated_at: now })
      .where('merchant_id', '=', merchant_id)
      .where('livemode', '=', livemode)
      .where('id', '=', id)
      .execute();
    await ctx.changes.announce('rule_sets', merchant_id, tx);
  });

/** An account with the terms that hold now. */
export type AccountRow = {
  readonly id: string;
  readonly livemode: boolean;
  readonly channel: string;
  readonly name: string;
  readonly state: 'active' | 'paused' | 'closed';
  readonly priority: number;
  readonly terms_version: number;
  readonly terms: AccountTerms;
  readonly turned_off: readonly Switch[];
};

/** The merchant's accounts in the order in which they are tried. */
export async function findAccounts(
  ctx: Pick<Ctx, 'db'>,
  { merchant_id, livemode, id }: Mode & { readonly id?: string },
  tx: Kysely<Tables> = ctx.db.kysely,
): Promise<AccountRow[]> {
  const rows = await sql<AccountRow>`
    select a.id, a.livemode, a.channel, a.name, a.state, a.priority,
      coalesce(t.version, 0) as terms_version, coalesce(t.terms, '{}') as terms, coalesce(t.turned_off, '[]') as turned_off
    from channel_accounts a left join lateral (
      select version, terms, turned_off from routing_terms r where r.merchant_id = a.merchant_id and r.channel_account_id = a.id order by version desc limit 1
    ) t on true
    where a.merchant_id = ${merchant_id} and a.livemode = ${livemode} and (${id ?? null}::text is null or a.id = ${id ?? null})
    order by a.priority, a.id`.execute(tx);
  return rows.rows;
}

/** One change of terms at a time. */
export const lockAccount = (tx: Kysely<Tables>, merchant_id: string, id: string): Promise<unknown> =>
  tx.selectFrom('channel_accounts').select('id').where('merchant_id', '=', merchant_id).where('id', '=', id).forUpdate().execute();

export type NewTerms = {
  readonly merchant_id: string;
  readonly channel_account_id: string;
  readonly version: number;
  readonly terms: AccountTerms;
  readonly turned_off: readonly Switch[];
  readonly created_at: Date;
};

export async function insertTerms(ctx: Ctx, tx: Kysely<Tables>, row: NewTerms): Promise<void> {
  await tx
    .insertInto('routing_terms')
    .values({ ...row, terms: JSON.stringify(row.terms), turned_off: JSON.stringify(row.turned_off) })
    .execute();
  await ctx.changes.announce('routing_terms', row.merchant_id, tx);
}

type OfAccount = { readonly merchant_id: string; readonly channel_account_id: string };

const counters_statement: Statement = {
  name: 'quota_counters_read',
  text: `select bucket, shard, used_fen, used_count, share_fen, share_count, shared from quota_counters
    where merchant_id = $1 and channel_account_id = $2 and bucket = any ($3::text[])`,
};

/** What is used of these buckets now. */
export const findCounters = (ctx: Ctx, { merchant_id, channel_account_id }: OfAccount, buckets: readonly string[]): Promise<Counter[]> =>
  ctx.db.run<Counter>(counters_statement, [merchant_id, channel_account_id, buckets]);

/** The counters of these periods, those of payers too, held until the transaction ends. Of the account's own all shards are there. */
export async function lockCounters(
  tx: Kysely<Tables>,
  { merchant_id, channel_account_id }: OfAccount,
  periods: readonly string[],
  shards: number,
): Promise<Counter[]> {
  await sql`insert into quota_counters (merchant_id, channel_account_id, bucket, shard, used_fen, used_count, shared)
    select ${merchant_id}, ${channel_account_id}, b, s, 0, 0, false from unnest(${[...periods]}::text[]) b, generate_series(0, ${shards - 1}::integer) s
    order by b, s on conflict do nothing`.execute(tx);
  const { rows } = await sql<Counter>`select bucket, shard, used_fen, used_count, share_fen, share_count, shared from quota_counters
    where merchant_id = ${merchant_id} and channel_account_id = ${channel_account_id} and split_part(bucket, '/', 1) = any (${[...periods]}::text[])
    order by bucket, shard for update`.execute(tx);
  return rows;
}

export async function updateShares(tx: Kysely<Tables>, { merchant_id, channel_account_id }: OfAccount, counters: readonly Counter[]): Promise<void> {
  const rows = counters.map(({ bucket, shard, share_fen, share_count }) => ({
    bucket,
    shard,
    share_fen: share_fen === null ? null : Number(share_fen),
    share_count,
  }));
  await sql`update quota_counters c set share_fen = x.share_fen, share_count = x.share_count, shared = true
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as x(bucket text, shard integer, share_fen bigint, share_count integer)
    where c.merchant_id = ${merchant_id} and c.channel_account_id = ${channel_account_id} and c.bucket = x.bucket and c.shard = x.shard`.execute(tx);
}

/** The decisions behind attempts, oldest first. */
export async function findDecisions(ctx: Ctx, { merchant_id, livemode }: Mode, attempt_ids: readonly string[]): Promise<DecisionRow[]> {
  const rows = await ctx.db.kysely
    .selectFrom('routing_decisions')
    .selectAll()
    .where('merchant_id', '=', merchant_id)
    .where('livemode', '=', livemode)
    .where('attempt_id', 'in', [...attempt_ids])
    .orderBy('attempt_id')
    .execute();
  return rows as unknown as DecisionRow[];
}

/** First attempts of payments made in that time, the newest first, with their decisions and what became of them. */
export async function findPast(
  ctx: Ctx,
  { merchant_id, livemode, from, before, limit }: Mode & { readonly from: Date; readonly before: Date; readonly limit: number },
): Promise<Past[]> {
  const { rows } = await sql<Past>`
    select d.channel_account_id, d.method, d.amount_fen, d.considered, d.created_at, a.state, p.metadata,
      a.request ->> 'app_id' as app_id, a.request ->> 'terminal_id' as terminal_id
    from routing_decisions d
      join attempts a on a.merchant_id = d.merchant_id and a.id = d.attempt_id
      join payments p on p.merchant_id = a.merchant_id and p.id = a.payment_id
    where d.merchant_id = ${merchant_id} and d.livemode = ${livemode} and d.created_at >= ${from} and d.created_at < ${before}
      and not exists (select 1 from attempts b where b.merchant_id = a.merchant_id and b.payment_id = a.payment_id and b.id < a.id)
    order by d.attempt_id desc limit ${limit}`.execute(ctx.db.kysely);
  return rows;
}

export type HealthRow = Seen & { readonly merchant_id: string; readonly minute: Date; readonly node: string };

const health_columns = 'merchant_id text, channel_account_id text, method text, ok integer, failed integer, latency_ms_total bigint';

/** Adds what a node saw to its rows of the minute. */
export async function addHealth(ctx: Ctx, rows: readonly Omit<HealthRow, 'minute' | 'node'>[], minute: Date, node: string): Promise<void> {
  await sql`insert into account_health as h (merchant_id, channel_account_id, method, minute, node, ok, failed, latency_ms_total)
    select x.merchant_id, x.channel_account_id, x.method, ${minute}, ${node}, x.ok, x.failed, x.latency_ms_total
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as x(${sql.raw(health_columns)})
    on conflict (merchant_id, channel_account_id, method, minute, node) do update
    set ok = h.ok + excluded.ok, failed = h.failed + excluded.failed, latency_ms_total = h.latency_ms_total + excluded.latency_ms_total`.execute(ctx.db.kysely);
}

/** What other nodes saw since then. */
export async function findHealth(ctx: Ctx, since: Date, node: string, limit: number): Promise<HealthRow[]> {
  const rows = await ctx.db.kysely
    .selectFrom('account_health')
    .selectAll()
    .where('minute', '>=', since)
    .where('node', '<>', node)
    .orderBy('minute', 'desc')
    .limit(limit)
    .execute();
  return rows.map((row) => ({ ...row, method: row.method as Method, latency_ms_total: Number(row.latency_ms_total) }));
}

/** Counters and health of times that nobody asks about any more. */
export async function sweep(
  ctx: Ctx,
  { health_before, months_before, limit }: { readonly health_before: Date; readonly months_before: string; readonly limit: number },
): Promise<void> {
  await sql`delete from account_health where ctid = any (array(select ctid from account_health where minute < ${health_before} limit ${limit}))`.execute(
    ctx.db.kysely,
  );
  await sql`delete from quota_counters where ctid = any (array(select ctid from quota_counters where substr(bucket, 2, 7) < ${months_before} limit ${limit}))`.execute(
    ctx.db.kysely,
  );
}

/**
 * Payments of these business days by day, account and method, with what they cost. What the channel charged is what its bill says of
 * the payment, else what it told with the payment itself.
 */
export async function sumCosts(ctx: Ctx, { merchant_id, livemode }: Mode, from: Date, before: Date): Promise<CostRow[]> {
  type Sums = { [K in keyof CostRow]: CostRow[K] extends number ? bigint : CostRow[K] extends number | null ? bigint | null : CostRow[K] };
  const charged = sql`coalesce(l.fee_millifen, a.channel_fee_fen * 1000)`;
  const { rows } = await sql<Omit<Sums, 'charged_fee_fen'> & { readonly charged_millifen: bigint | null }>`
    select to_char(a.paid_at at time zone 'Asia/Shanghai', 'YYYY-MM-DD') as biz_date, a.channel, a.channel_account_id, a.method,
      count(*) as count, sum(a.amount_fen)::bigint as amount_fen,
      case when count(*) = count(d.quoted_fee_fen) then sum(d.quoted_fee_fen)::bigint end as quoted_fee_fen,
      case when count(*) = count(${charged}) then sum(${charged})::bigint end as charged_millifen
    from attempts a join payments p on p.merchant_id = a.merchant_id and p.id = a.payment_id
      left join routing_decisions d on d.merchant_id = a.merchant_id and d.attempt_id = a.id
      left join recon_matches m on m.merchant_id = a.merchant_id and m.object_id = a.id
      left join bill_lines l on l.merchant_id = m.merchant_id and l.bill_id = m.bill_id and l.line = m.line
    where a.merchant_id = ${merchant_id} and p.livemode = ${livemode} and a.state = 'succeeded' and a.paid_at >= ${from} and a.paid_at < ${before}
    group by 1, 2, 3, 4 order by 1, 2, 3, 4`.execute(ctx.db.kysely);
  const whole = (value: bigint | null) => (value === null ? null : Number(value));
  return rows.map(({ charged_millifen, ...row }) => ({
    ...row,
    count: Number(row.count),
    amount_fen: Number(row.amount_fen),
    quoted_fee_fen: whole(row.quoted_fee_fen),
    charged_fee_fen: whole(charged_millifen === null ? null : roundMillifen(charged_millifen)),
  }));
}
