import { parseRfc3339 } from '@heliu/server/kernel/time.ts';
import { accounts } from '@heliu/server/ledger/account.ts';
import { type Balance, trialOf } from '@heliu/server/ledger/balance.ts';
import type { Posting } from '@heliu/server/ledger/posting.ts';
import { posting_kinds } from '@heliu/server/ledger/posting.ts';
import { replayBook } from '@heliu/server/ledger/replay/service.ts';
import { closePeriod, listPostings, readBalances, readBalancesAt, readPostStatus, reversePosting } from '@heliu/server/ledger/service.ts';
import type { Ctx } from '@heliu/server/platform/ctx.ts';
import { priceFromStart } from '@heliu/server/pricing/service.ts';
import { type Command, InvalidArgumentError } from 'commander';
import { type Cli, given, show, telling, wholeNumber, withNode } from '../cli.ts';
import { type Row, record, table, yuan } from '../output.ts';
import { findMerchant } from './merchant.ts';
import { whoIs } from './recon.ts';

type BookOptions = { readonly merchant: string; readonly live?: boolean };

/** What a ledger that does not add up, or not say what its events say, ends with. */
const not_good = 1;

/** `ledger …` */
export function addLedgerCommands(program: Command, cli: Cli): void {
  const { say } = cli;
  const ledger = program.command('ledger').description(say('the ledger: what channels and merchants owe each other', '账本：渠道与商户之间的应收应付'));
  const ofBook = (command: Command): Command =>
    command
      .requiredOption('--merchant <id-or-code>', say('whose book', '哪个商户的账'))
      .option('--live', say('of live payments; of test payments otherwise', '生产环境的账；默认测试环境'));
  ledger
    .command('trial-balance')
    .description(say('both sides of all books, or of one', '试算平衡：全部账本，或一个商户的'))
    .option('--merchant <id-or-code>', say('of this merchant only', '只看该商户'))
    .option('--live', say('of live payments only', '只看生产环境'))
    .option('--test', say('of test payments only', '只看测试环境'))
    .option('--through <date>', say('up to the end of that day (Asia/Shanghai)', '截至该日终（北京时间）'), readDay)
    .action((options: { merchant?: string; live?: boolean; test?: boolean; through?: string }) => withNode(cli, (ctx) => trialBalance(cli, ctx, options)));
  ofBook(ledger.command('balances'))
    .description(say('what stands on each account of a merchant', '商户各科目余额'))
    .option('--through <date>', say('at the end of that day (Asia/Shanghai)', '该日终（北京时间）的余额'), readDay)
    .option('--at <time>', say('at that instant (RFC 3339)', '该时刻的余额（RFC 3339）'), readInstant)
    .action((options: BookOptions & { through?: string; at?: Date }) =>
      withNode(cli, async (ctx) => {
        const book = await bookOf(ctx, options);
        const balances = options.at
          ? await readBalancesAt(ctx, { ...book, at: options.at })
          : await readBalances(ctx, { ...book, ...given({ through: options.through }) });
        show(cli, balances.map(plain), () => table(balances.map((balance) => balanceRow(cli, balance))));
      }),
    );
  ofBook(ledger.command('postings'))
    .description(say('postings of a merchant, newest day first', '商户的凭证，新的在前'))
    .option('--from <date>', say('from that day on', '起始日'), readDay)
    .option('--through <date>', say('up to that day', '截止日'), readDay)
    .option('--limit <n>', say('how many', '条数'), wholeNumber, 50)
    .action((options: BookOptions & { from?: string; through?: string; limit: number }) =>
      withNode(cli, async (ctx) => {
        const { from, through, limit } = options;
        const postings = await listPostings(ctx, { ...(await bookOf(ctx, options)), from, through, limit });
        show(cli, postings.map(plain), () => table(postings.map((posting) => postingRow(cli, posting))));
      }),
    );
  ledger
    .command('post-status')
    .description(say('how far the books are behind the events, the furthest first', '各账本落后于事件多少，落后最多的在前'))
    .option('--merchant <id-or-code>', say('of this merchant only', '只看该商户'))
    .action((options: { merchant?: string }) =>
      withNode(cli, async (ctx) => {
        const books = await readPostStatus(ctx, options.merchant === undefined ? undefined : (await findMerchant(ctx, options.merchant)).id);
        show(cli, books.map(plain), () => table(books.map(plain)));
      }),
    );
  ofBook(ledger.command('reverse <posting-id>'))
    .description(say('undo a posting by one that names it; once', '冲正一张凭证（只能一次）'))
    .requiredOption('--reason <text>', say('why, for whoever reads the book', '原因'))
    .option('--by <name>', say('who undoes it', '冲正人'))
    .action((posting_id: string, options: BookOptions & { reason: string; by?: string }) =>
      withNode(cli, async (ctx) => {
        const reversal = await reversePosting(ctx, { ...(await bookOf(ctx, options)), posting_id, reason: options.reason, by: whoIs(options.by) });
        show(cli, plain(reversal), () => record(postingRow(cli, reversal)));
      }),
    );
  ofBook(ledger.command('close'))
    .description(say('close a book up to the end of a day: what comes later counts on the first open day', '结账至该日终：此后到来的记入首个未结日'))
    .requiredOption('--through <date>', say('the last day to close (Asia/Shanghai)', '结账截止日（北京时间）'), readDay)
    .option('--anyway', say('though days up to then are not closed in reconciliation; it is written down how many', '虽有未日结的账单日仍结账；其数目记录在案'))
    .option('--by <name>', say('who closes it', '结账人'))
    .action(({ through, anyway, by, ...options }: BookOptions & { through: string; anyway?: boolean; by?: string }) =>
      withNode(cli, async (ctx) => {
        const book = await bookOf(ctx, options);
        const { open_days } = await closePeriod(ctx, { ...book, through, anyway: anyway === true, by: whoIs(by) });
        const closed = { ...book, closed_through: through, open_days };
        show(cli, closed, () => record(closed));
      }),
    );
  ofBook(ledger.command('replay'))
    .description(say('make a book anew from its events and compare; writes nothing', '由事件重算账本并比对，不写入'))
    .action((options: BookOptions) =>
      withNode(cli, async (ctx) => {
        const book = await bookOf(ctx, options);
        const replay = await telling(cli, (tell) => replayBook(ctx, priceFromStart, book, (done, of) => tell(say('events', '事件'), done, of)));
        if (replay.difference_count > 0) cli.endWith(not_good);
        const { differences, ...counts } = replay;
        show(cli, replay, () => record(counts) + (differences.length > 0 ? `\n${table(differences.map((difference) => ({ ...difference })))}` : ''));
      }),
    );
}

