import type { Secret } from '@heliu/server/kernel/secret.ts';
import { systemClock } from '@heliu/server/platform/clock.ts';
import { type Config, loadConfig } from '@heliu/server/platform/config.ts';
import { createDb, type Db } from '@heliu/server/platform/db/db.ts';
import { startEmbedded } from '@heliu/server/platform/db/embedded.ts';
import { isInitialised } from '@heliu/server/platform/db/embedded-place.ts';
import { createPool } from '@heliu/server/platform/db/pool.ts';
import { createLog } from '@heliu/server/platform/log.ts';
import { createMetrics } from '@heliu/server/platform/metrics.ts';
import { systemRng } from '@heliu/server/platform/rng.ts';
import type { Cli } from './cli.ts';
import { NoDatabaseError } from './failures.ts';

/**
 * One connection to the configured database as it is: no migration, no data key, no news. Starts the embedded one where none
 * runs; `name` is shown by PostgreSQL beside the connection.
 */
export async function withDatabase<T>(cli: Cli, name: string, work: (db: Db, config: Config) => Promise<T>): Promise<T> {
  const config = await loadConfig(cli.io.env, cli.io.cwd);
  const { data_dir, database_url: given } = config;
  const log = createLog('silent', systemClock);
  if (!given && !(await isInitialised(data_dir))) throw new NoDatabaseError(cli.say(`there is no database in ${data_dir}`, `${data_dir} 中没有数据库`));
  const embedded = given ? undefined : await startEmbedded({ data_dir, clock: systemClock, rng: systemRng, log });
  const database_url = given ?? (embedded?.database_url as Secret);
  const db = createDb(createPool({ database_url, pool_max: 1, log, application_name: name }), createMetrics({ process_metrics: false }));
  try {
    return await work(db, config);
  } finally {
    await db.close();
    await embedded?.stop();
  }
}
