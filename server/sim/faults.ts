import { createDice, type Dice } from './dice.ts';

/** Every fault of reliability.md that this layer can make, by its id, and what it is here. */
export const fault_texts = {
  'CF-01': 'a channel acts and its answer never comes',
  'CF-02': 'a request never reaches its channel',
  'CF-03': 'an answer of a channel is cut off',
  'CF-04': 'a page of a proxy instead of an answer',
  'CF-05': 'a channel is busy or fails with 5xx',
  'CF-06': 'a channel is slow to get a request or to answer it, also beyond the deadline',
  'CF-07': 'a notification comes up to eight times, some at once',
  'CF-08': 'notifications overtake one another',
  'CF-09': 'a notification is late by seconds to hours',
  'CF-10': 'a notification is lost for ever',
  'CF-11': 'forged, altered and replayed notifications',
  'CF-12': 'a genuine notification with a wrong amount or receiver',
  'CF-13': 'a genuine notification of an order that is not ours',
  'CF-14': 'a signature probe',
  'CF-15': 'a gateway changes its keys',
  'CF-16': 'a channel limits the rate',
  'CF-17': 'a query contradicts a notification for a while',
  'CF-18': 'a query does not find an order that was just made',
  'CF-19': 'a payer pays what was closed',
  'CF-20': 'a payer pays twice',
  'CF-21': 'a genuine notification with the transaction number of another payment',
  'CF-22': 'a refund is accepted and fails, or is refused for good',
  'CF-23': 'a bill is late, cut off or wrong, and issued anew',
  'CF-24': 'the clock of a channel is ahead by up to ten minutes',
  'CF-25': 'no TLS with a channel',
  'CF-26': 'the name of a channel does not resolve',
  'CF-27': 'a channel is down: in worlds for minutes, in some for up to two hours after the payers are done; in the black box for up to ten seconds',
  'CF-28': 'a code that nobody has listed',
  'OF-01': 'a node is killed',
  'OF-02': 'a node stands still for seconds to minutes',
  'OF-04': 'a connection to the database breaks, before or after the effect',
  'OF-05': 'a connection breaks during COMMIT',
  'OF-07': 'the database is read-only, full of connections or slow',
  'OF-08': 'serialisation failures and deadlocks',
  'OF-09': 'the disk of the database is full',
  'OF-10': 'a request to a channel goes out twice; a node stands still with rows that it claimed, and another one claims them too',
  'OF-11': 'two steps on one payment at once, in worlds of several nodes',
  'OF-12': 'the clock of a node jumps',
  'OF-14': 'secrets, keys, policies and settings change mid-flight; accounts are paused and merchants suspended',
  'OF-16': 'news between nodes is lost',
  'OF-19': 'a node dies between sending a webhook and marking it',
  'MF-01': 'a merchant loses the answer and asks again',
  'MF-02': 'a merchant asks twice at once, also on two nodes',
  'MF-03': 'a merchant alters a repeated request',
  'MF-04': 'a malformed, unsigned or foreign request',
  'MF-05': 'a receiver fails, redirects, resets, hangs, limits or floods',
  'MF-06': 'a receiver is down: in worlds for minutes, in some for up to two hours after the payers are done; in the black box for up to ten seconds',
} as const;
export type FaultId = keyof typeof fault_texts;
/** The faults of reliability.md §3.3 that a world cannot have: real processes, other tests, or nothing yet. */
export const other_fault_texts = {
  'OF-03': 'a node is told to stop while it works, as a deployment does',
  'OF-06': 'the database fails over to a standby, and the old primary returns',
  'OF-13': 'a node is out of memory, or its event loop stands for seconds',
  'OF-15': 'the schema migrates during traffic, old and new version together',
  'OF-17': 'the database is restored from a backup that is older than the truth of the channels',
  'OF-18': 'a reader that lasts keeps old rows from being cleaned up',
} as const;
/** Any fault of the specification, and the merchants' own (§3.4), which have their ids from here. */
export type AnyFaultId = FaultId | keyof typeof other_fault_texts;
export const fault_ids = Object.keys(fault_texts) as FaultId[];

