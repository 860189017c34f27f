import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sql } from 'kysely';
import { channelNo, readChannelNo } from '../../kernel/id.ts';
import { createChannelAccount } from '../../merchants/service.ts';
import { someBranches } from '../../routing/testing/branches.ts';
import { freePort } from '../../testing/installation.ts';
import { aWorld, type World } from '../../testing/world.ts';
import { holdNext } from '../testing/road.ts';
import type { ShownPayment } from '../testing/shop.ts';
import { passTimeUntil } from '../testing/time.ts';

let world: World;
before(async () => {
  world = await aWorld({ nodes: 2 });
});
after(() => world.close());

const attemptsOf = (payment_id: string) =>
  world.ctx.db.kysely.selectFrom('attempts').select(['channel_account_id', 'state', 'refusal']).where('payment_id', '=', payment_id).orderBy('id').execute();
const statesOf = async (payment_id: string) => (await attemptsOf(payment_id)).map(({ channel_account_id, state }) => [channel_account_id, state]);

type Branch = Awaited<ReturnType<typeof someBranches>>;

/** The orders of a payment as the gateway knows them, the first one first. */
async function ordersOf(shop: Branch, payment: ShownPayment): Promise<ShownPayment[]> {
  const rows = await world.ctx.db.kysely.selectFrom('attempts').select(['id', 'channel']).where('payment_id', '=', payment.id).orderBy('id').execute();
  return rows.map(({ id, channel }) => ({ ...payment, attempt: { ...payment.attempt, id, channel, channel_order_no: channelNo(shop.merchant.code, id) } }));
}

/** What all orders of a payment came to at the gateway. */
async function truthOf(shop: Branch, payment: ShownPayment): Promise<{ charges: number; returned_fen: number }> {
  const truths = (await ordersOf(shop, payment)).map(shop.truth);
  return { charges: truths.reduce((sum, { charges }) => sum + charges, 0), returned_fen: truths.reduce((sum, { returned_fen }) => sum + returned_fen, 0) };
}

/** An account whose gateway does not answer the telephone, tried first. */
async function unreachable(shop: Awaited<ReturnType<typeof someBranches>>): Promise<string> {
  const settings = await world.simulators.get('wechatpay')?.enroll({ mode: 'direct', trust: 'public_key' });
  assert(settings);
  const account = {
    merchant_id: shop.merchant.id,
    livemode: false,
    channel: 'wechatpay',
    name: '断线',
    settings: { ...settings, gateway_url: `http://127.0.0.1:${await freePort()}` },
    priority: 1,
  };
  return (await createChannelAccount(world.ctx, account)).id;
}

describe('another account is tried in the same request', () => {
  it('after one whose gateway was never reached: no byte left, so nothing can have been charged', async () => {
    const shop = await someBranches(world, 1);
    const dead = await unreachable(shop);
    const payment = await shop.create();
    assert.deepEqual(await statesOf(payment.id), [
      [dead, 'closed'],
      [shop.ids[0], 'waiting'],
    ]);
    assert.equal(payment.next_action.type, 'show_qr');
    assert.ok(await shop.pay(payment));
    assert.equal((await shop.reaches(payment.id, 'paid')).attempt.channel_account_id, shop.ids[0]);
    assert.equal(shop.truth(payment).charges, 1);
    const { body } = await world.flow(world.api('GET', `/v1/payments/${payment.id}/routing`, { key: shop.key }));
    assert.deepEqual(
      body.decisions.map((each: { channel_account_id: string }) => each.channel_account_id),
      [dead, shop.ids[0]],
    );
    assert.ok(body.decisions[1].candidates.some((each: { excluded: string | null }) => each.excluded === 'tried_before'));
    assert.deepEqual(await shop.events(payment.id), ['payment.paid']);
  });

  it('after a verified refusal that says something of the account, a payment code too', async () => {
    const shop = await someBranches(world, 2);
    world.inject('wechatpay', { kind: 'error_code', on: 'pay', times: 1, code: 'NO_AUTH' });
    const payment = await shop.scan('wechatpay', 'pays');
    assert.deepEqual(await statesOf(payment.id), [
      [shop.ids[0], 'refused'],
      [shop.ids[1], 'succeeded'],
    ]);
    assert.equal(payment.state, 'paid');
    assert.equal(shop.truth(payment).charges, 1);
  });

  it('and the last answer stands when no other account is left', async () => {
    const shop = await someBranches(world, 1);
    world.inject('wechatpay', { kind: 'error_code', on: 'pay', times: 1, code: 'NO_AUTH' });
    const payment = await shop.create();
    assert.deepEqual(await statesOf(payment.id), [[shop.ids[0], 'refused']]);
  });
});

