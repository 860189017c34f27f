// Generated from the contract by sdk/gen.ts. Do not edit.

/** What the merchant wants to be paid. 支付单。 */
export type Payment = {
  object: 'payment';
  /** Payment 支付单. */
  id: string;
  /** False in the sandbox. 是否生产环境。 */
  livemode: boolean;
  /** The merchant's order number. 商户订单号。 1 to 64 of 0-9 A-Z a-z _ - . * @ |, case-sensitive. */
  merchant_order_no: string;
  /** What is to be paid. 应付金额。 In fen 分 (1/100 CNY), 1 to 10000000000. */
  amount_fen: number;
  /** ISO 4217. Only CNY. 币种，目前仅人民币。 */
  currency: 'CNY';
  /** What the payer sees. 商品描述。 */
  subject: string;
  /** 支付单状态。 */
  state: PaymentState;
  /** 关闭原因。 */
  closed_reason: ClosedReason | null;
  /** A close was asked for and is being made certain at the channel. 正在渠道侧关闭。 */
  closing: boolean;
  /** Accepted 已支付金额. In fen 分. */
  paid_fen: number;
  /** In refunds that are not final 退款中金额. In fen 分. */
  refunding_fen: number;
  /** Refunded 已退款金额. In fen 分. */
  refunded_fen: number;
  /** What the front end does next. 前端下一步动作。 */
  next_action: NextAction;
  /** One try on one channel account. 支付尝试。 */
  attempt: Attempt | null;
  /** The store where it is taken. 门店。 */
  store_id: string | null;
  /** The terminal that takes it. 终端。 */
  terminal_id: string | null;
  /** The merchant's own pairs, returned unchanged. 商户自定义键值，原样返回。 */
  metadata: Record<string, string>;
  /** Closed after this time if unpaid. 过期时间。 RFC 3339. */
  expires_at: string;
  /** The channel's payment time. 支付时间。 RFC 3339. */
  paid_at: string | null;
  /** 关闭时间。 RFC 3339. */
  closed_at: string | null;
  /** 创建时间。 RFC 3339. */
  created_at: string;
  /** Grows with every change. 版本号。 */
  version: number;
};

/** One try on one channel account. 支付尝试。 */
export type Attempt = {
  /** Attempt 支付尝试. */
  id: string;
  method: Method;
  /** Code of the channel that carries it. 渠道代码。 */
  channel: string;
  /** Channel account 渠道账户. */
  channel_account_id: string;
  /** `sending`: the outcome is not known yet. 支付尝试状态。 */
  state: AttemptState;
  /** What a success counts as. 成功的归类。 */
  disposition: Disposition | null;
  /** Our order number at the channel. 送渠道的订单号。 */
  channel_order_no: string;
  /** The channel's own number, once paid. 渠道交易号。 */
  channel_transaction_id: string | null;
  /** What the payer paid after the channel's discounts. 付款人实付。 In fen 分. */
  payer_amount_fen: number | null;
  /** Why the channel refused. 渠道拒绝原因。 */
  refusal: ChannelRefusal | null;
  /** Created. RFC 3339. */
  created_at: string;
};

/** What the front end does next. 前端下一步动作。 */
export type NextAction = {
  type: 'none';
} | {
  type: 'wait';
} | {
  type: 'new_attempt';
} | {
  type: 'show_qr';
  /** Text to draw as a QR code. 二维码内容。 */
  qr_content: string;
} | {
  type: 'redirect';
  /** Send the browser here. 跳转地址。 */
  url: string;
} | {
  type: 'submit_form';
  url: string;
  /** Hidden inputs of a form to POST to url. 以 POST 提交的表单字段。 */
  fields: Record<string, string>;
} | {
  type: 'invoke';
  wallet: 'wechat' | 'alipay' | 'unionpay' | 'qq' | 'jd' | 'bestpay' | 'ecny' | 'aggregate';
  /** What to call: `WeixinJSBridge.getBrandWCPayRequest`, `wx.requestPayment`, `WXPay.sendReq`, `AlipayJSBridge.tradePay`, `my.tradePay`, `AlipaySDK.payOrder`, `UPPayPlugin.startPay`, `upsdk.pay`, or what the channel names. 前端调用的接口。 */
  api: string;
  /** Pass these unchanged. 原样传入的参数。 */
  params: Record<string, string>;
};

/** How the payer pays. `barcode` finds the wallet from the payment code. 支付方式；`barcode` 按付款码前缀识别钱包。 */
export type RequestedMethod = 'wechat_qr' | 'wechat_jsapi' | 'wechat_mini' | 'wechat_h5' | 'wechat_app' | 'wechat_barcode' | 'alipay_qr' | 'alipay_jsapi' | 'alipay_mini' | 'alipay_wap' | 'alipay_app' | 'alipay_page' | 'alipay_barcode' | 'unionpay_qr' | 'unionpay_jsapi' | 'unionpay_app' | 'unionpay_h5' | 'unionpay_page' | 'unionpay_bank' | 'unionpay_b2b' | 'unionpay_barcode' | 'qq_qr' | 'qq_jsapi' | 'qq_mini' | 'qq_app' | 'qq_barcode' | 'jd_qr' | 'jd_app' | 'jd_h5' | 'jd_page' | 'jd_barcode' | 'bestpay_jsapi' | 'bestpay_h5' | 'bestpay_page' | 'bestpay_barcode' | 'ecny_qr' | 'ecny_barcode' | 'aggregate_qr' | 'barcode';

/** How the payer pays. `barcode` finds the wallet from the payment code; `qr` gives one code for every wallet, and the wallet that scans it decides. 支付方式；`barcode` 按付款码前缀识别钱包，`qr` 为聚合码，由扫码的钱包决定。 */
export type RequestedPaymentMethod = 'wechat_qr' | 'wechat_jsapi' | 'wechat_mini' | 'wechat_h5' | 'wechat_app' | 'wechat_barcode' | 'alipay_qr' | 'alipay_jsapi' | 'alipay_mini' | 'alipay_wap' | 'alipay_app' | 'alipay_page' | 'alipay_barcode' | 'unionpay_qr' | 'unionpay_jsapi' | 'unionpay_app' | 'unionpay_h5' | 'unionpay_page' | 'unionpay_bank' | 'unionpay_b2b' | 'unionpay_barcode' | 'qq_qr' | 'qq_jsapi' | 'qq_mini' | 'qq_app' | 'qq_barcode' | 'jd_qr' | 'jd_app' | 'jd_h5' | 'jd_page' | 'jd_barcode' | 'bestpay_jsapi' | 'bestpay_h5' | 'bestpay_page' | 'bestpay_barcode' | 'ecny_qr' | 'ecny_barcode' | 'aggregate_qr' | 'barcode' | 'qr';

/** Why the channel refused. 渠道拒绝原因。 */
export type ChannelRefusal = {
  /** One of the listed refusal reasons. 统一拒绝原因。 */
  reason: string;
  message: string;
  message_zh: string;
  /** The channel's own code. 渠道错误码。 */
  channel_code: string;
  /** The channel's own text, for people. 渠道错误描述。 */
  channel_message: string | null;
};

export type CreatePaymentBody = {
  /** The merchant's order number, unique for the merchant. 商户订单号，商户内唯一。 1 to 64 of 0-9 A-Z a-z _ - . * @ |, case-sensitive. */
  merchant_order_no: string;
  /** What is to be paid. 金额。 In fen 分 (1/100 CNY), 1 to 10000000000. */
  amount_fen: number;
  /** ISO 4217. Only CNY. 币种，目前仅人民币。 */
  currency?: 'CNY';
  /** What the payer sees. 商品描述。 */
  subject: string;
  /** Seconds until the payment closes if unpaid; 7200 unless told. 有效期（秒），默认两小时。 */
  expires_in_s?: number;
  /** The store where it is taken; that of the terminal unless given. 门店，默认为终端所在门店。 */
  store_id?: string;
  /** The terminal that takes it; channels are told its number. 终端，其编号送往渠道。 */
  terminal_id?: string;
  /** The merchant's own pairs, returned unchanged. 商户自定义键值，原样返回。 */
  metadata?: Record<string, string>;
  /** How the payer pays. `barcode` finds the wallet from the payment code; `qr` gives one code for every wallet, and the wallet that scans it decides. 支付方式；`barcode` 按付款码前缀识别钱包，`qr` 为聚合码，由扫码的钱包决定。 */
  method: RequestedPaymentMethod;
  /** Use this account instead of letting routing choose. 指定渠道账户。 */
  channel_account_id?: string;
  /** The payment code read from the payer. Required for barcode methods. 付款码。 */
  auth_code?: string;
  /** openid (WeChat), buyer id / open id (Alipay), user id of another wallet. Required for jsapi and mini methods of WeChat and Alipay. 付款人标识。 */
  payer_id?: string;
  /** Application of the scene when it is not the account's default (for example the mini-program's). 场景应用 ID。 */
  app_id?: string;
  /** The payer's address. Required for wechat_h5. 付款人 IP。 */
  payer_ip?: string;
  /** Where the browser goes after paying; never proof of payment. 支付后返回地址。 */
  return_url?: string;
};

