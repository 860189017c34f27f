import { createServer, type Server } from 'node:http';
import { type Method, methods, type NextAction, type Wallet } from '@heliu/contract';
import fastify from 'fastify';
import { assert } from '../../kernel/assert.ts';
import { channelNo, newId, newMerchantCode } from '../../kernel/id.ts';
import { toFen } from '../../kernel/money.ts';
import type { Rng } from '../../kernel/rng.ts';
import { Secret } from '../../kernel/secret.ts';
import { addMs, type Clock } from '../../kernel/time.ts';
import { createHttpOut, type HttpOut } from '../../platform/egress.ts';
import { createLog } from '../../platform/log.ts';
import { createMetrics } from '../../platform/metrics.ts';
import { type Arrivals, createArrivals } from '../../testing/arrivals.ts';
import { readSettings } from '../account-settings.ts';
import { type ChannelClient, createChannelClient } from '../client.ts';
import type { Account, Channel, InboundMessage, OrderInput, PayInput, RefundInput } from '../define.ts';
import type { NoticeRequest, Simulator, SimulatorPorts, Traits } from './simulator.ts';

/** Which channel is held to the rules, in which way of signing up. */
export type Subject = {
  readonly channel: Channel;
  readonly create: (ports: SimulatorPorts) => Simulator;
  readonly mode: 'direct' | 'provider';
  readonly trust: 'certificate' | 'public_key';
  readonly traits?: Traits;
};

/** A clock that passes when a check says so, and tells how many are asleep. */
export type BenchClock = Clock & { advance(ms: number): void; sleepers(): number };
export type Send = HttpOut['send'];
/** `between`: what stands on the way between Heliu and the gateway, where something does. */
export type BenchPorts = { readonly clock: BenchClock; readonly rng: Rng; readonly between?: (send: Send) => Send };

/** An account at the simulated gateway, with its settings in clear. */
export type Enrolled = { readonly account: Account; readonly settings: Readonly<Record<string, unknown>> };

/**
 * A channel and the simulator of its gateway over real HTTP, with the client that production uses. Every order has its own
 * notification URL, so that a message is found without being read.
 */
export type Bench = Enrolled & {
  readonly subject: Subject;
  readonly simulator: Simulator;
  readonly client: ChannelClient;
  readonly clock: BenchClock;
  /** Everything that the client said: log lines, metrics, and what it returned. */
  readonly said: () => Promise<{ readonly lines: readonly string[]; readonly metrics: string; readonly returned: readonly unknown[] }>;
  readonly enroll: () => Promise<Enrolled>;
  /** A new order of this method. `of` is the account that sends it. */
  readonly payInput: (method: Method, changes?: Partial<PayInput>, of?: Account) => PayInput;
  readonly refundInput: (order: PayInput, changes?: Partial<RefundInput>) => RefundInput;
  /** What the payer's phone or browser does with the answer to a payment. */
  readonly open: (action: NextAction) => Promise<void>;
  /** Messages to that notification URL, as soon as there are so many. */
  readonly messages: (url: string, count?: number) => Promise<readonly InboundMessage[]>;
  readonly close: () => Promise<void>;
};

export const orderInput = ({ channel_order_no, method, amount_fen, created_at, expires_at, app_id }: PayInput): OrderInput => ({
  channel_order_no,
  method,
  amount_fen,
  created_at,
  expires_at,
  ...(app_id === undefined ? {} : { app_id }),
});

