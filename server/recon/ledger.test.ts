import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { ExceptionKind, Payment } from '@heliu/contract';
import { sql } from 'kysely';
import { toFen } from '../kernel/money.ts';
import { closePeriod, listPostings, readBalances, reversePosting } from '../ledger/service.ts';
import { refusedWith } from '../testing/refusals.ts';
import { aWorld, type World } from '../testing/world.ts';
import { closeDay, reconcileDay, takeDay, weighDay } from './days/service.ts';
import type { ReconException } from './exceptions/exception.ts';
import { acceptException, getException, reopenException, suspendException } from './exceptions/service.ts';
import { agreeFeeRate } from './fees/service.ts';
import { disputed } from './postings/draft.ts';
import { isSigned } from './signing/service.ts';
import { aShop, type Shop } from './testing/shop.ts';

let world: World;
let shop: Shop;
before(async () => {
  world = await aWorld();
  shop = aShop(world, 'wechatpay');
});
after(() => world.close());

const no = (payment: Payment): string => payment.attempt?.channel_order_no as string;
const agreeing = { payments_fen: 0n, refunds_fen: 0n, fee_fen: 0n };
const person = { by: 'finance', note: '渠道核实中' };
const book = () => ({ merchant_id: world.merchant.id, livemode: false });
const balances = async () => Object.fromEntries((await readBalances(world.ctx, book())).map(({ account, balance_fen }) => [account, balance_fen]));
const postings = async (kind: string) => (await listPostings(world.ctx, { ...book(), limit: 1000 })).filter((each) => each.kind === kind);
const exception = async (kind: ExceptionKind, biz_date: string): Promise<ReconException> => {
  const found = (await shop.exceptions({ kind })).find((each) => each.biz_date === biz_date);
  assert.ok(found, `${kind} of ${biz_date}`);
  return found;
};

/** A day with one wrong line, matched and posted. */
async function aDay(code: string, amount_fen = 10_000): Promise<string> {
  const biz_date = shop.today();
  await shop.pay({ amount_fen });
  const wrong = no(await shop.pay({ amount_fen }));
  shop.plant(code, wrong);
  await shop.billDay(biz_date);
  await shop.posted();
  return biz_date;
}

