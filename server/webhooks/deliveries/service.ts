import {
  delivery_marks_max,
  webhook_answer_bytes_max,
  webhook_breakers_max,
  webhook_deadline_ms,
  webhook_sends_max,
  webhook_sends_per_endpoint_max,
} from '../../kernel/limits.ts';
import { randomFraction } from '../../kernel/rng.ts';
import { addMs } from '../../kernel/time.ts';
import type { Ctx } from '../../platform/ctx.ts';
import { type Batcher, createBatcher } from '../../platform/due/batcher.ts';
import type { DueTask } from '../../platform/due/sweeper.ts';
import { EgressError } from '../../platform/egress.ts';
import type { LeasedDelivery } from '../../platform/outbox/outbox.ts';
import { afterFailure, type Breaker, sendsAllowed } from '../breaker.ts';
import { delivery_lifetime_ms, nextSend } from '../schedule.ts';
import { signedHeaders } from '../signature.ts';
import { disableEndpoint } from '../store.ts';
import { judge, type SendResult, type Verdict } from '../verdict.ts';
import { claimDeliveries, expireDeliveries, type Mark, markDeliveries } from './store.ts';

/** Twice the longest send: the result of a send that used its whole deadline is still written under its lease. */
const lease_ms = 2 * webhook_deadline_ms;

/** What one node needs to deliver: the health of endpoints as it has seen it, and the results on their way to the database. */
type Courier = { readonly ctx: Ctx; readonly breakers: Map<string, Breaker>; readonly mark: Batcher<Mark> };

/**
 * Sends due deliveries. Two statements for each at most: a claim and a mark, both shared by all that are due together. What
 * this node tells of itself comes without a claim (`Courier`).
 */
export function deliveryTask(ctx: Ctx): DueTask<LeasedDelivery> {
  const courier: Courier = { ctx, breakers: new Map(), mark: createBatcher(delivery_marks_max, (marks) => markDeliveries(ctx, marks)) };
  return {
    name: 'deliveries',
    lease_ms,
    concurrency: webhook_sends_max,
    concurrency_per_key: webhook_sends_per_endpoint_max,
    key: ({ webhook_endpoint_id }) => webhook_endpoint_id,
    keyLimits: () => limitsOf(courier),
    claim: createClaim(ctx),
    work: (delivery) => deliver(courier, delivery),
    release: (delivery) => courier.mark(settled(delivery, { state: 'pending', tries: delivery.tries - 1, next_send_at: delivery.created_at })),
  };
}

/** Behind every id. */
const last_id = '~';

/**
 * Claims in turn: a claim that was full is followed by one that begins behind its last endpoint and goes round, so that
 * under overload no endpoint is always last.
 */
function createClaim(ctx: Ctx): DueTask<LeasedDelivery>['claim'] {
  let after = '';
  return async (limit, now, lease, busy) => {
    const input = { now, lease_until: addMs(now, lease), per_endpoint: webhook_sends_per_endpoint_max, busy };
    let claimed = await claimDeliveries(ctx, { ...input, limit, between: [after, last_id] });
    const behind = claimed.length;
    if (behind < limit && after !== '') claimed = claimed.concat(await claimDeliveries(ctx, { ...input, limit: limit - behind, between: ['', after] }));
    const ids = claimed.slice(behind === limit ? 0 : behind).map(({ webhook_endpoint_id }) => webhook_endpoint_id);
    after = claimed.length === limit ? (ids.toSorted().at(-1) ?? '') : '';
    return claimed;
  };
}

function limitsOf({ ctx, breakers }: Courier): ReadonlyMap<string, number> {
  const now = ctx.clock.now();
  const limits = new Map<string, number>();
  for (const [id, breaker] of breakers) {
    const allowed = sendsAllowed(breaker, now);
    if (allowed !== undefined) limits.set(id, allowed);
  }
  return limits;
}

async function deliver(courier: Courier, delivery: LeasedDelivery): Promise<void> {
  const { ctx } = courier;
  if (delivery.endpoint_state === 'disabled') {
    // Disabled between the event and now; this send did not take place.
    await courier.mark(settled(delivery, { state: 'cancelled', tries: delivery.tries - 1 }));
    return;
  }
  const sent_at = ctx.clock.now();
  if (delivery.tries === 1) ctx.metrics.observe('heliu_delivery_lag_seconds', (sent_at.getTime() - delivery.created_at.getTime()) / 1_000);
  const result = await send(ctx, delivery, sent_at);
  const now = ctx.clock.now();
  const verdict = judge(result, now);
  const mark = markOf(ctx, delivery, verdict, now);
  await courier.mark(mark);
  ctx.metrics.count('heliu_deliveries_total', { result: resultName(verdict, mark) });
  if (mark.state === 'dead') tellDead(ctx, delivery, 1);
  if (verdict.is === 'gone') await unsubscribe(ctx, delivery);
  await remember(courier, delivery, verdict, now);
}

