import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import { aWorld, type World } from '../../testing/world.ts';
import { askAbout } from '../bills/service.ts';
import { barcode_patience_ms } from '../schedule.ts';
import { holdNext, onRoad } from '../testing/road.ts';
import { newShop, type Shop, type ShownPayment } from '../testing/shop.ts';
import { passTime, passTimeUntil } from '../testing/time.ts';

let world: World;
before(async () => {
  world = await aWorld({ nodes: 2 });
});
after(() => world.close());

const channels = ['wechatpay', 'alipay'] as const;
const attemptState = async (shop: Shop, { id }: ShownPayment) => (await shop.retrieve(id)).attempt.state;
const confirm = async (shop: Shop, payment: ShownPayment) => assert.ok(await shop.pay(payment));

/** The payer paid once and has all of it back; the books say the same, and nobody was told that the payment was paid. */
async function assertWentBack(shop: Shop, payment: ShownPayment, state: 'pending' | 'closed'): Promise<void> {
  await passTimeUntil(world, async () => (await shop.refundsOf(payment.id)).some((refund) => refund.state === 'succeeded'));
  const now = await shop.retrieve(payment.id);
  assert.deepEqual([now.state, now.paid_fen, now.refunding_fen, now.refunded_fen, now.attempt.disposition], [state, 0, 0, 0, 'late']);
  const refunds = await shop.refundsOf(payment.id);
  assert.deepEqual(
    refunds.map(({ cause, amount_fen, state: refund_state }) => [cause, amount_fen, refund_state]),
    [['late', 100, 'succeeded']],
  );
  assert.deepEqual(shop.truth(payment), { charges: 1, returned_fen: 100 });
  const told = await shop.events(payment.id);
  assert.ok(told.includes('payment.late_received') && !told.includes('payment.paid'), told.join());
  assert.deepEqual(await shop.anomalies(payment.id), []);
}

