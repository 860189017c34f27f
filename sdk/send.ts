import { toHex, utf8 } from './bytes.ts';
import type { ApiRequest } from './call.ts';
import { HeliuConnectionError, HeliuError } from './errors.ts';
import type { Runtime } from './runtime.ts';
import type { Signer } from './signature.ts';

export type SendSettings = {
  readonly runtime: Runtime;
  /** Scheme, host and perhaps a path, without a slash at the end. */
  readonly baseUrl: string;
  readonly userAgent: string;
  readonly auth: { readonly apiKey: string } | { readonly signer: Signer };
};

type Try = { readonly idempotencyKey: string | undefined; readonly timeoutMs: number; readonly signal: AbortSignal | undefined };

/** `again` says whether the same request may be sent once more without harm and with some hope. */
type Outcome = { readonly value: unknown } | { readonly again: boolean; readonly error: HeliuError | HeliuConnectionError };

/** A page of 100 payments is under 500 KB. */
const answer_chars_max = 8 * 1024 * 1024;

/** One try. Throws only when the caller's signal stopped it, or when there is nothing that could be sent. */
export async function sendOnce(settings: SendSettings, request: ApiRequest, { idempotencyKey, timeoutMs, signal }: Try): Promise<Outcome> {
  const url = new URL(`${settings.baseUrl}${request.path}${queryText(request.query)}`).href;
  const body = request.body === undefined ? undefined : JSON.stringify(request.body);
  const headers = await headersOf(settings, { method: request.method, url, body, idempotencyKey });
  const deadline = settings.runtime.deadline(timeoutMs, signal);
  try {
    // A redirect is never followed: the key belongs to this host alone.
    const response = await settings.runtime.fetch(url, {
      method: request.method,
      headers,
      redirect: 'manual',
      signal: deadline.signal,
      ...(body === undefined ? {} : { body }),
    });
    const text = await readText(response);
    return readAnswer(request, response, text, idempotencyKey, settings.runtime);
  } catch (cause) {
    if (signal?.aborted) throw signal.reason;
    return { again: true, error: connectionError(settings.baseUrl, deadline.expired() ? timeoutMs : undefined, idempotencyKey, cause) };
  } finally {
    deadline.clear();
  }
}

async function headersOf(settings: SendSettings, request: { method: string; url: string; body: string | undefined; idempotencyKey: string | undefined }) {
  const { auth, runtime } = settings;
  return {
    accept: 'application/json',
    'user-agent': settings.userAgent,
    ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(request.idempotencyKey === undefined ? {} : { 'idempotency-key': request.idempotencyKey }),
    ...('apiKey' in auth
      ? { authorization: `Bearer ${auth.apiKey}` }
      : await auth.signer({
          method: request.method,
          url: request.url,
          body: utf8(request.body ?? ''),
          idempotencyKey: request.idempotencyKey,
          created_s: Math.floor(runtime.now() / 1000),
          // Fresh at every try: the server takes a nonce once.
          nonce: toHex(runtime.randomBytes(16)),
        })),
  };
}

function queryText(query: object | undefined): string {
  const pairs = Object.entries(query ?? {}).filter(([, value]) => value !== undefined);
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs.map(([name, value]): [string, string] => [name, String(value)]))}`;
}

async function readText(response: Response): Promise<string> {
  if (!response.body) return '';
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    text += decoder.decode(value, { stream: true });
    if (text.length > answer_chars_max) {
      await reader.cancel();
      throw new RangeError('the answer is longer than any answer of Heliu');
    }
  }
}

/** Only what has the form of the answer that was promised counts as one: a page of a proxy or a captive portal does not. */
function readAnswer(request: ApiRequest, response: Response, text: string, idempotencyKey: string | undefined, runtime: Runtime): Outcome {
  const { status } = response;
  const json = parseObject(text);
  if (status >= 200 && status < 300 && json && isPromised(json, request.answers)) return { value: json };
  const error = status >= 400 && json ? readError(json, response, idempotencyKey, runtime) : undefined;
  if (error) return { again: retriedStatus(status) ? error.retryable : error.code === 'request_in_progress', error };
  return {
    again: retriedStatus(status) || (status >= 200 && status < 300),
    error: new HeliuConnectionError(
      'unreadable_answer',
      `the answer to ${request.method} ${request.path} (HTTP ${status}) is not one of Heliu's: check baseUrl and any proxy`,
      {
        status,
        idempotencyKey,
      },
    ),
  };
}

const retriedStatus = (status: number): boolean => status === 429 || status >= 500;

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

const isPromised = (json: Record<string, unknown>, answers: string): boolean => (answers === 'list' ? Array.isArray(json.data) : json.object === answers);

function readError(json: Record<string, unknown>, response: Response, idempotencyKey: string | undefined, runtime: Runtime): HeliuError | undefined {
  const error = json.error as Record<string, unknown> | undefined;
  if (typeof error !== 'object' || error === null || typeof error.code !== 'string') return undefined;
  const textOf = (name: string) => (typeof error[name] === 'string' ? error[name] : undefined);
  return new HeliuError({
    code: error.code,
    message: textOf('message') ?? error.code,
    messageZh: textOf('message_zh') ?? textOf('message') ?? error.code,
    param: textOf('param'),
    requestId: textOf('request_id'),
    docUrl: textOf('doc_url'),
    retryable: error.retryable === true,
    status: response.status,
    retryAfterS: retryAfterS(response.headers.get('retry-after'), runtime),
    idempotencyKey,
  });
}

/** Seconds, or the time as an HTTP date. */
function retryAfterS(header: string | null, runtime: Runtime): number | undefined {
  if (header === null) return undefined;
  if (/^\d{1,9}$/.test(header)) return Number(header);
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - runtime.now()) / 1000));
}

function connectionError(baseUrl: string, timeoutMs: number | undefined, idempotencyKey: string | undefined, cause: unknown): HeliuConnectionError {
  const origin = new URL(baseUrl).origin;
  if (timeoutMs !== undefined) return new HeliuConnectionError('timeout', `no answer from ${origin} within ${timeoutMs} ms`, { idempotencyKey });
  if (cause instanceof RangeError) return new HeliuConnectionError('unreadable_answer', cause.message, { idempotencyKey });
  return new HeliuConnectionError('network', `could not reach ${origin}: ${reasonOf(cause)}`, { idempotencyKey, cause });
}

/** fetch says "fetch failed" and keeps the reason in `cause`. */
function reasonOf(error: unknown): string {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(inner instanceof Error)) return 'the connection failed';
  return 'code' in inner && typeof inner.code === 'string' ? inner.code : inner.message;
}
