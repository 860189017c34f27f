import type { Dispatcher } from 'undici';
import type { Clock } from '../../kernel/time.ts';
import { RefusedAddress } from './connector.ts';

export type ExchangeInput = {
  readonly origin: string;
  readonly path: string;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly deadline_ms: number;
  readonly answer_bytes_max: number;
  readonly partial_answer_ok: boolean;
};

export type ExchangeAnswer = { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: Buffer };
export type ExchangeFailure = {
  readonly failed: 'refused_address' | 'not_connected' | 'timeout' | 'connection_lost' | 'answer_too_large';
  readonly sent: boolean;
  readonly message: string;
};

/** Without a reason of our own, every abort would build an error with a stack: 4 % of a busy node's time (2026-11-22). */
const over = 'over';

/**
 * One request and its answer over a pool, within one deadline that counts from now: waiting for a connection, the name,
 * the handshake, sending and reading all count. Never rejects.
 *
 * `sent` is exact in one direction: when it is false, no byte of the request has left. undici tells us just before it
 * writes, and a request that we gave up while it waited for a connection is stopped at that very call.
 */
export function exchange(pool: Dispatcher, input: ExchangeInput, clock: Clock): Promise<ExchangeAnswer | ExchangeFailure> {
  return new Promise((resolve) => {
    const answered = new AbortController();
    const chunks: Buffer[] = [];
    let controller: Dispatcher.DispatchController | undefined;
    let head: Pick<ExchangeAnswer, 'status' | 'headers'> | undefined;
    let bytes = 0;
    let done = false;

    const settle = (outcome: ExchangeAnswer | ExchangeFailure) => {
      if (done) return;
      done = true;
      answered.abort(over);
      resolve(outcome);
    };
    const fail = (failed: ExchangeFailure['failed'], message: string) => {
      if (head !== undefined && input.partial_answer_ok) settle({ ...head, body: Buffer.concat(chunks) });
      else settle({ failed, sent: controller !== undefined, message });
    };
    const stop = (failed: ExchangeFailure['failed'], message: string) => {
      fail(failed, message);
      controller?.abort(new Error(message));
    };

    void clock.sleep(input.deadline_ms, answered.signal).then(() => {
      if (!done) stop('timeout', `no whole answer within ${input.deadline_ms} ms`);
    });

    pool.dispatch(
      { origin: input.origin, path: input.path, method: input.method, headers: { 'accept-encoding': 'identity', ...input.headers }, body: input.body ?? null },
      {
        onRequestStart(started) {
          if (done) started.abort(new Error('given up before it was sent'));
          else controller = started;
        },
        onResponseStart(_, status, headers) {
          head = { status, headers: flatHeaders(headers) };
        },
        onResponseData(_, chunk) {
          const room = input.answer_bytes_max - bytes;
          bytes += chunk.length;
          chunks.push(chunk.subarray(0, room));
          if (chunk.length > room) stop('answer_too_large', `the answer is longer than ${input.answer_bytes_max} bytes`);
        },
        onResponseEnd() {
          if (head !== undefined) settle({ ...head, body: Buffer.concat(chunks) });
        },
        onResponseError(_, error) {
          fail(failureOf(error, controller !== undefined), error.message);
        },
      },
    );
  });
}

function failureOf(error: Error, sent: boolean): ExchangeFailure['failed'] {
  if (error instanceof RefusedAddress) return 'refused_address';
  if (!sent) return 'not_connected';
  return 'code' in error && error.code === 'UND_ERR_HEADERS_OVERFLOW' ? 'answer_too_large' : 'connection_lost';
}

/** A header that came several times is joined as HTTP joins it. */
function flatHeaders(headers: Readonly<Record<string, string | readonly string[] | undefined>>): Readonly<Record<string, string>> {
  const flat: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name.toLowerCase()] = typeof value === 'string' ? value : value.join(', ');
  }
  return flat;
}
