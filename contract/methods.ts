import Type, { type Static } from 'typebox';

/**
 * How a payer pays: wallet and scene. `barcode` alone means "find the wallet from the payment code's prefix".
 * A wallet is the payer's app; which channel account serves it is routing's choice.
 */
export const methods = {
  wechat_qr: { wallet: 'wechat', scene: 'qr', en: 'WeChat Pay QR (Native)', zh: '微信扫码支付 (Native)' },
  wechat_jsapi: { wallet: 'wechat', scene: 'jsapi', en: 'WeChat Pay in an official account page (JSAPI)', zh: '微信公众号支付 (JSAPI)' },
  wechat_mini: { wallet: 'wechat', scene: 'mini', en: 'WeChat Pay in a mini-program', zh: '微信小程序支付' },
  wechat_h5: { wallet: 'wechat', scene: 'h5', en: 'WeChat Pay from a mobile browser (H5)', zh: '微信 H5 支付' },
  wechat_app: { wallet: 'wechat', scene: 'app', en: 'WeChat Pay in an app', zh: '微信 APP 支付' },
  wechat_barcode: { wallet: 'wechat', scene: 'barcode', en: 'WeChat Pay payment code', zh: '微信付款码支付' },
  alipay_qr: { wallet: 'alipay', scene: 'qr', en: 'Alipay QR (precreate)', zh: '支付宝扫码支付' },
  alipay_jsapi: { wallet: 'alipay', scene: 'jsapi', en: 'Alipay in an Alipay page (JSAPI)', zh: '支付宝生活号支付 (JSAPI)' },
  alipay_mini: { wallet: 'alipay', scene: 'mini', en: 'Alipay in a mini-program', zh: '支付宝小程序支付' },
  alipay_wap: { wallet: 'alipay', scene: 'h5', en: 'Alipay from a mobile browser (WAP)', zh: '支付宝手机网站支付' },
  alipay_app: { wallet: 'alipay', scene: 'app', en: 'Alipay in an app', zh: '支付宝 APP 支付' },
  alipay_page: { wallet: 'alipay', scene: 'page', en: 'Alipay on a PC page', zh: '支付宝电脑网站支付' },
  alipay_barcode: { wallet: 'alipay', scene: 'barcode', en: 'Alipay payment code', zh: '支付宝付款码支付' },
  unionpay_qr: { wallet: 'unionpay', scene: 'qr', en: 'UnionPay QR', zh: '银联二维码主扫支付' },
  unionpay_jsapi: { wallet: 'unionpay', scene: 'jsapi', en: 'UnionPay app page (JS)', zh: '云闪付 JS 支付' },
  unionpay_app: { wallet: 'unionpay', scene: 'app', en: 'UnionPay in an app', zh: '银联手机控件支付 (APP)' },
  unionpay_h5: { wallet: 'unionpay', scene: 'h5', en: 'UnionPay from a mobile browser (WAP)', zh: '银联手机网页支付 (WAP)' },
  unionpay_page: { wallet: 'unionpay', scene: 'page', en: 'UnionPay cards on a PC page', zh: '银联网关支付（银行卡）' },
  unionpay_bank: { wallet: 'unionpay', scene: 'page', en: "Online banking by UnionPay: a person's account (B2C)", zh: '银联个人网银支付 (B2C)' },
  unionpay_b2b: { wallet: 'unionpay', scene: 'page', en: "Online banking by UnionPay: a company's account (B2B)", zh: '银联企业网银支付 (B2B)' },
  unionpay_barcode: { wallet: 'unionpay', scene: 'barcode', en: 'UnionPay payment code', zh: '银联付款码支付' },
  qq_qr: { wallet: 'qq', scene: 'qr', en: 'QQ Wallet QR', zh: 'QQ 钱包扫码支付' },
  qq_jsapi: { wallet: 'qq', scene: 'jsapi', en: 'QQ Wallet in a QQ page (JSAPI)', zh: 'QQ 钱包公众号支付 (JSAPI)' },
  qq_mini: { wallet: 'qq', scene: 'mini', en: 'QQ Wallet in a mini-program', zh: 'QQ 小程序支付' },
  qq_app: { wallet: 'qq', scene: 'app', en: 'QQ Wallet in an app', zh: 'QQ 钱包 APP 支付' },
  qq_barcode: { wallet: 'qq', scene: 'barcode', en: 'QQ Wallet payment code', zh: 'QQ 钱包付款码支付' },
  jd_qr: { wallet: 'jd', scene: 'qr', en: 'JD Pay QR', zh: '京东扫码支付' },
  jd_app: { wallet: 'jd', scene: 'app', en: 'JD Pay in an app', zh: '京东 APP 支付' },
  jd_h5: { wallet: 'jd', scene: 'h5', en: 'JD Pay from a mobile browser', zh: '京东手机网页支付 (H5)' },
  jd_page: { wallet: 'jd', scene: 'page', en: 'JD Pay on a PC page', zh: '京东电脑网页支付' },
  jd_barcode: { wallet: 'jd', scene: 'barcode', en: 'JD Pay payment code', zh: '京东付款码支付' },
  bestpay_jsapi: { wallet: 'bestpay', scene: 'jsapi', en: 'Bestpay in a Bestpay page (JS)', zh: '翼支付 JS 支付' },
  bestpay_h5: { wallet: 'bestpay', scene: 'h5', en: 'Bestpay from a mobile browser (WAP)', zh: '翼支付手机网页支付 (WAP)' },
  bestpay_page: { wallet: 'bestpay', scene: 'page', en: 'Bestpay on a PC page', zh: '翼支付电脑网页支付' },
  bestpay_barcode: { wallet: 'bestpay', scene: 'barcode', en: 'Bestpay payment code', zh: '翼支付付款码支付' },
  ecny_qr: { wallet: 'ecny', scene: 'qr', en: 'e-CNY QR', zh: '数字人民币扫码支付' },
  ecny_barcode: { wallet: 'ecny', scene: 'barcode', en: 'e-CNY payment code', zh: '数字人民币付款码支付' },
  aggregate_qr: { wallet: 'aggregate', scene: 'qr', en: "Acquirer's QR that any of its wallets pays", zh: '聚合收款码（任一钱包扫码支付）' },
} as const;
export type Method = keyof typeof methods;
/** The payer's app. `aggregate`: whichever wallet scans an acquirer's code. */
export type Wallet = (typeof methods)[Method]['wallet'];

