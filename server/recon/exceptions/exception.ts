import type { ExceptionKind, ExceptionState } from '@heliu/contract';
import { move, type Table } from '../../kernel/machine.ts';
import type { Fen } from '../../kernel/money.ts';
import { type Refusal, refuse } from '../../kernel/refusal.ts';

/** 差错: a row of `recon_exceptions`. */
export type ReconException = {
  readonly merchant_id: string;
  readonly id: string;
  readonly livemode: boolean;
  readonly channel: string;
  readonly channel_account_id: string;
  readonly biz_date: string;
  readonly kind: ExceptionKind;
  readonly fingerprint: string;
  readonly state: ExceptionState;
  readonly object_id: string | null;
  readonly payment_id: string | null;
  readonly bill_id: string | null;
  readonly line: number | null;
  readonly channel_order_no: string | null;
  readonly channel_transaction_id: string | null;
  readonly our_fen: Fen;
  readonly bill_fen: Fen;
  readonly of: 'payment' | 'refund' | 'other';
  readonly standing: boolean;
  readonly at_risk_fen: Fen;
  readonly detail: Readonly<Record<string, string>>;
  readonly proposal: Repair;
  readonly owner: string | null;
  readonly approvals: readonly string[];
  /** What the approvals are for. */
  readonly decision: Decision | null;
  readonly resolution: Resolution | null;
  readonly opened_at: Date;
  /** Since when it is open, where it was closed before. */
  readonly reopened_at: Date | null;
  readonly closed_at: Date | null;
  readonly aged_at: Date | null;
  readonly version: number;
};

export type Step = 'ask' | 'assign' | 'propose' | 'withdraw' | 'approve' | 'repair' | 'accept' | 'suspend' | 'close' | 'settle' | 'reopen';
/** What persons agree on. */
export type Decision = 'repair' | 'accept' | 'suspend' | 'reopen';
export type Resolution = 'repaired' | 'accepted' | 'suspense' | 'matched' | 'gone' | 'superseded';

/** `ask`, `assign`: see `stays`. `withdraw`: another decision, or another amount, begins anew. `settle`: the difference is not there any more, whoever removed it. */
export const exception_table: Table<ExceptionState, Step> = {
  name: 'recon_exception',
  initial: 'opened',
  resting: ['closed'],
  moves: {
    opened: { propose: 'proposed', accept: 'accepted', suspend: 'suspense', settle: 'closed' },
    proposed: { withdraw: 'opened', approve: 'approved', accept: 'accepted', suspend: 'suspense', settle: 'closed' },
    approved: { withdraw: 'opened', repair: 'repaired', accept: 'accepted', suspend: 'suspense', settle: 'closed' },
    repaired: { close: 'closed' },
    accepted: { close: 'closed' },
    suspense: { close: 'closed' },
    closed: { reopen: 'opened' },
  },
};

/**
 * What can be done about a kind. `complete_*` takes the bill's word through the payments module; `ask_channel` asks the
 * gateway and takes what it answers; `fetch_bill` fetches the file again. `none`: a person decides what the difference is.
 */
export type Repair = 'complete_payment' | 'complete_refund' | 'ask_channel' | 'fetch_bill' | 'accept' | 'none';

type Kind = {
  readonly proposal: Repair;
  /** Done without a person where the bill was fetched by us. */
  readonly automatic?: boolean;
};

/** How each kind is handled. */
export const kinds: Readonly<Record<ExceptionKind, Kind>> = {
  ours_only: { proposal: 'ask_channel' },
  bill_only: { proposal: 'none' },
  orphan: { proposal: 'none' },
  unknown_paid: { proposal: 'complete_payment', automatic: true },
  late_paid: { proposal: 'complete_payment', automatic: true },
  amount_mismatch: { proposal: 'none' },
  currency_mismatch: { proposal: 'none' },
  transaction_mismatch: { proposal: 'none' },
  wrong_receiver: { proposal: 'none' },
  state_mismatch: { proposal: 'ask_channel' },
  fee_mismatch: { proposal: 'none' },
  rounding: { proposal: 'accept', automatic: true },
  duplicate_line: { proposal: 'none' },
  refund_ours_only: { proposal: 'ask_channel' },
  refund_bill_only: { proposal: 'none' },
  refund_unknown: { proposal: 'complete_refund', automatic: true },
  refund_hold: { proposal: 'ask_channel' },
  reversal: { proposal: 'none' },
  split_mismatch: { proposal: 'none' },
  cut_off: { proposal: 'none' },
  stale: { proposal: 'ask_channel' },
  missing_bill: { proposal: 'fetch_bill' },
  bill_refused: { proposal: 'fetch_bill' },
  reissued: { proposal: 'accept' },
  fund_mismatch: { proposal: 'none' },
  bank_short: { proposal: 'none' },
  adjustment: { proposal: 'none' },
};

export type StepInput = {
  readonly by: string;
  readonly now: Date;
  readonly decision?: Decision;
  /** From this much at risk on two persons approve. */
  readonly two_persons_from_fen: bigint;
};

/** What is decided on in one act: how many differences, and what they put at risk together. */
export type Together = { readonly count: number; readonly at_risk_fen: bigint };

