import { Agent } from 'undici';
import { assert } from '../kernel/assert.ts';
import { sha256Hex } from '../kernel/digest.ts';
import { channel_calls_per_origin_max, egress_agents_max, egress_answer_header_bytes_max, webhook_connections_per_origin_max } from '../kernel/limits.ts';
import type { Secret } from '../kernel/secret.ts';
import type { Clock } from '../kernel/time.ts';
import { systemClock } from './clock.ts';
import type { Config } from './config.ts';
import { type AddressRanges, readRanges } from './egress/address.ts';
import { createConnector } from './egress/connector.ts';
import { exchange } from './egress/exchange.ts';
import { type Lookup, systemLookup } from './egress/lookup.ts';
import { readTarget, type TargetRules } from './egress/target.ts';

/**
 * The only way out. Names are resolved here, the addresses checked, and the connection goes to the checked address.
 * No redirects, no decompression, one overall deadline, a limit on the answer.
 */
export type HttpOut = {
  send(request: HttpOutRequest): Promise<HttpOutAnswer>;
  /** Refuses a URL before it is stored: scheme, port, userinfo, literal addresses. Says why in one sentence. */
  check(url: string, policy: EgressPolicy): string | undefined;
  close(): Promise<void>;
};
export type EgressPolicy = 'channel' | 'webhook';
export type HttpOutRequest = {
  readonly policy: EgressPolicy;
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly deadline_ms: number;
  readonly answer_bytes_max: number;
  /** Only the status matters: an answer that is too long, too slow or cut off is given as far as it was read. */
  readonly partial_answer_ok?: boolean;
  readonly client_certificate?: ClientCertificate;
};
export type ClientCertificate = { readonly certificate_pem: string; readonly key_pem: Secret };
export type HttpOutAnswer = { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: Buffer };

/** `sent` tells whether a byte of the request may have left; when it is false, certainly none has. */
export class EgressError extends Error {
  override readonly name = 'EgressError';
  readonly cause_kind: 'refused_address' | 'not_connected' | 'timeout' | 'connection_lost' | 'answer_too_large';
  readonly sent: boolean;
  constructor(kind: EgressError['cause_kind'], sent: boolean, message: string) {
    super(message);
    this.cause_kind = kind;
    this.sent = sent;
  }
}

export type EgressConfig = Pick<Config, 'egress_allow' | 'webhook_allow_http' | 'webhook_ports' | 'mode' | 'public_url'>;

/** The way out of one node. `clock` measures deadlines; `lookup` gives the addresses of a name. */
export function createHttpOut(config: EgressConfig, clock: Clock = systemClock, lookup: Lookup = systemLookup()): HttpOut {
  const rules = rulesOf(config);
  const agents = createAgents(rules.allowed, lookup);
  let closed = false;
  return {
    async send({ policy, url, client_certificate, partial_answer_ok = false, ...request }) {
      for (const [name, value] of Object.entries(request.headers)) assert(isHeader(name, value), `the header ${JSON.stringify(name)} fits on one line`);
      const target = readTarget(url, policy, rules);
      if ('problem' in target) throw new EgressError('refused_address', false, target.problem);
      if (closed) throw new EgressError('not_connected', false, 'this node is stopping');
      const { origin, path } = target;
      const outcome = await exchange(agents.of(policy, client_certificate), { ...request, origin, path, partial_answer_ok }, clock);
      if ('failed' in outcome) throw new EgressError(outcome.failed, outcome.sent, outcome.message);
      return outcome;
    },
    check(url, policy) {
      const target = readTarget(url, policy, rules);
      return 'problem' in target ? target.problem : undefined;
    },
    close() {
      closed = true;
      return agents.close();
    },
  };
}

function rulesOf(config: EgressConfig): TargetRules {
  return {
    allowed: readRanges(config.egress_allow),
    webhook_allow_http: config.webhook_allow_http,
    webhook_ports: config.webhook_ports,
    // The sandbox shows webhooks arriving in an inbox of its own.
    own_hostname: config.mode === 'production' ? new URL(config.public_url).hostname : undefined,
  };
}

/** RFC 9110: a token and visible text. Anything else could begin a second header or request. */
const isHeader = (name: string, value: string): boolean => /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name) && /^[\t\x20-\x7e\x80-\xff]*$/.test(value);

type Agents = { of(policy: EgressPolicy, certificate: ClientCertificate | undefined): Agent; close(): Promise<void> };

/**
 * Pools of connections: one set per policy, and one per client certificate, the oldest of which gives way. An agent drops
 * the pool of an origin together with its last connection, so a thousand receivers that were called once hold nothing.
 */
function createAgents(allowed: AddressRanges, lookup: Lookup): Agents {
  const agents = new Map<string, Agent>();
  return {
    of(policy, certificate) {
      const key = certificate === undefined ? policy : `${policy} ${sha256Hex(`${certificate.certificate_pem}\n${certificate.key_pem.expose()}`)}`;
      const known = agents.get(key);
      // Taken out and put back, so that the map's order is the order of last use.
      agents.delete(key);
      const agent = known ?? createAgent(policy, certificate, allowed, lookup);
      agents.set(key, agent);
      const [oldest] = agents;
      if (oldest !== undefined && agents.size > egress_agents_max) {
        agents.delete(oldest[0]);
        void oldest[1].close();
      }
      return agent;
    },
    async close() {
      const closing = [...agents.values()].map((agent) => agent.destroy());
      agents.clear();
      await Promise.all(closing);
    },
  };
}

function createAgent(policy: EgressPolicy, certificate: ClientCertificate | undefined, allowed: AddressRanges, lookup: Lookup): Agent {
  return new Agent({
    connect: createConnector({
      policy,
      allowed,
      lookup,
      ...(certificate === undefined ? {} : { certificate_pem: certificate.certificate_pem, key_pem: certificate.key_pem.expose() }),
    }),
    connections: policy === 'channel' ? channel_calls_per_origin_max : webhook_connections_per_origin_max,
    pipelining: 1,
    maxHeaderSize: egress_answer_header_bytes_max,
    // One overall deadline governs: partial time-outs would only make failures harder to read.
    headersTimeout: 0,
    bodyTimeout: 0,
    // Long enough to carry a busy channel, short enough that few idle connections are found closed by the other side.
    keepAliveTimeout: 4_000,
    keepAliveMaxTimeout: 60_000,
    // A busy connection is closed now and then, so that a changed address is followed.
    clientTtl: 300_000,
  });
}