describe('the ledger at the close of a day', () => {
  it('has the fee of the bill once, however often the day is matched, and of a re-issued bill instead', async () => {
    await agreeFeeRate(shop.ctx, shop.dayOf(shop.today()), 6000);
    const biz_date = await aDay('fee');
    const [bill] = await fees(biz_date);
    assert.ok(bill?.fee_posting_id);
    assert.equal((await balances()).channel_fee, bill.fee_fen);
    await world.flow(reconcileDay(shop.ctx, shop.dayOf(biz_date)));
    assert.equal((await postings('channel_fee')).length, 1);
    // Without the error the file is another one.
    shop.plant('correct');
    await world.flow(takeDay(shop.ctx, shop.dayOf(biz_date)));
    const [now, before] = await fees(biz_date);
    assert.equal(before?.fee_posting_id, null);
    assert.notEqual(now?.fee_fen, bill.fee_fen);
    assert.equal((await balances()).channel_fee, now?.fee_fen);
    assert.deepEqual(
      (await postings('reversal')).map(({ reverses_id }) => reverses_id),
      [bill.fee_posting_id],
      'undone by the name of what it undoes',
    );
    assert.deepEqual((await weighDay(shop.ctx, shop.dayOf(biz_date))).ledger_off, agreeing);
  });

  it('has of a re-issued bill the new fee alone also through its own day, and of a closed day on the first open one', async () => {
    const through = async (day: string) =>
      (await readBalances(world.ctx, { ...book(), through: day })).find(({ account }) => account === 'channel_fee')?.balance_fen ?? 0n;
    const biz_date = shop.today();
    const before = await through(biz_date);
    const reissue = async () => {
      shop.plant('correct');
      await world.flow(takeDay(shop.ctx, shop.dayOf(biz_date)));
    };
    const feeNow = async () => (await fees(biz_date))[0]?.fee_fen as bigint;
    await aDay('fee');
    const wrong = await feeNow();
    assert.equal((await through(biz_date)) - before, wrong);
    await reissue();
    const right = await feeNow();
    assert.notEqual(right, wrong);
    assert.equal((await through(biz_date)) - before, right, 'the day has one fee');

    // The day after is wrong again; then its period is closed, and then its bill is issued anew.
    const next = await aDay('fee');
    const posted = await through(next);
    const its_fee = (await fees(next))[0]?.fee_fen as bigint;
    await closePeriod(world.ctx, { ...book(), through: next, by: 'finance', anyway: true });
    shop.plant('correct');
    await world.flow(takeDay(shop.ctx, shop.dayOf(next)));
    assert.equal(await through(next), posted, 'what was closed stays');
    assert.equal((await through(shop.today())) - posted, ((await fees(next))[0]?.fee_fen as bigint) - its_fee);
  });

  it('has what a person writes to suspense, until the exception is opened again, and the receivable is what the bill says', async () => {
    const before = await balances();
    const biz_date = await aDay('missing');
    const missing = await exception('ours_only', biz_date);
    const suspended = await world.flow(suspendException(shop.ctx, missing, person));
    const since = async (account: string) => ((await balances())[account] ?? 0n) - (before[account] ?? 0n);
    const fee = (await fees(biz_date))[0]?.fee_fen as bigint;
    assert.equal(await since('suspense'), 10_000n);
    assert.equal(await since('channel_receivable'), 10_000n - fee, 'of two payments the bill has one, less its fee');
    // Matched again, it stays as it is.
    await world.flow(reconcileDay(shop.ctx, shop.dayOf(biz_date)));
    assert.equal(await since('suspense'), 10_000n);
    const { ledger, ledger_off, balanced } = await weighDay(shop.ctx, shop.dayOf(biz_date));
    assert.deepEqual([balanced, ledger_off, ledger], [true, agreeing, { fee_fen: fee, suspense_fen: 10_000n }]);

    const reopened = await reopenException(shop.ctx, await getException(shop.ctx, world.merchant.id, suspended.id), person);
    assert.equal(await since('suspense'), 0n);
    const [posted] = (await postings('suspense')).filter(({ detail }) => detail.recon_exception_id === reopened.id);
    assert.ok((await postings('reversal')).some(({ reverses_id }) => reverses_id === posted?.id));
    await world.flow(suspendException(shop.ctx, reopened, person));
    assert.equal(await since('suspense'), 10_000n, 'and may be written there again');
    const closed = await world.flow(closeDay(shop.ctx, shop.dayOf(biz_date), 'finance'));
    assert.ok(isSigned(closed));
    assert.deepEqual(closed.statement.ledger, { fee_fen: String(fee), suspense_fen: '10000' });
    assert.equal(closed.statement.payments.ledger_fen, '20000');
    assert.ok(!isSigned({ ...closed, statement: { ...closed.statement, ledger: { fee_fen: '0', suspense_fen: '0' } } }));
  });

  it('takes out of suspense what the next version of the bill settles', async () => {
    const biz_date = await aDay('missing');
    const before = (await balances()).suspense ?? 0n;
    await world.flow(suspendException(shop.ctx, await exception('ours_only', biz_date), person));
    assert.equal((await balances()).suspense, before + 10_000n);
    shop.plant('correct');
    await world.flow(takeDay(shop.ctx, shop.dayOf(biz_date)));
    assert.equal((await exception('ours_only', biz_date)).resolution, 'matched');
    assert.equal((await balances()).suspense, before);
    assert.equal((await weighDay(shop.ctx, shop.dayOf(biz_date))).ledger.suspense_fen, 0n);
  });

  it('has in suspense what a fee is off by, and nothing of a difference that is accepted or about no amount', async () => {
    const biz_date = await aDay('fee');
    const before = await balances();
    const wrong = await exception('fee_mismatch', biz_date);
    const off = (BigInt(wrong.detail.received_millifen as string) - BigInt(wrong.detail.expected_millifen as string)) / 1000n;
    assert.notEqual(off, 0n);
    await world.flow(suspendException(shop.ctx, wrong, person));
    const now = await balances();
    assert.equal((now.suspense ?? 0n) - (before.suspense ?? 0n), off);
    assert.equal((now.channel_fee ?? 0n) - (before.channel_fee ?? 0n), -off);
    const other = await aDay('transaction');
    const count = (await postings('suspense')).length;
    await world.flow(suspendException(shop.ctx, await exception('transaction_mismatch', other), person));
    const accepted = await aDay('missing');
    await world.flow(acceptException(shop.ctx, await exception('ours_only', accepted), person));
    assert.equal((await postings('suspense')).length, count);
  });

  for (const [kind, code] of [
    ['wrong_receiver', 'receiver'],
    ['currency_mismatch', 'currency'],
  ] as const)
    it(`has in suspense the whole of a ${kind}: the channel owes nothing of it, whatever figure the line has`, async () => {
      const before = await balances();
      const biz_date = await aDay(code);
      const wrong = await exception(kind, biz_date);
      assert.deepEqual([wrong.our_fen, wrong.bill_fen, wrong.at_risk_fen], [10_000n, 10_000n, 10_000n]);
      const since = async (account: string) => ((await balances())[account] ?? 0n) - (before[account] ?? 0n);
      const fee = (await fees(biz_date))[0]?.fee_fen as bigint;
      const suspended = await world.flow(suspendException(shop.ctx, wrong, person));
      assert.deepEqual([await since('suspense'), await since('channel_receivable')], [10_000n, 10_000n - fee]);
      await reopenException(shop.ctx, suspended, person);
      assert.deepEqual([await since('suspense'), await since('channel_receivable')], [0n, 20_000n - fee]);
    });

  it('posts by how much the receivable is above what the channel owes, on the side of the payment or of the refund', () => {
    const off = (kind: ExceptionKind, of: 'payment' | 'refund', our_fen: bigint, bill_fen: bigint) =>
      disputed({ kind, of, our_fen: toFen(our_fen), bill_fen: toFen(bill_fen), id: '', channel: '', channel_account_id: '', biz_date: '', detail: {} });
    const table: [ExceptionKind, 'payment' | 'refund', bigint, bigint, bigint][] = [
      ['ours_only', 'payment', 100n, 0n, 100n],
      ['bill_only', 'payment', 0n, 100n, -100n],
      ['refund_ours_only', 'refund', 100n, 0n, -100n],
      ['amount_mismatch', 'payment', 100n, 90n, 10n],
      ['wrong_receiver', 'payment', 100n, 100n, 100n],
      ['wrong_receiver', 'refund', 100n, 100n, -100n],
      // Nothing was counted here, and the money is another's.
      ['wrong_receiver', 'payment', 0n, 100n, 0n],
      ['currency_mismatch', 'payment', 100n, 7n, 100n],
      ['currency_mismatch', 'refund', 100n, 7n, -100n],
    ];
    for (const [kind, of, our_fen, bill_fen, expected] of table) assert.equal(off(kind, of, our_fen, bill_fen), expected, `${kind} of a ${of}`);
  });

  it('a day whose ledger differs says by how much, and is not closed', async () => {
    const biz_date = shop.today();
    const payment = await shop.pay({ amount_fen: 7_000 });
    await shop.billDay(biz_date);
    await shop.posted();
    const posting = (await postings('payment')).find(({ payment_id }) => payment_id === payment.id);
    assert.ok(posting);
    await reversePosting(world.ctx, { ...book(), posting_id: posting.id, reason: 'by mistake', by: 'finance' });
    const { balanced, ledger_off } = await weighDay(shop.ctx, shop.dayOf(biz_date));
    assert.deepEqual([balanced, ledger_off], [true, { ...agreeing, payments_fen: 7_000n }]);
    const { channel_account_id } = shop.dayOf(biz_date);
    await assert.rejects(
      world.flow(closeDay(shop.ctx, shop.dayOf(biz_date), 'finance')),
      refusedWith({
        refused: 'recon_day_ledger_differs',
        param: undefined,
        facts: { channel_account_id, payments_fen: '7000', refunds_fen: '0', fee_fen: '0' },
      }),
    );
  });
});

type Fee = { readonly fee_posting_id: string | null; readonly fee_fen: bigint };
/** Of the versions of a bill, the current one first. */
const fees = async (biz_date: string): Promise<readonly Fee[]> =>
  (
    await sql<Fee>`select fee_posting_id, round(fee_millifen / 1000.0)::bigint as fee_fen from bills where merchant_id = ${world.merchant.id}
      and channel_account_id = ${shop.dayOf(biz_date).channel_account_id} and biz_date = ${biz_date} and kind = 'trade' order by version desc`.execute(
      world.ctx.db.kysely,
    )
  ).rows;
