import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import { webhook_deadline_ms, webhook_sends_per_endpoint_max } from '../../kernel/limits.ts';
import { createSweeper } from '../../platform/due/sweeper.ts';
import { testCtx } from '../../testing/ctx.ts';
import { until } from '../../testing/until.ts';
import { webhookTasks } from '../jobs.ts';
import { delivery_waits_ms } from '../schedule.ts';
import { aCaller, anEndpoint, deliveryRows, happen, webhookNode } from '../testing/node.ts';
import { aReceiver } from '../testing/receiver.ts';
import { deliveryTask } from './service.ts';

test('F-11: a receiver verifies a delivery with the published library and finds the event', async (t) => {
  const node = await webhookNode(t);
  const [receiver, caller] = [await aReceiver(t), await aCaller(node)];
  const { secret } = await anEndpoint(node, caller, { url: `${receiver.url}?shop=1` });
  const [event] = await happen(node, caller);
  assert.equal(await node.deliver(), 1);
  const [request] = receiver.received;
  assert.ok(request && event);
  assert.deepEqual(new Webhook(secret).verify(request.body, request.headers), JSON.parse(event.payload));
  assert.equal(request.headers['webhook-id'], event.id);
  assert.equal(request.headers['content-type'], 'application/json');
  assert.equal(request.path, '/hooks?shop=1');
  const [row] = await deliveryRows(node);
  assert.deepEqual([row?.state, row?.tries, row?.last_status, row?.next_send_at], ['delivered', 1, 200, null]);
  assert.equal(await node.deliver(), 0);
});

test('I-32: a failed delivery is sent again after its wait, with the same body and id', async (t) => {
  const node = await webhookNode(t);
  const [receiver, caller] = [await aReceiver(t), await aCaller(node)];
  await anEndpoint(node, caller, { url: receiver.url });
  await happen(node, caller);
  receiver.answer = (response) => response.writeHead(500).end('database down');
  await node.deliver();
  const [failed] = await deliveryRows(node);
  assert.deepEqual([failed?.state, failed?.tries, failed?.last_status, failed?.last_error], ['pending', 1, 500, 'HTTP 500: database down']);
  node.clock.advance(4_999);
  assert.equal(await node.deliver(), 0);
  node.clock.advance(1_001);
  receiver.answer = (response) => response.writeHead(204).end();
  assert.equal(await node.deliver(), 1);
  const [first, second] = receiver.received;
  assert.equal(second?.body, first?.body);
  assert.equal(second?.headers['webhook-id'], first?.headers['webhook-id']);
  assert.equal((await deliveryRows(node))[0]?.state, 'delivered');
});

test('Retry-After puts the next send off', async (t) => {
  const node = await webhookNode(t);
  const [receiver, caller] = [await aReceiver(t), await aCaller(node)];
  await anEndpoint(node, caller, { url: receiver.url });
  await happen(node, caller);
  receiver.answer = (response) => response.writeHead(429, { 'retry-after': '120' }).end();
  await node.deliver();
  node.clock.advance(119_000);
  assert.equal(await node.deliver(), 0);
  node.clock.advance(1_000);
  assert.equal(await node.deliver(), 1);
});

test('F-12 I-33: both secrets sign until the overlap ends, then only the new one', async (t) => {
  const node = await webhookNode(t);
  const [receiver, caller] = [await aReceiver(t), await aCaller(node)];
  const { id, secret: old_secret } = await anEndpoint(node, caller, { url: receiver.url });
  const rotated = await node.post(caller, `/v1/webhook_endpoints/${id}/rotate_secret`, { body: { overlap_s: 60 } });
  const new_secret = rotated.body.secret as string;
  assert.notEqual(new_secret, old_secret);
  await happen(node, caller);
  await node.deliver();
  node.clock.advance(60_000);
  await happen(node, caller);
  await node.deliver();
  const [during, after] = receiver.received;
  assert.ok(during && after);
  for (const secret of [old_secret, new_secret]) assert.doesNotThrow(() => new Webhook(secret).verify(during.body, during.headers));
  assert.doesNotThrow(() => new Webhook(new_secret).verify(after.body, after.headers));
  assert.throws(() => new Webhook(old_secret).verify(after.body, after.headers), WebhookVerificationError);
});

