import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkFloors } from './check/floors.ts';
import { findImpurities, roleOf } from './check/purity.ts';
import { findChannelNames, findTextProblems, isTooLong, lines_max } from './check/texts.ts';

// Everything that can be said of the code without running it. With arguments only those checks: npm run check -- types floors

const root = join(import.meta.dirname, '..');
/** Fewer files than this means that they were not read, whatever the rules then found. */
const modules_min = 50;
const code_folders = ['contract', 'server', 'sdk', 'cli', 'scripts'];

/** A check tells what is wrong, line by line; nothing is good. */
type Check = { readonly says: string; readonly run: () => Promise<readonly string[]> | readonly string[] };

const checks: Readonly<Record<string, Check>> = {
  types: {
    says: 'types are right',
    run: () => ['.', 'web/pos'].flatMap((project) => runTool('typescript/bin/tsc', ['--noEmit', '--pretty', 'false', '--project', project])),
  },
  style: {
    says: 'style and lint rules hold',
    run: () => runTool('@biomejs/biome/bin/biome', ['ci', '--colors=off', '--diagnostic-level=warn', '--max-diagnostics=200']),
  },
  floors: { says: 'floors and doors are kept', run: runFloors },
  pure: { says: 'pure files are pure', run: runPurity },
  texts: { says: 'no machine paths, keys, channel names or overlong files', run: runTexts },
  dead: { says: 'nothing is unused', run: () => runTool('knip/bin/knip.js', ['--no-progress']) },
  generated: { says: 'generated files are fresh', run: () => runNode([join(root, 'scripts', 'gen.ts'), '--check']) },
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in checks));
if (unknown.length > 0) throw new Error(`no such check: ${unknown.join(', ')}; there are ${Object.keys(checks).join(', ')}`);
let failed = 0;
const chosen = Object.entries(checks).filter(([name]) => asked.length === 0 || asked.includes(name));
for (const [name, { says, run }] of chosen) {
  const problems = await attempt(run);
  console.log(`${problems.length === 0 ? '✔' : '✖'} ${name}: ${says}`);
  for (const problem of problems) console.log(`    ${problem}`);
  if (problems.length > 0) failed++;
}
console.log(`\n${chosen.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

/** A check that cannot be made has not been passed. */
async function attempt(run: Check['run']): Promise<readonly string[]> {
  try {
    return await run();
  } catch (error) {
    return [`could not be made: ${error instanceof Error ? error.message : String(error)}`];
  }
}

/** A tool of npm's, by its file: `npx` would go and look for it. */
function runTool(file: string, args: readonly string[]): readonly string[] {
  return runNode([join(root, 'node_modules', file), ...args]);
}

function runNode(args: readonly string[]): readonly string[] {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [...args], { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  if (status === 0) return [];
  const said = `${stdout ?? ''}${stderr ?? ''}`.trim();
  return said === '' ? [`ended with ${error?.message ?? `code ${status}`}`] : said.split('\n');
}

async function runFloors(): Promise<readonly string[]> {
  const { modules, violations } = await checkFloors(code_folders);
  return modules < modules_min ? [`only ${modules} modules were read: the parser does not work`, ...violations] : violations;
}

function runPurity(): readonly string[] {
  const problems: string[] = [];
  let read = 0;
  for (const path of trackedFiles()) {
    const role = roleOf(path);
    if (!role) continue;
    read++;
    for (const { line, what } of findImpurities(readFileSync(join(root, path), 'utf8'), role, path)) problems.push(`${path}:${line}: ${what} (${role})`);
  }
  return read < modules_min ? [`only ${read} files were read`, ...problems] : problems;
}

function runTexts(): readonly string[] {
  const channels = readdirSync(join(root, 'server', 'channels'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'kit')
    .map((entry) => entry.name);
  return trackedFiles().flatMap((path) => {
    const bytes = readFileSync(join(root, path));
    // A file with a zero byte is none that people read.
    if (bytes.includes(0)) return [];
    const text = bytes.toString('utf8');
    const problems = [...findTextProblems(text), ...findChannelNames(path, text, channels)].map(({ line, what }) => `${path}:${line}: ${what}`);
    return isTooLong(path, text) ? [...problems, `${path}: has more than ${lines_max} lines: find its second noun`] : problems;
  });
}

/** What git knows or would take in: not what a run leaves behind. The samples of the checks' own tests are wrong on purpose. */
function trackedFiles(): readonly string[] {
  const { stdout, status } = spawnSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) throw new Error('git is needed to list the files of the repository');
  const deleted = spawnSync('git', ['ls-files', '--deleted', '-z'], { cwd: root, encoding: 'utf8' }).stdout.split('\0');
  return stdout.split('\0').filter((path) => path !== '' && !deleted.includes(path) && !path.startsWith('scripts/check/') && path !== 'package-lock.json');
}
