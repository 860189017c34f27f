import { trust_accounts_max, trust_probe_cooldown_ms, trust_refresh_window_ms, trust_refreshes_per_window_max } from '../kernel/limits.ts';
import type { Clock } from '../kernel/time.ts';
import type { Account, Trust, TrustFact, Verdict } from './define.ts';

/** One deadline for a whole call: what it spends on a retry or on fetching keys is gone for the rest. */
export type Deadline = { readonly remaining_ms: () => number };

export function startDeadline(clock: Clock, total_ms: number): Deadline {
  const ends_ms = clock.monotonic_ms() + total_ms;
  return { remaining_ms: () => ends_ms - clock.monotonic_ms() };
}

/** Fetches the gateway's keys for an account; `held` are the keys held so far, `unknown_key` is the one that is missed. */
export type FetchKeys = (account: Account, held: Trust, deadline: Deadline, unknown_key?: string) => Promise<TrustFact>;

/** Has the gateway answer something, which makes `verify` learn the key that it uses. */
export type Probe = (account: Account) => Promise<unknown>;

/** Holds the gateway's verification keys per account and version, and decides whether a message is the gateway's. */
export type TrustStore = {
  /**
   * True when `check` finds the message valid. A key that is not held is fetched once, at most a few times a minute per
   * account (forged messages name random keys), and by one caller for all that wait. A message whose key is not named has
   * the gateway asked which one it uses, once in a while per account; messages that come meanwhile are refused, and repeated
   * by the gateway if they are its own. `source` is absent where the configuration itself holds the keys.
   */
  verify(input: VerifyInput): Promise<boolean>;
};
export type VerifyInput = {
  readonly account: Account;
  readonly source: { readonly fetch: FetchKeys; readonly refresh_ms: number; readonly probe?: Probe | undefined } | undefined;
  readonly deadline: Deadline;
  readonly check: (trust: Trust) => Verdict;
};

type Entry = {
  keys: Trust;
  fetched_ms: number | undefined;
  /** When keys were asked for in the window that is running. */
  asked_ms: number[];
  under_way: Promise<boolean> | undefined;
  probed_ms: number | undefined;
};

const no_keys: Trust = new Map();

export function createTrustStore(clock: Clock): TrustStore {
  const entries = new Map<string, Entry>();

  /** The entry of an account, now the most recently used one; the least recently used leave when there are too many. */
  function entryOf(account: Account): Entry {
    const name = `${account.id}:${account.version}`;
    const entry = entries.get(name) ?? { keys: no_keys, fetched_ms: undefined, asked_ms: [], under_way: undefined, probed_ms: undefined };
    entries.delete(name);
    entries.set(name, entry);
    for (const oldest of entries.keys()) {
      if (entries.size <= trust_accounts_max) break;
      entries.delete(oldest);
    }
    return entry;
  }

  function isStale(entry: Entry, refresh_ms: number): boolean {
    return entry.fetched_ms !== undefined && clock.monotonic_ms() - entry.fetched_ms >= refresh_ms;
  }

  /** True when new keys came. A failure leaves the old ones: keys that were good an hour ago are better than none. */
  async function refresh(entry: Entry, account: Account, fetch: FetchKeys, deadline: Deadline, unknown_key?: string): Promise<boolean> {
    if (entry.under_way !== undefined) return entry.under_way;
    const now_ms = clock.monotonic_ms();
    entry.asked_ms = entry.asked_ms.filter((asked_ms) => now_ms - asked_ms < trust_refresh_window_ms);
    if (entry.asked_ms.length >= trust_refreshes_per_window_max) return false;
    entry.asked_ms.push(now_ms);
    entry.under_way = take(entry, account, fetch, deadline, unknown_key);
    try {
      return await entry.under_way;
    } finally {
      entry.under_way = undefined;
    }
  }

  /** True when the gateway was asked. */
  async function probed(entry: Entry, account: Account, probe: Probe | undefined): Promise<boolean> {
    const now_ms = clock.monotonic_ms();
    if (!probe || (entry.probed_ms !== undefined && now_ms - entry.probed_ms < trust_probe_cooldown_ms)) return false;
    entry.probed_ms = now_ms;
    await probe(account);
    return true;
  }

  async function take(entry: Entry, account: Account, fetch: FetchKeys, deadline: Deadline, unknown_key?: string): Promise<boolean> {
    const fact = await fetch(account, entry.keys, deadline, unknown_key);
    if (fact.is !== 'keys') return false;
    entry.keys = fact.keys;
    entry.fetched_ms = clock.monotonic_ms();
    return true;
  }

  return {
    async verify({ account, source, deadline, check }) {
      if (!source) return judge(check, no_keys) === 'valid';
      const entry = entryOf(account);
      if (isStale(entry, source.refresh_ms)) await refresh(entry, account, source.fetch, deadline);
      const verdict = judge(check, entry.keys);
      if (verdict === 'unnamed_key') return (await probed(entry, account, source.probe)) && judge(check, entry.keys) === 'valid';
      if (typeof verdict === 'string') return verdict === 'valid';
      const fresh = await refresh(entry, account, source.fetch, deadline, verdict.unknown_key);
      return fresh && judge(check, entry.keys) === 'valid';
    },
  };
}

/** A verifier that throws has not verified anything. */
export function judge(check: VerifyInput['check'], keys: Trust): Verdict {
  try {
    return check(keys);
  } catch {
    return 'invalid';
  }
}
