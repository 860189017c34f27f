import type { AttemptState, ExceptionKind, RefundState } from '@heliu/contract';
import { type BillLine, dayStart, nextDay, roundMillifen } from '../../channels/bill.ts';
import { sha256Hex } from '../../kernel/digest.ts';
import type { Fen } from '../../kernel/money.ts';
import type { Price } from '../../kernel/price.ts';
import { expectedFee, type FeeRounding, flatFee, isFlat, termsOf } from '../fees/fee.ts';

/** A line of the bill as it is stored. */
export type StoredLine = Pick<
  BillLine,
  | 'line'
  | 'kind'
  | 'direction'
  | 'state'
  | 'channel_order_no'
  | 'channel_transaction_id'
  | 'channel_refund_no'
  | 'channel_refund_id'
  | 'flow_no'
  | 'amount_fen'
  | 'settled_fen'
  | 'fee_millifen'
  | 'fee_rate_ppm'
  | 'currency'
  | 'receiver'
  | 'at'
> & { readonly bill_id: string; readonly object_id: string | null };

/** What of ours a line may stand for. */
export type Ours = {
  readonly object_id: string;
  readonly payment_id: string;
  readonly payment_state: 'pending' | 'paid' | 'closed';
  readonly state: AttemptState | RefundState;
  readonly amount_fen: Fen;
  readonly currency: string;
  readonly channel_transaction_id: string | null;
  /** By which key the line was found to be about it. */
  readonly key: MatchKey;
  /** It has been matched with another line already. */
  readonly taken: boolean;
};
export type MatchKey = 'order_no' | 'transaction_id' | 'refund_no' | 'refund_id' | 'unique';

/** What the day is held against. */
export type Expectations = {
  readonly biz_date: string;
  readonly receiver: string;
  readonly merchant_code: string;
  /** The fee that the account has agreed on; a line's own rate stands in for it. */
  readonly fee: Price | null;
  readonly fee_rounding: FeeRounding;
};

/** A day of 24 hours, unless its channel ends it earlier. */
export const day_ms = 86_400_000;

/** A difference, before it is a row. `our_fen` and `bill_fen` enter the day's equation. */
export type Finding = {
  readonly kind: ExceptionKind;
  readonly of: 'payment' | 'refund' | 'other';
  /** What makes it the same finding the next time. */
  readonly name: string;
  readonly object_id: string | null;
  readonly payment_id: string | null;
  readonly bill_id: string | null;
  readonly line: number | null;
  readonly channel_order_no: string | null;
  readonly channel_transaction_id: string | null;
  readonly our_fen: Fen;
  readonly bill_fen: Fen;
  readonly at_risk_fen: Fen;
  readonly detail: Readonly<Record<string, string>>;
};

export type Verdict = { readonly is: 'match'; readonly key: MatchKey } | { readonly is: 'finding'; readonly finding: Finding } | { readonly is: 'nothing' };

const zero = 0n as Fen;
const larger = (a: Fen, b: Fen): Fen => (a > b ? a : b);
const difference = (a: Fen, b: Fen): Fen => (a > b ? a - b : b - a) as Fen;

type Differs = { readonly detail?: Readonly<Record<string, string>>; readonly our_fen?: Fen; readonly at_risk_fen?: Fen };

/** Judges one line that the plain join did not match. `repeated`: the file had the same line before. */
export function judgeLine(line: StoredLine, ours: Ours | undefined, expected: Expectations, repeated: boolean): Verdict {
  const is_payment = line.kind === 'payment';
  const of = sideOf(line);
  // What failed moved nothing.
  const bill_fen = line.state === 'failed' ? zero : line.amount_fen;
  const finding = (kind: ExceptionKind, differs: Differs = {}): Verdict => ({
    is: 'finding',
    finding: {
      kind,
      of,
      name: repeated ? `line ${line.line}` : (ours?.object_id ?? lineName(line)),
      object_id: ours?.object_id ?? null,
      payment_id: ours?.payment_id ?? null,
      bill_id: line.bill_id,
      line: line.line,
      channel_order_no: line.channel_order_no,
      channel_transaction_id: line.channel_transaction_id,
      our_fen: differs.our_fen ?? zero,
      bill_fen,
      at_risk_fen: differs.at_risk_fen ?? line.amount_fen,
      detail: differs.detail ?? {},
    },
  });
  if (repeated) return finding('duplicate_line', { detail: { ...evidenceOf(line), ...oursOf(ours) } });
  if (line.receiver !== expected.receiver)
    return finding('wrong_receiver', {
      our_fen: oursFen(ours),
      at_risk_fen: larger(oursFen(ours), line.amount_fen),
      detail: { expected: expected.receiver, received: line.receiver },
    });
  if (!ours) return finding(kindOfUnknown(line, expected), { detail: evidenceOf(line) });
  if (ours.taken) return finding('duplicate_line', { detail: { object_id: ours.object_id, ...evidenceOf(line), ...oursOf(ours) } });
  const our_fen = oursFen(ours);
  if (line.currency !== ours.currency)
    return finding('currency_mismatch', {
      our_fen,
      at_risk_fen: larger(our_fen, line.amount_fen),
      detail: { expected: ours.currency, received: line.currency.slice(0, 16) },
    });
  if (line.amount_fen !== ours.amount_fen) {
    const detail = { expected_fen: String(ours.amount_fen), received_fen: String(line.amount_fen) };
    return finding('amount_mismatch', { our_fen, detail, at_risk_fen: difference(line.amount_fen, ours.amount_fen) });
  }
  return is_payment ? judgePayment(line, ours, finding) : judgeRefund(line, ours, finding);
}

