/**
 * What the SDK needs of the world, in one place: any runtime with fetch and WebCrypto has it (Node 20, Deno, Bun, workers).
 * Everything else of the SDK takes time, randomness and the network from here.
 */
export type Runtime = {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly randomBytes: (length: number) => Uint8Array;
  /** Resolves after the time, or early when the signal is aborted; it never rejects. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** A signal that is aborted after the time or with its parent. `clear` frees the timer and the listener. */
  readonly deadline: (ms: number, parent?: AbortSignal) => Deadline;
};

export type Deadline = { readonly signal: AbortSignal; readonly expired: () => boolean; readonly clear: () => void };

export const defaultRuntime: Runtime = {
  // Looked up at each call, so that a test or a tracer that replaces the global is seen.
  fetch: (url, init) => globalThis.fetch(url, init),
  now: () => Date.now(),
  randomBytes: (length) => globalThis.crypto.getRandomValues(new Uint8Array(length)),
  sleep,
  deadline,
};

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done);
  });
}

function deadline(ms: number, parent?: AbortSignal): Deadline {
  const controller = new AbortController();
  let expired = false;
  const timer = setTimeout(() => {
    expired = true;
    controller.abort();
  }, ms);
  const follow = () => controller.abort(parent?.reason);
  if (parent?.aborted) follow();
  else parent?.addEventListener('abort', follow);
  return {
    signal: controller.signal,
    expired: () => expired,
    clear: () => {
      clearTimeout(timer);
      parent?.removeEventListener('abort', follow);
    },
  };
}
