/** Requests under way in this process: counted against a limit, and waited for when the node stops. */
export type InFlight = {
  readonly count: () => number;
  /** A place, or undefined when there is none left. */
  readonly enter: () => Ticket | undefined;
  /** True for who holds more than an equal share of the places that have an owner. Who holds them alone has his share. */
  readonly isAboveShare: (owner: string) => boolean;
  /** Resolves as soon as nothing is under way. */
  readonly idle: () => Promise<void>;
};

/**
 * A request holds its place while its connection is open and while its handler works: a caller who hangs up early does
 * not make room for the next one as long as the work goes on.
 */
export type Ticket = {
  /** Says whose place it is; once, while it is held. */
  readonly own: (owner: string) => void;
  readonly hold: () => void;
  readonly release: () => void;
};

export function createInFlight(max: number): InFlight {
  let count = 0;
  let owned = 0;
  const owners = new Map<string, number>();
  let waiting: (() => void)[] = [];
  const disown = (owner: string) => {
    owned -= 1;
    const left = (owners.get(owner) ?? 0) - 1;
    if (left > 0) owners.set(owner, left);
    else owners.delete(owner);
  };
  const leave = (owner: string | undefined) => {
    count -= 1;
    if (owner !== undefined) disown(owner);
    if (count > 0) return;
    for (const resolve of waiting) resolve();
    waiting = [];
  };
  return {
    count: () => count,
    enter: () => {
      if (count >= max) return undefined;
      count += 1;
      let holders = 1;
      let held_by: string | undefined;
      return {
        own: (owner) => {
          if (holders === 0 || held_by !== undefined) return;
          held_by = owner;
          owned += 1;
          owners.set(owner, (owners.get(owner) ?? 0) + 1);
        },
        hold: () => {
          holders += 1;
        },
        release: () => {
          holders -= 1;
          if (holders === 0) leave(held_by);
        },
      };
    },
    isAboveShare: (owner) => (owners.get(owner) ?? 0) * owners.size > owned,
    idle: () => (count === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
  };
}
