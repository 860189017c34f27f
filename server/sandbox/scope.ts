import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Static, TSchema } from 'typebox';
import { api_body_bytes_max } from '../kernel/limits.ts';
import { orThrow, RefusalError, refuse } from '../kernel/refusal.ts';
import type { Ctx } from '../platform/ctx.ts';
import { isJsonContentType, readJson } from '../platform/http/json.ts';
import { compile } from '../platform/http/validate.ts';
import { isOwnPage } from './guard.ts';
import { answerProblem } from './problems.ts';

/**
 * Makes `app` a scope for the pages' own endpoints: asked by our pages only, and JSON only, which another website
 * cannot send without a permission that is never given. Bodies arrive as they were sent: what is meant for the API goes on untouched.
 */
export function ownPagesOnly(ctx: Ctx, app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    const { host, origin, 'sec-fetch-site': fetch_site } = request.headers;
    const from = { host, origin, fetch_site: typeof fetch_site === 'string' ? fetch_site : undefined };
    if (!isOwnPage(from, ctx.config.public_url)) await answerProblem(reply, 'request_refused');
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>('*', { parseAs: 'buffer', bodyLimit: api_body_bytes_max }, (request, body, done) => {
    if (isJsonContentType(request.headers['content-type'])) done(null, body);
    else done(new RefusalError(refuse('unsupported_media_type', 'Content-Type')), undefined);
  });
}

/** Reads bodies of one exact form; refuses others by the field that is wrong. */
export function bodyReader<S extends TSchema>(schema: S): (request: FastifyRequest) => Static<S> {
  const check = compile(schema);
  return (request) => {
    const { value } = orThrow(readJson(request.body instanceof Buffer ? request.body : Buffer.alloc(0)));
    const refusal = check(value);
    if (refusal) throw new RefusalError(refusal);
    return value as Static<S>;
  };
}
