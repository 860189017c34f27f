import type { DeviceState } from '@heliu/contract';
import { type Kysely, sql } from 'kysely';
import type { Fen } from '../../kernel/money.ts';
import type { Ctx } from '../../platform/ctx.ts';
import type { Tables } from '../../platform/db/tables.gen.ts';
import type { Device } from './device.ts';

/** Tables: pairing_codes, devices, supervisor_pins, device_refunds. */

const columns = ['merchant_id', 'id', 'livemode', 'store_id', 'terminal_id', 'name', 'refund_fen_max', 'state', 'created_at', 'revoked_at'] as const;

export type PairingRow = {
  readonly merchant_id: string;
  readonly terminal_id: string;
  readonly livemode: boolean;
  readonly secret_hash: Buffer;
  readonly refund_fen_max: Fen;
  readonly expires_at: Date;
};

/** The one open code of a terminal. */
export const putPairingCode = async (tx: Kysely<Tables>, row: PairingRow): Promise<void> => {
  const { secret_hash, refund_fen_max, expires_at } = row;
  await tx
    .insertInto('pairing_codes')
    .values(row)
    .onConflict((conflict) => conflict.columns(['merchant_id', 'terminal_id']).doUpdateSet({ secret_hash, refund_fen_max, expires_at }))
    .execute();
};

/** Takes a code that is still good: of two devices that type it, one has it. */
export async function takePairingCode(tx: Kysely<Tables>, secret_hash: Buffer, now: Date): Promise<Omit<PairingRow, 'secret_hash'> | undefined> {
  return (await tx
    .deleteFrom('pairing_codes')
    .where('secret_hash', '=', secret_hash)
    .where('expires_at', '>', now)
    .returning(['merchant_id', 'terminal_id', 'livemode', 'refund_fen_max', 'expires_at'])
    .executeTakeFirst()) as Omit<PairingRow, 'secret_hash'> | undefined;
}

export const insertDevice = async (tx: Kysely<Tables>, device: Device & { readonly secret_hash: Buffer }): Promise<void> =>
  void (await tx.insertInto('devices').values(device).execute());

const find_by_hash = { name: 'devices_by_hash', text: `select ${columns.join(', ')} from devices where secret_hash = $1` };

/** Read for each request, so that a revoked device is refused at once on every node. */
export const findByHash = async (ctx: Ctx, secret_hash: Buffer): Promise<Device | undefined> => (await ctx.db.run<Device>(find_by_hash, [secret_hash]))[0];

type DeviceKey = { readonly merchant_id: string; readonly livemode: boolean; readonly id: string };

/** Revokes a device; gives it as it is then, and undefined when there is none. */
export async function revokeDevice(ctx: Ctx, { merchant_id, livemode, id }: DeviceKey, now: Date): Promise<Device | undefined> {
  const row = await ctx.db.kysely
    .updateTable('devices')
    .set((eb) => ({ state: 'revoked', revoked_at: eb.fn.coalesce('revoked_at', eb.val(now)) }))
    .where('merchant_id', '=', merchant_id)
    .where('livemode', '=', livemode)
    .where('id', '=', id)
    .returning(columns)
    .executeTakeFirst();
  return row as Device | undefined;
}

export type DeviceFilter = {
  readonly merchant_id: string;
  readonly livemode: boolean;
  readonly terminal_id?: string | undefined;
  readonly state?: DeviceState | undefined;
  readonly before_id: string | undefined;
  readonly limit: number;
};

/** Newest first. */
export async function listDevices(ctx: Ctx, { merchant_id, livemode, terminal_id, state, before_id, limit }: DeviceFilter): Promise<Device[]> {
  let query = ctx.db.kysely.selectFrom('devices').select(columns).where('merchant_id', '=', merchant_id).where('livemode', '=', livemode);
  if (terminal_id !== undefined) query = query.where('terminal_id', '=', terminal_id);
  if (state !== undefined) query = query.where('state', '=', state);
  if (before_id !== undefined) query = query.where('id', '<', before_id);
  return (await query.orderBy('id', 'desc').limit(limit).execute()) as Device[];
}

export type PinRow = { readonly merchant_id: string; readonly store_id: string; readonly pin_hash: Buffer; readonly salt: Buffer; readonly set_at: Date };

