import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sql } from 'kysely';
import { createChannelAccount, createMerchant, showChannelAccount } from '../../merchants/service.ts';
import { type Shop, shopOf } from '../../payments/testing/shop.ts';
import { moved_by_time, questions, unchanged } from '../state.ts';
import { type ApiAnswer, aWorld, type SentNotification, type World } from '../world.ts';
import { requestsSent, shoot } from './attacker.ts';

/** Group E of reliability.md: two merchants who use the same numbers, the same keys and even the same account at the gateway. */
let world: World;
let one: Shop;
let two: Shop;
let settings: Record<string, unknown>;

before(async () => {
  world = await aWorld({ nodes: 2 });
  world.hold_notifications = true;
  const simulator = world.simulators.get('alipay');
  assert(simulator);
  settings = await simulator.enroll({ mode: 'direct', trust: 'public_key' });
  [one, two] = [await aTenant('甲'), await aTenant('乙')];
});
after(() => world.close());

/** A merchant on the account that all tenants share, as those of one platform do. */
async function aTenant(name: string): Promise<Shop> {
  const merchant = await createMerchant(world.ctx, { name });
  const { id } = await createChannelAccount(world.ctx, { merchant_id: merchant.id, livemode: false, channel: 'alipay', name: 'shared', settings });
  const key = await world.newKey(merchant.id, false, [
    'payments:read',
    'payments:write',
    'refunds:read',
    'refunds:write',
    'events:read',
    'webhook_endpoints:read',
    'webhook_endpoints:write',
  ]);
  return shopOf(world, { merchant, key, accounts: new Map([['alipay', id]]) });
}

const create = async (shop: Shop, merchant_order_no: string) => {
  const payment = await shop.create({ merchant_order_no, method: 'alipay_qr' });
  const later = new Date(world.clock.now().getTime() + 30 * 86_400_000);
  await world.ctx.db.kysely.updateTable('attempts').set({ next_query_at: later }).where('payment_id', '=', payment.id).execute();
  return payment;
};
const get = async (shop: Shop, path: string) => (await world.flow(world.api('GET', path, { key: shop.key }))).body;
/** Pays at the gateway and gives the genuine notification of it, which went nowhere. */
async function told(shop: Shop, payment: Awaited<ReturnType<typeof create>>): Promise<SentNotification> {
  const before_count = world.notified.length;
  assert.ok(await shop.pay(payment));
  await world.until(() => world.notified.length > before_count);
  return world.notified[before_count] as SentNotification;
}
const deliver = ({ url, headers, body }: SentNotification) => world.flow(shoot(url, { method: 'POST', headers, body }));

describe('E-04: an account at the gateway that two merchants share', () => {
  it('a genuine message about the order of one, at the address of the other, pays nobody and is shown to a person', async () => {
    const payment = await create(one, 'shared-1');
    const notification = await told(one, payment);
    const astray = notification.url.replace(/acc_\w+$/, two.accounts.get('alipay') as string);
    await unchanged(world.ctx, async () => void (await deliver({ ...notification, url: astray })), [...moved_by_time, ...questions, 'evidence']);
    assert.equal((await one.retrieve(payment.id)).state, 'pending');
    const { rows } = await sql<{ merchant_id: string; kind: string }>`
      select merchant_id, kind from anomalies where merchant_id in (${one.merchant.id}, ${two.merchant.id})`.execute(world.ctx.db.kysely);
    assert.deepEqual(rows, [{ merchant_id: two.merchant.id, kind: 'orphan_success' }]);
    await deliver(notification);
    assert.equal((await one.reaches(payment.id, 'paid')).paid_fen, 100);
  });

  it('and at the address of another account of the same merchant it pays nothing either', async () => {
    const second = await createChannelAccount(world.ctx, {
      merchant_id: one.merchant.id,
      livemode: false,
      channel: 'alipay',
      name: 'second',
      settings,
      priority: 1,
    });
    const payment = await create(one, 'shared-3');
    const notification = await told(one, payment);
    const astray = [one.accounts.get('alipay') as string, second.id].find((id) => id !== payment.attempt.channel_account_id) as string;
    await unchanged(world.ctx, async () => void (await deliver({ ...notification, url: notification.url.replace(/acc_\w+$/, astray) })), [
      ...moved_by_time,
      ...questions,
      'evidence',
    ]);
    assert.equal((await one.retrieve(payment.id)).state, 'pending');
    await deliver(notification);
    await one.reaches(payment.id, 'paid');
  });

  it('a refund of one is no refund of the other', async () => {
    const [mine, theirs] = [await create(one, 'shared-2'), await create(two, 'shared-2')];
    for (const [shop, payment] of [
      [one, mine],
      [two, theirs],
    ] as const) {
      await deliver(await told(shop, payment));
      await shop.reaches(payment.id, 'paid');
    }
    const refund = await one.post('/v1/refunds', { payment_id: mine.id, merchant_refund_no: 'r-1', amount_fen: 40 });
    assert.equal(refund.status, 201, refund.text);
    await world.until(async () => (await one.retrieve(mine.id)).refunded_fen === 40);
    const untouched = await two.retrieve(theirs.id);
    assert.deepEqual([untouched.refunded_fen, untouched.refunding_fen, (await two.refundsOf(theirs.id)).length], [0, 0, 0]);
    const [of_one, of_two] = [one.truth(mine), two.truth(theirs)];
    assert.deepEqual([of_one.returned_fen, of_two.returned_fen], [40, 0]);
  });
});

