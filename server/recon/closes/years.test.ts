import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { aWorld, type World } from '../../testing/world.ts';
import { inWeighing } from '../days/store.ts';
import { aLongMerchant, assertFew, readSoFar } from '../testing/years.ts';
import { listAccounts, readWhole } from './store.ts';

let world: World;
before(async () => {
  world = await aWorld();
});
after(() => world.close());

it('a day of a merchant of three years is weighed as a whole without reading the years', async () => {
  const { run } = await aLongMerchant(world);
  const { merchant_id, channel_account_id, biz_date } = run;
  const day = { merchant_id, biz_date, livemode: false };
  await readFew(async (trx) => assert.deepEqual(await readWhole(trx, day, 'payment'), { ours_fen: 9200n, ledger_fen: 9200n }));
  await readFew(async (trx) => assert.deepEqual(await readWhole(trx, day, 'refund'), { ours_fen: 300n, ledger_fen: 300n }));
  await readFew(async (trx) =>
    assert.deepEqual(
      (await listAccounts(trx, day)).map((account) => account.channel_account_id),
      [channel_account_id],
    ),
  );
});

const readFew = (work: (trx: Parameters<typeof readSoFar>[0]) => Promise<void>): Promise<void> =>
  inWeighing(world.ctx, async (trx) => {
    const earlier = await readSoFar(trx);
    await work(trx);
    assertFew(Object.fromEntries(Object.entries(await readSoFar(trx)).map(([table, rows]) => [table, rows - (earlier[table] ?? 0)])));
  });
