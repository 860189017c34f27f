import Type, { type Static } from 'typebox';
import { amountShown, id, instant, nullable, page, page_query } from './fields.ts';
import { MethodSchema } from './methods.ts';
import { defineOperation } from './operation.ts';

const text = <const T extends readonly string[]>(values: T, description: string) => Type.Unsafe<T[number]>({ type: 'string', enum: [...values], description });

export const PriceTier = Type.Object(
  {
    from_fen: amountShown('Volume of the calendar month before the payment, from which the tier holds. 适用本档的当月累计（该笔之前）。'),
    rate_ppm: Type.Integer({ minimum: 0, maximum: 1_000_000, description: 'Parts of a million: 0.6 % is 6000. 费率（百万分之一）。', examples: [6000] }),
    per_item_fen: amountShown('For each payment. 每笔固定费用。'),
    min_fen: amountShown('No payment costs less. 保底。'),
    max_fen: nullable(amountShown('No payment costs more; null: no such limit. 封顶，空为不设。')),
  },
  { additionalProperties: false, description: 'One tier of a price. 费率的一档。' },
);

/** 费率: what a merchant pays for its payments, from a time on. */
export const Price = Type.Object(
  {
    object: Type.Literal('price'),
    id: id('prc', 'Price 费率.'),
    livemode: Type.Boolean(),
    channel: nullable(Type.String({ description: 'Payments by this channel only; null: by every one. 仅该渠道，空为全部。' })),
    method: nullable(
      Type.Unsafe<Static<typeof MethodSchema>>({ ...MethodSchema, description: 'Payments by this method only; null: by every one. 仅该支付方式，空为全部。' }),
    ),
    rounding: text(['half_up', 'half_even', 'down', 'up'], 'How the percentage is rounded to the fen. 舍入到分的方式。'),
    refund: text(['returned', 'kept'], '`returned`: the fee goes back with refunds, in proportion. 退款时手续费按比例退回或不退。'),
    tiers: Type.Array(PriceTier, { minItems: 1, maxItems: 20, description: 'By the volume of the month, lowest first. 按当月累计分档，由低到高。' }),
    effective_from: instant('From then on, until a later price for the same payments begins. 生效时间，至同一范围的后一费率生效为止。'),
    created_at: instant('设定时间。'),
  },
  { additionalProperties: false, description: 'What payments cost the merchant. 商户费率。' },
);
export type Price = Static<typeof Price>;

export const listPrices = defineOperation({
  id: 'list_prices',
  sdk: ['prices', 'list'],
  method: 'GET',
  path: '/v1/prices',
  scope: 'prices:read',
  summary: 'List the prices that the operator has set for the merchant, past and future ones too, last set first',
  summary_zh: '商户费率列表（由运营方设定，含过去与将来的，后设在前）',
  query: Type.Object(
    {
      ...page_query,
      channel: Type.Optional(
        Type.String({ minLength: 1, maxLength: 40, pattern: '^[a-z0-9_]+$', description: 'Prices for this channel alone. 仅为该渠道设定的费率。' }),
      ),
      method: Type.Optional(MethodSchema),
    },
    { additionalProperties: false },
  ),
  status: 200,
  response: page(Price),
  errors: ['cursor_invalid'],
});
