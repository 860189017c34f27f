import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Refund } from '@heliu/contract';
import { findAccountById, getMerchant, updateMerchant } from '../../merchants/service.ts';
import { aWorld, type World } from '../../testing/world.ts';
import * as store from '../store.ts';
import { newShop, type Shop, type ShownPayment } from '../testing/shop.ts';
import { passTime, passTimeUntil } from '../testing/time.ts';
import { applyRefundWord } from './service.ts';

let world: World;
before(async () => {
  world = await aWorld({ nodes: 2 });
});
after(() => world.close());

/** The payment by the attempt that was accepted, and by the one that was a duplicate. */
type Twice = { readonly payment: ShownPayment; readonly second: ShownPayment };

/** Paid twice; which one comes first is the notifications' affair. */
async function paidTwice(shop: Shop): Promise<Twice> {
  const one = await shop.create({ method: 'wechat_qr' });
  const tried = await shop.post(`/v1/payments/${one.id}/attempts`, { method: 'wechat_app' });
  assert.equal(tried.status, 201, tried.text);
  const other: ShownPayment = tried.body;
  assert.ok(await shop.pay(one));
  assert.ok(await shop.pay(other));
  await passTimeUntil(world, async () => (await shop.events(one.id)).includes('payment.duplicate_received'));
  return (await shop.retrieve(one.id)).attempt.id === one.attempt.id ? { payment: one, second: other } : { payment: other, second: one };
}

/** A merchant that keeps what was paid twice. */
async function keeper(): Promise<Shop> {
  const shop = await newShop(world);
  await updateMerchant(world.ctx, { merchant_id: shop.merchant.id, duplicate_policy: 'keep' });
  return shop;
}

const returnOrder = (shop: Shop, { payment, second }: Twice, amount_fen = 100) => ({
  ...shop.refundOrder(payment.id, amount_fen),
  attempt_id: second.attempt.id,
});

describe('money that was never the payment’s', () => {
  it('and that the merchant kept goes back whole when it asks for it, and nothing of the payment changes', async () => {
    const shop = await keeper();
    const twice = await paidTwice(shop);
    const order = returnOrder(shop, twice);
    const returned = await shop.post('/v1/refunds', order);
    assert.equal(returned.status, 201, returned.text);
    assert.deepEqual([returned.body.state, returned.body.cause, returned.body.attempt_id], ['sending', 'duplicate', twice.second.attempt.id]);
    await passTimeUntil(world, async () => (await shop.retrieveRefund(returned.body.id)).state === 'succeeded');
    assert.deepEqual(shop.truth(twice.second), { charges: 1, returned_fen: 100 });
    assert.deepEqual(shop.truth(twice.payment), { charges: 1, returned_fen: 0 });
    const { state, refunding_fen, refunded_fen } = await shop.retrieve(twice.payment.id);
    assert.deepEqual({ state, refunding_fen, refunded_fen }, { state: 'paid', refunding_fen: 0, refunded_fen: 0 });

    // The same request again is the same refund, and there is no second one.
    assert.equal((await shop.post('/v1/refunds', order)).body.id, returned.body.id);
    const more = await shop.post('/v1/refunds', returnOrder(shop, twice));
    assert.deepEqual([more.status, more.body.error.code, more.body.error.param], [422, 'refund_exceeds_paid', 'attempt_id']);
    // What is the payment's own can still be refunded, by its attempt's name too.
    const own = await shop.post('/v1/refunds', { ...shop.refundOrder(twice.payment.id, 40), attempt_id: twice.payment.attempt.id });
    assert.deepEqual([own.status, own.body.cause], [201, 'merchant']);
  });

  it('goes back once, however many ask for it at the same time on two nodes', async () => {
    const shop = await keeper();
    const twice = await paidTwice(shop);
    const asked = await world.flow(Promise.all(Array.from({ length: 20 }, (_, at) => shop.ask('/v1/refunds', returnOrder(shop, twice), { node: at % 2 }))));
    assert.deepEqual(asked.map(({ status }) => status).sort(), [201, ...Array.from({ length: 19 }, () => 422)]);
    await passTimeUntil(world, async () => (await shop.refundsOf(twice.payment.id)).every(({ state }) => state === 'succeeded'));
    assert.deepEqual(shop.truth(twice.second), { charges: 1, returned_fen: 100 });
  });

  it('is refused in part, of an attempt that took nothing, and of one that the payment does not have', async () => {
    const shop = await keeper();
    const twice = await paidTwice(shop);
    const other = await shop.create({ method: 'wechat_qr' });
    const said = async (body: object) => {
      const { status, body: answer } = await shop.post('/v1/refunds', body);
      return [status, answer.error.code, answer.error.param];
    };
    assert.deepEqual(await said(returnOrder(shop, twice, 99)), [422, 'refund_not_whole', 'amount_fen']);
    assert.deepEqual(await said({ ...returnOrder(shop, twice), attempt_id: other.attempt.id }), [404, 'attempt_not_found', 'attempt_id']);
    assert.deepEqual(await said({ ...shop.refundOrder(other.id, 100), attempt_id: other.attempt.id }), [422, 'payment_not_paid', 'attempt_id']);
    assert.deepEqual(await shop.refundsOf(twice.payment.id), []);
  });

  describe('whose automatic refund the channel refused', () => {
    const refused = async (): Promise<Twice & { readonly shop: Shop; readonly first: Refund }> => {
      const shop = await newShop(world);
      world.inject('wechatpay', { kind: 'error_code', code: 'NOT_ENOUGH', on: 'refund', times: 1 });
      const twice = await paidTwice(shop);
      await passTimeUntil(world, async () => (await shop.refundsOf(twice.payment.id))[0]?.state === 'refused');
      const [first] = await shop.refundsOf(twice.payment.id);
      assert.ok(first);
      return { ...twice, shop, first };
    };

    it('goes back when the merchant asks again', async () => {
      const { shop, first, ...twice } = await refused();
      assert.deepEqual(await shop.anomalies(twice.payment.id), ['refund_stuck']);
      const again = await shop.post('/v1/refunds', { ...shop.refundOrder(twice.payment.id, 100), attempt_id: first.attempt_id });
      assert.equal(again.status, 201, again.text);
      await passTimeUntil(world, async () => (await shop.retrieveRefund(again.body.id)).state === 'succeeded');
      assert.deepEqual(shop.truth(twice.second), { charges: 1, returned_fen: 100 });
    });

    it('and was given back by another, calls a person when the refused one is said to have succeeded after all', async () => {
      const { shop, first, ...twice } = await refused();
      const again = await shop.post('/v1/refunds', returnOrder(shop, twice));
      await passTimeUntil(world, async () => (await shop.retrieveRefund(again.body.id)).state === 'succeeded');
      const row = await store.findRefund(world.ctx, shop.merchant.id, first.id);
      const account = await findAccountById(world.ctx, twice.second.attempt.channel_account_id);
      const [node] = world.nodes;
      assert.ok(row && account && node);
      const fact = { is: 'succeeded', amount_fen: row.amount_fen } as const;
      await applyRefundWord(node.ctx, await getMerchant(world.ctx, shop.merchant.id), account, row, { fact, exchange: undefined, via: 'query' });
      assert.equal((await shop.retrieveRefund(first.id)).state, 'refused');
      assert.deepEqual(await shop.anomalies(twice.payment.id), ['refund_stuck', 'orphan_refund']);
      await passTime(world, 10_000);
      assert.deepEqual(shop.truth(twice.second), { charges: 1, returned_fen: 100 });
    });
  });
});