export type CreateAttemptBody = {
  /** How the payer pays. `barcode` finds the wallet from the payment code. 支付方式；`barcode` 按付款码前缀识别钱包。 */
  method: RequestedMethod;
  /** Use this account instead of letting routing choose. 指定渠道账户。 */
  channel_account_id?: string;
  /** The payment code read from the payer. Required for barcode methods. 付款码。 */
  auth_code?: string;
  /** openid (WeChat), buyer id / open id (Alipay), user id of another wallet. Required for jsapi and mini methods of WeChat and Alipay. 付款人标识。 */
  payer_id?: string;
  /** Application of the scene when it is not the account's default (for example the mini-program's). 场景应用 ID。 */
  app_id?: string;
  /** The payer's address. Required for wechat_h5. 付款人 IP。 */
  payer_ip?: string;
  /** Where the browser goes after paying; never proof of payment. 支付后返回地址。 */
  return_url?: string;
};

/** A page on which one payment is paid. 收银台会话。 */
export type CheckoutSession = {
  object: 'checkout_session';
  /** Checkout session 收银台会话. */
  id: string;
  livemode: boolean;
  /** Its payment, made together with it. 对应的支付单。 */
  payment_id: string;
  /** The merchant's order number. 商户订单号。 1 to 64 of 0-9 A-Z a-z _ - . * @ |, case-sensitive. */
  merchant_order_no: string;
  /** What is to be paid. 应付金额。 In fen 分 (1/100 CNY), 1 to 10000000000. */
  amount_fen: number;
  /** ISO 4217. Only CNY. 币种，目前仅人民币。 */
  currency: 'CNY';
  /** What the payer sees. 商品描述。 */
  subject: string;
  /** `web`: the browser is sent to the page. `embedded`: the page stands in a frame of a registered host. `in_store`: a screen in a shop shows the code. 收银台形态：跳转、内嵌或店内屏幕。 */
  mode: 'web' | 'embedded' | 'in_store';
  /** The payment's state. 支付单状态。 */
  state: PaymentState;
  /** 关闭原因。 */
  closed_reason: ClosedReason | null;
  /** The page: send the browser there, or draw it as a QR code that any wallet scans. 收银台地址，可跳转，也可生成二维码由任意钱包扫码。 */
  url: string;
  /** Offer only these methods; all that the merchant has when empty. 只提供这些支付方式，空为全部。 */
  allowed_methods: Method[];
  /** Language of the page; `auto` follows the payer's browser. 页面语言。 */
  locale: 'auto' | 'zh' | 'en';
  /** 返回地址。 */
  return_url: string | null;
  /** The merchant's own pairs, returned unchanged. 商户自定义键值，原样返回。 */
  metadata: Record<string, string>;
  /** Closed after this time if unpaid. 过期时间。 RFC 3339. */
  expires_at: string;
  /** 创建时间。 RFC 3339. */
  created_at: string;
};

export type CreateCheckoutSessionBody = {
  /** The merchant's order number, unique for the merchant. 商户订单号，商户内唯一。 1 to 64 of 0-9 A-Z a-z _ - . * @ |, case-sensitive. */
  merchant_order_no: string;
  /** What is to be paid. 金额。 In fen 分 (1/100 CNY), 1 to 10000000000. */
  amount_fen: number;
  /** ISO 4217. Only CNY. 币种，目前仅人民币。 */
  currency?: 'CNY';
  /** What the payer sees. 商品描述。 */
  subject: string;
  /** Seconds until the payment closes if unpaid; 1800 unless told. 有效期（秒），默认半小时。 */
  expires_in_s?: number;
  /** The merchant's own pairs, returned unchanged. 商户自定义键值，原样返回。 */
  metadata?: Record<string, string>;
  /** The store where it is taken; that of the terminal unless given. 门店。 */
  store_id?: string;
  /** The terminal that takes it. 终端。 */
  terminal_id?: string;
  /** `web`: the browser is sent to the page. `embedded`: the page stands in a frame of a registered host. `in_store`: a screen in a shop shows the code. 收银台形态：跳转、内嵌或店内屏幕。 */
  mode?: 'web' | 'embedded' | 'in_store';
  /** Language of the page; `auto` follows the payer's browser. 页面语言。 */
  locale?: 'auto' | 'zh' | 'en';
  /** Offer only these methods; all that the merchant has when empty. 只提供这些支付方式，空为全部。 */
  allowed_methods?: Method[];
  /** Where the page sends the payer afterwards, with `checkout_session_id` added; never proof of payment. Https, on a host registered in the cashier settings; test mode also takes this machine. 支付后返回的商户页面，须为已登记的主机。 */
  return_url?: string;
};

/** How the merchant's pages look and where they lead back to. 收银台设置。 */
export type CashierSettings = {
  object: 'cashier_settings';
  livemode: boolean;
  /** The name that payers see; the merchant's own when null. 展示名称。 */
  display_name: string | null;
  /** Colour of buttons and headings; text on it stays readable by itself. 主题色。 */
  color: string | null;
  /** PNG of at most 16 KiB and 512 × 512, Base64; only what draws is kept of it. 商户标志，PNG，不超过 16 KiB。 */
  logo_png: string | null;
  /** Hosts to which the page may send a payer back, and which may frame it. 允许返回与内嵌的主机。 */
  return_hosts: string[];
};

export type UpdateCashierSettingsBody = {
  /** The name that payers see; the merchant's own when null. 展示名称。 */
  display_name?: string | null;
  /** Colour of buttons and headings; text on it stays readable by itself. 主题色。 */
  color?: string | null;
  /** PNG of at most 16 KiB and 512 × 512, Base64; only what draws is kept of it. 商户标志，PNG，不超过 16 KiB。 */
  logo_png?: string | null;
  /** Hosts to which the page may send a payer back, and which may frame it. 允许返回与内嵌的主机。 */
  return_hosts?: string[];
};

/** A payer asked for help or for the money back. 付款人的客服请求。 */
export type HelpRequest = {
  object: 'help_request';
  /** Help request 客服请求. */
  id: string;
  livemode: boolean;
  /** The payment that it is about. 相关支付单。 */
  payment_id: string;
  /** What the payer wants. 咨询或申请退款。 */
  kind: HelpKind;
  /** `refunded`: a refund was made for it; its outcome is the refund’s own. 状态；refunded 表示已为其发起退款，结果以退款单为准。 */
  state: HelpState;
  /** What the payer wrote; null in events, since it may name persons. 付款人留言；事件中为 null。 */
  message: string | null;
  /** How the payer may be reached; null in events. 联系方式；事件中为 null。 */
  contact: string | null;
  /** What the payer reads on the receipt. 商户答复。 */
  answer: string | null;
  /** The refund that was made for it. 对应退款单。 */
  refund_id: string | null;
  /** 创建时间。 RFC 3339. */
  created_at: string;
  /** 最近变化时间。 RFC 3339. */
  updated_at: string;
  /** 版本。 */
  version: number;
};

export type ReceiptLink = {
  /** The receipt, for whoever has the link; works for a year. 付款凭证页，有效一年。 */
  url: string;
  /** 失效时间。 RFC 3339. */
  expires_at: string;
};

/** Money going back to the payer, by the way it came. 退款单。 */
export type Refund = {
  object: 'refund';
  /** Refund 退款. */
  id: string;
  livemode: boolean;
  /** Payment 支付单. */
  payment_id: string;
  /** The attempt whose money goes back. 对应的支付尝试。 */
  attempt_id: string;
  /** The merchant's refund number. 商户退款单号。 1 to 64 of 0-9 A-Z a-z _ - . * @ |, case-sensitive. */
  merchant_refund_no: string | null;
  /** `merchant`; `duplicate` or `late`: money that was never the payment’s; `cancel`: of a cancelled payment. 退款起因。 */
  cause: RefundCause;
  /** 退款金额。 In fen 分 (1/100 CNY), 1 to 10000000000. */
  amount_fen: number;
  /** ISO 4217. Only CNY. 币种，目前仅人民币。 */
  currency: 'CNY';
  /** Shown to the payer where the channel does so. 退款原因。 */
  reason: string | null;
  /** `sending`: the outcome is not known yet. 退款状态。 */
  state: RefundState;
  /** Why the channel refused. 渠道拒绝原因。 */
  refusal: ChannelRefusal | null;
  /** Our refund number at the channel. 送渠道的退款单号。 */
  channel_refund_no: string;
  /** The channel's own number. 渠道退款号。 */
  channel_refund_id: string | null;
  /** The merchant's own pairs, returned unchanged. 商户自定义键值，原样返回。 */
  metadata: Record<string, string>;
  /** 创建时间。 RFC 3339. */
  created_at: string;
  /** When the channel took it on; null where it has not said so, and where it carried it out or refused it at once. 渠道受理时间；渠道未曾告知、当即完成或当即拒绝的为 null。 RFC 3339. */
  accepted_at: string | null;
  /** 退款成功时间。 RFC 3339. */
  refunded_at: string | null;
  version: number;
};

