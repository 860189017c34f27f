import { PassThrough, type Readable } from 'node:stream';
import { cashier_stream_ms_max, cashier_streams_max, cashier_streams_per_page_max, cashier_watch_ms } from '../../kernel/limits.ts';
import { watchStates } from '../../payments/checkout/service.ts';
import type { PaymentsCtx } from '../../payments/ctx.ts';
import type { Payment } from '../../payments/payment.ts';
import { stampOf } from '../page/page.ts';

/**
 * Pages that watch their payment. One look a second per merchant serves all pages of a node: a notice from the writing
 * node would cost every payment, watched or not, and this costs only while somebody looks.
 */
export type Watch = {
  /** A stream of stamps, beginning with the one that the page has; undefined when there are too many. */
  readonly open: (payment: Payment) => Readable | undefined;
  readonly close: () => void;
};

type Page = { stamp: string; readonly streams: Map<PassThrough, number> };

/** A phone on a slow line reads a line a second; who does not read is let go, and asks again. */
const unread_bytes_max = 4 * 1024;
/** Proxies end a stream that is silent for 30 to 60 s. */
const heartbeat_ms = 20_000;

export function createWatch(ctx: PaymentsCtx): Watch {
  const merchants = new Map<string, Map<string, Page>>();
  const stopped = new AbortController();
  let count = 0;
  let is_looking = false;

  function open({ merchant_id, id, ...payment }: Payment): Readable | undefined {
    if (stopped.signal.aborted || count >= cashier_streams_max) return undefined;
    const pages = merchants.get(merchant_id) ?? new Map<string, Page>();
    const page = pages.get(id) ?? { stamp: stampOf(payment), streams: new Map() };
    if (page.streams.size >= cashier_streams_per_page_max) return undefined;
    const stream = new PassThrough();
    // Whoever opens a page has just read its payment: the others hear of it now.
    tell(page, stampOf(payment));
    merchants.set(merchant_id, pages.set(id, page));
    page.streams.set(stream, ctx.clock.monotonic_ms());
    count += 1;
    stream.once('close', () => {
      count -= 1;
      page.streams.delete(stream);
      if (page.streams.size === 0 && pages.get(id) === page) pages.delete(id);
      if (pages.size === 0 && merchants.get(merchant_id) === pages) merchants.delete(merchant_id);
    });
    stream.write(frame(page.stamp));
    if (!is_looking) void look();
    return stream;
  }

  async function look(): Promise<void> {
    is_looking = true;
    let beat_ms = ctx.clock.monotonic_ms();
    while (count > 0 && !stopped.signal.aborted) {
      await ctx.clock.sleep(cashier_watch_ms, stopped.signal);
      // A database that does not answer for a moment: the pages wait as they did before.
      await Promise.all([...merchants].map(([merchant_id, pages]) => compare(merchant_id, pages).catch(() => {})));
      const now_ms = ctx.clock.monotonic_ms();
      const beats = now_ms - beat_ms >= heartbeat_ms;
      if (beats) beat_ms = now_ms;
      for (const pages of merchants.values()) for (const page of pages.values()) keep(page, now_ms, beats);
    }
    is_looking = false;
  }

  async function compare(merchant_id: string, pages: ReadonlyMap<string, Page>): Promise<void> {
    for (const payment of await watchStates(ctx, merchant_id, [...pages.keys()])) {
      const page = pages.get(payment.id);
      if (page) tell(page, stampOf(payment));
    }
  }

  function tell(page: Page, stamp: string): void {
    if (page.stamp === stamp) return;
    page.stamp = stamp;
    for (const stream of page.streams.keys()) write(stream, frame(stamp));
  }

  function keep(page: Page, now_ms: number, beats: boolean): void {
    for (const [stream, since_ms] of page.streams) {
      if (now_ms - since_ms >= cashier_stream_ms_max) stream.end();
      else if (beats) write(stream, ': still here\n\n');
    }
  }

  return {
    open,
    close: () => {
      stopped.abort();
      for (const pages of merchants.values()) for (const { streams } of pages.values()) for (const stream of streams.keys()) stream.end();
    },
  };
}

function write(stream: PassThrough, text: string): void {
  if (stream.writableLength + stream.readableLength > unread_bytes_max) stream.destroy();
  else stream.write(text);
}

const frame = (stamp: string): string => `event: stamp\ndata: ${stamp}\n\n`;
