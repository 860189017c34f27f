import Type, { type Static } from 'typebox';
import { write_errors } from './errors.ts';
import { amount, amountShown, day, id, instant, nullable, page, page_query, text } from './fields.ts';
import { MethodSchema } from './methods.ts';
import { defineOperation } from './operation.ts';
import { try_errors } from './payments.ts';

/** Rules that choose the channel account of a payment, and what was chosen for one. */

export const strategies = ['priority', 'split', 'least_cost', 'success_rate', 'expected_value'] as const;
export type Strategy = (typeof strategies)[number];

const account_id = id('acc', 'Channel account 渠道账户.');

export const RoutingStrategy = Type.Object(
  {
    type: Type.Unsafe<Strategy>({
      type: 'string',
      enum: [...strategies],
      description:
        "`priority`: in the order of `accounts`, else by the accounts' own. `split`: by shares of the number of payments. `least_cost`: by the channel's fee; an account without a price comes last. `success_rate`: by the moving success rate. `expected_value`: by success rate × our fee − the channel's. 优先级、分流、成本最低、成功率优先、期望收益最高。",
    }),
    accounts: Type.Optional(
      Type.Array(account_id, {
        minItems: 1,
        maxItems: 200,
        uniqueItems: true,
        description: 'Only these; all unless given. Not with `split`. 只在这些账户中选择。',
      }),
    ),
    shares: Type.Optional(
      Type.Array(
        Type.Object(
          { channel_account_id: account_id, weight: Type.Integer({ minimum: 1, maximum: 10_000, description: '权重。' }) },
          { additionalProperties: false },
        ),
        { minItems: 1, maxItems: 200, description: 'With `split`: shares of the volume; all accounts by their own weights unless given. 分流比例。' },
      ),
    ),
    sticky_by: Type.Optional(
      Type.Unsafe<'payer' | 'terminal'>({
        type: 'string',
        enum: ['payer', 'terminal'],
        description: 'With `split`: the same payer or terminal keeps its account while it can. 同一付款人或终端固定走同一账户。',
      }),
    ),
  },
  { additionalProperties: false, description: 'How accounts are put in order. 排序策略。' },
);
export type RoutingStrategy = Static<typeof RoutingStrategy>;

export const RoutingRule = Type.Object(
  {
    name: text(64, '规则名称。'),
    when: text(1000, 'CEL over amount_fen, method, wallet, scene, hour, weekday, terminal_id, app_id, payer_known, metadata. 条件（CEL）。'),
    use: RoutingStrategy,
  },
  { additionalProperties: false },
);
export type RoutingRule = Static<typeof RoutingRule>;

const definition = {
  name: text(100, '名称。'),
  rules: Type.Array(RoutingRule, { maxItems: 200, description: 'The first that matches and has an account decides. 依次匹配，首个匹配且有可用账户者生效。' }),
  default: RoutingStrategy,
  failover_max: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 5,
      description:
        'How often another account is tried within one request, after one certainly did not take the order; 2 unless given. 单次请求内换账户重试次数，默认 2。',
    }),
  ),
};

export const RuleSetBody = Type.Object(
  { ...definition, activate: Type.Optional(Type.Boolean({ description: 'Use it from now on; true unless given. 立即启用，默认是。' })) },
  { additionalProperties: false },
);
export type RuleSetBody = Static<typeof RuleSetBody>;

export const RuleSet = Type.Object(
  {
    object: Type.Literal('routing_rule_set'),
    id: id('rrs', 'Rule set 路由规则集.'),
    livemode: Type.Boolean(),
    version: Type.Integer({ minimum: 1, description: 'Counts the rule sets of the merchant and mode. 版本号。' }),
    active: Type.Boolean({ description: 'Whether it decides now. 是否生效中。' }),
    ...definition,
    failover_max: Type.Integer({ minimum: 0, maximum: 5, description: '换账户重试次数。' }),
    created_at: instant('创建时间。'),
  },
  { additionalProperties: false, description: 'Rules as they were saved; they never change. 路由规则集，保存后不变。' },
);
export type RuleSet = Static<typeof RuleSet>;

