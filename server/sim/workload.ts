import { type Method, methods, type Payment } from '@heliu/contract';
import { channels } from '../channels/registry.ts';
import { takesInBills } from './bills.ts';
import type { Dice } from './dice.ts';
import type { Journal } from './journal.ts';
import type { Merchant } from './merchants.ts';
import { openPhone } from './phone.ts';
import type { World } from './world.ts';

/** How a payer pays, what the request needs for it, and how the payer comes to the order. */
export const ways: readonly { readonly method: Method | 'barcode'; readonly fields?: Readonly<Record<string, string>>; readonly opens?: boolean }[] = [
  { method: 'wechat_qr' },
  { method: 'alipay_qr' },
  { method: 'barcode' },
  { method: 'wechat_jsapi', fields: { payer_id: 'oSimPayer0001' } },
  { method: 'wechat_mini', fields: { payer_id: 'oSimPayer0002' } },
  { method: 'wechat_h5', fields: { payer_ip: '203.0.113.9' } },
  { method: 'wechat_app' },
  { method: 'alipay_jsapi', fields: { payer_id: '2088000000000001' } },
  { method: 'alipay_mini', fields: { payer_id: '2088000000000002' } },
  { method: 'alipay_wap', opens: true },
  { method: 'alipay_page', opens: true },
  { method: 'alipay_app', opens: true },
];

/** A payment as its merchant knows it, and the orders that its payers were shown: their numbers at the gateways. */
export type Life = {
  readonly merchant: Merchant;
  readonly order_no: string;
  payment_id: string | undefined;
  readonly tries: Payment[];
  readonly shown: Set<string>;
};

/** Of all payments, those that show a code for every wallet: their payers open a page. */
const page_share = 0.2;
/** Of the acts that are a payer's, those in which somebody opens the page again: each takes a dozen requests. */
const visits_again = 0.1;

/** Amounts whose subset sums differ, so that a wrong sum names what is missing. */
const amounts_fen = [101, 211, 431, 877, 1759, 3527, 7057, 14107, 28219] as const;

/** One payment's life, as its dice have it: the merchant asks, the payer pays or not, and all of it may happen twice. */
export async function live(world: World, journal: Journal, merchant: Merchant, order_no: string, spread_ms: number): Promise<Life> {
  const { sim } = world;
  const dice = sim.dice(`life ${order_no}`);
  const life: Life = { merchant, order_no, payment_id: undefined, tries: [], shown: new Set() };
  await sim.sleep(dice.below(spread_ms));
  const request = {
    merchant_order_no: order_no,
    amount_fen: dice.pick(amounts_fen),
    subject: '一杯茶',
    expires_in_s: 60 + dice.below(240),
    ...(dice.chance(page_share) ? { method: 'qr' } : wayOf(world, dice, merchant)),
  };
  const idempotency_key = dice.chance(0.8) ? `create-${order_no}` : undefined;
  const twice = sim.faults.hit('MF-02');
  const created = journal.post(merchant, '/v1/payments', request, { idempotency_key, node: dice.below(4) });
  const repeated = twice ? journal.post(merchant, '/v1/payments', request, { idempotency_key, node: dice.below(4) }) : undefined;
  const answers = [await created, await repeated];
  const answer = answers.find((each) => each?.status === 201) ?? (await again(world, journal, life, request, idempotency_key));
  if (answer?.status !== 201) return life;
  const payment = answer.body as Payment;
  life.payment_id = payment.id;
  keepTry(world, life, payment);
  const visiting = visit(world, dice, life);
  // It is waited for below; what it throws before that is nobody's yet.
  visiting.catch(() => {});
  for (let step = 1 + dice.below(5); step > 0; step--) {
    await sim.sleep(dice.below(dice.chance(0.1) ? 90_000 : 6_000));
    const kinds = Array.from({ length: dice.chance(0.3) ? 2 : 1 }, () => dice.below(kinds_of_act));
    if (kinds.length > 1 && kinds.every((kind) => kind < kinds_by_nodes) && world.network.nodes.length > 1) sim.faults.count('OF-11');
    await Promise.all(kinds.map((kind) => act(world, journal, dice, life, kind)));
  }
  await visiting;
  return life;
}

