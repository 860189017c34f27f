import { setTimeout } from 'node:timers/promises';
import type { Payment, Refund } from '@heliu/contract';
import { Agent, request } from 'undici';
import type { Dice } from './dice.ts';
import type { Acknowledged, Journal } from './journal.ts';
import type { Stage } from './stage.ts';

/** A merchant with many tills: each creates, looks, lets its payer pay or closes, and gives some money back. */
export type Merchant = {
  /** Opens so many tills; each goes on until `stop`. */
  readonly open: (tills: number) => void;
  /** One order more, created at that node and nowhere else; resolves when it is acknowledged. */
  readonly createAt: (url: string) => Promise<void>;
  /** Lets every order that was begun come to its end. */
  readonly stop: () => Promise<void>;
  /** Sends a write of the journal once more, as it was. */
  readonly repeat: (write: Acknowledged) => Promise<{ readonly status: number; readonly text: string }>;
  /** The same key for another request. */
  readonly misuse: (write: Acknowledged) => Promise<number>;
  readonly retrieve: (payment_id: string) => Promise<Payment>;
  /** What the merchant can do itself so that nothing stays open: asks about what is unpaid, has undelivered news sent again. */
  readonly hurry: () => Promise<void>;
  readonly close: () => Promise<void>;
};

type Write = { readonly what: Acknowledged['what']; readonly key: string; readonly path: string; readonly body: string };
type Answer = { readonly status: number; readonly text: string };
type Patience = { readonly pause_ms: number; readonly timeout_ms: number };

/** What an SDK would do: wait ten seconds for an answer, try again soon with the same key. */
const usual: Patience = { pause_ms: 50, timeout_ms: 10_000 };
/** For measuring when a node answers again. */
const eager: Patience = { pause_ms: 10, timeout_ms: 2_000 };
/** Longer than any fault lasts: a write that has no answer by then will have none. */
const give_up_ms = 180_000;
/** A till looks this often, and asks the gateway to be asked every so many looks. */
const look_ms = 300;
const looks_per_sync = 10;
const wallets = ['wechat_qr', 'alipay_qr'] as const;

