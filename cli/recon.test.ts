import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { nextDay } from '@heliu/server/channels/bill.ts';
import { aShop, type Shop } from '@heliu/server/recon/testing/shop.ts';
import { aWorld, type World } from '@heliu/server/testing/world.ts';
import type { Io } from './io.ts';
import { heliu } from './testing.ts';

let world: World;
let shop: Shop;
let io: Partial<Io>;
let directory: string;
let account: string;
let day: string;

before(async () => {
  world = await aWorld();
  shop = aShop(world, 'wechatpay');
  day = shop.today();
  account = shop.dayOf(day).channel_account_id;
  await shop.pay();
  const missing = await shop.pay();
  shop.plant('missing', missing.attempt?.channel_order_no as string);
  await shop.billDay(day);
  await shop.posted();
  directory = mkdtempSync(join(tmpdir(), 'heliu-cli-recon-'));
  const { database_url, master_key } = world.ctx.config;
  io = { cwd: directory, env: { HELIU_DATABASE_URL: database_url.expose(), HELIU_MASTER_KEY: master_key?.expose() } };
});
after(async () => {
  rmSync(directory, { recursive: true });
  await world.close();
});

const ok = async (...args: string[]) => {
  const ran = await heliu(args, io);
  assert.equal(ran.code, 0, ran.err);
  return ran;
};

test('status shows days with their bills and what is open, in the words of the reader', async () => {
  const { out } = await ok('--lang', 'zh', 'recon', 'status', '--merchant', world.merchant.code, '--account', account);
  assert.match(out, /微信支付/);
  assert.match(out, new RegExp(`${day}.*trade.*imported.*10\\.00`));
});

test('status of all merchants says what needs a person today', async () => {
  const { out } = await ok('--lang', 'zh', 'recon', 'status');
  assert.match(out, new RegExp(`${world.merchant.code} +.* test +\\d+ +0 +\\d+ +${day} +1 +10\\.07 `));
  assert.match(out, new RegExp(`${world.merchant.code} +test +长款：我方有，账单无 +1 +10\\.07 `));
  const [row] = (await ok('--json', 'recon', 'status')).json() as { merchant_id: string; mode: string; at_risk_fen: number; kinds: object[] }[];
  assert.deepEqual([row?.merchant_id, row?.mode, row?.at_risk_fen, row?.kinds.length], [world.merchant.id, 'test', 1007, 1]);
  assert.match((await ok('--lang', 'en', 'recon', 'status', '--live')).out, /^none$/m);
  assert.equal((await heliu(['recon', 'status', '--account', account], io)).code, 2);
});

test('an exception is shown with its history, and a second decision on it is refused', async () => {
  const { out } = await ok('--lang', 'zh', 'recon', 'exceptions', '--account', account);
  assert.match(out, /长款：我方有，账单无/);
  const [exception] = (await ok('--json', 'recon', 'exceptions', '--account', account)).json() as { id: string }[];
  assert.ok(exception);
  const blocked = await heliu(['recon', 'close', '--account', account, '--date', day, '--by', 'ann'], io);
  assert.equal(blocked.code, 3);
  assert.match(blocked.err, /not closed|未关闭/);
  await ok('recon', 'repair', '--account', account, '--as', 'suspense', '--by', 'ann', '--note', '渠道核实中');
  const shown = await ok('recon', 'exceptions', exception.id, '--account', account);
  assert.match(shown.out, /suspend .* ann .*渠道核实中/);
  assert.match(shown.out, /our_state +succeeded/);
  const in_words = await ok('--lang', 'zh', 'recon', 'exceptions', exception.id, '--account', account);
  assert.match(in_words.out, /next +执行修复即向渠道查询/);
  const again = await heliu(['recon', 'repair', exception.id, '--account', account, '--as', 'accept', '--by', 'bob'], io);
  assert.equal(again.code, 3);
});