function keepTry(world: World, { tries, shown }: Life, payment: Payment): void {
  tries.push(payment);
  openOrder(world, payment);
  if (payment.attempt) shown.add(gatewayNo(payment.attempt));
}

/** The merchant did not hear what became of its request: it asks again, in the same words. */
async function again(world: World, journal: Journal, { merchant }: Life, request: object, idempotency_key: string | undefined) {
  for (let tries = 0; tries < 3; tries++) {
    await world.sim.sleep(3_000);
    const answer = await journal.post(merchant, '/v1/payments', request, { idempotency_key });
    if (answer !== undefined && answer.status < 500 && answer.status !== 409 && answer.status !== 429) return answer;
  }
  return undefined;
}

/** Of all tries, those that go to the gateway beside the wallets. */
const further_share = 0.3;
const further_scenes: readonly string[] = ['qr', 'app', 'barcode'];

function wayOf(world: World, dice: Dice, merchant: Merchant): Readonly<Record<string, string>> {
  if (world.gateways.further && dice.chance(further_share)) return furtherWay(world, dice, merchant, world.gateways.further.channel);
  const way = dice.chance(0.5) ? (ways[dice.below(3)] as (typeof ways)[number]) : dice.pick(ways);
  if (way.method !== 'barcode') return { method: way.method, ...way.fields };
  const simulator = world.gateways.simulators.get(dice.pick(['wechatpay', 'alipay']));
  return {
    method: 'barcode',
    auth_code: simulator?.newPaymentCode(dice.pick(['pays', 'pays', 'asks_password', 'asks_password', 'insufficient_funds', 'expired'])) ?? '',
  };
}

/** The gateway beside the wallets is asked for by name: it takes the wallets' methods too. */
function furtherWay({ gateways }: World, dice: Dice, { accounts }: Merchant, channel: string): Readonly<Record<string, string>> {
  const taken = Object.keys(channels.get(channel)?.pay ?? {}) as Method[];
  const method = dice.pick(taken.filter((each) => further_scenes.includes(methods[each].scene)));
  const { wallet, scene } = methods[method];
  const named = { channel_account_id: accounts.get(channel) ?? '' };
  if (scene !== 'barcode') return { ...named, method };
  const behaviour = dice.pick(['pays', 'pays', 'asks_password', 'asks_password', 'insufficient_funds', 'expired'] as const);
  return { ...named, method: 'barcode', auth_code: gateways.simulators.get(channel)?.newPaymentCode(behaviour, wallet) ?? '' };
}

/** The number of an attempt's order as its gateway has it. */
function gatewayNo({ channel, channel_order_no }: NonNullable<Payment['attempt']>): string {
  return channels.get(channel)?.shortNo?.(channel_order_no) ?? channel_order_no;
}

/** Orders of pages and apps begin when the wallet opens what it was handed. */
export function openOrder({ gateways }: World, { attempt, next_action }: Payment): void {
  if (!attempt || !next_action) return;
  if (attempt.method.endsWith('_barcode') || !isWait(next_action)) gateways.shown.add(gatewayNo(attempt));
  const open = gateways.simulators.get(attempt.channel)?.open;
  if (next_action.type === 'redirect' && attempt.method === 'alipay_wap') open?.(next_action.url);
  if (next_action.type === 'redirect' && attempt.method === 'alipay_page') open?.(next_action.url);
  if (next_action.type === 'submit_form') open?.(`${next_action.url}${next_action.url.includes('?') ? '&' : '?'}${new URLSearchParams(next_action.fields)}`);
  if (next_action.type === 'invoke' && attempt.method === 'alipay_app') open?.(Object.values(next_action.params)[0] ?? '');
}

