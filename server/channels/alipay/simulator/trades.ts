import type { Method } from '@heliu/contract';
import type { Clock } from '../../../kernel/time.ts';
import { formatShanghai } from '../../../kernel/time.ts';
import type { Charset } from '../form.ts';
import { amountFen, type Content, expiresMs, optionalText, orderNo, payer, subject, text, yuan } from './content.ts';
import { type Ledger, refundedFen, type Trade } from './ledger.ts';
import type { Notifier } from './notifier.ts';
import { businessFailure, type Outcome, success } from './outcome.ts';

/** On whose behalf a call is made, and where its messages go. */
export type Caller = {
  readonly pid: string;
  readonly app_id: string;
  readonly auth_app_id: string;
  readonly charset: Charset;
  readonly notify_url: string | undefined;
  readonly return_url: string | undefined;
};

const hour_ms = 3_600_000;
const default_expiry_ms = { face: 3 * hour_ms, page: 15 * 24 * hour_ms };

/** The one payer of the simulated wallet. */
export const wallet_user = { buyer_user_id: '2088000000000001', buyer_logon_id: '138****0001' };

export type Product = {
  readonly api: string;
  readonly method: Method;
  readonly opened: boolean;
  readonly buyer: Record<string, string>;
  readonly payment_code?: string;
};

/** The order block: what every API that makes an order reads. */
export function createTrades(clock: Clock, ledger: Ledger, notifier: Notifier, baseUrl: () => string) {
  const now_ms = () => clock.now().getTime();

  /** Finds the caller's order by either number; the gateway's own wins. */
  function find(caller: Caller, content: Content): Trade | undefined {
    const trade_no = optionalText(content, 'trade_no', 64);
    const found = trade_no === undefined ? ledger.find(caller.pid, orderNo(content, 'out_trade_no')) : ledger.findByTradeNo(caller.pid, trade_no);
    return found?.trade_no === undefined ? undefined : found;
  }

  /** The same number again: the same order when nothing differs, a refusal otherwise. */
  function conflict(caller: Caller, content: Content, known: Trade | undefined, product: Product): Outcome | undefined {
    const out_trade_no = orderNo(content, 'out_trade_no');
    if (ledger.isBarred(caller.pid, out_trade_no)) return businessFailure('ACQ.TRADE_HAS_CLOSE');
    if (!known) return undefined;
    if (known.amount_fen !== amountFen(content, 'total_amount') || known.api !== product.api) return businessFailure('ACQ.CONTEXT_INCONSISTENT');
    if (known.paid_ms !== undefined) return businessFailure('ACQ.TRADE_HAS_SUCCESS');
    if (known.state !== 'WAIT_BUYER_PAY') return businessFailure('ACQ.TRADE_HAS_CLOSE');
    const same_buyer = JSON.stringify(known.buyer) === JSON.stringify(product.buyer);
    return product.opened && !same_buyer ? businessFailure('ACQ.TRADE_BUYER_NOT_MATCH') : undefined;
  }

  function make(caller: Caller, content: Content, product: Product): Trade | Outcome {
    const out_trade_no = orderNo(content, 'out_trade_no');
    const known = ledger.find(caller.pid, out_trade_no);
    const amount_fen = amountFen(content, 'total_amount');
    const title = subject(content);
    const seller = optionalText(content, 'seller_id', 28);
    if (seller !== undefined && seller !== caller.pid) return businessFailure('ACQ.SELLER_NOT_EXIST');
    const refusal = conflict(caller, content, known, product);
    if (refusal) return refusal;
    if (known) return known;
    const is_page = ['alipay_page', 'alipay_wap', 'alipay_app'].includes(product.method);
    const expires_ms = expiresMs(content, clock.now(), is_page ? default_expiry_ms.page : default_expiry_ms.face);
    if (expires_ms <= now_ms()) return businessFailure('ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR');
    return ledger.saveTrade({
      ...caller,
      out_trade_no,
      method: product.method,
      api: product.api,
      subject: title,
      body: optionalText(content, 'body', 128),
      amount_fen,
      passback_params: optionalText(content, 'passback_params', 512),
      quit_url: optionalText(content, 'quit_url', 400),
      token: ledger.newToken(),
      created_ms: now_ms(),
      expires_ms,
      payment_code: product.payment_code,
      trade_no: product.opened ? ledger.newTradeNo() : undefined,
      opened_ms: product.opened ? now_ms() : undefined,
      buyer: product.buyer,
      state: 'WAIT_BUYER_PAY',
      paid_ms: undefined,
      closed_ms: undefined,
      cancelled: undefined,
      refunds: [],
    });
  }

  /** A payer scans the code or opens the cashier: the trade begins to exist. */
  function open(trade: Trade): Trade {
    if (trade.trade_no !== undefined) return trade;
    return ledger.saveTrade({ ...trade, trade_no: ledger.newTradeNo(), opened_ms: now_ms() });
  }

  /** The money moves, and the merchant is told. */
  function settle(trade: Trade): Trade {
    const opened = open(trade);
    const { buyer_user_id, buyer_logon_id } = wallet_user;
    const buyer = { buyer_logon_id, ...(opened.buyer.buyer_open_id === undefined ? { buyer_user_id: opened.buyer.buyer_id ?? buyer_user_id } : opened.buyer) };
    const paid = ledger.saveTrade({ ...opened, buyer, state: 'TRADE_SUCCESS', paid_ms: now_ms(), closed_ms: undefined });
    notifier.tradeChanged(paid);
    return paid;
  }

  /** alipay.trade.pay: the payer's code decides what happens. */
  function pay(caller: Caller, content: Content): Outcome {
    const auth_code = text(content, 'auth_code', 64);
    const code = ledger.codes.get(auth_code);
    const out_trade_no = orderNo(content, 'out_trade_no');
    const product: Product = { api: 'alipay.trade.pay', method: 'alipay_barcode', opened: true, buyer: {}, payment_code: auth_code };
    const known = ledger.find(caller.pid, out_trade_no);
    const refusal = conflict(caller, content, known, known ? { ...product, buyer: known.buyer } : product);
    if (refusal) return refusal;
    const is_first_use = code?.used_by === undefined || code.used_by === `${caller.pid} ${out_trade_no}`;
    if (!code || code.behaviour === 'expired' || !is_first_use) return businessFailure('ACQ.PAYMENT_AUTH_CODE_INVALID');
    if (code.behaviour === 'insufficient_funds') return businessFailure('ACQ.BUYER_BALANCE_NOT_ENOUGH');
    const made = known ?? make(caller, content, product);
    if (isOutcome(made)) return made;
    ledger.saveCode({ ...code, used_by: `${caller.pid} ${out_trade_no}` });
    if (code.behaviour === 'asks_password') return success({ ...waitingFields(made), ...wallet_user }, '10003');
    const paid = settle(made);
    return success({ ...paidFields(paid), gmt_payment: formatShanghai(new Date(paid.paid_ms ?? 0)), fund_bill_list: fundBills(paid) });
  }

  function precreate(caller: Caller, content: Content): Outcome {
    const made = make(caller, content, { api: 'alipay.trade.precreate', method: 'alipay_qr', opened: false, buyer: {} });
    return isOutcome(made) ? made : success({ out_trade_no: made.out_trade_no, qr_code: `${baseUrl()}/qr/${made.token}` });
  }

  function create(caller: Caller, content: Content): Outcome {
    const is_mini = optionalText(content, 'product_code', 64) === 'JSAPI_PAY';
    if (is_mini) text(content, 'op_app_id', 32);
    const made = make(caller, content, { api: 'alipay.trade.create', method: is_mini ? 'alipay_mini' : 'alipay_jsapi', opened: true, buyer: payer(content) });
    return isOutcome(made) ? made : success({ out_trade_no: made.out_trade_no, trade_no: made.trade_no });
  }

  /** `is_behind`: what answers has not heard of the payment yet. */
  function query(caller: Caller, content: Content, is_behind: boolean): Outcome {
    const found = find(caller, content);
    if (!found) return notExist(content);
    const trade: Trade = is_behind && found.state === 'TRADE_SUCCESS' ? { ...found, state: 'WAIT_BUYER_PAY', paid_ms: undefined } : found;
    const is_paid = trade.paid_ms !== undefined;
    return success({
      ...(is_paid ? paidFields(trade) : waitingFields(trade)),
      buyer_user_type: 'PRIVATE',
      trade_status: trade.state,
      ...(is_paid ? { send_pay_date: formatShanghai(new Date(trade.paid_ms ?? 0)), fund_bill_list: fundBills(trade) } : {}),
      ...(trade.passback_params === undefined ? {} : { passback_params: trade.passback_params }),
    });
  }

  function close(caller: Caller, content: Content): Outcome {
    const trade = find(caller, content);
    if (!trade) return notExist(content);
    if (trade.state !== 'WAIT_BUYER_PAY') return businessFailure('ACQ.REASON_TRADE_STATUS_INVALID');
    ledger.saveTrade({ ...trade, state: 'TRADE_CLOSED', closed_ms: now_ms() });
    return success({ out_trade_no: trade.out_trade_no, trade_no: trade.trade_no });
  }

  return { find, make, open, settle, pay, precreate, create, query, close };
}
export type Trades = ReturnType<typeof createTrades>;

