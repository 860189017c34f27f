import type { ReconException as View } from '@heliu/contract';
import { fenToNumber } from '../../kernel/money.ts';
import type { ReconException } from './exception.ts';

/** An exception as its merchant sees it, in lists and events. */
export const viewException = (row: ReconException): View => ({
  object: 'recon_exception',
  id: row.id,
  livemode: row.livemode,
  kind: row.kind,
  state: row.state,
  biz_date: row.biz_date,
  channel: row.channel,
  channel_account_id: row.channel_account_id,
  payment_id: row.payment_id,
  object_id: row.object_id,
  channel_order_no: row.channel_order_no,
  channel_transaction_id: row.channel_transaction_id,
  our_fen: fenToNumber(row.our_fen),
  bill_fen: fenToNumber(row.bill_fen),
  at_risk_fen: fenToNumber(row.at_risk_fen),
  // Where there is nothing to carry out a person finds out what it is.
  proposal: row.proposal === 'none' ? 'investigate' : row.proposal,
  detail: row.detail,
  owner: row.owner,
  resolution: row.resolution,
  opened_at: row.opened_at.toISOString(),
  closed_at: row.closed_at?.toISOString() ?? null,
  version: row.version,
});
