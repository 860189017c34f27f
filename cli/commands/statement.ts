import { createWriteStream } from 'node:fs';
import { extname, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Statement, type StatementFormat, statement_formats } from '@heliu/contract';
import { RefusalError, refuse } from '@heliu/server/kernel/refusal.ts';
import type { Ctx } from '@heliu/server/platform/ctx.ts';
import { readMargins } from '@heliu/server/reports/margin/service.ts';
import { type AgentStatement, type AgentStatementInput, makeAgentStatement } from '@heliu/server/settlement/agents/service.ts';
import { makeStatement } from '@heliu/server/settlement/making/service.ts';
import { askStatement, linkTo, listStatements, openFile, retrieveStatement, setTerms } from '@heliu/server/settlement/service.ts';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Cli, given, show, telling, wholeNumber, withNode } from '../cli.ts';
import { UsageError } from '../failures.ts';
import { newFiles } from '../new-files.ts';
import { record, table, yuan } from '../output.ts';
import { findMerchant } from './merchant.ts';
import { whoIs } from './recon.ts';

/** As long as the API gives links. */
function linkHours(text: string): number {
  const hours = wholeNumber(text);
  if (hours < 1 || hours > 168) throw new InvalidArgumentError('it must be 1 to 168');
  return hours;
}

/** Half a second each. */
const behind_tries_max = 20;

type OwnerOptions = { readonly merchant: string; readonly live?: boolean };

/** What was asked for, or what the name of the file says: a table of one kind under the name of the other opens nowhere. */
function formatOf({ say }: Cli, file: string, wanted: StatementFormat | undefined): StatementFormat {
  const named = statement_formats.find((each) => extname(file).toLowerCase() === `.${each}`);
  if (wanted && named && wanted !== named)
    throw new UsageError(say(`--format ${wanted} is not what ${file} is named after`, `--format ${wanted} 与文件名 ${file} 不符`));
  return wanted ?? named ?? 'xlsx';
}

