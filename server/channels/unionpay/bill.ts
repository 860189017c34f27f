import { inflateSync } from 'node:zlib';
import { bill_bytes_max } from '../../kernel/limits.ts';
import type { Fen } from '../../kernel/money.ts';
import { addMs, parseShanghaiCompact } from '../../kernel/time.ts';
import {
  type Adjustments,
  type Bill,
  type BillInput,
  type BillLine,
  type BillLink,
  type BillParser,
  BillProblem,
  type BillSubject,
  dayStart,
  nextDay,
} from '../bill.ts';
import type { Operation, Settled } from '../define.ts';
import { type Config, fileEndpointOf, identity } from './config.ts';
import { parseAnswer } from './message.ts';
import { clearingDay } from './refund.ts';
import { asks, commonFields, isAccepted, postTo, required, txnTime, verifyAnswer } from './wire.ts';

/**
 * 对账文件 by 文件传输: a zip with the detail file ZM, its adjustments ZME and a summary for people (RD2010). ZM and ZME are fixed-width
 * GBK, one space between the fields, widths in bytes. ZM holds no totals; the layout of RD2010 is confirmed nowhere, so it is not read.
 * @see https://open.unionpay.com 《平台接入接口规范-第3部分-文件接口》
 */

const hour_ms = 3_600_000;
const no_file_code = '98';

/** Asks for the file of a clearing day; the answer holds it. */
const link: Operation<Config, BillInput, BillLink> = {
  retry: 'same_key',
  request: ({ biz_date }, account, env) => {
    const fields = { ...commonFields(account), txnType: '76', txnSubType: '01', bizType: '000000', fileType: '00', txnTime: txnTime(env.now) };
    return postTo<BillLink>(fileEndpointOf(account.config), { ...fields, settleDate: biz_date.slice(5).replace('-', '') }, account);
  },
  verify: verifyAnswer,
  outcome: ({ body }, { biz_date }, { config }, env): Settled<BillLink> => {
    const fields = parseAnswer(body) ?? new Map<string, string>();
    const code = required(fields, 'respCode');
    // "No file" is also the answer before it is made: believed from noon of the next day on.
    if (code === no_file_code) return { is: env.now.getTime() >= dayStart(nextDay(biz_date)).getTime() + 12 * hour_ms ? 'empty' : 'not_ready' };
    if (!isAccepted(fields)) return asks(code);
    if (required(fields, 'merId') !== config.mer_id) throw new Error('the file is of another merchant');
    if (required(fields, 'settleDate') !== biz_date.slice(5).replace('-', '')) throw new Error('the file is of another day');
    const packed = Buffer.from(required(fields, 'fileContent'), 'base64');
    return { is: 'file', bytes: inflateSync(packed, { maxOutputLength: bill_bytes_max }) };
  },
};

/** Name and width of each field of a ZM line, in their order. */
const zm_fields = [
  ['txnCode', 3],
  ['agentInsCode', 11],
  ['sendInsCode', 11],
  ['traceNo', 6],
  ['txnTransTime', 10],
  ['accNo', 19],
  ['txnAmt', 12],
  ['mcc', 4],
  ['termType', 2],
  ['queryId', 21],
  ['payTypeOld', 2],
  ['orderId', 32],
  ['payCardType', 2],
  ['origTraceNo', 6],
  ['origTxnTransTime', 10],
  ['merFee', 13],
  ['settleAmt', 13],
  ['payType', 4],
  ['groupMerId', 15],
  ['txnType', 2],
  ['txnSubType', 2],
  ['bizType', 6],
  ['accType', 2],
  ['billType', 4],
  ['billNo', 32],
  ['interactMode', 1],
  ['origQryId', 21],
  ['merId', 15],
  ['splitMode', 1],
  ['subMerId', 15],
  ['subMerAbbr', 32],
  ['subMerSettleAmt', 13],
  ['netSettleAmt', 13],
  ['termId', 8],
  ['merReserved', 32],
  ['discountAmt', 13],
  ['invoiceAmt', 13],
  ['instalAddFee', 12],
  ['instalTerms', 2],
  ['txnMedia', 1],
  ['origOrderIdAndReserved', 131],
] as const;
export type ZmField = (typeof zm_fields)[number][0];
export type ZmRow = Readonly<Record<ZmField, string>>;
type Fields = readonly (readonly [name: string, width: number])[];
const widthOf = (fields: Fields): number => fields.reduce((sum, [, width]) => sum + width + 1, -1);
export const zm_width = widthOf(zm_fields);

/** A character of GBK has two bytes, of ASCII one. */
const bytesOf = (character: string): number => (character < '\u0080' ? 1 : 2);

