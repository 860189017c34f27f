import assert from 'node:assert/strict';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import tls from 'node:tls';
import Fastify, { type FastifyInstance } from 'fastify';
import { Aes, Formatter, Hash, Rsa, Transformer, Wechatpay } from 'wechatpay-axios-plugin';
import WechatpayNode from 'wechatpay-node-v3';
import { systemClock } from '../../platform/clock.ts';
import { createAuthority } from '../../platform/egress/test-certificates.ts';
import { createArrivals } from '../../testing/arrivals.ts';
import { createTestRng } from '../../testing/rng.ts';
import type { Simulator } from '../kit/simulator.ts';
import { wechatpaySimulator } from './simulator.ts';

/**
 * SDKs that we did not write, unchanged, against the simulator: what they accept, and whose requests it accepts, is the
 * protocol and not our reading of it. They know one host, so connections to it are led to a local TLS server whose
 * authority they are told to trust; everything above the socket is theirs.
 */

type Message = { readonly url: string; readonly headers: Record<string, string>; readonly body: string };
type Settings = Record<'mchid' | 'appid' | 'serial_no' | 'private_key' | 'certificate' | 'apiv3_key' | 'apiv2_key' | 'public_key_id' | 'public_key', string>;

const host = 'api.mch.weixin.qq.com';
const notify_url = 'https://shop.example/notify';
const messages = createArrivals<Message>();
const journal: { put: string; value: Record<string, string> }[] = [];
const agent = https.Agent.prototype as unknown as { createConnection: (options: tls.ConnectionOptions) => tls.TLSSocket };
const usual = agent.createConnection;
let simulator: Simulator;
let app: FastifyInstance;

before(async () => {
  simulator = wechatpaySimulator({
    clock: systemClock,
    rng: createTestRng('sdk'),
    base_url: `https://${host}`,
    journal: { load: () => [], append: (entry) => journal.push(entry as (typeof journal)[number]) },
    send(message) {
      messages.add(message);
      const ok = message.headers['Content-Type'] === 'text/xml' ? '<xml><return_code><![CDATA[SUCCESS]]></return_code></xml>' : '';
      return Promise.resolve({ status: 200, body: ok });
    },
    // Refunds are done in microseconds.
    time_scale: 1e9,
  });
  const authority = await createAuthority();
  const own = await authority.issue({ name: host });
  app = Fastify({ https: { key: own.key_pem, cert: own.certificate_pem, requestCert: true, rejectUnauthorized: false } });
  await app.register(simulator.plugin);
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  agent.createConnection = (options) => {
    assert.equal(options.servername ?? options.host, host);
    const { path: _path, lookup: _lookup, ...rest } = options;
    return tls.connect({ ...rest, host: '127.0.0.1', port, servername: host, ca: authority.certificate_pem });
  };
});

after(async () => {
  agent.createConnection = usual;
  https.globalAgent.destroy();
  await simulator.close();
  await app.close();
});

/** The message that tells of a number; the gateway sends it by itself. */
const told = (matches: (message: Message) => boolean): Promise<Message> => messages.find((all) => all.find(matches));

const enrolled = async (trust: 'certificate' | 'public_key'): Promise<Settings> => (await simulator.enroll({ mode: 'direct', trust })) as Settings;
let numbers = 0;
const newNo = (): string => `SDK${String(++numbers).padStart(8, '0')}`;

/** Takes the next notification of a kind that came to a path. */
const notificationAt = (path: string, form: 'json' | 'xml' = 'json') =>
  told(({ url, headers }) => url === `${notify_url}/${path}` && headers['Content-Type'] === (form === 'json' ? 'application/json' : 'text/xml'));