test('live and test are never in one list, nor in one command', async () => {
  const [one] = (await ok('--json', 'recon', 'exceptions', '--account', account, '--state', 'closed')).json() as { id: string }[];
  assert.ok(one);
  const list = async (...args: string[]) =>
    ((await ok('--json', 'recon', 'exceptions', '--merchant', world.merchant.code, '--state', 'closed', ...args)).json() as { id: string }[]).map(
      ({ id }) => id,
    );
  assert.deepEqual([await list(), await list('--live')], [[one.id], []]);
  assert.match((await ok('recon', 'exceptions', '--merchant', world.merchant.code, '--state', 'closed')).out, /^exc_\S+ +test /m);
  const setLive = (livemode: boolean) => world.ctx.db.kysely.updateTable('recon_exceptions').set({ livemode }).where('id', '=', one.id).execute();
  await setLive(true);
  try {
    assert.deepEqual([await list(), await list('--live')], [[], [one.id]]);
    const other = await heliu(['recon', 'repair', one.id, '--merchant', world.merchant.code, '--as', 'reopen', '--by', 'ann'], io);
    assert.equal(other.code, 3);
    assert.match(other.err, /recon_exception_not_found/);
  } finally {
    await setLive(false);
  }
  assert.equal((await heliu(['recon', 'exceptions', '--account', account, '--live'], io)).code, 2);
  const status = async (...args: string[]) => (await ok('--json', 'recon', 'status', '--merchant', world.merchant.code, ...args)).json() as { mode: string }[];
  assert.deepEqual([...new Set((await status()).map(({ mode }) => mode))], ['test']);
  assert.deepEqual(await status('--live'), []);
});

test('the agreed fee of an account is a rate, or has a floor and a cap, and what is wrong with it is named', async () => {
  const rate = (...args: string[]) => ['--json', 'recon', 'rate', ...args, '--account', account, '--by', 'ann'];
  assert.deepEqual((await ok(...rate('6000', '--min', '1', '--max', '2500', '--rounding', 'half_even'))).json(), {
    account,
    fee_terms: { rounding: 'half_even', refund: 'returned', tiers: [{ from_fen: 0, rate_ppm: 6000, per_item_fen: 0, min_fen: 1, max_fen: 2500 }] },
  });
  for (const [args, message] of [
    [['6000', '--min', '9', '--max', '8'], /terms\.tiers\[0\]\.max_fen/],
    [['6000', '--refund', 'never'], /terms\.refund/],
    [['bill', '--max', '8'], /bill/],
    [['6000', '--max', '1.5'], /--max/],
  ] as const) {
    const { code, err } = await heliu(rate(...args), io);
    assert.notEqual(code, 0);
    assert.match(err, message);
  }
  assert.deepEqual((await ok(...rate('bill'))).json(), { account, fee_rate_ppm: null });
});

test('a day closes with a signature that holds, and is matched again without a change', async () => {
  const { out } = await ok('--lang', 'en', 'recon', 'run', '--account', account, '--date', day);
  assert.match(out, /balanced/);
  const closed = (await ok('--json', 'recon', 'close', '--account', account, '--date', day, '--by', 'ann')).json() as { valid: boolean; exceptions: object };
  assert.equal(closed.valid, true);
  assert.deepEqual(closed.exceptions, { ours_only: 1 });
});

test('how far long work has come is said to a terminal alone, and nothing of it is left there', async () => {
  const run = async (is_terminal: boolean, ...args: string[]) => {
    const ran = await heliu(['--lang', 'en', ...args], { ...io, is_terminal });
    assert.equal(ran.code, 0, ran.err);
    return ran.err;
  };
  const match = ['recon', 'run', '--account', account, '--date', day];
  const replay = ['ledger', 'replay', '--merchant', world.merchant.code];
  const end = `\r${String.fromCharCode(27)}[K`;
  for (const [args, shown] of [
    [match, /\[██·+\] 1\/10 steps of the matching.*\[█{20}\] 10\/10 steps of the matching/s],
    [replay, /\[█{20}\] (\d+)\/\1 events/],
  ] as const) {
    const err = await run(true, ...args);
    assert.match(err, shown);
    assert.ok(err.endsWith(end));
  }
  const days = await run(true, ...match, '--to', nextDay(day));
  assert.match(days, /1\/2 .*2\/2 /s);
  assert.doesNotMatch(days, /steps/);
  for (const args of [match, replay, [...match, '--to', nextDay(day)]]) {
    assert.equal(await run(false, ...args), '');
    assert.equal(await run(true, '--json', ...args), '');
  }
});