/** A payer as the wallet's sign-in names one; wallets that are not listed take any text. */
const payer_ids: Partial<Record<Wallet, string>> = { wechat: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o', alipay: '2088102146225135' };
const any_payer_id = 'payer0000000001';

export async function openBench(subject: Subject, { clock, rng, between = (send) => send }: BenchPorts): Promise<Bench> {
  const lines: string[] = [];
  const returned: unknown[] = [];
  const log = createLog('debug', clock, { write: (line) => lines.push(line) });
  const metrics = createMetrics({ process_metrics: false });
  const http = createHttpOut(
    { mode: 'sandbox', public_url: 'http://127.0.0.1', egress_allow: ['127.0.0.0/8'], webhook_allow_http: false, webhook_ports: [443] },
    clock,
  );
  const on_the_way = { ...http, send: between(http.send) };
  const client = remembering(createChannelClient({ clock, rng, http: on_the_way, log, metrics }, new Map([[subject.channel.code, subject.channel]])), returned);
  const inbox = createInbox();
  const accounts = new Map<string, Account>();

  const host = await listening();
  const base_url = `${host.origin}/sim/${subject.channel.code}`;
  const numbers = createNumbers(subject.channel);
  const gateway = subject.create({ clock, rng, base_url, journal: { load: () => [], append: () => {} }, send: receive, time_scale: 1 });
  const app = fastify({ serverFactory: (handler) => host.server.on('request', handler) });
  const simulator = numbers.translated(gateway);
  await app.register(simulator.plugin, { prefix: `/sim/${subject.channel.code}` });
  await app.ready();
  let amount = 100n;

  /** Heliu's side of a notification: read, then answered. */
  async function receive(request: NoticeRequest): Promise<{ status: number; body: string }> {
    const own = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value]));
    const headers = request.method === 'GET' ? { ...own, 'content-type': 'application/x-www-form-urlencoded' } : own;
    const message = { path: new URL(request.url).pathname, headers, body: Buffer.from(request.body) };
    const account = accounts.get(new URL(request.url).pathname.split('/')[2] ?? '');
    assert(account, 'a notification goes to a URL that was given');
    const notified = await client.readNotification(account, message);
    // Where an address is the account's, a message is found by what it is about.
    inbox.put(gateway.reportTo && request.told ? notifyUrl(account, request.told.refund_no ?? request.told.order_no) : request.url, message);
    const reply = notified.is === 'read' ? notified.reply.ok : notified.reply;
    return { status: reply.status, body: reply.body };
  }

  async function enroll(): Promise<Enrolled> {
    const settings = await gateway.enroll({ mode: subject.mode, trust: subject.trust });
    const read = readSettings(subject.channel, settings);
    if ('problem' in read) throw new Error(`the simulator's settings: ${read.param} ${read.problem}`);
    const settled: Account = {
      id: newId('channel_account', clock.now(), rng),
      version: 1,
      merchant_id: newId('merchant', clock.now(), rng),
      merchant_code: newMerchantCode(rng),
      livemode: false,
      channel: subject.channel.code,
      config: read.config,
    };
    const account = await withSession(client, gateway, settled, settings);
    accounts.set(account.id, account);
    gateway.reportTo?.(settings, `https://merchant.example/notify/${account.id}`);
    return { account, settings };
  }

  const first = await enroll();
  const notifyUrl = (account: Account, no: string) => `https://merchant.example/notify/${account.id}/${no}`;

  return {
    ...first,
    subject,
    simulator,
    client,
    clock,
    said: async () => ({ lines, metrics: await metrics.expose(), returned }),
    enroll,
    payInput(method, changes = {}, of = first.account) {
      const channel_order_no = numbers.remember(channelNo(of.merchant_code, newId('attempt', clock.now(), rng)));
      const { wallet, scene } = methods[method];
      return {
        channel_order_no,
        method,
        // Each order is worth something else, so that a mix-up shows.
        amount_fen: toFen(++amount),
        currency: 'CNY',
        subject: 'Tea 茶',
        created_at: clock.now(),
        expires_at: addMs(clock.now(), 3_600_000),
        notify_url: notifyUrl(of, channel_order_no),
        payer_ip: '203.0.113.9',
        return_url: 'https://merchant.example/back',
        ...(scene === 'jsapi' || scene === 'mini' ? { payer_id: payer_ids[wallet] ?? any_payer_id } : {}),
        ...(scene === 'barcode' ? { auth_code: simulator.newPaymentCode('pays', wallet) } : {}),
        ...changes,
      };
    },
    refundInput(order, changes = {}) {
      const channel_refund_no = numbers.remember(channelNo(first.account.merchant_code, newId('refund', clock.now(), rng)));
      const payment = simulator.truth().payments.find(({ order_no }) => order_no === order.channel_order_no);
      assert(payment, 'only a paid order is refunded');
      return {
        channel_order_no: order.channel_order_no,
        channel_transaction_id: payment.transaction_id,
        channel_refund_no,
        method: order.method,
        amount_fen: order.amount_fen,
        total_fen: order.amount_fen,
        currency: 'CNY',
        reason: 'Changed my mind 不想要了',
        created_at: clock.now(),
        order_created_at: order.created_at,
        notify_url: notifyUrl(first.account, channel_refund_no),
        ...changes,
      };
    },
    open: (action) => open(action, String(first.settings.gateway_url)),
    messages: inbox.messages,
    async close() {
      await simulator.close();
      await http.close();
      await app.close();
      await host.close();
    },
  };
}

