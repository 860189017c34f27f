import { fenToNumber, parseYuan } from '@heliu/server/kernel/money.ts';
import { type Command, InvalidArgumentError } from 'commander';
import { type Cli, wholeNumber } from '../cli.ts';
import { UsageError } from '../failures.ts';

/** An amount always comes with its unit: `100` alone could be one yuan or a hundred. */
export type AmountOptions = { readonly yuan?: number; readonly fen?: number };

export const withAmount = (command: Command, { say }: Cli): Command =>
  command
    .option('--yuan <amount>', say('amount in yuan: 12.34', '金额（元）：12.34'), readYuan)
    .option('--fen <amount>', say('amount in fen: 1234', '金额（分）：1234'), wholeNumber);

/** The amount in fen, when exactly one unit was given. */
export function amountOf(cli: Cli, { yuan, fen }: AmountOptions): number {
  const amounts = [yuan, fen].filter((amount) => amount !== undefined);
  if (amounts.length !== 1) throw new UsageError(cli.say('give the amount once: --yuan 12.34 or --fen 1234', '请给出一个金额：--yuan 12.34 或 --fen 1234'));
  return amounts[0] as number;
}

function readYuan(text: string): number {
  const amount = parseYuan(text);
  if (amount === undefined) throw new InvalidArgumentError('it must be an amount in yuan with at most two decimals');
  return fenToNumber(amount);
}
