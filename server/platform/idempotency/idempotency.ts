import type { Kysely } from 'kysely';
import { RefusalError, refuse } from '../../kernel/refusal.ts';
import { addMs } from '../../kernel/time.ts';
import type { Caller } from '../caller.ts';
import type { Ctx } from '../ctx.ts';
import { violatedConstraint } from '../db/db.ts';
import type { Tables } from '../db/tables.gen.ts';

/**
 * Idempotency-Key: the same key and the same request give the same status and body for 30 days. A row exists only
 * together with the effect it stands for, so a refused request leaves none and may be sent again.
 */
export type IdempotentCall = {
  readonly ctx: Ctx;
  readonly caller: Caller;
  readonly idempotency_key?: string | undefined;
  readonly request_hash: Buffer;
};

/** A reply that is sent byte for byte. */
export type FrozenReply = { readonly frozen: { readonly status: number; readonly body: string } };

export type RememberedCall = {
  readonly operation: string;
  readonly request_hash: Buffer;
  readonly object_id: string;
  /** Null while the first request is still under way, or was cut off. */
  readonly status: number | null;
  readonly body_sealed: Buffer | null;
  readonly created_at: Date;
};

/** A second request waits this long for the first, then is told to ask again. */
const wait_ms = 12_000;
const poll_ms = 40;

const find_statement = {
  name: 'idempotency_find',
  text: 'select operation, request_hash, object_id, status, body_sealed, created_at from idempotency_keys where merchant_id = $1 and livemode = $2 and key = $3',
};

/** What the key stands for; refuses a key that stands for another request. */
export async function remembered(call: IdempotentCall, operation: string): Promise<RememberedCall | undefined> {
  if (call.idempotency_key === undefined) return undefined;
  const { ctx, caller } = call;
  const [row] = await ctx.db.run<RememberedCall>(find_statement, [caller.merchant_id, caller.livemode, call.idempotency_key]);
  if (!row) return undefined;
  if (row.operation !== operation || !row.request_hash.equals(call.request_hash)) throw new RefusalError(refuse('idempotency_key_reused', 'Idempotency-Key'));
  return row;
}

/**
 * Waits until the first request with this key has its reply. `unfinished` names the object of one that was cut off: its
 * effect stands, and the caller completes the reply. Undefined when the key is new. `lease_ms` is how long the first
 * request may still be at work.
 */
export async function awaitReply(
  call: IdempotentCall,
  operation: string,
  lease_ms: number,
): Promise<FrozenReply | { readonly unfinished: string } | undefined> {
  const { ctx } = call;
  const give_up = ctx.clock.monotonic_ms() + wait_ms;
  for (;;) {
    const row = await remembered(call, operation);
    if (!row) return undefined;
    const reply = replyOf(call, row);
    if (reply) return reply;
    if (addMs(row.created_at, lease_ms) <= ctx.clock.now()) return { unfinished: row.object_id };
    if (ctx.clock.monotonic_ms() >= give_up) throw new RefusalError(refuse('request_in_progress', 'Idempotency-Key'));
    await ctx.clock.sleep(poll_ms);
  }
}

const finish_statement = {
  name: 'idempotency_finish',
  text: `update idempotency_keys set status = coalesce(status, $4), body_sealed = coalesce(body_sealed, $5)
    where merchant_id = $1 and livemode = $2 and key = $3 returning status, body_sealed`,
};

/** Freezes the reply, unless another request with the key froze one before; gives the frozen one. */
export async function freeze(call: IdempotentCall, status: number, body: string): Promise<FrozenReply> {
  if (call.idempotency_key === undefined) return { frozen: { status, body } };
  const { ctx, caller } = call;
  const sealed = sealReply(ctx, caller, call.idempotency_key, body);
  const [row] = await ctx.db.run<Pick<RememberedCall, 'status' | 'body_sealed'>>(finish_statement, [
    caller.merchant_id,
    caller.livemode,
    call.idempotency_key,
    status,
    sealed,
  ]);
  return (row && replyOf(call, row)) ?? { frozen: { status, body } };
}

/** Seals a reply as the `body_sealed` of its key. */
export const sealReply = (ctx: Ctx, caller: Caller, key: string, body: string): Buffer => ctx.vault.seal(body, place(caller, key));

