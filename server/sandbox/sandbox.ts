import { join } from 'node:path';
import type { FastifyInstance, FastifyPluginAsync, FastifyPluginCallback } from 'fastify';
import { type ChannelClient, createChannelClient } from '../channels/client.ts';
import { type Simulator, type SimulatorMaker, wireOf } from '../channels/kit/simulator.ts';
import { assert } from '../kernel/assert.ts';
import { channel_answer_bytes_max } from '../kernel/limits.ts';
import type { Ctx } from '../platform/ctx.ts';
import type { DemoFile } from './demo-file.ts';
import { ensureDemoMerchant, type Gateway } from './demo-merchant.ts';
import { createFeed } from './feed.ts';
import { createInbox } from './inbox.ts';
import { mountHook, mountInbox } from './inbox-routes.ts';
import { openJournal } from './journal.ts';
import { type MerchantApi, merchantApi } from './merchant-api.ts';
import { mountPages } from './pages.ts';
import { mountPayments } from './payment-routes.ts';
import { ownPagesOnly } from './scope.ts';
import { walletView } from './view.ts';
import { mountWallet } from './wallet-routes.ts';

/** The gateways give a merchant's server five seconds to answer a notification. */
const notification_deadline_ms = 5000;

/**
 * The sandbox: simulated gateways under `/sim/<channel>`, the start page at `/`, the wallet page, and a demo merchant
 * with an inbox. `plugin` is registered at the root; `prepare` makes the demo merchant and is awaited once, after
 * `app.ready()` and before the first visitor. In production mode there is none of it.
 */
export type Sandbox = {
  readonly simulators: readonly Simulator[];
  /** Lets a browser be a wallet's; registered before the pages that it opens. */
  readonly view: FastifyPluginCallback;
  readonly plugin: FastifyPluginAsync;
  readonly prepare: (app: FastifyInstance) => Promise<DemoFile>;
};

export function createSandbox(ctx: Ctx, input: { readonly simulators: readonly SimulatorMaker[] }): Sandbox {
  assert(ctx.config.mode === 'sandbox', 'the sandbox is mounted in sandbox mode only');
  const gateways = input.simulators.map((maker) => openGateway(ctx, maker));
  const simulators = gateways.map((gateway) => gateway.simulator);
  const feed = createFeed(ctx.clock);
  const stopped = new AbortController();
  let demo: DemoFile | undefined;
  let api: MerchantApi | undefined;
  const inbox = createInbox({ clock: ctx.clock, feed, secret: () => demo?.webhook_endpoint?.secret });
  const prepared = <T>(value: T | undefined): T => {
    assert(value !== undefined, 'the sandbox is prepared before its first visitor');
    return value;
  };
  const merchant = { demo: () => prepared(demo), api: () => prepared(api) };
  return { simulators, view: walletView(simulators), plugin, prepare };

  async function plugin(app: FastifyInstance): Promise<void> {
    for (const simulator of simulators) await app.register(simulator.plugin, { prefix: `/sim/${simulator.channel}` });
    mountPages(app, ctx.config.public_url);
    await app.register((scope, _options, done) => {
      mountHook(ctx, scope, inbox, stopped.signal);
      done();
    });
    await app.register(
      (scope, _options, done) => {
        ownPagesOnly(ctx, scope);
        mountPayments(scope, { ctx, gateways, ...merchant });
        mountInbox(scope, { inbox, feed, ...merchant });
        done();
      },
      { prefix: '/sandbox/api' },
    );
    await app.register(
      (scope, _options, done) => {
        ownPagesOnly(ctx, scope);
        mountWallet(scope, simulators, ctx.config.public_url);
        done();
      },
      { prefix: '/sim/api' },
    );
    // Open streams and slow answers would keep the server from stopping.
    app.addHook('preClose', (done) => {
      stopped.abort();
      feed.close();
      done();
    });
    app.addHook('onClose', () => closeGateways(gateways));
  }

  async function prepare(app: FastifyInstance): Promise<DemoFile> {
    const apiWith = (key: string) => merchantApi(app, key, ctx.rng);
    const hook_url = `${ctx.config.public_url}/sandbox/inbox/hook`;
    demo = await ensureDemoMerchant(ctx, { file: join(ctx.config.data_dir, 'sandbox.json'), gateways, hook_url, apiWith, channels: clientInside(ctx, app) });
    api = apiWith(demo.api_key);
    return demo;
  }
}

/** Calls gateways of this program, which does not listen yet. */
function clientInside(ctx: Ctx, app: FastifyInstance): ChannelClient {
  const send: Ctx['http']['send'] = async ({ url, method, headers = {}, body }) => {
    assert(url.startsWith(`${ctx.config.public_url}/`), 'the demo has accounts at gateways of this program alone');
    const answer = await app.inject({ method, url: url.slice(ctx.config.public_url.length), headers, ...(body === undefined ? {} : { payload: body }) });
    return { status: answer.statusCode, headers: {}, body: answer.rawPayload };
  };
  return createChannelClient({ ...ctx, http: { ...ctx.http, send } });
}

function openGateway(ctx: Ctx, { channel, create }: SimulatorMaker): Gateway {
  const journal = openJournal(join(ctx.config.data_dir, 'sim', `${channel}.jsonl`), ctx.rng);
  const simulator = create({
    clock: ctx.clock,
    rng: ctx.rng,
    base_url: `${ctx.config.public_url}/sim/${channel}`,
    journal,
    time_scale: ctx.config.sandbox_time_scale,
    send: async (notice) => {
      const limits = { deadline_ms: notification_deadline_ms, answer_bytes_max: channel_answer_bytes_max };
      const answer = await ctx.http.send({ policy: 'channel', ...wireOf(notice), ...limits });
      return { status: answer.status, body: answer.body.toString('utf8') };
    },
  });
  return { simulator, journal };
}

async function closeGateways(gateways: readonly Gateway[]): Promise<void> {
  for (const { simulator, journal } of gateways) {
    await simulator.close();
    journal.close();
  }
}
