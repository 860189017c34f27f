import { sql } from 'kysely';
import type { Rule } from '../rule.ts';
import type { Fragment, Scope } from '../scope.ts';

const again = {
  zh: '重新对账该日：npm run heliu -- recon run --account <账户> --date <账单日>；仍存在则报告。',
  en: 'Match the day again: npm run heliu -- recon run --account <account> --date <day>; report it if it stays.',
};
const keep = {
  zh: '保留数据库备份并报告：账单与匹配由程序写入，不应被改动。',
  en: 'Keep a backup of the database and report it: bills and matches are written by Heliu alone.',
};

/** A matching takes minutes at most, and nodes' clocks differ: what became known so shortly before it ended, the next day's looks at. */
const matching_margin = sql.raw("interval '1 hour'");

/** What of ours succeeded by then had been looked at: a day is looked at again by the matchings of the seven days after it. */
const matched_days = (
  of: Scope,
): Fragment => sql`(select d.merchant_id, d.channel_account_id, d.biz_date, max(y.matched_at) as looked_at from ${of.table('bill_days')} d
  join ${of.table('bill_days')} y on y.merchant_id = d.merchant_id and y.channel_account_id = d.channel_account_id and y.kind = 'trade'
    and y.biz_date between d.biz_date and d.biz_date + 7
  where d.kind = 'trade' and d.matched_at is not null group by d.merchant_id, d.channel_account_id, d.biz_date)`;

