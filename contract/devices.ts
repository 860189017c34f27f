import Type, { type Static } from 'typebox';
import { write_errors } from './errors.ts';
import { amount, amountShown, id, instant, nullable, page, page_query, text } from './fields.ts';
import { defineOperation } from './operation.ts';

export const device_states = ['active', 'revoked'] as const;
export type DeviceState = (typeof device_states)[number];

export const Device = Type.Object(
  {
    object: Type.Literal('device'),
    id: id('dev', 'Device 已配对设备.'),
    livemode: Type.Boolean(),
    store_id: id('sto', 'Store 门店.'),
    terminal_id: id('ter', 'The terminal that it works as. 所属终端。'),
    name: Type.String({ description: 'As it called itself when it was paired. 设备名称。' }),
    refund_fen_max: amountShown('What it may refund of a day, in Asia/Shanghai; 0 for nothing. 单日退款上限（北京时间）。'),
    state: Type.Unsafe<DeviceState>({ type: 'string', enum: [...device_states], description: '设备状态。' }),
    created_at: instant('配对时间。'),
    revoked_at: nullable(instant('吊销时间。')),
  },
  { additionalProperties: false, description: 'A phone, till or machine that was paired with a terminal. 与终端配对的设备。' },
);
export type Device = Static<typeof Device>;

export const PairingCode = Type.Object(
  {
    code: Type.String({ description: 'Ten characters, shown only now; typed at the device. 配对码，仅此一次显示。', examples: ['7KQ2X-M01KA'] }),
    expires_at: instant('失效时间。'),
  },
  { additionalProperties: false },
);

/** What was taken and given back at a terminal by one wallet. */
export const ShiftTotal = Type.Object(
  {
    wallet: Type.String({ description: 'wechat, alipay, … 钱包。' }),
    paid_count: Type.Integer({ minimum: 0, description: '收款笔数。' }),
    paid_fen: amountShown('收款金额。'),
    refund_count: Type.Integer({ minimum: 0, description: '退款笔数。' }),
    refunded_fen: amountShown('退款金额。'),
  },
  { additionalProperties: false },
);
export type ShiftTotal = Static<typeof ShiftTotal>;

export const Shift = Type.Object(
  {
    object: Type.Literal('shift'),
    id: id('shf', 'Shift 班次.'),
    livemode: Type.Boolean(),
    store_id: id('sto', 'Store 门店.'),
    terminal_id: id('ter', 'Terminal 终端.'),
    device_id: id('dev', 'The device that handed over. 交班设备。'),
    cashier: Type.String({ description: 'As typed at the hand-over. 收银员。' }),
    opened_at: instant('The hand-over before, or the making of the terminal. 接班时间。'),
    closed_at: instant('交班时间。'),
    totals: Type.Array(ShiftTotal, { description: 'By wallet, as they were at the hand-over. 按钱包汇总。' }),
  },
  { additionalProperties: false, description: 'What a terminal took between two hand-overs. 交接班。' },
);
export type Shift = Static<typeof Shift>;

export const createPairingCode = defineOperation({
  id: 'create_pairing_code',
  sdk: ['devices', 'createPairingCode'],
  method: 'POST',
  path: '/v1/terminals/{terminal_id}/pairing_codes',
  scope: 'terminals:write',
  summary: 'Get a code that pairs one device with the terminal; an earlier unused one is void',
  summary_zh: '生成一次性设备配对码（此前未用的作废）',
  params: Type.Object({ terminal_id: id('ter', 'Terminal 终端.') }, { additionalProperties: false }),
  body: Type.Object(
    { refund_fen_max: Type.Optional(amount('What the device may refund of a day; nothing unless given. 单日退款上限，缺省不可退款。')) },
    { additionalProperties: false },
  ),
  status: 201,
  response: PairingCode,
  errors: [...write_errors, 'terminal_not_found', 'terminal_closed'],
});

