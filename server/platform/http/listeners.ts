import { createServer, type ListenOptions, type Server } from 'node:net';
import { listeners_per_port } from '../../kernel/limits.ts';

/** The sockets on which a port is listened to beside the server's own. */
export type Listeners = { readonly close: () => void };

/**
 * Node takes one connection from a listening socket at each turn of its event loop. When the loop is busy a turn takes
 * milliseconds: a crowd that comes over new connections then waits for seconds before anyone could refuse it, and what no
 * longer fits into the queue of the socket is dropped by the system and comes back after seconds, or not at all. With several
 * sockets on one port the system deals the connections out to them, and each gives one at a turn.
 *
 * The server's own has to listen with `reusePort`. Where the system cannot share a port, that one stays alone.
 */
export async function openListeners(server: Server, where: ListenOptions): Promise<Listeners> {
  const opened: Server[] = [];
  const close = () => {
    for (const each of opened) each.close();
  };
  try {
    for (let nth = 1; can_share_ports && nth < listeners_per_port; nth++) {
      // As an HTTP server has its connections: half open until it has answered, and without Nagle's wait.
      const each = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => void server.emit('connection', socket));
      await listen(each, { ...where, reusePort: true });
      opened.push(each);
    }
  } catch (error) {
    close();
    throw error;
  }
  return { close };
}

/** Node knows `reusePort` elsewhere too, but only Linux deals connections out fairly, whatever the order in which sockets came. */
export const can_share_ports = process.platform === 'linux';

/** Throws `EADDRINUSE` when anyone has the port: a socket that shares it would not notice. */
export async function assertFree(where: ListenOptions): Promise<void> {
  if (!can_share_ports || where.port === 0) return;
  const probe = createServer();
  await listen(probe, where);
  await new Promise((resolve) => probe.close(resolve));
}

const listen = (server: Server, where: ListenOptions): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      server.off('error', reject);
      resolve();
    });
  });
