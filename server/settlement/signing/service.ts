import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { newId } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/ctx.ts';

/** A key as a table has it. */
export type KeyRow = { readonly id: string; readonly public_key: Buffer; readonly private_key_sealed: Buffer; readonly created_at: Date };

/** Where the key of one owner is kept, and what its sealed half is bound to. */
export type KeyPlace = {
  readonly sealedAt: (id: string) => { readonly table: string; readonly column: string; readonly merchant_id: string; readonly row: string };
  readonly find: () => Promise<KeyRow | undefined>;
  /** The one that is there, or this one. */
  readonly keep: (fresh: KeyRow) => Promise<KeyRow>;
};

/** Signs in the name of one owner. */
export type Signer = { readonly id: string; readonly public_key: Buffer; readonly sign: (text: string) => Buffer };

/** The owner's signer, with a key that is made when it is first needed. */
export async function signerOf(ctx: Ctx, place: KeyPlace): Promise<Signer> {
  const row = (await place.find()) ?? (await place.keep(freshKey(ctx, place)));
  const key = privateKey(Buffer.from(ctx.vault.open(row.private_key_sealed, place.sealedAt(row.id)), 'base64'));
  return { id: row.id, public_key: row.public_key, sign: (text) => sign(null, Buffer.from(text), key) };
}

/** The DER of an Ed25519 private key, up to its 32 bytes (RFC 8410). */
const ed25519_pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const privateKey = (der: Buffer): KeyObject => createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });

function freshKey(ctx: Ctx, { sealedAt }: KeyPlace): KeyRow {
  const created_at = ctx.clock.now();
  const id = newId('statement_key', created_at, ctx.rng);
  const der = Buffer.concat([ed25519_pkcs8, ctx.rng.bytes(32)]);
  const public_key = createPublicKey(privateKey(der)).export({ type: 'spki', format: 'der' });
  return { id, public_key, private_key_sealed: ctx.vault.seal(der.toString('base64'), sealedAt(id)), created_at };
}
