import { type ExceptionKind, type ExceptionState, exception_advice, exception_kinds } from '@heliu/contract';
import { dayStart } from '@heliu/server/channels/bill.ts';
import { channels } from '@heliu/server/channels/registry.ts';
import { type Fen, parseYuan } from '@heliu/server/kernel/money.ts';
import { RefusalError, refuse } from '@heliu/server/kernel/refusal.ts';
import { findAccountById } from '@heliu/server/merchants/service.ts';
import type { PaymentsCtx } from '@heliu/server/payments/ctx.ts';
import { systemClock } from '@heliu/server/platform/clock.ts';
import { type ReconException, togetherOf } from '@heliu/server/recon/exceptions/exception.ts';
import {
  type Actor,
  acceptException,
  assignException,
  getException,
  listExceptions,
  listSteps,
  reopenException,
  repairException,
  suspendException,
} from '@heliu/server/recon/exceptions/service.ts';
import type { ExceptionFilter } from '@heliu/server/recon/exceptions/store.ts';
import { viewException } from '@heliu/server/recon/exceptions/view.ts';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Cli, show, wholeNumber } from '../cli.ts';
import { describeFailure, UsageError } from '../failures.ts';
import { record, table, yuan } from '../output.ts';
import { findMerchant } from './merchant.ts';
import { progressOf, readDay, withChannels } from './operator.ts';

type Persons = { readonly byWhom: (command: Command) => Command; readonly whoIs: (by: string | undefined) => string };
type By = { readonly by?: string; readonly note?: string };

/** `recon exceptions | repair | assign` */
export function addExceptionCommands(recon: Command, cli: Cli, { byWhom, whoIs }: Persons): void {
  const { say } = cli;
  const actorOf = ({ by, note }: By): Actor => ({ by: whoIs(by), note: note ?? null });
  upTo(filters(recon.command('exceptions [id]'), cli), cli)
    .description(say('list differences, or show one with its history', '差错列表；给出编号则查看其经过'))
    .action((id: string | undefined, options: Filters) => showExceptions(cli, id, options));
  byWhom(upTo(filters(recon.command('repair [id...]'), cli), cli))
    .description(
      say('carry out the proposed repair, or decide otherwise; one, several, or all that a filter names', '执行建议的修复或另作处理；可按编号或筛选批量'),
    )
    .addOption(
      new Option('--as <how>', say('repair, accept 接受, suspense 挂账, reopen 重开', '处理方式'))
        .choices(['repair', 'accept', 'suspense', 'reopen'])
        .default('repair'),
    )
    .action((ids: string[], options: Filters & By & { as: How }) => handle(cli, ids, { act: ways[options.as], actor: actorOf(options), options }));
  byWhom(filters(recon.command('assign [id...]'), cli))
    .description(say('make differences somebody’s; one, several, or all that a filter names', '指派责任人；可按编号或筛选批量'))
    .requiredOption('--to <name>', say('whose they are from now on', '责任人'))
    .action((ids: string[], { to: owner, ...options }: Omit<Filters, 'to'> & By & { to: string }) =>
      handle(cli, ids, { act: (ctx, exception, actor) => assignException(ctx, { exception, owner, actor }), actor: actorOf(options), options }),
    );
}

type Filters = {
  readonly merchant?: string;
  readonly live?: boolean;
  readonly account?: string;
  readonly channel?: string;
  readonly date?: string;
  readonly to?: string;
  readonly openedBefore?: string;
  readonly riskFrom?: Fen;
  readonly owner?: string;
  readonly state?: ExceptionState | 'open';
  readonly exception?: ExceptionKind;
  readonly limit: number;
};

const upTo = (command: Command, { say }: Cli): Command =>
  command.option('--to <day>', say('with --date: and every day up to this one', '与 --date 同用：直至该日（含）'), readDay);

