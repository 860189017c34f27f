import { createPublicKey, type KeyObject } from 'node:crypto';
import type { Scope } from '@heliu/contract';
import { sha256 } from '../kernel/digest.ts';
import type { Rng } from '../kernel/rng.ts';
import { Secret } from '../kernel/secret.ts';

/** 256 random bits, so that guessing is hopeless and a plain hash at rest is enough. */
const secret_bytes = 32;
const secret_form = /^sk_(?:test|live)_[A-Za-z0-9_-]{43}$/;

/** `sk_test_…` reaches the sandbox, `sk_live_…` real money; 43 base64url characters follow. */
export const newApiKeySecret = (livemode: boolean, rng: Rng): Secret =>
  new Secret(`sk_${livemode ? 'live' : 'test'}_${rng.bytes(secret_bytes).toString('base64url')}`);

/** What is stored and looked up: the hash of a text that has the form of a key, undefined of any other. */
export const hashApiKeySecret = (text: string): Buffer | undefined => (secret_form.test(text) ? sha256(text) : undefined);

/** An API key as its owner may see it. */
export type ApiKey = {
  readonly id: string;
  readonly merchant_id: string;
  readonly livemode: boolean;
  readonly name: string;
  /** The last four characters of the key, to tell keys apart. */
  readonly last4: string;
  readonly scopes: readonly Scope[];
  /** SPKI, base64: the public half of the key that signs requests. */
  readonly ed25519_public_key: string | null;
  readonly state: 'active' | 'revoked';
  readonly created_at: Date;
  readonly expires_at: Date | null;
  readonly revoked_at: Date | null;
};

/** What authentication knows of a key: the key itself, and of its merchant what decides. */
export type KnownKey = ApiKey & {
  readonly secret_hash: Buffer;
  readonly merchant_state: 'active' | 'suspended';
  readonly signature_required: boolean;
};

/** True while a key opens anything. A suspended merchant is told apart: its key is good, its business is not. */
export const isKeyGood = (key: Pick<ApiKey, 'state' | 'expires_at'>, now: Date): boolean =>
  key.state === 'active' && (key.expires_at === null || key.expires_at.getTime() > now.getTime());

/** Reads a public key for request signatures; undefined when the text is not the SPKI (base64) of an Ed25519 key. */
export function readEd25519PublicKey(text: string): KeyObject | undefined {
  try {
    const key = createPublicKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'spki' });
    return key.asymmetricKeyType === 'ed25519' ? key : undefined;
  } catch {
    return undefined;
  }
}
