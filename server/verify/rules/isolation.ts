import { sql } from 'kysely';
import type { Link } from '../catalogue.ts';
import type { Query, Rule } from '../rule.ts';
import { absent, type Scope } from '../scope.ts';

const find_out = {
  zh: '先停用有关商户的密钥（heliu merchant suspend），再查明这一行是谁写的并报告。',
  en: 'Suspend the merchants concerned (heliu merchant suspend), find out who wrote the row, and report it.',
};

const link = (child: string, child_columns: string, parent: string, parent_columns: string): Link => ({
  child,
  child_columns: child_columns.split(' '),
  parent,
  parent_columns: parent_columns.split(' '),
});

/** What names a row of another table without a foreign key that would cost each payment a look-up, or names more than a key. */
export const links: readonly Link[] = [
  link('payments', 'merchant_id', 'merchants', 'id'),
  link('payments', 'merchant_id accepted_attempt_id id', 'attempts', 'merchant_id id payment_id'),
  link('payments', 'merchant_id latest_attempt_id id', 'attempts', 'merchant_id id payment_id'),
  link('payments', 'merchant_id store_id livemode', 'stores', 'merchant_id id livemode'),
  link('payments', 'merchant_id terminal_id store_id livemode', 'terminals', 'merchant_id id store_id livemode'),
  link('terminals', 'merchant_id store_id livemode', 'stores', 'merchant_id id livemode'),
  link('devices', 'merchant_id terminal_id store_id livemode', 'terminals', 'merchant_id id store_id livemode'),
  link('shifts', 'merchant_id device_id terminal_id livemode', 'devices', 'merchant_id id terminal_id livemode'),
  link('plates', 'merchant_id terminal_id store_id livemode', 'terminals', 'merchant_id id store_id livemode'),
  link('plates', 'merchant_id batch_id livemode', 'plate_batches', 'merchant_id id livemode'),
  link('plate_stock', 'merchant_id id livemode code', 'plates', 'merchant_id id livemode code'),
  link('attempts', 'merchant_id payment_id', 'payments', 'merchant_id id'),
  link('attempts', 'merchant_id channel_account_id channel', 'channel_accounts', 'merchant_id id channel'),
  link('attempts', 'merchant_id channel_account_id account_version', 'channel_account_versions', 'merchant_id channel_account_id version'),
  link('refunds', 'merchant_id payment_id livemode', 'payments', 'merchant_id id livemode'),
  link('refunds', 'merchant_id attempt_id payment_id', 'attempts', 'merchant_id id payment_id'),
  link('transitions', 'merchant_id evidence_id', 'evidence', 'merchant_id id'),
  link('evidence', 'merchant_id channel_account_id', 'channel_accounts', 'merchant_id id'),
  link('anomalies', 'merchant_id channel_account_id livemode', 'channel_accounts', 'merchant_id id livemode'),
  link('anomalies', 'merchant_id payment_id livemode', 'payments', 'merchant_id id livemode'),
  link('anomalies', 'merchant_id attempt_id payment_id', 'attempts', 'merchant_id id payment_id'),
  link('anomalies', 'merchant_id refund_id attempt_id', 'refunds', 'merchant_id id attempt_id'),
  link('anomalies', 'merchant_id evidence_id', 'evidence', 'merchant_id id'),
  link('checkout_sessions', 'merchant_id payment_id livemode', 'payments', 'merchant_id id livemode'),
  link('help_requests', 'merchant_id payment_id livemode', 'payments', 'merchant_id id livemode'),
  link('help_requests', 'merchant_id refund_id payment_id', 'refunds', 'merchant_id id payment_id'),
  link('cashier_payers', 'merchant_id payment_id', 'payments', 'merchant_id id'),
  link('cashier_payers', 'merchant_id channel_account_id account_version', 'channel_account_versions', 'merchant_id channel_account_id version'),
  link('events', 'merchant_id', 'merchants', 'id'),
  link('deliveries', 'merchant_id event_id', 'events', 'merchant_id id'),
  link('event_sequences', 'merchant_id', 'merchants', 'id'),
  link('ledger_books', 'merchant_id', 'merchants', 'id'),
  link('ledger_entries', 'merchant_id posting_id', 'ledger_postings', 'merchant_id id'),
  link('ledger_postings', 'merchant_id payment_id livemode', 'payments', 'merchant_id id livemode'),
  link('ledger_postings', 'merchant_id attempt_id payment_id', 'attempts', 'merchant_id id payment_id'),
  link('ledger_postings', 'merchant_id refund_id livemode', 'refunds', 'merchant_id id livemode'),
  link('statements', 'merchant_id store_id livemode', 'stores', 'merchant_id id livemode'),
  link('statements', 'merchant_id signing_key_id', 'statement_keys', 'merchant_id id'),
  link('idempotency_keys', 'merchant_id', 'merchants', 'id'),
  link('request_nonces', 'merchant_id api_key_id', 'api_keys', 'merchant_id id'),
];

