import type { Explained, Horizon, Match, OpenCredit, OpenDay, Short } from './explain.ts';

/** A day of fund bills whose withdrawals no credits explain yet: how much each took out, below zero for what came back. */
export type WithdrawnDay = OpenDay & { readonly withdrawals: readonly bigint[] };

/** Nobody pays a day later than this without being asked about it. */
const late_days = 60;
/** A bill that is missing may be what a credit of the days after it is about. */
const unbilled_days = 10;

type Unit = { readonly day: WithdrawnDay; readonly fen: bigint; taken: boolean };

/**
 * Each credit is one withdrawal, or all of one day in one sum, to the fen; of equal ones it is the oldest. A credit of another
 * amount is about no withdrawal, whatever it comes near to. Days whose withdrawals are all there are matched; those that are due and
 * are not all there are short of the rest.
 */
export function explainWithdrawals(days: readonly WithdrawnDay[], credits: readonly OpenCredit[], horizon: Horizon): Explained {
  const units = days.toSorted((a, b) => compare(a.biz_date, b.biz_date)).flatMap((day) => amountsOf(day).map((fen): Unit => ({ day, fen, taken: false })));
  const came = new Map<WithdrawnDay, OpenCredit[]>();
  const unexplained: OpenCredit[] = [];
  const unbilled = new Set(horizon.unbilled.map(({ biz_date }) => dayNumber(biz_date)));
  const mayBeUnbilled = ({ received_on }: OpenCredit) =>
    Array.from({ length: unbilled_days + 1 }, (_, ago) => ago).some((ago) => unbilled.has(dayNumber(received_on) - ago));
  for (const credit of credits.toSorted((a, b) => compare(a.received_on, b.received_on) || compare(a.id, b.id))) {
    const found = oneOf(units, credit) ?? allOfADay(units, credit);
    const [first] = found;
    if (first) {
      for (const unit of found) unit.taken = true;
      came.set(first.day, [...(came.get(first.day) ?? []), credit]);
    } else if (credit.received_on >= horizon.since && !mayBeUnbilled(credit)) unexplained.push(credit);
  }
  const matches: Match[] = [];
  const short: Short[] = [];
  for (const day of new Set(units.map((unit) => unit.day))) {
    const of_day = came.get(day) ?? [];
    const credited_fen = of_day.reduce((sum, { amount_fen }) => sum + amount_fen, 0n);
    if (credited_fen === day.net_fen) matches.push({ credits: of_day, days: [day] });
    else if (day.biz_date <= horizon.through) short.push({ days: [day], due_fen: day.net_fen, credits: of_day, credited_fen });
  }
  return { matches, short, unexplained };
}

const mayBeAbout = ({ received_on }: OpenCredit, { biz_date }: WithdrawnDay): boolean =>
  biz_date <= received_on && dayNumber(received_on) - dayNumber(biz_date) <= late_days;

function oneOf(units: readonly Unit[], credit: OpenCredit): readonly Unit[] | undefined {
  const unit = units.find(({ day, fen, taken }) => !taken && fen === credit.amount_fen && mayBeAbout(credit, day));
  return unit && [unit];
}

function allOfADay(units: readonly Unit[], credit: OpenCredit): readonly Unit[] {
  const first = units.find(({ day }) => day.net_fen === credit.amount_fen && mayBeAbout(credit, day) && units.every((unit) => unit.day !== day || !unit.taken));
  return first ? units.filter(({ day }) => day === first.day) : [];
}

/** What is to come of a day: what came back on it is taken from the same amount. One that came back of another day makes the day one sum. */
function amountsOf({ net_fen, withdrawals }: WithdrawnDay): readonly bigint[] {
  const out = withdrawals.filter((fen) => fen > 0n);
  for (const back of withdrawals.filter((fen) => fen < 0n)) {
    const at = out.indexOf(-back);
    if (at < 0) return net_fen > 0n ? [net_fen] : [];
    out.splice(at, 1);
  }
  return out;
}

const dayNumber = (date: string): number => Date.parse(date) / 86_400_000;
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
