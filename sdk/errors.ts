import type { ErrorCode } from './types.gen.ts';

/**
 * Heliu answered "no". `code` says why and is for ever; `message` and `messageZh` are for people and may improve.
 * Quote `requestId` to whoever runs the installation.
 */
export class HeliuError extends Error {
  override readonly name = 'HeliuError';
  /** One of the listed codes; newer installations may know more. */
  readonly code: ErrorCode | (string & {});
  readonly messageZh: string;
  /** The field that caused it, as it was sent: `amount_fen`. */
  readonly param: string | undefined;
  readonly requestId: string | undefined;
  /** HTTP status. */
  readonly status: number;
  /** The same request may succeed later without a change. The SDK has already tried again where that is safe. */
  readonly retryable: boolean;
  /** How long to wait before the next try, when the answer said so. */
  readonly retryAfterS: number | undefined;
  readonly docUrl: string | undefined;
  /** The key that the write was sent with: pass it as `idempotencyKey` to ask for the same effect again. */
  readonly idempotencyKey: string | undefined;

  constructor(facts: HeliuErrorFacts) {
    super(`${facts.param === undefined ? '' : `${facts.param}: `}${facts.message} (${facts.code}, request ${facts.requestId ?? 'unknown'})`);
    this.code = facts.code;
    this.messageZh = facts.messageZh;
    this.param = facts.param;
    this.requestId = facts.requestId;
    this.status = facts.status;
    this.retryable = facts.retryable;
    this.retryAfterS = facts.retryAfterS;
    this.docUrl = facts.docUrl;
    this.idempotencyKey = facts.idempotencyKey;
  }
}

export type HeliuErrorFacts = {
  readonly code: string;
  readonly message: string;
  readonly messageZh: string;
  readonly status: number;
  readonly retryable: boolean;
  readonly param: string | undefined;
  readonly requestId: string | undefined;
  readonly retryAfterS: number | undefined;
  readonly docUrl: string | undefined;
  readonly idempotencyKey: string | undefined;
};

/**
 * There was no answer of Heliu's: the network failed, the time was up, or something in between answered in its place.
 * Whether a write took effect is **not known**: retrieve the object, or repeat the call with the same `idempotencyKey`.
 */
export class HeliuConnectionError extends Error {
  override readonly name = 'HeliuConnectionError';
  readonly kind: 'network' | 'timeout' | 'unreadable_answer';
  /** HTTP status of an answer that could not be read. */
  readonly status: number | undefined;
  readonly idempotencyKey: string | undefined;

  constructor(
    kind: HeliuConnectionError['kind'],
    message: string,
    facts: { status?: number | undefined; idempotencyKey?: string | undefined; cause?: unknown } = {},
  ) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.kind = kind;
    this.status = facts.status;
    this.idempotencyKey = facts.idempotencyKey;
  }
}

/** A webhook that must not be believed. Answer it with 400 and do nothing else. */
export class WebhookVerificationError extends Error {
  override readonly name = 'WebhookVerificationError';
  readonly reason: WebhookVerificationReason;

  constructor(reason: WebhookVerificationReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

export type WebhookVerificationReason =
  | 'header_missing'
  | 'header_invalid'
  | 'timestamp_too_old'
  | 'timestamp_too_new'
  | 'signature_mismatch'
  /** The signature is right and the content is not an event: a newer or foreign sender with the same secret. */
  | 'body_unreadable';