/** Rows of the child whose parent is not there, or is another merchant's. A column without a value names nothing. */
function withoutParent(of: Scope, { child, child_columns, parent, parent_columns }: Link): Query {
  const named = child_columns.filter((column) => column !== 'merchant_id' && column !== 'livemode');
  const shown = [...new Set([...(of.catalogue.keys.get(child) ?? []), ...child_columns])];
  const equal = sql.join(
    child_columns.map((column, at) => sql`p.${sql.ref(parent_columns[at] as string)} = c.${sql.ref(column)}`),
    sql` and `,
  );
  const given =
    named.length === 0
      ? sql`true`
      : sql.join(
          named.map((column) => sql`c.${sql.ref(column)} is not null`),
          sql` and `,
        );
  const columns = sql.join(shown.map((column) => sql`c.${sql.ref(column)}`));
  const missing = sql`${sql.lit(child)}::text as table_name, ${sql.lit(parent)}::text as parent`;
  return sql`select ${missing}, ${columns} from ${of.table(child)} c where ${given} and ${absent(of, sql.table(parent), equal)}`;
}

/** What keeps merchants and modes apart. */
export const isolation_rules: readonly Rule[] = [
  {
    id: 'I-34.1',
    area: 'isolation',
    severity: 1,
    class: 'S',
    title: { zh: '事件只投递到同一商户、同一模式的端点', en: 'an event goes to endpoints of its own merchant and mode only' },
    remedy: find_out,
    names: ['merchant_id', 'delivery_id'],
    since: 'touched',
    queries: (of) => [
      sql`select d.merchant_id, d.id as delivery_id, d.event_id, d.webhook_endpoint_id from ${of.deliveries} d
        left join ${of.events} e on e.merchant_id = d.merchant_id and e.id = d.event_id
        left join webhook_endpoints w on w.merchant_id = d.merchant_id and w.id = d.webhook_endpoint_id
        where w.livemode is null or w.livemode is distinct from e.livemode`,
    ],
  },
  {
    id: 'I-41.1',
    area: 'isolation',
    severity: 1,
    class: 'S',
    title: {
      zh: '每一行的上级存在，且属于同一商户与模式（所有外键由系统目录生成，另加无外键的关联）',
      en: 'the parent of a row exists and belongs to the same merchant and mode: every foreign key of the catalogue, and links that have none',
    },
    remedy: find_out,
    names: ['table_name', 'merchant_id'],
    since: 'touched',
    queries: (of) => [...of.catalogue.foreign_keys, ...links].map((each) => withoutParent(of, each)),
  },
  {
    id: 'I-41.2',
    area: 'isolation',
    severity: 1,
    class: 'S',
    title: {
      zh: '尝试走的渠道账户与支付单同一模式：测试与真钱不相混',
      en: 'an attempt goes through an account of the mode of its payment: test and money never mix',
    },
    remedy: find_out,
    names: ['merchant_id', 'attempt_id'],
    since: 'touched',
    queries: (of) => [
      sql`select a.merchant_id, a.id as attempt_id, p.livemode, a.channel_account_id, c.livemode as account_livemode from ${of.attempts} a
        join ${of.payments} p on p.merchant_id = a.merchant_id and p.id = a.payment_id
        join channel_accounts c on c.merchant_id = a.merchant_id and c.id = a.channel_account_id
        where c.livemode <> p.livemode`,
    ],
  },
  {
    id: 'I-41.3',
    area: 'isolation',
    severity: 1,
    class: 'S',
    title: { zh: '历史与事件的对象是同一商户的', en: 'what a history or an event is about belongs to the same merchant' },
    remedy: find_out,
    names: ['merchant_id', 'object_id'],
    since: 'touched',
    queries: (of) =>
      [of.transitions, of.events].map(
        (rows) => sql`select c.merchant_id, c.object_id from ${rows} c where ${absent(of, objects, sql`p.merchant_id = c.merchant_id and p.id = c.object_id`)}`,
      ),
  },
  {
    id: 'I-42.1',
    area: 'isolation',
    severity: 2,
    class: 'S',
    title: { zh: '代理层级无环：每个代理商向上都通到顶级', en: 'agents form no circle: each leads up to one that stands at the top' },
    remedy: {
      zh: '代理商的结算单可能多算或漏算商户：以 heliu agent move <编号> --top 断开该环，并查明这一行是谁写的。',
      en: 'Statements of agents may count merchants wrongly: break the circle with heliu agent move <id> --top, and find out who wrote the row.',
    },
    names: ['agent_id'],
    since: 'everything',
    queries: (of) => [
      // `union` takes each agent once, so the walk ends whatever the tree is.
      sql`with recursive reached as (select id from ${of.table('agents')} a where parent_id is null
          union select a.id from ${of.table('agents')} a join reached r on a.parent_id = r.id)
        select a.id as agent_id, a.parent_id from ${of.table('agents')} a left join reached r on r.id = a.id where r.id is null`,
    ],
  },
];

/** Everything that a history or an event may be about. */
const objects = sql`(select merchant_id, id from payments union all select merchant_id, id from attempts union all select merchant_id, id from refunds
  union all select merchant_id, id from anomalies union all select merchant_id, id from webhook_endpoints
  union all select merchant_id, id from recon_exceptions)`;
