import { readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { type ExceptionKind, type ExceptionState, exception_kinds } from '@heliu/contract';
import { type BillKind, bill_kinds, nextDay } from '@heliu/server/channels/bill.ts';
import { createChannelClient } from '@heliu/server/channels/client.ts';
import { channels } from '@heliu/server/channels/registry.ts';
import { RefusalError, refuse } from '@heliu/server/kernel/refusal.ts';
import { findAccountById } from '@heliu/server/merchants/service.ts';
import type { PaymentsCtx } from '@heliu/server/payments/ctx.ts';
import { systemClock } from '@heliu/server/platform/clock.ts';
import { listDayBills, openFile } from '@heliu/server/recon/bills/service.ts';
import { agreeFeeRate, listDays, reconcileDay, takeDay, uploadDay, weighDay } from '@heliu/server/recon/days/service.ts';
import type { ReconException } from '@heliu/server/recon/exceptions/exception.ts';
import {
  type Actor,
  acceptException,
  getException,
  listExceptions,
  listSteps,
  reopenException,
  repairException,
  suspendException,
} from '@heliu/server/recon/exceptions/service.ts';
import { viewException } from '@heliu/server/recon/exceptions/view.ts';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Cli, given, show, wholeNumber, withNode } from '../cli.ts';
import { describeFailure, UsageError } from '../failures.ts';
import { record, table, yuan } from '../output.ts';
import { close, closedDays } from './closes.ts';
import { findMerchant } from './merchant.ts';

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
    .action((file: string, options: Day & { kind: BillKind; by?: string }) => importBill(cli, file, options));
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
    .description(say('days, their bills and what is open', '账单日、账单与未关闭的差错'))
    .requiredOption('--merchant <id-or-code>', say('merchant', '商户'))
    .option('--account <id>', say('only this channel account', '只看该渠道账户'))
    .option('--from <day>', say('this day and later', '起始日'), readDay)
    .option('--to <day>', say('this day and earlier', '截止日'), readDay)
    .option('--limit <n>', say('rows', '条数'), wholeNumber, 60)
    .action((options: Status) => showStatus(cli, options));
  filters(recon.command('exceptions [id]'), cli)
    .description(say('list differences, or show one with its history', '差错列表；给出编号则查看其经过'))
    .action((id: string | undefined, options: Filters) => showExceptions(cli, id, options));
  byWhom(filters(recon.command('repair [id...]'), cli), cli)
    .description(
      say('carry out the proposed repair, or decide otherwise; one, several, or all that a filter names', '执行建议的修复或另作处理；可按编号或筛选批量'),
    )
    .addOption(
      new Option('--as <how>', say('repair, accept 接受, suspense 挂账, reopen 重开', '处理方式'))
        .choices(['repair', 'accept', 'suspense', 'reopen'])
        .default('repair'),
    )
    .action((ids: string[], options: Filters & { as: How; by?: string; note?: string }) => handle(cli, ids, options));
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
    .action((ppm: string, { account }: Of) => agreeRate(cli, ppm, account));
}

function readDay(text: string): string {
  const at = new Date(`${text}T00:00:00+08:00`);
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text) || Number.isNaN(at.getTime())) throw new InvalidArgumentError('it must be a day like 2026-11-21');
  return text;
}

export const whoIs = (by: string | undefined): string => by ?? userInfo().username;

type Work = { readonly ctx: PaymentsCtx; readonly merchant_id: string; readonly channel_account_id: string };

/** A node with its way to the channels. News of what it writes is carried by the nodes that serve. */
const withChannels = (cli: Cli, work: (ctx: PaymentsCtx) => Promise<void>): Promise<void> =>
  withNode(cli, (ctx) => work({ ...ctx, channels: createChannelClient(ctx), nudge: () => {}, courier: { lease: () => undefined, hand: () => {} } }));

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

/** Says how far long work has come, on the other channel than the result. */
function progressOf(cli: Cli, total: number): (done: number, what: string) => void {
  return (done, what) => {
    if (cli.asJson() || total < 2) return;
    const filled = Math.round((done / total) * 20);
    cli.io.err(`\r[${'█'.repeat(filled)}${'·'.repeat(20 - filled)}] ${done}/${total} ${what}${done === total ? '\n' : ''}`);
  };
}