describe('wechatpay-node-v3', () => {
  type Answer = { readonly status?: number; readonly data?: Record<string, unknown> };
  let settings: Settings;
  let sdk: WechatpayNode;
  before(async () => {
    settings = await enrolled('certificate');
    const { appid, mchid, certificate, private_key, apiv3_key } = settings;
    sdk = new WechatpayNode({
      appid,
      mchid,
      publicKey: Buffer.from(certificate),
      privateKey: Buffer.from(private_key),
      key: apiv3_key,
      serial_no: settings.serial_no,
    });
  });

  async function opened({ headers, body }: Message): Promise<Record<string, unknown>> {
    const [timestamp, nonce, serial, signature] = ['Wechatpay-Timestamp', 'Wechatpay-Nonce', 'Wechatpay-Serial', 'Wechatpay-Signature'].map(
      (name) => headers[name] ?? '',
    );
    const proof = { timestamp: timestamp ?? '', nonce: nonce ?? '', serial: serial ?? '', signature: signature ?? '', apiSecret: settings.apiv3_key };
    assert.equal(await sdk.verifySign({ ...proof, body }), true);
    assert.equal(await sdk.verifySign({ ...proof, body: `${body} ` }), false);
    const { resource } = JSON.parse(body) as { resource: Record<'ciphertext' | 'associated_data' | 'nonce', string> };
    return sdk.decipher_gcm(resource.ciphertext, resource.associated_data, resource.nonce, settings.apiv3_key);
  }

  it('reads the serial number of the merchant certificate as we state it', () => {
    assert.equal(sdk.getSN(settings.certificate).toUpperCase(), settings.serial_no);
  });

  it('takes a payment, its notification, a refund and its notification', async () => {
    const out_trade_no = newNo();
    const made = (await sdk.transactions_native({
      description: '咖啡',
      out_trade_no,
      notify_url: `${notify_url}/${out_trade_no}`,
      amount: { total: 100 },
    })) as unknown as Answer;
    assert.equal(made.status, 200);
    assert.match(String(made.data?.code_url), /^weixin:/);
    assert.deepEqual(await simulator.act(out_trade_no, { do: 'pay' }), { done: true });

    const paid = await opened(await notificationAt(out_trade_no));
    assert.equal(paid.out_trade_no, out_trade_no);
    assert.equal(paid.trade_state, 'SUCCESS');
    const queried = (await sdk.query({ out_trade_no })) as unknown as Answer;
    assert.deepEqual(queried.data, paid);
    assert.deepEqual(((await sdk.query({ transaction_id: String(paid.transaction_id) })) as unknown as Answer).data, paid);

    const out_refund_no = newNo();
    const refund = {
      out_trade_no,
      out_refund_no,
      reason: '不要了',
      notify_url: `${notify_url}/${out_refund_no}`,
      amount: { refund: 40, total: 100, currency: 'CNY' },
    };
    const accepted = (await sdk.refunds(refund)) as unknown as Answer;
    assert.equal(accepted.status, 200);
    assert.equal(accepted.data?.out_refund_no, out_refund_no);
    const refunded = await opened(await notificationAt(out_refund_no));
    assert.deepEqual([refunded.refund_status, (refunded.amount as Record<string, number>).refund], ['SUCCESS', 40]);
    const found = (await sdk.find_refunds(out_refund_no)) as unknown as Answer;
    assert.deepEqual([found.data?.status, found.data?.refund_id], ['SUCCESS', refunded.refund_id]);
  });

  it('closes an unpaid order', async () => {
    const out_trade_no = newNo();
    const order = {
      description: '茶',
      out_trade_no,
      notify_url: `${notify_url}/${out_trade_no}`,
      amount: { total: 1 },
      payer: { openid: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o' },
    };
    const made = (await sdk.transactions_jsapi(order)) as unknown as Answer;
    assert.equal(made.data?.signType, 'RSA');
    assert.equal(((await sdk.close(out_trade_no)) as unknown as Answer).status, 204);
    assert.equal(((await sdk.query({ out_trade_no })) as unknown as Answer).data?.trade_state, 'CLOSED');
  });

  it('is refused with a key that is not the merchant’s', async () => {
    const other = await enrolled('certificate');
    const { appid, mchid, certificate, serial_no } = settings;
    const forger = new WechatpayNode({ appid, mchid, publicKey: Buffer.from(certificate), privateKey: Buffer.from(other.private_key), serial_no });
    const { status, error } = (await forger.query({ out_trade_no: newNo() })) as { status: number; error: string };
    assert.equal(status, 401);
    assert.equal((JSON.parse(error) as { code: string }).code, 'SIGN_ERROR');
  });
});

type Call = Record<'get' | 'post', (data?: object, config?: object) => Promise<{ status: number; data: Record<string, unknown> }>>;
/** The SDK makes a tree of calls from path segments, which its types do not describe. */
type Client = { chain: (path: string) => Call };

for (const trust of ['certificate', 'public_key'] as const) {
  describe(`wechatpay-axios-plugin, APIv3, ${trust}`, () => {
    let settings: Settings;
    let sdk: Client;
    let keys: Record<string, string>;
    before(async () => {
      settings = await enrolled(trust);
      const platform = journal.filter(({ put }) => put === 'platform_key').at(-1)?.value;
      keys = trust === 'public_key' ? { [settings.public_key_id]: settings.public_key } : { [platform?.serial_no ?? '']: platform?.certificate_pem ?? '' };
      const { mchid, serial_no: serial, private_key: privateKey } = settings;
      sdk = new Wechatpay({ mchid, serial, privateKey, certs: keys }) as unknown as Client;
    });

    function opened({ headers, body }: Message): Record<string, unknown> {
      const key = Rsa.from(keys[headers['Wechatpay-Serial'] ?? ''] ?? '', Rsa.KEY_TYPE_PUBLIC);
      const text = Formatter.response(headers['Wechatpay-Timestamp'] ?? '', headers['Wechatpay-Nonce'] ?? '', body);
      assert.equal(Rsa.verify(text, headers['Wechatpay-Signature'] ?? '', key), true);
      const { resource } = JSON.parse(body) as { resource: Record<'ciphertext' | 'associated_data' | 'nonce', string> };
      return JSON.parse(Aes.AesGcm.decrypt(resource.ciphertext, settings.apiv3_key, resource.nonce, resource.associated_data)) as Record<string, unknown>;
    }

    it('takes a payment, its notification, a refund and its notification', async () => {
      const out_trade_no = `${newNo()}|*_-`;
      const { mchid, appid } = settings;
      const order = { mchid, appid, description: '咖啡', out_trade_no, notify_url: `${notify_url}/${trust}/paid`, amount: { total: 100 } };
      const made = await sdk.chain('v3/pay/transactions/native').post(order);
      assert.match(String(made.data.code_url), /^weixin:/);
      await simulator.act(out_trade_no, { do: 'pay' });
      const paid = opened(await notificationAt(`${trust}/paid`));
      const queried = await sdk.chain(`v3/pay/transactions/out-trade-no/${out_trade_no}`).get({ params: { mchid } });
      assert.deepEqual(queried.data, paid);

      const out_refund_no = newNo();
      const refund = {
        transaction_id: paid.transaction_id,
        out_refund_no,
        notify_url: `${notify_url}/${trust}/refunded`,
        amount: { refund: 100, total: 100, currency: 'CNY' },
      };
      assert.equal((await sdk.chain('v3/refund/domestic/refunds').post(refund)).data.out_refund_no, out_refund_no);
      const refunded = opened(await notificationAt(`${trust}/refunded`));
      const found = await sdk.chain(`v3/refund/domestic/refunds/${out_refund_no}`).get();
      assert.deepEqual([found.data.status, found.data.refund_id], ['SUCCESS', refunded.refund_id]);
    });

    it('closes an unpaid order', async () => {
      const out_trade_no = newNo();
      const { mchid, appid } = settings;
      const order = { mchid, appid, description: '茶', out_trade_no, notify_url: `${notify_url}/closed`, amount: { total: 1 } };
      await sdk.chain('v3/pay/transactions/app').post(order);
      assert.equal((await sdk.chain(`v3/pay/transactions/out-trade-no/${out_trade_no}/close`).post({ mchid })).status, 204);
      const queried = await sdk.chain(`v3/pay/transactions/out-trade-no/${out_trade_no}`).get({ params: { mchid } });
      assert.equal(queried.data.trade_state, 'CLOSED');
    });
  });
}

describe('wechatpay-axios-plugin, APIv2', () => {
  let settings: Settings;
  let sdk: Client;
  let parties: Record<'appid' | 'mch_id', string>;
  before(async () => {
    settings = await enrolled('public_key');
    const { mchid, serial_no: serial, private_key, certificate, apiv2_key: secret } = settings;
    const certs = { [settings.public_key_id]: settings.public_key };
    sdk = new Wechatpay({ mchid, serial, privateKey: private_key, certs, secret, merchant: { cert: certificate, key: private_key } }) as unknown as Client;
    parties = { appid: settings.appid, mch_id: mchid };
  });
  const call = async (path: string, data: object, config: object = {}) =>
    (await sdk.chain(`v2/${path}`).post({ ...parties, ...data }, config)).data as Record<string, string>;
  const secured = { security: true };

  it('takes a unified order, its notification, a refund over mutual TLS and its notification', async () => {
    const out_trade_no = newNo();
    const order = {
      body: '咖啡',
      out_trade_no,
      total_fee: 100,
      spbill_create_ip: '127.0.0.1',
      notify_url: `${notify_url}/v2/paid`,
      trade_type: 'NATIVE',
      product_id: '1',
    };
    assert.match((await call('pay/unifiedorder', order)).code_url ?? '', /^weixin:/);
    assert.equal((await call('pay/orderquery', { out_trade_no })).trade_state, 'NOTPAY');
    await simulator.act(out_trade_no, { do: 'pay' });

    const { body } = await notificationAt('v2/paid', 'xml');
    const paid = Transformer.toObject(body) as Record<string, string>;
    assert.equal(Hash.sign('MD5', paid, settings.apiv2_key), paid.sign);
    assert.equal(paid.out_trade_no, out_trade_no);
    const queried = await call('pay/orderquery', { out_trade_no, sign_type: 'HMAC-SHA256' });
    assert.deepEqual([queried.trade_state, queried.transaction_id, queried.sign?.length], ['SUCCESS', paid.transaction_id, 64]);

    const out_refund_no = newNo();
    const refund = { transaction_id: paid.transaction_id, out_refund_no, total_fee: 100, refund_fee: 30, notify_url: `${notify_url}/v2/refunded` };
    const accepted = await call('secapi/pay/refund', refund, secured);
    assert.equal(accepted.refund_fee, '30');
    const told = Transformer.toObject((await notificationAt('v2/refunded', 'xml')).body) as Record<string, string>;
    const content = Transformer.toObject(Aes.AesEcb.decrypt(told.req_info ?? '', Hash.md5(settings.apiv2_key))) as Record<string, string>;
    assert.deepEqual([content.refund_status, content.refund_id], ['SUCCESS', accepted.refund_id]);
    const found = await call('pay/refundquery', { out_refund_no });
    assert.deepEqual([found.refund_status_0, found.refund_id_0], ['SUCCESS', accepted.refund_id]);
  });

  it('closes an unpaid order', async () => {
    const out_trade_no = newNo();
    const order = { body: '茶', out_trade_no, total_fee: 1, spbill_create_ip: '127.0.0.1', notify_url: `${notify_url}/v2/closed`, trade_type: 'APP' };
    await call('pay/unifiedorder', order);
    await call('pay/closeorder', { out_trade_no });
    assert.equal((await call('pay/orderquery', { out_trade_no })).trade_state, 'CLOSED');
  });

  it('charges a payment code, and reverses it over mutual TLS', async () => {
    const out_trade_no = newNo();
    const charge = { body: '茶', out_trade_no, total_fee: 1, spbill_create_ip: '127.0.0.1', auth_code: simulator.newPaymentCode('pays') };
    assert.equal((await call('pay/micropay', charge)).trade_type, 'MICROPAY');
    assert.equal((await call('secapi/pay/reverse', { out_trade_no }, secured)).recall, 'N');
    assert.equal((await call('pay/orderquery', { out_trade_no })).trade_state, 'REVOKED');
  });

  it('is refused a reversal without the client certificate', async () => {
    await assert.rejects(call('secapi/pay/reverse', { out_trade_no: newNo() }), (error: { response: { data: Record<string, string> } }) => {
      assert.equal(error.response.data.return_msg, '证书验证失败');
      return true;
    });
  });
});
