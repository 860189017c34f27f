import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type ParseError, parse, printParseErrorCode } from 'jsonc-parser';
import type { Rng } from '../kernel/rng.ts';
import type { Secret } from '../kernel/secret.ts';
import { hint } from './config/hint.ts';
import { make_command, sandboxMasterKey } from './config/master-key.ts';
import { other_names, type Setting, settings } from './config/settings.ts';
import { systemRng } from './rng.ts';

/** Every setting, once: name in the environment, in the file, default, check and documentation are declared in config/settings.ts. */
export type Config = {
  /** `sandbox` mounts the simulators and the demo pages; `production` has neither. */
  readonly mode: 'sandbox' | 'production';
  readonly role: 'all' | 'api' | 'worker';
  readonly host: string;
  readonly port: number;
  /** How the outside reaches this installation: base of notification URLs and links. Never taken from a Host header. */
  readonly public_url: string;
  readonly data_dir: string;
  /** Absent: the embedded PostgreSQL in `data_dir`. */
  readonly database_url: Secret | undefined;
  readonly database_pool_max: number;
  /** 32 bytes, base64: wraps the data keys. Sandbox: generated into `data_dir` at first start, mode 0400. */
  readonly master_key: Secret;
  /** CIDR ranges that outgoing calls may reach although they are private. */
  readonly egress_allow: readonly string[];
  /** Plain http for webhooks, for development. */
  readonly webhook_allow_http: boolean;
  readonly webhook_ports: readonly number[];
  readonly rate_limit_per_s: number;
  /** Differences between bills and payments with this much at risk, and above, take two persons. */
  readonly recon_two_persons_from_fen: number;
  /** Absent: no MQTT. */
  readonly mqtt_port: number | undefined;
  readonly trusted_proxies: readonly string[];
  readonly log_level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Simulators' notification schedules are divided by this. */
  readonly sandbox_time_scale: number;
};

export type Environment = Readonly<Record<string, string | undefined>>;

/** The configuration cannot be used. Every problem is told at once, each with the name of its setting. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`the configuration cannot be used:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

/** Reads the environment and `heliu.config.json` in `directory`; the environment wins. */
export async function loadConfig(environment: Environment, directory: string, rng: Rng = systemRng): Promise<Config> {
  const problems: string[] = unknownNames(environment);
  const file = await readConfigFile(environment, directory, problems);
  const mode = await readSetting('mode', environment, file, 'sandbox', directory, problems);
  const names = Object.keys(settings) as (keyof Config)[];
  const pairs = await Promise.all(
    names.map(async (name) => [name, name === 'mode' ? mode : await readSetting(name, environment, file, mode ?? 'production', directory, problems)] as const),
  );
  const read = Object.fromEntries(pairs) as { -readonly [K in keyof Config]: Config[K] | undefined };
  checkTogether(read, problems);
  if (problems.length > 0) throw new ConfigError([...new Set(problems)]);
  const data_dir = resolve(directory, read.data_dir as string);
  return {
    ...(read as Config),
    data_dir,
    public_url: read.public_url ?? `http://127.0.0.1:${read.port}`,
    master_key: read.master_key ?? (await sandboxMasterKey(data_dir, rng)),
  };
}

/** What each setting alone cannot see. */
function checkTogether(read: { readonly [K in keyof Config]: Config[K] | undefined }, problems: string[]): void {
  if (read.mode !== 'production') return;
  const missing = (name: keyof Config) => read[name] === undefined && !problems.some((problem) => problem.startsWith(environmentName(name)));
  if (missing('master_key'))
    problems.push(`${environmentName('master_key')} is missing: production makes none by itself. Make one with "${make_command}" and keep a copy`);
  if (missing('public_url')) problems.push(`${environmentName('public_url')} is missing: channels send their notifications there`);
  const host = read.public_url === undefined ? undefined : new URL(read.public_url);
  if (host?.protocol === 'http:' && !/^(127\.|localhost$|\[::1\]$)/.test(host.hostname))
    problems.push(`${environmentName('public_url')} is plain http: payers and channels would talk to it in the clear. Use https`);
}