const filters = (command: Command, { say }: Cli): Command =>
  command
    .option('--merchant <id-or-code>', say('merchant', '商户'))
    .option('--live', say('with --merchant: of live payments; of test payments otherwise', '与 --merchant 同用：生产环境；默认测试环境'))
    .option('--account <id>', say('channel account', '渠道账户'))
    .addOption(new Option('--channel <code>', say('channel', '渠道')).choices([...channels.keys()]))
    .option('--date <day>', say('business day', '账单日'), readDay)
    .option('--opened-before <day>', say('opened before this day began in Beijing', '该日零点（北京时间）之前发现'), readDay)
    .option('--risk-from <yuan>', say('at risk: this much or more, in yuan', '风险金额不低于（元）'), readRisk)
    .option('--owner <name>', say('whose it is; "none" for nobody’s', '责任人；none 为无人负责'))
    .option('--state <state>', say('opened, proposed, approved, closed …; open: all but closed', '状态；open 为未关闭'), 'open')
    .addOption(new Option('--exception <kind>', say('kind of difference', '差错类型')).choices(Object.keys(exception_kinds)))
    .option('--limit <n>', say('how many', '条数'), wholeNumber, 100);

function readRisk(text: string): Fen {
  const amount = parseYuan(text);
  if (amount === undefined) throw new InvalidArgumentError('it must be an amount in yuan with at most two decimals');
  return amount;
}

type Scope = Pick<ExceptionFilter, 'merchant_id' | 'livemode' | 'channel_account_id'>;

/** Whose exceptions: of one channel account, or of a merchant in one mode. Live and test are never in one list. */
async function scopeOf(cli: Cli, ctx: PaymentsCtx, { merchant, account, live }: Pick<Filters, 'merchant' | 'account' | 'live'>): Promise<Scope> {
  if (account === undefined && merchant === undefined) throw new UsageError(cli.say('give --merchant or --account', '请给出 --merchant 或 --account'));
  if (account !== undefined && live)
    throw new UsageError(cli.say('--live goes with --merchant: an account is of one mode', '--live 只用于 --merchant：渠道账户只属于一种环境'));
  const merchant_id = merchant === undefined ? undefined : (await findMerchant(ctx, merchant)).id;
  if (account === undefined) return { merchant_id: merchant_id as string, livemode: live === true };
  const found = await findAccountById(ctx, account);
  if (!found || (merchant_id !== undefined && found.merchant_id !== merchant_id)) throw new RefusalError(refuse('channel_account_not_found', '--account'));
  return { merchant_id: found.merchant_id, livemode: found.livemode, channel_account_id: account };
}

/** At most `limit` of what the filter names, and a word about it where there is more. */
async function found(cli: Cli, ctx: PaymentsCtx, { date, to, state, exception, channel, openedBefore, riskFrom, owner, limit, ...of }: Filters) {
  if (to !== undefined && date === undefined) throw new UsageError(cli.say('--to goes with --date', '--to 须与 --date 同用'));
  if (to !== undefined && date !== undefined && to < date) throw new UsageError(cli.say('--to is before --date', '--to 早于 --date'));
  const days = to === undefined ? { biz_date: date } : { from: date, to };
  const opened_before = openedBefore === undefined ? undefined : dayStart(openedBefore);
  const whose = owner === 'none' ? { owner: null } : { owner };
  const scope = await scopeOf(cli, ctx, of);
  const filter = { ...scope, ...days, ...whose, state, kind: exception, channel, opened_before, at_risk_from_fen: riskFrom, limit: limit + 1 };
  const rows = await listExceptions(ctx, filter);
  if (rows.length > limit) cli.io.err(cli.say(`there are more than these ${limit}: see --limit\n`, `不止这 ${limit} 条，见 --limit\n`));
  return rows.slice(0, limit);
}

/** What is held against what: of a fee the one that was agreed against the bill's, of anything else the amounts. */
function sidesOf({ our_fen, bill_fen, detail: { expected_millifen, received_millifen } }: ReconException): { readonly ours: string; readonly bill: string } {
  const is_fee = expected_millifen !== undefined && received_millifen !== undefined;
  return is_fee
    ? { ours: yuan(Math.round(Number(expected_millifen) / 1000)), bill: yuan(Math.round(Number(received_millifen) / 1000)) }
    : { ours: yuan(Number(our_fen)), bill: yuan(Number(bill_fen)) };
}

const shortException = (cli: Cli, row: ReconException) => ({
  id: row.id,
  mode: row.livemode ? 'live' : 'test',
  biz_date: row.biz_date,
  channel: row.channel,
  kind: cli.say(row.kind, exception_kinds[row.kind][1]),
  state: row.state,
  ...sidesOf(row),
  at_risk: yuan(Number(row.at_risk_fen)),
  proposal: viewException(row).proposal,
  owner: row.owner,
  order: row.channel_order_no,
  age_h: Math.max(0, Math.floor((systemClock.now().getTime() - (row.reopened_at ?? row.opened_at).getTime()) / 3_600_000)),
});

