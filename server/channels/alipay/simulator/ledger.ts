import type { Method } from '@heliu/contract';
import type { Rng } from '../../../kernel/rng.ts';
import { bizDate, type Clock } from '../../../kernel/time.ts';
import type { Journal, Told } from '../../kit/simulator.ts';
import type { Charset } from '../form.ts';
import type { AuthorityRecord } from './authority.ts';

/** An application that may call the gateway. */
export type App = {
  readonly app_id: string;
  /** The owner's user number; a provider's own is not a receiver. */
  readonly pid: string;
  readonly trust: 'key' | 'certificate';
  readonly is_provider: boolean;
  readonly public_key: string;
  readonly app_cert_sn: string | undefined;
  readonly root_cert_sn: string | undefined;
  readonly aes_key: string;
};

/** A merchant that let a provider act for it. */
export type Authorisation = { readonly token: string; readonly app_id: string; readonly auth_app_id: string; readonly pid: string };

export type RefundRecord = {
  readonly out_request_no: string;
  readonly amount_fen: number;
  readonly at_ms: number;
  readonly reason: string | undefined;
  /** `failed`: accepted and never carried out. */
  readonly state: 'succeeded' | 'failed';
};

export type TradeState = 'WAIT_BUYER_PAY' | 'TRADE_SUCCESS' | 'TRADE_FINISHED' | 'TRADE_CLOSED';

/** An order. The trade itself (`trade_no`) exists only once a payer scanned the code or opened the cashier. */
export type Trade = {
  readonly pid: string;
  readonly app_id: string;
  readonly auth_app_id: string;
  readonly out_trade_no: string;
  readonly method: Method;
  readonly api: string;
  readonly subject: string;
  readonly body: string | undefined;
  readonly amount_fen: number;
  readonly passback_params: string | undefined;
  readonly charset: Charset;
  readonly notify_url: string | undefined;
  readonly return_url: string | undefined;
  readonly quit_url: string | undefined;
  /** Names the order in links: codes and cashier pages. */
  readonly token: string;
  readonly created_ms: number;
  readonly expires_ms: number;
  readonly payment_code: string | undefined;
  readonly trade_no: string | undefined;
  readonly opened_ms: number | undefined;
  readonly buyer: Record<string, string>;
  readonly state: TradeState;
  readonly paid_ms: number | undefined;
  readonly closed_ms: number | undefined;
  readonly cancelled: 'close' | 'refund' | undefined;
  readonly refunds: readonly RefundRecord[];
};

export type CodeBehaviour = 'pays' | 'asks_password' | 'insufficient_funds' | 'expired';
export type PaymentCode = { readonly code: string; readonly behaviour: CodeBehaviour; readonly used_by: string | undefined };

/** A notification: its parameters as they were when it arose, and how often it was tried. */
export type Delivery = {
  readonly id: string;
  readonly url: string;
  readonly charset: Charset;
  readonly trust: App['trust'];
  readonly params: Readonly<Record<string, string>>;
  /** Of a payment. */
  readonly told?: Told;
  readonly tries: number;
  readonly next_ms: number;
  readonly done: boolean;
};

type Entry =
  | { readonly is: 'authority'; readonly authority: AuthorityRecord }
  | { readonly is: 'app'; readonly app: App }
  | { readonly is: 'authorisation'; readonly authorisation: Authorisation }
  | { readonly is: 'trade'; readonly trade: Trade }
  | { readonly is: 'barred'; readonly key: string }
  | { readonly is: 'code'; readonly code: PaymentCode }
  | { readonly is: 'delivery'; readonly delivery: Delivery };

const keyOf = (pid: string, out_trade_no: string): string => `${pid} ${out_trade_no}`;

