import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { channel_deadline_ms } from '../kernel/limits.ts';
import type { PaymentFact } from '../kernel/outcome.ts';
import { addMs } from '../kernel/time.ts';
import type { Attempt } from './attempt.ts';
import type { Payment } from './payment.ts';
import { absenceIsFinal, isLost, maySendRefund, nextStep, pursuedRefundFact } from './pursuit.ts';
import type { Refund } from './refund.ts';
import { absence_patience_ms, barcode_patience_ms, refund_steps_ms, send_lease_ms } from './schedule.ts';
import { anAttempt, aPayment } from './testing/builders.ts';

const not_found: PaymentFact = { is: 'not_found' };
const waiting: PaymentFact = { is: 'waiting' };
const unknown: PaymentFact = { is: 'unknown', cause: 'timeout' };

/** What is done with an attempt of that age after that answer. */
function stepOf(fact: PaymentFact, age_ms: number, attempt_fields: Partial<Attempt> = {}, payment_fields: Partial<Payment> = {}) {
  const payment = aPayment(payment_fields);
  const attempt = anAttempt(payment, attempt_fields);
  return nextStep({ payment, attempts: [attempt] }, attempt, fact, addMs(attempt.created_at, age_ms));
}

const sending = { state: 'sending' } as const;
const at_till = { state: 'sending', method: 'wechat_barcode' } as const;
const late = send_lease_ms + 1;

describe('an order that the channel was asked about', () => {
  it('is waited for while its first request may be on its way', () => {
    for (const fact of [not_found, waiting, unknown]) assert.equal(stepOf(fact, send_lease_ms, sending), 'wait', fact.is);
  });

  it('CF-02 is sent again with the same number when it never arrived, or when its answer was lost', () => {
    assert.equal(stepOf(not_found, late, sending), 'resend');
    assert.equal(stepOf(waiting, late, sending), 'resend');
  });

  it('CF-01 is sent again at once when the answer to the first request is known to be lost', () => {
    for (const fact of [not_found, waiting]) assert.equal(stepOf(fact, 2_000, { ...sending, query_tries: 1 }), 'resend', fact.is);
    assert.equal(stepOf(unknown, 2_000, { ...sending, query_tries: 1 }), 'wait');
  });

  it('CF-01 is only asked about again while nothing is known', () => {
    assert.equal(stepOf(unknown, late, sending), 'wait');
    assert.equal(stepOf(waiting, late, { state: 'waiting' }), 'wait');
  });

  it('is undone when nobody should pay it any more, whatever the answer', () => {
    for (const fact of [not_found, waiting, unknown]) {
      assert.equal(stepOf(fact, 0, { state: 'waiting' }, { closing: 'expire' }), 'undo', fact.is);
      assert.equal(stepOf(fact, 0, { state: 'waiting' }, { state: 'closed' }), 'undo', fact.is);
      assert.equal(stepOf(fact, 0, { state: 'waiting' }, { state: 'paid' }), 'undo', fact.is);
      assert.equal(stepOf(fact, 0, { state: 'waiting', reversing_at: aPayment().created_at }), 'undo', fact.is);
    }
  });
});

describe('a payment code that the channel was asked about', () => {
  it('is never charged a second time: it is reversed when the channel does not know it', () => {
    assert.equal(stepOf(not_found, late, at_till), 'undo');
    assert.equal(stepOf(waiting, late, at_till), 'wait');
    assert.equal(stepOf(unknown, late, at_till), 'wait');
    assert.equal(stepOf(not_found, send_lease_ms, { ...at_till, query_tries: 2 }), 'wait', 'its first request may still arrive');
  });

  it('is reversed when the payer has not confirmed for so long', () => {
    const confirming = { state: 'waiting', method: 'alipay_barcode' } as const;
    assert.equal(stepOf(waiting, barcode_patience_ms, confirming), 'wait');
    assert.equal(stepOf(waiting, barcode_patience_ms + 1, confirming), 'undo');
    assert.equal(stepOf(unknown, barcode_patience_ms + 1, confirming), 'undo');
  });
});

describe('an attempt that has nothing to show', () => {
  const lost = (fields: Partial<Attempt>, how: { repeated: boolean; repeats: boolean }, payment_fields: Partial<Payment> = {}) => {
    const payment = aPayment(payment_fields);
    const attempt = anAttempt(payment, { ...sending, ...fields });
    return isLost({ payment, attempts: [attempt] }, attempt, how);
  };
  const in_vain = { repeated: true, repeats: false };

  it('is lost when a channel that promises no repeat has answered one without it', () => {
    assert.equal(lost({ query_tries: 1 }, in_vain), true);
    assert.equal(lost({ query_tries: 1 }, { repeated: false, repeats: false }), false, 'it did not answer');
    assert.equal(lost({ query_tries: 1 }, { repeated: true, repeats: true }), false, 'it promises to, so it is asked again');
  });
  it('is lost for everyone after a minute of questions', () => {
    for (const repeats of [true, false]) {
      assert.equal(lost({ query_tries: 2 }, { repeated: false, repeats }), false);
      assert.equal(lost({ query_tries: 3 }, { repeated: false, repeats }), true);
    }
  });
  it('is told of once, and neither at the till nor where nobody waits for it any more', () => {
    for (const fields of [
      { state: 'waiting' },
      { method: 'alipay_barcode' },
      { next_action: { type: 'new_attempt' } },
      { reversing_at: aPayment().created_at },
    ] as const)
      assert.equal(lost({ query_tries: 3, ...fields }, in_vain), false);
    for (const fields of [{ closing: 'close' }, { state: 'paid' }, { state: 'closed' }] as const)
      assert.equal(lost({ query_tries: 3 }, in_vain, fields), false);
  });
});

