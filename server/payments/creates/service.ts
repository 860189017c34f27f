import type { CreateAttemptBody, CreatePaymentBody } from '@heliu/contract';
import { assert } from '../../kernel/assert.ts';
import { newId } from '../../kernel/id.ts';
import { toFen } from '../../kernel/money.ts';
import { orThrow, type Refusal, RefusalError, refuse } from '../../kernel/refusal.ts';
import { addMs } from '../../kernel/time.ts';
import { getMerchant, listActiveAccounts, type Merchant } from '../../merchants/service.ts';
import { placeOf, terminalNo } from '../../merchants/terminals/service.ts';
import type { Caller } from '../../platform/caller.ts';
import { violatedConstraint } from '../../platform/db/db.ts';
import { awaitReply, type FrozenReply, freeze, keep } from '../../platform/idempotency/idempotency.ts';
import { chooseRoute, isQuotaFull, learnRoom, quota_turns_max, type Route, type RouteInput, routeWrite } from '../../routing/service.ts';
import { type Attempt, type AttemptRequest, attempt_table, isLive } from '../attempt.ts';
import type { Aggregate, Change, DecisionEnv, Source } from '../change.ts';
import { retireAttempt } from '../closes/service.ts';
import type { PaymentsCtx } from '../ctx.ts';
import { decideAttempt, newPayment } from '../decide-payment.ts';
import type { Payment } from '../payment.ts';
import { send_lease_ms } from '../schedule.ts';
import {
  apply,
  applyWord,
  beginTurn,
  evidenceOf,
  given,
  mayStillSend,
  ownPayment,
  type Reply,
  sealedPlace,
  seenBy,
  sendAttempt,
  takeKey,
  type WriteCall,
} from '../service.ts';
import * as store from '../store.ts';
import type { Turn } from '../turn.ts';
import { resolveMethod, type SealedRequest } from '../upstream.ts';
import { shownAttempt, viewPayment } from '../view.ts';
import { decideFailover, decideNext, mayBeEnded, notTaken } from './decide-failover.ts';

/** What is asked of a payment that is tried at once; one without a method is made by `checkout/service.ts`. */
type CreateCall = WriteCall & { readonly body: Omit<CreatePaymentBody, 'method'> & CreateAttemptBody };

/** Creates a payment, makes its first attempt and answers with what the payer does next. */
export async function createPayment(call: CreateCall): Promise<FrozenReply> {
  const merchant = await getMerchant(call.ctx, call.caller.merchant_id);
  try {
    return await createFirst(call, merchant);
  } catch (error) {
    const violated = violatedConstraint(error);
    const taken = violated === 'idempotency_keys_pkey' || violated === 'payments_order_no';
    // What is refused now may have been accepted before, when an account was still open: its repeat gets the reply of then.
    const known = taken || error instanceof RefusalError ? await repeatedCreate(call, merchant) : undefined;
    if (known) return known;
    throw error;
  }
}

async function createFirst(call: CreateCall, merchant: Merchant): Promise<FrozenReply> {
  const { ctx, caller, body } = call;
  const id = newId('payment', ctx.clock.now(), ctx.rng);
  const place = await placeOf(ctx, caller, body);
  const of: Paid = { id, amount_fen: toFen(body.amount_fen), currency: body.currency ?? 'CNY', metadata: body.metadata ?? {}, terminal_id: place.terminal_id };
  const wanted = await newTry(ctx, caller, body, of);
  const { first, ...made } = await placed(ctx, wanted.route, async (route) => {
    const turn = beginTurn(ctx, send_lease_ms);
    const now = ctx.clock.now();
    const attempt = wanted.attempt(route, now);
    const payment = newPayment({
      merchant_id: caller.merchant_id,
      id,
      livemode: caller.livemode,
      merchant_order_no: body.merchant_order_no,
      ...place,
      request_hash: call.request_hash,
      amount_fen: attempt.amount_fen,
      currency: attempt.currency,
      subject: body.subject,
      metadata: of.metadata,
      latest_attempt_id: attempt.id,
      attempt_count: 1,
      checkout_token: null,
      expires_at: addMs(now, (body.expires_in_s ?? 7200) * 1000),
      created_at: now,
    });
    const change: Change = {
      payment,
      attempts: [],
      new_attempt: attempt,
      refunds: [],
      transitions: [
        { object_id: payment.id, version: 1, from_state: null, to_state: payment.state },
        { object_id: attempt.id, version: 1, from_state: null, to_state: attempt.state },
      ],
      events: [],
    };
    const source = { via: 'request', evidence: undefined } as const;
    await store.insert(ctx, { change, source, events: [], key: takeKey(call, 'create_payment', payment.id), route: writeOf(route, attempt, caller), now });
    return { first: { payment, attempts: [attempt] }, attempt, route, turn };
  });
  return sendFirst(call, merchant, first, { ...made, wanted });
}

