import { type Kysely, sql } from 'kysely';
import type { Tables } from '../../platform/db/tables.gen.ts';
import { ledger_rows } from './ledger-books.ts';
import { recon_rows } from './recon-books.ts';

/**
 * Books as an installation writes them, made by SQL: as many payments as one likes, of every kind that there is, so that
 * rules can be tried on twenty and measured on a million.
 */
export type BooksInput = {
  readonly payments: number;
  readonly merchants: number;
  /** When the last of them was made; one was made every `step_ms` before. */
  readonly now: Date;
  readonly step_ms: number;
};

/** Of every hundred payments: what became of them, by their number. */
export const shares = { paid: 80, closed: 10, refunded: 5, duplicate: 1, late: 1, second_try: 1, open: 1, refund_refused: 1 } as const;
type Kind = keyof typeof shares;
const kind_names = (Object.entries(shares) as [Kind, number][]).flatMap(([kind, share]) => Array.from({ length: share }, () => kind));

/** Fills the tables of a database that has at most a data key. */
export async function writeBooks(db: Kysely<Tables>, input: BooksInput): Promise<void> {
  for (const statement of [...functions, ...parties(input), draft(input), ...rows, ...recon_rows, ...ledger_rows]) await statement.execute(db);
}

/** `ulid(at, n)`, `sealed(n)`: ids in the order of time, and values in the form of the vault. */
const functions = [
  sql`create function pg_temp.ulid(at timestamptz, n text) returns text language sql immutable as $$
    select string_agg(substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + ((floor(extract(epoch from at) * 1000)::bigint >> (5 * d)) & 31)::integer, 1), '' order by d desc)
      || upper(substr(md5(n), 1, 16)) from generate_series(0, 9) d $$`,
  sql`create function pg_temp.sealed(key text, n text) returns bytea language sql immutable as $$
    select '\\x01'::bytea || convert_to(key, 'UTF8') || substr(sha256(convert_to(n, 'UTF8')), 1, 12) || decode(repeat(md5(n), 16), 'hex') $$`,
];

