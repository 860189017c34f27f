import type { Exclusion, Method, RoutingDecision } from '@heliu/contract';
import { type Fen, fenToNumber } from '../kernel/money.ts';
import type { Choice, Considered } from './choose.ts';

/** Why an attempt went where it went, as the table has it. */
export type DecisionRow = {
  readonly merchant_id: string;
  readonly attempt_id: string;
  readonly livemode: boolean;
  readonly channel_account_id: string;
  readonly method: Method;
  readonly amount_fen: Fen;
  readonly rules_version: number;
  readonly rule: string | null;
  readonly strategy: RoutingDecision['strategy'];
  readonly propensity_ppm: number;
  readonly last_resort: boolean;
  readonly quoted_fee_fen: Fen | null;
  readonly considered: readonly ConsideredRow[];
  readonly created_at: Date;
};

/** Id, version of its terms, exclusion, rank, success_ppm, fee_fen, score; an excluded one has the first three alone. */
type ConsideredRow = readonly [string, number, Exclusion | null, ...rest: readonly (number | null)[]];

export const compact = (considered: readonly Considered[]): readonly ConsideredRow[] =>
  considered.map(({ candidate, excluded, rank, success_ppm, fee_fen, score }) => {
    const head = [candidate.account.id, candidate.terms.version, excluded] as const;
    return rank === null ? head : [...head, rank, success_ppm, fee_fen === null ? null : fenToNumber(fee_fen), score];
  });

/** The decision behind an attempt. */
export function decisionRow(
  choice: Choice,
  of: Pick<DecisionRow, 'merchant_id' | 'attempt_id' | 'livemode' | 'method' | 'amount_fen' | 'created_at'>,
): DecisionRow {
  const [first] = choice.plan;
  const { rules_version, rule, strategy, propensity_ppm, last_resort, considered } = choice;
  const quoted_fee_fen = considered.find(({ candidate }) => candidate === first)?.fee_fen ?? null;
  return {
    ...of,
    channel_account_id: first.account.id,
    rules_version,
    rule,
    strategy,
    propensity_ppm,
    last_resort,
    quoted_fee_fen,
    considered: compact(considered),
  };
}

/** As the merchant sees it; `attempt_id` is null of one that was only asked for. */
export function viewDecision(row: Omit<DecisionRow, 'merchant_id' | 'attempt_id' | 'livemode'> & { readonly attempt_id: string | null }): RoutingDecision {
  return {
    object: 'routing_decision',
    attempt_id: row.attempt_id,
    channel_account_id: row.channel_account_id,
    method: row.method,
    amount_fen: fenToNumber(row.amount_fen),
    rule_set_version: row.rules_version,
    rule: row.rule,
    strategy: row.strategy,
    propensity_ppm: row.propensity_ppm,
    last_resort: row.last_resort,
    candidates: row.considered.map(viewCandidate),
    decided_at: row.created_at.toISOString(),
  };
}

function viewCandidate([
  channel_account_id,
  ,
  excluded,
  rank = null,
  success_ppm = null,
  fee_fen = null,
  score = null,
]: ConsideredRow): RoutingDecision['candidates'][number] {
  return { channel_account_id, rank, excluded, success_ppm, fee_fen, score };
}
