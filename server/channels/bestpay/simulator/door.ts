import { createHash } from 'node:crypto';
import { type RawRequest, type Received, type Trouble, textReply, type Unsealed, type WireReply } from '../../kit/gateway/wire.ts';
import type { World } from '../../kit/gateway/world.ts';
import type { Calls, Result } from './calls.ts';

/** The door: forms with a MAC over some fields in a fixed order. Errors carry nothing that vouches for them. */

export const macOf = (text: string, key: string): string => createHash('md5').update(`${text}&KEY=${key}`).digest('hex').toUpperCase();

export function enroll(world: World): Promise<Record<string, unknown>> {
  const no = `0431${world.digits(11)}`;
  const own = { data_key: world.hex(48).toUpperCase(), trade_key: world.digits(6) };
  world.put('merchant', { no, own });
  return Promise.resolve({ merchant_id: no, store_id: world.digits(6), ...own, gateway_url: world.ports.base_url });
}

const signed: Readonly<Record<string, readonly string[]>> = {
  '/barcode/placeOrder': ['merchantId', 'orderNo', 'orderReqNo', 'orderDate', 'barcode', 'orderAmt'],
  '/query/queryOrder': ['merchantId', 'orderNo', 'orderReqNo', 'orderDate'],
  '/refund/commonRefund': ['merchantId', 'merchantPwd', 'oldOrderNo', 'oldOrderReqNo', 'refundReqNo', 'refundReqDate', 'transAmt', 'ledgerDetail'],
  '/reverse/reverse': ['merchantId', 'merchantPwd', 'oldOrderNo', 'oldOrderReqNo', 'refundReqNo', 'refundReqDate', 'transAmt'],
};

export function receive(world: World, request: RawRequest, calls: Calls): Received {
  const names = signed[request.path];
  if (request.method !== 'POST' || names === undefined) return { reply: textReply('', 'text/plain', 404) };
  const fields = new Map(new URLSearchParams(request.body.toString('utf8')));
  const merchant = world.tables.merchant.get(fields.get('merchantId') ?? '');
  if (!merchant) return { reply: error('BE300000') };
  const text = names.map((name) => `${name.toUpperCase()}=${fields.get(name) ?? ''}`).join('&');
  const key = merchant.own.data_key ?? '';
  if (fields.get('mac') !== macOf(text, key)) return { reply: error('BE300001') };
  const call = calls(request.path, merchant, fields);
  return { call: { name: call.name, names: call.names, run: () => sealed(call.run(), key), fail: (trouble) => () => troubleOf(trouble) } };
}

function troubleOf(trouble: Trouble): WireReply {
  if (trouble === 'rate_limit') return textReply('', 'text/plain', 429);
  if (typeof trouble === 'object') return error(trouble.code);
  return error(trouble === 'server_error' ? 'BE999999' : 'BE777777');
}

const error = (errorCode: string): WireReply => json({ success: false, result: null, errorCode, errorMsg: '请求失败' });
const json = (value: unknown): WireReply => textReply(JSON.stringify(value), 'application/json;charset=UTF-8');

function sealed(result: Result, key: string): Unsealed {
  if ('code' in result) return () => error(result.code);
  return (how) => {
    const text = result.signed.map((name) => `${name.toUpperCase()}=${result.fields[name] ?? 'null'}`).join('&');
    const sign = macOf(text, how === 'good' ? key : [...key].reverse().join(''));
    return json({ success: true, result: { ...result.fields, ...(how === 'none' ? {} : { sign }) }, errorCode: null, errorMsg: null });
  };
}