export function aMerchant(stage: Stage, journal: Journal, dice: Dice): Merchant {
  const agent = new Agent({ connections: 64, keepAliveTimeout: 10_000 });
  const seen_versions = new Map<string, number>();
  const under_way = new Set<Promise<void>>();
  let stopping = false;
  let begun = 0;

  const send = async (method: 'GET' | 'POST', url: string, how: { key?: string; body?: string; timeout_ms: number }): Promise<Answer> => {
    const headers: Record<string, string> = { authorization: `Bearer ${stage.api_key}` };
    if (how.body !== undefined) headers['content-type'] = 'application/json';
    if (how.key !== undefined) headers['idempotency-key'] = how.key;
    const answer = await request(url, { method, headers, body: how.body ?? null, dispatcher: agent, signal: AbortSignal.timeout(how.timeout_ms) });
    return { status: answer.statusCode, text: await answer.body.text() };
  };
  /** Asks until there is an answer that another try would not better. */
  const ask = async (what: string, try_once: (timeout_ms: number) => Promise<Answer>, { pause_ms, timeout_ms } = usual): Promise<Answer | undefined> => {
    const until_ms = performance.now() + give_up_ms;
    while (performance.now() < until_ms) {
      try {
        const answer = await try_once(timeout_ms);
        if (answer.status < 300) return answer;
        if (!isRetryable(answer)) {
          journal.unexpected.push(`${what}: ${answer.status} ${answer.text.slice(0, 300)}`);
          return undefined;
        }
        journal.tries.push({ at_ms: performance.now(), how: 'answer', answer: `${answer.status} ${errorOf(answer)?.code ?? 'of somebody else'}` });
      } catch (error) {
        const late = error instanceof Error && error.name === 'TimeoutError';
        journal.tries.push({ at_ms: performance.now(), how: late ? 'timeout' : 'connection', answer: undefined });
      }
      await setTimeout(pause_ms);
    }
    journal.unresolved.push(what);
    return undefined;
  };
  const write = async <T extends { id: string }>(write: Write, base = stage.front_url, patience = usual): Promise<T | undefined> => {
    const { what, key, path, body } = write;
    const answer = await ask(`${what} ${key}`, (timeout_ms) => send('POST', `${base}${path}`, { key, body, timeout_ms }), patience);
    if (!answer) return undefined;
    const object = JSON.parse(answer.text) as T;
    journal.acknowledged.push({ ...write, ...answer, id: object.id });
    return object;
  };
  const look = async <T extends { id: string; version: number }>(path: string, id: string): Promise<T | undefined> => {
    journal.reads += 1;
    const answer = await ask(`look at ${id}`, async (timeout_ms) => {
      const read = await send('GET', `${stage.front_url}${path}/${id}`, { timeout_ms });
      if (read.status === 404) journal.stale.push(`${id} was acknowledged and is not found`);
      return read;
    });
    if (!answer) return undefined;
    const object = JSON.parse(answer.text) as T;
    const seen = seen_versions.get(id) ?? 0;
    if (object.version < seen) journal.stale.push(`${id} was at version ${seen} and is at ${object.version}`);
    seen_versions.set(id, Math.max(seen, object.version));
    return object;
  };
  const retrieve = async (id: string): Promise<Payment> => {
    const payment = await look<Payment>('/v1/payments', id);
    if (!payment) throw new Error(`${id} cannot be looked at`);
    return payment;
  };
  const remember = ({ id, version }: { id: string; version: number }) => seen_versions.set(id, Math.max(seen_versions.get(id) ?? 0, version));

  const create = (nth: number, base?: string, patience?: Patience): Promise<Payment | undefined> => {
    const merchant_order_no = `kill-${nth}`;
    const body = JSON.stringify({ merchant_order_no, amount_fen: 1_000 + nth, subject: 'kill', method: wallets[nth % wallets.length] });
    return write<Payment>({ what: 'create', key: merchant_order_no, path: '/v1/payments', body }, base, patience);
  };
  /** Looks until it has come about; whoever waits asks for a look at the gateway. */
  const awaitState = async (payment: Payment, come: (payment: Payment) => boolean): Promise<Payment | undefined> => {
    const until_ms = performance.now() + give_up_ms;
    let current: Payment = payment;
    for (let looks = 1; !come(current); looks++) {
      if (performance.now() > until_ms) {
        journal.unresolved.push(`${current.id} stays ${current.state} with an attempt that is ${current.attempt?.state}`);
        return undefined;
      }
      await setTimeout(look_ms);
      if (looks % looks_per_sync === 0)
        await ask(`sync ${payment.id}`, (timeout_ms) => send('POST', `${stage.front_url}/v1/payments/${payment.id}/sync`, { body: '{}', timeout_ms }));
      current = await retrieve(payment.id);
    }
    return current;
  };
  const payAtGateway = async (payment: Payment): Promise<boolean> => {
    const body = JSON.stringify({ channel: payment.attempt?.channel, order_no: payment.attempt?.channel_order_no });
    let tries = 0;
    const answer = await ask(`pay ${payment.id}`, (timeout_ms) => {
      tries += 1;
      return send('POST', `${stage.gateways_url}/control/pay`, { body, timeout_ms });
    });
    if (!answer) return false;
    const { done, problem } = JSON.parse(answer.text) as { done: boolean; problem?: string };
    // A second try finds that the first one paid.
    if (!done && tries === 1) journal.unexpected.push(`pay ${payment.id}: ${problem}`);
    return done || tries > 1;
  };
  const giveBack = async ({ id, amount_fen }: Payment): Promise<void> => {
    const merchant_refund_no = `back-${id}`;
    const wanted = dice.chance(0.5) ? amount_fen : Math.floor(amount_fen / 3);
    const body = JSON.stringify({ payment_id: id, merchant_refund_no, amount_fen: wanted });
    const refund = await write<Refund>({ what: 'refund', key: merchant_refund_no, path: '/v1/refunds', body });
    if (!refund) return;
    remember(refund);
    await look<Refund>('/v1/refunds', refund.id);
  };
  /** What becomes of an order that was acknowledged. */
  const goOn = async (created: Payment): Promise<void> => {
    remember(created);
    const shown = await awaitState(await retrieve(created.id), ({ attempt }) => attempt?.state !== 'sending');
    if (shown?.attempt?.state !== 'waiting') return;
    if (dice.chance(0.15)) {
      await write({ what: 'close', key: `close-${created.id}`, path: `/v1/payments/${created.id}/close`, body: '{}' });
      return;
    }
    if (!(await payAtGateway(shown))) return;
    journal.paid.add(created.id);
    if (!dice.chance(0.4)) return;
    const paid = await awaitState(shown, ({ state }) => state === 'paid');
    if (paid) await giveBack(paid);
  };
  const follow = (work: Promise<void>): void => {
    const followed = work
      .catch((error: unknown) => void journal.unexpected.push(`a till broke down: ${error instanceof Error ? error.stack : String(error)}`))
      .finally(() => under_way.delete(followed));
    under_way.add(followed);
  };
  const till = async (): Promise<void> => {
    while (!stopping) {
      const created = await create(begun++);
      if (created) await goOn(created);
      await setTimeout(dice.between(0, 100));
    }
  };
  return {
    open: (tills) => {
      for (let at = 0; at < tills; at++) follow(till());
    },
    createAt: async (url) => {
      const created = await create(begun++, url, eager);
      if (!created) throw new Error(`${url} did not take an order`);
      follow(goOn(created));
    },
    stop: async () => {
      stopping = true;
      while (under_way.size > 0) await Promise.all(under_way);
    },
    repeat: async ({ what, key, path, body }) => {
      const answer = await ask(`repeat ${what} ${key}`, (timeout_ms) => send('POST', `${stage.front_url}${path}`, { key, body, timeout_ms }));
      return answer ?? { status: 0, text: '' };
    },
    misuse: async ({ key }) => {
      const body = JSON.stringify({ merchant_order_no: `${key}-other`, amount_fen: 1, subject: 'kill', method: wallets[0] });
      return (await send('POST', `${stage.front_url}/v1/payments`, { key, body, timeout_ms: usual.timeout_ms })).status;
    },
    retrieve,
    hurry: async () => {
      const list = async (path: string): Promise<readonly { id: string; state: string }[]> => {
        const answer = await ask(path, (timeout_ms) => send('GET', `${stage.front_url}${path}`, { timeout_ms }));
        return answer ? (JSON.parse(answer.text) as { data: { id: string; state: string }[] }).data : [];
      };
      const post = (path: string) => ask(path, (timeout_ms) => send('POST', `${stage.front_url}${path}`, { body: '{}', timeout_ms }));
      for (const { id } of await list('/v1/payments?state=pending&limit=100')) await post(`/v1/payments/${id}/sync`);
      for (const endpoint of await list('/v1/webhook_endpoints')) {
        const path = `/v1/webhook_endpoints/${endpoint.id}/deliveries`;
        for (const { id } of await list(`${path}?state=pending&limit=100`)) await post(`${path}/${id}/resend`);
      }
    },
    close: () => agent.close(),
  };
}

/** The answer says so itself; one without our form comes from something in between. */
function isRetryable(answer: Answer): boolean {
  return answer.status >= 500 || answer.status === 429 || (errorOf(answer)?.retryable ?? true);
}

function errorOf({ text }: Answer): { readonly code: string; readonly retryable: boolean } | undefined {
  try {
    return (JSON.parse(text) as { error?: { code: string; retryable: boolean } }).error;
  } catch {
    return undefined;
  }
}
