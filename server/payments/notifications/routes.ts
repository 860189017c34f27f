import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import type { InboundMessage } from '../../channels/define.ts';
import { channels } from '../../channels/registry.ts';
import { notification_body_bytes_max } from '../../kernel/limits.ts';
import type { PaymentsCtx } from '../ctx.ts';
import { receive } from './service.ts';

/**
 * `/notify/:channel/:account`: where channels report. The body stays raw bytes, since signatures are over bytes; the
 * answer is the channel's own acknowledgement, given only after the effect is committed.
 */
export const notificationRoutes =
  (ctx: PaymentsCtx): FastifyPluginAsync =>
  (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser<Buffer>('*', { parseAs: 'buffer', bodyLimit: notification_body_bytes_max }, (_request, body, done) => done(null, body));
    const take = async (request: NotifyRequest, reply: FastifyReply, message: Message) => {
      const { channel, account } = request.params;
      const answer = await receive(ctx, channel, account, message);
      if (!answer) return notFound(reply);
      return reply.code(answer.status).type(answer.content_type).send(answer.body);
    };
    scope.post<Params>('/notify/:channel/:account', (request, reply) =>
      take(request, reply, { headers: singleHeaders(request), body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0) }),
    );
    // A HEAD would take the message and throw the acknowledgement away.
    scope.get<Params>('/notify/:channel/:account', { exposeHeadRoute: false }, (request, reply) =>
      channels.get(request.params.channel)?.notification.by_get ? take(request, reply, formOf(request)) : notFound(reply),
    );
    return Promise.resolve();
  };

type Params = { Params: { channel: string; account: string } };
type NotifyRequest = FastifyRequest<Params>;
type Message = Omit<InboundMessage, 'path'>;

const notFound = (reply: FastifyReply): FastifyReply => reply.code(404).type('text/plain').send('not found');

/** The raw query as a form: signatures are over what was sent. */
function formOf(request: NotifyRequest): Message {
  const url = request.raw.url ?? '';
  const mark = url.indexOf('?');
  const headers = { ...singleHeaders(request), 'content-type': 'application/x-www-form-urlencoded' };
  return { headers, body: Buffer.from(mark < 0 ? '' : url.slice(mark + 1)) };
}

/** A header that was sent twice is joined by Node with a comma and then fits no signature. */
function singleHeaders({ headers }: NotifyRequest): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]));
}
