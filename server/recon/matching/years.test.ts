import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sql } from 'kysely';
import { aWorld, type World } from '../../testing/world.ts';
import type { Trx } from '../bills/store.ts';
import { beginFound, readSettled } from '../exceptions/store.ts';
import { aLongMerchant, assertFew, readSoFar } from '../testing/years.ts';
import * as store from './store.ts';

let world: World;
let run: store.Run;
let of_day: Awaited<ReturnType<typeof aLongMerchant>>['of_day'];
before(async () => {
  world = await aWorld();
  ({ run, of_day } = await aLongMerchant(world));
});
after(() => world.close());

/** Does it, undoes it, and tells what it has read. */
async function undone(of: store.Run, work: (trx: Trx) => Promise<void>): Promise<Record<string, number>> {
  let read: Record<string, number> = {};
  const undo = new Error('undo');
  await assert.rejects(
    store.inMatching(world.ctx, of, async (trx) => {
      const earlier = await readSoFar(trx);
      await work(trx);
      read = Object.fromEntries(Object.entries(await readSoFar(trx)).map(([table, rows]) => [table, rows - (earlier[table] ?? 0)]));
      throw undo;
    }),
    (error) => error === undo,
  );
  return read;
}

describe('a merchant of three years', () => {
  for (const is_large of [false, true]) {
    const size = is_large ? 'large' : 'small';
    it(`what a ${size} day misses is found without reading the years`, async () => {
      const found: string[] = [];
      const read = await undone({ ...run, is_large }, async (trx) => {
        await store.gatherMissing(trx, { ...run, is_large });
        found.push(...(await store.readMissing(trx, 0n, 100)).map(({ object_id }) => object_id));
      });
      assert.deepEqual(found, of_day.missing);
      assertFew(read);
    });

    it(`what a ${size} day settles is found without reading the years`, async () => {
      let settled: unknown;
      const read = await undone({ ...run, is_large }, async (trx) => {
        await beginFound(trx);
        await store.gatherMissing(trx, { ...run, is_large });
        settled = await readSettled(trx, run, []);
      });
      assert.deepEqual(settled, [{ id: of_day.settled, resolution: 'matched' }]);
      assertFew(read);
    });

    it(`matches of a ${size} day's superseded bill are dropped without reading the years`, async () => {
      let left: unknown;
      const read = await undone({ ...run, is_large }, async (trx) => {
        await store.dropSuperseded(trx, { ...run, is_large });
        left = (await sql`select 1 from recon_matches where merchant_id = ${run.merchant_id} and bill_id = ${of_day.superseded_bill}`.execute(trx)).rows;
      });
      assert.deepEqual(left, []);
      assertFew(read);
    });
  }
});
