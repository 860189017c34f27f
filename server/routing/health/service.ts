import type { Method } from '@heliu/contract';
import type { Observer } from '../../channels/client.ts';
import type { PayFact } from '../../channels/define.ts';
import { account_health_rows_max } from '../../kernel/limits.ts';
import { randomHex } from '../../kernel/rng.ts';
import { addMs } from '../../kernel/time.ts';
import { perNode } from '../../platform/cache.ts';
import type { Ctx } from '../../platform/ctx.ts';
import { addHealth, findHealth } from '../store.ts';
import { isAccountsFault } from './fault.ts';
import { createHealth, type Health, type Seen } from './health.ts';

/** What this node knows of the accounts' health; shared with the others by news of opened circuits and by rows. */
export const healthOf = perNode((ctx): Health => {
  const health = createHealth((account_id, method) => {
    ctx.metrics.count('heliu_circuits_opened_total', { method });
    ctx.log.warn({ channel_account_id: account_id, method }, 'circuit opened');
    void ctx.changes.announce('account_health', `${account_id}/${method}`).catch(() => {});
  });
  ctx.changes.on('account_health', (id) => {
    const [account_id = '', method = ''] = id.split('/');
    health.suspect(account_id, method as Method, ctx.clock.monotonic_ms());
  });
  return health;
});

/** Watches the calls that send orders: what a channel answers to them is what routing decides by. */
export const observePayments =
  (ctx: Ctx): Observer =>
  (account, method) => {
    ownersOf(ctx).set(account.id, account.merchant_id);
    const call = healthOf(ctx).begin(account.id, method, ctx.clock.monotonic_ms());
    return (fact: PayFact) => call.end(isAccountsFault(fact) ? 'failed' : 'ok', ctx.clock.monotonic_ms());
  };

/** Whose account it is: rows are kept by merchant. */
const ownersOf = perNode(() => new Map<string, string>());

const share_ms = 5_000;
/** What a node that starts looks back to. */
const first_look_ms = 30 * 60_000;
const later_look_ms = 3 * 60_000;

/** Tells the other nodes what this one saw, and takes over what they saw, until it is stopped. */
export async function shareHealth(ctx: Ctx, stopping: AbortSignal): Promise<void> {
  const node = randomHex(ctx.rng, 8);
  const taken = new Map<string, Seen>();
  let look_ms = first_look_ms;
  while (!stopping.aborted) {
    await ctx.clock.sleep(share_ms, stopping);
    try {
      await tell(ctx, node);
      await take(ctx, node, look_ms, taken);
      look_ms = later_look_ms;
    } catch (error) {
      if (!stopping.aborted) ctx.log.warn({ error: error instanceof Error ? error : undefined }, 'health was not shared');
    }
  }
}

async function tell(ctx: Ctx, node: string): Promise<void> {
  const owners = ownersOf(ctx);
  const seen = healthOf(ctx).drain();
  if (seen.length === 0) return;
  const minute = new Date(Math.floor(ctx.clock.now().getTime() / 60_000) * 60_000);
  const rows = seen.map((each) => ({ ...each, merchant_id: owners.get(each.channel_account_id) ?? '' }));
  await addHealth(ctx, rows, minute, node);
}

async function take(ctx: Ctx, node: string, look_ms: number, taken: Map<string, Seen>): Promise<void> {
  const since = addMs(ctx.clock.now(), -look_ms);
  const rows = await findHealth(ctx, since, node, account_health_rows_max);
  const before = new Map(taken);
  taken.clear();
  for (const row of rows) {
    const key = `${row.node} ${row.channel_account_id} ${row.method} ${row.minute.getTime()}`;
    const known = before.get(key);
    taken.set(key, row);
    healthOf(ctx).absorb(
      {
        channel_account_id: row.channel_account_id,
        method: row.method,
        ok: row.ok - (known?.ok ?? 0),
        failed: row.failed - (known?.failed ?? 0),
        latency_ms_total: row.latency_ms_total - (known?.latency_ms_total ?? 0),
      },
      ctx.clock.monotonic_ms(),
    );
  }
}
