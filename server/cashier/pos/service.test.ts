import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { device_guesses_burst, pairing_code_ms, pos_wait_ms_max, pos_waits_per_device_max } from '../../kernel/limits.ts';
import { until } from '../../testing/until.ts';
import { type ApiAnswer, aWorld, type World } from '../../testing/world.ts';
import { aPosShop, newNo, type PosShop, pin, refused, type Till } from './testing/till.ts';

/** The till of a shop: pairing, charging, giving up, refunds with the supervisor's PIN, hand-overs. */
let world: World;
let pos: PosShop;
before(async () => {
  world = await aWorld({ nodes: 2 });
  pos = await aPosShop(world);
});
after(() => world.close());

describe('pairing', () => {
  it('gives a device its store and terminal by a code of one use', async () => {
    const till = await pos.aTill();
    const { body } = await till.send('/till');
    assert.deepEqual([body.merchant_name, body.store_name, body.terminal_name, body.livemode], [pos.shop.merchant.name, '南京东路店', '1 号台', false]);
    assert.deepEqual(body.qr_methods.map(({ method }: { method: string }) => method).toSorted(), ['alipay_qr', 'qr', 'wechat_qr']);
    const { data } = await pos.shop.read(`/v1/devices?terminal_id=${till.terminal_id}`);
    assert.deepEqual(
      data.map(({ id, state }: { id: string; state: string }) => [id, state]),
      [[till.device_id, 'active']],
    );
  });

  it('of devices that type the code at the same time one is paired; a code is read as people type it', async () => {
    const { code } = await pos.made(`/v1/terminals/${await pos.aTerminal()}/pairing_codes`, {});
    assert.match(code, /^[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$/);
    const typed = ` ${code.toLowerCase().replace('-', ' ')} `;
    const answers = await world.flow(Promise.all([pos.pair(typed), pos.pair(code, 1), pos.pair(code), pos.pair(typed, 1)]));
    assert.deepEqual(answers.map(({ status }) => status).toSorted(), [201, 401, 401, 401]);
  });

  it('refuses codes that are old, replaced or of a closed terminal', async () => {
    const terminal_id = await pos.aTerminal();
    const codes = async () => (await pos.made(`/v1/terminals/${terminal_id}/pairing_codes`, {})).code as string;
    const replaced = await codes();
    const old = await codes();
    refused(await world.flow(pos.pair(replaced)), 401, 'pairing_code_wrong');
    world.clock.advance(pairing_code_ms);
    refused(await world.flow(pos.pair(old)), 401, 'pairing_code_wrong');
    const last = await codes();
    await pos.made(`/v1/terminals/${terminal_id}/close`);
    refused(await world.flow(pos.pair(last)), 409, 'terminal_closed');
  });

  it('D-01: guesses are slowed down, and nothing of code or token is stored or told', async () => {
    const guesses: number[] = [];
    for (let at = 0; at <= device_guesses_burst; at++) guesses.push((await pos.pair(`ZZZZZ-ZZZ${String(at).padStart(2, '0')}`, 1)).status);
    assert.equal(guesses.at(-1), 429);
    assert.equal(guesses[0], 401);
    world.clock.advance(600_000);
    const till = await pos.aTill();
    const rows = JSON.stringify(await world.ctx.db.kysely.selectFrom('devices').selectAll().execute(), (_, value) =>
      typeof value === 'bigint' ? String(value) : value,
    );
    assert.ok(!rows.includes(till.token));
  });

  it('A-08: a revoked device and a closed terminal stop with the next request, on every node', async () => {
    const [revoked, closed] = [await pos.aTill(), await pos.aTill()];
    assert.equal((await revoked.send('/till', undefined, 1)).status, 200);
    await pos.made(`/v1/devices/${revoked.device_id}/revoke`);
    for (const node of [0, 1]) refused(await revoked.send('/till', undefined, node), 401, 'device_unauthenticated');
    await pos.made(`/v1/terminals/${closed.terminal_id}/close`);
    refused(await closed.send('/till'), 409, 'terminal_closed');
    world.clock.advance(600_000);
    for (const key of ['hd_', `hd_${'A'.repeat(43)}`, pos.shop.key]) {
      const answer = await world.flow(world.api('GET', '/pos/api/till', { key }));
      refused(answer, 401, 'device_unauthenticated');
    }
  });

  it('a device credential opens nothing of the merchant API', async () => {
    const till = await pos.aTill();
    refused(await world.flow(world.api('GET', '/v1/payments', { key: till.token })), 401, 'unauthenticated');
  });
});

describe('an order', () => {
  for (const channel of ['wechatpay', 'alipay']) {
    it(`${channel}: is charged by the code that the payer shows, with one clear outcome`, async () => {
      const till = await pos.aTill();
      const sent = pos.byCode(channel);
      const { body } = await till.send('/orders', sent);
      const outcome = body.outcome === 'paid' ? body : (await till.send(`/orders/${sent.order_no}/next?after_version=${body.payment.version}`)).body;
      assert.deepEqual([outcome.outcome, outcome.payment.terminal_id, outcome.payment.paid_fen], ['paid', till.terminal_id, 1_280]);
    });
  }

  it('the same order on a bad network is charged once: twenty times at once, on two nodes', async () => {
    const till = await pos.aTill();
    const sent = pos.byCode('wechatpay');
    const answers = await world.flow(Promise.all(Array.from({ length: 20 }, (_, at) => till.ask('/orders', sent, at % 2))));
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [201], answers[0]?.text);
    assert.equal(new Set(answers.map(({ body }) => body.payment.id)).size, 1);
    const again = (await till.send('/orders', sent)).body;
    assert.equal(pos.shop.truth(again.payment).charges, 1);
    refused(await till.send('/orders', { ...sent, amount_fen: 1 }), 409, 'merchant_order_no_taken');
  });

  it('is waited for by few requests of a device at a time, and by none whose caller has gone', async () => {
    const till = await pos.aTill();
    const sent = pos.byCode('wechatpay', 'asks_password');
    const { version } = (await till.send('/orders', sent)).body.payment;
    const path = `/orders/${sent.order_no}/next?after_version=${version + 100}`;
    const callers = Array.from({ length: pos_waits_per_device_max + 1 }, () => new AbortController());
    const headers = { authorization: `Bearer ${till.token}` };
    // Time stands still, so each of them waits, but the one that is refused.
    const waiting = callers.map(({ signal }) => fetch(`${world.ctx.config.public_url}/pos/api${path}`, { signal, headers }));
    assert.equal((await Promise.race(waiting)).status, 429);
    const began_ms = world.clock.monotonic_ms();
    for (const caller of callers) caller.abort();
    await Promise.allSettled(waiting);
    let asked_ms = began_ms;
    await until('nobody waits for who has gone', async () => {
      asked_ms = world.clock.monotonic_ms();
      return (await till.send(path)).status === 200;
    });
    assert.ok(asked_ms < began_ms + pos_wait_ms_max, 'none of them waited until it would have given up by itself');
  });

  it('after a refused code the next scan is another try of the same order, and each try is sent once', async () => {
    const till = await pos.aTill();
    const first = pos.byCode('alipay', 'insufficient_funds');
    assert.equal((await till.send('/orders', first)).body.outcome, 'refused');
    const second = { ...first, try_no: 2, auth_code: pos.shop.paymentCode('alipay', 'pays') };
    const answers = await world.flow(Promise.all([till.ask('/orders', second), till.ask('/orders', second, 1), till.ask('/orders', second)]));
    assert.deepEqual([...new Set(answers.map(({ text }) => text))].length, 1, answers.map(({ text }) => text).join('\n'));
    const { body } = answers[0] as ApiAnswer;
    assert.equal(body.outcome, 'paid');
    const attempts = await world.ctx.db.kysely.selectFrom('attempts').select('id').where('payment_id', '=', body.payment.id).execute();
    assert.equal(attempts.length, 2);
  });

  it('scans no code while one on the screen may still be paid: its refusal would pass for the end of the order', async () => {
    const till = await pos.aTill();
    const order_no = newNo();
    const { body } = await till.send('/orders', { order_no, try_no: 1, amount_fen: 500, qr_method: 'wechat_qr' });
    assert.equal(body.outcome, 'show_qr');
    const scan = { order_no, try_no: 2, amount_fen: 500, auth_code: pos.shop.paymentCode('alipay', 'insufficient_funds') };
    refused(await till.send('/orders', scan), 409, 'attempt_unsettled');
    await pos.shop.pay(await pos.shop.retrieve(body.payment.id));
    await world.until(async () => (await till.ask(`/orders/${order_no}`)).body.outcome === 'paid');
  });

  it('waits for the password and is told when the payer confirms; a cashier who gives up charges nobody', async () => {
    const till = await pos.aTill();
    const sent = pos.byCode('wechatpay', 'asks_password');
    const { body } = await till.send('/orders', sent);
    assert.equal(body.outcome, 'waiting');
    // A second code while the first is open could charge twice.
    refused(await till.send('/orders', { ...sent, try_no: 2, auth_code: pos.shop.paymentCode('wechatpay', 'pays') }), 409, 'attempt_unsettled');
    const waiting = till.ask(`/orders/${sent.order_no}/next?after_version=${body.payment.version}`);
    await world.flow(world.simulators.get('wechatpay')?.act(body.payment.attempt.channel_order_no, { do: 'pay' }) as Promise<unknown>);
    assert.equal((await world.flow(waiting)).body.outcome, 'paid');

    const other = pos.byCode('wechatpay', 'asks_password');
    const { payment } = (await till.send('/orders', other)).body;
    const given_up = (await till.send(`/orders/${other.order_no}/cancel`, {})).body;
    assert.ok(['closed', 'cancelling'].includes(given_up.outcome));
    await world.until(async () => (await till.ask(`/orders/${other.order_no}`)).body.outcome === 'closed');
    assert.equal(pos.shop.truth(payment).charges, 0);
    assert.equal((await till.send(`/orders/${other.order_no}/cancel`, {})).body.outcome, 'closed');
  });

  it('shows a code of the wallet that is asked for', async () => {
    const till = await pos.aTill();
    const order_no = newNo();
    const { body } = await till.send('/orders', { order_no, try_no: 1, amount_fen: 500, qr_method: 'alipay_qr' });
    assert.deepEqual([body.outcome, body.payment.next_action.type], ['show_qr', 'show_qr']);
    refused(await till.send('/orders', { order_no: newNo(), try_no: 1, amount_fen: 500, qr_method: 'alipay_app' }), 400, 'parameter_invalid');
    refused(await till.send('/orders', { order_no: newNo(), try_no: 1, amount_fen: 500 }), 400, 'parameter_missing');
  });

  it('shows one code for every wallet, which outlives a wallet that refused', async () => {
    const till = await pos.aTill();
    const order_no = newNo();
    const { body } = await till.send('/orders', { order_no, try_no: 1, amount_fen: 500, qr_method: 'qr' });
    assert.equal(body.outcome, 'show_qr');
    const page = body.payment.next_action.qr_content;
    assert.match(page, /\/c\/[0-9A-Z]{32}$/);
    world.inject('alipay', { kind: 'error_code', on: 'pay', code: 'ACQ.BUYER_BALANCE_NOT_ENOUGH' });
    await pos.shop.post(`/v1/payments/${body.payment.id}/attempts`, { method: 'alipay_qr' });
    assert.equal((await till.send(`/orders/${order_no}`)).body.outcome, 'show_qr');
    await pos.shop.post(`/v1/payments/${body.payment.id}/attempts`, { method: 'wechat_qr' });
    await pos.shop.pay(await pos.shop.retrieve(body.payment.id));
    await world.until(async () => (await till.ask(`/orders/${order_no}`)).body.outcome === 'paid');
    refused(await till.send('/orders', { order_no, try_no: 2, amount_fen: 500, qr_method: 'qr' }), 400, 'parameter_invalid');
    const given_up = newNo();
    await till.send('/orders', { order_no: given_up, try_no: 1, amount_fen: 500, qr_method: 'qr' });
    assert.equal((await till.send(`/orders/${given_up}/cancel`, {})).body.outcome, 'closed');
  });

  it('C-10: a payment code is charged once, at one till: not by another till, not at the same time, not after its answer was lost', async () => {
    const [one, other] = [await pos.aTill(), await pos.aTill()];
    const chargesOf = async (...orders: string[]) => {
      const all = await Promise.all(orders.map(async (order_no, at) => (await [one, other][at]?.ask(`/orders/${order_no}`))?.body));
      return all.reduce((sum, order) => sum + (order?.payment ? pos.shop.truth(order.payment).charges : 0), 0);
    };
    for (const [channel, fault] of [
      ['wechatpay', undefined],
      ['alipay', undefined],
      ['wechatpay', 'drop_after'],
    ] as const) {
      const auth_code = pos.shop.paymentCode(channel, 'pays');
      if (fault) world.inject(channel, { kind: fault, on: 'pay' });
      const [first, second] = [newNo(), newNo()];
      const sent = (order_no: string) => ({ order_no, try_no: 1, amount_fen: 1_280, auth_code });
      if (fault) {
        await one.send('/orders', sent(first));
        await other.send('/orders', sent(second));
      } else await world.flow(Promise.all([one.ask('/orders', sent(first)), other.ask('/orders', sent(second), 1)]));
      const settled = async () => {
        const outcomes = await Promise.all([one.ask(`/orders/${first}`), other.ask(`/orders/${second}`)]);
        return (
          outcomes
            .map(({ body }) => body.outcome)
            .toSorted()
            .join() === 'paid,refused'
        );
      };
      await world.until(settled);
      assert.equal(await world.flow(chargesOf(first, second)), 1, `${channel} ${fault}`);
    }
  });

  it('E-01: is shown, cancelled and refunded at its own terminal alone', async () => {
    const [mine, other] = [await pos.aTill(), await pos.aTill()];
    const sent = pos.byCode('wechatpay');
    await mine.send('/orders', sent);
    refused(await other.send(`/orders/${sent.order_no}`), 404, 'order_not_here');
    refused(await other.send(`/orders/${sent.order_no}/cancel`, {}), 404, 'order_not_here');
    refused(await other.send('/refunds', { order_no: sent.order_no, refund_no: newNo(), amount_fen: 1, pin }), 404, 'order_not_here');
    assert.deepEqual((await other.send('/orders')).body.data, []);
    assert.deepEqual(
      (await mine.send('/orders')).body.data.map(({ order_no }: { order_no: string }) => order_no),
      [sent.order_no],
    );
  });
});

