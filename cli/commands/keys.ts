import { createPublicKey } from 'node:crypto';
import { type Scope, scopes } from '@heliu/contract';
import type { ApiKey } from '@heliu/server/access/api-key.ts';
import { createApiKey, listApiKeys, revokeApiKey } from '@heliu/server/access/service.ts';
import { type Command, InvalidArgumentError } from 'commander';
import { type Cli, given, listOf, readText, show, withNode } from '../cli.ts';
import { UsageError } from '../failures.ts';
import { record, table } from '../output.ts';
import { findMerchant } from './merchant.ts';

type NewKey = {
  readonly merchant: string;
  readonly name: string;
  readonly live?: boolean;
  readonly scopes: readonly Scope[];
  readonly expires?: Date;
  readonly publicKey?: string;
};

/** `keys …` */
export function addKeyCommands(program: Command, cli: Cli): void {
  const { say } = cli;
  const keys = program.command('keys').description(say('API keys of merchants', '商户的 API 密钥'));
  const ofMerchant = (command: Command) => command.requiredOption('--merchant <id-or-code>', say('whose', '所属商户'));
  ofMerchant(keys.command('create'))
    .description(say('make an API key; it is shown once', '新建 API 密钥（仅显示一次）'))
    .requiredOption('--name <name>', say('what it is for', '用途'))
    .option('--live', say('for real money; for the sandbox unless given', '生产密钥；默认为沙箱密钥'))
    .option('--scopes <list>', say(`what it may do, of: ${scopes.join(', ')}; all unless given`, `权限，可选：${scopes.join('、')}；默认全部`), readScopes, [
      ...scopes,
    ])
    .option('--expires <time>', say('when it ends (RFC 3339)', '失效时间（RFC 3339）'), readTime)
    .option('--public-key <file>', say('Ed25519 public key (PEM) that its requests may be signed with', '用于验证请求签名的 Ed25519 公钥（PEM）'))
    .action((options: NewKey) => createKey(cli, options));
  ofMerchant(keys.command('list'))
    .description(say('list API keys', 'API 密钥列表'))
    .action(({ merchant }: { merchant: string }) =>
      withNode(cli, async (ctx) => {
        const list = await listApiKeys(ctx, (await findMerchant(ctx, merchant)).id);
        show(cli, list, () => table(list.map(shortKey)));
      }),
    );
  ofMerchant(keys.command('revoke <id>'))
    .description(say('revoke an API key, everywhere within a second', '吊销 API 密钥（一秒内各节点生效）'))
    .action((api_key_id: string, { merchant }: { merchant: string }) =>
      withNode(cli, async (ctx) => {
        const key = await revokeApiKey(ctx, { merchant_id: (await findMerchant(ctx, merchant)).id, api_key_id });
        show(cli, key, () => record(shortKey(key)));
      }),
    );
}

async function createKey(cli: Cli, { merchant, name, live, scopes, expires, publicKey }: NewKey): Promise<void> {
  const ed25519_public_key = publicKey === undefined ? undefined : spkiOf(cli, publicKey, await readText(cli, publicKey));
  await withNode(cli, async (ctx) => {
    const { id: merchant_id } = await findMerchant(ctx, merchant);
    const { api_key, secret } = await createApiKey(ctx, {
      merchant_id,
      livemode: live === true,
      name,
      scopes,
      ...given({ expires_at: expires, ed25519_public_key }),
    });
    const key = secret.expose();
    show(
      cli,
      { ...api_key, key },
      () => `${record({ ...shortKey(api_key), key })}${cli.say('Keep the key now: it is not shown again.', '请立即保存密钥：之后不再显示。')}\n`,
    );
  });
}

const shortKey = ({ id, name, livemode, last4, state, scopes, created_at, expires_at }: ApiKey) => ({
  id,
  name,
  mode: livemode ? 'live' : 'test',
  last4,
  state,
  scopes: scopes.join(','),
  created_at,
  expires_at,
});

function spkiOf(cli: Cli, file: string, pem: string): string {
  try {
    return createPublicKey(pem).export({ type: 'spki', format: 'der' }).toString('base64');
  } catch {
    throw new UsageError(cli.say(`${file} is not a public key in PEM`, `${file} 不是 PEM 格式的公钥`));
  }
}

function readScopes(text: string): Scope[] {
  const list = listOf(text);
  const unknown = list.filter((scope) => !(scopes as readonly string[]).includes(scope));
  if (unknown.length > 0) throw new InvalidArgumentError(`unknown: ${unknown.join(', ')}`);
  return list as Scope[];
}

function readTime(text: string): Date {
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) throw new InvalidArgumentError('it must be a time such as 2027-01-31T08:00:00+08:00');
  return at;
}
