import {
  type bindPlate as bindPlateOperation,
  createPlateBatch as createPlateBatchOperation,
  type disablePlate as disablePlateOperation,
  type enablePlate as enablePlateOperation,
  type Plate as PlateView,
  type updatePlate as updatePlateOperation,
} from '@heliu/contract';
import type { Kysely } from 'kysely';
import { newId } from '../../kernel/id.ts';
import { account_update_turns_max, plates_per_merchant_max } from '../../kernel/limits.ts';
import { isRefusal, type Refusal, RefusalError, refuse } from '../../kernel/refusal.ts';
import { bizDate } from '../../kernel/time.ts';
import { activeTerminalWithin } from '../../merchants/terminals/service.ts';
import type { Caller } from '../../platform/caller.ts';
import type { Ctx } from '../../platform/ctx.ts';
import { violatedConstraint } from '../../platform/db/db.ts';
import type { Tables } from '../../platform/db/tables.gen.ts';
import type { Call } from '../../platform/http/bind.ts';
import { type FrozenReply, type IdempotentCall, withReply } from '../../platform/idempotency/idempotency.ts';
import { decideBind, decideStep, decideUpdate, fitsDay, newCode, type Plate, type PlateDecision, plate_table } from './plate.ts';
import * as store from './store.ts';
import { viewPlate } from './view.ts';

/** Makes a batch of plates that are bound to nothing. */
export function createPlateBatch({ ctx, ...call }: Call<typeof createPlateBatchOperation>): Promise<FrozenReply> {
  const { caller, body } = call;
  return withReply({ ctx, ...call }, createPlateBatchOperation.id, async (tx) => {
    const created_at = ctx.clock.now();
    const { merchant_id, livemode } = caller;
    const batch: store.BatchRow = { merchant_id, id: newId('plate_batch', created_at, ctx.rng), livemode, name: body.name, count: body.count, created_at };
    const plates = Array.from({ length: body.count }, (_, at) => newPlate(ctx, batch, at + 1));
    if (!(await store.insertBatch(tx, batch, plates, plates_per_merchant_max))) throw new RefusalError(refuse('too_many_plates'));
    return { status: createPlateBatchOperation.status, body: viewBatch(batch), object_id: batch.id };
  });
}

const newPlate = (ctx: Ctx, { merchant_id, id, livemode, created_at }: store.BatchRow, serial_no: number): Plate => ({
  merchant_id,
  id: newId('plate', created_at, ctx.rng),
  livemode,
  batch_id: id,
  serial_no,
  code: newCode(ctx.rng),
  state: plate_table.initial,
  store_id: null,
  terminal_id: null,
  subject: null,
  fixed_amount_fen: null,
  amount_fen_max: null,
  daily_amount_fen_max: null,
  daily_count_max: null,
  remark: 'none',
  created_at,
  version: 1,
});

const viewBatch = ({ id, livemode, name, count, created_at }: store.BatchRow) => ({
  object: 'plate_batch' as const,
  id,
  livemode,
  name,
  count,
  created_at: created_at.toISOString(),
});

/** Binds stock, or binds a plate anew: printed codes outlive the devices and places that they stand for. */
export function bindPlate({ ctx, ...call }: Call<typeof bindPlateOperation>): Promise<FrozenReply> {
  const { terminal_id, ...settings } = call.body;
  return changePlate({ ctx, ...call }, call.params.plate_id, 'bind_plate', async (plate, tx) =>
    decideBind(plate, await activeTerminalWithin(tx, call.caller, terminal_id), settings),
  );
}

export const updatePlate = ({ ctx, ...call }: Call<typeof updatePlateOperation>): Promise<FrozenReply> =>
  changePlate({ ctx, ...call }, call.params.plate_id, 'update_plate', (plate) => decideUpdate(plate, call.body));

export const disablePlate = ({ ctx, ...call }: Call<typeof disablePlateOperation>): Promise<FrozenReply> =>
  changePlate({ ctx, ...call }, call.params.plate_id, 'disable_plate', (plate) => decideStep(plate, 'disable'));

/** Takes payments again, while its terminal is still in use. */
export const enablePlate = ({ ctx, ...call }: Call<typeof enablePlateOperation>): Promise<FrozenReply> =>
  changePlate({ ctx, ...call }, call.params.plate_id, 'enable_plate', async (plate, tx) => {
    if (plate.terminal_id !== null) await activeTerminalWithin(tx, call.caller, plate.terminal_id);
    return decideStep(plate, 'enable');
  });

type Decided = PlateDecision | Refusal | undefined;
type Decide = (plate: Plate, tx: Kysely<Tables>) => Decided | Promise<Decided>;

