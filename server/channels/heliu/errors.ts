import {
  type cancelPaymentByOrderNo,
  type closePaymentByOrderNo,
  type common_errors,
  type createPayment,
  type createRefundByOrderNo,
  type ErrorCode,
  errors,
  type write_errors,
} from '@heliu/contract';
import { asks, type Meaning, meaningIn, no, type Table, wait } from '../meaning.ts';

/**
 * What the closed table of errors means. A no is final only for a request that makes something, and only where the error is
 * said before anything is made; for a question every error but an absence leaves things as they were. That no code of the
 * contract is forgotten is a matter of types.
 * @see contract/errors.ts
 */
type Codes<O extends { readonly errors: readonly ErrorCode[] }> = O['errors'][number] | (typeof common_errors)[number];
type Every<O extends { readonly errors: readonly ErrorCode[] }> = Readonly<Record<Codes<O>, Meaning>>;

/** Nothing was made: the request was turned away at the door. */
const turned_away = {
  malformed_json: no('configuration_error'),
  duplicate_json_key: no('configuration_error'),
  number_not_integer: no('configuration_error'),
  parameter_missing: no('configuration_error'),
  parameter_unknown: no('configuration_error'),
  parameter_invalid: no('configuration_error'),
  unsupported_media_type: no('configuration_error'),
  body_too_large: no('configuration_error'),
  unauthenticated: no('configuration_error'),
  signature_required: no('configuration_error'),
  signature_expired: no('configuration_error'),
  scope_missing: no('configuration_error'),
  merchant_suspended: no('merchant_restricted'),
  // A copy of this very request came before, and nobody knows what it did.
  signature_replayed: asks('unlisted'),
  rate_limited: asks('rate_limited'),
  internal_error: asks('server_error'),
  unavailable: asks('server_error'),
  overloaded: asks('server_error'),
  idempotency_key_invalid: no('configuration_error'),
  idempotency_key_reused: asks('unlisted'),
  request_in_progress: asks('server_error'),
} as const satisfies Readonly<Record<(typeof common_errors)[number] | (typeof write_errors)[number], Meaning>>;

/** There is no such endpoint: another program, or an older version of this one. */
const elsewhere = { route_unknown: no('configuration_error'), method_not_allowed: no('configuration_error') } as const;

const of_payments: Every<typeof createPayment> = {
  ...turned_away,
  payment_code_unknown: no('payment_code_invalid'),
  payment_code_not_taken: no('method_not_enabled'),
  no_channel_account: no('method_not_enabled'),
  method_not_supported: no('method_not_enabled'),
  no_account_available: no('merchant_restricted'),
  account_limit_reached: no('limit_exceeded'),
  channel_account_not_found: no('configuration_error'),
  channel_account_paused: no('merchant_restricted'),
  channel_account_closed: no('merchant_restricted'),
  store_not_found: no('configuration_error'),
  store_closed: no('configuration_error'),
  terminal_not_found: no('configuration_error'),
  terminal_closed: no('configuration_error'),
  terminal_elsewhere: no('configuration_error'),
  // Something was made under this number: a question tells what.
  merchant_order_no_taken: asks('unlisted'),
};

const of_refunds: Every<typeof createRefundByOrderNo> = {
  ...turned_away,
  payment_not_found: no('payment_not_at_channel'),
  // Of a refund that names an attempt, which ours never does.
  attempt_not_found: no('refund_not_allowed'),
  refund_not_whole: no('refund_amount_refused'),
  payment_not_paid: no('refund_not_allowed'),
  refund_exceeds_paid: no('refund_amount_refused'),
  too_many_refunds: no('refund_not_allowed'),
  merchant_refund_no_taken: asks('unlisted'),
};

/** A question, or an undo: what it was about stays as it is. */
const of_questions = (listed: Table): Table => ({
  ...Object.fromEntries(Object.keys(turned_away).map((code) => [code, asks(errors[code as ErrorCode].retryable ? 'server_error' : 'unlisted')])),
  rate_limited: asks('rate_limited'),
  ...listed,
});

type Own<O extends { readonly errors: readonly ErrorCode[] }> = Readonly<Record<Exclude<Codes<O>, keyof typeof turned_away>, Meaning>>;
const of_closes: Own<typeof closePaymentByOrderNo> = { payment_not_found: wait('not_found'), payment_already_paid: wait('not_closable') };
const of_cancels: Own<typeof cancelPaymentByOrderNo> = { payment_not_found: wait('not_found'), payment_not_cancellable: wait('not_closable') };

export const tables = {
  pay: { ...of_payments, ...elsewhere },
  refund: { ...of_refunds, ...elsewhere },
  close: of_questions(of_closes),
  reverse: of_questions(of_cancels),
  query: of_questions({ payment_not_found: wait('not_found') }),
  // A list of refunds is empty where there is none.
  refund_query: of_questions({}),
} as const satisfies Readonly<Record<string, Table>>;
export type TableName = keyof typeof tables;

/** By code and the status that belongs to it: one without the other was not said by Heliu. */
export function meaningOf(table: TableName, code: string, status: number): Meaning {
  const known = Object.hasOwn(errors, code) ? errors[code as ErrorCode] : undefined;
  return known?.status === status ? meaningIn(tables[table], code) : asks('unlisted');
}