describe('no other account is tried', () => {
  for (const [what, kind] of [
    ['CF-01 was charged without an answer', 'drop_after'],
    ['CF-02 was perhaps not received', 'drop_before'],
    ['CF-05 was answered by 5xx', 'server_error'],
  ] as const) {
    it(`after a payment code that ${what}: it will be found out by asking`, async () => {
      const shop = await someBranches(world, 2);
      world.inject('wechatpay', { kind, on: 'pay', times: 1 });
      const payment = await shop.scan('wechatpay', 'pays');
      assert.deepEqual(await statesOf(payment.id), [[shop.ids[0], 'sending']]);
      assert.ok(shop.truth(payment).charges <= 1);
    });
  }

  it('after a refusal that says something of the payer', async () => {
    const shop = await someBranches(world, 2);
    const payment = await shop.scan('wechatpay', 'insufficient_funds');
    assert.deepEqual(await statesOf(payment.id), [[shop.ids[0], 'refused']]);
  });
});

describe('an order of which nobody knows is asked about and ended before another account is tried', () => {
  const both = { kind: 'cut_answer', on: 'pay', times: 2 } as const;

  it('CF-03 that the gateway holds is closed there', async () => {
    const shop = await someBranches(world, 2);
    world.inject('wechatpay', both);
    const payment = await shop.create();
    assert.deepEqual(await statesOf(payment.id), [
      [shop.ids[0], 'closed'],
      [shop.ids[1], 'waiting'],
    ]);
    const [lost] = await ordersOf(shop, payment);
    assert.equal(await shop.pay(lost as ShownPayment), false, 'nobody can pay the first order any more');
    assert.ok(await shop.pay(payment));
    assert.equal((await shop.reaches(payment.id, 'paid')).attempt.channel_account_id, shop.ids[1]);
    assert.deepEqual(await truthOf(shop, payment), { charges: 1, returned_fen: 0 });
    const proof = await world.ctx.db.kysely
      .selectFrom('transitions')
      .select(['to_state', 'evidence_id'])
      .where('object_id', '=', `att_${readChannelNo((lost as ShownPayment).attempt.channel_order_no)?.ulid}`)
      .orderBy('version', 'desc')
      .executeTakeFirstOrThrow();
    assert.equal(proof.to_state, 'closed');
    assert.notEqual(proof.evidence_id, null, 'the gateway said so');
  });

  it('and the close is proof by itself where nobody answers the question: no gateway closes what is paid', async () => {
    const shop = await someBranches(world, 2);
    world.inject('wechatpay', both);
    world.inject('wechatpay', { kind: 'server_error', on: 'query', times: 1 });
    const payment = await shop.create();
    assert.deepEqual(await statesOf(payment.id), [
      [shop.ids[0], 'closed'],
      [shop.ids[1], 'waiting'],
    ]);
  });

  it('and stays where it is after a close that nobody answers', async () => {
    const shop = await someBranches(world, 2);
    world.inject('wechatpay', both);
    world.inject('wechatpay', { kind: 'server_error', on: 'close', times: 1 });
    const payment = await shop.create();
    assert.deepEqual(await statesOf(payment.id), [[shop.ids[0], 'sending']]);
  });

  it('and stays where it is when the gateway does not know it: it may still arrive', async () => {
    const shop = await someBranches(world, 2);
    world.inject('wechatpay', { kind: 'server_error', on: 'pay', times: 1 });
    const payment = await shop.create();
    assert.deepEqual(await statesOf(payment.id), [[shop.ids[0], 'sending']]);
  });

  it('and stays where it is when no other account is left', async () => {
    const shop = await someBranches(world, 1);
    world.inject('wechatpay', both);
    const payment = await shop.create();
    assert.deepEqual(await statesOf(payment.id), [[shop.ids[0], 'sending']], 'the order is not ended for nothing');
  });
});

