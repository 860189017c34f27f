import { sql } from 'kysely';
import type { Rule } from '../rule.ts';

const restore = {
  zh: '数据库结构被改动过：按 server/migrations 恢复它，再运行全部规则。',
  en: 'The schema was changed: restore it as server/migrations has it, then run all rules.',
};

/** What the database itself refuses a second time: each by its table, columns and condition. */
const unique_indexes: readonly (readonly [table: string, columns: string, where: string])[] = [
  ['payments', 'merchant_id,id', ''],
  ['payments', 'merchant_id,livemode,merchant_order_no', ''],
  ['payments', 'merchant_id,checkout_token', 'checkout_token IS NOT NULL'],
  ['attempts', 'merchant_id,id', ''],
  ['attempts', 'merchant_id,channel_account_id,channel_transaction_id', 'channel_transaction_id IS NOT NULL'],
  ['attempts', 'merchant_id,payment_id', "disposition = 'accepted'"],
  ['refunds', 'merchant_id,id', ''],
  ['refunds', 'merchant_id,livemode,merchant_refund_no', ''],
  ['refunds', 'merchant_id,attempt_id', "cause = ANY (ARRAY['duplicate', 'late']) AND state <> 'refused'"],
  ['transitions', 'merchant_id,object_id,version', ''],
  ['anomalies', 'merchant_id,fingerprint', ''],
  ['idempotency_keys', 'merchant_id,livemode,key', ''],
  ['events', 'merchant_id,livemode,sequence', 'sequence IS NOT NULL'],
  ['deliveries', 'merchant_id,webhook_endpoint_id,event_id', ''],
  ['ledger_postings', 'merchant_id,id', ''],
  ['ledger_postings', 'merchant_id,livemode,biz_date,no', ''],
  ['ledger_postings', 'merchant_id,reverses_id', 'reverses_id IS NOT NULL'],
  ['ledger_entries', 'merchant_id,posting_id,line', ''],
  ['merchants', 'code', ''],
  ['api_keys', 'secret_hash', ''],
  ['request_nonces', 'merchant_id,api_key_id,nonce', ''],
  ['checkout_sessions', 'merchant_id,payment_id', ''],
  ['cashier_payers', 'merchant_id,state_hash', ''],
  ['help_requests', 'merchant_id,payment_id', "state = 'opened'"],
  ['stores', 'merchant_id,livemode,store_no', ''],
  ['terminals', 'merchant_id,livemode,terminal_no', ''],
  ['plates', 'code', ''],
  ['devices', 'secret_hash', ''],
  ['shifts', 'merchant_id,terminal_id,opened_at', ''],
  ['plates', 'merchant_id,terminal_id', "state = 'active'"],
];

/** Checks that hold a row together whoever writes it. */
const guards: readonly (readonly [table: string, name: string])[] = [
  ['payments', 'payments_sound'],
  ['attempts', 'attempts_sound'],
  ['refunds', 'refunds_due'],
  ['deliveries', 'deliveries_due'],
  ['ledger_postings', 'ledger_postings_fee_within'],
  ['ledger_postings', 'ledger_postings_reversal'],
  ['ledger_entries', 'ledger_entries_account_check'],
];

/** Triggers that keep the ledger balanced, only added to and closed where it is closed. */
const triggers: readonly (readonly [table: string, name: string])[] = [
  ['ledger_entries', 'ledger_entries_sum_to_zero'],
  ['ledger_entries', 'ledger_entries_only_added'],
  ['ledger_postings', 'ledger_postings_only_added'],
  ['ledger_postings', 'ledger_postings_day_open'],
];