/** `statement …` */
export function addStatementCommands(program: Command, cli: Cli): void {
  const { say } = cli;
  const statement = program.command('statement').description(say('statements: what a period brought a merchant', '结算单：一段时间的收款、退款、手续费与净额'));
  const ofMerchant = (command: Command): Command =>
    command
      .requiredOption('--merchant <id-or-code>', say('whose', '商户'))
      .option('--live', say('of live payments; of test payments otherwise', '生产环境；默认测试环境'));
  const format = () => new Option('--format <format>', say('of the file', '文件格式')).choices([...statement_formats]).default('xlsx');

  ofMerchant(statement.command('make'))
    .description(say('make the statement of a period now', '立即生成一段时间的结算单'))
    .requiredOption('--from <date>', say('first day (Asia/Shanghai)', '起始日（北京时间）'))
    .requiredOption('--through <date>', say('last day', '截止日'))
    .option('--store <id>', say('of this store only', '仅该门店'))
    .action((options: OwnerOptions & { from: string; through: string; store?: string }) =>
      withNode(cli, async (ctx) => {
        const owner = await ownerOf(ctx, options);
        const { id } = await askStatement(ctx, owner, { from: options.from, through: options.through, ...given({ store_id: options.store }) });
        await telling(cli, async (tell) => {
          const lines = (done: number) => tell(say('lines', '行'), done);
          for (let tries = 1; !(await makeStatement(ctx, { merchant_id: owner.merchant_id, id }, lines)); tries++) {
            if (tries === behind_tries_max) throw new RefusalError(refuse('ledger_behind'));
            await ctx.clock.sleep(500);
          }
        });
        showOne(cli, await retrieveStatement(ctx, owner, id));
      }),
    );
  ofMerchant(statement.command('list'))
    .description(say('statements of a merchant, newest first', '商户的结算单，新的在前'))
    .option('--limit <n>', say('how many', '条数'), wholeNumber, 20)
    .action((options: OwnerOptions & { limit: number }) =>
      withNode(cli, async (ctx) => {
        const list = await listStatements(ctx, await ownerOf(ctx, options), { before_id: undefined, limit: options.limit });
        show(cli, list, () =>
          table(
            list.map((each) => ({
              id: each.id,
              from: each.from,
              through: each.through,
              state: each.provisional ? say('ready, provisional', 'ready 暂定') : each.state,
              lines: each.lines,
              net: shownYuan(each.totals?.net_fen),
            })),
          ),
        );
      }),
    );
  ofMerchant(statement.command('show <id>'))
    .description(say('show a statement', '查看结算单'))
    .action((id: string, options: OwnerOptions) => withNode(cli, async (ctx) => showOne(cli, await retrieveStatement(ctx, await ownerOf(ctx, options), id))));
  ofMerchant(statement.command('save <id> <file>'))
    .description(say('write a file of a statement; with .manifest and .sig beside it', '保存结算单文件，并在旁写出 .manifest 与 .sig'))
    .addOption(
      new Option('--format <format>', say('of the file, which its name may say as well', '文件格式；也可由文件名后缀给出')).choices([...statement_formats]),
    )
    .action((id: string, file: string, options: OwnerOptions & { format?: StatementFormat }) =>
      withNode(cli, async (ctx) => {
        const owner = await ownerOf(ctx, options);
        const path = resolve(cli.io.cwd, file);
        await pipeline((await openFile(ctx, owner, id, formatOf(cli, file, options.format))).body, createWriteStream(path));
        const { manifest, signature, public_key } = await retrieveStatement(ctx, owner, id);
        await pipeline([manifest ?? ''], createWriteStream(`${path}.manifest`));
        await pipeline([Buffer.from(signature ?? '', 'base64')], createWriteStream(`${path}.sig`));
        show(cli, { file: path, public_key }, () => record({ file: path, public_key }));
      }),
    );
  ofMerchant(statement.command('link <id>'))
    .description(say('a link to a file, fit for an e-mail', '获取文件的下载链接，可放进邮件'))
    .addOption(format())
    .option('--hours <n>', say('how long it is good, at most 168; a quarter of an hour unless told', '有效小时数，最多 168；默认 15 分钟'), linkHours)
    .action((id: string, options: OwnerOptions & { format: StatementFormat; hours?: number }) =>
      withNode(cli, async (ctx) => {
        const expires_in_s = options.hours === undefined ? undefined : options.hours * 3600;
        const link = await linkTo(ctx, await ownerOf(ctx, options), { id, format: options.format, expires_in_s });
        show(cli, link, () => record(link));
      }),
    );
  statement
    .command('agent <agent-id> <path>')
    .description(
      say(
        'write the statement of an agent: the merchants that are now its own or below it, as <path>.csv, -totals.csv, .xlsx, .manifest and .sig',
        '写出代理商结算单：现在属于该代理商及其下级的商户，写为 <path>.csv、-totals.csv、.xlsx、.manifest 与 .sig',
      ),
    )
    .requiredOption('--from <date>', say('first day (Asia/Shanghai)', '起始日（北京时间）'))
    .requiredOption('--through <date>', say('last day', '截止日'))
    .option('--live', say('of live payments; of test payments otherwise', '生产环境；默认测试环境'))
    .action((agent_id: string, path: string, { from, through, live }: { from: string; through: string; live?: true }) =>
      writeAgentStatement(cli, path, { agent_id, livemode: live === true, from, through }),
    );
  ofMerchant(statement.command('margin'))
    .description(say("by channel account: the price beside the channel's actual fee, and what is left", '按渠道账户：费率收入、渠道实际手续费与毛利'))
    .requiredOption('--from <date>', say('first day (Asia/Shanghai)', '起始日（北京时间）'))
    .requiredOption('--through <date>', say('last day', '截止日'))
    .action(({ from, through, ...options }: OwnerOptions & { from: string; through: string }) =>
      withNode(cli, async (ctx) => {
        const rows = (await readMargins(ctx, { ...(await ownerOf(ctx, options)), from, through })).map((margin) => ({
          ...margin,
          service_fee_fen: Number(margin.service_fee_fen),
          channel_fee_fen: Number(margin.channel_fee_fen),
          margin_fen: Number(margin.margin_fen),
        }));
        show(cli, rows, () =>
          table(
            rows.map(({ channel, channel_account_id, service_fee_fen, channel_fee_fen, margin_fen, complete }) => ({
              channel,
              channel_account_id,
              [say('price', '费率收入')]: yuan(service_fee_fen),
              [say('channel fee', '渠道手续费')]: yuan(channel_fee_fen),
              [say('margin', '毛利')]: yuan(margin_fen),
              [say('bills', '账单')]: complete ? say('complete', '齐') : say('missing', '有缺'),
            })),
          ),
        );
      }),
    );
  ofMerchant(statement.command('terms <channel-account-id>'))
    .description(say('say when a channel account pays, as its contract has it', '按合同设定渠道账户的结算周期'))
    .requiredOption('--days <n>', say('days after the payment: 1 is T+1', '收款后天数：1 即 T+1'), wholeNumber)
    .addOption(
      new Option('--counts <days>', say('days of the calendar, or working days', '自然日或工作日')).choices(['calendar', 'business']).default('business'),
    )
    .option('--by <name>', say('who says so', '设定人'))
    .action((channel_account_id: string, options: OwnerOptions & { days: number; counts: 'calendar' | 'business'; by?: string }) =>
      withNode(cli, async (ctx) => {
        const { days, counts } = options;
        const terms = await setTerms(ctx, { ...(await ownerOf(ctx, options)), channel_account_id, days, counts, confirmed: true, by: whoIs(options.by) });
        show(cli, terms, () => record(terms));
      }),
    );
}

