import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Attempt } from '../attempt.ts';
import { anAttempt, aPayment, at } from '../testing/builders.ts';
import { isTwin } from './twin.ts';

const is = (fields: Partial<Attempt>) => isTwin(anAttempt(aPayment(), { method: 'alipay_qr', ...fields }), {}, { method: 'alipay_qr' }, at);

it('a second tap gets the attempt that is there, unless it has nothing to show', () => {
  assert.equal(is({ next_action: { type: 'show_qr', qr_content: 'x' } }), true);
  assert.equal(is({ state: 'sending', next_action: { type: 'wait' } }), true);
  assert.equal(is({ state: 'sending', next_action: { type: 'new_attempt' } }), false);
  assert.equal(is({ method: 'wechat_qr' }), false);
});
