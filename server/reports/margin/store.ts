import { sql } from 'kysely';
import type { Ctx } from '../../platform/ctx.ts';
import type { MarginRow } from './margin.ts';

export type Period = { readonly merchant_id: string; readonly livemode: boolean; readonly from: string; readonly through: string };

/** Each sum from its own tables, by channel account: turnovers of the ledger, current trade bills, days whose bill is wanted. */
export async function readMarginRows(ctx: Ctx, { merchant_id, livemode, from, through }: Period): Promise<readonly MarginRow[]> {
  const { rows } = await sql<MarginRow>`with priced as (
      select party_id as id, sum(credit_fen - debit_fen)::bigint as fee from ledger_turnovers
      where merchant_id = ${merchant_id} and livemode = ${livemode} and account = 'service_fee' and biz_date between ${from}::date and ${through}::date group by party_id
    ), billed as (
      select channel_account_id as id, sum(fee_millifen)::bigint as fee from bills
      where merchant_id = ${merchant_id} and livemode = ${livemode} and kind = 'trade' and state = 'current' and biz_date between ${from}::date and ${through}::date group by channel_account_id
    ), wanted as (
      select channel_account_id as id, count(*) as days from bill_days
      where merchant_id = ${merchant_id} and livemode = ${livemode} and kind = 'trade' and state = 'wanted' and biz_date between ${from}::date and ${through}::date group by channel_account_id
    )
    select a.channel, a.id as channel_account_id, coalesce(p.fee, 0)::bigint as service_fee_fen, coalesce(b.fee, 0)::bigint as channel_fee_millifen, coalesce(w.days, 0) as days_without_bill
    from channel_accounts a left join priced p on p.id = a.id left join billed b on b.id = a.id left join wanted w on w.id = a.id
    where a.merchant_id = ${merchant_id} and a.livemode = ${livemode} and (p.id is not null or b.id is not null) order by a.channel, a.id`.execute(
    ctx.db.kysely,
  );
  return rows;
}
