import Type, { type Static } from 'typebox';
import { write_errors } from './errors.ts';
import { amountShown, day, id, nullable } from './fields.ts';
import { defineOperation } from './operation.ts';
import { RoutingRule, RoutingStrategy } from './routing.ts';

const ppm = (description: string) => Type.Integer({ minimum: 0, maximum: 1_000_000, description });

export const SimulateBody = Type.Object(
  {
    from: day('First day. 起（含）。'),
    to: day('Last day, at most 31 days. 止（含），最多 31 天。'),
    payments_max: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 5000, description: 'So many of the latest payments of these days; 1000 unless given. 取最近多少笔，默认 1000。' }),
    ),
    rule_set_id: Type.Optional(id('rrs', 'These saved rules; without them and without `rules`, the active ones. 指定规则集，缺省为生效中的规则。')),
    rules: Type.Optional(
      Type.Object(
        { rules: Type.Array(RoutingRule, { maxItems: 200, description: '规则。' }), default: RoutingStrategy },
        { additionalProperties: false, description: 'Rules that were not saved. 尚未保存的规则。' },
      ),
    ),
  },
  { additionalProperties: false },
);
export type SimulateBody = Static<typeof SimulateBody>;

const volume = {
  count: Type.Integer({ minimum: 0, description: 'Payments. 笔数。' }),
  amount_fen: amountShown('金额合计。'),
  fee_fen: nullable(amountShown('By the terms of now; null where an account has no price. 按现行条件估算的渠道手续费。')),
};

const success = {
  success_ppm: nullable(ppm('Share that was or would be paid; null where nothing is known. 支付成功率。')),
  success_low_ppm: nullable(ppm('Lower end of the 95 % interval. 95% 置信区间下限。')),
  success_high_ppm: nullable(ppm('Upper end. 上限。')),
};

export const RoutingVolume = Type.Object({ ...volume, ...success }, { additionalProperties: false });
export type RoutingVolume = Static<typeof RoutingVolume>;

export const SimulatedAccount = Type.Object(
  {
    channel_account_id: id('acc', 'Channel account 渠道账户.'),
    actual: Type.Object(volume, { additionalProperties: false, description: 'What it carried. 实际承接。' }),
    simulated: Type.Object(volume, { additionalProperties: false, description: 'What it would have carried. 模拟承接。' }),
    ...success,
    known: Type.Integer({ minimum: 0, description: 'Payments behind its success rate. 成功率的样本数。' }),
  },
  { additionalProperties: false },
);
export type SimulatedAccount = Static<typeof SimulatedAccount>;

export const RoutingSimulation = Type.Object(
  {
    object: Type.Literal('routing_simulation'),
    rule_set_version: nullable(Type.Integer({ minimum: 0, description: 'Null for rules that were not saved. 规则集版本。' })),
    payments: Type.Integer({ minimum: 0, description: 'Decided again, each by its first attempt. 重新决定的支付笔数（首次尝试）。' }),
    sampled: Type.Boolean({ description: 'There were more payments than were taken. 是否只取了最近一部分。' }),
    moved: Type.Integer({ minimum: 0, description: 'Would have gone to another account. 去向改变的笔数。' }),
    refused: Type.Integer({ minimum: 0, description: 'No account would have taken them. 无可用账户的笔数。' }),
    actual: RoutingVolume,
    simulated: RoutingVolume,
    accounts: Type.Array(SimulatedAccount),
  },
  {
    additionalProperties: false,
    description:
      'What rules would have done with past payments: by the terms of now, the time, success rates and open circuits of then, without exploration. Who the payer was is not kept in clear, so quotas of a payer and sticky payers are left out. A success rate is that of the account and method in these days; what an account never carried is not known. 用历史支付试算规则：账户条件取现在，时间、成功率与熔断取当时，不含探索；付款人限额与付款人粘滞不参与。',
  },
);
export type RoutingSimulation = Static<typeof RoutingSimulation>;

export const simulateRouting = defineOperation({
  id: 'simulate_routing',
  sdk: ['routing', 'simulate'],
  method: 'POST',
  path: '/v1/routing/simulate',
  scope: 'routing:read',
  summary: 'What rules would have done with past payments; nothing is written',
  summary_zh: '用历史支付试算路由规则（不落库）',
  body: SimulateBody,
  status: 200,
  response: RoutingSimulation,
  errors: [...write_errors, 'rule_set_not_found', 'routing_rule_invalid', 'channel_account_not_found'],
});
