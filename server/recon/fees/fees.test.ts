import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { sql } from 'kysely';
import type { Fen } from '../../kernel/money.ts';
import { roundings } from '../../kernel/rounding.ts';
import { refusedWith } from '../../testing/refusals.ts';
import { aWorld, type World } from '../../testing/world.ts';
import { reconcileDay } from '../days/service.ts';
import { aShop, type Shop } from '../testing/shop.ts';
import { type Charged, expectedFee, type FeeRounding, flatFee, readFeeTerms } from './fee.ts';
import { agreedFee, agreeFeeRate, agreeFeeTerms } from './service.ts';
import { expectedFeeSql } from './store.ts';

const feeOf = (terms: object) => {
  const fee = readFeeTerms({ tiers: [{ rate_ppm: 6000 }], ...terms });
  if ('refused' in fee) assert.fail(JSON.stringify(fee));
  return fee;
};
const paid = (amount_fen: bigint): Charged => ({ direction: 'in', amount_fen: amount_fen as Fen, paid_fen: null });
const refunded = (amount_fen: bigint, paid_fen: bigint | null): Charged => ({
  direction: 'out',
  amount_fen: amount_fen as Fen,
  paid_fen: paid_fen as Fen | null,
});

describe('what a channel should have charged', () => {
  const cases: readonly (readonly [name: string, terms: object, of: Charged, rounding: FeeRounding, millifen: bigint | undefined])[] = [
    ['half a fen goes up, line by line', {}, paid(750n), 'line', 5000n],
    ['and stays half a fen where the day is rounded as a whole', {}, paid(750n), 'batch', 4500n],
    ['half a fen goes to the even one', { rounding: 'half_even' }, paid(750n), 'line', 4000n],
    ['or down', { rounding: 'down' }, paid(750n), 'line', 4000n],
    ['any rest goes up', { rounding: 'up' }, paid(667n), 'line', 5000n],
    ['a floor', { tiers: [{ rate_ppm: 6000, min_fen: 8 }] }, paid(750n), 'line', 8000n],
    ['a floor in a batch', { tiers: [{ rate_ppm: 6000, min_fen: 8 }] }, paid(750n), 'batch', 8000n],
    ['a floor is no more than the payment', { tiers: [{ rate_ppm: 6000, min_fen: 8 }] }, paid(3n), 'batch', 3000n],
    ['a cap', { tiers: [{ rate_ppm: 6000, max_fen: 2500 }] }, paid(1_000_000n), 'line', 2_500_000n],
    ['so much for each payment', { tiers: [{ rate_ppm: 6000, per_item_fen: 10 }] }, paid(750n), 'batch', 14_500n],
    ['a refund gives back the rate of its own amount', {}, refunded(750n, null), 'line', -5000n],
    ['of a capped fee a share of what the payment cost', { tiers: [{ rate_ppm: 6000, max_fen: 2500 }] }, refunded(250_000n, 1_000_000n), 'line', -625_000n],
    ['of half a fen of that share, up', { tiers: [{ rate_ppm: 6000, max_fen: 5 }] }, refunded(500n, 1_000n), 'line', -3000n],
    ['or as it is', { tiers: [{ rate_ppm: 6000, max_fen: 5 }] }, refunded(500n, 1_000n), 'batch', -2500n],
    ['nothing where fees are kept', { refund: 'kept', tiers: [{ rate_ppm: 6000, max_fen: 5 }] }, refunded(500n, 1_000n), 'line', 0n],
    ['and of a payment that is not known nobody can say', { tiers: [{ rate_ppm: 6000, max_fen: 5 }] }, refunded(500n, null), 'line', undefined],
  ];
  for (const [name, terms, of, rounding, millifen] of cases) it(name, () => assert.equal(expectedFee(feeOf(terms), of, rounding), millifen));

  it('takes one tier, and names what is wrong', () => {
    const two = readFeeTerms({ tiers: [{ rate_ppm: 6000 }, { from_fen: 100, rate_ppm: 5000 }] });
    assert.ok('refused' in two && two.param === 'terms.tiers');
    const cap = readFeeTerms({ tiers: [{ rate_ppm: 6000, min_fen: 9, max_fen: 8 }] });
    assert.ok('refused' in cap && cap.param === 'terms.tiers[0].max_fen');
  });
});