export type CreateRefundBody = {
  /** Payment to refund. 要退款的支付单。 */
  payment_id: string;
  /** Only for money that Heliu does not give back by itself: a duplicate or late attempt that the merchant keeps, or whose refund the channel refused. It goes back whole. 仅用于合流未自动退回的重复或迟到款项，须全额。 */
  attempt_id?: string;
  /** The merchant's refund number, unique for the merchant. 商户退款单号，商户内唯一。 1 to 64 of 0-9 A-Z a-z _ - . * @ |, case-sensitive. */
  merchant_refund_no: string;
  /** 退款金额。 In fen 分 (1/100 CNY), 1 to 10000000000. */
  amount_fen: number;
  /** Shown to the payer where the channel does so. 退款原因。 */
  reason?: string;
  /** The merchant's own pairs, returned unchanged. 商户自定义键值，原样返回。 */
  metadata?: Record<string, string>;
};

/** A fact that was parked for a person. 挂起待人工处理的异常。 */
export type Anomaly = {
  object: 'anomaly';
  /** Anomaly 异常. */
  id: string;
  livemode: boolean;
  kind: AnomalyKind;
  /** 相关支付单。 */
  payment_id: string | null;
  /** 相关支付尝试。 */
  attempt_id: string | null;
  /** 相关退款。 */
  refund_id: string | null;
  /** 渠道账户。 */
  channel_account_id: string;
  /** What was expected and what came. 期望值与实际值。 */
  detail: Record<string, string>;
  /** 发现时间。 RFC 3339. */
  created_at: string;
};

export type WebhookEndpoint = {
  object: 'webhook_endpoint';
  /** Webhook endpoint. */
  id: string;
  livemode: boolean;
  url: string;
  description: string | null;
  /** Only these types; all when empty. 只投递这些事件，空为全部。 */
  event_types: EventType[];
  state: 'enabled' | 'disabled';
  /** `merchant`, or `gone` after the receiver answered 410. 停用原因。 */
  disabled_reason: string | null;
  /** 创建时间。 RFC 3339. */
  created_at: string;
};

export type WebhookEndpointWithSecret = {
  object: 'webhook_endpoint';
  /** Webhook endpoint. */
  id: string;
  livemode: boolean;
  url: string;
  description: string | null;
  /** Only these types; all when empty. 只投递这些事件，空为全部。 */
  event_types: EventType[];
  state: 'enabled' | 'disabled';
  /** `merchant`, or `gone` after the receiver answered 410. 停用原因。 */
  disabled_reason: string | null;
  /** 创建时间。 RFC 3339. */
  created_at: string;
  /** `whsec_…`, shown only now (Standard Webhooks). 签名密钥，仅此一次显示。 */
  secret: string;
};

export type Delivery = {
  object: 'delivery';
  /** Delivery 投递. */
  id: string;
  /** Event 事件. */
  event_id: string;
  event_type: string;
  /** Endpoint 端点. */
  webhook_endpoint_id: string;
  /** `dead`: the whole schedule passed without a 2xx. 投递状态。 */
  state: DeliveryState;
  /** How often it was sent. 已投递次数。 */
  tries: number;
  /** HTTP status of the last answer. 最近一次响应码。 */
  last_status: number | null;
  /** Why the last try failed. 最近一次失败原因。 */
  last_error: string | null;
  /** 下次投递时间。 RFC 3339. */
  next_send_at: string | null;
  /** 投递成功时间。 RFC 3339. */
  delivered_at: string | null;
  /** 创建时间。 RFC 3339. */
  created_at: string;
};

/** A place where payments are taken. 门店。 */
export type Store = {
  object: 'store';
  /** Store 门店. */
  id: string;
  livemode: boolean;
  /** Shown to payers beside the merchant. 门店名称。 */
  name: string;
  /** The merchant's own number of it. 商户自编门店号。 1 to 64 of 0-9 A-Z a-z _ - . * @ |, case-sensitive. */
  store_no: string | null;
  /** Six digits of GB/T 2260, as 310101 for 黄浦区. 行政区划代码。 */
  region_code: string | null;
  /** Where it stands. 详细地址。 */
  address: string | null;
  /** `closed` is for ever. 门店状态。 */
  state: StoreState;
  /** 创建时间。 RFC 3339. */
  created_at: string;
  /** 关闭时间。 RFC 3339. */
  closed_at: string | null;
  version: number;
};

export type CreateStoreBody = {
  /** Shown to payers beside the merchant. 门店名称。 */
  name: string;
  /** The merchant's own number of it, unique for ever. 商户自编门店号，商户内唯一。 1 to 64 of 0-9 A-Z a-z _ - . * @ |, case-sensitive. */
  store_no?: string;
  /** Six digits of GB/T 2260, as 310101 for 黄浦区. 行政区划代码。 */
  region_code?: string;
  /** Where it stands. 详细地址。 */
  address?: string;
};

export type UpdateStoreBody = {
  /** Shown to payers beside the merchant. 门店名称。 */
  name?: string;
  /** Six digits of GB/T 2260, as 310101 for 黄浦区. 行政区划代码。 */
  region_code?: string;
  /** Where it stands. 详细地址。 */
  address?: string;
};

/** A device of one store and one merchant. 终端：一机一户。 */
export type Terminal = {
  object: 'terminal';
  /** Terminal 终端. */
  id: string;
  livemode: boolean;
  /** The store where it stands. 所在门店。 */
  store_id: string;
  /** 终端名称。 */
  name: string;
  /** What kind of device it is. 终端类型。 */
  kind: TerminalKind;
  /** The device's number as it was registered with the channel; sent to channels instead of `id`. 报备的终端号，送往渠道。 */
  terminal_no: string | null;
  /** `closed` is for ever. 终端状态。 */
  state: TerminalState;
  /** 创建时间。 RFC 3339. */
  created_at: string;
  /** 关闭时间。 RFC 3339. */
  closed_at: string | null;
  version: number;
};

export type CreateTerminalBody = {
  /** The store where it stands. 所在门店。 */
  store_id: string;
  /** 终端名称。 */
  name: string;
  /** What kind of device it is. 终端类型。 */
  kind: TerminalKind;
  /** The device's number as it was registered with the channel; sent to channels instead of `id`. 报备的终端号，送往渠道。 */
  terminal_no?: string;
};

export type UpdateTerminalBody = {
  /** 终端名称。 */
  name?: string;
  /** The device's number as it was registered with the channel; sent to channels instead of `id`. 报备的终端号，送往渠道。 */
  terminal_no?: string;
};

/** A phone, till or machine that was paired with a terminal. 与终端配对的设备。 */
export type Device = {
  object: 'device';
  /** Device 已配对设备. */
  id: string;
  livemode: boolean;
  /** Store 门店. */
  store_id: string;
  /** The terminal that it works as. 所属终端。 */
  terminal_id: string;
  /** As it called itself when it was paired. 设备名称。 */
  name: string;
  /** What it may refund of a day, in Asia/Shanghai; 0 for nothing. 单日退款上限（北京时间）。 In fen 分. */
  refund_fen_max: number;
  /** 设备状态。 */
  state: DeviceState;
  /** 配对时间。 RFC 3339. */
  created_at: string;
  /** 吊销时间。 RFC 3339. */
  revoked_at: string | null;
};

export type PairingCode = {
  /** Ten characters, shown only now; typed at the device. 配对码，仅此一次显示。 */
  code: string;
  /** 失效时间。 RFC 3339. */
  expires_at: string;
};

/** What a terminal took between two hand-overs. 交接班。 */
export type Shift = {
  object: 'shift';
  /** Shift 班次. */
  id: string;
  livemode: boolean;
  /** Store 门店. */
  store_id: string;
  /** Terminal 终端. */
  terminal_id: string;
  /** The device that handed over. 交班设备。 */
  device_id: string;
  /** As typed at the hand-over. 收银员。 */
  cashier: string;
  /** The hand-over before, or the making of the terminal. 接班时间。 RFC 3339. */
  opened_at: string;
  /** 交班时间。 RFC 3339. */
  closed_at: string;
  /** By wallet, as they were at the hand-over. 按钱包汇总。 */
  totals: ShiftTotal[];
};

export type ShiftTotal = {
  /** wechat, alipay, … 钱包。 */
  wallet: string;
  /** 收款笔数。 */
  paid_count: number;
  /** 收款金额。 In fen 分. */
  paid_fen: number;
  /** 退款笔数。 */
  refund_count: number;
  /** 退款金额。 In fen 分. */
  refunded_fen: number;
};

