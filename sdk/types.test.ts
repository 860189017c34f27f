import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as contract from '@heliu/contract';
import { resourcesOf } from './operations.gen.ts';
import type { FeedPage, Page } from './pages.ts';
import type * as sdk from './types.gen.ts';

/** True in the type checker only where both sides accept each other's values. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
type Accepts<A, B> = [B] extends [A] ? true : false;

/** What the generator wrote by its own rules is what the contract's own types say: `tsc` fails here when it is not. */
const same: [
  Same<sdk.Payment, contract.Payment>,
  Same<sdk.NextAction, contract.NextAction>,
  Same<sdk.CreatePaymentBody, contract.CreatePaymentBody>,
  Same<sdk.CreateAttemptBody, contract.CreateAttemptBody>,
  Same<sdk.Refund, contract.Refund>,
  Same<sdk.CreateRefundBody, contract.CreateRefundBody>,
  Same<sdk.Anomaly, contract.Anomaly>,
  Same<sdk.WebhookEndpoint, contract.WebhookEndpoint>,
  Same<sdk.WebhookEndpointWithSecret, contract.ResponseOf<typeof contract.createWebhookEndpoint>>,
  Same<sdk.Delivery, contract.Delivery>,
  Same<sdk.ErrorCode, contract.ErrorCode>,
  Same<sdk.RefusalReason, contract.RefusalReason>,
  Same<sdk.EventType, contract.EventType>,
  Same<sdk.ListPaymentsQuery, contract.QueryOf<typeof contract.listPayments>>,
  Same<sdk.ListRefundsQuery, contract.QueryOf<typeof contract.listRefunds>>,
  Same<sdk.ListEventsQuery, contract.QueryOf<typeof contract.listEvents>>,
  Same<sdk.ListDeliveriesQuery, contract.QueryOf<typeof contract.listDeliveries>>,
  Same<sdk.CreateWebhookEndpointBody, contract.BodyOf<typeof contract.createWebhookEndpoint>>,
  Same<sdk.RotateWebhookSecretBody, contract.BodyOf<typeof contract.rotateWebhookSecret>>,
  // The SDK says more: the type of an event decides its data.
  Accepts<contract.Event, sdk.Event>,
  Accepts<contract.ResponseOf<typeof contract.listEvents>, FeedPage<sdk.Event>>,
  Same<Page<sdk.Payment>, { readonly data: sdk.Payment[]; readonly next_cursor: string | null }>,
  Accepts<contract.ResponseOf<typeof contract.listPayments>, Page<sdk.Payment>>,
] = [true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true];

test('every operation of the contract is a method, and every method sends its operation', async () => {
  assert(same.every(Boolean));
  const resources = resourcesOf((request) => Promise.resolve(request) as Promise<never>) as unknown as Record<
    string,
    Record<string, (...inputs: unknown[]) => Promise<unknown>>
  >;
  let methods = 0;
  for (const operation of contract.operations) {
    const [resource, verb] = operation.sdk;
    const method = resources[resource]?.[verb];
    assert(method, `heliu.${resource}.${verb}`);
    const ids = 'params' in operation ? Object.keys(operation.params.properties) : [];
    const request = (await method(...ids.map((id) => `<${id}>`), {})) as { method: string; path: string };
    assert.equal(request.method, operation.method);
    assert.equal(decodeURIComponent(request.path).replaceAll('<', '{').replaceAll('>', '}'), operation.path);
    methods++;
  }
  assert.equal(
    methods,
    Object.values(resources).reduce((sum, members) => sum + Object.keys(members).length, 0),
  );
});