async function trialBalance(
  cli: Cli,
  ctx: Ctx,
  { merchant, live, test, through }: { merchant?: string; live?: boolean; test?: boolean; through?: string },
): Promise<void> {
  const merchant_id = merchant === undefined ? undefined : (await findMerchant(ctx, merchant)).id;
  const livemode = live === test ? undefined : live === true;
  const balances = await readBalances(ctx, given({ merchant_id, livemode, through }));
  const trial = trialOf(balances);
  if (trial.some(({ balanced }) => !balanced)) cli.endWith(not_good);
  const by_account = Object.keys(accounts).flatMap((account) => {
    const own = balances.filter((balance) => balance.account === account);
    const sum = (side: 'debit_fen' | 'credit_fen' | 'balance_fen') => own.reduce((total, balance) => total + balance[side], 0n);
    return own.length === 0 ? [] : [{ account, debit_fen: sum('debit_fen'), credit_fen: sum('credit_fen'), balance_fen: sum('balance_fen') }];
  });
  show(cli, { accounts: by_account.map(plain), trial: trial.map(plain) }, () => {
    const rows = by_account.map(({ account, ...sums }) => balanceRow(cli, { account: account as Balance['account'], party_id: '', currency: 'CNY', ...sums }));
    const totals = trial.map(({ currency, debit_fen, credit_fen, balanced }) =>
      record({
        currency,
        [cli.say('debit', '借方')]: yuan(Number(debit_fen)),
        [cli.say('credit', '贷方')]: yuan(Number(credit_fen)),
        [cli.say('result', '结果')]: balanced ? cli.say('balanced', '平衡') : cli.say('NOT BALANCED', '不平衡'),
      }),
    );
    return totals.length === 0 ? cli.say('nothing posted\n', '尚无凭证\n') : `${table(rows)}\n${totals.join('\n')}`;
  });
}

const bookOf = async (ctx: Ctx, { merchant, live }: BookOptions) => ({ merchant_id: (await findMerchant(ctx, merchant)).id, livemode: live === true });

function balanceRow({ lang, say }: Cli, { account, party_id, debit_fen, credit_fen, balance_fen }: Balance): Row {
  return {
    [say('account', '科目')]: accounts[account][lang],
    ...(party_id === '' ? {} : { [say('of', '归属')]: party_id }),
    [say('debit', '借方')]: yuan(Number(debit_fen)),
    [say('credit', '贷方')]: yuan(Number(credit_fen)),
    [say('balance', '余额')]: yuan(Number(balance_fen)),
  };
}

function postingRow({ lang, say }: Cli, posting: Omit<Posting, 'entries'>): Row {
  const { no, biz_date, kind, amount_fen, fee_fen, id, source_id } = posting;
  return {
    [say('no', '凭证号')]: no,
    [say('day', '日期')]: biz_date,
    [say('kind', '类型')]: posting_kinds[kind][lang],
    [say('amount', '金额')]: yuan(Number(amount_fen)),
    [say('fee', '手续费')]: yuan(Number(fee_fen)),
    id,
    [say('source', '来源')]: source_id,
  };
}

/** Amounts and counts are far below 2^53. */
const plain = (value: object): Record<string, unknown> =>
  JSON.parse(JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? Number(each) : each)));

function readDay(text: string): string {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) throw new InvalidArgumentError('it must be a day such as 2026-11-21');
  return text;
}

function readInstant(text: string): Date {
  const at = parseRfc3339(text);
  if (!at) throw new InvalidArgumentError('it must be a time such as 2026-11-21T08:00:00+08:00');
  return at;
}
