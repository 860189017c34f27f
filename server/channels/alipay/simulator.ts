import { createPublicKey } from 'node:crypto';
import type { FastifyPluginAsync } from 'fastify';
import { createBillErrors } from '../kit/bill-rows.ts';
import { createFaults } from '../kit/faults.ts';
import { newPrivateKey } from '../kit/gateway/issuer.ts';
import type { ActResult, PayerAct, SimulatedOrder, Simulator, SimulatorPorts, TruePayment, TrueRefund } from '../kit/simulator.ts';
import { bridgeScript } from '../kit/wallet-browser.ts';
import { createApis } from './simulator/apis.ts';
import { createAuthority } from './simulator/authority.ts';
import { createBills } from './simulator/bills.ts';
import { createCashier, type Opened, page_apis } from './simulator/cashier.ts';
import { createGateway } from './simulator/gateway.ts';
import { type App, createLedger, isPayable, type Trade } from './simulator/ledger.ts';
import { createNotifier } from './simulator/notifier.ts';
import { createRefunds } from './simulator/refunds.ts';
import { createTrades } from './simulator/trades.ts';
import { createV3 } from './simulator/v3.ts';
import { createWallet, token_api } from './simulator/wallet.ts';

/** Beyond what every simulator offers. */
export type AlipaySimulator = Simulator & {
  /** The content encryption key of an enrolled application, as its console would show it. */
  readonly contentKey: (app_id: string) => string | undefined;
  /** The wallet opens what an app or a browser handed it: an order string, or a link to the gateway. */
  readonly open: (text: string) => Opened;
};

/** A request of the gateway: an order with 150 lines of goods stays below it. */
const body_bytes_max = 1024 * 1024;

/** As Alipay on an iPhone says it. */
const wallet_user_agent =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 NebulaSDK/1.8.100112 Nebula PSDType(1) AlipayDefined(nt:WIFI,ws:390|844|3.0) AliApp(AP/10.5.96.6000) AlipayClient/10.5.96.6000 Language/zh-Hans';

