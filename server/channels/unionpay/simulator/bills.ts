import { deflateSync } from 'node:zlib';
import iconv from 'iconv-lite';
import { type Clock, formatShanghaiCompact, parseShanghaiCompact } from '../../../kernel/time.ts';
import { dayStart, previousDay } from '../../bill.ts';
import { type BillErrors, type BillRow, simulatedFee } from '../../kit/bill-rows.ts';
import type { Faults } from '../../kit/faults.ts';
import { writeZip } from '../../kit/zip.ts';
import { writeZmeLine, writeZmLine, zm_width } from '../bill.ts';
import { clearingDay } from '../refund.ts';
import type { Fields } from '../sign.ts';
import type { Ledger, Merchant, Order, Return } from './ledger.ts';
import type { Outcome } from './trades.ts';

const hour_ms = 3_600_000;
/** Files appear from nine in the morning after the clearing day. */
const ready_after_ms = 33 * hour_ms;

/** Files as the gateway writes them: ZM byte for byte, ZME empty unless a line was planted, and a summary for people. */
export function createBills(clock: Clock, ledger: Ledger, faults: Faults, errors: BillErrors) {
  /** The year of a clearing day is the one that lies behind us. */
  function dayOf(settle_date: string): string {
    const now = clock.now();
    const year = Number(formatShanghaiCompact(now).slice(0, 4));
    const of = (each: number) => `${each}-${settle_date.slice(0, 2)}-${settle_date.slice(2)}`;
    return dayStart(of(year)) <= now ? of(year) : of(year - 1);
  }

  const rowsOf = (mer_id: string, biz_date: string): readonly BillRow[] => {
    const orders = ledger.orders().filter((order) => order.mer_id === mer_id && order.state === 'paid');
    const all = orders.flatMap((order) => [paymentRow(order), ...ledger.returnsOf(order).flatMap((back) => returnRow(order, back))]);
    const of = (day: string) => all.filter(({ at_ms }) => clearingDay(new Date(at_ms)) === day);
    return errors.apply({ before: of(previousDay(biz_date)), day: of(biz_date) }, () => undefined).toSorted((a, b) => a.at_ms - b.at_ms);
  };

  return {
    file(merchant: Merchant, fields: Fields): Outcome {
      const settle_date = fields.get('settleDate') ?? '';
      if (!/^\d{4}$/.test(settle_date) || fields.get('fileType') !== '00') return { code: '10' };
      const biz_date = dayOf(settle_date);
      const is_ready = clock.now().getTime() >= dayStart(biz_date).getTime() + ready_after_ms;
      const rows = rowsOf(merchant.mer_id, biz_date);
      if (!is_ready || rows.length === 0 || faults.take('bill', ['bill_not_ready'])) return { code: '98' };
      const yymmdd = biz_date.slice(2).replaceAll('-', '');
      const sub_mer_id = merchant.sub_mer_id ?? '';
      const lines = rows.map((row) => zmLine(merchant.mer_id, sub_mer_id, row));
      const end = errors.has('bare') ? '\n' : '\r\n';
      const text = iconv.encode(lines.map((line) => line + end).join(''), 'gbk');
      const zm = errors.has('truncated') ? text.subarray(0, Math.max(0, text.length - Math.floor(zm_width / 2))) : text;
      const adjusted = errors
        .struck('adjustment')
        .filter((no) => ledger.orders().some(({ mer_id, order_id }) => mer_id === merchant.mer_id && order_id === no));
      const zip = writeZip([
        { name: Buffer.from(`INN${yymmdd}88ZM_${merchant.mer_id}`), bytes: zm },
        { name: Buffer.from(`INN${yymmdd}88ZME_${merchant.mer_id}`), bytes: iconv.encode(adjusted.map((no) => zmeLine(no) + end).join(''), 'gbk') },
        { name: Buffer.from(`RD2010${yymmdd}01_${merchant.mer_id}`), bytes: iconv.encode(`商户对账汇总 ${biz_date}\r\n笔数 ${rows.length}\r\n`, 'gbk') },
      ]);
      const fileContent = deflateSync(zip).toString('base64');
      return {
        code: '00',
        fields: { settleDate: settle_date, fileType: '00', fileName: `${merchant.mer_id}_${biz_date.replaceAll('-', '')}.zip`, fileContent },
      };
    },
  };
}
export type Bills = ReturnType<typeof createBills>;

