import { type CreateAttemptBody, type CreatePaymentBody, type Method, methods } from '@heliu/contract';
import { channels } from '../../channels/registry.ts';
import { assert } from '../../kernel/assert.ts';
import { newId, newToken } from '../../kernel/id.ts';
import { page_turns_max } from '../../kernel/limits.ts';
import { toFen } from '../../kernel/money.ts';
import { RefusalError, refuse } from '../../kernel/refusal.ts';
import { addMs } from '../../kernel/time.ts';
import { getMerchant, getMerchantByCode, listActiveAccounts } from '../../merchants/service.ts';
import { placeOf } from '../../merchants/terminals/service.ts';
import type { Caller } from '../../platform/caller.ts';
import { violatedConstraint } from '../../platform/db/db.ts';
import { awaitReply, type FrozenReply, keep } from '../../platform/idempotency/idempotency.ts';
import { isLive } from '../attempt.ts';
import type { Aggregate, Change } from '../change.ts';
import { pursueAttempt, retireAttempt } from '../closes/service.ts';
import { newTry, createPayment as payAtOnce, placed, writeOf } from '../creates/service.ts';
import type { PaymentsCtx } from '../ctx.ts';
import { decideAttempt, newPayment } from '../decide-payment.ts';
import type { Payment } from '../payment.ts';
import { send_lease_ms } from '../schedule.ts';
import { apply, applyWord, beginTurn, liveAttempts, mayStillSend, openRequest, seenBy, sendAttempt, takeKey, type WriteCall } from '../service.ts';
import * as store from '../store.ts';
import { viewPayment } from '../view.ts';
import { isOnItsWay, isTwin } from './twin.ts';

/** A payment that nobody tries yet: it has a page, and the wallet that opens the page decides how it is paid. */
export type OpenOrder = Pick<CreatePaymentBody, 'merchant_order_no' | 'amount_fen' | 'currency' | 'subject' | 'metadata' | 'store_id' | 'terminal_id'> & {
  readonly expires_in_s: number;
  /** Only methods that it names are offered; all where it is absent. */
  readonly allowed?: readonly Method[];
};

/** Fields that describe one try: a payment for every wallet has none yet. */
const try_fields = ['channel_account_id', 'auth_code', 'payer_id', 'app_id', 'payer_ip', 'return_url'] as const;

/** Creates a payment: tried at once, or with a code that any wallet scans. */
export async function createPayment(call: WriteCall & { readonly body: CreatePaymentBody }): Promise<FrozenReply> {
  const { method, ...body } = call.body;
  if (method !== 'qr') return payAtOnce({ ...call, body: { ...body, method } });
  const unexpected = try_fields.find((name) => body[name] !== undefined);
  if (unexpected !== undefined) throw new RefusalError(refuse('parameter_unknown', unexpected));
  const opened = await openPayment(call, 'create_payment', { ...body, expires_in_s: body.expires_in_s ?? 7200 });
  if ('frozen' in opened) return opened;
  const merchant = await getMerchant(call.ctx, call.caller.merchant_id);
  return keep(call, 'create_payment', opened.id, 201, JSON.stringify(viewPayment(opened, undefined, seenBy(call.ctx, merchant))));
}

/**
 * Creates a payment with a page, or gives the one that the same request created before; a reply that was frozen for the
 * key is given as it is. The caller completes the reply.
 */
export async function openPayment(call: WriteCall, operation: string, order: OpenOrder): Promise<Payment | FrozenReply> {
  const { ctx, caller } = call;
  try {
    const offered = await offeredMethods(ctx, caller);
    if (!offered.some((method) => order.allowed === undefined || order.allowed.includes(method))) throw new RefusalError(refuse('no_channel_account'));
    return await insertOpen(call, operation, order);
  } catch (error) {
    const violated = violatedConstraint(error);
    const taken = violated === 'idempotency_keys_pkey' || violated === 'payments_order_no';
    const known = taken || error instanceof RefusalError ? await repeatedOpen(call, operation, order.merchant_order_no) : undefined;
    if (known) return known;
    throw error;
  }
}

