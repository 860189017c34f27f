import assert from 'node:assert/strict';
import { scryptSync } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { canonicalJson, sha256 } from '../../kernel/digest.ts';
import { device_guesses_burst, pairing_code_ms, pin_failures_max, pin_lock_ms, pos_waits_per_device_max } from '../../kernel/limits.ts';
import { newShop, type Shop } from '../../payments/testing/shop.ts';
import { moved_by_time, unchanged } from '../../testing/state.ts';
import { until } from '../../testing/until.ts';
import { type ApiAnswer, aWorld, type World } from '../../testing/world.ts';

/** The till of a shop: pairing, charging, giving up, refunds with the supervisor's PIN, hand-overs. */
let world: World;
let shop: Shop;
let store_id: string;
before(async () => {
  world = await aWorld({ nodes: 2 });
  shop = await newShop(world);
  store_id = (await made('/v1/stores', { name: '南京东路店' })).id;
  await made(`/v1/stores/${store_id}/supervisor_pin`, { pin });
});
after(() => world.close());

const pin = '204857';
const made = async (path: string, body?: object) => {
  const answer = await shop.post(path, body);
  assert.ok(answer.status < 300, answer.text);
  return answer.body;
};
const aTerminal = async () => (await made('/v1/terminals', { store_id, name: '1 号台', kind: 'pos' })).id as string;

type Till = {
  readonly token: string;
  readonly terminal_id: string;
  readonly device_id: string;
  /** Asks as the device; undefined body is a GET. */
  readonly ask: (path: string, body?: object, node?: number) => Promise<ApiAnswer>;
  readonly send: (path: string, body?: object, node?: number) => Promise<ApiAnswer>;
};
const pair = (code: string, node = 0) => world.api('POST', '/pos/api/pair', { body: { code, device_name: '前台' }, key: 'none', node });
async function aTill(refund_fen_max = 100_000, terminal?: string): Promise<Till> {
  const terminal_id = terminal ?? (await aTerminal());
  const { code } = await made(`/v1/terminals/${terminal_id}/pairing_codes`, { refund_fen_max });
  const { body, status, text } = await world.flow(pair(code));
  assert.equal(status, 201, text);
  const ask: Till['ask'] = (path, sent, node = 0) =>
    world.api(sent === undefined ? 'GET' : 'POST', `/pos/api${path}`, { key: body.token, node, ...(sent === undefined ? {} : { body: sent }) });
  return { token: body.token, terminal_id, device_id: body.device.id, ask, send: (...input) => world.flow(ask(...input)) };
}
let numbered = 0;
const newNo = () => `N${String(++numbered).padStart(15, '0')}`;
const byCode = (channel: string, behaviour: Parameters<Shop['paymentCode']>[1] = 'pays') => ({
  order_no: newNo(),
  try_no: 1,
  amount_fen: 1_280,
  auth_code: shop.paymentCode(channel, behaviour),
});
const refused = (answer: ApiAnswer, status: number, code: string) => assert.deepEqual([answer.status, answer.body.error?.code], [status, code], answer.text);

