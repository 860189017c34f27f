import type { Account, Ask, Verdict, WireAnswer, WireRequest } from '../define.ts';
import type { Fields } from '../flat-xml.ts';
import { ask, asks, type Failure, type Meaning, no } from '../meaning.ts';
import { type Config, gatewayOf } from './config.ts';
import { signFields } from './sign.ts';

/** Forms in, JSON out. Nothing that comes back is signed: the connection vouches for it. */

const headers = { accept: 'application/json', 'user-agent': 'Heliu' };
const form = { ...headers, 'content-type': 'application/x-www-form-urlencoded' };

/** `mapi.php`: parameters signed with MD5. */
export function signedForm({ config }: Account<Config>, own: Fields): WireRequest {
  const { origin, prefix } = gatewayOf(config);
  const fields = { pid: config.pid, ...own };
  const body = new URLSearchParams({ ...fields, sign: signFields(fields, config.key), sign_type: 'MD5' }).toString();
  return { method: 'POST', origin, path: `${prefix}/mapi.php`, headers: form, body };
}

/** `api.php`: its calls are not signed, they carry the key itself. Questions go by GET, as every version has them. */
export function keyedCall({ config }: Account<Config>, act: string, own: Fields, method: 'GET' | 'POST'): WireRequest {
  const { origin, prefix } = gatewayOf(config);
  const fields = new URLSearchParams({ pid: config.pid, key: config.key.expose(), ...own }).toString();
  const path = `${prefix}/api.php?act=${act}`;
  return method === 'GET' ? { method, origin, path: `${path}&${fields}`, headers } : { method, origin, path, headers: form, body: fields };
}

export type Answer = { readonly code: number; readonly msg: string; readonly fields: Fields };

/** Numbers come as numbers or as texts, by version and language. */
export function readAnswer(answer: WireAnswer): Answer {
  const json: unknown = JSON.parse(answer.body.toString('utf8'));
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new Error('the answer is not an object');
  const fields: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(json)) if (typeof value === 'string' || typeof value === 'number') fields[name] = String(value);
  if (!/^-?\d{1,6}$/.test(fields.code ?? '')) throw new Error('the answer has no code');
  return { code: Number(fields.code), msg: fields.msg ?? '', fields };
}

/** What a proxy or another page answers is not the installation's word. */
export function verifyAnswer(answer: WireAnswer): Verdict {
  readAnswer(answer);
  return answer.status === 200 ? 'valid' : 'invalid';
}

export const done = 1;

/**
 * Versions agree on the sign alone: below zero nothing was done. What exactly was wrong they say in texts of their own, so
 * only two codes of the newer protocol, thrown while parameters are read, are final.
 * @see https://github.com/NightYuYyy/epay docs/EASYPAY_PROTOCOL.md
 */
const pay_codes: Readonly<Record<string, Meaning>> = { '-3': no('configuration_error'), '-4': no('configuration_error') };

export function payFailureOf({ code, msg }: Answer): Failure {
  return { meaning: Object.hasOwn(pay_codes, String(code)) ? (pay_codes[String(code)] as Meaning) : asks('unlisted'), code: String(code), message: msg };
}

/** That there is no such order is said in words alone; it ends nothing by itself. */
export const isAbsence = ({ code, msg }: Answer): boolean => code < 0 && /不存在|not (?:found|exist)/i.test(msg);

export const unlisted = ({ code, msg }: Answer): Ask => ask('unlisted', `${code} ${msg}`);
