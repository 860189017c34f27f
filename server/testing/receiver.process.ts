import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { isShareable, openListeners } from '../platform/http/listeners.ts';

/**
 * The merchants' receiver: verifies each webhook as a merchant would, acknowledges it, and tells the load generator over
 * IPC which payment it was for. The secret of an endpoint comes over IPC once the endpoint exists; the merchants share this
 * address and each signs with its own. On request it fails every so many.
 */
const webhooks: Webhook[] = [];
let fail_every = 0;
let received = 0;

const server = createServer((incoming, answer) => {
  const chunks: Buffer[] = [];
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
  incoming.once('end', () => {
    try {
      const body = Buffer.concat(chunks).toString('utf8');
      const event = verify(body, incoming.headers as Record<string, string>);
      received++;
      if (fail_every > 0 && received % fail_every === 0) {
        answer.writeHead(500).end();
        return;
      }
      answer.writeHead(204).end();
      process.send?.({ acknowledged: { event_id: event.id, type: event.type, object_id: event.data.id } });
    } catch (error) {
      process.send?.({ rejected: String(error) });
      answer.writeHead(400).end();
    }
  });
});

type Event = { readonly id: string; readonly type: string; readonly data: { readonly id: string } };

function verify(body: string, headers: Record<string, string>): Event {
  let refused: unknown = new Error('no secret yet');
  for (const webhook of webhooks) {
    try {
      return webhook.verify(body, headers) as Event;
    } catch (error) {
      refused = error;
    }
  }
  throw refused;
}

process.on('message', (message: { secret?: string; fail_every?: number }) => {
  if (message.secret !== undefined) webhooks.unshift(new Webhook(message.secret));
  if (message.fail_every !== undefined) fail_every = message.fail_every;
});
process.on('SIGTERM', () => {
  server.closeAllConnections();
  server.close(() => process.exit(0));
});
server.keepAliveTimeout = 60_000;
const is_shared = await isShareable({ host: '127.0.0.1', port: 0 });
server.listen({ host: '127.0.0.1', port: 0, reusePort: is_shared }, async () => {
  const { port } = server.address() as AddressInfo;
  if (is_shared) await openListeners(server, { host: '127.0.0.1', port });
  process.send?.({ ready: port });
});
