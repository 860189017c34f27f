import { formatShanghaiCompact } from '../../kernel/time.ts';
import type { Account, Env, InboundMessage, Signable, Trust, Verdict, WireAnswer, WireRequest } from '../define.ts';
import { privateKeyOf } from '../keys.ts';
import { asks, type Failure, meaningIn, type Table, wait } from '../meaning.ts';
import { type Config, gatewayOf } from './config.ts';
import { authorization, isFresh, isSignedBy, keyOfCertificate, readAuthorization, requestText } from './sign.ts';

export type Json = Readonly<Record<string, unknown>>;

/** JSON both ways, signed over its exact bytes in both directions. */
export function signedRequest({ config }: Account<Config>, { now, nonce }: Env, path: string, req_data: Json): Signable<WireRequest> {
  const { origin, prefix } = gatewayOf(config);
  const body = JSON.stringify({
    req_time: formatShanghaiCompact(now),
    version: '3.0',
    req_data: { merchant_no: config.merchant_no, term_no: config.term_no, ...req_data },
  });
  const signer = { appid: config.appid, serial_no: config.serial_no, timestamp: String(Math.floor(now.getTime() / 1000)), nonce };
  const send = (signature: string): WireRequest => ({
    method: 'POST',
    origin,
    path: prefix + path,
    headers: {
      accept: 'application/json',
      'content-type': 'application/json; charset=utf-8',
      'user-agent': 'Heliu',
      authorization: authorization(signer, signature),
    },
    body,
  });
  // biome-ignore lint/suspicious/noThenProperty: the name is the interface's; a Signable goes to the client, which never awaits it.
  return { sign: { message: requestText(signer, body), key: privateKeyOf(config.private_key), digest: 'sha256' }, then: send };
}

export function verifyAnswer({ headers, body }: WireAnswer, { config }: Account<Config>, _trust: Trust, env: Env): Verdict {
  const [appid, serial, timestamp, nonce, signature] = ['appid', 'serial', 'timestamp', 'nonce', 'signature'].map((name) => headers[`lklapi-${name}`]);
  if (appid !== config.appid || serial === undefined || timestamp === undefined || nonce === undefined || signature === undefined) return 'invalid';
  if (!isFresh(timestamp, env.now)) return 'invalid';
  return isSignedBy(keyOfCertificate(config.gateway_certificate), [appid, serial, timestamp, nonce], body, signature) ? 'valid' : 'invalid';
}

/**
 * Notifications are signed by another rule than answers, and maybe with another certificate. Whether one that is repeated hours later
 * is signed anew is not published, so its age is not asked: what it says is said once for all, however often it comes.
 */
export function verifyNotification({ headers, body }: InboundMessage, { config }: Account<Config>): Verdict {
  const { timestamp, nonce_str, signature } = readAuthorization(headers.authorization) ?? {};
  if (timestamp === undefined || nonce_str === undefined || signature === undefined) return 'invalid';
  const key = keyOfCertificate(config.notify_certificate ?? config.gateway_certificate);
  return isSignedBy(key, [timestamp, nonce_str], body, signature) ? 'valid' : 'invalid';
}

/** BBS11112, BBS11105 and BBS10000 are under way or unknown; what other codes mean is not listed, so it is asked. */
const codes: Table = { BBS11112: wait('paying'), BBS11105: wait('paying'), BBS10000: asks('server_error') };

export function readJson(body: Buffer): Json {
  const value: unknown = JSON.parse(body.toString('utf8'));
  if (!isObject(value)) throw new Error('the JSON is not an object');
  return value;
}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The data of a success, or what the code says. */
export function dataOf(
  answer: WireAnswer,
  { unknown_order_code }: Config,
): { readonly data: Json; readonly failure: undefined } | { readonly data: undefined; readonly failure: Failure } {
  const json = readJson(answer.body);
  const code = textIn(json, 'code');
  if (code === 'BBS00000') return { data: isObject(json.resp_data) ? json.resp_data : {}, failure: undefined };
  const meaning = code === unknown_order_code ? wait('not_found') : meaningIn(codes, code);
  return { data: undefined, failure: { meaning, code, message: typeof json.msg === 'string' ? json.msg : undefined } };
}

export function optionalText(json: Json, name: string): string | undefined {
  const value = json[name];
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string') throw new Error(`${name} is not a text`);
  return value;
}

export function textIn(json: Json, name: string): string {
  const value = optionalText(json, name);
  if (value === undefined) throw new Error(`${name} is missing`);
  return value;
}
