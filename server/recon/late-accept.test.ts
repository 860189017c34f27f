import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { Payment } from '@heliu/contract';
import { sql } from 'kysely';
import { readBalances } from '../ledger/service.ts';
import { updateMerchant } from '../merchants/service.ts';
import { aWorld, type World } from '../testing/world.ts';
import { closeDay, reconcileDay, weighDay } from './days/service.ts';
import { isSigned } from './signing/service.ts';
import { aShop, type Shop, unsettled } from './testing/shop.ts';

let world: World;
let shop: Shop;
before(async () => {
  world = await aWorld();
  shop = aShop(world, 'wechatpay');
});
after(() => world.close());

/** As after a restore: what was paid here is closed in what was restored. */
async function lateOne(): Promise<Payment> {
  const payment = await unsettled(shop);
  const { kysely } = shop.ctx.db;
  await sql`update attempts set state = 'closed', next_query_at = null where id = ${payment.attempt?.id}`.execute(kysely);
  await sql`update payments set state = 'closed', closed_reason = 'expired', closed_at = created_at, next_close_at = null where id = ${payment.id}`.execute(
    kysely,
  );
  return payment;
}
/** Types of what was told of them, an event once however often it was sent. */
const told = (ids: readonly string[]) => [...new Map(world.sent.filter(({ data }) => ids.includes(data.id)).map(({ id, type }) => [id, type])).values()];
const refundsOf = async ({ id }: Payment) =>
  (await sql<{ id: string; cause: string; state: string }>`select id, cause, state from refunds where payment_id = ${id}`.execute(shop.ctx.db.kysely)).rows;
const due = async () =>
  (await readBalances(world.ctx, { merchant_id: world.merchant.id, livemode: false }))
    .filter(({ account }) => account === 'merchant_due' || account === 'suspense')
    .map(({ account, balance_fen }) => [account, balance_fen]);

for (const { late_policy, events, state, returned, books } of [
  { late_policy: 'accept', events: ['payment.paid'], state: 'paid', returned: [], books: [['merchant_due', -1000n]] },
  {
    late_policy: 'refund',
    events: ['payment.late_received', 'refund.succeeded'],
    state: 'closed',
    returned: [{ cause: 'late', state: 'succeeded' }],
    books: [
      ['merchant_due', -1000n],
      ['suspense', 0n],
    ],
  },
] as const)
  it(`late money that a bill proves: the merchant's policy is ${late_policy}, and it is told once`, { timeout: 120_000 }, async () => {
    await updateMerchant(world.ctx, { merchant_id: world.merchant.id, late_policy });
    const biz_date = shop.today();
    const payment = await lateOne();
    await shop.billDay(biz_date);
    const all = async () => [payment.id, ...(await refundsOf(payment)).map(({ id }) => id)];
    await world.until(async () => told(await all()).includes(events.at(-1) as string));
    const [found, ...others] = (await shop.exceptions()).filter((each) => each.biz_date === biz_date);
    assert.deepEqual([found?.kind, found?.payment_id, found?.resolution, others], ['late_paid', payment.id, 'repaired', []]);
    // Matched again, nothing is repaired or told again.
    await world.flow(reconcileDay(shop.ctx, shop.dayOf(biz_date)));
    await shop.posted();
    assert.equal((await world.api('GET', `/v1/payments/${payment.id}`)).body.state, state);
    assert.deepEqual(
      (await refundsOf(payment)).map(({ cause, state }) => ({ cause, state })),
      returned,
    );
    assert.deepEqual(
      told(await all()).filter((type) => type !== 'refund.pending'),
      events,
    );
    assert.deepEqual(await due(), books);
    assert.ok((await weighDay(shop.ctx, shop.dayOf(biz_date))).balanced);
    assert.ok(isSigned(await world.flow(closeDay(shop.ctx, shop.dayOf(biz_date), 'finance'))));
  });