/** A printed code that payers scan with any wallet. 码牌：一码多付。 */
export type Plate = {
  object: 'plate';
  /** Code plate 码牌. */
  id: string;
  livemode: boolean;
  /** The batch it was made in. 所属批次。 */
  batch_id: string;
  /** Number in its batch, printed on it. 批次内序号，印在码牌上。 */
  serial_no: number;
  /** What its QR code says. 二维码内容。 */
  url: string;
  /** `stock`: printed, bound to no terminal yet. 码牌状态。 */
  state: PlateState;
  /** Store 门店. */
  store_id: string | null;
  /** The terminal that it is: one code, one terminal. 终端：一码一终端。 */
  terminal_id: string | null;
  /** What the payer sees; the merchant and store unless given. 商品描述，默认为商户与门店名。 */
  subject: string | null;
  /** A fixed amount; the payer types one unless given. 固定金额，缺省由付款人输入。 In fen 分 (1/100 CNY), 1 to 10000000000. */
  fixed_amount_fen: number | null;
  /** Largest amount of one payment. 单笔限额。 In fen 分 (1/100 CNY), 1 to 10000000000. */
  amount_fen_max: number | null;
  /** Largest sum of a day in Asia/Shanghai, payments under way included. 单日限额（北京时间，含进行中的支付）。 In fen 分 (1/100 CNY), 1 to 10000000000. */
  daily_amount_fen_max: number | null;
  /** Most payments of a day in Asia/Shanghai. 单日笔数上限（北京时间）。 */
  daily_count_max: number | null;
  /** Whether the payer writes a remark. 付款人备注。 */
  remark: PlateRemark;
  /** 创建时间。 RFC 3339. */
  created_at: string;
  version: number;
};

/** Plates that were made together. 一次制作的一批码牌。 */
export type PlateBatch = {
  object: 'plate_batch';
  /** Batch of plates 码牌批次. */
  id: string;
  livemode: boolean;
  /** 批次名称。 */
  name: string;
  /** How many plates it has. 数量。 */
  count: number;
  /** 创建时间。 RFC 3339. */
  created_at: string;
};

/** One change of a plate; none is ever removed. 码牌的一次变更。 */
export type PlateChange = {
  /** The plate's version after it. 变更后的版本。 */
  version: number;
  /** 变更。 */
  change: PlateChangeKind;
  state: PlateState;
  /** Store after it. 变更后的门店。 */
  store_id: string | null;
  /** Terminal after it. 变更后的终端。 */
  terminal_id: string | null;
  /** Who changed it; null where the operator of the platform assigned it. 操作的密钥；平台分配时为 null。 */
  api_key_id: string | null;
  /** 变更时间。 RFC 3339. */
  at: string;
};

export type PrintLink = {
  /** Whoever has it may fetch the file until it expires. 下载地址，到期前凭此下载。 */
  url: string;
  /** 到期时间。 RFC 3339. */
  expires_at: string;
};

export type CreatePlateBatchBody = {
  /** 批次名称。 */
  name: string;
  /** 1 to 1000. 数量。 */
  count: number;
};

export type BindPlateBody = {
  /** An active terminal of kind `plate` that no other plate has. 未被占用的码牌类终端。 */
  terminal_id: string;
  /** What the payer sees; the merchant and store unless given. 商品描述，默认为商户与门店名。 */
  subject?: string | null;
  /** A fixed amount; the payer types one unless given. 固定金额，缺省由付款人输入。 In fen 分 (1/100 CNY), 1 to 10000000000. */
  fixed_amount_fen?: number | null;
  /** Largest amount of one payment. 单笔限额。 In fen 分 (1/100 CNY), 1 to 10000000000. */
  amount_fen_max?: number | null;
  /** Largest sum of a day in Asia/Shanghai, payments under way included. 单日限额（北京时间，含进行中的支付）。 In fen 分 (1/100 CNY), 1 to 10000000000. */
  daily_amount_fen_max?: number | null;
  /** Most payments of a day in Asia/Shanghai. 单日笔数上限（北京时间）。 */
  daily_count_max?: number | null;
  /** Whether the payer writes a remark. 付款人备注。 */
  remark?: PlateRemark;
};

export type UpdatePlateBody = {
  /** What the payer sees; the merchant and store unless given. 商品描述，默认为商户与门店名。 */
  subject?: string | null;
  /** A fixed amount; the payer types one unless given. 固定金额，缺省由付款人输入。 In fen 分 (1/100 CNY), 1 to 10000000000. */
  fixed_amount_fen?: number | null;
  /** Largest amount of one payment. 单笔限额。 In fen 分 (1/100 CNY), 1 to 10000000000. */
  amount_fen_max?: number | null;
  /** Largest sum of a day in Asia/Shanghai, payments under way included. 单日限额（北京时间，含进行中的支付）。 In fen 分 (1/100 CNY), 1 to 10000000000. */
  daily_amount_fen_max?: number | null;
  /** Most payments of a day in Asia/Shanghai. 单日笔数上限（北京时间）。 */
  daily_count_max?: number | null;
  /** Whether the payer writes a remark. 付款人备注。 */
  remark?: PlateRemark;
};

export type PrintBody = {
  /** 文件格式。 */
  format: PrintFormat;
  /** Of one face; a PDF is a tent of two faces. 单面尺寸；PDF 为对折台牌。 */
  size: PrintSize;
};

/** What payments cost the merchant. 商户费率。 */
export type Price = {
  object: 'price';
  /** Price 费率. */
  id: string;
  livemode: boolean;
  /** Payments by this channel only; null: by every one. 仅该渠道，空为全部。 */
  channel: string | null;
  /** Payments by this method only; null: by every one. 仅该支付方式，空为全部。 */
  method: Method | null;
  /** How the percentage is rounded to the fen. 舍入到分的方式。 */
  rounding: 'half_up' | 'half_even' | 'down' | 'up';
  /** `returned`: the fee goes back with refunds, in proportion. 退款时手续费按比例退回或不退。 */
  refund: 'returned' | 'kept';
  /** By the volume of the month, lowest first. 按当月累计分档，由低到高。 */
  tiers: ({
    /** Volume of the calendar month before the payment, from which the tier holds. 适用本档的当月累计（该笔之前）。 In fen 分. */
    from_fen: number;
    /** Parts of a million: 0.6 % is 6000. 费率（百万分之一）。 */
    rate_ppm: number;
    /** For each payment. 每笔固定费用。 In fen 分. */
    per_item_fen: number;
    /** No payment costs less. 保底。 In fen 分. */
    min_fen: number;
    /** No payment costs more; null: no such limit. 封顶，空为不设。 In fen 分. */
    max_fen: number | null;
  })[];
  /** From then on, until a later price for the same payments begins. 生效时间，至同一范围的后一费率生效为止。 RFC 3339. */
  effective_from: string;
  /** 设定时间。 RFC 3339. */
  created_at: string;
};

/** How accounts are put in order. 排序策略。 */
export type RoutingStrategy = {
  /** `priority`: in the order of `accounts`, else by the accounts' own. `split`: by shares of the number of payments. `least_cost`: by the channel's fee; an account without a price comes last. `success_rate`: by the moving success rate. `expected_value`: by success rate × our fee − the channel's. 优先级、分流、成本最低、成功率优先、期望收益最高。 */
  type: 'priority' | 'split' | 'least_cost' | 'success_rate' | 'expected_value';
  /** Only these; all unless given. Not with `split`. 只在这些账户中选择。 */
  accounts?: string[];
  /** With `split`: shares of the volume; all accounts by their own weights unless given. 分流比例。 */
  shares?: ({
    /** Channel account 渠道账户. */
    channel_account_id: string;
    /** 权重。 */
    weight: number;
  })[];
  /** With `split`: the same payer or terminal keeps its account while it can. 同一付款人或终端固定走同一账户。 */
  sticky_by?: 'payer' | 'terminal';
};

export type RoutingRule = {
  /** 规则名称。 */
  name: string;
  /** CEL over amount_fen, method, wallet, scene, hour, weekday, terminal_id, app_id, payer_known, metadata. 条件（CEL）。 */
  when: string;
  /** How accounts are put in order. 排序策略。 */
  use: RoutingStrategy;
};

/** Rules as they were saved; they never change. 路由规则集，保存后不变。 */
export type RuleSet = {
  object: 'routing_rule_set';
  /** Rule set 路由规则集. */
  id: string;
  livemode: boolean;
  /** Counts the rule sets of the merchant and mode. 版本号。 */
  version: number;
  /** Whether it decides now. 是否生效中。 */
  active: boolean;
  /** 名称。 */
  name: string;
  /** The first that matches and has an account decides. 依次匹配，首个匹配且有可用账户者生效。 */
  rules: RoutingRule[];
  /** How accounts are put in order. 排序策略。 */
  default: RoutingStrategy;
  /** 换账户重试次数。 */
  failover_max: number;
  /** 创建时间。 RFC 3339. */
  created_at: string;
};

export type RuleSetBody = {
  /** 名称。 */
  name: string;
  /** The first that matches and has an account decides. 依次匹配，首个匹配且有可用账户者生效。 */
  rules: RoutingRule[];
  /** How accounts are put in order. 排序策略。 */
  default: RoutingStrategy;
  /** How often another account is tried within one request, after one certainly did not take the order; 2 unless given. 单次请求内换账户重试次数，默认 2。 */
  failover_max?: number;
  /** Use it from now on; true unless given. 立即启用，默认是。 */
  activate?: boolean;
};

