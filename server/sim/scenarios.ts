import type { Payment } from '@heliu/contract';
import { createChannelAccount } from '../merchants/service.ts';
import type { Also, Ending } from './ending.ts';
import type { Journal } from './journal.ts';
import type { Answer, Merchant } from './merchants.ts';
import { openPhone } from './phone.ts';
import { isWait, openOrder, ways } from './workload.ts';
import type { World } from './world.ts';

/** One course of events that every installation sees, for a crash at each of its yield points. */
export type Scenario = {
  readonly name: string;
  readonly nodes: number;
  /** What is there before the first yield point. */
  readonly prepare?: (stage: Stage) => Promise<void>;
  readonly run: (stage: Stage) => Promise<void>;
  /** Where else than without a crash it may end, by right. */
  readonly also?: readonly Also[];
};

/** What a scenario is told with. A merchant that gets no answer asks again in the same words, as the documentation says. */
export type Stage = {
  readonly world: World;
  readonly journal: Journal;
  readonly merchant: Merchant;
  /**
   * Gives what the merchant can show its payer: where the answer has nothing to show yet, it reads the payment again, and where the
   * attempt is lost it makes another one.
   */
  readonly create: (order_no: string, fields: object) => Promise<Payment | undefined>;
  /** The same of a further attempt. */
  readonly attempt: (payment: Payment | undefined, fields: object, idempotency_key: string) => Promise<Payment | undefined>;
  readonly post: (path: string, body: object, idempotency_key: string) => Promise<Answer | undefined>;
  /** The payer pays the order of this payment's attempt. */
  readonly pay: (payment: Payment | undefined, late?: boolean) => Promise<void>;
  /** A payer scans the code with the wallet of this channel and presses on its page, at this node; what is given is how it pays what the wallet shows. */
  readonly scan: (payment: Payment | undefined, channel: string, node: number) => Promise<() => Promise<void>>;
  readonly wait: (ms: number) => Promise<void>;
  /** Waits until the merchant was told that it is paid. */
  readonly toldPaid: (payment: Payment | undefined) => Promise<void>;
  /** Every notification of the gateways from now on is lost. */
  readonly loseNotifications: (channel: string) => void;
  /** The requests of `post`, each with its last answer, and when each of its tries failed on our side. */
  readonly asked: readonly Asked[];
};
export type Asked = {
  readonly path: string;
  readonly idempotency_key: string;
  answer: Answer | undefined;
  readonly failed: { readonly from_ms: number; readonly to_ms: number; readonly text: string }[];
};

const tries_max = 6;
const ask_again_ms = 25_000;
const looks_max = 20;
const look_again_ms = 3_000;
const told_ms_max = 300_000;
/** How the keys of requests begin that only a crash makes necessary. */
export const only_after_a_crash = 'another-';

export function openStage(world: World, journal: Journal): Stage {
  const [merchant] = world.merchants;
  if (!merchant) throw new Error('a scenario has a merchant');
  const { scheduler, sleep } = world.sim;
  const asked: Asked[] = [];
  const post: Stage['post'] = async (path, body, idempotency_key) => {
    const request: Asked = { path, idempotency_key, answer: undefined, failed: [] };
    asked.push(request);
    for (let tries = 0; tries < tries_max; tries++) {
      const from_ms = scheduler.now_ms();
      const answer = await journal.post(merchant, path, body, { idempotency_key });
      if (answer !== undefined && answer.status >= 500) request.failed.push({ from_ms, to_ms: scheduler.now_ms(), text: answer.text });
      if (answer !== undefined && answer.status < 500 && answer.body?.error?.retryable !== true) {
        request.answer = answer;
        return answer;
      }
      await sleep(ask_again_ms);
    }
    return undefined;
  };
  const shown = async (created: Payment, body: object): Promise<Payment> => {
    let payment = created;
    for (let looks = 0; looks < looks_max && payment.state === 'pending' && !created.attempt?.method.endsWith('_barcode'); looks++) {
      if (!isWait(payment.next_action)) break;
      if (payment.next_action.type === 'new_attempt' || payment.attempt?.state === 'closed' || payment.attempt?.state === 'refused') {
        const answer = await post(`/v1/payments/${created.id}/attempts`, body, `${only_after_a_crash}${created.attempt?.id}-${looks}`);
        if (answer?.status === 201) payment = answer.body as Payment;
      } else {
        await sleep(look_again_ms);
        const answer = await journal.read(merchant, `/v1/payments/${created.id}`);
        if (answer?.status === 200) payment = answer.body as Payment;
      }
    }
    return payment;
  };
  const make = async (path: string, body: object, idempotency_key: string, fields: object): Promise<Payment | undefined> => {
    const answer = await post(path, body, idempotency_key);
    const payment = answer?.status === 201 ? await shown(answer.body as Payment, fields) : undefined;
    if (payment) openOrder(world, payment);
    return payment;
  };
  return {
    world,
    journal,
    merchant,
    post,
    asked,
    create: (order_no, fields) => {
      const body = { merchant_order_no: order_no, amount_fen: 877, subject: '一杯茶', expires_in_s: 300, ...fields };
      return make('/v1/payments', body, `create-${order_no}`, fields);
    },
    attempt: (payment, fields, idempotency_key) => make(`/v1/payments/${payment?.id}/attempts`, fields, idempotency_key, fields),
    pay: async (payment, late = false) => {
      const { attempt } = payment ?? {};
      if (attempt) await world.gateways.simulators.get(attempt.channel)?.act(attempt.channel_order_no, { do: 'pay', late });
    },
    scan: async (payment, channel, node) => {
      const url = payment?.next_action.type === 'show_qr' ? payment.next_action.qr_content : undefined;
      const phone = url === undefined ? undefined : openPhone(world, { url, channel, node });
      const order_no = await phone?.order();
      return async () => {
        if (order_no !== undefined) await world.gateways.simulators.get(channel)?.act(order_no, { do: 'pay' });
        await phone?.watch();
      };
    },
    wait: sleep,
    toldPaid: async (payment) => {
      const give_up_ms = scheduler.now_ms() + told_ms_max;
      while (scheduler.now_ms() < give_up_ms && world.receivers.newest(merchant.at, payment?.id ?? '')?.state !== 'paid') await sleep(1_000);
    },
    loseNotifications: (channel) => world.gateways.simulators.get(channel)?.inject({ kind: 'notify_lost' }),
  };
}

