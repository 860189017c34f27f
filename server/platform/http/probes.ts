import type { FastifyPluginCallback, FastifyRequest } from 'fastify';
import { readiness_ms_max } from '../../kernel/limits.ts';
import { refuse } from '../../kernel/refusal.ts';
import type { Ctx } from '../ctx.ts';
import { sendRefusal } from './errors.ts';
import type { InFlight } from './in-flight.ts';

type Probed = {
  readonly in_flight: InFlight;
  readonly isStopping: () => boolean;
  readonly notReady: (() => Promise<string | undefined>) | undefined;
};

/**
 * `/healthz`: the process answers (restart it when it does not). `/readyz`: it can serve (send it traffic). `/metrics`:
 * Prometheus, for this machine alone.
 */
export function probeRoutes(ctx: Ctx, probed: Probed): FastifyPluginCallback {
  return (scope, _options, done) => {
    const config = { probe: true };
    scope.get('/healthz', { config }, () => ({ status: 'ok' }));
    scope.get('/readyz', { config }, async (_request, reply) => {
      const problem = probed.isStopping() ? 'stopping' : await readinessProblem(ctx, probed);
      return problem === undefined ? { status: 'ready' } : reply.code(503).send({ status: 'not_ready', problem });
    });
    scope.get('/metrics', { config }, async (request, reply) => {
      if (!fromThisMachine(request)) return sendRefusal(ctx, refuse('route_unknown'), request, reply);
      ctx.metrics.gauge('heliu_http_requests_in_flight', probed.in_flight.count());
      return reply.type('text/plain; version=0.0.4; charset=utf-8').send(await ctx.metrics.expose());
    });
    done();
  };
}

const ping = { name: 'readiness_ping', text: 'select 1 as one' };

async function readinessProblem(ctx: Ctx, { notReady }: Probed): Promise<string | undefined> {
  const done = new AbortController();
  const look = async () => {
    await ctx.db.run(ping, []);
    return notReady?.();
  };
  const late = ctx.clock.sleep(readiness_ms_max, done.signal).then(() => 'the database does not answer');
  try {
    return await Promise.race([look(), late]);
  } catch (error) {
    ctx.log.warn({ error: error instanceof Error ? error : new Error(String(error)) }, 'not ready');
    return 'the database cannot be reached';
  } finally {
    done.abort();
  }
}

/** Headers with which a proxy says that it speaks for someone else. */
const forwarding_headers = ['forwarded', 'via', 'x-forwarded-for', 'x-real-ip'] as const;

/** True for a direct connection from this machine. A request through a local proxy also comes from a local address, but not for itself. */
function fromThisMachine({ headers, socket }: FastifyRequest): boolean {
  const address = socket.remoteAddress ?? '';
  const local = address === '::1' || /^(?:::ffff:)?127\./.test(address);
  return local && forwarding_headers.every((name) => headers[name] === undefined);
}
