import {
  createMerchant,
  getMerchant,
  getMerchantByCode,
  listMerchants,
  type Merchant,
  type MerchantSettings,
  resumeMerchant,
  suspendMerchant,
  updateMerchant,
} from '@heliu/server/merchants/service.ts';
import type { Ctx } from '@heliu/server/platform/ctx.ts';
import { type Command, Option } from 'commander';
import { type Cli, given, show, wholeNumber, withNode } from '../cli.ts';
import { record, table } from '../output.ts';

type Settings = Partial<Omit<MerchantSettings, 'signature_required'>> & {
  readonly duplicatePolicy?: MerchantSettings['duplicate_policy'];
  readonly latePolicy?: MerchantSettings['late_policy'];
  readonly signatureRequired?: boolean;
};

/** `merchant …` */
export function addMerchantCommands(program: Command, cli: Cli): void {
  const { say } = cli;
  const merchant = program.command('merchant').description(say('merchants', '商户'));
  settingOptions(merchant.command('create'), cli)
    .description(say('make a merchant', '新建商户'))
    .requiredOption('--name <name>', say('its name', '名称'))
    .action((options: Settings & { name: string }) =>
      withNode(cli, async (ctx) => showOne(cli, await createMerchant(ctx, { ...settingsOf(options), name: options.name }))),
    );
  merchant
    .command('list')
    .description(say('list merchants, newest first', '商户列表（新的在前）'))
    .option('--limit <n>', say('how many', '条数'), wholeNumber, 50)
    .option('--before <id>', say('only those older than this one', '只看早于该商户的'))
    .action(({ limit, before }: { limit: number; before?: string }) =>
      withNode(cli, async (ctx) => {
        const list = await listMerchants(ctx, { limit, ...given({ before_id: before }) });
        show(cli, list, () => table(list.map(({ id, code, name, state, created_at }) => ({ id, code, name, state, created_at }))));
      }),
    );
  merchant
    .command('show <id-or-code>')
    .description(say('show a merchant', '查看商户'))
    .action((name: string) => withNode(cli, async (ctx) => showOne(cli, await findMerchant(ctx, name))));
  settingOptions(merchant.command('set <id-or-code>'), cli)
    .description(say('change settings of a merchant', '修改商户设置'))
    .option('--name <name>', say('its name', '名称'))
    .action((name: string, options: Settings) =>
      withNode(cli, async (ctx) => {
        const { id: merchant_id } = await findMerchant(ctx, name);
        showOne(cli, await updateMerchant(ctx, { merchant_id, ...settingsOf(options) }));
      }),
    );
  for (const [verb, act, description] of [
    [
      'suspend',
      suspendMerchant,
      say('stop a merchant: its keys open nothing; open orders are followed to their end', '停用商户：密钥失效，未完结的订单仍会跟进到底'),
    ],
    ['resume', resumeMerchant, say('let a suspended merchant work again', '恢复已停用的商户')],
  ] as const) {
    merchant
      .command(`${verb} <id-or-code>`)
      .description(description)
      .action((name: string) => withNode(cli, async (ctx) => showOne(cli, await act(ctx, (await findMerchant(ctx, name)).id))));
  }
}

/** By id or by the code in its order numbers; refuses when there is none. */
export async function findMerchant(ctx: Ctx, name: string): Promise<Merchant> {
  return (await getMerchantByCode(ctx, name)) ?? (await getMerchant(ctx, name));
}

const settingOptions = (command: Command, { say }: Cli): Command =>
  command
    .addOption(new Option('--duplicate-policy <policy>', say('a second success of a paid payment', '重复支付的处理')).choices(['refund', 'keep']))
    .addOption(new Option('--late-policy <policy>', say('money that comes after closing', '关单后到账的处理')).choices(['refund', 'accept']))
    .option('--signature-required', say('take signed requests only', '只接受签名请求'))
    .option('--no-signature-required', say('take API keys too', '也接受 API 密钥'));

const settingsOf = ({ name, duplicatePolicy, latePolicy, signatureRequired }: Settings) =>
  given({ name, duplicate_policy: duplicatePolicy, late_policy: latePolicy, signature_required: signatureRequired });

const showOne = (cli: Cli, merchant: Merchant): void => show(cli, merchant, () => record(merchant));
