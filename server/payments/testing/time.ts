import assert from 'node:assert/strict';
import type { World } from '../../testing/world.ts';

/**
 * How far the clock goes at once. One second is small beside the deadline of a call, so that none under way sees it pass
 * at once; where nothing but schedules is waited for, longer steps do.
 */
type Pace = { readonly step_ms?: number };

/** Lets sweepers of all nodes do what comes due in that time. */
export async function passTime(world: World, virtual_ms: number, { step_ms = 1_000 }: Pace = {}): Promise<void> {
  for (let passed_ms = 0; passed_ms < virtual_ms; passed_ms += step_ms) await pass(world, step_ms);
}

/** Lets time pass quickly until the condition holds; fails after so much of it. */
export async function passTimeUntil(
  world: World,
  condition: () => boolean | Promise<boolean>,
  { step_ms = 1_000, virtual_ms = 1_200_000 }: Pace & { readonly virtual_ms?: number } = {},
): Promise<void> {
  for (let passed_ms = 0; passed_ms < virtual_ms; passed_ms += step_ms) {
    if (await world.flow(Promise.resolve(condition()))) return;
    await pass(world, step_ms);
  }
  assert.fail(`the condition did not hold within ${virtual_ms} ms of virtual time`);
}

/** Sockets and the database need turns of the event loop, not virtual time. */
const turns_per_step = 10;

async function pass(world: World, step_ms: number): Promise<void> {
  world.clock.advance(step_ms);
  for (let turn = 0; turn < turns_per_step; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
}
