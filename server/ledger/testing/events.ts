import { type Event, type EventType, examples, type Payment, type Refund } from '@heliu/contract';
import { sql } from 'kysely';
import { newId } from '../../kernel/id.ts';
import type { Rng } from '../../kernel/rng.ts';
import type { Ctx } from '../../platform/ctx.ts';
import { buildEvent, type OutboxEvent } from '../../platform/outbox/outbox.ts';
import { sequenceEvents } from '../../platform/outbox/sequencer.ts';

/** Events of a merchant as payments write them, whole objects of which a test names only what it is about. */
export type Story = {
  readonly merchant_id: string;
  readonly livemode: boolean;
  readonly account: string;
  readonly events: OutboxEvent[];
};

export const newStory = (rng: Rng, at: Date, livemode = true): Story => ({
  merchant_id: newId('merchant', at, rng),
  livemode,
  account: newId('channel_account', at, rng),
  events: [],
});

const example = examples.retrieve_payment?.response as Payment;
const example_refund = examples.retrieve_refund?.response as Refund;

export type PaidInput = {
  readonly amount_fen: number;
  readonly at: Date;
  readonly type?: EventType;
  readonly fields?: Partial<Payment>;
  readonly account?: string;
};

/** A payment that was paid, or money that came for one in another way. */
export function paid(story: Story, rng: Rng, { amount_fen, at, type = 'payment.paid', fields = {}, account = story.account }: PaidInput): Payment {
  const attempt = { ...(example.attempt as NonNullable<Payment['attempt']>), id: newId('attempt', at, rng), channel_account_id: account };
  const id = newId('payment', at, rng);
  const payment: Payment = {
    ...example,
    id,
    merchant_order_no: `order-${id.slice(-8)}`,
    amount_fen,
    paid_fen: type === 'payment.paid' ? amount_fen : 0,
    attempt,
    paid_at: at.toISOString(),
    ...fields,
  };
  tell(story, rng, type, at, payment);
  return payment;
}

export type RefundedInput = {
  readonly amount_fen: number;
  readonly at: Date;
  readonly cause?: Refund['cause'];
  /** The channel took it on first, and then did this. */
  readonly transit?: 'succeeded' | 'refused';
};

/** A refund that succeeded, at once or after the channel had taken it on; or that was taken on and refused. */
export function refunded(story: Story, rng: Rng, of: Payment, { amount_fen, at, cause = 'merchant', transit }: RefundedInput): Refund {
  const pending: Refund = {
    ...example_refund,
    id: newId('refund', at, rng),
    payment_id: of.id,
    attempt_id: of.attempt?.id as string,
    amount_fen,
    cause,
    state: 'pending',
    accepted_at: transit ? at.toISOString() : null,
    refunded_at: null,
  };
  if (transit) tell(story, rng, 'refund.pending', at, pending);
  const state = transit ?? 'succeeded';
  const refund: Refund = { ...pending, state, refunded_at: state === 'succeeded' ? at.toISOString() : null };
  tell(story, rng, `refund.${state}`, at, refund);
  return refund;
}

/** Any event. */
export function tell(story: Story, rng: Rng, type: EventType, at: Date, data: Event['data']): void {
  story.events.push(buildEvent({ id: newId('event', at, rng), type, livemode: story.livemode, created_at: at, data }));
}

/** Commits the events that were not committed before, and numbers them. */
export async function commitEvents(ctx: Ctx, story: Story): Promise<void> {
  const rows = story.events.splice(0);
  if (rows.length === 0) return;
  await sql`insert into merchants (id, code, name, created_at) values (${story.merchant_id}, ${story.merchant_id.slice(-6)}, 'merchant', ${ctx.clock.now()}) on conflict do nothing`.execute(
    ctx.db.kysely,
  );
  await sql`insert into events (merchant_id, id, livemode, type, object_id, object_version, payload, created_at)
    select ${story.merchant_id}, x.* from json_to_recordset(${JSON.stringify(rows)}::json)
      as x (id text, livemode boolean, type text, object_id text, object_version integer, payload text, created_at timestamptz)`.execute(ctx.db.kysely);
  while ((await sequenceEvents(ctx)) > 0);
}