export const listDevices = defineOperation({
  id: 'list_devices',
  sdk: ['devices', 'list'],
  method: 'GET',
  path: '/v1/devices',
  scope: 'terminals:read',
  summary: 'List devices, newest first',
  summary_zh: '已配对设备列表（新的在前）',
  query: Type.Object(
    {
      terminal_id: Type.Optional(id('ter', '只看该终端。')),
      state: Type.Optional(Type.Unsafe<DeviceState>({ type: 'string', enum: [...device_states], description: '只看该状态。' })),
      ...page_query,
    },
    { additionalProperties: false },
  ),
  status: 200,
  response: page(Device),
  errors: ['cursor_invalid'],
});

export const revokeDevice = defineOperation({
  id: 'revoke_device',
  sdk: ['devices', 'revoke'],
  method: 'POST',
  path: '/v1/devices/{device_id}/revoke',
  scope: 'terminals:write',
  summary: 'Revoke a device; its next request is refused',
  summary_zh: '吊销设备（立即生效）',
  params: Type.Object({ device_id: id('dev', 'Device 设备.') }, { additionalProperties: false }),
  status: 200,
  response: Device,
  errors: [...write_errors, 'device_not_found'],
});

export const setSupervisorPin = defineOperation({
  id: 'set_supervisor_pin',
  sdk: ['stores', 'setSupervisorPin'],
  method: 'POST',
  path: '/v1/stores/{store_id}/supervisor_pin',
  scope: 'stores:write',
  summary: 'Set the PIN that refunds at the tills of a store ask for; it is never shown',
  summary_zh: '设置门店主管口令（收银机退款时校验，不可查询）',
  params: Type.Object({ store_id: id('sto', 'Store 门店.') }, { additionalProperties: false }),
  body: Type.Object({ pin: Type.String({ pattern: '^[0-9]{6,12}$', description: '6 to 12 digits. 6 至 12 位数字。' }) }, { additionalProperties: false }),
  status: 200,
  response: Type.Object(
    { object: Type.Literal('supervisor_pin'), store_id: id('sto', 'Store 门店.'), set_at: instant('设置时间。') },
    { additionalProperties: false },
  ),
  errors: [...write_errors, 'store_not_found', 'store_closed'],
});

export const listShifts = defineOperation({
  id: 'list_shifts',
  sdk: ['shifts', 'list'],
  method: 'GET',
  path: '/v1/shifts',
  scope: 'terminals:read',
  summary: 'List hand-overs, newest first',
  summary_zh: '交接班记录（新的在前）',
  query: Type.Object({ terminal_id: Type.Optional(id('ter', '只看该终端。')), ...page_query }, { additionalProperties: false }),
  status: 200,
  response: page(Shift),
  errors: ['cursor_invalid'],
});

/** What the terminal API under `/pos/api` takes; devices call it, not servers. */
const order_no = Type.String({
  pattern: '^[0-9A-Za-z]{12,24}$',
  description: "The device's own number of the order: the same one on every retry. 设备生成的订单号，重试不变。",
});
export const pos_forms = {
  pair: Type.Object({ code: Type.String({ minLength: 10, maxLength: 24 }), device_name: text(60, '设备名称。') }, { additionalProperties: false }),
  charge: Type.Object(
    {
      order_no,
      /** Grows with every new scan of one order: the same number is the same try. */
      try_no: Type.Integer({ minimum: 1, maximum: 20 }),
      amount_fen: amount('金额。'),
      auth_code: Type.Optional(Type.String({ pattern: '^[0-9A-Za-z]{16,64}$' })),
      /** `qr` is a code that any wallet scans; else a method of the scene `qr`. */
      qr_method: Type.Optional(Type.String({ pattern: '^[a-z_]{2,40}$' })),
    },
    { additionalProperties: false },
  ),
  refund: Type.Object(
    { order_no, refund_no: order_no, amount_fen: amount('退款金额。'), pin: Type.String({ pattern: '^[0-9]{6,12}$' }) },
    { additionalProperties: false },
  ),
  handover: Type.Object(
    {
      cashier: text(30, '收银员。'),
      opened_at: Type.Optional(
        Type.String({
          maxLength: 40,
          description:
            'Beginning of the shift that is handed over, as GET /pos/api/shift shows it: sent again it is the same hand-over. 班次开始时间；重发时返回同一次交班。',
        }),
      ),
    },
    { additionalProperties: false },
  ),
} as const;
