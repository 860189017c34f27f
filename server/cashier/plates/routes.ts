import {
  bindPlate,
  claimPlate,
  createPlateBatch,
  disablePlate,
  enablePlate,
  listPlateChanges,
  listPlates,
  printPlate,
  printPlateBatch,
  retrievePlate,
  retrievePlateBatch,
  updatePlate,
} from '@heliu/contract';
import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import { orThrow, RefusalError, refuse } from '../../kernel/refusal.ts';
import type { Ctx } from '../../platform/ctx.ts';
import { bindOperation } from '../../platform/http/bind.ts';
import { type CursorScope, page_limit, pageOf, readCursor } from '../../platform/http/cursor.ts';
import { linkTo, openLink } from './print/service.ts';
import * as service from './service.ts';
import * as stock from './stock/service.ts';

/** Binds code plates of the contract. */
export function bindPlates(scope: FastifyInstance, ctx: Ctx): void {
  bindOperation(scope, ctx, createPlateBatch, (call) => service.createPlateBatch({ ...call, ctx }));
  bindOperation(scope, ctx, retrievePlateBatch, ({ caller, params }) => service.retrieveBatch(ctx, caller, params.plate_batch_id));
  bindOperation(scope, ctx, printPlateBatch, ({ caller, params, body }) => linkTo(ctx, caller, 'batch', params.plate_batch_id, body));
  bindOperation(scope, ctx, retrievePlate, ({ caller, params }) => service.retrievePlate(ctx, caller, params.plate_id));
  bindOperation(scope, ctx, claimPlate, (call) => stock.claimPlate({ ...call, ctx }));
  bindOperation(scope, ctx, bindPlate, (call) => service.bindPlate({ ...call, ctx }));
  bindOperation(scope, ctx, updatePlate, (call) => service.updatePlate({ ...call, ctx }));
  bindOperation(scope, ctx, disablePlate, (call) => service.disablePlate({ ...call, ctx }));
  bindOperation(scope, ctx, enablePlate, (call) => service.enablePlate({ ...call, ctx }));
  bindOperation(scope, ctx, printPlate, ({ caller, params, body }) => linkTo(ctx, caller, 'plate', params.plate_id, body));
  bindOperation(scope, ctx, listPlates, async ({ caller, query: { limit = page_limit, cursor, ...filters } }) => {
    const list: CursorScope = { list: listPlates.id, caller, filters };
    const rows = await service.listPlates(ctx, caller, { ...filters, before_id: positionOf(list, cursor), limit: limit + 1 });
    const page = pageOf(list, limit, rows, ({ id }) => id);
    return { data: [...page.rows], next_cursor: page.next_cursor };
  });
  bindOperation(scope, ctx, listPlateChanges, async ({ caller, params: { plate_id }, query: { limit = page_limit, cursor } }) => {
    const list: CursorScope = { list: listPlateChanges.id, caller, filters: { plate_id } };
    const rows = await service.listPlateChanges(ctx, caller, plate_id, versionOf(positionOf(list, cursor)), limit + 1);
    const page = pageOf(list, limit, rows, ({ version }) => String(version));
    return { data: [...page.rows], next_cursor: page.next_cursor };
  });
}

const positionOf = (list: CursorScope, cursor: string | undefined): string | undefined =>
  cursor === undefined ? undefined : orThrow(readCursor(list, cursor));

/** The tag of a cursor keeps slips out, not attacks. */
function versionOf(position: string | undefined): number | undefined {
  if (position === undefined) return undefined;
  if (!/^\d{1,9}$/.test(position)) throw new RefusalError(refuse('cursor_invalid', 'cursor'));
  return Number(position);
}

/** `/c/print`: files for the printer, by links that the API gives out. */
export const printRoutes =
  (ctx: Ctx): FastifyPluginAsync =>
  (scope) => {
    scope.get<{ Querystring: { token?: string } }>('/c/print', async ({ query }, reply) => {
      const file = await openLink(ctx, typeof query.token === 'string' ? query.token : '');
      // The name is made of ids: nothing in it needs to be escaped.
      return reply.type(file.type).header('content-disposition', `attachment; filename="${file.name}"`).send(file.body);
    });
    return Promise.resolve();
  };
