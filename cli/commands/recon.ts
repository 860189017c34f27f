import { readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { type BillKind, bill_kinds, nextDay } from '@heliu/server/channels/bill.ts';
import { channels } from '@heliu/server/channels/registry.ts';
import { RefusalError, refuse } from '@heliu/server/kernel/refusal.ts';
import { findAccountById } from '@heliu/server/merchants/service.ts';
import type { PaymentsCtx } from '@heliu/server/payments/ctx.ts';
import { writeTerms } from '@heliu/server/pricing/price-rule.ts';
import type { Progress } from '@heliu/server/recon/bills/bill.ts';
import { listDayBills, openFile } from '@heliu/server/recon/bills/service.ts';
import { changedSinceClosing } from '@heliu/server/recon/days/changes.ts';
import { listDays, reconcileDay, takeDay, uploadDay, weighDay } from '@heliu/server/recon/days/service.ts';
import type { DayLine } from '@heliu/server/recon/days/store.ts';
import { listExceptions } from '@heliu/server/recon/exceptions/service.ts';
import { agreeFeeRate, agreeFeeTerms } from '@heliu/server/recon/fees/service.ts';
import { type Command, Option } from 'commander';
import { type Cli, given, show, type Tell, telling, wholeNumber, withNode } from '../cli.ts';
import { UsageError } from '../failures.ts';
import { record, table, yuan } from '../output.ts';
import { close, closedDays } from './closes.ts';
import { addExceptionCommands } from './exceptions.ts';
import { findMerchant } from './merchant.ts';
import { showMorning } from './morning.ts';
import { progressOf, readDay, withChannels } from './operator.ts';

type Of = { readonly account: string };
type Day = Of & { readonly date: string };
type Span = Day & { readonly to?: string };

/** `bill …` and `recon …` */
export function addReconCommands(program: Command, cli: Cli): void {
  addBillCommands(program, cli);
  addReconciliationCommands(program, cli);
}

const ofAccount = (command: Command, { say }: Cli): Command => command.requiredOption('--account <id>', say('channel account (acc_…)', '渠道账户（acc_…）'));
const ofDay = (command: Command, cli: Cli): Command =>
  ofAccount(command, cli).requiredOption('--date <day>', cli.say('business day in Beijing: 2026-11-21', '账单日（北京时间）：2026-11-21'), readDay);
const upTo = (command: Command, { say }: Cli): Command => command.option('--to <day>', say('and every day up to this one', '直至该日（含）'), readDay);
const ofKind = (command: Command, { say }: Cli): Command =>
  command.addOption(new Option('--kind <kind>', say('trade 业务账单 or fund 资金账单', '业务账单 trade 或资金账单 fund')).choices(bill_kinds).default('trade'));
const byWhom = (command: Command, { say }: Cli): Command =>
  command
    .option('--by <name>', say('who does it; the user of this machine unless given', '操作人；默认为本机用户'))
    .option('--note <text>', say('why', '原因'));

function addBillCommands(program: Command, cli: Cli): void {
  const { say } = cli;
  const bill = program.command('bill').description(say('bills of channels', '渠道账单'));
  ofKind(upTo(ofDay(bill.command('fetch'), cli), cli), cli)
    .description(say('fetch the bill of a day from the channel now, and match the day', '立即向渠道取某日账单并对账'))
    .action((options: Span & { kind: BillKind }) => fetchBills(cli, options));
  ofKind(ofDay(bill.command('import <file>'), cli), cli)
    .description(say('take in a bill that was downloaded by hand, and match the day', '导入人工下载的账单并对账'))
    .option('--by <name>', say('who brings it', '导入人'))
    .option('--replace', say('also in the place of the bill that the channel itself gave; with --by', '替换渠道已给出的账单；须写明 --by'))
    .action((file: string, options: Day & { kind: BillKind; by?: string; replace?: boolean }) => importBill(cli, file, options));
  ofKind(ofDay(bill.command('show'), cli), cli)
    .description(say('show the versions of a bill', '查看账单的各版本'))
    .option('--out <file>', say('write the original of the current version there', '将当前版本的原文件写到此处'))
    .action((options: Day & { kind: BillKind; out?: string }) => showBills(cli, options));
}

function addReconciliationCommands(program: Command, cli: Cli): void {
  const { say } = cli;
  const recon = program.command('recon').description(say('reconciliation', '对账'));
  upTo(ofDay(recon.command('run'), cli), cli)
    .description(say('match a day with its bill again; what has not changed stays as it is', '重新对账；未变的不动'))
    .action((options: Span) => runDays(cli, options));
  recon
    .command('status')
    .description(
      say(
        'what needs a person today, of all merchants; of one merchant its days, their bills and what is open',
        '全部商户今日待处理事项；指定商户则为其账单日、账单与未关闭的差错',
      ),
    )
    .option('--merchant <id-or-code>', say('merchant; all unless given', '商户；默认全部'))
    .option('--account <id>', say('only this channel account', '只看该渠道账户'))
    .option(
      '--live',
      say('live payments alone; of one merchant test payments otherwise, of all both', '只看生产环境；指定商户时默认测试环境，全部商户时默认两者'),
    )
    .option('--from <day>', say('this day and later', '起始日'), readDay)
    .option('--to <day>', say('this day and earlier', '截止日'), readDay)
    .option('--limit <n>', say('rows', '条数'), wholeNumber, 60)
    .action(({ merchant, ...options }: Status & { merchant?: string }) =>
      merchant === undefined ? showMorning(cli, options) : showStatus(cli, { ...options, merchant }),
    );
  addExceptionCommands(recon, cli, { byWhom: (command) => byWhom(command, cli), whoIs });
  byWhom(recon.command('close'), cli)
    .description(
      say(
        'close the day of a channel account, or of a whole merchant: prove platform = ledger = bill + exceptions and sign it',
        '日结：一个渠道账户或整个商户，证明 平台 = 账本 = 账单 + 差错 并签名',
      ),
    )
    .option('--account <id>', say('channel account (acc_…)', '渠道账户（acc_…）'))
    .option('--merchant <id-or-code>', say('the whole merchant, all of its channel accounts', '整个商户的全部渠道账户'))
    .requiredOption('--date <day>', say('business day in Beijing: 2026-11-21', '账单日（北京时间）：2026-11-21'), readDay)
    .option('--live', say('with --merchant: of live payments; of test payments otherwise', '与 --merchant 同用：生产环境；默认测试环境'))
    .action(({ date: biz_date, by, ...of }: { account?: string; merchant?: string; live?: boolean; date: string; by?: string }) =>
      close(cli, { ...of, biz_date, by: whoIs(by) }),
    );
  ofAccount(recon.command('rate <ppm>'), cli)
    .description(
      say(
        'the fee that was agreed on, in millionths (6000 is 0.60 %); "bill" takes what bills name',
        '约定费率（百万分之，6000 即 0.60%）；bill 为按账单自带费率',
      ),
    )
    .option('--per-item <fen>', say('besides, for each payment', '另加每笔固定费用（分）'), wholeNumber)
    .option('--min <fen>', say('no payment costs less', '保底（分）'), wholeNumber)
    .option('--max <fen>', say('no payment costs more', '封顶（分）'), wholeNumber)
    .option('--rounding <rule>', say('half_up (unless told), half_even, down, up', '舍入：half_up（默认）、half_even、down、up'))
    .option('--refund <rule>', say('returned (unless told): a share goes back with refunds; kept', '退款时手续费：returned 按比例退回（默认）、kept 不退'))
    .option('--by <name>', say('who says so', '设定人'))
    .action((ppm: string, { account, by, ...options }: Of & FeeOptions & { by?: string }) => agreeFee(cli, ppm, account, { ...options, by: whoIs(by) }));
}

export const whoIs = (by: string | undefined): string => by ?? userInfo().username;

type Work = { readonly ctx: PaymentsCtx; readonly merchant_id: string; readonly channel_account_id: string };

export const withAccount = (cli: Cli, id: string, work: (of: Work) => Promise<void>): Promise<void> =>
  withChannels(cli, async (ctx) => {
    const account = await findAccountById(ctx, id);
    if (!account) throw new RefusalError(refuse('channel_account_not_found', '--account'));
    await work({ ctx, merchant_id: account.merchant_id, channel_account_id: id });
  });

/** A year and a bit: more days at once are a slip of the keyboard. */
const days_max = 400;

function daysOf({ date, to = date }: Pick<Span, 'date' | 'to'>, { say }: Cli): readonly string[] {
  const days: string[] = [];
  for (let day = date; day <= to; day = nextDay(day)) {
    if (days.length >= days_max) throw new UsageError(say(`at most ${days_max} days at once`, `一次最多 ${days_max} 天`));
    days.push(day);
  }
  if (days.length === 0) throw new UsageError(say('--to is before --date', '--to 早于 --date'));
  return days;
}

/** One day at work: of several the days are counted. */
const progressIn = ({ say }: Cli, tell: Tell): Progress => ({
  read: (lines) => tell(say('lines', '行'), lines),
  matched: (steps, of) => tell(say('steps of the matching', '步对账'), steps, of),
});

function fetchBills(cli: Cli, { account, kind, ...span }: Span & { kind: BillKind }): Promise<void> {
  return withAccount(cli, account, async ({ ctx, ...of }) => {
    const days = daysOf(span, cli);
    const progress = progressOf(cli, days.length);
    const rows: Record<string, unknown>[] = [];
    for (const [at, biz_date] of days.entries()) {
      const fetched = await telling(cli, (tell) =>
        takeDay(ctx, { ...of, kind, biz_date }, whoIs(undefined), days.length === 1 ? progressIn(cli, tell) : undefined),
      );
      const bill = fetched.is === 'imported' ? fetched.imported.bill : undefined;
      const problem = fetched.is === 'waiting' ? fetched.problem : '';
      rows.push({
        biz_date,
        result: fetched.is,
        version: bill?.version,
        lines: bill?.lines,
        payments: shownFen(bill?.payment_fen),
        refunds: shownFen(bill?.refund_fen),
        problem,
      });
      progress(at + 1, biz_date);
    }
    show(cli, rows, () => table(rows));
  });
}

const shownFen = (fen: bigint | null | undefined): string => (fen === null || fen === undefined ? '' : yuan(Number(fen)));

async function importBill(
  cli: Cli,
  file: string,
  { account, date: biz_date, kind, by, replace = false }: Day & { kind: BillKind; by?: string; replace?: boolean },
): Promise<void> {
  if (replace && by === undefined) throw new UsageError(cli.say('--replace needs --by: who says so', '--replace 须写明 --by（由谁决定）'));
  const bytes = await readFile(resolve(cli.io.cwd, file)).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(cli.say(`${file} cannot be read (${error.code})`, `无法读取 ${file}（${error.code}）`));
  });
  await withAccount(cli, account, async ({ ctx, ...of }) => {
    const { bill, is_new } = await telling(cli, (tell) =>
      uploadDay(ctx, { day: { ...of, kind, biz_date }, bytes, by: whoIs(by), replace, progress: progressIn(cli, tell) }),
    );
    const open = (await listExceptions(ctx, { ...of, biz_date, state: 'open', limit: 1000 })).length;
    const row = {
      id: bill.id,
      biz_date,
      version: bill.version,
      state: bill.state,
      lines: bill.lines,
      payments: shownFen(bill.payment_fen),
      refunds: shownFen(bill.refund_fen),
      new: is_new,
      open_exceptions: open,
    };
    show(cli, row, () => record(row));
  });
}

