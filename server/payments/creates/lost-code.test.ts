import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { simulators } from '../../channels/simulators.ts';
import { aWorld, type World } from '../../testing/world.ts';
import { newShop, type Shop, type ShownPayment } from '../testing/shop.ts';
import { passTime, passTimeUntil } from '../testing/time.ts';

/** One gateway that gives the code again, one that tells it to whoever asks, two that do neither. */
const wallets = { wechatpay: 'wechat_qr', heliu: 'alipay_qr', jeepay: 'aggregate_qr', shouqianba: 'jd_qr' } as const;

let world: World;
before(async () => {
  world = await aWorld({ simulators: simulators.filter(({ channel }) => channel in wallets) });
});
after(() => world.close());

/** A payment whose order the gateway has made, and of whose answer nothing came back. */
async function unanswered(shop: Shop, channel: keyof typeof wallets): Promise<ShownPayment> {
  // Whoever promises that a repeat is harmless is asked a second time within the call.
  world.inject(channel, { kind: 'drop_after', on: 'pay', times: channel === 'wechatpay' || channel === 'heliu' ? 2 : 1 });
  const payment = await shop.create({ method: wallets[channel], channel_account_id: shop.accounts.get(channel) });
  assert.equal(payment.attempt.state, 'sending');
  assert.equal(payment.next_action.type, 'wait');
  return payment;
}

const actionOf = async (shop: Shop, { id }: ShownPayment) => (await shop.retrieve(id)).next_action;
const ordersAt = (channel: string, { attempt }: ShownPayment) =>
  world.simulators
    .get(channel)
    ?.orders()
    .filter(({ order_no }) => attempt.channel_order_no.endsWith(order_no)).length;

describe('a QR code whose answer was lost', () => {
  for (const channel of ['wechatpay', 'heliu'] as const) {
    it(`CF-01 is had again from ${channel} within seconds, by the same attempt and the same order`, async () => {
      const shop = await newShop(world);
      const payment = await unanswered(shop, channel);
      await passTimeUntil(world, async () => (await actionOf(shop, payment)).type === 'show_qr', { step_ms: 250, virtual_ms: 6_000 });
      const shown = await shop.retrieve(payment.id);
      assert.equal(shown.attempt.id, payment.attempt.id);
      assert.equal(shown.attempt.state, 'waiting');
      assert.equal(ordersAt(channel, payment), 1);
      assert.ok(await shop.pay(shown));
      await shop.reaches(payment.id, 'paid');
      assert.equal(shop.truth(shown).charges, 1);
    });
  }

  for (const channel of ['jeepay', 'shouqianba'] as const) {
    it(`is not waited for at ${channel}, which refuses a number that it knows: the merchant is told to try again, and is paid once`, async () => {
      const shop = await newShop(world);
      const lost = await unanswered(shop, channel);
      await passTimeUntil(world, async () => (await actionOf(shop, lost)).type === 'new_attempt', { step_ms: 250, virtual_ms: 6_000 });
      const told = await shop.retrieve(lost.id);
      assert.deepEqual([told.state, told.attempt.state, told.attempt.id], ['pending', 'sending', lost.attempt.id]);

      const again = await shop.post(`/v1/payments/${lost.id}/attempts`, { method: 'wechat_qr', channel_account_id: shop.accounts.get('wechatpay') });
      assert.equal(again.status, 201, again.text);
      assert.equal(again.body.next_action.type, 'show_qr');
      assert.ok(await shop.pay(again.body));
      await shop.reaches(lost.id, 'paid');
      assert.deepEqual([shop.truth(lost).charges, shop.truth(again.body).charges], [0, 1]);
    });
  }

  it('ends with its payment where the merchant closes instead', async () => {
    const shop = await newShop(world);
    const lost = await unanswered(shop, 'jeepay');
    await passTimeUntil(world, async () => (await actionOf(shop, lost)).type === 'new_attempt', { step_ms: 250, virtual_ms: 6_000 });
    await shop.post(`/v1/payments/${lost.id}/close`, {});
    await passTimeUntil(world, async () => (await shop.retrieve(lost.id)).state === 'closed', { step_ms: 5_000 });
    assert.equal((await shop.retrieve(lost.id)).next_action.type, 'none');
  });

  it('is told to be lost after a minute at the latest, whatever the channel promises, and is still shown if it comes', async () => {
    const shop = await newShop(world);
    world.inject('wechatpay', { kind: 'server_error', on: 'pay', times: 6 });
    const payment = await shop.create({ method: 'wechat_qr', channel_account_id: shop.accounts.get('wechatpay') });
    await passTime(world, 75_000, { step_ms: 500 });
    assert.equal((await actionOf(shop, payment)).type, 'new_attempt');
    await passTimeUntil(world, async () => (await actionOf(shop, payment)).type === 'show_qr', { virtual_ms: 1_200_000, step_ms: 5_000 });
    assert.equal(ordersAt('wechatpay', payment), 1);
  });
});
