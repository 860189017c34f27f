import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Caller } from '../platform/caller.ts';
import { sequenceEvents } from '../platform/outbox/sequencer.ts';
import { aCaller, anEndpoint, deliveryRows, happen, type WebhookNode, webhookNode } from './testing/node.ts';
import { aReceiver } from './testing/receiver.ts';

const url = 'https://hooks.example.com/heliu';

test('creates an endpoint and shows its secret this once', async (t) => {
  const node = await webhookNode(t);
  const caller = await aCaller(node);
  const created = await node.post(caller, '/v1/webhook_endpoints', { body: { url, description: '门店通知', event_types: ['payment.paid'] } });
  assert.equal(created.status, 201);
  const { secret, ...endpoint } = created.body;
  assert.match(secret as string, /^whsec_/);
  assert.deepEqual(endpoint, {
    object: 'webhook_endpoint',
    id: endpoint.id,
    livemode: false,
    url,
    description: '门店通知',
    event_types: ['payment.paid'],
    state: 'enabled',
    disabled_reason: null,
    created_at: node.clock.now().toISOString(),
  });
  assert.deepEqual((await node.get(caller, `/v1/webhook_endpoints/${endpoint.id}`)).body, endpoint);
  assert.deepEqual((await node.get(caller, '/v1/webhook_endpoints')).body, { data: [endpoint], next_cursor: null });
});

test('I-47: a secret stands sealed in its row, opens nowhere else, and is not shown again', async (t) => {
  const node = await webhookNode(t);
  const caller = await aCaller(node);
  const { id, secret } = await anEndpoint(node, caller, { url });
  await node.post(caller, `/v1/webhook_endpoints/${id}/rotate_secret`, { body: {} });
  const row = await node.ctx.db.kysely.selectFrom('webhook_endpoints').selectAll().executeTakeFirstOrThrow();
  const place = { table: 'webhook_endpoints', merchant_id: caller.merchant_id, row: id };
  assert.ok(row.previous_secret_sealed);
  assert.equal(node.ctx.vault.open(row.previous_secret_sealed, { ...place, column: 'previous_secret_sealed' }), secret);
  assert.throws(() => node.ctx.vault.open(row.secret_sealed, { ...place, column: 'previous_secret_sealed' }));
  assert.throws(() => node.ctx.vault.open(row.secret_sealed, { ...place, column: 'secret_sealed', row: 'whe_other' }));
  const bytes = secret.slice('whsec_'.length);
  for (const sealed of [row.secret_sealed, row.previous_secret_sealed]) assert.equal(sealed.includes(bytes), false);
  assert.equal((await node.get(caller, `/v1/webhook_endpoints/${id}`)).text.includes('secret'), false);
});

const refused_urls = [
  'https://127.0.0.1/',
  'https://10.0.0.1/',
  'https://169.254.169.254/latest/meta-data',
  'https://[::ffff:7f00:1]/',
  'https://localhost/',
  'https://metadata.google.internal/',
  'https://user:pass@example.com/',
  'https://example.com:5432/',
  'http://example.com/',
];
test('F-01 F-02 F-06: refuses a URL inside at saving, and writes nothing', async (t) => {
  const node = await webhookNode(t, { config: { egress_allow: [], webhook_allow_http: false, webhook_ports: [443] } });
  const caller = await aCaller(node);
  for (const refused of refused_urls) {
    const answer = await node.post(caller, '/v1/webhook_endpoints', { body: { url: refused } });
    assert.deepEqual([answer.status, errorOf(answer)?.code, errorOf(answer)?.param], [422, 'webhook_url_refused', 'url'], refused);
  }
  assert.deepEqual(await node.ctx.db.kysely.selectFrom('webhook_endpoints').selectAll().execute(), []);
});

test('a merchant has 16 endpoints in a mode at most, however many requests come at once', async (t) => {
  const node = await webhookNode(t);
  const caller = await aCaller(node);
  const answers = await Promise.all(Array.from({ length: 24 }, () => node.post(caller, '/v1/webhook_endpoints', { body: { url } })));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [...Array(16).fill(201), ...Array(8).fill(422)]);
  assert.equal(errorOf(answers.find(({ status }) => status === 422))?.code, 'too_many_webhook_endpoints');
  assert.equal((await node.post({ ...caller, livemode: true }, '/v1/webhook_endpoints', { body: { url } })).status, 201);
});

