import { createPairingCode, listDevices, listShifts, pos_forms, revokeDevice, setSupervisorPin } from '@heliu/contract';
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify';
import type { Static, TSchema } from 'typebox';
import { orThrow, RefusalError, refuse } from '../../kernel/refusal.ts';
import type { PaymentsCtx } from '../../payments/ctx.ts';
import { acceptJsonOnly, bindOperation } from '../../platform/http/bind.ts';
import { type CursorScope, page_limit, pageOf, readCursor } from '../../platform/http/cursor.ts';
import { compile } from '../../platform/http/validate.ts';
import type { Device } from './device.ts';
import * as orders from './orders/service.ts';
import { eventsAfter } from './push/service.ts';
import * as service from './service.ts';
import * as shifts from './shifts/service.ts';

/** Binds devices, PINs and hand-overs of the contract. */
export function bindDevices(scope: FastifyInstance, ctx: PaymentsCtx): void {
  bindOperation(scope, ctx, createPairingCode, (call) => service.createPairingCode({ ...call, ctx }));
  bindOperation(scope, ctx, revokeDevice, (call) => service.revokeDevice({ ...call, ctx }));
  bindOperation(scope, ctx, setSupervisorPin, (call) => service.setSupervisorPin({ ...call, ctx }));
  bindOperation(scope, ctx, listDevices, async ({ caller, query: { limit = page_limit, cursor, ...filters } }) => {
    const list: CursorScope = { list: listDevices.id, caller, filters };
    const rows = await service.listDevices(ctx, caller, { ...filters, before_id: positionOf(list, cursor), limit: limit + 1 });
    const page = pageOf(list, limit, rows, ({ id }) => id);
    return { data: [...page.rows], next_cursor: page.next_cursor };
  });
  bindOperation(scope, ctx, listShifts, async ({ caller, query: { limit = page_limit, cursor, ...filters } }) => {
    const list: CursorScope = { list: listShifts.id, caller, filters };
    const rows = await shifts.listShifts(ctx, caller, { ...filters, before_id: positionOf(list, cursor), limit: limit + 1 });
    const page = pageOf(list, limit, rows, ({ id }) => id);
    return { data: [...page.rows], next_cursor: page.next_cursor };
  });
}

const positionOf = (list: CursorScope, cursor: string | undefined): string | undefined =>
  cursor === undefined ? undefined : orThrow(readCursor(list, cursor));

/** `/pos/api`: the terminal API, for tills, kiosks, vending machines and gates. Each request but the pairing is a device's own. */
export const posApiRoutes =
  (ctx: PaymentsCtx): FastifyPluginAsync =>
  (scope) => {
    acceptJsonOnly(scope);
    const stopped = new AbortController();
    scope.addHook('preClose', (done) => {
      stopped.abort();
      done();
    });
    const deviceOf = (request: FastifyRequest): Promise<Device> => service.authenticateDevice(ctx, request.headers.authorization, request.ip);
    const readPair = reader(pos_forms.pair);
    const readCharge = reader(pos_forms.charge);
    const readRefund = reader(pos_forms.refund);
    const readHandover = reader(pos_forms.handover);

    scope.post('/pos/api/pair', async (request, reply) => reply.code(201).send(await service.pairDevice(ctx, { ...readPair(request), address: request.ip })));
    scope.get('/pos/api/till', async (request) => orders.describeTill(ctx, await deviceOf(request)));
    scope.post('/pos/api/orders', async (request, reply) => reply.code(201).send(await orders.charge(ctx, await deviceOf(request), readCharge(request))));
    scope.get('/pos/api/orders', async (request) => ({ data: await orders.ordersOfToday(ctx, await deviceOf(request)) }));
    scope.get<Named>('/pos/api/orders/:order_no', async (request) => orders.findOrder(ctx, await deviceOf(request), orderNo(request.params)));
    // Stays open until something happens, so it takes no place among the requests under way.
    scope.get<Named>('/pos/api/orders/:order_no/next', { config: { long_lived: true } }, async (request, reply) => {
      const device = await deviceOf(request);
      const gone = new AbortController();
      reply.raw.once('close', () => gone.abort());
      return orders.awaitNews(ctx, device, orderNo(request.params), versionOf(request.query), AbortSignal.any([stopped.signal, gone.signal]));
    });
    scope.get<{ Querystring: { after?: string } }>('/pos/api/events', async (request) => eventsAfter(ctx, await deviceOf(request), cursorOf(request.query)));
    scope.post<Named>('/pos/api/orders/:order_no/cancel', async (request) => orders.cancelOrder(ctx, await deviceOf(request), orderNo(request.params)));
    scope.post('/pos/api/refunds', async (request, reply) => reply.code(201).send(await orders.refundOrder(ctx, await deviceOf(request), readRefund(request))));
    scope.get('/pos/api/shift', async (request) => shifts.openShift(ctx, await deviceOf(request)));
    scope.post('/pos/api/shift/handover', async (request, reply) => {
      const device = await deviceOf(request);
      return reply.code(201).send(await shifts.handOver(ctx, device, readHandover(request)));
    });
    return Promise.resolve();
  };

type Named = { Params: { order_no: string }; Querystring: { after_version?: string } };

function orderNo({ order_no }: Named['Params']): string {
  if (!/^[0-9A-Za-z]{12,24}$/.test(order_no)) throw new RefusalError(refuse('order_not_here', 'order_no'));
  return order_no;
}

function versionOf({ after_version = '' }: Named['Querystring']): number {
  if (!/^\d{1,9}$/.test(after_version)) throw new RefusalError(refuse('parameter_invalid', 'after_version'));
  return Number(after_version);
}

function cursorOf({ after }: { after?: string }): number | undefined {
  if (after === undefined) return undefined;
  if (!/^\d{1,15}$/.test(after)) throw new RefusalError(refuse('parameter_invalid', 'after'));
  return Number(after);
}

/** Reads bodies of one exact form; refuses others by the field that is wrong. */
function reader<S extends TSchema>(schema: S): (request: FastifyRequest) => Static<S> {
  const check = compile(schema);
  return ({ body = {} }) => {
    const refusal = check(body);
    if (refusal) throw new RefusalError(refusal);
    return body as Static<S>;
  };
}
