import { type Ending, endingOf, unexpectedOf } from './ending.ts';
import { enterWorld, realNow_ms } from './globals.ts';
import { createJournal } from './journal.ts';
import { only_after_a_crash, openStage, type Scenario, type Stage, scenarios } from './scenarios.ts';
import { judgeAtRest, sharedEngine, type Verdict } from './seed.ts';
import type { PlannedCrash } from './sim.ts';
import { openWorld, type World } from './world.ts';

/** `usual`: how the scenario ends without a crash. */
export type CrashJob = { readonly scenario: number; readonly crash?: PlannedCrash; readonly usual?: Ending };

/** What came of one scenario with one crash. */
export type CrashVerdict = {
  readonly scenario: number;
  readonly crash: PlannedCrash | undefined;
  readonly points: number;
  /** The yield point of the crash, where the crash or the loss was carried out there; undefined when it was not. */
  readonly at: string | undefined;
  readonly ending: Ending;
  readonly violations: Verdict['violations'];
  readonly unknown: string | undefined;
  readonly wall_ms: number;
  readonly hash: string;
};

const no_faults = { only: [] } as const;

/** Runs a scenario with a crash at one yield point, or with none to number them. */
export async function runCrash({ scenario: number, crash, usual }: CrashJob): Promise<CrashVerdict> {
  const engine = await sharedEngine();
  const started_ms = realNow_ms();
  const scenario = scenarios[number];
  if (!scenario) throw new Error(`there is no scenario ${number}`);
  let world: World | undefined;
  let judged: Judged;
  try {
    world = await openWorld({ seed: scenario.name, engine, nodes: scenario.nodes, merchants: 1, crash, ...no_faults });
    judged = await world.sim.scheduler.pump(play(world, scenario, { crash, usual }));
  } catch (error) {
    judged = { ending: [], violations: [], unknown: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  } finally {
    enterWorld(undefined);
  }
  const points = world?.sim.points() ?? [];
  return {
    scenario: number,
    crash,
    points: points.length,
    at: crash && world?.sim.struck_ms !== undefined ? points[crash.point - 1] : undefined,
    ...judged,
    wall_ms: realNow_ms() - started_ms,
    hash: world?.sim.scheduler.hash() ?? '',
  };
}

type Judged = Pick<CrashVerdict, 'ending' | 'violations' | 'unknown'>;

async function play(world: World, scenario: Scenario, { crash, usual }: { crash: PlannedCrash | undefined; usual: Ending | undefined }): Promise<Judged> {
  const { sim } = world;
  const journal = createJournal(world);
  const stage = openStage(world, journal);
  await scenario.prepare?.(stage);
  sim.numbering = true;
  await scenario.run(stage);
  sim.numbering = false;
  sim.healed = true;
  await world.allUp();
  const made = new Map(
    journal.written.flatMap(({ merchant, path, answers }) => {
      const id = answers.find((answer) => answer?.status === 201)?.body.id as string | undefined;
      return path === '/v1/payments' && id !== undefined ? [[id, { merchant, payment_id: id }] as const] : [];
    }),
  );
  const { violations, unknown } = await judgeAtRest(world, journal, [...made.values()]);
  while (!sim.database.isFree()) await sim.sleep(1);
  const usually_asked = stage.asked.filter(({ idempotency_key }) => !idempotency_key.startsWith(only_after_a_crash));
  const ending = endingOf(
    world,
    usually_asked.map(({ idempotency_key, answer }) => ({ idempotency_key, status: answer?.status ?? 0, code: answer?.body?.error?.code })),
  );
  return {
    ending,
    unknown,
    violations: [...violations, ...brokenRequests(world, stage, crash), ...brokenEnding(ending, usual, scenario)],
  };
}

/** Every request is answered at last, and only the one whose answer was lost on its way from the database may have failed before. */
function brokenRequests({ sim }: World, { asked }: Stage, crash: PlannedCrash | undefined): Verdict['violations'] {
  const struck_ms = sim.struck_ms ?? Number.NaN;
  const failed = asked.flatMap((request) => request.failed);
  const mayFail = crash?.fate === 'lose_answer' && failed.length === 1 && failed.every(({ from_ms, to_ms }) => from_ms <= struck_ms && struck_ms <= to_ms);
  const unanswered = asked.filter(({ answer }) => answer === undefined).map(({ path, idempotency_key }) => `${idempotency_key} ${path}`);
  return [
    ...(failed.length > 0 && !mayFail ? [{ invariant: 'a request failed on our side', detail: JSON.stringify(failed) }] : []),
    ...(unanswered.length > 0 ? [{ invariant: 'a request is never answered, however often it is repeated', detail: unanswered.join(', ') }] : []),
  ];
}

function brokenEnding(ending: Ending, usual: Ending | undefined, { also = [] }: Scenario): Verdict['violations'] {
  const unexpected = usual && unexpectedOf(ending, usual, also);
  return unexpected ? [{ invariant: 'it ends otherwise than without the crash', detail: JSON.stringify(unexpected) }] : [];
}
