import { session_ask_ms } from '../kernel/limits.ts';
import type { DueTask } from '../platform/due/sweeper.ts';
import { renewKey, type SessionsCtx } from './sessions/service.ts';
import type { SessionRow } from './sessions/session.ts';
import { claimSessions } from './sessions/store.ts';

/** At midnight all keys of a gateway are due at once; payers' own requests keep most of the room. */
const concurrency = 8;

/** The due rows of merchants: keys of channel accounts that are good for a time. */
export function merchantTasks(ctx: SessionsCtx): readonly DueTask<unknown>[] {
  const sessions: DueTask<SessionRow> = {
    name: 'channel_sessions',
    lease_ms: session_ask_ms,
    concurrency,
    claim: (limit, now, lease) => claimSessions(ctx, limit, now, lease),
    work: async (row) => void (await renewKey(ctx, row)),
  };
  return [sessions as DueTask<unknown>];
}
