import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { followAccount, importStatement, listCredits, listImports, lookAt, undoImport } from '@heliu/server/bank/service.ts';
import { type Command, Option } from 'commander';
import { type Cli, show, wholeNumber } from '../cli.ts';
import { UsageError } from '../failures.ts';
import { record, table, yuan } from '../output.ts';
import { whoIs, withAccount } from './recon.ts';

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
    .option(
      '--bank-account <name>',
      say(
        'the bank account it is paid into, by any name; a number of the bank is of one movement in it',
        '收款银行账户的名称（自定）；同一银行账户内，一个流水号只是一笔',
      ),
    )
    .option('--by <name>', say('who says so', '设定人'))
    .action(({ account, bankAccount: bank_account, by, ...of_days }: Of & Follow) =>
      withAccount(cli, account, async ({ ctx, ...of }) => {
        const followed = await followAccount(ctx, of, { ...of_days, bank_account, by: whoIs(by) });
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
    .option(
      '--containing <text>',
      say(
        'only rows with this text in a cell, such as the number that the channel gave the merchant',
        '只取某列含此文字的行，如渠道商户号（几个渠道账户共用一个银行账户时）',
      ),
    )
    .option('--through <day>', say('the last day of the statement; that of its last credit unless told', '流水截止日；默认为最后一笔的日期'))
    .option('--by <name>', say('who brings it', '导入人'))
    .action((file: string, options: Import) => importFile(cli, file, options));
  ofAccount(bank.command('imports'))
    .description(say('imports, newest first, with those that were taken back', '导入记录，新的在前，含已撤销的'))
    .action(({ account }: Of) =>
      withAccount(cli, account, async ({ ctx, ...of }) => {
        const rows = (await listImports(ctx, of)).map(({ id, created_at, imported_by, credits, amount_fen, covered_through, undone_by, undone_reason }) => ({
          import: id,
          imported_at: created_at.toISOString(),
          by: imported_by,
          credits: Number(credits),
          amount: yuan(Number(amount_fen)),
          through: covered_through,
          undone_by,
          reason: undone_reason,
        }));
        show(cli, rows, () => table(rows));
      }),
    );
  ofAccount(bank.command('undo <import-id>'))
    .description(
      say(
        'take an import back as a whole: its postings are reversed, and its credits may be imported again',
        '整批撤销一次导入：冲正其凭证，其中的到账可重新导入',
      ),
    )
    .requiredOption('--reason <text>', say('why, for whoever reads the book', '原因'))
    .option('--by <name>', say('who takes it back', '撤销人'))
    .action((import_id: string, { account, reason, by }: Of & { reason: string; by?: string }) =>
      withAccount(cli, account, async ({ ctx, ...of }) => {
        const undone = await undoImport(ctx, of, { import_id, reason, by: whoIs(by) });
        show(cli, undone, () => record(undone));
      }),
    );
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
        const rows = (await listCredits(ctx, { ...of, limit })).map(({ received_on, reference, amount_fen, payer, days, imported_by, import_id }) => ({
          received_on,
          reference,
          amount: yuan(Number(amount_fen)),
          payer,
          settles: days.join(' '),
          by: imported_by,
          import: import_id,
        }));
        show(cli, rows, () => table(rows));
      }),
    );
}

type Follow = { readonly since: string; readonly against: 'nets' | 'withdrawals'; readonly bankAccount?: string; readonly by?: string };

type Import = Of & { readonly payer?: string; readonly containing?: string; readonly through?: string; readonly by?: string };

async function importFile(cli: Cli, file: string, { account, payer, containing, through, by }: Import): Promise<void> {
  const bytes = await readFile(resolve(cli.io.cwd, file)).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(cli.say(`${file} cannot be read (${error.code})`, `无法读取 ${file}（${error.code}）`));
  });
  await withAccount(cli, account, async ({ ctx, ...of }) => {
    const imported = await importStatement(ctx, { account: of, bytes, payer, containing, through, by: whoIs(by) });
    show(cli, imported, () => record(imported));
  });
}
