import { createBillErrors } from '../kit/bill-rows.ts';
import { createFaults } from '../kit/faults.ts';
import type { Simulator, SimulatorPorts } from '../kit/simulator.ts';
import { bridgeScript } from '../kit/wallet-browser.ts';
import { createBills } from './simulator/bills.ts';
import { createCashier } from './simulator/cashier.ts';
import { actOn, findOrder, isPaid, settleDelay_ms, settleRefund } from './simulator/ledger.ts';
import { enroll, rotatePlatformKey } from './simulator/merchants.ts';
import { createNotifier } from './simulator/notices.ts';
import { createPlugin } from './simulator/plugin.ts';
import { receiveV2 } from './simulator/v2.ts';
import { createV2Handlers } from './simulator/v2-calls.ts';
import { receiveV3 } from './simulator/v3.ts';
import { codeUrlOf, createV3Handlers, h5UrlOf } from './simulator/v3-calls.ts';
import { createWallet } from './simulator/wallet.ts';
import { createWorld, newestFirst, type Order, type Refund, type SimulatorOptions, type World } from './simulator/world.ts';

const usual: SimulatorOptions = { sign_errors: true, refund_spacing: false, close_unknown: 404 };

/** As WeChat on an Android phone says it; MQQBrowser stands in it too. */
const wallet_user_agent =
  'Mozilla/5.0 (Linux; Android 14; 23127PN0CC Build/UKQ1.230804.001; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.6478.188 Mobile Safari/537.36 XWEB/1260117 MMWEBSDK/20240404 MMWEBID/1234 MicroMessenger/8.0.49.2600(0x28003133) WeChat/arm64 Weixin NetType/WIFI Language/zh_CN ABI/arm64 MQQBrowser/6.2';

/** WeChat Pay itself, as far as payments go: APIv3, APIv2, payer, notifications and faults. */
export function wechatpaySimulator(ports: SimulatorPorts, options: Partial<SimulatorOptions> = {}): Simulator {
  const world = createWorld(ports, { ...usual, ...options });
  const faults = createFaults();
  const background = createBackground();
  const notifier = createNotifier(world, faults, background);
  let keys_ready = Promise.resolve();

  function onSettled(order: Order, refund: Refund): void {
    notifier.refunded(order, refund);
    const fault = refund.state === 'SUCCESS' ? faults.take('refund', ['refund_reverses']) : undefined;
    if (!fault) return;
    background.run(async () => {
      await ports.clock.sleep((fault.ms ?? 60_000) / ports.time_scale, background.signal);
      if (background.signal.aborted) return;
      const taken_back: Refund = { ...refund, state: fault.code === 'ABNORMAL' ? 'ABNORMAL' : 'CLOSED', settled_ms: world.now_ms() };
      world.put('refund', taken_back);
      notifier.refunded(order, taken_back);
    });
  }

  /** Finishes a refund when its time has come, unless a query was quicker. */
  function watch(refund: Refund): void {
    if (refund.state !== 'PROCESSING') return;
    background.run(async () => {
      await ports.clock.sleep(settleDelay_ms(world), background.signal);
      const held = world.tables.refund.get(refund.refund_id);
      const order = world.tables.order.get(refund.order_id);
      if (background.signal.aborted || !held || !order) return;
      const { refund: now, settled } = settleRefund(world, held);
      if (settled) onSettled(order, now);
    });
  }

  const errors = createBillErrors();
  const deps = { world, faults, onSettled, onRefund: watch };
  const v3 = createV3Handlers({ ...deps, bills: createBills(world, faults, errors) });
  const v2 = createV2Handlers(deps);
  const plugin = createPlugin({
    clock: ports.clock,
    faults,
    cashier: createCashier(world, notifier.paid),
    wallet: createWallet(world, notifier.paid),
    ready: () => keys_ready,
    receive: (request) => (request.path.startsWith('/v3/') ? receiveV3(world, request, v3) : receiveV2(world, request, v2)),
  });

  notifier.resume();
  for (const refund of world.tables.refund.values()) watch(refund);

  return {
    channel: 'wechatpay',
    wallet: 'wechat',
    browser: {
      user_agent: wallet_user_agent,
      get script() {
        // Read when it is needed: a host learns its own address late.
        return bridgeScript(ports.base_url, new URL('./simulator/bridge.js', import.meta.url));
      },
    },
    plugin,
    enroll: (input) => enroll(world, input),
    orders: () => newestFirst([...world.tables.order.keys()].flatMap((id) => findOrder(world, id) ?? [])).map((order) => shown(world, order)),
    act(order_no, act) {
      const order = orderByNumber(world, order_no);
      if (!order) return Promise.resolve({ done: false, problem: '订单不存在' });
      const { result, paid } = actOn(world, order, act);
      if (paid) notifier.paid(paid);
      return Promise.resolve(result);
    },
    newPaymentCode(behaviour) {
      const code = `13${world.digits(16)}`;
      world.put('payment_code', { code, behaviour, issued_ms: world.now_ms(), used: false });
      return code;
    },
    inject(fault) {
      if (fault.kind === 'rotate_key') keys_ready = keys_ready.then(() => rotatePlatformKey(world));
      else if (fault.kind === 'bill_error') errors.plant(fault);
      else faults.inject(fault);
    },
    truth: () => truthOf(world),
    close: background.close,
  };
}

