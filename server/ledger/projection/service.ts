import type { Event } from '@heliu/contract';
import type { Kysely } from 'kysely';
import { ledger_books_per_batch_max, ledger_events_per_batch_max, ledger_events_per_book_min, ledger_postings_per_statement_max } from '../../kernel/limits.ts';
import type { Ctx } from '../../platform/ctx.ts';
import type { Tables } from '../../platform/db/tables.gen.ts';
import { type Draft, numbered, type Posting } from '../posting.ts';
import { insertionOf } from '../store.ts';
import { attemptsToKnow, type NumberedEvent, planBatch } from './batch.ts';
import { type MappingEnv, money_events, rememberedIn, type Taken } from './event-postings.ts';
import * as store from './store.ts';

/** What merchants are charged, for the books of one batch. It works in the batch's transaction. */
export type Pricer = {
  /** In the order of the book's events: a price may depend on what the month had before. */
  readonly charge: (merchant_id: string, livemode: boolean) => MappingEnv['charge'];
  /** Keeps what the next batch needs to know. */
  readonly save: () => Promise<void>;
};
export type Pricing = (tx: Kysely<Tables>, books: readonly { readonly merchant_id: string; readonly livemode: boolean }[]) => Promise<Pricer>;

/** How far the ledger may lag behind: nobody waits for it. */
const interval_ms = 500;
/** Looks that find nothing become rarer: a node at rest rests. */
const interval_ms_max = 4_000;
/** After a failure books are written one by one for so many batches, so that the one that cannot be written holds up no other. */
const careful_batches = ledger_books_per_batch_max * 2;

/** Posts events until it is stopped. Any number of nodes may do so: each takes books that no other has. */
export function keepLedger(ctx: Ctx, pricing: Pricing): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const run = async () => {
    let pause_ms = interval_ms;
    let careful = 0;
    const turn: Turn = { after: '' };
    while (!stopping.signal.aborted) {
      const books_max = careful > 0 ? 1 : ledger_books_per_batch_max;
      const posted = await projectBatch(ctx, pricing, { turn, books_max, events_max: ledger_events_per_batch_max }).catch((error: unknown) => {
        ctx.metrics.count('heliu_ledger_failures_total');
        ctx.log.error({ error: error instanceof Error ? error : new Error(String(error)) }, 'events could not be posted; the books stay where they are');
        careful = careful_batches;
        return 'failed' as const;
      });
      careful = Math.max(0, careful - 1);
      pause_ms = posted === 'nothing' ? Math.min(pause_ms * 2, interval_ms_max) : interval_ms;
      if (posted !== 'more') await ctx.clock.sleep(pause_ms, stopping.signal);
    }
    await turn.ahead;
  };
  const done = run();
  return {
    stop() {
      stopping.abort();
      return done;
    },
  };
}

/** Where the turn of books stands, so that none is passed over for ever; and what was read of the next batch while the last one was written. */
export type Turn = { after: string; ahead?: Promise<readonly OpenedEvents[]> };

/** `more`: events may wait. */
export type ProjectInput = { readonly turn: Turn; readonly books_max: number; readonly events_max: number };

/** What comes next in a book after a position. Numbered events never change, so it holds as long as the book stands there. */
type OpenedEvents = Pick<store.HeldBook, 'merchant_id' | 'livemode' | 'position'> & {
  readonly limit: number;
  /** With those that move no money. */
  readonly count: number;
  readonly last: bigint;
  readonly events: readonly NumberedEvent[];
};

/**
 * Posts what comes next in some books: events, postings, turnovers, volumes and positions in one transaction, so each event
 * is posted exactly once whatever dies. A second node finds the books taken and takes others.
 */
export async function projectBatch(ctx: Ctx, pricing: Pricing, { turn, books_max, events_max }: ProjectInput): Promise<'more' | 'some' | 'nothing'> {
  // Before a connection is held: what reads ahead needs one of its own.
  const ahead = (await turn.ahead) ?? [];
  delete turn.ahead;
  if (!(await store.anyBehind(ctx.db.kysely))) return 'nothing';
  await store.openBooks(ctx.db.kysely);
  return ctx.db.kysely
    .transaction()
    .setIsolationLevel('read committed')
    .execute(async (tx) => {
      const books = await store.holdBooksBehind(tx, turn.after, books_max);
      const last_book = books.at(-1);
      if (!last_book) return 'nothing';
      turn.after = last_book.merchant_id;
      const limit = Math.max(Math.min(ledger_events_per_book_min, events_max), Math.floor(events_max / books.length));
      const opened = ahead.filter((one) => one.limit === limit && books.some((book) => isOf(one, book) && one.position === book.position));
      const unread = books.filter((book) => !opened.some((one) => isOf(one, book)));
      if (unread.length > 0) opened.push(...(await openEvents(tx, unread, limit)));
      const plans = await planBooks(tx, pricing, books, opened);
      const longer = plans.done.filter(({ full }) => full).map(({ book, position }) => ({ ...book, position }));
      if (longer.length > 0) turn.ahead = openEvents(ctx.db.kysely, longer, limit).catch(() => []);
      const written = await writeBooks(ctx, tx, plans);
      ctx.metrics.count('heliu_ledger_postings_total', {}, written);
      return opened.reduce((sum, { count }) => sum + count, 0) >= limit || books.length === books_max ? 'more' : 'some';
    });
}

