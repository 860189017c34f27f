import { readRetryAfter } from './schedule.ts';

/** What came of one send, as the way out tells it. */
export type SendResult =
  | { readonly is: 'answer'; readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: Buffer }
  | { readonly is: 'no_answer'; readonly cause: 'refused_address' | 'not_connected' | 'timeout' | 'connection_lost' | 'answer_too_large' };

export type Verdict =
  | { readonly is: 'delivered'; readonly status: number }
  /** The receiver says that nobody will ever want this again. */
  | { readonly is: 'gone'; readonly status: number; readonly error: string }
  | {
      readonly is: 'failed';
      readonly status: number | null;
      /** For the merchant to read. */
      readonly error: string;
      readonly retry_after_ms: number | undefined;
      /** The receiver itself is in trouble, so other sends will hardly fare better. */
      readonly unhealthy: boolean;
    };

/** Fixed sentences: an address that may not be called, above all, tells nothing about what lives there. */
const no_answer = {
  refused_address: 'The URL leads to an address that may not be called.',
  not_connected: 'No connection could be made: name, port, TLS or certificate.',
  timeout: 'There was no answer in time.',
  connection_lost: 'The connection was lost before the answer.',
  answer_too_large: "The answer's headers are too long.",
} as const;

/** Standard Webhooks: 2xx acknowledges, 410 unsubscribes, everything else is sent again. */
export function judge(result: SendResult, now: Date): Verdict {
  if (result.is === 'no_answer') return { is: 'failed', status: null, error: no_answer[result.cause], retry_after_ms: undefined, unhealthy: true };
  const { status, headers, body } = result;
  if (status >= 200 && status < 300) return { is: 'delivered', status };
  const error = errorText(status, body);
  if (status === 410) return { is: 'gone', status, error };
  const unhealthy = status >= 500 || status === 429 || status === 408;
  return { is: 'failed', status, error, retry_after_ms: readRetryAfter(headers['retry-after'], now), unhealthy };
}

/** How much of an answer a merchant sees: enough to recognise an error page. */
const excerpt_length_max = 200;

function errorText(status: number, body: Buffer): string {
  if (status >= 300 && status < 400) return `HTTP ${status}: redirects are not followed.`;
  const text = excerpt(body);
  return text === '' ? `HTTP ${status}` : `HTTP ${status}: ${text}`;
}

/** Plain text on one line: no control characters, nothing that turns or hides text, no broken characters. */
function excerpt(body: Buffer): string {
  const text = body
    .subarray(0, excerpt_length_max * 4)
    .toString('utf8')
    .toWellFormed();
  const plain = text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}\uFFFD]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return [...plain].slice(0, excerpt_length_max).join('');
}
