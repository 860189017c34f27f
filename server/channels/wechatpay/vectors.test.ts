import assert from 'node:assert/strict';
import { createPublicKey, type KeyObject, verify, X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Secret } from '../../kernel/secret.ts';
import { byBytes, type Fields, parseFlatXml, sortedFields } from '../flat-xml.ts';
import { certificateOf } from '../keys.ts';
import { vectorName } from '../kit/gateway/test-vectors.ts';
import { readXml } from '../kit/gateway/xml.ts';
import { resourceOf } from './certificates.ts';
import { authorization, decrypt, keyFinder, payMessage, requestMessage, verifyMessage } from './sign.ts';
import { encryptEcb, encryptReqInfo, signV2 } from './simulator/crypto.ts';
import { objectOf, parseJson } from './wire.ts';
import { type SignType, signFields } from './xml.ts';

/** Published bytes of official SDKs and documents. A private key is never among them, so expected signatures are verified. */

type Text =
  | 'method'
  | 'url'
  | 'full_url'
  | 'timestamp'
  | 'nonce_str'
  | 'body'
  | 'mchid'
  | 'serial_no'
  | 'schema'
  | 'appid'
  | 'prepay_id'
  | 'message'
  | 'signature'
  | 'authorization'
  | 'header'
  | 'public_key_pem'
  | 'certificate_pem'
  | 'api_v3_key'
  | 'key'
  | 'nonce'
  | 'associated_data'
  | 'ciphertext'
  | 'plaintext'
  | 'response_body'
  | 'valid_with_real_signature'
  | 'string_to_sign'
  | 'sign'
  | 'string'
  | 'secret'
  | 'suffix'
  | 'md5_hex_lower'
  | 'aes_key'
  | 'mch_key'
  | 'req_info'
  | 'xml';
/** Every field that some kind of vector has. */
type Values = Readonly<Record<Text, string>> & {
  readonly headers: Record<string, string>;
  readonly valid: boolean;
  readonly valid_if_body_reserialised?: boolean;
  readonly cases: readonly (Record<'nonce' | 'associated_data' | 'ciphertext', string> & { readonly why: string })[];
  readonly certificates: readonly { readonly serial_no: string; readonly pem: string }[];
  readonly params: Readonly<Record<string, unknown>>;
  readonly sign_type: SignType;
  readonly keys: readonly string[];
  readonly sorted: readonly string[];
};
type Vector = { readonly id: string; readonly kind: string; readonly origin?: string; readonly inputs: Values; readonly expected: Values };

const folder = join(process.env.HELIU_VECTORS ?? join(import.meta.dirname, '../../../../shared/protocols/vectors'), 'wechatpay');
const present = existsSync(folder);
const vectors = present
  ? readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .flatMap((name) => (JSON.parse(readFileSync(join(folder, name), 'utf8')) as { vectors: Vector[] }).vectors)
  : [];

const keyOf = ({ public_key_pem, certificate_pem }: Pick<Values, 'public_key_pem' | 'certificate_pem'>): KeyObject =>
  public_key_pem === undefined ? new X509Certificate(certificate_pem).publicKey : createPublicKey(public_key_pem);
const isSignature = (message: string, signature: string, key: KeyObject) => verify('sha256', Buffer.from(message), key, Buffer.from(signature, 'base64'));
const lowered = (headers: Record<string, string>) => Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

function verdictOf({ headers, body, ...keys }: Values, changes: { headers?: Record<string, string>; body?: string } = {}) {
  // One published answer is printed without the header that names its key.
  const serial = lowered(headers)['wechatpay-serial'] ?? 'PUB_KEY_ID_PUBLISHED';
  const all = { 'wechatpay-serial': serial, ...lowered(headers), ...changes.headers };
  const trust = new Map([[serial, keyOf(keys)]]);
  const now = new Date(Number(lowered(headers)['wechatpay-timestamp']) * 1000);
  return verifyMessage(all, Buffer.from(changes.body ?? body), now, keyFinder(undefined, trust));
}

function textFields(params: Readonly<Record<string, unknown>>): Fields {
  return Object.fromEntries(Object.entries(params).flatMap(([name, value]) => (value === null ? [] : [[name, String(value)]])));
}

