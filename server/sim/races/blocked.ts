import type pg from 'pg';
import type { FindBlocked } from './scheduler.ts';

/**
 * Asks over a connection of its own which of these backends wait for another of them. Who waits for anyone else, as for a
 * vacuum that truncates a table, is held up for a moment and goes on by itself: that is no wait that a seed could order.
 */
export function createFindBlocked(watcher: pg.Client, racers: readonly number[]): FindBlocked {
  return async (pids) => {
    const { rows } = await watcher.query<{ pid: number }>(
      'select pid from unnest($1::integer[]) as t (pid) where cardinality(pg_blocking_pids(pid)) > 0 and pg_blocking_pids(pid) <@ $2::integer[]',
      [pids, racers],
    );
    return new Set(rows.map(({ pid }) => pid));
  };
}
