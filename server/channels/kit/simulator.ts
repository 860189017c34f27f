import type { Method, Wallet } from '@heliu/contract';
import type { FastifyPluginAsync } from 'fastify';
import type { Rng } from '../../kernel/rng.ts';
import type { Clock } from '../../kernel/time.ts';
import type { WalletBrowser } from './wallet-browser.ts';

/**
 * A simulator is the upstream itself: it verifies every signature, signs every answer, keeps its own ledger of truth,
 * notifies and fails on command. It shares no state and no code path with Heliu's core and can run as a process of its own.
 */
export type Simulator = {
  readonly channel: string;
  readonly wallet: Wallet;
  /** Its HTTP face, at the gateway's own paths; mounted under `/sim/<channel>` or at the root of a host of its own. */
  readonly plugin: FastifyPluginAsync;
  /**
   * Opens a merchant at the gateway with keys made now and returns the settings (secrets in clear) of a Heliu channel account for it.
   * `mode`: with the merchant's own contract or through a service provider; `trust`: how the merchant verifies the gateway.
   */
  readonly enroll: (input: { mode: 'direct' | 'provider'; trust: 'certificate' | 'public_key' }) => Promise<Record<string, unknown>>;
  /**
   * Where it reports for a merchant of its own whose messages all go to one address that the merchant registers there. Absent
   * where each order names its address.
   */
  readonly reportTo?: (settings: Readonly<Record<string, unknown>>, url: string) => void;
  /** A code for the account of these settings, where the gateway gives keys for codes (`Channel.session`). */
  readonly newSessionCode?: (settings: Readonly<Record<string, unknown>>) => string;
  /** The browser of its wallet: what pages find in it. */
  readonly browser?: WalletBrowser;
  /** Orders, newest first, as the wallet page shows them. */
  readonly orders: () => readonly SimulatedOrder[];
  /** What a request asks of it, in whatever dialect; nothing comes of it. For those who watch what goes to a gateway. */
  readonly reads?: (request: GatewayRequest) => Asked | undefined;
  /** The payer's hand. `pay` works also on an order that the merchant closed when `late` is set: the race that really happens. */
  readonly act: (order_no: string, act: PayerAct) => Promise<ActResult>;
  /** Where an order begins only when the wallet opens what an app or a browser handed it: the order of that text. */
  readonly open?: (text: string) => { readonly opened: true; readonly order_no: string } | { readonly opened: false; readonly problem: string };
  /** A payment code as the wallet shows it to a cashier, and what the payer will do when it is scanned. A gateway of several wallets is told which one. */
  readonly newPaymentCode: (behaviour: 'pays' | 'asks_password' | 'insufficient_funds' | 'expired', wallet?: Wallet) => string;
  /** The n-th next matching calls or notifications go wrong in this way. */
  readonly inject: (fault: Fault) => void;
  /** The outside truth, for tests and checks. */
  readonly truth: () => { readonly payments: readonly TruePayment[]; readonly refunds: readonly TrueRefund[] };
  /** Waits until no notification is on its way, then frees timers and connections. */
  readonly close: () => Promise<void>;
};

/** A request on its way to a gateway: its path at a host of the gateway's own, its query without the mark, names of headers in lower case. */
export type GatewayRequest = {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
};

/** What is asked for, and of what: numbers as the gateway has them. `charges`: it takes the money of a payment code. */
export type Asked = {
  readonly does: 'pay' | 'query' | 'close' | 'reverse' | 'refund' | 'refund_query';
  readonly order_no?: string | undefined;
  readonly refund_no?: string | undefined;
  readonly charges?: boolean | undefined;
};

/** How a simulated gateway is made; `channel` is also its place under `/sim`. */
export type SimulatorMaker = {
  readonly channel: string;
  readonly create: (ports: SimulatorPorts) => Simulator;
  /** The ways of signing up that differ at this gateway; all four when absent. */
  readonly forms?: readonly EnrollForm[];
} & Traits;

/** What cannot be promised of a gateway, whatever its channel does. */
export type Traits = {
  /** Nobody has published the codes with which it refuses a payment code: such an answer is unknown, and a query tells. */
  readonly codes_unpublished?: true;
  /** Its answers carry no signature: only the connection vouches for them. */
  readonly answers_unsigned?: true;
  /** Nothing ends an order there that nobody pays: only we stop waiting, and money may come after that. */
  readonly orders_never_end?: true;
  /** Its errors carry no signature, successes do: only the connection vouches for a no. */
  readonly errors_unsigned?: true;
  /** Its signature covers the fields that count, and leaves the others of a notification out. */
  readonly notices_partly_signed?: true;
  /** The same of its answers: who paid may be written by anybody on the way. */
  readonly answers_partly_signed?: true;
  /** It never says when an order was paid. */
  readonly times_unsaid?: true;
  /** Its notifications carry no signature: they say no more than "ask me". */
  readonly notices_unsigned?: true;
  /** It never tells of a refund: only a query does. */
  readonly refunds_untold?: true;
  /** It takes smaller amounts than we do; larger ones are refused before they are sent. */
  readonly amount_fen_max?: number;
};
export type EnrollForm = { readonly mode: 'direct' | 'provider'; readonly trust: 'certificate' | 'public_key' };

