import { createHash } from 'node:crypto';
import { equalConstantTime } from '../../kernel/digest.ts';

/** One name and its value, in the order of the manual: this gateway sorts nothing. */
export type Part = readonly [name: string, value: string];

/** Upper-case MD5 of `NAME=value&…&KEY=<data key>` in exactly the order given. */
export function macOf(parts: readonly Part[], data_key: string): string {
  const text = [...parts, ['KEY', data_key] as const].map(([name, value]) => `${name}=${value}`).join('&');
  return createHash('md5').update(text).digest('hex').toUpperCase();
}

/** A message without its MAC is never genuine. */
export const isMac = (given: unknown, parts: readonly Part[], data_key: string): boolean =>
  typeof given === 'string' && given !== '' && equalConstantTime(given.toUpperCase(), macOf(parts, data_key));
