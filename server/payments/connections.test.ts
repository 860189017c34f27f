import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { until } from '../testing/until.ts';
import { type ApiAnswer, aWorld, type World } from '../testing/world.ts';
import { type Shop, shopOf } from './testing/shop.ts';

/** The nodes have one connection: whoever kept it while a channel is asked would keep everybody waiting. */
let world: World;
let shop: Shop;
before(async () => {
  world = await aWorld({ ctx: { config: { database_pool_max: 1 } } });
  shop = shopOf(world);
});
after(() => world.close());

type Asking = readonly [on: string, ask: () => Promise<() => Promise<ApiAnswer>>];
const asking: readonly Asking[] = [
  ['pay', async () => () => shop.ask('/v1/payments', shop.order())],
  ['query', async () => afterCreate((id) => shop.ask(`/v1/payments/${id}/sync`, {}))],
  ['close', async () => afterCreate((id) => shop.ask(`/v1/payments/${id}/close`, {}))],
  [
    'refund',
    async () => {
      const { id } = await shop.paid();
      return () => shop.ask('/v1/refunds', shop.refundOrder(id, 40));
    },
  ],
];

async function afterCreate(ask: (payment_id: string) => Promise<ApiAnswer>): Promise<() => Promise<ApiAnswer>> {
  const { id } = await shop.create();
  return () => ask(id);
}

describe('no connection of the database is held while a channel is asked', () => {
  for (const [on, prepare] of asking) {
    it(`to ${on}`, async () => {
      const ask = await prepare();
      world.inject('wechatpay', { kind: 'slow', on, ms: 2_000 });
      const before_count = world.asked.length;
      // Time stands still, so the gateway does not answer.
      const asked = ask();
      await until('the gateway has the call', () => world.asked.length > before_count);
      const listed = await world.api('GET', '/v1/payments');
      assert.equal(listed.status, 200, listed.text);
      assert.equal(await Promise.race([asked, 'still asked']), 'still asked');
      assert.ok((await world.flow(asked)).status < 300);
    });
  }
});

it('nobody who holds a connection waits for a second one: plates are bound and devices paired with the only one', async () => {
  const store_id = (await shop.made('/v1/stores', { name: '一店' })).id;
  const aTerminal = async (kind: string) => (await shop.made('/v1/terminals', { store_id, name: kind, kind })).id;
  const { code } = await shop.made(`/v1/terminals/${await aTerminal('pos')}/pairing_codes`, {});
  const paired = await world.flow(world.api('POST', '/pos/api/pair', { body: { code, device_name: '收银机' } }));
  assert.equal(paired.status, 201, paired.text);
  await shop.made('/v1/plate_batches', { name: '台牌', count: 1 });
  const [plate] = (await world.flow(world.api('GET', '/v1/plates'))).body.data;
  assert.equal((await shop.made(`/v1/plates/${plate.id}/bind`, { terminal_id: await aTerminal('plate') })).state, 'active');
});
