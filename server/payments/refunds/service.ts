import type { CreateRefundBody } from '@heliu/contract';
import type { Account } from '../../channels/define.ts';
import type { Exchange } from '../../channels/exchange.ts';
import { assert } from '../../kernel/assert.ts';
import { newId } from '../../kernel/id.ts';
import { toFen } from '../../kernel/money.ts';
import type { RefundFact, Via } from '../../kernel/outcome.ts';
import { RefusalError, refuse } from '../../kernel/refusal.ts';
import { addMs } from '../../kernel/time.ts';
import { findAccountById, getMerchant, type Merchant } from '../../merchants/service.ts';
import type { Caller } from '../../platform/caller.ts';
import { violatedConstraint } from '../../platform/db/db.ts';
import { awaitReply, type FrozenReply, freeze, keep } from '../../platform/idempotency/idempotency.ts';
import type { Attempt } from '../attempt.ts';
import type { Aggregate, Change } from '../change.ts';
import type { PaymentsCtx } from '../ctx.ts';
import { decideRefund, decideRefundFact, decideReturn, decideReturnedTwice } from '../decide-refund.ts';
import type { Payment } from '../payment.ts';
import { maySendRefund, pursuedRefundFact } from '../pursuit.ts';
import { isOpenRefund, type Refund, refund_table } from '../refund.ts';
import { send_lease_ms } from '../schedule.ts';
import { type Applied, apply, beginTurn, evidenceOf, mayStillSend, notifyUrl, ownPayment, takeKey, type WriteCall } from '../service.ts';
import * as store from '../store.ts';
import type { Turn } from '../turn.ts';
import { orderInput, refundInput } from '../upstream.ts';
import { viewRefund } from '../view.ts';

type RefundCall = WriteCall & { readonly body: CreateRefundBody };

/** Reserves the amount, then asks the channel. The reply may say `sending`: then the outcome is pursued until it is known. */
export async function createRefund(call: RefundCall): Promise<FrozenReply> {
  const { ctx, caller, body } = call;
  const merchant = await getMerchant(ctx, caller.merchant_id);
  const first = await ownPayment(ctx, caller, body.payment_id);
  const turn = beginTurn(ctx, send_lease_ms);
  const now = ctx.clock.now();
  const refund: Refund = {
    merchant_id: caller.merchant_id,
    id: newId('refund', now, ctx.rng),
    payment_id: body.payment_id,
    attempt_id: body.attempt_id ?? first.payment.accepted_attempt_id ?? '',
    livemode: caller.livemode,
    merchant_refund_no: body.merchant_refund_no,
    request_hash: call.request_hash,
    cause: 'merchant',
    amount_fen: toFen(body.amount_fen),
    currency: first.payment.currency,
    reason: body.reason ?? null,
    metadata: body.metadata ?? {},
    state: refund_table.initial,
    refusal: null,
    channel_refund_id: null,
    created_at: now,
    accepted_at: null,
    refunded_at: null,
    next_query_at: addMs(now, send_lease_ms),
    query_tries: 0,
    version: 1,
  };
  const reserved = await reserve(call, merchant, first, refund);
  if ('frozen' in reserved) return reserved;
  const stored = reserved.change?.new_refund;
  assert(stored, 'a reservation stores the refund');
  if (stored.cause !== 'merchant') return freeze(call, 201, JSON.stringify(viewRefund(stored, merchant.code)));
  const { attempt, account } = await wayBack(ctx, reserved.aggregate, stored);
  if (!mayStillSend(ctx, turn, { merchant_id: stored.merchant_id, refund_id: stored.id })) return storedReply(call, merchant, stored.id);
  const answered = await ctx.channels.refund(account, refundInput(stored, attempt, merchant.code, notifyUrl(ctx, account)));
  const done = await applyRefundWord(ctx, merchant, account, stored, { ...answered, via: 'answer' }, { first: reserved.aggregate, reply: call });
  assert(done.reply, 'a reply was asked for');
  return done.reply;
}

