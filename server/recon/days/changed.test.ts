import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type BillDay, listBillDays, type Payment } from '@heliu/contract';
import { sql } from 'kysely';
import { aWorld, type World } from '../../testing/world.ts';
import { acceptException, reopenException } from '../exceptions/service.ts';
import { isSigned } from '../signing/service.ts';
import { aShop, type Shop, unsettled } from '../testing/shop.ts';
import { closeDay, reconcileDay, takeDay } from './service.ts';
import { listCloses } from './store.ts';

let world: World;
let shop: Shop;
before(async () => {
  world = await aWorld();
  shop = aShop(world, 'wechatpay');
});
after(() => world.close());

const close = (biz_date: string, by = 'ann') => world.flow(closeDay(shop.ctx, shop.dayOf(biz_date), by));
const dayOf = async (biz_date: string): Promise<BillDay> => {
  const { body } = await world.api('GET', `${listBillDays.path}?from=${biz_date}&to=${biz_date}`);
  const found = (body as { data: BillDay[] }).data.find(({ kind, channel }) => kind === 'trade' && channel === 'wechatpay');
  assert.ok(found);
  return found;
};
const person = { by: 'ann', note: null };
const nothing = { bill: false, exceptions: 0, payments_fen: 0, refunds_fen: 0 };

/** A day of two payments, the later of which its bill does not have. */
async function aDifferingDay() {
  const biz_date = shop.today();
  await shop.pay({ amount_fen: 3_000 });
  const wrong = await shop.pay({ amount_fen: 4_000 });
  shop.plant('missing', wrong.attempt?.channel_order_no as string);
  await shop.billDay(biz_date);
  await shop.posted();
  const [missing] = await shop.exceptions({ state: 'open', kind: 'ours_only' });
  assert.ok(missing);
  return { biz_date, missing };
}

describe('a closed day into which something comes later', () => {
  it('says so of another bill, keeps what was signed, and is closed again as a further version', async () => {
    const { biz_date, missing } = await aDifferingDay();
    await world.flow(acceptException(shop.ctx, missing, person));
    const first = await close(biz_date);
    assert.deepEqual([(await dayOf(biz_date)).close_version, (await dayOf(biz_date)).changed_since_closing], [1, null]);
    assert.deepEqual(await close(biz_date, 'ben'), first, 'closed once where nothing changed');

    shop.plant('correct');
    await world.flow(takeDay(shop.ctx, shop.dayOf(biz_date)));
    const { changed_since_closing } = await dayOf(biz_date);
    assert.equal(changed_since_closing?.bill, true);
    for (const reissued of await shop.exceptions({ state: 'open' })) await world.flow(acceptException(shop.ctx, reissued, person));
    const second = await close(biz_date, 'ben');
    assert.deepEqual([second.statement.version, second.statement.closed_by, second.statement.bill_id === first.statement.bill_id], [2, 'ben', false]);
    assert.ok(isSigned(second));
    assert.deepEqual([(await dayOf(biz_date)).close_version, (await dayOf(biz_date)).changed_since_closing], [2, null]);
    const [latest, before] = await listCloses(shop.ctx, shop.dayOf(biz_date));
    assert.deepEqual(latest, second);
    assert.deepEqual(before, first, 'what was signed stays what it was');
    assert.ok(before && isSigned(before));
    await assert.rejects(sql`update recon_day_closes set closed_by = 'eve'`.execute(world.ctx.db.kysely), /only added to/);
    await assert.rejects(sql`delete from recon_day_closes`.execute(world.ctx.db.kysely), /only added to/);
  });

  it('says so of an exception that is opened again, and of one that was settled anew', async () => {
    const { biz_date, missing } = await aDifferingDay();
    const accepted = await world.flow(acceptException(shop.ctx, missing, person));
    await close(biz_date);
    world.clock.advance(1_000);
    const reopened = await world.flow(reopenException(shop.ctx, accepted, person));
    assert.deepEqual((await dayOf(biz_date)).changed_since_closing, { ...nothing, exceptions: 1 });
    await world.flow(acceptException(shop.ctx, reopened, person));
    assert.deepEqual((await dayOf(biz_date)).changed_since_closing, { ...nothing, exceptions: 1 });
    assert.equal((await close(biz_date)).statement.version, 2);
    assert.equal((await dayOf(biz_date)).changed_since_closing, null);
    await world.flow(reconcileDay(shop.ctx, shop.dayOf(biz_date)));
    assert.equal((await dayOf(biz_date)).changed_since_closing, null, 'matched again, nothing changes');
  });

  it('says of a payment that became known later how much it is', async () => {
    const biz_date = shop.today();
    const late = await unsettled(shop);
    await shop.pay({ amount_fen: 2_000 });
    shop.plant('missing', late.attempt?.channel_order_no as string);
    await shop.billDay(biz_date);
    await shop.posted();
    const [stale] = await shop.exceptions({ state: 'open', kind: 'stale' });
    assert.ok(stale);
    await world.flow(acceptException(shop.ctx, stale, person));
    await close(biz_date);
    world.clock.advance(1_000);
    await world.flow(world.api('POST', `/v1/payments/${late.id}/sync`, { body: {} }));
    await world.until(async () => ((await world.api('GET', `/v1/payments/${late.id}`)).body as Payment).state === 'paid');
    await shop.posted();
    await world.flow(reconcileDay(shop.ctx, shop.dayOf(biz_date)));
    const changed = (await dayOf(biz_date)).changed_since_closing;
    assert.deepEqual([changed?.bill, changed?.payments_fen, changed?.refunds_fen], [false, late.amount_fen, 0]);
    for (const open of await shop.exceptions({ state: 'open' })) await world.flow(acceptException(shop.ctx, open, person));
    const again = await close(biz_date);
    assert.equal(again.statement.payments.ours_fen, String(2_000 + late.amount_fen));
    await world.flow(reconcileDay(shop.ctx, shop.dayOf(biz_date)));
    assert.equal((await dayOf(biz_date)).changed_since_closing, null);
  });
});
