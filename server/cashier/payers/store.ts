import type { Method } from '@heliu/contract';
import type { Ctx } from '../../platform/ctx.ts';

/** Table: cashier_payers. */
export type Hop = {
  readonly merchant_id: string;
  readonly state_hash: Buffer;
  readonly payment_id: string;
  readonly browser_hash: Buffer;
  readonly method: Method;
  readonly channel_account_id: string;
  readonly account_version: number;
  readonly expires_at: Date;
};

export async function insertHop(ctx: Ctx, hop: Hop): Promise<void> {
  await ctx.db.kysely.insertInto('cashier_payers').values(hop).execute();
}

/** Uses a state: once, in time, for this payment and in the browser that it was made for. Undefined otherwise, whatever the reason. */
export async function takeHop(
  ctx: Ctx,
  { merchant_id, state_hash, payment_id, browser_hash }: Pick<Hop, 'merchant_id' | 'state_hash' | 'payment_id' | 'browser_hash'>,
  now: Date,
): Promise<Hop | undefined> {
  const row = await ctx.db.kysely
    .updateTable('cashier_payers')
    .set({ used_at: now })
    .where('merchant_id', '=', merchant_id)
    .where('state_hash', '=', state_hash)
    .where('payment_id', '=', payment_id)
    .where('browser_hash', '=', browser_hash)
    .where('used_at', 'is', null)
    .where('expires_at', '>', now)
    .returning(['merchant_id', 'state_hash', 'payment_id', 'browser_hash', 'method', 'channel_account_id', 'account_version', 'expires_at'])
    .executeTakeFirst();
  return row && { ...row, method: row.method as Method };
}

export async function savePayer(ctx: Ctx, { merchant_id, state_hash }: Pick<Hop, 'merchant_id' | 'state_hash'>, payer_sealed: Buffer): Promise<void> {
  await ctx.db.kysely.updateTable('cashier_payers').set({ payer_sealed }).where('merchant_id', '=', merchant_id).where('state_hash', '=', state_hash).execute();
}

export type KnownPayer = Pick<Hop, 'state_hash' | 'channel_account_id'> & { readonly payer_sealed: Buffer };

/** The payer whom this browser was last found to be, for this payment and method. */
export async function findPayer(
  ctx: Ctx,
  key: Pick<Hop, 'merchant_id' | 'payment_id' | 'browser_hash' | 'method'>,
  used_after: Date,
): Promise<KnownPayer | undefined> {
  const row = await ctx.db.kysely
    .selectFrom('cashier_payers')
    .select(['state_hash', 'channel_account_id', 'payer_sealed'])
    .where('merchant_id', '=', key.merchant_id)
    .where('payment_id', '=', key.payment_id)
    .where('browser_hash', '=', key.browser_hash)
    .where('method', '=', key.method)
    .where('payer_sealed', 'is not', null)
    .where('used_at', '>', used_after)
    .orderBy('used_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row as KnownPayer | undefined;
}

const sweep_statement = {
  name: 'cashier_payers_sweep',
  text: 'delete from cashier_payers where (merchant_id, state_hash) in (select merchant_id, state_hash from cashier_payers where expires_at < $1 limit $2)',
};

/** Forgets who paid: the row serves one sitting before one page. */
export const deleteHops = (ctx: Ctx, before: Date, limit: number): Promise<unknown[]> => ctx.db.run(sweep_statement, [before, limit]);
