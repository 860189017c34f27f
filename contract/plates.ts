import Type, { type Static } from 'typebox';
import { write_errors } from './errors.ts';
import { amount, id, instant, nullable, page, page_query, text } from './fields.ts';
import { defineOperation } from './operation.ts';

export const plate_states = ['stock', 'active', 'disabled'] as const;
export const plate_remarks = ['none', 'optional', 'required'] as const;
export const plate_changes = ['claimed', 'assigned', 'bound', 'rebound', 'updated', 'disabled', 'enabled'] as const;
export type PlateState = (typeof plate_states)[number];
export type PlateRemark = (typeof plate_remarks)[number];
export type PlateChangeKind = (typeof plate_changes)[number];

const remark = Type.Unsafe<PlateRemark>({ type: 'string', enum: [...plate_remarks], description: 'Whether the payer writes a remark. 付款人备注。' });
const count = (description: string) => Type.Integer({ minimum: 1, maximum: 1_000_000, description });

/** What a payer writes on the page of a plate. */
export const PlateTapText = Type.Object({ remark: Type.Optional(text(60, 'What the payer writes. 付款人备注。', 0)) });

/** What may be said of a plate in use; null takes a limit away. */
const settings = {
  subject: nullable(text(60, 'What the payer sees; the merchant and store unless given. 商品描述，默认为商户与门店名。')),
  fixed_amount_fen: nullable(amount('A fixed amount; the payer types one unless given. 固定金额，缺省由付款人输入。')),
  amount_fen_max: nullable(amount('Largest amount of one payment. 单笔限额。')),
  daily_amount_fen_max: nullable(amount('Largest sum of a day in Asia/Shanghai, payments under way included. 单日限额（北京时间，含进行中的支付）。')),
  daily_count_max: nullable(count('Most payments of a day in Asia/Shanghai. 单日笔数上限（北京时间）。')),
  remark,
} as const;

const given_settings = {
  subject: Type.Optional(settings.subject),
  fixed_amount_fen: Type.Optional(settings.fixed_amount_fen),
  amount_fen_max: Type.Optional(settings.amount_fen_max),
  daily_amount_fen_max: Type.Optional(settings.daily_amount_fen_max),
  daily_count_max: Type.Optional(settings.daily_count_max),
  remark: Type.Optional(remark),
} as const;

export const Plate = Type.Object(
  {
    object: Type.Literal('plate'),
    id: id('plt', 'Code plate 码牌.'),
    livemode: Type.Boolean(),
    batch_id: id('plb', 'The batch it was made in. 所属批次。'),
    serial_no: Type.Integer({ minimum: 1, description: 'Number in its batch, printed on it. 批次内序号，印在码牌上。' }),
    url: Type.String({ description: 'What its QR code says. 二维码内容。' }),
    state: Type.Unsafe<PlateState>({
      type: 'string',
      enum: [...plate_states],
      description: '`stock`: printed, bound to no terminal yet. 码牌状态。',
    }),
    store_id: nullable(id('sto', 'Store 门店.')),
    terminal_id: nullable(id('ter', 'The terminal that it is: one code, one terminal. 终端：一码一终端。')),
    ...settings,
    created_at: instant('创建时间。'),
    version: Type.Integer({ minimum: 1 }),
  },
  { additionalProperties: false, description: 'A printed code that payers scan with any wallet. 码牌：一码多付。' },
);
export type Plate = Static<typeof Plate>;

export const PlateBatch = Type.Object(
  {
    object: Type.Literal('plate_batch'),
    id: id('plb', 'Batch of plates 码牌批次.'),
    livemode: Type.Boolean(),
    name: Type.String({ description: '批次名称。' }),
    count: count('How many plates it has. 数量。'),
    created_at: instant('创建时间。'),
  },
  { additionalProperties: false, description: 'Plates that were made together. 一次制作的一批码牌。' },
);
export type PlateBatch = Static<typeof PlateBatch>;

export const PlateChange = Type.Object(
  {
    version: Type.Integer({ minimum: 2, description: "The plate's version after it. 变更后的版本。" }),
    change: Type.Unsafe<PlateChangeKind>({ type: 'string', enum: [...plate_changes], description: '变更。' }),
    state: Type.Unsafe<PlateState>({ type: 'string', enum: [...plate_states] }),
    store_id: nullable(id('sto', 'Store after it. 变更后的门店。')),
    terminal_id: nullable(id('ter', 'Terminal after it. 变更后的终端。')),
    api_key_id: nullable(id('key', 'Who changed it; null where the operator of the platform assigned it. 操作的密钥；平台分配时为 null。')),
    at: instant('变更时间。'),
  },
  { additionalProperties: false, description: 'One change of a plate; none is ever removed. 码牌的一次变更。' },
);
export type PlateChange = Static<typeof PlateChange>;

