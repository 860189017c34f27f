import { sha256Hex } from '../kernel/digest.ts';
import type { Ctx } from '../platform/ctx.ts';
import type { Statement } from '../platform/db/db.ts';
import type { KeySlots } from '../platform/due/slots.ts';
import { endpointSql, type LeasedDelivery, type OutboxEvent, outboxParts } from '../platform/outbox/outbox.ts';
import type { QuotaEffect } from '../routing/quota.ts';
import { effectParts, type RouteWrite, routeParts } from '../routing/writes.ts';
import type { Attempt } from './attempt.ts';
import type { Aggregate, Change, Source } from './change.ts';
import { attempt_columns, attempt_mutable, payment_columns, payment_mutable, refund_columns, refund_mutable } from './columns.ts';
import type { Payment } from './payment.ts';
import type { Refund } from './refund.ts';

/** The reply that a change completes, or the key that it takes with the row it creates. */
export type KeyWrite =
  | {
      readonly does: 'take';
      readonly livemode: boolean;
      readonly key: string;
      readonly operation: string;
      readonly request_hash: Buffer;
      readonly object_id: string;
    }
  | { readonly does: 'reply'; readonly livemode: boolean; readonly key: string; readonly status: number; readonly body_sealed: Buffer };

export type CommitInput = {
  readonly change: Change;
  /** What was read: its version guards the change, and only what is different now is written. A change that leaves the version alone only parks a fact. */
  readonly before: Aggregate;
  readonly source: Source;
  readonly events: readonly OutboxEvent[];
  /** Until when this node has the deliveries of the events to itself; without it they are due at once. */
  readonly lease_until?: Date | undefined;
  readonly key?: KeyWrite | undefined;
  /** Of the new attempt. */
  readonly route?: RouteWrite | undefined;
  /** What the change does to the counters of quotas. */
  readonly quota?: readonly QuotaEffect[];
  readonly now: Date;
};

/** `replied` is false when the key's reply was frozen before, by whoever completed it in the meantime. */
export type Committed = { readonly replied: boolean; readonly leased: readonly LeasedDelivery[] };

/**
 * Writes one decision in one statement, guarded by the version that was read: payment, attempts, refund, history,
 * evidence, anomaly, events and deliveries, or nothing. Undefined: another writer was faster, read again.
 */
export async function commit(ctx: Ctx, input: CommitInput): Promise<Committed | undefined> {
  const { payment } = input.change;
  const { before } = input;
  const build = new StatementParts([payment.merchant_id]);
  const sets = () => setsOf(build, payment_mutable, before.payment, payment);
  const guarded = () => `where merchant_id = $1 and id = ${build.value(payment.id)} and version = ${build.value(before.payment.version)}`;
  const parks = payment.version === before.payment.version;
  build.with('p', parks ? `select id from payments ${guarded()}` : `update payments set ${sets()} ${guarded()} returning id`);
  writeParts(build, input, parks ? 'an' : 'p');
  const replied = input.key ? 'exists (select 1 from k)' : 'false';
  const leases = input.lease_until !== undefined && input.events.length > 0;
  const tail = leases ? `select ${replied} as replied, l.* from p left join (${leased_select}) l on true` : `select ${replied} as replied from p`;
  type Row = Pick<Committed, 'replied'> & Partial<LeasedDelivery>;
  const rows = await ctx.db.run<Row>(build.statement('payments_commit', tail), build.values);
  return rows[0] && { replied: rows[0].replied, leased: leases ? rows.flatMap((row) => withPayload(row, input.events)) : [] };
}

/**
 * What a change sets: a column that keeps its value is not written, so that the statement carries less, no check looks at it again
 * and an index that has it need not be. What the sweeper's claims push meanwhile without a new version stays as they left it.
 */
function setsOf<Row extends object>(build: StatementParts, columns: readonly (keyof Row & string)[], before: Row | undefined, after: Row): string {
  const changed = before === undefined ? columns : columns.filter((column) => !isSame(before[column], after[column]));
  return changed.map((column) => `${column} = ${build.value(json(column, after[column]))}`).join(', ');
}

const isSame = (one: unknown, other: unknown): boolean =>
  one instanceof Date && other instanceof Date ? one.getTime() === other.getTime() : Object.is(one, other);

const leased_select = `select dl.*, w.* from dl ${endpointSql('dl')}`;

