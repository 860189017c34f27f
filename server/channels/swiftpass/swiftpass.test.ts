import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { toFen } from '../../kernel/money.ts';
import { readSettings } from '../account-settings.ts';
import type { Account, Channel, Env, WireRequest } from '../define.ts';
import { parseFlatXml, sortedFields } from '../flat-xml.ts';
import { aCharge, aPayment, aRefund, essence, md5sum, openStand, orderOf, type Stand, waitingOrder } from '../kit/gateway/test-stand.ts';
import { writeXml } from '../kit/gateway/xml.ts';
import { tradeBill } from './bill.ts';
import type { Config } from './config.ts';
import { swiftpass } from './index.ts';
import { chargeCode, queryOrder, reverseOrder } from './orders.ts';
import { queryRefund } from './refunds.ts';
import { swiftpassSimulator } from './simulator.ts';

const env: Env = { now: new Date('2026-11-22T04:00:00Z'), nonce: '0'.repeat(32) };
const answer = (fields: Record<string, string>) => ({ status: 200, headers: {}, body: Buffer.from(writeXml(Object.entries(fields))) });

let stand: Stand<Config>;
let account: Account<Config>;
before(async () => {
  stand = await openStand(swiftpass, (ports) => swiftpassSimulator(ports));
  account = await stand.account();
});
after(() => stand.close());

describe('a charge by payment code', () => {
  const charge = aPayment('wechat_barcode', { auth_code: '134567890123456789' });
  const outcomes: readonly (readonly [string, Record<string, string>, string])[] = [
    ['is final where need_query says N', { status: '0', result_code: '1', err_code: 'NOTENOUGH', need_query: 'N' }, 'refused insufficient_funds'],
    ['is final with need_query N and a code that nobody lists', { status: '0', result_code: '1', err_code: 'BANK4711', need_query: 'N' }, 'refused other'],
    ['as a bank was seen to refuse it', { status: '0', result_code: '1', code: '9999999', err_code: 'NOAUTH', need_query: 'N' }, 'refused merchant_restricted'],
    ['is asked about with the same code and need_query Y', { status: '0', result_code: '1', err_code: 'NOTENOUGH', need_query: 'Y' }, 'ask'],
    ['is asked about without need_query', { status: '0', result_code: '1', err_code: 'NOTENOUGH' }, 'ask'],
    ['waits for a password', { status: '0', result_code: '1', err_code: 'USERPAYING', need_query: 'Y' }, 'waiting'],
    ['is asked about when the communication failed, whatever else it says', { status: '400', result_code: '1', need_query: 'N' }, 'ask'],
    ['is not paid without pay_result 0', { status: '0', result_code: '0', pay_result: '1' }, 'ask'],
  ];
  for (const [name, fields, expected] of outcomes) {
    it(name, () => {
      const fact = chargeCode.outcome(answer(fields), charge, account, env) as { is: string; reason?: string };
      assert.equal(`${fact.is}${fact.reason === undefined ? '' : ` ${fact.reason}`}`, expected);
    });
  }
});

it('a query that failed says nothing of the order', () => {
  const order = orderOf(aPayment('wechat_qr'));
  const fact = queryOrder.outcome(answer({ status: '0', result_code: '1', err_code: 'BANK4711' }), order, account, env) as { is: string };
  assert.equal(fact.is, 'ask');
});

it('a state of another order says nothing of this one', () => {
  const order = orderOf(aPayment('wechat_qr'));
  const of = (out_trade_no: string) =>
    queryOrder.outcome(answer({ status: '0', result_code: '0', trade_state: 'CLOSED', out_trade_no }), order, account, env) as { is: string };
  assert.equal(of(order.channel_order_no).is, 'closed');
  assert.equal(of('ANOTHER').is, 'ask');
});

it('a payment that failed ends a payment code, and no order that is still shown', () => {
  const of = (method: 'wechat_qr' | 'wechat_barcode') =>
    queryOrder.outcome(answer({ status: '0', result_code: '0', trade_state: 'PAYERROR' }), orderOf(aPayment(method)), account, env) as { is: string };
  assert.equal(of('wechat_barcode').is, 'refused');
  assert.equal(of('wechat_qr').is, 'ask');
});

