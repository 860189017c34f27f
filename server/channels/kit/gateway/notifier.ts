import type { Faults, NoticeFault } from '../faults.ts';
import { notice_faults, refund_notice } from '../faults.ts';
import type { NoticeRequest, Told as Witnessed } from '../simulator.ts';
import type { Signature } from './wire.ts';
import type { Merchant, Notice, Order, Refund, World } from './world.ts';

/** What a gateway's notifications look like, and how long it repeats them. */
export type NotificationForm = {
  /** Seconds from a send that was not taken to the next one. */
  readonly retry_after_s: readonly number[];
  readonly answer_within_ms: number;
  /** The message as it is sent; undefined where the gateway tells of no such thing. A probe is signed falsely. */
  readonly message: (told: Told, how: Signature) => Omit<NoticeRequest, 'url'> | undefined;
  readonly isTaken: (answer: { readonly status: number; readonly body: string }, told: Told) => boolean;
};
export type Told = { readonly signer: Merchant; readonly order: Order; readonly refund?: Refund; readonly id: string };

export type Notifier = {
  paid(order: Order): void;
  refunded(order: Order, refund: Refund): void;
  /** Goes on with what the journal says is not delivered. */
  resume(): void;
};

/** Work that goes on after an answer, all of it ended and awaited by `close`. */
export type Background = { readonly signal: AbortSignal; readonly run: (task: () => Promise<void>) => void; readonly close: () => Promise<void> };

export function createBackground(): Background {
  const ending = new AbortController();
  const running = new Set<Promise<void>>();
  return {
    signal: ending.signal,
    run(task) {
      if (ending.signal.aborted) return;
      const work = task().finally(() => running.delete(work));
      running.add(work);
    },
    async close() {
      ending.abort();
      await Promise.allSettled(running);
    },
  };
}

export function createNotifier(world: World, form: NotificationForm, faults: Faults, background: Background): Notifier {
  const { clock, time_scale, send } = world.ports;

  function announce(url: string, order: Order, refund?: Refund): void {
    const fault = faults.take(refund === undefined ? 'notify' : refund_notice, notice_faults);
    if (fault?.kind === 'notify_lost') return;
    const id = world.hex(32);
    const notice: Notice = {
      id,
      url,
      signer: order.merchant,
      created_ms: world.now_ms(),
      tries: 0,
      state: 'due',
      ...altered(order, refund, fault),
      told: witnessed(order, refund, fault),
    };
    if (!messageOf(notice, 'good')) return;
    world.put('notice', notice);
    const copies = fault?.kind === 'notify_twice' ? (fault.times ?? 2) : 1;
    for (let copy = 0; copy < copies; copy++) background.run(() => deliver(notice, fault));
  }

  async function deliver(first: Notice, fault?: NoticeFault): Promise<void> {
    if (fault?.kind === 'notify_delayed') await clock.sleep((fault.ms ?? 60_000) / time_scale, background.signal);
    if (fault?.kind === 'notify_signature_probe' && !background.signal.aborted) await attempt(first, 'bad');
    let notice = first;
    while (!background.signal.aborted) {
      const taken = await attempt(notice, 'good');
      const wait_s = form.retry_after_s[notice.tries];
      notice = { ...notice, tries: notice.tries + 1, state: taken ? 'done' : wait_s === undefined ? 'given_up' : 'due' };
      world.put('notice', notice);
      if (notice.state !== 'due' || wait_s === undefined) return;
      await clock.sleep((wait_s * 1000) / time_scale, background.signal);
    }
  }

  /** One send; true when the receiver says that it has it. */
  async function attempt(notice: Notice, how: Signature): Promise<boolean> {
    const message = messageOf(notice, how);
    const told = toldOf(notice);
    if (!message || !told) return false;
    const done = new AbortController();
    const tooLate = clock.sleep(form.answer_within_ms, done.signal).then(() => undefined);
    try {
      const answer = await Promise.race([send({ url: notice.url, ...message, ...(notice.told ? { told: notice.told } : {}) }), tooLate]);
      return answer !== undefined && answer.status >= 200 && answer.status < 300 && form.isTaken(answer, told);
    } catch {
      return false;
    } finally {
      done.abort();
    }
  }

  function toldOf({ id, signer, order, refund }: Notice): Told | undefined {
    const merchant = world.tables.merchant.get(signer);
    return merchant && { id, signer: merchant, order, ...(refund === undefined ? {} : { refund }) };
  }

  function messageOf(notice: Notice, how: Signature) {
    const told = toldOf(notice);
    return told && form.message(told, how);
  }

  return {
    paid(order) {
      if (order.notify_url !== undefined) announce(order.notify_url, order);
    },
    refunded(order, refund) {
      if (refund.notify_url !== undefined) announce(refund.notify_url, order, refund);
    },
    resume() {
      for (const notice of world.tables.notice.values()) if (notice.state === 'due') background.run(() => deliver(notice));
    },
  };
}

const lies: Partial<Record<NoticeFault['kind'], NonNullable<Witnessed['wrong']>>> = {
  notify_wrong_amount: 'amount',
  notify_wrong_merchant: 'receiver',
  notify_unknown_order: 'order',
};

/** What it is truly about. A refund that failed is no news that has to be believed. */
function witnessed({ order_no, transaction_id = '' }: Order, refund: Refund | undefined, fault: NoticeFault | undefined): Witnessed | undefined {
  if (refund !== undefined && refund.state !== 'succeeded') return undefined;
  return { order_no, transaction_id, ...(refund === undefined ? {} : { refund_no: refund.refund_no }), wrong: fault && lies[fault.kind] };
}

/** A genuine message that says something wrong: signed like any other. */
function altered(order: Order, refund: Refund | undefined, fault: NoticeFault | undefined): Pick<Notice, 'order' | 'refund'> {
  const with_refund = refund === undefined ? {} : { refund };
  if (fault?.kind === 'notify_wrong_amount') {
    return refund === undefined
      ? { order: { ...order, amount_fen: order.amount_fen + 1 } }
      : { order, refund: { ...refund, amount_fen: refund.amount_fen + 1 } };
  }
  if (fault?.kind === 'notify_wrong_merchant')
    return { order: { ...order, merchant: `${order.merchant.slice(0, -1)}${order.merchant.endsWith('7') ? 8 : 7}` }, ...with_refund };
  // Another first character, whatever the first one is.
  if (fault?.kind === 'notify_unknown_order')
    return { order: { ...order, order_no: `${order.order_no.startsWith('X') ? 'Y' : 'X'}${order.order_no.slice(1)}` }, ...with_refund };
  return { order, ...with_refund };
}
