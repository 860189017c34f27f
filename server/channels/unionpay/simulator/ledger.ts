import type { Method } from '@heliu/contract';
import type { Rng } from '../../../kernel/rng.ts';
import { type Clock, formatShanghaiCompact } from '../../../kernel/time.ts';
import type { Journal } from '../../kit/simulator.ts';
import type { SignMethod } from '../sign.ts';
import type { AuthorityRecord } from './authority.ts';

export type Merchant = {
  readonly mer_id: string;
  readonly sign_method: SignMethod;
  readonly secure_key: string | undefined;
  readonly public_key: string | undefined;
  readonly cert_id: string | undefined;
  /** Of a platform: the merchant that its orders name. */
  readonly sub_mer_id: string | undefined;
};

/** A payment as the gateway holds it. Until the payer has acted on an open one, a query does not find it. */
export type Order = {
  readonly mer_id: string;
  readonly order_id: string;
  readonly txn_time: string;
  readonly txn_sub_type: string;
  readonly biz_type: string;
  readonly method: Method;
  readonly subject: string;
  readonly amount_fen: number;
  readonly back_url: string;
  readonly front_url: string | undefined;
  /** In links, codes and numbers that the payer's side opens. */
  readonly token: string;
  readonly opens: string | undefined;
  readonly created_ms: number;
  readonly ends_ms: number;
  readonly query_id: string;
  readonly trace_no: string;
  readonly state: 'open' | 'under_way' | 'paid' | 'failed' | 'reversed';
  readonly fail_code: string | undefined;
  readonly paid_ms: number | undefined;
};

/** 退货 and 消费撤销, and the money that a 冲正 gave back. */
export type Return = {
  readonly mer_id: string;
  readonly order_id: string;
  readonly txn_time: string;
  readonly txn_type: '04' | '31' | '99';
  readonly amount_fen: number;
  readonly of: string;
  readonly back_url: string | undefined;
  readonly query_id: string;
  readonly trace_no: string;
  readonly created_ms: number;
  readonly state: 'processing' | 'succeeded' | 'failed';
  /** It will not go through. */
  readonly doomed: boolean;
};

export type CodeBehaviour = 'pays' | 'asks_password' | 'insufficient_funds' | 'expired';
export type PaymentCode = { readonly code: string; readonly behaviour: CodeBehaviour; readonly used: boolean };

export type Delivery = {
  readonly id: string;
  readonly mer_id: string;
  readonly url: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly tries: number;
  readonly next_ms: number;
  readonly done: boolean;
};

type Entry =
  | { readonly is: 'authority'; readonly authority: AuthorityRecord }
  | { readonly is: 'merchant'; readonly merchant: Merchant }
  | { readonly is: 'order'; readonly order: Order }
  | { readonly is: 'return'; readonly return: Return }
  | { readonly is: 'code'; readonly code: PaymentCode }
  | { readonly is: 'delivery'; readonly delivery: Delivery };

const keyOf = (mer_id: string, order_id: string, txn_time: string): string => `${mer_id} ${order_id} ${txn_time}`;

/** The gateway's own books. Every change is appended to the journal whole; the last entry of an object is its state. */
export function createLedger(clock: Clock, rng: Rng, journal: Journal) {
  const merchants = new Map<string, Merchant>();
  const orders = new Map<string, Order>();
  const returns = new Map<string, Return>();
  const codes = new Map<string, PaymentCode>();
  const deliveries = new Map<string, Delivery>();
  /** Keys of orders by token, number and transaction number. */
  const by_name = new Map<string, string>();
  let authority: AuthorityRecord | undefined;
  for (const entry of journal.load()) take(entry as Entry);

  function take(entry: Entry): void {
    switch (entry.is) {
      case 'authority':
        authority = entry.authority;
        break;
      case 'merchant':
        merchants.set(entry.merchant.mer_id, entry.merchant);
        break;
      case 'order': {
        const { mer_id, order_id, txn_time, token, query_id } = entry.order;
        const key = keyOf(mer_id, order_id, txn_time);
        orders.set(key, entry.order);
        for (const name of [token, order_id, query_id]) by_name.set(name, key);
        break;
      }
      case 'return':
        returns.set(keyOf(entry.return.mer_id, entry.return.order_id, entry.return.txn_time), entry.return);
        break;
      case 'code':
        codes.set(entry.code.code, entry.code);
        break;
      case 'delivery':
        deliveries.set(entry.delivery.id, entry.delivery);
    }
  }

  function write(entry: Entry): void {
    journal.append(entry);
    take(entry);
  }

  const digits = (length: number): string => Array.from(rng.bytes(length), (byte) => byte % 10).join('');

  return {
    merchants,
    codes,
    deliveries,
    authority: () => authority,
    saveAuthority: (record: AuthorityRecord) => write({ is: 'authority', authority: record }),
    saveMerchant: (merchant: Merchant) => write({ is: 'merchant', merchant }),
    saveOrder(order: Order): Order {
      write({ is: 'order', order });
      return order;
    },
    saveReturn(returned: Return): Return {
      write({ is: 'return', return: returned });
      return returned;
    },
    saveCode: (code: PaymentCode) => write({ is: 'code', code }),
    saveDelivery: (delivery: Delivery) => write({ is: 'delivery', delivery }),
    /** Newest first. */
    orders: (): Order[] => [...orders.values()].reverse(),
    returns: (): Return[] => [...returns.values()],
    findOrder: (mer_id: string, order_id: string, txn_time: string): Order | undefined => orders.get(keyOf(mer_id, order_id, txn_time)),
    findReturn: (mer_id: string, order_id: string, txn_time: string): Return | undefined => returns.get(keyOf(mer_id, order_id, txn_time)),
    /** By token, order number or transaction number. */
    findNamed: (name: string): Order | undefined => orders.get(by_name.get(name) ?? ''),
    returnsOf: (order: Order): Return[] => [...returns.values()].filter(({ of }) => of === order.query_id),
    newMerId: (): string => `7772900${digits(8)}`,
    newSecureKey: (): string => rng.bytes(16).toString('hex'),
    newTraceNo: (): string => digits(6),
    /** `<2><yymmddhhmmss><trace number>8`, as the test gateway's are. */
    newQueryId: (trace_no: string): string => `${digits(2)}${formatShanghaiCompact(clock.now()).slice(2)}${trace_no}8`,
    newTn: (): string => `${formatShanghaiCompact(clock.now())}${digits(7)}`,
    newSerial: (): string => digits(24),
    newPaymentCode: (): string => `62${digits(17)}`,
    newToken: (): string => rng.bytes(12).toString('hex'),
  };
}
export type Ledger = ReturnType<typeof createLedger>;

export const isPayable = (order: Order, now_ms: number): boolean => (order.state === 'open' || order.state === 'under_way') && now_ms < order.ends_ms;

/** Money that has gone back, or is about to. */
export const returnedFen = (returns: readonly Return[]): number =>
  returns.filter(({ state }) => state !== 'failed').reduce((sum, { amount_fen }) => sum + amount_fen, 0);
