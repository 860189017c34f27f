import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isId, newId } from '../../kernel/id.ts';
import { type TestCtx, testCtx } from '../../testing/ctx.ts';
import { createTestRng } from '../../testing/rng.ts';
import { buildEvent, type OutboxEvent, outboxParts } from './outbox.ts';
import { sequenceEvents } from './sequencer.ts';
import { findEvent, listEvents } from './store.ts';

const rng = createTestRng('outbox');
const at = new Date('2026-11-22T02:00:00.123Z');

test('freezes an event as the body of its deliveries', () => {
  const id = newId('event', at, rng);
  const endpoint = newId('webhook_endpoint', at, rng);
  const event = buildEvent({ id, type: 'webhook_endpoint.ping', livemode: false, created_at: at, data: { object: 'webhook_endpoint', id: endpoint } });
  assert.equal(
    event.payload,
    `{"object":"event","id":"${id}","type":"webhook_endpoint.ping","livemode":false,"created_at":"2026-11-22T02:00:00.123Z","data":{"object":"webhook_endpoint","id":"${endpoint}"}}`,
  );
  assert.deepEqual([event.object_id, event.object_version], [endpoint, 1]);
});

test('I-29: the rows appear with the change they tell of, and not at all without it', async (t) => {
  const { ctx } = await node(t);
  const merchant = await aMerchant(ctx);
  await anEndpoint(ctx, merchant, {});
  await write(ctx, merchant, [anEvent()], 'false');
  assert.equal((await deliveriesOf(ctx)).length, 0);
  await write(ctx, merchant, [anEvent(), anEvent()]);
  assert.equal((await deliveriesOf(ctx)).length, 2);
});

test('E-08 I-34: an event reaches the enabled endpoints of its own merchant, mode and type, and no other', async (t) => {
  const { ctx } = await node(t);
  const [mine, other] = [await aMerchant(ctx), await aMerchant(ctx)];
  const all = await anEndpoint(ctx, mine, {});
  const fitting = await anEndpoint(ctx, mine, { event_types: ['payment.paid', 'webhook_endpoint.ping'] });
  await anEndpoint(ctx, mine, { event_types: ['payment.paid'] });
  await anEndpoint(ctx, mine, { livemode: true });
  await anEndpoint(ctx, mine, { state: 'disabled' });
  await anEndpoint(ctx, other, {});
  const event = anEvent();
  await write(ctx, mine, [event]);
  const rows = await deliveriesOf(ctx);
  assert.deepEqual(
    rows.map(({ merchant_id, webhook_endpoint_id, event_id, state }) => ({ merchant_id, webhook_endpoint_id, event_id, state })),
    [all, fitting].sort().map((webhook_endpoint_id) => ({ merchant_id: mine, webhook_endpoint_id, event_id: event.id, state: 'pending' })),
  );
});

test('a delivery has an id of its own, in the form and time of ours', async (t) => {
  const { ctx } = await node(t);
  const merchant = await aMerchant(ctx);
  for (let i = 0; i < 16; i++) await anEndpoint(ctx, merchant, {});
  const events = Array.from({ length: 20 }, anEvent);
  await write(ctx, merchant, events);
  const rows = await deliveriesOf(ctx);
  assert.equal(rows.length, 320);
  assert.equal(new Set(rows.map(({ id }) => id)).size, 320);
  for (const { id, event_id } of rows) {
    assert.ok(isId('delivery', id), id);
    assert.equal(id.slice(4, 14), event_id.slice(4, 14));
  }
});

test('I-32: the stored body is the frozen one, byte for byte', async (t) => {
  const { ctx } = await node(t);
  const merchant = await aMerchant(ctx);
  const event = { ...anEvent(), payload: JSON.stringify({ text: '茶 "quoted" \\u0000 \ud800 \n', nested: [1, { a: null }] }) };
  await write(ctx, merchant, [event]);
  const row = await ctx.db.kysely.selectFrom('events').selectAll().executeTakeFirstOrThrow();
  assert.equal(row.payload, event.payload);
  assert.equal(row.created_at.toISOString(), event.created_at);
});

test('a reader by cursor never misses an event that a slow transaction commits late', async (t) => {
  const { ctx } = await node(t);
  const merchant = await aMerchant(ctx);
  const slow_event = anEvent();
  const inserted = Promise.withResolvers<void>();
  const commit = Promise.withResolvers<void>();
  const slow = ctx.db.kysely.transaction().execute(async (tx) => {
    await tx
      .insertInto('events')
      .values({ ...slow_event, merchant_id: merchant, created_at: at })
      .execute();
    inserted.resolve();
    await commit.promise;
  });
  await inserted.promise;
  const fast_events = Array.from({ length: 5 }, anEvent);
  await write(ctx, merchant, fast_events);
  await sequenceEvents(ctx);

  const first = await listEvents(ctx, { merchant_id: merchant, livemode: false, after: 0n, type: undefined, limit: 100 });
  assert.deepEqual(first.events.map(({ id }) => id).sort(), fast_events.map(({ id }) => id).sort());
  assert.equal(first.position, 5n);

  commit.resolve();
  await slow;
  await sequenceEvents(ctx);
  const second = await listEvents(ctx, { merchant_id: merchant, livemode: false, after: first.position, type: undefined, limit: 100 });
  assert.deepEqual(
    second.events.map(({ id }) => id),
    [slow_event.id],
  );
});

