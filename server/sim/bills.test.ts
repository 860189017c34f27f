import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isExplained, type Opened, type Real } from './bills.ts';

const at = (time: string) => new Date(`2026-11-22T${time}:00+08:00`);
const opened: Opened = {
  kind: 'late_paid',
  closed_at: null,
  channel_order_no: 'o1',
  biz_date: '2026-11-22',
  at: at('10:00'),
  known_at: at('12:00'),
  opened_at: at('11:00'),
  refunded_at: null,
};
const real: Real = { paid: new Set(['o1', 'o2']), reversed: new Set(['o2']), unreturned: new Set(['o2']) };

describe('a difference in a world whose bills are right', () => {
  const cases: readonly (readonly [is: boolean, what: string, Partial<Opened>])[] = [
    [true, 'money that we came to know of by the bill', {}],
    [false, 'money that we had known of before', { known_at: at('10:30') }],
    [false, 'money that never came', { channel_order_no: 'o3' }],
    [true, 'what the gateway gave back by itself', { kind: 'reversal', channel_order_no: 'o2' }],
    [false, 'a reversal that never was', { kind: 'reversal' }],
    [true, 'a file that was refused, once the right one was taken in', { kind: 'bill_refused', closed_at: at('13:00') }],
    [false, 'a file that is missing still', { kind: 'missing_bill' }],
    [true, 'money at the edge of the day', { kind: 'cut_off', at: at('23:50') }],
    [false, 'money at noon that waits for the next day', { kind: 'cut_off', at: at('12:00') }],
    [true, 'a refund that the gateway carried out a day later', { kind: 'refund_ours_only', refunded_at: new Date('2026-11-23T00:10:00+08:00') }],
    [false, 'a refund that the bill should have', { kind: 'refund_ours_only', refunded_at: at('10:01') }],
    [true, 'a refund that failed at the gateway', { kind: 'refund_hold', channel_order_no: 'o2' }],
    [false, 'a refund that did not fail', { kind: 'state_mismatch' }],
    [false, 'a line that no one knows', { kind: 'orphan' }],
    [false, 'a payment that the bill should have', { kind: 'ours_only' }],
    [false, 'a fee that is not the agreed one', { kind: 'fee_mismatch' }],
  ];
  for (const [is, what, fields] of cases) it(`is ${is ? '' : 'not '}explained: ${what}`, () => assert.equal(isExplained({ ...opened, ...fields }, real), is));
});
