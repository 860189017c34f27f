import { type AddressInfo, createServer, type Socket } from 'node:net';
import { Aedes, type Client } from 'aedes';
import { mqtt_connect_ms_max, mqtt_connections_max, mqtt_keepalive_s_max, mqtt_packet_bytes_max, mqtt_unread_bytes_max } from '../../kernel/limits.ts';
import type { Ctx } from '../ctx.ts';
import { guardedConnection } from './packets.ts';

/** Who a client says it is. */
export type Login = { readonly client_id: string; readonly username: string; readonly password: string; readonly address: string };

/** Somebody who is connected, and the topics that are theirs alone. */
export type Session = { readonly client_id: string; readonly topics: readonly string[] };

export type Broker<S extends Session> = {
  readonly port: number;
  /** Those who are connected to this node now. */
  readonly sessions: () => readonly S[];
  /** Sends to a session, when it has subscribed to that topic of its own; who does not read is cut off. */
  readonly send: (session: S, topic: string, payload: string) => void;
  /** Ends a connection at once. */
  readonly cut: (session: S) => void;
  readonly close: () => Promise<void>;
};

export type BrokerOptions<S extends Session> = {
  readonly port: number;
  /** The session of a client, whose `client_id` is its own; undefined refuses it. */
  readonly authenticate: (login: Login) => Promise<S | undefined>;
  readonly onSession: () => void;
};

const not_authorized = 5;
const refusal = () => Object.assign(new Error('not authorized'), { returnCode: not_authorized });

/**
 * An MQTT 3.1.1 broker that only tells: its clients publish nothing, leave no will, and read no topic but their own. Nothing
 * is kept for who is away, and nothing is shared between nodes, so whoever comes again asks elsewhere what it missed.
 */
export async function startBroker<S extends Session>(ctx: Ctx, { port, authenticate, onSession }: BrokerOptions<S>): Promise<Broker<S>> {
  const known = new WeakMap<Client, S>();
  const subscribed = new WeakMap<Client, Set<string>>();
  const clients = new Map<string, { readonly client: Client; readonly session: S }>();
  const addresses = new WeakMap<object, string>();
  const count = () => ctx.metrics.gauge('heliu_mqtt_connections', clients.size);

  const aedes = await Aedes.createBroker({
    connectTimeout: mqtt_connect_ms_max,
    drainTimeout: mqtt_connect_ms_max,
    keepaliveLimit: mqtt_keepalive_s_max,
    preConnect: (_client, packet, done) => {
      // A session that outlives its connection would pile up in memory what nobody fetches.
      packet.clean = true;
      if (packet.will) done(new Error('a will would be a publication'), false);
      else done(null, true);
    },
    authenticate: (client, username = '', password = Buffer.alloc(0), done) => {
      const login = { client_id: client.id, username, password: password.toString('utf8'), address: addresses.get(client.conn) ?? '' };
      authenticate(login).then(
        (session) => {
          if (session?.client_id !== client.id) return done(refusal(), false);
          known.set(client, session);
          done(null, true);
        },
        (error: unknown) => {
          ctx.log.error({ error: error instanceof Error ? error : new Error(String(error)) }, 'who connects by MQTT could not be told');
          done(refusal(), false);
        },
      );
    },
    authorizePublish: (_client, _packet, done) => done(new Error('clients publish nothing')),
    authorizeSubscribe: (client, subscription, done) => {
      if (!known.get(client)?.topics.includes(subscription.topic)) return done(null, null);
      subscribed.set(client, (subscribed.get(client) ?? new Set()).add(subscription.topic));
      done(null, subscription);
    },
  });
  aedes.on('client', (client) => {
    const session = known.get(client);
    if (!session) return;
    clients.set(client.id, { client, session });
    count();
    onSession();
  });
  aedes.on('clientDisconnect', (client) => {
    if (clients.get(client.id)?.client === client) clients.delete(client.id);
    count();
  });
  aedes.on('unsubscribe', (topics, client) => {
    for (const topic of topics) subscribed.get(client)?.delete(topic);
  });
  // A broken connection is a client's affair; it is counted, because a wrong credential looks the same.
  aedes.on('clientError', () => ctx.metrics.count('heliu_mqtt_errors_total'));
  aedes.on('connectionError', () => ctx.metrics.count('heliu_mqtt_errors_total'));

  const server = createServer({ noDelay: true, keepAlive: true }, (socket: Socket) => {
    const connection = guardedConnection(socket, mqtt_packet_bytes_max);
    addresses.set(connection, socket.remoteAddress ?? '');
    aedes.handle(connection);
  });
  server.maxConnections = mqtt_connections_max;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: ctx.config.host, port }, resolve);
  });

  const cut = (session: S): void => {
    const entry = clients.get(session.client_id);
    if (entry?.session !== session) return;
    clients.delete(session.client_id);
    entry.client.close();
    count();
  };
  return {
    port: (server.address() as AddressInfo).port,
    sessions: () => [...clients.values()].map(({ session }) => session),
    send: (session, topic, payload) => {
      const entry = clients.get(session.client_id);
      if (entry?.session !== session || !subscribed.get(entry.client)?.has(topic)) return;
      if (entry.client.conn.writableLength > mqtt_unread_bytes_max) return cut(session);
      entry.client.publish({ cmd: 'publish', topic, payload, qos: 1, retain: false, dup: false }, () => {});
      ctx.metrics.count('heliu_mqtt_messages_total');
    },
    cut,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await new Promise<void>((resolve) => aedes.close(() => resolve()));
      await closed;
    },
  };
}
