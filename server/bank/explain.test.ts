import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { nextDay } from '../channels/bill.ts';
import type { Fen } from '../kernel/money.ts';
import { explain, type Horizon, type OpenCredit, type OpenDay } from './explain.ts';

/** Friday the 20th to Tuesday the 24th; Saturday and Sunday are paid with Friday, on Monday. */
const expected: Readonly<Record<string, string>> = { 19: '20', 20: '23', 21: '23', 22: '23', 23: '24', 24: '25' };
const date = (day: number | string): string => `2026-11-${day}`;
const day = (at: number, net: number): OpenDay => ({
  biz_date: date(at),
  net_fen: BigInt(net),
  expected_on: date(expected[at] as string),
  explained_before: 0,
});
const credit = (at: number, amount: number, id = `c${at}-${amount}`): OpenCredit => ({
  id,
  reference: id,
  received_on: date(at),
  amount_fen: BigInt(amount) as Fen,
});
const horizon: Horizon = { since: date(20), through: date(24), unbilled: [] };
const run = (days: readonly OpenDay[], credits: readonly OpenCredit[], of: Partial<Horizon> = {}) => {
  const { matches, short, unexplained } = explain(days, credits, { ...horizon, ...of });
  return {
    matches: matches.map((match) => `${match.credits.map(({ id }) => id).join('+')} = ${match.days.map(({ biz_date }) => biz_date.slice(8)).join('+')}`),
    short: short.map((each) => `${each.days.map(({ biz_date }) => biz_date.slice(8)).join('+')}: ${each.credited_fen} of ${each.due_fen}`),
    unexplained: unexplained.map(({ id }) => id),
  };
};
const nothing = { matches: [], short: [], unexplained: [] };

const cases: readonly {
  name: string;
  days: readonly OpenDay[];
  credits: readonly OpenCredit[];
  of?: Partial<Horizon>;
  found: Partial<typeof nothing> | object;
}[] = [
  { name: 'a credit of one day', days: [day(19, 900)], credits: [credit(20, 900, 'a')], found: { matches: ['a = 19'] } },
  {
    name: 'a credit of three days over a weekend',
    days: [day(20, 100), day(21, 200), day(22, 300)],
    credits: [credit(23, 600, 'a')],
    found: { matches: ['a = 20+21+22'] },
  },
  {
    name: 'the same days paid one by one on the same day',
    days: [day(20, 100), day(21, 200), day(22, 350)],
    credits: [credit(23, 350, 'a'), credit(23, 100, 'b'), credit(23, 200, 'c')],
    found: { matches: ['a = 22', 'b = 20', 'c = 21'] },
  },
  {
    name: 'one day paid by two credits',
    days: [day(19, 900)],
    credits: [credit(20, 500, 'a'), credit(20, 400, 'b')],
    found: { matches: ['a+b = 19'] },
  },
  {
    name: 'days that come to the same: the one that was expected then, so that the other is missing',
    days: [day(19, 900), day(23, 900)],
    credits: [credit(24, 900, 'a')],
    found: { matches: ['a = 23'], short: ['19: 0 of 900'] },
  },
  {
    name: 'a day of refunds is taken from the next',
    days: [day(19, -50), day(23, 900)],
    credits: [credit(24, 850, 'a')],
    found: { matches: ['a = 19+23'] },
  },
  {
    name: 'days that add up by chance, with one between them that is explained',
    days: [day(19, 100), { ...day(21, 200), explained_before: 1 }],
    credits: [credit(24, 300, 'a')],
    found: { short: ['19: 0 of 100', '21: 0 of 200'], unexplained: ['a'] },
  },
  { name: 'a day of refunds alone is owed by nobody', days: [day(19, -50)], credits: [], found: {} },
  { name: 'a day that came to nothing asks for nothing', days: [day(19, 0)], credits: [], found: {} },
  { name: 'too little', days: [day(19, 900)], credits: [credit(20, 895, 'a')], found: { short: ['19: 895 of 900'] } },
  {
    name: 'too little of a weekend',
    days: [day(20, 100), day(21, 200), day(22, 300)],
    credits: [credit(23, 599, 'a')],
    found: { short: ['20+21+22: 599 of 600'] },
  },
  { name: 'too much', days: [day(19, 900)], credits: [credit(20, 901, 'a')], found: { short: ['19: 0 of 900'], unexplained: ['a'] } },
  { name: 'nothing', days: [day(19, 900)], credits: [], found: { short: ['19: 0 of 900'] } },
  { name: 'nothing yet, before it is known', days: [day(24, 900)], credits: [], found: {} },
  { name: 'the same twice', days: [day(19, 900)], credits: [credit(20, 900, 'a'), credit(20, 900, 'b')], found: { matches: ['a = 19'], unexplained: ['b'] } },
  { name: 'a credit of before what is followed', days: [], credits: [credit(19, 900, 'a')], found: {} },
  {
    name: 'a credit that may be of a day whose bill is not there',
    days: [],
    credits: [credit(24, 900, 'a')],
    of: { unbilled: [{ biz_date: date(23), expected_on: date(24) }] },
    found: {},
  },
  {
    name: 'days with one whose bill is not there are not judged',
    days: [day(20, 100), day(22, 300)],
    credits: [credit(23, 600, 'a')],
    of: { unbilled: [{ biz_date: date(21), expected_on: date(23) }] },
    found: {},
  },
  { name: 'a credit is of no day after it', days: [day(24, 900)], credits: [credit(23, 900, 'a')], found: { unexplained: ['a'] } },
];

