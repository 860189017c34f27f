import { createHash, type X509Certificate } from 'node:crypto';

/**
 * The serial number by which Alipay names a certificate: MD5 over the issuer, common name first, and the serial in decimal.
 * @see https://opendocs.alipay.com/common/056zub
 */
export function certificateSn(certificate: X509Certificate): string {
  const issuer = certificate.issuer.split('\n').reverse().join(',');
  return createHash('md5')
    .update(`${issuer}${BigInt(`0x${certificate.serialNumber}`)}`)
    .digest('hex');
}

/** Names a bundle of roots: the serials of those signed with RSA, in file order; the SM2 and ECDSA roots do not count. */
export function rootCertificateSn(roots: readonly X509Certificate[]): string {
  return roots.filter(isRsaSigned).map(certificateSn).join('_');
}

const isRsaSigned = (certificate: X509Certificate): boolean => certificate.signatureAlgorithmOid?.startsWith('1.2.840.113549.1.1') === true;
