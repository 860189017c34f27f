import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Fen } from '../kernel/money.ts';
import { explainWithdrawals, type WithdrawnDay } from './withdrawals.ts';

const day = (n: number): string => `2026-11-${String(n).padStart(2, '0')}`;
const withdrawn = (n: number, ...fen: number[]): WithdrawnDay => ({
  biz_date: day(n),
  net_fen: BigInt(fen.reduce((sum, each) => sum + each, 0)),
  expected_on: day(n + 1),
  explained_before: 0,
  withdrawals: fen.map(BigInt),
});
let credits = 0;
const credit = (n: number, fen: number) => ({
  id: `bcr_${String(credits++).padStart(4, '0')}`,
  reference: `${n}/${fen}`,
  received_on: day(n),
  amount_fen: BigInt(fen) as Fen,
});
/** In words: what is matched, what is short, and what is about nothing. */
function told(days: readonly WithdrawnDay[], came: readonly ReturnType<typeof credit>[], { through = 30, unbilled = [] as number[], since = 1 } = {}) {
  const { matches, short, unexplained } = explainWithdrawals(days, came, {
    since: day(since),
    through: day(through),
    unbilled: unbilled.map((n) => ({ biz_date: day(n), expected_on: day(n) })),
  });
  return [
    ...matches.map((match) => `${match.days.map(({ biz_date }) => biz_date.slice(-2)).join()} by ${match.credits.map(({ reference }) => reference).join(' ')}`),
    ...short.map((each) => `${each.days[0]?.biz_date.slice(-2)} ${each.credited_fen} of ${each.due_fen}`),
    ...unexplained.map(({ reference }) => `? ${reference}`),
  ];
}

describe('withdrawals and credits', () => {
  for (const [what, days, came, wanted, options] of [
    ['one on its own day', [withdrawn(5, 100)], [credit(5, 100)], ['05 by 5/100']],
    ['one days later', [withdrawn(5, 100)], [credit(9, 100)], ['05 by 9/100']],
    ['never one that came before it', [withdrawn(5, 100)], [credit(4, 100)], ['05 0 of 100', '? 4/100']],
    [
      'the same amount every day: the oldest first',
      [withdrawn(5, 100), withdrawn(6, 100), withdrawn(7, 100)],
      [credit(6, 100), credit(7, 100)],
      ['05 by 6/100', '06 by 7/100', '07 0 of 100'],
    ],
    ['two of a day, by themselves', [withdrawn(5, 100, 50)], [credit(6, 50), credit(5, 100)], ['05 by 5/100 6/50']],
    ['two of a day, in one sum', [withdrawn(5, 100, 50)], [credit(6, 150)], ['05 by 6/150']],
    ['one of two is there', [withdrawn(5, 100, 50)], [credit(6, 50)], ['05 50 of 150']],
    ['one of two, and the sum of both: the sum is about nothing', [withdrawn(5, 100, 50)], [credit(6, 50), credit(6, 150)], ['05 50 of 150', '? 6/150']],
    ['another amount is about nothing, however near', [withdrawn(5, 100)], [credit(6, 99)], ['05 0 of 100', '? 6/99']],
    ['not due yet is not missing', [withdrawn(5, 100)], [], [], { through: 4 }],
    ['sent back on its day, the other one came', [withdrawn(5, 100, 70, -100)], [credit(6, 70)], ['05 by 6/70']],
    ['sent back from another day: the day is one sum', [withdrawn(5, 100, -30)], [credit(6, 70)], ['05 by 6/70']],
    ['more came back than went', [withdrawn(5, 10, -30)], [], []],
    ['what a bill that is not there may say is waited for', [], [credit(9, 100)], [], { unbilled: [3] }],
    ['but not for ever', [], [credit(14, 100)], ['? 14/100'], { unbilled: [3] }],
    ['what came before it is followed is not asked', [], [credit(5, 100)], [], { since: 6 }],
  ] as const)
    it(what, () => assert.deepEqual(told(days, came, options as Parameters<typeof told>[2]), wanted));
});
