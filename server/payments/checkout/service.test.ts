import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { CreateAttemptBody } from '@heliu/contract';
import { aWorld, type World } from '../../testing/world.ts';
import { findById } from '../store.ts';
import { onRoad } from '../testing/road.ts';
import { newShop } from '../testing/shop.ts';
import { tryFromPage } from './service.ts';

let world: World;
before(async () => {
  world = await aWorld({ nodes: 2 });
});
after(() => world.close());

it('tells a payer what there is when one unanswered order of others after the other keeps the page, and makes no order beside them', async (t) => {
  const shop = await newShop(world);
  const { id } = (await shop.post('/v1/payments', shop.order({ method: 'qr' }))).body;
  const own = await findById(world.ctx, shop.merchant.id, id);
  assert.ok(own);
  const unknown = () => Promise.resolve({ fact: { is: 'unknown' as const, cause: 'timeout' as const }, exchange: undefined });
  onRoad(t, shop, 'pay', unknown);
  onRoad(t, shop, 'query', unknown);
  const press = (node: number, body: CreateAttemptBody) => {
    const { ctx } = world.nodes[node] as World['nodes'][number];
    return tryFromPage(ctx, own, body);
  };
  await world.flow(press(0, { method: 'wechat_qr' }));
  // One of them has its turn after 20 s, and the other one would have it 20 s later.
  const [first, second] = await world.flow(Promise.all([press(0, { method: 'alipay_qr' }), press(1, { method: 'wechat_h5', payer_ip: '203.0.113.9' })]));
  const states = (seen: typeof first) => seen.attempts.map(({ state }) => state);
  assert.deepEqual(
    [states(first), states(second)],
    [
      ['sending', 'sending'],
      ['sending', 'sending'],
    ],
  );
});
