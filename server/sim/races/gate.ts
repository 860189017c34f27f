import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import type pg from 'pg';
import type { HttpOut, HttpOutRequest } from '../../platform/egress.ts';
import { beginJob, isScheduled, step } from './scheduler.ts';

/** Changes a statement on its way to the database: how a test plants a bug. */
export type Rewrite = (text: string) => string;

type Query = { readonly name?: string; readonly text: string; readonly values?: unknown[] };

/**
 * A pool whose every statement waits for its turn. A statement of its own that writes takes two: it runs inside a
 * transaction that stays open until the second one, as it does on any connection for a moment, so that others meet its
 * locks and read around what it has not committed yet.
 */
export function gatedPool(clients: readonly pg.PoolClient[], rewrite: Rewrite = (text) => text): pg.Pool {
  const free = clients.map((client) => gatedClient(client, rewrite));
  const asked: ((client: GatedClient) => void)[] = [];
  const give = (client: GatedClient): void => {
    const next = asked.shift();
    if (next) next(client);
    else free.push(client);
  };
  const lend = (client: GatedClient) => Object.assign(client, { release: () => give(client) });
  const connect = (): Promise<GatedClient> => {
    const client = free.pop();
    return client ? Promise.resolve(lend(client)) : new Promise((resolve) => asked.push((given) => resolve(lend(given))));
  };
  return { connect, end: () => Promise.resolve(), on: () => {} } as unknown as pg.Pool;
}

type GatedClient = Pick<pg.PoolClient, 'release'> & { readonly query: (query: string | Query, values?: unknown[]) => Promise<pg.QueryResult> };

const begins = /^\s*(begin|start transaction)/i;
const ends = /^\s*(commit|rollback)\s*$/i;
const reads = /^\s*select(?!.*\bfor (update|share|no key update|key share)\b)/is;

function gatedClient(client: pg.PoolClient, rewrite: Rewrite): GatedClient {
  const { processID: pid } = client as unknown as { processID: number };
  let in_transaction = false;
  const query = (query: string | Query, values?: unknown[]): Promise<pg.QueryResult> => {
    const given: Query = typeof query === 'string' ? { text: query, ...(values === undefined ? {} : { values }) } : query;
    const statement: Query = { ...given, text: rewrite(given.text) };
    const label = labelOf(statement);
    const send = () => client.query(statement);
    if (begins.test(statement.text)) {
      // Neither a snapshot nor a lock is taken yet.
      in_transaction = true;
      return send();
    }
    if (ends.test(statement.text)) in_transaction = false;
    else if (!in_transaction && isScheduled() && !reads.test(statement.text)) return runAlone(client, label, send);
    return step({ label, work: send, pid });
  };
  async function runAlone(client: pg.PoolClient, label: string, send: () => Promise<pg.QueryResult>): Promise<pg.QueryResult> {
    const result = await step({
      label,
      pid,
      queues: true,
      work: async () => {
        await client.query('begin');
        try {
          return await send();
        } catch (error) {
          await client.query('rollback');
          throw error;
        }
      },
    });
    await step({ label: `${label} commit`, pid, work: () => client.query('commit') });
    return result;
  }
  return { query, release: () => {} };
}

/** The name of a hot statement without the hash of its shape; the beginning of any other. */
const labelOf = ({ name, text }: Query): string => name?.replace(/_[0-9a-f]{16}$/, '') ?? text.replace(/\s+/g, ' ').trim().slice(0, 40);

/** Calls to channels wait for their turn, webhooks do not: they belong to no race. */
export function gatedHttp(http: HttpOut): HttpOut {
  return {
    ...http,
    send: (request) => (request.policy === 'channel' ? step({ label: callOf(request), work: () => http.send(request) }) : http.send(request)),
  };
}

/** The call without the numbers in it, which differ from run to run: a path, and the name of the API where all have one path. */
function callOf({ method, url, body = '' }: HttpOutRequest): string {
  const { pathname, searchParams } = new URL(url);
  const api = searchParams.get('method') ?? new URLSearchParams(body).get('method') ?? '';
  return `${method} ${pathname.replace(/[0-9A-Za-z]{16,}/g, '*')} ${api}`.trim();
}

/** Signatures are made on other threads: an actor that waits for one is at work. Node's own function is wrapped, once. */
export function countSignatures(): void {
  if (counted) return;
  counted = true;
  const { sign } = crypto;
  const counting = (algorithm: string, data: Buffer, key: crypto.KeyLike, done?: (error: Error | null, signature: Buffer) => void) => {
    if (!done) return sign(algorithm, data, key);
    const end = beginJob();
    return sign(algorithm, data, key, (error, signature) => {
      end();
      done(error, signature);
    });
  };
  Object.assign(crypto, { sign: counting });
  syncBuiltinESMExports();
}
let counted = false;
