import { readArguments, Usage } from '../testing/arguments.ts';
import { argumentsOf } from './command.ts';
import { commitOf } from './commit.ts';
import type { CrashJob, CrashVerdict } from './crash.ts';
import { openCrew, workersDefault } from './crew.ts';
import { scenarios } from './scenarios.ts';
import type { PlannedCrash } from './sim.ts';

/** What a crash sweep came to. */
export type SweepSummary = {
  readonly commit: string;
  readonly scenarios: number;
  readonly points_existing: number;
  readonly points_hit: number;
  /** In how many of the three ways each point crashed: in one by turns, or in all. */
  readonly ways: number;
  readonly runs: number;
  readonly violations: number;
  readonly unknown: number;
  readonly seconds: number;
};

const fates: readonly PlannedCrash['fate'][] = ['crash_before', 'crash_after', 'lose_answer'];

const usage = `npm run sim -- --sweep [--scenario TEXT] [--once] [--workers N] [--json]
  --scenario TEXT: only those whose name has this text
  --once: each point in one of the three ways, by turns, and not in all of them`;

/** A crash at every yield point of every golden scenario, in three ways. */
export async function run(args: readonly string[]): Promise<number> {
  const { workers, scenario, once, json } = readArguments(args, {
    usage,
    options: { scenario: { is: 'text' }, once: { is: 'switch' }, workers: { is: 'whole', usual: workersDefault(), least: 1 }, json: { is: 'switch' } },
  });
  const chosen = scenarios.flatMap(({ name }, at) => (scenario === undefined || name.includes(scenario) ? [at] : []));
  if (chosen.length === 0) throw new Usage(2, `--scenario ${scenario}: there is none\n${scenarios.map(({ name }) => name).join('\n')}`);
  const say = (text: string) => (json ? process.stderr : process.stdout).write(`${text}\n`);
  const summary = await sweep({ chosen, once, workers, say });
  const { commit, ...figures } = summary;
  process.stdout.write(`${JSON.stringify({ commit, arguments: argumentsOf(['--sweep', ...args]), ...figures }, undefined, json ? undefined : 2)}\n`);
  return summary.violations + summary.unknown > 0 || summary.points_hit < summary.points_existing * 0.95 ? 1 : 0;
}

export type SweepInput = { readonly chosen: readonly number[]; readonly once: boolean; readonly workers: number; readonly say: (text: string) => void };

export async function sweep({ chosen, once, workers, say }: SweepInput): Promise<SweepSummary> {
  const crew = openCrew<CrashJob, CrashVerdict>('crash.process.ts', workers);
  const started_ms = performance.now();
  const bad: CrashVerdict[] = [];
  const existing = new Map<number, number>();
  const hit = new Set<string>();
  let runs = 0;
  const each = (verdict: CrashVerdict): undefined => {
    runs += 1;
    if (verdict.violations.length > 0 || verdict.unknown !== undefined) {
      bad.push(verdict);
      say(tell(verdict));
    } else if (runs % 50 === 0) say(`${runs} runs`);
    if (!verdict.crash) existing.set(verdict.scenario, verdict.points);
    else if (verdict.at !== undefined) hit.add(`${verdict.scenario} ${verdict.crash.point}`);
  };
  try {
    await crew.run(
      chosen.map((scenario): CrashJob => ({ scenario })),
      each,
    );
    const jobs = [...existing].flatMap(([scenario, points]) =>
      Array.from({ length: points }, (_, at) =>
        (once ? [fates[at % fates.length] as PlannedCrash['fate']] : fates).map((fate): CrashJob => ({ scenario, crash: { point: at + 1, fate } })),
      ).flat(),
    );
    say(`${existing.size} scenarios, ${jobs.length} crashes`);
    await crew.run(jobs, each);
  } finally {
    crew.close();
  }
  return {
    commit: commitOf(),
    scenarios: existing.size,
    points_existing: [...existing.values()].reduce((sum, points) => sum + points, 0),
    points_hit: hit.size,
    ways: once ? 1 : fates.length,
    runs,
    violations: bad.filter(({ violations }) => violations.length > 0).length,
    unknown: bad.filter(({ unknown }) => unknown !== undefined).length,
    seconds: Math.round((performance.now() - started_ms) / 100) / 10,
  };
}

function tell({ scenario, crash, at, violations, unknown }: CrashVerdict): string {
  const broken = violations.slice(0, 3).map(({ invariant, detail }) => `  ${invariant}\n    ${detail.slice(0, 500)}`);
  return [
    `${scenarios[scenario]?.name}: ${crash?.fate ?? 'no crash'} at ${at ?? crash?.point ?? '-'}`,
    ...broken,
    ...(unknown === undefined ? [] : [`  not known: ${unknown}`]),
  ].join('\n');
}