async function reserve(call: RefundCall, merchant: Merchant, first: Aggregate, refund: Refund): Promise<Applied | FrozenReply> {
  const { ctx, caller, body } = call;
  try {
    return await apply(ctx, {
      merchant,
      first,
      read: () => store.findById(ctx, caller.merchant_id, body.payment_id),
      decide: (aggregate) => {
        const { accepted_attempt_id } = aggregate.payment;
        const is_own = body.attempt_id === undefined || body.attempt_id === accepted_attempt_id;
        return is_own ? decideRefund(aggregate, { ...refund, attempt_id: accepted_attempt_id ?? '' }) : decideReturn(aggregate, refund);
      },
      source: { via: 'request', evidence: undefined },
      key: takeKey(call, 'create_refund', refund.id),
    });
  } catch (error) {
    const violated = violatedConstraint(error);
    const is_given_back = violated === 'refunds_automatic';
    if (violated !== 'idempotency_keys_pkey' && violated !== 'refunds_refund_no' && !is_given_back && !(error instanceof RefusalError)) throw error;
    const repeated = await repeatedRefund(call, merchant);
    if (repeated) return repeated;
    if (is_given_back) throw new RefusalError(refuse('refund_exceeds_paid', 'attempt_id', { refundable_fen: 0 }));
    throw error;
  }
}

/** The same key or refund number came before: the same request gets the same reply, another is refused. */
async function repeatedRefund(call: RefundCall, merchant: Merchant): Promise<FrozenReply | undefined> {
  const { ctx, caller, body } = call;
  if (call.idempotency_key !== undefined) {
    const known = await awaitReply(call, 'create_refund', send_lease_ms);
    if (known) return 'frozen' in known ? known : storedReply(call, merchant, known.unfinished);
  }
  const [refund] = await store.listRefunds(ctx, {
    merchant_id: caller.merchant_id,
    livemode: caller.livemode,
    merchant_refund_no: body.merchant_refund_no,
    limit: 1,
  });
  if (!refund) return undefined;
  if (!refund.request_hash?.equals(call.request_hash)) throw new RefusalError(refuse('merchant_refund_no_taken', 'merchant_refund_no'));
  return keep(call, 'create_refund', refund.id, 201, JSON.stringify(viewRefund(refund, merchant.code)));
}

/** What is known of the refund now, for a request that ends without a word of the channel. */
async function storedReply(call: RefundCall, merchant: Merchant, refund_id: string): Promise<FrozenReply> {
  const refund = await store.findRefund(call.ctx, call.caller.merchant_id, refund_id);
  assert(refund, 'a refund stays');
  return freeze(call, 201, JSON.stringify(viewRefund(refund, merchant.code)));
}

/** The attempt that took the money and its account as it is now: orders outlive keys, and a refund may come months later. */
async function wayBack(ctx: PaymentsCtx, { attempts }: Aggregate, refund: Refund): Promise<{ attempt: Attempt; account: Account }> {
  const attempt = attempts.find(({ id }) => id === refund.attempt_id);
  assert(attempt, 'a refund names an attempt of its payment');
  const account = await findAccountById(ctx, attempt.channel_account_id);
  assert(account, 'an account with attempts stays');
  return { attempt, account };
}

export type RefundWord = { readonly fact: RefundFact; readonly exchange: Exchange | undefined; readonly via: Via };

/**
 * Applies what a channel said of a refund. The payment is read before the refund, so that its version guards both: a
 * refund that changes in between fails the write. `first` is only for the caller that has just stored the refund.
 */
export function applyRefundWord(
  ctx: PaymentsCtx,
  merchant: Merchant,
  account: Account,
  refund: Refund,
  word: RefundWord,
  options: { first?: Aggregate | undefined; reply?: WriteCall | undefined } = {},
): Promise<Applied> {
  const { merchant_id, id, payment_id } = refund;
  let current: Refund = refund;
  const work = {
    merchant,
    read: async () => {
      const aggregate = await store.findById(ctx, merchant_id, payment_id);
      current = (await store.findRefund(ctx, merchant_id, id)) ?? current;
      return aggregate;
    },
    source: { via: word.via, evidence: evidenceOf(ctx, merchant_id, account.id, word.exchange) },
    reply: options.reply && {
      call: options.reply,
      status: 201,
      body: (_: Aggregate, change: Change | undefined) => viewRefund(change?.refunds[0] ?? current, merchant.code),
    },
  };
  return apply(ctx, { ...work, first: options.first, decide: (aggregate, env) => decideRefundFact(aggregate, current, word, env) }).catch((error: unknown) => {
    // Refused once and given back by another refund since: this one is not believed, a person looks.
    if (violatedConstraint(error) !== 'refunds_automatic') throw error;
    return apply(ctx, { ...work, decide: (aggregate, env) => decideReturnedTwice(aggregate, current, env) });
  });
}

