import type { RefusalReason } from '@heliu/contract';
import type { Account, Ask, Env, Signable, Trust, Verdict, WireAnswer, WireRequest } from '../define.ts';
import { privateKeyOf, publicKeyOf } from '../keys.ts';
import { type Config, gatewayOf } from './config.ts';
import { type Call, type Meaning, meaningOf } from './errors.ts';
import { authorization, isSigned, keyFinder, requestMessage, verifyMessage } from './sign.ts';

/** APIv3 as a transport: JSON over signed requests and signed answers. @see https://pay.weixin.qq.com/doc/v3/merchant/4012081606 */

/** The gateway refuses some requests without one. */
export const user_agent = 'Heliu';

type Target = { readonly method: 'GET'; readonly path: string } | { readonly method: 'POST'; readonly path: string; readonly body: object };

/** A signed request. In public key mode it says which key the answer shall be signed with. */
export function signedRequest({ config }: Account<Config>, env: Env, target: Target): Signable<WireRequest> {
  const { origin, prefix } = gatewayOf(config);
  const path = prefix + target.path;
  const body = target.method === 'POST' ? JSON.stringify(target.body) : '';
  const timestamp = unixSeconds(env.now);
  const message = requestMessage({ method: target.method, target: path, timestamp, nonce: env.nonce, body });
  return toSign(config, message, (signature) => ({
    method: target.method,
    origin,
    path,
    headers: {
      accept: 'application/json',
      'user-agent': user_agent,
      authorization: authorization(config, { timestamp, nonce: env.nonce }, signature),
      ...(body === '' ? {} : { 'content-type': 'application/json' }),
      ...(config.trust === 'public_key' && config.public_key_id !== undefined ? { 'wechatpay-serial': config.public_key_id } : {}),
    },
    ...(body === '' ? {} : { body }),
  }));
}

/** A text to sign with the merchant's key, and what to do with the signature. */
export function toSign<T>({ private_key }: Config, message: string, use: (signature: string) => T): Signable<T> {
  // biome-ignore lint/suspicious/noThenProperty: the name is the interface's; a Signable goes to the client, which never awaits it.
  return { sign: { message, key: privateKeyOf(private_key), digest: 'sha256' }, then: use };
}

export const unixSeconds = (at: Date): string => String(Math.floor(at.getTime() / 1000));

/** An answer is the gateway's if its signature is. An unsigned error is believed only where the account says so. */
export function verifyAnswer(answer: WireAnswer, { config }: Account<Config>, trust: Trust, env: Env): Verdict {
  if (answer.status >= 400 && !isSigned(answer.headers)) return config.trust_unsigned_errors === true ? 'valid' : 'invalid';
  return verifyMessage(answer.headers, answer.body, env.now, keysOf(config, trust));
}

/** The configured public key and the fetched certificates: while a merchant migrates, the gateway signs with both. */
export function keysOf({ public_key_id, public_key }: Config, trust: Trust) {
  const configured = public_key_id !== undefined && public_key !== undefined ? { id: public_key_id, key: publicKeyOf(public_key) } : undefined;
  return keyFinder(configured, trust);
}

export type Json = Readonly<Record<string, unknown>>;

/** Reads a JSON object; throws on anything else. */
export function parseJson(text: string): Json {
  const value: unknown = JSON.parse(text);
  if (!isObject(value)) throw new Error('the JSON is not an object');
  return value;
}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

export const jsonOf = (answer: WireAnswer): Json => parseJson(answer.body.toString('utf8'));

/** Fields by name; the wrong type is a changed protocol, not a missing field, so it throws. */
export function textOf(json: Json, name: string): string | undefined {
  const value = json[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw new Error(`${name} is not a text`);
  return value;
}

export function integerOf(json: Json, name: string): number | undefined {
  const value = json[name];
  if (value === undefined || value === null) return undefined;
  if (!Number.isSafeInteger(value)) throw new Error(`${name} is not an integer`);
  return value as number;
}

export function objectOf(json: Json, name: string): Json {
  const value = json[name];
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw new Error(`${name} is not an object`);
  return value;
}

export function requiredText(json: Json, name: string): string {
  const value = textOf(json, name);
  if (value === undefined || value === '') throw new Error(`${name} is missing`);
  return value;
}

export function requiredInteger(json: Json, name: string): number {
  const value = integerOf(json, name);
  if (value === undefined) throw new Error(`${name} is missing`);
  return value;
}

export const isSuccess = (answer: WireAnswer): boolean => answer.status >= 200 && answer.status < 300;

/** A verified error in our words and in the gateway's. */
export type Failure = { readonly meaning: Meaning; readonly code: string; readonly message: string | undefined };

/** Reads the error envelope. The status is not looked at: the same code comes with different ones. */
export function failureOf(call: Call, answer: WireAnswer): Failure {
  const json = jsonOf(answer);
  const code = requiredText(json, 'code');
  return { meaning: meaningOf(call, code), code, message: textOf(json, 'message') };
}

export function refused(reason: RefusalReason, code: string, message: string | undefined) {
  return { is: 'refused', reason, channel_code: code, ...(message === undefined ? {} : { channel_message: message }) } as const;
}

export const ask = (why: Ask['why'], detail?: string): Ask => ({ is: 'ask', why, ...(detail === undefined ? {} : { detail }) });

/** A no that needs no call: the request cannot be made with what the account or the order holds, so nothing was sent. */
export const refusedHere = (reason: RefusalReason, code: string, message: string) => ({ local: refused(reason, code, message) });
