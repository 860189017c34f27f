import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fenToNumber } from '../kernel/money.ts';
import { aWorld, type World } from '../testing/world.ts';
import { setPrice } from './service.ts';

let world: World;
before(async () => {
  world = await aWorld({ simulators: [] });
});
after(() => world.close());

describe('prices by API', () => {
  it('are shown to their merchant alone, in its mode, last set first, page by page and by what they are for', async () => {
    const { ctx, clock, merchant, newMerchant, newKey } = world;
    const other = await newMerchant('邻店');
    const key = await newKey(merchant.id, true, ['prices:read']);
    const get = async (query: string) => {
      const answer = await world.api('GET', `/v1/prices${query}`, { key });
      assert.equal(answer.status, 200, answer.text);
      return answer.body;
    };
    assert.deepEqual(await get(''), { data: [], next_cursor: null });

    const set = async (fields: object) => {
      clock.advance(1_000);
      return await setPrice(ctx, { merchant_id: merchant.id, livemode: true, terms: { tiers: [{ rate_ppm: 6_000 }] }, ...fields });
    };
    const tiers = [
      { rate_ppm: 6_000, min_fen: 1 },
      { from_fen: 1_000_000, rate_ppm: 3_800, per_item_fen: 2, max_fen: 5_000 },
    ];
    const all = await set({ terms: { rounding: 'down', refund: 'kept', tiers }, effective_from: new Date('2030-01-01T00:00:00+08:00') });
    const by_method = await set({ method: 'wechat_qr' });
    const by_channel = await set({ channel: 'wechatpay' });
    await set({ livemode: false });
    await set({ merchant_id: other.merchant.id });

    const ids = ({ data }: { data: readonly { id: string }[] }) => data.map(({ id }) => id);
    const page = await get('');
    assert.deepEqual([ids(page), page.next_cursor], [[by_channel.id, by_method.id, all.id], null]);
    assert.deepEqual(page.data[2], {
      object: 'price',
      id: all.id,
      livemode: true,
      channel: null,
      method: null,
      rounding: 'down',
      refund: 'kept',
      tiers: all.price.tiers.map(({ from_fen, rate_ppm, per_item_fen, min_fen, max_fen }) => ({
        from_fen: fenToNumber(from_fen),
        rate_ppm,
        per_item_fen: fenToNumber(per_item_fen),
        min_fen: fenToNumber(min_fen),
        max_fen: max_fen === null ? null : fenToNumber(max_fen),
      })),
      effective_from: '2029-12-31T16:00:00.000Z',
      created_at: all.created_at.toISOString(),
    });
    assert.deepEqual(page.data[2].tiers[1], { from_fen: 1_000_000, rate_ppm: 3_800, per_item_fen: 2, min_fen: 0, max_fen: 5_000 });

    const begun = await get('?limit=2');
    assert.deepEqual(ids(begun), [by_channel.id, by_method.id]);
    assert.deepEqual(ids(await get(`?limit=2&cursor=${begun.next_cursor}`)), [all.id]);
    assert.deepEqual(ids(await get('?method=wechat_qr')), [by_method.id]);
    assert.deepEqual(ids(await get('?channel=wechatpay')), [by_channel.id]);
    assert.deepEqual(ids((await world.api('GET', '/v1/prices', { key: other.key })).body), []);
    assert.deepEqual(ids((await world.api('GET', '/v1/prices', { key: world.key })).body).length, 1);
  });

  it('are refused to a key without their scope, of a method that there is not, and are set by nobody over the API', async () => {
    const key = await world.newKey(world.merchant.id, false, ['statements:read']);
    const code = async (method: 'GET' | 'POST', path: string, options = {}) => (await world.api(method, path, options)).body.error.code;
    assert.equal(await code('GET', '/v1/prices', { key }), 'scope_missing');
    assert.equal(await code('GET', '/v1/prices?method=constructor'), 'parameter_invalid');
    assert.equal((await world.api('POST', '/v1/prices', { body: { terms: { tiers: [{}] } } })).status, 405);
  });
});
