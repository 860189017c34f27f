import type { Ctx } from '../platform/ctx.ts';
import { setPrice } from '../pricing/service.ts';
import type { Violation } from '../testing/invariants.ts';
import type { Dice } from './dice.ts';
import type { World } from './world.ts';

type Tier = { readonly from_fen: number; readonly rate_ppm: number; readonly per_item_fen: number; readonly min_fen: number; readonly max_fen: number | null };
type Rounding = (typeof roundings)[number];

/** A price as it was agreed with a merchant: what the fees are held against, whatever the product makes of it. */
export type AgreedPrice = {
  readonly channel: string | undefined;
  readonly method: string | undefined;
  readonly from_ms: number;
  readonly terms: { readonly rounding: Rounding; readonly refund: 'returned' | 'kept'; readonly tiers: readonly Tier[] };
};

const roundings = ['half_up', 'half_even', 'down', 'up'] as const;
/** Volumes that a merchant's payments come to within a world. */
const tiers_from_fen = [0, 4_000, 25_000] as const;
/** The first price begins a little after it is set, and the first payments are without one. */
const begins_after_ms = 4_000;

/** Agrees prices with a merchant: none, one for all, others for a channel or a method, and another one from the middle of the world on. */
export async function agreePrices(ctx: Ctx, dice: Dice, merchant_id: string): Promise<readonly AgreedPrice[]> {
  if (dice.chance(0.15)) return [];
  const now_ms = ctx.clock.now().getTime();
  const price = (from_ms: number, of: { readonly channel?: string; readonly method?: string } = {}): AgreedPrice => ({
    channel: of.channel,
    method: of.method,
    from_ms: now_ms + from_ms,
    terms: drawTerms(dice),
  });
  const agreed = [
    price(begins_after_ms),
    ...(dice.chance(0.4) ? [price(begins_after_ms, { channel: dice.pick(['wechatpay', 'alipay']) })] : []),
    ...(dice.chance(0.4) ? [price(begins_after_ms, { method: dice.pick(['wechat_qr', 'alipay_qr', 'wechat_barcode']) })] : []),
    ...(dice.chance(0.5) ? [price(dice.between(30_000, 200_000))] : []),
  ];
  for (const { from_ms, ...rest } of agreed) await setPrice(ctx, { merchant_id, livemode: false, ...rest, effective_from: new Date(from_ms) });
  return agreed;
}

function drawTerms(dice: Dice): AgreedPrice['terms'] {
  const tier = (from_fen: number): Tier => ({
    from_fen,
    rate_ppm: dice.pick([0, 2_000, 3_800, 6_000, 12_345, 500_000]),
    per_item_fen: dice.pick([0, 0, 1, 30]),
    min_fen: dice.pick([0, 0, 1, 9]),
    max_fen: dice.pick([null, null, 9, 120]),
  });
  const tiers = dice.chance(0.5) ? [0] : tiers_from_fen.slice(0, dice.between(2, 3));
  return { rounding: dice.pick(roundings), refund: dice.pick(['returned', 'kept']), tiers: tiers.map(tier) };
}

type Posted = {
  readonly merchant_id: string;
  readonly kind: 'payment' | 'refund';
  readonly attempt_id: string;
  readonly channel: string;
  readonly method: string;
  readonly amount_fen: bigint;
  readonly fee_fen: bigint;
  readonly fact_at: Date;
};
type Taken = {
  readonly amount_fen: number;
  readonly fee_fen: number;
  readonly terms: AgreedPrice['terms'] | undefined;
  refunded_fen: number;
  returned_fen: number;
};

/** I-27: each fee is what the prices that were agreed come to, worked out here a second time from the postings alone. */
export async function brokenFees({ plain, merchants }: Pick<World, 'plain' | 'merchants'>): Promise<Violation[]> {
  const { kysely } = plain.db;
  const columns = ['merchant_id', 'kind', 'attempt_id', 'channel', 'method', 'amount_fen', 'fee_fen', 'fact_at'] as const;
  const posted = await kysely
    .selectFrom('ledger_postings')
    .select(columns)
    .where('kind', 'in', ['payment', 'refund'])
    .orderBy('merchant_id')
    .orderBy('no')
    .execute();
  const agreed = new Map(merchants.map(({ id, prices }) => [id, prices]));
  const volumes = new Map<AgreedPrice, number>();
  const taken = new Map<string, Taken>();
  return (posted as unknown as Posted[]).flatMap((posting): Violation[] => {
    const fee_fen = posting.kind === 'payment' ? charge(posting, agreed.get(posting.merchant_id) ?? [], volumes, taken) : giveBack(posting, taken);
    return fee_fen === Number(posting.fee_fen) ? [] : [{ invariant: 'I-27 a fee is not what was agreed', rows: [{ ...posting, agreed_fen: fee_fen }] }];
  });
}

function charge(posting: Posted, agreed: readonly AgreedPrice[], volumes: Map<AgreedPrice, number>, taken: Map<string, Taken>): number {
  const amount_fen = Number(posting.amount_fen);
  const price = agreed
    .filter(
      ({ channel, method, from_ms }) =>
        from_ms <= posting.fact_at.getTime() && [undefined, posting.channel].includes(channel) && [undefined, posting.method].includes(method),
    )
    .sort((one, other) => weightOf(one) - weightOf(other) || one.from_ms - other.from_ms)
    .at(-1);
  const before_fen = (price && volumes.get(price)) ?? 0;
  if (price) volumes.set(price, before_fen + amount_fen);
  const fee_fen = price ? feeOf(price.terms, amount_fen, before_fen) : 0;
  taken.set(posting.attempt_id, { amount_fen, fee_fen, terms: price?.terms, refunded_fen: 0, returned_fen: 0 });
  return fee_fen;
}

/** A method says more than a channel, and a channel more than nothing. */
const weightOf = ({ channel, method }: AgreedPrice): number => (method ? 2 : 0) + (channel ? 1 : 0);

function feeOf({ rounding, tiers }: AgreedPrice['terms'], amount_fen: number, before_fen: number): number {
  const { rate_ppm, per_item_fen, min_fen, max_fen } = tiers.filter(({ from_fen }) => from_fen <= before_fen).at(-1) as Tier;
  const usual = rounded(amount_fen * rate_ppm, 1_000_000, rounding) + per_item_fen;
  return Math.min(amount_fen, Math.max(min_fen, Math.min(usual, max_fen ?? usual)));
}

/** In proportion to all that went back so far, so that what many small refunds return is what one would. */
function giveBack(posting: Posted, taken: ReadonlyMap<string, Taken>): number | undefined {
  const of = taken.get(posting.attempt_id);
  if (!of) return undefined;
  of.refunded_fen += Number(posting.amount_fen);
  if (of.terms?.refund !== 'returned') return 0;
  const all_fen = of.refunded_fen >= of.amount_fen ? of.fee_fen : rounded(of.fee_fen * of.refunded_fen, of.amount_fen, of.terms.rounding);
  const fee_fen = Math.max(0, all_fen - of.returned_fen);
  of.returned_fen += fee_fen;
  return fee_fen;
}

/** Whole numbers this small are exact. */
function rounded(numerator: number, denominator: number, rounding: Rounding): number {
  const rest = numerator % denominator;
  const whole = (numerator - rest) / denominator;
  const up = {
    down: false,
    up: rest > 0,
    half_up: rest * 2 >= denominator,
    half_even: rest * 2 > denominator || (rest * 2 === denominator && whole % 2 === 1),
  };
  return up[rounding] ? whole + 1 : whole;
}