/** Into files that are not there yet, all of them or none. */
const writeAgentStatement = (cli: Cli, path: string, input: AgentStatementInput): Promise<void> =>
  withNode(cli, async (ctx) => {
    const names = { csv: `${path}.csv`, 'totals.csv': `${path}-totals.csv`, xlsx: `${path}.xlsx`, manifest: `${path}.manifest`, signature: `${path}.sig` };
    const files = await newFiles(cli, names);
    try {
      const { manifest, signature, public_key, totals, ...made } = await makeAgentStatement(ctx, input, (file, piece) => files.write(file, piece));
      await files.write('manifest', Buffer.from(manifest));
      await files.write('signature', signature);
      await files.keep();
      const shown = { ...made, totals, names, public_key: public_key.toString('base64') };
      const { agent_id, from, through, merchants, lines } = made;
      const facts = { agent_id, from, through, merchants, ...provisionalWords(cli, made), lines, ...sumsOf(totals), public_key: shown.public_key };
      show(cli, shown, () => `${record(facts)}\n${table(made.files.map(({ file, ...facts_of }) => ({ file: names[file], ...facts_of })))}`);
    } finally {
      await files.drop();
    }
  });

const ownerOf = async (ctx: Ctx, { merchant, live }: OwnerOptions) => ({ merchant_id: (await findMerchant(ctx, merchant)).id, livemode: live === true });

const shownYuan = (fen: number | undefined): string | null => (fen === undefined ? null : yuan(fen));

const provisionalWords = (cli: Cli, { provisional, open_days }: Pick<Statement, 'provisional' | 'open_days'>) =>
  provisional ? { provisional: cli.say(`yes: more may come of its days, ${open_days} not closed`, `暂定：其账单日或有变动，${open_days} 个未日结`) } : {};

function showOne(cli: Cli, statement: Statement): void {
  const { id, from, through, store_id, state, provisional, open_days, lines, totals, files } = statement;
  const facts = { id, from, through, store_id, state, ...provisionalWords(cli, { provisional, open_days }), lines, ...(totals && sumsOf(totals)) };
  const later = totals?.later
    ? `\n${cli.say('of earlier days, posted since the statement before', '更早日期、前一期结算单之后入账')}\n${record(sumsOf(totals.later))}`
    : '';
  show(cli, statement, () => record(facts) + later + (files.length > 0 ? `\n${table(files)}` : ''));
}

const sumsOf = (of: AgentStatement['totals']) => ({
  payments: of.payments,
  gross: yuan(of.gross_fen),
  refunds: of.refunds,
  refunded: yuan(of.refunded_fen),
  fee: yuan(of.fee_fen),
  net: yuan(of.net_fen),
});
