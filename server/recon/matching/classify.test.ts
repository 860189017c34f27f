import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { channels } from '../../channels/registry.ts';
import type { Fen } from '../../kernel/money.ts';
import { disputed } from '../postings/draft.ts';
import { day_ms, type Expectations, judgeLine, judgeMissing, type Missing, type StoredLine } from './classify.ts';

const paid: Missing = {
  object_id: 'att_1',
  payment_id: 'pay_1',
  of: 'payment',
  state: 'succeeded',
  amount_fen: 5000n as Fen,
  channel_transaction_id: 't1',
  channel_order_no: 'o1',
  at: new Date('2026-11-21T23:10:00+08:00'),
};
const endOf = (channel: string): number => channels.get(channel)?.bills?.trade?.day_ends_ms ?? day_ms;

describe('the cut-off of a day', () => {
  const cases: readonly (readonly [channel: string, time: string, next_matched: boolean, kind: string])[] = [
    // Its clearing day ends at 23:00: what is booked later is in the bill of the next day.
    ['unionpay', '23:10', false, 'cut_off'],
    ['unionpay', '22:45', false, 'cut_off'],
    ['unionpay', '22:15', false, 'ours_only'],
    ['unionpay', '23:10', true, 'ours_only'],
    ['wechatpay', '23:10', false, 'ours_only'],
    ['wechatpay', '23:40', false, 'cut_off'],
    ['alipay', '23:10', false, 'ours_only'],
  ];
  for (const [channel, time, next_matched, kind] of cases)
    it(`is the channel's: ${channel}, ${time}${next_matched ? ', and the next bill has it neither' : ''}: ${kind}`, () => {
      const missing = { ...paid, at: new Date(`2026-11-21T${time}:00+08:00`) };
      assert.equal(judgeMissing(missing, '2026-11-21', { next_matched, ends_ms: endOf(channel) }).kind, kind);
    });
});

describe('a line of which nobody knows what it was for', () => {
  const line: StoredLine = {
    bill_id: 'bil_1',
    line: 7,
    kind: 'other',
    direction: 'in',
    state: 'succeeded',
    object_id: null,
    channel_order_no: 'theirs',
    channel_transaction_id: 't2',
    channel_refund_no: null,
    channel_refund_id: null,
    flow_no: 'f2',
    amount_fen: 900n as Fen,
    settled_fen: 900n as Fen,
    fee_millifen: 0n,
    fee_rate_ppm: null,
    currency: 'CNY',
    receiver: 'm',
    at: paid.at,
  };
  const expected: Expectations = { biz_date: '2026-11-21', receiver: 'm', merchant_code: 'abcdef', fee: null, fee_rounding: 'line' };
  const suspense = (of: 'payment' | 'refund' | 'other', bill_fen: Fen) =>
    disputed({ id: '', kind: 'orphan', channel: '', channel_account_id: '', biz_date: '', of, our_fen: 0n as Fen, bill_fen, detail: {} });

  it('counts as what came in or what went out, by its direction, and what came in is owed to us', () => {
    for (const [direction, of, owed] of [
      ['in', 'payment', -900n],
      ['out', 'refund', 900n],
    ] as const) {
      const verdict = judgeLine({ ...line, direction }, undefined, expected, false);
      assert.ok(verdict.is === 'finding');
      assert.deepEqual([verdict.finding.kind, verdict.finding.of, verdict.finding.bill_fen], ['orphan', of, 900n]);
      // Below zero: the receivable is more than our books say.
      assert.equal(suspense(verdict.finding.of, verdict.finding.bill_fen), owed);
    }
  });

  it('is found as itself, also beside another of the same order', () => {
    const names = ['t2', 't3'].map((channel_transaction_id) => {
      const verdict = judgeLine({ ...line, channel_transaction_id }, undefined, expected, false);
      return verdict.is === 'finding' ? verdict.finding.name : undefined;
    });
    assert.deepEqual(names, ['other t2', 'other t3']);
  });
});
