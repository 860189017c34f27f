import type { TSchema } from 'typebox';
import { Device, PairingCode, Shift, ShiftTotal } from './devices.ts';
import { common_errors, type ErrorCode, errors, errorText } from './errors.ts';
import { Anomaly, Event } from './events.ts';
import { examples, type OperationExample } from './examples.ts';
import { NextAction } from './methods.ts';
import { type Operation, type Scope, scopes } from './operation.ts';
import { Attempt, Payment } from './payments.ts';
import { Plate, PlateBatch, PlateChange, PrintLink } from './plates.ts';
import { Price } from './prices.ts';
import { Refund } from './refunds.ts';
import { Store } from './stores.ts';
import { Terminal } from './terminals.ts';
import { Delivery, WebhookEndpoint, WebhookEndpointWithSecret } from './webhook-endpoints.ts';

/** Schemas that are shown under their name; wherever one stands in an operation, a reference stands in the document. */
const named_schemas = {
  Payment,
  Attempt,
  NextAction,
  Refund,
  Event,
  Anomaly,
  WebhookEndpoint,
  WebhookEndpointWithSecret,
  Delivery,
  Store,
  Terminal,
  Plate,
  PlateBatch,
  PlateChange,
  PrintLink,
  Device,
  PairingCode,
  Shift,
  ShiftTotal,
  Price,
};

const ErrorSchema = {
  type: 'object',
  required: ['error'],
  additionalProperties: false,
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message', 'message_zh', 'request_id', 'doc_url', 'retryable'],
      additionalProperties: false,
      properties: {
        code: { type: 'string', enum: Object.keys(errors), description: 'What went wrong; a code is for ever. 错误码，永不改变含义。' },
        message: { type: 'string', description: 'English text.' },
        message_zh: { type: 'string', description: '中文说明。' },
        param: { type: 'string', description: 'The field that caused it, as you wrote it. 出错的字段。', examples: ['amount_fen', 'metadata.colour'] },
        request_id: { type: 'string', description: 'Names this request, also in the header Request-Id. 请求编号。' },
        doc_url: { type: 'string', format: 'uri', description: 'Where this code is explained. 错误码说明地址。' },
        retryable: { type: 'boolean', description: 'True when the same request may succeed later unchanged. 原样重试是否可能成功。' },
      },
    },
  },
};

type Json = { readonly [key: string]: unknown };

export type OpenApiInput = { readonly operations: readonly Operation[]; readonly public_url: string; readonly version: string };

/** The merchant API as an OpenAPI 3.1 document. Pure: the same declaration gives the same document. */
export function buildOpenApi({ operations, public_url, version }: OpenApiInput): Json {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of operations) {
    paths[operation.path] ??= {};
    (paths[operation.path] as Record<string, unknown>)[operation.method.toLowerCase()] = describeOperation(operation);
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Heliu 合流',
      version,
      summary: 'One API over every wallet and bank channel. 一个接口，接入所有钱包与银行渠道。',
      description:
        'Amounts are integers in fen 分. Times are RFC 3339. Unknown fields are refused. Errors have one form and a closed table of codes.\n\n金额为整数（分），时间为 RFC 3339，未知字段会被拒绝；错误格式统一，错误码见下表。',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: public_url }],
    tags: [...new Set(operations.map(tagOf))].map((name) => ({ name })),
    paths,
    components: {
      schemas: { ...namedSchemas(), Error: ErrorSchema },
      examples: Object.fromEntries(Object.keys(errors).map((code) => [`error_${code}`, { value: errorExample(code as ErrorCode, public_url) }])),
      parameters: {
        IdempotencyKey: {
          name: 'Idempotency-Key',
          in: 'header',
          required: false,
          schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,128}$' },
          description: 'Send the same key to repeat a request safely; kept 30 days. The first reply is given again. 幂等键：重复请求返回首次结果，保留 30 天。',
        },
      },
      headers: {
        RequestId: { description: 'Names this request. 请求编号。', schema: { type: 'string' } },
        RetryAfter: { description: 'Seconds to wait. 建议等待秒数。', schema: { type: 'integer' } },
      },
      securitySchemes: {
        api_key: { type: 'http', scheme: 'bearer', description: '`Authorization: Bearer sk_test_…` / `sk_live_…`. API 密钥。' },
        request_signature: {
          type: 'apiKey',
          in: 'header',
          name: 'Signature',
          description:
            'HTTP Message Signatures (RFC 9421) with Ed25519 in `Signature` and `Signature-Input`; covers @method, @target-uri (or @path and @query), content-digest when there is a body and idempotency-key when sent; parameters created, nonce, keyid (the API key id) and alg="ed25519". 请求签名。',
        },
      },
    },
    'x-scopes': [...scopes],
  };
}

