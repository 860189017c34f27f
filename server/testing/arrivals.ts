/** What arrives one by one, and whoever waits for it. */
export type Arrivals<T> = {
  readonly all: readonly T[];
  readonly add: (arrived: T) => void;
  /** Resolves to what `find` finds among all that has arrived, now or at a later arrival. */
  readonly find: <Found>(find: (all: readonly T[]) => Found | undefined) => Promise<Found>;
  /** Resolves to everything when that many have arrived. */
  readonly count: (least: number) => Promise<readonly T[]>;
};

export function createArrivals<T>(): Arrivals<T> {
  const all: T[] = [];
  const waiting = new Set<() => void>();
  const find: Arrivals<T>['find'] = (looksFor) =>
    new Promise((resolve) => {
      const look = () => {
        const found = looksFor(all);
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
    });
  return {
    all,
    add(arrived) {
      all.push(arrived);
      for (const look of waiting) look();
    },
    find,
    count: (least) => find((arrived) => (arrived.length < least ? undefined : arrived)),
  };
}