/** What to do next, in words. */
function adviceOf({ say }: Cli, { kind }: ReconException): string {
  const [en, zh] = exception_advice[kind];
  return say(en, zh);
}

function showExceptions(cli: Cli, id: string | undefined, options: Filters): Promise<void> {
  return withChannels(cli, async (ctx) => {
    if (id === undefined) {
      const rows = await found(cli, ctx, options);
      return show(cli, rows.map(viewException), () => table(rows.map((row) => shortException(cli, row))));
    }
    const row = await byId(cli, ctx, id, options);
    const steps = await listSteps(ctx, row.merchant_id, row.id);
    show(cli, { ...viewException(row), steps, advice: adviceOf(cli, row) }, () => {
      const evidence = Object.entries(row.detail).map(([evidence, value]) => ({ evidence, value }));
      const history = steps.map(({ at, step, from_state, to_state, by, note }) => ({ at, step, from: from_state, to: to_state, by, note }));
      return `${record({ ...shortException(cli, row), next: adviceOf(cli, row), payment: row.payment_id, object: row.object_id, bill_id: row.bill_id, line: row.line, resolution: row.resolution })}\n${table(evidence)}\n${table(history)}`;
    });
  });
}

/** What is not in the scope is not there. */
async function byId(cli: Cli, ctx: PaymentsCtx, id: string, of: Pick<Filters, 'merchant' | 'account' | 'live'>): Promise<ReconException> {
  const [exception] = await listExceptions(ctx, { ...(await scopeOf(cli, ctx, of)), id, limit: 1 });
  if (!exception) throw new RefusalError(refuse('recon_exception_not_found', id));
  return exception;
}

type How = 'repair' | 'accept' | 'suspense' | 'reopen';
const ways: Readonly<Record<How, (ctx: PaymentsCtx, exception: ReconException, actor: Actor) => Promise<ReconException>>> = {
  repair: repairException,
  accept: acceptException,
  suspense: suspendException,
  reopen: reopenException,
};

type Act = (ctx: PaymentsCtx, exception: ReconException, actor: Actor) => Promise<ReconException>;

/** Each by itself: one that cannot be handled does not hold up the others, and is said. */
function handle(cli: Cli, ids: readonly string[], { act, actor: person, options }: { act: Act; actor: Actor; options: Filters }): Promise<void> {
  return withChannels(cli, async (ctx) => {
    const named = ids.length > 0 ? await Promise.all(ids.map((id) => byId(cli, ctx, id, options))) : await found(cli, ctx, options);
    const actor = named.length > 1 ? { ...person, together: togetherOf(named) } : person;
    const progress = progressOf(cli, named.length);
    const rows: Record<string, unknown>[] = [];
    for (const [at, exception] of named.entries()) {
      const done = await act(ctx, exception, actor).catch((error: unknown) => {
        if (error instanceof RefusalError) return describeFailure(error, cli.say).text;
        throw error;
      });
      const problem = typeof done === 'string' ? done : '';
      const after = typeof done === 'string' ? await getException(ctx, exception.merchant_id, exception.id) : done;
      rows.push({
        id: exception.id,
        mode: exception.livemode ? 'live' : 'test',
        kind: cli.say(exception.kind, exception_kinds[exception.kind][1]),
        state: after.state,
        resolution: after.resolution,
        owner: after.owner,
        approvals: after.approvals.join(', '),
        channel_says: await saidSince(ctx, exception, after),
        problem,
      });
      progress(at + 1, exception.id);
    }
    if (rows.some(({ problem }) => problem !== '')) cli.endWith(3);
    show(cli, rows, () => table(rows));
  });
}

/** What the channel answered when it was asked just now. */
async function saidSince(ctx: PaymentsCtx, { merchant_id, id, version }: ReconException, after: ReconException): Promise<string | null> {
  if (after.version === version) return null;
  const steps = await listSteps(ctx, merchant_id, id);
  return steps.findLast((step) => step.step === 'ask' && step.version > version)?.note ?? null;
}
