import assert from 'node:assert/strict';
import type { Payment, Refund } from '@heliu/contract';
import type { Simulator } from '../../channels/kit/simulator.ts';
import { channels } from '../../channels/registry.ts';
import type { ApiAnswer, World } from '../../testing/world.ts';

/** A payment as the API shows it: none is without an attempt. */
export type ShownPayment = Payment & { readonly attempt: NonNullable<Payment['attempt']> };
type Fields = Readonly<Record<string, unknown>>;
type PostOptions = { readonly idempotency_key?: string; readonly node?: number };
type PayerBehaviour = Parameters<Simulator['newPaymentCode']>[0];
type Owner = Pick<World, 'merchant' | 'key' | 'accounts'>;

/** A merchant of a world at work: what tests of payments ask of the API, of the payer's hand and of the gateway's books. */
export type Shop = Owner & {
  readonly world: World;
  /** The body of a new payment under an order number that was not used before. */
  readonly order: (fields?: Fields) => Fields & { readonly merchant_order_no: string };
  readonly refundOrder: (payment_id: string, amount_fen: number) => Fields;
  /** Asks without letting time pass. */
  readonly ask: (path: string, body: unknown, options?: PostOptions) => Promise<ApiAnswer>;
  readonly post: (path: string, body: unknown, options?: PostOptions) => Promise<ApiAnswer>;
  /** Posts what must be taken, and gives what came of it. */
  readonly made: (path: string, body?: object) => Promise<ApiAnswer['body']>;
  /** Gets what must be there. */
  readonly read: (path: string) => Promise<ApiAnswer['body']>;
  readonly create: (fields?: Fields) => Promise<ShownPayment>;
  /** A payment by the code that a payer shows, who then behaves like that. */
  readonly scan: (channel: string, behaviour: PayerBehaviour) => Promise<ShownPayment>;
  readonly paymentCode: (channel: string, behaviour: PayerBehaviour) => string;
  readonly retrieve: (payment_id: string) => Promise<ShownPayment>;
  readonly retrieveByOrderNo: (merchant_order_no: string) => Promise<ShownPayment>;
  readonly retrieveRefund: (refund_id: string) => Promise<Refund>;
  readonly refundsOf: (payment_id: string) => Promise<Refund[]>;
  /** The payer's hand: true when the gateway took the money. */
  readonly pay: (payment: ShownPayment, late?: boolean) => Promise<boolean>;
  /** Waits until the payment is in that state. */
  readonly reaches: (payment_id: string, state: Payment['state']) => Promise<ShownPayment>;
  readonly paid: (fields?: Fields) => Promise<ShownPayment>;
  /** What the gateway's own books say of the order. */
  readonly truth: (payment: ShownPayment) => { readonly charges: number; readonly returned_fen: number };
  /** What a person was asked to look at. */
  readonly anomalies: (payment_id: string) => Promise<string[]>;
  /** The types of the events of an object, in their order. */
  readonly events: (object_id: string) => Promise<string[]>;
};

function taken({ status, text, body }: ApiAnswer): ApiAnswer['body'] {
  assert.ok(status < 300, text);
  return body;
}

/** A merchant of its own, so that its settings, keys and orders are nobody else's. */
export const newShop = async (world: World): Promise<Shop> => shopOf(world, await world.newMerchant('小店'));

/** The merchant that every world has; its webhooks reach `world.inbox`. */
export function shopOf(world: World, owner: Owner = world): Shop {
  const { merchant, key, accounts } = owner;
  let numbered = 0;
  const gateway = (channel: string): Simulator => {
    const simulator = world.simulators.get(channel);
    assert.ok(simulator);
    return simulator;
  };
  const get = async (path: string) => (await world.flow(world.api('GET', path, { key }))).body;
  const shop: Shop = {
    world,
    merchant,
    key,
    accounts,
    order: (fields = {}) => ({ merchant_order_no: `order-${++numbered}`, amount_fen: 100, subject: '一杯茶', method: 'wechat_qr', ...fields }),
    refundOrder: (payment_id, amount_fen) => ({ payment_id, merchant_refund_no: `refund-${++numbered}`, amount_fen }),
    ask: (path, body, options = {}) => world.api('POST', path, { body, key, ...options }),
    post: (path, body, options) => world.flow(shop.ask(path, body, options)),
    made: async (path, body) => taken(await shop.post(path, body)),
    read: async (path) => taken(await world.flow(world.api('GET', path, { key }))),
    create: async (fields) => {
      const created = await shop.post('/v1/payments', shop.order(fields));
      assert.equal(created.status, 201, created.text);
      return created.body;
    },
    scan: (channel, behaviour) => shop.create({ method: 'barcode', auth_code: shop.paymentCode(channel, behaviour) }),
    paymentCode: (channel, behaviour) => gateway(channel).newPaymentCode(behaviour),
    retrieve: (payment_id) => get(`/v1/payments/${payment_id}`),
    retrieveByOrderNo: (merchant_order_no) => get(`/v1/payments/by-order-no/${merchant_order_no}`),
    retrieveRefund: (refund_id) => get(`/v1/refunds/${refund_id}`),
    refundsOf: async (payment_id) => (await get(`/v1/refunds?payment_id=${payment_id}`)).data,
    pay: async ({ attempt }, late = false) => (await world.flow(gateway(attempt.channel).act(attempt.channel_order_no, { do: 'pay', late }))).done,
    reaches: async (payment_id, state) => {
      let payment = await shop.retrieve(payment_id);
      await world.until(async () => {
        payment = (await world.api('GET', `/v1/payments/${payment_id}`, { key })).body;
        return payment.state === state;
      });
      return payment;
    },
    paid: async (fields) => {
      const payment = await shop.create(fields);
      assert.ok(await shop.pay(payment));
      await shop.reaches(payment.id, 'paid');
      return payment;
    },
    truth: ({ attempt: { channel, channel_order_no } }) => {
      const { payments, refunds } = gateway(channel).truth();
      // Some gateways know the order by a part of its number.
      const known_as = channels.get(channel)?.shortNo?.(channel_order_no) ?? channel_order_no;
      const ofOrder = ({ order_no }: { order_no: string }) => order_no === known_as;
      const returned = refunds.filter((refund) => ofOrder(refund) && refund.state === 'succeeded');
      return { charges: payments.filter(ofOrder).length, returned_fen: returned.reduce((sum, { amount_fen }) => sum + amount_fen, 0) };
    },
    anomalies: async (payment_id) => {
      const rows = await world.ctx.db.kysely.selectFrom('anomalies').select('kind').where('payment_id', '=', payment_id).orderBy('id').execute();
      return rows.map(({ kind }) => kind);
    },
    events: async (object_id) => {
      const rows = await world.ctx.db.kysely.selectFrom('events').select('type').where('object_id', '=', object_id).orderBy('id').execute();
      return rows.map(({ type }) => type);
    },
  };
  return shop;
}
