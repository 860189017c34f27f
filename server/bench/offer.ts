import { setTimeout as delay } from 'node:timers/promises';
import { Agent, request } from 'undici';
import type { Acknowledgements } from '../testing/installation.ts';

/** Whose payment it is, and over which wallet. */
export type Wish = {
  readonly api_key: string;
  readonly channel: 'wechatpay' | 'alipay';
  /** Called before the payment is created: to let something go wrong. */
  readonly before?: () => Promise<void>;
};

/** How one payment went. Times in milliseconds; `done_ms` since the load began, `gateway_ms` the gateway's own to answer the payer, without Heliu. */
export type Outcome = {
  readonly wish: Wish;
  readonly took_ms: number;
  readonly done_ms: number;
} /** `gateway_ms`: the gateway's own answer to the payer, without Heliu; it slows down with the machine. */ & (
  | { readonly is: 'paid'; readonly notified_ms: number; readonly gateway_ms: number }
  /** With 429 or 503. */
  | { readonly is: 'refused'; readonly status: number; readonly retry_after: boolean }
  /** Accepted, but the gateway did not answer in time, so there was nothing to pay. */
  | { readonly is: 'open'; readonly state: string }
  /** The payer paid, and the merchant had not been told when the load generator stopped waiting. */
  | { readonly is: 'untold' }
  | { readonly is: 'failed'; readonly why: string }
);

export type Load = {
  readonly heliu: string;
  readonly simulators: string;
  readonly acknowledged: Acknowledgements;
  readonly per_second: number;
  readonly seconds: number;
  readonly wish: (nth: number) => Wish;
  /** How long a payment that is not done is waited for after the last one was sent. */
  readonly patience_s: number;
  /** How long the payer waits for a code that the gateway did not give at once. */
  readonly payer_waits_s?: number;
  /** Called with each outcome, so that a long run need not keep them. */
  readonly each: (outcome: Outcome) => void;
};

let ordered = 0;

/** Open loop: payments come at a fixed rate whatever becomes of them, each over a connection that is free or new. */
export async function offer(load: Load): Promise<void> {
  const agent = new Agent({ connections: 8192, keepAliveTimeout: 30_000, headersTimeout: 60_000, bodyTimeout: 60_000 });
  const started_ms = performance.now();
  const until_ms = started_ms + (load.seconds + load.patience_s) * 1000;
  const running = new Set<Promise<void>>();
  const total = Math.floor(load.per_second * load.seconds);
  for (let nth = 0; nth < total; nth++) {
    const wait_ms = started_ms + (nth * 1000) / load.per_second - performance.now();
    if (wait_ms > 0) await delay(wait_ms);
    const one: Promise<void> = payOnce(load, agent, load.wish(nth), started_ms, until_ms).then((outcome) => {
      running.delete(one);
      load.each(outcome);
    });
    running.add(one);
  }
  await Promise.all(running);
  await agent.destroy();
}

type Created = { readonly id: string; readonly state: string; readonly attempt: { readonly channel_order_no: string; readonly state: string } };

async function payOnce(load: Load, agent: Agent, wish: Wish, started_ms: number, until_ms: number): Promise<Outcome> {
  const { heliu, simulators, acknowledged } = load;
  await wish.before?.();
  const sent_ms = performance.now();
  const end = (took_ms = performance.now() - sent_ms) => ({ wish, took_ms, done_ms: performance.now() - started_ms });
  try {
    const merchant_order_no = `offer-${process.pid}-${ordered++}`;
    const headers = { authorization: `Bearer ${wish.api_key}`, 'idempotency-key': merchant_order_no };
    const method = wish.channel === 'alipay' ? 'alipay_qr' : 'wechat_qr';
    const body = { merchant_order_no, amount_fen: 100, subject: 'bench', method };
    const answer = await patiently(load, () => send(agent, `${heliu}/v1/payments`, headers, body));
    const { status, text, retry_after } = answer;
    if (status === 429 || status === 503) return { ...end(), is: 'refused', status, retry_after };
    if (status >= 300) return { ...end(), is: 'failed', why: `create answered ${status}: ${text.slice(0, 200)}` };
    const took_ms = performance.now() - sent_ms;
    const payment = await payable(load, agent, wish, JSON.parse(text) as Created);
    if (payment.attempt.state !== 'waiting') return { ...end(took_ms), is: 'open', state: payment.attempt.state };
    const told = acknowledged.of(payment.id);
    const paying_ms = performance.now();
    const paid = await send(agent, `${simulators}/control/pay`, {}, { channel: wish.channel, order_no: payment.attempt.channel_order_no });
    const gateway_ms = performance.now() - paying_ms;
    if (!(JSON.parse(paid.text) as { done?: boolean }).done)
      return { ...end(took_ms), is: 'failed', why: `the payer could not pay: ${paid.text.slice(0, 200)}` };
    const patience = new AbortController();
    const in_time = await Promise.race([
      told.then(() => true),
      delay(Math.max(0, until_ms - performance.now()), false, { signal: patience.signal }).catch(() => false),
    ]);
    patience.abort();
    return in_time ? { ...end(took_ms), is: 'paid', notified_ms: performance.now() - paying_ms, gateway_ms } : { ...end(took_ms), is: 'untold' };
  } catch (error) {
    return { ...end(), is: 'failed', why: String(error) };
  }
}

const look_again_ms = 1_000;

/** The payment once there is a code to scan: a payer waits a little when the gateway did not answer. */
async function payable(load: Load, agent: Agent, wish: Wish, created: Created): Promise<Created> {
  const { heliu, payer_waits_s = 0 } = load;
  const until_ms = performance.now() + payer_waits_s * 1000;
  let payment = created;
  while (payment.attempt.state !== 'waiting' && payment.state === 'pending' && performance.now() < until_ms) {
    await delay(look_again_ms);
    const { status, text } = await patiently(load, () => send(agent, `${heliu}/v1/payments/${created.id}`, { authorization: `Bearer ${wish.api_key}` }));
    if (status < 300) payment = JSON.parse(text) as Created;
  }
  return payment;
}

/** Asks again when there was no answer, as a merchant does, with the key that makes it the same request: Heliu may be starting anew. */
async function patiently<T>({ payer_waits_s = 0 }: Load, ask: () => Promise<T>): Promise<T> {
  const until_ms = performance.now() + payer_waits_s * 1000;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (performance.now() >= until_ms) throw error;
      await delay(look_again_ms);
    }
  }
}

/** Without a body it only reads. */
async function send(agent: Agent, url: string, headers: Record<string, string>, body?: object) {
  const all = { ...(body ? { 'content-type': 'application/json' } : {}), ...headers };
  const answer = await request(url, { method: body ? 'POST' : 'GET', dispatcher: agent, headers: all, ...(body ? { body: JSON.stringify(body) } : {}) });
  const text = await answer.body.text();
  return { status: answer.statusCode, text, retry_after: answer.headers['retry-after'] !== undefined };
}
