import type { AccountTerms, Hours, Method, Quota, RoutingPrice, Switch } from '@heliu/contract';
import { type Fen, toFen, ZERO } from '../kernel/money.ts';
import type { Price } from '../kernel/price.ts';
import { type Refusal, refuse } from '../kernel/refusal.ts';
import { bizDate } from '../kernel/time.ts';

/** What an account may carry and what it costs, ready to decide by. */
export type Terms = {
  /** 0 while none were set. */
  readonly version: number;
  /** Undefined: all that the channel has. */
  readonly methods: ReadonlySet<Method> | undefined;
  readonly weight: number;
  readonly channel_price: Price | undefined;
  readonly merchant_price: Price | undefined;
  readonly amount_fen_min: bigint;
  readonly amount_fen_max: bigint | undefined;
  readonly quotas: readonly Quota[];
  readonly hours: readonly Window[];
  readonly maintenance: readonly { readonly from_ms: number; readonly to_ms: number }[];
  readonly off: readonly { readonly method: Method | undefined; readonly until_ms: number }[];
};

/** Minutes of the day in Asia/Shanghai; `to` may lie in the next day. */
type Window = { readonly from: number; readonly to: number; readonly weekdays: ReadonlySet<number> | undefined };

const weight_usual = 100;

export const compileTerms = (version: number, terms: AccountTerms, off: readonly Switch[]): Terms => ({
  version,
  methods: terms.methods && new Set(terms.methods),
  weight: terms.weight ?? weight_usual,
  channel_price: terms.channel_price && priceOf(terms.channel_price),
  merchant_price: terms.merchant_price && priceOf(terms.merchant_price),
  amount_fen_min: BigInt(terms.amount_fen_min ?? 0),
  amount_fen_max: terms.amount_fen_max === undefined ? undefined : BigInt(terms.amount_fen_max),
  quotas: terms.quotas ?? [],
  hours: (terms.hours ?? []).map(windowOf),
  maintenance: (terms.maintenance ?? []).map(({ from, to }) => ({ from_ms: Date.parse(from), to_ms: Date.parse(to) })),
  off: off.map(({ method, until }) => ({ method, until_ms: until === undefined ? Number.POSITIVE_INFINITY : Date.parse(until) })),
});

/** An account of which nothing was said. */
export const no_terms: Terms = compileTerms(0, {}, []);

/** A price without tiers, as the contracts of channels have it. */
const priceOf = ({ rate_ppm, per_item_fen, min_fen, max_fen }: RoutingPrice): Price => ({
  rounding: 'half_up',
  tiers: [{ from_fen: ZERO, rate_ppm, per_item_fen: fen(per_item_fen), min_fen: fen(min_fen), max_fen: max_fen === undefined ? null : toFen(max_fen) }],
  refund: 'kept',
});
const fen = (value: number | undefined): Fen => (value === undefined ? ZERO : toFen(value));

const day_minutes = 24 * 60;
const minutesOf = (text: string): number => Number(text.slice(0, 2)) * 60 + Number(text.slice(3));

function windowOf({ from, to, weekdays }: Hours): Window {
  const [first, last] = [minutesOf(from), minutesOf(to)];
  return { from: first, to: last > first ? last : last + day_minutes, weekdays: weekdays && new Set(weekdays) };
}

/** Whether the account is open at that minute. A window that passes midnight belongs to the day on which it begins. */
export function isOpenAt({ hours }: Pick<Terms, 'hours'>, { minute, weekday }: LocalTime): boolean {
  if (hours.length === 0) return true;
  const yesterday = weekday === 1 ? 7 : weekday - 1;
  return hours.some(({ from, to, weekdays }) => {
    if (minute >= from && minute < to && (weekdays?.has(weekday) ?? true)) return true;
    return minute + day_minutes < to && (weekdays?.has(yesterday) ?? true);
  });
}

/** Minute of the day and weekday (1 is Monday) in Asia/Shanghai. */
export type LocalTime = { readonly minute: number; readonly weekday: number };

export function localTime(now: Date): LocalTime {
  const local = new Date(now.getTime() + 8 * 3_600_000);
  return { minute: local.getUTCHours() * 60 + local.getUTCMinutes(), weekday: local.getUTCDay() || 7 };
}

/** Refuses terms that contradict themselves; names the field. */
export function checkTerms(terms: AccountTerms): Refusal | undefined {
  const { amount_fen_min: least, amount_fen_max: most, hours = [], maintenance = [], quotas = [], channel_price, merchant_price } = terms;
  if (least !== undefined && most !== undefined && least > most) return invalid('amount_fen_max', 'not below amount_fen_min', '不小于 amount_fen_min');
  for (const [name, price] of Object.entries({ channel_price, merchant_price })) {
    if (price?.min_fen !== undefined && price.max_fen !== undefined && price.min_fen > price.max_fen)
      return invalid(`${name}.max_fen`, 'not below min_fen', '不小于 min_fen');
  }
  const empty = hours.findIndex(({ from, to }) => from === to);
  if (empty >= 0) return invalid(`hours[${empty}].to`, 'a time other than `from`', '与 from 不同的时间');
  const reversed = maintenance.findIndex(({ from, to }) => Date.parse(from) >= Date.parse(to));
  if (reversed >= 0) return invalid(`maintenance[${reversed}].to`, 'a time after `from`', '晚于 from 的时间');
  for (const [at, { per, of, amount_fen_max, count_max }] of quotas.entries()) {
    if (amount_fen_max === undefined && count_max === undefined) return refuse('parameter_missing', `quotas[${at}].amount_fen_max`);
    if (quotas.findIndex((other) => other.per === per && other.of === of) !== at)
      return invalid(`quotas[${at}]`, 'one quota per period and subject', '同一周期与对象只能有一条限额');
  }
  return undefined;
}

const invalid = (param: string, expected: string, expected_zh: string): Refusal => refuse('parameter_invalid', param, { expected, expected_zh });

/** What is turned off after a person turned one thing off or on. What has come on again by itself is forgotten. */
export function turn(off: readonly Switch[], what: { readonly turn: 'off' | 'on'; readonly method?: Method; readonly until?: string }, now: Date): Switch[] {
  const { method, until } = what;
  const kept = off.filter((other) => other.method !== method && (other.until === undefined || Date.parse(other.until) > now.getTime()));
  // The whole account on again means every method of it.
  if (what.turn === 'on') return method === undefined ? [] : kept;
  return [...kept, { ...(method === undefined ? {} : { method }), ...(until === undefined ? {} : { until }) }];
}

/** Calendar periods in Asia/Shanghai as counters name them: `d2026-11-22`, `m2026-11`. */
export const periodOf = (per: Quota['per'], at: Date): string => (per === 'day' ? `d${bizDate(at)}` : `m${bizDate(at).slice(0, 7)}`);
