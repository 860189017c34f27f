import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AccountTerms, RoutingRule, RoutingStrategy, Switch } from '@heliu/contract';
import fc from 'fast-check';
import { toFen } from '../kernel/money.ts';
import { isRefusal } from '../kernel/refusal.ts';
import { type Candidate, type Choice, type ChooseInput, choose } from './choose.ts';
import type { AccountHealthView } from './health/estimate.ts';
import { compileRules, no_rules } from './rules/rule-set.ts';
import { compileTerms } from './terms.ts';

const now = new Date('2026-11-23T04:00:00Z');
const well: AccountHealthView = { breaker: 'closed', probe_free: false, success_ppm: 900_000, latency_ms: 100, calls: 100 };

function account(id: string, terms: AccountTerms = {}, fields: { priority?: number; off?: Switch[]; takes?: boolean } = {}): Candidate {
  const { priority = 100, off = [], takes = true } = fields;
  return {
    account: { id, version: 1, merchant_id: 'mer', merchant_code: 'AAAAAA', livemode: false, channel: 'some', config: {} },
    priority,
    terms: compileTerms(1, terms, off),
    takes: () => takes,
  };
}

const using = (fallback: RoutingStrategy, rules: RoutingRule[] = []) => compileRules({ name: 'r', rules, default: fallback, failover_max: 2 }, 1);

const input = (fields: Partial<ChooseInput>): ChooseInput => ({
  request: { method: 'wechat_qr', amount_fen: toFen(1000) },
  candidates: [account('a'), account('b')],
  rules: no_rules,
  health: () => well,
  reached: () => false,
  draws: { share: () => 0, explore: () => 0.999 },
  now,
  ...fields,
});

function chosen(fields: Partial<ChooseInput>): Choice {
  const choice = choose(input(fields));
  assert.ok(!isRefusal(choice), 'an account is chosen');
  return choice;
}
const order = (fields: Partial<ChooseInput>) => chosen(fields).plan.map((candidate) => candidate.account.id);
const excluded = ({ considered }: Choice) =>
  Object.fromEntries(considered.filter((each) => each.excluded).map((each) => [each.candidate.account.id, each.excluded]));

describe('without rules', () => {
  it('accounts are tried by priority, then by age', () => {
    assert.deepEqual(order({ candidates: [account('c'), account('b', {}, { priority: 5 }), account('a')] }), ['b', 'a', 'c']);
  });
});

describe('an account is left out', () => {
  const cases: readonly (readonly [why: string, candidate: Candidate])[] = [
    ['method_not_supported', account('x', {}, { takes: false })],
    ['method_not_offered', account('x', { methods: ['alipay_qr'] })],
    ['below_minimum', account('x', { amount_fen_min: 1001 })],
    ['above_maximum', account('x', { amount_fen_max: 999 })],
    ['switched_off', account('x', {}, { off: [{}] })],
    ['switched_off', account('x', {}, { off: [{ method: 'wechat_qr', until: '2026-11-23T04:00:01Z' }] })],
    ['maintenance', account('x', { maintenance: [{ from: '2026-11-23T04:00:00Z', to: '2026-11-23T05:00:00Z' }] })],
    // Noon on a Monday in Shanghai.
    [
      'outside_hours',
      account('x', {
        hours: [
          { from: '12:01', to: '12:00' },
          { from: '00:00', to: '24:00', weekdays: [2, 3] },
        ],
      }),
    ],
  ];
  for (const [why, candidate] of cases) {
    it(why, () => {
      const choice = chosen({ candidates: [candidate, account('other')] });
      assert.deepEqual(excluded(choice), { x: why });
      assert.deepEqual(
        choice.plan.map(({ account: { id } }) => id),
        ['other'],
      );
    });
  }
  for (const [what, candidate] of [
    ['at its limits', account('x', { amount_fen_min: 1000, amount_fen_max: 1000 })],
    ['after its maintenance', account('x', { maintenance: [{ from: '2026-11-23T03:00:00Z', to: '2026-11-23T04:00:00Z' }] })],
    ['in a window that passed midnight', account('x', { hours: [{ from: '20:00', to: '12:01', weekdays: [7] }] })],
    ['turned on again by time', account('x', {}, { off: [{ until: '2026-11-23T04:00:00Z' }] })],
    ['with another method turned off', account('x', {}, { off: [{ method: 'alipay_qr' }] })],
  ] as const) {
    it(`but not ${what}`, () => assert.deepEqual(order({ candidates: [candidate] }), ['x']));
  }

  it('for a quota without room, or an attempt that failed there', () => {
    const limited = account('a', { quotas: [{ per: 'day', of: 'account', count_max: 1 }] });
    assert.deepEqual(excluded(chosen({ candidates: [limited, account('b')], reached: ({ account: { id } }) => id === 'a' })), { a: 'quota_reached' });
    assert.deepEqual(excluded(chosen({ tried: new Set(['a']) })), { a: 'tried_before' });
  });
});

