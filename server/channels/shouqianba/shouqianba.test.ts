import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { toFen } from '../../kernel/money.ts';
import { Secret } from '../../kernel/secret.ts';
import type { Account, Env, Settled, UndoFact } from '../define.ts';
import { sortedFields } from '../flat-xml.ts';
import { aCharge, aPayment, aRefund, essence, md5sum, openStand, orderOf, type Stand, waitingOrder } from '../kit/gateway/test-stand.ts';
import { vectorName, vectorsOf } from '../kit/gateway/test-vectors.ts';
import type { Config } from './config.ts';
import { shouqianba } from './index.ts';
import { cancelOrder, chargeCode, queryOrder } from './orders.ts';
import { queryRefund, requestNo, requestRefund } from './refunds.ts';
import { authorization } from './sign.ts';
import { shouqianbaSimulator } from './simulator.ts';

type Vector = { readonly id: string; readonly kind: string; readonly sn?: string; readonly key: string; readonly body: string; readonly authorization: string };
type PageVector = { readonly id: string; readonly kind: string; readonly stringToSign: string; readonly sign: string };
const { cases, skip } = vectorsOf<Vector | PageVector>('shouqianba');
const signed = cases.filter((each): each is Vector => 'authorization' in each);
const links = cases.filter((each): each is PageVector => 'stringToSign' in each);

describe('signatures over the bytes of a body', { skip }, () => {
  for (const { id, kind, sn = '', key, body, authorization: expected } of signed) {
    it(vectorName({ id, kind }), () => {
      assert.equal(authorization(sn, key, body), expected);
      assert.notEqual(authorization(sn, key, `${body} `), expected);
    });
  }
  it('are there', () => assert.ok(signed.length >= 3));
});

describe('links to the WAP page, which is not offered: what is proven is the order of the fields alone', { skip }, () => {
  for (const { id, kind, stringToSign, sign } of links) {
    it(vectorName({ id, kind }), () => {
      const { key, ...fields } = Object.fromEntries(new URLSearchParams(stringToSign));
      const text = `${sortedFields(fields)}&key=${key}`;
      assert.equal(text, stringToSign);
      assert.equal(createHash('md5').update(text).digest('hex').toUpperCase(), sign);
    });
  }
  it('are there', () => assert.equal(links.length + signed.length, cases.length));
});

it('a signature is what another program makes of body and key', (t) => {
  const made = md5sum(t, '{"subject":"茶"}k');
  if (made !== undefined) assert.equal(authorization('1', 'k', '{"subject":"茶"}'), `1 ${made}`);
});

let stand: Stand<Config>;
let account: Account<Config>;
before(async () => {
  stand = await openStand(shouqianba, shouqianbaSimulator);
  account = await stand.account();
});
after(() => stand.close());

const env: Env = { now: new Date(0), nonce: '' };
const said = (biz_response: object) => ({ status: 200, headers: {}, body: Buffer.from(JSON.stringify({ result_code: '200', biz_response })) });
const door = (result_code: string, error_code: string) => ({ status: 200, headers: {}, body: Buffer.from(JSON.stringify({ result_code, error_code })) });
const words = (fact: unknown) => {
  const { is, why, reason, money } = fact as { is: string; why?: string; reason?: string; money?: string };
  return [is, why, reason, money].filter(Boolean).join(' ');
};

