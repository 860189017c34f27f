/**
 * Counts what is under way per name and refuses above a limit. It never queues: a caller that is refused knows at once
 * that nothing was sent, and a channel that hangs holds its own share of the process and no more.
 */
export type Bulkhead = {
  /** Takes a place under that name and returns what gives it back, or undefined when all places are taken. */
  enter(name: string): (() => void) | undefined;
};

export function createBulkhead(places: number): Bulkhead {
  const taken = new Map<string, number>();

  function leave(name: string): void {
    const left = (taken.get(name) ?? 0) - 1;
    if (left > 0) taken.set(name, left);
    else taken.delete(name);
  }

  return {
    enter(name) {
      const before = taken.get(name) ?? 0;
      if (before >= places) return undefined;
      taken.set(name, before + 1);
      let inside = true;
      return () => {
        if (inside) leave(name);
        inside = false;
      };
    },
  };
}
