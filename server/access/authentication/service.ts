import { createPublicKey } from 'node:crypto';
import { isId } from '../../kernel/id.ts';
import {
  api_key_cache_max,
  api_key_cache_ms_max,
  key_guesses_burst,
  key_guesses_per_s,
  rate_limit_burst_s,
  rate_limit_keys_max,
  signature_window_s,
} from '../../kernel/limits.ts';
import { RefusalError, refuse } from '../../kernel/refusal.ts';
import { addMs } from '../../kernel/time.ts';
import type { Caller } from '../../platform/caller.ts';
import type { Ctx } from '../../platform/ctx.ts';
import type { Authenticate, Authenticated, Credentials } from '../../platform/http/edge.ts';
import { hashApiKeySecret, isKeyGood, type KnownKey, readEd25519PublicKey } from '../api-key.ts';
import { type CachedKey, createKeyCache } from '../key-cache.ts';
import { createRateLimit } from '../rate-limit.ts';
import { isBodyOf, isSigned, isSignedBy, isTimely, readSignature, type SignatureClaim } from '../signature.ts';
import { findKeyByHash, findKeyById, insertNonce } from '../store.ts';

/**
 * Authentication of the merchant API: an API key, or a request signature. Every failure gives the same `unauthenticated`;
 * only a caller who has proven to hold a key is told more.
 */
export function createAuthenticate(ctx: Ctx): Authenticate {
  const findKey = createKeyFinder(ctx);
  const rate_per_s = ctx.config.rate_limit_per_s;
  const rate_limit = createRateLimit({ rate_per_s, burst: Math.max(1, rate_per_s * rate_limit_burst_s), names_max: rate_limit_keys_max });
  return async (credentials) => {
    const signed = isSigned(credentials.headers);
    const { entry, ...rest } = signed ? await authenticateSignature(ctx, findKey, credentials) : await authenticateBearer(ctx, findKey, credentials);
    if (entry.key.merchant_state !== 'active') throw new RefusalError(refuse('merchant_suspended'));
    if (entry.key.signature_required && !signed) throw new RefusalError(refuse('signature_required'));
    const wait_ms = rate_limit.take(entry.key.id, ctx.clock.monotonic_ms());
    if (wait_ms > 0) throw rateLimited(wait_ms);
    return { caller: entry.caller, ...rest };
  };
}

type Found = Omit<Authenticated, 'caller'> & { readonly entry: CachedKey };
type KeyFinder = {
  readonly byHash: (hash: Buffer, address: string) => Promise<CachedKey | undefined>;
  readonly byId: (api_key_id: string, address: string) => Promise<CachedKey | undefined>;
};

const bearer_form = /^bearer ([\x21-\x7e]+)$/i;

async function authenticateBearer(ctx: Ctx, findKey: KeyFinder, { headers, address }: Credentials): Promise<Found> {
  const secret = bearer_form.exec(headers.authorization ?? '')?.[1];
  if (secret === undefined) throw unauthenticated(ctx, 'no_credentials');
  const hash = hashApiKeySecret(secret);
  if (hash === undefined) throw unauthenticated(ctx, 'malformed');
  // Found by a hash of 256 random bits: how long the look-up takes tells nothing of any key.
  const entry = await findKey.byHash(hash, address);
  if (entry === undefined) throw unauthenticated(ctx, 'unknown_key');
  if (!isKeyGood(entry.key, ctx.clock.now())) throw unauthenticated(ctx, 'key_not_good');
  return { entry };
}

/** An unknown key id costs the same verification as a known one, against this key (RFC 8032, 7.1, test 1), which fails. */
const nobodys_key = createPublicKey({
  key: Buffer.from('302a300506032b6570032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex'),
  format: 'der',
  type: 'spki',
});

