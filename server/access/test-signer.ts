import { type KeyObject, sign } from 'node:crypto';
import { createSignatureSync } from 'http-message-sig';
import { sha256 } from '../kernel/digest.ts';

/** What a merchant's program would sign; each part can be changed to sign something else. */
export type RequestToSign = {
  readonly method: string;
  readonly public_url: string;
  readonly target: string;
  readonly body?: string | undefined;
  readonly idempotency_key?: string;
  readonly keyid: string;
  readonly private_key: KeyObject;
  readonly created?: number;
  readonly expires?: number;
  readonly nonce?: string;
  readonly alg?: string | undefined;
  readonly components?: readonly string[];
};

/** Headers of a request that was signed by a library that is not the one we verify with. */
export function aSignedRequest(input: RequestToSign): Record<string, string> {
  const { body, idempotency_key, private_key } = input;
  const headers: Record<string, string> = {
    ...(body === undefined
      ? {}
      : {
          'content-type': 'application/json',
          'content-length': String(Buffer.byteLength(body)),
          'content-digest': `sha-256=:${sha256(body).toString('base64')}:`,
        }),
    ...(idempotency_key === undefined ? {} : { 'idempotency-key': idempotency_key }),
  };
  const default_components = [
    '@method',
    '@target-uri',
    ...(body === undefined ? [] : ['content-digest']),
    ...(idempotency_key === undefined ? [] : ['idempotency-key']),
  ];
  const parameters = { created: 1_795_312_800, nonce: 'n-0123456789abcdef', alg: 'ed25519', ...input };
  const { signature, signatureInput } = createSignatureSync(
    {
      kind: 'request',
      method: input.method,
      targetUri: `${input.public_url}${input.target}`,
      requestTarget: input.target,
      fields: Object.entries(headers).map(([name, value]) => ({ name, value })),
    },
    {
      label: 'sig',
      components: input.components ?? default_components,
      parameters: Object.fromEntries(
        (['created', 'expires', 'keyid', 'nonce', 'alg'] as const).flatMap((name) => (parameters[name] === undefined ? [] : [[name, parameters[name]]])),
      ),
      signer: { algorithm: input.alg ?? 'ed25519', sign: (data) => sign(null, data, private_key) },
    },
  );
  return { ...headers, signature, 'signature-input': signatureInput };
}
