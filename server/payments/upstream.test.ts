import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { issuerOfPaymentCode } from '../channels/payment-code.ts';
import { isRefusal } from '../kernel/refusal.ts';
import { aWorld, type World } from '../testing/world.ts';
import { newShop, type Shop } from './testing/shop.ts';
import { passTimeUntil } from './testing/time.ts';
import { resolveMethod } from './upstream.ts';

/** Payment codes 付款码: whose it is, what a cashier is told, and that a cashier may give up at any moment. */

const prefixes = Array.from({ length: 100 }, (_, at) => String(at).padStart(2, '0'));
const lengths = Array.from({ length: 20 }, (_, at) => at + 14);

describe('every prefix and length', () => {
  it('goes to the wallet whose code it is, or is refused by the reason that helps the cashier', () => {
    const answers = new Map<string, number>();
    for (const prefix of prefixes) {
      for (const length of lengths) {
        const auth_code = prefix.padEnd(length, '7');
        const issuer = issuerOfPaymentCode(auth_code);
        const found = resolveMethod({ method: 'barcode', auth_code });
        const expected = issuer ? (issuer.method ?? 'payment_code_not_taken') : 'payment_code_unknown';
        assert.equal(isRefusal(found) ? found.refused : found, expected, auth_code);
        answers.set(expected, (answers.get(expected) ?? 0) + 1);
      }
    }
    // Neither answer may be the only one: then the table was not read.
    assert.ok(answers.size >= 4, JSON.stringify([...answers]));
  });

  it('a named wallet takes its own codes alone', () => {
    for (const prefix of prefixes) {
      const auth_code = prefix.padEnd(18, '7');
      const own = issuerOfPaymentCode(auth_code)?.method;
      for (const method of ['wechat_barcode', 'alipay_barcode'] as const) {
        const found = resolveMethod({ method, auth_code });
        assert.equal(isRefusal(found), own !== method, `${method} ${auth_code}`);
      }
    }
  });

  it('a code is asked for where there is none', () => {
    assert.deepEqual(resolveMethod({ method: 'barcode' }), { refused: 'parameter_missing', param: 'auth_code' });
  });
});

describe('a cashier', () => {
  let world: World;
  let shop: Shop;
  before(async () => {
    world = await aWorld();
    shop = await newShop(world);
  });
  after(() => world.close());

  const orders = () => [...world.simulators.values()].reduce((sum, simulator) => sum + simulator.orders().length, 0);
  const count = async () => (await world.ctx.db.kysely.selectFrom('payments').select('id').where('merchant_id', '=', shop.merchant.id).execute()).length;

  it('is told which wallet is not taken; for a code that is nobody’s or no wallet of ours nothing is written and nothing sent', async () => {
    const [orders_before, rows_before] = [orders(), await count()];
    const not_served = prefixes.map((prefix) => prefix.padEnd(18, '7')).filter((code) => issuerOfPaymentCode(code)?.method === undefined);
    assert.ok(not_served.length > 50);
    for (const auth_code of not_served) {
      const answer = await shop.post('/v1/payments', shop.order({ method: 'barcode', auth_code }));
      const { code, param, message, message_zh } = answer.body.error;
      const known = issuerOfPaymentCode(auth_code) !== undefined;
      assert.deepEqual([answer.status, code, param], known ? [422, 'payment_code_not_taken', 'auth_code'] : [400, 'payment_code_unknown', 'auth_code']);
      if (known) assert.ok(/\(.+\)/.test(message) && /（.+）/.test(message_zh), message);
    }
    assert.deepEqual([orders(), await count()], [orders_before, rows_before]);
  });

  for (const [channel, wallet] of [
    ['wechatpay', 'wechat'],
    ['alipay', 'alipay'],
  ] as const) {
    it(`${wallet}: charges a code at once and hears it in the reply`, async () => {
      const payment = await shop.scan(channel, 'pays');
      const paid = payment.state === 'paid' ? payment : await shop.reaches(payment.id, 'paid');
      assert.deepEqual([paid.paid_fen, paid.attempt.method], [100, `${wallet}_barcode`]);
      assert.equal(shop.truth(paid).charges, 1);
    });

    it(`${wallet}: who gives up while the payer types the password charges nobody, however the race ends`, async () => {
      const payment = await shop.scan(channel, 'asks_password');
      assert.deepEqual([payment.state, payment.next_action.type], ['pending', 'wait']);
      // The payer confirms in the same moment.
      const [cancelled] = await world.flow(
        Promise.all([
          shop.ask(`/v1/payments/${payment.id}/cancel`, undefined),
          world.simulators.get(channel)?.act(payment.attempt.channel_order_no, { do: 'pay' }),
        ]),
      );
      assert.equal(cancelled.status, 200, cancelled.text);
      const undone = async () => {
        const { state, closing, paid_fen, refunded_fen } = (await world.api('GET', `/v1/payments/${payment.id}`, { key: shop.key })).body;
        return closing === false && ((state === 'closed' && paid_fen === 0) || (state === 'paid' && refunded_fen === paid_fen));
      };
      await passTimeUntil(world, undone);
      const { charges, returned_fen } = shop.truth(payment);
      assert.equal(returned_fen, charges * 100);
    });

    it(`C-10 ${wallet}: a code that paid is taken for no second order`, async () => {
      const auth_code = shop.paymentCode(channel, 'pays');
      const first = await shop.create({ method: 'barcode', auth_code });
      await shop.reaches(first.id, 'paid');
      const second = await shop.post('/v1/payments', shop.order({ method: 'barcode', auth_code }));
      assert.equal(second.status, 201, second.text);
      assert.equal(second.body.state, 'pending');
      assert.equal(second.body.attempt.state, 'refused');
      assert.deepEqual([shop.truth(first).charges, shop.truth(second.body).charges], [1, 0]);
    });
  }
});
