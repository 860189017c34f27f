import type { Account, Channel } from '../channels/define.ts';
import { channels } from '../channels/registry.ts';
import { assert } from '../kernel/assert.ts';
import { canonicalJson } from '../kernel/digest.ts';
import { isId, newId, newMerchantCode } from '../kernel/id.ts';
import {
  account_update_turns_max,
  channel_accounts_per_merchant_max,
  merchant_cache_max,
  merchant_cache_ms_max,
  merchant_code_draws_max,
} from '../kernel/limits.ts';
import { move } from '../kernel/machine.ts';
import { orThrow, RefusalError, refuse } from '../kernel/refusal.ts';
import { createCache, perNode } from '../platform/cache.ts';
import type { Ctx } from '../platform/ctx.ts';
import {
  type ChannelAccount,
  type ChannelAccountStep,
  channel_account_table,
  checkNaming,
  mergeSettings,
  refuseSetting,
  refuseSimulator,
  type Settings,
  type SplitSettings,
  splitSettings,
  toAccount,
  toConfig,
  urlSettings,
} from './channel-account.ts';
import { checkSettings, default_settings, type Merchant, type MerchantSettings, refuseChoice } from './merchant.ts';
import { openSessionRow } from './sessions/session.ts';
import { findSession } from './sessions/store.ts';
import * as store from './store.ts';

export type { ChannelAccount } from './channel-account.ts';
export type { Merchant, MerchantSettings } from './merchant.ts';

export type NewMerchant = Pick<MerchantSettings, 'name'> & Partial<MerchantSettings>;

/** Makes a merchant with a code of its own. Settings that are not given are the cautious ones: money that is not due goes back. */
export async function createMerchant(ctx: Ctx, input: NewMerchant): Promise<Merchant> {
  const refused = checkSettings(input);
  if (refused) throw new RefusalError(refused);
  const created_at = ctx.clock.now();
  const id = newId('merchant', created_at, ctx.rng);
  for (let draw = 0; draw < merchant_code_draws_max; draw++) {
    const merchant: Merchant = { ...default_settings, ...input, id, code: newMerchantCode(ctx.rng), state: 'active', agent_id: null, version: 1, created_at };
    if (await store.insertMerchant(ctx, merchant)) return merchant;
  }
  throw new Error('no merchant code was free');
}

export function updateMerchant(ctx: Ctx, { merchant_id, ...changes }: Partial<MerchantSettings> & { readonly merchant_id: string }): Promise<Merchant> {
  const refused = checkSettings(changes);
  if (refused) throw new RefusalError(refused);
  return changeMerchant(ctx, merchant_id, changes);
}

/** A suspended merchant's keys open nothing, on every node within a second; its open orders are still followed to their end. */
export const suspendMerchant = (ctx: Ctx, merchant_id: string): Promise<Merchant> => changeMerchant(ctx, merchant_id, { state: 'suspended' });

export const resumeMerchant = (ctx: Ctx, merchant_id: string): Promise<Merchant> => changeMerchant(ctx, merchant_id, { state: 'active' });

/** Writes whose merchant it is, where `allowed` throws nothing. */
export const giveToAgent = (
  ctx: Ctx,
  merchant_id: string,
  agent_id: string | null,
  allowed: NonNullable<Parameters<typeof store.updateMerchant>[3]>,
): Promise<Merchant> => changeMerchant(ctx, merchant_id, { agent_id }, allowed);

async function changeMerchant(
  ctx: Ctx,
  merchant_id: string,
  changes: store.MerchantChanges,
  allowed?: Parameters<typeof store.updateMerchant>[3],
): Promise<Merchant> {
  const merchant = known(await store.updateMerchant(ctx, merchant_id, changes, allowed));
  cachesOf(ctx).dropMerchant(merchant_id);
  return merchant;
}

/** Newest first, from the one after `before_id`. */
export const listMerchants = (ctx: Ctx, { before_id, limit }: { readonly before_id?: string; readonly limit: number }): Promise<Merchant[]> =>
  store.listMerchants(ctx, { before_id, limit });

/** The merchant, from memory while news of changes arrives. */
export const getMerchant = async (ctx: Ctx, merchant_id: string): Promise<Merchant> => known(await cachesOf(ctx).merchants.get(merchant_id));

/** The merchant whose code stands in an order number; undefined when it is nobody's. */
export const getMerchantByCode = (ctx: Ctx, code: string): Promise<Merchant | undefined> => cachesOf(ctx).merchants_by_code.get(code);

