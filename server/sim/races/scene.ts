import type { Payment, Refund } from '@heliu/contract';
import { assert } from '../../kernel/assert.ts';
import type { Arena, Notice, Owner, Reply } from './arena.ts';
import type { Dice } from './dice.ts';
import { runDue } from './quiet.ts';
import type { Scheduler } from './scheduler.ts';

/** One try of the payment, as the gateway knows it. */
export type Try = { readonly channel: string; readonly order_no: string };

/** One payment, brought into a state in which both commands mean something. */
export type Scene = {
  readonly arena: Arena;
  readonly owner: Owner;
  readonly scheduler: Scheduler;
  readonly dice: Dice;
  /** The channel of the first try; the other one is the second's. */
  readonly channels: readonly [string, string];
  /** What the payment is created with; also its idempotency key. */
  readonly order_no: string;
  readonly begun_at: Date;
  request: Record<string, unknown>;
  payment_id: string | undefined;
  tries: Try[];
  /** What the gateway has to say of each try that was paid, by their order. */
  paid: Notice[];
  refunded: Notice | undefined;
  /** A create that has been at the channel and has not written down its answer. */
  hanging: Promise<Reply> | undefined;
  /** Runs beside the two commands. */
  readonly others: Promise<unknown>[];
};

const amount_fen = 100;
/** Long enough for every preparation, and soon over. */
export const expires_in_s = 120;

type NewScene = Pick<Scene, 'arena' | 'owner' | 'scheduler' | 'dice' | 'channels' | 'order_no'>;

export const newScene = (given: NewScene): Scene => ({
  ...given,
  begun_at: given.arena.clock.now(),
  request: qrRequest(given.order_no, given.channels[0]),
  payment_id: undefined,
  tries: [],
  paid: [],
  refunded: undefined,
  hanging: undefined,
  others: [],
});

const qrMethod = (channel: string) => ({ method: channel === 'alipay' ? 'alipay_qr' : 'wechat_qr' });
const qrRequest = (merchant_order_no: string, channel: string) => ({ merchant_order_no, amount_fen, subject: '一杯茶', expires_in_s, ...qrMethod(channel) });

function parsed<T>(reply: Reply, status: number): T {
  if (reply.status !== status) throw new Error(`the preparation failed with ${reply.status}: ${reply.text}`);
  return JSON.parse(reply.text) as T;
}

export const sendCreate = ({ arena, owner, request, order_no }: Scene, node: number): Promise<Reply> =>
  arena.request(node, owner, 'POST', '/v1/payments', request, order_no);

function remember(scene: Scene, payment: Payment): void {
  assert(payment.attempt, 'a payment has a try');
  scene.payment_id = payment.id;
  scene.tries.push({ channel: payment.attempt.channel, order_no: payment.attempt.channel_order_no });
}

/** Pays by a code that this channel shows. */
export function useFirst(scene: Scene, channel: 'wechatpay' | 'alipay'): void {
  scene.request = qrRequest(scene.order_no, channel);
}

export async function create(scene: Scene): Promise<void> {
  remember(scene, parsed<Payment>(await sendCreate(scene, 0), 201));
}

export async function tryAgain(scene: Scene): Promise<void> {
  const { arena, owner, channels } = scene;
  remember(scene, parsed<Payment>(await arena.request(1, owner, 'POST', `/v1/payments/${scene.payment_id}/attempts`, qrMethod(channels[1])), 201));
}

/** The payment code of a payer who pays at once, or is asked for a password first. */
export function withCode(scene: Scene, channel: string, behaviour: 'pays' | 'asks_password'): void {
  const auth_code = simulatorOf(scene, channel).newPaymentCode(behaviour);
  const { method: _method, ...rest } = scene.request;
  scene.request = { ...rest, method: 'barcode', auth_code };
}

/** A create that is held when the channel has answered, before the answer is written down. */
async function createUpToAnswer(scene: Scene): Promise<void> {
  const { scheduler } = scene;
  scene.hanging = scheduler.spawn('0 create', () => sendCreate(scene, 0));
  await scheduler.drive((waiting) => waiting.some(({ label }) => label === 'payments_commit'));
  remember(scene, parsed<Payment>(await scene.arena.request(0, scene.owner, 'GET', `/v1/payments/by-order-no/${scene.order_no}`), 200));
}

