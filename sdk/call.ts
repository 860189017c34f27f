import { toHex } from './bytes.ts';
import type { HeliuConnectionError, HeliuError } from './errors.ts';
import type { Runtime } from './runtime.ts';
import { type SendSettings, sendOnce } from './send.ts';

/** What can be said at one call. */
export type CallOptions = {
  /** Made by the SDK unless given. The same key and content always mean the same effect, for 30 days. */
  readonly idempotencyKey?: string;
  /** Stops the call. A write that was already sent may have taken effect. */
  readonly signal?: AbortSignal;
  /** For each try; the client's unless given. */
  readonly timeoutMs?: number;
  /** After the first try; the client's unless given. */
  readonly maxRetries?: number;
};

/** One operation, ready to be sent. `path` is already escaped. */
export type ApiRequest = {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly query?: object;
  readonly body?: object;
  /** What a true answer carries: the name in its `object` field, or a `list`. */
  readonly answers: string;
};

export type Call = <T>(request: ApiRequest, options?: CallOptions) => Promise<T>;

export type CallSettings = SendSettings & { readonly timeoutMs: number; readonly maxRetries: number };

/** Between tries at first; doubles each time, up to the second number. */
const backoff_ms = 500;
const backoff_ms_max = 8_000;
/** An answer that asks for a longer rest than this is given to the caller, who can plan better than a sleeping call. */
const retry_after_ms_max = 60_000;

/**
 * Sends a request until there is an answer. It tries again only where nothing can happen twice: reads, and writes under
 * the one idempotency key that the call got at its beginning.
 */
export function createCall(settings: CallSettings): Call {
  const { runtime } = settings;
  return async <T>(request: ApiRequest, options: CallOptions = {}): Promise<T> => {
    const idempotencyKey = request.method === 'POST' ? checkKey(options.idempotencyKey ?? newIdempotencyKey(runtime)) : undefined;
    const timeoutMs = options.timeoutMs ?? settings.timeoutMs;
    const retries_max = options.maxRetries ?? settings.maxRetries;
    for (let retries = 0; ; retries++) {
      options.signal?.throwIfAborted();
      const outcome = await sendOnce(settings, request, { idempotencyKey, timeoutMs, signal: options.signal });
      if ('value' in outcome) return outcome.value as T;
      const wait_ms = outcome.again && retries < retries_max ? restBefore(retries, outcome.error, runtime) : undefined;
      if (wait_ms === undefined) throw outcome.error;
      await runtime.sleep(wait_ms, options.signal);
    }
  };
}

/** Random inside its half, so that many callers do not come back at once. Undefined when the server asks for a long rest. */
function restBefore(retries: number, error: HeliuError | HeliuConnectionError, runtime: Runtime): number | undefined {
  const asked_ms = 'retryAfterS' in error && error.retryAfterS !== undefined ? error.retryAfterS * 1000 : 0;
  if (asked_ms > retry_after_ms_max) return undefined;
  const step = Math.min(backoff_ms * 2 ** retries, backoff_ms_max);
  const fraction = (runtime.randomBytes(1)[0] as number) / 256;
  return Math.max(asked_ms, Math.round((step * (1 + fraction)) / 2));
}

const newIdempotencyKey = (runtime: Runtime): string => `sdk-${toHex(runtime.randomBytes(16))}`;

/** The form that the API takes; refused here, because a signature over a header that is changed on its way would not verify. */
function checkKey(key: string): string {
  if (!/^[\x21-\x7e]{1,128}$/.test(key)) throw new TypeError('idempotencyKey must be 1 to 128 visible ASCII characters');
  return key;
}
