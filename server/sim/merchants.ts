import { scopes } from '@heliu/contract';
import { createApiKey } from '../access/service.ts';
import { createChannelAccount, createMerchant, updateMerchant } from '../merchants/service.ts';
import type { Ctx } from '../platform/ctx.ts';
import type { Dice } from './dice.ts';
import type { Gateways } from './gateways.ts';
import type { Network } from './network.ts';
import type { Wish } from './policies.ts';
import { type AgreedPrice, agreePrices } from './prices.ts';
import type { Receivers } from './receivers.ts';
import { newSigningKey, type SigningKey, signatureOf } from './signature.ts';
import type { Sim } from './sim.ts';

/** A merchant of a world and what it holds in its hand. */
export type Merchant = {
  readonly at: number;
  readonly id: string;
  key: string;
  key_id: string;
  /** Of one that signs its requests. */
  signing: SigningKey | undefined;
  readonly nonces: Dice;
  /** It has asked for another webhook secret and was not told it yet: nobody asks for a third one then. */
  rotating: boolean;
  /** What of it takes nothing new for now: itself, or accounts by their channels. */
  readonly stopped: Set<string>;
  /** How often that was asked for: what a node asks for that stands still comes late. */
  stops: number;
  readonly accounts: ReadonlyMap<string, string>;
  readonly endpoint_id: string;
  readonly wishes: Wish[];
  readonly prices: readonly AgreedPrice[];
  /** What it was answered and never should have been. */
  readonly broken: string[];
};

export type Answer = {
  readonly status: number;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: answers of every shape, errors included
  readonly body: any;
};
export type Ask = {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: unknown;
  readonly raw?: string;
  readonly key?: string;
  readonly idempotency_key?: string | undefined;
  readonly node?: number | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
};

/** Of the signed requests that were answered, those that somebody who listened in sends once more. */
const replayed_share = 0.1;

/** Asks the merchant API; undefined when no answer came: the merchant does not know what happened. */
export async function ask(
  sim: Sim,
  network: Network,
  merchant: Merchant,
  { method, path, body, raw, key, idempotency_key, node, headers }: Ask,
): Promise<Answer | undefined> {
  const text = raw ?? (body === undefined ? undefined : JSON.stringify(body));
  const url = `http://127.0.0.1:7400${path}`;
  const signing = key === undefined ? merchant.signing : undefined;
  const proof = signing
    ? signatureOf(signing, merchant.key_id, {
        method,
        url,
        body: text,
        idempotency_key,
        created_s: Math.floor(sim.scheduler.now_ms() / 1000),
        nonce: merchant.nonces.bytes(16).toString('hex'),
      })
    : { authorization: `Bearer ${key ?? merchant.key}` };
  const send = async (at: number | undefined): Promise<Answer | undefined> => {
    const answer = await network.ask(
      {
        method,
        url,
        headers: {
          ...proof,
          ...(text === undefined ? {} : { 'content-type': 'application/json' }),
          ...(idempotency_key === undefined ? {} : { 'idempotency-key': idempotency_key }),
          ...headers,
        },
        body: text,
      },
      { node: at },
    );
    const answer_text = answer?.body.toString('utf8') ?? '';
    return answer && { status: answer.status, text: answer_text, body: answer_text.startsWith('{') ? JSON.parse(answer_text) : undefined };
  };
  const answer = await send(node);
  if (!signing || answer === undefined) return answer;
  // Its clock is right and its nonce is new.
  if (nonce_refusals.includes(codeOf(answer))) merchant.broken.push(`A-05 a request with a new nonce was answered ${answer.text}`);
  if (answer.status < 300 && merchant.nonces.chance(replayed_share)) {
    const again = await send(undefined);
    if (again && !saysNothing(again) && !refusals_of_replays.includes(codeOf(again)))
      merchant.broken.push(`A-05 a signed request was taken twice: ${method} ${path} was answered ${again.status} ${again.text.slice(0, 200)}`);
  }
  return answer;
}

export const codeOf = (answer: Answer): string => String(answer.body?.error?.code);
const nonce_refusals: readonly string[] = ['signature_replayed', 'signature_expired'];
/** The second and the third where the merchant has come to that meanwhile. */
const refusals_of_replays: readonly string[] = ['signature_replayed', 'unauthenticated', 'merchant_suspended'];
/** A failure of ours, or of so many requests: it says nothing of the request itself. */
export const saysNothing = (answer: Answer): boolean => answer.status >= 500 || answer.status === 429;

type Parts = { readonly sim: Sim; readonly ctx: Ctx; readonly network: Network; readonly gateways: Gateways; readonly receivers: Receivers };

/** `signs`: it signs its requests and is taken at nothing less. */
export async function openMerchant(parts: Parts, at: number, signs: boolean): Promise<Merchant> {
  const { sim, ctx, network, gateways, receivers } = parts;
  const dice = sim.dice(`merchant ${at}`);
  const policy = { duplicate_policy: dice.chance(0.3) ? 'keep' : 'refund', late_policy: dice.chance(0.4) ? 'accept' : 'refund' } as const;
  const { id } = await createMerchant(ctx, { name: `商户 ${at}`, ...policy });
  const accounts = new Map<string, string>();
  for (const [channel, simulator] of gateways.simulators) {
    const mode = dice.chance(0.3) ? 'provider' : 'direct';
    const enrolled = await simulator.enroll({ mode, trust: dice.chance(0.5) ? 'certificate' : 'public_key' });
    const account = await createChannelAccount(ctx, {
      merchant_id: id,
      livemode: false,
      channel,
      name: channel,
      settings: enrolled,
      priority: channel === gateways.further?.channel ? 200 : 100,
    });
    accounts.set(channel, account.id);
  }
  const prices = await agreePrices(ctx, sim.dice(`prices ${at}`), id);
  const merchant: Omit<Merchant, 'endpoint_id'> = {
    at,
    id,
    key: '',
    key_id: '',
    signing: undefined,
    nonces: sim.dice(`nonces ${at}`),
    rotating: false,
    stopped: new Set(),
    stops: 0,
    accounts,
    wishes: [{ policy, from_ms: 0, to_ms: Number.POSITIVE_INFINITY, settled: true }],
    prices,
    broken: [],
  };
  const opened: Merchant = Object.assign(merchant, { endpoint_id: '' });
  Object.assign(opened, await newKey(ctx, opened, signs));
  if (signs) await updateMerchant(ctx, { merchant_id: id, signature_required: true });
  const endpoint = await ask(sim, network, opened, { method: 'POST', path: '/v1/webhook_endpoints', body: { url: receivers.urlOf(at) } });
  if (endpoint?.status !== 201) throw new Error(`no webhook endpoint: ${endpoint?.text}`);
  receivers.trust(at, endpoint.body.secret);
  return Object.assign(opened, { endpoint_id: endpoint.body.id as string });
}

/** Another key of the merchant, for signatures where it signs. */
export async function newKey(ctx: Ctx, { id, nonces }: Merchant, signs: boolean): Promise<Pick<Merchant, 'key' | 'key_id' | 'signing'>> {
  const signing = signs ? newSigningKey(nonces) : undefined;
  const named = { merchant_id: id, livemode: false, name: 'sim', scopes };
  const { api_key, secret } = await createApiKey(ctx, { ...named, ...(signing ? { ed25519_public_key: signing.public_key } : {}) });
  return { key: secret.expose(), key_id: api_key.id, signing };
}
