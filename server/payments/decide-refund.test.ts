import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { toFen } from '../kernel/money.ts';
import type { RefundFact, Via } from '../kernel/outcome.ts';
import { isRefusal } from '../kernel/refusal.ts';
import { addMs } from '../kernel/time.ts';
import type { Aggregate } from './change.ts';
import { decideRefund, decideRefundFact } from './decide-refund.ts';
import type { Refund } from './refund.ts';
import { anEnv, aPaid, aPayment, aRefund } from './testing/builders.ts';

const hear = (aggregate: Aggregate, refund: Refund, fact: RefundFact, via: Via = 'query') => decideRefundFact(aggregate, refund, { fact, via }, anEnv());

describe('a refund', () => {
  it('reserves its amount and is refused above what was paid', () => {
    const { payment, attempt } = aPaid();
    const first = decideRefund({ payment, attempts: [attempt] }, aRefund(attempt, { amount_fen: toFen(60) }));
    assert.ok(!isRefusal(first));
    assert.equal(first.payment.refunding_fen, 60n);
    const second = decideRefund({ payment: first.payment, attempts: [attempt] }, aRefund(attempt, { amount_fen: toFen(60) }));
    assert.ok(isRefusal(second) && second.refused === 'refund_exceeds_paid');
    assert.deepEqual(second.facts, { refundable_fen: 40 });
  });

  it('is refused on a payment that is not paid, and after fifty', () => {
    const open = aPayment();
    const { payment, attempt } = aPaid({ refund_count: 50 });
    const unpaid = decideRefund({ payment: open, attempts: [] }, aRefund(attempt));
    const many = decideRefund({ payment, attempts: [attempt] }, aRefund(attempt));
    assert.ok(isRefusal(unpaid) && unpaid.refused === 'payment_not_paid');
    assert.ok(isRefusal(many) && many.refused === 'too_many_refunds');
  });

  const reserved = () => {
    const { payment, attempt } = aPaid({ refunding_fen: toFen(60), refund_count: 1 });
    return { aggregate: { payment, attempts: [attempt] }, refund: aRefund(attempt) };
  };

  it('moves its reservation to refunded when it succeeds', () => {
    const { aggregate, refund } = reserved();
    const change = hear(aggregate, refund, { is: 'succeeded', amount_fen: toFen(60), channel_refund_id: 'R1' });
    assert.equal(change?.payment.refunding_fen, 0n);
    assert.equal(change?.payment.refunded_fen, 60n);
    assert.deepEqual(
      change?.events.map(({ type }) => type),
      ['refund.succeeded'],
    );
  });

  it('gives its reservation back when the channel refuses', () => {
    const { aggregate, refund } = reserved();
    const change = hear(aggregate, refund, { is: 'refused', reason: 'refund_window_closed', channel_code: 'X' });
    assert.equal(change?.payment.refunding_fen, 0n);
    assert.equal(change?.payment.refunded_fen, 0n);
    assert.equal(change?.refunds[0]?.state, 'refused');
  });

  it('I-15 keeps its reservation while the outcome is unknown or not found', () => {
    const { aggregate, refund } = reserved();
    const unknown = hear(aggregate, { ...refund, next_query_at: new Date(anEnv().now.getTime() + 20_000) }, { is: 'unknown', cause: 'timeout' });
    assert.equal(unknown?.payment.refunding_fen, 60n);
    assert.equal(unknown?.refunds[0]?.state, 'sending');
    assert.equal(hear(aggregate, refund, { is: 'not_found' }), undefined);
  });

  it('says when the channel took it on, and that a refusal after that has ended it', () => {
    const { aggregate, refund } = reserved();
    const { now } = anEnv();
    const taken_on = hear(aggregate, refund, { is: 'pending' });
    const pending = taken_on?.refunds[0];
    assert.deepEqual([pending?.state, pending?.accepted_at, taken_on?.payment.refunding_fen], ['pending', now, 60n]);
    assert.deepEqual(
      taken_on?.events.map(({ type }) => type),
      ['refund.pending'],
    );
    assert.ok(pending);
    assert.deepEqual(hear(aggregate, pending, { is: 'pending' })?.events ?? [], []);
    const [succeeded] = hear(aggregate, pending, { is: 'succeeded', amount_fen: toFen(60) })?.refunds ?? [];
    assert.deepEqual(succeeded?.accepted_at, now);
    const refused = hear(aggregate, pending, { is: 'refused', reason: 'other', channel_code: 'X' });
    const [final] = refused?.refunds ?? [];
    assert.deepEqual([final?.state, final?.accepted_at], ['refused', now]);
    assert.ok(refused && final);
    // It went back after all: not out of a transit, which its refusal has ended.
    const proven = hear({ ...aggregate, payment: refused.payment }, final, { is: 'succeeded', amount_fen: toFen(60) });
    assert.deepEqual([proven?.refunds[0]?.state, proven?.refunds[0]?.accepted_at], ['succeeded', null]);
  });

  it('with another amount is parked', () => {
    const { aggregate, refund } = reserved();
    const change = hear(aggregate, refund, { is: 'succeeded', amount_fen: toFen(1) });
    assert.equal(change?.anomaly?.kind, 'refund_amount_mismatch');
    assert.equal(change?.payment.refunding_fen, 60n);
  });

  it('I-16 never changes again once it succeeded', () => {
    const { aggregate, refund } = reserved();
    const done = { ...refund, state: 'succeeded' as const, refunded_at: anEnv().now };
    const refused = { is: 'refused', reason: 'other', channel_code: 'X' } as const;
    assert.equal(hear(aggregate, done, refused, 'answer'), undefined);
    for (const fact of [{ is: 'succeeded', amount_fen: toFen(60) }, { is: 'pending' }, { is: 'not_found' }] as const)
      assert.equal(hear(aggregate, done, fact, 'notification'), undefined);
    for (const via of ['notification', 'query', 'bill'] as const) {
      const change = hear(aggregate, done, refused, via);
      assert.deepEqual([change?.anomaly?.kind, change?.refunds, change?.payment], ['refund_reversed', [], aggregate.payment]);
    }
  });

  it('CF-22 is known to have come back by news that are younger than its success, and by none that are older', () => {
    const { aggregate, refund } = reserved();
    const refunded_at = anEnv().now;
    const done = { ...refund, state: 'succeeded' as const, refunded_at };
    const heard = (after_ms: number) => hear(aggregate, done, { is: 'pending', stopped_at: addMs(refunded_at, after_ms) }, 'notification')?.anomaly;
    assert.deepEqual([heard(-1_000), heard(0)], [undefined, undefined]);
    assert.equal(heard(1_000)?.kind, 'refund_reversed');
    // One row, however it is said.
    const closed = hear(aggregate, done, { is: 'refused', reason: 'other', channel_code: 'CLOSED' }, 'notification')?.anomaly;
    assert.equal(closed?.fingerprint, heard(1_000)?.fingerprint);
  });

  it('shows a person one that stays open, however often the channel says so', () => {
    const { aggregate, refund } = reserved();
    const tries = (query_tries: number) => hear(aggregate, { ...refund, query_tries }, { is: 'unknown', cause: 'timeout' })?.anomaly?.kind;
    assert.deepEqual([5, 6, 7].map(tries), [undefined, 'refund_stuck', 'refund_stuck']);
  });

  it('of duplicate money that is refused leaves the payment amounts alone and calls a person', () => {
    const { payment, attempt } = aPaid();
    const refund = aRefund(attempt, { cause: 'duplicate', amount_fen: toFen(100) });
    const change = hear({ payment, attempts: [attempt] }, refund, { is: 'refused', reason: 'merchant_restricted', channel_code: 'X' });
    assert.equal(change?.payment.refunding_fen, 0n);
    assert.equal(change?.anomaly?.kind, 'refund_stuck');
  });
});
