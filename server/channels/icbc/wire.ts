import { formatShanghai } from '../../kernel/time.ts';
import type { Account, Env, Signable, Verdict, WireAnswer, WireRequest } from '../define.ts';
import { privateKeyOf } from '../keys.ts';
import { asks, type Failure, type Meaning, meaningIn, type Table, wait } from '../meaning.ts';
import { type Config, gatewayOf } from './config.ts';
import { isGateways, type Parameters, signedPart, stringToSign } from './sign.ts';

/** What is inside of biz_content, or of response_biz_content. */
export type Biz = Readonly<Record<string, unknown>>;

/** A form with JSON in a text, signed together with the path of the call. */
export function signedRequest({ config }: Account<Config>, env: Env, path: string, biz: Readonly<Record<string, string | undefined>>): Signable<WireRequest> {
  const { origin, prefix } = gatewayOf(config);
  const given = Object.fromEntries(Object.entries(biz).filter(([, value]) => value !== undefined && value !== ''));
  const sign_type = config.sign_type ?? 'RSA2';
  const unsigned: Parameters = {
    app_id: config.app_id,
    msg_id: env.nonce,
    format: 'json',
    charset: 'UTF-8',
    sign_type,
    timestamp: formatShanghai(env.now),
    biz_content: JSON.stringify({ mer_id: config.mer_id, ...given }),
  };
  const send = (sign: string): WireRequest => ({
    method: 'POST',
    origin,
    path: prefix + path,
    headers: { 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8' },
    body: new URLSearchParams({ ...unsigned, sign }).toString(),
  });
  const message = stringToSign(path, unsigned);
  // biome-ignore lint/suspicious/noThenProperty: the name is the interface's; a Signable goes to the client, which never awaits it.
  return { sign: { message, key: privateKeyOf(config.private_key), digest: sign_type === 'RSA' ? 'sha1' : 'sha256' }, then: send };
}

export function verifyAnswer({ status, body }: WireAnswer, { config }: Account<Config>): Verdict {
  if (status !== 200) return 'invalid';
  const text = body.toString('utf8');
  const signed = signedPart(text);
  if (signed === undefined) return 'invalid';
  return isGateways(signed, textOf(objectIn(text), 'sign'), config.gateway_public_key) ? 'valid' : 'invalid';
}

/** What an answer holds, read from the very characters that were signed. */
export function read(
  { body }: WireAnswer,
  { config }: Account<Config>,
): { readonly biz: Biz; readonly failure: undefined } | { readonly biz: Biz; readonly failure: Failure } {
  const biz = objectIn(signedPart(body.toString('utf8')) ?? '');
  const code = required(biz, 'return_code');
  if (code === '0') return { biz, failure: undefined };
  return { biz, failure: { meaning: meaningOf(code, config), code, message: textOf(biz, 'return_msg') } };
}

/** The bank's codes are not public, so none is a final no. -30 and -31 are the host's; 20000002 was seen where a wallet's order waits. */
const codes: Table = { '-30': asks('server_error'), '-31': asks('server_error'), '500018': asks('server_error'), '20000002': wait('paying') };

function meaningOf(code: string, { unknown_codes }: Config): Meaning {
  return unknown_codes?.split(',').includes(code) ? wait('not_found') : meaningIn(codes, code);
}

export function objectIn(text: string): Biz {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('the JSON is no object');
  return value as Biz;
}

/** Numbers come as numbers and as texts. */
export function textOf(biz: Biz, name: string): string | undefined {
  const value = biz[name];
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value === 'string') return value;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  throw new Error(`${name} is neither a text nor an integer`);
}

export function required(biz: Biz, name: string): string {
  const value = textOf(biz, name);
  if (value === undefined) throw new Error(`${name} is missing`);
  return value;
}
