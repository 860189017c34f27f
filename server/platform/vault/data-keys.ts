import { createCipheriv, createDecipheriv, hkdfSync, type KeyObject } from 'node:crypto';
import { type Kysely, sql, type Transaction } from 'kysely';
import { newId } from '../../kernel/id.ts';
import type { Rng } from '../../kernel/rng.ts';
import type { Secret } from '../../kernel/secret.ts';
import type { Clock } from '../../kernel/time.ts';
import type { Db } from '../db/db.ts';
import type { Tables } from '../db/tables.gen.ts';
import { dataKey, type Keyring, VaultError } from './vault.ts';

/** Data keys stay in the database, each wrapped (AES-256-GCM) by a key that is derived from the master key outside it. */
export type DataKeyOptions = { readonly db: Db; readonly clock: Clock; readonly rng: Rng; readonly master_key: Secret };

const data_key_bytes = 32;
const nonce_bytes = 12;
const tag_bytes = 16;
/** Any constant will do, as long as nothing else of ours takes it. */
const advisory_lock = 7_262_002;

/** Opens every data key, and makes the first one. Nodes that start together end with the same keys. */
export async function openDataKeys(options: DataKeyOptions): Promise<Keyring> {
  const master = readMasterKey(options.master_key);
  return await options.db.kysely.transaction().execute(async (trx) => {
    await lock(trx);
    const rows = await trx.selectFrom('data_keys').selectAll().orderBy('id').execute();
    const keys = new Map(rows.map((row) => [row.id, dataKey(unwrap(master, row))]));
    const active = rows.findLast((row) => row.state === 'active')?.id;
    if (active !== undefined) return { active, keys };
    const made = await insertDataKey(trx, options, master);
    return { active: made.id, keys: keys.set(made.id, made.key) };
  });
}

async function insertDataKey(trx: Transaction<Tables>, options: DataKeyOptions, master: MasterKey): Promise<{ id: string; key: KeyObject }> {
  const created_at = options.clock.now();
  const id = newId('data_key', created_at, options.rng);
  const bytes = options.rng.bytes(data_key_bytes);
  const row = { id, wrapped: wrap(master, id, bytes, options.rng), wrapping_key: master.fingerprint, created_at };
  await trx.insertInto('data_keys').values(row).execute();
  return { id, key: dataKey(bytes) };
}

/**
 * Wraps every data key anew when the master key changes; sealed values stay as they are. Run it with both keys at hand, then
 * restart the nodes with the new one. Keys that are wrapped by the new one already are left alone, so it may be repeated.
 */
export async function rewrapDataKeys(options: { readonly db: Db; readonly rng: Rng; readonly from: Secret; readonly to: Secret }): Promise<number> {
  const from = readMasterKey(options.from);
  const to = readMasterKey(options.to);
  return await options.db.kysely.transaction().execute(async (trx) => {
    await lock(trx);
    const rows = await trx.selectFrom('data_keys').selectAll().where('wrapping_key', '<>', to.fingerprint).execute();
    const rewrapped = rows.map((row) => wrap(to, row.id, unwrap(from, row), options.rng));
    if (rows.length === 0) return 0;
    const ids = rows.map((row) => row.id);
    await sql`
      update data_keys set wrapped = fresh.wrapped, wrapping_key = ${to.fingerprint}
      from unnest(${ids}::text[], ${rewrapped}::bytea[]) as fresh (id, wrapped) where data_keys.id = fresh.id`.execute(trx);
    return rows.length;
  });
}

const lock = (trx: Kysely<Tables>) => sql`select pg_advisory_xact_lock(${advisory_lock})`.execute(trx);

type MasterKey = { readonly wrapping: Buffer; readonly fingerprint: string };

/** Derives what wraps and what names the master key, so that its name tells nothing of it. */
function readMasterKey(secret: Secret): MasterKey {
  const bytes = Buffer.from(secret.expose(), 'base64');
  if (bytes.length !== data_key_bytes) throw new VaultError('the master key is not 32 bytes in base64');
  const derive = (purpose: string, length: number) => Buffer.from(hkdfSync('sha256', bytes, '', purpose, length));
  return { wrapping: derive('heliu/master-key/wrap/v1', 32), fingerprint: derive('heliu/master-key/name/v1', 8).toString('hex') };
}

/** Nonce (12 bytes), ciphertext, tag (16). */
function wrap(master: MasterKey, id: string, bytes: Buffer, rng: Rng): Buffer {
  const nonce = rng.bytes(nonce_bytes);
  const cipher = createCipheriv('aes-256-gcm', master.wrapping, nonce, { authTagLength: tag_bytes });
  cipher.setAAD(associatedData(master, id));
  return Buffer.concat([nonce, cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
}

function unwrap(master: MasterKey, row: { readonly id: string; readonly wrapped: Buffer; readonly wrapping_key: string }): Buffer {
  if (row.wrapping_key !== master.fingerprint) {
    throw new VaultError(
      `data key ${row.id} is wrapped by the master key named ${row.wrapping_key}, and HELIU_MASTER_KEY is the one named ${master.fingerprint}: restore the right one`,
    );
  }
  const decipher = createDecipheriv('aes-256-gcm', master.wrapping, row.wrapped.subarray(0, nonce_bytes), { authTagLength: tag_bytes });
  decipher.setAAD(associatedData(master, row.id));
  decipher.setAuthTag(row.wrapped.subarray(-tag_bytes));
  try {
    return Buffer.concat([decipher.update(row.wrapped.subarray(nonce_bytes, -tag_bytes)), decipher.final()]);
  } catch {
    throw new VaultError(`data key ${row.id} was changed in the database`);
  }
}

const associatedData = (master: MasterKey, id: string): Buffer => Buffer.from(JSON.stringify(['data_key', id, master.fingerprint]), 'utf8');
