import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { simulators } from '../channels/simulators.ts';
import { channel_deadline_ms } from '../kernel/limits.ts';
import { aWorld, type World } from '../testing/world.ts';
import { tryFromPage } from './checkout/service.ts';
import { send_lease_ms } from './schedule.ts';
import { findById } from './store.ts';
import { onRoad, standStillAfter } from './testing/road.ts';
import { newShop, type Shop, type ShownPayment } from './testing/shop.ts';
import { passTime, passTimeUntil } from './testing/time.ts';
import { isInTurn, turnFrom } from './turn.ts';

/** The second has no promise that a number is one refund. */
const channels = ['wechatpay', 'bestpay'];

let world: World;
before(async () => {
  world = await aWorld({ nodes: 2, simulators: simulators.filter(({ channel }) => channels.includes(channel)) });
});
after(() => world.close());

/** A busy machine takes a while to store an attempt: meanwhile its turn must not end. */
const at_once = { step_ms: 1 } as const;

const callsOf = (part: string) => world.asked.filter((url) => url.includes(part)).length;

/** What a payer has paid with a code at the gateway that gives money back for every request. */
async function aPaid(shop: Shop): Promise<ShownPayment> {
  const payment = await shop.scan('bestpay', 'pays');
  return shop.reaches(payment.id, 'paid');
}

it('a request leaves while it can be off the road before the turn ends', () => {
  const turn = turnFrom(1_000, send_lease_ms);
  const last_ms = 1_000 + send_lease_ms - channel_deadline_ms;
  assert.deepEqual(
    [1_000, last_ms, last_ms + 1].map((now_ms) => isInTurn(turn, now_ms)),
    [true, true, false],
  );
});

describe('OF-02 a node that stood still past its turn', () => {
  it('does not send a refund that another node has sent, and says what has become of it', async (t) => {
    const shop = await newShop(world);
    const payment = await aPaid(shop);
    const stopped = standStillAfter(t, shop, ({ text }) => text.includes('insert into refunds'));
    const asked = shop.ask('/v1/refunds', shop.refundOrder(payment.id, 40), { idempotency_key: 'once' });
    await passTimeUntil(world, stopped.reached);
    await passTimeUntil(world, () => shop.truth(payment).returned_fen === 40);
    world.inject('bestpay', { kind: 'refund_repeats', on: 'refund' });
    stopped.release();
    const { status, body, text } = await world.flow(asked);
    assert.equal(status, 201, text);
    await passTimeUntil(world, async () => (await shop.retrieveRefund(body.id)).state === 'succeeded');
    await passTime(world, 10_000);
    assert.equal(shop.truth(payment).returned_fen, 40);
    assert.equal((await shop.retrieve(payment.id)).refunded_fen, 40);
    const again = await shop.post(
      '/v1/refunds',
      { ...shop.refundOrder(payment.id, 40), merchant_refund_no: body.merchant_refund_no },
      { idempotency_key: 'once' },
    );
    assert.equal(again.text, text);
  });

  it('does not send again, between the look at the refund and the request, what the next turn has sent', async (t) => {
    const shop = await newShop(world);
    const payment = await aPaid(shop);
    onRoad(t, shop, 'refund', (send, nth) => (nth === 1 ? Promise.resolve({ fact: { is: 'unknown', cause: 'timeout' }, exchange: undefined }) : send()));
    let asked = 0;
    let looks = 0;
    onRoad(t, shop, 'refundQuery', async (send, nth) => {
      const answer = await send();
      asked = nth;
      looks = 0;
      return answer;
    });
    // The first look is to write down what was answered, the second is the last before the request.
    const stopped = standStillAfter(t, shop, ({ name }) => name === 'refunds_by_id' && asked === 4 && ++looks === 2);
    const { id } = (await shop.post('/v1/refunds', shop.refundOrder(payment.id, 40))).body;
    await passTimeUntil(world, stopped.reached);
    await passTimeUntil(world, () => shop.truth(payment).returned_fen === 40);
    world.inject('bestpay', { kind: 'refund_repeats', on: 'refund' });
    stopped.release();
    await passTimeUntil(world, async () => (await shop.retrieveRefund(id)).state === 'succeeded');
    await passTime(world, 10_000);
    assert.equal(shop.truth(payment).returned_fen, 40);
  });

  it('does not charge a payment code that was given up meanwhile', async (t) => {
    const shop = await newShop(world);
    const stopped = standStillAfter(t, shop, ({ text }) => text.includes('insert into attempts'));
    const asked = shop.ask('/v1/payments', shop.order({ method: 'barcode', auth_code: shop.paymentCode('wechatpay', 'pays') }));
    await passTimeUntil(world, stopped.reached);
    let reversed = 0;
    onRoad(t, shop, 'reverse', (send, nth) => {
      reversed = nth;
      return send();
    });
    await passTimeUntil(world, () => reversed > 0);
    stopped.release();
    const { status, body, text } = await world.flow(asked);
    assert.deepEqual([status, body.state, body.attempt.state], [201, 'pending', 'sending'], text);
    await passTimeUntil(world, async () => (await shop.retrieve(body.id)).attempt.state === 'closed');
    assert.equal(shop.truth(body).charges, 0);
  });

  it('opens no order for a payment that was closed meanwhile', async (t) => {
    const shop = await newShop(world);
    const stopped = standStillAfter(t, shop, ({ text }) => text.includes('insert into attempts'));
    const opened = callsOf('/pay/transactions/native');
    const order = shop.order();
    const asked = shop.ask('/v1/payments', order);
    await passTimeUntil(world, stopped.reached, at_once);
    onRoad(t, shop, 'query', () => Promise.resolve({ fact: { is: 'not_found' }, exchange: undefined }));
    const { id } = await shop.retrieveByOrderNo(order.merchant_order_no);
    await shop.post(`/v1/payments/${id}/close`, {}, { node: 1 });
    await passTimeUntil(world, async () => (await shop.retrieve(id)).state === 'closed');
    stopped.release();
    const { status, body, text } = await world.flow(asked);
    assert.deepEqual([status, body.state], [201, 'closed'], text);
    assert.equal(callsOf('/pay/transactions/native'), opened);
  });

  it('opens no order for a page beside the one that its payer has chosen meanwhile', async (t) => {
    const shop = await newShop(world);
    const { id } = (await shop.post('/v1/payments', shop.order({ method: 'qr' }))).body;
    const [first, second] = world.nodes;
    assert.ok(first && second);
    const own = await findById(first.ctx, shop.merchant.id, id);
    assert.ok(own);
    const stopped = standStillAfter(t, shop, ({ text }) => text.includes('insert into attempts'));
    // So that no sweeper sends it by right.
    onRoad(t, shop, 'query', () => Promise.resolve({ fact: { is: 'unknown', cause: 'timeout' }, exchange: undefined }));
    const trying = tryFromPage(first.ctx, own, { method: 'wechat_qr' });
    await passTimeUntil(world, stopped.reached, at_once);
    const opened = callsOf('/pay/transactions/native');
    const chosen = await world.flow(tryFromPage(second.ctx, own, { method: 'wechat_h5', payer_ip: '203.0.113.9' }));
    assert.deepEqual(
      chosen.attempts.map(({ state }) => state),
      ['sending', 'waiting'],
    );
    stopped.release();
    await world.flow(trying);
    assert.equal(callsOf('/pay/transactions/native'), opened);
  });
});
