import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstat, mkdir } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { Secret } from '../kernel/secret.ts';
import { systemClock } from '../platform/clock.ts';
import { type EmbeddedOptions, findEmbedded } from '../platform/db/embedded.ts';
import { createLog } from '../platform/log.ts';
import { systemRng } from '../platform/rng.ts';

/** The PostgreSQL that tests share. `npm test` starts one and names it here; a test file that runs alone finds or starts one. */
export async function testServer(): Promise<Secret> {
  const given = process.env.HELIU_TEST_DATABASE_URL;
  if (given) return new Secret(given);
  const directory = await ownDirectory();
  const found = await findEmbedded(testServerOptions(directory));
  return found?.database_url ?? (await askKeeper(directory));
}

/** Nothing that a test does needs to survive a power cut. */
export const testServerOptions = (data_dir: string): EmbeddedOptions => ({
  data_dir,
  clock: systemClock,
  rng: systemRng,
  log: createLog('silent', systemClock),
  settings: {
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    max_connections: '500',
    shared_buffers: '128MB',
    wal_level: 'minimal',
    max_wal_senders: '0',
  },
});

/** One directory for each user and checkout, in the system's temporary directory. */
async function ownDirectory(): Promise<string> {
  const { uid } = userInfo();
  const checkout = createHash('sha256')
    .update(import.meta.dirname)
    .digest('hex')
    .slice(0, 8);
  const directory = join(tmpdir(), `heliu-test-${uid}-${checkout}`);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const found = await lstat(directory);
  // The temporary directory is everyone's: what someone else made there is not used.
  if (!found.isDirectory() || found.uid !== uid) throw new Error(`${directory} was made by someone else: remove it`);
  return directory;
}

/**
 * The keeper outlives this process, so that the next test file finds the server warm; it ends when nobody has come for a
 * while. Test files are processes that start together: the first keeper owns the server, the others only say where it is.
 */
async function askKeeper(directory: string): Promise<Secret> {
  const keeper = spawn(process.execPath, [join(import.meta.dirname, 'keeper.ts'), directory], { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const outputs = [keeper.stdout, keeper.stderr];
  let said = '';
  let complained = '';
  keeper.stderr.on('data', (chunk: Buffer) => {
    complained += chunk;
  });
  const url = await new Promise<string>((resolve, reject) => {
    keeper.stdout.on('data', (chunk: Buffer) => {
      said += chunk;
      if (said.includes('\n')) resolve(said.trim());
    });
    keeper.once('error', reject);
    keeper.once('exit', () => said.includes('\n') || reject(new Error(`the test database did not start: ${complained}`)));
  });
  for (const output of outputs) output.destroy();
  keeper.unref();
  return new Secret(url);
}
