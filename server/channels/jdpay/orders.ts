import { fenToNumber } from '../../kernel/money.ts';
import type { PaymentFact } from '../../kernel/outcome.ts';
import { formatShanghaiCompact } from '../../kernel/time.ts';
import type { Env, Operation, OrderInput, PayFact, PayInput, Settled, UndoFact } from '../define.ts';
import type { Fields } from '../flat-xml.ts';
import { privateKeyOf } from '../keys.ts';
import { ask, fenField, payFailure, queryFailure, refusedHere, requiredField, textInBytes, undoFailure } from '../meaning.ts';
import type { Config } from './config.ts';
import { appSign, encryptHex, formText, plain_fields, signText } from './crypt.ts';
import { desKeyOf, fieldsOf, verifyAnswer, xmlRequest } from './wire.ts';

/** Orders: pages as signed forms, apps and payment codes by calls. */

function orderFields(input: PayInput, config: Config): Fields {
  const name = textInBytes(input.subject, 96);
  return {
    device: input.terminal_id ?? 'heliu',
    tradeNum: input.channel_order_no,
    tradeName: name,
    tradeDesc: name,
    tradeTime: formatShanghaiCompact(input.created_at),
    amount: String(fenToNumber(input.amount_fen)),
    currency: 'CNY',
    notifyUrl: input.notify_url,
    orderType: config.order_type ?? '1',
    ...(config.industry === undefined ? {} : { industryCategoryCode: config.industry }),
  };
}

/** A page of JD's is a form that the browser sends, signed in plain and then encrypted field by field. It needs no call. */
export function page(host: (config: Config) => string): Operation<Config, PayInput, PayFact> {
  return {
    retry: 'same_key',
    request(input, { config }) {
      if (input.currency !== 'CNY') return refusedHere('currency_not_supported', 'HELIU_CURRENCY', 'JD Pay takes CNY only');
      const fields: Fields = {
        version: 'V2.0',
        merchant: config.merchant,
        ...orderFields(input, config),
        callbackUrl: input.return_url ?? input.notify_url,
        ip: input.payer_ip ?? '127.0.0.1',
        expireTime: formatShanghaiCompact(input.expires_at),
      };
      const key = desKeyOf(config);
      const hidden = Object.entries(fields).map(([name, value]) => [name, plain_fields.includes(name) ? value : encryptHex(value, key)]);
      const sign = signText(formText(fields), privateKeyOf(config.private_key));
      const action = { type: 'submit_form', url: `${host(config)}/saveOrder`, fields: { ...Object.fromEntries(hidden), sign } } as const;
      return { local: { is: 'waiting', action } };
    },
    verify: () => 'invalid',
    outcome: () => ask('unreadable'),
  };
}

/** An order that an app hands to JD's own. */
export const appOrder: Operation<Config, PayInput, PayFact> = {
  retry: 'never',
  request(input, account) {
    const { config } = account;
    if (input.currency !== 'CNY') return refusedHere('currency_not_supported', 'HELIU_CURRENCY', 'JD Pay takes CNY only');
    if (config.md5_key === undefined) return refusedHere('method_not_enabled', 'HELIU_MD5_KEY_MISSING', 'the account has no key for app payments');
    const times = { expireTime: formatShanghaiCompact(input.expires_at), ip: input.payer_ip ?? '127.0.0.1', tradeType: 'GEN' };
    return xmlRequest(account, 'uniorder', { ...orderFields(input, config), ...times, callbackUrl: input.return_url ?? input.notify_url });
  },
  verify: verifyAnswer,
  outcome(answer, input, { config }) {
    const { fields, failure } = fieldsOf(answer, config);
    if (failure) return payFailure(failure);
    if (requiredField(fields, 'tradeNum') !== input.channel_order_no) return ask('unreadable', 'the answer is about another order');
    const order = { merchant: config.merchant, orderId: requiredField(fields, 'orderId') };
    const signData = appSign(order, config.md5_key?.expose() ?? '');
    return { is: 'waiting', action: { type: 'invoke', wallet: 'jd', api: 'JDPay', params: { ...order, signData } } };
  },
};

/** Charges a payment code. One number is one scan, so the request is never repeated. */
export const chargeCode: Operation<Config, PayInput, PayFact> = {
  retry: 'never',
  request(input, account) {
    if (input.currency !== 'CNY') return refusedHere('currency_not_supported', 'HELIU_CURRENCY', 'JD Pay takes CNY only');
    if (input.auth_code === undefined) return refusedHere('payment_code_invalid', 'HELIU_AUTH_CODE_MISSING', 'auth_code is required for payment codes');
    const { orderType: _type, ...fields } = orderFields(input, account.config);
    return xmlRequest(account, 'fkmPay', { ...fields, token: input.auth_code });
  },
  verify: verifyAnswer,
  outcome(answer, input, { config }, env) {
    const { fields, failure } = fieldsOf(answer, config);
    if (failure) return payFailure(failure);
    const fact = readState(fields, input, env);
    return fact.is === 'waiting' ? { is: 'waiting', action: { type: 'wait' } } : fact;
  },
};

export const queryOrder: Operation<Config, OrderInput, PaymentFact> = {
  retry: 'same_key',
  request: (input, account) => xmlRequest(account, 'query', { tradeNum: input.channel_order_no, tradeType: '0' }),
  verify: verifyAnswer,
  outcome(answer, input, { config }, env) {
    const { fields, failure } = fieldsOf(answer, config);
    return failure ? queryFailure(failure) : readState(fields, input, env);
  },
};

/** 0 made, 1 under way, 2 through, 3 failed, 4 closed, as a public integration names them. That 3 is the end nobody says. */
export function readState(
  fields: Fields,
  { channel_order_no }: { readonly channel_order_no: string },
  env: Env,
): Exclude<Settled<PaymentFact>, { is: 'not_found' }> {
  if (requiredField(fields, 'tradeNum') !== channel_order_no) return ask('unreadable', 'the answer is about another order');
  const status = requiredField(fields, 'status');
  if (status === '0' || status === '1') return { is: 'waiting' };
  if (status === '4') return { is: 'closed' };
  if (status !== '2') return ask('unlisted', `status ${status}`);
  return {
    is: 'paid',
    success: {
      // JD names a payment by the merchant's number alone.
      channel_transaction_id: channel_order_no,
      amount_fen: fenField(fields, 'amount'),
      currency: fields.currency ?? 'CNY',
      // The answer names no time of payment, so it is when we learn of it.
      paid_at: env.now,
      identity: { merchant: requiredField(fields, 'merchant') },
    },
  };
}

/** Undoes a charge by payment code, money back included. The undoing has a number of its own, which follows from the order's. */
export const reverseOrder: Operation<Config, OrderInput, UndoFact> = {
  retry: 'same_key',
  request: (input, account, env) =>
    xmlRequest(account, 'revoke', {
      tradeNum: `R${input.channel_order_no.slice(1)}`,
      oTradeNum: input.channel_order_no,
      amount: String(fenToNumber(input.amount_fen)),
      currency: 'CNY',
      tradeTime: formatShanghaiCompact(env.now),
    }),
  verify: verifyAnswer,
  outcome(answer, _, { config }) {
    const { fields, failure } = fieldsOf(answer, config);
    if (failure) return undoFailure(failure);
    const status = requiredField(fields, 'status');
    if (status === '2') return { is: 'closed', money: 'not_said' };
    return status === '0' || status === '1' ? { is: 'again' } : ask('unlisted', `status ${status}`);
  },
};
