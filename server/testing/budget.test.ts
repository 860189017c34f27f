import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { operations } from '@heliu/contract';
import { sql } from 'kysely';
import { bindingProblems } from '../platform/http/bind.ts';
import { until } from './until.ts';
import { aWorld, type World } from './world.ts';

/** What architecture.md §6 promises of the hot path, measured on one payment of a node that knows its merchant already. */
let world: World;
before(async () => {
  world = await aWorld();
  world.hold_notifications = true;
  // Once before it counts: caches are warm, statements are prepared.
  for (const method of ['wechat_qr', 'alipay_qr']) {
    const { payment } = await measuredCreate(method);
    await measuredNotification(payment);
  }
});
after(() => world.close());

const channels = { wechat_qr: 'wechatpay', alipay_qr: 'alipay' } as Record<string, string>;
const metric = async (pattern: RegExp): Promise<number> => Number(pattern.exec(await world.ctx.metrics.expose())?.[1] ?? 0);
const statements = () => metric(/^heliu_db_statements_total (\d+)$/m);
/** Counted after the delivery was marked. */
const delivered = () => metric(/^heliu_deliveries_total\{result="delivered"\} (\d+)$/m);
/** Virtual time stands still, so nobody sweeps: what was begun ends, and then all that is counted belongs to the work. */
const quiet = async () => {
  let last = -1;
  let looks = 0;
  await until('no statement is under way', async () => {
    const now = await statements();
    looks = now === last ? looks + 1 : 0;
    last = now;
    return looks === 5;
  });
};
async function counted<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly count: number }> {
  await quiet();
  const before_count = await statements();
  const result = await work();
  await quiet();
  return { result, count: (await statements()) - before_count };
}

let numbered = 0;
async function measuredCreate(method: string) {
  const body = { merchant_order_no: `b-${++numbered}`, amount_fen: 100, subject: '一杯茶', method };
  const { result, count } = await counted(() => world.api('POST', '/v1/payments', { body, idempotency_key: body.merchant_order_no }));
  assert.equal(result.status, 201, result.text);
  return { payment: result.body, count };
}

/** Pays, catches the notification and delivers it by hand: the count is of the notification, and of the webhook that it causes. */
async function measuredNotification(payment: { id: string; attempt: { channel: string; channel_order_no: string } }) {
  const simulator = world.simulators.get(payment.attempt.channel);
  assert(simulator);
  const sent_before = world.notified.length;
  await world.flow(simulator.act(payment.attempt.channel_order_no, { do: 'pay' }));
  await world.until(() => world.notified.length > sent_before);
  const notification = world.notified[sent_before];
  assert(notification);
  const { url, headers, body } = notification;
  const delivered_before = await delivered();
  const { result, count } = await counted(async () => {
    const answer = await fetch(url, { method: 'POST', headers, body });
    await until('the webhook was delivered', async () => (await delivered()) === delivered_before + 1);
    return answer.status;
  });
  assert.ok(result < 300);
  return count;
}

describe('statements for one payment', () => {
  for (const method of Object.keys(channels)) {
    it(`create by ${method}: at most 3; notification and delivery: at most 3 and 2`, async (t) => {
      const { payment, count } = await measuredCreate(method);
      assert.equal(payment.attempt.channel, channels[method]);
      const rest = await measuredNotification(payment);
      t.diagnostic(`create ${count}, notification and delivery ${rest}`);
      assert.ok(count >= 2 && count <= 3, `${count} statements for a create`);
      // The node remembers what it has just made and sends what it tells: a change and a mark are the least.
      assert.ok(rest >= 2 && rest <= 3 + 2, `${rest} statements for a notification and its delivery`);
    });
  }
});

it('every operation of the contract is bound once, and nothing else', () => {
  const [node] = world.nodes;
  assert(node);
  assert.deepEqual(bindingProblems(node.http.fastify, operations), []);
});

/** Tables that every payment writes or reads, however many merchants there are. */
const hot_tables = [
  'payments',
  'attempts',
  'refunds',
  'transitions',
  'evidence',
  'anomalies',
  'events',
  'event_sequences',
  'deliveries',
  'idempotency_keys',
  'request_nonces',
  'webhook_endpoints',
  'channel_accounts',
  'channel_account_versions',
  'channel_sessions',
  'ledger_books',
  'ledger_postings',
  'ledger_entries',
  'ledger_turnovers',
  'ledger_closes',
  'prices',
  'price_volumes',
  'checkout_sessions',
  'cashier_payers',
  'rule_sets',
  'routing_terms',
  'routing_decisions',
  'quota_counters',
  'account_health',
  'statements',
  'statement_chunks',
  'statement_keys',
  'settlement_terms',
];

