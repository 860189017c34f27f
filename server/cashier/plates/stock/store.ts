import { type Kysely, sql } from 'kysely';
import type { Ctx } from '../../../platform/ctx.ts';
import type { Tables } from '../../../platform/db/tables.gen.ts';
import { type Plate, settingsOf } from '../plate.ts';
import { countLocked } from '../store.ts';
import type { StockBatch, StockPlate } from './stock.ts';

/** Tables: plate_stock_batches, plate_stock; gives rows to plate_batches, plates and plate_changes of the same module. */

const columns = ['id', 'livemode', 'batch_id', 'serial_no', 'stock_no', 'code', 'merchant_id', 'given_at'] as const satisfies readonly (keyof StockPlate)[];

export async function insertStock(tx: Kysely<Tables>, batch: StockBatch, plates: readonly (StockPlate & { readonly claim_hash: Buffer })[]): Promise<void> {
  await tx.insertInto('plate_stock_batches').values(batch).execute();
  const rows = JSON.stringify(plates.map(({ claim_hash, ...plate }) => ({ ...plate, claim_hash: claim_hash.toString('hex') })));
  await sql`insert into plate_stock (id, livemode, batch_id, serial_no, stock_no, code, claim_hash)
    select x.id, ${batch.livemode}, ${batch.id}, x.serial_no, x.stock_no, x.code, decode(x.claim_hash, 'hex')
    from jsonb_to_recordset(${rows}::jsonb) as x(id text, serial_no integer, stock_no text, code text, claim_hash text)`.execute(tx);
}

export type BatchInStock = StockBatch & { /** How many are nobody's yet. */ readonly in_stock: number };

/** Newest first. */
export async function listBatches(ctx: Ctx, limit: number): Promise<BatchInStock[]> {
  const { rows } = await sql<BatchInStock>`
    select b.*, (select count(*) from plate_stock s where s.batch_id = b.id and s.merchant_id is null)::integer as in_stock
    from plate_stock_batches b order by b.id desc limit ${limit}`.execute(ctx.db.kysely);
  return rows;
}

/** All plates of a batch in the order of their numbers: at most a thousand. */
export const platesOfBatch = (ctx: Ctx, batch_id: string): Promise<StockPlate[]> =>
  ctx.db.kysely.selectFrom('plate_stock').select(columns).where('batch_id', '=', batch_id).orderBy('serial_no').execute();

/** By what its QR code says. */
export const findByCode = (ctx: Ctx, code: string): Promise<StockPlate | undefined> =>
  ctx.db.kysely.selectFrom('plate_stock').select(columns).where('code', '=', code).executeTakeFirst();

/** Holds a plate of stock until the transaction ends: of two who claim it, the second sees whose it is. */
export const lockByNumber = (tx: Kysely<Tables>, livemode: boolean, stock_no: string): Promise<(StockPlate & { readonly claim_hash: Buffer }) | undefined> =>
  tx
    .selectFrom('plate_stock')
    .select([...columns, 'claim_hash'])
    .where('livemode', '=', livemode)
    .where('stock_no', '=', stock_no)
    .forUpdate()
    .executeTakeFirst();

/** Holds the plates of a span of numbers. */
export const lockSpan = (tx: Kysely<Tables>, batch_id: string, from: number, through: number): Promise<StockPlate[]> =>
  tx
    .selectFrom('plate_stock')
    .select(columns)
    .where('batch_id', '=', batch_id)
    .where('serial_no', '>=', from)
    .where('serial_no', '<=', through)
    .orderBy('serial_no')
    .forUpdate()
    .execute();

export type Giving = { readonly merchant_id: string; readonly change: 'claimed' | 'assigned'; readonly api_key_id: string | null; readonly at: Date };

/**
 * Makes plates of one batch a merchant's own, with a line of history each, unless the merchant would have too many. The
 * batch is the merchant's too, with as many plates as are theirs.
 */
export async function giveStock(
  tx: Kysely<Tables>,
  plates: readonly Plate[],
  { merchant_id, change, api_key_id, at }: Giving,
  plates_max: number,
): Promise<boolean> {
  const [first] = plates;
  if (!first) return true;
  const { batch_id, livemode } = first;
  if ((await countLocked(tx, merchant_id, livemode)) + plates.length > plates_max) return false;
  await sql`insert into plate_batches (merchant_id, id, livemode, name, count, created_at)
    select ${merchant_id}, id, livemode, name, ${plates.length}::integer, ${at} from plate_stock_batches where id = ${batch_id}
    on conflict (merchant_id, id) do update set count = plate_batches.count + excluded.count`.execute(tx);
  await tx
    .insertInto('plates')
    .values([...plates])
    .execute();
  const history = plates.map((plate) => ({
    merchant_id,
    plate_id: plate.id,
    version: plate.version,
    change,
    state: plate.state,
    settings: JSON.stringify(settingsOf(plate)),
    api_key_id,
    at,
  }));
  await tx.insertInto('plate_changes').values(history).execute();
  const ids = plates.map(({ id }) => id);
  await tx.updateTable('plate_stock').set({ merchant_id, given_at: at }).where('id', 'in', ids).execute();
  return true;
}
