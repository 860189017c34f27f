import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Account, Env, WireRequest } from '../define.ts';
import { aCharge, aPayment, aRefund, essence, md5sum, openStand, orderOf, type Stand } from '../kit/gateway/test-stand.ts';
import { vectorName, vectorsOf } from '../kit/gateway/test-vectors.ts';
import type { Config } from './config.ts';
import { bestpay } from './index.ts';
import { macOf, type Part } from './mac.ts';
import { chargeCode, queryOrder } from './orders.ts';
import { requestRefund } from './refunds.ts';
import { bestpaySimulator } from './simulator.ts';

type Vector = { readonly id: string; readonly kind: string; readonly key: string; readonly stringToSign: string; readonly mac: string };
const { cases, skip } = vectorsOf<Vector>('bestpay');
const env: Env = { now: new Date('2026-11-22T04:00:00Z'), nonce: '0'.repeat(32) };

describe('MACs of the manual', { skip }, () => {
  for (const { id, kind, key, stringToSign, mac } of cases) {
    it(vectorName({ id, kind }), () => {
      const parts = stringToSign.split('&').map((part): Part => [part.slice(0, part.indexOf('=')), part.slice(part.indexOf('=') + 1)]);
      assert.deepEqual(parts.pop(), ['KEY', key]);
      assert.equal(macOf(parts, key), mac);
      const sorted = parts.toSorted(([a], [b]) => (a < b ? -1 : 1));
      if (String(sorted) !== String(parts)) assert.notEqual(macOf(sorted, key), mac, 'the order of the manual is not that of names');
    });
  }
  it('are there', () => assert.ok(cases.length >= 5));
});

let stand: Stand<Config>;
let account: Account<Config>;
before(async () => {
  stand = await openStand(bestpay, bestpaySimulator);
  account = await stand.account();
});
after(() => stand.close());

const formOf = ({ body = '' }: WireRequest) => new URLSearchParams(body);

it('a charge is signed as md5sum signs it, with a number of an even count below thirty-one', (t) => {
  const form = formOf(chargeCode.request(aPayment('bestpay_barcode', { auth_code: '515665002854886972' }), account, env) as WireRequest);
  const names = ['merchantId', 'orderNo', 'orderReqNo', 'orderDate', 'barcode', 'orderAmt'];
  const number = form.get('orderNo') ?? '';
  assert.ok(number.length <= 30 && number.length % 2 === 0);
  const text = `${names.map((name) => `${name.toUpperCase()}=${form.get(name)}`).join('&')}&KEY=${String(stand.settingsOf(account).data_key)}`;
  const made = md5sum(t, text);
  if (made === undefined) return;
  assert.equal(form.get('mac'), made.toUpperCase());
});

it('the MAC of a refund spells a missing ledger as the account says', () => {
  const refund = aRefund(aPayment('bestpay_barcode'));
  const macs = (['empty', 'null'] as const).map((absent_ledger) =>
    formOf(requestRefund.request(refund, { ...account, config: { ...account.config, absent_ledger } }, env) as WireRequest).get('mac'),
  );
  assert.notEqual(macs[0], macs[1]);
});

it('success true is not paid: only transStatus B is', () => {
  const outcomes: readonly (readonly [Record<string, string>, string])[] = [
    [{ transStatus: 'A' }, 'waiting'],
    [{ transStatus: 'B' }, 'paid'],
    [{ transStatus: 'B', refundFlag: '2' }, 'paid'],
    [{ transStatus: 'B', refundFlag: '3' }, 'closed'],
    [{ transStatus: 'C' }, 'refused'],
    [{ transStatus: 'G' }, 'closed'],
    [{ transStatus: 'Z' }, 'ask'],
  ];
  const input = orderOf(aPayment('bestpay_barcode'));
  for (const [state, expected] of outcomes) {
    const result = { merchantId: account.config.merchant_id, orderNo: input.channel_order_no.slice(6), ourTransNo: 'T1', transAmt: '1234', ...state };
    const answer = { status: 200, headers: {}, body: Buffer.from(JSON.stringify({ success: true, result })) };
    assert.equal((queryOrder.outcome(answer, input, account, env) as { is: string }).is, expected);
  }
});

