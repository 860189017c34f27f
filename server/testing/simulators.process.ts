import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import Fastify, { type FastifyListenOptions } from 'fastify';
import { Agent, request } from 'undici';
import type { Fault, Simulator } from '../channels/kit/simulator.ts';
import { usual_simulators } from '../channels/simulators.ts';
import { systemClock } from '../platform/clock.ts';
import { isShareable, openListeners } from '../platform/http/listeners.ts';

/**
 * Both gateways as a process of their own, at the root of which each has a folder. `/control` is the measurement's hand:
 * it enrols merchants, pays orders, lets calls go wrong, and tells how long the gateway itself was busy with an order.
 */
const app = Fastify({ logger: false, bodyLimit: 1024 * 1024 });
const agent = new Agent({ connections: 512, keepAliveTimeout: 60_000 });
const running = new Map<string, Simulator>();
/** Milliseconds inside the gateway, by our order number; taken once by the load generator. */
const busy_ms = new Map<string, number>();
const order_no_form = /[0-9A-HJKMNP-TV-Z]{32}/;

app.addHook('onRequest', (incoming, _answer, done) => {
  const started = performance.now();
  const chunks: Buffer[] = [];
  if (!incoming.url.startsWith('/control')) {
    incoming.raw.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.raw.once('close', () => {});
  }
  Object.assign(incoming, { started, chunks });
  done();
});
app.addHook('onResponse', (incoming, _answer, done) => {
  const { started, chunks } = incoming as unknown as { started: number; chunks: Buffer[] };
  const no = order_no_form.exec(
    decodeURIComponent(
      Buffer.concat(chunks)
        .toString('latin1')
        .replace(/%(?![0-9A-F]{2})/gi, ''),
    ),
  )?.[0];
  if (no !== undefined) busy_ms.set(no, performance.now() - started);
  done();
});

app.post<{ Body: { channel: string } }>('/control/enroll', async ({ body }) => simulator(body.channel).enroll({ mode: 'direct', trust: 'public_key' }));
app.post<{ Body: { channel: string; order_no: string } }>('/control/pay', async ({ body }) => {
  const result = await simulator(body.channel).act(body.order_no, { do: 'pay' });
  const ms = busy_ms.get(body.order_no);
  busy_ms.delete(body.order_no);
  return { ...result, busy_ms: ms };
});
app.post<{ Body: { channel: string; fault: Fault } }>('/control/inject', ({ body }) => {
  simulator(body.channel).inject(body.fault);
  return Promise.resolve({});
});
app.get('/control/truth', async () => Object.fromEntries([...running].map(([code, each]) => [code, each.truth()])));
app.get('/control/orders', async () => Object.fromEntries([...running].map(([code, each]) => [code, each.orders()])));

function simulator(code: string): Simulator {
  const found = running.get(code);
  if (!found) throw new Error(`no simulator of ${code}`);
  return found;
}

process.on('SIGTERM', () => void app.close().then(() => process.exit(0)));

const fixed_port = Number(process.argv[2] ?? 0);
/** Merchants reach the gateways here: elsewhere than we listen when a wire lies in between. */
const public_port = Number(process.argv[3] ?? fixed_port);
const base = `http://127.0.0.1:${public_port}`;
for (const { channel: code, create } of usual_simulators) {
  const created = create({
    clock: systemClock,
    rng: { bytes: (length) => randomBytes(length) },
    base_url: `${base}/${code}`,
    journal: { load: () => [], append: () => {} },
    send: async ({ url, headers, body }) => {
      const answer = await request(url, { method: 'POST', headers, body, dispatcher: agent });
      return { status: answer.statusCode, body: await answer.body.text() };
    },
    time_scale: 1,
  });
  running.set(code, created);
  await app.register(created.plugin, { prefix: `/${code}` });
}
// A gateway takes whoever comes: what is measured is not held up by how Node takes connections in.
const is_shared = await isShareable({ host: '127.0.0.1', port: fixed_port });
const shared: FastifyListenOptions & { readonly reusePort: boolean } = { host: '127.0.0.1', port: fixed_port, reusePort: is_shared };
await app.listen(shared);
const { port } = app.server.address() as AddressInfo;
if (is_shared) await openListeners(app.server, { host: '127.0.0.1', port });
process.send?.({ ready: port });
