import { parseRfc3339 } from '@heliu/server/kernel/time.ts';
import { writeTerms } from '@heliu/server/pricing/price-rule.ts';
import { listPrices, type PriceRule, setPrice } from '@heliu/server/pricing/service.ts';
import { type Command, InvalidArgumentError } from 'commander';
import { type Cli, given, readText, show, wholeNumber, withNode } from '../cli.ts';
import { UsageError } from '../failures.ts';
import { type Row, record, table, yuan } from '../output.ts';
import { findMerchant } from './merchant.ts';

type SetOptions = {
  readonly merchant: string;
  readonly live?: boolean;
  readonly channel?: string;
  readonly method?: string;
  readonly from?: Date;
  readonly terms?: string;
  readonly ratePpm?: number;
  readonly perItem?: number;
  readonly min?: number;
  readonly max?: number;
  readonly rounding?: string;
  readonly refund?: string;
};

/** `price …` */
export function addPriceCommands(program: Command, cli: Cli): void {
  const { say } = cli;
  const price = program.command('price').description(say('what merchants pay for their payments', '商户费率'));
  price
    .command('set')
    .description(say('set a price from a time on; amounts in fen, 0.6 % is 6000 ppm', '设定自某时起的费率；金额以分计，0.6% 为 6000 ppm'))
    .requiredOption('--merchant <id-or-code>', say('whose', '商户'))
    .option('--live', say('of live payments; of test payments otherwise', '生产环境；默认测试环境'))
    .option('--channel <code>', say('of payments by this channel only', '仅该渠道'))
    .option('--method <method>', say('of payments by this method only', '仅该支付方式'))
    .option('--from <time>', say('from then on (RFC 3339); now unless told', '生效时间（RFC 3339）；默认立即'), readInstant)
    .option('--rate-ppm <n>', say('parts of a million of the amount', '费率，百万分之几'), wholeNumber)
    .option('--per-item <fen>', say('for each payment', '每笔固定费用（分）'), wholeNumber)
    .option('--min <fen>', say('no less', '保底（分）'), wholeNumber)
    .option('--max <fen>', say('no more', '封顶（分）'), wholeNumber)
    .option('--rounding <rule>', say('half_up (unless told), half_even, down, up', '舍入：half_up（默认）、half_even、down、up'))
    .option('--refund <rule>', say('returned (unless told): the fee goes back with refunds; kept', '退款时手续费：returned 退回（默认）、kept 不退'))
    .option('--terms <file>', say('terms with tiers, as JSON; instead of the options above', '含阶梯的费率 JSON 文件，代替以上各项'))
    .action((options: SetOptions) => setOne(cli, options));
  price
    .command('list')
    .description(say('prices of a merchant, those that begin last first', '商户的费率，新的在前'))
    .requiredOption('--merchant <id-or-code>', say('whose', '商户'))
    .action(({ merchant }: { merchant: string }) =>
      withNode(cli, async (ctx) => {
        const rules = await listPrices(ctx, (await findMerchant(ctx, merchant)).id);
        show(cli, rules.map(plain), () => table(rules.flatMap((rule) => rowsOf(cli, rule))));
      }),
    );
}

async function setOne(cli: Cli, options: SetOptions): Promise<void> {
  const { merchant, live, channel, method, from } = options;
  const terms = options.terms === undefined ? simpleTerms(options) : await readTermsFile(cli, options.terms);
  await withNode(cli, async (ctx) => {
    const { id: merchant_id } = await findMerchant(ctx, merchant);
    const rule = await setPrice(ctx, { merchant_id, livemode: live === true, terms, ...given({ channel, method, effective_from: from }) });
    show(cli, plain(rule), () => rowsOf(cli, rule).map(record).join('\n'));
  });
}

const simpleTerms = ({ ratePpm, perItem, min, max, rounding, refund }: SetOptions) =>
  given({ rounding, refund, tiers: [given({ rate_ppm: ratePpm, per_item_fen: perItem, min_fen: min, max_fen: max })] });

async function readTermsFile(cli: Cli, file: string): Promise<unknown> {
  try {
    return JSON.parse(await readText(cli, file));
  } catch (error) {
    if (error instanceof SyntaxError) throw new UsageError(cli.say(`${file} is no JSON: ${error.message}`, `${file} 不是 JSON：${error.message}`));
    throw error;
  }
}

const plain = ({ price, ...rule }: PriceRule) => ({ ...rule, terms: writeTerms(price) });

/** A line for each tier. */
const rowsOf = ({ say }: Cli, { id, livemode, channel, method, price, effective_from }: PriceRule): Row[] =>
  writeTerms(price).tiers.map(({ from_fen, rate_ppm, per_item_fen, min_fen, max_fen }) => ({
    id,
    [say('mode', '环境')]: livemode ? say('live', '生产') : say('test', '测试'),
    [say('channel', '渠道')]: channel,
    [say('method', '支付方式')]: method,
    [say('begins', '生效')]: effective_from,
    [say('month from', '月累计起')]: yuan(from_fen),
    ppm: rate_ppm,
    [say('per item', '每笔')]: yuan(per_item_fen),
    [say('least', '保底')]: yuan(min_fen),
    [say('most', '封顶')]: max_fen === null ? null : yuan(max_fen),
    [say('rounding', '舍入')]: price.rounding,
    [say('refund', '退款')]: price.refund,
  }));

function readInstant(text: string): Date {
  const at = parseRfc3339(text);
  if (!at) throw new InvalidArgumentError('it must be a time such as 2026-12-01T00:00:00+08:00');
  return at;
}
