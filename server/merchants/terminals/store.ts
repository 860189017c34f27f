import type { TerminalKind, TerminalState } from '@heliu/contract';
import type { Kysely } from 'kysely';
import type { Ctx } from '../../platform/ctx.ts';
import type { Tables } from '../../platform/db/tables.gen.ts';

/** Table: terminals. 终端. */
export type TerminalRow = {
  readonly merchant_id: string;
  readonly id: string;
  readonly livemode: boolean;
  readonly store_id: string;
  readonly name: string;
  readonly kind: TerminalKind;
  readonly terminal_no: string | null;
  readonly state: TerminalState;
  readonly created_at: Date;
  readonly closed_at: Date | null;
  readonly version: number;
};

export type TerminalKey = { readonly merchant_id: string; readonly livemode: boolean; readonly id: string };

const columns = ['merchant_id', 'id', 'livemode', 'store_id', 'name', 'kind', 'terminal_no', 'state', 'created_at', 'closed_at', 'version'] as const;

export async function findTerminal(db: Kysely<Tables>, { merchant_id, livemode, id }: TerminalKey): Promise<TerminalRow | undefined> {
  const row = await db
    .selectFrom('terminals')
    .select(columns)
    .where('merchant_id', '=', merchant_id)
    .where('livemode', '=', livemode)
    .where('id', '=', id)
    .executeTakeFirst();
  return row as TerminalRow | undefined;
}

export type TerminalFilter = Omit<TerminalKey, 'id'> & {
  readonly store_id?: string | undefined;
  readonly kind?: TerminalKind | undefined;
  readonly state?: TerminalState | undefined;
  readonly before_id: string | undefined;
  readonly limit: number;
};

/** Newest first. */
export async function listTerminals(ctx: Ctx, { merchant_id, livemode, store_id, kind, state, before_id, limit }: TerminalFilter): Promise<TerminalRow[]> {
  let query = ctx.db.kysely.selectFrom('terminals').select(columns).where('merchant_id', '=', merchant_id).where('livemode', '=', livemode);
  if (store_id !== undefined) query = query.where('store_id', '=', store_id);
  if (kind !== undefined) query = query.where('kind', '=', kind);
  if (state !== undefined) query = query.where('state', '=', state);
  if (before_id !== undefined) query = query.where('id', '<', before_id);
  return (await query.orderBy('id', 'desc').limit(limit).execute()) as TerminalRow[];
}

/** How many terminals of a store are in use. The store is locked by the caller. */
export async function countTerminals(tx: Kysely<Tables>, merchant_id: string, store_id: string): Promise<number> {
  const { count } = await tx
    .selectFrom('terminals')
    .select(({ fn }) => fn.countAll<bigint>().as('count'))
    .where('merchant_id', '=', merchant_id)
    .where('store_id', '=', store_id)
    .where('state', '=', 'active')
    .executeTakeFirstOrThrow();
  return Number(count);
}

export async function insertTerminal(ctx: Ctx, tx: Kysely<Tables>, terminal: TerminalRow): Promise<void> {
  await tx.insertInto('terminals').values(terminal).execute();
  await announce(ctx, terminal, tx);
}

type TerminalChange = Partial<Pick<TerminalRow, 'name' | 'terminal_no' | 'state' | 'closed_at'>>;

/** Writes a change of an active terminal; undefined when there is none. */
export function updateTerminal(ctx: Ctx, key: TerminalKey, changes: TerminalChange): Promise<TerminalRow | undefined> {
  return ctx.db.kysely.transaction().execute(async (tx) => {
    const row = await tx
      .updateTable('terminals')
      .set((eb) => ({ ...changes, version: eb('version', '+', 1) }))
      .where('merchant_id', '=', key.merchant_id)
      .where('livemode', '=', key.livemode)
      .where('id', '=', key.id)
      .where('state', '=', 'active')
      .returning(columns)
      .executeTakeFirst();
    await announce(ctx, key, tx);
    return row as TerminalRow | undefined;
  });
}

const announce = (ctx: Ctx, { merchant_id, id }: Pick<TerminalKey, 'merchant_id' | 'id'>, tx: Kysely<Tables>) =>
  ctx.changes.announce('terminals', `${merchant_id}/${id}`, tx);
