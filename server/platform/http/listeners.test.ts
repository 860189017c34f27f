import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { describe, it } from 'node:test';
import { isShareable, openListeners } from './listeners.ts';

const skip = (await isShareable({ host: '127.0.0.1', port: 0 })) ? false : 'several sockets cannot listen to one port on this system';
const crowd = 256;

async function aServer() {
  const server = createServer((_request, answer) => answer.end('served'));
  server.listen({ host: '127.0.0.1', port: 0, reusePort: true });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const listeners = await openListeners(server, { host: '127.0.0.1', port });
  const close = () => {
    listeners.close();
    server.close();
    server.closeAllConnections();
  };
  return { server, port, close };
}

describe('several sockets on one port', { skip }, () => {
  it('L-07 let a crowd of new connections in within a few turns of the event loop', async () => {
    const { server, port, close } = await aServer();
    try {
      let let_in = 0;
      server.on('connection', () => {
        let_in += 1;
      });
      // Nothing is taken in meanwhile: they all stand in the queues when the next turn begins.
      const connect = `let there = 0; for (let nth = 0; nth < ${crowd}; nth++) require('node:net').connect(${port}, '127.0.0.1', () => ++there === ${crowd} && process.exit());`;
      assert.equal(spawnSync(process.execPath, ['-e', connect], { timeout: 60_000 }).status, 0);
      let turns = 0;
      while (let_in < crowd && turns < crowd) {
        await new Promise((resolve) => setImmediate(resolve));
        turns += 1;
      }
      // One socket alone takes as many turns as there are connections.
      assert.ok(let_in === crowd && turns < crowd / 4, `${let_in} were let in within ${turns} turns`);
    } finally {
      close();
    }
  });

  it('serve whoever comes, and nobody once they are closed', async () => {
    const { port, close } = await aServer();
    try {
      const texts = await Promise.all(
        Array.from({ length: 64 }, async () => (await fetch(`http://127.0.0.1:${port}`, { headers: { connection: 'close' } })).text()),
      );
      assert.deepEqual([...new Set(texts)], ['served']);
    } finally {
      close();
    }
    for (let nth = 0; nth < 64; nth++) await assert.rejects(fetch(`http://127.0.0.1:${port}`));
  });

  it('are not opened beside those of another, which would share without a word', async () => {
    const { port, close } = await aServer();
    try {
      await assert.rejects(isShareable({ host: '127.0.0.1', port }), { code: 'EADDRINUSE', port });
    } finally {
      close();
    }
    await isShareable({ host: '127.0.0.1', port });
    const other = createTcpServer().listen(port, '127.0.0.1');
    await once(other, 'listening');
    await assert.rejects(isShareable({ host: '127.0.0.1', port }), { code: 'EADDRINUSE' });
    other.close();
  });
});
