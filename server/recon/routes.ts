import { type BillDay, listBillDays, listDailyCloses, listReconExceptions, retrieveReconException } from '@heliu/contract';
import type { FastifyInstance } from 'fastify';
import { fenToNumber, toFen } from '../kernel/money.ts';
import { orThrow, RefusalError, refuse } from '../kernel/refusal.ts';
import type { Ctx } from '../platform/ctx.ts';
import { bindOperation } from '../platform/http/bind.ts';
import { type CursorScope, page_limit, pageOf, readCursor } from '../platform/http/cursor.ts';
import { listMerchantCloses } from './closes/service.ts';
import { viewClose } from './closes/view.ts';
import { changedSinceClosing } from './days/changes.ts';
import { listDays } from './days/service.ts';
import { filterOf } from './exceptions/filter.ts';
import { getException, listExceptions } from './exceptions/service.ts';
import { viewException } from './exceptions/view.ts';

const days_limit = 100;

/** What a merchant's developer sees of reconciliation. Handling exceptions is the operator's. */
export function bindRecon(scope: FastifyInstance, ctx: Ctx): void {
  bindOperation(scope, ctx, listBillDays, async ({ caller, query }) => {
    const { merchant_id, livemode } = caller;
    const rows = await listDays(ctx, { ...query, merchant_id, livemode, limit: query.limit ?? days_limit });
    const money = (fen: bigint | null) => (fen === null ? null : fenToNumber(toFen(fen)));
    const data = rows.map(
      (row): BillDay => ({
        object: 'bill_day',
        channel: row.channel,
        channel_account_id: row.channel_account_id,
        kind: row.kind,
        biz_date: row.biz_date,
        state: row.state,
        problem: row.problem,
        bill_id: row.bill_id,
        bill_version: row.bill_version,
        lines: row.lines,
        payment_fen: money(row.payment_fen),
        refund_fen: money(row.refund_fen),
        open_exceptions: Number(row.open_exceptions),
        matched_at: row.matched_at?.toISOString() ?? null,
        closed_at: row.closed_at?.toISOString() ?? null,
        close_version: row.close_version,
        changed_since_closing: changedSinceClosing(row) ?? null,
      }),
    );
    return { data };
  });
  bindOperation(scope, ctx, listReconExceptions, async ({ caller, query: { cursor, limit = page_limit, ...filters } }) => {
    const page: CursorScope = { list: listReconExceptions.id, caller, filters };
    const before_id = cursor === undefined ? undefined : orThrow(readCursor(page, cursor));
    const { merchant_id, livemode } = caller;
    const found = await listExceptions(ctx, { ...orThrow(filterOf(filters)), merchant_id, livemode, before_id, limit: limit + 1 });
    const { rows, next_cursor } = pageOf(page, limit, found, ({ id }) => id);
    return { data: rows.map(viewException), next_cursor };
  });
  bindOperation(scope, ctx, listDailyCloses, async ({ caller, query: { cursor, limit = page_limit, ...filters } }) => {
    const page: CursorScope = { list: listDailyCloses.id, caller, filters };
    const before = cursor === undefined ? undefined : orThrow(readCursor(page, cursor));
    const { merchant_id, livemode } = caller;
    const found = await listMerchantCloses(ctx, { ...filters, merchant_id, livemode, before, limit: limit + 1 });
    const { rows, next_cursor } = pageOf(page, limit, found, ({ statement }) => statement.biz_date);
    return { data: rows.map(viewClose), next_cursor };
  });
  bindOperation(scope, ctx, retrieveReconException, async ({ caller, params }) => {
    const exception = await getException(ctx, caller.merchant_id, params.recon_exception_id);
    if (exception.livemode !== caller.livemode) throw new RefusalError(refuse('recon_exception_not_found', 'recon_exception_id'));
    return viewException(exception);
  });
}