/** Cuts a line by bytes: a field may be blank, and a name may be Chinese. Throws `BillProblem`. */
export function readZmLine(text: string, line: number): ZmRow {
  const values = cutLine(text, zm_fields, line);
  const row: Partial<Record<ZmField, string>> = {};
  for (const [at, [name]] of zm_fields.entries()) row[name] = values[at] as string;
  return row as ZmRow;
}

/** The fields of a line with one space between them, widths in bytes. */
function cutLine(text: string, fields: Fields, line: number): readonly string[] {
  const values: string[] = [];
  const characters = [...text];
  let next = 0;
  for (const [index, [name, width]] of fields.entries()) {
    if (index > 0 && characters[next++] !== ' ') throw new BillProblem(`no space stands before ${name}`, line);
    let value = '';
    let bytes = 0;
    while (bytes < width) {
      const character = characters[next++];
      if (character === undefined) throw new BillProblem(`the line ends within ${name}`, line);
      value += character;
      bytes += bytesOf(character);
    }
    if (bytes > width) throw new BillProblem(`${name} ends within a character`, line);
    values.push(value);
  }
  if (next !== characters.length) throw new BillProblem('the line is longer than its fields', line);
  return values;
}

/** Writes a line from its fields; those that are left out are blank. */
export const writeZmLine = (row: Partial<Record<ZmField, string>>): string =>
  joinLine(
    zm_fields,
    zm_fields.map(([name]) => row[name] ?? ''),
  );

function joinLine(fields: Fields, values: readonly string[]): string {
  return fields
    .map(([name, width], at) => {
      const value = values[at] ?? '';
      const bytes = [...value].reduce((sum, character) => sum + bytesOf(character), 0);
      if (bytes > width) throw new Error(`${name} is longer than ${width}`);
      return value + ' '.repeat(width - bytes);
    })
    .join(' ');
}

/**
 * ZME 差错明细: the widths are those of UnionPay's own examples in five languages; what the columns mean is confirmed nowhere, so
 * that they have numbers for names and nobody here takes anything of them for money.
 */
const zme_fields: Fields = [3, 11, 11, 6, 10, 19, 12, 4, 2, 2, 6, 10, 4, 12, 13, 13, 15, 15, 1, 12, 2, 135].map((width, at) => [`column ${at + 1}`, width]);
export const zme_width = widthOf(zme_fields);
/** Of the place and width that the card number has in ZM; it comes masked there, and here whoever wrote it. */
const zme_card_column = 5;

/** Writes a line of ZME from its first columns. */
export const writeZmeLine = (columns: readonly string[]): string => joinLine(zme_fields, columns);

const adjustments: Adjustments = {
  isOf: (name, first_line) => /^INN\d{6}88ZME_/.test(name) || isZme(first_line),
  take: (text, line) => {
    if (text.trim() === '') return undefined;
    try {
      const columns = cutLine(text, zme_fields, line).map((column, at) => (at === zme_card_column ? maskCard(column.trim()) : column.trim()));
      return { line, columns };
    } catch (error) {
      if (!(error instanceof BillProblem)) throw error;
      throw new BillProblem(`of the adjustments (ZME), whose lines have ${zme_width} bytes: ${error.reason}`, line);
    }
  },
};

const maskCard = (text: string): string => text.replace(/\d{12,}/g, (digits) => `${digits.slice(0, 6)}${'*'.repeat(digits.length - 10)}${digits.slice(-4)}`);

function isZme(first_line: string): boolean {
  try {
    return cutLine(first_line, zme_fields, 1)[0] !== '   ';
  } catch {
    return false;
  }
}

/** `C` credits the merchant, `D` debits: fen with their sign. */
function signedFen(text: string, name: ZmField, line: number): bigint {
  const match = /^([CD])(\d{12})$/.exec(text);
  if (!match) throw new BillProblem(`${name} is no amount`, line);
  return match[1] === 'C' ? BigInt(match[2] as string) : -BigInt(match[2] as string);
}

/** The time of a line has no year: the one nearest to the day of the file. */
function timeOf({ txnTransTime }: ZmRow, biz_date: string, line: number): Date {
  const year = Number(biz_date.slice(0, 4));
  const noon = addMs(dayStart(biz_date), 12 * hour_ms).getTime();
  const near = [year, year - 1, year + 1]
    .map((each) => parseShanghaiCompact(`${each}${txnTransTime}`))
    .find((at) => at !== undefined && Math.abs(at.getTime() - noon) < 183 * 24 * hour_ms);
  if (!near) throw new BillProblem('txnTransTime is no time', line);
  return near;
}

/**
 * Payments, their refunds and their undoing. The rest of the products is not ours to ask about: nothing of ours is completed by
 * it, and a person sees what it was.
 */
const kinds: Readonly<Record<string, { readonly kind: BillLine['kind']; readonly direction: BillLine['direction'] }>> = {
  '01': { kind: 'payment', direction: 'in' },
  '04': { kind: 'refund', direction: 'out' },
  '31': { kind: 'refund', direction: 'out' },
};

