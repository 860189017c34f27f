import { sha256 } from '../kernel/digest.ts';

/** The channel's own words, for the evidence behind a transition. */
export type Exchange = {
  /** SHA-256 of the raw bytes. */
  readonly digest: Buffer;
  /** The body as text, to be sealed by the caller; bytes that are not UTF-8 are written as `base64:…`. */
  readonly raw: string;
  readonly received_at: Date;
};

export const exchangeOf = (body: Buffer, received_at: Date): Exchange => ({ digest: sha256(body), raw: asText(body), received_at });

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function asText(body: Buffer): string {
  try {
    return utf8.decode(body);
  } catch {
    return `base64:${body.toString('base64')}`;
  }
}
