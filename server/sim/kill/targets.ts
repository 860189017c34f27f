import type { Times } from './report.ts';

/** What a campaign has to show besides losing nothing, on a machine that does nothing else. */
export const targets = {
  /** L-14: from kill -9 of a node to the first order that it takes. */
  first_order_ms_max: 3_000,
  /** L-14: from there until no row that it had claimed waits for it: a living one has claimed or ended each. */
  leases_ms_max: 60_000,
  /** L-15: from the answer of a database that was killed to the first order that Heliu takes. */
  first_order_after_postgres_ms_max: 2_000,
  /** L-17: requests with an answer other than the wanted one while every node is stopped and started in turn. */
  refused_max: 0,
} as const;

/** What is judged of a report, also of one that is older than the targets. */
export type Judged = {
  readonly recovery: {
    readonly heliu: { readonly alone: Times | null };
    readonly leases?: { readonly alone: Times | null; readonly unrecovered: number };
    readonly heliu_after_postgres: { readonly alone: Times | null };
  };
  readonly rolling_restarts: { readonly count: number; readonly refused: number };
  readonly skipped: Readonly<Record<string, string>>;
};

/** Null: nothing was measured, so nothing is known. */
export type Met = Readonly<
  Record<
    'first_order_after_kill' | 'leases_recovered_after_kill' | 'first_order_after_postgres' | 'none_refused_while_restarting' | 'no_episode_skipped',
    boolean | null
  >
>;

/** Of the times only those that were alone: while something else was broken too they say nothing of the restart. */
export function metOf({ recovery, rolling_restarts, skipped }: Judged): Met {
  const within = (times: Times | null, ms_max: number) => times && times.max_ms <= ms_max;
  return {
    first_order_after_kill: within(recovery.heliu.alone, targets.first_order_ms_max),
    leases_recovered_after_kill: recovery.leases?.unrecovered ? false : within(recovery.leases?.alone ?? null, targets.leases_ms_max),
    first_order_after_postgres: within(recovery.heliu_after_postgres.alone, targets.first_order_after_postgres_ms_max),
    none_refused_while_restarting: rolling_restarts.count === 0 ? null : rolling_restarts.refused <= targets.refused_max,
    no_episode_skipped: Object.keys(skipped).length === 0,
  };
}

/** In words, where a target is missed or was not measured. */
const shortcomings: Readonly<Record<keyof Met, string>> = {
  first_order_after_kill: `L-14 first order after kill -9 of a node within ${targets.first_order_ms_max} ms`,
  leases_recovered_after_kill: `L-14 no row waits for a killed node for more than ${targets.leases_ms_max} ms`,
  first_order_after_postgres: `L-15 first order after PostgreSQL answers within ${targets.first_order_after_postgres_ms_max} ms`,
  none_refused_while_restarting: 'L-17 no request refused during a rolling restart',
  no_episode_skipped: 'every chosen episode carried out',
};

export const unmetOf = (met: Met): readonly string[] =>
  (Object.keys(shortcomings) as (keyof Met)[])
    .filter((name) => met[name] !== true)
    .map((name) => `${met[name] === null ? 'TARGET NOT MEASURED' : 'TARGET NOT MET'} ${shortcomings[name]}`);
