import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { sql } from 'kysely';
import { nextDay } from '../channels/bill.ts';
import { readBalances } from '../ledger/service.ts';
import { closeDay, reconcileDay, takeDay, weighDay } from '../recon/days/service.ts';
import { getException, suspendException } from '../recon/exceptions/service.ts';
import { aShop, type Shop } from '../recon/testing/shop.ts';
import { arrivalsOf, setCalendarDays, setTerms } from '../settlement/service.ts';
import { brokenAlways } from '../testing/invariants.ts';
import { aWorld, type World } from '../testing/world.ts';
import { followAccount, importStatement, listCredits, lookAt } from './service.ts';

const days = 30;

let world: World;
let shop: Shop;
before(async () => {
  world = await aWorld();
  shop = aShop(world, 'wechatpay');
});
after(() => world.close());

const account = () => ({ merchant_id: world.merchant.id, channel_account_id: shop.dayOf(shop.today()).channel_account_id });
type Credit = { readonly reference: string; readonly received_on: string; readonly fen: number };
const csv = (credits: readonly Credit[]) =>
  Buffer.from(
    [
      '入账日期,贷方金额,流水号,对方户名',
      ...credits.map(({ reference, received_on, fen }) => `${received_on},${(fen / 100).toFixed(2)},${reference},财付通`),
      '',
    ].join('\r\n'),
  );
const bring = (credits: readonly Credit[], through?: string) => importStatement(shop.ctx, { account: account(), bytes: csv(credits), by: 'finance', through });
const found = async () =>
  (await shop.exceptions({ kind: 'bank_short', state: 'open' })).map(
    ({ biz_date, our_fen, bill_fen, at_risk_fen, detail }) => `${biz_date} ${detail.reason} ${bill_fen} of ${our_fen}, ${at_risk_fen} at risk`,
  );
const balance = async (name: string) =>
  (await readBalances(world.ctx, { merchant_id: world.merchant.id, livemode: false })).find(({ account: each }) => each === name)?.balance_fen ?? 0n;
async function dump(): Promise<unknown[]> {
  const tables = ['bank_credits', 'bank_days', 'recon_exceptions', 'recon_exception_steps', 'ledger_postings', 'ledger_entries', 'ledger_turnovers'];
  const rows: unknown[] = [];
  for (const table of tables) rows.push((await sql`select * from ${sql.table(table)} t order by t::text`.execute(world.ctx.db.kysely)).rows);
  return rows;
}