const parties = ({ merchants, now, payments, step_ms }: BooksInput) => {
  const opened = new Date(now.getTime() - (payments + 10) * step_ms - 3_600_000);
  return [
    sql`insert into data_keys (id, wrapped, wrapping_key, created_at) select 'dek_' || pg_temp.ulid(${opened}, 'dek'), decode(repeat('00', 60), 'hex'), '0123456789abcdef', ${opened}
        where not exists (select 1 from data_keys)`,
    sql`create temporary table m on commit drop as select n, 'mer_' || pg_temp.ulid(${opened}, 'mer' || n) as id, 'acc_' || pg_temp.ulid(${opened}, 'acc' || n) as account,
        'whe_' || pg_temp.ulid(${opened}, 'whe' || n) as endpoint, (select min(id) from data_keys) as key from generate_series(0, ${merchants - 1}::integer) n`,
    sql`insert into agents (id, parent_id, name, created_at) select 'agt_' || pg_temp.ulid(${opened}, 'agt' || n), null, 'region', ${opened} from m`,
    sql`insert into agents (id, parent_id, name, created_at)
        select 'agt_' || pg_temp.ulid(${opened}, 'street' || n), 'agt_' || pg_temp.ulid(${opened}, 'agt' || n), 'street', ${opened} from m`,
    sql`insert into merchants (id, code, name, agent_id, created_at)
        select id, 'M' || lpad(n::text, 5, '0'), 'merchant', 'agt_' || pg_temp.ulid(${opened}, 'street' || n), ${opened} from m`,
    sql`insert into channel_accounts (merchant_id, id, livemode, channel, name, version, created_at) select id, account, true, 'wechatpay', 'wechatpay', 1, ${opened} from m`,
    sql`insert into channel_account_versions (merchant_id, channel_account_id, version, settings, secrets_sealed, created_at)
        select id, account, 1, '{}', pg_temp.sealed(key, account), ${opened} from m`,
    sql`insert into channel_sessions (merchant_id, channel_account_id, state, name, key_sealed, asked, version, got_at, renew_at)
        select id, account, 'open', 'terminal', pg_temp.sealed(key, account || ' session'), 1, 1, ${opened}, ${opened} from m`,
    sql`insert into rule_sets (merchant_id, id, livemode, version, definition, created_at) select id, 'rrs_' || pg_temp.ulid(${opened}, 'rrs' || n), true, 1, '{}', ${opened} from m`,
    sql`insert into routing_terms (merchant_id, channel_account_id, version, terms, turned_off, created_at) select id, account, 1, '{}', '[]', ${opened} from m`,
    sql`insert into stores (merchant_id, id, livemode, name, created_at) select id, 'sto_' || pg_temp.ulid(${opened}, 'sto' || n), true, 'store', ${opened} from m`,
    sql`insert into terminals (merchant_id, id, livemode, store_id, name, kind, created_at)
        select id, 'ter_' || pg_temp.ulid(${opened}, 'ter' || n), true, 'sto_' || pg_temp.ulid(${opened}, 'sto' || n), 'till', 'pos', ${opened} from m`,
    sql`insert into plate_batches (merchant_id, id, livemode, name, count, created_at)
        select id, 'plb_' || pg_temp.ulid(${opened}, 'plb' || n), true, 'plates', 1, ${opened} from m`,
    sql`insert into plates (merchant_id, id, livemode, batch_id, serial_no, code, state, store_id, terminal_id, created_at, version)
        select merchant_id, 'plt_' || substr(t.id, 5), true, 'plb_' || pg_temp.ulid(${opened}, 'plb' || m.n), 1, substr(t.id, 5), 'active', store_id, t.id, ${opened}, 2
        from terminals t join m on m.id = t.merchant_id`,
    sql`insert into plate_stock_batches (id, livemode, name, count, created_at) select id, true, 'stock', 1, ${opened} from plate_batches`,
    sql`insert into plate_stock (id, livemode, batch_id, serial_no, stock_no, code, claim_hash, merchant_id, given_at)
        select id, true, batch_id, 1, right(id, 10), code, sha256(convert_to(id, 'UTF8')), merchant_id, ${opened} from plates`,
    sql`insert into pairing_codes (merchant_id, terminal_id, livemode, secret_hash, refund_fen_max, expires_at)
        select merchant_id, id, true, sha256(convert_to(id, 'UTF8')), 0, ${opened} from terminals`,
    sql`insert into devices (merchant_id, id, livemode, store_id, terminal_id, name, secret_hash, refund_fen_max, created_at)
        select merchant_id, 'dev_' || substr(id, 5), true, store_id, id, 'till', sha256(convert_to('dev' || id, 'UTF8')), 0, ${opened} from terminals`,
    sql`insert into supervisor_pins (merchant_id, store_id, pin_hash, salt, set_at) select merchant_id, id, '\\x00', '\\x00', ${opened} from stores`,
    sql`insert into device_refunds (merchant_id, device_id, merchant_refund_no, biz_date, amount_fen) select merchant_id, id, 'r', '2026-01-01', 1 from devices`,
    sql`insert into shifts (merchant_id, id, livemode, store_id, terminal_id, device_id, cashier, opened_at, closed_at, totals)
        select merchant_id, 'shf_' || substr(id, 5), true, store_id, terminal_id, id, 'x', created_at, created_at + interval '1 hour', '[]' from devices`,
    sql`insert into plate_changes (merchant_id, plate_id, version, change, state, store_id, terminal_id, settings, api_key_id, at)
        select merchant_id, id, 2, 'bound', 'active', store_id, terminal_id, '{}', 'key', ${opened} from plates`,
    sql`insert into plate_taps (merchant_id, plate_id, merchant_order_no, livemode, biz_date, amount_fen, created_at)
        select merchant_id, id, 'plate-' || id, true, '2026-01-01', 1, ${opened} from plates`,
    sql`insert into webhook_endpoints (merchant_id, id, livemode, url, secret_sealed, created_at)
        select id, endpoint, true, 'https://example.com/hook', pg_temp.sealed(key, endpoint), ${opened} from m`,
    sql`insert into api_keys (merchant_id, id, livemode, name, secret_hash, last4, scopes, created_at)
        select id, 'key_' || pg_temp.ulid(${opened}, 'key' || n), true, 'shop', sha256(convert_to(id, 'UTF8')), 'abcd', '{}', ${opened} from m`,
    sql`insert into request_nonces (merchant_id, api_key_id, nonce, expires_at) select merchant_id, id, 'nonce', ${now} from api_keys`,
  ];
};

