import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { nextDay } from '../channels/bill.ts';
import { createChannelAccount } from '../merchants/service.ts';
import { uploadDay } from '../recon/days/service.ts';
import { aShop, type Shop } from '../recon/testing/shop.ts';
import { setCalendarDays, setTerms } from '../settlement/service.ts';
import { brokenAlways } from '../testing/invariants.ts';
import { refusedWith } from '../testing/refusals.ts';
import { aWorld, type World } from '../testing/world.ts';
import { followAccount, importStatement, listCredits, lookAt } from './service.ts';

let world: World;
let shop: Shop;
before(async () => {
  world = await aWorld();
  shop = aShop(world, 'wechatpay');
});
after(() => world.close());

const account = () => ({ merchant_id: world.merchant.id, channel_account_id: shop.dayOf(shop.today()).channel_account_id });
const bring = (lines: readonly string[], through: string) =>
  importStatement(shop.ctx, { account: account(), bytes: Buffer.from(['date,amount,reference', ...lines, ''].join('\r\n')), by: 'finance', through });
const found = async () =>
  (await shop.exceptions({ kind: 'bank_short', state: 'open' })).map(
    ({ biz_date, our_fen, bill_fen, detail }) => `${biz_date} ${detail.reason} ${bill_fen} of ${our_fen} ${detail.against ?? ''}`,
  );

const heading = '记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号';
/** A fund flow bill as WeChat Pay writes it: a payment of a hundred yuan, and the withdrawals of the day; below zero one that came back. */
function fundBill(biz_date: string, withdrawals: readonly number[]): Buffer {
  const yuan = (fen: number) => (Math.abs(fen) / 100).toFixed(2);
  const line = (nth: number, name: string, way: string, fen: number) =>
    `\`${biz_date} 1${nth}:00:00,\`42${biz_date.replaceAll('-', '')}${nth},\`W${biz_date.replaceAll('-', '')}${nth},\`${name},\`${name},\`${way},\`${yuan(fen)},\`1000.00,\`API,\`,\`V${nth}\r\n`;
  const lines = [line(0, '交易', '收入', 10_000), ...withdrawals.map((fen, at) => line(at + 1, '提现', fen < 0 ? '收入' : '支出', fen))];
  const sum = (sign: number) => withdrawals.filter((fen) => Math.sign(fen) === sign);
  const [out, back] = [sum(1), sum(-1)];
  const total = (of: readonly number[]) => of.reduce((all, fen) => all + Math.abs(fen), 0);
  return Buffer.from(
    `\ufeff${heading}\r\n${lines.join('')}资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额\r\n\`${lines.length},\`${1 + back.length},\`${yuan(10_000 + total(back))},\`${out.length},\`${yuan(total(out))}\r\n`,
  );
}

it('withdrawals of fund bills are held against credits: on their day or later, in parts, short, missing, and sent back', { timeout: 280_000 }, async () => {
  const first = shop.today();
  const days = [first];
  while (days.length < 7) days.push(nextDay(days.at(-1) as string));
  const [d0, d1, d2, d3, d4, d5, d6] = days as [string, string, string, string, string, string, string];
  await setTerms(shop.ctx, { ...account(), livemode: false, days: 1, counts: 'calendar', confirmed: true });
  await setCalendarDays(shop.ctx, []);
  await followAccount(shop.ctx, account(), { since: first, against: 'withdrawals', by: 'finance' });
  await assert.rejects(followAccount(shop.ctx, account(), { since: first, by: 'finance' }), refusedWith({ refused: 'parameter_invalid', param: 'against' }));

  // Whatever days come to is not asked: only this was withdrawn.
  const withdrawn: Readonly<Record<string, readonly number[]>> = {
    [d0]: [50_000],
    [d1]: [],
    [d2]: [30_000, 20_500],
    [d3]: [70_000],
    [d4]: [80_000],
    [d5]: [90_000, -90_000],
    [d6]: [12_345],
  };
  for (const biz_date of days) {
    await shop.pay({ amount_fen: 10_000 });
    await shop.billDay(biz_date);
    await uploadDay(shop.ctx, { day: { ...shop.dayOf(biz_date), kind: 'fund' }, bytes: fundBill(biz_date, withdrawn[biz_date] ?? []), by: 'finance' });
  }
  await shop.posted();
  await bring([`${d0},500.00,B0`, `${d3},300.00,B2a`, `${d3},205.00,B2b`, `${d4},699.00,B3`], d5);
  assert.deepEqual(
    (await found()).toSorted(),
    [`${d3} missing 0 of 70000 withdrawals`, `${d4} missing 0 of 80000 withdrawals`, `${d4} unexplained 69900 of 0 `],
    'one that is not expected yet, and one that was sent back, are not missing',
  );
  const settles = new Map((await listCredits(shop.ctx, { ...account(), limit: 10 })).map(({ reference, days: of }) => [reference, of]));
  assert.deepEqual([settles.get('B0'), settles.get('B2a'), settles.get('B2b'), settles.get('B3')], [[d0], [d2], [d2], []]);

  // The bank says more: both that were missing, and the last one on its own day. What was about no withdrawal still is not.
  await bring([`${d5},800.00,B4`, `${d5},700.00,B3b`, `${d6},123.45,B6`], d6);
  assert.deepEqual(await found(), [`${d4} unexplained 69900 of 0 `]);
  assert.deepEqual(await lookAt(shop.ctx, account()), { matched: 0, opened: 0, settled: 0 }, 'looked at again nothing changes');
  assert.deepEqual(await brokenAlways(world.ctx), []);
});

it('a channel without fund bills cannot be followed so', async () => {
  const { id } = await createChannelAccount(shop.ctx, {
    merchant_id: world.merchant.id,
    livemode: false,
    channel: 'epay',
    name: 'x',
    settings: { pid: '1', key: 'k'.repeat(32), gateway_url: 'https://epay.example' },
  });
  const other = { merchant_id: world.merchant.id, channel_account_id: id };
  await assert.rejects(
    followAccount(shop.ctx, other, { since: shop.today(), against: 'withdrawals', by: 'finance' }),
    refusedWith({ refused: 'bill_not_published', param: 'against' }),
  );
  assert.equal((await followAccount(shop.ctx, other, { since: shop.today(), by: 'finance' })).against, 'nets');
});
