import iconv from 'iconv-lite';
import { addMs, bizDate, type Clock, formatShanghai } from '../../../kernel/time.ts';
import { dayStart, nextDay, previousDay } from '../../bill.ts';
import { type BillErrors, type BillRow, simulatedFee } from '../../kit/bill-rows.ts';
import type { Faults } from '../../kit/faults.ts';
import { writeZip } from '../../kit/zip.ts';
import { type Content, text } from './content.ts';
import type { Ledger, Trade } from './ledger.ts';
import { businessFailure, type Outcome, success } from './outcome.ts';
import type { Caller } from './trades.ts';

/** Bills as Alipay writes them: a zip of two GBK files with totals in their last comments, from the gateway's own ledger. */

const hour_ms = 3_600_000;
const ready_after_ms = 33 * hour_ms;
/** The file says when it was made, in the small hours, however often it is fetched. */
const made_after_ms = 5.78 * hour_ms;
/** The address of a file dies this soon. */
const address_life_ms = 30_000;

export function createBills(clock: Clock, ledger: Ledger, faults: Faults, errors: BillErrors, baseUrl: () => string) {
  const made = new Map<string, { readonly bytes: Buffer; readonly until_ms: number }>();
  const now_ms = () => clock.now().getTime();

  /** alipay.data.dataservice.bill.downloadurl.query */
  function link({ pid }: Caller, content: Content): Outcome {
    const bill_type = text(content, 'bill_type', 20);
    const biz_date = text(content, 'bill_date', 15);
    if (bill_type !== 'trade' && bill_type !== 'signcustomer') return businessFailure('TYPE_NOT_SUPPORTED');
    if (!/^\d{4}-\d\d-\d\d$/.test(biz_date) || Number.isNaN(dayStart(biz_date).getTime())) return businessFailure('INVAILID_ARGUMENTS');
    if (now_ms() < dayStart(biz_date).getTime() + ready_after_ms || faults.take('bill', ['bill_not_ready'])) return businessFailure('NO_BILL_DATA');
    const rows = rowsOf(pid, biz_date);
    if (rows.length === 0) return businessFailure('NO_BILL_DATA');
    const token = ledger.newToken();
    made.set(token, { bytes: archive(pid, biz_date, bill_type === 'trade' ? tradeText : fundText, rows), until_ms: now_ms() + address_life_ms });
    return success({ bill_download_url: `${baseUrl()}/downloadBillFile.resource?token=${token}` });
  }

  function rowsOf(pid: string, biz_date: string): readonly BillRow[] {
    const trades = ledger.trades().filter((trade) => trade.pid === pid);
    const of = (day: string) => trades.flatMap(rowsOfTrade).filter(({ at_ms }) => bizDate(new Date(at_ms)) === day);
    const extra = (no: string, kind: 'payment' | 'refund') => extraRow(ledger, pid, biz_date, no, kind);
    return errors.apply({ before: of(previousDay(biz_date)), day: of(biz_date) }, extra).toSorted((a, b) => a.at_ms - b.at_ms);
  }

  function archive(pid: string, biz_date: string, write: typeof tradeText, rows: readonly BillRow[]): Buffer {
    const { detail, summary, name } = write(pid, biz_date, rows, errors, addMs(dayStart(nextDay(biz_date)), made_after_ms));
    const whole = iconv.encode(errors.has('bare') ? detail.replaceAll('\r\n', '\n') : detail, 'gbk');
    const cut = errors.has('truncated') ? whole.subarray(0, Math.floor(whole.length / 2)) : whole;
    const prefix = `${pid}0156_${biz_date.replaceAll('-', '')}_${name}`;
    return writeZip([
      { name: iconv.encode(`${prefix}(汇总).csv`, 'gbk'), bytes: iconv.encode(summary, 'gbk') },
      { name: iconv.encode(`${prefix}.csv`, 'gbk'), bytes: cut },
    ]);
  }

  return {
    link,
    /** The file behind an address, while the address lives. */
    file: (token: string): Buffer | undefined => {
      const found = made.get(token);
      return found && found.until_ms >= now_ms() ? found.bytes : undefined;
    },
  };
}
export type Bills = ReturnType<typeof createBills>;

