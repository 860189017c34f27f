import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Secret } from '../../kernel/secret.ts';
import { systemClock } from '../../platform/clock.ts';
import { createDb } from '../../platform/db/db.ts';
import { createPool } from '../../platform/db/pool.ts';
import { createLog } from '../../platform/log.ts';
import { createMetrics } from '../../platform/metrics.ts';
import { createTestDatabase } from '../../testing/database.ts';
import { openWire } from './wire.ts';

const statement = { name: 'one', text: 'select 1 as one' };

it('OF-05 a statement on a connection that the database has lost is given up, and its connection with it', async (t) => {
  const database = await createTestDatabase();
  const url = new URL(database.database_url.expose());
  const wire = await openWire([Number(url.port)]);
  url.port = String(wire.port);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const pool = createPool({ database_url: new Secret(url.href), pool_max: 1, log: createLog('silent', systemClock), application_name: 'heliu-test' });
  const db = createDb(pool, createMetrics({ process_metrics: false }));
  assert.deepEqual(await db.run(statement, []), [{ one: 1 }]);
  assert.equal(wire.halve(), 1);

  const lost = assert.rejects(db.run(statement, []), /timeout/);
  // The statement is on its way, and the timer set.
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  t.mock.timers.tick(15_000);
  await lost;

  assert.deepEqual(await db.run(statement, []), [{ one: 1 }]);
  await db.close();
  await wire.close();
  await database.drop();
});
