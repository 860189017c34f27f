import { sweep_batch_max } from '../../kernel/limits.ts';
import { randomFraction } from '../../kernel/rng.ts';
import { addMs } from '../../kernel/time.ts';
import type { Ctx } from '../ctx.ts';
import { createSlots, type KeySlots } from './slots.ts';

/**
 * A kind of row that becomes due. `claim` is one `update … returning` that pushes the due time of at most `limit` rows to
 * `now + lease_ms` or later and gives them: whoever claimed a row works on it, and if that node dies, the row comes due
 * again. Nothing else says who has a row, so `work` must bear being done twice.
 */
export type DueTask<Row> = {
  readonly name: string;
  readonly lease_ms: number;
  /** Rows worked on at the same time, on one node. */
  readonly concurrency: number;
  readonly concurrency_per_key?: number;
  /** What shares the limit `concurrency_per_key`: an endpoint, a channel account. */
  key?(row: Row): string;
  /** Keys that may have fewer at the moment, none at all for 0. */
  keyLimits?(): ReadonlyMap<string, number>;
  /**
   * `busy` names the keys with less than `concurrency_per_key` room. A claim that leaves those rows alone keeps one slow
   * key from filling every slot; a claim that does not care may ignore it, and surplus rows then wait here.
   */
  claim(limit: number, now: Date, lease_ms: number, busy: KeySlots): Promise<readonly Row[]>;
  work(row: Row): Promise<void>;
  /** Makes a row that was handed here due again, for want of room. Only for tasks whose rows are handed. */
  release?(row: Row): Promise<void>;
};

export type Sweeper = {
  /** Rows of that task just became due: looks at once. Any number of nudges while it looks are one more look. */
  nudge(name: string): void;
  /**
   * Until when rows of that task that are written now may be written as claimed by this node; undefined when it has no
   * room. Whoever writes them so hands them over when they are committed, which saves the claim.
   */
  lease(name: string, now: Date): Date | undefined;
  /** Begins rows that were written under `lease`. What finds no room goes back. */
  hand<Row>(name: string, rows: readonly Row[]): void;
  /** Claims no more, and waits for what is under way. */
  stop(): Promise<void>;
};

/** What the sweeper itself needs of a node; its tasks bring their own. */
export type SweeperCtx = Pick<Ctx, 'clock' | 'rng' | 'log' | 'metrics'>;

/** Between two looks that nobody asked for; jitter keeps nodes apart. Looks that find nothing become rarer: a node at rest rests. */
const interval_ms = 500;
const interval_ms_max = 2_000;

/** Runs due rows until it is stopped. Several nodes may do so on one database. */
export function createSweeper(ctx: SweeperCtx, tasks: readonly DueTask<unknown>[]): Sweeper {
  const runners = new Map(tasks.map((task) => [task.name, startRunner(ctx, task)]));
  return {
    nudge: (name) => runners.get(name)?.nudge(),
    lease: (name, now) => runners.get(name)?.lease(now),
    hand: (name, rows) => runners.get(name)?.hand(rows),
    stop: async () => {
      await Promise.all([...runners.values()].map((runner) => runner.stop()));
    },
  };
}

type Waiting<Row> = { readonly row: Row; readonly lease_until: Date };

type Runner<Row> = {
  nudge(): void;
  lease(now: Date): Date | undefined;
  hand(rows: readonly Row[]): void;
  stop(): Promise<void>;
};

