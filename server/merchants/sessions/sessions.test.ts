import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sql } from 'kysely';
import { createChannelClient } from '../../channels/client.ts';
import { channels } from '../../channels/registry.ts';
import { simulators } from '../../channels/simulators.ts';
import { session_ask_ms } from '../../kernel/limits.ts';
import { Secret } from '../../kernel/secret.ts';
import { newShop, type Shop } from '../../payments/testing/shop.ts';
import { createScanner } from '../../testing/secrets-scanner.ts';
import { aWorld, type World } from '../../testing/world.ts';
import { findAccountById, getAccount, listActiveAccounts } from '../service.ts';
import { activateAccount, type KeyOutcome, renewNow, showSession } from './service.ts';
import { openSessionRow } from './session.ts';
import { claimSession, claimSessions, findSession, keepSession, noteSession } from './store.ts';

/** A gateway that gives each account a key for a code, and another key each day. */
const giver = [...channels.values()].find(({ session }) => session);
assert.ok(giver);
const { code: channel } = giver;
const day_ms = 86_400_000;

const lines: string[] = [];
let world: World;
before(async () => {
  world = await aWorld({ nodes: 2, simulators: simulators.filter((each) => each.channel === channel), ctx: { log: { write: (line) => lines.push(line) } } });
});
after(() => world.close());

const nameOf = (shop: Shop) => ({ merchant_id: shop.merchant.id, channel_account_id: shop.accounts.get(channel) as string });
const ctxOf = (node = 0) => {
  const ctx = world.nodes[node]?.ctx;
  assert.ok(ctx);
  return ctx;
};
const rowOf = async (shop: Shop) => {
  const row = await findSession(ctxOf(), nameOf(shop));
  assert.ok(row);
  return row;
};
const keyOf = async (shop: Shop) => openSessionRow(ctxOf().vault, await rowOf(shop))?.key.expose();
const settingsOf = async (shop: Shop) => (await findAccountById(ctxOf(), nameOf(shop).channel_account_id))?.config as Record<string, unknown>;
const newCode = async (shop: Shop) => new Secret(world.simulators.get(channel)?.newSessionCode?.(await settingsOf(shop)) ?? '');
const activate = async (shop: Shop): Promise<KeyOutcome> => world.flow(activateAccount(ctxOf(), { ...nameOf(shop), code: await newCode(shop) }));
/** Questions for a key that the gateway heard since. */
const questions = (from: number) => world.asked.slice(from).filter((path) => path.endsWith('/terminal/checkin')).length;
const passTo = async (at: Date) => {
  await world.flow(Promise.resolve());
  world.clock.set(at);
};
async function refundWhole(shop: Shop, payment_id: string): Promise<void> {
  const { status, body, text } = await shop.post('/v1/refunds', shop.refundOrder(payment_id, 100));
  assert.equal(status, 201, text);
  await world.until(async () => (await world.api('GET', `/v1/refunds/${body.id}`, { key: shop.key })).body.state === 'succeeded');
}
const dueAt = async (shop: Shop) => (await rowOf(shop)).renew_at as Date;

