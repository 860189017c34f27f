import type { Account } from '../../channels/define.ts';
import type { Exchange } from '../../channels/exchange.ts';
import { assert } from '../../kernel/assert.ts';
import { refunds_per_payment_max } from '../../kernel/limits.ts';
import type { PaymentFact } from '../../kernel/outcome.ts';
import { RefusalError, refuse } from '../../kernel/refusal.ts';
import { findAccountById, getMerchant, type Merchant } from '../../merchants/service.ts';
import { type FrozenReply, idempotent } from '../../platform/idempotency/idempotency.ts';
import { type Attempt, isBarcode, isLive } from '../attempt.ts';
import type { Aggregate, Source } from '../change.ts';
import type { PaymentsCtx } from '../ctx.ts';
import { decideAskedOver, decideCancelPaid, decideCloseStuck, decideClosing, decideLost, decideReversing } from '../decide-payment.ts';
import type { Closing, Payment } from '../payment.ts';
import { absenceIsFinal, isLost, nextStep } from '../pursuit.ts';
import { pursueRefund } from '../refunds/service.ts';
import { send_lease_ms } from '../schedule.ts';
import { accountOf, apply, applyWord, beginTurn, liveAttempts, ownPayment, sendAttempt, shown, type WriteCall } from '../service.ts';
import { findByAttempt, findById, listRefunds } from '../store.ts';
import { orderInput } from '../upstream.ts';

type PaymentCall = WriteCall & { readonly payment_id: string };
const by_request: Source = { via: 'request', evidence: undefined };

/** Closes an unpaid payment, at the channel first. What stays uncertain is pursued until it is certain. */
export function closePayment(call: PaymentCall): Promise<FrozenReply> {
  return idempotent(call, 'close_payment', call.payment_id, async () => {
    const { ctx } = call;
    const own = await ownPayment(ctx, call.caller, call.payment_id);
    if (own.payment.state === 'paid') throw new RefusalError(refuse('payment_already_paid'));
    const after = await close(ctx, own, 'close');
    if (after.payment.state === 'paid') throw new RefusalError(refuse('payment_already_paid'));
    return { status: 200, body: await shown(ctx, after) };
  });
}

/** Cancel (撤销): whatever the channel holds is undone; money that came goes back whole. */
export function cancelPayment(call: PaymentCall): Promise<FrozenReply> {
  return idempotent(call, 'cancel_payment', call.payment_id, async () => {
    const { ctx } = call;
    const own = await ownPayment(ctx, call.caller, call.payment_id);
    const closed = own.payment.state === 'paid' ? own : await close(ctx, own, 'cancel');
    // The payer may have been faster than the mark of the cancel, on another node: then the money goes back like any that was paid.
    const after = closed.payment.state === 'paid' ? await cancelPaid(ctx, closed) : closed;
    return { status: 200, body: await shown(ctx, after) };
  });
}

async function cancelPaid(ctx: PaymentsCtx, own: Aggregate): Promise<Aggregate> {
  const { merchant_id, id, livemode } = own.payment;
  const merchant = await getMerchant(ctx, merchant_id);
  const read = () => findById(ctx, merchant_id, id);
  const turn = beginTurn(ctx, send_lease_ms);
  const decided = await apply(ctx, { merchant, first: own, read, decide: decideCancelPaid, source: by_request }).catch(async (error: unknown) => {
    // Cancelled before, perhaps by the request that this one repeats: the money is going back already.
    const refunds = error instanceof RefusalError ? await listRefunds(ctx, { merchant_id, livemode, payment_id: id, limit: refunds_per_payment_max }) : [];
    if (!refunds.some(({ cause, state }) => cause === 'cancel' && state !== 'refused')) throw error;
    return undefined;
  });
  if (decided?.change?.new_refund) await pursueRefund(ctx, merchant_id, decided.change.new_refund.id, turn);
  return (await read()) ?? own;
}

/** Asks the channel now about everything of the payment that is open. */
export function syncPayment(call: PaymentCall): Promise<FrozenReply> {
  return idempotent(call, 'sync_payment', call.payment_id, async () => {
    const { ctx } = call;
    const own = await ownPayment(ctx, call.caller, call.payment_id);
    await Promise.all(liveAttempts(own).map((attempt) => pursueAttempt(ctx, attempt.merchant_id, attempt.id)));
    const after = (await findById(ctx, own.payment.merchant_id, own.payment.id)) ?? own;
    return { status: 200, body: await shown(ctx, after) };
  });
}

async function close(ctx: PaymentsCtx, own: Aggregate, closing: Closing): Promise<Aggregate> {
  const { merchant_id, id } = own.payment;
  const merchant = await getMerchant(ctx, merchant_id);
  const read = () => findById(ctx, merchant_id, id);
  const source: Source = closing === 'expire' ? { via: 'clock', evidence: undefined } : by_request;
  const { aggregate } = await apply(ctx, { merchant, first: own, read, decide: (current, env) => decideClosing(current, closing, env), source });
  await Promise.all(liveAttempts(aggregate).map((attempt) => pursueAttempt(ctx, merchant_id, attempt.id)));
  return (await read()) ?? aggregate;
}

