import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { roundings } from '../kernel/rounding.ts';
import { addMs } from '../kernel/time.ts';
import { projectBatch } from '../ledger/projection/service.ts';
import { replayBook } from '../ledger/replay/service.ts';
import { listPostings } from '../ledger/service.ts';
import { commitEvents, newStory, paid, refunded, type Story } from '../ledger/testing/events.ts';
import { createMerchant } from '../merchants/service.ts';
import { type TestCtx, testCtx } from '../testing/ctx.ts';
import { brokenOf } from '../testing/invariants.ts';
import { refusedWith } from '../testing/refusals.ts';
import { createTestRng } from '../testing/rng.ts';
import { readTerms, writeTerms } from './price-rule.ts';
import { listPrices, priceBooks, priceFromStart, setPrice } from './service.ts';

let test: TestCtx;
const rng = createTestRng('pricing');
before(async () => {
  test = await testCtx();
});
after(() => test.close());

const simple = (rate_ppm: number, more: object = {}) => ({ tiers: [{ rate_ppm }], ...more });

/** A merchant with events of its own. */
async function aShop(livemode = true): Promise<Story> {
  const { id } = await createMerchant(test.ctx, { name: '茶馆' });
  return { ...newStory(rng, test.clock.now(), livemode), merchant_id: id };
}
async function feesOf(story: Story): Promise<number[]> {
  await commitEvents(test.ctx, story);
  const turn = { after: '' };
  while ((await projectBatch(test.ctx, priceBooks, { turn, books_max: 10, events_max: 3 })) !== 'nothing');
  const replay = await replayBook(test.ctx, priceFromStart, story);
  assert.deepEqual([replay.difference_count, replay.differences], [0, []]);
  assert.deepEqual(await brokenOf(test.ctx, 'I-27'), []);
  const postings = await listPostings(test.ctx, { merchant_id: story.merchant_id, livemode: story.livemode, limit: 100 });
  return postings.toSorted((a, b) => Number(a.no - b.no)).map(({ fee_fen }) => Number(fee_fen));
}

describe('terms', () => {
  it('are read as they are written', () => {
    const terms = {
      rounding: 'half_even',
      refund: 'kept',
      tiers: [
        { from_fen: 0, rate_ppm: 6_000, per_item_fen: 5, min_fen: 8, max_fen: 3_000 },
        { from_fen: 1_000, rate_ppm: 1, per_item_fen: 0, min_fen: 0, max_fen: null },
      ],
    };
    const price = readTerms(terms);
    assert.ok(!('refused' in price));
    assert.deepEqual(writeTerms(price), terms);
  });

  for (const [param, terms] of [
    ['terms', null],
    ['terms', '0.6%'],
    ['terms.rate', { rate: 1, tiers: [{}] }],
    ['terms.rounding', simple(1, { rounding: 'nearest' })],
    ['terms.refund', simple(1, { refund: 'half' })],
    ['terms.tiers', { tiers: [] }],
    ['terms.tiers', { tiers: Array.from({ length: 21 }, (_, at) => ({ from_fen: at })) }],
    ['terms.tiers[0]', { tiers: [7] }],
    ['terms.tiers[0].fee', { tiers: [{ fee: 1 }] }],
    ['terms.tiers[0].rate_ppm', simple(1_000_001)],
    ['terms.tiers[0].rate_ppm', simple(0.5)],
    ['terms.tiers[0].rate_ppm', simple(-1)],
    ['terms.tiers[0].rate_ppm', { tiers: [{ rate_ppm: '6000' }] }],
    ['terms.tiers[0].min_fen', { tiers: [{ min_fen: 1.5 }] }],
    ['terms.tiers[0].max_fen', { tiers: [{ min_fen: 10, max_fen: 9 }] }],
    ['terms.tiers[0].from_fen', { tiers: [{ from_fen: 1 }] }],
    ['terms.tiers[1].from_fen', { tiers: [{}, { from_fen: 0 }] }],
  ] as const) {
    it(`names ${param} in ${JSON.stringify(terms).slice(0, 60)}`, () => {
      const read = readTerms(terms);
      assert.ok('refused' in read && read.param === param, JSON.stringify(read));
    });
  }
});