/** What holds of bills, matches and exceptions. */
export const reconciliation_rules: readonly Rule[] = [
  {
    id: 'I-43.1',
    area: 'reconciliation',
    severity: 1,
    class: 'D',
    title: { zh: '已对账的账单每一行都有匹配或差错', en: 'every line of a matched bill has a match or an exception' },
    remedy: again,
    names: ['merchant_id', 'bill_id', 'line'],
    since: 'everything',
    // A refund that failed on both sides is no fact of either.
    queries: (of) => [
      sql`select l.merchant_id, l.bill_id, l.line, l.kind, l.amount_fen from ${of.table('bill_days')} d
        join ${of.table('bills')} b on b.merchant_id = d.merchant_id and b.id = d.bill_id and b.state = 'current'
        join ${of.table('bill_lines')} l on l.merchant_id = b.merchant_id and l.bill_id = b.id and l.state <> 'failed'
        where d.kind = 'trade' and d.matched_at is not null
          and not exists (select 1 from ${of.table('recon_matches')} m where m.merchant_id = l.merchant_id and m.bill_id = l.bill_id and m.line = l.line)
          and not exists (select 1 from ${of.table('recon_exceptions')} e where e.merchant_id = l.merchant_id and e.bill_id = l.bill_id and e.line = l.line)`,
      sql`select l.merchant_id, l.bill_id, l.line, 'adjustment' as kind from ${of.table('bill_days')} d
        join ${of.table('bills')} b on b.merchant_id = d.merchant_id and b.id = d.bill_id and b.state = 'current'
        join ${of.table('bill_adjustments')} l on l.merchant_id = b.merchant_id and l.bill_id = b.id
        where d.kind = 'trade' and d.matched_at is not null
          and not exists (select 1 from ${of.table('recon_exceptions')} e where e.merchant_id = l.merchant_id and e.bill_id = l.bill_id and e.kind = 'adjustment'
            and e.detail ->> 'adjustment_line' = l.line::text)`,
    ],
  },
  {
    id: 'I-43.2',
    area: 'reconciliation',
    severity: 1,
    class: 'S',
    title: { zh: '账单的一行至多与我方一笔匹配', en: 'a line of a bill is matched at most once' },
    remedy: keep,
    names: ['merchant_id', 'bill_id', 'line'],
    since: 'everything',
    queries: (of) => [
      sql`select merchant_id, bill_id, line, count(*) as matches from ${of.table('recon_matches')} m group by merchant_id, bill_id, line having count(*) > 1`,
    ],
  },
  {
    id: 'I-43.3',
    area: 'reconciliation',
    severity: 1,
    class: 'S',
    title: { zh: '匹配的两边是同一账户、同一金额，且我方已成功', en: 'both sides of a match are of one account and one amount, and ours succeeded' },
    remedy: keep,
    names: ['merchant_id', 'object_id', 'bill_id', 'line'],
    since: 'everything',
    queries: (of) => [
      sql`select m.merchant_id, m.object_id, m.bill_id, m.line, o.state, o.amount_fen as ours_fen, l.amount_fen as bill_fen from ${of.table('recon_matches')} m
        left join ${of.table('bill_lines')} l on l.merchant_id = m.merchant_id and l.bill_id = m.bill_id and l.line = m.line
        left join ${of.table('bills')} b on b.merchant_id = m.merchant_id and b.id = m.bill_id
        left join (
          select merchant_id, id, state, amount_fen, channel_account_id from attempts a
          union all select r.merchant_id, r.id, r.state, r.amount_fen, a.channel_account_id from refunds r join attempts a on a.merchant_id = r.merchant_id and a.id = r.attempt_id
        ) o on o.merchant_id = m.merchant_id and o.id = m.object_id
        where l.line is null or o.id is null or o.state <> 'succeeded' or o.amount_fen <> l.amount_fen
          or o.channel_account_id <> m.channel_account_id or b.channel_account_id <> m.channel_account_id`,
    ],
  },
  {
    id: 'I-43.4',
    area: 'reconciliation',
    severity: 1,
    class: 'D',
    title: {
      zh: '已对账之日成功的每笔付款与退款，都有匹配或未了结、已认下的差错；等次日账单的也是差错（cut_off）',
      en: 'each payment and refund that succeeded on a matched day has a match, or an exception that is open or was taken on; what waits for the next day\u2019s bill has one too (cut_off)',
    },
    remedy: again,
    names: ['merchant_id', 'object_id'],
    since: 'everything',
    // The few that are left after both joins are looked up one by one: what became known later, the next matching looks at.
    queries: (of) => [
      sql`select o.merchant_id, o.object_id, o.of, o.channel_account_id, o.biz_date, o.amount_fen from (
          select x.*, d.looked_at from (
            select a.merchant_id, a.id as object_id, 'payment' as of, a.channel_account_id, (a.paid_at at time zone 'Asia/Shanghai')::date as biz_date, a.amount_fen
              from attempts a where a.state = 'succeeded'
            union all select r.merchant_id, r.id, 'refund', a.channel_account_id, (r.created_at at time zone 'Asia/Shanghai')::date, r.amount_fen
              from refunds r join attempts a on a.merchant_id = r.merchant_id and a.id = r.attempt_id where r.state = 'succeeded'
          ) x join ${matched_days(of)} d on d.merchant_id = x.merchant_id and d.channel_account_id = x.channel_account_id and d.biz_date = x.biz_date
          where not exists (select 1 from ${of.table('recon_matches')} m where m.merchant_id = x.merchant_id and m.object_id = x.object_id)
            and not exists (select 1 from ${of.table('recon_exceptions')} e where e.merchant_id = x.merchant_id and e.object_id = x.object_id and e.standing
              and e.of <> 'other' and e.kind <> 'duplicate_line')
          offset 0
        ) o where (select max(t.at) from transitions t where t.merchant_id = o.merchant_id and t.object_id = o.object_id and t.to_state = 'succeeded')
          < o.looked_at - ${matching_margin}`,
    ],
  },
  {
    id: 'I-28.4',
    area: 'reconciliation',
    severity: 1,
    class: 'S',
    title: {
      zh: '账单手续费与挂账的差错，其凭证在账本中，手续费金额与账单一致',
      en: 'the fee of a bill and a difference in suspense have their posting, and the fee is what the bill says',
    },
    remedy: keep,
    names: ['merchant_id', 'posting_id'],
    since: 'everything',
    queries: () => [
      sql`select b.merchant_id, b.fee_posting_id as posting_id, b.id as bill_id, p.amount_fen, b.fee_millifen from bills b
        left join ledger_postings p on p.merchant_id = b.merchant_id and p.id = b.fee_posting_id and p.kind = 'channel_fee' and p.channel_account_id = b.channel_account_id
        where b.fee_posting_id is not null and (p.id is null or p.amount_fen <> abs(round(b.fee_millifen / 1000.0)))`,
      sql`select e.merchant_id, e.posting_id, e.id as recon_exception_id from recon_exceptions e
        left join ledger_postings p on p.merchant_id = e.merchant_id and p.id = e.posting_id and p.kind = 'suspense' and p.channel_account_id = e.channel_account_id
        where e.posting_id is not null and p.id is null`,
    ],
  },
  {
    id: 'I-28.5',
    area: 'reconciliation',
    severity: 1,
    class: 'S',
    title: {
      zh: '与账单日对应的银行到账有一张同额凭证，其和分毫不差；账单解释不了的到账不在账本中',
      en: 'a bank credit that is matched has its posting of the same amount, and comes to the same as its days, to the fen; one that no bill explains is not in the book',
    },
    remedy: keep,
    names: ['merchant_id', 'id'],
    since: 'everything',
    queries: () => [
      sql`select c.merchant_id, c.id, c.amount_fen, p.amount_fen as posted_fen from bank_credits c
        left join ledger_postings p on p.merchant_id = c.merchant_id and p.id = c.posting_id and p.kind = 'settlement' and p.channel_account_id = c.channel_account_id
        where (c.posting_id is not null or c.match_id is not null) and (p.id is null or p.amount_fen <> c.amount_fen)`,
      sql`select e.merchant_id, c.id, e.id as recon_exception_id, c.posting_id from recon_exceptions e
        join bank_credits c on c.merchant_id = e.merchant_id and c.id = split_part(e.fingerprint, '|', 4)
        where e.kind = 'bank_short' and e.detail ->> 'reason' = 'unexplained' and (e.closed_at is null or e.standing) and c.match_id is null and c.posting_id is not null`,
      sql`select merchant_id, match_id as id, sum(credited_fen) as credited_fen, sum(due_fen) as due_fen from (
          select merchant_id, channel_account_id, match_id, amount_fen as credited_fen, 0 as due_fen from bank_credits where match_id is not null
          union all select merchant_id, channel_account_id, match_id, 0, net_fen from bank_days where match_id is not null
        ) x group by merchant_id, channel_account_id, match_id having sum(credited_fen) <> sum(due_fen)`,
    ],
  },
  {
    id: 'I-45.1',
    area: 'reconciliation',
    severity: 2,
    class: 'S',
    title: { zh: '账单的行数与合计等于其各行', en: 'the count and sums of a bill are those of its lines' },
    remedy: { zh: '从原文件重新导入该账单（bill show --out 取出原文件）。', en: 'Import the bill again from its original (bill show --out writes it).' },
    names: ['merchant_id', 'bill_id'],
    since: 'everything',
    queries: (of) => [
      sql`select b.merchant_id, b.id as bill_id, b.lines, b.payment_fen, b.refund_fen, coalesce(s.lines, 0) as found, s.in_fen, s.out_fen from ${of.table('bills')} b
        left join (
          select merchant_id, bill_id, count(*) as lines, coalesce(sum(amount_fen) filter (where direction = 'in'), 0) as in_fen,
            coalesce(sum(amount_fen) filter (where direction = 'out'), 0) as out_fen
          from ${of.table('bill_lines')} group by merchant_id, bill_id
        ) s on s.merchant_id = b.merchant_id and s.bill_id = b.id
        where b.state in ('current', 'superseded') and (b.lines <> coalesce(s.lines, 0) or b.payment_fen <> coalesce(s.in_fen, 0) or b.refund_fen <> coalesce(s.out_fen, 0))`,
    ],
  },
  {
    id: 'I-45.2',
    area: 'reconciliation',
    severity: 2,
    class: 'S',
    title: { zh: '每份账单的原文件都在', en: 'the original of every bill is kept' },
    remedy: { zh: '从备份恢复 bill_files，或从渠道重新下载。', en: 'Restore bill_files from a backup, or fetch the bill from the channel again.' },
    names: ['merchant_id', 'bill_id'],
    since: 'everything',
    queries: (of) => [
      sql`select b.merchant_id, b.id as bill_id, b.bytes, count(f.piece) as pieces from ${of.table('bills')} b
        left join ${of.table('bill_files')} f on f.merchant_id = b.merchant_id and f.sha256 = b.sha256
        where b.state <> 'reading' group by b.merchant_id, b.id, b.bytes having count(f.piece) <> (b.bytes + 1048575) / 1048576`,
    ],
  },
  {
    id: 'I-45.3',
    area: 'reconciliation',
    severity: 1,
    class: 'S',
    title: { zh: '未入账的账单没有行', en: 'a file that is being read, or was refused, has no lines' },
    remedy: keep,
    names: ['merchant_id', 'bill_id'],
    since: 'everything',
    queries: (of) => [
      sql`select b.merchant_id, b.id as bill_id, b.state from ${of.table('bills')} b where b.state in ('reading', 'refused')
        and exists (select 1 from ${of.table('bill_lines')} l where l.merchant_id = b.merchant_id and l.bill_id = b.id)`,
    ],
  },
  {
    id: 'I-48.1',
    area: 'reconciliation',
    severity: 2,
    class: 'S',
    title: { zh: '差错的每一步都有人、有时、无缺号，且终点即现状', en: 'the steps of an exception have no gap, and the last one is what it is' },
    remedy: keep,
    names: ['merchant_id', 'exception_id'],
    since: 'everything',
    queries: (of) => [
      sql`select e.merchant_id, e.id as exception_id, e.version, e.state, s.steps, s.last, s.state as step_state from ${of.table('recon_exceptions')} e
        left join (
          select merchant_id, exception_id, count(*) as steps, max(version) as last, (array_agg(to_state order by version desc))[1] as state
          from ${of.table('recon_exception_steps')} group by merchant_id, exception_id
        ) s on s.merchant_id = e.merchant_id and s.exception_id = e.id
        where s.steps is distinct from e.version or s.last is distinct from e.version or s.state is distinct from e.state`,
    ],
  },
];