/** The payload has just been sent to the database: it need not come back. */
function withPayload(row: Partial<LeasedDelivery>, events: readonly OutboxEvent[]): LeasedDelivery[] {
  const event = events.find(({ id }) => id === row.event_id);
  return event ? [{ ...(row as LeasedDelivery), payload: event.payload }] : [];
}

/** Stores a new payment with its first attempt and, when there is one, the idempotency key. Throws on a taken number or key. */
export async function insert(ctx: Ctx, input: Omit<CommitInput, 'before'>): Promise<void> {
  const build = new StatementParts([input.change.payment.merchant_id]);
  build.with('p', insertRow(build, 'payments', payment_columns, input.change.payment, undefined));
  writeParts(build, input, 'p');
  await ctx.db.run({ ...build.statement('payments_insert', 'select id from p'), begins: true }, build.values);
}

type Parts = Omit<CommitInput, 'before' | 'change'> & { readonly before?: Aggregate; readonly change: Omit<Change, 'payment'> };

/** `told_by` is the part that a fact's evidence and events depend on: the change itself, or the anomaly's first appearance. */
function writeParts(build: StatementParts, { before, change, source, events, lease_until, key, route, quota = [], now }: Parts, told_by: 'p' | 'an'): void {
  const value = (given: unknown) => build.value(given);
  for (const [at, attempt] of change.attempts.entries()) {
    const read = before?.attempts.find(({ id }) => id === attempt.id);
    const sets = setsOf(build, attempt_mutable, read, attempt);
    if (sets === '') continue;
    build.with(`a${at}`, `update attempts set ${sets} where merchant_id = $1 and id = ${build.value(attempt.id)} and exists (select 1 from p)`);
  }
  for (const [at, refund] of change.refunds.entries()) {
    const sets = setsOf(build, refund_mutable, undefined, refund);
    build.with(`r${at}`, `update refunds set ${sets} where merchant_id = $1 and id = ${build.value(refund.id)} and exists (select 1 from p)`);
  }
  if (change.new_attempt) build.with('na', insertRow(build, 'attempts', attempt_columns, change.new_attempt, 'p', of_the_payment));
  for (const [name, text] of [...(route ? routeParts(route, value, told_by) : []), ...effectParts(quota, value, told_by)]) build.with(name, text);
  if (change.new_refund) build.with('nr', insertRow(build, 'refunds', refund_columns, change.new_refund, 'p'));
  if (change.transitions.length > 0) {
    const rows = change.transitions.map(
      ({ object_id, version, from_state, to_state }) =>
        `(${value(object_id)}::text, ${value(version)}::integer, ${value(from_state)}::text, ${value(to_state)}::text)`,
    );
    build.with(
      't',
      `insert into transitions (merchant_id, object_id, version, from_state, to_state, via, evidence_id, at)
      select $1, x.*, ${value(source.via)}, ${value(source.evidence?.id ?? null)}, ${value(now)}
      from p, (values ${rows.join(', ')}) as x (object_id, version, from_state, to_state)`,
    );
  }
  if (change.anomaly) {
    const { id, livemode, kind, channel_account_id, payment_id, attempt_id, refund_id, fingerprint, detail } = change.anomaly;
    const values = [
      id,
      livemode,
      kind,
      channel_account_id,
      payment_id,
      attempt_id,
      refund_id,
      fingerprint,
      JSON.stringify(detail),
      source.evidence?.id ?? null,
      now,
    ];
    build.with(
      'an',
      `insert into anomalies (merchant_id, id, livemode, kind, channel_account_id, payment_id, attempt_id, refund_id, fingerprint, detail, evidence_id, created_at)
      select $1, ${values.map((value) => build.value(value)).join(', ')} from p
      on conflict on constraint anomalies_once do nothing returning id`,
    );
  }
  if (source.evidence && (change.transitions.length > 0 || change.anomaly)) {
    const { id, channel_account_id, digest, sealed, received_at } = source.evidence;
    const values = [id, channel_account_id, source.via, digest, sealed, received_at].map((value) => build.value(value)).join(', ');
    build.with('e', `insert into evidence (merchant_id, id, channel_account_id, via, digest, sealed, received_at) select $1, ${values} from ${told_by}`);
  }
  if (events.length > 0) {
    for (const [name, text] of outboxParts({ events, lease_until }, value, told_by)) build.with(name, text);
  }
  if (key?.does === 'take') {
    const values = [key.livemode, key.key, key.operation, key.request_hash, key.object_id, now].map((value) => build.value(value)).join(', ');
    build.with(
      'k',
      `insert into idempotency_keys (merchant_id, livemode, key, operation, request_hash, object_id, created_at) select $1, ${values} from p returning 1`,
    );
  }
  if (key?.does === 'reply') {
    build.with(
      'k',
      `update idempotency_keys set status = ${build.value(key.status)}, body_sealed = ${build.value(key.body_sealed)}
      where merchant_id = $1 and livemode = ${build.value(key.livemode)} and key = ${build.value(key.key)} and status is null and exists (select 1 from p) returning 1`,
    );
  }
}

