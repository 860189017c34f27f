import 'reflect-metadata';
import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { BasicConstraintsExtension, X509CertificateGenerator } from '@peculiar/x509';
import { addMs, type Clock } from '../../../kernel/time.ts';

const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
const valid_ms = 5 * 365 * 86_400_000;
/** Certificates begin a day back, so that a client whose clock is behind accepts them. */
const backdated_ms = 86_400_000;
const newKeyPair = promisify(generateKeyPair);

/** A new RSA key of 2048 bits, PKCS#8 PEM. */
export async function newPrivateKey(): Promise<string> {
  const { privateKey } = await newKeyPair('rsa', { modulusLength: 2048 });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** A name and the private key that goes with it, PEM. */
export type Party = { readonly name: string; readonly key: string };

/** Issues certificates in a chain, as the authority of a gateway does. */
export function createIssuer(clock: Clock, newSerial: () => string) {
  const parsed = new Map<string, KeyObject>();

  function privateKey(pem: string): KeyObject {
    const key = parsed.get(pem) ?? createPrivateKey(pem);
    parsed.set(pem, key);
    return key;
  }

  /** PEM without a line end behind it. */
  async function issue(subject: Party, issuer: Party, is_authority = false): Promise<string> {
    const now = clock.now();
    const certificate = await X509CertificateGenerator.create({
      serialNumber: newSerial(),
      subject: subject.name,
      issuer: issuer.name,
      notBefore: addMs(now, -backdated_ms),
      notAfter: addMs(now, valid_ms),
      publicKey: createPublicKey(privateKey(subject.key)).toCryptoKey(algorithm, true, ['verify']),
      signingKey: privateKey(issuer.key).toCryptoKey(algorithm, false, ['sign']),
      signingAlgorithm: algorithm,
      extensions: [new BasicConstraintsExtension(is_authority, undefined, true)],
    });
    return certificate.toString('pem').trim();
  }

  return { privateKey, issue };
}