export const PrintLink = Type.Object(
  {
    url: Type.String({ description: 'Whoever has it may fetch the file until it expires. 下载地址，到期前凭此下载。' }),
    expires_at: instant('到期时间。'),
  },
  { additionalProperties: false },
);
export type PrintLink = Static<typeof PrintLink>;

export const print_formats = ['svg', 'png', 'pdf'] as const;
export const print_sizes = ['a6', 'a5'] as const;
export type PrintFormat = (typeof print_formats)[number];
export type PrintSize = (typeof print_sizes)[number];

export const CreatePlateBatchBody = Type.Object(
  {
    name: text(60, '批次名称。'),
    count: Type.Integer({ minimum: 1, maximum: 1_000, description: '1 to 1000. 数量。' }),
  },
  { additionalProperties: false },
);
export type CreatePlateBatchBody = Static<typeof CreatePlateBatchBody>;

export const BindPlateBody = Type.Object(
  { terminal_id: id('ter', 'An active terminal of kind `plate` that no other plate has. 未被占用的码牌类终端。'), ...given_settings },
  { additionalProperties: false },
);
export type BindPlateBody = Static<typeof BindPlateBody>;

export const UpdatePlateBody = Type.Object({ ...given_settings }, { additionalProperties: false });
export type UpdatePlateBody = Static<typeof UpdatePlateBody>;

/** Ten characters in two halves; case, blanks and dashes do not count. */
const typed_code = (description: string) => Type.String({ minLength: 10, maxLength: 24, description });

export const ClaimPlateBody = Type.Object(
  {
    stock_no: typed_code('The number printed on the plate. 印在码牌上的编号。'),
    claim_code: typed_code('The code that came with the plate and is not on its face. 随牌的领用码，不印在牌面。'),
  },
  { additionalProperties: false },
);
export type ClaimPlateBody = Static<typeof ClaimPlateBody>;

export const PrintBody = Type.Object(
  {
    format: Type.Unsafe<PrintFormat>({ type: 'string', enum: [...print_formats], description: '文件格式。' }),
    size: Type.Unsafe<PrintSize>({
      type: 'string',
      enum: [...print_sizes],
      description: 'Of one face; a PDF is a tent of two faces. 单面尺寸；PDF 为对折台牌。',
    }),
  },
  { additionalProperties: false },
);
export type PrintBody = Static<typeof PrintBody>;

const by_id = Type.Object({ plate_id: id('plt', 'Code plate 码牌.') }, { additionalProperties: false });
const by_batch = Type.Object({ plate_batch_id: id('plb', 'Batch 批次.') }, { additionalProperties: false });
const binding_errors = ['terminal_not_found', 'terminal_closed', 'plate_terminal_kind', 'plate_terminal_taken'] as const;

export const createPlateBatch = defineOperation({
  id: 'create_plate_batch',
  sdk: ['plateBatches', 'create'],
  method: 'POST',
  path: '/v1/plate_batches',
  scope: 'plates:write',
  summary: 'Make code plates, bound to no terminal yet',
  summary_zh: '制作一批未绑定的码牌',
  body: CreatePlateBatchBody,
  status: 201,
  response: PlateBatch,
  errors: [...write_errors, 'too_many_plates'],
});

export const retrievePlateBatch = defineOperation({
  id: 'retrieve_plate_batch',
  sdk: ['plateBatches', 'retrieve'],
  method: 'GET',
  path: '/v1/plate_batches/{plate_batch_id}',
  scope: 'plates:read',
  summary: 'Retrieve a batch of plates',
  summary_zh: '查询码牌批次',
  params: by_batch,
  status: 200,
  response: PlateBatch,
  errors: ['plate_batch_not_found'],
});

export const printPlateBatch = defineOperation({
  id: 'print_plate_batch',
  sdk: ['plateBatches', 'print'],
  method: 'POST',
  path: '/v1/plate_batches/{plate_batch_id}/print',
  scope: 'plates:read',
  summary: 'Get a link to a zip with a file for each plate of the batch',
  summary_zh: '取得整批码牌文件（zip）的下载地址',
  params: by_batch,
  body: PrintBody,
  status: 201,
  response: PrintLink,
  errors: [...write_errors, 'plate_batch_not_found'],
});