export type SimulatorPorts = {
  readonly clock: Clock;
  readonly rng: Rng;
  /** Where the gateway is reached: `http://127.0.0.1:7410/sim/wechatpay`. */
  readonly base_url: string;
  readonly journal: Journal;
  /** Delivers a notification as the gateway would; resolves to the receiver's answer, rejects when there was none. */
  readonly send: (request: NoticeRequest) => Promise<{ status: number; body: string }>;
  /** The gateway's retry schedule divided by this: 1 is real time. */
  readonly time_scale: number;
};

/** A notification on its way. Of a GET, `body` is the query. */
export type NoticeRequest = {
  readonly method?: 'GET' | undefined;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly told?: Told;
};

/** What goes over the wire. */
export const wireOf = ({ method, url, headers, body }: NoticeRequest) =>
  method === 'GET' ? ({ method, url: `${url}?${body}`, headers } as const) : ({ method: 'POST', url, headers, body } as const);

/** What a notification says of a payment, for those who watch the gateway: it is no part of the message. */
export type Told = {
  /** The order that it is truly about, also where the message names another. */
  readonly order_no: string;
  /** The refund of which it says that it is done, where it is about one. */
  readonly refund_no?: string;
  /** As the message has it. */
  readonly transaction_id: string;
  /** What of it is not the truth, where a fault wanted it so. */
  readonly wrong?: 'amount' | 'receiver' | 'order' | 'transaction' | undefined;
};

/** An append-only record from which a simulator rebuilds itself after a restart. */
export type Journal = { readonly load: () => Iterable<unknown>; readonly append: (entry: unknown) => void };

export type PayerAct = { readonly do: 'pay'; readonly late?: boolean } | { readonly do: 'decline' };
export type ActResult = { readonly done: true } | { readonly done: false; readonly problem: string };

export type SimulatedOrder = {
  readonly order_no: string;
  readonly merchant: string;
  readonly method: Method;
  readonly subject: string;
  readonly amount_fen: number;
  /** The gateway's own state name: NOTPAY, WAIT_BUYER_PAY … */
  readonly state: string;
  readonly payable: boolean;
  /** What a phone would scan or open. */
  readonly opens: string | undefined;
  readonly created_at: Date;
};
export type TruePayment = { readonly order_no: string; readonly transaction_id: string; readonly amount_fen: number; readonly paid_at: Date };
export type TrueRefund = {
  readonly order_no: string;
  readonly refund_no: string;
  readonly refund_id: string;
  readonly amount_fen: number;
  readonly state: 'processing' | 'succeeded' | 'failed';
};

/** Ids of reliability.md §3.2. */
export type Fault = {
  readonly kind:
    | 'drop_before' // CF-02 the request has no effect and no answer
    | 'drop_after' // CF-01 the effect happens, the answer is lost
    | 'cut_answer' // CF-03
    | 'html_answer' // CF-04
    | 'server_error' // CF-05 5xx or the gateway's "system busy"
    | 'slow' // CF-06, with ms
    | 'unsigned_answer'
    | 'bad_signature'
    | 'rate_limit' // CF-16
    | 'unlisted_code' // CF-28
    | 'error_code' // a code of the gateway's own, in `code`
    | 'notify_lost' // CF-10
    | 'notify_delayed' // CF-09, with ms
    | 'notify_twice' // CF-07, with times
    | 'notify_wrong_amount' // CF-12, truly signed
    | 'notify_wrong_merchant' // CF-12
    | 'notify_unknown_order' // CF-13
    | 'notify_reused_transaction' // CF-21 with the number of an earlier payment of the account, where there is one
    | 'notify_signature_probe' // CF-14
    | 'not_found_lag' // CF-18
    | 'query_behind' // CF-17 a query shows a paid order as it was before; at the gateways of the two wallets
    | 'refund_fails' // CF-22
    | 'refund_reverses' // CF-22 after the success, with ms and a state in `code`; at the gateway of WeChat Pay
    | 'refund_repeats' // a number that comes again is another refund; at gateways that do not promise otherwise, and do not say that it came before
    | 'rotate_key' // CF-15
    | 'bill_not_ready' // CF-23 the bill is asked for and not there yet
    | 'bill_error'; // CF-23 an error of `bill_errors`, in `code`, at the row of `no`; it stays until it is corrected
  /** Which call: `pay`, `query`, `close`, `reverse`, `refund`, `refund_query`, `bill`, `notify`, of these `notify_refund`; any when absent. */
  readonly on?: string;
  readonly times?: number;
  readonly ms?: number;
  readonly code?: string;
  /** The order or refund that an error of a bill strikes. */
  readonly no?: string;
};