/** The gateway's own books. Every change is appended to the journal whole; the last entry of an object is its state. */
export function createLedger(clock: Clock, rng: Rng, journal: Journal) {
  const apps = new Map<string, App>();
  const authorisations = new Map<string, Authorisation>();
  const trades = new Map<string, Trade>();
  /** Keys of trades by what they are looked up with: token, order number, trade number. A later order of the same number hides an earlier one. */
  const by_name = new Map<string, string>();
  const barred = new Set<string>();
  const codes = new Map<string, PaymentCode>();
  const deliveries = new Map<string, Delivery>();
  let authority: AuthorityRecord | undefined;
  for (const entry of journal.load()) take(entry as Entry);

  function take(entry: Entry): void {
    switch (entry.is) {
      case 'authority':
        authority = entry.authority;
        break;
      case 'app':
        apps.set(entry.app.app_id, entry.app);
        break;
      case 'authorisation':
        authorisations.set(entry.authorisation.token, entry.authorisation);
        break;
      case 'trade':
        index(entry.trade);
        break;
      case 'barred':
        barred.add(entry.key);
        break;
      case 'code':
        codes.set(entry.code.code, entry.code);
        break;
      case 'delivery':
        deliveries.set(entry.delivery.id, entry.delivery);
    }
  }

  function index(trade: Trade): void {
    const key = keyOf(trade.pid, trade.out_trade_no);
    trades.set(key, trade);
    for (const name of [trade.token, trade.out_trade_no, trade.trade_no]) if (name !== undefined) by_name.set(name, key);
  }

  const named = (name: string): Trade | undefined => settled(trades.get(by_name.get(name) ?? ''));

  function write(entry: Entry): void {
    journal.append(entry);
    take(entry);
  }

  function saveTrade(trade: Trade): Trade {
    write({ is: 'trade', trade });
    return trade;
  }

  /** A trade that nobody paid in time is closed, whoever looks first. */
  function settled(trade: Trade | undefined): Trade | undefined {
    if (trade?.state !== 'WAIT_BUYER_PAY' || clock.now().getTime() < trade.expires_ms) return trade;
    return saveTrade({ ...trade, state: 'TRADE_CLOSED', closed_ms: trade.expires_ms });
  }

  const digits = (length: number): string => Array.from(rng.bytes(length), (byte) => byte % 10).join('');
  const today = (): string => bizDate(clock.now()).replaceAll('-', '');

  return {
    apps,
    authorisations,
    codes,
    deliveries,
    authority: () => authority,
    saveAuthority: (record: AuthorityRecord) => write({ is: 'authority', authority: record }),
    saveApp: (app: App) => write({ is: 'app', app }),
    saveAuthorisation: (authorisation: Authorisation) => write({ is: 'authorisation', authorisation }),
    saveTrade,
    saveCode: (code: PaymentCode) => write({ is: 'code', code }),
    saveDelivery: (delivery: Delivery) => write({ is: 'delivery', delivery }),
    /** Newest first. */
    trades: (): Trade[] => [...trades.values()].reverse().map((trade) => settled(trade) as Trade),
    find: (pid: string, out_trade_no: string): Trade | undefined => settled(trades.get(keyOf(pid, out_trade_no))),
    findByTradeNo: (pid: string, trade_no: string): Trade | undefined => {
      const trade = named(trade_no);
      return trade?.pid === pid && trade.trade_no === trade_no ? trade : undefined;
    },
    findByToken: (token: string): Trade | undefined => {
      const trade = named(token);
      return trade?.token === token ? trade : undefined;
    },
    /** An order by its number alone, for the payer's hand. */
    findByOrderNo: (out_trade_no: string): Trade | undefined => {
      const trade = named(out_trade_no);
      return trade?.out_trade_no === out_trade_no ? trade : undefined;
    },
    /** Numbers that were cancelled before anything came under them. */
    bar: (pid: string, out_trade_no: string) => write({ is: 'barred', key: keyOf(pid, out_trade_no) }),
    isBarred: (pid: string, out_trade_no: string): boolean => barred.has(keyOf(pid, out_trade_no)),
    newTradeNo: (): string => `${today()}22001${digits(15)}`,
    newNotifyId: (): string => `${today()}00222${digits(21)}`,
    newUserId: (): string => `2088${digits(12)}`,
    newAppId: (): string => `2021${digits(12)}`,
    newPaymentCode: (): string => `28${digits(16)}`,
    newToken: (): string => rng.bytes(12).toString('hex'),
  };
}
export type Ledger = ReturnType<typeof createLedger>;

/** Money that has left the seller again. */
export const refundedFen = (trade: Trade): number =>
  trade.refunds.filter((refund) => refund.state === 'succeeded').reduce((sum, refund) => sum + refund.amount_fen, 0);

/** Can the payer still pay it? An order that was not opened yet can be opened until it expires. */
export const isPayable = (trade: Trade): boolean => trade.state === 'WAIT_BUYER_PAY';
