import { PassThrough, type Readable } from 'node:stream';
import type { Clock } from '../kernel/time.ts';

/** Server-sent events to the pages that are open. */
export type Feed = {
  /** A stream for one page, which begins with `first`; undefined when there are too many already. */
  readonly open: (first: FeedEvent) => Readable | undefined;
  readonly publish: (event: FeedEvent) => void;
  readonly close: () => void;
};
export type FeedEvent = { readonly event: string; readonly data: unknown };

/** Browsers allow six connections to a host over HTTP/1.1; a few developers with a few pages stay below this. */
const streams_max = 50;
/** Proxies end a stream that is silent for 30 to 60 s. */
const heartbeat_ms = 20_000;
/** A page that does not read is let go rather than kept in memory; it connects again by itself. */
const unread_bytes_max = 1024 * 1024;

export function createFeed(clock: Clock): Feed {
  const streams = new Set<PassThrough>();
  const stopped = new AbortController();
  const write = (stream: PassThrough, text: string) => {
    if (stream.writableLength + stream.readableLength > unread_bytes_max) stream.destroy();
    else stream.write(text);
  };
  void beat();
  return { open, publish, close };

  function open(first: FeedEvent): Readable | undefined {
    if (streams.size >= streams_max || stopped.signal.aborted) return undefined;
    const stream = new PassThrough();
    streams.add(stream);
    stream.once('close', () => streams.delete(stream));
    write(stream, frame(first));
    return stream;
  }

  function publish(event: FeedEvent): void {
    const text = frame(event);
    for (const stream of streams) write(stream, text);
  }

  async function beat(): Promise<void> {
    for (;;) {
      await clock.sleep(heartbeat_ms, stopped.signal);
      if (stopped.signal.aborted) return;
      for (const stream of streams) write(stream, ': still here\n\n');
    }
  }

  function close(): void {
    stopped.abort();
    for (const stream of streams) stream.end();
    streams.clear();
  }
}

const frame = ({ event, data }: FeedEvent): string => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
