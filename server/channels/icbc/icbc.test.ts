import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { Account, InboundMessage, Signable, WireAnswer, WireRequest } from '../define.ts';
import { publicKeyOf } from '../keys.ts';
import { aPayment, aRefund, openStand, orderOf, type Stand } from '../kit/gateway/test-stand.ts';
import { vectorName, vectorsOf } from '../kit/gateway/test-vectors.ts';
import type { Config } from './config.ts';
import { icbc } from './index.ts';
import { notification } from './notifications.ts';
import { pay, query } from './orders.ts';
import { refundQuery } from './refunds.ts';
import { isGateways, replyText, signedPart, stringToSign } from './sign.ts';
import { icbcSimulator } from './simulator.ts';

type Vector = {
  readonly id: string;
  readonly kind: string;
  readonly keys: { readonly sampleKeyPair: { readonly publicSpkiBase64: string } };
  readonly path?: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly algorithm?: string;
  readonly stringToSign?: string;
  readonly signedText?: string;
  readonly body?: string;
  readonly sign: string;
};
const { cases, skip } = vectorsOf<Vector>('icbc');

describe('published vectors', { skip }, () => {
  for (const { id, kind, keys, path, params, algorithm, stringToSign: text, signedText, body, sign } of cases) {
    it(vectorName({ id, kind }), () => {
      const key = keys.sampleKeyPair.publicSpkiBase64;
      if (path !== undefined && params !== undefined) {
        assert.equal(stringToSign(path, params), text);
        const digest = algorithm === 'RSA-SHA256' ? 'sha256' : 'sha1';
        assert.ok(verify(digest, Buffer.from(text ?? ''), publicKeyOf(key), Buffer.from(sign, 'base64')));
        assert.notEqual(stringToSign(`${path}/`, params), text, 'the path is signed');
      } else if (signedText?.startsWith('"')) {
        assert.equal(replyText('m20261121002'), signedText);
        assert.equal(`{${replyText('m20261121002')},"sign":"${sign}"}`, body);
        assert.ok(isGateways(signedText, sign, key));
      } else {
        assert.equal(signedPart(body ?? ''), signedText);
        assert.ok(isGateways(signedText ?? '', (JSON.parse(body ?? '') as { sign: string }).sign, key));
      }
    });
  }
  it('are there', () => assert.ok(cases.length >= 5));
});

let stand: Stand<Config>;
let account: Account<Config>;
before(async () => {
  stand = await openStand(icbc, icbcSimulator);
  account = await stand.account();
});
after(() => stand.close());

const env = { now: new Date('2026-11-22T04:00:00Z'), nonce: '0'.repeat(32) };
/** As the outcome sees it: its signature was verified before. */
const answer = (biz: object): WireAnswer => ({
  status: 200,
  headers: {},
  body: Buffer.from(`{"response_biz_content":${JSON.stringify({ return_code: 0, ...biz })},"sign":"x"}`),
});