it('an error carries no signature: it ends nothing unless the account believes it', () => {
  const answer = { status: 200, headers: {}, body: Buffer.from(JSON.stringify({ success: false, result: null, errorCode: 'BARCODE_VALIDATE_ERROR' })) };
  const input = aPayment('bestpay_barcode', { auth_code: '510000000000000000' });
  const said = (trust_unsigned_errors: boolean) =>
    (chargeCode.outcome(answer, input, { ...account, config: { ...account.config, trust_unsigned_errors } }, env) as { is: string }).is;
  assert.equal(said(false), 'ask');
  assert.equal(said(true), 'refused');
});

describe('the simulator', () => {
  it('refuses a MAC over sorted names', async () => {
    const { body = '' } = queryOrder.request(orderOf(aPayment('bestpay_barcode')), account, env) as WireRequest;
    const form = new URLSearchParams(body);
    const post = async () => (await (await fetch(`${stand.origin}/query/queryOrder`, { method: 'POST', body: form })).json()) as { errorCode: string };
    assert.equal((await post()).errorCode, 'BE110062');
    const sorted: Part[] = ['merchantId', 'orderDate', 'orderNo', 'orderReqNo'].map((name) => [name.toUpperCase(), form.get(name) ?? '']);
    form.set('mac', macOf(sorted, String(stand.settingsOf(account).data_key)));
    assert.equal((await post()).errorCode, 'BE300001');
  });

  it('repeats a notification after a minute until the answer names its transaction', async () => {
    const own = await openStand(bestpay, bestpaySimulator);
    const merchant = await own.account();
    own.answerWith({ status: 200, body: 'success' });
    const charge = aCharge(own, 'bestpay_barcode', 'pays');
    const { fact } = await own.client.pay(merchant, charge);
    assert.ok(fact.is === 'paid');
    await own.delivered(1);
    await own.pass(60_000);
    const [, again] = await own.delivered(2);
    const read = await own.receive(merchant, again);
    assert.ok(read.is === 'read');
    assert.equal(read.reply.ok.body, `UPTRANSEQ_${fact.success.channel_transaction_id}`);
    await own.close();
  });

  it('tells of a refund, and its number is the answer', async () => {
    const own = await openStand(bestpay, bestpaySimulator);
    const merchant = await own.account();
    const charge = aCharge(own, 'bestpay_barcode', 'pays');
    await own.client.pay(merchant, charge);
    await own.delivered(1);
    const refund = aRefund(charge);
    assert.equal(essence(await own.client.refund(merchant, refund)), 'pending');
    await own.pass(5_000);
    const [, message] = await own.delivered(2);
    const read = await own.receive(merchant, message);
    assert.ok(read.is === 'read' && read.notification.about === 'refund' && read.notification.fact.is === 'succeeded');
    assert.equal(read.notification.channel_refund_no, refund.channel_refund_no);
    assert.equal(read.reply.ok.body, read.notification.fact.channel_refund_id);
    await own.close();
  });

  it('reverses orders of today only', async () => {
    const charge = aCharge(stand, 'bestpay_barcode', 'pays');
    await stand.client.pay(account, charge);
    stand.clock.advance(86_400_000);
    assert.equal(essence(await stand.client.reverse(account, orderOf(charge))), 'refused refund_window_closed', 'nobody was asked');
    // As a clock that is behind asks.
    const of_today = { ...orderOf(charge), created_at: stand.clock.now() };
    assert.equal(essence(await stand.client.reverse(account, of_today)), 'unknown unlisted', 'the no is unsigned');
    const believing = { ...account, config: { ...account.config, trust_unsigned_errors: true } };
    assert.equal(essence(await stand.client.reverse(believing, of_today)), 'refused refund_window_closed');
  });
});
