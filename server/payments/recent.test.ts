import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { recent_payments_max } from '../kernel/limits.ts';
import { aWorld, type World } from '../testing/world.ts';
import type { Aggregate } from './change.ts';
import { recentOf } from './recent.ts';
import { anAttempt, aPayment } from './testing/builders.ts';
import { type Shop, shopOf } from './testing/shop.ts';

let world: World;
let shop: Shop;
before(async () => {
  world = await aWorld({ nodes: 2 });
  shop = shopOf(world);
});
after(() => world.close());

/** Of the first node. */
const memory = () => recentOf(world.nodes[0]?.ctx ?? world.ctx);

/** Genuine word of success that has not arrived yet, of a payment that the first node made and remembers. */
async function withheld() {
  world.hold_notifications = true;
  const payment = await shop.create();
  const told = world.notified.length;
  assert.ok(await shop.pay(payment));
  await world.until(() => world.notified.length > told);
  const notification = world.notified[told];
  assert.ok(notification);
  return { payment, notification };
}

/** Public addresses lead to the first node. */
const deliver = async ({ url, headers, body }: Awaited<ReturnType<typeof withheld>>['notification']) =>
  (await world.flow(fetch(url, { method: 'POST', headers, body }))).status;

it('a success of a payment that this node has just made needs no reading', async () => {
  const { payment, notification } = await withheld();
  assert.equal(memory().find(world.merchant.id, payment.attempt.id)?.payment.id, payment.id);
  assert.ok((await deliver(notification)) < 300);
  assert.equal((await shop.retrieve(payment.id)).state, 'paid');
  assert.equal(memory().find(world.merchant.id, payment.attempt.id), undefined);
});

it('I-01 what another node has changed since is read again: one success, told once', async () => {
  const { payment, notification } = await withheld();
  const synced = await world.flow(world.api('POST', `/v1/payments/${payment.id}/sync`, { body: {}, node: 1 }));
  assert.equal(synced.body.state, 'paid');
  assert.ok(memory().find(world.merchant.id, payment.attempt.id), 'the first node has not heard of it');
  assert.ok((await deliver(notification)) < 300);
  const shown = await shop.retrieve(payment.id);
  assert.deepEqual([shown.state, shown.paid_fen, shown.version], ['paid', 100, synced.body.version]);
  assert.deepEqual(await shop.events(payment.id), ['payment.paid']);
  assert.deepEqual(await shop.anomalies(payment.id), []);
});

it('I-03 a success that comes to a payment which another node has closed is late money', async () => {
  const { payment, notification } = await withheld();
  await world.ctx.db.kysely
    .updateTable('payments')
    .set((row) => ({ state: 'closed', closed_reason: 'cancelled', next_close_at: null, version: row('version', '+', 1) }))
    .where('id', '=', payment.id)
    .execute();
  await world.ctx.db.kysely.updateTable('attempts').set({ state: 'closed', next_query_at: null }).where('id', '=', payment.attempt.id).execute();
  assert.ok((await deliver(notification)) < 300);
  await world.until(async () => (await shop.refundsOf(payment.id)).length === 1);
  assert.equal((await shop.retrieve(payment.id)).state, 'closed');
});

it("another merchant's attempt is not found, and memory is bounded", () => {
  const recent = recentOf({ ...world.ctx, changes: { ...world.ctx.changes } });
  const payment = aPayment();
  const aggregateOf = (id: string): Aggregate => ({ payment, attempts: [anAttempt(payment, { id })] });
  const first = aggregateOf('att_0');
  recent.remember(first);
  assert.equal(recent.find(payment.merchant_id, 'att_0'), first);
  assert.equal(recent.find('mer_other', 'att_0'), undefined);
  for (let nth = 1; nth <= recent_payments_max; nth++) recent.remember(aggregateOf(`att_${nth}`));
  assert.equal(recent.find(payment.merchant_id, 'att_0'), undefined);
  assert.ok(recent.find(payment.merchant_id, `att_${recent_payments_max}`));
});
