import type { Kysely } from 'kysely';
import { channels } from '../channels/registry.ts';
import { newId } from '../kernel/id.ts';
import { prices_per_merchant_max } from '../kernel/limits.ts';
import { type Fen, ZERO } from '../kernel/money.ts';
import { feeOf } from '../kernel/price.ts';
import { orThrow, RefusalError, refuse } from '../kernel/refusal.ts';
import { bizDate } from '../kernel/time.ts';
import type { Pricer } from '../ledger/projection/service.ts';
import type { Ctx } from '../platform/ctx.ts';
import { violatedConstraint } from '../platform/db/db.ts';
import type { Tables } from '../platform/db/tables.gen.ts';
import { isMethod, type PriceRule, priceFor, readTerms, type Volume, writeTerms } from './price-rule.ts';
import * as store from './store.ts';

export type { PriceRule } from './price-rule.ts';

export type SetPriceInput = {
  readonly merchant_id: string;
  readonly livemode: boolean;
  /** Payments of one channel only. */
  readonly channel?: string | undefined;
  /** Payments by one method only. */
  readonly method?: string | undefined;
  /** As `Terms` has it; what is wrong with it is named. */
  readonly terms: unknown;
  /** Now unless told. Not earlier: what was charged stays as it was. */
  readonly effective_from?: Date | undefined;
};

/** Sets a price from a time on. The one before stays for the payments before. */
export async function setPrice(ctx: Ctx, { merchant_id, livemode, channel, method, terms, effective_from }: SetPriceInput): Promise<PriceRule> {
  const created_at = ctx.clock.now();
  const price = orThrow(readTerms(terms));
  if (channel !== undefined && !channels.has(channel))
    throw refused('channel', `one of ${[...channels.keys()].join(', ')}`, `${[...channels.keys()].join('、')} 之一`);
  if (method !== undefined && !isMethod(method)) throw refused('method', 'a method of the contract', '接口所列的支付方式');
  if (effective_from && effective_from < created_at) throw refused('effective_from', 'now or later', '不早于现在');
  const known = await ctx.db.kysely.selectFrom('merchants').select('id').where('id', '=', merchant_id).executeTakeFirst();
  if (!known) throw new RefusalError(refuse('merchant_not_found', 'merchant_id'));
  if ((await store.readPrices(ctx.db.kysely, [merchant_id])).length >= prices_per_merchant_max) throw new RefusalError(refuse('too_many_prices'));
  const rule: PriceRule = {
    merchant_id,
    id: newId('price', created_at, ctx.rng),
    livemode,
    channel: channel ?? null,
    method: method ?? null,
    price,
    effective_from: effective_from ?? created_at,
    created_at,
  };
  const { price: _, ...row } = rule;
  try {
    await store.insertPrice(ctx, { ...row, terms: writeTerms(price) });
  } catch (error) {
    if (violatedConstraint(error) === 'prices_one_at_a_time')
      throw refused('effective_from', 'another time: one price for the same payments begins then', '另一时刻：同一范围已有价格自该时刻生效');
    throw error;
  }
  return rule;
}

const refused = (param: string, expected: string, expected_zh: string): RefusalError =>
  new RefusalError(refuse('parameter_invalid', param, { expected, expected_zh: `须为 ${expected_zh}` }));

/** All prices of a merchant, those that begin last first. */
export const listPrices = async (ctx: Ctx, merchant_id: string): Promise<PriceRule[]> => (await store.readPrices(ctx.db.kysely, [merchant_id])).map(ruleOf);

/** A page of a merchant's prices in one mode, those that were set last first. */
export const pagePrices = async (ctx: Ctx, page: store.PricePage): Promise<PriceRule[]> => (await store.pagePrices(ctx.db.kysely, page)).map(ruleOf);

/** What was stored was checked: it is trusted here. */
const ruleOf = ({ terms, ...row }: store.PriceRow): PriceRule => ({ ...row, price: orThrow(readTerms(terms)) });

/** The prices of the books of one batch of the ledger, in its transaction: payments are charged in their order. */
export async function priceBooks(tx: Kysely<Tables>, books: readonly { readonly merchant_id: string }[]): Promise<Pricer> {
  const merchant_ids = [...new Set(books.map(({ merchant_id }) => merchant_id))];
  const rules = (await store.readPrices(tx, merchant_ids)).map(ruleOf);
  const tiered = rules.filter(({ price }) => price.tiers.length > 1).map(({ id }) => id);
  const volumes = new Map((tiered.length === 0 ? [] : await store.holdVolumes(tx, merchant_ids, tiered)).map((volume) => [keyOf(volume), volume]));
  return { ...pricerOf(rules, volumes), save: () => store.writeVolumes(tx, [...volumes.values()]) };
}

/** The same as if nothing had been charged before, and nothing is kept: for a replay. */
export async function priceFromStart(tx: Kysely<Tables>, books: readonly { readonly merchant_id: string }[]): Promise<Pricer> {
  const rules = (await store.readPrices(tx, [...new Set(books.map(({ merchant_id }) => merchant_id))])).map(ruleOf);
  return { ...pricerOf(rules, new Map()), save: () => Promise.resolve() };
}

/** Charges by rules that are known, counting volumes only where a price asks for them. */
function pricerOf(rules: readonly PriceRule[], volumes: Map<string, Volume>): Pick<Pricer, 'charge'> {
  return {
    charge: (merchant_id, livemode) => {
      const own = rules.filter((rule) => rule.merchant_id === merchant_id && rule.livemode === livemode);
      return ({ channel, method, amount_fen, fact_at }) => {
        const rule = priceFor(own, { channel, method, fact_at });
        if (!rule) return undefined;
        const { id: price_id, price } = rule;
        const { rounding, refund } = price;
        if (price.tiers.length === 1) return { fee_fen: feeOf(price, amount_fen), price_id, rounding, refund };
        const empty: Volume = { merchant_id, price_id, month: bizDate(fact_at).slice(0, 7), volume_fen: ZERO };
        const before = volumes.get(keyOf(empty)) ?? empty;
        volumes.set(keyOf(empty), { ...before, volume_fen: (before.volume_fen + amount_fen) as Fen });
        return { fee_fen: feeOf(price, amount_fen, before.volume_fen), price_id, rounding, refund };
      };
    },
  };
}

const keyOf = ({ price_id, month }: Pick<Volume, 'price_id' | 'month'>): string => `${price_id}/${month}`;
