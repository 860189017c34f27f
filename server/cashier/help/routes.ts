import { answerHelpRequest, closeHelpRequest, type HelpRequest, linkReceipt, listHelpRequests, refundHelpRequest, retrieveHelpRequest } from '@heliu/contract';
import type { FastifyInstance } from 'fastify';
import { orThrow } from '../../kernel/refusal.ts';
import type { PaymentsCtx } from '../../payments/ctx.ts';
import { bindOperation } from '../../platform/http/bind.ts';
import { type CursorScope, page_limit, pageOf, readCursor } from '../../platform/http/cursor.ts';
import * as service from './service.ts';

/** Binds what payers ask of the contract. */
export function bindHelp(scope: FastifyInstance, ctx: PaymentsCtx): void {
  bindOperation(scope, ctx, linkReceipt, ({ caller, params }) => service.linkReceipt(ctx, caller, params.payment_id));
  bindOperation(scope, ctx, retrieveHelpRequest, ({ caller, params }) => service.retrieveHelp(ctx, caller, params.help_request_id));
  bindOperation(scope, ctx, answerHelpRequest, (call) => service.answerHelp(call));
  bindOperation(scope, ctx, refundHelpRequest, (call) => service.refundHelp({ ...call, ctx }));
  bindOperation(scope, ctx, closeHelpRequest, (call) => service.closeHelp(call));
  bindOperation(scope, ctx, listHelpRequests, async ({ caller, query: { limit = page_limit, cursor, ...filters } }) => {
    const list: CursorScope = { list: listHelpRequests.id, caller, filters };
    const before_id = cursor === undefined ? undefined : orThrow(readCursor(list, cursor));
    const rows = await service.listHelp(ctx, caller, { ...filters, before_id, limit: limit + 1 });
    const page = pageOf<HelpRequest>(list, limit, rows, ({ id }) => id);
    return { data: [...page.rows], next_cursor: page.next_cursor };
  });
}
