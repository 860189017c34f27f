import type { ErrorCode } from '@heliu/contract';

/** An expected "no", returned as a value by pure code; contract/errors.ts gives its status and texts. */
export type Refusal = {
  readonly refused: ErrorCode;
  /** The field of the request that caused it, as the caller wrote it: `amount_fen`, `method_options.openid`. */
  readonly param?: string;
  /** Facts that fill the message's placeholders. No secrets, no other merchant's data. */
  readonly facts?: Record<string, string | number>;
};

export function refuse(code: ErrorCode, param?: string, facts?: Refusal['facts']): Refusal {
  return { refused: code, ...(param === undefined ? {} : { param }), ...(facts === undefined ? {} : { facts }) };
}

export const isRefusal = (value: unknown): value is Refusal => typeof value === 'object' && value !== null && 'refused' in value;

/** Carries a refusal out of a service to the HTTP edge, which is the only place that catches it. */
export class RefusalError extends Error {
  override readonly name = 'RefusalError';
  readonly refusal: Refusal;
  constructor(refusal: Refusal) {
    super(refusal.refused);
    this.refusal = refusal;
  }
}

/** Gives the value on, or throws the refusal to the edge. */
export function orThrow<T>(value: T | Refusal): T {
  if (isRefusal(value)) throw new RefusalError(value);
  return value;
}