function rowsOfTrade(trade: Trade): BillRow[] {
  if (trade.paid_ms === undefined || trade.trade_no === undefined) return [];
  const base = {
    order_no: trade.out_trade_no,
    transaction_id: trade.trade_no,
    method: trade.method,
    subject: trade.subject,
    currency: 'CNY',
    refund_no: '',
    refund_id: '',
    state: 'succeeded' as const,
  };
  const payment: BillRow = { ...base, kind: 'payment', amount_fen: trade.amount_fen, fee_fen: simulatedFee(trade.amount_fen), at_ms: trade.paid_ms };
  const refunds = trade.refunds
    .filter(({ state }) => state === 'succeeded')
    .map(({ out_request_no, amount_fen, at_ms }): BillRow => {
      return { ...base, kind: 'refund', refund_no: out_request_no, amount_fen, fee_fen: -simulatedFee(amount_fen), at_ms };
    });
  return [payment, ...refunds];
}

function extraRow(ledger: Ledger, pid: string, biz_date: string, no: string, kind: 'payment' | 'refund'): BillRow | undefined {
  const trade = ledger.find(pid, no);
  if (kind === 'refund' && (trade?.paid_ms === undefined || bizDate(new Date(trade.paid_ms)) !== biz_date)) return undefined;
  if (kind === 'payment' && trade?.paid_ms !== undefined) return undefined;
  const amount_fen = trade?.amount_fen ?? 100;
  return {
    kind,
    order_no: no,
    transaction_id: trade?.trade_no ?? `${biz_date.replaceAll('-', '')}22009${no.replace(/\D/g, '').slice(0, 8).padEnd(15, '7')}`,
    refund_no: kind === 'refund' ? `X${no.slice(-20)}` : '',
    refund_id: '',
    amount_fen,
    fee_fen: kind === 'refund' ? -simulatedFee(amount_fen) : simulatedFee(amount_fen),
    at_ms: addMs(dayStart(biz_date), 12 * hour_ms).getTime(),
    method: 'alipay_qr',
    subject: 'Extra',
    state: 'succeeded',
    currency: 'CNY',
  };
}

const yuan = (fen: number): string => `${fen < 0 ? '-' : ''}${Math.floor(Math.abs(fen) / 100)}.${String(Math.abs(fen) % 100).padStart(2, '0')}`;
const rule = (before: number, name: string, after: number): string => `#${'-'.repeat(before)}${name}${'-'.repeat(after)}`;
const chineseTime = (at: Date): string => formatShanghai(at).replace(/^(\d{4})-(\d\d)-(\d\d)/, '$1年$2月$3日');
const lines = (...texts: readonly string[]): string => texts.map((line) => `${line}\r\n`).join('');

const head = (title: string, pid: string, biz_date: string): readonly string[] => [
  title,
  `#账号：[${pid}0156]`,
  `#起始日期：[${chineseTime(dayStart(biz_date))}]   终止日期：[${chineseTime(dayStart(nextDay(biz_date)))}]`,
];

const trade_columns =
  '支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注';

type Written = { readonly detail: string; readonly summary: string; readonly name: string };