export const simulatorOf = ({ arena }: Scene, channel: string) => {
  const simulator = arena.simulators.get(channel);
  assert(simulator, 'there is a simulator for each channel');
  return simulator;
};

/** What the gateways say while this is done. */
async function told(scene: Scene, work: () => Promise<unknown>): Promise<Notice[]> {
  const before = new Set(scene.arena.notices);
  await work();
  // A message leaves within the turn in which its reason came about.
  await new Promise((resolve) => setImmediate(resolve));
  return [...scene.arena.notices].filter((notice) => !before.has(notice));
}

/** The payer pays that try; the gateway's message stays on its way. */
export async function pay(scene: Scene, at: number, late = false): Promise<void> {
  const { channel, order_no } = scene.tries[at] as Try;
  const notices = await told(scene, async () => {
    const { done } = await simulatorOf(scene, channel).act(order_no, { do: 'pay', late });
    assert(done, 'the payer pays');
  });
  keepPaid(scene, notices);
}

export function keepPaid(scene: Scene, notices: readonly Notice[]): void {
  assert(notices[0], 'the gateway tells of the money');
  scene.paid.push(notices[0]);
}

/** Charges a payment code within the create that hangs. */
export async function chargeUpToAnswer(scene: Scene): Promise<void> {
  // WeChat tells nobody of payments by code.
  withCode(scene, 'alipay', 'pays');
  keepPaid(scene, await told(scene, () => createUpToAnswer(scene)));
}

export async function deliverPaid(scene: Scene): Promise<void> {
  for (const notice of scene.paid) parsedReply(await scene.arena.deliver(1, notice));
}

function parsedReply({ status, text }: Reply): void {
  if (status >= 300) throw new Error(`a message was not acknowledged: ${status} ${text}`);
}

export const refundBody = (scene: Scene, number: string, fen: number) => ({
  payment_id: scene.payment_id,
  merchant_refund_no: `${scene.order_no}-${number}`,
  amount_fen: fen,
});

/** A wallet's refund takes a few seconds. */
const refund_settles_ms = 6_000;

/** A refund that is done at the gateway, whose message is on its way, and of which Heliu may not believe the answer. */
export async function refundUpToMessage(scene: Scene, fen: number): Promise<void> {
  const { arena, owner, dice } = scene;
  const { channel } = scene.tries[0] as Try;
  if (dice.below(2) === 0) simulatorOf(scene, channel).inject({ kind: 'unsigned_answer', on: 'refund' });
  await refunded(scene, async () => {
    parsed<Refund>(await arena.request(0, owner, 'POST', '/v1/refunds', refundBody(scene, 'before', fen), `${scene.order_no}-before`), 201);
  });
}

export async function isPaid({ arena, owner, payment_id }: Scene): Promise<boolean> {
  return parsed<Payment>(await arena.request(0, owner, 'GET', `/v1/payments/${payment_id}`), 200).state === 'paid';
}

/** Money that was not awaited goes back by itself; the gateway's message is on its way. */
export const returnUpToMessage = (scene: Scene): Promise<void> => refunded(scene, () => runDue(scene.arena, 0, ['refunds']));

async function refunded(scene: Scene, work: () => Promise<unknown>): Promise<void> {
  const notices = await told(scene, async () => {
    await work();
    await passTime(scene, refund_settles_ms);
  });
  scene.refunded = notices[0];
  assert(scene.refunded, 'the gateway tells of the refund');
}

/** A command on the payment itself. */
export const post = ({ arena, owner, payment_id }: Scene, node: number, command: 'sync' | 'close' | 'cancel', key?: string): Promise<Reply> =>
  arena.request(node, owner, 'POST', `/v1/payments/${payment_id}/${command}`, {}, key);

export async function sent(scene: Scene, command: 'sync' | 'close' | 'cancel'): Promise<void> {
  parsed<Payment>(await post(scene, 0, command), 200);
}

/** Time goes on for everyone; the gateways do what they had waited to do. */
export async function passTime({ arena }: Scene, ms: number): Promise<void> {
  arena.clock.advance(ms);
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}
