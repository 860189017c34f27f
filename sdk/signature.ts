import { fromBase64, toBase64, utf8 } from './bytes.ts';

/** A key of WebCrypto, named here so that neither DOM nor Node types are needed. */
export type SigningKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

/**
 * Signs requests instead of sending a secret: HTTP Message Signatures (RFC 9421) with Ed25519. The installation holds
 * the public half only.
 */
export type Signing = {
  /** Id of the API key whose public half was registered: `key_…`. */
  readonly keyId: string;
  /** An Ed25519 private key: PKCS#8 as PEM, or a WebCrypto key that may sign. */
  readonly privateKey: string | SigningKey;
};

type Signable = {
  readonly method: string;
  readonly url: string;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly idempotencyKey: string | undefined;
  readonly created_s: number;
  readonly nonce: string;
};

/** Makes the headers that prove a request: its method, its whole URL, every byte of its body, and its idempotency key. */
export type Signer = (request: Signable) => Promise<Record<'content-digest' | 'signature-input' | 'signature', string>>;

export function createSigner(signing: Signing): Signer {
  if (!/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(signing.keyId)) throw new TypeError('signing.keyId must be visible ASCII, like key_01JD…');
  const key = typeof signing.privateKey === 'string' ? importPem(signing.privateKey) : Promise.resolve(signing.privateKey);
  // The first call reports a key that cannot be read; until then the rejection counts as handled.
  key.catch(() => {});
  return async (request) => {
    const digest = `sha-256=:${toBase64(new Uint8Array(await crypto.subtle.digest('SHA-256', request.body)))}:`;
    const components = componentsOf(request, digest);
    const params = signatureParams(components, request, signing.keyId);
    const signature = new Uint8Array(await crypto.subtle.sign('Ed25519', await key, utf8(signatureBase(components, params))));
    return { 'content-digest': digest, 'signature-input': `heliu=${params}`, signature: `heliu=:${toBase64(signature)}:` };
  };
}

type Components = readonly (readonly [name: string, value: string])[];

/** All that decides what a request does. The digest is there without a body too: of nothing. */
function componentsOf({ method, url, idempotencyKey }: Signable, digest: string): Components {
  return [
    ['@method', method],
    ['@target-uri', url],
    ['content-digest', digest],
    ...(idempotencyKey === undefined ? [] : [['idempotency-key', idempotencyKey] as const]),
  ];
}

/** @see https://www.rfc-editor.org/rfc/rfc9421#section-2.3 */
function signatureParams(components: Components, { created_s, nonce }: Signable, keyId: string): string {
  return `(${components.map(([name]) => `"${name}"`).join(' ')});created=${created_s};nonce="${nonce}";keyid="${keyId}";alg="ed25519"`;
}

/** @see https://www.rfc-editor.org/rfc/rfc9421#section-2.5 */
function signatureBase(components: Components, params: string): string {
  return [...components, ['@signature-params', params] as const].map(([name, value]) => `"${name}": ${value}`).join('\n');
}

async function importPem(pem: string): Promise<SigningKey> {
  const match = /-----BEGIN PRIVATE KEY-----([0-9A-Za-z+/=\s]+)-----END PRIVATE KEY-----/.exec(pem);
  const der = match && fromBase64((match[1] as string).replace(/\s/g, ''));
  if (!der) throw new TypeError('signing.privateKey must be a PKCS#8 PEM text ("-----BEGIN PRIVATE KEY-----")');
  try {
    return await crypto.subtle.importKey('pkcs8', der, 'Ed25519', false, ['sign']);
  } catch {
    throw new TypeError('signing.privateKey is not an Ed25519 private key');
  }
}