/** Numbers are unique within a merchant; of several orders with one number the newest that can still be paid is meant. */
function orderByNumber(world: World, order_no: string): Order | undefined {
  const orders = newestFirst([...(world.index.numbers.get(order_no) ?? [])].flatMap((id) => world.tables.order.get(id) ?? []));
  const found = orders.find((order) => !isPaid(order)) ?? orders[0];
  return found && findOrder(world, found.id);
}

function shown(world: World, order: Order) {
  return {
    order_no: order.out_trade_no,
    merchant: order.sub_mchid ?? order.mchid,
    method: order.method,
    subject: order.description,
    amount_fen: order.total,
    state: order.state,
    payable: order.state === 'NOTPAY' || order.state === 'USERPAYING',
    opens: opensOf(world, order),
    created_at: new Date(order.created_ms),
  };
}

function opensOf(world: World, order: Order): string | undefined {
  if (order.trade_type === 'NATIVE') return codeUrlOf(order);
  return order.trade_type === 'MWEB' ? h5UrlOf(world, order) : undefined;
}

const refund_states = { PROCESSING: 'processing', ABNORMAL: 'processing', SUCCESS: 'succeeded', CLOSED: 'failed' } as const;

function truthOf({ tables }: World) {
  const payments = [...tables.order.values()].flatMap(({ out_trade_no, transaction_id, total, paid_ms }) =>
    transaction_id === undefined || paid_ms === undefined ? [] : [{ order_no: out_trade_no, transaction_id, amount_fen: total, paid_at: new Date(paid_ms) }],
  );
  const refunds = [...tables.refund.values()].map(({ order_id, out_refund_no, refund_id, amount, state }) => ({
    order_no: tables.order.get(order_id)?.out_trade_no ?? '',
    refund_no: out_refund_no,
    refund_id,
    amount_fen: amount,
    state: refund_states[state],
  }));
  return { payments, refunds };
}

/** Work that goes on after an answer, all of it ended and awaited by `close`. */
function createBackground() {
  const ending = new AbortController();
  const running = new Set<Promise<void>>();
  return {
    signal: ending.signal,
    run(task: () => Promise<void>): void {
      if (ending.signal.aborted) return;
      const work = task().finally(() => running.delete(work));
      running.add(work);
    },
    async close(): Promise<void> {
      ending.abort();
      await Promise.allSettled(running);
    },
  };
}
