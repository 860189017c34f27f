import { afterEach } from 'node:test';

/** What each test of a file opens for itself, and is closed when that test is over, however it ended. Said once, outside of any test. */
export function closedAfterEach<Args extends readonly unknown[], Opened extends { readonly close: () => Promise<void> }>(
  open: (...args: Args) => Promise<Opened>,
): (...args: Args) => Promise<Opened> {
  const opened: Opened[] = [];
  afterEach(async () => {
    for (const each of opened.splice(0)) await each.close();
  });
  return async (...args) => {
    const one = await open(...args);
    opened.push(one);
    return one;
  };
}
