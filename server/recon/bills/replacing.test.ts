import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { RefusalError } from '../../kernel/refusal.ts';
import { addMs } from '../../kernel/time.ts';
import { findAccountById } from '../../merchants/service.ts';
import { refusedWith } from '../../testing/refusals.ts';
import { aWorld, type World } from '../../testing/world.ts';
import { takeDay, uploadDay } from '../days/service.ts';
import { aShop, type Shop } from '../testing/shop.ts';
import { findBillDay, listDayBills } from './service.ts';

let world: World;
let shop: Shop;
before(async () => {
  world = await aWorld();
  shop = aShop(world, 'wechatpay');
});
after(() => world.close());

const day_ms = 86_400_000;
const bills = async (biz_date: string) => (await listDayBills(shop.ctx, shop.dayOf(biz_date))).map(({ version, state, source }) => [version, source, state]);
const row = async (biz_date: string) => {
  const found = await findBillDay(shop.ctx, shop.dayOf(biz_date));
  assert.ok(found);
  return found;
};
/** What the gateway would give now, and gives to nobody. */
async function fileOf(biz_date: string): Promise<Buffer> {
  const account = await findAccountById(world.ctx, shop.dayOf(biz_date).channel_account_id);
  assert.ok(account);
  const answer = await world.flow(shop.ctx.channels.bill(account, shop.dayOf(biz_date)));
  assert.ok(answer.is === 'file');
  return answer.bytes;
}
/** A day whose bill was fetched, and another file of that day. */
async function aDay(): Promise<{ readonly biz_date: string; readonly other: Buffer }> {
  const biz_date = shop.today();
  await shop.pay({ amount_fen: 3_000 });
  const left_out = await shop.pay({ amount_fen: 4_000 });
  await shop.billDay(biz_date);
  shop.plant('missing', left_out.attempt?.channel_order_no as string);
  const other = await fileOf(biz_date);
  shop.plant('correct');
  return { biz_date, other };
}

describe('a file that a person brings', () => {
  it('does not take the place of the bill that the channel gave, unless a named person says so', async () => {
    const { biz_date, other } = await aDay();
    const day = shop.dayOf(biz_date);
    const [given] = await listDayBills(shop.ctx, day);
    await assert.rejects(
      world.flow(uploadDay(shop.ctx, { day, bytes: other, by: 'ann' })),
      refusedWith({ refused: 'bill_given_by_channel', param: 'file', facts: { bill_id: given?.id as string } }),
    );
    assert.deepEqual(await bills(biz_date), [[1, 'download', 'current']]);
    for (const by of ['heliu', ' '])
      await assert.rejects(
        world.flow(uploadDay(shop.ctx, { day, bytes: other, by, replace: true })),
        refusedWith({ refused: 'parameter_invalid', param: 'by' }),
      );
    const { bill } = await world.flow(uploadDay(shop.ctx, { day, bytes: other, by: 'ann', replace: true }));
    assert.deepEqual([bill.imported_by, bill.replaces_id], ['ann', given?.id]);
    assert.deepEqual(await bills(biz_date), [
      [2, 'upload', 'current'],
      [1, 'download', 'superseded'],
    ]);
    // Its own, fetched again, wins; and then neither file of ours changes anything.
    await world.flow(takeDay(shop.ctx, day));
    assert.deepEqual(await bills(biz_date), [
      [2, 'upload', 'superseded'],
      [1, 'download', 'current'],
    ]);
    await world.flow(uploadDay(shop.ctx, { day, bytes: await fileOf(biz_date), by: 'ann' }));
    await assert.rejects(world.flow(uploadDay(shop.ctx, { day, bytes: other, by: 'ann' })), RefusalError);
    assert.equal((await row(biz_date)).bill_id, given?.id);
    await world.flow(uploadDay(shop.ctx, { day, bytes: other, by: 'ben', replace: true }));
    assert.equal((await row(biz_date)).bill_id, bill.id);
    const [again] = await listDayBills(shop.ctx, day);
    assert.deepEqual([again?.imported_by, again?.replaces_id], ['ben', given?.id]);
    // And nobody has to fetch it: it is looked for again.
    world.clock.advance(day_ms + 60_000);
    await world.until(async () => (await row(biz_date)).bill_id === given?.id, 3_600_000);
  });

  it('takes the place of another that a person brought', async () => {
    const biz_date = shop.today();
    const first = await shop.pay({ amount_fen: 3_000 });
    await shop.pay({ amount_fen: 4_000 });
    const day = shop.dayOf(biz_date);
    await shop.dayIsOver(biz_date);
    shop.plant('missing', first.attempt?.channel_order_no as string);
    const part = await fileOf(biz_date);
    shop.plant('correct');
    await world.flow(uploadDay(shop.ctx, { day, bytes: part, by: 'ann' }));
    const { bill } = await world.flow(uploadDay(shop.ctx, { day, bytes: await fileOf(biz_date), by: 'ben' }));
    assert.deepEqual([bill.state, bill.replaces_id], ['current', null]);
  });
});

