import type { Clock } from '../../kernel/time.ts';
import type { Log } from '../log.ts';
import type { Db, Statement } from './db.ts';

/**
 * One time for all nodes of an installation: the database's. Payments expire and close, and rows come due, by comparing times
 * that different nodes stored; a node whose own clock is wrong would close orders that are still good. So each node asks the
 * database for the time, and between two readings counts on with its monotonic clock, which nobody sets. A wall clock that
 * jumps changes nothing.
 */
export type DatabaseTime = { readonly clock: Clock; readonly stop: () => Promise<void> };

export type DatabaseTimeOptions = { readonly db: Db; readonly clock: Clock; readonly log: Log };

/** A machine's monotonic clock strays by some hundredth of a millisecond in a second, so that is less than a millisecond. */
const reading_ms = 15_000;
/** What the way to the database may take before its answer says too little. */
const round_trip_ms_max = 1_000;
/** The first reading waits for a connection to be made; the shortest way of some says the time best. */
const first_readings = 3;
/** A Date counts whole milliseconds. */
const resolution_ms = 1;
/** From here on a person should mend the machine's clock, which still dates its log lines. */
const wrong_ms = 5_000;

const time_statement: Statement = { name: 'time', text: 'select clock_timestamp() as now' };

/** Reads the time, fails where it cannot be read, and then follows it until stopped. */
export async function followDatabaseTime({ db, clock, log }: DatabaseTimeOptions): Promise<DatabaseTime> {
  /** The database's time in milliseconds when the monotonic clock stood at zero. */
  let origin_ms: number | undefined;
  /** A reading is as exact as its way was short: the answer was made somewhere on it. */
  let error_ms = Number.POSITIVE_INFINITY;
  let warned = false;
  const now_ms = () => (origin_ms === undefined ? clock.now().getTime() : origin_ms + clock.monotonic_ms());

  const read = async (): Promise<void> => {
    const asked_ms = clock.monotonic_ms();
    const [row] = await db.run<{ now: Date }>(time_statement, []);
    const answered_ms = clock.monotonic_ms();
    const way_ms = answered_ms - asked_ms;
    if (!row || (origin_ms !== undefined && way_ms > round_trip_ms_max)) return;
    const read_ms = row.now.getTime() - (asked_ms + way_ms / 2);
    const contradicts = origin_ms === undefined || Math.abs(read_ms - origin_ms) > error_ms + way_ms / 2 + resolution_ms;
    if (!contradicts && way_ms / 2 >= error_ms) return;
    origin_ms = read_ms;
    error_ms = way_ms / 2;
    const off_ms = Math.round(clock.now().getTime() - now_ms());
    if (Math.abs(off_ms) > wrong_ms && !warned) log.warn({ off_ms }, "this machine's clock is wrong; the database's is used");
    warned = Math.abs(off_ms) > wrong_ms;
  };
  const stopping = new AbortController();
  const follow = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await clock.sleep(reading_ms, stopping.signal);
      // A database that cannot be asked is everybody's trouble and told elsewhere; time goes on by the monotonic clock.
      if (!stopping.signal.aborted) await read().catch(() => {});
    }
  };

  for (let at = 0; at < first_readings; at++) await read();
  const following = follow();
  return {
    clock: { now: () => new Date(now_ms()), monotonic_ms: clock.monotonic_ms, sleep: clock.sleep },
    stop: async () => {
      stopping.abort();
      await following;
    },
  };
}
