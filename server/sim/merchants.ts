import { scopes } from '@heliu/contract';
import { createApiKey, revokeApiKey } from '../access/service.ts';
import { createChannelAccount, createMerchant, updateChannelAccount, updateMerchant } from '../merchants/service.ts';
import type { Ctx } from '../platform/ctx.ts';
import type { Gateways } from './gateways.ts';
import type { Network } from './network.ts';
import { type AgreedPrice, agreePrices } from './prices.ts';
import type { Receivers } from './receivers.ts';
import type { Sim } from './sim.ts';

/** A merchant of a world and what it holds in its hand. */
export type Merchant = {
  readonly at: number;
  readonly id: string;
  key: string;
  key_id: string;
  /** It has asked for another webhook secret and was not told it yet: nobody asks for a third one then. */
  rotating: boolean;
  readonly accounts: ReadonlyMap<string, string>;
  readonly endpoint_id: string;
  readonly settings: { readonly duplicate_policy: 'refund' | 'keep'; readonly late_policy: 'refund' | 'accept' };
  readonly prices: readonly AgreedPrice[];
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

/** No answer came: the merchant does not know what happened. */
const patience_ms = 40_000;

/** Asks the merchant API; undefined when no answer came. */
export async function ask(
  sim: Sim,
  network: Network,
  merchant: Merchant,
  { method, path, body, raw, key, idempotency_key, node, headers }: Ask,
): Promise<Answer | undefined> {
  const text = raw ?? (body === undefined ? undefined : JSON.stringify(body));
  const gone = new AbortController();
  const asked = network
    .toHeliu(
      {
        method,
        url: `http://127.0.0.1:7400${path}`,
        headers: {
          authorization: `Bearer ${key ?? merchant.key}`,
          ...(text === undefined ? {} : { 'content-type': 'application/json' }),
          ...(idempotency_key === undefined ? {} : { 'idempotency-key': idempotency_key }),
          ...headers,
        },
        body: text,
      },
      { node },
    )
    .then(
      (answer): Answer => {
        const answer_text = answer.body.toString('utf8');
        return { status: answer.status, text: answer_text, body: answer_text.startsWith('{') ? JSON.parse(answer_text) : undefined };
      },
      () => undefined,
    );
  const answer = await Promise.race([asked, sim.sleep(patience_ms, gone.signal).then(() => undefined)]);
  // With a reason: without one, an error with a stack would be built.
  gone.abort('answered');
  return answer;
}

type Parts = { readonly sim: Sim; readonly ctx: Ctx; readonly network: Network; readonly gateways: Gateways; readonly receivers: Receivers };

export async function openMerchant(parts: Parts, at: number): Promise<Merchant> {
  const { sim, ctx, network, gateways, receivers } = parts;
  const dice = sim.dice(`merchant ${at}`);
  const settings = { duplicate_policy: dice.chance(0.3) ? 'keep' : 'refund', late_policy: dice.chance(0.4) ? 'accept' : 'refund' } as const;
  const { id } = await createMerchant(ctx, { name: `商户 ${at}`, ...settings });
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
  const { api_key, secret } = await createApiKey(ctx, { merchant_id: id, livemode: false, name: 'sim', scopes });
  const prices = await agreePrices(ctx, sim.dice(`prices ${at}`), id);
  const merchant = { at, id, prices, key: secret.expose(), key_id: api_key.id, rotating: false, accounts, settings };
  const endpoint = await ask(
    sim,
    network,
    { ...merchant, endpoint_id: '' },
    { method: 'POST', path: '/v1/webhook_endpoints', body: { url: receivers.urlOf(at) } },
  );
  if (endpoint?.status !== 201) throw new Error(`no webhook endpoint: ${endpoint?.text}`);
  receivers.trust(at, endpoint.body.secret);
  return { ...merchant, endpoint_id: endpoint.body.id };
}

/** OF-14: something of the configuration changes while payments are under way. */
export async function changeSomething({ sim, ctx, network, receivers }: Omit<Parts, 'gateways'>, merchant: Merchant): Promise<void> {
  const dice = sim.faults.dice('OF-14');
  switch (dice.below(4)) {
    case 0: {
      if (merchant.rotating) return;
      merchant.rotating = true;
      const path = `/v1/webhook_endpoints/${merchant.endpoint_id}/rotate_secret`;
      const idempotency_key = `rotate-${sim.scheduler.now_ms()}`;
      for (let tries = 0; tries < 20; tries++) {
        const rotated = await ask(sim, network, merchant, { method: 'POST', path, body: { overlap_s: 86_400 }, idempotency_key });
        if (rotated?.status === 200) {
          receivers.trust(merchant.at, rotated.body.secret);
          merchant.rotating = false;
          return;
        }
        await sim.sleep(5_000);
      }
      return;
    }
    case 1: {
      const fresh = await createApiKey(ctx, { merchant_id: merchant.id, livemode: false, name: 'next', scopes });
      const old = merchant.key_id;
      merchant.key = fresh.secret.expose();
      merchant.key_id = fresh.api_key.id;
      await revokeApiKey(ctx, { merchant_id: merchant.id, api_key_id: old });
      return;
    }
    case 2:
      await updateMerchant(ctx, { merchant_id: merchant.id, name: `商户 ${merchant.at} 新` });
      return;
    default: {
      const [channel = ''] = [...merchant.accounts.keys()];
      const channel_account_id = merchant.accounts.get(channel) as string;
      await updateChannelAccount(ctx, { merchant_id: merchant.id, channel_account_id, name: `${channel} 新`, priority: 50 });
    }
  }
}
