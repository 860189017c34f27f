import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { channels } from '../../channels/registry.ts';
import { simulators } from '../../channels/simulators.ts';
import { brokenOf } from '../../testing/invariants.ts';
import { aWorld, type World } from '../../testing/world.ts';
import { newShop, type Shop, type ShownPayment } from '../testing/shop.ts';
import { passTimeUntil } from '../testing/time.ts';

/** Without bills: one closes its orders, at the other only time ends them. */
const unbilled = ['lakala', 'epay'] as const;
const minute_ms = 60_000;
const hour_ms = 60 * minute_ms;

let world: World;
before(async () => {
  world = await aWorld({ simulators: simulators.filter(({ channel }) => [...unbilled, 'unionpay'].includes(channel)) });
});
after(() => world.close());

async function closedOrder(shop: Shop, channel: string): Promise<ShownPayment> {
  const payment = await shop.create({ method: 'alipay_qr', channel_account_id: shop.accounts.get(channel), expires_in_s: 600 });
  await passTimeUntil(world, async () => (await shop.retrieve(payment.id)).state === 'closed', { step_ms: 5_000, virtual_ms: hour_ms });
  return payment;
}

/** The payer's wallet was open all the while; nobody is ever told. */
async function payUntold({ attempt: { channel, channel_order_no } }: ShownPayment): Promise<void> {
  const simulator = world.simulators.get(channel);
  const known_as = channels.get(channel)?.shortNo?.(channel_order_no) ?? channel_order_no;
  simulator?.inject({ kind: 'notify_lost', on: 'notify' });
  assert.equal((await simulator?.act(known_as, { do: 'pay', late: true }))?.done, true);
}

async function nextQuestion({ attempt }: ShownPayment): Promise<Date | null> {
  const row = await world.ctx.db.kysely.selectFrom('attempts').select('next_query_at').where('id', '=', attempt.id).executeTakeFirstOrThrow();
  return row.next_query_at;
}

/** The clock goes to the next question at once, and the question is asked. */
async function askNext(payment: ShownPayment): Promise<number> {
  const due = await nextQuestion(payment);
  assert.ok(due, 'it is asked about again');
  world.clock.advance(due.getTime() - world.clock.now().getTime());
  await passTimeUntil(world, async () => (await nextQuestion(payment))?.getTime() !== due.getTime(), { step_ms: 100 });
  await world.flow(new Promise((resolve) => setTimeout(resolve, 200)));
  return due.getTime();
}

const refunds = async (shop: Shop, { id }: ShownPayment) => (await shop.refundsOf(id)).map(({ cause, state }) => `${cause} ${state}`).join();

describe('money that came to a closed order and of which nobody was told', () => {
  for (const channel of unbilled) {
    for (const asked of [0, 1, 2]) {
      it(`CF-10 CF-19 at ${channel}, which has no bill, is found by question ${asked + 1} and goes back`, async () => {
        assert.equal(channels.get(channel)?.bills, undefined);
        const shop = await newShop(world);
        const payment = await closedOrder(shop, channel);
        for (let question = 0; question < asked; question++) await askNext(payment);
        await payUntold(payment);
        await askNext(payment);
        await passTimeUntil(world, async () => (await refunds(shop, payment)) === 'late succeeded', { step_ms: 5_000, virtual_ms: hour_ms });
        assert.deepEqual(shop.truth(payment), { charges: 1, returned_fen: 100 });
        assert.ok((await shop.events(payment.id)).includes('payment.late_received'));
        assert.equal(await nextQuestion(payment), null);
        assert.deepEqual(await brokenOf(world.ctx, 'I-20'), []);
      });
    }
  }

  it('is asked about soon after the close, and six hours and a day and two hours after its time, and then no more', async () => {
    const shop = await newShop(world);
    const payment = await closedOrder(shop, 'lakala');
    const closed_ms = new Date((await shop.retrieve(payment.id)).closed_at ?? '').getTime();
    const asked = [await askNext(payment), await askNext(payment), await askNext(payment)];
    const end_ms = new Date(payment.expires_at).getTime();
    assert.ok(Math.abs((asked[0] as number) - closed_ms - 30 * minute_ms) < 1_000);
    assert.deepEqual(asked.slice(1), [end_ms + 6 * hour_ms, end_ms + 26 * hour_ms]);
    assert.equal(await nextQuestion(payment), null);
    assert.deepEqual([(await shop.retrieve(payment.id)).state, await shop.anomalies(payment.id)], ['closed', []]);
  });

  it('is asked about again when the gateway said nothing of it', async () => {
    const shop = await newShop(world);
    const payment = await closedOrder(shop, 'lakala');
    const first = await nextQuestion(payment);
    world.inject('lakala', { kind: 'unlisted_code', on: 'query', times: 1 });
    const asked_ms = await askNext(payment);
    assert.equal(asked_ms, first?.getTime());
    const again = await nextQuestion(payment);
    assert.ok(again && again.getTime() - asked_ms <= 31 * minute_ms, `not before ${again?.toISOString()}`);
    await payUntold(payment);
    await passTimeUntil(world, async () => (await refunds(shop, payment)) === 'late succeeded', { step_ms: 20_000, virtual_ms: hour_ms });
  });

  it('is left to the bill where the channel has one: nothing is due', async () => {
    const shop = await newShop(world);
    assert.ok(channels.get('unionpay')?.bills);
    const payment = await shop.create({ method: 'unionpay_qr', channel_account_id: shop.accounts.get('unionpay'), expires_in_s: 600 });
    await passTimeUntil(world, async () => (await shop.retrieve(payment.id)).state === 'closed', { step_ms: 5_000, virtual_ms: hour_ms });
    assert.equal(await nextQuestion(payment), null);
  });
});
