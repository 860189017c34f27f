import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { type ExceptionKind, exception_kind_names, type Payment } from '@heliu/contract';
import { sql } from 'kysely';
import { dayStart, nextDay } from '../channels/bill.ts';
import { newId } from '../kernel/id.ts';
import { aWorld, type World } from '../testing/world.ts';
import { closeDay, takeDay, weighDay } from './days/service.ts';
import { acceptException } from './exceptions/service.ts';
import { agreeFeeRate } from './fees/service.ts';
import { isSigned } from './signing/service.ts';
import { aShop, type Shop, unsettled } from './testing/shop.ts';

/** Thirty days of three channel accounts, a few payments each; on most days something is wrong. */
const days = 30;

let world: World;
before(async () => {
  world = await aWorld();
});
after(() => world.close());

const no = (payment: Payment): string => payment.attempt?.channel_order_no as string;

/** What a day of a shop goes through, and what must be found of it: that, and nothing else. */
type Day = {
  readonly finds: readonly ExceptionKind[];
  readonly only?: 'wechatpay';
  /** Gives what is wrong in the bill, by order or refund number, and the payment that the bill completes. */
  readonly trade: (shop: Shop) => Promise<{ readonly planted?: readonly (readonly [code: string, no: string])[]; readonly repaired?: Payment }>;
  /** Instead of fetching the bill once. */
  readonly bill?: (shop: Shop, biz_date: string, wrong: readonly string[]) => Promise<unknown>;
};

const a_tea = { amount_fen: 1000 };
/** One order with this error. */
const order = (finds: ExceptionKind, code: string, only?: 'wechatpay'): Day => ({
  finds: [finds],
  ...(only ? { only } : {}),
  trade: async (shop) => ({ planted: [[code, no(await shop.pay(a_tea))]] }),
});
/** One refund with this error. */
const refund = (finds: ExceptionKind, code: string, only?: 'wechatpay'): Day => ({
  finds: [finds],
  ...(only ? { only } : {}),
  trade: async (shop) => ({ planted: [[code, await shop.refund(await shop.pay(a_tea), 500)]] }),
});
const take = (shop: Shop, biz_date: string, kind: 'trade' | 'fund' = 'trade') => world.flow(takeDay(shop.ctx, { ...shop.dayOf(biz_date), kind }));
const lateTo = (biz_date: string, time: string) => {
  const ms = new Date(`${biz_date}T${time}:00+08:00`).getTime() - world.clock.now().getTime();
  if (ms > 0) world.clock.advance(ms);
};

/** A refund that went through at the gateway and of which we hear nothing. */
const lostRefund = async (shop: Shop): Promise<string> => shop.refund(await shop.pay(a_tea), 500, { lost: true });

/** A line for a number that no order has: both merchants of a gateway would get it, so it is there for this bill alone. */
const extra = (finds: ExceptionKind, numberOf: (shop: Shop) => string): Day => {
  let of = '';
  return {
    finds: [finds],
    trade: (shop) => {
      of = numberOf(shop);
      return Promise.resolve({});
    },
    bill: async (shop, biz_date) => {
      shop.plant('extra', of);
      await shop.billDay(biz_date);
      shop.plant('correct', of);
    },
  };
};