test('I-36: one key makes one endpoint, with one secret, however many requests come at once', async (t) => {
  const node = await webhookNode(t);
  const caller = await aCaller(node);
  const answers = await Promise.all(Array.from({ length: 10 }, () => node.post(caller, '/v1/webhook_endpoints', { body: { url }, key: 'one' })));
  assert.equal(new Set(answers.map(({ text }) => text)).size, 1);
  assert.equal(answers[0]?.status, 201);
  assert.equal((await node.ctx.db.kysely.selectFrom('webhook_endpoints').selectAll().execute()).length, 1);
  const other = await node.post(caller, '/v1/webhook_endpoints', { body: { url: `${url}2` }, key: 'one' });
  assert.equal(errorOf(other)?.code, 'idempotency_key_reused');
});

test('I-36: of one key at the limit, every request gets the reply of the one that was in time', async (t) => {
  const node = await webhookNode(t);
  const caller = await aCaller(node);
  for (let i = 0; i < 15; i++) await anEndpoint(node, caller, { url });
  const answers = await Promise.all(Array.from({ length: 6 }, () => node.post(caller, '/v1/webhook_endpoints', { body: { url }, key: 'one' })));
  assert.deepEqual([answers[0]?.status, new Set(answers.map(({ text }) => text)).size], [201, 1]);
});

test('I-36: a refused request leaves no key behind', async (t) => {
  const node = await webhookNode(t, { config: { webhook_ports: [443] } });
  const caller = await aCaller(node);
  assert.equal((await node.post(caller, '/v1/webhook_endpoints', { body: { url: 'https://example.com:444/' }, key: 'one' })).status, 422);
  assert.equal((await node.post(caller, '/v1/webhook_endpoints', { body: { url }, key: 'one' })).status, 201);
});

test('I-36: one key rotates once; the secret of before keeps its overlap', async (t) => {
  const node = await webhookNode(t);
  const caller = await aCaller(node);
  const { id, secret } = await anEndpoint(node, caller, { url });
  const answers = await Promise.all(Array.from({ length: 5 }, () => node.post(caller, `/v1/webhook_endpoints/${id}/rotate_secret`, { body: {}, key: 'one' })));
  assert.equal(new Set(answers.map(({ text }) => text)).size, 1);
  const row = await node.ctx.db.kysely.selectFrom('webhook_endpoints').selectAll().executeTakeFirstOrThrow();
  assert.ok(row.previous_secret_sealed);
  const place = { table: 'webhook_endpoints', column: 'previous_secret_sealed', merchant_id: caller.merchant_id, row: id };
  assert.equal(node.ctx.vault.open(row.previous_secret_sealed, place), secret);
  assert.equal(row.previous_until?.getTime(), node.clock.now().getTime() + 86_400_000);
  assert.equal(row.version, 2);
});

test('disabling cancels what waits and says so; enabling sends what happens from then on', async (t) => {
  const node = await webhookNode(t);
  const [receiver, caller] = [await aReceiver(t), await aCaller(node)];
  const { id } = await anEndpoint(node, caller, { url: receiver.url });
  await happen(node, caller, 2);
  const disabled = await node.post(caller, `/v1/webhook_endpoints/${id}/disable`);
  assert.deepEqual([disabled.status, disabled.body.state, disabled.body.disabled_reason], [200, 'disabled', 'merchant']);
  await happen(node, caller);
  assert.equal(await node.deliver(), 0);
  assert.deepEqual(
    (await deliveryRows(node)).map(({ state }) => state),
    ['cancelled', 'cancelled'],
  );
  for (const path of ['ping', `deliveries/${(await deliveryRows(node))[0]?.id}/resend`]) {
    assert.equal(errorOf(await node.post(caller, `/v1/webhook_endpoints/${id}/${path}`))?.code, 'webhook_endpoint_disabled');
  }
  const enabled = await node.post(caller, `/v1/webhook_endpoints/${id}/enable`);
  assert.deepEqual([enabled.body.state, enabled.body.disabled_reason], ['enabled', null]);
  const [event] = await happen(node, caller);
  assert.equal(await node.deliver(), 1);
  assert.deepEqual(
    receiver.received.map(({ headers }) => headers['webhook-id']),
    [event?.id],
  );
});

