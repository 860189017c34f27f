import { TLSSocket } from 'node:tls';
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../../kernel/time.ts';
import { type CallFault, call_faults, type Faults } from '../faults.ts';
import type { RawRequest, Received, Trouble, Unsealed, WireReply } from './wire.ts';

/** The HTTP face of a simulated gateway: raw bytes in, exact headers out, and everything that can go wrong in between. */

/** A request is a few kilobytes; no gateway takes more than this. */
const body_bytes_max = 2 * 1024 * 1024;

export type Face = {
  readonly clock: Clock;
  readonly faults: Faults;
  readonly receive: (request: RawRequest) => Received | Promise<Received>;
};

export function createDoor(face: Face): FastifyPluginAsync {
  return (app) => {
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: body_bytes_max }, (_request, body, done) => done(null, body));
    app.all('/*', async (request, reply) => {
      reply.hijack();
      try {
        await answer(face, await face.receive(rawRequestOf(request, app.prefix)), reply);
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
  const seen = target.startsWith(prefix) ? target.slice(prefix.length) || '/' : target;
  const mark = seen.indexOf('?');
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]));
  return {
    method: request.method,
    path: mark < 0 ? seen : seen.slice(0, mark),
    query: mark < 0 ? '' : seen.slice(mark + 1),
    headers,
    body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
    client_certificate: clientCertificateOf(request),
    address: request.ip,
  };
}

export function clientCertificateOf({ raw }: FastifyRequest): RawRequest['client_certificate'] {
  if (!(raw.socket instanceof TLSSocket)) return 'none';
  const { serialNumber } = raw.socket.getPeerCertificate() as { serialNumber?: string };
  return { serial_no: serialNumber };
}

/** Carries a call out and answers it, with whatever fault was planted for it. */
export async function answer({ clock, faults }: Pick<Face, 'clock' | 'faults'>, received: Answerable, reply: FastifyReply): Promise<void> {
  if ('reply' in received) return write(reply, received.reply);
  const fault = faults.take(received.call.name, call_faults);
  if (fault) await misbehave(clock, received.call, fault, reply);
  else write(reply, received.call.run()('good'));
}

/** A call of any dialect. */
type AnyCall = { readonly name: string; readonly run: () => Unsealed; readonly fail: (trouble: Trouble) => Unsealed };
type Answerable = { readonly reply: WireReply } | { readonly call: AnyCall };

const troubles: Partial<Record<CallFault['kind'], Trouble>> = { server_error: 'server_error', rate_limit: 'rate_limit', unlisted_code: 'unlisted_code' };

async function misbehave(clock: Clock, call: AnyCall, fault: CallFault, reply: FastifyReply): Promise<void> {
  const trouble = fault.kind === 'error_code' ? { code: fault.code ?? 'SYSTEM_ERROR' } : troubles[fault.kind];
  if (trouble !== undefined) return write(reply, call.fail(trouble)('good'));
  if (fault.kind === 'drop_before') return hangUp(reply);
  const unsealed = call.run();
  switch (fault.kind) {
    case 'drop_after':
      return hangUp(reply);
    case 'cut_answer':
      return writeHalf(reply, unsealed('good'));
    case 'html_answer':
      return write(reply, { status: 200, headers: { 'Content-Type': 'text/html' }, body: '<html><head><title>502 Bad Gateway</title></head></html>' });
    case 'unsigned_answer':
      return write(reply, unsealed('none'));
    case 'bad_signature':
      return write(reply, unsealed('bad'));
    default:
      await clock.sleep(fault.ms ?? 1_000);
      return write(reply, unsealed('good'));
  }
}

export function write({ raw }: FastifyReply, { status, headers, body }: WireReply): void {
  raw.writeHead(status, { Server: 'nginx', ...headers, ...(status === 204 ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }) });
  raw.end(body);
}

/** Promises the whole body and ends the connection in its middle. */
function writeHalf({ raw }: FastifyReply, { status, headers, body }: WireReply): void {
  const bytes = Buffer.from(body);
  raw.writeHead(status, { ...headers, 'Content-Length': String(bytes.length + 1) });
  raw.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => raw.destroy());
}

const hangUp = ({ raw }: FastifyReply): void => {
  raw.destroy();
};