export type SimulateBody = {
  /** First day. 起（含）。 A day in Asia/Shanghai. 北京时间日期。 */
  from: string;
  /** Last day, at most 31 days. 止（含），最多 31 天。 A day in Asia/Shanghai. 北京时间日期。 */
  to: string;
  /** So many of the latest payments of these days; 1000 unless given. 取最近多少笔，默认 1000。 */
  payments_max?: number;
  /** These saved rules; without them and without `rules`, the active ones. 指定规则集，缺省为生效中的规则。 */
  rule_set_id?: string;
  /** Rules that were not saved. 尚未保存的规则。 */
  rules?: {
    /** 规则。 */
    rules: RoutingRule[];
    /** How accounts are put in order. 排序策略。 */
    default: RoutingStrategy;
  };
};

/** What rules would have done with past payments: by the terms of now, the time, success rates and open circuits of then, without exploration. Who the payer was is not kept in clear, so quotas of a payer and sticky payers are left out. A success rate is that of the account and method in these days; what an account never carried is not known. 用历史支付试算规则：账户条件取现在，时间、成功率与熔断取当时，不含探索；付款人限额与付款人粘滞不参与。 */
export type RoutingSimulation = {
  object: 'routing_simulation';
  /** Null for rules that were not saved. 规则集版本。 */
  rule_set_version: number | null;
  /** Decided again, each by its first attempt. 重新决定的支付笔数（首次尝试）。 */
  payments: number;
  /** There were more payments than were taken. 是否只取了最近一部分。 */
  sampled: boolean;
  /** Would have gone to another account. 去向改变的笔数。 */
  moved: number;
  /** No account would have taken them. 无可用账户的笔数。 */
  refused: number;
  actual: {
    /** Payments. 笔数。 */
    count: number;
    /** 金额合计。 In fen 分. */
    amount_fen: number;
    /** By the terms of now; null where an account has no price. 按现行条件估算的渠道手续费。 In fen 分. */
    fee_fen: number | null;
    /** Share that was or would be paid; null where nothing is known. 支付成功率。 */
    success_ppm: number | null;
    /** Lower end of the 95 % interval. 95% 置信区间下限。 */
    success_low_ppm: number | null;
    /** Upper end. 上限。 */
    success_high_ppm: number | null;
  };
  simulated: {
    /** Payments. 笔数。 */
    count: number;
    /** 金额合计。 In fen 分. */
    amount_fen: number;
    /** By the terms of now; null where an account has no price. 按现行条件估算的渠道手续费。 In fen 分. */
    fee_fen: number | null;
    /** Share that was or would be paid; null where nothing is known. 支付成功率。 */
    success_ppm: number | null;
    /** Lower end of the 95 % interval. 95% 置信区间下限。 */
    success_low_ppm: number | null;
    /** Upper end. 上限。 */
    success_high_ppm: number | null;
  };
  accounts: ({
    /** Channel account 渠道账户. */
    channel_account_id: string;
    /** What it carried. 实际承接。 */
    actual: {
      /** Payments. 笔数。 */
      count: number;
      /** 金额合计。 In fen 分. */
      amount_fen: number;
      /** By the terms of now; null where an account has no price. 按现行条件估算的渠道手续费。 In fen 分. */
      fee_fen: number | null;
    };
    /** What it would have carried. 模拟承接。 */
    simulated: {
      /** Payments. 笔数。 */
      count: number;
      /** 金额合计。 In fen 分. */
      amount_fen: number;
      /** By the terms of now; null where an account has no price. 按现行条件估算的渠道手续费。 In fen 分. */
      fee_fen: number | null;
    };
    /** Share that was or would be paid; null where nothing is known. 支付成功率。 */
    success_ppm: number | null;
    /** Lower end of the 95 % interval. 95% 置信区间下限。 */
    success_low_ppm: number | null;
    /** Upper end. 上限。 */
    success_high_ppm: number | null;
    /** Payments behind its success rate. 成功率的样本数。 */
    known: number;
  })[];
};

/** Why a payment went where it went. 路由决定及其理由。 */
export type RoutingDecision = {
  object: 'routing_decision';
  /** Attempt 支付尝试. */
  attempt_id: string | null;
  /** Channel account 渠道账户. */
  channel_account_id: string | null;
  method: Method;
  /** What was to be paid. 金额。 In fen 分 (1/100 CNY), 1 to 10000000000. */
  amount_fen: number;
  /** 0: no rules were set; accounts by priority. 规则集版本，0 为未设置。 */
  rule_set_version: number;
  /** Name of the rule that decided; null for the default. 命中规则，null 为缺省策略。 */
  rule: string | null;
  /** `named`: the request named the account. 策略。 */
  strategy: 'priority' | 'split' | 'least_cost' | 'success_rate' | 'expected_value' | 'named';
  /** How likely this choice was, of a million. 选中概率。 */
  propensity_ppm: number;
  /** Every candidate was in a broken circuit, and one was tried nonetheless. 全部熔断时仍尝试。 */
  last_resort: boolean;
  candidates: ({
    /** Channel account 渠道账户. */
    channel_account_id: string;
    /** Its place in the plan; null when it was excluded. 排名，未入选为 null。 */
    rank: number | null;
    /** Why it was no candidate. 排除原因。 */
    excluded: 'method_not_supported' | 'method_not_offered' | 'below_minimum' | 'above_maximum' | 'outside_hours' | 'maintenance' | 'switched_off' | 'breaker_open' | 'quota_reached' | 'tried_before' | 'not_in_rule' | null;
    /** The estimate at that moment. 当时的成功率估计。 */
    success_ppm: number | null;
    /** The channel's fee for this payment, by its terms. 渠道手续费报价。 In fen 分. */
    fee_fen: number | null;
    /** What the strategy compared: fee in fen, rate in ppm, value in millionths of a fen, or place. 策略比较的分值。 */
    score: number | null;
  })[];
  /** 决定时间。 RFC 3339. */
  decided_at: string;
};

/** The routing of a payment. 支付单的路由决定。 */
export type PaymentRouting = {
  object: 'payment_routing';
  /** Payment 支付单. */
  payment_id: string;
  /** One per attempt, the first one first. 每次尝试一条，先后有序。 */
  decisions: RoutingDecision[];
};

export type ExplainBody = {
  /** What would be paid. 金额。 In fen 分 (1/100 CNY), 1 to 10000000000. */
  amount_fen: number;
  method: Method;
  /** 付款人标识。 */
  payer_id?: string;
  /** 终端号。 */
  terminal_id?: string;
  /** 应用 ID。 */
  app_id?: string;
  metadata?: Record<string, string>;
  /** By these rules instead of the active ones. 按指定规则集。 */
  rule_set_id?: string;
};

/** What payments cost at the channels. 渠道成本。 */
export type Costs = {
  object: 'routing_costs';
  rows: ({
    /** Of payment. 支付日期。 A day in Asia/Shanghai. 北京时间日期。 */
    biz_date: string;
    /** 渠道。 */
    channel: string;
    /** Channel account 渠道账户. */
    channel_account_id: string;
    method: Method;
    /** Payments. 笔数。 */
    count: number;
    /** 金额合计。 In fen 分. */
    amount_fen: number;
    /** By the terms when it was routed; null where an account had no price. 报价手续费合计。 In fen 分. */
    quoted_fee_fen: number | null;
    /** By the channel’s bill, else as it told with the payment; null where neither says it of all. 渠道实收手续费合计（以对账单为准，其次为支付应答或通知）。 In fen 分. */
    charged_fee_fen: number | null;
  })[];
};

/** What routing knows of an account. 渠道账户的路由条件。 */
export type AccountTerms = {
  /** Only these; all that the channel has unless given. 只用这些支付方式。 */
  methods?: Method[];
  /** Its share where volume is split by weight; 100 unless given. 权重。 */
  weight?: number;
  /** A fee in fen, rounded half up. 手续费（四舍五入到分）。 */
  channel_price?: {
    /** Parts of a million: 0.38 % is 3800. 费率（百万分之一）。 */
    rate_ppm: number;
    /** For each payment. 每笔固定费用。 In fen 分. */
    per_item_fen?: number;
    /** No payment costs less. 保底。 In fen 分. */
    min_fen?: number;
    /** No payment costs more. 封顶。 In fen 分 (1/100 CNY), 1 to 10000000000. */
    max_fen?: number;
  };
  /** A fee in fen, rounded half up. 手续费（四舍五入到分）。 */
  merchant_price?: {
    /** Parts of a million: 0.38 % is 3800. 费率（百万分之一）。 */
    rate_ppm: number;
    /** For each payment. 每笔固定费用。 In fen 分. */
    per_item_fen?: number;
    /** No payment costs less. 保底。 In fen 分. */
    min_fen?: number;
    /** No payment costs more. 封顶。 In fen 分 (1/100 CNY), 1 to 10000000000. */
    max_fen?: number;
  };
  /** No payment below. 单笔下限。 In fen 分 (1/100 CNY), 1 to 10000000000. */
  amount_fen_min?: number;
  /** No payment above. 单笔上限。 In fen 分 (1/100 CNY), 1 to 10000000000. */
  amount_fen_max?: number;
  /** 限额。 */
  quotas?: ({
    /** Of the calendar in Asia/Shanghai. 自然日或自然月（北京时间）。 */
    per: 'day' | 'month';
    /** All payments of the account, or those of one payer, where the payer is known beforehand. 账户累计，或单个付款人累计（须事先知道付款人）。 */
    of: 'account' | 'payer';
    /** In fen 分. 累计金额上限。 */
    amount_fen_max?: number;
    /** Payments. 累计笔数上限。 */
    count_max?: number;
  })[];
  /** Open in any of these; always unless given. 可用时段，缺省为全天。 */
  hours?: ({
    /** First minute, Asia/Shanghai. 起（含）。 */
    from: string;
    /** First minute that is outside; before `from` when the window passes midnight. 止（不含），可跨零点。 */
    to: string;
    /** 1 is Monday; the day on which it begins. 星期（周一为 1）。 */
    weekdays?: number[];
  })[];
  /** 维护时段。 */
  maintenance?: ({
    /** 起（含）。 RFC 3339. */
    from: string;
    /** 止（不含）。 RFC 3339. */
    to: string;
  })[];
};

