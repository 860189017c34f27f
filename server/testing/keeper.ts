import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { assert } from '../kernel/assert.ts';
import { systemClock } from '../platform/clock.ts';
import { startEmbedded } from '../platform/db/embedded.ts';
import { testServerOptions } from './server.ts';

/** Holds the test database of test files that run alone, and ends when no test has used it for a while. */
const idle_ms_max = 5 * 60_000;
const look_ms = 5_000;

const [, , directory] = process.argv;
assert(directory, 'the keeper is started with the directory of the test database');
const server = await startEmbedded(testServerOptions(directory));
process.stdout.write(`${server.database_url.expose()}\n`);
if (server.owned) {
  // Whoever started us stops reading; the output then breaks.
  process.stdout.on('error', () => {});
  await untilIdle(server.database_url.expose());
  await server.stop();
  await rm(join(directory, 'postgres'), { recursive: true, force: true });
}

/** Looks through one connection of its own; when that is lost the server is of no use to anyone. */
async function untilIdle(connectionString: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  client.on('error', () => {});
  await client.connect();
  let idle_ms = 0;
  while (idle_ms < idle_ms_max) {
    await systemClock.sleep(look_ms);
    const { rows } = await client.query<{ others: boolean }>(
      "select exists (select from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()) as others",
    );
    idle_ms = rows[0]?.others ? 0 : idle_ms + look_ms;
  }
  await client.end();
}
