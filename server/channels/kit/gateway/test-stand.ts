import { spawnSync } from 'node:child_process';
import type { TestContext } from 'node:test';
import type { Method, Wallet } from '@heliu/contract';
import Fastify from 'fastify';
import { toFen } from '../../../kernel/money.ts';
import { createHttpOut } from '../../../platform/egress.ts';
import { createLog } from '../../../platform/log.ts';
import { createMetrics } from '../../../platform/metrics.ts';
import { createArrivals } from '../../../testing/arrivals.ts';
import { createTestClock, type TestClock } from '../../../testing/clock.ts';
import { createTestRng } from '../../../testing/rng.ts';
import { readSettings } from '../../account-settings.ts';
import { type ChannelClient, createChannelClient, type Notified } from '../../client.ts';
import type { Account, Channel, OrderInput, PayInput, RefundInput } from '../../define.ts';
import { withSession } from '../bench.ts';
import type { EnrollForm, Simulator, SimulatorPorts } from '../simulator.ts';

/** A notification as the merchant received it. */
export type Delivered = { readonly method?: 'GET' | undefined; readonly url: string; readonly headers: Record<string, string>; readonly body: string };

/** A simulated gateway on a port of its own, and the client of production in front of it. Time stands still unless the test moves it. */
export type Stand<Config> = {
  readonly simulator: Simulator;
  readonly client: ChannelClient;
  readonly clock: TestClock;
  readonly origin: string;
  readonly journal: readonly unknown[];
  readonly account: (form?: EnrollForm, changes?: Readonly<Record<string, unknown>>) => Promise<Account<Config>>;
  readonly settingsOf: (account: Account<Config>) => Readonly<Record<string, unknown>>;
  /** Resolves to all deliveries when that many have come. */
  readonly delivered: (count: number) => Promise<readonly Delivered[]>;
  /** How the merchant answers notifications from now on. */
  readonly answerWith: (answer: { status: number; body: string }) => void;
  readonly receive: (account: Account<Config>, delivered: Delivered | undefined) => Promise<Notified>;
  /** Lets what is under way go to sleep, and then time pass. */
  readonly pass: (ms: number) => Promise<void>;
  readonly close: () => Promise<void>;
};

/** A delivery that was answered is asleep again within a handful of turns of the event loop. */
const turns_to_rest = 20;

const direct: EnrollForm = { mode: 'direct', trust: 'certificate' };

export async function openStand<Config>(
  channel: Channel<Config>,
  create: (ports: SimulatorPorts) => Simulator,
  entries: readonly unknown[] = [],
): Promise<Stand<Config>> {
  const clock = createTestClock(new Date('2026-11-22T04:00:00Z'));
  const journal = [...entries];
  const deliveries = createArrivals<Delivered>();
  let reply = { status: 200, body: 'success' };
  let origin = '';
  const ports: SimulatorPorts = {
    clock,
    rng: createTestRng(`${channel.code} stand ${entries.length}`),
    get base_url() {
      return origin;
    },
    journal: { load: () => entries, append: (entry) => journal.push(structuredClone(entry)) },
    send(request) {
      deliveries.add(request);
      return Promise.resolve(reply);
    },
    time_scale: 1,
  };
  const simulator = create(ports);
  const app = Fastify();
  await app.register(simulator.plugin);
  origin = await app.listen({ host: '127.0.0.1', port: 0 });
  const http = createHttpOut(
    { mode: 'sandbox', public_url: 'http://127.0.0.1', egress_allow: ['127.0.0.0/8'], webhook_allow_http: false, webhook_ports: [443] },
    clock,
  );
  const log = createLog('debug', clock, { write: () => {} });
  const rng = createTestRng(`${channel.code} client`);
  const client = createChannelClient(
    { clock, rng, http, log, metrics: createMetrics({ process_metrics: false }) },
    new Map([[channel.code, channel as Channel]]),
  );
  const settings = new Map<string, Readonly<Record<string, unknown>>>();

  return {
    simulator,
    client,
    clock,
    origin,
    journal,
    async account(form = direct, changes = {}) {
      const given = { ...(await simulator.enroll(form)), ...changes };
      const read = readSettings(channel as Channel, given);
      if (!('config' in read)) throw new Error(`${read.param} ${read.problem}`);
      const id = `acc_${settings.size}`;
      settings.set(id, given);
      const config = read.config as Config;
      const account = { id, version: 1, merchant_id: 'mer_1', merchant_code: 'ABCDEF', livemode: false, channel: channel.code, config };
      return withSession(client, simulator, account, given);
    },
    settingsOf: ({ id }) => settings.get(id) ?? {},
    delivered: deliveries.count,
    answerWith(answer) {
      reply = answer;
    },
    receive: (account, delivered) =>
      client.readNotification(account, {
        path: new URL(delivered?.url ?? 'http://127.0.0.1/').pathname,
        headers: Object.fromEntries(Object.entries(delivered?.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value])),
        body: Buffer.from(delivered?.body ?? ''),
      }),
    async pass(ms) {
      for (let turn = 0; turn < turns_to_rest; turn++) await new Promise(setImmediate);
      clock.advance(ms);
    },
    async close() {
      await simulator.close();
      await http.close();
      await app.close();
    },
  };
}

