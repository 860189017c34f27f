import { type CashierSettings, type UpdateCashierSettingsBody, updateCashierSettings } from '@heliu/contract';
import { cashier_logo_bytes_max } from '../../kernel/limits.ts';
import { RefusalError, refuse } from '../../kernel/refusal.ts';
import type { Caller } from '../../platform/caller.ts';
import type { Ctx } from '../../platform/ctx.ts';
import type { Call } from '../../platform/http/bind.ts';
import { type FrozenReply, idempotent } from '../../platform/idempotency/idempotency.ts';
import { rebuildPng } from './png.ts';
import { changeSettings, findSettings, type Settings, type SettingsKey } from './store.ts';

/** How a merchant's pages look, and where they may lead. */
export const getSettings = (ctx: Ctx, key: SettingsKey): Promise<Settings> => findSettings(ctx, key);

export async function retrieveSettings(ctx: Ctx, { merchant_id, livemode }: Caller): Promise<CashierSettings> {
  const { logo_png, return_hosts, ...plain } = await findSettings(ctx, { merchant_id, livemode });
  return { object: 'cashier_settings', livemode, ...plain, logo_png: logo_png?.toString('base64') ?? null, return_hosts: [...return_hosts] };
}

/** Changes what the body names. */
export function updateSettings(call: Call<typeof updateCashierSettings>): Promise<FrozenReply> {
  const { ctx, caller, body } = call;
  const { merchant_id, livemode } = caller;
  return idempotent(call, updateCashierSettings.id, merchant_id, async () => {
    await changeSettings(ctx, { merchant_id, livemode }, changesOf(body), ctx.clock.now());
    return { status: updateCashierSettings.status, body: await retrieveSettings(ctx, caller) };
  });
}

function changesOf({ logo_png, ...rest }: UpdateCashierSettingsBody): Partial<Settings> {
  if (logo_png === undefined || logo_png === null) return { ...rest, ...(logo_png === null ? { logo_png } : {}) };
  const bytes = Buffer.from(logo_png, 'base64');
  const rebuilt = bytes.length <= cashier_logo_bytes_max ? rebuildPng(bytes) : undefined;
  if (!rebuilt) throw new RefusalError(refuse('logo_refused', 'logo_png'));
  return { ...rest, logo_png: rebuilt };
}
