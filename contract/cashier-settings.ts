import Type, { type Static } from 'typebox';
import { write_errors } from './errors.ts';
import { nullable, text } from './fields.ts';
import { defineOperation } from './operation.ts';

const display_name = text(40, "The name that payers see; the merchant's own when null. 展示名称。");
const color = Type.String({ pattern: '^#[0-9a-f]{6}$', description: 'Colour of buttons and headings; text on it stays readable by itself. 主题色。' });
/** 16 KiB of PNG: a logo of 240 × 240 fits, and a phone on a slow line does not wait for it. */
const logo_png = Type.String({
  pattern: '^[A-Za-z0-9+/]+={0,2}$',
  maxLength: 22_000,
  description: 'PNG of at most 16 KiB and 512 × 512, Base64; only what draws is kept of it. 商户标志，PNG，不超过 16 KiB。',
});
const return_hosts = Type.Array(
  Type.String({ pattern: '^[a-z0-9]([a-z0-9.-]{0,250}[a-z0-9])?(:[0-9]{1,5})?$', maxLength: 260, description: '`shop.example` or `shop.example:8443`.' }),
  { maxItems: 20, uniqueItems: true, description: 'Hosts to which the page may send a payer back, and which may frame it. 允许返回与内嵌的主机。' },
);

export const CashierSettings = Type.Object(
  {
    object: Type.Literal('cashier_settings'),
    livemode: Type.Boolean(),
    display_name: nullable(display_name),
    color: nullable(color),
    logo_png: nullable(logo_png),
    return_hosts,
  },
  { additionalProperties: false, description: "How the merchant's pages look and where they lead back to. 收银台设置。" },
);
export type CashierSettings = Static<typeof CashierSettings>;

export const UpdateCashierSettingsBody = Type.Object(
  {
    display_name: Type.Optional(nullable(display_name)),
    color: Type.Optional(nullable(color)),
    logo_png: Type.Optional(nullable(logo_png)),
    return_hosts: Type.Optional(return_hosts),
  },
  { additionalProperties: false },
);
export type UpdateCashierSettingsBody = Static<typeof UpdateCashierSettingsBody>;

export const retrieveCashierSettings = defineOperation({
  id: 'retrieve_cashier_settings',
  sdk: ['cashierSettings', 'retrieve'],
  method: 'GET',
  path: '/v1/cashier_settings',
  scope: 'cashier_settings:read',
  summary: 'Retrieve the cashier settings',
  summary_zh: '查询收银台设置',
  status: 200,
  response: CashierSettings,
  errors: [],
});

export const updateCashierSettings = defineOperation({
  id: 'update_cashier_settings',
  sdk: ['cashierSettings', 'update'],
  method: 'POST',
  path: '/v1/cashier_settings',
  scope: 'cashier_settings:write',
  summary: 'Change the cashier settings; what is not named stays, null removes',
  summary_zh: '修改收银台设置（未提及的保持不变，null 为清除）',
  body: UpdateCashierSettingsBody,
  status: 200,
  response: CashierSettings,
  errors: [...write_errors, 'logo_refused'],
});
