import { type CheckoutSession, createCheckoutSession, expireCheckoutSession } from '@heliu/contract';
import { isId } from '../../kernel/id.ts';
import { orThrow, RefusalError, refuse } from '../../kernel/refusal.ts';
import { getMerchant } from '../../merchants/service.ts';
import { listByIds, openPayment } from '../../payments/checkout/service.ts';
import { closePayment } from '../../payments/closes/service.ts';
import type { PaymentsCtx } from '../../payments/ctx.ts';
import type { Payment } from '../../payments/payment.ts';
import { ownPayment, seenBy } from '../../payments/service.ts';
import { checkoutUrl } from '../../payments/view.ts';
import type { Caller } from '../../platform/caller.ts';
import type { Call } from '../../platform/http/bind.ts';
import { type FrozenReply, idempotent, keep } from '../../platform/idempotency/idempotency.ts';
import { readReturnUrl } from '../settings/return-url.ts';
import { getSettings } from '../settings/service.ts';
import { paymentIdOf, type Session, viewSession } from './session.ts';
import * as store from './store.ts';

type With<C> = Omit<C, 'ctx'> & { readonly ctx: PaymentsCtx };

/** Long enough to find a wallet, short enough that a shop's stock is not held for a payer who left. */
const expires_in_s_default = 1800;

/**
 * Creates a session with its payment. The payment comes first: a retry after a crash finds it by key or order number and
 * adds what the page needs, which is the same because the request is.
 */
export async function createSession(call: With<Call<typeof createCheckoutSession>>): Promise<FrozenReply> {
  const { ctx, caller, body } = call;
  const { mode = 'web', locale = 'auto', allowed_methods = [], return_url, expires_in_s = expires_in_s_default, ...order } = body;
  const { return_hosts } = await getSettings(ctx, caller);
  const back = return_url === undefined ? null : orThrow(readReturnUrl(return_url, { hosts: return_hosts, livemode: caller.livemode }));
  const opened = await openPayment(call, createCheckoutSession.id, {
    ...order,
    expires_in_s,
    ...(allowed_methods.length === 0 ? {} : { allowed: allowed_methods }),
  });
  if ('frozen' in opened) return opened;
  const { merchant_id, livemode } = caller;
  const session: Session = {
    merchant_id,
    payment_id: opened.id,
    livemode,
    mode,
    locale,
    allowed_methods,
    return_url: back,
    created_at: opened.created_at,
  };
  await store.insertSession(ctx, session);
  return keep(call, createCheckoutSession.id, opened.id, createCheckoutSession.status, JSON.stringify(await shown(ctx, session, opened)));
}

/** The page of a payment belongs to a session only if one was made; a code for every wallet has none. */
export const findSession = store.findSession;

export async function retrieveSession(ctx: PaymentsCtx, caller: Caller, id: string): Promise<CheckoutSession> {
  const { session, payment } = await ownSession(ctx, caller, id);
  return shown(ctx, session, payment);
}

/** Newest first, from the one after `before_id`. */
export async function listSessions(
  ctx: PaymentsCtx,
  { merchant_id, livemode }: Caller,
  { before_id, limit }: { readonly before_id: string | undefined; readonly limit: number },
): Promise<CheckoutSession[]> {
  const sessions = await store.listSessions(ctx, { merchant_id, livemode, before_id: before_id && paymentIdOf(before_id), limit });
  const payments = new Map(
    (
      await listByIds(
        ctx,
        merchant_id,
        sessions.map(({ payment_id }) => payment_id),
      )
    ).map((payment) => [payment.id, payment]),
  );
  return Promise.all(
    sessions.flatMap((session) => (payments.has(session.payment_id) ? [shown(ctx, session, payments.get(session.payment_id) as Payment)] : [])),
  );
}

/** Ends a session: its payment is closed as any other, at the channel first. */
export function expireSession(call: With<Call<typeof expireCheckoutSession>>): Promise<FrozenReply> {
  const { ctx, caller, params } = call;
  const id = params.checkout_session_id;
  return idempotent(call, expireCheckoutSession.id, id, async () => {
    const { session, payment } = await ownSession(ctx, caller, id);
    // The key is this operation's own; closing takes none beside it.
    await closePayment({ ctx, caller, request_hash: call.request_hash, payment_id: payment.id });
    return { status: expireCheckoutSession.status, body: await shown(ctx, session, (await ownPayment(ctx, caller, payment.id)).payment) };
  });
}

async function ownSession(ctx: PaymentsCtx, caller: Caller, id: string): Promise<{ readonly session: Session; readonly payment: Payment }> {
  const session = isId('checkout_session', id) ? await store.findSession(ctx, caller.merchant_id, paymentIdOf(id)) : undefined;
  if (!session || session.livemode !== caller.livemode) throw new RefusalError(refuse('checkout_session_not_found', 'checkout_session_id'));
  return { session, payment: (await ownPayment(ctx, caller, session.payment_id)).payment };
}

async function shown(ctx: PaymentsCtx, session: Session, payment: Payment): Promise<CheckoutSession> {
  const merchant = await getMerchant(ctx, payment.merchant_id);
  return viewSession(session, payment, checkoutUrl(payment, seenBy(ctx, merchant)) ?? '');
}
