import { addMs } from '../../kernel/time.ts';
import {
  chargeUpToAnswer,
  create,
  deliverPaid,
  expires_in_s,
  isPaid,
  keepPaid,
  passTime,
  pay,
  refundUpToMessage,
  returnUpToMessage,
  type Scene,
  sent,
  simulatorOf,
  type Try,
  tryAgain,
  useFirst,
  withCode,
} from './scene.ts';
import { step } from './scheduler.ts';

/** What a payment may be like when two commands meet on it. */
export type StateName = keyof typeof states;

/** Each brings a new payment there. */
export const states = {
  /** Nothing was sent yet: the order number is free. */
  new: () => Promise.resolve(),
  /** The payer was charged by code and the create has not written that down; the gateway's message is on its way. */
  charged: chargeUpToAnswer,
  /** … and the message was faster than the create. */
  charged_told: async (scene) => {
    await chargeUpToAnswer(scene);
    await deliverPaid(scene);
  },
  /** … and some of the money went back before the create goes on. */
  charged_refunded: async (scene) => {
    await chargeUpToAnswer(scene);
    await deliverPaid(scene);
    await refundUpToMessage(scene, 30);
  },
  /** The code is shown; the payer pays at some moment of the race, and the gateway tells. */
  open: async (scene) => {
    await create(scene);
    scene.others.push(scene.scheduler.spawn('payer', () => payAndTell(scene)));
  },
  /** The channel has the order, and Heliu could not believe its answer. */
  unanswered: async (scene) => {
    simulatorOf(scene, scene.channels[0]).inject({ kind: 'unsigned_answer', on: 'pay' });
    await create(scene);
    await passTime(scene, 30_000);
  },
  /** Paid at the gateway; its message is on its way. */
  paying: async (scene) => {
    await create(scene);
    await pay(scene, 0);
  },
  /** Two tries, both paid; both messages are on their way. */
  paid_twice: async (scene) => {
    await create(scene);
    await tryAgain(scene);
    await pay(scene, 0);
    await pay(scene, 1);
  },
  /** Two tries, the second paid: the first has to be closed. */
  second_paid: async (scene) => {
    await create(scene);
    await tryAgain(scene);
    await pay(scene, 1);
  },
  /** A payment by code that waited for the payer's password and was paid; undoing it is a reverse. */
  code_paying: async (scene) => {
    withCode(scene, 'alipay', 'asks_password');
    await create(scene);
    await pay(scene, 0);
  },
  /** A payment by code that nobody tells of and that waits for the payer. */
  code_waiting: async (scene) => {
    withCode(scene, scene.channels[0], 'asks_password');
    await create(scene);
  },
  /** Closed, and paid all the same. */
  late: async (scene) => {
    await create(scene);
    await sent(scene, 'close');
    await pay(scene, 0, true);
  },
  /** Closed and paid all the same, and the money went back; that message is on its way. */
  late_returned: async (scene) => {
    // Alipay was told to reverse the order, and tells of no refund then.
    useFirst(scene, 'wechatpay');
    await create(scene);
    await sent(scene, 'close');
    await pay(scene, 0, true);
    await deliverPaid(scene);
    // The merchant that keeps late money has to give it back itself.
    await ((await isPaid(scene)) ? refundUpToMessage(scene, 30) : returnUpToMessage(scene));
  },
  paid,
  partly_refunded: async (scene) => {
    await paid(scene);
    await refundUpToMessage(scene, 30);
    if (scene.refunded) await scene.arena.deliver(1, scene.refunded);
  },
  /** A refund is done at the gateway; its message is on its way. */
  refunding: async (scene) => {
    await paid(scene);
    await refundUpToMessage(scene, 60);
  },
} satisfies Record<string, (scene: Scene) => Promise<void>>;

async function paid(scene: Scene): Promise<void> {
  await create(scene);
  await pay(scene, 0);
  await deliverPaid(scene);
}

/** A payer who comes during the race. When the order is closed by then, there is no payment. */
async function payAndTell(scene: Scene): Promise<void> {
  const { channel, order_no } = scene.tries[0] as Try;
  const notice = await step({
    label: 'pays',
    work: async () => {
      const before = new Set(scene.arena.notices);
      const { done } = await simulatorOf(scene, channel).act(order_no, { do: 'pay' });
      await new Promise((resolve) => setImmediate(resolve));
      return done ? [...scene.arena.notices].find((each) => !before.has(each)) : undefined;
    },
  });
  if (!notice) return;
  keepPaid(scene, [notice]);
  await scene.arena.deliver(scene.dice.below(2), notice);
}

/** More than a race sleeps before the payment is created. */
const margin_s = 30;

/** Moves time behind the end of the payment, where the due job closes it. */
export function expire({ arena: { clock }, begun_at }: Scene): void {
  const at = addMs(begun_at, (expires_in_s + margin_s) * 1000);
  if (at > clock.now()) clock.set(at);
}
