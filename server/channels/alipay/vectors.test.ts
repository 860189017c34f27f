import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { readCertificates } from '../certificates.ts';
import { vectorName } from '../kit/gateway/test-vectors.ts';
import { walletOfPaymentCode } from '../payment-code.ts';
import { certificateSn, rootCertificateSn } from './certificates.ts';
import { charsetOf, decodeForm, readForm } from './form.ts';
import { decryptContent, encryptContent, isEnvelopeSignedBy, isSignedBy, readEnvelope, signed_without, stringToSign } from './sign.ts';
import { readAuthorization, v3RequestText, v3ResponseText } from './simulator/v3-text.ts';

/** Bytes of others: signatures and ciphertexts that Alipay, its SDKs and their tests made. The folder is not part of the repository. */
const folder = resolve(process.env.HELIU_VECTORS ?? join(import.meta.dirname, '../../../../shared/protocols/vectors'));
const skip = existsSync(join(folder, 'alipay')) ? false : `no vectors in ${folder}`;

// biome-ignore lint/suspicious/noExplicitAny: each kind of vector has a shape of its own, and a wrong one fails the test.
type Vector = { id: string; source?: string | { derived?: boolean }; input: any; expected: any };

function vectors(kind: string): Vector[] {
  if (skip) return [];
  const files = readdirSync(join(folder, 'alipay')).filter((name) => name.endsWith('.json'));
  const sets = files.map((name) => JSON.parse(readFileSync(join(folder, 'alipay', name), 'utf8')));
  return sets.filter((set) => set.kind === kind).flatMap((set) => set.vectors);
}

function eachOf(kind: string, check: (vector: Vector) => void): void {
  describe(`vectors ${kind}`, { skip }, () => {
    const found = vectors(kind);
    test('are there', () => assert.ok(found.length > 0));
    for (const vector of found) test(vectorName(vector), () => check(vector));
  });
}

const latin = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

eachOf('aes-128-cbc-pkcs7-zero-iv', ({ input, expected }) => {
  assert.equal(encryptContent(input.plaintext_utf8, input.key_base64), expected.ciphertext_base64);
  assert.equal(decryptContent(expected.ciphertext_base64, input.key_base64), input.plaintext_utf8);
});

eachOf('cert-sn', ({ input, expected }) => {
  const certificates = readCertificates(input.pem ?? input.pem_bundle);
  if (input.pem_bundle) return assert.equal(rootCertificateSn(certificates), expected.root_cert_sn);
  assert.ok(certificates[0]);
  return assert.equal(certificateSn(certificates[0]), expected.sn);
});

/** Parameters of a request as the gateway takes them: query and body merged, each decoded once. */
function paramsOf(input: Vector['input']): [string, string][] {
  if (input.params) return Object.entries(input.params as Record<string, string>).map(([name, value]) => [name, latin(value)]);
  const text: string = input.url_or_order_string ?? input.url;
  const query = text.includes('?') ? text.slice(text.indexOf('?') + 1) : text;
  const forms = [query, input.body ?? ''].map((part: string) => readForm(Buffer.from(part)));
  return forms.flatMap((form) => {
    assert.ok(form);
    return [...form];
  });
}

eachOf('request-sign-v2', ({ input, expected }) => {
  const key = createPublicKey(input.public_key_pem);
  if (input.string_to_sign !== undefined) return assert.ok(isSignedBy(key, Buffer.from(input.string_to_sign), expected.sign, input.sign_type));
  const params = paramsOf(input);
  const signed = stringToSign(params, signed_without.request);
  if (expected.string_to_sign !== undefined) assert.equal(signed, latin(expected.string_to_sign));
  const named = new Map(params);
  const sign = expected.sign ?? named.get('sign');
  return assert.equal(isSignedBy(key, bytes(signed), sign, (named.get('sign_type') ?? 'RSA2') as 'RSA2' | 'RSA'), expected.signature_valid ?? true);
});

eachOf('response-extract-v2', ({ input, expected }) => {
  assert.equal(readEnvelope(input.http_body, [input.response_node])?.raw, expected.signed_content);
});

eachOf('response-verify-v2', ({ input, expected }) => {
  const envelope = readEnvelope(input.http_body, [input.response_node]);
  assert.ok(envelope);
  assert.equal(envelope.raw, expected.signed_content);
  assert.equal(envelope.sign ?? null, expected.sign);
  assert.equal(envelope.certificate_sn, expected.alipay_cert_sn);
  assert.equal(isEnvelopeSignedBy(createPublicKey(input.public_key_pem), envelope), expected.signature_valid);
  if (expected.decrypted) assert.equal(decryptContent(JSON.parse(envelope.raw), expected.aes_key_base64), expected.decrypted);
});

eachOf('notify-verify', ({ input, expected }) => {
  const form = readForm(Buffer.from(input.form_body ?? input.url.slice(input.url.indexOf('?') + 1)));
  assert.ok(form);
  const charset = charsetOf(form.get('charset'));
  assert.ok(charset);
  assert.deepEqual(Object.fromEntries(decodeForm(form, charset) ?? []), input.decoded_params);
  const signed = [signed_without.v1, signed_without.v2].map((without) => bytes(stringToSign(form, without)));
  assert.ok(signed.some((text) => text.toString('utf8') === expected.string_to_sign));
  const key = createPublicKey(input.public_key_pem);
  assert.equal(
    signed.some((text) => isSignedBy(key, text, form.get('sign') ?? '')),
    expected.signature_valid,
  );
});

eachOf('openapi-v3', ({ input, expected }) => {
  const key = createPublicKey(input.public_key_pem);
  if (input.request_uri === undefined) {
    const headers = input.headers;
    const text = v3ResponseText(headers['alipay-timestamp'], headers['alipay-nonce'], input.http_body);
    assert.equal(text, expected.string_to_sign);
    return assert.equal(isSignedBy(key, Buffer.from(text), headers['alipay-signature']), expected.signature_valid);
  }
  const authorization = readAuthorization(input.headers.authorization);
  assert.ok(authorization);
  assert.equal(authorization.auth_string, expected.auth_string);
  const text = v3RequestText(authorization.auth_string, input.http_method, input.request_uri, expected.signed_body, input.headers['alipay-app-auth-token']);
  assert.equal(text, expected.string_to_sign);
  return assert.equal(isSignedBy(key, Buffer.from(text), authorization.sign), expected.signature_valid);
});

describe('official vectors of payment codes', { skip }, () => {
  const files = skip ? [] : readdirSync(join(folder, 'routing')).filter((name) => name.startsWith('auth-code'));
  const cases = files.flatMap(
    (name) => JSON.parse(readFileSync(join(folder, 'routing', name), 'utf8')).cases as { id: string; authCode: string; expect: string | null }[],
  );
  for (const { id, authCode, expect } of cases) {
    test(`${id}: an Alipay code is Alipay's and no other is`, () => assert.equal(walletOfPaymentCode(authCode) === 'alipay_barcode', expect === 'alipay'));
  }
});
