import type { PlateChangeKind, PlateState } from '@heliu/contract';
import { type Kysely, sql } from 'kysely';
import type { Fen } from '../../kernel/money.ts';
import type { Ctx } from '../../platform/ctx.ts';
import type { Tables } from '../../platform/db/tables.gen.ts';
import { type DayUse, type Plate, settingsOf } from './plate.ts';

/** Tables: plate_batches, plates, plate_changes, plate_taps. */

const columns = [
  'merchant_id',
  'id',
  'livemode',
  'batch_id',
  'serial_no',
  'code',
  'state',
  'store_id',
  'terminal_id',
  'subject',
  'fixed_amount_fen',
  'amount_fen_max',
  'daily_amount_fen_max',
  'daily_count_max',
  'remark',
  'created_at',
  'version',
] as const satisfies readonly (keyof Plate)[];

export type PlateKey = { readonly merchant_id: string; readonly livemode: boolean; readonly id: string };
export type BatchRow = PlateKey & { readonly name: string; readonly count: number; readonly created_at: Date };

export async function findPlate(db: Kysely<Tables>, { merchant_id, livemode, id }: PlateKey): Promise<Plate | undefined> {
  const row = await db
    .selectFrom('plates')
    .select(columns)
    .where('merchant_id', '=', merchant_id)
    .where('livemode', '=', livemode)
    .where('id', '=', id)
    .executeTakeFirst();
  return row as Plate | undefined;
}

/** By what its QR code says. */
export async function findByCode(ctx: Ctx, code: string): Promise<Plate | undefined> {
  return (await ctx.db.kysely.selectFrom('plates').select(columns).where('code', '=', code).executeTakeFirst()) as Plate | undefined;
}

export type PlateFilter = Omit<PlateKey, 'id'> & {
  readonly plate_batch_id?: string | undefined;
  readonly store_id?: string | undefined;
  readonly terminal_id?: string | undefined;
  readonly state?: PlateState | undefined;
  readonly before_id: string | undefined;
  readonly limit: number;
};

/** Newest first. */
export async function listPlates(ctx: Ctx, filter: PlateFilter): Promise<Plate[]> {
  const { merchant_id, livemode, plate_batch_id, before_id, limit, ...rest } = filter;
  let query = ctx.db.kysely.selectFrom('plates').select(columns).where('merchant_id', '=', merchant_id).where('livemode', '=', livemode);
  if (plate_batch_id !== undefined) query = query.where('batch_id', '=', plate_batch_id);
  for (const column of ['store_id', 'terminal_id', 'state'] as const) {
    const value = rest[column];
    if (value !== undefined) query = query.where(column, '=', value);
  }
  if (before_id !== undefined) query = query.where('id', '<', before_id);
  return (await query.orderBy('id', 'desc').limit(limit).execute()) as Plate[];
}

/** All plates of a batch in the order of their numbers: at most a thousand. */
export async function platesOfBatch(ctx: Ctx, { merchant_id, livemode, id }: PlateKey): Promise<Plate[]> {
  const query = ctx.db.kysely.selectFrom('plates').select(columns).where('merchant_id', '=', merchant_id).where('livemode', '=', livemode);
  return (await query.where('batch_id', '=', id).orderBy('serial_no').execute()) as Plate[];
}

export function findBatch(ctx: Ctx, { merchant_id, livemode, id }: PlateKey): Promise<BatchRow | undefined> {
  return ctx.db.kysely
    .selectFrom('plate_batches')
    .select(['merchant_id', 'id', 'livemode', 'name', 'count', 'created_at'])
    .where('merchant_id', '=', merchant_id)
    .where('livemode', '=', livemode)
    .where('id', '=', id)
    .executeTakeFirst();
}

