import type { FastifyInstance } from 'fastify';
import Type from 'typebox';
import { api_body_bytes_max } from '../kernel/limits.ts';
import type { Ctx } from '../platform/ctx.ts';
import type { DemoFile } from './demo-file.ts';
import type { Feed } from './feed.ts';
import { type Inbox, type InboxAnswer, inbox_answers } from './inbox.ts';
import type { MerchantApi } from './merchant-api.ts';
import { answer, write } from './payment-routes.ts';
import { answerProblem } from './problems.ts';
import { bodyReader } from './scope.ts';

type Receiver = { readonly inbox: Inbox; readonly feed: Feed; readonly demo: () => DemoFile; readonly api: () => MerchantApi };

const AnswerBody = Type.Object({ answer: Type.Unsafe<InboxAnswer>({ type: 'string', enum: Object.keys(inbox_answers) }) }, { additionalProperties: false });

const readAnswer = bodyReader(AnswerBody);

/** Where webhooks arrive: the demo merchant's server, reached over the network like any merchant's. It may answer slowly on purpose, which no stop waits for. */
export function mountHook(ctx: Ctx, app: FastifyInstance, inbox: Inbox, stopped: AbortSignal): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string', bodyLimit: api_body_bytes_max }, (_request, body, done) => done(null, body));
  app.post('/sandbox/inbox/hook', { config: { long_lived: true } }, async (request, reply) => {
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]));
    const { status, delay_ms } = inbox.receive({ headers, body: typeof request.body === 'string' ? request.body : '' });
    if (delay_ms > 0) await ctx.clock.sleep(delay_ms, stopped);
    return reply.code(status).send();
  });
}

/** What the inbox page asks. */
export function mountInbox(app: FastifyInstance, receiver: Receiver): void {
  const { inbox, feed, demo, api } = receiver;
  app.get('/inbox', () => inbox.view());
  app.get('/inbox/stream', { config: { long_lived: true } }, (_request, reply) => {
    const stream = feed.open({ event: 'all', data: inbox.view() });
    if (stream === undefined) return answerProblem(reply, 'too_many_pages');
    return reply.type('text/event-stream; charset=utf-8').send(stream);
  });
  app.post('/inbox/answer', (request) => {
    const { answer: chosen } = readAnswer(request);
    inbox.setAnswer(chosen);
    return { answer: chosen };
  });
  app.post('/inbox/clear', () => {
    inbox.clear();
    return inbox.view();
  });

  // The endpoint at Heliu's side: its state and every delivery, as the API shows them.
  app.get('/endpoint', async (_request, reply) => {
    const endpoint = demo().webhook_endpoint;
    return endpoint ? answer(reply, await api()({ method: 'GET', path: `/v1/webhook_endpoints/${endpoint.id}` })) : answerProblem(reply, 'endpoint_missing');
  });
  app.get('/endpoint/deliveries', async (_request, reply) => {
    const endpoint = demo().webhook_endpoint;
    return endpoint
      ? answer(reply, await api()({ method: 'GET', path: `/v1/webhook_endpoints/${endpoint.id}/deliveries?limit=20` }))
      : answerProblem(reply, 'endpoint_missing');
  });
  for (const verb of ['enable', 'ping']) {
    app.post(`/endpoint/${verb}`, async (request, reply) => {
      const endpoint = demo().webhook_endpoint;
      return endpoint ? answer(reply, await api()(write(request, `/v1/webhook_endpoints/${endpoint.id}/${verb}`))) : answerProblem(reply, 'endpoint_missing');
    });
  }
  app.post<{ Params: { id: string } }>('/endpoint/deliveries/:id/resend', async (request, reply) => {
    const endpoint = demo().webhook_endpoint;
    if (endpoint === undefined) return answerProblem(reply, 'endpoint_missing');
    return answer(reply, await api()(write(request, `/v1/webhook_endpoints/${endpoint.id}/deliveries/${encodeURIComponent(request.params.id)}/resend`)));
  });
}
