import type { Account, Env, Step, Verdict, WireAnswer, WireRequest } from '../define.ts';
import { buildFlatXml, type Fields, parseFlatXml, sortedFields } from '../flat-xml.ts';
import { privateKeyOf } from '../keys.ts';
import type { Failure } from '../meaning.ts';
import { type Config, gatewayOf } from './config.ts';
import { type Call, meaningOf } from './errors.ts';
import { digestOf, isGenuine, md5Sign } from './sign.ts';

/** One address, flat XML, and a field that says which service is called. */

/** A signed request. Empty values are left out: they would not be signed. Bills are fetched elsewhere. */
export function signedRequest({ config }: Account<Config>, { nonce }: Env, service: string, own: Fields, elsewhere?: URL): Step<WireRequest> {
  const { origin, path } = elsewhere ? { origin: elsewhere.origin, path: elsewhere.pathname } : gatewayOf(config);
  const { mch_id, groupno, sign_agentno, sign_type } = config;
  const fields = {
    service,
    version: '2.0',
    charset: 'UTF-8',
    sign_type,
    mch_id,
    ...(groupno === undefined ? {} : { groupno }),
    ...(sign_agentno === undefined ? {} : { sign_agentno }),
    nonce_str: nonce,
    ...own,
  };
  const send = (sign: string): WireRequest => ({
    method: 'POST',
    origin,
    path,
    headers: { accept: 'text/xml', 'content-type': 'text/xml; charset=utf-8', 'user-agent': 'Heliu' },
    body: buildFlatXml({ ...fields, sign }),
  });
  if (sign_type === 'MD5') return send(md5Sign(fields, config.key?.expose() ?? ''));
  if (config.private_key === undefined) throw new Error('an account with RSA has a private key');
  // biome-ignore lint/suspicious/noThenProperty: the name is the interface's; a Signable goes to the client, which never awaits it.
  return { sign: { message: sortedFields(fields), key: privateKeyOf(config.private_key), digest: digestOf(sign_type) }, then: send };
}

export const fieldsOf = (answer: { readonly body: Buffer }): Fields => parseFlatXml(answer.body.toString('utf8'));

/** Answers to requests that the gateway could not read carry no signature: they are nobody's word. */
export function verifyMessage(message: { readonly body: Buffer }, { config }: Account<Config>): Verdict {
  const fields = fieldsOf(message);
  return isGenuine(fields, config) && (fields.mch_id ?? config.mch_id) === config.mch_id ? 'valid' : 'invalid';
}

/** What an answer that is not a success says, or undefined when it is one. `status` is judged first, then `result_code`. */
export function failureOf(call: Call, fields: Fields): Failure | undefined {
  if (fields.status !== '0') return { meaning: { final: 'ask', why: 'unlisted' }, code: `status ${fields.status}`, message: fields.message };
  if (fields.result_code === '0') return undefined;
  const code = fields.err_code ?? fields.code ?? '';
  return { meaning: meaningOf(call, code), code, message: fields.err_msg };
}

export const answered = (answer: WireAnswer, call: Call): { readonly fields: Fields; readonly failure: Failure | undefined } => {
  const fields = fieldsOf(answer);
  return { fields, failure: failureOf(call, fields) };
};
