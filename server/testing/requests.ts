import assert from 'node:assert/strict';
import { examples, type Operation, operations } from '@heliu/contract';
import { makeStock } from '../cashier/plates/stock/service.ts';
import { newId } from '../kernel/id.ts';
import { setPrice } from '../pricing/service.ts';
import type { World } from './world.ts';

/** Who owns the objects that requests name. */
export type Owner = { readonly key: string; readonly accounts: ReadonlyMap<string, string> };

/** One object of every kind of a merchant in one mode. All are at rest, so that nothing about them changes by itself. */
export type Belongings = {
  readonly payment_id: string;
  /** Of the payment: the one that paid it. */
  readonly attempt_id: string;
  readonly merchant_order_no: string;
  readonly checkout_session_id: string;
  readonly refund_id: string;
  readonly help_request_id: string;
  readonly event_id: string;
  readonly webhook_endpoint_id: string;
  readonly delivery_id: string;
  readonly channel_account_id: string;
  readonly store_id: string;
  readonly terminal_id: string;
  readonly plate_batch_id: string;
  readonly plate_id: string;
  /** Of a plate of stock that the owner claims. */
  readonly stock_no: string;
  readonly claim_code: string;
  readonly device_id: string;
  readonly rule_set_id: string;
  readonly price_id: string;
  readonly statement_id: string;
  readonly recon_exception_id: string;
};

