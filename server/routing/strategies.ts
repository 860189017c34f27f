import { sha256 } from '../kernel/digest.ts';
import type { Fen } from '../kernel/money.ts';
import { feeOf } from '../kernel/price.ts';
import type { Candidate, Draws, Request } from './choose.ts';
import type { AccountHealthView } from './health/estimate.ts';
import type { CompiledStrategy } from './rules/rule-set.ts';

/** Candidates in order, what the strategy compared, and how likely the first place was. */
export type Ranking = { readonly order: readonly Candidate[]; readonly scores: ReadonlyMap<string, number>; readonly propensity_ppm: number };

export type RankInput = {
  readonly use: CompiledStrategy;
  /** Names the sequence of draws that a split follows. */
  readonly rule: number;
  readonly request: Request;
  /** At least one. */
  readonly pool: readonly Candidate[];
  readonly health: (candidate: Candidate) => AccountHealthView;
  readonly draws: Draws;
};

const certain_ppm = 1_000_000;

export function rank(input: RankInput): Ranking {
  switch (input.use.type) {
    case 'priority':
      return byScore(input, (candidate, at) => input.use.accounts?.get(candidate.account.id) ?? at, 1);
    case 'split':
      return split(input);
    case 'least_cost':
      return byScore(input, (candidate) => Number(channelFee(candidate, input.request) ?? most_fen), 1);
    case 'success_rate':
      return explored(
        input,
        byScore(input, (candidate) => input.health(candidate).success_ppm, -1),
      );
    case 'expected_value':
      return explored(
        input,
        byScore(input, (candidate) => expectedValue(candidate, input), -1),
      );
  }
}

/** An account whose price nobody stated is dearer than every other. */
const most_fen = Number.MAX_SAFE_INTEGER;

/** The channel's fee for this payment; undefined without a price. */
export const channelFee = ({ terms }: Candidate, { amount_fen }: Request): Fen | undefined => terms.channel_price && feeOf(terms.channel_price, amount_fen);

/** In millionths of a fen. Fees are taken of payments that succeed, so a failure costs the margin and nothing else. */
function expectedValue(candidate: Candidate, { request, health }: RankInput): number {
  const ours = candidate.terms.merchant_price ? feeOf(candidate.terms.merchant_price, request.amount_fen) : 0n;
  return health(candidate).success_ppm * Number(ours - (channelFee(candidate, request) ?? 0n));
}

const before = (a: Candidate, b: Candidate): number => a.priority - b.priority || (a.account.id < b.account.id ? -1 : 1);

/** Best first; equal ones by priority, then by age. */
function byScore({ pool }: RankInput, score: (candidate: Candidate, at: number) => number, sign: 1 | -1): Ranking {
  const usual = pool.toSorted(before);
  const scored = usual.map((candidate, at) => ({ candidate, score: score(candidate, at) }));
  scored.sort((a, b) => sign * (a.score - b.score));
  return {
    order: scored.map(({ candidate }) => candidate),
    scores: new Map(scored.map((each) => [each.candidate.account.id, each.score])),
    propensity_ppm: certain_ppm,
  };
}

/** So much of the traffic tries another account than the best known, the more while little is known of one. */
const explore_ppm = 20_000;
const explore_unknown_ppm = 100_000;
const well_known_calls = 30;

function explored({ draws, health }: RankInput, ranking: Ranking): Ranking {
  const { order, scores } = ranking;
  const others = order.slice(1);
  if (others.length === 0) return ranking;
  const rate_ppm = order.some((candidate) => health(candidate).calls < well_known_calls) ? explore_unknown_ppm : explore_ppm;
  if (draws.explore() * certain_ppm >= rate_ppm) return { order, scores, propensity_ppm: certain_ppm - rate_ppm };
  const tried = others[Math.floor(draws.explore() * others.length)] as Candidate;
  return { order: [tried, ...order.filter((candidate) => candidate !== tried)], scores, propensity_ppm: Math.round(rate_ppm / others.length) };
}

/**
 * By shares. The draws of a rule are spread evenly, so that shares are kept within a few payments and not only on the
 * average. A sticky split gives each key its own account; when that one cannot, only its own keys move.
 */
function split({ use, rule, request, pool, draws }: RankInput): Ranking {
  const weighted = pool
    .toSorted((a, b) => (a.account.id < b.account.id ? -1 : 1))
    .map((candidate) => ({ candidate, weight: use.accounts?.get(candidate.account.id) ?? candidate.terms.weight }));
  const total = weighted.reduce((sum, { weight }) => sum + weight, 0);
  const key = use.sticky_by === 'payer' ? request.payer_key : use.sticky_by === 'terminal' ? request.terminal_id : undefined;
  const first = key === undefined ? drawn(weighted, total, draws.share(rule)) : kept(weighted, key);
  const rest = weighted.filter((each) => each !== first).toSorted((a, b) => b.weight - a.weight);
  return {
    order: [first, ...rest].map(({ candidate }) => candidate),
    scores: new Map(weighted.map(({ candidate, weight }) => [candidate.account.id, weight])),
    propensity_ppm: Math.round((first.weight / total) * certain_ppm),
  };
}

type Weighted = { readonly candidate: Candidate; readonly weight: number };

function drawn(weighted: readonly Weighted[], total: number, draw: number): Weighted {
  let passed = 0;
  for (const each of weighted) {
    passed += each.weight;
    if (draw * total < passed) return each;
  }
  return weighted.at(-1) as Weighted;
}

/** Weighted rendezvous hashing: the account whose own number for this key is the smallest for its weight. */
function kept(weighted: readonly Weighted[], key: string): Weighted {
  const number = ({ candidate, weight }: Weighted): number => {
    const fraction = (sha256(`${key} ${candidate.account.id}`).readUInt32BE(0) + 1) / (2 ** 32 + 1);
    return -Math.log(fraction) / weight;
  };
  return weighted.reduce((best, each) => (number(each) < number(best) ? each : best));
}
