import { type Clock, formatShanghai } from '../../../kernel/time.ts';
import { createDeliveries, type DeliveryState } from '../../kit/deliveries.ts';
import { type Faults, notice_faults, refund_notice } from '../../kit/faults.ts';
import type { Fault, SimulatorPorts, Told } from '../../kit/simulator.ts';
import type { Authority } from './authority.ts';
import { yuan } from './content.ts';
import { type Delivery, type Ledger, type RefundRecord, refundedFen, type Trade } from './ledger.ts';
import { encodeForm, signParams } from './text.ts';

const minute_ms = 60_000;
const hour_ms = 60 * minute_ms;

/**
 * Waits before each try: eight tries within 25 hours, until the receiver answers `success`.
 * @see https://opendocs.alipay.com/open/203/105286
 */
const waits_ms = [0, 4 * minute_ms, 10 * minute_ms, 10 * minute_ms, hour_ms, 2 * hour_ms, 6 * hour_ms, 15 * hour_ms];

type Ports = Pick<SimulatorPorts, 'send' | 'time_scale'>;

/** Tells merchants of their trades, again and again until they say `success`, over a restart too. */
export function createNotifier(clock: Clock, ports: Ports, ledger: Ledger, authority: Authority, faults: Faults) {
  const deliveries = createDeliveries<Omit<Delivery, keyof DeliveryState>>({
    clock,
    time_scale: ports.time_scale,
    waits_ms,
    save: (delivery) => ledger.saveDelivery(delivery),
    send,
  });

  /** True when the receiver answered with exactly `success`. The time, and so the signature, is that of this try. */
  async function send({ url, charset, trust, params, told }: Delivery, is_probe: boolean): Promise<boolean> {
    const signed = signParams({ notify_time: formatShanghai(clock.now()), ...params }, (await authority.signer(trust)).key, charset);
    const form = encodeForm(is_probe ? { ...signed, sign: `${signed.sign?.slice(4)}AAA=` } : signed, charset);
    try {
      const { status, body } = await ports.send({
        url,
        headers: { 'content-type': `application/x-www-form-urlencoded; charset=${charset.toUpperCase()}` },
        body: form,
        ...(told ? { told } : {}),
      });
      return status === 200 && body === 'success';
    } catch {
      return false;
    }
  }

  return {
    /** Called for a payment, and for each refund of it. Without a `notify_url` nobody is told. */
    tradeChanged(trade: Trade, refund?: RefundRecord): void {
      const app = ledger.apps.get(trade.app_id);
      if (trade.notify_url === undefined || !app) return;
      const fault = faults.take(refund ? refund_notice : 'notify', notice_faults);
      if (fault?.kind === 'notify_lost') return;
      const { changes, told } = altered(trade, fault, ledger);
      const params = { ...tradeParams(trade, refund), notify_id: ledger.newNotifyId(), ...changes };
      const { notify_url: url, charset } = trade;
      deliveries.begin({ id: params.notify_id, url, charset, trust: app.trust, params, ...(refund ? {} : { told }) }, fault);
    },
    resume: (): void => deliveries.resume(ledger.deliveries.values()),
    close: deliveries.close,
  };
}
export type Notifier = ReturnType<typeof createNotifier>;

/** What a message says of a trade; a refund's names the refund and the sum of all of them. */
function tradeParams(trade: Trade, refund: RefundRecord | undefined): Record<string, string> {
  const amount = yuan(trade.amount_fen);
  const { buyer_user_id, buyer_open_id, buyer_logon_id } = trade.buyer;
  const refunded = yuan(refundedFen(trade));
  return {
    notify_type: 'trade_status_sync',
    app_id: trade.app_id,
    auth_app_id: trade.auth_app_id,
    charset: trade.charset,
    version: '1.0',
    trade_no: trade.trade_no ?? '',
    out_trade_no: trade.out_trade_no,
    ...(buyer_open_id === undefined ? { buyer_id: buyer_user_id ?? '' } : { buyer_open_id }),
    buyer_logon_id: buyer_logon_id ?? '',
    seller_id: trade.pid,
    seller_email: 'sandbox@example.com',
    trade_status: trade.state,
    total_amount: amount,
    receipt_amount: amount,
    invoice_amount: amount,
    buyer_pay_amount: amount,
    point_amount: '0.00',
    subject: trade.subject,
    body: trade.body ?? '',
    passback_params: trade.passback_params ?? '',
    fund_bill_list: JSON.stringify([{ amount, fundChannel: 'ALIPAYACCOUNT' }]),
    gmt_create: formatShanghai(new Date(trade.opened_ms ?? trade.created_ms)),
    gmt_payment: trade.paid_ms === undefined ? '' : formatShanghai(new Date(trade.paid_ms)),
    gmt_close: trade.closed_ms === undefined ? '' : formatShanghai(new Date(trade.closed_ms)),
    ...(refund
      ? {
          out_biz_no: refund.out_request_no,
          refund_fee: refunded,
          send_back_fee: refunded,
          gmt_refund: `${formatShanghai(new Date(refund.at_ms))}.${String(refund.at_ms % 1000).padStart(3, '0')}`,
        }
      : {}),
  };
}

/** A message that is truly signed and wrong. */
function altered(trade: Trade, fault: Fault | undefined, ledger: Ledger): { readonly changes: Record<string, string>; readonly told: Told } {
  const told: Told = { order_no: trade.out_trade_no, transaction_id: trade.trade_no ?? '' };
  switch (fault?.kind) {
    case 'notify_wrong_amount':
      return { changes: { total_amount: yuan(trade.amount_fen + 1) }, told: { ...told, wrong: 'amount' } };
    case 'notify_wrong_merchant':
      return { changes: { seller_id: ledger.newUserId() }, told: { ...told, wrong: 'receiver' } };
    case 'notify_unknown_order':
      return { changes: { out_trade_no: ledger.newToken().toUpperCase() }, told: { ...told, wrong: 'order' } };
    case 'notify_reused_transaction': {
      const earlier = [...ledger.deliveries.values()].find((each) => each.url === trade.notify_url && isTaken(each) && !each.told?.wrong)?.told;
      if (!earlier) return { changes: {}, told };
      return { changes: { trade_no: earlier.transaction_id }, told: { ...told, transaction_id: earlier.transaction_id, wrong: 'transaction' } };
    }
    default:
      return { changes: {}, told };
  }
}

/** Acknowledged, not given up. */
const isTaken = ({ done, tries, told }: Delivery): boolean => done && tries < waits_ms.length && told !== undefined;
