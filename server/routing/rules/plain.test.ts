import assert from 'node:assert/strict';
import { it } from 'node:test';
import { methods } from '@heliu/contract';
import fc from 'fast-check';
import { toFen } from '../../kernel/money.ts';
import { conditionsOf } from '../testing/conditions.ts';
import { compileByLibrary, compileExpression, factsOf, isProblem } from './expression.ts';
import { plainOf } from './plain.ts';

const plain = (source: string) => {
  const compiled = compileExpression(source);
  assert.ok(!isProblem(compiled));
  return plainOf(compiled.ast);
};

it('the usual conditions need no library', () => {
  for (const source of [
    'method in ["wechat_qr", "alipay_qr"] && amount_fen >= 1000000 && amount_fen < 1001000',
    'wallet == "wechat" && !payer_known',
    'method.startsWith("wechat_") || 5 < amount_fen',
    'payer_known ? hour < 3 : weekday in [6, 7]',
    '-1 < amount_fen',
  ])
    assert.equal(plain(source)?.whole, true, source);
});

it('what may fail or has an order of its own is left to the library', () => {
  for (const source of ['metadata.vip == "x"', 'terminal_id < "x"', 'amount_fen % 2 == 0', 'method.size() > 3', 'amount_fen >= 5u', 'method == terminal_id'])
    assert.equal(plain(source), undefined, source);
  assert.equal(plain('metadata.vip == "x" && hour < 3')?.whole, false);
});

/** Conditions of every form that the tests know and of some that they do not, missing metadata among them. */
const number = fc.constantFrom('amount_fen', 'hour', 'weekday');
const text = fc.constantFrom('method', 'wallet', 'scene', 'terminal_id', 'app_id');
const word = fc.constantFrom('wechat_qr', 'wechat', 'qr', '7', '', 'a\u{1F375}', '\uFF5E').map((value) => JSON.stringify(value));
const digits = fc.integer({ min: -2, max: 24 });
const compare = fc.constantFrom('<', '<=', '>', '>=', '==', '!=');
const atom = fc.oneof(
  fc.tuple(number, compare, digits).map(([left, op, right]) => `${left} ${op} ${right}`),
  fc.tuple(digits, compare, number).map(([left, op, right]) => `${left} ${op} ${right}`),
  fc.tuple(text, compare, word).map(([left, op, right]) => `${left} ${op} ${right}`),
  fc.tuple(word, fc.constantFrom('==', '!='), text).map(([left, op, right]) => `${left} ${op} ${right}`),
  fc.tuple(number, fc.array(digits, { minLength: 1, maxLength: 3 })).map(([left, values]) => `${left} in [${values.join(', ')}]`),
  fc.tuple(text, fc.array(word, { minLength: 1, maxLength: 3 })).map(([left, values]) => `${left} in [${values.join(', ')}]`),
  fc.tuple(text, fc.constantFrom('startsWith', 'endsWith', 'contains'), word).map(([left, name, right]) => `${left}.${name}(${right})`),
  fc.constantFrom(
    'payer_known',
    'true',
    'false',
    'metadata.vip == "yes"',
    'metadata.gone == "x"',
    '"vip" in metadata',
    'amount_fen % 2 == 0',
    'method == wallet',
  ),
);
const condition = conditionsOf(atom);
const facts = fc
  .record({
    method: fc.constantFrom(...(Object.keys(methods) as (keyof typeof methods)[])),
    amount: fc.integer({ min: 1, max: 24 }),
    payer_key: fc.option(fc.constant('p'), { nil: undefined }),
    terminal_id: fc.constantFrom(undefined, '7', 'a\u{1F375}', '\uFF5E'),
    app_id: fc.constantFrom(undefined, 'qr'),
    metadata: fc.constantFrom(undefined, { vip: 'yes' }, { vip: 'no' }),
    hours: fc.integer({ min: 0, max: 24 * 7 }),
  })
  .map(({ amount, hours, ...request }) => factsOf({ ...request, amount_fen: toFen(amount) }, new Date(Date.UTC(2026, 10, 22, hours))));

it('a condition matches what the library says it matches, for any condition and any payment', () => {
  let held = 0;
  fc.assert(
    fc.property(condition, fc.array(facts, { minLength: 4, maxLength: 12 }), (source, payments) => {
      const compiled = compileExpression(source);
      if (isProblem(compiled)) return;
      const byLibrary = compileByLibrary(source);
      for (const each of payments) {
        const expected = byLibrary(each);
        if (expected) held++;
        assert.equal(compiled.matches(each), expected, source);
      }
    }),
    { numRuns: 1_500 },
  );
  assert.ok(held > 1_000, `only ${held} payments matched`);
});
