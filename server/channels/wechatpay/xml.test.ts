import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Secret } from '../../kernel/secret.ts';
import { buildFlatXml, parseFlatXml } from '../flat-xml.ts';
import { readXml, writeXml } from '../kit/gateway/xml.ts';
import { isGenuine, signFields } from './xml.ts';

const texts = fc.string({ unit: fc.constantFrom('a', '0', '<', '>', '&', ']', '支', '"', ' ', '=', '/'), maxLength: 12 });
const messages = fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9_]{0,11}$/), texts, { maxKeys: 8, minKeys: 1, noNullPrototype: true });

describe('XML of APIv2', () => {
  it('comes back as it was, between two implementations', () => {
    fc.assert(
      fc.property(messages, (fields) => {
        assert.deepEqual({ ...parseFlatXml(buildFlatXml(fields)) }, fields);
        assert.deepEqual({ ...parseFlatXml(writeXml(Object.entries(fields))) }, fields);
        assert.deepEqual(Object.fromEntries(readXml(buildFlatXml(fields)) ?? []), fields);
      }),
    );
  });

  const refused = [
    ['a document type', '<!DOCTYPE xml><xml><a>1</a></xml>'],
    ['a document type in lower case', '<!doctype xml SYSTEM "file:///etc/passwd"><xml><a>1</a></xml>'],
    ['an entity', '<!ENTITY a "1"><xml><a>1</a></xml>'],
    ['an element twice', '<xml><total_fee>1</total_fee><total_fee>100</total_fee></xml>'],
    ['an element within another', '<xml><a><b>1</b></a></xml>'],
    ['another root', '<root><a>1</a></root>'],
    ['two roots', '<xml><a>1</a></xml><xml><a>2</a></xml>'],
    ['an element left open', '<xml><a>1</xml>'],
    ['text between elements', '<xml>1<a>1</a></xml>'],
    ['nothing', ''],
    ['a page', '<html><body>502</body></html>'],
  ] as const;
  for (const [what, xml] of refused) {
    it(`refuses ${what}`, () => {
      assert.throws(() => parseFlatXml(xml));
      assert.equal(readXml(xml), undefined);
    });
  }

  it('keeps values as they stand', () => {
    assert.deepEqual(
      { ...parseFlatXml('<xml><a>&lt;</a><b>0012</b><c> x </c><d><![CDATA[<e>]]></d><f/></xml>') },
      { a: '&lt;', b: '0012', c: ' x ', d: '<e>', f: '' },
    );
  });

  it('is genuine only with its own signature of its own kind', () => {
    const key = new Secret('0123456789abcdef0123456789abcdef');
    const fields = { appid: 'wx1', total_fee: '100' };
    const sign = signFields(fields, key, 'HMAC-SHA256');
    assert(isGenuine({ ...fields, sign }, key, 'HMAC-SHA256'));
    assert(!isGenuine({ ...fields, sign }, key, 'MD5'));
    assert(!isGenuine({ ...fields, sign: sign.toLowerCase() }, key, 'HMAC-SHA256'));
    assert(!isGenuine({ ...fields, total_fee: '101', sign }, key, 'HMAC-SHA256'));
    assert(!isGenuine(fields, key, 'HMAC-SHA256'));
    assert(!isGenuine({ ...fields, sign: '' }, key, 'HMAC-SHA256'));
  });
});
