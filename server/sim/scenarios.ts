import type { Payment } from '@heliu/contract';
import { createChannelAccount } from '../merchants/service.ts';
import type { Journal } from './journal.ts';
import type { Answer, Merchant } from './merchants.ts';
import { openOrder, ways } from './workload.ts';
import type { World } from './world.ts';

/** One course of events that every installation sees, for a crash at each of its yield points. */
export type Scenario = {
  readonly name: string;
  readonly nodes: number;
  /** What is there before the first yield point. */
  readonly prepare?: (stage: Stage) => Promise<void>;
  readonly run: (stage: Stage) => Promise<void>;
};

/** What a scenario is told with. A merchant that gets no answer asks again in the same words, as the documentation says. */
export type Stage = {
  readonly world: World;
  readonly journal: Journal;
  readonly merchant: Merchant;
  readonly create: (order_no: string, fields: object) => Promise<Payment | undefined>;
  readonly post: (path: string, body: object, idempotency_key: string) => Promise<Answer | undefined>;
  /** The payer pays the order of this payment's attempt. */
  readonly pay: (payment: Payment | undefined, late?: boolean) => Promise<void>;
  readonly wait: (ms: number) => Promise<void>;
  /** Every notification of the gateways from now on is lost. */
  readonly loseNotifications: (channel: string) => void;
};

const tries_max = 6;
const ask_again_ms = 25_000;

export function openStage(world: World, journal: Journal): Stage {
  const [merchant] = world.merchants;
  if (!merchant) throw new Error('a scenario has a merchant');
  const post: Stage['post'] = async (path, body, idempotency_key) => {
    for (let tries = 0; tries < tries_max; tries++) {
      const answer = await journal.post(merchant, path, body, { idempotency_key });
      if (answer !== undefined && answer.status < 500 && answer.body?.error?.retryable !== true) return answer;
      await world.sim.sleep(ask_again_ms);
    }
    return undefined;
  };
  return {
    world,
    journal,
    merchant,
    post,
    create: async (order_no, fields) => {
      const body = { merchant_order_no: order_no, amount_fen: 877, subject: '一杯茶', expires_in_s: 300, ...fields };
      const answer = await post('/v1/payments', body, `create-${order_no}`);
      const payment = answer?.status === 201 ? (answer.body as Payment) : undefined;
      if (payment) openOrder(world, payment);
      return payment;
    },
    pay: async (payment, late = false) => {
      const { attempt } = payment ?? {};
      if (attempt) await world.gateways.simulators.get(attempt.channel)?.act(attempt.channel_order_no, { do: 'pay', late });
    },
    wait: world.sim.sleep,
    loseNotifications: (channel) => world.gateways.simulators.get(channel)?.inject({ kind: 'notify_lost' }),
  };
}

const refund = (payment: Payment | undefined, no: string, amount_fen: number) => ({ payment_id: payment?.id ?? '', merchant_refund_no: no, amount_fen });
const qr = (channel: string) => ({ method: channel === 'alipay' ? 'alipay_qr' : 'wechat_qr' });
const till = ({ world }: Stage, channel: string, behaviour: 'pays' | 'asks_password' | 'insufficient_funds') => ({
  method: 'barcode',
  auth_code: world.gateways.simulators.get(channel)?.newPaymentCode(behaviour),
});

const byMethod: readonly Scenario[] = ways
  .filter(({ method }) => method !== 'barcode')
  .map(({ method, fields }) => ({
    name: `paid by ${method}`,
    nodes: 1,
    run: async ({ create, pay, wait }) => {
      const payment = await create(`${method}`, { method, ...fields });
      await wait(1_000);
      await pay(payment);
      await wait(20_000);
    },
  }));