describe('E-05: the same numbers and keys of two merchants', () => {
  it('name different payments, refunds and replies, also at the same time on two nodes', async () => {
    const ask = (shop: Shop, node: number) =>
      shop.ask('/v1/payments', { ...shop.order({ merchant_order_no: 'same-1', method: 'alipay_qr' }) }, { idempotency_key: 'same-key', node });
    const about: string[] = [];
    let answers: readonly ApiAnswer[] = [];
    const collide = async () => {
      answers = await world.flow(Promise.all([one, two].flatMap((shop) => [0, 1, 0, 1].map((node) => ask(shop, node)))));
      about.push(...answers.flatMap(({ body }) => [body.id, body.attempt.id]));
    };
    // Answers of the gateway are kept as evidence.
    await unchanged(world.ctx, collide, [...moved_by_time, 'evidence'], about);
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [201], answers.map(({ text }) => text).join('\n'));
    assert.equal(new Set(answers.slice(0, 4).map(({ text }) => text)).size, 1);
    assert.equal(new Set(answers.slice(4).map(({ text }) => text)).size, 1);
    assert.equal(new Set(answers.map(({ body }) => body.id)).size, 2);
    assert.equal(new Set(answers.map(({ body }) => body.attempt.channel_order_no)).size, 2);
    const found = await Promise.all([one, two].map((shop) => shop.retrieveByOrderNo('same-1')));
    assert.deepEqual([found[0]?.id, found[1]?.id], [answers[0]?.body.id, answers[4]?.body.id]);
  });

  it('a reply that is kept for one is never given to the other', async () => {
    const about: string[] = [];
    const keep = async () => {
      const made = await one.post('/v1/webhook_endpoints', { url: world.receiver_url }, { idempotency_key: 'endpoint-key' });
      const other = await two.post('/v1/webhook_endpoints', { url: world.receiver_url }, { idempotency_key: 'endpoint-key' });
      assert.deepEqual([made.status, other.status], [201, 201]);
      assert.notEqual(made.body.secret, other.body.secret);
      assert.notEqual(made.body.id, other.body.id);
      about.push(made.body.id, other.body.id);
    };
    await unchanged(world.ctx, keep, moved_by_time, about);
  });

  it('every table of a merchant says whose its rows are, and no unique number but an id is shared by all of them', async () => {
    const { rows: tables } = await sql<{ name: string }>`
      select table_name as name from information_schema.tables t where table_schema = 'public' and table_type = 'BASE TABLE'
      and not exists (select 1 from information_schema.columns c where c.table_schema = 'public' and c.table_name = t.table_name and c.column_name = 'merchant_id')
      order by 1`.execute(world.ctx.db.kysely);
    assert.deepEqual(
      tables.map(({ name }) => name),
      ['agent_statement_keys', 'agents', 'calendar_days', 'data_keys', 'merchants', 'plate_stock_batches', 'schema_migrations'],
    );
    const { rows: indexes } = await sql<{ index: string; column: string }>`
      select c.relname as index, a.attname as column from pg_index i
      join pg_class c on c.oid = i.indexrelid join pg_class t on t.oid = i.indrelid
      join pg_attribute a on a.attrelid = t.oid and a.attnum = i.indkey[0]
      where i.indisunique and t.relnamespace = 'public'::regnamespace and a.attname <> 'merchant_id' and t.relname not in ('calendar_days', 'data_keys', 'merchants', 'schema_migrations', 'plate_stock', 'plate_stock_batches')
      order by 1`.execute(world.ctx.db.kysely);
    // Agents are the platform's, and stock of plates until a merchant has it. What is not found by its merchant is found by a number that nobody chooses: an id of 128 random bits or a hash of 256.
    const chosen_by_nobody = ['id', 'api_key_id', 'secret_hash', 'channel_account_id', 'agent_id', 'code'];
    assert.deepEqual(
      indexes.filter(({ column }) => !chosen_by_nobody.includes(column)),
      [],
    );
  });
});

