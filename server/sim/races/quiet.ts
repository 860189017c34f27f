import { sql } from 'kysely';
import { dueTasks } from '../../app.ts';
import type { DueTask } from '../../platform/due/sweeper.ts';
import type { Arena, Notice } from './arena.ts';
import type { Problem } from './verdict.ts';

/** The kinds of rows that become due. */
type Due = 'attempts' | 'closes' | 'refunds' | 'deliveries';

const claim_limit = 100;
const tasks_of = new WeakMap<object, readonly DueTask<unknown>[]>();

type Done = { readonly claimed: number; readonly thrown: readonly unknown[] };

/** Claims what is due now and works on it, as a node's sweeper does. Work that throws comes due again. */
export async function runDue({ nodes, clock }: Arena, node: 0 | 1, names: readonly Due[]): Promise<Done> {
  const { ctx } = nodes[node];
  const tasks = tasks_of.get(ctx) ?? dueTasks(ctx);
  tasks_of.set(ctx, tasks);
  let claimed = 0;
  const thrown: unknown[] = [];
  for (const task of tasks) {
    if (!names.includes(task.name as Due)) continue;
    const rows = await task.claim(claim_limit, clock.now(), task.lease_ms, { keys: [], slots: [] });
    const ends = await Promise.allSettled(rows.map((row) => task.work(row)));
    thrown.push(...ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : [])));
    claimed += rows.length;
  }
  return { claimed, thrown };
}

type NextDue = Record<Due, Date | null>;

/** More looks than any payment needs: an attempt, its close and a refund each take a few. */
const rounds_max = 60;

/**
 * Lets everything come to rest: what is due is done, messages arrive unless they are lost, and time goes from one due row
 * to the next. Gives what went wrong on the way.
 */
export async function quiesce(arena: Arena, isLost: (notice: Notice) => boolean): Promise<Problem[]> {
  const { clock, ctx } = arena;
  const problems: Problem[] = [];
  for (let round = 0; round < rounds_max; round++) {
    const node = (round % 2) as 0 | 1;
    for (const notice of arena.notices) {
      if (isLost(notice)) arena.notices.delete(notice);
      else await arena.deliver(node, notice);
    }
    const { rows } = await sql<NextDue>`select (select min(next_query_at) from attempts) as attempts, (select min(next_close_at) from payments) as closes,
      (select min(next_query_at) from refunds) as refunds, (select min(next_send_at) from deliveries) as deliveries`.execute(ctx.db.kysely);
    const open = Object.entries(rows[0] as NextDue).filter((entry): entry is [Due, Date] => entry[1] !== null);
    if (open.length === 0) return problems;
    const first_ms = Math.min(...open.map(([, at]) => at.getTime()));
    if (first_ms > clock.now().getTime()) clock.set(new Date(first_ms));
    const names = open.filter(([, at]) => at <= clock.now()).map(([name]) => name);
    const { thrown } = await runDue(arena, node, names);
    problems.push(...thrown.map((error): Problem => ({ rule: 'no due job throws', rows: [names.join(), String(error)] })));
    await new Promise((resolve) => setImmediate(resolve));
  }
  return [...problems, { rule: 'everything comes to rest', rows: [] }];
}
