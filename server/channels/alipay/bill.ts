import { type Fen, parseYuan } from '../../kernel/money.ts';
import { parseShanghai } from '../../kernel/time.ts';
import {
  type Bill,
  type BillInput,
  type BillLine,
  type BillLink,
  type BillParser,
  BillProblem,
  type BillSubject,
  type BillTotals,
  type Columns,
  dayStart,
  isOfDay,
  nextDay,
  parseMillifen,
  readColumns,
} from '../bill.ts';
import type { Account, Env, Operation, Settled, WireRequest } from '../define.ts';
import { type Config, gatewayOf, receiver } from './config.ts';
import { bill_codes, success_code } from './errors.ts';
import { readResult, refusalOf, requestCall, textOf, verifyCall } from './wire.ts';

/**
 * Trade bills 业务明细 and account bills 账务明细: a zip of GBK text with comments before and after, totals in the last ones.
 * @see https://opendocs.alipay.com/open/02fkbn
 */

const api = 'alipay.data.dataservice.bill.downloadurl.query';
const hour_ms = 3_600_000;

const common = {
  // Made from about nine in the morning.
  published_after_ms: 33 * hour_ms,
  asks_again: true,
  packing: 'zip',
  charset: 'gb18030',
  totals: 'file',
  fee_rounding: 'line',
  download: downloadRequest,
  identity: (seller_id: string): Readonly<Record<string, string>> => ({ seller_id }),
} as const;

export const tradeBill: Bill<Config> = {
  ...common,
  link: linkOperation('trade'),
  isDetail: (first_line) => first_line.startsWith('#支付宝业务明细查询'),
  parser: (subject) => parserOf(subject, trade_format),
};

export const fundBill: Bill<Config> = {
  ...common,
  link: linkOperation('signcustomer'),
  isDetail: (first_line) => first_line.startsWith('#支付宝账务明细查询'),
  parser: (subject) => parserOf(subject, fund_format),
};

function linkOperation(bill_type: 'trade' | 'signcustomer'): Operation<Config, BillInput, BillLink> {
  return {
    retry: 'same_key',
    request: ({ biz_date }, account, env) => requestCall({ api, content: { bill_type, bill_date: biz_date } }, account, env),
    verify: verifyCall(api),
    outcome: (answer, { biz_date }, account, env): Settled<BillLink> => {
      const result = readResult(answer, api, account);
      if (result.code !== success_code) return noLink(result, biz_date, env);
      const url = textOf(result.fields, 'bill_download_url');
      if (url === undefined) throw new Error('a success without the address of the file');
      return { is: 'link', url };
    },
  };
}

/** "No data" is also the answer before the file is made: believed from noon of the next day on. */
function noLink(result: Parameters<typeof refusalOf>[0], biz_date: string, env: Env): Settled<BillLink> {
  if (result.sub_code !== undefined && no_bill_codes.has(result.sub_code)) {
    const final_at = dayStart(nextDay(biz_date)).getTime() + 12 * hour_ms;
    return { is: env.now.getTime() >= final_at ? 'empty' : 'not_ready' };
  }
  return refusalOf(result, bill_codes);
}

const no_bill_codes: ReadonlySet<string> = new Set(['NO_BILL_DATA', 'BILL_NOT_EXIST', 'isv.NO_BILL_DATA', 'isv.BILL_NOT_EXIST']);

/**
 * The address needs no credentials and dies after half a minute. The old interface gives it with plain http, over which
 * anybody on the way could write the bill: Alipay's own hosts are called with https whatever the address says.
 */
function downloadRequest(url: string, { config }: Account<Config>): WireRequest {
  const target = new URL(url);
  const is_alipay = /(^|\.)alipay\.com$/.test(target.hostname);
  if (is_alipay) target.protocol = 'https:';
  if (!is_alipay && target.origin !== gatewayOf(config).origin) throw new Error('the bill is not at the gateway');
  return { method: 'GET', origin: target.origin, path: target.pathname + target.search, headers: { accept: '*/*' } };
}

