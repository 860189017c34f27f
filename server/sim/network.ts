import type { Asked } from '../channels/kit/simulator.ts';
import type { Config } from '../platform/config.ts';
import { createHttpOut, EgressError, type HttpOut, type HttpOutAnswer, type HttpOutRequest } from '../platform/egress.ts';
import type { DatabaseClient } from './database.ts';
import type { Node, WireAnswer, WireRequest } from './node.ts';
import type { Sim } from './sim.ts';

/** Something that answers at an address. Rejects when the connection ends without a whole answer. */
export type Host = (request: WireRequest, seen: Seen) => Promise<WireAnswer>;
/** What is known of a request that arrives: what it asks for, where its host can tell, and whether it is the second copy of one. */
export type Seen = { readonly asked?: Asked | undefined; readonly is_echo: boolean };
export type Reader = (request: Pick<WireRequest, 'method' | 'url' | 'headers' | 'body'>) => Asked | undefined;

/** All ways between nodes, gateways, merchants and their receivers, and what can happen on them. */
export type Network = {
  /** Who answers at `host:port`, and how to know what it is asked for. */
  readonly at: (authority: string, host: Host, reader?: Reader) => void;
  /** A node's way out. */
  readonly httpOf: (node: DatabaseClient, config: Config) => HttpOut;
  /** A request from outside to the installation; some node takes it. */
  readonly toHeliu: (request: WireRequest, options?: ToHeliu) => Promise<WireAnswer>;
  /** The same by whoever waits for an answer and gives up after a while; undefined when none came. */
  readonly ask: (request: WireRequest, options?: ToHeliu) => Promise<WireAnswer | undefined>;
  readonly nodes: Node[];
  /** How often each send left: more than one arrival is a doubled request. */
  readonly channelOf: (url: string) => string | undefined;
  /** The channel is down until what this gives is called, whatever heals. */
  readonly putOut: (channel: string) => () => void;
  /** What nodes sent and never should have. */
  readonly broken: readonly string[];
};

/** Which node takes it, where that matters; `watch` sees the answer as it leaves the node, before anything more can happen. */
export type ToHeliu = { readonly node?: number | undefined; readonly watch?: ((answer: WireAnswer) => void) | undefined };

const way_ms_max = 30;
/** Nobody outside knows then what happened. */
const patience_ms = 40_000;
/** No request is on its way for longer than is waited for (payments/schedule.ts: absence_patience_ms), what passes before it is sent left out. */
const lingers_ms_max = 45_000;

/** A request that came back as if the connection was cut in the middle. */
export class Lost extends Error {
  override readonly name = 'Lost';
}

