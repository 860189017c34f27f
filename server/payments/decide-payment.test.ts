import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { toFen } from '../kernel/money.ts';
import type { PaymentFact, Via } from '../kernel/outcome.ts';
import { isRefusal } from '../kernel/refusal.ts';
import type { Attempt } from './attempt.ts';
import type { Aggregate, Change } from './change.ts';
import { decideAttempt, decideCancelPaid, decideCloseStuck, decideClosing, decidePaymentFact, type MoneyPolicy } from './decide-payment.ts';
import { anAttempt, anEnv, aPaid, aPayment, aSuccess, at } from './testing/builders.ts';

const refund_all: MoneyPolicy = { duplicate_policy: 'refund', late_policy: 'refund' };
const identity = { mchid: '1900000001' };

function decide(aggregate: Aggregate, attempt: Attempt, fact: PaymentFact, options: { policy?: MoneyPolicy; via?: Via } = {}): Change | undefined {
  const { policy = refund_all, via = 'notification' } = options;
  return decidePaymentFact(aggregate, { attempt_id: attempt.id, fact, via, identity, policy, payer_sealed: null, has_bills: true }, anEnv());
}
const paid = (fields = {}): PaymentFact => ({ is: 'paid', success: aSuccess(fields) });
const eventTypes = (change: Change | undefined) => change?.events.map(({ type }) => type);

describe('a success', () => {
  it('pays a pending payment, whatever state the attempt was in', () => {
    for (const state of ['sending', 'waiting', 'refused', 'closed'] as const) {
      const payment = aPayment();
      const attempt = anAttempt(payment, { state });
      const change = decide({ payment, attempts: [attempt] }, attempt, paid());
      assert.equal(change?.payment.state, 'paid', state);
      assert.equal(change?.payment.paid_fen, 100n);
      assert.equal(change?.payment.next_close_at, null);
      assert.equal(change?.attempts[0]?.disposition, 'accepted');
      assert.equal(change?.attempts[0]?.next_query_at, null);
      assert.deepEqual(eventTypes(change), ['payment.paid']);
    }
  });

  it('changes nothing when it is repeated', () => {
    const { payment, attempt } = aPaid();
    assert.equal(decide({ payment, attempts: [attempt] }, attempt, paid()), undefined);
  });

  it('I-05 is a duplicate on a paid payment and goes back whole, outside the payment amounts', () => {
    const { payment, attempt } = aPaid();
    const second = anAttempt(payment);
    const change = decide({ payment, attempts: [attempt, second] }, second, paid({ channel_transaction_id: 'T2' }));
    assert.equal(change?.attempts[0]?.disposition, 'duplicate');
    assert.equal(change?.attempts[0]?.kept, false);
    assert.equal(change?.new_refund?.cause, 'duplicate');
    assert.equal(change?.new_refund?.amount_fen, 100n);
    assert.equal(change?.payment.refunding_fen, 0n);
    assert.deepEqual(eventTypes(change), ['payment.duplicate_received']);
  });

  it('is a duplicate that stays where the merchant keeps duplicates', () => {
    const { payment, attempt } = aPaid();
    const second = anAttempt(payment);
    const change = decide({ payment, attempts: [attempt, second] }, second, paid({ channel_transaction_id: 'T2' }), {
      policy: { ...refund_all, duplicate_policy: 'keep' },
    });
    assert.equal(change?.attempts[0]?.disposition, 'duplicate');
    assert.equal(change?.attempts[0]?.kept, true);
    assert.equal(change?.new_refund, undefined);
  });

  it('CF-19 is no duplicate to keep once the channel was told to reverse it', () => {
    const { payment, attempt } = aPaid();
    const second = anAttempt(payment, { reversing_at: at });
    const change = decide({ payment, attempts: [attempt, second] }, second, paid({ channel_transaction_id: 'T2' }), {
      policy: { ...refund_all, duplicate_policy: 'keep' },
    });
    assert.equal(change?.attempts[0]?.disposition, 'duplicate');
    assert.equal(change?.new_refund?.cause, 'duplicate');
  });

  it('is late on a pending payment once the channel was told to reverse it, and goes back', () => {
    const payment = aPayment();
    const attempt = anAttempt(payment, { reversing_at: at });
    const change = decide({ payment, attempts: [attempt] }, attempt, paid());
    assert.notEqual(change?.payment.state, 'paid');
    assert.equal(change?.attempts[0]?.disposition, 'late');
    assert.equal(change?.new_refund?.cause, 'late');
  });

  it('I-03 is late on a closed payment and goes back', () => {
    const payment = aPayment({ state: 'closed', closed_reason: 'expired', closed_at: at, next_close_at: null });
    const attempt = anAttempt(payment, { state: 'closed' });
    const change = decide({ payment, attempts: [attempt] }, attempt, paid());
    assert.equal(change?.payment.state, 'closed');
    assert.equal(change?.attempts[0]?.disposition, 'late');
    assert.equal(change?.new_refund?.cause, 'late');
    assert.deepEqual(eventTypes(change), ['payment.late_received']);
  });

  it('reopens a closed payment where the merchant accepts late money', () => {
    const payment = aPayment({ state: 'closed', closed_reason: 'expired', closed_at: at, next_close_at: null });
    const attempt = anAttempt(payment, { state: 'closed' });
    const change = decide({ payment, attempts: [attempt] }, attempt, paid(), { policy: { ...refund_all, late_policy: 'accept' } });
    assert.equal(change?.payment.state, 'paid');
    assert.equal(change?.payment.closed_reason, null);
    assert.equal(change?.payment.closed_at, null);
    assert.deepEqual(eventTypes(change), ['payment.paid']);
  });

  it('wakes the other attempts that could still be paid', () => {
    const payment = aPayment();
    const [first, second] = [anAttempt(payment), anAttempt(payment, { next_query_at: new Date(at.getTime() + 600_000) })];
    const change = decide({ payment, attempts: [first, second] }, first, paid());
    assert.deepEqual(change?.attempts.find(({ id }) => id === second.id)?.next_query_at, at);
  });

  it('gives the money back at once when a cancel was under way', () => {
    const payment = aPayment({ closing: 'cancel' });
    const attempt = anAttempt(payment);
    const change = decide({ payment, attempts: [attempt] }, attempt, paid());
    assert.equal(change?.payment.state, 'paid');
    assert.equal(change?.new_refund?.cause, 'cancel');
    assert.equal(change?.payment.refunding_fen, 100n);
  });

  it('CF-12 with another amount, currency or receiver is parked and pays nothing', () => {
    const wrong = [
      ['amount_mismatch', paid({ amount_fen: toFen(1) })],
      ['currency_mismatch', paid({ currency: 'USD' })],
      ['identity_mismatch', paid({ identity: { mchid: '1900000002' } })],
      ['identity_mismatch', paid({ identity: {} })],
    ] as const;
    for (const [kind, fact] of wrong) {
      const payment = aPayment();
      const attempt = anAttempt(payment);
      const change = decide({ payment, attempts: [attempt] }, attempt, fact);
      assert.equal(change?.anomaly?.kind, kind);
      assert.equal(change?.payment.state, 'pending');
      assert.equal(change?.attempts.length, 0);
      assert.deepEqual(eventTypes(change), ['anomaly.opened']);
    }
  });

  it('in answer to our own question may leave the receiver out, but not contradict it', () => {
    const payment = aPayment();
    const attempt = anAttempt(payment);
    assert.equal(decide({ payment, attempts: [attempt] }, attempt, paid({ identity: {} }), { via: 'query' })?.payment.state, 'paid');
    assert.equal(decide({ payment, attempts: [attempt] }, attempt, paid({ identity: { mchid: 'x' } }), { via: 'query' })?.anomaly?.kind, 'identity_mismatch');
    // A line of a bill is no answer to a question about this order: a receiver of another form says nothing of ours.
    assert.equal(decide({ payment, attempts: [attempt] }, attempt, paid({ identity: { sp_mchid: 'x' } }), { via: 'bill' })?.anomaly?.kind, 'identity_mismatch');
  });

  it('with a second transaction number on one attempt is parked', () => {
    const { payment, attempt } = aPaid();
    assert.equal(decide({ payment, attempts: [attempt] }, attempt, paid({ channel_transaction_id: 'T9' }))?.anomaly?.kind, 'orphan_success');
  });
});

