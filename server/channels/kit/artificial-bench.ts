import { createSecretKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { toFen } from '../../kernel/money.ts';
import type { Rng } from '../../kernel/rng.ts';
import { Secret } from '../../kernel/secret.ts';
import type { Clock } from '../../kernel/time.ts';
import { createHttpOut } from '../../platform/egress.ts';
import { createLog } from '../../platform/log.ts';
import { createMetrics } from '../../platform/metrics.ts';
import { createChannelClient } from '../client.ts';
import type { Account, Channel, OrderInput, PayInput, RefundInput } from '../define.ts';
import { type ArtificialConfig, artificial, macOf, signedHeaders } from './artificial-channel.ts';
import { httpAnswer, openRawGateway, type RawAnswer, type RawGateway } from './test-raw-gateway.ts';

/** The merchant's. */
export const keyPair = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const private_pem = keyPair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const secretKey = (byte: number) => createSecretKey(Buffer.alloc(32, byte));
/** Signs the list of keys. */
export const root = secretKey(9);
/** The gateway's keys by serial. */
export const ring: Record<string, KeyObject> = { A: secretKey(1), B: secretKey(2) };

/** A client of the artificial channel with a log, metrics and connections of its own, and a gateway that lists key A. */
export async function openArtificialBench<C extends Clock>({
  clock,
  rng,
  channel = artificial,
}: {
  readonly clock: C;
  readonly rng: Rng;
  readonly channel?: typeof artificial;
}) {
  const gateway = await openRawGateway();
  const lines: string[] = [];
  const log = createLog('debug', clock, { write: (line) => lines.push(line) });
  const metrics = createMetrics({ process_metrics: false });
  const http = createHttpOut(
    { mode: 'sandbox', public_url: 'http://127.0.0.1', egress_allow: ['127.0.0.0/8'], webhook_allow_http: false, webhook_ports: [443] },
    clock,
  );
  const client = createChannelClient({ clock, rng, http, log, metrics }, new Map([['artificial', channel as Channel]]));
  listKeys(gateway, ['A']);
  const close = async () => {
    await http.close();
    await gateway.close();
  };
  return { gateway, clock, lines, metrics, client, account: anAccount(gateway.origin), close };
}

/** An account whose gateway is there. */
export function anAccount(origin: string, id = 'acc_1'): Account<ArtificialConfig> {
  const config = { origin, private_key: new Secret(private_pem), root_secret: new Secret(root.export().toString('hex')) };
  return { id, version: 3, merchant_id: 'mer_1', merchant_code: 'ABCDEF', livemode: false, channel: 'artificial', config };
}

/** What the gateway lists from now on. */
export function listKeys(gateway: RawGateway, serials: readonly string[]): void {
  const body = JSON.stringify(Object.fromEntries(serials.map((serial) => [serial, ring[serial]?.export().toString('hex')])));
  gateway.answer('/keys', (socket) => socket.write(httpAnswer(200, { 'x-mac': macOf(root, body) }, body)));
}

/** A truly signed answer. */
export const signed = (body: string, serial = 'A', status = 200) => httpAnswer(status, signedHeaders(serial, ring[serial] as KeyObject, body), body);
/** Answers with these bytes and keeps the connection. */
export const write =
  (bytes: Buffer): RawAnswer =>
  (socket) =>
    socket.write(bytes);
/** Answers with these bytes and closes. */
export const end =
  (bytes: Buffer | string): RawAnswer =>
  (socket) =>
    socket.end(bytes);
/** Answers with nothing but a reset. */
export const reset: RawAnswer = (socket) => socket.resetAndDestroy();
/** One answer after the other; the last one stays. */
export function inTurn(...answers: readonly RawAnswer[]): RawAnswer {
  const left = [...answers];
  return (socket, request) => (left.length > 1 ? left.shift() : left[0])?.(socket, request);
}

export const paid = '{"code":"PAID","success":{"id":"T1","amount_fen":100}}';
export const html = '<html><body>502 Bad Gateway</body></html>';
export const no = 'ABCDEF01JD0000000000000000000000';
const created_at = new Date('2026-11-22T03:59:59Z');
const expires_at = new Date('2026-11-22T05:00:00Z');

export const aPay = (changes: Partial<PayInput> = {}): PayInput => ({
  channel_order_no: no,
  method: 'wechat_qr',
  amount_fen: toFen(100),
  currency: 'CNY',
  subject: 'A cup of tea',
  created_at,
  expires_at,
  notify_url: 'https://heliu.example/notify',
  ...changes,
});
export const anOrder: OrderInput = { channel_order_no: no, method: 'wechat_qr', amount_fen: toFen(100), created_at, expires_at };
export const aRefund: RefundInput = {
  channel_order_no: no,
  channel_transaction_id: 'T1',
  channel_refund_no: 'ABCDEF01JD0000000000000000000001',
  method: 'wechat_qr',
  amount_fen: toFen(40),
  total_fen: toFen(100),
  currency: 'CNY',
  created_at,
  order_created_at: created_at,
  notify_url: 'https://heliu.example/notify',
};
/** How often a path was asked. */
export const sendsOf = (gateway: RawGateway, path: string) => gateway.requests.filter((request) => request.path === path).length;
export const unknown = (cause: string) => ({ is: 'unknown', cause });
/** The fact without its words for people. */
export function essence(fact: { readonly is: string; readonly cause?: string }) {
  return fact.is === 'unknown' ? unknown(fact.cause ?? '') : fact;
}