test('a ping reaches its endpoint whatever types it wants, and no other', async (t) => {
  const node = await webhookNode(t);
  const [receiver, other, caller] = [await aReceiver(t), await aReceiver(t), await aCaller(node)];
  const { id } = await anEndpoint(node, caller, { url: receiver.url, event_types: ['payment.paid'] });
  await anEndpoint(node, caller, { url: other.url });
  const ping = await node.post(caller, `/v1/webhook_endpoints/${id}/ping`);
  assert.deepEqual([ping.status, ping.body.state, ping.body.event_type, ping.body.tries], [201, 'pending', 'webhook_endpoint.ping', 0]);
  assert.deepEqual(node.nudges, ['deliveries']);
  await node.deliver();
  const [request] = receiver.received;
  assert.ok(request);
  assert.deepEqual(JSON.parse(request.body).data, { object: 'webhook_endpoint', id });
  assert.equal(other.received.length, 0);
  const event = await node.get(caller, `/v1/events/${ping.body.event_id}`);
  assert.deepEqual(event.body, JSON.parse(request.body));
});

test('a delivery is sent again with the same body, whatever became of it', async (t) => {
  const node = await webhookNode(t);
  const [receiver, caller] = [await aReceiver(t), await aCaller(node)];
  const { id } = await anEndpoint(node, caller, { url: receiver.url });
  await happen(node, caller);
  await node.deliver();
  const [delivery] = await deliveryRows(node);
  const path = `/v1/webhook_endpoints/${id}/deliveries/${delivery?.id}/resend`;
  const again = await node.post(caller, path);
  assert.deepEqual([again.status, again.body.state, again.body.delivered_at], [200, 'pending', null]);
  await node.deliver();
  assert.equal(receiver.received[1]?.body, receiver.received[0]?.body);
  await node.ctx.db.kysely.updateTable('deliveries').set({ state: 'dead', tries: 13 }).execute();
  receiver.answer = (response) => response.writeHead(404).end();
  await node.post(caller, path);
  await node.deliver();
  const [row] = await deliveryRows(node);
  assert.deepEqual([row?.state, row?.tries, receiver.received.length], ['dead', 14, 3]);
  const missing = await node.post(caller, `/v1/webhook_endpoints/${id}/deliveries/dlv_01JD0000000000000000000000/resend`);
  assert.deepEqual([missing.status, errorOf(missing)?.code], [404, 'delivery_not_found']);
});

test('deliveries are listed newest first, page by page, by state', async (t) => {
  const node = await webhookNode(t);
  const [receiver, caller] = [await aReceiver(t), await aCaller(node)];
  const { id } = await anEndpoint(node, caller, { url: receiver.url });
  const events: string[] = [];
  for (let i = 0; i < 5; i++) {
    node.clock.advance(1_000);
    events.push(...(await happen(node, caller)).map((event) => event.id));
    if (i === 2) await node.deliver();
  }
  const path = `/v1/webhook_endpoints/${id}/deliveries`;
  const seen: unknown[] = [];
  let cursor: unknown;
  do {
    const page = await node.get(caller, `${path}?limit=2${cursor === undefined ? '' : `&cursor=${cursor}`}`);
    seen.push(...(page.body.data as { event_id: string }[]).map(({ event_id }) => event_id));
    cursor = page.body.next_cursor;
  } while (cursor !== null);
  assert.deepEqual(seen, [...events].reverse());
  const delivered = (await node.get(caller, `${path}?state=delivered`)).body.data as { event_id: string }[];
  assert.deepEqual(
    delivered.map(({ event_id }) => event_id),
    events.slice(0, 3).reverse(),
  );
});

