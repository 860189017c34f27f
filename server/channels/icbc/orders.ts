import { type Method, methods, type NextAction } from '@heliu/contract';
import { type Fen, fenToNumber, toFen } from '../../kernel/money.ts';
import type { PaymentFact } from '../../kernel/outcome.ts';
import { formatShanghai, formatShanghaiCompact, parseShanghaiCompact } from '../../kernel/time.ts';
import { asOf, type Env, type Operation, type OrderInput, type PayFact, type PayInput, type Settled, type UndoFact } from '../define.ts';
import { ask, payFailure, queryFailure, refused, refusedHere, textInBytes, undoFailure } from '../meaning.ts';
import type { Config } from './config.ts';
import { type Family, familyOf, statesOf } from './states.ts';
import { type Biz, objectIn, read, required, signedRequest, textOf, verifyAnswer } from './wire.ts';

/** Orders of the open platform's 二维码 and 聚合支付线上. @see https://open.icbc.com.cn */

type PayOperation = Operation<Config, PayInput, PayFact>;

/** What cannot be sent with these settings, before a byte leaves. */
function refusal(input: PayInput, family: Family, config: Config) {
  if (input.currency !== 'CNY') return refusedHere('currency_not_supported', 'HELIU_CURRENCY', 'ICBC takes CNY only');
  if (config[`${family}_states`] === undefined || config[`${family}_refund_states`] === undefined)
    return refusedHere('configuration_error', 'HELIU_STATES', `${family}_states and ${family}_refund_states are required for this method`);
  return undefined;
}

/** Seconds that an order lives: less than a day for codes, more than a minute for pages. */
const lifeSeconds = ({ created_at, expires_at }: PayInput): string =>
  String(Math.min(86_399, Math.max(61, Math.floor((expires_at.getTime() - created_at.getTime()) / 1000))));

function qrOrder(input: PayInput) {
  const at = formatShanghaiCompact(input.created_at);
  return { out_trade_no: input.channel_order_no, order_amt: String(fenToNumber(input.amount_fen)), trade_date: at.slice(0, 8), trade_time: at.slice(8) };
}

/** A code that whichever wallet scans. How a number that was used is answered is said nowhere, so it is sent once. */
const qr: PayOperation = {
  retry: 'never',
  request: (input, account, env) => {
    const { store_code } = account.config;
    const no = refusal(input, 'qr', account.config);
    if (no) return no;
    if (store_code === undefined) return refusedHere('configuration_error', 'HELIU_STORE_CODE_MISSING', 'store_code is required for this method');
    return signedRequest(account, env, '/api/qrcode/V2/generate', {
      ...qrOrder(input),
      store_code,
      pay_expire: lifeSeconds(input),
      notify_url: input.notify_url,
      tporder_create_ip: input.payer_ip ?? '127.0.0.1',
      sp_flag: '0',
      notify_flag: '1',
    });
  },
  verify: verifyAnswer,
  outcome: (answer, _input, account) => {
    const { biz, failure } = read(answer, account);
    return failure ? payFailure(failure) : { is: 'waiting', action: { type: 'show_qr', qr_content: required(biz, 'qrcode') } };
  },
};

/** A payment code: taken is not paid, so the outcome is always asked for. */
const barcode: PayOperation = {
  retry: 'never',
  request: (input, account, env) => {
    const no = refusal(input, 'qr', account.config);
    if (no) return no;
    if (input.auth_code === undefined) return refusedHere('payment_code_invalid', 'HELIU_AUTH_CODE_MISSING', 'auth_code is required for payment codes');
    return signedRequest(account, env, '/api/qrcode/V2/pay', { ...qrOrder(input), qr_code: input.auth_code });
  },
  verify: verifyAnswer,
  outcome: (answer, _input, account) => {
    const { failure } = read(answer, account);
    return failure ? payFailure(failure) : { is: 'waiting', action: { type: 'wait' } };
  },
};

/** pay_mode and access_type: 9 WeChat, 10 Alipay; 7 official account, 8 life account, 9 mini-program. */
const pages = { wechat_jsapi: ['9', '7'], wechat_mini: ['9', '9'], alipay_jsapi: ['10', '8'] } as const;

function page(method: keyof typeof pages): PayOperation {
  const [pay_mode, access_type] = pages[method];
  return {
    retry: 'never',
    request: (input, account, env) => {
      const { mer_prtcl_no, device_info, app_id, wechat_appid } = account.config;
      const no = refusal(input, 'online', account.config);
      if (no) return no;
      if (mer_prtcl_no === undefined || device_info === undefined)
        return refusedHere('configuration_error', 'HELIU_AGREEMENT_MISSING', 'mer_prtcl_no and device_info are required for this method');
      if (input.payer_id === undefined) return refusedHere('configuration_error', 'HELIU_PAYER_ID_MISSING', 'payer_id is required for this method');
      const payer = pay_mode === '9' ? { shop_appid: input.app_id ?? wechat_appid, open_id: input.payer_id } : { union_id: input.payer_id };
      return signedRequest(account, env, '/api/cardbusiness/aggregatepay/b2c/online/consumepurchase/V1', {
        out_trade_no: input.channel_order_no,
        pay_mode,
        access_type,
        mer_prtcl_no,
        orig_date_time: formatShanghai(input.created_at).replace(' ', 'T'),
        // Spelt so by the bank.
        decive_info: device_info,
        body: textInBytes(input.subject, 128),
        fee_type: '001',
        spbill_create_ip: input.payer_ip ?? '127.0.0.1',
        total_fee: String(fenToNumber(input.amount_fen)),
        mer_url: input.notify_url,
        icbc_appid: app_id,
        ...payer,
        expire_time: lifeSeconds(input),
        notify_type: 'HS',
        result_type: '1',
      });
    },
    verify: verifyAnswer,
    outcome: (answer, input, account) => {
      const { biz, failure } = read(answer, account);
      if (failure) return payFailure(failure);
      if (!isOrder(biz, input)) return ask('unreadable', 'the answer is about another order');
      return { is: 'waiting', action: actionOf(method, biz) };
    },
  };
}

