import { fenToNumber } from '../../kernel/money.ts';
import type { PaymentFact } from '../../kernel/outcome.ts';
import { formatShanghaiCompact } from '../../kernel/time.ts';
import type { Account, Env, Operation, OrderInput, PayFact, PayInput, Settled, UndoFact } from '../define.ts';
import type { Fields } from '../flat-xml.ts';
import { ask, fenField, isOfToday, payFailure, queryFailure, refused, refusedHere, requiredField, textInBytes, undoFailure } from '../meaning.ts';
import { fullNo, shortNo } from '../short-no.ts';
import type { Config } from './config.ts';
import type { Part } from './mac.ts';
import { formRequest, outcomeOf, spelled, verifyBy } from './wire.ts';

/** Charges by payment code, asked about and undone. Numbers have at most thirty characters here, and an even count of them. */

const stateParts = (result: Readonly<Record<string, unknown>>): readonly Part[] => [
  ['MERCHANTID', spelled(result, 'merchantId')],
  ['ORDERNO', spelled(result, 'orderNo')],
  ['ORDERREQNO', spelled(result, 'orderReqNo')],
  ['ORDERDATE', spelled(result, 'orderDate')],
  ['OURTRANSNO', spelled(result, 'ourTransNo')],
  ['TRANSAMT', spelled(result, 'transAmt')],
  ['TRANSSTATUS', spelled(result, 'transStatus')],
  ['ENCODETYPE', spelled(result, 'encodeType')],
];
export const verifyState = verifyBy(stateParts);

/** One number is one scan, so the request is never repeated. */
export const chargeCode: Operation<Config, PayInput, PayFact> = {
  retry: 'never',
  request(input, account) {
    const { config } = account;
    if (input.currency !== 'CNY') return refusedHere('currency_not_supported', 'HELIU_CURRENCY', 'Bestpay takes CNY only');
    if (input.auth_code === undefined) return refusedHere('payment_code_invalid', 'HELIU_AUTH_CODE_MISSING', 'auth_code is required for payment codes');
    const order_no = shortNo(input.channel_order_no);
    const date = formatShanghaiCompact(input.created_at);
    const amount = String(fenToNumber(input.amount_fen));
    const signed: readonly Part[] = [
      ['MERCHANTID', config.merchant_id],
      ['ORDERNO', order_no],
      ['ORDERREQNO', order_no],
      ['ORDERDATE', date],
      ['BARCODE', input.auth_code],
      ['ORDERAMT', amount],
    ];
    const fields = {
      merchantId: config.merchant_id,
      ...(config.sub_merchant_id === undefined ? {} : { subMerchantId: config.sub_merchant_id }),
      barcode: input.auth_code,
      orderNo: order_no,
      orderReqNo: order_no,
      channel: '05',
      busiType: config.busi_type ?? '0000001',
      orderDate: date,
      orderAmt: amount,
      productAmt: amount,
      attachAmt: '0',
      goodsName: textInBytes(input.subject, 256),
      storeId: config.store_id,
      backUrl: input.notify_url,
      ...(input.terminal_id === undefined ? {} : { mchntTmNum: input.terminal_id.slice(0, 50) }),
    };
    return formRequest(account, '/barcode/placeOrder', fields, signed);
  },
  verify: verifyState,
  outcome(answer, input, account, env) {
    const { fields, failure } = outcomeOf('pay', answer, account);
    if (failure) return payFailure(failure);
    const fact = readState(fields, input, account, env);
    return fact.is === 'waiting' ? { is: 'waiting', action: { type: 'wait' } } : fact;
  },
};

export const queryOrder: Operation<Config, OrderInput, PaymentFact> = {
  retry: 'same_key',
  request: (input, account) => {
    const number = shortNo(input.channel_order_no);
    return queryRequest(account, number, number, input.created_at);
  },
  verify: verifyState,
  outcome(answer, input, account, env) {
    const { fields, failure } = outcomeOf('query', answer, account);
    return failure ? queryFailure(failure) : readState(fields, input, account, env);
  },
};