/** Closes a payment whose time is over, or goes on with a close that is not certain yet. Called by the sweeper. */
export async function pursueClose(ctx: PaymentsCtx, merchant_id: string, payment_id: string): Promise<void> {
  const before = await findById(ctx, merchant_id, payment_id);
  if (before?.payment.state !== 'pending') return;
  const first = await close(ctx, before, 'expire');
  const merchant = await getMerchant(ctx, merchant_id);
  await apply(ctx, {
    merchant,
    first,
    read: () => findById(ctx, merchant_id, payment_id),
    decide: (current, env) => decideCloseStuck(current, ctx.channels.closes, env),
    source: { via: 'clock', evidence: undefined },
  });
}

/** What a question to a channel is asked with: the settings of now, since keys change while orders stay open. */
async function askedWith(ctx: PaymentsCtx, attempt: Attempt): Promise<Account> {
  const account = await findAccountById(ctx, attempt.channel_account_id);
  assert(account, 'an account with attempts stays');
  return account;
}

/** Asks the channel about a live attempt and does what its answer calls for. Called by sync and close. */
export function pursueAttempt(ctx: PaymentsCtx, merchant_id: string, attempt_id: string): Promise<void> {
  return pursue(ctx, merchant_id, attempt_id, nextStep);
}

/** The same of an attempt that is due, and the last questions about one that is over. Called by the sweeper. */
export function pursueDue(ctx: PaymentsCtx, merchant_id: string, attempt_id: string): Promise<void> {
  return pursue(ctx, merchant_id, attempt_id, nextStep, pursueOver);
}

/** Ends an order that its payer left for another wallet. What stays uncertain stays asked about: its money would be a duplicate and go back. */
export function retireAttempt(ctx: PaymentsCtx, merchant_id: string, attempt_id: string): Promise<void> {
  return pursue(ctx, merchant_id, attempt_id, () => 'undo');
}

async function pursue(ctx: PaymentsCtx, merchant_id: string, attempt_id: string, stepOf: typeof nextStep, over?: typeof pursueOver): Promise<void> {
  const before = await findByAttempt(ctx, merchant_id, attempt_id);
  const asked = before?.attempts.find(({ id }) => id === attempt_id);
  if (!before || !asked) return;
  if (!isLive(asked)) return over?.(ctx, before, asked);
  const pursued: Pursued = { merchant: await getMerchant(ctx, merchant_id), sent_with: await accountOf(ctx, asked), now_with: await askedWith(ctx, asked) };
  const asked_at = ctx.clock.now();
  const answered = await ctx.channels.query(pursued.now_with, orderInput(before.payment, asked, pursued.merchant.code));
  const { aggregate } = await applyWord(ctx, pursued.merchant, pursued.sent_with, attempt_id, { ...answered, via: 'query' }, { first: before });
  const attempt = aggregate.attempts.find(({ id }) => id === attempt_id);
  if (!attempt || !isLive(attempt)) return;
  const step = stepOf(aggregate, attempt, answered.fact, ctx.clock.now());
  if (step === 'undo' && isBarcode(attempt)) await reverse(ctx, pursued, attempt, 'reverse');
  if (step === 'undo' && !isBarcode(attempt)) await closeOrder(ctx, pursued, aggregate, attempt, { ...answered, asked_at });
  const answered_again = step === 'resend' && (await resend(ctx, pursued, aggregate, attempt));
  if (step !== 'undo') await tellIfLost(ctx, pursued, attempt, answered_again);
}

/** Asks whether money came to an order that is over. Only a proof of it changes anything: a query may be behind. */
export async function askOver(ctx: PaymentsCtx, first: Aggregate, attempt: Attempt): Promise<PaymentFact> {
  const merchant = await getMerchant(ctx, attempt.merchant_id);
  const answered = await ctx.channels.query(await askedWith(ctx, attempt), orderInput(first.payment, attempt, merchant.code));
  if (answered.fact.is === 'paid') await applyWord(ctx, merchant, await accountOf(ctx, attempt), attempt.id, { ...answered, via: 'query' }, { first });
  return answered.fact;
}

/** Asks about an order that was closed, and when it is asked about next. */
async function pursueOver(ctx: PaymentsCtx, first: Aggregate, attempt: Attempt): Promise<void> {
  const { merchant_id, id } = attempt;
  if (attempt.state !== 'closed' || attempt.next_query_at === null) return;
  const fact = await askOver(ctx, first, attempt);
  await apply(ctx, {
    merchant: await getMerchant(ctx, merchant_id),
    read: () => findByAttempt(ctx, merchant_id, id),
    decide: (current, env) => decideAskedOver(current, id, fact, env),
    source: { via: 'clock', evidence: undefined },
  });
}

