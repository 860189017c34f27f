import { spawn, spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbedded } from '../server/platform/db/embedded.ts';
import { chromium_advice, findChromium } from '../server/testing/chromium.ts';
import { testServerOptions } from '../server/testing/server.ts';

// Runs every test on one PostgreSQL. With arguments only those files: npm test -- server/kernel/money.test.ts

const root = join(import.meta.dirname, '..');
const folders = ['contract', 'server', 'sdk', 'cli', 'web', 'examples', 'scripts'];
const files = process.argv.length > 2 ? process.argv.slice(2) : findTests();

/** Some 170 processes read the same sources: what the first of them made of the TypeScript saves the others a fifth of their time. */
const compile_cache = join(root, 'node_modules', '.cache', 'heliu-tests');
/** A test that hangs is ended, so that the others are still told of. The longest takes some minutes on two cores. */
const test_ms_max = 10 * 60_000;
/** A run that hangs all the same, in a loop that no timer ends, is killed. */
const run_ms_max = 60 * 60_000;

installChromium();
process.exitCode = process.env.HELIU_TEST_DATABASE_URL ? await runTests(process.env.HELIU_TEST_DATABASE_URL) : await withServer(runTests);

function findTests(): string[] {
  const found = globSync(
    folders.map((folder) => `${folder}/**/*.test.ts`),
    { cwd: root, exclude: (path) => path === 'node_modules' || path.endsWith('/node_modules') },
  );
  if (found.length === 0) throw new Error('no test was found');
  return found.sort();
}

/** A server of this run's own, gone with it. */
async function withServer(work: (database_url: string) => Promise<number>): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'heliu-npm-test-'));
  const server = await startEmbedded(testServerOptions(directory));
  // Ctrl-C reaches the tests through their own process; we stay to stop the server.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  try {
    return await work(server.database_url.expose());
  } finally {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Passes the output on and says the counts once more at the end, below the failures. */
async function runTests(database_url: string): Promise<number> {
  const concurrency = Math.max(2, availableParallelism());
  const options = ['--test', `--test-concurrency=${concurrency}`, `--test-timeout=${test_ms_max}`, '--test-reporter=spec'];
  // What a test that was ended has left open would keep its process alive for ever, and the run with it.
  options.push('--test-force-exit');
  const child = spawn(process.execPath, [...options, ...files], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: run_ms_max,
    killSignal: 'SIGKILL',
    env: {
      NODE_COMPILE_CACHE: compile_cache,
      ...withoutSettings(),
      HELIU_TEST_DATABASE_URL: database_url,
      ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : {}),
    },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  const counts = new Map<string, number>();
  let rest = '';
  child.stdout.on('data', (chunk: Buffer) => {
    process.stdout.write(chunk);
    const lines = (rest + chunk.toString('utf8')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) readCount(line, counts);
  });
  const code = await new Promise<number>((resolve) =>
    child.once('close', (status, signal) => {
      // Without a word of it a run that was cut off looks like one that found nothing.
      if (!counts.has('pass')) console.error(`The test runner ended before its summary: ${signal ?? `exit code ${status}`}`);
      resolve(status ?? 1);
    }),
  );
  const count = (name: string) => counts.get(name) ?? 0;
  const failed = count('fail') + count('cancelled');
  console.log(`\n${count('pass')} passed, ${failed} failed, ${count('skipped')} skipped`);
  return code === 0 && count('pass') > 0 && failed === 0 ? 0 : 1;
}

/** `ℹ pass 12`, in colour or not, from the runner's own summary. */
function readCount(line: string, counts: Map<string, number>): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control characters.
  const match = /^ℹ (pass|fail|cancelled|skipped) (\d+)$/.exec(line.replaceAll(/\u001b\[\d+m/g, ''));
  if (match?.[1]) counts.set(match[1], Number(match[2]));
}

/** Settings of the person's own installation are none of the tests'; what tells them where to look, what to try again and for how long is. */
function withoutSettings(): NodeJS.ProcessEnv {
  const kept = ['HELIU_VECTORS', 'HELIU_CHROMIUM', 'HELIU_SCREENSHOTS', 'HELIU_SEED', 'HELIU_SIM_SEED', 'HELIU_FUZZ_S'];
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => kept.includes(name) || (!name.startsWith('HELIU_') && name !== 'DATABASE_URL')));
}

/** A bare machine of Debian's kind gets its browser; elsewhere the browser tests are skipped and say what to install. */
function installChromium(): void {
  if (findChromium() !== undefined) return;
  const may_install = process.getuid?.() === 0 && spawnSync('apt-get', ['--version']).status === 0;
  if (may_install) {
    console.log('Installing Chromium for the browser tests (apt-get) …');
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    spawnSync('apt-get', ['update', '-qq'], { env, stdio: ['ignore', 'ignore', 'inherit'] });
    spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  }
  if (findChromium() === undefined) console.log(`The browser tests will be skipped: ${chromium_advice}.`);
}
