import { constants, createCipheriv, createDecipheriv, createHash, createPrivateKey, createPublicKey, privateEncrypt, publicDecrypt } from 'node:crypto';
import { makeRsaPair } from '../../kit/gateway/keys.ts';
import { type RawRequest, type Received, type Signature, type Trouble, textReply, type Unsealed, type WireReply } from '../../kit/gateway/wire.ts';
import type { Merchant, World } from '../../kit/gateway/world.ts';
import type { Calls, Fields, Result } from './calls.ts';

/** The door: what is encrypted is opened, what is signed is held against its digest, and errors say so in plain. */

const padding = constants.RSA_PKCS1_PADDING;
const head = '<?xml version="1.0" encoding="UTF-8"?>';

export async function enroll(world: World): Promise<Record<string, unknown>> {
  const no = `11${world.digits(10)}`;
  const [own, jd] = [await makeRsaPair(), await makeRsaPair()];
  const keys = { des_key: Buffer.from(world.hex(48), 'hex').toString('base64'), md5_key: world.hex(32) };
  world.put('merchant', { no, own: { ...keys, public_pem: own.public_pem, jd_key: jd.private_pem } });
  const { base_url } = world.ports;
  return {
    merchant: no,
    ...keys,
    private_key: own.private_pem,
    jd_public_key: jd.public_pem,
    unknown_order_code: 'SIM404',
    gateway_url: `${base_url}/service`,
    h5_url: `${base_url}/h5/jdpay`,
    page_url: `${base_url}/pc/jdpay`,
  };
}

export function receive(world: World, request: RawRequest, calls: Calls): Received {
  const text = request.body.toString('utf8');
  if (request.path.endsWith('/jdpay/saveOrder')) return { reply: receiveForm(world, request.path, text, calls) };
  const merchant = world.tables.merchant.get(/<merchant>([^<]*)<\/merchant>/.exec(text)?.[1] ?? '');
  const fields = merchant && openXml(merchant, text);
  if (!merchant || !fields) return { reply: failed(merchant?.no ?? '', 'SIM401', '验签失败') };
  const call = calls(request.path.replace(/^\/service\//, ''), merchant, fields);
  if (!call) return { reply: textReply('', 'text/plain', 404) };
  return { call: { name: call.name, names: call.names, run: () => answerOf(merchant, call.run()), fail: (trouble) => () => troubleOf(merchant, trouble) } };
}

function receiveForm(world: World, path: string, text: string, calls: Calls): WireReply {
  const form = [...new URLSearchParams(text)];
  const merchant = world.tables.merchant.get(new URLSearchParams(text).get('merchant') ?? '');
  if (!merchant) return textReply('商户不存在', 'text/html;charset=utf-8', 400);
  const plain = ['version', 'merchant', 'sign'];
  const fields = new Map(form.map(([name, value]) => [name, plain.includes(name) ? value : decrypt(value, merchant)]));
  const signed = [...fields].filter(([name, value]) => name !== 'sign' && value !== '').sort(([a], [b]) => (a < b ? -1 : 1));
  if (!isSigned(signed.map(([name, value]) => `${name}=${value}`).join('&'), fields.get('sign') ?? '', merchant)) {
    return textReply('验签失败', 'text/html;charset=utf-8', 400);
  }
  const result = calls(path.startsWith('/h5/') ? 'h5' : 'pc', merchant, fields)?.run();
  return textReply('<!doctype html><title>京东支付（模拟）</title>', 'text/html;charset=utf-8', result && 'fields' in result ? 200 : 400);
}

function openXml(merchant: Merchant, text: string): Fields | undefined {
  const encrypted = /<encrypt>([^<]*)<\/encrypt>/.exec(text)?.[1];
  if (encrypted === undefined) return undefined;
  const inner = decrypt(Buffer.from(encrypted, 'base64').toString('latin1'), merchant);
  const sign = /<sign>([^<]*)<\/sign>/.exec(inner);
  if (!sign || !isSigned(inner.replace(sign[0], ''), sign[1] ?? '', merchant)) return undefined;
  const entities: Readonly<Record<string, string>> = { '&lt;': '<', '&gt;': '>', '&amp;': '&' };
  return new Map(
    [...inner.matchAll(/<(\w+)>([^<]*)<\/\1>/g)].map(([, name = '', value = '']) => [
      name,
      value.replace(/&(?:lt|gt|amp);/g, (entity) => entities[entity] ?? entity),
    ]),
  );
}

function decrypt(hex: string, { own }: Merchant): string {
  const decipher = createDecipheriv('des-ede3', Buffer.from(own.des_key ?? '', 'base64'), null).setAutoPadding(false);
  const plain = Buffer.concat([decipher.update(Buffer.from(hex, 'hex')), decipher.final()]);
  const end = 4 + plain.readUInt32BE();
  if (end > plain.length || plain.length - end >= 8 || plain.subarray(end).some((byte) => byte !== 0)) return '';
  return plain.subarray(4, end).toString('utf8');
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

function isSigned(text: string, sign: string, { own }: Merchant): boolean {
  try {
    return publicDecrypt({ key: createPublicKey(own.public_pem ?? ''), padding }, Buffer.from(sign, 'base64')).toString() === digest(text);
  } catch {
    return false;
  }
}

/** JD's side of a message: signed with its key, encrypted with the merchant's. */
export function sealedXml({ no, own }: Merchant, fields: Readonly<Record<string, string>>, how: Signature): string {
  const elements = Object.entries(fields).map(([name, value]) => `<${name}>${value}</${name}>`);
  const text = `${head}<jdpay>${elements.join('')}<result><code>000000</code><desc>success</desc></result></jdpay>`;
  const signed = how === 'good' ? text : `${text} `;
  const sign = privateEncrypt({ key: createPrivateKey(own.jd_key ?? ''), padding }, Buffer.from(digest(signed))).toString('base64');
  const bytes = Buffer.from(how === 'none' ? text : text.replace('</jdpay>', `<sign>${sign}</sign></jdpay>`));
  const plain = Buffer.alloc(Math.ceil((bytes.length + 4) / 8) * 8);
  plain.writeUInt32BE(bytes.length);
  bytes.copy(plain, 4);
  const cipher = createCipheriv('des-ede3', Buffer.from(own.des_key ?? '', 'base64'), null).setAutoPadding(false);
  const hex = Buffer.concat([cipher.update(plain), cipher.final()]).toString('hex');
  return `${head}<jdpay><version>V2.0</version><merchant>${no}</merchant><result><code>000000</code><desc>success</desc></result><encrypt>${Buffer.from(hex).toString('base64')}</encrypt></jdpay>`;
}

const answerOf =
  (merchant: Merchant, result: Result): Unsealed =>
  (how) =>
    'code' in result
      ? failed(merchant.no, result.code, result.desc)
      : textReply(sealedXml(merchant, { version: 'V2.0', merchant: merchant.no, ...result.fields }, how), 'application/xml');

function failed(merchant: string, code: string, desc: string): WireReply {
  return textReply(
    `${head}<jdpay><version>V2.0</version><merchant>${merchant}</merchant><result><code>${code}</code><desc>${desc}</desc></result></jdpay>`,
    'application/xml',
  );
}

function troubleOf({ no }: Merchant, trouble: Trouble): WireReply {
  if (trouble === 'rate_limit') return textReply('', 'text/plain', 429);
  if (trouble === 'server_error') return textReply('', 'text/plain', 503);
  return failed(no, typeof trouble === 'object' ? trouble.code : 'SIM777', '从未见过的代码');
}
