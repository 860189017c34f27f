import type { Event, EventType } from '@heliu/contract';

/** An event as it is stored. `payload` is the exact body of every delivery: made once, never again. */
export type OutboxEvent = {
  readonly id: string;
  readonly type: EventType;
  readonly livemode: boolean;
  readonly object_id: string;
  readonly object_version: number;
  readonly payload: string;
  /** RFC 3339. */
  readonly created_at: string;
};

export type BuildEventInput = {
  readonly id: string;
  readonly type: EventType;
  readonly livemode: boolean;
  readonly created_at: Date;
  /** The object as the merchant sees it at this moment. */
  readonly data: Event['data'];
};

/** Freezes an event. Objects that never change again have no version of their own and count as 1. */
export function buildEvent({ id, type, livemode, created_at, data }: BuildEventInput): OutboxEvent {
  const event: Event = { object: 'event', id, type, livemode, created_at: created_at.toISOString(), data };
  return {
    id,
    type,
    livemode,
    object_id: data.id,
    object_version: 'version' in data ? data.version : 1,
    payload: JSON.stringify(event),
    created_at: event.created_at,
  };
}

/**
 * The id of a delivery, computed in the statement because only the statement knows the endpoints: the event's time and 64
 * bits of a hash of event and endpoint, in the alphabet of our ids. `event` and `endpoint` are SQL.
 */
export const deliveryIdSql = (event: string, endpoint: string): string =>
  `'dlv_' || substr(${event}, 5, 10) || upper(substr(encode(sha256(convert_to(${event} || ${endpoint}, 'UTF8')), 'hex'), 1, 16))`;

/** A delivery that a node has until `lease_until`, with what it takes to send it: URL and secrets are those of this moment. */
export type LeasedDelivery = {
  readonly merchant_id: string;
  readonly id: string;
  readonly webhook_endpoint_id: string;
  readonly event_id: string;
  /** This send included. */
  readonly tries: number;
  readonly created_at: Date;
  readonly lease_until: Date;
  readonly payload: string;
  readonly url: string;
  readonly endpoint_state: 'enabled' | 'disabled';
  readonly secret_sealed: Buffer;
  readonly previous_secret_sealed: Buffer | null;
  readonly previous_until: Date | null;
};

/** Where a node that sends takes the deliveries of an event that it writes itself, so that nobody has to look for them. */
export type Courier = {
  /** Until when deliveries written now may be this node's own; undefined when it sends nothing now, and they are due at once for all. */
  readonly lease: (now: Date) => Date | undefined;
  /** They were written with that lease, and the change they tell of is committed. */
  readonly hand: (deliveries: readonly LeasedDelivery[]) => void;
};

/**
 * The parts of a statement that write events and one delivery for each enabled endpoint that wants them, so that they
 * stand or fall with the change they tell of. `$1` of the statement is the merchant; `value` gives the placeholder of a
 * parameter; the rows appear only when the part called `guard` gives a row. Without a lease, deliveries are due at once.
 */
export function outboxParts(
  { events, lease_until }: { readonly events: readonly OutboxEvent[]; readonly lease_until?: Date | undefined },
  value: (given: unknown) => string,
  guard: string,
): readonly (readonly [name: string, text: string])[] {
  const lease = `${value(lease_until ?? null)}::timestamptz`;
  const names = event_columns.map(([column]) => column).join(', ');
  return [
    [
      'ev',
      `insert into events (merchant_id, ${names})
      select $1::text, x.* from ${eventRows(events, value)} where exists (select 1 from ${guard})
      returning merchant_id, id, livemode, type, created_at`,
    ],
    [
      'dl',
      `insert into deliveries (merchant_id, id, webhook_endpoint_id, event_id, state, tries, next_send_at, created_at)
      select v.merchant_id, ${deliveryIdSql('v.id', 'w.id')}, w.id, v.id, 'pending',
        case when ${lease} is null then 0 else 1 end, coalesce(${lease}, v.created_at), v.created_at
      from ev v join webhook_endpoints w on w.merchant_id = v.merchant_id and w.livemode = v.livemode
      where w.state = 'enabled' and (w.event_types = '{}' or v.type = any (w.event_types))
      returning merchant_id, id, webhook_endpoint_id, event_id, tries, created_at, next_send_at as lease_until`,
    ],
  ];
}

/** A payment tells of one thing, seldom of two: as parameters a payload is not written as JSON inside JSON and parsed again. */
const events_as_parameters_max = 4;

function eventRows(events: readonly OutboxEvent[], value: (given: unknown) => string): string {
  if (events.length > events_as_parameters_max)
    return `json_to_recordset(${value(JSON.stringify(events))}::json) as x (${event_columns.map((column) => column.join(' ')).join(', ')})`;
  const rows = events.map((event) => `(${event_columns.map(([column, type]) => `${value(event[column])}::${type}`).join(', ')})`);
  return `(values ${rows.join(', ')}) as x (${event_columns.map(([column]) => column).join(', ')})`;
}

const event_columns = [
  ['id', 'text'],
  ['livemode', 'boolean'],
  ['type', 'text'],
  ['object_id', 'text'],
  ['object_version', 'integer'],
  ['payload', 'text'],
  ['created_at', 'timestamptz'],
] as const satisfies readonly (readonly [column: keyof OutboxEvent, type: string])[];

/** What a send needs beside the delivery and its payload; of rows called `row`, each fetched by its key. */
export const endpointSql = (row: string): string => `cross join lateral (
      select url, state as endpoint_state, secret_sealed, previous_secret_sealed, previous_until
      from webhook_endpoints where merchant_id = ${row}.merchant_id and id = ${row}.webhook_endpoint_id limit 1
    ) w`;