const bookedMs = (txn_time: string): number => parseShanghaiCompact(txn_time)?.getTime() ?? 0;

const paymentRow = (order: Order): BillRow => ({
  kind: 'payment',
  order_no: order.order_id,
  transaction_id: order.query_id,
  refund_no: '',
  refund_id: '',
  amount_fen: order.amount_fen,
  fee_fen: simulatedFee(order.amount_fen),
  at_ms: bookedMs(order.txn_time),
  method: order.method,
  subject: order.subject,
  state: 'succeeded',
  currency: 'CNY',
});

function returnRow(order: Order, back: Return): BillRow[] {
  if (back.state !== 'succeeded') return [];
  const row = paymentRow(order);
  const at_ms = bookedMs(back.txn_time);
  return [
    { ...row, kind: 'refund', refund_no: back.order_id, refund_id: back.query_id, amount_fen: back.amount_fen, fee_fen: -simulatedFee(back.amount_fen), at_ms },
  ];
}

/** No real line of the file is known: its columns are filled as those of the same width in ZM are. */
const zmeLine = (order_no: string): string =>
  writeZmeLine([
    'E74',
    '88022900',
    '00049993',
    order_no.slice(-6),
    '0906112203',
    '622609******0048',
    '000000000100',
    '5411',
    '08',
    '01',
    ...Array<string>(11).fill(''),
    order_no,
  ]);

const signed = (fen: number): string => `${fen < 0 ? 'D' : 'C'}${String(Math.abs(fen)).padStart(12, '0')}`;
/** A fee of nothing stands on the side of the payer of fees. */
const fee = (fee_fen: number): string => `${fee_fen < 0 ? 'C' : 'D'}${String(Math.abs(fee_fen)).padStart(12, '0')}`;

function zmLine(mer_id: string, sub_mer_id: string, row: BillRow): string {
  const is_payment = row.kind === 'payment';
  const settled = (is_payment ? row.amount_fen : -row.amount_fen) - row.fee_fen;
  const time = (at_ms: number) => formatShanghaiCompact(new Date(at_ms)).slice(4);
  return writeZmLine({
    txnCode: is_payment ? 'S56' : 'S30',
    agentInsCode: '88022900',
    sendInsCode: '00049993',
    traceNo: (is_payment ? row.transaction_id : row.refund_id).slice(14, 20),
    txnTransTime: time(row.at_ms),
    accNo: '622609******0048',
    txnAmt: String(row.amount_fen).padStart(12, '0'),
    mcc: '5411',
    termType: row.method === 'unionpay_page' ? '07' : '08',
    queryId: is_payment ? row.transaction_id : row.refund_id,
    payTypeOld: '01',
    orderId: is_payment ? row.order_no : row.refund_no,
    payCardType: '01',
    merFee: fee(row.fee_fen),
    settleAmt: signed(settled),
    payType: '0001',
    txnType: is_payment ? '01' : '04',
    txnSubType: is_payment ? '' : '00',
    bizType: '000201',
    origQryId: is_payment ? '' : row.transaction_id,
    merId: row.receiver === undefined ? mer_id : `9${mer_id.slice(1)}`,
    subMerId: sub_mer_id === '' ? '0'.repeat(15) : sub_mer_id,
    subMerAbbr: sub_mer_id === '' ? '' : '合流门店',
    subMerSettleAmt: ' 000000000000',
    netSettleAmt: signed(settled),
    termId: '00000001',
    discountAmt: ' 000000000000',
    invoiceAmt: ' 000000000000',
    instalAddFee: ' 00000000000',
    txnMedia: '7',
    origOrderIdAndReserved: is_payment ? '' : row.order_no,
  });
}