it('that there is no bill is said only by an answer that speaks of it, and believed from noon on', () => {
  const no_bill = (message: string, now: string, status = '400') => {
    const fact = tradeBill.link.outcome(answer({ status, message }), { biz_date: '2026-11-21' }, account, { ...env, now: new Date(now) });
    return (fact as { is: string }).is;
  };
  const noon = '2026-11-22T04:00:00Z';
  assert.equal(no_bill('账单不存在', noon), 'empty');
  assert.equal(no_bill('对账单未生成', '2026-11-22T03:59:59Z'), 'not_ready');
  for (const message of ['签名错误', '商户不存在', 'Signature error', '']) assert.equal(no_bill(message, noon), 'ask', message);
  assert.equal(no_bill('账单不存在', noon, '0'), 'ask');
});

it('retry_flag Y asks for the same reverse again, whatever the result says', () => {
  const order = orderOf(aPayment('wechat_barcode'));
  for (const result_code of ['0', '1']) {
    assert.deepEqual(reverseOrder.outcome(answer({ status: '0', result_code, retry_flag: 'Y' }), order, account, env), { is: 'again' });
  }
});

describe('a refund', () => {
  const refund = aRefund(aPayment('wechat_qr'), { amount_fen: toFen(34) });
  const listed = (status: string, number = refund.channel_refund_no) =>
    answer({ status: '0', result_code: '0', refund_count: '2', out_refund_no_0: 'OTHER', refund_id_0: '1', refund_status_0: 'SUCCESS', refund_fee_0: '1', out_refund_no_1: number, refund_id_1: '2', refund_status_1: status, refund_fee_1: '34', refund_time_1: '20261122120000' }); // biome-ignore format: one answer
  const of = (status: string, number?: string) => queryRefund.outcome(listed(status, number), refund, account, env) as { is: string };
  it('is found by its own number among those of the order', () => {
    assert.deepEqual(of('SUCCESS'), { is: 'succeeded', channel_refund_id: '2', amount_fen: 34n, refunded_at: new Date('2026-11-22T04:00:00Z') });
    assert.equal(of('SUCCESS', 'ANOTHER').is, 'not_found');
  });
  it('is through only by SUCCESS, and failed by nothing that anybody has published', () => {
    assert.equal(of('PROCESSING').is, 'pending');
    for (const status of ['FAIL', 'NOTSURE', 'CHANGE', 'whatever']) assert.equal(of(status).is, 'ask');
  });
});

describe('settings', () => {
  it('name the field that is missing or wrong', () => {
    const given = stand.settingsOf(account);
    const { key: _key, ...without } = given;
    const problems: readonly (readonly [Record<string, unknown>, string])[] = [
      [without, 'key'],
      [{ ...given, mode: 'agent' }, 'sign_agentno'],
      [{ ...given, groupno: '1' }, 'groupno'],
      [{ ...given, sign_type: 'RSA_1_256' }, 'private_key'],
      [{ ...given, bank: 'unionpay_qra', sign_type: 'RSA_1_256' }, 'sign_type'],
      [{ ...given, platform_public_key: 'no key' }, 'platform_public_key'],
      [{ ...given, bank: 'nobank' }, 'bank'],
    ];
    for (const [settings, param] of problems) {
      const read = readSettings(swiftpass as Channel, settings);
      assert.equal('param' in read ? read.param : undefined, param);
    }
  });

  it("choose the bank's own address, and the account's address before it", () => {
    const { gateway_url: _url, ...given } = stand.settingsOf(account);
    for (const [bank, url] of [
      ['cib', 'https://pay.swiftpass.cn/pay/gateway'],
      ['gsbank', 'https://gspay.gsbankchina.com/pay-main/pay/gateway'],
    ]) {
      const read = readSettings(swiftpass as Channel, { ...given, bank });
      assert.ok('config' in read);
      const request = queryOrder.request(orderOf(aPayment('wechat_qr')), { ...account, config: read.config as Config }, env) as WireRequest;
      assert.equal(request.origin + request.path, url);
    }
  });

  it('send the terminal that is registered', async () => {
    const own = await stand.account(undefined, { terminal_id: '123', terminal_type: '07' });
    const input = aPayment('wechat_barcode', { auth_code: '134567890123456789' });
    const { body = '' } = chargeCode.request(input, own, env) as WireRequest;
    assert.equal(parseFlatXml(body).terminal_info, '{"device_type":"07","terminal_id":"123"}');
  });
});

