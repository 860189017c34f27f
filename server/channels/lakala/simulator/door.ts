import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { formatShanghaiCompact } from '../../../kernel/time.ts';
import { makeClientCertificate, makeRsaPair } from '../../kit/gateway/keys.ts';
import { type RawRequest, type Received, type Signature, type Trouble, textReply, type Unsealed, type WireReply } from '../../kit/gateway/wire.ts';
import type { Merchant, World } from '../../kit/gateway/world.ts';
import type { Calls, Result } from './calls.ts';

/** The door: a signature over the exact bytes in both directions, with a clock check. */

export async function enroll(world: World): Promise<Record<string, unknown>> {
  const no = `8222${world.digits(11)}`;
  const pair = await makeRsaPair();
  const gateway = await makeClientCertificate(world, 'APIGW.LAKALA.COM');
  const own = { appid: `OP${world.digits(8)}`, serial_no: `00${world.hex(16)}`, term_no: `A${world.digits(7)}` };
  world.put('merchant', { no, own: { ...own, public_pem: pair.public_pem, gateway_key: gateway.private_pem, gateway_serial: gateway.serial_no } });
  return {
    ...own,
    private_key: pair.private_pem,
    gateway_certificate: gateway.certificate_pem,
    merchant_no: no,
    sub_appid: `wx${world.hex(16)}`,
    unknown_order_code: 'BBS99404',
    gateway_url: world.ports.base_url,
  };
}

const clock_slack_s = 300;

export function receive(world: World, request: RawRequest, calls: Calls): Received {
  const parts = Object.fromEntries([...(request.headers.authorization ?? '').matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
  const { appid = '', serial_no = '', timestamp = '', nonce_str = '', signature = '' } = parts as Record<string, string>;
  const body = request.body.toString('utf8');
  const data = (readBody(body)?.req_data ?? {}) as Record<string, unknown>;
  const merchant = world.tables.merchant.get(String(data.merchant_no ?? ''));
  if (merchant === undefined || merchant.own.appid !== appid || merchant.own.serial_no !== serial_no) return { reply: atDoor('SACS0002', '商户或证书不存在') };
  if (Math.abs(world.now_ms() / 1000 - Number(timestamp)) > clock_slack_s) return { reply: atDoor('SACS0003', '请求时间超出范围') };
  const text = `${appid}\n${serial_no}\n${timestamp}\n${nonce_str}\n${body}\n`;
  if (!verify('sha256', Buffer.from(text), createPublicKey(merchant.own.public_pem ?? ''), Buffer.from(signature, 'base64'))) {
    return { reply: atDoor('SACS0001', '验签失败') };
  }
  const call = calls(request.path, merchant, data);
  if (!call) return { reply: textReply('', 'text/plain', 404) };
  return { call: { name: call.name, names: call.names, run: () => sealed(world, merchant, call.run()), fail: (trouble) => (trouble === 'rate_limit' ? () => textReply('', 'text/plain', 429) : sealed(world, merchant, troubleOf(trouble))) } }; // biome-ignore format: one call
}

function readBody(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function troubleOf(trouble: Exclude<Trouble, 'rate_limit'>): Result {
  if (typeof trouble === 'object') return { code: trouble.code, msg: '失败' };
  return trouble === 'server_error' ? { code: 'BBS10000', msg: '系统异常' } : { code: 'BBS77777', msg: '从未见过的代码' };
}

/** What cannot be believed is answered without a signature. */
const atDoor = (code: string, msg: string): WireReply => textReply(JSON.stringify({ code, msg }), 'application/json');

/** Keys of an answer stand as no serialiser of ours would put them, so that only the bytes can be verified. */
function sealed(world: World, { own }: Merchant, result: Result): Unsealed {
  return (how) => {
    const data = 'data' in result ? `,"resp_data": ${JSON.stringify(result.data)}` : '';
    const { code, msg } = 'data' in result ? { code: 'BBS00000', msg: '成功' } : result;
    const body = `{ "msg":"${msg}","resp_time" : "${formatShanghaiCompact(world.now())}", "code":"${code}"${data} }`;
    if (how === 'none') return textReply(body, 'application/json');
    const head = [own.appid ?? '', own.gateway_serial ?? '', String(Math.floor(world.now_ms() / 1000)), world.hex(24)];
    const [Appid = '', Serial = '', Timestamp = '', Nonce = ''] = head;
    const headers = { 'Lklapi-Appid': Appid, 'Lklapi-Serial': Serial, 'Lklapi-Timestamp': Timestamp, 'Lklapi-Nonce': Nonce, 'Lklapi-Traceid': world.hex(16) };
    const signature = signText(own, [...head, how === 'good' ? body : `${body} `]);
    return { status: 200, headers: { 'Content-Type': 'application/json', ...headers, 'Lklapi-Signature': signature }, body };
  };
}

const signText = (own: Merchant['own'], lines: readonly string[]): string =>
  sign('sha256', Buffer.from(lines.map((line) => `${line}\n`).join('')), createPrivateKey(own.gateway_key ?? '')).toString('base64');

export function signedNotice(world: World, { own }: Merchant, body: string, how: Signature) {
  const timestamp = String(Math.floor(world.now_ms() / 1000));
  const nonce = world.hex(24);
  const signature = signText(own, [timestamp, nonce, how === 'good' ? body : `${body} `]);
  const Authorization = `LKLAPI-SHA256withRSA timestamp="${timestamp}",nonce_str="${nonce}",signature="${signature}"`;
  return { headers: { 'Content-Type': 'application/json', Authorization }, body };
}
