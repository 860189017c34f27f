import type { OrderState } from '../../kit/gateway/world.ts';

/** 0 made, 1 under way, 2 through, 3 failed, 4 closed. */
export const states: Readonly<Record<OrderState, string>> = { open: '0', asking: '1', paid: '2', closed: '4', reversed: '4', failed: '3' };