const perChannel = (channel: string): readonly Scenario[] => [
  {
    name: `paid by a payment code at ${channel}`,
    nodes: 1,
    run: async (stage) => {
      await stage.create('till', till(stage, channel, 'pays'));
      await stage.wait(20_000);
    },
  },
  {
    name: `a payment code that asks for a password at ${channel}, and is paid then`,
    nodes: 1,
    run: async (stage) => {
      const payment = await stage.create('password', till(stage, channel, 'asks_password'));
      await stage.wait(12_000);
      await stage.pay(payment);
      await stage.wait(30_000);
    },
  },
  {
    name: `a payment code that nobody confirms at ${channel} is reversed`,
    nodes: 1,
    run: async (stage) => {
      await stage.create('unconfirmed', till(stage, channel, 'asks_password'));
      await stage.wait(120_000);
    },
  },
  {
    name: `two partial refunds at ${channel}`,
    nodes: 2,
    run: async ({ create, pay, wait, post }) => {
      const payment = await create('refunds', qr(channel));
      await pay(payment);
      await wait(8_000);
      await Promise.all([post('/v1/refunds', refund(payment, 'r1', 300), 'r1'), post('/v1/refunds', refund(payment, 'r2', 577), 'r2')]);
      await wait(60_000);
    },
  },
  {
    name: `closed while the payer pays at ${channel}`,
    nodes: 2,
    run: async ({ create, pay, wait, post }) => {
      const payment = await create('race', qr(channel));
      await wait(2_000);
      await Promise.all([post(`/v1/payments/${payment?.id}/close`, {}, 'close'), wait(40).then(() => pay(payment))]);
      await wait(60_000);
    },
  },
  {
    name: `late money at ${channel} goes back`,
    nodes: 1,
    run: async ({ create, pay, wait, post }) => {
      const payment = await create('late', qr(channel));
      await wait(1_000);
      await post(`/v1/payments/${payment?.id}/close`, {}, 'close');
      await wait(90_000);
      await pay(payment, true);
      await wait(60_000);
    },
  },
  {
    name: `expires unpaid at ${channel}`,
    nodes: 1,
    run: async ({ create, wait }) => {
      await create('expires', { ...qr(channel), expires_in_s: 60 });
      await wait(200_000);
    },
  },
  {
    name: `cancelled after it was paid at ${channel}`,
    nodes: 1,
    run: async ({ create, pay, wait, post }) => {
      const payment = await create('cancel', qr(channel));
      await pay(payment);
      await wait(8_000);
      await post(`/v1/payments/${payment?.id}/cancel`, {}, 'cancel');
      await wait(60_000);
    },
  },
  {
    name: `the notification of ${channel} is lost and a query finds the money`,
    nodes: 1,
    run: async ({ create, pay, wait, loseNotifications }) => {
      const payment = await create('silent', qr(channel));
      loseNotifications(channel);
      await pay(payment);
      await wait(60_000);
    },
  },
];

/** A second account of the wallet, and a quota on the first: what is reserved there has to be given back with the attempt. */
async function secondAccount({ world, merchant }: Stage): Promise<void> {
  const settings = await world.gateways.simulators.get('wechatpay')?.enroll({ mode: 'direct', trust: 'public_key' });
  if (!settings) throw new Error('the gateway is there');
  await createChannelAccount(world.someCtx(), { merchant_id: merchant.id, livemode: false, channel: 'wechatpay', name: '备用', settings, priority: 200 });
  const quotas = [{ per: 'day', of: 'account', amount_fen_max: 1_000_000, count_max: 100 }];
  const path = `/v1/routing/accounts/${merchant.accounts.get('wechatpay')}/terms`;
  const answer = await world.ask(merchant, { method: 'POST', path, body: { quotas } });
  if (answer?.status !== 200) throw new Error(`no terms: ${answer?.text}`);
}

const failovers: readonly Scenario[] = [
  {
    name: 'fail-over after a refusal of the account: the next one is paid',
    nodes: 2,
    prepare: secondAccount,
    run: async ({ world, create, pay, wait }) => {
      world.gateways.simulators.get('wechatpay')?.inject({ kind: 'error_code', on: 'pay', times: 1, code: 'NO_AUTH' });
      const payment = await create('refused', { method: 'wechat_qr' });
      await wait(1_000);
      await pay(payment);
      await wait(20_000);
    },
  },
  {
    name: 'fail-over after an unknown: asked, closed, and the next one is paid',
    nodes: 2,
    prepare: secondAccount,
    run: async ({ world, create, pay, wait }) => {
      world.gateways.simulators.get('wechatpay')?.inject({ kind: 'cut_answer', on: 'pay', times: 2 });
      const payment = await create('unknown', { method: 'wechat_qr' });
      await wait(1_000);
      await pay(payment);
      await wait(20_000);
    },
  },
];

/** The core comes first: what every change is held against. */
export const scenarios: readonly Scenario[] = [
  {
    name: 'paid twice by two wallets: the second goes back',
    nodes: 2,
    run: async ({ create, pay, wait, post }) => {
      const first = await create('twice', { method: 'wechat_qr' });
      const answer = await post(`/v1/payments/${first?.id}/attempts`, { method: 'alipay_qr' }, 'second');
      const second = answer?.status === 201 ? (answer.body as Payment) : undefined;
      await Promise.all([pay(first), pay(second)]);
      await wait(90_000);
    },
  },
  {
    name: 'one request at two nodes at once',
    nodes: 2,
    run: async ({ create, pay, wait }) => {
      const [payment] = await Promise.all([create('same', { method: 'wechat_qr' }), create('same', { method: 'wechat_qr' })]);
      await pay(payment);
      await wait(20_000);
    },
  },
  {
    name: 'a webhook secret is rotated while payments are told of',
    nodes: 1,
    run: async ({ create, pay, wait, post, merchant, world }) => {
      const payment = await create('rotate', { method: 'alipay_qr' });
      await Promise.all([
        pay(payment),
        post(`/v1/webhook_endpoints/${merchant.endpoint_id}/rotate_secret`, { overlap_s: 86_400 }, 'rotate').then((answer) => {
          if (answer?.status === 200) world.receivers.trust(merchant.at, answer.body.secret);
        }),
      ]);
      await wait(60_000);
    },
  },
  ...failovers,
  ...perChannel('wechatpay'),
  ...perChannel('alipay'),
  ...byMethod,
];