describe('the schema', () => {
  it('primary keys and unique indexes of hot tables begin with merchant_id', async () => {
    const { rows } = await sql<{ table: string; index: string; first: string }>`
      select t.relname as table, i.relname as index, a.attname as first
      from pg_index x join pg_class t on t.oid = x.indrelid join pg_class i on i.oid = x.indexrelid
      join pg_namespace n on n.oid = t.relnamespace join pg_attribute a on a.attrelid = t.oid and a.attnum = x.indkey[0]
      where n.nspname = 'public' and x.indisunique and t.relname = any (${hot_tables})`.execute(world.ctx.db.kysely);
    assert.deepEqual([...new Set(rows.map(({ table }) => table))].sort(), hot_tables.toSorted(), 'each of them has a key');
    assert.deepEqual(
      rows.filter(({ first }) => first !== 'merchant_id'),
      [],
    );
  });

  it('every table is known to be hot, or is on the list of those that are not', async () => {
    const { rows } = await sql<{ name: string }>`
      select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`.execute(world.ctx.db.kysely);
    const cold = [
      'merchants',
      'agents',
      'agent_statement_keys',
      'api_keys',
      'data_keys',
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
      'cashier_settings',
      'help_requests',
      'calendar_days',
      'bill_days',
      'bill_horizons',
      'bills',
      'bill_files',
      'bill_lines',
      'bill_adjustments',
      'recon_matches',
      'recon_exceptions',
      'recon_exception_steps',
      'recon_settings',
      'recon_signing_keys',
      'recon_day_closes',
      'daily_closes',
      'bank_accounts',
      'bank_credits',
      'bank_days',
      'bank_imports',
    ];
    const bookkeeping = rows.map(({ name }) => name).filter((name) => name.includes('migration'));
    assert.deepEqual(rows.map(({ name }) => name).sort(), [...hot_tables, ...cold, ...bookkeeping].sort());
  });

  it('I-07 the uniqueness that idempotency stands on is the database\u2019s', async () => {
    const { rows } = await sql<{ definition: string }>`select indexdef as definition from pg_indexes where schemaname = 'public'`.execute(world.ctx.db.kysely);
    const unique = rows.map(({ definition }) => definition).filter((definition) => definition.startsWith('CREATE UNIQUE INDEX'));
    for (const columns of [
      '(merchant_id, livemode, merchant_order_no)',
      '(merchant_id, channel_account_id, channel_transaction_id) WHERE (channel_transaction_id IS NOT NULL)',
      '(merchant_id, livemode, merchant_refund_no)',
      '(merchant_id, livemode, key)',
      '(merchant_id, webhook_endpoint_id, event_id)',
      '(merchant_id, object_id, version)',
      '(merchant_id, fingerprint)',
    ]) {
      assert.ok(
        unique.some((definition) => definition.replaceAll(' COLLATE "C"', '').endsWith(columns)),
        columns,
      );
    }
    assert.ok(unique.some((definition) => /ON public\.attempts .*\(merchant_id, payment_id\) WHERE \(disposition = 'accepted'/.test(definition)));
    assert.ok(unique.some((definition) => /ON public\.refunds .*\(merchant_id, attempt_id\) WHERE/.test(definition)));
  });

  it('I-28b no column counts in floating point, and every amount is a bigint that is checked', async () => {
    const { rows } = await sql<{ table: string; column: string; type: string; nullable: string }>`
      select c.table_name as table, c.column_name as column, c.data_type as type, c.is_nullable as nullable
      from information_schema.columns c where c.table_schema = 'public'`.execute(world.ctx.db.kysely);
    assert.deepEqual(
      rows.filter(({ type }) => ['real', 'double precision', 'numeric', 'money'].includes(type)),
      [],
    );
    const amounts = rows.filter(({ column }) => column.endsWith('_fen'));
    assert.ok(amounts.length >= 7, `${amounts.length} amounts`);
    for (const { table, column, type } of amounts) {
      assert.equal(type, 'bigint', `${table}.${column}`);
      const checks = await sql<{ definition: string }>`
        select pg_get_constraintdef(k.oid) as definition from pg_constraint k join pg_class t on t.oid = k.conrelid
        where k.contype = 'c' and t.relname = ${table}`.execute(world.ctx.db.kysely);
      assert.ok(
        checks.rows.some(({ definition }) => new RegExp(`\\(${column} >= `).test(definition)),
        `${table}.${column} is checked`,
      );
    }
    for (const table of ['payments', 'attempts', 'refunds']) {
      assert.equal(rows.find((row) => row.table === table && row.column === 'currency')?.nullable, 'NO');
    }
  });

  it('money that the rules do not allow is refused by the database itself', async () => {
    const { payment } = await measuredCreate('wechat_qr');
    const forbidden: readonly Record<string, bigint | string>[] = [
      { amount_fen: 0n },
      { amount_fen: 10_000_000_001n },
      { refunded_fen: 1n },
      { paid_fen: 100n },
      { paid_fen: -1n },
      { state: 'paid' },
    ];
    for (const change of forbidden) {
      await assert.rejects(world.ctx.db.kysely.updateTable('payments').set(change).where('id', '=', payment.id).execute(), { code: '23514' });
    }
  });
});
