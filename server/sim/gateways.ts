import Fastify from 'fastify';
import type { Fault, Simulator, Told } from '../channels/kit/simulator.ts';
import { usual_simulators as makers } from '../channels/simulators.ts';
import type { Clock } from '../kernel/time.ts';
import { queriedBy, refundedBy, undoneBy } from './calls.ts';
import type { FaultId } from './faults.ts';
import { Lost, type Network } from './network.ts';
import type { Sim } from './sim.ts';
import { createWitness } from './told.ts';

export const gateway_authority = '127.0.0.1:7410';

export type SentNotification = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly told?: Told;
};

/** The gateways of a world: the real channel simulators behind the virtual network. */
export type Gateways = {
  readonly simulators: ReadonlyMap<string, Simulator>;
  /** Notifications as they were sent, for those who listen in and for those who replay them. */
  readonly sent: readonly SentNotification[];
  /** Something goes wrong with what the payer is about to cause. */
  readonly spoilNext: (channel: string) => void;
  /** Order numbers that payers were shown or charged for: only these can be paid. */
  readonly shown: Set<string>;
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
/** Longer than the first queries of an order are apart, so that some of them meet it. */
const behind_s_max = 120;
/** A request to a gateway: the number of the refund that it asks for, or of the order that it asks about. */
type Call = { readonly path: string; readonly refund_no: string | undefined; readonly queried: string | undefined };
/** How a refund is refused for good: the merchant has no money left at the wallet. */
const refund_refusals: Readonly<Record<string, string>> = { wechatpay: 'NOT_ENOUGH', alipay: 'ACQ.SELLER_BALANCE_NOT_ENOUGH' };

export async function openGateways(sim: Sim, network: Network): Promise<Gateways> {
  const { scheduler, faults } = sim;
  const server = Fastify({ logger: false });
  const simulators = new Map<string, Simulator>();
  const sent: SentNotification[] = [];
  const rotation = sim.dice('rotation');
  const shown = new Set<string>();
  const witness = createWitness(sim);
  /** Orders of which the gateway has told that they are paid, and how long its queries do not know it yet. */
  const behind_until_ms = new Map<string, number>();
  /** Whether a refund is refused for good, by its number: whoever comes first under it decides for all that come again. */
  const refused = new Map<string, boolean>();
  let late_until_ms = 0;
  // Only ahead: a channel whose clock is behind is refused by the five minutes of its signatures, and so is one far ahead.
  const skew_ms = faults.on.includes('CF-24') ? sim.dice('channel clock').between(1, 600) * 1000 : 0;
  const clock: Clock = {
    now: () => new Date(scheduler.now_ms() + (faults.rate('CF-24') > 0 ? skew_ms : 0)),
    monotonic_ms: scheduler.now_ms,
    sleep: sim.sleep,
  };
  if (skew_ms > 0) faults.count('CF-24');

  for (const { channel, create } of makers) {
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
  async function notify(notification: SentNotification): Promise<{ status: number; body: string }> {
    sent.push(notification);
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
  const post = ({ url, headers, body, told }: SentNotification) =>
    Promise.race([
      network.toHeliu({ method: 'POST', url, headers, body }, { watch: told && ((answer) => witness.acknowledged(told, answer)) }),
      sim.sleep(notify_within_ms).then(() => Promise.reject(new Lost('no answer to a notification'))),
    ]);

  network.at(gateway_authority, async ({ method, url, headers, body }) => {
    const channel = network.channelOf(url) ?? '';
    const { pathname, search } = new URL(url);
    const simulator = simulators.get(channel);
    const wanted = `${search}&${body ?? ''}`;
    const refund_no = refundedBy(pathname, wanted);
    if (simulator && refund_no !== undefined && refused.get(refund_no)) refuseRefund(simulator);
    else if (simulator && !sim.healed) spoilCall(simulator, { path: pathname, refund_no, queried: queriedBy(pathname, wanted) });
    if (refund_no !== undefined && !refused.has(refund_no)) refused.set(refund_no, false);
    const undone = undoneBy(pathname, wanted);
    const races = simulator && undone && shown.has(undone.order_no) && faults.draw('CF-19');
    // A payment code is not confirmed any more once it was reversed; a page or a code that is open still is.
    const race = races && (undone.by === 'reverse' ? 'before' : rotation.pick(['before', 'after'] as const));
    if (race === 'before') await payerIs(simulator, undone?.order_no);
    const answer = await server.inject({ method, url: pathname + search, headers: { ...headers }, ...(body === undefined ? {} : { payload: body }) });
    if (race === 'after') await payerIs(simulator, undone?.order_no);
    const given = Object.fromEntries(Object.entries(answer.headers).map(([name, value]) => [name, String(value)]));
    if (given['content-length'] !== undefined && Number(given['content-length']) !== answer.rawPayload.length) throw new Lost('the answer was cut off');
    return { status: answer.statusCode, headers: given, body: answer.rawPayload };
  });

  function spoilCall(simulator: Simulator, { path, refund_no, queried }: Call): void {
    if (faults.hit('CF-15')) simulator.inject({ kind: 'rotate_key' });
    // Keys are fetched by a call that takes no fault: one given now would hit a call much later.
    if (path.endsWith('/v3/certificates')) return;
    for (const [id, kind] of call_faults) {
      if (!faults.hit(id)) continue;
      simulator.inject({ kind });
      return;
    }
    if (queried !== undefined && faults.draw('CF-18')) {
      simulator.inject({ kind: 'not_found_lag', on: 'query' });
      if (simulator.orders().some(({ order_no }) => order_no === queried)) faults.count('CF-18');
    } else if (queried !== undefined && scheduler.now_ms() < (behind_until_ms.get(queried) ?? 0)) {
      simulator.inject({ kind: 'query_behind', on: 'query' });
      faults.count('CF-17');
    }
    if (refund_no === undefined || refused.has(refund_no) || !faults.hit('CF-22')) return;
    if (rotation.chance(0.5)) {
      refused.set(refund_no, true);
      refuseRefund(simulator);
    } else simulator.inject({ kind: 'refund_fails' });
  }

  const refuseRefund = (simulator: Simulator) => simulator.inject({ kind: 'error_code', on: 'refund', code: refund_refusals[simulator.channel] ?? '' });

  /** CF-19: the payer's hand beside the one that closes. What tells of money after a close is its notification alone, so that is not spoilt. */
  async function payerIs(simulator: Simulator | undefined, order_no: string | undefined): Promise<void> {
    if (simulator && order_no !== undefined && (await simulator.act(order_no, { do: 'pay', late: true })).done) faults.count('CF-19');
  }

  return {
    simulators,
    sent,
    shown,
    broken: witness.broken,
    lateUntil_ms: () => late_until_ms,
    spoilNext: (channel) => {
      const simulator = simulators.get(channel);
      if (!simulator) return;
      const fault = notificationFault();
      if (fault) simulator.inject(fault);
    },
  };

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