describe('E-08 E-09: what one merchant hears and sees', () => {
  it('is of its own alone: webhooks, feed, lists, counts and searches', async () => {
    const hook = async (shop: Shop, name: string) => shop.post('/v1/webhook_endpoints', { url: `${world.receiver_url}/${name}`, event_types: [] });
    const [of_one, of_two] = [await hook(one, 'one'), await hook(two, 'two')];
    const payment = await create(one, 'heard-1');
    await deliver(await told(one, payment));
    await world.until(() => world.inbox.some(({ path, data }) => path.endsWith('/one') && data.id === payment.id));
    // Everything that was to be sent has been: only then does silence say something.
    const pending = world.ctx.db.kysely.selectFrom('deliveries').select('id').where('state', '=', 'pending');
    await world.until(async () => (await pending.execute()).length === 0);
    assert.deepEqual(
      world.inbox.filter(({ path, body }) => path.endsWith('/two') && body.includes(payment.id)),
      [],
    );
    const foreign = [payment.id, payment.attempt.id, payment.merchant_order_no, of_one.body.id];
    for (const path of [
      '/v1/payments?limit=100',
      '/v1/payments?limit=100&state=paid',
      '/v1/refunds?limit=100',
      `/v1/refunds?payment_id=${payment.id}`,
      '/v1/events?limit=100',
      '/v1/webhook_endpoints?limit=100',
      `/v1/webhook_endpoints/${of_two.body.id}/deliveries?limit=100`,
    ]) {
      const text = JSON.stringify(await get(two, path));
      for (const id of foreign) assert.ok(!text.includes(id), `${path} shows ${id}`);
    }
  });

  it('a subscription cannot ask for more: no wildcard, no other merchant, no other mode', () =>
    unchanged(
      world.ctx,
      async () => {
        for (const fields of [
          { event_types: ['*'] },
          { event_types: ['payment.*'] },
          { event_types: [''] },
          { merchant_id: one.merchant.id },
          { livemode: true },
          { filter: { merchant_id: one.merchant.id } },
        ]) {
          const answer = await two.post('/v1/webhook_endpoints', { url: world.receiver_url, ...fields });
          assert.equal(answer.status, 400, answer.text);
        }
      },
      moved_by_time,
    ));
});

it('E-07 an operator who looks at an account sees the names of its secrets and no value', async () => {
  const shown = JSON.stringify(await showChannelAccount(world.ctx, { merchant_id: one.merchant.id, channel_account_id: one.accounts.get('alipay') as string }));
  assert.ok(shown.includes('app_private_key'));
  const secret = String(settings.app_private_key);
  for (let at = 0; at + 40 <= secret.length; at += 40) assert.ok(!shown.includes(secret.slice(at, at + 40)));
});

it('group E: requests sent', (t) => t.diagnostic(`${requestsSent()} requests of attackers`));