export type RoutingAccount = {
  object: 'routing_account';
  /** Channel account 渠道账户. */
  channel_account_id: string;
  livemode: boolean;
  /** Code of the channel. 渠道代码。 */
  channel: string;
  /** 名称。 */
  name: string;
  state: 'active' | 'paused' | 'closed';
  /** Lower is tried first. 优先级，小者优先。 */
  priority: number;
  /** Grows with every change; 0 while none were set. 条件版本。 */
  terms_version: number;
  /** What routing knows of an account. 渠道账户的路由条件。 */
  terms: AccountTerms;
  /** What a person turned off. 人工关闭项。 */
  off: ({
    method?: Method;
    /** On again by itself at this time. 到时自动恢复。 RFC 3339. */
    until?: string;
  })[];
  health: ({
    method: Method;
    /** `open`: takes no payments; `half_open`: single payments try whether it is back. 熔断状态。 */
    breaker: 'closed' | 'open' | 'half_open';
    /** Estimated share of calls that the channel carries out. 估计成功率。 */
    success_ppm: number;
    /** Moving average of a call. 平均时延。 */
    latency_ms: number;
    /** Behind the estimate; older ones count less. 样本数（随时间衰减）。 */
    calls: number;
  })[];
};

export type RoutingAccounts = {
  object: 'routing_accounts';
  /** In the order in which they are tried. 按尝试顺序。 */
  accounts: RoutingAccount[];
};

export type SwitchAccountBody = {
  /** 关闭或恢复。 */
  turn: 'off' | 'on';
  method?: Method;
  /** With `off`: on again at this time. 到时自动恢复。 RFC 3339. */
  until?: string;
};

export type ListPaymentsQuery = {
  /** 只看该状态。 */
  state?: PaymentState;
  /** 只看该门店。 */
  store_id?: string;
  /** 只看该终端。 */
  terminal_id?: string;
  /** Created at or after this time. 创建时间起。 RFC 3339. */
  created_from?: string;
  /** Created before this time. 创建时间止（不含）。 RFC 3339. */
  created_before?: string;
  /** Rows per page, 20 unless told. 每页条数。 */
  limit?: number;
  /** `next_cursor` of the page before. 上一页返回的游标。 */
  cursor?: string;
};

export type ListCheckoutSessionsQuery = {
  /** Rows per page, 20 unless told. 每页条数。 */
  limit?: number;
  /** `next_cursor` of the page before. 上一页返回的游标。 */
  cursor?: string;
};

export type ListHelpRequestsQuery = {
  /** Rows per page, 20 unless told. 每页条数。 */
  limit?: number;
  /** `next_cursor` of the page before. 上一页返回的游标。 */
  cursor?: string;
  /** 支付单。 */
  payment_id?: string;
  /** `refunded`: a refund was made for it; its outcome is the refund’s own. 状态；refunded 表示已为其发起退款，结果以退款单为准。 */
  state?: HelpState;
};

export type AnswerHelpRequestBody = {
  /** What the payer reads on the receipt. 答复内容。 */
  answer: string;
};

export type RefundHelpRequestBody = {
  /** How much goes back. 退款金额。 In fen 分 (1/100 CNY), 1 to 10000000000. */
  amount_fen: number;
};

export type CreateRefundByOrderNoBody = {
  /** Only for money that Heliu does not give back by itself: a duplicate or late attempt that the merchant keeps, or whose refund the channel refused. It goes back whole. 仅用于合流未自动退回的重复或迟到款项，须全额。 */
  attempt_id?: string;
  /** The merchant's refund number, unique for the merchant. 商户退款单号，商户内唯一。 1 to 64 of 0-9 A-Z a-z _ - . * @ |, case-sensitive. */
  merchant_refund_no: string;
  /** 退款金额。 In fen 分 (1/100 CNY), 1 to 10000000000. */
  amount_fen: number;
  /** Shown to the payer where the channel does so. 退款原因。 */
  reason?: string;
  /** The merchant's own pairs, returned unchanged. 商户自定义键值，原样返回。 */
  metadata?: Record<string, string>;
};

export type ListRefundsQuery = {
  /** 只看该支付单的退款。 */
  payment_id?: string;
  /** 只看该商户退款单号。 1 to 64 of 0-9 A-Z a-z _ - . * @ |, case-sensitive. */
  merchant_refund_no?: string;
  state?: RefundState;
  /** Rows per page, 20 unless told. 每页条数。 */
  limit?: number;
  /** `next_cursor` of the page before. 上一页返回的游标。 */
  cursor?: string;
};

export type ListBillDaysQuery = {
  /** 渠道账户。 */
  channel_account_id?: string;
  /** This day and later. 起始日（含）。 A day in Asia/Shanghai. 北京时间日期。 */
  from?: string;
  /** This day and earlier. 截止日（含）。 A day in Asia/Shanghai. 北京时间日期。 */
  to?: string;
  /** Rows, 100 unless told. 条数。 */
  limit?: number;
};

export type ListReconExceptionsQuery = {
  /** Rows per page, 20 unless told. 每页条数。 */
  limit?: number;
  /** `next_cursor` of the page before. 上一页返回的游标。 */
  cursor?: string;
  /** What is wrong. 差错类型。 */
  kind?: 'ours_only' | 'bill_only' | 'orphan' | 'unknown_paid' | 'late_paid' | 'amount_mismatch' | 'currency_mismatch' | 'transaction_mismatch' | 'wrong_receiver' | 'state_mismatch' | 'fee_mismatch' | 'rounding' | 'duplicate_line' | 'refund_ours_only' | 'refund_bill_only' | 'refund_unknown' | 'refund_hold' | 'reversal' | 'split_mismatch' | 'cut_off' | 'stale' | 'missing_bill' | 'bill_refused' | 'reissued' | 'fund_mismatch' | 'bank_short' | 'adjustment';
  /** `open`: every state but closed. `open` 为未关闭。 */
  state?: 'opened' | 'proposed' | 'approved' | 'repaired' | 'accepted' | 'suspense' | 'closed' | 'open';
  /** 渠道账户。 */
  channel_account_id?: string;
  /** Of all accounts at this channel. 渠道。 */
  channel?: string;
  /** 账单日。 A day in Asia/Shanghai. 北京时间日期。 */
  biz_date?: string;
  /** This day and later. 起始日（含）。 A day in Asia/Shanghai. 北京时间日期。 */
  from?: string;
  /** This day and earlier. 截止日（含）。 A day in Asia/Shanghai. 北京时间日期。 */
  to?: string;
  /** Open since before this time: since it was opened again, where it was. 此时之前发现（或重开）。 RFC 3339. */
  opened_before?: string;
  /** This much at risk, in fen, or more. 风险金额不低于（分）。 */
  at_risk_from_fen?: number;
  /** Whose it is; `none` for what is nobody’s. 责任人；`none` 为无人负责。 */
  owner?: string;
};

export type ListBankCreditsQuery = {
  /** Rows per page, 20 unless told. 每页条数。 */
  limit?: number;
  /** `next_cursor` of the page before. 上一页返回的游标。 */
  cursor?: string;
  /** 渠道账户。 */
  channel_account_id?: string;
};

export type ListDailyClosesQuery = {
  /** Rows per page, 20 unless told. 每页条数。 */
  limit?: number;
  /** `next_cursor` of the page before. 上一页返回的游标。 */
  cursor?: string;
  /** This day and later. 起始日（含）。 A day in Asia/Shanghai. 北京时间日期。 */
  from?: string;
  /** This day and earlier. 截止日（含）。 A day in Asia/Shanghai. 北京时间日期。 */
  to?: string;
};

