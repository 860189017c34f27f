import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { scopes } from '@heliu/contract';
import Fastify from 'fastify';
import pg from 'pg';
import { createApiKey } from '../../access/service.ts';
import { type App, createApp } from '../../app.ts';
import type { Simulator } from '../../channels/kit/simulator.ts';
import { usual_simulators as makers } from '../../channels/simulators.ts';
import type { Clock } from '../../kernel/time.ts';
import {
  createChannelAccount,
  createMerchant,
  findAccountById,
  getAccount,
  getMerchant,
  listActiveAccounts,
  type Merchant,
  updateMerchant,
} from '../../merchants/service.ts';
import type { Changes } from '../../platform/changes.ts';
import { createDb } from '../../platform/db/db.ts';
import { connectionSettings, createPool } from '../../platform/db/pool.ts';
import type { TestClock } from '../../testing/clock.ts';
import { type TestCtx, testCtx } from '../../testing/ctx.ts';
import { freePort } from '../../testing/installation.ts';
import { createFindBlocked } from './blocked.ts';
import { countSignatures, gatedHttp, gatedPool, type Rewrite } from './gate.ts';
import { actorRng, type FindBlocked, isScheduled, step } from './scheduler.ts';

/** A message of a gateway, kept until somebody delivers it. */
export type Notice = { readonly channel: string; readonly url: string; readonly headers: Record<string, string>; readonly body: string };
export type Reply = { readonly status: number; readonly text: string };
/** A merchant with an account at each gateway. */
export type Owner = { readonly merchant: Merchant; readonly key: string };

/**
 * Where races are run: two nodes on one real PostgreSQL, each with connections of its own, the simulated gateways behind
 * real HTTP and a receiver of webhooks. Statements, calls to channels and sleeps of an actor wait for their turn; time
 * stands still unless somebody moves it. Nothing is swept by itself.
 */
export type Arena = {
  readonly ctx: TestCtx['ctx'];
  readonly nodes: readonly [App, App];
  readonly clock: TestClock;
  readonly simulators: ReadonlyMap<string, Simulator>;
  /** The first has money that is not due given back, the second keeps it. */
  readonly owners: readonly [Owner, Owner];
  /** Messages of the gateways that nobody has delivered yet. */
  readonly notices: Set<Notice>;
  readonly findBlocked: FindBlocked;
  readonly request: (node: number, owner: Owner, method: 'GET' | 'POST', path: string, body?: object, idempotency_key?: string) => Promise<Reply>;
  /** Brings a message to a node; it counts as delivered when it is acknowledged. */
  readonly deliver: (node: number, notice: Notice) => Promise<Reply>;
  /** Makes what nodes remember as fresh before each race as before any other. */
  readonly refresh: () => Promise<void>;
  readonly close: () => Promise<void>;
};

/** More than any actor needs at once: two, and one for each further branch. */
const connections_per_node = 6;

export async function openArena({ seed, rewrite }: { readonly seed: string; readonly rewrite?: Rewrite | undefined }): Promise<Arena> {
  countSignatures();
  const first = await testCtx({ seed: `${seed}/0` });
  const second = await testCtx({ seed: `${seed}/1`, beside: first });
  const { clock } = first;
  const time = createNodeTime(clock);
  const gated = [await gate(first, time.clock, rewrite), await gate(second, time.clock, rewrite)];
  const nodes = [await createApp((gated[0] as Gated).ctx), await createApp((gated[1] as Gated).ctx)] as const;
  const watcher = new pg.Client(connectionSettings(first.ctx.config.database_url));
  await watcher.connect();
  const notices = new Set<Notice>();
  const gateways = await startGateways(first, notices);
  const receiver = await startReceiver();

  const request: Arena['request'] = async (node, { key }, method, url, body, idempotency_key) => {
    const answer = await (nodes[node] as App).http.fastify.inject({
      method,
      url,
      headers: { authorization: `Bearer ${key}`, ...(idempotency_key === undefined ? {} : { 'idempotency-key': idempotency_key }) },
      ...(body === undefined ? {} : { payload: body }),
    });
    return { status: answer.statusCode, text: answer.body };
  };
  const newOwner = async (name: string): Promise<Owner> => {
    const merchant = await createMerchant(first.ctx, { name });
    for (const [channel, simulator] of gateways.simulators) {
      const settings = await simulator.enroll({ mode: 'direct', trust: 'public_key' });
      await createChannelAccount(first.ctx, { merchant_id: merchant.id, livemode: false, channel, name: channel, settings, priority: 100 });
    }
    const { secret } = await createApiKey(first.ctx, { merchant_id: merchant.id, livemode: false, name: 'races', scopes });
    return { merchant, key: secret.expose() };
  };
  const keeper = await newOwner('保留');
  const keeps = await updateMerchant(first.ctx, { merchant_id: keeper.merchant.id, duplicate_policy: 'keep', late_policy: 'accept' });
  const owners = [await newOwner('退回'), { ...keeper, merchant: keeps }] as const;
  for (const owner of owners) {
    const made = await request(0, owner, 'POST', '/v1/webhook_endpoints', { url: receiver.url });
    if (made.status !== 201) throw new Error(`no webhook endpoint: ${made.text}`);
  }

  const warm = async () => {
    for (const [at, { ctx }] of nodes.entries()) {
      for (const owner of owners) {
        await request(at, owner, 'GET', '/v1/payments?limit=1');
        await request(at, owner, 'POST', '/v1/routing/explain', { amount_fen: 100, method: 'wechat_qr' });
        await getMerchant(ctx, owner.merchant.id);
        for (const { account } of await listActiveAccounts(ctx, owner.merchant.id, false)) {
          await findAccountById(ctx, account.id);
          await getAccount(ctx, owner.merchant.id, account.id, account.version);
        }
      }
    }
  };
  const arena: Arena = {
    ctx: first.ctx,
    nodes,
    clock,
    simulators: gateways.simulators,
    owners,
    notices,
    findBlocked: createFindBlocked(
      watcher,
      gated.flatMap((each) => each.pids),
    ),
    request,
    deliver: async (node, notice) => {
      const { pathname: url } = new URL(notice.url);
      const answer = await (nodes[node] as App).http.fastify.inject({ method: 'POST', url, headers: notice.headers, payload: notice.body });
      if (answer.statusCode < 300) notices.delete(notice);
      return { status: answer.statusCode, text: answer.body };
    },
    refresh: () => time.refresh(warm),
    close: async () => {
      await Promise.all(nodes.map((node) => node.stop()));
      await watcher.end();
      await gateways.close();
      await receiver.close();
      for (const { close } of gated) await close();
      await second.close();
      await first.close();
    },
  };
  await warm();
  return arena;
}