describe('pairing', () => {
  it('gives a device its store and terminal by a code of one use', async () => {
    const till = await aTill();
    const { body } = await till.send('/till');
    assert.deepEqual([body.merchant_name, body.store_name, body.terminal_name, body.livemode], [shop.merchant.name, '南京东路店', '1 号台', false]);
    assert.deepEqual(body.qr_methods.map(({ method }: { method: string }) => method).toSorted(), ['alipay_qr', 'qr', 'wechat_qr']);
    const { data } = (await world.flow(world.api('GET', `/v1/devices?terminal_id=${till.terminal_id}`, { key: shop.key }))).body;
    assert.deepEqual(
      data.map(({ id, state }: { id: string; state: string }) => [id, state]),
      [[till.device_id, 'active']],
    );
  });

  it('of devices that type the code at the same time one is paired; a code is read as people type it', async () => {
    const { code } = await made(`/v1/terminals/${await aTerminal()}/pairing_codes`, {});
    assert.match(code, /^[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$/);
    const typed = ` ${code.toLowerCase().replace('-', ' ')} `;
    const answers = await world.flow(Promise.all([pair(typed), pair(code, 1), pair(code), pair(typed, 1)]));
    assert.deepEqual(answers.map(({ status }) => status).toSorted(), [201, 401, 401, 401]);
  });

  it('refuses codes that are old, replaced or of a closed terminal', async () => {
    const terminal_id = await aTerminal();
    const codes = async () => (await made(`/v1/terminals/${terminal_id}/pairing_codes`, {})).code as string;
    const replaced = await codes();
    const old = await codes();
    refused(await world.flow(pair(replaced)), 401, 'pairing_code_wrong');
    world.clock.advance(pairing_code_ms);
    refused(await world.flow(pair(old)), 401, 'pairing_code_wrong');
    const last = await codes();
    await made(`/v1/terminals/${terminal_id}/close`);
    refused(await world.flow(pair(last)), 409, 'terminal_closed');
  });

  it('D-01: guesses are slowed down, and nothing of code or token is stored or told', async () => {
    const guesses: number[] = [];
    for (let at = 0; at <= device_guesses_burst; at++) guesses.push((await pair(`ZZZZZ-ZZZ${String(at).padStart(2, '0')}`, 1)).status);
    assert.equal(guesses.at(-1), 429);
    assert.equal(guesses[0], 401);
    world.clock.advance(600_000);
    const till = await aTill();
    const rows = JSON.stringify(await world.ctx.db.kysely.selectFrom('devices').selectAll().execute(), (_, value) =>
      typeof value === 'bigint' ? String(value) : value,
    );
    assert.ok(!rows.includes(till.token));
  });

  it('A-08: a revoked device and a closed terminal stop with the next request, on every node', async () => {
    const [revoked, closed] = [await aTill(), await aTill()];
    assert.equal((await revoked.send('/till', undefined, 1)).status, 200);
    await made(`/v1/devices/${revoked.device_id}/revoke`);
    for (const node of [0, 1]) refused(await revoked.send('/till', undefined, node), 401, 'device_unauthenticated');
    await made(`/v1/terminals/${closed.terminal_id}/close`);
    refused(await closed.send('/till'), 409, 'terminal_closed');
    world.clock.advance(600_000);
    for (const key of ['hd_', `hd_${'A'.repeat(43)}`, shop.key]) {
      const answer = await world.flow(world.api('GET', '/pos/api/till', { key }));
      refused(answer, 401, 'device_unauthenticated');
    }
  });

  it('a device credential opens nothing of the merchant API', async () => {
    const till = await aTill();
    refused(await world.flow(world.api('GET', '/v1/payments', { key: till.token })), 401, 'unauthenticated');
  });
});

describe('an order', () => {
  for (const channel of ['wechatpay', 'alipay']) {
    it(`${channel}: is charged by the code that the payer shows, with one clear outcome`, async () => {
      const till = await aTill();
      const sent = byCode(channel);
      const { body } = await till.send('/orders', sent);
      const outcome = body.outcome === 'paid' ? body : (await till.send(`/orders/${sent.order_no}/next?after_version=${body.payment.version}`)).body;
      assert.deepEqual([outcome.outcome, outcome.payment.terminal_id, outcome.payment.paid_fen], ['paid', till.terminal_id, 1_280]);
    });
  }

  it('the same order on a bad network is charged once: twenty times at once, on two nodes', async () => {
    const till = await aTill();
    const sent = byCode('wechatpay');
    const answers = await world.flow(Promise.all(Array.from({ length: 20 }, (_, at) => till.ask('/orders', sent, at % 2))));
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [201], answers[0]?.text);
    assert.equal(new Set(answers.map(({ body }) => body.payment.id)).size, 1);
    const again = (await till.send('/orders', sent)).body;
    assert.equal(shop.truth(again.payment).charges, 1);
    refused(await till.send('/orders', { ...sent, amount_fen: 1 }), 409, 'merchant_order_no_taken');
  });

  it('is waited for by few requests of a device at a time, and by none whose caller has gone', async () => {
    const till = await aTill();
    const sent = byCode('wechatpay', 'asks_password');
    const { version } = (await till.send('/orders', sent)).body.payment;
    const path = `/orders/${sent.order_no}/next?after_version=${version + 100}`;
    const callers = Array.from({ length: pos_waits_per_device_max + 1 }, () => new AbortController());
    const headers = { authorization: `Bearer ${till.token}` };
    // The nodes' own loops sleep too, each as soon as its work is done.
    let at_rest = -1;
    let looks = 0;
    await until('the nodes are at rest', () => {
      looks = world.clock.sleepers() === at_rest ? looks + 1 : 0;
      at_rest = world.clock.sleepers();
      return looks >= 20;
    });
    // Time stands still, so each of them waits, but the one that is refused.
    const waiting = callers.map(({ signal }) => fetch(`${world.ctx.config.public_url}/pos/api${path}`, { signal, headers }));
    assert.equal((await Promise.race(waiting)).status, 429);
    await until('the others wait', () => world.clock.sleepers() >= at_rest + pos_waits_per_device_max);
    const asleep = world.clock.sleepers();
    for (const caller of callers) caller.abort();
    await Promise.allSettled(waiting);
    await until('nobody waits for who has gone', () => world.clock.sleepers() <= asleep - pos_waits_per_device_max / 2);
    assert.equal((await till.send(path)).status, 200);
  });

  it('after a refused code the next scan is another try of the same order, and each try is sent once', async () => {
    const till = await aTill();
    const first = byCode('alipay', 'insufficient_funds');
    assert.equal((await till.send('/orders', first)).body.outcome, 'refused');
    const second = { ...first, try_no: 2, auth_code: shop.paymentCode('alipay', 'pays') };
    const answers = await world.flow(Promise.all([till.ask('/orders', second), till.ask('/orders', second, 1), till.ask('/orders', second)]));
    assert.deepEqual([...new Set(answers.map(({ text }) => text))].length, 1, answers.map(({ text }) => text).join('\n'));
    const { body } = answers[0] as ApiAnswer;
    assert.equal(body.outcome, 'paid');
    const attempts = await world.ctx.db.kysely.selectFrom('attempts').select('id').where('payment_id', '=', body.payment.id).execute();
    assert.equal(attempts.length, 2);
  });

  it('waits for the password and is told when the payer confirms; a cashier who gives up charges nobody', async () => {
    const till = await aTill();
    const sent = byCode('wechatpay', 'asks_password');
    const { body } = await till.send('/orders', sent);
    assert.equal(body.outcome, 'waiting');
    // A second code while the first is open could charge twice.
    refused(await till.send('/orders', { ...sent, try_no: 2, auth_code: shop.paymentCode('wechatpay', 'pays') }), 409, 'attempt_unsettled');
    const waiting = till.ask(`/orders/${sent.order_no}/next?after_version=${body.payment.version}`);
    await world.flow(world.simulators.get('wechatpay')?.act(body.payment.attempt.channel_order_no, { do: 'pay' }) as Promise<unknown>);
    assert.equal((await world.flow(waiting)).body.outcome, 'paid');

    const other = byCode('wechatpay', 'asks_password');
    const { payment } = (await till.send('/orders', other)).body;
    const given_up = (await till.send(`/orders/${other.order_no}/cancel`, {})).body;
    assert.ok(['closed', 'cancelling'].includes(given_up.outcome));
    await world.until(async () => (await till.ask(`/orders/${other.order_no}`)).body.outcome === 'closed');
    assert.equal(shop.truth(payment).charges, 0);
    assert.equal((await till.send(`/orders/${other.order_no}/cancel`, {})).body.outcome, 'closed');
  });

  it('shows a code of the wallet that is asked for', async () => {
    const till = await aTill();
    const order_no = newNo();
    const { body } = await till.send('/orders', { order_no, try_no: 1, amount_fen: 500, qr_method: 'alipay_qr' });
    assert.deepEqual([body.outcome, body.payment.next_action.type], ['show_qr', 'show_qr']);
    refused(await till.send('/orders', { order_no: newNo(), try_no: 1, amount_fen: 500, qr_method: 'alipay_app' }), 400, 'parameter_invalid');
    refused(await till.send('/orders', { order_no: newNo(), try_no: 1, amount_fen: 500 }), 400, 'parameter_missing');
  });

  it('shows one code for every wallet, which outlives a wallet that refused', async () => {
    const till = await aTill();
    const order_no = newNo();
    const { body } = await till.send('/orders', { order_no, try_no: 1, amount_fen: 500, qr_method: 'qr' });
    assert.equal(body.outcome, 'show_qr');
    const page = body.payment.next_action.qr_content;
    assert.match(page, /\/c\/[0-9A-Z]{32}$/);
    world.inject('alipay', { kind: 'error_code', on: 'pay', code: 'ACQ.BUYER_BALANCE_NOT_ENOUGH' });
    await shop.post(`/v1/payments/${body.payment.id}/attempts`, { method: 'alipay_qr' });
    assert.equal((await till.send(`/orders/${order_no}`)).body.outcome, 'show_qr');
    await shop.post(`/v1/payments/${body.payment.id}/attempts`, { method: 'wechat_qr' });
    await shop.pay(await shop.retrieve(body.payment.id));
    await world.until(async () => (await till.ask(`/orders/${order_no}`)).body.outcome === 'paid');
    refused(await till.send('/orders', { order_no, try_no: 2, amount_fen: 500, qr_method: 'qr' }), 400, 'parameter_invalid');
    const given_up = newNo();
    await till.send('/orders', { order_no: given_up, try_no: 1, amount_fen: 500, qr_method: 'qr' });
    assert.equal((await till.send(`/orders/${given_up}/cancel`, {})).body.outcome, 'closed');
  });

  it('C-10: a payment code is charged once, at one till: not by another till, not at the same time, not after its answer was lost', async () => {
    const [one, other] = [await aTill(), await aTill()];
    const chargesOf = async (...orders: string[]) => {
      const all = await Promise.all(orders.map(async (order_no, at) => (await [one, other][at]?.ask(`/orders/${order_no}`))?.body));
      return all.reduce((sum, order) => sum + (order?.payment ? shop.truth(order.payment).charges : 0), 0);
    };
    for (const [channel, fault] of [
      ['wechatpay', undefined],
      ['alipay', undefined],
      ['wechatpay', 'drop_after'],
    ] as const) {
      const auth_code = shop.paymentCode(channel, 'pays');
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
    const [mine, other] = [await aTill(), await aTill()];
    const sent = byCode('wechatpay');
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
  const aPaid = async (till: Till) => {
    const sent = byCode('wechatpay');
    await till.send('/orders', sent);
    await world.until(async () => (await till.ask(`/orders/${sent.order_no}`)).body.outcome === 'paid');
    return sent.order_no;
  };

  it('needs the supervisor’s PIN, stays within the device’s day, and is made once', async () => {
    const till = await aTill(1_500);
    const order_no = await aPaid(till);
    const refund = { order_no, refund_no: newNo(), amount_fen: 1_000, pin };
    refused(await till.send('/refunds', { ...refund, pin: '000000' }), 403, 'supervisor_pin_wrong');
    const answers = await world.flow(Promise.all([till.ask('/refunds', refund), till.ask('/refunds', refund, 1), till.ask('/refunds', refund)]));
    assert.deepEqual(
      answers.map(({ status }) => status),
      [201, 201, 201],
      answers.map(({ text }) => text).join('\n'),
    );
    assert.equal(new Set(answers.map(({ body }) => body.refund.id)).size, 1);
    const second = await aPaid(till);
    refused(await till.send('/refunds', { order_no: second, refund_no: newNo(), amount_fen: 501, pin }), 403, 'device_refund_limit');
    // More than was paid is refused, and its part of the day comes back.
    refused(await till.send('/refunds', { order_no, refund_no: newNo(), amount_fen: 500, pin }), 422, 'refund_exceeds_paid');
    assert.equal((await till.send('/refunds', { order_no: second, refund_no: newNo(), amount_fen: 500, pin })).status, 201);
    refused(await till.send('/refunds', { order_no: second, refund_no: newNo(), amount_fen: 1, pin }), 403, 'device_refund_limit');
  });

  it('I-11: the device’s day holds for refunds at the same time on two nodes', async () => {
    const till = await aTill(1_000);
    const orders = [await aPaid(till), await aPaid(till), await aPaid(till)];
    const answers = await world.flow(
      Promise.all(orders.map((order_no, at) => till.ask('/refunds', { order_no, refund_no: newNo(), amount_fen: 400, pin }, at % 2))),
    );
    assert.deepEqual(answers.map(({ status, body }) => body.error?.code ?? status).toSorted(), [201, 201, 'device_refund_limit']);
  });

  it('the place of a small refund is not a larger one’s, also when the node died before the refund was made', async () => {
    const till = await aTill(100);
    const order_no = await aPaid(till);
    const refund = { order_no, refund_no: newNo(), amount_fen: 1, pin };
    // As it is left by a node that died between the place and the refund.
    const merchant_refund_no = `pos-${till.terminal_id.slice(4)}-${refund.refund_no}`;
    const place = { merchant_id: shop.merchant.id, device_id: till.device_id, merchant_refund_no, biz_date: '2026-11-22', amount_fen: 1n };
    await world.ctx.db.kysely.insertInto('device_refunds').values(place).execute();
    refused(await till.send('/refunds', { ...refund, amount_fen: 1_280 }), 409, 'merchant_refund_no_taken');
    assert.equal((await till.send('/refunds', refund)).body.refund.amount_fen, 1);
  });

  it('I-11 C-08: one refund number is one amount, also at the same time: a small part of the day lets no large refund through', async () => {
    const till = await aTill(2_000);
    const order_no = await aPaid(till);
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
    const till = await aTill(10_000);
    const beside = await aTill(10_000, till.terminal_id);
    const order_no = await aPaid(till);
    const ask = (of: Till, node: number) => of.ask('/refunds', { order_no, refund_no: newNo(), amount_fen: 1_000, pin }, node);
    const answers = await world.flow(Promise.all([ask(till, 0), ask(beside, 1), ask(till, 1), ask(beside, 0)]));
    assert.deepEqual(answers.map(({ status, body }) => body.error?.code ?? status).toSorted(), [201, ...Array(3).fill('refund_exceeds_paid')]);
  });

  it('a device without a limit refunds nothing, and no device an order of yesterday', async () => {
    const none = await aTill();
    const unlimited = await made(`/v1/terminals/${none.terminal_id}/pairing_codes`, {});
    const { token } = (await world.flow(pair(unlimited.code))).body;
    const order_no = await aPaid(none);
    const ask = (body: object) => world.flow(world.api('POST', '/pos/api/refunds', { body, key: token }));
    refused(await ask({ order_no, refund_no: newNo(), amount_fen: 1, pin }), 403, 'device_refund_limit');
    await world.ctx.db.kysely
      .updateTable('payments')
      .set({ created_at: new Date(world.clock.now().getTime() - 86_400_000) })
      .where('terminal_id', '=', none.terminal_id)
      .execute();
    refused(await none.send('/refunds', { order_no, refund_no: newNo(), amount_fen: 1, pin }), 404, 'order_not_here');
  });

  it('D-01: five wrong PINs lock the tills of the store, also when they come at once; the right one then waits too', async () => {
    const elsewhere = (await made('/v1/stores', { name: '二店' })).id;
    const terminal_id = (await made('/v1/terminals', { store_id: elsewhere, name: '台', kind: 'pos' })).id;
    const till = await aTill(100_000, terminal_id);
    const order_no = await aPaid(till);
    const refund = (tried: string, node = 0) => till.ask('/refunds', { order_no, refund_no: newNo(), amount_fen: 1, pin: tried }, node);
    refused(await world.flow(refund(pin)), 409, 'supervisor_pin_missing');
    await made(`/v1/stores/${elsewhere}/supervisor_pin`, { pin });
    const answers = await world.flow(Promise.all(Array.from({ length: 12 }, (_, at) => refund('000000', at % 2))));
    assert.equal(answers.filter(({ body }) => body.error.code === 'supervisor_pin_wrong').length, pin_failures_max);
    refused(await world.flow(refund(pin)), 429, 'supervisor_pin_locked');
    world.clock.advance(pin_lock_ms);
    assert.equal((await world.flow(refund(pin))).status, 201);
  });
});

describe('the PIN of a supervisor', () => {
  it('J-08: is kept by scrypt at its stated cost, under a salt of its own', async () => {
    const other = (await made('/v1/stores', { name: '三店' })).id;
    await made(`/v1/stores/${other}/supervisor_pin`, { pin });
    const rows = await world.ctx.db.kysely.selectFrom('supervisor_pins').selectAll().where('store_id', 'in', [store_id, other]).execute();
    assert.equal(rows.length, 2);
    for (const { salt, pin_hash } of rows) {
      assert.equal(salt.length, 16);
      assert.ok(pin_hash.equals(scryptSync(pin, salt, 32, { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 })));
    }
    assert.notDeepEqual(rows[0]?.salt, rows[1]?.salt);
  });

  it('J-08: is all of its digits and nothing else: what is cut, longer, padded or written otherwise is refused and changes nothing', async () => {
    const path = `/v1/stores/${store_id}/supervisor_pin`;
    // Time goes on for the orders of the tests before.
    const others = [...moved_by_time, 'payments', 'attempts', 'transitions', 'evidence'];
    const wrongForms = async () => {
      for (const wrong of ['', '12345', '1'.repeat(13), '1'.repeat(64), `${pin}\u0000`, ` ${pin}`, `${pin}\n`, '２０４８５７', '0x3203', Number(pin), null])
        assert.deepEqual((await world.api('POST', path, { key: shop.key, body: { pin: wrong } })).body.error?.param, 'pin', JSON.stringify(wrong));
    };
    await unchanged(world.ctx, wrongForms, others);
    const long = '204857204857';
    const elsewhere = (await made('/v1/stores', { name: '四店' })).id;
    await made(`/v1/stores/${elsewhere}/supervisor_pin`, { pin: long });
    const till = await aTill(100_000, (await made('/v1/terminals', { store_id: elsewhere, name: '台', kind: 'pos' })).id);
    const sent = byCode('wechatpay');
    await till.send('/orders', sent);
    await world.until(async () => (await till.ask(`/orders/${sent.order_no}`)).body.outcome === 'paid');
    const refund = (tried: string) => till.send('/refunds', { order_no: sent.order_no, refund_no: newNo(), amount_fen: 1, pin: tried });
    // That a try failed is counted; nothing is given back, nor anything else moved.
    const tryWrong = async () => {
      for (const wrong of [long.slice(0, 6), long.slice(0, 11), `${long.slice(0, 11)}8`, `9${long.slice(1)}`])
        refused(await refund(wrong), 403, 'supervisor_pin_wrong');
    };
    await unchanged(world.ctx, tryWrong, [...others, 'supervisor_pins']);
    assert.equal((await refund(long)).status, 201);
  });

  it('is not told by the hash of the request that set it, and the same request is still known by it', async () => {
    const path = `/v1/stores/${store_id}/supervisor_pin`;
    const set = (tried: string) => world.flow(world.api('POST', path, { key: shop.key, body: { pin: tried }, headers: { 'idempotency-key': 'one-pin' } }));
    const first = await set(pin);
    assert.equal(first.text, (await set(pin)).text);
    refused(await set('204858'), 409, 'idempotency_key_reused');
    const [kept] = await world.ctx.db.run<{ request_hash: Buffer }>(
      { name: 'pin_request', text: 'select request_hash from idempotency_keys where merchant_id = $1 and key = $2' },
      [shop.merchant.id, 'one-pin'],
    );
    const plain = sha256(canonicalJson(['set_supervisor_pin', { store_id }, { pin }]));
    assert.equal(kept?.request_hash.equals(plain), false);
  });
});

describe('a hand-over 交接班', () => {
  it('counts by wallet what became final, in exactly one shift, however often it is pressed', async () => {
    const till = await aTill();
    const settled = async (channel: string) => {
      const sent = byCode(channel);
      await till.send('/orders', sent);
      await world.until(async () => (await till.ask(`/orders/${sent.order_no}`)).body.outcome === 'paid');
      return sent.order_no;
    };
    const first = await settled('wechatpay');
    await settled('wechatpay');
    await settled('alipay');
    await till.send('/orders', byCode('wechatpay', 'insufficient_funds'));
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
    const listed = (await world.flow(world.api('GET', `/v1/shifts?terminal_id=${till.terminal_id}`, { key: shop.key }))).body.data;
    assert.deepEqual(
      listed.map(({ cashier }: { cashier: string }) => cashier),
      ['小李', '小王'],
    );
  });
});
