import { type Method, methods, type Wallet } from '@heliu/contract';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { channels } from '../channels/registry.ts';
import { amount_fen_max } from '../kernel/limits.ts';
import { randomHex } from '../kernel/rng.ts';
import type { Secret } from '../kernel/secret.ts';
import type { Ctx } from '../platform/ctx.ts';
import type { DemoFile } from './demo-file.ts';
import type { Gateway } from './demo-merchant.ts';
import type { MerchantAnswer, MerchantApi, MerchantCall } from './merchant-api.ts';
import { qrSvg } from './qr.ts';

type Start = {
  readonly ctx: Ctx;

  readonly gateways: readonly Gateway[];
  readonly demo: () => DemoFile;
  readonly api: () => MerchantApi;
};

/** What the start page asks: the demo, and the merchant API called with the demo key so that the key stays out of the page's logic. */
export function mountPayments(app: FastifyInstance, start: Start): void {
  app.get('/demo', () => demoView(start));
  app.get('/payments', (_request, reply) => pass(start, reply, { method: 'GET', path: '/v1/payments?limit=20' }));
  app.post('/payments', (request, reply) => pass(start, reply, write(request, '/v1/payments')));
  app.get<ById>('/payments/:id', (request, reply) => pass(start, reply, { method: 'GET', path: `/v1/payments/${encodeURIComponent(request.params.id)}` }));
  for (const verb of ['close', 'cancel', 'sync']) {
    app.post<ById>(`/payments/:id/${verb}`, (request, reply) =>
      pass(start, reply, write(request, `/v1/payments/${encodeURIComponent(request.params.id)}/${verb}`)),
    );
  }
  app.post('/refunds', (request, reply) => pass(start, reply, write(request, '/v1/refunds')));
  app.get<ById>('/payments/:id/refunds', (request, reply) =>
    pass(start, reply, { method: 'GET', path: `/v1/refunds?limit=50&payment_id=${encodeURIComponent(request.params.id)}` }),
  );
}

type ById = { Params: { id: string } };

/** A write of a page as the API's own: body and idempotency key go on untouched. */
export function write(request: FastifyRequest, path: string): MerchantCall {
  const key = request.headers['idempotency-key'];
  return {
    method: 'POST',
    path,
    ...(request.body instanceof Buffer && request.body.length > 0 ? { body: request.body } : {}),
    ...(typeof key === 'string' ? { idempotency_key: key } : {}),
  };
}

async function pass(start: Start, reply: FastifyReply, call: MerchantCall): Promise<FastifyReply> {
  return answer(reply, await start.api()(call));
}

/** The API's answer; where it asks for a QR code, the drawn code goes with it in a member of our own. */
export function answer(reply: FastifyReply, { status, body }: MerchantAnswer): FastifyReply {
  reply.code(status).type('application/json; charset=utf-8');
  const value: unknown = JSON.parse(body);
  const qr_svg = drawn(value);
  return reply.send(qr_svg === undefined ? body : JSON.stringify({ ...(value as object), qr_svg }));
}

function drawn(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('next_action' in value)) return undefined;
  const action = value.next_action as { type?: unknown; qr_content?: unknown };
  return action.type === 'show_qr' && typeof action.qr_content === 'string' ? qrSvg(action.qr_content) : undefined;
}

function demoView({ ctx, gateways, demo }: Start) {
  const { public_url, data_dir, database_url, sandbox_time_scale } = ctx.config;
  const taken: readonly Method[] = [...new Set(gateways.flatMap(({ simulator }) => Object.keys(channels.get(simulator.channel)?.pay ?? {}) as Method[]))];
  const wallets = [...new Set(taken.map((method) => methods[method].wallet))];
  return {
    public_url,
    api_key: demo().api_key,
    merchant_id: demo().merchant_id,
    database: database_url && placeOf(database_url),
    data_dir,
    time_scale: sandbox_time_scale,
    amount_fen_max,
    methods: taken.map((method) => ({ method, ...methods[method] })),
    // A payer as a merchant's page would have learnt it from the wallet's sign-in.
    payer_ids: Object.fromEntries(wallets.map((wallet) => [wallet, payerId(ctx, wallet)])),
  };
}

/** In the form of the wallet where it has one. */
function payerId({ rng }: Ctx, wallet: Wallet): string {
  if (wallet === 'wechat') return `o${randomHex(rng, 14).slice(0, 27)}`;
  return wallet === 'alipay' ? `2088${randomDigits(randomHex(rng, 8), 12)}` : `payer${randomHex(rng, 8)}`;
}

/** Where the database is, without who may enter it. */
function placeOf(database_url: Secret): string {
  const { host, pathname } = new URL(database_url.expose());
  return host + pathname;
}

const randomDigits = (hex: string, length: number): string => BigInt(`0x${hex}`).toString().padStart(length, '0').slice(-length);