function tradeText(pid: string, biz_date: string, rows: readonly BillRow[], errors: BillErrors, now: Date): Written {
  const extra = errors.has('columns') ? ',新增列' : '';
  const body = rows.map((row) => {
    const is_payment = row.kind === 'payment';
    const amount = yuan(is_payment ? row.amount_fen : -row.amount_fen);
    const time = formatShanghai(new Date(row.at_ms));
    const ids = `${row.transaction_id}\t,${row.order_no}\t,${is_payment ? '交易' : '退款'}\t`;
    const money = `${amount},${amount},0.00,0.00,0.00,0.00,0.00,,0.00\t,0.00`;
    return `${ids},${row.subject},${time},${time},\t,\t,\t,\t,*某(138****0000)\t,${money},${row.refund_no}\t,${yuan(-row.fee_fen)},0.00,${extra && ',x'}`;
  });
  const sum = (of: readonly BillRow[]) => of.reduce((total, row) => total + row.amount_fen, 0);
  const [paid, refunded] = [rows.filter(({ kind }) => kind === 'payment'), rows.filter(({ kind }) => kind !== 'payment')];
  const fees = rows.reduce((total, row) => total + row.fee_fen, 0);
  const detail = lines(
    ...head('#支付宝业务明细查询', pid, biz_date),
    rule(41, '业务明细列表', 40),
    trade_columns + extra,
    ...body,
    rule(41, '业务明细列表结束', 36),
    `#交易合计：${paid.length}笔，商家实收共${yuan(sum(paid) + (errors.has('summary') ? 1 : 0))}元，商家优惠共0.00元`,
    `#退款合计：${refunded.length}笔，商家实收退款共${yuan(-sum(refunded))}元，商家优惠退款共0.00元`,
    `#导出时间：[${chineseTime(now)}]`,
  );
  const net = yuan(sum(paid) - sum(refunded) - fees);
  const totals = `${paid.length},${refunded.length},${yuan(sum(paid))},${yuan(sum(paid))},0.00,0.00,0.00,${yuan(-fees)},0.00,${net}`;
  const summary = lines(
    ...head('#支付宝业务汇总查询', pid, biz_date),
    rule(41, '业务汇总列表', 40),
    '门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,商家实收（元）,支付宝优惠（元）,商家优惠（元）,卡消费金额（元）,服务费（元）,分润（元）,实收净额（元）',
    `\t,\t,${totals}`,
    `合计,,${totals}`,
    rule(40, '业务汇总列表结束', 37),
    `#导出时间：[${chineseTime(now)}]`,
  );
  return { detail, summary, name: '业务明细' };
}

function fundText(pid: string, biz_date: string, rows: readonly BillRow[], errors: BillErrors, now: Date): Written {
  let balance = 1_000_000;
  let flow = 0;
  const sum = { in: { count: 0, fen: 0 }, out: { count: 0, fen: 0 } };
  const movement = (row: BillRow, type: string, fen: number): string => {
    balance += fen;
    const way = fen > 0 ? 'in' : 'out';
    sum[way].count += 1;
    sum[way].fen += fen;
    flow += 1;
    const ids = `${biz_date.replaceAll('-', '')}${String(flow).padStart(6, '0')}\t,${row.transaction_id}\t,${row.order_no}\t,${row.subject}\t`;
    const time = formatShanghai(new Date(row.at_ms));
    return `${ids},${time},*某(138****0000)\t,${yuan(Math.max(fen, 0))},${yuan(Math.min(fen, 0))},${yuan(balance)},支付宝,${type},`;
  };
  const body = rows.flatMap((row) => {
    if (row.kind !== 'payment') return [movement(row, '交易退款', -(row.amount_fen + row.fee_fen))];
    return [movement(row, '交易付款', row.amount_fen), ...(row.fee_fen === 0 ? [] : [movement(row, '收费', -row.fee_fen)])];
  });
  const detail = lines(
    ...head('#支付宝账务明细查询', pid, biz_date),
    rule(41, '账务明细列表', 40),
    '账务流水号,业务流水号,商户订单号,商品名称,发生时间,对方账号,收入金额（+元）,支出金额（-元）,账户余额（元）,交易渠道,业务类型,备注',
    ...body,
    rule(40, '账务明细列表结束', 37),
    `#支出合计：${sum.out.count}笔，共${yuan(sum.out.fen)}元`,
    `#收入合计：${sum.in.count}笔，共${yuan(sum.in.fen + (errors.has('summary') ? 1 : 0))}元`,
    `#导出时间：[${chineseTime(now)}]`,
  );
  const all = `${sum.in.count},${yuan(sum.in.fen)},${sum.out.count},${yuan(sum.out.fen)},${yuan(sum.in.fen + sum.out.fen)}`;
  const summary = lines(
    ...head('#支付宝账务汇总查询', pid, biz_date),
    rule(41, '账务汇总列表', 40),
    '类型,收入笔数,收入金额（+元）,支出笔数,支出金额（-元）,总金额（元）',
    `合计,${all}`,
    rule(40, '账务汇总列表结束', 37),
    `#导出时间：[${chineseTime(now)}]`,
  );
  return { detail, summary, name: '账务明细' };
}
