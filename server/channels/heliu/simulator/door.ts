import { createHash, createHmac, createPublicKey, KeyObject, verify, webcrypto } from 'node:crypto';
import { type ErrorCode, Event, errors, errorText } from '@heliu/contract';
import { assert } from '../../../kernel/assert.ts';
import type { Gateway } from '../../kit/gateway/gateway.ts';
import type { Told } from '../../kit/gateway/notifier.ts';
import { type RawRequest, type Received, type Signature, type Trouble, textReply, type WireReply } from '../../kit/gateway/wire.ts';
import type { Merchant, World } from '../../kit/gateway/world.ts';
import type { Calls, Result } from './calls.ts';
import { inContract, paymentView, refundView } from './views.ts';

/** The door: an API key or a signature that covers method, address and body; JSON that nobody signs; webhooks that are signed. */

export async function enroll(world: World, signs: boolean): Promise<Record<string, unknown>> {
  const merchant_code = world.digits(6);
  const webhook_secret = `whsec_${Buffer.from(world.hex(64), 'hex').toString('base64')}`;
  const known = { gateway_url: world.ports.base_url, merchant_code, webhook_secret };
  if (!signs) {
    const api_key = `sk_test_${world.hex(43)}`;
    world.put('merchant', { no: merchant_code, own: { api_key, webhook_secret } });
    return { ...known, api_key };
  }
  const { publicKey, privateKey } = (await webcrypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const signing_key_id = `key_${world.digits(26)}`;
  const public_pem = KeyObject.from(publicKey).export({ type: 'spki', format: 'pem' }).toString();
  world.put('merchant', { no: merchant_code, own: { signing_key_id, public_pem, webhook_secret } });
  return { ...known, signing_key_id, signing_private_key: KeyObject.from(privateKey).export({ type: 'pkcs8', format: 'pem' }).toString() };
}

export function merchantOf(world: World, { merchant_code }: Readonly<Record<string, unknown>>): Merchant {
  const merchant = world.tables.merchant.get(String(merchant_code));
  assert(merchant, 'the settings are those of a merchant here');
  return merchant;
}

export function receive(world: World, request: RawRequest, calls: Calls): Received {
  // What a payer's phone or browser opens.
  if (request.method === 'GET' && request.path.startsWith('/pay/')) return { reply: textReply('<!doctype html><title>收银台（模拟）</title>', 'text/html') };
  const merchant = [...world.tables.merchant.values()].find((each) => isGenuine(world, request, each));
  if (!merchant) return { reply: failed('unauthenticated') };
  const body = parsed(request);
  if (body === malformed) return { reply: failed('malformed_json') };
  const call = calls(merchant, { method: request.method, path: request.path, query: request.query, body });
  if (!call) return { reply: failed('route_unknown') };
  return { call: { name: call.name, run: () => unsigned(answerOf(call.run())), fail: (trouble) => unsigned(troubleOf(trouble)) } };
}

const unsigned = (reply: WireReply) => () => reply;
const malformed = Symbol('malformed');

function parsed({ headers, body }: RawRequest): unknown {
  if (body.length === 0) return undefined;
  if (headers['content-type'] !== 'application/json') return malformed;
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return malformed;
  }
}

function isGenuine(world: World, request: RawRequest, { own }: Merchant): boolean {
  if (own.api_key !== undefined) return request.headers.authorization === `Bearer ${own.api_key}`;
  return own.public_pem !== undefined && isSigned(world, request, own.signing_key_id ?? '', own.public_pem);
}

/** Covers exactly what decides the request; the body by its digest. */
function isSigned(world: World, { method, path, query, headers, body }: RawRequest, key_id: string, public_pem: string): boolean {
  const [, label, params = '', names = '', created = ''] =
    /^(\w+)=(\(([^)]*)\);created=(\d+);nonce="[!-~]{16,128}";keyid="[^"]+";alg="ed25519")$/.exec(headers['signature-input'] ?? '') ?? [];
  if (!params.includes(`keyid="${key_id}"`) || Math.abs(world.now_ms() / 1000 - Number(created)) > 300) return false;
  if (names !== (body.length === 0 ? '"@method" "@target-uri"' : '"@method" "@target-uri" "content-digest"')) return false;
  const digest = `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;
  if (body.length > 0 && headers['content-digest'] !== digest) return false;
  const url = `${world.ports.base_url}${path}${query === '' ? '' : `?${query}`}`;
  const lines = [
    `"@method": ${method}`,
    `"@target-uri": ${url}`,
    ...(body.length === 0 ? [] : [`"content-digest": ${digest}`]),
    `"@signature-params": ${params}`,
  ];
  const signature = new RegExp(`^${label}=:([^:]+):$`).exec(headers.signature ?? '')?.[1] ?? '';
  return verify(null, Buffer.from(lines.join('\n')), createPublicKey(public_pem), Buffer.from(signature, 'base64'));
}

const json = (status: number, value: unknown): WireReply => textReply(JSON.stringify(value), 'application/json; charset=utf-8', status);
const answerOf = (result: Result): WireReply => ('error' in result ? failed(result.error) : json(result.status, result.body));

const failed = (code: ErrorCode): WireReply => {
  const { status, retryable } = errors[code];
  return json(status, { error: { code, ...errorText(code), request_id: 'req_simulated', doc_url: `https://pay.example/docs#error-${code}`, retryable } });
};

function troubleOf(trouble: Trouble): WireReply {
  if (typeof trouble === 'object') return failed(trouble.code as ErrorCode);
  if (trouble === 'rate_limit') return failed('rate_limited');
  return trouble === 'server_error' ? failed('internal_error') : json(409, { error: { code: 'never_heard_of', message: 'x', message_zh: '从未见过的错误' } });
}

/** A webhook, frozen but for its time and signature; who watches the gateway hears which order or refund it is about. */
export function webhookOf(gateway: Gateway, { signer, order, refund, id }: Told, how: Signature) {
  const { world } = gateway;
  const event = inContract(Event, {
    object: 'event',
    id: `evt_${id.toUpperCase().slice(0, 26)}`,
    type: refund === undefined ? 'payment.paid' : refund.state === 'failed' ? 'refund.refused' : 'refund.succeeded',
    livemode: false,
    created_at: new Date(refund?.settled_ms ?? order.paid_ms ?? world.now_ms()).toISOString(),
    data: refund === undefined ? paymentView(gateway, order) : refundView(order, refund),
  });
  const body = JSON.stringify(event);
  const timestamp = String(Math.floor(world.now_ms() / 1000));
  const secret = Buffer.from((signer.own.webhook_secret ?? '').slice('whsec_'.length), 'base64');
  const key = how === 'good' ? secret : Buffer.from('another secret');
  const signature = createHmac('sha256', key).update(`${event.id}.${timestamp}.${body}`).digest('base64');
  const headers: Record<string, string> = { 'content-type': 'application/json', 'webhook-id': event.id, 'webhook-timestamp': timestamp };
  if (how !== 'none') headers['webhook-signature'] = `v1,${signature}`;
  // The order's id keeps the number that it truly has, also where a fault makes the message name another.
  const [, order_no = ''] = order.id.split('/');
  const told = { order_no, transaction_id: order.transaction_id ?? '', ...(refund === undefined ? {} : { refund_no: refund.refund_no }) };
  return { headers, body, told };
}
