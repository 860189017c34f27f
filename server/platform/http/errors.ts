import { type ErrorCode, errors, errorText } from '@heliu/contract';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { retry_after_s } from '../../kernel/limits.ts';
import { type Refusal, RefusalError, refuse } from '../../kernel/refusal.ts';
import type { Ctx } from '../ctx.ts';
import { isUnreachable } from '../db/db.ts';

/** The body of every error of the merchant API. */
export type ErrorBody = {
  readonly error: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly message_zh: string;
    /** The field of the request that caused it, as the caller wrote it. */
    readonly param?: string;
    readonly request_id: string;
    readonly doc_url: string;
    /** True when the same request may succeed later without a change. */
    readonly retryable: boolean;
  };
};

/** A name that a caller made up is repeated up to here. */
const param_length_max = 200;

export function errorBody(refusal: Refusal, request_id: string, public_url: string): ErrorBody {
  const { refused: code, param, facts } = refusal;
  return {
    error: {
      code,
      ...errorText(code, facts),
      ...(param === undefined ? {} : { param: param.slice(0, param_length_max) }),
      request_id,
      doc_url: `${public_url}/docs#error-${code}`,
      retryable: errors[code].retryable,
    },
  };
}

/** Headers that belong to an error's status. */
export function errorHeaders(refusal: Refusal): Record<string, string> {
  const { status, retryable } = errors[refusal.refused];
  const wait_s = refusal.facts?.retry_after_s ?? retry_after_s;
  if (status === 401) return { 'www-authenticate': 'Bearer realm="heliu"' };
  return retryable && (status === 429 || status === 503) ? { 'retry-after': String(wait_s) } : {};
}

/** What Fastify itself refuses, in our words. What is not listed is a bug of ours, not a fault of the caller. */
const fastify_refusals: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'malformed_json',
  FST_ERR_CTP_INVALID_JSON_BODY: 'malformed_json',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'malformed_json',
  FST_ERR_BAD_URL: 'route_unknown',
  FST_ERR_INVALID_URL: 'route_unknown',
  FST_ERR_MAX_PARAM_LENGTH: 'route_unknown',
  FST_ERR_NOT_FOUND: 'route_unknown',
};

/** The refusal that an error carries; undefined when it is a bug. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof RefusalError) return error.refusal;
  if (typeof error !== 'object' || error === null || !('code' in error) || typeof error.code !== 'string') return undefined;
  const code = fastify_refusals[error.code];
  return code && refuse(code);
}

/** Answers with a refusal and notes its code for the log line of the request. */
export function sendRefusal(ctx: Ctx, refusal: Refusal, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  request.edge.error_code = refusal.refused;
  return reply
    .code(errors[refusal.refused].status)
    .headers(errorHeaders(refusal))
    .type('application/json; charset=utf-8')
    .send(JSON.stringify(errorBody(refusal, request.id, ctx.config.public_url)));
}

/** Answers with whatever went wrong. A database that is away is `unavailable`, a bug `internal_error`; the story goes to the log under the request id. */
export function sendError(ctx: Ctx, error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const refusal = refusalOf(error);
  if (refusal) return sendRefusal(ctx, refusal, request, reply);
  // The caller went away in the middle of its body: there is nobody to answer and nothing of ours to mend.
  if (!request.raw.destroyed || request.raw.complete) {
    ctx.log.error(
      { request_id: request.id, route: request.routeOptions.url, error: error instanceof Error ? error : new Error(String(error)) },
      'request failed',
    );
  }
  return sendRefusal(ctx, refuse(isUnreachable(error) ? 'unavailable' : 'internal_error'), request, reply);
}
