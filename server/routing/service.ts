import { createHash } from 'node:crypto';
import type { AccountTerms, ExplainBody, Method, RoutingAccount, RoutingDecision, RuleSet, RuleSetBody, Switch } from '@heliu/contract';
import type { Account } from '../channels/define.ts';
import { channels } from '../channels/registry.ts';
import { newId } from '../kernel/id.ts';
import { routing_cache_max, routing_cache_ms_max, routing_sweep_rows_max, rule_sets_max } from '../kernel/limits.ts';
import { toFen } from '../kernel/money.ts';
import { isRefusal, type Refusal, RefusalError, refuse } from '../kernel/refusal.ts';
import { randomFraction } from '../kernel/rng.ts';
import { addMs } from '../kernel/time.ts';
import { createCache, perNode } from '../platform/cache.ts';
import type { Caller } from '../platform/caller.ts';
import type { Ctx } from '../platform/ctx.ts';
import { type FrozenReply, type IdempotentCall, idempotent, withReply } from '../platform/idempotency/idempotency.ts';
import { type Candidate, type Choice, choose, type Draws, type Request } from './choose.ts';
import { decisionRow, viewDecision } from './decision.ts';
import { healthOf } from './health/service.ts';
import {
  asReserved,
  type Bucket,
  bucketsOf,
  hasRoom,
  newShares,
  quota_shards,
  type Reservation,
  type Reserved,
  type Room,
  reserve,
  reserveWhereRoom,
  roomOf,
} from './quota.ts';
import { type CompiledRules, checkRules, compileRules, type Definition, failover_usual, no_rules } from './rules/rule-set.ts';
import * as store from './store.ts';
import { checkTerms, compileTerms, no_terms, periodOf, type Terms, turn } from './terms.ts';
import { quota_constraints, type RouteWrite } from './writes.ts';

/** Accounts that take new payments, as the merchant has them. */
export type Accounts = readonly { readonly account: Account; readonly priority: number }[];

/** Rules and terms of a merchant and mode, compiled. */
type Book = { readonly rules: CompiledRules; readonly terms: ReadonlyMap<string, Terms> };

export type RouteInput = {
  readonly caller: Pick<Caller, 'merchant_id' | 'livemode'>;
  readonly accounts: Accounts;
  readonly request: Omit<Request, 'payer_key'> & { readonly payer_id?: string | undefined };
  readonly tried?: ReadonlySet<string>;
};

/** The account of an attempt, with what is written in the attempt's own statement. */
export type Route = {
  readonly account: Account;
  readonly choice: Choice;
  readonly request: Request;
  readonly buckets: readonly Bucket[];
  readonly reservations: readonly Reservation[];
  /** For `attempts.quota`. */
  readonly reserved: Reserved | null;
};

/** Decides where an attempt goes. Nothing is written; in memory apart from a merchant that this node does not know yet. */
export async function chooseRoute(ctx: Ctx, input: RouteInput): Promise<Route> {
  const { merchant_id, livemode } = input.caller;
  const memory = memoryOf(ctx);
  const book = (await memory.books.get(bookKey(merchant_id, livemode))) ?? no_book;
  const request = requestOf(merchant_id, input.request);
  const choice = chooseIn(ctx, book, book.rules, input, request);
  if (isRefusal(choice)) throw new RefusalError(await namedRefusal(ctx, input, choice));
  const [first] = choice.plan;
  const buckets = bucketsOf(first.terms.quotas, request.payer_key, ctx.clock.now());
  const known = memory.placed.get(placeKey(first.account.id, buckets));
  memory.placed.delete(placeKey(first.account.id, buckets));
  const shard = Math.floor(randomFraction(ctx.rng) * quota_shards);
  const reservations = (known && reserveWhereRoom(buckets, known, request.amount_fen)) ?? reserve(buckets, request.amount_fen, shard);
  return { account: first.account, choice, request, buckets, reservations, reserved: asReserved(reservations) };
}

/** Known without asking are accounts that take payments. Whoever names another one is told what is the matter with it. */
async function namedRefusal(ctx: Ctx, { caller, request }: RouteInput, refusal: Refusal): Promise<Refusal> {
  const { channel_account_id } = request;
  if (refusal.refused !== 'channel_account_not_found' || channel_account_id === undefined) return refusal;
  const [row] = await store.findAccounts(ctx, { merchant_id: caller.merchant_id, livemode: caller.livemode, id: channel_account_id });
  if (row?.state === 'paused') return refuse('channel_account_paused', 'channel_account_id');
  return row?.state === 'closed' ? refuse('channel_account_closed', 'channel_account_id') : refusal;
}

