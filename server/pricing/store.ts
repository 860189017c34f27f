import { type Kysely, sql } from 'kysely';
import type { Ctx } from '../platform/ctx.ts';
import type { Tables } from '../platform/db/tables.gen.ts';
import type { Volume } from './price-rule.ts';

/** Tables: prices, price_volumes. */

/** A price as the table has it. */
export type PriceRow = {
  readonly merchant_id: string;
  readonly id: string;
  readonly livemode: boolean;
  readonly channel: string | null;
  readonly method: string | null;
  readonly terms: unknown;
  readonly effective_from: Date;
  readonly created_at: Date;
};

export async function insertPrice(ctx: Ctx, row: PriceRow): Promise<void> {
  await ctx.db.kysely
    .insertInto('prices')
    .values({ ...row, terms: JSON.stringify(row.terms) })
    .execute();
}

/** Every price of these merchants, also those to come. */
export const readPrices = async (db: Kysely<Tables>, merchant_ids: readonly string[]): Promise<PriceRow[]> =>
  (
    await sql<PriceRow>`select merchant_id, id, livemode, channel, method, terms, effective_from, created_at from prices
    where merchant_id = any (${merchant_ids}::text[]) order by merchant_id, effective_from desc, id desc`.execute(db)
  ).rows;

export type PricePage = {
  readonly merchant_id: string;
  readonly livemode: boolean;
  readonly channel?: string | undefined;
  readonly method?: string | undefined;
  readonly before_id?: string | undefined;
  readonly limit: number;
};

/** By id, newest first: in the order in which they were set. */
export async function pagePrices(db: Kysely<Tables>, { merchant_id, livemode, channel, method, before_id, limit }: PricePage): Promise<PriceRow[]> {
  const where = [sql`merchant_id = ${merchant_id}`, sql`livemode = ${livemode}`];
  if (channel !== undefined) where.push(sql`channel = ${channel}`);
  if (method !== undefined) where.push(sql`method = ${method}`);
  if (before_id !== undefined) where.push(sql`id < ${before_id}`);
  const { rows } = await sql<PriceRow>`select merchant_id, id, livemode, channel, method, terms, effective_from, created_at from prices
    where ${sql.join(where, sql` and `)} order by id desc limit ${limit}`.execute(db);
  return rows;
}

/** What these prices had in each month, and the rows stay ours until the transaction ends. */
export const holdVolumes = async (tx: Kysely<Tables>, merchant_ids: readonly string[], price_ids: readonly string[]): Promise<Volume[]> =>
  (
    await sql<Volume>`select merchant_id, price_id, month, volume_fen from price_volumes
    where merchant_id = any (${merchant_ids}::text[]) and price_id = any (${price_ids}::text[]) order by merchant_id, price_id, month for update`.execute(tx)
  ).rows;

export async function writeVolumes(tx: Kysely<Tables>, volumes: readonly Volume[]): Promise<void> {
  if (volumes.length === 0) return;
  const rows = JSON.stringify(volumes.map((volume) => ({ ...volume, volume_fen: volume.volume_fen.toString() })));
  await sql`insert into price_volumes (merchant_id, price_id, month, volume_fen)
    select * from json_to_recordset(${rows}::json) as x (merchant_id text, price_id text, month text, volume_fen bigint)
    on conflict (merchant_id, price_id, month) do update set volume_fen = excluded.volume_fen`.execute(tx);
}