function known(merchant: Merchant | undefined): Merchant {
  if (!merchant) throw new RefusalError(refuse('merchant_not_found', 'merchant_id'));
  return merchant;
}

export type NewChannelAccount = {
  readonly merchant_id: string;
  readonly livemode: boolean;
  /** Code in the registry: `wechatpay`. */
  readonly channel: string;
  readonly name: string;
  /** As the channel's `config` describes them, secrets in clear. */
  readonly settings: Settings;
  /** Lower is tried first; 100 unless given. */
  readonly priority?: number;
};

/** Makes an account; its secrets are sealed and never shown again. A refusal names the setting: `settings.private_key`. */
export async function createChannelAccount(ctx: Ctx, input: NewChannelAccount): Promise<ChannelAccount> {
  const { merchant_id, livemode, channel, name, priority = 100 } = input;
  const refused = checkNaming(input);
  if (refused) throw new RefusalError(refused);
  const split = checkedSettings(ctx, channelOf(channel), input.settings, livemode);
  const created_at = ctx.clock.now();
  const account: store.NewAccount = {
    id: newId('channel_account', created_at, ctx.rng),
    merchant_id,
    livemode,
    channel,
    name,
    priority,
    state: channel_account_table.initial,
    created_at,
  };
  const first = newVersion(ctx, account, 1, split);
  const outcome = await store.insertAccount(ctx, account, first, channel_accounts_per_merchant_max);
  if (outcome === 'no_merchant') throw new RefusalError(refuse('merchant_not_found', 'merchant_id'));
  if (outcome === 'too_many') throw new RefusalError(refuse('too_many_channel_accounts'));
  cachesOf(ctx).dropAccount(merchant_id, account.id);
  return { ...account, version: 1, settings: split.settings, secrets: Object.keys(split.secrets) };
}

export type ChannelAccountUpdate = {
  readonly merchant_id: string;
  readonly channel_account_id: string;
  readonly name?: string;
  readonly priority?: number;
  /** Each given setting replaces the one there is; `null` removes it; the others stay, secrets too. */
  readonly settings?: Settings;
};

/** Changes an account. Other settings make a new version; payments under way keep the one that they were sent with. */
export function updateChannelAccount(ctx: Ctx, input: ChannelAccountUpdate): Promise<ChannelAccount> {
  const { name, priority, settings } = input;
  const refused = checkNaming(input);
  if (refused) throw new RefusalError(refused);
  return changeAccount(ctx, input, (row) => {
    const next = settings && nextVersion(ctx, row, settings);
    return { ...(name === undefined ? {} : { name }), ...(priority === undefined ? {} : { priority }), ...(next ? { next } : {}) };
  });
}

type AccountName = { readonly merchant_id: string; readonly channel_account_id: string };

/** No new payments; notifications, queries and refunds go on. */
export const pauseChannelAccount = (ctx: Ctx, account: AccountName): Promise<ChannelAccount> => stepAccount(ctx, account, 'pause');
export const resumeChannelAccount = (ctx: Ctx, account: AccountName): Promise<ChannelAccount> => stepAccount(ctx, account, 'resume');
/** Like a pause, for ever. Payments that were taken can still be refunded. */
export const closeChannelAccount = (ctx: Ctx, account: AccountName): Promise<ChannelAccount> => stepAccount(ctx, account, 'close');

const stepAccount = (ctx: Ctx, account: AccountName, step: ChannelAccountStep): Promise<ChannelAccount> =>
  changeAccount(ctx, account, (row) => {
    const state = move(channel_account_table, row.state, step);
    if (!state) throw new RefusalError(refuse('channel_account_closed', 'channel_account_id'));
    return { state, ...(state === 'closed' && row.state !== 'closed' ? { closed_at: ctx.clock.now() } : {}) };
  });

/** All accounts of a merchant in the order in which they are tried, closed ones too. */
export async function listChannelAccounts(ctx: Ctx, filter: { readonly merchant_id: string; readonly livemode?: boolean }): Promise<ChannelAccount[]> {
  return (await store.findAccounts(ctx, filter)).map((row) => shown(ctx, row));
}

export async function showChannelAccount(ctx: Ctx, { merchant_id, channel_account_id }: AccountName): Promise<ChannelAccount> {
  return shown(ctx, await readAccount(ctx, { merchant_id, id: channel_account_id }));
}

