import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { toFen } from '../../kernel/money.ts';
import { conditionsOf } from '../testing/conditions.ts';
import { compileExpression, factsOf, isProblem } from './expression.ts';
import { checkRules, compileRules } from './rule-set.ts';

const a = 'acc_01KAK0000001234567890ABCDE';
const b = 'acc_01KAK0000001234567890ABCDF';
const own = new Set([a, b]);
const rule = (when: string, name = when) => ({ name: name.slice(0, 64), when, use: { type: 'priority' as const } });
const priority = { type: 'priority' as const };
const check = (...conditions: string[]) => checkRules({ rules: conditions.map((when, at) => rule(when, `rule ${at}`)), default: priority }, own);
const said = (refusal: ReturnType<typeof check>) => [refusal?.param, refusal?.facts?.problem];

describe('a condition', () => {
  for (const [when, problem] of [
    ['amount_fen >', /Unexpected token/],
    ['amount_fen + 1', /gives int, not bool/],
    ['amount_fen > "5"', /no such overload/],
    ['ammount_fen > 5', /Unknown variable: ammount_fen \(character 1\)/],
    ['method.matches("(a+)+$")', /matches\(\) is not available/],
    ['metadata.vip', /gives string/],
  ] as const) {
    it(`is refused: ${when}`, () => {
      const [param, text] = said(check(when));
      assert.equal(param, 'rules.0.when');
      assert.match(String(text), problem);
    });
  }

  it('may not be larger than a person writes', () => {
    const problem = compileExpression(Array.from({ length: 400 }, () => 'amount_fen > 5').join(' || '));
    assert.ok(isProblem(problem));
  });
});

describe('a rule that can never be used is refused', () => {
  for (const [when, problem] of [
    ['amount_fen > 500000 && amount_fen < 400000', /amount_fen contradicts itself/],
    ['amount_fen > 500000 && method == "wechat_qr" && amount_fen == 3', /amount_fen contradicts itself/],
    ['method == "wechat_jsap"', /can never be true/],
    ['wallet == "wechat" && method == "alipay_qr"', /method contradicts itself/],
    ['method.startsWith("wechat_") && wallet == "alipay"', /method contradicts itself/],
    ['hour >= 24', /can never be true/],
    ['hour > 20 && hour < 4', /hour contradicts itself/],
    ['amount_fen < 1', /can never be true/],
    ['terminal_id == "1" && terminal_id == "2"', /can never be true/],
    ['payer_known && !payer_known', /can never be true/],
    ['!(amount_fen > 5 || amount_fen <= 5)', /can never be true/],
    ['amount_fen in [0]', /can never be true/],
    ['false', /can never be true/],
  ] as const) {
    it(when, () => assert.match(String(said(check(when))[1]), problem));
  }
});

describe('a rule that earlier ones leave nothing to is refused', () => {
  for (const conditions of [
    ['amount_fen > 100', 'amount_fen > 500'],
    ['amount_fen > 100', 'amount_fen <= 100', 'method == "wechat_qr"'],
    ['wallet == "wechat"', 'method in ["wechat_qr", "wechat_jsapi"] && hour < 5'],
    ['weekday <= 5', 'weekday > 5', 'payer_known'],
    ['payer_known', '!payer_known', 'amount_fen == 1'],
    ['metadata.vip == "yes"', 'metadata.vip  ==  "yes"'],
    ['hour < 12 ? amount_fen > 5 : amount_fen > 10', 'amount_fen > 10'],
    ['terminal_id != "7"', 'terminal_id == "7"', 'true'],
  ]) {
    it(conditions.join('   then   '), () => {
      const [param, problem] = said(check(...conditions));
      assert.equal(param, `rules.${conditions.length - 1}.when`);
      assert.match(String(problem), /never reached/);
    });
  }

  for (const conditions of [
    ['amount_fen > 500', 'amount_fen > 100'],
    ['amount_fen > 100 && payer_known', 'amount_fen > 500'],
    // Metadata may be missing: then neither of the first two matches.
    ['metadata.vip == "yes"', 'metadata.vip != "yes"', 'amount_fen > 0'],
    ['method == "wechat_qr"', 'wallet == "wechat"'],
    ['terminal_id.startsWith("1")', 'terminal_id.startsWith("2")'],
    ['hour < 12', 'hour >= 12 && weekday == 1'],
  ]) {
    it(`taken: ${conditions.join('   then   ')}`, () => assert.equal(check(...conditions), undefined));
  }
});

