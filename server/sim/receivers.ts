import type { Event, Payment, Refund } from '@heliu/contract';
import { Webhook } from 'standardwebhooks';
import { Lost, type Network } from './network.ts';
import type { WireAnswer } from './node.ts';
import type { Sim } from './sim.ts';

export const receiver_authority = '127.0.0.1:8001';

/** A webhook as it came to a merchant's receiver. */
export type Received = {
  readonly event: Event;
  readonly body: string;
  readonly merchant: number;
  readonly at_ms: number;
  /** The secrets that signed it, of those that the merchant knows. */
  readonly signed_by: readonly string[];
  readonly taken: boolean;
};

/** The merchants' receivers: they verify everything, fail as told, and keep the newest version of every object. */
export type Receivers = {
  readonly received: readonly Received[];
  readonly urlOf: (merchant: number) => string;
  /** The merchant learns of a secret. */
  readonly trust: (merchant: number, secret: string) => void;
  /** The merchant's receiver is down until what this gives is called, whatever heals. */
  readonly putDown: (merchant: number) => () => void;
  /** The object as this merchant knows it now. */
  readonly newest: (merchant: number, id: string) => Payment | Refund | undefined;
  readonly broken: readonly string[];
};

type Mood = 'take' | 'fail' | 'hang' | 'reset' | 'redirect' | 'limit' | 'flood' | 'error_text';
const moods: readonly Mood[] = ['fail', 'hang', 'reset', 'redirect', 'limit', 'flood', 'error_text'];

export function openReceivers(sim: Sim, network: Network): Receivers {
  const { faults, scheduler } = sim;
  const secrets = new Map<number, string[]>();
  const received: Received[] = [];
  const broken: string[] = [];
  const bodies = new Map<string, string>();
  const newest = new Map<string, Payment | Refund>();
  const down_until_ms = new Map<number, number>();

  /** Of those that are down for long, and whether anything came to them. */
  const put_down = new Map<number, { met: boolean }>();

  const isDown = (merchant: number): boolean => {
    const outage = put_down.get(merchant);
    if (outage && !outage.met) faults.count('MF-06');
    if (outage) outage.met = true;
    if (outage) return true;
    if (sim.healed || faults.rate('MF-06') === 0) return false;
    if (scheduler.now_ms() < (down_until_ms.get(merchant) ?? 0)) return true;
    if (!faults.dice('MF-06').chance(0.1) || !faults.hit('MF-06')) return false;
    down_until_ms.set(merchant, scheduler.now_ms() + faults.dice('MF-06').between(5, 180) * 60_000);
    return true;
  };
  const moodOf = (merchant: number): Mood => (isDown(merchant) ? 'reset' : faults.hit('MF-05') ? faults.dice('MF-05').pick(moods) : 'take');

  network.at(receiver_authority, ({ url, headers, body = '' }): Promise<WireAnswer> => {
    const merchant = Number(/\/m(\d+)/.exec(url)?.[1]);
    const text = body.toString();
    const mood = moodOf(merchant);
    const event = JSON.parse(text) as Event;
    const signed_by = (secrets.get(merchant) ?? []).filter((secret) => isSigned(secret, headers, text));
    const taken = mood === 'take' || mood === 'error_text';
    received.push({ event, body: text, merchant, at_ms: scheduler.now_ms(), signed_by, taken });
    if (signed_by.length === 0) broken.push(`I-33 ${event.id} came unsigned to merchant ${merchant}`);
    const before = bodies.get(event.id);
    if (before !== undefined && before !== text) broken.push(`I-32 ${event.id} came with two bodies`);
    bodies.set(event.id, text);
    scheduler.note('webhook', `merchant${merchant}`, event.id, `${event.type} ${mood}`);
    if (taken) keep(merchant, event);
    return answer(mood);
  });

  function keep(merchant: number, { data }: Event): void {
    if (!('version' in data)) return;
    const key = `${merchant} ${data.id}`;
    const known = newest.get(key);
    if (!known || known.version < data.version) newest.set(key, data as Payment | Refund);
  }

  function answer(mood: Mood): Promise<WireAnswer> {
    const said = (status: number, text = '', headers = {}) => Promise.resolve<WireAnswer>({ status, headers, body: Buffer.from(text) });
    if (mood === 'hang') return new Promise(() => {});
    if (mood === 'reset') return Promise.reject(new Lost('the receiver reset the connection'));
    if (mood === 'redirect') return said(302, '', { location: 'http://127.0.0.1:9/' });
    if (mood === 'limit') return said(429, '', { 'retry-after': '30' });
    if (mood === 'flood') return said(500, 'x'.repeat(100_000));
    return mood === 'fail' ? said(503) : said(200, mood === 'error_text' ? 'error' : '');
  }

  return {
    received,
    urlOf: (merchant) => `http://${receiver_authority}/m${merchant}`,
    trust: (merchant, secret) => void secrets.set(merchant, [...(secrets.get(merchant) ?? []), secret]),
    putDown: (merchant) => {
      put_down.set(merchant, { met: false });
      return () => void put_down.delete(merchant);
    },
    newest: (merchant, id) => newest.get(`${merchant} ${id}`),
    broken,
  };
}

function isSigned(secret: string, headers: Readonly<Record<string, string>>, body: string): boolean {
  try {
    new Webhook(secret).verify(body, { ...headers });
    return true;
  } catch {
    return false;
  }
}
