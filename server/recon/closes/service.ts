import { dayStart, nextDay } from '../../channels/bill.ts';
import { assert } from '../../kernel/assert.ts';
import { RefusalError, refuse } from '../../kernel/refusal.ts';
import type { Ctx } from '../../platform/ctx.ts';
import { asTexts } from '../days/equation.ts';
import { closeDay, type DayState, requireClosable, weighWith } from '../days/service.ts';
import { inWeighing } from '../days/store.ts';
import { signStatement } from '../signing/service.ts';
import { accountStatement, type CloseStatement, type MerchantDay, missing, sumOf, type Total, totalOf } from './close.ts';
import * as store from './store.ts';

/**
 * 商户日结: closes what is not closed yet of the accounts of a merchant's day, proves that nothing of the day is outside of them,
 * and signs it. Closed once: who comes later is given the same. Refused, with the account, where one cannot be closed.
 */
export async function closeMerchantDay(ctx: Ctx, day: MerchantDay, by: string): Promise<store.CloseRow> {
  const known = await store.findClose(ctx, day);
  if (known) return known;
  if (ctx.clock.now() < dayStart(nextDay(day.biz_date))) throw new RefusalError(refuse('recon_day_not_over', 'biz_date'));
  const { merchant_id, livemode, biz_date } = day;
  // Where one account or the whole stands in the way, no account is closed either.
  const { accounts } = await weighMerchantDay(ctx, day);
  for (const { channel_account_id, statement } of accounts) if (!statement) await closeDay(ctx, { merchant_id, channel_account_id, biz_date }, by);
  const weighed = await weighMerchantDay(ctx, day);
  const now = ctx.clock.now();
  const statement: CloseStatement = {
    merchant_id,
    livemode,
    biz_date,
    payments: asTexts(weighed.payments),
    refunds: asTexts(weighed.refunds),
    ledger: asTexts({
      fee_fen: sumOf(weighed.accounts, ({ state }) => state.ledger.fee_fen),
      suspense_fen: sumOf(weighed.accounts, ({ state }) => state.ledger.suspense_fen),
    }),
    accounts: weighed.accounts.map(({ state, statement: signed, channel, ...account }) => {
      // An account that came in after the others were closed.
      if (!signed) throw new RefusalError(refuse('recon_day_open', undefined, { channel_account_id: account.channel_account_id }));
      assert(channel, 'a closed day has a channel');
      return accountStatement({ ...account, channel }, state, signed);
    }),
    closed_at: now.toISOString(),
    closed_by: by,
  };
  await store.insertClose(ctx, { statement, accounts: weighed.accounts, ...(await signStatement(ctx, merchant_id, statement)), by, now });
  const closed = await store.findClose(ctx, day);
  // Something was found, or another bill came, between weighing and signing.
  if (!closed) throw new RefusalError(refuse('recon_day_open'));
  return closed;
}

type WeighedDay = {
  readonly payments: Total;
  readonly refunds: Total;
  readonly accounts: readonly (store.AccountOfDay & { readonly state: DayState })[];
};

/** Every account of the day and the merchant as a whole, all of the same instant. Throws what keeps the day from being closed. */
function weighMerchantDay(ctx: Ctx, day: MerchantDay): Promise<WeighedDay> {
  return inWeighing(ctx, async (trx) => {
    const accounts: (store.AccountOfDay & { state: DayState })[] = [];
    for (const account of await store.listAccounts(trx, day)) {
      const { channel_account_id, bill_id, fee_millifen, matched_at } = account;
      if (!matched_at) throw new RefusalError(refuse('recon_day_not_matched', 'biz_date', { channel_account_id }));
      const state = await weighWith(trx, { ...day, channel_account_id, bill_id, fee_millifen });
      requireClosable({ ...day, channel_account_id }, state);
      accounts.push({ ...account, state });
    }
    const payments = totalOf(
      await store.readWhole(trx, day, 'payment'),
      accounts.map(({ state }) => state.payments),
    );
    const refunds = totalOf(
      await store.readWhole(trx, day, 'refund'),
      accounts.map(({ state }) => state.refunds),
    );
    const off = missing({ payments, refunds });
    if (Object.values(off).some((fen) => fen !== 0n)) throw new RefusalError(refuse('recon_day_incomplete', undefined, asTexts(off)));
    return { payments, refunds, accounts };
  });
}

export const listMerchantCloses = (ctx: Ctx, filter: store.CloseFilter): Promise<readonly store.CloseRow[]> => store.listCloses(ctx, filter);
