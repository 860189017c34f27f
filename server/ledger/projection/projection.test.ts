import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Event, Payment, Refund } from '@heliu/contract';
import { event_type_names } from '@heliu/contract';
import fc from 'fast-check';
import type { Kysely, KyselyPlugin } from 'kysely';
import { ledger_postings_per_statement_max } from '../../kernel/limits.ts';
import { type Fen, toFen } from '../../kernel/money.ts';
import { feeOf, type Price } from '../../kernel/price.ts';
import { addMs } from '../../kernel/time.ts';
import type { Ctx } from '../../platform/ctx.ts';
import type { Tables } from '../../platform/db/tables.gen.ts';
import { type TestCtx, testCtx } from '../../testing/ctx.ts';
import { createTestRng } from '../../testing/rng.ts';
import { type Draft, numbered, sumOf } from '../posting.ts';
import { replayBook } from '../replay/service.ts';
import { closePeriod, readBalances } from '../service.ts';
import { commitEvents, newStory, paid, refunded, type Story, tell } from '../testing/events.ts';
import { noPrices } from '../testing/no-prices.ts';
import { type NumberedEvent, planBatch } from './batch.ts';
import { afterRefund, event_postings, isRefund, type MappingEnv, type Taken, takenBy } from './event-postings.ts';
import { type Pricing, projectBatch, type Turn } from './service.ts';
import { readLag } from './store.ts';

const start = new Date('2026-11-22T02:00:00.000Z');
const rng = createTestRng('projection');
const price: Price = {
  rounding: 'half_up',
  refund: 'returned',
  tiers: [{ from_fen: 0n as Fen, rate_ppm: 6_000, per_item_fen: 0n as Fen, min_fen: toFen(1), max_fen: null }],
};
const charge: MappingEnv['charge'] = ({ amount_fen }) => ({
  fee_fen: feeOf(price, amount_fen),
  price_id: 'prc_x',
  rounding: price.rounding,
  refund: price.refund,
});
const priced: Pricing = () => Promise.resolve({ charge: () => charge, save: () => Promise.resolve() });

/** How a refund goes, by the rest of its share: at once, by way of transit, or into it and refused. */
const ways = [undefined, 'succeeded', 'refused'] as const;

/** What happened to a merchant: payments, second and late money, and refunds of some of it in pieces. */
const happenings = fc.array(
  fc.record({
    type: fc.constantFrom('payment.paid', 'payment.duplicate_received', 'payment.late_received', 'payment.closed'),
    amount_fen: fc.integer({ min: 1, max: 1_000_000 }),
    refunds: fc.array(fc.integer({ min: 1, max: 100 }), { maxLength: 4 }),
  }),
  { minLength: 1, maxLength: 12 },
);
type Happening = { type: 'payment.paid' | 'payment.duplicate_received' | 'payment.late_received' | 'payment.closed'; amount_fen: number; refunds: number[] };

function tellAll(story: Story, all: readonly Happening[]): void {
  let ms = 0;
  const later: (() => void)[] = [];
  for (const { type, amount_fen, refunds } of all) {
    const payment: Payment = paid(story, rng, { amount_fen, at: addMs(start, ms++), type });
    let left = type === 'payment.closed' ? 0 : amount_fen;
    for (const share of refunds) {
      const amount = Math.min(left, Math.ceil((amount_fen * share) / 100));
      const transit = ways[share % ways.length];
      if (transit !== 'refused') left -= amount;
      if (amount > 0) later.push(() => refunded(story, rng, payment, { amount_fen: amount, at: addMs(start, ms++), ...(transit ? { transit } : {}) }));
    }
  }
  for (const refund of later) refund();
}

const eventsOf = (story: Story): NumberedEvent[] => story.events.map(({ payload }, at) => ({ sequence: BigInt(at + 1), event: JSON.parse(payload) as Event }));