const refund = (payment: Payment | undefined, no: string, amount_fen: number) => ({ payment_id: payment?.id ?? '', merchant_refund_no: no, amount_fen });
const qr = (channel: string) => ({ method: channel === 'alipay' ? 'alipay_qr' : 'wechat_qr' });
const till = ({ world }: Stage, channel: string, behaviour: 'pays' | 'asks_password' | 'insufficient_funds') => ({
  method: 'barcode',
  auth_code: world.gateways.simulators.get(channel)?.newPaymentCode(behaviour),
});

const paidBy = (no: string, channel: string): Ending => [
  `${no} is paid: 877 paid, 0 going back, 0 gone back`,
  `${no} has money by ${channel}, accepted`,
  `${no} was told of: payment.paid`,
  `${channel} holds 877 of ${no}`,
];
const payerWins = (channel: string): Ending => [...paidBy('race', channel), 'close was answered 409 payment_already_paid'];
const payerLoses = (channel: string): Ending => [
  'race is closed (cancelled): 0 paid, 0 going back, 0 gone back',
  `race has money by ${channel}, late`,
  'race has a refund because of late of 877: succeeded',
  `${channel} holds 0 of race`,
  'race was told of: payment.closed',
  'race was told of: payment.late_received',
  'race was told of: refund.succeeded',
  'close was answered 200',
];
const first_there = 'whether the close or the payer is first at the channel is a matter of milliseconds, and a crash takes more';
const neverCharged = (no: string, channel: string): Also => ({
  instead_of: paidBy(no, channel),
  ending: [`${no} is closed (expired): 0 paid, 0 going back, 0 gone back`, `${no} was told of: payment.closed`],
  because: 'the node died between writing down the charge and sending it, and a payment code that may have been charged is never charged again',
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
    also: [neverCharged('till', channel)],
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
    also: [neverCharged('password', channel)],
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
    run: async ({ create, pay, wait, toldPaid, post }) => {
      const payment = await create('refunds', qr(channel));
      await pay(payment);
      await toldPaid(payment);
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
    also: [
      { instead_of: payerWins(channel), ending: payerLoses(channel), because: first_there },
      { instead_of: payerLoses(channel), ending: payerWins(channel), because: first_there },
    ],
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
    run: async ({ create, pay, wait, toldPaid, post }) => {
      const payment = await create('cancel', qr(channel));
      await pay(payment);
      await toldPaid(payment);
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
    also: [
      {
        instead_of: [],
        ending: ['refused was told of: payment.attempt_refused'],
        because:
          'whoever takes up the order of a dead node goes on with no other account by itself: the merchant is told of the refusal, and makes another attempt',
      },
    ],
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

const keptBy = (first: string, second: string): Ending => [
  `${first} holds 877 of twice`,
  `twice has money by ${first}, accepted`,
  `twice has money by ${second}, duplicate`,
  `${second} holds 0 of twice`,
];
const first_heard = 'the success that is heard of first is accepted, whichever was first at its wallet';
const paid_twice: readonly Also[] = [
  { instead_of: keptBy('alipay', 'wechatpay'), ending: keptBy('wechatpay', 'alipay'), because: first_heard },
  { instead_of: keptBy('wechatpay', 'alipay'), ending: keptBy('alipay', 'wechatpay'), because: first_heard },
];

const onPages: readonly Scenario[] = [
  {
    name: 'a code for every wallet is paid from its page',
    nodes: 2,
    run: async ({ create, scan, wait }) => {
      const pays = await scan(await create('page', { method: 'qr' }), 'wechatpay', 1);
      await wait(2_000);
      await pays();
      await wait(20_000);
    },
  },
  {
    name: 'two wallets open the page of a code at once, no order can be ended, and both pay: the second goes back',
    nodes: 2,
    run: async ({ world, create, scan, wait }) => {
      for (const simulator of world.gateways.simulators.values()) simulator.inject({ kind: 'server_error', on: 'close', times: 2 });
      const payment = await create('twice', { method: 'qr' });
      const [first, second] = await Promise.all([scan(payment, 'wechatpay', 0), scan(payment, 'alipay', 1)]);
      await Promise.all([first(), second()]);
      await wait(90_000);
    },
    also: paid_twice,
  },
];

/** The core comes first: what every change is held against. */
export const scenarios: readonly Scenario[] = [
  {
    name: 'paid twice by two wallets: the second goes back',
    nodes: 2,
    run: async ({ create, attempt, pay, wait }) => {
      const first = await create('twice', { method: 'wechat_qr' });
      const second = await attempt(first, { method: 'alipay_qr' }, 'second');
      await Promise.all([pay(first), pay(second)]);
      await wait(90_000);
    },
    also: paid_twice,
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
  ...onPages,
  ...failovers,
  ...perChannel('wechatpay'),
  ...perChannel('alipay'),
  ...byMethod,
];
