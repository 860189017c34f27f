import type { DeliveryState } from '@heliu/contract';
import { delivery_expire_max } from '../../kernel/limits.ts';
import type { Ctx } from '../../platform/ctx.ts';
import type { KeySlots } from '../../platform/due/slots.ts';
import { endpointSql, type LeasedDelivery } from '../../platform/outbox/outbox.ts';

export type ClaimInput = {
  readonly limit: number;
  readonly now: Date;
  readonly lease_until: Date;
  readonly per_endpoint: number;
  readonly busy: KeySlots;
  /** Only endpoints behind the first and up to the second. */
  readonly between: readonly [after: string, until: string];
};

/**
 * Claims due deliveries, endpoint by endpoint, the oldest of each and no more than it has room for. Everything that
 * sending needs comes along: URL and secrets are always those of this moment, so nothing has to be cached or dropped on a
 * change.
 *
 * The first part walks the index deliveries_endpoint_due from endpoint to endpoint, two descents for each that has anything
 * pending, so a backlog of one costs the others nothing. Rows are locked in a step of their own that passes over what
 * another node is claiming: it cannot wait, nor deadlock, and it looks again at whether the row is still due. What belongs to a
 * claimed row is fetched by its key, row by row: as plain joins, a merchant's few endpoints and all its events would be read
 * side by side where the planner thinks that they are few.
 *
 * Plan: index only scans of deliveries_endpoint_due under a recursive union, then primary keys. 2026-11-22, PostgreSQL 18 on two
 * shared and busy cores, 200,000 rows: 0.6 ms to pass over an endpoint with 100,000 due rows and no room, 10 ms to pass
 * over 1,000 endpoints that wait for a retry, 20 ms to claim 200 rows of 1,000 endpoints.
 */
const claim_statement = {
  name: 'deliveries_claim',
  text: `with recursive endpoints as (
      (select webhook_endpoint_id as id from deliveries where next_send_at is not null and webhook_endpoint_id > $7 order by webhook_endpoint_id limit 1)
      union all
      select (
        select d.webhook_endpoint_id from deliveries d where d.next_send_at is not null and d.webhook_endpoint_id > p.id
        order by d.webhook_endpoint_id limit 1
      ) from endpoints p where p.id < $8
    ), chosen as (
      select due.merchant_id, due.id
      from endpoints p
      left join unnest($5::text[], $6::integer[]) as b(id, room) on b.id = p.id
      cross join lateral (
        select d.merchant_id, d.id, row_number() over (order by d.next_send_at) as nth from (
          select merchant_id, id, next_send_at from deliveries
          where webhook_endpoint_id = p.id and next_send_at <= $1 and coalesce(b.room, 1) > 0
          order by next_send_at limit $4
        ) d
      ) due
      where p.id <= $8 and due.nth <= coalesce(b.room, $4::integer)
      limit $2
    ), locked as (
      select d.merchant_id, d.id from deliveries d join chosen c on c.merchant_id = d.merchant_id and c.id = d.id
      where d.next_send_at <= $1 for update of d skip locked
    ), claimed as (
      update deliveries d set next_send_at = $3, tries = d.tries + 1 from locked l where d.merchant_id = l.merchant_id and d.id = l.id
      returning d.merchant_id, d.id, d.webhook_endpoint_id, d.event_id, d.tries, d.created_at, d.next_send_at as lease_until
    )
    select c.*, e.payload, w.*
    from claimed c
    cross join lateral (select payload from events where merchant_id = c.merchant_id and id = c.event_id limit 1) e
    ${endpointSql('c')}`,
};

export function claimDeliveries(ctx: Ctx, { limit, now, lease_until, per_endpoint, busy, between }: ClaimInput): Promise<LeasedDelivery[]> {
  return ctx.db.run<LeasedDelivery>(claim_statement, [now, limit, lease_until, per_endpoint, busy.keys, busy.slots, ...between]);
}

/** What became of a claimed delivery. */
export type Mark = {
  readonly merchant_id: string;
  readonly id: string;
  readonly lease_until: Date;
  readonly state: DeliveryState;
  readonly tries: number;
  readonly last_status: number | null;
  readonly last_error: string | null;
  /** Set when it is pending still. */
  readonly next_send_at: Date | null;
  readonly delivered_at: Date | null;
};

/**
 * Writes the results of many sends at once. That something was delivered is true whoever has the row by now; a failure
 * counts only while the lease is ours, so that a node that was away too long does not undo what another did.
 */
const mark_statement = {
  name: 'deliveries_mark',
  text: `update deliveries d
    set state = m.state, tries = m.tries, last_status = m.last_status, last_error = m.last_error, next_send_at = m.next_send_at, delivered_at = m.delivered_at
    from unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::integer[], $6::integer[], $7::text[], $8::timestamptz[], $9::timestamptz[])
      as m(merchant_id, id, lease_until, state, tries, last_status, last_error, next_send_at, delivered_at)
    where d.merchant_id = m.merchant_id and d.id = m.id
      and (m.state = 'delivered' or (d.state = 'pending' and d.next_send_at = m.lease_until))`,
};

