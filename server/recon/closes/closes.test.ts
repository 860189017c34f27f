import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { type DailyClose, listDailyCloses } from '@heliu/contract';
import { sql } from 'kysely';
import { dayStart, nextDay } from '../../channels/bill.ts';
import { canonicalJson, sha256Hex } from '../../kernel/digest.ts';
import { newId } from '../../kernel/id.ts';
import type { Fen } from '../../kernel/money.ts';
import { addMs, bizDate } from '../../kernel/time.ts';
import { writeCursor } from '../../platform/http/cursor.ts';
import { refusedWith } from '../../testing/refusals.ts';
import { aWorld, type World } from '../../testing/world.ts';
import { closeDay } from '../days/service.ts';
import { findClosed, inWeighing } from '../days/store.ts';
import { acceptException, getException, reopenException } from '../exceptions/service.ts';
import { isSigned } from '../signing/service.ts';
import { aShop, type Shop } from '../testing/shop.ts';
import { type MerchantDay, missing, type Total, totalOf } from './close.ts';
import { closeMerchantDay } from './service.ts';
import { type CloseRow, findClose, insertClose, listAccounts } from './store.ts';

let world: World;
let wechat: Shop;
let alipay: Shop;
before(async () => {
  world = await aWorld();
  wechat = aShop(world, 'wechatpay');
  alipay = aShop(world, 'alipay');
});
after(() => world.close());

const dayOf = (biz_date: string): MerchantDay => ({ merchant_id: world.merchant.id, livemode: false, biz_date });
const close = (biz_date: string, by = 'finance') => world.flow(closeMerchantDay(wechat.ctx, dayOf(biz_date), by));
const accountOf = (shop: Shop): string => shop.dayOf('').channel_account_id;
const closedAccounts = async (biz_date: string) =>
  (await Promise.all([wechat, alipay].map((shop) => findClosed(world.ctx, shop.dayOf(biz_date))))).filter((each) => each !== undefined);

/** A day of both shops: three payments, one of them at the second gateway, and a refund. */
async function trade(): Promise<string> {
  const biz_date = wechat.today();
  const paid = await wechat.pay({ amount_fen: 1_000 });
  await wechat.pay({ amount_fen: 2_000 });
  await wechat.refund(paid, 300);
  await alipay.pay({ amount_fen: 4_000 });
  return biz_date;
}
const zeros = { ours_fen: '0', ledger_fen: '0', accounts_fen: '0', bill_fen: '0' };

