import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { scopes } from '@heliu/contract';
import { createApiKey } from '../access/service.ts';
import type { Secret } from '../kernel/secret.ts';
import { createChannelAccount, createMerchant } from '../merchants/service.ts';
import { systemClock } from '../platform/clock.ts';
import { loadConfig } from '../platform/config.ts';
import { assembleCtx } from '../platform/create-ctx.ts';
import { createLog } from '../platform/log.ts';
import { createMetrics } from '../platform/metrics.ts';
import { systemRng } from '../platform/rng.ts';
import { type Running, start } from './processes.ts';

/**
 * A production installation on this machine, each part a process of its own, for measurements and for killing: both
 * gateways, a merchant's receiver, and Heliu, which the caller starts as often as it likes. One live merchant is set up
 * with an account at each gateway, as `heliu` would do it.
 */
export type Installation = {
  readonly heliu_url: string;
  readonly simulators_url: string;
  readonly api_key: string;
  readonly simulators: Running;
  readonly receiver: Running;
  /** What it prints goes to our errors, or to a file. */
  readonly startHeliu: (node_options?: readonly string[], output_fd?: number, args?: readonly string[]) => Promise<Running>;
  /** Makes another merchant with accounts of its own and gives its API key. */
  readonly addMerchant: () => Promise<string>;
  /** Makes the webhook endpoint; Heliu must run. Payments acknowledged from then on are in `acknowledged`. */
  readonly listen: (api_key?: string) => Promise<Acknowledgements>;
  readonly close: () => Promise<void>;
};

export type Acknowledgements = {
  /** Distinct `payment.paid` events by payment: more than one would be a payment told twice. */
  readonly events: ReadonlyMap<string, ReadonlySet<string>>;
  /** Resolves when the merchant has acknowledged that the payment is paid. */
  readonly of: (payment_id: string) => Promise<void>;
};

/** `settings` are Heliu's, beside or instead of the usual ones. `accounts_each`: how many accounts the merchant has at each gateway. */
export async function anInstallation(database_url: Secret, folder: string, settings: Record<string, string> = {}, accounts_each = 1): Promise<Installation> {
  const [heliu_port, simulators_port] = [await freePort(), await freePort()];
  const simulators = await start(new URL('./simulators.process.ts', import.meta.url), [String(simulators_port)], {});
  const receiver = await start(new URL('./receiver.process.ts', import.meta.url), [], {});
  const heliu_url = `http://127.0.0.1:${heliu_port}`;
  const simulators_url = `http://127.0.0.1:${simulators_port}`;
  const usual = productionEnvironment({ port: heliu_port, public_url: heliu_url, database_url, folder, webhook_port: receiver.port });
  const environment = { ...usual, ...settings };
  const api_key = await setUp(environment, database_url, simulators_url, folder, accounts_each);
  return {
    heliu_url,
    simulators_url,
    api_key,
    simulators,
    receiver,
    startHeliu: (node_options, output_fd, args = []) => start(new URL('../main.ts', import.meta.url), args, environment, node_options, output_fd),
    addMerchant: () => setUp(environment, database_url, simulators_url, folder),
    listen: (key = api_key) => listen(heliu_url, key, receiver),
    close: async () => {
      await receiver.stop();
      await simulators.stop();
    },
  };
}

/** The settings of a node in production on this machine, alone or beside others of the same installation. */
export const productionEnvironment = (wish: {
  readonly port: number;
  readonly public_url: string;
  readonly database_url: Secret;
  readonly folder: string;
  readonly webhook_port: number;
}): Record<string, string> => ({
  HELIU_MODE: 'production',
  HELIU_PORT: String(wish.port),
  HELIU_PUBLIC_URL: wish.public_url,
  HELIU_DATABASE_URL: wish.database_url.expose(),
  HELIU_MASTER_KEY: randomBytes(32).toString('base64'),
  HELIU_DATA_DIR: wish.folder,
  HELIU_EGRESS_ALLOW: '127.0.0.0/8',
  HELIU_WEBHOOK_ALLOW_HTTP: 'true',
  HELIU_WEBHOOK_PORTS: String(wish.webhook_port),
  HELIU_RATE_LIMIT_PER_S: '1000000',
  HELIU_LOG_LEVEL: 'error',
});

/** Makes the merchant with its accounts and gives its API key. */
export async function setUp(
  environment: Record<string, string>,
  database_url: Secret,
  simulators_url: string,
  folder: string,
  accounts_each = 1,
): Promise<string> {
  const config = { ...(await loadConfig(environment, folder)), database_url };
  const node = await assembleCtx({
    config,
    clock: systemClock,
    rng: systemRng,
    log: createLog('warn', systemClock),
    metrics: createMetrics({ process_metrics: false }),
  });
  try {
    const merchant = await createMerchant(node.ctx, { name: 'merchant' });
    for (const channel of Array.from({ length: accounts_each }, () => ['wechatpay', 'alipay']).flat()) {
      const settings = await postJson<Record<string, unknown>>(`${simulators_url}/control/enroll`, { channel });
      await createChannelAccount(node.ctx, { merchant_id: merchant.id, livemode: true, channel, name: channel, settings });
    }
    const { secret } = await createApiKey(node.ctx, { merchant_id: merchant.id, livemode: true, name: 'load', scopes: [...scopes] });
    return secret.expose();
  } finally {
    await node.close();
  }
}

/** `hook_port` is where the receiver is reached: elsewhere than it listens when a wire lies in between. */
export async function listen(heliu_url: string, api_key: string, receiver: Running, hook_port = receiver.port): Promise<Acknowledgements> {
  const wish = { url: `http://127.0.0.1:${hook_port}/hook`, event_types: ['payment.paid'] };
  const { secret } = await postJson<{ secret: string }>(`${heliu_url}/v1/webhook_endpoints`, wish, { authorization: `Bearer ${api_key}` });
  receiver.child.send({ secret });
  const events = new Map<string, Set<string>>();
  const waiting = new Map<string, () => void>();
  receiver.child.on('message', ({ acknowledged }: { acknowledged?: { event_id: string; object_id: string } }) => {
    if (!acknowledged) return;
    const { event_id, object_id } = acknowledged;
    events.set(object_id, (events.get(object_id) ?? new Set()).add(event_id));
    waiting.get(object_id)?.();
    waiting.delete(object_id);
  });
  const of = (payment_id: string) => (events.has(payment_id) ? Promise.resolve() : new Promise<void>((resolve) => waiting.set(payment_id, resolve)));
  return { events, of };
}

const refusals_max = 30;

async function postJson<T>(url: string, body: object, headers: Record<string, string> = {}, refused = 0): Promise<T> {
  const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) });
  if (answer.status === 503 && refused < refusals_max) {
    // A machine that is busy with other things has Heliu refuse: nothing was done, and it says when to come back.
    await systemClock.sleep(1_000 * Number(answer.headers.get('retry-after') ?? 1));
    return postJson(url, body, headers, refused + 1);
  }
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as T;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