describe('a refund at the till', () => {
  it('needs the supervisor’s PIN, stays within the device’s day, and is made once', async () => {
    const till = await pos.aTill(1_500);
    const order_no = await pos.aPaid(till);
    const refund = { order_no, refund_no: newNo(), amount_fen: 1_000, pin };
    refused(await till.send('/refunds', { ...refund, pin: '000000' }), 403, 'supervisor_pin_wrong');
    const answers = await world.flow(Promise.all([till.ask('/refunds', refund), till.ask('/refunds', refund, 1), till.ask('/refunds', refund)]));
    assert.deepEqual(
      answers.map(({ status }) => status),
      [201, 201, 201],
      answers.map(({ text }) => text).join('\n'),
    );
    assert.equal(new Set(answers.map(({ body }) => body.refund.id)).size, 1);
    const second = await pos.aPaid(till);
    refused(await till.send('/refunds', { order_no: second, refund_no: newNo(), amount_fen: 501, pin }), 403, 'device_refund_limit');
    // More than was paid is refused, and its part of the day comes back.
    refused(await till.send('/refunds', { order_no, refund_no: newNo(), amount_fen: 500, pin }), 422, 'refund_exceeds_paid');
    assert.equal((await till.send('/refunds', { order_no: second, refund_no: newNo(), amount_fen: 500, pin })).status, 201);
    refused(await till.send('/refunds', { order_no: second, refund_no: newNo(), amount_fen: 1, pin }), 403, 'device_refund_limit');
  });

  it('I-11: the device’s day holds for refunds at the same time on two nodes', async () => {
    const till = await pos.aTill(1_000);
    const orders = [await pos.aPaid(till), await pos.aPaid(till), await pos.aPaid(till)];
    const answers = await world.flow(
      Promise.all(orders.map((order_no, at) => till.ask('/refunds', { order_no, refund_no: newNo(), amount_fen: 400, pin }, at % 2))),
    );
    assert.deepEqual(answers.map(({ status, body }) => body.error?.code ?? status).toSorted(), [201, 201, 'device_refund_limit']);
  });

  it('the place of a small refund is not a larger one’s, also when the node died before the refund was made', async () => {
    const till = await pos.aTill(100);
    const order_no = await pos.aPaid(till);
    const refund = { order_no, refund_no: newNo(), amount_fen: 1, pin };
    // As it is left by a node that died between the place and the refund.
    const merchant_refund_no = `pos-${till.terminal_id.slice(4)}-${refund.refund_no}`;
    const place = { merchant_id: pos.shop.merchant.id, device_id: till.device_id, merchant_refund_no, biz_date: '2026-11-22', amount_fen: 1n };
    await world.ctx.db.kysely.insertInto('device_refunds').values(place).execute();
    refused(await till.send('/refunds', { ...refund, amount_fen: 1_280 }), 409, 'merchant_refund_no_taken');
    assert.equal((await till.send('/refunds', refund)).body.refund.amount_fen, 1);
  });

  it('I-11 C-08: one refund number is one amount, also at the same time: a small part of the day lets no large refund through', async () => {
    const till = await pos.aTill(2_000);
    const order_no = await pos.aPaid(till);
    const refund_no = newNo();
    const answers = await world.flow(
      Promise.all([100, 1_200, 100, 1_200].map((amount_fen, at) => till.ask('/refunds', { order_no, refund_no, amount_fen, pin }, at % 2))),
    );
    assert.deepEqual(answers.map(({ status, body }) => body.error?.code ?? status).toSorted(), [
      201,
      201,
      'merchant_refund_no_taken',
      'merchant_refund_no_taken',
    ]);
    const [taken] = await world.ctx.db.kysely.selectFrom('device_refunds').select('amount_fen').where('device_id', '=', till.device_id).execute();
    const [refund] = answers.flatMap(({ body }) => (body.refund ? [body.refund] : []));
    assert.equal(Number(taken?.amount_fen), refund.amount_fen);
  });

  it('I-11: two devices of one terminal never give back more than was paid', async () => {
    const till = await pos.aTill(10_000);
    const beside = await pos.aTill(10_000, till.terminal_id);
    const order_no = await pos.aPaid(till);
    const ask = (of: Till, node: number) => of.ask('/refunds', { order_no, refund_no: newNo(), amount_fen: 1_000, pin }, node);
    const answers = await world.flow(Promise.all([ask(till, 0), ask(beside, 1), ask(till, 1), ask(beside, 0)]));
    assert.deepEqual(answers.map(({ status, body }) => body.error?.code ?? status).toSorted(), [201, ...Array(3).fill('refund_exceeds_paid')]);
  });

  it('a device without a limit refunds nothing, and no device an order of yesterday', async () => {
    const none = await pos.aTill();
    const unlimited = await pos.made(`/v1/terminals/${none.terminal_id}/pairing_codes`, {});
    const { token } = (await world.flow(pos.pair(unlimited.code))).body;
    const order_no = await pos.aPaid(none);
    const ask = (body: object) => world.flow(world.api('POST', '/pos/api/refunds', { body, key: token }));
    refused(await ask({ order_no, refund_no: newNo(), amount_fen: 1, pin }), 403, 'device_refund_limit');
    await world.ctx.db.kysely
      .updateTable('payments')
      .set({ created_at: new Date(world.clock.now().getTime() - 86_400_000) })
      .where('terminal_id', '=', none.terminal_id)
      .execute();
    refused(await none.send('/refunds', { order_no, refund_no: newNo(), amount_fen: 1, pin }), 404, 'order_not_here');
  });
});

