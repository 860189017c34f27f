import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { sql } from 'kysely';
import { nextDay, previousDay } from '../channels/bill.ts';
import { bank_open_max } from '../kernel/limits.ts';
import { RefusalError } from '../kernel/refusal.ts';
import { readBalances } from '../ledger/service.ts';
import { getException, listExceptions, suspendException } from '../recon/exceptions/service.ts';
import { aShop, type Shop } from '../recon/testing/shop.ts';
import { setTerms } from '../settlement/service.ts';
import { brokenAlways } from '../testing/invariants.ts';
import { aWorld, type World } from '../testing/world.ts';
import type { FollowInput } from './service.ts';
import { followAccount, importStatement, listCredits, listImports, lookAt, undoImport } from './service.ts';
import type { Account } from './store.ts';

let world: World;
let shop: Shop;
before(async () => {
  world = await aWorld();
  shop = aShop(world, 'wechatpay');
});
after(() => world.close());

const merchant_id = () => world.merchant.id;
const first = (): Account => ({ merchant_id: merchant_id(), channel_account_id: world.accounts.get('wechatpay') as string });
const second = (): Account => ({ merchant_id: merchant_id(), channel_account_id: world.accounts.get('alipay') as string });
const follow = (account: Account, since: string, of: Omit<FollowInput, 'since' | 'by'> = {}) =>
  followAccount(shop.ctx, account, { since, by: 'finance', ...of });
type Credit = readonly [reference: string, received_on: string, fen: number];
const bring = (account: Account, credits: readonly Credit[], of: { containing?: string } = {}) =>
  importStatement(shop.ctx, {
    account,
    bytes: Buffer.from(
      ['date,amount,reference,memo', ...credits.map(([reference, day, fen]) => `${day},${(fen / 100).toFixed(2)},${reference},商户 ${reference}`), ''].join(
        '\n',
      ),
    ),
    by: 'finance',
    ...of,
  });
const balances = async () => {
  const all = await readBalances(world.ctx, { merchant_id: merchant_id(), livemode: false });
  const of = (name: string) => all.filter(({ account }) => account === name).reduce((sum, { balance_fen }) => sum + balance_fen, 0n);
  return { owed: of('channel_receivable'), due: of('merchant_due'), suspense: of('suspense') };
};
const open = (account: Account) => listExceptions(shop.ctx, { ...account, kind: 'bank_short', state: 'open', limit: 100 });

it('credits of before the first day are passed over, and the import says how many', { timeout: 120_000 }, async () => {
  const day = shop.today();
  // What comes before the terms have passed is early for a day that is followed, or about a day before it.
  await setTerms(shop.ctx, { ...first(), livemode: false, days: 5, counts: 'calendar', confirmed: true });
  await shop.pay({ amount_fen: 50_000 });
  await shop.billDay(day);
  await shop.posted();
  await follow(first(), day);
  const before = await balances();
  const lines: readonly Credit[] = [
    ['P0', previousDay(day), 100_000],
    ['P1', day, 20_000],
    ['P2', nextDay(day), 50_000 - 300],
  ];
  const { import_id, passed_over, fresh, matched } = await bring(first(), lines);
  assert.deepEqual({ passed_over, fresh, matched }, { passed_over: 2, fresh: 1, matched: 1 }, 'what adds up is about its day, however early');
  const paid = await balances();
  assert.deepEqual(paid, { ...before, owed: before.owed - 49_700n, due: before.due + 49_700n });
  assert.deepEqual(await open(first()), []);
  await undoImport(shop.ctx, first(), { import_id, by: 'boss', reason: '导错账户' });
  assert.deepEqual(await balances(), before, 'taken back, it has paid nothing');
  await bring(first(), lines);
  assert.deepEqual(await balances(), paid, 'brought again, it has paid once');
  assert.equal((await bring(first(), lines)).passed_over, 2, 'and again');
  // An earlier first day takes them over.
  await follow(first(), previousDay(previousDay(day)));
  assert.equal((await bring(first(), lines)).fresh, 0, 'the terms have not passed yet');
  await setTerms(shop.ctx, { ...first(), livemode: false, days: 0, counts: 'calendar', confirmed: true });
  assert.equal((await bring(first(), lines)).fresh, 2);
});