const bookKey = (merchant_id: string, livemode: boolean): string => `${merchant_id}/${livemode ? 'live' : 'test'}`;
const no_book: Book = { rules: no_rules, terms: new Map() };

function chooseIn(
  ctx: Ctx,
  book: Book,
  rules: CompiledRules,
  { caller, accounts, tried }: Pick<RouteInput, 'caller' | 'accounts' | 'tried'>,
  request: Request,
): Choice | Refusal {
  const now_ms = ctx.clock.monotonic_ms();
  const memory = memoryOf(ctx);
  const health = healthOf(ctx);
  return choose({
    request,
    candidates: candidatesIn(book, accounts),
    rules,
    health: (account_id, method) => health.view(account_id, method, now_ms),
    reached: (candidate, { amount_fen, payer_key }) =>
      bucketsOf(candidate.terms.quotas, payer_key, ctx.clock.now()).some(({ name }) => {
        const known = memory.rooms.get(`${candidate.account.id} ${name}`);
        return known !== undefined && known.until_ms > now_ms && !hasRoom(known.room, amount_fen);
      }),
    draws: drawsOf(ctx, caller.merchant_id, caller.livemode),
    now: ctx.clock.now(),
    ...(tried === undefined ? {} : { tried }),
  });
}

const candidatesIn = (book: Book, accounts: Accounts): Candidate[] =>
  accounts.map(({ account, priority }) => ({ account, priority, terms: book.terms.get(account.id) ?? no_terms, takes: takesOf(account) }));

/** The accounts with the terms of now. */
export const candidatesOf = async (ctx: Ctx, { merchant_id, livemode }: Pick<Caller, 'merchant_id' | 'livemode'>, accounts: Accounts): Promise<Candidate[]> =>
  candidatesIn((await memoryOf(ctx).books.get(bookKey(merchant_id, livemode))) ?? no_book, accounts);

/** Rules to try: those of a draft, which is checked, of a saved set, or the active ones. */
export async function rulesOf(
  ctx: Ctx,
  caller: Pick<Caller, 'merchant_id' | 'livemode'>,
  { rule_set_id, draft }: { readonly rule_set_id: string | undefined; readonly draft?: Pick<Definition, 'rules' | 'default'> | undefined },
): Promise<CompiledRules> {
  if (draft && rule_set_id !== undefined)
    throw new RefusalError(refuse('parameter_invalid', 'rule_set_id', { expected: 'left out beside `rules`', expected_zh: '与 rules 二者择一' }));
  if (draft) {
    const own = await store.findAccounts(ctx, caller);
    const refused = checkRules(draft, new Set(own.map(({ id }) => id)));
    if (refused) throw new RefusalError(refused.param === undefined ? refused : { ...refused, param: `rules.${refused.param}` });
    return compileRules({ name: 'draft', failover_max: failover_usual, ...draft }, 0);
  }
  if (rule_set_id === undefined) return ((await memoryOf(ctx).books.get(bookKey(caller.merchant_id, caller.livemode))) ?? no_book).rules;
  const saved = await ownRuleSet(ctx, caller, rule_set_id);
  return compileRules(saved.definition, saved.version);
}

const takesOf = (account: Account) => (method: Method) => channels.get(account.channel)?.pay[method] !== undefined;

const requestOf = (merchant_id: string, { payer_id, ...request }: RouteInput['request']): Request => ({
  ...request,
  ...(payer_id === undefined ? {} : { payer_key: payerKey(merchant_id, payer_id) }),
});

/** Stands for a payer in counters and splits: equal for the same payer of the same merchant, and no way back to the id. */
const payerKey = (merchant_id: string, payer_id: string): string => createHash('sha256').update(`${merchant_id} ${payer_id}`).digest('base64url').slice(0, 22);

/** What the statement of the attempt writes for its route. */
export const routeWrite = (
  route: Route,
  of: { readonly merchant_id: string; readonly attempt_id: string; readonly livemode: boolean; readonly created_at: Date },
): RouteWrite => ({
  decision: decisionRow(route.choice, { ...of, method: route.request.method, amount_fen: route.request.amount_fen }),
  reservations: route.reservations,
});

export const isQuotaFull = (constraint: string | undefined): boolean => constraint !== undefined && quota_constraints.has(constraint);

