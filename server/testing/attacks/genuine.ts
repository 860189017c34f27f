import assert from 'node:assert/strict';
import { createCipheriv, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { createChannelAccount, createMerchant, updateChannelAccount } from '../../merchants/service.ts';
import { type Shop, type ShownPayment, shopOf } from '../../payments/testing/shop.ts';
import type { World } from '../world.ts';

export type Message = { readonly url: string; readonly headers: Record<string, string>; readonly body: string };
export type Code = 'wechatpay' | 'alipay';
export const methods = { wechatpay: 'wechat_qr', alipay: 'alipay_qr' } as const;

/**
 * A shop whose gateway signs notifications with a key that the test holds: for messages that are genuine to the last
 * byte and say what no gateway ever would. Its orders stand at the simulator, as everyone's do.
 */
export type KeyHolder = {
  readonly shop: Shop;
  readonly settings: Readonly<Record<string, unknown>>;
  /** A payment that waits for its payer. No sweeper asks about it: this is about what is told. */
  readonly waiting: () => Promise<ShownPayment>;
  /** What the gateway would say of a payment that was paid, as its fields; a test changes them before it signs. */
  readonly paid: (payment: ShownPayment) => Fields;
  readonly signed: (fields: Fields, how?: { readonly event_type?: string; readonly seal?: Partial<Seal> }) => Message;
};
export type Fields = Readonly<Record<string, unknown>>;
type Seal = { readonly key: string; readonly algorithm: string; readonly nonce: string; readonly associated_data: string; readonly ciphertext: string };

export async function aKeyHolder(world: World, channel: Code): Promise<KeyHolder> {
  const simulator = world.simulators.get(channel);
  assert(simulator);
  const settings = await simulator.enroll({ mode: 'direct', trust: 'public_key' });
  const merchant = await createMerchant(world.ctx, { name: '持钥商户' });
  const { id } = await createChannelAccount(world.ctx, { merchant_id: merchant.id, livemode: false, channel, name: channel, settings });
  const key = await world.newKey(merchant.id, false, ['payments:read', 'payments:write', 'refunds:read', 'refunds:write']);
  const shop = shopOf(world, { merchant, key, accounts: new Map([[channel, id]]) });
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const public_key = publicKey.export({ format: 'pem', type: 'spki' }) as string;
  const gateway_key = channel === 'wechatpay' ? { public_key } : { alipay_public_key: public_key };
  const signature = (text: string) => sign('sha256', Buffer.from(text), privateKey).toString('base64');
  const url = `${world.ctx.config.public_url}/notify/${channel}/${id}`;
  const at = () => world.clock.now();

  let holds_key = false;
  return {
    shop,
    settings,
    waiting: async () => {
      // While it makes orders, the account trusts the simulator's key.
      if (holds_key) await updateChannelAccount(world.ctx, { merchant_id: merchant.id, channel_account_id: id, settings });
      const payment = await shop.create({ method: methods[channel], amount_fen: 100 });
      const later = new Date(at().getTime() + 30 * 86_400_000);
      await world.ctx.db.kysely.updateTable('attempts').set({ next_query_at: later }).where('payment_id', '=', payment.id).execute();
      await updateChannelAccount(world.ctx, { merchant_id: merchant.id, channel_account_id: id, settings: gateway_key });
      holds_key = true;
      return payment;
    },
    paid: ({ attempt }) =>
      channel === 'wechatpay' ? wechatFields(settings, attempt.channel_order_no, at()) : alipayFields(settings, attempt.channel_order_no, at()),
    signed: (fields, how = {}) =>
      channel === 'wechatpay' ? wechatMessage(url, settings, fields, at(), signature, how) : alipayMessage(url, fields, at(), signature),
  };
}

const shanghai = (at: Date) => new Date(at.getTime() + 8 * 3_600_000).toISOString().slice(0, 19);

const wechatFields = ({ mchid, appid }: Fields, out_trade_no: string, at: Date): Fields => ({
  mchid,
  appid,
  out_trade_no,
  transaction_id: `42000${randomBytes(6).readUIntBE(0, 6)}`,
  trade_type: 'NATIVE',
  trade_state: 'SUCCESS',
  trade_state_desc: '支付成功',
  bank_type: 'OTHERS',
  success_time: `${shanghai(at)}+08:00`,
  payer: { openid: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o' },
  amount: { total: 100, payer_total: 100, currency: 'CNY', payer_currency: 'CNY' },
});

const alipayFields = ({ app_id, seller_id }: Fields, out_trade_no: string, at: Date): Fields => ({
  notify_type: 'trade_status_sync',
  notify_id: randomBytes(17).toString('hex'),
  app_id,
  auth_app_id: app_id,
  seller_id,
  charset: 'utf-8',
  version: '1.0',
  trade_no: `2026112222${randomBytes(6).readUIntBE(0, 6)}`,
  out_trade_no,
  trade_status: 'TRADE_SUCCESS',
  total_amount: '1.00',
  buyer_pay_amount: '1.00',
  buyer_id: '2088102146225135',
  gmt_payment: shanghai(at).replace('T', ' '),
});

type Sign = (text: string) => string;

function wechatMessage(url: string, settings: Fields, fields: Fields, at: Date, signature: Sign, how: Parameters<KeyHolder['signed']>[1] = {}): Message {
  const seal = {
    key: String(settings.apiv3_key),
    algorithm: 'AEAD_AES_256_GCM',
    nonce: randomBytes(6).toString('hex'),
    associated_data: 'transaction',
    ...how.seal,
  };
  const ciphertext = seal.ciphertext ?? encrypted(JSON.stringify(fields), seal.key, seal.nonce);
  const { algorithm, nonce, associated_data } = seal;
  const body = JSON.stringify({
    id: randomBytes(16).toString('hex'),
    create_time: `${shanghai(at)}+08:00`,
    resource_type: 'encrypt-resource',
    event_type: how.event_type ?? 'TRANSACTION.SUCCESS',
    resource: { original_type: 'transaction', algorithm, ciphertext, associated_data, nonce },
  });
  const [timestamp, header_nonce] = [String(Math.floor(at.getTime() / 1000)), randomBytes(16).toString('hex')];
  return {
    url,
    body,
    headers: {
      'content-type': 'application/json',
      'wechatpay-timestamp': timestamp,
      'wechatpay-nonce': header_nonce,
      'wechatpay-serial': String(settings.public_key_id),
      'wechatpay-signature': signature(`${timestamp}\n${header_nonce}\n${body}\n`),
    },
  };
}

/** For what the gateway says it is for, whatever the message then names. */
function encrypted(text: string, key: string, nonce: string): string {
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from('transaction'));
  return Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64');
}

function alipayMessage(url: string, fields: Fields, at: Date, signature: Sign): Message {
  const params = { notify_time: shanghai(at).replace('T', ' '), ...(fields as Record<string, string>) };
  const text = Object.entries(params)
    .filter(([, value]) => value !== '')
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
  const body = new URLSearchParams({ ...params, sign_type: 'RSA2', sign: signature(text) }).toString();
  return { url, body, headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' } };
}
