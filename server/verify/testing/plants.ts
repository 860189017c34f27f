import { channels } from '../../channels/registry.ts';
import type { Rule } from '../rule.ts';

/** Each rule is broken once, in books that are right otherwise, and only it and what must follow from it is told. */
export type Plant = {
  readonly breaks: Rule['id'];
  /** What is broken with it, because it says the same in other words. */
  readonly also?: readonly Rule['id'][];
  readonly by: (ids: Ids) => string | readonly string[];
};
/** Ids of one payment of each kind. */
export type Ids = Readonly<Record<'paid' | 'closed' | 'refunded' | 'duplicate' | 'late' | 'second_try' | 'open' | 'refund_refused' | 'other', Row>>;
export type Row = { readonly mer: string; readonly pay: string; readonly att: string; readonly att2: string; readonly ref: string };

const sealed = (text: string) =>
  `(select '\\x01'::bytea || convert_to(min(id), 'UTF8') || substr(sha256('${text}'), 1, 12) || decode(repeat('ab', 40), 'hex') from data_keys)`;

const postingOf = (attempt_id: string) => `(select min(id) from ledger_postings where attempt_id = '${attempt_id}')`;

export const plants: readonly Plant[] = [
  { breaks: 'I-01.1', by: ({ paid }) => `update transitions set via = 'clock' where object_id = '${paid.att}' and to_state = 'succeeded'` },
  {
    breaks: 'I-01.1',
    also: ['I-41.1'],
    by: ({ paid }) => `delete from evidence e using transitions t where t.evidence_id = e.id and t.object_id = '${paid.att}' and t.to_state = 'succeeded'`,
  },
  { breaks: 'I-03.1', by: ({ closed }) => `update attempts set channel_transaction_id = 'T', paid_at = created_at where id = '${closed.att}'` },
  { breaks: 'I-03.1', also: ['I-06.2'], by: ({ paid }) => `update attempts set paid_at = null where id = '${paid.att}'` },
  {
    breaks: 'I-04.1',
    also: ['I-06.2', 'I-14.1', 'I-28.1'],
    by: ({ duplicate }) => `update attempts set disposition = 'accepted' where id = '${duplicate.att2}'`,
  },
  { breaks: 'I-05.1', also: ['I-14.1', 'I-28.1'], by: ({ duplicate }) => `update refunds set attempt_id = '${duplicate.att}' where id = '${duplicate.ref}'` },
  { breaks: 'I-05.1', also: ['I-28.1', 'I-28.2', 'I-43.3'], by: ({ late }) => `update refunds set amount_fen = amount_fen - 1 where id = '${late.ref}'` },
  {
    breaks: 'I-05.2',
    also: ['I-24.1', 'I-28.1', 'I-28.2', 'I-43.3'],
    by: ({ late }) => [
      `update refunds set state = 'refused' where id = '${late.ref}'`,
      `update transitions set to_state = 'refused' where object_id = '${late.ref}' and version = 2`,
      `update events set type = 'refund.refused', payload = replace(payload, 'refund.succeeded', 'refund.refused') where object_id = '${late.ref}'`,
    ],
  },
  {
    breaks: 'I-06.1',
    also: ['I-06.2', 'I-28.1', 'I-28.2', 'I-43.3'],
    by: ({ paid }) => `update attempts set amount_fen = amount_fen + 1 where id = '${paid.att}'`,
  },
  { breaks: 'I-06.1', by: ({ open }) => `update attempts set amount_fen = amount_fen + 1 where id = '${open.att}'` },
  { breaks: 'I-06.2', by: ({ paid }) => `update payments set accepted_attempt_id = null where id = '${paid.pay}'` },
  {
    breaks: 'I-07.2',
    by: ({ paid, other }) =>
      `update attempts set channel_transaction_id = (select channel_transaction_id from attempts where id = '${other.att}') where id = '${paid.att}'`,
  },
  { breaks: 'I-07.3', by: ({ paid, refunded }) => `update payments set merchant_order_no = 'order-0' where id in ('${paid.pay}', '${refunded.pay}')` },
  {
    breaks: 'I-07.4',
    also: ['I-41.1'],
    by: ({ refund_refused: { ref } }) => [
      `update refunds set id = 'ref_1' where id = '${ref}'`,
      `update transitions set object_id = 'ref_1' where object_id = '${ref}'`,
      `update events set object_id = 'ref_1', payload = replace(payload, '${ref}', 'ref_1') where object_id = '${ref}'`,
    ],
  },
  { breaks: 'I-08.1', by: ({ closed }) => `update transitions set via = 'clock' where object_id = '${closed.att}' and to_state = 'closed'` },
  { breaks: 'I-08.2', by: ({ second_try }) => `update transitions set via = 'request' where object_id = '${second_try.att}' and to_state = 'refused'` },
  {
    breaks: 'I-08.3',
    by: ({ closed }) => [
      `update attempts set state = 'waiting', version = 2, next_query_at = created_at + interval '1 minute' where id = '${closed.att}'`,
      `delete from transitions where object_id = '${closed.att}' and version = 3`,
    ],
  },
  { breaks: 'I-08.4', by: ({ closed }) => `update payments set expires_at = expires_at + interval '1 day' where id = '${closed.pay}'` },
  // What a channel that closes says before the expiry is a close; of one that cannot it is that nobody has paid yet.
  {
    breaks: 'I-08.4',
    also: ['I-41.1'],
    by: ({ closed }) => [
      `update payments set expires_at = expires_at + interval '1 day', closed_reason = 'cancelled' where id = '${closed.pay}'`,
      `update attempts set channel = '${[...channels.values()].find(({ close, bar }) => !close && !bar)?.code}' where id = '${closed.att}'`,
    ],
  },
  {
    breaks: 'I-09.1',
    by: ({ paid }) =>
      `update evidence e set received_at = received_at - interval '1 day' from transitions t where t.evidence_id = e.id and t.object_id = '${paid.att}' and t.version = 2`,
  },
  {
    breaks: 'I-10.1',
    by: ({ paid }) =>
      `insert into anomalies (merchant_id, id, livemode, kind, channel_account_id, payment_id, attempt_id, fingerprint, detail, created_at)
       select merchant_id, 'ano_' || substr(id, 5), true, 'amount_mismatch', channel_account_id, payment_id, id, 'f', '{}', created_at from attempts where id = '${paid.att}'`,
  },
  {
    breaks: 'I-11.1',
    also: ['I-11.2', 'I-28.1', 'I-28.2', 'I-43.3'],
    by: ({ refunded }) => `update refunds set amount_fen = amount_fen * 4 where id = '${refunded.ref}'`,
  },
  { breaks: 'I-11.2', by: ({ refunded }) => `update payments set refunded_fen = refunded_fen - 1 where id = '${refunded.pay}'` },
  { breaks: 'I-11.2', by: ({ refunded }) => `update payments set refund_count = 0 where id = '${refunded.pay}'` },
  { breaks: 'I-11.3', also: ['I-11.2'], by: ({ refunded }) => `update payments set refunding_fen = paid_fen where id = '${refunded.pay}'` },
  {
    breaks: 'I-13.1',
    by: ({ refunded, refund_refused }) => [
      `update refunds set merchant_refund_no = 'once' where id in ('${refunded.ref}')`,
      `update refunds set merchant_refund_no = 'once' where id = (select min(id) from refunds where merchant_id = '${refunded.mer}' and id not in ('${refunded.ref}', '${refund_refused.ref}'))`,
    ],
  },
  {
    breaks: 'I-14.1',
    also: ['I-41.1', 'I-28.1', 'I-28.2', 'I-43.3'],
    by: ({ refunded, other }) => `update refunds set attempt_id = '${other.att}' where id = '${refunded.ref}'`,
  },
  { breaks: 'I-15.1', by: ({ refund_refused }) => `update transitions set via = 'clock' where object_id = '${refund_refused.ref}' and version = 2` },
  { breaks: 'I-15.1', by: ({ refunded }) => `update transitions set evidence_id = null where object_id = '${refunded.ref}' and version = 2` },
  {
    breaks: 'I-16.1',
    also: ['I-17.1', 'I-28.1', 'I-28.2', 'I-43.3'],
    by: ({ refunded }) => [
      `insert into transitions (merchant_id, object_id, version, from_state, to_state, via, at)
       select merchant_id, object_id, 3, 'succeeded', 'pending', 'operator', at from transitions where object_id = '${refunded.ref}' and version = 2`,
      `update refunds set state = 'pending', version = 3, next_query_at = created_at where id = '${refunded.ref}'`,
      `update payments set refunding_fen = refunded_fen, refunded_fen = 0 where id = '${refunded.pay}'`,
    ],
  },
  {
    breaks: 'I-17.1',
    by: ({ open }) => [
      `update transitions set from_state = 'closed' where object_id = '${open.att}' and version = 2`,
      `update transitions set to_state = 'closed' where object_id = '${open.att}' and version = 1`,
    ],
  },
  { breaks: 'I-18.1', also: ['I-19.1'], by: ({ open }) => `update transitions set version = 3 where object_id = '${open.att}' and version = 2` },
  { breaks: 'I-18.1', by: ({ paid }) => `update transitions set version = 2 where object_id = '${paid.pay}' and version = 1` },
  { breaks: 'I-19.1', by: ({ paid }) => `update payments set version = 2 where id = '${paid.pay}'` },
  { breaks: 'I-19.1', also: ['I-08.3'], by: ({ closed }) => `update attempts set state = 'waiting', next_query_at = created_at where id = '${closed.att}'` },
  { breaks: 'I-19.2', by: ({ second_try }) => `update payments set attempt_count = 1 where id = '${second_try.pay}'` },
  { breaks: 'I-20.1', by: ({ open }) => `update attempts set next_query_at = null where id = '${open.att}'` },
  { breaks: 'I-20.1', by: ({ open }) => `update payments set next_close_at = next_close_at + interval '1 day' where id = '${open.pay}'` },
  { breaks: 'I-20.2', by: ({ open }) => `update attempts set next_query_at = created_at - interval '1 day' where id = '${open.att}'` },
  { breaks: 'I-21.1', by: ({ refunded }) => `update refunds set refunded_at = created_at - interval '1 day' where id = '${refunded.ref}'` },
  {
    breaks: 'I-21.1',
    by: ({ paid }) => [
      `update attempts set paid_at = created_at + interval '1 day' where id = '${paid.att}'`,
      `update payments set paid_at = created_at + interval '1 day' where id = '${paid.pay}'`,
    ],
  },
  { breaks: 'I-21.2', by: ({ open }) => `update transitions set at = at - interval '1 hour' where object_id = '${open.att}' and version = 2` },
  {
    breaks: 'I-28b.2',
    by: ({ open }) => [`update payments set amount_fen = 0 where id = '${open.pay}'`, `update attempts set amount_fen = 0 where id = '${open.att}'`],
  },
  { breaks: 'I-29.1', also: ['I-31.1', 'I-34.1', 'I-41.1', 'I-24.1'], by: ({ paid }) => `delete from events where object_id = '${paid.pay}'` },
  { breaks: 'I-29.1', also: ['I-32.1', 'I-24.1'], by: ({ refunded }) => `update events set type = 'refund.other' where object_id = '${refunded.ref}'` },
  {
    breaks: 'I-29.2',
    by: ({ duplicate }) =>
      `update events set created_at = created_at - interval '1 second' where object_id = '${duplicate.pay}' and type = 'payment.duplicate_received'`,
  },
  {
    breaks: 'I-29.3',
    by: ({ second_try }) =>
      `update events set created_at = created_at + interval '1 second' where object_id = '${second_try.pay}' and type = 'payment.attempt_refused'`,
  },
  { breaks: 'I-30.1', by: ({ paid }) => `delete from deliveries d using events e where e.id = d.event_id and e.object_id = '${paid.pay}'` },
  {
    breaks: 'I-30.2',
    by: ({ paid }) => `update deliveries d set state = 'dead', delivered_at = null from events e where e.id = d.event_id and e.object_id = '${paid.pay}'`,
  },
  {
    breaks: 'I-30.2',
    by: ({ paid }) => `update deliveries d set state = 'pending', delivered_at = null from events e where e.id = d.event_id and e.object_id = '${paid.pay}'`,
  },
  {
    breaks: 'I-30.3',
    by: ({
      paid,
    }) => `update deliveries d set state = 'pending', delivered_at = null, next_send_at = d.created_at - interval '1 day', created_at = d.created_at - interval '4 days'
      from events e where e.id = d.event_id and e.object_id = '${paid.pay}'`,
  },
  {
    breaks: 'I-31.1',
    by: ({ paid }) => `update events set sequence = null, created_at = created_at where object_id = '${paid.pay}'`,
    also: ['I-50.1', 'I-24.1'],
  },
  { breaks: 'I-31.1', by: ({ paid }) => `update event_sequences set last = last + 1 where merchant_id = '${paid.mer}'` },
  { breaks: 'I-32.1', by: ({ paid }) => `update events set payload = replace(payload, 'payment.paid', 'payment.closed') where object_id = '${paid.pay}'` },
  { breaks: 'I-33.1', by: ({ paid }) => `update webhook_endpoints set previous_until = created_at where merchant_id = '${paid.mer}'` },
  { breaks: 'I-34.1', by: ({ paid }) => `update webhook_endpoints set livemode = false where merchant_id = '${paid.mer}'` },
  {
    breaks: 'I-34.1',
    also: ['I-30.1'],
    by: ({ paid, other }) => `update deliveries d set webhook_endpoint_id = (select id from webhook_endpoints where merchant_id = '${other.mer}')
      from events e where e.id = d.event_id and e.object_id = '${paid.pay}'`,
  },
  { breaks: 'I-35.1', also: ['I-29.1'], by: ({ paid }) => `update events set object_version = 2 where object_id = '${paid.pay}'` },
  { breaks: 'I-36.1', by: ({ paid }) => `update idempotency_keys set body_sealed = null where object_id = '${paid.pay}'` },
  { breaks: 'I-36.2', by: ({ paid }) => `update idempotency_keys set created_at = created_at - interval '40 days' where object_id = '${paid.pay}'` },
  { breaks: 'I-37.1', by: ({ paid }) => `update idempotency_keys set object_id = 'pay_01M80BZ9WG261A5A5073703DC3' where object_id = '${paid.pay}'` },
  {
    breaks: 'I-41.1',
    also: ['I-30.1', 'I-34.1'],
    by: ({ paid }) => `update deliveries d set event_id = 'evt_1' from events e where e.id = d.event_id and e.object_id = '${paid.pay}'`,
  },
  { breaks: 'I-41.1', by: ({ paid, other }) => `update payments set latest_attempt_id = '${other.att}' where id = '${paid.pay}'` },
  { breaks: 'I-41.2', by: ({ paid }) => `update channel_accounts set livemode = false where merchant_id = '${paid.mer}'` },
  {
    breaks: 'I-42.1',
    by: ({ paid }) => `update agents a set parent_id = b.id from agents b, merchants m where m.id = '${paid.mer}' and b.id = m.agent_id and a.id = b.parent_id`,
  },
  { breaks: 'I-42.1', by: ({ paid }) => `update agents a set parent_id = a.id from merchants m where m.id = '${paid.mer}' and a.id = m.agent_id` },
  {
    breaks: 'I-41.3',
    also: ['I-30.1', 'I-35.1', 'I-50.1'],
    by: ({ paid, other }) =>
      `insert into events (merchant_id, id, livemode, type, object_id, object_version, payload, created_at)
       select '${other.mer}', id, livemode, type, object_id, object_version, payload, created_at from events where object_id = '${paid.pay}'`,
  },
  {
    breaks: 'I-47.1',
    by: ({ paid }) => `update attempts set payer_sealed = 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o and some more of the openid, in the clear' where id = '${paid.att}'`,
  },
  {
    breaks: 'I-47.1',
    by: ({ paid }) => `update evidence e set sealed = '' from transitions t where t.evidence_id = e.id and t.object_id = '${paid.att}' and t.version = 2`,
  },
  {
    breaks: 'I-47.2',
    by: ({ paid, open }) => [
      `update attempts set payer_sealed = ${sealed('twice')} where id = '${paid.att}'`,
      `update attempts set request_sealed = ${sealed('twice')} where id = '${open.att}'`,
    ],
  },
  { breaks: 'I-47.3', by: () => `update data_keys set state = 'retired'` },
  { breaks: 'I-47.3', by: () => `update data_keys set wrapped = substr(wrapped, 2)` },
  { breaks: 'I-47.4', by: ({ paid }) => `update attempts set request_sealed = ${sealed('kept')} where id = '${paid.att}'` },
  {
    breaks: 'I-47.5',
    by: ({ paid }) => `update channel_account_versions set settings = '{"private_key":"-----BEGIN PRIVATE KEY-----"}' where merchant_id = '${paid.mer}'`,
  },
  { breaks: 'I-47.5', by: ({ paid }) => `update api_keys set secret_hash = 'sk_live_in_the_clear' where merchant_id = '${paid.mer}'` },
  {
    breaks: 'I-22.1',
    also: ['I-23.1', 'I-28.2'],
    by: ({ paid }) => `update ledger_entries set amount_fen = amount_fen + 1 where line = 1 and posting_id = ${postingOf(paid.att)}`,
  },
  { breaks: 'I-22.1', also: ['I-23.1', 'I-28.2', 'I-27.1'], by: ({ paid }) => `delete from ledger_entries where posting_id = ${postingOf(paid.att)}` },
  {
    breaks: 'I-23.1',
    by: ({ paid }) => `update ledger_turnovers set debit_fen = debit_fen + 1 where account = 'channel_receivable' and merchant_id = '${paid.mer}'`,
  },
  {
    breaks: 'I-24.1',
    also: ['I-23.1', 'I-24.2', 'I-28.2', 'I-41.1'],
    by: ({ paid }) => `delete from ledger_postings where id = ${postingOf(paid.att)}`,
  },
  { breaks: 'I-24.2', by: ({ paid }) => `update ledger_books set last_no = last_no + 1 where merchant_id = '${paid.mer}'` },
  { breaks: 'I-24.2', by: ({ paid }) => `update ledger_postings set no = 1 where id = ${postingOf(paid.att)}` },
  {
    breaks: 'I-25.1',
    also: ['I-24.2', 'I-22.1'],
    by: ({
      paid,
    }) => `insert into ledger_postings select merchant_id, 'pst_' || repeat('7', 26), livemode, 7777, 'reversal', 'pst_' || repeat('7', 26), id, currency, amount_fen, fee_fen, payment_id, attempt_id,
      refund_id, store_id, channel_account_id, channel, method, fact_at, fact_date, biz_date, detail from ledger_postings where attempt_id = '${paid.att}'`,
  },
  {
    breaks: 'I-26.1',
    also: ['I-23.1'],
    by: ({ late }) => `update ledger_entries set account = 'wallet' where account = 'suspense' and posting_id = ${postingOf(late.att)}`,
  },
  { breaks: 'I-27.1', also: ['I-27.2'], by: ({ paid }) => `update ledger_postings set fee_fen = amount_fen + 1 where attempt_id = '${paid.att}'` },
  {
    breaks: 'I-27.1',
    also: ['I-27.2'],
    by: ({ refunded }) => `update ledger_postings set fee_fen = 99 where kind = 'refund' and attempt_id = '${refunded.att}'`,
  },
  { breaks: 'I-27.2', by: ({ paid }) => `update prices set terms = jsonb_set(terms, '{tiers,0,rate_ppm}', '30000') where merchant_id = '${paid.mer}'` },
  { breaks: 'I-27.2', by: ({ paid }) => `update prices set effective_from = effective_from + interval '1 year' where merchant_id = '${paid.mer}'` },
  { breaks: 'I-27.2', by: ({ paid }) => `update ledger_postings set detail = '{}' where attempt_id = '${paid.att}'` },
  {
    breaks: 'I-27.2',
    by: ({ refunded }) => `update ledger_postings set detail = detail || '{"refund_fee":"kept"}' where kind = 'payment' and attempt_id = '${refunded.att}'`,
  },
  // From some way into the month on another rate, which nobody was charged.
  {
    breaks: 'I-27.2',
    by: ({ paid }) =>
      `update prices set terms = jsonb_set(terms, '{tiers,1}', '{"from_fen":5000,"rate_ppm":30000,"per_item_fen":0,"min_fen":0,"max_fen":null}') where merchant_id = '${paid.mer}'`,
  },
  // One that says more about a payment, and was there all the time.
  {
    breaks: 'I-27.2',
    by: ({ paid }) => `insert into prices (merchant_id, id, livemode, method, terms, effective_from, created_at)
      select merchant_id, 'prc_' || repeat('7', 26), livemode, 'wechat_qr', terms, effective_from, created_at from prices where merchant_id = '${paid.mer}'`,
  },
  { breaks: 'I-28.1', by: ({ paid }) => `update ledger_postings set amount_fen = amount_fen + 1 where attempt_id = '${paid.att}'` },
  { breaks: 'I-28.1', by: ({ refunded }) => `update ledger_postings set kind = 'return' where kind = 'refund' and attempt_id = '${refunded.att}'` },
  {
    breaks: 'I-28.2',
    also: ['I-23.1'],
    by: ({ paid }) => `update ledger_entries set party_id = 'acc_elsewhere' where account = 'channel_receivable' and posting_id = ${postingOf(paid.att)}`,
  },
  {
    breaks: 'I-28.6',
    also: ['I-23.1'],
    by: ({ late }) => `update ledger_entries set account = 'refund_in_transit' where account = 'suspense' and posting_id = ${postingOf(late.att)}`,
  },
  { breaks: 'I-28.4', by: ({ paid }) => `update bills set fee_posting_id = ${postingOf(paid.att)} where merchant_id = '${paid.mer}'` },
  { breaks: 'I-28.4', by: ({ paid }) => `update recon_exceptions set posting_id = ${postingOf(paid.att)} where merchant_id = '${paid.mer}'` },
  {
    breaks: 'I-28.5',
    by: ({ paid }) => [
      `insert into bank_credits (merchant_id, id, livemode, channel, channel_account_id, reference, received_on, amount_fen, imported_by, created_at, posting_id)
        select merchant_id, 'bcr_' || repeat('7', 26), livemode, channel, channel_account_id, 'N1', since, 5, 'finance', next_look_at, 'pst_' || repeat('7', 26) from bank_accounts where merchant_id = '${paid.mer}'`,
    ],
  },
  {
    breaks: 'I-28.5',
    by: ({ paid }) => [
      `insert into bank_days (merchant_id, channel_account_id, biz_date, net_fen, match_id)
        select merchant_id, channel_account_id, since, 5, 'bcr_' || repeat('7', 26) from bank_accounts where merchant_id = '${paid.mer}'`,
    ],
  },
  { breaks: 'I-43.1', also: ['I-43.4'], by: ({ paid }) => `delete from recon_matches where object_id = '${paid.att}'` },
  { breaks: 'I-43.1', by: ({ paid }) => `update bill_adjustments set line = 2 where merchant_id = '${paid.mer}'` },
  {
    breaks: 'I-43.2',
    also: ['I-43.1', 'I-43.3'],
    by: ({ paid }) => `update recon_matches set line = (select max(line) from bill_lines where merchant_id = '${paid.mer}') where object_id = '${paid.att}'`,
  },
  { breaks: 'I-43.3', also: ['I-45.1'], by: ({ paid }) => `update bill_lines set amount_fen = amount_fen + 1 where object_id = '${paid.att}'` },
  { breaks: 'I-43.3', by: ({ paid }) => `update recon_matches set channel_account_id = 'acc_elsewhere' where object_id = '${paid.att}'` },
  { breaks: 'I-43.4', by: ({ paid }) => noLine(paid.att) },
  { breaks: 'I-43.4', by: ({ refunded }) => noLine(refunded.ref) },
  // Neither a difference that is settled nor one of its fee stands for a payment.
  {
    breaks: 'I-43.4',
    by: ({ paid }) => [...noLine(paid.att), `update recon_exceptions set object_id = '${paid.att}' where merchant_id = '${paid.mer}'`],
  },
  {
    breaks: 'I-43.4',
    by: ({ paid }) => [
      ...noLine(paid.att),
      `update recon_exceptions set object_id = '${paid.att}', "of" = 'payment', standing = false where merchant_id = '${paid.mer}' and closed_at is not null`,
    ],
  },
  { breaks: 'I-45.1', by: ({ paid }) => `update bills set payment_fen = payment_fen + 1 where merchant_id = '${paid.mer}'` },
  {
    breaks: 'I-45.3',
    by: ({ paid }) => `update bills set state = 'refused', problem = 'broken', lines = null where merchant_id = '${paid.mer}' and state = 'current'`,
  },
  { breaks: 'I-45.2', by: ({ paid }) => `delete from bill_files where merchant_id = '${paid.mer}'` },
  { breaks: 'I-48.1', by: ({ paid }) => `update recon_exceptions set state = 'accepted' where merchant_id = '${paid.mer}'` },
  { breaks: 'I-48.1', by: ({ paid }) => `delete from recon_exception_steps where version = 1 and merchant_id = '${paid.mer}'` },
  { breaks: 'I-28.3', by: ({ paid }) => `update statement_chunks set bytes = 'ab' where merchant_id = '${paid.mer}'` },
  { breaks: 'I-50.1', also: ['I-31.1', 'I-24.1'], by: ({ refunded }) => `update events set sequence = null where object_id = '${refunded.pay}'` },
  { breaks: 'I-51.1', by: ({ paid }) => counter(paid, 'amount_fen + 1', 'null') },
  {
    breaks: 'I-51.2',
    by: ({ paid }) => [
      `update attempts set quota = jsonb_build_array(jsonb_build_array('d', 0, amount_fen, 1)) where id = '${paid.att}'`,
      counter(paid, 'amount_fen', '1'),
    ],
  },
  {
    breaks: 'I-52.1',
    by: ({
      paid,
    }) => `insert into routing_decisions (merchant_id, attempt_id, livemode, channel_account_id, method, amount_fen, rules_version, strategy, propensity_ppm,
        last_resort, considered, created_at)
      select merchant_id, id, true, channel_account_id, method, amount_fen + 1, 0, 'priority', 1000000, false, '[]', created_at from attempts where id = '${paid.att}'`,
  },
];

/** A counter of the attempt's account. */
const counter = ({ att }: Row, used: string, share: string): string =>
  `insert into quota_counters (merchant_id, channel_account_id, bucket, shard, used_fen, used_count, share_fen, shared)
    select merchant_id, channel_account_id, 'd', 0, ${used}, 1, ${share}, true from attempts where id = '${att}'`;

/** The bill of its day does not have it: a line that says that nothing was paid needs no match. */
const noLine = (object_id: string): readonly string[] => [
  `delete from recon_matches where object_id = '${object_id}'`,
  `update bill_lines set state = 'failed' where object_id = '${object_id}'`,
];