function startRunner<Row>(ctx: SweeperCtx, task: DueTask<Row>): Runner<Row> {
  const per_key = task.concurrency_per_key ?? task.concurrency;
  const slots = createSlots(task.concurrency, per_key);
  const keyOf = (row: Row): string => task.key?.(row) ?? '';
  const under_way = new Set<Promise<void>>();
  // Claiming for every single slot that becomes free would cost a statement per row.
  const finished_min = Math.max(1, Math.floor(Math.min(task.concurrency, per_key) / 2));
  let waiting: Waiting<Row>[] = [];
  let stopping = false;
  /** The last look may have left due rows behind for want of slots. */
  let left_behind = false;
  let finished = 0;
  let again = false;
  let pause_ms = interval_ms;
  let sleep = new AbortController();

  const nudge = () => {
    again = true;
    // With a reason of our own: without one, every nudge would build an error with a stack.
    sleep.abort('nudged');
  };
  const begin = (row: Row) => {
    const key = keyOf(row);
    slots.take(key);
    const work = task
      .work(row)
      .catch((error: unknown) => report(ctx, task.name, error, 'a due row failed and comes due again'))
      .finally(() => {
        under_way.delete(work);
        slots.give(key);
        finished += 1;
        beginWaiting();
        if (left_behind && (finished >= finished_min || under_way.size === 0)) nudge();
      });
    under_way.add(work);
  };
  const beginWaiting = () => {
    const now = ctx.clock.now();
    const left: Waiting<Row>[] = [];
    for (const { row, lease_until } of waiting) {
      // Another node may have it by now.
      if (stopping || lease_until <= now) continue;
      if (slots.room(keyOf(row)) > 0) begin(row);
      else left.push({ row, lease_until });
    }
    waiting = left;
  };
  /** True when there may be more to claim at once. */
  const look = async (): Promise<boolean> => {
    finished = 0;
    left_behind = true;
    slots.limit(task.keyLimits?.() ?? new Map());
    const limit = Math.min(slots.free() - waiting.length, sweep_batch_max);
    if (limit <= 0) return false;
    const now = ctx.clock.now();
    const busy = slots.busy();
    const full_when_claimed = slots.full();
    const rows = await task.claim(limit, now, task.lease_ms, busy);
    pause_ms = rows.length > 0 ? interval_ms : Math.min(pause_ms * 2, interval_ms_max);
    if (rows.length > 0) ctx.metrics.count('heliu_due_rows_claimed_total', { task: task.name }, rows.length);
    const full_before = slots.full();
    waiting.push(...rows.map((row) => ({ row, lease_until: addMs(now, task.lease_ms) })));
    beginWaiting();
    // What had no room, or got all that it had, may have more due, also when some of its work has ended meanwhile.
    left_behind = rows.length === limit || full_when_claimed > 0 || slots.full() > 0 || tookAllRoom(rows, busy);
    // Rows behind those of a key that has just become full were perhaps not looked at.
    return rows.length === limit || slots.full() > full_before;
  };
  const tookAllRoom = (rows: readonly Row[], { keys, slots: left }: KeySlots): boolean => {
    const rooms = new Map(keys.map((key, nth) => [key, left[nth] ?? 0]));
    const taken = Map.groupBy(rows, keyOf);
    return [...taken].some(([key, { length }]) => length >= (rooms.get(key) ?? per_key));
  };
  const run = async () => {
    while (!stopping) {
      again = false;
      sleep = new AbortController();
      const more = await look().catch((error: unknown) => {
        report(ctx, task.name, error, 'due rows could not be claimed');
        return false;
      });
      if (more || again || stopping) continue;
      await ctx.clock.sleep(pause_ms * (1 + randomFraction(ctx.rng) / 2), sleep.signal);
    }
    await Promise.all(under_way);
  };
  const release = (row: Row) => {
    left_behind = true;
    const released = (task.release?.(row) ?? Promise.resolve())
      .catch((error: unknown) => report(ctx, task.name, error, 'a due row could not be given back and comes due again'))
      .finally(() => under_way.delete(released));
    under_way.add(released);
  };
  const done = run();
  return {
    nudge,
    lease: (now) => (stopping || slots.free() <= waiting.length ? undefined : addMs(now, task.lease_ms)),
    hand(rows) {
      for (const row of rows) {
        if (!stopping && slots.room(keyOf(row)) > 0) begin(row);
        else release(row);
      }
    },
    stop() {
      stopping = true;
      nudge();
      return done;
    },
  };
}

function report(ctx: SweeperCtx, task: string, error: unknown, message: string): void {
  ctx.metrics.count('heliu_due_failures_total', { task });
  ctx.log.error({ task, error: error instanceof Error ? error : new Error(String(error)) }, message);
}