export const togetherOf = (exceptions: readonly Pick<ReconException, 'at_risk_fen'>[]): Together => ({
  count: exceptions.length,
  at_risk_fen: exceptions.reduce((sum, { at_risk_fen }) => sum + at_risk_fen, 0n),
});

/** From how much at risk on two persons decide: what is too much for one person together, is so in every part of it. */
export const limitTogether = (two_persons_from_fen: bigint, together: Together | undefined): bigint =>
  together !== undefined && together.at_risk_fen >= two_persons_from_fen ? 0n : two_persons_from_fen;

/** A step that was taken, and what it made of the exception. */
export type Taken = { readonly step: Step; readonly from_state: ExceptionState; readonly after: ReconException };

/** What steps make of an exception one after the other, or why one of them cannot be taken. */
export function walked(exception: ReconException, steps: readonly Step[], input: StepInput): readonly Taken[] | Refusal {
  const taken: Taken[] = [];
  for (const step of steps) {
    const before = taken.at(-1)?.after ?? exception;
    const after = stepped(before, step, input);
    if (!('id' in after)) return after;
    taken.push({ step, from_state: before.state, after });
  }
  return taken;
}

/**
 * The steps by which a person comes nearer to a decision. Persons agree on one decision: whoever wants another one begins
 * anew. What a large amount was written to suspense by, takes it from there again: as many persons.
 */
export function stepsToward(exception: ReconException, decision: Decision, by: string, two_persons_from_fen: bigint): readonly Step[] {
  const agreed = hasAgreed(exception, decision, by);
  if (decision === 'reopen') return exception.resolution === 'suspense' && exception.at_risk_fen >= two_persons_from_fen && !agreed ? ['approve'] : [];
  // As many as were asked for then may be fewer than are asked for now.
  const lacks = exception.state === 'approved' && exception.approvals.length < personsFor(exception, two_persons_from_fen);
  const is_other = (exception.approvals.length > 0 && exception.decision !== decision) || lacks;
  const state = is_other ? 'opened' : exception.state;
  return [
    ...(is_other ? (['withdraw'] as const) : []),
    ...(state === 'opened' ? (['propose'] as const) : []),
    ...((state === 'opened' || state === 'proposed') && (lacks || !agreed) ? (['approve'] as const) : []),
  ];
}

/** As many persons agree on the decision as the amount asks for. */
export function isAgreed(exception: ReconException, decision: Decision, two_persons_from_fen: bigint): boolean {
  if (decision !== 'reopen') return exception.state !== 'proposed';
  if (exception.resolution !== 'suspense' || exception.at_risk_fen < two_persons_from_fen) return true;
  return exception.decision === decision && exception.approvals.length >= 2;
}

/** What one step makes of an exception, or why it cannot be taken. */
export function stepped(exception: ReconException, step: Step, { by, now, decision = 'repair', two_persons_from_fen }: StepInput): ReconException | Refusal {
  const state = stays(exception, step, decision) ? exception.state : move(exception_table, exception.state, step);
  if (!state) return refuse('recon_step_not_allowed', undefined, { state: exception.state });
  const next = { ...exception, version: exception.version + 1 };
  if (step === 'withdraw') return { ...next, state, approvals: [], decision: null };
  if (step === 'approve') {
    if (hasAgreed(exception, decision, by)) return refuse('recon_second_person_required');
    const approvals = [...(exception.decision === decision ? exception.approvals : []), by];
    const enough = approvals.length >= personsFor(exception, two_persons_from_fen);
    return { ...next, approvals, decision, state: enough ? state : exception.state };
  }
  if (step === 'reopen')
    return { ...next, state, approvals: [], decision: null, resolution: null, closed_at: null, reopened_at: now, aged_at: null, standing: true };
  if (state !== 'closed') return { ...next, state };
  const resolution = resolutionOf(exception.state);
  // What was accepted or written to suspense is still a difference; what was repaired or found is none any more.
  return { ...next, state, closed_at: now, resolution, standing: resolution === 'accepted' || resolution === 'suspense' };
}

/** Steps that leave it where it is: a question, another owner, and the word of the first who wants a closed one open. */
const stays = ({ state }: ReconException, step: Step, decision: Decision): boolean =>
  step === 'ask' || step === 'assign'
    ? state === 'opened' || state === 'proposed' || state === 'approved'
    : step === 'approve' && decision === 'reopen' && state === 'closed';

const personsFor = ({ at_risk_fen }: ReconException, two_persons_from_fen: bigint): number => (at_risk_fen >= two_persons_from_fen ? 2 : 1);

/** One person is one however the name is written: width, case and blanks make no second one. */
export const samePerson = (a: string, b: string): boolean => personOf(a) === personOf(b);
const personOf = (name: string): string => name.normalize('NFKC').replace(/\s+/g, '').toLowerCase();
const hasAgreed = (exception: ReconException, decision: Decision, by: string): boolean =>
  exception.decision === decision && exception.approvals.some((each) => samePerson(each, by));

function resolutionOf(state: ExceptionState): Resolution {
  if (state === 'accepted' || state === 'suspense') return state;
  return 'repaired';
}

/** An exception that has been open for as long is told again. */
export const ageing_ms = 3 * 86_400_000;