const plans: readonly Day[] = [
  order('ours_only', 'missing'),
  order('amount_mismatch', 'amount'),
  order('fee_mismatch', 'fee'),
  order('duplicate_line', 'duplicate'),
  order('transaction_mismatch', 'transaction'),
  order('currency_mismatch', 'currency', 'wechatpay'),
  order('wrong_receiver', 'receiver', 'wechatpay'),
  order('refund_bill_only', 'extra_refund'),
  order('reversal', 'extra_reversal', 'wechatpay'),
  refund('refund_ours_only', 'missing'),
  refund('state_mismatch', 'failed', 'wechatpay'),
  refund('rounding', 'fee'),
  extra('orphan', (shop) => `ORDER${shop.today().replaceAll('-', '')}00000000000ORPHAN`),
  extra('bill_only', (shop) => `${shop.merchant_code}${newId('attempt', world.clock.now(), shop.ctx.rng).slice(4)}`),
  { finds: ['unknown_paid'], trade: async (shop) => ({ repaired: await unsettled(shop) }) },
  {
    // As after a restore: what was paid here is closed in what was restored.
    finds: ['late_paid'],
    trade: async (shop) => {
      const repaired = await unsettled(shop);
      const { kysely } = shop.ctx.db;
      await sql`update attempts set state = 'closed', next_query_at = null where id = ${repaired.attempt?.id}`.execute(kysely);
      await sql`update payments set state = 'closed', closed_reason = 'expired', closed_at = created_at, next_close_at = null where id = ${repaired.id}`.execute(
        kysely,
      );
      return { repaired };
    },
  },
  { finds: ['refund_unknown'], only: 'wechatpay', trade: (shop) => lostRefund(shop).then(() => ({})) },
  { finds: ['refund_hold'], only: 'wechatpay', trade: async (shop) => ({ planted: [['pending', await lostRefund(shop)]] }) },
  {
    finds: ['cut_off'],
    trade: async (shop) => {
      lateTo(shop.today(), '23:50');
      return { planted: [['next_day', no(await shop.pay(a_tea))]] };
    },
  },
  {
    finds: ['stale'],
    trade: async (shop) => {
      const { attempt, id } = await shop.pay({ ...a_tea, paid: false });
      const { kysely } = shop.ctx.db;
      await sql`update attempts set next_query_at = next_query_at + interval '60 days' where id = ${attempt?.id}`.execute(kysely);
      await sql`update payments set next_close_at = next_close_at + interval '60 days' where id = ${id}`.execute(kysely);
      return {};
    },
  },
  {
    // The other gateway says of a bill that is late what it says of one that will never be.
    finds: ['missing_bill'],
    only: 'wechatpay',
    trade: () => Promise.resolve({}),
    bill: async (shop, biz_date) => {
      shop.inject({ kind: 'bill_not_ready', on: 'bill' });
      await shop.billDay(biz_date);
      lateTo(nextDay(biz_date), '17:00');
      shop.inject({ kind: 'bill_not_ready', on: 'bill' });
      assert.equal((await take(shop, biz_date)).is, 'waiting');
      return take(shop, biz_date);
    },
  },
  {
    finds: ['bill_refused'],
    trade: () => Promise.resolve({}),
    bill: async (shop, biz_date) => {
      shop.plant('truncated', 'file');
      assert.equal((await shop.billDay(biz_date)).is, 'waiting');
      shop.plant('correct', 'file');
      return take(shop, biz_date);
    },
  },
  {
    ...order('fee_mismatch', 'fee'),
    finds: ['fee_mismatch', 'reissued'],
    bill: async (shop, biz_date, wrong) => {
      await shop.billDay(biz_date);
      for (const each of wrong) shop.plant('correct', each);
      return take(shop, biz_date);
    },
  },
  {
    ...order('fund_mismatch', 'correct'),
    bill: async (shop, biz_date, [of = '']) => {
      await shop.billDay(biz_date);
      shop.plant('missing', of);
      return take(shop, biz_date, 'fund');
    },
  },
  {
    ...order('split_mismatch', 'split', 'wechatpay'),
    bill: async (shop, biz_date) => {
      await shop.billDay(biz_date);
      return take(shop, biz_date, 'fund');
    },
  },
  { finds: [], trade: () => Promise.resolve({}) },
];
/** Which days of which shop: every plan comes up at each gateway that can show it. */
const planOf = (shop: Shop, day: number, at: number): Day => {
  const own = plans.filter(({ only }) => only === undefined || only === shop.channel);
  return own[(day + at * 7) % own.length] as Day;
};

/** Come of bank statements, which have a month of their own, and of a file that one gateway alone gives. */
const without_source: readonly ExceptionKind[] = ['bank_short', 'adjustment'];

