import fastify from 'fastify';
import { assert } from '../../kernel/assert.ts';
import { toFen } from '../../kernel/money.ts';
import { addMs, type Clock } from '../../kernel/time.ts';
import { createHttpOut } from '../../platform/egress.ts';
import { createLog } from '../../platform/log.ts';
import { createMetrics } from '../../platform/metrics.ts';
import { createArrivals } from '../../testing/arrivals.ts';
import { createTestClock, type TestClock } from '../../testing/clock.ts';
import { createTestRng } from '../../testing/rng.ts';
import { readSettings } from '../account-settings.ts';
import { type ChannelClient, createChannelClient, type Notified } from '../client.ts';
import type { Account, Channel, PayInput, RefundInput } from '../define.ts';
import type { Config } from './config.ts';
import { alipay } from './index.ts';
import { type AlipaySimulator, alipaySimulator } from './simulator.ts';
import { AlipaySdk } from './test-sdk.ts';

/** A notification as the merchant received it. */
export type Delivered = { readonly url: string; readonly headers: Record<string, string>; readonly body: string };

export type TestGateway = {
  readonly simulator: AlipaySimulator;
  readonly client: ChannelClient;
  readonly clock: TestClock;
  readonly base_url: string;
  readonly journal: readonly unknown[];
  /** Resolves to all deliveries when that many have come. */
  readonly delivered: (count: number) => Promise<readonly Delivered[]>;
  /** How the merchant answers notifications from now on. */
  readonly answerWith: (answer: { status: number; body: string }) => void;
  readonly account: (mode: 'direct' | 'provider', trust: 'certificate' | 'public_key', options?: { readonly encrypted?: boolean }) => Promise<Account<Config>>;
  readonly receive: (account: Account<Config>, delivered: Delivered | undefined) => Promise<Notified>;
  /** Alipay's own SDK, configured through its public options. */
  readonly sdk: (account: Account<Config>, options?: { readonly encrypted?: boolean }) => InstanceType<typeof AlipaySdk>;
  readonly close: () => Promise<void>;
};

type Options = { readonly entries?: readonly unknown[]; readonly clock?: TestClock; readonly time_scale?: number };

/** The simulator on a port of its own below a path, and Heliu's client in front of it. Time stands still unless the test moves it. */
export async function openTestGateway({
  entries,
  clock = createTestClock(new Date('2026-11-22T04:00:00Z')),
  time_scale = 1,
}: Options = {}): Promise<TestGateway> {
  enrolled ??= enrollOnce();
  const prepared = await enrolled;
  const loaded = entries ?? prepared.entries;
  const journal = [...loaded];
  const deliveries = createArrivals<Delivered>();
  const aes_keys = new Map<string, string>();
  let reply = { status: 200, body: 'success' };
  let base_url = '';
  let accounts = 0;
  const simulator = alipaySimulator({
    clock,
    rng: createTestRng(`alipay simulator ${loaded.length}`),
    get base_url() {
      return base_url;
    },
    journal: { load: () => loaded, append: (entry) => journal.push(structuredClone(entry)) },
    send: (request) => {
      deliveries.add(request);
      return Promise.resolve(reply);
    },
    time_scale,
  });
  const app = fastify();
  await app.register(simulator.plugin, { prefix: '/sim/alipay' });
  base_url = `${await app.listen({ port: 0, host: '127.0.0.1' })}/sim/alipay`;
  const http = createHttpOut(
    { mode: 'sandbox', public_url: 'http://127.0.0.1', egress_allow: ['127.0.0.0/8'], webhook_allow_http: false, webhook_ports: [443] },
    clock,
  );
  const ctx = { clock, rng: createTestRng('alipay client'), http, log: createLog('silent', clock), metrics: createMetrics({ process_metrics: false }) };
  const client = createChannelClient(ctx, new Map([['alipay', alipay as unknown as Channel]]));

  return {
    simulator,
    client,
    clock,
    base_url,
    journal,
    delivered: deliveries.count,
    answerWith: (answer) => {
      reply = answer;
    },
    account(mode, trust, { encrypted = false } = {}) {
      const settings = { ...prepared.settings.get(`${mode} ${trust}`), gateway_url: `${base_url}/gateway.do` } as Record<string, unknown>;
      const aes_key = simulator.contentKey(String(settings.app_id));
      assert(aes_key, 'an enrolled application has a content key');
      aes_keys.set(String(settings.app_id), aes_key);
      const read = readSettings(alipay as unknown as Channel, encrypted ? { ...settings, aes_key } : settings);
      if ('problem' in read) throw new Error(`${read.param} ${read.problem}`);
      const config = read.config as Config;
      return Promise.resolve({
        id: `acc_${++accounts}`,
        version: 1,
        merchant_id: 'mer_1',
        merchant_code: 'ABCDEF',
        livemode: false,
        channel: 'alipay',
        config,
      });
    },
    receive(account, delivered) {
      assert(delivered, 'a notification came');
      return client.readNotification(account as Account, { path: '/notify', headers: delivered.headers, body: Buffer.from(delivered.body) });
    },
    sdk({ config }, { encrypted = false } = {}) {
      const aes_key = aes_keys.get(config.app_id);
      return new AlipaySdk({
        appId: config.app_id,
        privateKey: config.app_private_key.expose(),
        keyType: 'PKCS8',
        gateway: `${base_url}/gateway.do`,
        endpoint: base_url,
        camelcase: false,
        ...(encrypted && aes_key ? { encryptKey: aes_key } : {}),
        ...(config.alipay_public_key === undefined
          ? {
              appCertContent: config.app_certificate as string,
              alipayPublicCertContent: config.alipay_certificate as string,
              alipayRootCertContent: config.alipay_root_certificates as string,
            }
          : { alipayPublicKey: config.alipay_public_key }),
      });
    },
    async close() {
      await simulator.close();
      await http.close();
      await app.close();
    },
  };
}

