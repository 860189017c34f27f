import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Heliu, type HeliuOptions } from '../index.ts';
import { defaultRuntime } from '../runtime.ts';

/** A request as it came over the wire. */
export type Recorded = { readonly method: string; readonly url: string; readonly headers: IncomingMessage['headers']; readonly body: string };

/** What the server does with the next request. */
export type Reply =
  | { readonly status: number; readonly json?: unknown; readonly text?: string; readonly headers?: Record<string, string> }
  /** Closes the connection without an answer. */
  | 'drop'
  /** Never answers. */
  | 'hang';

/** A real HTTP server that records requests and answers by a script: the list is used up, the last entry repeats. */
export async function scriptedApi(script: readonly Reply[] | ((request: Recorded) => Reply)) {
  const requests: Recorded[] = [];
  const server = createServer(async (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const request = { method: incoming.method ?? '', url: incoming.url ?? '', headers: incoming.headers, body: Buffer.concat(chunks).toString() };
    requests.push(request);
    const reply = typeof script === 'function' ? script(request) : (script[requests.length - 1] ?? script.at(-1));
    if (reply === undefined || reply === 'drop') incoming.socket.destroy();
    else if (reply !== 'hang')
      outgoing.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers }).end(reply.text ?? JSON.stringify(reply.json));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const slept_ms: number[] = [];
  return {
    baseUrl,
    requests,
    /** Rests that the client asked for; none is really taken. */
    slept_ms,
    client: (options: Partial<HeliuOptions> = {}) => {
      const sleep = (ms: number) => Promise.resolve(void slept_ms.push(ms));
      const runtime = { ...defaultRuntime, sleep, ...options.runtime };
      return new Heliu({ baseUrl, ...(options.signing ? {} : { apiKey: 'sk_test_CANARY' }), ...options, runtime } as HeliuOptions);
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Runs against a scripted server and closes it, whatever happens. */
export async function withApi(script: Parameters<typeof scriptedApi>[0], use: (api: Awaited<ReturnType<typeof scriptedApi>>) => Promise<void>): Promise<void> {
  const api = await scriptedApi(script);
  try {
    await use(api);
  } finally {
    await api.close();
  }
}

/** An error as the API gives it. */
export const errorReply = (status: number, code: string, retryable: boolean, headers: Record<string, string> = {}): Reply => ({
  status,
  headers,
  json: { error: { code, message: 'In English.', message_zh: '中文。', request_id: 'req_1', doc_url: 'https://example.com/errors', retryable } },
});

/** As much of a payment as the SDK looks at. */
export const paymentReply = (status = 200): Reply => ({ status, json: { object: 'payment', id: 'pay_01JD0000000000000000000000', amount_fen: 100 } });
