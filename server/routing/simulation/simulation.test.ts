import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { toFen } from '../../kernel/money.ts';
import type { Candidate } from '../choose.ts';
import { compileRules, type Definition } from '../rules/rule-set.ts';
import { compileTerms } from '../terms.ts';
import { interval } from './interval.ts';
import { createSimulation, type Past } from './simulation.ts';

const candidate = (id: string, terms: Parameters<typeof compileTerms>[1] = {}): Candidate => ({
  account: { id, version: 1, merchant_id: 'mer', merchant_code: 'AAAAAA', livemode: false, channel: 'some', config: {} },
  priority: 100,
  terms: compileTerms(1, terms, []),
  takes: () => true,
});
const rules = (use: Definition['default'], more: Definition['rules'] = []) => compileRules({ name: 'r', rules: more, default: use, failover_max: 2 }, 1);
const payment = (channel_account_id: string, fields: Partial<Past> = {}): Past => ({
  channel_account_id,
  method: 'wechat_qr',
  amount_fen: toFen(10_000),
  considered: [],
  created_at: new Date('2026-11-22T04:00:00Z'),
  app_id: null,
  terminal_id: null,
  metadata: {},
  state: 'succeeded',
  ...fields,
});
const simulate = (input: Parameters<typeof createSimulation>[0]) => {
  const simulation = createSimulation(input);
  simulation.decide(input.past);
  return simulation.result();
};
const dear = candidate('dear', { channel_price: { rate_ppm: 6000 } });
const cheap = candidate('cheap', { channel_price: { rate_ppm: 2000 } });

describe('rules put to payments of the past', () => {
  it('say what they would have cost and where payments would have gone', () => {
    const past = [...Array(3).fill(payment('dear')), payment('cheap')];
    const result = simulate({ rules: rules({ type: 'least_cost' }), candidates: [dear, cheap], past });
    assert.deepEqual([result.payments, result.moved, result.refused], [4, 3, 0]);
    assert.deepEqual([result.actual.fee_fen, result.simulated.fee_fen], [3 * 60 + 20, 4 * 20]);
    const row = result.accounts.find(({ channel_account_id }) => channel_account_id === 'cheap');
    assert.deepEqual([row?.actual.count, row?.simulated.count, row?.simulated.amount_fen], [1, 4, 40_000]);
  });

  it('say how often they would have been paid, by what each account made of its own payments', () => {
    const past = [...Array(90).fill(payment('dear')), ...Array(10).fill(payment('dear', { state: 'closed' })), ...Array(50).fill(payment('cheap'))];
    const result = simulate({ rules: rules({ type: 'priority', accounts: ['dear'] }), candidates: [dear, cheap], past });
    assert.deepEqual([result.simulated.success_ppm, result.actual.success_ppm], [900_000, 933_333]);
    assert.ok((result.simulated.success_low_ppm ?? 0) < 860_000 && (result.simulated.success_high_ppm ?? 0) > 930_000, 'with the ends of 95 %');
  });

  it('say nothing of an account that carried nothing, and nothing of payments that are open', () => {
    const past = [payment('dear', { state: 'waiting' }), payment('dear')];
    const result = simulate({ rules: rules({ type: 'priority', accounts: ['cheap'] }), candidates: [dear, cheap], past });
    assert.equal(result.simulated.success_ppm, null);
    assert.equal(result.accounts.find(({ channel_account_id }) => channel_account_id === 'dear')?.known, 1);
  });

  it('keep quotas, use the circuit and the clock of then, and split as the product does', () => {
    const quota = candidate('quota', { quotas: [{ per: 'day', of: 'account', count_max: 2 }] });
    const next_day = payment('rest', { created_at: new Date('2026-11-22T17:00:00Z') });
    const past = [...Array(3).fill(payment('rest')), next_day];
    const first = simulate({ rules: rules({ type: 'priority', accounts: ['quota', 'rest'] }), candidates: [quota, candidate('rest')], past });
    assert.equal(first.accounts[0]?.simulated.count, 3, 'two of the day, and the day turns at midnight in Shanghai');

    const broken = payment('rest', { considered: [['dear', 1, 'breaker_open']] });
    const open = simulate({ rules: rules({ type: 'priority', accounts: ['dear', 'rest'] }), candidates: [dear, candidate('rest')], past: [broken] });
    assert.equal(open.moved, 0, 'the circuit was open then');

    const night = rules({ type: 'priority', accounts: ['cheap'] }, [{ name: 'noon', when: 'hour == 12', use: { type: 'priority', accounts: ['dear'] } }]);
    assert.equal(simulate({ rules: night, candidates: [dear, cheap], past: [payment('dear')] }).moved, 0, 'it was noon then');

    const shares = [
      { channel_account_id: 'dear', weight: 70 },
      { channel_account_id: 'cheap', weight: 30 },
    ];
    const split = simulate({ rules: rules({ type: 'split', shares }), candidates: [dear, cheap], past: Array(1_000).fill(payment('dear')) });
    assert.ok(Math.abs((split.accounts[0]?.simulated.count ?? 0) - 700) <= 10);
  });

  it('count what no account would have taken', () => {
    const result = simulate({ rules: rules({ type: 'priority' }), candidates: [candidate('small', { amount_fen_max: 1 })], past: [payment('gone')] });
    assert.deepEqual([result.refused, result.simulated.count, result.actual.count], [1, 0, 1]);
    assert.equal(result.actual.fee_fen, null, 'an account that is gone has no price');
  });
});

it('an interval is wide for few cases and stays between nothing and all', () => {
  assert.equal(interval(0, 0), undefined);
  const few = interval(5, 5);
  assert.ok(few && few.rate === 1 && few.high === 1 && few.low < 0.6);
  const many = interval(900, 1000);
  assert.ok(many && Math.abs(many.low - 0.8798) < 0.0005 && Math.abs(many.high - 0.9171) < 0.0005, JSON.stringify(many));
});
