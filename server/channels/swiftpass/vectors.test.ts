import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Secret } from '../../kernel/secret.ts';
import { buildFlatXml, type Fields, parseFlatXml, sortedFields } from '../flat-xml.ts';
import { vectorName, vectorsOf } from '../kit/gateway/test-vectors.ts';
import type { Config } from './config.ts';
import { isGenuine, md5Sign } from './sign.ts';

type Vector = {
  readonly id: string;
  readonly kind: string;
  readonly key: string;
  readonly fields: Fields;
  readonly stringToSign: string;
  readonly sign: string;
};
const { cases, skip } = vectorsOf<Vector>('swiftpass');

describe('messages of the gateway as others have captured them', { skip }, () => {
  for (const { id, kind, key, fields, stringToSign, sign } of cases) {
    it(vectorName({ id, kind }), () => {
      assert.equal(`${sortedFields(fields)}&key=${key}`, stringToSign);
      assert.equal(md5Sign(fields, key), sign);
      const config = { sign_type: 'MD5', key: new Secret(key) } as Config;
      const received = parseFlatXml(buildFlatXml({ ...fields, sign: sign.toLowerCase() }));
      assert.ok(isGenuine(received, config), 'also in lower case, after a walk through XML');
      assert.ok(!isGenuine({ ...received, mch_id: `${fields.mch_id}0` }, config));
    });
  }
  it('are there', () => assert.ok(cases.length >= 7));
});
