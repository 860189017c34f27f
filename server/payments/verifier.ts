import type { AnomalyKind } from '@heliu/contract';
import type { Success, Via } from '../kernel/outcome.ts';
import type { Attempt } from './attempt.ts';

/**
 * The one check that stands between any channel's success and our books: amount, currency and receiver must equal ours.
 * The order number was compared by finding the attempt. An adapter cannot bypass it. A notification must name the receiver
 * in full; an answer to our own signed question may leave out what the question said, but not contradict it; a line of a bill
 * names at least one of the receiver's numbers.
 */
export function mismatch(
  success: Success,
  attempt: Attempt,
  identity: Readonly<Record<string, string>>,
  via: Via,
): { kind: AnomalyKind; detail: Record<string, string> } | undefined {
  if (success.amount_fen !== attempt.amount_fen) {
    return { kind: 'amount_mismatch', detail: { expected_fen: String(attempt.amount_fen), received_fen: String(success.amount_fen) } };
  }
  if (success.currency !== attempt.currency) {
    return { kind: 'currency_mismatch', detail: { expected: attempt.currency, received: success.currency.slice(0, 16) } };
  }
  if (via === 'bill' && !Object.keys(identity).some((name) => success.identity[name] !== undefined)) {
    return { kind: 'identity_mismatch', detail: { expected: Object.keys(identity).join(' '), received: Object.keys(success.identity).join(' ').slice(0, 64) } };
  }
  for (const [name, expected] of Object.entries(identity)) {
    const received = success.identity[name];
    if (received === undefined && via !== 'notification') continue;
    if (received !== expected) return { kind: 'identity_mismatch', detail: { field: name, expected, received: (received ?? '').slice(0, 64) } };
  }
  return undefined;
}