/** Why an account was not a candidate. */
export const exclusions = [
  'method_not_supported',
  'method_not_offered',
  'below_minimum',
  'above_maximum',
  'outside_hours',
  'maintenance',
  'switched_off',
  'breaker_open',
  'quota_reached',
  'tried_before',
  'not_in_rule',
] as const;
export type Exclusion = (typeof exclusions)[number];

export const RoutingCandidate = Type.Object(
  {
    channel_account_id: account_id,
    rank: nullable(Type.Integer({ minimum: 1, description: 'Its place in the plan; null when it was excluded. 排名，未入选为 null。' })),
    excluded: nullable(Type.Unsafe<Exclusion>({ type: 'string', enum: [...exclusions], description: 'Why it was no candidate. 排除原因。' })),
    success_ppm: nullable(Type.Integer({ minimum: 0, maximum: 1_000_000, description: 'The estimate at that moment. 当时的成功率估计。' })),
    fee_fen: nullable(amountShown("The channel's fee for this payment, by its terms. 渠道手续费报价。")),
    score: nullable(
      Type.Integer({ description: 'What the strategy compared: fee in fen, rate in ppm, value in millionths of a fen, or place. 策略比较的分值。' }),
    ),
  },
  { additionalProperties: false },
);
export type RoutingCandidate = Static<typeof RoutingCandidate>;

export const RoutingDecision = Type.Object(
  {
    object: Type.Literal('routing_decision'),
    attempt_id: nullable(id('att', 'Attempt 支付尝试.')),
    channel_account_id: nullable(account_id),
    method: MethodSchema,
    amount_fen: amount('What was to be paid. 金额。'),
    rule_set_version: Type.Integer({ minimum: 0, description: '0: no rules were set; accounts by priority. 规则集版本，0 为未设置。' }),
    rule: nullable(Type.String({ description: 'Name of the rule that decided; null for the default. 命中规则，null 为缺省策略。' })),
    strategy: Type.Unsafe<Strategy | 'named'>({
      type: 'string',
      enum: [...strategies, 'named'],
      description: '`named`: the request named the account. 策略。',
    }),
    propensity_ppm: Type.Integer({ minimum: 0, maximum: 1_000_000, description: 'How likely this choice was, of a million. 选中概率。' }),
    last_resort: Type.Boolean({ description: 'Every candidate was in a broken circuit, and one was tried nonetheless. 全部熔断时仍尝试。' }),
    candidates: Type.Array(RoutingCandidate),
    decided_at: instant('决定时间。'),
  },
  { additionalProperties: false, description: 'Why a payment went where it went. 路由决定及其理由。' },
);
export type RoutingDecision = Static<typeof RoutingDecision>;

export const PaymentRouting = Type.Object(
  {
    object: Type.Literal('payment_routing'),
    payment_id: id('pay', 'Payment 支付单.'),
    decisions: Type.Array(RoutingDecision, { description: 'One per attempt, the first one first. 每次尝试一条，先后有序。' }),
  },
  { additionalProperties: false, description: 'The routing of a payment. 支付单的路由决定。' },
);
export type PaymentRouting = Static<typeof PaymentRouting>;

export const ExplainBody = Type.Object(
  {
    amount_fen: amount('What would be paid. 金额。'),
    method: MethodSchema,
    payer_id: Type.Optional(Type.String({ pattern: '^[0-9A-Za-z_-]{1,128}$', description: '付款人标识。' })),
    terminal_id: Type.Optional(text(32, '终端号。')),
    app_id: Type.Optional(Type.String({ pattern: '^[0-9A-Za-z]{1,32}$', description: '应用 ID。' })),
    metadata: Type.Optional(
      Type.Record(Type.String({ pattern: '^[0-9A-Za-z_.-]{1,40}$' }), text(500, '值。', 0), { maxProperties: 20, additionalProperties: false }),
    ),
    rule_set_id: Type.Optional(id('rrs', 'By these rules instead of the active ones. 按指定规则集。')),
  },
  { additionalProperties: false },
);
export type ExplainBody = Static<typeof ExplainBody>;

