import { Agent, request } from 'undici';

/** What one payment took, in milliseconds. */
export type Sample = {
  /** From sending create_payment to its answer. */
  readonly create_ms: number;
  /** Create less the time that the gateway itself was busy with it. */
  readonly added_ms: number;
  /** From the payer's confirmation to the merchant's acknowledged webhook. */
  readonly notified_ms: number;
};

export type Target = {
  readonly heliu: string;
  readonly simulators: string;
  readonly api_key: string;
  /** Resolves when the merchant acknowledged `payment.paid` of this payment. */
  readonly acknowledged: (payment_id: string) => Promise<void>;
};

/** What the load pays with, in turns. */
export const wallets = [
  { channel: 'wechatpay', method: 'wechat_qr' },
  { channel: 'alipay', method: 'alipay_qr' },
] as const;

let ordered = 0;

/** One payment from the merchant's create to the merchant's acknowledgement; the two wallets take turns. */
export async function pay(target: Target, agent: Agent): Promise<Sample> {
  const nth = ordered++;
  const { channel, method } = wallets[nth % wallets.length] as (typeof wallets)[number];
  const merchant_order_no = `bench-${process.pid}-${nth}`;
  const started = performance.now();
  const created = await post<{ id: string; attempt: { channel_order_no: string; state: string } }>(agent, `${target.heliu}/v1/payments`, {
    headers: { authorization: `Bearer ${target.api_key}`, 'idempotency-key': merchant_order_no },
    body: { merchant_order_no, amount_fen: 100 + (nth % 900), subject: 'bench', method },
  });
  const create_ms = performance.now() - started;
  if (created.attempt.state !== 'waiting') throw new Error(`attempt is ${created.attempt.state}`);
  const acknowledged = target.acknowledged(created.id);
  const paying = performance.now();
  const paid = await post<{ done: boolean; busy_ms?: number }>(agent, `${target.simulators}/control/pay`, {
    headers: {},
    body: { channel, order_no: created.attempt.channel_order_no },
  });
  if (!paid.done) throw new Error('the simulator refused to pay');
  await acknowledged;
  return { create_ms, added_ms: create_ms - (paid.busy_ms ?? 0), notified_ms: performance.now() - paying };
}

async function post<T>(dispatcher: Agent, url: string, { headers, body }: { headers: Record<string, string>; body: object }): Promise<T> {
  const answer = await request(url, { method: 'POST', dispatcher, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) });
  const text = await answer.body.text();
  if (answer.statusCode >= 300) throw new Error(`${url} answered ${answer.statusCode}: ${text.slice(0, 300)}`);
  return JSON.parse(text) as T;
}

export type LoadResult = { readonly samples: readonly Sample[]; readonly seconds: number; readonly errors: readonly string[] };

/** Closed loop: so many payers, each with the next payment as soon as the last one is acknowledged. Finds saturation. */
export async function closedLoop(target: Target, payers: number, seconds: number): Promise<LoadResult> {
  const agent = new Agent({ connections: payers });
  const started = performance.now();
  const until = started + seconds * 1000;
  const samples: Sample[] = [];
  const errors: string[] = [];
  const payer = async () => {
    while (performance.now() < until) {
      try {
        samples.push(await pay(target, agent));
      } catch (error) {
        errors.push(String(error));
      }
    }
  };
  await Promise.all(Array.from({ length: payers }, payer));
  const took = (performance.now() - started) / 1000;
  await agent.close();
  return { samples, seconds: took, errors };
}

/** Open loop: payments arrive at a fixed rate whether or not earlier ones are done, so that waiting is not left out. */
export async function openLoop(target: Target, per_second: number, seconds: number): Promise<LoadResult> {
  const agent = new Agent({ connections: 256 });
  const started = performance.now();
  const samples: Sample[] = [];
  const errors: string[] = [];
  const running: Promise<void>[] = [];
  const total = Math.floor(per_second * seconds);
  for (let nth = 0; nth < total; nth++) {
    const due = started + (nth * 1000) / per_second;
    const wait = due - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    running.push(
      pay(target, agent).then(
        (sample) => void samples.push(sample),
        (error) => void errors.push(String(error)),
      ),
    );
  }
  await Promise.all(running);
  const took = (performance.now() - started) / 1000;
  await agent.close();
  return { samples, seconds: took, errors };
}

/** The value below which a share of the values lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