describe('a payment code that is reversed while its payer confirms', () => {
  for (const channel of channels) {
    it(`CF-19 of ${channel}, heard of just before the reverse, goes back whole`, async (t) => {
      const shop = await newShop(world);
      const payment = await shop.scan(channel, 'asks_password');
      heardBeforeReverse(t, shop, payment);
      world.clock.advance(barcode_patience_ms + 1_000);
      await assertWentBack(shop, payment, 'pending');
    });

    it(`CF-19 of ${channel}, when the cashier cancels, goes back whole and no refund is told as refused`, async (t) => {
      const shop = await newShop(world);
      const payment = await shop.scan(channel, 'asks_password');
      heardBeforeReverse(t, shop, payment);
      world.clock.advance(16_000);
      const cancelled = await shop.post(`/v1/payments/${payment.id}/cancel`, {});
      assert.deepEqual([cancelled.status, cancelled.body.state], [200, 'closed'], cancelled.text);
      await assertWentBack(shop, payment, 'closed');
      const [refund] = await shop.refundsOf(payment.id);
      assert.deepEqual(await shop.events(refund?.id ?? ''), ['refund.succeeded']);
    });
  }

  it('OF-10 is only asked about by whoever repairs a day: the reverse is not repeated between two turns', async (t) => {
    const shop = await newShop(world);
    const payment = await shop.scan('alipay', 'asks_password');
    heardBeforeReverse(t, shop, payment);
    world.inject('alipay', { kind: 'drop_before', on: 'reverse', times: 5 });
    world.clock.advance(barcode_patience_ms + 1_000);
    await passTimeUntil(world, async () => (await shop.refundsOf(payment.id)).length > 0);
    const [refund] = await shop.refundsOf(payment.id);
    const [node] = world.nodes;
    assert.ok(refund && node);
    // Whoever has its turn meanwhile has a client of its own, and may repeat.
    const channels = { ...node.ctx.channels };
    const sent = t.mock.method(channels, 'reverse');
    await world.flow(askAbout({ ...node.ctx, channels }, shop.merchant.id, refund.id));
    assert.equal(sent.mock.callCount(), 0);
    await assertWentBack(shop, payment, 'pending');
  });

  it('CF-19 paid after the reverse had found no money, is refunded: a repeat of that reverse gives nothing back', async () => {
    const shop = await newShop(world);
    const payment = await shop.scan('alipay', 'asks_password');
    const cancelled = await shop.post(`/v1/payments/${payment.id}/cancel`, {});
    assert.deepEqual([cancelled.status, cancelled.body.state], [200, 'closed'], cancelled.text);
    assert.ok(await shop.pay(payment, true));
    await assertWentBack(shop, payment, 'closed');
  });

  it('CF-09 notified after the channel gave the money back, goes back once', async (t) => {
    const shop = await newShop(world);
    world.inject('alipay', { kind: 'notify_delayed', on: 'notify', times: 1, ms: 90_000 });
    const payment = await scanned(t, shop, 'alipay');
    await passTimeUntil(world, async () => (await attemptState(shop, payment)) !== 'waiting');
    assert.equal(shop.truth(payment).returned_fen, 100);
    await assertWentBack(shop, payment, 'pending');
  });

  it('CF-10 never notified, and the answer to the reverse is lost too, goes back once', async (t) => {
    const shop = await newShop(world);
    world.inject('alipay', { kind: 'notify_lost', on: 'notify', times: 1 });
    const payment = await scanned(t, shop, 'alipay', 'answer lost');
    await assertWentBack(shop, payment, 'pending');
  });

  it('CF-01 where nobody is notified of payment codes, is never taken for paid, whether or not the reverse was answered', async (t) => {
    for (const answer of ['answer lost', 'answered'] as const) {
      const shop = await newShop(world);
      const payment = await scanned(t, shop, 'wechatpay', answer);
      await passTimeUntil(world, async () => (await attemptState(shop, payment)) === 'closed');
      const now = await shop.retrieve(payment.id);
      assert.deepEqual([now.state, now.paid_fen, await shop.events(payment.id)], ['pending', 0, []]);
      assert.deepEqual(shop.truth(payment), { charges: 1, returned_fen: 100 });
    }
  });

  /** The payer confirms when the reverse is about to leave, and it leaves after the success was applied. */
  function heardBeforeReverse(t: TestContext, shop: Shop, payment: ShownPayment): void {
    onRoad(t, shop, 'reverse', async (send, nth) => {
      if (nth > 1) return send();
      await confirm(shop, payment);
      await world.until(async () => (await attemptState(shop, payment)) === 'succeeded');
      return send();
    });
  }

  /** Scanned, and confirmed at the moment when the reverse of an impatient till leaves; nothing else is known of it. */
  async function scanned(t: TestContext, shop: Shop, channel: string, answer: 'answered' | 'answer lost' = 'answered'): Promise<ShownPayment> {
    const payment = await shop.scan(channel, 'asks_password');
    onRoad(t, shop, 'reverse', async (send, nth) => {
      if (nth === 1) await confirm(shop, payment);
      const answered = await send();
      return nth === 1 && answer === 'answer lost' ? { fact: { is: 'unknown', cause: 'timeout' }, exchange: undefined } : answered;
    });
    world.clock.advance(barcode_patience_ms + 1_000);
    return payment;
  }
});

describe('a code that nobody has scanned', () => {
  it('K-04 cannot be paid once its payment is closed', async () => {
    const shop = await newShop(world);
    // Alipay knows of no order until somebody scans, and answers a close with "no such order".
    const payment = await shop.create({ method: 'alipay_qr' });
    const closed = await shop.post(`/v1/payments/${payment.id}/close`, {});
    assert.deepEqual([closed.status, closed.body.state, closed.body.attempt.state], [200, 'closed', 'closed'], closed.text);
    assert.equal(await shop.pay(payment), false);
    assert.equal(shop.truth(payment).charges, 0);
  });
});

