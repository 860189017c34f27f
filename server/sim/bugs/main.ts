import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { readArguments } from '../../testing/arguments.ts';
import { argumentsOf } from '../command.ts';
import { commitOf } from '../commit.ts';
import { type Crew, openCrew, workersDefault } from '../crew.ts';
import type { Verdict } from '../seed.ts';
import { bank } from './bank.ts';
import type { PlantedBug, Proof } from './bug.ts';
import { type Outcomes, readOutcomes } from './tap.ts';

/** What came of one bug: who noticed it, and after how many seeds. */
export type Hunt = { readonly id: string; readonly noticed: boolean; readonly by: string; readonly seeds: number | null; readonly seconds: number };

/** What a run of the bank came to. */
export type BugsSummary = {
  readonly commit: string;
  readonly arguments: readonly string[];
  readonly bugs: number;
  readonly noticed: number;
  readonly missed: readonly string[];
  readonly by_seeds: number;
  readonly median_seeds: number | null;
  readonly most_seeds: number | null;
  /** Every bug that was hunted, and how that went. */
  readonly hunts: readonly Hunt[];
};

const root = join(import.meta.dirname, '..', '..', '..');
const plant = join(import.meta.dirname, 'plant.ts');
/** A bug that keeps a world from ever coming to an end is noticed by that: a sound one ends within seconds. */
const seed_ms_max = 180_000;
const tests_ms_max = 300_000;

const usage = `npm run sim -- --bugs [--bug ID] [--seeds N] [--seed TEXT] [--workers N] [--json]
  --bug: ${bank.map(({ id }) => id).join(' ')}`;

/** 0 when every bug of the bank was noticed. */
export async function run(args: readonly string[]): Promise<number> {
  const values = readArguments(args, {
    usage,
    options: {
      bug: { is: 'text', one_of: bank.map(({ id }) => id) },
      seeds: { is: 'whole', usual: 40, least: 1 },
      seed: { is: 'text', usual: 'bugs' },
      workers: { is: 'whole', usual: workersDefault(), least: 1 },
      json: { is: 'switch' },
    },
  });
  const say = (text: string) => (values.json ? process.stderr : process.stdout).write(`${text}\n`);
  const chosen = values.bug === undefined ? bank : bank.filter(({ id }) => id === values.bug);
  const seeds = Array.from({ length: values.seeds }, (_, at) => `${values.seed}.${at}`);

  const waiting = chosen.values();
  const hunts: Hunt[] = [];
  const control = openControl();
  const work = async () => {
    for (const bug of waiting) {
      const found = bug.noticed_by === 'seeds' ? await huntBySeeds(bug, seeds, control) : await huntByTest(bug, bug.noticed_by, control);
      hunts.push(found);
      say(`${found.noticed ? 'noticed' : 'NOT NOTICED'} ${found.id}: ${found.by}${found.seeds === null ? '' : ` (${found.seeds} seeds)`}`);
    }
  };
  await Promise.all(Array.from({ length: values.workers }, work)).finally(control.close);

  const missed = hunts.filter(({ noticed }) => !noticed).map(({ id }) => id);
  const needed = hunts.flatMap(({ noticed, seeds: count }) => (noticed && count !== null ? [count] : [])).sort((a, b) => a - b);
  const summary: BugsSummary = {
    commit: commitOf(),
    arguments: argumentsOf(['--bugs', ...args], { seeds: values.seeds, seed: values.seed }),
    bugs: hunts.length,
    noticed: hunts.length - missed.length,
    missed,
    by_seeds: needed.length,
    median_seeds: needed[Math.floor(needed.length / 2)] ?? null,
    most_seeds: needed.at(-1) ?? null,
    hunts,
  };
  process.stdout.write(`${JSON.stringify(summary, undefined, values.json ? undefined : 2)}\n`);
  return missed.length === 0 ? 0 : 1;
}

const envOf = ({ id }: PlantedBug) => ({ NODE_OPTIONS: `--import=${plant}`, HELIU_PLANTED_BUG: id });

/** The same worlds and tests without any bug: what is broken there as well says nothing of one. */
type Control = {
  readonly broken: (seed: string) => Promise<string | undefined>;
  /** Why the test proves nothing: it is not there, or its file does not pass as it is. */
  readonly unfit: (proof: Proof) => Promise<string | undefined>;
  readonly close: () => void;
};

