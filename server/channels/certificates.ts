import { X509Certificate } from 'node:crypto';

/** Reads every certificate of a PEM text, in file order. Throws when one does not parse. */
export function readCertificates(pem: string): X509Certificate[] {
  return (pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []).map((text) => new X509Certificate(text));
}

/** Certificates between a leaf and its root: the gateways' have one. */
const chain_length_max = 4;

/**
 * Does the first certificate lead to one of the roots, each one valid now and issued by the next? The others of `chain`
 * may come in any order.
 */
export function leadsToRoot(chain: readonly X509Certificate[], roots: readonly X509Certificate[], now: Date): boolean {
  let certificate = chain[0];
  for (let length = 0; certificate && length < chain_length_max; length++) {
    const current: X509Certificate = certificate;
    if (!isValidAt(current, now)) return false;
    if (roots.some((root) => isIssuedBy(current, root) && isValidAt(root, now))) return true;
    certificate = chain.find((issuer) => issuer !== current && issuer.ca && isIssuedBy(current, issuer));
  }
  return false;
}

const isValidAt = (certificate: X509Certificate, now: Date): boolean => certificate.validFromDate <= now && now <= certificate.validToDate;

/** Roots with algorithms that this runtime does not know cannot have issued an RSA certificate. */
function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  } catch {
    return false;
  }
}
