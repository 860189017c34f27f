import type { Method } from '@heliu/contract';
import type { Account } from '../../channels/define.ts';
import { sha256 } from '../../kernel/digest.ts';
import { newToken } from '../../kernel/id.ts';
import { access_sweep_rows_max } from '../../kernel/limits.ts';
import { addMs } from '../../kernel/time.ts';
import { getAccount, listActiveAccounts } from '../../merchants/service.ts';
import type { PaymentsCtx } from '../../payments/ctx.ts';
import type { Payment } from '../../payments/payment.ts';
import type { Ctx } from '../../platform/ctx.ts';
import * as store from './store.ts';

/** A silent hop takes a second or two; a wallet's codes live five minutes. */
const hop_ms = 5 * 60_000;
/** A payer who taps again within this time is not sent away again. */
const known_ms = 30 * 60_000;

export type Payer = { readonly payer_id: string; readonly app_id?: string; readonly channel_account_id: string };

/** One browser before one page: what it proves itself by, and what it looks at. */
export type Sitting = { readonly payment: Payment; readonly browser: string };

const place = (merchant_id: string, state_hash: Buffer) => ({ table: 'cashier_payers', column: 'payer_sealed', merchant_id, row: state_hash.toString('hex') });

/** The account whose application finds this method's payers, first by priority; its orders must name payers of that application. */
export async function identifyingAccount(
  ctx: PaymentsCtx,
  { merchant_id, livemode }: Pick<Payment, 'merchant_id' | 'livemode'>,
  method: Method,
): Promise<Account | undefined> {
  const candidates = await listActiveAccounts(ctx, merchant_id, livemode);
  return candidates.map(({ account }) => account).find((account) => ctx.channels.authorizeUrl(account, method, probe) !== undefined);
}
const probe = { redirect_url: 'https://pay.example/', state: 'x' };

/** Where to send the browser so that its wallet says who it is. The state is this browser's, this payment's, and good once. */
export async function beginHop(ctx: PaymentsCtx, { payment, browser }: Sitting, method: Method, redirect_url: string): Promise<string | undefined> {
  const account = await identifyingAccount(ctx, payment, method);
  if (!account) return undefined;
  const state = newToken(ctx.rng);
  const { merchant_id, id: payment_id } = payment;
  await store.insertHop(ctx, {
    merchant_id,
    state_hash: sha256(state),
    payment_id,
    browser_hash: sha256(browser),
    method,
    channel_account_id: account.id,
    account_version: account.version,
    expires_at: addMs(ctx.clock.now(), hop_ms),
  });
  return ctx.channels.authorizeUrl(account, method, { redirect_url, state });
}

export type Returned = { readonly is: 'payer'; readonly method: Method; readonly payer: Payer } | { readonly is: 'refused' | 'failed' };

/**
 * Takes what the wallet's browser came back with. A state that is not this browser's and this payment's, that was used or
 * is too old, says nothing: the code behind it is not even looked at, so nobody can put another payer before this page.
 */
export async function endHop(ctx: PaymentsCtx, { payment, browser }: Sitting, query: Readonly<Record<string, string>>): Promise<Returned> {
  const { merchant_id, id: payment_id } = payment;
  const state_hash = sha256(query.state ?? '');
  const hop = await store.takeHop(ctx, { merchant_id, state_hash, payment_id, browser_hash: sha256(browser) }, ctx.clock.now());
  if (!hop) return { is: 'refused' };
  const account = await getAccount(ctx, merchant_id, hop.channel_account_id, hop.account_version);
  const { fact } = await ctx.channels.identify(account, hop.method, query);
  if (fact.is !== 'payer') return { is: 'failed' };
  const payer: Payer = { payer_id: fact.payer_id, ...(fact.app_id === undefined ? {} : { app_id: fact.app_id }), channel_account_id: account.id };
  await store.savePayer(ctx, hop, ctx.vault.seal(JSON.stringify(payer), place(merchant_id, state_hash)));
  return { is: 'payer', method: hop.method, payer };
}

/** Who this browser was found to be a little while ago; undefined when it has to be sent to its wallet. */
export async function knownPayer(ctx: PaymentsCtx, { payment, browser }: Sitting, method: Method): Promise<Payer | undefined> {
  const { merchant_id, id: payment_id } = payment;
  const used_after = addMs(ctx.clock.now(), -known_ms);
  const known = await store.findPayer(ctx, { merchant_id, payment_id, browser_hash: sha256(browser), method }, used_after);
  return known && (JSON.parse(ctx.vault.open(known.payer_sealed, place(merchant_id, known.state_hash))) as Payer);
}

/** Forgets hops and payers whose time is over. */
export async function sweepCashier(ctx: Ctx): Promise<void> {
  await store.deleteHops(ctx, addMs(ctx.clock.now(), -known_ms), access_sweep_rows_max);
}
