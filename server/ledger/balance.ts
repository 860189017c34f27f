import { type Account, accounts } from './account.ts';

/** What stands on an account. */
export type Balance = {
  readonly account: Account;
  readonly party_id: string;
  readonly currency: string;
  readonly debit_fen: bigint;
  readonly credit_fen: bigint;
  /** Debit less credit: below zero on accounts of the credit side. */
  readonly balance_fen: bigint;
};

type Moves = Omit<Balance, 'balance_fen'>;

/** Adds up what moved, account by account, in the order of the list of accounts. */
export function balancesOf(moves: readonly Moves[]): Balance[] {
  const sums = new Map<string, Balance>();
  for (const { account, party_id, currency, debit_fen, credit_fen } of moves) {
    const key = `${account}/${party_id}/${currency}`;
    const before = sums.get(key);
    const debit = (before?.debit_fen ?? 0n) + debit_fen;
    const credit = (before?.credit_fen ?? 0n) + credit_fen;
    sums.set(key, { account, party_id, currency, debit_fen: debit, credit_fen: credit, balance_fen: debit - credit });
  }
  const order = Object.keys(accounts);
  return [...sums.values()].toSorted((a, b) => order.indexOf(a.account) - order.indexOf(b.account) || (a.party_id < b.party_id ? -1 : 1));
}

/** 试算平衡: the sums of both sides in one currency; a ledger that adds up has the same on both. */
export type Trial = { readonly currency: string; readonly debit_fen: bigint; readonly credit_fen: bigint; readonly balanced: boolean };

export function trialOf(balances: readonly Balance[]): Trial[] {
  return [...new Set(balances.map(({ currency }) => currency))].toSorted().map((currency) => {
    const own = balances.filter((balance) => balance.currency === currency);
    const debit_fen = own.reduce((sum, balance) => sum + balance.debit_fen, 0n);
    const credit_fen = own.reduce((sum, balance) => sum + balance.credit_fen, 0n);
    return { currency, debit_fen, credit_fen, balanced: debit_fen === credit_fen };
  });
}
