import { createHash } from 'node:crypto';
import { equalConstantTime } from '../../kernel/digest.ts';
import type { Secret } from '../../kernel/secret.ts';

export type Values = Readonly<Record<string, unknown>>;

/**
 * Every value that is not null or empty but `sign`, as `name=value&`, sorted without regard to case: the shipped text says
 * ASCII, the code that checks (JeepayKit.getSign) does not. What sorts are the whole pieces, values included.
 * @see https://github.com/jeequan/jeepay (jeepay-core, JeepayKit)
 */
export function textToSign(values: Values): string {
  const pieces = Object.entries(values).flatMap(([name, value]) =>
    name === 'sign' || value === null || value === undefined || value === '' ? [] : [`${name}=${textOf(value)}&`],
  );
  return pieces.sort(ignoringCase).join('');
}

/** Java's order: upper case, then lower case of it, character by character. */
function ignoringCase(a: string, b: string): number {
  const [left, right] = [a.toUpperCase().toLowerCase(), b.toUpperCase().toLowerCase()];
  return left < right ? -1 : left > right ? 1 : 0;
}

const textOf = (value: unknown): string => (typeof value === 'object' ? JSON.stringify(value) : String(value));

export function signValues(values: Values, app_secret: Secret): string {
  return createHash('md5')
    .update(`${textToSign(values)}key=${app_secret.expose()}`)
    .digest('hex')
    .toUpperCase();
}

/** A message without a signature is never genuine. */
export const isSigned = (values: Values, sign: unknown, app_secret: Secret): boolean =>
  typeof sign === 'string' && sign !== '' && equalConstantTime(sign.toUpperCase(), signValues(values, app_secret));