/** Which faults a world has, how often each happens, and how often each has happened. */
export type Faults = {
  /** Draws: does it happen now? Counts it when it does. */
  readonly hit: (id: FaultId) => boolean;
  /** Draws and does not count: whoever sees it come about does. */
  readonly draw: (id: FaultId) => boolean;
  /** The share that was drawn, zero when it is off or over. */
  readonly rate: (id: FaultId) => number;
  /** Counts one that came about by itself. */
  readonly count: (id: FaultId) => void;
  readonly dice: (id: FaultId) => Dice;
  readonly counts: ReadonlyMap<FaultId, number>;
  readonly on: readonly FaultId[];
  /** Nothing goes wrong between `hold` and `release`, and after `heal`. */
  readonly hold: () => void;
  readonly release: () => void;
  readonly heal: () => void;
};

export type FaultsOptions = {
  readonly seed: string;
  readonly now_ms: () => number;
  /** Only these may be drawn; all when absent. */
  readonly only?: readonly FaultId[] | undefined;
};

/** A quarter of the slices of time is free of faults, so that recovery is seen as well. */
const slice_ms = 45_000;
/** Some have so many occasions that a share of them would be all there is: of these fewer count. Of rare ones more do. */
const occasions: Partial<Record<FaultId, number>> = {
  'OF-01': 0.01,
  'OF-02': 0.03,
  'OF-04': 0.1,
  'OF-05': 2,
  'OF-07': 0.2,
  'OF-08': 0.2,
  'OF-09': 0.1,
  'OF-12': 0.05,
  'OF-14': 1,
  'OF-16': 15,
  'OF-19': 0.1,
  'CF-15': 0.1,
  'CF-09': 4,
  'CF-17': 20,
  'CF-12': 3,
  'CF-13': 3,
  'CF-14': 2,
  'CF-18': 4,
  'CF-19': 5,
  'CF-21': 3,
  'CF-22': 2,
};
const rates = [0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3] as const;

/** Swarm: each fault is off in half of all worlds, or has a rate between 0.1 % and 30 %. */
export function drawFaults({ seed, now_ms, only }: FaultsOptions): Faults {
  const swarm = createDice(seed, 'swarm');
  const drawn = new Map<FaultId, { readonly rate: number; readonly dice: Dice }>();
  for (const id of fault_ids) {
    // Both are drawn whether it is on or not: leaving one out shifts none of the others.
    const is_on = swarm.chance(0.5);
    const rate = swarm.pick(rates);
    if (is_on && (only === undefined || only.includes(id))) drawn.set(id, { rate, dice: createDice(seed, `fault ${id}`) });
  }
  const counts = new Map<FaultId, number>();
  const spare = createDice(seed, 'fault');
  let healed = false;
  let held = false;
  const isFree = () => Math.floor(now_ms() / slice_ms) % 4 === 0;
  const count = (id: FaultId) => void counts.set(id, (counts.get(id) ?? 0) + 1);
  const draw = (id: FaultId): boolean => {
    const fault = drawn.get(id);
    return fault !== undefined && !healed && !held && !isFree() && fault.dice.chance(fault.rate * (occasions[id] ?? 1));
  };
  return {
    hit: (id) => {
      const drew = draw(id);
      if (drew) count(id);
      return drew;
    },
    draw,
    rate: (id) => (healed || held ? 0 : (drawn.get(id)?.rate ?? 0)),
    count,
    dice: (id) => drawn.get(id)?.dice ?? spare,
    counts,
    on: [...drawn.keys()],
    hold: () => {
      held = true;
    },
    release: () => {
      held = false;
    },
    heal: () => {
      healed = true;
    },
  };
}
