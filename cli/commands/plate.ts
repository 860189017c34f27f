import { createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type PrintFormat, type PrintSize, print_formats, print_sizes } from '@heliu/contract';
import { assignStock, listStock, makeStock, printStock, stockOf } from '@heliu/server/cashier/plates/stock/service.ts';
import { shownInHalves } from '@heliu/server/cashier/plates/stock/stock.ts';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Cli, show, wholeNumber, withNode } from '../cli.ts';
import { UsageError } from '../failures.ts';
import { record, table } from '../output.ts';
import { findMerchant } from './merchant.ts';

/** `plate stock …` */
export function addPlateCommands(program: Command, cli: Cli): void {
  const { say } = cli;
  const stock = program
    .command('plate')
    .description(say('code plates', '码牌'))
    .command('stock')
    .description(say("the platform's stock: printed and shipped before a merchant has it", '平台库存：先印制、寄送，再归属商户'));

  stock
    .command('create')
    .description(say('make plates that are nobody’s yet; claim codes are written once, into a file', '制作一批未归属的码牌；领用码只写出一次，存入文件'))
    .requiredOption('--name <name>', say('of the batch', '批次名称'))
    .requiredOption('--count <n>', say('1 to 1000', '数量，1 至 1000'), batchCount)
    .requiredOption('--claims <file>', say('new CSV file for numbers and claim codes', '写出编号与领用码的 CSV 文件（须不存在）'))
    .option('--live', say('of live payments; of test payments otherwise', '生产环境；默认测试环境'))
    .action(({ name, count, claims: file, live }: { name: string; count: number; claims: string; live?: true }) =>
      withNode(cli, async (ctx) => {
        // Before anything is made: codes that cannot be written would be lost.
        const claims_file = await newFile(cli, file);
        try {
          const { batch, claims } = await makeStock(ctx, { livemode: live === true, name, count });
          const lines = claims.map(({ serial_no, stock_no, claim_code }) => `${serial_no},${stock_no},${claim_code}\n`);
          await claims_file.writeFile(`serial_no,stock_no,claim_code\n${lines.join('')}`);
          await claims_file.sync();
          const made = { ...batch, created_at: batch.created_at.toISOString() };
          show(cli, made, () => record({ ...made, claims: file }));
        } finally {
          await claims_file.close();
        }
      }),
    );
  stock
    .command('list')
    .description(say('batches of stock, newest first', '库存批次，新的在前'))
    .option('--limit <n>', say('how many', '条数'), wholeNumber, 20)
    .action(({ limit }: { limit: number }) =>
      withNode(cli, async (ctx) => {
        const batches = (await listStock(ctx, limit)).map((batch) => ({ ...batch, created_at: batch.created_at.toISOString() }));
        show(cli, batches, () => table(batches));
      }),
    );
  stock
    .command('show <batch-id>')
    .description(say('the plates of a batch and whose they are', '批次内的码牌及其归属'))
    .action((batch_id: string) =>
      withNode(cli, async (ctx) => {
        const plates = (await stockOf(ctx, batch_id)).map(({ serial_no, stock_no, id, merchant_id, given_at }) => ({
          serial_no,
          stock_no: shownInHalves(stock_no),
          id,
          merchant_id,
          given_at: given_at?.toISOString() ?? null,
        }));
        show(cli, plates, () => table(plates));
      }),
    );
  stock
    .command('assign <batch-id>')
    .description(say('give a span of a batch to the merchant it is sent to', '把批次中的一段分配给收货的商户'))
    .requiredOption('--merchant <id-or-code>', say('whose they become', '商户'))
    .requiredOption('--from <n>', say('first number in the batch', '起始序号'), wholeNumber)
    .requiredOption('--through <n>', say('last number', '截止序号'), wholeNumber)
    .action((batch_id: string, { merchant, from, through }: { merchant: string; from: number; through: number }) =>
      withNode(cli, async (ctx) => {
        const { id: merchant_id } = await findMerchant(ctx, merchant);
        const assigned = await assignStock(ctx, { batch_id, from, through, merchant_id });
        show(cli, { batch_id, merchant_id, assigned }, () => record({ batch_id, merchant_id, assigned }));
      }),
    );
  stock
    .command('print <batch-id> <file>')
    .description(say('write a zip with a file for each plate still in stock', '写出仍在库存的码牌的印刷文件（zip）'))
    .addOption(new Option('--format <format>', say('of the files', '文件格式')).choices([...print_formats]).default('pdf'))
    .addOption(new Option('--size <size>', say('of a face', '单面尺寸')).choices([...print_sizes]).default('a6'))
    .action((batch_id: string, file: string, { format, size }: { format: PrintFormat; size: PrintSize }) =>
      withNode(cli, async (ctx) => {
        const path = resolve(cli.io.cwd, file);
        await pipeline(await printStock(ctx, batch_id, { format, size }), createWriteStream(path));
        show(cli, { file: path }, () => record({ file: path }));
      }),
    );
}

async function newFile({ io, say }: Cli, file: string) {
  try {
    return await open(resolve(io.cwd, file), 'wx', 0o600);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(say(`${file} cannot be made (${code}): name a file that does not exist`, `无法新建 ${file}（${code}）：请给出尚不存在的文件`));
  }
}

function batchCount(text: string): number {
  const count = wholeNumber(text);
  if (count < 1 || count > 1_000) throw new InvalidArgumentError('it must be 1 to 1000');
  return count;
}
