import { sql } from 'kysely';
import { further_simulators } from '../channels/simulators.ts';
import { type Replay, replayBook } from '../ledger/replay/service.ts';
import type { Ctx } from '../platform/ctx.ts';
import { priceFromStart } from '../pricing/service.ts';
import { brokenIsolation, brokenNow, brokenTruth, brokenWhenQuiet, isAlone, type Violation } from '../testing/invariants.ts';
import { attack } from './attackers.ts';
import { takeInBills } from './bills.ts';
import { isInjected } from './database.ts';
import { createDice } from './dice.ts';
import { type Engine, openEngine } from './engine.ts';
import type { FaultId } from './faults.ts';
import { enterWorld, realNow_ms } from './globals.ts';
import { brokenPromises, createJournal, type Found, type Journal } from './journal.ts';
import { longOutages } from './outages.ts';
import { brokenPolicies } from './policies.ts';
import { brokenFees } from './prices.ts';
import { TooLong } from './scheduler.ts';
import { changeSomething, resumeAll } from './settings.ts';
import { findLives, type Resolved, resolveUnanswered } from './unanswered.ts';
import { type Life, live, payLate } from './workload.ts';
import { openWorld, type World } from './world.ts';

/** What one seed may be limited to, so that a failing one can be made smaller. */
export type SeedOptions = {
  readonly payments?: number | undefined;
  readonly nodes?: number | undefined;
  readonly only?: readonly FaultId[] | undefined;
};

/** What came of one seed. `unknown`: it could not be judged, which is as bad as a violation. */
export type Verdict = {
  readonly seed: string;
  /** What it was limited to: with these it is the same world again. */
  readonly options: SeedOptions;
  readonly hash: string;
  readonly violations: readonly { readonly invariant: string; readonly detail: string }[];
  readonly unknown: string | undefined;
  readonly payments: number;
  readonly refunds: number;
  readonly webhooks: number;
  readonly notifications: number;
  readonly nodes: number;
  /** Writes that were never answered, and those whose merchant could not find out what had become of them. */
  readonly unanswered: number;
  readonly unresolved: number;
  /** The gateway beside those of the two wallets. */
  readonly further: string;
  /** I-40: writes that rested on a version which another writer had overtaken, and were refused. */
  readonly stale_writes: number;
  readonly faults: Readonly<Record<string, number>>;
  /** The faults that were on, whether or not they came about. */
  readonly on: readonly FaultId[];
  readonly events: number;
  readonly yield_points: number;
  readonly virtual_hours: number;
  readonly converge_s: number;
  readonly wall_ms: number;
  /** Of one core: what a busy machine does not change much. */
  readonly cpu_ms: number;
  readonly last: readonly string[];
};

type Judged = Pick<Verdict, 'violations' | 'unknown' | 'converge_s' | 'unanswered' | 'unresolved'>;
const nothing: Judged = { violations: [], unknown: undefined, converge_s: 0, unanswered: 0, unresolved: 0 };

let engine: Promise<Engine> | undefined;
/** The one database of this process. */
export const sharedEngine = (): Promise<Engine> => {
  engine ??= openEngine();
  return engine;
};

/** How long payers and merchants go about it, and how long everything may then take to settle. */
const safety_ms = 240_000;
const converge_hours_max = 48;
/** Of all worlds, those in which a merchant signs its requests. */
const signing_share = 0.5;

/** Lives through one seed: safety, heal, converge, final reads, verdict. The same seed does the same things. */
export async function runSeed(seed: string, options: SeedOptions = {}): Promise<Verdict> {
  const opened = await sharedEngine();
  const started_ms = realNow_ms();
  const used = process.cpuUsage();
  const dice = createDice(seed, 'shape');
  const shape = { nodes: 1 + dice.below(4), merchants: 1 + dice.below(5), payments: 40 + dice.below(12) };
  const nodes = options.nodes ?? shape.nodes;
  const payments = options.payments ?? shape.payments;
  const further = createDice(seed, 'further gateway').pick(further_simulators);
  const signing = createDice(seed, 'signing');
  const signs = signing.chance(signing_share) ? signing.below(shape.merchants) : undefined;
  let world: World | undefined;
  let judged: Judged;
  try {
    world = await openWorld({ seed, engine: opened, nodes, merchants: shape.merchants, only: options.only, further, signs });
    judged = await world.sim.scheduler.pump(judge(world, payments));
  } catch (error) {
    const unknown = error instanceof TooLong ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error);
    judged = { ...nothing, unknown };
  } finally {
    enterWorld(undefined);
  }
  const { user, system } = process.cpuUsage(used);
  return { ...verdictOf(seed, world), options, ...judged, nodes, further: further.channel, wall_ms: realNow_ms() - started_ms, cpu_ms: (user + system) / 1000 };
}

