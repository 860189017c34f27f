import type { FastifyInstance } from 'fastify';
import { type Rng, randomHex } from '../kernel/rng.ts';

/** One call of the merchant API as the demo merchant, through the same authentication, validation and limits as any other. */
export type MerchantApi = (call: MerchantCall) => Promise<MerchantAnswer>;
export type MerchantCall = {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** The JSON as it came from the page, so that the API itself judges every byte of it. */
  readonly body?: string | Buffer;
  /** A page sends its own, so that a repeated click is the same request; a fresh one otherwise. */
  readonly idempotency_key?: string;
};
export type MerchantAnswer = { readonly status: number; readonly body: string };

/** Calls the API inside the process: no port, proxy or certificate stands between the pages and the API. */
export function merchantApi(app: FastifyInstance, key: string, rng: Rng): MerchantApi {
  return async (call) => {
    const write = call.method === 'POST' ? { 'idempotency-key': call.idempotency_key ?? randomHex(rng, 16) } : {};
    const body = call.body === undefined ? {} : { 'content-type': 'application/json' };
    const answer = await app.inject({
      method: call.method,
      url: call.path,
      headers: { authorization: `Bearer ${key}`, ...write, ...body },
      ...(call.body === undefined ? {} : { payload: call.body }),
    });
    return { status: answer.statusCode, body: answer.body };
  };
}
