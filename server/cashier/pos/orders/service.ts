import { type Method, methods, type Payment, type pos_forms, type Refund } from '@heliu/contract';
import type { Static } from 'typebox';
import { canonicalJson, sha256 } from '../../../kernel/digest.ts';
import { pos_orders_max, pos_wait_ms_max, pos_waits_per_device_max } from '../../../kernel/limits.ts';
import { toFen } from '../../../kernel/money.ts';
import { RefusalError, refuse } from '../../../kernel/refusal.ts';
import { bizDate } from '../../../kernel/time.ts';
import { getMerchant } from '../../../merchants/service.ts';
import { openStore } from '../../../merchants/stores/service.ts';
import { activeTerminal } from '../../../merchants/terminals/service.ts';
import { createPayment, offeredMethods } from '../../../payments/checkout/service.ts';
import { cancelPayment } from '../../../payments/closes/service.ts';
import { createAttempt } from '../../../payments/creates/service.ts';
import type { PaymentsCtx } from '../../../payments/ctx.ts';
import { createRefund } from '../../../payments/refunds/service.ts';
import { listPayments, retrievePaymentByOrderNo } from '../../../payments/service.ts';
import { perNode } from '../../../platform/cache.ts';
import type { Caller } from '../../../platform/caller.ts';
import type { FrozenReply } from '../../../platform/idempotency/idempotency.ts';
import { type Device, deviceOrderNo, type Outcome, orderNoOf, outcomeOf } from '../device.ts';
import { checkSupervisorPin } from '../service.ts';
import { speechOf } from '../speech.ts';
import { releaseRefund, reserveRefund } from '../store.ts';

/** An order as its device sees it: one outcome, and what stands behind it. */
export type Order = {
  readonly order_no: string;
  readonly outcome: Outcome;
  /** What a speaker (云喇叭) says once it is paid; null before. */
  readonly speech: string | null;
  readonly payment: Payment;
};

const shownAs = (order_no: string, payment: Payment): Order => {
  const outcome = outcomeOf(payment);
  return { order_no, outcome, speech: outcome === 'paid' ? speechOf(payment) : null, payment };
};

/** What a device needs to know before it takes money. */
export async function describeTill(ctx: PaymentsCtx, device: Device) {
  const [merchant, store, terminal, offered] = await Promise.all([
    getMerchant(ctx, device.merchant_id),
    openStore(ctx, device, device.store_id),
    activeTerminal(ctx, device, device.terminal_id),
    offeredMethods(ctx, device),
  ]);
  const of_wallets = offered.filter((method) => methods[method].scene === 'qr').map((method) => ({ method, wallet: methods[method].wallet }));
  return {
    merchant_name: merchant.name,
    store_name: store.name,
    terminal_name: terminal.name,
    livemode: device.livemode,
    // The code for every wallet comes first: a cashier need not ask which one the payer has.
    qr_methods: offered.length === 0 ? [] : [{ method: 'qr' as const, wallet: 'aggregate' as const }, ...of_wallets],
    refund_fen_max: Number(device.refund_fen_max),
    now: ctx.clock.now().toISOString(),
  };
}

/**
 * Charges an order: by the code that the payer shows, or with a code to be shown. The same order and try is the same charge,
 * however often a bad network makes the device send it; a higher try is the next scan of an order whose last one was refused.
 */
export async function charge(ctx: PaymentsCtx, device: Device, input: Static<typeof pos_forms.charge>): Promise<Order> {
  const { order_no, try_no, amount_fen, auth_code, qr_method } = input;
  if ((auth_code === undefined) === (qr_method === undefined)) throw new RefusalError(refuse('parameter_missing', 'auth_code'));
  const method = auth_code === undefined ? qrMethod(qr_method as string) : ('barcode' as const);
  const merchant_order_no = orderNoOf(device, order_no);
  const caller = callerOf(device);
  // The code is not part of what the order is: the first answer may be lost, and the next scan is another code.
  const request_hash = sha256(canonicalJson(['pos', merchant_order_no, amount_fen]));
  const pay = { method, ...(auth_code === undefined ? {} : { auth_code }) };
  if (try_no > 1) {
    const known = await retrievePaymentByOrderNo(ctx, caller, merchant_order_no).catch(orUndefined);
    if (known) {
      // Such a code stands for a whole order: there is no other try of it.
      if (method === 'qr') throw new RefusalError(refuse('parameter_invalid', 'qr_method'));
      if (known.amount_fen !== amount_fen) throw new RefusalError(refuse('merchant_order_no_taken', 'order_no'));
      const idempotency_key = `pos/${merchant_order_no}/${try_no}`;
      // The key stands for the try, so what it was sent with is not part of it.
      // A code on the till's screen may be paid while the next one is refused, and the cashier would take cash.
      const next = { payment_id: known.id, body: { ...pay, method }, after_all_others: true };
      return orderOf(device, await createAttempt({ ctx, caller, request_hash, idempotency_key, ...next }));
    }
  }
  const merchant = await getMerchant(ctx, device.merchant_id);
  const body = {
    merchant_order_no,
    amount_fen,
    subject: merchant.name.slice(0, 60),
    terminal_id: device.terminal_id,
    metadata: { device_id: device.id },
    ...pay,
  };
  return orderOf(device, await createPayment({ ctx, caller, request_hash, body }));
}

