import { type Kysely, sql } from 'kysely';
import type { Ctx } from '../../platform/ctx.ts';
import type { Tables } from '../../platform/db/tables.gen.ts';
import type { Agent, Tree } from './agent.ts';

/** Table: agents. 代理商. */

/** One change of the tree at a time: two moves that are right by themselves could make a circle together. Readers go on. */
export async function lockTree(tx: Kysely<Tables>): Promise<Tree> {
  await sql`lock table agents in share row exclusive mode`.execute(tx);
  const rows = await tx.selectFrom('agents').select(['id', 'parent_id', 'state']).execute();
  return new Map(rows.map(({ id, ...place }) => [id, place as Pick<Agent, 'parent_id' | 'state'>]));
}

export async function insertAgent(tx: Kysely<Tables>, agent: Agent): Promise<void> {
  await tx.insertInto('agents').values(agent).execute();
}

export async function updateAgent(tx: Kysely<Tables>, id: string, changes: Partial<Pick<Agent, 'parent_id' | 'state'>>): Promise<Agent> {
  return (await tx.updateTable('agents').set(changes).where('id', '=', id).returningAll().executeTakeFirstOrThrow()) as Agent;
}

/** Holds an agent until the transaction ends, so that it is not closed while a merchant is given to it. */
export async function holdAgent(tx: Kysely<Tables>, id: string): Promise<Agent | undefined> {
  return (await tx.selectFrom('agents').selectAll().where('id', '=', id).forShare().executeTakeFirst()) as Agent | undefined;
}

/** Waits for those who are giving it merchants, and says whether it has any. */
export async function hasMerchants(tx: Kysely<Tables>, id: string): Promise<boolean> {
  await tx.selectFrom('agents').select('id').where('id', '=', id).forUpdate().execute();
  return (await tx.selectFrom('merchants').select('id').where('agent_id', '=', id).limit(1).executeTakeFirst()) !== undefined;
}

/** An agent with how many merchants it has itself. */
export type ListedAgent = Agent & { readonly merchants: number };

/** All of them, those that were made first first. */
export async function listAgents(ctx: Ctx): Promise<ListedAgent[]> {
  const { rows } = await sql<Agent & { merchants: bigint }>`select a.*, (select count(*) from merchants where agent_id = a.id) as merchants
    from agents a order by a.id`.execute(ctx.db.kysely);
  return rows.map((row) => ({ ...row, merchants: Number(row.merchants) }));
}

/** A merchant with the agent that it belongs to. */
export type AgentMerchant = { readonly id: string; readonly code: string; readonly name: string; readonly agent_id: string; readonly agent_name: string };

export async function findAgent(ctx: Ctx, id: string): Promise<Agent | undefined> {
  return (await ctx.db.kysely.selectFrom('agents').selectAll().where('id', '=', id).executeTakeFirst()) as Agent | undefined;
}

/** Merchants of the agent and of all below it, as they are at one instant. `union` takes each agent once, so the walk ends. */
export async function merchantsBelow(ctx: Ctx, id: string, limit: number): Promise<AgentMerchant[]> {
  const { rows } = await sql<AgentMerchant>`with recursive below as (
      select id, name from agents where id = ${id} union select a.id, a.name from agents a join below b on a.parent_id = b.id)
    select m.id, m.code, m.name, b.id as agent_id, b.name as agent_name from below b join merchants m on m.agent_id = b.id
    order by m.id limit ${limit}`.execute(ctx.db.kysely);
  return rows;
}
