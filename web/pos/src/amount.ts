/** Amounts are whole fen; text is for people. */
export const yuan = (fen: number): string => `${Math.trunc(fen / 100)}.${String(fen % 100).padStart(2, '0')}`;

/** The largest amount that is typed at a till: 999,999.99 yuan. */
const fen_max = 99_999_999;

/** Digits are pushed in from the right, as at every till: 1, 2, 8, 0 is 12.80. */
export const typed = (fen: number, key: string): number => {
  const next = Number(`${fen}${key}`);
  return next > fen_max ? fen : next;
};

/** Reads `12.8` without a float; undefined for anything else. */
export function readYuan(text: string): number | undefined {
  const match = /^(\d{1,6})(?:\.(\d{1,2}))?$/.exec(text.trim());
  if (!match) return undefined;
  const fen = Number(match[1]) * 100 + Number((match[2] ?? '').padEnd(2, '0'));
  return fen > 0 ? fen : undefined;
}
