import assert from 'node:assert/strict';
import { sql } from 'kysely';
import { dayStart } from '../../channels/bill.ts';
import { newId } from '../../kernel/id.ts';
import { addMs } from '../../kernel/time.ts';
import { createTestRng } from '../../testing/rng.ts';
import type { World } from '../../testing/world.ts';
import type { Trx } from '../bills/store.ts';
import type { Run } from '../matching/store.ts';

const day_ms = 86_400_000;
const biz_date = '2026-11-21';
/** Payments of three years, each with its match, and a hundred of the day. */
const old_payments = 12_000;
const old_days = 1_000;
/** What one look may read of a table: of the day some hundreds, of the years nothing. */
const rows_max = 1_500;

type Made = { readonly at: Date; readonly paid_at?: Date; readonly bill_id?: string | undefined; readonly refunded?: 'matched' | 'missing' };

/** A merchant of three years whose day has 81 of its payments in its bill `bil_day`, beside what `missing` names and one that a superseded bill has. */
export async function aLongMerchant(world: World) {
  const rng = createTestRng('years');
  const of_day = {
    missing: [] as string[],
    superseded_bill: newId('bill', dayStart(biz_date), rng),
    settled: newId('recon_exception', dayStart(biz_date), rng),
  };
  const merchant_id = world.merchant.id;
  const channel_account_id = world.accounts.get('wechatpay') as string;
  const run: Run = {
    merchant_id,
    merchant_code: world.merchant.code,
    channel_account_id,
    biz_date,
    bill_id: null,
    receiver: '',
    is_large: false,
    has_many_refunds: false,
    is_fresh: true,
  };
  const noon = addMs(dayStart(biz_date), day_ms / 2);
  const long_ago = addMs(noon, -40 * day_ms);
  const made: Made[] = Array.from({ length: old_payments }, (_, n) => {
    const at = addMs(noon, -(30 + (n % old_days)) * day_ms);
    return { at, bill_id: `bil_${n % old_days}`, ...(n % 10 === 0 ? { refunded: 'matched' as const } : {}) };
  });
  made.push(...Array.from({ length: 80 }, (_, n) => ({ at: addMs(noon, n), bill_id: 'bil_day', ...(n < 5 ? { refunded: 'matched' as const } : {}) })));
  made.push(...Array.from({ length: 8 }, (_, n) => ({ at: addMs(noon, n) })));
  made.push({ at: long_ago, paid_at: noon, bill_id: 'bil_day' }, { at: long_ago, paid_at: noon }, { at: noon, bill_id: of_day.superseded_bill });
  made.push({ at: noon, bill_id: 'bil_day', refunded: 'missing' }, { at: long_ago, bill_id: 'bil_day' });

  const rows = made.map(({ at, paid_at = at, bill_id, refunded }, n) => {
    const id = newId('attempt', at, rng);
    const payment_id = newId('payment', at, rng);
    const refund = refunded && { refund_id: newId('refund', at, rng), refund_bill: refunded === 'matched' ? bill_id : undefined };
    if (bill_id === undefined) of_day.missing.push(id);
    if (refund && refunded === 'missing') of_day.missing.push(refund.refund_id);
    return { id, payment_id, n, at, paid_at, bill_id, ...refund };
  });
  of_day.missing.sort();
  await world.ctx.db.kysely.transaction().execute(async (trx) => {
    await sql`create temp table x on commit drop as select * from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      as r (id text, payment_id text, n integer, at timestamptz, paid_at timestamptz, bill_id text, refund_id text, refund_bill text)`.execute(trx);
    await sql`insert into payments (merchant_id, id, livemode, merchant_order_no, request_hash, amount_fen, currency, subject, state, paid_fen, accepted_attempt_id, latest_attempt_id, attempt_count,
        expires_at, paid_at, created_at, version)
      select ${merchant_id}, payment_id, false, 'years-' || n, '\\x00', 100, 'CNY', 'tea', 'paid', 100, id, id, 1, at + interval '60 days', paid_at, at, 3 from x`.execute(
      trx,
    );
    await sql`insert into attempts (merchant_id, id, payment_id, channel, channel_account_id, account_version, method, amount_fen, currency, request, state, disposition, next_action,
        channel_transaction_id, payer_amount_fen, paid_at, created_at, version)
      select ${merchant_id}, id, payment_id, 'wechatpay', ${channel_account_id}, 1, 'wechat_qr', 100, 'CNY', '{}', 'succeeded', 'accepted', '{"type":"none"}', '4200' || n, 100, paid_at, at, 3
      from x`.execute(trx);
    await sql`insert into refunds (merchant_id, id, payment_id, attempt_id, livemode, cause, amount_fen, currency, state, channel_refund_id, created_at, refunded_at, version)
      select ${merchant_id}, refund_id, payment_id, id, false, 'merchant', 50, 'CNY', 'succeeded', '5030' || n, at, at, 2 from x where refund_id is not null`.execute(
      trx,
    );
    await sql`insert into recon_matches (merchant_id, object_id, channel_account_id, bill_id, line, key)
      select ${merchant_id}, id, ${channel_account_id}, bill_id, n, 'order_no' from x where bill_id is not null
      union all select ${merchant_id}, refund_id, ${channel_account_id}, refund_bill, n + 1000000, 'refund_no' from x where refund_bill is not null`.execute(
      trx,
    );
    // Half of the years' payments were looked for once, and were found in a later bill; of the day one was, and its match is new.
    await sql`insert into recon_exceptions (merchant_id, id, livemode, channel, channel_account_id, biz_date, kind, fingerprint, state, object_id, "of", at_risk_fen, proposal, standing, resolution,
        opened_at, closed_at, version)
      select ${merchant_id}, 'exc_' || substr(id, 5), false, 'wechatpay', ${channel_account_id}, (at at time zone 'Asia/Shanghai')::date, 'ours_only', 'ours_only|' || id, 'closed', id, 'payment', 100,
        'ask_channel', false, 'matched', at, at, 3 from x where n < ${old_payments} and n % 2 = 0
      union all select ${merchant_id}, ${of_day.settled}, false, 'wechatpay', ${channel_account_id}, ${biz_date}::date, 'ours_only', 'ours_only|new', 'proposed', id, 'payment', 100, 'ask_channel', true,
        null, at, null, 2 from x where n = ${old_payments}`.execute(trx);
    await sql`insert into bills (merchant_id, id, livemode, channel, channel_account_id, kind, biz_date, version, source, state, sha256, bytes, lines, imported_by, created_at)
      values (${merchant_id}, ${of_day.superseded_bill}, false, 'wechatpay', ${channel_account_id}, 'trade', ${biz_date}, 1, 'upload', 'superseded', '\\x00', 1, 1, 'test', ${noon})`.execute(
      trx,
    );
    await sql`insert into ledger_postings (merchant_id, id, livemode, no, kind, source_id, currency, amount_fen, payment_id, attempt_id, refund_id, channel_account_id, channel, method, fact_at,
        fact_date, biz_date, detail)
      select ${merchant_id}, 'pst_' || substr(id, 5), false, n + 1, 'payment', id, 'CNY', 100, payment_id, id, null, ${channel_account_id}, 'wechatpay', 'wechat_qr', paid_at, d, d, '{}'::jsonb
        from (select *, (paid_at at time zone 'Asia/Shanghai')::date as d from x) x
      union all select ${merchant_id}, 'pst_' || substr(refund_id, 5), false, n + 1000000, 'refund', refund_id, 'CNY', 50, payment_id, id, refund_id, ${channel_account_id}, 'wechatpay', 'wechat_qr', at, d, d, '{}'::jsonb
        from (select *, (at at time zone 'Asia/Shanghai')::date as d from x) x where refund_id is not null`.execute(trx);
    await sql`insert into ledger_entries (merchant_id, posting_id, line, account, party_id, currency, amount_fen)
      select p.merchant_id, p.id, e.line, e.account, ${channel_account_id}, 'CNY', e.sign * case p.kind when 'payment' then p.amount_fen else -p.amount_fen end
      from ledger_postings p, (values (1, 'channel_receivable', 1), (2, 'merchant_due', -1)) as e (line, account, sign) where p.merchant_id = ${merchant_id}`.execute(
      trx,
    );
    await sql`insert into bill_days (merchant_id, channel_account_id, kind, biz_date, livemode, channel, state, matched_at, created_at)
      select ${merchant_id}, ${channel_account_id}, 'trade', d::date, false, 'wechatpay', 'empty', ${noon}, ${noon} from generate_series(${biz_date}::date - ${old_days}::integer - 30, ${biz_date}::date, interval '1 day') d
      on conflict do nothing`.execute(trx);
  });
  await sql`vacuum analyze payments, attempts, refunds, recon_matches, recon_exceptions, bills, bill_days, ledger_postings, ledger_entries`.execute(
    world.ctx.db.kysely,
  );
  return { run, of_day };
}

/** Rows and index entries that this connection has read of each table, and not reported yet. */
export async function readSoFar(trx: Trx): Promise<Record<string, number>> {
  const { rows } = await sql<{ table: string; rows: number }>`select c.relname as table, (pg_stat_get_xact_tuples_returned(c.oid)
      + (select coalesce(sum(pg_stat_get_xact_tuples_returned(i.indexrelid)), 0) from pg_index i where i.indrelid = c.oid))::integer as rows
    from pg_class c where c.relname in ('attempts', 'refunds', 'recon_matches', 'recon_exceptions', 'ledger_postings', 'ledger_entries') and c.relkind = 'r'`.execute(
    trx,
  );
  return Object.fromEntries(rows.map((row) => [row.table, row.rows]));
}

/** The largest of the tables is a dozen times what may be read: whoever reads one whole is found out. */
export const assertFew = (read: Record<string, number>): void => {
  assert.equal(Object.keys(read).length, 6);
  for (const [table, rows] of Object.entries(read)) assert.ok(rows <= rows_max, `${rows} of ${table}`);
};