type Find = (kind: ExceptionKind, differs?: Differs) => Verdict;

function judgePayment(line: StoredLine, ours: Ours, finding: Find): Verdict {
  if (line.state !== 'succeeded') {
    // No bill completes a payment with a line that says that nothing was paid.
    const detail = { our_state: ours.state, bill_state: line.state };
    return ours.state === 'succeeded' ? finding('state_mismatch', { our_fen: ours.amount_fen, detail }) : { is: 'nothing' };
  }
  if (ours.state !== 'succeeded') {
    const was_closed = ours.state === 'closed' || ours.state === 'refused' || ours.payment_state !== 'pending';
    return finding(was_closed ? 'late_paid' : 'unknown_paid', { detail: { our_state: ours.state, payment_state: ours.payment_state } });
  }
  if (line.channel_transaction_id !== null && ours.channel_transaction_id !== null && line.channel_transaction_id !== ours.channel_transaction_id) {
    const detail = { expected: ours.channel_transaction_id, received: line.channel_transaction_id };
    return finding('transaction_mismatch', { our_fen: ours.amount_fen, detail });
  }
  return { is: 'match', key: ours.key };
}

function judgeRefund(line: StoredLine, ours: Ours, finding: Find): Verdict {
  const detail = { our_state: ours.state, bill_state: line.state };
  if (line.state === 'failed') {
    // Both say that nothing was returned.
    if (ours.state === 'refused') return { is: 'nothing' };
    return ours.state === 'succeeded' ? finding('state_mismatch', { our_fen: ours.amount_fen, detail }) : { is: 'nothing' };
  }
  if (ours.state === 'succeeded') return { is: 'match', key: ours.key };
  if (ours.state === 'refused') return finding('state_mismatch', { detail });
  return finding(line.state === 'pending' ? 'refund_hold' : 'refund_unknown', { detail });
}

/** Money that came in is of the payments' side of a day, also where nobody knows what it was for; all that went out of the refunds'. */
export const sideOf = ({ kind, direction }: Pick<StoredLine, 'kind' | 'direction'>): 'payment' | 'refund' =>
  kind === 'payment' || (kind === 'other' && direction === 'in') ? 'payment' : 'refund';

function kindOfUnknown(line: StoredLine, { merchant_code }: Expectations): ExceptionKind {
  if (line.kind === 'reversal') return 'reversal';
  if (line.kind === 'refund') return 'refund_bill_only';
  return line.channel_order_no?.startsWith(merchant_code) && line.object_id !== null ? 'bill_only' : 'orphan';
}

/** What the line says, for whoever looks for what it is: the line itself may be gone with the next version of the bill. */
const evidenceOf = (line: StoredLine): Readonly<Record<string, string>> =>
  present({
    bill_line: String(line.line),
    bill_at: line.at.toISOString(),
    bill_state: line.state,
    bill_amount_fen: String(line.amount_fen),
    bill_fee_millifen: String(line.fee_millifen),
    bill_refund_no: line.channel_refund_no,
    bill_refund_id: line.channel_refund_id,
    bill_flow_no: line.flow_no,
  });
/** What we have beside it. */
const oursOf = (ours: Ours | undefined): Readonly<Record<string, string>> =>
  ours ? present({ our_state: ours.state, our_amount_fen: String(ours.amount_fen), our_transaction_id: ours.channel_transaction_id }) : {};
const present = (facts: Readonly<Record<string, string | null>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(facts).flatMap(([name, value]) => (value === null ? [] : [[name, value]])));

const oursFen = (ours: Ours | undefined): Fen => (ours?.state === 'succeeded' ? ours.amount_fen : zero);
const lineName = (line: StoredLine): string =>
  line.kind === 'other'
    ? `other ${line.channel_transaction_id ?? line.flow_no ?? `line ${line.line}`}`
    : line.kind === 'payment'
      ? `payment ${line.channel_order_no ?? line.channel_transaction_id}`
      : `refund ${line.channel_refund_no ?? line.channel_refund_id ?? line.channel_order_no}`;

/** Something of ours that no bill has had. */
export type Missing = {
  readonly object_id: string;
  readonly payment_id: string;
  readonly of: 'payment' | 'refund';
  readonly state: AttemptState | RefundState;
  readonly amount_fen: Fen;
  readonly channel_transaction_id: string | null;
  readonly channel_order_no: string;
  /** When the channel says it happened; when it was asked for, where nothing was said. */
  readonly at: Date;
};

