import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { RefusalError } from '../../kernel/refusal.ts';
import { projectBatch } from '../../ledger/projection/service.ts';
import { priceBooks, setPrice } from '../../pricing/service.ts';
import { aShop } from '../../recon/testing/shop.ts';
import { aWorld, type World } from '../../testing/world.ts';
import { marginOf } from './margin.ts';
import { readMargins } from './service.ts';

let world: World;
before(async () => {
  world = await aWorld();
});
after(() => world.close());

describe('the margin of a merchant', () => {
  it('is its price less what the channel kept by its bill, and says when a bill is missing', async () => {
    const owner = { merchant_id: world.merchant.id, livemode: false };
    await setPrice(world.ctx, { ...owner, terms: { tiers: [{ rate_ppm: 8_000 }] } });
    // Channels tell whole seconds: what is paid in the second of the price was paid before it.
    world.clock.advance(60_000);
    const shop = aShop(world, 'wechatpay');
    const day = shop.today();
    for (const amount_fen of [10_000, 5_000]) await shop.pay({ amount_fen });
    const period = { ...owner, from: day, through: day };
    const turn = { after: '' };
    await world.until(async () => {
      await projectBatch(world.ctx, priceBooks, { turn, books_max: 10, events_max: 100 });
      return (await readMargins(world.ctx, period))[0]?.service_fee_fen === 120n;
    });
    const [before_bill] = await readMargins(world.ctx, period);
    assert.equal(before_bill?.channel_fee_fen, 0n);
    await shop.billDay(day);
    const shown = (await readMargins(world.ctx, period)).map(({ channel, service_fee_fen, channel_fee_fen, margin_fen, complete }) => [
      channel,
      service_fee_fen,
      channel_fee_fen,
      margin_fen,
      complete,
    ]);
    assert.deepEqual(shown, [['wechatpay', 120n, 90n, 30n, true]]);

    const read = async (query: string, key = world.key) => await world.api('GET', `/v1/margins?${query}`, { key });
    const days = `from=${day}&through=${day}`;
    const channel_account_id = shop.dayOf(day).channel_account_id;
    const margin = { object: 'margin', livemode: false, channel: 'wechatpay', channel_account_id, service_fee_fen: 120, channel_fee_fen: 90, margin_fen: 30 };
    assert.deepEqual((await read(days)).body, { data: [{ ...margin, complete: true }] });
    const other = await world.newMerchant('邻店');
    for (const key of [other.key, await world.newKey(world.merchant.id, true, ['ledger:read'])]) assert.deepEqual((await read(days, key)).body, { data: [] });
    const refused = async (query: string, key?: string) => {
      const { status, body } = await read(query, key);
      return [status, body.error.code, body.error.param];
    };
    assert.deepEqual((await refused(days, await world.newKey(world.merchant.id, false, ['statements:read']))).slice(0, 2), [403, 'scope_missing']);
    assert.deepEqual(await refused(`from=${day}&through=2025-01-01`), [422, 'statement_period_invalid', 'through']);
    assert.deepEqual((await refused(`from=${day}`)).slice(1), ['parameter_missing', 'through']);
  });

  it('is not that of another merchant or mode', async () => {
    const { merchant } = await world.newMerchant('第二家');
    const day = '2026-11-22';
    assert.deepEqual(await readMargins(world.ctx, { merchant_id: merchant.id, livemode: false, from: day, through: day }), []);
    assert.deepEqual(await readMargins(world.ctx, { merchant_id: world.merchant.id, livemode: true, from: day, through: day }), []);
  });

  it('may be below zero, and is not complete while a bill is missing', () => {
    const row = { channel: 'c', channel_account_id: 'acc', service_fee_fen: 5n, channel_fee_millifen: 6_500n, days_without_bill: 1n };
    const { channel_fee_fen, margin_fen, complete } = marginOf(row);
    assert.deepEqual([channel_fee_fen, margin_fen, complete], [7n, -2n, false]);
  });

  for (const [from, through] of [
    ['2026-11-22', '2026-11-21'],
    ['2026-02-30', '2026-03-01'],
    ['2024-01-01', '2026-01-01'],
  ] as const)
    it(`refuses ${from} to ${through}`, () =>
      assert.rejects(readMargins(world.ctx, { merchant_id: world.merchant.id, livemode: false, from, through }), (error) => error instanceof RefusalError));
});
