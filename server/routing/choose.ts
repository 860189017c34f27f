import type { Exclusion, Method, Strategy } from '@heliu/contract';
import type { Account } from '../channels/define.ts';
import type { Fen } from '../kernel/money.ts';
import { type Refusal, refuse } from '../kernel/refusal.ts';
import type { AccountHealthView } from './health/estimate.ts';
import { factsOf } from './rules/expression.ts';
import type { CompiledRules, CompiledStrategy } from './rules/rule-set.ts';
import { channelFee, type Ranking, rank } from './strategies.ts';
import { isOpenAt, type LocalTime, localTime, type Terms } from './terms.ts';

/** What is to be paid and how. */
export type Request = {
  readonly method: Method;
  readonly amount_fen: Fen;
  /** Stands for the payer, where the request names one; never the payer's id itself. */
  readonly payer_key?: string | undefined;
  readonly terminal_id?: string | undefined;
  readonly app_id?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** An account that the merchant named: that one or a refusal, never another. */
  readonly channel_account_id?: string | undefined;
};

export type Candidate = {
  readonly account: Account;
  /** Lower is tried first. */
  readonly priority: number;
  readonly terms: Terms;
  /** Whether the channel has the method at all. */
  readonly takes: (method: Method) => boolean;
};

/** Numbers from 0 to below 1. `share` spreads the draws of a rule evenly; `explore` is chance. */
export type Draws = { readonly share: (rule: number) => number; readonly explore: () => number };

export type ChooseInput = {
  readonly request: Request;
  readonly candidates: readonly Candidate[];
  readonly rules: CompiledRules;
  readonly health: (account_id: string, method: Method) => AccountHealthView;
  /** Whether a quota of the account is known to have no room for this payment. The database has the last word. */
  readonly reached: (candidate: Candidate, request: Request) => boolean;
  readonly draws: Draws;
  readonly now: Date;
  /** Accounts that an earlier attempt of this payment failed on. */
  readonly tried?: ReadonlySet<string>;
};

/** Where a payment goes: the accounts in the order in which they are tried, and why the others are not among them. */
export type Choice = {
  readonly plan: readonly [Candidate, ...Candidate[]];
  readonly rules_version: number;
  /** Null: the default decided, or the request named the account. */
  readonly rule: string | null;
  readonly strategy: Strategy | 'named';
  readonly propensity_ppm: number;
  readonly last_resort: boolean;
  readonly failover_max: number;
  readonly considered: readonly Considered[];
};

/** One account as the decision saw it. Numbers are there only for those that were ranked. */
export type Considered = {
  readonly candidate: Candidate;
  readonly excluded: Exclusion | null;
  readonly rank: number | null;
  readonly success_ppm: number | null;
  readonly fee_fen: Fen | null;
  readonly score: number | null;
};

/** Chooses the account of an attempt. Pure: the same input gives the same choice. */
export function choose(given: ChooseInput): Choice | Refusal {
  const input: ChooseInput = { ...given, health: lookedAtOnce(given.health) };
  const local = localTime(input.now);
  const excluded = new Map<string, Exclusion>();
  const fit: Candidate[] = [];
  const broken: Candidate[] = [];
  for (const candidate of input.candidates) {
    const why = exclusionOf(candidate, input, local);
    if (why) excluded.set(candidate.account.id, why);
    else if (canTake(healthOf(candidate, input))) fit.push(candidate);
    else broken.push(candidate);
  }
  if (input.request.channel_account_id !== undefined) return named(input, input.request.channel_account_id, excluded);
  const pools: readonly (readonly Candidate[])[] = [fit, broken];
  for (const [at, pool] of pools.entries()) {
    const decided = pool.length > 0 ? decide(input, pool) : undefined;
    // What is broken may have come back, and a refusal is certain to lose the payment.
    if (decided) return explained(input, decided, { excluded, broken, last_resort: at === 1 });
  }
  return refusal(input, excluded, fit.length + broken.length);
}

/** An account is as it was first seen for all of a decision. A decision is about one method. */
function lookedAtOnce(health: ChooseInput['health']): ChooseInput['health'] {
  const seen = new Map<string, AccountHealthView>();
  return (account_id, method) => {
    const known = seen.get(account_id) ?? health(account_id, method);
    seen.set(account_id, known);
    return known;
  };
}

/** A half-open circuit takes a payment only as a probe. */
const canTake = ({ breaker, probe_free }: AccountHealthView): boolean => breaker === 'closed' || (breaker === 'half_open' && probe_free);

const healthOf = ({ account }: Candidate, { health, request }: ChooseInput): AccountHealthView => health(account.id, request.method);

