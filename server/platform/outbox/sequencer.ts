import { type Kysely, sql } from 'kysely';
import { sequence_batch_max } from '../../kernel/limits.ts';
import { randomFraction } from '../../kernel/rng.ts';
import type { Ctx } from '../ctx.ts';
import type { Tables } from '../db/tables.gen.ts';

/** The lock of the one sequencer of a cluster; any number that no other lock of ours has. */
const advisory_lock = 7_262_101;
/** How far `GET /v1/events` may lag behind: catching up is not urgent, and each round costs four small statements. */
const interval_ms = 250;
/** Rounds that find nothing become rarer: a node at rest rests. */
const interval_ms_max = 2_000;

/** Numbers events until it is stopped; several nodes may run it, one at a time works. */
export function startSequencer(ctx: Ctx): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const run = async () => {
    let pause_ms = interval_ms;
    while (!stopping.signal.aborted) {
      const numbered = await sequenceEvents(ctx).catch((error: unknown) => {
        ctx.log.error({ error: error instanceof Error ? error : new Error(String(error)) }, 'events could not be numbered');
        return 0;
      });
      pause_ms = numbered > 0 ? interval_ms : Math.min(pause_ms * 2, interval_ms_max);
      if (numbered < sequence_batch_max) await ctx.clock.sleep(pause_ms * (1 + randomFraction(ctx.rng) / 2), stopping.signal);
    }
  };
  const done = run();
  return {
    stop() {
      stopping.abort();
      return done;
    },
  };
}

/**
 * Gives committed events their numbers: 1, 2, 3 … for each merchant and mode, without a gap. Gives how many; `sequence_batch_max` when more may wait.
 *
 * The lock is taken in a statement of its own: the next one then has a snapshot that holds everything the sequencer before
 * us committed. A single statement would take its snapshot first and could count events that are numbered already.
 */
export async function sequenceEvents(ctx: Ctx): Promise<number> {
  if (!(await anyWaits(ctx.db.kysely))) return 0;
  return ctx.db.kysely
    .transaction()
    .setIsolationLevel('read committed')
    .execute(async (tx) => {
      const { rows } = await sql<{ alone: boolean }>`select pg_try_advisory_xact_lock(${advisory_lock}) as alone`.execute(tx);
      if (!rows[0]?.alone) return 0;
      const numbered = await numberBatch(tx);
      ctx.metrics.count('heliu_events_sequenced_total', {}, numbered);
      return numbered;
    });
}

async function anyWaits(db: Kysely<Tables>): Promise<boolean> {
  const { rows } = await sql<{ waits: boolean }>`select exists (select 1 from events where sequence is null) as waits`.execute(db);
  return rows[0]?.waits ?? false;
}

/**
 * One statement for the whole batch. Uncommitted events are invisible to it and are numbered in a later batch, behind
 * everything a reader may have seen.
 */
async function numberBatch(tx: Kysely<Tables>): Promise<number> {
  const { rows } = await sql<{ numbered: bigint }>`
    with batch as materialized (
      select merchant_id, livemode, id, row_number() over (partition by merchant_id, livemode order by created_at, id) as nth
      from (select merchant_id, livemode, id, created_at from events where sequence is null order by created_at limit ${sequence_batch_max}) waiting
    ), counts as (
      select merchant_id, livemode, count(*) as amount from batch group by merchant_id, livemode
    ), advanced as (
      insert into event_sequences as s (merchant_id, livemode, last) select merchant_id, livemode, amount from counts
      on conflict (merchant_id, livemode) do update set last = s.last + excluded.last
      returning merchant_id, livemode, last
    ), numbered as (
      update events e set sequence = a.last - c.amount + b.nth
      from batch b join counts c using (merchant_id, livemode) join advanced a using (merchant_id, livemode)
      where e.merchant_id = b.merchant_id and e.id = b.id
      returning 1
    )
    select count(*) as numbered from numbered`.execute(tx);
  return Number(rows[0]?.numbered ?? 0);
}