async function insertOpen(call: WriteCall, operation: string, order: OpenOrder): Promise<Payment> {
  const { ctx, caller } = call;
  const now = ctx.clock.now();
  const payment = newPayment({
    merchant_id: caller.merchant_id,
    id: newId('payment', now, ctx.rng),
    livemode: caller.livemode,
    merchant_order_no: order.merchant_order_no,
    ...(await placeOf(ctx, caller, order)),
    request_hash: call.request_hash,
    amount_fen: toFen(order.amount_fen),
    currency: order.currency ?? 'CNY',
    subject: order.subject,
    metadata: order.metadata ?? {},
    latest_attempt_id: null,
    attempt_count: 0,
    checkout_token: newToken(ctx.rng),
    expires_at: addMs(now, order.expires_in_s * 1000),
    created_at: now,
  });
  const change: Change = {
    payment,
    attempts: [],
    refunds: [],
    transitions: [{ object_id: payment.id, version: 1, from_state: null, to_state: payment.state }],
    events: [],
  };
  await store.insert(ctx, { change, source: { via: 'request', evidence: undefined }, events: [], key: takeKey(call, operation, payment.id), now });
  return payment;
}

/** The same key or order number came before: the same request gets the same payment, another is refused. */
async function repeatedOpen(call: WriteCall, operation: string, merchant_order_no: string): Promise<Payment | FrozenReply | undefined> {
  const { ctx, caller } = call;
  const known = call.idempotency_key === undefined ? undefined : await awaitReply(call, operation, open_lease_ms);
  if (known && 'frozen' in known) return known;
  const aggregate = known
    ? await store.findById(ctx, caller.merchant_id, known.unfinished)
    : await store.findByOrderNo(ctx, caller.merchant_id, caller.livemode, merchant_order_no);
  if (aggregate && !aggregate.payment.request_hash.equals(call.request_hash)) throw new RefusalError(refuse('merchant_order_no_taken', 'merchant_order_no'));
  return aggregate?.payment;
}
/** No channel is called, so whoever has not finished by then was cut off. */
const open_lease_ms = 2_000;

/** What the merchant's accounts take of what a page can offer: payment codes are for tills. */
export async function offeredMethods(ctx: PaymentsCtx, { merchant_id, livemode }: Pick<Caller, 'merchant_id' | 'livemode'>): Promise<Method[]> {
  const candidates = await listActiveAccounts(ctx, merchant_id, livemode);
  const taken = new Set(candidates.flatMap(({ account }) => Object.keys(channels.get(account.channel)?.pay ?? {}) as Method[]));
  return [...taken].filter((method) => methods[method].scene !== 'barcode');
}

const address_form = /^([0-9A-HJKMNP-TV-Z]{6})([0-9A-HJKMNP-TV-Z]{26})$/;

/** The payment whose page stands at this end of an address; undefined for everything that was not given out. */
export async function findPage(ctx: PaymentsCtx, address: string): Promise<Aggregate | undefined> {
  const [, code, token] = address_form.exec(address) ?? [];
  const merchant = code === undefined ? undefined : await getMerchantByCode(ctx, code);
  return merchant && token !== undefined ? store.findByCheckoutToken(ctx, merchant.id, token) : undefined;
}

/**
 * Tries a payment from its page. One attempt lives at a time: a second tap, tab or phone gets the attempt that is there,
 * and one with another wallet ends it at the channel first. Whom others keep waiting for too long gets what there is, and nothing is
 * begun. Refuses as `create_attempt` does, and for a merchant that was suspended.
 */
