import type { KeyObject } from 'node:crypto';
import type { Caller } from '../platform/caller.ts';
import type { KnownKey } from './api-key.ts';

/** A key with what is worked out from it once. */
export type CachedKey = { readonly key: KnownKey; readonly caller: Caller; readonly public_key: KeyObject | undefined; readonly read_ms: number };

/**
 * Keys by hash and by id, and hashes and ids that are known to belong to no key. Holds data only: who fills it decides
 * whether it may be believed. A result that was read before the last change is not stored, because it may be the old one.
 */
export type KeyCache = {
  /** Undefined: not known. Null: known to be no key. `name` is a hash or an id. */
  readonly find: (name: string, now_ms: number) => CachedKey | null | undefined;
  /** True when the name belonged to a key when it was last read, however long ago: asking for it again is no guess. */
  readonly wasKey: (name: string) => boolean;
  /** Call before reading, and hand the result to `store`. */
  readonly generation: () => number;
  readonly store: (name: string, found: CachedKey | null, generation: number) => void;
  readonly dropKey: (api_key_id: string) => void;
  readonly dropMerchant: (merchant_id: string) => void;
  readonly dropAll: () => void;
};

export function createKeyCache(limits: { readonly entries_max: number; readonly age_ms_max: number }): KeyCache {
  const found = new Map<string, CachedKey>();
  const absent = new Set<string>();
  let generation = 0;
  const dropWhere = (gone: (entry: CachedKey) => boolean) => {
    generation += 1;
    // A new key may be one that was asked for in vain before.
    absent.clear();
    // The name stays, so that it is known to be no guess; what was read is too old to be found.
    for (const [name, entry] of found) if (gone(entry)) found.set(name, { ...entry, read_ms: Number.NEGATIVE_INFINITY });
  };
  return {
    find: (name, now_ms) => {
      const entry = found.get(name);
      if (entry === undefined) return absent.has(name) ? null : undefined;
      return now_ms - entry.read_ms <= limits.age_ms_max ? entry : undefined;
    },
    wasKey: (name) => found.has(name),
    generation: () => generation,
    store: (name, entry, read_in) => {
      if (read_in !== generation) return;
      if (entry === null) {
        // Wrong keys cost their sender nothing to make up: forgetting them all at once is cheap, and they are soon asked for again.
        if (absent.size >= limits.entries_max) absent.clear();
        absent.add(name);
        found.delete(name);
        return;
      }
      if (found.size >= limits.entries_max && !found.has(name)) found.delete(found.keys().next().value as string);
      found.set(name, entry);
    },
    dropKey: (api_key_id) => dropWhere((entry) => entry.key.id === api_key_id),
    dropMerchant: (merchant_id) => dropWhere((entry) => entry.key.merchant_id === merchant_id),
    dropAll: () => dropWhere(() => true),
  };
}
