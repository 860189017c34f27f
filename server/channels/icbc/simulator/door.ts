import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { formatShanghai } from '../../../kernel/time.ts';
import { makeRsaPair } from '../../kit/gateway/keys.ts';
import { type RawRequest, type Received, type Signature, type Trouble, textReply, type Unsealed, type WireReply } from '../../kit/gateway/wire.ts';
import type { Merchant, World } from '../../kit/gateway/world.ts';
import { type Calls, type Result, unknown_codes } from './calls.ts';
import { type Biz, online_states, qr_states } from './views.ts';

/** The door: a form signed together with its path, answers signed with SHA-1 over the very characters of their content. */

/** The bank's key is one for all, made with its first merchant. */
async function bankOf(world: World): Promise<Merchant> {
  const held = world.tables.merchant.get('bank');
  if (held) return held;
  const { private_pem, public_pem } = await makeRsaPair(1024);
  world.put('merchant', { no: 'bank', own: { private_pem, public_pem } });
  return bankOf(world);
}

export async function enroll(world: World): Promise<Record<string, unknown>> {
  const mer_id = `0200${world.digits(8)}`;
  const app_id = `1000${world.digits(16)}`;
  const { private_pem, public_pem } = await makeRsaPair();
  const bank = await bankOf(world);
  world.put('merchant', { no: mer_id, own: { app_id, public_pem } });
  return {
    app_id,
    mer_id,
    private_key: private_pem,
    gateway_public_key: bank.own.public_pem,
    store_code: `0200${world.digits(7)}`,
    mer_prtcl_no: `${mer_id}0201`,
    device_info: '013467007045764',
    wechat_appid: 'wx1234567890abcdef',
    qr_states,
    qr_refund_states: 'waiting=0,done=1,failed=2',
    online_states,
    online_refund_states: online_states,
    unknown_codes,
    gateway_url: world.ports.base_url,
  };
}

export function receive(world: World, request: RawRequest, calls: Calls): Received {
  if (request.method !== 'POST') return { reply: textReply('', 'text/plain', 404) };
  // Parameters stand in the query and in the body, as the bank's own library sends them.
  const fields = Object.fromEntries([...new URLSearchParams(request.query), ...new URLSearchParams(request.body.toString('utf8'))]);
  const biz = readBiz(fields.biz_content);
  const merchant = world.tables.merchant.get(biz?.mer_id ?? '');
  if (!biz || !merchant || merchant.own.app_id !== fields.app_id || !fields.msg_id) return { reply: failed(400011, 'illegal parameter') };
  if (!/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(fields.timestamp ?? '')) return { reply: failed(400011, 'illegal timestamp') };
  if (!isGenuine(request.path, fields, merchant)) return { reply: failed(400017, 'sign verify failed') };
  const call = calls(request.path, merchant, biz);
  if (!call) return { reply: textReply('', 'text/plain', 404) };
  const msg_id = fields.msg_id;
  const seal = (result: Result) => sealed(world, result, msg_id);
  return {
    call: {
      name: call.name,
      names: call.names,
      run: () => seal(call.run()),
      fail: (trouble) => (trouble === 'rate_limit' ? () => textReply('', 'text/plain', 429) : seal(troubleOf(trouble))),
    },
  };
}

function textToSign(path: string, fields: Readonly<Record<string, string>>): string {
  const given = Object.entries(fields).filter(([name, value]) => name !== 'sign' && value !== '');
  return `${path}?${given
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')}`;
}

function isGenuine(path: string, fields: Readonly<Record<string, string>>, { own }: Merchant): boolean {
  const digest = { RSA: 'sha1', RSA2: 'sha256' }[fields.sign_type ?? ''];
  if (digest === undefined) return false;
  return verify(digest, Buffer.from(textToSign(path, fields)), createPublicKey(own.public_pem ?? ''), Buffer.from(fields.sign ?? '', 'base64'));
}

function readBiz(text: string | undefined): Biz | undefined {
  try {
    const value: unknown = JSON.parse(text ?? '');
    const is_texts = typeof value === 'object' && value !== null && Object.values(value).every((each) => typeof each === 'string');
    return is_texts ? (value as Biz) : undefined;
  } catch {
    return undefined;
  }
}

function troubleOf(trouble: Exclude<Trouble, 'rate_limit'>): Result {
  if (typeof trouble === 'object') return { code: Number(trouble.code), msg: '失败' };
  return trouble === 'server_error' ? { code: -30, msg: '主机异常' } : { code: 77777777, msg: '从未见过的代码' };
}

/** What cannot be believed is answered without a signature. */
const failed = (return_code: number, return_msg: string): WireReply =>
  textReply(JSON.stringify({ response_biz_content: { return_code, return_msg } }), 'application/json;charset=UTF-8');

const signText = (world: World, text: string): string =>
  sign('sha1', Buffer.from(text), createPrivateKey(world.tables.merchant.get('bank')?.own.private_pem ?? '')).toString('base64');

/** The content is written as no serialiser of ours would write it, so that only its characters can be verified. */
function sealed(world: World, result: Result, msg_id: string): Unsealed {
  const { return_code, return_msg, biz } =
    'biz' in result ? { return_code: 0, return_msg: '成功', biz: result.biz } : { return_code: result.code, return_msg: result.msg, biz: {} };
  const members = Object.entries({ ...biz, msg_id }).map(([name, value]) => `${JSON.stringify(name)} : ${JSON.stringify(value)}`);
  const content = `{ "return_code":${return_code},"return_msg" : ${JSON.stringify(return_msg)}, ${members.join(', ')} }`;
  return (how) => {
    const signature = how === 'none' ? '' : `,"sign":"${signText(world, how === 'good' ? content : `${content} `)}"`;
    return textReply(`{"response_biz_content":${content}${signature}}`, 'application/json;charset=UTF-8');
  };
}

type Notice = { readonly path: string; readonly api: string; readonly biz: Biz };

/** A notification: a form, signed together with the path that it is sent to. */
export function formOf(world: World, { own }: Merchant, { path, api, biz }: Notice, how: Signature) {
  const fields: Record<string, string> = {
    from: 'icbc-api',
    api,
    app_id: own.app_id ?? '',
    charset: 'UTF-8',
    format: 'json',
    encrypt_type: '',
    timestamp: formatShanghai(world.now()),
    biz_content: JSON.stringify({ return_code: 0, return_msg: 'success', ...biz }),
    sign_type: 'RSA',
  };
  const sign = signText(world, textToSign(how === 'good' ? path : `${path}/`, fields));
  return {
    headers: { 'Content-Type': 'application/x-www-form-urlencoded;charset=UTF-8' },
    body: new URLSearchParams(how === 'none' ? fields : { ...fields, sign }).toString(),
  };
}

/** Only an answer that the merchant signed, to this very message, counts. */
export function acknowledges(body: string, { own }: Merchant, msg_id: string): boolean {
  const to = body.lastIndexOf(',"sign"');
  const answer = readAnswer(body);
  if (to < 0 || answer?.response_biz_content?.return_code !== 0 || answer.response_biz_content.msg_id !== msg_id) return false;
  return verify('sha1', Buffer.from(body.slice(1, to)), createPublicKey(own.public_pem ?? ''), Buffer.from(answer.sign ?? '', 'base64'));
}

type Answer = { readonly response_biz_content?: { readonly return_code?: unknown; readonly msg_id?: unknown }; readonly sign?: string };

function readAnswer(body: string): Answer | undefined {
  try {
    return JSON.parse(body) as Answer;
  } catch {
    return undefined;
  }
}
