import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { toFen } from '../kernel/money.ts';
import { isRefusal } from '../kernel/refusal.ts';
import { decideRefund, decideRefundFact } from './decide-refund.ts';
import { anEnv, aPaid, aPayment, aRefund } from './testing/builders.ts';

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
    const change = decideRefundFact(aggregate, refund, { is: 'succeeded', amount_fen: toFen(60), channel_refund_id: 'R1' }, anEnv());
    assert.equal(change?.payment.refunding_fen, 0n);
    assert.equal(change?.payment.refunded_fen, 60n);
    assert.deepEqual(
      change?.events.map(({ type }) => type),
      ['refund.succeeded'],
    );
  });

  it('gives its reservation back when the channel refuses', () => {
    const { aggregate, refund } = reserved();
    const change = decideRefundFact(aggregate, refund, { is: 'refused', reason: 'refund_window_closed', channel_code: 'X' }, anEnv());
    assert.equal(change?.payment.refunding_fen, 0n);
    assert.equal(change?.payment.refunded_fen, 0n);
    assert.equal(change?.refunds[0]?.state, 'refused');
  });

  it('I-15 keeps its reservation while the outcome is unknown or not found', () => {
    const { aggregate, refund } = reserved();
    const unknown = decideRefundFact(
      aggregate,
      { ...refund, next_query_at: new Date(anEnv().now.getTime() + 20_000) },
      { is: 'unknown', cause: 'timeout' },
      anEnv(),
    );
    assert.equal(unknown?.payment.refunding_fen, 60n);
    assert.equal(unknown?.refunds[0]?.state, 'sending');
    assert.equal(decideRefundFact(aggregate, refund, { is: 'not_found' }, anEnv()), undefined);
  });

  it('says when the channel took it on, and that a refusal after that has ended it', () => {
    const { aggregate, refund } = reserved();
    const { now } = anEnv();
    const taken_on = decideRefundFact(aggregate, refund, { is: 'pending' }, anEnv());
    const pending = taken_on?.refunds[0];
    assert.deepEqual([pending?.state, pending?.accepted_at, taken_on?.payment.refunding_fen], ['pending', now, 60n]);
    assert.deepEqual(
      taken_on?.events.map(({ type }) => type),
      ['refund.pending'],
    );
    assert.ok(pending);
    assert.deepEqual(decideRefundFact(aggregate, pending, { is: 'pending' }, anEnv())?.events ?? [], []);
    const [succeeded] = decideRefundFact(aggregate, pending, { is: 'succeeded', amount_fen: toFen(60) }, anEnv())?.refunds ?? [];
    assert.deepEqual(succeeded?.accepted_at, now);
    const refused = decideRefundFact(aggregate, pending, { is: 'refused', reason: 'other', channel_code: 'X' }, anEnv());
    const [final] = refused?.refunds ?? [];
    assert.deepEqual([final?.state, final?.accepted_at], ['refused', now]);
    assert.ok(refused && final);
    // It went back after all: not out of a transit, which its refusal has ended.
    const proven = decideRefundFact({ ...aggregate, payment: refused.payment }, final, { is: 'succeeded', amount_fen: toFen(60) }, anEnv());
    assert.deepEqual([proven?.refunds[0]?.state, proven?.refunds[0]?.accepted_at], ['succeeded', null]);
  });

  it('with another amount is parked', () => {
    const { aggregate, refund } = reserved();
    const change = decideRefundFact(aggregate, refund, { is: 'succeeded', amount_fen: toFen(1) }, anEnv());
    assert.equal(change?.anomaly?.kind, 'refund_amount_mismatch');
    assert.equal(change?.payment.refunding_fen, 60n);
  });

  it('I-16 never changes again once it succeeded', () => {
    const { aggregate, refund } = reserved();
    const done = { ...refund, state: 'succeeded' as const };
    assert.equal(decideRefundFact(aggregate, done, { is: 'refused', reason: 'other', channel_code: 'X' }, anEnv()), undefined);
    assert.equal(decideRefundFact(aggregate, done, { is: 'succeeded', amount_fen: toFen(60) }, anEnv()), undefined);
  });

  it('shows a person one that stays open, however often the channel says so', () => {
    const { aggregate, refund } = reserved();
    const tries = (query_tries: number) => decideRefundFact(aggregate, { ...refund, query_tries }, { is: 'unknown', cause: 'timeout' }, anEnv())?.anomaly?.kind;
    assert.deepEqual([5, 6, 7].map(tries), [undefined, 'refund_stuck', 'refund_stuck']);
  });

  it('of duplicate money that is refused leaves the payment amounts alone and calls a person', () => {
    const { payment, attempt } = aPaid();
    const refund = aRefund(attempt, { cause: 'duplicate', amount_fen: toFen(100) });
    const change = decideRefundFact({ payment, attempts: [attempt] }, refund, { is: 'refused', reason: 'merchant_restricted', channel_code: 'X' }, anEnv());
    assert.equal(change?.payment.refunding_fen, 0n);
    assert.equal(change?.anomaly?.kind, 'refund_stuck');
  });
});