it('what a bank credited is taken in once, for whichever channel account it is imported', async () => {
  const today = shop.today();
  await follow(first(), previousDay(today));
  await follow(second(), previousDay(today));
  await setTerms(shop.ctx, { ...second(), livemode: false, days: 0, counts: 'calendar', confirmed: true });
  assert.equal((await bring(first(), [['S1', today, 700]])).fresh, 1);
  await assert.rejects(
    bring(second(), [['S1', today, 700]]),
    (error) => error instanceof RefusalError && JSON.stringify(error.refusal).includes(first().channel_account_id),
  );
  // Named for one of them, it is the same movement still.
  await follow(second(), previousDay(today), { bank_account: '工行 1234' });
  await assert.rejects(bring(second(), [['S1', today, 700]]), /bank_statement_refused/);
  // Two banks may give the same number to two movements.
  await follow(first(), previousDay(today), { bank_account: '建行 9876' });
  assert.equal((await bring(first(), [['S1', today, 700]])).fresh, 0, 'what was taken in before the bank account had a name is the same');
  assert.equal((await bring(second(), [['S2', today, 800]])).fresh, 1);
  assert.equal((await bring(first(), [['S2', today, 900]])).fresh, 1);
  // In one bank account a number is of one movement.
  await follow(first(), previousDay(today), { bank_account: '工行 1234' });
  await assert.rejects(bring(first(), [['S2', today, 901]]), /bank_statement_refused/);
  // One statement for two channel accounts: each takes what is its own.
  const lines: readonly Credit[] = [
    ['A-3', today, 10],
    ['B-3', today, 20],
  ];
  assert.deepEqual([(await bring(first(), lines, { containing: '商户 A' })).fresh, (await bring(second(), lines, { containing: '商户 B' })).fresh], [1, 1]);
  // Two at once, for two accounts.
  const raced = await Promise.allSettled([bring(first(), [['S9', today, 5]]), bring(second(), [['S9', today, 5]])]);
  assert.deepEqual(raced.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
});

it('an import is taken back as a whole, and may come again', async () => {
  const today = shop.today();
  const before = await balances();
  const kept = await open(first());
  const wrong = await bring(first(), [
    ['W1', today, 30_000],
    ['W2', today, 40_000],
  ]);
  const [doubtful] = (await open(first())).filter(({ bill_fen }) => bill_fen === 40_000n);
  assert.ok(doubtful);
  await suspendException(shop.ctx, await getException(shop.ctx, merchant_id(), doubtful.id), { by: 'finance', note: null });
  const undo = () => undoImport(shop.ctx, first(), { import_id: wrong.import_id as string, by: 'boss', reason: '导错账户' });
  assert.equal((await undo()).credits, 2);
  assert.deepEqual(await balances(), before, 'nothing of it is in the book, and nothing in suspense');
  assert.deepEqual(await open(first()), kept);
  await assert.rejects(undo(), /bank_import_not_found/);
  await assert.rejects(undoImport(shop.ctx, second(), { import_id: wrong.import_id as string, by: 'boss', reason: '导错账户' }), /bank_import_not_found/);
  assert.ok((await listCredits(shop.ctx, { ...first(), limit: 100 })).every(({ reference }) => !reference.startsWith('W')));
  const listed = (await listImports(shop.ctx, first())).find(({ id }) => id === wrong.import_id);
  assert.deepEqual([listed?.imported_by, listed?.undone_by, listed?.undone_reason], ['finance', 'boss', '导错账户']);
  // For the account that it is of.
  assert.equal((await bring(second(), [['W1', today, 30_000]])).fresh, 1);
  assert.equal((await bring(first(), [['W2', today, 40_000]])).fresh, 1);
});

it('what is open beyond what one look reads is not settled by it', { timeout: 180_000 }, async () => {
  const today = shop.today();
  const account = first();
  await bring(account, [['OLD', previousDay(today), 4_321]]);
  const state = async () => (await sql<{ state: string }>`select state from recon_exceptions where bill_fen = 4321`.execute(shop.ctx.db.kysely)).rows[0]?.state;
  assert.equal(await state(), 'opened');
  await bring(
    account,
    Array.from({ length: bank_open_max }, (_, at): Credit => [`N${at}`, today, 1_000_000 + at]),
  );
  await lookAt(shop.ctx, account);
  assert.equal(await state(), 'opened');
  assert.deepEqual(await brokenAlways(world.ctx), []);
});
