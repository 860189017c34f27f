import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { addMs, bizDate, formatShanghai } from '../../../kernel/time.ts';
import { dayStart, previousDay } from '../../bill.ts';
import { type BillErrors, type BillRow, simulatedFee } from '../../kit/bill-rows.ts';
import type { Faults } from '../../kit/faults.ts';
import { GatewayError } from './gateway-error.ts';
import { openidOf } from './ledger.ts';
import type { CallInput } from './v3.ts';
import type { Merchant, Order, Refund, World } from './world.ts';

/** Bills as the gateway writes them: from its own ledger, the day after, with all the marks of real files. */
export type Bills = {
  readonly link: (input: CallInput, kind: 'trade' | 'fund') => Record<string, unknown>;
  readonly file: (merchant: Merchant, token: string) => Buffer;
};

const hour_ms = 3_600_000;
/** Bills are there from ten in the morning, and an address lives five minutes. */
const ready_after_ms = 34 * hour_ms;
const address_life_ms = 5 * 60_000;

type Made = { readonly mchid: string; readonly bytes: Buffer; readonly until_ms: number };

export function createBills(world: World, faults: Faults, errors: BillErrors): Bills {
  const made = new Map<string, Made>();

  function link({ merchant, query }: CallInput, kind: 'trade' | 'fund'): Record<string, unknown> {
    const biz_date = query.get('bill_date') ?? '';
    if (!/^\d{4}-\d\d-\d\d$/.test(biz_date) || Number.isNaN(dayStart(biz_date).getTime())) throw new GatewayError('PARAM_ERROR', '账单日期格式不正确');
    const age_ms = world.now_ms() - dayStart(biz_date).getTime();
    if (age_ms < 24 * hour_ms || age_ms > 92 * 24 * hour_ms) throw new GatewayError('INVALID_REQUEST', '账单日期不在可申请范围内');
    if (age_ms < ready_after_ms || faults.take('bill', ['bill_not_ready'])) throw new GatewayError('STATEMENT_CREATING');
    const sub_mchid = query.get('sub_mchid') ?? undefined;
    const rows = rowsOf(world, errors, { merchant, sub_mchid, biz_date });
    if (rows.length === 0) throw new GatewayError('NO_STATEMENT_EXIST');
    const text = kind === 'trade' ? tradeText(merchant, sub_mchid, rows, errors, query.get('bill_type') ?? 'ALL') : fundText(merchant, rows, errors);
    const whole = Buffer.from(errors.has('bare') ? text.replaceAll('\r\n', '\n') : `\ufeff${text}`);
    const bytes = errors.has('truncated') ? whole.subarray(0, Math.floor(whole.length / 2)) : whole;
    const token = world.hex(64);
    made.set(token, { mchid: merchant.mchid, bytes: query.get('tar_type') === 'GZIP' ? gzipSync(bytes) : bytes, until_ms: world.now_ms() + address_life_ms });
    const digest = createHash('sha1').update(bytes).digest('hex');
    return {
      hash_type: 'SHA1',
      hash_value: errors.has('digest') ? digest.replace(/^./, (first) => (first === '0' ? '1' : '0')) : digest,
      download_url: `${world.ports.base_url}/v3/billdownload/file?token=${token}`,
    };
  }

  function file(merchant: Merchant, token: string): Buffer {
    const found = made.get(token);
    if (!found || found.until_ms < world.now_ms()) throw new GatewayError('INVALID_REQUEST', '账单下载地址已失效');
    if (found.mchid !== merchant.mchid) throw new GatewayError('NO_AUTH');
    return found.bytes;
  }

  return { link, file };
}

type Wanted = { readonly merchant: Merchant; readonly sub_mchid: string | undefined; readonly biz_date: string };

function rowsOf(world: World, errors: BillErrors, wanted: Wanted): readonly BillRow[] {
  const orders = [...world.tables.order.values()].filter(
    (order) => order.mchid === wanted.merchant.mchid && (wanted.sub_mchid === undefined || order.sub_mchid === wanted.sub_mchid),
  );
  const of = (biz_date: string) => orders.flatMap((order) => rowsOfOrder(world, order)).filter(({ at_ms }) => bizDate(new Date(at_ms)) === biz_date);
  const rows = errors.apply({ before: of(previousDay(wanted.biz_date)), day: of(wanted.biz_date) }, (no, kind) => extraRow(world, wanted, no, kind));
  return rows.toSorted((a, b) => a.at_ms - b.at_ms);
}

