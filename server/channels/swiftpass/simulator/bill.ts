import { addMs, bizDate, formatShanghai } from '../../../kernel/time.ts';
import { dayStart, previousDay } from '../../bill.ts';
import { type BillRow, simulatedFee } from '../../kit/bill-rows.ts';
import type { Gateway } from '../../kit/gateway/gateway.ts';
import { textReply, type WireReply } from '../../kit/gateway/wire.ts';
import type { Merchant, Order, Refund } from '../../kit/gateway/world.ts';
import { writeXml } from '../../kit/gateway/xml.ts';
import { tradeType } from './views.ts';

/** The bill of a day as text: back quotes before every value, amounts in yuan, one summary line. */

const columns =
  '交易时间,公众账号ID,第三方商户号,商户号,子商户号,设备编号,平台订单号,第三方订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,总金额,企业红包金额,平台退款单号,商户退款单号,退款金额,企业红包退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,终端类型,对账标识,门店编号,商户名称,收银员,子商户ID,免充值券金额,实收金额,结算金额,扩展字段2,扩展字段3,扩展字段4'.split(
    ',',
  );
const summary_columns = '总交易单数,总交易额,总退款金额,总企业红包退款金额,总手续费金额,总实收金额';
const hour_ms = 3_600_000;

export function billOf({ world, faults, bill_errors: errors }: Gateway, merchant: Merchant, bill_date: string): WireReply {
  const biz_date = /^(\d{4})(\d\d)(\d\d)$/.exec(bill_date)?.slice(1).join('-');
  const ready = biz_date !== undefined && world.now_ms() >= dayStart(biz_date).getTime() + 34 * hour_ms;
  const rows = ready ? rowsOf(biz_date) : [];
  if (!ready || rows.length === 0 || faults.take('bill', ['bill_not_ready'])) {
    return textReply(writeXml(Object.entries({ version: '2.0', status: '400', message: '账单不存在' })), 'text/xml;charset=utf-8');
  }
  const written = write(rows);
  const text = errors.has('bare') ? written.replaceAll('\r\n', '\n') : `\ufeff${written}`;
  const bytes = Buffer.from(text);
  return textReply(errors.has('truncated') ? bytes.subarray(0, Math.floor(bytes.length / 2)) : bytes, 'text/plain;charset=utf-8');

  function rowsOf(day: string): readonly BillRow[] {
    const all = [...world.tables.order.values()].filter((order) => order.merchant === merchant.no).flatMap(rowsOfOrder);
    const of = (date: string) => all.filter(({ at_ms }) => bizDate(new Date(at_ms)) === date);
    const extra = (no: string, kind: 'payment' | 'refund') => extraRow(day, no, kind);
    return errors.apply({ before: of(previousDay(day)), day: of(day) }, extra).toSorted((a, b) => a.at_ms - b.at_ms);
  }

  function rowsOfOrder(order: Order): readonly BillRow[] {
    const { transaction_id, paid_ms } = order;
    if (transaction_id === undefined || paid_ms === undefined) return [];
    const base = { order_no: order.order_no, transaction_id, method: tradeType(order), subject: order.subject, currency: 'CNY' };
    const refunds = [...(world.index.refunds.get(order.id) ?? [])].flatMap((id) => world.tables.refund.get(id) ?? []);
    const paid = { ...base, kind: 'payment', refund_no: '', refund_id: '', amount_fen: order.amount_fen, fee_fen: simulatedFee(order.amount_fen) } as const;
    return [{ ...paid, at_ms: paid_ms, state: 'succeeded' }, ...refunds.map((refund) => refundRow(base, refund))];
  }

  /** Noon of the day, so that nothing of it depends on when the bill is asked for. A refund is of the order that it names. */
  function extraRow(day: string, no: string, kind: 'payment' | 'refund'): BillRow | undefined {
    const order = world.tables.order.get(`${merchant.no}/${no}`);
    const paid_here = order?.paid_ms !== undefined && bizDate(new Date(order.paid_ms)) === day;
    if (kind === 'refund' ? !paid_here : order?.paid_ms !== undefined) return undefined;
    const amount_fen = order?.amount_fen ?? 100;
    const is_refund = kind === 'refund';
    return {
      kind,
      order_no: no,
      transaction_id: order?.transaction_id ?? `${merchant.no}${world.digits(18)}`,
      refund_no: is_refund ? `X${world.digits(20)}` : '',
      refund_id: is_refund ? `${merchant.no}${world.digits(18)}` : '',
      amount_fen,
      fee_fen: is_refund ? -simulatedFee(amount_fen) : simulatedFee(amount_fen),
      at_ms: addMs(dayStart(day), 12 * hour_ms).getTime(),
      method: 'pay.weixin.native',
      subject: 'Extra',
      state: 'succeeded',
      currency: 'CNY',
    };
  }

  function write(all: readonly BillRow[]): string {
    const appended = errors.has('columns') ? ['新增列'] : [];
    const lines = all.map((row) => {
      const values = valuesOf(merchant, row);
      return quoted([...columns.map((name) => values[name] ?? ''), ...appended.map(() => 'x,y')]);
    });
    const sum = (of: (row: BillRow) => number) => all.reduce((total, row) => total + of(row), 0);
    const paid = sum((row) => (row.kind === 'payment' ? row.amount_fen : 0)) + (errors.has('summary') ? 1 : 0);
    const returned = sum((row) => (row.kind === 'payment' ? 0 : row.amount_fen));
    const totals = [String(all.length), yuan(paid), yuan(returned), '0.00', yuan(sum((row) => row.fee_fen)), yuan(paid - returned)];
    return [[...columns, ...appended].join(','), ...lines, summary_columns, quoted(totals)].map((line) => `${line}\r\n`).join('');
  }
}