/** What may be done next; the first so many are steps that a node takes, the others look or are the payer's. */
const kinds_of_act = 12;
const kinds_by_nodes = 7;

/** Something that the payer or the merchant does next, sensible or not. */
async function act(world: World, journal: Journal, dice: Dice, life: Life, kind: number): Promise<void> {
  const { merchant, payment_id: id } = life;
  const post = (path: string, body: object = {}) =>
    journal.post(merchant, path, body, {
      idempotency_key: dice.chance(0.5) ? `${path.split('/').at(-1)}-${id}-${dice.below(1_000_000)}` : undefined,
      node: dice.below(4),
    });
  switch (kind) {
    case 0:
      await post(`/v1/payments/${id}/close`);
      return;
    case 1:
      await post(`/v1/payments/${id}/cancel`);
      return;
    case 2:
      await post(`/v1/payments/${id}/sync`);
      return;
    case 3: {
      const tried = await post(`/v1/payments/${id}/attempts`, wayOf(world, dice, merchant));
      if (tried?.status !== 201) return;
      keepTry(world, life, tried.body as Payment);
      return;
    }
    case 4:
    case 5:
    case 6: {
      const merchant_refund_no = `${life.order_no}-r${dice.below(4)}`;
      const of_attempt = dice.chance(0.25) ? returnOf(dice.pick(life.tries)) : {};
      const refund = { payment_id: id, merchant_refund_no, amount_fen: 1 + dice.below(800), ...of_attempt };
      const other = dice.chance(0.4) ? post('/v1/refunds', { ...refund, merchant_refund_no: `${merchant_refund_no}b` }) : undefined;
      await Promise.all([post('/v1/refunds', refund), other]);
      return;
    }
    case 7:
      await journal.read(merchant, `/v1/payments/${id}`);
      return;
    default:
      if (pageOf(life) === undefined) await pay(world, dice, life);
      else if (dice.chance(visits_again)) await visit(world, dice, life);
  }
}

/** The money of one try, whether or not it was the payment's. */
const returnOf = ({ attempt, amount_fen }: Payment) => (attempt ? { attempt_id: attempt.id, amount_fen } : {});

/** The payer's hand on one of the tries; who pays one of them may pay another as well. */
export async function pay(world: World, dice: Dice, life: Life): Promise<void> {
  const { tries } = life;
  const chosen = dice.chance(0.5) ? [dice.pick(tries)] : tries;
  for (const each of chosen) {
    if (each.attempt && (await hasCode(world, life, each)))
      await payOne(world, dice, life, { channel: each.attempt.channel, order_no: gatewayNo(each.attempt), expires_at: each.expires_at });
  }
}

/** A payer can pay what it was shown: where the channel's answer was lost, nobody has the code, until a query or a repeat brings it. */
async function hasCode(world: World, { merchant, payment_id }: Life, { attempt, next_action }: Payment): Promise<boolean> {
  if (!attempt || attempt.method.endsWith('_barcode') || !isWait(next_action)) return attempt !== null;
  const answer = await world.ask(merchant, { method: 'GET', path: `/v1/payments/${payment_id}` });
  if (answer?.status !== 200) return false;
  const now = answer.body as Payment;
  if (now.attempt?.id !== attempt.id || isWait(now.next_action)) return false;
  openOrder(world, now);
  return true;
}

export const isWait = (action: Payment['next_action']): boolean => !action || ['wait', 'none', 'new_attempt'].includes(action.type);

type Shown = { readonly channel: string; readonly order_no: string; readonly expires_at: string };

