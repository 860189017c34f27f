import type { RefusalReason } from '@heliu/contract';

/**
 * What a code of the gateway settles. `no`: refused for good. `wait`: the payer is confirming. `ask`: nothing; a query
 * decides. A code that no table lists is `ask`.
 */
export type CodeEntry = { readonly final: 'no'; readonly reason: RefusalReason } | { readonly final: 'wait' | 'ask' };
export type CodeTable = Readonly<Record<string, CodeEntry>>;

const ask: CodeEntry = { final: 'ask' };

/** One entry for several codes of one meaning. */
const no = (reason: RefusalReason, ...codes: string[]): [string, CodeEntry][] => codes.map((code) => [code, { final: 'no', reason }]);
const open = (...codes: string[]): [string, CodeEntry][] => codes.map((code) => [code, ask]);
const table = (...groups: [string, CodeEntry][][]): CodeTable => Object.fromEntries(groups.flat());

export const success_code = '10000';
/** Only alipay.trade.pay: the payer is asked for the password. */
export const paying_code = '10003';

/**
 * Codes of the gateway itself, before any business system was asked.
 * @see https://opendocs.alipay.com/common/02km9f
 */
export const gateway_codes: CodeTable = table(
  open('isp.unknow-error', 'aop.unknow-error', 'isp.gateway-response-timeout', 'isv.app-call-limited', 'isv.method-call-limited'),
  no(
    'configuration_error',
    'aop.invalid-auth-token',
    'aop.auth-token-time-out',
    'aop.invalid-app-auth-token',
    'aop.invalid-app-auth-token-no-api',
    'aop.app-auth-token-time-out',
    'isv.missing-method',
    'isv.missing-signature',
    'isv.missing-signature-type',
    'isv.missing-signature-key',
    'isv.missing-signature-config',
    'isv.missing-app-id',
    'isv.missing-timestamp',
    'isv.missing-version',
    'isv.missing-app-cert-sn',
    'isv.missing-alipay-root-cert-sn',
    'isv.decryption-error-missing-encrypt-type',
    'isv.decryption-error-not-valid-encrypt-type',
    'isv.decryption-error-not-valid-encrypt-key',
    'isv.decryption-error-unknown',
    'isv.invalid-encrypt-type',
    'isv.invalid-encrypt',
    'isv.invalid-parameter',
    'isv.invalid-method',
    'isv.invalid-format',
    'isv.invalid-signature-type',
    'isv.invalid-signature',
    'isv.invalid-app-id',
    'isv.invalid-timestamp',
    'isv.invalid-charset',
    'isv.invalid-token',
    'isv.illegal-json',
    'isv.app-cert-not-exist',
    'isv.alipay-cert-not-exist',
    'isv.invalid-alipay-root-cert-sn',
    'app-cert-expired',
    'not-online-app',
    'isv.not-support-app-auth',
    'isv.suspected-attack',
    'isv.invalid-app-state',
    'invalid-auth-relations',
    'unsupported-sdk-version',
    'isv.ip-forbidden',
  ),
  no('payer_mismatch', 'app-openid-not-match', 'invalid-openid'),
  no(
    'method_not_enabled',
    'aop.no-product-reg-by-partner',
    'isv.forbidden-api',
    'isv.insufficient-isv-permissions',
    'isv.insufficient-user-permissions',
    'isv.self-invoke-forbidden',
  ),
);

/**
 * alipay.trade.pay, precreate and create. What says something of the order's state is asked about, never believed.
 * @see https://opendocs.alipay.com/open/02ekfp
 */
