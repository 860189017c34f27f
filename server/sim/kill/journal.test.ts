import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Acknowledged, type Held, type Journal, judge, newJournal } from './journal.ts';

const create: Acknowledged = { what: 'create', key: 'k1', path: '/v1/payments', body: '{"amount_fen":100}', status: 201, text: '{}', id: 'pay_1' };
const refund: Acknowledged = { what: 'refund', key: 'k2', path: '/v1/refunds', body: '{}', status: 201, text: '{}', id: 'ref_1' };
const close: Acknowledged = { what: 'close', key: 'k3', path: '/v1/payments/pay_1/close', body: '{}', status: 200, text: '{}', id: 'pay_1' };

const whole: Held = {
  payments: new Map([['pay_1', { state: 'paid', merchant_order_no: 'no-1', amount_fen: 100 }]]),
  refunds: new Map([['ref_1', { state: 'succeeded' }]]),
  taken: new Map([['pay_1', 1]]),
  told: new Map([['pay_1', new Set(['evt_1'])]]),
};
const aJournal = (acknowledged: Acknowledged[]): Journal => ({ ...newJournal(), acknowledged, paid: new Set(['pay_1']) });

describe('the merchant\u2019s journal', () => {
  it('finds nothing where everything acknowledged is held once', () => {
    assert.deepEqual(judge(aJournal([create, refund]), whole), { lost: [], doubled: [] });
  });

  const losses: readonly (readonly [string, Partial<Held>, readonly string[]])[] = [
    ['a payment that is not there', { payments: new Map() }, ['create pay_1', 'money of pay_1']],
    ['a payment of another amount', { payments: new Map([['pay_1', { state: 'paid', merchant_order_no: 'no-1', amount_fen: 99 }]]) }, ['create pay_1']],
    ['a refund that is not there', { refunds: new Map() }, ['refund ref_1']],
    [
      'money that did not make it paid',
      { payments: new Map([['pay_1', { state: 'closed', merchant_order_no: 'no-1', amount_fen: 100 }]]) },
      ['money of pay_1'],
    ],
    ['money that the gateway does not know', { taken: new Map() }, ['money of pay_1']],
    ['news that never came', { told: new Map() }, ['news of pay_1']],
  ];
  for (const [name, change, lost] of losses) {
    it(`I-37 finds ${name}`, () => {
      assert.deepEqual(judge(aJournal([create, refund]), { ...whole, ...change }).lost, lost);
    });
  }

  it('I-37 finds a close that was acknowledged and did not take place', () => {
    const open = new Map([['pay_1', { state: 'pending', merchant_order_no: 'no-1', amount_fen: 100 }]]);
    assert.deepEqual(judge({ ...aJournal([close]), paid: new Set() }, { ...whole, payments: open }).lost, ['close pay_1']);
  });

  const doubles: readonly (readonly [string, Partial<Held>, readonly string[]])[] = [
    ['money that was taken twice', { taken: new Map([['pay_1', 2]]) }, ['money of pay_1']],
    ['news that was told as two events', { told: new Map([['pay_1', new Set(['evt_1', 'evt_2'])]]) }, ['news of pay_1']],
    [
      'two payments of one order',
      { payments: new Map([...whole.payments, ['pay_2', { state: 'pending', merchant_order_no: 'no-1', amount_fen: 100 }]]) },
      ['order no-1'],
    ],
  ];
  for (const [name, change, doubled] of doubles) {
    it(`I-04 finds ${name}`, () => {
      assert.deepEqual(judge(aJournal([create, refund]), { ...whole, ...change }).doubled, doubled);
    });
  }

  it('finds two keys that were answered with one payment', () => {
    assert.deepEqual(judge(aJournal([create, { ...create, key: 'other' }]), whole).doubled, ['create pay_1']);
  });
});