type Gated = { readonly ctx: TestCtx['ctx']; readonly pids: readonly number[]; readonly close: () => Promise<void> };

/** A node's ports, each with a gate before it. */
async function gate({ ctx }: TestCtx, clock: Clock, rewrite: Rewrite | undefined): Promise<Gated> {
  const { config, log } = ctx;
  const pool = createPool({ database_url: config.database_url, pool_max: connections_per_node, log, application_name: 'heliu-races' });
  const clients: pg.PoolClient[] = [];
  while (clients.length < connections_per_node) clients.push(await connected(pool));
  const db = createDb(gatedPool(clients, rewrite), ctx.metrics);
  const rng = { bytes: (length: number) => (actorRng() ?? ctx.rng).bytes(length) };
  return {
    ctx: { ...ctx, clock, rng, db, http: gatedHttp(ctx.http), changes: stillChanges() },
    pids: clients.map((client) => (client as unknown as { processID: number }).processID),
    close: async () => {
      for (const client of clients) client.release();
      await db.close();
      await pool.end();
    },
  };
}

const connects_max = 5;

/** A machine that is busy with other things may take longer than a node would wait. */
async function connected(pool: pg.Pool): Promise<pg.PoolClient> {
  for (let tries = 1; ; tries++) {
    try {
      return await pool.connect();
    } catch (error) {
      if (tries === connects_max) throw error;
    }
  }
}

/** Nothing that nodes remember changes in a race: news between them is not what is raced. */
function stillChanges(): Changes {
  return { on: () => {}, onReset: () => {}, connected: () => true, announce: () => Promise.resolve() };
}

/** Longer than a node remembers anything. */
const forgetting_ms = 3_600_000;
/** Shorter than it, by more than one race sleeps. */
const fresh_ms = 20_000;

/**
 * The time of nodes: the wall clock is everyone's, and durations are made of sleeps alone, so that a jump of the wall
 * clock between two races makes nothing that is remembered older.
 */
function createNodeTime(clock: TestClock) {
  let passed_ms = 0;
  let warmed_ms = 0;
  const passUntil = (due_ms: number): void => {
    const ms = Math.max(0, due_ms - passed_ms);
    passed_ms += ms;
    clock.advance(ms);
  };
  const node_clock: Clock = {
    now: clock.now,
    monotonic_ms: () => passed_ms,
    sleep: (ms, signal) => {
      // What is not an actor has only the server's own time-outs to wait for.
      if (!isScheduled()) return clock.sleep(ms, signal);
      const due_ms = passed_ms + ms;
      return step({ label: 'sleep', asleep: true, work: () => passUntil(due_ms) });
    },
  };
  return {
    clock: node_clock,
    refresh: async (warm: () => Promise<void>) => {
      if (passed_ms - warmed_ms < fresh_ms) return;
      passed_ms += forgetting_ms;
      warmed_ms = passed_ms;
      await warm();
    },
  };
}

/** What the gateways that have several forms of message take for a yes in each. */
const acknowledged = '<return_code>SUCCESS</return_code>';

async function startGateways({ ctx }: TestCtx, notices: Set<Notice>) {
  const server = Fastify({ logger: false, forceCloseConnections: true });
  const simulators = new Map<string, Simulator>();
  const port = await freePort();
  for (const { channel, create } of makers) {
    const simulator = create({
      clock: ctx.clock,
      rng: ctx.rng,
      base_url: `http://127.0.0.1:${port}/sim/${channel}`,
      journal: { load: () => [], append: () => {} },
      time_scale: 1,
      // A message is on its way from now on: the race says when it arrives, and how often.
      send: ({ url, headers, body }) => {
        notices.add({ channel, url, headers, body });
        return Promise.resolve({ status: 200, body: channel === 'alipay' ? 'success' : acknowledged });
      },
    });
    simulators.set(channel, simulator);
    await server.register(simulator.plugin, { prefix: `/sim/${channel}` });
  }
  await server.listen({ host: '127.0.0.1', port });
  return {
    simulators,
    close: async () => {
      for (const simulator of simulators.values()) await simulator.close();
      await server.close();
    },
  };
}

async function startReceiver() {
  const server = createServer((incoming, answer) => {
    incoming.resume().once('end', () => answer.writeHead(204).end());
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
