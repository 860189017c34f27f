import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { sha256Hex } from '../kernel/digest.ts';

type Asset = { readonly body: Buffer; readonly type: string; readonly etag: string };

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};
const folder = new URL('../../web/sandbox/', import.meta.url);

/** Address of each page. */
const pages = { '/': 'start.html', '/sim/wallet': 'wallet.html', '/sandbox/inbox': 'inbox.html' } as const;

/** The three pages and their files, read once; a browser asks each time whether they changed and mostly hears 304. */
export function mountPages(app: FastifyInstance, public_url: string): void {
  const assets = readAssets();
  const policy = contentSecurityPolicy(public_url);
  for (const [path, name] of Object.entries(pages)) app.get(path, (request, reply) => serve(assets.get(name), request, reply, policy));
  app.get<{ Params: { name: string } }>('/sandbox/assets/:name', (request, reply) => serve(assets.get(request.params.name), request, reply, policy));
}

function readAssets(): ReadonlyMap<string, Asset> {
  const names = readdirSync(folder).filter((name) => extname(name) in types);
  return new Map(
    names.map((name) => {
      const body = readFileSync(new URL(name, folder));
      return [name, { body, type: types[extname(name)] as string, etag: `"${sha256Hex(body).slice(0, 32)}"` }];
    }),
  );
}

function serve(asset: Asset | undefined, request: FastifyRequest, reply: FastifyReply, policy: string): FastifyReply | undefined {
  if (asset === undefined) {
    reply.callNotFound();
    return undefined;
  }
  reply.headers({ etag: asset.etag, 'cache-control': 'no-cache', 'content-security-policy': policy });
  if (request.headers['if-none-match'] === asset.etag) return reply.code(304).send();
  return reply.type(asset.type).send(asset.body);
}

/** Nothing but our own files runs or loads; forms may go to the simulated gateways, which stand under the public URL. */
function contentSecurityPolicy(public_url: string): string {
  const own = new URL(public_url).origin;
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    `form-action 'self' ${own}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
