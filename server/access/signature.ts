import { type KeyObject, verify } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { httpbis } from 'http-message-signatures';
import { type InnerList, isInnerList, parseDictionary, serializeInnerList } from 'structured-headers';
import { equalConstantTime, sha256 } from '../kernel/digest.ts';

/**
 * Request signatures: HTTP Message Signatures (RFC 9421) with Ed25519, and Content-Digest (RFC 9530). The libraries parse
 * the structured fields and write the signature base; this file says what is accepted, which is less than the RFC allows.
 * @see https://www.rfc-editor.org/rfc/rfc9421
 */
export type SignedRequest = {
  readonly method: string;
  /** How the outside reaches us: authority and scheme are ours, never those of a Host header. */
  readonly public_url: string;
  /** Path and query exactly as they came. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
};

/** What a request says of its signature. Nothing of it is proven before `isSignedBy`. */
export type SignatureClaim = {
  readonly keyid: string;
  readonly nonce: string;
  readonly created_s: number;
  readonly expires_s: number | undefined;
  /** SHA-256 that the body must have; undefined when the signature covers none. */
  readonly content_digest: Buffer | undefined;
  readonly base: string;
  readonly signature: Buffer;
};

export const isSigned = (headers: IncomingHttpHeaders): boolean => headers['signature-input'] !== undefined || headers.signature !== undefined;

/** Reads the signature of a request. Undefined when it is not one that this API accepts. */
export function readSignature(request: SignedRequest): SignatureClaim | undefined {
  try {
    return readOne(request);
  } catch {
    // The libraries throw on anything malformed, and on a covered field that is not there.
    return undefined;
  }
}

/** True when the claim's base was signed by the private half of that key. Ed25519 and nothing else, whatever the claim says. */
export const isSignedBy = (claim: SignatureClaim, public_key: KeyObject): boolean => verify(null, Buffer.from(claim.base), public_key, claim.signature);

/** True when the claim was made within the window around now and has not expired. */
export function isTimely(claim: SignatureClaim, now: Date, window_s: number): boolean {
  const now_s = now.getTime() / 1000;
  return Math.abs(now_s - claim.created_s) <= window_s && (claim.expires_s === undefined || now_s <= claim.expires_s);
}

/** True when the body is the one that was signed. A signature that covers no body was made for none. */
export const isBodyOf = (claim: SignatureClaim, body: Uint8Array): boolean =>
  claim.content_digest === undefined ? body.byteLength === 0 : equalConstantTime(sha256(body), claim.content_digest);

const signature_bytes = 64;
const nonce_form = /^[\x21-\x7e]{16,128}$/;

function readOne(request: SignedRequest): SignatureClaim | undefined {
  const inputs = parseDictionary(single(request.headers['signature-input']));
  const signatures = parseDictionary(single(request.headers.signature));
  // One signature: with two, it would be open which of them speaks for the request.
  if (inputs.size !== 1 || signatures.size !== 1) return undefined;
  const [[label, input]] = inputs as unknown as [[string, InnerList]];
  const signed = signatures.get(label);
  if (!isInnerList(input) || signed === undefined || !(signed[0] instanceof ArrayBuffer) || signed[0].byteLength !== signature_bytes) return undefined;
  const parameters = readParameters(input[1]);
  const covered = readCovered(input);
  if (!parameters || !covered || !coversEnough(covered, request.headers)) return undefined;
  return {
    ...parameters,
    content_digest: covered.has('content-digest') ? readContentDigest(request.headers) : undefined,
    base: signatureBase(request, [...covered], serializeInnerList(input)),
    signature: Buffer.from(signed[0]),
  };
}

/** Node joins repeated fields; a field that is absent is no signature. */
function single(field: string | string[] | undefined): string {
  if (typeof field !== 'string') throw new TypeError('not one field');
  return field;
}

function readParameters(parameters: InnerList[1]): Pick<SignatureClaim, 'keyid' | 'nonce' | 'created_s' | 'expires_s'> | undefined {
  const keyid = parameters.get('keyid');
  const nonce = parameters.get('nonce');
  const created_s = parameters.get('created');
  const expires_s = parameters.get('expires');
  const alg = parameters.get('alg');
  if (typeof keyid !== 'string' || typeof nonce !== 'string' || !nonce_form.test(nonce)) return undefined;
  if (!Number.isSafeInteger(created_s) || (expires_s !== undefined && !Number.isSafeInteger(expires_s))) return undefined;
  // The key decides the algorithm; a request may only agree.
  if (alg !== undefined && alg !== 'ed25519') return undefined;
  return { keyid, nonce, created_s: created_s as number, expires_s: expires_s as number | undefined };
}

/** Names of the covered components. None has parameters (`;req`, `;key=…`): each covers one whole thing, once. */
function readCovered([items]: InnerList): Set<string> | undefined {
  const names = items.map(([name, parameters]) => (typeof name === 'string' && name === name.toLowerCase() && parameters.size === 0 ? name : undefined));
  const covered = new Set(names.filter((name) => name !== undefined));
  return covered.size === items.length ? covered : undefined;
}

/** Everything that decides what a request does must be covered: method, whole target, body, idempotency key. */
function coversEnough(covered: ReadonlySet<string>, headers: IncomingHttpHeaders): boolean {
  const target = covered.has('@target-uri') || (covered.has('@path') && covered.has('@query'));
  const body = headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0';
  return (
    covered.has('@method') &&
    target &&
    (body || covered.has('content-digest')) &&
    (headers['idempotency-key'] === undefined || covered.has('idempotency-key')) &&
    !covered.has('signature') &&
    !covered.has('signature-input')
  );
}

/** The SHA-256 of a Content-Digest field; others may stand beside it. */
function readContentDigest(headers: IncomingHttpHeaders): Buffer {
  const digest = parseDictionary(single(headers['content-digest'])).get('sha-256');
  if (digest === undefined || !(digest[0] instanceof ArrayBuffer)) throw new TypeError('no sha-256 digest');
  return Buffer.from(digest[0]);
}

/** The text that is signed (RFC 9421, 2.5): a line for each covered component, then the parameters as they were sent. */
export function signatureBase(request: SignedRequest, fields: string[], parameters: string): string {
  const ours = new URL(request.public_url);
  const lines = httpbis.createSignatureBase(
    { fields, componentParser: (name) => derivedComponent(name, request, ours) },
    { method: request.method, url: ours, headers: request.headers as Record<string, string | string[]> },
  );
  lines.push(['"@signature-params"', [parameters]]);
  return httpbis.formatSignatureBase(lines);
}

/**
 * Derived components from the raw target. The library would parse and normalise the URL, so that two different targets
 * (`/a/../b`, `/b`) had one base.
 */
function derivedComponent(name: string, request: SignedRequest, { host, protocol, pathname }: URL): string[] | null {
  const [path = '', ...query] = request.target.split('?');
  switch (name) {
    case '@method':
      return [request.method];
    case '@target-uri':
      return [`${request.public_url}${request.target}`];
    case '@authority':
      return [host];
    case '@scheme':
      return [protocol.slice(0, -1)];
    case '@path':
      return [`${pathname === '/' ? '' : pathname}${path}`];
    case '@query':
      return [`?${query.join('?')}`];
    default:
      // Header fields are the library's; any other derived component is none of ours.
      if (name.startsWith('@')) throw new TypeError(`not covered here: ${name}`);
      return null;
  }
}
