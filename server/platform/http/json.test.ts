import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isRefusal } from '../../kernel/refusal.ts';
import { isJsonContentType, readJson } from './json.ts';

const read = (text: string) => readJson(Buffer.from(text));
const refused = (text: string) => {
  const result = read(text);
  assert.ok(isRefusal(result), `read as good: ${text}`);
  return [result.refused, result.param];
};

test('reads what JSON.parse reads, for any JSON whose numbers are safe integers', () => {
  const key = fc.string({ unit: 'grapheme' }).filter((name) => !['__proto__', 'constructor', 'prototype'].includes(name));
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      fc.string({ unit: 'grapheme' }),
      fc.maxSafeInteger(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('tree')),
      fc.dictionary(key, tie('tree')),
    ),
  }));
  fc.assert(
    fc.property(tree, fc.constantFrom(0, 2), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      assert.deepEqual(read(text), { value: JSON.parse(text) });
    }),
  );
});

test('an empty body is an empty object', () => {
  assert.deepEqual(read(''), { value: {} });
});

test('A-13: refuses a key that comes twice, at any depth and however it is escaped, and names it', () => {
  assert.deepEqual(refused('{"amount_fen":1,"amount_fen":100}'), ['duplicate_json_key', 'amount_fen']);
  assert.deepEqual(refused('{"metadata":{"a":"1","\\u0061":"2"}}'), ['duplicate_json_key', 'metadata.a']);
  assert.deepEqual(refused('{"list":[{"a":1},{"a":1,"a":2}]}'), ['duplicate_json_key', 'list.1.a']);
  assert.deepEqual(read('{"a":{"x":1},"b":{"x":1}}'), { value: { a: { x: 1 }, b: { x: 1 } } });
  assert.deepEqual(read('{"a":"a","b":["a","a"]}'), { value: { a: 'a', b: ['a', 'a'] } });
});

test('A-10: refuses numbers that are not plain safe integers, and names the field', () => {
  for (const literal of ['1.0', '0.5', '1e3', '1E3', '-1.5', '1e-7'])
    assert.deepEqual(refused(`{"amount_fen":${literal}}`), ['number_not_integer', 'amount_fen'], literal);
  for (const literal of ['9007199254740993', '99999999999999999999', '-9007199254740993']) {
    assert.deepEqual(refused(`{"amount_fen":${literal}}`), ['parameter_invalid', 'amount_fen'], literal);
  }
  for (const literal of ['0x10', 'NaN', 'Infinity', '+1', '01', '１００', '1_000', '.5', '5.'])
    assert.equal(refused(`{"amount_fen":${literal}}`)[0], 'malformed_json', literal);
  assert.deepEqual(read('{"note":"1.0 and 1e3"}'), { value: { note: '1.0 and 1e3' } });
});

test('A-15: refuses keys that reach into objects, and leaves every prototype as it was', () => {
  for (const key of ['__proto__', 'constructor', 'prototype', '\\u005f_proto__']) {
    assert.deepEqual(refused(`{"metadata":{"${key}":{"polluted":true}}}`)[0], 'parameter_unknown', key);
  }
  assert.equal(({} as { polluted?: boolean }).polluted, undefined);
});

test('A-16: refuses deep nesting, in valid and in cut-off JSON, without running out of stack', () => {
  const depth = 30_000;
  for (const text of ['['.repeat(depth) + ']'.repeat(depth), '['.repeat(depth), '{"a":'.repeat(10_000)]) assert.equal(refused(text)[0], 'parameter_invalid');
});

test('says where malformed JSON goes wrong', () => {
  for (const [text, line, column] of [
    ['{"a":1,}', 1, 8],
    ['{\n  "a": 1\n  "b": 2\n}', 3, 3],
    ['{"a":', 1, 6],
    ['{"a":1} x', 1, 9],
    ['{"a":1 /* no */}', 1, 8],
    ["{'a':1}", 1, 2],
  ] as const) {
    const result = read(text);
    assert.ok(isRefusal(result));
    assert.deepEqual([result.refused, result.facts], ['malformed_json', { line, column }], text);
  }
});

test('refuses bytes that are not UTF-8, and a byte order mark', () => {
  assert.ok(isRefusal(readJson(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))));
  assert.ok(isRefusal(readJson(Buffer.from('\ufeff{}'))));
});

test('A-14: takes application/json and nothing near it', () => {
  for (const good of ['application/json', 'application/json; charset=utf-8', 'application/json;charset=UTF-8']) assert.ok(isJsonContentType(good), good);
  for (const bad of [
    undefined,
    '',
    'text/plain',
    'Application/JSON',
    ' application/json',
    'application/json\t',
    'application/json;',
    'application/json; charset=utf-16',
    'application/json, text/plain',
    'application/jsonp',
    'application/merge-patch+json',
    'multipart/form-data; boundary=application/json',
    'application/json; charset=utf-8; charset=utf-16',
  ]) {
    assert.ok(!isJsonContentType(bad), bad);
  }
});
