import type { Ctx } from '../../platform/ctx.ts';

export type Settings = {
  readonly display_name: string | null;
  readonly color: string | null;
  readonly logo_png: Buffer | null;
  readonly return_hosts: readonly string[];
};

/** Whose settings: each mode has its own, so that a test changes nothing for payers. */
export type SettingsKey = { readonly merchant_id: string; readonly livemode: boolean };

export const no_settings: Settings = { display_name: null, color: null, logo_png: null, return_hosts: [] };

export async function findSettings(ctx: Ctx, { merchant_id, livemode }: SettingsKey): Promise<Settings> {
  const row = await ctx.db.kysely
    .selectFrom('cashier_settings')
    .select(['display_name', 'color', 'logo_png', 'return_hosts'])
    .where('merchant_id', '=', merchant_id)
    .where('livemode', '=', livemode)
    .executeTakeFirst();
  return row ?? no_settings;
}

/** Writes what is named and leaves the rest; two changes at once lose nothing of each other. */
export async function changeSettings(ctx: Ctx, key: SettingsKey, changes: Partial<Settings>, now: Date): Promise<void> {
  const { return_hosts, ...plain } = changes;
  const values = { ...plain, ...(return_hosts === undefined ? {} : { return_hosts: [...return_hosts] }), updated_at: now };
  await ctx.db.kysely
    .insertInto('cashier_settings')
    .values({ ...key, ...values })
    .onConflict((conflict) => conflict.columns(['merchant_id', 'livemode']).doUpdateSet(values))
    .execute();
}
