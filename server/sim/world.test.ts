import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { it } from 'node:test';
import { Script } from 'node:vm';

const { enterWorld } = await import('./globals.ts');
const { openEngine } = await import('./engine.ts');
const { openWorld } = await import('./world.ts');
const { createDice } = await import('./dice.ts');

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

it('OF-12: what is ours is not given the time and chance of a world past its ports, and libraries are', () => {
  const dice = createDice('past the ports', 'test');
  const ask = (place: string, what: string) => () => {
    // The first look of a world is one that is checked.
    enterWorld({ now_ms: () => 1_000, dice });
    const filename = new URL(place, import.meta.url).href;
    return new Script(`(crypto) => ${what}`, { filename }).runInThisContext()(crypto);
  };
  try {
    for (const what of ['new Date()', 'Date.now()', 'Math.random()', 'crypto.randomBytes(8)', 'crypto.randomFillSync(Buffer.alloc(8))']) {
      assert.throws(ask('../payments/service.ts', what), /past the ports by .*payments/, what);
      assert.doesNotThrow(ask('../../node_modules/avvio/lib/plugin.js', what), what);
    }
    assert.equal(ask('../payments/service.ts', 'new Date(5).getTime()')(), 5);
    assert.equal(ask('../../node_modules/avvio/lib/plugin.js', 'Date.now()')(), 1_000);
  } finally {
    enterWorld(undefined);
  }
});
