import type { CreateAttemptBody } from '@heliu/contract';
import { addMs } from '../../kernel/time.ts';
import type { Attempt } from '../attempt.ts';
import { send_lease_ms } from '../schedule.ts';
import type { SealedRequest } from '../upstream.ts';

/** WeChat's H5 address works for five minutes; after four a fresh order is made rather than one that ends under the payer's hand. */
const redirect_fresh_ms = 4 * 60_000;

/** Is this live attempt what is asked for again: a second tap, another tab, a page that was loaded anew? Then it is used, and nothing is charged twice. */
export function isTwin(attempt: Attempt, sealed: SealedRequest, body: CreateAttemptBody, now: Date): boolean {
  if (attempt.method !== body.method || sealed.payer_id !== body.payer_id || attempt.request.app_id !== body.app_id) return false;
  if (attempt.next_action.type === 'new_attempt') return false;
  if (body.channel_account_id !== undefined && attempt.channel_account_id !== body.channel_account_id) return false;
  return attempt.next_action.type !== 'redirect' || addMs(attempt.created_at, redirect_fresh_ms) > now;
}

/** Its first request may still be at the channel. */
export const isOnItsWay = (attempt: Attempt, now: Date): boolean => attempt.state === 'sending' && addMs(attempt.created_at, send_lease_ms) > now;
