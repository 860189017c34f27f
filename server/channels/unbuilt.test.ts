import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { describe, it } from 'node:test';
import { byBytes, type Fields } from './flat-xml.ts';
import { certificateOf } from './keys.ts';
import { vectorName, vectorsOf } from './kit/gateway/test-vectors.ts';

/**
 * Published bytes of a bank that has no channel (see `not_built` in registry.ts). They prove that the rule is understood, and
 * that the order of fields and the keys of this folder serve it; no message of Heliu's goes to that bank.
 */
type Vector = {
  readonly id: string;
  readonly kind: string;
  readonly keys: { readonly bankCertPem: string; readonly merchantPublicKeyPem?: string };
  readonly sign: string;
} & ({ readonly fields: Fields; readonly stringToSign: string } | { readonly body: string; readonly signedText: string });
const { cases, skip } = vectorsOf<Vector>('jsbchina');

/** Sorted, empty values included; without signature and its type. */
const stringToSign = (fields: Fields): string =>
  Object.keys(fields)
    .sort(byBytes)
    .map((name) => `${name}=${fields[name]}`)
    .join('&');

const signature_begins = '&signType=RSA&sign=';
const records_begin = '&-&';

/** An answer in the order in which it came: what stands before its signature, and the records of a list after it. */
function readSigned(body: string): { readonly text: string; readonly sign: string } {
  const from = body.indexOf(signature_begins);
  const records = body.indexOf(records_begin, from);
  const to = records < 0 ? body.length : records;
  return { text: body.slice(0, from) + body.slice(to), sign: body.slice(from + signature_begins.length, to) };
}

describe('signatures of the Bank of Jiangsu, to which no channel leads', { skip }, () => {
  for (const vector of cases) {
    it(vectorName(vector), () => {
      const { keys, sign } = vector;
      const is_request = 'fields' in vector && 'service' in vector.fields;
      const key = is_request ? createPublicKey(keys.merchantPublicKeyPem ?? '') : certificateOf(keys.bankCertPem).certificate.publicKey;
      const isSigned = (text: string) => verify('sha1', Buffer.from(text), key, Buffer.from(sign, 'base64'));
      if ('fields' in vector) assert.equal(stringToSign(vector.fields), vector.stringToSign);
      else assert.deepEqual(readSigned(vector.body), { text: vector.signedText, sign });
      const text = 'fields' in vector ? vector.stringToSign : vector.signedText;
      assert.ok(isSigned(text));
      assert.ok(!isSigned(`${text} `));
    });
  }
  it('are there', () => assert.ok(cases.length >= 7));
});
