import { percentile } from '../../bench/load.ts';
import { commitOf } from '../commit.ts';
import type { Report } from './campaign.ts';
import type { Measure } from './faults.ts';
import type { Recovery } from './leases.ts';
import { metOf, unmetOf } from './targets.ts';

export type Times = { readonly count: number; readonly p50_ms: number; readonly p95_ms: number; readonly max_ms: number };

const timesOf = (all: readonly number[]): Times | null =>
  all.length === 0
    ? null
    : { count: all.length, p50_ms: Math.round(percentile(all, 0.5)), p95_ms: Math.round(percentile(all, 0.95)), max_ms: Math.round(Math.max(...all)) };

/** While something else was broken too, a time says nothing about the restart: it is counted apart. */
const both = (measures: readonly Measure[]) => ({
  alone: timesOf(measures.filter(({ disturbed }) => !disturbed).map(({ ms }) => ms)),
  amid_other_faults: timesOf(measures.filter(({ disturbed }) => disturbed).map(({ ms }) => ms)),
});

/** Where one never came about, the longest is not known: `unrecovered` says so. */
const leasesOf = (recoveries: readonly Recovery[]) => ({
  ...both(recoveries.flatMap(({ ms, disturbed }) => (ms === undefined ? [] : [{ ms, disturbed }]))),
  rows: recoveries.reduce((sum, { held }) => sum + held, 0),
  unrecovered: recoveries.filter(({ ms }) => ms === undefined).length,
});

/** `answers`: which ones, and how often. */
function rollingOf(rolling: Report['measures']['rolling']) {
  const answers: Record<string, number> = {};
  for (const answer of rolling.flatMap(({ refused }) => refused)) answers[answer] = (answers[answer] ?? 0) + 1;
  return { count: rolling.length, refused: Object.values(answers).reduce((sum, count) => sum + count, 0), answers };
}

/** Of each broken invariant; `--json` has everything. */
const shown_characters = 600;

/** The report as data, for `--json`. */
export function summary(report: Report) {
  const { seed, nodes, seconds, kills, faults, skipped, measures, journal, lost, doubled, unresolved, violations } = report;
  const tries = { connection: 0, timeout: 0, answer: 0 };
  for (const { how } of journal.tries) tries[how] += 1;
  const recovery = {
    /** L-14: from kill -9 of a node to the first order that this node took. */
    heliu: both(measures.heliu),
    /** L-14: from kill -9 of a node until no row that it had claimed waits for it, of the kills that found it with rows. */
    leases: leasesOf(measures.leases),
    /** PostgreSQL's own: from kill -9 until it answers. */
    postgres: both(measures.postgres),
    /** L-15: from there to the first order that Heliu took. */
    heliu_after_postgres: both(measures.after_postgres),
  };
  const rolling_restarts = rollingOf(measures.rolling);
  return {
    commit: commitOf(),
    seed,
    nodes,
    seconds,
    kills,
    faults,
    skipped,
    payments: report.payments,
    refunds: report.refunds,
    acknowledged: journal.acknowledged.length,
    paid: journal.paid.size,
    reads: journal.reads,
    tries_again: tries,
    recovery,
    rolling_restarts,
    met: metOf({ recovery, rolling_restarts, skipped }),
    database_given_up: report.given_up,
    rest_s: Math.round(report.rest_ms / 100) / 10,
    repeated: report.repeated,
    lost: lost.length,
    doubled: doubled.length,
    unresolved: unresolved.length,
    violations,
  };
}

/** The report for people. */
export function lines(report: Report): string[] {
  const told = summary(report);
  const times = (name: string, { alone, amid_other_faults }: ReturnType<typeof both>) => [
    `${name}: ${one(alone)}`,
    ...(amid_other_faults ? [`  amid other faults: ${one(amid_other_faults)}`] : []),
  ];
  const one = (each: Times | null) => (each ? `p50 ${each.p50_ms} ms, p95 ${each.p95_ms} ms, longest ${each.max_ms} ms, of ${each.count}` : 'none measured');
  return [
    `${told.kills.heliu} kills of Heliu and ${told.kills.database} of PostgreSQL in ${told.seconds} s; ${told.payments} payments, ${told.refunds} refunds, ${told.acknowledged} writes acknowledged`,
    `episodes: ${Object.entries(told.faults)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')}`,
    ...Object.entries(told.skipped).map(([name, why]) => `skipped ${name}: ${why}`),
    `tried again: ${told.tries_again.connection} after a lost connection, ${told.tries_again.timeout} after no answer, ${told.tries_again.answer} after a refusal`,
    ...times('first order after kill -9 of a node', told.recovery.heliu),
    ...times('rows of a killed node taken up again after kill -9', told.recovery.leases),
    `  ${told.recovery.leases.rows} rows, ${told.recovery.leases.unrecovered} kills after which some were not taken up`,
    ...times('PostgreSQL answers after kill -9', told.recovery.postgres),
    ...times('first order after PostgreSQL answers', told.recovery.heliu_after_postgres),
    `rolling restarts: ${told.rolling_restarts.count}, requests refused meanwhile: ${told.rolling_restarts.refused} ${JSON.stringify(told.rolling_restarts.answers)}`,
    ...unmetOf(told.met),
    `at rest after ${told.rest_s} s; ${told.repeated} writes repeated`,
    `lost ${told.lost}, doubled ${told.doubled}, unresolved ${told.unresolved}, violations ${told.violations.length}`,
    ...[...Map.groupBy(told.violations, ({ invariant }) => invariant)].map(([invariant, found]) => {
      const rows = found.flatMap((each) => each.rows);
      return `BROKEN ${invariant} (${rows.length}): ${JSON.stringify(rows.slice(0, 3), bigintAsText).slice(0, shown_characters)}`;
    }),
    ...(told.violations.length > 0 ? [`what the processes said is in ${report.folder}`] : []),
  ];
}

export const bigintAsText = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);
