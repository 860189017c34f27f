import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { followAccount, importStatement, listCredits, lookAt } from '@heliu/server/bank/service.ts';
import { type Command, Option } from 'commander';
import { type Cli, show, wholeNumber } from '../cli.ts';
import { UsageError } from '../failures.ts';
import { record, table, yuan } from '../output.ts';
import { withAccount } from './recon.ts';

type Of = { readonly account: string };

/** `bank …` */
export function addBankCommands(program: Command, cli: Cli): void {
  const { say } = cli;
  const bank = program.command('bank').description(say('what banks credited for channels', '银行到账核对'));
  const ofAccount = (command: Command): Command => command.requiredOption('--account <id>', say('channel account (acc_…)', '渠道账户（acc_…）'));
  ofAccount(bank.command('follow'))
    .description(say('follow what the channel pays, for the bills of a day and later', '启用到账核对：自某账单日起'))
    .requiredOption('--since <day>', say('the first day of bills: 2026-11-01', '首个账单日：2026-11-01'))
    .addOption(
      new Option(
        '--against <what>',
        say('hold credits against what days come to, or against withdrawals of the fund bill', '与账单日净额核对，或与资金账单的提现核对'),
      )
        .choices(['nets', 'withdrawals'])
        .default('nets'),
    )
    .action(({ account, since, against }: Of & { since: string; against: 'nets' | 'withdrawals' }) =>
      withAccount(cli, account, async ({ ctx, ...of }) => {
        const followed = await followAccount(ctx, of, since, against);
        show(cli, followed, () => record(followed));
      }),
    );
  ofAccount(bank.command('import <file>'))
    .description(
      say(
        'take in a bank statement (CSV: date, amount, reference, payer) and match its credits with days of bills',
        '导入银行流水（CSV：入账日期、贷方金额、流水号、对方户名）并与账单日核对',
      ),
    )
    .option('--payer <text>', say('only credits of this payer: part of its name', '只取该付款方（名称的一部分）'))
    .option('--through <day>', say('the last day of the statement; that of its last credit unless told', '流水截止日；默认为最后一笔的日期'))
    .option('--by <name>', say('who brings it', '导入人'))
    .action((file: string, options: Import) => importFile(cli, file, options));
  ofAccount(bank.command('run'))
    .description(say('hold days against credits again; what has not changed stays as it is', '重新核对；未变的不动'))
    .action(({ account }: Of) =>
      withAccount(cli, account, async ({ ctx, ...of }) => {
        const looked = await lookAt(ctx, of);
        show(cli, looked, () => record(looked));
      }),
    );
  ofAccount(bank.command('show'))
    .description(say('credits, newest first, with the days that each is the sum of', '到账列表及其对应的账单日'))
    .option('--limit <n>', say('rows', '条数'), wholeNumber, 60)
    .action(({ account, limit }: Of & { limit: number }) =>
      withAccount(cli, account, async ({ ctx, ...of }) => {
        const rows = (await listCredits(ctx, { ...of, limit })).map(({ received_on, reference, amount_fen, payer, days, imported_by }) => ({
          received_on,
          reference,
          amount: yuan(Number(amount_fen)),
          payer,
          settles: days.join(' '),
          by: imported_by,
        }));
        show(cli, rows, () => table(rows));
      }),
    );
}

type Import = Of & { readonly payer?: string; readonly through?: string; readonly by?: string };

async function importFile(cli: Cli, file: string, { account, payer, through, by }: Import): Promise<void> {
  const bytes = await readFile(resolve(cli.io.cwd, file)).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(cli.say(`${file} cannot be read (${error.code})`, `无法读取 ${file}（${error.code}）`));
  });
  await withAccount(cli, account, async ({ ctx, ...of }) => {
    const imported = await importStatement(ctx, { account: of, bytes, payer, through, by: by ?? userInfo().username });
    show(cli, imported, () => record(imported));
  });
}
