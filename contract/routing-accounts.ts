import Type, { type Static } from 'typebox';
import { write_errors } from './errors.ts';
import { amount, amountShown, id, instant } from './fields.ts';
import { MethodSchema, methods } from './methods.ts';
import { defineOperation } from './operation.ts';

/** What a payment costs, as a contract states it. */
export const RoutingPrice = Type.Object(
  {
    rate_ppm: Type.Integer({ minimum: 0, maximum: 1_000_000, description: 'Parts of a million: 0.38 % is 3800. 费率（百万分之一）。', examples: [3800] }),
    per_item_fen: Type.Optional(amountShown('For each payment. 每笔固定费用。')),
    min_fen: Type.Optional(amountShown('No payment costs less. 保底。')),
    max_fen: Type.Optional(amount('No payment costs more. 封顶。')),
  },
  { additionalProperties: false, description: 'A fee in fen, rounded half up. 手续费（四舍五入到分）。' },
);
export type RoutingPrice = Static<typeof RoutingPrice>;

const time_of_day = (description: string) => Type.String({ pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$', description, examples: ['09:00'] });

export const Hours = Type.Object(
  {
    from: time_of_day('First minute, Asia/Shanghai. 起（含）。'),
    to: time_of_day('First minute that is outside; before `from` when the window passes midnight. 止（不含），可跨零点。'),
    weekdays: Type.Optional(
      Type.Array(Type.Integer({ minimum: 1, maximum: 7 }), {
        minItems: 1,
        maxItems: 7,
        uniqueItems: true,
        description: '1 is Monday; the day on which it begins. 星期（周一为 1）。',
      }),
    ),
  },
  { additionalProperties: false, description: 'A window of the day. 可用时段。' },
);
export type Hours = Static<typeof Hours>;

export const Maintenance = Type.Object(
  { from: instant('起（含）。'), to: instant('止（不含）。') },
  { additionalProperties: false, description: 'No new payments in this time. 计划维护时段。' },
);
export type Maintenance = Static<typeof Maintenance>;

export const Quota = Type.Object(
  {
    per: Type.Unsafe<'day' | 'month'>({
      type: 'string',
      enum: ['day', 'month'],
      description: 'Of the calendar in Asia/Shanghai. 自然日或自然月（北京时间）。',
    }),
    of: Type.Unsafe<'account' | 'payer'>({
      type: 'string',
      enum: ['account', 'payer'],
      description: 'All payments of the account, or those of one payer, where the payer is known beforehand. 账户累计，或单个付款人累计（须事先知道付款人）。',
    }),
    amount_fen_max: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000_000_000_000, description: 'In fen 分. 累计金额上限。' })),
    count_max: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000_000, description: 'Payments. 累计笔数上限。' })),
  },
  { additionalProperties: false, description: 'Never passed, whatever happens at once. 限额，并发下也不会超过。' },
);
export type Quota = Static<typeof Quota>;

export const Switch = Type.Object(
  {
    method: Type.Optional(MethodSchema),
    until: Type.Optional(instant('On again by itself at this time. 到时自动恢复。')),
  },
  { additionalProperties: false, description: 'A method, or all of the account, that a person turned off. 人工关闭的支付方式（缺省为整个账户）。' },
);
export type Switch = Static<typeof Switch>;

const terms_fields = {
  methods: Type.Optional(
    Type.Array(MethodSchema, {
      minItems: 1,
      maxItems: Object.keys(methods).length,
      uniqueItems: true,
      description: 'Only these; all that the channel has unless given. 只用这些支付方式。',
    }),
  ),
  weight: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, description: 'Its share where volume is split by weight; 100 unless given. 权重。' })),
  channel_price: Type.Optional(RoutingPrice),
  merchant_price: Type.Optional(RoutingPrice),
  amount_fen_min: Type.Optional(amount('No payment below. 单笔下限。')),
  amount_fen_max: Type.Optional(amount('No payment above. 单笔上限。')),
  quotas: Type.Optional(Type.Array(Quota, { maxItems: 8, description: '限额。' })),
  hours: Type.Optional(Type.Array(Hours, { minItems: 1, maxItems: 14, description: 'Open in any of these; always unless given. 可用时段，缺省为全天。' })),
  maintenance: Type.Optional(Type.Array(Maintenance, { maxItems: 32, description: '维护时段。' })),
};

/** What an account may carry and what it costs. Replaced as a whole; every change is a new version. */
export const AccountTerms = Type.Object(terms_fields, { additionalProperties: false, description: 'What routing knows of an account. 渠道账户的路由条件。' });
export type AccountTerms = Static<typeof AccountTerms>;