/** The account at the version that an order was sent with. A version never changes, so it is read once. */
export async function getAccount(ctx: Ctx, merchant_id: string, channel_account_id: string, version: number): Promise<Account> {
  const account = await cachesOf(ctx).versions.get(`${merchant_id}/${channel_account_id}/${version}`);
  assert(account, `version ${version} of ${channel_account_id} is stored`);
  return withSession(ctx, account);
}

/** Accounts that take new payments, in the order in which they are tried. */
export async function listActiveAccounts(
  ctx: Ctx,
  merchant_id: string,
  livemode: boolean,
): Promise<readonly { readonly account: Account; readonly priority: number }[]> {
  const active = (await cachesOf(ctx).active.get(`${merchant_id}/${livemode ? 'live' : 'test'}`)) ?? [];
  if (!active.some(({ account }) => givesKeys(account))) return active;
  return Promise.all(active.map(async ({ account, priority }) => ({ account: await withSession(ctx, account), priority })));
}

/** The account that a notification URL names, with its settings of now and in whatever state: money may still arrive. */
export async function findAccountById(ctx: Ctx, channel_account_id: string): Promise<Account | undefined> {
  const account = isId('channel_account', channel_account_id) ? await cachesOf(ctx).by_id.get(channel_account_id) : undefined;
  return account && withSession(ctx, account);
}

const givesKeys = ({ channel }: Account): boolean => channels.get(channel)?.session !== undefined;

/** With the key of now, whatever version its settings have: the gateway knows no other. */
async function withSession(ctx: Ctx, account: Account): Promise<Account> {
  if (!givesKeys(account)) return account;
  const session = await cachesOf(ctx).sessions.get(`${account.merchant_id}/${account.id}`);
  return session ? { ...account, session } : account;
}

/** This node's own change of an account's key; the others hear of it. */
export const forgetSession = (ctx: Ctx, { merchant_id, channel_account_id }: AccountName): void =>
  cachesOf(ctx).sessions.drop(`${merchant_id}/${channel_account_id}`);

/** What this node remembers of merchants and accounts; dropped when news says so, and by its own changes at once. */
const cachesOf = perNode((ctx) => {
  const limits = { entries_max: merchant_cache_max, age_ms_max: merchant_cache_ms_max };
  const merchants = createCache(ctx, { ...limits, read: (id) => store.findMerchant(ctx, { id }) });
  const merchants_by_code = createCache(ctx, { ...limits, read: (code) => store.findMerchant(ctx, { code }) });
  const versions = createCache(ctx, { entries_max: merchant_cache_max, read: (key) => readVersion(ctx, key) });
  const active = createCache(ctx, { ...limits, read: (key) => readActive(ctx, key) });
  const by_id = createCache(ctx, {
    ...limits,
    read: async (id) => {
      const [row] = await store.findAccounts(ctx, { id });
      return row && accountOf(ctx, row);
    },
  });
  const sessions = createCache(ctx, {
    ...limits,
    read: async (key) => {
      const [merchant_id, channel_account_id] = key.split('/') as [string, string];
      const row = await findSession(ctx, { merchant_id, channel_account_id });
      return row && openSessionRow(ctx.vault, row);
    },
  });
  const dropMerchant = (merchant_id: string) => {
    merchants.drop(merchant_id);
    merchants_by_code.dropAll();
  };
  const dropAccount = (merchant_id: string, channel_account_id: string) => {
    for (const mode of ['live', 'test']) active.drop(`${merchant_id}/${mode}`);
    by_id.drop(channel_account_id);
    sessions.drop(`${merchant_id}/${channel_account_id}`);
  };
  ctx.changes.on('merchants', dropMerchant);
  ctx.changes.on('channel_accounts', (key) => dropAccount(...(key.split('/') as [string, string])));
  ctx.changes.onReset(() => {
    for (const cache of [merchants, merchants_by_code, active, by_id, sessions]) cache.dropAll();
  });
  return { merchants, merchants_by_code, versions, active, by_id, sessions, dropMerchant, dropAccount };
});

async function readVersion(ctx: Ctx, key: string): Promise<Account | undefined> {
  const [merchant_id, id, version] = key.split('/') as [string, string, string];
  const [row] = await store.findAccounts(ctx, { merchant_id, id, version: Number(version) });
  return row && accountOf(ctx, row);
}