/** A refund is asked about by its own number beside that of its order. */
export function queryRequest(account: Account<Config>, orderNo: string, orderReqNo: string, at: Date) {
  const { merchant_id: merchantId } = account.config;
  const orderDate = formatShanghaiCompact(at);
  const signed: readonly Part[] = [
    ['MERCHANTID', merchantId],
    ['ORDERNO', orderNo],
    ['ORDERREQNO', orderReqNo],
    ['ORDERDATE', orderDate],
  ];
  return formRequest(account, '/query/queryOrder', { merchantId, orderNo, orderReqNo, orderDate }, signed);
}

/** `transStatus`: A asked or under way, B paid, C failed, G void. `refundFlag` 3: it was paid and reversed. */
function readState(
  fields: Fields,
  { channel_order_no }: { readonly channel_order_no: string },
  account: Account<Config>,
  env: Env,
): Exclude<Settled<PaymentFact>, { is: 'not_found' }> {
  if (fullNo(account, requiredField(fields, 'orderNo')) !== channel_order_no) return ask('unreadable', 'the answer is about another order');
  const status = requiredField(fields, 'transStatus');
  if (status === 'A') return { is: 'waiting' };
  if (status === 'G' || (status === 'B' && fields.refundFlag === '3')) return { is: 'closed' };
  if (status === 'C') return refused('other', status, fields.productDesc);
  return status === 'B' ? paid(fields, env) : ask('unlisted', status);
}

/** The gateway does not say when it was paid, so it is when we learn of it. */
function paid(fields: Fields, env: Env): PaymentFact & { is: 'paid' } {
  const { payerAccount } = fields;
  return {
    is: 'paid',
    success: {
      channel_transaction_id: requiredField(fields, 'ourTransNo'),
      amount_fen: fenField(fields, 'transAmt'),
      currency: 'CNY',
      paid_at: env.now,
      ...(payerAccount === undefined || payerAccount === '' ? {} : { payer_id: payerAccount }),
      identity: { merchant_id: requiredField(fields, 'merchantId') },
    },
  };
}

export const undoneParts = (result: Readonly<Record<string, unknown>>): readonly Part[] => [
  ['OLDORDERNO', spelled(result, 'oldOrderNo')],
  ['REFUNDREQNO', spelled(result, 'refundReqNo')],
  ['TRANSAMT', spelled(result, 'transAmt')],
];

/**
 * Reverses an order of today: what is unpaid becomes void, what is paid goes back. Its number follows from the order's. The no to an
 * order of yesterday carries no signature, so it is said here: what was paid is refunded then.
 */
export const reverseOrder: Operation<Config, OrderInput, UndoFact> = {
  retry: 'same_key',
  request(input, account, env) {
    if (!isOfToday(input, env)) return refusedHere('refund_window_closed', 'BE301014', 'only an order of today is reversed');
    const { merchant_id, trade_key } = account.config;
    const number = shortNo(input.channel_order_no);
    const fields = {
      merchantId: merchant_id,
      merchantPwd: trade_key.expose(),
      oldOrderNo: number,
      oldOrderReqNo: number,
      refundReqNo: `${number}RV`,
      refundReqDate: formatShanghaiCompact(input.created_at).slice(0, 8),
      transAmt: String(fenToNumber(input.amount_fen)),
      channel: '05',
    };
    return formRequest(account, '/reverse/reverse', fields, undoParts(fields));
  },
  verify: verifyBy(undoneParts),
  outcome(answer, _, account) {
    const { failure } = outcomeOf('reverse', answer, account);
    return failure ? undoFailure(failure) : { is: 'closed', money: 'not_said' };
  },
};

type Undo = Readonly<Record<'merchantId' | 'merchantPwd' | 'oldOrderNo' | 'oldOrderReqNo' | 'refundReqNo' | 'refundReqDate' | 'transAmt', string>>;

export const undoParts = (fields: Undo): readonly Part[] => [
  ['MERCHANTID', fields.merchantId],
  ['MERCHANTPWD', fields.merchantPwd],
  ['OLDORDERNO', fields.oldOrderNo],
  ['OLDORDERREQNO', fields.oldOrderReqNo],
  ['REFUNDREQNO', fields.refundReqNo],
  ['REFUNDREQDATE', fields.refundReqDate],
  ['TRANSAMT', fields.transAmt],
];
