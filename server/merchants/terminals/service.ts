import {
  closeTerminal as closeTerminalOperation,
  createTerminal as createTerminalOperation,
  type Terminal,
  updateTerminal as updateTerminalOperation,
} from '@heliu/contract';
import type { Kysely } from 'kysely';
import { newId } from '../../kernel/id.ts';
import { merchant_cache_max, merchant_cache_ms_max, terminals_per_store_max } from '../../kernel/limits.ts';
import { RefusalError, refuse } from '../../kernel/refusal.ts';
import { createCache, perNode } from '../../platform/cache.ts';
import type { Caller } from '../../platform/caller.ts';
import type { Ctx } from '../../platform/ctx.ts';
import { violatedConstraint } from '../../platform/db/db.ts';
import type { Tables } from '../../platform/db/tables.gen.ts';
import type { Call } from '../../platform/http/bind.ts';
import { type FrozenReply, idempotent, withReply } from '../../platform/idempotency/idempotency.ts';
import { openStore } from '../stores/service.ts';
import { lockStore } from '../stores/store.ts';
import * as store from './store.ts';
import { numberAtChannel, terminal_table, viewTerminal } from './view.ts';

export type { TerminalRow } from './store.ts';

type Owner = Pick<Caller, 'merchant_id' | 'livemode'>;

/** Makes a terminal of an open store. */
export function createTerminal({ ctx, ...call }: Call<typeof createTerminalOperation>): Promise<FrozenReply> {
  const { caller, body } = call;
  const { merchant_id, livemode } = caller;
  return withReply({ ctx, ...call }, createTerminalOperation.id, async (tx) => {
    const of_store = await lockStore(tx, { merchant_id, livemode, id: body.store_id });
    if (of_store === undefined) throw new RefusalError(refuse('store_not_found', 'store_id'));
    if (of_store === 'closed') throw new RefusalError(refuse('store_closed', 'store_id'));
    if ((await store.countTerminals(tx, merchant_id, body.store_id)) >= terminals_per_store_max) throw new RefusalError(refuse('too_many_terminals'));
    const created_at = ctx.clock.now();
    const row: store.TerminalRow = {
      merchant_id,
      id: newId('terminal', created_at, ctx.rng),
      livemode,
      store_id: body.store_id,
      name: body.name,
      kind: body.kind,
      terminal_no: body.terminal_no ?? null,
      state: terminal_table.initial,
      created_at,
      closed_at: null,
      version: 1,
    };
    await store.insertTerminal(ctx, tx, row).catch(refuseTaken);
    return { status: createTerminalOperation.status, body: viewTerminal(row), object_id: row.id };
  });
}

/** Changes what is said of a terminal in use. */
export function updateTerminal({ ctx, ...call }: Call<typeof updateTerminalOperation>): Promise<FrozenReply> {
  const key = keyOf(call.caller, call.params.terminal_id);
  return idempotent({ ctx, ...call }, updateTerminalOperation.id, key.id, async () => {
    const row = await store.updateTerminal(ctx, key, call.body).catch(refuseTaken);
    cacheOf(ctx).drop(cacheKey(key));
    if (row) return { status: updateTerminalOperation.status, body: viewTerminal(row) };
    await ownTerminal(ctx, key);
    throw new RefusalError(refuse('terminal_closed', 'terminal_id'));
  });
}

/** Closes a terminal. Closing it again changes nothing. */
export function closeTerminal({ ctx, ...call }: Call<typeof closeTerminalOperation>): Promise<FrozenReply> {
  const key = keyOf(call.caller, call.params.terminal_id);
  return idempotent({ ctx, ...call }, closeTerminalOperation.id, key.id, async () => {
    await store.updateTerminal(ctx, key, { state: 'closed', closed_at: ctx.clock.now() });
    cacheOf(ctx).drop(cacheKey(key));
    return { status: closeTerminalOperation.status, body: viewTerminal(await ownTerminal(ctx, key)) };
  });
}

export const retrieveTerminal = async (ctx: Ctx, caller: Caller, id: string): Promise<Terminal> => viewTerminal(await ownTerminal(ctx, keyOf(caller, id)));

