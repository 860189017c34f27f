import type { Event } from '@heliu/contract';
import type { Ctx } from '../../../platform/ctx.ts';
import { pushed_types } from './message.ts';

/** Reads numbered events of payments that were taken at terminals; writes nothing. */

/** The events of a merchant in one mode, behind a number. */
export type Book = { readonly merchant_id: string; readonly livemode: boolean; readonly after: bigint };
export type TerminalEventRow = {
  readonly merchant_id: string;
  readonly livemode: boolean;
  readonly terminal_id: string;
  readonly sequence: bigint;
  readonly event: Event;
};
export type Looked = {
  readonly rows: readonly TerminalEventRow[];
  /** Of each book: up to where it was looked at, and the last number that it has. */
  readonly books: readonly { readonly merchant_id: string; readonly livemode: boolean; readonly position: bigint; readonly last: bigint }[];
};

/**
 * Numbers have no gaps, so a range of them is a bounded piece of work however busy the merchant is: an index scan of the
 * range, and of each event of a payment one row by its key.
 */
const look_statement = {
  name: 'terminal_events_look',
  text: `select b.merchant_id, b.livemode, s.last, least(s.last, b.after + $5::bigint) as position, e.sequence, e.payload, e.terminal_id
    from unnest($1::text[], $2::boolean[], $3::bigint[]) as b (merchant_id, livemode, after)
    join event_sequences s on s.merchant_id = b.merchant_id and s.livemode = b.livemode
    left join lateral (
      select v.sequence, v.payload, p.terminal_id from events v
      join payments p on p.merchant_id = v.merchant_id and p.id = v.object_id
      where v.merchant_id = b.merchant_id and v.livemode = b.livemode and v.sequence > b.after and v.sequence <= b.after + $5::bigint
        and v.type = any ($6::text[]) and p.terminal_id = any ($4::text[])
    ) e on true
    where s.last > b.after
    order by b.merchant_id, b.livemode, e.sequence`,
};

/** What comes next in some books, of so many numbers each, and concerns one of the terminals. A book without news is left out. */
export async function lookAtBooks(ctx: Ctx, books: readonly Book[], terminal_ids: readonly string[], numbers_max: number): Promise<Looked> {
  type Row = Omit<TerminalEventRow, 'sequence' | 'event'> & {
    readonly last: bigint;
    readonly position: bigint;
    readonly sequence: bigint | null;
    readonly payload: string;
  };
  const values = [books.map(({ merchant_id }) => merchant_id), books.map(({ livemode }) => livemode), books.map(({ after }) => after)];
  const found = await ctx.db.run<Row>(look_statement, [...values, terminal_ids, numbers_max, pushed_types]);
  return {
    rows: found.flatMap(({ merchant_id, livemode, terminal_id, sequence, payload }) =>
      sequence === null ? [] : [{ merchant_id, livemode, terminal_id, sequence, event: JSON.parse(payload) as Event }],
    ),
    books: found.filter(({ merchant_id, livemode }, at) => found.findIndex((other) => other.merchant_id === merchant_id && other.livemode === livemode) === at),
  };
}

const last_statement = { name: 'terminal_events_last', text: 'select last from event_sequences where merchant_id = $1 and livemode = $2' };

/** The last number of a book; 0 when it has none. */
export async function lastNumber(ctx: Ctx, { merchant_id, livemode }: Omit<Book, 'after'>): Promise<bigint> {
  const [row] = await ctx.db.run<{ last: bigint }>(last_statement, [merchant_id, livemode]);
  return row?.last ?? 0n;
}

const revoked_statement = {
  name: 'devices_revoked',
  text: `select d.id from unnest($1::text[], $2::text[]) as c (merchant_id, id) join devices d on d.merchant_id = c.merchant_id and d.id = c.id
    where d.state <> 'active'`,
};

/** Those of some devices that were revoked. */
export async function revokedOf(ctx: Ctx, devices: readonly { readonly merchant_id: string; readonly id: string }[]): Promise<ReadonlySet<string>> {
  const values = [devices.map(({ merchant_id }) => merchant_id), devices.map(({ id }) => id)];
  return new Set((await ctx.db.run<{ id: string }>(revoked_statement, values)).map(({ id }) => id));
}
