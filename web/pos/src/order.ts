import { useCallback, useEffect, useRef, useState } from 'react';
import { type Api, type Charge, type Order, ServerRefusal } from './api.ts';

/** An order at the till, from the first keystroke until its end was seen. */
export type Open = {
  readonly charge: Charge;
  /** Undefined until the server has answered for the first time. */
  readonly order: Order | undefined;
  /** The server said no to the request itself: nothing was charged by it. */
  readonly refusal: ServerRefusal | undefined;
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

const begun = (charge: Charge): Open => ({ charge, order: undefined, refusal: undefined, offline: false, giving_up: undefined });

function kept(): Open | undefined {
  const text = localStorage.getItem(kept_as);
  return text === null ? undefined : begun(JSON.parse(text) as Charge);
}

type Update = (change: Partial<Open>) => void;

/**
 * The order that is open. What is sent is written down before it is sent, so a reload in the middle sends the same again,
 * and the server knows it for the same: there is never a second charge.
 */
export function useOrder(api: Api) {
  const [open, setOpen] = useState<Open | undefined>(kept);
  const following = useRef<AbortController>(undefined);
  const charge = open?.charge;
  const update = useCallback<Update>((change) => setOpen((now) => now && { ...now, ...change }), []);

  useEffect(() => {
    if (!charge) return;
    const stopped = new AbortController();
    following.current = stopped;
    void follow(api, charge, undefined, update, stopped.signal);
    // What follows after the cashier gave up has a signal of its own.
    return () => following.current?.abort();
  }, [api, charge, update]);

  const begin = useCallback((next: Charge) => {
    localStorage.setItem(kept_as, JSON.stringify(next));
    setOpen(begun(next));
  }, []);
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
    update({ giving_up: 'asked' });
    void undo(api, charge, update, stopped.signal);
  }, [api, charge, update]);
  return { open, begin, giveUp, finish };
}

/** Sends until the server answers, then waits for the end. */
async function follow(api: Api, charge: Charge, known: Order | undefined, update: Update, signal: AbortSignal): Promise<void> {
  let order = known;
  while (!signal.aborted) {
    try {
      order = order ? await api.next(order.order_no, order.payment.version, signal) : await api.charge(charge);
      if (signal.aborted) return;
      update({ order, offline: false });
      if (final.has(order.outcome)) return;
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ServerRefusal) return update({ refusal: error, offline: false });
      update({ offline: true });
      await pause(signal);
    }
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
      return final.has(order.outcome) ? undefined : await follow(api, charge, order, update, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ServerRefusal && error.code !== 'order_not_here') return update({ refusal: error, offline: false });
      misses += error instanceof ServerRefusal ? 1 : 0;
      if (misses >= misses_max) return update({ giving_up: 'never_sent', offline: false });
      update({ offline: !(error instanceof ServerRefusal) });
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
