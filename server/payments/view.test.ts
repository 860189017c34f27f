import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { anAttempt, aPayment } from './testing/builders.ts';
import { viewPayment } from './view.ts';

const seen = { merchant_code: 'ABCDEF', public_url: 'http://127.0.0.1:7400' };

describe('what a front end does next', () => {
  it('is another attempt where the order has ended at the channel and the payment is still open', () => {
    for (const [state, action] of [
      ['closed', 'new_attempt'],
      ['refused', 'none'],
    ] as const) {
      const payment = aPayment();
      const attempt = anAttempt(payment, { state });
      assert.deepEqual(viewPayment(payment, attempt, seen).next_action, { type: action });
      assert.deepEqual(viewPayment({ ...payment, state: 'closed', closed_reason: 'expired' }, attempt, seen).next_action, { type: 'none' });
    }
  });
});
