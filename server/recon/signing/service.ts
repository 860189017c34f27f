import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { canonicalJson } from '../../kernel/digest.ts';
import { newId } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/ctx.ts';
import * as store from './store.ts';

/** What was signed, and all that is needed to see that it is still that. */
export type Signed = { readonly statement: object; readonly signature: Buffer; readonly public_key: string };

/** Signs a statement, as canonical JSON, with the merchant's key, which is made when it is first needed. */
export async function signStatement(
  ctx: Ctx,
  merchant_id: string,
  statement: object,
): Promise<{ readonly signature: Buffer; readonly signing_key_id: string }> {
  const { id, key } = await signingKey(ctx, merchant_id);
  return { signature: sign(null, Buffer.from(canonicalJson(statement)), key), signing_key_id: id };
}

/** Is the statement the one that was signed? Needs nothing but the row and the public key. */
export const isSigned = ({ statement, signature, public_key }: Signed): boolean =>
  verify(null, Buffer.from(canonicalJson(statement)), createPublicKey({ key: Buffer.from(public_key, 'base64'), format: 'der', type: 'spki' }), signature);

/** PKCS#8 of an Ed25519 key up to its 32 bytes (RFC 8410). */
const ed25519_pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const placeOf = (merchant_id: string, id: string) => ({ table: 'recon_signing_keys', column: 'private_key_sealed', merchant_id, row: id });

async function signingKey(ctx: Ctx, merchant_id: string): Promise<{ id: string; key: KeyObject }> {
  const known = await store.findSigningKey(ctx, merchant_id);
  if (known) {
    const der = ctx.vault.openBytes(known.private_key_sealed, placeOf(merchant_id, known.id));
    return { id: known.id, key: createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }) };
  }
  const now = ctx.clock.now();
  const id = newId('signing_key', now, ctx.rng);
  const der = Buffer.concat([ed25519_pkcs8, ctx.rng.bytes(32)]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const public_key = createPublicKey(key).export({ format: 'der', type: 'spki' }).toString('base64');
  await store.insertSigningKey(ctx, merchant_id, { id, public_key, private_key_sealed: ctx.vault.seal(der, placeOf(merchant_id, id)) }, now);
  return { id, key };
}
