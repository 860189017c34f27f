/** The gateway's own no: APIv3 answers it as JSON with a status, APIv2 as `err_code`. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: GatewayCode;
  readonly status: number;
  readonly detail: Readonly<Record<string, unknown>> | undefined;
  constructor(code: GatewayCode, message: string = errors[code][1], detail?: Readonly<Record<string, unknown>>) {
    super(message);
    this.code = code;
    this.status = errors[code][0];
    this.detail = detail;
  }
}

/** Status and text of every code that the simulator uses by itself. @see https://pay.weixin.qq.com/doc/v3/merchant/4012081726 */
export const errors = {
  PARAM_ERROR: [400, '参数错误'],
  INVALID_REQUEST: [400, '请求参数符合参数格式，但不符合业务规则'],
  APPID_MCHID_NOT_MATCH: [400, '商户号mchid与appid不匹配'],
  MCH_NOT_EXISTS: [400, '商户号不存在'],
  ORDER_CLOSED: [400, '该订单已关闭'],
  ORDER_PAID: [400, '该订单已支付'],
  SIGN_ERROR: [401, '签名错误'],
  NO_AUTH: [403, '商户号该产品权限未开通，请前往商户平台>产品中心检查后重试'],
  NOT_ENOUGH: [403, '余额不足'],
  OUT_TRADE_NO_USED: [403, '商户订单号重复'],
  TRADE_ERROR: [403, '交易错误'],
  RULE_LIMIT: [403, '业务规则限制'],
  ACCOUNT_ERROR: [403, '账号异常'],
  USER_ACCOUNT_ABNORMAL: [403, '用户账户异常'],
  REQUEST_BLOCKED: [403, '请求被拦截'],
  TRADE_OVERDUE: [403, '订单已经超过退款期限'],
  ORDER_NOT_EXIST: [404, '订单不存在'],
  RESOURCE_NOT_EXISTS: [404, '退款单不存在'],
  NO_STATEMENT_EXIST: [400, '账单文件不存在'],
  STATEMENT_CREATING: [400, '账单生成中'],
  FREQUENCY_LIMITED: [429, '频率限制'],
  SYSTEM_ERROR: [500, '系统异常，请用相同参数重新调用'],
  BANK_ERROR: [500, '银行系统异常'],
  OPENID_MISMATCH: [500, 'appid和openid不匹配'],
  USERPAYING: [202, '需要用户输入支付密码'],
  AUTHCODEEXPIRE: [400, '二维码已过期，请用户在微信上刷新后再试'],
  AUTH_CODE_INVALID: [400, '请扫描微信支付被扫条码/二维码'],
  NOTENOUGH: [400, '余额不足'],
  ORDERPAID: [400, '该订单已支付'],
  ORDERCLOSED: [400, '该订单已关闭'],
  ORDERREVERSED: [400, '订单已撤销'],
  ORDERNOTEXIST: [404, '订单不存在'],
  REFUNDNOTEXIST: [404, 'not exist'],
  REVERSE_EXPIRE: [400, '订单已经超过可撤销的期限'],
  LACK_PARAMS: [400, '缺少参数'],
} as const satisfies Record<string, readonly [status: number, message: string]>;
export type GatewayCode = keyof typeof errors;

export const isGatewayCode = (code: string): code is GatewayCode => Object.hasOwn(errors, code);