describe('a broken circuit', () => {
  const broken =
    (...ids: string[]) =>
    (id: string) =>
      ids.includes(id) ? { ...well, breaker: 'open' as const } : well;
  it('is left out', () => {
    assert.deepEqual(excluded(chosen({ health: broken('a') })), { a: 'breaker_open' });
  });
  it('is tried nonetheless when all are broken', () => {
    const choice = chosen({ health: broken('a', 'b') });
    assert.equal(choice.last_resort, true);
    assert.equal(choice.plan[0].account.id, 'a');
  });
  it('is tried by one payment when it may be back', () => {
    const half = (probe_free: boolean) => (id: string) => (id === 'b' ? { ...well, breaker: 'half_open' as const, probe_free } : well);
    assert.deepEqual(order({ health: half(true) }), ['b', 'a']);
    assert.deepEqual(order({ health: half(false) }), ['a']);
  });
});

describe('rules', () => {
  const rules: RoutingRule[] = [
    { name: 'large', when: 'amount_fen > 500', use: { type: 'priority', accounts: ['b'] } },
    { name: 'qr', when: 'scene == "qr"', use: { type: 'priority', accounts: ['a'] } },
  ];
  it('the first that matches decides', () => {
    const choice = chosen({ rules: using({ type: 'priority' }, rules) });
    assert.deepEqual([choice.rule, choice.plan.map(({ account: { id } }) => id), excluded(choice)], ['large', ['b'], { a: 'not_in_rule' }]);
  });
  it('one without an account that can is passed over', () => {
    assert.equal(chosen({ rules: using({ type: 'priority' }, rules), tried: new Set(['b']) }).rule, 'qr');
  });
  it('an account that is broken is no reason to break a rule, but another rule is used before it', () => {
    const choice = chosen({ rules: using({ type: 'priority' }, rules), health: (id) => (id === 'b' ? { ...well, breaker: 'open' } : well) });
    assert.deepEqual([choice.rule, choice.plan[0].account.id], ['qr', 'a']);
  });
  it('the default decides when none matches', () => {
    assert.equal(chosen({ rules: using({ type: 'priority' }, rules), request: { method: 'wechat_jsapi', amount_fen: toFen(5) } }).rule, null);
  });
  it('says why nothing is left', () => {
    const refused = choose(input({ rules: using({ type: 'priority', accounts: ['z'] }), candidates: [account('a'), account('b', { amount_fen_max: 1 })] }));
    assert.ok(isRefusal(refused));
    assert.deepEqual([refused.refused, refused.facts?.excluded], ['no_account_available', 'not_in_rule 1, above_maximum 1']);
    const none = choose(input({ candidates: [account('a', {}, { takes: false })] }));
    assert.ok(isRefusal(none) && none.refused === 'no_channel_account');
  });
});