/** What holds of the tables themselves, by the catalogue. */
export const schema_rules: readonly Rule[] = [
  {
    id: 'I-07.1',
    area: 'schema',
    severity: 1,
    class: 'S',
    title: { zh: '守护唯一性的索引都在且有效', en: 'the unique indexes that idempotency rests on exist and are valid' },
    remedy: restore,
    names: ['table_name', 'columns'],
    since: 'everything',
    queries: () => {
      const wanted = sql.join(unique_indexes.map(([table, columns, where]) => sql`(${table}, ${columns}, ${where})`));
      return [
        sql`select w.table_name, w.columns, w.condition from (values ${wanted}) as w (table_name, columns, condition)
          where not exists (
            select 1 from pg_index i join pg_class c on c.oid = i.indrelid
            where c.relnamespace = current_schema()::regnamespace and c.relname = w.table_name and i.indisunique and i.indisvalid and i.indisready
              and (select string_agg(a.attname, ',' order by k.nth) from unnest(i.indkey::smallint[]) with ordinality as k (num, nth)
                join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.num) = w.columns
              and regexp_replace(coalesce(pg_get_expr(i.indpred, i.indrelid), ''), '::text(\\[\\])?|[()]', '', 'g')
                = regexp_replace(w.condition, '[()]', '', 'g'))`,
      ];
    },
  },
  {
    id: 'I-11.4',
    area: 'schema',
    severity: 1,
    class: 'S',
    title: { zh: '守护每一行的约束都在，且对全部数据有效', en: 'the checks that hold each row together exist and are validated' },
    remedy: restore,
    names: ['table_name', 'constraint_name'],
    since: 'everything',
    queries: () => [
      sql`select w.table_name, w.constraint_name from (values ${sql.join(guards.map(([table, name]) => sql`(${table}, ${name})`))}) as w (table_name, constraint_name)
        where not exists (select 1 from pg_constraint c join pg_class t on t.oid = c.conrelid
          where t.relnamespace = current_schema()::regnamespace and t.relname = w.table_name and c.conname = w.constraint_name and c.contype = 'c' and c.convalidated)`,
    ],
  },
  {
    id: 'I-25.2',
    area: 'schema',
    severity: 1,
    class: 'S',
    title: { zh: '守护账本的触发器都在且启用：借贷相抵、只增不改、结账后不入账', en: 'the triggers that guard the ledger exist and are enabled' },
    remedy: restore,
    names: ['table_name', 'trigger_name'],
    since: 'everything',
    queries: () => [
      sql`select w.table_name, w.trigger_name from (values ${sql.join(triggers.map(([table, name]) => sql`(${table}, ${name})`))}) as w (table_name, trigger_name)
        where not exists (select 1 from pg_trigger g join pg_class t on t.oid = g.tgrelid
          where t.relnamespace = current_schema()::regnamespace and t.relname = w.table_name and g.tgname = w.trigger_name and g.tgenabled in ('O', 'A'))`,
    ],
  },
  {
    id: 'I-28b.1',
    area: 'schema',
    severity: 1,
    class: 'S',
    title: {
      zh: '金额列都是整数、非空并有上下限；库中没有浮点列',
      en: 'columns of money are whole numbers with a check; no column is a floating-point number',
    },
    remedy: restore,
    names: ['table_name', 'column_name'],
    since: 'everything',
    queries: () => [
      sql`select c.relname::text as table_name, a.attname::text as column_name, format_type(a.atttypid, a.atttypmod) as type from pg_attribute a join pg_class c on c.oid = a.attrelid
        where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
          and (a.atttypid in ('real'::regtype, 'double precision'::regtype, 'money'::regtype, 'numeric'::regtype)
            or (a.attname in ('amount_fen', 'currency') and not a.attnotnull)
            or (a.attname like '%\\_fen' and (a.atttypid <> 'bigint'::regtype
              or not exists (select 1 from pg_constraint k where k.conrelid = c.oid and k.contype = 'c' and k.convalidated and a.attnum = any (k.conkey)))))`,
    ],
  },
  {
    id: 'I-41.4',
    area: 'schema',
    severity: 1,
    class: 'S',
    title: { zh: '外键都在、有效、未被停用，且商户对商户', en: 'foreign keys exist, are valid and enforced, and join merchant to merchant' },
    remedy: restore,
    names: ['table_name', 'constraint_name'],
    since: 'everything',
    queries: () => [
      sql`select c.conrelid::regclass::text as table_name, c.conname::text as constraint_name from pg_constraint c
        where c.contype = 'f' and c.connamespace = current_schema()::regnamespace and (
          not c.convalidated
          or exists (select 1 from pg_trigger g where g.tgconstraint = c.oid and g.tgenabled not in ('O', 'A'))
          or (exists (select 1 from pg_attribute a where a.attrelid = c.confrelid and a.attname = 'merchant_id')
            and not exists (select 1 from unnest(c.conkey, c.confkey) as k (child, parent)
              join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.child and a.attname = 'merchant_id'
              join pg_attribute b on b.attrelid = c.confrelid and b.attnum = k.parent and b.attname = 'merchant_id')))`,
      sql`select w.table_name, w.constraint_name from (values ${sql.join(references.map(([table, parent]) => sql`(${table}, ${parent})`))}) as w (table_name, constraint_name)
        where not exists (select 1 from pg_constraint c where c.contype = 'f' and c.connamespace = current_schema()::regnamespace
          and c.conrelid::regclass::text = w.table_name and c.confrelid::regclass::text = w.constraint_name)`,
    ],
  },
];

/** Tables that name a row of another with a foreign key. */
const references = [
  ['channel_accounts', 'merchants'],
  ['channel_account_versions', 'channel_accounts'],
  ['api_keys', 'merchants'],
  ['refunds', 'payments'],
  ['refunds', 'attempts'],
  ['webhook_endpoints', 'merchants'],
] as const;
