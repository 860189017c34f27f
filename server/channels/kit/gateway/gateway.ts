import { type Method, methods, type Wallet } from '@heliu/contract';
import { assert } from '../../../kernel/assert.ts';
import { type BillErrors, createBillErrors } from '../bill-rows.ts';
import { createFaults, type Faults } from '../faults.ts';
import type { Asked, SimulatedOrder, Simulator, SimulatorPorts } from '../simulator.ts';
import { createDoor } from './door.ts';
import { createLedger, type Ledger, type Rules } from './ledger.ts';
import { createBackground, createNotifier, type NotificationForm } from './notifier.ts';
import type { RawRequest, Received } from './wire.ts';
import { type Behaviour, createWorld, type Order, type Refund, type World } from './world.ts';

/**
 * What simulated gateways have in common: a ledger of truth, a payer's hand, notifications on a schedule and faults on
 * command. A gateway of its own adds its dialect: how a request is read and believed, how an answer is written and signed.
 */
export type Gateway = {
  readonly world: World;
  readonly ledger: Ledger;
  readonly faults: Faults;
  /** Errors that were planted in bills. */
  readonly bill_errors: BillErrors;
  /** Tells the merchant of a payment that a call brought about. */
  readonly paid: (order: Order) => void;
  /** Accepts a refund and tells of it when it is through. */
  readonly refund: (order: Order, wanted: Parameters<Ledger['refund']>[1]) => Refund;
  /** The refund as it is now; whoever looks first finds it done. */
  readonly look: (refund: Refund) => Refund;
};

export type Dialect = {
  readonly channel: string;
  readonly wallet: Wallet;
  readonly rules: Rules;
  readonly notification: NotificationForm;
  readonly enroll: Simulator['enroll'];
  readonly reportTo?: Simulator['reportTo'];
  readonly receive: (request: RawRequest) => Received;
  /** The gateway's own name of a state. */
  readonly stateOf: (order: Order) => string;
  /** A payment code as this wallet shows it. */
  readonly newCode: (wallet: Wallet) => string;
};

export function createGateway(ports: SimulatorPorts, speak: (gateway: Gateway) => Dialect): Simulator {
  const world = createWorld(ports);
  const faults = createFaults();
  const bill_errors = createBillErrors();
  const background = createBackground();

  const gateway: Gateway = {
    world,
    get ledger() {
      return ledger;
    },
    faults,
    bill_errors,
    paid: (order) => notifier.paid(order),
    refund(order, wanted) {
      const repeats = ledger.findRefund(order.merchant, wanted.refund_no) !== undefined && faults.take('refund', ['refund_repeats']) !== undefined;
      const number = repeats ? `${wanted.refund_no}#${ledger.refundsOf(order).length + 1}` : wanted.refund_no;
      const refund = ledger.refund(order, { ...wanted, refund_no: number }, faults.take('refund', ['refund_fails']) ? 'failed' : 'succeeded');
      watch(refund);
      return refund;
    },
    look(held) {
      const { refund, settled } = ledger.settle(held);
      if (settled) tell(refund);
      return refund;
    },
  };
  const dialect = speak(gateway);
  const ledger = createLedger(world, dialect.rules);
  const notifier = createNotifier(world, dialect.notification, faults, background);

  function tell(refund: Refund): void {
    const order = world.tables.order.get(refund.order_id);
    if (order) notifier.refunded(order, refund);
  }

  /** Finishes a refund when its time has come, unless a query was quicker. */
  function watch(refund: Refund): void {
    if (refund.state !== 'processing') return;
    background.run(async () => {
      await ports.clock.sleep(Math.max(0, refund.settles_ms - world.now_ms()), background.signal);
      const held = world.tables.refund.get(refund.id);
      if (!background.signal.aborted && held) gateway.look(held);
    });
  }

  notifier.resume();
  for (const refund of world.tables.refund.values()) watch(refund);

  return {
    channel: dialect.channel,
    wallet: dialect.wallet,
    plugin: createDoor({ clock: ports.clock, faults, receive: dialect.receive }),
    enroll: dialect.enroll,
    reads: (request) => readCall(dialect.receive({ ...request, client_certificate: 'none', address: '' })),
    ...(dialect.reportTo === undefined ? {} : { reportTo: dialect.reportTo }),
    orders: () =>
      [...world.tables.order.keys()]
        .reverse()
        .flatMap((id) => ledger.find(id) ?? [])
        .sort((a, b) => b.created_ms - a.created_ms)
        .map((order) => shown(order, dialect.stateOf(order))),
    act(order_no, act) {
      const orders = [...(world.index.numbers.get(order_no) ?? [])].flatMap((id) => ledger.find(id) ?? []);
      const order = orders.find(({ transaction_id }) => transaction_id === undefined) ?? orders[0];
      if (!order) return Promise.resolve({ done: false, problem: '订单不存在' });
      const { result, paid } = ledger.act(order, act);
      if (paid) notifier.paid(paid);
      return Promise.resolve(result);
    },
    newPaymentCode: (behaviour, wallet = dialect.wallet) => issue(world, dialect.newCode(wallet), behaviour),
    inject: (fault) => (fault.kind === 'bill_error' ? bill_errors.plant(fault) : faults.inject(fault)),
    truth: () => truthOf(world),
    close: background.close,
  };
}

function readCall(received: Received): Asked | undefined {
  if (!('call' in received)) return undefined;
  const { name, names } = received.call;
  return name === 'keys' || name === 'bill' ? undefined : { does: name, ...names };
}

function issue(world: World, code: string, behaviour: Behaviour): string {
  world.put('payment_code', { code, behaviour, issued_ms: world.now_ms(), used: false });
  return code;
}

const shown = (order: Order, state: string): SimulatedOrder => ({
  order_no: order.order_no,
  merchant: order.merchant,
  method: order.method,
  subject: order.subject,
  amount_fen: order.amount_fen,
  state,
  payable: order.state === 'open' || order.state === 'asking',
  opens: order.opens,
  created_at: new Date(order.created_ms),
});

function truthOf({ tables }: World): ReturnType<Simulator['truth']> {
  const payments = [...tables.order.values()].flatMap(({ order_no, transaction_id, amount_fen, paid_ms }) =>
    transaction_id === undefined || paid_ms === undefined ? [] : [{ order_no, transaction_id, amount_fen, paid_at: new Date(paid_ms) }],
  );
  const refunds = [...tables.refund.values()].map(({ order_id, refund_no, refund_id, amount_fen, state }) => {
    const order = tables.order.get(order_id);
    assert(order, 'a refund belongs to an order');
    return { order_no: order.order_no, refund_no, refund_id, amount_fen, state };
  });
  return { payments, refunds };
}

const barcodes = (Object.keys(methods) as Method[]).filter((method) => methods[method].scene === 'barcode');

/** The payment-code method of the wallet that shows such codes. */
export const barcodeOf = (wallet: Wallet): Method | undefined => barcodes.find((method) => methods[method].wallet === wallet);