test('events are listed in their order from a cursor, which also moves when nothing matches', async (t) => {
  const node = await webhookNode(t);
  const caller = await aCaller(node);
  const events = await happen(node, caller, 3);
  await sequenceEvents(node.ctx);
  const first = await node.get(caller, '/v1/events?limit=2');
  assert.equal(first.body.has_more, true);
  const second = await node.get(caller, `/v1/events?limit=2&after=${first.body.next_cursor}`);
  assert.equal(second.body.has_more, false);
  const payloads = [first, second].flatMap(({ body }) => (body.data as object[]).map((event) => JSON.stringify(event)));
  assert.deepEqual(payloads.sort(), events.map(({ payload }) => payload).sort());
  const empty = await node.get(caller, `/v1/events?after=${second.body.next_cursor}`);
  assert.deepEqual(empty.body, { data: [], next_cursor: second.body.next_cursor, has_more: false });
  await happen(node, caller, 1);
  await sequenceEvents(node.ctx);
  assert.equal(((await node.get(caller, `/v1/events?after=${empty.body.next_cursor}`)).body.data as object[]).length, 1);
  const none = await node.get(caller, '/v1/events?type=payment.paid');
  assert.deepEqual([none.body.data, none.body.has_more], [[], false]);
  for (const cursor of ['x', first.body.next_cursor]) {
    const answer = await node.get(caller, `/v1/events?type=refund.succeeded&after=${cursor}`);
    assert.deepEqual([answer.status, errorOf(answer)?.code, errorOf(answer)?.param], [400, 'cursor_invalid', 'after']);
  }
});

test("E-01 E-08: another merchant's and the other mode's endpoints, deliveries and events are not there", async (t) => {
  const node = await webhookNode(t);
  const [receiver, mine] = [await aReceiver(t), await aCaller(node)];
  const others: Caller[] = [await aCaller(node), { ...mine, livemode: true }];
  const { id } = await anEndpoint(node, mine, { url: receiver.url });
  const [event] = await happen(node, mine);
  await sequenceEvents(node.ctx);
  const [delivery] = await deliveryRows(node);
  const before = await rowsOf(node);
  for (const caller of others) {
    const own = await anEndpoint(node, caller, { url });
    const path = `/v1/webhook_endpoints/${id}`;
    const answers = [
      await node.get(caller, path),
      await node.get(caller, `${path}/deliveries`),
      await node.post(caller, `${path}/rotate_secret`, { body: {} }),
      await node.post(caller, `${path}/disable`),
      await node.post(caller, `${path}/enable`),
      await node.post(caller, `${path}/ping`),
      await node.post(caller, `${path}/deliveries/${delivery?.id}/resend`),
      await node.post(caller, `/v1/webhook_endpoints/${own.id}/deliveries/${delivery?.id}/resend`),
      await node.get(caller, `/v1/events/${event?.id}`),
    ];
    assert.deepEqual(
      answers.map((answer) => [answer.status, errorOf(answer)?.code]),
      [...Array(7).fill([404, 'webhook_endpoint_not_found']), [404, 'delivery_not_found'], [404, 'event_not_found']],
    );
    assert.deepEqual((await node.get(caller, '/v1/events')).body.data, []);
    assert.deepEqual(
      ((await node.get(caller, '/v1/webhook_endpoints')).body.data as { id: string }[]).map((endpoint) => endpoint.id),
      [own.id],
    );
  }
  assert.deepEqual(await rowsOf(node, id), before);
});

test("I-34: no event reaches another merchant's or the other mode's endpoint", async (t) => {
  const node = await webhookNode(t);
  const [one, two] = [await aCaller(node), await aCaller(node)];
  const callers = [one, two, { ...one, livemode: true }, { ...two, livemode: true }];
  const receivers = await Promise.all(callers.map(() => aReceiver(t)));
  const sent: string[][] = [];
  for (const [index, caller] of callers.entries()) await anEndpoint(node, caller, { url: receivers[index]?.url as string });
  for (const caller of callers) sent.push((await happen(node, caller, 3)).map(({ id }) => id).sort());
  while ((await node.deliver()) > 0);
  assert.deepEqual(
    receivers.map(({ received }) => received.map(({ headers }) => headers['webhook-id'] as string).sort()),
    sent,
  );
});

type ErrorBody = { readonly code: string; readonly param?: string };
const errorOf = (answer: { body: { readonly [name: string]: unknown } } | undefined): ErrorBody | undefined => answer?.body.error as ErrorBody | undefined;

async function rowsOf({ ctx }: WebhookNode, endpoint?: string) {
  let endpoints = ctx.db.kysely.selectFrom('webhook_endpoints').selectAll();
  if (endpoint !== undefined) endpoints = endpoints.where('id', '=', endpoint);
  const deliveries = ctx.db.kysely.selectFrom('deliveries').selectAll().orderBy('id');
  return { endpoints: await endpoints.orderBy('id').execute(), deliveries: await deliveries.execute() };
}
