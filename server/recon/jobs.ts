import type { PaymentsCtx } from '../payments/ctx.ts';
import type { DueTask } from '../platform/due/sweeper.ts';
import { type BillDayRow, fetch_steps_ms } from './bills/bill.ts';
import { openBillDays } from './bills/service.ts';
import { claimDays } from './bills/store.ts';
import { lookAgain, takeDay } from './days/service.ts';
import { finishDecided, tellAged } from './exceptions/service.ts';

/** Bills that one node fetches and matches at a time: each may hold a hundred megabytes. */
const concurrency = 2;

/** The due rows of reconciliation: days whose bill may be there by now, or may have been issued anew. */
export function reconTasks(ctx: PaymentsCtx): readonly DueTask<unknown>[] {
  const bills: DueTask<BillDayRow> = {
    name: 'bills',
    lease_ms: fetch_steps_ms[0] as number,
    concurrency,
    concurrency_per_key: 1,
    key: ({ channel_account_id }) => channel_account_id,
    claim: (limit, now) => claimDays(ctx, limit, now, fetch_steps_ms),
    work: async (day) => {
      await (day.state === 'wanted' ? takeDay(ctx, day) : lookAgain(ctx, day));
    },
  };
  return [bills as DueTask<unknown>];
}

/** Rare work that no row asks for: new days, differences that a dead node left half-way, and those that nobody looks after. */
export async function keepReconHouse(ctx: PaymentsCtx): Promise<void> {
  await openBillDays(ctx);
  await finishDecided(ctx);
  await tellAged(ctx);
}