function verdictOf(seed: string, world: World | undefined): Omit<Verdict, keyof Judged | 'options' | 'nodes' | 'further' | 'wall_ms' | 'cpu_ms'> {
  const truths = [...(world?.gateways.simulators.values() ?? [])].map((simulator) => simulator.truth());
  const scheduler = world?.sim.scheduler;
  const begun_ms = Date.parse('2026-11-22T02:00:00.000Z');
  return {
    seed,
    hash: scheduler?.hash() ?? '',
    payments: [...(world?.gateways.simulators.values() ?? [])].reduce((sum, simulator) => sum + simulator.orders().length, 0),
    refunds: truths.reduce((sum, { refunds }) => sum + refunds.length, 0),
    webhooks: world?.receivers.received.length ?? 0,
    notifications: world?.gateways.sent.length ?? 0,
    stale_writes: world?.staleWrites() ?? 0,
    faults: Object.fromEntries(world?.sim.faults.counts ?? []),
    on: world?.sim.faults.on ?? [],
    events: scheduler?.steps() ?? 0,
    yield_points: world?.sim.points().length ?? 0,
    virtual_hours: ((scheduler?.now_ms() ?? begun_ms) - begun_ms) / 3_600_000,
    last: scheduler?.last() ?? [],
  };
}

/** Heals the world, waits until all is settled, and holds everything against everything. */
export async function judgeAtRest(
  world: World,
  journal: Journal,
  lives: readonly Pick<Life, 'merchant' | 'payment_id'>[],
  afterwards: () => Promise<void> = () => Promise.resolve(),
): Promise<Pick<Verdict, 'violations' | 'unknown' | 'converge_s'>> {
  const { sim } = world;
  const healed_ms = sim.scheduler.now_ms();
  let settled = await untilQuiet(world);
  const converge_s = (sim.scheduler.now_ms() - healed_ms) / 1000;
  if (settled) {
    await afterwards();
    settled = await untilQuiet(world);
  }
  while (!sim.database.isFree()) await sim.sleep(1_000);
  const ctx = world.plain as Ctx;
  const violations = [
    ...(await brokenWhenQuiet(ctx)),
    ...(await brokenTruth(ctx, world.gateways.simulators)),
    ...(await brokenPolicies(world)),
    ...(await brokenFees(world)),
    ...(await brokenBooks(world)),
    ...(await brokenOutside(world, journal, lives)),
  ];
  const shown = violations.flatMap((violation) => withoutChannelTimes(world, violation)).map(shownViolation);
  return { violations: shown, unknown: settled ? undefined : `not quiet after ${converge_hours_max} virtual hours`, converge_s };
}

/** The books are what their events make of them, from the first one on. */
async function brokenBooks({ plain, merchants }: World): Promise<Violation[]> {
  const replays: Replay[] = [];
  for (const { id } of merchants) replays.push(await replayBook(plain as Ctx, priceFromStart, { merchant_id: id, livemode: false }));
  return replays.flatMap((replay) => (replay.difference_count === 0 ? [] : [{ invariant: 'I-28 a book is not what its events make of it', rows: [replay] }]));
}

const unexplained = 'a failure that no fault of the world explains';
const shownViolation = ({ invariant, rows }: Violation) => ({
  invariant,
  detail: JSON.stringify(rows.slice(0, 3), (_, value) => (typeof value === 'bigint' ? String(value) : value)),
});

