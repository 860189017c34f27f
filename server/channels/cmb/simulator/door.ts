import { type RawRequest, type Received, type Signature, type Trouble, textReply, type Unsealed } from '../../kit/gateway/wire.ts';
import type { Merchant, World } from '../../kit/gateway/world.ts';
import { apiSign, type Fields, isSignedBy, pointOf, publicKeyOf, signFields } from '../sign.ts';
import type { Calls, Result } from './calls.ts';

/** The bank's own code is not public: this stands for it, and the settings name it. */
export const order_unknown_code = 'SIMULATED_ORDER_UNKNOWN';

/** A private key of the curve: any 32 random bytes below its order, whose first byte is below 0x7f. */
const newPrivateKey = ({ hex }: World): string => `1${hex(63)}`;

/** The bank's key is one for all, made with its first merchant. */
function bankKey(world: World): string {
  const held = world.tables.merchant.get('bank')?.own.private_key;
  if (held !== undefined) return held;
  const private_key = newPrivateKey(world);
  world.put('merchant', { no: 'bank', own: { private_key } });
  return private_key;
}

export function enroll(world: World): Record<string, unknown> {
  const mer_id = `3089991${world.digits(8)}`;
  const private_key = newPrivateKey(world);
  const app_secret = world.hex(32);
  const appid = world.hex(32);
  world.put('merchant', { no: mer_id, own: { public_key: publicKeyOf(private_key), app_secret, appid } });
  return {
    mer_id,
    user_id: `N${world.digits(9)}`,
    appid,
    app_secret,
    private_key,
    cmb_public_key: publicKeyOf(bankKey(world)),
    wechat_appid: 'wx1234567890abcdef',
    order_unknown_code,
    gateway_url: world.ports.base_url,
  };
}

export function receive(world: World, request: RawRequest, calls: Calls): Received {
  const call_name = /^\/polypay\/v1\.0\/mchorders\/(\w+)$/.exec(request.path)?.[1];
  const fields = parse(request.body);
  const biz = parse(Buffer.from(fields?.biz_content ?? ''));
  const merchant = world.tables.merchant.get(biz?.merId ?? '');
  if (call_name === undefined || request.method !== 'POST') return { reply: textReply('', 'text/plain', 404) };
  if (!fields || !biz || !merchant) return { reply: failed('报文格式错误') };
  if (!isGenuine(request, fields, merchant)) return { reply: failed('签名错误') };
  const call = calls(call_name, merchant, biz);
  if (!call) return { reply: textReply('', 'text/plain', 404) };
  const seal = (result: Result) => sealed(world, result);
  return {
    call: {
      name: call.name,
      run: () => seal(call.run()),
      fail: (trouble) => (trouble === 'rate_limit' ? () => textReply('', 'text/plain', 429) : seal(troubleOf(trouble))),
    },
  };
}

/** The body's signature by the merchant's key, and the header's by the platform's secret. */
function isGenuine({ headers }: RawRequest, fields: Fields, { own }: Merchant): boolean {
  const { appid = '', timestamp = '', apisign } = headers;
  if (appid !== own.appid || apisign !== apiSign({ appid, secret: own.app_secret ?? '', sign: fields.sign ?? '', timestamp })) return false;
  return isSignedBy(fields, pointOf(own.public_key ?? '') ?? '');
}

function parse(body: Buffer): Fields | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    const is_texts = typeof value === 'object' && value !== null && Object.values(value).every((each) => typeof each === 'string');
    return is_texts ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
}

function troubleOf(trouble: Exclude<Trouble, 'rate_limit'>): Result {
  const codes = { server_error: 'SYSTERM_ERROR', unlisted_code: 'NEWLY_INVENTED' } as const;
  return { failure: typeof trouble === 'object' ? trouble.code : codes[trouble] };
}

const format: Fields = { version: '0.0.1', encoding: 'UTF-8', signMethod: '02' };
const json = (fields: Fields) => textReply(JSON.stringify(fields), 'application/json;charset=UTF-8');

/** What fails as a format carries no signature. */
const failed = (respMsg: string) => json({ ...format, returnCode: 'FAIL', respMsg });

function sign(world: World, fields: Fields, how: Signature): Fields {
  if (how === 'none') return fields;
  // Signed well over something else, when it has to be bad.
  return { ...fields, sign: signFields(how === 'good' ? fields : { ...fields, encoding: 'GBK' }, bankKey(world)) };
}

function sealed(world: World, result: Result): Unsealed {
  const fields: Fields =
    'failure' in result
      ? { ...format, returnCode: 'SUCCESS', respCode: 'FAIL', errCode: result.failure, respMsg: result.failure }
      : { ...format, returnCode: 'SUCCESS', respCode: 'SUCCESS', biz_content: JSON.stringify(result.biz) };
  return (how) => json(sign(world, fields, how));
}

/** A notification: a form with JSON in a text. */
export function formOf(world: World, _signer: Merchant, biz: Readonly<Record<string, string>>, how: Signature) {
  const fields = sign(world, { ...format, biz_content: JSON.stringify(biz) }, how);
  return { headers: { 'Content-Type': 'application/x-www-form-urlencoded;charset=UTF-8' }, body: new URLSearchParams(fields).toString() };
}

/** Only an answer that the merchant signed counts. */
export function acknowledges(body: string, { own }: Merchant): boolean {
  const fields = parse(Buffer.from(body));
  return fields?.returnCode === 'SUCCESS' && isSignedBy(fields, pointOf(own.public_key ?? '') ?? '');
}