it('a month with every planted error: each found as what it is, nothing else found, every day closes, repairs are told once', {
  timeout: 580_000,
}, async () => {
  const second = await world.newMerchant('第二家');
  const { merchant, key, accounts } = second;
  const endpoint = await world.flow(world.api('POST', '/v1/webhook_endpoints', { key, body: { url: world.receiver_url } }));
  assert.equal(endpoint.status, 201, endpoint.text);
  const beside: World = { ...world, merchant, key, accounts, api: (method, path, options) => world.api(method, path, { key, ...options }) };
  const shops = [aShop(world, 'wechatpay'), aShop(world, 'alipay'), aShop(beside, 'wechatpay', 'b')];
  const wanted = shops.map((): string[] => []);
  const repaired: Payment[] = [];
  const first = shops[0]?.today() as string;
  let today = first;
  let yesterdays: (() => void)[] = [];
  for (const shop of shops) await agreeFeeRate(shop.ctx, shop.dayOf(today), 6000);
  for (let day = 0; day < days; day++) {
    const corrections: (() => void)[] = [];
    // Whoever trades at midnight comes last.
    const turns = shops
      .map((shop, at) => ({ shop, at, plan: planOf(shop, day, at) }))
      .toSorted((a, b) => Number(a.plan.finds.includes('cut_off')) - Number(b.plan.finds.includes('cut_off')));
    const wrong = new Map<Shop, readonly string[]>();
    for (const { shop } of turns) await shop.pay(a_tea);
    for (const { shop, at, plan } of turns) {
      const done = await plan.trade(shop);
      for (const [code, of] of done.planted ?? []) {
        if (code !== 'correct') shop.plant(code, of);
        corrections.push(() => shop.plant('correct', of));
      }
      wrong.set(
        shop,
        (done.planted ?? []).map(([, of]) => of),
      );
      if (done.repaired) repaired.push(done.repaired);
      wanted[at]?.push(...plan.finds.map((kind) => `${today} ${kind}`));
    }
    for (const { shop, plan } of turns) await (plan.bill ?? ((of: Shop, biz_date: string) => of.billDay(biz_date)))(shop, today, wrong.get(shop) ?? []);
    // A line that moved to the next day stands in that day's bill.
    for (const correct of yesterdays) correct();
    yesterdays = corrections;
    await world.until(
      async () =>
        (await sql`select 1 from refunds where state in ('sending', 'pending') and cause <> 'merchant' limit 1`.execute(world.ctx.db.kysely)).rows.length === 0,
    );
    today = nextDay(today);
    if (world.clock.now() < dayStart(today)) lateTo(today, '12:31');
  }
  for (const [at, shop] of shops.entries()) {
    const found = await shop.exceptions();
    assert.deepEqual(found.map(({ kind, biz_date }) => `${biz_date} ${kind}`).toSorted(), wanted[at]?.toSorted(), `${shop.channel} ${at}`);
    for (const exception of await shop.exceptions({ state: 'open' })) await acceptException(shop.ctx, exception, { by: 'finance', note: 'looked at' });
    await shop.posted();
    for (let day = first; day < today; day = nextDay(day)) {
      const { balanced, ledger_off } = await weighDay(shop.ctx, shop.dayOf(day));
      assert.ok(balanced, `${day} is explained to the fen`);
      assert.deepEqual(ledger_off, { payments_fen: 0n, refunds_fen: 0n, fee_fen: 0n }, `${day} in the ledger`);
      assert.ok(isSigned(await closeDay(shop.ctx, shop.dayOf(day), 'finance')));
    }
  }
  const kinds = new Set(wanted.flat().map((each) => each.split(' ')[1]));
  assert.deepEqual(
    exception_kind_names.filter((kind) => !kinds.has(kind)),
    without_source,
    'every kind was planted',
  );
  assert.ok(repaired.length >= 4);
  const { kysely } = world.ctx.db;
  await world.until(async () => (await sql`select 1 from deliveries where state = 'pending' limit 1`.execute(kysely)).rows.length === 0);
  const toldOf = (id: string, ...types: readonly string[]): number =>
    new Set(world.sent.filter(({ type, data }) => types.includes(type) && data.id === id).map((each) => each.id)).size;
  for (const { id } of repaired) {
    const { rows } = await sql<{ type: string }>`select type from events where object_id = ${id} and type in ('payment.paid', 'payment.late_received')`.execute(
      world.ctx.db.kysely,
    );
    assert.equal(rows.length, 1, 'told once');
    assert.equal(toldOf(id, 'payment.paid', 'payment.late_received'), 1, 'and it arrived, under one number');
  }
  // Of everything else what came of it once, and nothing where nothing came of it, whatever the bill said.
  const payments = await sql<{
    id: string;
    came: boolean;
  }>`select id, state = 'paid' or exists (select 1 from attempts a where a.merchant_id = p.merchant_id and a.payment_id = p.id
    and a.state = 'succeeded') as came from payments p`.execute(kysely);
  const refunds = await sql<{ id: string; came: boolean }>`select id, state = 'succeeded' as came from refunds`.execute(kysely);
  for (const { id, came } of payments.rows) assert.equal(toldOf(id, 'payment.paid', 'payment.late_received'), came ? 1 : 0, id);
  for (const { id, came } of refunds.rows) assert.equal(toldOf(id, 'refund.succeeded'), came ? 1 : 0, id);
  for (const { rows } of [payments, refunds])
    for (const came of [true, false])
      assert.ok(
        rows.some((row) => row.came === came),
        'of both there are some',
      );
});
