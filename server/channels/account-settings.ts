import { Errors } from 'typebox/value';
import { Secret } from '../kernel/secret.ts';
import type { Channel } from './define.ts';

/** What is wrong with the settings of a channel account: the field, and the rest of a sentence that begins with it. */
export type SettingsProblem = { readonly param: string; readonly problem: string };

/** The fields that are sealed in the database and never shown again. */
export function secretFields({ config }: Channel): readonly string[] {
  return Object.entries(config.properties)
    .filter(([, schema]) => 'x-secret' in schema && schema['x-secret'] === true)
    .map(([name]) => name);
}

/**
 * Settings as a person or the database gives them, secrets in clear, to the configuration that the adapter takes. Says
 * what is wrong in words that name the field and never repeat its value.
 */
export function readSettings(channel: Channel, settings: Readonly<Record<string, unknown>>): { readonly config: unknown } | SettingsProblem {
  const [error] = Errors(channel.config, settings);
  if (error) return problemOf(error);
  const secrets = secretFields(channel);
  const config = Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, secrets.includes(name) ? new Secret(String(value)) : value]));
  return channel.checkConfig?.(config) ?? { config };
}

/** Errors about presence belong to the whole object and name the fields in their parameters. */
function problemOf({ keyword, instancePath, params, message }: ReturnType<typeof Errors>[number]): SettingsProblem {
  const [missing] = 'requiredProperties' in params ? params.requiredProperties : [];
  if (missing !== undefined) return { param: missing, problem: 'is required' };
  const param = instancePath.split('/')[1] ?? 'settings';
  return keyword === 'boolean' ? { param, problem: 'is not a setting of this channel' } : { param, problem: message };
}
