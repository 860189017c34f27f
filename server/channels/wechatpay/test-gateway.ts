import Fastify from 'fastify';
import { toFen } from '../../kernel/money.ts';
import { createHttpOut } from '../../platform/egress.ts';
import { createLog } from '../../platform/log.ts';
import { createMetrics } from '../../platform/metrics.ts';
import { createArrivals } from '../../testing/arrivals.ts';
import { createTestClock, type TestClock } from '../../testing/clock.ts';
import { createTestRng } from '../../testing/rng.ts';
import { readSettings } from '../account-settings.ts';
import { type ChannelClient, createChannelClient, type Notified } from '../client.ts';
import type { Account, Channel, PayInput, RefundInput } from '../define.ts';
import type { Simulator, SimulatorPorts } from '../kit/simulator.ts';
import type { Config } from './config.ts';
import { wechatpay } from './index.ts';
import type { SimulatorOptions } from './simulator/world.ts';
import { wechatpaySimulator } from './simulator.ts';

/** A notification as the merchant received it. */
export type Delivered = { readonly url: string; readonly headers: Record<string, string>; readonly body: string };

export type TestGateway = {
  readonly simulator: Simulator;
  readonly client: ChannelClient;
  readonly clock: TestClock;
  readonly origin: string;
  readonly journal: readonly unknown[];
  /** Everything that was logged. */
  readonly lines: readonly string[];
  /** Resolves to all deliveries when that many have come. */
  readonly delivered: (count: number) => Promise<readonly Delivered[]>;
  /** How the merchant answers notifications from now on. */
  readonly answerWith: (answer: { status: number; body: string }) => void;
  readonly account: (mode: 'direct' | 'provider', trust: 'certificate' | 'public_key', changes?: Partial<Config>) => Promise<Account<Config>>;
  readonly receive: (account: Account<Config>, delivered: Delivered | undefined) => Promise<Notified>;
  /** The settings that the gateway gave an account, secrets in clear. */
  readonly settingsOf: (account: Account<Config>) => Readonly<Record<string, unknown>>;
  readonly close: () => Promise<void>;
};

type Options = {
  readonly prefix?: string;
  readonly simulator?: Partial<SimulatorOptions>;
  readonly time_scale?: number;
  readonly entries?: readonly unknown[];
};

/** The simulator on a port of its own, and Heliu's client in front of it. Time stands still unless the test moves it. */
export async function openTestGateway({ prefix = '', simulator: options = {}, time_scale = 1, entries = [] }: Options = {}): Promise<TestGateway> {
  const clock = createTestClock(new Date('2026-11-22T04:00:00Z'));
  const journal = [...entries];
  const deliveries = createArrivals<Delivered>();
  let reply = { status: 200, body: '{"code":"SUCCESS"}' };
  let origin = '';
  const ports: SimulatorPorts = {
    clock,
    rng: createTestRng(`wechatpay simulator ${entries.length}`),
    get base_url() {
      return origin + prefix;
    },
    journal: { load: () => entries, append: (entry) => journal.push(structuredClone(entry)) },
    send(request) {
      deliveries.add(request);
      return Promise.resolve(reply);
    },
    time_scale,
  };
  const simulator = wechatpaySimulator(ports, options);
  const app = Fastify();
  await app.register(simulator.plugin, { prefix });
  origin = await app.listen({ host: '127.0.0.1', port: 0 });

  const lines: string[] = [];
  const http = createHttpOut(
    { mode: 'sandbox', public_url: 'http://127.0.0.1', egress_allow: ['127.0.0.0/8'], webhook_allow_http: false, webhook_ports: [443] },
    clock,
  );
  const log = createLog('debug', clock, { write: (line) => lines.push(line) });
  const metrics = createMetrics({ process_metrics: false });
  const client = createChannelClient({ clock, rng: createTestRng('wechatpay client'), http, log, metrics }, new Map([['wechatpay', wechatpay as Channel]]));
  const settings = new Map<string, Readonly<Record<string, unknown>>>();

  return {
    simulator,
    client,
    clock,
    origin,
    journal,
    lines,
    delivered: deliveries.count,
    answerWith(answer) {
      reply = answer;
    },
    async account(mode, trust, changes = {}) {
      const given = await simulator.enroll({ mode, trust });
      const read = readSettings(wechatpay as Channel, given);
      if (!('config' in read)) throw new Error(`${read.param} ${read.problem}`);
      const id = `acc_${settings.size}`;
      settings.set(id, given);
      const config = { ...(read.config as Config), ...changes };
      return { id, version: 1, merchant_id: 'mer_1', merchant_code: 'ABCDEF', livemode: false, channel: 'wechatpay', config };
    },
    receive: (account, delivered) =>
      client.readNotification(account, {
        path: '/notify',
        headers: Object.fromEntries(Object.entries(delivered?.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value])),
        body: Buffer.from(delivered?.body ?? ''),
      }),
    settingsOf: (account) => settings.get(account.id) ?? {},
    async close() {
      await simulator.close();
      await http.close();
      await app.close();
    },
  };
}

let numbers = 0;
const newNo = (): string => `ABCDEF01JD${String(++numbers).padStart(22, '0')}`;

/** A payment that any method takes. */
export function aPayment(changes: Partial<PayInput> = {}): PayInput {
  return {
    channel_order_no: newNo(),
    method: 'wechat_qr',
    amount_fen: toFen(12_34),
    currency: 'CNY',
    subject: '咖啡 ☕ 🎉',
    created_at: new Date('2026-11-22T04:00:00Z'),
    expires_at: new Date('2026-11-22T06:00:00Z'),
    notify_url: 'http://127.0.0.1:9/notify/wechatpay/acc_0',
    payer_id: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o',
    payer_ip: '203.0.113.7',
    ...changes,
  };
}

/** A refund of a paid payment. */
export function aRefund(payment: PayInput, channel_transaction_id: string, changes: Partial<RefundInput> = {}): RefundInput {
  return {
    channel_order_no: payment.channel_order_no,
    channel_transaction_id,
    channel_refund_no: newNo(),
    method: payment.method,
    amount_fen: payment.amount_fen,
    total_fen: payment.amount_fen,
    currency: 'CNY',
    reason: '商品售罄',
    created_at: new Date('2026-11-22T04:10:00Z'),
    order_created_at: payment.created_at,
    notify_url: 'http://127.0.0.1:9/notify/wechatpay/acc_0',
    ...changes,
  };
}
