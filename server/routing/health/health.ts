import type { BreakerState, Method } from '@heliu/contract';
import type { AccountHealthView } from './estimate.ts';

/**
 * How accounts do, by account and method, in the memory of one node. Nothing here looks at a clock: the time comes with
 * each call, in milliseconds that only grow.
 */
export type Health = {
  readonly view: (account_id: string, method: Method, now_ms: number) => AccountHealthView;
  /** A call begins; what it gives back ends it. */
  readonly begin: (account_id: string, method: Method, now_ms: number) => Call;
  /** What another node saw, or this one before it was started again. */
  readonly absorb: (seen: Seen, now_ms: number) => void;
  /** Another node opened the circuit. */
  readonly suspect: (account_id: string, method: Method, now_ms: number) => void;
  /** What this node saw since the last time it was asked. */
  readonly drain: () => readonly Seen[];
  /** What is known, for people. */
  readonly list: (account_id: string, now_ms: number) => readonly (AccountHealthView & { readonly method: Method })[];
};
export type Call = { readonly end: (outcome: 'ok' | 'failed', now_ms: number) => void };
export type Seen = {
  readonly channel_account_id: string;
  readonly method: Method;
  readonly ok: number;
  readonly failed: number;
  readonly latency_ms_total: number;
};

/** Of an account that nobody has seen at work: good, and not so certain that one failure would not count. */
const prior = { ok: 9, failed: 1 };
/** What was seen so long ago counts half. */
const half_life_ms = 600_000;
/** And so does what so many calls lie behind: channels change within minutes on a busy account. */
const half_life_calls = 70;
const latency_weight = 0.1;
const latency_unknown_ms = 300;

/** Failures one after another that open the circuit. */
const failures_in_a_row_max = 5;
/** Of the last calls so many; half of them failed opens it too. */
const window_calls = 20;
const window_calls_min = 10;
/** A call that has no answer after this long is taken for a failure until it has one. */
const overdue_ms_min = 1_500;
const overdue_latencies = 6;
/** How long a circuit stays open, twice as long each time it opens again. */
const open_ms_first = 5_000;
const open_ms_most = 60_000;
/** Probes that have to go well before the circuit is closed. */
const probes_to_close = 3;
/** Calls under way that are looked at: more of them than this say nothing more. */
const under_way_max = 64;

type Entry = {
  readonly account_id: string;
  readonly method: Method;
  ok: number;
  failed: number;
  latency_ms: number;
  decayed_ms: number;
  in_a_row: number;
  window: boolean[];
  breaker: BreakerState;
  open_until_ms: number;
  open_ms: number;
  probing: boolean;
  probes_ok: number;
  /** Beginnings of the calls under way, oldest first. */
  readonly under_way: Set<{ readonly began_ms: number }>;
  delta: { ok: number; failed: number; latency_ms_total: number };
};

/** `opened` tells of a circuit that this node opened by what it saw itself. */
export function createHealth(opened: (account_id: string, method: Method) => void): Health {
  // Two maps, not one with a joined key: joining and hashing it was a third of a decision over 50 accounts (2026-11-22).
  const accounts = new Map<string, Map<Method, Entry>>();
  const entryOf = (account_id: string, method: Method, now_ms: number): Entry => {
    const own = accounts.get(account_id) ?? new Map<Method, Entry>();
    const known = own.get(method) ?? newEntry(account_id, method, now_ms);
    accounts.set(account_id, own.set(method, known));
    return known;
  };
  const fail = (entry: Entry, now_ms: number): void => {
    const was = entry.breaker;
    open(entry, now_ms);
    if (was === 'closed') opened(entry.account_id, entry.method);
  };

  return {
    view(account_id, method, now_ms) {
      const entry = accounts.get(account_id)?.get(method);
      if (!entry) return unknown_view;
      if (entry.breaker === 'closed' && isFailing(entry, now_ms)) fail(entry, now_ms);
      return viewOf(entry, now_ms);
    },
    begin(account_id, method, now_ms) {
      const entry = entryOf(account_id, method, now_ms);
      const probe = stateAt(entry, now_ms) === 'half_open' && !entry.probing;
      if (probe) {
        entry.breaker = 'half_open';
        entry.probing = true;
      }
      const mark = { began_ms: now_ms };
      entry.under_way.add(mark);
      return {
        end(outcome, ended_ms) {
          entry.under_way.delete(mark);
          const latency_ms = ended_ms - mark.began_ms;
          count(entry, outcome, latency_ms, ended_ms);
          if (probe) entry.probing = false;
          // A payment that had no other way says as much as a probe.
          if (entry.breaker === 'closed') {
            if (isFailing(entry, ended_ms)) fail(entry, ended_ms);
          } else if (outcome === 'ok' || probe) {
            probed(entry, outcome, ended_ms);
          } else {
            entry.probes_ok = 0;
          }
        },
      };
    },
    absorb({ channel_account_id, method, ok, failed, latency_ms_total }, now_ms) {
      const entry = entryOf(channel_account_id, method, now_ms);
      decay(entry, now_ms, ok + failed);
      entry.ok += ok;
      entry.failed += failed;
      if (ok + failed > 0) entry.latency_ms += Math.min(1, latency_weight * (ok + failed)) * (latency_ms_total / (ok + failed) - entry.latency_ms);
    },
    suspect(account_id, method, now_ms) {
      const entry = entryOf(account_id, method, now_ms);
      if (entry.breaker === 'closed') open(entry, now_ms);
    },
    drain() {
      const seen: Seen[] = [];
      for (const { account_id, method, delta } of [...accounts.values()].flatMap((own) => [...own.values()])) {
        if (delta.ok + delta.failed === 0) continue;
        seen.push({ channel_account_id: account_id, method, ok: delta.ok, failed: delta.failed, latency_ms_total: Math.round(delta.latency_ms_total) });
        Object.assign(delta, { ok: 0, failed: 0, latency_ms_total: 0 });
      }
      return seen;
    },
    list: (account_id, now_ms) => [...(accounts.get(account_id)?.values() ?? [])].map((entry) => ({ method: entry.method, ...viewOf(entry, now_ms) })),
  };
}

