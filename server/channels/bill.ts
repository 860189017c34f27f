import type { Fen } from '../kernel/money.ts';
import { addMs, bizDate } from '../kernel/time.ts';
import type { Account, Operation, Step, WireRequest } from './define.ts';

/** `trade` 业务账单: every payment and refund of a day. `fund` 资金账单: every movement of the merchant's balance. */
export const bill_kinds = ['trade', 'fund'] as const;
export type BillKind = (typeof bill_kinds)[number];

/** A line of a bill in our words. Amounts are positive; `direction` and `kind` say which way the money went. */
export type BillLine = {
  /** The line of the file, from one. */
  readonly line: number;
  readonly kind: 'payment' | 'refund' | 'reversal' | 'fee' | 'split' | 'withdrawal' | 'other';
  readonly direction: 'in' | 'out';
  /** Bills are not updated later: a refund that was under way that day stays `pending` in it. */
  readonly state: 'succeeded' | 'pending' | 'failed';
  /** The number that we gave the order. */
  readonly channel_order_no: string | null;
  readonly channel_transaction_id: string | null;
  /** The number that we gave the refund. */
  readonly channel_refund_no: string | null;
  readonly channel_refund_id: string | null;
  /** The channel's own number of a movement of the balance. */
  readonly flow_no: string | null;
  /** What the order or refund is worth; of a fund bill, what the balance moved by. */
  readonly amount_fen: Fen;
  /** What of it counts for the merchant after the channel's own discounts. */
  readonly settled_fen: Fen;
  /** In thousandths of a fen, since channels write up to five decimals of a yuan. Positive: charged; negative: given back. */
  readonly fee_millifen: bigint;
  /** The rate that the line names, in millionths. */
  readonly fee_rate_ppm: number | null;
  readonly currency: string;
  readonly at: Date;
  /** Whose money it was, in the form of the channel's `receiver`. */
  readonly receiver: string;
};

/** What a whole file adds up to, compared with what the file says of itself before anything of it is believed. */
export type BillTotals = {
  readonly lines: number;
  readonly payments: BillSum;
  readonly refunds: BillSum;
  readonly fee_millifen: bigint;
};
export type BillSum = { readonly count: number; readonly amount_fen: Fen };

/** What a file is held against: whose it must be and of which day. */
export type BillSubject<Config = unknown> = { readonly config: Config; readonly biz_date: string };

/** Takes the lines of one file in their order. Pure: whoever reads the file gives it the text. */
export type BillParser = {
  /** One line without its end. Gives what it stands for; headings and summaries give nothing. Throws `BillProblem`. */
  readonly take: (text: string, line: number) => BillLine | undefined;
  /** The file is over: throws unless it was whole and adds up to its own summary. */
  readonly end: () => BillTotals;
};

/** A line of an archive that has no place in our words: its columns as they stand, for a person. */
export type BillAdjustment = {
  /** The line of its own file, from one. */
  readonly line: number;
  readonly columns: readonly string[];
};

/** A file beside the bill, of errors that the channel set right: 差错明细. Nothing of it is taken for money here. */
export type Adjustments = {
  /** Which entry of the archive it is; the name is not decoded. */
  readonly isOf: (name: string, first_line: string) => boolean;
  /** One line without its end; a blank one gives nothing. Throws `BillProblem`. */
  readonly take: (text: string, line: number) => BillAdjustment | undefined;
};

/** Why a file is refused, all of it. `line` counts from one; absent where the file as a whole is meant. */
export class BillProblem extends Error {
  override readonly name = 'BillProblem';
  readonly line: number | undefined;
  readonly reason: string;
  constructor(reason: string, line?: number) {
    super(line === undefined ? reason : `line ${line}: ${reason}`);
    this.line = line;
    this.reason = reason;
  }
}

