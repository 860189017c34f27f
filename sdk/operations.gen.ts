// Generated from the contract by sdk/gen.ts. Do not edit.

import type { Call, CallOptions } from './call.ts';
import { type FeedPage, listPages } from './pages.ts';
import { path } from './path.ts';
import type { AccountTerms, AnswerHelpRequestBody, BindPlateBody, CashierSettings, CheckoutSession, ClaimPlateBody, Costs, CreateAttemptBody, CreateCheckoutSessionBody, CreatePairingCodeBody, CreatePaymentBody, CreatePlateBatchBody, CreateRefundBody, CreateRefundByOrderNoBody, CreateStatementBody, CreateStoreBody, CreateTerminalBody, CreateWebhookEndpointBody, Delivery, Device, Event, ExplainBody, HelpRequest, LinkStatementBody, ListBankCreditsQuery, ListBillDaysQuery, ListCheckoutSessionsQuery, ListCostsQuery, ListDailyClosesQuery, ListDeliveriesQuery, ListDevicesQuery, ListEventsQuery, ListHelpRequestsQuery, ListLedgerBalancesQuery, ListMarginsQuery, ListPaymentsQuery, ListPlateChangesQuery, ListPlatesQuery, ListPricesQuery, ListReconExceptionsQuery, ListRefundsQuery, ListRuleSetsQuery, ListShiftsQuery, ListStatementsQuery, ListStoresQuery, ListTerminalsQuery, ListWebhookEndpointsQuery, PairingCode, Payment, PaymentRouting, Plate, PlateBatch, PlateChange, Price, PrintBody, PrintLink, ReceiptLink, Refund, RefundHelpRequestBody, RotateWebhookSecretBody, RoutingAccount, RoutingAccounts, RoutingDecision, RoutingSimulation, RuleSet, RuleSetBody, SetSupervisorPinBody, Shift, SimulateBody, Store, SwitchAccountBody, Terminal, UpdateCashierSettingsBody, UpdatePlateBody, UpdateStoreBody, UpdateTerminalBody, WebhookEndpoint, WebhookEndpointWithSecret } from './types.gen.ts';

export const sdk_version = '0.1.0';

