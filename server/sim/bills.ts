import { sql } from 'kysely';
import { dayStart, nextDay } from '../channels/bill.ts';
import { usual_simulators } from '../channels/simulators.ts';
import { addMs, bizDate } from '../kernel/time.ts';
import type { Ctx } from '../platform/ctx.ts';
import { openBillDays } from '../recon/bills/service.ts';
import { weighDay } from '../recon/days/service.ts';
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
  return [...(await brokenByDay(world.plain as Ctx)), ...(await unbalanced(world, biz_date)), ...(await unexplained(world))];
}

/** Every day that was matched weighs in: platform = bill + exceptions. */
async function unbalanced({ plain }: World, biz_date: string): Promise<readonly Violation[]> {
  const ctx = plain as Ctx;
  const days = await ctx.db.kysely
    .selectFrom('bill_days')
    .select(['merchant_id', 'channel_account_id'])
    .where('kind', '=', 'trade')
    .where('biz_date', '=', biz_date)
    .where('matched_at', 'is not', null)
    .execute();
  const found: Violation[] = [];
  for (const { merchant_id, channel_account_id } of days) {
    const { balanced, payments, refunds } = await weighDay(ctx, { merchant_id, channel_account_id, biz_date });
    if (!balanced) found.push({ invariant: 'I-44 a day does not weigh in', rows: [{ merchant_id, channel_account_id, payments, refunds }] });
  }
  return found;
}

/** A difference that was opened, with what we hold of the payment or refund that it names. */
export type Opened = {
  readonly kind: string;
  readonly closed_at: Date | null;
  readonly channel_order_no: string | null;
  readonly biz_date: string;
  /** When ours succeeded by our own word: of a payment when it was paid, of a refund when it was asked for. */
  readonly at: Date | null;
  /** When we came to know that it had. */
  readonly known_at: Date | null;
  readonly opened_at: Date;
  /** Of a refund: when the gateway had carried it out. */
  readonly refunded_at: Date | null;
};
/** By order number: what the gateways took, what they gave back by themselves, and of which a refund has not succeeded there (CF-22). */
export type Real = { readonly paid: ReadonlySet<string>; readonly reversed: ReadonlySet<string>; readonly unreturned: ReadonlySet<string> };

/** A clock that cuts the day and the one in the answers differ, and some of these worlds have channels whose clock is wrong. */
const edge_ms = 45 * 60_000;

/**
 * The bill is right once it was issued anew: what is opened over it then is something that the world really did. Trouble with the file is over
 * by then. Money came that we did not know of, the gateway itself gave back, or the day turned in between.
 */
export function isExplained(opened: Opened, real: Real): boolean {
  const order = opened.channel_order_no ?? '';
  switch (opened.kind) {
    case 'missing_bill':
    case 'bill_refused':
      return opened.closed_at !== null;
    case 'late_paid':
    case 'unknown_paid':
      return real.paid.has(order) && (opened.known_at === null || opened.known_at >= opened.opened_at);
    case 'reversal':
      return real.reversed.has(order);
    case 'refund_hold':
    case 'refund_unknown':
    case 'state_mismatch':
      return real.unreturned.has(order);
    case 'cut_off':
      return opened.at !== null && dayStart(nextDay(opened.biz_date)).getTime() - opened.at.getTime() < edge_ms;
    case 'refund_ours_only':
      return opened.at !== null && opened.refunded_at !== null && bizDate(opened.at) !== bizDate(opened.refunded_at);
    default:
      return false;
  }
}

/** Of the two wallets: what the bills of the further gateways cannot say, and which differences come of that, is not listed here. */
async function unexplained({ plain, gateways }: World): Promise<readonly Violation[]> {
  const truths = [...gateways.simulators.values()].map((simulator) => simulator.truth());
  const { rows } =
    await sql<Opened>`select e.id, e.kind, e.detail, e.biz_date, e.opened_at, e.closed_at, e.channel_order_no, coalesce(a.paid_at, r.created_at) as at, r.refunded_at,
      (select max(t.at) from transitions t where t.merchant_id = e.merchant_id and t.object_id = e.object_id and t.to_state = 'succeeded') as known_at
    from recon_exceptions e left join attempts a on a.merchant_id = e.merchant_id and a.id = e.object_id left join refunds r on r.merchant_id = e.merchant_id and r.id = e.object_id
    where e.channel = any (${usual_simulators.map(({ channel }) => channel)}::text[])`.execute(plain.db.kysely);
  const real: Real = {
    paid: new Set(truths.flatMap(({ payments }) => payments.map(({ order_no }) => order_no))),
    // What a gateway reverses (撤销) has a number that it makes of the order's.
    reversed: new Set(truths.flatMap(({ refunds }) => refunds.flatMap(({ order_no, refund_no }) => (refund_no.endsWith(order_no) ? [order_no] : [])))),
    unreturned: new Set(truths.flatMap(({ refunds }) => refunds.flatMap(({ order_no, state }) => (state === 'succeeded' ? [] : [order_no])))),
  };
  const left = rows.filter((opened) => !isExplained(opened, real));
  return left.length === 0 ? [] : [{ invariant: 'I-43 a difference that nothing in the world explains', rows: left }];
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