describe('the key of a channel account', () => {
  it('is kept sealed, bound to its row and question, and given to every call, whatever version of settings it is made with', async () => {
    const shop = await newShop(world);
    const row = await rowOf(shop);
    const key = (await keyOf(shop)) as string;
    assert.deepEqual([row.state, row.asked, row.version, row.problem], ['open', 1, 1, null]);
    assert.equal(row.renew_at?.toISOString(), '2026-11-22T16:00:01.000Z', 'just after midnight in Shanghai');
    assert.doesNotMatch(row.key_sealed.toString('latin1'), new RegExp(key));
    for (const moved of [{ version: 2 }, { channel_account_id: 'acc_other' }, { merchant_id: 'mer_other' }]) {
      assert.throws(() => openSessionRow(ctxOf().vault, { ...row, ...moved }), /changed, or sealed for another place/);
    }
    const { merchant_id, channel_account_id } = nameOf(shop);
    const seen = [
      await findAccountById(ctxOf(), channel_account_id),
      await getAccount(ctxOf(1), merchant_id, channel_account_id, 1),
      (await listActiveAccounts(ctxOf(1), merchant_id, false))[0]?.account,
    ];
    assert.deepEqual(
      seen.map((account) => account?.session?.key.expose()),
      [key, key, key],
    );
    assert.deepEqual(await showSession(ctxOf(), nameOf(shop)), {
      state: 'open',
      name: row.name,
      got_at: row.got_at,
      renew_at: row.renew_at,
      problem: null,
      unanswered: 0,
    });
  });

  it('is another one each day, asked for once by however many nodes, and orders of before go on with it', async () => {
    const shop = await newShop(world);
    const before_key = await keyOf(shop);
    const waits = await shop.create({ method: 'wechat_qr' });
    await shop.pay(waits);
    await shop.reaches(waits.id, 'paid');
    const from = world.asked.length;
    const others = (await sql<{ count: number }>`select count(*)::int as count from channel_sessions where renew_at is not null`.execute(ctxOf().db.kysely))
      .rows[0]?.count;
    await passTo(await dueAt(shop));
    await world.until(async () => (await rowOf(shop)).version === 2);
    await world.until(() => questions(from) === others);
    assert.equal((await rowOf(shop)).asked, 2);
    assert.notEqual(await keyOf(shop), before_key);
    await refundWhole(shop, waits.id);
    const next = await shop.create({ method: 'wechat_qr' });
    await shop.pay(next);
    assert.equal((await shop.reaches(next.id, 'paid')).paid_fen, 100);
  });

  it('is asked for again with the old one when the answer was lost, and the gateway gives another', async () => {
    const shop = await newShop(world);
    const first = await keyOf(shop);
    world.inject(channel, { kind: 'drop_after', on: 'keys' });
    assert.deepEqual(await world.flow(renewNow(ctxOf(), nameOf(shop))), { is: 'unknown', cause: 'connection_lost', detail: 'connection_lost' });
    assert.equal(await keyOf(shop), first, 'nothing is guessed');
    const shown = await showSession(ctxOf(), nameOf(shop));
    assert.deepEqual([shown?.state, shown?.unanswered, shown?.problem], ['open', 1, 'connection_lost connection_lost']);
    // The lease: nobody asks while somebody may still be asking.
    assert.deepEqual(await world.flow(renewNow(ctxOf(1), nameOf(shop))), { is: 'under_way' });
    await passTo(await dueAt(shop));
    await world.until(async () => (await rowOf(shop)).version === 3);
    assert.notEqual(await keyOf(shop), first);
    assert.equal((await showSession(ctxOf(), nameOf(shop)))?.unanswered, 0);
    const next = await shop.create({ method: 'alipay_qr' });
    await shop.pay(next);
    await shop.reaches(next.id, 'paid');
  });

  it('is lost after a second lost answer: payments are refused before they are sent, and a new code mends it', async () => {
    const shop = await newShop(world);
    const paid = await shop.create({ method: 'wechat_qr' });
    await shop.pay(paid);
    await shop.reaches(paid.id, 'paid');
    const waits = await shop.create({ method: 'wechat_qr' });
    world.inject(channel, { kind: 'drop_after', on: 'keys', times: 2 });
    await world.flow(renewNow(ctxOf(), nameOf(shop)));
    await passTo(await dueAt(shop));
    await world.until(async () => (await rowOf(shop)).asked === 3 && (await rowOf(shop)).problem !== null);
    await passTo(await dueAt(shop));
    await world.until(async () => (await rowOf(shop)).state === 'lost');
    const shown = await showSession(ctxOf(), nameOf(shop));
    assert.deepEqual([shown?.state, shown?.problem, shown?.renew_at], ['lost', 'ILLEGAL_SIGN', null]);

    const from = world.asked.length;
    const refused = await shop.create({ method: 'alipay_qr' });
    assert.deepEqual(
      [refused.attempt.state, refused.attempt.refusal?.reason, refused.attempt.refusal?.channel_code],
      ['refused', 'configuration_error', 'HELIU_TERMINAL_NOT_ACTIVATED'],
    );
    await shop.post(`/v1/payments/${waits.id}/sync`, undefined);
    assert.deepEqual(world.asked.slice(from), [], 'nothing was sent');
    assert.equal((await shop.retrieve(waits.id)).state, 'pending', 'what is open stays open');
    assert.deepEqual(await world.flow(renewNow(ctxOf(), nameOf(shop))), { is: 'no_key' });

    assert.equal((await activate(shop)).is, 'kept');
    assert.equal((await showSession(ctxOf(), nameOf(shop)))?.state, 'open');
    const next = await shop.create({ method: 'alipay_qr' });
    await shop.pay(next);
    await shop.reaches(next.id, 'paid');
    await refundWhole(shop, paid.id);
  });

  it('a node that dies between the answer and its writing leaves the key of before, which asks again', async () => {
    const shop = await newShop(world);
    const name = nameOf(shop);
    const ctx = ctxOf();
    const claimed = await claimSession(ctx, name, { now: ctx.clock.now(), lease_ms: session_ask_ms });
    assert.ok(claimed);
    const account = await findAccountById(ctx, name.channel_account_id);
    assert.ok(account);
    const fact = await world.flow(createChannelClient(ctx).renewSession(account, { got_at: claimed.got_at }));
    assert.equal(fact.is, 'session', 'the gateway has rolled, and nobody wrote it down');
    await passTo(await dueAt(shop));
    await world.until(async () => (await rowOf(shop)).version === 3);
    const next = await shop.create({ method: 'wechat_qr' });
    await shop.pay(next);
    await shop.reaches(next.id, 'paid');
  });

  it('an answer that comes after that of a later question is not kept, and says nothing of the account', async () => {
    const shop = await newShop(world);
    const ctx = ctxOf();
    const row = await rowOf(shop);
    const [first, second] = [2, 3].map((version) => ({ ...row, version, key_sealed: Buffer.alloc(100, version) }));
    assert.ok(first && second);
    await sql`update channel_sessions set asked = 3 where channel_account_id = ${row.channel_account_id}`.execute(ctx.db.kysely);
    assert.equal(await keepSession(ctx, second), true);
    assert.equal(await keepSession(ctx, first), false);
    await noteSession(ctx, { ...row, asked: 2 }, { lost: true, problem: 'ILLEGAL_SIGN' });
    assert.deepEqual([(await rowOf(shop)).version, (await rowOf(shop)).state], [3, 'open']);
    // Not a key that could be used: nothing of this account is asked for further on.
    await sql`delete from channel_sessions where channel_account_id = ${row.channel_account_id}`.execute(ctx.db.kysely);
  });

  it('is claimed by one of many that look at once', async () => {
    const shop = await newShop(world);
    const row = await rowOf(shop);
    const now = new Date((row.renew_at as Date).getTime() + day_ms);
    const claims = await Promise.all([0, 1, 0, 1].map((node) => claimSessions(ctxOf(node), 1_000, now, 1)));
    assert.equal(claims.flat().filter(({ channel_account_id }) => channel_account_id === row.channel_account_id).length, 1);
  });
});

