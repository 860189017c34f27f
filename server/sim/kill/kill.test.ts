import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { type CampaignOptions, campaign } from './campaign.ts';
import { lines } from './report.ts';

/** Short, with faults that mend at once; the long run is `npm run sim -- --kill`. */
const payments_least = 50;

const usual = {
  seed: process.env.HELIU_SEED ?? 'confluence',
  seconds: 0,
  nodes: 2,
  tills: 8,
  longest_ms: 1_000,
  pause_ms: 300,
  rest_ms_max: 120_000,
  hurry: true,
  tell: () => {},
} as const;

async function holds(t: TestContext, options: Pick<CampaignOptions, 'kills' | 'database_kills' | 'orders' | 'faults'>): Promise<void> {
  const report = await campaign({ ...usual, ...options });
  for (const line of lines(report)) t.diagnostic(line);
  assert.deepEqual(report.violations, []);
  assert.deepEqual([report.lost, report.doubled, report.unresolved], [[], [], []]);
  assert.deepEqual(report.kills, { heliu: options.kills, database: options.database_kills });
  assert.ok(report.payments >= options.orders, `${report.payments} payments`);
  for (const name of options.faults) assert.ok(report.faults[name], name);
}

it('OF-01 OF-02 OF-04 OF-05 kill -9 of Heliu and of PostgreSQL at random under load loses nothing and doubles nothing', async (t) => {
  const faults = ['stop_heliu', 'cut_before_commit', 'cut_after_commit', 'cut_gateways', 'dead_receiver'];
  await holds(t, { kills: 2, database_kills: 1, orders: payments_least, faults });
});

it('OF-06 OF-13 OF-15 nor do a fail-over and back, a node without memory, one that stands still, and two versions at once', async (t) => {
  await holds(t, { kills: 0, database_kills: 0, orders: payments_least, faults: ['fail_over', 'exhaust_heliu', 'block_heliu', 'upgrade'] });
});
