import { connect } from 'node:net';

/** What came back. The body is whatever JSON came. */
// biome-ignore lint/suspicious/noExplicitAny: a test reads answers of every shape, errors included
export type Answer = { readonly status: number; readonly headers: Headers; readonly text: string; readonly body: any };
export type Shot = { readonly method?: string; readonly headers?: Record<string, string>; readonly body?: string | Uint8Array };

/** Requests that attacks of this process have sent. */
let requests = 0;
export const requestsSent = (): number => requests;

/** Sends one request as any HTTP client would. */
export async function shoot(url: string, { method = 'GET', headers = {}, body }: Shot = {}): Promise<Answer> {
  requests += 1;
  const answer = await fetch(url, { method, headers, redirect: 'manual', ...(body === undefined ? {} : { body }) });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, text, body: /^[[{]/.test(text) ? JSON.parse(text) : undefined };
}

/** Says something on a connection of its own, byte for byte, and hears until the other side has closed it. */
export function talk(port: number, bytes: string | Uint8Array): Promise<string> {
  requests += 1;
  return new Promise((resolve) => {
    let heard = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.setEncoding('latin1').on('data', (data) => {
      heard += data;
    });
    // A server that resets the connection has closed it too.
    socket.on('error', () => undefined).on('close', () => resolve(heard));
  });
}