function actionOf(method: keyof typeof pages, biz: Biz): NextAction {
  const { wallet, scene } = methods[method];
  const package_text = required(biz, wallet === 'wechat' ? 'wx_data_package' : 'zfb_data_package');
  const given = objectIn(package_text);
  const params = Object.fromEntries(Object.keys(given).map((name) => [name, required(given, name)]));
  if (wallet === 'wechat') return { type: 'invoke', wallet, api: scene === 'mini' ? 'wx.requestPayment' : 'WeixinJSBridge.getBrandWCPayRequest', params };
  return { type: 'invoke', wallet, api: 'AlipayJSBridge.tradePay', params: { tradeNO: params.tradeNO ?? required(biz, 'third_trade_no') } };
}

export const pay = {
  aggregate_qr: qr,
  wechat_barcode: barcode,
  alipay_barcode: barcode,
  unionpay_barcode: barcode,
  wechat_jsapi: page('wechat_jsapi'),
  wechat_mini: page('wechat_mini'),
  alipay_jsapi: page('alipay_jsapi'),
} as const;

const isOrder = (biz: Biz, { channel_order_no }: { readonly channel_order_no: string }): boolean =>
  (textOf(biz, 'out_trade_no') ?? channel_order_no) === channel_order_no;

export const query: Operation<Config, OrderInput, PaymentFact> = {
  retry: 'same_key',
  request: (input, account, env) => {
    const { app_id, mer_prtcl_no } = account.config;
    const out_trade_no = input.channel_order_no;
    if (familyOf(input.method) === 'qr') return signedRequest(account, env, '/api/qrcode/V2/query', { out_trade_no });
    const online = { out_trade_no, deal_flag: '0', icbc_appid: app_id, mer_prtcl_no };
    return signedRequest(account, env, '/api/cardbusiness/aggregatepay/b2c/online/orderqry/V1', online);
  },
  verify: verifyAnswer,
  outcome: (answer, input, account, env) => {
    const { biz, failure } = read(answer, account);
    if (failure?.meaning.final === 'wait' && failure.meaning.state === 'paying') return unpaid(input, env);
    if (failure) return queryFailure(failure);
    if (!isOrder(biz, input)) return ask('unreadable', 'the answer is about another order');
    return stateOf(biz, input, account.config, env);
  },
};

/** The bank has no close: an order ends by its time, and what was begun before is settled within this. */
const settles_within_ms = 600_000;

const isCode = (method: Method): boolean => methods[method].scene === 'barcode';

function unpaid({ method, expires_at }: OrderInput, env: Env): PaymentFact & { is: 'waiting' | 'closed' } {
  const is_over = !isCode(method) && asOf(env).getTime() > expires_at.getTime() + settles_within_ms;
  return { is: is_over ? 'closed' : 'waiting' };
}

function stateOf(biz: Biz, input: OrderInput, config: Config, env: Env): Settled<PaymentFact> {
  const code = required(biz, 'pay_status');
  switch (statesOf(config[`${familyOf(input.method)}_states`] ?? '').get(code)) {
    case 'done':
      return paid(biz);
    case 'waiting':
      return unpaid(input, env);
    case 'closed':
      return { is: 'closed' };
    case 'failed':
      if (isCode(input.method)) return refused('other', code, textOf(biz, 'return_msg'));
      // A page or a code can be tried again for as long as the order lives.
      return { is: asOf(env) < input.expires_at ? 'waiting' : 'closed' };
    default:
      return ask('unlisted', `pay_status ${code.slice(0, 8)}`);
  }
}

export function fenOf(biz: Biz, name: string): Fen {
  const text = required(biz, name);
  if (!/^\d{1,12}$/.test(text)) throw new Error(`${name} is no amount`);
  return toFen(Number(text));
}

/** What notifications and queries say of a payment. */
export function paid(biz: Biz): PaymentFact & { is: 'paid' } {
  const paid_at = parseShanghaiCompact(required(biz, 'pay_time'));
  if (!paid_at) throw new Error('pay_time is no time');
  const payer_id = textOf(biz, 'open_id') ?? textOf(biz, 'cust_id');
  const mer_id = textOf(biz, 'mer_id');
  return {
    is: 'paid',
    success: {
      channel_transaction_id: required(biz, 'order_id'),
      amount_fen: fenOf(biz, 'total_amt'),
      currency: 'CNY',
      ...(textOf(biz, 'payment_amt') === undefined ? {} : { payer_amount_fen: fenOf(biz, 'payment_amt') }),
      paid_at,
      ...(payer_id === undefined ? {} : { payer_id }),
      identity: mer_id === undefined ? {} : { mer_id },
    },
  };
}

/** Undoes a payment code whose outcome is not known, money back included. Its number follows from the order's. */
export const reverseOrder: Operation<Config, OrderInput, UndoFact> = {
  retry: 'same_key',
  request: (input, account, env) =>
    signedRequest(account, env, '/api/qrcode/V2/reverse', {
      out_trade_no: input.channel_order_no,
      reject_no: `R${input.channel_order_no.slice(1)}`,
      reject_amt: String(fenToNumber(input.amount_fen)),
    }),
  verify: verifyAnswer,
  outcome: (answer, _input, account) => {
    const { failure } = read(answer, account);
    return failure ? undoFailure(failure) : { is: 'closed', money: 'not_said' };
  },
};
