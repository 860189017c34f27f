import { Readable } from 'node:stream';
import { claimPlate as claimPlateOperation, type PrintBody } from '@heliu/contract';
import { equalConstantTime } from '../../../kernel/digest.ts';
import { newId } from '../../../kernel/id.ts';
import { plates_per_merchant_max } from '../../../kernel/limits.ts';
import { RefusalError, refuse } from '../../../kernel/refusal.ts';
import type { Ctx } from '../../../platform/ctx.ts';
import type { Call } from '../../../platform/http/bind.ts';
import { type FrozenReply, withReply } from '../../../platform/idempotency/idempotency.ts';
import { newCode } from '../plate.ts';
import { zipOfStock } from '../print/service.ts';
import { ownPlateWithin } from '../service.ts';
import { viewPlate } from '../view.ts';
import { hashClaimCode, newTypedCode, plateOfStock, readTypedCode, type StockBatch, type StockPlate, shownInHalves } from './stock.ts';
import * as store from './store.ts';

/** What stands on a plate, and what travels with it but not on its face. It is told once: only its hash is kept. */
export type Claim = { readonly serial_no: number; readonly stock_no: string; readonly claim_code: string };

/** Makes plates that belong to no merchant yet; the operator's act. */
export async function makeStock(ctx: Ctx, input: Pick<StockBatch, 'livemode' | 'name' | 'count'>): Promise<{ batch: StockBatch; claims: Claim[] }> {
  const created_at = ctx.clock.now();
  const batch: StockBatch = { ...input, id: newId('plate_batch', created_at, ctx.rng), created_at };
  const made = Array.from({ length: input.count }, (_, at) => {
    const [stock_no, claim_code] = [newTypedCode(ctx.rng), newTypedCode(ctx.rng)];
    const plate = {
      id: newId('plate', created_at, ctx.rng),
      livemode: batch.livemode,
      batch_id: batch.id,
      serial_no: at + 1,
      stock_no,
      code: newCode(ctx.rng),
      claim_hash: hashClaimCode(stock_no, claim_code),
      merchant_id: null,
      given_at: null,
    };
    return { plate, claim: { serial_no: at + 1, stock_no: shownInHalves(stock_no), claim_code: shownInHalves(claim_code) } };
  });
  await ctx.db.kysely.transaction().execute((tx) =>
    store.insertStock(
      tx,
      batch,
      made.map(({ plate }) => plate),
    ),
  );
  return { batch, claims: made.map(({ claim }) => claim) };
}

/** Newest first. */
export const listStock = (ctx: Ctx, limit: number): Promise<store.BatchInStock[]> => store.listBatches(ctx, limit);

/** The plates of a batch, given away or not, in the order of their numbers. */
export async function stockOf(ctx: Ctx, batch_id: string): Promise<StockPlate[]> {
  const plates = await store.platesOfBatch(ctx, batch_id);
  if (plates.length === 0) throw new RefusalError(refuse('plate_batch_not_found', 'plate_batch_id'));
  return plates;
}

/** A zip with a file for each plate of a batch that is still in stock. */
export async function printStock(ctx: Ctx, batch_id: string, body: PrintBody): Promise<Readable> {
  const plates = await stockOf(ctx, batch_id);
  return Readable.from(
    zipOfStock(
      ctx,
      plates.filter(({ merchant_id }) => merchant_id === null),
      body,
    ),
  );
}

export type Assignment = { readonly batch_id: string; readonly from: number; readonly through: number; readonly merchant_id: string };

/**
 * Gives a span of a batch to a merchant whom it is sent to; the operator's act. All of it or nothing: what another merchant
 * has stays theirs. Gives how many became the merchant's; those that were already do not count.
 */
export function assignStock(ctx: Ctx, { batch_id, from, through, merchant_id }: Assignment): Promise<number> {
  return ctx.db.kysely.transaction().execute(async (tx) => {
    const span = await store.lockSpan(tx, batch_id, from, through);
    if (span.length === 0) throw new RefusalError(refuse('plate_batch_not_found', 'plate_batch_id'));
    if (span.some((plate) => plate.merchant_id !== null && plate.merchant_id !== merchant_id)) throw new RefusalError(refuse('plate_claimed'));
    const at = ctx.clock.now();
    const given = span.filter((plate) => plate.merchant_id === null).map((plate) => plateOfStock(plate, merchant_id, at));
    const fits = await store.giveStock(tx, given, { merchant_id, change: 'assigned', api_key_id: null, at }, plates_per_merchant_max);
    if (!fits) throw new RefusalError(refuse('too_many_plates'));
    return given.length;
  });
}

/** Makes a plate of stock the caller's own, by what is printed on it and the code that came with it. */
export function claimPlate({ ctx, ...call }: Call<typeof claimPlateOperation>): Promise<FrozenReply> {
  const { caller, body } = call;
  const { merchant_id, livemode, api_key_id } = caller;
  return withReply({ ctx, ...call }, claimPlateOperation.id, async (tx) => {
    const [stock_no, claim_code] = [readTypedCode(body.stock_no), readTypedCode(body.claim_code)];
    const stock = stock_no === undefined ? undefined : await store.lockByNumber(tx, livemode, stock_no);
    // A number that nobody has and a wrong code are told alike.
    const right = stock && claim_code !== undefined && equalConstantTime(hashClaimCode(stock.stock_no, claim_code), stock.claim_hash);
    if (!right) throw new RefusalError(refuse('plate_claim_wrong', 'claim_code'));
    if (stock.merchant_id !== null && stock.merchant_id !== merchant_id) throw new RefusalError(refuse('plate_claimed', 'stock_no'));
    if (stock.merchant_id === null) {
      const at = ctx.clock.now();
      const fits = await store.giveStock(
        tx,
        [plateOfStock(stock, merchant_id, at)],
        { merchant_id, change: 'claimed', api_key_id, at },
        plates_per_merchant_max,
      );
      if (!fits) throw new RefusalError(refuse('too_many_plates'));
    }
    const plate = await ownPlateWithin(tx, { merchant_id, livemode }, stock.id);
    return { status: claimPlateOperation.status, body: viewPlate(plate, ctx.config.public_url), object_id: plate.id };
  });
}

/** Whether a scanned code is one of stock that nobody has yet. */
export async function isInStock(ctx: Ctx, code: string): Promise<boolean> {
  const plate = await store.findByCode(ctx, code);
  return plate !== undefined && plate.merchant_id === null;
}
