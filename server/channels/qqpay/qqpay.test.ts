import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { toFen } from '../../kernel/money.ts';
import { readSettings } from '../account-settings.ts';
import type { Account, Channel, Env, WireRequest } from '../define.ts';
import { parseFlatXml, sortedFields } from '../flat-xml.ts';
import { aCharge, aPayment, aRefund, essence, md5sum, openStand, orderOf, type Stand, waitingOrder } from '../kit/gateway/test-stand.ts';
import { writeXml } from '../kit/gateway/xml.ts';
import type { Config } from './config.ts';
import { qqpay } from './index.ts';
import { notification } from './notifications.ts';
import { chargeCode, queryOrder, reverseOrder } from './orders.ts';
import { requestRefund } from './refunds.ts';
import { qqpaySimulator } from './simulator.ts';

const env: Env = { now: new Date('2026-11-22T04:00:00Z'), nonce: '0'.repeat(32) };
const answer = (fields: Record<string, string>) => ({ status: 200, headers: {}, body: Buffer.from(writeXml(Object.entries(fields))) });

let stand: Stand<Config>;
let account: Account<Config>;
before(async () => {
  stand = await openStand(qqpay, qqpaySimulator);
  account = await stand.account();
});
after(() => stand.close());

describe('no answer of the gateway is final but a success', () => {
  const charge = aPayment('qq_barcode', { auth_code: '911234567890123456' });
  for (const err_code of ['NOTENOUGH', 'AUTHCODEEXPIRE', 'PARAM_ERROR', 'whatever', '']) {
    it(`a charge refused with ${err_code || 'nothing'}`, () => {
      const fact = chargeCode.outcome(answer({ return_code: 'SUCCESS', result_code: 'FAIL', err_code }), charge, account, env) as { is: string };
      assert.equal(fact.is, 'ask');
    });
  }
  it('a state that QQ has not published', () => {
    const fields = { return_code: 'SUCCESS', result_code: 'SUCCESS', trade_state: 'PAYERROR' };
    assert.equal((queryOrder.outcome(answer(fields), orderOf(charge), account, env) as { is: string }).is, 'ask');
  });
});

it('a state of another order says nothing of this one', () => {
  const order = orderOf(aPayment('qq_qr'));
  const of = (out_trade_no: string) =>
    queryOrder.outcome(answer({ return_code: 'SUCCESS', result_code: 'SUCCESS', trade_state: 'CLOSED', out_trade_no }), order, account, env) as { is: string };
  assert.equal(of(order.channel_order_no).is, 'closed');
  assert.equal(of('ANOTHER').is, 'ask');
});

it('a notification of a service provider that does not name the sub-merchant is asked about, and no mismatch', async () => {
  const provider = await stand.account({ mode: 'provider', trust: 'public_key' });
  const told = {
    trade_state: 'SUCCESS',
    out_trade_no: 'A',
    transaction_id: 'T1',
    total_fee: '100',
    time_end: '20261122120000',
    mch_id: provider.config.mch_id,
  };
  const read = (fields: Record<string, string>, of: Account<Config>) => {
    const notice = notification.read({ path: '/notify', headers: {}, body: answer({ ...told, ...fields }).body }, of, env);
    return notice.about === 'payment' && notice.fact.is;
  };
  assert.equal(read({}, provider), 'ask');
  assert.equal(read({ sub_mch_id: '' }, provider), 'ask');
  assert.equal(read({ sub_mch_id: provider.config.sub_mch_id ?? '' }, provider), 'paid');
  assert.equal(read({}, account), 'paid', 'a merchant of its own has no sub-merchant');
});

it('recall Y asks for the same reverse again', () => {
  const fields = { return_code: 'SUCCESS', result_code: 'FAIL', recall: 'Y' };
  assert.deepEqual(reverseOrder.outcome(answer(fields), orderOf(aPayment('qq_barcode')), account, env), { is: 'again' });
});

it('money goes back with the certificate, at the host that asks for it', () => {
  const { config } = account;
  const refund = requestRefund.request(
    aRefund(aPayment('qq_qr')),
    { ...account, config: { ...config, secure_url: 'https://api.qpay.qq.com' } },
    env,
  ) as WireRequest;
  assert.equal(refund.origin + refund.path, 'https://api.qpay.qq.com/cgi-bin/pay/qpay_refund.cgi');
  assert.equal(refund.client_certificate?.certificate_pem, config.certificate);
  const query = queryOrder.request(orderOf(aPayment('qq_qr')), account, env) as WireRequest;
  assert.equal(query.client_certificate, undefined);
});

it('without a certificate a refund is refused before anything is sent', async () => {
  const { certificate: _certificate, private_key: _key, ...rest } = account.config;
  const { fact, exchange } = await stand.client.refund({ ...account, config: rest }, aRefund(aPayment('qq_qr')));
  assert.equal(essence({ fact }), 'refused configuration_error');
  assert.equal(exchange, undefined);
});

