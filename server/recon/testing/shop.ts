import assert from 'node:assert/strict';
import type { ExceptionKind, Payment } from '@heliu/contract';
import { sql } from 'kysely';
import { dayStart, nextDay } from '../../channels/bill.ts';
import type { Fault } from '../../channels/kit/simulator.ts';
import { bizDate } from '../../kernel/time.ts';
import type { World } from '../../testing/world.ts';
import type { DayName } from '../bills/bill.ts';
import { openBillDays } from '../bills/service.ts';
import { takeDay } from '../days/service.ts';
import { listExceptions } from '../exceptions/service.ts';

const methods: Readonly<Record<string, string>> = { wechatpay: 'wechat_qr', alipay: 'alipay_qr', unionpay: 'unionpay_qr' };

/** The gateway has paid back by then, and has told a moment later. */
const gateway_refunds_ms = 10_000;
const gateway_tells_ms = 100;

/** A shop at one gateway, whose days pass when the test says so. */
export function aShop(world: World, channel: string, prefix = '') {
  const account_id = world.accounts.get(channel) as string;
  const app = world.nodes[0];
  assert.ok(app);
  const { ctx } = app;
  const simulator = world.simulators.get(channel);
  assert.ok(simulator);
  let orders = 0;
  const merchant_id = world.merchant.id;
  const dayOf = (biz_date: string): DayName => ({ merchant_id, channel_account_id: account_id, kind: 'trade', biz_date });
  /** Half past noon of the day after. Only the test fetches the bill: the sweeper would race it for the file. */
  async function dayIsOver(biz_date: string): Promise<void> {
    until('00:01');
    await openBillDays(ctx);
    await sql`update bill_days set next_fetch_at = next_fetch_at + interval '60 days' where next_fetch_at < ${dayStart(nextDay(nextDay(biz_date)))}`.execute(
      ctx.db.kysely,
    );
    until('12:30');

    function until(time: string) {
      const at_ms = new Date(`${nextDay(biz_date)}T${time}:00+08:00`).getTime();
      if (at_ms > world.clock.now().getTime()) world.clock.advance(at_ms - world.clock.now().getTime());
    }
  }
  return {
    ctx,
    channel,
    key: world.key,
    merchant_code: world.merchant.code,
    dayOf,
    inject: (fault: Fault) => simulator.inject(fault),
    today: () => bizDate(world.clock.now()),
    plant: (code: string, no?: string) => simulator.inject({ kind: 'bill_error', code, ...(no === undefined ? {} : { no }) }),
    /** Makes a payment; `paid` by the payer unless told. */
    async pay({ paid = true, lost = false, amount_fen = 1000 + orders * 7 } = {}): Promise<Payment> {
      const body = { merchant_order_no: `${prefix}${channel}-${orders++}`, amount_fen, subject: '一杯茶', method: methods[channel], expires_in_s: 3600 };
      const made = await world.flow(world.api('POST', '/v1/payments', { body }));
      assert.equal(made.status, 201, made.text);
      const payment = made.body as Payment;
      if (!paid) return payment;
      const no = payment.attempt?.channel_order_no as string;
      if (lost) simulator.inject({ kind: 'notify_lost', times: 1 });
      assert.deepEqual(await simulator.act(no, { do: 'pay' }), { done: true });
      if (!lost) await world.until(async () => ((await world.api('GET', `/v1/payments/${payment.id}`)).body as Payment).state === 'paid');
      return ((await world.api('GET', `/v1/payments/${payment.id}`)).body ?? payment) as Payment;
    },
    /** `lost`: nothing comes back of it, and nobody asks for two months. */
    async refund(payment: Payment, amount_fen: number, { lost = false } = {}): Promise<string> {
      if (lost) simulator.inject({ kind: 'notify_lost', on: 'notify' });
      const body = { payment_id: payment.id, merchant_refund_no: `r-${payment.merchant_order_no}-${amount_fen}`, amount_fen };
      const made = await world.flow(world.api('POST', '/v1/refunds', { body }));
      assert.equal(made.status, 201, made.text);
      if (lost) {
        await sql`update refunds set next_query_at = next_query_at + interval '60 days' where id = ${made.body.id}`.execute(ctx.db.kysely);
        world.clock.advance(gateway_refunds_ms);
        const told_by_ms = world.clock.now().getTime() + gateway_tells_ms;
        await world.until(() => world.clock.now().getTime() > told_by_ms);
        return made.body.channel_refund_no as string;
      }
      // Not lived through millisecond by millisecond: that took a third of the time of the tests.
      world.clock.advance(gateway_refunds_ms);
      await world.until(async () => (await world.api('GET', `/v1/refunds/${made.body.id}`)).body.state === 'succeeded');
      return made.body.channel_refund_no as string;
    },
    dayIsOver,
    /** The day after, and the bill of the day. */
    async billDay(biz_date: string) {
      await dayIsOver(biz_date);
      return world.flow(takeDay(ctx, dayOf(biz_date)));
    },
    /** Whatever happened so far is in the book. */
    posted: () =>
      world.until(
        async () =>
          (
            await sql`select 1 from event_sequences s left join ledger_books b using (merchant_id, livemode) where s.merchant_id = ${merchant_id} and s.last > coalesce(b.position, 0)
              union all select 1 from events where merchant_id = ${merchant_id} and sequence is null limit 1`.execute(ctx.db.kysely)
          ).rows.length === 0,
      ),
    exceptions: async (filter: { state?: 'open'; kind?: ExceptionKind } = {}) => {
      const found = await listExceptions(ctx, { merchant_id, channel_account_id: account_id, limit: 1000, ...filter });
      return found.toReversed();
    },
  };
}
export type Shop = ReturnType<typeof aShop>;

/** A payment that was paid at the gateway and of which we hear nothing: as after a restore from a backup. */
export async function unsettled(shop: Shop): Promise<Payment> {
  const payment = await shop.pay({ lost: true });
  // The sweeper would ask; the row says that it asks only in a week.
  await sql`update attempts set next_query_at = next_query_at + interval '7 days' where id = ${payment.attempt?.id}`.execute(shop.ctx.db.kysely);
  await sql`update payments set next_close_at = next_close_at + interval '7 days' where id = ${payment.id}`.execute(shop.ctx.db.kysely);
  return payment;
}

/** What reconciliation holds of everything, to see that it did not change. */
export async function dumpRecon({ ctx }: Shop): Promise<readonly unknown[]> {
  const tables = ['bills', 'bill_lines', 'recon_matches', 'recon_exceptions', 'recon_exception_steps', 'bill_days'];
  const rows: unknown[] = [];
  for (const table of tables) rows.push((await sql`select * from ${sql.table(table)} t order by t::text`.execute(ctx.db.kysely)).rows);
  return rows;
}
