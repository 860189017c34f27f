import type { Ctx } from '../platform/ctx.ts';
import type { ApiKey, KnownKey } from './api-key.ts';

/** Tables: api_keys, request_nonces. Reads of `merchants` what decides whether its keys open anything. */

const known_columns = `k.id, k.merchant_id, k.livemode, k.name, k.secret_hash, k.last4, k.scopes, k.ed25519_public_key, k.state, k.created_at, k.expires_at,
  k.revoked_at, m.state as merchant_state, m.signature_required`;

// Index Scan using api_keys_secret_hash_key, Index Scan using merchants_pkey: once per key and node, then from memory.
const find_by_hash = {
  name: 'access_find_by_hash',
  text: `select ${known_columns} from api_keys k join merchants m on m.id = k.merchant_id where k.secret_hash = $1`,
};
const find_by_id = { name: 'access_find_by_id', text: `select ${known_columns} from api_keys k join merchants m on m.id = k.merchant_id where k.id = $1` };

export const findKeyByHash = async (ctx: Ctx, secret_hash: Buffer): Promise<KnownKey | undefined> =>
  (await ctx.db.run<KnownKey>(find_by_hash, [secret_hash]))[0];

export const findKeyById = async (ctx: Ctx, api_key_id: string): Promise<KnownKey | undefined> => (await ctx.db.run<KnownKey>(find_by_id, [api_key_id]))[0];

const key_columns = [
  'id',
  'merchant_id',
  'livemode',
  'name',
  'last4',
  'scopes',
  'ed25519_public_key',
  'state',
  'created_at',
  'expires_at',
  'revoked_at',
] as const;

/** Inserts a key, unless there is no such merchant or it has as many keys as it may. */
export function insertKey(ctx: Ctx, key: ApiKey & { readonly secret_hash: Buffer }, keys_max: number): Promise<'inserted' | 'no_merchant' | 'too_many'> {
  return ctx.db.kysely.transaction().execute(async (tx) => {
    // The merchant's row stands for the count: two keys cannot both be the last one allowed.
    const merchant = await tx.selectFrom('merchants').select('id').where('id', '=', key.merchant_id).forUpdate().executeTakeFirst();
    if (!merchant) return 'no_merchant';
    const { count } = await tx
      .selectFrom('api_keys')
      .select(({ fn }) => fn.countAll<bigint>().as('count'))
      .where('merchant_id', '=', key.merchant_id)
      .where('state', '=', 'active')
      .executeTakeFirstOrThrow();
    if (count >= BigInt(keys_max)) return 'too_many';
    await tx
      .insertInto('api_keys')
      .values({ ...key, scopes: [...key.scopes] })
      .execute();
    await ctx.changes.announce('api_keys', key.id, tx);
    return 'inserted';
  });
}

export async function listKeys(ctx: Ctx, merchant_id: string): Promise<ApiKey[]> {
  const rows = await ctx.db.kysely.selectFrom('api_keys').select(key_columns).where('merchant_id', '=', merchant_id).orderBy('id', 'desc').execute();
  return rows as ApiKey[];
}

/** Revokes a key, and tells every node in the same transaction. Undefined when the merchant has no such key. */
export function revokeKey(ctx: Ctx, merchant_id: string, api_key_id: string, now: Date): Promise<ApiKey | undefined> {
  return ctx.db.kysely.transaction().execute(async (tx) => {
    const row = await tx
      .updateTable('api_keys')
      .set(({ fn, val }) => ({ state: 'revoked', revoked_at: fn.coalesce('revoked_at', val(now)) }))
      .where('merchant_id', '=', merchant_id)
      .where('id', '=', api_key_id)
      .returning(key_columns)
      .executeTakeFirst();
    await ctx.changes.announce('api_keys', api_key_id, tx);
    return row as ApiKey | undefined;
  });
}

// Insert on request_nonces_pkey.
const insert_nonce = {
  name: 'access_insert_nonce',
  text: `insert into request_nonces (merchant_id, api_key_id, nonce, expires_at) values ($1, $2, $3, $4) on conflict do nothing returning 1 as first`,
};

/** True when this key sends the nonce for the first time. */
export async function insertNonce(ctx: Ctx, nonce: { merchant_id: string; api_key_id: string; nonce: string; expires_at: Date }): Promise<boolean> {
  const rows = await ctx.db.run(insert_nonce, [nonce.merchant_id, nonce.api_key_id, nonce.nonce, nonce.expires_at]);
  return rows.length === 1;
}

// Index Scan using request_nonces_expires, Limit. Two nodes that sweep at once take other rows.
const delete_nonces = {
  name: 'access_delete_nonces',
  text: `delete from request_nonces n using (
    select merchant_id, api_key_id, nonce from request_nonces where expires_at < $1 order by expires_at limit $2 for update skip locked
  ) old where (n.merchant_id, n.api_key_id, n.nonce) = (old.merchant_id, old.api_key_id, old.nonce) returning 1 as gone`,
};

export const deleteNonces = async (ctx: Ctx, before: Date, rows_max: number): Promise<number> => (await ctx.db.run(delete_nonces, [before, rows_max])).length;

// Index Scan using idempotency_keys_created, Limit.
const delete_idempotency_keys = {
  name: 'access_delete_idempotency_keys',
  text: `delete from idempotency_keys k using (
    select merchant_id, livemode, key from idempotency_keys where created_at < $1 order by created_at limit $2 for update skip locked
  ) old where (k.merchant_id, k.livemode, k.key) = (old.merchant_id, old.livemode, old.key) returning 1 as gone`,
};

export const deleteIdempotencyKeys = async (ctx: Ctx, before: Date, rows_max: number): Promise<number> =>
  (await ctx.db.run(delete_idempotency_keys, [before, rows_max])).length;
