import { createHash } from 'node:crypto';
import { createDice } from './dice.ts';
import { drain } from './globals.ts';

/** Something that will happen at an instant of the world. */
export type Event = {
  readonly at_ms: number;
  readonly tie: number;
  readonly name: string;
  readonly node: string;
  readonly run: () => void;
  cancelled: boolean;
};

/**
 * A look for due rows that nobody asked for. One that would find nothing changes nothing, so it waits for the instant
 * from which on it can find something: `due_ms` gives that instant.
 */
export type Poll = { readonly at_ms: number; readonly task: string; readonly node: string; readonly wake: () => void; cancelled: boolean };

export type Scheduler = {
  readonly now_ms: () => number;
  /** Puts an event after so much time. Ties of one instant are broken by the seed. */
  readonly after: (ms: number, name: string, node: string, run: () => void) => Event;
  readonly poll: (ms: number, task: string, node: string, wake: () => void) => Poll;
  /** Runs one event after the other until the work is done; the system is quiet between two of them. */
  readonly pump: <T>(work: Promise<T>) => Promise<T>;
  /** Looks at the world after every so many events, between two of them; a look that says it could not is tried after the next one. */
  readonly watch: (every: number, look: () => Promise<boolean>) => void;
  /** What happened, for the trace. */
  readonly note: (name: string, node: string, object: string, state: string) => void;
  readonly hash: () => string;
  /** The last things that happened, the newest at the end. */
  readonly last: () => readonly string[];
  readonly steps: () => number;
};

export type SchedulerOptions = {
  readonly seed: string;
  readonly start_ms: number;
  /** From when on a look of this task can find something; undefined for never. */
  readonly dueOf: (task: string, now_ms: number) => number | undefined;
  readonly steps_max: number;
};

const last_max = 200;
/** Characters of the trace that are hashed at once: a call for each line costs more than its bytes. */
const trace_chunk = 65_536;
/** How much later than its row a look may come: nodes look every half second to two seconds. */
const poll_lag_ms = 1_500;

/** The world did not come to rest within what a seed may take: never silently passed over. */
export class TooLong extends Error {
  override readonly name = 'TooLong';
}

export function createScheduler({ seed, start_ms, dueOf, steps_max }: SchedulerOptions): Scheduler {
  const dice = createDice(seed, 'scheduler');
  const queue: Event[] = [];
  let polls: Poll[] = [];
  const trace = createHash('sha256');
  const last: string[] = [];
  let now_ms = start_ms;
  let steps = 0;
  let untraced = '';
  let watched: { readonly every: number; readonly look: () => Promise<boolean>; next: number } | undefined;
  const traceOn = (): void => {
    trace.update(untraced);
    untraced = '';
  };

  const note: Scheduler['note'] = (name, node, object, state) => {
    const line = `${now_ms - start_ms} ${node} ${name} ${object} ${state}`;
    untraced += line;
    if (untraced.length > trace_chunk) traceOn();
    if (last.length === last_max) last.shift();
    last.push(line);
  };
  const next = (): { at_ms: number; name: string; node: string; run: () => void } | undefined => {
    while (queue[0]?.cancelled) pop(queue);
    const event = queue[0];
    let best: Poll | undefined;
    let best_ms = event ? event.at_ms : Number.POSITIVE_INFINITY;
    for (const poll of polls) {
      if (poll.cancelled || poll.at_ms >= best_ms) continue;
      const due_ms = dueOf(poll.task, now_ms);
      if (due_ms === undefined) continue;
      const at_ms = Math.max(poll.at_ms, due_ms > poll.at_ms ? due_ms + ((poll.at_ms * 7) % poll_lag_ms) : poll.at_ms);
      if (at_ms >= best_ms) continue;
      best = poll;
      best_ms = at_ms;
    }
    if (best) {
      const found = best;
      polls = polls.filter((poll) => poll !== found && !poll.cancelled);
      return { at_ms: best_ms, name: `look ${found.task}`, node: found.node, run: found.wake };
    }
    return event && (pop(queue) as Event);
  };
  const step = async (): Promise<boolean> => {
    const event = next();
    if (!event) return false;
    steps += 1;
    if (steps > steps_max) throw new TooLong(`not at rest after ${steps_max} events`);
    now_ms = Math.max(now_ms, event.at_ms);
    note(event.name, event.node, '', '');
    event.run();
    await drain();
    if (watched && steps >= watched.next && (await watched.look())) watched.next = steps + watched.every;
    return true;
  };
  return {
    now_ms: () => now_ms,
    after: (ms, name, node, run) => {
      const event: Event = { at_ms: now_ms + Math.max(0, ms), tie: dice.below(2 ** 31), name, node, run, cancelled: false };
      push(queue, event);
      return event;
    },
    poll: (ms, task, node, wake) => {
      const poll: Poll = { at_ms: now_ms + ms, task, node, wake, cancelled: false };
      polls.push(poll);
      return poll;
    },
    watch: (every, look) => {
      watched = { every, look, next: steps + every };
    },
    pump: async (work) => {
      let done = false;
      const settled = work.finally(() => {
        done = true;
      });
      settled.catch(() => {});
      await drain();
      while (!done) if (!(await step())) throw new Error('the world stands still, and something waits');
      return settled;
    },
    note,
    hash: () => {
      traceOn();
      return trace.copy().digest('hex');
    },
    last: () => last,
    steps: () => steps,
  };
}

const isBefore = (a: Event, b: Event): boolean => a.at_ms < b.at_ms || (a.at_ms === b.at_ms && a.tie < b.tie);

/** A binary heap: the earliest event is the first. */
function push(heap: Event[], event: Event): void {
  let at = heap.push(event) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!isBefore(event, heap[parent] as Event)) break;
    heap[at] = heap[parent] as Event;
    at = parent;
  }
  heap[at] = event;
}

function pop(heap: Event[]): Event | undefined {
  const first = heap[0];
  const moved = heap.pop();
  if (!moved || heap.length === 0) return first;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && isBefore(heap[child + 1] as Event, heap[child] as Event)) child += 1;
    if (!isBefore(heap[child] as Event, moved)) break;
    heap[at] = heap[child] as Event;
    at = child;
  }
  heap[at] = moved;
  return first;
}