const names = Object.keys(methods) as Method[];
const wallets: readonly Wallet[] = [...new Set(names.map((name) => methods[name].wallet))];

/** A method that a channel can serve. */
export const MethodSchema = Type.Unsafe<Method>({ type: 'string', enum: names });

/** A method as a merchant asks for one try. */
export const RequestedMethod = Type.Unsafe<Method | 'barcode'>({
  type: 'string',
  enum: [...names, 'barcode'],
  description: 'How the payer pays. `barcode` finds the wallet from the payment code. 支付方式；`barcode` 按付款码前缀识别钱包。',
});

/** A method as a merchant asks for a payment: a code that every wallet scans has no wallet until somebody scans it. */
export const RequestedPaymentMethod = Type.Unsafe<Method | 'barcode' | 'qr'>({
  type: 'string',
  enum: [...names, 'barcode', 'qr'],
  description:
    'How the payer pays. `barcode` finds the wallet from the payment code; `qr` gives one code for every wallet, and the wallet that scans it decides. 支付方式；`barcode` 按付款码前缀识别钱包，`qr` 为聚合码，由扫码的钱包决定。',
});

/** What a front end does next; ready to use as it is. */
export const NextAction = Type.Union(
  [
    Type.Object({ type: Type.Literal('none') }, { additionalProperties: false, description: 'Nothing to do. 无需操作。' }),
    Type.Object(
      { type: Type.Literal('wait') },
      {
        additionalProperties: false,
        description: 'The payer is confirming, or the outcome is not known yet: ask again or wait for the webhook. 等待付款人确认或结果确认。',
      },
    ),
    Type.Object(
      { type: Type.Literal('new_attempt') },
      {
        additionalProperties: false,
        description:
          'What the payer would be shown was lost on the way, and the channel has not given it again, or the order has ended at the channel: make another attempt, or close the payment. Should it come after all, it is shown here. 付款内容在途中丢失、渠道未再次给出，或渠道订单已结束：请再试一次（新建支付尝试）或关闭；若之后取得，仍会在此给出。',
      },
    ),
    Type.Object(
      { type: Type.Literal('show_qr'), qr_content: Type.String({ description: 'Text to draw as a QR code. 二维码内容。' }) },
      { additionalProperties: false },
    ),
    Type.Object({ type: Type.Literal('redirect'), url: Type.String({ description: 'Send the browser here. 跳转地址。' }) }, { additionalProperties: false }),
    Type.Object(
      {
        type: Type.Literal('submit_form'),
        url: Type.String(),
        fields: Type.Record(Type.String(), Type.String(), { description: 'Hidden inputs of a form to POST to url. 以 POST 提交的表单字段。' }),
      },
      { additionalProperties: false },
    ),
    Type.Object(
      {
        type: Type.Literal('invoke'),
        wallet: Type.Unsafe<Wallet>({ type: 'string', enum: [...wallets] }),
        api: Type.String({
          description:
            'What to call: `WeixinJSBridge.getBrandWCPayRequest`, `wx.requestPayment`, `WXPay.sendReq`, `AlipayJSBridge.tradePay`, `my.tradePay`, `AlipaySDK.payOrder`, `UPPayPlugin.startPay`, `upsdk.pay`, or what the channel names. 前端调用的接口。',
        }),
        params: Type.Record(Type.String(), Type.String(), { description: 'Pass these unchanged. 原样传入的参数。' }),
      },
      { additionalProperties: false },
    ),
  ],
  { description: 'What the front end does next. 前端下一步动作。' },
);
export type NextAction = Static<typeof NextAction>;
