import { scopes } from '@heliu/contract';
import { newId, newMerchantCode } from '../../kernel/id.ts';
import type { Caller } from '../../platform/caller.ts';
import { createHttpServer } from '../../platform/http/server.ts';
import { buildEvent, type OutboxEvent, outboxParts } from '../../platform/outbox/outbox.ts';
import { type TestCtx, type TestCtxOptions, testCtx } from '../../testing/ctx.ts';
import type { WebhooksCtx } from '../ctx.ts';
import { deliveryTask } from '../deliveries/service.ts';
import { bindWebhooks } from '../routes.ts';

export type Cleaner = { after(clean: () => Promise<void>): void };
export type Answer = { readonly status: number; readonly text: string; readonly body: { readonly [name: string]: unknown } };
export type Post = { readonly body?: unknown; readonly key?: string };

/** A node that serves webhooks and events, and sends when it is told to. */
export type WebhookNode = TestCtx & {
  readonly webhooks: WebhooksCtx;
  /** What was nudged. */
  readonly nudges: string[];
  get(caller: Caller, path: string): Promise<Answer>;
  post(caller: Caller, path: string, options?: Post): Promise<Answer>;
  /** Claims what is due and works on it to the end, as a sweeper does; gives how many deliveries that were. */
  deliver(): Promise<number>;
};

export async function webhookNode(t: Cleaner, options: TestCtxOptions = {}): Promise<WebhookNode> {
  // A receiver's library compares with the real time.
  const node = await testCtx({ start: new Date(), ...options });
  t.after(node.close);
  const nudges: string[] = [];
  const webhooks: WebhooksCtx = { ...node.ctx, nudge: (due) => void nudges.push(due) };
  const server = await createHttpServer(node.ctx, {
    authenticate: (request) => ({ caller: JSON.parse(request.headers.authorization ?? '') as Caller }),
    bindOperations: (scope) => bindWebhooks(scope, webhooks),
  });
  t.after(() => server.stop(0));
  const task = deliveryTask(node.ctx);
  const send = async (method: 'GET' | 'POST', caller: Caller, path: string, { body, key }: Post = {}): Promise<Answer> => {
    const answer = await server.fastify.inject({
      method,
      url: path,
      headers: { authorization: JSON.stringify(caller), ...(key === undefined ? {} : { 'idempotency-key': key }) },
      ...(body === undefined ? {} : { payload: body as object }),
    });
    return { status: answer.statusCode, text: answer.body, body: JSON.parse(answer.body) };
  };
  return {
    ...node,
    webhooks,
    nudges,
    get: (caller, path) => send('GET', caller, path),
    post: (caller, path, post) => send('POST', caller, path, post),
    async deliver() {
      const limits = task.keyLimits?.() ?? new Map();
      const busy = { keys: [...limits.keys()], slots: [...limits.values()] };
      const claimed = await task.claim(task.concurrency, node.ctx.clock.now(), task.lease_ms, busy);
      await Promise.all(claimed.map((delivery) => task.work(delivery)));
      return claimed.length;
    },
  };
}

export async function aCaller({ ctx }: TestCtx, livemode = false): Promise<Caller> {
  const at = ctx.clock.now();
  const merchant_id = newId('merchant', at, ctx.rng);
  await ctx.db.kysely
    .insertInto('merchants')
    .values({ id: merchant_id, code: newMerchantCode(ctx.rng), name: 'Tea house', created_at: at })
    .execute();
  return { merchant_id, livemode, api_key_id: newId('api_key', at, ctx.rng), scopes };
}

export type Endpoint = { readonly id: string; readonly secret: string };

export async function anEndpoint(node: WebhookNode, caller: Caller, body: { url: string; event_types?: string[] }): Promise<Endpoint> {
  const answer = await node.post(caller, '/v1/webhook_endpoints', { body });
  if (answer.status !== 201) throw new Error(answer.text);
  return answer.body as unknown as Endpoint;
}

/** Writes events as the payment core does; gives them. */
export async function happen(node: TestCtx, caller: Caller, amount = 1): Promise<OutboxEvent[]> {
  const { ctx } = node;
  const created_at = ctx.clock.now();
  const events = Array.from({ length: amount }, () =>
    buildEvent({
      id: newId('event', created_at, ctx.rng),
      type: 'webhook_endpoint.ping',
      livemode: caller.livemode,
      created_at,
      data: { object: 'webhook_endpoint', id: newId('webhook_endpoint', created_at, ctx.rng) },
    }),
  );
  const values: unknown[] = [caller.merchant_id];
  const parts = [['p', 'select 1'] as const, ...outboxParts({ events }, (value) => `$${values.push(value)}`, 'p')];
  const text = `with ${parts.map(([name, part]) => `${name} as (${part})`).join(', ')} select 1 from p`;
  await ctx.db.run({ name: `test_happen_${values.length}`, text }, values);
  return events;
}

export const deliveryRows = ({ ctx }: TestCtx) => ctx.db.kysely.selectFrom('deliveries').selectAll().orderBy('id').execute();
