import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * The line between Heliu and one account's gateway, which a test can take down without anybody hearing of it: `requests` do
 * not arrive, or do and their `answers` do not come back. Connections stay open, so that only a deadline ends a call.
 */
export type Line = { readonly origin: string; lost: 'nothing' | 'requests' | 'answers'; readonly close: () => Promise<void> };

export async function openLine(gateway_url: string): Promise<Line> {
  const to = new URL(gateway_url);
  const carry = (incoming: IncomingMessage, reply: ServerResponse): void => {
    if (line.lost === 'requests') return;
    const { url: path, method, headers } = incoming;
    const onward = request({ host: to.hostname, port: to.port, path, method, headers }, (answer) => {
      if (line.lost === 'answers') return void answer.resume();
      reply.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(reply);
    });
    onward.once('error', () => reply.destroy());
    incoming.pipe(onward);
  };
  const server = createServer(carry);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  assert.notEqual(port, Number(to.port));
  const line: Line = {
    origin: `http://127.0.0.1:${port}`,
    lost: 'nothing',
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return line;
}
