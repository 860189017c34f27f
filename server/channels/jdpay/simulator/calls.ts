import type { Method } from '@heliu/contract';
import { canonicalJson } from '../../../kernel/digest.ts';
import { parseShanghaiCompact } from '../../../kernel/time.ts';
import type { Gateway } from '../../kit/gateway/gateway.ts';
import { isCodeOrder, isPaid, type NewOrder } from '../../kit/gateway/ledger.ts';
import { Problem } from '../../kit/gateway/problem.ts';
import type { Call } from '../../kit/gateway/wire.ts';
import type { Merchant, Order } from '../../kit/gateway/world.ts';
import { states } from './views.ts';

export type Fields = ReadonlyMap<string, string>;
export type Result = { readonly fields: Readonly<Record<string, string>> } | { readonly code: string; readonly desc: string };
export type Calls = (service: string, merchant: Merchant, fields: Fields) => (Pick<Call, 'name' | 'names'> & { readonly run: () => Result }) | undefined;

export function createCalls(gateway: Gateway): Calls {
  const { world, faults } = gateway;

  function newOrder(merchant: Merchant, fields: Fields, method: Method): NewOrder {
    const expires = parseShanghaiCompact(fields.get('expireTime') ?? '');
    return {
      merchant: merchant.no,
      order_no: required(fields, 'tradeNum'),
      method,
      subject: required(fields, 'tradeName'),
      amount_fen: amountOf(fields),
      notify_url: required(fields, 'notifyUrl'),
      parameters: canonicalJson(Object.fromEntries([...fields].filter(([name]) => name !== 'sign'))),
      expires_ms: expires ? expires.getTime() : world.now_ms() + 7_200_000,
      own: {},
    };
  }

  const place = (method: Method) => (merchant: Merchant, fields: Fields) => {
    const order = gateway.ledger.place(newOrder(merchant, fields, method));
    return { tradeNum: order.order_no, orderId: `${world.today()}${world.digits(12)}` };
  };

  function fkmPay(merchant: Merchant, fields: Fields) {
    const order = gateway.ledger.charge(newOrder(merchant, fields, 'jd_barcode'), required(fields, 'token'));
    if (isPaid(order)) gateway.paid(order);
    return shown(order);
  }

  const shown = (order: Order) => ({
    tradeNum: order.order_no,
    tradeType: '0',
    amount: String(order.amount_fen),
    currency: 'CNY',
    status: states[order.state],
  });

  function orderOf(merchant: Merchant, number: string): Order {
    const order = gateway.ledger.find(`${merchant.no}/${number}`);
    if (!order) throw new Problem('order_unknown');
    return order;
  }

  function query(merchant: Merchant, fields: Fields) {
    if (fields.get('tradeType') === '1') return queryRefund(merchant, required(fields, 'tradeNum'));
    const order = orderOf(merchant, required(fields, 'tradeNum'));
    if (faults.take('query', ['not_found_lag'])) throw new Problem('order_unknown');
    return shown(order);
  }

  function queryRefund(merchant: Merchant, number: string) {
    const held = gateway.ledger.findRefund(merchant.no, number);
    if (!held) throw new Problem('refund_unknown');
    const refund = gateway.look(held);
    const status = { processing: '1', succeeded: '2', failed: '3' }[refund.state];
    return { tradeNum: refund.refund_no, tradeType: '1', amount: String(refund.amount_fen), currency: 'CNY', status };
  }

  function refund(merchant: Merchant, fields: Fields) {
    const order = orderOf(merchant, required(fields, 'oTradeNum'));
    const refund_no = required(fields, 'tradeNum');
    if (gateway.ledger.findRefund(merchant.no, refund_no)) throw new Problem('refund_differs');
    const made = gateway.refund(order, { refund_no, amount_fen: amountOf(fields), notify_url: required(fields, 'notifyUrl'), parameters: '', own: {} });
    return { tradeNum: refund_no, oTradeNum: order.order_no, tradeType: '1', amount: String(made.amount_fen), currency: 'CNY', status: '1' };
  }

  function revoke(merchant: Merchant, fields: Fields) {
    const order = orderOf(merchant, required(fields, 'oTradeNum'));
    if (!isCodeOrder(order) || amountOf(fields) !== order.amount_fen) throw new Problem('no_code_order');
    gateway.ledger.reverse(order);
    return { tradeNum: required(fields, 'tradeNum'), oTradeNum: order.order_no, amount: String(order.amount_fen), currency: 'CNY', status: '2' };
  }

  const services: Readonly<Record<string, readonly [Call['name'], (merchant: Merchant, fields: Fields) => Record<string, string>]>> = {
    uniorder: ['pay', place('jd_app')],
    h5: ['pay', place('jd_h5')],
    pc: ['pay', place('jd_page')],
    fkmPay: ['pay', fkmPay],
    query: ['query', query],
    refund: ['refund', refund],
    revoke: ['reverse', revoke],
  };

  return (service, merchant, fields) => {
    const found = Object.hasOwn(services, service) ? services[service] : undefined;
    if (!found) return undefined;
    const name = service === 'query' && fields.get('tradeType') === '1' ? 'refund_query' : found[0];
    const [own, origin] = [fields.get('tradeNum'), fields.get('oTradeNum')];
    const names = origin === undefined ? { order_no: own, charges: service === 'fkmPay' } : { order_no: origin, refund_no: own };
    return { name, names, run: () => answer(() => found[1](merchant, fields)) };
  };
}

function answer(run: () => Record<string, string>): Result {
  try {
    return { fields: run() };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    // JD does not publish its codes; these are the simulator's own.
    return { code: error.problem === 'order_unknown' || error.problem === 'refund_unknown' ? 'SIM404' : 'SIM400', desc: error.message };
  }
}

function required(fields: Fields, name: string): string {
  const value = fields.get(name);
  if (!value) throw new Problem('parameter', name);
  return value;
}

function amountOf(fields: Fields): number {
  const text = required(fields, 'amount');
  if (!/^[1-9]\d{0,11}$/.test(text)) throw new Problem('parameter', 'amount');
  return Number(text);
}
