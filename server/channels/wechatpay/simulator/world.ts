import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { Method } from '@heliu/contract';
import type { SimulatorPorts, Told } from '../../kit/simulator.ts';

/** What the gateway knows. Objects are values: a change puts a new one in place, and the journal holds every one put. */

export type Merchant = {
  readonly mchid: string;
  readonly appids: readonly string[];
  /** Of the official account whose pages pay. */
  readonly app_secret?: string;
  readonly kind: 'direct' | 'provider' | 'sub';
  /** The provider that a sub-merchant belongs to. */
  readonly sp_mchid?: string;
  readonly apiv3_key: string;
  readonly apiv2_key: string;
  /** The merchant's API certificate: its serial number names the key in requests and in mutual TLS. */
  readonly certificate_pem: string;
  readonly serial_no: string;
  /** The gateway's own key pair for a merchant in public key mode. Without one, platform certificates are used. */
  readonly public_key?: { readonly id: string; readonly private_pem: string };
};

export type PlatformKey = {
  readonly serial_no: string;
  readonly certificate_pem: string;
  readonly private_pem: string;
  readonly effective_ms: number;
  readonly expire_ms: number;
};

export type TradeType = 'NATIVE' | 'JSAPI' | 'APP' | 'MWEB' | 'MICROPAY';
export type OrderState = 'NOTPAY' | 'USERPAYING' | 'SUCCESS' | 'REFUND' | 'CLOSED' | 'REVOKED' | 'PAYERROR';

export type Order = {
  /** Merchant (or sub-merchant) and its order number: what makes an order unique. */
  readonly id: string;
  readonly form: 'v3' | 'v2';
  readonly mchid: string;
  readonly appid: string;
  readonly sub_mchid?: string;
  readonly sub_appid?: string;
  readonly out_trade_no: string;
  readonly trade_type: TradeType;
  readonly method: Method;
  readonly description: string;
  readonly total: number;
  readonly attach?: string;
  readonly device_id?: string;
  readonly notify_url?: string;
  readonly payer: { readonly openid?: string; readonly sub_openid?: string };
  /** Every parameter of the first call, canonical: a repeat must be equal. */
  readonly parameters: string;
  readonly sign_type?: SignType;
  readonly created_ms: number;
  readonly expires_ms: number;
  readonly prepay?: { readonly id: string; readonly pr: string; readonly made_ms: number };
  readonly state: OrderState;
  readonly transaction_id?: string;
  readonly paid_ms?: number;
};

export type RefundState = 'PROCESSING' | 'SUCCESS' | 'CLOSED' | 'ABNORMAL';

export type Refund = {
  readonly refund_id: string;
  readonly order_id: string;
  readonly out_refund_no: string;
  readonly form: 'v3' | 'v2';
  readonly amount: number;
  readonly reason?: string;
  readonly notify_url?: string;
  readonly parameters: string;
  readonly state: RefundState;
  /** What it becomes when its time has come. */
  readonly becomes: RefundState;
  readonly created_ms: number;
  readonly settles_ms: number;
  readonly settled_ms?: number;
};

export type PaymentCode = {
  readonly code: string;
  readonly behaviour: 'pays' | 'asks_password' | 'insufficient_funds' | 'expired';
  readonly issued_ms: number;
  readonly used: boolean;
};

export type SignType = 'MD5' | 'HMAC-SHA256';

/** A notification and how far it has come. Its content never changes; time, nonce and signature are new each time. */
export type Notice = {
  readonly id: string;
  readonly mchid: string;
  readonly url: string;
  readonly form: 'v3' | 'v2';
  readonly event_type: string;
  readonly original_type: string;
  readonly summary: string;
  readonly created_ms: number;
  /** APIv3: the plain content, encrypted at each send. APIv2: the finished XML. */
  readonly content: string;
  /** Of a payment. */
  readonly told?: Told;
  readonly tries: number;
  readonly state: 'due' | 'done' | 'given_up';
};

type Kinds = { merchant: Merchant; platform_key: PlatformKey; order: Order; refund: Refund; payment_code: PaymentCode; notice: Notice };
const ids: { [K in keyof Kinds]: (value: Kinds[K]) => string } = {
  merchant: (merchant) => merchant.mchid,
  platform_key: (key) => key.serial_no,
  order: (order) => order.id,
  refund: (refund) => refund.refund_id,
  payment_code: (code) => code.code,
  notice: (notice) => notice.id,
};
type Tables = { readonly [K in keyof Kinds]: Map<string, Kinds[K]> };
type Entry = { [K in keyof Kinds]: { readonly put: K; readonly value: Kinds[K] } }[keyof Kinds];

