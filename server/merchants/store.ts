import type { Kysely } from 'kysely';
import type { Ctx } from '../platform/ctx.ts';
import type { Tables } from '../platform/db/tables.gen.ts';
import type { ChannelAccountState, Settings } from './channel-account.ts';
import type { Merchant, MerchantSettings } from './merchant.ts';

/** Tables: merchants, channel_accounts, channel_account_versions. Every change is announced in its own transaction. */

const merchant_columns = ['id', 'code', 'name', 'state', 'signature_required', 'duplicate_policy', 'late_policy', 'agent_id', 'version', 'created_at'] as const;

/** False when the code is taken. */
export async function insertMerchant(ctx: Ctx, merchant: Merchant): Promise<boolean> {
  const inserted = await ctx.db.kysely
    .insertInto('merchants')
    .values(merchant)
    .onConflict((conflict) => conflict.column('code').doNothing())
    .executeTakeFirst();
  return inserted.numInsertedOrUpdatedRows === 1n;
}

/** What may change of a merchant. */
export type MerchantChanges = Partial<MerchantSettings & Pick<Merchant, 'state' | 'agent_id'>>;

/** Undefined when there is no such merchant. `before` looks, in the same transaction, whether it may be. */
export function updateMerchant(
  ctx: Ctx,
  merchant_id: string,
  changes: MerchantChanges,
  before?: (tx: Kysely<Tables>) => Promise<void>,
): Promise<Merchant | undefined> {
  return ctx.db.kysely.transaction().execute(async (tx) => {
    await before?.(tx);
    const row = await tx
      .updateTable('merchants')
      .set((eb) => ({ ...changes, version: eb('version', '+', 1) }))
      .where('id', '=', merchant_id)
      .returning(merchant_columns)
      .executeTakeFirst();
    await ctx.changes.announce('merchants', merchant_id, tx);
    return row;
  });
}

export const findMerchant = (ctx: Ctx, by: { readonly id: string } | { readonly code: string }): Promise<Merchant | undefined> =>
  ctx.db.kysely
    .selectFrom('merchants')
    .select(merchant_columns)
    .where('id' in by ? 'id' : 'code', '=', 'id' in by ? by.id : by.code)
    .executeTakeFirst();

/** Newest first, from the one after `before_id`. */
export const listMerchants = (ctx: Ctx, { before_id, limit }: { readonly before_id: string | undefined; readonly limit: number }): Promise<Merchant[]> =>
  ctx.db.kysely
    .selectFrom('merchants')
    .select(merchant_columns)
    .$if(before_id !== undefined, (query) => query.where('id', '<', before_id as string))
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();

/** An account with one version of its settings, as the tables have it. */
export type AccountRow = {
  readonly id: string;
  readonly merchant_id: string;
  readonly merchant_code: string;
  readonly livemode: boolean;
  readonly channel: string;
  readonly name: string;
  readonly state: ChannelAccountState;
  readonly priority: number;
  readonly created_at: Date;
  /** Of the settings in this row. */
  readonly version: number;
  readonly settings: Settings;
  readonly secrets_sealed: Buffer;
};

/** `latest`, or one version for ever. */
type AccountFilter = {
  readonly merchant_id?: string;
  readonly id?: string;
  readonly version?: number;
  readonly livemode?: boolean;
  readonly state?: ChannelAccountState;
};

