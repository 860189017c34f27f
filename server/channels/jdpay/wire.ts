import type { KeyObject } from 'node:crypto';
import type { Account, Verdict, WireAnswer, WireRequest } from '../define.ts';
import { type Fields, parseShallowXml } from '../flat-xml.ts';
import { privateKeyOf, publicKeyOf } from '../keys.ts';
import { asks, type Failure, wait } from '../meaning.ts';
import { type Config, gatewayUrl } from './config.ts';
import { decryptMessage, encryptMessage, isSigned, signText } from './crypt.ts';

/** XML inside of XML: the inner text is signed, then encrypted whole. */

const head = '<?xml version="1.0" encoding="UTF-8"?>';
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** The text that is signed: no white space between elements, empty fields left out. */
export function textOf(fields: Fields): string {
  const elements = Object.entries(fields).flatMap(([name, value]) => (value === '' ? [] : [`<${name}>${escaped(value.trim())}</${name}>`]));
  return `${head}<jdpay>${elements.join('')}</jdpay>`;
}

export const desKeyOf = ({ des_key }: Config): Buffer => Buffer.from(des_key.expose(), 'base64');

export function xmlRequest({ config }: Account<Config>, service: string, fields: Fields): WireRequest {
  const { origin, pathname } = gatewayUrl(config);
  const text = textOf({ version: 'V2.0', merchant: config.merchant, ...fields });
  const signed = text.replace('</jdpay>', `<sign>${signText(text, privateKeyOf(config.private_key))}</sign></jdpay>`);
  const encrypt = encryptMessage(signed, desKeyOf(config));
  return {
    method: 'POST',
    origin,
    path: `${pathname}/${service}`,
    headers: { accept: 'application/xml', 'content-type': 'application/xml; charset=UTF-8', 'user-agent': 'Heliu' },
    body: `${head}<jdpay><version>V2.0</version><merchant>${config.merchant}</merchant><encrypt>${encrypt}</encrypt></jdpay>`,
  };
}

const code_ok = '000000';

/** The inner text without its signature, in the form in which it was signed; undefined when it is not JD's. */
export function openMessage(body: Buffer, config: Config): Fields | undefined {
  const envelope = parseShallowXml(body.toString('utf8'), 'jdpay');
  if (envelope.encrypt === undefined || envelope.merchant !== config.merchant) return undefined;
  const inner = decryptMessage(envelope.encrypt, desKeyOf(config));
  const key = publicKeyOf(config.jd_public_key);
  return isInnerSigned(inner, key) ? parseShallowXml(inner, 'jdpay') : undefined;
}

function isInnerSigned(inner: string, key: KeyObject): boolean {
  const sign = /<sign>([^<]*)<\/sign>/.exec(inner);
  if (!sign || inner.indexOf('<sign>') !== inner.lastIndexOf('<sign>')) return false;
  const rest = inner.replace(sign[0], '').replace(/>\s+</g, '><').trim();
  return isSigned(rest.startsWith('<?xml') ? rest : head + rest, sign[1] ?? '', key);
}

/** A success is believed only with its signature. Anything else carries none and is final for nothing. */
export function verifyAnswer(answer: WireAnswer, { config }: Account<Config>): Verdict {
  const envelope = parseShallowXml(answer.body.toString('utf8'), 'jdpay');
  if (envelope['result.code'] !== code_ok) return envelope['result.code'] !== undefined && answer.status < 500 ? 'valid' : 'invalid';
  return openMessage(answer.body, config) ? 'valid' : 'invalid';
}

/** The inner fields of a verified success, or its code: no list of them is published, so none ends anything. */
export function fieldsOf(
  answer: WireAnswer,
  config: Config,
): { readonly fields: Fields; readonly failure: undefined } | { readonly fields: undefined; readonly failure: Failure } {
  const envelope = parseShallowXml(answer.body.toString('utf8'), 'jdpay');
  const code = envelope['result.code'] ?? '';
  if (code !== code_ok) {
    const meaning = code !== '' && code === config.unknown_order_code ? wait('not_found') : asks('unlisted');
    return { fields: undefined, failure: { meaning, code, message: envelope['result.desc'] } };
  }
  const fields = openMessage(answer.body, config);
  if (!fields) throw new Error('a verified answer opens');
  return { fields, failure: undefined };
}