async function readActive(ctx: Ctx, key: string) {
  const [merchant_id, mode] = key.split('/') as [string, string];
  const rows = await store.findAccounts(ctx, { merchant_id, livemode: mode === 'live', state: 'active' });
  return rows.map((row) => ({ account: accountOf(ctx, row), priority: row.priority }));
}

/** Reads, decides and writes; again when another change came first. Changing nothing writes nothing. */
async function changeAccount(
  ctx: Ctx,
  { merchant_id, channel_account_id }: AccountName,
  decide: (row: store.AccountRow) => store.AccountChange,
): Promise<ChannelAccount> {
  for (let turn = 0; turn < account_update_turns_max; turn++) {
    const row = await readAccount(ctx, { merchant_id, id: channel_account_id });
    const change = decide(row);
    if (Object.keys(change).length === 0) return shown(ctx, row);
    if (!(await store.updateAccount(ctx, row, change))) continue;
    cachesOf(ctx).dropAccount(merchant_id, channel_account_id);
    return showChannelAccount(ctx, { merchant_id, channel_account_id });
  }
  throw new Error(`channel account ${channel_account_id} was changed by others all the time`);
}

async function readAccount(ctx: Ctx, key: { readonly merchant_id: string; readonly id: string }): Promise<store.AccountRow> {
  const [row] = await store.findAccounts(ctx, key);
  if (!row) throw new RefusalError(refuse('channel_account_not_found', 'channel_account_id'));
  return row;
}

function channelOf(code: string): Channel {
  const channel = channels.get(code);
  if (!channel) throw new RefusalError(refuseChoice('channel', [...channels.keys()]));
  return channel;
}

/** Settings that hold for this channel and this installation. */
function checkedSettings(ctx: Ctx, channel: Channel, settings: Settings, livemode: boolean): SplitSettings {
  const split = orThrow(splitSettings(channel, settings));
  for (const [param, url] of urlSettings(split.settings)) {
    const problem = ctx.http.check(url, 'channel');
    if (problem !== undefined) throw new RefusalError(refuseSetting({ param, problem: `may not be called: ${problem}` }));
  }
  const simulated = livemode ? refuseSimulator(split.settings, ctx.config.public_url) : undefined;
  if (simulated) throw new RefusalError(simulated);
  return split;
}

/** The version after a change of settings; undefined when they are the same. */
function nextVersion(ctx: Ctx, row: store.AccountRow, changes: Settings): store.NewVersion | undefined {
  const now = { settings: row.settings, secrets: openSecrets(ctx, row) };
  const channel = channelOf(row.channel);
  const split = checkedSettings(ctx, channel, mergeSettings(now, changes), row.livemode);
  if (canonicalJson(split) === canonicalJson(now)) return undefined;
  if (channel.receiver(toConfig(split)) !== channel.receiver(toConfig(now))) throw new RefusalError(refuse('channel_account_receiver_fixed', 'settings'));
  return newVersion(ctx, row, row.version + 1, split);
}

const newVersion = (
  ctx: Ctx,
  account: Pick<store.AccountRow, 'merchant_id' | 'id'>,
  version: number,
  { settings, secrets }: SplitSettings,
): store.NewVersion => ({
  version,
  settings,
  secrets_sealed: ctx.vault.seal(JSON.stringify(secrets), sealedPlace({ ...account, version })),
  created_at: ctx.clock.now(),
});

const sealedPlace = ({ merchant_id, id, version }: Pick<store.AccountRow, 'merchant_id' | 'id' | 'version'>) => ({
  table: 'channel_account_versions',
  column: 'secrets_sealed',
  merchant_id,
  row: `${id}:${version}`,
});

const openSecrets = (ctx: Ctx, row: store.AccountRow): SplitSettings['secrets'] => JSON.parse(ctx.vault.open(row.secrets_sealed, sealedPlace(row)));

function accountOf(ctx: Ctx, row: store.AccountRow): Account {
  const { id, version, merchant_id, merchant_code, livemode, channel, settings } = row;
  return toAccount({ id, version, merchant_id, merchant_code, livemode, channel }, { settings, secrets: openSecrets(ctx, row) });
}

function shown(ctx: Ctx, row: store.AccountRow): ChannelAccount {
  const { id, merchant_id, livemode, channel, name, state, priority, version, created_at, settings } = row;
  return { id, merchant_id, livemode, channel, name, state, priority, version, created_at, settings, secrets: Object.keys(openSecrets(ctx, row)) };
}
