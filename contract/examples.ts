import type { CashierSettings, UpdateCashierSettingsBody } from './cashier-settings.ts';
import type { CheckoutSession, CreateCheckoutSessionBody } from './checkout-sessions.ts';
import type { Device, Shift } from './devices.ts';
import type { Event } from './events.ts';
import { bank_examples } from './examples-bank.ts';
import { help_examples } from './examples-help.ts';
import { ledger_examples } from './examples-ledger.ts';
import { price_examples } from './examples-prices.ts';
import { reconciled_day_examples } from './examples-reconciled-days.ts';
import { routing_examples } from './examples-routing.ts';
import { statement_examples } from './examples-statements.ts';
import type { CreateAttemptBody, CreatePaymentBody, Payment } from './payments.ts';
import type { Plate, PlateBatch, PlateChange } from './plates.ts';
import type { ReconException } from './reconciliation.ts';
import type { CreateRefundBody, Refund } from './refunds.ts';
import type { CreateStoreBody, Store } from './stores.ts';
import type { CreateTerminalBody, Terminal } from './terminals.ts';
import type { Delivery, WebhookEndpoint } from './webhook-endpoints.ts';

/** Examples that the documentation shows. A test holds every one against the schema of its operation. */

const ids = {
  payment: 'pay_01KAMDZ2Q0W3V5X7Y9ZBCDEFGH',
  checkout_session: 'cks_01KAMDZ2Q0W3V5X7Y9ZBCDEFGH',
  attempt: 'att_01KAMDZ2Q1A2B3C4D5E6F7G8H9',
  account: 'acc_01KAK0000001234567890ABCDE',
  refund: 'ref_01KAMF4T80J1K2M3N4P5Q6R7S8',
  event: 'evt_01KAMDZCEEZYXWVTSRQPNMKJHG',
  endpoint: 'whe_01KAK0V3R09876543210ABCDEF',
  delivery: 'dlv_01KAMDZCEFABCDEFGHJKMNPQRS',
  store: 'sto_01KAJZX0000STQRE0123456789',
  exception: 'exc_01KAP7000087654321HGFEDCBA',
  terminal: 'ter_01KAJZY0000TERM0NA12345678',
  plate: 'plt_01KAJZZ00000P7ATE123456789',
  plate_batch: 'plb_01KAJZZ00000BATCH123456789',
} as const;

const payment: Payment = {
  object: 'payment',
  id: ids.payment,
  livemode: false,
  merchant_order_no: 'ORDER-20261122-0001',
  amount_fen: 1280,
  currency: 'CNY',
  subject: '咖啡 Coffee',
  state: 'pending',
  closed_reason: null,
  closing: false,
  paid_fen: 0,
  refunding_fen: 0,
  refunded_fen: 0,
  next_action: { type: 'show_qr', qr_content: 'weixin://wxpay/bizpayurl?pr=NwY5Mz9zz' },
  attempt: {
    id: ids.attempt,
    method: 'wechat_qr',
    channel: 'wechatpay',
    channel_account_id: ids.account,
    state: 'waiting',
    disposition: null,
    channel_order_no: '7KQ2XM01KAMDZ2Q1A2B3C4D5E6F7G8H9',
    channel_transaction_id: null,
    payer_amount_fen: null,
    refusal: null,
    created_at: '2026-11-22T02:00:00.000Z',
  },
  store_id: null,
  terminal_id: null,
  metadata: { table: '12' },
  expires_at: '2026-11-22T04:00:00.000Z',
  paid_at: null,
  closed_at: null,
  created_at: '2026-11-22T02:00:00.000Z',
  version: 2,
};

const paid_payment: Payment = {
  ...payment,
  state: 'paid',
  paid_fen: 1280,
  next_action: { type: 'none' },
  attempt: payment.attempt && {
    ...payment.attempt,
    state: 'succeeded',
    disposition: 'accepted',
    channel_transaction_id: '4200002000202611220000000001',
    payer_amount_fen: 1280,
  },
  paid_at: '2026-11-22T02:00:12.000Z',
  version: 3,
};