function refundRow(base: Pick<BillRow, 'order_no' | 'transaction_id' | 'method' | 'subject' | 'currency'>, refund: Refund): BillRow {
  const is_reversal = refund.refund_no.startsWith('REVERSE');
  return {
    ...base,
    kind: is_reversal ? 'reversal' : 'refund',
    refund_no: is_reversal ? base.order_no : refund.refund_no,
    refund_id: refund.refund_id,
    amount_fen: refund.amount_fen,
    fee_fen: -simulatedFee(refund.amount_fen),
    at_ms: refund.created_ms,
    state: ({ processing: 'pending', succeeded: 'succeeded', failed: 'failed' } as const)[refund.state],
  };
}

const quoted = (values: readonly string[]): string => values.map((value) => `\`${value.replaceAll(',`', ' ').replace(/[\r\n]/g, ' ')}`).join(',');
const yuan = (fen: number): string => `${fen < 0 ? '-' : ''}${Math.floor(Math.abs(fen) / 100)}.${String(Math.abs(fen) % 100).padStart(2, '0')}`;

const bill_states = { succeeded: 'SUCCESS', pending: 'PROCESSING', failed: 'FAIL' } as const;

function valuesOf(merchant: Merchant, row: BillRow): Readonly<Record<string, string>> {
  const is_payment = row.kind === 'payment';
  const signed_fen = is_payment ? row.amount_fen : -row.amount_fen;
  return {
    交易时间: formatShanghai(new Date(row.at_ms)),
    商户号: row.receiver === undefined ? merchant.no : `${merchant.no.slice(0, -1)}0`,
    平台订单号: row.transaction_id,
    商户订单号: row.order_no,
    交易类型: row.method,
    交易状态: is_payment ? 'SUCCESS' : row.kind === 'refund' ? 'REFUND' : 'REVERSE',
    付款银行: 'OTHERS',
    货币种类: row.currency,
    总金额: is_payment ? yuan(row.amount_fen) : '0.00',
    企业红包金额: '0.00',
    平台退款单号: row.refund_id,
    商户退款单号: row.refund_no,
    退款金额: is_payment ? '0.00' : yuan(row.amount_fen),
    企业红包退款金额: '0.00',
    退款类型: is_payment ? '' : 'ORIGINAL',
    退款状态: is_payment ? '' : bill_states[row.state],
    商品名称: row.subject,
    手续费: yuan(row.fee_fen),
    费率: '0.60%',
    免充值券金额: '0.00',
    实收金额: yuan(signed_fen),
    结算金额: yuan(signed_fen - row.fee_fen),
  };
}
