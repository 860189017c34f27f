import type { Ctx } from './ctx.ts';

/**
 * A bounded memory of what the database says, by key. It is believed only while news of changes arrives (see
 * `platform/changes.ts`); otherwise every `get` reads. What was read before a drop is never kept after it.
 */
export type Cache<T> = {
  /** From memory, or read. What is not there is asked for every time. */
  readonly get: (key: string) => Promise<T | undefined>;
  readonly drop: (key: string) => void;
  readonly dropAll: () => void;
};

export type CacheOptions<T> = {
  readonly read: (key: string) => Promise<T | undefined>;
  readonly entries_max: number;
  /** Read again after this time, should a piece of news ever be lost; absent for what never changes. */
  readonly age_ms_max?: number;
};

/** Callers that ask for the same key at the same time share one reading. */
export function createCache<T>(ctx: Pick<Ctx, 'changes' | 'clock'>, { read, entries_max, age_ms_max = Number.POSITIVE_INFINITY }: CacheOptions<T>): Cache<T> {
  const entries = new Map<string, { readonly value: T; readonly read_ms: number }>();
  const reading = new Map<string, Promise<T | undefined>>();

  const remembered = (key: string): T | undefined => {
    const entry = entries.get(key);
    if (entry === undefined) return undefined;
    entries.delete(key);
    if (ctx.clock.monotonic_ms() - entry.read_ms > age_ms_max) return undefined;
    // Moved to the end: the first of the map is the one that nobody asked for the longest.
    entries.set(key, entry);
    return entry.value;
  };
  const readAndKeep = async (key: string): Promise<T | undefined> => {
    const read_ms = ctx.clock.monotonic_ms();
    const promise = read(key);
    reading.set(key, promise);
    try {
      const value = await promise;
      // A drop took this reading away: what it found may be what was true before.
      if (value !== undefined && reading.get(key) === promise && ctx.changes.connected()) keep(key, value, read_ms);
      return value;
    } finally {
      if (reading.get(key) === promise) reading.delete(key);
    }
  };
  const keep = (key: string, value: T, read_ms: number): void => {
    if (entries.size >= entries_max) entries.delete(entries.keys().next().value as string);
    entries.set(key, { value, read_ms });
  };
  return {
    get: (key) => {
      if (!ctx.changes.connected()) return read(key);
      const value = remembered(key);
      return value === undefined ? (reading.get(key) ?? readAndKeep(key)) : Promise.resolve(value);
    },
    drop: (key) => {
      entries.delete(key);
      reading.delete(key);
    },
    dropAll: () => {
      entries.clear();
      reading.clear();
    },
  };
}

/**
 * One of something per node, made at first use: `const cachesOf = perNode((ctx) => …)`. Keyed by the node's news, which is
 * what keeps caches true and what every variant of its ctx shares.
 */
export function perNode<T>(create: (ctx: Ctx) => T): (ctx: Ctx) => T {
  const made = new WeakMap<Ctx['changes'], T>();
  return (ctx) => {
    const known = made.get(ctx.changes);
    if (known !== undefined) return known;
    const fresh = create(ctx);
    made.set(ctx.changes, fresh);
    return fresh;
  };
}