export function createNetwork(sim: Sim): Network {
  const { scheduler, faults, latency } = sim;
  const hosts = new Map<string, { readonly host: Host; readonly reader: Reader | undefined }>();
  const balance = sim.dice('balancer');
  const nodes: Node[] = [];
  const outage_until_ms = new Map<string, number>();
  /** Channels that are down for long, and whether anybody has met it. */
  const put_out = new Map<string, { met: boolean }>();
  const charged = new Set<string>();
  const broken: string[] = [];

  const channelOf = (url: string): string | undefined => /\/sim\/(\w+)/.exec(url)?.[1];

  /** A whole-channel outage that is on, or that begins now. */
  const isOut = (channel: string): boolean => {
    const outage = put_out.get(channel);
    if (outage && !outage.met) faults.count('CF-27');
    if (outage) outage.met = true;
    if (outage) return true;
    if (faults.rate('CF-27') === 0) return false;
    const until_ms = outage_until_ms.get(channel) ?? 0;
    if (scheduler.now_ms() < until_ms) return true;
    if (!faults.dice('CF-27').chance(0.05) || !faults.hit('CF-27')) return false;
    outage_until_ms.set(channel, scheduler.now_ms() + faults.dice('CF-27').between(10, 120) * 60_000);
    return true;
  };
  /** I-40: what became of a payment code is asked, and it is never charged again. */
  const watchCharge = ({ order_no, charges }: Asked): void => {
    if (order_no === undefined || charges !== true) return;
    if (charged.has(order_no)) broken.push(`I-40 the payment code of ${order_no} was charged again`);
    charged.add(order_no);
  };
  const arrive = (request: WireRequest, seen: Seen): Promise<WireAnswer> => {
    const { host } = new URL(request.url);
    const found = hosts.get(host);
    return found ? found.host(request, seen) : Promise.reject(new Lost(`nobody is at ${host}`));
  };

  const httpOf: Network['httpOf'] = (node, config) => {
    const rules = createHttpOut(config);
    return {
      check: rules.check,
      close: () => Promise.resolve(),
      send: (request) => sendFrom(node, request),
    };
  };

  function sendFrom(node: DatabaseClient, request: HttpOutRequest): Promise<HttpOutAnswer> {
    const channel = request.policy === 'channel' ? channelOf(request.url) : undefined;
    const point = `send ${request.policy} ${placeOf(request.url)}`;
    const fate = node.reach(point);
    return new Promise((resolve, reject) => {
      let sent = false;
      let done = false;
      const settle = (end: () => void) => {
        if (done) return;
        done = true;
        end();
      };
      const fail = (kind: EgressError['cause_kind'], message: string) => settle(() => reject(new EgressError(kind, sent, message)));
      const lose = (message: string) => {
        node.losesAnswer();
        fail('connection_lost', message);
      };
      node.later(request.deadline_ms, `deadline ${point}`, () => fail('timeout', `no whole answer within ${request.deadline_ms} ms`));
      const trouble = channel === undefined ? undefined : notConnected(channel);
      if (trouble === 'hangs') return;
      if (trouble !== undefined) return node.later(latency(way_ms_max), point, () => fail('not_connected', trouble));
      node.later(latency(way_ms_max), point, () => {
        if (done) return;
        if (fate === 'crash_before') return node.crash();
        sent = true;
        const asked = channel === undefined ? undefined : hosts.get(new URL(request.url).host)?.reader?.(request);
        if (asked) watchCharge(asked);
        if (channel !== undefined && faults.hit('CF-02')) {
          if (faults.dice('CF-02').chance(0.5)) fail('connection_lost', 'reset before it arrived');
          return;
        }
        if (channel !== undefined && faults.hit('OF-10')) arrive(request, { asked, is_echo: true }).catch(() => {});
        const slow_ms = channel !== undefined && faults.hit('CF-06') ? faults.dice('CF-06').between(1, 60) * 1000 : 0;
        const lingers_ms = slow_ms > 0 && faults.dice('CF-06').chance(0.4) ? Math.min(slow_ms, lingers_ms_max) : 0;
        const seen: Seen = { asked, is_echo: false };
        const arriving = lingers_ms === 0 ? arrive(request, seen) : sim.sleep(lingers_ms).then(() => arrive(request, seen));
        arriving.then(
          (answer) => {
            scheduler.note('answer', node.name, point, String(answer.status));
            const dies = request.policy === 'webhook' && node.isAlive() && faults.hit('OF-19');
            if (request.policy === 'webhook' && (fate === 'crash_after' || !node.isAlive())) faults.count('OF-19');
            if (fate === 'crash_after' || dies) return node.crash();
            if (fate === 'lose_answer') return lose('the answer was lost');
            // Lost on its way: nobody tells, the deadline passes.
            if (channel !== undefined && faults.hit('CF-01')) return;
            node.later(slow_ms + latency(way_ms_max), `answer ${point}`, () => settle(() => resolve(limited(answer, request))));
          },
          (error: Error) => {
            // The far end did it, and its answer is lost as it is.
            if (fate === 'crash_after') return node.crash();
            if (fate === 'lose_answer') return lose(error.message);
            node.later(latency(way_ms_max), `reset ${point}`, () => fail('connection_lost', error.message));
          },
        );
      });
    });
  }

  /** Why no connection to a channel can be made now; `hangs` when it is not even refused. */
  function notConnected(channel: string): string | undefined {
    if (isOut(channel)) return faults.dice('CF-27').chance(0.5) ? 'hangs' : 'connection refused';
    if (faults.hit('CF-25')) return 'certificate has expired';
    if (faults.hit('CF-26')) return 'getaddrinfo ENOTFOUND';
    return undefined;
  }

  const toHeliu: Network['toHeliu'] = (request, { node: wanted, watch } = {}) =>
    new Promise((resolve, reject) => {
      scheduler.after(latency(way_ms_max), `to heliu ${request.method} ${placeOf(request.url)}`, 'network', () => {
        const alive = nodes.filter((node) => node.isAlive());
        const node = (wanted === undefined ? undefined : alive[wanted % Math.max(1, alive.length)]) ?? (alive.length > 0 ? balance.pick(alive) : undefined);
        if (!node) return reject(new Lost('no node is up'));
        node.serve(request).then(
          (answer) => {
            watch?.(answer);
            scheduler.after(latency(way_ms_max), 'from heliu', 'network', () => resolve(answer));
          },
          (error: Error) => scheduler.after(latency(way_ms_max), 'reset by heliu', 'network', () => reject(new Lost(error.message))),
        );
      });
    });

  return {
    nodes,
    broken,
    at: (authority, host, reader) => void hosts.set(authority, { host, reader }),
    httpOf,
    channelOf,
    putOut: (channel) => {
      put_out.set(channel, { met: false });
      return () => void put_out.delete(channel);
    },
    toHeliu,
    ask: async (request, options) => {
      const gone = new AbortController();
      const asked = toHeliu(request, options).catch(() => undefined);
      const answer = await Promise.race([asked, sim.sleep(patience_ms, gone.signal).then(() => undefined)]);
      // With a reason: without one, an error with a stack would be built.
      gone.abort('answered');
      return answer;
    },
  };
}

/** The place of a URL without what differs from object to object. */
const placeOf = (url: string): string =>
  new URL(url).pathname
    .split('/')
    .filter((part) => part !== '' && !/\d{4}|^[0-9A-Z]{20,}$|_[0-9A-Z]{26}$/.test(part))
    .slice(0, 7)
    .join('/');

/** An answer beyond the limit is cut off where the caller allows it; the product's own reader is held by its own tests. */
function limited(answer: WireAnswer, { answer_bytes_max }: HttpOutRequest): HttpOutAnswer {
  return answer.body.length <= answer_bytes_max ? answer : { ...answer, body: answer.body.subarray(0, answer_bytes_max) };
}
