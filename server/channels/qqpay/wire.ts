import type { Account, Env, Local, Verdict, WireAnswer, WireRequest } from '../define.ts';
import { buildFlatXml, type Fields, parseFlatXml } from '../flat-xml.ts';
import { type Failure, type refused, refusedHere } from '../meaning.ts';
import { type Config, hostOf } from './config.ts';
import { type Call, meaningOf } from './errors.ts';
import { isGenuine, signFields } from './sign.ts';

/** Flat XML with a signature over its fields; two calls show a certificate besides. */
type Message = { readonly path: string; readonly fields: Fields; readonly secure?: boolean };

export function signedRequest(
  { config }: Account<Config>,
  env: Env,
  { path, fields, secure = false }: Message,
): WireRequest | Local<ReturnType<typeof refused>> {
  const { certificate, private_key, mch_id, sub_mch_id, appid, sub_appid, sign_type } = config;
  if (secure && (certificate === undefined || private_key === undefined)) {
    return refusedHere('configuration_error', 'HELIU_CERTIFICATE_MISSING', 'the account has no client certificate');
  }
  const { origin, prefix } = hostOf(config, secure);
  const parties = { mch_id, ...given({ sub_mch_id, appid, sub_appid }) };
  const unsigned = { ...parties, nonce_str: env.nonce, ...(sign_type === 'MD5' ? {} : { sign_type }), ...fields };
  return {
    method: 'POST',
    origin,
    path: `${prefix}/cgi-bin/pay/${path}`,
    headers: { accept: 'text/xml', 'content-type': 'text/xml; charset=utf-8', 'user-agent': 'Heliu' },
    body: buildFlatXml({ ...unsigned, sign: signFields(unsigned, config.key.expose(), sign_type) }),
    ...(secure && certificate !== undefined && private_key !== undefined ? { client_certificate: { certificate_pem: certificate, key_pem: private_key } } : {}),
  };
}

const given = (fields: Readonly<Record<string, string | undefined>>): Fields =>
  Object.fromEntries(Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));

export const fieldsOf = (message: { readonly body: Buffer }): Fields => parseFlatXml(message.body.toString('utf8'));

/** What failed as a communication carries no signature and is nobody's word. */
export function verifyMessage(message: { readonly body: Buffer }, { config }: Account<Config>): Verdict {
  const fields = fieldsOf(message);
  return isGenuine(fields, config.key, config.sign_type) && (fields.mch_id ?? config.mch_id) === config.mch_id ? 'valid' : 'invalid';
}

/** What an answer that is not a success says, or undefined when it is one. */
export function failureOf(call: Call, answer: WireAnswer): { readonly fields: Fields; readonly failure: Failure | undefined } {
  const fields = fieldsOf(answer);
  if (fields.return_code === 'SUCCESS' && fields.result_code === 'SUCCESS') return { fields, failure: undefined };
  const code = fields.err_code ?? fields.return_code ?? '';
  return { fields, failure: { meaning: meaningOf(call, code), code, message: fields.err_code_des ?? fields.return_msg } };
}
