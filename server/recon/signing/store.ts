import { sql } from 'kysely';
import type { Ctx } from '../../platform/ctx.ts';

export type SigningKeyRow = { readonly id: string; readonly public_key: string; readonly private_key_sealed: Buffer };

export async function findSigningKey(ctx: Ctx, merchant_id: string): Promise<SigningKeyRow | undefined> {
  const { rows } =
    await sql<SigningKeyRow>`select id, public_key, private_key_sealed from recon_signing_keys where merchant_id = ${merchant_id} order by id desc limit 1`.execute(
      ctx.db.kysely,
    );
  return rows[0];
}

export async function insertSigningKey(ctx: Ctx, merchant_id: string, key: SigningKeyRow, now: Date): Promise<void> {
  await sql`insert into recon_signing_keys (merchant_id, id, public_key, private_key_sealed, created_at) values (${merchant_id}, ${key.id}, ${key.public_key}, ${key.private_key_sealed}, ${now})`.execute(
    ctx.db.kysely,
  );
}