const isOf = (one: Pick<store.HeldBook, 'merchant_id' | 'livemode'>, book: Pick<store.HeldBook, 'merchant_id' | 'livemode'>): boolean =>
  one.merchant_id === book.merchant_id && one.livemode === book.livemode;

/** Reads and parses what comes next in each of the books. */
async function openEvents(db: Kysely<Tables>, books: readonly store.HeldBook[], limit: number): Promise<OpenedEvents[]> {
  const rows = await store.readEvents(db, books, money_events, limit);
  return books.map(({ merchant_id, livemode, position }) => {
    const own = rows.filter((row) => isOf(row, { merchant_id, livemode }));
    return { merchant_id, livemode, position, limit, count: own.length, last: own.at(-1)?.sequence ?? position, events: own.flatMap(readEvent) };
  });
}

type Plans = {
  readonly pricer: Pricer;
  readonly done: readonly {
    readonly book: store.HeldBook;
    readonly drafts: readonly Draft[];
    readonly position: bigint;
    /** More may wait behind it. */
    readonly full: boolean;
  }[];
};

async function planBooks(tx: Kysely<Tables>, pricing: Pricing, books: readonly store.HeldBook[], opened: readonly OpenedEvents[]): Promise<Plans> {
  const read = books.map((book) => ({ events: [], last: book.position, count: 0, limit: 1, ...opened.find((one) => isOf(one, book)), book }));
  const taken = await takenOf(tx, read);
  const pricer = await pricing(tx, books);
  const done = read.map(({ book, events, last, count, limit }) => {
    const plan = planBatch(events, taken.get(book.merchant_id) ?? new Map(), pricer.charge(book.merchant_id, book.livemode));
    // What moves no money is passed over; a plan that was cut short ends before the refund that has to wait.
    const whole = plan === undefined || plan.position === events.at(-1)?.sequence;
    return { book, drafts: plan?.drafts ?? [], position: whole ? last : plan.position, full: count === limit };
  });
  return { pricer, done };
}

async function writeBooks(ctx: Ctx, tx: Kysely<Tables>, { pricer, done }: Plans): Promise<number> {
  const postings = done.flatMap(({ book, drafts }) => numbered(drafts, book, book));
  await writePostings(ctx, tx, postings);
  await pricer.save();
  await store.moveBooks(
    tx,
    done.map(({ book: { merchant_id, livemode }, position }) => ({ merchant_id, livemode, position })),
  );
  return postings.length;
}

/** While the database works on one statement, the next is written down. */
async function writePostings({ clock }: Ctx, tx: Kysely<Tables>, postings: readonly Posting[]): Promise<void> {
  let on_its_way: Promise<unknown> = Promise.resolve();
  for (let from = 0; from < postings.length; from += ledger_postings_per_statement_max) {
    const insertion = insertionOf(postings.slice(from, from + ledger_postings_per_statement_max));
    await on_its_way;
    on_its_way = insertion.execute(tx);
    await Promise.race([on_its_way, clock.sleep(0)]);
  }
  await on_its_way;
}

export const readEvent = ({ sequence, payload }: store.EventRow): NumberedEvent[] =>
  payload === null ? [] : [{ sequence, event: JSON.parse(payload) as Event }];

/** What the ledger knows already of the attempts whose refunds are in the batch, by merchant and attempt. */
async function takenOf(
  tx: Kysely<Tables>,
  read: readonly { readonly book: store.HeldBook; readonly events: readonly NumberedEvent[] }[],
): Promise<ReadonlyMap<string, ReadonlyMap<string, Taken>>> {
  const wanted = read.flatMap(({ book, events }) => attemptsToKnow(events).map((attempt_id) => [book.merchant_id, attempt_id] as const));
  const by_merchant = new Map<string, Map<string, Taken>>();
  for (const { merchant_id, detail, ...taken } of await store.readTaken(tx, wanted)) {
    const known = by_merchant.get(merchant_id) ?? new Map<string, Taken>();
    by_merchant.set(merchant_id, known.set(taken.attempt_id, { ...taken, ...rememberedIn(detail) }));
  }
  return by_merchant;
}
