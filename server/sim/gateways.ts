import Fastify from 'fastify';
import { refund_notice } from '../channels/kit/faults.ts';
import { type Asked, type Fault, type NoticeRequest, type Simulator, type SimulatorMaker, type Told, wireOf } from '../channels/kit/simulator.ts';
import { channels } from '../channels/registry.ts';
import { usual_simulators } from '../channels/simulators.ts';
import type { Clock } from '../kernel/time.ts';
import { readWallet } from './calls.ts';
import type { FaultId } from './faults.ts';
import { Lost, type Network, type Reader } from './network.ts';
import type { WireAnswer, WireRequest } from './node.ts';
import type { Sim } from './sim.ts';
import { createWitness } from './told.ts';

export const gateway_authority = '127.0.0.1:7410';

/** The gateways of a world: the real channel simulators behind the virtual network. */
export type Gateways = {
  readonly simulators: ReadonlyMap<string, Simulator>;
  /** Notifications as they were sent, for those who listen in and for those who replay them. */
  readonly sent: readonly NoticeRequest[];
  /** The one beside the two wallets, where there is one: its channel and what it cannot promise. */
  readonly further: SimulatorMaker | undefined;
  /** Something goes wrong with what the payer is about to cause. */
  readonly spoilNext: (channel: string) => void;
  /** Order numbers that payers were shown or charged for: only these can be paid. */
  readonly shown: Set<string>;
  /** A phone asks its wallet: whatever goes wrong with merchants, inside the wallet's own app nothing does. */
  readonly browse: (request: WireRequest) => Promise<WireAnswer>;
  /** When the last notification comes that is late. */
  readonly lateUntil_ms: () => number;
  /** What was acknowledged and not, or wrongly, taken. */
  readonly broken: readonly string[];
};

/** Faults of a call, at the rate of their own ids. A fault is given to the gateway just before the request that it is for. */
const call_faults: readonly (readonly [FaultId, Fault['kind'], on?: string])[] = [
  ['CF-03', 'cut_answer'],
  ['CF-04', 'html_answer'],
  ['CF-05', 'server_error'],
  ['CF-16', 'rate_limit'],
  ['CF-28', 'unlisted_code'],
];
const notify_within_ms = 5_000;
/** From a phone to its wallet and back. */
const wallet_ms_max = 60;
/** A channel that lags has caught up after this: less than what is waited for (payments/schedule.ts: absence_patience_ms). */
const lag_ms_max = 55_000;
/** Longer than the first queries of an order are apart, so that some of them meet it. */
const behind_s_max = 120;
/** How a refund is refused for good: the merchant has no money left at the wallet. */
const refund_refusals: Readonly<Record<string, string>> = { wechatpay: 'NOT_ENOUGH', alipay: 'ACQ.SELLER_BALANCE_NOT_ENOUGH' };