function rowsOfOrder(world: World, order: Order): BillRow[] {
  const { transaction_id, paid_ms } = order;
  if (transaction_id === undefined || paid_ms === undefined) return [];
  const base = {
    order_no: order.out_trade_no,
    transaction_id,
    method: order.trade_type,
    subject: order.description,
    currency: 'CNY',
    refund_no: '',
    refund_id: '',
  };
  const payment: BillRow = { ...base, kind: 'payment', amount_fen: order.total, fee_fen: simulatedFee(order.total), at_ms: paid_ms, state: 'succeeded' };
  const ids = world.index.refunds.get(order.id) ?? [];
  const refunds = [...ids].flatMap((id) => world.tables.refund.get(id) ?? []).map((refund) => refundRow(base, refund));
  return [payment, ...refunds];
}

const refund_states = { SUCCESS: 'succeeded', PROCESSING: 'pending', ABNORMAL: 'pending', CLOSED: 'failed' } as const;

function refundRow(base: Pick<BillRow, 'order_no' | 'transaction_id' | 'method' | 'subject' | 'currency'>, refund: Refund): BillRow {
  const { out_refund_no, refund_id, amount, created_ms, state } = refund;
  const is_reversal = out_refund_no.startsWith('REVOKED');
  return {
    ...base,
    kind: is_reversal ? 'reversal' : 'refund',
    refund_no: is_reversal ? base.order_no : out_refund_no,
    refund_id,
    amount_fen: amount,
    fee_fen: -simulatedFee(amount),
    at_ms: created_ms,
    state: refund_states[state],
  };
}

/** Noon of the day, so that nothing of it depends on when the bill is asked for. A refund is of the order that it names. */
function extraRow(world: World, { merchant, sub_mchid, biz_date }: Wanted, no: string, kind: 'payment' | 'refund'): BillRow | undefined {
  const id = `${sub_mchid ?? merchant.mchid}/${no}`;
  const order = world.tables.order.get(id);
  if (kind === 'refund' && (!order?.paid_ms || bizDate(new Date(order.paid_ms)) !== biz_date)) return undefined;
  if (kind === 'payment' && order?.paid_ms !== undefined) return undefined;
  const amount_fen = order?.total ?? 100;
  return {
    kind,
    order_no: no,
    transaction_id: order?.transaction_id ?? `4299${world.digits(24)}`,
    refund_no: kind === 'refund' ? `X${world.digits(20)}` : '',
    refund_id: kind === 'refund' ? `5039${world.digits(24)}` : '',
    amount_fen,
    fee_fen: kind === 'refund' ? -simulatedFee(amount_fen) : simulatedFee(amount_fen),
    at_ms: addMs(dayStart(biz_date), 12 * hour_ms).getTime(),
    method: 'NATIVE',
    subject: 'Extra',
    state: 'succeeded',
    currency: 'CNY',
  };
}

