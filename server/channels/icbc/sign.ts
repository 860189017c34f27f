import { verify } from 'node:crypto';
import { publicKeyOf } from '../keys.ts';

/** Parameters of a request or a notification, values as they are before any encoding. */
export type Parameters = Readonly<Record<string, string>>;

/** The path, `?`, and every parameter that has a value but the signature, sorted by ASCII: what both sides sign. */
export function stringToSign(path: string, parameters: Parameters): string {
  const pieces = Object.keys(parameters)
    .filter((name) => name !== 'sign' && parameters[name] !== '')
    .sort()
    .map((name) => `${name}=${parameters[name]}`);
  return `${path}?${pieces.join('&')}`;
}

/** The bank signs with SHA-1, whatever the request was signed with. */
export function isGateways(text: string, signature: string | undefined, public_key: string): boolean {
  return signature !== undefined && signature !== '' && verify('sha1', Buffer.from(text), publicKeyOf(public_key), Buffer.from(signature, 'base64'));
}

const begins = '"response_biz_content":';

/** The value of response_biz_content as the bank wrote it. Its signature is over these characters, so they are never written anew. */
export function signedPart(body: string): string | undefined {
  const from = body.indexOf(begins);
  const to = body.lastIndexOf(',"sign"');
  return from < 0 || to < from + begins.length ? undefined : body.slice(from + begins.length, to);
}

/** Our word that a notification has arrived, and what of it is signed: the inside of the braces up to the signature. */
export function replyText(msg_id: string): string {
  return `"response_biz_content":${JSON.stringify({ return_code: 0, return_msg: 'success', msg_id })},"sign_type":"RSA"`;
}