describe('a named account', () => {
  const named = (channel_account_id: string, candidates = [account('a'), account('b', { amount_fen_max: 5 })]) =>
    choose(input({ candidates, request: { method: 'wechat_qr', amount_fen: toFen(1000), channel_account_id }, health: () => ({ ...well, breaker: 'open' }) }));
  it('is taken whatever its health, and never another', () => {
    const choice = named('a');
    assert.ok(!isRefusal(choice));
    assert.deepEqual([choice.strategy, choice.plan.length, choice.failover_max], ['named', 1, 0]);
  });
  it('keeps its limits', () => {
    const refused = named('b');
    assert.ok(isRefusal(refused));
    assert.deepEqual([refused.refused, refused.facts?.excluded], ['account_limit_reached', 'above_maximum']);
    assert.equal((named('c') as { refused: string }).refused, 'channel_account_not_found');
  });
});

describe('least cost', () => {
  const cheap = account('cheap', { channel_price: { rate_ppm: 2500, min_fen: 20 } });
  const flat = account('flat', { channel_price: { rate_ppm: 0, per_item_fen: 10 } });
  const percent = account('percent', { channel_price: { rate_ppm: 6000, max_fen: 500 } });
  const unknown = account('unknown', {}, { priority: 1 });
  const at = (amount: number) =>
    order({ rules: using({ type: 'least_cost' }), candidates: [unknown, cheap, flat, percent], request: { method: 'wechat_qr', amount_fen: toFen(amount) } });
  it('the cheapest for this very payment is first, floor, cap and item fee counted; one without a price is last', () => {
    assert.deepEqual(at(1000), ['percent', 'flat', 'cheap', 'unknown']);
    assert.deepEqual(at(100_000), ['flat', 'cheap', 'percent', 'unknown']);
    assert.deepEqual(at(1_000_000), ['flat', 'percent', 'cheap', 'unknown']);
  });
});

describe('success rate and expected value', () => {
  const rates: Record<string, number> = { a: 950_000, b: 990_000 };
  const health = (id: string) => ({ ...well, success_ppm: rates[id] ?? 0 });
  it('the best is first, and now and then another is tried, as likely as is said', () => {
    const usual = chosen({ rules: using({ type: 'success_rate' }), health });
    assert.deepEqual([usual.plan[0].account.id, usual.propensity_ppm], ['b', 980_000]);
    const explored = chosen({ rules: using({ type: 'success_rate' }), health, draws: { share: () => 0, explore: () => 0.01 } });
    assert.deepEqual([explored.plan[0].account.id, explored.propensity_ppm], ['a', 20_000]);
    const unknown = chosen({ rules: using({ type: 'success_rate' }), health: (id) => ({ ...health(id), calls: 3 }) });
    assert.equal(unknown.propensity_ppm, 900_000, 'more is tried while little is known');
  });
  it('expected value weighs the margin against the rate', () => {
    const candidates = [
      account('a', { merchant_price: { rate_ppm: 6000 }, channel_price: { rate_ppm: 3800 } }),
      account('b', { merchant_price: { rate_ppm: 6000 }, channel_price: { rate_ppm: 2000 } }),
    ];
    const request = { method: 'wechat_qr' as const, amount_fen: toFen(100_000) };
    const worse = (id: string) => ({ ...well, success_ppm: id === 'a' ? 990_000 : 500_000 });
    assert.equal(chosen({ rules: using({ type: 'expected_value' }), candidates, request, health: worse }).plan[0].account.id, 'a');
    assert.equal(chosen({ rules: using({ type: 'expected_value' }), candidates, request, health: () => well }).plan[0].account.id, 'b');
  });
});