/**
 * Asks about an open refund, and sends one again that never arrived, always under the same number. Only whose turn it is may send:
 * the sweeper, and who has just made the refund. Anybody else, between two turns, knows nothing of when it was sent last.
 */
export async function pursueRefund(ctx: PaymentsCtx, merchant_id: string, refund_id: string, turn?: Turn): Promise<void> {
  const maySend = () => turn !== undefined && mayStillSend(ctx, turn, { merchant_id, refund_id });
  const refund = await store.findRefund(ctx, merchant_id, refund_id);
  if (!refund || !isOpenRefund(refund)) return;
  const merchant = await getMerchant(ctx, merchant_id);
  const aggregate = await store.findById(ctx, merchant_id, refund.payment_id);
  assert(aggregate, 'a refund belongs to a payment');
  const { attempt, account } = await wayBack(ctx, aggregate, refund);
  if (attempt.reversing_at !== null && maySend() && (await reverseAgain(ctx, merchant, account, { payment: aggregate.payment, attempt }, refund))) return;
  const input = refundInput(refund, attempt, merchant.code, notifyUrl(ctx, account));
  const asked = await ctx.channels.refundQuery(account, input);
  await applyRefundWord(ctx, merchant, account, refund, { ...asked, via: 'query' });
  if (asked.fact.is !== 'not_found' || !turn || !maySendRefund(refund, ctx.channels.refundsOnce(account), ctx.clock.now())) return;
  // Whoever else asked meanwhile may have sent it and heard a no: it is sent only while nobody knows more, and nobody else's turn has come.
  const current = await store.findRefund(ctx, merchant_id, refund_id);
  if (current?.state !== 'sending' || current.query_tries !== refund.query_tries || !maySend()) return;
  const { fact, exchange } = await ctx.channels.refund(account, input);
  await applyRefundWord(ctx, merchant, account, refund, { fact: pursuedRefundFact(refund, fact, ctx.clock.now()), exchange, via: 'answer' });
}

type Owed = { readonly payment: Payment; readonly attempt: Attempt };

/**
 * Money of an order that was told to be reversed goes back by that same reverse, however often it is repeated; a refund
 * beside it could give it back twice. False: the channel does not reverse it (any more), or says that its reverse found no
 * money, so that the payer was slower and what came is refunded.
 */
async function reverseAgain(ctx: PaymentsCtx, merchant: Merchant, account: Account, { payment, attempt }: Owed, refund: Refund): Promise<boolean> {
  const { fact, exchange } = await ctx.channels.reverse(account, orderInput(payment, attempt, merchant.code));
  if (fact.is === 'refused' || fact.is === 'not_closable' || (fact.is === 'closed' && fact.money === 'none')) return false;
  const word: RefundFact = fact.is === 'closed' ? { is: 'succeeded', amount_fen: refund.amount_fen } : { is: 'not_found' };
  await applyRefundWord(ctx, merchant, account, refund, { fact: word, exchange, via: 'answer' });
  return true;
}

export async function retrieveRefund(ctx: PaymentsCtx, caller: Caller, refund_id: string) {
  const refund = await store.findRefund(ctx, caller.merchant_id, refund_id);
  if (!refund || refund.livemode !== caller.livemode) throw new RefusalError(refuse('refund_not_found', 'refund_id'));
  const merchant = await getMerchant(ctx, caller.merchant_id);
  return viewRefund(refund, merchant.code);
}

export async function listRefunds(ctx: PaymentsCtx, caller: Caller, filter: Omit<store.RefundFilter, 'merchant_id' | 'livemode'>) {
  const merchant = await getMerchant(ctx, caller.merchant_id);
  const page = await store.listRefunds(ctx, { ...filter, merchant_id: caller.merchant_id, livemode: caller.livemode });
  return page.map((refund) => viewRefund(refund, merchant.code));
}
