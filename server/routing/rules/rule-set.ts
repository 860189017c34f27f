import type { RoutingRule, RoutingStrategy } from '@heliu/contract';
import { type Refusal, refuse } from '../../kernel/refusal.ts';
import { compileExpression, type Expression, type Facts, fieldsOf, isProblem, type Problem } from './expression.ts';
import { complementOf, contradiction, meet, type Region, regionOf } from './region.ts';

/** A rule set as a merchant writes it. */
export type Definition = {
  readonly name: string;
  readonly rules: readonly RoutingRule[];
  readonly default: RoutingStrategy;
  readonly failover_max: number;
};

/** Rules ready to decide: conditions are compiled once, when they are loaded. */
export type CompiledRules = {
  readonly version: number;
  readonly rules: readonly CompiledRule[];
  readonly default: CompiledStrategy;
  readonly failover_max: number;
};
export type CompiledRule = { readonly name: string; readonly matches: (facts: Facts) => boolean; readonly use: CompiledStrategy };

export type CompiledStrategy = {
  readonly type: RoutingStrategy['type'];
  /** Place or weight by account; undefined: every account, by its own priority or weight. */
  readonly accounts: ReadonlyMap<string, number> | undefined;
  readonly sticky_by: 'payer' | 'terminal' | undefined;
};

export const failover_usual = 2;

/** What decides while a merchant has set no rules: accounts by priority, as they are tried by hand. */
export const no_rules: CompiledRules = {
  version: 0,
  rules: [],
  default: { type: 'priority', accounts: undefined, sticky_by: undefined },
  failover_max: failover_usual,
};

/** Compiles rules that were checked when they were saved. */
export function compileRules({ rules, default: fallback, failover_max }: Definition, version: number): CompiledRules {
  return {
    version,
    rules: rules.map(({ name, when, use }) => ({ name, matches: orNever(compileExpression(when)), use: compileStrategy(use) })),
    default: compileStrategy(fallback),
    failover_max,
  };
}

/** A later version of the library may refuse what an earlier one took: such a rule matches nothing, the others go on. */
const orNever = (expression: Expression | Problem): ((facts: Facts) => boolean) => (isProblem(expression) ? () => false : expression.matches);

function compileStrategy({ type, accounts, shares, sticky_by }: RoutingStrategy): CompiledStrategy {
  const places = accounts?.map((account_id, at) => [account_id, at] as const) ?? shares?.map((share) => [share.channel_account_id, share.weight] as const);
  return { type, accounts: places && new Map(places), sticky_by };
}

/**
 * Refuses rules that cannot mean what they say: conditions that do not compile or can never be true, rules that earlier
 * ones leave nothing to, strategies with the fields of another, accounts that are not the merchant's.
 */
export function checkRules({ rules, default: fallback }: Pick<Definition, 'rules' | 'default'>, own_accounts: ReadonlySet<string>): Refusal | undefined {
  const earlier: Checked[] = [];
  for (const [at, rule] of rules.entries()) {
    const param = `rules.${at}`;
    const repeated = rules.findIndex(({ name }) => name === rule.name);
    if (repeated < at) return invalid(`${param}.name`, { en: `rules.${repeated} has the same name`, zh: `与 rules.${repeated} 同名` });
    const expression = compileExpression(rule.when);
    if (isProblem(expression)) return invalid(`${param}.when`, expression);
    const problem = checkReach(expression, earlier);
    if (problem) return invalid(`${param}.when`, problem);
    earlier.push({ name: rule.name, expression, outside: shadows(expression) ? complementOf(expression.ast) : undefined });
    const refused = checkStrategy(rule.use, `${param}.use`, own_accounts);
    if (refused) return refused;
  }
  return checkStrategy(fallback, 'default', own_accounts);
}

type Checked = { readonly name: string; readonly expression: Expression; readonly outside: Region | undefined };

const invalid = (param: string, { en, zh }: Problem): Refusal => refuse('routing_rule_invalid', param, { problem: en, problem_zh: zh });

/** Metadata may be missing, and then a condition about it does not hold, and neither does its opposite: what it leaves is not known. */
const shadows = ({ ast }: Expression): boolean => !fieldsOf(ast).has('metadata');

function checkReach(expression: Expression, earlier: readonly Checked[]): Problem | undefined {
  let rest = regionOf(expression.ast);
  if (rest?.length === 0) {
    const field = contradiction(expression.ast);
    const named = field !== undefined && field !== 'text' && field !== 'coin';
    return named
      ? { en: `it can never be true: what it says of ${field} contradicts itself`, zh: `恒为假：对 ${field} 的要求互相矛盾` }
      : { en: 'it can never be true', zh: '条件恒为假' };
  }
  for (const { name, expression: before, outside } of earlier) {
    const same = before.source.replace(/\s+/g, '') === expression.source.replace(/\s+/g, '');
    const left = same ? [] : rest && outside ? meet(rest, outside) : rest;
    if (left?.length === 0)
      return { en: `it is never reached: earlier rules up to "${name}" take all that it matches`, zh: `永远不会执行：此前的规则（至“${name}”）已覆盖全部情形` };
    rest = left ?? rest;
  }
  return undefined;
}

function checkStrategy(strategy: RoutingStrategy, param: string, own_accounts: ReadonlySet<string>): Refusal | undefined {
  const { type, accounts, shares, sticky_by } = strategy;
  if (type === 'split' && accounts) return invalid(`${param}.accounts`, { en: 'split takes shares', zh: 'split 请使用 shares' });
  if (type !== 'split' && shares) return invalid(`${param}.shares`, { en: 'only split takes shares', zh: '只有 split 可用 shares' });
  if (type !== 'split' && sticky_by) return invalid(`${param}.sticky_by`, { en: 'only split is sticky', zh: '只有 split 可用 sticky_by' });
  const named =
    accounts?.map((id, at) => [id, `${param}.accounts.${at}`] as const) ??
    shares?.map((share, at) => [share.channel_account_id, `${param}.shares.${at}.channel_account_id`] as const);
  for (const [at, [account_id, where]] of (named ?? []).entries()) {
    if (!own_accounts.has(account_id)) return refuse('channel_account_not_found', where);
    if (named?.findIndex(([id]) => id === account_id) !== at) return invalid(where, { en: 'the account is named twice', zh: '账户重复' });
  }
  return undefined;
}