export const CostRow = Type.Object(
  {
    biz_date: day('Of payment. 支付日期。'),
    channel: Type.String({ description: '渠道。' }),
    channel_account_id: account_id,
    method: MethodSchema,
    count: Type.Integer({ minimum: 1, description: 'Payments. 笔数。' }),
    amount_fen: amountShown('金额合计。'),
    quoted_fee_fen: nullable(amountShown('By the terms when it was routed; null where an account had no price. 报价手续费合计。')),
    charged_fee_fen: nullable(
      amountShown(
        'By the channel’s bill, else as it told with the payment; null where neither says it of all. 渠道实收手续费合计（以对账单为准，其次为支付应答或通知）。',
      ),
    ),
  },
  { additionalProperties: false },
);
export type CostRow = Static<typeof CostRow>;

export const Costs = Type.Object(
  { object: Type.Literal('routing_costs'), rows: Type.Array(CostRow) },
  { additionalProperties: false, description: 'What payments cost at the channels. 渠道成本。' },
);
export type Costs = Static<typeof Costs>;

const by_id = Type.Object({ rule_set_id: id('rrs', 'Rule set 规则集.') }, { additionalProperties: false });

export const createRuleSet = defineOperation({
  id: 'create_rule_set',
  sdk: ['routing', 'createRuleSet'],
  method: 'POST',
  path: '/v1/routing/rule_sets',
  scope: 'routing:write',
  summary: 'Save a rule set after checking it, and use it unless told otherwise',
  summary_zh: '校验并保存路由规则集（默认立即启用）',
  body: RuleSetBody,
  status: 201,
  response: RuleSet,
  errors: [...write_errors, 'routing_rule_invalid', 'channel_account_not_found', 'too_many_rule_sets'],
});

export const listRuleSets = defineOperation({
  id: 'list_rule_sets',
  sdk: ['routing', 'listRuleSets'],
  method: 'GET',
  path: '/v1/routing/rule_sets',
  scope: 'routing:read',
  summary: 'List rule sets, newest first',
  summary_zh: '路由规则集列表（新的在前）',
  query: Type.Object({ ...page_query }, { additionalProperties: false }),
  status: 200,
  response: page(RuleSet),
  errors: ['cursor_invalid'],
});

export const activateRuleSet = defineOperation({
  id: 'activate_rule_set',
  sdk: ['routing', 'activateRuleSet'],
  method: 'POST',
  path: '/v1/routing/rule_sets/{rule_set_id}/activate',
  scope: 'routing:write',
  summary: 'Use a saved rule set from now on, on every node within a second',
  summary_zh: '启用已保存的规则集，一秒内在所有节点生效',
  params: by_id,
  status: 200,
  response: RuleSet,
  errors: [...write_errors, 'rule_set_not_found', 'routing_rule_invalid', 'channel_account_not_found'],
});

export const explainRouting = defineOperation({
  id: 'explain_routing',
  sdk: ['routing', 'explain'],
  method: 'POST',
  path: '/v1/routing/explain',
  scope: 'routing:read',
  summary: 'Say where a payment would go now, and why; nothing is written',
  summary_zh: '试算一笔支付此刻的路由及理由（不落库）',
  body: ExplainBody,
  status: 200,
  response: RoutingDecision,
  errors: [...write_errors, ...try_errors, 'rule_set_not_found'],
});

export const retrievePaymentRouting = defineOperation({
  id: 'retrieve_payment_routing',
  sdk: ['payments', 'retrieveRouting'],
  method: 'GET',
  path: '/v1/payments/{payment_id}/routing',
  scope: 'payments:read',
  summary: 'Why the attempts of a payment went where they went',
  summary_zh: '查询支付单各次尝试的路由决定',
  params: Type.Object({ payment_id: id('pay', 'Payment 支付单.') }, { additionalProperties: false }),
  status: 200,
  response: PaymentRouting,
  errors: ['payment_not_found'],
});

export const listCosts = defineOperation({
  id: 'list_costs',
  sdk: ['routing', 'listCosts'],
  method: 'GET',
  path: '/v1/routing/costs',
  scope: 'routing:read',
  summary: 'What payments cost at the channels, by day, account and method',
  summary_zh: '渠道成本报表（按日、账户、支付方式）',
  query: Type.Object({ from: day('First day. 起（含）。'), to: day('Last day, at most 31 days. 止（含），最多 31 天。') }, { additionalProperties: false }),
  status: 200,
  response: Costs,
  errors: [],
});
