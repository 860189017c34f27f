import type { Payment } from '@heliu/contract';
import { assert } from '../../kernel/assert.ts';
import { pursueClose } from '../../payments/closes/service.ts';
import type { Notice, Reply } from './arena.ts';
import { runDue } from './quiet.ts';
import { post, refundBody, type Scene, sendCreate } from './scene.ts';
import { step } from './scheduler.ts';
import { expire, type StateName } from './states.ts';

export type CommandName = (typeof command_names)[number];

/** What came of a command. */
export type Outcome = {
  readonly command: CommandName;
  /** The replies to requests; what is undefined was no request. */
  readonly reply: Reply | undefined;
  /** The message that was acknowledged. */
  readonly taken?: Notice | undefined;
  /** Requests that must get the same reply, byte for byte, because they carry the same key. */
  readonly key?: string | undefined;
};

type Command = {
  /** Where it means something. */
  readonly in: readonly StateName[];
  readonly run: (scene: Scene, node: 0 | 1) => Promise<Omit<Outcome, 'command'>>;
};

export const command_names = [
  'create',
  'create_again',
  'notify_a',
  'notify_b',
  'sync',
  'close',
  'expire',
  'refund',
  'refund_again',
  'refund_notify',
  'cancel',
] as const;

const hanging: readonly StateName[] = ['charged', 'charged_told', 'charged_refunded'];
const unpaid: readonly StateName[] = ['open', 'unanswered', 'paying', 'paid_twice', 'second_paid', 'code_paying', 'code_waiting'];
const taken: readonly StateName[] = ['paid', 'partly_refunded', 'refunding'];
const told: readonly StateName[] = ['charged', 'paying', 'paid_twice', 'second_paid', 'code_paying', 'late'];
/** Where a message of the money has come before, and comes again. */
const retold: readonly StateName[] = ['charged_told', 'charged_refunded', 'paid', 'partly_refunded', 'refunding', 'late_returned'];
const refundable: readonly StateName[] = ['charged_told', 'charged_refunded', 'open', 'paying', 'paid_twice', 'second_paid', 'late', ...taken];

/** The eleven commands that meet each other in pairs. */
export const commands: Readonly<Record<CommandName, Command>> = {
  create: {
    in: ['new', ...hanging],
    run: async (scene, node) => ({ reply: await sendCreate(scene, node), key: scene.order_no }),
  },
  create_again: {
    in: ['new', ...hanging, ...unpaid, ...taken, 'late', 'late_returned'],
    run: async (scene, node) => {
      const { arena, owner, request, order_no, dice } = scene;
      const how = dice.pick(['same key', 'other key', 'no key', 'other amount'] as const);
      const body = how === 'other amount' ? { ...request, amount_fen: 99 } : request;
      const key = { 'same key': order_no, 'other key': `${order_no}-again-${node}`, 'no key': undefined, 'other amount': undefined }[how];
      return { reply: await arena.request(node, owner, 'POST', '/v1/payments', body, key), key };
    },
  },
  notify_a: { in: [...told, ...retold], run: (scene, node) => notify(scene, node, scene.paid[0]) },
  /** The message of the second try; where there is none, the same message once more. */
  notify_b: { in: [...told, ...retold], run: (scene, node) => notify(scene, node, scene.paid[1] ?? scene.paid[0]) },
  sync: { in: ['new', ...hanging, ...unpaid, ...taken, 'late', 'late_returned'], run: onPayment('sync') },
  close: { in: ['new', ...hanging, ...unpaid, ...taken, 'late', 'late_returned'], run: onPayment('close') },
  expire: {
    in: ['new', ...hanging, ...unpaid, ...taken],
    run: async (scene, node) => {
      await known(scene, node);
      await closeExpired(scene, node);
      return { reply: undefined };
    },
  },
  refund: { in: refundable, run: (scene, node) => refund(scene, node, 'first') },
  /** With the first more than was paid. */
  refund_again: { in: refundable, run: (scene, node) => refund(scene, node, `again-${node}`) },
  refund_notify: { in: ['charged_refunded', 'refunding', 'late_returned'], run: (scene, node) => notify(scene, node, scene.refunded) },
  cancel: { in: ['new', ...hanging, ...unpaid, ...taken, 'late', 'late_returned'], run: onPayment('cancel') },
};

async function notify({ arena }: Scene, node: 0 | 1, notice: Notice | undefined): Promise<Omit<Outcome, 'command'>> {
  assert(notice, 'a message is on its way');
  const reply = await arena.deliver(node, notice);
  return { reply, taken: reply.status < 300 ? notice : undefined };
}

async function refund(scene: Scene, node: 0 | 1, number: string): Promise<Omit<Outcome, 'command'>> {
  await known(scene, node);
  const key = `${scene.order_no}-${number}`;
  return { reply: await scene.arena.request(node, scene.owner, 'POST', '/v1/refunds', refundBody(scene, number, 60), key), key };
}

function onPayment(command: 'sync' | 'close' | 'cancel'): Command['run'] {
  return async (scene, node) => {
    if (!(await known(scene, node))) return { reply: undefined };
    const key = scene.dice.below(2) === 0 ? `${scene.order_no}-${command}` : undefined;
    return { reply: await post(scene, node, command, key), key };
  };
}

const looks_max = 200;
const look_ms = 50;

/** The payment of the order number; where it is being created, whoever wants something of it asks until it is there. */
async function known(scene: Scene, node: 0 | 1): Promise<boolean> {
  const { arena, owner, order_no } = scene;
  for (let looks = 0; scene.payment_id === undefined && looks < looks_max; looks++) {
    const found = await arena.request(node, owner, 'GET', `/v1/payments/by-order-no/${order_no}`);
    if (found.status === 200) scene.payment_id = (JSON.parse(found.text) as Payment).id;
    else await arena.nodes[node].ctx.clock.sleep(look_ms);
  }
  return scene.payment_id !== undefined;
}

/** The due job. Where its claim finds nothing any more it works on the payment all the same, like a node that was held up after its claim. */
async function closeExpired(scene: Scene, node: 0 | 1): Promise<void> {
  const { arena, owner, payment_id } = scene;
  if (!payment_id) return;
  await step({ label: 'time is over', work: () => expire(scene) });
  const { claimed, thrown } = await runDue(arena, node, ['closes']);
  if (thrown.length > 0) throw thrown[0];
  if (claimed === 0) await pursueClose(arena.nodes[node].ctx, owner.merchant.id, payment_id);
}