function qrMethod(text: string): Method | 'qr' {
  if (text === 'qr') return text;
  const method = Object.keys(methods).find((name) => name === text) as keyof typeof methods | undefined;
  if (method === undefined || methods[method].scene !== 'qr') throw new RefusalError(refuse('parameter_invalid', 'qr_method'));
  return method;
}

/** An order of this terminal. */
export async function findOrder(ctx: PaymentsCtx, device: Device, order_no: string): Promise<Order> {
  const payment = await retrievePaymentByOrderNo(ctx, callerOf(device), orderNoOf(device, order_no)).catch(orUndefined);
  if (!payment) throw new RefusalError(refuse('order_not_here', 'order_no'));
  return shownAs(order_no, payment);
}

/** An order of this terminal once it is newer than a version, or after some 25 seconds as it is then. */
export async function awaitNews(ctx: PaymentsCtx, device: Device, order_no: string, after_version: number, stopping: AbortSignal): Promise<Order> {
  const waits = waitsOf(ctx);
  const held = waits.get(device.id) ?? 0;
  if (held >= pos_waits_per_device_max) throw new RefusalError(refuse('rate_limited', undefined, { retry_after_s: 1 }));
  waits.set(device.id, held + 1);
  const give_up = ctx.clock.monotonic_ms() + pos_wait_ms_max;
  try {
    for (;;) {
      const order = await findOrder(ctx, device, order_no);
      if (order.payment.version > after_version || ctx.clock.monotonic_ms() >= give_up || stopping.aborted) return order;
      await ctx.clock.sleep(wait_step_ms, stopping);
    }
  } finally {
    const left = (waits.get(device.id) ?? 1) - 1;
    if (left === 0) waits.delete(device.id);
    else waits.set(device.id, left);
  }
}
/** Requests that wait on this node, by device. */
const waitsOf = perNode(() => new Map<string, number>());
/** A cashier does not notice it, and a thousand waiting terminals ask the database as often as one busy shop. */
const wait_step_ms = 700;

/** The terminal's orders of today in Shanghai, newest first. */
export async function ordersOfToday(ctx: PaymentsCtx, device: Device): Promise<Order[]> {
  const created_from = new Date(`${bizDate(ctx.clock.now())}T00:00:00+08:00`);
  const page = await listPayments(ctx, callerOf(device), { terminal_id: device.terminal_id, created_from, limit: pos_orders_max });
  return page.flatMap((payment) => {
    const order_no = deviceOrderNo(device, payment.merchant_order_no);
    return order_no === undefined ? [] : [shownAs(order_no, payment)];
  });
}

/** The cashier gives up: nothing is charged, and what was charged goes back. Safe at any moment and as often as it is sent. */
export async function cancelOrder(ctx: PaymentsCtx, device: Device, order_no: string): Promise<Order> {
  const { payment } = await findOrder(ctx, device, order_no);
  if (payment.state === 'closed') return shownAs(order_no, payment);
  // What the payer has paid is given back with a supervisor's PIN, not by giving up.
  if (payment.state === 'paid') throw new RefusalError(refuse('payment_already_paid'));
  const request_hash = sha256(canonicalJson(['pos_cancel', payment.id]));
  return orderOf(device, await cancelPayment({ ctx, caller: callerOf(device), request_hash, payment_id: payment.id }));
}

/** Refunds an order of this terminal and today, with the supervisor's PIN and within the device's limit of the day. */
export async function refundOrder(ctx: PaymentsCtx, device: Device, input: Static<typeof pos_forms.refund>): Promise<{ refund: Refund; order: Order }> {
  const { payment } = await findOrder(ctx, device, input.order_no);
  const today = bizDate(ctx.clock.now());
  if (bizDate(new Date(payment.created_at)) !== today) throw new RefusalError(refuse('order_not_here', 'order_no'));
  await checkSupervisorPin(ctx, device, input.pin);
  const merchant_refund_no = orderNoOf(device, input.refund_no);
  const amount_fen = toFen(input.amount_fen);
  const place = await reserveRefund(ctx, device, { merchant_refund_no, biz_date: today, amount_fen });
  if (place === 'taken') throw new RefusalError(refuse('merchant_refund_no_taken', 'refund_no'));
  if (place === 'full') throw new RefusalError(refuse('device_refund_limit', 'amount_fen'));
  const request_hash = sha256(canonicalJson(['pos_refund', payment.id, merchant_refund_no, input.amount_fen]));
  const body = { payment_id: payment.id, merchant_refund_no, amount_fen: input.amount_fen, metadata: { device_id: device.id } };
  try {
    const { frozen } = await createRefund({ ctx, caller: callerOf(device), request_hash, body });
    return { refund: JSON.parse(frozen.body) as Refund, order: await findOrder(ctx, device, input.order_no) };
  } catch (error) {
    if (error instanceof RefusalError) await releaseRefund(ctx, device, merchant_refund_no);
    throw error;
  }
}

const callerOf = ({ merchant_id, livemode, id }: Device): Caller => ({ merchant_id, livemode, api_key_id: id, scopes: [] });

function orderOf(device: Device, { frozen }: FrozenReply): Order {
  const payment = JSON.parse(frozen.body) as Payment;
  return shownAs(deviceOrderNo(device, payment.merchant_order_no) as string, payment);
}

function orUndefined(error: unknown): undefined {
  if (!(error instanceof RefusalError)) throw error;
  return undefined;
}