type Index = {
  /** Order id by WeChat's number. */
  readonly transactions: Map<string, string>;
  /** Order ids by the merchant's number, which two merchants may share. */
  readonly numbers: Map<string, Set<string>>;
  /** Refund ids by order id, and by the merchant's refund number. */
  readonly refunds: Map<string, Set<string>>;
  readonly refund_numbers: Map<string, Set<string>>;
};

export type World = {
  readonly ports: SimulatorPorts;
  readonly options: SimulatorOptions;
  readonly tables: Tables;
  /** Objects by what calls name them by, so that a busy simulator does not look through all it holds. */
  readonly index: Index;
  /** Puts an object in place and into the journal. */
  put<K extends keyof Kinds>(kind: K, value: Kinds[K]): void;
  now_ms(): number;
  /** Random text for nonces, numbers and ids. */
  digits(length: number): string;
  hex(length: number): string;
  /** Parsed keys, once each. */
  privateKey(pem: string): KeyObject;
  publicKey(pem: string): KeyObject;
};

/** Where the real gateway's behaviour is not certain or not wanted everywhere. */
export type SimulatorOptions = {
  /** Sign error answers to authenticated requests, as the manual says; off: as seen on the live gateway for rejected ones. */
  readonly sign_errors: boolean;
  /** One minute between two refunds of one order (divided by the time scale). */
  readonly refund_spacing: boolean;
  /** What closing an unknown order answers: the manual says 404, integrators report 204. */
  readonly close_unknown: 404 | 204;
};

export function createWorld(ports: SimulatorPorts, options: SimulatorOptions): World {
  const tables: Tables = { merchant: new Map(), platform_key: new Map(), order: new Map(), refund: new Map(), payment_code: new Map(), notice: new Map() };
  const index: Index = { transactions: new Map(), numbers: new Map(), refunds: new Map(), refund_numbers: new Map() };
  const keys = new Map<string, KeyObject>();

  function place<K extends keyof Kinds>(kind: K, value: Kinds[K]): void {
    (tables[kind] as Map<string, Kinds[K]>).set(ids[kind](value), value);
    if (kind === 'order') indexOrder(index, value as Order);
    if (kind === 'refund') indexRefund(index, value as Refund);
  }

  for (const entry of ports.journal.load()) {
    const { put, value } = entry as Entry;
    place(put, value);
  }

  function parsed(pem: string, parse: (pem: string) => KeyObject): KeyObject {
    const held = keys.get(pem) ?? parse(pem);
    keys.set(pem, held);
    return held;
  }

  return {
    ports,
    options,
    tables,
    index,
    put(kind, value) {
      ports.journal.append({ put: kind, value });
      place(kind, value);
    },
    now_ms: () => ports.clock.now().getTime(),
    digits: (length) => Array.from(ports.rng.bytes(length), (byte) => byte % 10).join(''),
    hex: (length) =>
      ports.rng
        .bytes(Math.ceil(length / 2))
        .toString('hex')
        .slice(0, length),
    privateKey: (pem) => parsed(pem, createPrivateKey),
    publicKey: (pem) => parsed(pem, (text) => (text.includes('CERTIFICATE') ? new X509Certificate(text).publicKey : createPublicKey(text))),
  };
}

/** Newest first. */
export const newestFirst = <T extends { readonly created_ms: number }>(values: Iterable<T>): T[] =>
  [...values].reverse().sort((a, b) => b.created_ms - a.created_ms);

export const orderId = (mchid: string, sub_mchid: string | undefined, out_trade_no: string): string => `${sub_mchid ?? mchid}/${out_trade_no}`;

export const refundsOf = (world: World, order_id: string): Refund[] => refundsByIds(world, world.index.refunds.get(order_id));

export const refundsByNumber = (world: World, out_refund_no: string): Refund[] => refundsByIds(world, world.index.refund_numbers.get(out_refund_no));

const refundsByIds = (world: World, refund_ids: Iterable<string> = []): Refund[] =>
  [...refund_ids].flatMap((refund_id) => world.tables.refund.get(refund_id) ?? []);

function indexOrder(index: Index, order: Order): void {
  addTo(index.numbers, order.out_trade_no, order.id);
  if (order.transaction_id !== undefined) index.transactions.set(order.transaction_id, order.id);
}

function indexRefund(index: Index, { order_id, out_refund_no, refund_id }: Refund): void {
  addTo(index.refunds, order_id, refund_id);
  addTo(index.refund_numbers, out_refund_no, refund_id);
}

function addTo(sets: Map<string, Set<string>>, name: string, id: string): void {
  const set = sets.get(name) ?? new Set();
  sets.set(name, set.add(id));
}
