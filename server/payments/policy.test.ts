import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sql } from 'kysely';
import { updateChannelAccount, updateMerchant } from '../merchants/service.ts';
import { brokenOf } from '../testing/invariants.ts';
import { aWorld, type World } from '../testing/world.ts';
import { newShop, type Shop, type ShownPayment } from './testing/shop.ts';
import { passTimeUntil } from './testing/time.ts';

let world: World;
before(async () => {
  world = await aWorld({ nodes: 2 });
});
after(() => world.close());

describe('money after a cancel', () => {
  it('CF-19 goes back even where the merchant accepts late money; after an expiry it is accepted there', async () => {
    const shop = await newShop(world);
    await updateMerchant(world.ctx, { merchant_id: shop.merchant.id, late_policy: 'accept' });
    const [cancelled, expired] = [await shop.create(), await shop.create({ expires_in_s: 60 })];
    // Closed first: the cancel comes to a payment that is over, and counts all the same.
    assert.equal((await shop.post(`/v1/payments/${cancelled.id}/close`, {})).body.state, 'closed');
    const answer = await shop.post(`/v1/payments/${cancelled.id}/cancel`, {});
    assert.equal(answer.body.state, 'closed', answer.text);
    await passTimeUntil(world, async () => (await shop.retrieve(expired.id)).state === 'closed');
    for (const payment of [cancelled, expired]) assert.ok(await shop.pay(payment, true));

    await passTimeUntil(world, async () => (await shop.refundsOf(cancelled.id)).some(({ state }) => state === 'succeeded'));
    const { state, closed_reason, attempt } = await shop.retrieve(cancelled.id);
    assert.deepEqual([state, closed_reason, attempt.disposition], ['closed', 'cancelled', 'late']);
    assert.deepEqual(shop.truth(cancelled), { charges: 1, returned_fen: 100 });

    await shop.reaches(expired.id, 'paid');
    assert.deepEqual(shop.truth(expired), { charges: 1, returned_fen: 0 });
  });
});

describe('OF-14 the policy is changed after money was decided about', () => {
  /** Paid twice; the attempt whose money was not the payment's. */
  async function paidTwice(shop: Shop): Promise<string> {
    const one = await shop.create({ method: 'wechat_qr' });
    const other: ShownPayment = (await shop.post(`/v1/payments/${one.id}/attempts`, { method: 'wechat_app' })).body;
    for (const payment of [one, other]) assert.ok(await shop.pay(payment));
    await passTimeUntil(world, async () => (await shop.events(one.id)).includes('payment.duplicate_received'));
    return (await shop.retrieve(one.id)).attempt.id === one.attempt.id ? other.attempt.id : one.attempt.id;
  }
  const told = async (attempt_id: string) =>
    (await brokenOf(world.ctx, 'I-05')).flatMap(({ rows }) => rows as { readonly attempt_id: string }[]).filter((row) => row.attempt_id === attempt_id).length;

  it('what was kept may be kept, and what was to go back is missed when it does not', async () => {
    const shop = await newShop(world);
    const { id: merchant_id } = shop.merchant;
    await updateMerchant(world.ctx, { merchant_id, duplicate_policy: 'keep' });
    const kept = await paidTwice(shop);
    await updateMerchant(world.ctx, { merchant_id, duplicate_policy: 'refund' });
    assert.equal(await told(kept), 0);
    const returned = await paidTwice(shop);
    await updateMerchant(world.ctx, { merchant_id, duplicate_policy: 'keep' });
    assert.equal(await told(returned), 0);
    // As if its refund had never been written.
    await sql`delete from refunds where attempt_id = ${returned}`.execute(world.ctx.db.kysely);
    assert.equal(await told(returned), 1);
  });
});

describe('a second payment code', () => {
  it('CF-01 is not charged while the outcome of the first is not known', async () => {
    const shop = await newShop(world);
    world.inject('alipay', { kind: 'drop_after', on: 'pay', times: 1 });
    world.inject('alipay', { kind: 'notify_lost', on: 'notify', times: 1 });
    const payment = await shop.scan('alipay', 'pays');
    assert.equal(payment.attempt.state, 'sending');
    const charges = () => world.simulators.get('alipay')?.truth().payments.length;
    const before_count = charges();
    const second = { method: 'barcode', auth_code: shop.paymentCode('alipay', 'pays') };
    const answer = await shop.post(`/v1/payments/${payment.id}/attempts`, second);
    assert.deepEqual([answer.status, answer.body.error?.code], [409, 'attempt_unsettled'], answer.text);
    assert.equal(charges(), before_count);
    assert.equal(shop.truth(payment).charges, 1);
  });
});

describe('OF-14 the application of an account is changed', () => {
  for (const [channel, method, settings] of [
    ['wechatpay', 'wechat_qr', { appid: 'wx00000000000000ff' }],
    ['alipay', 'alipay_qr', { app_id: '2021000000000009' }],
  ] as const) {
    it(`and a genuine notification of ${channel} still pays the order that was open then`, async () => {
      const shop = await newShop(world);
      const payment = await shop.create({ method });
      const channel_account_id = shop.accounts.get(channel) ?? '';
      const { version } = await updateChannelAccount(world.ctx, { merchant_id: shop.merchant.id, channel_account_id, settings });
      assert.equal(version, 2);
      assert.ok(await shop.pay(payment));
      // Sooner than anybody would ask: the notification alone says it.
      await world.until(async () => (await shop.retrieve(payment.id)).state === 'paid', 5_000);
      assert.deepEqual(await shop.anomalies(payment.id), []);
    });
  }
});
