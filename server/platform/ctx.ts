import type { Rng } from '../kernel/rng.ts';
import type { Clock } from '../kernel/time.ts';
import type { Changes } from './changes.ts';
import type { Config } from './config.ts';
import type { RunBulk } from './db/bulk.ts';
import type { Db } from './db/db.ts';
import type { HttpOut } from './egress.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import type { Vault } from './vault/vault.ts';

/** The ports and platform services of one node, passed first to everything that is not pure. Nothing of it is global. */
export type Ctx = {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly db: Db;
  readonly inBulk: RunBulk;
  readonly http: HttpOut;
  readonly vault: Vault;
  readonly changes: Changes;
  readonly config: Config;
  readonly log: Log;
  readonly metrics: Metrics;
};
