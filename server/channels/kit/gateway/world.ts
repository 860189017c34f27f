import type { Method } from '@heliu/contract';
import { bizDate } from '../../../kernel/time.ts';
import type { SimulatorPorts, Told } from '../simulator.ts';

/**
 * What a simulated gateway knows. Objects are values: a change puts a new one in place, and the journal holds every one
 * put, so that a gateway which starts anew goes on where it was. What one gateway alone keeps stands in `own`.
 */
export type Own = Readonly<Record<string, string>>;

/** Who signs up at the gateway, and the keys that both sides hold. */
export type Merchant = { readonly no: string; readonly own: Own };

export type OrderState = 'open' | 'asking' | 'paid' | 'closed' | 'reversed' | 'failed';

export type Order = {
  /** Merchant and its order number: what makes an order unique. */
  readonly id: string;
  readonly merchant: string;
  readonly order_no: string;
  readonly method: Method;
  readonly subject: string;
  readonly amount_fen: number;
  readonly notify_url?: string;
  /** Every parameter of the first call, canonical: a repeat must be equal. */
  readonly parameters: string;
  readonly created_ms: number;
  readonly expires_ms: number;
  readonly state: OrderState;
  /** What a phone would scan or open. */
  readonly opens?: string;
  readonly transaction_id?: string;
  readonly paid_ms?: number;
  readonly own: Own;
};

export type RefundState = 'processing' | 'succeeded' | 'failed';

export type Refund = {
  readonly id: string;
  readonly order_id: string;
  readonly refund_no: string;
  readonly refund_id: string;
  readonly amount_fen: number;
  readonly notify_url?: string;
  readonly parameters: string;
  readonly state: RefundState;
  /** What it becomes when its time has come. */
  readonly becomes: RefundState;
  readonly created_ms: number;
  readonly settles_ms: number;
  readonly settled_ms?: number;
  readonly own: Own;
};

export type Behaviour = 'pays' | 'asks_password' | 'insufficient_funds' | 'expired';
export type PaymentCode = { readonly code: string; readonly behaviour: Behaviour; readonly issued_ms: number; readonly used: boolean };

/** A notification and how far it has come. What it tells of is frozen; time, nonce and signature are new each time. */
export type Notice = {
  readonly id: string;
  readonly url: string;
  /** Whose keys sign it: the order may say another one, when a fault makes it lie. */
  readonly signer: string;
  readonly order: Order;
  readonly refund?: Refund;
  /** For those who watch the gateway; absent in a record of before. */
  readonly told?: Told | undefined;
  readonly created_ms: number;
  readonly tries: number;
  readonly state: 'due' | 'done' | 'given_up';
};

type Kinds = { merchant: Merchant; order: Order; refund: Refund; payment_code: PaymentCode; notice: Notice };
const ids: { [K in keyof Kinds]: (value: Kinds[K]) => string } = {
  merchant: ({ no }) => no,
  order: ({ id }) => id,
  refund: ({ id }) => id,
  payment_code: ({ code }) => code,
  notice: ({ id }) => id,
};
type Tables = { readonly [K in keyof Kinds]: Map<string, Kinds[K]> };
type Entry = { [K in keyof Kinds]: { readonly put: K; readonly value: Kinds[K] } }[keyof Kinds];

export type World = {
  readonly ports: SimulatorPorts;
  readonly tables: Tables;
  /** Ids by what calls name objects by, so that a busy simulator does not look through all that it holds. */
  readonly index: {
    readonly transactions: ReadonlyMap<string, string>;
    readonly numbers: ReadonlyMap<string, ReadonlySet<string>>;
    readonly refunds: ReadonlyMap<string, ReadonlySet<string>>;
  };
  /** Puts an object in place and into the journal. */
  put<K extends keyof Kinds>(kind: K, value: Kinds[K]): void;
  now(): Date;
  now_ms(): number;
  /** Random text for nonces, numbers and ids. */
  digits(length: number): string;
  hex(length: number): string;
  /** `20261122`, as many of the numbers begin. */
  today(): string;
};

export function createWorld(ports: SimulatorPorts): World {
  const tables: Tables = { merchant: new Map(), order: new Map(), refund: new Map(), payment_code: new Map(), notice: new Map() };
  const transactions = new Map<string, string>();
  const numbers = new Map<string, Set<string>>();
  const refunds = new Map<string, Set<string>>();

  function place<K extends keyof Kinds>(kind: K, value: Kinds[K]): void {
    (tables[kind] as Map<string, Kinds[K]>).set(ids[kind](value), value);
    if (kind === 'order') {
      const { id, order_no, transaction_id } = value as Order;
      addTo(numbers, order_no, id);
      if (transaction_id !== undefined) transactions.set(transaction_id, id);
    }
    if (kind === 'refund') {
      const { id, order_id } = value as Refund;
      addTo(refunds, order_id, id);
    }
  }

  for (const entry of ports.journal.load()) {
    const { put, value } = entry as Entry;
    place(put, value);
  }

  return {
    ports,
    tables,
    index: { transactions, numbers, refunds },
    put(kind, value) {
      ports.journal.append({ put: kind, value });
      place(kind, value);
    },
    now: () => ports.clock.now(),
    now_ms: () => ports.clock.now().getTime(),
    digits: (length) => Array.from(ports.rng.bytes(length), (byte) => byte % 10).join(''),
    hex: (length) =>
      ports.rng
        .bytes(Math.ceil(length / 2))
        .toString('hex')
        .slice(0, length),
    today: () => bizDate(ports.clock.now()).replaceAll('-', ''),
  };
}

function addTo(sets: Map<string, Set<string>>, name: string, id: string): void {
  const set = sets.get(name) ?? new Set();
  sets.set(name, set.add(id));
}

export const orderId = (merchant: string, order_no: string): string => `${merchant}/${order_no}`;
