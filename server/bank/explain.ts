import type { BankCredit } from './credit.ts';

/** A day of bills that no credit explains yet: what it comes to, and when the channel is expected to pay it. */
export type OpenDay = {
  readonly biz_date: string;
  readonly net_fen: bigint;
  readonly expected_on: string;
  /** How many days before it are explained: two with the same number have none between them. */
  readonly explained_before: number;
};
export type OpenCredit = Pick<BankCredit, 'id' | 'reference' | 'received_on' | 'amount_fen'>;

/** What is known of the world besides. */
export type Horizon = {
  /** The first day that is followed: what came before is about days that are not. */
  readonly since: string;
  /** Up to this day a credit that was to come is there, or is missing. */
  readonly through: string;
  /** Days whose bill is not there yet: what they come to nobody knows. */
  readonly unbilled: readonly Pick<OpenDay, 'biz_date' | 'expected_on'>[];
};

/** Credits that together are what a run of days comes to, to the fen. */
export type Match = { readonly credits: readonly OpenCredit[]; readonly days: readonly OpenDay[] };
/** Days that are expected together, and what came for them: nothing, or too little. */
export type Short = { readonly days: readonly OpenDay[]; readonly due_fen: bigint; readonly credits: readonly OpenCredit[]; readonly credited_fen: bigint };

export type Explained = {
  readonly matches: readonly Match[];
  readonly short: readonly Short[];
  /** Credits that no day adds up to. */
  readonly unexplained: readonly OpenCredit[];
};

/** Channels merge the days of a holiday with the weekends around it; days further apart that add up do so by chance. */
const run_distance_days = 15;
/** Nobody pays a day later than this without being asked about it. */
const late_days = 60;
/** A credit that differs belongs to the days expected on its day, or so many days before. */
const grace_days = 3;
/** A bill that is missing may be what a credit of the days after it is about. */
const unbilled_days = 10;

/**
 * One to many: each credit is the sum of a run of open days, to the fen; where several runs are, it is the one expected nearest
 * to the day on which it came. What is left is held against the days expected together. Only what adds up is a match: anything
 * else is for a person, and a day whose bill is not there is waited for.
 */
export function explain(open_days: readonly OpenDay[], open_credits: readonly OpenCredit[], horizon: Horizon): Explained {
  const matches: Match[] = [];
  const days = open_days.filter(({ net_fen }) => net_fen !== 0n).toSorted((a, b) => compare(a.biz_date, b.biz_date));
  const places = placesOf(days, horizon);
  const taken = new Set<OpenDay>();
  const left: OpenCredit[] = [];
  for (const credit of open_credits.toSorted((a, b) => compare(a.received_on, b.received_on) || compare(a.id, b.id))) {
    const run = nearestRun(places, taken, credit);
    for (const day of run ?? []) taken.add(day);
    if (run) matches.push({ credits: [credit], days: run });
    else left.push(credit);
  }
  const groups = groupsOf(
    days.filter((day) => !taken.has(day)),
    horizon,
  );
  const unexplained: OpenCredit[] = [];
  const unbilled = new Set(horizon.unbilled.map(({ biz_date }) => dayNumber(biz_date)));
  const mayBeUnbilled = ({ received_on }: OpenCredit) =>
    Array.from({ length: unbilled_days + 1 }, (_, ago) => ago).some((ago) => unbilled.has(dayNumber(received_on) - ago));
  for (const credit of left) {
    const group = groups.findLast(
      ({ expected_on }) => expected_on <= credit.received_on && dayNumber(credit.received_on) <= dayNumber(expected_on) + grace_days,
    );
    if (group && group.credited_fen + credit.amount_fen <= group.due_fen) {
      group.credits.push(credit);
      group.credited_fen += credit.amount_fen;
    } else if (credit.received_on >= horizon.since && !mayBeUnbilled(credit)) unexplained.push(credit);
  }
  const short: Short[] = [];
  for (const group of groups) {
    if (group.credits.length > 0 && group.credited_fen === group.due_fen) matches.push(group);
    else if (!group.is_unbilled && group.due_fen > 0n && group.expected_on <= horizon.through) short.push(group);
  }
  return { matches, short, unexplained };
}

/** A day with what is asked of it for every credit, as numbers. */
type Place = { readonly day: OpenDay; readonly biz: number; readonly expected: number; readonly unbilled_before: number };

function placesOf(days: readonly OpenDay[], { unbilled }: Horizon): readonly Place[] {
  const missing = unbilled.map(({ biz_date }) => biz_date).toSorted();
  let unbilled_before = 0;
  return days.map((day) => {
    while (unbilled_before < missing.length && (missing[unbilled_before] as string) < day.biz_date) unbilled_before += 1;
    return { day, biz: dayNumber(day.biz_date), expected: dayNumber(day.expected_on), unbilled_before };
  });
}

/** Days that follow one another, none of them explained or without its bill, whose sum is the credit. */
function nearestRun(places: readonly Place[], taken: ReadonlySet<OpenDay>, { amount_fen, received_on }: OpenCredit): OpenDay[] | undefined {
  const received = dayNumber(received_on);
  let best: { readonly start: number; readonly end: number; readonly distance: number } | undefined;
  for (const [start, first] of places.entries()) {
    if (first.biz > received) break;
    const from_first = Math.abs(first.expected - received);
    if (from_first > late_days) continue;
    let sum = 0n;
    for (let end = start; end < places.length; end++) {
      const { day, biz, expected, unbilled_before } = places[end] as Place;
      const distance = Math.max(from_first, Math.abs(expected - received));
      const follows = day.explained_before === first.day.explained_before && unbilled_before === first.unbilled_before && distance <= run_distance_days;
      if (taken.has(day) || biz > received || (end > start && !follows)) break;
      sum += day.net_fen;
      if (sum === amount_fen && (!best || distance < best.distance)) best = { start, end, distance };
    }
  }
  return best && places.slice(best.start, best.end + 1).map(({ day }) => day);
}

const dayNumber = (date: string): number => Date.parse(date) / 86_400_000;

type Group = { days: OpenDay[]; due_fen: bigint; credits: OpenCredit[]; credited_fen: bigint; expected_on: string; is_unbilled: boolean };

/** Days by when they are expected. What comes to nothing or less is taken from the days after it. */
function groupsOf(days: readonly OpenDay[], { unbilled }: Horizon): Group[] {
  const groups: Group[] = [];
  for (const day of days) {
    const last = groups.at(-1);
    if (last && (last.expected_on === day.expected_on || last.due_fen <= 0n)) {
      last.days.push(day);
      last.due_fen += day.net_fen;
      last.expected_on = day.expected_on;
    } else groups.push({ days: [day], due_fen: day.net_fen, credits: [], credited_fen: 0n, expected_on: day.expected_on, is_unbilled: false });
  }
  const expected = new Set(unbilled.map(({ expected_on }) => expected_on));
  for (const group of groups) group.is_unbilled = expected.has(group.expected_on);
  return groups;
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
