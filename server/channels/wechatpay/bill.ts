import { type Fen, ZERO } from '../../kernel/money.ts';
import { type Bill, type BillInput, type BillLine, type BillLink, type BillParser, BillProblem, type BillSubject, isOfDay, parseRatePpm } from '../bill.ts';
import type { Account, Env, Operation, Settled, WireAnswer } from '../define.ts';
import { instantIn, meaningIn, millifenIn, numberOf, optionalIn, quotedBillParser, type Row, textIn, yuanIn } from '../quoted-bill.ts';
import { type Config, gatewayOf, receiver } from './config.ts';
import { ask, failureOf, isSuccess, jsonOf, refused, refusedHere, requiredText, signedRequest, textOf, verifyAnswer } from './wire.ts';

/**
 * Trade bills (ALL, SUCCESS, REFUND, and the layouts before 2018) and fund flow bills: gzip, UTF-8, every value behind a
 * backtick, a summary at the end. @see https://pay.weixin.qq.com/doc/v3/merchant/4013071226
 */

const hour_ms = 3_600_000;

const common = {
  // Made from nine in the morning; WeChat asks to fetch after ten.
  published_after_ms: 34 * hour_ms,
  asks_again: true,
  packing: 'gzip',
  charset: 'utf-8',
  isDetail: () => true,
  totals: 'file',
  fee_rounding: 'line',
  download: downloadRequest,
  identity: (of: string): Readonly<Record<string, string>> => {
    const [mchid = '', sub_mchid] = of.split('/');
    return sub_mchid === undefined ? { mchid } : { sp_mchid: mchid, sub_mchid };
  },
} as const;

export const tradeBill: Bill<Config> = {
  ...common,
  link: linkOperation(({ mode, sub_mchid }, { biz_date }) => {
    const of = mode === 'provider' ? `&sub_mchid=${sub_mchid}` : '';
    return `/v3/bill/tradebill?bill_date=${biz_date}&bill_type=ALL&tar_type=GZIP${of}`;
  }),
  parser: tradeParser,
};

/** The balance of a sub-merchant is another interface with files encrypted by a key of its own; it is not spoken here. */
export const fundBill: Bill<Config> = {
  ...common,
  link: linkOperation(({ mode }, { biz_date }) =>
    mode === 'provider' ? undefined : `/v3/bill/fundflowbill?bill_date=${biz_date}&account_type=BASIC&tar_type=GZIP`,
  ),
  parser: fundParser,
};

function linkOperation(pathOf: (config: Config, input: BillInput) => string | undefined): Operation<Config, BillInput, BillLink> {
  return {
    retry: 'same_key',
    request: (input, account, env) => {
      const path = pathOf(account.config, input);
      if (path === undefined) return refusedHere('method_not_enabled', 'HELIU_NO_FUND_BILL', 'a sub-merchant has no fund flow bill here');
      return signedRequest(account, env, { method: 'GET', path });
    },
    verify: verifyAnswer,
    outcome: (answer) => (isSuccess(answer) ? readLink(answer) : readNoLink(answer)),
  };
}

function readLink(answer: WireAnswer): Settled<BillLink> {
  const json = jsonOf(answer);
  const url = requiredText(json, 'download_url');
  const hex = textOf(json, 'hash_value');
  const type = textOf(json, 'hash_type');
  if (hex === undefined) return { is: 'link', url };
  if (type !== undefined && type !== 'SHA1') return ask('unlisted', `hash_type ${type.slice(0, 16)}`);
  return { is: 'link', url, digest: { algorithm: 'sha1', hex: hex.toLowerCase() } };
}

function readNoLink(answer: WireAnswer): Settled<BillLink> {
  const { meaning, code, message } = failureOf('bill', answer);
  if (meaning.final === 'no') return refused(meaning.reason, code, message);
  if (meaning.final === 'ask') return ask(meaning.why, code);
  if (meaning.state === 'no_bill') return { is: 'empty' };
  return meaning.state === 'bill_not_ready' ? { is: 'not_ready' } : ask('unlisted', code);
}

/** The address comes in a verified answer and is the gateway's own; it is signed like every request, target and all. */
function downloadRequest(url: string, account: Account<Config>, env: Env) {
  const { origin, prefix } = gatewayOf(account.config);
  const target = new URL(url);
  const own = target.origin === origin || (target.protocol === 'https:' && /^api2?\.mch\.weixin\.qq\.com$/.test(target.hostname));
  const path = target.pathname + target.search;
  if (!own || !path.startsWith(`${prefix}/`)) throw new Error('the bill is not at the gateway');
  const request = signedRequest(account, env, { method: 'GET', path: path.slice(prefix.length) });
  // biome-ignore lint/suspicious/noThenProperty: the name is the interface's; a Signable goes to the client, which never awaits it.
  return { sign: request.sign, then: (signature: string) => ({ ...request.then(signature), origin: target.origin }) };
}