describe('what an order is, its order_status says', () => {
  const input = aPayment('wechat_barcode', { auth_code: '130818341921441147' });
  const order = (order_status: string) => ({ client_sn: input.channel_order_no, client_tsn: input.channel_order_no, sn: '7892259488292938', order_status, status: 'SUCCESS', total_amount: '1234', ctime: '1763784000000' }); // biome-ignore format: one order
  for (const [result_code, order_status, error_code, expected] of [
    ['PAY_SUCCESS', 'PAID', '', 'paid'],
    ['PAY_SUCCESS', 'CREATED', '', 'waiting'],
    ['PAY_SUCCESS', 'PAY_ERROR', '', 'ask unlisted'],
    ['PAY_FAIL', 'PAID', '', 'paid'],
    ['PAY_FAIL', 'PAY_CANCELED', 'EXPIRED_BARCODE', 'refused payment_code_expired'],
    ['PAY_FAIL', 'PAY_CANCELED', 'NEVER_SEEN', 'refused other'],
    ['PAY_IN_PROGRESS', 'CREATED', '', 'waiting'],
    ['PAY_FAIL_ERROR', 'PAY_ERROR', '', 'ask unlisted'],
    ['PAY_SUCCESS', 'INVALID_STATUS_CODE', '', 'ask unlisted'],
  ] as const) {
    it(`${result_code} ${order_status} ${error_code} is ${expected}`, () => {
      const answer = said({ result_code, ...(error_code === '' ? {} : { error_code }), data: order(order_status) });
      assert.equal(words(chargeCode.outcome(answer, input, account, env)), expected);
    });
  }
  for (const [answer, expected] of [
    [said({ result_code: 'FAIL', error_code: 'CLIENT_SN_CONFLICT' }), 'ask unlisted'],
    [said({ result_code: 'FAIL', error_code: 'TRADE_HAS_SUCCESS' }), 'ask unlisted'],
    [said({ result_code: 'FAIL', error_code: 'INVALID_BARCODE' }), 'refused payment_code_invalid'],
    [said({ result_code: 'PAY_FAIL_ERROR', error_code: 'INVALID_BARCODE' }), 'ask unlisted'],
    [door('400', 'INVALID_PARAMS'), 'refused configuration_error'],
    [door('400', 'ILLEGAL_SIGN'), 'ask unlisted'],
    [door('500', 'UNKNOWN_SYSTEM_ERROR'), 'ask server_error'],
    [door('500', 'INVALID_PARAMS'), 'ask server_error'],
  ] as const) {
    it(`without an order, ${answer.body} is ${expected}`, () => assert.equal(words(chargeCode.outcome(answer, input, account, env)), expected));
  }
  it('an answer about another order says nothing of this one', () => {
    const other = { ...order('PAID'), client_sn: 'ANOTHER' };
    assert.equal(words(chargeCode.outcome(said({ result_code: 'PAY_SUCCESS', data: other }), input, account, env)), 'ask unreadable');
    assert.equal(words(queryOrder.outcome(said({ result_code: 'SUCCESS', data: other }), orderOf(input), account, env)), 'ask unreadable');
  });
  it('a code of a query is no word on the order', () => {
    const asked = (answer: ReturnType<typeof said>) => words(queryOrder.outcome(answer, orderOf(input), account, env));
    assert.equal(asked(said({ result_code: 'FAIL', error_code: 'UPAY_ORDER_NOT_EXISTS' })), 'not_found');
    assert.equal(asked(said({ result_code: 'FAIL', error_code: 'TRADE_NOT_EXIST' })), 'ask unlisted');
    assert.equal(asked(said({ result_code: 'FAIL', error_code: 'INVALID_BARCODE' })), 'ask unlisted');
    assert.equal(asked(door('400', 'INVALID_PARAMS')), 'ask unlisted');
    for (const status of ['PARTIAL_REFUNDED', 'REFUNDED', 'REFUND_ERROR'])
      assert.equal(asked(said({ result_code: 'SUCCESS', data: order(status) })), 'paid', status);
    for (const status of ['CANCEL_ERROR', 'CANCEL_INPROGRESS', 'PAY_ERROR'])
      assert.equal(asked(said({ result_code: 'SUCCESS', data: order(status) })), 'ask unlisted');
  });
  it('an undoing that is not through is asked for again or about', () => {
    const undone = (biz: object) => words(cancelOrder.outcome(said(biz), orderOf(input), account, env) as Settled<UndoFact>);
    assert.equal(undone({ result_code: 'CANCEL_SUCCESS', data: order('CANCELED') }), 'closed not_said');
    assert.equal(undone({ result_code: 'CANCEL_SUCCESS', data: order('CANCEL_ERROR') }), 'ask unlisted');
    assert.equal(undone({ result_code: 'CANCEL_ABORT_IN_PROGRESS' }), 'again');
    assert.equal(undone({ result_code: 'CANCEL_ABORT_ERROR', error_code: 'UPAY_CANCEL_ORDER_NOOP' }), 'ask unlisted');
    assert.equal(undone({ result_code: 'FAIL', error_code: 'UPAY_CANCEL_ORDER_NOOP' }), 'closed not_said');
    assert.equal(undone({ result_code: 'CANCEL_ERROR', error_code: 'UPAY_TCP_ORDER_NOT_REFUNDABLE' }), 'refused refund_not_allowed');
  });
  it('a refund is no more than the gateway says of it', () => {
    const refund = aRefund(input);
    const sentOff = (biz: object) => words(requestRefund.outcome(said(biz), refund, account, env));
    const data = { ...order('PARTIAL_REFUNDED'), client_tsn: refund.channel_refund_no };
    assert.equal(sentOff({ result_code: 'REFUND_SUCCESS', data }), 'succeeded');
    assert.equal(sentOff({ result_code: 'REFUND_SUCCESS', data: { ...data, order_status: 'REFUND_ERROR' } }), 'ask unlisted');
    assert.equal(sentOff({ result_code: 'REFUND_IN_PROGRESS', data }), 'ask unlisted');
    assert.equal(sentOff({ result_code: 'REFUND_FAIL', error_code: 'ACCOUNT_BALANCE_NOT_ENOUGH' }), 'refused merchant_balance_insufficient');
    for (const error_code of ['REFUNDABLE_AMOUNT_NOT_ENOUGH', 'UPAY_REFUND_INVALID_ORDER_STATE'])
      assert.equal(sentOff({ result_code: 'FAIL', error_code }), 'ask unlisted', 'the first request may have done it');
    const asked = (changes: object) => words(queryRefund.outcome(said({ result_code: 'SUCCESS', data: { ...data, ...changes } }), refund, account, env));
    assert.equal(asked({}), 'succeeded');
    assert.equal(asked({ client_tsn: 'ANOTHER' }), 'not_found');
    assert.equal(asked({ status: 'FAIL_CANCELED', order_status: 'PAID' }), 'refused refund_not_allowed');
    assert.equal(asked({ status: 'FAIL_IO_1', order_status: 'REFUND_ERROR' }), 'ask unlisted');
  });
});