describe('money of the first account that comes after all', () => {
  /** A payment whose first order was ended and whose second one waits. */
  const failedOver = async () => {
    const shop = await someBranches(world, 2);
    world.inject('wechatpay', { kind: 'cut_answer', on: 'pay', times: 2 });
    const payment = await shop.create();
    const [first, second] = (await ordersOf(shop, payment)) as [ShownPayment, ShownPayment];
    return { shop, payment, first, second };
  };

  it('I-05 after the second was paid goes back whole, and is told once', async () => {
    const { shop, payment, first, second } = await failedOver();
    assert.ok(await shop.pay(second));
    await shop.reaches(payment.id, 'paid');
    assert.ok(await shop.pay(first, true));
    await passTimeUntil(world, () => shop.truth(first).returned_fen === 100);
    assert.deepEqual(await truthOf(shop, payment), { charges: 2, returned_fen: 100 });
    const after = await shop.retrieve(payment.id);
    assert.deepEqual([after.state, after.paid_fen, after.attempt.channel_account_id], ['paid', 100, shop.ids[1]]);
    await world.until(async () => (await shop.events(payment.id)).includes('payment.duplicate_received'));
    assert.equal((await shop.events(payment.id)).filter((type) => type === 'payment.duplicate_received').length, 1);
  });

  it('I-04 before the second was paid pays the payment, and the second is ended', async () => {
    const { shop, payment, first, second } = await failedOver();
    assert.ok(await shop.pay(first, true));
    assert.equal((await shop.reaches(payment.id, 'paid')).attempt.channel_account_id, shop.ids[0]);
    await passTimeUntil(world, async () => (await statesOf(payment.id))[1]?.[1] === 'closed');
    assert.equal(await shop.pay(second), false);
    assert.deepEqual(await truthOf(shop, payment), { charges: 1, returned_fen: 0 });
  });
});

it('OF-11 one order at two nodes at once tries the next account once, and both get the same reply', async () => {
  const shop = await someBranches(world, 1);
  const dead = await unreachable(shop);
  const order = shop.order();
  const replies = await world.flow(Promise.all([0, 1, 0, 1].map((node) => shop.ask('/v1/payments', order, { node }))));
  assert.deepEqual(new Set(replies.map(({ status, text }) => `${status} ${text}`)).size, 1);
  assert.deepEqual(await statesOf(replies[0]?.body.id), [
    [dead, 'closed'],
    [shop.ids[0], 'waiting'],
  ]);
});

it('OF-01 a quota that a node reserved and did not live to settle is given back by whoever asks about the order', async (t) => {
  const shop = await someBranches(world, 1);
  const [account] = shop.ids as [string];
  await shop.terms(account, { quotas: [{ per: 'day', of: 'account', count_max: 1 }] });
  const held = holdNext(t, shop, 'pay', 'request');
  void shop.ask('/v1/payments', shop.order({ expires_in_s: 60 })).catch(() => {});
  await world.until(() => held.reached());
  const used = async () =>
    Number(
      (await sql<{ n: bigint }>`select sum(used_count) as n from quota_counters where channel_account_id = ${account}`.execute(world.ctx.db.kysely)).rows[0]?.n,
    );
  assert.equal(await used(), 1, 'the reservation was committed with the attempt, before a byte left');
  assert.equal((await shop.ask('/v1/payments', shop.order(), { node: 1 })).body.error.code, 'no_account_available');
  await passTimeUntil(world, async () => (await used()) === 0);
  held.release();
});

it('an account that is not reached loses its traffic within 20 payments, and gets it back after it recovers', async () => {
  const shop = await someBranches(world, 2);
  const [first, second] = shop.ids as [string, string];
  // Every order is taken and no answer comes back: the worst that a channel can do.
  world.inject('wechatpay', { kind: 'server_error', on: 'pay', times: 5 });
  const went: string[] = [];
  for (let n = 0; n < 8; n++) went.push(await shop.accountOf((await shop.create()).id));
  assert.deepEqual(went, [first, first, first, first, first, second, second, second]);
  world.clock.advance(5_000);
  const back: string[] = [];
  for (let n = 0; n < 4; n++) back.push(await shop.accountOf((await shop.create()).id));
  assert.deepEqual(back, [first, first, first, first], 'probes went well');
  const health = (await world.flow(world.api('GET', '/v1/routing/accounts', { key: shop.key }))).body.accounts.find(
    (account: { channel_account_id: string }) => account.channel_account_id === first,
  ).health;
  assert.equal(health[0].breaker, 'closed');
});