/** Alipay itself, as far as acquiring goes: gateway.do and OpenAPI v3, the cashier, the wallet, and the messages to merchants. */
export function alipaySimulator(ports: SimulatorPorts): AlipaySimulator {
  const { clock, rng } = ports;
  // Read when it is needed: a host learns its own address late.
  const baseUrl = () => ports.base_url;
  const ledger = createLedger(clock, rng, ports.journal);
  const authority = createAuthority(clock, rng, ledger.authority(), ledger.saveAuthority);
  const faults = createFaults();
  const notifier = createNotifier(clock, ports, ledger, authority, faults);
  const trades = createTrades(clock, ledger, notifier, baseUrl);
  const refunds = createRefunds(clock, ledger, trades, notifier);
  const errors = createBillErrors();
  const bills = createBills(clock, ledger, faults, errors, baseUrl);
  const wallet = createWallet({ clock, rng, ledger, act: actOn });
  const apis = new Map([...createApis(trades, refunds, authority, faults, bills), [token_api, { on: 'identify', run: wallet.exchange }] as const]);
  const cashier = createCashier({ clock, ledger, authority, trades, baseUrl, act: actOn });
  const parts = {
    clock,
    ledger,
    authority,
    faults,
    apis,
    pages: { apis: page_apis, show: cashier.show, refuse: cashier.refuse },
    newTraceId: () => rng.bytes(16).toString('hex'),
  };
  notifier.resume();

  const plugin: FastifyPluginAsync = (server) => {
    // Signatures are over the bytes that came, so nothing may parse them first.
    server.removeAllContentTypeParsers();
    server.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: body_bytes_max }, (_request, body, done) => done(null, body));
    const gateway = createGateway(parts);
    const v3 = createV3(parts);
    server.route({ method: ['GET', 'POST'], url: '/gateway.do', handler: gateway });
    server.route({ method: ['GET', 'POST'], url: '/v3/*', handler: v3 });
    server.get<{ Querystring: { token?: string } }>('/downloadBillFile.resource', (request, reply) => {
      const file = bills.file(request.query.token ?? '');
      return file ? reply.type('application/octet-stream').send(file) : reply.code(403).type('text/html').send('<html>链接已失效</html>');
    });
    cashier.routes(server);
    wallet.routes(server);
    return Promise.resolve();
  };

  /** The payer's hand on an order. */
  function actOn(trade: Trade, act: PayerAct): ActResult {
    if (act.do === 'decline') return decline(trade);
    if (trade.paid_ms !== undefined) return { done: false, problem: 'the order is already paid' };
    if (!isPayable(trade) && !act.late) return { done: false, problem: 'the order is closed' };
    if (ledger.isBarred(trade.pid, trade.out_trade_no) && !act.late) return { done: false, problem: 'the order is closed' };
    trades.settle(trade);
    return { done: true };
  }

  /** A payment code that was declined is used up, so its order ends; any other order stays open for a second thought. */
  function decline(trade: Trade): ActResult {
    if (!isPayable(trade)) return { done: false, problem: 'the order is not open' };
    if (trade.payment_code !== undefined) ledger.saveTrade({ ...trade, state: 'TRADE_CLOSED', closed_ms: clock.now().getTime() });
    return { done: true };
  }

  async function enroll({ mode, trust }: Parameters<Simulator['enroll']>[0]): Promise<Record<string, unknown>> {
    const app_key = await newPrivateKey();
    const app_id = ledger.newAppId();
    const pid = ledger.newUserId();
    const kept = trust === 'certificate' ? await authority.certify(app_id, app_key) : undefined;
    const app: App = {
      app_id,
      pid: mode === 'provider' ? ledger.newUserId() : pid,
      trust: kept ? 'certificate' : 'key',
      is_provider: mode === 'provider',
      public_key: createPublicKey(app_key).export({ type: 'spki', format: 'pem' }).toString(),
      app_cert_sn: kept?.app_cert_sn,
      root_cert_sn: kept?.root_cert_sn,
      aes_key: rng.bytes(16).toString('base64'),
    };
    ledger.saveApp(app);
    const { app_certificate, alipay_certificate, alipay_root_certificates } = kept ?? {};
    return {
      app_id,
      seller_id: pid,
      app_private_key: app_key,
      gateway_url: `${baseUrl()}/gateway.do`,
      oauth_url: `${baseUrl()}/oauth2/publicAppAuthorize.htm`,
      ...(kept ? { app_certificate, alipay_certificate, alipay_root_certificates } : { alipay_public_key: await authority.publicKey() }),
      ...(mode === 'provider' ? { ...authorise(app, pid), sys_service_provider_id: app.pid } : {}),
    };
  }

  /** A merchant lets the provider act for it. */
  function authorise({ app_id }: App, pid: string): { app_auth_token: string; auth_app_id: string } {
    const token = `${rng.bytes(20).toString('hex')}`;
    const auth_app_id = ledger.newAppId();
    ledger.saveAuthorisation({ token, app_id, auth_app_id, pid });
    return { app_auth_token: token, auth_app_id };
  }

  function shown(trade: Trade): SimulatedOrder {
    return {
      order_no: trade.out_trade_no,
      merchant: trade.pid,
      method: trade.method,
      subject: trade.subject,
      amount_fen: trade.amount_fen,
      state: trade.trade_no === undefined ? 'ACQ.TRADE_NOT_EXIST' : trade.state,
      payable: isPayable(trade) && !ledger.isBarred(trade.pid, trade.out_trade_no),
      opens: opens(trade),
      created_at: new Date(trade.created_ms),
    };
  }

  /** A code is scanned, a page is opened, and inside the wallet the trade's number is enough. */
  function opens(trade: Trade): string | undefined {
    if (trade.method === 'alipay_qr') return `${baseUrl()}/qr/${trade.token}`;
    if (trade.method === 'alipay_jsapi' || trade.method === 'alipay_mini') return trade.trade_no;
    return trade.method === 'alipay_barcode' ? undefined : cashier.cashierUrl(trade);
  }

  return {
    channel: 'alipay',
    wallet: 'alipay',
    browser: {
      user_agent: wallet_user_agent,
      get script() {
        return bridgeScript(baseUrl(), new URL('./simulator/bridge.js', import.meta.url));
      },
    },
    plugin,
    enroll,
    orders: () => ledger.trades().map(shown),
    act: (order_no, act) => {
      const trade = ledger.findByOrderNo(order_no);
      return Promise.resolve(trade ? actOn(trade, act) : { done: false, problem: 'there is no such order' });
    },
    newPaymentCode: (behaviour) => {
      const code = ledger.newPaymentCode();
      ledger.saveCode({ code, behaviour, used_by: undefined });
      return code;
    },
    inject: (fault) => {
      if (fault.kind === 'rotate_key') authority.rotate();
      else if (fault.kind === 'bill_error') errors.plant(fault);
      else faults.inject(fault);
    },
    truth: () => ({ payments: ledger.trades().flatMap(truePayments), refunds: ledger.trades().flatMap(trueRefunds) }),
    close: notifier.close,
    contentKey: (app_id) => ledger.apps.get(app_id)?.aes_key,
    open: cashier.open,
  };
}

function truePayments(trade: Trade): TruePayment[] {
  if (trade.paid_ms === undefined || trade.trade_no === undefined) return [];
  return [{ order_no: trade.out_trade_no, transaction_id: trade.trade_no, amount_fen: trade.amount_fen, paid_at: new Date(trade.paid_ms) }];
}

/** The gateway gives refunds no number of its own. */
function trueRefunds(trade: Trade): TrueRefund[] {
  return trade.refunds.map(({ out_request_no, amount_fen, state }) => ({
    order_no: trade.out_trade_no,
    refund_no: out_request_no,
    refund_id: out_request_no,
    amount_fen,
    state,
  }));
}
