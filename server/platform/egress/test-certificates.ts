import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const day_ms = 86_400_000;

export type Pair = { readonly certificate_pem: string; readonly key_pem: string };
export type Authority = Pair & { issue(options: { name: string; client?: boolean; expired?: boolean }): Promise<Pair> };

/** A certificate authority of one test run; its keys are never written anywhere. */
export async function createAuthority(): Promise<Authority> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=Test authority',
    notBefore: new Date(Date.now() - day_ms),
    notAfter: new Date(Date.now() + day_ms),
    signingAlgorithm: algorithm,
    keys,
    extensions: [new x509.BasicConstraintsExtension(true, 1, true), new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true)],
  });
  let serial = 1;
  return {
    ...(await pair(certificate, keys.privateKey)),
    async issue({ name, client = false, expired = false }) {
      serial += 1;
      const own = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
      const issued = await x509.X509CertificateGenerator.create({
        serialNumber: serial.toString(16).padStart(2, '0'),
        subject: `CN=${name}`,
        issuer: certificate.subject,
        notBefore: new Date(Date.now() - 2 * day_ms),
        notAfter: new Date(Date.now() + (expired ? -day_ms : day_ms)),
        signingAlgorithm: algorithm,
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        extensions: [
          new x509.ExtendedKeyUsageExtension([client ? x509.ExtendedKeyUsage.clientAuth : x509.ExtendedKeyUsage.serverAuth]),
          new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: name }]),
        ],
      });
      return pair(issued, own.privateKey);
    },
  };
}

async function pair(certificate: x509.X509Certificate, key: webcrypto.CryptoKey): Promise<Pair> {
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)).toString('base64');
  return {
    certificate_pem: certificate.toString('pem'),
    key_pem: `-----BEGIN PRIVATE KEY-----\n${pkcs8.replace(/.{64}/g, '$&\n')}\n-----END PRIVATE KEY-----\n`,
  };
}
