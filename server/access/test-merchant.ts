import { newId, newMerchantCode } from '../kernel/id.ts';
import type { Ctx } from '../platform/ctx.ts';

/** A merchant in the database, for tests of access alone. */
export async function aMerchant(ctx: Ctx, change: { readonly state?: 'active' | 'suspended'; readonly signature_required?: boolean } = {}): Promise<string> {
  const id = newId('merchant', ctx.clock.now(), ctx.rng);
  await ctx.db.kysely
    .insertInto('merchants')
    .values({ id, code: newMerchantCode(ctx.rng), name: 'Test', created_at: ctx.clock.now(), ...change })
    .execute();
  return id;
}