/** Reads, decides and writes with a line of history and the reply, all or nothing. */
function changePlate(call: IdempotentCall, plate_id: string, operation: string, decide: Decide): Promise<FrozenReply> {
  const { ctx, caller } = call;
  const { merchant_id, livemode, api_key_id } = caller;
  return withReply(call, operation, async (tx) => {
    for (let turn = 0; turn < account_update_turns_max; turn++) {
      const plate = (await store.findPlate(tx, { merchant_id, livemode, id: plate_id })) ?? notFound();
      const decided = await decide(plate, tx);
      if (isRefusal(decided)) throw new RefusalError(decided);
      if (decided && !(await write(tx, { ...decided, api_key_id, at: ctx.clock.now() }))) continue;
      return { status: 200, body: viewPlate(decided?.plate ?? plate, ctx.config.public_url), object_id: plate_id };
    }
    throw new Error(`plate ${plate_id} was changed by others all the time`);
  });
}

async function write(tx: Kysely<Tables>, decided: store.PlateWrite): Promise<boolean> {
  try {
    return await store.writePlate(tx, decided);
  } catch (error) {
    if (violatedConstraint(error) === 'plates_terminal') throw new RefusalError(refuse('plate_terminal_taken', 'terminal_id'));
    throw error;
  }
}

export async function retrievePlate(ctx: Ctx, caller: Caller, plate_id: string): Promise<PlateView> {
  return viewPlate(await ownPlate(ctx, caller, plate_id), ctx.config.public_url);
}

export async function retrieveBatch(ctx: Ctx, caller: Caller, plate_batch_id: string) {
  return viewBatch(await ownBatch(ctx, caller, plate_batch_id));
}

/** A plate of the caller, in the caller's mode. */
export const ownPlate = async (ctx: Ctx, { merchant_id, livemode }: Pick<Caller, 'merchant_id' | 'livemode'>, id: string): Promise<Plate> =>
  (await store.findPlate(ctx.db.kysely, { merchant_id, livemode, id })) ?? notFound();

/** The same, read in the caller's transaction. */
export const ownPlateWithin = async (tx: Kysely<Tables>, { merchant_id, livemode }: Pick<Caller, 'merchant_id' | 'livemode'>, id: string): Promise<Plate> =>
  (await store.findPlate(tx, { merchant_id, livemode, id })) ?? notFound();

export async function ownBatch(ctx: Ctx, { merchant_id, livemode }: Pick<Caller, 'merchant_id' | 'livemode'>, id: string): Promise<store.BatchRow> {
  const batch = await store.findBatch(ctx, { merchant_id, livemode, id });
  if (!batch) throw new RefusalError(refuse('plate_batch_not_found', 'plate_batch_id'));
  return batch;
}

/** The plates of a batch in the order of their numbers. */
export const platesOfBatch = (ctx: Ctx, batch: store.BatchRow): Promise<Plate[]> => store.platesOfBatch(ctx, batch);

export async function listPlates(ctx: Ctx, caller: Caller, filter: Omit<store.PlateFilter, 'merchant_id' | 'livemode'>): Promise<PlateView[]> {
  const { merchant_id, livemode } = caller;
  const rows = await store.listPlates(ctx, { ...filter, merchant_id, livemode });
  return rows.map((plate) => viewPlate(plate, ctx.config.public_url));
}

export async function listPlateChanges(ctx: Ctx, caller: Caller, plate_id: string, before: number | undefined, limit: number) {
  const plate = await ownPlate(ctx, caller, plate_id);
  const rows = await store.listChanges(ctx, plate, before, limit);
  return rows.map(({ at, ...row }) => ({ ...row, at: at.toISOString() }));
}

/** The plate that a scanned code is, in whatever state; undefined when no code is like that. */
export const findPlateByCode = (ctx: Ctx, code: string): Promise<Plate | undefined> => store.findByCode(ctx, code);

/**
 * Takes a tap's part of the day's limit, once however often the tap is sent. Taps of one plate wait for each other here, so
 * that two at the same time cannot both be the last that fits. A tap that comes with another amount is another payment, and
 * may not have the place of a smaller one.
 */
export function reserveTap(ctx: Ctx, tap: Omit<store.TapRow, 'biz_date' | 'created_at'>): Promise<void> {
  const created_at = ctx.clock.now();
  const row: store.TapRow = { ...tap, biz_date: bizDate(created_at), created_at };
  return ctx.db.kysely.transaction().execute(async (tx) => {
    const plate = await store.lockPlate(tx, { merchant_id: tap.merchant_id, id: tap.plate_id });
    const taken = await store.findTap(tx, row);
    if (taken && taken.amount_fen !== tap.amount_fen) throw new RefusalError(refuse('merchant_order_no_taken', 'tap'));
    if (!plate || taken) return;
    if (!fitsDay(plate, await store.dayUse(tx, row), tap.amount_fen)) throw new RefusalError(refuse('plate_limit_reached'));
    await store.insertTap(tx, row);
  });
}

/** Gives a tap's part back when it made no payment. */
export const releaseTap = (ctx: Ctx, tap: Parameters<typeof reserveTap>[1]): Promise<void> =>
  store.deleteTap(ctx, { ...tap, biz_date: '', created_at: ctx.clock.now() });

function notFound(): never {
  throw new RefusalError(refuse('plate_not_found', 'plate_id'));
}
