import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret } from '../kernel/secret.ts';
import type { Config } from '../platform/config.ts';
import { assembleCtx } from '../platform/create-ctx.ts';
import type { Ctx } from '../platform/ctx.ts';
import { createLog, type LogSink } from '../platform/log.ts';
import { createMetrics } from '../platform/metrics.ts';
import { createTestClock, type TestClock } from './clock.ts';
import { createTestDatabase } from './database.ts';
import { createTestRng } from './rng.ts';

export type TestCtxOptions = {
  /** When the test begins; the clock stands still there. */
  readonly start?: Date;
  /** Names the random bytes. Two nodes of one test have different ones by themselves. */
  readonly seed?: string;
  readonly config?: Partial<Config>;
  /** Where log lines go, at level debug; otherwise nothing is logged. */
  readonly log?: LogSink;
  /** The clock of another installation, so that time passes for both; `start` is that clock's then. */
  readonly clock?: TestClock;
  /** Another node of the same installation: the same database, master key and clock. */
  readonly beside?: TestCtx;
};
export type TestCtx = {
  readonly ctx: Ctx & { readonly config: Config & { readonly database_url: Secret } };
  readonly clock: TestClock;
  /** Gives everything back and drops the database; nodes beside this one are closed first. */
  readonly close: () => Promise<void>;
};

let nodes = 0;

/** A node on a migrated PostgreSQL database of its own, with a clock and randomness that the test holds in its hand. */
export async function testCtx(options: TestCtxOptions = {}): Promise<TestCtx> {
  const { beside, seed = `heliu-${++nodes}`, start = new Date('2026-11-22T02:00:00.000Z') } = options;
  const database = beside ? undefined : await createTestDatabase();
  const database_url = beside?.ctx.config.database_url ?? database?.database_url;
  const clock = beside?.clock ?? options.clock ?? createTestClock(start);
  const master_key = beside?.ctx.config.master_key ?? new Secret(createTestRng('master key').bytes(32).toString('base64'));
  const config = { ...test_config, master_key, ...options.config, database_url: database_url as Secret };
  const log = options.log ? createLog('debug', clock, options.log) : createLog('silent', clock);
  try {
    const node = await assembleCtx({ config, clock, rng: createTestRng(seed), log, metrics: createMetrics({ process_metrics: false }) });
    return {
      ctx: node.ctx as TestCtx['ctx'],
      clock,
      close: async () => {
        await node.close();
        await database?.drop();
      },
    };
  } catch (error) {
    await database?.drop();
    throw error;
  }
}

const test_config = {
  mode: 'sandbox',
  role: 'all',
  host: '127.0.0.1',
  port: 0,
  public_url: 'http://127.0.0.1',
  data_dir: join(tmpdir(), `heliu-test-${randomBytes(4).toString('hex')}`),
  database_pool_max: 10,
  egress_allow: ['127.0.0.0/8', '::1/128'],
  webhook_allow_http: true,
  webhook_ports: Array.from({ length: 65_535 }, (_, index) => index + 1),
  rate_limit_per_s: 1_000_000,
  recon_two_persons_from_fen: 100_000,
  mqtt_port: undefined,
  trusted_proxies: [],
  log_level: 'silent',
  sandbox_time_scale: 1,
} as const satisfies Partial<Config>;
