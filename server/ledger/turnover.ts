import type { Account } from './account.ts';
import type { Posting } from './posting.ts';

/** What moved on an account on a day. */
export type Turnover = {
  readonly merchant_id: string;
  readonly livemode: boolean;
  readonly account: Account;
  readonly party_id: string;
  readonly currency: string;
  readonly biz_date: string;
  readonly debit_fen: bigint;
  readonly credit_fen: bigint;
};

/** Adds up a batch: an account that all of its postings touch has one row for each day. In the order of the key, so that no two batches wait for each other. */
export function turnoversOf(postings: readonly Posting[]): Turnover[] {
  const sums = new Map<string, { -readonly [K in keyof Turnover]: Turnover[K] }>();
  for (const { merchant_id, livemode, currency, biz_date, entries } of postings) {
    for (const { account, party_id, amount_fen } of entries) {
      const key = `${merchant_id}/${livemode}/${account}/${party_id}/${currency}/${biz_date}`;
      const sum = sums.get(key) ?? { merchant_id, livemode, account, party_id, currency, biz_date, debit_fen: 0n, credit_fen: 0n };
      if (amount_fen > 0n) sum.debit_fen += amount_fen;
      else sum.credit_fen -= amount_fen;
      sums.set(key, sum);
    }
  }
  return [...sums.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, sum]) => sum);
}
