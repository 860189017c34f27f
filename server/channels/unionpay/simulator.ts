import { createPublicKey } from 'node:crypto';
import type { FastifyPluginAsync } from 'fastify';
import { parseShanghaiCompact } from '../../kernel/time.ts';
import { createBillErrors } from '../kit/bill-rows.ts';
import { createFaults } from '../kit/faults.ts';
import { newPrivateKey } from '../kit/gateway/issuer.ts';
import type { ActResult, PayerAct, SimulatedOrder, Simulator, SimulatorPorts, TruePayment, TrueRefund } from '../kit/simulator.ts';
import { createAuthority } from './simulator/authority.ts';
import { createBills } from './simulator/bills.ts';
import { createPages } from './simulator/cashier.ts';
import { createGateway } from './simulator/gateway.ts';
import { createHolds } from './simulator/holds.ts';
import { createLedger, type Order, type Return } from './simulator/ledger.ts';
import { createNotifier } from './simulator/notifier.ts';
import { createSeal } from './simulator/seal.ts';
import { createTrades } from './simulator/trades.ts';

/** As the app says it; it opens the gateway's web page as any browser does, so pages find nothing in it. */
const wallet_user_agent =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 (com.unionpay.chsp) (cordova 4.5.4) (updebug 0) (version 1020) (UnionPay/1.0 CloudPay) (clientVersion 320) (language zh_CN)';

/** A request of the gateway: real ones are under 8 KB. */
const body_bytes_max = 256 * 1024;

/** UnionPay's ACP gateway itself, as far as taking payments goes: its four addresses, its page, its messages to merchants. */
export function unionpaySimulator(ports: SimulatorPorts): Simulator {
  const { clock, rng } = ports;
  // Read when it is needed: a host learns its own address late.
  const baseUrl = () => ports.base_url;
  const ledger = createLedger(clock, rng, ports.journal);
  const authority = createAuthority(clock, rng, ledger.authority(), ledger.saveAuthority);
  const seal = createSeal(authority);
  const faults = createFaults();
  const notifier = createNotifier(clock, ports, ledger, seal, faults);
  const trades = createTrades(clock, ledger, notifier);
  const holds = createHolds(clock, ledger);
  const pages = createPages({ ledger, seal, trades, baseUrl, act: actOn });
  const errors = createBillErrors();
  const bills = createBills(clock, ledger, faults, errors);
  notifier.resume();

  const plugin: FastifyPluginAsync = (server) => {
    // Signatures are over the values that came, so nothing may parse them first.
    server.removeAllContentTypeParsers();
    server.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: body_bytes_max }, (_request, body, done) => done(null, body));
    createGateway({ clock, ledger, seal, faults, trades, holds, pages, bills })(server);
    pages.routes(server);
    return Promise.resolve();
  };

  /** The payer's hand on an order. */
  function actOn(order: Order, act: PayerAct): ActResult {
    if (order.state === 'paid') return { done: false, problem: 'the order is already paid' };
    if (order.state === 'reversed') return { done: false, problem: 'the order was reversed' };
    const is_open = trades.isPayable(order);
    if (act.do === 'decline') {
      if (!is_open) return { done: false, problem: 'the order is not open' };
      trades.decline(order);
      return { done: true };
    }
    if (!is_open && !act.late) return { done: false, problem: 'the order has ended' };
    trades.settle(order);
    return { done: true };
  }

  /** A merchant with a certificate, or with a secure key; a platform's merchants share its number. */
  async function enroll({ mode, trust }: Parameters<Simulator['enroll']>[0]): Promise<Record<string, unknown>> {
    const mer_id = ledger.newMerId();
    const gateway_url = `${baseUrl()}/gateway/api`;
    const sub = mode === 'provider' ? { sub_mer_id: `S${mer_id.slice(-9)}`, sub_mer_name: '合流示范门店', sub_mer_abbr: '合流门店' } : undefined;
    const shared = { mer_id, gateway_url, file_url: `${baseUrl()}/file`, terminal_id: '00000001', ...sub };
    if (trust === 'public_key') {
      const secure_key = ledger.newSecureKey();
      ledger.saveMerchant({ mer_id, sign_method: '11', secure_key, public_key: undefined, cert_id: undefined, sub_mer_id: sub?.sub_mer_id });
      return { ...shared, sign_method: '11', secure_key };
    }
    const private_key = await newPrivateKey();
    const { certificate, cert_id } = await authority.certify(mer_id, private_key);
    const public_key = createPublicKey(private_key).export({ type: 'spki', format: 'pem' }).toString();
    ledger.saveMerchant({ mer_id, sign_method: '01', secure_key: undefined, public_key, cert_id, sub_mer_id: sub?.sub_mer_id });
    const trusted_certificates = await authority.trusted();
    return { ...shared, sign_method: '01', private_key, certificate, trusted_certificates };
  }

  const shown = (order: Order): SimulatedOrder => ({
    order_no: order.order_id,
    merchant: order.mer_id,
    method: order.method,
    subject: order.subject,
    amount_fen: order.amount_fen,
    state: order.state,
    payable: trades.isPayable(order),
    opens: order.opens ?? (order.method === 'unionpay_barcode' ? undefined : pages.cashierUrl(order)),
    created_at: new Date(order.created_ms),
  });

  const trueRefund = (back: Return): TrueRefund => ({
    order_no: ledger.findNamed(back.of)?.order_id ?? '',
    refund_no: back.order_id,
    refund_id: back.query_id,
    amount_fen: back.amount_fen,
    state: back.state,
  });

  return {
    channel: 'unionpay',
    wallet: 'unionpay',
    browser: { user_agent: wallet_user_agent, script: '' },
    plugin,
    enroll,
    orders: () => ledger.orders().map(shown),
    act: (order_no, act) => {
      const order = ledger.findNamed(order_no);
      return Promise.resolve(order?.order_id === order_no ? actOn(order, act) : { done: false, problem: 'there is no such order' });
    },
    newPaymentCode: (behaviour) => {
      const code = ledger.newPaymentCode();
      ledger.saveCode({ code, behaviour, used: false });
      return code;
    },
    inject: (fault) => {
      if (fault.kind === 'rotate_key') authority.rotate();
      else if (fault.kind === 'bill_error') errors.plant(fault);
      else faults.inject(fault);
    },
    truth: () => ({ payments: ledger.orders().flatMap(truePayments), refunds: ledger.returns().map(trueRefund) }),
    close: notifier.close,
  };
}

/** Booked at the order's own time, which is the only one that the gateway ever tells. */
function truePayments(order: Order): TruePayment[] {
  if (order.paid_ms === undefined) return [];
  const paid_at = parseShanghaiCompact(order.txn_time) ?? new Date(order.paid_ms);
  return [{ order_no: order.order_id, transaction_id: order.query_id, amount_fen: order.amount_fen, paid_at }];
}