const place = (caller: Caller, key: string) => ({ table: 'idempotency_keys', column: 'body_sealed', merchant_id: caller.merchant_id, row: key });

function replyOf({ ctx, caller, idempotency_key }: IdempotentCall, row: Pick<RememberedCall, 'status' | 'body_sealed'>): FrozenReply | undefined {
  if (row.status === null || row.body_sealed === null || idempotency_key === undefined) return undefined;
  return { frozen: { status: row.status, body: ctx.vault.open(row.body_sealed, place(caller, idempotency_key)) } };
}

const start_statement = {
  name: 'idempotency_start',
  text: `insert into idempotency_keys (merchant_id, livemode, key, operation, request_hash, object_id, created_at)
    values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing`,
};
const drop_statement = {
  name: 'idempotency_drop',
  text: 'delete from idempotency_keys where merchant_id = $1 and livemode = $2 and key = $3 and status is null',
};

/** Takes the key for this request; refuses when it stands for another one. */
async function take(call: IdempotentCall, operation: string, object_id: string): Promise<RememberedCall | undefined> {
  const { ctx, caller, idempotency_key: key } = call;
  if (key === undefined) return undefined;
  await ctx.db.run(start_statement, [caller.merchant_id, caller.livemode, key, operation, call.request_hash, object_id, ctx.clock.now()]);
  return remembered(call, operation);
}

/**
 * For operations that may be done again without harm (close, cancel, sync …) on an object that exists: takes the key,
 * runs, freezes the reply. A request that was cut off is run again by its retry; one that is refused gives its key back.
 */
export async function idempotent(
  call: IdempotentCall,
  operation: string,
  object_id: string,
  run: () => Promise<{ readonly status: number; readonly body: object }>,
): Promise<FrozenReply> {
  const before = await take(call, operation, object_id);
  const done = before && replyOf(call, before);
  if (done) return done;
  try {
    const { status, body } = await run();
    return await freeze(call, status, JSON.stringify(body));
  } catch (error) {
    const { ctx, caller, idempotency_key: key } = call;
    if (error instanceof RefusalError && key !== undefined) await ctx.db.run(drop_statement, [caller.merchant_id, caller.livemode, key]);
    throw error;
  }
}

/** Freezes a reply for a key that is new, though what it asks for was done under another key or none. */
export async function keep(call: IdempotentCall, operation: string, object_id: string, status: number, body: string): Promise<FrozenReply> {
  await take(call, operation, object_id);
  return freeze(call, status, body);
}

/**
 * For operations that must not be done twice and can be done in one transaction: effect, key and reply are written
 * together or not at all, so a retry finds the reply or a clean slate, and of two at the same time one does the work.
 */
export async function withReply(
  call: IdempotentCall,
  operation: string,
  run: (tx: Kysely<Tables>) => Promise<{ readonly status: number; readonly body: object; readonly object_id: string }>,
): Promise<FrozenReply> {
  const { ctx, caller, idempotency_key: key } = call;
  const repeated = async (): Promise<FrozenReply | undefined> => {
    const row = await remembered(call, operation);
    return row && replyOf(call, row);
  };
  const before = await repeated();
  if (before) return before;
  try {
    return await ctx.db.kysely
      .transaction()
      .setIsolationLevel('read committed')
      .execute(async (tx) => {
        const { status, body, object_id } = await run(tx);
        const text = JSON.stringify(body);
        if (key !== undefined) {
          const body_sealed = sealReply(ctx, caller, key, text);
          const { merchant_id, livemode } = caller;
          const { request_hash } = call;
          await tx
            .insertInto('idempotency_keys')
            .values({ merchant_id, livemode, key, operation, request_hash, object_id, status, body_sealed, created_at: ctx.clock.now() })
            .execute();
        }
        return { frozen: { status, body: text } };
      });
  } catch (error) {
    // Another request with this key was faster: it took the key, or what this one was refused for.
    const faster = error instanceof RefusalError || violatedConstraint(error) === 'idempotency_keys_pkey' ? await repeated() : undefined;
    if (faster) return faster;
    throw error;
  }
}