export const pay_codes: CodeTable = table(
  open(
    'ACQ.SYSTEM_ERROR',
    'AQC.SYSTEM_ERROR',
    'ACQ.TRADE_HAS_SUCCESS',
    'ACQ.TRADE_HAS_CLOSE',
    'ACQ.CONTEXT_INCONSISTENT',
    'ACQ.TRADE_STATUS_ERROR',
    'ACQ.PULL_MOBILE_CASHIER_FAIL',
    'ACQ.APPLY_PC_MERCHANT_CODE_ERROR',
  ),
  no(
    'configuration_error',
    'ACQ.INVALID_PARAMETER',
    'ACQ.ILLEGAL_ARGUMENT',
    'ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR',
    'ACQ.SUB_GOODS_SIZE_MAX_COUNT',
    'ACQ.EXIST_FORBIDDEN_WORD',
    'ACQ.RISK_MERCHANT_IP_NOT_EXIST',
    'ACQ.AMOUNT_OR_CURRENCY_ERROR',
    'ACQ.INVALID_STORE_ID',
    'ACQ.STORE_INFO_INVALID',
    'ACQ.PARTNER_ERROR',
    'ACQ.SELLER_NOT_EXIST',
    'ACQ.INVALID_RECEIVE_ACCOUNT',
    'ACQ.PLATFORM_BUSINESS_ACQUIRE_MODE_MUST_MERCHANT_ID',
    'ACQ.SUB_MERCHANT_CREATE_FAIL',
    'ACQ.SUB_MERCHANT_TYPE_INVALID',
    'ACQ.SECONDARY_MERCHANT_ID_BLANK',
    'ACQ.SECONDARY_MERCHANT_ID_INVALID',
    'ACQ.SECONDARY_MERCHANT_NOT_MATCH',
    'ACQ.SECONDARY_MERCHANT_ALIPAY_ACCOUNT_INVALID',
    'ACQ.SECONDARY_MERCHANT_CARD_ALIAS_NO_INVALID',
    'ACQ.TRADE_SETTLE_ERROR',
    'ACQ.USER_LOGONID_DUP',
    'ACQ.ROYALTY_ACCOUNT_NOT_EXIST',
    'ACQ.DEFAULT_SETTLE_RULE_NOT_EXIST',
    'ACQ.OPEN_ID_NOT_TINY_APP',
    'ACQ.UNBOUND_APPLICATION',
  ),
  no('currency_not_supported', 'ACQ.CURRENCY_NOT_SUPPORT'),
  no('payer_mismatch', 'ACQ.TRADE_BUYER_NOT_MATCH', 'ACQ.PAYER_UNMATCHED', 'ACQ.CARD_USER_NOT_MATCH'),
  no('payment_code_invalid', 'ACQ.PAYMENT_AUTH_CODE_INVALID', 'ACQ.AUTH_TOKEN_IS_NOT_EXIST'),
  no('insufficient_funds', 'ACQ.BUYER_BALANCE_NOT_ENOUGH', 'ACQ.BUYER_BANKCARD_BALANCE_NOT_ENOUGH'),
  no(
    'payer_account_restricted',
    'ACQ.ERROR_BALANCE_PAYMENT_DISABLE',
    'ACQ.NO_PAYMENT_INSTRUMENTS_AVAILABLE',
    'ACQ.MOBILE_PAYMENT_SWITCH_OFF',
    'ACQ.USER_FACE_PAYMENT_SWITCH_OFF',
    'ACQ.BUYER_ENABLE_STATUS_FORBID',
    'ACQ.ERROR_BUYER_CERTIFY_LEVEL_LIMIT',
    'ACQ.NOT_CERTIFIED_USER',
    'ACQ.BUYER_NOT_EXIST',
    'ACQ.BUYER_NOT_MAINLAND_CERT',
    'ACQ.CERT_EXPIRED',
    'ACQ.NOT_SUPPORT_PAYMENT_INST',
    'ACQ.CARD_TYPE_ERROR',
    'ACQ.CUSTOMER_VALIDATE_ERROR',
  ),
  no('other', 'ACQ.PAYMENT_FAIL', 'ACQ.BUYER_SELLER_EQUAL', 'ACQ.SMILE_PAY_MERCHANT_NOT_MATCH'),
  no('other', 'ACQ.MERCHANT_UNSUPPORT_ADVANCE', 'ACQ.BUYER_UNSUPPORT_ADVANCE', 'ACQ.ORDER_UNSUPPORT_ADVANCE'),
  no('risk_refused', 'ACQ.PAYMENT_REQUEST_HAS_RISK'),
  no(
    'limit_exceeded',
    'ACQ.BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR',
    'ACQ.BUYER_PAYMENT_AMOUNT_MONTH_LIMIT_ERROR',
    'ACQ.TOTAL_FEE_EXCEED',
    'ACQ.PRODUCT_AMOUNT_LIMIT_ERROR',
    'ACQ.BEYOND_PAY_RESTRICTION',
    'ACQ.BEYOND_PER_RECEIPT_RESTRICTION',
    'ACQ.BEYOND_PER_RECEIPT_SINGLE_RESTRICTION',
    'ACQ.BEYOND_PER_RECEIPT_DAY_RESTRICTION',
    'ACQ.MERCHANT_PERM_RECEIPT_SINGLE_LIMIT',
    'ACQ.MERCHANT_PERM_RECEIPT_DAY_LIMIT',
  ),
  no('method_not_enabled', 'ACQ.ACCESS_FORBIDDEN', 'ACQ.UN_SUPPORT_TRADE_SCENE', 'ACQ.PRODUCT_NOT_SUPPORT_IN_TINY_APP', 'ACQ.BIZ_PRODUCT_NOT_ALLOWED'),
  no(
    'merchant_restricted',
    'ACQ.MERCHANT_PERM_RECEIPT_SUSPEND_LIMIT',
    'ACQ.SELLER_BEEN_BLOCKED',
    'ACQ.MERCHANT_STATUS_NOT_NORMAL',
    'ACQ.RESTRICTED_MERCHANT_INDUSTRY',
    'ACQ.SECONDARY_MERCHANT_STATUS_ERROR',
    'ACQ.SECONDARY_MERCHANT_ISV_PUNISH_INDIRECT',
    'ACQ.ERROR_SELLER_CERTIFY_LEVEL_LIMIT',
  ),
);

