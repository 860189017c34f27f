import type { RoutingDecision, RoutingSimulation, RuleSetBody, SimulateBody } from '@heliu/sdk';
import type { Command } from 'commander';
import { type ApiOptions, apiClient, type Cli, given, readText, show, wholeNumber, withApiOptions } from '../cli.ts';
import { UsageError } from '../failures.ts';
import { record, table, yuan } from '../output.ts';

type ExplainOptions = ApiOptions & { readonly amountFen?: number; readonly method?: RoutingDecision['method']; readonly rules?: string };

/** `routing …` */
export function addRoutingCommands(program: Command, cli: Cli): void {
  const { say } = cli;
  const routing = program.command('routing').description(say('rules that choose the channel account of a payment', '支付路由'));
  const explain = routing
    .command('explain [payment-id]')
    .description(
      say('why a payment went where it went; without one, where --amount-fen and --method would go now', '查询支付单的路由理由；不给支付单则按金额与方式试算'),
    )
    .option('--amount-fen <n>', say('what would be paid', '金额（分）'), wholeNumber)
    .option('--method <method>', say('how it would be paid', '支付方式'))
    .option('--rules <rule-set-id>', say('by this rule set instead of the active one', '按指定规则集'));
  withApiOptions(explain, cli).action((payment_id: string | undefined, options: ExplainOptions) => explainRouting(cli, payment_id, options));
  const save = routing
    .command('save <file>')
    .description(say('check rules and use them: JSON as the API takes it, - for standard input', '校验并启用规则（JSON 文件，- 为标准输入）'));
  withApiOptions(save, cli).action((file: string, options: ApiOptions) => saveRules(cli, file, options));
  const simulation = routing
    .command('simulate <file>')
    .description(say('what rules that are not saved would have done with past payments', '用历史支付试算尚未保存的规则'));
  addSimulation(simulation, cli).action(async (file: string, options: SimulateOptions) => {
    const { rules, default: fallback } = await readRules(cli, file);
    await simulate(cli, { rules: { rules, default: fallback } }, options);
  });
  const replay = routing
    .command('replay')
    .description(
      say('what saved rules would have done with past payments: the active ones unless told otherwise', '用历史支付试算已保存的规则，默认为生效中的规则'),
    )
    .option('--rules <rule-set-id>', say('this rule set', '按指定规则集'));
  addSimulation(replay, cli).action((options: SimulateOptions) => simulate(cli, options.rules === undefined ? {} : { rule_set_id: options.rules }, options));
}

type SimulateOptions = ApiOptions & { readonly from?: string; readonly to?: string; readonly payments?: number; readonly rules?: string };

function addSimulation(command: Command, cli: Cli): Command {
  const { say } = cli;
  return withApiOptions(
    command
      .option('--from <day>', say('first day, Asia/Shanghai; seven days ago unless given', '起始日（北京时间），默认 7 天前'))
      .option('--to <day>', say('last day; today unless given', '截止日，默认今天'))
      .option('--payments <n>', say('so many of the latest payments, at most 5000', '取最近多少笔，至多 5000'), wholeNumber),
    cli,
  );
}

const shanghai_ms = 8 * 3_600_000;
const dayAt = (ms: number): string => new Date(ms + shanghai_ms).toISOString().slice(0, 10);

function periodOf({ from, to, payments }: SimulateOptions): Pick<SimulateBody, 'from' | 'to' | 'payments_max'> {
  const now = Date.now();
  return { from: from ?? dayAt(now - 7 * 86_400_000), to: to ?? dayAt(now), ...(payments === undefined ? {} : { payments_max: payments }) };
}

async function simulate(cli: Cli, rules: Partial<Pick<SimulateBody, 'rules' | 'rule_set_id'>>, options: SimulateOptions): Promise<void> {
  const heliu = await apiClient(cli, options);
  const result = await heliu.routing.simulate({ ...periodOf(options), ...rules });
  show(cli, result, () => viewSimulation(cli, result));
}

const percent = (ppm: number | null): string => (ppm === null ? '-' : `${(ppm / 10_000).toFixed(2)} %`);

function viewSimulation(cli: Cli, { payments, sampled, moved, refused, actual, simulated, accounts }: RoutingSimulation): string {
  const side = (name: string, { count, amount_fen, fee_fen, success_ppm, success_low_ppm, success_high_ppm }: RoutingSimulation['actual']) => ({
    '': name,
    count,
    amount: yuan(amount_fen),
    fee: fee_fen === null ? '-' : yuan(fee_fen),
    success: percent(success_ppm),
    '95 %': `${percent(success_low_ppm)} – ${percent(success_high_ppm)}`,
  });
  return (
    record({ payments: `${payments}${sampled ? cli.say(' (the latest)', '（最近）') : ''}`, moved, refused }) +
    table([side(cli.say('was', '实际'), actual), side(cli.say('would be', '模拟'), simulated)]) +
    table(
      accounts.map((account) => ({
        account: account.channel_account_id,
        was: account.actual.count,
        'would be': account.simulated.count,
        fee: account.simulated.fee_fen === null ? '-' : yuan(account.simulated.fee_fen),
        success: percent(account.success_ppm),
        known: account.known,
      })),
    )
  );
}

async function explainRouting(cli: Cli, payment_id: string | undefined, options: ExplainOptions): Promise<void> {
  const { amountFen: amount_fen, method, rules: rule_set_id } = options;
  const heliu = await apiClient(cli, options);
  if (payment_id !== undefined) {
    const { decisions } = await heliu.payments.retrieveRouting(payment_id);
    return show(cli, decisions, () => decisions.map(view).join('\n'));
  }
  if (amount_fen === undefined || method === undefined)
    throw new UsageError(cli.say('give a payment, or --amount-fen and --method', '请给出支付单，或 --amount-fen 与 --method'));
  const decision = await heliu.routing.explain({ amount_fen, method, ...given({ rule_set_id }) });
  show(cli, decision, () => view(decision));
}

const view = (decision: RoutingDecision): string =>
  record({
    attempt: decision.attempt_id ?? undefined,
    channel_account: decision.channel_account_id,
    amount: yuan(decision.amount_fen),
    method: decision.method,
    rule: decision.rule ?? 'default',
    strategy: decision.strategy,
    propensity_ppm: decision.propensity_ppm,
  }) + table(decision.candidates.map((candidate) => ({ ...candidate })));

async function readRules(cli: Cli, file: string): Promise<RuleSetBody> {
  try {
    return JSON.parse(await readText(cli, file)) as RuleSetBody;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new UsageError(cli.say(`${file} does not hold JSON`, `${file} 的内容不是 JSON`));
  }
}

async function saveRules(cli: Cli, file: string, options: ApiOptions): Promise<void> {
  const body = await readRules(cli, file);
  const heliu = await apiClient(cli, options);
  const saved = await heliu.routing.createRuleSet(body);
  show(cli, saved, () => record({ id: saved.id, version: saved.version, active: saved.active, rules: saved.rules.length }));
}
