import { type Fen, ZERO } from '../../kernel/money.ts';
import {
  type Bill,
  type BillInput,
  type BillLine,
  type BillLink,
  type BillParser,
  BillProblem,
  type BillSubject,
  dayStart,
  isOfDay,
  nextDay,
  parseRatePpm,
} from '../bill.ts';
import type { Operation } from '../define.ts';
import { ask } from '../meaning.ts';
import { instantIn, meaningIn, millifenIn, numberOf, optionalIn, quotedBillParser, type Row, textIn, yuanIn } from '../quoted-bill.ts';
import { type Config, receiver } from './config.ts';
import { profileOf } from './profiles.ts';
import { fieldsOf, signedRequest } from './wire.ts';

/**
 * The bill of a day as text: a heading, values behind back quotes, a summary. Amounts are in yuan. An answer in XML says
 * that there is none, or none yet; it is not signed, and neither is the text: the address and https vouch for both.
 */

const hour_ms = 3_600_000;

const link: Operation<Config, BillInput, BillLink> = {
  retry: 'same_key',
  request({ biz_date }, account, env) {
    const url = account.config.bill_url ?? profileOf(account.config.bank).bill_url;
    const own = { bill_date: biz_date.replaceAll('-', ''), bill_type: 'ALL' };
    return signedRequest(account, env, 'pay.bill.merchant', own, new URL(url));
  },
  verify: (answer) => (answer.status === 200 && answer.body.length > 0 ? 'valid' : 'invalid'),
  outcome({ body }, { biz_date }, _, env) {
    const start = body.subarray(0, 256).toString('utf8').trimStart();
    if (/^\ufeff?交易时间/.test(start)) return { is: 'file', bytes: body };
    const { status, message = '' } = fieldsOf({ body });
    // A request that was thrown out is answered in the same way; only what speaks of the bill says that there is none.
    if (status === undefined || status === '0' || !/账单|bill/i.test(message)) return ask('unlisted', `status ${status}`);
    // "No bill" is also the answer before it is made: believed from noon of the next day on.
    return { is: env.now.getTime() >= dayStart(nextDay(biz_date)).getTime() + 12 * hour_ms ? 'empty' : 'not_ready' };
  },
};

export const tradeBill: Bill<Config> = {
  link,
  published_after_ms: 34 * hour_ms,
  packing: 'none',
  charset: 'utf-8',
  isDetail: () => true,
  parser: parserOf,
  totals: 'file',
  fee_rounding: 'line',
  identity: (of) => ({ mch_id: of.split('/')[1] ?? '' }),
};

const columns_needed = [
  ['交易时间'],
  ['商户号'],
  ['平台订单号'],
  ['商户订单号'],
  ['交易状态'],
  ['货币种类'],
  ['总金额'],
  ['商户退款单号'],
  ['退款金额'],
  ['手续费'],
] as const;
const summary_needed = [['总交易单数'], ['总交易额'], ['总退款金额'], ['总手续费金额']] as const;

function parserOf({ config, biz_date }: BillSubject<Config>): BillParser {
  let lines = 0;
  let fees = 0n;
  let traded = 0n;
  let refunded = 0n;
  const totals = { payments: { count: 0, amount_fen: ZERO }, refunds: { count: 0, amount_fen: ZERO } };

  function takeRow(row: Row): BillLine {
    if (textIn(row, '商户号') !== config.mch_id) throw new BillProblem('the bill is of another merchant number', row.line);
    const line = readRow(row, biz_date, receiver(config));
    lines += 1;
    fees += line.fee_millifen;
    traded += yuanIn(row, '总金额');
    refunded += yuanIn(row, '退款金额');
    const of = line.kind === 'payment' ? 'payments' : 'refunds';
    totals[of] = { count: totals[of].count + 1, amount_fen: (totals[of].amount_fen + line.amount_fen) as Fen };
    return line;
  }

  function checkSummary(row: Row): void {
    if (textIn(row, '总交易单数') !== String(lines))
      throw new BillProblem(`the summary counts ${textIn(row, '总交易单数')} lines, the file has ${lines}`, row.line);
    if (yuanIn(row, '总交易额') !== traded) throw new BillProblem('总交易额 of the summary is not the sum of the lines', row.line);
    if (yuanIn(row, '总退款金额') !== refunded) throw new BillProblem('总退款金额 of the summary is not the sum of the lines', row.line);
    if (millifenIn(row, '总手续费金额') !== fees) throw new BillProblem('总手续费金额 of the summary is not the sum of the lines', row.line);
  }

  return quotedBillParser({
    required: columns_needed,
    summary: summary_needed,
    takeRow,
    checkSummary,
    totals: () => ({ lines, ...totals, fee_millifen: fees }),
  });
}

const kinds = { SUCCESS: 'payment', REFUND: 'refund', REVERSE: 'reversal', REVOKED: 'reversal' } as const;
const refund_states: Readonly<Record<string, BillLine['state']>> = { SUCCESS: 'succeeded', PROCESSING: 'pending', FAIL: 'failed' };

function readRow(row: Row, biz_date: string, of: string): BillLine {
  const kind = meaningIn(row, '交易状态', kinds);
  const is_payment = kind === 'payment';
  const refund_state = is_payment ? 'succeeded' : meaningIn(row, '退款状态', refund_states);
  const at = instantIn(row, '交易时间');
  if (!isOfDay(at, biz_date)) throw new BillProblem(`the line is not of ${biz_date}`, row.line);
  const amount_fen = yuanIn(row, is_payment ? '总金额' : '退款金额');
  if (amount_fen < 0n) throw new BillProblem('an amount is negative', row.line);
  return {
    line: row.line,
    kind,
    direction: is_payment ? 'in' : 'out',
    state: refund_state,
    channel_order_no: numberOf(textIn(row, '商户订单号')),
    channel_transaction_id: numberOf(textIn(row, '平台订单号')),
    channel_refund_no: is_payment ? null : numberOf(textIn(row, '商户退款单号')),
    channel_refund_id: is_payment ? null : numberOf(optionalIn(row, '平台退款单号')),
    flow_no: null,
    amount_fen,
    settled_fen: amount_fen,
    fee_millifen: millifenIn(row, '手续费'),
    fee_rate_ppm: parseRatePpm(optionalIn(row, '费率') ?? '') ?? null,
    currency: textIn(row, '货币种类'),
    at,
    receiver: of,
  };
}
