import type { Method } from '@heliu/contract';
import { type Clock, formatShanghaiCompact, parseShanghaiCompact } from '../../../kernel/time.ts';
import { clearingDay } from '../refund.ts';
import type { Fields } from '../sign.ts';
import { isPayable, type Ledger, type Merchant, type Order, type Return, returnedFen } from './ledger.ts';
import { type Notifier, paymentFields, returnFields } from './notifier.ts';

/** A response code and what stands beside it. */
export type Outcome = { readonly code: string; readonly fields?: Readonly<Record<string, string>> };

const outcome = (code: string, fields: Readonly<Record<string, string>> = {}): Outcome => ({ code, fields });

/** Orders without `payTimeout` end after this. */
const order_ends_ms = 24 * 3_600_000;
/** A request whose time is further from now is refused; how far the gateway goes is not known. */
const time_window_ms = 30 * 60_000;
/** Money goes back this long after it was asked for. */
const return_ms = 1000;

type Kind = { readonly method: Method; readonly needs: readonly string[] };
const fronts: Readonly<Record<string, Method>> = { '000201 07': 'unionpay_page', '000201 08': 'unionpay_h5', '000202 07': 'unionpay_b2b' };

/** Which product a consume is, by where it was sent and what it says. */
function kindOf(endpoint: string, fields: Fields): Kind | undefined {
  const product = `${fields.get('bizType')} ${fields.get('channelType')}`;
  const sub_type = fields.get('txnSubType');
  if (endpoint === 'backTransReq' && sub_type === '06') return { method: 'unionpay_barcode', needs: ['qrNo'] };
  if (endpoint === 'backTransReq' && sub_type === '07') return { method: 'unionpay_qr', needs: [] };
  if (endpoint === 'appTransReq' && sub_type === '01') return { method: 'unionpay_app', needs: [] };
  const front = endpoint === 'frontTransReq' && sub_type === '01' ? fronts[product] : undefined;
  if (front === 'unionpay_page' && fields.get('defaultPayType') === '0001') return { method: 'unionpay_bank', needs: ['frontUrl'] };
  return front && { method: front, needs: ['frontUrl'] };
}

const needed = ['orderId', 'txnTime', 'txnAmt', 'currencyCode', 'bizType', 'channelType', 'backUrl'];

