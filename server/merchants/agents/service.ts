import type { Kysely } from 'kysely';
import { newId } from '../../kernel/id.ts';
import { agents_max } from '../../kernel/limits.ts';
import { type Refusal, RefusalError, refuse } from '../../kernel/refusal.ts';
import type { Ctx } from '../../platform/ctx.ts';
import type { Tables } from '../../platform/db/tables.gen.ts';
import { isName, refuseName } from '../merchant.ts';
import { giveToAgent, type Merchant } from '../service.ts';
import { type Agent, checkPlace, inTree, type Tree } from './agent.ts';
import * as store from './store.ts';

export type { Agent } from './agent.ts';
export type { AgentMerchant } from './store.ts';

/** Makes an agent, at the top or below another. */
export function createAgent(ctx: Ctx, { name, parent_id = null }: { readonly name: string; readonly parent_id?: string | null }): Promise<Agent> {
  if (!isName(name)) throw new RefusalError(refuseName());
  return changingTree(ctx, async (tx, tree) => {
    if (tree.size >= agents_max) throw new RefusalError(refuse('too_many_agents'));
    const created_at = ctx.clock.now();
    const agent: Agent = { id: newId('agent', created_at, ctx.rng), parent_id, name, state: 'active', created_at };
    allow(checkPlace(tree, agent, 'parent_id'));
    await store.insertAgent(tx, agent);
    return agent;
  });
}

/** Puts an agent, with all that is below it, below another, or at the top. */
export const moveAgent = (ctx: Ctx, { id, parent_id }: Pick<Agent, 'id' | 'parent_id'>): Promise<Agent> =>
  changingTree(ctx, (tx, tree) => {
    ownPlace(tree, id);
    allow(checkPlace(tree, { id, parent_id }, 'parent_id'));
    return store.updateAgent(tx, id, { parent_id });
  });

/** Closes an agent that has no merchants and no open agents any more. Closing it again changes nothing. */
export const closeAgent = (ctx: Ctx, id: string): Promise<Agent> =>
  changingTree(ctx, async (tx, tree) => {
    ownPlace(tree, id);
    const has_agents = [...tree.values()].some(({ parent_id, state }) => parent_id === id && state === 'active');
    if (has_agents || (await store.hasMerchants(tx, id))) throw new RefusalError(refuse('agent_in_use', 'agent_id'));
    return store.updateAgent(tx, id, { state: 'closed' });
  });

/** Makes a merchant one of this agent's, from now on, whosever it was before; null makes it nobody's. */
export function assignMerchant(ctx: Ctx, { merchant_id, agent_id }: { readonly merchant_id: string; readonly agent_id: string | null }): Promise<Merchant> {
  return giveToAgent(ctx, merchant_id, agent_id, async (tx) => {
    const agent = agent_id === null ? undefined : await store.holdAgent(tx, agent_id);
    if (agent_id !== null && !agent) throw new RefusalError(refuse('agent_not_found', 'agent_id'));
    if (agent?.state === 'closed') throw new RefusalError(refuse('agent_closed', 'agent_id'));
  });
}

/** In the order of the tree, each with its level from 1. */
export async function listAgents(ctx: Ctx): Promise<readonly (store.ListedAgent & { readonly level: number })[]> {
  return inTree(await store.listAgents(ctx));
}

/** The agent with its merchants and those of all agents below it; refuses more than `merchants_max`. */
export async function agentMerchants(ctx: Ctx, id: string, merchants_max: number): Promise<{ agent: Agent; merchants: readonly store.AgentMerchant[] }> {
  const agent = await store.findAgent(ctx, id);
  if (!agent) throw new RefusalError(refuse('agent_not_found', 'agent_id'));
  const merchants = await store.merchantsBelow(ctx, id, merchants_max + 1);
  if (merchants.length > merchants_max) throw new RefusalError(refuse('agent_has_too_many_merchants', 'agent_id', { max: merchants_max }));
  return { agent, merchants };
}

const changingTree = <T>(ctx: Ctx, change: (tx: Kysely<Tables>, tree: Tree) => Promise<T>): Promise<T> =>
  ctx.db.kysely.transaction().execute(async (tx) => change(tx, await store.lockTree(tx)));

function ownPlace(tree: Tree, id: string): void {
  if (!tree.has(id)) throw new RefusalError(refuse('agent_not_found', 'agent_id'));
}

function allow(refused: Refusal | undefined): void {
  if (refused) throw new RefusalError(refused);
}
