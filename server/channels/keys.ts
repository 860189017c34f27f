import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { Secret } from '../kernel/secret.ts';

const private_keys = new WeakMap<Secret, KeyObject>();

/** Parsing a PEM costs more than a signature's bookkeeping, so each key is parsed once for as long as its secret lives. */
export function privateKeyOf(secret: Secret): KeyObject {
  const held = private_keys.get(secret);
  if (held) return held;
  const key = readRsaKey('private', secret.expose());
  if (!key) throw new Error('the key is not an RSA private key');
  private_keys.set(secret, key);
  return key;
}

/** A public key. Only configured keys come here, a handful per process. */
const public_keys = new Map<string, KeyObject>();
const public_keys_max = 1_000;

export function publicKeyOf(pem: string): KeyObject {
  const held = public_keys.get(pem);
  if (held) return held;
  if (public_keys.size >= public_keys_max) public_keys.clear();
  const key = readRsaKey('public', pem);
  if (!key) throw new Error('the key is not an RSA public key');
  public_keys.set(pem, key);
  return key;
}

/** A certificate and its serial number in upper-case hex with leading zeros. */
export function certificateOf(pem: string): { readonly certificate: X509Certificate; readonly serial_no: string } {
  const certificate = new X509Certificate(pem);
  return { certificate, serial_no: certificate.serialNumber.toUpperCase() };
}

/** A key that a person pasted: PEM, or the bare Base64 of its DER that many portals show. Undefined when it is neither, or no RSA key. */
export function readRsaKey(kind: 'private' | 'public', text: string): KeyObject | undefined {
  const parse = (input: Parameters<typeof createPublicKey>[0]) => (kind === 'private' ? createPrivateKey(input as never) : createPublicKey(input));
  const key =
    attempt(() => parse(text)) ??
    attempt(() => parse({ key: Buffer.from(text, 'base64'), format: 'der', type: kind === 'private' ? 'pkcs8' : 'spki' } as never));
  return key?.asymmetricKeyType === 'rsa' ? key : undefined;
}

function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}
