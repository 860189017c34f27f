import { createPublicKey, type KeyObject, verify, X509Certificate } from 'node:crypto';
import { signature_window_s } from '../../kernel/limits.ts';

/** SHA256withRSA over lines that each end in LF; the body is the exact bytes. */

export const scheme = 'LKLAPI-SHA256withRSA';

export const linesOf = (...parts: readonly string[]): string => parts.map((part) => `${part}\n`).join('');

type Signer = { readonly appid: string; readonly serial_no: string; readonly timestamp: string; readonly nonce: string };

export const requestText = ({ appid, serial_no, timestamp, nonce }: Signer, body: string): string => linesOf(appid, serial_no, timestamp, nonce, body);

export const authorization = ({ appid, serial_no, timestamp, nonce }: Signer, signature: string): string =>
  `${scheme} appid="${appid}",serial_no="${serial_no}",timestamp="${timestamp}",nonce_str="${nonce}",signature="${signature}"`;

/** The parts of an Authorization header by name, in whatever order; undefined for another scheme. */
export function readAuthorization(header: string | undefined): Readonly<Record<string, string>> | undefined {
  if (!header?.startsWith(`${scheme} `)) return undefined;
  return Object.fromEntries([...header.slice(scheme.length).matchAll(/\s*(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
}

export function isSignedBy(key: KeyObject, head: readonly string[], body: Buffer, signature: string): boolean {
  const text = Buffer.concat([Buffer.from(linesOf(...head)), body, Buffer.from('\n')]);
  return verify('sha256', text, key, Buffer.from(signature, 'base64'));
}

/** A message from another time may be somebody's copy. */
export const isFresh = (timestamp: string, now: Date): boolean =>
  /^\d{1,12}$/.test(timestamp) && Math.abs(now.getTime() / 1000 - Number(timestamp)) < signature_window_s;

/** Only configured certificates come here, a handful per process; parsing one costs more than a signature. */
const keys = new Map<string, KeyObject>();
const keys_max = 1_000;

export function keyOfCertificate(pem: string): KeyObject {
  const held = keys.get(pem);
  if (held) return held;
  if (keys.size >= keys_max) keys.clear();
  const key = pem.includes('CERTIFICATE') ? new X509Certificate(pem).publicKey : createPublicKey(pem);
  keys.set(pem, key);
  return key;
}