describe('a price', () => {
  it('is not set for a past time, for nobody, for a channel or method that there is not, or twice from the same time', async () => {
    const { merchant_id } = await aShop();
    const set = (fields: object) => setPrice(test.ctx, { merchant_id, livemode: true, terms: simple(6_000), ...fields });
    await assert.rejects(set({ effective_from: addMs(test.clock.now(), -1) }), refusedWith({ param: 'effective_from' }));
    await assert.rejects(set({ merchant_id: 'mer_x' }), refusedWith({ param: 'merchant_id' }));
    await assert.rejects(set({ channel: 'no_channel' }), refusedWith({ param: 'channel' }));
    await assert.rejects(set({ method: 'constructor' }), refusedWith({ param: 'method' }));
    await set({});
    await assert.rejects(set({}), refusedWith({ param: 'effective_from' }));
    assert.equal((await listPrices(test.ctx, merchant_id)).length, 1);
  });

  it('holds from its time on, the one that says most about a payment first, and refunds take their part along', async () => {
    const story = await aShop();
    const { merchant_id } = story;
    const now = test.clock.now();
    await setPrice(test.ctx, { merchant_id, livemode: true, terms: simple(10_000) });
    await setPrice(test.ctx, { merchant_id, livemode: true, method: 'wechat_qr', terms: simple(6_000), effective_from: addMs(now, 60_000) });
    await setPrice(test.ctx, { merchant_id, livemode: false, method: 'wechat_qr', terms: simple(500_000) });
    const first = paid(story, rng, { amount_fen: 10_000, at: addMs(now, 1) });
    const second = paid(story, rng, { amount_fen: 10_000, at: addMs(now, 60_000) });
    refunded(story, rng, first, { amount_fen: 5_000, at: addMs(now, 70_000) });
    refunded(story, rng, second, { amount_fen: 10_000, at: addMs(now, 80_000) });
    assert.deepEqual(await feesOf(story), [100, 60, 50, 60]);
  });

  it('charges nothing where none was set, and nothing before it began', async () => {
    const story = await aShop();
    paid(story, rng, { amount_fen: 10_000, at: addMs(test.clock.now(), -1) });
    await setPrice(test.ctx, { merchant_id: story.merchant_id, livemode: true, terms: simple(10_000) });
    assert.deepEqual(await feesOf(story), [0]);
  });

  it('falls with the volume of the month, across batches, and begins anew with the next month', async () => {
    const story = await aShop();
    const tiers = [{ rate_ppm: 10_000 }, { from_fen: 25_000, rate_ppm: 5_000 }];
    await setPrice(test.ctx, { merchant_id: story.merchant_id, livemode: true, terms: { tiers } });
    const now = test.clock.now();
    for (let at = 0; at < 5; at++) paid(story, rng, { amount_fen: 10_000, at: addMs(now, at) });
    paid(story, rng, { amount_fen: 10_000, at: addMs(now, 20 * 86_400_000) });
    assert.deepEqual(await feesOf(story), [100, 100, 100, 50, 50, 100]);
  });

  it('I-27 is what it is computed to a second time, by SQL, under every rounding, floor, cap and tier, refunds included', async () => {
    for (const [nth, rounding] of roundings.entries()) {
      const story = await aShop();
      const now = test.clock.now();
      const tiers = [{ rate_ppm: 3_333, per_item_fen: 1, min_fen: 3, max_fen: 40 }, { from_fen: 20_000, rate_ppm: 5_000 }, { from_fen: 30_000 }];
      await setPrice(test.ctx, { merchant_id: story.merchant_id, livemode: true, terms: { rounding, refund: nth === 3 ? 'kept' : 'returned', tiers } });
      const amounts = [1, 2, 999, 1_500, 4_500, 13_333, 100, 300, 700, 10_000, 5_000];
      const payments = amounts.map((amount_fen, at) => paid(story, rng, { amount_fen, at: addMs(now, at) }));
      for (const [at, payment] of payments.entries()) {
        const part = Math.ceil(payment.amount_fen / 3);
        refunded(story, rng, payment, { amount_fen: part, at: addMs(now, 1_000 + at) });
        if (payment.amount_fen > 2 * part) refunded(story, rng, payment, { amount_fen: payment.amount_fen - 2 * part, at: addMs(now, 2_000 + at) });
      }
      const fees = await feesOf(story);
      // One fen, floor, floor, 5 and 6 with one for the item, cap; then 0.5, 1.5 and 3.5 fen as they are rounded.
      const rounded = { half_up: [6, 16, 1, 2, 4], half_even: [6, 16, 0, 2, 4], down: [5, 15, 0, 1, 3], up: [6, 16, 1, 2, 4] }[rounding];
      assert.deepEqual(fees.slice(0, amounts.length), [1, 2, rounding === 'up' ? 5 : 4, ...rounded.slice(0, 2), 40, ...rounded.slice(2), 50, 0], rounding);
    }
  });
});
