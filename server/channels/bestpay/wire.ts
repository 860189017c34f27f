import type { Account, Verdict, WireAnswer, WireRequest } from '../define.ts';
import type { Fields } from '../flat-xml.ts';
import { type Failure, unsigned } from '../meaning.ts';
import { type Config, gatewayOf } from './config.ts';
import { type Call, meaningOf } from './errors.ts';
import { isMac, macOf, type Part } from './mac.ts';

/** A form with a MAC over some fields in a fixed order; the answer is JSON whose result carries another one. */

export function formRequest({ config }: Account<Config>, path: string, fields: Fields, signed: readonly Part[]): WireRequest {
  const { origin, prefix } = gatewayOf(config);
  return {
    method: 'POST',
    origin,
    path: prefix + path,
    headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded; charset=UTF-8', 'user-agent': 'Heliu' },
    body: new URLSearchParams({ ...fields, mac: macOf(signed, config.data_key.expose()) }).toString(),
  };
}

type Answer = {
  readonly success: boolean;
  readonly result: Readonly<Record<string, unknown>> | undefined;
  readonly errorCode: string;
  readonly errorMsg: string | undefined;
};

export function readAnswer(answer: WireAnswer): Answer {
  const json: unknown = JSON.parse(answer.body.toString('utf8'));
  if (typeof json !== 'object' || json === null || !('success' in json) || typeof json.success !== 'boolean') throw new Error('the answer has no success');
  const { result, errorCode, errorMsg } = json as Readonly<Record<string, unknown>>;
  const is_object = typeof result === 'object' && result !== null && !Array.isArray(result);
  return {
    success: json.success,
    result: is_object ? (result as Record<string, unknown>) : undefined,
    errorCode: typeof errorCode === 'string' ? errorCode : '',
    errorMsg: typeof errorMsg === 'string' ? errorMsg : undefined,
  };
}

/** Absent values stand as the word `null` in the MAC of an answer. */
export const spelled = (result: Readonly<Record<string, unknown>>, name: string): string => String(result[name] ?? 'null');

/** A success is believed only with its MAC. An error never has one, so it is read for what ends nothing. */
export function verifyBy(parts: (result: Readonly<Record<string, unknown>>) => readonly Part[]) {
  return (answer: WireAnswer, { config }: Account<Config>): Verdict => {
    const { success, result } = readAnswer(answer);
    if (!success) return result === undefined && answer.status < 500 ? 'valid' : 'invalid';
    return result !== undefined && isMac(result.sign, parts(result), config.data_key.expose()) ? 'valid' : 'invalid';
  };
}

/** The result of a verified answer as texts, or what its error says. */
export function outcomeOf(
  call: Call,
  answer: WireAnswer,
  { config }: Account<Config>,
): { readonly fields: Fields; readonly failure: undefined } | { readonly fields: undefined; readonly failure: Failure } {
  const { success, result, errorCode, errorMsg } = readAnswer(answer);
  if (!success || result === undefined)
    return { fields: undefined, failure: { meaning: unsigned(meaningOf(call, errorCode), config), code: errorCode, message: errorMsg } };
  const texts = Object.entries(result).flatMap(([name, value]) => (value === null || value === undefined ? [] : [[name, String(value)] as const]));
  return { fields: Object.fromEntries(texts), failure: undefined };
}
