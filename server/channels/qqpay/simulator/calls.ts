import { canonicalJson } from '../../../kernel/digest.ts';
import { parseShanghaiCompact } from '../../../kernel/time.ts';
import type { Gateway } from '../../kit/gateway/gateway.ts';
import { isCodeOrder, isPaid, type NewOrder } from '../../kit/gateway/ledger.ts';
import { Problem, type ProblemName } from '../../kit/gateway/problem.ts';
import type { Call } from '../../kit/gateway/wire.ts';
import type { Merchant, Order } from '../../kit/gateway/world.ts';
import { paymentFields, refundFields, states } from './views.ts';

export type Result = Readonly<Record<string, string>>;
type Fields = ReadonlyMap<string, string>;
type Route = { readonly name: Exclude<Call['name'], 'bill' | 'keys'>; readonly secure: boolean; readonly run: (merchant: Merchant, fields: Fields) => Result };
export type Calls = (
  path: string,
  merchant: Merchant,
  fields: Fields,
) => { readonly name: Route['name']; readonly secure: boolean; readonly run: () => Result } | undefined;

/** An order that was paid so long ago is found by QQ's own number only. */
const days_by_own_number = 30;

export function createCalls(gateway: Gateway): Calls {
  const { world, faults } = gateway;

  const routes: Readonly<Record<string, Route>> = {
    qpay_unified_order: { name: 'pay', secure: false, run: unifiedOrder },
    qpay_micro_pay: { name: 'pay', secure: false, run: micropay },
    qpay_order_query: { name: 'query', secure: false, run: query },
    qpay_close_order: { name: 'close', secure: false, run: close },
    qpay_reverse: { name: 'reverse', secure: true, run: reverse },
    qpay_refund: { name: 'refund', secure: true, run: refund },
    qpay_refund_query: { name: 'refund_query', secure: false, run: refundQuery },
  };

  function newOrder(merchant: Merchant, fields: Fields, method: Order['method']): NewOrder {
    const { sign: _sign, nonce_str: _nonce, ...parameters } = Object.fromEntries(fields);
    const notify_url = fields.get('notify_url');
    const device_info = fields.get('device_info');
    const expire = parseShanghaiCompact(fields.get('time_expire') ?? '');
    if (Buffer.byteLength(required(fields, 'body')) > 128) throw new Problem('parameter', 'body');
    required(fields, 'spbill_create_ip');
    return {
      merchant: merchant.no,
      order_no: required(fields, 'out_trade_no'),
      method,
      subject: required(fields, 'body'),
      amount_fen: feeOf(fields, 'total_fee'),
      ...(notify_url === undefined ? {} : { notify_url }),
      parameters: canonicalJson(parameters),
      expires_ms: expire ? expire.getTime() : world.now_ms() + 7_200_000,
      own: { trade_type: required(fields, 'trade_type'), ...(device_info === undefined ? {} : { device_info }) },
    };
  }

  function unifiedOrder(merchant: Merchant, fields: Fields): Result {
    required(fields, 'notify_url');
    const method = ({ NATIVE: 'qq_qr', MINIAPP: 'qq_mini', JSAPI: 'qq_jsapi', APP: 'qq_app' } as const)[required(fields, 'trade_type')];
    if (method === undefined) throw new Problem('parameter', 'trade_type');
    const prepay_id = `6M${world.hex(30)}`;
    const opens = method === 'qq_qr' ? `https://qpay.qq.com/qr/${world.hex(8)}` : undefined;
    const order = gateway.ledger.place({ ...newOrder(merchant, fields, method), ...(opens === undefined ? {} : { opens }) });
    return { trade_type: order.own.trade_type ?? '', prepay_id, ...(order.opens === undefined ? {} : { code_url: order.opens }) };
  }

  function micropay(merchant: Merchant, fields: Fields): Result {
    required(fields, 'device_info');
    const order = gateway.ledger.charge(newOrder(merchant, fields, 'qq_barcode'), required(fields, 'auth_code'));
    if (order.state === 'asking') return failure('USERPAYING', '用户支付中');
    return { trade_state: 'SUCCESS', ...paymentFields(order) };
  }

  function orderOf(merchant: Merchant, fields: Fields): Order {
    const transaction_id = fields.get('transaction_id');
    const order = transaction_id ? gateway.ledger.byTransaction(transaction_id) : gateway.ledger.find(`${merchant.no}/${required(fields, 'out_trade_no')}`);
    const is_old = order?.paid_ms !== undefined && world.now_ms() - order.paid_ms > days_by_own_number * 86_400_000;
    if (order?.merchant !== merchant.no || (is_old && !transaction_id)) throw new Problem('order_unknown');
    return order;
  }

  function query(merchant: Merchant, fields: Fields): Result {
    const order = orderOf(merchant, fields);
    if (faults.take('query', ['not_found_lag'])) throw new Problem('order_unknown');
    const trade_state = order.state === 'paid' && gateway.ledger.refundsOf(order).length > 0 ? 'REFUND' : states[order.state];
    return isPaid(order) ? { trade_state, trade_state_desc: trade_state, ...paymentFields(order) } : { trade_state, out_trade_no: order.order_no };
  }

  function close(merchant: Merchant, fields: Fields): Result {
    gateway.ledger.close(orderOf(merchant, fields));
    return {};
  }

  function reverse(merchant: Merchant, fields: Fields): Result {
    const order = orderOf(merchant, fields);
    if (!isCodeOrder(order)) throw new Problem('no_code_order');
    gateway.ledger.reverse(order);
    return { recall: 'N' };
  }

  function refund(merchant: Merchant, fields: Fields): Result {
    if (required(fields, 'op_user_passwd') !== merchant.own.op_user_passwd) throw new Problem('parameter', 'op_user_passwd');
    const order = orderOf(merchant, fields);
    const { sign: _sign, nonce_str: _nonce, ...parameters } = Object.fromEntries(fields);
    const made = gateway.refund(order, {
      refund_no: required(fields, 'out_refund_no'),
      amount_fen: feeOf(fields, 'refund_fee'),
      parameters: canonicalJson(parameters),
      own: {},
    });
    return {
      transaction_id: order.transaction_id ?? '',
      out_trade_no: order.order_no,
      out_refund_no: made.refund_no,
      refund_id: made.refund_id,
      refund_fee: String(made.amount_fen),
      total_fee: String(order.amount_fen),
    };
  }

  function refundQuery(merchant: Merchant, fields: Fields): Result {
    const out_refund_no = fields.get('out_refund_no');
    const named = out_refund_no ? [gateway.ledger.findRefund(merchant.no, out_refund_no) ?? []].flat() : gateway.ledger.refundsOf(orderOf(merchant, fields));
    const order = world.tables.order.get(named[0]?.order_id ?? '');
    if (!order || faults.take('refund_query', ['not_found_lag'])) throw new Problem('refund_unknown');
    const listed = Object.assign({}, ...named.map((held, index) => refundFields(gateway.look(held), index)));
    return { transaction_id: order.transaction_id ?? '', out_trade_no: order.order_no, refund_count: String(named.length), ...listed };
  }

  return (path, merchant, fields) => {
    const name = /^\/cgi-bin\/pay\/(\w+)\.cgi$/.exec(path)?.[1] ?? '';
    const route = Object.hasOwn(routes, name) ? routes[name] : undefined;
    return route && { name: route.name, secure: route.secure, run: () => answer(() => route.run(merchant, fields)) };
  };
}

function answer(run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return failure(codes[error.problem] ?? 'PARAM_ERROR', error.message);
  }
}

const failure = (err_code: string, err_code_des: string): Result => ({ result_code: 'FAIL', err_code, err_code_des });

/** The gateway's own list is not public; these are the family's names. */
const codes: Partial<Record<ProblemName, string>> = {
  order_unknown: 'ORDERNOTEXIST',
  order_paid: 'ORDERPAID',
  order_not_paid: 'ORDERNOTEXIST',
  order_closed: 'ORDERCLOSED',
  code_invalid: 'AUTH_CODE_INVALID',
  code_expired: 'AUTHCODEEXPIRE',
  insufficient_funds: 'NOTENOUGH',
  refund_unknown: 'REFUNDNOTEXIST',
};

function required(fields: Fields, name: string): string {
  const value = fields.get(name);
  if (!value) throw new Problem('parameter', name);
  return value;
}

function feeOf(fields: Fields, name: string): number {
  const text = required(fields, name);
  if (!/^[1-9]\d{0,11}$/.test(text)) throw new Problem('parameter', name);
  return Number(text);
}
