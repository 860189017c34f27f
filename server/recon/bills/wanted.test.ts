import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sql } from 'kysely';
import { dayStart, nextDay, previousDay } from '../../channels/bill.ts';
import { addMs, bizDate } from '../../kernel/time.ts';
import { closeChannelAccount } from '../../merchants/service.ts';
import { aWorld, type World } from '../../testing/world.ts';
import { takeDay } from '../days/service.ts';
import { aShop, type Shop } from '../testing/shop.ts';
import { fetch_days_max } from './bill.ts';
import { openBillDays } from './service.ts';

let world: World;
let wechat: Shop;
let alipay: Shop;
before(async () => {
  world = await aWorld();
  wechat = aShop(world, 'wechatpay');
  alipay = aShop(world, 'alipay');
});
after(() => world.close());

const of = (shop: Shop) => shop.dayOf('');
const daysOf = async ({ merchant_id, channel_account_id }: { merchant_id: string; channel_account_id: string }) =>
  (
    await sql<{
      biz_date: string;
      problem: string | null;
      next_fetch_at: Date | null;
      state: string;
    }>`select biz_date, problem, next_fetch_at, state from bill_days
      where merchant_id = ${merchant_id} and channel_account_id = ${channel_account_id} and kind = 'trade' order by biz_date`.execute(world.ctx.db.kysely)
  ).rows;
/** Nobody fetches by itself: the test says when. */
const keepStill = () =>
  sql`update bill_days set next_fetch_at = next_fetch_at + interval '900 days' where next_fetch_at is not null`.execute(world.ctx.db.kysely);
const passDays = (days: number) =>
  world.clock.advance(addMs(dayStart(bizDate(world.clock.now())), days * 86_400_000 + 60_000).getTime() - world.clock.now().getTime());
const span = (from: string, days: number): string[] =>
  Array.from({ length: days })
    .reduce<string[]>((all) => [...all, nextDay(all.at(-1) as string)], [from])
    .slice(0, days);

describe('days whose bill is wanted', () => {
  it('are all of them since the account was made, also after an outage in which a person fetched one', async () => {
    // Made three days ago; the nodes were down since. The first thing that anybody does is to fetch yesterday.
    const { merchant, accounts } = await world.newMerchant('after an outage');
    const channel_account_id = accounts.get('wechatpay') as string;
    await sql`update channel_accounts set created_at = created_at - interval '3 days' where id = ${channel_account_id}`.execute(world.ctx.db.kysely);
    const yesterday = previousDay(wechat.today());
    await world.flow(takeDay(wechat.ctx, { merchant_id: merchant.id, channel_account_id, kind: 'trade', biz_date: yesterday }));
    await openBillDays(wechat.ctx);
    await openBillDays(wechat.ctx);
    assert.deepEqual(
      (await daysOf({ merchant_id: merchant.id, channel_account_id })).map(({ biz_date }) => biz_date),
      span(previousDay(previousDay(yesterday)), 3),
    );
    await keepStill();
  });

  it('are none of them left out by an outage that is longer than a bill is asked for', async () => {
    await openBillDays(wechat.ctx);
    await keepStill();
    const first = wechat.today();
    const known = (await daysOf(of(wechat))).length;
    passDays(fetch_days_max + 5);
    await openBillDays(wechat.ctx);
    await keepStill();
    assert.deepEqual(
      (await daysOf(of(wechat))).slice(known).map(({ biz_date }) => biz_date),
      span(first, fetch_days_max + 5),
    );
  });

  it('are asked for no more after thirty days, which is said', async () => {
    const biz_date = (await daysOf(of(wechat)))[1]?.biz_date as string;
    wechat.inject({ kind: 'bill_not_ready', on: 'bill' });
    await sql`update bill_days set next_fetch_at = ${world.clock.now()} where biz_date = ${biz_date}`.execute(world.ctx.db.kysely);
    const fetched = await world.flow(takeDay(wechat.ctx, wechat.dayOf(biz_date)));
    assert.equal(fetched.is, 'waiting');
    const day = (await daysOf(of(wechat))).find((each) => each.biz_date === biz_date);
    assert.equal(day?.next_fetch_at, null);
    assert.match(day?.problem ?? '', /no more after 30 days: not_ready/);
    assert.equal((await wechat.exceptions({ kind: 'missing_bill' })).filter((each) => each.biz_date === biz_date).length, 1);
  });

  it('are also the last ones of an account that was closed, and later ones on which it gave money back', async () => {
    await openBillDays(alipay.ctx);
    await keepStill();
    const known = (await daysOf(of(alipay))).length;
    const payment = await alipay.pay({ amount_fen: 5_000 });
    const last = alipay.today();
    await closeChannelAccount(world.ctx, { merchant_id: world.merchant.id, channel_account_id: alipay.dayOf('').channel_account_id });
    passDays(1);
    await openBillDays(alipay.ctx);
    await keepStill();
    assert.deepEqual(
      (await daysOf(of(alipay))).slice(known).map(({ biz_date }) => biz_date),
      [last],
    );
    passDays(2);
    const refunded = alipay.today();
    await alipay.refund(payment, 1_000);
    passDays(3);
    await openBillDays(alipay.ctx);
    await keepStill();
    assert.deepEqual(
      (await daysOf(of(alipay))).slice(known).map(({ biz_date }) => biz_date),
      [last, refunded],
    );
  });
});
