import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import type { Rng } from '../../kernel/rng.ts';

/**
 * Field encryption: AES-256-GCM with a data key that is wrapped by the master key outside the database. The associated
 * data binds a ciphertext to its table, column, row and merchant: it opens nowhere else.
 */
export type Vault = {
  seal(plain: string | Buffer, place: SealedPlace): Buffer;
  /** Throws when the place differs or a byte was changed. */
  open(sealed: Buffer, place: SealedPlace): string;
  /** The same for what was sealed as bytes. */
  openBytes(sealed: Buffer, place: SealedPlace): Buffer;
};
export type SealedPlace = { readonly table: string; readonly column: string; readonly merchant_id: string; readonly row: string };

/** A sealed value does not open: it was changed, moved, or its key is not ours. The text says nothing of the content. */
export class VaultError extends Error {
  override readonly name = 'VaultError';
}

/** The opened data keys; `active` seals, the others only open what they once sealed. */
export type Keyring = { readonly active: string; readonly keys: ReadonlyMap<string, KeyObject> };

/*
 * A sealed value: version (1 byte), key id (30 bytes, ASCII), nonce (12), ciphertext, tag (16).
 * One key seals far fewer than 2^32 values, so random 96-bit nonces do not meet (NIST SP 800-38D, 8.3).
 */
const version = 1;
const key_id_bytes = 30;
const nonce_bytes = 12;
const tag_bytes = 16;
const header_bytes = 1 + key_id_bytes + nonce_bytes;

/** The vault over data keys that are open already. */
export function createVault(keyring: Keyring, rng: Rng): Vault {
  return {
    seal: (plain, place) => seal(keyring, rng, plain, place),
    open: (sealed, place) => open(keyring, sealed, place).toString('utf8'),
    openBytes: (sealed, place) => open(keyring, sealed, place),
  };
}

function seal(keyring: Keyring, rng: Rng, plain: string | Buffer, place: SealedPlace): Buffer {
  const key = keyring.keys.get(keyring.active);
  if (!key) throw new VaultError(`data key ${keyring.active} is not open`);
  const nonce = rng.bytes(nonce_bytes);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tag_bytes });
  cipher.setAAD(associatedData(keyring.active, place));
  return Buffer.concat([
    Buffer.of(version),
    Buffer.from(keyring.active, 'latin1'),
    nonce,
    cipher.update(typeof plain === 'string' ? Buffer.from(plain, 'utf8') : plain),
    cipher.final(),
    cipher.getAuthTag(),
  ]);
}

function open(keyring: Keyring, sealed: Buffer, place: SealedPlace): Buffer {
  const where = `${place.table}.${place.column} of ${place.row}`;
  if (sealed.length < header_bytes + tag_bytes || sealed[0] !== version) throw new VaultError(`${where}: not a sealed value`);
  const key_id = sealed.toString('latin1', 1, 1 + key_id_bytes);
  const key = keyring.keys.get(key_id);
  if (!key) throw new VaultError(`${where}: sealed with a data key that is not open here`);
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(1 + key_id_bytes, header_bytes), { authTagLength: tag_bytes });
  decipher.setAAD(associatedData(key_id, place));
  decipher.setAuthTag(sealed.subarray(-tag_bytes));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(header_bytes, -tag_bytes)), decipher.final()]);
  } catch {
    throw new VaultError(`${where}: changed, or sealed for another place`);
  }
}

/** A JSON array: no two places give the same text, whatever characters their parts hold. */
const associatedData = (key_id: string, place: SealedPlace): Buffer =>
  Buffer.from(JSON.stringify([version, key_id, place.table, place.column, place.merchant_id, place.row]), 'utf8');

/** A data key as the vault uses it; a KeyObject does not print. */
export const dataKey = (bytes: Buffer): KeyObject => createSecretKey(bytes);
