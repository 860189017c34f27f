import { sql } from 'kysely';
import type { Ctx } from '../../platform/ctx.ts';
import type { KeyRow } from '../signing/service.ts';

/** Table: agent_statement_keys. */

export const findKey = (ctx: Ctx, agent_id: string): Promise<KeyRow | undefined> =>
  ctx.db.kysely
    .selectFrom('agent_statement_keys')
    .select(['id', 'public_key', 'private_key_sealed', 'created_at'])
    .where('agent_id', '=', agent_id)
    .executeTakeFirst();

/** The agent's key: the one that is there, or this one. */
export async function keepKey(ctx: Ctx, agent_id: string, fresh: KeyRow): Promise<KeyRow> {
  await ctx.db.kysely
    .insertInto('agent_statement_keys')
    .values({ agent_id, ...fresh })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return (await findKey(ctx, agent_id)) as KeyRow;
}

/** The numbers up to which the books of these merchants are written, all at one instant. One that is not there has nothing. */
export async function lastNos(ctx: Ctx, merchant_ids: readonly string[], livemode: boolean): Promise<ReadonlyMap<string, bigint>> {
  const { rows } = await sql<{ merchant_id: string; last_no: bigint }>`select merchant_id, last_no from ledger_books
    where merchant_id = any (${merchant_ids}::text[]) and livemode = ${livemode}`.execute(ctx.db.kysely);
  return new Map(rows.map(({ merchant_id, last_no }) => [merchant_id, last_no]));
}
