import { sql } from 'kysely';
import { sha256Hex } from '../kernel/digest.ts';
import type { Ctx } from '../platform/ctx.ts';

/** A hash of every row of the tables, for "nothing else in the database changed". */
export async function stateHash(ctx: Ctx, tables: readonly string[]): Promise<string> {
  const parts: string[] = [];
  for (const table of tables) {
    const { rows } = await sql<{ row: string }>`select t::text as row from ${sql.table(table)} t order by 1`.execute(ctx.db.kysely);
    parts.push(table, ...rows.map(({ row }) => row));
  }
  return sha256Hex(parts.join('\n'));
}

/** What a request that is refused must leave as it was. */
export const business_tables = [
  'merchants',
  'channel_accounts',
  'channel_account_versions',
  'api_keys',
  'payments',
  'attempts',
  'refunds',
  'transitions',
  'evidence',
  'anomalies',
  'events',
  'deliveries',
  'webhook_endpoints',
  'idempotency_keys',
  'stores',
  'terminals',
  'plate_batches',
  'plates',
  'plate_changes',
  'plate_taps',
  'plate_stock_batches',
  'plate_stock',
  'pairing_codes',
  'devices',
  'supervisor_pins',
  'device_refunds',
  'shifts',
] as const;
