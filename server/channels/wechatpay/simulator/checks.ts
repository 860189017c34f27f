import { GatewayError } from './gateway-error.ts';

/** Parameter checks with the words of the real gateway. */

export type Place = 'body' | 'uri_template' | 'query';
type Field = { readonly place?: Place; readonly path: string; readonly label: string };
export type Input = Readonly<Record<string, unknown>>;

/** The value at a path like `amount/total`. */
export function valueAt(input: Input, path: string): unknown {
  let value: unknown = input;
  for (const name of path.split('/')) value = typeof value === 'object' && value !== null ? (value as Input)[name] : undefined;
  return value;
}

function fail({ place = 'body', path, label }: Field, kind: string, problem: string, value?: unknown): never {
  throw new GatewayError('PARAM_ERROR', `输入源“/${place}/${path}”映射到${kind}“${label}”${problem}`, {
    location: place,
    field: `/${place}/${path}`,
    ...(value === undefined ? {} : { value }),
  });
}

type TextRule = Field & { readonly min?: number; readonly max: number; readonly form?: RegExp };

export function requireText(input: Input, rule: TextRule): string {
  return optionalText(input, rule) ?? fail(rule, '字段', '必填性规则校验失败，此字段为必填项');
}

export function optionalText(input: Input, rule: TextRule): string | undefined {
  const value = valueAt(input, rule.path);
  if (value === undefined) return undefined;
  if (typeof value !== 'string') return fail(rule, '字段', '规则校验失败，此字段需要一个合法的字符串', value);
  const bytes = Buffer.byteLength(value);
  if (rule.min !== undefined && bytes < rule.min) fail(rule, '值字段', `字符串规则校验失败，字节数 ${bytes}，小于最小值 ${rule.min}`, bytes);
  if ([...value].length > rule.max) fail(rule, '值字段', `字符串规则校验失败，字节数 ${bytes}，大于最大值 ${rule.max}`, bytes);
  if (rule.form && !rule.form.test(value)) fail(rule, '值字段', '字符串规则校验失败，字符串模式不匹配', value);
  return value;
}

export function requireInteger(input: Input, rule: Field & { readonly min: number }): number {
  const value = valueAt(input, rule.path);
  if (value === undefined) return fail(rule, '字段', '必填性规则校验失败，此字段为必填项');
  if (!Number.isSafeInteger(value)) return fail(rule, '数值字段', '规则校验失败，此字段需要一个合法的 64 位有符号整数', value);
  if ((value as number) < rule.min) fail(rule, '数值字段', `规则校验失败，值低于最小值 ${rule.min}`, value);
  return value as number;
}

export const out_trade_no_rule = { path: 'out_trade_no', label: '商户订单号', min: 6, max: 32, form: /^[0-9A-Za-z_\-|*]+$/ };
export const out_refund_no_rule = { path: 'out_refund_no', label: '商户退款单号', min: 1, max: 64, form: /^[0-9A-Za-z_\-|*@]+$/ };

/** An absolute address without a query. Local addresses are taken, so that merchants can be tried on one machine. */
export const notify_url_rule = { path: 'notify_url', label: '通知地址', max: 255, form: /^https?:\/\/[^\s?#/]+\/[^\s?#]*$/ };

/** Up to 127 characters without emoji. */
export const description_rule = { path: 'description', label: '商品描述', min: 1, max: 127, form: /^[^\u{10000}-\u{10FFFF}]*$/u };
