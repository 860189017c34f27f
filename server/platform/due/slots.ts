/** Keys with less than the usual room, side by side as a statement takes them: `slots[i]` more rows of `keys[i]` are welcome. */
export type KeySlots = { readonly keys: readonly string[]; readonly slots: readonly number[] };

/** Who is at work: a limit for all, and one for each key. */
export type Slots = {
  take(key: string): void;
  give(key: string): void;
  free(): number;
  /** How many more of this key may begin now. */
  room(key: string): number;
  busy(): KeySlots;
  /** How many of the keys at work have no room for another. */
  full(): number;
  /** Sets the keys that have lower limits for now. */
  limit(limits: ReadonlyMap<string, number>): void;
};

/** Slots for one kind of work on one node. */
export function createSlots(total: number, per_key: number): Slots {
  const taken_by = new Map<string, number>();
  let taken = 0;
  let limits: ReadonlyMap<string, number> = new Map();

  const roomOf = (key: string) => Math.max(0, Math.min(per_key, limits.get(key) ?? per_key) - (taken_by.get(key) ?? 0));
  return {
    take(key) {
      taken += 1;
      taken_by.set(key, (taken_by.get(key) ?? 0) + 1);
    },
    give(key) {
      taken -= 1;
      const left = (taken_by.get(key) ?? 1) - 1;
      if (left === 0) taken_by.delete(key);
      else taken_by.set(key, left);
    },
    free: () => total - taken,
    room: (key) => Math.min(total - taken, roomOf(key)),
    busy() {
      const keys = [...new Set([...taken_by.keys(), ...limits.keys()])];
      return { keys, slots: keys.map(roomOf) };
    },
    full: () => [...taken_by.keys()].filter((key) => roomOf(key) === 0).length,
    limit(next) {
      limits = next;
    },
  };
}