describe('the close of a merchant’s day', () => {
  let biz_date: string;
  let closed: CloseRow;

  it('a day on which nothing happened closes with zeros, and one that is not over does not close', async () => {
    const today = wechat.today();
    await assert.rejects(close(today), refusedWith({ refused: 'recon_day_not_over', facts: undefined }));
    const { statement, ...signed } = await close(bizDate(addMs(dayStart(today), -1)));
    assert.deepEqual([statement.payments, statement.refunds, statement.accounts], [zeros, zeros, []]);
    assert.deepEqual(statement.ledger, { fee_fen: '0', suspense_fen: '0' });
    assert.ok(isSigned({ statement, ...signed }));
  });

  it('an account with money and no matched bill refuses the whole, by its name, and no other account is closed', async () => {
    biz_date = await trade();
    alipay.plant('missing', (await alipay.pay({ amount_fen: 500 })).attempt?.channel_order_no as string);
    await wechat.billDay(biz_date);
    await wechat.posted();
    const of_alipay = { channel_account_id: accountOf(alipay) };
    await assert.rejects(close(biz_date), refusedWith({ refused: 'recon_day_not_matched', facts: of_alipay }));
    // Nor when its bill was never wanted: it is its money that counts.
    await sql`delete from bill_days where channel_account_id = ${accountOf(alipay)} and kind = 'trade'`.execute(world.ctx.db.kysely);
    await assert.rejects(close(biz_date), refusedWith({ refused: 'recon_day_not_matched', facts: of_alipay }));
    assert.deepEqual(await closedAccounts(biz_date), []);
  });

  it('an open exception of one account refuses the whole', async () => {
    await alipay.billDay(biz_date);
    await assert.rejects(close(biz_date), refusedWith({ refused: 'recon_day_open', facts: { channel_account_id: accountOf(alipay) } }));
    assert.deepEqual(await closedAccounts(biz_date), []);
    const [open] = await alipay.exceptions({ state: 'open' });
    assert.ok(open);
    const accept = async () => acceptException(alipay.ctx, await getException(alipay.ctx, open.merchant_id, open.id), { by: 'ann', note: null });
    await world.flow(accept());
  });

  it('an exception that is opened, or a bill that comes, between weighing and writing keeps the close from being written', async () => {
    const accounts = await inWeighing(world.ctx, (trx) => listAccounts(trx, dayOf(biz_date)));
    for (const shop of [wechat, alipay]) await world.flow(closeDay(shop.ctx, shop.dayOf(biz_date), 'finance'));
    const [exception] = await alipay.exceptions({ kind: 'ours_only' });
    assert.ok(exception);
    const { statement, signature } = await close(bizDate(addMs(dayStart(biz_date), -1)));
    const { rows } = await sql<{ id: string }>`select id from recon_signing_keys limit 1`.execute(world.ctx.db.kysely);
    const signing_key_id = rows[0]?.id as string;
    const late = { statement: { ...statement, biz_date }, signature, signing_key_id, by: 'late', now: world.clock.now() };
    const reopened = await reopenException(alipay.ctx, exception, { by: 'ann', note: null });
    await insertClose(world.ctx, { ...late, accounts });
    assert.equal(await findClose(world.ctx, dayOf(biz_date)), undefined);
    await assert.rejects(close(biz_date), refusedWith({ refused: 'recon_day_open', facts: { channel_account_id: accountOf(alipay) } }));
    await world.flow(acceptException(alipay.ctx, reopened, { by: 'ann', note: null }));
    await insertClose(world.ctx, { ...late, accounts: accounts.map((account) => ({ ...account, bill_id: 'bil_other' })) });
    assert.equal(await findClose(world.ctx, dayOf(biz_date)), undefined);
  });

  it('two who close at once see the same, and whoever comes later does too', async () => {
    const [one, two] = await Promise.all([close(biz_date, 'ann'), close(biz_date, 'bob')]);
    assert.deepEqual(one, two);
    closed = await close(biz_date, 'carl');
    assert.deepEqual(closed, one);
  });

  it('states the sums of all accounts, equal to its own and to the ledger’s, and names each signed day', async () => {
    const { payments, refunds, accounts, ledger } = closed.statement;
    // One payment is not in its bill, and was accepted.
    assert.deepEqual(payments, { ours_fen: '7500', ledger_fen: '7500', accounts_fen: '7500', bill_fen: '7000' });
    assert.deepEqual(refunds, { ours_fen: '300', ledger_fen: '300', accounts_fen: '300', bill_fen: '300' });
    const days = await closedAccounts(biz_date);
    assert.deepEqual(
      accounts.map(({ channel_account_id, statement_sha256 }) => [channel_account_id, statement_sha256]),
      days.map(({ statement }) => [statement.channel_account_id, sha256Hex(canonicalJson(statement))]).toSorted(),
    );
    const fee_fen = days.reduce((sum, { statement }) => sum + BigInt(statement.ledger.fee_fen), 0n);
    assert.ok(fee_fen > 0n);
    assert.deepEqual(ledger, { fee_fen: String(fee_fen), suspense_fen: '0' });
    assert.ok(accounts.every(({ later }) => later.payments_fen === '0' && later.refunds_fen === '0'));
  });

  it('is signed, and is never changed', async () => {
    assert.ok(isSigned(closed));
    const { statement } = closed;
    assert.ok(!isSigned({ ...closed, statement: { ...statement, payments: { ...statement.payments, ours_fen: '7501' } } }));
    assert.ok(!isSigned({ ...closed, statement: { ...statement, accounts: statement.accounts.slice(1) } }));
    for (const change of [sql`update daily_closes set closed_by = 'x'`, sql`delete from daily_closes`, sql`truncate daily_closes`])
      await assert.rejects(change.execute(world.ctx.db.kysely), /only added to/);
  });

  it('is of one merchant and one mode: others have nothing of it', async () => {
    const live = await closeMerchantDay(wechat.ctx, { ...dayOf(biz_date), livemode: true }, 'finance');
    const other = await world.newMerchant('另一家');
    const others = await closeMerchantDay(wechat.ctx, { ...dayOf(biz_date), merchant_id: other.merchant.id }, 'finance');
    for (const { statement } of [live, others]) assert.deepEqual([statement.payments, statement.accounts], [zeros, []]);
    assert.ok(isSigned(others) && others.public_key !== closed.public_key);
    const listed = (await world.api('GET', '/v1/daily_closes', { key: other.key })).body.data as DailyClose[];
    assert.deepEqual(
      listed.map(({ manifest }) => manifest),
      [canonicalJson(others.statement)],
    );
    const live_key = await world.newKey(world.merchant.id, true, ['reconciliation:read']);
    assert.deepEqual(
      ((await world.api('GET', '/v1/daily_closes', { key: live_key })).body.data as DailyClose[]).map(({ livemode, payments }) => [
        livemode,
        payments.ours_fen,
      ]),
      [[true, 0]],
    );
  });

  it('has what became of the day after an account’s own close, and only when a bill explains it', async () => {
    const day = await trade();
    const paid = await wechat.pay({ amount_fen: 600 });
    for (const shop of [wechat, alipay]) await shop.billDay(day);
    await wechat.posted();
    await world.flow(closeDay(wechat.ctx, wechat.dayOf(day), 'finance'));
    // Asked for on the day, and paid out on the next: until then it was of no day.
    const next = wechat.today();
    await wechat.refund(paid, 600);
    await sql`update refunds set created_at = ${addMs(dayStart(nextDay(day)), -1)} where payment_id = ${paid.id}`.execute(world.ctx.db.kysely);
    await wechat.posted();
    await assert.rejects(close(day), refusedWith({ refused: 'recon_day_unbalanced', facts: { channel_account_id: accountOf(wechat) } }));
    for (const shop of [wechat, alipay]) await shop.billDay(next);
    await wechat.posted();
    const { statement } = await close(day);
    assert.deepEqual(statement.accounts.map(({ later }) => later.refunds_fen).toSorted(), ['0', '600']);
    assert.deepEqual(statement.refunds, { ours_fen: '900', ledger_fen: '900', accounts_fen: '900', bill_fen: '300' });
  });

  it('is refused with the difference when the ledger has money of the day that no account has', async () => {
    const day = await trade();
    for (const shop of [wechat, alipay]) await shop.billDay(day);
    await wechat.posted();
    await sql`with p as (insert into ledger_postings (merchant_id, id, livemode, no, kind, source_id, currency, amount_fen, payment_id, attempt_id, channel_account_id, channel, method, fact_at,
          fact_date, biz_date, detail)
        values (${world.merchant.id}, ${newId('posting', world.clock.now(), world.ctx.rng)}, false, 1000000, 'payment', 'evt_astray', 'CNY', 50, 'pay_astray', 'att_astray', ${accountOf(wechat)}, 'wechatpay', 'wechat_qr', ${dayStart(day)}, ${day}, ${day}, '{}')
        returning merchant_id, id)
      insert into ledger_entries (merchant_id, posting_id, line, account, party_id, currency, amount_fen)
      select p.merchant_id, p.id, e.line, e.account, 'acc_astray', 'CNY', e.fen from p, (values (1, 'channel_receivable', 50), (2, 'merchant_due', -50)) as e (line, account, fen)`.execute(
      world.ctx.db.kysely,
    );
    const off = { accounts_payments_fen: '0', accounts_refunds_fen: '0', ledger_payments_fen: '-50', ledger_refunds_fen: '0' };
    await assert.rejects(close(day), refusedWith({ refused: 'recon_day_incomplete', facts: off }));
    assert.deepEqual(await closedAccounts(day), []);
  });
});

