import type { HelpKind, HelpRequest as HelpRequestView, HelpState } from '@heliu/contract';
import { move, type Table } from '../../kernel/machine.ts';
import { type Refusal, refuse } from '../../kernel/refusal.ts';

/** 客服请求: what a payer asked about a payment. A row of `help_requests`. */
export type HelpRequest = {
  readonly merchant_id: string;
  readonly id: string;
  readonly livemode: boolean;
  readonly payment_id: string;
  readonly kind: HelpKind;
  readonly state: HelpState;
  readonly said_sealed: Buffer;
  readonly refund_id: string | null;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly version: number;
};

/** What is sealed in a row: it may name persons. */
export type Said = { readonly message: string; readonly contact: string | null; readonly answer: string | null };

type Step = 'answer' | 'refund' | 'close';
export const help_table: Table<HelpState, Step> = {
  name: 'help request',
  initial: 'opened',
  resting: ['answered', 'refunded', 'closed'],
  moves: {
    opened: { answer: 'answered', refund: 'refunded', close: 'closed' },
    answered: { refund: 'refunded', close: 'closed' },
    refunded: {},
    closed: {},
  },
};

/** The state after a step of the merchant. The same step again changes nothing, so that it may be sent again. */
export const stateAfter = (request: Pick<HelpRequest, 'state'>, step: Step): HelpState | Refusal =>
  move(help_table, request.state, step) ?? refuse('help_request_over', 'help_request_id', { state: request.state });

export function viewHelpRequest(request: HelpRequest, said: Said): HelpRequestView {
  const { id, livemode, payment_id, kind, state, refund_id, created_at, updated_at, version } = request;
  return {
    object: 'help_request',
    id,
    livemode,
    payment_id,
    kind,
    state,
    ...said,
    refund_id,
    created_at: created_at.toISOString(),
    updated_at: updated_at.toISOString(),
    version,
  };
}

const message_max = 500;
const contact_max = 60;

/** What a payer typed, without what draws nothing; undefined where there is no message or too much of it. */
export function readQuestion(form: {
  readonly kind: string;
  readonly message: string;
  readonly contact: string;
}): { readonly kind: HelpKind; readonly message: string; readonly contact: string | null } | undefined {
  const plain = (text: string): string => text.replace(/[\p{Cc}\p{Cf}]/gu, (character) => (character === '\n' ? '\n' : '')).trim();
  const [message, contact] = [plain(form.message), plain(form.contact)];
  if (message === '' || [...message].length > message_max || [...contact].length > contact_max) return undefined;
  return { kind: form.kind === 'refund' ? 'refund' : 'question', message, contact: contact === '' ? null : contact };
}