/** How often a place on the counters is looked for before the account counts as full: others take places at the same time. */
export const quota_turns_max = 40;
/** What was read of a full counter is believed for so long: a payment that is given up makes room. */
const room_ms = 1_000;

/** A counter had no room: reads what there is, so that the next choice knows. */
export async function learnRoom(ctx: Ctx, merchant_id: string, { account, buckets, request }: Route): Promise<void> {
  const memory = memoryOf(ctx);
  const counters = await store.findCounters(
    ctx,
    { merchant_id, channel_account_id: account.id },
    buckets.map(({ name }) => name),
  );
  const until_ms = ctx.clock.monotonic_ms() + room_ms;
  let full = false;
  for (const bucket of buckets) {
    const room = roomOf(bucket, counters);
    if (hasRoom(room, request.amount_fen)) continue;
    full = true;
    if (memory.rooms.size >= routing_cache_max) memory.rooms.clear();
    memory.rooms.set(`${account.id} ${bucket.name}`, { room, until_ms });
  }
  if (full) return;
  if (memory.placed.size >= routing_cache_max) memory.placed.clear();
  memory.placed.set(placeKey(account.id, buckets), counters);
}

const placeKey = (account_id: string, buckets: readonly Bucket[]): string => `${account_id} ${buckets.map(({ name }) => name).join(' ')}`;

type Memory = {
  readonly books: ReturnType<typeof createCache<Book>>;
  readonly drop: (merchant_id: string) => void;
  /** Buckets that were found full, and when they are asked for again. */
  readonly rooms: Map<string, { readonly room: Room; readonly until_ms: number }>;
  /** Counters that were read because a shard was full while another was not. */
  readonly placed: Map<string, Awaited<ReturnType<typeof store.findCounters>>>;
  /** Where each sequence of draws stands. */
  readonly draws: Map<string, number>;
};

const memoryOf = perNode((ctx): Memory => {
  const books = createCache<Book>(ctx, { entries_max: routing_cache_max, age_ms_max: routing_cache_ms_max, read: (key) => readBook(ctx, key) });
  const rooms: Memory['rooms'] = new Map();
  const drop = (merchant_id: string) => {
    for (const livemode of [true, false]) books.drop(bookKey(merchant_id, livemode));
    rooms.clear();
  };
  ctx.changes.on('rule_sets', drop);
  ctx.changes.on('routing_terms', drop);
  ctx.changes.onReset(() => books.dropAll());
  return { books, drop, rooms, placed: new Map(), draws: new Map() };
});

async function readBook(ctx: Ctx, key: string): Promise<Book> {
  const [merchant_id, mode] = key.split('/') as [string, string];
  const of = { merchant_id, livemode: mode === 'live' };
  const [rules, accounts] = await Promise.all([store.findActiveRules(ctx, of), store.findAccounts(ctx, of)]);
  const withTerms = accounts.filter(({ terms_version }) => terms_version > 0);
  return {
    rules: rules ? compileRules(rules.definition, rules.version) : no_rules,
    terms: new Map(withTerms.map(({ id, terms_version, terms, turned_off }) => [id, compileTerms(terms_version, terms, turned_off)])),
  };
}

/** The golden ratio's multiples modulo 1 fall as evenly as any sequence does, so shares are kept within a few payments. */
const golden = 0.618033988749895;

function drawsOf(ctx: Ctx, merchant_id: string, livemode: boolean): Draws {
  const { draws } = memoryOf(ctx);
  return {
    share: (rule) => {
      const key = `${bookKey(merchant_id, livemode)}/${rule}`;
      const next = ((draws.get(key) ?? randomFraction(ctx.rng)) + golden) % 1;
      if (draws.size >= routing_cache_max) draws.clear();
      draws.set(key, next);
      return next;
    },
    explore: () => randomFraction(ctx.rng),
  };
}

type With<C> = { readonly ctx: Ctx } & C;
type SaveCall = With<IdempotentCall & { readonly body: RuleSetBody }>;

