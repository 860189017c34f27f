import { createHash, createHmac } from 'node:crypto';
import { makeClientCertificate } from '../../kit/gateway/keys.ts';
import { type RawRequest, type Received, type Signature, type Trouble, textReply, type Unsealed, type WireReply } from '../../kit/gateway/wire.ts';
import type { Merchant, Order, World } from '../../kit/gateway/world.ts';
import { readXml, writeXml } from '../../kit/gateway/xml.ts';
import type { Calls, Result } from './calls.ts';

/** The door: XML, a signature over the fields, and a certificate for the two calls that move money back. */

/** `certificate` stands for MD5, `public_key` for HMAC-SHA256. */
export async function enroll(world: World, { mode, trust }: { mode: 'direct' | 'provider'; trust: 'certificate' | 'public_key' }) {
  const no = `1${world.digits(9)}`;
  const key = world.hex(32);
  const sign_type = trust === 'certificate' ? 'MD5' : 'HMAC-SHA256';
  const shown = await makeClientCertificate(world, no);
  const op_user_passwd = createHash('md5').update(world.hex(16)).digest('hex');
  const sub_mch_id = mode === 'provider' ? `1${world.digits(9)}` : undefined;
  const sub = sub_mch_id === undefined ? {} : { sub_mch_id };
  world.put('merchant', { no, own: { key, sign_type, serial_no: shown.serial_no, op_user_passwd, ...sub } });
  return {
    mode,
    mch_id: no,
    ...sub,
    appid: `1${world.digits(9)}`,
    app_key: world.hex(16),
    key,
    sign_type,
    certificate: shown.certificate_pem,
    private_key: shown.private_pem,
    op_user_passwd,
    gateway_url: world.ports.base_url,
    secure_url: world.ports.base_url,
  };
}

export function receive(world: World, request: RawRequest, calls: Calls): Received {
  const fields = readXml(request.body.toString('utf8'));
  if (request.method !== 'POST' || !fields) return { reply: failed('XML格式错误') };
  const merchant = world.tables.merchant.get(fields.get('mch_id') ?? '');
  if (!merchant || (fields.get('sub_mch_id') ?? '') !== (merchant.own.sub_mch_id ?? '')) return { reply: failed('商户号不存在') };
  if ((fields.get('sign_type') ?? 'MD5') !== merchant.own.sign_type || fields.get('sign') !== signatureOf(fields, merchant, 'good')) {
    return { reply: failed('签名错误') };
  }
  const call = calls(request.path, merchant, fields);
  if (!call) return { reply: textReply('', 'text/plain', 404) };
  // Over plain http no certificate can be shown, so the mounted simulator cannot ask for one.
  const shown = request.client_certificate;
  if (call.secure && shown !== 'none' && shown.serial_no !== merchant.own.serial_no) return { reply: failed('证书验证失败') };
  const seal = (result: Result) => sealed(world, merchant, result);
  return { call: { name: call.name, run: () => seal(call.run()), fail: (trouble) => seal({ ...troubleFields(trouble), ...(call.name === 'reverse' && trouble === 'server_error' ? { recall: 'Y' } : {}) }) } }; // biome-ignore format: one call
}

function troubleFields(trouble: Trouble): Result {
  const codes = { server_error: 'SYSTEMERROR', rate_limit: 'FREQUENCY_LIMITED', unlisted_code: 'NEWLY_INVENTED' } as const;
  return { result_code: 'FAIL', err_code: typeof trouble === 'object' ? trouble.code : codes[trouble], err_code_des: '系统异常' };
}

/** What fails as a communication carries no signature. */
const failed = (return_msg: string): WireReply => xml(Object.entries({ return_code: 'FAIL', return_msg, retcode: '1', retmsg: return_msg }));
const xml = (fields: Iterable<readonly [string, string]>): WireReply => textReply(writeXml(fields), 'text/xml;charset=utf-8');

/** `told` is the order that a notification names its parties by. */
export function sealed(world: World, merchant: Merchant, result: Result, told?: Order): Unsealed {
  return (how) => {
    const parties = { mch_id: told?.merchant ?? merchant.no, ...(merchant.own.sub_mch_id === undefined ? {} : { sub_mch_id: merchant.own.sub_mch_id }) };
    const message = new Map(
      Object.entries({ return_code: 'SUCCESS', return_msg: 'SUCCESS', retcode: '0', result_code: 'SUCCESS', ...parties, nonce_str: world.hex(32), ...result }),
    );
    return xml(how === 'none' ? message : message.set('sign', signatureOf(message, merchant, how)));
  };
}

function signatureOf(fields: ReadonlyMap<string, string>, { own }: Merchant, how: Signature): string {
  const key = how === 'good' ? (own.key ?? '') : [...(own.key ?? '')].reverse().join('');
  const names = [...fields.keys()].filter((name) => name !== 'sign' && fields.get(name) !== '').sort();
  const text = `${names.map((name) => `${name}=${fields.get(name)}`).join('&')}&key=${key}`;
  const hash = own.sign_type === 'MD5' ? createHash('md5') : createHmac('sha256', key);
  return hash.update(text).digest('hex').toUpperCase();
}
