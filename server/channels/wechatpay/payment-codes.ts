import { fenToNumber, toFen } from '../../kernel/money.ts';
import type { PaymentFact } from '../../kernel/outcome.ts';
import { parseShanghaiCompact } from '../../kernel/time.ts';
import type { Account, Env, Local, Operation, OrderInput, PayFact, PayInput, Settled, UndoFact, Verdict, WireAnswer, WireRequest } from '../define.ts';
import { buildFlatXml, type Fields, parseFlatXml } from '../flat-xml.ts';
import { applicationOf, type Config, gatewayOf } from './config.ts';
import { type Call, meaningOf } from './errors.ts';
import { subjectInBytes } from './subject.ts';
import { ask, refused, refusedHere, user_agent } from './wire.ts';
import { isGenuine, signFields } from './xml.ts';

/**
 * Payment codes (付款码) over APIv2: WeChat's manuals of 2026 still send integrators there. There is no notification, so
 * the outcome comes from the answer or a query. @see https://pay.weixin.qq.com/doc/v2/merchant/4011937160
 */

/** The parties of an order as every APIv2 message names them. */
function parties(config: Config, app_id: string | undefined): Fields {
  const { appid, sub_appid } = applicationOf(config, app_id);
  const sub = config.mode === 'provider' ? { ...(sub_appid === undefined ? {} : { sub_appid }), sub_mch_id: config.sub_mchid ?? '' } : {};
  return { appid, mch_id: config.mchid, ...sub };
}

type Message = { readonly path: string; readonly fields: Fields; readonly app_id: string | undefined; readonly mutual_tls: boolean };

/** A request signed with HMAC-SHA256; the answer must then be signed the same way. */
function signedMessage({ config }: Account<Config>, env: Env, { path, fields, app_id, mutual_tls }: Message): WireRequest | Local<ReturnType<typeof refused>> {
  const { apiv2_key, certificate } = config;
  if (apiv2_key === undefined) return refusedHere('method_not_enabled', 'HELIU_APIV2_KEY_MISSING', 'the account has no APIv2 key');
  if (mutual_tls && certificate === undefined)
    return refusedHere('configuration_error', 'HELIU_CERTIFICATE_MISSING', 'the account has no merchant certificate');
  const { origin, prefix } = gatewayOf(config);
  const unsigned = { ...parties(config, app_id), nonce_str: env.nonce, sign_type: 'HMAC-SHA256', ...fields };
  return {
    method: 'POST',
    origin,
    path: prefix + path,
    headers: { accept: 'text/xml', 'content-type': 'text/xml; charset=utf-8', 'user-agent': user_agent },
    body: buildFlatXml({ ...unsigned, sign: signFields(unsigned, apiv2_key, 'HMAC-SHA256') }),
    ...(mutual_tls && certificate !== undefined ? { client_certificate: { certificate_pem: certificate, key_pem: config.private_key } } : {}),
  };
}

/** An answer that failed as a communication carries no signature; every other one must carry the right one and our number. */
function verifyMessage(answer: WireAnswer, { config }: Account<Config>): Verdict {
  if (config.apiv2_key === undefined) return 'invalid';
  const fields = fieldsOf(answer);
  if (fields.return_code !== 'SUCCESS') return config.trust_unsigned_errors === true ? 'valid' : 'invalid';
  return isGenuine(fields, config.apiv2_key, 'HMAC-SHA256') && fields.mch_id === config.mchid ? 'valid' : 'invalid';
}

const fieldsOf = (answer: WireAnswer): Fields => parseFlatXml(answer.body.toString('utf8'));

/** What an answer that is not a success says, or undefined when it is one. */
function failureOf(call: Call, fields: Fields) {
  if (fields.return_code === 'SUCCESS' && fields.result_code === 'SUCCESS') return undefined;
  const code = fields.err_code ?? fields.return_code ?? '';
  return { meaning: meaningOf(call, code), code, message: fields.err_code_des ?? fields.return_msg };
}

/**
 * Charges a payment code. One number is one scan, so the request is never repeated: a code that was charged already
 * would be answered with a refusal.
 */
export const chargeCode: Operation<Config, PayInput, PayFact> = {
  retry: 'never',
  request(input, account, env) {
    if (input.currency !== 'CNY') return refusedHere('currency_not_supported', 'HELIU_CURRENCY', 'WeChat Pay takes CNY only');
    if (input.auth_code === undefined) return refusedHere('payment_code_invalid', 'HELIU_AUTH_CODE_MISSING', 'auth_code is required for payment codes');
    const fields = {
      body: subjectInBytes(input.subject),
      out_trade_no: input.channel_order_no,
      total_fee: String(fenToNumber(input.amount_fen)),
      fee_type: 'CNY',
      // The address of the machine that scans; a required field that the gateway only records.
      spbill_create_ip: input.payer_ip ?? '127.0.0.1',
      auth_code: input.auth_code,
      ...(input.terminal_id === undefined ? {} : { device_info: input.terminal_id }),
    };
    return signedMessage(account, env, { path: '/pay/micropay', fields, app_id: input.app_id, mutual_tls: false });
  },
  verify: verifyMessage,
  outcome(answer, input, account) {
    const fields = fieldsOf(answer);
    const failure = failureOf('micropay', fields);
    if (!failure) return paid(fields, input, account.config);
    const { meaning, code, message } = failure;
    if (meaning.final === 'no') return refused(meaning.reason, code, message);
    if (meaning.final === 'ask') return ask(meaning.why, code);
    return meaning.state === 'paying' ? { is: 'waiting', action: { type: 'wait' } } : ask('unlisted', code);
  },
};