const closed_payment: Payment = {
  ...payment,
  state: 'closed',
  closed_reason: 'cancelled',
  next_action: { type: 'none' },
  attempt: payment.attempt && { ...payment.attempt, state: 'closed' },
  closed_at: '2026-11-22T02:03:00.000Z',
  version: 3,
};

const refund: Refund = {
  object: 'refund',
  id: ids.refund,
  livemode: false,
  payment_id: ids.payment,
  attempt_id: ids.attempt,
  merchant_refund_no: 'REFUND-20261122-0001',
  cause: 'merchant',
  amount_fen: 280,
  currency: 'CNY',
  reason: '少一份糖 No sugar',
  state: 'pending',
  refusal: null,
  channel_refund_no: '7KQ2XM01KAMF4T80J1K2M3N4P5Q6R7S8',
  channel_refund_id: '50300000002026112200000000001',
  metadata: {},
  created_at: '2026-11-22T02:20:00.000Z',
  accepted_at: '2026-11-22T02:20:00.412Z',
  refunded_at: null,
  version: 2,
};

const event: Event = { object: 'event', id: ids.event, type: 'payment.paid', livemode: false, created_at: '2026-11-22T02:00:12.430Z', data: paid_payment };

const endpoint: WebhookEndpoint = {
  object: 'webhook_endpoint',
  id: ids.endpoint,
  livemode: false,
  url: 'https://merchant.example/heliu',
  description: 'ERP',
  event_types: ['payment.paid', 'refund.succeeded'],
  state: 'enabled',
  disabled_reason: null,
  created_at: '2026-11-21T08:00:00.000Z',
};

const delivery: Delivery = {
  object: 'delivery',
  id: ids.delivery,
  event_id: ids.event,
  event_type: 'payment.paid',
  webhook_endpoint_id: ids.endpoint,
  state: 'delivered',
  tries: 1,
  last_status: 204,
  last_error: null,
  next_send_at: null,
  delivered_at: '2026-11-22T02:00:12.610Z',
  created_at: '2026-11-22T02:00:12.430Z',
};

const store: Store = {
  object: 'store',
  id: ids.store,
  livemode: false,
  name: '南京东路店',
  store_no: 'SH-001',
  region_code: '310101',
  address: '南京东路 1 号',
  state: 'open',
  created_at: '2026-11-20T02:00:00.000Z',
  closed_at: null,
  version: 1,
};

const terminal: Terminal = {
  object: 'terminal',
  id: ids.terminal,
  livemode: false,
  store_id: ids.store,
  name: '1 号收银台',
  kind: 'pos',
  terminal_no: 'POS-0001',
  state: 'active',
  created_at: '2026-11-20T02:01:00.000Z',
  closed_at: null,
  version: 1,
};

const plate: Plate = {
  object: 'plate',
  id: ids.plate,
  livemode: false,
  batch_id: ids.plate_batch,
  serial_no: 12,
  url: 'https://pay.example.com/c/p/8QW2M0R7T4Y6X1V9B3K5N7C2D4',
  state: 'active',
  store_id: ids.store,
  terminal_id: ids.terminal,
  subject: null,
  fixed_amount_fen: null,
  amount_fen_max: 50_000,
  daily_amount_fen_max: 1_000_000,
  daily_count_max: null,
  remark: 'optional',
  created_at: '2026-11-20T02:02:00.000Z',
  version: 2,
};

const plate_batch: PlateBatch = { object: 'plate_batch', id: ids.plate_batch, livemode: false, name: '首批台牌', count: 50, created_at: plate.created_at };

const plate_change: PlateChange = {
  version: 2,
  change: 'bound',
  state: 'active',
  store_id: ids.store,
  terminal_id: ids.terminal,
  api_key_id: 'key_01KAJZZ00000KEY01234567890',
  at: '2026-11-20T02:03:00.000Z',
};