const checks: Record<string, (inputs: Values, expected: Values) => void> = {
  'v3-request-sign'(inputs, expected) {
    const { method, url: target, timestamp, nonce_str: nonce, body } = inputs;
    const message = requestMessage({ method, target, timestamp, nonce, body });
    assert.equal(message, expected.message);
    assert(isSignature(message, expected.signature, keyOf(inputs)));
    const { mchid, serial_no } = inputs;
    // The order of the parameters is free.
    const parameters = (header: string) => [...header.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => `${name}=${value}`).sort();
    const header = authorization({ mchid, serial_no }, { timestamp, nonce }, expected.signature);
    assert.deepEqual(parameters(header), parameters(expected.authorization));
    assert.equal(header.split(' ')[0], expected.authorization.split(' ')[0]);
  },
  'v3-raw-sign': (inputs, expected) => assert(isSignature(inputs.message, expected.signature, keyOf(inputs))),
  'auth-header-format'(inputs, expected) {
    const { method, timestamp, nonce_str: nonce, body, url, full_url, mchid, serial_no } = inputs;
    const target = url ?? (({ pathname, search }) => pathname + search)(new URL(full_url));
    const message = requestMessage({ method, target, timestamp, nonce, body });
    assert.equal(message, expected.message);
    if (expected.signature !== undefined) assert(isSignature(message, expected.signature, keyOf(inputs)));
    const signature = expected.signature ?? `Sign:${message}`;
    const scheme = inputs.schema ?? 'WECHATPAY2-SHA256-RSA2048';
    const header = `${scheme} ${authorization({ mchid, serial_no }, { timestamp, nonce }, signature).split(' ').slice(1).join(' ')}`;
    const parameters = (text: string) => [...text.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => `${name}=${value}`).sort();
    assert.deepEqual(parameters(header), parameters(expected.header));
  },
  'v3-pay-sign-jsapi'(inputs, expected) {
    const message = payMessage(inputs.appid, inputs.timestamp, inputs.nonce_str, `prepay_id=${inputs.prepay_id}`);
    assert.equal(message, expected.message);
    assert(isSignature(message, expected.signature, keyOf(inputs)));
  },
  'v3-pay-sign-app'(inputs, expected) {
    const message = payMessage(inputs.appid, inputs.timestamp, inputs.nonce_str, inputs.prepay_id);
    assert.equal(message, expected.message);
    assert(isSignature(message, expected.signature, keyOf(inputs)));
  },
  'v3-response-verify'(inputs, expected) {
    assert.equal(verdictOf(inputs), expected.valid ? 'valid' : 'invalid');
    assert.equal(verdictOf(inputs, { body: `${inputs.body} ` }), 'invalid');
    assert.notEqual(verdictOf(inputs, { headers: { 'wechatpay-timestamp': String(Number(lowered(inputs.headers)['wechatpay-timestamp']) - 1) } }), 'valid');
    if (expected.valid_with_real_signature !== undefined) {
      assert.equal(verdictOf(inputs, { headers: { 'wechatpay-signature': expected.valid_with_real_signature } }), 'valid');
    }
  },
  'v3-raw-verify'(inputs, expected) {
    const { message, signature } = inputs;
    assert.equal(isSignature(message, signature, keyOf(inputs)), expected.valid);
    if (inputs.certificate_pem !== undefined && inputs.serial_no !== undefined) assert.equal(certificateOf(inputs.certificate_pem).serial_no, inputs.serial_no);
  },
  'v3-notify'(inputs, expected) {
    assert.equal(verdictOf(inputs), 'valid');
    const envelope = parseJson(inputs.body);
    if (expected.valid_if_body_reserialised === false) assert.equal(verdictOf(inputs, { body: JSON.stringify(envelope) }), 'invalid');
    const key = new Secret(inputs.api_v3_key);
    const open = () => decrypt(key, resourceOf(objectOf(envelope, 'resource')));
    // One published sample has a test key of 16 bytes, which no account can have.
    if (inputs.api_v3_key.length === 16) assert.throws(open);
    else assert.equal(open(), expected.plaintext);
  },
  'aes-gcm-decrypt'(inputs, expected) {
    const { key, nonce, associated_data, ciphertext } = inputs;
    const open = () => decrypt(new Secret(key), { algorithm: 'AEAD_AES_256_GCM', nonce, associated_data, ciphertext });
    if (key.length === 16) assert.throws(open);
    else assert.equal(open(), expected.plaintext);
  },
  'aes-gcm-must-fail'({ key, cases }) {
    for (const { why, ...resource } of cases) {
      assert.throws(() => decrypt(new Secret(key), { algorithm: 'AEAD_AES_256_GCM', ...resource }), Error, why);
    }
  },
  'v3-certificates-response'(inputs, expected) {
    const { data } = parseJson(inputs.response_body) as { data: Record<string, unknown>[] };
    const read = data.map((entry) => decrypt(new Secret(inputs.api_v3_key), resourceOf(objectOf(entry, 'encrypt_certificate'))));
    const wanted = expected.certificates;
    assert.deepEqual(
      read.map((pem) => certificateOf(pem).serial_no),
      wanted.map(({ serial_no }) => serial_no),
    );
    assert.deepEqual(
      read.map((pem) => pem.trim()),
      wanted.map(({ pem }) => pem.trim()),
    );
  },
  'certificate-serial': (inputs, expected) => assert.equal(certificateOf(inputs.certificate_pem).serial_no, expected.serial_no),
  'v2-sign'(inputs, expected) {
    const fields = textFields(inputs.params);
    const type = inputs.sign_type;
    assert.equal(`${sortedFields(fields)}&key=${inputs.key}`, expected.string_to_sign);
    assert.equal(signFields(fields, new Secret(inputs.key), type), expected.sign);
    assert.equal(signV2(new Map(Object.entries(fields)), inputs.key, type), expected.sign);
  },
  'v2-string': (inputs, expected) => assert.equal(sortedFields(textFields(inputs.params)), expected.string),
  'v2-sort': (inputs, expected) => assert.deepEqual([...inputs.keys].sort(byBytes), expected.sorted),
  'md5-with-suffix'(inputs, expected) {
    const sign = signFields({}, new Secret(inputs.secret), 'MD5').toLowerCase();
    // The other suffix is that of WeCom's payments, which must not be taken for ours.
    if (inputs.suffix === '&key=') assert.equal(sign, expected.md5_hex_lower);
    else assert.notEqual(sign, expected.md5_hex_lower);
  },
  'aes-256-ecb': (inputs, expected) => assert.equal(encryptEcb(expected.plaintext, inputs.aes_key), inputs.ciphertext),
  'v2-refund-req-info': (inputs, expected) => assert.equal(encryptReqInfo(expected.plaintext, inputs.mch_key), inputs.req_info),
  'xml-must-reject'({ xml }) {
    assert.throws(() => parseFlatXml(xml));
    assert.equal(readXml(xml), undefined);
  },
};

describe('vectors of WeChat Pay', { skip: present ? false : 'HELIU_VECTORS is absent' }, () => {
  for (const vector of vectors) {
    const { kind, inputs, expected } = vector;
    it(vectorName(vector), () => {
      const check = checks[kind];
      assert(check, `a check for vectors of kind ${kind}`);
      check(inputs, expected);
    });
  }
});
