import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { aShop } from '../../recon/testing/shop.ts';
import { aWorld, type World } from '../../testing/world.ts';

let world: World;
before(async () => {
  world = await aWorld();
});
after(() => world.close());

it('what a channel charged is what its bill says, once the day is matched', async () => {
  const shop = aShop(world, 'wechatpay');
  const day = shop.today();
  for (const amount_fen of [10_000, 5_000]) await shop.pay({ amount_fen });
  const costs = async (key = world.key) => {
    const { status, body, text } = await world.flow(world.api('GET', `/v1/routing/costs?from=${day}&to=${day}`, { key }));
    assert.equal(status, 200, text);
    return body.rows.map((row: Record<string, unknown>) => [row.channel, row.method, row.count, row.amount_fen, row.charged_fee_fen]);
  };
  assert.deepEqual(await costs(), [['wechatpay', 'wechat_qr', 2, 15_000, null]], 'WeChat Pay tells no fee with a payment');
  await shop.billDay(day);
  assert.deepEqual(await costs(), [['wechatpay', 'wechat_qr', 2, 15_000, 90]]);
  const other = await world.newMerchant('第二家');
  assert.deepEqual(await costs(other.key), []);
});