/** Saves rules that make sense, and uses them unless told otherwise. */
export function createRuleSet(call: SaveCall): Promise<FrozenReply> {
  const { ctx, caller, body } = call;
  const { activate = true, failover_max = failover_usual, ...rest } = body;
  return withReply(call, 'create_rule_set', async (tx) => {
    const own = await store.findAccounts(ctx, caller, tx);
    const refused = checkRules(body, new Set(own.map(({ id }) => id)));
    if (refused) throw new RefusalError(refused);
    const created_at = ctx.clock.now();
    const definition: Definition = { ...rest, failover_max };
    const row = {
      merchant_id: caller.merchant_id,
      id: newId('rule_set', created_at, ctx.rng),
      livemode: caller.livemode,
      definition,
      activated_at: activate ? created_at : null,
      created_at,
    };
    const version = await store.insertRuleSet(ctx, tx, row, rule_sets_max);
    if (version === undefined) throw new RefusalError(refuse('too_many_rule_sets'));
    return { status: 201, body: viewRuleSet({ ...row, version, active: activate }), object_id: row.id };
  }).finally(() => memoryOf(ctx).drop(caller.merchant_id));
}

/** Uses saved rules from now on. They are checked again: accounts may have gone since. */
export function activateRuleSet(call: With<IdempotentCall & { readonly rule_set_id: string }>): Promise<FrozenReply> {
  const { ctx, caller, rule_set_id: id } = call;
  return idempotent(call, 'activate_rule_set', id, async () => {
    const row = await ownRuleSet(ctx, caller, id);
    const own = await store.findAccounts(ctx, caller);
    const refused = checkRules(row.definition, new Set(own.map((account) => account.id)));
    if (refused) throw new RefusalError(refused);
    await store.activateRuleSet(ctx, { merchant_id: caller.merchant_id, livemode: caller.livemode, id, now: ctx.clock.now() });
    memoryOf(ctx).drop(caller.merchant_id);
    return { status: 200, body: viewRuleSet({ ...row, active: true }) };
  });
}

async function ownRuleSet(ctx: Ctx, { merchant_id, livemode }: Pick<Caller, 'merchant_id' | 'livemode'>, id: string): Promise<store.RuleSetRow> {
  const [row] = await store.findRuleSets(ctx, { merchant_id, livemode, id, limit: 1 });
  if (!row) throw new RefusalError(refuse('rule_set_not_found', 'rule_set_id'));
  return row;
}

export async function listRuleSets(
  ctx: Ctx,
  { merchant_id, livemode }: Caller,
  page: { readonly before_id: string | undefined; readonly limit: number },
): Promise<RuleSet[]> {
  return (await store.findRuleSets(ctx, { merchant_id, livemode, ...page })).map(viewRuleSet);
}

const viewRuleSet = ({
  id,
  livemode,
  version,
  active,
  definition,
  created_at,
}: store.RuleSetRow | (Omit<store.RuleSetRow, 'merchant_id'> & { merchant_id: string })): RuleSet => ({
  object: 'routing_rule_set',
  id,
  livemode,
  version,
  active,
  name: definition.name,
  rules: [...definition.rules],
  default: definition.default,
  failover_max: definition.failover_max,
  created_at: created_at.toISOString(),
});

export async function listRoutingAccounts(ctx: Ctx, { merchant_id, livemode }: Pick<Caller, 'merchant_id' | 'livemode'>): Promise<RoutingAccount[]> {
  return (await store.findAccounts(ctx, { merchant_id, livemode })).map((row) => viewAccount(ctx, row));
}

function viewAccount(ctx: Ctx, row: store.AccountRow): RoutingAccount {
  const seen = healthOf(ctx).list(row.id, ctx.clock.monotonic_ms());
  return {
    object: 'routing_account',
    channel_account_id: row.id,
    livemode: row.livemode,
    channel: row.channel,
    name: row.name,
    state: row.state,
    priority: row.priority,
    terms_version: row.terms_version,
    terms: row.terms,
    off: [...row.turned_off],
    health: seen.map(({ method, breaker, success_ppm, latency_ms, calls }) => ({ method, breaker, success_ppm, latency_ms, calls })),
  };
}

type AccountCall = With<IdempotentCall & { readonly channel_account_id: string }>;

/** Replaces what is known of an account. What was used of its quotas stays used. */
export const setAccountTerms = (call: AccountCall & { readonly body: AccountTerms }): Promise<FrozenReply> =>
  changeTerms(call, 'set_account_terms', (row) => {
    const refused = checkTerms(call.body);
    if (refused) throw new RefusalError(refused);
    return { terms: call.body, turned_off: row.turned_off };
  });

/** Turns an account or a method of it off or on. */
export const switchAccount = (
  call: AccountCall & { readonly body: { readonly turn: 'off' | 'on'; readonly method?: Method; readonly until?: string } },
): Promise<FrozenReply> =>
  changeTerms(call, 'switch_account', (row) => ({ terms: row.terms, turned_off: turn(row.turned_off, call.body, call.ctx.clock.now()) }));