describe('what is not a success', () => {
  it('an unknown ends nothing and is asked about soon', () => {
    const payment = aPayment();
    const attempt = anAttempt(payment, { state: 'sending', next_query_at: new Date(at.getTime() + 20_000) });
    const change = decide({ payment, attempts: [attempt] }, attempt, { is: 'unknown', cause: 'timeout' }, { via: 'answer' });
    assert.equal(change?.attempts[0]?.state, 'sending');
    assert.deepEqual(change?.attempts[0]?.next_query_at, new Date(at.getTime() + 2_000));
    assert.equal(change?.transitions.length, 0);
  });

  it('CF-18 "not found" ends nothing', () => {
    const payment = aPayment();
    const attempt = anAttempt(payment, { state: 'sending' });
    assert.equal(decide({ payment, attempts: [attempt] }, attempt, { is: 'not_found' }), undefined);
  });

  it('a refusal ends the attempt and leaves the payment open for another', () => {
    const payment = aPayment();
    const attempt = anAttempt(payment, { state: 'sending' });
    const change = decide(
      { payment, attempts: [attempt] },
      attempt,
      { is: 'refused', reason: 'insufficient_funds', channel_code: 'NOTENOUGH' },
      { via: 'answer' },
    );
    assert.equal(change?.attempts[0]?.state, 'refused');
    assert.equal(change?.attempts[0]?.refusal?.reason, 'insufficient_funds');
    assert.equal(change?.payment.state, 'pending');
    assert.deepEqual(eventTypes(change), ['payment.attempt_refused']);
  });

  it('CF-08 old words do not move an attempt back', () => {
    const { payment, attempt } = aPaid();
    for (const fact of [{ is: 'waiting' }, { is: 'closed' }, { is: 'refused', reason: 'other', channel_code: 'X' }] as const) {
      assert.equal(decide({ payment, attempts: [attempt] }, attempt, fact), undefined);
    }
  });

  it('a closed order closes the payment only when that was asked for and no other attempt lives', () => {
    const open = aPayment();
    const attempt = anAttempt(open);
    assert.equal(decide({ payment: open, attempts: [attempt] }, attempt, { is: 'closed' })?.payment.state, 'pending');
    const closing = aPayment({ closing: 'expire' });
    const [one, other] = [anAttempt(closing), anAttempt(closing)];
    assert.equal(decide({ payment: closing, attempts: [one, other] }, one, { is: 'closed' })?.payment.state, 'pending');
    const change = decide({ payment: closing, attempts: [one, { ...other, state: 'closed' }] }, one, { is: 'closed' });
    assert.equal(change?.payment.state, 'closed');
    assert.equal(change?.payment.closed_reason, 'expired');
    assert.deepEqual(eventTypes(change), ['payment.closed']);
  });
});

