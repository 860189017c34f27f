import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { ExceptionKind, Payment } from '@heliu/contract';
import { sql } from 'kysely';
import { nextDay } from '../channels/bill.ts';
import { findAccountById } from '../merchants/service.ts';
import { refusedWith } from '../testing/refusals.ts';
import { aWorld, type World } from '../testing/world.ts';
import { listDayBills, openFile } from './bills/service.ts';
import { takeOver } from './bills/store.ts';
import { closeDay, reconcileDay, takeDay, uploadDay, weighDay } from './days/service.ts';
import { acceptException, listExceptions, listSteps, reopenException, repairException, suspendException } from './exceptions/service.ts';
import { agreeFeeRate } from './fees/service.ts';
import { isSigned } from './signing/service.ts';
import { aShop, dumpRecon, type Shop, unsettled } from './testing/shop.ts';

const no = (payment: Payment): string => payment.attempt?.channel_order_no as string;

for (const channel of ['wechatpay', 'alipay']) {
  describe(`reconciliation of ${channel}`, () => {
    let world: World;
    let shop: Shop;
    before(async () => {
      world = await aWorld();
      shop = aShop(world, channel);
    });
    after(() => world.close());

    it('I-43 I-44 I-45: a day that agrees matches whole, closes signed, and is not changed by being matched again', async () => {
      const biz_date = shop.today();
      const first = await shop.pay();
      await shop.pay();
      await shop.refund(first, 100);
      const fetched = await shop.billDay(biz_date);
      assert.equal(fetched.is, 'imported');
      assert.deepEqual(await shop.exceptions(), []);
      const before = await dumpRecon(shop);
      await world.flow(reconcileDay(shop.ctx, shop.dayOf(biz_date)));
      assert.deepEqual(await dumpRecon(shop), before);
      const again = await world.flow(takeDay(shop.ctx, shop.dayOf(biz_date)));
      assert.ok(again.is === 'imported' && !again.imported.is_new, 'the same file is the same bill');
      const weighed = await weighDay(shop.ctx, shop.dayOf(biz_date));
      assert.ok(weighed.balanced);
      assert.equal(weighed.payments.ours_fen, 2007n);
      assert.equal(weighed.refunds.bill_fen, 100n);
      await shop.posted();
      const closed = await world.flow(closeDay(shop.ctx, shop.dayOf(biz_date), 'finance'));
      assert.ok(isSigned(closed));
      assert.ok(!isSigned({ ...closed, statement: { ...closed.statement, fee_millifen: '1' } }));
    });

    it('keeps the original, sealed, and gives it back byte for byte', async () => {
      const [bill] = await listDayBills(shop.ctx, shop.dayOf('2026-11-22'));
      assert.ok(bill);
      const bytes = await openFile(shop.ctx, bill);
      assert.equal(bytes.length, Number(bill.bytes));
      const { rows } = await sql<{ sealed: Buffer }>`select sealed from bill_files where sha256 = ${bill.sha256}`.execute(shop.ctx.db.kysely);
      assert.ok(rows.length > 0 && rows.every(({ sealed }) => !sealed.includes(bytes.subarray(0, 32))));
    });

    it('a file that somebody else finished reading meanwhile is not begun again', async () => {
      const [bill] = await listDayBills(shop.ctx, shop.dayOf('2026-11-22'));
      assert.ok(bill);
      const before = await dumpRecon(shop);
      const { merchant_id, id } = bill;
      const looks = [{ state: 'refused' }, { state: 'reading' }, { state: 'current' }, { state: 'refused', reads: 2 }] as const;
      for (const look of looks)
        assert.equal(await takeOver(shop.ctx, { ...bill, ...look }, { source: 'upload', by: 'ann', replaces_id: null, now: world.clock.now() }), undefined);
      assert.deepEqual(await dumpRecon(shop), before);
      const { rows } = await sql<{ count: bigint }>`select count(*) as count from bill_lines where merchant_id = ${merchant_id} and bill_id = ${id}`.execute(
        shop.ctx.db.kysely,
      );
      assert.equal(rows[0]?.count, BigInt(bill.lines ?? 0));
    });

    it('CF-10 I-02: a payment that the bill proves paid is completed by itself, and the merchant is told once', async () => {
      const biz_date = shop.today();
      await shop.pay();
      const lost = await unsettled(shop);
      await shop.billDay(biz_date);
      const [exception] = await shop.exceptions({ kind: 'unknown_paid' });
      assert.equal(exception?.state, 'closed', 'repaired without a person');
      // A node's own sweep may have been quicker to see that they agree again.
      assert.ok(exception.resolution === 'repaired' || exception.resolution === 'matched');
      const payment = (await world.api('GET', `/v1/payments/${lost.id}`)).body as Payment;
      assert.equal(payment.state, 'paid');
      await world.until(() => world.inbox.some(({ type, data }) => type === 'payment.paid' && data.id === lost.id));
      await world.flow(reconcileDay(shop.ctx, shop.dayOf(biz_date)));
      await world.until(() => world.inbox.some(({ type }) => type === 'recon_exception.closed'));
      assert.equal(world.inbox.filter(({ type, data }) => type === 'payment.paid' && data.id === lost.id).length, 1);
      assert.ok((await weighDay(shop.ctx, shop.dayOf(biz_date))).balanced);
    });

    it('CF-23: each planted error is found as what it is, once, and nothing else is', async () => {
      const biz_date = shop.today();
      const planted: [ExceptionKind, string][] = [];
      const plant = (kind: ExceptionKind, code: string, order_no: string) => {
        shop.plant(code, order_no);
        planted.push([kind, order_no]);
      };
      for (let nth = 0; nth < 3; nth++) await shop.pay();
      plant('ours_only', 'missing', no(await shop.pay()));
      plant('amount_mismatch', 'amount', no(await shop.pay()));
      plant('fee_mismatch', 'fee', no(await shop.pay()));
      plant('duplicate_line', 'duplicate', no(await shop.pay()));
      plant('transaction_mismatch', 'transaction', no(await shop.pay()));
      plant('orphan', 'extra', 'ORDER0000000000000000000000ORPHAN');
      const missing_refund = await shop.pay();
      plant('refund_ours_only', 'missing', await shop.refund(missing_refund, 100));
      const refunded = await shop.pay();
      plant('refund_bill_only', 'extra_refund', no(refunded));
      if (channel === 'wechatpay') {
        plant('currency_mismatch', 'currency', no(await shop.pay()));
        plant('wrong_receiver', 'receiver', no(await shop.pay()));
        const failed = await shop.pay();
        plant('state_mismatch', 'failed', await shop.refund(failed, 50));
      }
      await agreeFeeRate(shop.ctx, shop.dayOf(biz_date), 6000);
      await shop.billDay(biz_date);
      const found = (await shop.exceptions({ state: 'open' })).filter((exception) => exception.biz_date === biz_date);
      // One fen more in the amount is one fen that the rate may see, too.
      const kinds = found.map(({ kind }) => kind).filter((kind) => kind !== 'rounding');
      assert.deepEqual(kinds.toSorted(), planted.map(([kind]) => kind).toSorted());
      for (const [kind, of] of planted) {
        const exception = found.find((each) => each.kind === kind);
        assert.ok(exception?.channel_order_no === of || exception?.object_id?.slice(4) === of.slice(6), `${kind} is about ${of}`);
      }
      const weighed = await weighDay(shop.ctx, shop.dayOf(biz_date));
      assert.ok(weighed.balanced, 'the exceptions explain the difference to the fen');
      await assert.rejects(world.flow(closeDay(shop.ctx, shop.dayOf(biz_date), 'finance')), refusedWith({ refused: 'recon_day_open' }));
    });

    it('a re-issued bill without the errors settles what it settles, and shows what changed', async () => {
      const [open] = (await shop.exceptions({ state: 'open' })).filter(({ kind }) => kind === 'ours_only');
      assert.ok(open);
      shop.plant('correct');
      await shop.billDay(open.biz_date);
      await world.flow(takeDay(shop.ctx, { ...shop.dayOf(open.biz_date), kind: 'fund' }));
      const after = (await shop.exceptions({ state: 'open' })).filter(({ biz_date }) => biz_date === open.biz_date);
      assert.deepEqual([...new Set(after.map(({ kind }) => kind))], ['reissued']);
      const bills = await listDayBills(shop.ctx, shop.dayOf(open.biz_date));
      assert.deepEqual(
        bills.map(({ version, state }) => [version, state]),
        [
          [2, 'current'],
          [1, 'superseded'],
        ],
      );
      const actor = { by: 'finance', note: 'the channel confirmed the second version' };
      for (const exception of after) await world.flow(acceptException(shop.ctx, exception, actor));
      await shop.posted();
      const closed = await world.flow(closeDay(shop.ctx, shop.dayOf(open.biz_date), 'finance'));
      assert.ok(isSigned(closed));
    });

    it('every step is audited with who, when and why, and a large one takes two persons', async () => {
      const biz_date = shop.today();
      const payment = await shop.pay({ amount_fen: 200_000 });
      await shop.pay();
      shop.plant('missing', no(payment));
      await shop.billDay(biz_date);
      const [exception] = (await shop.exceptions({ state: 'open' })).filter(({ kind }) => kind === 'ours_only');
      assert.ok(exception);
      await assert.rejects(
        world.flow(suspendException(shop.ctx, exception, { by: 'ann', note: null })),
        refusedWith({ refused: 'recon_second_person_required' }),
      );
      const current = async () => (await listExceptions(shop.ctx, { merchant_id: world.merchant.id, id: exception.id, limit: 1 }))[0] as typeof exception;
      await assert.rejects(
        world.flow(suspendException(shop.ctx, await current(), { by: 'ann', note: null })),
        refusedWith({ refused: 'recon_second_person_required' }),
      );
      const suspended = await world.flow(suspendException(shop.ctx, await current(), { by: 'bob', note: '渠道核实中' }));
      assert.equal(suspended.resolution, 'suspense');
      const steps = await listSteps(shop.ctx, world.merchant.id, exception.id);
      assert.deepEqual(
        steps.map(({ step, by }) => [step, by]),
        [
          ['open', 'heliu'],
          ['propose', 'heliu'],
          ['approve', 'ann'],
          ['approve', 'bob'],
          ['suspend', 'bob'],
          ['close', 'bob'],
        ],
      );
      assert.ok((await weighDay(shop.ctx, shop.dayOf(biz_date))).balanced, 'what was written to suspense stays in the equation');
      await assert.rejects(reopenException(shop.ctx, suspended, { by: 'ann', note: 'found' }), refusedWith({ refused: 'recon_second_person_required' }));
      const reopened = await reopenException(shop.ctx, await current(), { by: 'bob', note: 'found' });
      assert.equal(reopened.state, 'opened');
    });

    it('G-04 G-07: a broken or foreign file is refused with its reason, and an uploaded one repairs nothing by itself', async () => {
      const biz_date = shop.today();
      await shop.pay();
      const lost = await unsettled(shop);
      shop.plant('summary');
      const broken = await shop.billDay(biz_date);
      assert.equal(broken.is, 'waiting');
      assert.ok((await shop.exceptions({ state: 'open' })).some(({ kind }) => kind === 'bill_refused'));
      const day = shop.dayOf(biz_date);
      await assert.rejects(
        world.flow(uploadDay(shop.ctx, { day, bytes: Buffer.from('=cmd|calc!A1,"x"\n'), by: 'ann' })),
        refusedWith({ refused: 'bill_refused' }),
      );
      shop.plant('correct', '');
      const simulator = world.simulators.get(channel);
      assert.ok(simulator);
      const account = await world.flow(accountOf(world, day.channel_account_id));
      const answer = await world.flow(shop.ctx.channels.bill(account, day));
      assert.ok(answer.is === 'file');
      await world.flow(uploadDay(shop.ctx, { day, bytes: answer.bytes, by: 'ann' }));
      const [exception] = (await shop.exceptions({ state: 'open' })).filter(({ kind }) => kind === 'unknown_paid');
      assert.ok(exception, 'a file from a person proposes');
      assert.notEqual(((await world.api('GET', `/v1/payments/${lost.id}`)).body as Payment).state, 'paid');
      assert.ok(
        !(await shop.exceptions({ state: 'open' })).some(({ kind, detail }) => kind === 'bill_refused' && detail.bill === 'trade'),
        'the broken one is over',
      );
      const repaired = await world.flow(repairException(shop.ctx, exception, { by: 'ann', note: 'seen at the channel' }));
      assert.equal(repaired.state, 'closed');
      assert.equal(((await world.api('GET', `/v1/payments/${lost.id}`)).body as Payment).state, 'paid');
    });

    it('a line that the channel cuts into the next day rolls over by itself', async () => {
      const biz_date = shop.today();
      const at_ms = new Date(`${biz_date}T23:50:00+08:00`).getTime();
      world.clock.advance(at_ms - world.clock.now().getTime());
      const late = await shop.pay();
      shop.plant('next_day', no(late));
      await shop.billDay(biz_date);
      const [rolled] = (await shop.exceptions({ state: 'open' })).filter((each) => each.biz_date === biz_date);
      // Nothing else was sold, so the channel has no bill at all of that day.
      assert.equal(rolled?.kind, 'cut_off');
      await shop.pay();
      await shop.billDay(nextDay(biz_date));
      const now = (await shop.exceptions()).find(({ id }) => id === rolled.id);
      assert.equal(now?.resolution, 'matched');
      assert.ok((await weighDay(shop.ctx, shop.dayOf(biz_date))).balanced);
      assert.ok((await weighDay(shop.ctx, shop.dayOf(nextDay(biz_date)))).balanced);
    });
  });
}

async function accountOf(world: World, id: string) {
  const account = await findAccountById(world.ctx, id);
  assert.ok(account);
  return account;
}
