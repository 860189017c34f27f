import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Payment, Refund, Scope } from '@heliu/contract';
import { scopes } from '@heliu/contract';
import Fastify from 'fastify';
import { createApiKey } from '../access/service.ts';
import { type App, createApp } from '../app.ts';
import { createChannelClient } from '../channels/client.ts';
import { type Fault, type Simulator, type SimulatorMaker, wireOf } from '../channels/kit/simulator.ts';
import { usual_simulators } from '../channels/simulators.ts';
import { Secret } from '../kernel/secret.ts';
import { createChannelAccount, createMerchant, type Merchant } from '../merchants/service.ts';
import { activateAccount } from '../merchants/sessions/service.ts';
import type { TestClock } from './clock.ts';
import { type TestCtx, type TestCtxOptions, testCtx } from './ctx.ts';
import { freePort } from './installation.ts';

/**
 * A whole installation for tests: real PostgreSQL, real HTTP, the simulated gateways on a server of their own, a merchant
 * with an account at each of them and a webhook receiver. Time stands still except while something is awaited by `flow`.
 */
export type World = {
  readonly ctx: TestCtx['ctx'];
  readonly clock: TestClock;
  readonly nodes: readonly App[];
  readonly merchant: Merchant;
  readonly key: string;
  readonly accounts: ReadonlyMap<string, string>;
  readonly simulators: ReadonlyMap<string, Simulator>;
  /** Notifications that the gateways have sent, byte for byte. */
  readonly notified: SentNotification[];
  /** The addresses of all calls that have reached the gateways, from the moment when they begin. */
  readonly asked: readonly string[];
  /** Notifications are kept back from Heliu while this is true: the gateways see an answer of 503. */
  hold_notifications: boolean;
  /** Webhooks that the receiver has taken, in the order of their arrival. */
  readonly inbox: ReceivedWebhook[];
  /** What the receiver answers: 204 unless a test says otherwise. */
  receiver: { status: number };
  /** Where the receiver listens. What is added to the path shows in `ReceivedWebhook.path`. */
  readonly receiver_url: string;
  /** Every webhook that was sent, also those that the receiver did not take. */
  readonly sent: ReceivedWebhook[];
  /** What the merchant's webhooks are signed with. */
  readonly webhook_secret: string;
  /** Calls the merchant API of a node; undefined body is a GET. */
  readonly api: (method: 'GET' | 'POST', path: string, options?: ApiOptions) => Promise<ApiAnswer>;
  /** Lets virtual time pass until the work is done. */
  readonly flow: <T>(work: Promise<T>) => Promise<T>;
  /** Lets virtual time pass until the condition holds; fails after so much of it. */
  readonly until: (condition: () => boolean | Promise<boolean>, virtual_ms?: number) => Promise<void>;
  readonly inject: (channel: string, fault: Fault) => void;
  readonly newMerchant: (name: string) => Promise<{ merchant: Merchant; key: string; accounts: ReadonlyMap<string, string> }>;
  readonly newKey: (merchant_id: string, livemode: boolean, scopes: readonly Scope[]) => Promise<string>;
  /** Stops every node, does it, and starts new ones on what the database holds then. */
  readonly restart: (meanwhile: () => Promise<void>) => Promise<void>;
  readonly close: () => Promise<void>;
};

export type SentNotification = { readonly url: string; readonly headers: Record<string, string>; readonly body: string };
export type ReceivedWebhook = {
  readonly id: string;
  readonly type: string;
  readonly body: string;
  readonly data: Payment | Refund;
  readonly path: string;
  readonly headers: Record<string, string>;
};
export type ApiOptions = {
  readonly body?: unknown;
  readonly raw?: string;
  readonly key?: string;
  readonly idempotency_key?: string;
  readonly node?: number;
  readonly headers?: Record<string, string>;
};
/** The body is whatever JSON came; tests look into it as they need. */
// biome-ignore lint/suspicious/noExplicitAny: a test reads answers of every shape, errors included
export type ApiAnswer = { readonly status: number; readonly text: string; readonly body: any };

