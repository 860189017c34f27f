import { dayStart, nextDay, roundMillifen } from '../../channels/bill.ts';
import type { Fen } from '../../kernel/money.ts';
import { addMs } from '../../kernel/time.ts';
import type { Account } from '../../ledger/account.ts';
import { type Draft, entriesOf } from '../../ledger/posting.ts';
import type { ReconException } from '../exceptions/exception.ts';

type Owner = { readonly channel: string; readonly channel_account_id: string };

/** A bill whose fee is posted. */
export type FeeBill = Owner & { readonly id: string; readonly biz_date: string; readonly fee_millifen: bigint | null };

/** The fee of a whole bill, to the fen: below zero where refunds gave back more than payments were charged. */
export const billFee = ({ fee_millifen }: Pick<FeeBill, 'fee_millifen'>): bigint => roundMillifen(fee_millifen ?? 0n);

/** 渠道手续费: what the channel kept of its day, by its bill. Undefined where that is nothing. */
export function feeDraft(bill: FeeBill, source_id: string): Draft | undefined {
  const fee_fen = billFee(bill);
  if (fee_fen === 0n) return undefined;
  const { id: bill_id, biz_date, channel_account_id } = bill;
  return {
    ...aboutAccount(bill),
    kind: 'channel_fee',
    source_id,
    amount_fen: magnitude(fee_fen),
    // The last instant of the day that the bill is of.
    fact_at: addMs(dayStart(nextDay(biz_date)), -1),
    detail: { bill_id, biz_date },
    entries: entriesOf(['channel_fee', channel_account_id, fee_fen], ['channel_receivable', channel_account_id, -fee_fen]),
  };
}

export type Suspended = Pick<ReconException, 'id' | 'kind' | 'channel' | 'channel_account_id' | 'biz_date' | 'of' | 'our_fen' | 'bill_fen' | 'detail'>;

/**
 * 挂账: what the channel disputes leaves its receivable, which then says what the bill says; what a fee is off by leaves the
 * fees. Undefined where both sides name the same amount, or the difference is about no amount.
 */
export function suspenseDraft(exception: Suspended, { source_id, at }: { readonly source_id: string; readonly at: Date }): Draft | undefined {
  const { id, kind, channel_account_id: party, biz_date } = exception;
  const off = disputed(exception);
  if (off === 0n) return undefined;
  return {
    ...aboutAccount(exception),
    kind: 'suspense',
    source_id,
    amount_fen: magnitude(off),
    fact_at: at,
    detail: { recon_exception_id: id, exception_kind: kind, biz_date },
    entries: entriesOf(['suspense', party, off], [accountOf(exception), party, -off]),
  };
}

/**
 * What a bank credited and no bill explains has paid for nothing, and is not in the book: the channel owes, and the merchant is due,
 * what the bills come to. The money lies on the merchant's own bank account, of which the ledger has none, so the exception alone
 * remembers it, whatever is decided about it.
 */
const isUnexplained = ({ kind, our_fen, detail }: Pick<Suspended, 'kind' | 'our_fen' | 'detail'>): boolean =>
  kind === 'bank_short' && detail.reason === 'unexplained' && our_fen === 0n;

/** Where the disputed amount stands until then. */
function accountOf({ of, kind }: Suspended): Account {
  return of === 'other' && kind !== 'bank_short' ? 'channel_fee' : 'channel_receivable';
}

/** By how much the ledger's receivable, or its fee, is above what the other side admits. */
export function disputed({ kind, of, our_fen, bill_fen: billed_fen, detail }: Suspended): bigint {
  // What went to another merchant number, or in another currency, the channel owes us nothing of, whatever the line's figure.
  const bill_fen = kind === 'wrong_receiver' || kind === 'currency_mismatch' ? 0n : billed_fen;
  if (of === 'payment') return our_fen - bill_fen;
  if (of === 'refund') return bill_fen - our_fen;
  if (kind === 'bank_short') return isUnexplained({ kind, our_fen, detail }) ? 0n : our_fen - bill_fen;
  const { expected_millifen, received_millifen } = detail;
  if (kind !== 'fee_mismatch' || expected_millifen === undefined || received_millifen === undefined) return 0n;
  return roundMillifen(BigInt(received_millifen) - BigInt(expected_millifen));
}

/** Neither a payment nor a refund: what was taken and refunded stays what its events say. */
const aboutAccount = ({ channel, channel_account_id }: Owner) => ({
  reverses_id: null,
  payment_id: null,
  attempt_id: null,
  refund_id: null,
  store_id: null,
  channel_account_id,
  channel,
  method: '',
  fee_fen: 0n as Fen,
});

const magnitude = (fen: bigint): Fen => (fen < 0n ? -fen : fen) as Fen;
