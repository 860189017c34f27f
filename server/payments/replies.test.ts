import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { toFen } from '../kernel/money.ts';
import type { PaymentFact } from '../kernel/outcome.ts';
import { addMs } from '../kernel/time.ts';
import { pauseChannelAccount } from '../merchants/service.ts';
import { aWorld, type World } from '../testing/world.ts';
import { holdNext, onRoad } from './testing/road.ts';
import { newShop, type Shop } from './testing/shop.ts';

let world: World;
before(async () => {
  world = await aWorld({ nodes: 2 });
});
after(() => world.close());

const pause = (shop: Shop, channel: string) =>
  pauseChannelAccount(world.ctx, { merchant_id: shop.merchant.id, channel_account_id: shop.accounts.get(channel) ?? '' });

describe('I-36 the same key and the same request get the same reply', () => {
  it('though the account that took the payment was paused since', async () => {
    const shop = await newShop(world);
    const order = shop.order();
    const first = await shop.post('/v1/payments', order, { idempotency_key: 'k' });
    assert.equal(first.status, 201, first.text);
    await pause(shop, 'wechatpay');
    const again = await shop.post('/v1/payments', order, { idempotency_key: 'k' });
    assert.deepEqual([again.status, again.text], [201, first.text]);
    const by_number = await shop.post('/v1/payments', order);
    assert.deepEqual([by_number.status, by_number.body.id], [201, first.body.id]);
    const another = await shop.post('/v1/payments', shop.order());
    assert.equal(another.body.error?.code, 'no_channel_account', another.text);
  });

  it('though the account that took another attempt was paused since', async () => {
    const shop = await newShop(world);
    const { id } = await shop.create();
    const attempt = () => shop.post(`/v1/payments/${id}/attempts`, { method: 'alipay_qr' }, { idempotency_key: 'k' });
    const first = await attempt();
    assert.equal(first.status, 201, first.text);
    await pause(shop, 'alipay');
    const again = await attempt();
    assert.deepEqual([again.status, again.text], [201, first.text]);
  });

  it('when two nodes cancel a paid payment at once', async () => {
    const shop = await newShop(world);
    const { id } = await shop.paid();
    const answers = await world.flow(Promise.all([0, 1].map((node) => shop.ask(`/v1/payments/${id}/cancel`, {}, { idempotency_key: 'k', node }))));
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200],
    );
    assert.equal(new Set(answers.map(({ text }) => text)).size, 1, answers.map(({ text }) => text).join('\n'));
    assert.equal((await shop.refundsOf(id)).length, 1);
  });

  it('when a cancel was cut off after its effect: its repeat completes it, and the money goes back once', async (t) => {
    const shop = await newShop(world);
    const { id } = await shop.paid();
    onRoad(t, shop, 'refundQuery', (send, nth) => (nth === 1 ? Promise.reject(new Error('the node died here')) : send()));
    const cancel = () => shop.post(`/v1/payments/${id}/cancel`, {}, { idempotency_key: 'k' });
    assert.equal((await cancel()).status, 500);
    const repeated = await cancel();
    assert.equal(repeated.status, 200, repeated.text);
    assert.equal(repeated.body.refunding_fen + repeated.body.refunded_fen, 100);
    assert.equal((await cancel()).text, repeated.text);
    assert.equal((await shop.refundsOf(id)).length, 1);
  });

  it('under a second key of the same order too, and no other order gets that key', async () => {
    const shop = await newShop(world);
    const order = shop.order();
    await shop.post('/v1/payments', order, { idempotency_key: 'k-1' });
    const second = await shop.post('/v1/payments', order, { idempotency_key: 'k-2' });
    assert.equal(second.status, 201, second.text);
    assert.ok(await shop.pay(second.body));
    await shop.reaches(second.body.id, 'paid');
    const again = await shop.post('/v1/payments', order, { idempotency_key: 'k-2' });
    assert.equal(again.text, second.text);
    const other = await shop.post('/v1/payments', shop.order(), { idempotency_key: 'k-2' });
    assert.deepEqual([other.status, other.body.error?.code], [409, 'idempotency_key_reused'], other.text);
  });

  it('and another request with the key has no effect, even when both come at once', async () => {
    const shop = await newShop(world);
    const payments = [await shop.create(), await shop.create()];
    const answers = await world.flow(Promise.all(payments.map(({ id }, node) => shop.ask(`/v1/payments/${id}/close`, {}, { idempotency_key: 'k', node }))));
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409]);
    for (const [at, { id }] of payments.entries()) {
      assert.equal((await shop.retrieve(id)).state, answers[at]?.status === 200 ? 'closed' : 'pending');
    }
  });

  it('OF-12 though a node whose clock is a minute ahead gave the reply while the first request was at work', async (t) => {
    const shop = await newShop(world);
    const [, ahead] = world.nodes;
    assert.ok(ahead);
    const { clock } = world;
    t.mock.property(ahead.ctx, 'clock', { ...clock, now: () => addMs(clock.now(), 60_000) });
    const held = holdNext(t, shop, 'pay', 'answer');
    // To that node the attempt is long due: its question must not make the reply for both.
    holdNext(t, shop, 'query', 'request');
    const order = shop.order();
    const working = shop.ask('/v1/payments', order, { idempotency_key: 'k' });
    await world.until(() => held.reached());
    const early = await shop.post('/v1/payments', order, { idempotency_key: 'k', node: 1 });
    held.release();
    const first = await world.flow(working);
    const later = await shop.post('/v1/payments', order, { idempotency_key: 'k' });
    assert.deepEqual([early.status, first.status, later.status], [201, 201, 201], early.text);
    assert.equal(early.body.next_action.type, 'wait', 'given before the answer was known');
    assert.deepEqual([first.text, later.text], [early.text, early.text]);
  });

  it('CF-21 though its payment code was answered with a transaction number that another payment has', async (t) => {
    const shop = await newShop(world);
    const used = await shop.retrieve((await shop.paid()).id);
    const channel_transaction_id = used.attempt.channel_transaction_id ?? '';
    onRoad(t, shop, 'pay', async (send) => {
      const answered = await send();
      return { ...answered, fact: successAltered(answered.fact, { channel_transaction_id }) };
    });
    const order = shop.order({ method: 'barcode', auth_code: shop.paymentCode('wechatpay', 'pays') });
    const first = await shop.post('/v1/payments', order, { idempotency_key: 'k' });
    assert.deepEqual([first.status, first.body.state], [201, 'pending'], first.text);
    assert.deepEqual(await shop.anomalies(first.body.id), ['transaction_reused']);
    const again = await shop.post('/v1/payments', order, { idempotency_key: 'k' });
    assert.deepEqual([again.status, again.text], [201, first.text]);
  });

  it('CF-12 though what the channel answered was parked before, when it was notified', async (t) => {
    const shop = await newShop(world);
    world.inject('alipay', { kind: 'notify_wrong_amount', on: 'notify', times: 1 });
    const held = holdNext(t, shop, 'pay', 'answer');
    onRoad(t, shop, 'pay', async (send) => {
      const answered = await send();
      return { ...answered, fact: successAltered(answered.fact, { amount_fen: toFen(101) }) };
    });
    const order = shop.order({ method: 'barcode', auth_code: shop.paymentCode('alipay', 'pays') });
    const working = shop.ask('/v1/payments', order, { idempotency_key: 'k' });
    await world.until(() => held.reached());
    const { id } = await shop.retrieveByOrderNo(order.merchant_order_no);
    await world.until(async () => (await shop.anomalies(id)).length === 1);
    held.release();
    const first = await world.flow(working);
    assert.deepEqual([first.status, first.body.state], [201, 'pending'], first.text);
    assert.deepEqual(await shop.anomalies(first.body.id), ['amount_mismatch'], 'the answer says what the notification said');
    const again = await shop.post('/v1/payments', order, { idempotency_key: 'k' });
    assert.deepEqual([again.status, again.text], [201, first.text]);
  });
});

type Paid = PaymentFact & { is: 'paid' };

/** The gateway's word on a payment that it took, with something wrong. */
function successAltered<Fact extends { is: string }>(fact: Fact, wrong: Partial<Paid['success']>): Paid {
  assert.ok(fact.is === 'paid' && 'success' in fact);
  return { is: 'paid', success: { ...(fact.success as Paid['success']), ...wrong } };
}