const present = (text: string): string | null => (text.trim() === '' ? null : text.trim());
const has_discount = /[1-9]/;

function lineOf(row: ZmRow, subject: BillSubject<Config>, line: number): BillLine {
  if (!/^\d{12}$/.test(row.txnAmt)) throw new BillProblem('txnAmt is no amount', line);
  const amount_fen = BigInt(row.txnAmt) as Fen;
  const fee_fen = -signedFen(row.merFee, 'merFee', line);
  const settled = signedFen(row.settleAmt, 'settleAmt', line);
  const { kind, direction } = kinds[row.txnType] ?? { kind: 'other' as const, direction: settled < 0n ? ('out' as const) : ('in' as const) };
  const is_back = kind === 'refund';
  // What the merchant gets is the amount less the fee, in the line itself, unless a discount stands between.
  const expected = (direction === 'in' ? amount_fen : -amount_fen) - fee_fen;
  if (kind !== 'other' && !has_discount.test(row.discountAmt) && settled !== expected) throw new BillProblem('settleAmt is not the amount less the fee', line);
  if (row.merId.trim() !== subject.config.mer_id) throw new BillProblem('the bill is of another merchant', line);
  const sub = /^0*$/.test(row.subMerId.trim()) ? '' : ` ${row.subMerId.trim()}`;
  return {
    line,
    kind,
    direction,
    state: 'succeeded',
    channel_order_no: is_back ? present(row.origOrderIdAndReserved.slice(0, 32)) : present(row.orderId),
    channel_transaction_id: is_back ? present(row.origQryId) : present(row.queryId),
    channel_refund_no: is_back ? present(row.orderId) : null,
    channel_refund_id: is_back ? present(row.queryId) : null,
    flow_no: present(row.traceNo),
    amount_fen,
    // What reaches the merchant before the fee: less than the amount where a discount is the merchant's own.
    settled_fen: (direction === 'in' ? settled + fee_fen : -(settled + fee_fen)) as Fen,
    fee_millifen: fee_fen * 1000n,
    fee_rate_ppm: null,
    currency: 'CNY',
    at: timeOf(row, subject.biz_date, line),
    receiver: row.merId.trim() + sub,
  };
}

type Sum = { count: number; amount_fen: bigint };

/** Before midnight: six hours of the clearing day before, and the one hour that is the file's own. */
const evening_ms = 7 * hour_ms;

/**
 * A line's time is that of its order, which may have been paid days later; so the day of a file shows in its last line. Nothing of a
 * file can be later than the end of its clearing day. On a quiet day every order may have been made the evening before; a file of
 * that day before, given for this one, would have lines of its morning too.
 */
function parserOf(subject: BillSubject<Config>): BillParser {
  const sums: Record<'in' | 'out', Sum> = { in: { count: 0, amount_fen: 0n }, out: { count: 0, amount_fen: 0n } };
  let fees = 0n;
  const evening_from = addMs(dayStart(subject.biz_date), -evening_ms);
  let is_of_day = false;
  let is_of_evening = true;
  return {
    take(text, line) {
      if (text === '') return undefined;
      const read = lineOf(readZmLine(text, line), subject, line);
      const day = clearingDay(read.at);
      if (day > subject.biz_date) throw new BillProblem(`the line is not of ${subject.biz_date}`, line);
      is_of_day ||= day === subject.biz_date;
      is_of_evening &&= read.at >= evening_from;
      sums[read.direction].count += 1;
      sums[read.direction].amount_fen += read.amount_fen;
      fees += read.fee_millifen;
      return read;
    },
    end() {
      const lines = sums.in.count + sums.out.count;
      if (lines === 0) throw new BillProblem('the file has no line');
      if (!is_of_day && !is_of_evening) throw new BillProblem(`no line is of ${subject.biz_date}`);
      const of = ({ count, amount_fen }: Sum) => ({ count, amount_fen: amount_fen as Fen });
      return { lines, payments: of(sums.in), refunds: of(sums.out), fee_millifen: fees };
    },
  };
}

export const tradeBill: Bill<Config> = {
  link,
  // About nine to ten in the morning; the exact hour is not confirmed.
  published_after_ms: 33 * hour_ms,
  day_ends_ms: 23 * hour_ms,
  packing: 'zip',
  charset: 'gb18030',
  isDetail: isZm,
  parser: parserOf,
  adjustments,
  totals: 'none',
  fee_rounding: 'line',
  identity: (receiver) => identity({ mer_id: receiver.split(' ')[0] ?? '' }),
};

/** The other files of the archive have other widths. */
function isZm(first_line: string): boolean {
  try {
    return readZmLine(first_line, 1).merId.trim() !== '';
  } catch {
    return false;
  }
}
