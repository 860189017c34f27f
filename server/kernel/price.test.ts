import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { amount_fen_max } from './limits.ts';
import { type Fen, toFen, ZERO } from './money.ts';
import { feeOf, type Price, returnedFee, type Tier } from './price.ts';
import { divideRounded, roundings } from './rounding.ts';

const fen = (least: number, most: number) => fc.bigInt(BigInt(least), BigInt(most)).map((value) => value as Fen);
const amounts = fen(1, amount_fen_max);
const tier = (fields: Partial<Tier> = {}): Tier => ({ from_fen: ZERO, rate_ppm: 0, per_item_fen: ZERO, min_fen: ZERO, max_fen: null, ...fields });
const price = (fields: Partial<Tier> = {}, of: Partial<Price> = {}): Price => ({ rounding: 'half_up', tiers: [tier(fields)], refund: 'returned', ...of });
const rounding = fc.constantFrom(...roundings);
const tiers = fc.record({
  from_fen: fc.constant(ZERO),
  rate_ppm: fc.integer({ min: 0, max: 1_000_000 }),
  per_item_fen: fen(0, 1_000),
  min_fen: fen(0, 1_000),
  max_fen: fc.option(fen(1_000, 1_000_000)),
});
const prices = fc.record({ rounding, refund: fc.constant('returned' as const), tiers: fc.tuple(tiers) });

describe('rounding', () => {
  const cases: readonly (readonly [numerator: bigint, denominator: bigint, half_up: bigint, half_even: bigint, down: bigint, up: bigint])[] = [
    [5n, 10n, 1n, 0n, 0n, 1n],
    [15n, 10n, 2n, 2n, 1n, 2n],
    [25n, 10n, 3n, 2n, 2n, 3n],
    [24n, 10n, 2n, 2n, 2n, 3n],
    [26n, 10n, 3n, 3n, 2n, 3n],
    [20n, 10n, 2n, 2n, 2n, 2n],
    [0n, 7n, 0n, 0n, 0n, 0n],
    [-25n, 10n, -3n, -2n, -2n, -3n],
  ];
  for (const [numerator, denominator, ...expected] of cases) {
    it(`${numerator}/${denominator} is ${expected.join(', ')}`, () =>
      assert.deepEqual(
        roundings.map((each) => divideRounded(numerator, denominator, each)),
        expected,
      ));
  }

  it('is never a whole unit away, and the near ones never more than half', () => {
    fc.assert(
      fc.property(fc.bigInt(-(10n ** 20n), 10n ** 20n), fc.bigInt(1n, 10n ** 12n), rounding, (numerator, denominator, how) => {
        const away = divideRounded(numerator, denominator, how) * denominator - numerator;
        const size = away < 0n ? -away : away;
        assert.ok(how.startsWith('half') ? size * 2n <= denominator : size < denominator);
      }),
    );
  });
});

