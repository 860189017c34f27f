import { sql } from 'kysely';
import { dayStart } from '../channels/bill.ts';
import { addMs, bizDate } from '../kernel/time.ts';
import type { Ctx } from '../platform/ctx.ts';
import { openBillDays } from '../recon/bills/service.ts';
import { brokenByDay, type Violation } from '../testing/invariants.ts';
import type { World } from './world.ts';

/** What is wrong with a bill at first; it is issued anew, without it. */
const faults = ['truncated', 'summary', 'digest', 'columns', 'bare'] as const;
/** Of the worlds that have the fault: taking in bills is dear, and they come once a day. */
const share = 0.4;
const hour_ms = 3_600_000;
/** From here on every channel has published its bills, and nodes have asked for them at least once. */
const asked_after_ms = 34.5 * hour_ms;
/** Bills are asked for again each half hour, so that a day that is not taken in by now is forgotten. */
const taken_in_ms_max = 6 * hour_ms;

/** Whether this world comes to its bills. */
export const takesInBills = ({ faults, dice }: World['sim']): boolean => faults.on.includes('CF-23') && dice('bills').chance(share);

/** CF-23: the bills of the day are late, cut off or wrong, and issued anew. Gives what does not hold of them then. */
export async function takeInBills(world: World): Promise<readonly Violation[]> {
  const { sim } = world;
  if (!takesInBills(sim)) return [];
  const dice = sim.dice('trouble with bills');
  const biz_date = bizDate(new Date(sim.scheduler.now_ms()));
  const started = dayStart(biz_date);
  const until = (at: Date) => sim.sleep(at.getTime() - sim.scheduler.now_ms());
  const simulators = [...world.gateways.simulators.values()];
  await until(addMs(started, 25 * hour_ms));
  await openBillDays(world.someCtx());
  for (const simulator of simulators) {
    if (dice.chance(0.5)) simulator.inject({ kind: 'bill_not_ready', on: 'bill', times: dice.between(1, 4) });
    else simulator.inject({ kind: 'bill_error', code: dice.pick(faults) });
  }
  await until(addMs(started, asked_after_ms));
  for (let count = await troubled(world, biz_date); count > 0; count--) sim.faults.count('CF-23');
  for (const simulator of simulators) simulator.inject({ kind: 'bill_error', code: 'correct' });
  const give_up_ms = sim.scheduler.now_ms() + taken_in_ms_max;
  for (;;) {
    await sim.sleep(600_000);
    if (!sim.database.isFree()) continue;
    const waiting = await wanted(world, biz_date);
    if (waiting.length === 0) break;
    if (sim.scheduler.now_ms() > give_up_ms) return [{ invariant: 'I-43 a bill was issued and never taken in', rows: waiting }];
  }
  return brokenByDay(world.plain as Ctx);
}

async function wanted({ plain }: World, biz_date: string): Promise<readonly unknown[]> {
  const { rows } = await sql`select * from bill_days where biz_date = ${biz_date} and (state = 'wanted' or (kind = 'trade' and matched_at is null))`.execute(
    plain.db.kysely,
  );
  return rows.filter((row) => (row as { state: string }).state !== 'empty');
}

/** Days on which a look brought nothing, or a file that was refused. */
async function troubled({ plain }: World, biz_date: string): Promise<number> {
  const { rows } = await sql<{ days: bigint }>`select count(*) as days from bill_days d where biz_date = ${biz_date}
    and (tries > 1 or problem is not null or exists (select 1 from bills b where b.merchant_id = d.merchant_id and b.channel_account_id = d.channel_account_id
      and b.kind = d.kind and b.biz_date = d.biz_date and b.state = 'refused'))`.execute(plain.db.kysely);
  return Number(rows[0]?.days ?? 0);
}
