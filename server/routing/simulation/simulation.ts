import type { RoutingSimulation, SimulatedAccount } from '@heliu/contract';
import { addFen, type Fen, fenToNumber, toFen, ZERO } from '../../kernel/money.ts';
import { isRefusal } from '../../kernel/refusal.ts';
import { type Candidate, type ChooseInput, choose, type Request } from '../choose.ts';
import type { DecisionRow } from '../decision.ts';
import { bucketsOf } from '../quota.ts';
import type { CompiledRules } from '../rules/rule-set.ts';
import { channelFee } from '../strategies.ts';
import { type Interval, interval } from './interval.ts';

/** The first attempt of a payment that was made, as it was decided, and how it ended. */
export type Past = Pick<DecisionRow, 'channel_account_id' | 'method' | 'amount_fen' | 'considered' | 'created_at'> & {
  readonly app_id: string | null;
  readonly terminal_id: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  /** Of the attempt: only those that rest say something of success. */
  readonly state: 'sending' | 'waiting' | 'succeeded' | 'refused' | 'closed';
};

export type SimulationInput = {
  readonly rules: CompiledRules;
  /** As they are now. */
  readonly candidates: readonly Candidate[];
  /** All payments that are decided again: what each account and method made of its own. */
  readonly past: readonly Past[];
};

export type Simulation = {
  /** Decides payments again, the oldest first. In batches, so that no other request waits for all of them. */
  readonly decide: (batch: readonly Past[]) => void;
  readonly result: () => Omit<RoutingSimulation, 'object' | 'rule_set_version' | 'sampled'>;
};

type Volume = { count: number; amount_fen: Fen; fee_fen: Fen | null };
/** What payments were expected to come to; `known` of them had a rate. */
type Expected = { known: number; rate: number; low: number; high: number };

/** Rules put to payments of the past. Pure: the same payments give the same result. */
export function createSimulation({ rules, candidates, past }: SimulationInput): Simulation {
  const rates = ratesOf(past);
  const rateOf = (account_id: string, method: string): Interval | undefined => rates.get(`${account_id} ${method}`);
  const carried = new Map(candidates.map(({ account }) => [account.id, { actual: nothing(), simulated: nothing() }]));
  const all = { actual: nothing(), simulated: nothing() };
  const expected: Expected = { known: 0, rate: 0, low: 0, high: 0 };
  const used = new Map<string, { fen: bigint; count: number }>();
  const shares = new Map<number, number>();
  let [payments, moved, refused] = [0, 0, 0];

  const volumesOf = (account_id: string) => {
    const known = carried.get(account_id) ?? { actual: nothing(), simulated: nothing() };
    carried.set(account_id, known);
    return known;
  };
  const bucketsFor = ({ account, terms }: Candidate, { created_at }: Past) =>
    bucketsOf(terms.quotas, undefined, created_at).map(({ name, quota }) => ({ key: `${account.id} ${name}`, quota }));
  const isFull = (candidate: Candidate, payment: Past): boolean =>
    bucketsFor(candidate, payment).some(({ key, quota }) => {
      const { fen, count } = used.get(key) ?? { fen: 0n, count: 0 };
      return (
        (quota.amount_fen_max !== undefined && fen + payment.amount_fen > BigInt(quota.amount_fen_max)) ||
        (quota.count_max !== undefined && count >= quota.count_max)
      );
    });
  const use = (candidate: Candidate, payment: Past): void => {
    for (const { key } of bucketsFor(candidate, payment)) {
      const { fen, count } = used.get(key) ?? { fen: 0n, count: 0 };
      used.set(key, { fen: fen + payment.amount_fen, count: count + 1 });
    }
  };
  const draws: ChooseInput['draws'] = {
    share: (rule) => {
      const next = ((shares.get(rule) ?? 0) + golden) % 1;
      shares.set(rule, next);
      return next;
    },
    // What exploring would have cost is no part of the rules.
    explore: () => no_exploration,
  };

  function decide(payment: Past): void {
    const request = requestOf(payment);
    const went = candidates.find(({ account }) => account.id === payment.channel_account_id);
    payments += 1;
    for (const volume of [all.actual, volumesOf(payment.channel_account_id).actual]) add(volume, payment.amount_fen, went && channelFee(went, request));
    const seen = new Map(payment.considered.map(([id, , excluded, , success_ppm]) => [id, { excluded, success_ppm }]));
    const choice = choose({
      request,
      candidates,
      rules,
      draws,
      now: payment.created_at,
      health: (account_id, method) => ({
        breaker: seen.get(account_id)?.excluded === 'breaker_open' ? 'open' : 'closed',
        probe_free: false,
        success_ppm: seen.get(account_id)?.success_ppm ?? ppm(rateOf(account_id, method)?.rate ?? unknown_rate),
        latency_ms: 0,
        calls: 0,
      }),
      reached: (candidate) => isFull(candidate, payment),
    });
    if (isRefusal(choice)) {
      refused += 1;
      return;
    }
    const [chosen] = choice.plan;
    if (chosen.account.id !== payment.channel_account_id) moved += 1;
    use(chosen, payment);
    for (const volume of [all.simulated, volumesOf(chosen.account.id).simulated]) add(volume, payment.amount_fen, channelFee(chosen, request));
    const rate = rateOf(chosen.account.id, payment.method);
    if (!rate) return;
    expected.known += 1;
    expected.rate += rate.rate;
    expected.low += rate.low;
    expected.high += rate.high;
  }

  return {
    decide: (batch) => batch.forEach(decide),
    result: () => ({
      payments,
      moved,
      refused,
      actual: { ...shown(all.actual), ...successOf(intervalOf(past)) },
      simulated: { ...shown(all.simulated), ...expectedOf(expected) },
      accounts: [...carried].map(([channel_account_id, { actual, simulated }]): SimulatedAccount => {
        const own = past.filter((payment) => payment.channel_account_id === channel_account_id);
        return {
          channel_account_id,
          actual: shown(actual),
          simulated: shown(simulated),
          ...successOf(intervalOf(own)),
          known: own.filter(isOver).length,
        };
      }),
    }),
  };
}