/** Newest first. */
export async function listTerminals(ctx: Ctx, caller: Caller, filter: Omit<store.TerminalFilter, 'merchant_id' | 'livemode'>): Promise<Terminal[]> {
  const { merchant_id, livemode } = caller;
  return (await store.listTerminals(ctx, { ...filter, merchant_id, livemode })).map(viewTerminal);
}

/** A terminal of the merchant in that mode, closed ones too, from memory while news of changes arrives. */
export const getTerminal = async (ctx: Ctx, owner: Owner, terminal_id: string): Promise<store.TerminalRow> =>
  (await cacheOf(ctx).get(cacheKey(keyOf(owner, terminal_id)))) ?? notFound();

/** A terminal in use. */
export const activeTerminal = async (ctx: Ctx, owner: Owner, terminal_id: string): Promise<store.TerminalRow> =>
  inUse(await getTerminal(ctx, owner, terminal_id));

/** A terminal in use, read in the caller's transaction: whoever holds a connection does not wait for a second one. */
export const activeTerminalWithin = async (tx: Kysely<Tables>, owner: Owner, terminal_id: string): Promise<store.TerminalRow> =>
  inUse((await store.findTerminal(tx, keyOf(owner, terminal_id))) ?? notFound());

function inUse(terminal: store.TerminalRow): store.TerminalRow {
  if (terminal.state === 'closed') throw new RefusalError(refuse('terminal_closed', 'terminal_id'));
  return terminal;
}

/** Where a payment is taken; both null where nobody says. */
export type Place = { readonly store_id: string | null; readonly terminal_id: string | null };

/** Checks the place that a payment names. A terminal names its store, so the store may be left out. */
export async function placeOf(
  ctx: Ctx,
  owner: Owner,
  asked: { readonly store_id?: string | undefined; readonly terminal_id?: string | undefined },
): Promise<Place> {
  if (asked.terminal_id === undefined) {
    if (asked.store_id === undefined) return { store_id: null, terminal_id: null };
    return { store_id: (await openStore(ctx, owner, asked.store_id)).id, terminal_id: null };
  }
  if (asked.store_id !== undefined) await openStore(ctx, owner, asked.store_id);
  const terminal = await activeTerminal(ctx, owner, asked.terminal_id);
  if (asked.store_id !== undefined && terminal.store_id !== asked.store_id) throw new RefusalError(refuse('terminal_elsewhere', 'terminal_id'));
  return { store_id: terminal.store_id, terminal_id: terminal.id };
}

/** What channels are told of the terminal; undefined where there is none. */
export const terminalNo = async (ctx: Ctx, owner: Owner, terminal_id: string | null): Promise<string | undefined> =>
  terminal_id === null ? undefined : numberAtChannel(await getTerminal(ctx, owner, terminal_id));

const keyOf = ({ merchant_id, livemode }: Owner, id: string): store.TerminalKey => ({ merchant_id, livemode, id });

const ownTerminal = async (ctx: Ctx, key: store.TerminalKey): Promise<store.TerminalRow> => (await store.findTerminal(ctx.db.kysely, key)) ?? notFound();

function notFound(): never {
  throw new RefusalError(refuse('terminal_not_found', 'terminal_id'));
}

function refuseTaken(error: unknown): never {
  if (violatedConstraint(error) === 'terminals_terminal_no') throw new RefusalError(refuse('terminal_no_taken', 'terminal_no'));
  throw error;
}

const cacheKey = ({ merchant_id, livemode, id }: store.TerminalKey): string => `${merchant_id}/${id}/${livemode ? 'live' : 'test'}`;

const cacheOf = perNode((ctx) => {
  const cache = createCache(ctx, {
    entries_max: merchant_cache_max,
    age_ms_max: merchant_cache_ms_max,
    read: (key) => {
      const [merchant_id = '', id = '', mode] = key.split('/');
      return store.findTerminal(ctx.db.kysely, { merchant_id, id, livemode: mode === 'live' });
    },
  });
  ctx.changes.on('terminals', (name) => {
    for (const mode of ['live', 'test']) cache.drop(`${name}/${mode}`);
  });
  // A store is closed with all its terminals, and only the store is named.
  ctx.changes.on('stores', cache.dropAll);
  ctx.changes.onReset(cache.dropAll);
  return cache;
});
