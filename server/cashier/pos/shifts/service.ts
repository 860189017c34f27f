import type { Shift, ShiftTotal } from '@heliu/contract';
import { newId } from '../../../kernel/id.ts';
import { RefusalError, refuse } from '../../../kernel/refusal.ts';
import { parseRfc3339 } from '../../../kernel/time.ts';
import { getTerminal } from '../../../merchants/terminals/service.ts';
import type { Caller } from '../../../platform/caller.ts';
import type { Ctx } from '../../../platform/ctx.ts';
import { violatedConstraint } from '../../../platform/db/db.ts';
import type { Device } from '../device.ts';
import * as store from './store.ts';

/** The shift that is running: from the hand-over before until now. */
export type OpenShift = { readonly opened_at: string; readonly totals: readonly ShiftTotal[] };

export async function openShift(ctx: Ctx, device: Device): Promise<OpenShift> {
  const from = await beginningOf(ctx, device);
  const { merchant_id, terminal_id } = device;
  return { opened_at: from.toISOString(), totals: await store.totalsOf(ctx, { merchant_id, terminal_id, from, until: ctx.clock.now() }) };
}

/** What was decided before the hand-over is written by then: a decision is one statement, made within milliseconds of its time. */
const settle_ms = 1_500;

/**
 * Hands over: counts what the terminal took since the hand-over before, and begins the next shift at the same instant. A
 * device that names its shift may send it again after a lost answer: what was handed over is shown, and nothing is twice.
 */
export async function handOver(
  ctx: Ctx,
  device: Device,
  { cashier, opened_at: named }: { readonly cashier: string; readonly opened_at?: string },
): Promise<Shift> {
  const { merchant_id, livemode, store_id, terminal_id } = device;
  const opened_at = await beginningOf(ctx, device);
  const meant = named === undefined ? opened_at : parseRfc3339(named);
  if (meant?.getTime() !== opened_at.getTime()) {
    const known = meant && (await store.findShift(ctx, { merchant_id, livemode, terminal_id, opened_at: meant }));
    if (!known) throw new RefusalError(refuse('parameter_invalid', 'opened_at'));
    return viewShift(known);
  }
  const closed_at = ctx.clock.now();
  await ctx.clock.sleep(settle_ms);
  const totals = await store.totalsOf(ctx, { merchant_id, terminal_id, from: opened_at, until: closed_at });
  const id = newId('shift', closed_at, ctx.rng);
  const row: store.ShiftRow = { merchant_id, id, livemode, store_id, terminal_id, device_id: device.id, cashier, opened_at, closed_at, totals };
  try {
    await store.insertShift(ctx, row);
    return viewShift(row);
  } catch (error) {
    // Pressed twice, or at two devices of the terminal: the shift was handed over once.
    if (violatedConstraint(error) !== 'shifts_once') throw error;
    const [last] = await store.listShifts(ctx, { merchant_id, livemode, terminal_id, limit: 1 });
    return viewShift(last ?? row);
  }
}

/** Newest first. */
export async function listShifts(ctx: Ctx, caller: Caller, filter: Omit<store.ShiftFilter, 'merchant_id' | 'livemode'>): Promise<Shift[]> {
  const { merchant_id, livemode } = caller;
  return (await store.listShifts(ctx, { ...filter, merchant_id, livemode })).map(viewShift);
}

async function beginningOf(ctx: Ctx, { merchant_id, livemode, terminal_id }: Device): Promise<Date> {
  const [last] = await store.listShifts(ctx, { merchant_id, livemode, terminal_id, limit: 1 });
  return last?.closed_at ?? (await getTerminal(ctx, { merchant_id, livemode }, terminal_id)).created_at;
}

const viewShift = ({ id, livemode, store_id, terminal_id, device_id, cashier, opened_at, closed_at, totals }: store.ShiftRow): Shift => ({
  object: 'shift',
  id,
  livemode,
  store_id,
  terminal_id,
  device_id,
  cashier,
  opened_at: opened_at.toISOString(),
  closed_at: closed_at.toISOString(),
  totals: [...totals],
});