type Enrolled = { readonly entries: readonly unknown[]; readonly settings: ReadonlyMap<string, Record<string, unknown>> };
let enrolled: Promise<Enrolled> | undefined;

/** Keys take most of a test's time, so each file makes them once; every gateway then starts from the same journal. */
async function enrollOnce(): Promise<Enrolled> {
  const entries: unknown[] = [];
  const settings = new Map<string, Record<string, unknown>>();
  const simulator = alipaySimulator({
    clock: createTestClock(new Date('2026-11-22T04:00:00Z')),
    rng: createTestRng('alipay enrolment'),
    base_url: 'http://127.0.0.1/sim/alipay',
    journal: { load: () => [], append: (entry) => entries.push(structuredClone(entry)) },
    send: () => Promise.reject(new Error('nothing is paid here')),
    time_scale: 1,
  });
  for (const mode of ['direct', 'provider'] as const) {
    for (const trust of ['public_key', 'certificate'] as const) settings.set(`${mode} ${trust}`, await simulator.enroll({ mode, trust }));
  }
  return { entries, settings };
}

let orders = 0;

/** Order numbers as Heliu makes them: 32 characters of digits and capitals. */
export const newOrderNo = (): string => `ABCDEF01JD${String(++orders).padStart(22, '0')}`;

export function aPayment(clock: Clock, method: PayInput['method'], changes: Partial<PayInput> = {}): PayInput {
  return {
    channel_order_no: newOrderNo(),
    method,
    amount_fen: toFen(8888),
    currency: 'CNY',
    subject: '停车费 A&B=1+1 100%/h',
    created_at: clock.now(),
    expires_at: addMs(clock.now(), 3_600_000),
    notify_url: 'https://pay.example.com/notify/alipay/acc_1?v=1',
    return_url: 'https://shop.example.com/back?page=1',
    payer_ip: '203.0.113.9',
    ...(method === 'alipay_jsapi' || method === 'alipay_mini' ? { payer_id: '2088102146225135' } : {}),
    ...changes,
  };
}

export function aRefund(clock: Clock, paid: PayInput, changes: Partial<RefundInput> = {}): RefundInput {
  return {
    channel_order_no: paid.channel_order_no,
    channel_transaction_id: 'of no use here',
    channel_refund_no: newOrderNo(),
    method: paid.method,
    amount_fen: paid.amount_fen,
    total_fen: paid.amount_fen,
    currency: 'CNY',
    reason: '不想要了',
    created_at: clock.now(),
    order_created_at: clock.now(),
    notify_url: paid.notify_url,
    ...changes,
  };
}
