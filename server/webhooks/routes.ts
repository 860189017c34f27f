import {
  createWebhookEndpoint,
  disableWebhookEndpoint,
  enableWebhookEndpoint,
  listDeliveries,
  listEvents,
  listWebhookEndpoints,
  pingWebhookEndpoint,
  resendDelivery,
  retrieveEvent,
  retrieveWebhookEndpoint,
  rotateWebhookSecret,
} from '@heliu/contract';
import type { FastifyInstance } from 'fastify';
import { orThrow, RefusalError, refuse } from '../kernel/refusal.ts';
import { bindOperation } from '../platform/http/bind.ts';
import { type CursorScope, page_limit, pageOf, readCursor, writeCursor } from '../platform/http/cursor.ts';
import * as events from '../platform/outbox/store.ts';
import type { WebhooksCtx } from './ctx.ts';
import * as service from './service.ts';

/** Binds webhook endpoints, deliveries and events of the contract. */
export function bindWebhooks(scope: FastifyInstance, ctx: WebhooksCtx): void {
  bindEndpoints(scope, ctx);
  bindDeliveries(scope, ctx);
  bindEvents(scope, ctx);
}

function bindEndpoints(scope: FastifyInstance, ctx: WebhooksCtx): void {
  bindOperation(scope, ctx, createWebhookEndpoint, (call) => service.createEndpoint({ ...call, ctx }));
  bindOperation(scope, ctx, retrieveWebhookEndpoint, ({ caller, params }) => service.retrieveEndpoint(ctx, caller, params.webhook_endpoint_id));
  bindOperation(scope, ctx, rotateWebhookSecret, (call) => service.rotateSecret({ ...call, ctx }));
  bindOperation(scope, ctx, disableWebhookEndpoint, (call) => service.disableEndpoint({ ...call, ctx }));
  bindOperation(scope, ctx, enableWebhookEndpoint, (call) => service.enableEndpoint({ ...call, ctx }));
  bindOperation(scope, ctx, listWebhookEndpoints, async ({ caller, query: { limit = page_limit, cursor } }) => {
    const list: CursorScope = { list: listWebhookEndpoints.id, caller, filters: {} };
    const rows = await service.listEndpoints(ctx, caller, { before: positionOf(list, cursor), limit: limit + 1 });
    const page = pageOf(list, limit, rows, ({ id }) => id);
    return { data: [...page.rows], next_cursor: page.next_cursor };
  });
}

function bindDeliveries(scope: FastifyInstance, ctx: WebhooksCtx): void {
  bindOperation(scope, ctx, pingWebhookEndpoint, (call) => service.pingEndpoint({ ...call, ctx }));
  bindOperation(scope, ctx, resendDelivery, (call) => service.resendDelivery({ ...call, ctx }));
  bindOperation(scope, ctx, listDeliveries, async ({ caller, params: { webhook_endpoint_id }, query: { limit = page_limit, cursor, state } }) => {
    const list: CursorScope = { list: listDeliveries.id, caller, filters: { webhook_endpoint_id, state } };
    const rows = await service.listDeliveries(ctx, caller, webhook_endpoint_id, { state, before: positionOf(list, cursor), limit: limit + 1 });
    const page = pageOf(list, limit, rows, ({ event_id }) => event_id);
    return { data: [...page.rows], next_cursor: page.next_cursor };
  });
}

function bindEvents(scope: FastifyInstance, ctx: WebhooksCtx): void {
  bindOperation(scope, ctx, listEvents, async ({ caller, query: { limit = page_limit, after, type } }) => {
    const { merchant_id, livemode } = caller;
    const list: CursorScope = { list: listEvents.id, caller, filters: { type } };
    const page = await events.listEvents(ctx, { merchant_id, livemode, after: sequenceOf(list, after), type, limit });
    return { data: [...page.events], next_cursor: writeCursor(list, String(page.position)), has_more: page.has_more };
  });
  bindOperation(scope, ctx, retrieveEvent, async ({ caller, params }) => {
    const event = await events.findEvent(ctx, caller.merchant_id, caller.livemode, params.event_id);
    if (!event) throw new RefusalError(refuse('event_not_found', 'event_id'));
    return event;
  });
}

const positionOf = (list: CursorScope, cursor: string | undefined): string | undefined =>
  cursor === undefined ? undefined : orThrow(readCursor(list, cursor));

/** The tag of a cursor keeps slips out, not attacks: what stands in it is read as strictly as any other input. */
function sequenceOf(list: CursorScope, after: string | undefined): bigint {
  if (after === undefined) return 0n;
  const position = orThrow(readCursor(list, after, 'after'));
  if (!/^\d{1,18}$/.test(position)) throw new RefusalError(refuse('cursor_invalid', 'after'));
  return BigInt(position);
}