/** @see https://pay.weixin.qq.com/doc/v2/merchant/4011937173 */
export const queryCode: Operation<Config, OrderInput, PaymentFact> = {
  retry: 'same_key',
  request: (input, account, env) =>
    signedMessage(account, env, { path: '/pay/orderquery', fields: { out_trade_no: input.channel_order_no }, app_id: input.app_id, mutual_tls: false }),
  verify: verifyMessage,
  outcome(answer, input, account) {
    const fields = fieldsOf(answer);
    const failure = failureOf('query', fields);
    if (!failure) return readState(fields, input, account.config);
    const { meaning, code } = failure;
    if (meaning.final === 'wait' && meaning.state === 'not_found') return { is: 'not_found' };
    return ask(meaning.final === 'ask' ? meaning.why : 'unlisted', code);
  },
};

function readState(fields: Fields, input: OrderInput, config: Config): Settled<PaymentFact> {
  const state = required(fields, 'trade_state');
  switch (state) {
    case 'SUCCESS':
    case 'REFUND':
      return paid(fields, input, config);
    case 'NOTPAY':
    case 'USERPAYING':
    case 'ACCEPT':
      return { is: 'waiting' };
    case 'CLOSED':
    case 'REVOKED':
      return { is: 'closed' };
    case 'PAYERROR':
      return refused('other', state, fields.trade_state_desc);
    default:
      return ask('unlisted', state);
  }
}

function paid(fields: Fields, { channel_order_no }: { readonly channel_order_no: string }, config: Config): Settled<PaymentFact & { is: 'paid' }> {
  if (required(fields, 'out_trade_no') !== channel_order_no) return ask('unreadable', 'the answer is about another order');
  const paid_at = parseShanghaiCompact(required(fields, 'time_end'));
  if (!paid_at) throw new Error('time_end is not a time');
  const payer_id = fields.sub_openid ?? fields.openid;
  return {
    is: 'paid',
    success: {
      channel_transaction_id: required(fields, 'transaction_id'),
      amount_fen: fenOf(fields, 'total_fee'),
      currency: fields.fee_type ?? 'CNY',
      ...(fields.cash_fee === undefined ? {} : { payer_amount_fen: fenOf(fields, 'cash_fee') }),
      paid_at,
      ...(payer_id === undefined ? {} : { payer_id }),
      identity: receiverOf(fields, config.mode),
    },
  };
}

function receiverOf({ mch_id, sub_mch_id, appid }: Fields, mode: Config['mode']): Record<string, string> {
  const named = mode === 'direct' ? { mchid: mch_id, appid } : { sp_mchid: mch_id, sub_mchid: sub_mch_id, sp_appid: appid };
  return Object.fromEntries(Object.entries(named).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

function required(fields: Fields, name: string): string {
  const value = fields[name];
  if (value === undefined || value === '') throw new Error(`${name} is missing`);
  return value;
}

function fenOf(fields: Fields, name: string) {
  const text = required(fields, name);
  if (!/^\d{1,15}$/.test(text)) throw new Error(`${name} is not an amount`);
  return toFen(Number(text));
}

/**
 * Reverses a payment-code order, money back included. `recall=Y` asks for the same call again, whatever the result says.
 * The answer does not tell whether money went back. @see https://pay.weixin.qq.com/doc/v2/merchant/4011937175
 */
export const reverseCode: Operation<Config, OrderInput, UndoFact> = {
  retry: 'same_key',
  request: (input, account, env) =>
    signedMessage(account, env, { path: '/secapi/pay/reverse', fields: { out_trade_no: input.channel_order_no }, app_id: input.app_id, mutual_tls: true }),
  verify: verifyMessage,
  outcome(answer) {
    const fields = fieldsOf(answer);
    if (fields.recall === 'Y') return { is: 'again' };
    const failure = failureOf('reverse', fields);
    if (!failure) return { is: 'closed', money: 'not_said' };
    const { meaning, code, message } = failure;
    if (meaning.final === 'no') return refused(meaning.reason, code, message);
    if (meaning.final === 'ask') return ask(meaning.why, code);
    return meaning.state === 'not_found' ? { is: 'not_found' } : ask('unlisted', code);
  },
};
