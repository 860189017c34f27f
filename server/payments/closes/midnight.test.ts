import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { channels } from '../../channels/registry.ts';
import { simulators } from '../../channels/simulators.ts';
import { bizDate } from '../../kernel/time.ts';
import { aWorld, type World } from '../../testing/world.ts';
import { newShop, type Shop, type ShownPayment } from '../testing/shop.ts';
import { passTime, passTimeUntil } from '../testing/time.ts';

/** Gateways that undo a payment code on the day of its order alone. */
const of_the_day = ['bestpay', 'fuiou'] as const;

let world: World;
before(async () => {
  world = await aWorld({ simulators: simulators.filter(({ channel }) => (of_the_day as readonly string[]).includes(channel)) });
});
after(() => world.close());

/** Half a minute before the day of Shanghai ends: the till's patience ends on the next one. */
function untilMidnight(): void {
  const now = world.clock.now();
  const midnight_ms = new Date(`${bizDate(now)}T00:00:00+08:00`).getTime() + 86_400_000;
  world.clock.advance(midnight_ms - 30_000 - now.getTime());
}

async function confirm({ attempt: { channel, channel_order_no } }: ShownPayment): Promise<boolean | undefined> {
  const known_as = channels.get(channel)?.shortNo?.(channel_order_no) ?? channel_order_no;
  return (await world.simulators.get(channel)?.act(known_as, { do: 'pay' }))?.done;
}

const states = async (shop: Shop, { id }: ShownPayment) => (await shop.refundsOf(id)).map(({ cause, state }) => `${cause} ${state}`);

describe('a payment code that is given up after midnight', () => {
  for (const channel of of_the_day) {
    it(`CF-19 at ${channel}, which reverses no order of yesterday, is refunded when its payer confirms after all`, async () => {
      const shop = await newShop(world);
      untilMidnight();
      const auth_code = shop.paymentCode(channel, 'asks_password');
      const payment = await shop.create({ method: 'barcode', auth_code, channel_account_id: shop.accounts.get(channel) });
      await passTime(world, 75_000);
      assert.equal((await shop.retrieve(payment.id)).attempt.state, 'waiting', 'nobody could undo it');
      assert.equal(await confirm(payment), true);
      await passTimeUntil(world, async () => (await states(shop, payment)).join() === 'late succeeded', { step_ms: 5_000, virtual_ms: 7_200_000 });
      assert.deepEqual(shop.truth(payment), { charges: 1, returned_fen: 100 });
      assert.deepEqual(await shop.anomalies(payment.id), []);
    });
  }
});
