import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket, connect as tcpConnect } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { type CommitFinder, createCommitFinder, endsInReady } from './commit-finder.ts';

/** What a connection suffers at the moment. */
export type Weather = {
  /** Each piece of data is held back so long, in both directions. */
  readonly latency_ms?: number;
  readonly bytes_per_s?: number;
  /** Connections are accepted and kept, and nothing passes: a cable that was pulled. */
  readonly hole?: boolean;
  /** Connections are reset at once. */
  readonly refuse?: boolean;
};

/** A wire of our own between two processes, in which things go wrong on command. */
export type Wire = {
  readonly port: number;
  /** Where it leads, in turn; one that refuses is passed over. */
  readonly lead: (ports: readonly number[]) => void;
  readonly weather: (weather: Weather) => void;
  /** Resets every connection of now; gives how many there were. */
  readonly cut: () => number;
  /** The far side loses every connection of now; the near side is not told until it is cut. Gives how many there were. */
  readonly halve: () => number;
  /**
   * The next commit that a PostgreSQL client sends is cut off: `before` the server has heard of it, or `after` it was done
   * and before the answer comes back. Resolves when that has happened; `disarm` when it need not any more.
   */
  readonly cutCommit: (when: 'before' | 'after') => { readonly done: Promise<void>; readonly disarm: () => void };
  readonly close: () => Promise<void>;
};

type Connection = { readonly near: Socket; readonly far: Socket; halved: boolean; swallow_answer: boolean };
type Cut = { readonly when: 'before' | 'after'; readonly done: () => void };

export async function openWire(ports: readonly number[] = []): Promise<Wire> {
  let targets = ports;
  let turn = 0;
  let weather: Weather = {};
  let changed = Promise.withResolvers<void>();
  let armed: Cut[] = [];
  const connections = new Set<Connection>();
  const waiting = new Set<Socket>();

  const pass = async (bytes: number): Promise<void> => {
    while (weather.hole) await changed.promise;
    const ms = (weather.latency_ms ?? 0) + (weather.bytes_per_s ? (bytes * 1000) / weather.bytes_per_s : 0);
    if (ms > 0) await setTimeout(ms);
  };
  const reset = ({ near, far }: Connection): void => {
    near.resetAndDestroy();
    far.resetAndDestroy();
  };
  /** The client's words, with an eye on commits where somebody wants one cut. */
  const ask = async (connection: Connection, find: CommitFinder): Promise<void> => {
    for await (const chunk of connection.near as AsyncIterable<Buffer>) {
      const commits = find(chunk);
      await pass(chunk.length);
      if (connection.halved) continue;
      const cut = commits ? armed[0] : undefined;
      if (cut) armed = armed.slice(1);
      if (cut?.when === 'before') {
        reset(connection);
        cut.done();
        return;
      }
      if (cut) {
        connection.swallow_answer = true;
        connection.far.once('close', cut.done);
      }
      if (!connection.far.write(chunk)) await once(connection.far, 'drain');
    }
    connection.far.end();
  };
  const answer = async (connection: Connection): Promise<void> => {
    for await (const chunk of connection.far as AsyncIterable<Buffer>) {
      if (connection.swallow_answer) {
        if (endsInReady(chunk)) reset(connection);
        continue;
      }
      await pass(chunk.length);
      if (!connection.halved && !connection.near.write(chunk)) await once(connection.near, 'drain');
    }
    if (!connection.halved) connection.near.end();
  };
  const join = (near: Socket, far: Socket): void => {
    const connection: Connection = { near, far, halved: false, swallow_answer: false };
    connections.add(connection);
    const end = () => {
      far.destroy();
      if (!connection.halved) near.destroy();
    };
    near.once('close', () => {
      far.destroy();
      connections.delete(connection);
    });
    for (const socket of [near, far]) socket.setNoDelay(true).on('error', end);
    far.once('close', end);
    ask(connection, createCommitFinder()).catch(end);
    answer(connection).catch(end);
  };
  const accept = async (near: Socket): Promise<void> => {
    near.on('error', () => {});
    if (weather.refuse) return void near.resetAndDestroy();
    waiting.add(near);
    near.once('close', () => waiting.delete(near));
    const far = await reach();
    waiting.delete(near);
    if (!far || near.destroyed) {
      far?.destroy();
      near.resetAndDestroy();
      return;
    }
    join(near, far);
  };
  const reach = async (): Promise<Socket | undefined> => {
    turn += 1;
    for (let at = 0; at < targets.length; at++) {
      const far = await connected(targets[(turn + at) % targets.length] as number);
      if (far) return far;
    }
    return undefined;
  };
  const server = createServer((near) => void accept(near));
  const cut = (): number => {
    const count = connections.size;
    for (const connection of connections) reset(connection);
    return count;
  };
  return {
    port: await listening(server),
    lead: (next) => {
      targets = next;
    },
    weather: (next) => {
      weather = next;
      changed.resolve();
      changed = Promise.withResolvers();
    },
    cut,
    halve: () => {
      for (const connection of connections) {
        connection.halved = true;
        connection.far.resetAndDestroy();
      }
      return connections.size;
    },
    cutCommit: (when) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const mine: Cut = { when, done: resolve };
      armed = [...armed, mine];
      return {
        done: promise,
        disarm: () => {
          armed = armed.filter((each) => each !== mine);
        },
      };
    },
    close: async () => {
      weather = {};
      changed.resolve();
      for (const socket of waiting) socket.destroy();
      const closed = new Promise((resolve) => server.close(resolve));
      cut();
      await closed;
    },
  };
}

/** Undefined when nobody listens there. */
function connected(port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = tcpConnect({ host: '127.0.0.1', port });
    const failed = () => resolve(undefined);
    socket.once('error', failed);
    socket.once('connect', () => {
      socket.off('error', failed);
      resolve(socket);
    });
  });
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
