import type { OrderState } from '../../kit/gateway/world.ts';

/** A reversed order that was paid shows B with refund flag 3; one that was not is void. */
export const states: Readonly<Record<OrderState, string>> = { open: 'A', asking: 'A', paid: 'B', closed: 'G', reversed: 'G', failed: 'C' };