test('F-12: a rotation without overlap ends the old secret at once', async (t) => {
  const node = await webhookNode(t);
  const [receiver, caller] = [await aReceiver(t), await aCaller(node)];
  const { id, secret } = await anEndpoint(node, caller, { url: receiver.url });
  await node.post(caller, `/v1/webhook_endpoints/${id}/rotate_secret`, { body: { overlap_s: 0 } });
  await happen(node, caller);
  await node.deliver();
  const [request] = receiver.received;
  assert.ok(request);
  assert.throws(() => new Webhook(secret).verify(request.body, request.headers), WebhookVerificationError);
});

test('410 disables the endpoint, cancels what waits for it, and nothing more is sent', async (t) => {
  const node = await webhookNode(t);
  const [receiver, other, caller] = [await aReceiver(t), await aReceiver(t), await aCaller(node)];
  const gone = await anEndpoint(node, caller, { url: receiver.url });
  await anEndpoint(node, caller, { url: other.url });
  receiver.answer = (response) => response.writeHead(500).end();
  await happen(node, caller, 3);
  await node.deliver();
  receiver.answer = (response) => response.writeHead(410).end();
  await happen(node, caller);
  await node.deliver();
  const endpoint = await node.get(caller, `/v1/webhook_endpoints/${gone.id}`);
  assert.deepEqual([endpoint.body.state, endpoint.body.disabled_reason], ['disabled', 'gone']);
  const states = (await deliveryRows(node)).filter(({ webhook_endpoint_id }) => webhook_endpoint_id === gone.id).map(({ state }) => state);
  assert.deepEqual(states, ['cancelled', 'cancelled', 'cancelled', 'cancelled']);
  const before = receiver.received.length;
  await happen(node, caller);
  node.clock.advance(3_600_000);
  await node.deliver();
  assert.equal(receiver.received.length, before);
  assert.equal(other.received.length, 5);
});

test('F-05: a redirect is a failure and is not followed', async (t) => {
  const node = await webhookNode(t);
  const [receiver, inside, caller] = [await aReceiver(t), await aReceiver(t), await aCaller(node)];
  await anEndpoint(node, caller, { url: receiver.url });
  receiver.answer = (response) => response.writeHead(307, { location: inside.url }).end();
  await happen(node, caller);
  await node.deliver();
  assert.equal(inside.received.length, 0);
  assert.equal((await deliveryRows(node))[0]?.last_error, 'HTTP 307: redirects are not followed.');
});

test('F-08: a 2xx with an answer of 10 MB is delivered', async (t) => {
  const node = await webhookNode(t);
  const [receiver, caller] = [await aReceiver(t), await aCaller(node)];
  await anEndpoint(node, caller, { url: receiver.url });
  receiver.answer = (response) => response.end(Buffer.alloc(10_000_000, 'x'));
  await happen(node, caller);
  await node.deliver();
  assert.equal((await deliveryRows(node))[0]?.state, 'delivered');
});

test('F-01 F-14: an address inside is not called, and the merchant reads one fixed sentence', async (t) => {
  const node = await webhookNode(t, { config: { egress_allow: [] } });
  const [receiver, caller] = [await aReceiver(t), await aCaller(node)];
  const { id } = await anEndpoint(node, caller, { url: 'https://hooks.example.com/' });
  // As after a change of the settings, or of what the name stands for.
  await node.ctx.db.kysely.updateTable('webhook_endpoints').set({ url: receiver.url }).where('id', '=', id).execute();
  await happen(node, caller);
  await node.deliver();
  assert.equal(receiver.received.length, 0);
  const [row] = await deliveryRows(node);
  assert.deepEqual([row?.state, row?.last_status, row?.last_error], ['pending', null, 'The URL leads to an address that may not be called.']);
});