type Pursued = { readonly merchant: Merchant; readonly sent_with: Account; readonly now_with: Account };

/** Sends the same order again. True when the channel answered, whatever it said. */
async function resend(ctx: PaymentsCtx, { merchant, sent_with }: Pursued, first: Aggregate, attempt: Attempt): Promise<boolean> {
  const answered = await sendAttempt(ctx, merchant, first.payment, attempt, sent_with);
  await applyWord(ctx, merchant, sent_with, attempt.id, { ...answered, via: 'answer' }, { first });
  return answered.exchange !== undefined;
}

/** The channel may hold an order of which nobody has the code: the merchant is told, instead of waiting for it with the payer. */
async function tellIfLost(ctx: PaymentsCtx, { merchant, sent_with }: Pursued, { merchant_id, id }: Attempt, repeated: boolean): Promise<void> {
  const aggregate = await findByAttempt(ctx, merchant_id, id);
  const attempt = aggregate?.attempts.find((each) => each.id === id);
  if (!aggregate || !attempt || !isLost(aggregate, attempt, { repeated, repeats: ctx.channels.repeats(sent_with, attempt.method) })) return;
  await apply(ctx, {
    merchant,
    first: aggregate,
    read: () => findByAttempt(ctx, merchant_id, id),
    decide: (current) => decideLost(current, id),
    source: { via: 'clock', evidence: undefined },
  });
}

/** What the channel said of an order when it was asked just before. */
type Asked = {
  readonly fact: PaymentFact;
  readonly exchange: Exchange | undefined;
  /** A node may stand still until it reads the answer: whoever had not paid when it asked may have paid since. */
  readonly asked_at: Date;
};

/** Closes an order that waits for its payer. The channel never closes one that is paid, so nothing can be lost here. */
async function closeOrder(ctx: PaymentsCtx, pursued: Pursued, first: Aggregate, attempt: Attempt, asked: Asked): Promise<void> {
  const now = ctx.clock.now();
  const { fact, exchange, asked_at } = ctx.channels.closes(attempt.channel)
    ? { ...(await ctx.channels.close(pursued.now_with, orderInput(first.payment, attempt, pursued.merchant.code))), asked_at: now }
    : // Only time ends this order, so what was just asked is all there is to know.
      asked;
  if (fact.is === 'not_closable') return requery(ctx, pursued, first.payment, attempt);
  if (fact.is === 'closed' || (fact.is === 'not_found' && absenceIsFinal(first.payment, attempt, asked_at))) {
    return closed(ctx, pursued, attempt, exchange);
  }
  // Nobody has scanned yet, and what the payer was shown still works: the number itself is barred where that can be done.
  if (fact.is === 'not_found' && ctx.channels.bars(pursued.now_with)) await reverse(ctx, pursued, attempt, 'bar');
}

/**
 * Reverses an order whatever its state; money that was paid goes back by the channel itself. That is written down before
 * it is asked for, so that no success that arrives meanwhile is taken for the payment's.
 */
async function reverse(ctx: PaymentsCtx, pursued: Pursued, { merchant_id, id }: Attempt, how: 'reverse' | 'bar'): Promise<void> {
  const { merchant } = pursued;
  const read = () => findByAttempt(ctx, merchant_id, id);
  const { aggregate } = await apply(ctx, {
    merchant,
    read,
    decide: (current, env) => decideReversing(current, id, env),
    source: { via: 'clock', evidence: undefined },
  });
  const attempt = aggregate.attempts.find((each) => each.id === id);
  if (!attempt || !isLive(attempt)) return;
  const asked_at = ctx.clock.now();
  const { fact, exchange } = await ctx.channels[how](pursued.now_with, orderInput(aggregate.payment, attempt, merchant.code));
  if (fact.is === 'not_closable') return requery(ctx, pursued, aggregate.payment, attempt);
  if (fact.is === 'closed' || (fact.is === 'not_found' && absenceIsFinal(aggregate.payment, attempt, asked_at))) {
    await closed(ctx, pursued, attempt, exchange);
  }
}

async function closed(ctx: PaymentsCtx, { merchant, sent_with }: Pursued, attempt: Attempt, exchange: Exchange | undefined): Promise<void> {
  await applyWord(ctx, merchant, sent_with, attempt.id, { fact: { is: 'closed' }, exchange, via: 'answer' });
}

async function requery(ctx: PaymentsCtx, { merchant, sent_with, now_with }: Pursued, payment: Payment, attempt: Attempt): Promise<void> {
  const answered = await ctx.channels.query(now_with, orderInput(payment, attempt, merchant.code));
  await applyWord(ctx, merchant, sent_with, attempt.id, { ...answered, via: 'query' });
}
