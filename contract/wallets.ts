import type { Wallet } from './methods.ts';

/** What is known of a payer's app beyond its ways of paying. */
type WalletEntry = {
  readonly en: string;
  readonly zh: string;
  /** Marks of its own browser in a User-Agent, in lower case. A mark chooses what is shown, never what is trusted: anybody can send any. */
  readonly marks: readonly string[];
  /** Its browser also opens the gateway's web page, so that nobody has to be found out before. */
  readonly opens_web_pages?: boolean;
};

/**
 * Wallets in the order in which their marks are looked for: WeChat on Android also says MQQBrowser, and QQ says little that
 * others do not say too. Which marks are documented and which were only seen stands in docs/guides/checkout.md.
 */
export const wallets = {
  alipay: { en: 'Alipay', zh: '支付宝', marks: ['alipayclient', 'aliapp(ap/'], opens_web_pages: true },
  wechat: { en: 'WeChat', zh: '微信', marks: ['micromessenger'] },
  unionpay: { en: 'UnionPay app', zh: '云闪付', marks: ['unionpay/', 'cloudpay'], opens_web_pages: true },
  bestpay: { en: 'Bestpay', zh: '翼支付', marks: ['bestpay'] },
  qq: { en: 'QQ Wallet', zh: 'QQ 钱包', marks: [' qq/'] },
  jd: { en: 'JD Pay', zh: '京东支付', marks: ['jdapp', 'jdjr', 'jdpay'] },
  ecny: { en: 'e-CNY', zh: '数字人民币', marks: [] },
  aggregate: { en: 'any wallet', zh: '任一钱包', marks: [] },
} as const satisfies Record<Wallet, WalletEntry>;

/** The same entries by any wallet's name. */
export const walletEntry = (wallet: Wallet): WalletEntry => wallets[wallet];