test('I-30: a delivery that nobody takes is dead after the whole schedule, and an operator is told', async (t) => {
  const lines: string[] = [];
  const node = await webhookNode(t, { log: { write: (line) => void lines.push(line) } });
  const [receiver, caller] = [await aReceiver(t), await aCaller(node)];
  await anEndpoint(node, caller, { url: receiver.url });
  receiver.answer = (response) => response.writeHead(404).end();
  await happen(node, caller);
  const start = node.clock.now();
  for (const wait_ms of delivery_waits_ms) {
    assert.equal(await node.deliver(), 1);
    assert.equal((await deliveryRows(node))[0]?.state, 'pending');
    node.clock.advance(wait_ms * 1.2);
  }
  assert.equal(await node.deliver(), 1);
  const [row] = await deliveryRows(node);
  assert.deepEqual([row?.state, row?.tries, row?.last_error], ['dead', 13, 'HTTP 404']);
  assert.ok(node.clock.now().getTime() - start.getTime() >= 24 * 3_600_000);
  assert.equal(receiver.received.length, 13);
  assert.ok(lines.some((line) => line.includes('given up')));
  assert.match(await node.ctx.metrics.expose(), /heliu_deliveries_total\{result="dead"\} 1/);
});

test('OF-19: a node that dies between send and mark causes a repeat, not a loss', async (t) => {
  const node = await webhookNode(t);
  const [receiver, caller] = [await aReceiver(t), await aCaller(node)];
  await anEndpoint(node, caller, { url: receiver.url });
  const [event] = await happen(node, caller);
  const dying = {
    ...node.ctx.db,
    run: ((statement, values) =>
      statement.name === 'deliveries_mark' ? Promise.reject(new Error('died')) : node.ctx.db.run(statement, values)) as typeof node.ctx.db.run,
  };
  const task = deliveryTask({ ...node.ctx, db: dying });
  const claimed = await task.claim(10, node.clock.now(), task.lease_ms, { keys: [], slots: [] });
  await assert.rejects(Promise.all(claimed.map((delivery) => task.work(delivery))), /died/);
  assert.equal(await node.deliver(), 0, 'the lease still holds');
  node.clock.advance(task.lease_ms);
  assert.equal(await node.deliver(), 1);
  assert.deepEqual(
    receiver.received.map(({ headers, body }) => [headers['webhook-id'], body]),
    [1, 2].map(() => [event?.id, event?.payload]),
  );
  const [row] = await deliveryRows(node);
  assert.deepEqual([row?.state, row?.tries], ['delivered', 2]);
});

test('OF-02 I-40: a node whose lease ended does not undo what another did', async (t) => {
  const node = await webhookNode(t);
  const [receiver, caller] = [await aReceiver(t), await aCaller(node)];
  await anEndpoint(node, caller, { url: receiver.url });
  await happen(node, caller);
  const paused: ServerResponse[] = [];
  receiver.answer = (response) => void paused.push(response);
  const slow = node.deliver();
  await until('the first send is under way', () => paused.length === 1);
  node.clock.advance(30_000);
  receiver.answer = (response) => response.end();
  assert.equal(await node.deliver(), 1);
  paused[0]?.writeHead(500).end();
  await slow;
  const [row] = await deliveryRows(node);
  assert.deepEqual([row?.state, row?.last_status], ['delivered', 200]);
});

test('OF-10: a send that takes its whole deadline is nobody else\u2019s meanwhile, and its result is written', async (t) => {
  const node = await webhookNode(t);
  const [receiver, caller] = [await aReceiver(t), await aCaller(node)];
  await anEndpoint(node, caller, { url: receiver.url });
  await happen(node, caller);
  const slow: ServerResponse[] = [];
  receiver.answer = (response) => void slow.push(response);
  const first = node.deliver();
  await until('the send is under way', () => slow.length === 1);
  node.clock.advance(webhook_deadline_ms - 1);
  receiver.answer = (response) => response.end();
  assert.equal(await node.deliver(), 0, 'its lease holds');
  slow[0]?.end();
  await first;
  const [row] = await deliveryRows(node);
  assert.deepEqual([row?.state, row?.tries, receiver.received.length], ['delivered', 1, 1]);
});

