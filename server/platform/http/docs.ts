import { buildOpenApi, operations } from '@heliu/contract';
import type { FastifyPluginCallback, FastifyRequest } from 'fastify';
import { sha256 } from '../../kernel/digest.ts';
import type { Ctx } from '../ctx.ts';
import { docsPage } from './docs-page.ts';
import { docs_style } from './docs-style.ts';
import type { Language } from './docs-words.ts';

/** The version of the merchant API: `/v1`, and what was added to it since. */
const api_version = '1.0.0';

/** Nothing but the one style block, named by its hash: no script, image, frame or form can come in. */
const policy = `default-src 'none'; style-src 'sha256-${sha256(docs_style).toString('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** `/openapi.json` for machines and `/docs` for people, both made from the contract when they are first asked for. */
export function docsRoutes(ctx: Ctx): FastifyPluginCallback {
  const input = { operations, public_url: ctx.config.public_url, version: api_version };
  const document = once(() => JSON.stringify(buildOpenApi(input)));
  const pages = { zh: once(() => docsPage({ ...input, language: 'zh' })), en: once(() => docsPage({ ...input, language: 'en' })) };
  return (scope, _options, done) => {
    const method = ['GET', 'HEAD'];
    scope.route({
      method,
      url: '/openapi.json',
      handler: (_request, reply) =>
        reply.headers({ 'cache-control': 'public, max-age=300', 'access-control-allow-origin': '*' }).type('application/json; charset=utf-8').send(document()),
    });
    scope.route({
      method,
      url: '/docs',
      handler: (request, reply) =>
        reply
          .headers({ 'cache-control': 'public, max-age=300', 'content-security-policy': policy, vary: 'accept-language' })
          .type('text/html; charset=utf-8')
          .send(pages[languageOf(request)]()),
    });
    done();
  };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** As asked for in the URL, else Chinese, unless the browser asks for English and not for Chinese. */
function languageOf({ query, headers }: FastifyRequest): Language {
  const { lang } = query as { lang?: unknown };
  if (lang === 'zh' || lang === 'en') return lang;
  const accepted = headers['accept-language'] ?? '';
  return /\ben\b/i.test(accepted) && !/\bzh\b/i.test(accepted) ? 'en' : 'zh';
}
