import { dirname, resolve } from 'node:path';
import type { Channel } from '@heliu/server/channels/define.ts';
import { channels } from '@heliu/server/channels/registry.ts';
import {
  type ChannelAccount,
  closeChannelAccount,
  createChannelAccount,
  listChannelAccounts,
  pauseChannelAccount,
  resumeChannelAccount,
  showChannelAccount,
  updateChannelAccount,
} from '@heliu/server/merchants/service.ts';
import { Argument, type Command, Option } from 'commander';
import { type Cli, given, readText, show, wholeNumber, withNode } from '../cli.ts';
import { UsageError } from '../failures.ts';
import { record, table } from '../output.ts';
import { findMerchant } from './merchant.ts';

type Common = { readonly merchant: string };
type Update = Common & { readonly name?: string; readonly priority?: number; readonly settings?: string };
type Create = Common & { readonly name: string; readonly channel: string; readonly settings: string; readonly priority?: number; readonly live?: boolean };

/** `channel-account …` */
export function addChannelAccountCommands(program: Command, cli: Cli): void {
  const { say } = cli;
  const accounts = program.command('channel-account').description(say('channel accounts of merchants', '商户的渠道账户'));
  const codes = [...channels.keys()];
  const ofMerchant = (command: Command) => command.requiredOption('--merchant <id-or-code>', say('whose', '所属商户'));
  const priority = say('lower is tried first; 100 unless given', '数值小者优先；默认 100');

  ofMerchant(accounts.command('create'))
    .description(say('make a channel account; its secrets are sealed and never shown again', '新建渠道账户（密钥加密保存，不再显示）'))
    .addOption(new Option('--channel <code>', say('which channel', '渠道')).choices(codes).makeOptionMandatory())
    .requiredOption('--name <name>', say('its name', '名称'))
    .requiredOption('--settings <file>', settingsText(cli))
    .option('--live', say('for real money; for the sandbox unless given', '生产账户；默认为沙箱账户'))
    .option('--priority <n>', priority, wholeNumber)
    .action((options: Create) => createAccount(cli, options));
  ofMerchant(accounts.command('list'))
    .description(say('list channel accounts in the order in which they are tried', '渠道账户列表（按尝试顺序）'))
    .action(({ merchant }: Common) =>
      withNode(cli, async (ctx) => {
        const list = await listChannelAccounts(ctx, { merchant_id: (await findMerchant(ctx, merchant)).id });
        show(cli, list, () => table(list.map(shortAccount)));
      }),
    );
  ofMerchant(accounts.command('show <id>'))
    .description(say('show a channel account; secrets by name only', '查看渠道账户（密钥只显示名称）'))
    .action((id: string, { merchant }: Common) =>
      withNode(cli, async (ctx) =>
        showOne(cli, await showChannelAccount(ctx, { merchant_id: (await findMerchant(ctx, merchant)).id, channel_account_id: id })),
      ),
    );
  ofMerchant(accounts.command('update <id>'))
    .description(say('change a channel account; settings that are not given stay, null removes one', '修改渠道账户；未给出的设置保留，null 为删除'))
    .option('--name <name>', say('its name', '名称'))
    .option('--settings <file>', settingsText(cli))
    .option('--priority <n>', priority, wholeNumber)
    .action((id: string, options: Update) => updateAccount(cli, id, options));
  for (const [verb, act, description] of [
    ['pause', pauseChannelAccount, say('take no new payments with it', '暂停：不再接新单')],
    ['resume', resumeChannelAccount, say('take payments with it again', '恢复接单')],
    ['close', closeChannelAccount, say('close it for ever; what was paid can still be refunded', '永久关闭；已支付的仍可退款')],
  ] as const) {
    ofMerchant(accounts.command(`${verb} <id>`))
      .description(description)
      .action((id: string, { merchant }: Common) =>
        withNode(cli, async (ctx) => showOne(cli, await act(ctx, { merchant_id: (await findMerchant(ctx, merchant)).id, channel_account_id: id }))),
      );
  }
  accounts
    .command('schema')
    .addArgument(new Argument('<channel>', say('which channel', '渠道')).choices(codes))
    .description(say('print the settings that a channel takes', '列出渠道所需的设置'))
    .action((code: string) => showSchema(cli, channels.get(code) as Channel));
}

const settingsText = ({ say }: Cli): string =>
  say(
    'JSON file with the settings, - for standard input; { "file": "key.pem" } in place of a value takes that file',
    '设置的 JSON 文件，- 为标准输入；值可写作 { "file": "key.pem" } 引用文件',
  );

async function createAccount(cli: Cli, { merchant, name, channel, settings: file, priority, live }: Create): Promise<void> {
  const settings = await readSettingsFile(cli, file);
  await withNode(cli, async (ctx) => {
    const { id: merchant_id } = await findMerchant(ctx, merchant);
    showOne(cli, await createChannelAccount(ctx, { merchant_id, livemode: live === true, channel, name, settings, ...given({ priority }) }));
  });
}

async function updateAccount(cli: Cli, channel_account_id: string, { merchant, name, priority, settings: file }: Update): Promise<void> {
  const settings = file === undefined ? undefined : await readSettingsFile(cli, file);
  await withNode(cli, async (ctx) => {
    const { id: merchant_id } = await findMerchant(ctx, merchant);
    showOne(cli, await updateChannelAccount(ctx, { merchant_id, channel_account_id, ...given({ name, priority, settings }) }));
  });
}

/** Keys come as files of their own: a value `{ "file": … }` is the text of that file, found from where the settings are. */
async function readSettingsFile(cli: Cli, file: string): Promise<Record<string, unknown>> {
  const settings = parseSettings(cli, file, await readText(cli, file));
  const directory = file === '-' ? cli.io.cwd : dirname(resolve(cli.io.cwd, file));
  const entries = Object.entries(settings).map(async ([name, value]) => {
    const named = typeof value === 'object' && value !== null && 'file' in value ? String(value.file) : undefined;
    return [name, named === undefined ? value : (await readText(cli, resolve(directory, named))).trimEnd()] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

function parseSettings(cli: Cli, file: string, text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // The parser's own message would repeat a part of the file, which may be a secret.
  }
  throw new UsageError(cli.say(`${file} does not hold a JSON object`, `${file} 的内容不是 JSON 对象`));
}

function showSchema(cli: Cli, channel: Channel): void {
  const required: readonly string[] = channel.config.required ?? [];
  const fields = Object.entries(channel.config.properties).map(([name, schema]) => {
    const { enum: values, type, description = '' } = schema as { enum?: unknown[]; type?: string; description?: string };
    return { name, required: required.includes(name), secret: 'x-secret' in schema, value: values?.join(' | ') ?? type ?? '', description };
  });
  const mark = (is: boolean) => (is ? '✓' : '');
  show(cli, channel.config, () => table(fields.map((field) => ({ ...field, required: mark(field.required), secret: mark(field.secret) }))));
}

const shortAccount = ({ id, channel, name, livemode, state, priority, version }: ChannelAccount) => ({
  id,
  channel,
  name,
  mode: livemode ? 'live' : 'test',
  state,
  priority,
  version,
});

const showOne = (cli: Cli, account: ChannelAccount): void =>
  show(cli, account, () =>
    record({
      ...shortAccount(account),
      created_at: account.created_at,
      // A setting may have the name of a field of the account: WeChat Pay's `mode` does.
      ...Object.fromEntries(Object.entries(account.settings).map(([name, value]) => [`settings.${name}`, value])),
      ...Object.fromEntries(account.secrets.map((name) => [`settings.${name}`, cli.say('(sealed)', '（已加密）')])),
    }),
  );
