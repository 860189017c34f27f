import { type Clock, formatShanghai } from '../../../kernel/time.ts';
import { amountFen, type Content, optionalText, orderNo, yuan } from './content.ts';
import { type Ledger, type RefundRecord, refundedFen, type Trade } from './ledger.ts';
import type { Notifier } from './notifier.ts';
import { businessFailure, type Outcome, success } from './outcome.ts';
import { type Caller, notExist, remainderFen, type Trades } from './trades.ts';

const day_ms = 86_400_000;
/** The window that merchants sign for ordinarily. */
const refund_window_ms = 365 * day_ms;
const cancel_window_ms = day_ms;

/** Money back: refund, its query, and cancel. `fails` is the fault of a refund that is accepted and never carried out. */
export function createRefunds(clock: Clock, ledger: Ledger, trades: Trades, notifier: Notifier) {
  const now_ms = () => clock.now().getTime();

  function refund(caller: Caller, content: Content, fails: boolean): Outcome {
    const trade = trades.find(caller, content);
    if (!trade) return notExist(content);
    const amount_fen = amountFen(content, 'refund_amount');
    const out_request_no = optionalText(content, 'out_request_no', 64) ?? trade.out_trade_no;
    const earlier = trade.refunds.find((candidate) => candidate.out_request_no === out_request_no);
    if (earlier) return earlier.amount_fen === amount_fen ? answer(trade, 'N') : businessFailure('ACQ.DISCORDANT_REPEAT_REQUEST');
    const refusal = refundRefusal(trade, amount_fen);
    if (refusal) return refusal;
    const reason = optionalText(content, 'refund_reason', 256);
    const after = carryOut(trade, { out_request_no, amount_fen, at_ms: now_ms(), reason, state: fails ? 'failed' : 'succeeded' });
    return answer(after, fails ? 'N' : 'Y');
  }

  function refundRefusal(trade: Trade, amount_fen: number): Outcome | undefined {
    if (trade.paid_ms === undefined) return businessFailure(trade.state === 'TRADE_CLOSED' ? 'ACQ.TRADE_HAS_CLOSE' : 'ACQ.TRADE_STATUS_ERROR');
    if (trade.state === 'TRADE_CLOSED') return businessFailure('ACQ.TRADE_HAS_CLOSE');
    if (trade.state === 'TRADE_FINISHED' || now_ms() - trade.paid_ms > refund_window_ms) return businessFailure('ACQ.TRADE_HAS_FINISHED');
    return amount_fen > remainderFen(trade) ? businessFailure('ACQ.REASON_TRADE_REFUND_FEE_ERR') : undefined;
  }

  /** Books a refund. When nothing is left the trade is closed, as if it had never been paid but for its times and amounts. */
  function carryOut(trade: Trade, refunded: RefundRecord, tell = true): Trade {
    const refunds = [...trade.refunds, refunded];
    const is_whole = refundedFen({ ...trade, refunds }) === trade.amount_fen;
    const after = ledger.saveTrade({ ...trade, refunds, ...(is_whole ? { state: 'TRADE_CLOSED', closed_ms: refunded.at_ms } : {}) });
    if (tell && refunded.state === 'succeeded') notifier.tradeChanged(after, refunded);
    return after;
  }

  function answer(trade: Trade, fund_change: 'Y' | 'N'): Outcome {
    const last = trade.refunds.at(-1);
    return success({
      ...trade.buyer,
      fund_change,
      ...(last === undefined ? {} : { gmt_refund_pay: formatShanghai(new Date(last.at_ms)) }),
      out_trade_no: trade.out_trade_no,
      refund_fee: yuan(refundedFen(trade)),
      send_back_fee: yuan(refundedFen(trade)),
      trade_no: trade.trade_no,
    });
  }

  /** A number that is not known, or whose refund failed, is answered with success and nothing in it. */
  function refundQuery(caller: Caller, content: Content): Outcome {
    const trade = trades.find(caller, content);
    if (!trade) return notExist(content);
    const out_request_no = orderNo(content, 'out_request_no');
    const found = trade.refunds.find((candidate) => candidate.out_request_no === out_request_no && candidate.state === 'succeeded');
    if (!found) return success({});
    const options = Array.isArray(content.query_options) ? content.query_options : [];
    return success({
      ...(options.includes('gmt_refund_pay') ? { gmt_refund_pay: formatShanghai(new Date(found.at_ms)) } : {}),
      out_request_no,
      out_trade_no: trade.out_trade_no,
      refund_amount: yuan(found.amount_fen),
      ...(found.reason === undefined ? {} : { refund_reason: found.reason }),
      refund_status: 'REFUND_SUCCESS',
      total_amount: yuan(trade.amount_fen),
      trade_no: trade.trade_no,
    });
  }

  /** Closes what is unpaid, refunds what is paid, and bars a number that does not exist. */
  function cancel(caller: Caller, content: Content): Outcome {
    const out_trade_no = optionalText(content, 'out_trade_no', 64);
    const trade = trades.find(caller, content);
    if (!trade) {
      if (out_trade_no === undefined) return notExist(content);
      if (!ledger.isBarred(caller.pid, out_trade_no)) ledger.bar(caller.pid, out_trade_no);
      return success({ out_trade_no, retry_flag: 'N' });
    }
    const names = { out_trade_no: trade.out_trade_no, retry_flag: 'N', trade_no: trade.trade_no };
    if (trade.cancelled) return success({ ...names, action: trade.cancelled });
    if (trade.paid_ms === undefined) {
      ledger.saveTrade({ ...trade, state: 'TRADE_CLOSED', closed_ms: trade.closed_ms ?? now_ms(), cancelled: 'close' });
      return success({ ...names, action: 'close' });
    }
    if (trade.refunds.length > 0) return businessFailure('ACQ.REASON_TRADE_REFUND_FEE_ERR');
    if (now_ms() - trade.paid_ms > cancel_window_ms) return businessFailure('ACQ.TRADE_CANCEL_TIME_OUT');
    const whole: RefundRecord = { out_request_no: trade.out_trade_no, amount_fen: trade.amount_fen, at_ms: now_ms(), reason: undefined, state: 'succeeded' };
    ledger.saveTrade({ ...carryOut(trade, whole, false), cancelled: 'refund' });
    return success({ ...names, action: 'refund', gmt_refund_pay: formatShanghai(new Date(whole.at_ms)) });
  }

  return { refund, refundQuery, cancel };
}
export type Refunds = ReturnType<typeof createRefunds>;
