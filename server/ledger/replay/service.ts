import type { Kysely } from 'kysely';
import { assert } from '../../kernel/assert.ts';
import { ledger_events_per_batch_max } from '../../kernel/limits.ts';
import type { Ctx } from '../../platform/ctx.ts';
import type { Tables } from '../../platform/db/tables.gen.ts';
import { numbered, postingId } from '../posting.ts';
import { attemptsToKnow, type NumberedEvent, planBatch } from '../projection/batch.ts';
import { afterRefund, money_events, type Taken, takenBy } from '../projection/event-postings.ts';
import { type Pricing, readEvent } from '../projection/service.ts';
import { readEvents } from '../projection/store.ts';
import { type BookName, readCloses, readPostings } from '../store.ts';
import { type Difference, differencesOf } from './difference.ts';
import { countEventPostings, findPayments, readBook } from './store.ts';

/** What a replay found. Differences are shown up to a limit and counted beyond it. */
export type Replay = BookName & {
  readonly events: number;
  readonly postings: number;
  readonly difference_count: number;
  readonly differences: readonly Difference[];
};

const differences_shown_max = 20;

/**
 * Makes a book anew from its events, from the first one on, and compares it with the one that is there. Nothing is written;
 * what is in memory is one batch, and what was refunded. `pricing` begins with no volumes. `tell` hears how many of the events are done.
 */
export async function replayBook(ctx: Ctx, pricing: Pricing, book: BookName, tell: (done: number, of: number) => void = () => {}): Promise<Replay> {
  return await ctx.db.kysely
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute((tx) => replay(tx, pricing, book, tell));
}

async function replay(tx: Kysely<Tables>, pricing: Pricing, book: BookName, tell: (done: number, of: number) => void): Promise<Replay> {
  const end = await readBook(tx, book);
  const closes = await readCloses(tx, book);
  const { charge } = await pricing(tx, [book]);
  const chargeBook = charge(book.merchant_id, book.livemode);
  const refunded = new Map<string, Taken>();
  const differences: Difference[] = [];
  const counted = { events: 0, postings: 0, differences: 0 };
  let position = 0n;
  while (position < end.position) {
    const rows = (await readEvents(tx, [{ ...book, position, last_no: 0n, closed_through: null }], money_events, ledger_events_per_batch_max)).filter(
      ({ sequence }) => sequence <= end.position,
    );
    const last = rows.at(-1);
    assert(last, 'numbers of events have no gaps');
    const events = rows.flatMap(readEvent);
    const plan = planBatch(events, await knownTo(tx, book, events, refunded), chargeBook);
    const drafts = plan?.drafts ?? [];
    const sequences = new Map(events.map(({ event, sequence }) => [event.id, sequence]));
    const expected = drafts.flatMap((draft) => {
      const sequence = sequences.get(draft.source_id) ?? 0n;
      const closed_through = closes.findLast((close) => close.position < sequence)?.closed_through ?? null;
      return numbered([draft], book, { last_no: 0n, closed_through });
    });
    for (const draft of drafts) {
      const before = draft.attempt_id === null ? undefined : refunded.get(draft.attempt_id);
      if (draft.refund_id !== null && draft.attempt_id !== null && before) refunded.set(draft.attempt_id, afterRefund(before, draft));
    }
    const found = differencesOf(
      expected,
      await readPostings(
        tx,
        book,
        drafts.map(({ source_id }) => postingId(source_id)),
      ),
    );
    counted.events += rows.length;
    counted.postings += expected.length;
    counted.differences += found.length;
    differences.push(...found.slice(0, differences_shown_max - differences.length));
    position = plan !== undefined && plan.position !== events.at(-1)?.sequence ? plan.position : last.sequence;
    tell(Number(position), Number(end.position));
  }
  const surplus = (await countEventPostings(tx, book)) - counted.postings;
  return { ...book, events: counted.events, postings: counted.postings, difference_count: counted.differences + Math.abs(surplus), differences };
}

/** What a batch must know: payments as they were posted (and compared before), and what was refunded of them up to here. */
async function knownTo(
  tx: Kysely<Tables>,
  book: BookName,
  events: readonly NumberedEvent[],
  refunded: Map<string, Taken>,
): Promise<ReadonlyMap<string, Taken>> {
  const wanted = attemptsToKnow(events);
  for (const posting of await findPayments(
    tx,
    book,
    wanted.filter((attempt_id) => !refunded.has(attempt_id)),
  )) {
    const taken = takenBy(posting);
    if (taken && posting.attempt_id !== null) refunded.set(posting.attempt_id, taken);
  }
  return new Map(
    wanted.flatMap((attempt_id) => {
      const taken = refunded.get(attempt_id);
      return taken ? [[attempt_id, taken] as const] : [];
    }),
  );
}