export const retrievePlate = defineOperation({
  id: 'retrieve_plate',
  sdk: ['plates', 'retrieve'],
  method: 'GET',
  path: '/v1/plates/{plate_id}',
  scope: 'plates:read',
  summary: 'Retrieve a code plate',
  summary_zh: '查询码牌',
  params: by_id,
  status: 200,
  response: Plate,
  errors: ['plate_not_found'],
});

export const listPlates = defineOperation({
  id: 'list_plates',
  sdk: ['plates', 'list'],
  method: 'GET',
  path: '/v1/plates',
  scope: 'plates:read',
  summary: 'List code plates, newest first',
  summary_zh: '码牌列表（新的在前）',
  query: Type.Object(
    {
      plate_batch_id: Type.Optional(id('plb', '只看该批次。')),
      store_id: Type.Optional(id('sto', '只看该门店。')),
      terminal_id: Type.Optional(id('ter', '只看该终端。')),
      state: Type.Optional(Type.Unsafe<PlateState>({ type: 'string', enum: [...plate_states], description: '只看该状态。' })),
      ...page_query,
    },
    { additionalProperties: false },
  ),
  status: 200,
  response: page(Plate),
  errors: ['cursor_invalid'],
});

export const claimPlate = defineOperation({
  id: 'claim_plate',
  sdk: ['plates', 'claim'],
  method: 'POST',
  path: '/v1/plates/claim',
  scope: 'plates:write',
  summary: "Make a plate of the platform's stock your own; bind it to a terminal then",
  summary_zh: '领用平台库存的码牌（随后绑定终端）',
  body: ClaimPlateBody,
  status: 200,
  response: Plate,
  errors: [...write_errors, 'plate_claim_wrong', 'plate_claimed', 'too_many_plates'],
});

export const bindPlate = defineOperation({
  id: 'bind_plate',
  sdk: ['plates', 'bind'],
  method: 'POST',
  path: '/v1/plates/{plate_id}/bind',
  scope: 'plates:write',
  summary: 'Bind a plate to a terminal, or to another one; payments are taken from now on',
  summary_zh: '绑定码牌到终端（或改绑），即可收款',
  params: by_id,
  body: BindPlateBody,
  status: 200,
  response: Plate,
  errors: [...write_errors, ...binding_errors, 'plate_not_found'],
});

export const updatePlate = defineOperation({
  id: 'update_plate',
  sdk: ['plates', 'update'],
  method: 'POST',
  path: '/v1/plates/{plate_id}',
  scope: 'plates:write',
  summary: 'Change amount, limits or remark of a bound plate; what is not given stays',
  summary_zh: '修改码牌的金额、限额或备注（未给出的字段不变）',
  params: by_id,
  body: UpdatePlateBody,
  status: 200,
  response: Plate,
  errors: [...write_errors, 'plate_not_found', 'plate_not_bound'],
});

export const disablePlate = defineOperation({
  id: 'disable_plate',
  sdk: ['plates', 'disable'],
  method: 'POST',
  path: '/v1/plates/{plate_id}/disable',
  scope: 'plates:write',
  summary: 'Take no more payments by a plate',
  summary_zh: '停用码牌',
  params: by_id,
  status: 200,
  response: Plate,
  errors: [...write_errors, 'plate_not_found', 'plate_not_bound'],
});

export const enablePlate = defineOperation({
  id: 'enable_plate',
  sdk: ['plates', 'enable'],
  method: 'POST',
  path: '/v1/plates/{plate_id}/enable',
  scope: 'plates:write',
  summary: 'Take payments by a disabled plate again',
  summary_zh: '重新启用码牌',
  params: by_id,
  status: 200,
  response: Plate,
  errors: [...write_errors, ...binding_errors, 'plate_not_found', 'plate_not_bound'],
});

export const listPlateChanges = defineOperation({
  id: 'list_plate_changes',
  sdk: ['plates', 'listChanges'],
  method: 'GET',
  path: '/v1/plates/{plate_id}/changes',
  scope: 'plates:read',
  summary: 'List the history of a plate, newest first',
  summary_zh: '码牌变更历史（新的在前）',
  params: by_id,
  query: Type.Object({ ...page_query }, { additionalProperties: false }),
  status: 200,
  response: page(PlateChange),
  errors: ['plate_not_found', 'cursor_invalid'],
});

export const printPlate = defineOperation({
  id: 'print_plate',
  sdk: ['plates', 'print'],
  method: 'POST',
  path: '/v1/plates/{plate_id}/print',
  scope: 'plates:read',
  summary: 'Get a link to a file for the printer',
  summary_zh: '取得码牌印刷文件的下载地址',
  params: by_id,
  body: PrintBody,
  status: 201,
  response: PrintLink,
  errors: [...write_errors, 'plate_not_found'],
});