async function payOne(world: World, dice: Dice, { shown }: Life, { channel, order_no, expires_at }: Shown): Promise<void> {
  const simulator = world.gateways.simulators.get(channel);
  const order = simulator?.orders().find((each) => each.order_no === order_no);
  if (!simulator || !order?.payable) return;
  const does = dice.chance(0.88) ? 'pay' : 'decline';
  // A fault is for the notification of this very payment; where there will be none it would be left lying.
  if (does === 'pay' && !order.method.endsWith('_barcode') && !isLate(world, channel, expires_at)) world.gateways.spoilNext(channel);
  const before = paidOf(world, shown);
  const paid = await simulator.act(order.order_no, { do: does });
  if (paid.done && before > 0 && paidOf(world, shown) > before) world.sim.faults.count('CF-20');
}

/** Who opens a page at once, by their wallets: one payer, one with two tabs or two phones, and two of whom each has another wallet. */
const visitors = [['wechatpay'], ['alipay'], ['wechatpay', 'wechatpay'], ['wechatpay', 'alipay'], ['alipay', 'wechatpay']] as const;

const pageOf = ({ tries: [first] }: Life): string | undefined =>
  first?.attempt === null && first.next_action.type === 'show_qr' ? first.next_action.qr_content : undefined;

/** Payers scan the code of a page and pay what their wallets show, some after they have pressed twice. */
async function visit(world: World, dice: Dice, life: Life): Promise<void> {
  const { sim, gateways } = world;
  const [url, expires_at] = [pageOf(life), life.tries[0]?.expires_at];
  if (url === undefined || expires_at === undefined) return;
  const at_once = dice.chance(0.5);
  const comes = async (channel: string) => {
    await sim.sleep(dice.below(at_once ? 100 : 8_000));
    const phone = openPhone(world, { url, channel });
    const [order_no] = await Promise.all([phone.order(), dice.chance(0.2) ? phone.order() : undefined]);
    if (order_no === undefined) return;
    gateways.shown.add(order_no);
    life.shown.add(order_no);
    await sim.sleep(dice.below(6_000));
    await payOne(world, dice, life, { channel, order_no, expires_at });
    if (dice.chance(0.3)) await phone.watch();
  };
  await Promise.all(dice.pick(visitors).map(comes));
}

/** Longer than the last question about an order takes. */
const last_question_ms = 60_000;

/** Where nothing ends an order, money may come after the last question: its notification is then all that tells of it. */
function isLate({ gateways: { further }, sim }: World, channel: string, expires_at: string): boolean {
  return further?.channel === channel && further.orders_never_end === true && sim.scheduler.now_ms() > Date.parse(expires_at) - last_question_ms;
}

function paidOf({ gateways }: World, numbers: ReadonlySet<string>): number {
  return [...gateways.simulators.values()].flatMap((simulator) => simulator.truth().payments).filter(({ order_no }) => numbers.has(order_no)).length;
}

/**
 * Payers who come after all is closed. What tells of their money is a notification alone, or the bill: where bills are taken in,
 * some notifications are lost for ever (CF-10).
 */
export async function payLate(world: World): Promise<void> {
  const dice = world.sim.dice('late');
  const rate = world.sim.faults.on.includes('CF-19') ? 0.5 : 0;
  const losable = world.sim.faults.on.includes('CF-10') && takesInBills(world.sim);
  for (const [channel, simulator] of world.gateways.simulators) {
    const paid = new Set(simulator.truth().payments.map(({ order_no }) => order_no));
    // We are at rest: whatever is unpaid there we do not wait for any more, whatever the gateway calls it.
    const isOver = (state: string) => /CLOSED/.test(state) || channel === world.gateways.further?.channel;
    const closed = simulator.orders().filter(({ order_no, state, method }) => isOver(state) && !paid.has(order_no) && !method.endsWith('_barcode'));
    for (const { order_no } of closed) {
      if (!dice.chance(rate)) continue;
      if (losable && channels.get(channel)?.bills !== undefined && dice.chance(0.5)) {
        simulator.inject({ kind: 'notify_lost', on: 'notify' });
        world.sim.faults.count('CF-10');
      }
      if ((await simulator.act(order_no, { do: 'pay', late: true })).done) world.sim.faults.count('CF-19');
      await world.sim.sleep(dice.below(5_000));
    }
  }
}
