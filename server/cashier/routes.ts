import {
  type CheckoutSession,
  createCheckoutSession,
  expireCheckoutSession,
  listCheckoutSessions,
  retrieveCashierSettings,
  retrieveCheckoutSession,
  updateCashierSettings,
} from '@heliu/contract';
import type { FastifyInstance } from 'fastify';
import { orThrow } from '../kernel/refusal.ts';
import type { PaymentsCtx } from '../payments/ctx.ts';
import { bindOperation } from '../platform/http/bind.ts';
import { type CursorScope, page_limit, pageOf, readCursor } from '../platform/http/cursor.ts';
import * as sessions from './sessions/service.ts';
import * as settings from './settings/service.ts';

/** Binds checkout sessions and the settings of the cashier. */
export function bindCashier(scope: FastifyInstance, ctx: PaymentsCtx): void {
  bindOperation(scope, ctx, createCheckoutSession, (call) => sessions.createSession({ ...call, ctx }));
  bindOperation(scope, ctx, retrieveCheckoutSession, ({ caller, params }) => sessions.retrieveSession(ctx, caller, params.checkout_session_id));
  bindOperation(scope, ctx, expireCheckoutSession, (call) => sessions.expireSession({ ...call, ctx }));
  bindOperation(scope, ctx, listCheckoutSessions, async ({ caller, query: { limit = page_limit, cursor } }) => {
    const list: CursorScope = { list: listCheckoutSessions.id, caller, filters: {} };
    const before_id = cursor === undefined ? undefined : orThrow(readCursor(list, cursor));
    const rows = await sessions.listSessions(ctx, caller, { before_id, limit: limit + 1 });
    const page = pageOf<CheckoutSession>(list, limit, rows, ({ id }) => id);
    return { data: [...page.rows], next_cursor: page.next_cursor };
  });
  bindOperation(scope, ctx, retrieveCashierSettings, ({ caller }) => settings.retrieveSettings(ctx, caller));
  bindOperation(scope, ctx, updateCashierSettings, (call) => settings.updateSettings(call));
}
