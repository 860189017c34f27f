import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sql } from 'kysely';
import { aWorld, type World } from '../testing/world.ts';
import { someBranches } from './testing/branches.ts';

let world: World;
before(async () => {
  world = await aWorld({ nodes: 2 });
});
after(() => world.close());

const used = async (account_id: string) => {
  const { rows } = await sql<{ fen: bigint; count: bigint }>`select coalesce(sum(used_fen), 0)::bigint as fen, coalesce(sum(used_count), 0)::bigint as count
    from quota_counters where channel_account_id = ${account_id} and bucket like 'd%'`.execute(world.ctx.db.kysely);
  return [Number(rows[0]?.fen), Number(rows[0]?.count)];
};

describe('a quota', () => {
  it('of 1,000,000 fen is never passed by one fen under 64-way concurrency on two nodes, and is used to the last', async () => {
    const shop = await someBranches(world, 2);
    const [limited, rest] = shop.ids as [string, string];
    await shop.terms(limited, { quotas: [{ per: 'day', of: 'account', amount_fen_max: 1_000_000 }] });
    // Three waves of 64: together more than the quota, of amounts that do not divide it.
    let went = 0;
    for (let wave = 0; wave < 3; wave++) {
      const answers = await world.flow(
        Promise.all(Array.from({ length: 64 }, (_, n) => shop.ask('/v1/payments', shop.order({ amount_fen: 6_007 + 13 * n }), { node: n % 2 }))),
      );
      for (const { status, text, body } of answers) {
        assert.equal(status, 201, text);
        assert.ok([limited, rest].includes(body.attempt.channel_account_id));
        if (body.attempt.channel_account_id === limited) went += body.amount_fen;
      }
      const [fen = 0] = await used(limited);
      assert.equal(fen, went);
      assert.ok(fen <= 1_000_000, `${fen}`);
    }
    assert.ok(went > 980_000, `${went}: the quota was used up`);
    const last = await shop.create({ amount_fen: 1_000_000 - went });
    assert.equal(last.attempt.channel_account_id, limited, 'the last fen can be used');
    assert.deepEqual((await used(limited))[0], 1_000_000);
    assert.equal((await shop.create({ amount_fen: 1 })).attempt.channel_account_id, rest);
  });

  it('is given back with a payment that is closed, and holds for a named account', async () => {
    const shop = await someBranches(world, 1);
    const [account] = shop.ids as [string];
    await shop.terms(account, { quotas: [{ per: 'day', of: 'account', count_max: 1 }] });
    const first = await shop.create();
    const refused = await shop.post('/v1/payments', shop.order());
    assert.deepEqual([refused.status, refused.body.error.code], [422, 'no_account_available']);
    await shop.post(`/v1/payments/${first.id}/close`, {});
    await shop.reaches(first.id, 'closed');
    assert.deepEqual(await used(account), [0, 0]);
    await world.until(async () => (await world.api('POST', '/v1/payments', { body: shop.order(), key: shop.key })).status === 201, 5_000);
    assert.deepEqual(await used(account), [100, 1]);
  });

  it('that is lowered while it is in use holds at once', async () => {
    const shop = await someBranches(world, 2);
    const [limited, rest] = shop.ids as [string, string];
    const quota = (amount_fen_max: number) => shop.terms(limited, { quotas: [{ per: 'day', of: 'account', amount_fen_max }] });
    await quota(10_000);
    await shop.create({ amount_fen: 600 });
    await quota(700);
    assert.equal((await shop.create({ amount_fen: 101 })).attempt.channel_account_id, rest);
    assert.equal((await shop.create({ amount_fen: 100 })).attempt.channel_account_id, limited);
  });
});
