import { addMs } from '../kernel/time.ts';
import type { Ctx } from '../platform/ctx.ts';
import type { DueTask } from '../platform/due/sweeper.ts';
import { makeStatement } from './making/service.ts';
import { claimStatements, postpone } from './store.ts';

/** A million lines take a minute on a slow machine; a statement whose worker died is made by another after this. */
const lease_ms = 10 * 60_000;

/** A book that is behind has caught up after some of these. */
const behind_ms = 2_000;

/** The due rows of settlement: statements to make, one at a time on a node, since each reads much. */
export function settlementTasks(ctx: Ctx): readonly DueTask<unknown>[] {
  const statements: DueTask<{ readonly merchant_id: string; readonly id: string }> = {
    name: 'statements',
    lease_ms,
    concurrency: 1,
    claim: (limit, now, lease) => claimStatements(ctx, limit, now, lease),
    work: async (row) => {
      if (!(await makeStatement(ctx, row))) await postpone(ctx, row, addMs(ctx.clock.now(), behind_ms));
    },
  };
  return [statements as DueTask<unknown>];
}
