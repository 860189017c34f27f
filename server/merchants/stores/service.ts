import { closeStore as closeStoreOperation, createStore as createStoreOperation, type Store, type updateStore as updateStoreOperation } from '@heliu/contract';
import { newId } from '../../kernel/id.ts';
import { merchant_cache_max, merchant_cache_ms_max, stores_per_merchant_max } from '../../kernel/limits.ts';
import { RefusalError, refuse } from '../../kernel/refusal.ts';
import { createCache, perNode } from '../../platform/cache.ts';
import type { Caller } from '../../platform/caller.ts';
import type { Ctx } from '../../platform/ctx.ts';
import { violatedConstraint } from '../../platform/db/db.ts';
import type { Call } from '../../platform/http/bind.ts';
import { type FrozenReply, idempotent, withReply } from '../../platform/idempotency/idempotency.ts';
import * as store from './store.ts';
import { store_table, viewStore } from './view.ts';

export type { StoreRow } from './store.ts';

/** Makes a store. Its number, where it is given one, is its own for ever. */
export function createStore({ ctx, ...call }: Call<typeof createStoreOperation>): Promise<FrozenReply> {
  const { caller, body } = call;
  return withReply({ ctx, ...call }, createStoreOperation.id, async (tx) => {
    const created_at = ctx.clock.now();
    const row: store.StoreRow = {
      merchant_id: caller.merchant_id,
      id: newId('store', created_at, ctx.rng),
      livemode: caller.livemode,
      name: body.name,
      store_no: body.store_no ?? null,
      region_code: body.region_code ?? null,
      address: body.address ?? null,
      state: store_table.initial,
      created_at,
      closed_at: null,
      version: 1,
    };
    const inserted = await store.insertStore(ctx, tx, row, stores_per_merchant_max).catch((error: unknown) => {
      if (violatedConstraint(error) === 'stores_store_no') throw new RefusalError(refuse('store_no_taken', 'store_no'));
      throw error;
    });
    if (!inserted) throw new RefusalError(refuse('too_many_stores'));
    return { status: createStoreOperation.status, body: viewStore(row), object_id: row.id };
  });
}

/** Changes what is said of an open store. */
export function updateStore({ ctx, ...call }: Call<typeof updateStoreOperation>): Promise<FrozenReply> {
  const key = keyOf(call.caller, call.params.store_id);
  return idempotent({ ctx, ...call }, 'update_store', key.id, async () => {
    const row = await store.updateStore(ctx, key, call.body);
    cacheOf(ctx).drop(cacheKey(key));
    if (row) return { status: 200, body: viewStore(row) };
    await ownStore(ctx, key);
    throw new RefusalError(refuse('store_closed', 'store_id'));
  });
}

/** Closes a store and all its terminals. Closing it again changes nothing. */
export function closeStore({ ctx, ...call }: Call<typeof closeStoreOperation>): Promise<FrozenReply> {
  const key = keyOf(call.caller, call.params.store_id);
  return idempotent({ ctx, ...call }, closeStoreOperation.id, key.id, async () => {
    await ownStore(ctx, key);
    await store.closeStore(ctx, key, ctx.clock.now());
    cacheOf(ctx).drop(cacheKey(key));
    return { status: closeStoreOperation.status, body: viewStore(await ownStore(ctx, key)) };
  });
}

export const retrieveStore = async (ctx: Ctx, caller: Pick<Caller, 'merchant_id' | 'livemode'>, id: string): Promise<Store> =>
  viewStore(await ownStore(ctx, keyOf(caller, id)));

/** Newest first. */
export async function listStores(ctx: Ctx, caller: Caller, filter: Omit<store.StoreFilter, 'merchant_id' | 'livemode'>): Promise<Store[]> {
  const { merchant_id, livemode } = caller;
  return (await store.listStores(ctx, { ...filter, merchant_id, livemode })).map(viewStore);
}

/** An open store of the merchant in that mode, from memory while news of changes arrives. Refuses any other. */
export async function openStore(ctx: Ctx, caller: Pick<Caller, 'merchant_id' | 'livemode'>, store_id: string): Promise<store.StoreRow> {
  const key = keyOf(caller, store_id);
  const row = (await cacheOf(ctx).get(cacheKey(key))) ?? notFound();
  if (row.state === 'closed') throw new RefusalError(refuse('store_closed', 'store_id'));
  return row;
}

const keyOf = ({ merchant_id, livemode }: Pick<Caller, 'merchant_id' | 'livemode'>, id: string): store.StoreKey => ({ merchant_id, livemode, id });

const ownStore = async (ctx: Ctx, key: store.StoreKey): Promise<store.StoreRow> => (await store.findStore(ctx, key)) ?? notFound();

function notFound(): never {
  throw new RefusalError(refuse('store_not_found', 'store_id'));
}

const cacheKey = ({ merchant_id, livemode, id }: store.StoreKey): string => `${merchant_id}/${id}/${livemode ? 'live' : 'test'}`;

const cacheOf = perNode((ctx) => {
  const cache = createCache(ctx, {
    entries_max: merchant_cache_max,
    age_ms_max: merchant_cache_ms_max,
    read: (key) => {
      const [merchant_id = '', id = '', mode] = key.split('/');
      return store.findStore(ctx, { merchant_id, id, livemode: mode === 'live' });
    },
  });
  ctx.changes.on('stores', (name) => {
    for (const mode of ['live', 'test']) cache.drop(`${name}/${mode}`);
  });
  ctx.changes.onReset(cache.dropAll);
  return cache;
});
