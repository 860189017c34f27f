import assert from 'node:assert/strict';
import { it } from 'node:test';
import { newLocks } from './locks.ts';

const turns = async () => {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
};

it('episodes that share a part take turns in the order of asking, others overlap, and one that fails holds nothing up', async () => {
  const locks = newLocks();
  const said: string[] = [];
  const episode = (name: string, parts: readonly string[]) => {
    const end = Promise.withResolvers<void>();
    const done = locks.hold(parts, async () => {
      said.push(`${name} begins`);
      await end.promise;
      said.push(`${name} ends`);
    });
    return { end, done };
  };
  const first = episode('first', ['a', 'b']);
  const second = episode('second', ['b', 'c']);
  const third = episode('third', ['d']);
  await turns();
  assert.deepEqual(said, ['first begins', 'third begins']);
  first.end.reject(new Error('it broke'));
  await assert.rejects(first.done);
  await turns();
  assert.deepEqual(said, ['first begins', 'third begins', 'second begins']);
  second.end.resolve();
  third.end.resolve();
  await Promise.all([second.done, third.done]);
});