/** The first reason that keeps an account out, the lasting ones first. */
function exclusionOf(candidate: Candidate, { request, now, tried, reached }: ChooseInput, local: LocalTime): Exclusion | undefined {
  const { terms, account } = candidate;
  if (!candidate.takes(request.method)) return 'method_not_supported';
  if (terms.methods !== undefined && !terms.methods.has(request.method)) return 'method_not_offered';
  if (request.amount_fen < terms.amount_fen_min) return 'below_minimum';
  if (terms.amount_fen_max !== undefined && request.amount_fen > terms.amount_fen_max) return 'above_maximum';
  const at_ms = now.getTime();
  if (terms.off.some(({ method, until_ms }) => (method === undefined || method === request.method) && at_ms < until_ms)) return 'switched_off';
  if (terms.maintenance.some(({ from_ms, to_ms }) => at_ms >= from_ms && at_ms < to_ms)) return 'maintenance';
  if (!isOpenAt(terms, local)) return 'outside_hours';
  if (tried?.has(account.id)) return 'tried_before';
  return terms.quotas.length > 0 && reached(candidate, request) ? 'quota_reached' : undefined;
}

type Decided = { readonly rule: string | null; readonly use: CompiledStrategy; readonly ranking: Ranking };

/** The first rule that matches and has an account among those of the pool; else the default. */
function decide(input: ChooseInput, pool: readonly Candidate[]): Decided | undefined {
  const facts = factsOf(input.request, input.now);
  const { rules } = input.rules;
  for (let at = 0; at <= rules.length; at++) {
    const rule = rules[at];
    if (rule && !rule.matches(facts)) continue;
    const use = rule?.use ?? input.rules.default;
    const own = use.accounts === undefined ? pool : pool.filter(({ account }) => use.accounts?.has(account.id));
    if (own.length === 0) continue;
    const ranking = rank({ use, rule: at, request: input.request, pool: own, health: (candidate) => healthOf(candidate, input), draws: input.draws });
    return { rule: rule?.name ?? null, use, ranking: probedFirst(ranking, input) };
  }
  return undefined;
}

/** One payment now and then finds out whether a broken account is back; failing over keeps it from being lost. */
function probedFirst(ranking: Ranking, input: ChooseInput): Ranking {
  const probe = ranking.order.find((candidate) => healthOf(candidate, input).breaker === 'half_open');
  if (!probe || ranking.order[0] === probe) return ranking;
  return { ...ranking, order: [probe, ...ranking.order.filter((candidate) => candidate !== probe)] };
}

type Excluded = { readonly excluded: ReadonlyMap<string, Exclusion>; readonly broken: readonly Candidate[]; readonly last_resort: boolean };

function explained(input: ChooseInput, { rule, use, ranking }: Decided, { excluded, broken, last_resort }: Excluded): Choice {
  const places = new Map(ranking.order.map(({ account }, at) => [account.id, at + 1]));
  const considered = input.candidates.map((candidate): Considered => {
    const { id } = candidate.account;
    const place = places.get(id);
    if (place === undefined) {
      return {
        candidate,
        excluded: excluded.get(id) ?? (broken.includes(candidate) ? 'breaker_open' : 'not_in_rule'),
        rank: null,
        success_ppm: null,
        fee_fen: null,
        score: null,
      };
    }
    const fee_fen = channelFee(candidate, input.request) ?? null;
    return { candidate, excluded: null, rank: place, success_ppm: healthOf(candidate, input).success_ppm, fee_fen, score: ranking.scores.get(id) ?? null };
  });
  return {
    plan: ranking.order as Choice['plan'],
    rules_version: input.rules.version,
    rule,
    strategy: use.type,
    propensity_ppm: ranking.propensity_ppm,
    last_resort,
    failover_max: input.rules.failover_max,
    considered,
  };
}

/** Limits of the account hold for a request that names it too; its health does not. */
function named(input: ChooseInput, channel_account_id: string, excluded: ReadonlyMap<string, Exclusion>): Choice | Refusal {
  const candidate = input.candidates.find(({ account }) => account.id === channel_account_id);
  if (!candidate) return refuse('channel_account_not_found', 'channel_account_id');
  const why = excluded.get(channel_account_id);
  if (why === 'method_not_supported') return refuse('method_not_supported', 'method');
  if (why) return refuse('account_limit_reached', 'channel_account_id', { excluded: why });
  const fee_fen = channelFee(candidate, input.request) ?? null;
  return {
    plan: [candidate],
    rules_version: input.rules.version,
    rule: null,
    strategy: 'named',
    propensity_ppm: 1_000_000,
    last_resort: false,
    failover_max: 0,
    considered: [{ candidate, excluded: null, rank: 1, success_ppm: healthOf(candidate, input).success_ppm, fee_fen, score: null }],
  };
}

/** Why nothing is left: for good, or for now. */
function refusal({ candidates }: ChooseInput, excluded: ReadonlyMap<string, Exclusion>, outside_rules: number): Refusal {
  const reasons = [...excluded.values()].filter((why) => why !== 'method_not_supported');
  if (reasons.length === 0 && outside_rules === 0) return refuse('no_channel_account', 'method');
  const counted = new Map<string, number>(outside_rules === 0 ? [] : [['not_in_rule', outside_rules]]);
  for (const why of reasons) counted.set(why, (counted.get(why) ?? 0) + 1);
  const text = [...counted].map(([why, count]) => `${why} ${count}`).join(', ');
  return refuse('no_account_available', 'method', { excluded: text, accounts: candidates.length });
}