/** The order is unknown, which is not a refusal: nobody scanned it yet, or it never arrived. */
export const not_found_codes: ReadonlySet<string> = new Set(['ACQ.TRADE_NOT_EXIST', 'TRADE_NOT_EXIST']);

/** alipay.trade.close and cancel: the order is in a state that this call does not undo. A query tells which. */
export const not_closable_codes: ReadonlySet<string> = new Set([
  'ACQ.TRADE_STATUS_ERROR',
  'ACQ.REASON_TRADE_STATUS_INVALID',
  'ACQ.REASON_ILLEGAL_STATUS',
  'ACQ.TRADE_HAS_FINISHED',
  'ACQ.TRADE_CANCEL_TIME_OUT',
  'ACQ.CANCEL_NOT_ALLOWED',
  'ACQ.REASON_TRADE_REFUND_FEE_ERR',
]);

/**
 * alipay.trade.close and cancel beyond the two sets above.
 * @see https://opendocs.alipay.com/open/02ekfi
 */
export const undo_codes: CodeTable = table(
  open('ACQ.SYSTEM_ERROR', 'AQC.SYSTEM_ERROR'),
  no('configuration_error', 'ACQ.INVALID_PARAMETER'),
  no('merchant_balance_insufficient', 'ACQ.SELLER_BALANCE_NOT_ENOUGH'),
  no('risk_refused', 'ACQ.REASON_TRADE_BEEN_FREEZEN'),
);

/**
 * alipay.trade.refund. A repeat with the same number and amount is answered as the first one was, whatever became of the
 * trade since; so these tell of this refund, except those that are open.
 * @see https://opendocs.alipay.com/open/02ekfk
 */
export const refund_codes: CodeTable = table(
  open('ACQ.SYSTEM_ERROR', 'AQC.SYSTEM_ERROR', 'ACQ.DISCORDANT_REPEAT_REQUEST', 'ACQ.TRADE_HAS_CLOSE', 'ACQ.REASON_TRADE_BEEN_FREEZEN'),
  no('merchant_balance_insufficient', 'ACQ.SELLER_BALANCE_NOT_ENOUGH'),
  no('refund_amount_refused', 'ACQ.REASON_TRADE_REFUND_FEE_ERR', 'ACQ.REFUND_AMT_NOT_EQUAL_TOTAL', 'ACQ.REFUND_FEE_ERROR', 'ACQ.NOT_ALLOW_PARTIAL_REFUND'),
  no('refund_window_closed', 'ACQ.TRADE_HAS_FINISHED'),
  no('payment_not_at_channel', 'ACQ.TRADE_NOT_EXIST'),
  no(
    'refund_not_allowed',
    'ACQ.TRADE_STATUS_ERROR',
    'ACQ.REASON_TRADE_STATUS_INVALID',
    'ACQ.TRADE_NOT_ALLOW_REFUND',
    'ACQ.ONLINE_TRADE_VOUCHER_NOT_ALLOW_REFUND',
  ),
  no(
    'payer_account_restricted',
    'ACQ.BUYER_NOT_EXIST',
    'ACQ.BUYER_ENABLE_STATUS_FORBID',
    'ACQ.BUYER_ERROR',
    'ACQ.USER_NOT_MATCH_ERR',
    'ACQ.CUSTOMER_VALIDATE_ERROR',
  ),
  no(
    'configuration_error',
    'ACQ.ALLOC_AMOUNT_VALIDATE_ERROR',
    'ACQ.TRADE_SETTLE_ERROR',
    'ACQ.REFUNDALLOC_UNAUTH_LIMIT',
    'ACQ.REFUND_ROYALTY_PAYEE_ACCOUNT_NOT_EXIST',
    'ACQ.REFUND_CHARGE_ERROR',
    'ACQ.OVERDRAFT_ASSIGN_ACCOUNT_INVALID',
    'ACQ.OVERDRAFT_AGREEMENT_NOT_MATCH',
    'ACQ.REFUND_ACCOUNT_NOT_EXIST',
    'ACQ.ENTERPRISE_PAY_BIZ_ERROR',
    'ACQ.INVALID_PARAMETER',
  ),
  no('currency_not_supported', 'ACQ.CURRENCY_NOT_SUPPORT'),
);

/**
 * alipay.data.dataservice.bill.downloadurl.query, with and without the prefix that documents leave out.
 * @see https://opendocs.alipay.com/open/02fkbn
 */
export const bill_codes: CodeTable = table(
  no('configuration_error', 'INVAILID_ARGUMENTS', 'isv.INVAILID_ARGUMENTS', 'BILL_DATE_BEFORE_REGISTRATION', 'isv.BILL_DATE_BEFORE_REGISTRATION'),
  no('method_not_enabled', 'TYPE_NOT_SUPPORTED', 'isv.TYPE_NOT_SUPPORTED'),
  open('UNKNOWN_ERROR', 'SYSTEM_RATE_LIMIT', 'USER_RATE_LIMIT'),
);
