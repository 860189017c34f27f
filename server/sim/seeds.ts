import { further_simulators } from '../channels/simulators.ts';
import { argumentsOf } from './command.ts';
import { commitOf } from './commit.ts';
import { openCrew } from './crew.ts';
import { fault_ids } from './faults.ts';
import { againOf, readOptions } from './options.ts';
import type { SeedOptions, Verdict } from './seed.ts';
import { shrink } from './shrink.ts';

type Job = { readonly seed: string; readonly options?: SeedOptions };

/** What a run of many seeds came to. */
export type Summary = {
  readonly commit: string;
  /** What runs it again. */
  readonly arguments: readonly string[];
  /** What its worlds are named after. */
  readonly seed: string;
  readonly seeds: number;
  readonly payments: number;
  readonly refunds: number;
  readonly notifications: number;
  readonly webhooks: number;
  /** Writes of merchants that were never answered, and those of which it could not be found out afterwards what they had come to. */
  readonly unanswered: number;
  readonly unresolved: number;
  /** Beside the gateways of the two wallets, which are in every world, each has one more: in how many each was. */
  readonly further: Readonly<Record<string, number>>;
  /** Writes that were refused because another writer had been faster. */
  readonly stale_writes: number;
  /** How often each fault happened, and `0` for one that never did. */
  readonly faults: Readonly<Record<string, number>>;
  readonly violations: number;
  readonly unknown: number;
  readonly seconds: number;
  readonly virtual_hours: number;
  readonly events: number;
  /** Seeds that were run twice, and of these the ones that left the same trace. */
  readonly repeated: number;
  readonly hashes_repeated: number;
  readonly seeds_per_second_per_worker: number;
  /** Seconds of one core for a seed, without the start of the process. */
  readonly cpu_seconds_per_seed: number;
  readonly converge_s: { readonly p50: number; readonly p99: number; readonly max: number };
};

/** `npm run sim -- --seeds N [--seed S] …`; 0 when every seed holds, every repeat is equal and, of a long run, every fault has happened. */
export async function run(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  const names = options.named ? [options.seed] : Array.from({ length: options.seeds }, (_, at) => `${options.seed}.${at}`);
  const crew = openCrew<Job, Verdict>('seed.process.ts', Math.min(options.workers, Math.max(1, names.length)));
  const say = (text: string) => (options.json ? process.stderr : process.stdout).write(`${text}\n`);
  const started_ms = performance.now();
  const verdicts: Verdict[] = [];
  const repeats = new Map<string, string>();
  try {
    await crew.run(
      names.map((seed) => ({ seed, options: options.world })),
      (verdict) => {
        verdicts.push(verdict);
        if (isBad(verdict)) say(tell(verdict));
        else if (verdicts.length % 50 === 0) say(`${verdicts.length} of ${names.length} seeds`);
        return options.seconds === 0 || performance.now() - started_ms < options.seconds * 1000;
      },
    );
    await crew.run(
      verdicts.slice(0, options.repeat).map(({ seed }) => ({ seed, options: options.world })),
      (verdict) => {
        repeats.set(verdict.seed, verdict.hash);
        const first = verdicts.find(({ seed }) => seed === verdict.seed);
        if (first && first.hash !== verdict.hash)
          say(`${verdict.seed} left another trace when it was run again: ${first.events} events, then ${verdict.events}`);
        return undefined;
      },
    );
    const [first] = verdicts.filter(isBad);
    if (first) say(await shrink(crew, first));
  } finally {
    crew.close();
  }
  const figures = sumUp(verdicts, repeats, (performance.now() - started_ms) / 1000, options.workers);
  const typed = argumentsOf(args, options.named ? {} : { seeds: options.seeds, seed: options.seed });
  const summary: Summary = { commit: commitOf(), arguments: typed, seed: options.seed, ...figures };
  process.stdout.write(`${JSON.stringify(summary, undefined, options.json ? undefined : 2)}\n`);
  const only: readonly string[] = options.world.only ?? fault_ids;
  const missing = missingFaults(summary).filter((id) => only.includes(id));
  if (missing.length > 0) say(`never happened in ${summary.seeds} worlds: ${missing.join(' ')}`);
  return summary.violations + summary.unknown > 0 || summary.hashes_repeated < summary.repeated || missing.length > 0 ? 1 : 0;
}

/** So many worlds have had the rarest fault some thirty times (1,058 worlds, 2026-11-23). */
const worlds_for_every_fault = 300;

/** Faults that a run was long enough for and never had: they were not tested. */
export const missingFaults = ({ seeds, faults }: Pick<Summary, 'seeds' | 'faults'>): readonly string[] =>
  seeds < worlds_for_every_fault ? [] : fault_ids.filter((id) => !faults[id]);

export const isBad = ({ violations, unknown }: Verdict): boolean => violations.length > 0 || unknown !== undefined;

/** A failing seed, with all that it takes to look into it. */
export function tell({ seed, options, violations, unknown, on, nodes, last }: Verdict): string {
  const broken = violations.slice(0, 5).map(({ invariant, detail }) => `  ${invariant}\n    ${detail.slice(0, 600)}`);
  return [
    `seed ${seed} (${nodes} nodes, faults ${on.join(' ')})`,
    ...broken,
    ...(unknown === undefined ? [] : [`  not known: ${unknown}`]),
    '  last events:',
    ...last.slice(-20).map((line) => `    ${line}`),
    `  again: ${againOf(seed, options)}`,
  ].join('\n');
}

function sumUp(
  verdicts: readonly Verdict[],
  repeats: ReadonlyMap<string, string>,
  seconds: number,
  workers: number,
): Omit<Summary, 'commit' | 'arguments' | 'seed'> {
  const sum = (of: (verdict: Verdict) => number) => verdicts.reduce((total, verdict) => total + of(verdict), 0);
  const converged = verdicts.map(({ converge_s }) => converge_s).sort((a, b) => a - b);
  const at = (share: number) => converged[Math.min(converged.length - 1, Math.floor(share * converged.length))] ?? 0;
  return {
    seeds: verdicts.length,
    payments: sum(({ payments }) => payments),
    refunds: sum(({ refunds }) => refunds),
    notifications: sum(({ notifications }) => notifications),
    webhooks: sum(({ webhooks }) => webhooks),
    unanswered: sum(({ unanswered }) => unanswered),
    unresolved: sum(({ unresolved }) => unresolved),
    further: Object.fromEntries(further_simulators.map(({ channel }) => [channel, verdicts.filter(({ further }) => further === channel).length])),
    stale_writes: sum(({ stale_writes }) => stale_writes),
    faults: Object.fromEntries(fault_ids.map((id) => [id, sum(({ faults }) => faults[id] ?? 0)])),
    violations: sum(({ violations }) => violations.length),
    unknown: verdicts.filter(({ unknown }) => unknown !== undefined).length,
    seconds: Math.round(seconds * 10) / 10,
    virtual_hours: Math.round(sum(({ virtual_hours }) => virtual_hours)),
    events: sum(({ events }) => events),
    repeated: repeats.size,
    hashes_repeated: verdicts.filter(({ seed, hash }) => repeats.get(seed) === hash).length,
    seeds_per_second_per_worker: Math.round((verdicts.length / seconds / workers) * 1000) / 1000,
    cpu_seconds_per_seed: Math.round(sum(({ cpu_ms }) => cpu_ms) / Math.max(1, verdicts.length)) / 1000,
    converge_s: { p50: Math.round(at(0.5)), p99: Math.round(at(0.99)), max: Math.round(converged.at(-1) ?? 0) },
  };
}
