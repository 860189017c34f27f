import type { DecisionRow } from './decision.ts';
import type { QuotaEffect, Reservation } from './quota.ts';

/**
 * What routing writes stands in the statement of the payment it is about, so that it adds none of its own. Each part is
 * SQL for a `with`; `$1` of the statement is the merchant, `guard` the part without which nothing is written.
 */
export type Part = readonly [name: string, text: string];

/** An attempt's account, decided: its decision, and what it reserves of quotas. */
export type RouteWrite = { readonly decision: DecisionRow; readonly reservations: readonly Reservation[] };

type Value = (value: unknown) => string;

const decision_columns = [
  'attempt_id',
  'livemode',
  'channel_account_id',
  'method',
  'amount_fen',
  'rules_version',
  'rule',
  'strategy',
  'propensity_ppm',
  'last_resort',
  'quoted_fee_fen',
  'considered',
  'created_at',
] as const satisfies readonly (keyof DecisionRow)[];

/** Constraints that a reservation runs into where a counter has no room. */
export const quota_constraints: ReadonlySet<string> = new Set(['quota_counters_fen', 'quota_counters_count']);

export function routeParts({ decision, reservations }: RouteWrite, value: Value, guard: string): Part[] {
  const values = decision_columns.map((column) => value(column === 'considered' ? JSON.stringify(decision[column]) : decision[column]));
  const written: Part = ['rd', `insert into routing_decisions (merchant_id, ${decision_columns.join(', ')}) select $1, ${values.join(', ')} from ${guard}`];
  if (reservations.length === 0) return [written];
  // In the order of their keys, so that two payments that meet on several counters wait for one another in one direction.
  const rows = reservations.toSorted((a, b) => (a.bucket === b.bucket ? a.shard - b.shard : a.bucket < b.bucket ? -1 : 1));
  // A share that was set holds; of a counter that only forced money has made, it is set now.
  const reserved: Part = [
    'qr',
    `insert into quota_counters as c (merchant_id, channel_account_id, bucket, shard, used_fen, used_count, share_fen, share_count, shared)
      select $1, ${value(decision.channel_account_id)}, x.bucket, x.shard, x.fen, x.count, x.share_fen, x.share_count, true
      from ${guard}, jsonb_to_recordset(${value(json(rows))}::jsonb) as x(bucket text, shard integer, fen bigint, count integer, share_fen bigint, share_count integer)
      on conflict (merchant_id, channel_account_id, bucket, shard) do update
      set used_fen = c.used_fen + excluded.used_fen, used_count = c.used_count + excluded.used_count, shared = true,
        share_fen = case when c.shared then c.share_fen else excluded.share_fen end,
        share_count = case when c.shared then c.share_count else excluded.share_count end`,
  ];
  return [written, reserved];
}

/** What changes of attempts do to counters. Nothing here can fail: the outcome of a payment is written whatever its quotas. */
export function effectParts(effects: readonly QuotaEffect[], value: Value, guard: string): Part[] {
  const taken = effects.filter(({ adds }) => !adds);
  const added = effects.filter(({ adds }) => adds);
  const parts: Part[] = [];
  const record = 'as x(channel_account_id text, bucket text, shard integer, fen bigint, count integer)';
  if (taken.length > 0) {
    parts.push(
      [
        'ql',
        `select c.channel_account_id, c.bucket, c.shard, x.fen, x.count
        from ${guard}, jsonb_to_recordset(${value(json(taken))}::jsonb) ${record}
        join quota_counters c on c.merchant_id = $1 and c.channel_account_id = x.channel_account_id and c.bucket = x.bucket and c.shard = x.shard
        order by c.channel_account_id, c.bucket, c.shard for update of c`,
      ],
      [
        'qt',
        `update quota_counters c set used_fen = greatest(c.used_fen - ql.fen, 0), used_count = greatest(c.used_count - ql.count, 0)
        from ql where c.merchant_id = $1 and c.channel_account_id = ql.channel_account_id and c.bucket = ql.bucket and c.shard = ql.shard`,
      ],
    );
  }
  if (added.length > 0) {
    parts.push([
      'qa',
      `insert into quota_counters as c (merchant_id, channel_account_id, bucket, shard, used_fen, used_count, shared)
      select $1, x.channel_account_id, x.bucket, x.shard, x.fen, x.count, false from ${guard}, jsonb_to_recordset(${value(json(added))}::jsonb) ${record}
      on conflict (merchant_id, channel_account_id, bucket, shard) do update
      set used_fen = c.used_fen + excluded.used_fen, used_count = c.used_count + excluded.used_count,
        share_fen = case when c.share_fen is null then null else greatest(c.share_fen, c.used_fen + excluded.used_fen) end,
        share_count = case when c.share_count is null then null else greatest(c.share_count, c.used_count + excluded.used_count) end`,
    ]);
  }
  return parts;
}

const json = (rows: readonly object[]): string => JSON.stringify(rows, (_, value: unknown) => (typeof value === 'bigint' ? Number(value) : value));
