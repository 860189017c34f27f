import type { Static, TObject, TSchema } from 'typebox';
import type { ErrorCode } from './errors.ts';

/** What a caller's key must be allowed to do. */
export const scopes = [
  'payments:read',
  'payments:write',
  'refunds:read',
  'refunds:write',
  'routing:read',
  'routing:write',
  'events:read',
  'reconciliation:read',
  'webhook_endpoints:read',
  'webhook_endpoints:write',
  'stores:read',
  'stores:write',
  'terminals:read',
  'terminals:write',
  'plates:read',
  'plates:write',
  'checkout_sessions:read',
  'checkout_sessions:write',
  'cashier_settings:read',
  'cashier_settings:write',
  'help_requests:read',
  'help_requests:write',
  'prices:read',
  'ledger:read',
  'statements:read',
  'statements:write',
] as const;
export type Scope = (typeof scopes)[number];

/** One operation of the merchant API, declared once: routes, validation, OpenAPI, SDK, CLI and permissions come from it. */
export type Operation = {
  /** `create_payment`: OpenAPI operationId; in the SDK `payments.create`. */
  readonly id: string;
  /** Resource and verb in the SDK: `['payments', 'create']`. */
  readonly sdk: readonly [resource: string, verb: string];
  readonly method: 'GET' | 'POST';
  /** `/v1/payments/{payment_id}` */
  readonly path: string;
  readonly scope: Scope;
  readonly summary: string;
  readonly summary_zh: string;
  readonly params?: TObject;
  readonly query?: TObject;
  readonly body?: TObject;
  readonly status: 200 | 201;
  readonly response: TSchema;
  /** Beyond those that every operation can give (`common_errors`). */
  readonly errors: readonly ErrorCode[];
};

/** Keeps the exact type of a declaration. */
export function defineOperation<const O extends Operation>(operation: O): O {
  return operation;
}

type Part<S> = S extends TSchema ? Static<S> : undefined;
export type ParamsOf<O extends Operation> = Part<O['params']>;
export type QueryOf<O extends Operation> = Part<O['query']>;
export type BodyOf<O extends Operation> = Part<O['body']>;
export type ResponseOf<O extends Operation> = Static<O['response']>;
