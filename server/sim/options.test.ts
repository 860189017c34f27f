import assert from 'node:assert/strict';
import { it } from 'node:test';
import { againOf, readOptions } from './options.ts';
import type { SeedOptions } from './seed.ts';

it('the command that is printed for a world names that world and nothing else', () => {
  const worlds: readonly SeedOptions[] = [{}, { payments: 6 }, { nodes: 1, only: ['CF-19', 'OF-01'] }, { payments: 2, nodes: 3, only: [] }];
  for (const world of worlds) {
    const [npm, run, sim, dashes, ...args] = againOf('known.3', world).split(' ');
    assert.deepEqual([npm, run, sim, dashes], ['npm', 'run', 'sim', '--']);
    const read = readOptions(args);
    assert.deepEqual({ seed: read.seed, seeds: read.seeds, named: read.named, world: read.world }, { seed: 'known.3', seeds: 1, named: true, world });
  }
});

it('a fault that is not there is refused by its name', () => {
  assert.throws(() => readOptions(['--only', 'CF-19,CF-99']), /--only: there is no CF-99/);
});
