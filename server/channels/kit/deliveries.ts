import type { Clock } from '../../kernel/time.ts';
import type { Fault } from './simulator.ts';

/** How far a message has come, as the journal holds it. */
export type DeliveryState = { readonly tries: number; readonly next_ms: number; readonly done: boolean };

export type DeliveryForm<Message> = {
  readonly clock: Clock;
  readonly time_scale: number;
  /** The wait before each try, the first one's included. */
  readonly waits_ms: readonly number[];
  readonly save: (delivery: Message & DeliveryState) => void;
  /** One send; true when the receiver has it. A probe is signed falsely. */
  readonly send: (delivery: Message & DeliveryState, is_probe: boolean) => Promise<boolean>;
};

/** Sends messages again and again until they are taken, over a restart too; all that goes on is ended and awaited by `close`. */
export function createDeliveries<Message>({ clock, time_scale, waits_ms, save, send }: DeliveryForm<Message>) {
  const stop = new AbortController();
  const loops = new Set<Promise<void>>();

  function run(work: Promise<void>): void {
    const loop = work.finally(() => loops.delete(loop));
    loops.add(loop);
  }

  /** Sends at once, then waits by the schedule; a stop ends the waiting, never a message that is on its way. */
  async function deliver(first: Message & DeliveryState, fault: Fault | undefined): Promise<void> {
    if (fault?.kind === 'notify_delayed') await clock.sleep(fault.ms ?? 0, stop.signal);
    if (fault?.kind === 'notify_signature_probe') await send(first, true);
    let delivery = first;
    const copies = fault?.kind === 'notify_twice' ? (fault.times ?? 2) : 1;
    while (!stop.signal.aborted || (delivery.tries === 0 && fault?.kind !== 'notify_delayed')) {
      const answers = await Promise.all(Array.from({ length: delivery.tries === 0 ? copies : 1 }, () => send(delivery, false)));
      const tries = delivery.tries + 1;
      const wait_ms = (waits_ms[tries] ?? 0) / time_scale;
      const done = answers.some((taken) => taken) || tries >= waits_ms.length;
      delivery = { ...delivery, tries, next_ms: clock.now().getTime() + wait_ms, done };
      save(delivery);
      if (done) return;
      await clock.sleep(wait_ms, stop.signal);
    }
  }

  return {
    /** Writes a new message down and begins to send it. */
    begin(message: Message, fault: Fault | undefined): void {
      const delivery = { ...message, tries: 0, next_ms: clock.now().getTime(), done: false };
      save(delivery);
      run(deliver(delivery, fault));
    },
    /** After a restart: what was not taken goes on where it stood. */
    resume(deliveries: Iterable<Message & DeliveryState>): void {
      for (const delivery of deliveries) {
        if (delivery.done) continue;
        const wait_ms = delivery.next_ms - clock.now().getTime();
        run(deliver(delivery, wait_ms > 0 ? { kind: 'notify_delayed', ms: wait_ms } : undefined));
      }
    },
    /** Something that happens a little later, unless the gateway stops before. */
    later(wait_ms: number, work: () => void): void {
      run(
        clock.sleep(wait_ms / time_scale, stop.signal).then(() => {
          if (!stop.signal.aborted) work();
        }),
      );
    },
    async close(): Promise<void> {
      stop.abort();
      while (loops.size > 0) await Promise.all(loops);
    },
  };
}