/** What is paid for, as routing and the attempt need it. */
type Paid = Pick<Payment, 'id' | 'amount_fen' | 'currency' | 'metadata' | 'terminal_id'>;

/** A try that may have to change its account before it gets a place on the counters, or after one could not take it. */
type Try = { readonly route: RouteInput; readonly attempt: (route: Route, now: Date) => Attempt };

export const writeOf = (route: Route, { id, created_at }: Attempt, { merchant_id, livemode }: Pick<Caller, 'merchant_id' | 'livemode'>) =>
  routeWrite(route, { merchant_id, attempt_id: id, livemode, created_at });

/** Chooses the account and writes; where a quota has no room, looks for room or for another account. */
export async function placed<T>(ctx: PaymentsCtx, input: RouteInput, write: (route: Route) => Promise<T>): Promise<T> {
  for (let turn = 0; turn < quota_turns_max; turn++) {
    const route = await chooseRoute(ctx, input);
    try {
      return await write(route);
    } catch (error) {
      if (!isQuotaFull(violatedConstraint(error))) throw error;
      await learnRoom(ctx, input.caller.merchant_id, route);
    }
  }
  throw new RefusalError(refuse('no_account_available', 'method', { excluded: 'quota_reached' }));
}

type Sent = { readonly attempt: Attempt; readonly route: Route; readonly wanted: Try; readonly turn: Turn };

/**
 * Sends an attempt for the first time and freezes the reply with its outcome. While an account certainly did not take the
 * order, the next one of the plan is tried.
 */
async function sendFirst(call: WriteCall, merchant: Merchant, first: Aggregate, sent: Sent): Promise<FrozenReply> {
  const { ctx } = call;
  const reply: Reply = { call, status: 201, body: (after) => viewPayment(after.payment, shownAttempt(after.payment, after.attempts), seenBy(ctx, merchant)) };
  const tried = new Set<string>();
  let current: Sent = sent;
  let aggregate = first;
  for (;;) {
    const { attempt, route, wanted, turn } = current;
    if (!mayStillSend(ctx, turn, { merchant_id: merchant.id, attempt_id: attempt.id })) return storedReply(call, merchant, attempt.payment_id);
    const answered = await sendAttempt(ctx, merchant, aggregate.payment, attempt, route.account);
    tried.add(route.account.id);
    const next = tried.size <= sent.route.choice.failover_max ? await failOver(ctx, merchant, aggregate, { attempt, wanted, answered, tried }) : undefined;
    if (!next) {
      const done = await applyWord(ctx, merchant, route.account, attempt.id, { ...answered, via: 'answer' }, { first: aggregate, reply });
      assert(done.reply, 'a reply was asked for');
      return done.reply;
    }
    aggregate = next.aggregate;
    current = { ...next, wanted };
  }
}

type Failed = {
  readonly attempt: Attempt;
  readonly wanted: Try;
  readonly answered: Awaited<ReturnType<typeof sendAttempt>>;
  readonly tried: ReadonlySet<string>;
};

/** Goes on with another account after one that did not take the order; undefined when there is none, or it is not certain. */
function failOver(ctx: PaymentsCtx, merchant: Merchant, first: Aggregate, failed: Failed): Promise<Next | undefined> {
  const { attempt, answered } = failed;
  const { fact, exchange } = answered;
  const not_taken = notTaken(fact);
  if (!not_taken) return mayBeEnded(attempt, fact, ctx.clock.now()) ? endAndGoOn(ctx, merchant, first, failed) : Promise.resolve(undefined);
  const by_channel = { via: 'answer', evidence: evidenceOf(ctx, first.payment.merchant_id, attempt.channel_account_id, exchange) } as const;
  return goOn(ctx, merchant, first, failed, {
    after: not_taken,
    source: not_taken === 'refused' ? by_channel : { via: 'request', evidence: undefined },
    decide: (current, next, env) => decideFailover(current, { attempt_id: attempt.id, fact, not_taken, next }, env),
  });
}