test('a merchant’s day closes when every account of it does, and shows them with a signature that holds', async () => {
  const close = ['recon', 'close', '--merchant', world.merchant.code, '--date', day, '--by', 'ann'];
  for (const wrong of [
    ['recon', 'close', '--date', day],
    [...close, '--account', account],
    ['recon', 'close', '--account', account, '--date', day, '--live'],
  ])
    assert.equal((await heliu(wrong, io)).code, 2);
  const alipay = aShop(world, 'alipay');
  const waiting = await heliu(['--lang', 'zh', ...close], io);
  assert.equal(waiting.code, 3);
  assert.match(waiting.err, new RegExp(`渠道账户 ${alipay.dayOf(day).channel_account_id} 该日尚未对账`));
  await alipay.billDay(day);
  type Closed = { valid: boolean; closed_by: string; payments: object; accounts: { channel_account_id: string }[] };
  const closed = (await ok('--json', ...close)).json() as Closed;
  assert.deepEqual([closed.valid, closed.closed_by, closed.accounts.length], [true, 'ann', 2]);
  assert.deepEqual(closed.payments, { ours_fen: '2007', ledger_fen: '2007', accounts_fen: '2007', bill_fen: '1000' });
  const { out } = await ok(...close, '--by', 'bob');
  assert.match(out, /20\.07 = 20\.07 \(ledger\), 10\.00 \(bill\), 20\.07 \(accounts\)/);
  assert.match(out, /closed_by +ann/);
  assert.match(out, new RegExp(`${account} +wechatpay +20\\.07`));
  const status = (await ok('--json', '--lang', 'en', 'recon', 'status', '--merchant', world.merchant.code, '--to', day)).json() as { merchant: string }[];
  assert.ok(status.length > 0 && status.every(({ merchant }) => merchant === 'closed'));
  assert.equal(((await ok('--json', ...close, '--live')).json() as Closed).accounts.length, 0);
});

test('a bill is written out as it came, and the same file brought back is the same bill', async () => {
  await ok('bill', 'show', '--account', account, '--date', day, '--out', 'bill.gz');
  const imported = (await ok('--json', 'bill', 'import', 'bill.gz', '--account', account, '--date', day, '--by', 'ann')).json() as {
    new: boolean;
    version: number;
  };
  assert.deepEqual([imported.new, imported.version], [false, 1]);
});

test('G-04: a file of another day is refused with its line, and a file that is not there is wrong use', async () => {
  const refused = await heliu(['--lang', 'en', 'bill', 'import', 'bill.gz', '--account', account, '--date', '2026-10-01'], io);
  assert.equal(refused.code, 3);
  assert.match(refused.err, /line 2: the line is not of 2026-10-01/);
  assert.equal((await heliu(['bill', 'import', 'nothing.gz', '--account', account, '--date', day], io)).code, 2);
  assert.equal((await heliu(['recon', 'run', '--account', account, '--date', 'yesterday'], io)).code, 2);
});

test('a bank statement is taken in once, and what the bank did not pay is shown', async () => {
  const early = await heliu(['bank', 'import', 'bank.csv', '--account', account], io);
  assert.equal(early.code, 2, 'there is no such file');
  writeFileSync(join(directory, 'bank.csv'), `date,amount,reference,payer\n${nextDay(day)},1.00,N1,财付通\n${nextDay(day)},2.00,N2,老王\n`);
  const unasked = await heliu(['--lang', 'en', 'bank', 'import', 'bank.csv', '--account', account], io);
  assert.equal(unasked.code, 3);
  assert.match(unasked.err, /not followed/);
  await ok('bank', 'follow', '--account', account, '--since', day);
  const otherwise = await heliu(['--lang', 'zh', 'bank', 'follow', '--account', account, '--since', day, '--against', 'withdrawals'], io);
  assert.deepEqual([otherwise.code, otherwise.err], [3, 'against: 参数格式不正确：仍为 nets。 (parameter_invalid)\n']);
  const bring = async () =>
    (await ok('--json', 'bank', 'import', 'bank.csv', '--account', account, '--payer', '财付通', '--by', 'ann')).json() as { credits: number; fresh: number };
  assert.deepEqual([(await bring()).fresh, (await bring()).fresh], [1, 0]);
  assert.match((await ok('bank', 'show', '--account', account)).out, /N1 +1\.00 +财付通/);
  const short = (await ok('--json', 'recon', 'exceptions', '--account', account, '--exception', 'bank_short')).json() as { detail: { reason: string } }[];
  assert.deepEqual(
    short.map(({ detail }) => detail.reason),
    ['short'],
  );
  // An import is taken back as a whole, and may come again.
  const [last] = (await ok('--json', 'bank', 'imports', '--account', account)).json() as { import: string; by: string; credits: number }[];
  const [taken] = ((await ok('--json', 'bank', 'show', '--account', account)).json() as { import: string }[]).map((row) => row.import);
  assert.deepEqual([last?.by, last?.credits], ['ann', 0], 'the second time it brought nothing');
  await ok('bank', 'undo', taken as string, '--account', account, '--reason', '导错账户', '--by', 'bob');
  assert.doesNotMatch((await ok('bank', 'show', '--account', account)).out, /N1/);
  assert.match((await ok('bank', 'imports', '--account', account)).out, /bob +导错账户/);
  assert.equal((await bring()).fresh, 1);
  const broken = join(directory, 'broken.csv');
  writeFileSync(broken, 'date,amount\n2026-11-21,1.00\n');
  const refused = await heliu(['--lang', 'en', 'bank', 'import', 'broken.csv', '--account', account], io);
  assert.equal(refused.code, 3);
  assert.match(refused.err, /line 1: there is no column reference/);
});