describe('the agreed fee of an account', () => {
  let world: World;
  let shop: Shop;
  before(async () => {
    world = await aWorld();
    shop = aShop(world, 'wechatpay');
  });
  after(() => world.close());

  it('property: the database says of every line what the rules say', async () => {
    const small = fc.integer({ min: 0, max: 3_000 });
    // Multiples of half a yuan meet half a fen at these rates.
    const amount = fc.oneof(
      small,
      fc.integer({ min: 0, max: 100 }).map((n) => n * 50),
      fc.integer({ min: 0, max: 10_000_000_000 }),
    );
    const often = <T>(usual: T, other: fc.Arbitrary<T>) => fc.oneof({ arbitrary: fc.constant(usual), weight: 2 }, { arbitrary: other, weight: 1 });
    const terms = fc.record({
      rounding: fc.constantFrom(...roundings),
      refund: fc.constantFrom('returned', 'kept'),
      tier: fc.record({
        rate_ppm: fc.oneof(fc.constantFrom(5000, 6000, 250_000, 500_000), fc.integer({ min: 0, max: 1_000_000 })),
        per_item_fen: often(0, small),
        min_fen: often(0, small),
        over: often<number | null>(null, small),
      }),
      rows: fc.array(fc.record({ direction: fc.constantFrom('in' as const, 'out' as const), amount, more: often<number | null>(null, amount) }), {
        minLength: 1,
        maxLength: 40,
      }),
    });
    await fc.assert(
      fc.asyncProperty(terms, fc.constantFrom('line' as const, 'batch' as const), async ({ rounding, refund, tier: { over, ...tier }, rows }, mode) => {
        const fee = feeOf({ rounding, refund, tiers: [{ ...tier, max_fen: over === null ? null : tier.min_fen + over }] });
        const charged = rows.map(
          (row): Charged => ({
            direction: row.direction,
            amount_fen: BigInt(row.amount) as Fen,
            paid_fen: row.more === null ? null : (BigInt(row.amount + row.more) as Fen),
          }),
        );
        const { rows: said } = await sql<{ fee: bigint | null }>`select ${expectedFeeSql(fee, mode)} as fee from
          (select *, ${tier.rate_ppm}::bigint as rate_ppm from unnest(${charged.map((each) => each.direction)}::text[], ${charged.map((each) => each.amount_fen)}::bigint[],
            ${charged.map((each) => each.paid_fen)}::bigint[]) with ordinality as x (direction, amount_fen, paid_fen, n)) l order by n`.execute(
          world.ctx.db.kysely,
        );
        assert.deepEqual(
          said.map((row) => (row.fee === null ? undefined : BigInt(row.fee))),
          charged.map((each) => expectedFee(fee, each, mode)),
        );
      }),
      { numRuns: 400, seed: 20261123 },
    );
  });

  it('with a floor finds what is below it, refunds by their share of it, and is a rate again when it is told so', async () => {
    const day = shop.dayOf(shop.today());
    assert.equal(await agreedFee(shop.ctx, day), null);
    const terms = { tiers: [{ rate_ppm: 6000, min_fen: 10 }] };
    await agreeFeeTerms(shop.ctx, day, terms, 'ann');
    assert.deepEqual(await agreedFee(shop.ctx, day), feeOf(terms));
    await assert.rejects(agreeFeeTerms(shop.ctx, day, { tiers: [{ rate_ppm: 6000, floor: 1 }] }), refusedWith({ param: 'terms.tiers[0].floor' }));
    // The gateway keeps 0.60 % and nothing else: 12 fen of the first, 6 of the second.
    const above = await shop.pay({ amount_fen: 2000 });
    const below = await shop.pay({ amount_fen: 1000 });
    await shop.refund(above, 1000);
    await shop.refund(below, 500);
    await shop.billDay(day.biz_date);
    const found = async () =>
      (await shop.exceptions({ state: 'open' }))
        .map(({ kind, detail }) => [kind, detail.expected_millifen, detail.received_millifen, detail.min_fen])
        .toSorted();
    assert.deepEqual(await found(), [
      ['fee_mismatch', '-5000', '-3000', '10'],
      ['fee_mismatch', '10000', '6000', '10'],
    ]);
    await agreeFeeRate(shop.ctx, day, 6000, 'ann');
    assert.deepEqual(await agreedFee(shop.ctx, day), flatFee(6000));
    await world.flow(reconcileDay(shop.ctx, day));
    assert.deepEqual(await found(), []);
  });
});