/** The clock that a channel cuts its day by and the one in its answers differ by minutes. */
const cut_off_ms = 30 * 60_000;

/** Judges what the bill of its day does not have. `next_matched`: nor does the bill of the day after. `ends_ms`: when the channel's day ends. */
export function judgeMissing(missing: Missing, biz_date: string, { next_matched, ends_ms }: { next_matched: boolean; ends_ms: number }): Finding {
  const past_cut_off = !next_matched && missing.at.getTime() >= dayStart(biz_date).getTime() + ends_ms - cut_off_ms;
  const succeeded = missing.state === 'succeeded';
  const kind: ExceptionKind = !succeeded ? 'stale' : past_cut_off ? 'cut_off' : missing.of === 'payment' ? 'ours_only' : 'refund_ours_only';
  return {
    kind,
    of: missing.of,
    name: missing.object_id,
    object_id: missing.object_id,
    payment_id: missing.payment_id,
    bill_id: null,
    line: null,
    channel_order_no: missing.channel_order_no,
    channel_transaction_id: missing.channel_transaction_id,
    our_fen: succeeded ? missing.amount_fen : zero,
    bill_fen: zero,
    at_risk_fen: missing.amount_fen,
    detail:
      kind === 'cut_off'
        ? { reason: `expected in the bill of ${nextDay(biz_date)}`, reason_zh: `预计在 ${nextDay(biz_date)} 的账单中` }
        : { our_state: missing.state },
  };
}

/** Judges the fee of a line; undefined where it is right or nobody knows what it should be. `paid_fen`: see `Charged`. */
export function judgeFee(line: StoredLine, object_id: string | null, paid_fen: Fen | null, expected: Expectations): Finding | undefined {
  const fee = expected.fee ?? (line.fee_rate_ppm === null ? null : flatFee(line.fee_rate_ppm));
  if (fee === null || line.state === 'failed') return undefined;
  const right = expectedFee(fee, { ...line, paid_fen }, expected.fee_rounding);
  if (right === undefined || line.fee_millifen === right) return undefined;
  const off = line.fee_millifen - right;
  const magnitude = off < 0n ? -off : off;
  // The share of a fee that comes back is rounded by the channel's own rest of the order, which a bill does not show.
  const is_rounding = magnitude < 1000n || (line.direction === 'out' && magnitude <= 1000n);
  return {
    kind: is_rounding ? 'rounding' : 'fee_mismatch',
    of: 'other',
    name: `fee ${lineName(line)}`,
    object_id,
    payment_id: null,
    bill_id: line.bill_id,
    line: line.line,
    channel_order_no: line.channel_order_no,
    channel_transaction_id: line.channel_transaction_id,
    our_fen: zero,
    bill_fen: zero,
    at_risk_fen: larger(roundMillifen(magnitude), 1n as Fen),
    detail: { expected_millifen: String(right), received_millifen: String(line.fee_millifen), ...wordsOf(fee) },
  };
}

/** What was agreed on, as evidence; of a rate alone the rate. */
function wordsOf(fee: Price): Readonly<Record<string, string>> {
  const { rate_ppm, per_item_fen, min_fen, max_fen } = termsOf(fee);
  if (isFlat(fee)) return { rate_ppm: String(rate_ppm) };
  return present({
    rate_ppm: String(rate_ppm),
    per_item_fen: String(per_item_fen),
    min_fen: String(min_fen),
    max_fen: max_fen === null ? null : String(max_fen),
  });
}

/** A finding about the day as a whole. */
export const dayFinding = (kind: Finding['kind'], name: string, at_risk_fen: Fen, detail: Finding['detail']): Finding => ({
  kind,
  of: 'other',
  name,
  object_id: null,
  payment_id: null,
  bill_id: null,
  line: null,
  channel_order_no: null,
  channel_transaction_id: null,
  our_fen: zero,
  bill_fen: zero,
  at_risk_fen,
  detail,
});

/**
 * One finding for each line that a channel put beside its bill, with its columns as they stand. What it is worth is not known: no
 * amount is named. Its content names it, so that the same line in another place of a bill that was issued anew is the same finding.
 */
export function adjustmentsOf(rows: readonly { readonly line: number; readonly columns: readonly string[] }[]): readonly Finding[] {
  const seen = new Map<string, number>();
  return rows.map(({ line, columns }) => {
    const content = sha256Hex(columns.join('\n'));
    const nth = (seen.get(content) ?? 0) + 1;
    seen.set(content, nth);
    const filled = columns.flatMap((column, at) => (column === '' ? [] : [[`column_${at + 1}`, column] as const]));
    return dayFinding('adjustment', `${content} ${nth}`, zero, { adjustment_line: String(line), ...Object.fromEntries(filled) });
  });
}