/** The parent of an attempt is the very row that the statement has written. */
const of_the_payment = { merchant_id: '$1', payment_id: 'p.id' };

/** `insert … select … from guard`, so that the row appears only with the guarded update. `fixed` columns are SQL. */
function insertRow<Row extends object>(
  build: StatementParts,
  table: string,
  columns: readonly (keyof Row & string)[],
  row: Row,
  guard: string | undefined,
  fixed: Readonly<Record<string, string>> = { merchant_id: '$1' },
): string {
  const values = columns.map((column) => fixed[column] ?? build.value(json(column, row[column]))).join(', ');
  return `insert into ${table} (${columns.join(', ')}) ${guard ? `select ${values} from ${guard}` : `values (${values})`} returning id`;
}

const json_columns = new Set(['metadata', 'request', 'next_action', 'refusal', 'quota']);
/** The driver would write an array or string as something else than JSON. */
const json = (column: string, value: unknown): unknown => (json_columns.has(column) && value !== null ? JSON.stringify(value) : value);

/** Collects the parts of one statement; equal shapes give equal texts, so each is prepared once per connection. */
class StatementParts {
  readonly values: unknown[];
  readonly #parts: string[] = [];
  constructor(values: unknown[]) {
    this.values = values;
  }
  value(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }
  with(name: string, text: string): void {
    this.#parts.push(`${name} as (${text})`);
  }
  statement(name: string, tail: string): Statement {
    const text = `with ${this.#parts.join(',\n')}\n${tail}`;
    return { name: `${name}_${shapeName(text)}`, text };
  }
}

/** There are some dozens of shapes; hashing each text once is enough. */
const shape_names = new Map<string, string>();
function shapeName(text: string): string {
  const known = shape_names.get(text);
  if (known) return known;
  const name = sha256Hex(text).slice(0, 16);
  shape_names.set(text, name);
  return name;
}

const aggregate_select = `select ${payment_columns.map((column) => `p.${column} as p_${column}`).join(', ')},
  ${attempt_columns.map((column) => `a.${column} as a_${column}`).join(', ')}
  from payments p left join attempts a on a.merchant_id = p.merchant_id and a.payment_id = p.id`;

const by_id: Statement = { name: 'payments_by_id', text: `${aggregate_select} where p.merchant_id = $1 and p.id = $2 order by a.id` };
const by_order_no: Statement = {
  name: 'payments_by_order_no',
  text: `${aggregate_select} where p.merchant_id = $1 and p.livemode = $2 and p.merchant_order_no = $3 order by a.id`,
};
const by_attempt: Statement = {
  name: 'payments_by_attempt',
  text: `${aggregate_select} where p.merchant_id = $1 and p.id = (select payment_id from attempts where merchant_id = $1 and id = $2) order by a.id`,
};

const by_checkout_token: Statement = {
  name: 'payments_by_checkout_token',
  text: `${aggregate_select} where p.merchant_id = $1 and p.checkout_token = $2 order by a.id`,
};

export const findByCheckoutToken = (ctx: Ctx, merchant_id: string, token: string) => findAggregate(ctx, by_checkout_token, [merchant_id, token]);
export const findById = (ctx: Ctx, merchant_id: string, id: string) => findAggregate(ctx, by_id, [merchant_id, id]);
export const findByOrderNo = (ctx: Ctx, merchant_id: string, livemode: boolean, no: string) => findAggregate(ctx, by_order_no, [merchant_id, livemode, no]);
export const findByAttempt = (ctx: Ctx, merchant_id: string, attempt_id: string) => findAggregate(ctx, by_attempt, [merchant_id, attempt_id]);

async function findAggregate(ctx: Ctx, statement: Statement, values: readonly unknown[]): Promise<Aggregate | undefined> {
  const rows = await ctx.db.run<Record<string, unknown>>(statement, values);
  const [first] = rows;
  if (!first) return undefined;
  return {
    payment: pick<Payment>(first, 'p_', payment_columns),
    attempts: rows.filter((row) => row.a_id !== null).map((row) => pick<Attempt>(row, 'a_', attempt_columns)),
  };
}

