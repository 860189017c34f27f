import type { Method } from '@heliu/contract';

/**
 * Whose payment code (付款码) it is. `method` is absent for wallets that no channel serves yet, so that a cashier hears
 * "we do not take that wallet" and not "invalid code".
 */
export type PaymentCodeIssuer = {
  readonly wallet: 'wechat' | 'alipay' | 'unionpay' | 'ecny' | 'bestpay' | 'suning';
  readonly method?: Method;
};

type Form = PaymentCodeIssuer & {
  /** A prefix belongs to one wallet alone. */
  readonly prefixes: readonly string[];
  readonly length: { readonly min: number; readonly max: number };
  readonly alphabet: RegExp;
};

const digits = /^\d+$/;

/**
 * The issuers' own tables, and the prefix list that acquirers publish for their micropay interfaces. Where no length
 * is published the prefix decides, between the shortest and the longest code that any wallet issues. Prefixes that
 * rest on hearsay (91, 18) are left out: a code that nobody vouches for is sent to nobody.
 */
const forms: readonly Form[] = [
  // Mainland wallets 10 to 14, Hong Kong wallets 15.
  { wallet: 'wechat', method: 'wechat_barcode', prefixes: ['10', '11', '12', '13', '14', '15'], length: { min: 18, max: 18 }, alphabet: digits },
  // The `auth_code` field of alipay.trade.pay.
  { wallet: 'alipay', method: 'alipay_barcode', prefixes: ['25', '26', '27', '28', '29', '30'], length: { min: 16, max: 24 }, alphabet: digits },
  // A face in place of a code: the terminal makes it, the wallet is the same.
  { wallet: 'alipay', method: 'alipay_barcode', prefixes: ['fp'], length: { min: 35, max: 35 }, alphabet: /^[0-9A-Za-z]+$/ },
  // Bank apps and several wallets show a code of the UnionPay network too.
  { wallet: 'unionpay', method: 'unionpay_barcode', prefixes: ['62'], length: { min: 19, max: 20 }, alphabet: digits },
  { wallet: 'bestpay', method: 'bestpay_barcode', prefixes: ['51'], length: { min: 18, max: 18 }, alphabet: digits },
  { wallet: 'ecny', method: 'ecny_barcode', prefixes: ['01'], length: { min: 16, max: 24 }, alphabet: digits },
  { wallet: 'suning', prefixes: ['83'], length: { min: 16, max: 24 }, alphabet: digits },
];

/** Reads the issuer from prefix and length; undefined when no wallet issues codes of this form. */
export function issuerOfPaymentCode(code: string): PaymentCodeIssuer | undefined {
  const form = forms.find(({ prefixes, length, alphabet }) => {
    return prefixes.includes(code.slice(0, 2)) && code.length >= length.min && code.length <= length.max && alphabet.test(code);
  });
  return form && { wallet: form.wallet, ...(form.method === undefined ? {} : { method: form.method }) };
}

/** The method that `barcode` stands for with this code; undefined when no channel takes it. */
export function walletOfPaymentCode(code: string): Method | undefined {
  return issuerOfPaymentCode(code)?.method;
}
