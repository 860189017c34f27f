import type { BodyOf, Operation, ParamsOf, QueryOf, ResponseOf } from '@heliu/contract';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { assert } from '../../kernel/assert.ts';
import { canonicalJson, sha256 } from '../../kernel/digest.ts';
import { api_body_bytes_max } from '../../kernel/limits.ts';
import { isRefusal, type Refusal, RefusalError, refuse } from '../../kernel/refusal.ts';
import type { Caller } from '../caller.ts';
import type { Ctx } from '../ctx.ts';
import type { FrozenReply } from '../idempotency/idempotency.ts';
import { isJsonContentType, readJson } from './json.ts';
import { readQuery } from './query.ts';
import { compile } from './validate.ts';

/** One checked request of an operation. */
export type Call<O extends Operation> = {
  readonly ctx: Ctx;
  readonly caller: Caller;
  readonly params: ParamsOf<O>;
  readonly query: QueryOf<O>;
  readonly body: BodyOf<O>;
  /** Absent on reads, and on writes that came without one. */
  readonly idempotency_key?: string;
  /** SHA-256 of operation, params and body: equal for a repeat of the same request, however its JSON was written. */
  readonly request_hash: Buffer;
  readonly request_id: string;
};

/** Answers with the operation's response, or with a frozen reply that is sent byte for byte. Refuses by throwing `RefusalError`. */
export type Handler<O extends Operation> = (call: Call<O>) => Promise<ResponseOf<O> | FrozenReply>;

/** Binds an operation of the contract to its handler: route, permission, validation, serialisation. */
export function bindOperation<const O extends Operation>(scope: FastifyInstance, ctx: Ctx, operation: O, handler: Handler<O>): void {
  const repeated = scope.bound_operations.includes(operation.id);
  scope.bound_operations.push(operation.id);
  // Fastify would throw here; the repeat is told by `bindingProblems` together with whatever else is wrong.
  if (repeated) return;
  const readCall = callReader(ctx, operation);
  scope.route({
    method: operation.method,
    url: operation.path.replace(/\{(\w+)\}/g, ':$1'),
    bodyLimit: api_body_bytes_max,
    schema: { response: { [operation.status]: operation.response } },
    handler: async (request, reply) => {
      const { ticket } = request.edge;
      ticket?.hold();
      try {
        const result = await handler(readCall(request));
        if (isFrozen(result)) return sendFrozen(reply, result);
        reply.code(operation.status);
        return result;
      } finally {
        ticket?.release();
      }
    },
  });
}

/** What is wrong with the bindings: operations without a handler, with two, or that the contract does not have. */
export function bindingProblems(scope: FastifyInstance, operations: readonly Operation[]): string[] {
  const bound = scope.bound_operations;
  const declared = new Set(operations.map((operation) => operation.id));
  return [
    ...[...declared].filter((id) => !bound.includes(id)).map((id) => `${id} is not bound`),
    ...[...new Set(bound)].filter((id) => bound.indexOf(id) !== bound.lastIndexOf(id)).map((id) => `${id} is bound more than once`),
    ...bound.filter((id) => !declared.has(id)).map((id) => `${id} is not an operation of the contract`),
  ];
}

/** Reads bodies on a scope strictly; nothing but JSON comes in. */
export function acceptJsonOnly(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser<Buffer>('*', { parseAs: 'buffer', bodyLimit: api_body_bytes_max }, (request, body, done) => {
    try {
      const { 'content-type': content_type, 'content-encoding': encoding } = request.headers;
      checkBody(request, body);
      if (body.byteLength > 0 && (!isJsonContentType(content_type) || encoding !== undefined))
        throw new RefusalError(refuse('unsupported_media_type', 'Content-Type'));
      const read = readJson(body);
      if (isRefusal(read)) throw new RefusalError(read);
      done(null, read.value);
    } catch (error) {
      done(error as Error, undefined);
    }
  });
  // A request without a body passes no parser: that it has none must be what was signed.
  scope.addHook('preValidation', async (request) => {
    checkBody(request, no_body);
    await request.edge.authenticated?.admit?.();
  });
}

const no_body = new Uint8Array();

/** A signed body is compared with its digest before anything in it is read. */
function checkBody(request: FastifyRequest, body: Uint8Array): void {
  if (request.edge.body_checked) return;
  request.edge.body_checked = true;
  request.edge.authenticated?.checkBody?.(body);
}

const nothing = Type.Object({}, { additionalProperties: false });

function callReader<O extends Operation>(ctx: Ctx, operation: O): (request: FastifyRequest) => Call<O> {
  const checkParams = compile(operation.params ?? nothing);
  const checkQuery = compile(operation.query ?? nothing);
  const checkBodyFields = compile(operation.body ?? nothing);
  const is_write = operation.method === 'POST';
  return (request) => {
    const caller = request.edge.authenticated?.caller;
    assert(caller, 'a bound operation runs behind authentication');
    if (!caller.scopes.includes(operation.scope)) throw new RefusalError(refuse('scope_missing', undefined, { scope: operation.scope }));
    const params = { ...(request.params as object) };
    orRefuse(checkParams(params));
    const query = readQuery(operation.query, request.raw.url ?? '');
    if (isRefusal(query)) throw new RefusalError(query);
    orRefuse(checkQuery(query.value));
    const body = is_write ? (request.body === undefined ? {} : request.body) : undefined;
    if (is_write) orRefuse(checkBodyFields(body));
    const idempotency_key = is_write ? idempotencyKey(request) : undefined;
    const parts = {
      ctx,
      caller,
      params: operation.params && params,
      query: operation.query && query.value,
      body: operation.body && body,
      request_hash: sha256(canonicalJson([operation.id, params, body ?? null])),
      request_id: request.id,
      ...(idempotency_key === undefined ? {} : { idempotency_key }),
    };
    // The schemas that these were checked against are the ones that `Call<O>` is derived from.
    return parts as unknown as Call<O>;
  };
}

const idempotency_key_form = /^[\x21-\x7e]{1,128}$/;

function idempotencyKey(request: FastifyRequest): string | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  // Sent twice, Node joins the values with a comma and a space, which the form does not have.
  if (typeof key !== 'string' || !idempotency_key_form.test(key)) throw new RefusalError(refuse('idempotency_key_invalid', 'Idempotency-Key'));
  return key;
}

function orRefuse(refusal: Refusal | undefined): void {
  if (refusal) throw new RefusalError(refusal);
}

const isFrozen = (result: unknown): result is FrozenReply => typeof result === 'object' && result !== null && 'frozen' in result;

const sendFrozen = (reply: FastifyReply, { frozen }: FrozenReply): FastifyReply =>
  reply.code(frozen.status).type('application/json; charset=utf-8').send(frozen.body);
