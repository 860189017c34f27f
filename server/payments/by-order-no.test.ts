import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { aWorld, type World } from '../testing/world.ts';
import { newShop, type Shop } from './testing/shop.ts';

/** A caller that lost the answer of a create knows its own order number and no id. */
let world: World;
let shop: Shop;
before(async () => {
  world = await aWorld();
  shop = await newShop(world);
});
after(() => world.close());

const pathOf = (merchant_order_no: string, what: string) => `/v1/payments/by-order-no/${merchant_order_no}/${what}`;
const send = (path: string, body?: object) => world.flow(world.api('POST', path, { key: shop.key, ...(body === undefined ? {} : { body }) }));

it('a payment is closed by its order number, at the channel first, and again with the same answer', async () => {
  const payment = await shop.create();
  const closed = await send(pathOf(payment.merchant_order_no, 'close'));
  assert.deepEqual([closed.status, closed.body.id, closed.body.state], [200, payment.id, 'closed']);
  assert.equal(await shop.pay(payment), false, 'nobody can pay it any more');
  assert.deepEqual((await send(pathOf(payment.merchant_order_no, 'close'))).body.state, 'closed');
});

it('a paid payment is not closed by its order number, and a cancel gives its money back once', async () => {
  const payment = await shop.paid();
  const refused = await send(pathOf(payment.merchant_order_no, 'close'));
  assert.equal(refused.body.error.code, 'payment_already_paid');
  for (let n = 0; n < 2; n++) {
    const cancelled = await send(pathOf(payment.merchant_order_no, 'cancel'));
    assert.deepEqual([cancelled.status, cancelled.body.id], [200, payment.id], cancelled.text);
  }
  const refunds = await shop.refundsOf(payment.id);
  assert.deepEqual(
    refunds.map(({ cause, amount_fen }) => [cause, amount_fen]),
    [['cancel', payment.amount_fen]],
  );
});

it('a refund by order number is one refund, however often it is asked for and by whichever path', async () => {
  const payment = await shop.paid();
  const other = await shop.paid();
  const body = { merchant_refund_no: 'by-no-1', amount_fen: 40 };
  const first = await send(pathOf(payment.merchant_order_no, 'refunds'), body);
  assert.deepEqual([first.status, first.body.payment_id, first.body.amount_fen], [201, payment.id, 40], first.text);
  assert.equal((await send(pathOf(payment.merchant_order_no, 'refunds'), body)).text, first.text, 'the same request gives the same reply');
  for (const [path, sent] of [
    [pathOf(other.merchant_order_no, 'refunds'), body],
    [pathOf(payment.merchant_order_no, 'refunds'), { ...body, amount_fen: 41 }],
    ['/v1/refunds', { ...body, payment_id: other.id }],
  ] as const) {
    assert.equal((await send(path, sent)).body.error.code, 'merchant_refund_no_taken', path);
  }
  assert.equal((await shop.refundsOf(payment.id)).length, 1);
  assert.deepEqual(await shop.refundsOf(other.id), []);
  const above = await send(pathOf(payment.merchant_order_no, 'refunds'), { merchant_refund_no: 'by-no-2', amount_fen: payment.amount_fen - 39 });
  assert.equal(above.body.error.code, 'refund_exceeds_paid');
});

it('an order number that nobody has, and a body that names a payment besides, are refused by name', async () => {
  const payment = await shop.paid();
  for (const [what, body] of [
    ['close', undefined],
    ['cancel', undefined],
    ['refunds', { merchant_refund_no: 'x', amount_fen: 1 }],
  ] as const) {
    const answer = await send(pathOf('nobody', what), body);
    assert.deepEqual([answer.status, answer.body.error.code, answer.body.error.param], [404, 'payment_not_found', 'merchant_order_no'], what);
  }
  const twice = await send(pathOf(payment.merchant_order_no, 'refunds'), { merchant_refund_no: 'x', amount_fen: 1, payment_id: payment.id });
  assert.deepEqual([twice.status, twice.body.error.param], [400, 'payment_id']);
  assert.deepEqual(await shop.refundsOf(payment.id), []);
});