/** A line for each payment: its kind, its ids and the times of its steps. */
const draft = ({ payments, merchants, now, step_ms }: BooksInput) => sql`
  create temporary table b on commit drop as
  select d.*, d.t0 + interval '1 second' as t1, d.t0 + interval '30 seconds' as t2, d.t0 + interval '10 minutes' as t3, d.t0 + interval '11 minutes' as t4,
    pg_temp.ulid(d.t0, 'p' || n) as pay, pg_temp.ulid(d.t0, 'a' || n) as att, pg_temp.ulid(d.t0 + interval '2 seconds', 'A' || n) as att2,
    pg_temp.ulid(d.t0 + interval '10 minutes', 'r' || n) as ref
  from (
    select i.n, (${kind_names}::text[])[1 + i.n % 100] as kind, m.id as mer, m.account, m.endpoint, m.key, 100 + i.n % 900 as fen,
      date_trunc('milliseconds', ${now}::timestamptz - (${payments}::integer - i.n) * ${step_ms / 1000}::double precision * interval '1 second' - interval '15 minutes') as t0
    from generate_series(0, ${payments - 1}::integer) i(n) join m on m.n = i.n % ${merchants}::integer
  ) d`;

const has_second = sql`kind in ('duplicate', 'second_try')`;
const refunds_kinds = sql`kind in ('refunded', 'duplicate', 'late', 'refund_refused')`;
const is_closed = sql`kind in ('closed', 'late')`;
/** The payment's version once all is over. */
const last_version = sql`case kind when 'paid' then 3 when 'closed' then 4 when 'refunded' then 5 when 'refund_refused' then 5 when 'duplicate' then 7 when 'late' then 6
  when 'second_try' then 5 else 2 end`;