describe('the simulator', () => {
  it('takes the signature that md5sum makes, and no other', async (t) => {
    const { body = '' } = queryOrder.request(orderOf(aPayment('wechat_qr')), account, env) as WireRequest;
    const fields = parseFlatXml(body);
    const text = `${sortedFields(fields)}&key=${String(stand.settingsOf(account).key)}`;
    const made = md5sum(t, text);
    if (made === undefined) return;
    assert.equal(fields.sign, made.toUpperCase());
    const send = async (sign: string) =>
      parseFlatXml(await (await fetch(`${stand.origin}/pay/gateway`, { method: 'POST', body: writeXml(Object.entries({ ...fields, sign })) })).text());
    assert.equal((await send(fields.sign ?? '')).err_code, 'ORDERNOTEXIST');
    const refused = await send(createHash('md5').update(`${text} `).digest('hex').toUpperCase());
    assert.equal(refused.status, '400');
    assert.equal(refused.sign, undefined);
  });

  it('answers in lower-case hex where a bank does, and is believed', async () => {
    const lower = await openStand(swiftpass, (ports) => swiftpassSimulator(ports, { lower_case_signs: true }));
    const own = await lower.account();
    await waitingOrder(lower, own, 'alipay_qr');
    await lower.close();
  });

  it('repeats a notification until the answer is the word, and gives up at the end of its schedule', async () => {
    const own = await openStand(swiftpass, (ports) => swiftpassSimulator(ports, { retry_after_s: [15, 60] }));
    const merchant = await own.account();
    own.answerWith({ status: 200, body: '<xml>success</xml>' });
    const input = await waitingOrder(own, merchant, 'wechat_qr');
    await own.simulator.act(input.channel_order_no, { do: 'pay' });
    await own.delivered(1);
    await own.pass(15_000);
    assert.equal((await own.delivered(2)).length, 2);
    own.answerWith({ status: 200, body: 'success' });
    await own.pass(60_000);
    const all = await own.delivered(3);
    const read = await own.receive(merchant, all[2]);
    assert.ok(read.is === 'read' && read.notification.about === 'payment' && read.notification.fact.is === 'paid');
    await own.close();
  });

  it('goes on after a restart with what its journal holds', async () => {
    const input = await waitingOrder(stand, account, 'wechat_qr');
    const again = await openStand(swiftpass, (ports) => swiftpassSimulator(ports), stand.journal);
    assert.equal(again.simulator.orders().find(({ order_no }) => order_no === input.channel_order_no)?.state, 'NOTPAY');
    await again.close();
  });

  it('finds the wallet of a payment code by itself', async () => {
    for (const [wallet, method] of [
      ['wechat', 'wechat_barcode'],
      ['alipay', 'alipay_barcode'],
      ['unionpay', 'unionpay_barcode'],
      ['bestpay', 'bestpay_barcode'],
      ['qq', 'qq_barcode'],
    ] as const) {
      const charge = aCharge(stand, method, 'pays', wallet);
      assert.equal(essence(await stand.client.pay(account, charge)), 'paid');
      assert.equal(stand.simulator.orders().find(({ order_no }) => order_no === charge.channel_order_no)?.method, method);
    }
  });

  it('asks for the bill of a day where bills are, and tells "not yet" from "none" by the time', async () => {
    const charge = aCharge(stand, 'wechat_barcode', 'pays');
    await stand.client.pay(account, charge);
    const ask = (biz_date: string) => stand.client.bill(account, { kind: 'trade', biz_date });
    stand.clock.set(new Date('2026-11-23T01:00:00Z'));
    assert.equal((await ask('2026-11-22')).is, 'not_ready');
    stand.clock.set(new Date('2026-11-23T04:30:00Z'));
    const bill = await ask('2026-11-22');
    assert.ok(bill.is === 'file');
    const lines = bill.bytes.toString('utf8').split('\r\n');
    assert.match(lines[0] ?? '', /^\ufeff交易时间,公众账号ID/);
    assert.match(lines.find((line) => line.includes(charge.channel_order_no)) ?? '', /^`2026-11-22 .*,`12\.34,/);
    assert.equal((await ask('2026-11-20')).is, 'empty');
  });
});
