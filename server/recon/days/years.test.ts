import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { dayStart } from '../../channels/bill.ts';
import { addMs, bizDate } from '../../kernel/time.ts';
import { aWorld, type World } from '../../testing/world.ts';
import { aLongMerchant, assertFew, readSoFar } from '../testing/years.ts';
import { inWeighing, readSide } from './store.ts';

let world: World;
type Day = Parameters<typeof readSide>[1];
let today: Day;
let long_ago: Day;
before(async () => {
  world = await aWorld();
  const { run } = await aLongMerchant(world);
  const { merchant_id, channel_account_id, biz_date } = run;
  today = { merchant_id, channel_account_id, biz_date, livemode: false, bill_id: 'bil_day' };
  long_ago = { ...today, biz_date: bizDate(addMs(dayStart(biz_date), -(30 + 990) * 86_400_000)), bill_id: 'bil_990' };
});
after(() => world.close());

const none = { bill_fen: 0n, elsewhere_fen: 0n, others_fen: 0n, ours_alone_fen: 0n, bill_alone_fen: 0n };
const days: readonly { readonly name: string; readonly day: () => Day; readonly payment: unknown; readonly refund: unknown }[] = [
  {
    // 92 were paid that day; one is in another bill, and one of another day is in this bill.
    name: 'today',
    day: () => today,
    payment: { ...none, ours_fen: 9200n, ledger_fen: 9200n, elsewhere_fen: 100n, others_fen: 100n, ours_alone_fen: 0n },
    refund: { ...none, ours_fen: 300n, ledger_fen: 300n },
  },
  {
    name: 'a day of three years ago',
    day: () => long_ago,
    payment: { ...none, ours_fen: 1200n, ledger_fen: 1200n },
    refund: { ...none, ours_fen: 600n, ledger_fen: 600n },
  },
];

describe('a merchant of three years', () => {
  for (const { name, day, ...sides } of days) {
    for (const side of ['payment', 'refund'] as const) {
      it(`weighs the ${side}s of ${name} without reading the years`, async () => {
        const { sums, read } = await inWeighing(world.ctx, async (trx) => {
          const earlier = await readSoFar(trx);
          const sums = await readSide(trx, day(), side);
          const read = Object.fromEntries(Object.entries(await readSoFar(trx)).map(([table, rows]) => [table, rows - (earlier[table] ?? 0)]));
          return { sums, read };
        });
        assert.deepEqual(sums, sides[side]);
        assertFew(read);
      });
    }
  }
});
