import type { CheckoutLocale, CheckoutMode, Method, NextAction, RefusalReason } from '@heliu/contract';
import type { Fen } from '../../kernel/money.ts';
import { type Attempt, isLive } from '../../payments/attempt.ts';
import type { Aggregate } from '../../payments/change.ts';
import type { Payment } from '../../payments/payment.ts';
import type { Browser } from './browser.ts';
import { isUnsupported, type Ways } from './ways.ts';

/** What a payer's page shows, decided from what Heliu knows and never from what a browser claims. */
export type View =
  | { readonly is: 'choose'; readonly ways: Ways; readonly scanned: boolean; readonly refused: RefusalReason | undefined }
  | { readonly is: 'act'; readonly method: Method; readonly action: NextAction }
  /** The wallet is asked who this is. */
  | { readonly is: 'hop'; readonly method: Method; readonly url: string }
  /** The outcome is not known yet, or the payer says that it is time to look. */
  | { readonly is: 'confirm' }
  | { readonly is: 'wait' }
  | { readonly is: 'closing' }
  | { readonly is: 'unsupported'; readonly ways: Ways }
  | { readonly is: 'paid'; readonly paid_fen: Fen }
  | { readonly is: 'closed'; readonly reason: NonNullable<Payment['closed_reason']> };

/** What came in the address: only what may not change anything. */
export type Asked = {
  /** The payer just pressed a button here: the wallet may be opened. */
  readonly go: boolean;
  /** The payer came back from a wallet. */
  readonly back: '1' | 'cancel' | undefined;
};

export type Sight = {
  readonly aggregate: Aggregate;
  readonly browser: Browser;
  readonly ways: Ways;
  readonly asked: Asked;
  /** Whether an order made for a named payer is this browser's. */
  readonly isOwn: (attempt: Attempt) => boolean;
  readonly now: Date;
};

export function viewOf({ aggregate, browser, ways, asked, isOwn, now }: Sight): View {
  const { payment, attempts } = aggregate;
  if (payment.state === 'paid') return { is: 'paid', paid_fen: payment.paid_fen };
  if (payment.state === 'closed') return { is: 'closed', reason: payment.closed_reason ?? 'expired' };
  if (payment.closing !== null || payment.expires_at <= now) return { is: 'closing' };
  const live = attempts.filter(isLive).at(-1);
  if (asked.back === '1' && live) return { is: 'confirm' };
  // An order whose place another wallet took stays its payer's as long as its channel has not ended it.
  const own = attempts.findLast(
    (attempt) =>
      isLive(attempt) && attempt.next_action.type !== 'new_attempt' && ways.methods.includes(attempt.method) && (attempt.state === 'sending' || isOwn(attempt)),
  );
  if (asked.go && own) return own.state === 'sending' ? { is: 'wait' } : { is: 'act', method: own.method, action: own.next_action };
  if (isUnsupported(ways)) return { is: 'unsupported', ways };
  const latest = attempts.at(-1);
  return {
    is: 'choose',
    ways,
    scanned: browser.device === 'pc' && live?.state === 'waiting' && live.next_action.type !== 'show_qr',
    refused: latest?.state === 'refused' && asked.back === undefined ? latest.refusal?.reason : undefined,
  };
}

/** Changes whenever something of the payment does: what a page compares to know that it is out of date. */
export const stampOf = ({ state, closing, version }: Pick<Payment, 'state' | 'closing' | 'version'>): string => `${state}.${closing ?? '-'}.${version}`;

/** A code for every wallet has no session of its own: its page is a plain one. */
export const plain_page: {
  readonly mode: CheckoutMode;
  readonly locale: CheckoutLocale;
  readonly allowed_methods: readonly Method[];
  readonly return_url: null;
} = {
  mode: 'web',
  locale: 'auto',
  allowed_methods: [],
  return_url: null,
};