describe('a hand-over 交接班', () => {
  it('counts by wallet what became final, in exactly one shift, however often it is pressed', async () => {
    const till = await pos.aTill();
    const settled = async (channel: string) => {
      const sent = pos.byCode(channel);
      await till.send('/orders', sent);
      await world.until(async () => (await till.ask(`/orders/${sent.order_no}`)).body.outcome === 'paid');
      return sent.order_no;
    };
    const first = await settled('wechatpay');
    await settled('wechatpay');
    await settled('alipay');
    await till.send('/orders', pos.byCode('wechatpay', 'insufficient_funds'));
    await till.send('/refunds', { order_no: first, refund_no: newNo(), amount_fen: 280, pin });
    await world.until(async () => (await till.ask(`/orders/${first}`)).body.payment.refunded_fen === 280);
    const expected = [
      { wallet: 'alipay', paid_count: 1, paid_fen: 1_280, refund_count: 0, refunded_fen: 0 },
      { wallet: 'wechat', paid_count: 2, paid_fen: 2_560, refund_count: 1, refunded_fen: 280 },
    ];
    assert.deepEqual((await till.send('/shift')).body.totals, expected);
    const pressed = await world.flow(Promise.all([till.ask('/shift/handover', { cashier: '小王' }), till.ask('/shift/handover', { cashier: '小王' }, 1)]));
    assert.deepEqual(
      pressed.map(({ status }) => status),
      [201, 201],
      pressed.map(({ text }) => text).join('\n'),
    );
    assert.equal(new Set(pressed.map(({ body }) => body.id)).size, 1);
    assert.deepEqual([pressed[0]?.body.totals, pressed[0]?.body.cashier], [expected, '小王']);
    await settled('alipay');
    // The answer was lost and it is sent again: the same hand-over, and what came since stays in the shift that runs.
    const [{ opened_at }] = pressed.map(({ body }) => body) as [{ opened_at: string }];
    const again = await till.send('/shift/handover', { cashier: '小王', opened_at });
    assert.deepEqual([again.status, again.body], [201, pressed[0]?.body]);
    for (const wrong of ['2026-11-22T00:00:00.000Z', 'yesterday', '']) {
      const refused = await till.send('/shift/handover', { cashier: '小王', opened_at: wrong });
      assert.deepEqual([refused.status, refused.body.error.param], [400, 'opened_at'], wrong);
    }
    const next = (await till.send('/shift/handover', { cashier: '小李', opened_at: pressed[0]?.body.closed_at })).body;
    assert.deepEqual(
      [next.opened_at, next.totals],
      [pressed[0]?.body.closed_at, [{ wallet: 'alipay', paid_count: 1, paid_fen: 1_280, refund_count: 0, refunded_fen: 0 }]],
    );
    const listed = (await pos.shop.read(`/v1/shifts?terminal_id=${till.terminal_id}`)).data;
    assert.deepEqual(
      listed.map(({ cashier }: { cashier: string }) => cashier),
      ['小李', '小王'],
    );
  });
});
