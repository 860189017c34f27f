import type { Costs } from '@heliu/contract';
import { RefusalError, refuse } from '../../kernel/refusal.ts';
import { addMs, bizDate, parseShanghai } from '../../kernel/time.ts';
import type { Caller } from '../../platform/caller.ts';
import type { Ctx } from '../../platform/ctx.ts';
import * as store from '../store.ts';

/** What payments cost at the channels, over at most a month of business days. */
export async function listCosts(
  ctx: Ctx,
  caller: Pick<Caller, 'merchant_id' | 'livemode'>,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<Costs> {
  const days = daysOf(from, to);
  return {
    object: 'routing_costs',
    rows: await store.sumCosts(ctx, { merchant_id: caller.merchant_id, livemode: caller.livemode }, days.from, days.before),
  };
}

/** Business days as instants, the first of which counts and the last does not; at most a month of them. */
export function daysOf(from: string, to: string): { readonly from: Date; readonly before: Date } {
  const [first, last] = [startOfDay(from), startOfDay(to)];
  if (!first) throw new RefusalError(refuse('parameter_invalid', 'from', { expected: 'a day of the calendar', expected_zh: '日历中的日期' }));
  const days = last ? (last.getTime() - first.getTime()) / day_ms : -1;
  if (!last || days < 0 || days >= cost_days_max) {
    throw new RefusalError(
      refuse('parameter_invalid', 'to', { expected: `0 to ${cost_days_max - 1} days after from`, expected_zh: `from 之后 0 至 ${cost_days_max - 1} 天` }),
    );
  }
  return { from: first, before: addMs(last, day_ms) };
}
const day_ms = 86_400_000;
const cost_days_max = 31;

/** Midnight in Asia/Shanghai; undefined when the calendar has no such day. */
function startOfDay(text: string): Date | undefined {
  const at = parseShanghai(`${text} 00:00:00`);
  return at && bizDate(at) === text ? at : undefined;
}
