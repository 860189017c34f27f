import { canonicalJson } from '../../../kernel/digest.ts';
import { bizDate } from '../../../kernel/time.ts';
import type { Gateway } from '../../kit/gateway/gateway.ts';
import { isPaid } from '../../kit/gateway/ledger.ts';
import { Problem, type ProblemName } from '../../kit/gateway/problem.ts';
import type { Call } from '../../kit/gateway/wire.ts';
import type { Merchant, Order, Refund } from '../../kit/gateway/world.ts';
import { states } from './views.ts';

type Fields = ReadonlyMap<string, string>;
/** A result and the names that its MAC covers, or the code of an error. */
export type Result = { readonly fields: Readonly<Record<string, string | null>>; readonly signed: readonly string[] } | { readonly code: string };
export type Calls = (path: string, merchant: Merchant, fields: Fields) => Pick<Call, 'name' | 'names'> & { readonly run: () => Result };

const state_names = ['merchantId', 'orderNo', 'orderReqNo', 'orderDate', 'ourTransNo', 'transAmt', 'transStatus', 'encodeType'];
const undo_names = ['oldOrderNo', 'refundReqNo', 'transAmt'];

export function createCalls(gateway: Gateway): Calls {
  const { world, faults } = gateway;

  function placeOrder(merchant: Merchant, fields: Fields): Result {
    const order_no = required(fields, 'orderNo', 30);
    const amount_fen = amountOf(fields, 'orderAmt');
    if (amountOf(fields, 'productAmt') + Number(fields.get('attachAmt') ?? 0) !== amount_fen) throw new Problem('parameter', '-302');
    for (const name of ['channel', 'busiType', 'storeId']) required(fields, name, 30);
    const date = required(fields, 'orderDate', 14);
    const { mac: _mac, ...parameters } = Object.fromEntries(fields);
    const notify_url = fields.get('backUrl');
    const subject = fields.get('goodsName') ?? '';
    const base = { merchant: merchant.no, order_no, method: 'bestpay_barcode', subject, amount_fen, parameters: canonicalJson(parameters) } as const;
    const expires_ms = world.now_ms() + 3_600_000;
    const wanted = { ...base, ...(notify_url === undefined ? {} : { notify_url }), expires_ms, own: { date: date.slice(0, 8), full_date: date } };
    try {
      const order = gateway.ledger.charge(wanted, required(fields, 'barcode', 30));
      if (isPaid(order)) gateway.paid(order);
      return shown(order, order.order_no, null);
    } catch (error) {
      // Why a wallet does not pay is not said: the order has failed.
      const order = gateway.ledger.find(`${merchant.no}/${order_no}`);
      if (error instanceof Problem && error.problem === 'insufficient_funds' && order) return shown(order, order.order_no, null);
      throw error;
    }
  }

  function shown(order: Order, orderReqNo: string, orderDate: string | null): Result {
    const reversed_paid = order.state === 'reversed' && isPaid(order);
    return {
      fields: {
        merchantId: order.merchant,
        orderNo: order.order_no,
        orderReqNo,
        orderDate,
        ourTransNo: order.transaction_id ?? '',
        transAmt: String(order.amount_fen),
        transStatus: reversed_paid ? 'B' : states[order.state],
        encodeType: '1',
        coupon: '0',
        payerAccount: isPaid(order) ? '13900000000' : '',
        refundFlag: reversed_paid ? '3' : gateway.ledger.refundsOf(order).length > 0 ? '2' : '0',
      },
      signed: state_names,
    };
  }

  function orderOf(merchant: Merchant, number: string): Order {
    const order = gateway.ledger.find(`${merchant.no}/${number}`);
    if (!order) throw new Problem('order_unknown');
    return order;
  }

  function query(merchant: Merchant, fields: Fields): Result {
    const order = orderOf(merchant, required(fields, 'orderNo', 30));
    const asked = required(fields, 'orderReqNo', 30);
    if (faults.take('query', ['not_found_lag'])) throw new Problem('order_unknown');
    if (asked === order.order_no) return shown(order, asked, order.own.full_date ?? null);
    const refund = gateway.ledger.findRefund(merchant.no, asked);
    if (!refund) throw new Problem('refund_unknown');
    return shownRefund(order, gateway.look(refund));
  }

  function shownRefund(order: Order, refund: Refund): Result {
    const transStatus = { processing: 'A', succeeded: 'B', failed: 'C' }[refund.state];
    const base = { merchantId: order.merchant, orderNo: order.order_no, orderReqNo: refund.refund_no, orderDate: refund.own.date ?? null };
    return { fields: { ...base, ourTransNo: refund.refund_id, transAmt: String(refund.amount_fen), transStatus, encodeType: '1' }, signed: state_names };
  }

  function undo(merchant: Merchant, fields: Fields): { readonly order: Order; readonly refund_no: string; readonly amount_fen: number } {
    if (required(fields, 'merchantPwd', 32) !== merchant.own.trade_key) throw new Problem('parameter', '-309');
    const order = orderOf(merchant, required(fields, 'oldOrderNo', 30));
    // Numbers of an odd length are refused where a payment code is refunded.
    if (order.order_no.length % 2 !== 0) throw new Problem('parameter', 'BE301008');
    return { order, refund_no: required(fields, 'refundReqNo', 30), amount_fen: amountOf(fields, 'transAmt') };
  }

  function refund(merchant: Merchant, fields: Fields): Result {
    const { order, refund_no, amount_fen } = undo(merchant, fields);
    const notify_url = fields.get('bgUrl');
    const wanted = {
      refund_no,
      amount_fen,
      parameters: String(amount_fen),
      ...(notify_url === undefined ? {} : { notify_url }),
      own: { date: required(fields, 'refundReqDate', 8) },
    };
    gateway.refund(order, wanted);
    return undone(order, refund_no, amount_fen);
  }

  /** Orders of today only, and whole. */
  function reverse(merchant: Merchant, fields: Fields): Result {
    const { order, refund_no, amount_fen } = undo(merchant, fields);
    if (amount_fen !== order.amount_fen) throw new Problem('parameter', 'BE301001');
    if (bizDate(new Date(order.created_ms)) !== bizDate(world.now())) throw new Problem('too_late');
    gateway.ledger.reverse(order);
    return undone(order, refund_no, amount_fen);
  }

  const undone = (order: Order, refundReqNo: string, amount_fen: number): Result => ({
    fields: { oldOrderNo: order.order_no, refundReqNo, transAmt: String(amount_fen) },
    signed: undo_names,
  });

  /** A refund is asked about with the same call as its order. */
  const queryName = (fields: Fields): Call['name'] => (fields.get('orderReqNo') === fields.get('orderNo') ? 'query' : 'refund_query');

  return (path, merchant, fields) => {
    const asked = { order_no: fields.get('orderNo') };
    const undone = { order_no: fields.get('oldOrderNo'), refund_no: fields.get('refundReqNo') };
    if (path === '/barcode/placeOrder') return { name: 'pay', names: { ...asked, charges: true }, run: () => answer(() => placeOrder(merchant, fields)) };
    if (path === '/query/queryOrder') return { name: queryName(fields), names: asked, run: () => answer(() => query(merchant, fields)) };
    if (path === '/refund/commonRefund') return { name: 'refund', names: undone, run: () => answer(() => refund(merchant, fields)) };
    return { name: 'reverse', names: undone, run: () => answer(() => reverse(merchant, fields)) };
  };
}

function answer(run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { code: codes[error.problem] ?? (/^(?:-|BE)/.test(error.message) ? error.message : 'BE199999') };
  }
}

const codes: Partial<Record<ProblemName, string>> = {
  order_unknown: 'BE110062',
  refund_unknown: 'BE110062',
  order_not_paid: 'BE301009',
  order_reversed: 'BE301011',
  code_invalid: 'BARCODE_VALIDATE_ERROR',
  code_expired: 'BARCODE_VALIDATE_ERROR',
  refund_exceeds: 'BE301001',
  refund_differs: 'BE301007',
  too_late: 'BE301014',
};

function required(fields: Fields, name: string, length_max: number): string {
  const value = fields.get(name);
  if (!value || value.length > length_max) throw new Problem('parameter', 'BE199999');
  return value;
}

function amountOf(fields: Fields, name: string): number {
  const text = required(fields, name, 11);
  if (!/^[1-9]\d*$/.test(text)) throw new Problem('parameter', 'BE199999');
  return Number(text);
}
