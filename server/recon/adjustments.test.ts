import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Payment } from '@heliu/contract';
import { simulators } from '../channels/simulators.ts';
import { refusedWith } from '../testing/refusals.ts';
import { aWorld, type World } from '../testing/world.ts';
import { closeDay, reconcileDay, takeDay, weighDay } from './days/service.ts';
import { acceptException, getException, repairException, suspendException } from './exceptions/service.ts';
import { isSigned } from './signing/service.ts';
import { aShop, dumpRecon, type Shop } from './testing/shop.ts';

const no = (payment: Payment): string => payment.attempt?.channel_order_no as string;

describe('a line of the file of errors that came beside a bill', () => {
  let world: World;
  let shop: Shop;
  before(async () => {
    world = await aWorld({ simulators: simulators.filter(({ channel }) => channel === 'unionpay') });
    shop = aShop(world, 'unionpay');
  });
  after(() => world.close());

  it('is for a person, with its columns as they stand; nothing is booked or changed by it, and the day stays open for it', async () => {
    const biz_date = shop.today();
    const [payment, other] = [await shop.pay(), await shop.pay()];
    for (const each of [payment, payment, other]) shop.plant('adjustment', no(each));
    assert.equal((await shop.billDay(biz_date)).is, 'imported');
    const found = (await shop.exceptions()).toSorted((a, b) => Number(a.detail.adjustment_line) - Number(b.detail.adjustment_line));
    assert.deepEqual(
      found.map(({ kind, state, proposal, our_fen, bill_fen, at_risk_fen }) => [kind, state, proposal, our_fen, bill_fen, at_risk_fen]),
      Array(3).fill(['adjustment', 'opened', 'none', 0n, 0n, 0n]),
    );
    assert.deepEqual(found.map(({ detail }) => [detail.adjustment_line, detail.column_1, detail.column_22]).toSorted(), [
      ['1', 'E74', no(payment)],
      ['2', 'E74', no(payment)],
      ['3', 'E74', no(other)],
    ]);
    const shown = (await world.api('GET', '/v1/recon_exceptions?kind=adjustment')).body;
    assert.equal(shown.data[0].proposal, 'investigate');
    const weighed = await weighDay(shop.ctx, shop.dayOf(biz_date));
    assert.ok(weighed.balanced);
    assert.equal(weighed.payments.ours_fen, weighed.payments.bill_fen);
    assert.equal((await world.api('GET', `/v1/payments/${payment.id}`)).body.state, 'paid');

    const before = await dumpRecon(shop);
    await world.flow(reconcileDay(shop.ctx, shop.dayOf(biz_date)));
    assert.deepEqual(await dumpRecon(shop), before);

    await shop.posted();
    await assert.rejects(world.flow(closeDay(shop.ctx, shop.dayOf(biz_date), 'finance')), refusedWith({ refused: 'recon_day_open' }));
    const [first, second, third] = found;
    assert.ok(first && second && third);
    await assert.rejects(world.flow(repairException(shop.ctx, first, { by: 'ann', note: null })), refusedWith({ refused: 'recon_repair_impossible' }));
    for (const each of [first, second]) assert.equal((await acceptException(shop.ctx, each, { by: 'ann', note: 'seen' })).resolution, 'accepted');
    await suspendException(shop.ctx, third, { by: 'ann', note: 'to be asked' });
    assert.ok((await weighDay(shop.ctx, shop.dayOf(biz_date))).balanced);
    assert.ok(isSigned(await world.flow(closeDay(shop.ctx, shop.dayOf(biz_date), 'finance'))));

    // Issued anew with one of them left: it is the same finding, and the others are gone.
    shop.plant('correct', '');
    shop.plant('adjustment', no(other));
    assert.equal((await world.flow(takeDay(shop.ctx, shop.dayOf(biz_date)))).is, 'imported');
    const after = await Promise.all(found.map(({ merchant_id, id }) => getException(shop.ctx, merchant_id, id)));
    assert.deepEqual(
      after.map(({ detail, standing, resolution }) => [detail.column_22, standing, resolution]).toSorted(),
      [
        [no(payment), false, 'superseded'],
        [no(payment), false, 'superseded'],
        [no(other), true, 'suspense'],
      ].toSorted(),
    );
    assert.equal((await shop.exceptions({ kind: 'adjustment' })).length, 3);
  });
});