function pick<Row>(row: Record<string, unknown>, prefix: string, columns: readonly string[]): Row {
  return Object.fromEntries(columns.map((column) => [column, row[prefix + column]])) as Row;
}

/** Page of payments, newest first, each with the attempt that is shown. */
export async function listPayments(
  ctx: Ctx,
  filter: {
    merchant_id: string;
    livemode: boolean;
    state?: string;
    store_id?: string;
    terminal_id?: string;
    created_from?: Date;
    created_before?: Date;
    before_id?: string;
    limit: number;
  },
): Promise<Aggregate[]> {
  const build = new StatementParts([filter.merchant_id]);
  const where = [`p.livemode = ${build.value(filter.livemode)}`];
  for (const column of ['state', 'store_id', 'terminal_id'] as const) {
    if (filter[column] !== undefined) where.push(`p.${column} = ${build.value(filter[column])}`);
  }
  if (filter.created_from !== undefined) where.push(`p.created_at >= ${build.value(filter.created_from)}`);
  if (filter.created_before !== undefined) where.push(`p.created_at < ${build.value(filter.created_before)}`);
  if (filter.before_id !== undefined) where.push(`p.id < ${build.value(filter.before_id)}`);
  const text = `select ${payment_columns.map((column) => `p.${column} as p_${column}`).join(', ')}, ${attempt_columns.map((column) => `a.${column} as a_${column}`).join(', ')}
    from payments p left join attempts a on a.merchant_id = p.merchant_id and a.id = coalesce(p.accepted_attempt_id, p.latest_attempt_id)
    where p.merchant_id = $1 and ${where.join(' and ')} order by p.id desc limit ${build.value(filter.limit)}`;
  const rows = await ctx.db.run<Record<string, unknown>>({ name: `payments_list_${shapeName(text)}`, text }, build.values);
  return rows.map((row) => ({
    payment: pick<Payment>(row, 'p_', payment_columns),
    attempts: row.a_id === null ? [] : [pick<Attempt>(row, 'a_', attempt_columns)],
  }));
}

export type RefundFilter = {
  merchant_id: string;
  livemode: boolean;
  id?: string;
  payment_id?: string;
  merchant_refund_no?: string;
  state?: string;
  before_id?: string;
  limit: number;
};

/** Refunds by any of their names, newest first. */
export function listRefunds(ctx: Ctx, filter: RefundFilter): Promise<Refund[]> {
  const build = new StatementParts([filter.merchant_id]);
  const where = [`livemode = ${build.value(filter.livemode)}`];
  for (const column of ['id', 'payment_id', 'merchant_refund_no', 'state'] as const) {
    if (filter[column] !== undefined) where.push(`${column} = ${build.value(filter[column])}`);
  }
  if (filter.before_id !== undefined) where.push(`id < ${build.value(filter.before_id)}`);
  const text = `select ${refund_columns.join(', ')} from refunds where merchant_id = $1 and ${where.join(' and ')} order by id desc limit ${build.value(filter.limit)}`;
  return ctx.db.run<Refund>({ name: `refunds_list_${shapeName(text)}`, text }, build.values);
}

const refund_by_id: Statement = { name: 'refunds_by_id', text: `select ${refund_columns.join(', ')} from refunds where merchant_id = $1 and id = $2` };

export async function findRefund(ctx: Ctx, merchant_id: string, id: string): Promise<Refund | undefined> {
  const [row] = await ctx.db.run<Refund>(refund_by_id, [merchant_id, id]);
  return row;
}

/** An anomaly that belongs to no payment of ours. False when the same was parked before. */
export async function insertOrphan(
  ctx: Ctx,
  merchant_id: string,
  { anomaly, ...input }: Omit<Parts, 'change' | 'key'> & { readonly anomaly: NonNullable<Change['anomaly']> },
): Promise<boolean> {
  const build = new StatementParts([merchant_id]);
  build.with('p', 'select $1::text as id');
  writeParts(build, { ...input, change: { attempts: [], refunds: [], transitions: [], events: [], anomaly } }, 'an');
  const rows = await ctx.db.run(build.statement('anomalies_insert', 'select id from an'), build.values);
  return rows.length === 1;
}

