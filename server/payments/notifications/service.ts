import type { Notice } from '../../channels/client.ts';
import type { Account, InboundMessage, Reply } from '../../channels/define.ts';
import type { Exchange } from '../../channels/exchange.ts';
import { newId, readChannelNo } from '../../kernel/id.ts';
import { notified_ask_ms, notified_attempts_max } from '../../kernel/limits.ts';
import { findAccountById, getMerchant, type Merchant } from '../../merchants/service.ts';
import { perNode } from '../../platform/cache.ts';
import { buildEvent } from '../../platform/outbox/outbox.ts';
import type { Attempt } from '../attempt.ts';
import type { Aggregate } from '../change.ts';
import { askOver } from '../closes/service.ts';
import type { PaymentsCtx } from '../ctx.ts';
import { recentOf } from '../recent.ts';
import { applyRefundWord } from '../refunds/service.ts';
import { accountOf, applyWord, evidenceOf, notifyUrl } from '../service.ts';
import { findByAttempt, findRefund, insertOrphan } from '../store.ts';
import { viewAnomaly } from '../view.ts';

/**
 * Takes a channel's notification: verified with the keys of the account that its URL names, applied, committed, and only
 * then acknowledged. Undefined when there is no such address. A throw means "not stored": the channel will repeat it.
 */
export async function receive(ctx: PaymentsCtx, channel: string, account_id: string, message: Omit<InboundMessage, 'path'>): Promise<Reply | undefined> {
  const account = await findAccountById(ctx, account_id);
  if (!account || account.channel !== channel) {
    ctx.metrics.count('heliu_notifications_total', { channel: 'none', result: 'unknown_address' });
    return undefined;
  }
  const path = new URL(notifyUrl(ctx, account)).pathname;
  const read = await ctx.channels.readNotification(account, { ...message, path });
  if (read.is === 'refused') {
    ctx.metrics.count('heliu_notifications_total', { channel, result: read.why });
    return read.reply;
  }
  const result = await take(ctx, account, read.notification, read.exchange);
  ctx.metrics.count('heliu_notifications_total', { channel, result });
  return result === 'unsettled' ? read.reply.failed : read.reply.ok;
}

/** `unsettled`: not acknowledged, so that the channel says it again. */
type Result = 'applied' | 'orphan' | 'nothing' | 'unsettled';

async function take(ctx: PaymentsCtx, account: Account, notice: Notice, exchange: Exchange): Promise<Result> {
  if (notice.about === 'nothing') return 'nothing';
  const merchant = await getMerchant(ctx, account.merchant_id);
  return notice.about === 'payment' ? takePayment(ctx, merchant, account, notice, exchange) : takeRefund(ctx, merchant, account, notice, exchange);
}

async function takePayment(ctx: PaymentsCtx, merchant: Merchant, account: Account, notice: Notice & { about: 'payment' }, exchange: Exchange): Promise<Result> {
  const attempt_id = ownId(notice.channel_order_no, merchant, 'att');
  // A success changes a pending payment whatever else it holds, so a memory of it is put to the proof by the statement; what may change nothing is decided on what is read.
  const remembered = attempt_id !== undefined && notice.fact.is === 'paid' ? recentOf(ctx).find(merchant.id, attempt_id) : undefined;
  const first = remembered ?? (attempt_id === undefined ? undefined : await findByAttempt(ctx, merchant.id, attempt_id));
  const attempt = first?.attempts.find(({ id }) => id === attempt_id);
  // Another account's order in a message that this account's keys verified is nobody's order.
  if (!first || !attempt || attempt.channel_account_id !== account.id) {
    if (notice.fact.is !== 'paid') return 'nothing';
    const { channel_transaction_id, amount_fen } = notice.fact.success;
    return orphan(ctx, account, exchange, 'orphan_success', {
      channel_order_no: notice.channel_order_no.slice(0, 64),
      channel_transaction_id: channel_transaction_id.slice(0, 64),
      amount_fen: String(amount_fen),
    });
  }
  if (notice.fact.is === 'unknown' && (attempt.state === 'closed' || attempt.state === 'refused')) return takeUnsettled(ctx, first, attempt);
  // The receiver must be the one that the order was sent for, also when the account has had other settings since.
  const sent_with = await accountOf(ctx, attempt);
  await applyWord(ctx, merchant, sent_with, attempt.id, { fact: notice.fact, exchange, via: 'notification' }, { first });
  return 'applied';
}

