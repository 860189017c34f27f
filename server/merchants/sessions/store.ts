import { sql } from 'kysely';
import { addMs } from '../../kernel/time.ts';
import type { Ctx } from '../../platform/ctx.ts';
import type { SessionRow } from './session.ts';

/** Table: channel_sessions. Every change is announced as one of its account, in its own transaction. */

const columns = ['merchant_id', 'channel_account_id', 'state', 'name', 'key_sealed', 'asked', 'version', 'got_at', 'renew_at', 'problem'] as const;
export type SessionName = Pick<SessionRow, 'merchant_id' | 'channel_account_id'>;

export async function findSession(ctx: Ctx, { merchant_id, channel_account_id }: SessionName): Promise<SessionRow | undefined> {
  const row = await ctx.db.kysely
    .selectFrom('channel_sessions')
    .select(columns)
    .where('merchant_id', '=', merchant_id)
    .where('channel_account_id', '=', channel_account_id)
    .executeTakeFirst();
  return row as SessionRow | undefined;
}

/** Takes keys that are due. The new time is the lease, and the question has its number before it is asked. */
export async function claimSessions(ctx: Ctx, limit: number, now: Date, lease_ms: number): Promise<SessionRow[]> {
  const { rows } = await sql<SessionRow>`update channel_sessions s set renew_at = ${addMs(now, lease_ms)}, asked = s.asked + 1
    from (select merchant_id, channel_account_id from channel_sessions where renew_at <= ${now} order by renew_at limit ${limit} for update skip locked) d
    where s.merchant_id = d.merchant_id and s.channel_account_id = d.channel_account_id and s.renew_at <= ${now}
    returning ${sql.join(columns.map((column) => sql.ref(`s.${column}`)))}`.execute(ctx.db.kysely);
  return rows;
}

/**
 * Takes one key for a question that an operator wants now, unless the sweeper's own may be under way: a key is asked for by
 * one at a time. A lease ends within `lease_ms`, so a later time is none.
 */
export async function claimSession(ctx: Ctx, name: SessionName, { now, lease_ms }: { now: Date; lease_ms: number }): Promise<SessionRow | undefined> {
  const { rows } = await sql<SessionRow>`update channel_sessions s set renew_at = ${addMs(now, lease_ms)}, asked = s.asked + 1
    where merchant_id = ${name.merchant_id} and channel_account_id = ${name.channel_account_id} and state = 'open'
      and (renew_at <= ${now} or renew_at > ${addMs(now, lease_ms)})
    returning ${sql.join(columns.map((column) => sql.ref(column)))}`.execute(ctx.db.kysely);
  return rows[0];
}

/** The number of the next question; 1 while there is no row. No renewal begins before `until`. */
export async function nextQuestion(ctx: Ctx, { merchant_id, channel_account_id }: SessionName, until: Date): Promise<number> {
  const { rows } = await sql<{
    asked: number;
  }>`update channel_sessions set asked = asked + 1, renew_at = greatest(renew_at, case when state = 'open' then ${until}::timestamptz end)
    where merchant_id = ${merchant_id} and channel_account_id = ${channel_account_id} returning asked`.execute(ctx.db.kysely);
  return rows[0]?.asked ?? 1;
}

/** Keeps a key unless that of a later question is there; false where it is. */
export function keepSession(ctx: Ctx, row: Omit<SessionRow, 'state' | 'asked' | 'problem'>): Promise<boolean> {
  return ctx.db.kysely.transaction().execute(async (tx) => {
    const { numAffectedRows } =
      await sql`insert into channel_sessions as s (merchant_id, channel_account_id, state, name, key_sealed, asked, version, got_at, renew_at)
      values (${row.merchant_id}, ${row.channel_account_id}, 'open', ${row.name}, ${row.key_sealed}, ${row.version}, ${row.version}, ${row.got_at}, ${row.renew_at})
      on conflict (merchant_id, channel_account_id) do update set state = 'open', name = excluded.name, key_sealed = excluded.key_sealed,
        version = excluded.version, got_at = excluded.got_at, renew_at = excluded.renew_at, problem = null
      where s.version < excluded.version`.execute(tx);
    await announce(ctx, row, tx);
    return numAffectedRows === 1n;
  });
}

/** Notes why the question of that number brought no key; `lost` where there will be no other. Nothing where somebody has asked again. */
export function noteSession(ctx: Ctx, row: SessionName & Pick<SessionRow, 'asked'>, { lost, problem }: { lost: boolean; problem: string }): Promise<void> {
  return ctx.db.kysely.transaction().execute(async (tx) => {
    await tx
      .updateTable('channel_sessions')
      .set({ problem, ...(lost ? { state: 'lost', renew_at: null } : {}) })
      .where('merchant_id', '=', row.merchant_id)
      .where('channel_account_id', '=', row.channel_account_id)
      .where('asked', '=', row.asked)
      .execute();
    await announce(ctx, row, tx);
  });
}

const announce = (ctx: Ctx, { merchant_id, channel_account_id }: SessionName, tx: Parameters<Ctx['changes']['announce']>[2]) =>
  ctx.changes.announce('channel_accounts', `${merchant_id}/${channel_account_id}`, tx);