describe('what events are posted as', () => {
  it('every type of event has its line in the table', () => assert.deepEqual(Object.keys(event_postings).toSorted(), event_type_names.toSorted()));

  it('I-22 I-23 sums to zero, whatever happened', () => {
    fc.assert(
      fc.property(happenings, (all) => {
        const story = newStory(rng, start);
        tellAll(story, all);
        const plan = planBatch(eventsOf(story), new Map(), charge);
        for (const posting of numbered(plan?.drafts ?? [], story, { last_no: 0n, closed_through: null })) assert.equal(sumOf(posting.entries), 0n);
      }),
    );
  });

  it('I-27 I-28 receivable is what was paid less what went back, and fees are returned no more than taken', () => {
    fc.assert(
      fc.property(happenings, (all) => {
        const story = newStory(rng, start);
        tellAll(story, all);
        const events = eventsOf(story);
        const drafts = planBatch(events, new Map(), charge)?.drafts ?? [];
        const on = (account: string) =>
          drafts.flatMap(({ entries }) => entries).reduce((sum, entry) => (entry.account === account ? sum + entry.amount_fen : sum), 0n);
        const came = all.reduce((sum, { type, amount_fen }) => (type === 'payment.closed' ? sum : sum + amount_fen), 0);
        const back = events.reduce((sum, { event }) => (event.type === 'refund.succeeded' ? sum + (event.data as { amount_fen: number }).amount_fen : sum), 0);
        assert.equal(on('channel_receivable'), BigInt(came - back));
        assert.ok(on('service_fee') <= 0n);
        assert.equal(on('refund_in_transit'), 0n);
      }),
    );
  });

  it('I-28 what the channel has taken on is in transit until it ends, in whatever order the two are numbered', () => {
    const told = (transit: 'succeeded' | 'refused') => {
      const story = newStory(rng, start);
      refunded(story, rng, paid(story, rng, { amount_fen: 1_000, at: start }), { amount_fen: 400, at: start, transit });
      return eventsOf(story);
    };
    const on = (events: readonly NumberedEvent[]) => {
      const sums: Record<string, bigint> = {};
      for (const { account, amount_fen } of planBatch(events, new Map(), charge)?.drafts.flatMap(({ entries }) => entries) ?? [])
        sums[account] = (sums[account] ?? 0n) + amount_fen;
      return sums;
    };
    const due = { channel_receivable: 1_000n, merchant_due: -994n, service_fee: -6n };
    for (const transit of ['succeeded', 'refused'] as const) {
      const [first, pending, last] = told(transit) as [NumberedEvent, NumberedEvent, NumberedEvent];
      assert.deepEqual(on([first, pending]), { ...due, merchant_due: -594n, refund_in_transit: -400n });
      const after =
        transit === 'succeeded'
          ? { channel_receivable: 600n, merchant_due: -596n, service_fee: -4n, refund_in_transit: 0n }
          : { ...due, refund_in_transit: 0n };
      assert.deepEqual(on([first, pending, last]), after);
      assert.deepEqual(on([first, last, pending]), after);
    }
  });

  it('a refusal of what was never taken on moves nothing', () => {
    const story = newStory(rng, start);
    refunded(story, rng, paid(story, rng, { amount_fen: 1_000, at: start }), { amount_fen: 400, at: start, transit: 'refused' });
    const [, , refusal] = eventsOf(story);
    assert.ok(refusal);
    const at_once = { ...refusal, event: { ...refusal.event, data: { ...(refusal.event.data as Refund), accepted_at: null } } };
    assert.deepEqual(planBatch([at_once], new Map(), charge)?.drafts, []);
  });

  it('is the same however the events are cut into batches', () => {
    fc.assert(
      fc.property(happenings, fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 30 }), (all, sizes) => {
        const story = newStory(rng, start);
        tellAll(story, all);
        const events = eventsOf(story);
        assert.deepEqual(inPieces(events, sizes), planBatch(events, new Map(), charge)?.drafts);
      }),
    );
  });

  it('a refund that is numbered before its payment waits for it', () => {
    const story = newStory(rng, start);
    const payment = paid(story, rng, { amount_fen: 1_000, at: start });
    const other = paid(story, rng, { amount_fen: 5, at: start });
    refunded(story, rng, payment, { amount_fen: 400, at: start });
    const [first, second, refund] = story.events.splice(0) as [never, never, never];
    story.events.push(second, refund, first);
    const events = eventsOf(story);
    const whole = planBatch(events, new Map(), charge);
    assert.deepEqual(
      whole?.drafts.map(({ kind, payment_id }) => [kind, payment_id]),
      [
        ['payment', other.id],
        ['refund', payment.id],
        ['payment', payment.id],
      ],
    );
    const cut = planBatch(events.slice(0, 2), new Map(), charge);
    assert.deepEqual([cut?.drafts.length, cut?.position], [1, 1n]);
    assert.deepEqual(
      planBatch(events.slice(1), new Map(), charge)?.drafts.map(({ kind }) => kind),
      ['refund', 'payment'],
    );
  });

  it('a refund of a payment that is not there holds nothing up: it goes to suspense', () => {
    const story = newStory(rng, start);
    const payment = paid(story, rng, { amount_fen: 1_000, at: start });
    refunded(story, rng, payment, { amount_fen: 400, at: start });
    const drafts = planBatch(eventsOf(story).slice(1), new Map(), charge)?.drafts;
    assert.deepEqual(
      drafts?.map(({ kind, entries }) => [kind, entries.map(({ account }) => account)]),
      [['return', ['suspense', 'channel_receivable']]],
    );
  });
});

