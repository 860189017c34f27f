import { statement_days_max } from '../kernel/limits.ts';
import { type Refusal, refuse } from '../kernel/refusal.ts';
import { isDay } from '../ledger/day.ts';

/** Days of Shanghai, both of them within. */
export type Period = { readonly from: string; readonly through: string };

/** Checks what a person typed; names the day. */
export function checkPeriod({ from, through }: Period, today: string): Refusal | undefined {
  for (const [param, day] of [
    ['from', from],
    ['through', through],
  ] as const)
    if (!isDay(day)) return refuse('parameter_invalid', param, { expected: 'a day such as 2026-11-21', expected_zh: '如 2026-11-21 的日期' });
  const days = (Date.parse(through) - Date.parse(from)) / 86_400_000 + 1;
  return days < 1 || days > statement_days_max || through > today ? refuse('statement_period_invalid', 'through') : undefined;
}
