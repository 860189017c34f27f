import { createHash, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { makeRsaPair } from '../../kit/gateway/keys.ts';
import type { RawRequest, Received, Signature, Trouble, Unsealed, WireReply } from '../../kit/gateway/wire.ts';
import { textReply } from '../../kit/gateway/wire.ts';
import type { Merchant, World } from '../../kit/gateway/world.ts';
import { readXml, writeXml } from '../../kit/gateway/xml.ts';
import type { Calls, Result } from './calls.ts';

/** The door: XML in and out, signatures over the fields as they were received, and answers without one to what cannot be believed. */

export type Options = {
  /** How long a notification is repeated is said nowhere, so it is a setting. */
  readonly retry_after_s: readonly number[];
  /** Some banks write MD5 in lower case. */
  readonly lower_case_signs: boolean;
};
export const usual: Options = { retry_after_s: [15, 15, 30, 180, 1800, 1800, 1800, 1800, 3600], lower_case_signs: false };

/** `certificate` stands for the shared MD5 key, `public_key` for RSA; a provider is an agent that signs for its merchants. */
export async function enroll(world: World, { mode, trust }: { mode: 'direct' | 'provider'; trust: 'certificate' | 'public_key' }) {
  const no = `755${world.digits(9)}`;
  const key = world.hex(32);
  const settings = {
    bank: 'swiftpass',
    mch_id: no,
    sub_appid: `wx${world.hex(16)}`,
    gateway_url: `${world.ports.base_url}/pay/gateway`,
    bill_url: `${world.ports.base_url}/gateway`,
  };
  const agent = mode === 'provider' ? { sign_agentno: `1055${world.digits(8)}` } : undefined;
  const common = { ...settings, mode: agent ? 'agent' : 'direct', ...agent };
  if (trust === 'certificate') {
    world.put('merchant', { no, own: { sign_type: 'MD5', key, ...agent } });
    return { ...common, sign_type: 'MD5', key };
  }
  const own = await makeRsaPair();
  const platform = await makeRsaPair();
  world.put('merchant', { no, own: { sign_type: 'RSA_1_256', merchant_key: own.public_pem, platform_key: platform.private_pem, ...agent } });
  return { ...common, sign_type: 'RSA_1_256', private_key: own.private_pem, platform_public_key: platform.public_pem };
}

export function receive(world: World, request: RawRequest, calls: Calls, options: Options): Received {
  if (request.method !== 'POST') return { reply: failed('405', 'method not allowed') };
  const fields = readXml(request.body.toString('utf8'));
  if (!fields) return { reply: failed('400', 'XML格式错误') };
  const merchant = world.tables.merchant.get(fields.get('mch_id') ?? '');
  if (!merchant) return { reply: failed('400', '商户不存在') };
  if ((fields.get('sign_agentno') ?? '') !== (merchant.own.sign_agentno ?? '')) return { reply: failed('400', '渠道授权不存在') };
  if (!isGenuine(fields, merchant)) return { reply: failed('400', '签名错误') };
  const call = calls(fields.get('service') ?? '', merchant, fields);
  if (!call) return { reply: failed('400', '接口不存在') };
  if (call.name === 'bill') return { call: { name: 'bill', run: () => () => call.text(), fail: () => () => textReply('', 'text/plain', 503) } };
  const seal = (result: Result) => sealed(world, merchant, { mch_id: merchant.no, ...result }, options);
  return {
    call: {
      name: call.name,
      run: () => seal(call.run()),
      fail: (trouble) =>
        trouble === 'server_error' && call.name === 'reverse' ? seal({ ...troubleFields(trouble), retry_flag: 'Y' }) : seal(troubleFields(trouble)),
    },
  };
}

function troubleFields(trouble: Trouble): Result {
  if (typeof trouble === 'object') return { status: '0', result_code: '1', err_code: trouble.code, err_msg: '系统异常' };
  const err_code = { server_error: 'SYSTEMERROR', rate_limit: 'FREQUENCY_LIMITED', unlisted_code: 'NEWLY_INVENTED' }[trouble];
  return { status: '0', result_code: '1', err_code, err_msg: '系统异常' };
}

/** What fails as a communication carries no signature. */
const failed = (status: string, message: string): WireReply => xml(Object.entries({ version: '2.0', charset: 'UTF-8', status, message }));

const xml = (fields: Iterable<readonly [string, string]>): WireReply => textReply(writeXml(fields), 'text/xml;charset=utf-8');

/** The answer is signed with the kind of signature that the merchant uses. */
export function sealed(world: World, merchant: Merchant, result: Result, { lower_case_signs }: Options): Unsealed {
  return (how) => {
    const { sign_type = 'MD5' } = merchant.own;
    const message = new Map(Object.entries({ version: '2.0', charset: 'UTF-8', sign_type, ...result, nonce_str: world.hex(32) }));
    if (how === 'none') return xml(message);
    const made = signatureOf(message, merchant, how);
    return xml(message.set('sign', lower_case_signs && sign_type === 'MD5' ? made.toLowerCase() : made));
  };
}

function textOf(fields: ReadonlyMap<string, string>): string {
  const names = [...fields.keys()].filter((name) => name !== 'sign' && fields.get(name) !== '').sort();
  return names.map((name) => `${name}=${fields.get(name)}`).join('&');
}

const md5 = (text: string): string => createHash('md5').update(text).digest('hex').toUpperCase();

function signatureOf(fields: ReadonlyMap<string, string>, { own }: Merchant, how: Signature): string {
  const text = how === 'good' ? textOf(fields) : `${textOf(fields)}0`;
  if (own.sign_type === 'MD5') return md5(`${text}&key=${own.key}`);
  return sign('sha256', Buffer.from(text), createPrivateKey(own.platform_key ?? '')).toString('base64');
}

function isGenuine(fields: ReadonlyMap<string, string>, { own }: Merchant): boolean {
  const given = fields.get('sign') ?? '';
  if ((fields.get('sign_type') ?? 'MD5') !== own.sign_type) return false;
  if (own.sign_type === 'MD5') return given === md5(`${textOf(fields)}&key=${own.key}`);
  return verify('sha256', Buffer.from(textOf(fields)), createPublicKey(own.merchant_key ?? ''), Buffer.from(given, 'base64'));
}
