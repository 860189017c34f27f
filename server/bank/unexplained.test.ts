import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { sql } from 'kysely';
import { trialOf } from '../ledger/balance.ts';
import { readBalances } from '../ledger/service.ts';
import { takeDay } from '../recon/days/service.ts';
import { acceptException, getException, reopenException, repairException, suspendException } from '../recon/exceptions/service.ts';
import { aShop, type Shop } from '../recon/testing/shop.ts';
import { setTerms } from '../settlement/service.ts';
import { brokenAlways } from '../testing/invariants.ts';
import { aWorld, type World } from '../testing/world.ts';
import { followAccount, importStatement, lookAt } from './service.ts';

let world: World;
let shop: Shop;
before(async () => {
  world = await aWorld();
  shop = aShop(world, 'wechatpay');
});
after(() => world.close());

const account = () => ({ merchant_id: world.merchant.id, channel_account_id: world.accounts.get('wechatpay') as string });
const balances = async () => {
  const all = await readBalances(world.ctx, { merchant_id: world.merchant.id, livemode: false });
  const of = (name: string) => all.filter(({ account }) => account === name).reduce((sum, { balance_fen }) => sum + balance_fen, 0n);
  return { owed: of('channel_receivable'), due: of('merchant_due'), suspense: of('suspense') };
};

it('what is about no day has paid nobody, whatever is decided about it, until a bill explains it', { timeout: 120_000 }, async () => {
  const day = shop.today();
  await setTerms(shop.ctx, { ...account(), livemode: false, days: 0, counts: 'calendar', confirmed: true });
  await followAccount(shop.ctx, account(), { since: day, by: 'finance' });
  const before = await balances();
  const person = { by: 'finance', note: '不明来款' };
  const stands = async (why: string) => {
    assert.deepEqual(await balances(), before, `${why}: the channel owes, and the merchant is due, what the bills come to`);
    const all = await readBalances(world.ctx, { merchant_id: world.merchant.id, livemode: false });
    assert.ok(trialOf(all).every(({ balanced }) => balanced));
  };
  await importStatement(shop.ctx, { account: account(), bytes: Buffer.from(`date,amount,reference\n${day},596.40,U1\n`), by: 'finance' });
  const [found] = await shop.exceptions({ kind: 'bank_short', state: 'open' });
  assert.ok(found);
  await stands('open');
  const suspended = await suspendException(shop.ctx, found, person);
  await stands('in suspense');
  const reopened = await reopenException(shop.ctx, suspended, person);
  await stands('opened again');
  await assert.rejects(repairException(shop.ctx, reopened, person), /recon_repair_impossible/);
  await stands('not to be repaired');
  await acceptException(shop.ctx, reopened, person);
  await lookAt(shop.ctx, account());
  await stands('accepted');

  // The bill of the day comes to it: it was the channel's.
  const no = (await shop.pay({ amount_fen: 60_000 })).attempt?.channel_order_no;
  await shop.billDay(day);
  await shop.posted();
  await lookAt(shop.ctx, account());
  const paid = await balances();
  assert.deepEqual(paid, { ...before, due: before.due - 360n }, 'what was paid is owed and due no more, but for the fee that the channel kept');
  assert.equal((await getException(shop.ctx, world.merchant.id, found.id)).resolution, 'matched');
  const settled = await sql<{ day: string }>`select fact_date::text as day from ledger_postings
    where kind = 'settlement' and detail ->> 'reference' = 'U1'`.execute(shop.ctx.db.kysely);
  assert.deepEqual(settled.rows, [{ day }], 'once, on the day on which the money came');

  // The bill is issued anew with another fee, which the credit is not the sum of.
  shop.plant('fee', no);
  await world.flow(takeDay(shop.ctx, shop.dayOf(day)));
  await lookAt(shop.ctx, account());
  const now = await balances();
  const [fee] = (
    await sql<{ fen: bigint }>`select round(fee_millifen / 1000.0)::bigint as fen from bills where state = 'current' and biz_date = ${day}`.execute(
      shop.ctx.db.kysely,
    )
  ).rows;
  assert.deepEqual(now, { ...before, owed: before.owed + 60_000n - (fee?.fen ?? 0n), due: before.due - 60_000n }, 'nothing is paid of it');
  assert.deepEqual(await brokenAlways(world.ctx), []);
});
