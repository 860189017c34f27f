import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { readSettings } from '../account-settings.ts';
import type { Account, Channel, Env } from '../define.ts';
import { aCharge, aPayment, essence, openStand, orderOf, type Stand, waitingOrder } from '../kit/gateway/test-stand.ts';
import { vectorName, vectorsOf } from '../kit/gateway/test-vectors.ts';
import type { Config } from './config.ts';
import { lakala } from './index.ts';
import { queryOrder } from './orders.ts';
import { isSignedBy, requestText } from './sign.ts';
import { lakalaSimulator } from './simulator.ts';
import { verifyAnswer, verifyNotification } from './wire.ts';

type Vector = {
  readonly id: string;
  readonly kind: string;
  readonly keys: { readonly merchantTestPublicKeyPem: string; readonly lakalaGatewayCertPem: string };
  readonly message: string;
  readonly signature?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly authorization?: string;
  readonly certPem?: string;
};
const { cases, skip } = vectorsOf<Vector>('lakala');
const nobody = { id: '', version: 1, merchant_id: '', merchant_code: '', livemode: false, channel: 'lakala' };
const at = (timestamp_s: number): Env => ({ now: new Date(timestamp_s * 1000), nonce: '' });

describe('messages as Lakala and its public test merchant signed them', { skip }, () => {
  for (const { id, kind, keys, message, signature, headers, body = '', authorization, certPem } of cases) {
    it(vectorName({ id, kind }), () => {
      if (headers) {
        const lowered = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
        const config = { appid: lowered['lklapi-appid'], gateway_certificate: keys.lakalaGatewayCertPem } as Config;
        const judge = (text: string, later_s = 0) =>
          verifyAnswer(
            { status: 200, headers: lowered, body: Buffer.from(text) },
            { ...nobody, config },
            new Map(),
            at(Number(lowered['lklapi-timestamp']) + later_s),
          );
        assert.equal(judge(body), 'valid');
        assert.equal(judge(`${body} `), 'invalid');
        assert.equal(judge(body, 3600), 'invalid', 'an hour later it is somebody’s copy');
      } else if (authorization !== undefined && certPem !== undefined) {
        const config = { gateway_certificate: certPem } as Config;
        const judge = (text: string) => verifyNotification({ path: '/notify', headers: { authorization }, body: Buffer.from(text) }, { ...nobody, config });
        assert.equal(judge(body), 'valid');
        assert.equal(judge(`${body} `), 'invalid');
      } else {
        const [appid = '', serial_no = '', timestamp = '', nonce = '', ...rest] = message.split('\n');
        const text = rest.join('\n').replace(/\n$/, '');
        assert.equal(requestText({ appid, serial_no, timestamp, nonce }, text), message);
        assert.ok(isSignedBy(createPublicKey(keys.merchantTestPublicKeyPem), [appid, serial_no, timestamp, nonce], Buffer.from(text), signature ?? ''));
      }
    });
  }
  it('are there', () => assert.ok(cases.length >= 4));
});

let stand: Stand<Config>;
let account: Account<Config>;
before(async () => {
  stand = await openStand(lakala, lakalaSimulator);
  account = await stand.account();
});
after(() => stand.close());

it('the certificate for notifications may be another one than that for answers', async () => {
  const other = await stand.account();
  const input = await waitingOrder(stand, account, 'alipay_qr');
  await stand.simulator.act(input.channel_order_no, { do: 'pay' });
  const [message] = await stand.delivered(1);
  const with_notify = (certificate: string) => ({ ...account, config: { ...account.config, notify_certificate: certificate } });
  assert.equal((await stand.receive(with_notify(other.config.gateway_certificate), message)).is, 'refused');
  const swapped = {
    ...account,
    config: { ...account.config, gateway_certificate: other.config.gateway_certificate, notify_certificate: account.config.gateway_certificate },
  };
  assert.equal((await stand.receive(swapped, message)).is, 'read');
});

it('work under way is asked about, and no other code is final', async () => {
  assert.equal(essence(await stand.client.pay(account, aCharge(stand, 'wechat_barcode', 'asks_password'))), 'waiting');
  assert.equal(essence(await stand.client.pay(account, aCharge(stand, 'alipay_barcode', 'insufficient_funds', 'alipay'))), 'unknown unlisted');
  assert.equal(essence(await stand.client.query(account, orderOf(aPayment('alipay_qr')))), 'not_found');
  const { unknown_order_code: _code, ...config } = account.config;
  assert.equal(essence(await stand.client.query({ ...account, config }, orderOf(aPayment('alipay_qr')))), 'unknown unlisted');
});

it('a state of another order says nothing of this one', () => {
  const order = orderOf(aPayment('alipay_qr'));
  const of = (out_trade_no: string) => {
    const body = Buffer.from(JSON.stringify({ code: 'BBS00000', resp_data: { out_trade_no, trade_state: 'CLOSE' } }));
    return queryOrder.outcome({ status: 200, headers: {}, body }, order, account, at(0)) as { is: string };
  };
  assert.equal(of(order.channel_order_no).is, 'closed');
  assert.equal(of('ANOTHER').is, 'ask');
});

it('a charge that was answered is not told of, one that waited is', async () => {
  const own = await openStand(lakala, lakalaSimulator);
  const merchant = await own.account();
  assert.equal(essence(await own.client.pay(merchant, aCharge(own, 'wechat_barcode', 'pays'))), 'paid');
  const slow = aCharge(own, 'wechat_barcode', 'asks_password');
  await own.client.pay(merchant, slow);
  await own.simulator.act(slow.channel_order_no, { do: 'pay' });
  const [message] = await own.delivered(1);
  const read = await own.receive(merchant, message);
  assert.ok(read.is === 'read' && read.notification.about === 'payment');
  assert.equal(read.notification.channel_order_no, slow.channel_order_no);
  await own.pass(2 * 3_600_000);
  assert.deepEqual((await own.receive(merchant, message)).is, 'read', 'the last repeat comes two hours later, and may carry the first signature');
  await own.close();
});

it('settings name the key or certificate that does not parse', () => {
  const given = stand.settingsOf(account);
  for (const param of ['private_key', 'gateway_certificate', 'notify_certificate']) {
    const read = readSettings(lakala as Channel, { ...given, [param]: 'nothing' });
    assert.equal('param' in read ? read.param : undefined, param);
  }
});

it('a shown order that has failed may be paid by another payer until its time is over; a payment code has failed for good', () => {
  const asked = (method: 'alipay_qr' | 'alipay_barcode', now: (expires_at: Date) => Date) => {
    const order = orderOf(aPayment(method));
    const answer = { status: 200, headers: {}, body: Buffer.from(JSON.stringify({ code: 'BBS00000', resp_data: { trade_state: 'FAIL' } })) };
    return (queryOrder.outcome(answer, order, account, { now: now(order.expires_at), nonce: '' }) as { is: string }).is;
  };
  const before = (at: Date) => new Date(at.getTime() - 1);
  assert.equal(asked('alipay_qr', before), 'ask');
  assert.equal(
    asked('alipay_qr', (at) => at),
    'refused',
  );
  assert.equal(asked('alipay_barcode', before), 'refused');
});
