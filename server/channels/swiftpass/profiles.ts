/**
 * Banks and operators that run the same gateway. What differs is data: where it is, and which signatures it takes. All of
 * it can be overruled by the account's settings, since a bank moves hosts when it likes.
 */
export type Profile = {
  readonly name: { readonly en: string; readonly zh: string };
  readonly gateway_url: string;
  readonly bill_url: string;
  readonly sign_types: readonly SignType[];
};
export type SignType = 'MD5' | 'RSA_1_256' | 'RSA_1_1';

const any_sign: readonly SignType[] = ['MD5', 'RSA_1_256', 'RSA_1_1'];
const public_gateway = 'https://pay.swiftpass.cn/pay/gateway';
const bill_url = 'https://download.swiftpass.cn/gateway';

export const profiles = {
  swiftpass: { name: { en: 'SwiftPass', zh: '威富通' }, gateway_url: public_gateway, bill_url, sign_types: any_sign },
  // 兴E付: some merchants are given a host of their own, which goes into `gateway_url`.
  cib: { name: { en: 'Industrial Bank', zh: '兴业银行 兴E付' }, gateway_url: public_gateway, bill_url, sign_types: any_sign },
  citic: { name: { en: 'CITIC Bank', zh: '中信银行' }, gateway_url: public_gateway, bill_url, sign_types: any_sign },
  hstypay: { name: { en: 'hstypay', zh: '汇收通' }, gateway_url: 'https://pay.hstypay.com/v2/pay/gateway', bill_url, sign_types: any_sign },
  gsbank: { name: { en: 'Bank of Gansu', zh: '甘肃银行' }, gateway_url: 'https://gspay.gsbankchina.com/pay-main/pay/gateway', bill_url, sign_types: any_sign },
  unionpay_qra: { name: { en: 'UnionPay QRA', zh: '银联条码支付综合前置' }, gateway_url: 'https://qra.95516.com/pay/gateway', bill_url, sign_types: ['MD5'] },
} as const satisfies Record<string, Profile>;
export type Bank = keyof typeof profiles;

export const banks = Object.keys(profiles) as readonly Bank[];
export const profileOf = (bank: Bank): Profile => profiles[bank];