export const breaker_states = ['closed', 'open', 'half_open'] as const;
export type BreakerState = (typeof breaker_states)[number];

export const AccountHealth = Type.Object(
  {
    method: MethodSchema,
    breaker: Type.Unsafe<BreakerState>({
      type: 'string',
      enum: [...breaker_states],
      description: '`open`: takes no payments; `half_open`: single payments try whether it is back. 熔断状态。',
    }),
    success_ppm: Type.Integer({ minimum: 0, maximum: 1_000_000, description: 'Estimated share of calls that the channel carries out. 估计成功率。' }),
    latency_ms: Type.Integer({ minimum: 0, description: 'Moving average of a call. 平均时延。' }),
    calls: Type.Integer({ minimum: 0, description: 'Behind the estimate; older ones count less. 样本数（随时间衰减）。' }),
  },
  { additionalProperties: false, description: 'As the node that answers sees it. 当前节点所见的健康状况。' },
);
export type AccountHealth = Static<typeof AccountHealth>;

export const RoutingAccount = Type.Object(
  {
    object: Type.Literal('routing_account'),
    channel_account_id: id('acc', 'Channel account 渠道账户.'),
    livemode: Type.Boolean(),
    channel: Type.String({ description: 'Code of the channel. 渠道代码。' }),
    name: Type.String({ description: '名称。' }),
    state: Type.Unsafe<'active' | 'paused' | 'closed'>({ type: 'string', enum: ['active', 'paused', 'closed'] }),
    priority: Type.Integer({ description: 'Lower is tried first. 优先级，小者优先。' }),
    terms_version: Type.Integer({ minimum: 0, description: 'Grows with every change; 0 while none were set. 条件版本。' }),
    terms: AccountTerms,
    off: Type.Array(Switch, { description: 'What a person turned off. 人工关闭项。' }),
    health: Type.Array(AccountHealth),
  },
  { additionalProperties: false },
);
export type RoutingAccount = Static<typeof RoutingAccount>;

export const RoutingAccounts = Type.Object(
  { object: Type.Literal('routing_accounts'), accounts: Type.Array(RoutingAccount, { description: 'In the order in which they are tried. 按尝试顺序。' }) },
  { additionalProperties: false },
);
export type RoutingAccounts = Static<typeof RoutingAccounts>;

const by_account = Type.Object({ channel_account_id: id('acc', 'Channel account 渠道账户.') }, { additionalProperties: false });

export const SwitchAccountBody = Type.Object(
  {
    turn: Type.Unsafe<'off' | 'on'>({ type: 'string', enum: ['off', 'on'], description: '关闭或恢复。' }),
    method: Type.Optional(MethodSchema),
    until: Type.Optional(instant('With `off`: on again at this time. 到时自动恢复。')),
  },
  { additionalProperties: false },
);
export type SwitchAccountBody = Static<typeof SwitchAccountBody>;

export const listRoutingAccounts = defineOperation({
  id: 'list_routing_accounts',
  sdk: ['routing', 'listAccounts'],
  method: 'GET',
  path: '/v1/routing/accounts',
  scope: 'routing:read',
  summary: 'List channel accounts with their terms and health',
  summary_zh: '渠道账户的路由条件与健康状况列表',
  status: 200,
  response: RoutingAccounts,
  errors: [],
});

export const setAccountTerms = defineOperation({
  id: 'set_account_terms',
  sdk: ['routing', 'setAccountTerms'],
  method: 'POST',
  path: '/v1/routing/accounts/{channel_account_id}/terms',
  scope: 'routing:write',
  summary: "Replace an account's terms: price, limits, quotas, hours, maintenance",
  summary_zh: '设置渠道账户的路由条件：价格、限额、时段与维护',
  params: by_account,
  body: AccountTerms,
  status: 200,
  response: RoutingAccount,
  errors: [...write_errors, 'channel_account_not_found'],
});

export const switchAccount = defineOperation({
  id: 'switch_account',
  sdk: ['routing', 'switchAccount'],
  method: 'POST',
  path: '/v1/routing/accounts/{channel_account_id}/switch',
  scope: 'routing:write',
  summary: 'Turn an account, or one method of it, off or on for new payments, on every node within a second',
  summary_zh: '关闭或恢复渠道账户（或其某一支付方式）的新单，一秒内在所有节点生效',
  params: by_account,
  body: SwitchAccountBody,
  status: 200,
  response: RoutingAccount,
  errors: [...write_errors, 'channel_account_not_found'],
});
