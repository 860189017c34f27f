import { createServer, type Server, type Socket } from 'node:net';
import { createArrivals } from '../../testing/arrivals.ts';

/** A request as it arrived. */
export type RawRequest = { readonly method: string; readonly path: string; readonly headers: Readonly<Record<string, string>>; readonly body: string };

/** Writes whatever it likes to the connection, or nothing. */
export type RawAnswer = (socket: Socket, request: RawRequest) => void;

/** A host that answers with raw bytes, so that every way of answering badly can be had. */
export type RawGateway = {
  readonly origin: string;
  readonly requests: readonly RawRequest[];
  /** How requests of this path are answered from now on. */
  answer(path: string, answer: RawAnswer): void;
  /** Resolves when that many requests have arrived in all. */
  arrived(count: number): Promise<readonly RawRequest[]>;
  close(): Promise<void>;
};

/** Content type of a TLS record (RFC 8446, 5.1). */
const tls_handshake = 22;

export async function openRawGateway(): Promise<RawGateway> {
  const answers = new Map<string, RawAnswer>();
  const requests = createArrivals<RawRequest>();
  const sockets = new Set<Socket>();

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // A client that gives up resets the connection: that is its right here.
    socket.on('error', () => {});
    let received = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      // It speaks no TLS: the first byte of a handshake ends the conversation.
      if (received.length === 0 && chunk[0] === tls_handshake) socket.destroy();
      received = Buffer.concat([received, chunk]);
      const request = readRequest(received);
      if (!request) return;
      received = Buffer.alloc(0);
      requests.add(request);
      answers.get(request.path)?.(socket, request);
    });
  });
  const port = await listen(server);

  return {
    origin: `http://127.0.0.1:${port}`,
    requests: requests.all,
    answer: (path, answer) => answers.set(path, answer),
    arrived: requests.count,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address === null || typeof address === 'string') reject(new Error('no port'));
      else resolve(address.port);
    });
  });
}

/** One whole request, or undefined while bytes are missing. */
function readRequest(received: Buffer): RawRequest | undefined {
  const end = received.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [first = '', ...lines] = received.subarray(0, end).toString('latin1').split('\r\n');
  const headers = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]));
  const body = received.subarray(end + 4);
  if (body.length < Number(headers['content-length'] ?? 0)) return undefined;
  const [method = '', path = ''] = first.split(' ');
  return { method, path, headers, body: body.toString() };
}

/** A well-formed HTTP answer. */
export function httpAnswer(status: number, headers: Readonly<Record<string, string>>, body: string | Buffer): Buffer {
  const bytes = Buffer.from(body);
  const lines = Object.entries({ 'content-length': String(bytes.length), ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status} Something\r\n${lines.join('')}\r\n`), bytes]);
}
