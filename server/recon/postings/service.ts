import { newId } from '../../kernel/id.ts';
import { post, type ReversalsInput, reversePostings } from '../../ledger/service.ts';
import type { Ctx } from '../../platform/ctx.ts';
import type { DayName } from '../bills/bill.ts';
import type { Trx } from '../bills/store.ts';
import type { ReconException } from '../exceptions/exception.ts';
import { type FeeBill, feeDraft, suspenseDraft } from './draft.ts';
import * as store from './store.ts';

type Env = Pick<Ctx, 'clock' | 'rng'>;
type Place = Omit<DayName, 'kind'> & { readonly livemode: boolean };

/**
 * The ledger has the fee of the bill that is the day's, and of no other: posted once, and undone by name when another bill
 * takes its place. What is undone counts on the day of the bill as the new fee does, or both on the first open day. Undefined: the
 * day has no bill.
 */
export async function postFee(trx: Trx, env: Env, place: Place, bill: FeeBill | undefined): Promise<void> {
  const { merchant_id } = place;
  const posted = await store.readPostedFees(trx, place);
  const stale = posted.filter(({ id }) => id !== bill?.id);
  await undo(trx, env, place, stale, { reason: 'another bill took its place', dated: 'original' });
  for (const { id: bill_id } of stale) await store.nameFeePosting(trx, { merchant_id, bill_id, posting_id: null });
  if (!bill || posted.some(({ id }) => id === bill.id)) return;
  const draft = feeDraft(bill, newId('posting', env.clock.now(), env.rng));
  if (!draft) return;
  const [posting] = await post(trx, place, [draft]);
  if (posting) await store.nameFeePosting(trx, { merchant_id, bill_id: bill.id, posting_id: posting.id });
}

/** Posts what an exception writes to suspense, where an amount is disputed. */
export async function postSuspense(trx: Trx, env: Env, exception: ReconException): Promise<void> {
  const at = env.clock.now();
  const draft = suspenseDraft(exception, { source_id: newId('posting', at, env.rng), at });
  const [posting] = draft ? await post(trx, exception, [draft]) : [];
  if (posting) await store.nameSuspensePosting(trx, exception, posting.id);
}

/** Undoes the postings of exceptions that were in suspense and are settled, reopened or about another amount now. */
export async function undoSuspense(trx: Trx, env: Env, place: Omit<Place, 'biz_date'>): Promise<void> {
  await undo(trx, env, place, await store.releaseSuspense(trx, place), { reason: 'the difference is not in suspense any more', dated: 'now' });
}

async function undo(
  trx: Trx,
  { clock, rng }: Env,
  { merchant_id, livemode }: Omit<Place, 'biz_date'>,
  posted: readonly store.Posted[],
  why: Pick<ReversalsInput, 'reason' | 'dated'>,
): Promise<void> {
  const posting_ids = posted.map(({ posting_id }) => posting_id);
  await reversePostings(trx, { merchant_id, livemode }, { posting_ids, ...why, now: clock.now(), rng });
}
