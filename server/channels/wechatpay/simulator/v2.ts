import type { Trouble, Unsealed, WireReply } from '../../kit/gateway/wire.ts';
import { readXml, writeXml } from '../../kit/gateway/xml.ts';
import { type Signature, signV2 } from './crypto.ts';
import { type GatewayCode, GatewayError } from './gateway-error.ts';
import type { Call, RawRequest, Received } from './wire.ts';
import type { Merchant, SignType, World } from './world.ts';

/** The door of APIv2: XML, always HTTP 200, and a signature over the fields. */

export type V2Handler = 'micropay' | 'unifiedorder' | 'orderquery' | 'closeorder' | 'reverse' | 'refund' | 'refundquery';
type Route = { readonly handler: V2Handler; readonly call: Call['name']; readonly mutual_tls: boolean };

const routes: Readonly<Record<string, Route>> = {
  '/pay/micropay': { handler: 'micropay', call: 'pay', mutual_tls: false },
  '/pay/unifiedorder': { handler: 'unifiedorder', call: 'pay', mutual_tls: false },
  '/pay/orderquery': { handler: 'orderquery', call: 'query', mutual_tls: false },
  '/pay/closeorder': { handler: 'closeorder', call: 'close', mutual_tls: false },
  '/secapi/pay/reverse': { handler: 'reverse', call: 'reverse', mutual_tls: true },
  '/secapi/pay/refund': { handler: 'refund', call: 'refund', mutual_tls: true },
  '/pay/refundquery': { handler: 'refundquery', call: 'refund_query', mutual_tls: false },
};

export type V2Input = { readonly merchant: Merchant; readonly fields: ReadonlyMap<string, string>; readonly sign_type: SignType };
export type V2Handlers = { readonly handle: (handler: V2Handler, input: V2Input) => Readonly<Record<string, string>> };

export function receiveV2(world: World, request: RawRequest, handlers: V2Handlers): Received {
  const route = routes[request.path];
  if (!route) return { reply: { status: 404, headers: {}, body: '' } };
  if (request.method !== 'POST') return { reply: communicationFailure('请使用post方法') };
  const fields = readXml(request.body);
  if (!fields) return { reply: communicationFailure('XML格式错误') };
  const merchant = world.tables.merchant.get(fields.get('mch_id') ?? '');
  if (!merchant || merchant.kind === 'sub') return { reply: communicationFailure('商户号mch_id或sub_mch_id不存在') };
  const sign_type = fields.get('sign_type') === 'HMAC-SHA256' ? 'HMAC-SHA256' : 'MD5';
  if (!fields.get('sign') || fields.get('sign') !== signV2(fields, merchant.apiv2_key, sign_type)) return { reply: communicationFailure('签名错误') };
  // Over plain http no certificate can be shown, so the mounted simulator cannot ask for one.
  const shown = request.client_certificate;
  if (route.mutual_tls && shown !== 'none' && shown.serial_no !== merchant.serial_no) return { reply: communicationFailure('证书验证失败') };
  const input = { merchant, fields, sign_type } as const;
  return {
    call: {
      name: route.call,
      run: () => answer(world, input, () => handlers.handle(route.handler, input)),
      fail: (trouble) =>
        seal(world, input, {
          ...failureFields(codeOf(trouble), '系统异常'),
          ...(route.handler === 'reverse' ? { recall: trouble === 'server_error' ? 'Y' : 'N' } : {}),
        }),
    },
  };
}

function codeOf(trouble: Trouble): string {
  if (trouble === 'server_error') return 'SYSTEMERROR';
  if (trouble === 'rate_limit') return 'FREQUENCY_LIMITED';
  return trouble === 'unlisted_code' ? 'NEWLY_INVENTED' : trouble.code;
}

function answer(world: World, input: V2Input, run: () => Readonly<Record<string, string>>): Unsealed {
  try {
    return seal(world, input, { result_code: 'SUCCESS', ...run() });
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return seal(world, input, failureFields(old_spellings[error.code] ?? error.code, error.message));
  }
}

/** APIv2 spells these without underscores. */
const old_spellings: Partial<Record<GatewayCode, string>> = { ORDER_PAID: 'ORDERPAID', ORDER_CLOSED: 'ORDERCLOSED', RESOURCE_NOT_EXISTS: 'ORDERNOTEXIST' };

const failureFields = (err_code: string, err_code_des: string) => ({ result_code: 'FAIL', err_code, err_code_des });

const echoed = ['appid', 'mch_id', 'sub_appid', 'sub_mch_id', 'device_info'] as const;

/** The answer is signed with the kind of signature that the request used. */
function seal(world: World, { merchant, fields, sign_type }: V2Input, result: Readonly<Record<string, string>>): Unsealed {
  return (how) => {
    const parties = echoed.flatMap((name): [string, string][] => (fields.get(name) ? [[name, fields.get(name) ?? '']] : []));
    const message = new Map([['return_code', 'SUCCESS'], ['return_msg', 'OK'], ...parties, ['nonce_str', world.hex(32)], ...Object.entries(result)]);
    if (how !== 'none') message.set('sign', signatureOf(message, merchant, sign_type, how));
    return xmlReply(message);
  };
}

function signatureOf(message: ReadonlyMap<string, string>, merchant: Merchant, sign_type: SignType, how: Signature): string {
  return signV2(message, how === 'good' ? merchant.apiv2_key : [...merchant.apiv2_key].reverse().join(''), sign_type);
}

/** What fails as a communication carries no signature. */
const communicationFailure = (return_msg: string): WireReply =>
  xmlReply([
    ['return_code', 'FAIL'],
    ['return_msg', return_msg],
  ]);

const xmlReply = (fields: Iterable<readonly [string, string]>): WireReply => ({
  status: 200,
  headers: { 'Content-Type': 'text/plain' },
  body: writeXml(fields),
});