test('OF-10: two sweepers on one database send each delivery once, with two statements for each at most', async (t) => {
  const first = await webhookNode(t);
  const second = await testCtx({ beside: first });
  t.after(second.close);
  const caller = await aCaller(first);
  const receivers = await Promise.all(Array.from({ length: 5 }, () => aReceiver(t)));
  for (const { url } of receivers) await anEndpoint(first, caller, { url });
  const sweepers = [first, second].map(({ ctx }) => createSweeper(ctx, webhookTasks(ctx)));
  const statements_before = await statementsOf(first.ctx, second.ctx);
  const events: string[] = [];
  for (let i = 0; i < 20; i++) {
    events.push(...(await happen(first, caller, 5)).map(({ id }) => id));
    for (const sweeper of sweepers) sweeper.nudge('deliveries');
  }
  const nudge = () => {
    for (const sweeper of sweepers) sweeper.nudge('deliveries');
  };
  let left = 500;
  let rounds = 0;
  await until('all is delivered', async () => {
    nudge();
    rounds += 1;
    left = (await deliveryRows(first)).filter(({ state }) => state === 'pending').length;
    return left === 0;
  });
  const statements = (await statementsOf(first.ctx, second.ctx)) - statements_before - rounds - events.length / 5;
  await Promise.all(sweepers.map((sweeper) => sweeper.stop()));
  for (const { received } of receivers) {
    assert.equal(received.length, 100);
    assert.deepEqual(received.map(({ headers }) => headers['webhook-id']).sort(), [...events].sort());
  }
  assert.ok(statements <= 2 * 500, `${statements} statements for 500 deliveries`);
});

test('F-10: endpoints that never answer delay nobody else', async (t) => {
  const node = await webhookNode(t);
  const [hanging, good] = [await aReceiver(t), await aReceiver(t)];
  const [unlucky, lucky] = [await aCaller(node), await aCaller(node)];
  await anEndpoint(node, unlucky, { url: hanging.url });
  await anEndpoint(node, lucky, { url: good.url });
  const held: ServerResponse[] = [];
  hanging.answer = (response) => void held.push(response);
  // More than any look takes in, and all of it older.
  await happen(node, unlucky, 1_200);
  node.clock.advance(1);
  await happen(node, lucky, 40);
  const sweeper = createSweeper(node.ctx, webhookTasks(node.ctx));
  await until('the good endpoint has everything', () => good.received.length === 40);
  assert.ok(held.length <= webhook_sends_per_endpoint_max, `${held.length} held`);
  for (const response of held) response.end();
  hanging.answer = (response) => response.end();
  await sweeper.stop();
});

test('F-10: the breaker stops sends to a dead endpoint, tries with one, and lets all go when it is back', async (t) => {
  const node = await webhookNode(t);
  const [receiver, caller] = [await aReceiver(t), await aCaller(node)];
  await anEndpoint(node, caller, { url: receiver.url });
  receiver.answer = (response) => response.destroy();
  const waiting = 2 * webhook_sends_per_endpoint_max - 2;
  await happen(node, caller, waiting);
  assert.equal(await node.deliver(), webhook_sends_per_endpoint_max);
  assert.equal(await node.deliver(), 0);
  node.clock.advance(10_000);
  assert.equal(await node.deliver(), 1, 'one tries whether it is back');
  node.clock.advance(10_000);
  assert.equal(await node.deliver(), 0, 'it was not, so the wait is longer');
  node.clock.advance(10_000);
  receiver.answer = (response) => response.end();
  assert.equal(await node.deliver(), 1);
  assert.equal(await node.deliver(), webhook_sends_per_endpoint_max);
  assert.equal(await node.deliver(), waiting - 1 - webhook_sends_per_endpoint_max);
  assert.equal((await deliveryRows(node)).filter(({ state }) => state === 'delivered').length, waiting);
});

