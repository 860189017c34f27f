import assert from 'node:assert/strict';
import { it } from 'node:test';

const { enterWorld } = await import('./globals.ts');
const { openEngine } = await import('./engine.ts');
const { openWorld } = await import('./world.ts');

it('OF-01: a node that dies while it starts takes no other one with it, and both come up', async () => {
  const crash = { point: 0, fate: 'crash_before' as const };
  const world = await openWorld({ seed: 'dies while it starts', engine: await openEngine(), nodes: 2, merchants: 1, only: [], crash, steps_max: 30_000 });
  const { sim, network } = world;
  const happened = (what: string) => sim.scheduler.last().some((line) => line.includes(what));
  try {
    await sim.scheduler.pump(
      (async () => {
        sim.numbering = true;
        network.nodes[0]?.crash();
        while (!happened('n1 restart')) await sim.sleep(1);
        // Its next step, in the middle of its start.
        crash.point = sim.points().length + 1;
        while (sim.points().length < crash.point) await sim.sleep(1);
        await sim.sleep(10);
        assert.ok(happened('n1 crash'), 'it died');
        assert.deepEqual(
          network.nodes.map(({ name }) => name),
          ['n2'],
        );
        await world.allUp();
      })(),
    );
    assert.deepEqual(
      network.nodes.map(({ name }) => name),
      ['n1', 'n2'],
    );
  } finally {
    enterWorld(undefined);
  }
});
