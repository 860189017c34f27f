import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { refusal_reasons } from '@heliu/contract';
import type { WireAnswer } from '../define.ts';
import { gateway_codes, pay_codes, refund_codes, undo_codes } from './errors.ts';
import { alipay } from './index.ts';
import { account, answerOf, clock, env, no_trust, wire } from './test-account.ts';
import { aPayment, aRefund, newOrderNo } from './test-gateway.ts';
import { close, reverse } from './trade.ts';

describe('alipay, what is an answer of the gateway', () => {
  const input = aPayment(clock, 'alipay_qr');
  const { verify } = alipay.query;
  const good = answerOf('alipay.trade.query', { code: '10000', msg: 'Success', out_trade_no: input.channel_order_no, trade_status: 'WAIT_BUYER_PAY' });
  const text = good.body.toString();
  const judge = (answer: WireAnswer) => verify(answer, account, no_trust, env, input);

  test('a signed one is', () => assert.equal(judge(good), 'valid'));
  const bad: [string, WireAnswer][] = [
    ['a changed character', wire(text.replace('WAIT_BUYER_PAY', 'TRADE_SUCCESS'))],
    ['no signature', wire(text.replace(/,"sign":"[^"]+"/, ''))],
    ['an empty signature', wire(text.replace(/"sign":"[^"]+"/, '"sign":""'))],
    ['a signature that is not text', wire(text.replace(/"sign":"[^"]+"/, '"sign":{"a":1}'))],
    ['a second node of the same name', wire(text.replace('{"alipay', '{"alipay_trade_query_response":{"code":"10000"},"alipay'))],
    ['the node of another API', wire(text.replace('trade_query_response', 'trade_close_response'))],
    ['another status', wire(text, 502)],
    ['a page', wire('<html></html>')],
    ['half of it', wire(text.slice(0, text.length / 2))],
    ['nothing', wire('')],
    ['bytes that are no text', { status: 200, headers: {}, body: Buffer.from([0xff, 0xfe, 0x7b]) }],
  ];
  for (const [what, answer] of bad) test(`${what} is none`, () => assert.equal(judge(answer), 'invalid'));

  test('an unsigned "unknown application" is believed by nobody', () => {
    const body = '{"alipay_trade_query_response":{"code":"40002","msg":"Invalid Arguments","sub_code":"isv.invalid-app-id","sub_msg":"无效的AppID参数"}}';
    assert.equal(judge(wire(body)), 'invalid');
  });
});

describe('alipay, what an answer settles', () => {
  const order = aPayment(clock, 'alipay_barcode', { auth_code: '280000000000000001' });
  const outcome = (operation: { outcome: unknown }, api: string, node: Record<string, unknown>, input: unknown = order) =>
    (operation.outcome as (...args: unknown[]) => { is: string })(answerOf(api, node), input, account, env);
  const failed = (sub_code: string) => ({ code: '40004', msg: 'Business Failed', sub_code, sub_msg: '说明' });
  const barcode = alipay.pay.alipay_barcode ?? assert.fail();

  test('every listed code has a reason of the contract, or is asked about', () => {
    for (const table of [pay_codes, refund_codes, undo_codes, gateway_codes]) {
      for (const [code, entry] of Object.entries(table)) {
        if (entry.final === 'no') assert.ok(entry.reason in refusal_reasons, code);
      }
    }
  });

  for (const [code, entry] of Object.entries({ ...gateway_codes, ...pay_codes })) {
    test(`pay: ${code} ${entry.final === 'no' ? `is refused as ${entry.reason}` : 'is asked about'}`, () => {
      const fact = outcome(barcode, 'alipay.trade.pay', failed(code)) as { is: string; reason?: string; channel_code?: string };
      assert.equal(fact.is, entry.final === 'no' ? 'refused' : 'ask');
      if (entry.final === 'no') assert.deepEqual([fact.reason, fact.channel_code], [entry.reason, code]);
    });
  }

  for (const sub_code of [...Object.keys(gateway_codes), ...Object.keys(pay_codes), 'ACQ.NEVER_SEEN_BEFORE']) {
    test(`query: ${sub_code} refuses no payment`, () => assert.equal(outcome(alipay.query, 'alipay.trade.query', failed(sub_code)).is, 'ask'));
  }

  const refund = aRefund(clock, order);
  for (const code of Object.keys(gateway_codes)) {
    test(`refund: ${code} settles nothing, for the send before may have come through`, () =>
      assert.equal(outcome(alipay.refund, 'alipay.trade.refund', failed(code), refund).is, 'ask'));
  }

  const unlisted: [string, { outcome: unknown }, string][] = [
    ['pay', barcode, 'alipay.trade.pay'],
    ['close', close, 'alipay.trade.close'],
    ['reverse', reverse, 'alipay.trade.cancel'],
    ['refund', alipay.refund, 'alipay.trade.refund'],
    ['refundQuery', alipay.refundQuery, 'alipay.trade.fastpay.refund.query'],
  ];
  for (const [name, operation, api] of unlisted) {
    test(`CF-28 ${name}: an unlisted code is asked about`, () => assert.equal(outcome(operation, api, failed('ACQ.NEVER_SEEN_BEFORE'), refund).is, 'ask'));
    test(`CF-28 ${name}: names that every object has are no codes`, () => assert.equal(outcome(operation, api, failed('constructor'), refund).is, 'ask'));
  }

  const closed = { code: '10000', msg: 'Success', out_trade_no: order.channel_order_no, trade_no: 'T1', trade_status: 'TRADE_CLOSED', total_amount: '88.88' };
  test('a closed order without a payment is closed', () =>
    assert.deepEqual(outcome(alipay.query, 'alipay.trade.query', { ...closed, receipt_amount: '0.00' }), { is: 'closed' }));
  test('a closed order with a time and money was paid', () => {
    const fact = outcome(alipay.query, 'alipay.trade.query', { ...closed, receipt_amount: '88.88', send_pay_date: '2026-11-22 11:00:00' });
    assert.equal(fact.is, 'paid');
  });
  test('what the gateway charges is kept where it says so, and is no reason to doubt a payment', () => {
    const paid = { ...closed, trade_status: 'TRADE_SUCCESS', send_pay_date: '2026-11-22 11:00:00' };
    const feeOf = (more: object) => {
      const fact = outcome(alipay.query, 'alipay.trade.query', { ...paid, ...more }) as { is: string; success?: { fee_fen?: bigint } };
      assert.equal(fact.is, 'paid');
      return fact.success?.fee_fen;
    };
    assert.deepEqual([feeOf({ charge_amount: '0.53' }), feeOf({}), feeOf({ charge_amount: 'later' })], [53n, undefined, undefined]);
  });
  for (const half of [{ receipt_amount: '88.88' }, { send_pay_date: '2026-11-22 11:00:00' }]) {
    test(`a closed order with only ${Object.keys(half)} is asked about`, () =>
      assert.equal(outcome(alipay.query, 'alipay.trade.query', { ...closed, ...half }).is, 'ask'));
  }
  test('CF-28 a state that is not known is asked about', () =>
    assert.equal(outcome(alipay.query, 'alipay.trade.query', { ...closed, trade_status: 'TRADE_PENDING' }).is, 'ask'));
  test('an answer about another order is unreadable', () => {
    assert.throws(() => outcome(alipay.query, 'alipay.trade.query', { ...closed, out_trade_no: newOrderNo() }), /another order/);
  });
  for (const total_amount of ['88.888', '8.888e1', ' 88.88', '', 88.88]) {
    test(`an amount written ${JSON.stringify(total_amount)} is unreadable`, () => {
      assert.throws(() =>
        outcome(alipay.query, 'alipay.trade.query', { ...closed, trade_status: 'TRADE_SUCCESS', send_pay_date: '2026-11-22 11:00:00', total_amount }),
      );
    });
  }
  test('a cancel that asks to be repeated is repeated', () => {
    const again = { code: '10000', msg: 'Success', out_trade_no: order.channel_order_no, retry_flag: 'Y' };
    assert.deepEqual(outcome(reverse, 'alipay.trade.cancel', again), { is: 'again' });
  });
  test('numbers sent upstream fit their length and alphabet', () => {
    const step = alipay.query.request({ ...order }, account, env) as { then: (signature: string) => { body: string } };
    const content = JSON.parse(new URLSearchParams(step.then('x').body).get('biz_content') ?? '');
    assert.match(content.out_trade_no, /^[0-9A-Z]{1,64}$/);
  });
});
