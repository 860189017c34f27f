import { commitOf } from '../commit.ts';
import { type Arena, openArena } from './arena.ts';
import { command_names } from './commands.ts';
import type { Rewrite } from './gate.ts';
import { type Pair, race, type Schedule } from './race.ts';
import { type Problem, verdict } from './verdict.ts';

/** What a run of pairs has shown. */
export type Report = {
  readonly commit: string;
  readonly seed: string;
  readonly pairs: number;
  readonly schedules: number;
  readonly steps: number;
  /** Orders of steps, by pair and state, that are different from each other. */
  readonly distinct_orders: number;
  readonly distinct_final_states: number;
  /** Steps that had to wait for another actor's lock. */
  readonly blocked: number;
  readonly deadlocks: number;
  readonly violations: number;
  readonly seconds: number;
  readonly schedules_per_s: number;
  readonly failures: readonly Schedule[];
};

type RacesOptions = {
  readonly seed: string;
  /** Of each pair. */
  readonly schedules: number;
  readonly pairs: readonly Pair[];
  /** The number of the first schedule of each pair. */
  readonly from?: number;
  /** Arenas at work beside each other. While one waits for the database another one computes. */
  readonly lanes?: number;
  readonly onPair?: (pair: Pair, schedules: readonly Schedule[]) => void;
  readonly rewrite?: Rewrite;
};

/** Both orders of two commands: the first runs on the first node. */
export const all_pairs: readonly Pair[] = command_names.flatMap((first) => command_names.map((second): Pair => [first, second]));

type Job = { readonly pair: Pair; readonly nth: number };

/** So many schedules are held together: what is broken once stays broken, and they are then run again one by one to find whose it is. */
const batch_max = 30;
/** A database of its own for so many batches: holding all rules reads all of it. */
const batches_per_arena = 4;
const usual_lanes = 4;

/** Races every pair so many times, and holds all rules over what came of it. */
export async function runRaces({ seed, schedules, pairs, from = 0, lanes = usual_lanes, onPair, rewrite }: RacesOptions): Promise<Report> {
  const began = performance.now();
  const jobs = pairs.flatMap((pair) => Array.from({ length: schedules }, (_, at): Job => ({ pair, nth: from + at })));
  const batches = split(jobs, Math.min(batch_max, Math.ceil(jobs.length / lanes)));
  const done = new Map<Job, Schedule>();
  const runLane = async () => {
    let arena: Arena | undefined;
    let held = 0;
    try {
      for (let batch = batches.shift(); batch; batch = batches.shift()) {
        arena ??= await openArena({ seed, rewrite });
        const ran: Schedule[] = [];
        for (const { pair, nth } of batch) ran.push(await race(arena, seed, pair, nth));
        const problems = await verdict(arena);
        const named = problems.length === 0 ? ran : await nameEach(seed, rewrite, ran, problems);
        for (const [at, job] of batch.entries()) done.set(job, named[at] as Schedule);
        for (const pair of new Set(batch.map((job) => job.pair))) tellIfDone(pair);
        held += 1;
        if (problems.length === 0 && held < batches_per_arena) continue;
        await arena.close();
        arena = undefined;
        held = 0;
      }
    } finally {
      await arena?.close();
    }
  };
  const tellIfDone = (pair: Pair): void => {
    const of_pair = jobs.filter((job) => job.pair === pair).flatMap((job) => done.get(job) ?? []);
    if (of_pair.length === schedules) onPair?.(pair, of_pair);
  };
  await Promise.all(Array.from({ length: Math.min(lanes, batches.length) }, runLane));
  const all = jobs.flatMap((job) => done.get(job) ?? []);
  const seconds = (performance.now() - began) / 1000;
  const sum = (count: (schedule: Schedule) => number) => all.reduce((total, schedule) => total + count(schedule), 0);
  return {
    commit: commitOf(),
    seed,
    pairs: pairs.length,
    schedules: all.length,
    steps: sum(({ steps }) => steps.length),
    distinct_orders: new Set(all.map(({ pair, state, steps }) => [...pair, state, ...steps].join())).size,
    distinct_final_states: new Set(all.map(({ final }) => final)).size,
    blocked: sum(({ blocked }) => blocked),
    deadlocks: sum(({ deadlocks }) => deadlocks),
    violations: sum(({ problems }) => problems.length),
    seconds: Math.round(seconds * 10) / 10,
    schedules_per_s: Math.round((all.length / seconds) * 10) / 10,
    failures: all.filter(({ problems }) => problems.length > 0),
  };
}

function split<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, at) => all.slice(at * size, (at + 1) * size));
}

/** Runs the schedules of a batch again and holds all rules after each, to say which one broke them; it spoils its database for the others. */
async function nameEach(seed: string, rewrite: Rewrite | undefined, ran: readonly Schedule[], problems: readonly Problem[]): Promise<readonly Schedule[]> {
  const named: Schedule[] = [];
  let arena: Arena | undefined;
  for (const { pair, nth } of ran) {
    arena ??= await openArena({ seed, rewrite });
    const again = await race(arena, seed, pair, nth);
    const own = [...again.problems, ...(await verdict(arena))];
    named.push({ ...again, problems: own });
    if (own.length === 0) continue;
    await arena.close();
    arena = undefined;
  }
  await arena?.close();
  const [first, ...rest] = named;
  if (!first || named.some((schedule) => schedule.problems.length > 0)) return named;
  // Only together: what is broken must not be lost, even when nobody can say whose it is.
  return [{ ...first, problems: problems.map(({ rule, rows }) => ({ rule: `${rule}, by ${ran.length} schedules together`, rows })) }, ...rest];
}