describe('what credits are about', () => {
  for (const { name, days, credits, of, found } of cases) {
    it(name, () => {
      assert.deepEqual(run(days, credits, of), { ...nothing, ...found });
      assert.deepEqual(run(days.toReversed(), credits.toReversed(), of), { ...nothing, ...found }, 'in whatever order they are read');
    });
  }

  it('however days are merged, credits that add up explain all of them, and one that is a fen off is seen', () => {
    const parts = fc.array(fc.array(fc.integer({ min: 1, max: 10_000_000 }), { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(parts, fc.nat(), fc.constantFrom(0, -1), (groups, which, off) => {
        const days: OpenDay[] = [];
        const credits: OpenCredit[] = [];
        let at = '2026-01-01';
        for (const [n, nets] of groups.entries()) {
          const first = days.length;
          for (const net of nets) {
            days.push({ biz_date: at, net_fen: BigInt(net), expected_on: '', explained_before: 0 });
            at = nextDay(at);
          }
          for (let each = first; each < days.length; each++) days[each] = { ...(days[each] as OpenDay), expected_on: at };
          const sum = nets.reduce((total, net) => total + net, 0) + (n === which % groups.length ? off : 0);
          if (sum > 0) credits.push({ id: `c${n}`, reference: `c${n}`, received_on: at, amount_fen: BigInt(sum) as Fen });
        }
        const { matches, short, unexplained } = explain(days, credits, { since: '2026-01-01', through: at, unbilled: [] });
        const sumOf = (list: readonly { readonly net_fen: bigint }[]) => list.reduce((total, { net_fen }) => total + net_fen, 0n);
        for (const match of matches) {
          assert.equal(
            match.credits.reduce((total, { amount_fen }) => total + amount_fen, 0n),
            sumOf(match.days),
            'what is a match adds up',
          );
        }
        const [due, credited] = [sumOf(days), credits.reduce((total, { amount_fen }) => total + amount_fen, 0n)];
        const open =
          short.reduce((total, each) => total + each.due_fen - each.credited_fen, 0n) - unexplained.reduce((total, each) => total + each.amount_fen, 0n);
        assert.equal(open, due - credited, 'what is told is what is off, to the fen');
        if (off === 0) assert.deepEqual([short, unexplained], [[], []]);
      }),
      { numRuns: 300 },
    );
  });
});
