import { type Kysely, sql } from 'kysely';
import type { Tables } from '../../platform/db/tables.gen.ts';
import type { BookState } from '../posting.ts';
import type { Taken } from './event-postings.ts';

/** A merchant's book in one mode, held by whoever reads it here until the transaction ends. */
export type HeldBook = BookState & { readonly merchant_id: string; readonly livemode: boolean; readonly position: bigint };

/** Opens the books of merchants that have their first events. */
export async function openBooks(db: Kysely<Tables>): Promise<void> {
  await sql`insert into ledger_books (merchant_id, livemode) select s.merchant_id, s.livemode from event_sequences s
    where not exists (select 1 from ledger_books b where b.merchant_id = s.merchant_id and b.livemode = s.livemode)
    on conflict do nothing`.execute(db);
}

/** True when some book has not seen all events of its merchant. */
export async function anyBehind(db: Kysely<Tables>): Promise<boolean> {
  const { rows } = await sql<{
    behind: boolean;
  }>`select exists (select 1 from event_sequences s left join ledger_books b on b.merchant_id = s.merchant_id and b.livemode = s.livemode
    where s.last > coalesce(b.position, 0)) as behind`.execute(db);
  return rows[0]?.behind ?? false;
}

/**
 * Takes books that are behind, those of merchants after `after` first, and leaves those that another node has. Two nodes
 * never have the same one, and neither waits.
 */
export async function holdBooksBehind(tx: Kysely<Tables>, after: string, limit: number): Promise<HeldBook[]> {
  const { rows } = await sql<HeldBook>`select b.merchant_id, b.livemode, b.position, b.last_no, b.closed_through
    from ledger_books b join event_sequences s on s.merchant_id = b.merchant_id and s.livemode = b.livemode
    where s.last > b.position order by b.merchant_id > ${after} desc, b.merchant_id, b.livemode limit ${limit} for update of b skip locked`.execute(tx);
  return rows;
}

export type EventRow = { readonly merchant_id: string; readonly livemode: boolean; readonly sequence: bigint; readonly payload: string | null };

/** What comes next in each of the books, at most `limit` of each; the payload only of types that move money. */
export async function readEvents(tx: Kysely<Tables>, books: readonly HeldBook[], types: readonly string[], limit: number): Promise<EventRow[]> {
  const { rows } = await sql<EventRow>`select b.merchant_id, b.livemode, e.sequence, case when e.type = any (${types}::text[]) then e.payload end as payload
    from unnest(${books.map((book) => book.merchant_id)}::text[], ${books.map((book) => book.livemode)}::boolean[], ${books.map((book) => book.position)}::bigint[])
      as b (merchant_id, livemode, position)
    cross join lateral (select type, sequence, payload from events
      where merchant_id = b.merchant_id and livemode = b.livemode and sequence > b.position order by sequence limit ${limit}) e
    order by b.merchant_id, b.livemode, e.sequence`.execute(tx);
  return rows;
}

type TakenRow = Omit<Taken, 'charge' | 'merchant_order_no' | 'attempt_id'> & {
  readonly merchant_id: string;
  readonly attempt_id: string;
  readonly detail: Readonly<Record<string, string | null>>;
};

/** What the books know of the money of these attempts: one look-up by index for each. */
export async function readTaken(tx: Kysely<Tables>, attempts: readonly (readonly [merchant_id: string, attempt_id: string])[]): Promise<TakenRow[]> {
  if (attempts.length === 0) return [];
  const { rows } =
    await sql<TakenRow>`select p.merchant_id, p.kind, p.payment_id, p.attempt_id, p.refund_id, p.store_id, p.channel_account_id, p.channel, p.method, p.amount_fen, p.fee_fen, p.detail,
      r.refunded_fen, r.returned_fen
    from unnest(${attempts.map(([merchant_id]) => merchant_id)}::text[], ${attempts.map(([, attempt_id]) => attempt_id)}::text[]) as a (merchant_id, attempt_id)
    cross join lateral (select * from ledger_postings where merchant_id = a.merchant_id and attempt_id = a.attempt_id and kind in ('payment', 'duplicate', 'late') limit 1) p
    cross join lateral (select coalesce(sum(amount_fen), 0)::bigint as refunded_fen, coalesce(sum(fee_fen), 0)::bigint as returned_fen
      from ledger_postings where merchant_id = a.merchant_id and attempt_id = a.attempt_id and kind in ('refund', 'return')) r`.execute(tx);
  return rows;
}

/** Where the books' events stand after a batch. */
export async function moveBooks(tx: Kysely<Tables>, books: readonly { merchant_id: string; livemode: boolean; position: bigint }[]): Promise<void> {
  await sql`update ledger_books b set position = x.position
    from unnest(${books.map((book) => book.merchant_id)}::text[], ${books.map((book) => book.livemode)}::boolean[], ${books.map((book) => book.position)}::bigint[])
      as x (merchant_id, livemode, position)
    where b.merchant_id = x.merchant_id and b.livemode = x.livemode`.execute(tx);
}

export type Lag = {
  readonly merchant_id: string;
  readonly livemode: boolean;
  readonly position: bigint;
  readonly last: bigint;
  readonly last_no: bigint;
  readonly closed_through: string | null;
};

/** How far each book is. */
export async function readLag(db: Kysely<Tables>, merchant_id: string | undefined): Promise<Lag[]> {
  const { rows } =
    await sql<Lag>`select s.merchant_id, s.livemode, coalesce(b.position, 0) as position, s.last, coalesce(b.last_no, 0) as last_no, b.closed_through
    from event_sequences s left join ledger_books b on b.merchant_id = s.merchant_id and b.livemode = s.livemode
    where ${merchant_id ?? null}::text is null or s.merchant_id = ${merchant_id ?? null}
    order by s.last - coalesce(b.position, 0) desc, s.merchant_id, s.livemode`.execute(db);
  return rows;
}