export function createTrades(clock: Clock, ledger: Ledger, notifier: Notifier) {
  const now_ms = (): number => clock.now().getTime();

  /** What is wrong with the form of a request; undefined when nothing is. */
  function malformed(fields: Fields, names: readonly string[]): Outcome | undefined {
    if (names.some((name) => (fields.get(name) ?? '') === '')) return outcome('13');
    const time = parseShanghaiCompact(fields.get('txnTime') ?? '');
    const amount = fields.get('txnAmt');
    if (!time || !/^[0-9A-Za-z]{8,40}$/.test(fields.get('orderId') ?? '') || (amount !== undefined && !/^[1-9]\d{0,11}$/.test(amount))) return outcome('10');
    return undefined;
  }

  const isTooFar = (fields: Fields): boolean => {
    const time = parseShanghaiCompact(fields.get('txnTime') ?? '');
    return !time || Math.abs(time.getTime() - now_ms()) > time_window_ms;
  };

  const isTaken = (merchant: Merchant, fields: Fields): boolean => {
    const key = [merchant.mer_id, fields.get('orderId') ?? '', fields.get('txnTime') ?? ''] as const;
    return ledger.findOrder(...key) !== undefined || ledger.findReturn(...key) !== undefined;
  };

  /** A payment is asked for. The order is in the books when there is one. */
  function consume(merchant: Merchant, endpoint: string, fields: Fields): Outcome & { readonly order?: Order } {
    const kind = kindOf(endpoint, fields);
    if (!kind) return outcome('10');
    const wrong = malformed(fields, [...needed, ...kind.needs]);
    if (wrong) return wrong;
    if (isTaken(merchant, fields)) return outcome('12');
    if (isTooFar(fields) || fields.get('currencyCode') !== '156') return outcome('10');
    return kind.method === 'unionpay_barcode' ? charge(merchant, fields) : makeOrder(merchant, kind.method, fields);
  }

  function newOrder(merchant: Merchant, method: Method, fields: Fields, opens: string | undefined): Order {
    const text = (name: string): string => fields.get(name) ?? '';
    const trace_no = ledger.newTraceNo();
    const ends = parseShanghaiCompact(text('payTimeout'))?.getTime() ?? now_ms() + order_ends_ms;
    return {
      mer_id: merchant.mer_id,
      order_id: text('orderId'),
      txn_time: text('txnTime'),
      txn_sub_type: text('txnSubType'),
      biz_type: text('bizType'),
      method,
      subject: text('orderDesc') || text('orderId'),
      amount_fen: Number(text('txnAmt')),
      back_url: text('backUrl'),
      front_url: fields.get('frontUrl'),
      token: ledger.newToken(),
      opens,
      created_ms: now_ms(),
      ends_ms: ends,
      query_id: ledger.newQueryId(trace_no),
      trace_no,
      state: 'open',
      fail_code: undefined,
      paid_ms: undefined,
    };
  }

  function makeOrder(merchant: Merchant, method: Method, fields: Fields): Outcome & { readonly order: Order } {
    const tn = ledger.newTn();
    const qr_code = `https://qr.95516.com/00010001/${ledger.newSerial()}`;
    const opens = method === 'unionpay_qr' ? qr_code : method === 'unionpay_app' ? tn : undefined;
    const order = ledger.saveOrder(newOrder(merchant, method, fields, opens));
    const answered: Record<string, string> = method === 'unionpay_qr' ? { qrCode: qr_code } : method === 'unionpay_app' ? { tn } : {};
    return { code: '00', fields: answered, order };
  }

  /** A payment code is charged at once; one that asks for a password leaves the order under way. */
  function charge(merchant: Merchant, fields: Fields): Outcome & { readonly order?: Order } {
    const code = ledger.codes.get(fields.get('qrNo') ?? '');
    if (!code || code.used || code.behaviour === 'expired') return outcome(code ? '86' : '88');
    ledger.saveCode({ ...code, used: true });
    const order = newOrder(merchant, 'unionpay_barcode', fields, undefined);
    if (code.behaviour === 'insufficient_funds') {
      ledger.saveOrder({ ...order, state: 'failed', fail_code: '64' });
      return outcome('64');
    }
    ledger.saveOrder({ ...order, state: 'under_way' });
    if (code.behaviour === 'pays') settle(order);
    return { code: '00', fields: { queryId: order.query_id }, order };
  }

  function settle(order: Order): void {
    notifier.paid(ledger.saveOrder({ ...order, state: 'paid', paid_ms: now_ms() }));
  }

  /** 退货 and 消费撤销: accepted at once, done a moment later. */
  function giveBack(merchant: Merchant, fields: Fields, doomed: boolean): Outcome {
    const wrong = malformed(fields, ['orderId', 'txnTime', 'txnAmt', 'origQryId', 'backUrl', 'channelType']);
    if (wrong) return wrong;
    if (isTaken(merchant, fields)) return outcome('12');
    if (isTooFar(fields)) return outcome('10');
    const order = ledger.findNamed(fields.get('origQryId') ?? '');
    if (order?.mer_id !== merchant.mer_id || order.state !== 'paid') return outcome('35');
    const amount_fen = Number(fields.get('txnAmt'));
    const txn_type = fields.get('txnType') === '31' ? '31' : '04';
    const returned = returnedFen(ledger.returnsOf(order));
    if (txn_type === '31' && (amount_fen !== order.amount_fen || !isSameDay(order))) return outcome('36');
    if (returned >= order.amount_fen) return outcome('45');
    if (returned + amount_fen > order.amount_fen) return outcome('36');
    const back = newReturn(order, txn_type, amount_fen, doomed, fields);
    notifier.later(return_ms, () => finish(back));
    return outcome('00', { queryId: back.query_id, origQryId: order.query_id });
  }

  const isSameDay = (order: Order): boolean => clearingDay(new Date(order.paid_ms ?? order.created_ms)) === clearingDay(clock.now());

  function newReturn(order: Order, txn_type: Return['txn_type'], amount_fen: number, doomed: boolean, fields: Fields | undefined): Return {
    const trace_no = ledger.newTraceNo();
    return ledger.saveReturn({
      mer_id: order.mer_id,
      order_id: fields?.get('orderId') ?? `${order.order_id}R`,
      txn_time: fields?.get('txnTime') ?? formatShanghaiCompact(clock.now()),
      txn_type,
      amount_fen,
      of: order.query_id,
      back_url: fields?.get('backUrl'),
      query_id: ledger.newQueryId(trace_no),
      trace_no,
      created_ms: now_ms(),
      state: txn_type === '99' ? 'succeeded' : 'processing',
      doomed,
    });
  }

  function finish(back: Return): Return {
    const held = ledger.findReturn(back.mer_id, back.order_id, back.txn_time) ?? back;
    if (held.state !== 'processing') return held;
    const after = ledger.saveReturn({ ...held, state: held.doomed ? 'failed' : 'succeeded' });
    if (after.state === 'succeeded') notifier.returned(after);
    return after;
  }

  /** 冲正: whatever became of the order, it is as if it had never been. */
  function reverse(merchant: Merchant, fields: Fields): Outcome {
    const wrong = malformed(fields, ['orderId', 'txnTime']);
    if (wrong) return wrong;
    const order = ledger.findOrder(merchant.mer_id, fields.get('orderId') ?? '', fields.get('txnTime') ?? '');
    if (!order) return outcome('34');
    if (order.state === 'reversed') return outcome('46');
    if (!isSameDay(order) || (order.state === 'paid' && ledger.returnsOf(order).length > 0)) return outcome('35');
    if (order.state === 'paid') newReturn(order, '99', order.amount_fen, false, undefined);
    ledger.saveOrder({ ...order, state: 'reversed' });
    return outcome('00');
  }

  /** 交易状态查询: by number and time, of a payment or of a return. */
  function query(merchant: Merchant, fields: Fields): Outcome {
    const wrong = malformed(fields, ['orderId', 'txnTime']);
    if (wrong) return wrong;
    const key = [merchant.mer_id, fields.get('orderId') ?? '', fields.get('txnTime') ?? ''] as const;
    const back = ledger.findReturn(...key);
    if (back) return told(back.created_ms + return_ms <= now_ms() ? finish(back) : back);
    const order = ledger.findOrder(...key);
    // Until the payer has paid there is no transaction to speak of, for codes and pages alike.
    if (!order || order.state === 'open') return outcome('34');
    if (order.state === 'paid') return outcome('00', { ...paymentFields(order), ...stated('00'), issuerIdentifyMode: '0' });
    const state = order.state === 'reversed' ? '46' : order.state === 'failed' ? (order.fail_code ?? '01') : '05';
    return outcome('00', { txnType: '01', txnSubType: order.txn_sub_type, txnAmt: String(order.amount_fen), ...stated(state) });
  }

  function told(back: Return): Outcome {
    const state = back.state === 'succeeded' ? '00' : back.state === 'failed' ? '60' : '05';
    return outcome('00', { ...returnFields(back), ...stated(state) });
  }

  const stated = (code: string): Record<string, string> => ({ origRespCode: code, origRespMsg: messageOf(code) });

  return {
    consume,
    giveBack,
    reverse,
    query,
    settle,
    /** The payer's no. A payment code is used up by it; a page or a code may be tried again. */
    decline(order: Order): void {
      if (order.method === 'unionpay_barcode') ledger.saveOrder({ ...order, state: 'failed', fail_code: '91' });
    },
    isPayable: (order: Order): boolean => isPayable(order, now_ms()),
  };
}
export type Trades = ReturnType<typeof createTrades>;

const messages: Readonly<Record<string, string>> = {
  '00': '成功[0000000]',
  '05': '交易已受理，请稍后查询交易结果[6154037]',
  '06': '系统繁忙，请稍后再试',
  '10': '报文格式错误',
  '11': '验证签名失败',
  '12': '重复交易',
  '13': '报文交易要素缺失',
  '31': '商户状态不正确',
  '34': '查无此交易[2600000]',
  '35': '原交易不存在或状态不正确[2011000]',
  '36': '与原交易信息不符',
  '37': '已超过最大查询次数或操作过于频繁',
  '45': '原交易已被成功退货或已被成功撤销',
  '46': '交易已被冲正',
  '60': '交易失败，详情请咨询您的发卡行',
  '64': '卡上的余额不足',
  '86': '二维码状态错误',
  '88': '无此二维码',
  '91': '认证失败',
};
export const messageOf = (code: string): string => messages[code] ?? '交易失败';
