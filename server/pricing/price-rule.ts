import { type Method, methods } from '@heliu/contract';
import { amount_fen_max } from '../kernel/limits.ts';
import { type Fen, fenToNumber, toFen } from '../kernel/money.ts';
import { type Price, refunded_fees, type Tier } from '../kernel/price.ts';
import { type Refusal, refuse } from '../kernel/refusal.ts';
import { roundings } from '../kernel/rounding.ts';

/** 费率: the price of a merchant's payments, from a time on, for all of them or for those of a channel or method. */
export type PriceRule = {
  readonly merchant_id: string;
  readonly id: string;
  readonly livemode: boolean;
  /** Null: every channel. */
  readonly channel: string | null;
  /** Null: every method. */
  readonly method: string | null;
  readonly price: Price;
  readonly effective_from: Date;
  readonly created_at: Date;
};

/** A price as it is written down: in files, in answers and in the database. Amounts are fen. */
export type Terms = {
  readonly rounding: Price['rounding'];
  readonly refund: Price['refund'];
  readonly tiers: readonly TermsTier[];
};
export type TermsTier = {
  readonly from_fen: number;
  readonly rate_ppm: number;
  readonly per_item_fen: number;
  readonly min_fen: number;
  readonly max_fen: number | null;
};

/** Tiers of one price: a table that people can read. */
export const tiers_max = 20;
const rate_ppm_max = 1_000_000;

/** Reads what a person wrote; the refusal names the part that is wrong. */
export function readTerms(value: unknown): Price | Refusal {
  if (!isRecord(value)) return wrong('terms', 'an object', '对象');
  const extra = Object.keys(value).find((name) => !['rounding', 'refund', 'tiers'].includes(name));
  if (extra !== undefined) return wrong(`terms.${extra}`, 'not there', '不应出现');
  const { rounding = 'half_up', refund = 'returned', tiers } = value;
  if (!roundings.includes(rounding as Price['rounding'])) return wrong('terms.rounding', `one of ${roundings.join(', ')}`, `${roundings.join('、')} 之一`);
  if (!refunded_fees.includes(refund as Price['refund']))
    return wrong('terms.refund', `one of ${refunded_fees.join(', ')}`, `${refunded_fees.join('、')} 之一`);
  if (!Array.isArray(tiers) || tiers.length === 0 || tiers.length > tiers_max) return wrong('terms.tiers', `1 to ${tiers_max} tiers`, `1 至 ${tiers_max} 档`);
  const read: Tier[] = [];
  for (const [at, each] of tiers.entries()) {
    const tier = readTier(each, at, read.at(-1));
    if ('refused' in tier) return tier;
    read.push(tier);
  }
  return { rounding: rounding as Price['rounding'], refund: refund as Price['refund'], tiers: read as unknown as Price['tiers'] };
}

const tier_fields = ['from_fen', 'rate_ppm', 'per_item_fen', 'min_fen', 'max_fen'];

function readTier(value: unknown, at: number, before: Tier | undefined): Tier | Refusal {
  const param = (name: string) => `terms.tiers[${at}].${name}`;
  if (!isRecord(value)) return wrong(`terms.tiers[${at}]`, 'an object', '对象');
  const extra = Object.keys(value).find((name) => !tier_fields.includes(name));
  if (extra !== undefined) return wrong(param(extra), 'not there', '不应出现');
  const { from_fen = 0, rate_ppm = 0, per_item_fen = 0, min_fen = 0, max_fen = null } = value;
  if (!isWhole(rate_ppm, rate_ppm_max)) return wrong(param('rate_ppm'), `a whole number from 0 to ${rate_ppm_max}`, `0 至 ${rate_ppm_max} 的整数`);
  const amounts = { from_fen, per_item_fen, min_fen, ...(max_fen === null ? {} : { max_fen }) };
  for (const [name, amount] of Object.entries(amounts)) {
    if (!isWhole(amount, name === 'from_fen' ? Number.MAX_SAFE_INTEGER : amount_fen_max))
      return wrong(param(name), 'a whole number of fen', '以分为单位的整数');
  }
  const tier: Tier = {
    from_fen: toFen(from_fen as number),
    rate_ppm,
    per_item_fen: toFen(per_item_fen as number),
    min_fen: toFen(min_fen as number),
    max_fen: max_fen === null ? null : toFen(max_fen as number),
  };
  if (before ? tier.from_fen <= before.from_fen : tier.from_fen !== 0n)
    return wrong(param('from_fen'), '0 in the first tier and rising from tier to tier', '首档为 0，逐档递增');
  if (tier.max_fen !== null && tier.max_fen < tier.min_fen) return wrong(param('max_fen'), 'not less than min_fen', '不小于 min_fen');
  return tier;
}

const isWhole = (value: unknown, most: number): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= most;
const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);
const wrong = (param: string, expected: string, expected_zh: string): Refusal =>
  refuse('parameter_invalid', param, { expected, expected_zh: `须为 ${expected_zh}` });

export const writeTerms = ({ rounding, refund, tiers }: Price): Terms => ({
  rounding,
  refund,
  tiers: tiers.map(({ from_fen, rate_ppm, per_item_fen, min_fen, max_fen }) => ({
    from_fen: fenToNumber(from_fen),
    rate_ppm,
    per_item_fen: fenToNumber(per_item_fen),
    min_fen: fenToNumber(min_fen),
    max_fen: max_fen === null ? null : fenToNumber(max_fen),
  })),
});

/** A method that the contract has. */
export const isMethod = (text: string): text is Method => Object.hasOwn(methods, text);

export type Priced = { readonly channel: string; readonly method: string; readonly fact_at: Date };

/**
 * The price of a payment: of those that had begun by then and fit, the one that says most about it (channel and method,
 * then method, then channel, then all), and of equals the one that began last.
 */
export function priceFor(rules: readonly PriceRule[], { channel, method, fact_at }: Priced): PriceRule | undefined {
  const fits = (rule: PriceRule) =>
    rule.effective_from <= fact_at && (rule.channel === null || rule.channel === channel) && (rule.method === null || rule.method === method);
  const weight = (rule: PriceRule) => (rule.method === null ? 0 : 2) + (rule.channel === null ? 0 : 1);
  return rules.filter(fits).toSorted((a, b) => weight(b) - weight(a) || b.effective_from.getTime() - a.effective_from.getTime())[0];
}

/** A volume that payments of one price had in one month. */
export type Volume = { readonly merchant_id: string; readonly price_id: string; readonly month: string; readonly volume_fen: Fen };
