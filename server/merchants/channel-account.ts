import { readSettings, type SettingsProblem, secretFields } from '../channels/account-settings.ts';
import type { Account, Channel } from '../channels/define.ts';
import type { Table } from '../kernel/machine.ts';
import { type Refusal, refuse } from '../kernel/refusal.ts';
import { Secret } from '../kernel/secret.ts';
import { isName, refuseName } from './merchant.ts';

/** A channel account as its owner may see it: secrets by name only. */
export type ChannelAccount = {
  readonly id: string;
  readonly merchant_id: string;
  readonly livemode: boolean;
  readonly channel: string;
  readonly name: string;
  readonly state: ChannelAccountState;
  /** Lower is tried first. */
  readonly priority: number;
  /** Of its settings. An open order keeps the version that it was sent with. */
  readonly version: number;
  readonly created_at: Date;
  readonly settings: Readonly<Record<string, unknown>>;
  /** Names of the secret settings that are held. */
  readonly secrets: readonly string[];
};

export type ChannelAccountState = 'active' | 'paused' | 'closed';

/** `paused` takes no new payments; notifications, queries and refunds of earlier ones go on. `closed` is for ever. */
export const channel_account_table = {
  name: 'channel_account',
  initial: 'active',
  resting: ['closed'],
  moves: {
    active: { pause: 'paused', resume: 'active', close: 'closed' },
    paused: { pause: 'paused', resume: 'active', close: 'closed' },
    closed: { close: 'closed' },
  },
} as const satisfies Table<ChannelAccountState, 'pause' | 'resume' | 'close'>;
export type ChannelAccountStep = 'pause' | 'resume' | 'close';

export type Settings = Readonly<Record<string, unknown>>;

/** Settings taken apart: what may be shown, and what is sealed. */
export type SplitSettings = { readonly settings: Settings; readonly secrets: Readonly<Record<string, string>> };

/** Checks settings against the channel and takes them apart. The refusal names the setting and never repeats its value. */
export function splitSettings(channel: Channel, settings: Settings): SplitSettings | Refusal {
  const read = readSettings(channel, settings);
  if ('problem' in read) return refuseSetting(read);
  const secret_names = secretFields(channel);
  const isSecret = ([name]: [string, unknown]) => secret_names.includes(name);
  const entries = Object.entries(settings);
  return {
    settings: Object.fromEntries(entries.filter((entry) => !isSecret(entry))),
    secrets: Object.fromEntries(entries.filter(isSecret)) as Record<string, string>,
  };
}

/** The settings after a change: what is given replaces, `null` removes, the rest stays. */
export const mergeSettings = (now: SplitSettings, changes: Settings): Settings =>
  Object.fromEntries(Object.entries({ ...now.settings, ...now.secrets, ...changes }).filter(([, value]) => value !== null && value !== undefined));

export const refuseSetting = ({ param, problem }: SettingsProblem): Refusal =>
  refuse('parameter_invalid', `settings.${param}`, { expected: `it ${problem}`, expected_zh: problem });

/** Settings that say where a gateway is: they are checked like any address that we call. */
export const urlSettings = (settings: Settings): [name: string, url: string][] =>
  Object.entries(settings).filter((entry): entry is [string, string] => entry[0].endsWith('_url') && typeof entry[1] === 'string');

/** Real money never goes to a simulator, whatever the settings say. */
export function refuseSimulator(settings: Settings, public_url: string): Refusal | undefined {
  const simulated = urlSettings(settings).find(([, url]) => url === public_url || url.startsWith(`${public_url}/`));
  return simulated && refuseSetting({ param: simulated[0], problem: 'is a simulator of this installation, which takes no live payments' });
}

/** Checks what stands beside the settings. */
export function checkNaming({ name, priority }: { readonly name?: string | undefined; readonly priority?: number | undefined }): Refusal | undefined {
  if (name !== undefined && !isName(name)) return refuseName();
  if (priority !== undefined && !(Number.isInteger(priority) && priority >= 0 && priority <= priority_max)) {
    return refuse('parameter_invalid', 'priority', { expected: `a whole number from 0 to ${priority_max}`, expected_zh: `0 至 ${priority_max} 的整数` });
  }
  return undefined;
}
const priority_max = 1_000_000;

/** The account that the channel's functions take, with its secrets wrapped. What was stored was checked: it is trusted here. */
export const toAccount = (facts: Omit<Account, 'config'>, stored: SplitSettings): Account => ({ ...facts, config: toConfig(stored) });

/** Settings as a channel's functions take them, with the secrets wrapped. */
export const toConfig = ({ settings, secrets }: SplitSettings): Record<string, unknown> => ({
  ...settings,
  ...Object.fromEntries(Object.entries(secrets).map(([name, value]) => [name, new Secret(value)])),
});
