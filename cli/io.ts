import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';

/** What the commands need of the process: a test gives its own. */
export type Io = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** What is written to `err` is read by a person at a terminal, where a line may be written over. */
  readonly is_terminal: boolean;
  readonly readStdin: () => Promise<string>;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Resolves after the time, or early when the signal is aborted. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** A signal that Ctrl-C aborts, from now on. */
  readonly interruption: () => AbortSignal;
};

export function processIo(): Io {
  return {
    env: process.env,
    cwd: process.cwd(),
    out: (line) => void process.stdout.write(line),
    err: (line) => void process.stderr.write(line),
    is_terminal: process.stderr.isTTY === true,
    readStdin: () => text(process.stdin),
    fetch: (url, init) => fetch(url, init),
    sleep: (ms, signal) => delay(ms, undefined, { signal }).catch(() => {}),
    interruption: () => {
      const controller = new AbortController();
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort());
      return controller.signal;
    },
  };
}