function showBills(cli: Cli, { account, date: biz_date, kind, out }: Day & { kind: BillKind; out?: string }): Promise<void> {
  return withAccount(cli, account, async ({ ctx, ...of }) => {
    const bills = await listDayBills(ctx, { ...of, kind, biz_date });
    const current = bills.find(({ state }) => state === 'current');
    if (out !== undefined) {
      if (!current) throw new RefusalError(refuse('bill_not_found'));
      await writeFile(resolve(cli.io.cwd, out), await openFile(ctx, current));
    }
    const rows = bills.map((bill) => ({
      id: bill.id,
      version: bill.version,
      state: bill.state,
      source: bill.source,
      by: bill.imported_by,
      replaces: bill.replaces_id,
      lines: bill.lines,
      payments: shownFen(bill.payment_fen),
      refunds: shownFen(bill.refund_fen),
      fee: bill.fee_millifen === null ? '' : yuan(Math.round(Number(bill.fee_millifen) / 1000)),
      sha256: bill.sha256.toString('hex').slice(0, 16),
      problem: bill.problem === null ? '' : `${bill.problem_line === null ? '' : `line ${bill.problem_line}: `}${bill.problem}`,
    }));
    show(cli, rows, () => table(rows));
  });
}

function runDays(cli: Cli, { account, ...span }: Span): Promise<void> {
  return withAccount(cli, account, async ({ ctx, ...of }) => {
    const days = daysOf(span, cli);
    const progress = progressOf(cli, days.length);
    const rows: Record<string, unknown>[] = [];
    for (const [at, biz_date] of days.entries()) {
      const matched = await telling(cli, (tell) => reconcileDay(ctx, { ...of, biz_date }, days.length === 1 ? progressIn(cli, tell) : undefined));
      const weighed = matched && (await weighDay(ctx, { ...of, biz_date }));
      const open = weighed?.exceptions.reduce((sum, each) => sum + Number(each.open), 0);
      const off = weighed && Object.entries(weighed.ledger_off).filter(([, fen]) => fen !== 0n);
      const result = matched ? (weighed?.balanced ? cli.say('balanced', '平') : cli.say('NOT BALANCED', '不平')) : cli.say('no bill yet', '尚无账单');
      rows.push({
        biz_date,
        result,
        ours: shownFen(weighed?.payments.ours_fen),
        ledger: shownFen(weighed?.payments.ledger_fen),
        bill: shownFen(weighed?.payments.bill_fen),
        ledger_off: off?.map(([of, fen]) => `${of.replace('_fen', '')} ${shownFen(fen)}`).join(', '),
        opened: matched?.opened,
        settled: matched?.settled,
        open,
        ms: matched && Math.round(matched.ms),
      });
      progress(at + 1, biz_date);
    }
    show(cli, rows, () => table(rows));
  });
}