const rows = [
  sql`insert into payments (merchant_id, id, livemode, merchant_order_no, request_hash, amount_fen, currency, subject, state, closed_reason, closing, paid_fen, refunded_fen,
      refund_count, accepted_attempt_id, latest_attempt_id, attempt_count, expires_at, next_close_at, paid_at, closed_at, created_at, version, store_id, terminal_id)
    select mer, 'pay_' || pay, true, 'order-' || n, sha256(convert_to(n::text, 'UTF8')), fen, 'CNY', '一杯茶',
      case when kind = 'open' then 'pending' when ${is_closed} then 'closed' else 'paid' end, case when ${is_closed} then 'expired' end, null,
      case when kind = 'open' or ${is_closed} then 0 else fen end, case kind when 'refunded' then fen / 2 else 0 end, case when kind in ('refunded', 'refund_refused') then 1 else 0 end,
      case when kind = 'second_try' then 'att_' || att2 when not (kind = 'open' or ${is_closed}) then 'att_' || att end,
      'att_' || case when ${has_second} then att2 else att end, case when ${has_second} then 2 else 1 end,
      t0 + case when ${is_closed} then interval '9 minutes' else interval '2 hours' end, case when kind = 'open' then greatest(t0 + interval '2 hours', (select max(t0) from b)) end,
      case when not (kind = 'open' or ${is_closed}) then t2 end, case when ${is_closed} then t3 end, t0, ${last_version}, t.store_id, t.id
    from b left join (select merchant_id, store_id, id from terminals) t on t.merchant_id = b.mer and b.n % 2 = 0`,
  // Every tenth has a page, and a browser that was found out to be somebody's.
  sql`update payments p set checkout_token = pg_temp.ulid(b.t0, 'token' || b.n) from b where b.n % 10 = 0 and p.merchant_id = b.mer and p.id = 'pay_' || b.pay`,
  sql`insert into checkout_sessions (merchant_id, payment_id, livemode, mode, locale, allowed_methods, created_at)
    select mer, 'pay_' || pay, true, 'web', 'auto', '{}', t0 from b where n % 10 = 0`,
  sql`insert into cashier_payers (merchant_id, state_hash, payment_id, browser_hash, method, channel_account_id, account_version, expires_at, used_at, payer_sealed)
    select mer, sha256(convert_to('state' || n, 'UTF8')), 'pay_' || pay, sha256(convert_to('browser' || n, 'UTF8')), 'wechat_jsapi', account, 1, t0 + interval '5 minutes', t1,
      pg_temp.sealed(key, 'hop/' || n) from b where n % 10 = 0`,
  // Their payers asked on the receipt, and so did those who were given money back.
  sql`insert into help_requests (merchant_id, id, livemode, payment_id, kind, state, said_sealed, refund_id, created_at, updated_at, version)
    select mer, 'hlp_' || pg_temp.ulid(t1, 'help' || n), true, 'pay_' || pay, 'refund', case kind when 'refunded' then 'refunded' else 'opened' end,
      pg_temp.sealed(key, 'help/' || n), case kind when 'refunded' then 'ref_' || ref end, t1, t1, 1 from b where n % 10 = 0 or kind = 'refunded'`,
  sql`insert into cashier_settings (merchant_id, livemode, return_hosts, updated_at) select m.id, true, '{shop.example}', merchants.created_at from m join merchants on merchants.id = m.id`,
  sql`insert into attempts (merchant_id, id, payment_id, channel, channel_account_id, account_version, method, amount_fen, currency, request, state, disposition, next_action,
      channel_transaction_id, payer_amount_fen, payer_sealed, paid_at, created_at, next_query_at, version)
    select mer, 'att_' || att, 'pay_' || pay, 'wechatpay', account, 1, 'wechat_qr', fen, 'CNY', '{}'::jsonb, a.state, a.disposition, '{"type":"none"}'::jsonb,
      case when a.paid_at is not null then '42' || n end, case when a.paid_at is not null then fen end, case when a.paid_at is not null then pg_temp.sealed(key, 'payer/1/' || n) end,
      a.paid_at, t0, case when a.state = 'waiting' then (select max(t0) from b) + interval '16 minutes' end, a.version
    from b cross join lateral (select case kind when 'open' then 'waiting' when 'closed' then 'closed' when 'second_try' then 'refused' else 'succeeded' end as state,
        case when kind = 'late' then 'late' when kind in ('paid', 'refunded', 'refund_refused', 'duplicate') then 'accepted' end as disposition,
        case when kind = 'late' then t4 when kind in ('paid', 'refunded', 'refund_refused', 'duplicate') then t2 end as paid_at,
        case kind when 'open' then 2 when 'second_try' then 2 when 'late' then 4 else 3 end as version) a
    union all
    select mer, 'att_' || att2, 'pay_' || pay, 'wechatpay', account, 1, 'wechat_qr', fen, 'CNY', '{}'::jsonb, 'succeeded', case kind when 'duplicate' then 'duplicate' else 'accepted' end,
      '{"type":"none"}'::jsonb, '43' || n, fen, pg_temp.sealed(key, 'payer/2/' || n), case kind when 'duplicate' then t3 else t2 end, t0 + interval '2 seconds', null, 3
    from b where ${has_second}`,
  sql`insert into refunds (merchant_id, id, payment_id, attempt_id, livemode, merchant_refund_no, request_hash, cause, amount_fen, currency, state, created_at, refunded_at, version)
    select mer, 'ref_' || ref, 'pay_' || pay, 'att_' || case kind when 'duplicate' then att2 else att end, true,
      case when kind in ('refunded', 'refund_refused') then 'refund-' || n end, case when kind in ('refunded', 'refund_refused') then sha256(convert_to(n::text, 'UTF8')) end,
      case when kind in ('duplicate', 'late') then kind else 'merchant' end, case kind when 'refunded' then fen / 2 else fen end, 'CNY',
      case kind when 'refund_refused' then 'refused' else 'succeeded' end, case kind when 'late' then t4 else t3 end,
      case when kind <> 'refund_refused' then t4 + interval '1 second' end, 2
    from b where ${refunds_kinds}`,
  // Every step, with the evidence that it names; `e` counts the channel's words of a payment.
  sql`create temporary table s on commit drop as select b.n, b.mer, b.account, b.key, x.* from b cross join lateral (values
      ('pay', pay, 1, null, 'pending', 'request', null::integer, t0),
      ('att', att, 1, null, 'sending', 'request', null, t0),
      ('att', case when kind <> 'second_try' then att end, 2, 'sending', 'waiting', 'answer', 1, t1),
      ('att', case when kind = 'second_try' then att end, 2, 'sending', 'refused', 'answer', 1, t1),
      ('att', case when kind in ('paid', 'refunded', 'refund_refused', 'duplicate') then att end, 3, 'waiting', 'succeeded', 'notification', 2, t2),
      ('pay', case when kind in ('paid', 'refunded', 'refund_refused') then pay end, 3, 'pending', 'paid', 'notification', 2, t2),
      ('pay', case when ${has_second} then pay end, 5, 'pending', 'paid', 'notification', 2, t2),
      ('att', case when ${has_second} then att2 end, 1, null, 'sending', 'request', null, t0 + interval '2 seconds'),
      ('att', case when ${has_second} then att2 end, 2, 'sending', 'waiting', 'answer', 3, t0 + interval '3 seconds'),
      ('att', case when kind = 'second_try' then att2 end, 3, 'waiting', 'succeeded', 'notification', 2, t2),
      ('att', case when kind = 'duplicate' then att2 end, 3, 'waiting', 'succeeded', 'query', 4, t3),
      ('att', case when ${is_closed} then att end, 3, 'waiting', 'closed', 'answer', 4, t3),
      ('pay', case when ${is_closed} then pay end, 4, 'pending', 'closed', 'answer', 4, t3),
      ('att', case when kind = 'late' then att end, 4, 'closed', 'succeeded', 'notification', 5, t4),
      ('ref', case when kind in ('refunded', 'refund_refused') then ref end, 1, null, 'sending', 'request', null, t3),
      ('ref', case when kind = 'duplicate' then ref end, 1, null, 'sending', 'query', 4, t3),
      ('ref', case when kind = 'late' then ref end, 1, null, 'sending', 'notification', 5, t4),
      ('ref', case when kind in ('refunded', 'duplicate', 'late') then ref end, 2, 'sending', 'succeeded', 'answer', 6, t4 + interval '1 second'),
      ('ref', case when kind = 'refund_refused' then ref end, 2, 'sending', 'refused', 'answer', 6, t4 + interval '1 second')
    ) as x (prefix, ulid, version, from_state, to_state, via, e, at) where x.ulid is not null`,
  sql`insert into transitions (merchant_id, object_id, version, from_state, to_state, via, evidence_id, at)
    select mer, prefix || '_' || ulid, version, from_state, to_state, via, case when e is not null then 'evi_' || pg_temp.ulid(at, 'e' || e || '/' || n) end, at from s`,
  sql`insert into evidence (merchant_id, id, channel_account_id, via, digest, sealed, received_at)
    select distinct on (n, e) mer, 'evi_' || pg_temp.ulid(at, 'e' || e || '/' || n), account, via, sha256(convert_to(e || '/' || n, 'UTF8')), pg_temp.sealed(key, e || '/' || n), at
    from s where e is not null order by n, e`,
  sql`insert into anomalies (merchant_id, id, livemode, kind, channel_account_id, payment_id, attempt_id, refund_id, fingerprint, detail, evidence_id, created_at)
    select mer, 'ano_' || pg_temp.ulid(t4, 'x' || n), true, 'refund_amount_mismatch', account, 'pay_' || pay, 'att_' || att, 'ref_' || ref, 'refund_amount_mismatch|ref_' || ref, '{}',
      'evi_' || pg_temp.ulid(t4 + interval '1 second', 'e6/' || n), t4 from b where kind = 'refund_refused'`,
  sql`create temporary table v on commit drop as select mer, type, object_id, object_version, at, 'evt_' || pg_temp.ulid(at, type || object_id) as id from (
      select mer, case prefix when 'pay' then 'payment.' else 'refund.' end || to_state as type, prefix || '_' || ulid as object_id, version as object_version, at from s
        where (prefix = 'pay' and to_state in ('paid', 'closed')) or (prefix = 'ref' and to_state in ('succeeded', 'refused'))
      union all select mer, 'payment.duplicate_received', 'pay_' || pay, 6, t3 from b where kind = 'duplicate'
      union all select mer, 'payment.late_received', 'pay_' || pay, 5, t4 from b where kind = 'late'
      union all select mer, 'payment.attempt_refused', 'pay_' || pay, 2, t1 from b where kind = 'second_try'
      union all select mer, 'anomaly.opened', 'ano_' || pg_temp.ulid(t4, 'x' || n), 1, t4 from b where kind = 'refund_refused'
    ) told`,
  sql`insert into events (merchant_id, id, livemode, type, object_id, object_version, payload, sequence, created_at)
    select mer, id, true, type, object_id, object_version, '{"object":"event","id":"' || id || '","type":"' || type || '","livemode":true,"created_at":"' || at || '","data":{"id":"'
        || object_id || '","filler":"' || repeat(md5(id), 20) || '"}}', row_number() over (partition by mer order by at, id), at from v`,
  sql`insert into event_sequences (merchant_id, livemode, last) select merchant_id, true, max(sequence) from events group by merchant_id`,
  sql`insert into deliveries (merchant_id, id, webhook_endpoint_id, event_id, state, tries, last_status, delivered_at, created_at)
    select mer, 'dlv_' || substr(v.id, 5, 10) || upper(substr(md5(v.id), 1, 16)), m.endpoint, v.id, 'delivered', 1, 200, at + interval '1 second', at from v join m on m.id = v.mer`,
  sql`insert into idempotency_keys (merchant_id, livemode, key, operation, request_hash, object_id, status, body_sealed, created_at)
    select mer, true, 'order-' || n, 'create_payment', sha256(convert_to(n::text, 'UTF8')), 'pay_' || pay, 201, pg_temp.sealed(key, 'reply' || n), t0 from b`,
];
