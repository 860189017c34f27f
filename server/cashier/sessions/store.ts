import type { CheckoutLocale, CheckoutMode, Method } from '@heliu/contract';
import type { Ctx } from '../../platform/ctx.ts';
import type { Session } from './session.ts';

/** Table: checkout_sessions. A session never changes: what happens to it happens to its payment. */

const columns = ['merchant_id', 'payment_id', 'livemode', 'mode', 'locale', 'allowed_methods', 'return_url', 'created_at'] as const;

type Row = Omit<Session, 'mode' | 'locale' | 'allowed_methods'> & { readonly mode: string; readonly locale: string; readonly allowed_methods: string[] };

/** What the database holds is what the contract took. */
const sessionOf = (row: Row): Session => ({
  ...row,
  mode: row.mode as CheckoutMode,
  locale: row.locale as CheckoutLocale,
  allowed_methods: row.allowed_methods as Method[],
});

/** Doing it again for the same payment changes nothing: the request was the same. */
export async function insertSession(ctx: Ctx, session: Session): Promise<void> {
  await ctx.db.kysely
    .insertInto('checkout_sessions')
    .values({ ...session, allowed_methods: [...session.allowed_methods] })
    .onConflict((conflict) => conflict.columns(['merchant_id', 'payment_id']).doNothing())
    .execute();
}

export async function findSession(ctx: Ctx, merchant_id: string, payment_id: string): Promise<Session | undefined> {
  const row = await ctx.db.kysely
    .selectFrom('checkout_sessions')
    .select(columns)
    .where('merchant_id', '=', merchant_id)
    .where('payment_id', '=', payment_id)
    .executeTakeFirst();
  return row && sessionOf(row);
}

/** Newest first. */
export async function listSessions(
  ctx: Ctx,
  filter: { readonly merchant_id: string; readonly livemode: boolean; readonly before_id: string | undefined; readonly limit: number },
): Promise<Session[]> {
  const rows = await ctx.db.kysely
    .selectFrom('checkout_sessions')
    .select(columns)
    .where('merchant_id', '=', filter.merchant_id)
    .where('livemode', '=', filter.livemode)
    .$if(filter.before_id !== undefined, (query) => query.where('payment_id', '<', filter.before_id as string))
    .orderBy('payment_id', 'desc')
    .limit(filter.limit)
    .execute();
  return rows.map(sessionOf);
}