describe('the fee of a payment', () => {
  const cases: readonly (readonly [what: string, of: Price, amount: number, fee: number])[] = [
    ['0.6 % of 100.00', price({ rate_ppm: 6_000 }), 10_000, 60],
    ['0.6 % of 0.83, which is less than half a fen', price({ rate_ppm: 6_000 }), 83, 0],
    ['0.6 % of 0.84', price({ rate_ppm: 6_000 }), 84, 1],
    ['0.5 % of 1.00 is half a fen, which goes up', price({ rate_ppm: 5_000 }), 100, 1],
    ['0.45 % of 30.00 is half a fen in numbers, and less in floats', price({ rate_ppm: 4_500 }), 3_000, 14],
    ['and to the even one where that is the rule', price({ rate_ppm: 5_000 }, { rounding: 'half_even' }), 100, 0],
    ['what each item costs, on top', price({ rate_ppm: 6_000, per_item_fen: toFen(10) }), 10_000, 70],
    ['no less than the floor', price({ rate_ppm: 6_000, min_fen: toFen(8) }), 100, 8],
    ['no more than the cap', price({ rate_ppm: 6_000, max_fen: toFen(2_000) }), 1_000_000, 2_000],
    ['never more than the payment', price({ min_fen: toFen(8) }), 5, 5],
    ['nothing at no price', price(), 10_000, 0],
  ];
  for (const [what, of, amount, fee] of cases) it(`${what}: ${fee}`, () => assert.equal(feeOf(of, toFen(amount)), toFen(fee)));

  it('has the terms of the tier that the month had reached before it', () => {
    const by_volume: Price = {
      ...price(),
      tiers: [tier({ rate_ppm: 6_000 }), tier({ from_fen: toFen(1_000_000), rate_ppm: 3_800 }), tier({ from_fen: toFen(5_000_000), rate_ppm: 2_000 })],
    };
    const fees = [0, 999_999, 1_000_000, 4_999_999, 5_000_000, 9_000_000].map((volume) => feeOf(by_volume, toFen(10_000), toFen(volume)));
    assert.deepEqual(fees, [60, 60, 38, 38, 20, 20].map(toFen));
  });

  it('I-27 is the same in rational numbers, and within floor, cap and payment', () => {
    fc.assert(
      fc.property(prices, amounts, (of, amount) => {
        const { rate_ppm, per_item_fen, min_fen, max_fen } = of.tiers[0];
        const fee = feeOf(of, amount);
        assert.ok(fee >= 0n && fee <= amount);
        // A second way to the same: the fee is right when the exact one, in millionths, is as near as the rounding promises.
        const exact = amount * BigInt(rate_ppm) + per_item_fen * 1_000_000n;
        const within = (value: bigint) => value - exact <= 1_000_000n && exact - value <= 1_000_000n;
        assert.ok(within(fee * 1_000_000n) || fee === min_fen || fee === max_fen || fee === amount);
      }),
    );
  });

  it('I-27 between two fen that are as near, it is the one that the rounding names', () => {
    const odd = (max: number) => fc.integer({ min: 0, max }).map((half) => 2 * half + 1);
    fc.assert(
      fc.property(odd(900), odd(1_000_000), (of_rate, of_amount) => {
        const halves = BigInt(of_rate) * BigInt(of_amount);
        const [below, above] = [halves / 2n, halves / 2n + 1n];
        const fees = roundings.map((how) => feeOf(price({ rate_ppm: 500 * of_rate }, { rounding: how }), toFen(1_000 * of_amount)));
        const even = below % 2n === 0n ? below : above;
        assert.deepEqual(fees, [above, even, below, above], roundings.join());
      }),
    );
  });

  it('never falls when the payment grows', () => {
    fc.assert(fc.property(prices, amounts, amounts, (of, a, b) => assert.ok(a <= b ? feeOf(of, a) <= feeOf(of, b) : feeOf(of, b) <= feeOf(of, a))));
  });

  it('I-27 K-03 of many payments is at most a fen each away from that of their sum', () => {
    fc.assert(
      fc.property(rounding, fc.integer({ min: 0, max: 100_000 }), fc.array(fen(1, 1_000_000), { minLength: 1, maxLength: 200 }), (how, rate_ppm, each) => {
        const of = price({ rate_ppm }, { rounding: how });
        const sum = each.reduce((total, amount) => total + amount, 0n) as Fen;
        const apart = each.reduce((total, amount) => total + feeOf(of, amount), 0n) - feeOf(of, sum);
        assert.ok(apart <= BigInt(each.length) && -apart <= BigInt(each.length));
      }),
    );
  });
});

describe('the fee that goes back with a refund', () => {
  const refundAll = (of: Price, amount: Fen, fee: Fen, refunds: readonly Fen[]): Fen[] => {
    let taken = { amount_fen: amount, fee_fen: fee, refunded_fen: ZERO, returned_fen: ZERO };
    return refunds.map((refund) => {
      const back = returnedFee(of, taken, refund);
      taken = { ...taken, refunded_fen: (taken.refunded_fen + refund) as Fen, returned_fen: (taken.returned_fen + back) as Fen };
      return back;
    });
  };

  it('is in proportion, and nothing where the price keeps it', () => {
    assert.deepEqual(refundAll(price(), toFen(10_000), toFen(60), [2_500, 2_500, 5_000].map(toFen)), [15, 15, 30].map(toFen));
    assert.deepEqual(refundAll(price({}, { refund: 'kept' }), toFen(10_000), toFen(60), [toFen(10_000)]), [ZERO]);
  });

  it('I-27 K-03 is never more than was taken, and all of it once all money is back, in whatever pieces', () => {
    const parts = fc.array(fen(1, 100_000), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(prices, parts, fen(0, 100_000), (of, refunds, left) => {
        const refunded = refunds.reduce((total, each) => total + each, 0n);
        const amount = (refunded + left) as Fen;
        const fee = feeOf(of, amount);
        const back = refundAll(of, amount, fee, refunds);
        const returned = back.reduce((total, each) => total + each, 0n);
        assert.ok(back.every((each) => each >= 0n) && returned <= fee);
        if (left === 0n) assert.equal(returned, fee);
      }),
    );
  });
});
