import type { Fault } from './simulator.ts';

/**
 * A line of a simulated bill before it has the gateway's own layout. A simulator makes these from its ledger of truth, the
 * planted errors are put in here, and the simulator writes what is left of it in the gateway's format.
 */
export type BillRow = {
  readonly kind: 'payment' | 'refund' | 'reversal';
  readonly order_no: string;
  readonly transaction_id: string;
  /** Empty for payments. */
  readonly refund_no: string;
  readonly refund_id: string;
  readonly amount_fen: number;
  /** Positive: charged; negative: given back. */
  readonly fee_fen: number;
  readonly at_ms: number;
  readonly method: string;
  readonly subject: string;
  readonly state: 'succeeded' | 'pending' | 'failed';
  readonly currency: string;
  /** Another receiver than the account's, where a planted error says so. */
  readonly receiver?: string;
};

/**
 * Errors that a bill can be written with; `no` of the fault names the order or refund it strikes. They stay until a
 * `correct` takes them away, since a bill is fetched more than once and may be issued again.
 */
export const bill_errors = [
  'missing', // the row is left out
  'extra', // a payment that nobody asked for, under the number in `no`
  'extra_refund', // a refund that nobody asked for, of the order in `no`
  'amount', // one fen more
  'fee', // one fen more of fee
  'duplicate', // the row stands there twice
  'failed', // a refund that failed
  'pending', // a refund that is under way
  'extra_reversal', // the order in `no` was taken back, and nobody asked for it
  'adjustment', // a line about the order in `no` in the file of errors, where the channel gives one
  'split', // money of the order in `no` was split off, as the fund bill has it
  'currency',
  'receiver', // another sub-merchant or application
  'transaction', // another number of the gateway's own
  'next_day', // the row stands in the bill of the next day
  'truncated', // the file ends in its middle
  'summary', // the summary is one fen off
  'digest', // the digest is another file's
  'columns', // columns of tomorrow are appended
  'bare', // no mark at the beginning, lines end in LF
  'correct', // takes back the error of `no`, or all
] as const;
export type BillError = (typeof bill_errors)[number];

type Planted = { readonly error: BillError; readonly no: string };

/** The planted errors of one gateway. */
export type BillErrors = {
  plant(fault: Fault): void;
  /** The rows of a day as the bill will show them, given those of the day before and of the day. */
  apply(rows: { readonly before: readonly BillRow[]; readonly day: readonly BillRow[] }, extra: ExtraOf): readonly BillRow[];
  /** The numbers that an error was planted for. */
  struck(error: BillError): readonly string[];
  /** Does this error strike the order or refund of this number? */
  strikes(error: BillError, no: string): boolean;
  /** Does the file as a whole have this error? */
  has(error: BillError): boolean;
};
/** A row for a number that the ledger does not have; undefined when it belongs to another merchant's bill. */
export type ExtraOf = (no: string, kind: 'payment' | 'refund') => BillRow | undefined;

const nameOf = (row: BillRow): string => (row.kind === 'payment' ? row.order_no : row.refund_no);

export function createBillErrors(): BillErrors {
  let planted: Planted[] = [];
  const of = (no: string, error: BillError) => planted.some((each) => each.error === error && each.no === no);
  const changed = (row: BillRow): BillRow => {
    const no = nameOf(row);
    return {
      ...row,
      ...(of(no, 'amount') ? { amount_fen: row.amount_fen + 1 } : {}),
      ...(of(no, 'fee') ? { fee_fen: row.fee_fen + 1 } : {}),
      ...(of(no, 'failed') ? { state: 'failed' as const } : {}),
      ...(of(no, 'pending') ? { state: 'pending' as const } : {}),
      ...(of(no, 'currency') ? { currency: 'USD' } : {}),
      ...(of(no, 'receiver') ? { receiver: 'other' } : {}),
      ...(of(no, 'transaction') ? { transaction_id: `9${row.transaction_id.slice(1)}` } : {}),
    };
  };
  return {
    plant({ code, no = '' }) {
      if (code === 'correct') planted = no === '' ? [] : planted.filter((each) => each.no !== no);
      else planted.push({ error: code as BillError, no });
    },
    apply({ before, day }, extra) {
      const moved = before.filter((row) => of(nameOf(row), 'next_day')).map((row) => ({ ...row, at_ms: row.at_ms + 60_000 }));
      const own = day.filter((row) => !of(nameOf(row), 'next_day') && !of(nameOf(row), 'missing')).map(changed);
      const twice = own.filter((row) => of(nameOf(row), 'duplicate'));
      const extras = planted.flatMap(({ error, no }) =>
        error === 'extra' ? (extra(no, 'payment') ?? []) : error === 'extra_refund' ? (extra(no, 'refund') ?? []) : [],
      );
      const reversals = planted.flatMap(({ error, no }): BillRow[] => {
        const row = error === 'extra_reversal' ? extra(no, 'refund') : undefined;
        return row ? [{ ...row, kind: 'reversal', refund_no: no }] : [];
      });
      return [...moved, ...own, ...twice, ...extras, ...reversals];
    },
    struck: (error) => planted.filter((each) => each.error === error).map(({ no }) => no),
    strikes: (error, no) => of(no, error),
    has: (error) => planted.some((each) => each.error === error),
  };
}

/** What the gateway keeps of a payment: six in a thousand, rounded half up, as both gateways print it. */
export const simulatedFee = (amount_fen: number): number => Math.floor((amount_fen * 6 + 500) / 1000);
