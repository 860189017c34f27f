import type { Account, Env, Verdict, WireAnswer, WireRequest } from '../define.ts';
import { asks, type Failure, type Meaning, wait } from '../meaning.ts';
import type { Config } from './config.ts';
import { apiSign, type Fields, isSignedBy, pointOf, signFields } from './sign.ts';

/** What is inside biz_content. */
export type Biz = Readonly<Record<string, unknown>>;

/** A call: JSON in a text, signed, and the signature signed once more for the platform. */
export function request(path: string, biz: Readonly<Record<string, string | undefined>>, { config }: Account<Config>, env: Env): WireRequest {
  const given = Object.fromEntries(Object.entries(biz).filter(([, value]) => value !== undefined && value !== ''));
  const unsigned: Fields = { biz_content: JSON.stringify({ merId: config.mer_id, ...given }), encoding: 'UTF-8', signMethod: '02', version: '0.0.1' };
  const sign = signFields(unsigned, config.private_key.expose());
  const timestamp = String(Math.floor(env.now.getTime() / 1000));
  const url = new URL((config.gateway_url ?? 'https://api.cmbchina.com').replace(/\/$/, ''));
  return {
    method: 'POST',
    origin: url.origin,
    path: `${url.pathname === '/' ? '' : url.pathname}/polypay/v1.0/mchorders/${path}`,
    headers: {
      'content-type': 'application/json;charset=UTF-8',
      appid: config.appid,
      timestamp,
      apisign: apiSign({ appid: config.appid, secret: config.app_secret.expose(), sign, timestamp }),
    },
    body: JSON.stringify({ ...unsigned, sign }),
  };
}

/** Texts by name. An answer whose content is an object and no text has no known signature, so it is nobody's word. */
export function fieldsOf(body: Buffer): Fields | undefined {
  const value: unknown = JSON.parse(body.toString('utf8'));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.values(value).every((each) => typeof each === 'string') ? (value as Fields) : undefined;
}

/** What failed as a format carries no signature, and settles nothing. */
export function verifyAnswer({ status, body }: WireAnswer, { config }: Account<Config>): Verdict {
  const fields = status === 200 ? fieldsOf(body) : undefined;
  return fields && isSignedBy(fields, pointOf(config.cmb_public_key) ?? '') ? 'valid' : 'invalid';
}

/** What an answer holds: its content, or why there is none. */
export function read({ body }: WireAnswer, { config }: Account<Config>): { readonly biz: Biz; readonly failure: undefined } | { readonly failure: Failure } {
  const fields = fieldsOf(body) ?? {};
  if (fields.returnCode === 'SUCCESS' && fields.respCode === 'SUCCESS') return { biz: bizOf(fields), failure: undefined };
  const code = fields.errCode ?? fields.returnCode ?? '';
  return { failure: { meaning: meaningOf(code, config), code, message: fields.respMsg } };
}

/** The bank's list of codes is not public: none is a final no. It says "unknown" in so many letters (spelt so). */
function meaningOf(code: string, { order_unknown_code }: Config): Meaning {
  if (code === 'SYSTERM_ERROR') return asks('server_error');
  return order_unknown_code !== undefined && code === order_unknown_code ? wait('not_found') : asks('unlisted');
}

export function bizOf({ biz_content }: Fields): Biz {
  const value: unknown = JSON.parse(biz_content ?? '');
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('biz_content is no object');
  return value as Biz;
}

export function textOf(biz: Biz, name: string): string | undefined {
  const value = biz[name];
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string') throw new Error(`${name} is no text`);
  return value;
}

export function required(biz: Biz, name: string): string {
  const value = textOf(biz, name);
  if (value === undefined) throw new Error(`${name} is missing`);
  return value;
}