/** The resource that an operation belongs to. */
export const tagOf = (operation: Operation): string => operation.path.split('/')[2] as string;

/** Every error that an operation can answer, its own first. */
export const errorsOf = (operation: Operation): readonly ErrorCode[] => [...new Set<ErrorCode>([...operation.errors, ...common_errors])];

function describeOperation(operation: Operation): Json {
  const example: OperationExample | undefined = examples[operation.id];
  return {
    operationId: operation.id,
    tags: [tagOf(operation)],
    summary: operation.summary,
    description: operation.summary_zh,
    'x-summary-zh': operation.summary_zh,
    security: [{ api_key: [operation.scope satisfies Scope] }, { request_signature: [operation.scope] }],
    parameters: [
      ...parametersOf('path', operation.params, example?.params),
      ...parametersOf('query', operation.query, example?.query),
      ...(operation.method === 'POST' ? [{ $ref: '#/components/parameters/IdempotencyKey' }] : []),
    ],
    ...(operation.body === undefined ? {} : { requestBody: requestBody(operation, example) }),
    responses: {
      [operation.status]: {
        description: `${operation.summary}. ${operation.summary_zh}。`,
        headers: { 'Request-Id': { $ref: '#/components/headers/RequestId' } },
        content: { 'application/json': { schema: withReferences(operation.response), ...(example === undefined ? {} : { example: example.response }) } },
      },
      ...errorResponses(operation),
    },
  };
}

function requestBody(operation: Operation, example: OperationExample | undefined): Json {
  // A body whose fields are all optional may be left out.
  const required = ((operation.body as { required?: readonly string[] }).required ?? []).length > 0;
  return {
    required,
    content: { 'application/json': { schema: withReferences(operation.body as TSchema), ...(example?.body === undefined ? {} : { example: example.body }) } },
  };
}

function parametersOf(place: 'path' | 'query', schema: Operation['params'], example: Readonly<Record<string, unknown>> = {}): Json[] {
  const { properties = {}, required = [] } = (schema ?? {}) as {
    properties?: Record<string, TSchema & { description?: string }>;
    required?: readonly string[];
  };
  return Object.entries(properties).map(([name, property]) => {
    const { description, ...rest } = plain(property) as { description?: string };
    return {
      name,
      in: place,
      required: place === 'path' || required.includes(name),
      ...(description === undefined ? {} : { description }),
      schema: rest,
      ...(example[name] === undefined ? {} : { example: example[name] }),
    };
  });
}

function errorResponses(operation: Operation): Json {
  const by_status = Map.groupBy(errorsOf(operation), (code) => errors[code].status);
  return Object.fromEntries(
    [...by_status].map(([status, codes]) => [
      status,
      {
        description: codes.map((code) => `\`${code}\`: ${errorText(code).message} ${errorText(code).message_zh}`).join('\n\n'),
        headers: {
          'Request-Id': { $ref: '#/components/headers/RequestId' },
          ...(status === 429 || status === 503 ? { 'Retry-After': { $ref: '#/components/headers/RetryAfter' } } : {}),
        },
        content: {
          'application/json': {
            schema: { $ref: '#/components/schemas/Error' },
            examples: Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/error_${code}` }])),
          },
        },
        'x-error-codes': codes,
      },
    ]),
  );
}

function errorExample(code: ErrorCode, public_url: string): Json {
  return {
    error: {
      code,
      ...errorText(code),
      request_id: 'req_01KAMDZ2Q0MNPQRSTVWXYZ0123',
      doc_url: `${public_url}/docs#error-${code}`,
      retryable: errors[code].retryable,
    },
  };
}

/** Named schemas by their text: TypeBox copies a schema when it makes it optional, so identity would miss some. */
const names_by_text = new Map(Object.entries(named_schemas).map(([name, schema]) => [JSON.stringify(schema), name]));

const namedSchemas = (): Json => Object.fromEntries(Object.entries(named_schemas).map(([name, schema]) => [name, withReferences(schema, name)]));

/** The schema as plain JSON, with references to named schemas inside it. */
function withReferences(schema: TSchema, self?: string): unknown {
  return refer(plain(schema), self);
}

function refer(value: unknown, self: string | undefined): unknown {
  if (Array.isArray(value)) return value.map((item) => refer(item, undefined));
  if (value === null || typeof value !== 'object') return value;
  const name = names_by_text.get(JSON.stringify(value));
  if (name !== undefined && name !== self) return { $ref: `#/components/schemas/${name}` };
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, refer(member, undefined)]));
}

/** Without what TypeBox keeps for itself. */
const plain = (schema: TSchema): unknown => JSON.parse(JSON.stringify(schema));
