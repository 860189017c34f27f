import { useCallback, useEffect, useRef, useState } from 'react';
import { type Api, type Charge, type Order, ServerRefusal } from './api.ts';

/** An order at the till, from the first keystroke until its end was seen. */
export type Open = {
  readonly charge: Charge;
  /** Undefined until the server has answered for the first time. */
  readonly order: Order | undefined;
  /** The server said no to the request itself: nothing was charged by it. */
  readonly refusal: ServerRefusal | undefined;
  /** The server tells nothing of an order that it may have taken, and why: nobody knows whether it is paid. */
  readonly doubt: ServerRefusal | undefined;
  readonly offline: boolean;
  /** The cashier gave up: `asked` until the server confirmed it, `never_sent` when no charge had reached it. */
  readonly giving_up: 'asked' | 'never_sent' | undefined;
};

const kept_as = 'heliu-pos-order';
const retry_ms = 2_000;
const final = new Set(['paid', 'refunded', 'closed', 'refused']);
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** A number that this device gives an order or refund: 100 random bits. */
export const newNo = (): string => [...crypto.getRandomValues(new Uint8Array(20))].map((byte) => alphabet[byte & 31]).join('');

const begun = (charge: Charge): Open => ({
  charge,
  order: undefined,
  refusal: undefined,
  doubt: undefined,
  offline: false,
  giving_up: undefined,
});

/** What is written down before it is sent, and by which pairing: another one may stand for another terminal. */
type Kept = { readonly charge: Charge; readonly paired_as: string };

function kept(): Kept | undefined {
  const text = localStorage.getItem(kept_as);
  const known = text === null ? undefined : (JSON.parse(text) as Partial<Kept>);
  return known?.charge && known.paired_as !== undefined ? { charge: known.charge, paired_as: known.paired_as } : undefined;
}

type Update = (change: Partial<Open>) => void;
/** Whether the charge is sent, was perhaps sent before, or is only asked about. */
type Sending = 'first' | 'again' | 'never';

/**
 * The order that is open. What is sent is written down before it is sent, so a reload in the middle sends the same again,
 * and the server knows it for the same: there is never a second charge. A device that was paired anew sends nothing of
 * what it kept from before.
 */
export function useOrder(api: Api, paired_as: string) {
  const [open, setOpen] = useState<Open | undefined>(() => {
    const known = kept();
    return known && begun(known.charge);
  });
  const following = useRef<AbortController>(undefined);
  const fresh = useRef<Charge>(undefined);
  const charge = open?.charge;
  const update = useCallback<Update>((change) => setOpen((now) => now && { ...now, ...change }), []);

  const start = useCallback(
    (of: Charge) => {
      following.current?.abort();
      const stopped = new AbortController();
      following.current = stopped;
      const sending = fresh.current === of ? 'first' : kept()?.paired_as === paired_as ? 'again' : 'never';
      fresh.current = undefined;
      void follow(api, { charge: of, sending }, update, stopped.signal);
    },
    [api, paired_as, update],
  );
  useEffect(() => {
    if (!charge) return;
    start(charge);
    // What follows after the cashier gave up has a signal of its own.
    return () => following.current?.abort();
  }, [charge, start]);

  const begin = useCallback(
    (next: Charge) => {
      localStorage.setItem(kept_as, JSON.stringify({ charge: next, paired_as } satisfies Kept));
      fresh.current = next;
      setOpen(begun(next));
    },
    [paired_as],
  );
  const finish = useCallback(() => {
    localStorage.removeItem(kept_as);
    setOpen(undefined);
  }, []);
  const giveUp = useCallback(() => {
    if (!charge) return;
    // Nothing more is sent: what has not reached the server by now must not charge anybody later.
    following.current?.abort();
    const stopped = new AbortController();
    following.current = stopped;
    update({ giving_up: 'asked', doubt: undefined });
    void undo(api, charge, update, stopped.signal);
  }, [api, charge, update]);
  const given_up = open?.giving_up !== undefined;
  const askAgain = useCallback(() => {
    if (!charge) return;
    // What was given up is never sent again.
    if (given_up) return giveUp();
    update({ doubt: undefined });
    start(charge);
  }, [charge, given_up, giveUp, start, update]);
  return { open, begin, giveUp, finish, askAgain };
}

/** Too many requests, or an order in the middle of being closed: asked again, as over a broken network. */
const later = new Set(['rate_limited', 'payment_closing']);

/** A no to what was asked. */
const isNo = (error: unknown): error is ServerRefusal => error instanceof ServerRefusal && !later.has(error.code);

type Followed = { readonly charge: Charge; readonly sending: Sending; readonly order?: Order };

/** Sends until the server answers, then waits for the end. */
async function follow(api: Api, { charge, sending, order: known }: Followed, update: Update, signal: AbortSignal): Promise<void> {
  let order = known;
  // A no to the first sending made nothing. A no to a later one says nothing of those before it: only the order itself tells.
  let sent_before = sending !== 'first';
  let look_first = sending === 'never' && !known;
  while (!signal.aborted) {
    try {
      const fresh = look_first
        ? await api.order(charge.order_no)
        : order
          ? await api.next(order.order_no, order.payment.version, signal)
          : await api.charge(charge);
      if (signal.aborted) return;
      order = fresh;
      look_first = false;
      update({ order, offline: false });
      if (final.has(order.outcome)) return;
    } catch (error) {
      if (signal.aborted) return;
      if (isNo(error)) {
        if (look_first) return update({ doubt: error, offline: false });
        if (!order && !sent_before) return update({ refusal: error, offline: false });
        const found = await lookUp(api, charge.order_no);
        if (signal.aborted) return;
        if (found === 'not_here') return update({ refusal: error, offline: false });
        if (found instanceof ServerRefusal) return update({ doubt: found, offline: false });
        order = found ?? order;
        update({ order, offline: found === undefined });
        if (found && final.has(found.outcome)) return;
      } else update({ offline: true });
      sent_before = true;
      await pause(signal);
    }
  }
}

/** The order as the server has it; its refusal to say; undefined where the network kept it back. */
async function lookUp(api: Api, order_no: string): Promise<Order | 'not_here' | ServerRefusal | undefined> {
  try {
    return await api.order(order_no);
  } catch (error) {
    if (!isNo(error)) return undefined;
    return error.code === 'order_not_here' ? 'not_here' : error;
  }
}

/** So often the server may not know an order that was given up, before it is believed that the charge never arrived. */
const misses_max = 3;

async function undo(api: Api, charge: Charge, update: Update, signal: AbortSignal): Promise<void> {
  let misses = 0;
  while (!signal.aborted) {
    try {
      const order = await api.cancel(charge.order_no).catch((error: unknown) => {
        // Paid meanwhile: the order says so, and only a refund gives it back.
        if (error instanceof ServerRefusal && error.code === 'payment_already_paid') return api.order(charge.order_no);
        throw error;
      });
      if (signal.aborted) return;
      update({ order, offline: false });
      return final.has(order.outcome) ? undefined : await follow(api, { charge, sending: 'never', order }, update, signal);
    } catch (error) {
      if (signal.aborted) return;
      const is_no = isNo(error);
      // A device that may not ask any more has not undone anything either.
      if (is_no && error.code !== 'order_not_here') return update({ doubt: error, offline: false });
      misses += is_no ? 1 : 0;
      if (misses >= misses_max) return update({ giving_up: 'never_sent', offline: false });
      update({ offline: !is_no });
      await pause(signal);
    }
  }
}

const pause = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, retry_ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
