import type { Clock } from '../../../kernel/time.ts';
import { createDeliveries, type DeliveryState } from '../../kit/deliveries.ts';
import type { Faults } from '../../kit/faults.ts';
import type { Fault, SimulatorPorts } from '../../kit/simulator.ts';
import { encodeForm } from '../message.ts';
import type { Delivery, Ledger, Order, Return } from './ledger.ts';
import type { Seal } from './seal.ts';

const minute_ms = 60_000;
/** Five sends, these waits before each, until the receiver answers with 200. */
const waits_ms = [0, minute_ms, 2 * minute_ms, 4 * minute_ms, 5 * minute_ms];

const notify_faults: readonly Fault['kind'][] = [
  'notify_lost',
  'notify_delayed',
  'notify_twice',
  'notify_wrong_amount',
  'notify_wrong_merchant',
  'notify_unknown_order',
  'notify_signature_probe',
];

/** Tells merchants of what succeeded, never of a failure, over a restart too. */
export function createNotifier(clock: Clock, ports: Pick<SimulatorPorts, 'send' | 'time_scale'>, ledger: Ledger, seal: Seal, faults: Faults) {
  const deliveries = createDeliveries<Omit<Delivery, keyof DeliveryState>>({
    clock,
    time_scale: ports.time_scale,
    waits_ms,
    save: (delivery) => ledger.saveDelivery(delivery),
    send,
  });

  /** True when the receiver answered with 200, whatever it said. */
  async function send({ mer_id, url, fields }: Delivery, is_probe: boolean): Promise<boolean> {
    const sealed = await seal.complete(new Map(Object.entries(fields)), ledger.merchants.get(mer_id), is_probe ? 'bad' : 'good');
    const headers = { 'content-type': 'application/x-www-form-urlencoded;charset=utf-8' };
    try {
      return (await ports.send({ url, headers, body: encodeForm(sealed) })).status === 200;
    } catch {
      return false;
    }
  }

  const tell = (mer_id: string, url: string, fields: Readonly<Record<string, string>>, fault: Fault | undefined): void =>
    deliveries.begin({ id: ledger.newToken(), mer_id, url, fields }, fault);

  return {
    paid(order: Order): void {
      const fault = faults.take('notify', notify_faults);
      if (fault?.kind !== 'notify_lost') tell(order.mer_id, order.back_url, { ...paymentFields(order), ...altered(order, fault, ledger) }, fault);
    },
    returned(back: Return): void {
      const fault = faults.take('notify', ['notify_lost', 'notify_delayed', 'notify_twice']);
      if (back.back_url !== undefined && fault?.kind !== 'notify_lost') tell(back.mer_id, back.back_url, returnFields(back), fault);
    },
    later: deliveries.later,
    resume: (): void => deliveries.resume(ledger.deliveries.values()),
    close: deliveries.close,
  };
}
export type Notifier = ReturnType<typeof createNotifier>;

/** What the gateway says of a payment that is done. Its time is that of the order: the clearing key, which is not when the payer confirmed. */
export function paymentFields(order: Order): Record<string, string> {
  return {
    accessType: '0',
    bizType: order.biz_type,
    currencyCode: '156',
    encoding: 'UTF-8',
    merId: order.mer_id,
    orderId: order.order_id,
    queryId: order.query_id,
    respCode: '00',
    respMsg: 'success',
    settleAmt: String(order.amount_fen),
    settleCurrencyCode: '156',
    settleDate: order.txn_time.slice(4, 8),
    traceNo: order.trace_no,
    traceTime: order.txn_time.slice(4),
    txnAmt: String(order.amount_fen),
    txnSubType: order.txn_sub_type,
    txnTime: order.txn_time,
    txnType: '01',
    version: '5.1.0',
    ...(order.biz_type === '000202' ? {} : { accNo: '6226********0048', payCardType: '01', payType: '0001' }),
  };
}

export function returnFields(back: Return): Record<string, string> {
  return {
    accessType: '0',
    bizType: '000000',
    currencyCode: '156',
    encoding: 'UTF-8',
    merId: back.mer_id,
    orderId: back.order_id,
    origQryId: back.of,
    queryId: back.query_id,
    respCode: '00',
    respMsg: 'success',
    settleAmt: String(back.amount_fen),
    settleCurrencyCode: '156',
    settleDate: back.txn_time.slice(4, 8),
    traceNo: back.trace_no,
    traceTime: back.txn_time.slice(4),
    txnAmt: String(back.amount_fen),
    txnSubType: '00',
    txnTime: back.txn_time,
    txnType: back.txn_type,
    version: '5.1.0',
  };
}

/** A message that is truly signed and wrong. */
function altered(order: Order, fault: Fault | undefined, ledger: Ledger): Record<string, string> {
  if (fault?.kind === 'notify_wrong_amount') return { txnAmt: String(order.amount_fen + 1) };
  if (fault?.kind === 'notify_wrong_merchant') return { merId: ledger.newMerId() };
  return fault?.kind === 'notify_unknown_order' ? { orderId: ledger.newToken().toUpperCase() } : {};
}
