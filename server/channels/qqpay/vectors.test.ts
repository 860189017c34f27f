import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Secret } from '../../kernel/secret.ts';
import { type Fields, sortedFields } from '../flat-xml.ts';
import { vectorName, vectorsOf } from '../kit/gateway/test-vectors.ts';
import { isGenuine, type SignType, signFields } from './sign.ts';

type Vector = { readonly id: string; readonly kind: string; readonly signType: SignType; readonly key: string; readonly fields: Fields; readonly stringToSign: string; readonly sign: string }; // biome-ignore format: one type
const { cases, skip } = vectorsOf<Vector>('qqpay');

describe('signatures by the rule of the gateway', { skip }, () => {
  for (const { id, kind, signType, key, fields, stringToSign, sign } of cases) {
    it(vectorName({ id, kind }), () => {
      assert.equal(`${sortedFields(fields)}&key=${key}`, stringToSign);
      assert.equal(signFields(fields, key, signType), sign);
      assert.ok(isGenuine({ ...fields, sign }, new Secret(key), signType));
      assert.ok(!isGenuine({ ...fields, sign }, new Secret(key), signType === 'MD5' ? 'HMAC-SHA256' : 'MD5'), 'the account says which kind it is');
    });
  }
  it('are there', () => assert.ok(cases.length >= 2));
});
