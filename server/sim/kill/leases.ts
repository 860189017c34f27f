import { setTimeout } from 'node:timers/promises';
import type pg from 'pg';
import { refund_turn_ms } from '../../payments/schedule.ts';
import { targets } from './targets.ts';

/**
 * Who has claimed what. A claim of Heliu's names nobody: it pushes a due time forward, and a node that dies leaves its rows to
 * whoever finds them due again. The stage's database is therefore told by each connection which start of which node it serves,
 * and triggers of its own note the last claim of each row beside the tables; Heliu knows nothing of either.
 *
 * What a campaign's load claims is in these four tables. Bills, statements, bank accounts and gateways' keys come due once a day at
 * most, and rows that one transaction locks are free when its connection is gone.
 */
export const lease_notes = `
create schema if not exists leases;
create table if not exists leases.held (
  of text not null, merchant_id text not null, id text not null, owner text not null, claimed_at timestamptz not null, primary key (of, merchant_id, id)
);
create or replace function leases.note_claim() returns trigger language plpgsql as $$
begin
  insert into leases.held values (tg_table_name, new.merchant_id, new.id, current_setting('application_name'), clock_timestamp())
    on conflict (of, merchant_id, id) do update set owner = excluded.owner, claimed_at = excluded.claimed_at;
  return null;
end $$;
create or replace function leases.note_end() returns trigger language plpgsql as $$
begin
  delete from leases.held where of = tg_table_name and merchant_id = new.merchant_id and id = new.id;
  return null;
end $$;
${[
  // What a request writes down before it sends is its own until then; what is due at once is nobody's.
  notesOf({ table: 'attempts', due: 'next_query_at', tries: 'query_tries', inserted: 'new.next_query_at > new.created_at' }),
  notesOf({ table: 'refunds', due: 'next_query_at', tries: 'query_tries', inserted: 'new.next_query_at > new.created_at' }),
  notesOf({ table: 'deliveries', due: 'next_send_at', tries: 'tries', inserted: 'new.tries > 0' }),
  // Whoever closes at a merchant's wish has the payment for the first step.
  notesOf({ table: 'payments', due: 'next_close_at', tries: 'close_tries', taken: 'new.closing is distinct from old.closing' }),
].join('')}`;

/** A claim counts a try. Any other write of the due time says when to look again, so that nobody has the row any more. */
function notesOf({ table, due, tries, inserted, taken = 'false' }: { table: string; due: string; tries: string; inserted?: string; taken?: string }): string {
  const claimed = `new.${due} is not null and (new.${tries} > old.${tries} or ${taken})`;
  return `
create or replace trigger note_claim after update on ${table} for each row when (${claimed}) execute function leases.note_claim();
create or replace trigger note_end after update on ${table} for each row
  when (new.${due} is distinct from old.${due} and (${claimed}) is not true) execute function leases.note_end();
${inserted ? `create or replace trigger note_first after insert on ${table} for each row when (${inserted}) execute function leases.note_claim();` : ''}`;
}

/** What became of the rows that a node had when it was killed. */
export type Recovery = {
  readonly held: number;
  /** From the kill until a living node, or this one started again, had claimed or ended the last of them; undefined when that had not come about when the campaign was over and the target missed. */
  readonly ms: number | undefined;
  readonly disturbed: boolean;
};

export type Killed = {
  /** The start that was killed, as its connections name it. */
  readonly owner: string;
  /** By `performance.now()`, */
  readonly at_ms: number;
  /** and by the clock. */
  readonly at: Date;
};

/** What a node had sent to the database when it died is written by then. */
const settle_ms = 400;
const look_ms = 100;

/**
 * Looks until nothing that the killed node had is waiting for it. A question that the gateway answered with nothing new leaves the
 * row as the claim left it: such rows count too, so that the time may be too long and is never too short. Claims from before any
 * work that was under way are not among them.
 */
export async function awaitRecovery(connect: () => Promise<pg.Client>, killed: Killed, signal: AbortSignal): Promise<Omit<Recovery, 'disturbed'>> {
  const since = new Date(killed.at.getTime() - refund_turn_ms);
  let client: pg.Client | undefined;
  /** Undefined while the database is away. */
  const look = async (): Promise<number | undefined> => {
    try {
      client ??= await connect();
      const { rows } = await client.query<{ held: number }>('select count(*)::integer as held from leases.held where owner = $1 and claimed_at > $2', [
        killed.owner,
        since,
      ]);
      return rows[0]?.held;
    } catch {
      await client?.end().catch(() => {});
      client = undefined;
      return undefined;
    }
  };
  let held: number | undefined;
  let ms: number | undefined;
  await setTimeout(settle_ms);
  while (ms === undefined) {
    const left = await look();
    const now_ms = performance.now() - killed.at_ms;
    held ??= left;
    if (left === 0) ms = now_ms;
    // Before the target is missed nothing is known: a campaign that is over waits for it.
    else if (signal.aborted && now_ms > targets.leases_ms_max) break;
    else await setTimeout(look_ms);
  }
  await client?.end().catch(() => {});
  return { held: held ?? 0, ms };
}
