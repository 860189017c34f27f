import { type RawBuilder, sql } from 'kysely';
import { newId } from '../kernel/id.ts';
import { addMs } from '../kernel/time.ts';
import type { Tables } from '../platform/db/tables.gen.ts';
import type { Catalogue } from './catalogue.ts';

/**
 * What a run looks at. Rules read every table through it, so that the same text holds of all rows or of those touched since
 * a time. In a run since some time each table stands for rows that were found by index look-ups (`cross join lateral …
 * offset 0` leaves PostgreSQL no other way): its cost is that of what was touched, not of the table. They are materialized, as
 * far as a rule reads them: of a look-up inside a join the planner believes that all its rows have one id, and what it then
 * expects of a join of three (10^11 rows for a thousand) is split into so many batches that a rule takes minutes.
 */
export type Scope = {
  readonly now: Date;
  readonly catalogue: Catalogue;
  /** Undefined: everything. */
  readonly since: Since | undefined;
  /** The rows of a table that are judged. */
  readonly table: (name: string) => Fragment;
  readonly payments: Fragment;
  readonly attempts: Fragment;
  readonly refunds: Fragment;
  /** Of the payments, attempts and refunds above, from their beginning. */
  readonly transitions: Fragment;
  /** Only the steps taken since the time: older ones have older events. */
  readonly recent_transitions: Fragment;
  readonly evidence: Fragment;
  /** The evidence that the transitions name, however old. */
  readonly proofs: Fragment;
  readonly anomalies: Fragment;
  readonly events: Fragment;
  readonly deliveries: Fragment;
  readonly idempotency_keys: Fragment;
};
export type Fragment = RawBuilder<unknown>;
type Since = { readonly from: Date; readonly with: Fragment };

/** Nodes' clocks differ, and a row is committed a while after its id was made: so much is looked back further. */
export const since_margin_ms = 15 * 60_000;

type Given = { readonly now: Date; readonly catalogue: Catalogue };

/** All rows of all tables. */
export function everything({ now, catalogue }: Given): Scope {
  const table = (name: string): Fragment => sql.table(name);
  return {
    now,
    catalogue,
    since: undefined,
    table,
    payments: table('payments'),
    attempts: table('attempts'),
    refunds: table('refunds'),
    transitions: table('transitions'),
    recent_transitions: table('transitions'),
    evidence: table('evidence'),
    proofs: table('evidence'),
    anomalies: table('anomalies'),
    events: table('events'),
    deliveries: table('deliveries'),
    idempotency_keys: table('idempotency_keys'),
  };
}

/**
 * What was touched since the time: a payment with its attempts and refunds when one of them was made since or is open now,
 * or an event or anomaly since tells of one of them. Ids begin with their time, so each is a range of a primary key.
 */
export function touchedSince(given: Given, time: Date): Scope {
  const from = addMs(time, -since_margin_ms);
  const made = (name: string): Fragment => madeSince(name, from);
  const scoped: Readonly<Record<string, Fragment>> = {
    payments: sql`(select p.* from touched x cross join lateral (select * from payments where merchant_id = x.merchant_id and id = x.id offset 0) p)`,
    attempts: ofTouched('attempts'),
    refunds: ofTouched('refunds'),
    transitions: sql`(select t.* from touched_objects o cross join lateral (
      select * from transitions where merchant_id = o.merchant_id and object_id = o.id offset 0) t)`,
    proofs: sql`(select e.* from since_transitions t cross join lateral (
      select * from evidence where merchant_id = t.merchant_id and id = t.evidence_id offset 0) e where t.evidence_id is not null)`,
    evidence: made('evidence'),
    anomalies: made('anomalies'),
    events: made('events'),
    deliveries: made('deliveries'),
    idempotency_keys: sql`(select * from idempotency_keys where created_at >= ${from})`,
  };
  const since = (name: string): Fragment => sql.table(`since_${name}`);
  const table = (name: string): Fragment => (name in scoped ? since(name) : sql.table(name));
  const parts = Object.entries(scoped).map(([name, rows]) => sql`, ${since(name)} as materialized (select * from ${rows} rows)`);
  return {
    ...given,
    since: { from, with: sql`${touched(from)}${sql.join(parts, sql``)}` },
    table,
    payments: table('payments'),
    attempts: table('attempts'),
    refunds: table('refunds'),
    transitions: table('transitions'),
    recent_transitions: sql`(select * from since_transitions where at >= ${from})`,
    evidence: table('evidence'),
    proofs: table('proofs'),
    anomalies: table('anomalies'),
    events: table('events'),
    deliveries: table('deliveries'),
    idempotency_keys: table('idempotency_keys'),
  };
}

/**
 * True where no row of `rows p` is `equal`. A few rows are looked up one by one, which a subquery that gives a value leaves
 * as the only way; all of a table are joined.
 */
export function absent(of: Scope, rows: Fragment, equal: Fragment): RawBuilder<boolean> {
  return of.since ? sql`(select true from ${rows} p where ${equal} limit 1) is null` : sql`not exists (select 1 from ${rows} p where ${equal})`;
}

const kinds = {
  payments: 'payment',
  attempts: 'attempt',
  refunds: 'refund',
  evidence: 'evidence',
  anomalies: 'anomaly',
  events: 'event',
  deliveries: 'delivery',
} as const;
type Timed = keyof typeof kinds & keyof Tables;

/** The least id that could have been made at that time. */
const least = { bytes: (length: number) => Buffer.alloc(length) };

/** Merchant by merchant, a range of the primary key. */
function madeSince(name: string, from: Date): Fragment {
  const first = newId(kinds[name as Timed], from, least);
  return sql`(select r.* from merchants m cross join lateral (select * from ${sql.table(name)} where merchant_id = m.id and id >= ${first} offset 0) r)`;
}

const ofTouched = (name: 'attempts' | 'refunds'): Fragment =>
  sql`(select r.* from touched x cross join lateral (select * from ${sql.table(name)} where merchant_id = x.merchant_id and payment_id = x.id offset 0) r)`;

/** The payments that were touched, and with their attempts and refunds all that has a history. */
function touched(from: Date): Fragment {
  const made = (name: Timed): Fragment => madeSince(name, from);
  return sql`with recent_events as materialized (
      select merchant_id, object_id from ${made('events')} e
    ), touched as materialized (
      select merchant_id, id from ${made('payments')} p
      union select merchant_id, payment_id from ${made('attempts')} a
      union select merchant_id, payment_id from ${made('refunds')} r
      union select merchant_id, payment_id from ${made('anomalies')} x where payment_id is not null
      union select merchant_id, object_id from recent_events where object_id like 'pay\\_%'
      union select r.merchant_id, r.payment_id from recent_events e cross join lateral (
        select merchant_id, payment_id from refunds where merchant_id = e.merchant_id and id = e.object_id offset 0) r
      union select merchant_id, id from payments where next_close_at is not null
      union select merchant_id, payment_id from attempts where next_query_at is not null
      union select merchant_id, payment_id from refunds where next_query_at is not null
    ), touched_objects as materialized (
      select merchant_id, id from touched
      union all select merchant_id, id from ${ofTouched('attempts')} a
      union all select merchant_id, id from ${ofTouched('refunds')} r
    )`;
}
