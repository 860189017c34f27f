import type { Costs, ExplainBody, PaymentRouting, RoutingDecision, RuleSet, RuleSetBody } from './routing.ts';
import type { AccountTerms, RoutingAccount, RoutingAccounts } from './routing-accounts.ts';
import type { RoutingSimulation, SimulateBody } from './routing-simulation.ts';

/** Examples of routing. */

const ids = {
  payment: 'pay_01KAMDZ2Q0W3V5X7Y9ZBCDEFGH',
  attempt: 'att_01KAMDZ2Q1A2B3C4D5E6F7G8H9',
  account: 'acc_01KAK0000001234567890ABCDE',
  other: 'acc_01KAK0000001234567890ABCDF',
  rule_set: 'rrs_01KAMC3P40R9X8W7V6T5S4Q3P2',
} as const;

const body: RuleSetBody = {
  name: '大额走最低成本 Large amounts at least cost',
  rules: [{ name: 'large', when: 'amount_fen > 500000 && method == "wechat_jsapi"', use: { type: 'least_cost' } }],
  default: {
    type: 'split',
    shares: [
      { channel_account_id: ids.account, weight: 70 },
      { channel_account_id: ids.other, weight: 30 },
    ],
  },
};

const rule_set: RuleSet = {
  object: 'routing_rule_set',
  id: ids.rule_set,
  livemode: false,
  version: 1,
  active: true,
  ...body,
  failover_max: 2,
  created_at: '2026-11-22T01:30:00.000Z',
};

const terms: AccountTerms = {
  channel_price: { rate_ppm: 3800 },
  amount_fen_max: 5_000_000,
  quotas: [{ per: 'day', of: 'account', amount_fen_max: 100_000_000 }],
  hours: [{ from: '06:00', to: '23:30' }],
};

const account: RoutingAccount = {
  object: 'routing_account',
  channel_account_id: ids.account,
  livemode: false,
  channel: 'wechatpay',
  name: '总店 Main',
  state: 'active',
  priority: 100,
  terms_version: 1,
  terms,
  off: [],
  health: [{ method: 'wechat_qr', breaker: 'closed', success_ppm: 990_000, latency_ms: 180, calls: 96 }],
};
const accounts: RoutingAccounts = { object: 'routing_accounts', accounts: [account] };

const decision: RoutingDecision = {
  object: 'routing_decision',
  attempt_id: ids.attempt,
  channel_account_id: ids.account,
  method: 'wechat_qr',
  amount_fen: 1280,
  rule_set_version: 1,
  rule: null,
  strategy: 'split',
  propensity_ppm: 700_000,
  last_resort: false,
  candidates: [
    { channel_account_id: ids.account, rank: 1, excluded: null, success_ppm: 990_000, fee_fen: 5, score: 70 },
    { channel_account_id: ids.other, rank: 2, excluded: null, success_ppm: 970_000, fee_fen: null, score: 30 },
  ],
  decided_at: '2026-11-22T02:00:00.000Z',
};
const routing: PaymentRouting = { object: 'payment_routing', payment_id: ids.payment, decisions: [decision] };
const explain: ExplainBody = { amount_fen: 1280, method: 'wechat_qr' };

const costs: Costs = {
  object: 'routing_costs',
  rows: [
    {
      biz_date: '2026-11-22',
      channel: 'wechatpay',
      channel_account_id: ids.account,
      method: 'wechat_qr',
      count: 120,
      amount_fen: 153_600,
      quoted_fee_fen: 600,
      charged_fee_fen: null,
    },
  ],
};

const simulate: SimulateBody = { from: '2026-11-15', to: '2026-11-21', rules: { rules: [], default: { type: 'least_cost' } } };
const simulation: RoutingSimulation = {
  object: 'routing_simulation',
  rule_set_version: null,
  payments: 1000,
  sampled: true,
  moved: 300,
  refused: 0,
  actual: { count: 1000, amount_fen: 1_280_000, fee_fen: 4864, success_ppm: 964_000, success_low_ppm: 950_600, success_high_ppm: 973_900 },
  simulated: { count: 1000, amount_fen: 1_280_000, fee_fen: 4100, success_ppm: 961_000, success_low_ppm: 945_000, success_high_ppm: 975_000 },
  accounts: [
    {
      channel_account_id: ids.account,
      actual: { count: 1000, amount_fen: 1_280_000, fee_fen: 4864 },
      simulated: { count: 1000, amount_fen: 1_280_000, fee_fen: 4100 },
      success_ppm: 964_000,
      success_low_ppm: 950_600,
      success_high_ppm: 973_900,
      known: 1000,
    },
  ],
};

const by_account = { channel_account_id: ids.account };

export const routing_examples = {
  retrieve_payment_routing: { params: { payment_id: ids.payment }, response: routing },
  create_rule_set: { body, response: rule_set },
  list_rule_sets: { query: { limit: 20 }, response: { data: [rule_set], next_cursor: null } },
  activate_rule_set: { params: { rule_set_id: ids.rule_set }, response: rule_set },
  explain_routing: { body: explain, response: { ...decision, attempt_id: null } },
  simulate_routing: { body: simulate, response: simulation },
  list_costs: { query: { from: '2026-11-01', to: '2026-11-22' }, response: costs },
  list_routing_accounts: { response: accounts },
  set_account_terms: { params: by_account, body: terms, response: account },
  switch_account: { params: by_account, body: { turn: 'off', method: 'wechat_qr', until: '2026-11-22T04:00:00.000Z' }, response: account },
} as const;
