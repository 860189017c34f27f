import { enterWorld, realNow_ms } from './globals.ts';
import { createJournal } from './journal.ts';
import { openStage, scenarios } from './scenarios.ts';
import { judgeAtRest, sharedEngine, type Verdict } from './seed.ts';
import type { PlannedCrash } from './sim.ts';
import { openWorld, type World } from './world.ts';

export type CrashJob = { readonly scenario: number; readonly crash?: PlannedCrash };

/** What came of one scenario with one crash. */
export type CrashVerdict = {
  readonly scenario: number;
  readonly crash: PlannedCrash | undefined;
  readonly points: number;
  /** The yield point of the crash; undefined when this run did not come to it. */
  readonly at: string | undefined;
  readonly paid: number;
  readonly violations: Verdict['violations'];
  readonly unknown: string | undefined;
  readonly wall_ms: number;
  readonly hash: string;
};

const no_faults = { only: [] } as const;

/** Runs a scenario with a crash at one yield point, or with none to number them. */
export async function runCrash({ scenario, crash }: CrashJob): Promise<CrashVerdict> {
  const engine = await sharedEngine();
  const started_ms = realNow_ms();
  const told = scenarios[scenario];
  if (!told) throw new Error(`there is no scenario ${scenario}`);
  let world: World | undefined;
  let judged: Pick<Verdict, 'violations' | 'unknown'>;
  try {
    world = await openWorld({ seed: told.name, engine, nodes: told.nodes, merchants: 1, crash, ...no_faults });
    judged = await world.sim.scheduler.pump(play(world, scenario));
  } catch (error) {
    judged = { violations: [], unknown: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  } finally {
    enterWorld(undefined);
  }
  const points = world?.sim.points() ?? [];
  return {
    scenario,
    crash,
    points: points.length,
    at: crash && points[crash.point - 1],
    paid: [...(world?.gateways.simulators.values() ?? [])].reduce((sum, simulator) => sum + simulator.truth().payments.length, 0),
    violations: judged.violations,
    unknown: judged.unknown,
    wall_ms: realNow_ms() - started_ms,
    hash: world?.sim.scheduler.hash() ?? '',
  };
}

async function play(world: World, scenario: number): Promise<Pick<Verdict, 'violations' | 'unknown'>> {
  const { sim } = world;
  const journal = createJournal(world);
  const stage = openStage(world, journal);
  await scenarios[scenario]?.prepare?.(stage);
  sim.numbering = true;
  await scenarios[scenario]?.run(stage);
  sim.numbering = false;
  sim.healed = true;
  await world.allUp();
  const made = new Map(
    journal.written.flatMap(({ merchant, path, answers }) => {
      const id = answers.find((answer) => answer?.status === 201)?.body.id as string | undefined;
      return path === '/v1/payments' && id !== undefined ? [[id, { merchant, payment_id: id }] as const] : [];
    }),
  );
  return judgeAtRest(world, journal, [...made.values()]);
}
