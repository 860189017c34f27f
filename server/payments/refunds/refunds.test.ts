import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sql } from 'kysely';
import { updateChannelAccount } from '../../merchants/service.ts';
import { refusedWith } from '../../testing/refusals.ts';
import { aWorld, type World } from '../../testing/world.ts';
import { askAbout } from '../bills/service.ts';
import { holdNext, onRoad } from '../testing/road.ts';
import { newShop, type Shop } from '../testing/shop.ts';
import { passTime, passTimeUntil } from '../testing/time.ts';

let world: World;
before(async () => {
  world = await aWorld({ nodes: 2 });
});
after(() => world.close());

/** Where only the schedule of questions is waited for. */
const pace = { step_ms: 15_000, virtual_ms: 3_600_000 };

const refund = async (shop: Shop, payment_id: string, amount_fen: number) => {
  const refunded = await shop.post('/v1/refunds', shop.refundOrder(payment_id, amount_fen));
  assert.equal(refunded.status, 201, refunded.text);
  return refunded.body;
};

describe('a refund', () => {
  it('OF-10 is not sent again by who had asked before somebody else heard it refused', async (t) => {
    const shop = await newShop(world);
    const payment = await shop.paid();
    // The request and its repeat are lost: the channel knows of no refund.
    world.inject('wechatpay', { kind: 'drop_before', on: 'refund', times: 2 });
    const held = holdNext(t, shop, 'refundQuery', 'answer');
    const refused = await refund(shop, payment.id, 50);
    assert.equal(refused.state, 'sending');
    await passTimeUntil(world, () => held.reached());
    let refuses = true;
    onRoad(t, shop, 'refund', (send) => {
      if (refuses) world.inject('wechatpay', { kind: 'error_code', code: 'NOT_ENOUGH', on: 'refund', times: 1 });
      return send();
    });
    await passTimeUntil(world, async () => (await shop.retrieveRefund(refused.id)).state === 'refused');
    refuses = false;
    held.release();
    await passTime(world, 10_000);
    assert.equal(shop.truth(payment).returned_fen, 0);

    const again = await refund(shop, payment.id, 50);
    await passTimeUntil(world, async () => (await shop.retrieveRefund(again.id)).state === 'succeeded');
    await passTime(world, 10_000);
    assert.equal((await shop.retrieveRefund(refused.id)).state, 'refused');
    assert.equal((await shop.retrieve(payment.id)).refunded_fen, 50);
    assert.equal(shop.truth(payment).returned_fen, 50);
  });

  it('OF-10 CF-22 is not over when its repeat is refused while the first request may still be on its way', async (t) => {
    const shop = await newShop(world);
    const payment = await shop.paid();
    const arrives = Promise.withResolvers<void>();
    t.after(() => arrives.resolve());
    let repeats_refused = 0;
    onRoad(t, shop, 'refund', async (send, nth) => {
      if (nth === 1) await arrives.promise;
      const answer = await send();
      if (answer.fact.is === 'refused') repeats_refused += 1;
      return answer;
    });
    world.inject('wechatpay', { kind: 'error_code', code: 'NOT_ENOUGH', on: 'refund', times: 1 });
    const first = shop.ask('/v1/refunds', shop.refundOrder(payment.id, 50));
    await passTimeUntil(world, () => repeats_refused === 1);
    await passTime(world, 3_000);
    assert.deepEqual(
      (await shop.refundsOf(payment.id)).map(({ state }) => state),
      ['sending'],
    );
    arrives.resolve();
    const { id } = (await world.flow(first)).body;
    await passTimeUntil(world, async () => (await shop.retrieveRefund(id)).state === 'succeeded');
    assert.equal((await shop.retrieve(payment.id)).refunded_fen, 50);
    assert.equal(shop.truth(payment).returned_fen, 50);
  });

  it('OF-10 CF-22 is not over when a repeat is refused while the repeat before it may still be on its way', async (t) => {
    const shop = await newShop(world);
    const payment = await shop.paid();
    const arrives = Promise.withResolvers<void>();
    t.after(() => arrives.resolve());
    let last = 0;
    let refused_at = 0;
    const lost = { fact: { is: 'unknown', cause: 'timeout' }, exchange: undefined } as const;
    onRoad(t, shop, 'refund', async (send, nth) => {
      last = nth;
      if (nth < 3) return lost;
      // Nobody waits for its answer any more, and it arrives all the same.
      if (nth === 3) void arrives.promise.then(send);
      if (nth === 3) return lost;
      if (nth === 4) world.inject('wechatpay', { kind: 'error_code', code: 'NOT_ENOUGH', on: 'refund', times: 1 });
      const answer = await send();
      if (answer.fact.is === 'refused') refused_at = nth;
      return answer;
    });
    const { id } = await refund(shop, payment.id, 50);
    await passTimeUntil(world, () => refused_at === 4);
    await passTime(world, 3_000);
    assert.equal(last, 4);
    assert.equal((await shop.retrieveRefund(id)).state, 'sending');
    arrives.resolve();
    await passTimeUntil(world, async () => (await shop.retrieveRefund(id)).state === 'succeeded');
    assert.equal((await shop.retrieve(payment.id)).refunded_fen, 50);
    assert.equal(shop.truth(payment).returned_fen, 50);
  });

  it('I-12 is only asked about between two turns: whoever repairs a day sends nothing', async (t) => {
    const shop = await newShop(world);
    const payment = await shop.paid();
    world.inject('wechatpay', { kind: 'drop_before', on: 'refund', times: 2 });
    const { id, state } = await refund(shop, payment.id, 50);
    assert.equal(state, 'sending');
    let sent = 0;
    onRoad(t, shop, 'refund', (send, nth) => {
      sent = nth;
      return send();
    });
    const [node] = world.nodes;
    assert.ok(node);
    await world.flow(askAbout(node.ctx, shop.merchant.id, id));
    assert.deepEqual([sent, (await shop.retrieveRefund(id)).state], [0, 'sending']);
    await passTimeUntil(world, async () => (await shop.retrieveRefund(id)).state === 'succeeded');
    assert.equal(shop.truth(payment).returned_fen, 50);
  });

  it('CF-22 that the channel took and does not finish is shown to a person once, and stays reserved', async () => {
    const shop = await newShop(world);
    const payment = await shop.paid();
    world.inject('wechatpay', { kind: 'refund_fails', code: 'ABNORMAL', on: 'refund', times: 1 });
    const { id } = await refund(shop, payment.id, 60);
    await passTimeUntil(world, async () => (await shop.retrieveRefund(id)).state === 'pending');
    await passTimeUntil(world, async () => (await shop.anomalies(payment.id)).length > 0, pace);
    // Asked again, and again it is not finished.
    await passTime(world, 700_000, pace);
    assert.deepEqual(await shop.anomalies(payment.id), ['refund_stuck']);
    const { state, accepted_at } = await shop.retrieveRefund(id);
    assert.deepEqual([state, typeof accepted_at, await shop.events(id)], ['pending', 'string', ['refund.pending']]);
    const { refunding_fen, refunded_fen } = await shop.retrieve(payment.id);
    assert.deepEqual([refunding_fen, refunded_fen], [60, 0]);
  });

  for (const code of ['CLOSED', 'ABNORMAL']) {
    it(`CF-22 I-16 that the channel takes back after its success (${code}) is shown to a person once, and stays as it is`, async () => {
      const shop = await newShop(world);
      const payment = await shop.paid();
      world.inject('wechatpay', { kind: 'refund_reverses', code, on: 'refund', times: 1, ms: 30_000 });
      const { id } = await refund(shop, payment.id, 60);
      await passTimeUntil(world, async () => (await shop.retrieveRefund(id)).state === 'succeeded');
      const before_it = await shop.retrieve(payment.id);
      assert.deepEqual(await shop.anomalies(payment.id), []);
      world.inject('wechatpay', { kind: 'notify_twice', on: 'notify', times: 2 });
      await passTimeUntil(world, async () => (await shop.anomalies(payment.id)).length > 0);
      await passTime(world, 40_000);

      assert.deepEqual(await shop.anomalies(payment.id), ['refund_reversed']);
      assert.deepEqual([(await shop.retrieveRefund(id)).state, await shop.retrieve(payment.id)], ['succeeded', before_it]);
      assert.deepEqual(await shop.events(id), ['refund.pending', 'refund.succeeded']);
      const [{ anomaly_id, evidence } = {}] = (
        await sql<{ anomaly_id: string; evidence: number }>`select a.id as anomaly_id, count(e.id)::integer as evidence from anomalies a
          left join evidence e on e.merchant_id = a.merchant_id and e.id = a.evidence_id where a.refund_id = ${id} group by a.id`.execute(world.ctx.db.kysely)
      ).rows;
      assert.deepEqual([evidence, await shop.events(anomaly_id ?? '')], [1, ['anomaly.opened']]);
      // What was counted as given back stays counted: no second refund goes beyond what was paid.
      const beyond = await shop.post('/v1/refunds', shop.refundOrder(payment.id, 60));
      assert.deepEqual([beyond.status, beyond.body.error.code], [422, 'refund_exceeds_paid'], beyond.text);
    });
  }

  it('OF-01 that stays open is shown to a person though the node died when that was due', async (t) => {
    const shop = await newShop(world);
    const payment = await shop.paid();
    world.inject('wechatpay', { kind: 'refund_fails', code: 'ABNORMAL', on: 'refund', times: 1 });
    const dies_at = 6;
    let asked = 0;
    onRoad(t, shop, 'refundQuery', (send, nth) => {
      asked = nth;
      return nth === dies_at ? Promise.reject(new Error('the node died here')) : send();
    });
    await refund(shop, payment.id, 60);
    await passTimeUntil(world, () => asked === dies_at, pace);
    assert.deepEqual(await shop.anomalies(payment.id), []);
    await passTimeUntil(world, async () => (await shop.anomalies(payment.id)).length > 0, pace);
    assert.deepEqual(await shop.anomalies(payment.id), ['refund_stuck']);
  });

  it('I-14 OF-14 goes back to who received the money: an account never becomes that of another receiver', async () => {
    const shop = await newShop(world);
    const payment = await shop.paid();
    const simulator = world.simulators.get('wechatpay');
    assert.ok(simulator);
    const settings = await simulator.enroll({ mode: 'direct', trust: 'public_key' });
    const channel_account_id = shop.accounts.get('wechatpay') ?? '';
    await assert.rejects(
      updateChannelAccount(world.ctx, { merchant_id: shop.merchant.id, channel_account_id, settings }),
      refusedWith({ refused: 'channel_account_receiver_fixed' }),
    );
    const { id } = await refund(shop, payment.id, 50);
    await passTimeUntil(world, async () => (await shop.retrieveRefund(id)).state === 'succeeded');
    assert.equal(shop.truth(payment).returned_fen, 50);
  });
});
