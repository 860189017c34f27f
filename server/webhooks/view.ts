import type { Delivery, WebhookEndpoint } from '@heliu/contract';
import type { DeliveryRow } from './deliveries/store.ts';
import type { EndpointRow } from './store.ts';

/** An endpoint as the merchant sees it; its secret is shown only where it was just made. */
export function viewEndpoint(row: EndpointRow): WebhookEndpoint {
  const { id, livemode, url, description, event_types, state, disabled_reason, created_at } = row;
  return { object: 'webhook_endpoint', id, livemode, url, description, event_types, state, disabled_reason, created_at: created_at.toISOString() };
}

/** A delivery as the merchant sees it. */
export function viewDelivery(row: DeliveryRow): Delivery {
  const { id, event_id, event_type, webhook_endpoint_id, state, tries, last_status, last_error, next_send_at, delivered_at, created_at } = row;
  return {
    object: 'delivery',
    id,
    event_id,
    event_type,
    webhook_endpoint_id,
    state,
    tries,
    last_status,
    last_error,
    next_send_at: next_send_at?.toISOString() ?? null,
    delivered_at: delivered_at?.toISOString() ?? null,
    created_at: created_at.toISOString(),
  };
}