function fetchBills(cli: Cli, { account, kind, ...span }: Span & { kind: BillKind }): Promise<void> {
  return withAccount(cli, account, async ({ ctx, ...of }) => {
    const days = daysOf(span, cli);
    const progress = progressOf(cli, days.length);
    const rows: Record<string, unknown>[] = [];
    for (const [at, biz_date] of days.entries()) {
      const fetched = await takeDay(ctx, { ...of, kind, biz_date }, whoIs(undefined));
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

async function importBill(cli: Cli, file: string, { account, date: biz_date, kind, by }: Day & { kind: BillKind; by?: string }): Promise<void> {
  const bytes = await readFile(resolve(cli.io.cwd, file)).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(cli.say(`${file} cannot be read (${error.code})`, `无法读取 ${file}（${error.code}）`));
  });
  await withAccount(cli, account, async ({ ctx, ...of }) => {
    const { bill, is_new } = await uploadDay(ctx, { day: { ...of, kind, biz_date }, bytes, by: whoIs(by) });
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
      const matched = await reconcileDay(ctx, { ...of, biz_date });
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

type Status = { readonly merchant: string; readonly account?: string; readonly from?: string; readonly to?: string; readonly limit: number };

function showStatus(cli: Cli, { merchant, account, ...filter }: Status): Promise<void> {
  return withNode(cli, async (ctx) => {
    const { id: merchant_id } = await findMerchant(ctx, merchant);
    const days = await listDays(ctx, { ...given(filter), limit: filter.limit, merchant_id, channel_account_id: account });
    const isClosed = await closedDays(ctx, merchant_id, days);
    const rows = days.map((day) => ({
      biz_date: day.biz_date,
      channel: channels.get(day.channel)?.name[cli.lang] ?? day.channel,
      account: day.channel_account_id,
      kind: day.kind,
      state: day.closed_at ? cli.say('closed', '已日结') : day.state,
      merchant: isClosed(day) ? cli.say('closed', '已日结') : '',
      version: day.bill_version,
      lines: day.lines,
      payments: shownFen(day.payment_fen),
      refunds: shownFen(day.refund_fen),
      open: Number(day.open_exceptions),
      problem: day.problem,
    }));
    show(cli, rows, () => table(rows));
  });
}

type Filters = {
  readonly merchant?: string;
  readonly account?: string;
  readonly date?: string;
  readonly state?: ExceptionState | 'open';
  readonly exception?: ExceptionKind;
  readonly limit: number;
};

const filters = (command: Command, { say }: Cli): Command =>
  command
    .option('--merchant <id-or-code>', say('merchant', '商户'))
    .option('--account <id>', say('channel account', '渠道账户'))
    .option('--date <day>', say('business day', '账单日'), readDay)
    .option('--state <state>', say('opened, proposed, approved, closed …; open: all but closed', '状态；open 为未关闭'), 'open')
    .addOption(new Option('--exception <kind>', say('kind of difference', '差错类型')).choices(Object.keys(exception_kinds)))
    .option('--limit <n>', say('how many', '条数'), wholeNumber, 100);

/** At most `limit` of what the filter names, and a word about it where there is more. */
async function found(cli: Cli, ctx: PaymentsCtx, { merchant, account, date, state, exception, limit }: Filters): Promise<readonly ReconException[]> {
  const of_account = account === undefined ? undefined : await findAccountById(ctx, account);
  if (merchant === undefined && !of_account) throw new UsageError(cli.say('give --merchant or --account', '请给出 --merchant 或 --account'));
  const merchant_id = of_account?.merchant_id ?? (await findMerchant(ctx, merchant as string)).id;
  const rows = await listExceptions(ctx, { merchant_id, channel_account_id: account, biz_date: date, state, kind: exception, limit: limit + 1 });
  if (rows.length > limit) cli.io.err(cli.say(`there are more than these ${limit}: see --limit\n`, `不止这 ${limit} 条，见 --limit\n`));
  return rows.slice(0, limit);
}

const shortException = (cli: Cli, row: ReconException) => ({
  id: row.id,
  biz_date: row.biz_date,
  kind: cli.say(row.kind, exception_kinds[row.kind][1]),
  state: row.state,
  ours: yuan(Number(row.our_fen)),
  bill: yuan(Number(row.bill_fen)),
  at_risk: yuan(Number(row.at_risk_fen)),
  proposal: row.proposal,
  owner: row.owner,
  order: row.channel_order_no,
  age_h: Math.max(0, Math.floor((systemClock.now().getTime() - row.opened_at.getTime()) / 3_600_000)),
});

function showExceptions(cli: Cli, id: string | undefined, options: Filters): Promise<void> {
  return withChannels(cli, async (ctx) => {
    if (id === undefined) {
      const rows = await found(cli, ctx, options);
      return show(cli, rows.map(viewException), () => table(rows.map((row) => shortException(cli, row))));
    }
    const row = await byId(cli, ctx, id, options);
    const steps = await listSteps(ctx, row.merchant_id, row.id);
    show(cli, { ...viewException(row), steps }, () => {
      const history = steps.map(({ at, step, from_state, to_state, by, note }) => ({ at, step, from: from_state, to: to_state, by, note }));
      return `${record({ ...shortException(cli, row), detail: row.detail, payment: row.payment_id, object: row.object_id, bill: row.bill_id, line: row.line, resolution: row.resolution })}\n${table(history)}`;
    });
  });
}

async function byId(cli: Cli, ctx: PaymentsCtx, id: string, { merchant, account }: Pick<Filters, 'merchant' | 'account'>): Promise<ReconException> {
  const of_account = account === undefined ? undefined : await findAccountById(ctx, account);
  if (merchant === undefined && !of_account) throw new UsageError(cli.say('give --merchant or --account', '请给出 --merchant 或 --account'));
  return getException(ctx, of_account?.merchant_id ?? (await findMerchant(ctx, merchant as string)).id, id);
}

type How = 'repair' | 'accept' | 'suspense' | 'reopen';
const ways: Readonly<Record<How, (ctx: PaymentsCtx, exception: ReconException, actor: Actor) => Promise<ReconException>>> = {
  repair: repairException,
  accept: acceptException,
  suspense: suspendException,
  reopen: reopenException,
};

/** Each by itself: one that cannot be handled does not hold up the others, and is said. */
function handle(cli: Cli, ids: readonly string[], { as, by, note, ...options }: Filters & { as: How; by?: string; note?: string }): Promise<void> {
  return withChannels(cli, async (ctx) => {
    const named = ids.length > 0 ? await Promise.all(ids.map((id) => byId(cli, ctx, id, options))) : await found(cli, ctx, options);
    const progress = progressOf(cli, named.length);
    const actor = { by: whoIs(by), note: note ?? null };
    const rows: Record<string, unknown>[] = [];
    for (const [at, exception] of named.entries()) {
      const done = await ways[as](ctx, exception, actor).catch((error: unknown) => {
        if (error instanceof RefusalError) return describeFailure(error, cli.say).text;
        throw error;
      });
      const problem = typeof done === 'string' ? done : '';
      const after = typeof done === 'string' ? await getException(ctx, exception.merchant_id, exception.id) : done;
      rows.push({
        id: exception.id,
        kind: cli.say(exception.kind, exception_kinds[exception.kind][1]),
        state: after.state,
        resolution: after.resolution,
        approvals: after.approvals.join(', '),
        problem,
      });
      progress(at + 1, exception.id);
    }
    if (rows.some(({ problem }) => problem !== '')) cli.endWith(3);
    show(cli, rows, () => table(rows));
  });
}

function agreeRate(cli: Cli, ppm: string, account: string): Promise<void> {
  if (ppm !== 'bill' && !/^\d{1,6}$/.test(ppm))
    throw new UsageError(cli.say('the rate is a whole number of millionths, or bill', '费率须为百万分之整数，或 bill'));
  const fee_rate_ppm = ppm === 'bill' ? null : Number(ppm);
  return withAccount(cli, account, async ({ ctx, ...of }) => {
    await agreeFeeRate(ctx, of, fee_rate_ppm);
    show(cli, { account, fee_rate_ppm }, () => record({ account, fee_rate_ppm: fee_rate_ppm ?? cli.say('as bills say', '按账单') }));
  });
}