/** What tells one of the two bills from the other. */
type Format = {
  readonly title: string;
  readonly opening: RegExp;
  readonly closing: RegExp;
  readonly required: readonly (readonly string[])[];
  /** The columns that hold texts of people, in which a comma may stand without a quote. */
  readonly texts: readonly string[];
  readonly read: (row: Row, subject: BillSubject<Config>, receiver: string) => BillLine;
  /** The totals at the end: heading, and which way the lines went that it counts. */
  readonly totals: readonly { readonly form: RegExp; readonly direction: BillLine['direction'] }[];
};

type Row = { readonly columns: Columns; readonly cells: readonly string[]; readonly line: number };

const trade_format: Format = {
  title: '#支付宝业务明细查询',
  opening: /^#-+业务明细列表-+$/,
  closing: /^#-+业务明细列表结束-+$/,
  required: [['支付宝交易号'], ['商户订单号'], ['业务类型'], ['完成时间'], ['订单金额（元）'], ['商家实收（元）'], ['退款批次号/请求号'], ['服务费（元）']],
  texts: ['商品名称', '门店名称', '操作员', '券名称', '备注'],
  read: readTradeRow,
  totals: [
    { form: /^#交易合计：(\d{1,9})笔，商家实收共(-?[\d.]+)元/, direction: 'in' },
    { form: /^#退款合计：(\d{1,9})笔，商家实收退款共(-?[\d.]+)元/, direction: 'out' },
  ],
};

const fund_format: Format = {
  title: '#支付宝账务明细查询',
  opening: /^#-+账务明细列表-+$/,
  closing: /^#-+账务明细列表结束-+$/,
  required: [['账务流水号'], ['业务流水号'], ['商户订单号'], ['发生时间'], ['收入金额（+元）'], ['支出金额（-元）'], ['业务类型']],
  texts: ['商品名称', '对方账号', '备注', '业务描述'],
  read: readFundRow,
  totals: [
    { form: /^#支出合计：(\d{1,9})笔，共(-?[\d.]+)元/, direction: 'out' },
    { form: /^#收入合计：(\d{1,9})笔，共(-?[\d.]+)元/, direction: 'in' },
  ],
};

type Sum = { count: number; amount_fen: bigint; signed_fen: bigint };

function parserOf(subject: BillSubject<Config>, format: Format): BillParser {
  const expected = receiver(subject.config);
  const seen = { title: false, account: false, day: false, opened: false, closed: false };
  const totals_seen = new Set<Format['totals'][number]>();
  let columns: Columns | undefined;
  let fees = 0n;
  const sums: Record<BillLine['direction'], Sum> = { in: { count: 0, amount_fen: 0n, signed_fen: 0n }, out: { count: 0, amount_fen: 0n, signed_fen: 0n } };

  function takeRow(text: string, line: number): BillLine {
    const heading = columns as Columns;
    const row: Row = { columns: heading, cells: cellsOf(text, heading, format.texts, line), line };
    const read = format.read(row, subject, expected);
    const sum = sums[read.direction];
    sum.count += 1;
    sum.amount_fen += read.amount_fen;
    sum.signed_fen += read.direction === 'in' ? read.settled_fen : -read.settled_fen;
    fees += read.fee_millifen;
    return read;
  }

  function takeComment(text: string, line: number): void {
    if (!seen.title) {
      if (text !== format.title) throw new BillProblem('the file is not a bill of this kind', line);
      seen.title = true;
      return;
    }
    const account = /^#账号：\[(\d{16})\d{4}\]/.exec(text);
    if (account) {
      if (account[1] !== expected) throw new BillProblem('the bill is of another account', line);
      seen.account = true;
    }
    const days = /^#起始日期：\[(\d{4})年(\d\d)月(\d\d)日 00:00:00\] +终止日期：\[(\d{4})年(\d\d)月(\d\d)日 00:00:00\]/.exec(text);
    if (days) {
      const [from, to] = [days.slice(1, 4).join('-'), days.slice(4, 7).join('-')];
      if (from !== subject.biz_date || to !== nextDay(subject.biz_date))
        throw new BillProblem(`the bill is of ${from} to ${to}, not of ${subject.biz_date}`, line);
      seen.day = true;
    }
    if (format.opening.test(text)) seen.opened = true;
    if (format.closing.test(text)) seen.closed = true;
    for (const total of format.totals) {
      const match = total.form.exec(text);
      if (match) checkTotal(total, Number(match[1]), parseYuan(match[2] as string), line);
    }
  }

  function checkTotal(total: Format['totals'][number], count: number, amount: Fen | undefined, line: number): void {
    if (!seen.closed || totals_seen.has(total)) throw new BillProblem('a total stands where none can be', line);
    const sum = sums[total.direction];
    if (count !== sum.count) throw new BillProblem(`the total counts ${count} lines, the file has ${sum.count}`, line);
    if (amount !== sum.signed_fen) throw new BillProblem('the total is not the sum of the lines', line);
    totals_seen.add(total);
  }

  return {
    take(raw, line) {
      const text = raw.trimEnd();
      if (text === '') return undefined;
      if (text.startsWith('#')) {
        takeComment(text, line);
        return undefined;
      }
      if (!seen.title || !seen.account || !seen.day || !seen.opened || seen.closed) throw new BillProblem('a line stands outside the list', line);
      if (columns) return takeRow(raw, line);
      columns = readColumns(raw.split(','), format.required, line);
      return undefined;
    },
    end(): BillTotals {
      if (!columns || !seen.closed) throw new BillProblem('the file ends before its list does');
      if (totals_seen.size < format.totals.length) throw new BillProblem('the file ends before its totals');
      const of = ({ count, amount_fen }: Sum) => ({ count, amount_fen: amount_fen as Fen });
      return { lines: sums.in.count + sums.out.count, payments: of(sums.in), refunds: of(sums.out), fee_millifen: fees };
    },
  };
}

/**
 * The cells of a line. Nothing is quoted, so a comma in a text makes one cell too many: the cells before the first text
 * and after the last one are counted from both ends, and the rest is one text where only one way of joining is possible.
 * Files that went through a spreadsheet do quote, and are read so when that gives the right number.
 */
function cellsOf(raw: string, columns: Columns, texts: readonly string[], line: number): readonly string[] {
  const plain = raw.split(',');
  if (plain.length === columns.count) return plain.map(cleaned);
  const quoted = raw.includes('"') ? splitQuoted(raw) : undefined;
  if (quoted?.length === columns.count) return quoted.map(cleaned);
  const surplus = plain.length - columns.count;
  if (surplus < 0) throw new BillProblem(`${plain.length} values under ${columns.count} columns`, line);
  const joined = texts
    .flatMap((name) => columns.at(name) ?? [])
    .map((at) => [...plain.slice(0, at), plain.slice(at, at + surplus + 1).join(','), ...plain.slice(at + surplus + 1)].map(cleaned))
    .filter((cells) => fits(cells, columns));
  const [first, ...others] = joined;
  // Which text the comma is in does not matter where all that is read is the same.
  if (!first || others.some((cells) => read_names.some((name) => at(cells, columns, name) !== at(first, columns, name))))
    throw new BillProblem(`${plain.length} values under ${columns.count} columns`, line);
  return first;
}

const at = (cells: readonly string[], columns: Columns, name: string): string | undefined => {
  const index = columns.at(name);
  return index === undefined ? undefined : cells[index];
};

/** What is read of a line: it must have its form, whatever the texts between hold. */
const times = ['创建时间', '完成时间', '发生时间'];
const amounts = ['订单金额（元）', '商家实收（元）', '服务费（元）', '收入金额（+元）', '支出金额（-元）'];
const read_names = ['支付宝交易号', '商户订单号', '业务类型', '退款批次号/请求号', '账务流水号', '业务流水号', ...times, ...amounts];

function fits(cells: readonly string[], columns: Columns): boolean {
  const every = (names: readonly string[], form: RegExp) =>
    names.every((name) => form.test(at(cells, columns, name) ?? (columns.at(name) === undefined ? '0' : '')) || columns.at(name) === undefined);
  return every(times, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/) && every(amounts, /^-?\d+(\.\d+)?$/);
}

/** Tabs keep spreadsheets from rounding long numbers. */
const cleaned = (cell: string): string => {
  const trimmed = cell.trim();
  return trimmed.length >= 2 && trimmed.startsWith('"') && trimmed.endsWith('"') ? trimmed.slice(1, -1).replaceAll('""', '"').trim() : trimmed;
};

/** One line of CSV with quotes; undefined when a quote is not closed. */
function splitQuoted(raw: string): string[] | undefined {
  const cells: string[] = [];
  let cell = '';
  let inside = false;
  for (const character of raw) {
    if (character === '"') inside = !inside;
    if (character === ',' && !inside) {
      cells.push(cell);
      cell = '';
    } else cell += character;
  }
  return inside ? undefined : [...cells, cell];
}

function text(row: Row, name: string): string {
  const value = at(row.cells, row.columns, name);
  if (value === undefined) throw new BillProblem(`${name} is missing`, row.line);
  return value;
}

function yuan(row: Row, name: string): Fen {
  const amount = parseYuan(text(row, name));
  if (amount === undefined) throw new BillProblem(`${name} is not an amount`, row.line);
  return amount;
}

function instant(row: Row, name: string, biz_date: string): Date {
  const time = parseShanghai(text(row, name));
  if (!time) throw new BillProblem(`${name} is not a time`, row.line);
  if (!isOfDay(time, biz_date)) throw new BillProblem(`the line is not of ${biz_date}`, row.line);
  return time;
}

const numberOf = (value: string): string | null => (value === '' ? null : value);

function readTradeRow(row: Row, { biz_date }: BillSubject<Config>, seller_id: string): BillLine {
  const type = text(row, '业务类型');
  if (type !== '交易' && type !== '退款') throw new BillProblem('业务类型 is neither 交易 nor 退款', row.line);
  const is_payment = type === '交易';
  const sign = is_payment ? 1n : -1n;
  const amount_fen = (yuan(row, '订单金额（元）') * sign) as Fen;
  const settled_fen = (yuan(row, '商家实收（元）') * sign) as Fen;
  if (amount_fen < 0n || settled_fen < 0n) throw new BillProblem(`an amount of a ${is_payment ? 'payment' : 'refund'} has the wrong sign`, row.line);
  const fee = parseMillifen(text(row, '服务费（元）'));
  if (fee === undefined) throw new BillProblem('服务费（元） is not an amount', row.line);
  return {
    line: row.line,
    kind: is_payment ? 'payment' : 'refund',
    direction: is_payment ? 'in' : 'out',
    state: 'succeeded',
    channel_order_no: numberOf(text(row, '商户订单号')),
    channel_transaction_id: numberOf(text(row, '支付宝交易号')),
    channel_refund_no: is_payment ? null : numberOf(text(row, '退款批次号/请求号')),
    channel_refund_id: null,
    flow_no: null,
    amount_fen,
    settled_fen,
    // A charge is negative in the file.
    fee_millifen: -fee,
    fee_rate_ppm: null,
    currency: 'CNY',
    at: instant(row, '完成时间', biz_date),
    receiver: seller_id,
  };
}

const fund_kinds: Readonly<Record<string, BillLine['kind']>> = {
  在线支付: 'payment',
  交易付款: 'payment',
  交易退款: 'refund',
  收费: 'fee',
  提现: 'withdrawal',
  交易分账: 'split',
};

function readFundRow(row: Row, { biz_date }: BillSubject<Config>, seller_id: string): BillLine {
  const income = yuan(row, '收入金额（+元）');
  const spent = yuan(row, '支出金额（-元）');
  if (income < 0n || spent > 0n || (income !== 0n && spent !== 0n)) throw new BillProblem('a line is either income or expense', row.line);
  const direction = spent === 0n ? 'in' : 'out';
  const amount_fen = (direction === 'in' ? income : -spent) as Fen;
  return {
    line: row.line,
    kind: fund_kinds[text(row, '业务类型')] ?? 'other',
    direction,
    state: 'succeeded',
    channel_order_no: numberOf(text(row, '商户订单号')),
    channel_transaction_id: numberOf(text(row, '业务流水号')),
    channel_refund_no: null,
    channel_refund_id: null,
    flow_no: numberOf(text(row, '账务流水号')),
    amount_fen,
    settled_fen: amount_fen,
    fee_millifen: 0n,
    fee_rate_ppm: null,
    currency: 'CNY',
    at: instant(row, '发生时间', biz_date),
    receiver: seller_id,
  };
}