/** Each world is lived through and each file run once, however many bugs they notice. */
function openControl(): Control {
  let crew: Seeds | undefined;
  const judged = new Map<string, Promise<string | undefined>>();
  const files = new Map<string, Promise<Outcomes>>();
  let last: Promise<unknown> = Promise.resolve();
  const judge = async (seed: string): Promise<string | undefined> => {
    crew ??= openCrew('seed.process.ts', 1);
    return noticedIn(await lived(crew, seed));
  };
  return {
    broken: (seed) => {
      const known = judged.get(seed);
      if (known !== undefined) return known;
      // The one process lives through one world after the other.
      const judging = last.then(() => judge(seed));
      judged.set(seed, judging);
      last = judging;
      return judging;
    },
    unfit: async ({ file, test }) => {
      const running = files.get(file) ?? runTests(file);
      files.set(file, running);
      const { failed, passed, ended } = await running;
      if (failed.length > 0 || !ended) return `${file} does not pass without the bug either: ${failed[0] ?? 'it did not come to its end'}`;
      return passed.includes(test) ? undefined : `${file} has no test '${test}' that passes without the bug`;
    },
    close: () => crew?.kill(),
  };
}

/** One world after the other, the same for every bug, until one of them is judged broken. */
async function huntBySeeds(bug: PlantedBug, seeds: readonly string[], control: Control): Promise<Hunt> {
  const started_ms = performance.now();
  const crew: Seeds = openCrew('seed.process.ts', 1, envOf(bug));
  const hunt = (noticed: boolean, by: string, count: number): Hunt => ({ id: bug.id, noticed, by, seeds: count, seconds: secondsSince(started_ms) });
  try {
    for (const [at, seed] of seeds.entries()) {
      const noticed = noticedIn(await lived(crew, seed));
      if (noticed === undefined) continue;
      const without = await control.broken(seed);
      return without === undefined ? hunt(true, noticed, at + 1) : hunt(false, `seed ${seed} is broken without the bug too: ${without}`, at + 1);
    }
    return hunt(false, 'no seed of them', seeds.length);
  } finally {
    crew.kill();
  }
}

type Seeds = Crew<{ readonly seed: string }, Verdict>;

/** The verdict of one world, or a sentence when it came to none. */
const lived = (crew: Seeds, seed: string): Promise<Verdict | string> =>
  within(
    seed_ms_max,
    new Promise((resolve, reject) => {
      crew
        .run([{ seed }], (done) => {
          resolve(done);
          return undefined;
        })
        .catch(reject);
    }),
  );

function noticedIn(verdict: Verdict | string): string | undefined {
  if (typeof verdict === 'string') return verdict;
  return verdict.violations[0]?.invariant ?? (verdict.unknown === undefined ? undefined : `no verdict: ${verdict.unknown.split('\n')[0]}`);
}

/** What the work gives, or a sentence when it fails or takes too long. */
async function within<T>(ms: number, work: Promise<T>): Promise<T | string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('a world never came to an end'), ms);
  });
  try {
    return await Promise.race([work, late]);
  } catch (error) {
    return `the program broke: ${error instanceof Error ? error.message : String(error)}`;
  } finally {
    clearTimeout(timer);
  }
}

/** The test fails with the bug, and nothing of its file does without: whatever else fails with it proves nothing. */
async function huntByTest(bug: PlantedBug, proof: Proof, control: Control): Promise<Hunt> {
  const started_ms = performance.now();
  const hunt = (noticed: boolean, by: string): Hunt => ({ id: bug.id, noticed, by, seeds: null, seconds: secondsSince(started_ms) });
  const unfit = await control.unfit(proof);
  if (unfit !== undefined) return hunt(false, unfit);
  const { failed } = await runTests(proof.file, envOf(bug));
  if (failed.includes(proof.test)) return hunt(true, proof.test);
  return hunt(false, failed.length === 0 ? `${proof.file} passes with it` : `'${proof.test}' passes with it or was not come to; what failed is '${failed[0]}'`);
}

async function runTests(file: string, env: Readonly<Record<string, string>> = {}): Promise<Outcomes> {
  const child = spawn(process.execPath, ['--test', '--test-reporter=tap', '--test-force-exit', file], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: tests_ms_max,
    killSignal: 'SIGKILL',
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString('utf8');
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return readOutcomes(output, code);
}

const secondsSince = (started_ms: number): number => Math.round((performance.now() - started_ms) / 100) / 10;
