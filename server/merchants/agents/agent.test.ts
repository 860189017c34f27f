import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { agent_levels_max } from '../../kernel/limits.ts';
import { type Agent, checkPlace, inTree, type Tree } from './agent.ts';

/** `below` the parent, by name; those of `closed` are closed. */
const treeOf = (places: Readonly<Record<string, string | null>>, closed: readonly string[] = []): Tree =>
  new Map(
    Object.entries(places).map(([id, parent_id]) => [
      id,
      { parent_id, state: closed.includes(id) ? 'closed' : 'active' } as Pick<Agent, 'parent_id' | 'state'>,
    ]),
  );
/** A chain of so many agents: `a1` at the top. */
const chain = (levels: number, name = 'a') =>
  Object.fromEntries(Array.from({ length: levels }, (_, at) => [`${name}${at + 1}`, at === 0 ? null : `${name}${at}`]));

describe('where an agent may stand', () => {
  const full = chain(agent_levels_max);
  for (const [what, tree, id, parent_id, refused] of [
    ['at the top', treeOf({ a: 'b', b: null }), 'a', null, undefined],
    ['below another', treeOf({ a: null, b: null }), 'a', 'b', undefined],
    ['below itself', treeOf({ a: null }), 'a', 'a', 'agent_tree_circular'],
    ['below its own', treeOf({ a: null, b: 'a' }), 'a', 'b', 'agent_tree_circular'],
    ['below one far below it', treeOf({ a: null, b: 'a', c: 'b', d: 'c' }), 'a', 'd', 'agent_tree_circular'],
    ['below nobody known', treeOf({ a: null }), 'a', 'x', 'agent_not_found'],
    ['below one that is closed', treeOf({ a: null, b: null }, ['b']), 'a', 'b', 'agent_closed'],
    ['as the last level', treeOf(full), 'new', `a${agent_levels_max - 1}`, undefined],
    ['beyond the last level', treeOf(full), 'new', `a${agent_levels_max}`, 'agent_tree_too_deep'],
    [
      'with so many below it that the last level is passed',
      treeOf({ ...chain(agent_levels_max - 2), ...chain(3, 'b') }),
      'b1',
      `a${agent_levels_max - 2}`,
      'agent_tree_too_deep',
    ],
    ['with as many below it as there is room', treeOf({ ...chain(agent_levels_max - 3), ...chain(3, 'b') }), 'b1', `a${agent_levels_max - 3}`, undefined],
    ['where the tree was spoiled', treeOf({ a: 'b', b: 'a', c: null }), 'c', 'a', 'agent_tree_too_deep'],
    ['out of a circle', treeOf({ a: 'b', b: 'a', c: null }), 'a', 'c', undefined],
  ] as const)
    it(`${what}: ${refused ?? 'yes'}`, () => assert.equal(checkPlace(tree, { id, parent_id }, 'parent_id')?.refused, refused));
});

it('a tree is listed with what is below each behind it', () => {
  const agents = [
    { id: 'b', parent_id: null },
    { id: 'a', parent_id: 'b' },
    { id: 'c', parent_id: null },
    { id: 'd', parent_id: 'a' },
    { id: 'x', parent_id: 'x' },
  ];
  assert.deepEqual(
    inTree(agents).map(({ id, level }) => [id, level]),
    [
      ['b', 1],
      ['a', 2],
      ['d', 3],
      ['c', 1],
    ],
  );
});
