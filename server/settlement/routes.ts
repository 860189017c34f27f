import { createStatement, linkStatement, listStatements, retrieveStatement } from '@heliu/contract';
import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import { orThrow } from '../kernel/refusal.ts';
import type { Ctx } from '../platform/ctx.ts';
import { bindOperation } from '../platform/http/bind.ts';
import { type CursorScope, page_limit, pageOf, readCursor } from '../platform/http/cursor.ts';
import * as service from './service.ts';

/** Binds statements of the contract. */
export function bindSettlement(scope: FastifyInstance, ctx: Ctx): void {
  bindOperation(scope, ctx, createStatement, (call) => service.createStatement({ ...call, ctx }));
  bindOperation(scope, ctx, retrieveStatement, ({ caller, params }) => service.retrieveStatement(ctx, caller, params.statement_id));
  bindOperation(scope, ctx, linkStatement, ({ caller, params, body }) => service.linkTo(ctx, caller, { id: params.statement_id, ...body }));
  bindOperation(scope, ctx, listStatements, async ({ caller, query: { limit = page_limit, cursor } }) => {
    const list: CursorScope = { list: listStatements.id, caller, filters: {} };
    const before_id = cursor === undefined ? undefined : orThrow(readCursor(list, cursor));
    const rows = await service.listStatements(ctx, caller, { before_id, limit: limit + 1 });
    const page = pageOf(list, limit, rows, ({ id }) => id);
    return { data: [...page.rows], next_cursor: page.next_cursor };
  });
}

/** `/c/statement`: files, by links that the API gives out. */
export const statementRoutes =
  (ctx: Ctx): FastifyPluginAsync =>
  (scope) => {
    scope.get<{ Querystring: { token?: string } }>('/c/statement', async ({ query }, reply) => {
      const file = await service.openLink(ctx, typeof query.token === 'string' ? query.token : '');
      // The name is made of days and ids: nothing in it needs to be escaped.
      return reply.type(file.type).header('content-length', file.bytes).header('content-disposition', `attachment; filename="${file.name}"`).send(file.body);
    });
    return Promise.resolve();
  };