/** A kind of bill that a channel publishes: how it is asked for, fetched and read. */
export type Bill<Config> = {
  /** Where the day's file is, or that there is none. */
  readonly link: Operation<Config, BillInput, BillLink>;
  /** The request for the file itself; refuses an address that is not the gateway's by throwing. Absent where the answer holds the file. */
  readonly download?: (url: string, account: Account<Config>, env: { readonly now: Date; readonly nonce: string }) => Step<WireRequest>;
  /** When the channel's own day ends, after the day's midnight in Beijing; at the next midnight unless told. */
  readonly day_ends_ms?: number;
  /** From when on, after the day's midnight in Beijing, the file may be there. */
  readonly published_after_ms: number;
  /** Whether asking again for a file that was given does no harm, by the channel's own pages. Absent: it is asked for once. */
  readonly asks_again?: boolean;
  readonly packing: 'gzip' | 'zip' | 'none';
  readonly charset: 'utf-8' | 'gb18030';
  /** Of the files of an archive, the one whose first line this takes. */
  readonly isDetail: (first_line: string) => boolean;
  readonly parser: (subject: BillSubject<Config>) => BillParser;
  /** Of the files of an archive, the one for persons, where the channel gives one. */
  readonly adjustments?: Adjustments;
  /** `none`: the file says nothing of its own sum, so that only its lines and the checksums of its archive hold it together. */
  readonly totals: 'file' | 'none';
  /** How the channel rounds its fee: on each line by itself, or once on the sum of the day. */
  readonly fee_rounding: 'line' | 'batch';
  /** What the shared verifier compares with the account, from a line's receiver. */
  readonly identity: (receiver: string) => Readonly<Record<string, string>>;
};

export type BillInput = { readonly biz_date: string };

/** What the gateway says of a day's bill. */
export type BillLink =
  | { readonly is: 'link'; readonly url: string; readonly digest?: BillDigest }
  /** The answer holds the file itself. */
  | { readonly is: 'file'; readonly bytes: Buffer; readonly digest?: BillDigest }
  /** There is none and will be none: nothing happened that day. */
  | { readonly is: 'empty' }
  | { readonly is: 'not_ready' }
  | { readonly is: 'refused'; readonly reason: string; readonly channel_code: string; readonly channel_message?: string }
  | { readonly is: 'unknown'; readonly cause: string; readonly detail?: string };

/** Hex, in lower case; of the file unpacked, or as it was sent. */
export type BillDigest = { readonly algorithm: 'sha1'; readonly hex: string };

/** Midnight in Beijing at which the day begins. */
export const dayStart = (biz_date: string): Date => new Date(`${biz_date}T00:00:00+08:00`);
const day_ms = 86_400_000;
export const nextDay = (biz_date: string): string => bizDate(addMs(dayStart(biz_date), day_ms));
export const previousDay = (biz_date: string): string => bizDate(addMs(dayStart(biz_date), -day_ms));

/** Clocks of a channel's systems differ by minutes around midnight; anything further away is the bill of another day. */
const day_slack_ms = 30 * 60_000;

/** Is this the time of something of that day? */
export function isOfDay(at: Date, biz_date: string): boolean {
  const offset_ms = at.getTime() - dayStart(biz_date).getTime();
  return offset_ms >= -day_slack_ms && offset_ms < day_ms + day_slack_ms;
}

const micro_form = /^(-?)(\d{1,15})(?:\.(\d{1,5})0*)?$/;

/** Yuan with up to five decimals as thousandths of a fen; undefined for any other text. */
export function parseMillifen(text: string): bigint | undefined {
  const match = micro_form.exec(text);
  if (!match) return undefined;
  const value = BigInt(match[2] as string) * 100_000n + BigInt((match[3] ?? '').padEnd(5, '0'));
  return match[1] === '-' ? -value : value;
}

/** `0.60%` as millionths: 6000. */
export function parseRatePpm(text: string): number | undefined {
  const match = /^(\d{1,3})(?:\.(\d{1,4}))?%$/.exec(text);
  return match ? Number(match[1]) * 10_000 + Number((match[2] ?? '').padEnd(4, '0')) : undefined;
}

/** Thousandths of a fen to fen, half away from zero. */
export function roundMillifen(value: bigint): Fen {
  const magnitude = value < 0n ? -value : value;
  const rounded = (magnitude + 500n) / 1000n;
  return (value < 0n ? -rounded : rounded) as Fen;
}

/** Columns by their names, so that appended and moved ones do no harm. */
export type Columns = { readonly count: number; readonly at: (name: string) => number | undefined };

/** Reads a heading; every one of `required` must be there, any one name of a group, and no name twice. */
export function readColumns(names: readonly string[], required: readonly (readonly string[])[], line: number): Columns {
  const index = new Map<string, number>();
  for (const [at, raw] of names.entries()) {
    const name = raw.trim();
    if (name !== '' && index.has(name)) throw new BillProblem(`the column ${name} stands there twice`, line);
    index.set(name, at);
  }
  for (const group of required) if (!group.some((name) => index.has(name))) throw new BillProblem(`the column ${group[0]} is missing`, line);
  return { count: names.length, at: (name) => index.get(name) };
}
