import { AsyncLocalStorage } from 'node:async_hooks';
import type { Rng } from '../../kernel/rng.ts';
import { createTestRng } from '../../testing/rng.ts';
import { createDice } from './dice.ts';

/** What an actor would do next. */
type Step = { readonly actor: string; readonly label: string };

/** Says which of these connections wait for a lock, and that it is one of these that holds it. */
export type FindBlocked = (pids: readonly number[]) => Promise<ReadonlySet<number>>;

/**
 * Lets actors run beside each other, one step at a time, in an order that the seed draws. A step is what an actor does
 * outside itself: a statement, a call, a sleep. The next one is chosen only when every actor waits for its turn, has
 * ended or is blocked in the database, so the same seed gives the same order.
 */
export type Scheduler = {
  /** Begins an actor; it runs up to its first step by itself. */
  readonly spawn: <T>(name: string, run: () => Promise<T>) => Promise<T>;
  /** Chooses steps until every actor has ended, or until what waits fits. */
  readonly drive: (until?: (waiting: readonly Step[]) => boolean) => Promise<void>;
  /** The steps in their order, as `actor: step`. */
  readonly trace: readonly string[];
  /** How many steps had to wait for another actor's lock. */
  readonly blocked: () => number;
  /** How often actors waited for each other in a ring, and PostgreSQL had to choose a victim. */
  readonly deadlocks: () => number;
};

type Waiting = Step & { readonly owner: Actor; readonly asleep: boolean; readonly queues: boolean; readonly go: () => void };
type Flight = { readonly label: string; readonly pid: number | undefined; blocked: boolean; counted: boolean };
type Actor = {
  readonly name: string;
  readonly rng: Rng;
  readonly enter: <T>(actor: Actor, doing: Doing<T>) => Promise<T>;
  readonly flights: Set<Flight>;
  readonly waiting: Set<Waiting>;
  /** Work of its own that runs on another thread. */
  jobs: number;
  ended: boolean;
};
type Doing<T> = { readonly label: string; readonly work: () => T | Promise<T>; readonly pid?: number; readonly asleep?: boolean; readonly queues?: boolean };

const current = new AsyncLocalStorage<Actor>();

/** Does this when it is the caller's turn; at once where nobody schedules. */
export async function step<T>(doing: Doing<T>): Promise<T> {
  const actor = current.getStore();
  return actor ? await actor.enter(actor, doing) : await doing.work();
}

/** True inside an actor. */
export const isScheduled = (): boolean => current.getStore() !== undefined;

/** The randomness of the actor that asks, so that one actor's draws do not depend on the order of steps. */
export const actorRng = (): Rng | undefined => current.getStore()?.rng;

/** Counts work on another thread, so that its actor is not taken for one that waits. Gives the function that ends it. */
export function beginJob(): () => void {
  const actor = current.getStore();
  if (!actor) return () => {};
  actor.jobs += 1;
  return () => {
    actor.jobs -= 1;
  };
}

/** A statement that takes longer than this is looked at: does it wait for a lock? */
const patience_ms = 2;
/** An actor that does not come to its next step within this hangs. */
const stall_ms_max = 30_000;
/** The code by which PostgreSQL tells the victim. */
const deadlock_detected = '40P01';
/** Half of the seeds draw every step; the others let the actor of the highest rank run and lower it at some points, which reaches orders that a coin rarely gives. */
const rank_changes = 3;
const steps_expected = 24;

type SchedulerOptions = { readonly seed: string; readonly findBlocked: FindBlocked; readonly stall_ms?: number };