it('a number that is used again is refused there, and is no no', async () => {
  const input = await waitingOrder(stand, account, 'wechat_qr');
  assert.equal(essence(await stand.client.pay(account, input)), 'unknown unlisted');
  assert.equal(essence(await stand.client.query(account, orderOf(input))), 'waiting');
});

it('a QR code that nobody paid is cancelled by the gateway after four minutes', async () => {
  const input = await waitingOrder(stand, account, 'alipay_qr');
  await stand.pass(239_000);
  assert.equal(essence(await stand.client.query(account, orderOf(input))), 'waiting');
  await stand.pass(1_000);
  assert.equal(essence(await stand.client.query(account, orderOf(input))), 'closed');
  assert.equal((await stand.simulator.act(input.channel_order_no, { do: 'pay' })).done, false);
});

it('one refund number is one refund, also when another has come between', async () => {
  const paid = aCharge(stand, 'wechat_barcode', 'pays');
  assert.equal(essence(await stand.client.pay(account, paid)), 'paid');
  const [first, second] = [100, 200].map((fen) => aRefund(paid, { amount_fen: toFen(fen) }));
  assert.ok(first && second);
  assert.equal(requestNo(first.channel_refund_no).length, 20);
  stand.simulator.inject({ kind: 'drop_after', on: 'refund', times: 2 });
  assert.equal(essence(await stand.client.refund(account, first)), 'unknown connection_lost');
  assert.equal(essence(await stand.client.refundQuery(account, first)), 'succeeded');
  assert.equal(essence(await stand.client.refund(account, second)), 'succeeded');
  assert.equal(essence(await stand.client.refundQuery(account, first)), 'not_found', 'the order tells of its last work alone');
  const again = await stand.client.refund(account, first);
  assert.ok(again.fact.is === 'succeeded' && again.fact.amount_fen === first.amount_fen);
  assert.equal(stand.simulator.truth().refunds.filter(({ order_no }) => order_no === paid.channel_order_no).length, 2);
});

it('a store that is told is compared', async () => {
  const paid = aCharge(stand, 'wechat_barcode', 'pays');
  const { fact } = await stand.client.pay(account, paid);
  assert.ok(fact.is === 'paid');
  assert.deepEqual(fact.success.identity, shouqianba.identity(account.config, {}));
  assert.deepEqual(shouqianba.identity({ ...account.config, store_id: undefined } as unknown as Config, {}), {});
});

