/** What an API answers, before it is written as an envelope (v2) or a bare object (v3). */
export type Outcome = {
  readonly code: string;
  readonly msg: string;
  readonly sub_code?: string;
  readonly sub_msg?: string;
  readonly fields: Readonly<Record<string, unknown>>;
};

/** @see https://opendocs.alipay.com/common/02km9f */
const messages = {
  '10000': 'Success',
  // The leading space is the gateway's.
  '10003': ' order success pay inprocess',
  '20000': 'Service Currently Unavailable',
  '20001': 'Insufficient Token Permissions',
  '40001': 'Missing Required Arguments',
  '40002': 'Invalid Arguments',
  '40003': 'Insufficient Conditions',
  '40004': 'Business Failed',
  '40005': 'Call Limited',
  '40006': 'Insufficient Permissions',
} as const;
export type Code = keyof typeof messages;

export const success = (fields: Outcome['fields'], code: '10000' | '10003' = '10000'): Outcome => ({ code, msg: messages[code], fields });

export const failure = (code: Code, sub_code: string, sub_msg: string, fields: Outcome['fields'] = {}): Outcome => ({
  code,
  msg: messages[code],
  sub_code,
  sub_msg,
  fields,
});

const business_texts: Readonly<Record<string, string>> = {
  'ACQ.SYSTEM_ERROR': '系统错误',
  'ACQ.TRADE_NOT_EXIST': '交易不存在',
  'ACQ.TRADE_HAS_SUCCESS': '交易已被支付',
  'ACQ.TRADE_HAS_CLOSE': '交易已经关闭',
  'ACQ.TRADE_HAS_FINISHED': '交易已完结',
  'ACQ.TRADE_STATUS_ERROR': '交易状态不合法',
  'ACQ.REASON_TRADE_STATUS_INVALID': '交易状态异常',
  'ACQ.REASON_TRADE_REFUND_FEE_ERR': '退款金额无效',
  'ACQ.TRADE_CANCEL_TIME_OUT': '超过撤销时间范围',
  'ACQ.CONTEXT_INCONSISTENT': '交易信息被篡改',
  'ACQ.TRADE_BUYER_NOT_MATCH': '交易买家不匹配',
  'ACQ.PAYMENT_AUTH_CODE_INVALID': '支付失败，获取顾客账户信息失败，请顾客刷新付款码后重新收款，如再次收款失败，请联系管理员处理。',
  'ACQ.BUYER_BALANCE_NOT_ENOUGH': '买家余额不足',
  'ACQ.DISCORDANT_REPEAT_REQUEST': '请求信息不一致',
  'ACQ.SELLER_BALANCE_NOT_ENOUGH': '商户的支付宝账户中无足够的资金进行撤销',
  'ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR': '当前时间已大于支付超时时间',
};

/** A business failure of the code; the text is the gateway's where it is known. */
export const businessFailure = (sub_code: string, fields: Outcome['fields'] = {}): Outcome =>
  failure('40004', sub_code, business_texts[sub_code] ?? '业务处理失败', fields);

export const invalidParameter = (name: string): Outcome => failure('40004', 'ACQ.INVALID_PARAMETER', `参数无效：${name}`);

/** Any code of the gateway by its name alone, for faults that ask for one. */
export function failureNamed(sub_code: string): Outcome {
  if (sub_code.startsWith('ACQ.') || !sub_code.includes('.')) return businessFailure(sub_code);
  if (sub_code.startsWith('isp.') || sub_code === 'aop.unknow-error') return failure('20000', sub_code, '系统繁忙');
  if (sub_code.startsWith('aop.')) return failure('20001', sub_code, '令牌无效');
  if (sub_code.endsWith('-limited')) return failure('40005', sub_code, '调用频次超限');
  if (sub_code.includes('permissions') || sub_code.includes('forbidden')) return failure('40006', sub_code, '权限不足');
  return failure(sub_code.startsWith('isv.missing-') ? '40001' : '40002', sub_code, '参数有误');
}