export const resourcesOf = (call: Call) => ({
  payments: {
    /**
     * Create a payment and make its first attempt. 创建支付单并发起首次支付。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `payment_code_unknown`, `payment_code_not_taken`, `no_channel_account`, `no_account_available`, `account_limit_reached`, `channel_account_not_found`, `channel_account_paused`, `channel_account_closed`, `method_not_supported`, `store_not_found`, `store_closed`, `terminal_not_found`, `terminal_closed`, `terminal_elsewhere`, `merchant_order_no_taken`, or what any call can answer.
     */
    create: (body: CreatePaymentBody, options?: CallOptions) =>
      call<Payment>({ method: 'POST', path: '/v1/payments', body, answers: 'payment' }, options),
    /**
     * Retrieve a payment. 查询支付单。
     *
     * Refused with: `payment_not_found`, or what any call can answer.
     */
    retrieve: (payment_id: string, options?: CallOptions) =>
      call<Payment>({ method: 'GET', path: path`/v1/payments/${payment_id}`, answers: 'payment' }, options),
    /**
     * Retrieve a payment by the merchant's order number. 按商户订单号查询支付单。
     *
     * Refused with: `payment_not_found`, or what any call can answer.
     */
    retrieveByOrderNo: (merchant_order_no: string, options?: CallOptions) =>
      call<Payment>({ method: 'GET', path: path`/v1/payments/by-order-no/${merchant_order_no}`, answers: 'payment' }, options),
    /**
     * List payments, newest first. 支付单列表（新的在前）。
     *
     * Refused with: `cursor_invalid`, or what any call can answer.
     */
    list: (query: ListPaymentsQuery = {}, options?: CallOptions) =>
      listPages<Payment>(call, { method: 'GET', path: '/v1/payments', query, answers: 'list' }, 'cursor', options),
    /**
     * Try again, perhaps with another wallet. 发起新的支付尝试（可换钱包）。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `payment_code_unknown`, `payment_code_not_taken`, `no_channel_account`, `no_account_available`, `account_limit_reached`, `channel_account_not_found`, `channel_account_paused`, `channel_account_closed`, `method_not_supported`, `payment_not_found`, `payment_already_paid`, `payment_closed`, `payment_closing`, `payment_expired`, `attempt_unsettled`, `too_many_attempts`, or what any call can answer.
     */
    createAttempt: (payment_id: string, body: CreateAttemptBody, options?: CallOptions) =>
      call<Payment>({ method: 'POST', path: path`/v1/payments/${payment_id}/attempts`, body, answers: 'payment' }, options),
    /**
     * Close an unpaid payment, at the channel first. 关闭未支付的支付单（先在渠道侧关闭）。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `payment_not_found`, `payment_already_paid`, or what any call can answer.
     */
    close: (payment_id: string, options?: CallOptions) =>
      call<Payment>({ method: 'POST', path: path`/v1/payments/${payment_id}/close`, answers: 'payment' }, options),
    /**
     * Cancel (撤销): undo a payment whose outcome is unknown or paid, give any money back. 撤销：结果未知或已支付时撤销，已付款项原路退回。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `payment_not_found`, `payment_not_cancellable`, or what any call can answer.
     */
    cancel: (payment_id: string, options?: CallOptions) =>
      call<Payment>({ method: 'POST', path: path`/v1/payments/${payment_id}/cancel`, answers: 'payment' }, options),
    /**
     * Close an unpaid payment by the merchant's order number, also where the answer that named its id was lost. 按商户订单号关闭未支付的支付单（创建应答丢失时亦可）。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `payment_not_found`, `payment_already_paid`, or what any call can answer.
     */
    closeByOrderNo: (merchant_order_no: string, options?: CallOptions) =>
      call<Payment>({ method: 'POST', path: path`/v1/payments/by-order-no/${merchant_order_no}/close`, answers: 'payment' }, options),
    /**
     * Cancel (撤销) by the merchant's order number, also where the answer that named the payment's id was lost. 按商户订单号撤销（创建应答丢失时亦可）。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `payment_not_found`, `payment_not_cancellable`, or what any call can answer.
     */
    cancelByOrderNo: (merchant_order_no: string, options?: CallOptions) =>
      call<Payment>({ method: 'POST', path: path`/v1/payments/by-order-no/${merchant_order_no}/cancel`, answers: 'payment' }, options),
    /**
     * Ask the channel now. 立即向渠道查询。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `payment_not_found`, or what any call can answer.
     */
    sync: (payment_id: string, options?: CallOptions) =>
      call<Payment>({ method: 'POST', path: path`/v1/payments/${payment_id}/sync`, answers: 'payment' }, options),
    /**
     * Get a link to the payer's receipt, where the payer may ask for help. 取得付款凭证页的链接（付款人可在其上求助）。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `payment_not_found`, or what any call can answer.
     */
    linkReceipt: (payment_id: string, options?: CallOptions) =>
      call<ReceiptLink>({ method: 'POST', path: path`/v1/payments/${payment_id}/receipt_link`, answers: 'undefined' }, options),
    /**
     * Why the attempts of a payment went where they went. 查询支付单各次尝试的路由决定。
     *
     * Refused with: `payment_not_found`, or what any call can answer.
     */
    retrieveRouting: (payment_id: string, options?: CallOptions) =>
      call<PaymentRouting>({ method: 'GET', path: path`/v1/payments/${payment_id}/routing`, answers: 'payment_routing' }, options),
  },
  checkoutSessions: {
    /**
     * Create a payment with a page on which it is paid. 创建收银台会话（连同支付单）。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `store_not_found`, `store_closed`, `terminal_not_found`, `terminal_closed`, `terminal_elsewhere`, `no_channel_account`, `merchant_order_no_taken`, `return_url_refused`, or what any call can answer.
     */
    create: (body: CreateCheckoutSessionBody, options?: CallOptions) =>
      call<CheckoutSession>({ method: 'POST', path: '/v1/checkout_sessions', body, answers: 'checkout_session' }, options),
    /**
     * Retrieve a checkout session. 查询收银台会话。
     *
     * Refused with: `checkout_session_not_found`, or what any call can answer.
     */
    retrieve: (checkout_session_id: string, options?: CallOptions) =>
      call<CheckoutSession>({ method: 'GET', path: path`/v1/checkout_sessions/${checkout_session_id}`, answers: 'checkout_session' }, options),
    /**
     * List checkout sessions, newest first. 收银台会话列表（新的在前）。
     *
     * Refused with: `cursor_invalid`, or what any call can answer.
     */
    list: (query: ListCheckoutSessionsQuery = {}, options?: CallOptions) =>
      listPages<CheckoutSession>(call, { method: 'GET', path: '/v1/checkout_sessions', query, answers: 'list' }, 'cursor', options),
    /**
     * End a session now: its payment is closed, at the channel first. 立即结束会话：先在渠道侧关闭其支付单。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `checkout_session_not_found`, `payment_already_paid`, or what any call can answer.
     */
    expire: (checkout_session_id: string, options?: CallOptions) =>
      call<CheckoutSession>({ method: 'POST', path: path`/v1/checkout_sessions/${checkout_session_id}/expire`, answers: 'checkout_session' }, options),
  },
  cashierSettings: {
    /**
     * Retrieve the cashier settings. 查询收银台设置。
     *
     * Refused with: , or what any call can answer.
     */
    retrieve: (options?: CallOptions) =>
      call<CashierSettings>({ method: 'GET', path: '/v1/cashier_settings', answers: 'cashier_settings' }, options),
    /**
     * Change the cashier settings; what is not named stays, null removes. 修改收银台设置（未提及的保持不变，null 为清除）。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `logo_refused`, or what any call can answer.
     */
    update: (body: UpdateCashierSettingsBody = {}, options?: CallOptions) =>
      call<CashierSettings>({ method: 'POST', path: '/v1/cashier_settings', body, answers: 'cashier_settings' }, options),
  },
  helpRequests: {
    /**
     * List what payers asked, newest first. 客服请求列表（新的在前）。
     *
     * Refused with: `cursor_invalid`, or what any call can answer.
     */
    list: (query: ListHelpRequestsQuery = {}, options?: CallOptions) =>
      listPages<HelpRequest>(call, { method: 'GET', path: '/v1/help_requests', query, answers: 'list' }, 'cursor', options),
    /**
     * Retrieve a help request. 查询客服请求。
     *
     * Refused with: `help_request_not_found`, or what any call can answer.
     */
    retrieve: (help_request_id: string, options?: CallOptions) =>
      call<HelpRequest>({ method: 'GET', path: path`/v1/help_requests/${help_request_id}`, answers: 'help_request' }, options),
    /**
     * Answer a payer; the answer stands on the receipt. 答复付款人（显示在凭证页）。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `help_request_not_found`, `help_request_over`, or what any call can answer.
     */
    answer: (help_request_id: string, body: AnswerHelpRequestBody, options?: CallOptions) =>
      call<HelpRequest>({ method: 'POST', path: path`/v1/help_requests/${help_request_id}/answer`, body, answers: 'help_request' }, options),
    /**
     * Refund the payment that a payer asked about, once for each request. 为该请求退款（每个请求一次）。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `help_request_not_found`, `help_request_over`, `payment_not_paid`, `refund_exceeds_paid`, `too_many_refunds`, `merchant_refund_no_taken`, or what any call can answer.
     */
    refund: (help_request_id: string, body: RefundHelpRequestBody, options?: CallOptions) =>
      call<HelpRequest>({ method: 'POST', path: path`/v1/help_requests/${help_request_id}/refund`, body, answers: 'help_request' }, options),
    /**
     * Close a help request. 关闭客服请求。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `help_request_not_found`, `help_request_over`, or what any call can answer.
     */
    close: (help_request_id: string, options?: CallOptions) =>
      call<HelpRequest>({ method: 'POST', path: path`/v1/help_requests/${help_request_id}/close`, answers: 'help_request' }, options),
  },
  refunds: {
    /**
     * Refund a payment, whole or in part. 退款（全额或部分）。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `payment_not_found`, `attempt_not_found`, `merchant_refund_no_taken`, `payment_not_paid`, `refund_exceeds_paid`, `refund_not_whole`, `too_many_refunds`, or what any call can answer.
     */
    create: (body: CreateRefundBody, options?: CallOptions) =>
      call<Refund>({ method: 'POST', path: '/v1/refunds', body, answers: 'refund' }, options),
    /**
     * Refund a payment by the merchant's order number, whole or in part. 按商户订单号退款（全额或部分）。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `payment_not_found`, `attempt_not_found`, `merchant_refund_no_taken`, `payment_not_paid`, `refund_exceeds_paid`, `refund_not_whole`, `too_many_refunds`, or what any call can answer.
     */
    createByOrderNo: (merchant_order_no: string, body: CreateRefundByOrderNoBody, options?: CallOptions) =>
      call<Refund>({ method: 'POST', path: path`/v1/payments/by-order-no/${merchant_order_no}/refunds`, body, answers: 'refund' }, options),
    /**
     * Retrieve a refund. 查询退款。
     *
     * Refused with: `refund_not_found`, or what any call can answer.
     */
    retrieve: (refund_id: string, options?: CallOptions) =>
      call<Refund>({ method: 'GET', path: path`/v1/refunds/${refund_id}`, answers: 'refund' }, options),
    /**
     * List refunds, newest first. 退款列表（新的在前）。
     *
     * Refused with: `cursor_invalid`, or what any call can answer.
     */
    list: (query: ListRefundsQuery = {}, options?: CallOptions) =>
      listPages<Refund>(call, { method: 'GET', path: '/v1/refunds', query, answers: 'list' }, 'cursor', options),
  },
  billDays: {
    /**
     * List the days whose bills are wanted, imported or empty, newest first. 账单日列表（新的在前）。
     *
     * Refused with: , or what any call can answer.
     */
    list: (query: ListBillDaysQuery = {}, options?: CallOptions) =>
      listPages<{
  object: 'bill_day';
  /** 渠道。 */
  channel: string;
  /** 渠道账户。 */
  channel_account_id: string;
  /** `trade` 业务账单，`fund` 资金账单。 */
  kind: 'trade' | 'fund';
  /** The day. 账单日。 A day in Asia/Shanghai. 北京时间日期。 */
  biz_date: string;
  /** `wanted`: not there yet. 未取得、已入账、当日无交易。 */
  state: 'wanted' | 'imported' | 'empty';
  /** Why the last look brought nothing. 最近一次未取得的原因。 */
  problem: string | null;
  /** 当前账单。 */
  bill_id: string | null;
  /** More than 1: the channel issued it again. 版本，大于 1 为重发。 */
  bill_version: number | null;
  /** 笔数。 */
  lines: number | null;
  /** Paid, by the bill. 账单收款合计。 In fen 分. */
  payment_fen: number | null;
  /** Refunded, by the bill. 账单退款合计。 In fen 分. */
  refund_fen: number | null;
  /** Exceptions of the day that are not closed. 未关闭的差错数。 */
  open_exceptions: number;
  /** 对账时间。 RFC 3339. */
  matched_at: string | null;
  /** 日结时间。 RFC 3339. */
  closed_at: string | null;
  /** How often the day was closed: more than 1 after something came later. 日结版本。 */
  close_version: number | null;
  /** What came into the day after it was closed. The signed statement stays as it is; closing again signs a further version. 日结后的变化；已签名的日结单不变，可再次日结。 */
  changed_since_closing: {
    /** Another bill is that of the day. 账单已换。 */
    bill: boolean;
    /** Exceptions that were opened, opened again or settled since. 日结后新开、重开或处理过的差错数。 */
    exceptions: number;
    /** By how much the payments of the day have grown, as of the last matching. 日结后增加的收款（截至最近一次对账）。 */
    payments_fen: number;
    /** And the refunds. 日结后增加的退款。 */
    refunds_fen: number;
  } | null;
}>(call, { method: 'GET', path: '/v1/bill_days', query, answers: 'list' }, 'cursor', options),
  },
  reconExceptions: {
    /**
     * List differences between bills and us, newest first. 差错列表（新的在前）。
     *
     * Refused with: `cursor_invalid`, or what any call can answer.
     */
    list: (query: ListReconExceptionsQuery = {}, options?: CallOptions) =>
      listPages<{
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
}>(call, { method: 'GET', path: '/v1/recon_exceptions', query, answers: 'list' }, 'cursor', options),
    /**
     * Retrieve a difference. 查询差错。
     *
     * Refused with: `recon_exception_not_found`, or what any call can answer.
     */
    retrieve: (recon_exception_id: string, options?: CallOptions) =>
      call<{
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
}>({ method: 'GET', path: path`/v1/recon_exceptions/${recon_exception_id}`, answers: 'recon_exception' }, options),
  },
  bankCredits: {
    /**
     * List what banks credited for channels, newest first. 银行到账列表（新的在前）。
     *
     * Refused with: `cursor_invalid`, or what any call can answer.
     */
    list: (query: ListBankCreditsQuery = {}, options?: CallOptions) =>
      listPages<{
  object: 'bank_credit';
  /** Bank credit 银行到账. */
  id: string;
  livemode: boolean;
  /** 渠道。 */
  channel: string;
  /** 渠道账户。 */
  channel_account_id: string;
  /** The bank's own number of the movement. 银行流水号。 */
  reference: string;
  /** When the bank credited it. 到账日。 A day in Asia/Shanghai. 北京时间日期。 */
  received_on: string;
  /** What came. 到账金额。 In fen 分. */
  amount_fen: number;
  /** Who paid, as the bank names it. 付款方。 */
  payer: string | null;
  /** The days of bills that it is, alone or with others, the sum of. 对应的账单日；空为未对应。 */
  settles: string[];
  /** 导入时间。 RFC 3339. */
  created_at: string;
}>(call, { method: 'GET', path: '/v1/bank_credits', query, answers: 'list' }, 'cursor', options),
  },
  dailyCloses: {
    /**
     * List the closed days of the merchant, newest first. 商户日结列表（新的在前）。
     *
     * Refused with: `cursor_invalid`, or what any call can answer.
     */
    list: (query: ListDailyClosesQuery = {}, options?: CallOptions) =>
      listPages<{
  object: 'daily_close';
  livemode: boolean;
  /** The closed day. 日结日。 A day in Asia/Shanghai. 北京时间日期。 */
  biz_date: string;
  payments: {
    /** The platform. 平台。 In fen 分. */
    ours_fen: number;
    /** The ledger, which equals it. 账本，与平台相等。 In fen 分. */
    ledger_fen: number;
    /** The bills of that day; what they differ by is explained by other days and exceptions. 当日账单，差额由其他账单日与差错解释。 In fen 分. */
    bill_fen: number;
    /** The sum of the channel accounts, which equals it. 各渠道账户之和，与平台相等。 In fen 分. */
    accounts_fen: number;
  };
  refunds: {
    /** The platform. 平台。 In fen 分. */
    ours_fen: number;
    /** The ledger, which equals it. 账本，与平台相等。 In fen 分. */
    ledger_fen: number;
    /** The bills of that day; what they differ by is explained by other days and exceptions. 当日账单，差额由其他账单日与差错解释。 In fen 分. */
    bill_fen: number;
    /** The sum of the channel accounts, which equals it. 各渠道账户之和，与平台相等。 In fen 分. */
    accounts_fen: number;
  };
  /** The channels' fee, as it is posted. 已记账的渠道手续费。 In fen 分; may be below zero. 可为负。 */
  fee_fen: number;
  /** What stands in suspense. 挂账。 In fen 分; may be below zero. 可为负。 */
  suspense_fen: number;
  /** Every channel account that the day has. 该日涉及的全部渠道账户。 */
  accounts: ({
    /** 渠道账户。 */
    channel_account_id: string;
    /** 渠道。 */
    channel: string;
    /** Of the account's own signed statement, hex. 该账户日结单的摘要。 */
    statement_sha256: string;
    payments: {
      /** The platform. 平台。 In fen 分. */
      ours_fen: number;
      /** The ledger, which equals it. 账本，与平台相等。 In fen 分. */
      ledger_fen: number;
      /** The bills of that day; what they differ by is explained by other days and exceptions. 当日账单，差额由其他账单日与差错解释。 In fen 分. */
      bill_fen: number;
    };
    refunds: {
      /** The platform. 平台。 In fen 分. */
      ours_fen: number;
      /** The ledger, which equals it. 账本，与平台相等。 In fen 分. */
      ledger_fen: number;
      /** The bills of that day; what they differ by is explained by other days and exceptions. 当日账单，差额由其他账单日与差错解释。 In fen 分. */
      bill_fen: number;
    };
    /** The channels' fee, as it is posted. 已记账的渠道手续费。 In fen 分; may be below zero. 可为负。 */
    fee_fen: number;
    /** What stands in suspense. 挂账。 In fen 分; may be below zero. 可为负。 */
    suspense_fen: number;
    /** What became of that day after the account's own statement was signed. 该账户日结后才归入该日的金额。 */
    later: {
      /** 收款。 In fen 分; may be below zero. 可为负。 */
      payments_fen: number;
      /** 退款。 In fen 分; may be below zero. 可为负。 */
      refunds_fen: number;
    };
  })[];
  /** What is signed, byte for byte, as JSON. 被签名的原文。 */
  manifest: string;
  /** Ed25519 over the bytes of `manifest`, base64. 签名。 */
  signature: string;
  /** SPKI, base64. 公钥。 */
  public_key: string;
  /** Who closed it. 日结人。 */
  closed_by: string;
  /** 日结时间。 RFC 3339. */
  closed_at: string;
}>(call, { method: 'GET', path: '/v1/daily_closes', query, answers: 'list' }, 'cursor', options),
  },
  routing: {
    /**
     * Save a rule set after checking it, and use it unless told otherwise. 校验并保存路由规则集（默认立即启用）。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `routing_rule_invalid`, `channel_account_not_found`, `too_many_rule_sets`, or what any call can answer.
     */
    createRuleSet: (body: RuleSetBody, options?: CallOptions) =>
      call<RuleSet>({ method: 'POST', path: '/v1/routing/rule_sets', body, answers: 'routing_rule_set' }, options),
    /**
     * List rule sets, newest first. 路由规则集列表（新的在前）。
     *
     * Refused with: `cursor_invalid`, or what any call can answer.
     */
    listRuleSets: (query: ListRuleSetsQuery = {}, options?: CallOptions) =>
      listPages<RuleSet>(call, { method: 'GET', path: '/v1/routing/rule_sets', query, answers: 'list' }, 'cursor', options),
    /**
     * Use a saved rule set from now on, on every node within a second. 启用已保存的规则集，一秒内在所有节点生效。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `rule_set_not_found`, `routing_rule_invalid`, `channel_account_not_found`, or what any call can answer.
     */
    activateRuleSet: (rule_set_id: string, options?: CallOptions) =>
      call<RuleSet>({ method: 'POST', path: path`/v1/routing/rule_sets/${rule_set_id}/activate`, answers: 'routing_rule_set' }, options),
    /**
     * Say where a payment would go now, and why; nothing is written. 试算一笔支付此刻的路由及理由（不落库）。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `payment_code_unknown`, `payment_code_not_taken`, `no_channel_account`, `no_account_available`, `account_limit_reached`, `channel_account_not_found`, `channel_account_paused`, `channel_account_closed`, `method_not_supported`, `rule_set_not_found`, or what any call can answer.
     */
    explain: (body: ExplainBody, options?: CallOptions) =>
      call<RoutingDecision>({ method: 'POST', path: '/v1/routing/explain', body, answers: 'routing_decision' }, options),
    /**
     * What rules would have done with past payments; nothing is written. 用历史支付试算路由规则（不落库）。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `rule_set_not_found`, `routing_rule_invalid`, `channel_account_not_found`, or what any call can answer.
     */
    simulate: (body: SimulateBody, options?: CallOptions) =>
      call<RoutingSimulation>({ method: 'POST', path: '/v1/routing/simulate', body, answers: 'routing_simulation' }, options),
    /**
     * What payments cost at the channels, by day, account and method. 渠道成本报表（按日、账户、支付方式）。
     *
     * Refused with: , or what any call can answer.
     */
    listCosts: (query: ListCostsQuery, options?: CallOptions) =>
      call<Costs>({ method: 'GET', path: '/v1/routing/costs', query, answers: 'routing_costs' }, options),
    /**
     * List channel accounts with their terms and health. 渠道账户的路由条件与健康状况列表。
     *
     * Refused with: , or what any call can answer.
     */
    listAccounts: (options?: CallOptions) =>
      call<RoutingAccounts>({ method: 'GET', path: '/v1/routing/accounts', answers: 'routing_accounts' }, options),
    /**
     * Replace an account's terms: price, limits, quotas, hours, maintenance. 设置渠道账户的路由条件：价格、限额、时段与维护。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `channel_account_not_found`, or what any call can answer.
     */
    setAccountTerms: (channel_account_id: string, body: AccountTerms = {}, options?: CallOptions) =>
      call<RoutingAccount>({ method: 'POST', path: path`/v1/routing/accounts/${channel_account_id}/terms`, body, answers: 'routing_account' }, options),
    /**
     * Turn an account, or one method of it, off or on for new payments, on every node within a second. 关闭或恢复渠道账户（或其某一支付方式）的新单，一秒内在所有节点生效。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `channel_account_not_found`, or what any call can answer.
     */
    switchAccount: (channel_account_id: string, body: SwitchAccountBody, options?: CallOptions) =>
      call<RoutingAccount>({ method: 'POST', path: path`/v1/routing/accounts/${channel_account_id}/switch`, body, answers: 'routing_account' }, options),
  },
  events: {
    /**
     * List events since a cursor, oldest first; nothing is skipped. 按序拉取事件（旧的在前，不遗漏）。
     *
     * Refused with: `cursor_invalid`, or what any call can answer.
     */
    list: (query: ListEventsQuery = {}, options?: CallOptions) =>
      listPages<Event, FeedPage<Event>>(call, { method: 'GET', path: '/v1/events', query, answers: 'list' }, 'after', options),
    /**
     * Retrieve an event. 查询事件。
     *
     * Refused with: `event_not_found`, or what any call can answer.
     */
    retrieve: (event_id: string, options?: CallOptions) =>
      call<Event>({ method: 'GET', path: path`/v1/events/${event_id}`, answers: 'event' }, options),
  },
  webhookEndpoints: {
    /**
     * Create a webhook endpoint; the secret is shown once. 创建 Webhook 端点（密钥仅显示一次）。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `webhook_url_refused`, `too_many_webhook_endpoints`, or what any call can answer.
     */
    create: (body: CreateWebhookEndpointBody, options?: CallOptions) =>
      call<WebhookEndpointWithSecret>({ method: 'POST', path: '/v1/webhook_endpoints', body, answers: 'webhook_endpoint' }, options),
    /**
     * List webhook endpoints. Webhook 端点列表。
     *
     * Refused with: `cursor_invalid`, or what any call can answer.
     */
    list: (query: ListWebhookEndpointsQuery = {}, options?: CallOptions) =>
      listPages<WebhookEndpoint>(call, { method: 'GET', path: '/v1/webhook_endpoints', query, answers: 'list' }, 'cursor', options),
    /**
     * Retrieve a webhook endpoint. 查询 Webhook 端点。
     *
     * Refused with: `webhook_endpoint_not_found`, or what any call can answer.
     */
    retrieve: (webhook_endpoint_id: string, options?: CallOptions) =>
      call<WebhookEndpoint>({ method: 'GET', path: path`/v1/webhook_endpoints/${webhook_endpoint_id}`, answers: 'webhook_endpoint' }, options),
    /**
     * Give a new secret; the old one signs too until the overlap ends. 轮换签名密钥（过渡期内新旧同时签名）。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `webhook_endpoint_not_found`, or what any call can answer.
     */
    rotateSecret: (webhook_endpoint_id: string, body: RotateWebhookSecretBody = {}, options?: CallOptions) =>
      call<WebhookEndpointWithSecret>({ method: 'POST', path: path`/v1/webhook_endpoints/${webhook_endpoint_id}/rotate_secret`, body, answers: 'webhook_endpoint' }, options),
    /**
     * Stop sending to an endpoint. 停用 Webhook 端点。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `webhook_endpoint_not_found`, or what any call can answer.
     */
    disable: (webhook_endpoint_id: string, options?: CallOptions) =>
      call<WebhookEndpoint>({ method: 'POST', path: path`/v1/webhook_endpoints/${webhook_endpoint_id}/disable`, answers: 'webhook_endpoint' }, options),
    /**
     * Send to a disabled endpoint again. 重新启用 Webhook 端点。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `webhook_endpoint_not_found`, or what any call can answer.
     */
    enable: (webhook_endpoint_id: string, options?: CallOptions) =>
      call<WebhookEndpoint>({ method: 'POST', path: path`/v1/webhook_endpoints/${webhook_endpoint_id}/enable`, answers: 'webhook_endpoint' }, options),
    /**
     * Send a test event to an endpoint. 发送测试事件。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `webhook_endpoint_not_found`, `webhook_endpoint_disabled`, or what any call can answer.
     */
    ping: (webhook_endpoint_id: string, options?: CallOptions) =>
      call<Delivery>({ method: 'POST', path: path`/v1/webhook_endpoints/${webhook_endpoint_id}/ping`, answers: 'delivery' }, options),
    /**
     * List deliveries to an endpoint, newest first. 投递记录（新的在前）。
     *
     * Refused with: `webhook_endpoint_not_found`, `cursor_invalid`, or what any call can answer.
     */
    listDeliveries: (webhook_endpoint_id: string, query: ListDeliveriesQuery = {}, options?: CallOptions) =>
      listPages<Delivery>(call, { method: 'GET', path: path`/v1/webhook_endpoints/${webhook_endpoint_id}/deliveries`, query, answers: 'list' }, 'cursor', options),
    /**
     * Send a delivery again, with the same body. 重新投递（内容不变）。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `webhook_endpoint_not_found`, `delivery_not_found`, `webhook_endpoint_disabled`, or what any call can answer.
     */
    resendDelivery: (webhook_endpoint_id: string, delivery_id: string, options?: CallOptions) =>
      call<Delivery>({ method: 'POST', path: path`/v1/webhook_endpoints/${webhook_endpoint_id}/deliveries/${delivery_id}/resend`, answers: 'delivery' }, options),
  },
  stores: {
    /**
     * Create a store. 创建门店。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `store_no_taken`, `too_many_stores`, or what any call can answer.
     */
    create: (body: CreateStoreBody, options?: CallOptions) =>
      call<Store>({ method: 'POST', path: '/v1/stores', body, answers: 'store' }, options),
    /**
     * Retrieve a store. 查询门店。
     *
     * Refused with: `store_not_found`, or what any call can answer.
     */
    retrieve: (store_id: string, options?: CallOptions) =>
      call<Store>({ method: 'GET', path: path`/v1/stores/${store_id}`, answers: 'store' }, options),
    /**
     * List stores, newest first. 门店列表（新的在前）。
     *
     * Refused with: `cursor_invalid`, or what any call can answer.
     */
    list: (query: ListStoresQuery = {}, options?: CallOptions) =>
      listPages<Store>(call, { method: 'GET', path: '/v1/stores', query, answers: 'list' }, 'cursor', options),
    /**
     * Change what is said of a store; what is not given stays. 修改门店资料（未给出的字段不变）。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `store_not_found`, `store_closed`, or what any call can answer.
     */
    update: (store_id: string, body: UpdateStoreBody = {}, options?: CallOptions) =>
      call<Store>({ method: 'POST', path: path`/v1/stores/${store_id}`, body, answers: 'store' }, options),
    /**
     * Close a store and its terminals for ever; earlier payments can still be refunded. 永久关闭门店及其终端（此前的支付仍可退款）。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `store_not_found`, or what any call can answer.
     */
    close: (store_id: string, options?: CallOptions) =>
      call<Store>({ method: 'POST', path: path`/v1/stores/${store_id}/close`, answers: 'store' }, options),
    /**
     * Set the PIN that refunds at the tills of a store ask for; it is never shown. 设置门店主管口令（收银机退款时校验，不可查询）。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `store_not_found`, `store_closed`, or what any call can answer.
     */
    setSupervisorPin: (store_id: string, body: SetSupervisorPinBody, options?: CallOptions) =>
      call<{
  object: 'supervisor_pin';
  /** Store 门店. */
  store_id: string;
  /** 设置时间。 RFC 3339. */
  set_at: string;
}>({ method: 'POST', path: path`/v1/stores/${store_id}/supervisor_pin`, body, answers: 'supervisor_pin' }, options),
  },
  terminals: {
    /**
     * Create a terminal of a store. 创建门店终端。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `store_not_found`, `store_closed`, `terminal_no_taken`, `too_many_terminals`, or what any call can answer.
     */
    create: (body: CreateTerminalBody, options?: CallOptions) =>
      call<Terminal>({ method: 'POST', path: '/v1/terminals', body, answers: 'terminal' }, options),
    /**
     * Retrieve a terminal. 查询终端。
     *
     * Refused with: `terminal_not_found`, or what any call can answer.
     */
    retrieve: (terminal_id: string, options?: CallOptions) =>
      call<Terminal>({ method: 'GET', path: path`/v1/terminals/${terminal_id}`, answers: 'terminal' }, options),
    /**
     * List terminals, newest first. 终端列表（新的在前）。
     *
     * Refused with: `cursor_invalid`, or what any call can answer.
     */
    list: (query: ListTerminalsQuery = {}, options?: CallOptions) =>
      listPages<Terminal>(call, { method: 'GET', path: '/v1/terminals', query, answers: 'list' }, 'cursor', options),
    /**
     * Change what is said of a terminal; what is not given stays. 修改终端资料（未给出的字段不变）。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `terminal_not_found`, `terminal_closed`, `terminal_no_taken`, or what any call can answer.
     */
    update: (terminal_id: string, body: UpdateTerminalBody = {}, options?: CallOptions) =>
      call<Terminal>({ method: 'POST', path: path`/v1/terminals/${terminal_id}`, body, answers: 'terminal' }, options),
    /**
     * Close a terminal for ever; earlier payments can still be refunded. 永久关闭终端（此前的支付仍可退款）。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `terminal_not_found`, or what any call can answer.
     */
    close: (terminal_id: string, options?: CallOptions) =>
      call<Terminal>({ method: 'POST', path: path`/v1/terminals/${terminal_id}/close`, answers: 'terminal' }, options),
  },
  devices: {
    /**
     * Get a code that pairs one device with the terminal; an earlier unused one is void. 生成一次性设备配对码（此前未用的作废）。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `terminal_not_found`, `terminal_closed`, or what any call can answer.
     */
    createPairingCode: (terminal_id: string, body: CreatePairingCodeBody = {}, options?: CallOptions) =>
      call<PairingCode>({ method: 'POST', path: path`/v1/terminals/${terminal_id}/pairing_codes`, body, answers: 'undefined' }, options),
    /**
     * List devices, newest first. 已配对设备列表（新的在前）。
     *
     * Refused with: `cursor_invalid`, or what any call can answer.
     */
    list: (query: ListDevicesQuery = {}, options?: CallOptions) =>
      listPages<Device>(call, { method: 'GET', path: '/v1/devices', query, answers: 'list' }, 'cursor', options),
    /**
     * Revoke a device; its next request is refused. 吊销设备（立即生效）。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `device_not_found`, or what any call can answer.
     */
    revoke: (device_id: string, options?: CallOptions) =>
      call<Device>({ method: 'POST', path: path`/v1/devices/${device_id}/revoke`, answers: 'device' }, options),
  },
  shifts: {
    /**
     * List hand-overs, newest first. 交接班记录（新的在前）。
     *
     * Refused with: `cursor_invalid`, or what any call can answer.
     */
    list: (query: ListShiftsQuery = {}, options?: CallOptions) =>
      listPages<Shift>(call, { method: 'GET', path: '/v1/shifts', query, answers: 'list' }, 'cursor', options),
  },
  plateBatches: {
    /**
     * Make code plates, bound to no terminal yet. 制作一批未绑定的码牌。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `too_many_plates`, or what any call can answer.
     */
    create: (body: CreatePlateBatchBody, options?: CallOptions) =>
      call<PlateBatch>({ method: 'POST', path: '/v1/plate_batches', body, answers: 'plate_batch' }, options),
    /**
     * Retrieve a batch of plates. 查询码牌批次。
     *
     * Refused with: `plate_batch_not_found`, or what any call can answer.
     */
    retrieve: (plate_batch_id: string, options?: CallOptions) =>
      call<PlateBatch>({ method: 'GET', path: path`/v1/plate_batches/${plate_batch_id}`, answers: 'plate_batch' }, options),
    /**
     * Get a link to a zip with a file for each plate of the batch. 取得整批码牌文件（zip）的下载地址。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `plate_batch_not_found`, or what any call can answer.
     */
    print: (plate_batch_id: string, body: PrintBody, options?: CallOptions) =>
      call<PrintLink>({ method: 'POST', path: path`/v1/plate_batches/${plate_batch_id}/print`, body, answers: 'undefined' }, options),
  },
  plates: {
    /**
     * Retrieve a code plate. 查询码牌。
     *
     * Refused with: `plate_not_found`, or what any call can answer.
     */
    retrieve: (plate_id: string, options?: CallOptions) =>
      call<Plate>({ method: 'GET', path: path`/v1/plates/${plate_id}`, answers: 'plate' }, options),
    /**
     * List code plates, newest first. 码牌列表（新的在前）。
     *
     * Refused with: `cursor_invalid`, or what any call can answer.
     */
    list: (query: ListPlatesQuery = {}, options?: CallOptions) =>
      listPages<Plate>(call, { method: 'GET', path: '/v1/plates', query, answers: 'list' }, 'cursor', options),
    /**
     * Make a plate of the platform's stock your own; bind it to a terminal then. 领用平台库存的码牌（随后绑定终端）。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `plate_claim_wrong`, `plate_claimed`, `too_many_plates`, or what any call can answer.
     */
    claim: (body: ClaimPlateBody, options?: CallOptions) =>
      call<Plate>({ method: 'POST', path: '/v1/plates/claim', body, answers: 'plate' }, options),
    /**
     * Bind a plate to a terminal, or to another one; payments are taken from now on. 绑定码牌到终端（或改绑），即可收款。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `terminal_not_found`, `terminal_closed`, `plate_terminal_kind`, `plate_terminal_taken`, `plate_not_found`, or what any call can answer.
     */
    bind: (plate_id: string, body: BindPlateBody, options?: CallOptions) =>
      call<Plate>({ method: 'POST', path: path`/v1/plates/${plate_id}/bind`, body, answers: 'plate' }, options),
    /**
     * Change amount, limits or remark of a bound plate; what is not given stays. 修改码牌的金额、限额或备注（未给出的字段不变）。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `plate_not_found`, `plate_not_bound`, or what any call can answer.
     */
    update: (plate_id: string, body: UpdatePlateBody = {}, options?: CallOptions) =>
      call<Plate>({ method: 'POST', path: path`/v1/plates/${plate_id}`, body, answers: 'plate' }, options),
    /**
     * Take no more payments by a plate. 停用码牌。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `plate_not_found`, `plate_not_bound`, or what any call can answer.
     */
    disable: (plate_id: string, options?: CallOptions) =>
      call<Plate>({ method: 'POST', path: path`/v1/plates/${plate_id}/disable`, answers: 'plate' }, options),
    /**
     * Take payments by a disabled plate again. 重新启用码牌。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `terminal_not_found`, `terminal_closed`, `plate_terminal_kind`, `plate_terminal_taken`, `plate_not_found`, `plate_not_bound`, or what any call can answer.
     */
    enable: (plate_id: string, options?: CallOptions) =>
      call<Plate>({ method: 'POST', path: path`/v1/plates/${plate_id}/enable`, answers: 'plate' }, options),
    /**
     * List the history of a plate, newest first. 码牌变更历史（新的在前）。
     *
     * Refused with: `plate_not_found`, `cursor_invalid`, or what any call can answer.
     */
    listChanges: (plate_id: string, query: ListPlateChangesQuery = {}, options?: CallOptions) =>
      listPages<PlateChange>(call, { method: 'GET', path: path`/v1/plates/${plate_id}/changes`, query, answers: 'list' }, 'cursor', options),
    /**
     * Get a link to a file for the printer. 取得码牌印刷文件的下载地址。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `plate_not_found`, or what any call can answer.
     */
    print: (plate_id: string, body: PrintBody, options?: CallOptions) =>
      call<PrintLink>({ method: 'POST', path: path`/v1/plates/${plate_id}/print`, body, answers: 'undefined' }, options),
  },
  prices: {
    /**
     * List the prices that the operator has set for the merchant, past and future ones too, last set first. 商户费率列表（由运营方设定，含过去与将来的，后设在前）。
     *
     * Refused with: `cursor_invalid`, or what any call can answer.
     */
    list: (query: ListPricesQuery = {}, options?: CallOptions) =>
      listPages<Price>(call, { method: 'GET', path: '/v1/prices', query, answers: 'list' }, 'cursor', options),
  },
  ledgerBalances: {
    /**
     * What stands on each account of the merchant in the ledger: now, at the end of a day, or at an instant. 商户各科目余额：当前、某日终或某时刻。
     *
     * Refused with: , or what any call can answer.
     */
    list: (query: ListLedgerBalancesQuery = {}, options?: CallOptions) =>
      listPages<{
  object: 'ledger_balance';
  livemode: boolean;
  /** Receivable from the channel, due to the merchant, the channel’s fee, the service fee, refunds in transit, suspense. 应收渠道、应结商户、渠道手续费、服务费、退款在途、挂账。 */
  account: 'channel_receivable' | 'merchant_due' | 'channel_fee' | 'service_fee' | 'refund_in_transit' | 'suspense';
  /** 渠道账户。 */
  channel_account_id: string;
  /** ISO 4217. Only CNY. 币种，目前仅人民币。 */
  currency: 'CNY';
  /** 借方合计。 In fen 分. */
  debit_fen: number;
  /** 贷方合计。 In fen 分. */
  credit_fen: number;
  /** Debit less credit: usually below zero on `merchant_due`, `service_fee`, `refund_in_transit` and `suspense`. 借方减贷方。 In fen 分; may be below zero. 可为负。 */
  balance_fen: number;
}>(call, { method: 'GET', path: '/v1/ledger_balances', query, answers: 'list' }, 'cursor', options),
  },
  margins: {
    /**
     * By channel account: the fee by the price beside what the channel kept, in a period of at most 366 days. 按渠道账户：费率服务费与渠道实际手续费（最长 366 天）。
     *
     * Refused with: `statement_period_invalid`, or what any call can answer.
     */
    list: (query: ListMarginsQuery, options?: CallOptions) =>
      listPages<{
  object: 'margin';
  livemode: boolean;
  /** 渠道。 */
  channel: string;
  /** 渠道账户。 */
  channel_account_id: string;
  /** Fees by the price, less what refunds returned of them. 按费率的服务费（已扣除退回部分）。 In fen 分; may be below zero. 可为负。 */
  service_fee_fen: number;
  /** What the channel kept, by its bills. 渠道实际手续费，按账单。 In fen 分; may be below zero. 可为负。 */
  channel_fee_fen: number;
  /** The one less the other. 二者之差。 In fen 分; may be below zero. 可为负。 */
  margin_fen: number;
  /** No bill of the period is missing; otherwise the channel’s fee is not all there. 期内账单是否齐全。 */
  complete: boolean;
}>(call, { method: 'GET', path: '/v1/margins', query, answers: 'list' }, 'cursor', options),
  },
  statements: {
    /**
     * Ask for the statement of a period; it is prepared in the background. 生成一段时间的结算单（后台准备）。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `store_not_found`, `statement_period_invalid`, `too_many_statements`, or what any call can answer.
     */
    create: (body: CreateStatementBody, options?: CallOptions) =>
      call<{
  object: 'statement';
  /** Statement 结算单. */
  id: string;
  livemode: boolean;
  /** First day. 起始日。 A day in Asia/Shanghai. 北京时间日期。 */
  from: string;
  /** Last day. 截止日。 A day in Asia/Shanghai. 北京时间日期。 */
  through: string;
  /** Of this store only. 仅该门店。 */
  store_id: string | null;
  /** Its files can be fetched once it is `ready`. 状态。 */
  state: 'preparing' | 'ready';
  /** True where more may come of its days: the period was not over, or days were not closed in reconciliation, when it was made. Null for one that is being prepared. 暂定：生成时期间未结束，或有账单日未日结。 */
  provisional: boolean | null;
  /** Days of channel accounts that were not closed in reconciliation. 未日结的账单日数。 */
  open_days: number | null;
  /** 行数。 */
  lines: number | null;
  totals: {
    /** 收款笔数。 */
    payments: number;
    /** What was paid. 收款金额。 In fen 分; may be below zero. */
    gross_fen: number;
    /** 退款笔数。 */
    refunds: number;
    /** What went back. 退款金额。 In fen 分; may be below zero. */
    refunded_fen: number;
    /** Fees by the price, less what refunds returned of them. 手续费（已扣除退回部分）。 In fen 分; may be below zero. */
    fee_fen: number;
    /** Paid less refunded less fees. 净额＝收款－退款－手续费。 In fen 分; may be below zero. */
    net_fen: number;
    by_method: ({
      /** 渠道。 */
      channel: string;
      /** 支付方式。 */
      method: string;
      /** 渠道账户。 */
      channel_account_id: string;
      /** 收款笔数。 */
      payments: number;
      /** What was paid. 收款金额。 In fen 分; may be below zero. */
      gross_fen: number;
      /** 退款笔数。 */
      refunds: number;
      /** What went back. 退款金额。 In fen 分; may be below zero. */
      refunded_fen: number;
      /** Fees by the price, less what refunds returned of them. 手续费（已扣除退回部分）。 In fen 分; may be below zero. */
      fee_fen: number;
      /** Paid less refunded less fees. 净额＝收款－退款－手续费。 In fen 分; may be below zero. */
      net_fen: number;
    })[];
    /** Heliu moves no money: the channel pays the merchant. 资金由渠道直接结算给商户，此处仅为预计。 */
    arrivals: ({
      /** The day of the lines. 记账日。 A day in Asia/Shanghai. 北京时间日期。 */
      biz_date: string;
      /** 渠道账户。 */
      channel_account_id: string;
      /** After the fee by the price. 按费率扣除后的净额。 In fen 分; may be below zero. */
      net_fen: number;
      /** What the channel is expected to pay: paid less refunded less its own fee; null where that fee is not known. 预计到账金额＝收款－退款－渠道手续费；手续费未知时为空。 In fen 分; may be below zero. */
      expected_fen?: number | null;
      /** Whence the channel's fee is known: the day's bill, or the rate that was agreed on. 渠道手续费来源：当日账单，或约定费率。 */
      channel_fee?: 'bill' | 'rate' | null;
      /** When the channel is expected to pay. 预计到账日。 A day in Asia/Shanghai. 北京时间日期。 */
      expected_on: string;
      /** False where terms or holidays are supposed and not confirmed. 结算周期与节假日是否已确认。 */
      confirmed: boolean;
    })[];
    /** What counts on earlier days and was posted after the statement of the days before: in no sum here, and not in that one. Null where that statement is not there. 前一期结算单生成之后才入账、属于更早日期的款项：不计入本期各项合计，前一期亦未包含；无前一期时为空。 */
    later?: {
      /** The statement of the days before. 前一期结算单。 */
      statement_id: string;
      /** 行数。 */
      lines: number;
      /** 收款笔数。 */
      payments: number;
      /** What was paid. 收款金额。 In fen 分; may be below zero. */
      gross_fen: number;
      /** 退款笔数。 */
      refunds: number;
      /** What went back. 退款金额。 In fen 分; may be below zero. */
      refunded_fen: number;
      /** Fees by the price, less what refunds returned of them. 手续费（已扣除退回部分）。 In fen 分; may be below zero. */
      fee_fen: number;
      /** Paid less refunded less fees. 净额＝收款－退款－手续费。 In fen 分; may be below zero. */
      net_fen: number;
    } | null;
  } | null;
  files: ({
    format: 'csv' | 'xlsx';
    /** 字节数。 */
    bytes: number;
    /** Hex. 文件摘要。 */
    sha256: string;
  })[];
  /** What is signed, byte for byte: totals and digests as JSON. 被签名的原文。 */
  manifest: string | null;
  /** Ed25519 over the bytes of `manifest`, base64. 签名。 */
  signature: string | null;
  /** SPKI, base64. 公钥。 */
  public_key: string | null;
  /** 创建时间。 RFC 3339. */
  created_at: string;
  /** 完成时间。 RFC 3339. */
  ready_at: string | null;
}>({ method: 'POST', path: '/v1/statements', body, answers: 'statement' }, options),
    /**
     * Retrieve a statement. 查询结算单。
     *
     * Refused with: `statement_not_found`, or what any call can answer.
     */
    retrieve: (statement_id: string, options?: CallOptions) =>
      call<{
  object: 'statement';
  /** Statement 结算单. */
  id: string;
  livemode: boolean;
  /** First day. 起始日。 A day in Asia/Shanghai. 北京时间日期。 */
  from: string;
  /** Last day. 截止日。 A day in Asia/Shanghai. 北京时间日期。 */
  through: string;
  /** Of this store only. 仅该门店。 */
  store_id: string | null;
  /** Its files can be fetched once it is `ready`. 状态。 */
  state: 'preparing' | 'ready';
  /** True where more may come of its days: the period was not over, or days were not closed in reconciliation, when it was made. Null for one that is being prepared. 暂定：生成时期间未结束，或有账单日未日结。 */
  provisional: boolean | null;
  /** Days of channel accounts that were not closed in reconciliation. 未日结的账单日数。 */
  open_days: number | null;
  /** 行数。 */
  lines: number | null;
  totals: {
    /** 收款笔数。 */
    payments: number;
    /** What was paid. 收款金额。 In fen 分; may be below zero. */
    gross_fen: number;
    /** 退款笔数。 */
    refunds: number;
    /** What went back. 退款金额。 In fen 分; may be below zero. */
    refunded_fen: number;
    /** Fees by the price, less what refunds returned of them. 手续费（已扣除退回部分）。 In fen 分; may be below zero. */
    fee_fen: number;
    /** Paid less refunded less fees. 净额＝收款－退款－手续费。 In fen 分; may be below zero. */
    net_fen: number;
    by_method: ({
      /** 渠道。 */
      channel: string;
      /** 支付方式。 */
      method: string;
      /** 渠道账户。 */
      channel_account_id: string;
      /** 收款笔数。 */
      payments: number;
      /** What was paid. 收款金额。 In fen 分; may be below zero. */
      gross_fen: number;
      /** 退款笔数。 */
      refunds: number;
      /** What went back. 退款金额。 In fen 分; may be below zero. */
      refunded_fen: number;
      /** Fees by the price, less what refunds returned of them. 手续费（已扣除退回部分）。 In fen 分; may be below zero. */
      fee_fen: number;
      /** Paid less refunded less fees. 净额＝收款－退款－手续费。 In fen 分; may be below zero. */
      net_fen: number;
    })[];
    /** Heliu moves no money: the channel pays the merchant. 资金由渠道直接结算给商户，此处仅为预计。 */
    arrivals: ({
      /** The day of the lines. 记账日。 A day in Asia/Shanghai. 北京时间日期。 */
      biz_date: string;
      /** 渠道账户。 */
      channel_account_id: string;
      /** After the fee by the price. 按费率扣除后的净额。 In fen 分; may be below zero. */
      net_fen: number;
      /** What the channel is expected to pay: paid less refunded less its own fee; null where that fee is not known. 预计到账金额＝收款－退款－渠道手续费；手续费未知时为空。 In fen 分; may be below zero. */
      expected_fen?: number | null;
      /** Whence the channel's fee is known: the day's bill, or the rate that was agreed on. 渠道手续费来源：当日账单，或约定费率。 */
      channel_fee?: 'bill' | 'rate' | null;
      /** When the channel is expected to pay. 预计到账日。 A day in Asia/Shanghai. 北京时间日期。 */
      expected_on: string;
      /** False where terms or holidays are supposed and not confirmed. 结算周期与节假日是否已确认。 */
      confirmed: boolean;
    })[];
    /** What counts on earlier days and was posted after the statement of the days before: in no sum here, and not in that one. Null where that statement is not there. 前一期结算单生成之后才入账、属于更早日期的款项：不计入本期各项合计，前一期亦未包含；无前一期时为空。 */
    later?: {
      /** The statement of the days before. 前一期结算单。 */
      statement_id: string;
      /** 行数。 */
      lines: number;
      /** 收款笔数。 */
      payments: number;
      /** What was paid. 收款金额。 In fen 分; may be below zero. */
      gross_fen: number;
      /** 退款笔数。 */
      refunds: number;
      /** What went back. 退款金额。 In fen 分; may be below zero. */
      refunded_fen: number;
      /** Fees by the price, less what refunds returned of them. 手续费（已扣除退回部分）。 In fen 分; may be below zero. */
      fee_fen: number;
      /** Paid less refunded less fees. 净额＝收款－退款－手续费。 In fen 分; may be below zero. */
      net_fen: number;
    } | null;
  } | null;
  files: ({
    format: 'csv' | 'xlsx';
    /** 字节数。 */
    bytes: number;
    /** Hex. 文件摘要。 */
    sha256: string;
  })[];
  /** What is signed, byte for byte: totals and digests as JSON. 被签名的原文。 */
  manifest: string | null;
  /** Ed25519 over the bytes of `manifest`, base64. 签名。 */
  signature: string | null;
  /** SPKI, base64. 公钥。 */
  public_key: string | null;
  /** 创建时间。 RFC 3339. */
  created_at: string;
  /** 完成时间。 RFC 3339. */
  ready_at: string | null;
}>({ method: 'GET', path: path`/v1/statements/${statement_id}`, answers: 'statement' }, options),
    /**
     * List statements, newest first. 结算单列表（新的在前）。
     *
     * Refused with: `cursor_invalid`, or what any call can answer.
     */
    list: (query: ListStatementsQuery = {}, options?: CallOptions) =>
      listPages<{
  object: 'statement';
  /** Statement 结算单. */
  id: string;
  livemode: boolean;
  /** First day. 起始日。 A day in Asia/Shanghai. 北京时间日期。 */
  from: string;
  /** Last day. 截止日。 A day in Asia/Shanghai. 北京时间日期。 */
  through: string;
  /** Of this store only. 仅该门店。 */
  store_id: string | null;
  /** Its files can be fetched once it is `ready`. 状态。 */
  state: 'preparing' | 'ready';
  /** True where more may come of its days: the period was not over, or days were not closed in reconciliation, when it was made. Null for one that is being prepared. 暂定：生成时期间未结束，或有账单日未日结。 */
  provisional: boolean | null;
  /** Days of channel accounts that were not closed in reconciliation. 未日结的账单日数。 */
  open_days: number | null;
  /** 行数。 */
  lines: number | null;
  totals: {
    /** 收款笔数。 */
    payments: number;
    /** What was paid. 收款金额。 In fen 分; may be below zero. */
    gross_fen: number;
    /** 退款笔数。 */
    refunds: number;
    /** What went back. 退款金额。 In fen 分; may be below zero. */
    refunded_fen: number;
    /** Fees by the price, less what refunds returned of them. 手续费（已扣除退回部分）。 In fen 分; may be below zero. */
    fee_fen: number;
    /** Paid less refunded less fees. 净额＝收款－退款－手续费。 In fen 分; may be below zero. */
    net_fen: number;
    by_method: ({
      /** 渠道。 */
      channel: string;
      /** 支付方式。 */
      method: string;
      /** 渠道账户。 */
      channel_account_id: string;
      /** 收款笔数。 */
      payments: number;
      /** What was paid. 收款金额。 In fen 分; may be below zero. */
      gross_fen: number;
      /** 退款笔数。 */
      refunds: number;
      /** What went back. 退款金额。 In fen 分; may be below zero. */
      refunded_fen: number;
      /** Fees by the price, less what refunds returned of them. 手续费（已扣除退回部分）。 In fen 分; may be below zero. */
      fee_fen: number;
      /** Paid less refunded less fees. 净额＝收款－退款－手续费。 In fen 分; may be below zero. */
      net_fen: number;
    })[];
    /** Heliu moves no money: the channel pays the merchant. 资金由渠道直接结算给商户，此处仅为预计。 */
    arrivals: ({
      /** The day of the lines. 记账日。 A day in Asia/Shanghai. 北京时间日期。 */
      biz_date: string;
      /** 渠道账户。 */
      channel_account_id: string;
      /** After the fee by the price. 按费率扣除后的净额。 In fen 分; may be below zero. */
      net_fen: number;
      /** What the channel is expected to pay: paid less refunded less its own fee; null where that fee is not known. 预计到账金额＝收款－退款－渠道手续费；手续费未知时为空。 In fen 分; may be below zero. */
      expected_fen?: number | null;
      /** Whence the channel's fee is known: the day's bill, or the rate that was agreed on. 渠道手续费来源：当日账单，或约定费率。 */
      channel_fee?: 'bill' | 'rate' | null;
      /** When the channel is expected to pay. 预计到账日。 A day in Asia/Shanghai. 北京时间日期。 */
      expected_on: string;
      /** False where terms or holidays are supposed and not confirmed. 结算周期与节假日是否已确认。 */
      confirmed: boolean;
    })[];
    /** What counts on earlier days and was posted after the statement of the days before: in no sum here, and not in that one. Null where that statement is not there. 前一期结算单生成之后才入账、属于更早日期的款项：不计入本期各项合计，前一期亦未包含；无前一期时为空。 */
    later?: {
      /** The statement of the days before. 前一期结算单。 */
      statement_id: string;
      /** 行数。 */
      lines: number;
      /** 收款笔数。 */
      payments: number;
      /** What was paid. 收款金额。 In fen 分; may be below zero. */
      gross_fen: number;
      /** 退款笔数。 */
      refunds: number;
      /** What went back. 退款金额。 In fen 分; may be below zero. */
      refunded_fen: number;
      /** Fees by the price, less what refunds returned of them. 手续费（已扣除退回部分）。 In fen 分; may be below zero. */
      fee_fen: number;
      /** Paid less refunded less fees. 净额＝收款－退款－手续费。 In fen 分; may be below zero. */
      net_fen: number;
    } | null;
  } | null;
  files: ({
    format: 'csv' | 'xlsx';
    /** 字节数。 */
    bytes: number;
    /** Hex. 文件摘要。 */
    sha256: string;
  })[];
  /** What is signed, byte for byte: totals and digests as JSON. 被签名的原文。 */
  manifest: string | null;
  /** Ed25519 over the bytes of `manifest`, base64. 签名。 */
  signature: string | null;
  /** SPKI, base64. 公钥。 */
  public_key: string | null;
  /** 创建时间。 RFC 3339. */
  created_at: string;
  /** 完成时间。 RFC 3339. */
  ready_at: string | null;
}>(call, { method: 'GET', path: '/v1/statements', query, answers: 'list' }, 'cursor', options),
    /**
     * A link to a file of a ready statement, good for a quarter of an hour or up to seven days, and fit for an e-mail. 获取结算单文件的下载链接，可放进邮件。
     *
     * Refused with: `idempotency_key_invalid`, `idempotency_key_reused`, `request_in_progress`, `statement_not_found`, `statement_not_ready`, or what any call can answer.
     */
    link: (statement_id: string, body: LinkStatementBody, options?: CallOptions) =>
      call<{
  /** Whoever has it may fetch the file until it expires. 下载地址，到期前凭此下载。 */
  url: string;
  /** 到期时间。 RFC 3339. */
  expires_at: string;
}>({ method: 'POST', path: path`/v1/statements/${statement_id}/link`, body, answers: 'undefined' }, options),
  },
});

export type Resources = ReturnType<typeof resourcesOf>;
