import type { Method, Wallet } from '@heliu/contract';
import { canonicalJson } from '../../../kernel/digest.ts';
import { barcodeOf, type Gateway } from '../../kit/gateway/gateway.ts';
import { isCodeOrder, type NewOrder } from '../../kit/gateway/ledger.ts';
import { Problem, type ProblemName } from '../../kit/gateway/problem.ts';
import type { Call } from '../../kit/gateway/wire.ts';
import type { Merchant, Order } from '../../kit/gateway/world.ts';
import { type Data, paymentData, refundData, states } from './views.ts';

type Values = Readonly<Record<string, unknown>>;
export type Result = { readonly data: Data } | { readonly code: string; readonly msg: string };
export type Calls = (path: string, merchant: Merchant, values: Values) => (Pick<Call, 'name' | 'names'> & { readonly run: () => Result }) | undefined;

const prepaid: Readonly<Record<string, Method>> = {
  'WECHAT 51': 'wechat_jsapi',
  'WECHAT 71': 'wechat_mini',
  'ALIPAY 41': 'alipay_qr',
  'UQRCODEPAY 41': 'unionpay_qr',
};

export function createCalls(gateway: Gateway): Calls {
  const { world, faults } = gateway;

  function newOrder(merchant: Merchant, values: Values, method: Method, own: Order['own']): NewOrder {
    if (values.term_no !== merchant.own.term_no) throw new Problem('parameter', 'term_no');
    if (typeof values.location_info !== 'object' || values.location_info === null) throw new Problem('parameter', 'location_info');
    return {
      merchant: merchant.no,
      order_no: textOf(values, 'out_trade_no', 32),
      method,
      subject: textOf(values, 'subject', 42),
      amount_fen: amountOf(values, 'total_amount'),
      ...(values.notify_url === undefined ? {} : { notify_url: textOf(values, 'notify_url', 256) }),
      parameters: canonicalJson(values),
      expires_ms: world.now_ms() + Number((values.acc_busi_fields as Values | undefined)?.timeout_express ?? 5) * 60_000,
      own,
    };
  }

  function preorder(merchant: Merchant, values: Values): Result {
    const account_type = textOf(values, 'account_type', 32);
    const method = prepaid[`${account_type} ${values.trans_type}`];
    if (method === undefined) throw new Problem('parameter', 'trans_type');
    const { user_id } = (values.acc_busi_fields ?? {}) as Record<string, string | undefined>;
    const is_qr = method.endsWith('_qr');
    if (!is_qr && !user_id) throw new Problem('parameter', 'user_id');
    const opens = is_qr ? `https://qr.example/${account_type.toLowerCase()}/${world.hex(12)}` : undefined;
    const wanted = newOrder(merchant, values, method, { account_type, answered: 'no', ...(user_id === undefined ? {} : { user_id }) });
    const order = gateway.ledger.place({ ...wanted, ...(opens === undefined ? {} : { opens }) });
    const acc_resp_fields =
      order.opens === undefined
        ? { app_id: `wx${world.hex(16)}`, time_stamp: String(Math.floor(world.now_ms() / 1000)), nonce_str: world.hex(16), package: `prepay_id=wx${world.hex(30)}`, sign_type: 'RSA', pay_sign: world.hex(64) } // biome-ignore format: one answer
        : { code: order.opens };
    return {
      data: {
        merchant_no: merchant.no,
        out_trade_no: order.order_no,
        trade_no: `${world.today()}${world.digits(20)}`,
        log_no: world.digits(14),
        acc_resp_fields,
      },
    };
  }

  function micropay(merchant: Merchant, values: Values): Result {
    const auth_code = textOf(values, 'auth_code', 32);
    const method = barcodeOf(walletOf(auth_code));
    if (method === undefined) throw new Problem('code_invalid');
    const order = gateway.ledger.charge(newOrder(merchant, values, method, { account_type: walletOf(auth_code).toUpperCase() }), auth_code);
    if (order.state === 'asking') return { code: 'BBS11112', msg: '等待用户支付' };
    gateway.ledger.change(order, { own: { ...order.own, answered: 'yes' } });
    return { data: { ...paymentData(order), log_no: world.digits(14) } };
  }

  function orderOf(merchant: Merchant, number: string): Order {
    const order = gateway.ledger.find(`${merchant.no}/${number}`);
    if (!order) throw new Problem('order_unknown');
    return order;
  }

  /** A refund is asked about as a trade of its own. */
  function tradequery(merchant: Merchant, values: Values): Result {
    const number = textOf(values, 'out_trade_no', 32);
    const held = gateway.ledger.findRefund(merchant.no, number);
    if (held) {
      const order = world.tables.order.get(held.order_id);
      if (!order) throw new Problem('order_unknown');
      return { data: refundData(order, gateway.look(held)) };
    }
    const order = orderOf(merchant, number);
    if (faults.take('query', ['not_found_lag'])) throw new Problem('order_unknown');
    const refunded = order.amount_fen - gateway.ledger.refundable(order);
    const trade_state = order.state !== 'paid' || refunded === 0 ? states[order.state] : refunded === order.amount_fen ? 'REFUND' : 'PART_REFUND';
    return { data: { trade_state, trade_main_type: isCodeOrder(order) ? 'MICROPAY' : 'PREORDER', ...paymentData(order) } };
  }

  function refund(merchant: Merchant, values: Values): Result {
    const order = orderOf(merchant, textOf(values, 'origin_out_trade_no', 32));
    const refund_no = textOf(values, 'out_trade_no', 32);
    if (gateway.ledger.findRefund(merchant.no, refund_no)) throw new Problem('refund_differs');
    const made = gateway.refund(order, { refund_no, amount_fen: amountOf(values, 'refund_amount'), parameters: '', own: {} });
    return { data: refundData(order, made) };
  }

  function revoked(merchant: Merchant, values: Values): Result {
    textOf(values, 'out_trade_no', 32);
    const order = orderOf(merchant, textOf(values, 'origin_out_trade_no', 32));
    if (!isCodeOrder(order)) throw new Problem('no_code_order');
    return { data: paymentData(gateway.ledger.reverse(order)) };
  }

  function close(merchant: Merchant, values: Values): Result {
    return { data: paymentData(gateway.ledger.close(orderOf(merchant, textOf(values, 'origin_out_trade_no', 32)))) };
  }

  const routes: Readonly<Record<string, readonly [Call['name'], (merchant: Merchant, values: Values) => Result]>> = {
    '/api/v3/labs/trans/preorder': ['pay', preorder],
    '/api/v3/labs/trans/micropay': ['pay', micropay],
    '/api/v3/labs/query/tradequery': ['query', tradequery],
    '/api/v3/labs/relation/refund': ['refund', refund],
    '/api/v3/labs/relation/revoked': ['reverse', revoked],
    '/api/v3/labs/relation/close': ['close', close],
  };

  return (path, merchant, values) => {
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (!route) return undefined;
    const is_refund = route[0] === 'query' && gateway.ledger.findRefund(merchant.no, String(values.out_trade_no)) !== undefined;
    const [own, origin] = [values.out_trade_no, values.origin_out_trade_no].map((number) => (typeof number === 'string' ? number : undefined));
    const names = origin === undefined ? { order_no: own, charges: route[1] === micropay } : { order_no: origin, refund_no: own };
    return { name: is_refund ? 'refund_query' : route[0], names, run: () => answer(() => route[1](merchant, values)) };
  };
}

function answer(run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { code: codes[error.problem] ?? 'BBS99400', msg: error.message };
  }
}

/** Lakala does not publish its codes; these are the simulator's own. */
const codes: Partial<Record<ProblemName, string>> = { order_unknown: 'BBS99404', refund_unknown: 'BBS99404' };

/** Payment codes by their first two digits, as Lakala lists them. */
function walletOf(auth_code: string): Wallet {
  if (/^1[0-5]/.test(auth_code)) return 'wechat';
  if (/^(?:2[5-9]|30)/.test(auth_code)) return 'alipay';
  if (auth_code.startsWith('62')) return 'unionpay';
  return auth_code.startsWith('51') ? 'bestpay' : 'ecny';
}

function textOf(values: Values, name: string, length_max: number): string {
  const value = values[name];
  if (typeof value !== 'string' || value === '' || value.length > length_max) throw new Problem('parameter', name);
  return value;
}

/** Amounts are texts; a number is refused. */
function amountOf(values: Values, name: string): number {
  const text = textOf(values, name, 12);
  if (!/^[1-9]\d*$/.test(text)) throw new Problem('parameter', name);
  return Number(text);
}
