import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { scopes } from '@heliu/contract';
import { createApiKey } from '../../access/service.ts';
import { type App, createApp } from '../../app.ts';
import { createMerchant } from '../../merchants/service.ts';
import { createHttpOut } from '../../platform/egress.ts';
import { type TestCtx, testCtx } from '../ctx.ts';
import { type Answer, shoot } from './attacker.ts';
import { aNameServer, type Record4 } from './name-server.ts';

/** A server of the test on every address of this machine, and how many connections it was offered. */
export type Visited = { readonly port: number; readonly visits: () => number };

/**
 * Two nodes on one database, for what leads a call astray: 127.0.0.1 stands for the world outside, every other address of
 * this machine for what is inside; names are answered by a name server of the test's own.
 */
export type EgressNodes = {
  /** As in production: nothing private is open, https and port 443 alone. It saves and does not send. */
  readonly strict: TestCtx;
  /** Sends plain http to 127.0.0.1, so that a receiver of the test can be reached. */
  readonly open: TestCtx;
  readonly merchant_id: string;
  readonly key: string;
  /** What the name server answers from now on. */
  readonly answerNames: (answer: (name: string) => Record4) => void;
  /** How often a name was asked for. */
  readonly asked: () => number;
  /** Asks the merchant API of a node; without a body it is a GET. */
  readonly call: (node: 'strict' | 'open', path: string, body?: unknown) => Promise<Answer>;
  readonly aServer: (listener: RequestListener) => Promise<Visited>;
  readonly close: () => Promise<void>;
};

export async function openEgressNodes(): Promise<EgressNodes> {
  let answer: (name: string) => Record4 = () => [];
  const names = await aNameServer((name) => answer(name));
  const strict = await testCtx({ config: { role: 'api', egress_allow: [], webhook_allow_http: false, webhook_ports: [443, 8443] } });
  const open = await testCtx({ beside: strict, config: { egress_allow: ['127.0.0.1/32'] } });
  const apps: App[] = [];
  const start = async ({ ctx }: TestCtx) => {
    const app = await createApp({ ...ctx, http: createHttpOut(ctx.config, ctx.clock, names.lookup) });
    const { port } = await app.start();
    apps.push(app);
    return `http://127.0.0.1:${port}`;
  };
  const urls = { strict: await start(strict), open: await start(open) };
  const merchant_id = (await createMerchant(strict.ctx, { name: '商户' })).id;
  const key = (await createApiKey(strict.ctx, { merchant_id, livemode: false, name: 'test', scopes })).secret.expose();
  const servers: ReturnType<typeof createServer>[] = [];
  return {
    strict,
    open,
    merchant_id,
    key,
    answerNames: (next) => {
      answer = next;
    },
    asked: names.asked,
    call: (node, path, body) =>
      shoot(`${urls[node]}${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: { authorization: `Bearer ${key}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    async aServer(listener) {
      let visits = 0;
      const server = createServer(listener);
      server.on('connection', () => {
        visits += 1;
      });
      server.listen(0, '0.0.0.0');
      await once(server, 'listening');
      servers.push(server);
      return { port: (server.address() as AddressInfo).port, visits: () => visits };
    },
    async close() {
      for (const server of servers) {
        server.closeAllConnections();
        server.close();
      }
      for (const app of apps) await app.stop();
      await open.close();
      await strict.close();
      await names.close();
    },
  };
}
