import Type, { type Static } from 'typebox';
import { write_errors } from './errors.ts';
import { id, instant, merchantNo, nullable, page, page_query, text } from './fields.ts';
import { defineOperation } from './operation.ts';

export const store_states = ['open', 'closed'] as const;
export type StoreState = (typeof store_states)[number];

const region_code = Type.String({
  pattern: '^[1-9][0-9]{5}$',
  description: 'Six digits of GB/T 2260, as 310101 for 黄浦区. 行政区划代码。',
  examples: ['310101'],
});

export const Store = Type.Object(
  {
    object: Type.Literal('store'),
    id: id('sto', 'Store 门店.'),
    livemode: Type.Boolean(),
    name: Type.String({ description: 'Shown to payers beside the merchant. 门店名称。' }),
    store_no: nullable(merchantNo("The merchant's own number of it. 商户自编门店号。")),
    region_code: nullable(region_code),
    address: nullable(Type.String({ description: 'Where it stands. 详细地址。' })),
    state: Type.Unsafe<StoreState>({ type: 'string', enum: [...store_states], description: '`closed` is for ever. 门店状态。' }),
    created_at: instant('创建时间。'),
    closed_at: nullable(instant('关闭时间。')),
    version: Type.Integer({ minimum: 1 }),
  },
  { additionalProperties: false, description: 'A place where payments are taken. 门店。' },
);
export type Store = Static<typeof Store>;

const about_store = {
  name: text(100, 'Shown to payers beside the merchant. 门店名称。'),
  region_code,
  address: text(200, 'Where it stands. 详细地址。'),
} as const;

export const CreateStoreBody = Type.Object(
  {
    name: about_store.name,
    store_no: Type.Optional(merchantNo("The merchant's own number of it, unique for ever. 商户自编门店号，商户内唯一。")),
    region_code: Type.Optional(about_store.region_code),
    address: Type.Optional(about_store.address),
  },
  { additionalProperties: false },
);
export type CreateStoreBody = Static<typeof CreateStoreBody>;

export const UpdateStoreBody = Type.Object(
  { name: Type.Optional(about_store.name), region_code: Type.Optional(about_store.region_code), address: Type.Optional(about_store.address) },
  { additionalProperties: false },
);
export type UpdateStoreBody = Static<typeof UpdateStoreBody>;

const by_id = Type.Object({ store_id: id('sto', 'Store 门店.') }, { additionalProperties: false });

export const createStore = defineOperation({
  id: 'create_store',
  sdk: ['stores', 'create'],
  method: 'POST',
  path: '/v1/stores',
  scope: 'stores:write',
  summary: 'Create a store',
  summary_zh: '创建门店',
  body: CreateStoreBody,
  status: 201,
  response: Store,
  errors: [...write_errors, 'store_no_taken', 'too_many_stores'],
});

export const retrieveStore = defineOperation({
  id: 'retrieve_store',
  sdk: ['stores', 'retrieve'],
  method: 'GET',
  path: '/v1/stores/{store_id}',
  scope: 'stores:read',
  summary: 'Retrieve a store',
  summary_zh: '查询门店',
  params: by_id,
  status: 200,
  response: Store,
  errors: ['store_not_found'],
});

export const listStores = defineOperation({
  id: 'list_stores',
  sdk: ['stores', 'list'],
  method: 'GET',
  path: '/v1/stores',
  scope: 'stores:read',
  summary: 'List stores, newest first',
  summary_zh: '门店列表（新的在前）',
  query: Type.Object(
    {
      state: Type.Optional(Type.Unsafe<StoreState>({ type: 'string', enum: [...store_states], description: '只看该状态。' })),
      store_no: Type.Optional(merchantNo('只看该门店号。')),
      ...page_query,
    },
    { additionalProperties: false },
  ),
  status: 200,
  response: page(Store),
  errors: ['cursor_invalid'],
});

export const updateStore = defineOperation({
  id: 'update_store',
  sdk: ['stores', 'update'],
  method: 'POST',
  path: '/v1/stores/{store_id}',
  scope: 'stores:write',
  summary: 'Change what is said of a store; what is not given stays',
  summary_zh: '修改门店资料（未给出的字段不变）',
  params: by_id,
  body: UpdateStoreBody,
  status: 200,
  response: Store,
  errors: [...write_errors, 'store_not_found', 'store_closed'],
});

export const closeStore = defineOperation({
  id: 'close_store',
  sdk: ['stores', 'close'],
  method: 'POST',
  path: '/v1/stores/{store_id}/close',
  scope: 'stores:write',
  summary: 'Close a store and its terminals for ever; earlier payments can still be refunded',
  summary_zh: '永久关闭门店及其终端（此前的支付仍可退款）',
  params: by_id,
  status: 200,
  response: Store,
  errors: [...write_errors, 'store_not_found'],
});