/** Virtual milliseconds that pass in each real one while something is awaited: fast, and far from any deadline of a call. */
const tick_ms = 5;
const turns_per_check = 10;
const turn = () => new Promise((resolve) => setTimeout(resolve, 1));

/** `simulators`: the gateways of the world, the usual two unless a test is about others. `public_url`: where a proxy in front of the nodes is reached. */
export type WorldOptions = {
  readonly nodes?: number;
  readonly ctx?: TestCtxOptions;
  readonly mode?: 'direct' | 'provider';
  readonly simulators?: readonly SimulatorMaker[];
  readonly public_url?: string;
};

export async function aWorld(options: WorldOptions = {}): Promise<World> {
  const count = options.nodes ?? 1;
  const ports = await Promise.all(Array.from({ length: count }, freePort));
  // One installation has one public address: an order that is sent again must be the same to the letter.
  const address = (at: number) => ({ host: '127.0.0.1', port: ports[at] as number, public_url: options.public_url ?? `http://127.0.0.1:${ports[0]}` });
  const first = await testCtx({ ...options.ctx, config: { ...options.ctx?.config, ...address(0) } });
  const contexts = [first];
  for (let at = 1; at < count; at++) contexts.push(await testCtx({ beside: first, config: { ...options.ctx?.config, ...address(at) } }));
  const { ctx, clock } = first;
  const nodes: App[] = [];
  const startNode = async ({ ctx: each }: TestCtx): Promise<App> => {
    const app = await createApp(each);
    await app.start();
    return app;
  };
  for (const each of contexts) nodes.push(await startNode(each));

  const notified: SentNotification[] = [];
  let held = false;
  const gateways = await startGateways(ctx, options.simulators ?? usual_simulators, notified, () => held);
  const receiver = { status: 204 };
  const inbox: ReceivedWebhook[] = [];
  const sent: ReceivedWebhook[] = [];
  const hook = await startReceiver(receiver, inbox, sent);

  const flow = async <T>(work: Promise<T>): Promise<T> => {
    let done = false;
    const settled = work.finally(() => {
      done = true;
    });
    settled.catch(() => {});
    while (!done) {
      await turn();
      clock.advance(tick_ms);
    }
    return settled;
  };
  const newKey = async (merchant_id: string, livemode: boolean, wanted: readonly Scope[]) =>
    (await createApiKey(ctx, { merchant_id, livemode, name: 'test', scopes: wanted })).secret.expose();
  const newMerchant = async (name: string) => {
    const merchant = await createMerchant(ctx, { name });
    const accounts = new Map<string, string>();
    for (const [channel, simulator] of gateways.simulators) {
      const settings = await simulator.enroll({ mode: options.mode ?? 'direct', trust: 'public_key' });
      const { id } = await createChannelAccount(ctx, { merchant_id: merchant.id, livemode: false, channel, name: channel, settings, priority: 100 });
      simulator.reportTo?.(settings, `${ctx.config.public_url}/notify/${channel}/${id}`);
      if (simulator.newSessionCode) {
        const code = new Secret(simulator.newSessionCode(settings));
        const { is } = await flow(activateAccount({ ...ctx, channels: createChannelClient(ctx) }, { merchant_id: merchant.id, channel_account_id: id, code }));
        if (is !== 'kept') throw new Error(`the account of ${channel} was not activated: ${is}`);
      }
      accounts.set(channel, id);
    }
    return { merchant, accounts, key: await newKey(merchant.id, false, scopes) };
  };
  const { merchant, key, accounts } = await newMerchant('测试商户');

  const api: World['api'] = async (method, path, { body, raw, key: own_key = key, idempotency_key, node = 0, headers = {} } = {}) => {
    const text = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const answer = await fetch(`http://127.0.0.1:${ports[node]}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${own_key}`,
        ...(text === undefined ? {} : { 'content-type': 'application/json' }),
        ...(idempotency_key === undefined ? {} : { 'idempotency-key': idempotency_key }),
        ...headers,
      },
      ...(text === undefined ? {} : { body: text }),
    });
    const answer_text = await answer.text();
    return { status: answer.status, text: answer_text, body: answer_text.startsWith('{') ? JSON.parse(answer_text) : undefined };
  };
  const until: World['until'] = async (condition, virtual_ms = 240_000) => {
    const give_up = clock.monotonic_ms() + virtual_ms;
    while (!(await condition())) {
      if (clock.monotonic_ms() > give_up) throw new Error(`the condition did not hold within ${virtual_ms} ms of virtual time`);
      // A condition may ask the API: asking at every turn would take longer than what is waited for.
      for (let turns = 0; turns < turns_per_check; turns++) {
        await turn();
        clock.advance(tick_ms);
      }
    }
  };

  const endpoint = await flow(api('POST', '/v1/webhook_endpoints', { body: { url: hook.url } }));
  if (endpoint.status !== 201) throw new Error(`no webhook endpoint: ${endpoint.text}`);

  return {
    ctx,
    clock,
    nodes,
    merchant,
    key,
    accounts,
    simulators: gateways.simulators,
    notified,
    asked: gateways.asked,
    get hold_notifications() {
      return held;
    },
    set hold_notifications(hold) {
      held = hold;
    },
    inbox,
    receiver,
    receiver_url: hook.url,
    sent,
    webhook_secret: endpoint.body.secret,
    api,
    flow,
    until,
    inject: (channel, fault) => gateways.simulators.get(channel)?.inject(fault),
    newMerchant,
    newKey,
    restart: async (meanwhile) => {
      await flow(Promise.all(nodes.map((node) => node.stop())));
      await meanwhile();
      for (const at of nodes.keys()) {
        const next = await testCtx({ beside: first, config: { ...options.ctx?.config, ...address(at) } });
        contexts.push(next);
        nodes[at] = await startNode(next);
      }
    },
    close: async () => {
      await flow(Promise.all(nodes.map((node) => node.stop())));
      await flow(gateways.close());
      await hook.close();
      for (const each of contexts.toReversed()) await each.close();
    },
  };
}

