import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Secret } from '../kernel/secret.ts';
import { systemClock } from '../platform/clock.ts';
import { createDb, type Db } from '../platform/db/db.ts';
import { startEmbedded } from '../platform/db/embedded.ts';
import { migrate } from '../platform/db/migrate.ts';
import { createPool } from '../platform/db/pool.ts';
import { createLog } from '../platform/log.ts';
import { createMetrics } from '../platform/metrics.ts';
import { systemRng } from '../platform/rng.ts';
import { writeBooks } from '../verify/testing/books.ts';

export type VerifyBenchOptions = { readonly payments: number; readonly say: (line: string) => void };

/** What an installation writes in thirty days. */
const span_ms = 30 * 86_400_000;
/** One of them has most of the payments in many installations; here they share them, which no plan may depend on. */
const merchants = 50;
const look_ms = 100;
const cli = new URL('../../cli/heliu.ts', import.meta.url).pathname;

/** The command `heliu verify` on books of that many payments, over everything and since a day ago: time and memory of both sides. */
export async function benchVerify({ payments, say }: VerifyBenchOptions) {
  const folder = mkdtempSync(join(tmpdir(), 'heliu-bench-'));
  const log = createLog('warn', systemClock);
  // The books are thrown away; how they are written is not measured.
  const settings = { fsync: 'off', full_page_writes: 'off', max_wal_size: '8GB' };
  const postgres = await startEmbedded({ data_dir: folder, clock: systemClock, rng: systemRng, log, settings });
  try {
    const { database_url } = postgres;
    await migrate({ database_url, clock: systemClock, log });
    const db = createDb(createPool({ database_url, pool_max: 2, log, application_name: 'heliu-bench' }), createMetrics({ process_metrics: false }));
    say(`writing the books of ${payments} payments`);
    await db.kysely.transaction().execute(async (tx) => {
      await sql`select set_config('statement_timeout', '0', true), set_config('work_mem', '256MB', true)`.execute(tx);
      await writeBooks(tx, { payments, merchants, now: systemClock.now(), step_ms: span_ms / payments });
    });
    await sql`set statement_timeout = 0`.execute(db.kysely);
    await sql`vacuum analyze`.execute(db.kysely);
    const [size] = (await sql<{ bytes: bigint }>`select pg_database_size(current_database()) as bytes`.execute(db.kysely)).rows;
    say('verifying everything');
    const everything = await measure(database_url, folder, db, []);
    say('verifying what was touched since a day ago');
    const since = await measure(database_url, folder, db, ['--since', '1d']);
    await db.close();
    return { payments, database_mb: Math.round(Number(size?.bytes ?? 0) / 1e6), everything, since };
  } finally {
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

type Summary = {
  readonly rules: number;
  readonly violations: number;
  readonly unknown: number;
  readonly ms: number;
  readonly results: readonly { rule: string; ms: number }[];
};

async function measure(database_url: Secret, folder: string, db: Db, options: readonly string[]) {
  const env = { ...process.env, HELIU_DATABASE_URL: database_url.expose(), HELIU_DATA_DIR: folder };
  const child = spawn(process.execPath, [cli, 'verify', '--json', ...options], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk;
  });
  const exited = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? 1)));
  const peak = { process_mb: 0, backend_mb: 0 };
  let running = true;
  const looking = (async () => {
    for (let backend = 0; running; await delay(look_ms)) {
      backend ||= await backendOf(db);
      peak.process_mb = Math.max(peak.process_mb, memoryOf(child.pid, 'VmHWM'));
      peak.backend_mb = Math.max(peak.backend_mb, memoryOf(backend, 'RssAnon'));
    }
  })();
  const exit_code = await exited;
  running = false;
  await looking;
  const { summary } = JSON.parse(out.trimEnd().split('\n').at(-1) ?? '{}') as { summary: Summary };
  const { rules, violations, unknown, ms, results } = summary;
  const slowest = results.toSorted((a, b) => b.ms - a.ms).slice(0, 8);
  return {
    exit_code,
    rules,
    violations,
    unknown,
    seconds: ms / 1000,
    peak_mb: peak,
    slowest: Object.fromEntries(slowest.map((each) => [each.rule, each.ms / 1000])),
  };
}

/** The process of PostgreSQL that works for the command; 0 until it is there. */
async function backendOf(db: Db): Promise<number> {
  const { rows } = await sql<{ pid: number }>`select pid from pg_stat_activity where application_name = 'heliu-verify'`.execute(db.kysely);
  return rows[0]?.pid ?? 0;
}

/** Megabytes of /proc/PID/status. Linux only: zero elsewhere. */
function memoryOf(pid: number | undefined, name: 'VmHWM' | 'RssAnon'): number {
  try {
    return Math.round(Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024);
  } catch {
    return 0;
  }
}