const yuan = (fen: number): string => `${fen < 0 ? '-' : ''}${Math.floor(Math.abs(fen) / 100)}.${String(Math.abs(fen) % 100).padStart(2, '0')}`;
/** What merchants wrote, as the file holds it: the separator and line ends cannot stand in it. */
const escaped = (text: string): string => text.replaceAll(',', '\\ ').replaceAll('\n', '\\n');
const valuesLine = (values: readonly string[]): string => `${values.map((value) => `\`${value}`).join(',')}\r\n`;

const all_columns =
  '交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注'.split(
    ',',
  );
const of_refunds = ['微信退款单号', '商户退款单号', '退款金额', '充值券退款金额', '退款类型', '退款状态', '申请退款金额'];
const refund_times = ['退款申请时间', '退款成功时间'];
const columns_of: Readonly<Record<string, readonly string[]>> = {
  ALL: all_columns,
  SUCCESS: all_columns.filter((name) => !of_refunds.includes(name)),
  REFUND: [...all_columns.slice(0, 14), ...refund_times, ...all_columns.slice(14)],
};

const bill_states = { succeeded: 'SUCCESS', pending: 'PROCESSING', failed: 'FAIL' } as const;

function tradeText(merchant: Merchant, sub_mchid: string | undefined, all: readonly BillRow[], errors: BillErrors, bill_type: string): string {
  const columns = columns_of[bill_type];
  if (!columns) throw new GatewayError('PARAM_ERROR', '账单类型不正确');
  const rows = all.filter(({ kind }) => bill_type === 'ALL' || (kind === 'payment') === (bill_type === 'SUCCESS'));
  const appended = errors.has('columns') ? ['新增列'] : [];
  const lines = rows.map((row) => {
    const values = valuesOf(merchant, sub_mchid, row);
    return valuesLine([...columns.map((name) => values[name] ?? ''), ...appended.map(() => 'x,y')]);
  });
  const sum = (of: (row: BillRow) => number) => rows.reduce((total, row) => total + of(row), 0);
  const paid = sum((row) => (row.kind === 'payment' ? row.amount_fen : 0)) + (errors.has('summary') ? 1 : 0);
  const refunded = sum((row) => (row.kind === 'payment' ? 0 : row.amount_fen));
  const summary = [String(rows.length), yuan(paid), yuan(refunded), '0.00', `${yuan(sum((row) => row.fee_fen))}000`, yuan(paid), yuan(refunded)];
  const heading = '总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额\r\n';
  return `${[...columns, ...appended].join(',')}\r\n${lines.join('')}${heading}${valuesLine(summary)}`;
}

function valuesOf(merchant: Merchant, sub_mchid: string | undefined, row: BillRow): Readonly<Record<string, string>> {
  const is_payment = row.kind === 'payment';
  const time = formatShanghai(new Date(row.at_ms));
  const appid = merchant.appids[0] ?? '';
  const amount = yuan(row.amount_fen);
  return {
    交易时间: time,
    公众账号ID: appid,
    商户号: merchant.mchid,
    特约商户号: row.receiver === undefined ? (sub_mchid ?? '0') : '1600000009',
    微信订单号: row.transaction_id,
    商户订单号: row.order_no,
    用户标识: openidOf(appid, undefined),
    交易类型: row.method,
    交易状态: is_payment ? 'SUCCESS' : row.kind === 'refund' ? 'REFUND' : 'REVOKED',
    付款银行: 'OTHERS',
    货币种类: row.currency,
    应结订单金额: is_payment ? amount : '0.00',
    代金券金额: '0.00',
    退款申请时间: time,
    退款成功时间: time,
    微信退款单号: is_payment ? '0' : row.refund_id,
    商户退款单号: is_payment ? '0' : row.refund_no,
    退款金额: is_payment ? '0.00' : amount,
    充值券退款金额: '0.00',
    退款类型: is_payment ? '' : 'ORIGINAL',
    退款状态: is_payment ? '' : bill_states[row.state],
    商品名称: escaped(row.subject),
    手续费: `${yuan(row.fee_fen)}000`,
    费率: '0.60%',
    订单金额: is_payment ? amount : '0.00',
    申请退款金额: is_payment ? '0.00' : amount,
  };
}

const fund_heading = '记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号';

/** The balance after each movement: the payment, its fee, the refund with the share of the fee that comes back. */
function fundText(merchant: Merchant, rows: readonly BillRow[], errors: BillErrors): string {
  let balance = 1_000_000;
  let flow = 0;
  const sum = { 收入: { count: 0, fen: 0 }, 支出: { count: 0, fen: 0 } };
  const movement = (row: BillRow, name: string, way: '收入' | '支出', fen: number, id: string, voucher: string): string => {
    balance += way === '收入' ? fen : -fen;
    sum[way].count += 1;
    sum[way].fen += fen;
    flow += 1;
    const time = formatShanghai(new Date(row.at_ms));
    const note = name === '退款' ? `退款总金额${yuan(row.amount_fen)}元;含手续费${yuan(Math.abs(row.fee_fen))}元` : '';
    return valuesLine([time, id, `${row.transaction_id}${flow}`, name, name, way, yuan(fen), yuan(balance), `${merchant.mchid}API`, note, voucher]);
  };
  const lines = rows
    .filter(({ state }) => state !== 'failed')
    .flatMap((row) => {
      if (row.kind !== 'payment') return [movement(row, '退款', '支出', row.amount_fen + row.fee_fen, row.refund_id, row.refund_no)];
      const paid = movement(row, '交易', '收入', row.amount_fen, row.transaction_id, row.order_no);
      const fee = row.fee_fen === 0 ? [] : [movement(row, '扣除交易手续费', '支出', row.fee_fen, row.transaction_id, row.order_no)];
      const split = errors.strikes('split', row.order_no)
        ? [movement(row, '分账', '支出', Math.floor(row.amount_fen / 10), row.transaction_id, row.order_no)]
        : [];
      return [paid, ...fee, ...split];
    });
  const all = sum.收入.count + sum.支出.count;
  const income = sum.收入.fen + (errors.has('summary') ? 1 : 0);
  const summary = [String(all), String(sum.收入.count), yuan(income), String(sum.支出.count), yuan(sum.支出.fen)];
  return `${fund_heading}\r\n${lines.join('')}资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额\r\n${valuesLine(summary)}`;
}
