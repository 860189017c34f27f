import { nextDay } from '../../ledger/posting.ts';

/** When a channel pays: so many days after the day of the payment, counted in days of the calendar or in working days. */
export type Terms = { readonly days: number; readonly counts: 'calendar' | 'business'; readonly confirmed: boolean };

/** What an account has until somebody says what its contract says: T+1 in working days, not confirmed. */
export const default_terms: Terms = { days: 1, counts: 'business', confirmed: false };

/** An expected arrival; `confirmed` when both the terms and the calendar up to it are known and not supposed. */
export type Arrival = { readonly date: string; readonly confirmed: boolean };

/** Days that are not what their weekday says, and whether that is certain. */
export type Calendar = ReadonlyMap<string, { readonly working: boolean; readonly confirmed: boolean }>;

/** No channel pays later than this. */
export const terms_days_max = 60;

/** The day on which a channel is expected to pay for a day's payments. */
export function arrivalOf(biz_date: string, terms: Terms, calendar: Calendar): Arrival {
  let date = biz_date;
  let confirmed = terms.confirmed;
  for (let left = terms.days; left > 0; ) {
    date = nextDay(date);
    const day = dayOf(date, calendar);
    if (terms.counts === 'business') confirmed &&= day.confirmed;
    if (terms.counts === 'calendar' || day.working) left -= 1;
  }
  return { date, confirmed };
}

/** A day of which nothing is said is what its weekday is, and supposed. */
export function dayOf(date: string, calendar: Calendar): { readonly working: boolean; readonly confirmed: boolean } {
  const named = calendar.get(date);
  if (named) return named;
  const weekday = new Date(`${date}T00:00:00Z`).getUTCDay();
  return { working: weekday !== 0 && weekday !== 6, confirmed: false };
}

/**
 * Holidays of 2026 and the days worked for them. They were not compared with the notice of the State Council
 * (国务院办公厅关于2026年部分节假日安排的通知), so they are supposed until the operator has confirmed them; what an installation says of
 * a day goes before.
 */
const arranged: readonly (readonly [from: string, through: string, working: boolean])[] = [
  ['2026-01-01', '2026-01-03', false],
  ['2026-01-04', '2026-01-04', true],
  ['2026-02-14', '2026-02-14', true],
  ['2026-02-15', '2026-02-23', false],
  ['2026-02-28', '2026-02-28', true],
  ['2026-04-04', '2026-04-06', false],
  ['2026-05-01', '2026-05-05', false],
  ['2026-05-09', '2026-05-09', true],
  ['2026-06-19', '2026-06-21', false],
  ['2026-09-20', '2026-09-20', true],
  ['2026-09-25', '2026-09-27', false],
  ['2026-10-01', '2026-10-07', false],
  ['2026-10-10', '2026-10-10', true],
];

export type CalendarDay = { readonly date: string; readonly working: boolean; readonly confirmed: boolean };

/** The built-in days, with what the installation knows better. */
export function calendarWith(own: readonly CalendarDay[]): Calendar {
  const days = new Map<string, { working: boolean; confirmed: boolean }>();
  for (const [from, through, working] of arranged) for (let date = from; date <= through; date = nextDay(date)) days.set(date, { working, confirmed: false });
  for (const { date, working, confirmed } of own) days.set(date, { working, confirmed });
  return days;
}

/** Every day of a year as it is counted now. */
export function yearOf(year: string, calendar: Calendar): CalendarDay[] {
  const days: CalendarDay[] = [];
  for (let date = `${year}-01-01`; date <= `${year}-12-31`; date = nextDay(date)) days.push({ date, ...dayOf(date, calendar) });
  return days;
}

/** Is it worked, or not, against its weekday? */
export const isArranged = ({ date, working }: CalendarDay): boolean => working !== dayOf(date, new Map()).working;
