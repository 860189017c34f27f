import assert from 'node:assert/strict';
import { createPublicKey, verify, X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { inflateSync } from 'node:zlib';
import { vectorName } from '../kit/gateway/test-vectors.ts';
import { readZmLine } from './bill.ts';
import { certId } from './config.ts';
import { parseAnswer, parseForm } from './message.ts';
import { notification } from './notification.ts';
import { sensitiveFields } from './sensitive.ts';
import { type Fields, isSignedBy, messageToSign, signWithSecureKey, stringToSign } from './sign.ts';
import { bookedAt } from './wire.ts';

/** Messages of the real test gateway from 2016 to 2024, and of its official demos. The folder is not part of the repository. */
const folder = resolve(process.env.HELIU_VECTORS ?? join(import.meta.dirname, '../../../../shared/protocols/vectors'), 'unionpay');
const skip = existsSync(folder) ? false : `no vectors in ${folder}`;

// biome-ignore lint/suspicious/noExplicitAny: each kind of vector has a shape of its own, and a wrong one fails the test.
type Case = any;
type Set = {
  readonly topic: string;
  readonly keys?: Record<string, { publicKeyPem: string; certPem: string; certId: string }>;
  readonly certs?: Record<string, { certPem: string; encryptCertId?: string }>;
  readonly cases: readonly Case[];
};

const sets: readonly Set[] = skip
  ? []
  : readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')));

const fieldsOf = (values: Record<string, string>): Fields => new Map(Object.entries(values));

function eachOf(topic: string, wanted: number, check: (vector: Case, set: Set) => void): void {
  describe(`vectors ${topic}`, { skip }, () => {
    const found = sets.filter((set) => set.topic === topic).flatMap((set) => set.cases.map((vector) => ({ vector, set })));
    test('are there', () => assert.ok(found.length >= wanted, `${found.length} found`));
    for (const { vector, set } of found) test(vectorName(vector), () => check(vector, set));
  });
}

eachOf('sign-5.1.0-rsa', 3, (vector, { keys }) => {
  const fields = fieldsOf({ ...vector.fields, signature: vector.signature });
  assert.equal(stringToSign(fields), vector.stringToSign);
  assert.equal(messageToSign(fields), vector.digestHex);
  const key = keys?.[vector.signKey];
  assert.ok(key && isSignedBy(fields, createPublicKey(key.publicKeyPem)));
  assert.equal(certId(new X509Certificate(key.certPem)), key.certId);
});

test('the encryption certificate of the test gateway is named by its number', { skip }, () => {
  const { certPem = '', encryptCertId } = sets.map(({ certs }) => certs?.acp_test_enc).find((each) => each !== undefined) ?? {};
  assert.ok(encryptCertId);
  assert.equal(sensitiveFields({ card_no: '6226090000000048' }, new X509Certificate(certPem)).encryptCertId, encryptCertId);
});

eachOf('sign-rsa', 4, (vector, { keys }) => {
  const fields = fieldsOf({ ...vector.fields, signature: vector.signature });
  assert.equal(stringToSign(fields), vector.stringToSign);
  const key = createPublicKey(keys?.[vector.signKey]?.publicKeyPem ?? '');
  // Version 5.0.0 signs with SHA-1; only its string is ours.
  if (vector.fields.version === '5.0.0') assert.ok(verify('sha1', Buffer.from(vector.digestHex), key, Buffer.from(vector.signature, 'base64')));
  else assert.ok(isSignedBy(fields, key));
});

eachOf('sign-securekey', 2, (vector) => {
  const fields = fieldsOf(vector.fields);
  assert.equal(signWithSecureKey(fields, vector.secureKey, vector.fields.signMethod), vector.signature);
});

eachOf('verify-5.1.0', 16, (vector) => {
  const fields = fieldsOf(vector.fields);
  const { publicKey } = new X509Certificate(vector.fields.signPubKeyCert);
  assert.equal(isSignedBy(fields, publicKey), vector.expect === 'valid');
  if (vector.wireBody !== undefined) {
    const is_form = vector.wireBody.includes('%3D');
    assert.deepEqual((is_form ? parseForm : parseAnswer)(Buffer.from(vector.wireBody)), fields);
  }
  if (vector.fields.traceTime !== undefined) {
    // No real message tells when the payer confirmed: its time is the order's own.
    assert.equal(vector.fields.traceTime, vector.fields.txnTime.slice(4));
    assert.equal(bookedAt(fields).getTime(), bookedAt(new Map([...fields, ['traceTime', '']])).getTime());
  }
});

eachOf('parse-response', 4, (vector) => {
  assert.deepEqual(Object.fromEntries(parseAnswer(Buffer.from(vector.body)) ?? []), vector.fields);
});

eachOf('file-bill', 5, (vector) => {
  if (vector.fileContent !== undefined) assert.equal(inflateSync(Buffer.from(vector.fileContent, 'base64')).toString(), vector.plaintextUtf8);
  if (vector.line !== undefined) {
    // The published layout cuts its last field short; everything before it is compared.
    const { origOrderIdAndReserved, ...row } = readZmLine(vector.line, 1);
    const { origOrderIdAndReserved: shown, ...fields } = vector.fields;
    assert.deepEqual(row, fields);
    assert.equal(origOrderIdAndReserved.trim(), shown.trim());
  }
});

describe('vectors of notifications', { skip }, () => {
  const told = sets.flatMap((set) => set.cases).filter(({ id }) => /^up-v\d+-notify/.test(id));
  test('are there', () => assert.ok(told.length >= 5));
  for (const { id, fields } of told) {
    test(`${id} is a payment of ${fields.txnAmt} fen`, () => {
      const message = { path: '/notify', headers: {}, body: Buffer.from(new URLSearchParams(fields).toString()) };
      const read = notification.read(message, undefined as never, { now: new Date(0), nonce: '' });
      assert.ok(read.about === 'payment' && read.fact.is === 'paid');
      const { success } = read.fact;
      assert.equal(read.channel_order_no, fields.orderId);
      assert.deepEqual([success.amount_fen, success.currency, success.channel_transaction_id], [BigInt(fields.txnAmt), 'CNY', fields.queryId]);
      assert.deepEqual(success.identity, { mer_id: fields.merId });
    });
  }
});
