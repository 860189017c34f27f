import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Payment } from '@heliu/contract';
import { type Backup, backUp } from '../testing/database.ts';
import { aWorld, type World } from '../testing/world.ts';
import { rules } from '../verify/rules.ts';
import { verify } from '../verify/verify.ts';
import { reconcileDay, weighDay } from './days/service.ts';
import { aShop, type Shop } from './testing/shop.ts';

const no = (payment: Payment): string => payment.attempt?.channel_order_no as string;

for (const channel of ['wechatpay', 'alipay'])
  describe(`a database of ${channel} restored from a backup that is older than the truth`, () => {
    let world: World;
    let shop: Shop;
    let backup: Backup;
    before(async () => {
      world = await aWorld();
      shop = aShop(world, channel);
    });
    after(async () => {
      await backup?.drop();
      await world.close();
    });

    const simulator = () => world.simulators.get(channel) as NonNullable<ReturnType<World['simulators']['get']>>;
    const stateOf = async ({ id }: Payment): Promise<string> => (await world.api('GET', `/v1/payments/${id}`)).body.state;
    const refundsOf = (payment: Payment) =>
      simulator()
        .truth()
        .refunds.filter(({ order_no, state }) => order_no === no(payment) && state !== 'failed');
    const tolds = ({ id }: Payment): number => world.inbox.filter(({ type, data }) => type === 'payment.paid' && data.id === id).length;
    /** The gateway takes it on, and how it ends is not known yet. */
    const askRefund = async ({ id }: Payment, amount_fen: number): Promise<string> => {
      shop.inject({ kind: 'drop_after', on: 'refund' });
      const made = await world.flow(world.api('POST', '/v1/refunds', { body: { payment_id: id, merchant_refund_no: `r-${id}`, amount_fen } }));
      assert.equal(made.body.state, 'pending', made.text);
      return made.body.id;
    };

    it('OF-17 I-02: what is in it is found out once, what is not is told to a person, and nothing is sent again', async () => {
      const biz_date = shop.today();
      const settled = await shop.pay({ amount_fen: 5_000 });
      await shop.refund(settled, 1_000);
      const refunded_later = await shop.pay({ amount_fen: 7_000 });
      const paid_later = await shop.pay({ amount_fen: 11_000, paid: false });
      const never_paid = await shop.pay({ amount_fen: 13_000, paid: false });
      const closed = await shop.pay({ amount_fen: 17_000, paid: false });
      assert.equal((await world.flow(world.api('POST', `/v1/payments/${closed.id}/close`, { body: {} }))).body.state, 'closed');
      const unanswered = await askRefund(await shop.pay({ amount_fen: 29_000 }), 4_000);
      await world.restart(async () => {
        backup = await backUp(world.ctx.config.database_url);
      });

      // The gateway takes and gives this money, Heliu knows of it all, and then does not any more.
      await simulator().act(no(paid_later), { do: 'pay' });
      await world.until(async () => (await stateOf(paid_later)) === 'paid');
      await shop.refund(refunded_later, 2_000);
      const unknown = await shop.pay({ amount_fen: 19_000 });
      const unknown_refunded = await shop.pay({ amount_fen: 23_000 });
      await shop.refund(unknown_refunded, 3_000);
      await simulator().act(no(closed), { do: 'pay', late: true });
      await world.until(() => refundsOf(closed).length === 1);
      world.clock.advance(10_000);
      await world.until(() =>
        simulator()
          .truth()
          .refunds.every(({ state }) => state === 'succeeded'),
      );
      const truth = simulator().truth();
      const told_before = tolds(paid_later);
      await world.restart(async () => {
        await backup.restore();
        const { kysely } = world.ctx.db;
        const payments = await kysely.selectFrom('payments').select(['id', 'state']).orderBy('id').execute();
        const listed = [settled, refunded_later, paid_later, never_paid, closed];
        assert.deepEqual(
          payments.slice(0, listed.length).map(({ id }) => id),
          listed.map(({ id }) => id),
        );
        assert.deepEqual(
          payments.map(({ state }) => state),
          ['paid', 'paid', 'pending', 'pending', 'closed', 'paid'],
        );
        const refunds = await kysely.selectFrom('refunds').select(['id', 'state']).orderBy('id').execute();
        assert.deepEqual(
          refunds.map(({ state }) => state),
          ['succeeded', 'pending'],
        );
        assert.equal(refunds[1]?.id, unanswered);
      });
      shop = aShop(world, channel, 'again-');
      const sold_after = await shop.pay({ amount_fen: 31_000 });
      world.clock.advance(3_700_000);
      await world.until(async () => (await stateOf(paid_later)) === 'paid' && (await stateOf(never_paid)) === 'closed');
      await world.until(async () => (await world.api('GET', `/v1/refunds/${unanswered}`)).body.state === 'succeeded');
      await world.until(() => tolds(paid_later) > told_before);
      await shop.billDay(biz_date);
      await world.flow(reconcileDay(shop.ctx, shop.dayOf(biz_date)));
      await shop.posted();
      const found = (await shop.exceptions()).map(({ kind, bill_fen, channel_order_no, state }) => [kind, Number(bill_fen), channel_order_no, state]);
      assert.deepEqual(found.toSorted(), [
        ['bill_only', 19_000, no(unknown), 'opened'],
        ['bill_only', 23_000, no(unknown_refunded), 'opened'],
        ['late_paid', 17_000, no(closed), 'closed'],
        // Alipay says of a refund of what went back whole that it is done, WeChat Pay that it is not allowed: that calls a person.
        ['refund_bill_only', 17_000, no(closed), channel === 'alipay' ? 'closed' : 'opened'],
        ['refund_bill_only', 2_000, no(refunded_later), 'opened'],
        ['refund_bill_only', 3_000, no(unknown_refunded), 'opened'],
      ]);
      const stuck = await world.ctx.db.kysely.selectFrom('anomalies').select(['kind', 'payment_id']).execute();
      assert.deepEqual(stuck, channel === 'alipay' ? [] : [{ kind: 'refund_stuck', payment_id: closed.id }]);
      const now = simulator().truth();
      assert.deepEqual(now.refunds, truth.refunds, 'nothing went back a second time');
      assert.deepEqual(
        now.payments.filter(({ order_no }) => order_no !== no(sold_after)),
        truth.payments,
      );
      assert.equal(tolds(paid_later), told_before + 1);
      assert.ok((await weighDay(shop.ctx, shop.dayOf(biz_date))).balanced, 'the exceptions explain the difference to the fen');

      const broken: unknown[] = [];
      const { results } = await verify({ clock: world.clock, db: world.ctx.db.kysely }, { rules, onViolation: (rule, row) => broken.push([rule.id, row]) });
      assert.deepEqual(broken, []);
      assert.ok(results.every(({ state }) => state === 'holds'));
    });
  });
