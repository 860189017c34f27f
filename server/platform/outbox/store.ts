import type { Event, EventType } from '@heliu/contract';
import { assert } from '../../kernel/assert.ts';
import type { Ctx } from '../ctx.ts';
import { deliveryIdSql, type OutboxEvent } from './outbox.ts';

export type ListEventsInput = {
  readonly merchant_id: string;
  readonly livemode: boolean;
  /** Only events behind this number; 0 begins at the first. */
  readonly after: bigint;
  readonly type: EventType | undefined;
  readonly limit: number;
};
export type EventPage = {
  readonly events: readonly Event[];
  /** Everything up to here has been looked at: the next page begins behind it. */
  readonly position: bigint;
  readonly has_more: boolean;
};

/**
 * `last` is read in the same snapshot as the rows. Numbers have no gaps and a batch of them appears at once, so when the
 * page is not full, all up to `last` was seen and the next page may begin there even if nothing matched.
 */
const list_statement = {
  name: 'events_list',
  text: `select s.last, e.sequence, e.payload
    from (select coalesce((select last from event_sequences where merchant_id = $1 and livemode = $2), 0) as last) s
    left join (
      select sequence, payload from events
      where merchant_id = $1 and livemode = $2 and sequence > $3 and ($4::text is null or type = $4)
      order by sequence limit $5
    ) e on true
    order by e.sequence`,
};

/** Events in their order, without gaps: what a slow transaction commits late is numbered late, so nobody has passed it. */
export async function listEvents(ctx: Ctx, { merchant_id, livemode, after, type, limit }: ListEventsInput): Promise<EventPage> {
  type Row = { last: bigint; sequence: bigint | null; payload: string | null };
  const rows = await ctx.db.run<Row>(list_statement, [merchant_id, livemode, after, type ?? null, limit + 1]);
  const found = rows.flatMap(({ sequence, payload }) => (sequence === null || payload === null ? [] : [{ sequence, payload }]));
  const shown = found.slice(0, limit);
  const has_more = found.length > limit;
  const last = rows[0]?.last ?? 0n;
  const position = has_more ? (shown.at(-1)?.sequence ?? after) : last > after ? last : after;
  return { events: shown.map(({ payload }) => JSON.parse(payload) as Event), position, has_more };
}

const find_statement = { name: 'events_find', text: 'select payload from events where merchant_id = $1 and id = $2 and livemode = $3' };

/** One event of the caller's; undefined when it has none with this id. */
export async function findEvent(ctx: Ctx, merchant_id: string, livemode: boolean, id: string): Promise<Event | undefined> {
  const [row] = await ctx.db.run<{ payload: string }>(find_statement, [merchant_id, id, livemode]);
  return row && (JSON.parse(row.payload) as Event);
}

/** For an event that concerns one endpoint and nobody else. */
const write_to_statement = {
  name: 'events_write_to',
  text: `with ev as (
      insert into events (merchant_id, id, livemode, type, object_id, object_version, payload, created_at) values ($1, $2::text, $3, $4, $5, $6, $7, $8)
    )
    insert into deliveries (merchant_id, id, webhook_endpoint_id, event_id, state, next_send_at, created_at)
    values ($1, ${deliveryIdSql('$2::text', '$9::text')}, $9, $2, 'pending', $8, $8)
    returning id`,
};

export type WriteEventToInput = { readonly merchant_id: string; readonly webhook_endpoint_id: string; readonly event: OutboxEvent };

/** Writes an event and its one delivery, whatever types the endpoint wants; gives the id of the delivery. */
export async function writeEventTo(ctx: Ctx, { merchant_id, webhook_endpoint_id, event }: WriteEventToInput): Promise<string> {
  const { id, livemode, type, object_id, object_version, payload, created_at } = event;
  const values = [merchant_id, id, livemode, type, object_id, object_version, payload, created_at, webhook_endpoint_id];
  const [row] = await ctx.db.run<{ id: string }>(write_to_statement, values);
  assert(row, 'an insert gives its row');
  return row.id;
}