export async function markDeliveries(ctx: Ctx, marks: readonly Mark[]): Promise<void> {
  const column = <K extends keyof Mark>(name: K): Mark[K][] => marks.map((mark) => mark[name]);
  await ctx.db.run(mark_statement, [
    column('merchant_id'),
    column('id'),
    column('lease_until'),
    column('state'),
    column('tries'),
    column('last_status'),
    column('last_error'),
    column('next_send_at'),
    column('delivered_at'),
  ]);
}

export type ExpireInput = {
  readonly merchant_id: string;
  readonly webhook_endpoint_id: string;
  readonly now: Date;
  /** What was created before this has had its whole schedule. */
  readonly dead_before: Date;
};

/** Ends what has waited too long for an endpoint that does not answer. Gives how many died. */
const expire_statement = {
  name: 'deliveries_expire',
  text: `with due as (
      select merchant_id, id from deliveries
      where webhook_endpoint_id = $2 and next_send_at <= $3 and merchant_id = $1 and created_at < $4
      limit ${delivery_expire_max} for update skip locked
    ), ended as (
      update deliveries d set state = 'dead', next_send_at = null, last_error = coalesce(d.last_error, 'The endpoint did not answer.')
      from due where d.merchant_id = due.merchant_id and d.id = due.id
      returning 1
    )
    select count(*)::integer as dead from ended`,
};

export async function expireDeliveries(ctx: Ctx, { merchant_id, webhook_endpoint_id, now, dead_before }: ExpireInput): Promise<number> {
  const [row] = await ctx.db.run<{ dead: number }>(expire_statement, [merchant_id, webhook_endpoint_id, now, dead_before]);
  return row?.dead ?? 0;
}

export type DeliveryRow = {
  readonly id: string;
  readonly event_id: string;
  readonly event_type: string;
  readonly webhook_endpoint_id: string;
  readonly state: DeliveryState;
  readonly tries: number;
  readonly last_status: number | null;
  readonly last_error: string | null;
  readonly next_send_at: Date | null;
  readonly delivered_at: Date | null;
  readonly created_at: Date;
};

const shown = `d.id, d.event_id, e.type as event_type, d.webhook_endpoint_id, d.state, d.tries, d.last_status, d.last_error,
  d.next_send_at, d.delivered_at, d.created_at`;

export type ListDeliveriesInput = {
  readonly merchant_id: string;
  readonly webhook_endpoint_id: string;
  readonly state: DeliveryState | undefined;
  readonly before_event_id: string | undefined;
  readonly limit: number;
};

/** Newest first by the event's time, along the unique index of merchant, endpoint and event. */
const list_statement = {
  name: 'deliveries_list',
  text: `select ${shown} from deliveries d join events e on e.merchant_id = d.merchant_id and e.id = d.event_id
    where d.merchant_id = $1 and d.webhook_endpoint_id = $2 and ($3::text is null or d.state = $3) and ($4::text is null or d.event_id < $4)
    order by d.event_id desc limit $5`,
};

export const listDeliveries = (ctx: Ctx, input: ListDeliveriesInput): Promise<DeliveryRow[]> =>
  ctx.db.run<DeliveryRow>(list_statement, [input.merchant_id, input.webhook_endpoint_id, input.state ?? null, input.before_event_id ?? null, input.limit]);

const find_statement = {
  name: 'deliveries_find',
  text: `select ${shown} from deliveries d join events e on e.merchant_id = d.merchant_id and e.id = d.event_id where d.merchant_id = $1 and d.id = $2`,
};

export async function findDelivery(ctx: Ctx, merchant_id: string, id: string): Promise<DeliveryRow | undefined> {
  const [row] = await ctx.db.run<DeliveryRow>(find_statement, [merchant_id, id]);
  return row;
}

/** Makes a delivery due now, whatever became of it before. */
const resend_statement = {
  name: 'deliveries_resend',
  text: `update deliveries d set state = 'pending', next_send_at = $4, delivered_at = null from events e
    where d.merchant_id = $1 and d.webhook_endpoint_id = $2 and d.id = $3 and e.merchant_id = d.merchant_id and e.id = d.event_id
    returning ${shown}`,
};

export async function resendDelivery(ctx: Ctx, merchant_id: string, webhook_endpoint_id: string, id: string, now: Date): Promise<DeliveryRow | undefined> {
  const [row] = await ctx.db.run<DeliveryRow>(resend_statement, [merchant_id, webhook_endpoint_id, id, now]);
  return row;
}
