import {
  createWebhookEndpoint,
  type Delivery,
  type DeliveryState,
  disableWebhookEndpoint,
  enableWebhookEndpoint,
  pingWebhookEndpoint,
  resendDelivery as resendDeliveryOperation,
  rotateWebhookSecret,
  type WebhookEndpoint,
} from '@heliu/contract';
import { assert } from '../kernel/assert.ts';
import { newId } from '../kernel/id.ts';
import { webhook_endpoints_max } from '../kernel/limits.ts';
import { RefusalError, refuse } from '../kernel/refusal.ts';
import { addMs } from '../kernel/time.ts';
import type { Caller } from '../platform/caller.ts';
import type { Ctx } from '../platform/ctx.ts';
import type { Call } from '../platform/http/bind.ts';
import { type FrozenReply, idempotent, withReply } from '../platform/idempotency/idempotency.ts';
import { buildEvent } from '../platform/outbox/outbox.ts';
import { writeEventTo } from '../platform/outbox/store.ts';
import type { WebhooksCtx } from './ctx.ts';
import * as deliveries from './deliveries/store.ts';
import { newWebhookSecret } from './signature.ts';
import * as store from './store.ts';
import { viewDelivery, viewEndpoint } from './view.ts';

type With<C> = Omit<C, 'ctx'> & { readonly ctx: WebhooksCtx };

/** How long the old secret signs beside the new one where the merchant does not say. */
const overlap_s_default = 86_400;

/** Creates an endpoint; the reply is the only place where its secret is shown. */
export function createEndpoint({ ctx, ...call }: With<Call<typeof createWebhookEndpoint>>): Promise<FrozenReply> {
  const { caller, body } = call;
  return withReply({ ctx, ...call }, createWebhookEndpoint.id, async (tx) => {
    if (ctx.http.check(body.url, 'webhook') !== undefined) throw new RefusalError(refuse('webhook_url_refused', 'url'));
    const { merchant_id, livemode } = caller;
    if ((await store.countEndpointsLocked(tx, merchant_id, livemode)) >= webhook_endpoints_max) throw new RefusalError(refuse('too_many_webhook_endpoints'));
    const created_at = ctx.clock.now();
    const id = newId('webhook_endpoint', created_at, ctx.rng);
    const secret = newWebhookSecret(ctx.rng);
    const { url, description = null, event_types = [] } = body;
    const secret_sealed = ctx.vault.seal(secret, secretPlace(merchant_id, id, 'secret_sealed'));
    const row = await store.insertEndpoint(tx, { merchant_id, livemode, id, url, description, event_types, secret_sealed, created_at });
    return { status: createWebhookEndpoint.status, body: { ...viewEndpoint(row), secret }, object_id: id };
  });
}

/** Gives a new secret. The old one signs too until the overlap ends; one that was still in an overlap ends now. */
export function rotateSecret({ ctx, ...call }: With<Call<typeof rotateWebhookSecret>>): Promise<FrozenReply> {
  const key = keyOf(call.caller, call.params.webhook_endpoint_id);
  const { merchant_id, id } = key;
  return withReply({ ctx, ...call }, rotateWebhookSecret.id, async (tx) => {
    const old_sealed = (await store.lockSecret(tx, key)) ?? notFound();
    const secret = newWebhookSecret(ctx.rng);
    const overlap_s = call.body.overlap_s ?? overlap_s_default;
    const old = ctx.vault.open(old_sealed, secretPlace(merchant_id, id, 'secret_sealed'));
    const row = await store.replaceSecret(tx, key, {
      secret_sealed: ctx.vault.seal(secret, secretPlace(merchant_id, id, 'secret_sealed')),
      previous_secret_sealed: overlap_s === 0 ? null : ctx.vault.seal(old, secretPlace(merchant_id, id, 'previous_secret_sealed')),
      previous_until: overlap_s === 0 ? null : addMs(ctx.clock.now(), overlap_s * 1_000),
    });
    return { status: rotateWebhookSecret.status, body: { ...viewEndpoint(row), secret }, object_id: id };
  });
}

/** Stops sending; what waits is cancelled. */
export function disableEndpoint({ ctx, ...call }: With<Call<typeof disableWebhookEndpoint>>): Promise<FrozenReply> {
  const key = keyOf(call.caller, call.params.webhook_endpoint_id);
  return idempotent({ ctx, ...call }, disableWebhookEndpoint.id, key.id, async () => {
    if (!(await store.findEndpoint(ctx, key))) notFound();
    await store.disableEndpoint(ctx, { merchant_id: key.merchant_id, id: key.id, reason: 'merchant' });
    return { status: disableWebhookEndpoint.status, body: await retrieveEndpoint(ctx, call.caller, key.id) };
  });
}

