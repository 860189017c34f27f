import { listPrices, type Price } from '@heliu/contract';
import type { FastifyInstance } from 'fastify';
import { assert } from '../kernel/assert.ts';
import { orThrow } from '../kernel/refusal.ts';
import type { Ctx } from '../platform/ctx.ts';
import { bindOperation } from '../platform/http/bind.ts';
import { type CursorScope, page_limit, pageOf, readCursor } from '../platform/http/cursor.ts';
import { isMethod, type PriceRule, writeTerms } from './price-rule.ts';
import { pagePrices } from './service.ts';

/** A merchant sees its own prices. Whoever runs Heliu sets them, with the command line. */
export function bindPricing(scope: FastifyInstance, ctx: Ctx): void {
  bindOperation(scope, ctx, listPrices, async ({ caller, query: { limit = page_limit, cursor, ...filters } }) => {
    const list: CursorScope = { list: listPrices.id, caller, filters };
    const before_id = cursor === undefined ? undefined : orThrow(readCursor(list, cursor));
    const { merchant_id, livemode } = caller;
    const found = await pagePrices(ctx, { ...filters, merchant_id, livemode, before_id, limit: limit + 1 });
    const { rows, next_cursor } = pageOf(list, limit, found, ({ id }) => id);
    return { data: rows.map(viewPrice), next_cursor };
  });
}

function viewPrice({ id, livemode, channel, method, price, effective_from, created_at }: PriceRule): Price {
  assert(method === null || isMethod(method), 'a price is for a method of the contract');
  const { rounding, refund, tiers } = writeTerms(price);
  return {
    object: 'price',
    id,
    livemode,
    channel,
    method,
    rounding,
    refund,
    tiers: [...tiers],
    effective_from: effective_from.toISOString(),
    created_at: created_at.toISOString(),
  };
}
