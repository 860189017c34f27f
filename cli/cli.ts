import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Heliu } from '@heliu/sdk';
import { loadConfig } from '@heliu/server/platform/config.ts';
import { createCtx } from '@heliu/server/platform/create-ctx.ts';
import type { Ctx } from '@heliu/server/platform/ctx.ts';
import { type Command, InvalidArgumentError } from 'commander';
import { UsageError } from './failures.ts';
import type { Io } from './io.ts';
import type { Lang, Say } from './words.ts';

/** What every command works with. */
export type Cli = {
  readonly io: Io;
  readonly lang: Lang;
  readonly say: Say;
  readonly asJson: () => boolean;
  /** The exit code of a command that did its work and has something to say by it. */
  readonly endWith: (exit_code: number) => void;
};

/** Shows a result: to programs as it is, to people as the command chose. */
export function show(cli: Cli, value: unknown, forPeople: () => string): void {
  const none = Array.isArray(value) && value.length === 0;
  cli.io.out(cli.asJson() ? `${JSON.stringify(value, null, 2)}\n` : none ? cli.say('none\n', '无\n') : forPeople());
}

/** Works on the installation's database, as the configuration names it. Joins the embedded one where a server runs. */
export async function withNode(cli: Cli, work: (ctx: Ctx) => Promise<void>): Promise<void> {
  const config = await loadConfig(cli.io.env, cli.io.cwd);
  // The output is the command's alone.
  const node = await createCtx({ ...config, log_level: 'silent' });
  try {
    await work(node.ctx);
  } finally {
    await node.close();
  }
}

/** Options of commands that call the merchant API. */
export type ApiOptions = {
  readonly url?: string;
  readonly key?: string;
  readonly keyId?: string;
  readonly signWith?: string;
  readonly allowHttp?: boolean;
  readonly idempotencyKey?: string;
};

const default_url = 'http://127.0.0.1:8080';

export function withApiOptions(command: Command, { say }: Cli): Command {
  return command
    .option('--url <url>', say(`installation to call; HELIU_URL, or ${default_url}`, `要访问的系统地址；默认 HELIU_URL 或 ${default_url}`))
    .option(
      '--key <key>',
      say('API key; better in HELIU_API_KEY, where other users of this machine do not see it', 'API 密钥；建议放在 HELIU_API_KEY，避免被本机其他用户看到'),
    )
    .option(
      '--sign-with <file>',
      say('sign requests with this Ed25519 private key (PEM) instead of sending a key', '以此 Ed25519 私钥（PEM）签名请求，不发送密钥'),
    )
    .option('--key-id <id>', say('API key id that the public half belongs to (key_…)', '对应公钥所属的 API 密钥编号（key_…）'))
    .option('--allow-http', say('send the key in clear over plain http', '允许经明文 http 发送密钥'));
}

export async function apiClient(cli: Cli, options: ApiOptions): Promise<Heliu> {
  const { env, cwd, fetch } = cli.io;
  // Set to nothing is what a shell does with a variable that it does not have.
  const key = options.key ?? (env.HELIU_API_KEY || undefined);
  const common = { baseUrl: options.url ?? (env.HELIU_URL || default_url), allowHttp: options.allowHttp === true, runtime: { fetch } };
  try {
    if (options.signWith === undefined) return new Heliu({ ...common, apiKey: key });
    if (options.keyId === undefined) throw new UsageError(cli.say('--sign-with needs --key-id', '--sign-with 需要 --key-id'));
    return new Heliu({ ...common, signing: { keyId: options.keyId, privateKey: await readText(cli, resolve(cwd, options.signWith)) } });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const no_key = key === undefined && options.signWith === undefined;
    throw new UsageError(no_key ? cli.say('no API key: set HELIU_API_KEY or give --key', '缺少 API 密钥：请设置 HELIU_API_KEY 或使用 --key') : error.message);
  }
}

/** The call options that a command's options carry. */
export const callOptions = ({ idempotencyKey }: ApiOptions) => (idempotencyKey === undefined ? {} : { idempotencyKey });

/** The values that were given: `undefined` is not a value of the API. */
export const given = <T extends object>(values: T) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as { [K in keyof T]: Exclude<T[K], undefined> };

export async function readText(cli: Cli, file: string): Promise<string> {
  try {
    return file === '-' ? await cli.io.readStdin() : await readFile(resolve(cli.io.cwd, file), 'utf8');
  } catch (error) {
    throw new UsageError(
      cli.say(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`, `无法读取 ${file}（${(error as NodeJS.ErrnoException).code}）`),
    );
  }
}

/** Reads a whole number of an option. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,12}$/.test(text)) throw new InvalidArgumentError('it must be a whole number');
  return Number(text);
}

/** Reads `a,b,c`. */
export const listOf = (text: string): string[] => text.split(',').map((item) => item.trim());

/** Of work whose end is not known nothing is said before. */
const counted_from = 10_000;
const bar_cells = 20;
/** Back to the beginning of the line, which is empty then. */
const over = '\r\u001B[K';

/** Where to say how far work has come; `of` where its end is known. */
export type Tell = (what: string, done: number, of?: number) => void;

/** Says on the other channel than the result how far long work has come, to a person at a terminal. Nothing of it is left there. */
export async function telling<T>(cli: Cli, work: (tell: Tell) => Promise<T>): Promise<T> {
  const tells = cli.io.is_terminal && !cli.asJson();
  let has_told = false;
  const tell: Tell = (what, done, of) => {
    if (!tells || (of === undefined && done < counted_from)) return;
    has_told = true;
    cli.io.err(`${over}${of === undefined ? `${done}` : barOf(done, of)} ${what}`);
  };
  try {
    return await work(tell);
  } finally {
    if (has_told) cli.io.err(over);
  }
}

export function barOf(done: number, of: number): string {
  const filled = Math.round((done / of) * bar_cells);
  return `[${'█'.repeat(filled)}${'·'.repeat(bar_cells - filled)}] ${done}/${of}`;
}