const newEntry = (account_id: string, method: Method, now_ms: number): Entry => ({
  account_id,
  method,
  ok: 0,
  failed: 0,
  latency_ms: latency_unknown_ms,
  decayed_ms: now_ms,
  in_a_row: 0,
  window: [],
  breaker: 'closed',
  open_until_ms: 0,
  open_ms: open_ms_first,
  probing: false,
  probes_ok: 0,
  under_way: new Set(),
  delta: { ok: 0, failed: 0, latency_ms_total: 0 },
});

const ratePpm = (ok: number, failed: number): number => Math.round(((prior.ok + ok) / (prior.ok + prior.failed + ok + failed)) * 1_000_000);

const unknown_view: AccountHealthView = { breaker: 'closed', probe_free: false, success_ppm: ratePpm(0, 0), latency_ms: latency_unknown_ms, calls: 0 };

function viewOf(entry: Entry, now_ms: number): AccountHealthView {
  const faded = fading(entry, now_ms);
  const breaker = stateAt(entry, now_ms);
  return {
    breaker,
    probe_free: breaker === 'half_open' && !entry.probing,
    success_ppm: ratePpm(entry.ok * faded, entry.failed * faded),
    latency_ms: Math.round(entry.latency_ms),
    calls: Math.round((entry.ok + entry.failed) * faded),
  };
}

const stateAt = (entry: Entry, now_ms: number): BreakerState => (entry.breaker === 'open' && now_ms >= entry.open_until_ms ? 'half_open' : entry.breaker);

const fading = ({ decayed_ms }: Entry, now_ms: number): number => 0.5 ** (Math.max(0, now_ms - decayed_ms) / half_life_ms);

/** What is old counts less, before something new is counted. */
function decay(entry: Entry, now_ms: number, calls: number): void {
  const faded = fading(entry, now_ms) * 0.5 ** (calls / half_life_calls);
  entry.ok *= faded;
  entry.failed *= faded;
  entry.decayed_ms = now_ms;
}

function count(entry: Entry, outcome: 'ok' | 'failed', latency_ms: number, now_ms: number): void {
  decay(entry, now_ms, 1);
  entry[outcome] += 1;
  entry.delta[outcome] += 1;
  entry.delta.latency_ms_total += latency_ms;
  entry.latency_ms += latency_weight * (latency_ms - entry.latency_ms);
  entry.in_a_row = outcome === 'failed' ? entry.in_a_row + 1 : 0;
  entry.window.push(outcome === 'ok');
  if (entry.window.length > window_calls) entry.window.shift();
}

/** Failures in a row with the calls that should have an answer by now, or half of the last calls. */
function isFailing(entry: Entry, now_ms: number): boolean {
  if (entry.in_a_row + overdue(entry, now_ms) >= failures_in_a_row_max) return true;
  const failed = entry.window.filter((ok) => !ok).length;
  return entry.window.length >= window_calls_min && failed * 2 >= entry.window.length;
}

function overdue({ under_way, latency_ms }: Entry, now_ms: number): number {
  const patience_ms = Math.max(overdue_ms_min, overdue_latencies * latency_ms);
  let late = 0;
  let looked = 0;
  for (const { began_ms } of under_way) {
    if (now_ms - began_ms < patience_ms || ++looked > under_way_max) break;
    late += 1;
  }
  return late;
}

function open(entry: Entry, now_ms: number): void {
  entry.open_ms = entry.breaker === 'closed' ? open_ms_first : Math.min(open_ms_most, entry.open_ms * 2);
  entry.breaker = 'open';
  entry.open_until_ms = now_ms + entry.open_ms;
  entry.probes_ok = 0;
}

function probed(entry: Entry, outcome: 'ok' | 'failed', now_ms: number): void {
  if (outcome === 'failed') {
    open(entry, now_ms);
    return;
  }
  entry.probes_ok += 1;
  if (entry.probes_ok < probes_to_close) return;
  entry.breaker = 'closed';
  entry.probes_ok = 0;
  entry.in_a_row = 0;
  entry.window = [];
}