const device: Device = {
  object: 'device',
  id: 'dev_01KAJZZ000DEV1CE0123456789',
  livemode: false,
  store_id: ids.store,
  terminal_id: ids.terminal,
  name: '前台平板',
  refund_fen_max: 100_000,
  state: 'active',
  created_at: '2026-11-20T02:05:00.000Z',
  revoked_at: null,
};

const shift: Shift = {
  object: 'shift',
  id: 'shf_01KAJZZ0000SH1FT0123456789',
  livemode: false,
  store_id: ids.store,
  terminal_id: ids.terminal,
  device_id: device.id,
  cashier: '小王',
  opened_at: '2026-11-22T00:00:00.000Z',
  closed_at: '2026-11-22T08:00:00.000Z',
  totals: [{ wallet: 'wechat', paid_count: 12, paid_fen: 34_560, refund_count: 1, refunded_fen: 1_280 }],
};

const print_link = { url: 'https://pay.example.com/c/print/…', expires_at: '2026-11-22T02:10:00.000Z' };
const print = { format: 'pdf', size: 'a6' };

const create_payment: CreatePaymentBody = {
  merchant_order_no: 'ORDER-20261122-0001',
  amount_fen: 1280,
  subject: '咖啡 Coffee',
  method: 'wechat_qr',
  metadata: { table: '12' },
};
const create_attempt: CreateAttemptBody = { method: 'alipay_qr' };
const create_refund: CreateRefundBody = { payment_id: ids.payment, merchant_refund_no: 'REFUND-20261122-0001', amount_fen: 280, reason: '少一份糖 No sugar' };

const create_store: CreateStoreBody = { name: '南京东路店', store_no: 'SH-001', region_code: '310101', address: '南京东路 1 号' };
const create_terminal: CreateTerminalBody = { store_id: ids.store, name: '1 号收银台', kind: 'pos', terminal_no: 'POS-0001' };
const checkout_session: CheckoutSession = {
  object: 'checkout_session',
  id: ids.checkout_session,
  livemode: false,
  payment_id: ids.payment,
  merchant_order_no: payment.merchant_order_no,
  amount_fen: payment.amount_fen,
  currency: 'CNY',
  subject: payment.subject,
  mode: 'web',
  state: 'pending',
  closed_reason: null,
  url: 'https://pay.example/c/7KQ2XMN4V8R2C6T0Y5W9B3D7F1H5K9M3',
  allowed_methods: [],
  locale: 'auto',
  return_url: 'http://localhost:3000/thanks',
  metadata: { table: '12' },
  expires_at: '2026-11-22T02:30:00.000Z',
  created_at: payment.created_at,
};
const create_checkout_session: CreateCheckoutSessionBody = {
  merchant_order_no: payment.merchant_order_no,
  amount_fen: payment.amount_fen,
  subject: payment.subject,
  return_url: 'http://localhost:3000/thanks',
  metadata: { table: '12' },
};
const cashier_settings: CashierSettings = {
  object: 'cashier_settings',
  livemode: false,
  display_name: '街角咖啡 Corner Coffee',
  color: '#0b6b53',
  logo_png: null,
  return_hosts: ['shop.example'],
};
const update_cashier_settings: UpdateCashierSettingsBody = { display_name: '街角咖啡 Corner Coffee', color: '#0b6b53', return_hosts: ['shop.example'] };

export type OperationExample = {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | number>>;
  readonly body?: object;
  readonly response: object;
};

const by_payment = { payment_id: ids.payment };
const by_plate = { plate_id: ids.plate };
const by_plate_batch = { plate_batch_id: ids.plate_batch };

const recon_exception: ReconException = {
  object: 'recon_exception',
  id: ids.exception,
  livemode: false,
  kind: 'unknown_paid',
  state: 'proposed',
  biz_date: '2026-11-21',
  channel: 'wechatpay',
  channel_account_id: ids.account,
  payment_id: ids.payment,
  object_id: ids.attempt,
  channel_order_no: '7KQ2XM01KAMDZ2Q1A2B3C4D5E6F7G8H9',
  channel_transaction_id: '4200002360609722065011275827',
  our_fen: 0,
  bill_fen: 1280,
  at_risk_fen: 1280,
  proposal: 'complete_payment',
  detail: { our_state: 'waiting' },
  owner: null,
  resolution: null,
  opened_at: '2026-11-22T02:05:00.000Z',
  closed_at: null,
  version: 2,
};

