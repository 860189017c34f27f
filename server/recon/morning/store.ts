import type { ExceptionKind } from '@heliu/contract';
import { sql } from 'kysely';
import type { Ctx } from '../../platform/ctx.ts';

/** What is open of one kind. */
export type OpenKind = { readonly kind: ExceptionKind; readonly count: number; readonly at_risk_fen: bigint; readonly oldest_at: Date };

/** What of a merchant, in one mode, needs a person. */
export type Needs = {
  readonly merchant_id: string;
  readonly merchant_code: string;
  readonly merchant_name: string;
  readonly livemode: boolean;
  /** Days whose bill, trade or fund, should be there and is not. */
  readonly missing_bills: number;
  /** Days whose bill is there and is not matched. */
  readonly unmatched_days: number;
  /** Days that are over and not closed, and the first of them. */
  readonly unclosed_days: number;
  readonly first_unclosed: string | null;
  readonly open_exceptions: number;
  readonly at_risk_fen: bigint;
  readonly oldest_at: Date | null;
};

export type NeedsFilter = {
  readonly livemode?: boolean | undefined;
  /** The day that is not over. */
  readonly today: string;
  readonly now: Date;
  readonly limit: number;
};

/**
 * Merchants of whom something is open, those with the most at risk first. All of it is read from indexes of what is open, so that
 * what was closed over the years costs nothing.
 */
export async function readNeeds(ctx: Ctx, { livemode, today, now, limit }: NeedsFilter): Promise<readonly Needs[]> {
  const of_mode = livemode === undefined ? sql`true` : sql`livemode = ${livemode}`;
  // Before the channel's hour nobody waits for a bill.
  const is_awaited = sql`(tries > 0 or next_fetch_at is null or next_fetch_at <= ${now})`;
  const { rows } = await sql<Needs>`with parts as (
      select merchant_id, livemode, 0 as missing, count(*) filter (where state <> 'wanted' and matched_at is null) as unmatched, count(*) as unclosed, min(biz_date) as first_unclosed,
        0 as open, 0 as at_risk, null::timestamptz as oldest
        from bill_days where kind = 'trade' and closed_at is null and biz_date < ${today}::date and ${of_mode} group by merchant_id, livemode
      union all
      select merchant_id, livemode, count(*), 0, 0, null, 0, 0, null
        from bill_days where state = 'wanted' and biz_date < ${today}::date and ${is_awaited} and ${of_mode} group by merchant_id, livemode
      union all
      select merchant_id, livemode, 0, 0, 0, null, count(*), sum(at_risk_fen), min(coalesce(reopened_at, opened_at))
        from recon_exceptions where closed_at is null and ${of_mode} group by merchant_id, livemode
    ), needs as (
      select merchant_id, livemode, sum(missing)::integer as missing_bills, sum(unmatched)::integer as unmatched_days, sum(unclosed)::integer as unclosed_days, min(first_unclosed) as first_unclosed,
        sum(open)::integer as open_exceptions, sum(at_risk)::bigint as at_risk_fen, min(oldest) as oldest_at
      from parts group by merchant_id, livemode order by at_risk_fen desc, missing_bills desc, unclosed_days desc, merchant_id, livemode limit ${limit}
    )
    select n.*, (select code from merchants where id = n.merchant_id) as merchant_code, (select name from merchants where id = n.merchant_id) as merchant_name from needs n
    order by at_risk_fen desc, missing_bills desc, unclosed_days desc, merchant_id, livemode`.execute(ctx.db.kysely);
  return rows;
}

/** What is open of these merchants by kind, the most at risk first. */
export async function readOpenKinds(
  ctx: Ctx,
  merchant_ids: readonly string[],
): Promise<readonly (OpenKind & { readonly merchant_id: string; readonly livemode: boolean })[]> {
  if (merchant_ids.length === 0) return [];
  const { rows } = await sql<OpenKind & { merchant_id: string; livemode: boolean }>`select merchant_id, livemode, kind, count(*)::integer as count,
      sum(at_risk_fen)::bigint as at_risk_fen, min(coalesce(reopened_at, opened_at)) as oldest_at
    from recon_exceptions where closed_at is null and merchant_id = any (${merchant_ids}::text[])
    group by merchant_id, livemode, kind order by at_risk_fen desc, kind`.execute(ctx.db.kysely);
  return rows;
}
