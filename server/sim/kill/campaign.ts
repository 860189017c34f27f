import { setTimeout } from 'node:timers/promises';
import { diceOf } from './dice.ts';
import { type Fault, faults, kill_database, kill_heliu, type Measures, type Scene } from './faults.ts';
import { type Journal, newJournal } from './journal.ts';
import { awaitRecovery, type Killed } from './leases.ts';
import { newLocks } from './locks.ts';
import { aMerchant } from './merchant.ts';
import { openStage } from './stage.ts';
import { type Findings, findOut, type Rest } from './verdict.ts';

export type CampaignOptions = Rest & {
  readonly seed: string;
  readonly kills: number;
  readonly database_kills: number;
  /** The faults go on for at least so long, */
  readonly seconds: number;
  /** and until so many orders were acknowledged: a load that is too small proves nothing, and a busy machine takes its time. */
  readonly orders: number;
  /** Names of `faults`. */
  readonly faults: readonly string[];
  readonly nodes: number;
  readonly tills: number;
  readonly longest_ms: number;
  /** Between two faults of one kind of work, at most. */
  readonly pause_ms: number;
};

export type Report = Findings & {
  readonly seed: string;
  readonly nodes: number;
  readonly seconds: number;
  readonly kills: { readonly heliu: number; readonly database: number };
  /** Episodes by name. */
  readonly faults: Readonly<Record<string, number>>;
  readonly skipped: Readonly<Record<string, string>>;
  readonly measures: Measures;
  readonly journal: Journal;
  /** How often the embedded PostgreSQL had to be started again by hand. */
  readonly given_up: number;
  /** Where the processes' output is, kept when something was found. */
  readonly folder: string;
};

/** A stage on which orders do not come through at all is not waited for any longer. */
const orders_ms_max = 300_000;

/** Kills and faults at random under load, by the seed; then everything is mended, comes to rest and is held against the truth. */
export async function campaign(options: CampaignOptions): Promise<Report> {
  const { seed, tell } = options;
  const chosen = faults.filter(({ name }) => options.faults.includes(name));
  const wants = (name: string) => chosen.some((fault) => fault.name === name);
  const began_ms = performance.now();
  const stage = await openStage({ nodes: options.nodes, small_disk: wants('disk_full'), movable_clock: wants('move_clock') });
  try {
    const skipped = skippedOf(chosen, stage);
    for (const [name, why] of Object.entries(skipped)) tell(`skipped ${name}: ${why}`);
    const journal = newJournal();
    const merchant = aMerchant(stage, journal, diceOf(seed, 'merchant'));
    const measures: Measures = { heliu: [], leases: [], postgres: [], after_postgres: [], rolling: [] };
    const counts: Record<string, number> = {};
    const locks = newLocks();
    let others = 0;
    let marks = 0;
    const over = new AbortController();
    const recoveries: Promise<void>[] = [];
    const disturbedSince = (mark: number) => mark !== marks;
    const followLeases = (killed: Killed, mark: number): void => {
      const followed = awaitRecovery(stage.database.connect, killed, over.signal).then((recovery) => {
        if (recovery.held > 0) measures.leases.push({ ...recovery, disturbed: disturbedSince(mark) });
      });
      recoveries.push(followed);
    };
    const sceneOf = (concern: string): Scene => ({
      stage,
      merchant,
      journal,
      dice: diceOf(seed, concern),
      longest_ms: options.longest_ms,
      measures,
      mark: () => (others > 0 ? -1 : marks),
      disturbedSince,
      followLeases,
    });
    const strike = (fault: Fault, scene: Scene, aside: boolean): Promise<void> =>
      locks.hold(fault.parts, async () => {
        if (aside) {
          others += 1;
          marks += 1;
        }
        try {
          await fault.strike(scene);
          counts[fault.name] = (counts[fault.name] ?? 0) + 1;
        } finally {
          if (aside) others -= 1;
        }
      });
    merchant.open(options.tills);
    tell(`seed ${seed}: ${options.nodes} nodes, ${options.kills} kills of Heliu and ${options.database_kills} of PostgreSQL; output in ${stage.folder}`);

    let killing = true;
    const kill = async (): Promise<void> => {
      const scene = sceneOf('kills');
      const order = scene.dice.shuffled([...Array<Fault>(options.kills).fill(kill_heliu), ...Array<Fault>(options.database_kills).fill(kill_database)]);
      for (const [at, fault] of order.entries()) {
        await setTimeout(scene.dice.between(0, options.pause_ms));
        await strike(fault, scene, false);
        if ((at + 1) % 10 === 0) tell(`${at + 1} of ${order.length} kills, ${journal.acknowledged.length} writes acknowledged`);
      }
      killing = false;
    };
    const disturb = async (): Promise<void> => {
      const scene = sceneOf('faults');
      const possible = chosen.filter(({ name }) => !(name in skipped));
      const ordered = () => journal.acknowledged.filter(({ what }) => what === 'create').length;
      const goesOn = () => {
        const passed_ms = performance.now() - began_ms;
        return killing || passed_ms < options.seconds * 1000 || (ordered() < options.orders && passed_ms < orders_ms_max);
      };
      for (let round = 0; round === 0 || goesOn(); round++) {
        for (const fault of scene.dice.shuffled(possible)) {
          await setTimeout(scene.dice.between(0, 2 * options.pause_ms));
          await strike(fault, scene, true);
          if (round > 0 && !goesOn()) break;
        }
        if (possible.length === 0) await setTimeout(200);
      }
    };
    await Promise.all([kill(), disturb()]);
    tell(`${counts[kill_heliu.name] ?? 0} kills of Heliu and ${counts[kill_database.name] ?? 0} of PostgreSQL; all is mended, waiting for rest`);
    const findings = await findOut(stage, merchant, journal, options);
    over.abort();
    await Promise.all(recoveries);
    await merchant.close();
    await stage.close(findings.violations.length > 0);
    return {
      seed,
      nodes: options.nodes,
      seconds: Math.round((performance.now() - began_ms) / 1000),
      kills: { heliu: counts[kill_heliu.name] ?? 0, database: counts[kill_database.name] ?? 0 },
      faults: counts,
      skipped,
      measures,
      journal,
      given_up: stage.database.given_up(),
      folder: stage.folder,
      ...findings,
    };
  } catch (error) {
    await stage.close(true);
    throw error;
  }
}

function skippedOf(chosen: readonly Fault[], stage: Scene['stage']): Record<string, string> {
  const reasons = chosen.map(({ name, missing }) => [name, missing?.(stage)] as const);
  return Object.fromEntries(reasons.filter((each): each is readonly [string, string] => each[1] !== undefined));
}
