import { dirname, resolve } from 'node:path';
import { createChannelClient } from '@heliu/server/channels/client.ts';
import type { Channel } from '@heliu/server/channels/define.ts';
import { channels } from '@heliu/server/channels/registry.ts';
import { Secret } from '@heliu/server/kernel/secret.ts';
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
import { activateAccount, type KeyOutcome, renewNow, type ShownSession, showSession } from '@heliu/server/merchants/sessions/service.ts';
import type { Ctx } from '@heliu/server/platform/ctx.ts';
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
      withNode(cli, async (ctx) => showWithKey(cli, ctx, { merchant_id: (await findMerchant(ctx, merchant)).id, channel_account_id: id })),
    );
  ofMerchant(accounts.command('update <id>'))
    .description(say('change a channel account; settings that are not given stay, null removes one', '修改渠道账户；未给出的设置保留，null 为删除'))
    .option('--name <name>', say('its name', '名称'))
    .option('--settings <file>', settingsText(cli))
    .option('--priority <n>', priority, wholeNumber)
    .action((id: string, options: Update) => updateAccount(cli, id, options));
  ofMerchant(accounts.command('activate <id>'))
    .description(
      say(
        'trade an activation code for the key of the account, which is sealed; for channels that give keys for codes',
        '以激活码换取账户密钥并加密保存（用于以激活码发放密钥的渠道）',
      ),
    )
    .requiredOption('--code <file>', say('file with the activation code, - for standard input', '激活码文件，- 为标准输入'))
    .action((id: string, options: Common & { readonly code: string }) => activate(cli, id, options));
  ofMerchant(accounts.command('check-in <id>'))
    .description(say('ask the gateway for the next key now; it is asked for each day without this', '立即签到换取新密钥（每日自动进行，通常无需手动）'))
    .action((id: string, { merchant }: Common) =>
      withNode(cli, async (ctx) => {
        const account = { merchant_id: (await findMerchant(ctx, merchant)).id, channel_account_id: id };
        await tellKey(cli, ctx, account, await renewNow({ ...ctx, channels: createChannelClient(ctx) }, account));
      }),
    );
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

async function activate(cli: Cli, channel_account_id: string, { merchant, code: file }: Common & { readonly code: string }): Promise<void> {
  const code = (await readText(cli, file)).trim();
  if (code === '') throw new UsageError(cli.say(`${file} holds no activation code`, `${file} 中没有激活码`));
  await withNode(cli, async (ctx) => {
    const account = { merchant_id: (await findMerchant(ctx, merchant)).id, channel_account_id };
    await tellKey(cli, ctx, account, await activateAccount({ ...ctx, channels: createChannelClient(ctx) }, { ...account, code: new Secret(code) }));
  });
}

type AccountName = { readonly merchant_id: string; readonly channel_account_id: string };

/** Shows the account when it has a key, and says what is to be done when it has none. */
function tellKey(cli: Cli, ctx: Ctx, account: AccountName, outcome: KeyOutcome): Promise<void> {
  const { say } = cli;
  switch (outcome.is) {
    case 'kept':
    case 'superseded':
      return showWithKey(cli, ctx, account);
    case 'not_needed':
      throw new UsageError(say('this channel gives no keys for codes', '该渠道不以激活码发放密钥'));
    case 'no_key':
      throw new UsageError(say('the account has no key that could be renewed: activate it with a new code', '账户没有可更换的密钥：请用新的激活码激活'));
    case 'under_way':
      throw new UsageError(say('the key is being asked for at this moment: look again in a minute', '正在签到，请一分钟后再看'));
    case 'refused': {
      const { channel_code, channel_message = '' } = outcome;
      throw new UsageError(say(`the gateway refused: ${channel_code} ${channel_message}`.trim(), `网关拒绝：${channel_code} ${channel_message}`.trim()));
    }
    case 'unknown':
      throw new UsageError(
        say(
          `no answer that settles it (${outcome.cause}): a code may be used up by now, then a new one is needed; a check-in is repeated by itself`,
          `没有确定的应答（${outcome.cause}）：激活码可能已被使用，届时需新的激活码；签到会自动重试`,
        ),
      );
  }
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

async function showWithKey(cli: Cli, ctx: Ctx, name: AccountName): Promise<void> {
  showOne(cli, await showChannelAccount(ctx, name), await showSession(ctx, name));
}

/** `session`: null where the account still needs a code; undefined where its channel gives no keys. */
const showOne = (cli: Cli, account: ChannelAccount, session?: ShownSession | null): void =>
  show(cli, session === undefined ? account : { ...account, session }, () =>
    record({
      ...shortAccount(account),
      created_at: account.created_at,
      ...(session === null ? { session: cli.say('none: activate it', '无：请先激活') } : {}),
      ...Object.fromEntries(Object.entries(session ?? {}).map(([name, value]) => [`session.${name}`, value])),
      // A setting may have the name of a field of the account: WeChat Pay's `mode` does.
      ...Object.fromEntries(Object.entries(account.settings).map(([name, value]) => [`settings.${name}`, value])),
      ...Object.fromEntries(account.secrets.map((name) => [`settings.${name}`, cli.say('(sealed)', '（已加密）')])),
    }),
  );