it('a request is a form, signed together with the path of its call and not with the gateway’s own', () => {
  const step = pay.wechat_jsapi.request(aPayment('wechat_jsapi', { payer_id: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o' }), account, env) as Signable<WireRequest>;
  assert.match(step.sign.message, /^\/api\/cardbusiness\/aggregatepay\/b2c\/online\/consumepurchase\/V1\?app_id=/);
  assert.equal(step.sign.digest, 'sha256');
  const { body } = step.then('c2ln');
  const fields = Object.fromEntries(new URLSearchParams(body));
  assert.equal(fields.sign, 'c2ln');
  assert.equal(fields.timestamp, '2026-11-22 12:00:00');
  const biz = JSON.parse(fields.biz_content ?? '') as Record<string, string>;
  assert.equal(biz.orig_date_time?.length, 19);
  assert.deepEqual([biz.pay_mode, biz.access_type, biz.fee_type, biz.notify_type], ['9', '7', '001', 'HS']);
});

describe('states', () => {
  const paid = { mer_id: 'M', order_id: 'T1', total_amt: '100', payment_amt: '90', pay_time: '20261122120001' };
  const asked = (method: 'aggregate_qr' | 'wechat_jsapi' | 'wechat_barcode', pay_status: string, after_ms: number, of = account) => {
    const payment = aPayment(method);
    const at = { ...env, now: new Date(payment.expires_at.getTime() + after_ms) };
    return query.outcome(answer({ ...paid, out_trade_no: payment.channel_order_no, pay_status }), orderOf(payment), of, at) as { is: string };
  };

  it('CF-28 of the two families contradict each other: 1 is paid in the one and failed in the other', () => {
    assert.deepEqual(
      ['0', '1', '2', '3', '9'].map((code) => asked('aggregate_qr', code, -1).is),
      ['waiting', 'paid', 'waiting', 'closed', 'ask'],
    );
    assert.deepEqual(
      ['0', '1', '2', '3', '9'].map((code) => asked('wechat_jsapi', code, -1).is),
      ['paid', 'waiting', 'waiting', 'ask', 'ask'],
    );
  });

  it('a failed try ends an order only when its time is over, and a payment code at once', () => {
    assert.deepEqual(
      [asked('aggregate_qr', '2', -1).is, asked('aggregate_qr', '2', 1).is, asked('wechat_barcode', '2', -1).is],
      ['waiting', 'closed', 'refused'],
    );
  });

  it('an order that is still unpaid ends some time after its own, a payment code never', () => {
    assert.deepEqual(
      [asked('aggregate_qr', '0', 1).is, asked('aggregate_qr', '0', 600_001).is, asked('wechat_barcode', '0', 600_001).is],
      ['waiting', 'closed', 'waiting'],
    );
  });

  it('are asked about for ever where the settings do not say what they mean, and nothing is sent', () => {
    const { qr_states: _states, ...config } = account.config;
    const without = { ...account, config };
    assert.equal(asked('aggregate_qr', '1', -1, without).is, 'ask');
    const step = pay.aggregate_qr.request(aPayment('aggregate_qr'), without, env) as { local: { reason: string } };
    assert.equal(step.local.reason, 'configuration_error');
  });

  it('of refunds are read from the list of the order’s refunds; one that is not in it does not exist', () => {
    const refund = aRefund(aPayment('aggregate_qr'));
    const listed = (status: string, reject_no = refund.channel_refund_no) =>
      refundQuery.outcome(
        answer({ refund_json_list: JSON.stringify([{ reject_no, reject_status: status, reject_amt: '100', icbc_reject_sq: 'R1' }]) }),
        refund,
        account,
        env,
      ) as { is: string };
    assert.deepEqual(
      ['0', '1', '2', '7'].map((status) => listed(status).is),
      ['pending', 'succeeded', 'refused', 'ask'],
    );
    assert.equal(listed('1', 'ANOTHER').is, 'not_found');
  });

  it('settings that give a code two meanings, or none that is paid, are refused by name', async () => {
    for (const [qr_states, problem] of [
      ['done=1,failed=1', /two meanings/],
      ['waiting=0', /means done/],
      ['paid=1', /qr_states/],
    ] as const) {
      await assert.rejects(stand.account(undefined, { qr_states }), problem);
    }
  });
});

describe('a notification', () => {
  it('is the bank’s only at the path that it signed', async () => {
    const payment = aPayment('aggregate_qr');
    assert.equal((await stand.client.pay(account, payment)).fact.is, 'waiting');
    assert.deepEqual(await stand.simulator.act(payment.channel_order_no, { do: 'pay' }), { done: true });
    const [sent] = await stand.delivered(1);
    const at = (path: string): InboundMessage => ({ path, headers: {}, body: Buffer.from(sent?.body ?? '') });
    const { pathname } = new URL(payment.notify_url);
    assert.equal(notification.verify(at(pathname), account, new Map(), env), 'valid');
    for (const path of [`${pathname}/`, '/', '', pathname.toUpperCase(), `/prefix${pathname}`]) {
      assert.equal(notification.verify(at(path), account, new Map(), env), 'invalid', path);
    }
    const read = notification.read(at(pathname), account, env);
    assert.ok(read.about === 'payment' && read.fact.is === 'paid');
    const { ok } = notification.reply;
    assert.ok(typeof ok === 'function');
    const step = ok(at(pathname), account, env) as Signable<{ body: string }>;
    assert.equal(step.sign.digest, 'sha1');
    assert.ok(createPublicKey(step.sign.key).asymmetricKeyType === 'rsa');
  });

  it('that does not say plainly that it is a success, and whose, is asked about', () => {
    const read = (biz: object) => {
      const body = new URLSearchParams({ api: '/api/qrcode/V2/generate', biz_content: JSON.stringify({ return_code: 0, out_trade_no: 'A', ...biz }) });
      const notice = notification.read({ path: '/', headers: {}, body: Buffer.from(body.toString()) }, account, env);
      return notice.about === 'payment' && notice.fact.is;
    };
    const whole = { pay_status: '1', mer_id: 'M', order_id: 'T1', total_amt: '100', pay_time: '20261122120001' };
    assert.equal(read(whole), 'paid');
    for (const changed of [{ mer_id: undefined }, { pay_status: undefined }, { pay_status: '0' }, { return_code: 1 }])
      assert.equal(read({ ...whole, ...changed }), 'ask');
  });
});