type Status = {
  readonly live?: boolean;
  readonly account?: string;
  readonly from?: string;
  readonly to?: string;
  readonly limit: number;
};

function showStatus(cli: Cli, { merchant, account, live = false, ...filter }: Status & { readonly merchant: string }): Promise<void> {
  return withNode(cli, async (ctx) => {
    const { id: merchant_id } = await findMerchant(ctx, merchant);
    const days = await listDays(ctx, { ...given(filter), limit: filter.limit, merchant_id, livemode: live, channel_account_id: account });
    const isClosed = await closedDays(ctx, merchant_id, days);
    const rows = days.map((day) => ({
      biz_date: day.biz_date,
      mode: day.livemode ? 'live' : 'test',
      channel: channels.get(day.channel)?.name[cli.lang] ?? day.channel,
      account: day.channel_account_id,
      kind: day.kind,
      state: stateOf(cli, day),
      merchant: isClosed(day) ? cli.say('closed', '已日结') : '',
      version: day.bill_version,
      lines: day.lines,
      payments: shownFen(day.payment_fen),
      refunds: shownFen(day.refund_fen),
      open: Number(day.open_exceptions),
      problem: day.problem,
      changed: whatChanged(cli, day),
    }));
    show(cli, rows, () => table(rows));
  });
}