function knownFrom(drafts: readonly Draft[]): Map<string, Taken> {
  const known = new Map<string, Taken>();
  for (const draft of drafts) {
    const [came, before] = [takenBy(draft), known.get(draft.attempt_id as string)];
    if (came) known.set(draft.attempt_id as string, came);
    else if (before && isRefund(draft)) known.set(draft.attempt_id as string, afterRefund(before, draft));
  }
  return known;
}

/** Batch by batch, with what the batches before left behind, as the book would know it. */
function inPieces(events: readonly NumberedEvent[], sizes: readonly number[]) {
  const drafts: Draft[] = [];
  let at = 0;
  for (let nth = 0; at < events.length; nth++) {
    // What is known is worked out anew from all that came before.
    const before = planBatch(events.slice(0, at), new Map(), charge)?.drafts ?? [];
    const plan = planBatch(events.slice(at, at + (sizes[nth % sizes.length] as number)), knownFrom(before), charge);
    assert.ok(plan);
    drafts.push(...plan.drafts);
    at = Number(plan.position);
  }
  return drafts;
}

let node: TestCtx;
before(async () => {
  node = await testCtx({ start });
});
after(() => node.close());

const small = { books_max: 2, events_max: 3 };
async function project(ctx: Ctx, pricing: Pricing, limits = small): Promise<void> {
  const turn = { after: '' };
  while ((await projectBatch(ctx, pricing, { turn, ...limits })) !== 'nothing');
}
const bookOf = ({ merchant_id, livemode }: Story) => ({ merchant_id, livemode });
const replayed = async (story: Story, pricing = priced) => {
  const { difference_count, differences, postings, events } = await replayBook(node.ctx, pricing, bookOf(story));
  assert.deepEqual(differences, []);
  return { difference_count, postings, events };
};
const shop = (rounds: number): Story => {
  const story = newStory(rng, start);
  const all: Happening[] = Array.from({ length: rounds }, (_, at) => ({
    type: (['payment.paid', 'payment.duplicate_received', 'payment.paid', 'payment.late_received', 'payment.closed'] as const)[at % 5] as Happening['type'],
    amount_fen: 997 * (at + 1),
    refunds: at % 3 === 0 ? [30, 30, 100] : [],
  }));
  tellAll(story, all);
  return story;
};

