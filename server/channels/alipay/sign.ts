import { createCipheriv, createDecipheriv, type KeyObject, verify } from 'node:crypto';

/** `RSA2` is SHA256withRSA; `RSA` (SHA1withRSA) is spoken by old applications only, and never by this adapter. */
export type SignType = 'RSA2' | 'RSA';

/**
 * Rule of requests: everything but `sign`. Rule V1 (trade notifications, return_url): also without `sign_type`.
 * Rule V2 (messages of some other products) is the rule of requests.
 * @see https://opendocs.alipay.com/common/02mse2
 */
export const signed_without = { request: ['sign'], v1: ['sign', 'sign_type'], v2: ['sign'] } as const;

/** `name=value` of every non-empty parameter in byte order, joined with `&`; nothing is encoded or trimmed. */
export function stringToSign(params: Iterable<readonly [string, string]>, without: readonly string[]): string {
  return [...params]
    .filter(([name, value]) => name !== '' && value !== '' && !without.includes(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

/** False for anything that is not a signature of these bytes by this key. */
export function isSignedBy(key: KeyObject, signed: Buffer, signature: string, sign_type: SignType = 'RSA2'): boolean {
  if (!/^[A-Za-z0-9+/]{16,}={0,2}$/.test(signature)) return false;
  return verify(sign_type === 'RSA' ? 'sha1' : 'sha256', signed, key, Buffer.from(signature, 'base64'));
}

/** An answer of the gateway: the raw text of its node, which is what the signature covers, and what stands beside it. */
export type Envelope = { readonly node: string; readonly raw: string; readonly sign: string | undefined; readonly certificate_sn: string | undefined };

/** Cuts an answer open. Undefined when it is not one whole JSON object, names a member twice, or holds none of the nodes. */
export function readEnvelope(body: string, nodes: readonly string[]): Envelope | undefined {
  const members = topLevelMembers(body);
  const node = nodes.find((name) => members?.has(name));
  if (!members || node === undefined) return undefined;
  const sign = plainString(members.get('sign'));
  return { node, raw: members.get(node) as string, sign: sign === '' ? undefined : sign, certificate_sn: plainString(members.get('alipay_cert_sn')) };
}

/**
 * Is the node's text signed by the key? The gateway signs the characters it sends; some of its systems sign the text
 * before `/` was escaped, which the official SDKs accept too, and which names the same content.
 */
export function isEnvelopeSignedBy(key: KeyObject, { raw, sign }: Envelope): boolean {
  if (sign === undefined) return false;
  if (isSignedBy(key, Buffer.from(raw), sign)) return true;
  return raw.includes('\\/') && isSignedBy(key, Buffer.from(raw.replaceAll('\\/', '/')), sign);
}

function plainString(raw: string | undefined): string | undefined {
  if (!raw?.startsWith('"')) return undefined;
  return JSON.parse(raw) as string;
}

/** Raw texts of the members of one JSON object. JSON.parse vouches for the grammar; the walk only finds where values end. */
function topLevelMembers(text: string): Map<string, string> | undefined {
  const whole = text.trim();
  if (!isJsonObject(whole)) return undefined;
  const members = new Map<string, string>();
  let at = skipSpace(whole, 1);
  while (whole[at] === '"') {
    const name_end = stringEnd(whole, at);
    const name = JSON.parse(whole.slice(at, name_end)) as string;
    const start = skipSpace(whole, skipSpace(whole, name_end) + 1);
    const end = valueEnd(whole, start);
    if (members.has(name)) return undefined;
    members.set(name, whole.slice(start, end));
    at = skipSpace(whole, end);
    if (whole[at] === ',') at = skipSpace(whole, at + 1);
  }
  return members;
}

function isJsonObject(text: string): boolean {
  if (!text.startsWith('{')) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && ' \t\r\n'.includes(text[at] as string)) at++;
  return at;
}

/** The place after the closing quote of the string that begins at `from`. */
function stringEnd(text: string, from: number): number {
  let at = from + 1;
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

function valueEnd(text: string, from: number): number {
  if (text[from] === '"') return stringEnd(text, from);
  if (text[from] !== '{' && text[from] !== '[') {
    let at = from;
    while (!',} \t\r\n'.includes(text[at] as string)) at++;
    return at;
  }
  let depth = 0;
  let at = from;
  do {
    const character = text[at] as string;
    if (character === '"') {
      at = stringEnd(text, at);
      continue;
    }
    if (character === '{' || character === '[') depth++;
    if (character === '}' || character === ']') depth--;
    at++;
  } while (depth > 0);
  return at;
}

const zero_iv = Buffer.alloc(16);

/** AES-128-CBC with a zero vector, as the gateway prescribes; the key is Base64 and the result too. The signature, not this, protects the content. */
export function encryptContent(plain: string, key_base64: string): string {
  const cipher = createCipheriv('aes-128-cbc', Buffer.from(key_base64, 'base64'), zero_iv);
  return Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]).toString('base64');
}

/** Throws when the text was not encrypted with this key. */
export function decryptContent(encrypted: string, key_base64: string): string {
  const decipher = createDecipheriv('aes-128-cbc', Buffer.from(key_base64, 'base64'), zero_iv);
  return Buffer.concat([decipher.update(encrypted, 'base64'), decipher.final()]).toString('utf8');
}
