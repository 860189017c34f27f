import type { Plate, Terminal } from '@heliu/contract';
import type { Shop } from '../../../payments/testing/shop.ts';

/** A terminal in a store of its own; plates are bound to those of their kind. */
export async function aTerminal(shop: Shop, kind: Terminal['kind'] = 'plate'): Promise<Terminal> {
  const store = await shop.made('/v1/stores', { name: '南京东路店' });
  return shop.made('/v1/terminals', { store_id: store.id, name: '台牌', kind });
}

/** The plates of a new batch, none of them bound. */
export async function aBatch(shop: Shop, count = 1): Promise<Plate[]> {
  const batch = await shop.made('/v1/plate_batches', { name: '台牌', count });
  return (await shop.read(`/v1/plates?plate_batch_id=${batch.id}&limit=100`)).data;
}

/** A plate that is bound to a terminal of its own and takes payments. */
export async function aPlate(shop: Shop, settings: object = {}): Promise<Plate> {
  const [plate] = await aBatch(shop);
  return shop.made(`/v1/plates/${plate?.id}/bind`, { terminal_id: (await aTerminal(shop)).id, ...settings });
}
