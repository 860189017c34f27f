import { type Kysely, sql } from 'kysely';
import pg from 'pg';
import type { Secret } from '../kernel/secret.ts';
import type { Clock } from '../kernel/time.ts';
import type { Db } from './db/db.ts';
import { connectionSettings } from './db/pool.ts';
import type { Tables } from './db/tables.gen.ts';
import type { Log } from './log.ts';

/**
 * News between nodes over PostgreSQL LISTEN/NOTIFY, for caches. `connected()` is false while news may be missed: a cache
 * then reads through. A change is announced inside the transaction that makes it.
 */
export type Changes = {
  /** `topic` is a table name; `id` names the row. */
  on(topic: ChangeTopic, listener: (id: string) => void): void;
  /** Every listener is told to drop all it holds after a lost connection. */
  onReset(listener: () => void): void;
  connected(): boolean;
  /** With `within`, the news goes out when that transaction commits and not at all when it rolls back; without, at once. */
  announce(topic: ChangeTopic, id: string, within?: Kysely<Tables>): Promise<void>;
};
export type ChangeTopic =
  | 'api_keys'
  | 'merchants'
  | 'channel_accounts'
  | 'webhook_endpoints'
  | 'rule_sets'
  | 'routing_terms'
  | 'account_health'
  | 'stores'
  | 'terminals';

export type ChangesOptions = { readonly database_url: Secret; readonly db: Db; readonly clock: Clock; readonly log: Log };

const notify_channel = 'heliu_changes';
/** A revoked key must stop working within a second, so a dead connection has to be noticed in less. */
const heartbeat_ms = 400;
const heartbeat_answer_ms_max = 400;
const reconnect_ms = 250;

/** Listens on a connection of its own until closed. Returns after the first attempt to connect, whatever came of it. */
export async function startChanges(options: ChangesOptions): Promise<Changes & { close(): Promise<void> }> {
  const listeners = new Map<string, ((id: string) => void)[]>();
  const resets: (() => void)[] = [];
  const closing = new AbortController();
  let connected = false;

  const hear = (payload: string): void => {
    const [topic = '', id = ''] = payload.split(':', 2);
    for (const listener of listeners.get(topic) ?? []) listener(id);
  };
  const lose = (error: unknown): void => {
    if (connected && !closing.signal.aborted) options.log.warn({ error: error instanceof Error ? error : undefined }, 'news of changes may be missed');
    connected = false;
  };
  /** One connection, from its start to its loss. */
  const listen = async (tried: () => void): Promise<void> => {
    const client = new pg.Client({ ...connectionSettings(options.database_url), application_name: 'heliu-changes', query_timeout: heartbeat_answer_ms_max });
    const lost = new AbortController();
    const end = (error?: unknown) => {
      lose(error);
      lost.abort();
    };
    client.on('error', end);
    client.on('end', end);
    client.on('notification', ({ payload }) => hear(payload ?? ''));
    const stop = () => lost.abort();
    closing.signal.addEventListener('abort', stop);
    try {
      await client.connect();
      await client.query(`listen ${notify_channel}`);
      // What was announced before this moment went unheard.
      for (const reset of resets) reset();
      connected = true;
      tried();
      while (!lost.signal.aborted) {
        await options.clock.sleep(heartbeat_ms, lost.signal);
        if (!lost.signal.aborted) await client.query('select 1');
      }
    } catch (error) {
      lose(error);
    } finally {
      connected = false;
      closing.signal.removeEventListener('abort', stop);
      await client.end().catch(() => {});
    }
  };
  const listenForEver = async (tried: () => void): Promise<void> => {
    while (!closing.signal.aborted) {
      await listen(tried);
      tried();
      await options.clock.sleep(reconnect_ms, closing.signal);
    }
  };
  const first = Promise.withResolvers<void>();
  const done = listenForEver(first.resolve);
  await first.promise;
  return {
    on: (topic, listener) => void listeners.set(topic, [...(listeners.get(topic) ?? []), listener]),
    onReset: (listener) => void resets.push(listener),
    connected: () => connected,
    announce: async (topic, id, within = options.db.kysely) => {
      await sql`select pg_notify(${notify_channel}, ${`${topic}:${id}`})`.execute(within);
    },
    close: async () => {
      closing.abort();
      await done;
    },
  };
}