type Changed = { readonly terms: AccountTerms; readonly turned_off: readonly Switch[] };

function changeTerms(call: AccountCall, operation: string, change: (row: store.AccountRow) => Changed): Promise<FrozenReply> {
  const { ctx, caller, channel_account_id } = call;
  const { merchant_id, livemode } = caller;
  return withReply(call, operation, async (tx) => {
    await store.lockAccount(tx, merchant_id, channel_account_id);
    const [row] = await store.findAccounts(ctx, { merchant_id, livemode, id: channel_account_id }, tx);
    if (!row) throw new RefusalError(refuse('channel_account_not_found', 'channel_account_id'));
    const changed = change(row);
    const created_at = ctx.clock.now();
    const version = row.terms_version + 1;
    await store.insertTerms(ctx, tx, { merchant_id, channel_account_id, version, created_at, ...changed });
    if (JSON.stringify(changed.terms.quotas) !== JSON.stringify(row.terms.quotas))
      await divideAnew(tx, { merchant_id, channel_account_id }, changed.terms, created_at);
    return { status: 200, body: viewAccount(ctx, { ...row, ...changed, terms_version: version }), object_id: channel_account_id };
  }).finally(() => memoryOf(ctx).drop(merchant_id));
}

/** Counters that are in use get their shares of the new quota; payments that reserve meanwhile wait for it. */
async function divideAnew(
  tx: Parameters<typeof store.lockAccount>[0],
  of: { merchant_id: string; channel_account_id: string },
  { quotas = [] }: AccountTerms,
  now: Date,
): Promise<void> {
  const periods = (['day', 'month'] as const).map((per) => ({ per, name: periodOf(per, now) }));
  const counters = await store.lockCounters(
    tx,
    of,
    periods.map(({ name }) => name),
    quota_shards,
  );
  const buckets = Map.groupBy(counters, ({ bucket }) => bucket);
  const shares = [...buckets].flatMap(([bucket, own]) => {
    const per = periods.find(({ name }) => bucket.split('/')[0] === name)?.per;
    const subject = bucket.includes('/') ? 'payer' : 'account';
    return newShares(
      own,
      quotas.find((quota) => quota.per === per && quota.of === subject),
    );
  });
  await store.updateShares(tx, of, shares);
}

/** Where a payment would go now. */
export async function explain(ctx: Ctx, caller: Pick<Caller, 'merchant_id' | 'livemode'>, accounts: Accounts, body: ExplainBody): Promise<RoutingDecision> {
  const { merchant_id, livemode } = caller;
  const book = (await memoryOf(ctx).books.get(bookKey(merchant_id, livemode))) ?? no_book;
  const rules = await rulesOf(ctx, caller, { rule_set_id: body.rule_set_id });
  const { amount_fen, method, payer_id, terminal_id, app_id, metadata } = body;
  const request = requestOf(merchant_id, { amount_fen: toFen(amount_fen), method, payer_id, terminal_id, app_id, metadata });
  const choice = chooseIn(ctx, book, rules, { caller, accounts }, request);
  if (isRefusal(choice)) throw new RefusalError(choice);
  return viewDecision({
    ...decisionRow(choice, { merchant_id, attempt_id: '', livemode, method, amount_fen: request.amount_fen, created_at: ctx.clock.now() }),
    attempt_id: null,
  });
}

export async function listDecisions(
  ctx: Ctx,
  { merchant_id, livemode }: Pick<Caller, 'merchant_id' | 'livemode'>,
  attempt_ids: readonly string[],
): Promise<RoutingDecision[]> {
  return (await store.findDecisions(ctx, { merchant_id, livemode }, attempt_ids)).map(viewDecision);
}

/** Forgets counters of months that no payment can fall into any more, and health that nobody looks back to. */
export function sweepRouting(ctx: Ctx): Promise<void> {
  const now = ctx.clock.now();
  const months_before = periodOf('month', addMs(now, -counters_kept_ms)).slice(1);
  return store.sweep(ctx, { health_before: addMs(now, -health_kept_ms), months_before, limit: routing_sweep_rows_max });
}
/** A payment may be paid a week after it was made, and a late success told months later moves to a counter of its own. */
const counters_kept_ms = 62 * 86_400_000;
const health_kept_ms = 7 * 86_400_000;