/** Accounts in the order in which they are tried, each with its current settings unless a version is named. */
export async function findAccounts(ctx: Ctx, filter: AccountFilter): Promise<AccountRow[]> {
  const { merchant_id, id, version, livemode, state } = filter;
  const rows = await ctx.db.kysely
    .selectFrom('channel_accounts as a')
    .innerJoin('channel_account_versions as v', (join) =>
      join
        .onRef('v.merchant_id', '=', 'a.merchant_id')
        .onRef('v.channel_account_id', '=', 'a.id')
        .on((eb) => eb('v.version', '=', version ?? eb.ref('a.version'))),
    )
    .innerJoin('merchants as m', 'm.id', 'a.merchant_id')
    .select(['a.id', 'a.merchant_id', 'm.code as merchant_code', 'a.livemode', 'a.channel', 'a.name', 'a.state', 'a.priority', 'a.created_at'])
    .select(['v.version', 'v.settings', 'v.secrets_sealed'])
    .where((eb) => eb.and(given({ 'a.merchant_id': merchant_id, 'a.id': id, 'a.livemode': livemode, 'a.state': state })))
    .orderBy('a.priority')
    .orderBy('a.id')
    .execute();
  return rows as AccountRow[];
}

/** What is written with a new version of an account's settings. */
export type NewVersion = { readonly version: number; readonly settings: Settings; readonly secrets_sealed: Buffer; readonly created_at: Date };
export type NewAccount = Omit<AccountRow, 'merchant_code' | 'version' | 'settings' | 'secrets_sealed'>;

/** Inserts an account with its first version, unless there is no such merchant or it has as many accounts as it may. */
export function insertAccount(ctx: Ctx, account: NewAccount, first: NewVersion, accounts_max: number): Promise<'inserted' | 'no_merchant' | 'too_many'> {
  return ctx.db.kysely.transaction().execute(async (tx) => {
    // The merchant's row stands for the count: two accounts cannot both be the last one allowed.
    const merchant = await tx.selectFrom('merchants').select('id').where('id', '=', account.merchant_id).forUpdate().executeTakeFirst();
    if (!merchant) return 'no_merchant';
    const { count } = await tx
      .selectFrom('channel_accounts')
      .select(({ fn }) => fn.countAll<bigint>().as('count'))
      .where('merchant_id', '=', account.merchant_id)
      .where('state', '<>', 'closed')
      .executeTakeFirstOrThrow();
    if (count >= BigInt(accounts_max)) return 'too_many';
    await tx
      .insertInto('channel_accounts')
      .values({ ...account, version: first.version })
      .execute();
    await insertVersion(tx, account, first);
    await announce(ctx, account, tx);
    return 'inserted';
  });
}

/** What a change may write. `settings` come as a new version. */
export type AccountChange = {
  readonly name?: string;
  readonly priority?: number;
  readonly state?: ChannelAccountState;
  readonly closed_at?: Date;
  readonly next?: NewVersion;
};

/** Writes a change over the account as it was read; false when it changed in between. */
export function updateAccount(ctx: Ctx, read: AccountRow, { next, ...columns }: AccountChange): Promise<boolean> {
  return ctx.db.kysely.transaction().execute(async (tx) => {
    const row = await tx
      .updateTable('channel_accounts')
      .set({ ...columns, version: next?.version ?? read.version })
      .where('merchant_id', '=', read.merchant_id)
      .where('id', '=', read.id)
      .where('version', '=', read.version)
      .where('state', '=', read.state)
      .executeTakeFirst();
    if (row.numUpdatedRows !== 1n) return false;
    if (next) await insertVersion(tx, read, next);
    await announce(ctx, read, tx);
    return true;
  });
}

const insertVersion = (tx: Kysely<Tables>, { merchant_id, id }: Pick<AccountRow, 'merchant_id' | 'id'>, { settings, ...version }: NewVersion) =>
  tx
    .insertInto('channel_account_versions')
    .values({ merchant_id, channel_account_id: id, ...version, settings: JSON.stringify(settings) })
    .execute();

/** Names the row by its whole key, so that a listener knows the merchant whose list changed. */
const announce = (ctx: Ctx, { merchant_id, id }: Pick<AccountRow, 'merchant_id' | 'id'>, tx: Kysely<Tables>) =>
  ctx.changes.announce('channel_accounts', `${merchant_id}/${id}`, tx);

const given = <T extends object>(values: T) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as { [K in keyof T]: NonNullable<T[K]> };
