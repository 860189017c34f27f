import { addMs } from '../kernel/time.ts';
import { type Attempt, isBarcode } from './attempt.ts';

/**
 * When to ask a channel again. Each step is also the lease of whoever asks, so it is longer than the calls that may
 * follow one question (up to three of kernel/limits.ts: channel_deadline_ms). The till's steps are the exception: two
 * nodes may then ask, or reverse, at once, which changes nothing that one would not.
 */

/** A notification normally comes within seconds of paying; WeChat advises 5 s, 30 s, 1, 3, 5, 10, 30 min. */
export const waiting_steps_ms = [35_000, 30_000, 60_000, 180_000, 300_000, 600_000, 1_800_000];
/** A cashier and a payer stand at the till: every 5 s, as both wallets advise. A query only reads, so a short lease is harmless. */
export const barcode_steps_ms = [5_000, 5_000, 5_000, 5_000, 5_000, 5_000, 5_000, 5_000, 15_000, 30_000, 60_000, 180_000, 600_000];
/** The third is longer than a request can be on its way: from then on a turn may send again, or believe a no to what it sent. */
export const refund_steps_ms = [35_000, 30_000, 90_000, 180_000, 300_000, 600_000, 1_800_000, 3_600_000];
/** Closing goes on until it is certain. */
export const close_steps_ms = [35_000, 35_000, 30_000, 60_000, 180_000, 300_000, 600_000, 1_800_000];

/** The first request is under way: nobody else touches the attempt or refund before this has passed. */
export const send_lease_ms = 20_000;
/**
 * A turn of the sweeper with a refund: its calls, and no longer than the shortest step. However long the step, nothing is sent
 * later in it, so that the next turn knows for how long nothing was sent.
 */
export const refund_turn_ms = 30_000;
/** After an answer that left the outcome open. */
export const first_query_ms = 10_000;
/** After an unknown: ask soon. */
export const unknown_query_ms = 2_000;

/** A payment code that is still not confirmed after this is reversed, so that the till can go on. */
export const barcode_patience_ms = 60_000;

/** What is still open after so many questions is shown to a person, once; asking goes on. */
const stuck_tries = 6;
export const isStuck = (tries: number): boolean => tries >= stuck_tries;

/**
 * An order that was closed is asked about again where the channel publishes no bill: money that comes after, and whose notification is
 * lost, would never be found there. First for the payer whose wallet stood open while it was closed.
 */
export const over_first_query_ms = 1_800_000;
/**
 * And again, counted from the payment's own end: gateways that keep an order by a time of their own keep it for minutes (Lakala 15,
 * China Merchants Bank 15), for at most 360 minutes (Fuiou) and for less than a day (ICBC), all counted from before that end. The last
 * two hours are for channels that lag. Where nothing ends an order, what is paid later still is told of by its notification alone.
 */
export const over_steps_ms = [21_600_000, 93_600_000];
/** A question that got no answer is asked again as often as one about a live order, for this long after the last. */
export const over_patience_ms = 86_400_000;

/** A request that was sent this long ago is not on its way any more, and a channel that lags has caught up. */
export const absence_patience_ms = 60_000;

export const firstQueryAt = (attempt: Pick<Attempt, 'method'>, now: Date): Date =>
  addMs(now, isBarcode(attempt) ? (barcode_steps_ms[0] as number) : first_query_ms);