describe('a cancel whose payer is faster', () => {
  it('CF-19 OF-11 heard of on the other node after the cancel had read the payment, gives the money back', async (t) => {
    const shop = await newShop(world);
    const payment = await shop.create();
    const { db } = (world.nodes[1] as World['nodes'][number]).ctx;
    const run = db.run;
    let paid: Promise<void> | undefined;
    t.mock.method(db, 'run', async (...given: Parameters<typeof run>) => {
      if (given[0].name.startsWith('payments_commit')) {
        paid ??= heardOnFirstNode();
        await paid;
      }
      return run(...given);
    });
    const heardOnFirstNode = async () => {
      await world.simulators.get('wechatpay')?.act(payment.attempt.channel_order_no, { do: 'pay' });
      while ((await world.api('GET', `/v1/payments/${payment.id}`, { key: shop.key })).body.state !== 'paid');
    };
    const cancelled = await shop.post(`/v1/payments/${payment.id}/cancel`, {}, { node: 1 });
    assert.deepEqual([cancelled.status, cancelled.body.state], [200, 'paid'], cancelled.text);
    await passTimeUntil(world, async () => (await shop.retrieve(payment.id)).refunded_fen === 100);
    assert.deepEqual(shop.truth(payment), { charges: 1, returned_fen: 100 });
  });
});

describe('a cancel while the first request is on its way', () => {
  // The cancel has to find out by asking.
  before(() => {
    world.hold_notifications = true;
  });
  after(() => {
    world.hold_notifications = false;
  });

  /** Where the first request is when the cashier cancels. */
  const places = [
    ['has not arrived', 'request'],
    ['was done and its answer has not arrived', 'answer'],
  ] as const;
  for (const channel of channels) {
    for (const behaviour of ['pays', 'asks_password'] as const) {
      for (const [place, what] of places) {
        it(`CF-06 which ${place} leaves no money at ${channel} where the payer ${behaviour}`, async (t) => {
          const shop = await newShop(world);
          const held = holdNext(t, shop, 'pay', what);
          const body = shop.order({ method: 'barcode', auth_code: shop.paymentCode(channel, behaviour) });
          const creating = shop.ask('/v1/payments', body);
          await world.until(() => held.reached());
          const payment = await shop.retrieveByOrderNo(body.merchant_order_no);
          const cancelled = await shop.post(`/v1/payments/${payment.id}/cancel`, {}, { node: 1 });
          held.release();
          const created = await world.flow(creating);
          assert.deepEqual([cancelled.status, created.status], [200, 201], `${cancelled.text} ${created.text}`);
          await assertUndone(shop, payment);
        });
      }

      it(`CF-01 whose answer is lost leaves no money at ${channel} where the payer ${behaviour}`, async () => {
        const shop = await newShop(world);
        world.inject(channel, { kind: 'drop_after', on: 'pay', times: 1 });
        const payment = await shop.scan(channel, behaviour);
        const cancelled = await shop.post(`/v1/payments/${payment.id}/cancel`, {}, { node: 1 });
        assert.equal(cancelled.status, 200, cancelled.text);
        await assertUndone(shop, payment);
      });
    }
  }

  /** Nothing is open any more; what was charged was given back, and nothing can be charged from now on. */
  async function assertUndone(shop: Shop, payment: ShownPayment): Promise<void> {
    await passTimeUntil(world, async () => {
      const { state, refunding_fen } = await shop.retrieve(payment.id);
      return state !== 'pending' && refunding_fen === 0 && (await shop.refundsOf(payment.id)).every((refund) => refund.state === 'succeeded');
    });
    // Whatever was still on its way has arrived by now.
    await passTime(world, 30_000);
    const now = await shop.retrieve(payment.id);
    assert.ok(now.state === 'closed' || now.refunded_fen === 100, JSON.stringify(now));
    assert.equal(await shop.pay(payment), false);
    const { charges, returned_fen } = shop.truth(payment);
    assert.ok(charges <= 1);
    assert.equal(returned_fen, charges * 100);
  }
});
