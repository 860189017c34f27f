import { type Method, methods } from '@heliu/contract';
import type { ActResult, PayerAct, SimulatedOrder, Simulator } from '../channels/kit/simulator.ts';

/** An order as the wallet page shows it, whichever gateway holds it. */
export type WalletOrder = Omit<SimulatedOrder, 'created_at' | 'opens' | 'method'> & {
  readonly channel: string;
  readonly wallet: Simulator['wallet'];
  readonly method: Method;
  readonly method_en: string;
  readonly method_zh: string;
  /** `ended`: neither paid nor payable, though a payer who was quick may still pay late. */
  readonly status: 'payable' | 'paid' | 'ended';
  readonly refunded_fen: number;
  readonly opens: string | null;
  readonly created_at: string;
};

/** A phone shows this many; older ones are found by their code. */
const orders_shown_max = 50;

/** Orders of one simulated gateway, newest first. */
export function walletOrders(simulator: Simulator): readonly WalletOrder[] {
  return simulator.orders().slice(0, orders_shown_max).map(shownBy(simulator));
}

/** Finds what a scanned text belongs to: a QR content, a link, an order string of an app, or the gateway's order number itself. */
export function scan(simulators: readonly Simulator[], text: string): WalletOrder | undefined {
  const found = find(simulators, (order) => order.opens === text || order.order_no === text);
  if (found) return found;
  for (const simulator of simulators) {
    const opened = simulator.open?.(text);
    if (opened?.opened) return find([simulator], (order) => order.order_no === opened.order_no);
  }
  return undefined;
}

function find(simulators: readonly Simulator[], is: (order: SimulatedOrder) => boolean): WalletOrder | undefined {
  for (const simulator of simulators) {
    const order = simulator.orders().find(is);
    if (order) return shownBy(simulator)(order);
  }
  return undefined;
}

/** Lets the payer act, and tells how the order stands afterwards. */
export async function act(
  simulator: Simulator,
  order_no: string,
  payer_act: PayerAct,
): Promise<{ readonly result: ActResult; readonly order: WalletOrder | undefined }> {
  const result = await simulator.act(order_no, payer_act);
  return { result, order: scan([simulator], order_no) };
}

/** The gateway's own ledger decides what is paid: the page knows no gateway's names of states. */
function shownBy(simulator: Simulator): (order: SimulatedOrder) => WalletOrder {
  const truth = simulator.truth();
  const paid = new Set(truth.payments.map((payment) => payment.order_no));
  return (order) => ({
    ...order,
    channel: simulator.channel,
    wallet: simulator.wallet,
    method_en: methods[order.method].en,
    method_zh: methods[order.method].zh,
    status: order.payable ? 'payable' : paid.has(order.order_no) ? 'paid' : 'ended',
    refunded_fen: truth.refunds
      .filter((refund) => refund.order_no === order.order_no && refund.state === 'succeeded')
      .reduce((sum, refund) => sum + refund.amount_fen, 0),
    opens: order.opens ?? null,
    created_at: order.created_at.toISOString(),
  });
}