/** A new PIN begins without failures. */
export async function putPin(ctx: Ctx, row: PinRow): Promise<void> {
  const { pin_hash, salt, set_at } = row;
  await ctx.db.kysely
    .insertInto('supervisor_pins')
    .values(row)
    .onConflict((conflict) => conflict.columns(['merchant_id', 'store_id']).doUpdateSet({ pin_hash, salt, set_at, failures: 0, locked_until: null }))
    .execute();
}

type StoreKey = Pick<PinRow, 'merchant_id' | 'store_id'>;
export type PinTry = Pick<PinRow, 'pin_hash' | 'salt'> & { readonly locked_until: Date | null };

/**
 * Counts a try before it is compared, so that a hundred at the same time are a hundred. The last one that is allowed locks
 * the store; when the lock is over, the count begins again. Undefined when the store has no PIN.
 */
export async function beginPinTry(
  ctx: Ctx,
  { merchant_id, store_id }: StoreKey,
  limits: { now: Date; failures_max: number; locked_until: Date },
): Promise<PinTry | undefined> {
  const { now, failures_max, locked_until } = limits;
  const { rows } = await sql<PinTry & { was_locked_until: Date | null }>`
    with before as (select * from supervisor_pins where merchant_id = ${merchant_id} and store_id = ${store_id} for update),
    counted as (
      update supervisor_pins p set
        failures = case when b.locked_until is not null then 1 else b.failures + 1 end,
        locked_until = case when b.locked_until is null and b.failures + 1 >= ${failures_max}::integer then ${locked_until}::timestamptz end
      from before b where p.merchant_id = b.merchant_id and p.store_id = b.store_id and (b.locked_until is null or b.locked_until <= ${now})
    )
    select pin_hash, salt, case when locked_until > ${now} then locked_until end as locked_until from before`.execute(ctx.db.kysely);
  return rows[0];
}

/** A right PIN forgives the wrong ones before it. */
export async function forgivePin(ctx: Ctx, { merchant_id, store_id }: StoreKey): Promise<void> {
  const forgiven = { failures: 0, locked_until: null };
  await ctx.db.kysely.updateTable('supervisor_pins').set(forgiven).where('merchant_id', '=', merchant_id).where('store_id', '=', store_id).execute();
}

export type DeviceRefund = { readonly merchant_refund_no: string; readonly biz_date: string; readonly amount_fen: Fen };

/**
 * Takes a refund's part of its device's day, once. Refunds of one device wait for each other here. `full` when it does not
 * fit, `taken` when its number has the place of another amount.
 */
export function reserveRefund(ctx: Ctx, { merchant_id, id, refund_fen_max }: Device, refund: DeviceRefund): Promise<'reserved' | 'full' | 'taken'> {
  return ctx.db.kysely.transaction().execute(async (tx) => {
    await tx.selectFrom('devices').select('id').where('merchant_id', '=', merchant_id).where('id', '=', id).forUpdate().execute();
    const mine = tx.selectFrom('device_refunds').where('merchant_id', '=', merchant_id).where('device_id', '=', id);
    const before = await mine.select('amount_fen').where('merchant_refund_no', '=', refund.merchant_refund_no).executeTakeFirst();
    if (before) return BigInt(before.amount_fen) === refund.amount_fen ? 'reserved' : 'taken';
    const rows = await mine.select('amount_fen').where('biz_date', '=', refund.biz_date).execute();
    const used = rows.reduce((sum, { amount_fen }) => sum + BigInt(amount_fen), 0n);
    if (used + refund.amount_fen > refund_fen_max) return 'full';
    await tx
      .insertInto('device_refunds')
      .values({ merchant_id, device_id: id, ...refund })
      .execute();
    return 'reserved';
  });
}

/** Gives a refund's part back when no refund was made. */
export async function releaseRefund(ctx: Ctx, { merchant_id, id, livemode }: Device, merchant_refund_no: string): Promise<void> {
  await sql`delete from device_refunds where merchant_id = ${merchant_id} and device_id = ${id} and merchant_refund_no = ${merchant_refund_no}
    and not exists (select 1 from refunds where merchant_id = ${merchant_id} and livemode = ${livemode} and merchant_refund_no = ${merchant_refund_no})`.execute(
    ctx.db.kysely,
  );
}