test('I-30: what waited behind an open breaker for three days is dead, and counted', async (t) => {
  const node = await webhookNode(t);
  const [receiver, caller] = [await aReceiver(t), await aCaller(node)];
  await anEndpoint(node, caller, { url: receiver.url });
  receiver.answer = (response) => response.destroy();
  await happen(node, caller, 20);
  node.clock.advance(72 * 3_600_000 + 1);
  await happen(node, caller, 1);
  await node.deliver();
  const rows = await deliveryRows(node);
  assert.deepEqual([rows.filter(({ state }) => state === 'dead').length, rows.filter(({ state }) => state === 'pending').length], [20, 1]);
  assert.match(await node.ctx.metrics.expose(), /heliu_deliveries_total\{result="dead"\} 20/);
});

test('F-10: under overload every endpoint has its turn', async (t) => {
  const node = await webhookNode(t);
  const [receiver, caller] = [await aReceiver(t), await aCaller(node)];
  const endpoints: string[] = [];
  for (let i = 0; i < 6; i++) endpoints.push((await anEndpoint(node, caller, { url: receiver.url })).id);
  await happen(node, caller, 40);
  const task = deliveryTask(node.ctx);
  const claimed = new Map<string, number>();
  for (let i = 0; i < 6; i++) {
    const rows = await task.claim(20, node.clock.now(), task.lease_ms, { keys: [], slots: [] });
    assert.equal(rows.length, 20);
    for (const { webhook_endpoint_id } of rows) claimed.set(webhook_endpoint_id, (claimed.get(webhook_endpoint_id) ?? 0) + 1);
  }
  assert.deepEqual([...claimed.keys()].sort(), endpoints.sort());
  for (const amount of claimed.values()) assert.ok(amount >= 8, `${amount}`);
});

test('a claim gives an endpoint no more than the room it has', async (t) => {
  const node = await webhookNode(t);
  const [receiver, caller] = [await aReceiver(t), await aCaller(node)];
  const endpoints: string[] = [];
  for (let i = 0; i < 3; i++) endpoints.push((await anEndpoint(node, caller, { url: receiver.url })).id);
  await happen(node, caller, webhook_sends_per_endpoint_max + 1);
  const task = deliveryTask(node.ctx);
  const rows = await task.claim(200, node.clock.now(), task.lease_ms, { keys: endpoints.slice(0, 2), slots: [0, 5] });
  const amounts = endpoints.map((id) => rows.filter(({ webhook_endpoint_id }) => webhook_endpoint_id === id).length);
  assert.deepEqual(amounts, [0, 5, webhook_sends_per_endpoint_max]);
});

test('what a node cannot send at once goes back as it was: due now, without a try', async (t) => {
  const node = await webhookNode(t);
  const [receiver, caller] = [await aReceiver(t), await aCaller(node)];
  await anEndpoint(node, caller, { url: receiver.url });
  await happen(node, caller);
  const task = deliveryTask(node.ctx);
  const [written] = await deliveryRows(node);
  const [claimed] = await task.claim(1, node.clock.now(), task.lease_ms, { keys: [], slots: [] });
  assert.ok(claimed);
  await task.release?.(claimed);
  assert.deepEqual(await deliveryRows(node), [written]);
});

test('a delivery whose endpoint was disabled meanwhile is cancelled without a send', async (t) => {
  const node = await webhookNode(t);
  const [receiver, caller] = [await aReceiver(t), await aCaller(node)];
  const { id } = await anEndpoint(node, caller, { url: receiver.url });
  await happen(node, caller);
  // The statement that wrote the event had looked before the endpoint was disabled.
  await node.ctx.db.kysely.updateTable('webhook_endpoints').set({ state: 'disabled', disabled_reason: 'merchant' }).where('id', '=', id).execute();
  await node.deliver();
  const [row] = await deliveryRows(node);
  assert.deepEqual([row?.state, row?.tries, receiver.received.length], ['cancelled', 0, 0]);
});

async function statementsOf(...nodes: { metrics: { expose(): Promise<string> } }[]): Promise<number> {
  const texts = await Promise.all(nodes.map(({ metrics }) => metrics.expose()));
  return texts.reduce((sum, text) => sum + Number(/^heliu_db_statements_total (\d+)$/m.exec(text)?.[1] ?? 0), 0);
}
