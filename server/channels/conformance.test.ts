import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createTestClock } from '../testing/clock.ts';
import { createTestRng } from '../testing/rng.ts';
import { conformanceOf } from './conformance.ts';
import type { Channel } from './define.ts';
import { type Bench, openBench, type Subject } from './kit/bench.ts';
import type { EnrollForm } from './kit/simulator.ts';
import { channels } from './registry.ts';
import { simulators } from './simulators.ts';

/** Nothing here takes a second; a wait for a message that never comes must end. */
const check_ms_max = 20_000;
const every_form: readonly EnrollForm[] = (['direct', 'provider'] as const).flatMap((mode) =>
  (['certificate', 'public_key'] as const).map((trust) => ({ mode, trust })),
);

function runAll(subject: Subject): void {
  let bench: Bench | undefined;
  before(async () => {
    const rng = createTestRng(`${subject.channel.code} ${subject.mode} ${subject.trust}`);
    bench = await openBench(subject, { clock: createTestClock(new Date('2026-11-22T02:00:00.000Z')), rng });
  });
  after(() => bench?.close());
  for (const check of conformanceOf(subject.channel)) {
    it(check.name, { timeout: check_ms_max }, async (t) => {
      assert.ok(bench);
      const reason = check.skip?.(bench);
      if (reason !== undefined) return t.skip(reason);
      await check.run(bench);
    });
  }
}

for (const channel of channels.values()) {
  const simulator = simulators.find((candidate) => candidate.channel === channel.code);
  for (const { mode, trust } of simulator?.forms ?? every_form) {
    describe(`${channel.code}, ${mode}, trust by ${trust}`, () => {
      if (simulator) runAll({ channel: channel as Channel, create: simulator.create, mode, trust, traits: simulator });
      else it('has a simulator', () => assert.fail(`no simulator is registered for ${channel.code}`));
    });
  }
}

it('every simulator is a registered channel', () => {
  assert.deepEqual(
    simulators.map(({ channel }) => channel),
    [...channels.keys()],
  );
});
