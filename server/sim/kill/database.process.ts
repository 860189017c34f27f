import { systemClock } from '../../platform/clock.ts';
import { startEmbedded } from '../../platform/db/embedded.ts';
import { createLog } from '../../platform/log.ts';
import { systemRng } from '../../platform/rng.ts';

/** The embedded PostgreSQL of an installation as a process of its own, to be killed apart from Heliu. */
const [, , data_dir = '', settings = '{}'] = process.argv;
const server = await startEmbedded({ data_dir, clock: systemClock, rng: systemRng, log: createLog('error', systemClock), settings: JSON.parse(settings) });
process.on('SIGTERM', () => void server.stop().then(() => process.exit(0)));
// Whoever started us is gone, in whatever way.
process.on('disconnect', () => void server.stop().then(() => process.exit(0)));
process.send?.({ ready: server.port });
