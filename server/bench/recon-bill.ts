import type { ExceptionKind } from '@heliu/contract';
import { formatShanghai } from '../kernel/time.ts';

/** Whose bill it is. */
export type Party = {
  readonly merchant_id: string;
  readonly merchant_code: string;
  readonly channel_account_id: string;
  readonly mchid: string;
  readonly appid: string;
};

/** One error in each thousand lines, of one kind after another, at its five hundredth line. */
const cycle = [
  'ours_only',
  'amount_mismatch',
  'fee_mismatch',
  'duplicate_line',
  'transaction_mismatch',
  'currency_mismatch',
  'wrong_receiver',
  'unknown_paid',
  'late_paid',
  'orphan',
  'bill_only',
  'refund_ours_only',
  'refund_bill_only',
  'refund_unknown',
  'refund_hold',
  'state_mismatch',
  'reversal',
  'rounding',
] as const satisfies readonly ExceptionKind[];

/** By thousand: the kind that is planted there. A thousand thousands are enough. */
export const planted_kinds: readonly ExceptionKind[] = Array.from({ length: 1000 }, (_, at) => cycle[at % cycle.length] as ExceptionKind);

const columns =
  '交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注';
const summary_columns = '总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额';

const yuan = (fen: number): string => `${fen < 0 ? '-' : ''}${Math.floor(Math.abs(fen) / 100)}.${String(Math.abs(fen) % 100).padStart(2, '0')}`;
const fee_ppm = 6000;
const feeOf = (fen: number): number => Math.floor((fen * fee_ppm + 500_000) / 1_000_000);

