import type { Account, Env, Verdict, WireAnswer, WireRequest } from '../define.ts';
import { type Fields, parseShallowXml } from '../flat-xml.ts';
import { privateKeyOf, publicKeyOf } from '../keys.ts';
import { asks, type Failure, meaningIn, type Table, wait } from '../meaning.ts';
import { fullNo, shortNo } from '../short-no.ts';
import { type Config, gatewayOf } from './config.ts';
import { fromPercentGbk, isSigned, percentGbk, signFields } from './sign.ts';

/** A form with one parameter: XML in GBK, encoded for a URL twice. Every field that is documented is sent, empty ones too. */

const head = '<?xml version="1.0" encoding="GBK" standalone="yes"?>';
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

export function signedRequest({ config }: Account<Config>, { nonce }: Env, path: string, own: Fields): WireRequest {
  const { origin, prefix } = gatewayOf(config);
  const fields = { version: '1.0', ins_cd: config.ins_cd, mchnt_cd: config.mchnt_cd, term_id: config.term_id ?? '88888888', random_str: nonce, ...own };
  const sign = signFields(fields, privateKeyOf(config.private_key));
  const elements = Object.entries({ ...fields, sign }).map(([name, value]) => `<${name}>${escaped(value)}</${name}>`);
  return {
    method: 'POST',
    origin,
    path: prefix + path,
    headers: { accept: 'text/xml', 'content-type': 'application/x-www-form-urlencoded', 'user-agent': 'Heliu' },
    body: `req=${encodeURIComponent(percentGbk(`${head}<xml>${elements.join('')}</xml>`))}`,
  };
}

export const fieldsOfXml = (text: string): Fields => parseShallowXml(text, 'xml');
export const fieldsOf = (answer: { readonly body: Buffer }): Fields => fieldsOfXml(fromPercentGbk(answer.body.toString('latin1')));

export const isGenuine = (fields: Fields, { mchnt_cd, fuiou_public_key }: Config): boolean =>
  (fields.mchnt_cd ?? mchnt_cd) === mchnt_cd && isSigned(fields, publicKeyOf(fuiou_public_key));

export const verifyAnswer = (answer: WireAnswer, { config }: Account<Config>): Verdict => (isGenuine(fieldsOf(answer), config) ? 'valid' : 'invalid');

/** Our number at the gateway: without our merchant code, behind the prefix that the gateway assigned. */
export const numberAt = ({ order_prefix = '' }: Config, channel_no: string): string => `${order_prefix}${shortNo(channel_no)}`;
export const ourNumber = (account: Account<Config>, number: string): string => fullNo(account, number.slice(account.config.order_prefix?.length ?? 0));

export const ok = '000000';
/** A customer is typing a password. What the other codes mean no official page says, so none is final, and the settings name the one of an order that is not there. */
const paying: Table = { '000001': wait('paying'), '030010': wait('paying') };

export function failureOf(
  answer: WireAnswer,
  { unknown_order_code }: Config,
  kind: 'pay' | 'other',
): { readonly fields: Fields; readonly failure: Failure | undefined } {
  const fields = fieldsOf(answer);
  const code = fields.result_code ?? '';
  if (code === ok) return { fields, failure: undefined };
  const is_unknown_order = code !== '' && code === unknown_order_code;
  const meaning = is_unknown_order ? wait('not_found') : code === '999999' ? asks('server_error') : meaningIn(kind === 'pay' ? paying : {}, code);
  return { fields, failure: { meaning, code, message: fields.result_msg } };
}
