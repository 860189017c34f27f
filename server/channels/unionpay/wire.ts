import { formatShanghaiCompact, parseShanghaiCompact } from '../../kernel/time.ts';
import type { Account, Ask, Env, Local, Settled, Step, Trust, Verdict, WireAnswer, WireRequest } from '../define.ts';
import { type Config, type Endpoint, endpointOf, keysOf, signMethodOf } from './config.ts';
import { busy_codes, type CodeTable, success_code, too_often_code } from './errors.ts';
import { encodeForm, parseAnswer } from './message.ts';
import { type Fields, messageToSign, signWithSecureKey } from './sign.ts';
import { verifyFields } from './trust.ts';

/** The gateway knows an order by its number and its time, which is when we made it. */
export const txnTime = (at: Date): string => formatShanghaiCompact(at);

/** What every request says of who asks. */
export function commonFields({ config }: Account<Config>): Record<string, string> {
  const { mer_id, sub_mer_id, sub_mer_name, sub_mer_abbr } = config;
  return {
    version: '5.1.0',
    encoding: 'UTF-8',
    signMethod: signMethodOf(config),
    accessType: sub_mer_id === undefined ? '0' : '2',
    merId: mer_id,
    ...(sub_mer_id === undefined ? {} : { subMerId: sub_mer_id, subMerName: sub_mer_name ?? '', subMerAbbr: sub_mer_abbr ?? '' }),
  };
}

/** Signs the fields and hands them on complete. */
export function signed<T>(fields: Readonly<Record<string, string>>, { config }: Account<Config>, then: (fields: Fields) => T): Step<T> {
  const method = signMethodOf(config);
  const unsigned = new Map(Object.entries(fields).filter(([, value]) => value !== ''));
  if (method !== '01') return then(new Map([...unsigned, ['signature', signWithSecureKey(unsigned, config.secure_key?.expose() ?? '', method)]]));
  const { own, cert_id } = keysOf(config);
  unsigned.set('certId', cert_id);
  return {
    sign: { message: messageToSign(unsigned), key: own, digest: 'sha256' },
    // biome-ignore lint/suspicious/noThenProperty: the name is the interface's; a Signable goes to the client, which never awaits it.
    then: (signature) => then(new Map([...unsigned, ['signature', signature]])),
  };
}

/** A server-to-server call. */
export const post = <Fact>(endpoint: Endpoint, fields: Readonly<Record<string, string>>, account: Account<Config>): Step<WireRequest | Local<Settled<Fact>>> =>
  postTo(endpointOf(account.config, endpoint), fields, account);

export function postTo<Fact>(
  { origin, path }: { readonly origin: string; readonly path: string },
  fields: Readonly<Record<string, string>>,
  account: Account<Config>,
): Step<WireRequest | Local<Settled<Fact>>> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded;charset=utf-8' };
  return signed(fields, account, (complete): WireRequest => ({ method: 'POST', origin, path, headers, body: encodeForm(complete) }));
}

export const verifyAnswer = ({ status, body }: WireAnswer, { config }: Account<Config>, _trust: Trust, env: Env): Verdict =>
  status === 200 ? verifyFields(parseAnswer(body), config, env) : 'invalid';

/** The fields of a verified answer. Throws when it is about another order, or has no response code. */
export function readAnswer({ body }: WireAnswer, orderId: string): Fields {
  const fields = parseAnswer(body);
  if (!fields) throw new Error('the answer is no list of fields');
  if (required(fields, 'orderId') !== orderId) throw new Error('the answer is about another order');
  required(fields, 'respCode');
  return fields;
}

export function required(fields: Fields, name: string): string {
  const value = fields.get(name);
  if (value === undefined || value === '') throw new Error(`${name} is missing`);
  return value;
}

/** Nothing is settled by this code, and why. */
export function asks(code: string): Ask {
  const why = code === too_often_code ? 'rate_limited' : busy_codes.has(code) ? 'server_error' : 'unlisted';
  return { is: 'ask', why, detail: `respCode ${code.slice(0, 8)}` };
}

export type Refused = Extract<Settled<{ is: 'refused'; reason: RefusedReason; channel_code: string; channel_message?: string }>, { is: 'refused' }>;
type RefusedReason = Extract<CodeTable[string], { final: 'no' }>['reason'];

/** A listed final no in our words; anything else settles nothing. */
export function refusalOf(code: string, message: string | undefined, codes: CodeTable): Refused | Ask {
  const entry = Object.hasOwn(codes, code) ? codes[code] : undefined;
  if (entry?.final !== 'no') return asks(code);
  return { is: 'refused', reason: entry.reason, channel_code: code, ...(message === undefined ? {} : { channel_message: message.slice(0, 256) }) };
}

/** Settled here, before anything was sent. */
export const refusedHere = (channel_code: string, channel_message: string) =>
  ({ local: { is: 'refused', reason: 'configuration_error', channel_code, channel_message } }) as const;

export const isAccepted = (fields: Fields): boolean => fields.get('respCode') === success_code;

const half_year_ms = 183 * 86_400_000;

/**
 * When the gateway booked a transaction: `traceTime`, month to second by the clock of Beijing, in the year nearest to `txnTime`. The
 * gateway does not say when the payer confirmed.
 */
export function bookedAt(fields: Fields): Date {
  const sent = required(fields, 'txnTime');
  const sent_at = parseShanghaiCompact(sent);
  if (!sent_at) throw new Error('txnTime is no time');
  const booked = fields.get('traceTime') ?? '';
  const year = Number(sent.slice(0, 4));
  const near = [year, year + 1, year - 1]
    .map((each) => parseShanghaiCompact(`${each}${booked}`))
    .find((at) => at !== undefined && Math.abs(at.getTime() - sent_at.getTime()) < half_year_ms);
  return near ?? sent_at;
}