it('a code that is wrong or used up is refused in the gateway’s words, and changes nothing', async () => {
  const shop = await newShop(world);
  const key = await keyOf(shop);
  const used = await newCode(shop);
  assert.equal((await world.flow(activateAccount(ctxOf(), { ...nameOf(shop), code: used }))).is, 'kept');
  assert.notEqual(await keyOf(shop), key);
  for (const [code, said] of [
    [used, 'ACTIVATION_CODE_USED'],
    [new Secret('00000000'), 'INVALID_ACTIVATION_CODE'],
  ] as const) {
    const outcome = await world.flow(activateAccount(ctxOf(), { ...nameOf(shop), code }));
    assert.equal(outcome.is === 'refused' && outcome.channel_code, said);
  }
  assert.equal((await rowOf(shop)).state, 'open');
});

it('an unsigned notification only has the order asked about, whoever sends it', async () => {
  const shop = await newShop(world);
  const waits = await shop.create({ method: 'wechat_qr' });
  const address = `${world.ctx.config.public_url}/notify/${channel}/${nameOf(shop).channel_account_id}`;
  const claim = { client_sn: waits.attempt.channel_order_no, sn: '1', status: 'SUCCESS', order_status: 'PAID', total_amount: '100', net_amount: '100' };
  const send = () => world.flow(fetch(address, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(claim) }));
  const answer = await send();
  assert.deepEqual([answer.status, await answer.text()], [200, 'success']);
  assert.equal((await shop.retrieve(waits.id)).state, 'pending');
  await shop.pay(waits);
  assert.equal((await shop.reaches(waits.id, 'paid')).paid_fen, 100);
});

it('I-46 I-47: no key is in the log, in a metric, or in clear in any column', async () => {
  const { rows } = await sql<{
    merchant_id: string;
    channel_account_id: string;
  }>`select merchant_id, channel_account_id from channel_sessions where state = 'open'`.execute(ctxOf().db.kysely);
  const keys: { name: string; value: string }[] = [];
  for (const name of rows) {
    const row = await findSession(ctxOf(), name);
    const session = row && openSessionRow(ctxOf().vault, row);
    if (session) keys.push({ name: 'terminal key', value: session.key.expose() });
  }
  assert.ok(keys.length > 3 && lines.length > 50);
  const scanner = createScanner(keys);
  assert.deepEqual(scanner.scanText('log', lines.join('\n')), []);
  assert.deepEqual(scanner.scanText('metrics', await ctxOf().metrics.expose()), []);
  const { finds } = await scanner.scanDatabase(world.ctx);
  assert.deepEqual(finds, []);
});
