import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { sm2 } from 'sm-crypto-v2';
import { apiSign, isSignedBy, pointOf, stringToSign } from './sign.ts';

/** The national standards' own examples, and what the bank's public test key and other SDKs show. The folder is not part of the repository. */
const folder = resolve(process.env.HELIU_VECTORS ?? join(import.meta.dirname, '../../../../shared/protocols/vectors'), 'cmb');
const skip = existsSync(folder) ? false : `no vectors in ${folder}`;

// biome-ignore lint/suspicious/noExplicitAny: each vector has a shape of its own, and a wrong one fails the test.
const sets: any[] = skip ? [] : ['polypay.json', 'polypay-2.json'].map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')));
// biome-ignore lint/suspicious/noExplicitAny: see above.
const vector = (id: string): any => sets.flatMap(({ cases }) => cases).find((each) => each.id === id);
const point = ({ publicXHex, publicYHex }: { publicXHex: string; publicYHex: string }) => `04${publicXHex}${publicYHex}`;

describe('vectors', { skip }, () => {
  test('the header (third-party)', () => {
    const { appid, secret, sign, timestamp, apisign } = vector('cmb-1-header-apisign');
    assert.equal(apiSign({ appid, secret, sign, timestamp }), apisign);
  });

  test('the string to sign keeps empty values (third-party)', () => {
    const { params, stringToSign: expected } = vector('cmb-10-string');
    assert.equal(stringToSign(params), expected);
  });

  test('J-17 SM2 of GB/T 32918.5 and SM3 of GB/T 32905 (standard)', () => {
    const standard = vector('sm2-std-1');
    const options = { hash: true, userId: standard.userId };
    assert.ok(sm2.doVerifySignature(standard.messageUtf8, standard.rHex + standard.sHex, point(standard), options));
    assert.ok(!sm2.doVerifySignature(`${standard.messageUtf8}.`, standard.rHex + standard.sHex, point(standard), options));
    const { messageUtf8, sm3Hex } = vector('sm3-abc');
    assert.equal(createHash('sm3').update(messageUtf8).digest('hex'), sm3Hex);
  });

  test('a signed body (derived)', () => {
    const body = vector('cmb-11-sm2-body');
    const fields = Object.fromEntries(
      body.stringToSign.split('&').map((pair: string) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
    );
    assert.equal(stringToSign(fields), body.stringToSign);
    assert.ok(isSignedBy({ ...fields, sign: body.signDerBase64 }, point(body)));
    assert.ok(!isSignedBy({ ...fields, encoding: 'GBK', sign: body.signDerBase64 }, point(body)));
  });

  test("the bank's public test key is one (third-party)", () => assert.match(pointOf(sets[0].keys.cmbTestPublicKeySpkiBase64) ?? '', /^04[0-9a-f]{128}$/));
});