/** Counts are written `45`, and `45.0` by some. */
function count(row: Row, name: string): number {
  const match = /^(\d{1,9})(?:\.0+)?$/.exec(textIn(row, name));
  if (!match) throw new BillProblem(`${name} is not a count`, row.line);
  return Number(match[1]);
}

const trade_columns = [['交易时间'], ['商户号'], ['微信订单号'], ['商户订单号'], ['交易状态'], ['货币种类'], ['应结订单金额', '总金额'], ['手续费']] as const;

/** What the summary says, each by its names in new and old files, and the sum that it must equal. */
const trade_sums: readonly (readonly [sum: keyof Sums, ...names: readonly string[]])[] = [
  ['settled', '应结订单总金额', '总交易额'],
  ['refunded', '退款总金额', '总退款金额'],
  ['coupon_refunded', '充值券退款总金额', '总企业红包退款金额', '总代金券或立减优惠退款金额'],
  ['ordered', '订单总金额'],
  ['asked', '申请退款总金额'],
];
type Sums = { settled: bigint; refunded: bigint; coupon_refunded: bigint; ordered: bigint; asked: bigint };

function tradeParser({ config, biz_date }: BillSubject<Config>): BillParser {
  let lines = 0;
  let fees = 0n;
  const sums: Sums = { settled: 0n, refunded: 0n, coupon_refunded: 0n, ordered: 0n, asked: 0n };
  const totals = { payments: { count: 0, amount_fen: ZERO }, refunds: { count: 0, amount_fen: ZERO } };
  const expected = receiver(config);

  function takeRow(row: Row): BillLine {
    const line = readTradeRow(row, biz_date);
    // A number of another merchant is the wrong file; another sub-merchant of the same provider is a finding.
    if (line.receiver.split('/')[0] !== expected.split('/')[0]) throw new BillProblem('the bill is of another merchant number', row.line);
    lines += 1;
    fees += line.fee_millifen;
    const of = line.kind === 'payment' ? 'payments' : 'refunds';
    totals[of] = { count: totals[of].count + 1, amount_fen: (totals[of].amount_fen + line.amount_fen) as Fen };
    sums.settled += yuanIn(row, '应结订单金额', '总金额');
    sums.ordered += optionalIn(row, '订单金额') === undefined ? 0n : yuanIn(row, '订单金额');
    sums.refunded += optionalIn(row, '退款金额') === undefined ? 0n : yuanIn(row, '退款金额');
    sums.asked += optionalIn(row, '申请退款金额') === undefined ? 0n : yuanIn(row, '申请退款金额');
    const coupons = ['充值券退款金额', '企业红包退款金额', '代金券或立减优惠退款金额'] as const;
    sums.coupon_refunded += optionalIn(row, ...coupons) === undefined ? 0n : yuanIn(row, ...coupons);
    return line;
  }

  function checkSummary(row: Row): void {
    if (count(row, '总交易单数') !== lines) throw new BillProblem(`the summary counts ${textIn(row, '总交易单数')} lines, the file has ${lines}`, row.line);
    for (const [sum, ...names] of trade_sums) {
      if (optionalIn(row, ...names) === undefined) continue;
      if (yuanIn(row, ...names) !== sums[sum]) throw new BillProblem(`${names[0]} of the summary is not the sum of the lines`, row.line);
    }
    if (millifenIn(row, '手续费总金额') !== fees) throw new BillProblem('手续费总金额 of the summary is not the sum of the lines', row.line);
  }

  return quotedBillParser({
    required: trade_columns,
    summary: [['总交易单数'], ['应结订单总金额', '总交易额'], ['手续费总金额']],
    takeRow,
    checkSummary,
    totals: () => ({ lines, ...totals, fee_millifen: fees }),
  });
}

const refund_states: Readonly<Record<string, BillLine['state']>> = { SUCCESS: 'succeeded', PROCESSING: 'pending', CHANGE: 'pending', FAIL: 'failed' };