/**
 * Nobody asks any more about an order that is over, and a message that settles nothing may be all that is ever heard of money that
 * came after that: its channel is asked.
 */
async function takeUnsettled(ctx: PaymentsCtx, first: Aggregate, attempt: Attempt): Promise<Result> {
  if (!mayAsk(ctx, attempt.id)) return 'unsettled';
  const { is } = await askOver(ctx, first, attempt);
  return is === 'paid' ? 'applied' : 'unsettled';
}

/** When this node last asked about an attempt because a message said so: some messages are not signed, and anybody can send them. */
const askedOf = perNode(() => new Map<string, number>());

function mayAsk(ctx: PaymentsCtx, attempt_id: string): boolean {
  const asked = askedOf(ctx);
  const now_ms = ctx.clock.monotonic_ms();
  if (now_ms - (asked.get(attempt_id) ?? -notified_ask_ms) < notified_ask_ms) return false;
  asked.delete(attempt_id);
  asked.set(attempt_id, now_ms);
  if (asked.size > notified_attempts_max) asked.delete(asked.keys().next().value as string);
  return true;
}

async function takeRefund(ctx: PaymentsCtx, merchant: Merchant, account: Account, notice: Notice & { about: 'refund' }, exchange: Exchange): Promise<Result> {
  const refund_id = ownId(notice.channel_refund_no, merchant, 'ref');
  const refund = refund_id === undefined ? undefined : await findRefund(ctx, merchant.id, refund_id);
  const aggregate = refund && (await findByAttempt(ctx, merchant.id, refund.attempt_id));
  const attempt = aggregate?.attempts.find(({ id }) => id === refund?.attempt_id);
  if (!refund || !aggregate || attempt?.channel_account_id !== account.id) {
    if (notice.fact.is !== 'succeeded' && notice.fact.is !== 'pending') return 'nothing';
    return orphan(ctx, account, exchange, 'orphan_refund', { channel_refund_no: notice.channel_refund_no.slice(0, 64) });
  }
  await applyRefundWord(ctx, merchant, account, refund, { fact: notice.fact, exchange, via: 'notification' });
  return 'applied';
}

/** Our id behind an order number, when it is this merchant's. */
function ownId(channel_no: string, merchant: Merchant, prefix: 'att' | 'ref'): string | undefined {
  const own = readChannelNo(channel_no);
  return own && own.merchant_code === merchant.code ? `${prefix}_${own.ulid}` : undefined;
}

async function orphan(
  ctx: PaymentsCtx,
  account: Account,
  exchange: Exchange,
  kind: 'orphan_success' | 'orphan_refund',
  detail: Record<string, string>,
): Promise<Result> {
  const now = ctx.clock.now();
  const anomaly = {
    id: newId('anomaly', now, ctx.rng),
    livemode: account.livemode,
    kind,
    channel_account_id: account.id,
    payment_id: null,
    attempt_id: null,
    refund_id: null,
    fingerprint: [kind, account.id, ...Object.values(detail)].join('|'),
    detail,
  };
  const event = buildEvent({
    id: newId('event', now, ctx.rng),
    type: 'anomaly.opened',
    livemode: account.livemode,
    created_at: now,
    data: viewAnomaly(anomaly, now),
  });
  const evidence = evidenceOf(ctx, account.merchant_id, account.id, exchange);
  const stored = await insertOrphan(ctx, account.merchant_id, { anomaly, source: { via: 'notification', evidence }, events: [event], now });
  if (stored) {
    ctx.log.warn({ anomaly_id: anomaly.id, kind, channel_account_id: account.id }, 'money that matches nothing of ours was parked');
    ctx.nudge('deliveries');
  }
  return 'orphan';
}
