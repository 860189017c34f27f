import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { sql } from 'kysely';
import type { Ctx } from '../../platform/ctx.ts';
import { stateHash } from '../state.ts';
import { until } from '../until.ts';

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

/**
 * Tables in which rows may appear though the request was refused: a nonce that was seen stays seen, ledger and exceptions
 * catch up with events and anomalies of before, which are looked at themselves, health is counted, and bills come due by the clock.
 */
const may_differ: ReadonlySet<string> = new Set([
  'request_nonces',
  'ledger_books',
  'ledger_postings',
  'ledger_entries',
  'ledger_turnovers',
  'price_volumes',
  'bill_days',
  'recon_exceptions',
  'recon_exception_steps',
  'account_health',
]);

/** Every table that the schema has today: one that is added tomorrow falls under the oracle by itself. */
async function tablesOf(ctx: Ctx): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select table_name as name from information_schema.tables
    where table_schema = 'public' and table_type = 'BASE TABLE' order by 1`.execute(ctx.db.kysely);
  return rows.map(({ name }) => name);
}

/** A hash of every row of each table but those named. */
export async function everything(ctx: Ctx, but: readonly string[] = []): Promise<Readonly<Record<string, string>>> {
  const tables = await tablesOf(ctx);
  assert.ok(tables.includes('payments') && but.every((name) => tables.includes(name)), 'the oracle sees the tables');
  const seen = tables.filter((name) => !may_differ.has(name) && !but.includes(name));
  return Object.fromEntries(await Promise.all(seen.map(async (table) => [table, await stateHash(ctx, [table])] as const)));
}

/** The state oracle: whatever the work does, every row of the database is afterwards what it was. */
export async function unchanged(ctx: Ctx, work: () => Promise<void>, but: readonly string[] = []): Promise<void> {
  let before = await everything(ctx, but);
  // What came due while the clock was moved comes to its end; then time stands still.
  await until('the database is at rest', async () => {
    const last = before;
    before = await everything(ctx, but);
    return isDeepStrictEqual(before, last);
  });
  await work();
  assert.deepEqual(await everything(ctx, but), before, 'an attack changed the database');
}
