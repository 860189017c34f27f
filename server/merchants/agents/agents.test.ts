import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type TestCtx, testCtx } from '../../testing/ctx.ts';
import { refusedWith } from '../../testing/refusals.ts';
import { unchanged } from '../../testing/state.ts';
import { rulesNamed } from '../../verify/rules.ts';
import { verify } from '../../verify/verify.ts';
import { createMerchant, getMerchant } from '../service.ts';
import { assignMerchant, closeAgent, createAgent, listAgents, moveAgent } from './service.ts';

let node: TestCtx;
before(async () => {
  node = await testCtx();
});
after(() => node.close());

const nobody = 'agt_01JD0000000000000000000000';
const anAgent = async (parent_id: string | null = null) => (await createAgent(node.ctx, { name: '华东', parent_id })).id;
const aMerchant = async () => (await createMerchant(node.ctx, { name: '茶馆' })).id;
/** Of every two moves that would make a circle together, how many were made. */
async function settled(work: readonly Promise<unknown>[]): Promise<number> {
  return (await Promise.allSettled(work)).filter(({ status }) => status === 'fulfilled').length;
}

describe('agents', () => {
  it('stand in a tree, and move with all that is below them', async () => {
    const [top, other] = [await anAgent(), await anAgent()];
    const middle = await anAgent(top);
    const low = await anAgent(middle);
    assert.equal((await moveAgent(node.ctx, { id: middle, parent_id: other })).parent_id, other);
    const levels = new Map((await listAgents(node.ctx)).map(({ id, level }) => [id, level]));
    assert.deepEqual(
      [top, other, middle, low].map((id) => levels.get(id)),
      [1, 1, 2, 3],
    );
    await assert.rejects(moveAgent(node.ctx, { id: other, parent_id: low }), refusedWith({ refused: 'agent_tree_circular', param: 'parent_id' }));
    await assert.rejects(moveAgent(node.ctx, { id: nobody, parent_id: top }), refusedWith({ refused: 'agent_not_found', param: 'agent_id' }));
    await assert.rejects(createAgent(node.ctx, { name: '华东', parent_id: nobody }), refusedWith({ refused: 'agent_not_found', param: 'parent_id' }));
    for (const name of ['', ' 华东', '华\u200b东', '名'.repeat(101)])
      assert.throws(() => createAgent(node.ctx, { name }), refusedWith({ refused: 'parameter_invalid', param: 'name' }));
  });

  it('E-10: two moves that are right by themselves make no circle together, however often', async () => {
    for (let turn = 0; turn < 10; turn++) {
      const [a, b] = [await anAgent(), await anAgent()];
      const made = await settled([moveAgent(node.ctx, { id: a, parent_id: b }), moveAgent(node.ctx, { id: b, parent_id: a })]);
      assert.equal(made, 1);
    }
    const { results } = await verify({ clock: node.clock, db: node.ctx.db.kysely }, { rules: rulesNamed('I-42'), onViolation: () => {} });
    assert.deepEqual(
      results.map(({ rule, state }) => [rule.id, state]),
      [['I-42.1', 'holds']],
    );
  });

  // There are no shares: what agents earn is settled elsewhere, so the tree is all that can be spoiled.
  it('E-10: whoever is put below themselves, at any depth, is refused, and the tree stays as it was', async () => {
    const top = await anAgent();
    const [middle, beside] = [await anAgent(top), await anAgent(top)];
    const low = await anAgent(middle);
    await unchanged(node.ctx, async () => {
      for (const [id, parent_id] of [
        [top, top],
        [top, middle],
        [top, low],
        [top, beside],
        [middle, low],
        [low, low],
      ] as const)
        await assert.rejects(moveAgent(node.ctx, { id, parent_id }), refusedWith({ refused: 'agent_tree_circular', param: 'parent_id' }));
    });
  });

  it('have merchants, each of which belongs to one at the most', async () => {
    const [first, second] = [await anAgent(), await anAgent()];
    const merchant_id = await aMerchant();
    assert.equal((await getMerchant(node.ctx, merchant_id)).agent_id, null);
    for (const agent_id of [first, second, null, second]) {
      await assignMerchant(node.ctx, { merchant_id, agent_id });
      assert.equal((await getMerchant(node.ctx, merchant_id)).agent_id, agent_id);
    }
    const counts = new Map((await listAgents(node.ctx)).map(({ id, merchants }) => [id, merchants]));
    assert.deepEqual([counts.get(first), counts.get(second)], [0, 1]);
    await assert.rejects(assignMerchant(node.ctx, { merchant_id, agent_id: nobody }), refusedWith({ refused: 'agent_not_found', param: 'agent_id' }));
    await assert.rejects(
      assignMerchant(node.ctx, { merchant_id: 'mer_01JD0000000000000000000000', agent_id: first }),
      refusedWith({ refused: 'merchant_not_found', param: 'merchant_id' }),
    );
    assert.equal((await getMerchant(node.ctx, merchant_id)).agent_id, second, 'as it was');
  });

  it('are closed once nothing is left to them, and take nothing from then on', async () => {
    const top = await anAgent();
    const low = await anAgent(top);
    const merchant_id = await aMerchant();
    await assignMerchant(node.ctx, { merchant_id, agent_id: low });
    await assert.rejects(closeAgent(node.ctx, low), refusedWith({ refused: 'agent_in_use', param: 'agent_id' }));
    await assert.rejects(closeAgent(node.ctx, top), refusedWith({ refused: 'agent_in_use', param: 'agent_id' }));
    await assignMerchant(node.ctx, { merchant_id, agent_id: null });
    for (const id of [low, top, top]) assert.equal((await closeAgent(node.ctx, id)).state, 'closed');
    await assert.rejects(assignMerchant(node.ctx, { merchant_id, agent_id: low }), refusedWith({ refused: 'agent_closed', param: 'agent_id' }));
    await assert.rejects(createAgent(node.ctx, { name: '华东', parent_id: top }), refusedWith({ refused: 'agent_closed', param: 'parent_id' }));
  });

  it('are not closed while a merchant is given to them', async () => {
    for (let turn = 0; turn < 10; turn++) {
      const agent_id = await anAgent();
      const merchant_id = await aMerchant();
      await Promise.allSettled([assignMerchant(node.ctx, { merchant_id, agent_id }), closeAgent(node.ctx, agent_id)]);
      const { state, merchants } = (await listAgents(node.ctx)).find(({ id }) => id === agent_id) ?? assert.fail('gone');
      assert.ok(state === 'active' ? merchants === 1 : merchants === 0, `${state} with ${merchants}`);
    }
  });
});
