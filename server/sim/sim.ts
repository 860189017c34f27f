import { createDatabase, type Database, type Fate } from './database.ts';
import { createDice, type Dice } from './dice.ts';
import type { Engine } from './engine.ts';
import { drawFaults, type FaultId, type Faults } from './faults.ts';
import { createScheduler, type Scheduler } from './scheduler.ts';

/** What all that is in one world shares. */
export type Sim = {
  readonly seed: string;
  readonly scheduler: Scheduler;
  readonly faults: Faults;
  readonly database: Database;
  readonly dice: (label: string) => Dice;
  /** Milliseconds that a way takes, up to so many. */
  readonly latency: (ms_max: number) => number;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Numbers a yield point and says what becomes of who reached it. */
  readonly reach: (node: string, point: string) => Fate;
  readonly points: () => readonly string[];
  /** Yield points are numbered, and planned crashes happen, only while the scenario itself runs. */
  numbering: boolean;
  healed: boolean;
  /** When a node first died or first lost an answer by plan; undefined as long as none did. */
  struck_ms: number | undefined;
};

/** A crash at the n-th yield point. */
export type PlannedCrash = { readonly point: number; readonly fate: Exclude<Fate, 'go'> };

export type SimOptions = {
  readonly seed: string;
  readonly engine: Engine;
  readonly only?: readonly FaultId[] | undefined;
  readonly crash?: PlannedCrash | undefined;
  readonly steps_max?: number;
};

/** Every world begins at the same moment of a business day. */
export const start_ms = Date.parse('2026-11-22T02:00:00.000Z');
const steps_max_default = 400_000;

export function createSim({ seed, engine, only, crash, steps_max = steps_max_default }: SimOptions): Sim {
  const network = createDice(seed, 'network');
  const points: string[] = [];
  const dueOf = (task: string, now_ms: number): number | undefined => {
    // A node whose clock strays reads the time again and again; the others would read the same.
    if (task === 'time') return sim.faults.rate('OF-12') > 0 ? 0 : undefined;
    // Old keys and nonces are looked for, and the accounts' health is shared, while something is going on: no order comes later.
    if (task === 'house' || task === 'health') return sim.healed || !sim.numbering ? undefined : 0;
    if (task === 'statistics') return undefined;
    return task === '' ? 0 : sim.database.dueOf(task) === undefined ? undefined : Math.max(sim.database.dueOf(task) as number, now_ms - 1);
  };
  const scheduler = createScheduler({ seed, start_ms, dueOf, steps_max });
  const faults = drawFaults({ seed, now_ms: scheduler.now_ms, only });
  const latency = (ms_max: number) => network.fraction() * ms_max;
  const sim: Sim = {
    seed,
    scheduler,
    faults,
    database: createDatabase({ scheduler, faults, latency }, engine),
    dice: (label) => createDice(seed, label),
    latency,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        const wake = () => {
          event.cancelled = true;
          signal?.removeEventListener('abort', wake);
          resolve();
        };
        const event = scheduler.after(ms, 'sleep', 'world', wake);
        signal?.addEventListener('abort', wake);
      }),
    reach: (node, point) => {
      if (!sim.numbering) return 'go';
      points.push(`${node} ${point}`);
      return crash?.point === points.length ? crash.fate : 'go';
    },
    points: () => points,
    numbering: false,
    healed: false,
    struck_ms: undefined,
  };
  return sim;
}
