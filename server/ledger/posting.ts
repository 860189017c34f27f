import { assert } from '../kernel/assert.ts';
import type { Fen } from '../kernel/money.ts';
import { bizDate } from '../kernel/time.ts';
import { type Account, account_names } from './account.ts';

/** 分录: debit above zero, credit below. */
export type Entry = { readonly account: Account; readonly party_id: string; readonly amount_fen: Fen };

/** Kinds of facts. `return` is second or late money that goes back: unlike a refund it was never the merchant's. */
export const posting_kinds = {
  payment: { en: 'Payment', zh: '收款' },
  duplicate: { en: 'Second payment of a paid order', zh: '重复款项' },
  late: { en: 'Payment of a closed order', zh: '迟到款项' },
  refund: { en: 'Refund', zh: '退款' },
  return: { en: 'Second or late money that went back', zh: '退回' },
  transit: { en: 'Refund that the channel has taken on', zh: '退款在途' },
  transit_end: { en: 'Refund that was taken on and then refused', zh: '在途退款失败' },
  channel_fee: { en: 'Channel fee', zh: '渠道手续费' },
  settlement: { en: 'Settled by the channel', zh: '渠道结算' },
  suspense: { en: 'To or from suspense', zh: '挂账' },
  commission: { en: 'Commission', zh: '佣金' },
  reversal: { en: 'Reversal', zh: '冲正' },
} as const;
export type PostingKind = keyof typeof posting_kinds;

/** What a posting says besides its entries: whose channel account, about which objects. */
export type Subject = {
  readonly payment_id: string | null;
  readonly attempt_id: string | null;
  readonly refund_id: string | null;
  /** Where it was taken. */
  readonly store_id: string | null;
  readonly channel_account_id: string;
  readonly channel: string;
  readonly method: string;
};

/** 凭证: one fact as double entry, before it has its number and its day. */
export type Draft = Subject & {
  readonly kind: PostingKind;
  /** What it is made from; its ULID becomes the posting's, so a source has one posting. */
  readonly source_id: string;
  readonly reverses_id: string | null;
  /** What the fact is about, before fees. */
  readonly amount_fen: Fen;
  /** By the merchant's price: taken with a payment, returned with a refund. */
  readonly fee_fen: Fen;
  readonly fact_at: Date;
  readonly detail: Readonly<Record<string, string | null>>;
  readonly entries: readonly Entry[];
};

/** A posting as it is stored. */
export type Posting = Draft & {
  readonly merchant_id: string;
  readonly id: string;
  readonly livemode: boolean;
  /** 凭证号 of its book, without gaps. */
  readonly no: bigint;
  readonly currency: string;
  /** The day in Asia/Shanghai on which it happened, `2026-11-22`. */
  readonly fact_date: string;
  /** The day on which it counts. */
  readonly biz_date: string;
};

/** The state of a book that decides number and day of what comes next. */
export type BookState = { readonly last_no: bigint; readonly closed_through: string | null };

/** `pst_` and the ULID of the source. */
export const postingId = (source_id: string): string => `pst_${source_id.slice(4)}`;

/** Numbers drafts in their order and gives each its day: its own, or the first open one where that is closed. */
export function numbered(drafts: readonly Draft[], book: { readonly merchant_id: string; readonly livemode: boolean }, state: BookState): Posting[] {
  const open_from = state.closed_through === null ? '' : nextDay(state.closed_through);
  return drafts.map((draft, at) => {
    checkDraft(draft);
    const fact_date = bizDate(draft.fact_at);
    const biz_date = later(fact_date, open_from);
    const { merchant_id, livemode } = book;
    return { ...draft, merchant_id, livemode, id: postingId(draft.source_id), no: state.last_no + BigInt(at) + 1n, currency: 'CNY', fact_date, biz_date };
  });
}

const later = (a: string, b: string): string => (a > b ? a : b);

function checkDraft({ entries, source_id }: Draft): void {
  assert(entries.length > 0 && sumOf(entries) === 0n, `the entries for ${source_id} sum to zero`);
  assert(
    entries.every(({ account, amount_fen }) => account_names.includes(account) && amount_fen !== 0n),
    `the entries for ${source_id} move something on accounts that there are`,
  );
}

export const sumOf = (entries: readonly Pick<Entry, 'amount_fen'>[]): bigint => entries.reduce((sum, { amount_fen }) => sum + amount_fen, 0n);

/** Entries that move something: an amount of zero is none. */
export const entriesOf = (...lines: readonly (readonly [account: Account, party_id: string, amount_fen: bigint])[]): Entry[] =>
  lines.filter(([, , amount_fen]) => amount_fen !== 0n).map(([account, party_id, amount_fen]) => ({ account, party_id, amount_fen: amount_fen as Fen }));

/** `2026-12-31` to `2027-01-01`. */
export const nextDay = (date: string): string => new Date(Date.parse(`${date}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);

/** Undoes a posting, entry by entry: amount and fee are those that it undoes. */
export function reversalOf(
  posting: Posting,
  { source_id, at, reason, by }: { readonly source_id: string; readonly at: Date; readonly reason: string; readonly by?: string | undefined },
): Draft {
  const { payment_id, attempt_id, refund_id, store_id, channel_account_id, channel, method, amount_fen, fee_fen } = posting;
  return {
    kind: 'reversal',
    source_id,
    reverses_id: posting.id,
    payment_id,
    attempt_id,
    refund_id,
    store_id,
    channel_account_id,
    channel,
    method,
    amount_fen,
    fee_fen,
    fact_at: at,
    detail: { reason, reversed_kind: posting.kind, ...(by === undefined ? {} : { by }) },
    entries: posting.entries.map((entry) => ({ ...entry, amount_fen: -entry.amount_fen as Fen })),
  };
}