describe('the projection', () => {
  it('I-24 posts every event once with three nodes at work on all books, and a replay gives the same', async () => {
    const beside = await Promise.all([testCtx({ beside: node }), testCtx({ beside: node })]);
    const stories = Array.from({ length: 6 }, () => shop(15));
    for (const story of stories) await commitEvents(node.ctx, story);
    await Promise.all([node, ...beside].map(({ ctx }) => project(ctx, priced)));
    for (const each of beside) await each.close();
    // Nodes that found all books taken have left; what is behind is finished here.
    await project(node.ctx, priced);
    for (const story of stories) assert.deepEqual(await replayed(story), { difference_count: 0, postings: 28, events: 31 });
  });

  it('dies before any of its statements and loses and doubles nothing', async () => {
    for (let nth = 1; ; nth++) {
      const story = shop(5);
      await commitEvents(node.ctx, story);
      const failing = dyingAt(node.ctx, nth);
      const turn = { after: '' };
      const died = await projectBatch(failing, priced, { turn, books_max: 1, events_max: 1_000 }).then(
        () => false,
        () => true,
      );
      if (died) assert.deepEqual(await readBalances(node.ctx, bookOf(story)), []);
      await project(node.ctx, priced);
      assert.deepEqual(await replayed(story), { difference_count: 0, postings: 12, events: 13 });
      if (!died) {
        assert.ok(nth > 6, 'every statement of a batch was died at');
        break;
      }
    }
  });

  it('a batch of several statements is posted whole or not at all', async () => {
    const story = newStory(rng, start);
    const count = 2 * ledger_postings_per_statement_max + 1;
    for (let nth = 0; nth < count; nth++) paid(story, rng, { amount_fen: nth + 1, at: start });
    await commitEvents(node.ctx, story);
    const limits = { books_max: 1, events_max: count + 1 };
    let statements = 0;
    for (let nth = 1; ; nth++) {
      const died = await projectBatch(dyingAt(node.ctx, nth), priced, { turn: { after: '' }, ...limits }).then(
        () => false,
        () => true,
      );
      assert.deepEqual((await readBalances(node.ctx, bookOf(story))).length, died ? 0 : 3);
      if (!died) break;
      statements = nth;
    }
    assert.ok(statements === 8, `it was died at ${statements} statements`);
    assert.deepEqual(await replayed(story), { difference_count: 0, postings: count, events: count });
  });

  it('what was read ahead is posted where the book still stands there, and forgotten where another node was first', async () => {
    const story = shop(15);
    await commitEvents(node.ctx, story);
    const beside = await testCtx({ beside: node });
    const turns: [Turn, Turn] = [{ after: '' }, { after: '' }];
    const batch = (which: 0 | 1) => projectBatch([node.ctx, beside.ctx][which] as Ctx, priced, { turn: turns[which], books_max: 1, events_max: 4 });
    const position = async () => (await readLag(node.ctx.db.kysely, story.merchant_id))[0]?.position;
    await batch(0);
    assert.equal((await turns[0].ahead)?.[0]?.position, await position());
    // The other node posts what this one has in its hand.
    await batch(1);
    assert.notEqual((await turns[0].ahead)?.[0]?.position, await position());
    await batch(0);
    await batch(0);
    assert.equal((await turns[0].ahead)?.[0]?.position, await position());
    while ((await batch(1)) !== 'nothing');
    await beside.close();
    assert.deepEqual(await replayed(story), { difference_count: 0, postings: 28, events: 31 });
  });

  it('a replay knows where the book was closed, and finds what was tampered with', async () => {
    const story = newStory(rng, start);
    paid(story, rng, { amount_fen: 100, at: addMs(start, -3 * 86_400_000) });
    await commitEvents(node.ctx, story);
    await project(node.ctx, priced);
    await closePeriod(node.ctx, { ...bookOf(story), through: '2026-11-20', by: 'finance' });
    paid(story, rng, { amount_fen: 200, at: addMs(start, -3 * 86_400_000) });
    await commitEvents(node.ctx, story);
    await project(node.ctx, priced);
    assert.deepEqual(await replayed(story), { difference_count: 0, postings: 2, events: 2 });
    const other = await replayBook(node.ctx, noPrices, bookOf(story));
    assert.equal(other.difference_count, 2);
  });

  it('one book that cannot be written holds up no other', async () => {
    const bad = newStory(rng, start);
    tell(bad, rng, 'payment.paid', start, { object: 'webhook_endpoint', id: 'whe_01JD0000000000000000000000' });
    const good = shop(3);
    await commitEvents(node.ctx, bad);
    await commitEvents(node.ctx, good);
    const turn = { after: '' };
    for (let tries = 0; tries < 8; tries++) await projectBatch(node.ctx, priced, { turn, books_max: 1, events_max: 100 }).catch(() => 'failed');
    const lag = await readLag(node.ctx.db.kysely, undefined);
    assert.deepEqual(
      lag.filter(({ last, position }) => last > position).map(({ merchant_id }) => merchant_id),
      [bad.merchant_id],
    );
    assert.equal((await replayed(good)).difference_count, 0);
  });
});

/** The node of one that dies before its nth statement: what it had not committed is gone. */
function dyingAt(ctx: Ctx, nth: number): Ctx {
  let statements = 0;
  const plugin: KyselyPlugin = {
    transformQuery: ({ node: query }) => {
      statements += 1;
      if (statements === nth) throw new Error('died');
      return query;
    },
    transformResult: ({ result }) => Promise.resolve(result),
  };
  const kysely = ctx.db.kysely.withPlugin(plugin) as Kysely<Tables>;
  return { ...ctx, db: { ...ctx.db, kysely } };
}
