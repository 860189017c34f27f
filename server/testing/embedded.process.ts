import { assert } from '../kernel/assert.ts';
import { startEmbedded } from '../platform/db/embedded.ts';
import { migrate } from '../platform/db/migrate.ts';
import { testServerOptions } from './server.ts';

/** What a process of ours does with its database at a start, as a process of its own that tests can kill. */
const [, , data_dir] = process.argv;
assert(data_dir, 'the program is started with a data directory');
const options = testServerOptions(data_dir);
const server = await startEmbedded(options);
const applied = await migrate({ database_url: server.database_url, clock: options.clock, log: options.log });
process.on('SIGTERM', () => {
  void server.stop().then(() => process.exit(0));
});
// It stays until it is told to go.
setInterval(() => {}, 60_000);
process.stdout.write(`${JSON.stringify({ owned: server.owned, port: server.port, applied: applied.length })}\n`);
