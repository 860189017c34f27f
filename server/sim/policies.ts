import { sql } from 'kysely';
import type { MoneyPolicy } from '../payments/decide-payment.ts';
import type { Violation } from '../testing/invariants.ts';
import type { World } from './world.ts';

/** What a merchant wanted done with money that no payment waits for, and while which this may have been what the database said. */
export type Wish = { readonly policy: MoneyPolicy; readonly from_ms: number; to_ms: number; settled: boolean };

/** A change begins: until it is answered, both may be so. Gives what to call when the database has it; one that fails leaves it open. */
export function changeWish(wishes: Wish[], policy: MoneyPolicy, now_ms: () => number): { readonly done: () => void; readonly failed: () => void } {
  const wish: Wish = { policy, from_ms: now_ms(), to_ms: Number.POSITIVE_INFINITY, settled: false };
  const before = [...wishes];
  wishes.push(wish);
  return {
    // What is still on its way may be written later than this.
    done: () => {
      wish.settled = true;
      for (const each of before) if (each.settled) each.to_ms = Math.min(each.to_ms, now_ms());
    },
    failed: () => {
      wish.settled = true;
    },
  };
}

/** A node reads the merchant, asks a channel, stands still perhaps, and then decides. */
const stale_ms_max = 600_000;

type Decided = {
  readonly merchant_id: string;
  readonly attempt_id: string;
  readonly disposition: 'accepted' | 'duplicate' | 'late';
  readonly kept: boolean | null;
  readonly reversing_at: Date | null;
  readonly cancelled: boolean;
  readonly reopened: boolean;
  readonly at: Date;
};

/** I-05: what became of duplicate and late money is what its merchant wanted when it was decided. */
export async function brokenPolicies({ plain, merchants }: World): Promise<Violation[]> {
  const { rows } =
    await sql<Decided>`select a.merchant_id, a.id as attempt_id, a.disposition, a.kept, a.reversing_at, coalesce(p.closing = 'cancel', false) as cancelled, t.at,
      exists (select 1 from transitions r where r.merchant_id = p.merchant_id and r.object_id = p.id and r.from_state = 'closed' and r.to_state = 'paid') as reopened
    from attempts a join payments p on p.merchant_id = a.merchant_id and p.id = a.payment_id
    join transitions t on t.merchant_id = a.merchant_id and t.object_id = a.id and t.to_state = 'succeeded'`.execute(plain.db.kysely);
  const wishes = new Map(merchants.map((merchant) => [merchant.id, merchant.wishes]));
  const wrong = rows.filter((decided) => {
    const at_ms = decided.at.getTime();
    const possible = (wishes.get(decided.merchant_id) ?? []).filter(({ from_ms, to_ms }) => from_ms <= at_ms + 1 && at_ms <= to_ms + stale_ms_max);
    return !possible.some(({ policy }) => isDecidedBy(policy, decided));
  });
  return wrong.length === 0 ? [] : [{ invariant: 'I-05 money was decided about against what its merchant wanted then', rows: wrong }];
}

function isDecidedBy({ duplicate_policy, late_policy }: MoneyPolicy, { disposition, kept, reversing_at, cancelled, reopened }: Decided): boolean {
  if (disposition === 'accepted') return kept === null && (!reopened || late_policy === 'accept');
  if (reversing_at !== null) return kept === false;
  if (disposition === 'late') return kept === false && (cancelled || late_policy === 'refund');
  return kept === (duplicate_policy === 'keep');
}