/** The text of a bill in pieces, and what was planted in it by order or refund number. */
export function reconBill(party: Party, lines: number, biz_date: string) {
  const planted = new Map<ExceptionKind, Set<string>>();
  const plant = (kind: ExceptionKind, name: string): void => void planted.set(kind, (planted.get(kind) ?? new Set()).add(name));
  const totals = { lines: 0, paid: 0, refunded: 0, fee_millifen: 0 };
  const start_ms = new Date(`${biz_date}T00:00:10+08:00`).getTime();
  const numbered = (time: string, n: number): string => `${party.merchant_code}${time}${n.toString(16).toUpperCase().padStart(21, '0')}`;
  const no = (n: number): string => numbered('01M7X', n);
  const refundNo = (n: number): string => numbered('01M7Y', n);

  type Change = { order_no?: string; transaction?: string; amount?: number; currency?: string; sub?: string; fee_millifen?: number };
  const payment = (n: number, change: Change = {}): string => {
    const amount = change.amount ?? 100 + (n % 9973);
    const fee = change.fee_millifen ?? feeOf(amount) * 1000;
    totals.lines++;
    totals.paid += amount;
    totals.fee_millifen += fee;
    const transaction = change.transaction ?? `4200${String(n).padStart(24, '0')}`;
    return row(n, [
      change.sub ?? '0',
      transaction,
      change.order_no ?? no(n),
      'SUCCESS',
      change.currency ?? 'CNY',
      yuan(amount),
      '0',
      '0',
      '0.00',
      '',
      '',
      fee,
      yuan(amount),
      '0.00',
    ]);
  };
  const refund = (n: number, { refund_no = refundNo(n), state = 'REFUND', status = 'SUCCESS' } = {}): string => {
    const amount = 50;
    totals.lines++;
    totals.refunded += amount;
    const values = [
      '0',
      `4200${String(n).padStart(24, '0')}`,
      no(n),
      state,
      'CNY',
      '0.00',
      `50300${String(n).padStart(23, '0')}`,
      refund_no,
      yuan(amount),
      'ORIGINAL',
      status,
      0,
      '0.00',
      yuan(amount),
    ];
    return row(n, values);
  };
  const row = (
    n: number,
    [sub, transaction, order, state, currency, settled, refund_id, refund_no, refunded, type, status, fee, ordered, asked]: readonly (string | number)[],
  ): string => {
    const time = formatShanghai(new Date(start_ms + Math.floor((n * 80_000_000) / lines)));
    const fee_yuan = `${yuan(Math.floor(Number(fee) / 1000))}${String(Number(fee) % 1000).padStart(3, '0')}`;
    const values = [
      time,
      party.appid,
      party.mchid,
      sub,
      '',
      transaction,
      order,
      'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o',
      'NATIVE',
      state,
      'OTHERS',
      currency,
      settled,
      '0.00',
      refund_id,
      refund_no,
      refunded,
      '0.00',
      type,
      status,
    ];
    return `\`${[...values, '一杯茶', '', fee_yuan, '0.60%', ordered, asked, ''].join(',`')}\r\n`;
  };

  function linesOf(n: number): string {
    const kind = n % 1000 === 500 ? planted_kinds[n / 1000 - 0.5] : undefined;
    const has_refund = n % 100 === 0 && kind !== 'unknown_paid' && kind !== 'late_paid';
    const plain = (change?: Change) => payment(n, change) + (has_refund ? refund(n, {}) : '');
    if (kind === undefined) return plain();
    const name = no(n);
    const told = (text: string, of = name): string => {
      plant(kind, of);
      return text;
    };
    const elsewhere = `X${String(n).padStart(20, '0')}`;
    switch (kind) {
      case 'ours_only':
        return told(refund(n));
      case 'amount_mismatch':
        return told(plain({ amount: 101 + (n % 9973), fee_millifen: feeOf(101 + (n % 9973)) * 1000 }));
      case 'fee_mismatch':
        return told(plain({ fee_millifen: (feeOf(100 + (n % 9973)) + 3) * 1000 }));
      case 'rounding':
        return told(plain({ fee_millifen: feeOf(100 + (n % 9973)) * 1000 + 400 }));
      case 'duplicate_line':
        return told(plain() + payment(n));
      case 'transaction_mismatch':
        return told(plain({ transaction: `4299${String(n).padStart(24, '0')}` }));
      case 'currency_mismatch':
        return told(plain({ currency: 'USD' }));
      case 'wrong_receiver':
        return told(plain({ sub: '1600000009' }));
      case 'orphan':
        return told(plain() + payment(n, { order_no: elsewhere, transaction: `4298${String(n).padStart(24, '0')}` }), elsewhere);
      case 'bill_only': {
        const ours = numbered('01M7V', n);
        return told(plain() + payment(n, { order_no: ours, transaction: `4297${String(n).padStart(24, '0')}` }), ours);
      }
      case 'refund_ours_only':
        return told(payment(n));
      case 'refund_bill_only':
        return told(plain() + refund(n, { refund_no: elsewhere }).replaceAll('50300', '50399'), elsewhere);
      case 'refund_unknown':
        return told(plain(), refundNo(n));
      case 'refund_hold':
        return told(payment(n) + refund(n, { status: 'PROCESSING' }), refundNo(n));
      case 'state_mismatch':
        return told(payment(n) + refund(n, { status: 'FAIL' }), refundNo(n));
      case 'reversal':
        return told(plain() + refund(n, { refund_no: elsewhere, state: 'REVOKED' }).replaceAll('50300', '50398'), elsewhere);
      default:
        return told(plain());
    }
  }

  function* text(): Generator<string> {
    yield `\ufeff${columns}\r\n`;
    let piece = '';
    for (let n = 0; n < lines; n++) {
      piece += linesOf(n);
      if (piece.length < 65_536) continue;
      yield piece;
      piece = '';
    }
    const fee = `${yuan(Math.floor(totals.fee_millifen / 1000))}${String(totals.fee_millifen % 1000).padStart(3, '0')}`;
    const summary = [String(totals.lines), yuan(totals.paid), yuan(totals.refunded), '0.00', fee, yuan(totals.paid), yuan(totals.refunded)];
    yield `${piece}${summary_columns}\r\n${summary.map((value) => `\`${value}`).join(',')}\r\n`;
  }
  return { text, planted };
}
