import { Command, CommanderError, Option } from 'commander';
import type { Cli } from './cli.ts';
import { addAgentCommands } from './commands/agent.ts';
import { addBankCommands } from './commands/bank.ts';
import { addCalendarCommands } from './commands/calendar.ts';
import { addChannelAccountCommands } from './commands/channel-account.ts';
import { addEventCommands } from './commands/events.ts';
import { addKeyCommands } from './commands/keys.ts';
import { addLedgerCommands } from './commands/ledger.ts';
import { addMasterKeyCommands } from './commands/master-key.ts';
import { addMerchantCommands } from './commands/merchant.ts';
import { addPaymentCommands } from './commands/payment.ts';
import { addPlateCommands } from './commands/plate.ts';
import { addPriceCommands } from './commands/price.ts';
import { addReconCommands } from './commands/recon.ts';
import { addRefundCommands } from './commands/refund.ts';
import { addRoutingCommands } from './commands/routing.ts';
import { addServerCommands } from './commands/server.ts';
import { addStatementCommands } from './commands/statement.ts';
import { addVerifyCommand } from './commands/verify.ts';
import { describeFailure, exit_codes } from './failures.ts';
import type { Io } from './io.ts';
import { chooseLang, sayIn, titleIn } from './words.ts';

/** Runs one command and gives its exit code; never throws. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const lang = chooseLang(args, io.env);
  const say = sayIn(lang);
  const program = new Command('heliu');
  let ended: number = exit_codes.ok;
  const endWith = (exit_code: number): void => {
    ended = exit_code;
  };
  const cli: Cli = { io, lang, say, asJson: () => program.opts().json === true, endWith };
  prepare(program, cli);
  try {
    await program.parseAsync(args, { from: 'user' });
    return ended;
  } catch (error) {
    // Help and version were asked for and are written already.
    if (error instanceof CommanderError && error.exitCode === 0) return exit_codes.ok;
    const { exit_code, text, json } = describeFailure(error, say);
    io.err(cli.asJson() ? `${JSON.stringify({ error: json })}\n` : `${text}\n`);
    return exit_code;
  }
}

function prepare(program: Command, cli: Cli): void {
  const { say, lang, io } = cli;
  // Before the subcommands are made: they take these settings over.
  program
    .exitOverride()
    .configureOutput({ writeOut: io.out, writeErr: io.err, outputError: () => {} })
    .configureHelp({ styleTitle: (title) => titleIn(lang, title), showGlobalOptions: true })
    .helpOption('-h, --help', say('show this help', '显示帮助'))
    .helpCommand(false)
    .description(say('Heliu, an aggregated-payment platform: runs it, sets it up and calls it.', '合流聚合支付平台：运行、配置与调用。'))
    .option('--json', say('print JSON', '输出 JSON'))
    .addOption(new Option('--lang <lang>', say('language of texts', '文字语言')).choices(['zh', 'en']))
    .addHelpText('after', `\n${exitCodesText(cli)}`);
  for (const add of [
    addServerCommands,
    addMerchantCommands,
    addAgentCommands,
    addKeyCommands,
    addChannelAccountCommands,
    addPaymentCommands,
    addPlateCommands,
    addRefundCommands,
    addRoutingCommands,
    addEventCommands,
    addReconCommands,
    addBankCommands,
    addPriceCommands,
    addLedgerCommands,
    addStatementCommands,
    addCalendarCommands,
    addVerifyCommand,
    addMasterKeyCommands,
  ])
    add(program, cli);
}

const exitCodesText = ({ say }: Cli): string =>
  say(
    'Exit codes: 0 done, 1 unexpected, 2 wrong use, 3 refused, 4 no answer (the outcome is not known), 5 configuration.',
    '退出码：0 成功，1 意外错误，2 用法错误，3 被拒绝，4 无应答（结果未知），5 配置错误。',
  );