it('a month of bank credits: merged over weekends and a holiday, in two parts, short, doubled and missing, each is found as what it is', {
  timeout: 580_000,
}, async () => {
  const first = shop.today();
  await setTerms(shop.ctx, { ...account(), livemode: false, days: 1, counts: 'business', confirmed: true });
  // A holiday of a week in the second half.
  let holiday = first;
  for (let at = 0; at < 16; at++) holiday = nextDay(holiday);
  const off: string[] = [];
  for (let at = holiday; off.length < 7; at = nextDay(at)) off.push(at);
  await setCalendarDays(
    shop.ctx,
    off.map((date) => ({ date, working: false, confirmed: true })),
  );
  await followAccount(shop.ctx, account(), { since: first, by: 'finance' });

  // What each day comes to: 0.60 % is kept of each payment.
  const nets = new Map<string, number>();
  const orders = new Map<string, string>();
  for (let n = 0; n < days; n++) {
    const biz_date = shop.today();
    const amount_fen = 10_000 * (11 + ((n * 7) % 30));
    const payment = await shop.pay({ amount_fen });
    let net = amount_fen - (amount_fen * 6) / 1000;
    // The share of the fee goes back with a refund.
    if (n % 5 === 4) {
      await shop.refund(payment, 50_000);
      net -= 50_000 - 300;
    }
    nets.set(biz_date, net);
    orders.set(biz_date, payment.attempt?.channel_order_no as string);
    await shop.billDay(biz_date);
  }
  await shop.posted();
  const expectedOn = await arrivalsOf(shop.ctx, world.merchant.id, account().channel_account_id);
  const groups = [...Map.groupBy(nets, ([biz_date]) => expectedOn(biz_date).date)].map(([received_on, of]) => ({
    received_on,
    last: of.at(-1)?.[0] as string,
    days: of.map(([biz_date]) => biz_date),
    fen: of.reduce((sum, [, fen]) => sum + fen, 0),
  }));
  const today = shop.today();
  const due = groups.filter(({ received_on }) => received_on < today);
  assert.ok(
    due.some((group) => group.days.length >= 8),
    'a holiday is among them',
  );
  const [, short, doubled, missing, parted] = due.filter((group) => group.days.length === 1);
  assert.ok(short && doubled && missing && parted);
  const credits = due.flatMap((group): Credit[] => {
    const whole = { reference: `B${group.received_on}`, received_on: group.received_on, fen: group.fen };
    if (group === missing) return [];
    if (group === short) return [{ ...whole, fen: group.fen - 100 }];
    if (group === doubled) return [whole, { ...whole, reference: `${whole.reference}-2` }];
    if (group === parted)
      return [
        { ...whole, fen: 50_001 },
        { ...whole, reference: `${whole.reference}-2`, fen: group.fen - 50_001 },
      ];
    return [whole];
  });

  const receivable = await balance('channel_receivable');
  // Two at once, with the same file.
  const imported = await Promise.all([bring(credits, due.at(-1)?.received_on), bring(credits, due.at(-1)?.received_on)]);
  assert.equal(imported[0].fresh + imported[1].fresh, credits.length, 'each credit is there once');
  const wanted = [
    `${short.last} short ${short.fen - 100} of ${short.fen}, 100 at risk`,
    `${doubled.received_on} unexplained ${doubled.fen} of 0, ${doubled.fen} at risk`,
    `${missing.last} missing 0 of ${missing.fen}, ${missing.fen} at risk`,
  ];
  assert.deepEqual((await found()).toSorted(), wanted.toSorted());
  const came = credits.reduce((sum, { fen }) => sum + BigInt(fen), 0n);
  assert.equal(
    await balance('channel_receivable'),
    receivable - came + BigInt(doubled.fen),
    'what the channel paid it owes no more; what came twice has paid for nothing',
  );
  const listed = await listCredits(shop.ctx, { ...account(), limit: 100 });
  for (const group of due) {
    const of = listed.filter(({ days: settles }) => settles.includes(group.last));
    if (group !== missing && group !== short) assert.deepEqual(of[0]?.days, group.days, `${group.last} is explained`);
    else assert.deepEqual(of, []);
  }

  // Done again, nothing changes.
  const before = await dump();
  assert.deepEqual(await lookAt(shop.ctx, account()), { matched: 0, opened: 0, settled: 0 });
  await bring(credits);
  assert.deepEqual(await dump(), before);

  // The missing one comes late, and the next day's statement with what is expected since.
  const late: Credit = { reference: 'LATE', received_on: due.at(-1)?.received_on as string, fen: missing.fen };
  assert.equal((await bring([late])).matched, 1);
  assert.deepEqual((await found()).toSorted(), wanted.slice(0, 2).toSorted());

  // What is short goes to suspense, and the receivable is what the bank says; what came twice has paid for nothing before and after.
  const exceptions = await shop.exceptions({ kind: 'bank_short', state: 'open' });
  const of = (reason: string) => exceptions.find(({ detail }) => detail.reason === reason) as (typeof exceptions)[number];
  const [owed, merchant] = [await balance('channel_receivable'), await balance('merchant_due')];
  await suspendException(shop.ctx, of('short'), { by: 'finance', note: '渠道核实中' });
  assert.deepEqual([await balance('channel_receivable'), await balance('suspense')], [owed - 100n, 100n]);
  const extra = of('unexplained');
  await assert.rejects(suspendException(shop.ctx, extra, { by: 'finance', note: null }), /second_person/);
  await suspendException(shop.ctx, await getException(shop.ctx, extra.merchant_id, extra.id), { by: 'boss', note: '待退回' });
  // What is owed and what is due are what the bills come to still.
  assert.deepEqual([await balance('merchant_due'), await balance('channel_receivable')], [merchant, owed - 100n]);
  assert.equal(await balance('suspense'), 100n);
  assert.equal((await lookAt(shop.ctx, account())).opened, 0, 'what was decided stays decided');
  assert.deepEqual(await found(), []);

  // What was short is made good: the difference is settled, and nothing of it is in suspense any more.
  await bring([{ reference: 'REST', received_on: short.received_on, fen: 100 }]);
  assert.equal((await getException(shop.ctx, extra.merchant_id, of('short').id)).resolution, 'matched');
  assert.equal(await balance('suspense'), 0n);

  for (const {
    days: [biz_date],
  } of due.filter((group) => group === short || group === doubled)) {
    const { balanced, ledger_off } = await weighDay(shop.ctx, shop.dayOf(biz_date as string));
    assert.deepEqual([balanced, ledger_off], [true, { payments_fen: 0n, refunds_fen: 0n, fee_fen: 0n }], 'settlements are no part of a day');
    await closeDay(shop.ctx, shop.dayOf(biz_date as string), 'finance');
  }
  assert.deepEqual(await brokenAlways(world.ctx), []);

  // A bill that is issued again and comes to another sum opens its day and what was paid with it.
  const [again] = due;
  assert.ok(again);
  shop.plant('fee', orders.get(again.last));
  await world.flow(takeDay(shop.ctx, shop.dayOf(again.last)));
  await world.flow(reconcileDay(shop.ctx, shop.dayOf(again.last)));
  await lookAt(shop.ctx, account());
  assert.match((await found()).join(), new RegExp(again.last));
  const shown = (await world.api('GET', '/v1/bank_credits?limit=100')).body as { data: { reference: string; settles: string[] }[] };
  assert.deepEqual(shown.data.find(({ reference }) => reference === `B${again.received_on}`)?.settles, []);
  shop.plant('correct', orders.get(again.last));
  await world.flow(takeDay(shop.ctx, shop.dayOf(again.last)));
  await lookAt(shop.ctx, account());
  assert.deepEqual(await found(), []);
});

it('a statement that contradicts one before it, or is of days to come, is refused whole', async () => {
  const before = await dump();
  const of = { reference: 'LATE', received_on: shop.today(), fen: 5 };
  await assert.rejects(bring([{ ...of, reference: 'NEW' }, of]), /bank_statement_refused/);
  await assert.rejects(bring([{ ...of, reference: 'NEW', received_on: nextDay(shop.today()) }]), /bank_statement_refused/);
  await assert.rejects(
    importStatement(shop.ctx, { account: { ...account(), channel_account_id: world.accounts.get('alipay') as string }, bytes: csv([of]), by: 'x' }),
    /bank_not_followed/,
  );
  await assert.rejects(
    importStatement(shop.ctx, { account: { ...account(), merchant_id: 'mer_01JD0000000000000000000000' }, bytes: csv([of]), by: 'x' }),
    /channel_account_not_found/,
  );
  assert.deepEqual(await dump(), before);
});
