import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { simulators } from '../../channels/simulators.ts';
import { aWorld, type World } from '../../testing/world.ts';
import { newShop, type Shop, type ShownPayment } from '../testing/shop.ts';
import { passTime, passTimeUntil } from '../testing/time.ts';

/** Its notifications are not signed: they name an order, and Heliu asks. It publishes no bill that would show what was missed. */
const channel = 'shouqianba';

let world: World;
before(async () => {
  world = await aWorld({ simulators: simulators.filter((each) => each.channel === channel) });
});
after(() => world.close());

/** A payment whose code has ended at the gateway, unpaid. */
async function ended(shop: Shop): Promise<ShownPayment> {
  const payment = await shop.create({ method: 'wechat_qr', expires_in_s: 60 });
  await passTimeUntil(world, async () => (await shop.retrieve(payment.id)).state === 'closed', { step_ms: 5_000 });
  assert.equal((await shop.retrieve(payment.id)).attempt.state, 'closed');
  return payment;
}

const wentBack = (shop: Shop, payment: ShownPayment) => async () =>
  (await shop.refundsOf(payment.id)).map(({ cause, state }) => `${cause} ${state}`).join() === 'late succeeded';

describe('a notification that only says "ask me"', () => {
  it('CF-19 of an order that is closed has the gateway asked: money that came after all goes back', async () => {
    const shop = await newShop(world);
    const payment = await ended(shop);
    assert.ok(await shop.pay(payment, true));
    await passTimeUntil(world, wentBack(shop, payment), { step_ms: 5_000 });
    assert.deepEqual(shop.truth(payment), { charges: 1, returned_fen: 100 });
    assert.ok((await shop.events(payment.id)).includes('payment.late_received'));
  });

  it('CF-19 CF-05 is not acknowledged before the gateway has answered, and comes again', async () => {
    const shop = await newShop(world);
    const payment = await ended(shop);
    world.inject(channel, { kind: 'server_error', on: 'query', times: 2 });
    assert.ok(await shop.pay(payment, true));
    await passTimeUntil(world, wentBack(shop, payment), { step_ms: 5_000 });
    assert.deepEqual(shop.truth(payment), { charges: 1, returned_fen: 100 });
  });

  it('B-18 of an order that is closed has the gateway asked once in a while, however many come', async () => {
    const shop = await newShop(world);
    const payment = await ended(shop);
    const url = `${world.ctx.config.public_url}/notify/${channel}/${shop.accounts.get(channel)}`;
    const body = JSON.stringify({ client_sn: payment.attempt.channel_order_no });
    const before = world.asked.filter((each) => each.includes('/query')).length;
    for (let nth = 0; nth < 20; nth++) await world.flow(fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body }));
    assert.equal(world.asked.filter((each) => each.includes('/query')).length - before, 1);
    assert.equal((await shop.retrieve(payment.id)).state, 'closed');
    // Who pays just then is heard of by a message that comes again.
    assert.ok(await shop.pay(payment, true));
    await passTime(world, 60_000, { step_ms: 5_000 });
    await passTimeUntil(world, wentBack(shop, payment), { step_ms: 5_000 });
    assert.deepEqual(shop.truth(payment), { charges: 1, returned_fen: 100 });
  });
});