/** Pays, refunds and delivers once for the owner, and gives the objects that this left. The number is used for payment and refund. */
export async function someBelongings(world: World, { key, accounts }: Owner, merchant_order_no: string): Promise<Belongings> {
  const simulator = world.simulators.get('wechatpay');
  const channel_account_id = accounts.get('wechatpay');
  assert(simulator && channel_account_id);
  const call = async (method: 'GET' | 'POST', path: string, body?: object) => {
    const answer = await world.flow(world.api(method, path, { key, body }));
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.text}`);
    return answer.body;
  };
  const endpoints = await call('GET', '/v1/webhook_endpoints');
  const endpoint = endpoints.data[0] ?? (await call('POST', '/v1/webhook_endpoints', { url: world.receiver_url }));
  const payment = await call('POST', '/v1/payments', { merchant_order_no, amount_fen: 100, subject: '一杯茶', method: 'wechat_qr', channel_account_id });
  assert.deepEqual(await world.flow(simulator.act(payment.attempt.channel_order_no, { do: 'pay' })), { done: true });
  const of_payment = (type: string) => world.inbox.find((webhook) => webhook.type === type && JSON.stringify(webhook.data).includes(payment.id));
  await world.until(() => of_payment('payment.paid') !== undefined);
  const refund = await call('POST', '/v1/refunds', { payment_id: payment.id, merchant_refund_no: merchant_order_no, amount_fen: 40 });
  await world.until(() => of_payment('refund.succeeded') !== undefined);
  const help_request_id = await askForHelp(world, key, payment.id);
  const event_id = of_payment('payment.paid')?.id as string;
  let delivery_id: string | undefined;
  await world.until(async () => {
    const { data } = await call('GET', `/v1/webhook_endpoints/${endpoint.id}/deliveries`);
    delivery_id = data.find((each: { event_id: string }) => each.event_id === event_id)?.id;
    return data.every((each: { state: string }) => each.state === 'delivered');
  });
  assert(delivery_id);
  const unnumbered = world.ctx.db.kysely.selectFrom('events').select('id').where('sequence', 'is', null);
  await world.until(async () => (await unnumbered.execute()).length === 0);
  const { id: store_id } = await call('POST', '/v1/stores', { name: '门店' });
  const { id: terminal_id } = await call('POST', '/v1/terminals', { store_id, name: '台牌', kind: 'plate' });
  const { id: plate_batch_id } = await call('POST', '/v1/plate_batches', { name: '台牌', count: 1 });
  const { id: plate_id } = (await call('GET', `/v1/plates?plate_batch_id=${plate_batch_id}`)).data[0];
  await call('POST', `/v1/plates/${plate_id}/bind`, { terminal_id });
  const { claims } = await makeStock(world.ctx, { livemode: key.startsWith('sk_live'), name: '库存', count: 1 });
  const { stock_no, claim_code } = claims[0] as (typeof claims)[number];
  const page_order = { merchant_order_no: `${merchant_order_no}-page`, amount_fen: 100, subject: '一杯茶' };
  const { id: checkout_session_id } = await call('POST', '/v1/checkout_sessions', page_order);
  await call('POST', `/v1/checkout_sessions/${checkout_session_id}/expire`, {});
  const { code } = await call('POST', `/v1/terminals/${terminal_id}/pairing_codes`, {});
  const paired = await call('POST', '/pos/api/pair', { code, device_name: '前台' });
  const { id: rule_set_id } = await call('POST', '/v1/routing/rule_sets', { name: '规则', rules: [], default: { type: 'priority' } });
  const { id: statement_id } = await call('POST', '/v1/statements', { from: '2026-11-20', through: '2026-11-20' });
  await world.until(async () => (await call('GET', `/v1/statements/${statement_id}`)).state === 'ready');
  const price_id = await aPrice(world, channel_account_id);
  const recon_exception_id = await aReconException(world, channel_account_id);
  const made = {
    price_id,
    statement_id,
    recon_exception_id,
    payment_id: payment.id,
    attempt_id: payment.attempt.id,
    refund_id: refund.id,
    help_request_id,
    event_id,
    webhook_endpoint_id: endpoint.id,
    delivery_id,
    store_id,
    terminal_id,
    rule_set_id,
  };
  return { merchant_order_no, channel_account_id, checkout_session_id, plate_batch_id, plate_id, stock_no, claim_code, device_id: paired.device.id, ...made };
}

/** What a payer writes on the page of the receipt. */
export async function askForHelp(world: World, key: string, payment_id: string): Promise<string> {
  const call = async (method: 'GET' | 'POST', path: string, body?: object) => (await world.flow(world.api(method, path, { key, body }))).body;
  const { url } = await call('POST', `/v1/payments/${payment_id}/receipt_link`, {});
  await world.flow(fetch(url, { method: 'POST', redirect: 'manual', body: new URLSearchParams({ kind: 'refund', message: '多付了一份' }) }));
  return (await call('GET', `/v1/help_requests?payment_id=${payment_id}`)).data[0].id;
}

/** A price that the operator has set, for whichever merchant and mode the account is of. */
async function aPrice({ ctx }: World, channel_account_id: string): Promise<string> {
  const account = await ctx.db.kysely
    .selectFrom('channel_accounts')
    .select(['merchant_id', 'livemode'])
    .where('id', '=', channel_account_id)
    .executeTakeFirstOrThrow();
  return (await setPrice(ctx, { ...account, terms: { tiers: [{ rate_ppm: 6_000 }] } })).id;
}

/** A difference that was handled: found by no bill, since a day of bills is more than these tests are about. */
async function aReconException({ ctx }: World, channel_account_id: string): Promise<string> {
  const at = ctx.clock.now();
  const id = newId('recon_exception', at, ctx.rng);
  const { merchant_id, livemode, channel } = await ctx.db.kysely
    .selectFrom('channel_accounts')
    .select(['merchant_id', 'livemode', 'channel'])
    .where('id', '=', channel_account_id)
    .executeTakeFirstOrThrow();
  const place = { merchant_id, livemode, channel, channel_account_id, biz_date: '2026-11-20' };
  const found = { kind: 'missing_bill', fingerprint: id, of: 'other', at_risk_fen: 0n, proposal: 'fetch_bill' } as const;
  const closed = { state: 'closed', resolution: 'accepted', opened_at: at, closed_at: at, standing: false, version: 1 } as const;
  await ctx.db.kysely
    .insertInto('recon_exceptions')
    .values({ id, ...place, ...found, ...closed })
    .execute();
  return id;
}

export type GoodRequest = {
  readonly operation: Operation;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>> | undefined;
};

/** A request that only who asks can make bad: the contract's own example, about the owner's objects. */
export function goodRequest(operation: Operation, own: Belongings, unique: string): GoodRequest {
  const { body, query = {} } = examples[operation.id] ?? {};
  const names = Object.keys(operation.params?.properties ?? {});
  return {
    operation,
    params: Object.fromEntries(names.map((name) => [name, own[name as keyof Belongings]])),
    query: Object.fromEntries(Object.entries(query).map(([name, value]) => [name, name in own ? own[name as keyof Belongings] : String(value)])),
    body: operation.method === 'POST' ? { ...body, ...ownFields(operation, own, unique) } : undefined,
  };
}

/** Where a body names objects, they are the owner's; where it names a new one, nobody else uses the number. */
function ownFields(
  operation: Operation,
  { payment_id, channel_account_id, store_id, terminal_id, stock_no, claim_code }: Belongings,
  unique: string,
): Record<string, unknown> {
  switch (operation.id) {
    case 'create_payment':
      return { merchant_order_no: unique, channel_account_id };
    case 'create_checkout_session':
      return { merchant_order_no: unique };
    case 'create_attempt':
      return { method: 'wechat_qr', channel_account_id };
    case 'create_refund':
      return { payment_id, merchant_refund_no: unique, amount_fen: 1 };
    case 'create_refund_by_order_no':
      return { merchant_refund_no: unique, amount_fen: 1 };
    case 'refund_help_request':
      return { amount_fen: 1 };
    case 'create_statement':
      return { from: '2026-11-19', through: '2026-11-19' };
    case 'create_rule_set':
      return { default: { type: 'priority' } };
    case 'create_store':
      return { store_no: unique };
    case 'bind_plate':
      return { terminal_id };
    case 'claim_plate':
      return { stock_no, claim_code };
    case 'create_terminal':
      return { store_id, terminal_no: unique };
    default:
      return {};
  }
}

/** Path and query of a request, with what stands in them escaped. */
export function targetOf({ operation, params, query }: Pick<GoodRequest, 'operation' | 'params' | 'query'>): string {
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
  const text = new URLSearchParams(query).toString();
  return text === '' ? path : `${path}?${text}`;
}

/** Every operation of the contract as a plain list: its union of exact types is of no use to a loop. */
export const all_operations: readonly Operation[] = operations;

/** The error that says that the object a name stands for is not there: `payment_id` → `payment_not_found`. */
export const notFoundOf = (name: string): string => (name === 'merchant_order_no' ? 'payment_not_found' : name.replace(/_id$/, '_not_found'));