const golden = 0.618033988749895;
const no_exploration = 1 - Number.EPSILON;
/** Of an account that carried nothing in these days: as the product begins with one that it does not know. */
const unknown_rate = 0.9;

const nothing = (): Volume => ({ count: 0, amount_fen: ZERO, fee_fen: ZERO });

function add(volume: Volume, amount_fen: Fen, fee_fen: Fen | undefined): void {
  volume.count += 1;
  volume.amount_fen = addFen(volume.amount_fen, amount_fen);
  volume.fee_fen = fee_fen === undefined || volume.fee_fen === null ? null : addFen(volume.fee_fen, fee_fen);
}

const requestOf = ({ method, amount_fen, app_id, terminal_id, metadata }: Past): Request => ({
  method,
  amount_fen: toFen(amount_fen),
  app_id: app_id ?? undefined,
  terminal_id: terminal_id ?? undefined,
  metadata,
});

const isOver = ({ state }: Past): boolean => state === 'succeeded' || state === 'refused' || state === 'closed';

function intervalOf(payments: readonly Past[]): Interval | undefined {
  const over = payments.filter(isOver);
  return interval(over.filter(({ state }) => state === 'succeeded').length, over.length);
}

function ratesOf(past: readonly Past[]): ReadonlyMap<string, Interval> {
  const groups = Map.groupBy(past, ({ channel_account_id, method }) => `${channel_account_id} ${method}`);
  return new Map(
    [...groups].flatMap(([key, own]) => {
      const rate = intervalOf(own);
      return rate ? [[key, rate] as const] : [];
    }),
  );
}

const ppm = (rate: number): number => Math.round(rate * 1_000_000);
const shown = ({ count, amount_fen, fee_fen }: Volume) => ({
  count,
  amount_fen: fenToNumber(amount_fen),
  fee_fen: fee_fen === null ? null : fenToNumber(fee_fen),
});
const successOf = (rate: Interval | undefined) => ({
  success_ppm: rate ? ppm(rate.rate) : null,
  success_low_ppm: rate ? ppm(rate.low) : null,
  success_high_ppm: rate ? ppm(rate.high) : null,
});

/** The mean over payments whose account is known. The ends are those of the accounts', so the interval is rather too wide than too narrow. */
const expectedOf = ({ known, rate, low, high }: Expected) => successOf(known === 0 ? undefined : { rate: rate / known, low: low / known, high: high / known });