/** Rows of a key are taken up to its room, so that one hanging channel account fills no more than its own slots. */
export type Claim = { readonly limit: number; readonly now: Date; readonly busy: KeySlots; readonly per_key: number };

/** So many due rows are looked at; those of keys without room are passed over by the index condition before. */
const claim_scan_max = 1000;

/**
 * Pushes the due time of rows forward and gives them: the new time is the lease and the next step of the schedule at
 * once. Two nodes that look at the same row: the second waits for the first and finds it no longer due.
 */
const claim = (
  table: string,
  { due, tries, key, steps, returning }: { due: string; tries: string; key: string; steps: string; returning: string },
): Statement => ({
  name: `${table}_claim`,
  text: `update ${table} t set ${due} = $1::timestamptz + make_interval(secs => (${steps}) / 1000.0), ${tries} = ${tries} + 1
    from (
      select r.merchant_id, r.id from (
        select d.*, row_number() over (partition by d.key order by d.due) as nth from (
          select merchant_id, id, ${due} as due, ${key} as key from ${table}
          where ${due} <= $1::timestamptz and ${key} <> all ($3::text[]) order by ${due} limit ${claim_scan_max}
        ) d
      ) r left join unnest($4::text[], $5::integer[]) as busy (key, slots) on busy.key = r.key
      where r.nth <= coalesce(busy.slots, $6::integer) order by r.due limit $2
    ) c
    where t.merchant_id = c.merchant_id and t.id = c.id and t.${due} <= $1::timestamptz
    returning ${returning}`,
});

const step = (steps: string, tries: string): string => `(${steps}::integer[])[least(${tries} + 1, cardinality(${steps}::integer[]))]`;

/** Payment codes have steps of their own. */
const attempts_claim = claim('attempts', {
  due: 'next_query_at',
  tries: 'query_tries',
  key: 'channel_account_id',
  steps: `case when t.method like '%\\_barcode' then ${step('$8', 't.query_tries')} else ${step('$7', 't.query_tries')} end`,
  returning: 't.merchant_id, t.id, t.channel_account_id',
});
const closes_claim = claim('payments', {
  due: 'next_close_at',
  tries: 'close_tries',
  key: 'merchant_id',
  steps: step('$7', 't.close_tries'),
  returning: 't.merchant_id, t.id',
});
const refunds_claim = claim('refunds', {
  due: 'next_query_at',
  tries: 'query_tries',
  key: 'merchant_id',
  steps: step('$7', 't.query_tries'),
  returning: 't.merchant_id, t.id',
});

export type DueAttempt = { readonly merchant_id: string; readonly id: string; readonly channel_account_id: string };
export type DuePayment = { readonly merchant_id: string; readonly id: string };
export type DueRefund = { readonly merchant_id: string; readonly id: string };

function claimValues({ limit, now, busy, per_key }: Claim): unknown[] {
  const full = busy.keys.filter((_, at) => busy.slots[at] === 0);
  return [now, limit, full, busy.keys, busy.slots, per_key];
}

export const claimAttempts = (ctx: Ctx, input: Claim, steps_ms: readonly number[], barcode_steps_ms: readonly number[]) =>
  ctx.db.run<DueAttempt>(attempts_claim, [...claimValues(input), steps_ms, barcode_steps_ms]);
export const claimCloses = (ctx: Ctx, input: Claim, steps_ms: readonly number[]) => ctx.db.run<DuePayment>(closes_claim, [...claimValues(input), steps_ms]);
export const claimRefunds = (ctx: Ctx, input: Claim, steps_ms: readonly number[]) => ctx.db.run<DueRefund>(refunds_claim, [...claimValues(input), steps_ms]);

/** As much of a payment as tells that something about it changed. */
export type Watched = Pick<Payment, 'id' | 'state' | 'closing' | 'version'>;

const watch_statement: Statement = {
  name: 'payments_watch',
  text: 'select id, state, closing, version from payments where merchant_id = $1 and id = any ($2)',
};

export const watchPayments = (ctx: Ctx, merchant_id: string, ids: readonly string[]): Promise<Watched[]> =>
  ctx.db.run<Watched>(watch_statement, [merchant_id, ids]);

const many_statement: Statement = {
  name: 'payments_many',
  text: `select ${payment_columns.join(', ')} from payments where merchant_id = $1 and id = any ($2) order by id desc`,
};

export const findMany = (ctx: Ctx, merchant_id: string, ids: readonly string[]): Promise<Payment[]> => ctx.db.run<Payment>(many_statement, [merchant_id, ids]);
