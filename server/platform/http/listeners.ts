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
 * The server's own has to listen with `reusePort`, on a port that `isShareable`; where none is, it stays alone.
 */
export async function openListeners(server: Server, where: ListenOptions): Promise<Listeners> {
  const opened: Server[] = [];
  const close = () => {
    for (const each of opened) each.close();
  };
  try {
    for (let nth = 1; nth < listeners_per_port; nth++) {
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

/** Whether several sockets may listen to the port on this system. Throws `EADDRINUSE` when anyone has it: a socket that shares it would not notice. */
export async function isShareable(where: ListenOptions): Promise<boolean> {
  if (where.port !== 0) await tryOut(where);
  try {
    await tryOut({ ...where, reusePort: true });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTSUP') return false;
    throw error;
  }
}

async function tryOut(where: ListenOptions): Promise<void> {
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