async function judge(world: World, payments: number): Promise<Judged> {
  const { sim, merchants } = world;
  const journal = createJournal(world);
  const during: Violation[] = [];
  const turmoil = sim.dice('turmoil');
  sim.numbering = true;
  const attacking = attack(world);
  const troubling = trouble(world, during);
  watchAlways(world, during);
  const outages = longOutages(world);
  const lives = await Promise.all(
    Array.from({ length: payments }, (_, at): Promise<Life> => live(world, journal, turmoil.pick(merchants), `o${at}`, safety_ms)),
  );
  sim.faults.heal();
  sim.healed = true;
  await world.allUp();
  await Promise.all([attacking, troubling]);
  while (!sim.database.isFree()) await sim.sleep(1);
  const mixed = await brokenIsolation(world.plain as Ctx);
  if (mixed.length > 0) return { ...nothing, violations: mixed.map(shownViolation) };
  await outages.passed();
  let resolved: Resolved = { unanswered: 0, unresolved: 0, broken: [] };
  const judged = await judgeAtRest(world, journal, lives, async () => {
    // Hours late, they come when all has long been settled without them.
    await sim.sleep(world.gateways.lateUntil_ms() + 1_000 - sim.scheduler.now_ms());
    // What was under way has come to its end without them.
    await resumeAll(world);
    resolved = await resolveUnanswered(world, journal);
    await findLives(world, lives);
    journal.broken.push(...resolved.broken);
    await payLate(world);
    during.push(...(await takeInBills(world)));
  });
  const { unanswered, unresolved } = resolved;
  return { ...judged, unanswered, unresolved, violations: [...during.map(shownViolation), ...judged.violations] };
}

/**
 * A channel whose clock is ahead dates payments and refunds too late: what it said is stored, and this is how a person is told.
 * Times of our own, their order, and times before the order was made stay under the rule.
 */
function withoutChannelTimes({ sim }: World, { invariant, rows }: Violation): Violation[] {
  if (!invariant.startsWith('I-21.1') || !sim.faults.on.includes('CF-24')) return [{ invariant, rows }];
  const left = (rows as Dated[]).filter(({ created_at, paid_at, refunded_at, closed_at }) => {
    const of_channel = refunded_at ?? paid_at;
    return closed_at !== undefined || !of_channel || of_channel < created_at;
  });
  return left.length === 0 ? [] : [{ invariant, rows: left }];
}
type Dated = { readonly created_at: Date; readonly paid_at?: Date | null; readonly refunded_at?: Date; readonly closed_at?: Date | null };

/** A look takes 14 ms: at every 500 events that is 5 % of a world's time (2026-11-23). */
const events_between_looks = 500;

/** Class S while everything is under way: what is wrong for a while only is not there any more in the end. Each rule is told of once. */
function watchAlways(world: World, during: Violation[]): void {
  const told = new Set<string>();
  world.sim.scheduler.watch(events_between_looks, async () => {
    if (!world.sim.database.isFree()) return false;
    for (const violation of (await brokenNow(world.plain)).flatMap((each) => withoutChannelTimes(world, each))) {
      if (!told.has(violation.invariant)) during.push(violation);
      told.add(violation.invariant);
    }
    return true;
  });
}

/** What befalls nodes by themselves: standing still, wrong clocks, changed settings. */
async function trouble(world: World, during: Violation[]): Promise<void> {
  const { sim, network } = world;
  const dice = sim.dice('trouble');
  while (!sim.healed) {
    await sim.sleep(1_000);
    for (const node of [...network.nodes]) {
      if (sim.faults.hit('OF-02')) node.pause(dice.between(1, 120) * 1000);
      if (sim.faults.hit('OF-12')) node.skew(dice.pick([-86_400_000, -3_600_000, 3_600_000, 86_400_000, 0]));
    }
    if (network.nodes.length > 0 && settingsChange(sim)) {
      // What the console asks for may fail as anything else does; it is asked for again, or not.
      changeSomething(world, dice.pick(world.merchants)).catch((error: unknown) => {
        if (!isInjected(error)) during.push({ invariant: unexplained, rows: [String(error)] });
      });
    }
  }
  for (const node of network.nodes) node.skew(0);
}

