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
