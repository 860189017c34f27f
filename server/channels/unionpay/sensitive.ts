import { constants, type KeyObject, privateDecrypt, publicEncrypt, type X509Certificate } from 'node:crypto';
import { certId } from './config.ts';

/**
 * Encryption of sensitive fields (敏感信息加密), of the wire alone: the API takes no card numbers, so nothing sends them so far.
 * @see https://open.unionpay.com 《平台接入接口规范-第1部分-基础接口规范》 sensitive information
 */

/** Who the payer says to be. Texts as the gateway wants them: `certifTp` 01 is an identity card, `expired` is YYMM. */
export type Customer = Readonly<Partial<Record<'certifTp' | 'certifId' | 'customerNm' | 'smsCode' | 'phoneNo' | 'cvn2' | 'expired', string>>>;
/** What of a customer goes into `encryptedInfo`. */
const encrypted_names = new Set(['phoneNo', 'cvn2', 'expired']);

/** The fields of a request that names a card, encrypted for the gateway's encryption certificate. */
export function sensitiveFields(
  { card_no, customer }: { card_no?: string; customer?: Customer },
  certificate: X509Certificate,
): Readonly<Record<string, string>> {
  const seal = (text: string): string =>
    publicEncrypt({ key: certificate.publicKey, padding: constants.RSA_PKCS1_PADDING }, Buffer.from(text, 'utf8')).toString('base64');
  return {
    ...(card_no === undefined ? {} : { accNo: seal(card_no) }),
    ...(customer === undefined ? {} : { customerInfo: customerInfo(customer, seal) }),
    encryptCertId: certId(certificate),
  };
}

/** `{…}` around plain parts and, encrypted as one, the others; Base64 around the whole. */
function customerInfo(customer: Customer, seal: (text: string) => string): string {
  const parts = Object.entries(customer).map(([name, value]) => {
    if (/[&={}]/.test(value)) throw new Error(`${name} has a character that the gateway gives a meaning`);
    return [name, value] as const;
  });
  const joined = (wanted: boolean): string =>
    parts
      .filter(([name]) => encrypted_names.has(name) === wanted)
      .map(([name, value]) => `${name}=${value}`)
      .join('&');
  const [plain, secret] = [joined(false), joined(true)];
  const whole = [plain, secret === '' ? '' : `encryptedInfo=${seal(secret)}`].filter((part) => part !== '').join('&');
  return Buffer.from(`{${whole}}`, 'utf8').toString('base64');
}

/**
 * A field of an answer that is encrypted with the merchant's own signing key, which some merchants have agreed on. Undefined for whatever
 * does not open, without saying why: whoever learnt that could open others.
 */
export function openSensitive(text: string, key: KeyObject): string | undefined {
  if (!/^[A-Za-z0-9+/]{16,}={0,2}$/.test(text)) return undefined;
  try {
    const block = privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, Buffer.from(text, 'base64'));
    const end = block.indexOf(0, 2);
    return block[0] === 0 && block[1] === 2 && end >= 10 ? block.subarray(end + 1).toString('utf8') : undefined;
  } catch {
    return undefined;
  }
}