describe('the life of a terminal', () => {
  const codeOf = (of: Account<Config>) => ({ code: new Secret(stand.simulator.newSessionCode?.(stand.settingsOf(of)) ?? '') });
  const renew = (of: Account<Config>) => stand.client.renewSession(of, { got_at: stand.clock.now() });
  const rolled = async (of: Account<Config>): Promise<Account<Config>> => {
    const fact = await renew(of);
    assert.ok(fact.is === 'session', fact.is);
    return { ...of, session: fact.session };
  };
  const pays = async (of: Account<Config>) => essence(await stand.client.pay(of, aPayment('wechat_qr')));

  it('without a key a payment is refused and nothing is sent, and a question stays open', async () => {
    const { session: _, ...bare } = account;
    const { fact, exchange } = await stand.client.pay(bare, aCharge(stand, 'wechat_barcode', 'pays'));
    assert.ok(fact.is === 'refused' && fact.channel_code === 'HELIU_TERMINAL_NOT_ACTIVATED' && exchange === undefined);
    const paid = await waitingOrder(stand, account, 'wechat_qr');
    assert.equal(essence(await stand.client.query(bare, orderOf(paid))), 'unknown unlisted');
    assert.equal(essence(await stand.client.refund(bare, aRefund(paid))), 'unknown unlisted');
    assert.equal(essence(await stand.client.reverse(bare, { ...orderOf(paid), method: 'wechat_barcode' })), 'unknown unlisted');
  });

  it('an activation code is good once and for a week, and brings a terminal of its own', async () => {
    const once = codeOf(account);
    const fact = await stand.client.openSession(account, once);
    assert.ok(fact.is === 'session' && fact.session.name !== account.session?.name);
    const again = await stand.client.openSession(account, once);
    assert.equal(again.is === 'refused' && again.channel_code, 'ACTIVATION_CODE_USED');
    const own = await openStand(shouqianba, shouqianbaSimulator);
    const merchant = await own.account();
    const old = { code: new Secret(own.simulator.newSessionCode?.(own.settingsOf(merchant)) ?? '') };
    await own.pass(8 * 86_400_000);
    const late = await own.client.openSession(merchant, old);
    assert.equal(late.is === 'refused' && late.channel_code, 'ACTIVATION_CODE_EXPIRED');
    await own.close();
  });

  it('a check-in gives another key; what was signed with the one of before is not taken, and is unknown', async () => {
    const before_roll = await stand.account();
    const after_roll = await rolled(before_roll);
    assert.equal(await pays(before_roll), 'unknown unlisted');
    assert.equal(await pays(after_roll), 'waiting');
    assert.equal((await renew(before_roll)).is, 'refused', 'the new key was used');
  });

  it('the key of before asks again after a lost answer, and not after two', async () => {
    const terminal = await stand.account();
    stand.simulator.inject({ kind: 'drop_after', on: 'keys' });
    assert.equal((await renew(terminal)).is, 'unknown');
    assert.equal(await pays(await rolled(terminal)), 'waiting');
    const unlucky = await stand.account();
    stand.simulator.inject({ kind: 'drop_after', on: 'keys', times: 2 });
    for (const turn of [1, 2]) assert.equal((await renew(unlucky)).is, 'unknown', `${turn}`);
    const lost = await renew(unlucky);
    assert.equal(lost.is === 'refused' && lost.channel_code, 'ILLEGAL_SIGN');
    const fact = await stand.client.openSession(unlucky, codeOf(unlucky));
    assert.ok(fact.is === 'session');
    assert.equal(await pays({ ...unlucky, session: fact.session }), 'waiting');
  });

  it('a busy gateway or one that nobody reaches loses no key', async () => {
    const terminal = await stand.account();
    for (const kind of ['server_error', 'unlisted_code', 'rate_limit', 'html_answer'] as const) {
      stand.simulator.inject({ kind, on: 'keys' });
      assert.equal((await renew(terminal)).is, 'unknown', kind);
    }
    const afterwards = await openStand(shouqianba, shouqianbaSimulator);
    const other = await afterwards.account();
    afterwards.simulator.inject({ kind: 'drop_before', on: 'keys', times: 3 });
    for (const turn of [1, 2, 3]) assert.equal((await afterwards.client.renewSession(other, { got_at: afterwards.clock.now() })).is, 'unknown', `${turn}`);
    assert.equal((await afterwards.client.renewSession(other, { got_at: afterwards.clock.now() })).is, 'session');
    await afterwards.close();
  });

  it('a key is good for its day, and for a check-in after that', async () => {
    const own = await openStand(shouqianba, shouqianbaSimulator);
    const terminal = await own.account();
    assert.equal(shouqianba.session?.renewAt(own.clock.now()).toISOString(), '2026-11-22T16:00:01.000Z');
    assert.equal(shouqianba.session?.renewAt(new Date('2026-11-22T16:00:01Z')).toISOString(), '2026-11-23T16:00:01.000Z');
    await own.pass(12 * 3_600_000);
    assert.equal(essence(await own.client.pay(terminal, aPayment('wechat_qr'))), 'unknown unlisted');
    const fact = await own.client.renewSession(terminal, { got_at: own.clock.now() });
    assert.ok(fact.is === 'session');
    assert.equal(essence(await own.client.pay({ ...terminal, session: fact.session }, aPayment('wechat_qr'))), 'waiting');
    await own.close();
  });

  it('another terminal’s key is no answer', () => {
    const answer = said({ terminal_sn: 'ANOTHER', terminal_key: 'k' });
    assert.equal(words(shouqianba.session?.renew.outcome(answer, { got_at: new Date(0) }, account, env)), 'ask unreadable');
  });
});

it('every value of a request is a text, and none is longer than its field', () => {
  const input = aPayment('alipay_qr', { subject: '长'.repeat(200), notify_url: `https://example.com/${'x'.repeat(200)}` });
  const request = shouqianba.pay.alipay_qr?.request(input, account, env);
  assert.ok(request && 'body' in request && request.body !== undefined);
  const values = JSON.parse(request.body) as Record<string, unknown>;
  for (const [name, value] of Object.entries(values)) assert.equal(typeof value, 'string', name);
  assert.ok(Buffer.byteLength(String(values.subject)) <= 64);
  assert.equal(values.notify_url, undefined, 'the query does without');
});