/** News can only be lost where there are some: a world that loses them has its settings changed as well. */
function settingsChange({ faults }: World['sim']): boolean {
  if (faults.hit('OF-14')) return true;
  if (faults.rate('OF-16') === 0 || !faults.dice('OF-16').chance(0.05)) return false;
  faults.count('OF-14');
  return true;
}

/** Waits until nothing is open and nothing new comes for an hour; nobody waits for the last questions about orders that are over. False when that takes too long. */
async function untilQuiet({ sim, plain }: World): Promise<boolean> {
  const give_up_ms = sim.scheduler.now_ms() + converge_hours_max * 3_600_000;
  const open = sql<{
    open: boolean;
  }>`select exists (select 1 from attempts where next_query_at is not null and state in ('sending', 'waiting')) or exists (select 1 from payments where next_close_at is not null)
    or exists (select 1 from refunds r where next_query_at is not null and ${isAlone}) or exists (select 1 from deliveries where next_send_at is not null)
    or exists (select 1 from events where sequence is null)
    or exists (select 1 from event_sequences s left join ledger_books b on b.merchant_id = s.merchant_id and b.livemode = s.livemode where s.last > coalesce(b.position, 0)) as open`;
  let calm = 0;
  while (calm < 3) {
    if (sim.scheduler.now_ms() > give_up_ms) return false;
    await sim.sleep(calm === 0 ? 60_000 : 1_800_000);
    if (!sim.database.isFree()) continue;
    const { rows } = await open.execute(plain.db.kysely);
    calm = rows[0]?.open ? 0 : calm + 1;
  }
  return true;
}

/** Held against the merchants' side of it. */
async function brokenOutside(world: World, journal: Journal, lives: readonly Pick<Life, 'merchant' | 'payment_id'>[]): Promise<Violation[]> {
  const found: Violation[] = [];
  const tell = (invariant: string, ...rows: unknown[]) => found.push({ invariant, rows });
  for (const text of [...world.receivers.broken, ...world.gateways.broken, ...world.network.broken, ...world.merchants.flatMap((merchant) => merchant.broken)])
    tell(text.slice(0, 4), text);
  const { found: promises, read } = await brokenPromises(world, journal);
  for (const text of promises) tell(text.slice(0, 4), text);
  const stored = await world.plain.db.kysely
    .selectFrom('events')
    .select(['id', 'merchant_id', 'payload', 'object_id', 'object_version', 'created_at'])
    .execute();
  const events = new Map(stored.map((event) => [event.id, event]));
  for (const { event, merchant, body, at_ms } of world.receivers.received) {
    const row = events.get(event.id);
    if (!row) tell('I-35 a webhook told of what was never committed', event);
    else if (row.payload !== body) tell('I-35 a webhook said something else than its event', event);
    else if (row.created_at.getTime() > at_ms + 1) tell('I-35 a webhook was sent before its event', event);
    if (row && row.merchant_id !== world.merchants[merchant]?.id) tell('I-34 an event reached another merchant', event);
  }
  const refunds = new Map<string, Found[]>();
  for (const object of read.values()) {
    if (object.object === 'refund') refunds.set(object.payment_id, [...(refunds.get(object.payment_id) ?? []), object]);
  }
  for (const { merchant, payment_id } of lives) {
    if (payment_id === undefined) continue;
    const payment = read.get(payment_id);
    const told = world.receivers.newest(merchant.at, payment_id);
    if (!told || told.state !== payment?.state) tell('I-31 the merchant holds another state', { payment_id, told: told?.state, is: payment?.state });
    for (const refund of refunds.get(payment_id) ?? []) {
      if (refund.state !== 'succeeded' && refund.state !== 'refused') continue;
      const known = world.receivers.newest(merchant.at, refund.id);
      if (known?.state !== refund.state || known?.version !== refund.version)
        tell('I-31 the merchant holds another refund', { refund: refund.id, told: known?.state, is: refund.state });
    }
  }
  for (const text of world.unexplained()) tell(unexplained, text.slice(0, 1_000));
  return found;
}