export async function tryFromPage(ctx: PaymentsCtx, own: Aggregate, body: CreateAttemptBody): Promise<Aggregate> {
  const { merchant_id, id } = own.payment;
  const read = async () => {
    const aggregate = await store.findById(ctx, merchant_id, id);
    assert(aggregate, 'a payment stays');
    return aggregate;
  };
  const merchant = await getMerchant(ctx, merchant_id);
  /** Orders that their channel did not end when asked: they are pursued, and do not keep the payer waiting. */
  const left = new Set<string>();
  let current = own;
  for (let turn = 0; turn < page_turns_max; turn++) {
    const now = ctx.clock.now();
    const live = liveAttempts(current).filter((attempt) => !left.has(attempt.id));
    const twin = live.find((attempt) => isTwin(attempt, openRequest(ctx, attempt), body, now));
    if (twin && !isOnItsWay(twin, now)) return current;
    // What was tried before is followed to its end, and nothing more is begun.
    if (merchant.state !== 'active') throw new RefusalError(refuse('merchant_suspended'));
    if (live.some((attempt) => isOnItsWay(attempt, now))) {
      await ctx.clock.sleep(pauseOf(turn));
    } else if (live.length > 0) {
      await Promise.all(live.map((attempt) => retireAttempt(ctx, merchant_id, attempt.id)));
      for (const attempt of live) left.add(attempt.id);
    } else {
      const tried = await tryOnce(ctx, current, body, left);
      if (tried) return tried;
    }
    current = await read();
  }
  return current;
}

const page_pause_ms = { first: 100, max: 1_000, grows_by: 1.2 } as const;
/** A channel answers within tenths of a second; where one does not answer at all, its payers do not keep the database busy. */
const pauseOf = (turn: number): number => Math.min(page_pause_ms.first * page_pause_ms.grows_by ** turn, page_pause_ms.max);

/** Makes and sends the attempt; undefined when another one was quicker, or may have been: what there is now is looked at again. */
async function tryOnce(ctx: PaymentsCtx, first: Aggregate, body: CreateAttemptBody, left: ReadonlySet<string>): Promise<Aggregate | undefined> {
  const { payment } = first;
  const merchant = await getMerchant(ctx, payment.merchant_id);
  const wanted = await newTry(ctx, payment, body, payment);
  const { attempt, account, turn, ...made } = await placed(ctx, wanted.route, async (route) => {
    const turn = beginTurn(ctx, send_lease_ms);
    const next = wanted.attempt(route, ctx.clock.now());
    const applied = await apply(ctx, {
      merchant,
      first,
      read: () => store.findById(ctx, payment.merchant_id, payment.id),
      decide: (current, env) => (current.attempts.some((other) => isLive(other) && !left.has(other.id)) ? undefined : decideAttempt(current, next, env)),
      source: { via: 'request', evidence: undefined },
      route: writeOf(route, next, payment),
    });
    return { ...applied, attempt: next, account: route.account, turn };
  });
  if (!made.change || !mayStillSend(ctx, turn, { merchant_id: payment.merchant_id, attempt_id: attempt.id })) return undefined;
  const answered = await sendAttempt(ctx, merchant, payment, attempt, account);
  const { aggregate } = await applyWord(ctx, merchant, account, attempt.id, { ...answered, via: 'answer' }, { first: made.aggregate });
  return aggregate;
}

/** Asks the channels now about whatever of the payment is open: the payer came back and wants to know. */
export async function askNow(ctx: PaymentsCtx, own: Aggregate): Promise<Aggregate> {
  const { merchant_id, id } = own.payment;
  await Promise.all(liveAttempts(own).map((attempt) => pursueAttempt(ctx, merchant_id, attempt.id)));
  return (await store.findById(ctx, merchant_id, id)) ?? own;
}

/** What a page that watches needs to know of many payments of one merchant, in one look. */
export const watchStates = (ctx: PaymentsCtx, merchant_id: string, payment_ids: readonly string[]): Promise<store.Watched[]> =>
  store.watchPayments(ctx, merchant_id, payment_ids);

/** Payments of a caller with pages, by their ids. */
export const listByIds = (ctx: PaymentsCtx, merchant_id: string, ids: readonly string[]): Promise<Payment[]> => store.findMany(ctx, merchant_id, ids);