it('what is called unreachable matches nothing that earlier rules leave, for any payment', () => {
  const atom = fc.oneof(
    fc.tuple(fc.constantFrom('<', '<=', '>', '>=', '==', '!='), fc.integer({ min: 0, max: 6 })).map(([op, value]) => `amount_fen ${op} ${value}`),
    fc.constantFrom('wallet == "wechat"', 'scene == "qr"', 'method == "alipay_qr"', 'payer_known', 'hour < 10', 'amount_fen in [2, 4]', 'terminal_id == "7"'),
  );
  const condition = conditionsOf(atom);
  const payments = [1, 2, 3, 4, 5, 6, 7].flatMap((amount) =>
    (['wechat_qr', 'wechat_jsapi', 'alipay_qr', 'alipay_app'] as const).flatMap((method) =>
      [undefined, 'p'].flatMap((payer_key) =>
        ['7', '8'].map((terminal_id) =>
          factsOf({ method, amount_fen: toFen(amount), payer_key, terminal_id }, new Date(`2026-11-2${amount}T0${amount}:00:00Z`)),
        ),
      ),
    ),
  );
  fc.assert(
    fc.property(fc.array(condition, { minLength: 1, maxLength: 4 }), (conditions) => {
      const refused = check(...conditions);
      if (!refused?.param?.endsWith('.when')) return;
      const at = Number(/\d+/.exec(refused.param)?.[0]);
      const compiled = compileRules({ name: '', rules: conditions.map((when) => rule(when)), default: priority, failover_max: 0 }, 1);
      for (const facts of payments) {
        const first = compiled.rules.findIndex(({ matches }) => matches(facts));
        assert.notEqual(first, at, `${conditions[at]} after ${conditions.slice(0, at).join(' | ')}`);
      }
    }),
    { numRuns: 150 },
  );
});

describe('a strategy', () => {
  const use = (strategy: Parameters<typeof checkRules>[0]['default']) => {
    const refused = checkRules({ rules: [], default: strategy }, own);
    return refused && [refused.refused, refused.param];
  };
  it('has the fields of its kind and accounts of the merchant, each once', () => {
    assert.equal(
      use({
        type: 'split',
        shares: [
          { channel_account_id: a, weight: 7 },
          { channel_account_id: b, weight: 3 },
        ],
        sticky_by: 'payer',
      }),
      undefined,
    );
    assert.deepEqual(use({ type: 'split', accounts: [a] }), ['routing_rule_invalid', 'default.accounts']);
    assert.deepEqual(use({ type: 'least_cost', shares: [{ channel_account_id: a, weight: 7 }] }), ['routing_rule_invalid', 'default.shares']);
    assert.deepEqual(use({ type: 'priority', sticky_by: 'payer' }), ['routing_rule_invalid', 'default.sticky_by']);
    assert.deepEqual(use({ type: 'priority', accounts: [a, 'acc_01KAK0000001234567890ABCDG'] }), ['channel_account_not_found', 'default.accounts.1']);
    assert.deepEqual(
      use({
        type: 'split',
        shares: [
          { channel_account_id: a, weight: 7 },
          { channel_account_id: a, weight: 3 },
        ],
      }),
      ['routing_rule_invalid', 'default.shares.1.channel_account_id'],
    );
  });

  it('a name stands for one rule', () => {
    const refused = checkRules({ rules: [rule('amount_fen > 5', 'large'), rule('amount_fen > 3', 'large')], default: priority }, own);
    assert.equal(refused?.param, 'rules.1.name');
  });
});

it('a condition about metadata that is not there does not match', () => {
  const { rules } = compileRules({ name: '', rules: [rule('metadata.vip == "yes"'), rule('metadata.vip != "yes"')], default: priority, failover_max: 0 }, 1);
  const match = (metadata: Record<string, string>) =>
    rules.map(({ matches }) => matches(factsOf({ method: 'wechat_qr', amount_fen: toFen(1), metadata }, new Date())));
  assert.deepEqual(match({ vip: 'yes' }), [true, false]);
  assert.deepEqual(match({ vip: 'no' }), [false, true]);
  assert.deepEqual(match({}), [false, false]);
});

it('hours and weekdays are those of Shanghai', () => {
  const { hour, weekday } = factsOf({ method: 'wechat_qr', amount_fen: toFen(1) }, new Date('2026-11-22T16:30:00Z'));
  assert.deepEqual([hour, weekday], [0n, 1n]);
});
