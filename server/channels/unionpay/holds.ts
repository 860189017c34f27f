import type { Fen } from '../../kernel/money.ts';
import type { Success } from '../../kernel/outcome.ts';
import type { Account, Operation, OrderInput, PayFact, Settled, WireAnswer } from '../define.ts';
import { ask } from '../meaning.ts';
import type { Config } from './config.ts';
import { isDone, isUnderWay, not_found_code } from './errors.ts';
import { app, barcode, front, qr } from './pay.ts';
import { amountOf, requestQuery, stateOf } from './trade.ts';
import { asks, commonFields, isAccepted, post, readAnswer, refusedHere, required, txnTime, verifyAnswer } from './wire.ts';

/**
 * 预授权, of the wire alone: money of a payer is held (02), taken in part or whole (完成 03), let go (撤销 32), and what was taken is put
 * back (完成撤销 33). No product offers it yet, so the channel's declaration does not name it.
 */

/** Asks a payer for a hold, by the method with which a payment would be asked for. */
export const hold = {
  unionpay_page: front('unionpay_page', { txnType: '02' }),
  unionpay_h5: front('unionpay_h5', { txnType: '02' }),
  unionpay_app: app({ txnType: '02' }),
  unionpay_barcode: barcode({ txnType: '02', txnSubType: '04' }),
  unionpay_qr: qr({ txnType: '02', txnSubType: '05' }),
} as const;

export type HoldFact = { readonly is: 'held'; readonly hold: Success } | Exclude<PayFact, { is: 'paid' | 'waiting' }> | { readonly is: 'waiting' };

/** How a hold stands, by its number and time. `hold.channel_transaction_id` names it in every later step. */
export const queryHold: Operation<Config, OrderInput, HoldFact> = {
  retry: 'same_key',
  request: (input, account) => requestQuery<HoldFact>(input.channel_order_no, input.created_at, account),
  verify: verifyAnswer,
  outcome: (answer, input, _account, env): Settled<HoldFact> => {
    const fact = stateOf(readAnswer(answer, input.channel_order_no), input, env, '02');
    if (fact.is === 'paid') return { is: 'held', hold: fact.success };
    return fact.is === 'waiting' ? { is: 'waiting' } : fact;
  },
};

/** What is done with a hold. Each has a number and time of its own, under which it may be sent again and is asked about. */
export type HoldStep = {
  readonly channel_step_no: string;
  /** Of the hold; of the completion where that is undone. */
  readonly of: string;
  readonly amount_fen: Fen;
  /** Held, or taken where that is undone. */
  readonly whole_fen: Fen;
  readonly created_at: Date;
  readonly notify_url: string;
};
export type HoldStepFact =
  | { readonly is: 'succeeded'; readonly channel_step_id: string; readonly amount_fen: Fen }
  | { readonly is: 'pending' }
  | { readonly is: 'refused'; readonly reason: 'configuration_error'; readonly channel_code: string; readonly channel_message?: string }
  | { readonly is: 'not_found' }
  | { readonly is: 'unknown'; readonly cause: string };

/** A completion may take up to 115 % of what is held. */
const completion_percent_max = 115n;

export const completeHold = step('03', ({ amount_fen, whole_fen }) => amount_fen * 100n <= whole_fen * completion_percent_max);
export const releaseHold = step('32', ({ amount_fen, whole_fen }) => amount_fen === whole_fen);
/** On the clearing day of the completion only. */
export const undoCompletion = step('33', ({ amount_fen, whole_fen }) => amount_fen === whole_fen);

type StepType = '03' | '32' | '33';
type StepOperation = Operation<Config, HoldStep, HoldStepFact>;

/** Accepted is not done. Nobody publishes which codes of these steps are final, so a query tells. */
function step(txnType: StepType, fits: (input: HoldStep) => boolean): { readonly send: StepOperation; readonly query: StepOperation } {
  return {
    send: {
      retry: 'same_key',
      request: (input, account) =>
        fits(input) ? sent(txnType, input, account) : refusedHere('HELIU_HOLD_AMOUNT', 'the amount does not fit what is held, or was taken'),
      verify: verifyAnswer,
      outcome: (answer, { channel_step_no }): Settled<HoldStepFact> => {
        const fields = readAnswer(answer, channel_step_no);
        return isAccepted(fields) ? { is: 'pending' } : asks(required(fields, 'respCode'));
      },
    },
    query: {
      retry: 'same_key',
      request: ({ channel_step_no, created_at }, account) => requestQuery<HoldStepFact>(channel_step_no, created_at, account),
      verify: verifyAnswer,
      outcome: (answer, input): Settled<HoldStepFact> => stepState(answer, input, txnType),
    },
  };
}

function sent(txnType: StepType, input: HoldStep, account: Account<Config>) {
  const fields = {
    ...commonFields(account),
    txnType,
    txnSubType: '00',
    bizType: '000000',
    channelType: '07',
    orderId: input.channel_step_no,
    txnTime: txnTime(input.created_at),
    origQryId: input.of,
    txnAmt: String(input.amount_fen),
    backUrl: input.notify_url,
  };
  return post<HoldStepFact>('backTransReq', fields, account);
}

function stepState(answer: WireAnswer, { channel_step_no, amount_fen }: HoldStep, txnType: StepType): Settled<HoldStepFact> {
  const fields = readAnswer(answer, channel_step_no);
  const code = required(fields, 'respCode');
  if (code === not_found_code) return { is: 'not_found' };
  if (!isAccepted(fields)) return asks(code);
  if (required(fields, 'txnType') !== txnType) throw new Error('the answer is about another kind of transaction');
  const state = required(fields, 'origRespCode');
  if (!isDone(state)) return isUnderWay(state) ? { is: 'pending' } : asks(state);
  if (amountOf(fields) !== amount_fen) return ask('unreadable', 'the amount is another one');
  return { is: 'succeeded', channel_step_id: required(fields, 'queryId'), amount_fen };
}
