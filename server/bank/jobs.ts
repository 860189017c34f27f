import type { PaymentsCtx } from '../payments/ctx.ts';
import type { DueTask } from '../platform/due/sweeper.ts';
import { lookAt } from './service.ts';
import { type Account, claimAccounts } from './store.ts';

/** Bills come once a day, and statements are looked at when they come. */
const look_every_ms = 3_600_000;

/** The due rows of bank credits: accounts of which something may be missing, or may have been explained by a bill. */
export function bankTasks(ctx: PaymentsCtx): readonly DueTask<unknown>[] {
  const accounts: DueTask<Account> = {
    name: 'bank_accounts',
    lease_ms: look_every_ms,
    concurrency: 1,
    claim: (limit, now, lease) => claimAccounts(ctx, limit, now, lease),
    work: async (account) => {
      await lookAt(ctx, account);
    },
  };
  return [accounts as DueTask<unknown>];
}
