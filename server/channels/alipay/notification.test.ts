import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import iconv from 'iconv-lite';
import { readForm } from './form.ts';
import { alipay } from './index.ts';
import { signed_without, stringToSign } from './sign.ts';
import { account, config, env, no_trust, signText } from './test-account.ts';
import { newOrderNo } from './test-gateway.ts';

describe('alipay, what is a notification of the gateway', () => {
  const params = {
    notify_time: '2026-11-22 12:00:01',
    notify_type: 'trade_status_sync',
    notify_id: '2026112200222101500000000000000001',
    charset: 'utf-8',
    version: '1.0',
    app_id: config.app_id,
    auth_app_id: config.app_id,
    seller_id: config.seller_id,
    trade_no: '2026112222001400000000000001',
    out_trade_no: newOrderNo(),
    trade_status: 'TRADE_SUCCESS',
    total_amount: '88.88',
    buyer_pay_amount: '80.00',
    gmt_payment: '2026-11-22 12:00:00',
    subject: '停车费 A&B=1+1 100% ',
  };
  const encoded = (fields: Record<string, string>) => new URLSearchParams(fields).toString();
  const signedForm = (fields: Record<string, string>, sign_type = 'RSA2') =>
    encoded({ ...fields, sign_type, sign: signText(stringToSign(Object.entries(fields), signed_without.v1)) });
  const message = (body: string | Buffer) => ({ path: '/notify', headers: {}, body: Buffer.from(body as string) });
  const judge = (body: string | Buffer) => alipay.notification.verify(message(body), account, no_trust, env);
  const read = (fields: Record<string, string>) => alipay.notification.read(message(signedForm(fields)), account, env);

  test('a signed one is, and names order, amount, payer and receiver from its signed content', () => {
    assert.equal(judge(signedForm(params)), 'valid');
    assert.deepEqual(read(params), {
      about: 'payment',
      channel_order_no: params.out_trade_no,
      fact: {
        is: 'paid',
        success: {
          channel_transaction_id: params.trade_no,
          amount_fen: 8888n,
          currency: 'CNY',
          payer_amount_fen: 8000n,
          paid_at: new Date('2026-11-22T04:00:00Z'),
          identity: { app_id: config.app_id, auth_app_id: config.app_id, seller_id: config.seller_id },
        },
      },
    });
  });

  const whole = signedForm(params);
  const refused: [string, string | Buffer][] = [
    ['B-01 no signature', encoded(params)],
    ['B-01 a signature of nothing', `${encoded(params)}&sign_type=RSA2&sign=AAAA`],
    ['B-01 the old signature type', signedForm(params, 'RSA')],
    ['an amount changed', whole.replace('88.88', '88.89')],
    ['a parameter added', `${whole}&body=x`],
    ['a parameter removed', whole.replace(/&buyer_pay_amount=[^&]+/, '')],
    ['a trailing space removed', whole.replace('%25+', '%25')],
    ['B-08 the order number twice, the same', `${whole}&out_trade_no=${params.out_trade_no}`],
    ['B-08 the order number twice, another', `out_trade_no=${newOrderNo()}&${whole}`],
    ['B-08 the signature twice', `${whole}&sign=AAAA`],
    ['B-08 a name in another encoding', `${whole}&%6Fut_trade_no=X`],
    ['a broken escape', `${whole}&body=%ZZ`],
    ['a charset that is not known', whole.replace('charset=utf-8', 'charset=utf-7')],
    ['nothing', ''],
    ['JSON', JSON.stringify(params)],
    ['bytes', Buffer.from([0x73, 0xff, 0x3d])],
  ];
  for (const [what, body] of refused) test(`refused: ${what}`, () => assert.equal(judge(body), 'invalid'));

  test('GBK is verified over its own bytes and read', () => {
    const gbk = { ...params, charset: 'GBK' };
    const bytes = iconv.encode(stringToSign(Object.entries(gbk), signed_without.v1), 'gbk');
    const escaped = (text: string) => [...iconv.encode(text, 'gbk')].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
    const body = Object.entries({ ...gbk, sign_type: 'RSA2', sign: signText(bytes) }).map(([name, value]) => `${name}=${escaped(value)}`);
    assert.equal(judge(body.join('&')), 'valid');
    assert.equal(alipay.notification.read(message(body.join('&')), account, env).about, 'payment');
  });

  test('B-02 money for another receiver goes to the shared verifier as what it is', () => {
    const fact = read({ ...params, seller_id: '2088000000000009' });
    assert.ok(fact.about === 'payment' && fact.fact.is === 'paid');
    assert.equal(fact.fact.success.identity.seller_id, '2088000000000009');
  });

  test("B-04 another merchant's close is none of ours", () => {
    const { gmt_payment, ...unpaid } = params;
    assert.ok(gmt_payment);
    assert.equal(read({ ...unpaid, trade_status: 'TRADE_CLOSED', seller_id: '2088000000000009' }).about, 'nothing');
    assert.deepEqual(read({ ...unpaid, trade_status: 'TRADE_CLOSED' }), { about: 'payment', channel_order_no: params.out_trade_no, fact: { is: 'closed' } });
  });

  test('a full refund is no close and no second payment', () => {
    const fact = read({ ...params, trade_status: 'TRADE_CLOSED', refund_fee: '88.88', gmt_refund: '2026-11-22 13:00:00.123', out_biz_no: 'R1' });
    assert.ok(fact.about === 'refund');
    assert.deepEqual([fact.channel_refund_no, fact.fact.is], ['R1', 'ask']);
    const nameless = read({ ...params, trade_status: 'TRADE_CLOSED', refund_fee: '88.88' });
    assert.ok(nameless.about === 'payment' && nameless.fact.is === 'ask');
  });

  test('CF-28 a state that is not known settles nothing, and other kinds of message are for others', () => {
    const fact = read({ ...params, trade_status: 'TRADE_PENDING' });
    assert.ok(fact.about === 'payment' && fact.fact.is === 'ask');
    assert.equal(read({ ...params, notify_type: 'dut_user_sign' }).about, 'nothing');
  });

  test('is answered with exactly seven characters', () => {
    assert.deepEqual(alipay.notification.reply.ok, { status: 200, content_type: 'text/plain', body: 'success' });
    assert.ok(alipay.notification.reply.failed.status >= 400);
  });
});

test('a form keeps what is literal: a plus that was escaped, a percent, a trailing space', () => {
  const form = readForm(Buffer.from('a=%2B+%25%20&b=&c'));
  assert.deepEqual(
    [...(form ?? [])],
    [
      ['a', '+ % '],
      ['b', ''],
      ['c', ''],
    ],
  );
});
