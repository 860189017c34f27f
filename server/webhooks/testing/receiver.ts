import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Cleaner } from './node.ts';

export type Received = { readonly path: string; readonly headers: Record<string, string>; readonly body: string };
export type Receiver = {
  readonly url: string;
  readonly received: Received[];
  /** How it answers from now on; 200 unless told. */
  answer: (response: ServerResponse, request: Received) => void;
};

/** A merchant's server on a real socket. */
export async function aReceiver(t: Cleaner): Promise<Receiver> {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const one = { path: request.url ?? '', headers: request.headers as Record<string, string>, body: Buffer.concat(chunks).toString() };
    received.push(one);
    receiver.answer(response, one);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`,
    received,
    answer: (response) => response.end(),
  };
  return receiver;
}
