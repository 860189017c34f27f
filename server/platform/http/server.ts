import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { operations } from '@heliu/contract';
import Fastify, {
  type FastifyInstance,
  type FastifyListenOptions,
  type FastifyPluginAsync,
  type FastifyPluginCallback,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { assert } from '../../kernel/assert.ts';
import { newId } from '../../kernel/id.ts';
import { db_waiting_fair_ms_max, db_waiting_ms_max, http_drain_ms_max, http_in_flight_max, http_receive_ms_max } from '../../kernel/limits.ts';
import { RefusalError, refuse } from '../../kernel/refusal.ts';
import type { Ctx } from '../ctx.ts';
import { acceptJsonOnly } from './bind.ts';
import { docsRoutes } from './docs.ts';
import type { Authenticate, Edge } from './edge.ts';
import { sendError, sendRefusal } from './errors.ts';
import { createInFlight, type InFlight } from './in-flight.ts';
import { isShareable, type Listeners, openListeners } from './listeners.ts';
import { probeRoutes } from './probes.ts';
import { allowedMethods } from './route-table.ts';
import { safeHeaders } from './safe-headers.ts';
import { serializeOnDemand } from './serializer.ts';

/** What the modules above give to the server. */
export type HttpParts = {
  readonly authenticate: Authenticate;
  /** Binds the operations of the contract with `bindOperation`. */
  readonly bindOperations: (scope: FastifyInstance) => void;
  /** Other scopes, each with its own authentication, parsers, limits and error shape. */
  readonly scopes?: readonly (FastifyPluginAsync | FastifyPluginCallback)[];
  /** Says in words why this node cannot serve yet, beyond its database: migrations that are not done. */
  readonly notReady?: () => Promise<string | undefined>;
  /** Fewer places than `http_in_flight_max`, for a small machine. */
  readonly in_flight_max?: number;
};

export type HttpServer = {
  readonly fastify: FastifyInstance;
  /** Listens on the configured host and port, and gives the address. */
  readonly listen: () => Promise<AddressInfo>;
  /**
   * Stops gently: from now on no connection is taken, so that whoever comes goes to another node; what still comes over a
   * connection that was there is served, as its last. Those under way finish within the deadline, then everything is closed.
   * Safe to call twice.
   */
  readonly stop: (deadline_ms?: number) => Promise<void>;
};

const late_check_ms = 5_000;
const raw_refusals: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** The HTTP side of a node: the merchant API under `/v1`, documentation, probes, and whatever scopes are handed in. */
export async function createHttpServer(ctx: Ctx, parts: HttpParts): Promise<HttpServer> {
  const in_flight = createInFlight(parts.in_flight_max ?? http_in_flight_max);
  let stopping: Promise<void> | undefined;
  let listeners: Listeners | undefined;
  const isStopping = () => stopping !== undefined;

  const fastify = Fastify({
    logger: false,
    schemaController: { compilersFactory: { buildSerializer: serializeOnDemand } },
    trustProxy: ctx.config.trusted_proxies.length > 0 ? [...ctx.config.trusted_proxies] : false,
    genReqId: () => newId('request', ctx.clock.now(), ctx.rng),
    requestIdHeader: false,
    exposeHeadRoutes: false,
    // An order number of 64 characters, each written as %XX.
    routerOptions: { maxParamLength: 200 },
    requestTimeout: http_receive_ms_max,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => {
      open(request, reply);
      void sendError(ctx, error, request, reply as FastifyReply);
    },
    // Node looks for requests that are late this often; its own 30 s would make the limit above mean 45 s.
    // Node's own check of Host answers 400 and still hands on what comes behind on the same connection; ours does not.
    http: { connectionsCheckingInterval: late_check_ms, requireHostHeader: false },
    clientErrorHandler: (error, socket) => refuseConnection(socket, raw_refusals[error.code]),
  });

  const open = (request: FastifyRequest, reply: FastifyReply): void => {
    request.edge = { started_ms: ctx.clock.monotonic_ms(), ticket: undefined, authenticated: undefined, body_checked: false, error_code: undefined };
    reply.headers(safe_headers).header('request-id', request.id);
    reply.raw.once('close', () => {
      request.edge.ticket?.release();
      logRequest(ctx, request, reply);
    });
  };
  const safe_headers = safeHeaders(ctx.config.public_url);

  fastify.decorate('bound_operations', []);
  fastify.decorateRequest('edge', null as unknown as Edge);
  fastify.addHook('onRequest', (request, reply, done) => {
    open(request, reply);
    const { probe, long_lived } = request.routeOptions.config;
    // Absolute URIs are for proxies and fragments stay in browsers: neither belongs in a request to us.
    const target = request.raw.url ?? '';
    if (request.raw.socket.writableEnded || !isForOneHost(request.raw)) {
      reply.hijack();
      return refuseConnection(request.raw.socket);
    }
    if (!target.startsWith('/') || target.includes('#')) return done(new RefusalError(refuse('route_unknown')));
    if (probe) return done();
    if (long_lived) return done();
    request.edge.ticket = in_flight.enter();
    done(request.edge.ticket ? undefined : new RefusalError(refuse('overloaded')));
  });
  // A client that keeps its connection would send its next request to a node that is going away.
  fastify.addHook('onSend', (_request, reply, payload, done) => {
    if (isStopping()) reply.header('connection', 'close');
    done(null, payload);
  });
  fastify.setErrorHandler((error, request, reply) => sendError(ctx, error, request, reply));
  fastify.setNotFoundHandler((request, reply) => {
    const allowed = allowedMethods(operations, request.raw.url ?? '');
    if (allowed.length === 0) return sendRefusal(ctx, refuse('route_unknown'), request, reply);
    return sendRefusal(ctx, refuse('method_not_allowed'), request, reply.header('allow', allowed.join(', ')));
  });

  await fastify.register((scope, _options, done) => {
    scope.addHook('onRequest', async (request) => {
      refuseWhenBehind(ctx);
      request.edge.authenticated = await parts.authenticate({
        method: request.method,
        target: request.raw.url ?? '',
        headers: request.headers,
        address: request.ip,
      });
      admit(ctx, in_flight, request);
    });
    acceptJsonOnly(scope);
    parts.bindOperations(scope);
    done();
  });
  await fastify.register(probeRoutes(ctx, { in_flight, isStopping, notReady: parts.notReady }));
  await fastify.register(docsRoutes(ctx));
  for (const scope of parts.scopes ?? []) await fastify.register(scope);

  const stop = async (deadline_ms: number): Promise<void> => {
    // A request that is refused here fails; a connection that is refused goes elsewhere. Idle connections are closed with it.
    fastify.server.close();
    listeners?.close();
    const finished = new AbortController();
    await Promise.race([in_flight.idle(), ctx.clock.sleep(deadline_ms, finished.signal)]);
    finished.abort();
    if (in_flight.count() > 0) ctx.log.warn({ in_flight: in_flight.count() }, 'stopping although requests are under way');
    const closed = fastify.close();
    fastify.server.closeAllConnections();
    await closed;
  };

  return {
    fastify,
    listen: async () => {
      const { host, port } = ctx.config;
      const is_shared = await isShareable({ host, port });
      // Fastify hands every option on to Node; its own type does not name this one yet.
      const where: FastifyListenOptions & { readonly reusePort: boolean } = { host, port, reusePort: is_shared };
      await fastify.listen(where);
      const address = fastify.server.address();
      assert(address !== null && typeof address === 'object', 'a listening server has an address');
      if (is_shared) listeners = await openListeners(fastify.server, { host: address.address, port: address.port });
      return address;
    },
    stop: (deadline_ms = http_drain_ms_max) => {
      stopping ??= stop(deadline_ms);
      return stopping;
    },
  };
}

/**
 * New work of merchants that would only wait is refused, before authentication too could wait for the database. What
 * gateways tell is let in: it ends work that was begun.
 */
function refuseWhenBehind(ctx: Ctx): void {
  if (ctx.db.waiting_ms() >= db_waiting_ms_max) throw new RefusalError(refuse('overloaded'));
}

/** When the database begins to fall behind, those who take the most are refused first. */
function admit(ctx: Ctx, in_flight: InFlight, { edge }: FastifyRequest): void {
  const merchant_id = edge.authenticated?.caller.merchant_id;
  assert(merchant_id !== undefined, 'who is admitted is known');
  if (ctx.db.waiting_ms() >= db_waiting_fair_ms_max && in_flight.isAboveShare(merchant_id)) throw new RefusalError(refuse('overloaded'));
  edge.ticket?.own(merchant_id);
}

/** What came is not HTTP, or not all of it: there is no request to answer in the API's own form, and nothing behind it is heard. */
function refuseConnection(socket: Duplex, status = '400 Bad Request'): void {
  if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

/** RFC 9112, 3.2: of two hosts a proxy could take one and a server the other. Only HTTP/1.0 goes without. */
function isForOneHost({ rawHeaders, httpVersion }: IncomingMessage): boolean {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) if (rawHeaders[at]?.length === 4 && rawHeaders[at]?.toLowerCase() === 'host') hosts += 1;
  return hosts === 1 || (hosts === 0 && httpVersion === '1.0');
}

function logRequest(ctx: Ctx, request: FastifyRequest, reply: FastifyReply): void {
  const { edge, routeOptions, id: request_id, method } = request;
  const duration_ms = Math.round((ctx.clock.monotonic_ms() - edge.started_ms) * 10) / 10;
  // The route's pattern, never the URL: a URL may carry what does not belong in a log, and the pattern counts well.
  const route = routeOptions.url ?? 'unknown';
  const status = reply.raw.writableEnded ? reply.statusCode : 499;
  const caller = edge.authenticated?.caller;
  const write = routeOptions.config?.probe ? ctx.log.debug : ctx.log.info;
  write(
    {
      request_id,
      method,
      route,
      status,
      duration_ms,
      merchant_id: caller?.merchant_id,
      api_key_id: caller?.api_key_id,
      error: edge.error_code,
      ip: request.ip,
    },
    'request',
  );
  ctx.metrics.count('heliu_http_requests_total', { method, route, status: String(status) });
  ctx.metrics.observe('heliu_http_request_duration_seconds', duration_ms / 1000, { route });
}