export function createScheduler({ seed, findBlocked, stall_ms = stall_ms_max }: SchedulerOptions): Scheduler {
  const dice = createDice(createTestRng(`${seed}/order`));
  const ranked = dice.below(2) === 0;
  const ranks = new Map<Actor, number>();
  const changes = new Set(Array.from({ length: rank_changes }, () => dice.below(steps_expected)));
  const actors: Actor[] = [];
  const trace: string[] = [];
  let blocked = 0;
  let deadlocks = 0;
  let stir = () => {};

  const enter = async <T>(actor: Actor, { label, work, pid, asleep = false, queues = false }: Doing<T>): Promise<T> => {
    const flight: Flight = { label, pid, blocked: false, counted: false };
    await new Promise<void>((resolve) => {
      const waiting: Waiting = {
        actor: actor.name,
        label,
        owner: actor,
        asleep,
        queues,
        go: () => {
          actor.waiting.delete(waiting);
          actor.flights.add(flight);
          resolve();
        },
      };
      actor.waiting.add(waiting);
      stir();
    });
    try {
      return await work();
    } catch (error) {
      // Told by PostgreSQL and not by what was seen here: on a slow machine it may end a deadlock before anyone looked.
      if ((error as { readonly code?: unknown } | undefined)?.code === deadlock_detected) deadlocks += 1;
      throw error;
    } finally {
      actor.flights.delete(flight);
      // What it held may have been what the others waited for.
      for (const other of flights()) other.blocked = false;
      stir();
    }
  };

  const spawn = <T>(name: string, run: () => Promise<T>): Promise<T> => {
    const actor: Actor = { name, rng: createTestRng(`${seed}/${name}`), enter, flights: new Set(), waiting: new Set(), jobs: 0, ended: false };
    actors.push(actor);
    ranks.set(actor, dice.below(1_000) + 1);
    const ended = current.run(actor, async () => {
      try {
        return await run();
      } finally {
        actor.ended = true;
        stir();
      }
    });
    // Whoever spawned it looks at the result when all is over.
    ended.catch(() => {});
    return ended;
  };

  const flights = (): Flight[] => actors.flatMap((actor) => [...actor.flights]);
  const isAtRest = ({ ended, jobs, flights: own, waiting }: Actor): boolean =>
    ended || (jobs === 0 && own.size + waiting.size > 0 && [...own].every((flight) => flight.blocked));

  /** Until something happens, or a moment has passed. */
  const moment = () =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, patience_ms);
      stir = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const settle = async (): Promise<void> => {
    const give_up = performance.now() + stall_ms;
    for (;;) {
      // Everything that only waits for promises runs before this turn is over.
      await new Promise((resolve) => setImmediate(resolve));
      if (actors.every(isAtRest)) return;
      const before = performance.now();
      if (before > give_up) throw new Error(`${actors.find((actor) => !isAtRest(actor))?.name} hangs after: ${trace.slice(-5).join(' | ')}`);
      await moment();
      if (performance.now() - before >= patience_ms) await look();
    }
  };

  const look = async (): Promise<void> => {
    const open = flights().filter((flight) => flight.pid !== undefined && !flight.blocked);
    if (open.length === 0) return;
    const found = await findBlocked(open.map(({ pid }) => pid as number));
    for (const flight of open) {
      flight.blocked = found.has(flight.pid as number);
      if (!flight.blocked || flight.counted) continue;
      flight.counted = true;
      blocked += 1;
    }
  };

  const choose = (all: readonly Waiting[]): Waiting => {
    // Of two that wait for the same row PostgreSQL, not the seed, says which comes first: the second one does not queue.
    const apart = all.filter(({ queues }) => !queues);
    const waiting = apart.length > 0 && flights().some((flight) => flight.blocked) ? apart : all;
    const awake = waiting.filter(({ asleep }) => !asleep);
    // Time passes slowly while others are at work, or a sleeper would ask a thousand times.
    const among = awake.length > 0 && (ranked || dice.below(4) > 0) ? awake : waiting;
    if (!ranked) return among[dice.below(among.length)] as Waiting;
    const rank = ({ owner }: Waiting) => ranks.get(owner) ?? 0;
    const first = among.reduce((best, next) => (rank(next) > rank(best) ? next : best));
    if (changes.has(trace.length)) ranks.set(first.owner, -trace.length);
    return first;
  };

  const drive: Scheduler['drive'] = async (until) => {
    for (;;) {
      await settle();
      const waiting = actors.flatMap((actor) => [...actor.waiting]);
      if (until?.(waiting)) return;
      if (waiting.length > 0) {
        const next = choose(waiting);
        trace.push(`${next.actor}: ${next.label}`);
        next.go();
      } else if (flights().length > 0) {
        // All of them are blocked: PostgreSQL ends one of them when it has looked for deadlocks.
        const before = flights().length;
        while (flights().length === before) await moment();
      } else return;
    }
  };

  return { spawn, drive, trace, blocked: () => blocked, deadlocks: () => deadlocks };
}