describe('"no such order"', () => {
  const isFinal = (age_ms: number, attempt_fields: Partial<Attempt>, expires_in_ms: number) => {
    const payment = aPayment();
    const attempt = anAttempt(payment, attempt_fields);
    return absenceIsFinal({ ...payment, expires_at: addMs(attempt.created_at, expires_in_ms) }, attempt, addMs(attempt.created_at, age_ms));
  };

  it('CF-18 settles nothing while the request may be on its way or the channel lags', () => {
    assert.equal(isFinal(absence_patience_ms, sending, 0), false);
    assert.equal(isFinal(absence_patience_ms, { state: 'waiting' }, 0), false);
  });

  it('settles a close of an order that never arrived', () => {
    assert.equal(isFinal(absence_patience_ms + 1, sending, 7_200_000), true);
  });

  it('settles a close of what the payer was shown only when that has expired', () => {
    const age_ms = absence_patience_ms + 1;
    assert.equal(isFinal(age_ms, { state: 'waiting' }, age_ms + 1), false);
    assert.equal(isFinal(age_ms, { state: 'waiting' }, age_ms), true);
  });
});

describe('a refund that the channel does not know', () => {
  const { created_at } = aPayment();
  const after = (ms: number) => addMs(created_at, ms);
  const turn = (query_tries: number, cause: Refund['cause'] = 'merchant') => ({ created_at, cause, query_tries });
  it('CF-02 is sent again at once where a number is one refund, however often it is sent', () => {
    assert.equal(maySendRefund(turn(1), true, after(send_lease_ms)), true);
  });
  it('I-12 waits elsewhere until its first request can be nowhere any more', () => {
    assert.equal(maySendRefund(turn(1), false, after(absence_patience_ms)), false);
    assert.equal(maySendRefund(turn(1), false, after(absence_patience_ms + 1)), true);
  });
  it('I-12 waits elsewhere until the repeat before it can be nowhere any more, however late the turns are', () => {
    const sent = (query_tries: number) => maySendRefund(turn(query_tries), false, after(3_600_000));
    assert.deepEqual([2, 3, 4, 5, 9, 50].map(sent), [false, false, true, true, true, true]);
    for (const step_ms of refund_steps_ms.slice(2)) assert.ok(step_ms - channel_deadline_ms > absence_patience_ms, `${step_ms}`);
  });
  it('I-12 that Heliu makes is sent at once, and elsewhere only once', () => {
    assert.equal(maySendRefund(turn(1, 'duplicate'), false, after(1)), true);
    assert.equal(maySendRefund(turn(2, 'duplicate'), false, after(35_000)), false);
  });
  it('OF-10 is not refused by the answer to a repeat while its first request may still be on its way', () => {
    const refused = { is: 'refused', reason: 'merchant_balance_insufficient', channel_code: 'NOT_ENOUGH' } as const;
    const asked = { created_at, cause: 'merchant', query_tries: 1 } as const;
    assert.equal(pursuedRefundFact(asked, refused, after(absence_patience_ms)).is, 'unknown');
    assert.equal(pursuedRefundFact(asked, refused, after(absence_patience_ms + 1)), refused);
    const pending = { is: 'pending' } as const;
    assert.equal(pursuedRefundFact(asked, pending, after(0)), pending);
  });
  it('OF-10 is not refused by the answer to a repeat while the repeat before it may still be on its way', () => {
    const refused = { is: 'refused', reason: 'merchant_balance_insufficient', channel_code: 'NOT_ENOUGH' } as const;
    const judged = (query_tries: number) => pursuedRefundFact({ created_at, cause: 'merchant', query_tries }, refused, after(3_600_000)).is;
    assert.deepEqual([2, 3, 4, 5, 9, 50].map(judged), ['unknown', 'unknown', 'refused', 'refused', 'refused', 'refused']);
  });
  it('OF-10 that Heliu makes is refused at once by the answer to its first request', () => {
    const refused = { is: 'refused', reason: 'merchant_balance_insufficient', channel_code: 'NOT_ENOUGH' } as const;
    const firsts = [
      ['duplicate', 1],
      ['late', 1],
      ['cancel', 0],
    ] as const;
    for (const [cause, query_tries] of firsts) {
      assert.equal(pursuedRefundFact({ created_at, cause, query_tries }, refused, after(1)), refused);
      assert.equal(pursuedRefundFact({ created_at, cause, query_tries: query_tries + 1 }, refused, after(1)).is, 'unknown');
    }
  });
});