it('settings name the field that is missing or wrong', () => {
  const given = stand.settingsOf(account);
  const { private_key: _key, ...keyless } = given;
  const problems: readonly (readonly [Record<string, unknown>, string])[] = [
    [keyless, 'private_key'],
    [{ ...given, mode: 'provider' }, 'sub_mch_id'],
    [{ ...given, sub_mch_id: '1' }, 'sub_mch_id'],
    [{ ...given, certificate: 'no certificate' }, 'certificate'],
    [{ ...given, sign_type: 'RSA' }, 'sign_type'],
    [{ ...given, appid: undefined }, 'appid'],
  ];
  for (const [settings, param] of problems) {
    const read = readSettings(qqpay as Channel, settings);
    assert.equal('param' in read ? read.param : undefined, param);
  }
});

describe('what the front end hands to QQ', () => {
  const handed = async (method: 'qq_jsapi' | 'qq_mini' | 'qq_app', of: Account<Config> = account) => {
    const { fact } = await stand.client.pay(of, aPayment(method));
    assert.ok(fact.is === 'waiting' && fact.action.type === 'invoke' && fact.action.wallet === 'qq');
    return fact.action;
  };

  it('is the order alone from a page inside QQ', async () => {
    const { api, params } = await handed('qq_jsapi');
    const { appid, mch_id } = account.config;
    assert.equal(api, 'mqq.tenpay.pay');
    assert.match(params.tokenId ?? '', /^6M\w{30}$/);
    assert.deepEqual(params, { tokenId: params.tokenId, appInfo: `appid#${appid}|bargainor_id#${mch_id}|channel#wallet` });
    const { appid: _appid, app_key: _key, ...nameless } = account.config;
    assert.deepEqual(Object.keys((await handed('qq_jsapi', { ...account, config: nameless })).params), ['tokenId']);
  });

  it('is signed for an app with the key of the application, as another program signs it', async (t) => {
    const { api, params } = await handed('qq_app');
    const { appId, bargainorId, nonce, pubAcc, tokenId, timeStamp, sigType, sig } = params;
    const { app_key } = stand.settingsOf(account);
    assert.deepEqual([api, appId, bargainorId, pubAcc, sigType], ['PayApi', account.config.appid, account.config.mch_id, '', 'HMAC-SHA1']);
    assert.equal(timeStamp, String(Math.floor(stand.clock.now().getTime() / 1000)));
    assert.match(nonce ?? '', /^[0-9a-f]{32}$/);
    const text = `appId=${appId}&bargainorId=${bargainorId}&nonce=${nonce}&pubAcc=&tokenId=${tokenId}`;
    const made = spawnSync('openssl', ['dgst', '-sha1', '-hmac', `${app_key}&`, '-binary'], { input: text });
    if (made.error) return t.skip('openssl is not installed here, and our own code would only prove itself');
    assert.equal(sig, made.stdout.toString('base64'));
  });

  it('names the sub-merchant’s application where it has one', async () => {
    const provider = await stand.account({ mode: 'provider', trust: 'certificate' });
    const config = { ...provider.config, sub_appid: '1100000001' };
    assert.equal((await handed('qq_app', provider)).params.appId, provider.config.appid);
    const { params } = await handed('qq_app', { ...provider, config });
    assert.deepEqual([params.appId, params.bargainorId], ['1100000001', provider.config.mch_id]);
  });

  it('is nothing for an app without its key: the payment is refused before anything is sent', async () => {
    const { app_key: _key, ...keyless } = account.config;
    const { fact, exchange } = await stand.client.pay({ ...account, config: keyless }, aPayment('qq_app'));
    assert.equal(essence({ fact }), 'refused method_not_enabled');
    assert.equal(exchange, undefined);
  });
});

describe('the simulator', () => {
  it('takes the signature that md5sum makes', (t) => {
    const { body = '' } = queryOrder.request(orderOf(aPayment('qq_qr')), account, env) as WireRequest;
    const fields = parseFlatXml(body);
    const made = md5sum(t, `${sortedFields(fields)}&key=${String(stand.settingsOf(account).key)}`);
    if (made === undefined) return;
    assert.equal(fields.sign, made.toUpperCase());
  });

  it('finds an old order by its own number only', async () => {
    const charge = aCharge(stand, 'qq_barcode', 'pays');
    assert.equal(essence(await stand.client.pay(account, charge)), 'paid');
    assert.equal(essence(await stand.client.query(account, orderOf(charge))), 'paid');
    stand.clock.advance(31 * 86_400_000);
    assert.equal(essence(await stand.client.query(account, orderOf(charge))), 'not_found');
  });

  it('refuses a false operator', async () => {
    const input = await waitingOrder(stand, account, 'qq_qr', { expires_at: new Date('2027-01-01T00:00:00Z') });
    await stand.simulator.act(input.channel_order_no, { do: 'pay' });
    const other = await stand.account();
    const config = { ...account.config, ...(other.config.op_user_passwd === undefined ? {} : { op_user_passwd: other.config.op_user_passwd }) };
    const refund = aRefund(input, { amount_fen: toFen(1) });
    assert.equal(essence(await stand.client.refund({ ...account, config }, refund)), 'unknown unlisted');
    assert.deepEqual(stand.simulator.truth().refunds, []);
    assert.equal(essence(await stand.client.refund(account, refund)), 'pending');
  });
});