async function startGateways(ctx: TestCtx['ctx'], makers: readonly SimulatorMaker[], notified: SentNotification[], isHeld: () => boolean) {
  const server = Fastify({ logger: false, forceCloseConnections: true });
  const asked: string[] = [];
  server.addHook('onRequest', async ({ url }) => void asked.push(url));
  const port = await freePort();
  const simulators = new Map<string, Simulator>();
  for (const { channel, create } of makers) {
    const simulator = create({
      clock: ctx.clock,
      rng: ctx.rng,
      base_url: `http://127.0.0.1:${port}/sim/${channel}`,
      journal: { load: () => [], append: () => {} },
      time_scale: 1,
      send: async (notice) => {
        notified.push({ url: notice.url, headers: notice.headers, body: notice.body });
        if (isHeld()) return { status: 503, body: '' };
        const { url, ...sent } = wireOf(notice);
        const answer = await fetch(url, sent);
        return { status: answer.status, body: await answer.text() };
      },
    });
    simulators.set(channel, simulator);
    await server.register(simulator.plugin, { prefix: `/sim/${channel}` });
  }
  await server.listen({ host: '127.0.0.1', port });
  return {
    simulators,
    asked,
    close: async () => {
      for (const simulator of simulators.values()) await simulator.close();
      await server.close();
    },
  };
}

async function startReceiver(receiver: { status: number }, inbox: ReceivedWebhook[], sent: ReceivedWebhook[]) {
  const server = createServer((incoming, answer) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.once('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      const event = JSON.parse(body) as { id: string; type: string; data: Payment | Refund };
      const headers = incoming.headers as Record<string, string>;
      const webhook = { id: event.id, type: event.type, body, data: event.data, path: incoming.url ?? '', headers };
      sent.push(webhook);
      if (receiver.status < 300) inbox.push(webhook);
      answer.writeHead(receiver.status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
