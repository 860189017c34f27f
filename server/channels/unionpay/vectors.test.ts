import assert from 'node:assert/strict';
import { createPublicKey, verify, X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { inflateSync } from 'node:zlib';
import { parseYuan } from '../../kernel/money.ts';
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
  assert.ok(
    ['fileContent', 'line', 'expectFromSummaryFile'].some((name) => vector[name] !== undefined),
    'there is something to check',
  );
  if (vector.expectFromSummaryFile !== undefined) {
    // Of this day only sums are published: yuan of the summary are the fen of its lines, and the fee is what the merchant does not get.
    const { amountYuan, feeYuan, netYuan } = vector.expectFromSummaryFile;
    const [amount_fen, fee_fen, net_fen] = [amountYuan, feeYuan, netYuan].map(parseYuan);
    assert.deepEqual([amount_fen, fee_fen], [BigInt(vector.sumTxnAmtFen), BigInt(vector.sumFeeFen)]);
    assert.equal(BigInt(vector.sumTxnAmtFen) - BigInt(vector.sumFeeFen), net_fen);
  }
  if (vector.fileContent !== undefined) assert.equal(inflateSync(Buffer.from(vector.fileContent, 'base64')).toString(), vector.plaintextUtf8);
  if (vector.line !== undefined) {
    // The published layout cuts its last field short; everything before it is compared.
    const { origOrderIdAndReserved, ...row } = readZmLine(vector.line, 1);
    const { origOrderIdAndReserved: shown, ...fields } = vector.fields;
    assert.deepEqual(row, fields);
    assert.equal(origOrderIdAndReserved.trim(), shown.trim());
  }
});

/** Codes of merchants by EMV: tags of two digits, lengths of two, values. */
function readEmvCode(qr: string): [tag: string, value: string][] {
  if (qr === '') return [];
  const [, tag, length] = /^(\d\d)(\d\d)/.exec(qr) ?? [];
  assert.ok(tag !== undefined && length !== undefined && qr.length >= 4 + Number(length), 'a code that is whole');
  return [[tag, qr.slice(4, 4 + Number(length))], ...readEmvCode(qr.slice(4 + Number(length)))];
}

/** CRC-16/CCITT-FALSE. */
function crc16(text: string): string {
  const shift = (crc: number) => ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  const sum = Buffer.from(text).reduce(
    (crc, byte) =>
      Array(8)
        .fill(shift)
        .reduce((held, next) => next(held), crc ^ (byte << 8)),
    0xffff,
  );
  return sum.toString(16).toUpperCase().padStart(4, '0');
}

// The gateway's codes are links, and payers' apps read the codes that hang on walls: nothing of Heliu reads one. What is proven is that the vectors agree with their standard.
eachOf('emv-qr', 3, ({ qr, tags, computedCrc, storedCrc, text, crc }) => {
  if (qr === undefined) return assert.equal(crc16(text), crc);
  const read = readEmvCode(qr);
  const stored = new Map(read).get('63');
  assert.equal(read.at(-1)?.[0], '63');
  assert.equal(crc16(qr.slice(0, -4)), computedCrc ?? stored);
  if (tags !== undefined) assert.deepEqual(read, tags);
  return assert.equal(stored === crc16(qr.slice(0, -4)), storedCrc === undefined || storedCrc === computedCrc);
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
