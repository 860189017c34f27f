import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { App } from '../../app.ts';
import { channels } from '../../channels/registry.ts';
import { simulators } from '../../channels/simulators.ts';
import { brokenOf } from '../../testing/invariants.ts';
import { aWorld, type World } from '../../testing/world.ts';
import { newShop } from '../testing/shop.ts';
import { passTime, passTimeUntil } from '../testing/time.ts';
import { pursueAttempt } from './service.ts';

/** A channel that has no close: its orders end by their time alone. */
const method = 'unionpay_qr';

let world: World;
before(async () => {
  world = await aWorld({ simulators: simulators.filter(({ channel }) => channel === 'unionpay') });
});
after(() => world.close());

describe('an order that only time ends', () => {
  it('is of a channel without a close', () => assert.equal(channels.get('unionpay')?.close, undefined));

  it('is being closed until then, closed after it, and no one is called', async () => {
    const shop = await newShop(world);
    const payment = await shop.create({ method, expires_in_s: 1200 });
    const asked = await shop.post(`/v1/payments/${payment.id}/close`, {});
    assert.deepEqual([asked.status, asked.body.state, asked.body.closing], [200, 'pending', true]);
    await passTime(world, 900_000, { step_ms: 5_000 });
    assert.equal((await shop.retrieve(payment.id)).state, 'pending');
    assert.deepEqual(await shop.anomalies(payment.id), []);
    await passTimeUntil(world, async () => (await shop.retrieve(payment.id)).state === 'closed', { step_ms: 5_000, virtual_ms: 3_600_000 });
    const closed = await shop.retrieve(payment.id);
    assert.deepEqual([closed.closed_reason, closed.attempt.state], ['cancelled', 'closed']);
    assert.equal(await shop.pay(payment), false);
    assert.deepEqual(await shop.anomalies(payment.id), []);
  });

  it('I-08 is not closed by what was said before its time, however late a node comes to read it', async () => {
    const shop = await newShop(world);
    const payment = await shop.create({ method, expires_in_s: 600 });
    await shop.post(`/v1/payments/${payment.id}/close`, {});
    const { ctx } = world.nodes[0] as App;
    let asked_at = world.clock.now();
    // It stands still from the answer on until the time of the order is over.
    const query: typeof ctx.channels.query = async (...order) => {
      const said = await ctx.channels.query(...order);
      asked_at = world.clock.now();
      world.clock.advance(900_000);
      return said;
    };
    await world.flow(pursueAttempt({ ...ctx, channels: { ...ctx.channels, query } }, shop.merchant.id, payment.attempt.id));
    await passTimeUntil(world, async () => (await shop.retrieve(payment.id)).state === 'closed', { step_ms: 5_000, virtual_ms: 3_600_000 });
    assert.ok(asked_at < new Date(payment.expires_at));
    assert.deepEqual(await brokenOf(world.ctx, 'I-08'), []);
  });

  it('is paid when the payer was faster, and the merchant hears of it', async () => {
    const shop = await newShop(world);
    const payment = await shop.create({ method });
    await shop.post(`/v1/payments/${payment.id}/close`, {});
    assert.ok(await shop.pay(payment));
    const paid = await shop.reaches(payment.id, 'paid');
    assert.equal(paid.paid_fen, 100);
    assert.ok((await shop.events(payment.id)).includes('payment.paid'));
  });

  it('CF-19 that is paid after its time goes back by the merchant’s policy', async () => {
    const shop = await newShop(world);
    const payment = await shop.create({ method, expires_in_s: 60 });
    await passTimeUntil(world, async () => (await shop.retrieve(payment.id)).state === 'closed', { step_ms: 2_000 });
    assert.ok(await shop.pay(payment, true));
    await passTimeUntil(world, async () => (await shop.refundsOf(payment.id)).some(({ state }) => state === 'succeeded'), { step_ms: 2_000 });
    assert.deepEqual(shop.truth(payment), { charges: 1, returned_fen: 100 });
  });
});
