import type { Rng } from './rng.ts';

/** Crockford base 32 without I, L, O, U: upper case, safe in every channel's order number alphabet. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** Every kind of object has a three-letter prefix, so that an id names its kind wherever it turns up. */
export const id_prefixes = {
  merchant: 'mer',
  agent: 'agt',
  api_key: 'key',
  channel_account: 'acc',
  payment: 'pay',
  checkout_session: 'cks',
  attempt: 'att',
  refund: 'ref',
  evidence: 'evi',
  anomaly: 'ano',
  event: 'evt',
  webhook_endpoint: 'whe',
  delivery: 'dlv',
  posting: 'pst',
  price: 'prc',
  statement: 'stm',
  rule_set: 'rrs',
  statement_key: 'stk',
  data_key: 'dek',
  request: 'req',
  store: 'sto',
  terminal: 'ter',
  plate: 'plt',
  device: 'dev',
  shift: 'shf',
  plate_batch: 'plb',
  help_request: 'hlp',
  bill: 'bil',
  recon_exception: 'exc',
  signing_key: 'sig',
  bank_credit: 'bcr',
  bank_import: 'bim',
} as const;
export type IdKind = keyof typeof id_prefixes;

/** `pay_01JD…`: prefix, underscore, 26 characters of ULID (48 bits of milliseconds, 80 bits of randomness). */
export function newId(kind: IdKind, at: Date, rng: Rng): string {
  return `${id_prefixes[kind]}_${ulid(at, rng)}`;
}

/** The least id that an object of this kind made at this time can have: ids are in the order of their milliseconds. */
export const firstId = (kind: IdKind, at: Date): string => `${id_prefixes[kind]}_${ulidTime(at)}${'0'.repeat(16)}`;

function ulid(at: Date, rng: Rng): string {
  let tail = '';
  for (const byte of rng.bytes(16)) tail += alphabet[byte & 31];
  return ulidTime(at) + tail;
}

function ulidTime(at: Date): string {
  let time = at.getTime();
  let head = '';
  for (let i = 0; i < 10; i++) {
    head = alphabet[time % 32] + head;
    time = Math.floor(time / 32);
  }
  return head;
}

/** Six characters that name a merchant inside order numbers sent upstream. */
export function newMerchantCode(rng: Rng): string {
  let code = '';
  for (const byte of rng.bytes(6)) code += alphabet[byte & 31];
  return code;
}

/** 26 characters, 130 random bits: whoever has such a token was given it. */
export function newToken(rng: Rng): string {
  let token = '';
  for (const byte of rng.bytes(26)) token += alphabet[byte & 31];
  return token;
}

/**
 * The order number sent upstream: 32 characters [0-9A-Z], merchant code (6) and the ULID of the attempt or refund (26).
 * It is derived, never stored, so a notification names its merchant and row without a look-up.
 */
export function channelNo(merchant_code: string, id: string): string {
  return merchant_code + id.slice(4);
}

const channel_no_form = /^([0-9A-HJKMNP-TV-Z]{6})([0-9A-HJKMNP-TV-Z]{26})$/;

/** Splits an order number of ours into merchant code and ULID; undefined when it cannot be ours. */
export function readChannelNo(text: string): { merchant_code: string; ulid: string } | undefined {
  const match = channel_no_form.exec(text);
  return match ? { merchant_code: match[1] as string, ulid: match[2] as string } : undefined;
}

const id_form = /^([a-z]{3})_[0-9A-HJKMNP-TV-Z]{26}$/;

/** True when the text has the form of an id of that kind. */
export function isId(kind: IdKind, text: string): boolean {
  return id_form.exec(text)?.[1] === id_prefixes[kind];
}
