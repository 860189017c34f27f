import {
  closeStore,
  closeTerminal,
  createStore,
  createTerminal,
  listStores,
  listTerminals,
  retrieveStore,
  retrieveTerminal,
  updateStore,
  updateTerminal,
} from '@heliu/contract';
import type { FastifyInstance } from 'fastify';
import { orThrow } from '../kernel/refusal.ts';
import type { Ctx } from '../platform/ctx.ts';
import { bindOperation } from '../platform/http/bind.ts';
import { type CursorScope, page_limit, pageOf, readCursor } from '../platform/http/cursor.ts';
import * as stores from './stores/service.ts';
import * as terminals from './terminals/service.ts';

/** Binds stores and terminals of the contract. */
export function bindMerchants(scope: FastifyInstance, ctx: Ctx): void {
  bindOperation(scope, ctx, createStore, (call) => stores.createStore({ ...call, ctx }));
  bindOperation(scope, ctx, retrieveStore, ({ caller, params }) => stores.retrieveStore(ctx, caller, params.store_id));
  bindOperation(scope, ctx, updateStore, (call) => stores.updateStore({ ...call, ctx }));
  bindOperation(scope, ctx, closeStore, (call) => stores.closeStore({ ...call, ctx }));
  bindOperation(scope, ctx, listStores, async ({ caller, query: { limit = page_limit, cursor, ...filters } }) => {
    const list: CursorScope = { list: listStores.id, caller, filters };
    const rows = await stores.listStores(ctx, caller, { ...filters, before_id: positionOf(list, cursor), limit: limit + 1 });
    const page = pageOf(list, limit, rows, ({ id }) => id);
    return { data: [...page.rows], next_cursor: page.next_cursor };
  });

  bindOperation(scope, ctx, createTerminal, (call) => terminals.createTerminal({ ...call, ctx }));
  bindOperation(scope, ctx, retrieveTerminal, ({ caller, params }) => terminals.retrieveTerminal(ctx, caller, params.terminal_id));
  bindOperation(scope, ctx, updateTerminal, (call) => terminals.updateTerminal({ ...call, ctx }));
  bindOperation(scope, ctx, closeTerminal, (call) => terminals.closeTerminal({ ...call, ctx }));
  bindOperation(scope, ctx, listTerminals, async ({ caller, query: { limit = page_limit, cursor, ...filters } }) => {
    const list: CursorScope = { list: listTerminals.id, caller, filters };
    const rows = await terminals.listTerminals(ctx, caller, { ...filters, before_id: positionOf(list, cursor), limit: limit + 1 });
    const page = pageOf(list, limit, rows, ({ id }) => id);
    return { data: [...page.rows], next_cursor: page.next_cursor };
  });
}

const positionOf = (list: CursorScope, cursor: string | undefined): string | undefined =>
  cursor === undefined ? undefined : orThrow(readCursor(list, cursor));