describe('a bill that may be issued again', () => {
  const looks = async (biz_date: string): Promise<number> => {
    const { next_fetch_at } = await row(biz_date);
    assert.ok(next_fetch_at, 'it is looked for again');
    return next_fetch_at.getTime() - world.clock.now().getTime();
  };
  /** The sweeper does the look that is due. */
  const look = async (biz_date: string, until: () => Promise<boolean>) => {
    world.clock.advance((await looks(biz_date)) + 1_000);
    await world.until(until, 3_600_000);
  };

  it('is looked for again at growing intervals, the same file changes nothing, and a new one is taken in by itself', async () => {
    const biz_date = shop.today();
    const payment = await shop.pay({ amount_fen: 3_000 });
    await shop.pay({ amount_fen: 4_000 });
    shop.plant('missing', payment.attempt?.channel_order_no as string);
    await shop.billDay(biz_date);
    const before = await row(biz_date);
    const intervals: number[] = [];
    for (let nth = 0; nth < 2; nth++) {
      const due = (await row(biz_date)).next_fetch_at as Date;
      intervals.push(Math.round((await looks(biz_date)) / day_ms));
      await look(biz_date, async () => ((await row(biz_date)).next_fetch_at ?? due) > addMs(due, 3_600_000));
      const { matched_at, bill_id, state, problem } = await row(biz_date);
      assert.deepEqual({ matched_at, bill_id, state, problem }, { matched_at: before.matched_at, bill_id: before.bill_id, state: 'imported', problem: null });
    }
    shop.plant('correct');
    intervals.push(Math.round((await looks(biz_date)) / day_ms));
    await look(biz_date, async () => (await row(biz_date)).bill_id !== before.bill_id && (await row(biz_date)).matched_at !== null);
    assert.deepEqual(intervals, [1, 1, 2]);
    assert.deepEqual(await bills(biz_date), [
      [2, 'download', 'current'],
      [1, 'download', 'superseded'],
    ]);
    assert.ok((await shop.exceptions({ kind: 'ours_only' })).filter((each) => each.biz_date === biz_date).every(({ resolution }) => resolution === 'matched'));
    // Not for ever, and a channel that gives nothing any more takes nothing back.
    shop.inject({ kind: 'bill_not_ready', on: 'bill' });
    const now = (await row(biz_date)).bill_id;
    for (let nth = 0; nth < 9 && (await row(biz_date)).next_fetch_at; nth++) {
      const due = (await row(biz_date)).next_fetch_at as Date;
      await look(biz_date, async () => {
        const { next_fetch_at } = await row(biz_date);
        return next_fetch_at === null || next_fetch_at > addMs(due, 3_600_000);
      });
    }
    const { next_fetch_at, state, bill_id, problem } = await row(biz_date);
    assert.deepEqual({ next_fetch_at, state, bill_id, problem }, { next_fetch_at: null, state: 'imported', bill_id: now, problem: null });
  });
});
