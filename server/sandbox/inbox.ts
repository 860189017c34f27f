import type { Clock } from '../kernel/time.ts';
import type { Feed } from './feed.ts';
import { checkWebhook, type ReceivedWebhook, type WebhookCheck } from './webhook-check.ts';

/** The demo merchant's webhook receiver: checks every message as a merchant should, keeps the last ones and shows them live. */
export type Inbox = {
  /** Keeps the message and says what to answer, and how long to wait first. */
  readonly receive: (webhook: ReceivedWebhook) => { readonly status: number; readonly delay_ms: number };
  readonly view: () => InboxView;
  readonly setAnswer: (answer: InboxAnswer) => void;
  readonly clear: () => void;
};

/** How the receiver behaves, so that a developer sees what Heliu does then: `slow` answers after Heliu has given up. */
export const inbox_answers = {
  ok: { status: 200, delay_ms: 0 },
  error: { status: 500, delay_ms: 0 },
  gone: { status: 410, delay_ms: 0 },
  slow: { status: 200, delay_ms: 20_000 },
} as const;
export type InboxAnswer = keyof typeof inbox_answers;

export type InboxMessage = {
  /** Grows with every arrival. */
  readonly no: number;
  readonly received_at: string;
  /** `webhook-id`: the same in every delivery of an event. */
  readonly event_id: string | null;
  readonly type: string | null;
  readonly check: WebhookCheck;
  readonly status: number;
  readonly delay_ms: number;
  /** How often this event had arrived before: a receiver acts on the first only. */
  readonly earlier: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};
export type InboxView = { readonly answer: InboxAnswer; readonly messages: readonly InboxMessage[] };

const messages_max = 200;
const shown_headers = ['webhook-id', 'webhook-timestamp', 'webhook-signature', 'content-type', 'user-agent'] as const;

export function createInbox(ports: { readonly clock: Clock; readonly feed: Feed; readonly secret: () => string | undefined }): Inbox {
  let answer: InboxAnswer = 'ok';
  let messages: readonly InboxMessage[] = [];
  let received = 0;
  return {
    receive,
    view: () => ({ answer, messages }),
    setAnswer: (chosen) => {
      answer = chosen;
      ports.feed.publish({ event: 'answer', data: answer });
    },
    clear: () => {
      messages = [];
      ports.feed.publish({ event: 'all', data: { answer, messages } });
    },
  };

  function receive(webhook: ReceivedWebhook) {
    const now = ports.clock.now();
    const check = checkWebhook(webhook, ports.secret(), now);
    const event_id = webhook.headers['webhook-id'] ?? null;
    // What cannot be verified is refused whatever the switch says, as a real receiver must.
    const reply = check === 'valid' ? inbox_answers[answer] : { status: 401, delay_ms: 0 };
    received += 1;
    const message: InboxMessage = {
      no: received,
      received_at: now.toISOString(),
      event_id,
      type: readType(webhook.body),
      check,
      ...reply,
      earlier: messages.filter((other) => event_id !== null && other.event_id === event_id).length,
      headers: shownHeaders(webhook.headers),
      body: webhook.body,
    };
    messages = [message, ...messages].slice(0, messages_max);
    ports.feed.publish({ event: 'message', data: message });
    return reply;
  }
}

function shownHeaders(headers: ReceivedWebhook['headers']): Record<string, string> {
  const shown: Record<string, string> = {};
  for (const name of shown_headers) {
    const value = headers[name];
    if (value !== undefined) shown[name] = value;
  }
  return shown;
}

function readType(body: string): string | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string' ? value.type : null;
  } catch {
    return null;
  }
}
