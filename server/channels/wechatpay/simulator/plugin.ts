import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../../kernel/time.ts';
import type { Faults } from '../../kit/faults.ts';
import { answer, clientCertificateOf, write } from '../../kit/gateway/door.ts';
import type { WireReply } from '../../kit/gateway/wire.ts';
import type { Cashier } from './cashier.ts';
import type { Wallet } from './wallet.ts';
import type { RawRequest, Received } from './wire.ts';

/** The gateway's HTTP face: raw bytes in, exact headers out, and everything that can go wrong in between. */

/** A request is a few kilobytes; the real gateway takes no more than this in an upload. */
const body_bytes_max = 2 * 1024 * 1024;

export type Face = {
  readonly clock: Clock;
  readonly faults: Faults;
  readonly cashier: Cashier;
  readonly wallet: Wallet;
  /** Resolves when keys that are being made are ready. */
  readonly ready: () => Promise<void>;
  readonly receive: (request: RawRequest) => Received;
};

export function createPlugin(face: Face): FastifyPluginAsync {
  return (app) => {
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: body_bytes_max }, (_request, body, done) => done(null, body));
    app.all('/*', async (request, reply) => {
      // Fastify writes header names in lower case; some SDKs look them up in WeChat's own case.
      reply.hijack();
      try {
        await serve(face, rawRequestOf(request, app.prefix), reply);
      } catch (error) {
        reply.raw.destroy();
        throw error;
      }
    });
    return Promise.resolve();
  };
}

function rawRequestOf(request: FastifyRequest, prefix: string): RawRequest {
  const target = request.raw.url ?? '/';
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]));
  return {
    method: request.method,
    target,
    path: target.startsWith(prefix) ? target.slice(prefix.length) || '/' : target,
    headers,
    body: Buffer.isBuffer(request.body) ? request.body.toString('utf8') : '',
    client_certificate: clientCertificateOf(request),
  };
}

const cashier_path = '/cgi-bin/mmpayweb-bin/checkmweb';

async function serve(face: Face, request: RawRequest, reply: FastifyReply): Promise<void> {
  await face.ready();
  const [path = '', query = ''] = request.path.split('?', 2);
  if (path === cashier_path) return write(reply, atCashier(face.cashier, request, new URLSearchParams(query)));
  const inside = face.wallet.serve(request);
  if (inside) return write(reply, inside);
  return answer(face, face.receive(request), reply);
}

const atCashier = (cashier: Cashier, { method, body }: RawRequest, query: URLSearchParams): WireReply =>
  method === 'POST' ? cashier.decide(query, new URLSearchParams(body)) : cashier.show(query);
