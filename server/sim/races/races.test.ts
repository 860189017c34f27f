import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Pair, type Schedule, statesOf } from './race.ts';
import { all_pairs, type Report, runRaces } from './run.ts';

const seed = process.env.HELIU_SEED ?? 'confluence';
/** What makes a failure run again, and what broke. */
const told = ({ failures }: Report): string =>
  failures
    .map(
      ({ pair, nth, steps, problems }) =>
        `npm run sim -- --races --seed ${seed} --pair ${pair.join(',')} --from ${nth} --schedules 1\n${steps.join('\n')}\n${problems.map(({ rule }) => rule).join('\n')}`,
    )
    .join('\n\n');

describe('L2 races on real PostgreSQL', () => {
  it('every pair of commands meets in some state of a payment', () => {
    assert.equal(all_pairs.length, 121);
    for (const pair of all_pairs) assert.ok(statesOf(pair).length > 0, pair.join(' and '));
  });

  it('every pair runs once and breaks nothing', async () => {
    const report = await runRaces({ seed, schedules: 1, pairs: all_pairs });
    assert.equal(report.violations, 0, told(report));
    assert.equal(report.schedules, 121);
    assert.equal(report.deadlocks, 0);
    assert.ok(report.blocked > 0, 'commands met each other inside the database');
    assert.ok(report.distinct_final_states > 5, 'they did not all end alike');
  });

  it('the same seed gives the same statements in the same order, whatever runs beside it', async () => {
    const pairs: readonly Pair[] = [
      ['notify_a', 'close'],
      ['create', 'create_again'],
    ];
    const run = async (lanes: number) => {
      const all: Schedule[] = [];
      await runRaces({ seed, schedules: 3, pairs, lanes, onPair: (_, schedules) => all.push(...schedules) });
      const sorted = all.toSorted((a, b) => `${a.pair}${a.nth}`.localeCompare(`${b.pair}${b.nth}`));
      return sorted.map(({ pair, nth, state, steps, blocked, final }) => ({ pair, nth, state, steps, blocked, final }));
    };
    const alone = await run(1);
    assert.equal(alone.length, 6);
    assert.deepEqual(await run(3), alone);
  });

  it('finds the lost update when the version does not guard a payment any more', async () => {
    // Every value of the statement is still bound; only the comparison is always true.
    const unguarded = (text: string) => text.replace(/ and version = (\$\d+)(?=\s*(returning|\)))/g, ' and $1::bigint is not null');
    const pair: Pair = ['refund', 'refund_again'];
    // Its schedules that begin with a payment that is simply paid.
    const paid = Array.from({ length: 40 }, (_, nth) => nth).filter((nth) => statesOf(pair)[nth % statesOf(pair).length] === 'paid');
    const rules: string[] = [];
    for (const from of paid) {
      const { failures } = await runRaces({ seed: 'confluence', schedules: 1, from, pairs: [pair], rewrite: unguarded });
      rules.push(...failures.flatMap(({ problems }) => problems.map(({ rule }) => rule)));
      if (rules.length > 0) break;
    }
    assert.ok(
      rules.some((rule) => rule.startsWith('I-11')),
      `two refunds were reserved over each other: ${rules.join('; ')}`,
    );
  });
});
