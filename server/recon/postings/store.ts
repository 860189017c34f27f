import { sql } from 'kysely';
import type { DayName } from '../bills/bill.ts';
import type { Trx } from '../bills/store.ts';

type Account = Pick<DayName, 'merchant_id' | 'channel_account_id'>;
export type Posted = { readonly id: string; readonly posting_id: string };

/** The bills of a day whose fee is posted. What a person undid is posted no more. */
export async function readPostedFees(trx: Trx, { merchant_id, channel_account_id, biz_date }: Omit<DayName, 'kind'>): Promise<readonly Posted[]> {
  const { rows } =
    await sql<Posted>`select id, fee_posting_id as posting_id from bills where merchant_id = ${merchant_id} and channel_account_id = ${channel_account_id}
    and kind = 'trade' and biz_date = ${biz_date} and fee_posting_id is not null
    and not exists (select 1 from ledger_postings r where r.merchant_id = bills.merchant_id and r.reverses_id = bills.fee_posting_id)`.execute(trx);
  return rows;
}

export async function nameFeePosting(
  trx: Trx,
  { merchant_id, bill_id, posting_id }: { merchant_id: string; bill_id: string; posting_id: string | null },
): Promise<void> {
  await sql`update bills set fee_posting_id = ${posting_id} where merchant_id = ${merchant_id} and id = ${bill_id}`.execute(trx);
}

export async function nameSuspensePosting(trx: Trx, { merchant_id, id }: { merchant_id: string; id: string }, posting_id: string): Promise<void> {
  await sql`update recon_exceptions set posting_id = ${posting_id} where merchant_id = ${merchant_id} and id = ${id}`.execute(trx);
}

/** Takes the postings from exceptions of an account that do not stand in suspense any more, and gives them. */
export async function releaseSuspense(trx: Trx, { merchant_id, channel_account_id }: Account): Promise<readonly Posted[]> {
  const { rows } = await sql<Posted>`with o as (
      select id, posting_id from recon_exceptions where merchant_id = ${merchant_id} and channel_account_id = ${channel_account_id} and posting_id is not null
        -- A credit that no bill explains is not in the book any more while it is none: before, its suspense took it back.
        and (state <> 'suspense' and not (state = 'closed' and resolution = 'suspense') or kind = 'bank_short' and our_fen = 0 and detail ->> 'reason' = 'unexplained')
      for update
    ) update recon_exceptions e set posting_id = null from o where e.merchant_id = ${merchant_id} and e.id = o.id returning e.id, o.posting_id`.execute(trx);
  return rows;
}