/**
 * Nobody knows whether the account took the order: it is asked, and told to end it. Only an order that is proven to be
 * over gives way to another account; where none would be left, the order stays with the first one.
 */
async function endAndGoOn(ctx: PaymentsCtx, merchant: Merchant, first: Aggregate, failed: Failed): Promise<Next | undefined> {
  const { attempt, wanted, tried } = failed;
  const { merchant_id, id } = first.payment;
  const other = await chooseRoute(ctx, { ...wanted.route, tried }).catch(noneLeft);
  if (!other) return undefined;
  await retireAttempt(ctx, merchant_id, attempt.id);
  const after = await store.findById(ctx, merchant_id, id);
  assert(after, 'a payment stays');
  return goOn(ctx, merchant, after, failed, {
    after: 'ended',
    source: { via: 'request', evidence: undefined },
    decide: (current, next, env) => decideNext(current, { attempt_id: attempt.id, next }, env),
  });
}

type Next = { readonly aggregate: Aggregate; readonly attempt: Attempt; readonly route: Route; readonly turn: Turn };
type GoOn = {
  /** For the metric: why another account may be tried. */
  readonly after: string;
  readonly source: Source;
  readonly decide: (current: Aggregate, next: Attempt, env: DecisionEnv) => Change | Refusal | undefined;
};

/** Adds the next attempt. Undefined: no other account can, or the decision found that none may. */
function goOn(ctx: PaymentsCtx, merchant: Merchant, first: Aggregate, { wanted, tried }: Failed, way: GoOn): Promise<Next | undefined> {
  const { merchant_id, id, livemode } = first.payment;
  return placed(ctx, { ...wanted.route, tried }, async (route) => {
    const turn = beginTurn(ctx, send_lease_ms);
    const next = wanted.attempt(route, ctx.clock.now());
    const { change, aggregate } = await apply(ctx, {
      merchant,
      first,
      read: () => store.findById(ctx, merchant_id, id),
      decide: (current, env) => way.decide(current, next, env),
      source: way.source,
      route: writeOf(route, next, { merchant_id, livemode }),
    });
    if (!change?.new_attempt) return undefined;
    ctx.metrics.count('heliu_failovers_total', { after: way.after });
    return { aggregate, attempt: change.new_attempt, route, turn };
  }).catch(noneLeft);
}

/** No other account can: what the first one said is the answer. */
function noneLeft(error: unknown): undefined {
  if (!(error instanceof RefusalError)) throw error;
}

/** One try of a body: what routing has to know of it, and the attempt once it has an account. */
export async function newTry(ctx: PaymentsCtx, caller: Pick<Caller, 'merchant_id' | 'livemode'>, body: CreateAttemptBody, of: Paid): Promise<Try> {
  const method = orThrow(resolveMethod(body));
  const accounts = await listActiveAccounts(ctx, caller.merchant_id, caller.livemode);
  const terminal_id = await terminalNo(ctx, caller, of.terminal_id);
  const { app_id, payer_ip, return_url, payer_id, auth_code, channel_account_id } = body;
  const request: AttemptRequest = given({ app_id, return_url, terminal_id });
  const personal: SealedRequest = given({ payer_id, auth_code, payer_ip });
  const { amount_fen, currency, metadata } = of;
  return {
    route: { caller, accounts, request: { method, amount_fen, payer_id, terminal_id, app_id, metadata, channel_account_id } },
    attempt: ({ account, reserved }, now) => {
      const id = newId('attempt', now, ctx.rng);
      const sealed = Object.keys(personal).length > 0;
      return {
        merchant_id: caller.merchant_id,
        id,
        payment_id: of.id,
        channel: account.channel,
        channel_account_id: account.id,
        account_version: account.version,
        method,
        amount_fen,
        currency,
        request,
        request_sealed: sealed ? ctx.vault.seal(JSON.stringify(personal), sealedPlace({ merchant_id: caller.merchant_id, id })) : null,
        state: attempt_table.initial,
        disposition: null,
        kept: null,
        next_action: { type: 'wait' },
        channel_transaction_id: null,
        payer_amount_fen: null,
        payer_sealed: null,
        channel_fee_fen: null,
        refusal: null,
        paid_at: null,
        reversing_at: null,
        quota: reserved,
        created_at: now,
        next_query_at: addMs(now, send_lease_ms),
        query_tries: 0,
        version: 1,
      };
    },
  };
}

