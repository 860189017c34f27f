import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { methods } from '@heliu/contract';
import { channels } from '../channels/registry.ts';
import { usual_simulators } from '../channels/simulators.ts';
import { aWorld, type World } from '../testing/world.ts';
import { type Shop, type ShownPayment, shopOf } from './testing/shop.ts';
import { passTime } from './testing/time.ts';

let world: World;
let shop: Shop;
before(async () => {
  world = await aWorld({ nodes: 2 });
  shop = shopOf(world);
});
after(() => world.close());

const act = async (payment: ShownPayment, late = false) => assert.ok(await shop.pay(payment, late));
const webhooksOf = (id: string) => world.inbox.filter(({ data }) => data.id === id);
const refund = (payment_id: string, fields: Record<string, unknown> = {}, options = {}) =>
  world.flow(world.api('POST', '/v1/refunds', { body: { ...shop.refundOrder(payment_id, 60), ...fields }, ...options }));

describe('a payment', () => {
  for (const method of ['wechat_qr', 'alipay_qr'] as const) {
    it(`by ${method} is shown, paid, told to the merchant once, and refunded`, async () => {
      const payment = await shop.create({ method });
      assert.equal(payment.state, 'pending');
      assert.equal(payment.next_action.type, 'show_qr');
      await act(payment);
      const paid = await shop.reaches(payment.id, 'paid');
      assert.equal(paid.paid_fen, 100);
      assert.equal(paid.attempt.disposition, 'accepted');
      assert.equal(paid.next_action.type, 'none');
      await world.until(() => webhooksOf(payment.id).length > 0);
      assert.deepEqual(
        webhooksOf(payment.id).map(({ type }) => type),
        ['payment.paid'],
      );

      const first = await refund(payment.id, { amount_fen: 60, reason: '少一杯' });
      assert.equal(first.status, 201, first.text);
      await world.until(() => webhooksOf(first.body.id).some(({ type }) => type === 'refund.succeeded'));
      // The first gateway takes a refund on and carries it out later, the second does so at once.
      assert.deepEqual(await shop.events(first.body.id), method === 'wechat_qr' ? ['refund.pending', 'refund.succeeded'] : ['refund.succeeded']);
      const over = await refund(payment.id, { amount_fen: 41 });
      assert.equal(over.status, 422);
      assert.equal(over.body.error.code, 'refund_exceeds_paid');
      assert.equal(over.body.error.param, 'amount_fen');
      const rest = await refund(payment.id, { amount_fen: 40 });
      await world.until(() => webhooksOf(rest.body.id).some(({ type }) => type === 'refund.succeeded'), 120_000);
      const refunded = await shop.retrieve(payment.id);
      assert.equal(refunded.refunded_fen, 100);
      assert.equal(refunded.refunding_fen, 0);
    });
  }

  const extra: Record<string, Record<string, string>> = {
    jsapi: { payer_id: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o' },
    mini: { payer_id: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o' },
    h5: { payer_ip: '203.0.113.7', return_url: 'https://shop.example/back' },
    page: { return_url: 'https://shop.example/back' },
  };
  const served = new Set(usual_simulators.flatMap(({ channel }) => Object.keys(channels.get(channel)?.pay ?? {})));
  for (const [method, { scene, wallet }] of Object.entries(methods)) {
    if (scene === 'barcode' || !served.has(method)) continue;
    it(`by ${method} is created with an action that a front end can use`, async () => {
      const fields = wallet === 'alipay' && extra[scene]?.payer_id ? { payer_id: '2088102146225135' } : extra[scene];
      const payment = await shop.create({ method, ...fields });
      assert.equal(payment.attempt.state, 'waiting');
      assert.ok(['show_qr', 'redirect', 'submit_form', 'invoke'].includes(payment.next_action.type), JSON.stringify(payment.next_action));
    });
  }

  it('is found by order number, listed, and hidden from every other merchant and mode', async () => {
    const payment = await shop.create();
    const other = await world.newMerchant('另一商户');
    const live_key = await world.newKey(world.merchant.id, true, ['payments:read', 'payments:write', 'refunds:write']);
    const found = await world.flow(world.api('GET', `/v1/payments/by-order-no/${payment.merchant_order_no}`));
    assert.equal(found.body.id, payment.id);
    const list = await world.flow(world.api('GET', '/v1/payments?limit=1&state=pending'));
    assert.equal(list.body.data[0].id, payment.id);
    assert.ok(list.body.next_cursor);
    for (const key of [other.key, live_key]) {
      for (const [method, path, sent] of [
        ['GET', `/v1/payments/${payment.id}`, undefined],
        ['GET', `/v1/payments/by-order-no/${payment.merchant_order_no}`, undefined],
        ['POST', `/v1/payments/by-order-no/${payment.merchant_order_no}/close`, undefined],
        ['POST', `/v1/payments/by-order-no/${payment.merchant_order_no}/cancel`, undefined],
        ['POST', `/v1/payments/by-order-no/${payment.merchant_order_no}/refunds`, { merchant_refund_no: 'r', amount_fen: 1 }],
        ['POST', `/v1/payments/${payment.id}/close`, {}],
        ['POST', `/v1/payments/${payment.id}/cancel`, {}],
        ['POST', `/v1/payments/${payment.id}/sync`, {}],
        ['POST', `/v1/payments/${payment.id}/attempts`, { method: 'alipay_qr' }],
        ['POST', '/v1/refunds', { payment_id: payment.id, merchant_refund_no: 'r', amount_fen: 1 }],
      ] as const) {
        const answer = await world.flow(world.api(method, path, { key, body: sent }));
        assert.ok([403, 404].includes(answer.status), `${method} ${path}: ${answer.text}`);
      }
      const none = await world.flow(world.api('GET', '/v1/payments', { key }));
      assert.deepEqual(none.body.data, []);
    }
    assert.equal((await shop.retrieve(payment.id)).version, payment.version);
  });
});

describe('the same request again', () => {
  it('I-36 a hundred times at once on two nodes makes one payment and identical replies', async () => {
    const sent = shop.order();
    const answers = await world.flow(
      Promise.all(
        Array.from({ length: 100 }, (_, at) =>
          world.api('POST', '/v1/payments', { body: sent, idempotency_key: `dup-${sent.merchant_order_no}`, node: at % 2 }),
        ),
      ),
    );
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [201]);
    assert.equal(new Set(answers.map(({ text }) => text)).size, 1);
    assert.equal(
      world.simulators
        .get('wechatpay')
        ?.orders()
        .filter(({ order_no }) => order_no === answers[0]?.body.attempt.channel_order_no).length,
      1,
    );
    const { count } = await world.ctx.db.kysely
      .selectFrom('payments')
      .where('merchant_order_no', '=', sent.merchant_order_no)
      .select(({ fn }) => fn.countAll<bigint>().as('count'))
      .executeTakeFirstOrThrow();
    assert.equal(count, 1n);
  });

  it('without a key is known by its order number', async () => {
    const sent = shop.order();
    const answers = await world.flow(Promise.all(Array.from({ length: 20 }, (_, at) => world.api('POST', '/v1/payments', { body: sent, node: at % 2 }))));
    assert.equal(new Set(answers.map(({ text }) => text)).size, 1, answers.map(({ text }) => text).join('\n'));
  });

  it('with other content is refused, by key and by order number', async () => {
    const sent = shop.order();
    await world.flow(world.api('POST', '/v1/payments', { body: sent, idempotency_key: 'k-1' }));
    const by_key = await world.flow(world.api('POST', '/v1/payments', { body: { ...sent, amount_fen: 101 }, idempotency_key: 'k-1' }));
    const by_no = await world.flow(world.api('POST', '/v1/payments', { body: { ...sent, amount_fen: 101 } }));
    assert.equal(by_key.body.error.code, 'idempotency_key_reused');
    assert.equal(by_no.body.error.code, 'merchant_order_no_taken');
  });

  it('A-09 two hundred refunds of 60 on payments of 100 from two nodes never refund too much', async () => {
    const payments = await Promise.all(Array.from({ length: 4 }, () => shop.create()));
    for (const payment of payments) await act(payment);
    for (const payment of payments) await shop.reaches(payment.id, 'paid');
    const answers = await world.flow(
      Promise.all(
        Array.from({ length: 200 }, (_, at) =>
          world.api('POST', '/v1/refunds', {
            node: at % 2,
            body: { payment_id: payments[at % payments.length]?.id, merchant_refund_no: `race-${at}`, amount_fen: 60 },
          }),
        ),
      ),
    );
    assert.equal(answers.filter(({ status }) => status === 201).length, payments.length);
    assert.ok(answers.every(({ status, body: answer }) => status === 201 || answer.error.code === 'refund_exceeds_paid'));
    const truth = world.simulators.get('wechatpay')?.truth().refunds ?? [];
    for (const payment of payments) {
      const sum = truth.filter(({ order_no }) => order_no === payment.attempt.channel_order_no).reduce((total, { amount_fen }) => total + amount_fen, 0);
      assert.equal(sum, 60);
    }
  });
});

describe('money that was not expected', () => {
  it('CF-10 a lost notification is found by asking', async () => {
    const payment = await shop.create();
    world.inject('wechatpay', { kind: 'notify_lost', times: 1 });
    await act(payment);
    world.clock.advance(12_000);
    assert.equal((await shop.reaches(payment.id, 'paid')).paid_fen, 100);
  });

  it('CF-20 two wallets paid: the second goes back by itself and the merchant hears of it', async () => {
    const payment = await shop.create();
    const again = await world.flow(world.api('POST', `/v1/payments/${payment.id}/attempts`, { body: { method: 'alipay_qr' } }));
    assert.equal(again.status, 201, again.text);
    await Promise.all([act(payment), act(again.body)]);
    await shop.reaches(payment.id, 'paid');
    await world.until(() => webhooksOf(payment.id).some(({ type }) => type === 'payment.duplicate_received'), 120_000);
    await world.until(
      () =>
        world.inbox.some(({ type, data }) => type === 'refund.succeeded' && 'cause' in data && data.cause === 'duplicate' && data.payment_id === payment.id),
      120_000,
    );
    const { refunded_fen, state } = await shop.retrieve(payment.id);
    assert.deepEqual({ refunded_fen, state }, { refunded_fen: 0, state: 'paid' });
  });

  it('CF-19 money after closing is late and goes back', async () => {
    const payment = await shop.create({ expires_in_s: 60 });
    world.clock.advance(61_000);
    assert.equal((await shop.reaches(payment.id, 'closed')).closed_reason, 'expired');
    await act(payment, true);
    await world.until(() => webhooksOf(payment.id).some(({ type }) => type === 'payment.late_received'));
    await world.until(
      () => world.inbox.some(({ type, data }) => type === 'refund.succeeded' && 'cause' in data && data.cause === 'late' && data.payment_id === payment.id),
      120_000,
    );
    assert.equal((await shop.retrieve(payment.id)).state, 'closed');
  });

  for (const [kind, anomaly] of [
    ['notify_wrong_amount', 'amount_mismatch'],
    ['notify_wrong_merchant', 'identity_mismatch'],
    ['notify_unknown_order', 'orphan_success'],
  ] as const) {
    for (const channel of ['wechatpay', 'alipay']) {
      it(`CF-12 CF-13 ${kind} of ${channel}, truly signed, pays nothing and calls a person`, async () => {
        const payment = await shop.create({ method: channel === 'wechatpay' ? 'wechat_qr' : 'alipay_qr' });
        world.inject(channel, { kind, times: 1 });
        const before_count = world.inbox.length;
        await act(payment);
        await world.until(() => world.inbox.slice(before_count).some(({ type }) => type === 'anomaly.opened'));
        const opened = world.inbox.slice(before_count).find(({ type }) => type === 'anomaly.opened');
        assert.ok(opened);
        assert.equal((opened.data as unknown as { kind: string }).kind, anomaly);
        // The truth is found by asking all the same.
        world.clock.advance(12_000);
        await shop.reaches(payment.id, 'paid');
      });
    }
  }
});

describe('an outcome that is not known', () => {
  for (const kind of ['drop_before', 'drop_after', 'cut_answer', 'html_answer', 'server_error', 'unsigned_answer', 'bad_signature', 'unlisted_code'] as const) {
    it(`${kind} on create stays open and finds its action`, async () => {
      world.inject('wechatpay', { kind, on: 'pay', times: 1 });
      const created = await world.flow(world.api('POST', '/v1/payments', { body: shop.order() }));
      assert.equal(created.status, 201, created.text);
      assert.equal(created.body.state, 'pending');
      assert.equal(created.body.attempt.refusal, null);
      // The first question comes soon; the same request is sent again only when the first one cannot be on its way any more.
      await passTime(world, 45_000);
      await world.until(async () => (await world.api('GET', `/v1/payments/${created.body.id}`)).body.attempt.state === 'waiting');
      const open = await shop.retrieve(created.body.id);
      assert.equal(open.next_action.type, 'show_qr');
      await act(open);
      await shop.reaches(open.id, 'paid');
    });
  }

  it('I-15 a refund whose answer is lost is finished under the same number', async () => {
    const payment = await shop.create();
    await act(payment);
    await shop.reaches(payment.id, 'paid');
    world.inject('wechatpay', { kind: 'drop_after', on: 'refund', times: 1 });
    const lost = await refund(payment.id);
    assert.notEqual(lost.body.state, 'refused');
    await passTime(world, 30_000);
    await world.until(async () => (await world.api('GET', `/v1/refunds/${lost.body.id}`)).body.state === 'succeeded', 120_000);
    const mine = world.simulators
      .get('wechatpay')
      ?.truth()
      .refunds.filter(({ order_no }) => order_no === payment.attempt.channel_order_no);
    assert.equal(mine?.length, 1);
  });
});

describe('close and cancel', () => {
  it('close closes at the channel first, and a closed order cannot be paid', async () => {
    const payment = await shop.create();
    const closed = await world.flow(world.api('POST', `/v1/payments/${payment.id}/close`, { body: {} }));
    assert.equal(closed.status, 200, closed.text);
    assert.deepEqual([closed.body.state, closed.body.closed_reason], ['closed', 'cancelled']);
    assert.equal(await shop.pay(payment), false);
    const again = await world.flow(world.api('POST', `/v1/payments/${payment.id}/close`, { body: {} }));
    assert.equal(again.body.state, 'closed');
  });

  it('close of a payment that was just paid says so, and the payment is paid', async () => {
    const payment = await shop.create();
    world.inject('wechatpay', { kind: 'notify_lost', times: 1 });
    await act(payment);
    const answer = await world.flow(world.api('POST', `/v1/payments/${payment.id}/close`, { body: {} }));
    assert.equal(answer.body.error?.code, 'payment_already_paid', answer.text);
    assert.equal((await shop.retrieve(payment.id)).state, 'paid');
  });

  it('cancel of a paid payment gives all of it back', async () => {
    const payment = await shop.create();
    await act(payment);
    await shop.reaches(payment.id, 'paid');
    const cancelled = await world.flow(world.api('POST', `/v1/payments/${payment.id}/cancel`, { body: {} }));
    assert.equal(cancelled.status, 200, cancelled.text);
    assert.equal(cancelled.body.refunding_fen + cancelled.body.refunded_fen, 100);
    await world.until(async () => (await world.api('GET', `/v1/payments/${payment.id}`)).body.refunded_fen === 100, 120_000);
  });
});

describe('a payment code', () => {
  for (const channel of ['wechatpay', 'alipay']) {
    it(`of ${channel} is found by its prefix and pays at once`, async () => {
      const payment = await shop.scan(channel, 'pays');
      assert.equal(payment.attempt.channel, channel);
      assert.equal(payment.state, 'paid');
    });

    it(`of ${channel} that asks for a password is waited for and paid when confirmed`, async () => {
      const payment = await shop.scan(channel, 'asks_password');
      assert.equal(payment.state, 'pending');
      assert.equal(payment.next_action.type, 'wait');
      await act(payment);
      world.clock.advance(6_000);
      await shop.reaches(payment.id, 'paid');
    });

    it(`of ${channel} that is never confirmed is reversed, and the till can go on`, async () => {
      const payment = await shop.scan(channel, 'asks_password');
      await passTime(world, 75_000);
      await world.until(async () => (await world.api('GET', `/v1/payments/${payment.id}`)).body.attempt.state === 'closed');
      assert.equal(await shop.pay(payment), false);
    });

    it(`of ${channel} is cancelled by the cashier while the payer hesitates`, async () => {
      const payment = await shop.scan(channel, 'asks_password');
      world.clock.advance(16_000);
      const cancelled = await world.flow(world.api('POST', `/v1/payments/${payment.id}/cancel`, { body: {} }));
      assert.equal(cancelled.body.state, 'closed', cancelled.text);
    });

    for (const [behaviour, reason] of [
      ['insufficient_funds', 'insufficient_funds'],
      ['expired', 'payment_code_expired'],
    ] as const) {
      it(`of ${channel} with ${behaviour} is refused and the payment takes another`, async () => {
        const payment = await shop.scan(channel, behaviour);
        assert.equal(payment.attempt.state, 'refused', JSON.stringify(payment.attempt));
        assert.ok([reason, 'payment_code_invalid'].includes(payment.attempt.refusal?.reason ?? ''), JSON.stringify(payment.attempt.refusal));
        const auth_code = world.simulators.get(channel)?.newPaymentCode('pays');
        const second = await world.flow(world.api('POST', `/v1/payments/${payment.id}/attempts`, { body: { method: 'barcode', auth_code } }));
        assert.equal(second.body.state, 'paid', second.text);
      });
    }
  }

  it('CF-01 that was charged but not answered is found out, never charged again', async () => {
    world.inject('wechatpay', { kind: 'drop_after', on: 'pay', times: 1 });
    const payment = await shop.scan('wechatpay', 'pays');
    assert.equal(payment.attempt.state, 'sending');
    world.clock.advance(6_000);
    await shop.reaches(payment.id, 'paid');
    const paid = world.simulators
      .get('wechatpay')
      ?.truth()
      .payments.filter(({ order_no }) => order_no === payment.attempt.channel_order_no);
    assert.equal(paid?.length, 1);
  });

  it('of no wallet is refused by name and nothing is stored', async () => {
    const sent = shop.order({ method: 'barcode', auth_code: '9900000000000000000' });
    const answer = await world.flow(world.api('POST', '/v1/payments', { body: sent }));
    assert.equal(answer.status, 400);
    assert.deepEqual([answer.body.error.code, answer.body.error.param], ['payment_code_unknown', 'auth_code']);
    assert.equal((await world.flow(world.api('GET', `/v1/payments/by-order-no/${sent.merchant_order_no}`))).status, 404);
  });
});
