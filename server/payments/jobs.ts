import type { DueTask } from '../platform/due/sweeper.ts';
import { pursueClose, pursueDue } from './closes/service.ts';
import type { PaymentsCtx } from './ctx.ts';
import { pursueRefund } from './refunds/service.ts';
import { barcode_steps_ms, close_steps_ms, refund_steps_ms, refund_turn_ms, waiting_steps_ms } from './schedule.ts';
import { beginTurn } from './service.ts';
import { claimAttempts, claimCloses, claimRefunds, type DueAttempt, type DuePayment, type DueRefund } from './store.ts';
import type { Turn } from './turn.ts';

/** Calls to channels under way on one node for due rows, so that payers' own requests keep most of the room. */
const concurrency = 32;
/** Of one channel account, or of one merchant: whoever hangs must leave room for the others. */
const per_key = 8;

/** The due rows of payments: attempts and refunds to ask about, payments to close. The schedule is the lease. */
export function paymentTasks(ctx: PaymentsCtx): readonly DueTask<unknown>[] {
  const attempts: DueTask<DueAttempt> = {
    name: 'attempts',
    lease_ms: barcode_steps_ms[0] as number,
    concurrency,
    concurrency_per_key: per_key,
    key: ({ channel_account_id }) => channel_account_id,
    claim: (limit, now, _lease, busy) => claimAttempts(ctx, { limit, now, busy, per_key }, waiting_steps_ms, barcode_steps_ms),
    work: ({ merchant_id, id }) => pursueDue(ctx, merchant_id, id),
  };
  const closes: DueTask<DuePayment> = {
    name: 'closes',
    lease_ms: close_steps_ms[0] as number,
    concurrency,
    concurrency_per_key: per_key,
    key: ({ merchant_id }) => merchant_id,
    claim: (limit, now, _lease, busy) => claimCloses(ctx, { limit, now, busy, per_key }, close_steps_ms),
    work: ({ merchant_id, id }) => pursueClose(ctx, merchant_id, id),
  };
  const refunds: DueTask<DueRefund & { readonly turn: Turn }> = {
    name: 'refunds',
    lease_ms: refund_steps_ms[0] as number,
    concurrency,
    concurrency_per_key: per_key,
    key: ({ merchant_id }) => merchant_id,
    claim: async (limit, now, _lease, busy) => {
      const turn = beginTurn(ctx, refund_turn_ms);
      const claimed = await claimRefunds(ctx, { limit, now, busy, per_key }, refund_steps_ms);
      return claimed.map((refund) => ({ ...refund, turn }));
    },
    work: ({ merchant_id, id, turn }) => pursueRefund(ctx, merchant_id, id, turn),
  };
  return [attempts as DueTask<unknown>, closes as DueTask<unknown>, refunds as DueTask<unknown>];
}