function readTradeRow(row: Row, biz_date: string): BillLine {
  const state = textIn(row, '交易状态');
  if (state !== 'SUCCESS' && state !== 'REFUND' && state !== 'REVOKED') throw new BillProblem('交易状态 is not a state that is known', row.line);
  const is_payment = state === 'SUCCESS';
  const refund_state = is_payment ? 'succeeded' : meaningIn(row, '退款状态', refund_states);
  const at = optionalIn(row, '退款申请时间') === undefined ? instantIn(row, '交易时间') : instantIn(row, '退款申请时间');
  if (!isOfDay(at, biz_date)) throw new BillProblem(`the line is not of ${biz_date}`, row.line);
  const rate = optionalIn(row, '费率');
  const sub = numberOf(optionalIn(row, '特约商户号', '子商户号'));
  const settled_fen = is_payment ? yuanIn(row, '应结订单金额', '总金额') : yuanIn(row, '退款金额');
  const amount_fen = (optionalIn(row, '订单金额') === undefined ? settled_fen : yuanIn(row, is_payment ? '订单金额' : '申请退款金额')) as Fen;
  if (amount_fen < 0n || settled_fen < 0n) throw new BillProblem('an amount is negative', row.line);
  return {
    line: row.line,
    kind: is_payment ? 'payment' : state === 'REFUND' ? 'refund' : 'reversal',
    direction: is_payment ? 'in' : 'out',
    state: refund_state,
    channel_order_no: numberOf(textIn(row, '商户订单号')),
    channel_transaction_id: numberOf(textIn(row, '微信订单号')),
    channel_refund_no: is_payment ? null : numberOf(textIn(row, '商户退款单号')),
    channel_refund_id: is_payment ? null : numberOf(textIn(row, '微信退款单号')),
    flow_no: null,
    amount_fen,
    settled_fen,
    fee_millifen: millifenIn(row, '手续费'),
    fee_rate_ppm: rate === undefined ? null : (parseRatePpm(rate) ?? null),
    currency: textIn(row, '货币种类'),
    at,
    receiver: sub === null ? textIn(row, '商户号') : `${textIn(row, '商户号')}/${sub}`,
  };
}

const fund_columns = [['记账时间'], ['微信支付业务单号'], ['资金流水单号'], ['业务名称'], ['收支类型'], ['收支金额(元)'], ['业务凭证号']] as const;

const fund_kinds: Readonly<Record<string, BillLine['kind']>> = { 交易: 'payment', 退款: 'refund', 扣除交易手续费: 'fee', 提现: 'withdrawal', 分账: 'split' };

function fundParser({ config, biz_date }: BillSubject<Config>): BillParser {
  const sum = { in: { count: 0, amount_fen: ZERO }, out: { count: 0, amount_fen: ZERO } };

  function takeRow(row: Row): BillLine {
    const way = textIn(row, '收支类型');
    if (way !== '收入' && way !== '支出') throw new BillProblem('收支类型 is neither 收入 nor 支出', row.line);
    const direction = way === '收入' ? 'in' : 'out';
    const amount_fen = yuanIn(row, '收支金额(元)');
    if (amount_fen < 0n) throw new BillProblem('an amount is negative', row.line);
    const at = instantIn(row, '记账时间');
    if (!isOfDay(at, biz_date)) throw new BillProblem(`the line is not of ${biz_date}`, row.line);
    sum[direction] = { count: sum[direction].count + 1, amount_fen: (sum[direction].amount_fen + amount_fen) as Fen };
    const kind = fund_kinds[textIn(row, '业务名称')] ?? 'other';
    return {
      line: row.line,
      kind,
      direction,
      state: 'succeeded',
      channel_order_no: kind === 'payment' || kind === 'fee' ? numberOf(textIn(row, '业务凭证号')) : null,
      // Of a refund, 微信支付业务单号 is the refund's and 资金流水单号 the flow's.
      channel_transaction_id: kind === 'payment' || kind === 'fee' ? numberOf(textIn(row, '微信支付业务单号')) : null,
      channel_refund_no: kind === 'refund' ? numberOf(textIn(row, '业务凭证号')) : null,
      channel_refund_id: kind === 'refund' ? numberOf(textIn(row, '微信支付业务单号')) : null,
      flow_no: numberOf(textIn(row, '资金流水单号')),
      amount_fen,
      settled_fen: amount_fen,
      fee_millifen: 0n,
      fee_rate_ppm: null,
      currency: 'CNY',
      at,
      receiver: receiver(config),
    };
  }

  function checkSummary(row: Row): void {
    const counts = [
      ['资金流水总笔数', sum.in.count + sum.out.count],
      ['收入笔数', sum.in.count],
      ['支出笔数', sum.out.count],
    ] as const;
    for (const [name, found] of counts) {
      if (count(row, name) !== found) throw new BillProblem(`${name} of the summary is ${textIn(row, name)}, the file has ${found}`, row.line);
    }
    if (yuanIn(row, '收入金额') !== sum.in.amount_fen) throw new BillProblem('收入金额 of the summary is not the sum of the lines', row.line);
    if (yuanIn(row, '支出金额') !== sum.out.amount_fen) throw new BillProblem('支出金额 of the summary is not the sum of the lines', row.line);
  }

  return quotedBillParser({
    required: fund_columns,
    summary: [['资金流水总笔数'], ['收入金额'], ['支出金额']],
    takeRow,
    checkSummary,
    totals: () => ({ lines: sum.in.count + sum.out.count, payments: sum.in, refunds: sum.out, fee_millifen: 0n }),
  });
}
