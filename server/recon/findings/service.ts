import type { ExceptionKind } from '@heliu/contract';
import { newId } from '../../kernel/id.ts';
import { recon_batch_rows, recon_events_max } from '../../kernel/limits.ts';
import type { Ctx } from '../../platform/ctx.ts';
import { buildEvent } from '../../platform/outbox/outbox.ts';
import type { Trx } from '../bills/store.ts';
import type { ReconException } from '../exceptions/exception.ts';
import { openedFrom, type Place, system } from '../exceptions/open.ts';
import * as store from '../exceptions/store.ts';
import { viewException } from '../exceptions/view.ts';
import type { Finding } from '../matching/classify.ts';
import { holdAccount, raiseLimits } from '../matching/store.ts';
import { undoSuspense } from '../postings/service.ts';

export type Holder = Pick<Place, 'merchant_id' | 'livemode' | 'channel' | 'channel_account_id'>;

/** A transaction in which nobody else works on the differences of the account: no matching, and no second one of this kind. */
export const holding = <T>(ctx: Ctx, account: Holder, work: (trx: Trx) => Promise<T>): Promise<T> =>
  ctx.db.kysely.transaction().execute(async (trx) => {
    await raiseLimits(trx);
    await holdAccount(trx, account);
    return work(trx);
  });

/**
 * Makes what was found of a kind all that stands of it on the account: what is new is opened, what says another amount begins
 * anew, and what is not found any more is settled, its suspense undone. Found again, nothing changes. `holding` is around it.
 */
export async function replaceFindings(
  ctx: Ctx,
  trx: Trx,
  {
    account,
    kind,
    findings,
    judged_after,
  }: {
    readonly account: Holder;
    readonly kind: ExceptionKind;
    readonly findings: readonly (Finding & { readonly biz_date: string })[];
    /** Only days after this one were looked at; all of them where it is undefined. What stands of the others stays. */
    readonly judged_after?: string | undefined;
  },
): Promise<{ readonly opened: number; readonly settled: number }> {
  const now = ctx.clock.now();
  await store.beginFound(trx);
  const opened: ReconException[] = [];
  for (let at = 0; at < findings.length; at += recon_batch_rows) {
    const rows = findings
      .slice(at, at + recon_batch_rows)
      .map(({ biz_date, ...finding }) => openedFrom(finding, { ...account, biz_date }, { id: newId('recon_exception', now, ctx.rng), now }));
    const written = await store.insertExceptions(trx, rows);
    await store.noteFound(trx, rows);
    opened.push(...rows.filter(({ id }) => written.has(id)));
  }
  opened.push(...(await store.refreshFound(trx, account, now)));
  const settled = await store.settle(trx, account.merchant_id, await store.readUnfound(trx, account, kind, judged_after), { by: system, note: null, now });
  await undoSuspense(trx, ctx, account);
  const tell = async (type: 'recon_exception.opened' | 'recon_exception.closed', rows: readonly ReconException[]) => {
    const told = rows.slice(0, recon_events_max);
    const events = told.map((row) => buildEvent({ id: newId('event', now, ctx.rng), type, livemode: row.livemode, created_at: now, data: viewException(row) }));
    await store.insertEvents(trx, account.merchant_id, events);
  };
  await tell('recon_exception.opened', opened);
  // What was closed before was told then.
  await tell(
    'recon_exception.closed',
    settled.filter(({ from_state }) => from_state !== 'closed').map(({ from_state: _, ...row }) => row),
  );
  return { opened: opened.length, settled: settled.length };
}