/** How many plates the merchant has, until the transaction ends: its row is locked and stands for the count. */
export async function countLocked(tx: Kysely<Tables>, merchant_id: string, livemode: boolean): Promise<number> {
  await tx.selectFrom('merchants').select('id').where('id', '=', merchant_id).forUpdate().execute();
  const { count } = await tx
    .selectFrom('plates')
    .select(({ fn }) => fn.countAll<bigint>().as('count'))
    .where('merchant_id', '=', merchant_id)
    .where('livemode', '=', livemode)
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** Writes a batch with its plates unless the merchant would have too many. */
export async function insertBatch(tx: Kysely<Tables>, batch: BatchRow, plates: readonly Plate[], plates_max: number): Promise<boolean> {
  const { merchant_id, livemode } = batch;
  if ((await countLocked(tx, merchant_id, livemode)) + plates.length > plates_max) return false;
  await tx.insertInto('plate_batches').values(batch).execute();
  const rows = JSON.stringify(plates.map(({ id, serial_no, code }) => ({ id, serial_no, code })));
  await sql`insert into plates (merchant_id, id, livemode, batch_id, serial_no, code, created_at)
    select ${merchant_id}, x.id, ${livemode}, ${batch.id}, x.serial_no, x.code, ${batch.created_at}
    from jsonb_to_recordset(${rows}::jsonb) as x(id text, serial_no integer, code text)`.execute(tx);
  return true;
}

export type PlateWrite = { readonly plate: Plate; readonly change: PlateChangeKind; readonly api_key_id: string; readonly at: Date };

/** Writes a plate over the version before with a line of its history; false when another change came first. */
export async function writePlate(tx: Kysely<Tables>, { plate, change, api_key_id, at }: PlateWrite): Promise<boolean> {
  const { merchant_id, id, version, state, store_id, terminal_id, subject, fixed_amount_fen, amount_fen_max, daily_amount_fen_max, daily_count_max, remark } =
    plate;
  const { numUpdatedRows } = await tx
    .updateTable('plates')
    .set({ state, store_id, terminal_id, subject, fixed_amount_fen, amount_fen_max, daily_amount_fen_max, daily_count_max, remark, version })
    .where('merchant_id', '=', merchant_id)
    .where('id', '=', id)
    .where('version', '=', version - 1)
    .executeTakeFirst();
  if (numUpdatedRows !== 1n) return false;
  const settings = JSON.stringify(settingsOf(plate));
  await tx.insertInto('plate_changes').values({ merchant_id, plate_id: id, version, change, state, store_id, terminal_id, settings, api_key_id, at }).execute();
  return true;
}

export type ChangeRow = {
  readonly version: number;
  readonly change: PlateChangeKind;
  readonly state: PlateState;
  readonly store_id: string | null;
  readonly terminal_id: string | null;
  /** Null where the operator did it. */
  readonly api_key_id: string | null;
  readonly at: Date;
};

/** Newest first, from the one before `before`. */
export async function listChanges(ctx: Ctx, { merchant_id, id }: PlateKey, before: number | undefined, limit: number): Promise<ChangeRow[]> {
  let query = ctx.db.kysely
    .selectFrom('plate_changes')
    .select(['version', 'change', 'state', 'store_id', 'terminal_id', 'api_key_id', 'at'])
    .where('merchant_id', '=', merchant_id)
    .where('plate_id', '=', id);
  if (before !== undefined) query = query.where('version', '<', before);
  return (await query.orderBy('version', 'desc').limit(limit).execute()) as ChangeRow[];
}

export type TapRow = {
  readonly merchant_id: string;
  readonly plate_id: string;
  readonly livemode: boolean;
  readonly merchant_order_no: string;
  readonly biz_date: string;
  readonly amount_fen: Fen;
  readonly created_at: Date;
};

/** Holds a plate until the transaction ends: taps of one plate are counted one after the other. */
export async function lockPlate(tx: Kysely<Tables>, { merchant_id, id }: Pick<PlateKey, 'merchant_id' | 'id'>): Promise<Plate | undefined> {
  const query = tx.selectFrom('plates').select(columns).where('merchant_id', '=', merchant_id).where('id', '=', id);
  return (await query.forUpdate().executeTakeFirst()) as Plate | undefined;
}

/** The place that this tap has taken before. */
export async function findTap(tx: Kysely<Tables>, { merchant_id, plate_id, merchant_order_no }: TapRow): Promise<Pick<TapRow, 'amount_fen'> | undefined> {
  const query = tx.selectFrom('plate_taps').select('amount_fen').where('merchant_id', '=', merchant_id).where('plate_id', '=', plate_id);
  return (await query.where('merchant_order_no', '=', merchant_order_no).executeTakeFirst()) as Pick<TapRow, 'amount_fen'> | undefined;
}

/** What a plate has taken on a day. A payment that was closed unpaid gives its part back; one that is not made yet keeps it. */
export async function dayUse(tx: Kysely<Tables>, { merchant_id, plate_id, biz_date }: TapRow): Promise<DayUse> {
  const { rows } = await sql<{ amount_fen: string; count: number }>`
    select coalesce(sum(t.amount_fen), 0)::text as amount_fen, count(*)::integer as count from plate_taps t
    left join payments p on p.merchant_id = t.merchant_id and p.livemode = t.livemode and p.merchant_order_no = t.merchant_order_no
    where t.merchant_id = ${merchant_id} and t.plate_id = ${plate_id} and t.biz_date = ${biz_date} and p.state is distinct from 'closed'`.execute(tx);
  return { amount_fen: BigInt(rows[0]?.amount_fen ?? 0) as Fen, count: rows[0]?.count ?? 0 };
}

export const insertTap = async (tx: Kysely<Tables>, tap: TapRow): Promise<void> => void (await tx.insertInto('plate_taps').values(tap).execute());

/** Forgets a tap that made no payment. */
export async function deleteTap(ctx: Ctx, { merchant_id, livemode, plate_id, merchant_order_no }: TapRow): Promise<void> {
  await sql`delete from plate_taps where merchant_id = ${merchant_id} and plate_id = ${plate_id} and merchant_order_no = ${merchant_order_no}
    and not exists (select 1 from payments where merchant_id = ${merchant_id} and livemode = ${livemode} and merchant_order_no = ${merchant_order_no})`.execute(
    ctx.db.kysely,
  );
}