let numbers = 0;
const newNo = (): string => `ABCDEF01JD${String(++numbers).padStart(22, '0')}`;

/** A payment by this method, half a minute old. */
export function aPayment(method: Method, changes: Partial<PayInput> = {}): PayInput {
  return {
    channel_order_no: newNo(),
    method,
    amount_fen: toFen(12_34),
    currency: 'CNY',
    subject: '咖啡 ☕',
    created_at: new Date('2026-11-22T04:00:00Z'),
    expires_at: new Date('2026-11-22T06:00:00Z'),
    notify_url: 'http://127.0.0.1:9/notify/channel/acc_0',
    payer_ip: '203.0.113.7',
    ...changes,
  };
}

export const orderOf = ({ channel_order_no, method, amount_fen, created_at, expires_at }: PayInput): OrderInput => ({
  channel_order_no,
  method,
  amount_fen,
  created_at,
  expires_at,
});

export function aRefund(payment: PayInput, changes: Partial<RefundInput> = {}): RefundInput {
  return {
    channel_order_no: payment.channel_order_no,
    channel_transaction_id: 'T1',
    channel_refund_no: newNo(),
    method: payment.method,
    amount_fen: payment.amount_fen,
    total_fen: payment.amount_fen,
    currency: 'CNY',
    created_at: new Date('2026-11-22T04:10:00Z'),
    order_created_at: payment.created_at,
    notify_url: 'http://127.0.0.1:9/notify/channel/acc_0',
    ...changes,
  };
}

/** A new order of this account that waits for its payer. */
export async function waitingOrder<Config>(stand: Stand<Config>, account: Account<Config>, method: Method, changes: Partial<PayInput> = {}): Promise<PayInput> {
  const input = aPayment(method, changes);
  const { fact } = await stand.client.pay(account, input);
  if (fact.is !== 'waiting') throw new Error(`the order is ${JSON.stringify(fact)}`);
  return input;
}

/** A payment-code charge of a code that behaves so. */
export function aCharge<Config>(stand: Stand<Config>, method: Method, behaviour: Parameters<Simulator['newPaymentCode']>[0], wallet?: Wallet): PayInput {
  return aPayment(method, { auth_code: stand.simulator.newPaymentCode(behaviour, wallet) });
}

/** The fact without its words for people. */
export const essence = ({ fact }: { readonly fact: { readonly is: string; readonly cause?: string; readonly reason?: string } }) =>
  `${fact.is}${fact.cause === undefined ? '' : ` ${fact.cause}`}${fact.reason === undefined ? '' : ` ${fact.reason}`}`;

/** The MD5 that the machine's own program makes of a text, in lower-case hex; where there is none the test is skipped. */
export function md5sum(t: TestContext, text: string): string | undefined {
  const { status, stdout } = spawnSync('md5sum', { input: text, encoding: 'utf8' });
  if (status === 0) return stdout.slice(0, 32);
  t.skip('no md5sum on this machine');
  return undefined;
}
