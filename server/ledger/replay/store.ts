import { type Kysely, sql } from 'kysely';
import type { Tables } from '../../platform/db/tables.gen.ts';
import type { Posting } from '../posting.ts';
import type { BookName } from '../store.ts';

/** Where a book stands; at its beginning when it was never opened. */
export async function readBook(tx: Kysely<Tables>, { merchant_id, livemode }: BookName): Promise<{ readonly position: bigint }> {
  const { rows } = await sql<{ position: bigint }>`select position from ledger_books where merchant_id = ${merchant_id} and livemode = ${livemode}`.execute(tx);
  return rows[0] ?? { position: 0n };
}

/** How many postings say that they come from an event. */
export async function countEventPostings(tx: Kysely<Tables>, { merchant_id, livemode }: BookName): Promise<number> {
  const { rows } = await sql<{
    count: bigint;
  }>`select count(*) as count from ledger_postings where merchant_id = ${merchant_id} and livemode = ${livemode} and source_id like 'evt\\_%'`.execute(tx);
  return Number(rows[0]?.count ?? 0);
}

/** The postings by which the money of these attempts came, without entries. */
export async function findPayments(tx: Kysely<Tables>, { merchant_id, livemode }: BookName, attempt_ids: readonly string[]): Promise<Posting[]> {
  if (attempt_ids.length === 0) return [];
  const { rows } = await sql<Omit<Posting, 'entries'>>`select * from ledger_postings where merchant_id = ${merchant_id} and livemode = ${livemode}
    and attempt_id = any (${attempt_ids}::text[]) and kind in ('payment', 'duplicate', 'late')`.execute(tx);
  return rows.map((row) => ({ ...row, entries: [] }));
}