describe('closing', () => {
  it('I-08 waits while an attempt lives', () => {
    const payment = aPayment();
    const change = decideClosing({ payment, attempts: [anAttempt(payment)] }, 'expire', anEnv());
    assert.equal(change?.payment.state, 'pending');
    assert.equal(change?.payment.closing, 'expire');
  });

  it('is done at once when nothing was ever left open, and tells why', () => {
    const payment = aPayment();
    const refused = anAttempt(payment, { state: 'refused' });
    assert.equal(decideClosing({ payment, attempts: [refused] }, 'expire', anEnv())?.payment.closed_reason, 'refused');
    assert.equal(decideClosing({ payment, attempts: [refused, anAttempt(payment, { state: 'closed' })] }, 'expire', anEnv())?.payment.closed_reason, 'expired');
    assert.equal(decideClosing({ payment, attempts: [refused] }, 'close', anEnv())?.payment.closed_reason, 'cancelled');
  });

  it('never weakens a cancel, which promises the money back', () => {
    const payment = aPayment({ closing: 'cancel' });
    assert.equal(decideClosing({ payment, attempts: [anAttempt(payment)] }, 'expire', anEnv()), undefined);
    const expiring = aPayment({ closing: 'expire' });
    assert.equal(decideClosing({ payment: expiring, attempts: [anAttempt(expiring)] }, 'cancel', anEnv())?.payment.closing, 'cancel');
  });

  it('is remembered when a payment that is closed already is cancelled, once', () => {
    const payment = aPayment({ state: 'closed', closed_reason: 'expired', closed_at: at, next_close_at: null });
    const attempts = [anAttempt(payment, { state: 'closed' })];
    const change = decideClosing({ payment, attempts }, 'cancel', anEnv());
    assert.deepEqual([change?.payment.closing, change?.payment.state, change?.payment.closed_reason], ['cancel', 'closed', 'expired']);
    assert.deepEqual([change?.transitions, change?.events], [[], []]);
    assert.ok(change);
    assert.equal(decideClosing({ payment: change.payment, attempts }, 'cancel', anEnv()), undefined);
    assert.equal(decideClosing({ payment, attempts }, 'close', anEnv()), undefined);
  });

  it('is shown to a person when it stays uncertain, but not before the time of an order that only time ends', () => {
    const closes = (channel: string) => channel === 'closing';
    const stuck = { closing: 'close', close_tries: 9 } as const;
    const kindOf = (channel: string, expires_at: Date) => {
      const payment = aPayment({ ...stuck, expires_at });
      return decideCloseStuck({ payment, attempts: [anAttempt(payment, { channel })] }, closes, anEnv())?.anomaly?.kind;
    };
    const later = new Date(at.getTime() + 1);
    assert.equal(kindOf('closing', later), 'close_stuck');
    assert.equal(kindOf('lasting', later), undefined);
    assert.equal(kindOf('lasting', at), 'close_stuck');
  });

  it('cancel of a paid payment refunds all of it, once', () => {
    const { payment, attempt } = aPaid();
    const change = decideCancelPaid({ payment, attempts: [attempt] }, anEnv());
    assert.ok(!isRefusal(change));
    assert.equal(change.new_refund?.amount_fen, 100n);
    assert.equal(change.payment.refunding_fen, 100n);
    const again = decideCancelPaid({ payment: change.payment, attempts: [attempt] }, anEnv());
    assert.ok(isRefusal(again) && again.refused === 'payment_not_cancellable');
  });
});

describe('a new attempt', () => {
  it('is refused on a payment that is over, closing, expired or tried too often', () => {
    const cases = [
      ['payment_already_paid', aPaid().payment],
      ['payment_closed', aPayment({ state: 'closed', closed_reason: 'expired' })],
      ['payment_closing', aPayment({ closing: 'close' })],
      ['payment_expired', aPayment({ expires_at: at })],
      ['too_many_attempts', aPayment({ attempt_count: 20 })],
    ] as const;
    for (const [code, payment] of cases) {
      const result = decideAttempt({ payment, attempts: [] }, anAttempt(payment), anEnv());
      assert.ok(isRefusal(result) && result.refused === code, code);
    }
  });
});