export type ListRuleSetsQuery = {
  /** Rows per page, 20 unless told. 每页条数。 */
  limit?: number;
  /** `next_cursor` of the page before. 上一页返回的游标。 */
  cursor?: string;
};

export type ListCostsQuery = {
  /** First day. 起（含）。 A day in Asia/Shanghai. 北京时间日期。 */
  from: string;
  /** Last day, at most 31 days. 止（含），最多 31 天。 A day in Asia/Shanghai. 北京时间日期。 */
  to: string;
};

export type ListEventsQuery = {
  /** `next_cursor` of the call before; from the beginning unless told. 上次返回的游标。 */
  after?: string;
  type?: EventType;
  limit?: number;
};

export type CreateWebhookEndpointBody = {
  /** https, except where plain http is allowed for development. 接收地址。 */
  url: string;
  /** 备注。 */
  description?: string;
  /** Only these types; all when empty. 只投递这些事件，空为全部。 */
  event_types?: EventType[];
};

export type ListWebhookEndpointsQuery = {
  /** Rows per page, 20 unless told. 每页条数。 */
  limit?: number;
  /** `next_cursor` of the page before. 上一页返回的游标。 */
  cursor?: string;
};

export type RotateWebhookSecretBody = {
  /** How long the old secret still signs; 86400 unless told. 旧密钥继续签名的秒数。 */
  overlap_s?: number;
};

export type ListDeliveriesQuery = {
  state?: DeliveryState;
  /** Rows per page, 20 unless told. 每页条数。 */
  limit?: number;
  /** `next_cursor` of the page before. 上一页返回的游标。 */
  cursor?: string;
};

export type ListStoresQuery = {
  /** 只看该状态。 */
  state?: StoreState;
  /** 只看该门店号。 1 to 64 of 0-9 A-Z a-z _ - . * @ |, case-sensitive. */
  store_no?: string;
  /** Rows per page, 20 unless told. 每页条数。 */
  limit?: number;
  /** `next_cursor` of the page before. 上一页返回的游标。 */
  cursor?: string;
};

export type ListTerminalsQuery = {
  /** 只看该门店的终端。 */
  store_id?: string;
  /** What kind of device it is. 终端类型。 */
  kind?: TerminalKind;
  /** 只看该状态。 */
  state?: TerminalState;
  /** Rows per page, 20 unless told. 每页条数。 */
  limit?: number;
  /** `next_cursor` of the page before. 上一页返回的游标。 */
  cursor?: string;
};

export type CreatePairingCodeBody = {
  /** What the device may refund of a day; nothing unless given. 单日退款上限，缺省不可退款。 In fen 分 (1/100 CNY), 1 to 10000000000. */
  refund_fen_max?: number;
};

export type ListDevicesQuery = {
  /** 只看该终端。 */
  terminal_id?: string;
  /** 只看该状态。 */
  state?: DeviceState;
  /** Rows per page, 20 unless told. 每页条数。 */
  limit?: number;
  /** `next_cursor` of the page before. 上一页返回的游标。 */
  cursor?: string;
};

export type SetSupervisorPinBody = {
  /** 6 to 12 digits. 6 至 12 位数字。 */
  pin: string;
};

export type ListShiftsQuery = {
  /** 只看该终端。 */
  terminal_id?: string;
  /** Rows per page, 20 unless told. 每页条数。 */
  limit?: number;
  /** `next_cursor` of the page before. 上一页返回的游标。 */
  cursor?: string;
};

export type ListPlatesQuery = {
  /** 只看该批次。 */
  plate_batch_id?: string;
  /** 只看该门店。 */
  store_id?: string;
  /** 只看该终端。 */
  terminal_id?: string;
  /** 只看该状态。 */
  state?: PlateState;
  /** Rows per page, 20 unless told. 每页条数。 */
  limit?: number;
  /** `next_cursor` of the page before. 上一页返回的游标。 */
  cursor?: string;
};

export type ClaimPlateBody = {
  /** The number printed on the plate. 印在码牌上的编号。 */
  stock_no: string;
  /** The code that came with the plate and is not on its face. 随牌的领用码，不印在牌面。 */
  claim_code: string;
};

export type ListPlateChangesQuery = {
  /** Rows per page, 20 unless told. 每页条数。 */
  limit?: number;
  /** `next_cursor` of the page before. 上一页返回的游标。 */
  cursor?: string;
};

export type ListPricesQuery = {
  /** Rows per page, 20 unless told. 每页条数。 */
  limit?: number;
  /** `next_cursor` of the page before. 上一页返回的游标。 */
  cursor?: string;
  /** Prices for this channel alone. 仅为该渠道设定的费率。 */
  channel?: string;
  method?: Method;
};

export type ListLedgerBalancesQuery = {
  /** At the end of that day; not beside `at`. 该日终的余额，不与 at 同用。 A day in Asia/Shanghai. 北京时间日期。 */
  through?: string;
  /** At that instant. 该时刻的余额。 RFC 3339. */
  at?: string;
};

export type ListMarginsQuery = {
  /** First day. 起始日。 A day in Asia/Shanghai. 北京时间日期。 */
  from: string;
  /** Last day. 截止日。 A day in Asia/Shanghai. 北京时间日期。 */
  through: string;
};

export type CreateStatementBody = {
  /** First day. 起始日。 A day in Asia/Shanghai. 北京时间日期。 */
  from: string;
  /** Last day, today at the latest; at most 366 days. 截止日，不晚于今日，最长 366 天。 A day in Asia/Shanghai. 北京时间日期。 */
  through: string;
  /** Of this store only. 仅该门店。 */
  store_id?: string;
};

export type ListStatementsQuery = {
  /** Rows per page, 20 unless told. 每页条数。 */
  limit?: number;
  /** `next_cursor` of the page before. 上一页返回的游标。 */
  cursor?: string;
};

export type LinkStatementBody = {
  /** 文件格式。 */
  format: 'csv' | 'xlsx';
  /** How long it opens the file, in seconds: 900 unless told; days for an e-mail that is read later. 有效秒数，默认 900，最长 7 天。 */
  expires_in_s?: number;
};

type EventEnvelope = {
  object: 'event';
  /** Event 事件. The same in every delivery: use it to ignore repeats. */
  id: string;
  livemode: boolean;
  /** 事件时间。 RFC 3339. */
  created_at: string;
};

/** Something that happened; `data` is the object as it was then. 事件：`data` 为事件发生时的对象快照。 */
export type Event =
  | (EventEnvelope & { type: 'payment.paid' | 'payment.closed' | 'payment.attempt_refused' | 'payment.duplicate_received' | 'payment.late_received'; data: Payment })
  | (EventEnvelope & { type: 'refund.pending' | 'refund.succeeded' | 'refund.refused'; data: Refund })
  | (EventEnvelope & { type: 'anomaly.opened'; data: Anomaly })
  | (EventEnvelope & { type: 'recon_exception.opened' | 'recon_exception.closed' | 'recon_exception.aged'; data: {
      object: 'recon_exception';
      /** Exception 差错. */
      id: string;
      livemode: boolean;
      /** What is wrong. 差错类型。 */
      kind: 'ours_only' | 'bill_only' | 'orphan' | 'unknown_paid' | 'late_paid' | 'amount_mismatch' | 'currency_mismatch' | 'transaction_mismatch' | 'wrong_receiver' | 'state_mismatch' | 'fee_mismatch' | 'rounding' | 'duplicate_line' | 'refund_ours_only' | 'refund_bill_only' | 'refund_unknown' | 'refund_hold' | 'reversal' | 'split_mismatch' | 'cut_off' | 'stale' | 'missing_bill' | 'bill_refused' | 'reissued' | 'fund_mismatch' | 'bank_short' | 'adjustment';
      /** Where its handling stands. 处理状态。 */
      state: 'opened' | 'proposed' | 'approved' | 'repaired' | 'accepted' | 'suspense' | 'closed';
      /** The day of the bill. 账单日。 A day in Asia/Shanghai. 北京时间日期。 */
      biz_date: string;
      /** 渠道。 */
      channel: string;
      /** 渠道账户。 */
      channel_account_id: string;
      /** 相关支付单。 */
      payment_id: string | null;
      /** The attempt or refund. 支付尝试或退款。 */
      object_id: string | null;
      /** 我方在渠道侧的订单号。 */
      channel_order_no: string | null;
      /** 渠道交易号。 */
      channel_transaction_id: string | null;
      /** What we have. 我方金额。 In fen 分. */
      our_fen: number;
      /** What the bill has. 账单金额。 In fen 分. */
      bill_fen: number;
      /** What could be lost. 风险金额。 In fen 分. */
      at_risk_fen: number;
      /** The repair that Heliu proposes; `investigate`: a person finds out what it is. 建议的处理；`investigate` 为人工查明。 */
      proposal: string;
      /** Evidence in words. 证据摘要。 */
      detail: Record<string, string>;
      /** Who handles it. 责任人。 */
      owner: string | null;
      /** How it ended. 结果。 */
      resolution: string | null;
      /** 发现时间。 RFC 3339. */
      opened_at: string;
      /** 关闭时间。 RFC 3339. */
      closed_at: string | null;
      version: number;
    } })
  | (EventEnvelope & { type: 'help_request.opened'; data: HelpRequest })
  | (EventEnvelope & { type: 'webhook_endpoint.ping'; data: {
      object: 'webhook_endpoint';
      /** 端点。 */
      id: string;
    } });