/** The account with the key that the gateway gives it for a code, where it gives keys. */
export async function withSession<Config>(
  client: Pick<ChannelClient, 'openSession'>,
  { newSessionCode }: Simulator,
  account: Account<Config>,
  settings: Readonly<Record<string, unknown>>,
): Promise<Account<Config>> {
  if (!newSessionCode) return account;
  const fact = await client.openSession(account, { code: new Secret(newSessionCode(settings)) });
  assert(fact.is === 'session', `a new code gives a key: ${fact.is}`);
  return { ...account, session: fact.session };
}

/** A browser follows a link or sends a form; a wallet that is handed a signed request by an app takes it to its gateway. */
async function open(action: NextAction, gateway_url: string): Promise<void> {
  const visit = async (url: string, init: RequestInit = {}) => {
    const page = await fetch(url, { ...init, redirect: 'manual' });
    await page.arrayBuffer();
    assert(page.status < 400, `the gateway opens ${new URL(url).pathname} with ${page.status}`);
  };
  // A QR code of a wallet's own scheme tells the wallet the order; one that is a link is opened by it.
  if (action.type === 'show_qr' && action.qr_content.startsWith(new URL(gateway_url).origin)) await visit(action.qr_content);
  if (action.type === 'redirect') await visit(action.url);
  if (action.type === 'submit_form') await visit(action.url, { method: 'POST', body: new URLSearchParams(action.fields) });
  if (action.type === 'invoke' && action.params.orderStr !== undefined) await visit(`${gateway_url}?${action.params.orderStr}`);
}

/** The gateway's ledger in whole numbers of ours, where the gateway itself is given shorter ones. */
function createNumbers({ shortNo }: Channel) {
  const whole = new Map<string, string>();
  const short = (no: string) => shortNo?.(no) ?? no;
  const long = (no: string) => whole.get(no) ?? no;
  return {
    remember(no: string): string {
      whole.set(short(no), no);
      return no;
    },
    translated: (gateway: Simulator): Simulator => ({
      ...gateway,
      act: (order_no, act) => gateway.act(short(order_no), act),
      orders: () => gateway.orders().map((order) => ({ ...order, order_no: long(order.order_no) })),
      truth: () => {
        const { payments, refunds } = gateway.truth();
        return {
          payments: payments.map((payment) => ({ ...payment, order_no: long(payment.order_no) })),
          refunds: refunds.map((refund) => ({ ...refund, order_no: long(refund.order_no), refund_no: long(refund.refund_no) })),
        };
      },
    }),
  };
}

/** Keeps what was returned, for the search for secrets. */
function remembering(client: ChannelClient, returned: unknown[]): ChannelClient {
  const { bars, closes, refundsOnce, repeats, authorizeUrl, ...calls } = client;
  const kept = Object.entries(calls).map(([name, call]: [string, (...args: never[]) => Promise<unknown>]) => [
    name,
    async (...args: never[]) => {
      const value = await call(...args);
      returned.push(value);
      return value;
    },
  ]);
  return { bars, closes, refundsOnce, repeats, authorizeUrl, ...Object.fromEntries(kept) } as ChannelClient;
}

function createInbox() {
  const received = new Map<string, Arrivals<InboundMessage>>();
  const at = (url: string): Arrivals<InboundMessage> => {
    const known = received.get(url) ?? createArrivals<InboundMessage>();
    received.set(url, known);
    return known;
  };
  return {
    put: (url: string, message: InboundMessage) => at(url).add(message),
    messages: (url: string, count = 1): Promise<readonly InboundMessage[]> =>
      at(url)
        .count(count)
        .then((all) => [...all]),
  };
}

/** A server that listens before there is anything to serve: a gateway must know its own address. */
async function listening(): Promise<{ readonly server: Server; readonly origin: string; readonly close: () => Promise<void> }> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  assert(address !== null && typeof address === 'object', 'a server that listens has a port');
  const close = () =>
    new Promise<void>((resolve) => {
      server.closeAllConnections();
      if (server.listening) server.close(() => resolve());
      else resolve();
    });
  return { server, origin: `http://127.0.0.1:${address.port}`, close };
}
