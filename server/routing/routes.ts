import { activateRuleSet, createRuleSet, listCosts, listRoutingAccounts, listRuleSets, type RuleSet, setAccountTerms, switchAccount } from '@heliu/contract';
import type { FastifyInstance } from 'fastify';
import { orThrow } from '../kernel/refusal.ts';
import type { Ctx } from '../platform/ctx.ts';
import { bindOperation } from '../platform/http/bind.ts';
import { type CursorScope, page_limit, pageOf, readCursor } from '../platform/http/cursor.ts';
import { listCosts as listCostsOf } from './costs/service.ts';
import * as service from './service.ts';

/** Binds rule sets and accounts of the contract. What is about a payment is bound where payments are. */
export function bindRouting(scope: FastifyInstance, ctx: Ctx): void {
  bindOperation(scope, ctx, createRuleSet, (call) => service.createRuleSet({ ...call, ctx }));
  bindOperation(scope, ctx, activateRuleSet, (call) => service.activateRuleSet({ ...call, ctx, rule_set_id: call.params.rule_set_id }));
  bindOperation(scope, ctx, listRoutingAccounts, async ({ caller }) => ({
    object: 'routing_accounts' as const,
    accounts: await service.listRoutingAccounts(ctx, caller),
  }));
  bindOperation(scope, ctx, setAccountTerms, (call) => service.setAccountTerms({ ...call, ctx, channel_account_id: call.params.channel_account_id }));
  bindOperation(scope, ctx, switchAccount, (call) => service.switchAccount({ ...call, ctx, channel_account_id: call.params.channel_account_id }));

  bindOperation(scope, ctx, listCosts, ({ caller, query }) => listCostsOf(ctx, caller, query));

  bindOperation(scope, ctx, listRuleSets, async ({ caller, query }) => {
    const { limit = page_limit, cursor } = query;
    const list: CursorScope = { list: listRuleSets.id, caller, filters: {} };
    const before_id = cursor === undefined ? undefined : orThrow(readCursor(list, cursor));
    const page = pageOf<RuleSet>(list, limit, await service.listRuleSets(ctx, caller, { before_id, limit: limit + 1 }), ({ id }) => id);
    return { data: [...page.rows], next_cursor: page.next_cursor };
  });
}
