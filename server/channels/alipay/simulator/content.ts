import { addMs, bizDate, parseShanghai } from '../../../kernel/time.ts';
import { invalidParameter, type Outcome } from './outcome.ts';

/** The business content of a call, as its JSON gave it. */
export type Content = Readonly<Record<string, unknown>>;

/** Ends the reading of a content: the answer is in it. */
export class ContentError extends Error {
  override readonly name = 'ContentError';
  readonly outcome: Outcome;
  constructor(outcome: Outcome) {
    super(outcome.sub_msg ?? outcome.msg);
    this.outcome = outcome;
  }
}

const refuse = (name: string): never => {
  throw new ContentError(invalidParameter(name));
};

/** A text of at most `length_max` characters, absent or empty when not required. */
export function optionalText(content: Content, name: string, length_max: number): string | undefined {
  const value = content[name];
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string' || value.length > length_max) return refuse(name);
  return value;
}

export const text = (content: Content, name: string, length_max: number): string => optionalText(content, name, length_max) ?? refuse(name);

const order_no_form = /^[A-Za-z0-9_-]{1,64}$/;

export function orderNo(content: Content, name: string): string {
  const value = text(content, name, 64);
  return order_no_form.test(value) ? value : refuse(name);
}

const subject_forbidden = /[/=&]/;

export function subject(content: Content): string {
  const value = text(content, 'subject', 256);
  return subject_forbidden.test(value) ? refuse('subject') : value;
}

const amount_form = /^(\d{1,9})(?:\.(\d{1,2}))?$/;
const amount_fen_max = 10_000_000_000;

/** Yuan as text or number, at most two decimals, 0.01 to 100000000. */
export function amountFen(content: Content, name: string): number {
  const value = content[name];
  const match = amount_form.exec(typeof value === 'number' ? String(value) : typeof value === 'string' ? value : '');
  if (!match) return refuse(name);
  const fen = Number(match[1]) * 100 + Number((match[2] ?? '').padEnd(2, '0'));
  return fen >= 1 && fen <= amount_fen_max ? fen : refuse(name);
}

export function yuan(fen: number): string {
  return `${Math.trunc(fen / 100)}.${String(fen % 100).padStart(2, '0')}`;
}

const unit_ms = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const duration_ms_max = 15 * unit_ms.d;

function durationMs(content: Content, name: string, now: Date): number | undefined {
  const value = optionalText(content, name, 6);
  if (value === undefined) return undefined;
  // Until midnight in Beijing.
  if (value === '1c') return (parseShanghai(`${bizDate(addMs(now, unit_ms.d))} 00:00:00`)?.getTime() ?? 0) - now.getTime();
  const match = /^([1-9]\d*)([mhd])$/.exec(value);
  const ms = match ? Number(match[1]) * unit_ms[match[2] as keyof typeof unit_ms] : Number.NaN;
  return ms <= duration_ms_max ? ms : refuse(name);
}

/** When the order can no longer be paid: the absolute time wins over the durations. */
export function expiresMs(content: Content, now: Date, default_ms: number): number {
  const absolute = optionalText(content, 'time_expire', 32);
  if (absolute !== undefined) return parseShanghai(absolute)?.getTime() ?? refuse('time_expire');
  const code_ms = durationMs(content, 'qr_code_timeout_express', now);
  const order_ms = durationMs(content, 'timeout_express', now);
  return now.getTime() + Math.min(code_ms ?? Number.POSITIVE_INFINITY, order_ms ?? (code_ms === undefined ? default_ms : Number.POSITIVE_INFINITY));
}

/** Exactly one way of naming the payer. */
export function payer(content: Content): Record<string, string> {
  const names = ['buyer_id', 'buyer_open_id', 'op_buyer_open_id', 'buyer_logon_id'].filter((name) => optionalText(content, name, 128) !== undefined);
  const [name] = names;
  if (name === undefined || names.length > 1) return refuse('buyer_id');
  if (name === 'buyer_id' && !/^2088\d{12}$/.test(content[name] as string)) return refuse(name);
  return { [name === 'op_buyer_open_id' ? 'buyer_open_id' : name]: content[name] as string };
}
