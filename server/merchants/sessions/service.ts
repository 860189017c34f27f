import type { ChannelClient } from '../../channels/client.ts';
import type { Session, SessionRules } from '../../channels/define.ts';
import { channels } from '../../channels/registry.ts';
import { assert } from '../../kernel/assert.ts';
import { session_ask_ms } from '../../kernel/limits.ts';
import type { Secret } from '../../kernel/secret.ts';
import { addMs } from '../../kernel/time.ts';
import type { Ctx } from '../../platform/ctx.ts';
import { findAccountById, forgetSession, showChannelAccount } from '../service.ts';
import { openSessionRow, type SessionRow, type ShownSession, sealKey, shownSession } from './session.ts';
import * as store from './store.ts';

export type { ShownSession } from './session.ts';
export type SessionsCtx = Ctx & { readonly channels: Pick<ChannelClient, 'openSession' | 'renewSession'> };

/** What came of a code or of a question for the next key. */
export type KeyOutcome =
  | { readonly is: 'kept'; readonly name: string }
  /** The channel gives no keys. */
  | { readonly is: 'not_needed' }
  /** There is no key that could be renewed. */
  | { readonly is: 'no_key' }
  | { readonly is: 'refused'; readonly channel_code: string; readonly channel_message?: string }
  /** Somebody asked later, and has a key already: that one is held. */
  | { readonly is: 'superseded' }
  /** Somebody else asked a moment ago. */
  | { readonly is: 'under_way' }
  /** Whether the gateway did it is not known. */
  | { readonly is: 'unknown'; readonly cause: string };

/** Trades an activation code for the account's key and keeps it sealed. A code whose answer was lost may be used up: then a new one is needed. */
export async function activateAccount(
  ctx: SessionsCtx,
  { merchant_id, channel_account_id, code }: store.SessionName & { readonly code: Secret },
): Promise<KeyOutcome> {
  const { id } = await showChannelAccount(ctx, { merchant_id, channel_account_id });
  const account = await findAccountById(ctx, id);
  assert(account, 'an account that was just read is there');
  const rules = channels.get(account.channel)?.session;
  if (!rules) return { is: 'not_needed' };
  const version = await store.nextQuestion(ctx, { merchant_id, channel_account_id }, addMs(ctx.clock.now(), session_ask_ms));
  const fact = await ctx.channels.openSession(account, { code });
  if (fact.is !== 'session') return fact;
  return keep(ctx, rules, { merchant_id, channel_account_id, version }, fact.session);
}

/** Asks for the next key at once. */
export async function renewNow(ctx: SessionsCtx, name: store.SessionName): Promise<KeyOutcome> {
  const shown = await showSession(ctx, name);
  if (shown === undefined) return { is: 'not_needed' };
  if (shown?.state !== 'open') return { is: 'no_key' };
  const row = await store.claimSession(ctx, name, { now: ctx.clock.now(), lease_ms: session_ask_ms });
  return row ? renewKey(ctx, row) : { is: 'under_way' };
}

/**
 * Asks for the next key with the one that is held, and keeps it before anything uses it. The question was numbered when its row was
 * claimed. After an answer that was lost the same key asks again, as long as the gateway takes it; once the gateway says no, the key
 * is lost, and nothing is sent with it any more.
 */
export async function renewKey(ctx: SessionsCtx, row: SessionRow): Promise<KeyOutcome> {
  const account = await findAccountById(ctx, row.channel_account_id);
  const held = openSessionRow(ctx.vault, row);
  const rules = account && channels.get(account.channel)?.session;
  assert(account && held && rules, 'a key that is due belongs to an account of a channel that gives keys');
  const fact = await ctx.channels.renewSession({ ...account, session: held }, { got_at: row.got_at });
  const said = { channel_account_id: row.channel_account_id, channel: account.channel };
  if (fact.is === 'session') return keep(ctx, rules, { ...row, version: row.asked }, fact.session);
  const lost = fact.is === 'refused';
  const problem = (lost ? fact.channel_code : `${fact.cause} ${fact.detail ?? ''}`).trim().slice(0, 200);
  await store.noteSession(ctx, row, { lost, problem });
  forgetSession(ctx, row);
  if (lost) ctx.log.error({ ...said, channel_code: problem.slice(0, 64) }, 'a channel account has lost its key: activate it with a new code');
  else ctx.log.warn({ ...said, problem }, 'a channel account has not got its next key yet and asks again');
  return fact;
}

async function keep(ctx: Ctx, rules: SessionRules<unknown>, place: store.SessionName & Pick<SessionRow, 'version'>, session: Session): Promise<KeyOutcome> {
  const { merchant_id, channel_account_id, version } = place;
  const got_at = ctx.clock.now();
  const key_sealed = sealKey(ctx.vault, place, session.key);
  const renew_at = rules.renewAt(got_at);
  const kept = await store.keepSession(ctx, { merchant_id, channel_account_id, version, name: session.name, key_sealed, got_at, renew_at });
  forgetSession(ctx, place);
  return kept ? { is: 'kept', name: session.name } : { is: 'superseded' };
}

/** Undefined where the channel gives no keys; null where the account has none yet. */
export async function showSession(ctx: Ctx, name: store.SessionName): Promise<ShownSession | null | undefined> {
  const { channel } = await showChannelAccount(ctx, name);
  if (!channels.get(channel)?.session) return undefined;
  const row = await store.findSession(ctx, name);
  return row ? shownSession(row) : null;
}
