/**
 * The closed table of errors of the merchant API. A code is for ever: texts may improve, meaning and status may not.
 * `{name}` in a text is filled from the refusal's facts and stands in a `[part]` that is left out without them, so that
 * every text reads well with and without: see `errorText`.
 */
type ErrorEntry = {
  readonly status: 400 | 401 | 403 | 404 | 405 | 409 | 413 | 415 | 422 | 429 | 500 | 503;
  readonly message: string;
  readonly message_zh: string;
  /** True when the same request may succeed later without a change. */
  readonly retryable: boolean;
};

const entry = (status: ErrorEntry['status'], message: string, message_zh: string, retryable = false): ErrorEntry => ({
  status,
  message,
  message_zh,
  retryable,
});

export const errors = {
  // The request itself.
  malformed_json: entry(400, 'The body is not valid JSON[ (line {line}, column {column})].', '请求体不是合法的 JSON[（第 {line} 行第 {column} 列）]。'),
  duplicate_json_key: entry(400, 'The body names the same key twice.', '请求体中同一个键出现了两次。'),
  number_not_integer: entry(400, 'Numbers must be plain integers, without fraction or exponent.', '数字必须是普通整数，不能带小数或指数。'),
  parameter_missing: entry(400, 'A required parameter is missing.', '缺少必填参数。'),
  parameter_unknown: entry(400, 'This parameter is not known here.', '存在未知参数。'),
  parameter_invalid: entry(400, 'This parameter does not have the required form[: {expected}].', '参数格式不正确[：{expected_zh}]。'),
  payment_code_unknown: entry(
    400,
    'No wallet issues payment codes of this form. Ask the payer to refresh the code and scan it again.',
    '无法识别的付款码，请让付款人刷新后重新扫码。',
  ),
  payment_code_not_taken: entry(
    422,
    'No channel of this installation takes payment codes of this wallet[ ({wallet})]. Ask the payer for another wallet.',
    '尚不支持该钱包的付款码[（{wallet_zh}）]，请付款人换用其他钱包。',
  ),
  idempotency_key_invalid: entry(400, 'Idempotency-Key must be 1 to 128 visible ASCII characters.', 'Idempotency-Key 须为 1 至 128 个可见 ASCII 字符。'),
  unsupported_media_type: entry(415, 'Send the body as application/json.', '请求体须为 application/json。'),
  body_too_large: entry(413, 'The body is larger than this endpoint accepts.', '请求体过大。'),
  route_unknown: entry(404, 'There is no such endpoint.', '接口不存在。'),
  method_not_allowed: entry(405, 'This endpoint does not take this HTTP method.', '该接口不支持此 HTTP 方法。'),
  // The caller.
  unauthenticated: entry(401, 'No valid API key or request signature was sent.', '未提供有效的 API 密钥或请求签名。'),
  signature_required: entry(401, 'This merchant accepts signed requests only.', '该商户只接受签名请求。'),
  signature_expired: entry(401, 'The signature was created too long ago or lies in the future. Check the clock.', '签名时间超出允许范围，请检查时钟。'),
  signature_replayed: entry(409, 'A request with this signature nonce was already received.', '该签名随机串已被使用。'),
  scope_missing: entry(403, 'This API key is not allowed to do this.', '该 API 密钥没有此权限。'),
  merchant_suspended: entry(403, 'This merchant is suspended.', '商户已停用。'),
  rate_limited: entry(429, 'Too many requests with this key. Wait as Retry-After says.', '请求过于频繁，请按 Retry-After 等待。', true),
  merchant_not_found: entry(404, 'There is no such merchant.', '商户不存在。'),
  agent_not_found: entry(404, 'There is no such agent.', '代理商不存在。'),
  agent_closed: entry(409, 'The agent is closed.', '代理商已关闭。'),
  agent_in_use: entry(409, 'The agent still has merchants or open agents below it; move them first.', '代理商名下仍有商户或未关闭的下级，请先移走。'),
  agent_tree_circular: entry(422, 'An agent cannot stand below itself or one that is below it.', '代理商不能置于自己或自己的下级之下。'),
  agent_tree_too_deep: entry(422, 'The tree of agents would have more than 10 levels.', '代理商层级将超过 10 级。'),
  agent_has_too_many_merchants: entry(
    422,
    'The agent has more merchants than one statement takes[ ({max})]; make one for each agent below it.',
    '代理商名下的商户超过一份结算单的上限[（{max} 家）]，请按下级代理商分别生成。',
  ),
  too_many_agents: entry(422, 'The installation has its maximum number of agents.', '代理商数量已达上限。'),
  api_key_not_found: entry(404, 'There is no such API key.', 'API 密钥不存在。'),
  too_many_api_keys: entry(422, 'The merchant has its maximum number of API keys; revoke one first.', 'API 密钥数量已达上限，请先吊销一个。'),
  // Idempotency.
  idempotency_key_reused: entry(409, 'This Idempotency-Key was used for another request.', '该 Idempotency-Key 已用于其他请求。'),
  request_in_progress: entry(409, 'The first request with this key is still running. Ask again shortly.', '相同请求正在处理中，请稍后重试。', true),
  // Stores and terminals.
  store_not_found: entry(404, 'There is no such store.', '门店不存在。'),
  store_closed: entry(409, 'The store is closed.', '门店已关闭。'),
  store_no_taken: entry(409, 'Another store has this store_no.', '该门店号已被使用。'),
  too_many_stores: entry(422, 'The merchant has its maximum number of stores; close one first.', '门店数量已达上限，请先关闭一个。'),
  terminal_not_found: entry(404, 'There is no such terminal.', '终端不存在。'),
  terminal_closed: entry(409, 'The terminal is closed.', '终端已关闭。'),
  terminal_no_taken: entry(409, 'Another terminal has this terminal_no.', '该终端号已被使用。'),
  terminal_elsewhere: entry(422, 'The terminal stands in another store.', '终端不属于该门店。'),
  too_many_terminals: entry(422, 'The store has its maximum number of terminals; close one first.', '门店的终端数量已达上限，请先关闭一个。'),
  // Devices at the till.
  device_not_found: entry(404, 'There is no such device.', '设备不存在。'),
  device_unauthenticated: entry(401, 'This device is not paired, or was revoked.', '设备未配对或已吊销。'),
  pairing_code_wrong: entry(401, 'The pairing code is wrong, used or too old.', '配对码错误、已使用或已过期。'),
  order_not_here: entry(404, 'This terminal has no such order of today.', '本终端今日没有该订单。'),
  supervisor_pin_missing: entry(409, 'The store has no supervisor PIN yet.', '门店尚未设置主管口令。'),
  supervisor_pin_wrong: entry(403, 'The supervisor PIN is wrong.', '主管口令错误。'),
  supervisor_pin_locked: entry(429, 'Too many wrong PINs. Wait as Retry-After says.', '口令错误次数过多，请按 Retry-After 等待。', true),
  device_refund_limit: entry(403, 'This device may not refund that much today.', '超出本设备今日退款上限。'),
  // Code plates.
  plate_not_found: entry(404, 'There is no such code plate.', '码牌不存在。'),
  plate_batch_not_found: entry(404, 'There is no such batch of plates.', '码牌批次不存在。'),
  plate_not_bound: entry(409, 'The plate is bound to no terminal yet.', '码牌尚未绑定终端。'),
  plate_disabled: entry(409, 'This code is not in use.', '该收款码未启用。'),
  plate_claim_wrong: entry(404, 'No plate has this number and claim code.', '没有与此编号和领用码相符的码牌。'),
  plate_claimed: entry(409, 'Another merchant has this plate already.', '该码牌已被其他商户领用。'),
  plate_terminal_kind: entry(422, 'Bind a plate to a terminal of kind `plate`.', '码牌须绑定到类型为 `plate` 的终端。'),
  plate_terminal_taken: entry(409, 'Another plate is bound to this terminal: one code, one terminal.', '该终端已绑定其他码牌（一码一终端）。'),
  plate_amount_refused: entry(422, 'The code does not take this amount.', '该收款码不接受此金额。'),
  plate_limit_reached: entry(422, 'The code has reached its limit for today.', '该收款码已达当日限额。'),
  too_many_plates: entry(422, 'The merchant has its maximum number of plates.', '码牌数量已达上限。'),
  // Payments.
  payment_not_found: entry(404, 'There is no such payment.', '支付单不存在。'),
  merchant_order_no_taken: entry(409, 'Another payment with different content has this merchant_order_no.', '该商户订单号已用于另一笔内容不同的支付单。'),
  no_channel_account: entry(422, 'No active channel account of this merchant takes this method.', '商户没有支持该支付方式的可用渠道账户。'),
  channel_account_not_found: entry(404, 'There is no such channel account.', '渠道账户不存在。'),
  channel_account_receiver_fixed: entry(
    409,
    'An account stays with the merchant number that its payments went to. Make a new account for another one.',
    '渠道账户的收款商户号不可更改，请新建渠道账户。',
  ),
  channel_account_paused: entry(409, 'The channel account is paused: it takes no new payments.', '渠道账户已暂停，不接受新的支付。'),
  channel_account_closed: entry(409, 'The channel account is closed.', '渠道账户已关闭。'),
  too_many_channel_accounts: entry(422, 'The merchant has its maximum number of channel accounts; close one first.', '渠道账户数量已达上限，请先关闭一个。'),
  method_not_supported: entry(422, 'This channel account does not take this method.', '该渠道账户不支持此支付方式。'),
  payment_already_paid: entry(409, 'The payment is already paid.', '支付单已支付。'),
  payment_closed: entry(409, 'The payment is closed.', '支付单已关闭。'),
  payment_closing: entry(409, 'The payment is being closed at the channel.', '支付单正在渠道侧关闭。', true),
  payment_expired: entry(409, 'The payment has expired.', '支付单已过期。'),
  too_many_attempts: entry(409, 'The payment has had its maximum number of attempts.', '支付尝试次数已达上限。'),
  attempt_not_found: entry(404, 'The payment has no such attempt.', '该支付单没有这次支付尝试。'),
  attempt_unsettled: entry(
    409,
    'An earlier try of this payment may still be paid. Wait for it or cancel the payment.',
    '之前的支付尝试仍可能付款成功，请等待或撤销该支付单。',
    true,
  ),
  payment_not_cancellable: entry(409, 'The payment can no longer be cancelled; refund it.', '支付单已不能撤销，请使用退款。'),
  // Cashier.
  checkout_session_not_found: entry(404, 'There is no such checkout session.', '收银台会话不存在。'),
  return_url_refused: entry(
    422,
    'Payers may not be sent to this URL: use https and a host that the cashier settings name.',
    '不允许的返回地址：请使用 https，并在收银台设置中登记该主机。',
  ),
  logo_refused: entry(422, 'The logo is not a PNG of at most 16 KiB and 512 × 512.', '标志须为不超过 16 KiB、512 × 512 的 PNG。'),
  help_request_not_found: entry(404, 'There is no such help request.', '客服请求不存在。'),
  help_request_over: entry(409, 'The help request cannot take this step now[: it is {state}].', '客服请求当前不能执行此操作[：状态为 {state}]。'),
  // Reconciliation.
  recon_exception_not_found: entry(404, 'There is no such exception.', '差错不存在。'),
  recon_step_not_allowed: entry(409, 'The exception cannot take this step now[: it is {state}].', '差错当前不能执行此操作[：状态为 {state}]。'),
  recon_repair_impossible: entry(
    422,
    'This exception has no repair that Heliu can carry out: accept it or write it to suspense.',
    '该差错没有可自动执行的修复，请接受或挂账。',
  ),
  recon_second_person_required: entry(409, 'The amount at risk asks for the approval of a second person.', '风险金额超过限额，需第二人批准。'),
  recon_total_second_person_required: entry(
    409,
    '[{count} differences decided together put {total} at risk; from {from} a second person decides the same. ]What is decided in one act is held against the limit together.',
    '[一并处理的 {count} 笔差错风险金额共 {total} 元，满 {from} 元须第二人作同样处理。]一次处理按合计金额适用限额。',
  ),
  recon_day_open: entry(
    409,
    'The day[ of channel account {channel_account_id}] has exceptions that are not closed.',
    '[渠道账户 {channel_account_id} ]该日仍有未关闭的差错。',
  ),
  recon_day_unbalanced: entry(
    409,
    'The day[ of channel account {channel_account_id}] does not add up: platform and bill differ by what no exception explains.',
    '[渠道账户 {channel_account_id} ]该日不平：平台与账单之差未被差错解释。',
  ),
  recon_day_ledger_differs: entry(
    409,
    'The ledger does not say the same of this day[ of channel account {channel_account_id}] as the platform and the bill[: payments are off by {payments_fen}, refunds by {refunds_fen}, the fee by {fee_fen} fen]. Events that are not posted yet will be soon; otherwise run heliu ledger replay.',
    '[渠道账户 {channel_account_id} ]该日账本与平台、账单不一致[：支付差 {payments_fen} 分，退款差 {refunds_fen} 分，手续费差 {fee_fen} 分]。尚未入账的事件稍后会入账；否则请运行 heliu ledger replay。',
    true,
  ),
  recon_day_not_matched: entry(
    409,
    'The day[ of channel account {channel_account_id}] has not been matched with its bill yet.',
    '[渠道账户 {channel_account_id} ]该日尚未对账。',
  ),
  recon_day_not_over: entry(409, 'The day is not over yet in Asia/Shanghai.', '该日（北京时间）尚未结束。', true),
  recon_day_incomplete: entry(
    409,
    'The day of the merchant does not add up[: its channel accounts lack {accounts_payments_fen} fen of its payments and {accounts_refunds_fen} of its refunds, the ledger {ledger_payments_fen} and {ledger_refunds_fen}]. Events that are not posted yet will be soon; otherwise run heliu verify.',
    '商户该日不平[：各渠道账户合计支付少 {accounts_payments_fen} 分、退款少 {accounts_refunds_fen} 分，账本支付少 {ledger_payments_fen} 分、退款少 {ledger_refunds_fen} 分]。尚未入账的事件稍后会入账；否则请运行 heliu verify。',
    true,
  ),
  bill_refused: entry(422, 'The bill was refused[: {reason}].', '账单被拒绝[：{reason}]。'),
  bill_given_by_channel: entry(
    409,
    'The channel itself has given the bill of this day[: {bill_id}]. A file by hand takes its place only where a named person says so.',
    '渠道已给出该日账单[：{bill_id}]。人工文件须由具名人员明示替换，方可取代。',
  ),
  bill_not_published: entry(409, 'The channel publishes no such bill.', '该渠道没有这种账单。'),
  bill_not_found: entry(404, 'There is no such bill.', '账单不存在。'),
  bank_statement_refused: entry(422, 'The bank statement was refused[: {reason}].', '银行流水被拒绝[：{reason}]。'),
  bank_import_not_found: entry(404, 'There is no such import of this channel account, or it was taken back.', '该渠道账户没有这次导入，或已撤销。'),
  bank_not_followed: entry(
    409,
    'Credits of this channel account are not followed: say from which day on first.',
    '该渠道账户尚未启用到账核对，请先设定起始日。',
  ),
  // Routing.
  no_account_available: entry(
    422,
    'Every channel account that takes this method is excluded[: {excluded}].',
    '支持该支付方式的渠道账户目前均不可用[：{excluded}]。',
    true,
  ),
  account_limit_reached: entry(422, 'The channel account cannot take this payment[: {excluded}].', '该渠道账户不能受理此笔支付[：{excluded}]。'),
  routing_rule_invalid: entry(422, 'The rule cannot be used[: {problem}].', '路由规则不可用[：{problem_zh}]。'),
  rule_set_not_found: entry(404, 'There is no such rule set.', '路由规则集不存在。'),
  too_many_rule_sets: entry(422, 'The merchant has its maximum number of rule sets.', '路由规则集数量已达上限。'),
  // Refunds.
  refund_not_found: entry(404, 'There is no such refund.', '退款单不存在。'),
  merchant_refund_no_taken: entry(409, 'Another refund with different content has this merchant_refund_no.', '该商户退款单号已用于另一笔内容不同的退款。'),
  payment_not_paid: entry(422, 'Only a paid payment can be refunded.', '只有已支付的支付单才能退款。'),
  refund_exceeds_paid: entry(422, 'Together with earlier refunds this would be more than was paid.', '累计退款金额超过已支付金额。'),
  refund_not_whole: entry(
    422,
    'Money of a duplicate or late attempt goes back whole[: {refundable_fen} fen].',
    '重复或迟到的款项只能全额退回[：{refundable_fen} 分]。',
  ),
  too_many_refunds: entry(422, 'The payment has had its maximum number of refunds.', '退款次数已达上限。'),
  // The ledger.
  posting_not_found: entry(404, 'There is no such posting in this book.', '账本中没有该凭证。'),
  posting_reversed: entry(409, 'The posting is reversed already, or is a reversal itself.', '该凭证已冲正，或本身即为冲正。'),
  ledger_day_not_over: entry(409, 'The day is not over yet in Asia/Shanghai.', '该日（北京时间）尚未结束。'),
  ledger_day_closed: entry(409, 'The book is closed up to that day already[: {closed_through}].', '账本已结账至该日[：{closed_through}]。'),
  ledger_behind: entry(
    409,
    'The book has not seen all events of its merchant yet. Ask again shortly; heliu ledger post-status says how far it is.',
    '账本尚未记完该商户的全部事件，请稍后再试；进度见 heliu ledger post-status。',
    true,
  ),
  ledger_days_open: entry(
    409,
    'Days up to then are not closed in reconciliation[: {open_days}, the first {first_open}]. Close them (heliu recon close), or say --anyway.',
    '截至该日尚有未日结的账单日[：{open_days} 个，最早 {first_open}]。请先日结（heliu recon close），或以 --anyway 结账。',
  ),
  too_many_prices: entry(422, 'The merchant has its maximum number of prices.', '费率数量已达上限。'),
  // Statements.
  statement_not_found: entry(404, 'There is no such statement.', '结算单不存在。'),
  statement_not_ready: entry(409, 'The statement is still being prepared. Ask again shortly.', '结算单尚在准备，请稍后再试。', true),
  statement_period_invalid: entry(
    422,
    'The period ends before it begins, is longer than 366 days, or lies in the future.',
    '时间段无效：截止早于起始、超过 366 天或晚于今日。',
  ),
  too_many_statements: entry(429, 'Too many statements of this merchant are being prepared. Wait for them.', '正在准备的结算单过多，请等待完成。', true),
  // Events and webhooks.
  event_not_found: entry(404, 'There is no such event.', '事件不存在。'),
  webhook_endpoint_not_found: entry(404, 'There is no such webhook endpoint.', 'Webhook 端点不存在。'),
  webhook_url_refused: entry(422, 'This URL may not be called: use https and a public host.', '不允许的回调地址：请使用 https 与公网主机。'),
  too_many_webhook_endpoints: entry(422, 'The merchant has its maximum number of webhook endpoints.', 'Webhook 端点数量已达上限。'),
  delivery_not_found: entry(404, 'There is no such delivery.', '投递记录不存在。'),
  webhook_endpoint_disabled: entry(409, 'The webhook endpoint is disabled.', 'Webhook 端点已停用。'),
  cursor_invalid: entry(400, 'The cursor is not one that this list gave.', '分页游标无效。'),
  // Us.
  internal_error: entry(
    500,
    'Something went wrong on our side. The request id names it; the outcome is kept and can be queried.',
    '系统内部错误，请凭 request_id 联系我们；已受理的结果可查询。',
    true,
  ),
  unavailable: entry(
    503,
    'The service cannot reach its database at the moment. Whether the request took effect can be queried; the same request with the same Idempotency-Key is safe.',
    '服务暂时无法访问数据库，请求是否生效可查询；使用相同 Idempotency-Key 重试是安全的。',
    true,
  ),
  overloaded: entry(
    503,
    'The service is busy or stopping. Nothing was done; try again as Retry-After says.',
    '服务繁忙或正在停止，请求未受理，请按 Retry-After 重试。',
    true,
  ),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errors;

/** The text of an error in both languages, its `[parts]` filled from the facts or left out. */
export function errorText(code: ErrorCode, facts: Readonly<Record<string, string | number>> = {}): { readonly message: string; readonly message_zh: string } {
  return { message: fill(errors[code].message, facts), message_zh: fill(errors[code].message_zh, facts) };
}

function fill(template: string, facts: Readonly<Record<string, string | number>>): string {
  return template.replace(/\[([^\]]*)\]/g, (_, part: string) => {
    const names = [...part.matchAll(/\{(\w+)\}/g)].map((match) => match[1] as string);
    return names.every((name) => Object.hasOwn(facts, name)) ? part.replace(/\{(\w+)\}/g, (_match, name: string) => String(facts[name])) : '';
  });
}

