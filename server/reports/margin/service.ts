import { statement_days_max } from '../../kernel/limits.ts';
import { RefusalError, refuse } from '../../kernel/refusal.ts';
import { isDay } from '../../ledger/day.ts';
import type { Ctx } from '../../platform/ctx.ts';
import { type Margin, marginOf } from './margin.ts';
import { type Period, readMarginRows } from './store.ts';

/** What each channel account of a merchant left in a period of at most a year: the price beside the channel's actual fee. */
export async function readMargins(ctx: Ctx, period: Period): Promise<readonly Margin[]> {
  const { from, through } = period;
  for (const [param, day] of [
    ['from', from],
    ['through', through],
  ] as const)
    if (!isDay(day)) throw new RefusalError(refuse('parameter_invalid', param, { expected: 'a day such as 2026-11-21', expected_zh: '如 2026-11-21 的日期' }));
  const days = (Date.parse(through) - Date.parse(from)) / 86_400_000 + 1;
  if (days < 1 || days > statement_days_max) throw new RefusalError(refuse('statement_period_invalid', 'through'));
  return (await readMarginRows(ctx, period)).map(marginOf);
}