/** The same key or order number came before: the same request gets the same reply, another is refused. */
async function repeatedCreate(call: CreateCall, merchant: Merchant): Promise<FrozenReply | undefined> {
  const { ctx, caller } = call;
  if (call.idempotency_key !== undefined) {
    const known = await replyOfKey(call, 'create_payment', merchant);
    if (known) return known;
  }
  const give_up = ctx.clock.monotonic_ms() + send_lease_ms;
  for (;;) {
    const aggregate = await store.findByOrderNo(ctx, caller.merchant_id, caller.livemode, call.body.merchant_order_no);
    if (!aggregate) return undefined;
    if (!aggregate.payment.request_hash.equals(call.request_hash)) throw new RefusalError(refuse('merchant_order_no_taken', 'merchant_order_no'));
    // The first request is still at the channel: its answer is the one that both callers want.
    const attempt = aggregate.attempts.at(-1);
    const at_work =
      attempt?.state === 'sending' &&
      addMs(attempt.created_at, send_lease_ms) > ctx.clock.now() &&
      attempt.version === 1 &&
      aggregate.payment.version === aggregate.payment.attempt_count;
    if (!at_work || ctx.clock.monotonic_ms() >= give_up) {
      const body = JSON.stringify(viewPayment(aggregate.payment, shownAttempt(aggregate.payment, aggregate.attempts), seenBy(ctx, merchant)));
      return keep(call, 'create_payment', aggregate.payment.id, 201, body);
    }
    await ctx.clock.sleep(repeat_poll_ms);
  }
}
const repeat_poll_ms = 50;

/** The frozen reply of a key, or the completed one of a request that was cut off; undefined when the key is new. */
async function replyOfKey(call: WriteCall, operation: string, merchant: Merchant): Promise<FrozenReply | undefined> {
  const known = await awaitReply(call, operation, send_lease_ms);
  return known === undefined || 'frozen' in known ? known : storedReply(call, merchant, known.unfinished);
}

/** What is known of the payment now, for a request that ends without a word of the channel. */
async function storedReply(call: WriteCall, merchant: Merchant, payment_id: string): Promise<FrozenReply> {
  const aggregate = await store.findById(call.ctx, call.caller.merchant_id, payment_id);
  assert(aggregate, 'a payment stays');
  return freeze(call, 201, JSON.stringify(viewPayment(aggregate.payment, shownAttempt(aggregate.payment, aggregate.attempts), seenBy(call.ctx, merchant))));
}

type AttemptCall = WriteCall & {
  readonly body: CreateAttemptBody;
  readonly payment_id: string;
  /** Refused while an earlier attempt may still be paid: whoever asks is told of the latest attempt alone. */
  readonly after_all_others?: boolean;
};

/** Tries again, perhaps with another wallet. Earlier attempts stay payable until the payment is paid or closed. */
export async function createAttempt(call: AttemptCall): Promise<FrozenReply> {
  const { ctx, caller } = call;
  const merchant = await getMerchant(ctx, caller.merchant_id);
  const first = await ownPayment(ctx, caller, call.payment_id);
  const key = takeKey(call, 'create_attempt', first.payment.id);
  try {
    const wanted = await newTry(ctx, caller, call.body, first.payment);
    const made = await placed(ctx, wanted.route, async (route) => {
      const turn = beginTurn(ctx, send_lease_ms);
      const attempt = wanted.attempt(route, ctx.clock.now());
      const { aggregate } = await apply(ctx, {
        merchant,
        first,
        read: () => store.findById(ctx, caller.merchant_id, call.payment_id),
        decide: (current, env) => (call.after_all_others && current.attempts.some(isLive) ? refuse('attempt_unsettled') : decideAttempt(current, attempt, env)),
        source: { via: 'request', evidence: undefined },
        key,
        route: writeOf(route, attempt, caller),
      });
      return { aggregate, attempt, route, turn };
    });
    return await sendFirst(call, merchant, made.aggregate, { ...made, wanted });
  } catch (error) {
    const repeated = violatedConstraint(error) === 'idempotency_keys_pkey' || error instanceof RefusalError;
    const known = repeated && call.idempotency_key !== undefined ? await replyOfKey(call, 'create_attempt', merchant) : undefined;
    if (known) return known;
    throw error;
  }
}
