import { examples, type Operation, operations, type Scope, scopes } from '@heliu/contract';
import type { FastifyInstance } from 'fastify';
import { type TestCtx, testCtx } from '../../testing/ctx.ts';
import type { Config } from '../config.ts';
import type { Ctx } from '../ctx.ts';
import { bindOperation, type Call } from './bind.ts';
import type { Authenticate } from './edge.ts';
import { createHttpServer, type HttpParts, type HttpServer } from './server.ts';

/** A server on a real socket whose operations answer with their examples, for tests of the edge alone. */
export type TestServer = TestCtx & {
  readonly server: HttpServer;
  readonly url: string;
  /** What the handlers were called with. */
  readonly calls: Call<Operation>[];
  readonly log_lines: Record<string, unknown>[];
  /** Sends a request and reads the JSON answer. */
  readonly send: (method: string, path: string, options?: SendOptions) => Promise<Answer>;
};
export type SendOptions = { readonly headers?: Record<string, string>; readonly json?: unknown; readonly body?: string | Uint8Array };
export type Answer = { readonly status: number; readonly headers: Headers; readonly text: string; readonly body: never };

export type TestServerOptions = Partial<HttpParts> & {
  readonly config?: Partial<Config>;
  readonly scopes_allowed?: readonly Scope[];
  /** Another node of the same installation. */
  readonly beside?: TestCtx;
  /** Real authentication in place of one that lets everybody in. */
  readonly authenticateWith?: (ctx: Ctx) => Authenticate;
  /** How long statements wait for a connection. */
  readonly waiting_ms?: () => number;
  /** Takes the place of the example's answer. */
  readonly handle?: (call: Call<Operation>, operation: Operation) => Promise<unknown>;
};

export async function startTestServer({
  config,
  beside,
  scopes_allowed = scopes,
  handle,
  authenticateWith,
  waiting_ms,
  ...parts
}: TestServerOptions = {}): Promise<TestServer> {
  const calls: Call<Operation>[] = [];
  const log_lines: Record<string, unknown>[] = [];
  const node = await testCtx({
    ...(config === undefined ? {} : { config }),
    ...(beside === undefined ? {} : { beside }),
    log: { write: (line) => void log_lines.push(JSON.parse(line)) },
  });
  const caller = { merchant_id: 'mer_01KAK000000000000000000000', livemode: false, api_key_id: 'key_01KAK000000000000000000000', scopes: scopes_allowed };
  const authenticate: Authenticate = authenticateWith?.(node.ctx) ?? (() => ({ caller }));
  const answer = (call: Call<Operation>, operation: Operation) => {
    calls.push(call);
    return handle ? handle(call, operation) : Promise.resolve(examples[operation.id]?.response);
  };
  const bindOperations = (scope: FastifyInstance) => {
    for (const operation of operations as readonly Operation[]) bindOperation(scope, node.ctx, operation, (call) => answer(call, operation) as never);
  };
  const ctx = waiting_ms ? { ...node.ctx, db: { ...node.ctx.db, waiting_ms } } : node.ctx;
  const server = await createHttpServer(ctx, { authenticate, bindOperations, ...parts });
  const { port } = await server.listen();
  const url = `http://127.0.0.1:${port}`;
  return {
    ...node,
    server,
    url,
    calls,
    log_lines,
    send: async (method, path, { headers = {}, json, body } = {}) => {
      const answer = await fetch(`${url}${path}`, {
        method,
        headers: { ...(json === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(json === undefined ? {} : { body: JSON.stringify(json) }),
        ...(body === undefined ? {} : { body }),
      });
      const text = await answer.text();
      return { status: answer.status, headers: answer.headers, text, body: (text.startsWith('{') ? JSON.parse(text) : undefined) as never };
    },
    close: async () => {
      await server.stop(0);
      await node.close();
    },
  };
}
