import 'reflect-metadata';
import { KeyObject, webcrypto } from 'node:crypto';
import { X509CertificateGenerator } from '@peculiar/x509';

/** RSA keys and certificates as gateways hand them out. */

const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', publicExponent: new Uint8Array([1, 0, 1]), modulusLength: 2048 };

type KeyPair = { readonly keys: webcrypto.CryptoKeyPair; readonly private_pem: string; readonly public_pem: string };

export async function makeKeyPair(kind: typeof algorithm = algorithm): Promise<KeyPair> {
  const keys = await webcrypto.subtle.generateKey(kind, true, ['sign', 'verify']);
  return {
    keys,
    private_pem: KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString(),
    public_pem: KeyObject.from(keys.publicKey).export({ type: 'spki', format: 'pem' }).toString(),
  };
}

type CertificateRequest = {
  readonly subject: string;
  readonly serial_no: string;
  readonly from_ms: number;
  readonly to_ms: number;
  readonly keys: webcrypto.CryptoKeyPair;
};

/** A certificate signed with its own key: nobody in this protocol checks a chain, serial numbers and keys are what counts. */
export async function makeCertificate({ subject, serial_no, from_ms, to_ms, keys }: CertificateRequest): Promise<string> {
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: subject,
    serialNumber: serial_no,
    notBefore: new Date(from_ms),
    notAfter: new Date(to_ms),
    signingAlgorithm: algorithm,
    keys,
  });
  return `${certificate.toString('pem').trim()}\n`;
}

/** Serial numbers have 40 hex digits; the first is kept below 8 because a certificate's number is positive. */
export const serialFrom = (hex: string): string => `5${hex.slice(1)}`.toUpperCase();

/** A new RSA pair of another size than usual as PEM: some gateways are still at 1024 bits. */
export async function makeRsaPair(modulusLength = 2048): Promise<{ readonly private_pem: string; readonly public_pem: string }> {
  const { private_pem, public_pem } = await makeKeyPair({ ...algorithm, modulusLength });
  return { private_pem, public_pem };
}

const valid_ms = 5 * 365 * 86_400_000;

/** What a merchant shows when it connects with mutual TLS. */
export async function makeClientCertificate(
  { hex, now_ms }: { hex(length: number): string; now_ms(): number },
  name: string,
): Promise<{ readonly certificate_pem: string; readonly private_pem: string; readonly serial_no: string }> {
  const serial_no = serialFrom(hex(40));
  const { keys, private_pem } = await makeKeyPair();
  // Certificates count in seconds.
  const from_ms = Math.floor(now_ms() / 1000) * 1000;
  const certificate_pem = await makeCertificate({ subject: `CN=${name}, C=CN`, serial_no, from_ms, to_ms: from_ms + valid_ms, keys });
  return { certificate_pem, private_pem, serial_no };
}
