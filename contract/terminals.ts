import Type, { type Static } from 'typebox';
import { write_errors } from './errors.ts';
import { id, instant, nullable, page, page_query, text } from './fields.ts';
import { defineOperation } from './operation.ts';

export const terminal_states = ['active', 'closed'] as const;
export type TerminalState = (typeof terminal_states)[number];

/** What stands at the place where a payer pays. */
export const terminal_kinds = {
  pos: ["A cashier's phone, tablet or till.", '收银机'],
  plate: ['A printed code that payers scan.', '码牌'],
  kiosk: ['A machine that payers operate themselves.', '自助机'],
  gate: ['A gate that opens when it is paid.', '闸机'],
} as const satisfies Record<string, readonly [en: string, zh: string]>;
export type TerminalKind = keyof typeof terminal_kinds;

const kind = Type.Unsafe<TerminalKind>({ type: 'string', enum: Object.keys(terminal_kinds), description: 'What kind of device it is. 终端类型。' });
/** 32 characters is what WeChat Pay (`device_info`) and Alipay (`terminal_id`) take. */
const terminal_no = Type.String({
  pattern: '^[0-9A-Za-z_-]{1,32}$',
  description: "The device's number as it was registered with the channel; sent to channels instead of `id`. 报备的终端号，送往渠道。",
});

export const Terminal = Type.Object(
  {
    object: Type.Literal('terminal'),
    id: id('ter', 'Terminal 终端.'),
    livemode: Type.Boolean(),
    store_id: id('sto', 'The store where it stands. 所在门店。'),
    name: Type.String({ description: '终端名称。' }),
    kind,
    terminal_no: nullable(terminal_no),
    state: Type.Unsafe<TerminalState>({ type: 'string', enum: [...terminal_states], description: '`closed` is for ever. 终端状态。' }),
    created_at: instant('创建时间。'),
    closed_at: nullable(instant('关闭时间。')),
    version: Type.Integer({ minimum: 1 }),
  },
  { additionalProperties: false, description: 'A device of one store and one merchant. 终端：一机一户。' },
);
export type Terminal = Static<typeof Terminal>;

export const CreateTerminalBody = Type.Object(
  {
    store_id: id('sto', 'The store where it stands. 所在门店。'),
    name: text(100, '终端名称。'),
    kind,
    terminal_no: Type.Optional(terminal_no),
  },
  { additionalProperties: false },
);
export type CreateTerminalBody = Static<typeof CreateTerminalBody>;

export const UpdateTerminalBody = Type.Object(
  { name: Type.Optional(text(100, '终端名称。')), terminal_no: Type.Optional(terminal_no) },
  { additionalProperties: false },
);
export type UpdateTerminalBody = Static<typeof UpdateTerminalBody>;

const by_id = Type.Object({ terminal_id: id('ter', 'Terminal 终端.') }, { additionalProperties: false });

export const createTerminal = defineOperation({
  id: 'create_terminal',
  sdk: ['terminals', 'create'],
  method: 'POST',
  path: '/v1/terminals',
  scope: 'terminals:write',
  summary: 'Create a terminal of a store',
  summary_zh: '创建门店终端',
  body: CreateTerminalBody,
  status: 201,
  response: Terminal,
  errors: [...write_errors, 'store_not_found', 'store_closed', 'terminal_no_taken', 'too_many_terminals'],
});

export const retrieveTerminal = defineOperation({
  id: 'retrieve_terminal',
  sdk: ['terminals', 'retrieve'],
  method: 'GET',
  path: '/v1/terminals/{terminal_id}',
  scope: 'terminals:read',
  summary: 'Retrieve a terminal',
  summary_zh: '查询终端',
  params: by_id,
  status: 200,
  response: Terminal,
  errors: ['terminal_not_found'],
});

export const listTerminals = defineOperation({
  id: 'list_terminals',
  sdk: ['terminals', 'list'],
  method: 'GET',
  path: '/v1/terminals',
  scope: 'terminals:read',
  summary: 'List terminals, newest first',
  summary_zh: '终端列表（新的在前）',
  query: Type.Object(
    {
      store_id: Type.Optional(id('sto', '只看该门店的终端。')),
      kind: Type.Optional(kind),
      state: Type.Optional(Type.Unsafe<TerminalState>({ type: 'string', enum: [...terminal_states], description: '只看该状态。' })),
      ...page_query,
    },
    { additionalProperties: false },
  ),
  status: 200,
  response: page(Terminal),
  errors: ['cursor_invalid'],
});

export const updateTerminal = defineOperation({
  id: 'update_terminal',
  sdk: ['terminals', 'update'],
  method: 'POST',
  path: '/v1/terminals/{terminal_id}',
  scope: 'terminals:write',
  summary: 'Change what is said of a terminal; what is not given stays',
  summary_zh: '修改终端资料（未给出的字段不变）',
  params: by_id,
  body: UpdateTerminalBody,
  status: 200,
  response: Terminal,
  errors: [...write_errors, 'terminal_not_found', 'terminal_closed', 'terminal_no_taken'],
});

export const closeTerminal = defineOperation({
  id: 'close_terminal',
  sdk: ['terminals', 'close'],
  method: 'POST',
  path: '/v1/terminals/{terminal_id}/close',
  scope: 'terminals:write',
  summary: 'Close a terminal for ever; earlier payments can still be refunded',
  summary_zh: '永久关闭终端（此前的支付仍可退款）',
  params: by_id,
  status: 200,
  response: Terminal,
  errors: [...write_errors, 'terminal_not_found'],
});