async function send(ctx: Ctx, delivery: LeasedDelivery, now: Date): Promise<SendResult> {
  const { event_id, payload, url } = delivery;
  try {
    const answer = await ctx.http.send({
      policy: 'webhook',
      method: 'POST',
      url,
      headers: {
        'content-type': 'application/json',
        'user-agent': 'Heliu-Webhooks/1',
        ...signedHeaders({ event_id, body: payload, now, secrets: secretsOf(ctx, delivery, now) }),
      },
      body: payload,
      deadline_ms: webhook_deadline_ms,
      answer_bytes_max: webhook_answer_bytes_max,
      partial_answer_ok: true,
    });
    return { is: 'answer', ...answer };
  } catch (error) {
    if (!(error instanceof EgressError)) throw error;
    return { is: 'no_answer', cause: error.cause_kind };
  }
}

/** The newest first; the one before it while its overlap lasts. */
function secretsOf(ctx: Ctx, delivery: LeasedDelivery, now: Date): string[] {
  const { merchant_id, webhook_endpoint_id: row, secret_sealed, previous_secret_sealed, previous_until } = delivery;
  const table = 'webhook_endpoints';
  const secrets = [ctx.vault.open(secret_sealed, { table, column: 'secret_sealed', merchant_id, row })];
  if (previous_secret_sealed !== null && previous_until !== null && now < previous_until)
    secrets.push(ctx.vault.open(previous_secret_sealed, { table, column: 'previous_secret_sealed', merchant_id, row }));
  return secrets;
}

function markOf(ctx: Ctx, delivery: LeasedDelivery, verdict: Verdict, now: Date): Mark {
  if (verdict.is === 'delivered') return settled(delivery, { state: 'delivered', last_status: verdict.status, delivered_at: now });
  const last = { last_status: verdict.status, last_error: verdict.error };
  if (verdict.is === 'gone') return settled(delivery, { state: 'cancelled', ...last });
  const { tries, created_at } = delivery;
  const next_send_at = nextSend({ tries, created_at, now, random: randomFraction(ctx.rng), retry_after_ms: verdict.retry_after_ms });
  return settled(delivery, next_send_at ? { state: 'pending', next_send_at, ...last } : { state: 'dead', ...last });
}

function settled({ merchant_id, id, lease_until, tries }: LeasedDelivery, mark: Partial<Mark> & Pick<Mark, 'state'>): Mark {
  return { merchant_id, id, lease_until, tries, last_status: null, last_error: null, next_send_at: null, delivered_at: null, ...mark };
}

const resultName = (verdict: Verdict, mark: Mark): string => (verdict.is === 'failed' ? (mark.state === 'dead' ? 'dead' : 'failed') : verdict.is);

/** 410: nobody wants this any more. What waits is cancelled with it. */
async function unsubscribe(ctx: Ctx, { merchant_id, webhook_endpoint_id }: LeasedDelivery): Promise<void> {
  await disableEndpoint(ctx, { merchant_id, id: webhook_endpoint_id, reason: 'gone' });
  ctx.log.warn({ merchant_id, webhook_endpoint_id }, 'a webhook endpoint answered 410 and was disabled');
}

/** Keeps the health of an endpoint, and gives up what is too old at the moment when its breaker opens. */
async function remember({ ctx, breakers }: Courier, delivery: LeasedDelivery, verdict: Verdict, now: Date): Promise<void> {
  const { merchant_id, webhook_endpoint_id } = delivery;
  const before = breakers.get(webhook_endpoint_id);
  if (verdict.is !== 'failed' || !verdict.unhealthy) {
    breakers.delete(webhook_endpoint_id);
    return;
  }
  const after = afterFailure(before, now);
  breakers.delete(webhook_endpoint_id);
  breakers.set(webhook_endpoint_id, after);
  const [oldest] = breakers.keys();
  if (oldest !== undefined && breakers.size > webhook_breakers_max) breakers.delete(oldest);
  if (after.open_until === undefined || after === before) return;
  ctx.metrics.count('heliu_webhook_breakers_opened_total');
  ctx.log.warn({ merchant_id, webhook_endpoint_id, until: after.open_until.toISOString() }, 'a webhook endpoint does not answer; its deliveries wait');
  const dead = await expireDeliveries(ctx, { merchant_id, webhook_endpoint_id, now, dead_before: addMs(now, -delivery_lifetime_ms) });
  if (dead > 0) {
    ctx.metrics.count('heliu_deliveries_total', { result: 'dead' }, dead);
    tellDead(ctx, delivery, dead);
  }
}

/** The alert: the merchant has not heard of these events, and will not unless it lists events or someone sends them again. */
function tellDead(ctx: Ctx, { merchant_id, webhook_endpoint_id }: LeasedDelivery, deliveries: number): void {
  ctx.log.error({ merchant_id, webhook_endpoint_id, deliveries }, 'deliveries failed for the whole schedule and are given up');
}
