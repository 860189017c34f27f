import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { aWorld, type World } from '../testing/world.ts';
import { onRoad } from './testing/road.ts';
import { newShop, type Shop } from './testing/shop.ts';
import { passTime, passTimeUntil } from './testing/time.ts';

let world: World;
before(async () => {
  world = await aWorld();
});
after(() => world.close());

/** The others' first question is due within seconds; this is long beside it. */
const within = { virtual_ms: 120_000 };

/** More than a node asks about at once. */
const hanging_payments = 40;

describe('L-08 a channel account whose gateway hangs', () => {
  it('keeps nobody else waiting, and no question of its own counts before it is asked', async (t) => {
    const [hanging, other] = [await newShop(world), await newShop(world)];
    const gate = Promise.withResolvers<void>();
    t.after(() => gate.resolve());
    const asked = { hanging: 0, other: 0 };
    onRoad(t, hanging, 'query', async (send, nth) => {
      asked.hanging = nth;
      await gate.promise;
      return send();
    });
    onRoad(t, other, 'query', (send, nth) => {
      asked.other = nth;
      return send();
    });
    // Those of the hanging account are due first.
    for (let made = 0; made < hanging_payments; made++) await hanging.create();
    await other.create();
    await passTimeUntil(world, () => asked.other > 0, within);
    await passTimeUntil(world, async () => asked.hanging > 0 && (await triesOf(hanging)).tries === asked.hanging, within);
    assert.ok(asked.hanging < hanging_payments, `${asked.hanging} questions are under way`);

    gate.resolve();
    await passTimeUntil(world, async () => (await triesOf(hanging)).untouched === 0, within);
    await passTime(world, 5_000);
    assert.equal((await triesOf(hanging)).tries, asked.hanging);
  });
});

async function triesOf({ merchant }: Shop): Promise<{ tries: number; untouched: number }> {
  const rows = await world.ctx.db.kysely.selectFrom('attempts').select('query_tries').where('merchant_id', '=', merchant.id).execute();
  return {
    tries: rows.reduce((sum, { query_tries }) => sum + query_tries, 0),
    untouched: rows.filter(({ query_tries }) => query_tries === 0).length,
  };
}