describe('a split', () => {
  const shares = [
    { channel_account_id: 'a', weight: 70 },
    { channel_account_id: 'b', weight: 30 },
  ];
  it('keeps 70 to 30 within 1 % over 10,000 payments', () => {
    let at = 0.123;
    const share = () => {
      at = (at + 0.618033988749895) % 1;
      return at;
    };
    const draws = { share, explore: () => 0 };
    const rules = using({ type: 'split', shares });
    let a = 0;
    for (let n = 0; n < 10_000; n++) if (chosen({ rules, draws }).plan[0].account.id === 'a') a += 1;
    assert.ok(Math.abs(a - 7000) <= 100, `${a} of 10,000`);
  });
  it('says how likely it was, of those that could', () => {
    const likely = (fields: Partial<ChooseInput>) => chosen({ rules: using({ type: 'split', shares }), ...fields }).propensity_ppm;
    assert.equal(likely({}), 700_000);
    assert.equal(likely({ tried: new Set(['a']) }), 1_000_000);
  });
  it('sticky: a payer keeps its account, and only those of an account that cannot are moved', () => {
    const rules = using({ type: 'split', shares: [...shares, { channel_account_id: 'c', weight: 50 }], sticky_by: 'payer' });
    const candidates = ['a', 'b', 'c'].map((id) => account(id));
    const of = (payer: number, tried: ReadonlySet<string>) =>
      chosen({ rules, candidates, tried, request: { method: 'wechat_qr', amount_fen: toFen(1), payer_key: `payer ${payer}` } }).plan[0].account.id;
    const payers = Array.from({ length: 600 }, (_, at) => at);
    const usual = payers.map((payer) => of(payer, new Set()));
    const a = usual.filter((id) => id === 'a').length;
    assert.ok(a > 220 && a < 340, `${a} of 600 where 280 are due`);
    payers.forEach((payer, at) => {
      assert.equal(of(payer, new Set()), usual[at]);
      if (usual[at] !== 'b') assert.equal(of(payer, new Set(['b'])), usual[at]);
    });
  });
});

it('whatever the accounts: the plan has each that may take the payment once, and no other; each has a rank or a reason', () => {
  const terms = fc.record({ amount_fen_max: fc.option(fc.integer({ min: 1, max: 2000 }), { nil: undefined }), weight: fc.integer({ min: 1, max: 10 }) });
  const strategy = fc.constantFrom<RoutingStrategy['type']>('priority', 'split', 'least_cost', 'success_rate', 'expected_value');
  const state = fc.constantFrom('closed', 'closed', 'open', 'half_open');
  fc.assert(
    fc.property(fc.array(fc.record({ terms, state, takes: fc.boolean() }), { maxLength: 8 }), strategy, fc.nat(1e9), (drawn, type, seed) => {
      const candidates = drawn.map((each, at) => account(`acc${at}`, each.terms as AccountTerms, { takes: each.takes }));
      const health = (id: string): AccountHealthView => ({ ...well, breaker: (drawn[Number(id.slice(3))]?.state ?? 'closed') as 'closed', probe_free: true });
      let last = seed;
      const next = () => {
        last = (last * 16_807 + 1) % 2_147_483_647;
        return last / 2_147_483_647;
      };
      const choice = choose(input({ candidates, health, rules: using({ type }), draws: { share: next, explore: next } }));
      const able = candidates.filter((candidate) => candidate.takes('wechat_qr') && (candidate.terms.amount_fen_max ?? 1000n) >= 1000n);
      if (isRefusal(choice)) return assert.equal(able.length, 0);
      const fit = able.filter(({ account: { id } }) => health(id).breaker !== 'open');
      const expected = fit.length > 0 ? fit : able;
      assert.equal(choice.last_resort, fit.length === 0);
      assert.deepEqual(choice.plan.map(({ account: { id } }) => id).toSorted(), expected.map(({ account: { id } }) => id).toSorted());
      assert.ok(choice.propensity_ppm > 0 && choice.propensity_ppm <= 1_000_000);
      for (const { candidate, rank, excluded: why } of choice.considered) {
        assert.equal(rank === null, why !== null);
        assert.equal(rank, expected.includes(candidate) ? choice.plan.indexOf(candidate) + 1 : null);
      }
    }),
  );
});