export type Method =
  | 'wechat_qr'
  | 'wechat_jsapi'
  | 'wechat_mini'
  | 'wechat_h5'
  | 'wechat_app'
  | 'wechat_barcode'
  | 'alipay_qr'
  | 'alipay_jsapi'
  | 'alipay_mini'
  | 'alipay_wap'
  | 'alipay_app'
  | 'alipay_page'
  | 'alipay_barcode'
  | 'unionpay_qr'
  | 'unionpay_jsapi'
  | 'unionpay_app'
  | 'unionpay_h5'
  | 'unionpay_page'
  | 'unionpay_bank'
  | 'unionpay_b2b'
  | 'unionpay_barcode'
  | 'qq_qr'
  | 'qq_jsapi'
  | 'qq_mini'
  | 'qq_app'
  | 'qq_barcode'
  | 'jd_qr'
  | 'jd_app'
  | 'jd_h5'
  | 'jd_page'
  | 'jd_barcode'
  | 'bestpay_jsapi'
  | 'bestpay_h5'
  | 'bestpay_page'
  | 'bestpay_barcode'
  | 'ecny_qr'
  | 'ecny_barcode'
  | 'aggregate_qr';

export type EventType =
  | 'payment.paid'
  | 'payment.closed'
  | 'payment.attempt_refused'
  | 'payment.duplicate_received'
  | 'payment.late_received'
  | 'refund.pending'
  | 'refund.succeeded'
  | 'refund.refused'
  | 'anomaly.opened'
  | 'recon_exception.opened'
  | 'recon_exception.closed'
  | 'recon_exception.aged'
  | 'help_request.opened'
  | 'webhook_endpoint.ping';

export type PaymentState =
  | 'pending'
  | 'paid'
  | 'closed';

export type ClosedReason =
  | 'expired'
  | 'cancelled'
  | 'refused';

export type AttemptState =
  | 'sending'
  | 'waiting'
  | 'succeeded'
  | 'refused'
  | 'closed';

export type Disposition =
  | 'accepted'
  | 'duplicate'
  | 'late';

export type RefundState =
  | 'sending'
  | 'pending'
  | 'succeeded'
  | 'refused';

export type RefundCause =
  | 'merchant'
  | 'duplicate'
  | 'late'
  | 'cancel';

export type HelpKind =
  | 'question'
  | 'refund';

export type HelpState =
  | 'opened'
  | 'answered'
  | 'refunded'
  | 'closed';

export type DeliveryState =
  | 'pending'
  | 'delivered'
  | 'dead'
  | 'cancelled';

export type StoreState =
  | 'open'
  | 'closed';

export type DeviceState =
  | 'active'
  | 'revoked';

export type PlateState =
  | 'stock'
  | 'active'
  | 'disabled';

export type PlateRemark =
  | 'none'
  | 'optional'
  | 'required';

export type PlateChangeKind =
  | 'claimed'
  | 'assigned'
  | 'bound'
  | 'rebound'
  | 'updated'
  | 'disabled'
  | 'enabled';

export type PrintFormat =
  | 'svg'
  | 'png'
  | 'pdf';

export type PrintSize =
  | 'a6'
  | 'a5';

export type TerminalState =
  | 'active'
  | 'closed';

export type TerminalKind =
  | 'pos'
  | 'plate'
  | 'kiosk'
  | 'gate';

export type AnomalyKind =
  | 'amount_mismatch'
  | 'currency_mismatch'
  | 'identity_mismatch'
  | 'orphan_success'
  | 'transaction_reused'
  | 'orphan_refund'
  | 'refund_amount_mismatch'
  | 'close_stuck'
  | 'refund_reversed'
  | 'refund_stuck';

export type RefusalReason =
  | 'payment_code_expired'
  | 'payment_code_invalid'
  | 'insufficient_funds'
  | 'payer_refused'
  | 'payer_account_restricted'
  | 'payer_mismatch'
  | 'limit_exceeded'
  | 'risk_refused'
  | 'order_closed'
  | 'order_no_used'
  | 'method_not_enabled'
  | 'merchant_restricted'
  | 'configuration_error'
  | 'currency_not_supported'
  | 'merchant_balance_insufficient'
  | 'refund_window_closed'
  | 'refund_amount_refused'
  | 'refund_not_allowed'
  | 'payment_not_at_channel'
  | 'other';

export type ErrorCode =
  | 'malformed_json'
  | 'duplicate_json_key'
  | 'number_not_integer'
  | 'parameter_missing'
  | 'parameter_unknown'
  | 'parameter_invalid'
  | 'payment_code_unknown'
  | 'payment_code_not_taken'
  | 'idempotency_key_invalid'
  | 'unsupported_media_type'
  | 'body_too_large'
  | 'route_unknown'
  | 'method_not_allowed'
  | 'unauthenticated'
  | 'signature_required'
  | 'signature_expired'
  | 'signature_replayed'
  | 'scope_missing'
  | 'merchant_suspended'
  | 'rate_limited'
  | 'merchant_not_found'
  | 'agent_not_found'
  | 'agent_closed'
  | 'agent_in_use'
  | 'agent_tree_circular'
  | 'agent_tree_too_deep'
  | 'agent_has_too_many_merchants'
  | 'too_many_agents'
  | 'api_key_not_found'
  | 'too_many_api_keys'
  | 'idempotency_key_reused'
  | 'request_in_progress'
  | 'store_not_found'
  | 'store_closed'
  | 'store_no_taken'
  | 'too_many_stores'
  | 'terminal_not_found'
  | 'terminal_closed'
  | 'terminal_no_taken'
  | 'terminal_elsewhere'
  | 'too_many_terminals'
  | 'device_not_found'
  | 'device_unauthenticated'
  | 'pairing_code_wrong'
  | 'order_not_here'
  | 'supervisor_pin_missing'
  | 'supervisor_pin_wrong'
  | 'supervisor_pin_locked'
  | 'device_refund_limit'
  | 'plate_not_found'
  | 'plate_batch_not_found'
  | 'plate_not_bound'
  | 'plate_disabled'
  | 'plate_claim_wrong'
  | 'plate_claimed'
  | 'plate_terminal_kind'
  | 'plate_terminal_taken'
  | 'plate_amount_refused'
  | 'plate_limit_reached'
  | 'too_many_plates'
  | 'payment_not_found'
  | 'merchant_order_no_taken'
  | 'no_channel_account'
  | 'channel_account_not_found'
  | 'channel_account_receiver_fixed'
  | 'channel_account_paused'
  | 'channel_account_closed'
  | 'too_many_channel_accounts'
  | 'method_not_supported'
  | 'payment_already_paid'
  | 'payment_closed'
  | 'payment_closing'
  | 'payment_expired'
  | 'too_many_attempts'
  | 'attempt_not_found'
  | 'attempt_unsettled'
  | 'payment_not_cancellable'
  | 'checkout_session_not_found'
  | 'return_url_refused'
  | 'logo_refused'
  | 'help_request_not_found'
  | 'help_request_over'
  | 'recon_exception_not_found'
  | 'recon_step_not_allowed'
  | 'recon_repair_impossible'
  | 'recon_second_person_required'
  | 'recon_total_second_person_required'
  | 'recon_day_open'
  | 'recon_day_unbalanced'
  | 'recon_day_ledger_differs'
  | 'recon_day_not_matched'
  | 'recon_day_not_over'
  | 'recon_day_incomplete'
  | 'bill_refused'
  | 'bill_given_by_channel'
  | 'bill_not_published'
  | 'bill_not_found'
  | 'bank_statement_refused'
  | 'bank_import_not_found'
  | 'bank_not_followed'
  | 'no_account_available'
  | 'account_limit_reached'
  | 'routing_rule_invalid'
  | 'rule_set_not_found'
  | 'too_many_rule_sets'
  | 'refund_not_found'
  | 'merchant_refund_no_taken'
  | 'payment_not_paid'
  | 'refund_exceeds_paid'
  | 'refund_not_whole'
  | 'too_many_refunds'
  | 'posting_not_found'
  | 'posting_reversed'
  | 'ledger_day_not_over'
  | 'ledger_day_closed'
  | 'ledger_behind'
  | 'ledger_days_open'
  | 'too_many_prices'
  | 'statement_not_found'
  | 'statement_not_ready'
  | 'statement_period_invalid'
  | 'too_many_statements'
  | 'event_not_found'
  | 'webhook_endpoint_not_found'
  | 'webhook_url_refused'
  | 'too_many_webhook_endpoints'
  | 'delivery_not_found'
  | 'webhook_endpoint_disabled'
  | 'cursor_invalid'
  | 'internal_error'
  | 'unavailable'
  | 'overloaded';
