import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RefusalReason } from '@heliu/contract';
import type { PaymentFact, UnknownCause } from '../../kernel/outcome.ts';
import { addMs } from '../../kernel/time.ts';
import type { Attempt } from '../attempt.ts';
import { anAttempt, anEnv, aPayment, aSuccess, at } from '../testing/builders.ts';
import { decideFailover, decideNext, mayBeEnded, notTaken } from './decide-failover.ts';

const unknown = (cause: UnknownCause): PaymentFact => ({ is: 'unknown', cause });
const refused = (reason: RefusalReason): PaymentFact => ({ is: 'refused', reason, channel_code: 'X' });
const causes: readonly UnknownCause[] = ['timeout', 'connection_lost', 'unverified', 'unreadable', 'unlisted', 'server_error', 'rate_limited'];

describe('an account certainly did not take an order', () => {
  it('of which no byte left, or which it refused for its own sake', () => {
    assert.equal(notTaken(unknown('not_sent')), 'unsent');
    for (const reason of ['method_not_enabled', 'merchant_restricted', 'configuration_error'] as const) assert.equal(notTaken(refused(reason)), 'refused');
  });
  it('and never because of silence, of a payer, or of an order that is open', () => {
    for (const cause of causes) assert.equal(notTaken(unknown(cause)), undefined, cause);
    const others: PaymentFact[] = [
      refused('insufficient_funds'),
      { is: 'waiting' },
      { is: 'not_found' },
      { is: 'closed' },
      { is: 'paid', success: aSuccess() },
    ];
    for (const fact of others) assert.equal(notTaken(fact), undefined, fact.is);
  });
});

describe('an order without a known outcome is ended for another account', () => {
  const payment = aPayment();
  const sent = (fields: Partial<Attempt> = {}) => anAttempt(payment, { state: 'sending', ...fields });
  it('when the answer failed soon, whatever failed', () => {
    for (const cause of causes) assert.ok(mayBeEnded(sent(), unknown(cause), addMs(at, 2_999)), cause);
  });
  it('never when a payment code was sent, a deadline passed, or the outcome is known', () => {
    assert.ok(!mayBeEnded(sent({ method: 'wechat_barcode' }), unknown('server_error'), at), 'it may have been charged');
    assert.ok(!mayBeEnded(sent(), unknown('timeout'), addMs(at, 3_000)));
    assert.ok(!mayBeEnded(sent(), unknown('not_sent'), at));
    assert.ok(!mayBeEnded(sent(), { is: 'waiting' }, at));
  });
});

describe('the next account is asked', () => {
  for (const state of ['sending', 'waiting', 'succeeded'] as const) {
    it(`not while the order of the first one is ${state}`, () => {
      const payment = aPayment();
      const first = anAttempt(payment, { state });
      assert.equal(decideNext({ payment, attempts: [first] }, { attempt_id: first.id, next: anAttempt(payment, { state: 'sending' }) }, anEnv()), undefined);
    });
  }
  it('once it is closed or refused', () => {
    for (const state of ['closed', 'refused'] as const) {
      const payment = aPayment();
      const first = anAttempt(payment, { state });
      const change = decideNext({ payment, attempts: [first] }, { attempt_id: first.id, next: anAttempt(payment, { state: 'sending' }) }, anEnv());
      assert.ok(change && 'new_attempt' in change, state);
    }
  });
  it('not after anybody else has touched the first one, nor when the lease is about to end', () => {
    const payment = aPayment();
    const next = anAttempt(payment, { state: 'sending' });
    const decide = (fields: Partial<Attempt>, now = at) => {
      const first = anAttempt(payment, { state: 'sending', ...fields });
      return decideFailover({ payment, attempts: [first] }, { attempt_id: first.id, fact: unknown('not_sent'), not_taken: 'unsent', next }, anEnv(now));
    };
    assert.ok(decide({}));
    for (const touched of [{ state: 'waiting' }, { version: 2 }, { query_tries: 1 }] as const)
      assert.equal(decide(touched), undefined, JSON.stringify(touched));
    assert.equal(decide({}, addMs(at, 15_000)), undefined);
  });
});
