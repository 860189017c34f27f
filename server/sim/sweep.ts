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
  /** At which the crash or the loss was carried out, in each of the ways. */
  readonly points_hit: number;
  /** In how many of the three ways each point crashed: in one by turns, or in all. */
  readonly ways: number;
  readonly runs: number;
  readonly violations: number;
  readonly unknown: number;
  readonly seconds: number;
};

const fates: readonly PlannedCrash['fate'][] = ['crash_before', 'crash_after', 'lose_answer'];

const usage = `npm run sim -- --sweep [--scenario TEXT] [--once] [--point N] [--fate FATE] [--workers N] [--json]
  --scenario TEXT: only those whose name has this text
  --point N, --fate FATE: only at this yield point, only in this way (${fates.join(' ')})
  --once: each point in one of the three ways, by turns, and not in all of them`;

/** A crash at every yield point of every golden scenario, in three ways. */
export async function run(args: readonly string[]): Promise<number> {
  const { workers, scenario, once, point, fate, json } = readArguments(args, {
    usage,
    options: {
      scenario: { is: 'text' },
      once: { is: 'switch' },
      point: { is: 'whole', least: 1 },
      fate: { is: 'text', one_of: fates },
      workers: { is: 'whole', usual: workersDefault(), least: 1 },
      json: { is: 'switch' },
    },
  });
  const chosen = scenarios.flatMap(({ name }, at) => (scenario === undefined || name.includes(scenario) ? [at] : []));
  if (chosen.length === 0) throw new Usage(2, `--scenario ${scenario}: there is none\n${scenarios.map(({ name }) => name).join('\n')}`);
  const say = (text: string) => (json ? process.stderr : process.stdout).write(`${text}\n`);
  const summary = await sweep({ chosen, point, ways: once ? 'by turns' : fates.filter((each) => fate === undefined || each === fate), workers, say });
  const { commit, ...figures } = summary;
  process.stdout.write(`${JSON.stringify({ commit, arguments: argumentsOf(['--sweep', ...args]), ...figures }, undefined, json ? undefined : 2)}\n`);
  return summary.violations + summary.unknown > 0 || summary.points_hit < summary.points_existing ? 1 : 0;
}

export type SweepInput = {
  readonly chosen: readonly number[];
  /** Of each scenario this yield point alone. */
  readonly point: number | undefined;
  readonly ways: 'by turns' | readonly PlannedCrash['fate'][];
  readonly workers: number;
  readonly say: (text: string) => void;
};

/** The crashes of a scenario that went through its yield points without one. */
export function crashesOf({ scenario, points, ending }: CrashVerdict, ways: SweepInput['ways']): readonly CrashJob[] {
  const fatesAt = (at: number) => (ways === 'by turns' ? [fates[at % fates.length] as PlannedCrash['fate']] : ways);
  return Array.from({ length: points }, (_, at) => fatesAt(at).map((fate): CrashJob => ({ scenario, crash: { point: at + 1, fate }, usual: ending }))).flat();
}

export async function sweep({ chosen, point: wanted, ways, workers, say }: SweepInput): Promise<SweepSummary> {
  const crew = openCrew<CrashJob, CrashVerdict>('crash.process.ts', workers);
  const started_ms = performance.now();
  const bad: CrashVerdict[] = [];
  const numbered: CrashVerdict[] = [];
  /** Crashes and losses that have not been carried out, by their point. */
  const due = new Map<string, number>();
  const pointOf = (scenario: number, { point }: PlannedCrash) => `${scenario} ${point}`;
  let runs = 0;
  const each = (verdict: CrashVerdict): undefined => {
    runs += 1;
    if (verdict.violations.length > 0 || verdict.unknown !== undefined) {
      bad.push(verdict);
      say(tellCrash(verdict));
    } else if (runs % 50 === 0) say(`${runs} runs`);
    const { scenario, crash, at } = verdict;
    if (!crash) numbered.push(verdict);
    else if (at !== undefined) due.set(pointOf(scenario, crash), (due.get(pointOf(scenario, crash)) ?? 0) - 1);
    else say(`${scenarios[scenario]?.name}: ${crash.fate} at point ${crash.point} was not carried out`);
  };
  try {
    await crew.run(
      chosen.map((scenario): CrashJob => ({ scenario })),
      each,
    );
    const jobs = numbered.flatMap((verdict) => crashesOf(verdict, ways)).filter(({ crash }) => wanted === undefined || crash?.point === wanted);
    for (const { scenario, crash } of jobs) if (crash) due.set(pointOf(scenario, crash), (due.get(pointOf(scenario, crash)) ?? 0) + 1);
    say(`${numbered.length} scenarios, ${jobs.length} crashes`);
    await crew.run(jobs, each);
  } finally {
    crew.close();
  }
  return {
    commit: commitOf(),
    scenarios: numbered.length,
    points_existing: due.size,
    points_hit: [...due.values()].filter((left) => left === 0).length,
    ways: ways === 'by turns' ? 1 : ways.length,
    runs,
    violations: bad.filter(({ violations }) => violations.length > 0).length,
    unknown: bad.filter(({ unknown }) => unknown !== undefined).length,
    seconds: Math.round((performance.now() - started_ms) / 100) / 10,
  };
}

export function tellCrash({ scenario, crash, at, violations, unknown }: CrashVerdict): string {
  const broken = violations.slice(0, 3).map(({ invariant, detail }) => `  ${invariant}\n    ${detail.slice(0, 500)}`);
  return [
    `${scenarios[scenario]?.name}: ${crash?.fate ?? 'no crash'} at ${at ?? crash?.point ?? '-'}`,
    ...broken,
    ...(unknown === undefined ? [] : [`  not known: ${unknown}`]),
    `  again: npm run sim -- --sweep --scenario "${scenarios[scenario]?.name}"${crash ? ` --point ${crash.point} --fate ${crash.fate}` : ''}`,
  ].join('\n');
}
