import type { Account, Env, Verdict, WireAnswer, WireRequest } from '../define.ts';
import type { Failure } from '../meaning.ts';
import { type Config, gatewayOf, readSigningKey } from './config.ts';
import { meaningOf, type TableName } from './errors.ts';
import { signRequest } from './sign.ts';

/** The merchant API of the other installation: JSON both ways. Its answers are not signed, so https vouches for them. */

export type Fields = Readonly<Record<string, unknown>>;

export function apiRequest({ config }: Account<Config>, env: Env, method: 'GET' | 'POST', target: string, body?: Fields): WireRequest {
  const { origin, prefix } = gatewayOf(config);
  const path = prefix + target;
  const text = body === undefined ? undefined : JSON.stringify(body);
  const type = text === undefined ? {} : { 'content-type': 'application/json' };
  const headers = { accept: 'application/json', 'user-agent': 'Heliu', ...type, ...credentials(config, env, { method, url: origin + path, body: text }) };
  return { method, origin, path, headers, ...(text === undefined ? {} : { body: text }) };
}

type Request = { readonly method: string; readonly url: string; readonly body: string | undefined };

function credentials(config: Config, { now, nonce }: Env, request: Request): Readonly<Record<string, string>> {
  const key = readSigningKey(config);
  if (!key) return { authorization: `Bearer ${config.api_key?.expose() ?? ''}` };
  return signRequest({ ...request, key, key_id: config.signing_key_id ?? '', created_s: Math.floor(now.getTime() / 1000), nonce });
}

/** Whether the answer has the form of the API. A proxy in front of it answers otherwise, and what failed over there is not its word. */
export function verifyAnswer(answer: WireAnswer): Verdict {
  const json = parsed(answer);
  if (!isFields(json)) return 'invalid';
  if (answer.status === 200 || answer.status === 201) return 'object' in json || Array.isArray(json.data) ? 'valid' : 'invalid';
  return answer.status >= 400 && answer.status < 500 && answer.status !== 429 && errorOf(json) ? 'valid' : 'invalid';
}

export type Read = { readonly json: Fields; readonly failure: undefined } | { readonly json: undefined; readonly failure: Failure };

/** What was asked for, or what the error means to this kind of call. */
export function readAnswer(answer: WireAnswer, table: TableName): Read {
  const json = parsed(answer);
  if (!isFields(json)) throw new Error('the answer is not an object');
  if (answer.status === 200 || answer.status === 201) return { json, failure: undefined };
  const error = errorOf(json);
  if (!error) throw new Error('the error has no code');
  return { json: undefined, failure: { meaning: meaningOf(table, error.code, answer.status), code: error.code, message: error.message } };
}

export const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

const parsed = ({ body }: Pick<WireAnswer, 'body'>): unknown => JSON.parse(body.toString('utf8'));

function errorOf({ error }: Fields): { readonly code: string; readonly message: string } | undefined {
  if (!isFields(error) || typeof error.code !== 'string') return undefined;
  return { code: error.code, message: typeof error.message_zh === 'string' ? error.message_zh : '' };
}

/** A part that is promised; one that is missing or of another kind is a changed contract, so it throws. */
export function textIn(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string' || value === '') throw new Error(`${name} is missing`);
  return value;
}

export function integerIn(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw new Error(`${name} is not an integer`);
  return value;
}

export function instantIn(fields: Fields, name: string): Date {
  const at = new Date(textIn(fields, name));
  if (Number.isNaN(at.getTime())) throw new Error(`${name} is not a time`);
  return at;
}
