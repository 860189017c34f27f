import type { Scope } from '@heliu/contract';
import { newId } from '../kernel/id.ts';
import { access_sweep_rows_max, api_keys_per_merchant_max, idempotency_days, signature_window_s } from '../kernel/limits.ts';
import { RefusalError, refuse } from '../kernel/refusal.ts';
import type { Secret } from '../kernel/secret.ts';
import { addMs } from '../kernel/time.ts';
import type { Ctx } from '../platform/ctx.ts';
import { type ApiKey, hashApiKeySecret, newApiKeySecret, readEd25519PublicKey } from './api-key.ts';
import { deleteIdempotencyKeys, deleteNonces, insertKey, listKeys, revokeKey } from './store.ts';

export type NewApiKey = {
  readonly merchant_id: string;
  readonly livemode: boolean;
  /** What the merchant calls it. */
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly expires_at?: Date;
  /** SPKI, base64. Requests signed with the private half need no secret on the wire. */
  readonly ed25519_public_key?: string;
};

/** Makes an API key. Its secret is given now and never again: only its hash is kept. */
export async function createApiKey(ctx: Ctx, input: NewApiKey): Promise<{ readonly api_key: ApiKey; readonly secret: Secret }> {
  const { ed25519_public_key = null, expires_at = null, ...rest } = input;
  if (ed25519_public_key !== null && !readEd25519PublicKey(ed25519_public_key)) {
    throw new RefusalError(
      refuse('parameter_invalid', 'ed25519_public_key', { expected: 'an Ed25519 public key (SPKI, base64)', expected_zh: '须为 Ed25519 公钥（SPKI，base64）' }),
    );
  }
  const secret = newApiKeySecret(input.livemode, ctx.rng);
  const now = ctx.clock.now();
  const api_key: ApiKey = {
    ...rest,
    id: newId('api_key', now, ctx.rng),
    last4: secret.expose().slice(-4),
    ed25519_public_key,
    state: 'active',
    created_at: now,
    expires_at,
    revoked_at: null,
  };
  const secret_hash = hashApiKeySecret(secret.expose()) as Buffer;
  const outcome = await insertKey(ctx, { ...api_key, secret_hash }, api_keys_per_merchant_max);
  if (outcome === 'no_merchant') throw new RefusalError(refuse('merchant_not_found', 'merchant_id'));
  if (outcome === 'too_many') throw new RefusalError(refuse('too_many_api_keys'));
  return { api_key, secret };
}

/** All keys of a merchant, newest first, revoked ones too. */
export const listApiKeys = (ctx: Ctx, merchant_id: string): Promise<ApiKey[]> => listKeys(ctx, merchant_id);

/** Revokes a key on every node within a second. Doing it again changes nothing. */
export async function revokeApiKey(ctx: Ctx, { merchant_id, api_key_id }: { readonly merchant_id: string; readonly api_key_id: string }): Promise<ApiKey> {
  const revoked = await revokeKey(ctx, merchant_id, api_key_id, ctx.clock.now());
  if (!revoked) throw new RefusalError(refuse('api_key_not_found'));
  return revoked;
}

/** A nonce is kept a little beyond its window, because the clocks of two nodes differ. */
const nonce_margin_ms = signature_window_s * 1000;

/** Deletes nonces and idempotency keys past their term, a bounded number at a time; tells whether there may be more. */
export async function sweepAccess(ctx: Ctx): Promise<{ readonly nonces: number; readonly idempotency_keys: number; readonly more: boolean }> {
  const now = ctx.clock.now();
  const nonces = await deleteNonces(ctx, addMs(now, -nonce_margin_ms), access_sweep_rows_max);
  const idempotency_keys = await deleteIdempotencyKeys(ctx, addMs(now, -idempotency_days * 86_400_000), access_sweep_rows_max);
  return { nonces, idempotency_keys, more: nonces === access_sweep_rows_max || idempotency_keys === access_sweep_rows_max };
}