export async function openGateways(sim: Sim, network: Network, further?: SimulatorMaker): Promise<Gateways> {
  const { scheduler, faults } = sim;
  const server = Fastify({ logger: false });
  const simulators = new Map<string, Simulator>();
  const sent: NoticeRequest[] = [];
  const rotation = sim.dice('rotation');
  const shown = new Set<string>();
  const witness = createWitness(sim);
  const broken: string[] = [];
  /** Orders of which the gateway has told that they are paid, and how long its queries do not know it yet. */
  const behind_until_ms = new Map<string, number>();
  /** Whether a refund is refused for good, by its number: whoever comes first under it decides for all that come again. */
  const refused = new Map<string, boolean>();
  /** Refunds that a node has sent, wherever its gateway does not promise that a number is one refund. */
  const sent_refunds = new Set<string>();
  let late_until_ms = 0;
  // Only ahead: a channel whose clock is behind is refused by the five minutes of its signatures, and so is one far ahead.
  const skew_ms = faults.on.includes('CF-24') ? sim.dice('channel clock').between(1, 600) * 1000 : 0;
  const clock: Clock = {
    now: () => new Date(scheduler.now_ms() + (faults.rate('CF-24') > 0 ? skew_ms : 0)),
    monotonic_ms: scheduler.now_ms,
    sleep: sim.sleep,
  };
  if (skew_ms > 0) faults.count('CF-24');

  for (const { channel, create } of [...usual_simulators, ...(further ? [further] : [])]) {
    const simulator = create({
      clock,
      rng: sim.dice(`gateway ${channel}`),
      base_url: `http://${gateway_authority}/sim/${channel}`,
      journal: { load: () => [], append: () => {} },
      time_scale: 1,
      send: (notification) => notify(notification),
    });
    simulators.set(channel, simulator);
    await server.register(simulator.plugin, { prefix: `/sim/${channel}` });
  }
  await server.ready();

  /** On its way a notification may be lost for this time, late, or doubled. */
  async function notify(notification: NoticeRequest): Promise<{ status: number; body: string }> {
    sent.push(notification);
    if (notification.told) witness.sent(notification.told);
    fallBehind(notification.told);
    if (faults.hit('CF-08')) await sim.sleep(faults.dice('CF-08').between(100, 20_000));
    const copies = faults.hit('CF-07') ? faults.dice('CF-07').between(1, 7) : 0;
    for (let copy = 0; copy < copies; copy++) post(notification).catch(() => {});
    const answer = await post(notification);
    return { status: answer.status, body: answer.body.toString('utf8') };
  }
  function fallBehind(told: Told | undefined): void {
    if (!told || told.wrong || told.refund_no !== undefined || behind_until_ms.has(told.order_no) || !faults.draw('CF-17')) return;
    behind_until_ms.set(told.order_no, scheduler.now_ms() + faults.dice('CF-17').between(5, behind_s_max) * 1000);
  }
  const post = ({ told, ...notification }: NoticeRequest) =>
    Promise.race([
      network.toHeliu(wireOf(notification), { watch: told && ((answer) => witness.acknowledged(told, answer)) }),
      sim.sleep(notify_within_ms).then(() => Promise.reject(new Lost('no answer to a notification'))),
    ]);

  async function serve({ method, url, headers, body }: WireRequest): Promise<WireAnswer> {
    const { pathname, search } = new URL(url);
    const answer = await server.inject({ method, url: pathname + search, headers: { ...headers }, ...(body === undefined ? {} : { payload: body }) });
    const given = Object.fromEntries(Object.entries(answer.headers).map(([name, value]) => [name, String(value)]));
    return { status: answer.statusCode, headers: given, body: answer.rawPayload };
  }

  network.at(
    gateway_authority,
    async (request, { asked, is_echo }) => {
      const channel = network.channelOf(request.url) ?? '';
      const { pathname } = new URL(request.url);
      const simulator = simulators.get(channel);
      const refund_no = asked?.does === 'refund' ? asked.refund_no : undefined;
      if (simulator && refund_no !== undefined && !is_echo) watchRefund(simulator, refund_no);
      if (simulator && refund_no !== undefined && refused.get(refund_no)) refuseRefund(simulator);
      else if (simulator && !sim.healed) spoilCall(simulator, pathname, asked);
      if (refund_no !== undefined && !refused.has(refund_no)) refused.set(refund_no, false);
      const undone = asked?.does === 'close' || asked?.does === 'reverse' ? asked.order_no : undefined;
      const races = simulator && undone !== undefined && shown.has(undone) && faults.draw('CF-19');
      const race = races && (canOnlyBeBefore(channel, asked) ? 'before' : rotation.pick(['before', 'after'] as const));
      if (race === 'before') await payerIs(simulator, undone);
      const answer = await serve(request);
      if (race === 'after') await payerIs(simulator, undone);
      const { 'content-length': length } = answer.headers;
      if (length !== undefined && Number(length) !== answer.body.length) throw new Lost('the answer was cut off');
      return answer;
    },
    readerOf(simulators),
  );

  /**
   * A payment code is not confirmed any more once it was reversed; a page or a code that is open still is. The gateways beside
   * the wallets repeat a notification for minutes only, which an outage of ours outlasts: what tells of money after a close would be lost.
   */
  const canOnlyBeBefore = (channel: string, asked: Asked | undefined): boolean => asked?.does === 'reverse' || channel === further?.channel;

  /**
   * I-13: where nobody promises that a number is one refund, a second request is a second refund; these gateways are kinder than
   * that. A copy that the network made and that overtook what it copies was not sent by a node.
   */
  function watchRefund({ channel, truth }: Simulator, refund_no: string): void {
    if (channels.get(channel)?.refund.retry !== 'never') return;
    if (sent_refunds.has(refund_no) && truth().refunds.some((refund) => refund.refund_no === refund_no))
      broken.push(`I-13 the refund ${refund_no} was sent to ${channel} again`);
    sent_refunds.add(refund_no);
  }

  function spoilCall(simulator: Simulator, path: string, asked: Asked | undefined): void {
    if (faults.hit('CF-15')) simulator.inject({ kind: 'rotate_key' });
    // Keys are fetched, and payers of WeChat found out, by calls that take no fault: one given now would hit a call much later.
    if (path.endsWith('/v3/certificates') || path.endsWith('/sns/oauth2/access_token')) return;
    for (const [id, kind] of call_faults) {
      if (!faults.hit(id)) continue;
      simulator.inject({ kind });
      return;
    }
    const queried = asked?.does === 'query' ? asked.order_no : undefined;
    if (queried !== undefined && isYoung(simulator, queried) && faults.hit('CF-18')) simulator.inject({ kind: 'not_found_lag', on: 'query' });
    else if (queried !== undefined && scheduler.now_ms() < (behind_until_ms.get(queried) ?? 0)) {
      simulator.inject({ kind: 'query_behind', on: 'query' });
      faults.count('CF-17');
    }
    const refund_no = asked?.does === 'refund' ? asked.refund_no : undefined;
    const tells = further?.channel !== simulator.channel || further.refunds_untold !== true;
    const told = refund_no !== undefined && tells ? refundNoticeFault() : undefined;
    if (told) simulator.inject({ ...told, on: refund_notice });
    if (refund_no === undefined || refused.has(refund_no) || !faults.hit('CF-22')) return;
    // No code of the gateways beside the wallets is a final no.
    if (rotation.chance(0.5) && refund_refusals[simulator.channel] !== undefined) {
      refused.set(refund_no, true);
      refuseRefund(simulator);
    } else simulator.inject({ kind: 'refund_fails' });
  }

  /** Held there, and not for so long that it must be found. */
  const isYoung = (simulator: Simulator, order_no: string): boolean =>
    simulator.orders().some((order) => order.order_no === order_no && clock.now().getTime() - order.created_at.getTime() < lag_ms_max);

  const refuseRefund = (simulator: Simulator) => simulator.inject({ kind: 'error_code', on: 'refund', code: refund_refusals[simulator.channel] ?? '' });

  /** CF-19: the payer's hand beside the one that closes. What tells of money after a close is its notification alone, so that is not spoilt. */
  async function payerIs(simulator: Simulator | undefined, order_no: string | undefined): Promise<void> {
    if (simulator && order_no !== undefined && (await simulator.act(order_no, { do: 'pay', late: true })).done) faults.count('CF-19');
  }

  return {
    simulators,
    sent,
    shown,
    further,
    browse: async (request) => {
      await sim.sleep(sim.latency(wallet_ms_max));
      return serve(request);
    },
    lateUntil_ms: () => late_until_ms,
    get broken() {
      return [...witness.broken, ...broken];
    },
    spoilNext: (channel) => {
      const simulator = simulators.get(channel);
      if (!simulator) return;
      const fault = notificationFault();
      if (fault) simulator.inject(fault);
    },
  };

  /** What one refund's notice says is asked about as well, so that nothing hangs on whose notice is hit. */
  function refundNoticeFault(): Fault | undefined {
    if (faults.hit('CF-10')) return { kind: 'notify_lost' };
    if (faults.hit('CF-09')) return { kind: 'notify_delayed', ms: rotation.between(1, 300) * 1000 };
    if (faults.draw('CF-12')) return { kind: 'notify_wrong_amount' };
    if (faults.hit('CF-14')) return { kind: 'notify_signature_probe' };
    return undefined;
  }

  function notificationFault(): Fault | undefined {
    if (faults.hit('CF-10')) return { kind: 'notify_lost' };
    if (faults.hit('CF-09')) {
      const ms = rotation.between(1, rotation.chance(0.2) ? 12 * 3600 : 300) * 1000;
      late_until_ms = Math.max(late_until_ms, scheduler.now_ms() + ms);
      return { kind: 'notify_delayed', ms };
    }
    if (faults.draw('CF-12')) return { kind: rotation.chance(0.5) ? 'notify_wrong_amount' : 'notify_wrong_merchant' };
    if (faults.draw('CF-13')) return { kind: 'notify_unknown_order' };
    if (faults.draw('CF-21')) return { kind: 'notify_reused_transaction' };
    if (faults.hit('CF-14')) return { kind: 'notify_signature_probe' };
    return undefined;
  }
}

/** Each gateway tells itself what a request asks for, but for the two wallets, whose requests name it in the clear. */
function readerOf(simulators: ReadonlyMap<string, Simulator>): Reader {
  return ({ method, url, headers, body = '' }) => {
    const { pathname, search } = new URL(url);
    const [, , channel = ''] = pathname.split('/');
    const simulator = simulators.get(channel);
    if (!simulator?.reads) return readWallet(pathname, `${search}&${body}`);
    const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    return simulator.reads({ method, path: pathname.slice(`/sim/${channel}`.length), query: search.slice(1), headers: lower, body: Buffer.from(body) });
  };
}
