import { type Method, methods, type NextAction } from '@heliu/contract';
import { formatYuan, parseYuan } from '../../kernel/money.ts';
import type { PaymentFact } from '../../kernel/outcome.ts';
import { parseShanghai } from '../../kernel/time.ts';
import { asOf, type Env, type Operation, type OrderInput, type PayFact, type PayInput, type Settled } from '../define.ts';
import type { Fields } from '../flat-xml.ts';
import { ask, payFailure, refusedHere, requiredField, textInBytes } from '../meaning.ts';
import type { Config } from './config.ts';
import { done, isAbsence, keyedCall, payFailureOf, readAnswer, signedForm, unlisted, verifyAnswer } from './wire.ts';

/** Orders. Their numbers are unique at the merchant; an unpaid one cannot be ended here, it only stops being waited for. */

const types = { wechat: 'wxpay', alipay: 'alipay', qq: 'qqpay', jd: 'jdpay' } as const;
type Wallet = keyof typeof types;
export type Taken = { [M in Method]: (typeof methods)[M]['wallet'] extends Wallet ? M : never }[Method];

/** Versions differ in what they make of a number that comes again, so nothing is repeated. */
export function prepay(method: Taken): Operation<Config, PayInput, PayFact> {
  const { wallet, scene } = methods[method];
  return {
    retry: 'never',
    request(input, account) {
      if (input.currency !== 'CNY') return refusedHere('currency_not_supported', 'HELIU_CURRENCY', 'the gateway takes CNY only');
      return signedForm(account, {
        type: types[wallet],
        out_trade_no: input.channel_order_no,
        notify_url: input.notify_url,
        ...(input.return_url === undefined ? {} : { return_url: input.return_url }),
        name: textInBytes(input.subject, account.config.name_bytes_max ?? 127),
        money: formatYuan(input.amount_fen),
        clientip: input.payer_ip ?? '127.0.0.1',
        device: scene === 'h5' ? 'mobile' : 'pc',
      });
    },
    verify: verifyAnswer,
    outcome(answer) {
      const read = readAnswer(answer);
      return read.code === done ? { is: 'waiting', action: actionOf(method, read.fields) } : payFailure(payFailureOf(read));
    },
  };
}

/** One of three ways to the wallet. A page can be scanned like a code: the wallet's browser opens it. */
function actionOf(method: Taken, { qrcode = '', payurl = '', urlscheme = '' }: Fields): NextAction {
  if (methods[method].scene === 'qr') return { type: 'show_qr', qr_content: given(qrcode || payurl) };
  return { type: 'redirect', url: given(payurl || urlscheme || qrcode) };
}

function given(address: string): string {
  if (address === '') throw new Error('the answer has no way to the wallet');
  return address;
}

/**
 * The gateway has no close and no time at which an order ends. After its time an order that is unpaid is given up here; money
 * that comes later is late money.
 */
export const queryOrder: Operation<Config, OrderInput, PaymentFact> = {
  retry: 'same_key',
  request: (input, account) => keyedCall(account, 'order', { out_trade_no: input.channel_order_no }, 'GET'),
  verify: verifyAnswer,
  outcome(answer, input, _account, env) {
    const read = readAnswer(answer);
    if (isAbsence(read)) return { is: 'not_found' };
    return read.code === done ? readState(read.fields, input, env) : unlisted(read);
  },
};

function readState(fields: Fields, { channel_order_no, expires_at }: OrderInput, env: Env): Settled<PaymentFact> {
  if (requiredField(fields, 'out_trade_no') !== channel_order_no) return ask('unreadable', 'the answer is about another order');
  const state = requiredField(fields, 'status');
  if (state === '1') return paid(fields, fields.endtime, env);
  if (state === '0') return asOf(env) > expires_at ? { is: 'closed' } : { is: 'waiting' };
  // Versions use 2 and above for orders that were refunded or frozen, each in its own way: a payment with a time was paid.
  return parseShanghai(fields.endtime ?? '') ? paid(fields, fields.endtime, env) : ask('unlisted', `status ${state}`);
}

/** Where the time of payment is not said, it is when we learn of it. */
export function paid(fields: Fields, at: string | undefined, env: Env): PaymentFact & { is: 'paid' } {
  const amount_fen = parseYuan(requiredField(fields, 'money'));
  if (amount_fen === undefined) throw new Error('money is not an amount');
  const payer_id = fields.buyer ?? '';
  return {
    is: 'paid',
    success: {
      channel_transaction_id: requiredField(fields, 'trade_no'),
      amount_fen,
      currency: 'CNY',
      paid_at: parseShanghai(at ?? '') ?? env.now,
      ...(payer_id === '' ? {} : { payer_id }),
      identity: { pid: requiredField(fields, 'pid') },
    },
  };
}
