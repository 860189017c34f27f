/** Money is integer 分 (fen) in a branded bigint, so that a float cannot be mixed in. */
declare const fen: unique symbol;
export type Fen = bigint & { readonly [fen]: true };

export const ZERO = 0n as Fen;

/** Fen from an integer that a schema has already checked; throws on anything that is not a safe integer. */
export function toFen(value: number | bigint): Fen {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) throw new RangeError(`not an integer amount in fen: ${value}`);
  return BigInt(value) as Fen;
}

export const addFen = (a: Fen, b: Fen): Fen => (a + b) as Fen;
export const subtractFen = (a: Fen, b: Fen): Fen => (a - b) as Fen;

/** Fen to a JSON number. Amounts are limited far below 2^53, so nothing is lost. */
export function fenToNumber(amount: Fen): number {
  const value = Number(amount);
  if (!Number.isSafeInteger(value)) throw new RangeError(`amount leaves the safe integers: ${amount}`);
  return value;
}

/**
 * Reads an amount in yuan as channels write it: "12", "12.3", "12.34", "-0.01". Exact: no exponent, no sign but a
 * leading minus, at most two decimals. Returns undefined for anything else, so that a caller must decide.
 */
export function parseYuan(text: string): Fen | undefined {
  const match = /^(-?)(\d{1,15})(?:\.(\d{1,2}))?$/.exec(text);
  if (!match) return undefined;
  const [, sign, yuan, cents = ''] = match;
  const value = BigInt(yuan as string) * 100n + BigInt(cents.padEnd(2, '0'));
  return (sign === '-' ? -value : value) as Fen;
}

/** "12.34": always two decimals, as the channels ask. */
export function formatYuan(amount: Fen): string {
  const absolute = amount < 0n ? -amount : amount;
  const text = `${absolute / 100n}.${String(absolute % 100n).padStart(2, '0')}`;
  return amount < 0n ? `-${text}` : text;
}