async function authenticateSignature(ctx: Ctx, findKey: KeyFinder, { method, target, headers, address }: Credentials): Promise<Found> {
  // With a key beside it, it would be open which of the two speaks.
  const claim = headers.authorization === undefined ? readSignature({ method, target, headers, public_url: ctx.config.public_url }) : undefined;
  if (claim === undefined) throw unauthenticated(ctx, 'malformed');
  const entry = isId('api_key', claim.keyid) ? await findKey.byId(claim.keyid, address) : undefined;
  const good = isSignedBy(claim, entry?.public_key ?? nobodys_key);
  if (entry?.public_key === undefined) throw unauthenticated(ctx, 'unknown_key');
  if (!good) throw unauthenticated(ctx, 'wrong_signature');
  if (!isKeyGood(entry.key, ctx.clock.now())) throw unauthenticated(ctx, 'key_not_good');
  if (!isTimely(claim, ctx.clock.now(), signature_window_s)) throw new RefusalError(refuse('signature_expired'));
  return {
    entry,
    checkBody: (body) => {
      if (!isBodyOf(claim, body)) throw unauthenticated(ctx, 'wrong_body');
    },
    admit: () => admitOnce(ctx, entry.caller, claim),
  };
}

/** Takes a nonce once. After the window the signature is too old, so nothing has to be remembered for longer. */
async function admitOnce(ctx: Ctx, { merchant_id, api_key_id }: Caller, claim: SignatureClaim): Promise<void> {
  const expires_at = addMs(new Date(claim.created_s * 1000), signature_window_s * 1000);
  const first = await insertNonce(ctx, { merchant_id, api_key_id, nonce: claim.nonce, expires_at });
  if (!first) throw new RefusalError(refuse('signature_replayed'));
}

type Failure = 'no_credentials' | 'malformed' | 'unknown_key' | 'key_not_good' | 'wrong_signature' | 'wrong_body';

/** One answer for all; what it was is counted for the operator. */
function unauthenticated(ctx: Ctx, reason: Failure): RefusalError {
  ctx.metrics.count('heliu_authentication_failures_total', { reason });
  return new RefusalError(refuse('unauthenticated'));
}

const rateLimited = (wait_ms: number) => new RefusalError(refuse('rate_limited', undefined, { retry_after_s: Math.ceil(wait_ms / 1000) }));

/**
 * Keys from memory, read on a miss. Memory is believed only while news of changes arrives, so that a revoked key or a
 * suspended merchant stops at once on every node.
 */
function createKeyFinder(ctx: Ctx): KeyFinder {
  const cache = createKeyCache({ entries_max: api_key_cache_max, age_ms_max: api_key_cache_ms_max });
  ctx.changes.on('api_keys', cache.dropKey);
  ctx.changes.on('merchants', cache.dropMerchant);
  ctx.changes.onReset(cache.dropAll);
  const guesses = createRateLimit({ rate_per_s: key_guesses_per_s, burst: key_guesses_burst, names_max: rate_limit_keys_max });
  const find = async (name: string, address: string, read: () => Promise<KnownKey | undefined>): Promise<CachedKey | undefined> => {
    const believable = ctx.changes.connected();
    const known = believable ? cache.find(name, ctx.clock.monotonic_ms()) : undefined;
    if (known !== undefined) return known ?? undefined;
    // Whoever guesses must not be able to keep out a good key that comes from the same address.
    const is_guess = !cache.wasKey(name);
    const wait_ms = is_guess ? guesses.take(address, ctx.clock.monotonic_ms()) : 0;
    if (wait_ms > 0) throw rateLimited(wait_ms);
    const generation = cache.generation();
    const key = await read();
    if (key && is_guess) guesses.giveBack(address);
    const entry = key && worked(key, ctx.clock.monotonic_ms());
    if (believable) cache.store(name, entry ?? null, generation);
    return entry;
  };
  return {
    byHash: (hash, address) => find(hash.toString('base64'), address, () => findKeyByHash(ctx, hash)),
    byId: (api_key_id, address) => find(api_key_id, address, () => findKeyById(ctx, api_key_id)),
  };
}

function worked(key: KnownKey, read_ms: number): CachedKey {
  const { id: api_key_id, merchant_id, livemode, scopes, ed25519_public_key } = key;
  return {
    key,
    caller: { merchant_id, livemode, api_key_id, scopes },
    public_key: ed25519_public_key === null ? undefined : readEd25519PublicKey(ed25519_public_key),
    read_ms,
  };
}
