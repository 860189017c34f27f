import { exception_kinds } from '@heliu/contract';
import { assert } from '../../kernel/assert.ts';
import type { Finding } from '../matching/classify.ts';
import { exception_table, kinds, type ReconException, stepped } from './exception.ts';

/** Where a finding belongs. */
export type Place = Pick<ReconException, 'merchant_id' | 'livemode' | 'channel' | 'channel_account_id' | 'biz_date'>;

export const fingerprintOf = (
  { channel_account_id, biz_date }: Pick<Place, 'channel_account_id' | 'biz_date'>,
  { kind, name }: Pick<Finding, 'kind' | 'name'>,
): string => [kind, channel_account_id, biz_date, name].join('|');

/** A finding as a row: opened, and with a proposal where there is one. */
export function openedFrom(finding: Finding, place: Place, { id, now }: { readonly id: string; readonly now: Date }): ReconException {
  assert(finding.kind in exception_kinds, 'a finding has a kind of the contract');
  const { proposal } = kinds[finding.kind];
  const opened: ReconException = {
    ...place,
    id,
    kind: finding.kind,
    fingerprint: fingerprintOf(place, finding),
    state: exception_table.initial,
    object_id: finding.object_id,
    payment_id: finding.payment_id,
    bill_id: finding.bill_id,
    line: finding.line,
    channel_order_no: finding.channel_order_no,
    channel_transaction_id: finding.channel_transaction_id,
    our_fen: finding.our_fen,
    bill_fen: finding.bill_fen,
    of: finding.of,
    standing: true,
    at_risk_fen: finding.at_risk_fen,
    detail: finding.detail,
    proposal,
    owner: null,
    approvals: [],
    decision: null,
    resolution: null,
    opened_at: now,
    reopened_at: null,
    closed_at: null,
    aged_at: null,
    version: 1,
  };
  if (proposal === 'none') return opened;
  const proposed = stepped(opened, 'propose', { by: system, now, two_persons_from_fen: 0n });
  assert('id' in proposed, 'what was just opened can be proposed');
  return proposed;
}

/** Who did what no person did. */
export const system = 'heliu';