const by_order_no = { merchant_order_no: payment.merchant_order_no };
const { payment_id: _payment_id, ...refund_by_order_no } = create_refund;
const by_store = { store_id: ids.store };
const by_terminal = { terminal_id: ids.terminal };
const by_session = { checkout_session_id: ids.checkout_session };
const by_endpoint = { webhook_endpoint_id: ids.endpoint };

/** One example of each operation, by operation id. */
export const examples: Readonly<Record<string, OperationExample>> = {
  create_payment: { body: create_payment, response: payment },
  retrieve_payment: { params: by_payment, response: paid_payment },
  retrieve_payment_by_order_no: { params: by_order_no, response: paid_payment },
  list_payments: { query: { state: 'paid', limit: 20 }, response: { data: [paid_payment], next_cursor: null } },
  create_attempt: {
    params: by_payment,
    body: create_attempt,
    response: { ...payment, next_action: { type: 'show_qr', qr_content: 'https://qr.alipay.com/bax00000example' } },
  },
  close_payment: { params: by_payment, response: closed_payment },
  cancel_payment: { params: by_payment, response: closed_payment },
  sync_payment: { params: by_payment, response: paid_payment },
  close_payment_by_order_no: { params: by_order_no, response: closed_payment },
  cancel_payment_by_order_no: { params: by_order_no, response: closed_payment },
  create_checkout_session: { body: create_checkout_session, response: checkout_session },
  retrieve_checkout_session: { params: by_session, response: { ...checkout_session, state: 'paid' } },
  list_checkout_sessions: { query: { limit: 20 }, response: { data: [checkout_session], next_cursor: null } },
  expire_checkout_session: { params: by_session, response: { ...checkout_session, state: 'closed', closed_reason: 'cancelled' } },
  ...help_examples,
  retrieve_cashier_settings: { response: cashier_settings },
  update_cashier_settings: { body: update_cashier_settings, response: cashier_settings },
  ...routing_examples,
  create_refund: { body: create_refund, response: refund },
  create_refund_by_order_no: { params: by_order_no, body: refund_by_order_no, response: refund },
  retrieve_refund: { params: { refund_id: ids.refund }, response: { ...refund, state: 'succeeded', refunded_at: '2026-11-22T02:20:31.000Z', version: 3 } },
  list_refunds: { query: by_payment, response: { data: [refund], next_cursor: null } },
  list_recon_exceptions: {
    query: { state: 'open', from: '2026-11-01', at_risk_from_fen: 10_000, owner: 'none' },
    response: { data: [recon_exception], next_cursor: null },
  },
  retrieve_recon_exception: { params: { recon_exception_id: ids.exception }, response: recon_exception },
  list_events: { query: { limit: 100 }, response: { data: [event], next_cursor: 'Uo3JpXWc3n8WMTI4', has_more: false } },
  retrieve_event: { params: { event_id: ids.event }, response: event },
  create_webhook_endpoint: {
    body: { url: endpoint.url, description: 'ERP', event_types: ['payment.paid', 'refund.succeeded'] },
    response: { ...endpoint, secret: 'whsec_…' },
  },
  list_webhook_endpoints: { response: { data: [endpoint], next_cursor: null } },
  retrieve_webhook_endpoint: { params: by_endpoint, response: endpoint },
  rotate_webhook_secret: { params: by_endpoint, body: { overlap_s: 86_400 }, response: { ...endpoint, secret: 'whsec_…' } },
  disable_webhook_endpoint: { params: by_endpoint, response: { ...endpoint, state: 'disabled', disabled_reason: 'merchant' } },
  enable_webhook_endpoint: { params: by_endpoint, response: endpoint },
  ping_webhook_endpoint: {
    params: by_endpoint,
    response: {
      ...delivery,
      event_type: 'webhook_endpoint.ping',
      state: 'pending',
      tries: 0,
      last_status: null,
      next_send_at: delivery.created_at,
      delivered_at: null,
    },
  },
  list_deliveries: { params: by_endpoint, query: { state: 'delivered' }, response: { data: [delivery], next_cursor: null } },
  resend_delivery: {
    params: { ...by_endpoint, delivery_id: ids.delivery },
    response: { ...delivery, state: 'pending', next_send_at: '2026-11-22T03:00:00.000Z', delivered_at: null },
  },
  ...price_examples,
  ...ledger_examples,
  ...bank_examples,
  ...reconciled_day_examples,
  ...statement_examples,
  create_store: { body: create_store, response: store },
  retrieve_store: { params: by_store, response: store },
  list_stores: { query: { state: 'open' }, response: { data: [store], next_cursor: null } },
  update_store: { params: by_store, body: { name: '南京东路旗舰店' }, response: { ...store, name: '南京东路旗舰店', version: 2 } },
  close_store: { params: by_store, response: { ...store, state: 'closed', closed_at: '2026-11-22T04:00:00.000Z', version: 2 } },
  create_terminal: { body: create_terminal, response: terminal },
  retrieve_terminal: { params: by_terminal, response: terminal },
  list_terminals: { query: { ...by_store, state: 'active' }, response: { data: [terminal], next_cursor: null } },
  update_terminal: { params: by_terminal, body: { name: '2 号收银台' }, response: { ...terminal, name: '2 号收银台', version: 2 } },
  close_terminal: { params: by_terminal, response: { ...terminal, state: 'closed', closed_at: '2026-11-22T04:00:00.000Z', version: 2 } },
  create_pairing_code: { params: by_terminal, body: { refund_fen_max: 100_000 }, response: { code: '7KQ2X-M01KA', expires_at: '2026-11-22T02:10:00.000Z' } },
  list_devices: { query: { ...by_terminal, state: 'active' }, response: { data: [device], next_cursor: null } },
  revoke_device: { params: { device_id: device.id }, response: { ...device, state: 'revoked', revoked_at: '2026-11-22T04:00:00.000Z' } },
  set_supervisor_pin: {
    params: by_store,
    body: { pin: '204857' },
    response: { object: 'supervisor_pin', store_id: ids.store, set_at: '2026-11-22T04:00:00.000Z' },
  },
  list_shifts: { query: by_terminal, response: { data: [shift], next_cursor: null } },
  create_plate_batch: { body: { name: plate_batch.name, count: plate_batch.count }, response: plate_batch },
  retrieve_plate_batch: { params: by_plate_batch, response: plate_batch },
  print_plate_batch: { params: by_plate_batch, body: print, response: print_link },
  retrieve_plate: { params: by_plate, response: plate },
  list_plates: { query: { ...by_store, state: 'active' }, response: { data: [plate], next_cursor: null } },
  claim_plate: {
    body: { stock_no: '7KQ2X-M01KA', claim_code: 'V9D3R-0W8HT' },
    response: { ...plate, state: 'stock', store_id: null, terminal_id: null, amount_fen_max: null, daily_amount_fen_max: null, remark: 'none' },
  },
  bind_plate: { params: by_plate, body: { ...by_terminal, amount_fen_max: 50_000, daily_amount_fen_max: 1_000_000, remark: 'optional' }, response: plate },
  update_plate: { params: by_plate, body: { fixed_amount_fen: 990 }, response: { ...plate, fixed_amount_fen: 990, version: 3 } },
  disable_plate: { params: by_plate, response: { ...plate, state: 'disabled', version: 3 } },
  enable_plate: { params: by_plate, response: { ...plate, version: 4 } },
  list_plate_changes: { params: by_plate, response: { data: [plate_change], next_cursor: null } },
  print_plate: { params: by_plate, body: print, response: print_link },
};
