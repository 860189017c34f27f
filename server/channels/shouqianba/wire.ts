import type { Account, Ask, Session, Verdict, WireAnswer, WireRequest } from '../define.ts';
import { ask } from '../meaning.ts';
import { type Config, gatewayOf } from './config.ts';
import { authorization } from './sign.ts';

export type Json = Readonly<Record<string, unknown>>;
export type Texts = Readonly<Record<string, string>>;

/** JSON both ways, every value a text. Requests are signed over their bytes; nothing that comes back is signed: the connection vouches for it. */
export function signedRequest(config: Config, signer: { readonly sn: string; readonly key: string }, path: string, values: Texts): WireRequest {
  const { origin, prefix } = gatewayOf(config);
  const body = JSON.stringify(values);
  return {
    method: 'POST',
    origin,
    path: prefix + path,
    headers: {
      accept: 'application/json',
      'content-type': 'application/json',
      'user-agent': 'Heliu',
      authorization: authorization(signer.sn, signer.key, body),
    },
    body,
  };
}

export const byTerminal = (config: Config, { name, key }: Session, path: string, values: Texts): WireRequest =>
  signedRequest(config, { sn: name, key: key.expose() }, path, { terminal_sn: name, ...values });

/** Said in place of a question that nobody can sign: it settles nothing, and nothing was sent. */
export const no_key = {
  code: 'HELIU_TERMINAL_NOT_ACTIVATED',
  message: 'the terminal has no key that is good: activate it with a new activation code',
} as const;

/** A question about what was sent before: without a key it stays open. */
export function question({ config, session }: Account<Config>, path: string, values: Texts): WireRequest | { readonly local: Ask } {
  return session ? byTerminal(config, session, path, values) : { local: ask('unlisted', no_key.code) };
}

/** What the connection vouches for is an answer in the gateway's form; another page's is not. */
export function verifyAnswer({ status, body }: WireAnswer): Verdict {
  return status < 500 && typeof readJson(body).result_code === 'string' ? 'valid' : 'invalid';
}

/** What the gateway says: of the work, or that it did not come to it. */
export type Said =
  | { readonly is: 'business'; readonly code: string; readonly error: string | undefined; readonly message: string | undefined; readonly biz: Json; readonly data: Json | undefined } // biome-ignore format: one line
  /** The request was not taken. */
  | { readonly is: 'client'; readonly error: string; readonly message: string | undefined }
  /** What became of it is not known. */
  | { readonly is: 'server'; readonly error: string; readonly message: string | undefined };

/** @see https://github.com/WoSai/shouqianba-doc zh-cn/api/annex/responseCode.md */
export function readAnswer({ body }: WireAnswer): Said {
  const json = readJson(body);
  const result_code = textIn(json, 'result_code');
  if (result_code !== '200') {
    const told = { error: optionalText(json, 'error_code') ?? result_code, message: optionalText(json, 'error_message') };
    return result_code === '400' ? { is: 'client', ...told } : { is: 'server', ...told };
  }
  const biz = json.biz_response;
  if (!isObject(biz)) throw new Error('biz_response is missing');
  return {
    is: 'business',
    code: optionalText(biz, 'result_code') ?? '',
    error: optionalText(biz, 'error_code'),
    message: optionalText(biz, 'error_message'),
    biz,
    data: isObject(biz.data) ? biz.data : undefined,
  };
}

export function readJson(body: Buffer): Json {
  const value: unknown = JSON.parse(body.toString('utf8'));
  if (!isObject(value)) throw new Error('the JSON is not an object');
  return value;
}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

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