test('what one act puts at risk together takes two persons, though none of it does alone', async () => {
  const broken = shop.today();
  for (let n = 0; n < 2; n++) shop.plant('missing', (await shop.pay({ amount_fen: 60_000 })).attempt?.channel_order_no as string);
  await shop.billDay(broken);
  await shop.posted();
  const of = ['--account', account, '--date', broken, '--as', 'accept'];
  const open = async () => ((await ok('--json', 'recon', 'exceptions', '--account', account, '--date', broken)).json() as { id: string }[]).map(({ id }) => id);
  const [one] = await open();
  const first = await heliu(['--lang', 'en', 'recon', 'repair', ...of, '--by', 'ann'], io);
  assert.equal(first.code, 3);
  assert.match(first.out, /2 differences decided together put 1200\.00 at risk; from 1000\.00 a second person decides the same/);
  const named = await heliu(['--lang', 'zh', 'recon', 'repair', ...(await open()), ...of, '--by', 'ann'], io);
  assert.match(named.out, /一并处理的 2 笔差错风险金额共 1200\.00 元，满 1000\.00 元须第二人作同样处理/);
  assert.equal((await heliu(['recon', 'repair', one as string, ...of, '--by', 'ann'], io)).code, 3, 'one by one does not make a second person of the first');
  assert.equal((await open()).length, 2);
  const second = (await ok('--json', 'recon', 'repair', ...of, '--by', 'bob')).json() as { resolution: string; approvals: string }[];
  assert.deepEqual(
    second.map(({ resolution, approvals }) => [resolution, approvals]),
    [1, 2].map(() => ['accepted', 'ann, bob']),
  );
});

test('a list or a bulk action that ends at its limit says that there is more', async () => {
  const broken = shop.today();
  for (let n = 0; n < 3; n++) shop.plant('missing', (await shop.pay()).attempt?.channel_order_no as string);
  await shop.billDay(broken);
  await shop.posted();
  const some = await ok('--lang', 'en', 'recon', 'exceptions', '--account', account, '--date', broken, '--limit', '2');
  assert.match(some.err, /more than these 2/);
  const assigned = await ok('recon', 'assign', '--account', account, '--date', broken, '--risk-from', '0.01', '--to', 'bob', '--by', 'ann', '--limit', '1');
  assert.match(assigned.out, / bob /);
  const owned = async (...args: string[]) =>
    ((await ok('--json', 'recon', 'exceptions', '--account', account, '--date', broken, '--to', nextDay(broken), ...args)).json() as object[]).length;
  assert.deepEqual([await owned('--owner', 'bob'), await owned('--owner', 'none'), await owned('--risk-from', '99999')], [1, 2, 0]);
  assert.deepEqual([await owned('--opened-before', broken), await owned('--channel', 'wechatpay'), await owned('--channel', 'alipay')], [0, 3, 0]);
  assert.equal((await heliu(['recon', 'exceptions', '--account', account, '--to', broken], io)).code, 2);
  const handled = await ok('--lang', 'zh', 'recon', 'repair', '--account', account, '--date', broken, '--as', 'accept', '--by', 'ann', '--limit', '2');
  assert.match(handled.err, /不止这 2 条/);
  const rest = await ok('recon', 'repair', '--account', account, '--date', broken, '--as', 'accept', '--by', 'ann');
  assert.doesNotMatch(rest.err, /more than|不止/);
  assert.deepEqual((await ok('--json', 'recon', 'exceptions', '--account', account, '--date', broken)).json(), []);
});