it('what accounts or ledger have less than the merchant is missing, and nothing makes up for it', () => {
  const whole = (ours: bigint, ledger: bigint) => ({ ours_fen: ours as Fen, ledger_fen: ledger as Fen });
  const side = (ours: bigint) => ({ ours_fen: ours, bill_fen: ours }) as Parameters<typeof totalOf>[1][number];
  const payments: Total = totalOf(whole(100n, 100n), [side(60n), side(30n)]);
  const refunds: Total = totalOf(whole(10n, 20n), [side(20n)]);
  assert.deepEqual(missing({ payments, refunds }), {
    accounts_payments_fen: 10n,
    accounts_refunds_fen: -10n,
    ledger_payments_fen: 0n,
    ledger_refunds_fen: -10n,
  });
});

describe('GET /v1/daily_closes', () => {
  const list = async (query: string) => (await world.api('GET', `/v1/daily_closes${query}`)).body as { data: DailyClose[]; next_cursor: string | null };

  it('lists closed days newest first, page by page and by days', async () => {
    const { data } = await list('');
    const days = data.map(({ biz_date }) => biz_date);
    assert.equal(days.length, 3);
    assert.deepEqual(days, days.toSorted().toReversed());
    const first = await list('?limit=2');
    assert.deepEqual(
      first.data.map(({ biz_date }) => biz_date),
      days.slice(0, 2),
    );
    const rest = await list(`?limit=2&cursor=${first.next_cursor}`);
    assert.deepEqual([rest.data.map(({ biz_date }) => biz_date), rest.next_cursor], [days.slice(2), null]);
    assert.deepEqual(
      (await list(`?from=${days[1]}&to=${days[1]}`)).data.map(({ biz_date }) => biz_date),
      [days[1]],
    );
    // A cursor that somebody made is a place in the list, whatever it says.
    const made = writeCursor({ list: listDailyCloses.id, caller: dayOf(''), filters: {} }, 'never');
    assert.equal((await list(`?cursor=${made}`)).data.length, 3);
  });

  it('gives what is signed byte for byte, with the key', async () => {
    const { data } = await list('');
    for (const { manifest, signature, public_key, payments, accounts } of data) {
      const key = createPublicKey({ key: Buffer.from(public_key, 'base64'), format: 'der', type: 'spki' });
      assert.ok(verify(null, Buffer.from(manifest), key, Buffer.from(signature, 'base64')));
      assert.equal(JSON.parse(manifest).payments.ours_fen, String(payments.ours_fen));
      assert.equal(
        accounts.reduce((sum, each) => sum + each.payments.ours_fen, 0),
        payments.accounts_fen,
      );
    }
  });
});
