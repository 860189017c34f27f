import type { StoreState } from '@heliu/contract';
import type { Kysely } from 'kysely';
import type { Ctx } from '../../platform/ctx.ts';
import type { Tables } from '../../platform/db/tables.gen.ts';

/** Table: stores. 门店. */
export type StoreRow = {
  readonly merchant_id: string;
  readonly id: string;
  readonly livemode: boolean;
  readonly name: string;
  readonly store_no: string | null;
  readonly region_code: string | null;
  readonly address: string | null;
  readonly state: StoreState;
  readonly created_at: Date;
  readonly closed_at: Date | null;
  readonly version: number;
};

/** Names a store of a caller: one of another mode is as absent as another merchant's. */
export type StoreKey = { readonly merchant_id: string; readonly livemode: boolean; readonly id: string };

const columns = ['merchant_id', 'id', 'livemode', 'name', 'store_no', 'region_code', 'address', 'state', 'created_at', 'closed_at', 'version'] as const;

export async function findStore(ctx: Ctx, { merchant_id, livemode, id }: StoreKey): Promise<StoreRow | undefined> {
  const row = await ctx.db.kysely
    .selectFrom('stores')
    .select(columns)
    .where('merchant_id', '=', merchant_id)
    .where('livemode', '=', livemode)
    .where('id', '=', id)
    .executeTakeFirst();
  return row as StoreRow | undefined;
}

export type StoreFilter = Omit<StoreKey, 'id'> & {
  readonly state?: StoreState | undefined;
  readonly store_no?: string | undefined;
  readonly before_id: string | undefined;
  readonly limit: number;
};

/** Newest first. */
export async function listStores(ctx: Ctx, { merchant_id, livemode, state, store_no, before_id, limit }: StoreFilter): Promise<StoreRow[]> {
  let query = ctx.db.kysely.selectFrom('stores').select(columns).where('merchant_id', '=', merchant_id).where('livemode', '=', livemode);
  if (state !== undefined) query = query.where('state', '=', state);
  if (store_no !== undefined) query = query.where('store_no', '=', store_no);
  if (before_id !== undefined) query = query.where('id', '<', before_id);
  return (await query.orderBy('id', 'desc').limit(limit).execute()) as StoreRow[];
}

/** Inserts a store unless the merchant has as many open ones as it may. The merchant's row stands for the count. */
export async function insertStore(ctx: Ctx, tx: Kysely<Tables>, store: StoreRow, stores_max: number): Promise<boolean> {
  const { merchant_id, livemode } = store;
  await tx.selectFrom('merchants').select('id').where('id', '=', merchant_id).forUpdate().execute();
  const { count } = await tx
    .selectFrom('stores')
    .select(({ fn }) => fn.countAll<bigint>().as('count'))
    .where('merchant_id', '=', merchant_id)
    .where('livemode', '=', livemode)
    .where('state', '=', 'open')
    .executeTakeFirstOrThrow();
  if (count >= BigInt(stores_max)) return false;
  await tx.insertInto('stores').values(store).execute();
  await announce(ctx, store, tx);
  return true;
}

/** Writes what is said of an open store; undefined when there is none. */
export function updateStore(ctx: Ctx, key: StoreKey, changes: Partial<Pick<StoreRow, 'name' | 'region_code' | 'address'>>): Promise<StoreRow | undefined> {
  return ctx.db.kysely.transaction().execute(async (tx) => {
    const row = await tx
      .updateTable('stores')
      .set((eb) => ({ ...changes, version: eb('version', '+', 1) }))
      .where('merchant_id', '=', key.merchant_id)
      .where('livemode', '=', key.livemode)
      .where('id', '=', key.id)
      .where('state', '=', 'open')
      .returning(columns)
      .executeTakeFirst();
    await announce(ctx, key, tx);
    return row as StoreRow | undefined;
  });
}

/** Closes an open store with its terminals. */
export function closeStore(ctx: Ctx, key: StoreKey, closed_at: Date): Promise<void> {
  return ctx.db.kysely.transaction().execute(async (tx) => {
    const { numUpdatedRows } = await tx
      .updateTable('stores')
      .set((eb) => ({ state: 'closed', closed_at, version: eb('version', '+', 1) }))
      .where('merchant_id', '=', key.merchant_id)
      .where('livemode', '=', key.livemode)
      .where('id', '=', key.id)
      .where('state', '=', 'open')
      .executeTakeFirst();
    if (numUpdatedRows === 0n) return;
    await tx
      .updateTable('terminals')
      .set((eb) => ({ state: 'closed', closed_at, version: eb('version', '+', 1) }))
      .where('merchant_id', '=', key.merchant_id)
      .where('store_id', '=', key.id)
      .where('state', '=', 'active')
      .execute();
    await announce(ctx, key, tx);
  });
}

/** Holds an open store until the transaction ends, so that it is not closed while something is put into it. */
export async function lockStore(tx: Kysely<Tables>, { merchant_id, livemode, id }: StoreKey): Promise<StoreState | undefined> {
  const row = await tx
    .selectFrom('stores')
    .select('state')
    .where('merchant_id', '=', merchant_id)
    .where('livemode', '=', livemode)
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst();
  return row?.state as StoreState | undefined;
}

const announce = (ctx: Ctx, { merchant_id, id }: Pick<StoreKey, 'merchant_id' | 'id'>, tx: Kysely<Tables>) =>
  ctx.changes.announce('stores', `${merchant_id}/${id}`, tx);