/** Sends to a disabled endpoint again: what happens from now on. What was cancelled can be sent again one by one. */
export function enableEndpoint({ ctx, ...call }: With<Call<typeof enableWebhookEndpoint>>): Promise<FrozenReply> {
  const key = keyOf(call.caller, call.params.webhook_endpoint_id);
  return idempotent({ ctx, ...call }, enableWebhookEndpoint.id, key.id, async () => {
    const row = (await store.enableEndpoint(ctx, key)) ?? notFound();
    return { status: enableWebhookEndpoint.status, body: viewEndpoint(row) };
  });
}

/** Sends a test event to this endpoint alone, whatever types it wants. */
export function pingEndpoint({ ctx, ...call }: With<Call<typeof pingWebhookEndpoint>>): Promise<FrozenReply> {
  const key = keyOf(call.caller, call.params.webhook_endpoint_id);
  const { merchant_id, livemode } = key;
  return idempotent({ ctx, ...call }, pingWebhookEndpoint.id, key.id, async () => {
    await enabledEndpoint(ctx, key);
    const created_at = ctx.clock.now();
    const event_id = newId('event', created_at, ctx.rng);
    const event = buildEvent({ id: event_id, type: 'webhook_endpoint.ping', livemode, created_at, data: { object: 'webhook_endpoint', id: key.id } });
    const delivery_id = await writeEventTo(ctx, { merchant_id, webhook_endpoint_id: key.id, event });
    const row = await deliveries.findDelivery(ctx, merchant_id, delivery_id);
    assert(row, 'a delivery that was written can be read');
    ctx.nudge('deliveries');
    return { status: pingWebhookEndpoint.status, body: viewDelivery(row) };
  });
}

/** Makes a delivery due now, with the body it always had. If that fails too, its schedule goes on where it was. */
export function resendDelivery({ ctx, ...call }: With<Call<typeof resendDeliveryOperation>>): Promise<FrozenReply> {
  const { webhook_endpoint_id, delivery_id } = call.params;
  const key = keyOf(call.caller, webhook_endpoint_id);
  return idempotent({ ctx, ...call }, resendDeliveryOperation.id, delivery_id, async () => {
    await enabledEndpoint(ctx, key);
    const row = await deliveries.resendDelivery(ctx, key.merchant_id, webhook_endpoint_id, delivery_id, ctx.clock.now());
    if (!row) throw new RefusalError(refuse('delivery_not_found', 'delivery_id'));
    ctx.nudge('deliveries');
    return { status: resendDeliveryOperation.status, body: viewDelivery(row) };
  });
}

export async function retrieveEndpoint(ctx: Ctx, caller: Caller, id: string): Promise<WebhookEndpoint> {
  return viewEndpoint((await store.findEndpoint(ctx, keyOf(caller, id))) ?? notFound());
}

export type PageInput = { readonly before: string | undefined; readonly limit: number };

/** Newest first. */
export async function listEndpoints(ctx: Ctx, caller: Caller, { before, limit }: PageInput): Promise<WebhookEndpoint[]> {
  const { merchant_id, livemode } = caller;
  return (await store.listEndpoints(ctx, { merchant_id, livemode, before_id: before, limit })).map(viewEndpoint);
}

/** Newest first; `before` is the id of an event. */
export async function listDeliveries(ctx: Ctx, caller: Caller, id: string, input: PageInput & { state: DeliveryState | undefined }): Promise<Delivery[]> {
  const { merchant_id } = caller;
  if (!(await store.findEndpoint(ctx, keyOf(caller, id)))) notFound();
  const { state, before: before_event_id, limit } = input;
  return (await deliveries.listDeliveries(ctx, { merchant_id, webhook_endpoint_id: id, state, before_event_id, limit })).map(viewDelivery);
}

const keyOf = ({ merchant_id, livemode }: Caller, id: string): store.EndpointKey => ({ merchant_id, livemode, id });

const secretPlace = (merchant_id: string, row: string, column: 'secret_sealed' | 'previous_secret_sealed') => ({
  table: 'webhook_endpoints',
  column,
  merchant_id,
  row,
});

function notFound(): never {
  throw new RefusalError(refuse('webhook_endpoint_not_found', 'webhook_endpoint_id'));
}

async function enabledEndpoint(ctx: Ctx, key: store.EndpointKey): Promise<void> {
  const endpoint = (await store.findEndpoint(ctx, key)) ?? notFound();
  if (endpoint.state === 'disabled') throw new RefusalError(refuse('webhook_endpoint_disabled', 'webhook_endpoint_id'));
}
