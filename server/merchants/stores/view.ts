import type { Store, StoreState } from '@heliu/contract';
import type { Table } from '../../kernel/machine.ts';
import type { StoreRow } from './store.ts';

/** A closed store never opens again: its numbers stay with what was taken there. */
export const store_table: Table<StoreState, 'close'> = {
  name: 'store',
  initial: 'open',
  resting: ['closed'],
  moves: { open: { close: 'closed' }, closed: {} },
};

/** A store as the merchant sees it. */
export function viewStore(row: StoreRow): Store {
  const { id, livemode, name, store_no, region_code, address, state, created_at, closed_at, version } = row;
  return {
    object: 'store',
    id,
    livemode,
    name,
    store_no,
    region_code,
    address,
    state,
    created_at: created_at.toISOString(),
    closed_at: closed_at?.toISOString() ?? null,
    version,
  };
}