test('numbers have no gap and no repeat, and readers see every event once, with writers, two sequencers and readers at the same time', async (t) => {
  const first = await node(t);
  const second = await testCtx({ beside: first });
  t.after(second.close);
  const merchants = [await aMerchant(first.ctx), await aMerchant(first.ctx)];
  const written = new Map<string, string[]>(merchants.map((merchant) => [merchant, []]));
  let writing = true;
  const writers = merchants.flatMap((merchant) =>
    [first.ctx, second.ctx].map(async (ctx) => {
      for (let i = 0; i < 40; i++) {
        const events = Array.from({ length: 1 + (i % 3) }, anEvent);
        await write(ctx, merchant, events);
        written.get(merchant)?.push(...events.map(({ id }) => id));
      }
    }),
  );
  const sequencers = [first.ctx, second.ctx].map(async (ctx) => {
    while (writing) await sequenceEvents(ctx);
  });
  const readers = merchants.map(async (merchant) => {
    const seen: string[] = [];
    let after = 0n;
    for (let last_round = false; ; last_round = !writing) {
      const page = await listEvents(first.ctx, { merchant_id: merchant, livemode: false, after, type: undefined, limit: 7 });
      seen.push(...page.events.map(({ id }) => id));
      after = page.position;
      if (last_round && !page.has_more) return seen;
    }
  });
  await Promise.all(writers);
  while (await unnumbered(first.ctx)) await sequenceEvents(first.ctx);
  writing = false;
  await Promise.all(sequencers);
  for (const [index, seen] of (await Promise.all(readers)).entries()) {
    assert.equal(new Set(seen).size, seen.length);
    assert.deepEqual(seen.sort(), written.get(merchants[index] as string)?.sort());
  }
  for (const merchant of merchants) {
    const rows = await first.ctx.db.kysely.selectFrom('events').select('sequence').where('merchant_id', '=', merchant).orderBy('sequence').execute();
    assert.deepEqual(
      rows.map(({ sequence }) => sequence),
      rows.map((_, index) => BigInt(index + 1)),
    );
  }
});

test('a page of one type goes past what does not match', async (t) => {
  const { ctx } = await node(t);
  const merchant = await aMerchant(ctx);
  await write(ctx, merchant, [anEvent(), anEvent()]);
  await sequenceEvents(ctx);
  const page = await listEvents(ctx, { merchant_id: merchant, livemode: false, after: 0n, type: 'payment.paid', limit: 10 });
  assert.deepEqual(page, { events: [], position: 2n, has_more: false });
  const pings = await listEvents(ctx, { merchant_id: merchant, livemode: false, after: 0n, type: 'webhook_endpoint.ping', limit: 1 });
  assert.deepEqual([pings.events.length, pings.position, pings.has_more], [1, 1n, true]);
});

test("E-01: another merchant's and the other mode's events are not found", async (t) => {
  const { ctx } = await node(t);
  const [mine, other] = [await aMerchant(ctx), await aMerchant(ctx)];
  const event = anEvent();
  await write(ctx, mine, [event]);
  await sequenceEvents(ctx);
  assert.equal((await findEvent(ctx, mine, false, event.id))?.id, event.id);
  assert.equal(await findEvent(ctx, other, false, event.id), undefined);
  assert.equal(await findEvent(ctx, mine, true, event.id), undefined);
  for (const [merchant_id, livemode] of [
    [other, false],
    [mine, true],
  ] as const) {
    assert.deepEqual(await listEvents(ctx, { merchant_id, livemode, after: 0n, type: undefined, limit: 10 }), { events: [], position: 0n, has_more: false });
  }
});

type Ctx = TestCtx['ctx'];

async function node(t: { after(clean: () => Promise<void>): void }): Promise<TestCtx> {
  const node = await testCtx();
  t.after(node.close);
  return node;
}

async function aMerchant(ctx: Ctx): Promise<string> {
  const id = newId('merchant', at, rng);
  await ctx.db.kysely
    .insertInto('merchants')
    .values({ id, code: id.slice(-6), name: 'Tea house', created_at: at })
    .execute();
  return id;
}

type EndpointFields = { livemode?: boolean; state?: 'enabled' | 'disabled'; event_types?: string[] };

async function anEndpoint(ctx: Ctx, merchant_id: string, fields: EndpointFields): Promise<string> {
  const id = newId('webhook_endpoint', at, rng);
  const row = { merchant_id, id, livemode: false, url: 'https://example.com/', secret_sealed: Buffer.alloc(1), created_at: at, ...fields };
  await ctx.db.kysely.insertInto('webhook_endpoints').values(row).execute();
  return id;
}

const anEvent = (): OutboxEvent =>
  buildEvent({
    id: newId('event', at, rng),
    type: 'webhook_endpoint.ping',
    livemode: false,
    created_at: at,
    data: { object: 'webhook_endpoint', id: newId('webhook_endpoint', at, rng) },
  });

/** Writes events as the payment core does: woven into a statement of its own. */
async function write(ctx: Ctx, merchant_id: string, events: readonly OutboxEvent[], condition = 'true'): Promise<void> {
  const values: unknown[] = [merchant_id];
  const parts = [['p', `select 1 where ${condition}`] as const, ...outboxParts({ events }, (value) => `$${values.push(value)}`, 'p')];
  const text = `with ${parts.map(([name, part]) => `${name} as (${part})`).join(', ')} select 1 from p`;
  await ctx.db.run({ name: `test_write_${condition}_${values.length}`, text }, values);
}

const deliveriesOf = (ctx: Ctx) => ctx.db.kysely.selectFrom('deliveries').selectAll().orderBy('webhook_endpoint_id').execute();

async function unnumbered(ctx: Ctx): Promise<boolean> {
  return (await ctx.db.kysely.selectFrom('events').select('id').where('sequence', 'is', null).limit(1).execute()).length > 0;
}