/** What any operation may answer, so operations list only what is their own. */
export const common_errors = [
  'malformed_json',
  'duplicate_json_key',
  'number_not_integer',
  'parameter_missing',
  'parameter_unknown',
  'parameter_invalid',
  'unsupported_media_type',
  'body_too_large',
  'unauthenticated',
  'signature_required',
  'signature_expired',
  'signature_replayed',
  'scope_missing',
  'merchant_suspended',
  'rate_limited',
  'internal_error',
  'overloaded',
  'unavailable',
] as const satisfies readonly ErrorCode[];

/** What any write may answer beyond `common_errors`. */
export const write_errors = ['idempotency_key_invalid', 'idempotency_key_reused', 'request_in_progress'] as const satisfies readonly ErrorCode[];

/**
 * Why a channel refused, in the field's words and for every channel alike. Shown to merchants in `attempt.refusal.reason`
 * and `refund.refusal.reason`; the channel's own code and text stand beside it.
 */
export const refusal_reasons = {
  payment_code_expired: ['The payment code has expired; scan a new one.', '付款码已过期，请重新扫码。'],
  payment_code_invalid: ['The payment code is not valid; scan again.', '付款码无效，请重新扫码。'],
  insufficient_funds: ["The payer's balance or the chosen card does not suffice.", '付款人余额或卡额度不足。'],
  payer_refused: ['The payer declined or cancelled.', '付款人取消或拒绝支付。'],
  payer_account_restricted: ["The payer's account may not make this payment.", '付款人账户受限。'],
  payer_mismatch: ['The payer is not the one the order was made for.', '付款人与下单人不一致。'],
  limit_exceeded: ['A limit of the payer, the merchant or the product was reached.', '超出付款人、商户或产品限额。'],
  risk_refused: ["The channel's risk control refused the payment.", '渠道风控拒绝。'],
  order_closed: ['The order is closed at the channel.', '渠道订单已关闭。'],
  order_no_used: ['The channel already knows this order number with other content.', '渠道订单号重复且内容不一致。'],
  method_not_enabled: ['The merchant has not signed this product with the channel.', '商户未开通该支付产品。'],
  merchant_restricted: ['The merchant may not take payments at the channel.', '商户在渠道侧受限。'],
  configuration_error: ['The channel refused our credentials or parameters; check the channel account.', '渠道拒绝了凭证或参数，请检查渠道账户配置。'],
  currency_not_supported: ['The channel does not take this currency.', '渠道不支持该币种。'],
  merchant_balance_insufficient: ["The merchant's balance at the channel does not suffice for the refund.", '商户在渠道的余额不足以退款。'],
  refund_window_closed: ['The channel no longer refunds this payment.', '已超过渠道退款期限。'],
  refund_amount_refused: ['The channel refused the refund amount.', '渠道拒绝该退款金额。'],
  refund_not_allowed: ['The channel does not allow this refund.', '渠道不允许该退款。'],
  payment_not_at_channel: ['The channel has no such payment.', '渠道无此交易。'],
  other: ['The channel refused; see channel_code.', '渠道拒绝，详见 channel_code。'],
} as const satisfies Record<string, readonly [en: string, zh: string]>;
export type RefusalReason = keyof typeof refusal_reasons;
