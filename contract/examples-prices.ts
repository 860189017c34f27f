import type { OperationExample } from './examples.ts';
import type { Price } from './prices.ts';

const price: Price = {
  object: 'price',
  id: 'prc_01KAK0000001234567890ABCDE',
  livemode: false,
  channel: null,
  method: null,
  rounding: 'half_up',
  refund: 'returned',
  tiers: [
    { from_fen: 0, rate_ppm: 6000, per_item_fen: 0, min_fen: 1, max_fen: null },
    { from_fen: 100_000_000, rate_ppm: 3800, per_item_fen: 0, min_fen: 1, max_fen: 50_000 },
  ],
  effective_from: '2026-11-01T00:00:00.000Z',
  created_at: '2026-10-28T02:00:00.000Z',
};

/** Examples of the operations on prices. */
export const price_examples: Readonly<Record<string, OperationExample>> = {
  list_prices: { query: { limit: 20 }, response: { data: [price], next_cursor: null } },
};
