import type { Statement } from '@heliu/contract';
import type { StatementRow } from './store.ts';

/** A statement as the merchant sees it. */
export const viewStatement = (row: StatementRow): Statement => ({
  object: 'statement',
  id: row.id,
  livemode: row.livemode,
  from: row.period_from,
  through: row.period_through,
  store_id: row.store_id,
  state: row.state,
  provisional: row.provisional,
  open_days: row.open_days,
  lines: row.lines === null ? null : Number(row.lines),
  totals: row.totals,
  files: [...row.files],
  manifest: row.manifest,
  signature: row.signature?.toString('base64') ?? null,
  public_key: row.public_key?.toString('base64') ?? null,
  created_at: row.created_at.toISOString(),
  ready_at: row.ready_at?.toISOString() ?? null,
});
