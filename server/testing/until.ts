import { setTimeout } from 'node:timers/promises';

/** A test that waits longer than this waits for what will not come; nothing is asserted about the time itself. */
const wait_ms_max = 60_000;

/** Waits until the condition holds: for what another process or a socket does in its own time. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let waited_ms = 0; waited_ms < wait_ms_max; waited_ms += 10) {
    if (await condition()) return;
    await setTimeout(10);
  }
  throw new Error(`waited in vain until ${what}`);
}