function stateOf({ say }: Cli, day: DayLine): string {
  if (!day.closed_at) return day.state;
  return changedSinceClosing(day) ? say('changed since closing', '日结后有变') : say('closed', '已日结');
}

/** What came into a day after it was closed. */
function whatChanged({ say }: Cli, day: DayLine): string {
  const changes = changedSinceClosing(day);
  if (!changes) return '';
  const { bill, exceptions, payments_fen, refunds_fen } = changes;
  return [
    bill ? [say('another bill', '账单已换')] : [],
    exceptions ? [say(`${exceptions} exceptions`, `差错 ${exceptions} 笔`)] : [],
    payments_fen ? [say(`payments ${yuan(payments_fen)}`, `收款 ${yuan(payments_fen)}`)] : [],
    refunds_fen ? [say(`refunds ${yuan(refunds_fen)}`, `退款 ${yuan(refunds_fen)}`)] : [],
  ]
    .flat()
    .join(', ');
}

type FeeOptions = { readonly perItem?: number; readonly min?: number; readonly max?: number; readonly rounding?: string; readonly refund?: string };

function agreeFee(cli: Cli, ppm: string, account: string, { by, perItem, min, max, rounding, refund }: FeeOptions & { by: string }): Promise<void> {
  if (ppm !== 'bill' && !/^\d{1,6}$/.test(ppm))
    throw new UsageError(cli.say('the rate is a whole number of millionths, or bill', '费率须为百万分之整数，或 bill'));
  const beyond = given({ per_item_fen: perItem, min_fen: min, max_fen: max });
  const rules = given({ rounding, refund });
  const is_flat = Object.keys(beyond).length + Object.keys(rules).length === 0;
  if (ppm === 'bill' && !is_flat)
    throw new UsageError(cli.say('bills name their rate alone: no other option goes with it', 'bill 为账单自带费率，不与其他选项同用'));
  const fee_rate_ppm = ppm === 'bill' ? null : Number(ppm);
  return withAccount(cli, account, async ({ ctx, ...of }) => {
    if (is_flat) {
      await agreeFeeRate(ctx, of, fee_rate_ppm, by);
      show(cli, { account, fee_rate_ppm }, () => record({ account, fee_rate_ppm: fee_rate_ppm ?? cli.say('as bills say', '按账单') }));
      return;
    }
    const fee = await agreeFeeTerms(ctx, of, { ...rules, tiers: [{ rate_ppm: fee_rate_ppm, ...beyond }] }, by);
    const { tiers, ...rest } = writeTerms(fee);
    show(cli, { account, fee_terms: { ...rest, tiers } }, () => record({ account, ...rest, ...tiers[0] }));
  });
}