type ConfigFile = { readonly path: string; readonly values: Readonly<Record<string, unknown>> };

/** JSON with comments. A file that is named must exist; the usual one need not. */
async function readConfigFile(environment: Environment, directory: string, problems: string[]): Promise<ConfigFile> {
  const named = environment.HELIU_CONFIG;
  const path = resolve(directory, named ?? 'heliu.config.json');
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => error);
  if (text instanceof Error) {
    if (named !== undefined || text.code !== 'ENOENT') problems.push(`HELIU_CONFIG: ${path} cannot be read (${text.code})`);
    return { path, values: {} };
  }
  const errors: ParseError[] = [];
  const values: unknown = parse(text, errors, { allowTrailingComma: true });
  for (const { error, offset } of errors) problems.push(`${path}: line ${text.slice(0, offset).split('\n').length}: ${printParseErrorCode(error)}`);
  if (errors.length > 0) return { path, values: {} };
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    problems.push(`${path}: it takes one object with the settings as keys`);
    return { path, values: {} };
  }
  const known = Object.entries(settings).flatMap(([name, setting]) => (setting.secret ? [name, `${name}_file`] : [name]));
  for (const key of Object.keys(values)) if (!known.includes(key)) problems.push(`${path}: ${key} is not a setting${hint(key, known)}`);
  return { path, values: values as Record<string, unknown> };
}

async function readSetting<K extends keyof Config>(
  name: K,
  environment: Environment,
  file: ConfigFile,
  mode: Config['mode'],
  directory: string,
  problems: string[],
): Promise<Config[K] | undefined> {
  const setting: Setting<unknown> = settings[name];
  const given = await findRaw(name, setting, environment, file, directory);
  if (given && 'problem' in given) {
    problems.push(given.problem);
    return undefined;
  }
  const raw = given ? given.raw : setting.unset[mode];
  if (raw === undefined) return undefined;
  const read = setting.kind.read(raw);
  if ('value' in read) return read.value as Config[K];
  problems.push(`${given?.where ?? environmentName(name)} ${read.problem}`);
  return undefined;
}

type Raw = { readonly raw: unknown; readonly where: string };

/** The first place that says something: the environment, a file that the environment names, the configuration file. */
async function findRaw(
  name: keyof Config,
  setting: Setting<unknown>,
  environment: Environment,
  file: ConfigFile,
  directory: string,
): Promise<Raw | { readonly problem: string } | undefined> {
  for (const where of [environmentName(name), ...(setting.aliases ?? [])]) {
    // Set to nothing is what a shell or a compose file does with a variable that it does not have.
    if (environment[where] !== undefined && environment[where] !== '') return { raw: environment[where], where };
  }
  if (setting.secret) {
    const where = `${environmentName(name)}_FILE`;
    if (environment[where]) return await readSecretFile(environment[where], where, directory);
  }
  if (file.values[name] !== undefined) return { raw: file.values[name], where: `${name} in ${file.path}` };
  const named = setting.secret ? file.values[`${name}_file`] : undefined;
  return named === undefined ? undefined : await readSecretFile(String(named), `${name}_file in ${file.path}`, directory);
}

async function readSecretFile(path: string, where: string, directory: string): Promise<Raw | { readonly problem: string }> {
  try {
    return { raw: (await readFile(resolve(directory, path), 'utf8')).trim(), where };
  } catch (error) {
    return { problem: `${where} names ${path}, which cannot be read (${(error as NodeJS.ErrnoException).code})` };
  }
}

/** `HELIU_PUBLIC_URL` for `public_url`. */
export const environmentName = (name: keyof Config): string => `HELIU_${name.toUpperCase()}`;

/** A misspelt setting would silently be its default. */
function unknownNames(environment: Environment): string[] {
  const known = Object.entries(settings).flatMap(([name, setting]) => {
    const own = environmentName(name as keyof Config);
    return setting.secret ? [own, `${own}_FILE`] : [own];
  });
  const all = [...known, ...Object.keys(other_names)];
  return Object.keys(environment)
    .filter((name) => name.startsWith('HELIU_') && !all.includes(name))
    .map((name) => `${name} is not a setting${hint(name, all)}`);
}