export const isOutcome = (value: Trade | Outcome): value is Outcome => 'code' in value;

/** The gateway names the order that it does not know, with amounts of zero. */
export function notExist(content: Content): Outcome {
  const out_trade_no = optionalText(content, 'out_trade_no', 64);
  return businessFailure('ACQ.TRADE_NOT_EXIST', { ...zero_amounts, ...(out_trade_no === undefined ? {} : { out_trade_no }) });
}

const zero_amounts = { buyer_pay_amount: '0.00', invoice_amount: '0.00', point_amount: '0.00', receipt_amount: '0.00' };

const waitingFields = (trade: Trade) => ({
  ...zero_amounts,
  buyer_logon_id: wallet_user.buyer_logon_id,
  out_trade_no: trade.out_trade_no,
  total_amount: yuan(trade.amount_fen),
  trade_no: trade.trade_no,
});

/** A refund does not change what was paid. */
export const paidFields = (trade: Trade) => ({
  ...trade.buyer,
  buyer_pay_amount: yuan(trade.amount_fen),
  invoice_amount: yuan(trade.amount_fen),
  out_trade_no: trade.out_trade_no,
  point_amount: '0.00',
  receipt_amount: yuan(trade.amount_fen),
  total_amount: yuan(trade.amount_fen),
  trade_no: trade.trade_no,
});

const fundBills = (trade: Trade) => [{ amount: yuan(trade.amount_fen), fund_channel: 'ALIPAYACCOUNT' }];

/** What is left to refund. */
export const remainderFen = (trade: Trade): number => trade.amount_fen - refundedFen(trade);
