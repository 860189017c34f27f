/** Episodes that need the same part take turns, in the order in which they asked. */
export type Locks = { readonly hold: <T>(parts: readonly string[], work: () => Promise<T>) => Promise<T> };

export function newLocks(): Locks {
  const last = new Map<string, Promise<unknown>>();
  return {
    hold: async (parts, work) => {
      const before = parts.map((part) => last.get(part));
      const mine = Promise.withResolvers<void>();
      // All places are taken in one step, so nobody waits in a circle.
      for (const part of parts) last.set(part, mine.promise);
      try {
        await Promise.all(before);
        return await work();
      } finally {
        mine.resolve();
      }
    },
  };
}
