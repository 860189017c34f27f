import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import type { FastifyPluginAsync } from 'fastify';
import { sha256Hex } from '../../../kernel/digest.ts';

type Asset = { readonly body: Buffer; readonly type: string; readonly etag: string };

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
};
/** Where the till's build lies; it is made before the server starts. */
const folder = new URL('../../../../web/pos/dist/', import.meta.url);

/** Our own files and the terminal API; the reader of bar codes is WebAssembly. Nothing inline, nothing from elsewhere. */
const policy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "manifest-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** `/pos/`: the till as an installable page. Its files are read once; those named by their content are kept by browsers for ever. */
export const posPage: FastifyPluginAsync = (scope) => {
  const assets = readAssets();
  scope.get('/pos', (_request, reply) => reply.redirect('/pos/'));
  scope.get<{ Params: { '*': string } }>('/pos/*', (request, reply) => {
    const name = request.params['*'] === '' ? 'index.html' : request.params['*'];
    const asset = assets.get(name);
    if (asset === undefined) return reply.callNotFound();
    const cache = name.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache';
    reply.headers({ etag: asset.etag, 'cache-control': cache, 'content-security-policy': policy, 'permissions-policy': 'camera=(self)' });
    if (request.headers['if-none-match'] === asset.etag) return reply.code(304).send();
    return reply.type(asset.type).send(asset.body);
  });
  return Promise.resolve();
};

/** Every file of the build by its path; empty where the till was not built. */
function readAssets(): ReadonlyMap<string, Asset> {
  if (!existsSync(folder)) return new Map();
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => name.replaceAll('\\', '/'));
  return new Map(
    names
      .filter((name) => extname(name) in types)
      .map((name) => {
        const body = readFileSync(new URL(name, folder));
        return [name, { body, type: types[extname(name)] as string, etag: `"${sha256Hex(body).slice(0, 32)}"` }];
      }),
  );
}
