import assert from 'node:assert/strict';
import { it } from 'node:test';
import { campaign } from './campaign.ts';
import { lines } from './report.ts';

/** Short, with faults that mend at once; the long run is `npm run sim -- --kill`. */
const payments_least = 50;

it('OF-01 OF-02 OF-04 OF-05 kill -9 of Heliu and of PostgreSQL at random under load loses nothing and doubles nothing', async (t) => {
  const report = await campaign({
    seed: process.env.HELIU_SEED ?? 'confluence',
    kills: 2,
    database_kills: 1,
    seconds: 0,
    orders: payments_least,
    faults: ['stop_heliu', 'cut_before_commit', 'cut_after_commit', 'cut_gateways', 'dead_receiver'],
    nodes: 2,
    tills: 8,
    longest_ms: 1_000,
    pause_ms: 300,
    rest_ms_max: 120_000,
    hurry: true,
    tell: () => {},
  });
  for (const line of lines(report)) t.diagnostic(line);
  assert.deepEqual(report.violations, []);
  assert.deepEqual([report.lost, report.doubled, report.unresolved], [[], [], []]);
  assert.deepEqual(report.kills, { heliu: 2, database: 1 });
  assert.ok(report.payments >= payments_least, `${report.payments} payments`);
  for (const name of ['stop_heliu', 'cut_before_commit', 'cut_after_commit', 'cut_gateways', 'dead_receiver']) assert.ok(report.faults[name], name);
});
