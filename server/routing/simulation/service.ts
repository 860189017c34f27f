import type { RoutingSimulation, SimulateBody } from '@heliu/contract';
import { simulation_payments_usual } from '../../kernel/limits.ts';
import type { Caller } from '../../platform/caller.ts';
import type { Ctx } from '../../platform/ctx.ts';
import { daysOf } from '../costs/service.ts';
import { type Accounts, candidatesOf, rulesOf } from '../service.ts';
import { findPast } from '../store.ts';
import { createSimulation } from './simulation.ts';

/** Between two batches other requests have their turn: a batch takes some ten milliseconds. */
const batch_payments = 100;

/** What rules would have done with past payments. Nothing is written. */
export async function simulateRouting(
  ctx: Ctx,
  caller: Pick<Caller, 'merchant_id' | 'livemode'>,
  accounts: Accounts,
  { from, to, payments_max = simulation_payments_usual, rule_set_id, rules: draft }: SimulateBody,
): Promise<RoutingSimulation> {
  const { merchant_id, livemode } = caller;
  const days = daysOf(from, to);
  const rules = await rulesOf(ctx, caller, { rule_set_id, draft });
  const candidates = await candidatesOf(ctx, caller, accounts);
  const found = await findPast(ctx, { merchant_id, livemode, ...days, limit: payments_max + 1 });
  const past = found.slice(0, payments_max).toReversed();
  const simulation = createSimulation({ rules, candidates, past });
  for (let at = 0; at < past.length; at += batch_payments) {
    simulation.decide(past.slice(at, at + batch_payments));
    await ctx.clock.sleep(0);
  }
  return {
    object: 'routing_simulation',
    rule_set_version: draft ? null : rules.version,
    sampled: found.length > payments_max,
    ...simulation.result(),
  };
}
