import {
  cancelPayment,
  cancelPaymentByOrderNo,
  closePayment,
  closePaymentByOrderNo,
  createAttempt,
  createPayment,
  createRefund,
  createRefundByOrderNo,
  explainRouting,
  listPayments,
  listRefunds,
  type Payment,
  type Refund,
  retrievePayment,
  retrievePaymentByOrderNo,
  retrievePaymentRouting,
  retrieveRefund,
  simulateRouting,
  syncPayment,
} from '@heliu/contract';
import type { FastifyInstance } from 'fastify';
import { orThrow } from '../kernel/refusal.ts';
import type { Caller } from '../platform/caller.ts';
import { bindOperation } from '../platform/http/bind.ts';
import { type CursorScope, page_limit, pageOf, readCursor } from '../platform/http/cursor.ts';
import * as checkout from './checkout/service.ts';
import * as closes from './closes/service.ts';
import * as creates from './creates/service.ts';
import type { PaymentsCtx } from './ctx.ts';
import * as refundService from './refunds/service.ts';
import * as service from './service.ts';

/** Binds payments and refunds of the contract. */
export function bindPayments(scope: FastifyInstance, ctx: PaymentsCtx): void {
  const idOf = ({ caller, params }: { readonly caller: Caller; readonly params: { readonly merchant_order_no: string } }) =>
    service.paymentIdOf(ctx, caller, params.merchant_order_no);
  bindOperation(scope, ctx, createPayment, (call) => checkout.createPayment({ ...call, ctx }));
  bindOperation(scope, ctx, createAttempt, (call) => creates.createAttempt({ ...call, ctx, payment_id: call.params.payment_id }));
  bindOperation(scope, ctx, retrievePayment, ({ caller, params }) => service.retrievePayment(ctx, caller, params.payment_id));
  bindOperation(scope, ctx, retrievePaymentRouting, ({ caller, params }) => service.retrieveRouting(ctx, caller, params.payment_id));
  bindOperation(scope, ctx, explainRouting, (call) => service.explainRouting(ctx, call.caller, call.body));
  bindOperation(scope, ctx, simulateRouting, (call) => service.simulate(ctx, call.caller, call.body));
  bindOperation(scope, ctx, retrievePaymentByOrderNo, ({ caller, params }) => service.retrievePaymentByOrderNo(ctx, caller, params.merchant_order_no));
  bindOperation(scope, ctx, closePayment, (call) => closes.closePayment({ ...call, ctx, payment_id: call.params.payment_id }));
  bindOperation(scope, ctx, cancelPayment, (call) => closes.cancelPayment({ ...call, ctx, payment_id: call.params.payment_id }));
  bindOperation(scope, ctx, syncPayment, (call) => closes.syncPayment({ ...call, ctx, payment_id: call.params.payment_id }));
  bindOperation(scope, ctx, closePaymentByOrderNo, async (call) => closes.closePayment({ ...call, ctx, payment_id: await idOf(call) }));
  bindOperation(scope, ctx, cancelPaymentByOrderNo, async (call) => closes.cancelPayment({ ...call, ctx, payment_id: await idOf(call) }));
  bindOperation(scope, ctx, createRefund, (call) => refundService.createRefund({ ...call, ctx }));
  bindOperation(scope, ctx, createRefundByOrderNo, async (call) =>
    refundService.createRefund({ ...call, ctx, body: { ...call.body, payment_id: await idOf(call) } }),
  );
  bindOperation(scope, ctx, retrieveRefund, ({ caller, params }) => refundService.retrieveRefund(ctx, caller, params.refund_id));

  bindOperation(scope, ctx, listPayments, async ({ caller, query }) => {
    const { limit = page_limit, cursor, created_from, created_before, ...filters } = query;
    const list: CursorScope = { list: listPayments.id, caller, filters: { ...filters, created_from, created_before } };
    const before_id = cursor === undefined ? undefined : orThrow(readCursor(list, cursor));
    const times = { created_from: instant(created_from), created_before: instant(created_before) };
    const rows = await service.listPayments(ctx, caller, { ...filters, ...times, before_id, limit: limit + 1 });
    return pageReply<Payment>(list, limit, rows);
  });

  bindOperation(scope, ctx, listRefunds, async ({ caller, query }) => {
    const { limit = page_limit, cursor, ...filters } = query;
    const list: CursorScope = { list: listRefunds.id, caller, filters };
    const position = cursor === undefined ? {} : { before_id: orThrow(readCursor(list, cursor)) };
    return pageReply<Refund>(list, limit, await refundService.listRefunds(ctx, caller, { ...filters, ...position, limit: limit + 1 }));
  });
}

const instant = (text: string | undefined): Date | undefined => (text === undefined ? undefined : new Date(text));

function pageReply<Row extends { readonly id: string }>(list: CursorScope, limit: number, rows: readonly Row[]): { data: Row[]; next_cursor: string | null } {
  const page = pageOf(list, limit, rows, ({ id }) => id);
  return { data: [...page.rows], next_cursor: page.next_cursor };
}
