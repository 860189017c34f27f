import type { Account, Env, Verdict, WireAnswer, WireRequest } from '../define.ts';
import { asks, type Failure, type Meaning, meaningIn, no, type Table, unsigned, wait } from '../meaning.ts';
import { type Config, gatewayOf } from './config.ts';
import { isSigned, signValues, type Values } from './sign.ts';

/** JSON both ways. Answers sign their data; an answer without data, every error among them, carries no signature. */

export function signedRequest({ config }: Account<Config>, { now }: Env, path: string, own: Values): WireRequest {
  const { origin, prefix } = gatewayOf(config);
  const values = { mchNo: config.mch_no, appId: config.app_id, version: '1.0', signType: 'MD5', reqTime: String(now.getTime()), ...own };
  return {
    method: 'POST',
    origin,
    path: prefix + path,
    headers: { accept: 'application/json', 'content-type': 'application/json; charset=utf-8', 'user-agent': 'Heliu' },
    body: JSON.stringify({ ...values, sign: signValues(values, config.app_secret) }),
  };
}

type Answer = { readonly code: number; readonly msg: string; readonly data: Values; readonly sign: unknown };

export function readAnswer(answer: WireAnswer): Answer {
  const json: unknown = JSON.parse(answer.body.toString('utf8'));
  if (!isObject(json) || typeof json.code !== 'number') throw new Error('the answer has no code');
  return { code: json.code, msg: typeof json.msg === 'string' ? json.msg : '', data: isObject(json.data) ? json.data : {}, sign: json.sign };
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Data is believed only with its signature. What comes without data says no more than its code, and ends nothing. */
export function verifyAnswer(answer: WireAnswer, { config }: Account<Config>): Verdict {
  const { code, data, sign } = readAnswer(answer);
  if (Object.keys(data).length > 0) return isSigned(data, sign, config.app_secret) ? 'valid' : 'invalid';
  return code !== 0 && answer.status < 500 ? 'valid' : 'invalid';
}

/**
 * Codes of the installation, which are few: nearly all that goes wrong in a payment is 9999 with a text. 11 is thrown
 * by the check of parameters, before there is an order.
 * @see https://github.com/jeequan/jeepay (ApiCodeEnum)
 */
const codes: Table = { '10': asks('server_error'), '12': asks('server_error') };
const requests: Table = { ...codes, '11': no('configuration_error') };

/** The one text that is read, and it ends nothing by itself. */
const unknown_order = '订单不存在';

function meaningOf(effect: boolean, { code, msg }: Answer): Meaning {
  if (code === 9999 && msg.includes(unknown_order)) return wait('not_found');
  return meaningIn(effect ? requests : codes, String(code));
}

/** The data of a success, or what the error says. `effect`: the call would have changed something. */
export function dataOf(
  answer: WireAnswer,
  effect: boolean,
  { config }: Account<Config>,
): { readonly data: Values; readonly failure: undefined } | { readonly data: undefined; readonly failure: Failure } {
  const read = readAnswer(answer);
  if (read.code === 0) return { data: read.data, failure: undefined };
  return { data: undefined, failure: { meaning: unsigned(meaningOf(effect, read), config), code: String(read.code), message: read.msg } };
}

export function textIn(values: Values, name: string): string {
  const value = values[name];
  if ((typeof value !== 'string' && typeof value !== 'number') || value === '') throw new Error(`${name} is missing`);
  return String(value);
}

export function integerIn(values: Values, name: string): number {
  const text = textIn(values, name);
  const value = Number(text);
  if (!/^\d{1,15}$/.test(text) || !Number.isSafeInteger(value)) throw new Error(`${name} is not an integer`);
  return value;
}
